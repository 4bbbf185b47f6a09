//! DICOM objects that are no images: named and listed by a scan, and parsed on demand.

use std::collections::BTreeSet;
use std::path::PathBuf;

use dicom_core::dictionary::UidDictionary;
use dicom_dictionary_std::{StandardSopClassDictionary, tags, uids};

use super::dataset::{Dataset, File, ParseError, Tag, Until, Value};
use super::{Error, source};
use crate::words::advised;

pub(super) use code::cielab_of_srgb;
pub use code::{Code, Reference, ReferencedSeries};
pub use misc::{Channel, Document, Multiplex, Registration, Transform, Waveform};
pub use presentation::PresentationState;
pub use report::Report;
pub use segmentation::Segmentation;
pub use structure_set::StructureSet;

mod code;
mod misc;
pub mod presentation;
pub mod report;
pub mod segmentation;
pub mod structure_set;

/// More series are named by no object; a list of this length tells that it is damaged.
const MAX_REFERENCES: usize = 10_000;

/// A file that is no image to look at by itself. It is listed whether or not Voxcast knows what its
/// class means.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object {
    pub path: PathBuf,
    pub sop_class_uid: String,
    /// Name of the SOP class (PS3.6 table A-1), for example `RT Structure Set Storage`; its UID where it is
    /// not known.
    pub class: String,
    pub sop_instance_uid: String,
    pub modality: String,
    pub series_instance_uid: String,
    pub series_description: String,
    /// What the object calls itself: Content Label, Structure Set Label, Document Title and the like; empty
    /// where it does not.
    pub label: String,
    /// Frame of Reference UID of what it describes, empty when unknown.
    pub frame_of_reference_uid: String,
    /// Series Instance UIDs that it refers to, each once, sorted.
    pub referenced_series: Vec<String>,
}

/// Classes that have pixels, but are no pictures to look at by themselves.
const NOT_IMAGES: [&str; 5] = [
    uids::SEGMENTATION_STORAGE,
    uids::LABEL_MAP_SEGMENTATION_STORAGE,
    uids::SURFACE_SEGMENTATION_STORAGE,
    uids::VL_WHOLE_SLIDE_MICROSCOPY_IMAGE_STORAGE,
    uids::MEDIA_STORAGE_DIRECTORY_STORAGE,
];

const LABELS: [dicom_object::Tag; 8] = [
    tags::CONTENT_LABEL,
    tags::STRUCTURE_SET_LABEL,
    tags::RT_PLAN_LABEL,
    tags::DOCUMENT_TITLE,
    tags::CONTENT_DESCRIPTION,
    tags::STRUCTURE_SET_NAME,
    tags::RT_PLAN_NAME,
    tags::FILE_SET_ID,
];

impl Object {
    /// What a file is if it is no image, `None` if it is one; `path` is left empty. An error says what is
    /// wrong with a file that is neither.
    pub(super) fn read(file: &File<'_>) -> Result<Option<Self>, String> {
        let data = &file.dataset;
        let text = |tag: dicom_object::Tag| data.text(tag).unwrap_or_default();
        let stated = [data.text(tags::SOP_CLASS_UID), file.meta.text(tags::MEDIA_STORAGE_SOP_CLASS_UID)];
        let sop_class_uid = stated.into_iter().flatten().find(|uid| !uid.is_empty()).unwrap_or_default();
        if file.has_pixel_data && !NOT_IMAGES.contains(&sop_class_uid.as_str()) {
            return Ok(None);
        }
        match &file.truncated {
            Some(cut) if !file.has_pixel_data => return Err(format!("damaged: {cut}")),
            _ if sop_class_uid.is_empty() => {
                return Err("holds no image, and its SOPClassUID (0008,0016) does not tell what else".into());
            }
            _ => {}
        }
        let class = class_name(&sop_class_uid);
        if !file.has_pixel_data && class.contains("Image Storage") {
            return Err(format!("is a file of class {class} without PixelData (7FE0,0010)"));
        }
        let charset = data.charset();
        let person = |tag: dicom_object::Tag| data.person_text(tag, &charset);
        let title = data.items(tags::CONCEPT_NAME_CODE_SEQUENCE).first();
        let title = title.map(|code| code.person_text(tags::CODE_MEANING, &charset));
        let label = LABELS.iter().map(|&tag| person(tag)).chain(title).find(|text| !text.is_empty());
        let mut references = References::default();
        references.gather(data, true);
        let frame_of_reference_uid = match text(tags::FRAME_OF_REFERENCE_UID) {
            uid if uid.is_empty() => references.frame_of_reference_uid,
            uid => uid,
        };
        Ok(Some(Self {
            path: PathBuf::new(),
            class,
            sop_class_uid,
            sop_instance_uid: text(tags::SOP_INSTANCE_UID),
            modality: text(tags::MODALITY),
            series_instance_uid: text(tags::SERIES_INSTANCE_UID),
            series_description: person(tags::SERIES_DESCRIPTION),
            label: label.unwrap_or_default(),
            frame_of_reference_uid,
            referenced_series: references.series.into_iter().collect(),
        }))
    }
}

