//! What makes images of one DICOM series different pictures of the same place.

use dicom_dictionary_std::tags;
use glam::DVec3;

use super::dataset::{Dataset, Tag};
use super::scale::PixelRegion;

/// Values of ImageType (0008,0008) and FrameType (0008,9007) that name another picture of the same
/// place; the rest may differ between slices of one volume.
const FLAVOURS: [&str; 35] = [
    "LOCALIZER",
    "M",
    "P",
    "R",
    "I",
    "MAGNITUDE",
    "PHASE",
    "PHASE MAP",
    "REAL",
    "IMAGINARY",
    "IN_PHASE",
    "OUT_PHASE",
    "OPP_PHASE",
    "IP",
    "OP",
    "WATER",
    "FAT",
    "W",
    "F",
    "ADC",
    "TRACEW",
    "FA",
    "MPR",
    "MIP",
    "MIN IP",
    "MOSAIC",
    "VELOCITY",
    "VMI",
    "MAT_SPECIFIC",
    "MAT_REMOVED",
    "MAT_FRACTIONAL",
    "EFF_ATOMIC_NUM",
    "ELECTRON_DENSITY",
    "MAT_MODIFIED",
    "MAT_VALUE_BASED",
];
/// Philips tells the component and the sequence in one word.
const COMPONENTS: [&str; 8] = ["M_FFE", "P_FFE", "R_FFE", "I_FFE", "M_SE", "P_SE", "R_SE", "I_SE"];

/// Images of one series that differ in one of these do not form one volume.
#[derive(Clone, Debug, Default)]
pub struct Kind {
    pub frame_of_reference: String,
    /// Files with one SOP Instance UID and different contents have different versions, from 0.
    pub version: u32,
    /// What the values most likely are where the file calls their unit unspecified, or empty.
    assumed_unit: &'static str,
    /// In the order of `FACETS`.
    marks: [Mark; FACETS.len()],
}

/// One fact about an image.
#[derive(Clone, Debug, Default, PartialEq)]
enum Mark {
    #[default]
    Unknown,
    Text(String),
    Number(f64),
    Size([f64; 2]),
    /// A unit vector; its negative is another.
    Direction([f64; 3]),
}

/// A fact that sets volumes apart.
struct Facet {
    /// As it stands in a sentence.
    name: &'static str,
    /// Numbers closer than this share of the larger are equal.
    tolerance: f64,
    /// How a volume with this mark is called.
    words: fn(&Mark) -> String,
}

/// In the order in which they name a volume.
const FACETS: [Facet; 15] = [
    Facet { name: "the kind of image (0008,0008)", tolerance: 0.0, words: |mark| text(mark).to_lowercase() },
    Facet { name: "the tube voltage (0018,0060)", tolerance: 5e-3, words: |mark| number("", mark, " kVp") },
    Facet { name: "the b-value (0018,9087)", tolerance: 1e-2, words: |mark| number("b ", mark, "") },
    // Scanners round directions; two degrees are far less than neighbouring directions have.
    Facet {
        name: "the diffusion direction (0018,9089)",
        tolerance: 0.035,
        words: |mark| match mark {
            Mark::Direction(xyz) => {
                let [x, y, z] = xyz.map(|c| (c * 1e2).round() / 1e2 + 0.0);
                format!("direction {x},{y},{z}")
            }
            other => text(other),
        },
    },
    Facet {
        name: "the inversion time (0018,0082)",
        tolerance: 1e-2,
        words: |mark| number("TI ", mark, " ms"),
    },
    Facet { name: "the echo number (0018,0086)", tolerance: 0.0, words: |mark| number("echo ", mark, "") },
    Facet { name: "the echo time (0018,0081)", tolerance: 1e-2, words: |mark| number("TE ", mark, " ms") },
    Facet { name: "the unit of the values (0054,1001)", tolerance: 0.0, words: text },
    Facet { name: "the photometric interpretation (0028,0004)", tolerance: 0.0, words: text },
    Facet {
        name: "the number of rows and columns (0028,0010)",
        tolerance: 0.0,
        words: |mark| size(mark, ""),
    },
    // A tenth of a pixel over 512.
    Facet { name: "the pixel spacing (0028,0030)", tolerance: 2e-4, words: |mark| size(mark, " mm") },
    Facet { name: "the reconstruction kernel (0018,1210)", tolerance: 0.0, words: text },
    Facet {
        name: "the origin of the pixels (original or derived)",
        tolerance: 0.0,
        words: |mark| text(mark).to_lowercase(),
    },
    Facet { name: "the stack (0020,9056)", tolerance: 0.0, words: |mark| prefixed("stack ", &text(mark)) },
    // Lengths that hold in one image may not hold at the same place of the next.
    Facet {
        name: "the ultrasound regions (0018,6011)",
        tolerance: 0.0,
        words: |mark| prefixed("region ", &text(mark)),
    },
];

