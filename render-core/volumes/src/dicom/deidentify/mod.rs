//! De-identification (PS3.15 Annex E): files that no longer tell whose they are.
//!
//! What becomes of an attribute is data, `table.txt`. Beyond it, dates and names that the table does not list
//! are emptied, words of the patient's name and ID are taken out of all other text, and private attributes,
//! those that no dictionary knows and what follows the pixel data are removed. Pixels are never changed: text
//! burned into them is only warned of.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::LazyLock;

use dicom_dictionary_std::{tags, uids};
use sha2::{Digest, Sha256};

use super::dataset::{File, ParseError, Tag, Until};
use super::write::{self, Element, Set, Value};
use super::{Error, source};
use dates::Shift;

mod dates;
mod private;
mod text;

/// What to keep of what the basic profile removes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    pub keep: BTreeSet<Keep>,
    pub dates: Dates,
    /// Stands in for the patient's name and ID; a pseudonym made from the key otherwise.
    pub pseudonym: Option<String>,
}

/// The options of PS3.15 E.3 that retain or clean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Keep {
    /// Study, series, instance and other UIDs.
    Uids,
    /// Age, sex, size, weight, ethnic group, smoking status and the like.
    PatientCharacteristics,
    /// Which device made the images.
    Device,
    /// Which institution.
    Institution,
    /// Descriptions and comments, after taking out every identifying text that the file itself holds, and
    /// long numbers.
    Descriptors,
    /// Private attributes that are known to hold no identity (PS3.15 table E.3.10-1).
    SafePrivate,
}

/// What becomes of dates and times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dates {
    #[default]
    Remove,
    /// As they are.
    Keep,
    /// All dates of a patient moved by the same number of days, 1 to 3650 back; times stay.
    Shift,
}

/// Decides what new UIDs, pseudonyms and shifts are: the same key gives the same ones, so that files of one
/// study, or of a later one, still belong together. Whoever has it can tell which file came from which.
#[derive(Clone)]
pub struct Key([u8; 32]);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(hidden)")
    }
}

impl Key {
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// From a secret of any length.
    pub fn from_secret(secret: &[u8]) -> Self {
        Self(Sha256::digest(secret).into())
    }

    /// HMAC-SHA-256 (RFC 2104), its first half.
    fn hash(&self, what: &str, value: &str) -> [u8; 16] {
        let pad = |byte: u8| {
            let mut block = [byte; 64];
            block.iter_mut().zip(self.0).for_each(|(b, key)| *b ^= key);
            block
        };
        let inner = Sha256::new().chain_update(pad(0x36)).chain_update(what).chain_update([0]);
        let inner = inner.chain_update(value).finalize();
        let outer = Sha256::new().chain_update(pad(0x5C)).chain_update(inner).finalize();
        let mut half = [0; 16];
        half.copy_from_slice(&outer[..16]);
        half
    }

    fn uid(&self, uid: &str) -> String {
        write::uid_from_random(self.hash("uid", uid))
    }
}

/// A file without identity.
#[derive(Clone)]
pub struct Deidentified {
    /// To be written; the preamble is empty.
    pub bytes: Vec<u8>,
    pub study_instance_uid: String,
    pub series_instance_uid: String,
    pub sop_instance_uid: String,
    /// Why the pixels may show who the patient is, if they may.
    pub burned_in: Option<String>,
}

impl std::fmt::Debug for Deidentified {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes, instance {}", self.bytes.len(), self.sop_instance_uid)
    }
}

