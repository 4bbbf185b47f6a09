//! Curves over values that are edited by hand: points that are dragged, added and taken away.

use std::ops::RangeInclusive;

use eframe::egui::{
    self, Color32, Id, Key, Pos2, Rect, Response, Role, Sense, Stroke, Ui, WidgetInfo, pos2, vec2,
};
use render_core::scene::track::{Curve, MAX_VALUE, Track};

use super::super::text::tr;
use super::super::theme;
use super::histogram::Histogram;

/// Room to hit a point with the mouse.
const HANDLE: f32 = 16.0;
/// An arrow key moves a point by this part of the axis, and with Shift by a tenth of it.
const KEY_STEP: f32 = 1.0 / 200.0;
const MOST_ZOOM: f32 = 5_000.0;
/// The histogram's.
const BARS: Color32 = Color32::from_gray(70);

/// The values from the left edge of a plot to its right.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axis {
    pub low: f32,
    pub high: f32,
}

impl Axis {
    /// Between two values, with some room beside them. Whatever they are, it has a width: a server may tell any.
    pub fn around(low: f32, high: f32) -> Self {
        let value = |value: f32| if value.is_nan() { 0.0 } else { value.clamp(-MAX_VALUE, MAX_VALUE) };
        let (low, high) = (value(low).min(value(high)), value(low).max(value(high)));
        // Next to large values, small ones have no place in a float.
        let least = (low.abs().max(high.abs()) * 1e-5).max(1e-6);
        let room = ((high - low) * 0.05).max(least);
        Self { low: low - room, high: high + room }
    }

    fn width(self) -> f32 {
        self.high - self.low
    }

    fn x(self, value: f32, rect: Rect) -> f32 {
        rect.left() + (value - self.low) / self.width() * rect.width()
    }

    fn value(self, x: f32, rect: Rect) -> f32 {
        self.low + (x - rect.left()) / rect.width().max(1.0) * self.width()
    }

    /// Zooms about a value; `whole` is as far out as it goes.
    pub fn zoom(&mut self, factor: f32, about: f32, whole: Self) {
        // Narrower than this, neighbouring floats are one.
        let least = whole.low.abs().max(whole.high.abs()) * 1e-6;
        let least = (whole.width() / MOST_ZOOM).max(least).min(whole.width());
        let width = (self.width() / factor).clamp(least, whole.width());
        let part = ((about - self.low) / self.width()).clamp(0.0, 1.0);
        *self = Self::within(about - part * width, width, whole);
    }

    pub fn pan(&mut self, by: f32, whole: Self) {
        *self = Self::within(self.low + by, self.width(), whole);
    }

    fn within(low: f32, width: f32, whole: Self) -> Self {
        // As wide as the whole, rounding may leave less than no room.
        let low = low.clamp(whole.low, (whole.high - width).max(whole.low));
        Self { low, high: low + width }
    }

    pub fn middle(self) -> f32 {
        self.low + self.width() / 2.0
    }
}

/// What a plot is about.
#[derive(Debug)]
pub struct Plot<'a> {
    pub id: Id,
    /// For whom cannot see it, for example `Opacity`.
    pub name: &'a str,
    pub unit: &'a str,
    pub height: f32,
    pub histogram: Option<&'a Histogram>,
}

