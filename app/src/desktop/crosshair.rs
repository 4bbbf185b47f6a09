//! The lines that other cuts are in a slice's picture, and the handles that move, turn and thicken them.

use eframe::egui::{Color32, CursorIcon, Painter, Pos2, Rect, Stroke, Vec2, vec2};
use glam::DVec3;
use render_core::scene::ViewState;

use super::layout::ViewportId;
use super::theme;
use super::viewport::{Cut, Effect};

/// The pointer is on a line or a handle within this many points.
const NEAR: f32 = 7.0;
/// Turning handles lie this part of the picture's smaller side from the crossing, slab handles half as far.
const REACH: f32 = 0.36;
/// Lines leave the place where they cross free.
const GAP: f32 = 14.0;
const HANDLE: f32 = 5.0;

/// What of a line is being dragged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Handle {
    /// The whole cut.
    Line { of: ViewportId },
    /// Its angle: where the pointer was last.
    Turn { of: ViewportId, from: Vec2 },
    /// How thick it is.
    Slab { of: ViewportId },
}

#[derive(Clone, Copy, Debug)]
struct Line {
    of: ViewportId,
    /// A point of it, and its direction on screen.
    at: Pos2,
    along: Vec2,
    /// The direction on screen that the cut's normal has there.
    normal: DVec3,
    slab_points: f32,
    color: eframe::egui::Color32,
}

/// The other cuts of a viewport's patient space as lines on its picture.
#[derive(Debug)]
pub struct Crosshair {
    lines: Vec<Line>,
    /// Where they cross, on screen and in the patient.
    center: Pos2,
    center_mm: DVec3,
    view: ViewState,
    rect: Rect,
}

impl Crosshair {
    /// `rect` is where the viewport is on screen; `cursor` where the planes cross, else the middle of the view's own.
    pub fn new(
        id: ViewportId,
        frame: &str,
        view: &ViewState,
        rect: Rect,
        cuts: &[Cut],
        cursor: Option<DVec3>,
    ) -> Self {
        let screen = |place: DVec3| {
            let (pixel, _) = view.plane.pixel_from_patient(place, view.size);
            let scale = rect.width() / view.size[0] as f32;
            rect.min + vec2(pixel[0] as f32, pixel[1] as f32) * scale
        };
        let normal = view.plane.normal();
        let center_mm = cursor.unwrap_or(view.plane.center_mm);
        // In this plane, wherever the cursor was left.
        let center_mm = center_mm - normal * (center_mm - view.plane.center_mm).dot(normal);
        let points_per_mm = rect.width() / view.size[0] as f32 / view.plane.mm_per_pixel(view.size) as f32;
        let lines = cuts.iter().filter(|cut| cut.id != id && cut.frame == frame).filter_map(|cut| {
            let other = cut.plane.normal();
            let along = normal.cross(other);
            if along.length() < 1e-3 {
                return None;
            }
            // The point of both planes that is nearest to where they cross.
            let in_plane = (other - normal * other.dot(normal)).normalize();
            let off_mm = (cut.plane.center_mm - center_mm).dot(other) / in_plane.dot(other);
            let along =
                vec2(along.dot(view.plane.right) as f32, along.dot(view.plane.down) as f32).normalized();
            let slab_points = cut.thickness_mm as f32 * points_per_mm;
            let at = screen(center_mm + in_plane * off_mm);
            Some(Line { of: cut.id, at, along, normal: in_plane, slab_points, color: cut.color })
        });
        Self { lines: lines.collect(), center: screen(center_mm), center_mm, view: view.clone(), rect }
    }

    /// Thin lines, as they lie over every picture.
    pub fn paint_lines(&self, painter: &Painter) {
        for line in &self.lines {
            let reach = line.along * (self.rect.width() + self.rect.height());
            let stroke = Stroke::new(1.0, line.color.gamma_multiply(0.45));
            painter.line_segment([line.at - reach, line.at + reach], stroke);
        }
    }

