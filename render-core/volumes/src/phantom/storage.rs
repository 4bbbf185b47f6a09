//! CT Image Storage files (PS3.3 A.3), Explicit VR Little Endian.

use std::path::Path;

use super::noise::hash;
use super::{Error, Phantom, RESCALE_INTERCEPT, Spec};
use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject, Tag};

pub(super) struct Uids {
    key: u64,
    pub study: String,
    pub series: String,
    pub frame_of_reference: String,
}

impl Uids {
    /// Studies of another seed, size or noise get other UIDs.
    pub fn new(spec: &Spec) -> Self {
        let parts = [
            u64::from(spec.columns),
            u64::from(spec.rows),
            u64::from(spec.slices),
            spec.pixel_spacing_mm.to_bits(),
            spec.slice_spacing_mm.to_bits(),
            u64::from(spec.noise_sigma_hu.to_bits()),
        ];
        let key = parts.into_iter().fold(spec.seed, hash);
        Self { key, study: uid(key, 1), series: uid(key, 2), frame_of_reference: uid(key, 3) }
    }

    fn instance(&self, k: usize) -> String {
        uid(self.key, 1000 + k as u64)
    }
}

/// A UUID as a UID (PS3.5 B.2): version 8, "custom", variant 1.
fn uid(key: u64, item: u64) -> String {
    let high = hash(key, 2 * item) & !0xf000 | 0x8000;
    let low = hash(key, 2 * item + 1) >> 2 | 1 << 63;
    format!("2.25.{}", u128::from(high) << 64 | u128::from(low))
}

/// Writes slice `k` (0 is the lowest); instance 1 is the highest, as read from head to foot.
pub(super) fn write_slice(
    dir: &Path,
    phantom: &Phantom,
    uids: &Uids,
    k: usize,
    stored: &[u16],
) -> Result<(), Error> {
    let instance = phantom.grid.dims[2] - k;
    let path = dir.join(format!("CT{instance:04}.dcm"));
    let encode =
        |source: Box<dyn std::error::Error + Send + Sync>| Error::Encode { path: path.clone(), source };
    let mut object = InMemDicomObject::new_empty();
    for (tag, vr, value) in COMMON {
        object.put_str(tag, vr, value);
    }
    for (tag, value) in [
        (tags::SOP_INSTANCE_UID, uids.instance(k)),
        (tags::STUDY_INSTANCE_UID, uids.study.clone()),
        (tags::SERIES_INSTANCE_UID, uids.series.clone()),
        (tags::FRAME_OF_REFERENCE_UID, uids.frame_of_reference.clone()),
    ] {
        object.put_str(tag, VR::UI, value);
    }
    let Spec { pixel_spacing_mm, slice_spacing_mm, .. } = phantom.spec;
    let origin = phantom.slice_origin_mm(k);
    for (tag, value) in [
        (tags::IMAGE_POSITION_PATIENT, decimals(&origin.to_array().map(f64::from))),
        (tags::PIXEL_SPACING, decimals(&[pixel_spacing_mm, pixel_spacing_mm])),
        (tags::SLICE_THICKNESS, decimals(&[slice_spacing_mm])),
        (tags::SPACING_BETWEEN_SLICES, decimals(&[slice_spacing_mm])),
        (tags::SLICE_LOCATION, decimals(&[f64::from(origin.z)])),
        (tags::RECONSTRUCTION_DIAMETER, decimals(&[pixel_spacing_mm * f64::from(phantom.spec.columns)])),
        (tags::RESCALE_INTERCEPT, decimals(&[f64::from(RESCALE_INTERCEPT)])),
    ] {
        object.put_str(tag, VR::DS, value);
    }
    object.put_str(tags::INSTANCE_NUMBER, VR::IS, instance.to_string());
    for (tag, value) in [
        (tags::SAMPLES_PER_PIXEL, 1),
        (tags::ROWS, phantom.spec.rows),
        (tags::COLUMNS, phantom.spec.columns),
        (tags::BITS_ALLOCATED, 16),
        (tags::BITS_STORED, 12),
        (tags::HIGH_BIT, 11),
        (tags::PIXEL_REPRESENTATION, 0),
    ] {
        object.put(DataElement::new(tag, VR::US, PrimitiveValue::from(value)));
    }
    let bytes: Vec<u8> = stored.iter().flat_map(|value| value.to_le_bytes()).collect();
    object.put(DataElement::new(tags::PIXEL_DATA, VR::OW, PrimitiveValue::from(bytes)));
    let meta = FileMetaTableBuilder::new().transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN);
    let file = object.with_meta(meta).map_err(|source| encode(source.into()))?;
    let mut encoded = Vec::with_capacity(stored.len() * 2 + 4096);
    file.write_all(&mut encoded).map_err(|source| encode(source.into()))?;
    std::fs::write(&path, encoded).map_err(|source| Error::Write { path, source })
}

