//! How far apart pixels are, and whether that is known in the patient.

use dicom_dictionary_std::tags;

use super::dataset::Dataset;

/// Modalities whose images are shadows on a detector: how far in front of it the patient was
/// decides on their scale.
const PROJECTIONS: [&str; 9] = ["CR", "DX", "MG", "XA", "RF", "IO", "PX", "RG", "DR"];
/// Ultrasound regions (PS3.3 C.8.5.5.1): two-dimensional, in centimetres.
const TWO_DIMENSIONAL: u16 = 1;
const CENTIMETRES: u16 = 3;
/// Spacings that differ by less are one, rounded: what lies in front of a detector is larger on it by several per cent.
const SAME_SPACING: f64 = 0.01;
/// Pictures have one to four.
pub const MAX_REGIONS: usize = 16;

/// What the distance of an image's pixels is taken from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scale {
    /// PixelSpacing (0028,0030), in the patient.
    Patient,
    /// Two-dimensional regions of an ultrasound picture; outside of them nothing is known.
    Region,
    /// ImagerPixelSpacing (0018,1164), or a PixelSpacing equal to it.
    Detector,
    /// A PixelSpacing of a projection, which may be that of the detector.
    Uncalibrated,
    /// NominalScannedPixelSpacing (0018,2010).
    Film,
    /// PixelAspectRatio (0028,0034).
    Ratio,
    #[default]
    Unknown,
}

/// A part of an image: its first and last (column, row), from 0, both within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PixelRegion {
    pub first: [u32; 2],
    pub last: [u32; 2],
}

impl PixelRegion {
    /// Whether it holds a place in columns and rows, whole at pixel centres.
    pub fn holds(&self, pixel: [f64; 2]) -> bool {
        (0..2).all(|i| (f64::from(self.first[i]) - 0.5..=f64::from(self.last[i]) + 0.5).contains(&pixel[i]))
    }
}

impl Scale {
    /// The attribute that lengths come from.
    pub fn source(self) -> &'static str {
        match self {
            Self::Patient | Self::Uncalibrated => "Pixel Spacing (0028,0030)",
            Self::Region => "Physical Delta of the ultrasound regions (0018,602C)",
            Self::Detector => "Imager Pixel Spacing (0018,1164)",
            Self::Film => "Nominal Scanned Pixel Spacing (0018,2010)",
            Self::Ratio => "Pixel Aspect Ratio (0028,0034)",
            Self::Unknown => "nothing: 1 mm is assumed",
        }
    }

    /// Why lengths in the image cannot be told; `None` if they can.
    pub fn doubt(self) -> Option<&'static str> {
        Some(match self {
            Self::Patient | Self::Region => return None,
            Self::Detector => {
                "the pixel spacing is that at the detector (0018,1164): lengths in the patient are smaller, by how much \
                 is not known"
            }
            Self::Uncalibrated => {
                "the file does not tell whether its pixel spacing (0028,0030) holds at the detector or in the patient: \
                 lengths are not known"
            }
            Self::Film => "the pixel spacing is that of a scanned film (0018,2010): lengths are not known",
            Self::Ratio => {
                "PixelSpacing (0028,0030) is missing, only the shape of the pixels is known (0028,0034): lengths are not"
            }
            Self::Unknown => "PixelSpacing (0028,0030) is missing: 1 mm is assumed, lengths are not known",
        })
    }
}

