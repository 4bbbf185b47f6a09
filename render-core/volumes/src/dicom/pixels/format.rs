//! How samples lie in the pixel data, and the tables that go with them.

use dicom_dictionary_std::tags;

use crate::dicom::dataset::{Dataset, Tag};

/// More frames than any scanner writes into one object.
const MAX_FRAMES: f64 = 1e6;
/// 16 times a mammogram of today.
const MAX_FRAME_PIXELS: u32 = 1 << 28;

/// How samples lie in the pixel data (PS3.3 C.7.6.3).
#[derive(Clone, Debug, PartialEq)]
pub struct Format {
    pub rows: u16,
    pub columns: u16,
    pub frames: u32,
    pub samples: u16,
    pub colour: Colour,
    pub planar: bool,
    pub allocated: u16,
    pub stored: u16,
    pub high: u16,
    pub signed: bool,
    pub float: bool,
    /// Samples from the first to the second stand for no value (PS3.3 C.7.5.1.1.2); two that are no
    /// numbers mean all such samples.
    pub padding: Option<[f64; 2]>,
    pub lut: Option<Lut>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Colour {
    /// `inverted`: MONOCHROME1, the smallest value is white.
    Grey {
        inverted: bool,
    },
    Rgb,
    /// The first sample is the brightness.
    Ybr {
        /// Two neighbours share their colour: Y Y Cb Cr.
        halved: bool,
        /// Brightness runs from 16 to 235, not over all values.
        partial: bool,
    },
    /// Brightness for each index.
    Palette(Lut),
}

/// A table for values from `first` on; values outside take the nearest entry.
#[derive(Clone, Debug, PartialEq)]
pub struct Lut {
    pub first: i32,
    pub bits: u16,
    pub values: Vec<u16>,
}

impl Lut {
    #[inline]
    pub fn get(&self, value: i32) -> u16 {
        let index = i64::from(value) - i64::from(self.first);
        self.values[index.clamp(0, self.values.len() as i64 - 1) as usize]
    }
}

impl Format {
    pub fn pixels(&self) -> usize {
        usize::from(self.rows) * usize::from(self.columns)
    }

    /// Smallest and largest value a sample can have, after the modality LUT.
    pub fn range(&self) -> (i64, i64) {
        self.lut.as_ref().map_or_else(|| self.sample_range(), |lut| (0, (1 << lut.bits) - 1))
    }

    /// Smallest and largest value a sample can have in the pixel data.
    fn sample_range(&self) -> (i64, i64) {
        match self.signed {
            true => (-(1 << (self.stored - 1)), (1 << (self.stored - 1)) - 1),
            false => (0, (1 << self.stored) - 1),
        }
    }

    /// The padding, if samples can have it: some files state another bit depth's.
    pub fn possible_padding(&self) -> Option<[f64; 2]> {
        let (least, most) = self.sample_range();
        let possible = |value: &f64| (least as f64..=most as f64).contains(value);
        self.padding.filter(|range| self.float || range.iter().all(possible))
    }

    /// Bytes of one frame that is not compressed; frames of single bits are rounded up.
    pub fn frame_bytes(&self) -> usize {
        let per_pixel = match self.colour {
            Colour::Ybr { halved: true, .. } => 2,
            _ => usize::from(self.samples),
        };
        (self.pixels() * per_pixel * usize::from(self.allocated)).div_ceil(8)
    }

    pub fn is_grey(&self) -> bool {
        matches!(self.colour, Colour::Grey { .. })
    }