/// Reads a file and takes out what identifies the patient, and everybody else.
pub fn deidentify(path: &Path, profile: &Profile, key: &Key) -> Result<Deidentified, Error> {
    let at = |reason: String| Error::Path { path: path.to_owned(), reason };
    let bytes = source::bytes(path, None).map_err(at)?;
    let file = File::parse(&bytes, true, Until::End).map_err(|e| match e {
        ParseError::Bad(reason) => at(reason),
        ParseError::NeedMore(_) => at("it ends too early".into()),
    })?;
    if let Some(cut) = &file.truncated {
        return Err(at(format!("damaged, so it cannot be de-identified safely: {cut}")));
    }
    let mut set = Set::of_file(&file);
    // Some writers name the class in the file meta information only.
    if let Some(class) = file.meta.text(tags::MEDIA_STORAGE_SOP_CLASS_UID)
        && set.text(tags::SOP_CLASS_UID).is_none_or(|uid| uid.is_empty())
    {
        set.put_text(tags::SOP_CLASS_UID, &class);
    }
    let burned_in = burned_in(&set);
    let patient = set.text(tags::PATIENT_ID).unwrap_or_default();
    let worker = Worker {
        profile,
        key,
        shift: Shift::of(u64::from_le_bytes(key.hash("shift", &patient)[..8].try_into().expect("8 bytes"))),
        identifiers: text::identifiers(&file.dataset),
        patient_words: text::patient_words(&file.dataset),
    };
    worker.clean(&mut set);
    worker.mark(&mut set, &patient);
    let text = |tag: dicom_object::Tag| set.text(tag).unwrap_or_default();
    let syntax = match (&file.pixels, file.transfer_syntax.as_str()) {
        (Some(super::dataset::PixelBytes::Encapsulated(_)), syntax) => syntax,
        (_, uids::IMPLICIT_VR_LITTLE_ENDIAN) => uids::IMPLICIT_VR_LITTLE_ENDIAN,
        _ => uids::EXPLICIT_VR_LITTLE_ENDIAN,
    };
    Ok(Deidentified {
        bytes: write::file(&set, syntax),
        study_instance_uid: text(tags::STUDY_INSTANCE_UID),
        series_instance_uid: text(tags::SERIES_INSTANCE_UID),
        sop_instance_uid: text(tags::SOP_INSTANCE_UID),
        burned_in,
    })
}

/// UIDs of kinds of things, which are no one's own.
const NAMES_OF_KINDS: [dicom_core::Tag; 9] = [
    tags::SOP_CLASS_UID,
    tags::MEDIA_STORAGE_SOP_CLASS_UID,
    tags::TRANSFER_SYNTAX_UID,
    tags::IMPLEMENTATION_CLASS_UID,
    tags::REFERENCED_SOP_CLASS_UID,
    tags::REFERENCED_SOP_CLASS_UID_IN_FILE,
    tags::CODING_SCHEME_UID,
    tags::CONTEXT_UID,
    tags::MAPPING_RESOURCE_UID,
];

fn names_kind(tag: Tag) -> bool {
    NAMES_OF_KINDS.iter().any(|&kind| Tag::from(kind) == tag)
}

/// What the table says about an attribute.
struct Rule {
    action: Action,
    options: Vec<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Action {
    Remove,
    Empty,
    /// A value that means nothing, where an empty one is not allowed; sequences are cleaned.
    Dummy,
    Uid,
}

/// Where the action depends on whether the object must have the attribute, the one that is always allowed.
static TABLE: LazyLock<HashMap<u32, Rule>> = LazyLock::new(|| {
    let lines = include_str!("table.txt").lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let tag = u32::from_str_radix(words.next()?, 16).ok()?;
            let action = match words.next()? {
                "X" => Action::Remove,
                "Z" | "X/Z" => Action::Empty,
                "U" | "X/Z/U*" => Action::Uid,
                _ => Action::Dummy,
            };
            Some((tag, Rule { action, options: words.collect() }))
        })
        .collect()
});

struct Worker<'a> {
    profile: &'a Profile,
    key: &'a Key,
    shift: Shift,
    identifiers: Vec<String>,
    patient_words: Vec<String>,
}

/// What is done to one element.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Keep,
    Shift,
    CleanText,
    Do(Action),
}

