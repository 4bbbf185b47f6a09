//! The clip planes of a volume on its picture, and the handles that move and tilt them.

use eframe::egui::{Color32, Painter, Pos2, Rect, Shape, Stroke, StrokeKind, Vec2, vec2};
use glam::DVec3;
use render_core::Geometry;
use render_core::scene::ViewState;
use render_core::scene::clip::{ClipPlane, MAX_PLANES};

use super::theme;

/// The pointer is on a handle within this many points.
const NEAR: f32 = 9.0;
/// The tip that tilts a plane is so many points from its middle, where that is seen from the side.
const ARM: f64 = 56.0;
/// It is never nearer to the middle than this on screen, where a plane faces the eye.
const LEAST_ARM: f32 = 26.0;
/// A plane that moves towards the eye by a millimetre moves by less than this part of it on screen: the hand has to
/// move up and down instead.
const EDGE_ON: f32 = 0.2;

/// What of a plane is taken hold of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Moves along its normal.
    Middle,
    /// Tilts about its middle.
    Tip,
}

/// A handle: of which plane, and which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handle {
    plane: usize,
    part: Part,
}

/// The clip planes of a view on screen.
#[derive(Debug)]
pub struct ClipPlanes<'a> {
    view: &'a ViewState,
    geometry: &'a Geometry,
    rect: Rect,
}

impl<'a> ClipPlanes<'a> {
    pub fn new(view: &'a ViewState, geometry: &'a Geometry, rect: Rect) -> Self {
        Self { view, geometry, rect }
    }

    fn screen(&self, place_mm: DVec3) -> Option<Pos2> {
        let [x, y] = self.view.camera.pixel_from_patient(place_mm, self.view.size)?;
        let scale = self.rect.width() / self.view.size[0] as f32;
        Some(self.rect.min + vec2(x as f32, y as f32) * scale)
    }

    /// How many points a millimetre is at a place, across the line of sight.
    fn points_per_mm(&self, place_mm: DVec3) -> Option<f64> {
        let (right, ..) = self.view.camera.axes();
        let points = self.screen(place_mm + right)?.distance(self.screen(place_mm)?);
        (points > 1e-6).then_some(f64::from(points))
    }

    fn planes(&self) -> impl Iterator<Item = (usize, ClipPlane)> {
        let planes = self.view.clip.planes.iter().take(MAX_PLANES).enumerate();
        planes.filter_map(|(index, plane)| {
            let normal = plane.normal.try_normalize()?;
            Some((index, ClipPlane { normal, ..*plane }))
        })
    }

    /// Where its normal ends, in the patient.
    fn tip(&self, plane: &ClipPlane) -> Option<DVec3> {
        Some(plane.point_mm + plane.normal * (ARM / self.points_per_mm(plane.point_mm)?))
    }

    /// The handles on screen: the middle, and the tip beside it.
    fn ends(&self, plane: &ClipPlane) -> Option<[Pos2; 2]> {
        let (middle, tip) = (self.screen(plane.point_mm)?, self.screen(self.tip(plane)?)?);
        let arm = tip - middle;
        let arm = match arm.length() {
            length if length >= LEAST_ARM => arm,
            length if length > 1.0 => arm * (LEAST_ARM / length),
            _ => vec2(0.0, -LEAST_ARM),
        };
        Some([middle, middle + arm])
    }

    fn handles(&self) -> impl Iterator<Item = (Handle, Pos2)> {
        let of_plane = |(index, plane): (usize, ClipPlane)| {
            let [middle, tip] = self.ends(&plane)?;
            let handle = |part| Handle { plane: index, part };
            Some([(handle(Part::Middle), middle), (handle(Part::Tip), tip)])
        };
        self.planes().filter_map(of_plane).flatten()
    }

