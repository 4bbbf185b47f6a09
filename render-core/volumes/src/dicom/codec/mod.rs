//! Compressed frames to samples.
//!
//! What a codestream states about itself is compared with the header before a decoder sees it, so a
//! few bytes cannot ask for gigabytes, and a panic inside a decoder becomes an error of that frame.
//! Decoders of codestreams run in processes of their own once a program has said how to start them.

mod facts;
mod j2k;
mod jpeg;
mod jpegls;
mod jxl;
mod rle;
#[cfg(target_os = "linux")]
mod video;
#[cfg(target_os = "linux")]
mod worker;

use std::borrow::Cow;
use std::io::Read;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use dicom_transfer_syntax_registry::{TransferSyntaxIndex, TransferSyntaxRegistry};

use super::dataset::Fragments;
use super::pixels::{Colour, Format};
use crate::words::counted;
use facts::{Coding, Facts};

const RLE: &str = "1.2.840.10008.1.2.5";
/// Each frame deflated by itself (PS3.5 A.4.13).
const DEFLATED_FRAMES: &str = "1.2.840.10008.1.2.8.1";
/// Frames in fragments, not compressed (PS3.5 A.4.11).
const PLAIN_FRAMES: &str = "1.2.840.10008.1.2.1.98";

/// Transfer syntaxes with native pixel data.
const NATIVE: [&str; 4] =
    ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"];

/// Those with frames that this module decodes.
const ENCAPSULATED: [&str; 24] = [
    PLAIN_FRAMES,
    RLE,
    DEFLATED_FRAMES,
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.51",
    "1.2.840.10008.1.2.4.52",
    "1.2.840.10008.1.2.4.53",
    "1.2.840.10008.1.2.4.54",
    "1.2.840.10008.1.2.4.55",
    "1.2.840.10008.1.2.4.56",
    "1.2.840.10008.1.2.4.57",
    "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.4.81",
    "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.4.91",
    "1.2.840.10008.1.2.4.92",
    "1.2.840.10008.1.2.4.93",
    "1.2.840.10008.1.2.4.110",
    "1.2.840.10008.1.2.4.111",
    "1.2.840.10008.1.2.4.112",
    "1.2.840.10008.1.2.4.201",
    "1.2.840.10008.1.2.4.202",
    "1.2.840.10008.1.2.4.203",
];

/// MPEG-2, H.264 and HEVC, in one fragment or several.
const VIDEO: [&str; 16] = [
    "1.2.840.10008.1.2.4.100",
    "1.2.840.10008.1.2.4.100.1",
    "1.2.840.10008.1.2.4.101",
    "1.2.840.10008.1.2.4.101.1",
    "1.2.840.10008.1.2.4.102",
    "1.2.840.10008.1.2.4.102.1",
    "1.2.840.10008.1.2.4.103",
    "1.2.840.10008.1.2.4.103.1",
    "1.2.840.10008.1.2.4.104",
    "1.2.840.10008.1.2.4.104.1",
    "1.2.840.10008.1.2.4.105",
    "1.2.840.10008.1.2.4.105.1",
    "1.2.840.10008.1.2.4.106",
    "1.2.840.10008.1.2.4.106.1",
    "1.2.840.10008.1.2.4.107",
    "1.2.840.10008.1.2.4.108",
];

/// Whether all frames are one stream, of which none can be decoded without those before it.
pub fn is_video(transfer_syntax: &str) -> bool {
    VIDEO.contains(&transfer_syntax)
}

/// Shows `on_frame` the first `frames` frames of a video in order, red, green and blue in bytes; it says
/// whether to go on. Returns whether more follow; an error says why there are fewer.
#[cfg_attr(not(target_os = "linux"), expect(unused_variables, reason = "videos are decoded on Linux only"))]
pub fn decode_video(
    fragments: &Fragments<'_>,
    format: &Format,
    frames: u32,
    on_frame: impl FnMut(u32, &[u8]) -> bool,
) -> Result<bool, String> {
    #[cfg(target_os = "linux")]
    {
        let task = video::Task { columns: format.columns, rows: format.rows, frames };
        video::decode(&fragments.fragments, task, on_frame)
    }
    #[cfg(not(target_os = "linux"))]
    Err("it is a video, which can be shown on Linux only: convert it to frames of JPEG with another program"
        .into())
}

