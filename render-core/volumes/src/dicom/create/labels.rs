//! Label volumes of other programs as segments.

use glam::DVec3;

use super::NewSegment;
use crate::dicom::Error;
use crate::dicom::object::Code;
use crate::geometry::Geometry;
use crate::volume::{Meaning, Rescale, Volume, Voxels};

/// Voxels of two grids may lie this far apart, in steps, to be the same.
const SAME: f64 = 0.05;

/// The numbers of all voxels, and one segment for each that occurs, in rising order, named by its number; 0 is background.
pub fn segments_of(labels: &Volume) -> Result<(Vec<u16>, Vec<NewSegment>), Error> {
    let wrong = |reason: String| Error::Series(format!("the labels cannot become segments: {reason}"));
    let numbers = numbers(labels).map_err(wrong)?;
    let found: std::collections::BTreeSet<u16> = numbers.iter().copied().filter(|&n| n != 0).collect();
    if found.is_empty() {
        return Err(wrong("all voxels are 0".into()));
    }
    let segment = |&number: &u16| NewSegment {
        label: format!("Label {number}"),
        category: Code::new("123037004", "SCT", "Anatomical Structure"),
        property_type: Code::new("85756007", "SCT", "Tissue"),
        algorithm: None,
        color: None,
        number,
    };
    let segments = found.iter().map(segment).collect();
    Ok((numbers, segments))
}

fn numbers(labels: &Volume) -> Result<Vec<u16>, String> {
    let (rescale, voxels) = (labels.rescale(), labels.voxels());
    let number = |i: usize| {
        let value = rescale.apply(voxels.get(i));
        let whole = value.fract() == 0.0 && (0.0..=f32::from(u16::MAX)).contains(&value);
        whole.then_some(value as u16).ok_or_else(|| {
            format!("voxels are the numbers of labels, whole and from 0 to {}, but one is {value}", u16::MAX)
        })
    };
    (0..voxels.len()).map(number).collect()
}

/// Refuses labels of which not one lies where the images do.
pub fn check_place(labels: &Volume, grid: &Geometry) -> Result<(), Error> {
    let target_from_source = grid.voxel_from_patient() * labels.geometry().patient_from_voxel();
    let m = target_from_source.matrix3;
    // Half a voxel of each.
    let reach = (m.x_axis.abs() + m.y_axis.abs() + m.z_axis.abs() + 1.0) * 0.5;
    let last = DVec3::from(grid.dims().map(|n| f64::from(n) - 1.0));
    let [nx, ny, _] = labels.geometry().dims().map(|n| n as usize);
    let place = |i: usize| DVec3::new((i % nx) as f64, (i / nx % ny) as f64, (i / (nx * ny)) as f64);
    let (mut low, mut high) = (DVec3::INFINITY, DVec3::NEG_INFINITY);
    for i in (0..labels.voxels().len()).filter(|&i| labels.rescale().apply(labels.voxels().get(i)) != 0.0) {
        let at = target_from_source.transform_point3(place(i));
        if at.cmpge(-reach).all() && at.cmple(last + reach).all() {
            return Ok(());
        }
        let at = labels.geometry().patient_from_voxel().transform_point3(place(i));
        (low, high) = (low.min(at), high.max(at));
    }
    if low.x > high.x {
        return Ok(());
    }
    let corners = grid.corners_mm();
    let images = corners.iter().fold((corners[0], corners[0]), |(l, h), &c| (l.min(c), h.max(c)));
    Err(Error::Series(format!(
        "the labels lie nowhere in the images: they lie in {}, the images in {} (patient coordinates, LPS, mm); take \
         labels that were drawn on these images, or name their series with --series",
        span((low, high)),
        span(images)
    )))
}

fn span((low, high): (DVec3, DVec3)) -> String {
    let axis = |name: &str, low: f64, high: f64| format!("{name} {low:.1} to {high:.1}");
    [axis("x", low.x, high.x), axis("y", low.y, high.y), axis("z", low.z, high.z)].join(", ")
}

/// The labels in the order of the images' voxels, where both grids have the same voxels; viewers ask for that.
/// `None` where they do not.
pub fn on_grid(labels: &Volume, grid: &Geometry) -> Option<Volume> {
    let source_from_target = labels.geometry().voxel_from_patient() * grid.patient_from_voxel();
    let ends = |geometry: &Geometry| DVec3::from(geometry.dims().map(|n| f64::from(n) - 1.0));
    let last = ends(grid);
    // Corners that fall on voxels, of steps that are steps, leave nothing between voxels.
    let near = |v: DVec3| v.distance(v.round()) <= SAME;
    let corners = (0..8)
        .map(|i| DVec3::from_array(std::array::from_fn(|a| if i >> a & 1 == 1 { last[a] } else { 0.0 })));
    let size = |m: glam::DMat3| m.determinant().abs();
    if !corners.clone().all(|corner| near(source_from_target.transform_point3(corner)))
        || !grid_steps(&source_from_target.matrix3)
        || (size(source_from_target.matrix3) - 1.0).abs() > SAME
    {
        return None;
    }
    let numbers = numbers(labels).ok()?;
    let [columns, rows, slices] = labels.geometry().dims().map(f64::from);
    let [nx, ny, _] = grid.dims().map(|n| n as usize);
    let mut kept = 0usize;
    let voxels: Vec<u16> = (0..grid.voxel_count())
        .map(|i| {
            let at = DVec3::new((i % nx) as f64, (i / nx % ny) as f64, (i / (nx * ny)) as f64);
            let at = source_from_target.transform_point3(at).round();
            if at.min_element() < 0.0 || at.x >= columns || at.y >= rows || at.z >= slices {
                return 0;
            }
            let number = numbers[((at.z * rows + at.y) * columns + at.x) as usize];
            kept += usize::from(number != 0);
            number
        })
        .collect();
    // Labels outside the images must not get lost.
    (kept == numbers.iter().filter(|&&n| n != 0).count()).then_some(())?;
    Volume::new(*grid, Voxels::U16(voxels.into()), Rescale::IDENTITY, Meaning::default()).ok()
}

/// Whether each step along one grid is a step along another.
fn grid_steps(m: &glam::DMat3) -> bool {
    [m.x_axis, m.y_axis, m.z_axis].iter().all(|axis| axis.distance(axis.round()) <= SAME)
}
