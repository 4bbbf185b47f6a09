//! What lies over a volume's picture: the orientation cube, and the handles of the crop box.

use eframe::egui::{Align2, Color32, FontId, Painter, Pos2, Rect, Shape, Stroke, Vec2, vec2};
use glam::{DMat3, DQuat, DVec3};
use render_core::Geometry;
use render_core::scene::{Camera, ViewState};

use super::theme;

/// Half an edge of the cube, in points, and where it is from the upper right corner.
const HALF: f32 = 21.0;
const PLACE: Vec2 = vec2(-46.0, 108.0);
/// Smaller pictures have no room for it.
const ROOMY: Vec2 = vec2(240.0, 220.0);

/// The pointer is on a handle within this many points.
const NEAR: f32 = 8.0;

/// A side of the patient: its letter, the direction it looks to, and what is up when it is looked at.
const FACES: [(&str, DVec3, DVec3); 6] = [
    ("A", DVec3::NEG_Y, DVec3::Z),
    ("P", DVec3::Y, DVec3::Z),
    ("L", DVec3::X, DVec3::Z),
    ("R", DVec3::NEG_X, DVec3::Z),
    ("H", DVec3::Z, DVec3::NEG_Y),
    ("F", DVec3::NEG_Z, DVec3::NEG_Y),
];

/// The sides of the cube that are seen: letter, corners on screen, and the direction each looks to.
fn faces(camera: &Camera, rect: Rect) -> Vec<(&'static str, [Pos2; 4], DVec3)> {
    if rect.width() < ROOMY.x || rect.height() < ROOMY.y {
        return Vec::new();
    }
    let center = rect.right_top() + PLACE;
    let (right, up, forward) = camera.axes();
    let screen = |p: DVec3| center + vec2(p.dot(right) as f32, -p.dot(up) as f32) * HALF;
    let seen = FACES.iter().filter(|(_, normal, _)| normal.dot(forward) < -0.02);
    seen.map(|&(letter, normal, above)| {
        let side = above.cross(normal);
        let corner = |x: f64, y: f64| screen(normal + side * x + above * y);
        (letter, [corner(-1.0, -1.0), corner(1.0, -1.0), corner(1.0, 1.0), corner(-1.0, 1.0)], normal)
    })
    .collect()
}

pub fn paint_cube(painter: &Painter, rect: Rect, camera: &Camera) {
    let (_, _, forward) = camera.axes();
    for (letter, corners, normal) in faces(camera, rect) {
        // Sides that are seen from the front are brighter.
        let facing = -normal.dot(forward) as f32;
        let fill = Color32::from_rgba_unmultiplied(58, 66, 76, (120.0 + 110.0 * facing) as u8);
        let edge = Stroke::new(1.0, theme::OVERLAY_WEAK.gamma_multiply(0.7));
        painter.add(Shape::convex_polygon(corners.to_vec(), fill, edge));
        if facing > 0.35 {
            let middle = corners.iter().fold(Vec2::ZERO, |sum, corner| sum + corner.to_vec2()) / 4.0;
            let font = FontId::proportional(13.0 * facing.clamp(0.7, 1.0));
            painter.text(middle.to_pos2(), Align2::CENTER_CENTER, letter, font, theme::OVERLAY_STRONG);
        }
    }
}

/// The camera's direction after a click on the cube, if it was one.
pub fn clicked_side(camera: &Camera, rect: Rect, at: Pos2) -> Option<DQuat> {
    let hit = faces(camera, rect).into_iter().find(|(_, corners, _)| contains(corners, at))?;
    let (_, towards, above) = *FACES.iter().find(|(letter, _, _)| *letter == hit.0)?;
    Some(DQuat::from_mat3(&DMat3::from_cols(above.cross(towards), above, towards)))
}

fn contains(corners: &[Pos2; 4], at: Pos2) -> bool {
    let side = |a: Pos2, b: Pos2| (b - a).rot90().dot(at - a);
    let sides: [f32; 4] = std::array::from_fn(|i| side(corners[i], corners[(i + 1) % 4]));
    sides.iter().all(|&s| s >= 0.0) || sides.iter().all(|&s| s <= 0.0)
}

/// One face of the crop box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Face {
    axis: usize,
    high: bool,
}

/// The crop box of a view on screen.
#[derive(Debug)]
pub struct CropBox<'a> {
    view: &'a ViewState,
    geometry: &'a Geometry,
    rect: Rect,
    bounds: [[f64; 2]; 3],
}

impl<'a> CropBox<'a> {
    pub fn new(view: &'a ViewState, geometry: &'a Geometry, rect: Rect) -> Self {
        let whole = geometry.dims().map(|n| [0.0, f64::from(n) - 1.0]);
        Self { view, geometry, rect, bounds: view.clip.crop_voxels.unwrap_or(whole) }
    }

    fn screen(&self, voxel: DVec3) -> Option<Pos2> {
        let place = self.geometry.patient_from_voxel().transform_point3(voxel);
        let [x, y] = self.view.camera.pixel_from_patient(place, self.view.size)?;
        let scale = self.rect.width() / self.view.size[0] as f32;
        Some(self.rect.min + vec2(x as f32, y as f32) * scale)
    }

