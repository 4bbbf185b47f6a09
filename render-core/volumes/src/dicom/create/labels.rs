//! Label volumes of other programs as segments.

use glam::DVec3;

use super::NewSegment;
use crate::dicom::Error;
use crate::dicom::object::Code;
use crate::geometry::Geometry;
use crate::volume::{Meaning, Rescale, Volume, Voxels};

/// Masks of all labels together may take this many bytes.
const MAX_MASKS: usize = 4 << 30;
/// Voxels of two grids may lie this far apart, in steps, to be the same.
const SAME: f64 = 0.05;

/// One segment for each number that occurs, in rising order, named by its number; 0 is background.
pub fn segments_of(labels: &Volume) -> Result<Vec<NewSegment>, Error> {
    let wrong = |reason: String| Error::Series(format!("the labels cannot become segments: {reason}"));
    let numbers = numbers(labels).map_err(wrong)?;
    let found: std::collections::BTreeSet<u16> = numbers.iter().copied().filter(|&n| n != 0).collect();
    if found.is_empty() {
        return Err(wrong("all voxels are 0".into()));
    }
    if found.len().saturating_mul(numbers.len()) > MAX_MASKS {
        return Err(wrong(format!(
            "{} labels of {} voxels would need more than {} GiB; write fewer labels at a time",
            found.len(),
            numbers.len(),
            MAX_MASKS >> 30
        )));
    }
    let segment = |&number: &u16| NewSegment {
        label: format!("Label {number}"),
        category: Code::new("123037004", "SCT", "Anatomical Structure"),
        property_type: Code::new("85756007", "SCT", "Tissue"),
        algorithm: None,
        mask: numbers.iter().map(|&n| u8::from(n == number)).collect(),
    };
    Ok(found.iter().map(segment).collect())
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
