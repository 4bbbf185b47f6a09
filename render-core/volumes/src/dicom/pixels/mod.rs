//! From the pixel data of one frame to typed values.

mod format;
mod voi;

use std::borrow::Cow;

use format::brightness;
pub use format::{Colour, Format};
pub use voi::Voi;

use super::dataset::{File, PixelBytes, tag};
use super::header::Image;
use super::{codec, mosaic, overlay};
use crate::volume::Voxel;

/// A type voxels are stored in, made from samples.
pub trait Sample: Copy + Default + Send + Sync {
    fn from_i32(value: i32) -> Self;
    fn from_f64(value: f64) -> Self;
}

macro_rules! sample {
    ($($t:ty),*) => {$(
        impl Sample for $t {
            #[inline(always)]
            fn from_i32(value: i32) -> Self {
                value as $t
            }
            #[inline(always)]
            fn from_f64(value: f64) -> Self {
                value as $t
            }
        }
    )*};
}
sample!(u8, i16, u16, f32);

/// How samples become voxels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Convert {
    /// The sample and an offset; the caller knows that the sum fits.
    Add(i32),
    /// slope * sample + intercept.
    Scale(f64, f64),
}

/// What is to be said about voxels, though they could be read.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Notes {
    /// The codestream does not give back what was encoded.
    pub lossy: bool,
    /// Integers that 32-bit floats cannot hold were rounded.
    pub rounded: bool,
    /// Voxels that had the padding value.
    pub padding: u64,
    /// A video has more frames than its header says.
    pub more_frames: bool,
    /// A file ends before its pixel data does.
    pub cut: bool,
}

impl std::ops::AddAssign for Notes {
    fn add_assign(&mut self, other: Self) {
        self.lossy |= other.lossy;
        self.rounded |= other.rounded;
        self.padding += other.padding;
        self.more_frames |= other.more_frames;
        self.cut |= other.cut;
    }
}

/// Decodes a frame into `out`, which holds rows * columns voxels.
pub fn decode<T: Sample + Voxel>(
    file: &File<'_>,
    image: &Image,
    convert: Convert,
    out: &mut [T],
) -> Result<(Notes, Padding<T>), String> {
    if let Some(tile) = &image.tile {
        return mosaic::decode(file, image, tile, convert, out);
    }
    if codec::is_video(&file.transfer_syntax) {
        decode_video(file, &image.format, image.frame + 1, |frame, rgb| {
            if frame == image.frame {
                grey_from_rgb(rgb, out);
            }
            true
        })?;
        return Ok((Notes { lossy: true, ..Notes::default() }, Padding::None));
    }
    let decoded = samples(file, image.frame, &image.format)?;
    let (bytes, format) = (&*decoded.bytes, &*decoded.format);
    let mut notes = Notes { lossy: decoded.lossy, ..Notes::default() };
    if !format.is_grey() {
        grey_from_colour(bytes, format, out);
        return Ok((notes, Padding::None));
    }
    notes.rounded = convert_grey(bytes, format, convert, out);
    Ok((notes, Padding::of(bytes, format, convert)))
}

/// Shows `on_frame` the first frames of a video in order, red, green and blue in bytes; it says whether
/// to go on. Returns whether more follow; an error says why there are fewer.
pub fn decode_video(
    file: &File<'_>,
    format: &Format,
    frames: u32,
    on_frame: impl FnMut(u32, &[u8]) -> bool,
) -> Result<bool, String> {
    match file.pixels.as_ref().ok_or("the pixel data is missing")? {
        PixelBytes::Encapsulated(fragments) => codec::decode_video(fragments, format, frames, on_frame),
        PixelBytes::Native { .. } => {
            Err("its transfer syntax is a video's, but its pixel data is not".into())
        }
    }
}

/// Brightness of pixels of red, green and blue.
pub fn grey_from_rgb<T: Sample>(rgb: &[u8], out: &mut [T]) {
    for (out, &rgb) in out.iter_mut().zip(rgb.as_chunks().0) {
        *out = T::from_i32(i32::from(brightness(rgb)));
    }
}

