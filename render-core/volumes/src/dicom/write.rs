//! Data sets of our own, and files of them (PS3.5 section 7, PS3.10 section 7).

use std::collections::BTreeMap;

use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry, VirtualVr};
use dicom_dictionary_std::{StandardDataDictionary, tags, uids};

use super::dataset::{self, Dataset, File, PixelBytes, Tag};

/// Names this program's way of writing files.
const IMPLEMENTATION_CLASS_UID: &str = "2.25.239213530468171264828369188456545772202";
const IMPLEMENTATION_VERSION: &str = "VOXCAST_1";

/// A data set that can be changed and written. Values are little-endian; `Debug` shows none of them.
#[derive(Clone, Default, PartialEq)]
pub struct Set {
    elements: BTreeMap<Tag, Element>,
}

#[derive(Clone, PartialEq)]
pub struct Element {
    pub vr: [u8; 2],
    pub value: Value,
}

#[derive(Clone, PartialEq)]
pub enum Value {
    Bytes(Vec<u8>),
    Items(Vec<Set>),
    /// Compressed frames, the offset table first.
    Fragments(Vec<Vec<u8>>),
}

impl std::fmt::Debug for Set {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} elements", self.elements.len())
    }
}

/// A UID of 16 random bytes (PS3.5 B.2).
pub fn uid_from_random(mut bytes: [u8; 16]) -> String {
    // A UUID of version 4, so that no other generator makes the same.
    bytes[6] = bytes[6] & 0x0F | 0x40;
    bytes[8] = bytes[8] & 0x3F | 0x80;
    format!("2.25.{}", u128::from_be_bytes(bytes))
}

/// The value representation the dictionary gives; `signed` decides where it leaves US or SS open.
pub fn dictionary_vr(tag: Tag, signed: bool) -> Option<[u8; 2]> {
    if tag.is_private() {
        return (0x10..=0xFF).contains(&tag.element()).then_some(*b"LO");
    }
    if tag.element() == 0 {
        return Some(*b"UL");
    }
    let entry = StandardDataDictionary.by_tag(dicom_object::Tag(tag.group(), tag.element()))?;
    Some(match entry.vr() {
        VirtualVr::Exact(vr) => {
            let name = vr.to_string().as_bytes();
            [name[0], name[1]]
        }
        VirtualVr::Xs if signed => *b"SS",
        VirtualVr::Xs => *b"US",
        _ => *b"OW",
    })
}

impl Set {
    pub fn get(&self, tag: impl Into<Tag>) -> Option<&Element> {
        self.elements.get(&tag.into())
    }

    pub fn iter(&self) -> impl Iterator<Item = (Tag, &Element)> {
        self.elements.iter().map(|(tag, element)| (*tag, element))
    }

    /// Keeps what `keep` says, which may change values.
    pub fn retain(&mut self, mut keep: impl FnMut(Tag, &mut Element) -> bool) {
        self.elements.retain(|tag, element| keep(*tag, element));
    }

    /// Changes an element, if it is there.
    pub fn change(&mut self, tag: impl Into<Tag>, change: impl FnOnce(&mut Element)) {
        if let Some(element) = self.elements.get_mut(&tag.into()) {
            change(element);
        }
    }

    /// Text of an element in ASCII or UTF-8, without padding.
    pub fn text(&self, tag: impl Into<Tag>) -> Option<String> {
        match &self.get(tag)?.value {
            Value::Bytes(bytes) => Some(String::from_utf8_lossy(bytes).trim_matches([' ', '\0']).to_owned()),
            _ => None,
        }
    }

    pub fn put(&mut self, tag: impl Into<Tag>, vr: [u8; 2], value: Value) -> &mut Self {
        self.elements.insert(tag.into(), Element { vr, value });
        self
    }

    /// Text in UTF-8; several values are joined by backslashes. The dictionary gives the representation.
    pub fn put_text(&mut self, tag: impl Into<Tag>, text: &str) -> &mut Self {
        let tag = tag.into();
        let vr = dictionary_vr(tag, false).unwrap_or(*b"LO");
        self.put(tag, vr, Value::Bytes(text.as_bytes().to_vec()))
    }

