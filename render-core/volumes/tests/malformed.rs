//! Files that are wrong, each in its own way: a clear reason or a declared doubt, in little memory
//! and in less than a second. Every one is made from a valid file.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use volumes::Progress;
use volumes::dicom;

mod counting;

use counting::{NOW, PEAK};

/// A tree of elements that says just after `slice` has the last word; explicit VR little endian.
#[derive(Clone)]
struct Dicom {
    transfer_syntax: String,
    elements: Vec<(u32, [u8; 2], Vec<u8>)>,
    /// Bytes after the last element: pixel data and whatever is wrong with it.
    tail: Vec<u8>,
}

const NATIVE: &str = "1.2.840.10008.1.2.1";
const DEFLATED: &str = "1.2.840.10008.1.2.1.99";
const RLE: &str = "1.2.840.10008.1.2.5";
const JPEG: &str = "1.2.840.10008.1.2.4.50";
const JPEG_LOSSLESS: &str = "1.2.840.10008.1.2.4.70";
const JPEG_LS: &str = "1.2.840.10008.1.2.4.80";
const JPEG_2000: &str = "1.2.840.10008.1.2.4.90";

const PIXEL_DATA: u32 = 0x7FE0_0010;
const ITEM: u32 = 0xFFFE_E000;
const UNDEFINED: u32 = u32::MAX;

/// Tag, VR and length of an element.
fn header(tag: u32, vr: &[u8; 2], length: u32) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend_from_slice(&((tag >> 16) as u16).to_le_bytes());
    out.extend_from_slice(&(tag as u16).to_le_bytes());
    if tag >> 16 == 0xFFFE {
        out.extend_from_slice(&length.to_le_bytes());
        return out;
    }
    out.extend_from_slice(vr);
    if matches!(vr, b"OB" | b"OW" | b"OF" | b"OD" | b"SQ" | b"UN") {
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(&length.to_le_bytes());
    } else {
        out.extend_from_slice(&(length as u16).to_le_bytes());
    }
    out
}

fn element(tag: u32, vr: &[u8; 2], value: &[u8]) -> Vec<u8> {
    [header(tag, vr, value.len() as u32), value.to_vec()].concat()
}

fn item(value: &[u8]) -> Vec<u8> {
    element(ITEM, b"  ", value)
}

/// Encapsulated pixel data of an empty offset table and these fragments.
fn encapsulated(fragments: &[&[u8]]) -> Vec<u8> {
    let mut out = [header(PIXEL_DATA, b"OB", UNDEFINED), item(&[])].concat();
    fragments.iter().for_each(|f| out.extend_from_slice(&item(f)));
    [out, header(0xFFFE_E0DD, b"  ", 0)].concat()
}

impl Dicom {
    /// A CT slice of 4x4 pixels.
    fn slice() -> Self {
        let mut file = Self { transfer_syntax: NATIVE.into(), elements: Vec::new(), tail: Vec::new() };
        file.text(0x0008_0016, b"UI", "1.2.840.10008.5.1.4.1.1.2")
            .text(0x0008_0018, b"UI", "1.2.3.4")
            .text(0x0008_0060, b"CS", "CT")
            .text(0x0010_0010, b"PN", "Secret^Name")
            .text(0x0020_000D, b"UI", "1.2.3")
            .text(0x0020_000E, b"UI", "1.2.3.0")
            .text(0x0020_0013, b"IS", "1")
            .text(0x0020_0032, b"DS", "0\\0\\0")
            .text(0x0020_0037, b"DS", "1\\0\\0\\0\\1\\0")
            .us(0x0028_0002, 1)
            .text(0x0028_0004, b"CS", "MONOCHROME2")
            .us(0x0028_0010, 4)
            .us(0x0028_0011, 4)
            .text(0x0028_0030, b"DS", "1\\1")
            .us(0x0028_0100, 16)
            .us(0x0028_0101, 16)
            .us(0x0028_0102, 15)
            .us(0x0028_0103, 1);
        file.tail = element(PIXEL_DATA, b"OW", &[7, 0].repeat(16));
        file
    }

    fn set(&mut self, tag: u32, vr: &[u8; 2], value: &[u8]) -> &mut Self {
        self.without(tag);
        self.elements.push((tag, *vr, value.to_vec()));
        self.elements.sort_by_key(|(tag, ..)| *tag);
        self
    }

    fn without(&mut self, tag: u32) -> &mut Self {
        self.elements.retain(|(other, ..)| *other != tag);
        self
    }