    /// The corners of a plane's part within the volume, around it.
    fn outline(&self, plane: &ClipPlane) -> Vec<DVec3> {
        let corners = self.geometry.corners_mm();
        let off = corners.map(|corner| (corner - plane.point_mm).dot(plane.normal));
        let mut points = Vec::new();
        for from in 0..8usize {
            for to in (0..3).map(|axis| from | 1 << axis).filter(|to| *to != from) {
                if (off[from] < 0.0) != (off[to] < 0.0) {
                    points.push(corners[from].lerp(corners[to], off[from] / (off[from] - off[to])));
                }
            }
        }
        let middle = points.iter().sum::<DVec3>() / points.len().max(1) as f64;
        let (x, y) = plane.normal.any_orthonormal_pair();
        let angle = |point: &DVec3| (*point - middle).dot(y).atan2((*point - middle).dot(x));
        points.sort_by(|a, b| angle(a).total_cmp(&angle(b)));
        points
    }

    pub fn paint(&self, painter: &Painter) {
        let strokes = [Stroke::new(3.0, Color32::from_black_alpha(120)), Stroke::new(1.2, theme::OVERLAY)];
        let edge = Stroke::new(1.6, theme::OVERLAY_STRONG);
        let dark = Color32::from_black_alpha(160);
        for (_, plane) in self.planes() {
            let outline: Vec<Pos2> =
                self.outline(&plane).into_iter().filter_map(|place| self.screen(place)).collect();
            let Some([middle, tip]) = self.ends(&plane) else { continue };
            for stroke in strokes {
                painter.add(Shape::closed_line(outline.clone(), stroke));
                painter.line_segment([middle, tip], stroke);
            }
            painter.rect(Rect::from_center_size(tip, Vec2::splat(9.0)), 1.0, dark, edge, StrokeKind::Middle);
            painter.circle(middle, 5.0, dark, edge);
        }
    }

    /// The handle under the pointer, the nearest of several.
    pub fn handle_at(&self, at: Pos2) -> Option<Handle> {
        let near = self.handles().filter(|(_, place)| place.distance(at) <= NEAR);
        near.min_by(|a, b| a.1.distance(at).total_cmp(&b.1.distance(at))).map(|(handle, _)| handle)
    }

    /// The plane after the pointer has moved with a handle by this many points. Its middle stays in the volume.
    pub fn dragged(&self, handle: Handle, by: Vec2) -> Option<(usize, ClipPlane)> {
        let (index, plane) = self.planes().find(|(index, _)| *index == handle.plane)?;
        let scale = self.points_per_mm(plane.point_mm)?;
        let next = match handle.part {
            Part::Middle => {
                let along = self.screen(plane.point_mm + plane.normal)? - self.screen(plane.point_mm)?;
                let mm = if along.length() > EDGE_ON * scale as f32 {
                    f64::from(by.dot(along) / along.length_sq())
                } else {
                    // Up is away from the eye.
                    let (_, _, forward) = self.view.camera.axes();
                    f64::from(-by.y) / scale * plane.normal.dot(forward).signum()
                };
                let point_mm = plane.point_mm + plane.normal * mm;
                let center = self.geometry.center_mm();
                let reach = self.geometry.extent_mm(plane.normal) / 2.0;
                let off = (point_mm - center).dot(plane.normal);
                ClipPlane { point_mm: point_mm + plane.normal * (off.clamp(-reach, reach) - off), ..plane }
            }
            Part::Tip => {
                let (right, up, _) = self.view.camera.axes();
                let moved = (right * f64::from(by.x) - up * f64::from(by.y)) / scale;
                let arm = self.tip(&plane)? + moved - plane.point_mm;
                ClipPlane { normal: arm.try_normalize()?, ..plane }
            }
        };
        Some((index, next))
    }
}

/// A plane through the middle of a volume, across the line of sight; what lies behind it is shown.
pub fn across(view: &ViewState, geometry: &Geometry) -> ClipPlane {
    let (_, _, forward) = view.camera.axes();
    ClipPlane { point_mm: geometry.center_mm(), normal: forward }
}

#[cfg(test)]
mod tests {
    use eframe::egui::pos2;
    use glam::DAffine3;
    use render_core::scene::Content;
    use render_core::scene::view::Orientation;
    use render_core::volume::{Meaning, Rescale};
    use render_core::{Volume, Voxels};

    use super::*;

    const RECT: Rect = Rect { min: pos2(0.0, 0.0), max: pos2(400.0, 400.0) };