    /// Numbers as the decimal or integer strings, floats or integers that the dictionary asks for; what an
    /// integer cannot hold is rounded and clamped.
    pub fn put_numbers(&mut self, tag: impl Into<Tag>, numbers: &[f64]) -> &mut Self {
        let tag = tag.into();
        let vr = dictionary_vr(tag, false).unwrap_or(*b"DS");
        let each = |write: fn(f64) -> Vec<u8>| numbers.iter().flat_map(|&n| write(n)).collect();
        let strings = |write: fn(f64) -> String| {
            numbers.iter().map(|&n| write(n)).collect::<Vec<_>>().join("\\").into_bytes()
        };
        let bytes = match &vr {
            b"US" => each(|n| (n.round() as u16).to_le_bytes().to_vec()),
            b"SS" => each(|n| (n.round() as i16).to_le_bytes().to_vec()),
            b"UL" => each(|n| (n.round() as u32).to_le_bytes().to_vec()),
            b"SL" => each(|n| (n.round() as i32).to_le_bytes().to_vec()),
            b"FL" => each(|n| (n as f32).to_le_bytes().to_vec()),
            b"FD" => each(|n| n.to_le_bytes().to_vec()),
            b"IS" => strings(|n| format!("{}", n.round())),
            _ => strings(decimal_string),
        };
        self.put(tag, vr, Value::Bytes(bytes))
    }

    pub fn put_items(&mut self, tag: impl Into<Tag>, items: Vec<Self>) -> &mut Self {
        self.put(tag, *b"SQ", Value::Items(items))
    }

    /// The data set of a file with its pixel data.
    pub(super) fn of_file(file: &File<'_>) -> Self {
        let signed = file.dataset.short(tags::PIXEL_REPRESENTATION) == Some(1);
        let mut set = Self::of(&file.dataset, signed);
        let allocated = usize::from(file.dataset.short(tags::BITS_ALLOCATED).unwrap_or(8));
        if let (Some(tag), Some(pixels)) = (file.pixel_data_tag, &file.pixels) {
            let floats = [dataset::tag::FLOAT_PIXEL_DATA, dataset::tag::DOUBLE_FLOAT_PIXEL_DATA];
            match pixels {
                PixelBytes::Native { bytes, words } => {
                    let vr = match floats.iter().position(|&float| float == tag) {
                        Some(0) => *b"OF",
                        Some(_) => *b"OD",
                        None if *words || allocated > 8 || !file.is_explicit => *b"OW",
                        None => *b"OB",
                    };
                    let mut bytes = bytes.to_vec();
                    if file.big_endian && (&vr != b"OB") {
                        swap(&mut bytes, (allocated / 8).max(2));
                    }
                    set.put(tag, vr, Value::Bytes(bytes));
                }
                PixelBytes::Encapsulated(fragments) => {
                    let table = fragments.offset_table.iter().flat_map(|o| o.to_le_bytes()).collect();
                    let fragments = fragments.fragments.iter().map(|fragment| fragment.to_vec());
                    let all = std::iter::once(table).chain(fragments).collect();
                    set.put(tag, *b"OB", Value::Fragments(all));
                }
            }
        }
        set
    }

    fn of(data: &Dataset<'_>, signed: bool) -> Self {
        let mut set = Self::default();
        for element in data.elements() {
            let known = || dictionary_vr(element.tag, signed);
            let vr = if &element.vr == b"UN" { known().unwrap_or(*b"UN") } else { element.vr };
            match &element.value {
                dataset::Value::Items(items) => {
                    let items = items.iter().map(|item| Self::of(item, signed)).collect();
                    set.put(element.tag, *b"SQ", Value::Items(items));
                }
                dataset::Value::Bytes(bytes) => {
                    let mut bytes = bytes.to_vec();
                    if data.is_big_endian() {
                        swap(&mut bytes, width(vr));
                    }
                    set.put(element.tag, vr, Value::Bytes(bytes));
                }
            }
        }
        set
    }

    fn encode(&self, explicit: bool, out: &mut Vec<u8>) {
        for (tag, element) in &self.elements {
            // Group lengths are retired, and wrong after any change.
            if tag.element() == 0 {
                continue;
            }
            let start = out.len();
            head(*tag, element.vr, explicit, out);
            let body = out.len();
            match &element.value {
                Value::Bytes(bytes) => {
                    out.extend_from_slice(bytes);
                    if bytes.len() % 2 == 1 {
                        out.push(if is_text(element.vr) { b' ' } else { 0 });
                    }
                }
                Value::Items(items) => {
                    for item in items {
                        let at = out.len();
                        head(ITEM, *b"  ", false, out);
                        item.encode(explicit, out);
                        let length = (out.len() - at - 8) as u32;
                        out[at + 4..at + 8].copy_from_slice(&length.to_le_bytes());
                    }
                }
                Value::Fragments(fragments) => {
                    out[body - 4..body].fill(0xFF);
                    for fragment in fragments {
                        head(ITEM, *b"  ", false, out);
                        let length = out.len() - 4;
                        let padded = fragment.len().next_multiple_of(2);
                        out[length..].copy_from_slice(&(padded as u32).to_le_bytes());
                        out.extend_from_slice(fragment);
                        out.extend((fragment.len()..padded).map(|_| 0));
                    }
                    head(SEQUENCE_END, *b"  ", false, out);
                    continue;
                }
            }
            let length = out.len() - body;
            if explicit && !has_long_length(element.vr) {
                if let Ok(short) = u16::try_from(length) {
                    out[body - 2..body].copy_from_slice(&short.to_le_bytes());
                    continue;
                }
                // PS3.5 6.2.2: what a short length cannot tell is of unknown representation.
                let value = out.split_off(body);
                out.truncate(start);
                head(*tag, *b"UN", true, out);
                out.extend_from_slice(&value);
                let at = out.len() - length;
                out[at - 4..at].copy_from_slice(&(length as u32).to_le_bytes());
            } else {
                out[body - 4..body].copy_from_slice(&(length as u32).to_le_bytes());
            }
        }
    }
}