    fn text(&mut self, tag: u32, vr: &[u8; 2], value: &str) -> &mut Self {
        let mut bytes = value.as_bytes().to_vec();
        bytes.resize(bytes.len().next_multiple_of(2), if vr == b"UI" { 0 } else { b' ' });
        self.set(tag, vr, &bytes)
    }

    fn us(&mut self, tag: u32, value: u16) -> &mut Self {
        self.set(tag, b"US", &value.to_le_bytes())
    }

    fn size(&mut self, columns: u16, rows: u16) -> &mut Self {
        self.us(0x0028_0010, rows).us(0x0028_0011, columns)
    }

    fn tail(&mut self, tail: Vec<u8>) -> &mut Self {
        self.tail = tail;
        self
    }

    /// Compressed pixel data in place of the native.
    fn compressed(&mut self, transfer_syntax: &str, fragments: &[&[u8]]) -> &mut Self {
        self.transfer_syntax = transfer_syntax.into();
        self.tail(encapsulated(fragments))
    }

    /// Whatever bytes, before the pixel data.
    fn before_pixels(&mut self, bytes: &[u8]) -> &mut Self {
        self.tail = [bytes, &self.tail].concat();
        self
    }

    fn meta(&self) -> Vec<u8> {
        let mut uid = self.transfer_syntax.clone().into_bytes();
        uid.resize(uid.len().next_multiple_of(2), 0);
        [&[0; 128][..], b"DICM", &element(0x0002_0010, b"UI", &uid)].concat()
    }

    fn data(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.elements.iter().for_each(|(tag, vr, value)| out.extend(element(*tag, vr, value)));
        [out, self.tail.clone()].concat()
    }

    fn bytes(&self) -> Vec<u8> {
        [self.meta(), self.data()].concat()
    }
}

fn deflated(data: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(data).expect("write to memory");
    out.finish().expect("write to memory")
}

/// Ends a chain of changes where no value is wanted.
fn done(_: &mut Dicom) {}

/// A slice with one change.
fn slice(change: impl FnOnce(&mut Dicom)) -> Vec<u8> {
    let mut file = Dicom::slice();
    change(&mut file);
    file.bytes()
}

fn text(tag: u32, vr: &[u8; 2], value: &str) -> Vec<u8> {
    slice(|f| done(f.text(tag, vr, value)))
}

/// The main header of a JPEG 2000 image of 16 bits with one component.
fn jpeg_2000(size: [u32; 2], tile: [u32; 2], components: u16) -> Vec<u8> {
    let mut siz = Vec::new();
    siz.extend_from_slice(&0u16.to_be_bytes());
    for n in [size[0], size[1], 0, 0, tile[0], tile[1], 0, 0] {
        siz.extend_from_slice(&n.to_be_bytes());
    }
    siz.extend_from_slice(&components.to_be_bytes());
    (0..components).for_each(|_| siz.extend_from_slice(&[0x8F, 1, 1]));
    let segment = |marker: u8, body: &[u8]| {
        [&[0xFF, marker], &(body.len() as u16 + 2).to_be_bytes()[..], body].concat()
    };
    [
        vec![0xFF, 0x4F],
        segment(0x51, &siz),
        // One layer, 32 levels, code blocks of 64x64.
        segment(0x52, &[0, 0, 0, 1, 0, 32, 4, 4, 0, 1]),
        segment(0x5C, &[&[0x40][..], &[0x80; 97]].concat()),
        segment(0x90, &[0, 0, 0, 0, 0, 0, 0, 1]),
        vec![0xFF, 0x93, 0x00, 0xFF, 0xD9],
    ]
    .concat()
}

/// A JPEG or JPEG-LS header of one component; `frame` is its SOF marker.
fn jpeg(frame: u8, bits: u8, columns: u16, rows: u16) -> Vec<u8> {
    let [c, r] = [columns, rows].map(u16::to_be_bytes);
    let sof = [0xFF, frame, 0, 11, bits, r[0], r[1], c[0], c[1], 1, 1, 0x11, 0];
    [&[0xFF, 0xD8], &sof[..], &[0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 0, 0, 0xFF, 0xD9]].concat()
}

/// RLE data (PS3.5 annex G) with these segments.
fn rle(offsets: &[u32], body: &[u8]) -> Vec<u8> {
    let mut out = vec![0; 64];
    for (i, n) in [offsets.len() as u32].iter().chain(offsets).enumerate().take(16) {
        out[4 * i..][..4].copy_from_slice(&n.to_le_bytes());
    }
    [out, body.to_vec()].concat()
}