/// UIDs of the transfer syntaxes whose images can be read on this machine, sorted. Videos are among them where
/// the program `ffmpeg` is, which is started to find out.
pub fn transfer_syntaxes() -> Vec<&'static str> {
    let mut uids = [&NATIVE[..], &ENCAPSULATED].concat();
    #[cfg(target_os = "linux")]
    if video::is_possible() {
        uids.extend(VIDEO);
    }
    uids.sort_unstable();
    uids
}

/// How fragments make up frames (PS3.5 A.4).
#[derive(Debug, Default)]
pub struct Layout {
    /// Where each fragment begins, counted as in an offset table, and the end of the last.
    starts: Vec<u64>,
    end: u64,
    /// Whether a codestream begins with each.
    begins: Vec<bool>,
    /// Where each frame begins.
    table: Vec<u64>,
    /// Of an Extended Offset Table (7FE0,0001), which frames beyond 4 GiB need.
    extended: Vec<u64>,
}

impl Layout {
    /// `extended` are the bytes of an Extended Offset Table.
    pub fn new(table: impl IntoIterator<Item = u32>, extended: &[u8]) -> Self {
        Self {
            table: table.into_iter().map(u64::from).collect(),
            extended: extended.as_chunks().0.iter().map(|&bytes| u64::from_le_bytes(bytes)).collect(),
            ..Self::default()
        }
    }

    /// Adds a fragment of so many bytes that begins with these.
    pub fn push(&mut self, length: u64, beginning: &[u8]) {
        self.starts.push(self.end);
        self.end += 8 + length;
        self.begins.push(
            beginning.starts_with(&[0xFF, 0xD8])
                || beginning.starts_with(&[0xFF, 0x4F, 0xFF, 0x51])
                || jxl::begins(beginning),
        );
    }

    /// The fragments of one frame.
    pub fn frame(&self, frame: u32, frames: u32) -> Result<Range<usize>, String> {
        let all = self.starts.len();
        let missing = || format!("pixel data ends before frame {} of {frames}", u64::from(frame) + 1);
        let tables = [&self.table, &self.extended];
        let frame = frame as usize;
        let range = if frames == 1 {
            0..all
        } else if all == frames as usize {
            frame..frame + 1
        } else if let Some(table) = tables.into_iter().find(|table| table.len() == frames as usize) {
            let outside = || "the offset table points outside the pixel data";
            let index = |offset: &u64| self.starts.binary_search(offset).ok();
            let first = table.get(frame).and_then(index).ok_or_else(outside)?;
            let last = table.get(frame + 1).map_or(Some(all), index);
            first..last.filter(|&last| last > first).ok_or_else(outside)?
        } else {
            // Without a table a frame begins where a codestream begins.
            let mut starts = (0..all).filter(|&i| self.begins[i]).skip(frame);
            starts.next().ok_or_else(missing)?..starts.next().unwrap_or(all)
        };
        if range.is_empty() || range.end > all { Err(missing()) } else { Ok(range) }
    }
}

/// The bytes of one frame, joined from its fragments. `extended` are the bytes of an Extended Offset Table.
pub fn frame_bytes<'a>(
    fragments: &Fragments<'a>,
    extended: &[u8],
    frame: u32,
    frames: u32,
) -> Result<Cow<'a, [u8]>, String> {
    let all = &fragments.fragments;
    let mut layout = Layout::new(fragments.offset_table.iter().copied(), extended);
    all.iter().for_each(|fragment| layout.push(fragment.len() as u64, fragment));
    match &all[layout.frame(frame, frames)?] {
        [one] => Ok(Cow::Borrowed(one)),
        many => Ok(Cow::Owned(many.concat())),
    }
}

/// Whether so many bytes of pixels can come out of so many bytes of file. Constant images compress
/// well, but beyond 2000:1 only forged headers go; small sizes do no harm.
pub fn plausible(pixel_bytes: u64, file_bytes: u64) -> bool {
    pixel_bytes <= 64 << 20 || pixel_bytes / 2000 <= file_bytes
}

/// Samples of one frame.
#[derive(Debug)]
pub struct Decoded {
    /// Little-endian samples.
    pub samples: Vec<u8>,
    /// The format they have now.
    pub format: Format,
    /// The codestream does not give back what was encoded.
    pub lossy: bool,
}