/// Whether integers had to be rounded.
fn convert_grey<T: Sample>(bytes: &[u8], format: &Format, convert: Convert, out: &mut [T]) -> bool {
    match (format.float, format.allocated) {
        (true, 32) => floats(bytes.as_chunks().0, |c| f64::from(f32::from_le_bytes(c)), convert, out),
        (true, _) => floats(bytes.as_chunks().0, f64::from_le_bytes, convert, out),
        (false, 8) => integers(bytes, format, u32::from, convert, out),
        (false, 16) => {
            integers(bytes.as_chunks().0, format, |c| u32::from(u16::from_le_bytes(c)), convert, out);
        }
        (false, _) => {
            let words = bytes.as_chunks().0;
            integers(words, format, u32::from_le_bytes, convert, out);
            return words.iter().any(|&word| is_rounded(u32::from_le_bytes(word), format.signed));
        }
    }
    false
}

/// Which voxels of an image hold its padding value.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Padding<T> {
    #[default]
    None,
    /// Those from the first to the second value.
    Between(T, T),
    /// Those at these indices, in order, where values do not tell.
    At(Vec<u32>),
}

impl<T: Sample + Voxel> Padding<T> {
    fn of(bytes: &[u8], format: &Format, convert: Convert) -> Self {
        let Some([low, high]) = format.possible_padding() else { return Self::None };
        let at = |holds: &dyn Fn(usize) -> bool| {
            Self::At((0..format.pixels()).filter(|&i| holds(i)).map(|i| i as u32).collect())
        };
        if low.is_nan() {
            return match format.allocated {
                32 => at(&|i| bytes.as_chunks().0.get(i).is_some_and(|&c| f32::from_le_bytes(c).is_nan())),
                _ => at(&|i| bytes.as_chunks().0.get(i).is_some_and(|&c| f64::from_le_bytes(c).is_nan())),
            };
        }
        if format.lut.is_some() {
            // Several samples may have one value.
            let plain = Format { lut: None, padding: None, ..format.clone() };
            let mut samples = vec![0f32; format.pixels()];
            convert_grey(bytes, &plain, Convert::Add(0), &mut samples);
            return at(&|i| (low..=high).contains(&f64::from(samples[i])));
        }
        let [a, b] = [low, high].map(|sample| match convert {
            Convert::Add(offset) => T::from_f64(sample + f64::from(offset)),
            Convert::Scale(slope, intercept) => T::from_f64(sample * slope + intercept),
        });
        if a <= b { Self::Between(a, b) } else { Self::Between(b, a) }
    }

    /// Whether the voxel at an index, which has this value, holds it.
    pub fn holds(&self, index: usize, value: T) -> bool {
        match self {
            Self::None => false,
            Self::Between(low, high) => *low <= value && value <= *high,
            Self::At(indices) => indices.binary_search(&(index as u32)).is_ok(),
        }
    }

    /// Gives padding the value of what is around a patient: the lowest of the image, or where that is
    /// white (MONOCHROME1) the highest. So it is black, and drags no neighbour far away when voxels are
    /// interpolated. Returns how many voxels that were.
    pub fn replace(&self, format: &Format, voxels: &mut [T]) -> u64 {
        let inverted = matches!(format.colour, Colour::Grey { inverted: true });
        let darker = |a: T, b: T| if (b < a) != inverted { b } else { a };
        match self {
            Self::None => 0,
            Self::Between(low, high) => {
                let holds = |v: T| *low <= v && v <= *high;
                let count = voxels.iter().filter(|&&v| holds(v)).count();
                if count > 0
                    && let Some(around) = voxels.iter().copied().filter(|&v| !holds(v)).reduce(darker)
                {
                    voxels.iter_mut().filter(|v| holds(**v)).for_each(|v| *v = around);
                }
                count as u64
            }
            Self::At(indices) => {
                let mut left = indices.iter().peekable();
                let others = voxels
                    .iter()
                    .enumerate()
                    .filter(|(i, _)| left.next_if(|&&index| index as usize == *i).is_none());
                let around = others.map(|(_, &v)| v).reduce(darker).unwrap_or_default();
                indices.iter().for_each(|&index| voxels[index as usize] = around);
                indices.len() as u64
            }
        }
    }
}

/// Whether a 32-bit float is another number than an integer of 32 bits.
fn is_rounded(bits: u32, signed: bool) -> bool {
    let value = if signed { i64::from(bits as i32) } else { i64::from(bits) };
    value as f32 as i64 != value
}