const ITEM: Tag = Tag::new(0xFFFE, 0xE000);
const SEQUENCE_END: Tag = Tag::new(0xFFFE, 0xE0DD);

/// Tag, representation and a length of 0 to be filled in.
fn head(tag: Tag, vr: [u8; 2], explicit: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(&tag.group().to_le_bytes());
    out.extend_from_slice(&tag.element().to_le_bytes());
    if !explicit {
        out.extend_from_slice(&[0; 4]);
    } else if has_long_length(vr) {
        out.extend_from_slice(&vr);
        out.extend_from_slice(&[0; 6]);
    } else {
        out.extend_from_slice(&vr);
        out.extend_from_slice(&[0; 2]);
    }
}

fn has_long_length(vr: [u8; 2]) -> bool {
    matches!(
        &vr,
        b"OB" | b"OD" | b"OF" | b"OL" | b"OV" | b"OW" | b"SQ" | b"SV" | b"UC" | b"UN" | b"UR" | b"UT" | b"UV"
    )
}

/// Representations padded with a space.
fn is_text(vr: [u8; 2]) -> bool {
    !has_long_length(vr) && &vr != b"UI" || matches!(&vr, b"UC" | b"UR" | b"UT")
}

/// Bytes of one number.
fn width(vr: [u8; 2]) -> usize {
    match &vr {
        b"US" | b"SS" | b"OW" | b"AT" => 2,
        b"UL" | b"SL" | b"FL" | b"OF" | b"OL" => 4,
        b"FD" | b"OD" | b"SV" | b"UV" | b"OV" => 8,
        _ => 1,
    }
}

fn swap(bytes: &mut [u8], width: usize) {
    if width > 1 {
        bytes.chunks_exact_mut(width).for_each(<[u8]>::reverse);
    }
}

/// The nearest number of at most 16 characters (PS3.5 6.2, DS).
pub fn decimal_string(number: f64) -> String {
    let plain = format!("{number}");
    if plain.len() <= 16 {
        return plain;
    }
    let candidates =
        (0..=15).rev().flat_map(|digits| [format!("{number:.digits$}"), format!("{number:.digits$e}")]);
    let error = |text: &String| text.parse::<f64>().map_or(f64::INFINITY, |n| (n - number).abs());
    let fitting = candidates.filter(|text| text.len() <= 16);
    fitting.min_by(|a, b| error(a).total_cmp(&error(b))).unwrap_or_else(|| "0".into())
}

/// A file with an empty preamble. The data set is written as the transfer syntax asks for: implicit or
/// explicit little-endian; SOP class and instance must be in it.
pub fn file(set: &Set, transfer_syntax: &str) -> Vec<u8> {
    let mut meta = Set::default();
    let text = |tag: dicom_object::Tag| set.text(tag).unwrap_or_default();
    meta.put(tags::FILE_META_INFORMATION_VERSION, *b"OB", Value::Bytes(vec![0, 1]));
    meta.put_text(tags::MEDIA_STORAGE_SOP_CLASS_UID, &text(tags::SOP_CLASS_UID));
    meta.put_text(tags::MEDIA_STORAGE_SOP_INSTANCE_UID, &text(tags::SOP_INSTANCE_UID));
    meta.put_text(tags::TRANSFER_SYNTAX_UID, transfer_syntax);
    meta.put_text(tags::IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_CLASS_UID);
    meta.put_text(tags::IMPLEMENTATION_VERSION_NAME, IMPLEMENTATION_VERSION);
    let mut group = Vec::new();
    meta.encode(true, &mut group);
    let mut out = vec![0; 128];
    out.extend_from_slice(b"DICM");
    head(Tag::new(2, 0), *b"UL", true, &mut out);
    let at = out.len();
    out[at - 2..].copy_from_slice(&4u16.to_le_bytes());
    out.extend_from_slice(&(group.len() as u32).to_le_bytes());
    out.extend_from_slice(&group);
    set.encode(transfer_syntax != uids::IMPLICIT_VR_LITTLE_ENDIAN, &mut out);
    out
}
