//! The bytes of a DICOM file as a tree of elements that borrow from them.
//!
//! Every length in the file is checked against the bytes that are there, nesting and element count
//! are limited, and nothing is allocated by a number the file states.

use std::io::Read;

use dicom_core::dictionary::{DataDictionary, TagRange};
use dicom_dictionary_std::{StandardDataDictionary, uids};

use super::charset::Charset;
use crate::words::counted;

/// Deeper than any real structured report; each level costs a stack frame.
const MAX_DEPTH: usize = 64;
/// Two million elements are about 100 MB of tree: far above a 10,000-frame enhanced object.
const MAX_ELEMENTS: usize = 2_000_000;
/// Retired in 2006, still in archives.
const EXPLICIT_VR_BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";
/// The length of what ends with a mark of its own.
pub const UNDEFINED: u32 = u32::MAX;

/// (group, element) in one number, so tags sort as DICOM orders them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tag(pub u32);

impl Tag {
    pub const fn new(group: u16, element: u16) -> Self {
        Self((group as u32) << 16 | element as u32)
    }

    pub fn group(self) -> u16 {
        (self.0 >> 16) as u16
    }

    pub fn element(self) -> u16 {
        self.0 as u16
    }

    /// With its keyword where PS3.6 has one: `Rows (0028,0010)`.
    pub fn named(self) -> String {
        let tag = dicom_object::Tag(self.group(), self.0 as u16);
        match StandardDataDictionary.by_tag(tag) {
            Some(known) if matches!(known.tag, TagRange::Single(_)) => format!("{} {self}", known.alias),
            _ => self.to_string(),
        }
    }

    fn is_pixel_data(self) -> bool {
        self == tag::PIXEL_DATA || self == tag::FLOAT_PIXEL_DATA || self == tag::DOUBLE_FLOAT_PIXEL_DATA
    }
}

impl Tag {
    /// Elements whose meaning only their maker knows (PS3.5 7.8).
    pub fn is_private(self) -> bool {
        self.group() % 2 == 1
    }
}

impl std::fmt::Display for Tag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "({:04X},{:04X})", self.group(), self.element())
    }
}

impl From<dicom_object::Tag> for Tag {
    fn from(tag: dicom_object::Tag) -> Self {
        Self::new(tag.group(), tag.element())
    }
}

pub mod tag {
    use super::Tag;
    pub const EXTENDED_OFFSET_TABLE: Tag = Tag::new(0x7FE0, 0x0001);
    pub const PIXEL_DATA: Tag = Tag::new(0x7FE0, 0x0010);
    pub const FLOAT_PIXEL_DATA: Tag = Tag::new(0x7FE0, 0x0008);
    pub const DOUBLE_FLOAT_PIXEL_DATA: Tag = Tag::new(0x7FE0, 0x0009);
    pub(super) const ITEM: Tag = Tag::new(0xFFFE, 0xE000);
    pub(super) const ITEM_END: Tag = Tag::new(0xFFFE, 0xE00D);
    pub(super) const SEQUENCE_END: Tag = Tag::new(0xFFFE, 0xE0DD);
}

/// Why bytes are not a data set.
#[derive(Debug, PartialEq)]
pub enum ParseError {
    /// The bytes given are only the beginning; at least this many are needed.
    NeedMore(usize),
    Bad(String),
}

/// One level of a data set.
#[derive(Default)]
pub struct Dataset<'a> {
    elements: Vec<Element<'a>>,
    big_endian: bool,
}

pub struct Element<'a> {
    pub tag: Tag,
    /// Value representation as written; `UN` where the file does not tell.
    pub vr: [u8; 2],
    pub value: Value<'a>,
}

pub enum Value<'a> {
    Bytes(&'a [u8]),
    Items(Vec<Dataset<'a>>),
}

/// Where the pixels of a file are.
pub enum PixelBytes<'a> {
    /// `words`: stored as OW, so a big-endian file swaps the bytes of each pair.
    Native {
        bytes: &'a [u8],
        words: bool,
    },
    Encapsulated(Fragments<'a>),
}

#[derive(Default)]
pub struct Fragments<'a> {
    pub offset_table: Vec<u32>,
    pub fragments: Vec<&'a [u8]>,
}

