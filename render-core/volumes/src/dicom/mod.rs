//! DICOM files to studies, series and volumes.
//!
//! ```text
//! paths -> scan (headers, all cores) -> Library { studies { series { files } } } -> load -> Loaded { Arc<Volume>, warnings }
//! ```
//!
//! `dataset` reads bytes, `header` gives them meaning, `scan` and `group` find series: `copies`,
//! `kind` and `time` tell apart what is not one volume. `mosaic` and `stack` place images in the
//! patient, `codec` and `pixels` make values, `load` joins all of it.
//! Files are hostile until checked: every length is compared with the bytes that are there before
//! anything is allocated, and a file that is wrong costs its own images only.

use std::path::PathBuf;
use std::sync::Arc;

use glam::{DAffine3, DMat3, DVec3};

use crate::volume::{Rescale, Volume};

mod charset;
mod codec;
mod copies;
pub mod create;
mod dataset;
pub mod deidentify;
mod frames;
mod group;
mod header;
mod index;
mod kind;
mod load;
mod mosaic;
pub mod object;
mod overlay;
mod pixels;
mod report;
mod scale;
mod scan;
mod source;
mod stack;
mod straighten;
mod stream;
mod suv;
mod time;
mod volume_files;
mod write;

pub use codec::{decode_in_processes, run_worker, transfer_syntaxes};
pub use index::Index;
pub use load::{Thumbnail, load, load_upright, load_with, thumbnail};
pub use object::Object;
pub use overlay::{Kind as OverlayKind, Overlay, Plane as OverlayPlane, Shutters};
pub use report::{Report, Trust};
pub use scale::{MAX_REGIONS, PixelRegion};
pub use scan::{scan, scan_with};
pub use stream::Glimpse;
pub use suv::Suv;
pub use time::step_s as time_step_s;

/// What a scan found, and what it had to leave out.
#[derive(Debug, Default)]
pub struct Library {
    pub studies: Vec<Study>,
    pub failed: Vec<Failed>,
    /// Files called DICOMDIR: they name other files, and are nothing to show themselves.
    pub directories: Vec<PathBuf>,
}

impl Library {
    /// Whether there is any series to show; a library may hold other objects only.
    pub fn has_series(&self) -> bool {
        self.studies.iter().any(|study| !study.series.is_empty())
    }
}

/// A file that could not be used.
#[derive(Clone, Debug)]
pub struct Failed {
    pub path: PathBuf,
    /// What is wrong, where, and what to do; never holds patient data.
    pub reason: String,
}

/// One study of one patient.
#[derive(Clone, Debug)]
pub struct Study {
    pub study_instance_uid: String,
    pub study_description: String,
    /// StudyDate (0008,0020) as YYYYMMDD, empty when absent.
    pub study_date: String,
    pub patient: Patient,
    pub series: Vec<Series>,
    /// What is no image to look at by itself: segmentations, structure sets, reports and the like.
    pub objects: Vec<Object>,
}

impl Study {
    /// What tells it from studies of other patients, which may have the same Study Instance UID, or none: that UID
    /// and some digits. Nobody reads a name in them.
    pub fn key(&self) -> String {
        let digits = group::digits(&group::parts_of(&self.patient));
        format!("{} #{digits}", self.study_instance_uid).trim_start().to_owned()
    }
}

/// Who the study is about. Its `Debug` output shows nothing of it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Patient {
    pub name: String,
    pub id: String,
    /// Issuer of Patient ID (0010,0021): who has given the ID.
    pub issuer: String,
    pub birth_date: String,
    pub sex: String,
}

impl std::fmt::Debug for Patient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Patient(hidden)")
    }
}

/// Images that form one volume. Made by [`scan`].
#[derive(Clone, Debug)]
pub struct Series {
    pub series_instance_uid: String,
    pub series_description: String,
    pub series_number: Option<i32>,
    pub modality: String,
    /// What sets this volume apart when a DICOM series holds several, for example `time 2 of 10`;
    /// empty when it holds one.
    pub part: String,
    /// Which time of how many, for a volume of a 4D series. Its other times stand beside it.
    pub time: Option<Time>,
    /// (columns, rows, slices) of the images as stored.
    pub dims: [u32; 3],
    pub transfer_syntaxes: Vec<String>,
    /// In slice order.
    pub files: Vec<PathBuf>,
    /// Files of the DICOM series that repeat one of its images with all its pixels; they are not used.
    pub copies: Vec<PathBuf>,
    /// What the headers alone tell.
    pub warnings: Vec<Warning>,
    /// For PET: how its values become SUVs, or why that is not known.
    pub suv: Option<Result<Suv, String>>,
    images: Images,
    /// Digits of its patient and study.
    whose: String,
    /// Of the files.
    sop_instance_uids: Arc<[String]>,
    unit: String,
    millimetres: Trust,
    /// The value of voxels that hold nothing, where they keep it ([`Series::with_padding`]).
    kept_padding: Option<f64>,
}

/// One time of a 4D series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time {
    /// From 0.
    pub index: u32,
    pub count: u32,
}

