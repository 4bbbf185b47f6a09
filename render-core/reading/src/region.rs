//! Which voxels or samples lie in a region, and what their values are.

use glam::{DMat2, DVec2, DVec3, dvec2};
use render_core::{Geometry, Progress, Volume};

use crate::annotation::{Annotation, Kind, Placement};
use crate::statistics::{Cancelled, Statistics};

/// A plane this close to a layer of voxels, in steps, shows that layer.
const ON_LAYER: f64 = 0.02;
/// Cosines closer to 1 are planes along a layer: over 65,535 voxels the difference is a tenth of one.
const ALONG_LAYER: f64 = 1.0 - 1e-12;
/// What rounding may do to a point that lies exactly on an outline.
const ROUNDING: f64 = 1e-9;

/// The value at a continuous voxel index, interpolated; `None` farther than half a voxel outside the grid.
pub fn sample(volume: &Volume, voxel: DVec3) -> Option<f32> {
    let dims = volume.geometry().dims();
    let last = DVec3::from(dims.map(|n| f64::from(n) - 1.0));
    if !(voxel.cmpge(DVec3::splat(-0.5)).all() && voxel.cmple(last + 0.5).all()) {
        return None;
    }
    let at = voxel.clamp(DVec3::ZERO, last);
    let near = at.round();
    // At a voxel's centre its own value, whatever rounding did on the way.
    let at = DVec3::select((at - near).abs().cmplt(DVec3::splat(1e-6)), near, at);
    let (low, share) = (at.floor(), at - at.floor());
    let mut value = 0.0;
    for corner in 0..8usize {
        let mut weight = 1.0;
        let voxel: [u32; 3] = std::array::from_fn(|axis| {
            let up = corner >> axis & 1 == 1;
            weight *= if up { share[axis] } else { 1.0 - share[axis] };
            low[axis] as u32 + u32::from(up)
        });
        if weight > 0.0 {
            value += weight * f64::from(volume.value_at(voxel)?);
        }
    }
    Some(value as f32)
}

/// Points of a plane where values are read: the centres of a layer's voxels where the plane is one, else points as
/// far apart as voxels are along the plane's axes.
pub(crate) struct Lattice {
    origin: DVec3,
    /// In voxels.
    steps: [DVec3; 2],
    low: [i64; 2],
    high: [i64; 2],
    flat_from_lattice: DMat2,
    flat_origin: DVec2,
}

impl Lattice {
    pub(crate) fn new(placement: &Placement, geometry: &Geometry) -> Self {
        let to_voxel = geometry.voxel_from_patient();
        let m = geometry.patient_from_voxel().matrix3;
        let axes = [m.x_axis, m.y_axis, m.z_axis];
        let layered = (0..3).find(|&c| {
            let normal = axes[(c + 1) % 3].cross(axes[(c + 2) % 3]).normalize();
            normal.dot(placement.normal()).abs() > ALONG_LAYER
        });
        let (origin, steps) = match layered {
            Some(c) => {
                let mut depth = to_voxel.transform_point3(placement.center_mm)[c];
                if (depth - depth.round()).abs() < ON_LAYER {
                    depth = depth.round();
                }
                let mut origin = DVec3::ZERO;
                origin[c] = depth;
                let [a, b] = if c == 0 {
                    [1, 2]
                } else if c == 1 {
                    [0, 2]
                } else {
                    [0, 1]
                };
                (origin, [DVec3::AXES[a], DVec3::AXES[b]])
            }
            None => {
                let step = |axis: DVec3| {
                    let voxels_per_mm = to_voxel.matrix3 * axis;
                    voxels_per_mm / voxels_per_mm.abs().max_element()
                };
                let center = placement.onto(geometry.center_mm());
                (to_voxel.transform_point3(center), [step(placement.right), step(placement.down)])
            }
        };
        let flat_steps = steps.map(|step| {
            let mm = m * step;
            dvec2(mm.dot(placement.right), mm.dot(placement.down))
        });
        let flat_from_lattice = DMat2::from_cols(flat_steps[0], flat_steps[1]);
        let flat_origin = placement.flat(geometry.patient_from_voxel().transform_point3(origin));
        // As far as the grid reaches, with half a voxel around it.
        let last = DVec3::from(geometry.dims().map(|n| f64::from(n) - 1.0));
        let (mut low, mut high) = ([i64::MAX; 2], [i64::MIN; 2]);
        for corner in 0..8usize {
            let voxel = DVec3::from_array(std::array::from_fn(|axis| {
                if corner >> axis & 1 == 1 { last[axis] + 0.5 } else { -0.5 }
            }));
            let flat = placement.flat(geometry.patient_from_voxel().transform_point3(voxel));
            let at = flat_from_lattice.inverse() * (flat - flat_origin);
            for axis in 0..2 {
                low[axis] = low[axis].min(at[axis].floor() as i64);
                high[axis] = high[axis].max(at[axis].ceil() as i64);
            }
        }
        Self { origin, steps, low, high, flat_from_lattice, flat_origin }
    }

