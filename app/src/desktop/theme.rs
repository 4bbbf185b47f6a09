//! Colours, sizes and spacing of the window.
//!
//! A dark, almost neutral grey: a reading room is dark, and a tint would shift how greys look.
//! Text on every fill has a contrast of at least 4.5:1.

use eframe::egui::{
    self, Color32, CornerRadius, FontFamily, FontId, Margin, Shadow, Stroke, TextStyle, vec2,
};

pub const PANEL: Color32 = Color32::from_rgb(27, 30, 34);
pub const RAISED: Color32 = Color32::from_rgb(40, 44, 50);
pub const HOVERED: Color32 = Color32::from_rgb(52, 58, 66);
pub const LINE: Color32 = Color32::from_rgb(49, 54, 61);
pub const TEXT: Color32 = Color32::from_rgb(222, 226, 231);
pub const STRONG: Color32 = Color32::from_rgb(247, 249, 251);
pub const WEAK: Color32 = Color32::from_rgb(154, 162, 172);
pub const ACCENT: Color32 = Color32::from_rgb(92, 176, 232);
pub const ACCENT_FILL: Color32 = Color32::from_rgb(28, 74, 107);
pub const WARNING: Color32 = Color32::from_rgb(242, 184, 75);
pub const ERROR: Color32 = Color32::from_rgb(255, 138, 128);
pub const ERROR_FILL: Color32 = Color32::from_rgb(66, 33, 34);
pub const WARNING_FILL: Color32 = Color32::from_rgb(58, 46, 24);

/// Written over pictures.
pub const OVERLAY: Color32 = Color32::from_rgb(226, 230, 234);
pub const OVERLAY_WEAK: Color32 = Color32::from_rgb(168, 176, 186);

/// The colours that tell the three planes apart, as radiologists know them from other viewers.
pub const AXIAL: Color32 = Color32::from_rgb(240, 110, 96);
pub const CORONAL: Color32 = Color32::from_rgb(112, 200, 120);
pub const SAGITTAL: Color32 = Color32::from_rgb(235, 200, 85);
pub const VOLUME: Color32 = Color32::from_rgb(122, 172, 240);

/// Height of a button: large enough to hit without aiming (WCAG 2.5.8).
pub const TARGET: f32 = 26.0;

pub fn apply(ctx: &egui::Context) {
    ctx.set_theme(egui::Theme::Dark);
    ctx.all_styles_mut(|style| {
        style.text_styles = [
            (TextStyle::Small, 12.0),
            (TextStyle::Body, 13.5),
            (TextStyle::Button, 13.5),
            (TextStyle::Heading, 18.0),
        ]
        .into_iter()
        .map(|(name, size)| (name, FontId::new(size, FontFamily::Proportional)))
        .chain([(TextStyle::Monospace, FontId::new(12.5, FontFamily::Monospace))])
        .collect();
        style.animation_time = 0.08;
        style.interaction.selectable_labels = false;
        style.interaction.tooltip_delay = 0.35;

        let spacing = &mut style.spacing;
        spacing.item_spacing = vec2(8.0, 6.0);
        spacing.button_padding = vec2(9.0, 4.0);
        spacing.interact_size = vec2(TARGET, TARGET);
        spacing.window_margin = Margin::same(16);
        spacing.menu_margin = Margin::same(6);
        spacing.tooltip_width = 420.0;
        spacing.combo_width = 110.0;

        let visuals = &mut style.visuals;
        *visuals = egui::Visuals::dark();
        visuals.panel_fill = PANEL;
        visuals.window_fill = PANEL;
        visuals.window_stroke = Stroke::new(1.0, LINE);
        visuals.window_corner_radius = CornerRadius::same(8);
        visuals.menu_corner_radius = CornerRadius::same(6);
        visuals.window_shadow =
            Shadow { offset: [0, 8], blur: 24, spread: 0, color: Color32::from_black_alpha(140) };
        visuals.popup_shadow =
            Shadow { offset: [0, 4], blur: 12, spread: 0, color: Color32::from_black_alpha(120) };
        visuals.extreme_bg_color = Color32::from_rgb(16, 18, 21);
        visuals.faint_bg_color = Color32::from_rgb(32, 36, 41);
        visuals.weak_text_color = Some(WEAK);
        visuals.hyperlink_color = ACCENT;
        visuals.warn_fg_color = WARNING;
        visuals.error_fg_color = ERROR;
        visuals.selection.bg_fill = ACCENT_FILL;
        visuals.selection.stroke = Stroke::new(1.0, STRONG);

        let widgets = &mut visuals.widgets;
        let radius = CornerRadius::same(5);
        for (widget, fill, border, text) in [
            (&mut widgets.noninteractive, PANEL, LINE, TEXT),
            (&mut widgets.inactive, RAISED, Color32::TRANSPARENT, TEXT),
            (&mut widgets.hovered, HOVERED, Color32::from_rgb(78, 86, 97), STRONG),
            (&mut widgets.active, ACCENT_FILL, ACCENT, STRONG),
            (&mut widgets.open, HOVERED, LINE, STRONG),
        ] {
            widget.bg_fill = fill;
            widget.weak_bg_fill = fill;
            widget.bg_stroke = Stroke::new(1.0, border);
            widget.fg_stroke = Stroke::new(1.0, text);
            widget.corner_radius = radius;
            widget.expansion = 0.0;
        }
    });
}

