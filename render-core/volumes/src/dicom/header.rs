//! What a file's header says about its images, checked and in plain types.

use std::sync::Arc;

use dicom_dictionary_std::tags;
use glam::DVec3;

use super::Patient;
use super::dataset::{Dataset, File, Tag};
use super::kind::{Groups, Kind};
use super::object::Object;
use super::time::{self, Moment};
use crate::window::Window;

/// More frames than any scanner writes into one object.
const MAX_FRAMES: f64 = 1e6;
/// Compressed or not, a frame takes this much of the file.
const MIN_FRAME_BYTES: u64 = 8;
/// 16 times a mammogram of today.
const MAX_FRAME_PIXELS: u32 = 1 << 28;

/// A file's header.
pub struct Header {
    /// What the file is, if it is no image; it has no `images` then.
    pub object: Option<Object>,
    pub study_instance_uid: String,
    pub study_description: String,
    pub study_date: String,
    pub patient: Patient,
    pub series_instance_uid: String,
    pub series_description: String,
    pub series_number: Option<i32>,
    pub modality: String,
    pub unit: String,
    pub transfer_syntax: String,
    pub sop_instance_uid: String,
    pub mosaic: bool,
    /// Lossy compression now or earlier, with the ratio when the file tells it.
    pub lossy: Option<Option<f64>>,
    pub images: Vec<Image>,
}

/// One frame: its place, its time, and how its samples become values.
#[derive(Clone, Debug)]
pub struct Image {
    /// Index into `Series::files`.
    pub file: usize,
    /// Frame of the file, from 0.
    pub frame: u32,
    pub position: Option<DVec3>,
    /// Unit vectors of +column and +row index.
    pub orientation: Option<[DVec3; 2]>,
    /// Distance between columns and between rows.
    pub spacing_mm: Option<[f64; 2]>,
    /// Distance of slices as stated: SpacingBetweenSlices, else SliceThickness.
    pub step_mm: Option<f64>,
    pub rescale: (f64, f64),
    pub windows: Vec<(String, Window)>,
    pub moment: Moment,
    pub kind: Kind,
    pub format: Arc<Format>,
}

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
    pub padding: Option<i32>,
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
        halved: bool,
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

    /// Smallest and largest value a sample can have.
    pub fn range(&self) -> (i64, i64) {
        match (&self.lut, self.signed) {
            (Some(lut), _) => (0, (1 << lut.bits) - 1),
            (None, true) => (-(1 << (self.stored - 1)), (1 << (self.stored - 1)) - 1),
            (None, false) => (0, (1 << self.stored) - 1),
        }
    }

    pub fn is_grey(&self) -> bool {
        matches!(self.colour, Colour::Grey { .. })
    }

    fn read(data: &Dataset<'_>, float: bool) -> Result<Self, String> {
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
            return Err(format!("an image of {columns}x{rows} pixels is larger than any that can be shown"));
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
            ("RGB", 3) => Colour::Rgb,
            ("YBR_FULL_422" | "YBR_PARTIAL_422", 3) => Colour::Ybr { halved: true },
            (name, 3) if name.starts_with("YBR") => Colour::Ybr { halved: false },
            (name, samples) => {
                return Err(format!(
                    "PhotometricInterpretation (0028,0004) {name:?} with {samples} samples per pixel cannot be shown"
                ));
            }
        };
        if samples == 3 && (float || allocated > 16) {
            return Err(format!("colour images of {allocated} bits per sample cannot be shown"));
        }
        let padding = data
            .short(tags::PIXEL_PADDING_VALUE)
            .filter(|_| !float && allocated <= 16)
            .map(|bits| if signed { i32::from(bits as i16) } else { i32::from(bits) });
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
            padding,
            lut,
        })
    }
}