    pub(crate) fn voxel(&self, i: i64, j: i64) -> DVec3 {
        self.origin + self.steps[0] * i as f64 + self.steps[1] * j as f64
    }

    /// From mm on the plane to steps of the lattice.
    fn of_flat(&self, flat: DVec2) -> DVec2 {
        self.flat_from_lattice.inverse() * (flat - self.flat_origin)
    }
}

/// A closed line on a lattice.
enum Outline {
    /// Middle, and the inverse of its half axes.
    Ellipse(DVec2, DMat2),
    Parallelogram(DVec2, DMat2),
    Polygon(Vec<DVec2>),
}

impl Outline {
    fn of(annotation: &Annotation, lattice: &Lattice) -> Option<Self> {
        let flat = |p: DVec3| lattice.of_flat(annotation.placement.flat(p));
        if annotation.kind == Kind::Freehand {
            return Some(Self::Polygon(annotation.points_mm.iter().map(|&p| flat(p)).collect()));
        }
        let (center, a, b) = annotation.half_axes();
        let middle = flat(center);
        let axes = DMat2::from_cols(flat(center + a) - middle, flat(center + b) - middle);
        let inverse = (axes.determinant().abs() > 1e-12).then(|| axes.inverse())?;
        Some(match annotation.kind {
            Kind::Ellipse => Self::Ellipse(middle, inverse),
            _ => Self::Parallelogram(middle, inverse),
        })
    }

    fn bounds(&self) -> (DVec2, DVec2) {
        match self {
            Self::Ellipse(middle, inverse) | Self::Parallelogram(middle, inverse) => {
                let axes = inverse.inverse();
                let reach = axes.x_axis.abs() + axes.y_axis.abs();
                (*middle - reach, *middle + reach)
            }
            Self::Polygon(points) => {
                points.iter().fold((DVec2::INFINITY, DVec2::NEG_INFINITY), |(l, h), &p| (l.min(p), h.max(p)))
            }
        }
    }

    /// Stretches of a row that lie inside, ends included.
    fn row(&self, j: i64, spans: &mut Vec<(f64, f64)>) {
        spans.clear();
        let y = j as f64;
        match self {
            Self::Ellipse(middle, inverse) => {
                // |u x + v|² <= 1 for the offset x from the middle.
                let (u, v) = (inverse.x_axis, inverse.y_axis * (y - middle.y));
                let (a, b, c) = (u.length_squared(), u.dot(v), v.length_squared() - 1.0 - ROUNDING);
                let root = b * b - a * c;
                if root >= 0.0 {
                    let root = root.sqrt();
                    spans.push((middle.x + (-b - root) / a, middle.x + (-b + root) / a));
                }
            }
            Self::Parallelogram(middle, inverse) => {
                let (u, v) = (inverse.x_axis, inverse.y_axis * (y - middle.y));
                let (mut low, mut high) = (f64::NEG_INFINITY, f64::INFINITY);
                for axis in 0..2 {
                    let edge = 1.0 + ROUNDING;
                    if u[axis].abs() < 1e-12 {
                        if v[axis].abs() > edge {
                            return;
                        }
                    } else {
                        let ends = [(-edge - v[axis]) / u[axis], (edge - v[axis]) / u[axis]];
                        low = low.max(ends[0].min(ends[1]));
                        high = high.min(ends[0].max(ends[1]));
                    }
                }
                if low <= high {
                    spans.push((middle.x + low, middle.x + high));
                }
            }
            Self::Polygon(points) => {
                let mut crossings: Vec<f64> = Vec::new();
                for (i, &a) in points.iter().enumerate() {
                    let b = points[(i + 1) % points.len()];
                    if (a.y <= y) != (b.y <= y) {
                        crossings.push(a.x + (y - a.y) / (b.y - a.y) * (b.x - a.x));
                    }
                }
                crossings.sort_by(f64::total_cmp);
                spans.extend(crossings.as_chunks::<2>().0.iter().map(|&[a, b]| (a, b)));
            }
        }
    }
}