/// A whole file: meta group, data set up to the pixel data, and the pixel data itself.
pub struct File<'a> {
    /// File meta information, group 2; empty where the file has none.
    pub meta: Dataset<'a>,
    /// Transfer syntax UID: as stated, or recognised from the bytes when the file states none.
    pub transfer_syntax: String,
    pub dataset: Dataset<'a>,
    /// `None` when the file has no pixel data or was read only up to it.
    pub pixels: Option<PixelBytes<'a>>,
    pub has_pixel_data: bool,
    /// Which of the three kinds of pixel data it has.
    pub pixel_data_tag: Option<Tag>,
    /// The length that the pixel data states.
    pub pixel_bytes: Option<u32>,
    pub big_endian: bool,
    /// Elements state their value representation.
    pub is_explicit: bool,
    /// Bytes from the start that hold all of this but the pixel data.
    pub header_end: usize,
    /// What was cut off, when the file ends too early.
    pub truncated: Option<String>,
}

/// How far to read.
#[derive(Clone, Copy, PartialEq)]
pub enum Until {
    PixelData,
    End,
}

#[derive(Clone, Copy)]
struct Syntax {
    explicit: bool,
    big_endian: bool,
}

const EXPLICIT_LE: Syntax = Syntax { explicit: true, big_endian: false };
const IMPLICIT_LE: Syntax = Syntax { explicit: false, big_endian: false };

/// Whether the data set is deflated, as far as the meta group is there to tell.
pub fn is_deflated(bytes: &[u8]) -> bool {
    read_meta(bytes, meta_start(bytes), true).is_ok_and(|(meta, _)| {
        meta.text(Tag::new(0x0002, 0x0010)).as_deref() == Some(uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN)
    })
}

/// A deflated file with its data set inflated, cut off at `limit` bytes.
pub fn inflate(bytes: &[u8], limit: usize) -> Result<Vec<u8>, ParseError> {
    let (_, end) = read_meta(bytes, meta_start(bytes), true)?;
    let mut out = bytes[..end].to_vec();
    let read = flate2::read::DeflateDecoder::new(&bytes[end..]).take(limit as u64).read_to_end(&mut out);
    // What came out before the damage is still a data set that ends early.
    if read.is_err() && out.len() == end {
        return Err(ParseError::Bad("its deflated data set is damaged".into()));
    }
    Ok(out)
}

fn meta_start(bytes: &[u8]) -> usize {
    if bytes.len() >= 132 && &bytes[128..132] == b"DICM" { 132 } else { 0 }
}

/// The meta group and where it ends. Its group length is not trusted: the group is what has group 2.
fn read_meta(bytes: &[u8], start: usize, complete: bool) -> Result<(Dataset<'_>, usize), ParseError> {
    let mut reader = Reader::new(bytes, start, complete, EXPLICIT_LE);
    let mut elements = Vec::new();
    while bytes.get(reader.at..reader.at + 2) == Some(&[2, 0]) {
        let (tag, length, vr) = reader.header()?;
        let value = reader.take(length as usize, tag)?;
        elements.push(Element { tag, vr, value: Value::Bytes(value) });
    }
    if reader.at + 2 > bytes.len() && !complete {
        return Err(ParseError::NeedMore(reader.at + 4096));
    }
    Ok((Dataset { elements, big_endian: false }, reader.at))
}

impl<'a> File<'a> {
    /// Reads a file from its bytes. With `complete` false the bytes are the beginning of a longer
    /// file, and running out of them is `NeedMore`.
    pub fn parse(bytes: &'a [u8], complete: bool, until: Until) -> Result<Self, ParseError> {
        let start = meta_start(bytes);
        if bytes.len() < 132 && !complete {
            return Err(ParseError::NeedMore(132));
        }
        if start == 0 && !looks_like_a_data_set(bytes) {
            return Err(ParseError::Bad(not_dicom(bytes)));
        }
        let (meta, data_start) = read_meta(bytes, start, complete).map_err(|e| match e {
            // A broken meta group leaves nothing to trust in what follows.
            ParseError::Bad(reason) => ParseError::Bad(format!("in its file meta information: {reason}")),
            more => more,
        })?;
        let stated = meta.text(Tag::new(0x0002, 0x0010)).filter(|uid| !uid.is_empty());
        let rest = &bytes[data_start..];
        if rest.len() < 8 {
            return if complete {
                Err(ParseError::Bad("it ends before its data set begins".into()))
            } else {
                Err(ParseError::NeedMore(data_start + 4096))
            };
        }
        let syntax = syntax_of(stated.as_deref(), rest);
        let transfer_syntax = stated.unwrap_or_else(|| {
            match (syntax.explicit, syntax.big_endian) {
                (true, true) => EXPLICIT_VR_BIG_ENDIAN,
                (true, false) => uids::EXPLICIT_VR_LITTLE_ENDIAN,
                _ => uids::IMPLICIT_VR_LITTLE_ENDIAN,
            }
            .to_owned()
        });

        let mut reader = Reader::new(bytes, data_start, complete, syntax);
        let mut file = File {
            meta,
            transfer_syntax,
            dataset: Dataset { elements: Vec::new(), big_endian: syntax.big_endian },
            pixels: None,
            has_pixel_data: false,
            pixel_data_tag: None,
            pixel_bytes: None,
            header_end: bytes.len(),
            big_endian: syntax.big_endian,
            is_explicit: syntax.explicit,
            truncated: None,
        };
        while reader.at < bytes.len() {
            let step = reader.element(&mut file, until);
            match step {
                Ok(true) => {}
                Ok(false) => return Ok(file),
                Err(ParseError::Bad(reason)) if !file.dataset.elements.is_empty() && !reader.fatal => {
                    file.truncated = Some(reason);
                    break;
                }
                Err(e) => return Err(e),
            }
        }
        if !complete && file.truncated.is_none() {
            return Err(ParseError::NeedMore(bytes.len() + 1));
        }
        file.dataset.sort();
        Ok(file)
    }
}

