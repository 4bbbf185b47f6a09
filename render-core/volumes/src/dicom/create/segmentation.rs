//! Segmentations (PS3.3 A.51), binary: one bit a voxel.

use dicom_dictionary_std::{tags, uids};
use glam::DVec3;

use super::{Stamp, Subject, finish, put_code, put_pixels, reference};
use crate::dicom::Error;
use crate::dicom::object::{Code, cielab_of_srgb};
use crate::dicom::write::{self, Set};
use crate::geometry::Geometry;

/// A region to be written.
#[derive(Clone, Debug)]
pub struct NewSegment {
    pub label: String,
    /// What kind of thing it is, for example a tissue.
    pub category: Code,
    /// What it is, for example a liver.
    pub property_type: Code,
    /// Who found it: `None` for a person, else the name of the algorithm.
    pub algorithm: Option<String>,
    /// What it is to be drawn in, sRGB.
    pub color: Option<[u8; 3]>,
    /// Voxels with this label belong to it.
    pub number: u16,
}

/// More than a DICOM element can hold.
const MAX_BYTES: u64 = u32::MAX as u64 - 1;

/// Segments on a grid, which need not be that of the images, but must be in their frame of reference; `labels` are of its
/// voxels, column fastest. Slices without voxels of a segment are left out. Segments are numbered from 1.
pub fn segmentation(
    subject: &Subject,
    grid: &Geometry,
    labels: &[u16],
    segments: &[NewSegment],
    label: &str,
    stamp: &Stamp,
) -> Result<Vec<u8>, Error> {
    let fail = |reason: String| Error::Series(format!("the segmentation cannot be written: {reason}"));
    let [columns, rows, _] = grid.dims().map(|n| n as usize);
    if subject.frame_of_reference_uid.is_empty() {
        return Err(fail("its images have no FrameOfReferenceUID (0020,0052)".into()));
    }
    if columns > usize::from(u16::MAX)
        || rows > usize::from(u16::MAX)
        || segments.len() > usize::from(u16::MAX)
    {
        return Err(fail("it is larger than DICOM can tell".into()));
    }
    if labels.len() != grid.voxel_count() {
        return Err(fail(format!(
            "there are labels for {} voxels, the grid has {}",
            labels.len(),
            grid.voxel_count()
        )));
    }
    let slices: Vec<&[u16]> = labels.chunks_exact(columns * rows).collect();
    let used: Vec<Vec<bool>> = slices.iter().map(|slice| used(slice)).collect();
    let mut places = Vec::new();
    for (index, segment) in segments.iter().enumerate() {
        let holds = |used: &Vec<bool>| used.get(usize::from(segment.number)).is_some_and(|&is| is);
        places.extend((0..slices.len()).filter(|&k| holds(&used[k])).map(|k| (index, k)));
    }
    if (places.len() as u64).saturating_mul((columns * rows).div_ceil(8) as u64) > MAX_BYTES {
        return Err(fail(
            "its segments lie in so many slices that no object can hold them; save fewer at a time".into(),
        ));
    }
    let frames: Vec<Set> = places.iter().map(|&(index, k)| frame(grid, index + 1, k)).collect();
    let mut bits = Bits::default();
    for (index, k) in places {
        slices[k].iter().for_each(|&label| bits.push(label == segments[index].number));
    }
    if frames.is_empty() {
        return Err(fail("no segment has a voxel".into()));
    }
    let mut set = subject.begin(uids::SEGMENTATION_STORAGE, "SEG", stamp);
    let images = subject.referenced_series(tags::REFERENCED_INSTANCE_SEQUENCE, subject.images());
    let dimension = write::uid_from_random(xored(stamp.random));
    set.put_text(tags::IMAGE_TYPE, "DERIVED\\PRIMARY")
        .put_items(tags::REFERENCED_SERIES_SEQUENCE, vec![images])
        .put_text(tags::FRAME_OF_REFERENCE_UID, &subject.frame_of_reference_uid)
        .put_text(tags::POSITION_REFERENCE_INDICATOR, "")
        .put_text(tags::DIMENSION_ORGANIZATION_TYPE, "3D")
        .put_numbers(tags::SAMPLES_PER_PIXEL, &[1.0])
        .put_text(tags::PHOTOMETRIC_INTERPRETATION, "MONOCHROME2")
        .put_numbers(tags::NUMBER_OF_FRAMES, &[frames.len() as f64])
        .put_numbers(tags::ROWS, &[rows as f64])
        .put_numbers(tags::COLUMNS, &[columns as f64])
        .put_numbers(tags::BITS_ALLOCATED, &[1.0])
        .put_numbers(tags::BITS_STORED, &[1.0])
        .put_numbers(tags::HIGH_BIT, &[0.0])
        .put_numbers(tags::PIXEL_REPRESENTATION, &[0.0])
        .put_text(tags::LOSSY_IMAGE_COMPRESSION, "00")
        .put_text(tags::SEGMENTATION_TYPE, "BINARY")
        .put_text(tags::CONTENT_LABEL, &code_string(label))
        .put_text(tags::CONTENT_DESCRIPTION, label)
        .put_text(tags::CONTENT_CREATOR_NAME, "")
        .put_items(tags::DIMENSION_ORGANIZATION_SEQUENCE, vec![organization(&dimension)])
        .put_items(tags::DIMENSION_INDEX_SEQUENCE, dimensions(&dimension))
        .put_items(
            tags::SEGMENT_SEQUENCE,
            segments.iter().enumerate().map(|(index, segment)| described(index + 1, segment)).collect(),
        )
        .put_items(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, vec![shared(subject, grid)])
        .put_items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, frames);
    put_pixels(&mut set, *b"OB", bits.bytes);
    Ok(finish(&set))
}

