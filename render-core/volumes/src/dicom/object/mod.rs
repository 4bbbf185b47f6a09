//! DICOM objects that are no images: named and listed by a scan.

use std::collections::BTreeSet;
use std::path::PathBuf;

use dicom_core::dictionary::UidDictionary;
use dicom_dictionary_std::{StandardSopClassDictionary, tags, uids};

use super::dataset::{Dataset, File, Tag, Value};

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