/// The encoding of the data set. The first element decides where the stated syntax is missing or
/// plainly wrong, which real files have.
fn syntax_of(stated: Option<&str>, data: &[u8]) -> Syntax {
    let has_vr = data.len() >= 6 && data[4..6].iter().all(u8::is_ascii_uppercase);
    let big_endian = match stated {
        Some(uid) => uid == EXPLICIT_VR_BIG_ENDIAN,
        None => has_vr && data[0] == 0 && data[1] != 0,
    };
    Syntax { explicit: has_vr, big_endian }
}

/// Files without preamble begin with the meta group or group 8.
fn looks_like_a_data_set(bytes: &[u8]) -> bool {
    bytes.len() >= 8
        && (matches!(bytes[..2], [2, 0] | [8, 0]) && bytes[3] == 0
            || bytes[..2] == [0, 8] && bytes[2] == 0 && bytes[4..6].iter().all(u8::is_ascii_uppercase))
}

/// What to do about a file of another kind.
const OTHERS: &str = "choose DICOM, NIfTI, NRRD or MetaImage files";

fn not_dicom(bytes: &[u8]) -> String {
    let kinds: [(&[u8], &str); 9] = [
        (b"\x89PNG", "a PNG picture"),
        (b"\xFF\xD8\xFF", "a JPEG picture"),
        (b"GIF8", "a GIF picture"),
        (b"%PDF", "a PDF document"),
        (b"PK\x03\x04", "a zip archive; unpack it and open the folder"),
        (b"\x1F\x8B", "a gzip file; unpack it and open what is in it"),
        (b"BM", "a bitmap picture"),
        (b"\x7FELF", "a program"),
        (b"MZ", "a program"),
    ];
    if bytes.is_empty() {
        return "the file is empty".into();
    }
    let looks =
        kinds.iter().find(|(magic, _)| bytes.starts_with(magic)).map(|(_, name)| *name).or_else(|| {
            let head = &bytes[..bytes.len().min(256)];
            let text = head.iter().all(|&b| b >= 0x20 || matches!(b, b'\t' | b'\n' | b'\r'));
            text.then_some("a text file")
        });
    match looks {
        Some(looks) if looks.contains("; ") => format!("not a DICOM file: it looks like {looks}"),
        Some(looks) => format!("not a DICOM file: it looks like {looks}; {OTHERS}"),
        None => format!("not a DICOM file: the letters DICM are missing at byte 128; {OTHERS}"),
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    complete: bool,
    syntax: Syntax,
    elements: usize,
    /// The error is a limit, not the end of the bytes: what was read before is not to be used.
    fatal: bool,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8], at: usize, complete: bool, syntax: Syntax) -> Self {
        Self { bytes, at, complete, syntax, elements: 0, fatal: false }
    }

    fn short(&self, end: usize, tag: Tag) -> ParseError {
        if self.complete {
            let missing = end - self.bytes.len();
            ParseError::Bad(format!(
                "the file ends {} before the end of element {}",
                counted(missing, "byte"),
                tag.named()
            ))
        } else {
            ParseError::NeedMore(end)
        }
    }

    fn take(&mut self, length: usize, tag: Tag) -> Result<&'a [u8], ParseError> {
        let end = self.at.saturating_add(length);
        let value = self.bytes.get(self.at..end).ok_or_else(|| self.short(end, tag))?;
        self.at = end;
        Ok(value)
    }

    fn u16(&self, bytes: &[u8]) -> u16 {
        let pair = [bytes[0], bytes[1]];
        if self.syntax.big_endian { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) }
    }

    fn u32(&self, bytes: &[u8]) -> u32 {
        let four = [bytes[0], bytes[1], bytes[2], bytes[3]];
        if self.syntax.big_endian { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) }
    }

    /// Tag, length and VR (`UN` when implicit) of the next element.
    fn header(&mut self) -> Result<(Tag, u32, [u8; 2]), ParseError> {
        self.elements += 1;
        if self.elements > MAX_ELEMENTS {
            self.fatal = true;
            return Err(ParseError::Bad(format!("it has more than {MAX_ELEMENTS} elements")));
        }
        let unknown = Tag(0);
        let head = self.take(8, unknown)?;
        let tag = Tag::new(self.u16(head), self.u16(&head[2..]));
        if tag.group() == 0xFFFE || !self.syntax.explicit {
            return Ok((tag, self.u32(&head[4..]), *b"UN"));
        }
        let vr = [head[4], head[5]];
        match &vr {
            b"AE" | b"AS" | b"AT" | b"CS" | b"DA" | b"DS" | b"DT" | b"FL" | b"FD" | b"IS" | b"LO" | b"LT"
            | b"PN" | b"SH" | b"SL" | b"SS" | b"ST" | b"TM" | b"UI" | b"UL" | b"US" => {
                Ok((tag, u32::from(self.u16(&head[6..])), vr))
            }
            // PS3.5 7.1.2: all others, and ones yet to come, have two reserved bytes and 32 bits.
            [a, b] if a.is_ascii_uppercase() && b.is_ascii_uppercase() => {
                let length = self.take(4, tag)?;
                Ok((tag, self.u32(length), vr))
            }
            // No VR at all: some writers slip implicit elements into explicit data sets.
            _ => Ok((tag, self.u32(&head[4..]), *b"UN")),
        }
    }

    /// Reads one element of the root data set; `false` when reading is to stop.
    fn element(&mut self, file: &mut File<'a>, until: Until) -> Result<bool, ParseError> {
        let (tag, length, vr) = self.header()?;
        if tag.is_pixel_data() {
            file.has_pixel_data = true;
            file.pixel_data_tag = Some(tag);
            file.pixel_bytes = Some(length);
            file.header_end = self.at;
            file.dataset.sort();
            if until == Until::PixelData {
                return Ok(false);
            }
            file.pixels = Some(if length == UNDEFINED {
                PixelBytes::Encapsulated(self.fragments(&mut file.truncated))
            } else {
                let end = self.at.saturating_add(length as usize);
                if end > self.bytes.len() {
                    file.truncated =
                        Some(format!("the file ends {} bytes before its pixel data", end - self.bytes.len()));
                }
                let bytes = &self.bytes[self.at..end.min(self.bytes.len())];
                PixelBytes::Native { bytes, words: &vr == b"OW" }
            });
            return Ok(false);
        }
        let value = self.value(tag, length, vr, 0)?;
        file.dataset.elements.push(Element { tag, vr, value });
        Ok(true)
    }

    fn value(&mut self, tag: Tag, length: u32, vr: [u8; 2], depth: usize) -> Result<Value<'a>, ParseError> {
        let sequence =
            &vr == b"SQ" || length == UNDEFINED || !self.syntax.explicit && self.starts_item(length);
        if !sequence {
            return Ok(Value::Bytes(self.take(length as usize, tag)?));
        }
        if depth >= MAX_DEPTH {
            self.fatal = true;
            return Err(ParseError::Bad(format!(
                "element {} is nested deeper than {MAX_DEPTH} levels",
                tag.named()
            )));
        }
        if tag.is_pixel_data() || matches!(&vr, b"OB" | b"OW") {
            return self.skip_fragments(tag);
        }
        // PS3.5 6.2.2: a UN of undefined length holds implicit little-endian items.
        let outer = self.syntax;
        if &vr == b"UN" && self.syntax.explicit {
            self.syntax = IMPLICIT_LE;
        }
        let items = self.items(tag, length, depth);
        self.syntax = outer;
        Ok(Value::Items(items?))
    }

    /// Compressed pixels inside a sequence, such as an icon: passed over.
    fn skip_fragments(&mut self, tag: Tag) -> Result<Value<'a>, ParseError> {
        loop {
            let (item, length, _) = self.header()?;
            if item != tag::ITEM {
                return Ok(Value::Bytes(&[]));
            }
            self.take(length as usize, tag)?;
        }
    }

    /// Implicit data sets do not tell sequences from values; items begin with their own tag.
    fn starts_item(&self, length: u32) -> bool {
        length >= 8 && self.bytes.get(self.at..self.at + 4) == Some(&[0xFE, 0xFF, 0x00, 0xE0])
    }

    fn items(&mut self, tag: Tag, length: u32, depth: usize) -> Result<Vec<Dataset<'a>>, ParseError> {
        let end = self.end_of(length, tag)?;
        let mut items = Vec::new();
        while self.at < end {
            let (item_tag, item_length, _) = self.header()?;
            match item_tag {
                tag::SEQUENCE_END => return Ok(items),
                tag::ITEM => items.push(self.item(tag, item_length, end, depth + 1)?),
                other => {
                    return Err(ParseError::Bad(format!(
                        "in sequence {} stands {} where an item belongs",
                        tag.named(),
                        other.named()
                    )));
                }
            }
        }
        if length == UNDEFINED { Err(self.short(end + 8, tag)) } else { Ok(items) }
    }

    fn item(&mut self, tag: Tag, length: u32, limit: usize, depth: usize) -> Result<Dataset<'a>, ParseError> {
        let end = self.end_of(length, tag)?.min(limit);
        let mut item = Dataset { elements: Vec::new(), big_endian: self.syntax.big_endian };
        while self.at < end {
            let (inner, inner_length, vr) = self.header()?;
            if inner == tag::ITEM_END {
                item.sort();
                return Ok(item);
            }
            let value = self.value(inner, inner_length, vr, depth)?;
            item.elements.push(Element { tag: inner, vr, value });
        }
        if length == UNDEFINED && end == self.bytes.len() {
            return Err(self.short(end + 8, tag));
        }
        item.sort();
        Ok(item)
    }

    fn end_of(&self, length: u32, tag: Tag) -> Result<usize, ParseError> {
        if length == UNDEFINED {
            return Ok(self.bytes.len());
        }
        let end = self.at.saturating_add(length as usize);
        if end > self.bytes.len() { Err(self.short(end, tag)) } else { Ok(end) }
    }

    /// The items of encapsulated pixel data, as far as they go (PS3.5 A.4).
    fn fragments(&mut self, truncated: &mut Option<String>) -> Fragments<'a> {
        let mut out = Fragments::default();
        let mut first = true;
        loop {
            let Some(head) = self.bytes.get(self.at..self.at + 8) else {
                *truncated = Some("the file ends inside its pixel data".into());
                return out;
            };
            let (tag, length) = (Tag::new(self.u16(head), self.u16(&head[2..])), self.u32(&head[4..]));
            self.at += 8;
            if tag != tag::ITEM {
                if tag != tag::SEQUENCE_END {
                    *truncated = Some(format!(
                        "in its PixelData (7FE0,0010) stands {} where a fragment belongs",
                        tag.named()
                    ));
                }
                return out;
            }
            let end = self.at.saturating_add(length as usize);
            if end > self.bytes.len() {
                *truncated =
                    Some(format!("the file ends {} bytes before its pixel data", end - self.bytes.len()));
            }
            let fragment = &self.bytes[self.at..end.min(self.bytes.len())];
            self.at = end.min(self.bytes.len());
            if first {
                out.offset_table =
                    fragment.as_chunks::<4>().0.iter().map(|c| u32::from_le_bytes(*c)).collect();
                first = false;
            } else {
                out.fragments.push(fragment);
            }
        }
    }
}

