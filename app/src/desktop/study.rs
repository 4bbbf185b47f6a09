//! The series on screen, and what the window says about it.

use std::sync::Arc;

use render_core::dicom::{Glimpse, Loaded, Patient, Report, Series, Study, Suv, Trust, Warning, WarningCode};
use render_core::{Outlined, Volume, Window, window};
use server_mode::remote::RemoteSeries;

use super::hybrid::Hybrid;
use super::named::there;
use super::text::{self, tr};
use crate::planes;

/// Where a series' voxels are.
#[derive(Clone, Debug)]
pub enum Source {
    Here(Arc<Volume>),
    /// On a server, which draws it unless its voxels were brought here.
    There(Arc<Hybrid>),
}

/// A series that can be shown.
#[derive(Debug)]
pub struct OpenSeries {
    pub source: Source,
    /// What the window menu holds.
    pub windows: Vec<(String, Window)>,
    pub warnings: Vec<Warning>,
    pub report: Report,
    pub patient: Patient,
    pub study_description: String,
    pub study_instance_uid: String,
    pub study_date: String,
    /// As its files, or its server, name it.
    pub series_instance_uid: String,
    /// See [`Series::key`].
    pub series_id: String,
    pub series_description: String,
    pub series_number: Option<i32>,
    /// What tells its patient space from others: the Frame of Reference UID, else its own id.
    pub frame: String,
    /// Which time of a 4D series it is, and the ids of all of them.
    pub time: Option<u32>,
    pub times: Vec<String>,
    /// Of a PET whose values have a scale to SUV.
    pub suv: Option<Suv>,
    /// What the distance of the pixels is taken from.
    pub spacing_source: &'static str,
    /// The series itself, of files of this machine.
    pub own: Option<Arc<Series>>,
    /// Whether overlay planes or shutters lie over its images.
    pub is_overlaid: bool,
    /// Of a series that is being loaded: which of how many slices the volume is, from 0.
    pub only: Option<(usize, u32)>,
}

impl OpenSeries {
    /// Whether a server has told the same of it, of the same patient.
    pub fn is_same_there(&self, other: &Self) -> bool {
        let hybrids = self.hybrid().zip(other.hybrid());
        hybrids.is_some_and(|(a, b)| Arc::ptr_eq(a, b))
            && (&self.patient, &self.study_description, &self.study_date, &self.series_description)
                == (&other.patient, &other.study_description, &other.study_date, &other.series_description)
    }

    pub fn new(study: &Study, series: &Series, loaded: Loaded) -> Self {
        Self::of(study, series, loaded.volume, loaded.warnings, loaded.report)
    }

    /// One slice, before the others are there.
    pub fn glimpse(study: &Study, series: &Series, glimpse: Glimpse) -> Self {
        let only = Some((glimpse.slice, series.dims[2]));
        Self { only, ..Self::of(study, series, glimpse.volume, series.warnings.clone(), series.report()) }
    }

    fn of(
        study: &Study,
        series: &Series,
        volume: Arc<Volume>,
        warnings: Vec<Warning>,
        report: Report,
    ) -> Self {
        let suv = series.suv.clone().and_then(Result::ok);
        Self {
            windows: views::suv_windows(suv.map(|suv| suv.body_weight))
                .into_iter()
                .chain(window::menu(&volume))
                .collect(),
            source: Source::Here(volume),
            warnings,
            report,
            patient: study.patient.clone(),
            study_description: study.study_description.clone(),
            study_instance_uid: study.study_instance_uid.clone(),
            study_date: study.study_date.clone(),
            series_instance_uid: series.series_instance_uid.clone(),
            series_id: series.key(),
            series_description: series.title(),
            series_number: series.series_number,
            frame: match series.frame_of_reference_uid() {
                "" => series.key(),
                uid => uid.to_owned(),
            },
            time: series.time.map(|time| time.index),
            times: times(study, series),
            suv,
            spacing_source: series.spacing_source(),
            own: Some(Arc::new(series.clone())),
            is_overlaid: planes::has_any(series),
            only: None,
        }
    }

    /// A series of a server's, as its library names it.
    pub fn remote(
        study: &protocol::message::Study,
        series: &protocol::message::Series,
        hybrid: Arc<Hybrid>,
    ) -> Self {
        let opened: &RemoteSeries = &hybrid.series;
        let id = &series.series_instance_uid;
        let times = study.series.iter().filter_map(|first| first.times.as_ref());
        let times = times.into_iter().find(|times| times.contains(id)).cloned().unwrap_or_default();
        Self {
            windows: opened.windows.clone(),
            warnings: opened.warnings.iter().filter_map(warning).collect(),
            report: opened.report.clone(),
            patient: patient_of(study),
            study_description: study.description.clone(),
            study_instance_uid: there(&study.study_instance_uid).to_owned(),
            study_date: study.date.clone(),
            series_instance_uid: there(id).to_owned(),
            series_id: id.clone(),
            series_description: series.description.clone(),
            series_number: series.number,
            frame: if opened.frame == opened.id { id.clone() } else { opened.frame.clone() },
            time: times.iter().position(|time| time == id).map(|index| index as u32),
            times,
            suv: opened.suv,
            spacing_source: "the server's files",
            own: None,
            is_overlaid: false,
            only: None,
            source: Source::There(hybrid),
        }
    }

