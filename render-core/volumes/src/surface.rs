//! Surfaces through a volume, as triangles, and STL files of them.
//!
//! Marching cubes (Lorensen and Cline 1987) whose triangles are worked out from the faces of a cube instead of
//! a table of cases: on each face a line goes around every run of corners that are inside, so corners inside
//! that touch along a diagonal only are apart. Both cubes at a face draw the same lines there, so the surface
//! is closed, and no line between two others ever lies in a face, so each edge has two triangles.

use std::io::{Seek, SeekFrom, Write};
use std::sync::LazyLock;

use glam::{DAffine3, DVec3};
use rayon::prelude::*;

use crate::geometry::Geometry;
use crate::progress::Progress;
use crate::volume::Volume;

/// What has an inside: a grid of values, where those of at least `threshold` are inside. What is inside at the
/// outermost voxels ends half a voxel beyond their centres.
#[derive(Clone, Copy)]
pub struct Field<'a> {
    pub geometry: &'a Geometry,
    pub threshold: f32,
    /// Writes the values of a slice, column fastest.
    pub slice: &'a (dyn Fn(usize, &mut [f32]) + Sync),
}

impl std::fmt::Debug for Field<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} at {}", self.geometry.dims(), self.threshold)
    }
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Surface {
    pub triangles: u64,
    pub area_mm2: f64,
    /// Enclosed.
    pub volume_mm3: f64,
}

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("cancelled")]
    Cancelled,
    #[error("nothing reaches {0}, so there is no surface")]
    Empty(f32),
    #[error(
        "the surface has more than {} triangles, which STL cannot count; choose another threshold",
        u32::MAX
    )]
    TooLarge,
    #[error("cannot be written: {0}")]
    Io(#[from] std::io::Error),
}

/// Writes the surface of a volume at a value after rescale; see [`write_stl`].
pub fn write_stl_of(
    out: &mut (impl Write + Seek),
    volume: &Volume,
    threshold: f32,
    progress: &Progress,
) -> Result<Surface, Error> {
    let [columns, rows, _] = volume.geometry().dims().map(|n| n as usize);
    let slice = |k: usize, values: &mut [f32]| {
        let first = k * columns * rows;
        for (i, value) in values.iter_mut().enumerate() {
            *value = volume.rescale().apply(volume.voxels().get(first + i));
        }
    };
    write_stl(out, &Field { geometry: volume.geometry(), threshold, slice: &slice }, progress)
}

/// Writes a binary STL file in patient mm (LPS): closed, its triangles counter-clockwise from outside.
/// Progress counts layers of cubes; memory holds a few layers, however large the volume.
pub fn write_stl(
    out: &mut (impl Write + Seek),
    field: &Field<'_>,
    progress: &Progress,
) -> Result<Surface, Error> {
    let start = out.stream_position()?;
    let mut header = [b' '; 84];
    let title = b"Voxcast, patient space LPS in mm";
    header[..title.len()].copy_from_slice(title);
    out.write_all(&header)?;
    let layers = field.geometry.dims()[2] as usize + 1;
    progress.add_total(layers as u64);
    let mut surface = Surface::default();
    // Far from the origin of the patient, volumes of triangles would cancel out less exactly.
    let middle = field.geometry.center_mm();
    let batch = rayon::current_num_threads().max(1);
    for first in (0..layers).step_by(batch) {
        if progress.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let parts: Vec<Vec<[DVec3; 3]>> = (first..(first + batch).min(layers))
            .into_par_iter()
            .map(|layer| triangles(field, layer))
            .collect();
        for triangle in parts.iter().flatten() {
            let [a, b, c] = triangle.map(|p| p - middle);
            let normal = (b - a).cross(c - a);
            surface.area_mm2 += normal.length() / 2.0;
            surface.volume_mm3 += a.dot(b.cross(c)) / 6.0;
            surface.triangles += 1;
            let mut facet = [0; 50];
            let points = [normal.normalize_or_zero()].into_iter().chain(*triangle).flat_map(|p| p.to_array());
            for (at, number) in points.enumerate() {
                facet[4 * at..][..4].copy_from_slice(&(number as f32).to_le_bytes());
            }
            out.write_all(&facet)?;
        }
        progress.add_done(parts.len() as u64);
    }
    if surface.triangles == 0 {
        return Err(Error::Empty(field.threshold));
    }
    let count = u32::try_from(surface.triangles).map_err(|_| Error::TooLarge)?;
    let end = out.stream_position()?;
    out.seek(SeekFrom::Start(start + 80))?;
    out.write_all(&count.to_le_bytes())?;
    out.seek(SeekFrom::Start(end))?;
    Ok(surface)
}

/// A vertex this close to a corner would make triangles that vanish in 32 bits.
const NEAREST: f64 = 1e-3;