impl<'a> Dataset<'a> {
    /// Lookups need order, which damaged files do not keep. Of repeated tags the first counts.
    fn sort(&mut self) {
        if !self.elements.is_sorted_by(|a, b| a.tag < b.tag) {
            self.elements.sort_by_key(|e| e.tag);
            self.elements.dedup_by_key(|e| e.tag);
        }
    }

    fn value(&self, tag: Tag) -> Option<&Value<'a>> {
        let index = self.elements.binary_search_by_key(&tag, |e| e.tag).ok()?;
        Some(&self.elements[index].value)
    }

    /// In the order of their tags.
    pub fn elements(&self) -> &[Element<'a>] {
        &self.elements
    }

    pub fn is_big_endian(&self) -> bool {
        self.big_endian
    }

    pub fn bytes(&self, tag: impl Into<Tag>) -> Option<&'a [u8]> {
        match self.value(tag.into())? {
            Value::Bytes(bytes) => Some(bytes),
            Value::Items(_) => None,
        }
    }

    /// Items of a sequence, none if it is absent.
    pub fn items(&self, tag: impl Into<Tag>) -> &[Dataset<'a>] {
        match self.value(tag.into()) {
            Some(Value::Items(items)) => items,
            _ => &[],
        }
    }

    /// Text in the default repertoire, without padding: UIDs, codes, numbers.
    pub fn text(&self, tag: impl Into<Tag>) -> Option<String> {
        Some(clean(&String::from_utf8_lossy(self.bytes(tag)?)))
    }

    /// The values of a multi-valued text element.
    pub fn texts(&self, tag: impl Into<Tag>) -> Vec<String> {
        self.text(tag).map(|t| t.split('\\').map(|v| v.trim().to_owned()).collect()).unwrap_or_default()
    }

    /// Text in the data set's own character set.
    pub fn person_text(&self, tag: impl Into<Tag>, charset: &Charset) -> String {
        self.bytes(tag).map(|bytes| clean(&charset.decode(bytes))).unwrap_or_default()
    }

    pub fn charset(&self) -> Charset {
        Charset::new(&self.texts(Tag::new(0x0008, 0x0005)))
    }

    /// Decimal and integer strings (DS, IS). Values that are not finite numbers are left out.
    pub fn numbers(&self, tag: impl Into<Tag>) -> Vec<f64> {
        let texts = self.texts(tag);
        texts.iter().filter_map(|t| t.parse().ok()).filter(|x: &f64| x.is_finite()).collect()
    }

    pub fn number(&self, tag: impl Into<Tag>) -> Option<f64> {
        self.numbers(tag).first().copied()
    }

    /// FD values. Those that are not finite are left out.
    pub fn doubles(&self, tag: impl Into<Tag>) -> Vec<f64> {
        let mut values = self.all_doubles(tag);
        values.retain(|x| x.is_finite());
        values
    }

    /// FD values, also those that are no numbers.
    pub fn all_doubles(&self, tag: impl Into<Tag>) -> Vec<f64> {
        let chunks = self.bytes(tag).unwrap_or_default().as_chunks::<8>().0;
        let convert =
            |c: &[u8; 8]| if self.big_endian { f64::from_be_bytes(*c) } else { f64::from_le_bytes(*c) };
        chunks.iter().map(convert).collect()
    }

    /// FL values. Those that are not finite are left out.
    pub fn floats(&self, tag: impl Into<Tag>) -> Vec<f32> {
        let mut values = self.all_floats(tag);
        values.retain(|x| x.is_finite());
        values
    }

    /// FL values, also those that are no numbers.
    pub fn all_floats(&self, tag: impl Into<Tag>) -> Vec<f32> {
        let chunks = self.bytes(tag).unwrap_or_default().as_chunks::<4>().0;
        let convert =
            |c: &[u8; 4]| if self.big_endian { f32::from_be_bytes(*c) } else { f32::from_le_bytes(*c) };
        chunks.iter().map(convert).collect()
    }

    /// US (or SS, as bits) values.
    pub fn shorts(&self, tag: impl Into<Tag>) -> Vec<u16> {
        let chunks = self.bytes(tag).unwrap_or_default().as_chunks::<2>().0;
        let convert =
            |c: &[u8; 2]| if self.big_endian { u16::from_be_bytes(*c) } else { u16::from_le_bytes(*c) };
        chunks.iter().map(convert).collect()
    }

    pub fn short(&self, tag: impl Into<Tag>) -> Option<u16> {
        self.shorts(tag).first().copied()
    }

    /// UL values.
    pub fn longs(&self, tag: impl Into<Tag>) -> Vec<u32> {
        let chunks = self.bytes(tag).unwrap_or_default().as_chunks::<4>().0;
        let convert =
            |c: &[u8; 4]| if self.big_endian { u32::from_be_bytes(*c) } else { u32::from_le_bytes(*c) };
        chunks.iter().map(convert).collect()
    }
}

/// Text fit to be shown anywhere: no padding, no control characters, nothing that reverses the
/// writing direction.
fn clean(text: &str) -> String {
    let hidden = |c: char| c.is_control() || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    text.chars().filter(|&c| !hidden(c)).collect::<String>().trim().to_owned()
}
