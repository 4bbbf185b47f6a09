//! The tools, in a strip beside the viewports.

use std::f32::consts::{PI, TAU};

use eframe::egui::{self, Color32, Painter, Pos2, Role, Sense, Shape, Stroke, Vec2, WidgetInfo, vec2};

use super::annotate;
use super::command::Command;
use super::desk::Desk;
use super::text::{self, tr};
use super::theme;
use super::tool::Tool;

const BUTTON: Vec2 = vec2(32.0, 30.0);

/// Between two buttons, and between them and the edges of the strip.
const GAP: f32 = 3.0;
pub const MARGIN: f32 = 6.0;

/// How many buttons lie side by side in a strip of this height: two where one row would be cut.
fn columns(height: f32) -> usize {
    let count = Tool::ALL.len() + Tool::DRAWING.len();
    if count as f32 * (BUTTON.y + GAP) <= height { 1 } else { 2 }
}

/// The width of a strip of this height.
pub fn width(height: f32) -> f32 {
    let columns = columns(height) as f32;
    2.0 * MARGIN + columns * BUTTON.x + (columns - 1.0) * GAP
}

/// `height` is that of the strip, as [`width`] was told.
pub fn show(desk: &Desk, height: f32, ui: &mut egui::Ui, commands: &mut Vec<Command>) {
    ui.spacing_mut().item_spacing = Vec2::splat(GAP);
    let tools: Vec<Tool> = Tool::ALL.into_iter().chain(Tool::DRAWING).collect();
    egui::ScrollArea::vertical().auto_shrink(true).show(ui, |ui| {
        for row in tools.chunks(columns(height)) {
            ui.horizontal(|ui| row.iter().for_each(|&tool| button(tool, desk, ui, commands)));
        }
    });
}

fn button(tool: Tool, desk: &Desk, ui: &mut egui::Ui, commands: &mut Vec<Command>) {
    let may = !(desk.watches && tool.drives());
    let (rect, response) = ui.allocate_exact_size(BUTTON, if may { Sense::click() } else { Sense::hover() });
    let chosen = may && tool == desk.tool;
    response.widget_info(|| WidgetInfo::selected(Role::RadioButton, may, chosen, text::of(tool.name())));
    let fill = match (chosen, may && response.hovered() || response.has_focus()) {
        (true, _) => theme::accent_fill(),
        (false, true) => theme::hovered(),
        (false, false) => Color32::TRANSPARENT,
    };
    ui.painter().rect_filled(rect, 5.0, fill);
    if response.has_focus() {
        let stroke = Stroke::new(1.5, theme::accent());
        ui.painter().rect_stroke(rect.shrink(1.0), 5.0, stroke, egui::StrokeKind::Inside);
    }
    let color = match may {
        false => theme::text().gamma_multiply(ui.visuals().disabled_alpha()),
        true if chosen || response.hovered() => theme::strong(),
        true => theme::text(),
    };
    icon(tool, ui.painter(), rect.center(), color);
    let response = response.on_hover_ui_at_pointer(|ui| {
        ui.strong(text::of(tool.name()));
        ui.label(if may { text::of(tool.hint()).into() } else { tr!("guest-only-watches") });
    });
    if response.clicked() {
        commands.push(Command::SetTool(tool));
    }
}

/// A sign about 18 points wide.
fn icon(tool: Tool, painter: &Painter, center: Pos2, color: Color32) {
    let stroke = Stroke::new(1.4, color);
    let at = |x: f32, y: f32| center + vec2(x, y);
    let line = |from: Pos2, to: Pos2| {
        painter.line_segment([from, to], stroke);
    };
    let arrow = |tip: Pos2, towards: Vec2| {
        for side in [-0.6, 0.6] {
            let barb = Vec2::angled(towards.angle() + PI + side) * 4.0;
            painter.line_segment([tip, tip + barb], stroke);
        }
    };
    match tool {
        Tool::Window => {
            painter.circle_stroke(center, 7.5, stroke);
            let half = (0..=16).map(|i| center + Vec2::angled(PI / 2.0 + PI * i as f32 / 16.0) * 7.5);
            painter.add(Shape::convex_polygon(half.collect(), color, Stroke::NONE));
        }
        Tool::Scroll => {
            for y in [-3.0, 0.0, 3.0] {
                line(at(-7.0, y), at(2.0, y));
            }
            line(at(6.0, -7.0), at(6.0, 7.0));
            arrow(at(6.0, -7.5), vec2(0.0, -1.0));
            arrow(at(6.0, 7.5), vec2(0.0, 1.0));
        }
        Tool::Pan => {
            for direction in [vec2(1.0, 0.0), vec2(-1.0, 0.0), vec2(0.0, 1.0), vec2(0.0, -1.0)] {
                line(center, center + direction * 7.5);
                arrow(center + direction * 8.0, direction);
            }
        }
        Tool::Zoom => {
            painter.circle_stroke(at(-1.5, -1.5), 5.5, stroke);
            line(at(2.6, 2.6), at(7.5, 7.5));
            line(at(-4.0, -1.5), at(1.0, -1.5));
            line(at(-1.5, -4.0), at(-1.5, 1.0));
        }
        Tool::Rotate => {
            let arc = (0..=20).map(|i| center + Vec2::angled(-PI / 2.0 + TAU * 0.78 * i as f32 / 20.0) * 7.0);
            painter.add(Shape::line(arc.collect(), stroke));
            arrow(at(0.0, -7.0) + vec2(-1.0, 0.0), vec2(-1.0, 0.0));
        }
        Tool::Magnifier => {
            painter.circle_stroke(at(-1.5, -1.5), 6.0, stroke);
            line(at(3.0, 3.0), at(7.5, 7.5));
            painter.circle_filled(at(-1.5, -1.5), 2.4, color);
        }
        Tool::Crosshair => {
            for direction in [vec2(1.0, 0.0), vec2(-1.0, 0.0), vec2(0.0, 1.0), vec2(0.0, -1.0)] {
                line(center + direction * 3.0, center + direction * 8.5);
            }
            painter.circle_filled(center, 1.2, color);
        }
        Tool::Annotate(tool) => annotate::paint_icon(tool, painter, center, color),
        Tool::Curve => {
            let wave = (0..=20).map(|i| at(i as f32 * 0.8 - 8.0, -(i as f32 / 20.0 * TAU).sin() * 5.0));
            painter.add(Shape::line(wave.collect(), stroke));
            for (x, y) in [(-8.0, 0.0), (0.0, 0.0), (8.0, 0.0)] {
                painter.circle_filled(at(x, y), 2.0, color);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_column_comes_where_one_would_be_cut() {
        let count = (Tool::ALL.len() + Tool::DRAWING.len()) as f32;
        let whole = count * (BUTTON.y + GAP);
        assert_eq!([columns(whole + 1.0), columns(whole - 1.0), columns(100.0)], [1, 2, 2]);
        assert_eq!(width(whole - 1.0) - width(whole + 1.0), BUTTON.x + GAP);
    }
}