/// The triangles of a layer of cubes, between slices `layer - 1` and `layer`; beyond the grid nothing is inside.
fn triangles(field: &Field<'_>, layer: usize) -> Vec<[DVec3; 3]> {
    let [columns, rows, slices] = field.geometry.dims().map(|n| n as usize);
    let read = |k: Option<usize>| {
        let k = k.filter(|&k| k < slices)?;
        let mut values = vec![0f32; columns * rows];
        (field.slice)(k, &mut values);
        Some(values)
    };
    let pair = [read(layer.checked_sub(1)), read(Some(layer))];
    // `None` beyond the grid.
    let value = |x: usize, y: usize, z: usize| {
        let inside = (1..=columns).contains(&x) && (1..=rows).contains(&y);
        pair[z].as_ref().filter(|_| inside).map(|values| values[(y - 1) * columns + x - 1])
    };
    let place = place(field.geometry, layer);
    let turned = place.matrix3.determinant() < 0.0;
    let mut found = Vec::new();
    for y in 0..=rows {
        for x in 0..=columns {
            let corner = |c: usize| value(x + (c & 1), y + (c >> 1 & 1), c >> 2);
            let inside = |c: usize| corner(c).is_some_and(|v| v >= field.threshold);
            let case = (0..8).filter(|&c| inside(c)).fold(0, |case, c| case | 1 << c);
            for edges in &CASES[case] {
                let vertex = |edge: u8| {
                    let (from, axis) = (usize::from(edge) & 7, usize::from(edge) >> 3);
                    let to = from | 1 << axis;
                    let part = match (corner(from), corner(to)) {
                        (Some(a), Some(b)) => {
                            let part = f64::from(field.threshold - a) / f64::from(b - a);
                            part.clamp(NEAREST, 1.0 - NEAREST)
                        }
                        _ => 0.5,
                    };
                    let bit = |axis: usize| (from >> axis & 1) as f64;
                    let mut point = DVec3::new(x as f64 + bit(0), y as f64 + bit(1), bit(2));
                    point[axis] += part;
                    place.transform_point3(point)
                };
                let [a, b, c] = edges.map(vertex);
                found.push(if turned { [a, c, b] } else { [a, b, c] });
            }
        }
    }
    found
}

/// Patient mm from a corner of a layer, whose first lies a voxel before the grid's.
fn place(geometry: &Geometry, layer: usize) -> DAffine3 {
    geometry.patient_from_voxel() * DAffine3::from_translation(DVec3::new(-1.0, -1.0, layer as f64 - 1.0))
}

/// Triangles of each set of corners inside (bit x + 2y + 4z), as edges: the corner nearer to the origin, and
/// eight times the axis.
static CASES: LazyLock<Vec<Vec<[u8; 3]>>> = LazyLock::new(|| (0..256).map(case).collect());

/// Corners of the six faces, counter-clockwise from outside.
const FACES: [[u8; 4]; 6] =
    [[0, 4, 6, 2], [1, 3, 7, 5], [0, 1, 5, 4], [2, 6, 7, 3], [0, 2, 3, 1], [4, 5, 7, 6]];

fn edge(a: u8, b: u8) -> u8 {
    (a & b) | ((a ^ b).trailing_zeros() as u8) << 3
}

fn case(inside: usize) -> Vec<[u8; 3]> {
    let is_in = |corner: u8| inside >> corner & 1 == 1;
    // From where the outline of a face comes in to where it leaves the inside.
    let mut next: [Option<u8>; 24] = [None; 24];
    for face in FACES {
        let at = |i: usize| face[i % 4];
        for i in (0..4).filter(|&i| is_in(at(i)) && !is_in(at(i + 1))) {
            let run = (1..4).take_while(|&n| is_in(at(i + 4 - n))).count();
            let comes_in = edge(at(i + 4 - run), at(i + 3 - run));
            next[usize::from(comes_in)] = Some(edge(at(i), at(i + 1)));
        }
    }
    let mut triangles = Vec::new();
    while let Some(first) = next.iter().position(Option::is_some) {
        let mut polygon = Vec::new();
        let mut at = first;
        while let Some(following) = next[at].take() {
            polygon.push(at as u8);
            at = usize::from(following);
        }
        triangles.extend(fill(&polygon).unwrap_or_default());
    }
    triangles
}

/// Cuts a polygon into triangles along lines none of which lies in a face, where the neighbour may have one, too.
fn fill(polygon: &[u8]) -> Option<Vec<[u8; 3]>> {
    let &[first, .., last] = polygon else { return None };
    if polygon.len() == 2 {
        return Some(Vec::new());
    }
    let ends = |edge: u8| [edge & 7, edge & 7 | 1 << (edge >> 3)];
    let share_a_face = |a: u8, b: u8| {
        FACES
            .iter()
            .any(|face| [a, b].iter().all(|&edge| ends(edge).iter().all(|corner| face.contains(corner))))
    };
    (1..polygon.len() - 1).find_map(|tip| {
        let whole = |from: usize, to: usize| to == from + 1 || !share_a_face(polygon[from], polygon[to]);
        if !whole(0, tip) || !whole(tip, polygon.len() - 1) {
            return None;
        }
        let mut triangles = vec![[first, polygon[tip], last]];
        triangles.extend(fill(&polygon[..=tip])?);
        triangles.extend(fill(&polygon[tip..])?);
        Some(triangles)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    /// Every polygon of every case must be filled, and edges inside a cube have a triangle on either side.
    #[test]
    fn every_case_is_a_closed_patch_of_its_cube() {
        for inside in 1..255usize {
            let crossed = (0..24u8).filter(|&e| {
                let (from, axis) = (e & 7, e >> 3);
                let to = from | 1 << axis;
                from != to && (inside >> from ^ inside >> to) & 1 == 1
            });
            let mut used: HashMap<(u8, u8), i32> = HashMap::new();
            let triangles = case(inside);
            for &[a, b, c] in &triangles {
                for (from, to) in [(a, b), (b, c), (c, a)] {
                    *used.entry((from.min(to), from.max(to))).or_default() += if from < to { 1 } else { -1 };
                }
            }
            let mut vertices: Vec<u8> = triangles.iter().flatten().copied().collect();
            vertices.sort_unstable();
            vertices.dedup();
            assert_eq!(vertices.len(), crossed.count(), "case {inside:08b}");
            assert!(used.values().all(|n| n.abs() <= 1), "case {inside:08b}");
        }
    }
}
