//! What a file's header says about its images, checked and in plain types.

use std::sync::Arc;

use dicom_dictionary_std::tags;
use glam::DVec3;

use super::dataset::{Dataset, File, Tag};
use super::kind::{Groups, Kind};
use super::mosaic::{Mosaic, Tile};
use super::object::Object;
use super::overlay::Over;
use super::pixels::{Format, Voi};
use super::scale::{self, PixelRegion, Scale};
use super::suv::Suv;
use super::time::{self, Moment};
use super::{Patient, codec};

/// Compressed or not, a frame takes this much of the file.
const MIN_FRAME_BYTES: u64 = 8;

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
    pub suv: Option<Result<Suv, String>>,
    pub transfer_syntax: String,
    pub sop_instance_uid: String,
    /// A mosaic whose header does not tell how to take it apart.
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
    pub scale: Scale,
    /// Where lengths hold, of an image whose scale is that of its regions.
    pub regions: Vec<PixelRegion>,
    /// Distance of slices as stated: SpacingBetweenSlices, else SliceThickness.
    pub step_mm: Option<f64>,
    pub rescale: (f64, f64),
    pub voi: Voi,
    pub moment: Moment,
    pub kind: Kind,
    pub format: Arc<Format>,
    /// Its part of the file's picture, for a slice of a mosaic.
    pub tile: Option<Tile>,
    /// Overlays and shutters.
    pub over: Over,
}

/// Characters of a name or description.
const MAX_TEXT: usize = 256;

impl Header {
    /// Reads what a volume needs from a file of `size` bytes (inflated); an error says which
    /// attribute is wrong.
    pub fn read(file: &File<'_>, size: u64) -> Result<Self, String> {
        let data = &file.dataset;
        let text = |tag: dicom_object::Tag| data.text(tag).unwrap_or_default();
        let object = Object::read(file)?;
        let charset = data.charset();
        let person = |tag: dicom_object::Tag| shortened(data.person_text(tag, &charset));
        let modality = text(tags::MODALITY);
        let image_type = data.texts(tags::IMAGE_TYPE);
        // What a file does not say of its own frames.
        let unit = match () {
            () if modality == "CT" && !image_type.iter().any(|t| t == "LOCALIZER") => "HU".into(),
            () if modality == "RTDOSE" => data.text(tags::DOSE_UNITS).unwrap_or_default(),
            () => data.text(tags::UNITS).unwrap_or_default(),
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
                issuer: person(tags::ISSUER_OF_PATIENT_ID),
                birth_date: text(tags::PATIENT_BIRTH_DATE),
                sex: text(tags::PATIENT_SEX),
            },
            series_instance_uid: text(tags::SERIES_INSTANCE_UID),
            series_description: person(tags::SERIES_DESCRIPTION),
            series_number: data.number(tags::SERIES_NUMBER).map(|n| n as i32),
            modality,
            suv: Suv::read(data),
            lossy: lossy(data, &file.transfer_syntax),
            transfer_syntax: file.transfer_syntax.clone(),
            sop_instance_uid,
            mosaic: image_type.iter().any(|t| t == "MOSAIC") && images.iter().all(|i| i.tile.is_none()),
            images,
        })
    }

    /// The frames of an image, or of a segmentation, in a file of `size` bytes.
    pub fn images(data: &Dataset<'_>, size: u64, unit: &str) -> Result<Vec<Image>, String> {
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

/// Loss that is known before the pixels are read. Near-lossless JPEG-LS, JPEG 2000, HTJ2K and JPEG XL
/// may or may not lose; their codestreams tell when they are decoded.
fn lossy(data: &Dataset<'_>, transfer_syntax: &str) -> Option<Option<f64>> {
    let stated = data.text(tags::LOSSY_IMAGE_COMPRESSION).unwrap_or_default() == "01";
    let always = ["50", "51", "52", "53", "54", "55", "56", "111"]
        .iter()
        .any(|s| transfer_syntax.strip_prefix("1.2.840.10008.1.2.4.") == Some(s));
    let always = always || codec::is_video(transfer_syntax);
    (stated || always).then(|| data.number(tags::LOSSY_IMAGE_COMPRESSION_RATIO))
}

/// The frames of a file, from the functional groups of enhanced objects or else from the file itself.
fn images(data: &Dataset<'_>, format: &Arc<Format>, unit: &str) -> Result<Vec<Image>, String> {
    let shared = data.items(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE).first();
    let per_frame = data.items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE);
    let enhanced = shared.is_some() || !per_frame.is_empty();
    let offsets = data.numbers(tags::GRID_FRAME_OFFSET_VECTOR);
    let dimensions = time::dimensions(data);
    let mosaic = Mosaic::read(data, format);
    let dims = mosaic.as_ref().map_or([format.columns, format.rows], Mosaic::dims);
    let over = Over::read(data, format, scale::read(data, data).0);
    let mut images = Vec::new();
    for frame in 0..format.frames {
        let groups = Groups { data, own: per_frame.get(frame as usize), shared };
        let group = |tag: dicom_object::Tag| groups.get(tag);
        let rescale = group(tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE);
        // US is what nothing is known of (PS3.3 C.11.1.1.2).
        let lut_type = || data.items(tags::MODALITY_LUT_SEQUENCE).first()?.text(tags::MODALITY_LUT_TYPE);
        let stated = rescale.text(tags::RESCALE_TYPE).or_else(lut_type);
        let (unit, unspecified) = match stated.filter(|stated| !stated.is_empty()) {
            Some(stated) if stated == "US" => (String::new(), unit == "HU"),
            Some(stated) => (stated, false),
            None => (unit.to_owned(), false),
        };
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
        let (spacing_mm, scale) = scale::read(data, measures);
        let regions = if scale == Scale::Region { scale::regions(data) } else { Vec::new() };
        let mut kind = Kind::read(&groups, &unit, dims, spacing_mm, &regions);
        if unspecified {
            kind.assume_hounsfield();
        }
        let image = Image {
            file: 0,
            frame,
            position,
            orientation,
            spacing_mm,
            scale,
            regions,
            step_mm,
            rescale,
            voi: Voi::read(group(tags::FRAME_VOILUT_SEQUENCE), format, rescale),
            moment: Moment::read(&groups, &dimensions),
            kind,
            format: format.clone(),
            tile: None,
            over: over.of_frame(group(tags::FRAME_DISPLAY_SHUTTER_SEQUENCE), data, spacing_mm),
        };
        match mosaic.as_ref().and_then(|mosaic| mosaic.slices(&image)) {
            Some(slices) => images.extend(slices),
            None => images.push(image),
        }
    }
    Ok(images)
}

/// As much as anybody reads: values of DICOM are a third as long at most.
fn shortened(text: String) -> String {
    match text.char_indices().nth(MAX_TEXT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// A decimal string that is absent or empty is the default; one that is no number is an error.
fn number_or(data: &Dataset<'_>, tag: dicom_object::Tag, default: f64) -> Result<f64, String> {
    match data.text(tag) {
        Some(text) if !text.is_empty() => {
            // What overflows a float of 32 bits leaves no value finite.
            let number = data.number(tag).filter(|number| (*number as f32).is_finite());
            number.ok_or_else(|| format!("{} is not a finite number", Tag::from(tag).named()))
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