/// Where these stand among them.
const FLAVOUR: usize = 0;
const DIRECTION: usize = 3;
const INVERSION_TIME: usize = 4;
pub const UNIT: usize = 7;
const ORIGIN: usize = 12;

/// What some sequences change from slice to slice of one volume: it sets volumes apart only where
/// images of one place differ in it.
pub const DRIFTING: [usize; 2] = [DIRECTION, INVERSION_TIME];

fn text(mark: &Mark) -> String {
    if let Mark::Text(text) = mark { text.clone() } else { String::new() }
}

fn prefixed(prefix: &str, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{prefix}{text}") }
}

/// Columns and rows, as people count them.
fn place(region: &PixelRegion) -> String {
    let [[x0, y0], [x1, y1]] = [region.first, region.last].map(|pixel| pixel.map(|n| n.saturating_add(1)));
    format!("{x0},{y0} to {x1},{y1}")
}

fn number(before: &str, mark: &Mark, after: &str) -> String {
    let Mark::Number(number) = mark else { return String::new() };
    format!("{before}{}{after}", (number * 1e3).round() / 1e3)
}

fn size(mark: &Mark, after: &str) -> String {
    let Mark::Size([x, y]) = mark else { return String::new() };
    format!("{}x{}{after}", (x * 1e3).round() / 1e3, (y * 1e3).round() / 1e3)
}

/// Where a frame's facts stand: its own group of the functional groups, the shared one, or the
/// data set itself.
pub struct Groups<'d, 'b> {
    pub data: &'d Dataset<'b>,
    pub own: Option<&'d Dataset<'b>>,
    pub shared: Option<&'d Dataset<'b>>,
}

impl<'d, 'b> Groups<'d, 'b> {
    /// The first item of a functional group's sequence, or the data set when there is none.
    pub fn get(&self, tag: impl Into<Tag>) -> &'d Dataset<'b> {
        let tag = tag.into();
        let item = |level: Option<&'d Dataset<'b>>| level.and_then(|l| l.items(tag).first());
        item(self.own).or_else(|| item(self.shared)).unwrap_or(self.data)
    }
}

impl Kind {
    /// `unit` is that of the rescaled values, where the file states none.
    pub fn read(
        groups: &Groups<'_, '_>,
        unit: &str,
        dims: [u16; 2],
        spacing_mm: Option<[f64; 2]>,
        regions: &[PixelRegion],
    ) -> Self {
        let data = groups.data;
        let stated = |text: Option<String>| text.filter(|t| !t.is_empty()).map_or(Mark::Unknown, Mark::Text);
        let measured = |number: Option<f64>| number.map_or(Mark::Unknown, Mark::Number);
        let types = frame_type(groups);
        let flavours: Vec<&str> = types.iter().filter_map(|t| flavour(t)).collect();
        let origin = types.first().filter(|t| matches!(t.as_str(), "ORIGINAL" | "DERIVED")).cloned();
        let kvp = groups.get(tags::CTX_RAY_DETAILS_SEQUENCE).number(tags::KVP);
        let echo_time =
            groups.get(tags::MR_ECHO_SEQUENCE).doubles(tags::EFFECTIVE_ECHO_TIME).first().copied();
        let inversion_time = groups.get(tags::MR_MODIFIER_SEQUENCE).doubles(tags::INVERSION_TIMES);
        let inversion_time = inversion_time.first().copied().or_else(|| data.number(tags::INVERSION_TIME));
        let b_value = b_value(groups);
        let photometric = data.text(tags::PHOTOMETRIC_INTERPRETATION).map(|photometric| {
            let grey = photometric.starts_with("MONOCHROME");
            if grey { photometric } else { "colour".into() }
        });
        Self {
            frame_of_reference: data.text(tags::FRAME_OF_REFERENCE_UID).unwrap_or_default(),
            version: 0,
            assumed_unit: "",
            marks: [
                stated(Some(flavours.join(" "))),
                measured(kvp.filter(|&kv| kv > 0.0)),
                measured(b_value),
                direction(groups, b_value),
                measured(inversion_time.filter(|&ms| ms > 0.0)),
                measured(data.number(tags::ECHO_NUMBERS)),
                measured(echo_time.or_else(|| data.number(tags::ECHO_TIME)).filter(|&ms| ms > 0.0)),
                stated(data.text(tags::UNITS).filter(|t| !t.is_empty()).or_else(|| Some(unit.to_owned()))),
                stated(photometric),
                Mark::Size(dims.map(f64::from)),
                spacing_mm.map_or(Mark::Unknown, Mark::Size),
                stated(groups.get(tags::CT_RECONSTRUCTION_SEQUENCE).text(tags::CONVOLUTION_KERNEL)),
                stated(origin),
                stated(groups.get(tags::FRAME_CONTENT_SEQUENCE).text(tags::STACK_ID)),
                stated(Some(regions.iter().map(place).collect::<Vec<_>>().join(" and "))),
            ],
        }
    }