    /// Lines with handles, while the tool is active.
    pub fn paint_handles(&self, painter: &Painter) {
        for line in &self.lines {
            let reach = line.along * (self.rect.width() + self.rect.height());
            let dark = Stroke::new(3.0, eframe::egui::Color32::from_black_alpha(120));
            for stroke in [dark, Stroke::new(1.4, line.color)] {
                painter.line_segment([line.at - reach, line.at - line.along * GAP], stroke);
                painter.line_segment([line.at + line.along * GAP, line.at + reach], stroke);
            }
            if line.slab_points > 2.0 {
                let edge = Stroke::new(1.0, line.color.gamma_multiply(0.6));
                for side in [-0.5, 0.5] {
                    let at = line.at + line.along.rot90() * (line.slab_points * side);
                    let dashes = eframe::egui::Shape::dashed_line(&[at - reach, at + reach], edge, 6.0, 5.0);
                    painter.extend(dashes);
                }
            }
            for at in self.turn_handles(line) {
                painter.circle(at, HANDLE, Color32::BLACK, Stroke::new(1.6, line.color));
            }
            for at in self.slab_handles(line) {
                let square = Rect::from_center_size(at, Vec2::splat(HANDLE * 1.7));
                painter.rect(
                    square,
                    1.0,
                    Color32::BLACK,
                    Stroke::new(1.6, line.color),
                    eframe::egui::StrokeKind::Middle,
                );
            }
        }
    }

    fn reach(&self) -> f32 {
        self.rect.width().min(self.rect.height()) * REACH
    }

    fn turn_handles(&self, line: &Line) -> [Pos2; 2] {
        [-1.0, 1.0].map(|side| line.at + line.along * (self.reach() * side))
    }

    fn slab_handles(&self, line: &Line) -> [Pos2; 2] {
        let off = line.along.rot90() * (line.slab_points / 2.0);
        [-1.0, 1.0].map(|side| line.at + line.along * (self.reach() * 0.55 * side) + off * side)
    }

    pub fn handle_at(&self, at: Pos2) -> Option<Handle> {
        let near = |points: [Pos2; 2]| points.iter().any(|p| p.distance(at) <= NEAR);
        let turn = self.lines.iter().find(|line| near(self.turn_handles(line)));
        if let Some(line) = turn {
            return Some(Handle::Turn { of: line.of, from: at - self.center });
        }
        if let Some(line) = self.lines.iter().find(|line| near(self.slab_handles(line))) {
            return Some(Handle::Slab { of: line.of });
        }
        let on_line = |line: &&Line| {
            let off = at - line.at;
            off.length() > GAP && off.dot(line.along.rot90()).abs() <= NEAR
        };
        self.lines.iter().find(on_line).map(|line| Handle::Line { of: line.of })
    }

    pub fn pointer_at(&self, at: Pos2) -> CursorIcon {
        match self.handle_at(at) {
            Some(Handle::Turn { .. }) => CursorIcon::Alias,
            Some(Handle::Slab { .. }) => CursorIcon::ResizeVertical,
            Some(Handle::Line { .. }) => CursorIcon::Grab,
            None => CursorIcon::Crosshair,
        }
    }

    /// What a drag of a handle to a place does, and the handle as it is then.
    pub fn dragged(&self, handle: Handle, to: Pos2) -> Option<(Handle, Effect)> {
        let line = |of: ViewportId| self.lines.iter().find(|line| line.of == of);
        match handle {
            Handle::Line { of } => {
                let line = line(of)?;
                let points_per_mm = self.points_per_mm();
                let off = f64::from((to - line.at).dot(line.along.rot90()) / points_per_mm);
                let side = self.in_patient(line.along.rot90());
                let shift = line.normal * (side.dot(line.normal) * off);
                Some((handle, Effect::CutMoved { of, shift_mm: shift }))
            }
            Handle::Turn { of, from } => {
                let here = to - self.center;
                if here.length() < 1.0 || from.length() < 1.0 {
                    return None;
                }
                let degrees = (here.angle() - from.angle()).to_degrees();
                let degrees = f64::from((degrees + 540.0).rem_euclid(360.0) - 180.0);
                Some((
                    Handle::Turn { of, from: here },
                    Effect::OthersTurned { degrees, about_mm: self.center_mm },
                ))
            }
            Handle::Slab { of } => {
                let line = line(of)?;
                let off = (to - line.at).dot(line.along.rot90()).abs() / self.points_per_mm();
                // Within a few points of the line it is a plain cut.
                let thin = (to - line.at).dot(line.along.rot90()).abs() < 3.0;
                let thickness_mm = if thin { 0.0 } else { f64::from(off * 2.0) };
                Some((handle, Effect::Slab { of, thickness_mm }))
            }
        }
    }

    fn points_per_mm(&self) -> f32 {
        self.rect.width() / self.view.size[0] as f32 / self.view.plane.mm_per_pixel(self.view.size) as f32
    }