    /// A cube of 40 mm looked at from the front, cut by this plane.
    fn cut(normal: DVec3) -> (ViewState, Volume) {
        let geometry = Geometry::new([40, 40, 40], DAffine3::IDENTITY).expect("a geometry");
        let voxels = Voxels::U8(vec![0u8; 64_000].into());
        let volume = Volume::new(geometry, voxels, Rescale::IDENTITY, Meaning::default()).expect("a volume");
        let mut view = ViewState::new(&volume, Content::Volume, Orientation::Axial, [400, 400]);
        view.clip.planes.push(ClipPlane { point_mm: volume.geometry().center_mm(), normal });
        (view, volume)
    }

    #[test]
    fn a_plane_follows_the_hand_along_its_normal_and_stays_in_the_volume() {
        let (view, volume) = cut(DVec3::X);
        let planes = ClipPlanes::new(&view, volume.geometry(), RECT);
        let start = view.clip.planes[0].point_mm;
        let middle = planes.screen(start).expect("in front of the eye");
        let handle = planes.handle_at(middle + vec2(2.0, 2.0)).expect("a handle");
        assert_eq!(handle, Handle { plane: 0, part: Part::Middle });
        let scale = planes.points_per_mm(start).expect("a scale");
        // The patient's left (+x) is on the right of who looks at the front; what goes across changes nothing.
        let (_, moved) = planes.dragged(handle, vec2(10.0, 25.0)).expect("it moves");
        let off = moved.point_mm - start;
        assert!(off.abs_diff_eq(DVec3::X * 10.0 / scale, 0.05), "{off}, {scale} points a mm");
        assert_eq!(moved.normal, DVec3::X);
        let (_, far) = planes.dragged(handle, vec2(9000.0, 0.0)).expect("it moves");
        assert!((far.point_mm.x - start.x - 20.0).abs() < 1e-9, "{}", far.point_mm);
    }

    #[test]
    fn a_plane_that_faces_the_eye_moves_away_from_it_by_a_hand_that_goes_up() {
        let (view, volume) = cut(DVec3::NEG_Y);
        let planes = ClipPlanes::new(&view, volume.geometry(), RECT);
        let handle = Handle { plane: 0, part: Part::Middle };
        let (_, moved) = planes.dragged(handle, vec2(0.0, -30.0)).expect("it moves");
        let [middle, tip] = planes.ends(&view.clip.planes[0]).expect("in front of the eye");
        assert!(middle.distance(tip) >= LEAST_ARM - 0.01, "both handles can be taken hold of");
        assert!(moved.point_mm.y > view.clip.planes[0].point_mm.y + 1.0, "{}", moved.point_mm);
    }

    #[test]
    fn its_tip_tilts_it_about_its_middle() {
        let (view, volume) = cut(DVec3::X);
        let planes = ClipPlanes::new(&view, volume.geometry(), RECT);
        let plane = view.clip.planes[0];
        let [_, tip] = planes.ends(&plane).expect("in front of the eye");
        let handle = planes.handle_at(tip).expect("a handle");
        assert_eq!(handle.part, Part::Tip);
        // As far up as it is long: 45 degrees towards the head.
        let (_, tilted) = planes.dragged(handle, vec2(0.0, -ARM as f32)).expect("it tilts");
        let wanted = DVec3::new(1.0, 0.0, 1.0).normalize();
        assert!(tilted.normal.abs_diff_eq(wanted, 0.02), "{}", tilted.normal);
        assert_eq!(tilted.point_mm, plane.point_mm);
    }

    #[test]
    fn its_outline_is_where_it_leaves_the_volume() {
        let (view, volume) = cut(DVec3::ONE);
        let planes = ClipPlanes::new(&view, volume.geometry(), RECT);
        let (_, plane) = planes.planes().next().expect("a plane");
        let outline = planes.outline(&plane);
        assert_eq!(outline.len(), 6, "a cube that is cut across its diagonal shows a hexagon");
        assert!(outline.iter().all(|point| (*point - plane.point_mm).dot(plane.normal).abs() < 1e-9));
        let mut view = view.clone();
        view.clip.planes[0].point_mm = DVec3::splat(900.0);
        let planes = ClipPlanes::new(&view, volume.geometry(), RECT);
        let (_, away) = planes.planes().next().expect("a plane");
        assert!(planes.outline(&away).is_empty());
    }
}