/// A multi-valued DS; a micrometre is finer than any spacing needs and fits its 16 characters.
fn decimals(values: &[f64]) -> String {
    let texts: Vec<String> =
        values.iter().map(|value| ((value * 1.0e4).round() / 1.0e4).to_string()).collect();
    texts.join("\\")
}

/// What all instances share. The person is invented, and the quality-control flag says that no person was imaged.
const COMMON: [(Tag, VR, &str); 54] = [
    (tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 192"),
    (tags::IMAGE_TYPE, VR::CS, "ORIGINAL\\PRIMARY\\AXIAL"),
    (tags::SOP_CLASS_UID, VR::UI, uids::CT_IMAGE_STORAGE),
    (tags::STUDY_DATE, VR::DA, "20260101"),
    (tags::SERIES_DATE, VR::DA, "20260101"),
    (tags::ACQUISITION_DATE, VR::DA, "20260101"),
    (tags::CONTENT_DATE, VR::DA, "20260101"),
    (tags::STUDY_TIME, VR::TM, "120000"),
    (tags::SERIES_TIME, VR::TM, "120000"),
    (tags::ACQUISITION_TIME, VR::TM, "120000"),
    (tags::CONTENT_TIME, VR::TM, "120000"),
    (tags::ACCESSION_NUMBER, VR::SH, ""),
    (tags::MODALITY, VR::CS, "CT"),
    (tags::MANUFACTURER, VR::LO, "Voxcast"),
    (tags::INSTITUTION_NAME, VR::LO, "Voxcast phantom"),
    (tags::REFERRING_PHYSICIAN_NAME, VR::PN, ""),
    (tags::STUDY_DESCRIPTION, VR::LO, "Chest CT phantom made by formula"),
    (tags::SERIES_DESCRIPTION, VR::LO, "Chest with contrast, arterial"),
    (tags::MANUFACTURER_MODEL_NAME, VR::LO, "Formula phantom"),
    (tags::PATIENT_NAME, VR::PN, "PHANTOM^FORMULA"),
    (tags::PATIENT_ID, VR::LO, "PHANTOM-1"),
    (tags::PATIENT_BIRTH_DATE, VR::DA, ""),
    (tags::PATIENT_SEX, VR::CS, "O"),
    (tags::PATIENT_COMMENTS, VR::LT, "Not a person: computed from formulas"),
    (tags::CONTRAST_BOLUS_AGENT, VR::LO, "Iodine, simulated"),
    (tags::BODY_PART_EXAMINED, VR::CS, "CHEST"),
    (tags::KVP, VR::DS, "120"),
    (tags::DATA_COLLECTION_DIAMETER, VR::DS, "500"),
    (tags::DEVICE_SERIAL_NUMBER, VR::LO, "0"),
    (tags::SOFTWARE_VERSIONS, VR::LO, env!("CARGO_PKG_VERSION")),
    (tags::PROTOCOL_NAME, VR::LO, "Phantom chest"),
    (tags::GANTRY_DETECTOR_TILT, VR::DS, "0"),
    (tags::TABLE_HEIGHT, VR::DS, "150"),
    (tags::ROTATION_DIRECTION, VR::CS, "CW"),
    (tags::EXPOSURE_TIME, VR::IS, "500"),
    (tags::X_RAY_TUBE_CURRENT, VR::IS, "200"),
    (tags::EXPOSURE, VR::IS, "100"),
    (tags::FILTER_TYPE, VR::SH, "NONE"),
    (tags::CONVOLUTION_KERNEL, VR::SH, "SMOOTH"),
    (tags::PATIENT_POSITION, VR::CS, "HFS"),
    (tags::STUDY_ID, VR::SH, "1"),
    (tags::SERIES_NUMBER, VR::IS, "1"),
    (tags::ACQUISITION_NUMBER, VR::IS, "1"),
    (tags::IMAGE_ORIENTATION_PATIENT, VR::DS, "1\\0\\0\\0\\1\\0"),
    (tags::POSITION_REFERENCE_INDICATOR, VR::LO, ""),
    (tags::QUALITY_CONTROL_IMAGE, VR::CS, "YES"),
    (tags::BURNED_IN_ANNOTATION, VR::CS, "NO"),
    (tags::LOSSY_IMAGE_COMPRESSION, VR::CS, "00"),
    (tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2"),
    (tags::WINDOW_CENTER, VR::DS, "40\\-600\\480"),
    (tags::WINDOW_WIDTH, VR::DS, "400\\1500\\2500"),
    (tags::WINDOW_CENTER_WIDTH_EXPLANATION, VR::LO, "Soft tissue\\Lung\\Bone"),
    (tags::RESCALE_SLOPE, VR::DS, "1"),
    (tags::RESCALE_TYPE, VR::LO, "HU"),
];