    fn in_patient(&self, on_screen: Vec2) -> DVec3 {
        self.view.plane.right * f64::from(on_screen.x) + self.view.plane.down * f64::from(on_screen.y)
    }
}

/// A small cross where the cursor of the patient space is, in a volume's picture.
pub fn paint_cursor(painter: &Painter, at: Pos2) {
    let strokes =
        [Stroke::new(3.0, eframe::egui::Color32::from_black_alpha(150)), Stroke::new(1.2, theme::OVERLAY)];
    for stroke in strokes {
        for (dx, dy) in [(1.0, 0.0), (0.0, 1.0)] {
            let arm = vec2(dx, dy);
            painter.line_segment([at + arm * 4.0, at + arm * 12.0], stroke);
            painter.line_segment([at - arm * 4.0, at - arm * 12.0], stroke);
        }
    }
}

#[cfg(test)]
mod tests {
    use eframe::egui::pos2;
    use glam::DAffine3;
    use render_core::scene::view::Orientation;
    use render_core::scene::{Content, Plane};
    use render_core::volume::{Meaning, Rescale};
    use render_core::{Geometry, Volume, Voxels};

    use super::*;

    fn volume() -> Volume {
        let geometry = Geometry::new([100, 100, 100], DAffine3::IDENTITY).expect("a geometry");
        let voxels = Voxels::U8(vec![0u8; 1_000_000].into());
        Volume::new(geometry, voxels, Rescale::IDENTITY, Meaning::default()).expect("a volume")
    }

    /// An axial view with a sagittal and a coronal cut through it.
    fn crosshair() -> (Crosshair, Volume) {
        let volume = volume();
        let view = ViewState::new(&volume, Content::Slice, Orientation::Axial, [400, 400]);
        let cut = |id, orientation| Cut {
            id: ViewportId(id),
            frame: "1.2".to_owned(),
            plane: Plane::standard(orientation, &volume),
            thickness_mm: 0.0,
            color: theme::AXIAL,
        };
        let cuts = [cut(2, Orientation::Sagittal), cut(3, Orientation::Coronal), cut(1, Orientation::Axial)];
        let rect = Rect::from_min_size(pos2(10.0, 20.0), vec2(400.0, 400.0));
        let cursor = Some(volume.geometry().center_mm());
        (Crosshair::new(ViewportId(1), "1.2", &view, rect, &cuts, cursor), volume)
    }

    #[test]
    fn other_cuts_are_lines_that_cross_where_the_cursor_is() {
        let (crosshair, _) = crosshair();
        assert_eq!(crosshair.lines.len(), 2);
        let vertical = crosshair.lines.iter().find(|line| line.of == ViewportId(2)).expect("a sagittal line");
        assert!(vertical.along.x.abs() < 1e-3, "{:?}", vertical.along);
        // Slices lie on voxels, so half a mm from the middle of an even number of them: 2 points of 4 a mm.
        assert!((vertical.at.x - 210.0).abs() <= 2.1, "{:?}", vertical.at);
    }

    #[test]
    fn a_line_follows_the_pointer_by_millimetres_of_the_patient() {
        let (crosshair, _) = crosshair();
        let vertical = crosshair.lines.iter().find(|line| line.of == ViewportId(2)).expect("a sagittal line");
        let from = vertical.at + vec2(0.0, 60.0);
        let handle = crosshair.handle_at(from).expect("a line under the pointer");
        assert_eq!(handle, Handle::Line { of: ViewportId(2) });
        // 40 points to the right are 10 mm to the patient's left (+x).
        let Some((_, Effect::CutMoved { shift_mm, .. })) = crosshair.dragged(handle, from + vec2(40.0, 0.0))
        else {
            panic!("the line does not move");
        };
        assert!(shift_mm.abs_diff_eq(DVec3::new(10.0, 0.0, 0.0), 1e-3), "{shift_mm}");
    }

    #[test]
    fn a_quarter_turn_of_a_handle_turns_by_90_degrees() {
        let (crosshair, _) = crosshair();
        let handle = Handle::Turn { of: ViewportId(2), from: vec2(0.0, -100.0) };
        let (_, effect) = crosshair.dragged(handle, crosshair.center + vec2(100.0, 0.0)).expect("a turn");
        let Effect::OthersTurned { degrees, .. } = effect else { panic!("{effect:?} is no turn") };
        assert!((degrees - 90.0).abs() < 1e-3, "{degrees} degrees");
    }
}
