//! Segmentations as SEG objects.

use render_core::Geometry;
use render_core::dicom::create::{self, NewSegment, Stamp};
use render_core::dicom::object::{Code, Segmentation as Object};

use super::{About, ObjectError, Written};
use crate::segmentation::{Run, Segment, Segmentation};

/// A binary segmentation with the segments that have voxels.
pub fn segmentation(
    about: &About<'_>,
    segmentation: &Segmentation,
    stamp: &Stamp,
) -> Result<Written, ObjectError> {
    let labels = segmentation.labels();
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
            mask: labels.iter().map(|&label| u8::from(label == segment.number)).collect(),
        })
        .collect();
    if segments.is_empty() {
        return Err(ObjectError::Nothing("no voxel belongs to a segment"));
    }
    let name = segments.first().map_or("SEGMENTATION", |first| &first.label);
    let bytes = create::segmentation(about.subject, segmentation.geometry(), &segments, name, stamp)?;
    Ok(Written { bytes, left_out: Vec::new() })
}

/// The segments of an object on a volume's grid, by the nearest voxel. Segments beyond the 255th are left out; where
/// several overlap, the last counts.
pub fn segmentation_of(object: &Object, geometry: &Geometry) -> Result<Segmentation, ObjectError> {
    let mut segmentation = Segmentation::new(*geometry)?;
    let labels = object.labels_on(geometry).ok_or(ObjectError::NoPlace)?;
    let known = object.segments.iter().filter(|segment| !segment.planes.is_empty());
    let mut numbers: Vec<(u16, Segment)> = Vec::new();
    for (index, segment) in known.take(crate::MAX_SEGMENTS).enumerate() {
        let number = index as u8 + 1;
        let name = crate::clean_label(&segment.label);
        let name = if name.is_empty() { format!("Segment {number}") } else { name };
        let color = segment.color.unwrap_or_else(|| crate::color(index + 1));
        numbers.push((segment.number, Segment { number, name, color, visible: true }));
    }
    for (stated, segment) in &numbers {
        let own = f32::from(*stated);
        let mut runs: Vec<Run> = Vec::new();
        for at in (0..geometry.voxel_count()).filter(|&at| labels.voxels().get(at) == own) {
            crate::segmentation::add(&mut runs, at as u32);
        }
        segmentation.paint(&runs, segment.number);
    }
    segmentation.set_segments(numbers.into_iter().map(|(_, segment)| segment).collect());
    Ok(segmentation)
}
