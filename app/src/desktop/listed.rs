//! Studies as the window lists and hangs them, wherever their files are: on this machine or on a server.

use std::collections::HashSet;
use std::sync::Arc;

use protocol::message;
use render_core::dicom::{self, Patient};

use super::named::changed_hands;
use super::study;

#[derive(Clone)]
pub struct Study {
    /// What tells it from others: [`dicom::Study::key`], or what the window calls a server's.
    pub key: String,
    pub patient: Patient,
    pub description: String,
    /// YYYYMMDD, or as the files state it; empty when absent.
    pub date: String,
    /// All times of a 4D series are one.
    pub series: Vec<Series>,
}

#[derive(Clone, Debug)]
pub struct Series {
    /// [`dicom::Series::key`], or what the window calls a server's; of a 4D series its first time.
    pub id: String,
    pub number: Option<i32>,
    pub description: String,
    pub modality: String,
    /// (columns, rows, slices)
    pub dims: [u32; 3],
    /// Frame of Reference UID; empty where it is not known.
    pub frame: String,
    /// The ids of all times of a 4D series, in their order; none of others.
    pub times: Vec<String>,
}

impl Study {
    /// Voxels of its largest series.
    fn voxels(&self) -> u64 {
        self.series.iter().map(Series::voxels).max().unwrap_or(0)
    }
}

impl Series {
    pub fn voxels(&self) -> u64 {
        self.dims.iter().map(|&n| u64::from(n)).product()
    }

    /// Whether an id is its own, or one of its times'.
    pub fn has(&self, id: &str) -> bool {
        self.id == id || self.times.iter().any(|time| time == id)
    }

    /// Its number and description, as far as it has them.
    pub fn title(&self) -> String {
        study::series_title(self.number, &self.description)
    }
}

impl From<&dicom::Study> for Study {
    fn from(study: &dicom::Study) -> Self {
        let listed = study.series.iter().filter(|series| study::is_first_time(series));
        Self {
            key: study.key(),
            patient: study.patient.clone(),
            description: study.study_description.clone(),
            date: study.study_date.clone(),
            series: listed
                .map(|series| Series {
                    id: series.key(),
                    number: series.series_number,
                    description: match series.time {
                        Some(time) => without_time(&series.title(), time.count),
                        None => series.title(),
                    },
                    modality: series.modality.clone(),
                    dims: series.dims,
                    frame: series.frame_of_reference_uid().to_owned(),
                    times: study::times(study, series),
                })
                .collect(),
        }
    }
}

impl From<&message::Study> for Study {
    fn from(study: &message::Study) -> Self {
        let times = study.series.iter().filter_map(|series| series.times.as_ref());
        let later: HashSet<&String> = times.flat_map(|times| times.iter().skip(1)).collect();
        let listed = study.series.iter().filter(|series| !later.contains(&series.series_instance_uid));
        Self {
            key: study.study_instance_uid.clone(),
            patient: study::patient_of(study),
            description: study.description.clone(),
            date: study.date.clone(),
            series: listed
                .map(|series| Series {
                    id: series.series_instance_uid.clone(),
                    number: series.number,
                    description: match &series.times {
                        Some(times) => without_time(&series.description, times.len() as u32),
                        None => series.description.clone(),
                    },
                    modality: series.modality.clone(),
                    dims: series.dims,
                    frame: series.frame_of_reference_uid.clone().unwrap_or_default(),
                    times: series.times.clone().unwrap_or_default(),
                })
                .collect(),
        }
    }
}

/// The title of the first time of a 4D series as that of all of them.
fn without_time(title: &str, count: u32) -> String {
    title.replace(&format!("time {} of {}", 1, count), "").trim_end_matches([',', ' ']).to_owned()
}

/// All studies that there are to choose from.
#[derive(Default)]
pub struct Listed {
    /// Of this machine: those that were opened last first, of these the newest first.
    pub here: Vec<Study>,
    /// Of the server, the newest first.
    pub there: Vec<Study>,
    /// What `there` was made of.
    library: Arc<[message::Study]>,
}

impl Listed {
    /// `studies` as they were opened, the newest last.
    pub fn set_here(&mut self, studies: &[dicom::Study]) {
        self.here = studies.iter().rev().map(Study::from).collect();
    }

    /// Returns the ids of series that were another patient's before.
    pub fn set_there(&mut self, library: &Arc<[message::Study]>) -> Vec<String> {
        if Arc::ptr_eq(&self.library, library) {
            return Vec::new();
        }
        let before = std::mem::replace(&mut self.library, Arc::clone(library));
        self.there = library.iter().rev().map(Study::from).collect();
        self.there.sort_by(|a, b| b.date.cmp(&a.date));
        changed_hands(&before, library)
    }

    pub fn all(&self) -> impl Iterator<Item = &Study> {
        self.here.iter().chain(&self.there)
    }

    /// A study by its key, and all that are where it is.
    pub fn study(&self, key: &str) -> Option<(&Study, &[Study])> {
        let among = |studies: &'_ [Study]| studies.iter().position(|study| study.key == key);
        let here = among(&self.here).map(|index| (&self.here[index], &self.here[..]));
        here.or_else(|| among(&self.there).map(|index| (&self.there[index], &self.there[..])))
    }

    /// The series that has an id, as its own or as one of its times', and its study.
    pub fn series(&self, id: &str) -> Option<(&Study, &Series)> {
        let all = self.all().flat_map(|study| study.series.iter().map(move |series| (study, series)));
        all.into_iter().find(|(_, series)| series.has(id))
    }
}

/// What is most worth a first look: the newest study, and of equals the one with the largest series. `studies` begin with
/// the newest.
pub fn first(studies: &[Study]) -> Option<&Study> {
    let with_images = studies.iter().filter(|study| !study.series.is_empty());
    with_images.min_by_key(|study| std::cmp::Reverse((&study.date, study.voxels())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A real time series.
    #[test]
    fn a_4d_series_is_listed_once_by_a_title_without_a_time() {
        let data = std::env::var_os("VOXCAST_DATA").map_or_else(
            || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
            std::path::PathBuf::from,
        );
        if !data.is_dir() {
            eprintln!("skipped: no ../shared/data");
            return;
        }
        let paths = [data.join("geometry/mr-4d-epi")];
        let library = dicom::scan(&paths, &render_core::Progress::default()).expect("a scan");
        let all = library.studies[0].series.len();
        let mut listed = Listed::default();
        listed.set_here(&library.studies);
        let told = server_mode::Studies::new(library, &[], Box::new(dicom::load)).listed();
        let ids: Vec<String> =
            told[0].series.iter().map(|series| series.series_instance_uid.clone()).collect();
        listed.set_there(&told.into());
        for study in listed.all() {
            assert_eq!((all, study.series.len()), (10, 1));
            assert_eq!(study.series[0].description, "Axial EPI-FMRI (Interleaved I to S)");
            assert_eq!(study.series[0].times.len(), 10);
        }
        assert!(ids.iter().all(|id| listed.there[0].series[0].times.contains(id)));
        assert!(listed.series(&ids[7]).is_some_and(|(_, series)| series.id == ids[0]), "by any of its times");
    }
}
