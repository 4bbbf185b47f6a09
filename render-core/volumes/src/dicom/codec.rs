//! Compressed frames to samples.
//!
//! The size a codestream states is compared with the header's before a decoder sees it, so a few
//! bytes cannot ask for gigabytes, and a panic inside a decoder becomes an error of that frame.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use dicom_encoding::adapters::{PixelDataObject, RawPixelData};
use dicom_encoding::transfer_syntax::Codec;
use dicom_transfer_syntax_registry::{TransferSyntaxIndex, TransferSyntaxRegistry};

use super::dataset::Fragments;
use super::header::{Colour, Format};

const RLE: &str = "1.2.840.10008.1.2.5";

/// UIDs of the transfer syntaxes whose images can be read, sorted.
pub fn transfer_syntaxes() -> Vec<&'static str> {
    let readable = |codec: &Codec<_, _, _>| match codec {
        Codec::EncapsulatedPixelData(reader, _) => reader.is_some(),
        Codec::None => true,
        Codec::Dataset(adapter) => adapter.is_some(),
    };
    let mut uids: Vec<&str> = TransferSyntaxRegistry
        .iter()
        .filter(|syntax| syntax.uid() == RLE || readable(syntax.codec()))
        .map(|syntax| syntax.uid())
        .collect();
    uids.sort_unstable();
    uids
}

/// The bytes of one frame, joined from its fragments (PS3.5 A.4).
pub fn frame_bytes<'a>(fragments: &Fragments<'a>, frame: u32, frames: u32) -> Result<Cow<'a, [u8]>, String> {
    let all = &fragments.fragments;
    let missing = || format!("pixel data ends before frame {} of {frames}", u64::from(frame) + 1);
    let (first, last) = if frames == 1 {
        (0, all.len())
    } else if all.len() == frames as usize {
        (frame as usize, frame as usize + 1)
    } else if fragments.offset_table.len() == frames as usize {
        let offset = |i: usize| fragments.offset_table.get(i).map(|&o| o as usize);
        let mut at = 0;
        let starts: Vec<usize> = all
            .iter()
            .map(|fragment| {
                let start = at;
                at += 8 + fragment.len();
                start
            })
            .collect();
        let index = |offset: usize| starts.binary_search(&offset).ok();
        let first =
            offset(frame as usize).and_then(index).ok_or("the offset table points outside the pixel data")?;
        let last = offset(frame as usize + 1).map_or(Some(all.len()), index);
        (first, last.filter(|&l| l > first).ok_or("the offset table points outside the pixel data")?)
    } else {
        // Without a table a frame begins where a codestream begins (JPEG, JPEG-LS, JPEG 2000).
        let begins = |f: &&[u8]| f.starts_with(&[0xFF, 0xD8]) || f.starts_with(&[0xFF, 0x4F]);
        let mut starts = (0..all.len()).filter(|&i| begins(&all[i])).skip(frame as usize);
        (starts.next().ok_or_else(missing)?, starts.next().unwrap_or(all.len()))
    };
    match all.get(first..last) {
        None | Some([]) => Err(missing()),
        Some([one]) => Ok(Cow::Borrowed(one)),
        Some(many) => Ok(Cow::Owned(many.concat())),
    }
}

/// Whether so many bytes of pixels can come out of so many bytes of file. Constant images compress
/// well, but beyond 2000:1 only forged headers go; small sizes do no harm.
pub fn plausible(pixel_bytes: u64, file_bytes: u64) -> bool {
    pixel_bytes <= 64 << 20 || pixel_bytes / 2000 <= file_bytes
}

