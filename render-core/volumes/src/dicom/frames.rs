//! Files of many frames, of which no more is in memory than the frames at work.

use std::fs;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::codec::{self, Layout};
use super::dataset::{Dataset, File, Fragments, PixelBytes, UNDEFINED, tag};
use super::pixels::Format;
use super::source;

/// Enough for the headers of fragments; of most fragments nothing else is read to find the next.
const BUFFER: usize = 4096;
/// What tells that a codestream begins.
const BEGINNING: u64 = 16;

/// Where the frames of a file lie.
pub struct Frames {
    path: PathBuf,
    transfer_syntax: String,
    pixels: Pixels,
    /// The file ends before its pixel data does.
    pub cut: bool,
}

enum Pixels {
    Native(Range<u64>),
    Fragments { places: Vec<Range<u64>>, layout: Layout },
}

impl Frames {
    /// Finds the frames of a file. `None` for one that has to be read whole, or cannot be read.
    pub fn open(path: &Path, format: &Format) -> Option<Self> {
        if format.frames == 1 || format.allocated == 1 {
            return None;
        }
        let mut file = fs::File::open(path).ok()?;
        let about = |head: &File<'_>, _| {
            let whole = head.big_endian || codec::is_video(&head.transfer_syntax);
            let extended = head.dataset.bytes(tag::EXTENDED_OFFSET_TABLE).unwrap_or_default();
            (!whole).then(|| (head.transfer_syntax.clone(), head.pixel_bytes, extended.to_vec()))
        };
        let head = source::head(&mut file, about).ok().filter(|head| !head.deflated)?;
        let (transfer_syntax, length, extended) = head.found?;
        let start = head.end as u64;
        let (pixels, cut) = match length? {
            UNDEFINED => fragments(&mut file, start..head.size, &extended).ok()?,
            length => {
                let end = start + u64::from(length);
                (Pixels::Native(start..end.min(head.size)), end > head.size)
            }
        };
        Some(Self { path: path.to_owned(), transfer_syntax, pixels, cut })
    }

    /// Reads the bytes of a frame in place of what `bytes` holds: of one that is cut off, what is there.
    pub fn read(&self, frame: u32, format: &Format, bytes: &mut Vec<u8>) -> Result<(), String> {
        bytes.clear();
        let native;
        let places = match &self.pixels {
            Pixels::Native(all) => {
                let length = format.frame_bytes() as u64;
                let start = (all.start + u64::from(frame) * length).min(all.end);
                native = start..(start + length).min(all.end);
                std::slice::from_ref(&native)
            }
            Pixels::Fragments { places, layout } => &places[layout.frame(frame, format.frames)?],
        };
        // Each thread has a place of its own to read from.
        let mut file = fs::File::open(&self.path).map_err(|e| source::reason(&e))?;
        for place in places {
            file.seek(SeekFrom::Start(place.start)).map_err(|e| source::reason(&e))?;
            let length = place.end - place.start;
            bytes
                .try_reserve(usize::try_from(length).unwrap_or(usize::MAX))
                .map_err(|_| format!("has a frame of {length} bytes, for which there is no memory"))?;
            (&mut file).take(length).read_to_end(bytes).map_err(|e| source::reason(&e))?;
        }
        Ok(())
    }

    /// A file whose only frame has these bytes.
    pub fn file<'a>(&self, bytes: &'a [u8]) -> File<'a> {
        let pixels = match self.pixels {
            Pixels::Native(_) => PixelBytes::Native { bytes, words: false },
            Pixels::Fragments { .. } => {
                PixelBytes::Encapsulated(Fragments { offset_table: Vec::new(), fragments: vec![bytes] })
            }
        };
        File {
            meta: Dataset::default(),
            transfer_syntax: self.transfer_syntax.clone(),
            dataset: Dataset::default(),
            pixels: Some(pixels),
            has_pixel_data: true,
            pixel_data_tag: None,
            pixel_bytes: None,
            big_endian: false,
            is_explicit: true,
            header_end: 0,
            truncated: None,
        }
    }
}

/// The items of encapsulated pixel data, as far as they go (PS3.5 A.4), and whether the end of them is missing.
fn fragments(file: &mut fs::File, within: Range<u64>, extended: &[u8]) -> std::io::Result<(Pixels, bool)> {
    file.seek(SeekFrom::Start(within.start))?;
    let mut reader = BufReader::with_capacity(BUFFER, file);
    let (mut places, mut layout) = (Vec::new(), None);
    let (mut at, mut cut) = (within.start, true);
    while at + 8 <= within.end {
        let mut head = [0; 8];
        reader.read_exact(&mut head)?;
        let [a, b, c, d, length @ ..] = head;
        if [a, b, c, d] != [0xFE, 0xFF, 0x00, 0xE0] {
            cut = [a, b, c, d] != [0xFE, 0xFF, 0xDD, 0xE0];
            break;
        }
        let start = at + 8;
        at = (start + u64::from(u32::from_le_bytes(length))).min(within.end);
        let length = at - start;
        let wanted = if layout.is_none() { length } else { length.min(BEGINNING) };
        let mut beginning = Vec::new();
        (&mut reader).take(wanted).read_to_end(&mut beginning)?;
        reader.seek_relative((length - beginning.len() as u64) as i64)?;
        match &mut layout {
            // The first item is the offset table.
            None => {
                let table = beginning.as_chunks().0.iter().map(|&bytes| u32::from_le_bytes(bytes));
                layout = Some(Layout::new(table, extended));
            }
            Some(layout) => {
                places.push(start..at);
                layout.push(length, &beginning);
            }
        }
    }
    Ok((Pixels::Fragments { places, layout: layout.unwrap_or_default() }, cut))
}