impl Plot<'_> {
    /// Shows an opacity track and lets it be edited. `colors` fill the area below the curve.
    pub fn edit(
        &self,
        ui: &mut Ui,
        axis: &mut Axis,
        whole: Axis,
        track: &mut Track<1>,
        colors: Option<&Track<3>>,
        selected: &mut Option<usize>,
    ) {
        let (response, rect) = self.canvas(ui, axis, whole);
        let painter = ui.painter_at(rect);
        if let Some(histogram) = self.histogram {
            draw_histogram(&painter, rect, *axis, histogram);
        }
        draw_curve(&painter, rect, *axis, track, colors);
        draw_ends(&painter, rect, *axis, self.unit);
        let y = |level: f32| rect.bottom() - level * rect.height();
        let level = |y: f32| (rect.bottom() - y) / rect.height();
        let place = |point: usize, track: &Track<1>| {
            let point = &track.points()[point];
            pos2(axis.x(point.value, rect), y(point.level[0]))
        };
        for index in 0..track.points().len() {
            let at = place(index, track);
            if !rect.expand(HANDLE).contains(at) {
                continue;
            }
            let level_now = track.points()[index].level[0];
            let label = tr!(
                "look-point",
                name = self.name,
                number = index + 1,
                count = track.points().len(),
                value = value_text(track.points()[index].value, self.unit),
                level = format!("{:.0}", level_now * 100.0)
            );
            let handle = self.handle(ui, index, at, &label);
            if let Some(to) = handle.interact_pointer_pos().filter(|_| handle.dragged()) {
                // A drag never fails: the track stops it at its neighbours.
                let _ = track.move_to(index, axis.value(to.x, rect), [level(to.y)]);
            }
            if let Some([right, up]) = self.arrows(ui, &handle) {
                let value = track.points()[index].value + right * axis.width() * KEY_STEP;
                let _ = track.move_to(index, value, [level_now + up * 2.0 * KEY_STEP]);
            }
            note_selection(&handle, index, selected);
            if removes(ui, &handle) && track.remove(index).is_ok() {
                *selected = None;
                break;
            }
        }
        for index in 0..track.points().len() {
            draw_handle(ui, &painter, place(index, track), *selected == Some(index), self.focused(ui, index));
        }
        if let Some(at) = response.interact_pointer_pos().filter(|_| response.double_clicked())
            && let Ok(change) = track.insert(axis.value(at.x, rect), Some([level(at.y).clamp(0.0, 1.0)]))
        {
            // Its keys work at once.
            ui.memory_mut(|memory| memory.request_focus(self.point_id(change.point)));
            *selected = Some(change.point);
        }
    }

    /// Shows a bar of colours with its stops and lets them be moved.
    pub fn edit_colors(
        &self,
        ui: &mut Ui,
        axis: &mut Axis,
        whole: Axis,
        track: &mut Track<3>,
        selected: &mut Option<usize>,
    ) {
        let (response, rect) = self.canvas(ui, axis, whole);
        let painter = ui.painter_at(rect);
        let mut mesh = egui::Mesh::default();
        let columns = (rect.width() / 2.0).ceil().max(1.0) as usize;
        for column in 0..=columns {
            let x = rect.left() + rect.width() * column as f32 / columns as f32;
            let color = color32(track.at(axis.value(x, rect)));
            mesh.colored_vertex(pos2(x, rect.top()), color);
            mesh.colored_vertex(pos2(x, rect.bottom()), color);
            if column > 0 {
                let first = 2 * column as u32 - 2;
                mesh.add_triangle(first, first + 1, first + 2);
                mesh.add_triangle(first + 1, first + 2, first + 3);
            }
        }
        painter.add(mesh);
        let place = |value: f32, axis: &Axis| pos2(axis.x(value, rect), rect.center().y);
        for index in 0..track.points().len() {
            let point = track.points()[index];
            let at = place(point.value, axis);
            if !rect.expand(HANDLE).contains(at) {
                continue;
            }
            let [red, green, blue] = point.level.map(|part| format!("{:.0}", part * 255.0));
            let label = tr!(
                "look-stop",
                number = index + 1,
                count = track.points().len(),
                value = value_text(point.value, self.unit),
                red = red,
                green = green,
                blue = blue
            );
            let handle = self.handle(ui, index, at, &label);
            if let Some(to) = handle.interact_pointer_pos().filter(|_| handle.dragged()) {
                let _ = track.move_to(index, axis.value(to.x, rect), point.level);
            }
            if let Some([right, _]) = self.arrows(ui, &handle) {
                let _ = track.move_to(index, point.value + right * axis.width() * KEY_STEP, point.level);
            }
            note_selection(&handle, index, selected);
            if removes(ui, &handle) && track.remove(index).is_ok() {
                *selected = None;
                break;
            }
        }
        for (index, point) in track.points().iter().enumerate() {
            let at = place(point.value, axis);
            painter.circle_filled(at, 5.0, color32(point.level));
            draw_handle(ui, &painter, at, *selected == Some(index), self.focused(ui, index));
        }
        if let Some(at) = response.interact_pointer_pos().filter(|_| response.double_clicked())
            && let Ok(change) = track.insert(axis.value(at.x, rect), None)
        {
            // Its keys work at once.
            ui.memory_mut(|memory| memory.request_focus(self.point_id(change.point)));
            *selected = Some(change.point);
        }
    }

    /// The plot's ground: black, as pictures are, and moved by wheel and middle button.
    fn canvas(&self, ui: &mut Ui, axis: &mut Axis, whole: Axis) -> (Response, Rect) {
        let size = vec2(ui.available_width(), self.height);
        let (outer, response) = ui.allocate_exact_size(size, Sense::click_and_drag());
        // Handles at the edges stay inside.
        let rect = outer.shrink2(vec2(HANDLE / 2.0, 6.0_f32.min(self.height / 8.0)));
        ui.painter().rect_filled(outer, 4.0, Color32::BLACK);
        if response.has_focus() {
            ui.painter().rect_stroke(outer, 4.0, Stroke::new(1.0, theme::accent()), egui::StrokeKind::Inside);
        }
        response.widget_info(|| WidgetInfo::labeled(Role::Group, true, self.name));
        if response.hovered() {
            let (scroll, pointer) = ui.input_mut(|input| {
                (std::mem::take(&mut input.smooth_scroll_delta.y), input.pointer.hover_pos())
            });
            if let Some(at) = pointer.filter(|_| scroll != 0.0) {
                axis.zoom((scroll / 200.0).exp(), axis.value(at.x, rect), whole);
            }
        }
        if response.dragged_by(egui::PointerButton::Middle) {
            axis.pan(-response.drag_delta().x / rect.width().max(1.0) * axis.width(), whole);
        }
        (response, rect)
    }

    fn point_id(&self, index: usize) -> Id {
        self.id.with(("point", index))
    }

    fn focused(&self, ui: &Ui, index: usize) -> bool {
        ui.memory(|memory| memory.has_focus(self.point_id(index)))
    }

    fn handle(&self, ui: &Ui, index: usize, at: Pos2, label: &str) -> Response {
        let area = Rect::from_center_size(at, vec2(HANDLE, HANDLE));
        let response = ui.interact(area, self.point_id(index), Sense::click_and_drag());
        response.widget_info(|| WidgetInfo::labeled(Role::Slider, true, label));
        if response.is_pointer_button_down_on() && ui.input(|input| input.pointer.any_pressed()) {
            response.request_focus();
        }
        if response.has_focus() {
            // Arrows move the point instead of the focus.
            let arrows = egui::EventFilter {
                horizontal_arrows: true,
                vertical_arrows: true,
                ..egui::EventFilter::default()
            };
            ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, arrows));
        }
        response.on_hover_text(label)
    }

    /// Steps to the right and up that the keyboard asks for.
    fn arrows(&self, ui: &Ui, handle: &Response) -> Option<[f32; 2]> {
        if !handle.has_focus() {
            return None;
        }
        ui.input(|input| {
            let factor = if input.modifiers.shift { 0.1 } else { 1.0 };
            let count = |key| input.num_presses(key) as f32 * factor;
            let steps =
                [count(Key::ArrowRight) - count(Key::ArrowLeft), count(Key::ArrowUp) - count(Key::ArrowDown)];
            (steps != [0.0; 2]).then_some(steps)
        })
    }
}

