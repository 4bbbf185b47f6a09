//! Registrations, documents and waveforms.

use dicom_dictionary_std::tags;
use glam::DMat4;

use super::code::Reference;
use crate::dicom::dataset::{Dataset, File};

/// Transforms between frames of reference (PS3.3 C.20.2).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Registration {
    /// The frame of reference that all transforms lead to.
    pub frame_of_reference_uid: String,
    pub transforms: Vec<Transform>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Transform {
    /// The frame of reference of what is transformed.
    pub source_frame_of_reference_uid: String,
    pub images: Vec<Reference>,
    /// Patient mm to patient mm, LPS: the matrices of the file, multiplied in their order.
    pub registered_from_source: DMat4,
    /// `RIGID`, `RIGID_SCALE` or `AFFINE`; the loosest of the matrices' kinds.
    pub kind: String,
}

impl Registration {
    pub(super) fn read(file: &File<'_>) -> Result<Self, String> {
        let data = &file.dataset;
        let transforms = data.items(tags::REGISTRATION_SEQUENCE).iter().map(transform);
        Ok(Self {
            frame_of_reference_uid: data.text(tags::FRAME_OF_REFERENCE_UID).unwrap_or_default(),
            transforms: transforms.collect::<Result<_, _>>()?,
        })
    }
}

fn transform(item: &Dataset<'_>) -> Result<Transform, String> {
    let mut registered_from_source = DMat4::IDENTITY;
    let mut kinds = Vec::new();
    let registration = item.items(tags::MATRIX_REGISTRATION_SEQUENCE).iter();
    for matrix in registration.flat_map(|item| item.items(tags::MATRIX_SEQUENCE)) {
        let stated = tags::FRAME_OF_REFERENCE_TRANSFORMATION_MATRIX;
        let rows = <[f64; 16]>::try_from(matrix.numbers(stated))
            .map_err(|_| "FrameOfReferenceTransformationMatrix (3006,00C6) is not 16 numbers".to_owned())?;
        // Each matrix applies to what those before it give (PS3.3 C.20.2.1.1).
        registered_from_source = DMat4::from_cols_array(&rows).transpose() * registered_from_source;
        kinds.push(matrix.text(tags::FRAME_OF_REFERENCE_TRANSFORMATION_MATRIX_TYPE).unwrap_or_default());
    }
    let looseness = |kind: &String| ["RIGID", "RIGID_SCALE", "AFFINE"].iter().position(|known| known == kind);
    Ok(Transform {
        source_frame_of_reference_uid: item.text(tags::FRAME_OF_REFERENCE_UID).unwrap_or_default(),
        images: Reference::all(item, tags::REFERENCED_IMAGE_SEQUENCE),
        registered_from_source,
        kind: kinds.into_iter().max_by_key(looseness).unwrap_or_default(),
    })
}

/// A document in a DICOM file, such as a PDF (PS3.3 A.45).
#[derive(Clone, PartialEq)]
pub struct Document {
    pub title: String,
    /// For example `application/pdf`.
    pub mime_type: String,
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for Document {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {} bytes", self.mime_type, self.bytes.len())
    }
}

impl Document {
    pub(super) fn read(file: &File<'_>) -> Result<Self, String> {
        let data = &file.dataset;
        let bytes = data
            .bytes(tags::ENCAPSULATED_DOCUMENT)
            .ok_or("EncapsulatedDocument (0042,0011) is missing, so there is no document")?;
        // The length tells the padding byte from the document's own.
        let stated = data.longs(tags::ENCAPSULATED_DOCUMENT_LENGTH).first().map(|&n| n as usize);
        let length = stated.filter(|&n| n <= bytes.len() && n + 1 >= bytes.len()).unwrap_or(bytes.len());
        Ok(Self {
            title: data.person_text(tags::DOCUMENT_TITLE, &data.charset()),
            mime_type: data.text(tags::MIME_TYPE_OF_ENCAPSULATED_DOCUMENT).unwrap_or_default(),
            bytes: bytes[..length].to_vec(),
        })
    }
}

/// Signals over time, such as an ECG (PS3.3 C.10.9): what there is, without the samples.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Waveform {
    pub groups: Vec<Multiplex>,
}

/// Channels sampled together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Multiplex {
    pub label: String,
    pub frequency_hz: f64,
    pub samples: u32,
    pub channels: Vec<Channel>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Channel {
    pub label: String,
    /// What was measured, for example `Lead I`.
    pub source: String,
    /// Of the sensitivity, for example `uV`; empty when unknown.
    pub unit: String,
}

impl Waveform {
    pub(super) fn read(file: &File<'_>) -> Self {
        let data = &file.dataset;
        let charset = data.charset();
        let meaning = |item: &Dataset<'_>, tag: dicom_object::Tag, what: dicom_object::Tag| {
            item.items(tag).first().map(|code| code.person_text(what, &charset)).unwrap_or_default()
        };
        let channel = |item: &Dataset<'_>| Channel {
            label: item.person_text(tags::CHANNEL_LABEL, &charset),
            source: meaning(item, tags::CHANNEL_SOURCE_SEQUENCE, tags::CODE_MEANING),
            unit: meaning(item, tags::CHANNEL_SENSITIVITY_UNITS_SEQUENCE, tags::CODE_VALUE),
        };
        let group = |item: &Dataset<'_>| Multiplex {
            label: item.person_text(tags::MULTIPLEX_GROUP_LABEL, &charset),
            frequency_hz: item.number(tags::SAMPLING_FREQUENCY).unwrap_or(0.0),
            samples: item.longs(tags::NUMBER_OF_WAVEFORM_SAMPLES).first().copied().unwrap_or(0),
            channels: item.items(tags::CHANNEL_DEFINITION_SEQUENCE).iter().map(channel).collect(),
        };
        Self { groups: data.items(tags::WAVEFORM_SEQUENCE).iter().map(group).collect() }
    }
}