/// Decodes one frame: little-endian samples, and the format they have now.
pub fn decode(transfer_syntax: &str, bytes: &[u8], format: &Format) -> Result<(Vec<u8>, Format), String> {
    let expected = format.pixels() as u64 * u64::from(format.samples) * u64::from(format.allocated / 8);
    if !plausible(expected, bytes.len() as u64) {
        return Err(format!("its header asks for {expected} bytes of pixels, {} are there", bytes.len()));
    }
    if transfer_syntax == RLE {
        return Ok((rle(bytes, format)?, Format { planar: false, ..format.clone() }));
    }
    let syntax = TransferSyntaxRegistry
        .get(transfer_syntax)
        .ok_or_else(|| format!("its transfer syntax {transfer_syntax} is not known"))?;
    let Codec::EncapsulatedPixelData(Some(reader), _) = syntax.codec() else {
        return Err(format!("its compression, {} ({transfer_syntax}), cannot be read yet", syntax.name()));
    };
    let stream =
        codestream(bytes).ok_or_else(|| format!("no {} image begins in its pixel data", syntax.name()))?;
    let stated = (usize::from(format.columns), usize::from(format.rows), usize::from(format.samples));
    if (stream.columns, stream.rows, stream.components) != stated {
        return Err(format!(
            "its compressed image has {}x{} pixels of {} samples, its header says {}x{} of {}",
            stream.columns, stream.rows, stream.components, stated.0, stated.1, stated.2
        ));
    }
    if stream.extended_12_bit {
        return Err(format!("its compression, {} of 12 bits, cannot be read yet", syntax.name()));
    }
    let allocated = if stream.bits <= 8 { 8 } else { 16 };
    if stream.bits > 16 {
        return Err(format!("{} of {} bits per sample cannot be read", syntax.name(), stream.bits));
    }
    let bytes = if format.colour == Colour::Rgb && stream.colour_unstated {
        Cow::Owned([&[0xFF, 0xD8], ADOBE_RGB, &bytes[2..]].concat())
    } else {
        Cow::Borrowed(bytes)
    };
    let frame = OneFrame { transfer_syntax, bytes: &bytes, format, allocated };
    let mut out = Vec::new();
    // Nothing the decoder leaves half done is used again after a panic.
    match catch_unwind(AssertUnwindSafe(|| reader.decode_frame(&frame, 0, &mut out))) {
        Ok(Ok(())) => {}
        Ok(Err(e)) => return Err(format!("its {} image is damaged: {e}", syntax.name())),
        Err(_) => return Err(format!("its {} image is damaged: the decoder gave up", syntax.name())),
    }
    let stored = format.stored.min(allocated);
    let decoded = Format {
        allocated,
        stored,
        high: stored - 1,
        // Decoders of JPEG and JPEG 2000 turn YBR into RGB; JPEG-LS has no colour transform.
        colour: match (&format.colour, stream.colour_transformed) {
            (Colour::Ybr { .. }, true) => Colour::Rgb,
            (Colour::Ybr { .. }, false) => Colour::Ybr { halved: false },
            (other, _) => other.clone(),
        },
        planar: stream.planar,
        ..format.clone()
    };
    Ok((out, decoded))
}

/// An APP14 segment that says: three colours, not transformed. JPEG decoders take unmarked colours
/// for YCbCr, whatever the header says.
const ADOBE_RGB: &[u8] = b"\xFF\xEE\x00\x0EAdobe\x00\x64\x00\x00\x00\x00\x00";

struct Codestream {
    columns: usize,
    rows: usize,
    components: usize,
    bits: u16,
    /// Samples come out plane by plane.
    planar: bool,
    colour_transformed: bool,
    extended_12_bit: bool,
    /// A JPEG without a JFIF or Adobe segment: its colours are what the header says.
    colour_unstated: bool,
}

/// What a JPEG, JPEG-LS or JPEG 2000 codestream says about itself.
fn codestream(bytes: &[u8]) -> Option<Codestream> {
    let be16 = |at: usize| Some(usize::from(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?)));
    let be32 = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize);
    if bytes.starts_with(&[0xFF, 0xD8]) {
        return jpeg_codestream(bytes);
    }
    // JPEG 2000: SOC and SIZ stand first, or after the boxes of a JP2 file.
    let head = &bytes[..bytes.len().min(4096)];
    let soc = head.windows(4).position(|w| w == [0xFF, 0x4F, 0xFF, 0x51])?;
    let siz = soc + 4;
    let (width, height, left, top) = (be32(siz + 4)?, be32(siz + 8)?, be32(siz + 12)?, be32(siz + 16)?);
    Some(Codestream {
        columns: width.checked_sub(left)?,
        rows: height.checked_sub(top)?,
        components: be16(siz + 36)?,
        bits: u16::from(bytes.get(siz + 38)? & 0x7F) + 1,
        planar: false,
        colour_transformed: true,
        extended_12_bit: false,
        colour_unstated: false,
    })
}

