//! Segmentations as SEG objects.

use render_core::dicom::create::{self, NewSegment, Stamp};
use render_core::dicom::object::{Code, Segmentation as Object};

use super::{About, ObjectError, Written};
use crate::segmentation::{Painted, Run, Segmentation};

/// A binary segmentation with the segments that have voxels.
pub fn segmentation(
    about: &About<'_>,
    segmentation: &Segmentation,
    stamp: &Stamp,
) -> Result<Written, ObjectError> {
    let labels: Vec<u16> = segmentation.labels().iter().map(|&label| label.into()).collect();
    let mut used = [false; 256];
    labels.iter().for_each(|&label| used[usize::from(label)] = true);
    let segments = segmentation.segments().iter().filter(|segment| used[usize::from(segment.number)]);
    let segments: Vec<NewSegment> = segments
        .map(|segment| NewSegment {
            label: segment.name.clone(),
            category: Code::new("123037004", "SCT", "Anatomical Structure"),
            property_type: Code::new("85756007", "SCT", "Tissue"),
            algorithm: None,
            color: Some(segment.color),
            number: segment.number.into(),
        })
        .collect();
    if segments.is_empty() {
        return Err(ObjectError::Nothing("no voxel belongs to a segment"));
    }
    let name = segments.first().map_or("SEGMENTATION", |first| &first.label);
    let bytes =
        create::segmentation(about.subject, segmentation.geometry(), &labels, &segments, name, stamp)?;
    Ok(Written { bytes, left_out: Vec::new() })
}

/// Segments that were added to others.
#[derive(Debug)]
pub struct Added {
    pub painted: Painted,
    pub count: usize,
    /// Those of which others of the object have taken voxels: a voxel belongs to one.
    pub cut: usize,
}

/// A copy of a segmentation to which those of an object were added, by the nearest voxel. Segments for which there is no
/// number left are left out. Where several of the object overlap, the last counts, and the names of the others say so. Those that were there before keep
/// their voxels: an object that needs them is refused.
pub fn segmentation_of(object: &Object, onto: &Segmentation) -> Result<Added, ObjectError> {
    let geometry = onto.geometry();
    let mut after = onto.clone();
    let drawn = object.labels().ok_or(ObjectError::NoPlace)?;
    let labels = object.labels_on(geometry).ok_or(ObjectError::NoPlace)?;
    let mut counts = vec![0u64; usize::from(u16::MAX) + 1];
    (0..drawn.voxels().len()).for_each(|at| counts[drawn.voxels().get(at) as usize] += 1);
    let mut cut = 0;
    if object.segments.iter().any(|segment| segment.number == 0 && !segment.planes.is_empty()) {
        return Err(ObjectError::SegmentZero);
    }
    let mut taken = 0u64;
    for segment in object.segments.iter().filter(|segment| !segment.planes.is_empty()) {
        let Ok(mut new) = after.next_segment() else { break };
        let name = crate::clean_label(&segment.label);
        new.name = if name.is_empty() { new.name } else { name };
        if counts[usize::from(segment.number)] < object.voxel_count(segment) {
            new.name = crate::clean_label(&format!("{} (cut)", new.name));
            cut += 1;
        }
        new.color = segment.color.unwrap_or(new.color);
        let own = f32::from(segment.number);
        let mut runs: Vec<Run> = Vec::new();
        for at in (0..geometry.voxel_count()).filter(|&at| labels.voxels().get(at) == own) {
            crate::segmentation::add(&mut runs, at as u32);
        }
        taken += after.paint(&runs, new.number).labelled();
        let segments = [after.segments(), &[new]].concat();
        after.set_segments(segments);
    }
    if taken > 0 {
        return Err(ObjectError::Overlap(taken));
    }
    let count = after.segments().len() - onto.segments().len();
    Ok(Added { painted: Painted { before: onto.clone(), after }, count, cut })
}