fn floats<T: Sample, const N: usize>(
    input: &[[u8; N]],
    read: impl Fn([u8; N]) -> f64,
    convert: Convert,
    out: &mut [T],
) {
    let (slope, intercept) = match convert {
        Convert::Scale(slope, intercept) => (slope, intercept),
        Convert::Add(offset) => (1.0, f64::from(offset)),
    };
    for (out, &bytes) in out.iter_mut().zip(input) {
        *out = T::from_f64(read(bytes) * slope + intercept);
    }
}

#[inline(always)]
fn integers<I: Copy, T: Sample>(
    input: &[I],
    format: &Format,
    read: impl Fn(I) -> u32,
    convert: Convert,
    out: &mut [T],
) {
    let shift = format.high + 1 - format.stored;
    let mask = u32::MAX >> (32 - format.stored);
    // Flipping the sign bit and subtracting it again extends the sign.
    let sign = if format.signed { 1u32 << (format.stored - 1) } else { 0 };
    let value = |i: I| (((read(i) >> shift) & mask) ^ sign).wrapping_sub(sign) as i32;
    let unsigned_32 = format.stored == 32 && !format.signed;
    let pairs = out.iter_mut().zip(input);
    match (&format.lut, convert) {
        (Some(lut), Convert::Add(offset)) => {
            pairs.for_each(|(o, &i)| *o = T::from_i32(i32::from(lut.get(value(i))) + offset));
        }
        (Some(lut), Convert::Scale(slope, intercept)) => {
            pairs.for_each(|(o, &i)| *o = T::from_f64(f64::from(lut.get(value(i))) * slope + intercept));
        }
        (None, Convert::Add(offset)) => {
            pairs.for_each(|(o, &i)| *o = T::from_i32(value(i).wrapping_add(offset)));
        }
        (None, Convert::Scale(slope, intercept)) if unsigned_32 => {
            pairs.for_each(|(o, &i)| *o = T::from_f64(f64::from(read(i)) * slope + intercept));
        }
        (None, Convert::Scale(slope, intercept)) => {
            pairs.for_each(|(o, &i)| *o = T::from_f64(f64::from(value(i)) * slope + intercept));
        }
    }
}

fn grey_from_colour<T: Sample>(bytes: &[u8], format: &Format, out: &mut [T]) {
    let pixels = format.pixels();
    let wide = format.allocated == 16;
    let width = usize::from(format.allocated / 8);
    let shift = format.high + 1 - format.stored;
    let mask = u32::MAX >> (32 - format.stored);
    // The sample at an index, as 8 bits.
    let at = |i: usize| {
        if width == 1 {
            return bytes[i];
        }
        let sample =
            bytes[i * width..][..width].iter().rev().fold(0, |sum, &byte| sum << 8 | u32::from(byte));
        (sample >> format.stored.saturating_sub(8)) as u8
    };
    let index = |pixel: usize, sample: usize| {
        if format.planar { sample * pixels + pixel } else { pixel * 3 + sample }
    };
    for (i, out) in out.iter_mut().enumerate() {
        let grey = match &format.colour {
            Colour::Palette(lut) => {
                let entry = if wide {
                    u16::from_le_bytes([bytes[2 * i], bytes[2 * i + 1]])
                } else {
                    u16::from(bytes[i])
                };
                // Other bits may hold overlays.
                let entry = u32::from(entry) >> shift & mask;
                lut.get(entry as i32) as u8
            }
            Colour::Rgb => brightness([at(index(i, 0)), at(index(i, 1)), at(index(i, 2))]),
            Colour::Ybr { halved, partial } => {
                let y = at(if *halved { i / 2 * 4 + i % 2 } else { index(i, 0) });
                if *partial { full_range(y) } else { y }
            }
            Colour::Grey { .. } => at(i),
        };
        *out = T::from_i32(i32::from(grey));
    }
}

/// Brightness of 0 to 255 from one of 16 to 235 (ITU-R BT.601).
fn full_range(y: u8) -> u8 {
    let above_black = u32::from(y.clamp(16, 235)) - 16;
    ((above_black * 255 + 109) / 219) as u8
}