    pub fn read(data: &Dataset<'_>, float: bool) -> Result<Self, String> {
        let short = |tag: dicom_object::Tag, name: &str| {
            data.short(tag).ok_or_else(|| format!("{name} {} is missing", Tag::from(tag)))
        };
        let rows = short(tags::ROWS, "Rows")?;
        let columns = short(tags::COLUMNS, "Columns")?;
        if rows == 0 || columns == 0 {
            return Err(format!(
                "Rows (0028,0010) and Columns (0028,0011) are {rows} and {columns}, not above 0"
            ));
        }
        if u32::from(rows) * u32::from(columns) > MAX_FRAME_PIXELS {
            return Err(format!(
                "Columns (0028,0011) and Rows (0028,0010) ask for an image of {columns}x{rows} pixels, which is larger \
                 than any that can be shown"
            ));
        }
        let frames = match data.text(tags::NUMBER_OF_FRAMES) {
            Some(text) if !text.is_empty() => match text.parse::<f64>() {
                Ok(n) if (1.0..=MAX_FRAMES).contains(&n) && n.fract() == 0.0 => n as u32,
                _ => {
                    return Err(format!("NumberOfFrames (0028,0008) is not a number from 1 to {MAX_FRAMES}"));
                }
            },
            _ => 1,
        };
        let samples = data.short(tags::SAMPLES_PER_PIXEL).unwrap_or(1);
        let allocated = short(tags::BITS_ALLOCATED, "BitsAllocated")?;
        let stored = data.short(tags::BITS_STORED).unwrap_or(allocated);
        let allowed = if float { matches!(allocated, 32 | 64) } else { matches!(allocated, 1 | 8 | 16 | 32) };
        if !allowed || stored == 0 || stored > allocated {
            return Err(format!(
                "BitsAllocated (0028,0100) {allocated} with BitsStored (0028,0101) {stored} is not possible"
            ));
        }
        // A high bit that cannot be is commonly left over from another bit depth.
        let high =
            data.short(tags::HIGH_BIT).filter(|&h| h < allocated && h + 1 >= stored).unwrap_or(stored - 1);
        let signed = data.short(tags::PIXEL_REPRESENTATION) == Some(1);
        let photometric = data.text(tags::PHOTOMETRIC_INTERPRETATION).unwrap_or_default();
        let colour = match (photometric.as_str(), samples) {
            ("MONOCHROME1", 1) => Colour::Grey { inverted: true },
            ("PALETTE COLOR", 1) => Colour::Palette(palette(data)?),
            (_, 1) => Colour::Grey { inverted: false },
            // Codestreams with the last three come out of their decoders as red, green and blue.
            ("RGB" | "YBR_RCT" | "YBR_ICT" | "XYB", 3) => Colour::Rgb,
            (name, 3) if name.starts_with("YBR_") => {
                Colour::Ybr { halved: name.ends_with("_422"), partial: name.starts_with("YBR_PARTIAL") }
            }
            (name, samples) => {
                return Err(format!(
                    "PhotometricInterpretation (0028,0004) {name:?} with {samples} samples per pixel cannot be shown"
                ));
            }
        };
        if samples == 3 && float {
            return Err(format!("colour images of {allocated}-bit floats cannot be shown"));
        }
        if samples == 3 && allocated == 1 {
            return Err("BitsAllocated (0028,0100) 1 with 3 samples per pixel is not possible".into());
        }
        let lut = match data.items(tags::MODALITY_LUT_SEQUENCE).first() {
            Some(item) if !float => Some(read_lut(item, tags::LUT_DESCRIPTOR, tags::LUT_DATA, signed)?),
            _ => None,
        };
        let planar = data.short(tags::PLANAR_CONFIGURATION) == Some(1);
        Ok(Self {
            rows,
            columns,
            frames,
            samples,
            colour,
            planar,
            allocated,
            stored,
            high,
            signed,
            float,
            padding: padding(data, allocated, signed, float),
            lut,
        })
    }
}

/// Samples that stand for no value, in order. Integers of 32 bits have no such element.
fn padding(data: &Dataset<'_>, allocated: u16, signed: bool, float: bool) -> Option<[f64; 2]> {
    let whole = |tag| {
        let bits = data.short(tag).filter(|_| allocated <= 16)?;
        Some(if signed { f64::from(bits as i16) } else { f64::from(bits) })
    };
    let single = |tag| data.all_floats(tag).first().map(|&value| f64::from(value));
    let double = |tag| data.all_doubles(tag).first().copied();
    let (value, limit) = match (float, allocated) {
        (false, _) => (whole(tags::PIXEL_PADDING_VALUE), whole(tags::PIXEL_PADDING_RANGE_LIMIT)),
        (true, 32) => {
            (single(tags::FLOAT_PIXEL_PADDING_VALUE), single(tags::FLOAT_PIXEL_PADDING_RANGE_LIMIT))
        }
        (true, _) => (
            double(tags::DOUBLE_FLOAT_PIXEL_PADDING_VALUE),
            double(tags::DOUBLE_FLOAT_PIXEL_PADDING_RANGE_LIMIT),
        ),
    };
    let value = value?;
    let limit = limit.filter(|limit| !limit.is_nan() && !value.is_nan()).unwrap_or(value);
    Some(if value <= limit { [value, limit] } else { [limit, value] })
}

pub fn read_lut(
    data: &Dataset<'_>,
    descriptor: dicom_object::Tag,
    values: dicom_object::Tag,
    signed: bool,
) -> Result<Lut, String> {
    let descriptor_values = data.shorts(descriptor);
    let [count, first, bits] = descriptor_values[..] else {
        return Err(format!(
            "the lookup table descriptor {} does not have 3 values",
            Tag::from(descriptor).named()
        ));
    };
    let count = if count == 0 { 65_536 } else { usize::from(count) };
    let bytes = data.bytes(values).unwrap_or_default();
    // Some 8-bit tables are packed two entries to a word, others not.
    let mut table = if bits == 8 && bytes.len() == count + count % 2 {
        bytes.iter().map(|&b| u16::from(b)).collect()
    } else {
        data.shorts(values)
    };
    if !matches!(bits, 8..=16) || table.len() < count {
        return Err(format!(
            "the lookup table {} has {} of {count} entries of {bits} bits",
            Tag::from(values).named(),
            table.len()
        ));
    }
    table.truncate(count);
    let first = if signed { i32::from(first as i16) } else { i32::from(first) };
    Ok(Lut { first, bits, values: table })
}

/// A palette as brightness of 8 bits.
fn palette(data: &Dataset<'_>) -> Result<Lut, String> {
    use tags::{
        BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA as BLUE, BLUE_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR as BLUE_D,
        GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA as GREEN,
        GREEN_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR as GREEN_D, RED_PALETTE_COLOR_LOOKUP_TABLE_DATA as RED,
        RED_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR as RED_D,
    };
    use tags::{
        SEGMENTED_BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA as BLUE_SEGMENTS,
        SEGMENTED_GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA as GREEN_SEGMENTS,
        SEGMENTED_RED_PALETTE_COLOR_LOOKUP_TABLE_DATA as RED_SEGMENTS,
    };
    let table = |descriptor, plain, segments| match data.bytes(segments) {
        Some(bytes) => segmented_lut(data, descriptor, segments, bytes),
        None => read_lut(data, descriptor, plain, false),
    };
    let [r, g, b] = [
        table(RED_D, RED, RED_SEGMENTS)?,
        table(GREEN_D, GREEN, GREEN_SEGMENTS)?,
        table(BLUE_D, BLUE, BLUE_SEGMENTS)?,
    ];
    let shift = r.bits - 8;
    let values = r.values.iter().zip(&g.values).zip(&b.values);
    let values =
        values.map(|((&r, &g), &b)| u16::from(brightness([r, g, b].map(|x| (x >> shift) as u8)))).collect();
    Ok(Lut { first: r.first, bits: 8, values })
}

/// Luma of ITU-R BT.601, which DICOM's YBR uses (PS3.3 C.7.6.3.1.2).
pub fn brightness([r, g, b]: [u8; 3]) -> u8 {
    ((u32::from(r) * 299 + u32::from(g) * 587 + u32::from(b) * 114 + 500) / 1000) as u8
}

/// A table in segments (PS3.3 C.7.9.2), one byte to a number where entries have 8 bits, else two.
fn segmented_lut(
    data: &Dataset<'_>,
    descriptor: dicom_object::Tag,
    segments: dicom_object::Tag,
    bytes: &[u8],
) -> Result<Lut, String> {
    let descriptor_values = data.shorts(descriptor);
    let [count, first, bits] = descriptor_values[..] else {
        return Err(format!(
            "the lookup table descriptor {} does not have 3 values",
            Tag::from(descriptor).named()
        ));
    };
    let count = if count == 0 { 65_536 } else { usize::from(count) };
    let numbers =
        if bits == 8 { bytes.iter().map(|&b| u16::from(b)).collect() } else { data.shorts(segments) };
    let mut values = Vec::with_capacity(count);
    let complete = matches!(bits, 8 | 16)
        && expand(&numbers, 0, usize::MAX, if bits == 8 { 1 } else { 2 }, &mut values, count, true).is_some()
        && values.len() >= count;
    if !complete {
        return Err(format!("the segmented lookup table {} is damaged", Tag::from(segments).named()));
    }
    values.truncate(count);
    Ok(Lut { first: i32::from(first), bits, values })
}

/// Appends up to `segments` segments from `at` on, until there are `count` entries; `None` where a
/// segment is cut off or unknown.
fn expand(
    numbers: &[u16],
    mut at: usize,
    segments: usize,
    number_bytes: usize,
    values: &mut Vec<u16>,
    count: usize,
    may_copy: bool,
) -> Option<()> {
    for _ in 0..segments {
        // A zero at the end may be padding to an even length.
        if values.len() >= count || at + 1 >= numbers.len() {
            break;
        }
        let (kind, length) = (numbers[at], usize::from(numbers[at + 1]));
        at += 2;
        match kind {
            0 => {
                values.extend_from_slice(numbers.get(at..at + length)?);
                at += length;
            }
            1 => {
                let (from, to) = (f64::from(*values.last()?), f64::from(*numbers.get(at)?));
                let step = (to - from) / length as f64;
                values.extend((1..=length).map(|i| (from + step * i as f64).round_ties_even() as u16));
                at += 1;
            }
            // Copies earlier segments, which may not copy again.
            2 if may_copy => {
                let parts = numbers.get(at..at + 4 / number_bytes)?;
                let offset =
                    parts.iter().rev().fold(0, |sum, &part| sum << (8 * number_bytes) | usize::from(part));
                expand(numbers, offset / number_bytes, length, number_bytes, values, count, false)?;
                at += parts.len();
            }
            _ => return None,
        }
    }
    Some(())
}
