//! What is written over a picture: a vector model that each front end draws in its own way.

use glam::DVec3;

use super::view::{Content, ViewState};

/// The patient's directions at the four edges of a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EdgeLetters {
    pub left: String,
    pub right: String,
    pub top: String,
    pub bottom: String,
}

impl EdgeLetters {
    /// Follows the view's plane, its path, or its camera. A path leads from the left edge to the right one: there its
    /// first and its last direction are told.
    pub fn of(view: &ViewState) -> Self {
        let path = view.curved.as_ref().map(|curved| &curved.path);
        let ([first, last], down) = match (view.content, path) {
            (Content::Slice, _) => ([view.plane.right; 2], view.plane.down),
            (Content::Curved, Some(path)) => {
                let along = |at_mm| path.at(at_mm).map_or(DVec3::ZERO, |(_, tangent)| tangent);
                ([along(0.0), along(path.length_mm())], path.down())
            }
            (Content::Curved, None) => ([DVec3::ZERO; 2], DVec3::ZERO),
            _ => {
                let (right, up, _) = view.camera.axes();
                ([right; 2], -up)
            }
        };
        Self { left: letters(-first), right: letters(last), top: letters(-down), bottom: letters(down) }
    }
}

/// PS3.3 C.7.6.1.1.1: the letters of a direction, strongest first; up to three for an oblique one.
/// Directions that are off an axis by less than about 3 degrees count as along it.
pub fn letters(direction: DVec3) -> String {
    let mut parts = [
        (direction.x, if direction.x > 0.0 { 'L' } else { 'R' }),
        (direction.y, if direction.y > 0.0 { 'P' } else { 'A' }),
        (direction.z, if direction.z > 0.0 { 'H' } else { 'F' }),
    ];
    parts.sort_by(|a, b| b.0.abs().total_cmp(&a.0.abs()));
    parts.iter().filter(|(size, _)| size.abs() > 0.05).map(|(_, letter)| letter).collect()
}

/// A ruler no longer than `pixels`: its length in mm is 1, 2 or 5 times a power of ten.
/// Returns (length in mm, length in pixels).
pub fn ruler(mm_per_pixel: f64, pixels: f64) -> (f64, f64) {
    let longest = (mm_per_pixel * pixels).max(1e-6);
    let power = 10f64.powf(longest.log10().floor());
    let mm = [5.0, 2.0, 1.0].into_iter().map(|m| m * power).find(|&mm| mm <= longest).unwrap_or(power);
    (mm, mm / mm_per_pixel)
}