/// Which labels a slice has.
fn used(slice: &[u16]) -> Vec<bool> {
    let mut used = vec![false; usize::from(slice.iter().copied().max().unwrap_or(0)) + 1];
    slice.iter().for_each(|&label| used[usize::from(label)] = true);
    used
}

/// A third number from two that no other object has.
fn xored([a, b]: [[u8; 16]; 2]) -> [u8; 16] {
    std::array::from_fn(|i| a[i] ^ b[i].rotate_left(3))
}

/// Bits, the first of each byte lowest; frames are not aligned (PS3.5 8.1.1).
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    count: usize,
}

impl Bits {
    fn push(&mut self, bit: bool) {
        if self.count.is_multiple_of(8) {
            self.bytes.push(0);
        }
        if let Some(last) = self.bytes.last_mut() {
            *last |= u8::from(bit) << (self.count % 8);
        }
        self.count += 1;
    }
}

/// Text fit for CS: capitals, digits, spaces and underscores, at most 16.
pub(super) fn code_string(text: &str) -> String {
    let fit = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    let text: String = text.chars().take(16).map(fit).collect();
    if text.is_empty() { "VOXCAST".into() } else { text }
}

fn organization(uid: &str) -> Set {
    let mut item = Set::default();
    item.put_text(tags::DIMENSION_ORGANIZATION_UID, uid);
    item
}

/// By segment, then by position.
fn dimensions(organization: &str) -> Vec<Set> {
    let at = |tag: dicom_object::Tag| [tag.group().to_le_bytes(), tag.element().to_le_bytes()].concat();
    [
        (tags::REFERENCED_SEGMENT_NUMBER, tags::SEGMENT_IDENTIFICATION_SEQUENCE, "Segment"),
        (tags::IMAGE_POSITION_PATIENT, tags::PLANE_POSITION_SEQUENCE, "Position"),
    ]
    .map(|(index, group, label)| {
        let mut item = Set::default();
        item.put(tags::DIMENSION_INDEX_POINTER, *b"AT", write::Value::Bytes(at(index)))
            .put(tags::FUNCTIONAL_GROUP_POINTER, *b"AT", write::Value::Bytes(at(group)))
            .put_text(tags::DIMENSION_ORGANIZATION_UID, organization)
            .put_text(tags::DIMENSION_DESCRIPTION_LABEL, label);
        item
    })
    .to_vec()
}