    /// Whether it is known where its voxels lie in the patient.
    pub fn is_placed(&self) -> bool {
        self.report.millimetres.is_everywhere() && !self.report.directions_unknown
    }

    /// What is known of it without its voxels.
    pub fn outline(&self) -> &dyn Outlined {
        match &self.source {
            Source::Here(volume) => volume,
            Source::There(hybrid) => &hybrid.series.outline,
        }
    }

    /// Whether it is this series, or another time of it.
    pub fn is(&self, series_id: &str) -> bool {
        self.series_id == series_id || self.times.iter().any(|time| time == series_id)
    }

    /// Its voxels, where all of them are on this machine.
    pub fn volume(&self) -> Option<&Arc<Volume>> {
        match &self.source {
            Source::Here(volume) => Some(volume),
            Source::There(hybrid) => hybrid.whole(),
        }
    }

    /// The series of a server's that it is; `None` of this machine's own.
    pub fn hybrid(&self) -> Option<&Arc<Hybrid>> {
        match &self.source {
            Source::Here(_) => None,
            Source::There(hybrid) => Some(hybrid),
        }
    }

    /// Whether a picture is its own, by the voxels that it was drawn of; without them it was drawn by a server.
    pub fn is_of(&self, volume: Option<&Arc<Volume>>) -> bool {
        match (&self.source, volume) {
            (Source::Here(own), Some(volume)) => Arc::ptr_eq(own, volume),
            (Source::Here(_), None) => false,
            (Source::There(_), None) => true,
            (Source::There(hybrid), Some(volume)) => {
                hybrid.voxels().is_some_and(|own| Arc::ptr_eq(&own, volume))
            }
        }
    }

    /// What stands for it in the layers of a view.
    pub fn in_layers(&self) -> &Arc<Volume> {
        match &self.source {
            Source::Here(volume) => volume,
            Source::There(hybrid) => &hybrid.series.stand_in,
        }
    }

    /// What a value is multiplied by to be an SUV by body weight.
    pub fn suv_factor(&self) -> Option<f64> {
        self.suv.map(|suv| suv.body_weight)
    }

    /// The window of a number key, counted from 1: CT has its own five, others follow the menu.
    pub fn window_of_key(&self, number: usize) -> Option<Window> {
        let index = number.checked_sub(1)?;
        match window::presets(&self.outline().meaning().modality) {
            [] => self.windows.get(index).map(|(_, window)| *window),
            usual => usual.get(index).map(|(_, window)| *window),
        }
    }
}

/// The patient of a server's study.
pub fn patient_of(study: &protocol::message::Study) -> Patient {
    Patient {
        name: study.patient_name.clone(),
        id: study.patient_id.clone(),
        sex: study.patient_sex.clone(),
        birth_date: study.patient_birth_date.clone(),
        ..Patient::default()
    }
}

const CODES: [WarningCode; 17] = [
    WarningCode::GantryTilt,
    WarningCode::UnevenSpacing,
    WarningCode::MissingSlices,
    WarningCode::DuplicatePositions,
    WarningCode::MixedOrientation,
    WarningCode::MixedImages,
    WarningCode::ConflictingInstances,
    WarningCode::NoSpacing,
    WarningCode::Uncalibrated,
    WarningCode::Lossy,
    WarningCode::Truncated,
    WarningCode::UnknownPlace,
    WarningCode::ColourAsGrey,
    WarningCode::Rounded,
    WarningCode::Padding,
    WarningCode::NotFinite,
    WarningCode::UnspecifiedUnit,
];

/// A warning as the server tells it; `None` for a code of a later server.
fn warning(told: &protocol::message::Warning) -> Option<Warning> {
    let code = CODES.into_iter().find(|code| code.as_str() == told.code)?;
    Some(Warning { code, message: told.message.clone(), value: told.value })
}

/// Whether a series stands for all times of its 4D series in lists, or is none.
pub fn is_first_time(series: &Series) -> bool {
    series.time.is_none_or(|time| time.index == 0)
}