impl Worker<'_> {
    fn clean(&self, set: &mut Set) {
        let safe = if self.keeps(Keep::SafePrivate) { private::safe(set) } else { BTreeSet::new() };
        set.retain(|tag, element| {
            if tag.is_private() {
                return safe.contains(&tag);
            }
            // Curves and overlays may show text.
            if matches!(tag.group() & 0xFF00, 0x5000 | 0x6000) {
                return false;
            }
            match self.fate(tag, element) {
                None | Some(Fate::Do(Action::Remove)) => false,
                Some(fate) => {
                    self.apply(tag, fate, element);
                    true
                }
            }
        });
    }

    /// `None` for what nobody knows.
    fn fate(&self, tag: Tag, element: &Element) -> Option<Fate> {
        let Some(rule) = TABLE.get(&tag.0) else {
            write::dictionary_vr(tag, false)?;
            let unlisted = match (&element.vr, self.profile.dates) {
                (b"PN", _) | (b"DA" | b"DT", Dates::Remove) => Fate::Do(Action::Empty),
                (b"DA" | b"DT", Dates::Shift) => Fate::Shift,
                // Addresses hold names of servers, and often of patients.
                (b"UR", _) => Fate::Do(Action::Empty),
                (b"UI", _) if !self.keeps(Keep::Uids) && !names_kind(tag) => Fate::Do(Action::Uid),
                _ => Fate::Keep,
            };
            return Some(unlisted);
        };
        let on = |option: &str| rule.options.contains(&option);
        let kept = on("uids") && self.keeps(Keep::Uids)
            || on("patient") && self.keeps(Keep::PatientCharacteristics)
            || on("device") && self.keeps(Keep::Device)
            || on("institution") && self.keeps(Keep::Institution)
            || on("dates") && self.profile.dates == Dates::Keep;
        let cleaned = on("descriptors") && self.keeps(Keep::Descriptors)
            || on("patient-cleaned") && self.keeps(Keep::PatientCharacteristics)
            || on("device-cleaned") && self.keeps(Keep::Device);
        Some(if kept {
            Fate::Keep
        } else if on("dates") && self.profile.dates == Dates::Shift {
            Fate::Shift
        } else if cleaned {
            Fate::CleanText
        } else {
            Fate::Do(rule.action)
        })
    }

    fn apply(&self, tag: Tag, fate: Fate, element: &mut Element) {
        let vr = element.vr;
        match (&mut element.value, fate) {
            (Value::Items(items), Fate::Do(Action::Empty)) => items.clear(),
            (Value::Items(items), _) => items.iter_mut().for_each(|item| self.clean(item)),
            (Value::Bytes(bytes), Fate::Keep) => text::without(tag, vr, bytes, &self.patient_words),
            (Value::Fragments(_), Fate::Keep) => {}
            (Value::Bytes(bytes), Fate::Shift) => *bytes = self.shift.apply(vr, bytes),
            (Value::Bytes(bytes), Fate::CleanText) => *bytes = text::clean(vr, bytes, &self.identifiers),
            (Value::Bytes(bytes), Fate::Do(Action::Uid)) => *bytes = self.uids(bytes),
            (Value::Bytes(bytes), Fate::Do(Action::Dummy)) => *bytes = dummy(vr, bytes.len()),
            (value, Fate::Do(_) | Fate::Shift | Fate::CleanText) => *value = Value::Bytes(Vec::new()),
        }
    }

    /// New UIDs for those of instances; those of the standard name kinds of things.
    fn uids(&self, bytes: &[u8]) -> Vec<u8> {
        let text = String::from_utf8_lossy(bytes);
        let new = text.split('\\').map(|uid| match uid.trim_matches([' ', '\0']) {
            uid if uid.is_empty() || uid.starts_with("1.2.840.10008.") => uid.to_owned(),
            uid => self.key.uid(uid),
        });
        new.collect::<Vec<_>>().join("\\").into_bytes()
    }

    fn keeps(&self, what: Keep) -> bool {
        self.profile.keep.contains(&what)
    }

    /// Says what was done (PS3.15 E.1.1, PS3.16 CID 7050).
    fn mark(&self, set: &mut Set, patient: &str) {
        let pseudonym = self.profile.pseudonym.clone().unwrap_or_else(|| {
            let hash = self.key.hash("patient", patient);
            format!("ANON-{:016X}", u64::from_be_bytes(hash[..8].try_into().expect("8 bytes")))
        });
        set.put_text(tags::PATIENT_NAME, &pseudonym).put_text(tags::PATIENT_ID, &pseudonym);
        let mut methods = vec![("113100", "Basic Application Confidentiality Profile")];
        for (keep, value, meaning) in [
            (Keep::Descriptors, "113105", "Clean Descriptors Option"),
            (Keep::PatientCharacteristics, "113108", "Retain Patient Characteristics Option"),
            (Keep::Device, "113109", "Retain Device Identity Option"),
            (Keep::Uids, "113110", "Retain UIDs Option"),
            (Keep::SafePrivate, "113111", "Retain Safe Private Option"),
            (Keep::Institution, "113112", "Retain Institution Identity Option"),
        ] {
            if self.keeps(keep) {
                methods.push((value, meaning));
            }
        }
        let temporal = match self.profile.dates {
            Dates::Remove => "REMOVED",
            Dates::Keep => {
                methods.push(("113106", "Retain Longitudinal Temporal Information Full Dates Option"));
                "UNMODIFIED"
            }
            Dates::Shift => {
                methods.push(("113107", "Retain Longitudinal Temporal Information Modified Dates Option"));
                "MODIFIED"
            }
        };
        let codes = methods.into_iter().map(|(value, meaning)| {
            let mut code = Set::default();
            code.put_text(tags::CODE_VALUE, value)
                .put_text(tags::CODING_SCHEME_DESIGNATOR, "DCM")
                .put_text(tags::CODE_MEANING, meaning);
            code
        });
        let codes = codes.collect();
        set.put_text(tags::PATIENT_IDENTITY_REMOVED, "YES")
            .put_text(tags::DEIDENTIFICATION_METHOD, "Voxcast, PS3.15 Annex E")
            .put_items(tags::DEIDENTIFICATION_METHOD_CODE_SEQUENCE, codes)
            .put_text(tags::LONGITUDINAL_TEMPORAL_INFORMATION_MODIFIED, temporal);
    }
}

