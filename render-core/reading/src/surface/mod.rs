//! Segments as closed surfaces in the patient, and a picture of those from a camera.

use glam::{DVec3, Vec3};
use rayon::prelude::*;
use render_core::{Geometry, Progress};

use crate::segmentation::Segmentation;
use crate::statistics::Cancelled;

mod net;
mod picture;

/// A surface is made of no more cells: a finger's breadth of the screen is some ten of them, and a thread has them
/// in a tenth of a second.
const MAX_CELLS: usize = 1 << 21;

/// The surfaces of the visible segments, without the planes that cut views.
#[derive(Debug)]
pub struct Surfaces {
    geometry: Geometry,
    parts: Vec<Part>,
}

/// The surface of one segment.
#[derive(Debug)]
struct Part {
    /// sRGB.
    color: [u8; 3],
    points_mm: Vec<Vec3>,
    /// Unit vectors; which of the two sides they point to is open.
    normals: Vec<Vec3>,
    triangles: Vec<[u32; 3]>,
}

/// Lowest and highest voxel along columns, rows, slices.
type Bounds = [[usize; 2]; 3];

impl Surfaces {
    pub fn of(segmentation: &Segmentation, progress: &Progress) -> Result<Self, Cancelled> {
        let geometry = *segmentation.geometry();
        let bounds = bounds(segmentation);
        let visible = segmentation.segments().iter().filter(|segment| segment.visible);
        let known = visible.filter_map(|segment| Some((segment, bounds[usize::from(segment.number)]?)));
        let known: Vec<_> = known.collect();
        progress.add_total(known.len() as u64);
        let part = |(segment, bounds): &(&crate::Segment, Bounds)| {
            if progress.is_cancelled() {
                return Err(Cancelled);
            }
            let part = part(segmentation, segment.number, segment.color, *bounds);
            progress.add_done(1);
            Ok(part)
        };
        let parts = known.par_iter().map(part).collect::<Result<_, _>>()?;
        Ok(Self { geometry, parts })
    }

    /// Whether no visible segment has a voxel.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }
}

/// Where each label is.
fn bounds(segmentation: &Segmentation) -> [Option<Bounds>; 256] {
    let [_, rows, slices] = segmentation.geometry().dims().map(|n| n as usize);
    let labels = segmentation.labels();
    let join = |a: Option<Bounds>, b: Option<Bounds>| match (a, b) {
        (Some(a), Some(b)) => {
            Some(std::array::from_fn(|axis| [a[axis][0].min(b[axis][0]), a[axis][1].max(b[axis][1])]))
        }
        (a, b) => a.or(b),
    };
    let slice = |k: usize| {
        let mut found = [None; 256];
        // Most rows hold nothing, which is told much faster than voxel by voxel.
        let rows = (0..rows).map(|j| (j, labels.row(k * rows + j)));
        for (j, row) in rows.filter(|(_, row)| row.iter().any(|&label| label != 0)) {
            for (i, &label) in row.iter().enumerate().filter(|(_, label)| **label != 0) {
                let known = &mut found[usize::from(label)];
                *known = join(*known, Some([[i; 2], [j; 2], [k; 2]]));
            }
        }
        found
    };
    (0..slices)
        .into_par_iter()
        .map(slice)
        .reduce(|| [None; 256], |a, b| std::array::from_fn(|label| join(a[label], b[label])))
}

fn part(segmentation: &Segmentation, number: u8, color: [u8; 3], bounds: Bounds) -> Part {
    let geometry = segmentation.geometry();
    let sizes = bounds.map(|[low, high]| high + 1 - low);
    let block = block(sizes, geometry.spacing_mm());
    let field = shares(segmentation, number, bounds, block);
    let (points, triangles) = net::surface(&field);
    let m = geometry.patient_from_voxel();
    // Node 1 of the field is the middle of the first block.
    let points_mm: Vec<Vec3> = points
        .into_iter()
        .map(|p| {
            let voxel = |axis: usize| {
                let step = block[axis] as f64;
                bounds[axis][0] as f64 + (f64::from(p[axis]) - 1.0) * step + (step - 1.0) / 2.0
            };
            m.transform_point3(DVec3::from_array(std::array::from_fn(voxel))).as_vec3()
        })
        .collect();
    let mut normals = vec![Vec3::ZERO; points_mm.len()];
    for triangle in &triangles {
        let [a, b, c] = triangle.map(|corner| points_mm[corner as usize]);
        // Twice the area long: large triangles count for more.
        let normal = (b - a).cross(c - a);
        triangle.iter().for_each(|&corner| normals[corner as usize] += normal);
    }
    normals.iter_mut().for_each(|normal| *normal = normal.normalize_or_zero());
    Part { color, points_mm, normals, triangles }
}

/// How many voxels become one cell along each axis: as near to cubes in the patient as whole numbers are.
fn block(sizes: [usize; 3], spacing_mm: DVec3) -> [usize; 3] {
    let mut step_mm = spacing_mm.min_element();
    loop {
        let count = |axis: usize| ((step_mm / spacing_mm[axis]).round() as usize).clamp(1, sizes[axis]);
        let block: [usize; 3] = std::array::from_fn(count);
        let cells: usize = (0..3).map(|axis| sizes[axis].div_ceil(block[axis]) + 2).product();
        if cells <= MAX_CELLS || block == sizes {
            return block;
        }
        step_mm *= 1.25;
    }
}

/// Which share of each block belongs to a segment, with an empty node around all of them.
fn shares(segmentation: &Segmentation, number: u8, bounds: Bounds, block: [usize; 3]) -> net::Field {
    let rows = segmentation.geometry().dims()[1] as usize;
    let dims: [usize; 3] =
        std::array::from_fn(|axis| (bounds[axis][1] + 1 - bounds[axis][0]).div_ceil(block[axis]) + 2);
    let mut values = vec![0f32; dims.iter().product()];
    let labels = segmentation.labels();
    let voxel = 1.0 / block.iter().product::<usize>() as f32;
    let layers = values.par_chunks_exact_mut(dims[0] * dims[1]).enumerate();
    layers.filter(|(z, _)| (1..dims[2] - 1).contains(z)).for_each(|(z, layer)| {
        let first = bounds[2][0] + (z - 1) * block[2];
        for k in first..(first + block[2]).min(bounds[2][1] + 1) {
            for j in bounds[1][0]..=bounds[1][1] {
                let row = &labels.row(k * rows + j)[bounds[0][0]..=bounds[0][1]];
                let nodes = &mut layer[((j - bounds[1][0]) / block[1] + 1) * dims[0]..][1..];
                for (voxels, node) in row.chunks(block[0]).zip(nodes) {
                    *node += voxel * voxels.iter().filter(|&&label| label == number).count() as f32;
                }
            }
        }
    });
    net::Field { dims, values }
}