/// Signs that the fonts lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    List,
    /// Opens a menu.
    Menu,
    Close,
    Maximise,
    Restore,
}

impl Icon {
    /// Draws it about 11 points wide.
    pub fn paint(self, painter: &egui::Painter, center: egui::Pos2, color: Color32) {
        let stroke = Stroke::new(1.3, color);
        let square = |offset: egui::Vec2, side: f32| {
            let rect = egui::Rect::from_center_size(center + offset, vec2(side, side));
            painter.rect_stroke(rect, 1.0, stroke, egui::StrokeKind::Middle);
        };
        match self {
            Self::List => {
                for y in [-4.0, 0.0, 4.0] {
                    painter.line_segment([center + vec2(-6.0, y), center + vec2(6.0, y)], stroke);
                }
            }
            Self::Menu => {
                let corners =
                    [vec2(-3.5, -2.0), vec2(3.5, -2.0), vec2(0.0, 2.5)].map(|offset| center + offset);
                painter.add(egui::Shape::convex_polygon(corners.to_vec(), color, Stroke::NONE));
            }
            Self::Close => {
                for (x, y) in [(1.0, 1.0), (1.0, -1.0)] {
                    let arm = vec2(x, y) * 4.0;
                    painter.line_segment([center - arm, center + arm], stroke);
                }
            }
            Self::Maximise => square(vec2(0.0, 0.0), 9.0),
            Self::Restore => {
                square(vec2(-1.5, 1.5), 7.0);
                let corner =
                    [vec2(-2.0, -4.5), vec2(4.5, -4.5), vec2(4.5, 2.0)].map(|offset| center + offset);
                painter.line_segment([corner[0], corner[1]], stroke);
                painter.line_segment([corner[1], corner[2]], stroke);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// WCAG 2.2, relative luminance.
    fn luminance(color: Color32) -> f32 {
        let linear = |c: u8| {
            let c = f32::from(c) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(color.r()) + 0.7152 * linear(color.g()) + 0.0722 * linear(color.b())
    }

    #[test]
    fn text_stands_out_from_what_it_lies_on() {
        for (text, fill) in [
            (TEXT, PANEL),
            (TEXT, RAISED),
            (STRONG, HOVERED),
            (STRONG, ACCENT_FILL),
            (TEXT, ACCENT_FILL),
            (WEAK, PANEL),
            (WEAK, RAISED),
            (ACCENT, PANEL),
            (WARNING, WARNING_FILL),
            (WARNING, PANEL),
            (ERROR, ERROR_FILL),
            (TEXT, ERROR_FILL),
            (OVERLAY_WEAK, Color32::BLACK),
        ] {
            let ratio = (luminance(text) + 0.05) / (luminance(fill) + 0.05);
            assert!(ratio >= 4.5, "{text:?} on {fill:?}: {ratio:.2}");
        }
    }
}