/// A range of values that a field accepts for a point between its neighbours.
pub fn between<const N: usize>(track: &Track<N>, index: usize, whole: Axis) -> RangeInclusive<f32> {
    let points = track.points();
    let low = index.checked_sub(1).map_or(whole.low.min(points[index].value), |before| points[before].value);
    let high = points.get(index + 1).map_or(whole.high.max(points[index].value), |after| after.value);
    low..=high
}

pub fn value_text(value: f32, unit: &str) -> String {
    let digits = if value.abs() < 10.0 && value.fract() != 0.0 { 2 } else { 0 };
    format!("{value:.digits$} {unit}").trim_end().to_owned()
}

pub fn color32(level: [f32; 3]) -> Color32 {
    let [red, green, blue] = level.map(|part| (part.clamp(0.0, 1.0) * 255.0).round() as u8);
    Color32::from_rgb(red, green, blue)
}

/// The names of curves in menus.
pub fn curve_name(curve: Curve) -> std::borrow::Cow<'static, str> {
    match curve {
        Curve::Linear => tr!("look-curve-linear"),
        Curve::Step => tr!("look-curve-step"),
        Curve::Smooth => tr!("look-curve-smooth"),
    }
}

fn note_selection(handle: &Response, index: usize, selected: &mut Option<usize>) {
    if handle.gained_focus() || handle.clicked() || handle.drag_started() {
        *selected = Some(index);
    }
}

fn removes(ui: &Ui, handle: &Response) -> bool {
    let by_key = handle.has_focus()
        && ui.input(|input| input.key_pressed(Key::Delete) || input.key_pressed(Key::Backspace));
    by_key || handle.secondary_clicked()
}

fn draw_histogram(painter: &egui::Painter, rect: Rect, axis: Axis, histogram: &Histogram) {
    let columns = rect.width().max(1.0) as usize;
    let mut mesh = egui::Mesh::default();
    for column in 0..columns {
        let x = rect.left() + column as f32;
        let height = histogram.height(axis.value(x, rect), axis.value(x + 1.0, rect));
        let top = rect.bottom() - height * rect.height();
        mesh.add_colored_rect(Rect::from_min_max(pos2(x, top), pos2(x + 1.0, rect.bottom())), BARS);
    }
    painter.add(mesh);
}