impl Series {
    /// What tells it from all other series: the Series Instance UID, with the part where a DICOM
    /// series holds several.
    pub fn id(&self) -> String {
        if self.part.is_empty() {
            self.series_instance_uid.clone()
        } else {
            format!("{} {}", self.series_instance_uid, self.part)
        }
    }

    /// What tells it from all series of other patients and studies, too, which may have the same Series Instance
    /// UID, or none: the id, and some digits that are the same wherever the files lie. Nobody reads a name in them.
    pub fn key(&self) -> String {
        if self.whose.is_empty() {
            self.id()
        } else {
            format!("{} #{}", self.id(), self.whose).trim_start().to_owned()
        }
    }

    /// Description and part, as far as there are any.
    pub fn title(&self) -> String {
        let words = [self.series_description.as_str(), self.part.as_str()];
        words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(", ")
    }

    /// Frame of Reference UID (0020,0052): series that share it share their patient space. Empty when
    /// unknown.
    pub fn frame_of_reference_uid(&self) -> &str {
        self.images.0.first().map_or("", |image| &image.kind.frame_of_reference)
    }

    /// An image by its index in slice order; `None` for a slice of a mosaic, which is no image of its own.
    pub fn image(&self, slice: usize) -> Option<ImagePlace> {
        let image = self.images.0.get(slice).filter(|image| image.tile.is_none())?;
        let place = |(position, [x, y]): (DVec3, [DVec3; 2])| {
            let [dx, dy] = image.spacing_mm.unwrap_or([1.0; 2]);
            let matrix3 = DMat3::from_cols(x * dx, y * dy, x.cross(y).normalize_or_zero());
            DAffine3 { matrix3, translation: position }
        };
        let patient_from_pixel = image.position.zip(image.orientation).map(place);
        Some(ImagePlace {
            file: image.file,
            frame: image.frame,
            is_one_of_many: self.dims[2] as usize > self.files.len(),
            sop_instance_uid: self.sop_instance_uids.get(image.file).cloned().unwrap_or_default(),
            instance_number: Some(image.moment.instance_number).filter(|&number| number != 0),
            patient_from_pixel,
        })
    }

    /// What the distance of the pixels is taken from, for people; it may be doubted ([`Self::report`]).
    pub fn spacing_source(&self) -> &'static str {
        self.images.0.first().map_or("the volume file", |image| image.scale.source())
    }

    /// What the headers say about the overlay planes (PS3.3 C.9.2) over an image, by its index in
    /// slice order; those that cannot be used are among them, with their problem.
    pub fn overlay_planes(&self, slice: usize) -> Vec<&OverlayPlane> {
        self.images.0.get(slice).map(|image| overlay::planes(image).collect()).unwrap_or_default()
    }

    /// The different overlay planes of all images, each with the number of images it lies over.
    pub fn all_overlay_planes(&self) -> Vec<(&OverlayPlane, usize)> {
        overlay::list(&self.images.0)
    }

    /// The overlays over an image with their bits. Reads its file.
    pub fn overlays(&self, slice: usize) -> Result<Vec<Overlay>, Error> {
        overlay::overlays(self, slice)
    }

    /// The display shutters of an image (PS3.3 C.7.6.11), if there are any.
    pub fn shutters(&self, slice: usize) -> Option<&Shutters> {
        self.images.0.get(slice)?.over.shutters.as_deref()
    }

    /// The value that stands for nothing (0028,0120), after rescale, where all files state the same one number.
    pub fn padding(&self) -> Option<f64> {
        let value = |image: &header::Image| {
            let [value, other] = image.format.possible_padding()?;
            let alone = value == other && image.format.lut.is_none();
            alone.then_some(value * image.rescale.0 + image.rescale.1)
        };
        let first = value(self.images.0.first()?)?;
        self.images.0.iter().all(|image| value(image) == Some(first)).then_some(first)
    }

    /// Whether any file states a value, or a range of them, that stands for nothing.
    pub fn states_padding(&self) -> bool {
        self.images.0.iter().any(|image| image.format.possible_padding().is_some())
    }

    /// The same series, whose padding is loaded as the files have it instead of as nothing: for other programs.
    /// Where the volume is resampled, what lies beside padding or outside all images becomes padding, too, if
    /// there is one value for that ([`Self::padding`]).
    pub fn with_padding(&self) -> Self {
        let kept_padding = self.padding();
        let mut images = self.images.0.to_vec();
        for image in &mut images {
            if image.format.padding.is_some() {
                Arc::make_mut(&mut image.format).padding = None;
            }
        }
        Self { images: Images(images.into()), kept_padding, ..self.clone() }
    }

    /// The padding that stays, as voxels of this scale hold it.
    fn stored_padding(&self, scale: Rescale, whole: bool) -> Option<f32> {
        let stored = (self.kept_padding? - f64::from(scale.intercept)) / f64::from(scale.slope);
        Some(if whole { stored.round() } else { stored } as f32)
    }

    /// What the headers alone tell; [`Loaded::report`] knows more.
    pub fn report(&self) -> Report {
        Report::new(self, &self.warnings)
    }
}