/// Sequences in each other; `length` of each from how many bytes follow its header.
fn nested(depth: usize, length: impl Fn(usize) -> u32) -> Vec<u8> {
    let mut out = Vec::new();
    for level in 0..depth {
        let rest = 20 * (depth - level);
        out.extend(header(0x0040_A730, b"SQ", length(rest - 12)));
        out.extend(header(ITEM, b"  ", length(rest - 20)));
    }
    out
}

fn palette(descriptor: [u16; 3], bytes: usize) -> Vec<u8> {
    let descriptor: Vec<u8> = descriptor.iter().flat_map(|n| n.to_le_bytes()).collect();
    slice(|f| {
        f.text(0x0028_0004, b"CS", "PALETTE COLOR");
        for tag in [0x0028_1101, 0x0028_1102, 0x0028_1103] {
            f.set(tag, b"US", &descriptor).set(tag + 0x100, b"OW", &vec![1; bytes]);
        }
    })
}

/// Several slices, each with its own change, named by number.
fn stack(changes: &[&dyn Fn(&mut Dicom)]) -> Vec<Vec<u8>> {
    let one = |(i, change): (usize, &&dyn Fn(&mut Dicom))| {
        slice(|f| {
            f.text(0x0008_0018, b"UI", &format!("1.2.3.4.{i}"))
                .text(0x0020_0013, b"IS", &i.to_string())
                .text(0x0020_0032, b"DS", &format!("0\\0\\{i}"));
            change(f);
        })
    };
    changes.iter().enumerate().map(one).collect()
}

fn float_pixels(values: [f32; 16]) -> Vec<u8> {
    slice(|f| {
        f.us(0x0028_0100, 32).without(0x0028_0101).without(0x0028_0102).without(0x0028_0103);
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        f.tail(element(0x7FE0_0008, b"OF", &bytes));
    })
}

fn frames(count: u16, change: impl FnOnce(&mut Dicom)) -> Vec<u8> {
    slice(|f| {
        f.text(0x0028_0008, b"IS", &count.to_string());
        f.tail(element(PIXEL_DATA, b"OW", &[7, 0].repeat(16 * usize::from(count))));
        change(f);
    })
}

/// A DICOMDIR that names one file.
fn dicomdir(names: &str) -> Vec<u8> {
    let mut file = Dicom { transfer_syntax: NATIVE.into(), elements: Vec::new(), tail: Vec::new() };
    let mut record = Dicom { elements: Vec::new(), ..file.clone() };
    record.text(0x0004_1430, b"CS", "IMAGE").text(0x0004_1500, b"CS", names);
    file.set(0x0004_1220, b"SQ", &item(&record.data()));
    file.bytes()
}

struct Case {
    name: &'static str,
    files: Vec<Vec<u8>>,
    /// All of these are in what is said.
    says: &'static [&'static str],
}

