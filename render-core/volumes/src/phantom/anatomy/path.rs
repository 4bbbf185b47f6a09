//! Smooth paths through a few knots.

use glam::Vec3;

use crate::phantom::solid::Part;

#[derive(Clone, Copy, Debug)]
pub(super) struct Knot {
    pub at: Vec3,
    pub radius_mm: f32,
}

/// Knots from (x, y, z, radius) in mm.
pub(super) fn knots(rows: &[[f32; 4]]) -> Vec<Knot> {
    rows.iter().map(|&[x, y, z, radius_mm]| Knot { at: Vec3::new(x, y, z), radius_mm }).collect()
}

/// The same path on the patient's other side.
pub(super) fn mirrored(path: &[Knot]) -> Vec<Knot> {
    path.iter().map(|knot| Knot { at: knot.at * Vec3::new(-1.0, 1.0, 1.0), ..*knot }).collect()
}

/// Catmull-Rom curve through the knots, in pieces of about 4 mm.
pub(super) fn smooth(path: &[Knot]) -> Vec<Knot> {
    let last = path.len() - 1;
    let mut curve = Vec::new();
    for i in 0..last {
        let (p0, p1, p2, p3) = (path[i.saturating_sub(1)], path[i], path[i + 1], path[(i + 2).min(last)]);
        let pieces = (p1.at.distance(p2.at) / 4.0).ceil().max(1.0) as usize;
        for piece in 0..pieces {
            let t = piece as f32 / pieces as f32;
            let at = 0.5
                * (2.0 * p1.at
                    + (p2.at - p0.at) * t
                    + (2.0 * p0.at - 5.0 * p1.at + 4.0 * p2.at - p3.at) * t * t
                    + (3.0 * p1.at - p0.at - 3.0 * p2.at + p3.at) * t * t * t);
            curve.push(Knot { at, radius_mm: p1.radius_mm + (p2.radius_mm - p1.radius_mm) * t });
        }
    }
    curve.push(path[last]);
    curve
}

/// Cones along the smoothed path.
pub(super) fn tube(path: &[Knot]) -> Vec<Part> {
    smooth(path).windows(2).map(|w| Part::cone(w[0].at, w[1].at, w[0].radius_mm, w[1].radius_mm)).collect()
}
