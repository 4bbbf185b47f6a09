//! What this window calls the studies and series of a server.
//!
//! A server's own ids need not tell patients apart: on another day, or on another server, the same id may be another
//! patient's. What is drawn and how it is shown is kept by id, so the window's own ids hold digits of the patient and
//! the study, too.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use protocol::message::{Series, Study};
use sha2::{Digest as _, Sha256};

/// Between what the server calls it and the digits.
const BEFORE_DIGITS: &str = " @";

/// The library of a server as it was told last.
#[derive(Debug, Default)]
pub struct Named(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    told: Arc<[Study]>,
    named: Arc<[Study]>,
    digits: HashMap<String, String>,
}

impl Named {
    /// The library with this window's ids; the same one as long as the same is told.
    pub fn library(&self, told: Arc<[Study]>) -> Arc<[Study]> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&inner.told, &told) {
            inner.digits.clear();
            for study in &*told {
                let digits = digits(study);
                let of = |series: &Series| (series.series_instance_uid.clone(), digits.clone());
                inner.digits.extend(study.series.iter().map(of));
            }
            inner.named = told.iter().map(named).collect();
            inner.told = told;
        }
        Arc::clone(&inner.named)
    }

    /// What this window calls a series; as the server does where that lists no such series.
    pub fn here(&self, told: &str) -> String {
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.digits.get(told).map_or_else(|| told.to_owned(), |digits| with_digits(told, digits))
    }
}

/// What the server calls a series of this window's.
pub fn there(id: &str) -> &str {
    id.rsplit_once(BEFORE_DIGITS).map_or(id, |(told, _)| told)
}

/// The ids of `before` that are another patient's `now`, or of another study.
pub fn changed_hands(before: &[Study], now: &[Study]) -> Vec<String> {
    fn ids(library: &[Study]) -> impl Iterator<Item = &str> {
        library.iter().flat_map(|study| &study.series).map(|series| series.series_instance_uid.as_str())
    }
    let now: HashMap<&str, &str> = ids(now).map(|id| (there(id), id)).collect();
    let changed = ids(before).filter(|&id| now.get(there(id)).is_some_and(|&other| other != id));
    changed.map(str::to_owned).collect()
}

fn named(study: &Study) -> Study {
    let digits = digits(study);
    let here = |told: &String| with_digits(told, &digits);
    let series = study.series.iter().map(|series| Series {
        series_instance_uid: here(&series.series_instance_uid),
        times: series.times.as_ref().map(|times| times.iter().map(here).collect()),
        ..series.clone()
    });
    Study { study_instance_uid: here(&study.study_instance_uid), series: series.collect(), ..study.clone() }
}

fn with_digits(told: &str, digits: &str) -> String {
    format!("{told}{BEFORE_DIGITS}{digits}")
}

/// Nobody reads a name in them.
fn digits(study: &Study) -> String {
    let mut hash = Sha256::new();
    for part in [&study.study_instance_uid, &study.patient_id, &study.patient_name, &study.patient_birth_date]
    {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize()[..6].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn library(studies: &[(&str, &str, &[&str])]) -> Arc<[Study]> {
        let study = |(uid, patient, ids): &(&str, &str, &[&str])| {
            let series = ids.iter().map(|id| {
                serde_json::json!({ "seriesInstanceUid": id, "description": "", "number": null, "modality": "CT",
                    "dims": [1, 1, 1], "files": 1, "times": ids })
            });
            let series: Vec<_> = series.collect();
            let study = serde_json::json!({ "studyInstanceUid": uid, "description": "", "date": "", "patientName": patient,
                "patientId": patient, "patientSex": "", "patientBirthDate": "", "series": series });
            serde_json::from_value::<Study>(study).expect("a study")
        };
        studies.iter().map(study).collect()
    }

    #[test]
    fn one_id_of_two_patients_is_two_in_this_window() {
        let [names, others] = [Named::default(), Named::default()];
        let told = library(&[("1", "A", &["1.1", "1.2"]), ("2", "B", &["unnamed"])]);
        let named = names.library(Arc::clone(&told));
        assert!(Arc::ptr_eq(&named, &names.library(told)), "it is made once");
        others.library(library(&[("1", "B", &["1.1"]), ("1", "A", &["unnamed"])]));
        let id = names.here("1.1");
        assert_eq!(named[0].series[0].series_instance_uid, id);
        assert_eq!(named[0].series[1].times.as_ref().expect("times")[0], id);
        assert_ne!(id, others.here("1.1"));
        assert_ne!(names.here("unnamed"), others.here("unnamed"));
        assert_eq!((there(&id), there(&names.here("unnamed"))), ("1.1", "unnamed"));
        assert!(!id.contains('A'));
        // The same on another day.
        assert_eq!(Named::default().here("1.1"), "1.1", "nothing is known of it");
        let later = Named::default();
        later.library(library(&[("1", "A", &["1.1"])]));
        assert_eq!(later.here("1.1"), id);
    }

    #[test]
    fn a_series_that_is_another_patients_is_told_by_its_id() {
        let names = Named::default();
        let named = |studies: &[(&str, &str, &[&str])]| names.library(library(studies));
        let first = named(&[("1", "A", &["1.1", "1.2"])]);
        let id = first[0].series[0].series_instance_uid.clone();
        let added = named(&[("2", "B", &["2.1"]), ("1", "A", &["1.2", "1.1"])]);
        assert!(changed_hands(&first, &added).is_empty());
        let other = named(&[("2", "B", &["2.1"]), ("1", "B", &["1.1"])]);
        assert_eq!(changed_hands(&added, &other), [id]);
        assert!(changed_hands(&other, &[]).is_empty(), "what is not listed is nobody else's");
    }
}