fn read_lut(
    data: &Dataset<'_>,
    descriptor: dicom_object::Tag,
    values: dicom_object::Tag,
    signed: bool,
) -> Result<Lut, String> {
    let descriptor_values = data.shorts(descriptor);
    let [count, first, bits] = descriptor_values[..] else {
        return Err(format!("the lookup table descriptor {} does not have 3 values", Tag::from(descriptor)));
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
            Tag::from(values),
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
    if data.bytes(tags::SEGMENTED_RED_PALETTE_COLOR_LOOKUP_TABLE_DATA).is_some() {
        return Err("segmented palettes (0028,1221) cannot be read yet".into());
    }
    let [r, g, b] = [
        read_lut(data, RED_D, RED, false)?,
        read_lut(data, GREEN_D, GREEN, false)?,
        read_lut(data, BLUE_D, BLUE, false)?,
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

impl Header {
    /// Reads what a volume needs from a file of `size` bytes (inflated); an error says which
    /// attribute is wrong.
    pub fn read(file: &File<'_>, size: u64) -> Result<Self, String> {
        let data = &file.dataset;
        let text = |tag: dicom_object::Tag| data.text(tag).unwrap_or_default();
        let object = Object::read(file)?;
        let charset = data.charset();
        let person = |tag: dicom_object::Tag| data.person_text(tag, &charset);
        let modality = text(tags::MODALITY);
        let image_type = data.texts(tags::IMAGE_TYPE);
        let unit = match data.text(tags::RESCALE_TYPE).filter(|t| !t.is_empty() && t != "US") {
            Some(stated) => stated,
            None if modality == "CT" && !image_type.iter().any(|t| t == "LOCALIZER") => "HU".into(),
            None if modality == "RTDOSE" => data.text(tags::DOSE_UNITS).unwrap_or_default(),
            None => data.text(tags::UNITS).unwrap_or_default(),
        };
        let images = if object.is_some() { Vec::new() } else { Self::images(data, size, &unit)? };
        let sop_instance_uid = text(tags::SOP_INSTANCE_UID);
        Ok(Self {
            object,
            study_instance_uid: text(tags::STUDY_INSTANCE_UID),
            study_description: person(tags::STUDY_DESCRIPTION),
            study_date: text(tags::STUDY_DATE),
            patient: Patient {
                name: person(tags::PATIENT_NAME),
                id: person(tags::PATIENT_ID),
                birth_date: text(tags::PATIENT_BIRTH_DATE),
                sex: text(tags::PATIENT_SEX),
            },
            series_instance_uid: text(tags::SERIES_INSTANCE_UID),
            series_description: person(tags::SERIES_DESCRIPTION),
            series_number: data.number(tags::SERIES_NUMBER).map(|n| n as i32),
            modality,
            unit,
            lossy: lossy(data, &file.transfer_syntax),
            transfer_syntax: file.transfer_syntax.clone(),
            sop_instance_uid,
            mosaic: image_type.iter().any(|t| t == "MOSAIC"),
            images,
        })
    }

    fn images(data: &Dataset<'_>, size: u64, unit: &str) -> Result<Vec<Image>, String> {
        let float = data.bytes(tags::BITS_STORED).is_none() && data.short(tags::BITS_ALLOCATED) >= Some(32);
        let format = Arc::new(Format::read(data, float)?);
        if format.frames > 1 && u64::from(format.frames) > size / MIN_FRAME_BYTES {
            return Err(format!(
                "NumberOfFrames (0028,0008) is {}, but the file has {size} bytes: it is damaged",
                format.frames
            ));
        }
        images(data, &format, unit)
    }
}

fn lossy(data: &Dataset<'_>, transfer_syntax: &str) -> Option<Option<f64>> {
    let stated = data.text(tags::LOSSY_IMAGE_COMPRESSION).unwrap_or_default();
    // JPEG baseline and extended always lose; JPEG-LS near-lossless, JPEG 2000, JPEG XL and HTJ2K
    // may not, and then the file says "00".
    let always = matches!(transfer_syntax, "1.2.840.10008.1.2.4.50" | "1.2.840.10008.1.2.4.51");
    let may = ["81", "91", "93", "112", "203"]
        .iter()
        .any(|s| transfer_syntax == format!("1.2.840.10008.1.2.4.{s}"));
    let is = always || stated == "01" || may && stated != "00";
    is.then(|| data.number(tags::LOSSY_IMAGE_COMPRESSION_RATIO))
}

/// The frames of a file, from the functional groups of enhanced objects or else from the file itself.
fn images(data: &Dataset<'_>, format: &Arc<Format>, unit: &str) -> Result<Vec<Image>, String> {
    let shared = data.items(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE).first();
    let per_frame = data.items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE);
    let enhanced = shared.is_some() || !per_frame.is_empty();
    let offsets = data.numbers(tags::GRID_FRAME_OFFSET_VECTOR);
    let dimensions = time::dimensions(data);
    let mut images = Vec::new();
    for frame in 0..format.frames {
        let groups = Groups { data, own: per_frame.get(frame as usize), shared };
        let group = |tag: dicom_object::Tag| groups.get(tag);
        let rescale = group(tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE);
        let rescale = (
            number_or(rescale, tags::RESCALE_SLOPE, 1.0)?,
            number_or(rescale, tags::RESCALE_INTERCEPT, 0.0)?,
        );
        let rescale = match data.number(tags::DOSE_GRID_SCALING) {
            Some(scaling) if scaling > 0.0 => (scaling, 0.0),
            _ => rescale,
        };
        if rescale.0 == 0.0 {
            return Err("RescaleSlope (0028,1053) is 0, so values cannot be told".into());
        }
        let measures = group(tags::PIXEL_MEASURES_SEQUENCE);
        let orientation = orientation(group(tags::PLANE_ORIENTATION_SEQUENCE));
        let mut position =
            vector(&group(tags::PLANE_POSITION_SEQUENCE).numbers(tags::IMAGE_POSITION_PATIENT));
        let step_mm = [tags::SPACING_BETWEEN_SLICES, tags::SLICE_THICKNESS]
            .iter()
            .find_map(|&tag| measures.number(tag).map(f64::abs).filter(|&x| x > 1e-6));
        if frame > 0 && !enhanced {
            // Classic multi-frame objects give one position for all; RT dose adds offsets.
            let normal = orientation.map(|[x, y]| x.cross(y));
            position = match (position, normal, offsets.get(frame as usize), step_mm) {
                (Some(p), Some(n), Some(offset), _) => Some(p + n * (offset - offsets[0])),
                (Some(p), Some(n), None, Some(step)) => Some(p + n * step * f64::from(frame)),
                _ => None,
            };
        }
        let spacing_mm = spacing(measures);
        images.push(Image {
            file: 0,
            frame,
            position,
            orientation,
            spacing_mm,
            step_mm,
            rescale,
            windows: windows(group(tags::FRAME_VOILUT_SEQUENCE)),
            moment: Moment::read(&groups, &dimensions),
            kind: Kind::read(&groups, unit, [format.columns, format.rows], spacing_mm),
            format: format.clone(),
        });
    }
    Ok(images)
}

/// A decimal string that is absent or empty is the default; one that is no number is an error.
fn number_or(data: &Dataset<'_>, tag: dicom_object::Tag, default: f64) -> Result<f64, String> {
    match data.text(tag) {
        Some(text) if !text.is_empty() => {
            data.number(tag).ok_or_else(|| format!("{} is not a finite number", Tag::from(tag)))
        }
        _ => Ok(default),
    }
}

fn vector(numbers: &[f64]) -> Option<DVec3> {
    match numbers {
        &[x, y, z] if [x, y, z].iter().all(|c| c.abs() < 1e6) => Some(DVec3::new(x, y, z)),
        _ => None,
    }
}

/// Unit vectors, if the two are independent.
fn orientation(data: &Dataset<'_>) -> Option<[DVec3; 2]> {
    let numbers = data.numbers(tags::IMAGE_ORIENTATION_PATIENT);
    if numbers.len() != 6 {
        return None;
    }
    let x = vector(&numbers[..3])?.try_normalize()?;
    let y = vector(&numbers[3..])?.try_normalize()?;
    (x.dot(y).abs() < 0.05).then_some([x, y])
}

/// PixelSpacing is (between rows, between columns); x comes first here.
fn spacing(data: &Dataset<'_>) -> Option<[f64; 2]> {
    let sources = [tags::PIXEL_SPACING, tags::IMAGER_PIXEL_SPACING, tags::NOMINAL_SCANNED_PIXEL_SPACING];
    sources.iter().find_map(|&tag| match data.numbers(tag)[..] {
        [y, x] if (1e-6..1e4).contains(&x) && (1e-6..1e4).contains(&y) => Some([x, y]),
        _ => None,
    })
}

fn windows(data: &Dataset<'_>) -> Vec<(String, Window)> {
    let names = data.texts(tags::WINDOW_CENTER_WIDTH_EXPLANATION);
    let exact = data.text(tags::VOILUT_FUNCTION).as_deref() == Some("LINEAR_EXACT");
    let pairs = data.numbers(tags::WINDOW_CENTER).into_iter().zip(data.numbers(tags::WINDOW_WIDTH));
    pairs
        .enumerate()
        .filter_map(|(i, (center, width))| {
            let window = if exact && width > 0.0 {
                Window::from_range(center - width / 2.0, center + width / 2.0)
            } else {
                Window::new(center, width)?
            };
            Some((names.get(i).cloned().unwrap_or_default(), window))
        })
        .collect()
}
