//! DICOM files to studies, series and volumes.
//!
//! ```text
//! paths -> scan (headers, all cores) -> Library { studies { series { files } } } -> load -> Loaded { Arc<Volume>, warnings }
//! ```

use std::path::PathBuf;
use std::sync::Arc;

use crate::progress::Progress;
use crate::volume::Volume;

/// What a scan found, and what it had to leave out.
#[derive(Debug, Default)]
pub struct Library {
    pub studies: Vec<Study>,
    pub failed: Vec<Failed>,
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
}

/// Who the study is about. Its `Debug` output shows nothing of it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Patient {
    pub name: String,
    pub id: String,
    pub birth_date: String,
    pub sex: String,
}

impl std::fmt::Debug for Patient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Patient(hidden)")
    }
}

/// Images that form one volume.
#[derive(Clone, Debug)]
pub struct Series {
    pub series_instance_uid: String,
    pub series_description: String,
    pub series_number: Option<i32>,
    pub modality: String,
    /// (columns, rows, slices) as far as the headers tell.
    pub dims: [u32; 3],
    pub transfer_syntaxes: Vec<String>,
    /// In slice order.
    pub files: Vec<PathBuf>,
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
    NoSpacing,
    Lossy,
    Truncated,
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
            Self::NoSpacing => "no-spacing",
            Self::Lossy => "lossy",
            Self::Truncated => "truncated",
        }
    }
}

/// A series in memory.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub volume: Arc<Volume>,
    pub warnings: Vec<Warning>,
    /// Files of the series that could not be read; the volume does without them.
    pub failed: Vec<Failed>,
}

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("cancelled")]
    Cancelled,
    #[error("{path}: {reason}")]
    Path { path: PathBuf, reason: String },
    #[error("{0}")]
    Series(String),
}

/// Finds the studies in files, folders (all levels down) and DICOMDIRs. Files that are not DICOM
/// images are named in `failed`; an error means that nothing could be looked at.
pub fn scan(paths: &[PathBuf], _progress: &Progress) -> Result<Library, Error> {
    let path = paths.first().cloned().unwrap_or_default();
    Err(Error::Path { path, reason: "reading DICOM is not built yet".into() })
}

/// Reads a series into one volume.
pub fn load(_series: &Series, _progress: &Progress) -> Result<Loaded, Error> {
    Err(Error::Series("reading DICOM is not built yet".into()))
}
