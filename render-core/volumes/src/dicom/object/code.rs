//! What objects are made of: codes and references.

use dicom_dictionary_std::tags;

use crate::dicom::charset::Charset;
use crate::dicom::dataset::Dataset;

/// A coded concept (PS3.3 section 8).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Code {
    pub value: String,
    /// Coding Scheme Designator, for example `SCT` or `DCM`.
    pub scheme: String,
    pub meaning: String,
}

impl Code {
    pub fn new(value: &str, scheme: &str, meaning: &str) -> Self {
        Self { value: value.into(), scheme: scheme.into(), meaning: meaning.into() }
    }

    /// Whether it is this concept, whatever it is called.
    pub fn is(&self, value: &str, scheme: &str) -> bool {
        self.value == value && self.scheme == scheme
    }

    pub(super) fn read(item: &Dataset<'_>, charset: &Charset) -> Self {
        let value = [tags::CODE_VALUE, tags::LONG_CODE_VALUE, tags::URN_CODE_VALUE]
            .iter()
            .find_map(|&tag| item.text(tag).filter(|text| !text.is_empty()));
        Self {
            value: value.unwrap_or_default(),
            scheme: item.text(tags::CODING_SCHEME_DESIGNATOR).unwrap_or_default(),
            meaning: item.person_text(tags::CODE_MEANING, charset),
        }
    }

    /// The first code of a sequence.
    pub(super) fn first(data: &Dataset<'_>, tag: dicom_object::Tag, charset: &Charset) -> Option<Self> {
        data.items(tag).first().map(|item| Self::read(item, charset))
    }
}

/// Another object, or frames or segments of it (PS3.3 tables 10-11 and C.17-3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reference {
    pub sop_class_uid: String,
    pub sop_instance_uid: String,
    /// From 1; empty means all.
    pub frames: Vec<u32>,
    /// Segment numbers; empty means none in particular.
    pub segments: Vec<u16>,
}

impl Reference {
    pub fn instance(sop_class_uid: &str, sop_instance_uid: &str) -> Self {
        Self {
            sop_class_uid: sop_class_uid.into(),
            sop_instance_uid: sop_instance_uid.into(),
            ..Self::default()
        }
    }

    pub(super) fn read(item: &Dataset<'_>) -> Self {
        let whole = |n: f64| (1.0..=f64::from(u32::MAX)).contains(&n).then_some(n as u32);
        Self {
            sop_class_uid: item.text(tags::REFERENCED_SOP_CLASS_UID).unwrap_or_default(),
            sop_instance_uid: item.text(tags::REFERENCED_SOP_INSTANCE_UID).unwrap_or_default(),
            frames: item.numbers(tags::REFERENCED_FRAME_NUMBER).into_iter().filter_map(whole).collect(),
            segments: item.shorts(tags::REFERENCED_SEGMENT_NUMBER),
        }
    }

    pub(super) fn all(data: &Dataset<'_>, tag: dicom_object::Tag) -> Vec<Self> {
        data.items(tag).iter().map(Self::read).collect()
    }
}

/// Objects of one series that are referred to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReferencedSeries {
    pub series_instance_uid: String,
    pub instances: Vec<Reference>,
}

impl ReferencedSeries {
    pub(super) fn all(data: &Dataset<'_>, tag: dicom_object::Tag) -> Vec<Self> {
        let series = |item: &Dataset<'_>| {
            let mut instances = Reference::all(item, tags::REFERENCED_INSTANCE_SEQUENCE);
            instances.extend(Reference::all(item, tags::REFERENCED_IMAGE_SEQUENCE));
            instances.extend(Reference::all(item, tags::REFERENCED_SOP_SEQUENCE));
            Self { series_instance_uid: item.text(tags::SERIES_INSTANCE_UID).unwrap_or_default(), instances }
        };
        data.items(tag).iter().map(series).collect()
    }
}

/// A colour from Recommended Display CIELab Value (PS3.3 C.10.7.1.1), as sRGB.
pub(super) fn srgb_of_cielab(data: &Dataset<'_>) -> Option<[u8; 3]> {
    let [l, a, b] = data.shorts(tags::RECOMMENDED_DISPLAY_CIE_LAB_VALUE)[..] else { return None };
    let l = f64::from(l) / 65_535.0 * 100.0;
    let [a, b] = [a, b].map(|v| f64::from(v) / 65_535.0 * 255.0 - 128.0);
    // CIE 1976 L*a*b* under D50, as ICC profiles have it.
    let fy = (l + 16.0) / 116.0;
    let cubed =
        |f: f64| if f > 6.0 / 29.0 { f.powi(3) } else { 3.0 * (6.0f64 / 29.0).powi(2) * (f - 4.0 / 29.0) };
    let x = 0.9642 * cubed(fy + a / 500.0);
    let y = cubed(fy);
    let z = 0.8249 * cubed(fy - b / 200.0);
    // Linear sRGB of XYZ under D50 (Bradford).
    let linear = [
        3.133_856 * x - 1.616_867 * y - 0.490_615 * z,
        -0.978_768 * x + 1.916_141 * y + 0.033_454 * z,
        0.071_945 * x - 0.228_991 * y + 1.405_243 * z,
    ];
    Some(linear.map(|c| {
        let c = c.clamp(0.0, 1.0);
        let gamma = if c <= 0.003_130_8 { 12.92 * c } else { 1.055 * c.powf(1.0 / 2.4) - 0.055 };
        (gamma * 255.0).round() as u8
    }))
}

/// The inverse, as Recommended Display CIELab Value (0062,000D) holds it.
pub(in crate::dicom) fn cielab_of_srgb(color: [u8; 3]) -> [u16; 3] {
    let [r, g, b] = color.map(|c| {
        let c = f64::from(c) / 255.0;
        if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    });
    let xyz = [
        (0.436_075 * r + 0.385_065 * g + 0.143_080 * b) / 0.9642,
        0.222_504 * r + 0.716_879 * g + 0.060_617 * b,
        (0.013_932 * r + 0.097_105 * g + 0.714_173 * b) / 0.8249,
    ];
    let [x, y, z] = xyz.map(|t| {
        let edge: f64 = 6.0 / 29.0;
        if t > edge.powi(3) { t.cbrt() } else { t / (3.0 * edge * edge) + 4.0 / 29.0 }
    });
    let [l, a, b] = [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)];
    [l / 100.0, (a + 128.0) / 255.0, (b + 128.0) / 255.0].map(|part| (part * 65_535.0).round() as u16)
}