fn jpeg_codestream(bytes: &[u8]) -> Option<Codestream> {
    let be16 = |at: usize| Some(usize::from(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?)));
    let mut frame: Option<Codestream> = None;
    let mut colour_stated = false;
    let mut at = 2;
    loop {
        while *bytes.get(at)? != 0xFF || *bytes.get(at + 1)? == 0xFF {
            at += 1;
        }
        let marker = bytes[at + 1];
        let length = be16(at + 2)?;
        match marker {
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF | 0xF7 => {
                let bits = u16::from(*bytes.get(at + 4)?);
                frame = Some(Codestream {
                    columns: be16(at + 7)?,
                    rows: be16(at + 5)?,
                    components: usize::from(*bytes.get(at + 9)?),
                    bits,
                    planar: false,
                    colour_transformed: marker != 0xF7,
                    extended_12_bit: matches!(marker, 0xC0..=0xC2) && bits > 8,
                    colour_unstated: false,
                });
            }
            0xDA => {
                let mut frame = frame?;
                let components = usize::from(*bytes.get(at + 4)?);
                // JPEG-LS decodes separate scans into separate planes.
                frame.colour_unstated = frame.colour_transformed && !colour_stated;
                frame.planar = !frame.colour_transformed && frame.components > 1 && components == 1;
                return Some(frame);
            }
            0xE0 | 0xEE => colour_stated = true,
            _ => {}
        }
        at += 2 + length;
    }
}

/// One frame as the decoders want to see it.
struct OneFrame<'a> {
    transfer_syntax: &'a str,
    bytes: &'a [u8],
    format: &'a Format,
    allocated: u16,
}

impl PixelDataObject for OneFrame<'_> {
    fn transfer_syntax_uid(&self) -> &str {
        self.transfer_syntax
    }
    fn rows(&self) -> Option<u16> {
        Some(self.format.rows)
    }
    fn cols(&self) -> Option<u16> {
        Some(self.format.columns)
    }
    fn samples_per_pixel(&self) -> Option<u16> {
        Some(self.format.samples)
    }
    fn bits_allocated(&self) -> Option<u16> {
        Some(self.allocated)
    }
    fn bits_stored(&self) -> Option<u16> {
        Some(self.format.stored.min(self.allocated))
    }
    fn photometric_interpretation(&self) -> Option<&str> {
        Some(if self.format.samples == 1 { "MONOCHROME2" } else { "RGB" })
    }
    fn number_of_frames(&self) -> Option<u32> {
        Some(1)
    }
    fn number_of_fragments(&self) -> Option<u32> {
        Some(1)
    }
    fn fragment(&self, fragment: usize) -> Option<Cow<'_, [u8]>> {
        (fragment == 0).then_some(Cow::Borrowed(self.bytes))
    }
    fn offset_table(&self) -> Option<Cow<'_, [u32]>> {
        None
    }
    fn raw_pixel_data(&self) -> Option<RawPixelData> {
        Some(RawPixelData {
            fragments: std::iter::once(self.bytes.to_vec()).collect(),
            offset_table: std::iter::empty().collect(),
        })
    }
}

/// RLE lossless (PS3.5 annex G): one PackBits segment per byte of a sample, highest byte first.
fn rle(bytes: &[u8], format: &Format) -> Result<Vec<u8>, String> {
    let pixels = format.pixels();
    let width = usize::from(format.allocated / 8);
    let segments = width * usize::from(format.samples);
    let header: Vec<usize> = bytes
        .get(..64)
        .unwrap_or_default()
        .as_chunks()
        .0
        .iter()
        .map(|c| u32::from_le_bytes(*c) as usize)
        .collect();
    if width == 0 || header.first() != Some(&segments) || segments > 15 {
        return Err(format!("its RLE data does not have the {segments} segments that its header asks for"));
    }
    let mut out = vec![0; pixels * segments];
    for segment in 0..segments {
        let start = header[segment + 1];
        let end = if segment + 1 < segments { header[segment + 2] } else { bytes.len() };
        let input = bytes
            .get(start..end)
            .ok_or_else(|| format!("its RLE segment {} lies outside the pixel data", segment + 1))?;
        let (sample, byte) = (segment / width, width - 1 - segment % width);
        let plane = out[sample * width + byte..].iter_mut().step_by(segments);
        let written = unpack(input, plane);
        if written < pixels {
            return Err(format!("{} after {written} of {pixels} RLE pixels", super::pixels::TRUNCATED));
        }
    }
    Ok(out)
}

/// PackBits into `out`; how many bytes were written.
fn unpack<'a>(input: &[u8], mut out: impl Iterator<Item = &'a mut u8>) -> usize {
    let mut written = 0;
    let mut at = 0;
    while let Some(&control) = input.get(at) {
        at += 1;
        let run = control as i8;
        if run >= 0 {
            let literal = &input[at.min(input.len())..(at + run as usize + 1).min(input.len())];
            at += run as usize + 1;
            for &value in literal {
                let Some(slot) = out.next() else { return written };
                *slot = value;
                written += 1;
            }
        } else if run != -128 {
            let Some(&value) = input.get(at) else { return written };
            at += 1;
            for _ in 0..=run.unsigned_abs() {
                let Some(slot) = out.next() else { return written };
                *slot = value;
                written += 1;
            }
        }
    }
    written
}