    /// Takes the values of an original CT image, whose unit is not specified, for Hounsfield units.
    /// Images of another flavour, as those of materials, may well hold something else.
    pub fn assume_hounsfield(&mut self) {
        let original = self.marks[ORIGIN] == Mark::Text("ORIGINAL".into());
        if original && self.marks[FLAVOUR] == Mark::Unknown && !self.tells_unit() {
            self.assumed_unit = "HU";
        }
    }

    pub fn tells_unit(&self) -> bool {
        self.marks[UNIT] != Mark::Unknown
    }

    /// Of several images of one volume: what they have in common.
    pub fn common<'a>(mut kinds: impl Iterator<Item = &'a Self>) -> Self {
        let mut common = kinds.next().cloned().unwrap_or_default();
        for kind in kinds {
            if !common.tells_unit() {
                common.marks[UNIT] = kind.marks[UNIT].clone();
            }
            for facet in DRIFTING {
                if !common.agrees(kind, facet) {
                    common.marks[facet] = Mark::Unknown;
                }
            }
        }
        common
    }

    /// Unit of the values, empty when unknown.
    pub fn unit(&self) -> String {
        if self.tells_unit() { text(&self.marks[UNIT]) } else { self.assumed_unit.into() }
    }

    /// Whether images of the two kinds may lie in one volume, whatever some facets say.
    pub fn matches(&self, other: &Self, but_for: &[usize]) -> bool {
        self.frame_of_reference == other.frame_of_reference
            && self.version == other.version
            && (0..FACETS.len()).all(|facet| but_for.contains(&facet) || self.agrees(other, facet))
    }

    /// Whether a facet of the two is equal.
    pub fn agrees(&self, other: &Self, facet: usize) -> bool {
        let near = |a: f64, b: f64| (a - b).abs() <= FACETS[facet].tolerance * a.abs().max(b.abs());
        match (&self.marks[facet], &other.marks[facet]) {
            (Mark::Number(a), Mark::Number(b)) => near(*a, *b),
            (Mark::Size(a), Mark::Size(b)) => near(a[0], b[0]) && near(a[1], b[1]),
            (Mark::Direction(a), Mark::Direction(b)) => {
                DVec3::from(*a).distance(DVec3::from(*b)) <= FACETS[facet].tolerance
            }
            (a, b) => a == b,
        }
    }
}

/// In what a set of kinds differs, in words for a sentence.
pub fn differences(kinds: &[&Kind]) -> Vec<&'static str> {
    let differ = |same: &dyn Fn(&Kind) -> bool| !kinds.iter().all(|kind| same(kind));
    let mut names: Vec<&str> = (0..FACETS.len())
        .filter(|&facet| differ(&|kind| kind.agrees(kinds[0], facet)))
        .map(|facet| FACETS[facet].name)
        .collect();
    if differ(&|kind| kind.frame_of_reference == kinds[0].frame_of_reference) {
        names.push("the frame of reference (0020,0052)");
    }
    if differ(&|kind| kind.version == kinds[0].version) {
        names.push("their contents under one SOP Instance UID (0008,0018)");
    }
    names
}

/// Adds to each name what sets its kind apart, with as few words as tell them all apart.
pub fn name_apart(kinds: &[&Kind], names: &mut [Vec<String>]) {
    let versions = |kind: &Kind| match kind.version {
        0 => String::new(),
        later => format!("version {}", later + 1),
    };
    for facet in 0..=FACETS.len() {
        let words: Vec<String> = kinds
            .iter()
            .map(|kind| match FACETS.get(facet) {
                Some(known) => (known.words)(&kind.marks[facet]),
                None => versions(kind),
            })
            .collect();
        let separates =
            (0..kinds.len()).any(|i| (0..i).any(|j| names[i] == names[j] && words[i] != words[j]));
        if separates {
            for (name, word) in names.iter_mut().zip(words).filter(|(_, word)| !word.is_empty()) {
                name.push(word);
            }
        }
    }
}

