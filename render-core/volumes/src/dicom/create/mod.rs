//! Objects of our own about the images of a series: segmentations, measurement reports, presentation states, key
//! object selections and secondary captures.
//!
//! Each is a whole file, explicit little-endian, in the patient's study and in a series of its own. Text is
//! UTF-8. Time and randomness are arguments.

use dicom_dictionary_std::{tags, uids};

use super::dataset::{Dataset, File, ParseError, Until};
use super::deidentify::date_of_unix_day;
use super::object::{Code, Reference};
use super::write::{self, Set, Value};
use super::{Error, Series, source};

mod capture;
mod labels;
mod presentation;
mod report;
mod segmentation;

pub use capture::secondary_capture;
pub use labels::{check_place, on_grid, segments_of};
pub use presentation::presentation_state;
pub use report::{key_objects, measurement_report};
pub use segmentation::{NewSegment, segmentation};

/// The images that an object is about, and whose they are.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Patient and study.
    common: Set,
    study_instance_uid: String,
    series_instance_uid: String,
    frame_of_reference_uid: String,
    /// In slice order, each file once.
    images: Vec<Reference>,
    /// Columns and rows.
    size: [u32; 2],
}

/// What makes an object unlike any other.
#[derive(Clone, Debug)]
pub struct Stamp {
    /// YYYYMMDD
    pub date: String,
    /// HHMMSS
    pub time: String,
    /// From a source of random numbers; never twice the same.
    pub random: [[u8; 16]; 2],
    pub series_number: u32,
    pub series_description: String,
}

impl Stamp {
    /// For an object made so many seconds after the beginning of 1970, UTC.
    pub fn at(
        unix_seconds: u64,
        random: [[u8; 16]; 2],
        series_number: u32,
        series_description: &str,
    ) -> Self {
        let (year, month, day) = date_of_unix_day((unix_seconds / 86_400) as i64);
        let second = unix_seconds % 86_400;
        Self {
            date: format!("{year:04}{month:02}{day:02}"),
            time: format!("{:02}{:02}{:02}", second / 3600, second / 60 % 60, second % 60),
            random,
            series_number,
            series_description: series_description.to_owned(),
        }
    }
}

/// Attributes of the patient and the study that every object of the study repeats.
const TEXTS: [dicom_object::Tag; 13] = [
    tags::PATIENT_NAME,
    tags::PATIENT_ID,
    tags::PATIENT_BIRTH_DATE,
    tags::PATIENT_SEX,
    tags::STUDY_INSTANCE_UID,
    tags::STUDY_DATE,
    tags::STUDY_TIME,
    tags::STUDY_ID,
    tags::STUDY_DESCRIPTION,
    tags::ACCESSION_NUMBER,
    tags::REFERRING_PHYSICIAN_NAME,
    tags::PATIENT_AGE,
    tags::PATIENT_WEIGHT,
];
/// Of these, what may be left out.
const OPTIONAL: [dicom_object::Tag; 3] = [tags::STUDY_DESCRIPTION, tags::PATIENT_AGE, tags::PATIENT_WEIGHT];

impl Subject {
    /// Reads the headers of a series.
    pub fn of(series: &Series) -> Result<Self, Error> {
        let mut subject: Option<Self> = None;
        for path in &series.files {
            let at = |reason: String| Error::Path { path: path.clone(), reason };
            let bytes = source::bytes(path, None).map_err(at)?;
            let file = File::parse(&bytes, true, Until::PixelData).map_err(|e| match e {
                ParseError::Bad(reason) => at(reason),
                ParseError::NeedMore(_) => at("it ends too early".into()),
            })?;
            let text = |tag: dicom_object::Tag| file.dataset.text(tag).unwrap_or_default();
            let image = Reference::instance(&text(tags::SOP_CLASS_UID), &text(tags::SOP_INSTANCE_UID));
            if image.sop_class_uid.is_empty() || image.sop_instance_uid.is_empty() {
                return Err(at("it has no SOPInstanceUID (0008,0018), so nothing can refer to it".into()));
            }
            let subject = subject.get_or_insert_with(|| Self {
                common: common(&file.dataset),
                study_instance_uid: text(tags::STUDY_INSTANCE_UID),
                series_instance_uid: text(tags::SERIES_INSTANCE_UID),
                frame_of_reference_uid: text(tags::FRAME_OF_REFERENCE_UID),
                images: Vec::new(),
                size: [series.dims[0], series.dims[1]],
            });
            subject.images.push(image);
        }
        subject.ok_or_else(|| Error::Series("a series without files has no study to add to".into()))
    }

    /// The images, to refer to.
    pub fn images(&self) -> &[Reference] {
        &self.images
    }