fn one(name: &'static str, file: Vec<u8>, says: &'static [&'static str]) -> Case {
    Case { name, files: vec![file], says }
}

/// How the bytes are arranged.
fn broken_structure() -> Vec<Case> {
    let whole = Dicom::slice().bytes();
    let lying =
        |vr: &[u8; 2], length: u32| slice(|f| done(f.before_pixels(&header(0x0029_1010, vr, length))));
    let bytes_after_meta = |transfer_syntax: &str, data: &[u8]| {
        [Dicom { transfer_syntax: transfer_syntax.into(), ..Dicom::slice() }.meta(), data.to_vec()].concat()
    };
    vec![
        one("empty", Vec::new(), &["the file is empty"]),
        one("preamble-only", whole[..132].to_vec(), &["ends before its data set"]),
        one("meta-only", Dicom::slice().meta(), &["ends before its data set"]),
        one(
            "meta-length-bomb",
            [&whole[..132], &header(0x0002_0001, b"OB", 0xFFFF_FFF0), &whole[132..]].concat(),
            &["in its file meta information", "FileMetaInformationVersion (0002,0001)"],
        ),
        one(
            "meta-group-length-lies",
            [&whole[..132], &element(0x0002_0000, b"UL", &[0xFF; 4]), &whole[132..]].concat(),
            &["[4, 4, 1]"],
        ),
        one("length-bomb", lying(b"UN", 0xFFFF_FFF0), &["damaged", "before the end of element (0029,1010)"]),
        one("negative-length", lying(b"OB", 0x8000_0000), &["damaged", "(0029,1010)"]),
        one("undefined-length-of-bytes", lying(b"OB", UNDEFINED), &["failed"]),
        one("sequence-without-items", lying(b"SQ", UNDEFINED), &["in sequence (0029,1010) stands"]),
        one(
            "item-beyond-its-sequence",
            slice(|f| {
                let item = header(ITEM, b"  ", 0xFFFF_FF00);
                f.before_pixels(&element(0x0040_A730, b"SQ", &item));
            }),
            &["damaged", "ContentSequence (0040,A730)"],
        ),
        one(
            "nested-undefined",
            slice(|f| done(f.tail(nested(10_000, |_| UNDEFINED)))),
            &["ContentSequence (0040,A730) is nested deeper than 64"],
        ),
        one(
            "nested-defined",
            slice(|f| done(f.tail(nested(10_000, |rest| rest as u32)))),
            &["ContentSequence (0040,A730) is nested deeper than 64"],
        ),
        one(
            "too-many-elements",
            slice(|f| done(f.tail([0x29, 0, 1, 0, b'L', b'O', 0, 0].repeat(2_100_000)))),
            &["more than 2000000 elements"],
        ),
        one(
            "huge-private-sequence",
            slice(|f| done(f.before_pixels(&element(0x0029_1010, b"SQ", &item(&[]).repeat(100_000))))),
            &["[4, 4, 1]"],
        ),
        one("implicit-slipped-in", lying(&[0, 0], 0), &["[4, 4, 1]"]),
        one(
            "tag-twice-the-first-counts",
            slice(|f| {
                let second = element(0x0028_0010, b"US", &[9, 0]);
                f.before_pixels(&second);
            }),
            &["[4, 4, 1]"],
        ),
        one("deflate-damaged", bytes_after_meta(DEFLATED, &[0xFF; 64]), &["deflated data set is damaged"]),
        one(
            "deflate-bomb-before-pixels",
            bytes_after_meta(
                DEFLATED,
                &deflated(
                    &slice(|f| {
                        f.before_pixels(&element(0x0029_1010, b"UN", &vec![0; 80 << 20]));
                    })[Dicom::slice().meta().len()..],
                ),
            ),
            &["its header is longer than 64 MiB"],
        ),
        one(
            "deflate-bomb-in-pixels",
            bytes_after_meta(
                DEFLATED,
                &deflated(
                    &slice(|f| {
                        f.tail(element(PIXEL_DATA, b"OW", &vec![0; 300 << 20]));
                    })[Dicom::slice().meta().len()..],
                ),
            ),
            &["[4, 4, 1]"],
        ),
        one("no-transfer-syntax", bytes_after_meta("", &Dicom::slice().data()), &["[4, 4, 1]"]),
        one(
            "unknown-transfer-syntax",
            slice(|f| done(f.compressed("1.2.840.10008.1.2.4.999", &[b"??"]))),
            &["1.2.840.10008.1.2.4.999"],
        ),
        one(
            "big-endian-that-is-little",
            bytes_after_meta("1.2.840.10008.1.2.2", &Dicom::slice().data()),
            &["failed"],
        ),
        one("cut-in-pixels", whole[..whole.len() - 5].to_vec(), &["PixelData", "ends after 27 of 32 bytes"]),
        one("dicomdir-leaves-its-folder", dicomdir("..\\..\\ETC\\PASSWD"), &["outside its own folder"]),
        one("dicomdir-absolute", dicomdir("/ETC/PASSWD"), &["outside its own folder"]),
        one("dicomdir-of-nothing", dicomdir("GONE"), &["GONE", "not there"]),
    ]
}

/// What the header states.
fn broken_headers() -> Vec<Case> {
    let frames_text = |value: &str| text(0x0028_0008, b"IS", value);
    let short = |tag: u32, value: u16| slice(|f| done(f.us(tag, value)));
    vec![
        one("no-rows", slice(|f| done(f.without(0x0028_0010))), &["Rows (0028,0010) is missing"]),
        one("empty-rows", slice(|f| done(f.set(0x0028_0010, b"US", &[]))), &["Rows (0028,0010) is missing"]),
        one("rows-as-text", text(0x0028_0010, b"DS", "4"), &["PixelData", "ends after 32"]),
        one("zero-rows", slice(|f| done(f.size(4, 0))), &["Rows (0028,0010)", "not above 0"]),
        one("65535-squared", slice(|f| done(f.size(65_535, 65_535))), &["larger than any"]),
        one("large-and-empty", slice(|f| done(f.size(16_000, 16_000))), &["Rows (0028,0010)", "460"]),
        one("frames-2-to-31", frames_text("2147483648"), &["NumberOfFrames (0028,0008)"]),
        one("frames-negative", frames_text("-3"), &["NumberOfFrames (0028,0008)"]),
        one("frames-infinite", frames_text("1e400"), &["NumberOfFrames (0028,0008)"]),
        one("frames-zero", frames_text("0"), &["NumberOfFrames (0028,0008)"]),
        one("frames-more-than-bytes", frames_text("900000"), &["NumberOfFrames (0028,0008) is 900000"]),
        one("bits-allocated-0", short(0x0028_0100, 0), &["BitsAllocated (0028,0100)"]),
        one("bits-allocated-65535", short(0x0028_0100, 65_535), &["BitsAllocated (0028,0100)"]),
        one("stored-above-allocated", short(0x0028_0101, 17), &["BitsStored (0028,0101)"]),
        one("stored-0", short(0x0028_0101, 0), &["BitsStored (0028,0101)"]),
        one("high-bit-odd", short(0x0028_0102, 255), &["[4, 4, 1]"]),
        one("samples-0", short(0x0028_0002, 0), &["0 samples per pixel"]),
        one("samples-255", short(0x0028_0002, 255), &["255 samples per pixel"]),
        one("planar-7", short(0x0028_0006, 7), &["[4, 4, 1]"]),
        one("slope-nan", text(0x0028_1053, b"DS", "nan"), &["RescaleSlope (0028,1053)"]),
        one("slope-infinite", text(0x0028_1053, b"DS", "inf"), &["RescaleSlope (0028,1053)"]),
        one("slope-0", text(0x0028_1053, b"DS", "0"), &["RescaleSlope (0028,1053) is 0"]),
        one("slope-overflows", text(0x0028_1053, b"DS", "1e300"), &["RescaleSlope (0028,1053)"]),
        one("intercept-nan", text(0x0028_1052, b"DS", "nan"), &["RescaleIntercept (0028,1052)"]),
        one("palette-0-entries-no-data", palette([0, 0, 16], 0), &["failed", "65536 entries"]),
        one("palette-65535-entries-short", palette([65_535, 0, 16], 100), &["failed", "65535 entries"]),
        one("palette-255-bits", palette([2, 0, 255], 4), &["failed", "255 bits"]),
        one("palette-0-bits", palette([2, 0, 0], 4), &["failed", "0 bits"]),
        one(
            "modality-table-empty",
            slice(|f| done(f.set(0x0028_3000, b"SQ", &item(&[])))),
            &["failed", "does not have 3 values"],
        ),
        one("window-nonsense", text(0x0028_1051, b"DS", "nan\\-1e400"), &["[4, 4, 1]"]),
        one("charset-nonsense", text(0x0008_0005, b"CS", "\\\\KLINGON"), &["[4, 4, 1]"]),
        one("path-in-uids", text(0x0020_000E, b"UI", "../../../etc/passwd"), &["[4, 4, 1]"]),
        one(
            "control-characters",
            slice(|f| {
                f.text(0x0008_0005, b"CS", "ISO_IR 192");
                f.text(0x0008_103E, b"LO", "a\x1b[31mb\u{202E}c\r\n\0d");
            }),
            &["a[31mbcd"],
        ),
        one("long-text", text(0x0008_103E, b"LO", &"x".repeat(60_000)), &["[4, 4, 1]"]),
    ]
}

/// Where images lie.
fn broken_geometry() -> Vec<Case> {
    let orientation = |value: &str| text(0x0020_0037, b"DS", value);
    let spacing = |value: &str| text(0x0028_0030, b"DS", value);
    let three = |tag: u32, value: &'static str| {
        let change = move |f: &mut Dicom| done(f.text(tag, b"DS", value));
        stack(&[&change, &change, &change])
    };
    let group = |tag: u32, items: &[u8]| element(tag, b"SQ", items);
    let plane = item(&element(0x0020_0032, b"DS", b"0\\0\\0 "));
    vec![
        one("orientation-singular", orientation("1\\0\\0\\1\\0\\0"), &["[4, 4, 1]"]),
        one("orientation-zero", orientation("0\\0\\0\\0\\0\\0"), &["[4, 4, 1]"]),
        one("orientation-five-numbers", orientation("1\\0\\0\\0\\1"), &["[4, 4, 1]"]),
        Case { name: "position-nan", files: three(0x0020_0032, "nan\\0\\0"), says: &["[4, 4, 1]"] },
        Case { name: "position-far", files: three(0x0020_0032, "1e300\\0\\0"), says: &["[4, 4, 1]"] },
        Case { name: "position-two-numbers", files: three(0x0020_0032, "1\\2"), says: &["[4, 4, 1]"] },
        one("spacing-0", spacing("0\\0"), &["no-spacing"]),
        one("spacing-negative", spacing("-1\\-1"), &["no-spacing"]),
        one("spacing-huge", spacing("1e30\\1e30"), &["no-spacing"]),
        one("spacing-nan", spacing("nan\\1"), &["no-spacing"]),
        one("spacing-words", spacing("one\\two"), &["no-spacing"]),
        Case {
            name: "one-slice-a-kilometre-away",
            files: stack(&[&|_| (), &|_| (), &|_| (), &|f| done(f.text(0x0020_0032, b"DS", "0\\0\\999999"))]),
            says: &["missing-slices"],
        },
        one(
            "fewer-per-frame-groups-than-frames",
            frames(3, |f| {
                let frame = item(&group(0x0020_9113, &plane));
                f.set(0x5200_9230, b"SQ", &frame);
            }),
            &["[4, 4,"],
        ),
        one(
            "more-per-frame-groups-than-frames",
            frames(1, |f| {
                let frame = item(&group(0x0020_9113, &plane));
                f.set(0x5200_9230, b"SQ", &frame.repeat(5));
            }),
            &["[4, 4, 1]"],
        ),
        one("grid-offsets-fewer", frames(3, |f| done(f.text(0x3004_000C, b"DS", "0"))), &["[4, 4,"]),
    ]
}