/// Whether frames of a transfer syntax can be decoded; an error says what it is and what to do.
pub fn check_readable(transfer_syntax: &str) -> Result<(), String> {
    if NATIVE.contains(&transfer_syntax) || ENCAPSULATED.contains(&transfer_syntax) {
        return Ok(());
    }
    let Some(name) = TransferSyntaxRegistry.get(transfer_syntax).map(|syntax| syntax.name()) else {
        return Err(format!(
            "its transfer syntax (0002,0010), {transfer_syntax}, is not known; export it uncompressed with the program \
             that wrote it"
        ));
    };
    Err(format!(
        "its compression, {name} ({transfer_syntax}), cannot be read yet; export it uncompressed with another program"
    ))
}

/// Decodes one frame.
pub fn decode(transfer_syntax: &str, bytes: &[u8], format: &Format) -> Result<Decoded, String> {
    let expected = format.frame_bytes();
    if !plausible(expected as u64, bytes.len() as u64) {
        return Err(format!("its header asks for {expected} bytes of pixels, {} are there", bytes.len()));
    }
    let plain = |samples: Vec<u8>, planar: bool| {
        Ok(Decoded { samples, format: Format { planar, ..format.clone() }, lossy: false })
    };
    match transfer_syntax {
        RLE => return plain(rle::decode(bytes, format)?, false),
        DEFLATED_FRAMES => return plain(inflate(bytes, expected)?, format.planar),
        PLAIN_FRAMES => return plain(bytes.to_vec(), format.planar),
        _ => {}
    }
    let name = TransferSyntaxRegistry.get(transfer_syntax).map_or("compressed", |syntax| syntax.name());
    let facts = Facts::of(bytes).ok_or_else(|| match NATIVE.contains(&transfer_syntax) {
        true => format!(
            "it lies in fragments without an image in them, and its transfer syntax (0002,0010), {name}, has none"
        ),
        false => format!("no {name} image begins in it"),
    })?;
    let stated = (usize::from(format.columns), usize::from(format.rows), usize::from(format.samples));
    if (facts.columns, facts.rows, facts.components) != stated {
        return Err(format!(
            "its compressed image has {}x{} pixels of {}, its header says {}x{} of {}",
            facts.columns,
            facts.rows,
            counted(facts.components, "sample"),
            stated.0,
            stated.1,
            stated.2
        ));
    }
    let most = if facts.coding == Coding::Jpeg2000 { 32 } else { 16 };
    if !(1..=most).contains(&facts.bits) {
        return Err(format!("{name} of {} bits per sample cannot be read", facts.bits));
    }
    let task = Task::new(&facts, format);
    let damaged = |reason: &str| {
        format!("its {name} image is damaged: {reason}; get the file again from where it came")
    };
    let samples = decode_apart(&task, bytes).map_err(|reason| damaged(&reason))?;
    if samples.len() != task.samples() * task.sample_bytes() {
        return Err(damaged("it has another number of samples than its header says"));
    }
    Ok(Decoded { samples, format: task.format(&facts, format), lossy: facts.lossy })
}

/// From now on frames are decoded by `program argument`, which has to call `run_worker` at once; before,
/// and on other systems than Linux, in this process. The first call counts.
pub fn decode_in_processes(program: std::path::PathBuf, argument: &str) {
    #[cfg(target_os = "linux")]
    let _ = WORKERS.set(worker::Pool::new(program, argument.to_owned()));
    #[cfg(not(target_os = "linux"))]
    let _ = (program, argument);
}

/// What a process does that `decode_in_processes` starts; it returns when it is needed no more.
pub fn run_worker() -> std::io::Result<()> {
    #[cfg(target_os = "linux")]
    return worker::run();
    #[cfg(not(target_os = "linux"))]
    Ok(())
}

#[cfg(target_os = "linux")]
static WORKERS: std::sync::OnceLock<worker::Pool> = std::sync::OnceLock::new();

fn decode_apart(task: &Task, bytes: &[u8]) -> Result<Vec<u8>, String> {
    #[cfg(target_os = "linux")]
    if let Some(workers) = WORKERS.get() {
        return workers.decode(task, bytes);
    }
    task.run_guarded(bytes)
}