/// One image of a series, as its file has it: what refers to it needs this.
#[derive(Clone, Debug, PartialEq)]
pub struct ImagePlace {
    /// Index into [`Series::files`].
    pub file: usize,
    /// Frame of the file, from 0.
    pub frame: u32,
    /// Whether other images of the series are in the same file.
    pub is_one_of_many: bool,
    /// SOP Instance UID (0008,0018); empty where the file has none.
    pub sop_instance_uid: String,
    /// Instance Number (0020,0013) of the file; `None` where it has none, or 0.
    pub instance_number: Option<i64>,
    /// Patient position, LPS mm, of (column, row, distance in mm along the normal), whole at pixel centres; `None`
    /// where the file does not tell it.
    pub patient_from_pixel: Option<DAffine3>,
}

/// The images of a series in slice order; `Debug` only counts them.
#[derive(Clone)]
struct Images(Arc<[header::Image]>);

impl std::fmt::Debug for Images {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} images", self.0.len())
    }
}

/// Something the user must know about a volume.
#[derive(Clone, Debug, PartialEq)]
pub struct Warning {
    pub code: WarningCode,
    pub message: String,
    /// The number behind the warning, for example the tilt in degrees.
    pub value: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WarningCode {
    GantryTilt,
    UnevenSpacing,
    MissingSlices,
    DuplicatePositions,
    MixedOrientation,
    /// The DICOM series holds images of different kinds; each is a volume of its own.
    MixedImages,
    /// One SOP Instance UID stands for different images.
    ConflictingInstances,
    NoSpacing,
    /// The distance of the pixels is not that in the patient.
    Uncalibrated,
    Lossy,
    Truncated,
    /// The file does not tell where its volume lies in the patient, or how long its steps are.
    UnknownPlace,
    /// Colour images are shown by their brightness.
    ColourAsGrey,
    /// Integers of 32 bits are not exact in a float.
    Rounded,
    /// Voxels with the padding value were given another.
    Padding,
    /// Float pixel data holds values that are no numbers.
    NotFinite,
    /// Images call the unit of their values unspecified; it is assumed.
    UnspecifiedUnit,
}

impl WarningCode {
    /// The stable name that programs read.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GantryTilt => "gantry-tilt",
            Self::UnevenSpacing => "uneven-spacing",
            Self::MissingSlices => "missing-slices",
            Self::DuplicatePositions => "duplicate-positions",
            Self::MixedOrientation => "mixed-orientation",
            Self::MixedImages => "mixed-images",
            Self::ConflictingInstances => "conflicting-instances",
            Self::NoSpacing => "no-spacing",
            Self::Uncalibrated => "uncalibrated",
            Self::Lossy => "lossy",
            Self::Truncated => "truncated",
            Self::UnknownPlace => "unknown-place",
            Self::ColourAsGrey => "colour-as-grey",
            Self::Rounded => "rounded",
            Self::Padding => "padding",
            Self::NotFinite => "not-finite",
            Self::UnspecifiedUnit => "unspecified-unit",
        }
    }
}

fn not_finite_warning(count: u64) -> Warning {
    Warning {
        code: WarningCode::NotFinite,
        value: Some(count as f64),
        message: format!(
            "{} no finite number; shown as 0",
            if count == 1 {
                "1 value of the files is".to_owned()
            } else {
                format!("{count} values of the files are")
            }
        ),
    }
}

/// A series in memory.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub volume: Arc<Volume>,
    /// The images as the files have them, before any resampling of uneven slices.
    pub facts: Facts,
    pub warnings: Vec<Warning>,
    pub report: Report,
    /// Files of the series that could not be read; the volume does without them.
    pub failed: Vec<Failed>,
}

/// What the files themselves say about a series; `voxcast info` prints it. It differs from the
/// volume's own geometry and statistics when uneven slices were resampled.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// (columns, rows, slices) of the images.
    pub dims: [u32; 3],
    /// Between columns, between rows, and the mean between slices *along the slice normal*, which
    /// for a tilted stack is less than the step from slice to slice.
    pub spacing_mm: [f64; 3],
    /// Centre of the first voxel of the first slice, LPS.
    pub origin_mm: [f64; 3],
    /// Unit vectors of +column, +row and +slice index. The third is the line through the slices,
    /// which for a tilted stack is not their normal.
    pub direction: [[f64; 3]; 3],
    /// Smallest and largest rescaled value, padding included.
    pub value_range: (f32, f32),
    /// Mean of all rescaled values, padding included.
    pub mean: f64,
    /// Unit of the values, for example `HU`; empty when unknown.
    pub unit: String,
}

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("cancelled")]
    Cancelled,
    #[error("{path}: {reason}")]
    Path { path: PathBuf, reason: String },
    /// Not one image of a series can be read; there is an entry for each, never none.
    #[error("{}", unreadable(.0))]
    Unreadable(Vec<Failed>),
    #[error("{0}")]
    Series(String),
}

fn unreadable(failed: &[Failed]) -> String {
    let first = failed.first().map(|f| format!("{}: {}", f.path.display(), f.reason)).unwrap_or_default();
    match failed.len() {
        0 | 1 => first,
        n => format!("none of the {n} images of the series can be read; the first is {first}"),
    }
}
