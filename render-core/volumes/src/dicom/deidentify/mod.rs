//! De-identification (PS3.15 Annex E): files that no longer tell whose they are.
//!
//! What becomes of an attribute is data, `table.txt`. Beyond it, dates and names that the table does not list
//! are emptied, long text that it does not list and meanings of codes of no standard lose every identifying word
//! of the file, all other text the words of the patient's name and ID, and private attributes, those that no
//! dictionary knows and what follows the pixel data are removed. Pixels are never changed: text burned into them
//! is only warned of.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::LazyLock;

use dicom_dictionary_std::{tags, uids};
use sha2::{Digest, Sha256};

use super::dataset::{File, ParseError, Tag, Until};
use super::write::{self, Element, Set, Value};
use super::{Error, source};
use dates::Shift;
pub(super) use dates::date_of_unix_day;

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
    /// Content of reports and key objects: numbers, codes and references as they are, text as descriptors are.
    StructuredContent,
    /// Graphic annotations of presentation states, their text as descriptors are.
    Graphics,
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
    /// What the copy lost that viewers need, in words; the same words for the same loss.
    pub lost: Vec<&'static str>,
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
    if is_directory(&file) {
        return Err(at("a directory of a medium (DICOMDIR) lists patients and the names of their files, which are others \
                       in the copies: it is not copied"
            .into()));
    }
    let mut set = Set::of_file(&file);
    // Some writers name the class in the file meta information only.
    if let Some(class) = file.meta.text(tags::MEDIA_STORAGE_SOP_CLASS_UID)
        && set.text(tags::SOP_CLASS_UID).is_none_or(|uid| uid.is_empty())
    {
        set.put_text(tags::SOP_CLASS_UID, &class);
    }
    let burned_in = burned_in(&set);
    let lost = lost(&set, profile);
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
        lost,
    })
}