/// What the pixel data holds.
fn broken_pixels() -> Vec<Case> {
    let native = |bytes: &[u8]| slice(|f| done(f.tail(element(PIXEL_DATA, b"OW", bytes))));
    let coded = |syntax: &str, fragments: &[&[u8]]| slice(|f| done(f.compressed(syntax, fragments)));
    let coded_of = |syntax: &str, side: u16, stream: &[u8]| {
        slice(|f| done(f.size(side, side).compressed(syntax, &[stream])))
    };
    let two_frames = |tail: Vec<u8>| {
        frames(2, |f| {
            f.transfer_syntax = RLE.into();
            f.tail(tail);
        })
    };
    let good = rle(&[64, 66], &[0xF1, 0, 0xF1, 7]);
    let with_table = |table: [u32; 2]| {
        let table: Vec<u8> = table.iter().flat_map(|n| n.to_le_bytes()).collect();
        let fragments = [&good[..], &good, &good].map(item).concat();
        let end = header(0xFFFE_E0DD, b"  ", 0);
        [header(PIXEL_DATA, b"OB", UNDEFINED), item(&table), fragments, end].concat()
    };
    let mut nan = [1.0; 16];
    nan[3] = f32::NAN;
    nan[7] = f32::INFINITY;
    vec![
        one("no-pixels", native(&[]), &["PixelData", "ends after 0 of 32 bytes"]),
        one("odd-pixels", native(&[1; 31]), &["ends after 31 of 32 bytes"]),
        one(
            "pixels-say-more",
            slice(|f| done(f.tail(header(PIXEL_DATA, b"OW", 0x7FFF_FFFF)))),
            &["PixelData"],
        ),
        one(
            "pixels-undefined-and-native",
            slice(|f| done(f.tail(header(PIXEL_DATA, b"OW", UNDEFINED)))),
            &["failed"],
        ),
        one(
            "one-bit-too-few",
            slice(|f| {
                f.us(0x0028_0100, 1).us(0x0028_0101, 1).us(0x0028_0102, 0).us(0x0028_0103, 0);
                f.tail(element(PIXEL_DATA, b"OB", &[1]));
            }),
            &["failed"],
        ),
        one(
            "fewer-frames-than-stated",
            frames(3, |f| done(f.tail(element(PIXEL_DATA, b"OW", &[7, 0].repeat(33))))),
            &["frame 3 of 3", "truncated"],
        ),
        one("not-finite", float_pixels(nan), &["not-finite"]),
        one("fragments-none", coded(RLE, &[]), &["PixelData", "ends before frame 1"]),
        one("fragments-empty", coded(RLE, &[&[], &[]]), &["RLE"]),
        one(
            "fragments-without-end",
            slice(|f| {
                f.compressed(RLE, &[&good]);
                f.tail.truncate(f.tail.len() - 8);
            }),
            &["[4, 4, 1]"],
        ),
        one(
            "fragment-length-bomb",
            slice(|f| {
                f.transfer_syntax = RLE.into();
                let bomb =
                    [header(PIXEL_DATA, b"OB", UNDEFINED), item(&[]), header(ITEM, b"  ", 0xFFFF_FFFE)];
                f.tail(bomb.concat());
            }),
            &["RLE"],
        ),
        one(
            "fragments-fewer-than-frames",
            two_frames(encapsulated(&[&good])),
            &["of 2", "ends before frame 1"],
        ),
        one(
            "offset-table-outside",
            two_frames(with_table([0, 0xFFFF_0000])),
            &["offset table points outside"],
        ),
        one("offset-table-backwards", two_frames(with_table([100, 0])), &["offset table points outside"]),
        one("rle-segments-wrong", coded(RLE, &[&rle(&[64], &[0xF1, 7])]), &["does not have the 2 segments"]),
        one(
            "rle-segment-outside",
            coded(RLE, &[&rle(&[64, 0xFFFF_FF00], &[0xF1, 7])]),
            &["outside the pixel data"],
        ),
        one(
            "rle-segments-crossed",
            coded(RLE, &[&rle(&[66, 64], &[0xF1, 0, 0xF1, 7])]),
            &["outside the pixel data"],
        ),
        one("rle-short", coded(RLE, &[&rle(&[64, 66], &[0xF1, 0, 0xFE, 7])]), &["ends after 3 of 16 RLE"]),
        one(
            "rle-bomb",
            coded_of(RLE, 16_000, &rle(&[64, 66], &[0x81, 0, 0x81, 7])),
            &["Rows (0028,0010)", "520"],
        ),
        one("rle-runs-over", coded(RLE, &[&rle(&[64, 66], &[0x81, 0, 0x81, 7])]), &["[4, 4, 1]"]),
        one("jpeg-2000-not-one", coded(JPEG_2000, &[b"no codestream"]), &["no JPEG 2000"]),
        one(
            "jpeg-2000-bomb",
            coded(JPEG_2000, &[&jpeg_2000([u32::MAX; 2], [u32::MAX; 2], 1)]),
            &["its header says 4x4"],
        ),
        one("jpeg-2000-components", coded(JPEG_2000, &[&jpeg_2000([4; 2], [4; 2], 16_384)]), &["4x4"]),
        one(
            "jpeg-2000-tiles",
            coded_of(JPEG_2000, 4096, &jpeg_2000([4096; 2], [1; 2], 1)),
            &["PixelData", "JPEG 2000"],
        ),
        one(
            "jpeg-2000-empty-tile",
            coded_of(JPEG_2000, 2048, &jpeg_2000([2048; 2], [2048; 2], 1)),
            &["PixelData", "a part of its pixels is missing", "get the file again"],
        ),
        one(
            "jpeg-2000-tile-left-out",
            coded(JPEG_2000, &[&jpeg_2000([4; 2], [2, 4], 1)]),
            &["PixelData", "1 of its 2 tiles are empty", "get the file again"],
        ),
        one("jpeg-2000-cut", coded(JPEG_2000, &[&jpeg_2000([4; 2], [4; 2], 1)[..60]]), &["PixelData"]),
        one("jpeg-ls-bomb", coded(JPEG_LS, &[&jpeg(0xF7, 16, 65_535, 65_535)]), &["65535x65535", "4x4"]),
        one("jpeg-ls-empty", coded(JPEG_LS, &[&jpeg(0xF7, 16, 4, 4)]), &["PixelData"]),
        one("jpeg-bomb", coded(JPEG, &[&jpeg(0xC0, 8, 65_535, 65_535)]), &["4x4"]),
        one("jpeg-empty", coded(JPEG, &[&jpeg(0xC0, 8, 4, 4)]), &["PixelData"]),
        one("jpeg-lossless-empty", coded(JPEG_LOSSLESS, &[&jpeg(0xC3, 16, 4, 4)]), &["PixelData"]),
        one("jpeg-of-marks-only", coded(JPEG, &[&[0xFF, 0xD8, 0xFF, 0xFF, 0xFF, 0xFF]]), &["PixelData"]),
        one("compressed-syntax-native-pixels", slice(|f| f.transfer_syntax = JPEG_LS.into()), &["4, 4, 1"]),
        one("native-syntax-fragments", coded(NATIVE, &[&good]), &["PixelData"]),
    ]
}