/// Distances between columns and between rows, in mm or, for `Scale::Ratio`, in widths of a pixel.
/// `measures` is the data set or its PixelMeasuresSequence.
pub fn read(data: &Dataset<'_>, measures: &Dataset<'_>) -> (Option<[f64; 2]>, Scale) {
    let pair = |data: &Dataset<'_>, tag: dicom_object::Tag| match data.numbers(tag)[..] {
        // Between rows comes first there.
        [y, x] if (1e-6..1e4).contains(&x) && (1e-6..1e4).contains(&y) => Some([x, y]),
        _ => None,
    };
    let imager = pair(data, tags::IMAGER_PIXEL_SPACING);
    // Regions tell where lengths hold, and of what is none of them nothing is known, whatever else the file says.
    if let Some(first) = data.items(tags::SEQUENCE_OF_ULTRASOUND_REGIONS).first() {
        if let Some((spacing, _)) = ultrasound(data) {
            return (Some(spacing), Scale::Region);
        }
        if first.short(tags::REGION_SPATIAL_FORMAT).is_some() {
            return (None, Scale::Unknown);
        }
    }
    if let Some(spacing) = pair(measures, tags::PIXEL_SPACING) {
        let modality = data.text(tags::MODALITY).unwrap_or_default();
        let calibrated = data.text(tags::PIXEL_SPACING_CALIBRATION_TYPE).is_some_and(|how| !how.is_empty());
        let equal =
            |other: [f64; 2]| (0..2).all(|i| (spacing[i] - other[i]).abs() < SAME_SPACING * spacing[i]);
        let scale = match imager {
            _ if calibrated || !PROJECTIONS.contains(&modality.as_str()) => Scale::Patient,
            Some(imager) if equal(imager) => Scale::Detector,
            Some(_) => Scale::Patient,
            None => Scale::Uncalibrated,
        };
        return (Some(spacing), scale);
    }
    if imager.is_some() {
        return (imager, Scale::Detector);
    }
    if let Some(spacing) = pair(data, tags::NOMINAL_SCANNED_PIXEL_SPACING) {
        return (Some(spacing), Scale::Film);
    }
    match data.numbers(tags::PIXEL_ASPECT_RATIO)[..] {
        [vertical, horizontal] if vertical > 0.0 && horizontal > 0.0 => {
            let height = vertical / horizontal;
            if (1e-2..1e2).contains(&height) {
                (Some([1.0, height]), Scale::Ratio)
            } else {
                (None, Scale::Unknown)
            }
        }
        _ => (None, Scale::Unknown),
    }
}

/// Where the lengths of an ultrasound picture hold.
pub fn regions(data: &Dataset<'_>) -> Vec<PixelRegion> {
    ultrasound(data).map(|(_, regions)| regions).unwrap_or_default()
}

/// The distances of an ultrasound picture and its two-dimensional regions, if all of them agree. Others hold
/// spectra, curves over time or scales of colours, whose pixels are no lengths.
fn ultrasound(data: &Dataset<'_>) -> Option<([f64; 2], Vec<PixelRegion>)> {
    let mut found: Option<[f64; 2]> = None;
    let mut regions = Vec::new();
    for item in data.items(tags::SEQUENCE_OF_ULTRASOUND_REGIONS) {
        let is = |tag: dicom_object::Tag, value: u16| item.short(tag) == Some(value);
        if !is(tags::REGION_SPATIAL_FORMAT, TWO_DIMENSIONAL) {
            continue;
        }
        let centimetres = is(tags::PHYSICAL_UNITS_X_DIRECTION, CENTIMETRES)
            && is(tags::PHYSICAL_UNITS_Y_DIRECTION, CENTIMETRES);
        let delta = |tag: dicom_object::Tag| item.doubles(tag).first().map(|cm| 10.0 * cm.abs());
        let spacing = [delta(tags::PHYSICAL_DELTA_X)?, delta(tags::PHYSICAL_DELTA_Y)?];
        let usable = centimetres && spacing.iter().all(|mm| (1e-6..1e3).contains(mm));
        let agrees =
            found.is_none_or(|known| (0..2).all(|i| (known[i] - spacing[i]).abs() < 1e-4 * known[i]));
        if !usable || !agrees {
            return None;
        }
        found = Some(spacing);
        let corner = |x: dicom_object::Tag, y: dicom_object::Tag| {
            Some([*item.longs(x).first()?, *item.longs(y).first()?])
        };
        let first = corner(tags::REGION_LOCATION_MIN_X0, tags::REGION_LOCATION_MIN_Y0);
        let last = corner(tags::REGION_LOCATION_MAX_X1, tags::REGION_LOCATION_MAX_Y1);
        // Of a region without a place nothing can be told.
        let region = first.zip(last).map(|(first, last)| PixelRegion { first, last });
        if regions.len() < MAX_REGIONS {
            regions.extend(
                region.filter(|PixelRegion { first, last }| first[0] <= last[0] && first[1] <= last[1]),
            );
        }
    }
    found.filter(|_| !regions.is_empty()).map(|spacing| (spacing, regions))
}