fn draw_curve(painter: &egui::Painter, rect: Rect, axis: Axis, track: &Track<1>, colors: Option<&Track<3>>) {
    // Points as well as columns, so that steps stand upright.
    let mut values: Vec<f32> =
        (0..=rect.width() as usize).map(|x| axis.value(rect.left() + x as f32, rect)).collect();
    for point in track.points().iter().filter(|point| (axis.low..=axis.high).contains(&point.value)) {
        values.extend([point.value.next_down(), point.value]);
    }
    values.sort_by(f32::total_cmp);
    let line: Vec<Pos2> = values
        .iter()
        .map(|&value| pos2(axis.x(value, rect), rect.bottom() - track.at(value)[0] * rect.height()))
        .collect();
    if let Some(colors) = colors {
        let mut mesh = egui::Mesh::default();
        for (index, (at, &value)) in line.iter().zip(&values).enumerate() {
            let color = color32(colors.at(value)).gamma_multiply(0.45);
            mesh.colored_vertex(*at, color);
            mesh.colored_vertex(pos2(at.x, rect.bottom()), color);
            if index > 0 {
                let first = 2 * index as u32 - 2;
                mesh.add_triangle(first, first + 1, first + 2);
                mesh.add_triangle(first + 1, first + 2, first + 3);
            }
        }
        painter.add(mesh);
    }
    painter.line(line, Stroke::new(1.5, theme::OVERLAY));
}

/// The values at both edges.
fn draw_ends(painter: &egui::Painter, rect: Rect, axis: Axis, unit: &str) {
    let font = egui::FontId::proportional(11.0);
    for (value, at, anchor) in [
        (axis.low, rect.left_top(), egui::Align2::LEFT_TOP),
        (axis.high, rect.right_top(), egui::Align2::RIGHT_TOP),
    ] {
        painter.text(at, anchor, value_text(value, unit), font.clone(), theme::OVERLAY_WEAK);
    }
}

fn draw_handle(ui: &Ui, painter: &egui::Painter, at: Pos2, selected: bool, focused: bool) {
    painter.circle_stroke(at, 6.0, Stroke::new(2.5, Color32::BLACK));
    painter.circle_stroke(at, 5.0, Stroke::new(1.5, Color32::WHITE));
    if selected {
        painter.circle_filled(at, 3.5, theme::accent());
    }
    if focused {
        painter.circle_stroke(at, 8.0, Stroke::new(2.0, ui.visuals().hyperlink_color));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zooming_keeps_what_is_under_the_pointer_and_stays_within_the_whole() {
        let whole = Axis { low: -1000.0, high: 3000.0 };
        let mut axis = whole;
        let rect = Rect::from_min_size(pos2(10.0, 0.0), vec2(400.0, 100.0));
        let before = axis.x(500.0, rect);
        axis.zoom(4.0, 500.0, whole);
        assert!((axis.x(500.0, rect) - before).abs() < 0.01);
        assert_eq!(axis.width(), 1000.0);
        axis.pan(1e9, whole);
        assert_eq!(axis.high, 3000.0);
        axis.zoom(1e-9, 0.0, whole);
        assert_eq!(axis, whole);
    }

    #[test]
    fn any_values_make_an_axis_that_can_be_zoomed_out() {
        let odd = [0.0, -1.0, 1e-7, 713.0, 1e6, 1e30, f32::INFINITY, f32::NEG_INFINITY, f32::NAN];
        let ranges =
            (1..3000).map(|high| (0.0, high as f32)).chain(odd.iter().flat_map(|&a| odd.map(|b| (a, b))));
        for (low, high) in ranges {
            let whole = Axis::around(low, high);
            assert!(whole.width() > 0.0 && whole.width().is_finite(), "{low} to {high}: {whole:?}");
            let mut axis = whole;
            for factor in [1.0 / 1.5, 3.0, 1.5, 1.0 / 1.5, 1e9, 1.0 / 7.0, 1.0 / 7.0] {
                axis.zoom(factor, axis.middle(), whole);
                assert!(axis.width() > 0.0 && axis.low >= whole.low, "{low} to {high}: {axis:?}");
            }
        }
    }

    #[test]
    fn a_place_in_the_plot_is_a_value_and_back() {
        let axis = Axis::around(0.0, 100.0);
        let rect = Rect::from_min_size(pos2(3.0, 0.0), vec2(200.0, 100.0));
        assert!((axis.value(axis.x(42.0, rect), rect) - 42.0).abs() < 1e-3);
    }

    #[test]
    fn values_have_their_unit_and_the_digits_they_need() {
        assert_eq!(value_text(-1000.0, "HU"), "-1000 HU");
        assert_eq!(value_text(0.25, ""), "0.25");
    }
}