/// A frame of so many bytes, and no more of it.
fn inflate(bytes: &[u8], expected: usize) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let read = flate2::read::DeflateDecoder::new(bytes).take(expected as u64).read_to_end(&mut out);
    read.map_err(|_| "its deflated frame is damaged".to_owned())?;
    Ok(out)
}

/// One codestream to decode, and what is known about it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Task {
    coding: Coding,
    columns: u32,
    rows: u32,
    components: usize,
    /// Bits per sample.
    bits: u16,
    /// JPEG: the three components are YCbCr and become RGB.
    transformed: bool,
}

impl Task {
    fn new(facts: &Facts, format: &Format) -> Self {
        let header_says = matches!(format.colour, Colour::Ybr { partial: false, .. });
        Self {
            coding: facts.coding,
            columns: facts.columns as u32,
            rows: facts.rows as u32,
            components: facts.components,
            bits: facts.bits,
            transformed: facts.coding == Coding::Jpeg
                && !matches!(format.colour, Colour::Ybr { partial: true, .. })
                && facts.transformed.unwrap_or(header_says),
        }
    }

    /// Of all components.
    fn samples(&self) -> usize {
        self.columns as usize * self.rows as usize * self.components
    }

    fn sample_bytes(&self) -> usize {
        match self.bits {
            ..=8 => 1,
            9..=16 => 2,
            _ => 4,
        }
    }

    #[cfg(target_os = "linux")]
    const BYTES: usize = 14;

    #[cfg(target_os = "linux")]
    fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut out = [0; Self::BYTES];
        out[..4].copy_from_slice(&self.columns.to_le_bytes());
        out[4..8].copy_from_slice(&self.rows.to_le_bytes());
        out[8..10].copy_from_slice(&(self.components as u16).to_le_bytes());
        out[10..12].copy_from_slice(&self.bits.to_le_bytes());
        out[12] = self.coding as u8;
        out[13] = u8::from(self.transformed);
        out
    }

    /// `None` if it names no coding.
    #[cfg(target_os = "linux")]
    fn from_bytes(bytes: &[u8; Self::BYTES]) -> Option<Self> {
        let u16_at = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        let u32_at = |at: usize| u32::from(u16_at(at)) | u32::from(u16_at(at + 2)) << 16;
        let codings = [Coding::Jpeg, Coding::JpegLossless, Coding::JpegLs, Coding::Jpeg2000, Coding::JpegXl];
        Some(Self {
            coding: codings.into_iter().find(|&coding| coding as u8 == bytes[12])?,
            columns: u32_at(0),
            rows: u32_at(4),
            components: usize::from(u16_at(8)),
            bits: u16_at(10),
            transformed: bytes[13] != 0,
        })
    }

    /// Nothing the decoder leaves half done is used again after a panic.
    fn run_guarded(&self, bytes: &[u8]) -> Result<Vec<u8>, String> {
        catch_unwind(AssertUnwindSafe(|| self.run(bytes)))
            .unwrap_or_else(|_| Err("the decoder gave up".into()))
    }

    fn run(&self, bytes: &[u8]) -> Result<Vec<u8>, String> {
        match self.coding {
            Coding::Jpeg | Coding::JpegLossless => jpeg::decode(self, bytes),
            Coding::JpegLs => jpegls::decode(bytes),
            Coding::Jpeg2000 => j2k::decode(self, bytes),
            Coding::JpegXl => jxl::decode(self, bytes),
        }
    }

    /// The format of the decoded samples.
    fn format(&self, facts: &Facts, format: &Format) -> Format {
        let allocated = 8 * self.sample_bytes() as u16;
        // Rounding carries lossy samples beyond the bits that the header promises.
        let stored = if facts.coding == Coding::Jpeg { facts.bits } else { format.stored.min(allocated) };
        let is_rgb = match facts.coding {
            Coding::Jpeg => self.transformed || facts.transformed == Some(false),
            Coding::Jpeg2000 | Coding::JpegXl => facts.transformed == Some(true),
            Coding::JpegLossless | Coding::JpegLs => false,
        };
        Format {
            allocated,
            stored,
            high: stored - 1,
            colour: match &format.colour {
                Colour::Ybr { .. } if is_rgb => Colour::Rgb,
                Colour::Ybr { partial, .. } => Colour::Ybr { halved: false, partial: *partial },
                other => other.clone(),
            },
            planar: facts.planar,
            ..format.clone()
        }
    }
}