/// FrameType of enhanced objects with the complex component, else ImageType.
fn frame_type(groups: &Groups<'_, '_>) -> Vec<String> {
    let sequences = [
        tags::MR_IMAGE_FRAME_TYPE_SEQUENCE,
        tags::CT_IMAGE_FRAME_TYPE_SEQUENCE,
        tags::PET_FRAME_TYPE_SEQUENCE,
    ];
    for sequence in sequences {
        let item = groups.get(sequence);
        let mut types = item.texts(tags::FRAME_TYPE);
        if !types.is_empty() {
            types.extend(item.text(tags::COMPLEX_IMAGE_COMPONENT));
            return types;
        }
    }
    groups.data.texts(tags::IMAGE_TYPE)
}

fn flavour(value: &str) -> Option<&str> {
    let known = FLAVOURS.contains(&value) || COMPONENTS.contains(&value);
    known.then_some(value)
}

/// The value of a private element of an MR image whose creator has reserved the group's first block;
/// other images of the same vendors keep other things there.
fn private<'a>(data: &Dataset<'a>, group: u16, creator: &str, element: u16) -> Option<&'a [u8]> {
    data.text(tags::MODALITY).filter(|modality| modality == "MR")?;
    let reserved = data.text(Tag::new(group, 0x0010)).is_some_and(|name| name == creator);
    data.bytes(reserved.then(|| Tag::new(group, element))?)
}

const SIEMENS: &str = "SIEMENS MR HEADER";

/// The standard's b-value, or where Siemens, GE and Philips keep theirs.
fn b_value(groups: &Groups<'_, '_>) -> Option<f64> {
    let data = groups.data;
    let standard = groups.get(tags::MR_DIFFUSION_SEQUENCE).doubles(tags::DIFFUSION_B_VALUE);
    let siemens = || {
        private(data, 0x0019, SIEMENS, 0x100C)?;
        data.number(Tag::new(0x0019, 0x100C))
    };
    // GE adds multiples of 10^9 as flags.
    let ge = || {
        private(data, 0x0043, "GEMS_PARM_01", 0x1039)?;
        data.number(Tag::new(0x0043, 0x1039)).map(|b| b % 1e9)
    };
    let philips = || {
        let bytes = private(data, 0x2001, "Philips Imaging DD 001", 0x1003)?;
        Some(f64::from(f32::from_le_bytes(*bytes.first_chunk()?)))
    };
    let found = standard.first().copied().or_else(siemens).or_else(ge).or_else(philips);
    found.filter(|b| (0.0..1e6).contains(b))
}

/// Direction of the diffusion gradient (PS3.3 C.8.13.5.9), or where Siemens, GE and Philips keep theirs
/// of images with a b-value (GE has variables of any sequence there); means of several directions are
/// named.
fn direction(groups: &Groups<'_, '_>, b_value: Option<f64>) -> Mark {
    let data = groups.data;
    let diffusion = groups.get(tags::MR_DIFFUSION_SEQUENCE);
    if diffusion.text(tags::DIFFUSION_DIRECTIONALITY).as_deref() == Some("ISOTROPIC") {
        return Mark::Text("isotropic".into());
    }
    let gradient = diffusion.items(tags::DIFFUSION_GRADIENT_DIRECTION_SEQUENCE).first().unwrap_or(diffusion);
    let stated = || <[f64; 3]>::try_from(gradient.doubles(tags::DIFFUSION_GRADIENT_ORIENTATION)).ok();
    let siemens = || {
        private(data, 0x0019, SIEMENS, 0x100E)?;
        <[f64; 3]>::try_from(data.doubles(Tag::new(0x0019, 0x100E))).ok()
    };
    let ge = || {
        private(data, 0x0019, "GEMS_ACQU_01", 0x10BB)?;
        let number = |element: u16| data.number(Tag::new(0x0019, element));
        Some([number(0x10BB)?, number(0x10BC)?, number(0x10BD)?])
    };
    let philips = || {
        private(data, 0x2005, "Philips MR Imaging DD 001", 0x10B0)?;
        let number = |element: u16| data.floats(Tag::new(0x2005, element)).first().map(|&x| f64::from(x));
        Some([number(0x10B0)?, number(0x10B1)?, number(0x10B2)?])
    };
    let vendors = || siemens().or_else(ge).or_else(philips);
    let found = stated().or_else(|| b_value.filter(|&b| b > 0.0).and_then(|_| vendors()));
    let unit = found.and_then(|xyz| DVec3::from(xyz).try_normalize());
    unit.map_or(Mark::Unknown, |unit| Mark::Direction(unit.to_array()))
}