/// What is said about a path; what loads is said in full.
fn outcome(path: &Path) -> String {
    let library = match dicom::scan(&[path.to_owned()], &Progress::default()) {
        Ok(library) => library,
        Err(e) => return format!("failed: {e}"),
    };
    let failed = |path: &Path, reason: &str| format!("failed: {}: {reason}", path.display());
    let mut lines: Vec<String> = library.failed.iter().map(|f| failed(&f.path, &f.reason)).collect();
    for series in library.studies.iter().flat_map(|s| &s.series) {
        match dicom::load(series, &Progress::default()) {
            Ok(loaded) => {
                let codes: Vec<_> = loaded.warnings.iter().map(|w| w.code.as_str()).collect();
                lines.push(format!("{} {:?} {codes:?}", series.series_description, series.dims));
                lines.extend(loaded.failed.iter().map(|f| failed(&f.path, &f.reason)));
            }
            Err(e) => lines.push(format!("failed: {e}")),
        }
        let _ = dicom::thumbnail(series, 64);
    }
    lines.join("\n")
}

const MAX_BYTES: usize = 160 << 20;
const MAX_TIME: Duration = Duration::from_secs(1);

/// One after the other, because the memory of all threads is counted together.
#[test]
fn every_class_of_broken_file_has_its_reason_in_little_memory_and_time() {
    let folder: PathBuf = std::env::temp_dir().join(format!("voxcast-malformed-{}", std::process::id()));
    let mut wrong = Vec::new();
    let cases = [broken_structure, broken_headers, broken_geometry, broken_pixels];
    let mut count = 0;
    for case in cases.iter().flat_map(|cases| cases()) {
        count += 1;
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("create a folder for the test");
        let named = |i: usize| {
            folder.join(if case.name.starts_with("dicomdir") { "DICOMDIR".into() } else { i.to_string() })
        };
        for (i, bytes) in case.files.iter().enumerate() {
            fs::write(named(i), bytes).expect("write a test file");
        }
        let path = if case.files.len() == 1 { named(0) } else { folder.clone() };
        // What the test itself holds does not count.
        let before = NOW.load(Ordering::Relaxed);
        PEAK.store(before, Ordering::Relaxed);
        let start = Instant::now();
        let said = outcome(&path);
        let (took, used) = (start.elapsed(), PEAK.load(Ordering::Relaxed) - before);
        eprintln!("{} ({used} bytes, {took:.0?}): {said}", case.name);
        let mut says = case.says.iter();
        if said.is_empty() || !says.all(|words| said.contains(words)) {
            wrong.push(format!("{}: {said:?} does not say {:?}", case.name, case.says));
        }
        let bare = !said.chars().any(|c| c.is_control() && c != '\n') && !said.contains("Secret");
        let path = format!("{}:", named(0).display());
        let once = said.lines().all(|line| line.matches(&path).count() <= 1);
        // What failed says what to do.
        let advises = said.lines().all(|line| !line.starts_with("failed: ") || line.contains("; "));
        if !advises {
            wrong.push(format!("{}: {said:?} does not say what to do", case.name));
        }
        if !bare || !once || used > MAX_BYTES || took > MAX_TIME {
            wrong.push(format!("{}: bare {bare}, path once {once}, {used} bytes, {took:?}", case.name));
        }
    }
    let _ = fs::remove_dir_all(&folder);
    assert!(count >= 100, "only {count} classes are left");
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}

/// What `./x fuzz` starts from is read, and what it has found is answered.
#[test]
fn every_file_of_the_fuzzers_corpus_is_an_answer_in_time() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus");
    let mut count = 0;
    for target in fs::read_dir(corpus).expect("read the corpus").flatten() {
        for file in fs::read_dir(target.path()).expect("read the corpus").flatten() {
            let start = Instant::now();
            let said = outcome(&file.path());
            assert!(start.elapsed() < MAX_TIME, "{}: {:?}", file.path().display(), start.elapsed());
            let found = file.file_name().to_string_lossy().starts_with("found-");
            assert!(found || !said.contains("failed"), "{}: {said}", file.path().display());
            count += 1;
        }
    }
    assert!(count > 20, "only {count} files");
}