/// A value of the right form that says nothing.
fn dummy(vr: [u8; 2], length: usize) -> Vec<u8> {
    let text = match &vr {
        b"DA" => "19000101",
        b"DT" => "19000101000000",
        b"TM" => "000000",
        b"AS" => "000Y",
        b"DS" | b"IS" => "0",
        b"UI" => return Vec::new(),
        b"AE" | b"CS" | b"LO" | b"LT" | b"PN" | b"SH" | b"ST" | b"UC" | b"UR" | b"UT" => "REMOVED",
        _ => return vec![0; length],
    };
    text.as_bytes().to_vec()
}

/// Whether pixels may show names: what the file says, else what its kind is known for.
fn burned_in(set: &Set) -> Option<String> {
    set.get(tags::PIXEL_DATA)?;
    let stated = set.text(tags::BURNED_IN_ANNOTATION).unwrap_or_default();
    let modality = set.text(tags::MODALITY).unwrap_or_default();
    let often =
        ["US", "XA", "RF", "SC", "OT", "ES", "GM", "XC", "DOC", "IVUS", "OP"].contains(&modality.as_str());
    match stated.as_str() {
        "NO" => None,
        "YES" => Some("BurnedInAnnotation (0028,0301) says that its pixels show who the patient is".into()),
        _ if often => Some(format!(
            "images of modality {modality} often show names in their pixels, and BurnedInAnnotation (0028,0301) does \
             not say that these do not"
        )),
        _ => None,
    }
}