/// Whether a file is a directory (PS3.3 F), whatever it is called.
fn is_directory(file: &File<'_>) -> bool {
    let stated = [file.dataset.text(tags::SOP_CLASS_UID), file.meta.text(tags::MEDIA_STORAGE_SOP_CLASS_UID)];
    let directory = |uid: &String| uid == uids::MEDIA_STORAGE_DIRECTORY_STORAGE;
    stated.iter().flatten().any(directory)
        || file.dataset.bytes(tags::DIRECTORY_RECORD_SEQUENCE).is_some()
        || !file.dataset.items(tags::DIRECTORY_RECORD_SEQUENCE).is_empty()
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
        if concept(set).is_some_and(|code| IDENTIFYING_CONCEPTS.contains(&code.as_str())) {
            for tag in [tags::TEXT_VALUE, tags::DATE] {
                set.change(tag, blank);
            }
        }
        self.clean_meaning(set);
        set.retain(|tag, element| {
            if tag.is_private() {
                let keep = safe.contains(&tag);
                if keep {
                    self.clean_private(tag, element);
                }
                return keep;
            }
            // Curves and overlays may show text, and elements of directories name files.
            if tag.group() == 0x0004 || matches!(tag.group() & 0xFF00, 0x5000 | 0x6000) {
                return false;
            }
            match self.fate(tag, element) {
                None | Some(Fate::Do(Action::Remove)) => false,
                // Where the content goes, no template is followed.
                _ if tag == tags::CONTENT_TEMPLATE_SEQUENCE.into()
                    && !self.keeps(Keep::StructuredContent) =>
                {
                    false
                }
                // Drawings are handwriting; the module that holds them may be left out.
                Some(Fate::Do(_)) if tag == tags::GRAPHIC_ANNOTATION_SEQUENCE.into() => false,
                Some(fate) => {
                    self.apply(tag, fate, element);
                    true
                }
            }
        });
    }

    /// Meanings of codes that anybody may have written.
    fn clean_meaning(&self, set: &mut Set) {
        let scheme = set.text(tags::CODING_SCHEME_DESIGNATOR).unwrap_or_default();
        if !STANDARD_SCHEMES.contains(&scheme.as_str()) {
            set.change(tags::CODE_MEANING, |element| {
                if let Value::Bytes(bytes) = &mut element.value {
                    *bytes = text::clean(element.vr, bytes, &self.identifiers);
                }
            });
        }
    }

    fn clean_private(&self, tag: Tag, element: &mut Element) {
        match &mut element.value {
            Value::Items(items) => items.iter_mut().for_each(|item| self.clean(item)),
            // Where a representation is not told, a UID is told by how it looks.
            Value::Bytes(bytes) if &element.vr == b"UI" || looks_like_uid(bytes) => {
                if !self.keeps(Keep::Uids) {
                    *bytes = self.uids(bytes);
                }
            }
            Value::Bytes(bytes) => text::without(tag, element.vr, bytes, &self.patient_words),
            Value::Fragments(_) => {}
        }
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
                (b"LT" | b"ST" | b"UT", _) => Fate::CleanText,
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
            || on("content") && self.keeps(Keep::StructuredContent)
            || on("graphics") && self.keeps(Keep::Graphics)
            || on("patient-cleaned") && self.keeps(Keep::PatientCharacteristics)
            || on("device-cleaned") && self.keeps(Keep::Device);
        // Dates that move, move also where another option would keep them.
        Some(if on("dates") && self.profile.dates == Dates::Shift {
            Fate::Shift
        } else if kept {
            Fate::Keep
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
            (Value::Items(items), Fate::Do(Action::Dummy)) if tag == tags::CONTENT_SEQUENCE.into() => {
                *items = vec![removed_content()];
            }
            (Value::Items(items), Fate::Do(Action::Dummy))
                if NAMES_OF_PEOPLE.iter().any(|&t| tag == t.into()) =>
            {
                for item in items {
                    blank_text(item);
                    self.clean(item);
                }
            }
            (Value::Items(items), _) => items.iter_mut().for_each(|item| self.clean(item)),
            (Value::Bytes(bytes), Fate::Keep) => text::without(tag, vr, bytes, &self.patient_words),
            (Value::Fragments(_), Fate::Keep) => {}
            (Value::Bytes(bytes), Fate::Shift) => *bytes = self.shift.apply(vr, bytes),
            (Value::Bytes(bytes), Fate::CleanText) => *bytes = text::clean(vr, bytes, &self.identifiers),
            (Value::Bytes(bytes), Fate::Do(Action::Uid)) => *bytes = self.uids(bytes),
            (Value::Bytes(bytes), Fate::Do(Action::Dummy)) if &vr == b"UI" => *bytes = self.uids(bytes),
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
            (Keep::Graphics, "113103", "Clean Graphics Option"),
            (Keep::StructuredContent, "113104", "Clean Structured Content Option"),
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

/// Sequences that say who or where, by codes or in words.
const NAMES_OF_PEOPLE: [dicom_core::Tag; 5] = [
    tags::INSTITUTION_CODE_SEQUENCE,
    tags::OPERATOR_IDENTIFICATION_SEQUENCE,
    tags::FLOW_IDENTIFIER_SEQUENCE,
    tags::PERSON_IDENTIFICATION_CODE_SEQUENCE,
    tags::VERIFYING_OBSERVER_SEQUENCE,
];

/// Coding schemes whose meanings are a standard's words.
const STANDARD_SCHEMES: [&str; 12] =
    ["DCM", "SCT", "SRT", "SNM3", "99SDM", "UCUM", "LN", "RADLEX", "FMA", "UMLS", "NCIt", "IBSI"];

/// Concepts (PS3.16 CID 7, TID 1002 to 1010) whose values are names, numbers and birth dates.
const IDENTIFYING_CONCEPTS: [&str; 10] =
    ["121008", "121009", "121013", "121016", "121017", "121022", "121030", "121031", "128774", "110190"];

/// What a content item is about: the code of its concept.
fn concept(set: &Set) -> Option<String> {
    match &set.get(tags::CONCEPT_NAME_CODE_SEQUENCE)?.value {
        Value::Items(items) => items.first()?.text(tags::CODE_VALUE),
        _ => None,
    }
}

/// What stands for the content of a report: a comment (PS3.15 table E.1-1 asks for a dummy, not for nothing).
fn removed_content() -> Set {
    let mut concept = Set::default();
    concept
        .put_text(tags::CODE_VALUE, "121106")
        .put_text(tags::CODING_SCHEME_DESIGNATOR, "DCM")
        .put_text(tags::CODE_MEANING, "Comment");
    let mut item = Set::default();
    item.put_text(tags::RELATIONSHIP_TYPE, "CONTAINS")
        .put_text(tags::VALUE_TYPE, "TEXT")
        .put_items(tags::CONCEPT_NAME_CODE_SEQUENCE, vec![concept])
        .put_text(tags::TEXT_VALUE, "Content removed by de-identification");
    item
}

fn blank(element: &mut Element) {
    if let Value::Bytes(bytes) = &mut element.value {
        *bytes = dummy(element.vr, bytes.len());
    }
}

/// Takes all text out of a data set, however deep.
fn blank_text(set: &mut Set) {
    set.retain(|_, element| {
        match &mut element.value {
            Value::Items(items) => items.iter_mut().for_each(blank_text),
            _ if matches!(&element.vr, b"LO" | b"LT" | b"PN" | b"SH" | b"ST" | b"UC" | b"UT") => {
                blank(element);
            }
            _ => {}
        }
        true
    });
}

fn looks_like_uid(bytes: &[u8]) -> bool {
    let text = bytes.trim_ascii_end();
    let text = text.strip_suffix(&[0]).unwrap_or(text);
    text.len() > 8
        && text.iter().all(|b| b.is_ascii_digit() || *b == b'.')
        && text.iter().filter(|&&b| b == b'.').count() > 3
}

/// What a copy can no longer do without what the profile removes.
fn lost(set: &Set, profile: &Profile) -> Vec<&'static str> {
    let mut lost = Vec::new();
    let keeps = |keep| profile.keep.contains(&keep);
    if set.text(tags::IMAGE_TYPE).is_some_and(|kind| kind.split('\\').any(|word| word == "MOSAIC")) {
        lost.push(
            "a Siemens mosaic loses the private header that tells its slices apart (it may hold identity, and PS3.15 \
             does not list it as safe): the copy is shown as one picture of many tiles; to keep the volume, export \
             it as NIfTI",
        );
    }
    if set.get(tags::CONTENT_SEQUENCE).is_some() && !keeps(Keep::StructuredContent) {
        lost.push(
            "the content of a report or key object selection is removed, as text in it may name anybody; the \
             option structured-content keeps it, cleaned",
        );
    }
    if set.get(tags::GRAPHIC_ANNOTATION_SEQUENCE).is_some() && !keeps(Keep::Graphics) {
        lost.push("the drawings and texts of a presentation state are removed; the option graphics keeps them, cleaned");
    }
    if set.get(tags::ENCAPSULATED_DOCUMENT).is_some() {
        lost.push("an encapsulated document is emptied, as it cannot be looked through");
    }
    lost
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