/// The values in an area of a plane.
pub(crate) fn of_area(
    annotation: &Annotation,
    volume: &Volume,
    progress: &Progress,
) -> Result<Option<Statistics>, Cancelled> {
    let lattice = Lattice::new(&annotation.placement, volume.geometry());
    let Some(outline) = Outline::of(annotation, &lattice) else { return Ok(None) };
    let (low, high) = outline.bounds();
    let first = (low.y.ceil() as i64).max(lattice.low[1]);
    let rows = (high.y.floor() as i64).min(lattice.high[1]) - first + 1;
    let row = |i: usize, values: &mut Vec<f32>| {
        let j = first + i as i64;
        let mut spans = Vec::new();
        outline.row(j, &mut spans);
        for &(from, to) in &spans {
            let from = ((from - ROUNDING).ceil() as i64).max(lattice.low[0]);
            let to = ((to + ROUNDING).floor() as i64).min(lattice.high[0]);
            values.extend((from..=to).filter_map(|i| sample(volume, lattice.voxel(i, j))));
        }
    };
    Statistics::of_rows(usize::try_from(rows).unwrap_or(0), row, progress)
}

/// The values of the voxels whose centres lie in a solid.
pub(crate) fn of_solid(
    annotation: &Annotation,
    volume: &Volume,
    progress: &Progress,
) -> Result<Option<Statistics>, Cancelled> {
    let geometry = volume.geometry();
    let solid = Solid::of(annotation);
    let (low, high) = solid.voxel_bounds(geometry);
    let count = |axis: usize| (high[axis] - low[axis] + 1).max(0) as usize;
    if (0..3).any(|axis| count(axis) == 0) {
        return Ok(None);
    }
    let row = |i: usize, values: &mut Vec<f32>| {
        let (j, k) = (low[1] + (i % count(1)) as i64, low[2] + (i / count(1)) as i64);
        let place =
            |i: i64| geometry.patient_from_voxel().transform_point3(DVec3::new(i as f64, j as f64, k as f64));
        let inside = (low[0]..=high[0]).filter(|&i| solid.holds(place(i)));
        values.extend(inside.filter_map(|i| volume.value_at([i as u32, j as u32, k as u32])));
    };
    Statistics::of_rows(count(1) * count(2), row, progress)
}

/// A box or an ellipsoid in the patient.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Solid {
    center: DVec3,
    /// Unit vectors over half the extents.
    inverse: [DVec3; 3],
    reach: DVec3,
    round: bool,
}

impl Solid {
    pub(crate) fn of(annotation: &Annotation) -> Self {
        let (center, half) = annotation.solid();
        let p = &annotation.placement;
        let axes = [p.right, p.down, p.normal()];
        let half = half.max(DVec3::splat(1e-9));
        let inverse = std::array::from_fn(|i| axes[i] / half[i]);
        let reach = (0..3).map(|i| (axes[i] * half[i]).abs()).sum();
        Self { center, inverse, reach, round: annotation.kind == Kind::Ellipsoid }
    }

    pub(crate) fn holds(&self, point_mm: DVec3) -> bool {
        let offset = point_mm - self.center;
        let at = self.inverse.map(|axis| offset.dot(axis));
        if self.round {
            at.iter().map(|x| x * x).sum::<f64>() <= 1.0 + ROUNDING
        } else {
            at.iter().all(|x| x.abs() <= 1.0 + ROUNDING)
        }
    }

    /// The first and last voxel along each axis that may lie inside.
    pub(crate) fn voxel_bounds(&self, geometry: &Geometry) -> ([i64; 3], [i64; 3]) {
        voxel_bounds(geometry, self.center, self.reach)
    }
}

/// The first and last voxels within a box along the patient's axes.
pub(crate) fn voxel_bounds(geometry: &Geometry, center: DVec3, reach: DVec3) -> ([i64; 3], [i64; 3]) {
    let to_voxel = geometry.voxel_from_patient();
    let middle = to_voxel.transform_point3(center);
    let m = to_voxel.matrix3;
    let reach = m.x_axis.abs() * reach.x + m.y_axis.abs() * reach.y + m.z_axis.abs() * reach.z;
    let dims = geometry.dims();
    let low = std::array::from_fn(|a| ((middle[a] - reach[a] - 1e-6).ceil().max(0.0)) as i64);
    let high =
        std::array::from_fn(|a| ((middle[a] + reach[a] + 1e-6).floor().min(f64::from(dims[a]) - 1.0)) as i64);
    (low, high)
}