/// The ids of all times of a 4D series, in their order; none of others.
pub fn times(study: &Study, series: &Series) -> Vec<String> {
    if series.time.is_none() {
        return Vec::new();
    }
    let same = |other: &&Series| {
        other.time.is_some()
            && other.series_instance_uid == series.series_instance_uid
            && other.dims == series.dims
    };
    let mut all: Vec<&Series> = study.series.iter().filter(same).collect();
    all.sort_by_key(|other| other.time.map(|time| time.index));
    all.into_iter().map(Series::key).collect()
}

/// Two or three words for a badge on the picture.
pub fn badge(warning: &Warning) -> String {
    let name = match warning.code {
        WarningCode::GantryTilt => "Gantry tilt",
        WarningCode::UnevenSpacing => "Uneven spacing",
        WarningCode::MissingSlices => "Slices missing",
        WarningCode::DuplicatePositions => "Duplicate positions",
        WarningCode::MixedOrientation => "Mixed orientation",
        WarningCode::MixedImages => "Split series",
        WarningCode::ConflictingInstances => "UIDs repeat",
        WarningCode::NoSpacing => "No spacing",
        WarningCode::Uncalibrated => "Not calibrated",
        WarningCode::Lossy => "Lossy",
        WarningCode::Truncated => "Truncated",
        WarningCode::UnknownPlace => "Place unknown",
        WarningCode::ColourAsGrey => "Colour as grey",
        WarningCode::Rounded => "Values rounded",
        WarningCode::Padding => "Padding",
        WarningCode::NotFinite => "Numbers missing",
        WarningCode::UnspecifiedUnit => "Unit assumed",
        other => return other.as_str().to_owned(),
    };
    let name = text::of(name);
    match (warning.code, warning.value) {
        (WarningCode::GantryTilt, Some(degrees)) => format!("{name} {degrees:.1}°"),
        _ => name.to_owned(),
    }
}

/// The badge of a volume whose millimetres do not all hold.
pub fn trust_badge(millimetres: &Trust) -> Option<&'static str> {
    match millimetres {
        Trust::Everywhere => None,
        Trust::WithinImages(_) => Some(text::of("mm within images only")),
        Trust::WithinRegions(..) => Some(text::of("mm within regions only")),
        _ => Some(text::of("No millimetres")),
    }
}

/// A message of the core, which starts small and without a full stop, as a sentence of its own in the window's language.
pub fn sentence(message: &str) -> String {
    let message = text::told(message);
    let mut letters = message.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).chain((!message.ends_with('.')).then_some('.')).collect()
}

/// A series by its number and description, as far as it has them.
pub fn series_title(number: Option<i32>, description: &str) -> String {
    let description = description.trim();
    match (number, description.is_empty()) {
        (Some(number), false) => format!("{number}  {description}"),
        (Some(number), true) => tr!("series-number", number = number).into_owned(),
        (None, false) => description.to_owned(),
        (None, true) => tr!("series-without-a-name").into_owned(),
    }
}

/// A DICOM date (YYYYMMDD) as 2026-11-21; anything else unchanged.
pub fn date(dicom: &str) -> String {
    if dicom.len() == 8 && dicom.bytes().all(|b| b.is_ascii_digit()) {
        format!("{}-{}-{}", &dicom[..4], &dicom[4..6], &dicom[6..])
    } else {
        dicom.to_owned()
    }
}

/// The patient's name, or else the ID.
pub fn patient_title(patient: &Patient) -> String {
    match (person_name(&patient.name), patient.id.trim()) {
        (name, _) if !name.is_empty() => name,
        (_, "") => tr!("patient-without-a-name").into_owned(),
        (_, id) => id.to_owned(),
    }
}

/// A DICOM person name (`Family^Given^Middle^Prefix^Suffix`, PS3.5 6.2.1) as `Family, Given Middle`.
pub fn person_name(dicom: &str) -> String {
    let alphabetic = dicom.split('=').next().unwrap_or_default();
    let mut parts = alphabetic.split('^').map(str::trim);
    let family = parts.next().unwrap_or_default();
    let given: Vec<&str> = parts.take(2).filter(|part| !part.is_empty()).collect();
    match (family, given.as_slice()) {
        (family, []) => family.to_owned(),
        ("", given) => given.join(" "),
        (family, given) => format!("{family}, {}", given.join(" ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_dates_read_naturally() {
        assert_eq!(person_name("Doe^Jane^Q^Dr^"), "Doe, Jane Q");
        assert_eq!(person_name("Yamada^Tarou=山田^太郎"), "Yamada, Tarou");
        assert_eq!(person_name("ANON"), "ANON");
        assert_eq!(person_name("^^"), "");
        assert_eq!(date("20261121"), "2026-11-21");
        assert_eq!(date("2026"), "2026");
        assert_eq!(sentence("the slices differ"), "The slices differ.");
    }
}