fn described(number: usize, segment: &NewSegment) -> Set {
    let mut item = Set::default();
    item.put_numbers(tags::SEGMENT_NUMBER, &[number as f64])
        .put_text(tags::SEGMENT_LABEL, &segment.label)
        .put_text(
            tags::SEGMENT_ALGORITHM_TYPE,
            if segment.algorithm.is_some() { "AUTOMATIC" } else { "MANUAL" },
        );
    if let Some(name) = &segment.algorithm {
        item.put_text(tags::SEGMENT_ALGORITHM_NAME, name);
    }
    if let Some(color) = segment.color {
        let lab = cielab_of_srgb(color).map(f64::from);
        item.put_numbers(tags::RECOMMENDED_DISPLAY_CIE_LAB_VALUE, &lab);
    }
    put_code(&mut item, tags::SEGMENTED_PROPERTY_CATEGORY_CODE_SEQUENCE, &segment.category);
    put_code(&mut item, tags::SEGMENTED_PROPERTY_TYPE_CODE_SEQUENCE, &segment.property_type);
    item
}

/// What all frames have in common: the grid's steps and axes, and that they come from the images.
fn shared(subject: &Subject, grid: &Geometry) -> Set {
    let [x, y, z] = grid.direction();
    let spacing = grid.spacing_mm();
    let step = spacing.z * z.dot(x.cross(y)).abs();
    let (mut measures, mut orientation, mut group) = (Set::default(), Set::default(), Set::default());
    measures
        .put_numbers(tags::PIXEL_SPACING, &[spacing.y, spacing.x])
        .put_numbers(tags::SLICE_THICKNESS, &[step])
        .put_numbers(tags::SPACING_BETWEEN_SLICES, &[step]);
    orientation.put_numbers(tags::IMAGE_ORIENTATION_PATIENT, &[x.x, x.y, x.z, y.x, y.y, y.z]);
    group
        .put_items(tags::PIXEL_MEASURES_SEQUENCE, vec![measures])
        .put_items(tags::PLANE_ORIENTATION_SEQUENCE, vec![orientation])
        .put_items(tags::DERIVATION_IMAGE_SEQUENCE, vec![derivation(subject)]);
    group
}

fn derivation(subject: &Subject) -> Set {
    let purpose = Code::new("121322", "DCM", "Source image for image processing operation");
    let sources = subject.images().iter().map(|image| {
        let mut item = reference(image);
        put_code(&mut item, tags::PURPOSE_OF_REFERENCE_CODE_SEQUENCE, &purpose);
        item
    });
    let mut item = Set::default();
    item.put_items(tags::SOURCE_IMAGE_SEQUENCE, sources.collect());
    put_code(&mut item, tags::DERIVATION_CODE_SEQUENCE, &Code::new("113076", "DCM", "Segmentation"));
    item
}

fn frame(grid: &Geometry, segment: usize, slice: usize) -> Set {
    let place = grid.patient_from_voxel().transform_point3(DVec3::new(0.0, 0.0, slice as f64));
    let (mut content, mut position) = (Set::default(), Set::default());
    let (mut identification, mut group) = (Set::default(), Set::default());
    content.put_numbers(tags::DIMENSION_INDEX_VALUES, &[segment as f64, slice as f64 + 1.0]);
    position.put_numbers(tags::IMAGE_POSITION_PATIENT, &place.to_array());
    identification.put_numbers(tags::REFERENCED_SEGMENT_NUMBER, &[segment as f64]);
    group
        .put_items(tags::FRAME_CONTENT_SEQUENCE, vec![content])
        .put_items(tags::PLANE_POSITION_SEQUENCE, vec![position])
        .put_items(tags::SEGMENT_IDENTIFICATION_SEQUENCE, vec![identification]);
    group
}