/// One frame, decompressed.
struct Samples<'a, 'f> {
    /// Little-endian samples, at least as many as the format asks for.
    bytes: Cow<'a, [u8]>,
    format: Cow<'f, Format>,
    lossy: bool,
}

fn samples<'a, 'f>(file: &'a File<'_>, frame: u32, format: &'f Format) -> Result<Samples<'a, 'f>, String> {
    match file.pixels.as_ref().ok_or("the pixel data is missing")? {
        PixelBytes::Native { bytes, words } => {
            if format.allocated == 1 {
                let bytes = unpack_bits(bytes, frame, format)?;
                return Ok(Samples {
                    bytes: bytes.into(),
                    format: Cow::Owned(byte_format(format)),
                    lossy: false,
                });
            }
            let expected = format.frame_bytes();
            let start = expected * frame as usize;
            let have = bytes.len().saturating_sub(start).min(expected);
            let frame_bytes = (have == expected).then(|| &bytes[start..start + expected]);
            let frame_bytes = frame_bytes.ok_or_else(|| truncated(have, expected))?;
            let width = usize::from(format.allocated / 8);
            let bytes = match (file.big_endian, width, *words) {
                // Bytes of 8-bit samples lie swapped in words, the last one in the padding.
                (true, 1, true) => Cow::Owned(
                    (start..start + expected).map(|i| bytes.get(i ^ 1).copied().unwrap_or(0)).collect(),
                ),
                (false, ..) | (true, 1, false) => Cow::Borrowed(frame_bytes),
                (true, ..) => {
                    Cow::Owned(frame_bytes.chunks(width).flat_map(|c| c.iter().rev().copied()).collect())
                }
            };
            Ok(Samples { bytes, format: Cow::Borrowed(format), lossy: false })
        }
        PixelBytes::Encapsulated(fragments) => {
            codec::check_readable(&file.transfer_syntax)?;
            let offsets = file.dataset.bytes(tag::EXTENDED_OFFSET_TABLE).unwrap_or_default();
            let bytes = codec::frame_bytes(fragments, offsets, frame, format.frames)?;
            let decoded = codec::decode(&file.transfer_syntax, &bytes, format)?;
            let expected = decoded.format.frame_bytes();
            if decoded.samples.len() < expected {
                return Err(truncated(decoded.samples.len(), expected));
            }
            let (bytes, format) = if decoded.format.allocated == 1 {
                (unpack_bits(&decoded.samples, 0, &decoded.format)?, byte_format(&decoded.format))
            } else {
                (decoded.samples, decoded.format)
            };
            Ok(Samples { bytes: bytes.into(), format: Cow::Owned(format), lossy: decoded.lossy })
        }
    }
}

/// One bit of each sample of a frame, row by row, eight to a byte, for what older files keep beside the
/// values.
pub fn bit_plane(file: &File<'_>, frame: u32, format: &Format, bit: u16) -> Result<Vec<u8>, String> {
    let decoded = samples(file, frame, format)?;
    let width = usize::from(decoded.format.allocated / 8);
    if decoded.format.allocated != format.allocated || bit >= format.allocated {
        return Err("compression did not keep the bits beside its values".into());
    }
    let place = decoded.bytes[usize::from(bit / 8)..].iter().step_by(width).take(format.pixels());
    Ok(overlay::pack(place.map(|byte| byte >> (bit % 8) & 1 != 0)))
}

/// How the message of a frame cut short begins.
pub const TRUNCATED: &str = "pixel data ends";

fn truncated(have: usize, expected: usize) -> String {
    format!("{TRUNCATED} after {have} of {expected} bytes")
}

fn byte_format(format: &Format) -> Format {
    Format { allocated: 8, stored: 8, high: 7, signed: false, ..format.clone() }
}

/// One bit per pixel, lowest bit first, frames not aligned to bytes (PS3.5 8.1.1).
fn unpack_bits(bytes: &[u8], frame: u32, format: &Format) -> Result<Vec<u8>, String> {
    let pixels = format.pixels();
    let start = pixels * frame as usize;
    if (start + pixels).div_ceil(8) > bytes.len() {
        return Err(truncated(bytes.len(), (start + pixels).div_ceil(8)));
    }
    Ok((start..start + pixels).map(|i| bytes[i / 8] >> (i % 8) & 1).collect())
}