    fn middle(&self, face: Face) -> DVec3 {
        let mut middle = DVec3::from_array(self.bounds.map(|[low, high]| (low + high) / 2.0));
        middle[face.axis] = self.bounds[face.axis][usize::from(face.high)];
        middle
    }

    fn all_faces() -> impl Iterator<Item = Face> {
        (0..3).flat_map(|axis| [false, true].map(|high| Face { axis, high }))
    }

    pub fn paint(&self, painter: &Painter) {
        let corner = |bits: usize| {
            DVec3::from_array(std::array::from_fn(|axis| self.bounds[axis][(bits >> axis) & 1]))
        };
        for from in 0..8 {
            for axis in (0..3).filter(|axis| (from >> axis) & 1 == 0) {
                if let (Some(a), Some(b)) = (self.screen(corner(from)), self.screen(corner(from | 1 << axis)))
                {
                    painter.line_segment([a, b], Stroke::new(1.0, theme::VOLUME.gamma_multiply(0.8)));
                }
            }
        }
        for at in Self::all_faces().filter_map(|face| self.screen(self.middle(face))) {
            painter.circle(at, 5.0, Color32::from_black_alpha(160), Stroke::new(1.6, theme::VOLUME));
        }
    }

    /// The handle under the pointer, the nearest of several.
    pub fn face_at(&self, at: Pos2) -> Option<Face> {
        let distance =
            |face: &Face| self.screen(self.middle(*face)).map_or(f32::MAX, |handle| handle.distance(at));
        let nearest = Self::all_faces().min_by(|a, b| distance(a).total_cmp(&distance(b)))?;
        (distance(&nearest) <= NEAR).then_some(nearest)
    }

    /// The bounds after the pointer has moved with a face by this many points; at least a voxel stays.
    pub fn dragged(&self, face: Face, by: Vec2) -> Option<[[f64; 2]; 3]> {
        let middle = self.middle(face);
        let dims = f64::from(self.geometry.dims()[face.axis]);
        // What a fiftieth of the edge is on screen tells how far the pointer carries it.
        let step = dims / 50.0;
        let along = self.screen(middle + DVec3::AXES[face.axis] * step)? - self.screen(middle)?;
        if along.length() < 1e-3 {
            return None;
        }
        let voxels = f64::from(by.dot(along) / along.length_sq()) * step;
        let mut bounds = self.bounds;
        let [low, high] = bounds[face.axis];
        bounds[face.axis] = if face.high {
            [low, (high + voxels).clamp(low + 1.0, (dims - 1.0).max(low + 1.0))]
        } else {
            [(low + voxels).clamp(0.0, (high - 1.0).max(0.0)), high]
        };
        Some(bounds)
    }
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

    fn view() -> (ViewState, Volume) {
        let geometry = Geometry::new([40, 40, 40], DAffine3::IDENTITY).expect("a geometry");
        let voxels = Voxels::U8(vec![0u8; 64_000].into());
        let volume = Volume::new(geometry, voxels, Rescale::IDENTITY, Meaning::default()).expect("a volume");
        (ViewState::new(&volume, Content::Volume, Orientation::Axial, [400, 400]), volume)
    }

    const RECT: Rect = Rect { min: pos2(0.0, 0.0), max: pos2(400.0, 400.0) };

    #[test]
    fn the_cube_shows_the_side_that_is_looked_at_and_a_click_turns_to_another() {
        let (view, _) = view();
        let letters: Vec<&str> = faces(&view.camera, RECT).iter().map(|face| face.0).collect();
        assert_eq!(letters, ["A"]);
        let mut camera = view.camera;
        camera.azimuth(40.0);
        let (_, corners, _) =
            faces(&camera, RECT).into_iter().find(|face| face.0 == "L").expect("the left side");
        let middle = corners.iter().fold(Vec2::ZERO, |sum, corner| sum + corner.to_vec2()) / 4.0;
        camera.patient_from_camera = clicked_side(&camera, RECT, middle.to_pos2()).expect("a click on it");
        let (right, up, forward) = camera.axes();
        assert!(forward.abs_diff_eq(DVec3::NEG_X, 1e-9) && up.abs_diff_eq(DVec3::Z, 1e-9), "{forward} {up}");
        // From the patient's left, the front is on the left.
        assert!(right.abs_diff_eq(DVec3::Y, 1e-9), "{right}");
        assert_eq!(clicked_side(&camera, RECT, pos2(200.0, 200.0)), None);
    }

    #[test]
    fn a_face_of_the_crop_box_follows_the_pointer_and_never_passes_the_other() {
        let (view, volume) = view();
        let crop = CropBox::new(&view, volume.geometry(), RECT);
        let left = Face { axis: 0, high: true };
        let handle = crop.screen(crop.middle(left)).expect("in front of the eye");
        assert_eq!(crop.face_at(handle + vec2(2.0, 1.0)), Some(left));
        let bounds = crop.dragged(left, vec2(-30.0, 0.0)).expect("it moves");
        assert!(bounds[0][1] < 38.0 && bounds[0][1] > 20.0, "{bounds:?}");
        assert_eq!((bounds[0][0], bounds[1], bounds[2]), (0.0, [0.0, 39.0], [0.0, 39.0]));
        let bounds = crop.dragged(left, vec2(-4000.0, 0.0)).expect("it moves");
        assert_eq!(bounds[0], [0.0, 1.0]);
    }
}