/// What an object holds.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Content {
    Segmentation(Segmentation),
    StructureSet(StructureSet),
    /// Structured reports and key object selections.
    Report(Report),
    PresentationState(PresentationState),
    Registration(Registration),
    Document(Document),
    Waveform(Waveform),
    /// Voxcast knows the object's name only.
    Unknown,
}

impl Object {
    /// Whether it marks regions in images: a segmentation or a structure set.
    pub fn marks_regions(&self) -> bool {
        [uids::SEGMENTATION_STORAGE, uids::LABEL_MAP_SEGMENTATION_STORAGE, uids::RT_STRUCTURE_SET_STORAGE]
            .contains(&self.sop_class_uid.as_str())
    }

    /// Reads the object's file.
    pub fn open(&self) -> Result<Content, Error> {
        let at = |reason: String| Error::Path { path: self.path.clone(), reason: advised(reason) };
        let bytes = source::bytes(&self.path, None).map_err(at)?;
        let file = File::parse(&bytes, true, Until::End).map_err(|e| match e {
            ParseError::Bad(reason) => at(reason),
            ParseError::NeedMore(_) => at("it ends too early".into()),
        })?;
        if let Some(cut) = &file.truncated {
            return Err(at(format!("damaged: {cut}")));
        }
        content(&self.sop_class_uid, &file, bytes.len() as u64).map_err(at)
    }
}

fn content(sop_class_uid: &str, file: &File<'_>, size: u64) -> Result<Content, String> {
    Ok(match sop_class_uid {
        uids::SEGMENTATION_STORAGE | uids::LABEL_MAP_SEGMENTATION_STORAGE => {
            Content::Segmentation(Segmentation::read(file, size)?)
        }
        uids::RT_STRUCTURE_SET_STORAGE => Content::StructureSet(StructureSet::read(file)?),
        uids::SPATIAL_REGISTRATION_STORAGE => Content::Registration(Registration::read(file)?),
        class if class.starts_with("1.2.840.10008.5.1.4.1.1.88.") => Content::Report(Report::read(file)?),
        class if class.starts_with("1.2.840.10008.5.1.4.1.1.11.") => {
            Content::PresentationState(PresentationState::read(file))
        }
        class if class.starts_with("1.2.840.10008.5.1.4.1.1.104.") => {
            Content::Document(Document::read(file)?)
        }
        class if class.starts_with("1.2.840.10008.5.1.4.1.1.9.") => Content::Waveform(Waveform::read(file)),
        _ => Content::Unknown,
    })
}

/// Name of a SOP class, or its UID.
fn class_name(sop_class_uid: &str) -> String {
    StandardSopClassDictionary
        .by_uid(sop_class_uid)
        .map_or_else(|| sop_class_uid.to_owned(), |entry| entry.name.to_owned())
}

/// What the items of an object's sequences refer to.
#[derive(Default)]
struct References {
    series: BTreeSet<String>,
    frame_of_reference_uid: String,
}

impl References {
    /// Goes as deep as the data set does, which is limited where it is read.
    fn gather(&mut self, data: &Dataset<'_>, root: bool) {
        for element in data.elements() {
            let uid = || data.text(element.tag).unwrap_or_default();
            if let Value::Items(items) = &element.value {
                items.iter().for_each(|item| self.gather(item, false));
            } else if !root && element.tag == Tag::from(tags::SERIES_INSTANCE_UID) {
                let uid = uid();
                if self.series.len() < MAX_REFERENCES && !uid.is_empty() {
                    self.series.insert(uid);
                }
            } else if !root
                && self.frame_of_reference_uid.is_empty()
                && [tags::FRAME_OF_REFERENCE_UID, tags::REFERENCED_FRAME_OF_REFERENCE_UID]
                    .iter()
                    .any(|&tag| element.tag == Tag::from(tag))
            {
                self.frame_of_reference_uid = uid();
            }
        }
    }
}