    /// A new object of a class.
    fn begin(&self, sop_class_uid: &str, modality: &str, stamp: &Stamp) -> Set {
        let [series, instance] = stamp.random.map(write::uid_from_random);
        let mut set = self.common.clone();
        set.put_text(tags::SPECIFIC_CHARACTER_SET, "ISO_IR 192")
            .put_text(tags::SOP_CLASS_UID, sop_class_uid)
            .put_text(tags::SOP_INSTANCE_UID, &instance)
            .put_text(tags::INSTANCE_CREATION_DATE, &stamp.date)
            .put_text(tags::INSTANCE_CREATION_TIME, &stamp.time)
            .put_text(tags::CONTENT_DATE, &stamp.date)
            .put_text(tags::CONTENT_TIME, &stamp.time)
            .put_text(tags::SERIES_DATE, &stamp.date)
            .put_text(tags::SERIES_TIME, &stamp.time)
            .put_text(tags::MODALITY, modality)
            .put_text(tags::SERIES_INSTANCE_UID, &series)
            .put_text(tags::SERIES_DESCRIPTION, &stamp.series_description)
            .put_numbers(tags::SERIES_NUMBER, &[f64::from(stamp.series_number)])
            .put_numbers(tags::INSTANCE_NUMBER, &[1.0])
            .put_text(tags::MANUFACTURER, "Voxcast")
            .put_text(tags::MANUFACTURER_MODEL_NAME, "Voxcast")
            .put_text(tags::DEVICE_SERIAL_NUMBER, "1")
            .put_text(tags::SOFTWARE_VERSIONS, env!("CARGO_PKG_VERSION"));
        set
    }

    /// Referenced Series Sequence with the images under `instances`.
    fn referenced_series(&self, instances: dicom_object::Tag, images: &[Reference]) -> Set {
        let mut series = Set::default();
        series
            .put_text(tags::SERIES_INSTANCE_UID, &self.series_instance_uid)
            .put_items(instances, images.iter().map(reference).collect());
        series
    }

    /// Hierarchical references for evidence sequences.
    fn evidence(&self, images: &[Reference]) -> Set {
        let mut study = Set::default();
        let series = self.referenced_series(tags::REFERENCED_SOP_SEQUENCE, images);
        study
            .put_text(tags::STUDY_INSTANCE_UID, &self.study_instance_uid)
            .put_items(tags::REFERENCED_SERIES_SEQUENCE, vec![series]);
        study
    }
}

fn common(data: &Dataset<'_>) -> Set {
    let charset = data.charset();
    let mut set = Set::default();
    for tag in TEXTS {
        let text = data.person_text(tag, &charset);
        if !OPTIONAL.contains(&tag) || is_valid(tag, &text) {
            set.put_text(tag, &text);
        }
    }
    set
}

/// Whether what may be left out is worth keeping: scanners write ages like `0Y`, which no object may hold (PS3.5 6.2).
fn is_valid(tag: dicom_object::Tag, text: &str) -> bool {
    match (tag, text.as_bytes()) {
        (tags::PATIENT_AGE, [number @ .., unit]) => {
            number.len() == 3 && number.iter().all(u8::is_ascii_digit) && b"DWMY".contains(unit)
        }
        (tags::PATIENT_WEIGHT, _) => text.trim().parse().is_ok_and(f64::is_finite),
        (_, bytes) => !bytes.is_empty(),
    }
}

fn finish(set: &Set) -> Vec<u8> {
    write::file(set, uids::EXPLICIT_VR_LITTLE_ENDIAN)
}

fn code_item(code: &Code) -> Set {
    let mut item = Set::default();
    item.put_text(tags::CODE_VALUE, &code.value)
        .put_text(tags::CODING_SCHEME_DESIGNATOR, &code.scheme)
        .put_text(tags::CODE_MEANING, &code.meaning);
    item
}

fn put_code(set: &mut Set, tag: dicom_object::Tag, code: &Code) {
    set.put_items(tag, vec![code_item(code)]);
}

fn reference(image: &Reference) -> Set {
    let mut item = Set::default();
    item.put_text(tags::REFERENCED_SOP_CLASS_UID, &image.sop_class_uid)
        .put_text(tags::REFERENCED_SOP_INSTANCE_UID, &image.sop_instance_uid);
    if !image.frames.is_empty() {
        let frames: Vec<f64> = image.frames.iter().map(|&n| f64::from(n)).collect();
        item.put_numbers(tags::REFERENCED_FRAME_NUMBER, &frames);
    }
    if !image.segments.is_empty() {
        let segments: Vec<f64> = image.segments.iter().map(|&n| f64::from(n)).collect();
        item.put_numbers(tags::REFERENCED_SEGMENT_NUMBER, &segments);
    }
    item
}

fn put_pixels(set: &mut Set, vr: [u8; 2], bytes: Vec<u8>) {
    set.put(tags::PIXEL_DATA, vr, Value::Bytes(bytes));
}
