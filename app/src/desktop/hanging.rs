//! Hanging protocols: how a study is laid out, by rules in files (presets/hanging/README.md).

use std::io::Write as _;
use std::path::Path;

use render_core::dicom::Patient;
use render_core::save::{self, Existing};
use serde::{Deserialize, Serialize};

use super::desk::{Arrangement, Cell};
use super::kind::Kind;
use super::layout::MOST;
use super::listed::{Series, Study};

/// Largest file of a protocol.
const MAX_BYTES: u64 = 64 << 10;
const MAX_STAGES: usize = 16;
/// Most files that are read from a folder.
const MAX_FILES: usize = 256;

const BUILT_IN: [&str; 5] = [
    include_str!("../../../presets/hanging/prior.toml"),
    include_str!("../../../presets/hanging/pet_ct.toml"),
    include_str!("../../../presets/hanging/mr.toml"),
    include_str!("../../../presets/hanging/volume.toml"),
    include_str!("../../../presets/hanging/images.toml"),
];

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Protocol {
    pub name: String,
    #[serde(default, rename = "match")]
    pub rules: Rules,
    #[serde(rename = "stage")]
    pub stages: Vec<Stage>,
}

/// All that is there must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// The study has a series of each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modalities: Vec<String>,
    /// A description of the study or of a series contains one of these, whatever their case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub description: Vec<String>,
    /// Fewest and most slices of the largest series.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slices: Option<[u32; 2]>,
    /// Fewest series; all times of a 4D series are one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<usize>,
    /// Whether an earlier study of the same patient is open, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prior: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    pub name: String,
    pub rows: usize,
    pub columns: usize,
    /// Row by row.
    #[serde(default, rename = "viewport")]
    pub slots: Vec<Slot>,
}

/// Which series a viewport shows, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slot {
    pub show: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modality: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub description: Vec<String>,
    /// The largest of those that fit is 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nth: Option<usize>,
    /// Of which earlier study; without it, of the study itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prior: Option<usize>,
    /// The modality of a series that is laid over it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fuse: Option<String>,
    /// Which of several of that modality: its description contains one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fuse_description: Vec<String>,
}

/// What a viewport shows.
#[derive(Clone, Copy)]
pub struct Shown<'a> {
    pub study: &'a Study,
    pub series: &'a Series,
    pub kind: Kind,
    /// Laid over it.
    pub over: Option<&'a Series>,
}

impl Protocol {
    fn parse(text: &str) -> Result<Self, String> {
        let protocol: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        if protocol.stages.is_empty() || protocol.stages.len() > MAX_STAGES {
            return Err(format!("a protocol has 1 to {MAX_STAGES} stages"));
        }
        for stage in &protocol.stages {
            if !(1..=MOST).contains(&stage.rows) || !(1..=MOST).contains(&stage.columns) {
                return Err(format!("stage {:?}: rows and columns are 1 to {MOST}", stage.name));
            }
            if stage.slots.len() > stage.rows * stage.columns {
                let (all, found) = (stage.rows * stage.columns, stage.slots.len());
                return Err(format!("stage {:?}: {found} viewports for {all} cells", stage.name));
            }
        }
        Ok(protocol)
    }

    /// How many rules hold for a study; `None` where one does not.
    fn score(&self, study: &Study, priors: &[&Study]) -> Option<usize> {
        let rules = &self.rules;
        let has = |modality: &String| study.series.iter().any(|series| series.modality == *modality);
        let texts = || {
            let series = study.series.iter().map(|series| series.description.as_str());
            std::iter::once(study.description.as_str()).chain(series)
        };
        let largest = by_size(study).first().map_or(0, |series| series.dims[2]);
        let conditions = [
            (!rules.modalities.is_empty()).then(|| rules.modalities.iter().all(has)),
            (!rules.description.is_empty()).then(|| texts().any(|text| contains(text, &rules.description))),
            rules.slices.map(|[low, high]| (low..=high).contains(&largest)),
            rules.series.map(|least| by_size(study).len() >= least),
            rules.prior.map(|wanted| wanted != priors.is_empty()),
        ];
        let stated = conditions.into_iter().flatten();
        stated.clone().all(|holds| holds).then(|| stated.count())
    }

    /// What a stage shows of a study; cells without a series that fits stay empty.
    pub fn arrange(&self, stage: usize, study: &Study, priors: &[&Study]) -> Arrangement {
        let stage = &self.stages[stage.min(self.stages.len() - 1)];
        let mut cells: Vec<Option<Cell>> = stage.slots.iter().map(|slot| slot.cell(study, priors)).collect();
        cells.resize(stage.rows * stage.columns, None);
        Arrangement { columns: stage.columns, cells }
    }
}

impl Slot {
    fn cell(&self, study: &Study, priors: &[&Study]) -> Option<Cell> {
        let study = match self.prior {
            Some(number) => *priors.get(number.checked_sub(1)?)?,
            None => study,
        };
        let fits = |series: &&&Series| {
            self.modality.as_ref().is_none_or(|wanted| series.modality == *wanted)
                && (self.description.is_empty() || contains(&series.description, &self.description))
        };
        let all = by_size(study);
        let series = all.iter().filter(fits).nth(self.nth.unwrap_or(1).checked_sub(1)?)?;
        let over = self.fuse.as_ref().and_then(|modality| {
            let same_place = |other: &&&Series| {
                let words = &self.fuse_description;
                !series.frame.is_empty()
                    && other.modality == *modality
                    && other.id != series.id
                    && other.frame == series.frame
                    && (words.is_empty() || contains(&other.description, words))
            };
            all.iter().find(same_place).map(|other| other.id.clone())
        });
        Some(Cell { series_id: series.id.clone(), kind: self.show, over })
    }
}

impl Protocol {
    /// A protocol with one stage that shows what is on screen, `cells` row by row. It is for studies with the same
    /// modalities.
    pub fn of_cells(
        name: &str,
        columns: usize,
        cells: &[Option<Shown<'_>>],
        study: &Study,
        priors: &[&Study],
    ) -> Self {
        let mut modalities: Vec<String> = Vec::new();
        for series in cells.iter().flatten().flat_map(|cell| std::iter::once(cell.series).chain(cell.over)) {
            if !modalities.contains(&series.modality) {
                modalities.push(series.modality.clone());
            }
        }
        let prior_of = |of: &Study| {
            let place = priors.iter().position(|prior| prior.key == of.key)?;
            Some(place + 1)
        };
        let slots: Vec<Slot> = cells
            .iter()
            .flatten()
            .map(|&Shown { study: of, series, kind, over }| {
                let nth = by_size(of).into_iter().filter(|other| other.modality == series.modality);
                let nth = nth.into_iter().position(|other| other.id == series.id).map(|place| place + 1);
                let description = telling_description(of, series);
                Slot {
                    show: kind,
                    modality: Some(series.modality.clone()),
                    nth: nth.filter(|&nth| nth > 1 && description.is_none()),
                    description: description.into_iter().collect(),
                    prior: prior_of(of),
                    fuse: over.map(|over| over.modality.clone()),
                    fuse_description: over
                        .and_then(|over| telling_description(of, over))
                        .into_iter()
                        .collect(),
                }
            })
            .collect();
        let prior = slots.iter().any(|slot| slot.prior.is_some()).then_some(true);
        let columns = columns.clamp(1, MOST);
        let rows = slots.len().div_ceil(columns).clamp(1, MOST);
        let rules =
            Rules { modalities, series: Some(by_size(study).len().min(2)), prior, ..Rules::default() };
        let slots = slots.into_iter().take(rows * columns).collect();
        let stage = Stage { name: name.to_owned(), rows, columns, slots };
        Self { name: name.to_owned(), rules, stages: vec![stage] }
    }

    /// Writes it into a folder of protocols, under a name made of its own; one of the same name is replaced.
    pub fn save(&self, folder: &Path) -> std::io::Result<()> {
        let letters = self.name.chars().map(|c| if c.is_alphanumeric() { c } else { '_' });
        let stem: String = letters.take(48).collect();
        let text = toml::to_string_pretty(self).map_err(std::io::Error::other)?;
        std::fs::create_dir_all(folder)?;
        // Names that differ in signs only have files of their own.
        let own = |file: &std::path::PathBuf| {
            let there = std::fs::read_to_string(file);
            there.map_or(true, |text| Self::parse(&text).is_ok_and(|there| there.name == self.name))
        };
        let numbered = (2..1000).map(|number| folder.join(format!("{stem}-{number}.toml")));
        let mut files = std::iter::once(folder.join(format!("{stem}.toml"))).chain(numbered);
        let file = files.find(own).ok_or(std::io::ErrorKind::AlreadyExists)?;
        save::save(&file, Existing::Replace, |out| out.write_all(text.as_bytes()))
    }
}

/// A description that tells a series from others of its modality; without one, their size does.
fn telling_description(study: &Study, series: &Series) -> Option<String> {
    let same = study.series.iter().filter(|other| other.modality == series.modality).count();
    let description = series.description.trim();
    (same > 1 && !description.is_empty()).then(|| description.to_owned())
}

fn contains(text: &str, words: &[String]) -> bool {
    let text = text.to_lowercase();
    words.iter().any(|word| text.contains(&word.to_lowercase()))
}

/// Those with the most voxels first.
fn by_size(study: &Study) -> Vec<&Series> {
    let mut all: Vec<&Series> = study.series.iter().collect();
    all.sort_by_key(|series| std::cmp::Reverse(series.voxels()));
    all
}

/// Whether two studies' patients are most likely one.
pub fn is_one_patient(a: &Patient, b: &Patient) -> bool {
    let plain = |name: &str| name.trim_end_matches(['^', ' ']).to_lowercase();
    let births = [a.birth_date.trim(), b.birth_date.trim()];
    // An ID may be anybody's, such as that of all who were made anonymous.
    let birth_differs = births[0] != births[1] && births.iter().all(|birth| !birth.is_empty());
    let birth_is_same = births[0] == births[1] && !births[0].is_empty();
    let differ = |a: &str, b: &str| !a.trim().is_empty() && !b.trim().is_empty() && a.trim() != b.trim();
    let contradict = birth_differs || differ(&a.sex, &b.sex) || differ(&a.issuer, &b.issuer);
    // Without a digit it is most likely a word for nobody.
    let tells = a.id.chars().any(|c| c.is_ascii_digit());
    let name_is_same = tells && plain(&a.name) == plain(&b.name);
    !a.id.is_empty() && a.id == b.id && !contradict && (birth_is_same || name_is_same)
}

/// Earlier studies of the same patient, the newest first.
pub fn priors<'a>(study: &Study, all: &'a [Study]) -> Vec<&'a Study> {
    let mut priors: Vec<&Study> = all
        .iter()
        .filter(|other| is_one_patient(&study.patient, &other.patient))
        .filter(|other| other.key != study.key && !other.series.is_empty())
        .filter(|other| !other.date.is_empty() && other.date <= study.date)
        .collect();
    priors.sort_by(|a, b| b.date.cmp(&a.date));
    priors
}

/// The user's protocols before the built-in ones.
#[derive(Clone, Debug)]
pub struct Protocols(Vec<Protocol>);

impl Default for Protocols {
    fn default() -> Self {
        Self(BUILT_IN.iter().filter_map(|text| Protocol::parse(text).ok()).collect())
    }
}

impl Protocols {
    /// The built-in protocols and those of a folder, and what is wrong with its files. A folder that
    /// does not exist is an empty one.
    pub fn read(folder: &Path) -> (Self, Vec<String>) {
        let mut paths: Vec<_> = std::fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
            .take(MAX_FILES)
            .collect();
        paths.sort();
        let (mut own, mut problems) = (Vec::new(), Vec::new());
        for path in paths {
            let read = || {
                if std::fs::metadata(&path).map_err(|error| error.to_string())?.len() > MAX_BYTES {
                    return Err(format!("it is larger than {} KiB", MAX_BYTES >> 10));
                }
                Protocol::parse(&std::fs::read_to_string(&path).map_err(|error| error.to_string())?)
            };
            match read() {
                Ok(protocol) => own.push(protocol),
                Err(reason) => {
                    let name = path.file_name().unwrap_or_default().to_string_lossy();
                    problems.push(format!("hanging protocol {name}: {reason}"));
                }
            }
        }
        own.extend(Self::default().0);
        (Self(own), problems)
    }

    /// The names of all protocols and their stages.
    #[cfg(test)]
    pub fn names(&self) -> Vec<String> {
        let stages = self.0.iter().flat_map(|protocol| &protocol.stages).map(|stage| stage.name.clone());
        self.0.iter().map(|protocol| protocol.name.clone()).chain(stages).collect()
    }

    /// Those that match a study, the one with the most rules first.
    pub fn matching(&self, study: &Study, priors: &[&Study]) -> Vec<&Protocol> {
        let mut matching: Vec<(usize, &Protocol)> =
            self.0.iter().filter_map(|protocol| Some((protocol.score(study, priors)?, protocol))).collect();
        // Stable: of equals the user's own stay first.
        matching.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        matching.into_iter().map(|(_, protocol)| protocol).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::OnceLock;

    use protocol::ServerMessage;
    use render_core::dicom::{self, Library};
    use render_core::phantom::{self, Spec};
    use render_core::{Progress, dicom::Time};
    use server_mode::Studies;

    use super::*;
    use crate::desktop::listed::{Listed, first};

    fn phantom() -> &'static dicom::Study {
        static STUDY: OnceLock<dicom::Study> = OnceLock::new();
        STUDY.get_or_init(|| {
            let folder = std::env::temp_dir().join(format!("voxcast-hanging-{}", std::process::id()));
            let spec = Spec {
                columns: 32,
                rows: 32,
                slices: 20,
                pixel_spacing_mm: 11.0,
                slice_spacing_mm: 16.0,
                ..Spec::default()
            };
            phantom::write_study(&folder, &spec, |_, _| {}).expect("the phantom is written");
            let library = dicom::scan(std::slice::from_ref(&folder), &Progress::default()).expect("a scan");
            std::fs::remove_dir_all(&folder).expect("the folder goes");
            library.studies.into_iter().next().expect("a study")
        })
    }

    fn study() -> Study {
        Study::from(phantom())
    }

    /// Studies as this machine lists them, and as it lists them from a server; an older one tells less of them.
    fn listed(studies: &[dicom::Study], by_older: bool) -> Listed {
        let library = Library { studies: studies.to_vec(), ..Library::default() };
        let mut told = Studies::new(library, &[], Box::new(dicom::load)).listed();
        for series in told.iter_mut().flat_map(|study| &mut study.series).filter(|_| by_older) {
            (series.frame_of_reference_uid, series.times) = (None, None);
        }
        let text = serde_json::to_string(&ServerMessage::Library { studies: told }).expect("a message");
        let Ok(ServerMessage::Library { studies: told }) = ServerMessage::parse(&text) else {
            panic!("{text}")
        };
        let mut listed = Listed::default();
        listed.set_here(studies);
        listed.set_there(&told.into());
        listed
    }

    /// A study of one patient at another time; its series by modality, description and width.
    fn made(uid: &str, date: &str, series: &[(&str, &str, u32)]) -> dicom::Study {
        let mut study = phantom().clone();
        (study.study_instance_uid, study.study_date) = (uid.to_owned(), date.to_owned());
        let model = study.series[0].clone();
        let made = |(number, &(modality, description, width)): (usize, &(&str, &str, u32))| {
            let mut series = model.clone();
            series.series_instance_uid = format!("{uid}.{number}");
            series.dims[0] = width;
            (series.modality, series.series_description) = (modality.to_owned(), description.to_owned());
            series
        };
        study.series = series.iter().enumerate().map(made).collect();
        study
    }

    #[test]
    fn every_built_in_protocol_is_one() {
        for text in BUILT_IN {
            Protocol::parse(text).unwrap_or_else(|reason| panic!("{reason}\n{text}"));
        }
        let readme = include_str!("../../../presets/hanging/README.md");
        let example =
            readme.split("```toml").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
        Protocol::parse(example).unwrap_or_else(|reason| panic!("{reason}"));
    }

    #[test]
    fn studies_whose_patients_contradict_each_other_are_no_priors() {
        let patient = |id: &str, name: &str, birth: &str, sex: &str| Patient {
            id: id.into(),
            name: name.into(),
            birth_date: birth.into(),
            sex: sex.into(),
            ..Patient::default()
        };
        let one = patient("7", "Doe^Jane", "19800101", "F");
        assert!(is_one_patient(&one, &one));
        assert!(is_one_patient(&one, &patient("7", "Doe-Roe^Jane", "19800101", "")));
        assert!(is_one_patient(&one, &patient("7", "DOE^JANE^", "", "F")));
        assert!(!is_one_patient(&one, &patient("7", "Doe^Jane", "19800101", "M")));
        assert!(!is_one_patient(&one, &patient("7", "Doe^Jane", "19800102", "F")));
        let issued = |issuer: &str| Patient { issuer: issuer.into(), ..one.clone() };
        assert!(!is_one_patient(&issued("ward"), &issued("clinic")) && is_one_patient(&issued("ward"), &one));
        let nobody = patient("ANONYMOUS", "ANONYMOUS", "", "");
        assert!(!is_one_patient(&nobody, &nobody), "everybody is called so");
        let numbered = patient("LIDC-0314", "LIDC-0314", "", "");
        assert!(is_one_patient(&numbered, &numbered));
    }

    #[test]
    fn a_volume_is_hung_as_planes_and_with_its_prior_beside_it() {
        let study = study();
        let protocols = Protocols::default();
        let chosen = protocols.matching(&study, &[])[0];
        assert_eq!(chosen.name, "Planes and volume");
        let kinds: Vec<Kind> =
            chosen.arrange(0, &study, &[]).cells.iter().flatten().map(|c| c.kind).collect();
        assert_eq!(kinds, [Kind::Axial, Kind::Volume, Kind::Coronal, Kind::Sagittal]);

        let mut earlier = study.clone();
        earlier.key.push_str(".1");
        earlier.date = "19990101".into();
        earlier.series[0].id.push_str(".1");
        let all = [study.clone(), earlier];
        let priors = priors(&study, &all);
        assert_eq!(priors.len(), 1);
        let chosen = protocols.matching(&study, &priors)[0];
        assert_eq!(chosen.name, "With the prior");
        let cells = chosen.arrange(0, &study, &priors).cells;
        let ids: Vec<&str> = cells.iter().flatten().map(|cell| cell.series_id.as_str()).collect();
        assert_eq!(ids, [&study.series[0].id, &all[1].series[0].id]);
    }

    #[test]
    fn all_times_of_a_series_hang_as_one() {
        let protocols = Protocols::default();
        let mut study = made("1.5", "20260101", &[("MR", "Perfusion", 32); 3]);
        let names = |study: &dicom::Study| {
            let listed = listed(std::slice::from_ref(study), false);
            [&listed.here[0], &listed.there[0]].map(|study| {
                let chosen = protocols.matching(study, &[])[0].name.clone();
                (chosen, study.series.len(), study.series[0].title())
            })
        };
        // Three series of their own lie side by side.
        let each = ("MR, series side by side".to_owned(), 3, "1  Perfusion".to_owned());
        study.series.iter_mut().for_each(|series| series.series_number = Some(1));
        assert_eq!(names(&study), [each.clone(), each]);
        for (index, series) in (0..).zip(&mut study.series) {
            (series.time, series.part) = (Some(Time { index, count: 3 }), format!("time {} of 3", index + 1));
            series.series_instance_uid = "1.5.0".into();
        }
        let one = ("Planes and volume".to_owned(), 1, "1  Perfusion".to_owned());
        assert_eq!(names(&study), [one.clone(), one]);
        let older = listed(&[study], true);
        assert_eq!(older.there[0].series.len(), 3, "who does not tell of times has them all listed");
    }

    #[test]
    fn a_servers_studies_are_hung_as_those_of_this_machine() {
        let pet = [("CT", "CT AC", 32), ("PT", "PET NAC", 16), ("PT", "PET AC", 24), ("CT", "Lung", 16)];
        let studies = [
            made("1.1", "20250101", &[("CT", "Thorax", 32)]),
            made("1.2", "20250601", &[("CT", "Lung", 24), ("CT", "Soft tissue", 32)]),
            made("1.3", "20260101", &pet),
            made("1.4", "20260301", &[("MR", "T1", 32), ("MR", "T2", 24), ("MR", "DWI", 16)]),
        ];
        let listed = listed(&studies, false);
        let keys = |studies: &[Study]| -> Vec<String> {
            studies.iter().flat_map(|study| &study.series).map(|series| series.id.clone()).collect()
        };
        let (here, there) = (keys(&listed.here), keys(&listed.there));
        let dates: Vec<&str> = listed.there.iter().map(|study| study.date.as_str()).collect();
        assert_eq!(dates, ["20260301", "20260101", "20250601", "20250101"], "the newest comes first");
        let theirs = |id: &String| there[here.iter().position(|own| own == id).expect("a series")].clone();
        let protocols = Protocols::default();
        let mut stages = 0;
        for (own, other) in listed.here.iter().zip(&listed.there) {
            let priors = [priors(own, &listed.here), priors(other, &listed.there)];
            assert_eq!(priors[0].len(), priors[1].len());
            let matching = [protocols.matching(own, &priors[0]), protocols.matching(other, &priors[1])];
            assert_eq!(matching[0], matching[1]);
            for protocol in &matching[0] {
                for stage in 0..protocol.stages.len() {
                    let mut arranged = protocol.arrange(stage, own, &priors[0]);
                    for cell in arranged.cells.iter_mut().flatten() {
                        cell.series_id = theirs(&cell.series_id);
                        cell.over = cell.over.as_ref().map(theirs);
                    }
                    assert_eq!(arranged, protocol.arrange(stage, other, &priors[1]), "{}", protocol.name);
                    stages += 1;
                }
            }
            let kept = [own, other].map(|study| {
                let [first, last] = [study.series.first(), study.series.last()].map(|s| s.expect("a series"));
                let over = Some(last).filter(|last| last.id != first.id);
                let cell = Shown { study, series: first, kind: Kind::Coronal, over };
                Protocol::of_cells("Ours", 1, &[Some(cell)], study, &[])
            });
            assert_eq!(kept[0], kept[1]);
        }
        assert!(stages > 20, "{stages}");
        let newest_pet = &listed.there[1];
        let cells = protocols.matching(newest_pet, &[])[0].arrange(0, newest_pet, &[]).cells;
        let fused = cells[2].as_ref().and_then(|cell| cell.over.as_ref());
        assert_eq!(fused, Some(&newest_pet.series[2].id), "the larger PET lies over the CT");
        assert_eq!(first(&listed.there).map(|study| &study.date[..]), Some("20260301"));
    }

    #[test]
    fn what_is_on_screen_is_kept_and_hangs_the_next_study_like_it() {
        let study = study();
        let series = &study.series[0];
        let cells =
            [Kind::Mip, Kind::Coronal].map(|kind| Some(Shown { study: &study, series, kind, over: None }));
        let folder = std::env::temp_dir().join(format!("voxcast-keep-{}", std::process::id()));
        Protocol::of_cells("Ours: two / äö", 2, &cells, &study, &[]).save(&folder).expect("it is written");
        let (protocols, problems) = Protocols::read(&folder);
        std::fs::remove_dir_all(&folder).expect("the folder goes");
        assert_eq!(problems, Vec::<String>::new());
        let chosen = protocols.matching(&study, &[])[0];
        assert_eq!(chosen.name, "Ours: two / äö");
        let arrangement = chosen.arrange(0, &study, &[]);
        let kinds: Vec<Kind> = arrangement.cells.iter().flatten().map(|cell| cell.kind).collect();
        assert_eq!((arrangement.columns, kinds), (2, vec![Kind::Mip, Kind::Coronal]));
    }

    #[test]
    fn a_patient_with_the_same_id_and_another_birth_date_or_name_is_another_one() {
        let study = study();
        let mut earlier = study.clone();
        earlier.key.push_str(".1");
        earlier.date = "19990101".into();
        let found = |earlier: &Study| priors(&study, std::slice::from_ref(earlier)).len();
        assert_eq!(found(&earlier), 1);
        let mut other = earlier.clone();
        other.patient.birth_date = "19010203".into();
        assert_eq!(found(&other), usize::from(study.patient.birth_date.is_empty()));
        let mut other = earlier.clone();
        (other.patient.name, other.patient.birth_date) = ("SOMEBODY^ELSE".into(), String::new());
        assert_eq!(found(&other), 0);
        earlier.patient.name.push('^');
        assert_eq!(found(&earlier), 1);
    }

    #[test]
    fn protocols_whose_names_differ_in_signs_only_are_kept_both() {
        let folder = std::env::temp_dir().join(format!("voxcast-names-{}", std::process::id()));
        let study = study();
        let cell = Shown { study: &study, series: &study.series[0], kind: Kind::Axial, over: None };
        for name in ["胸部 1", "胸部-1", "胸部 1"] {
            Protocol::of_cells(name, 1, &[Some(cell)], &study, &[]).save(&folder).expect("it is written");
        }
        let (protocols, problems) = Protocols::read(&folder);
        std::fs::remove_dir_all(&folder).expect("the folder goes");
        assert_eq!(problems, Vec::<String>::new());
        let own = protocols.names().into_iter().filter(|name| name.starts_with('胸')).count();
        assert_eq!(own, 4, "two protocols, each with the name of its stage");
    }

    #[test]
    fn fusion_is_kept_with_the_series_that_lies_over_it() {
        let mut study = study();
        let more = ["PET AC", "PET NAC"].map(|description| {
            let mut pet = study.series[0].clone();
            pet.modality = "PT".to_owned();
            pet.description = description.to_owned();
            pet.id.push_str(if description == "PET AC" { ".1" } else { ".2" });
            pet
        });
        study.series.extend(more);
        let [ct, ac, nac] = [0, 1, 2].map(|i| &study.series[i]);
        assert_ne!(ct.frame, "");
        for over in [ac, nac] {
            let cell = Shown { study: &study, series: ct, kind: Kind::Coronal, over: Some(over) };
            let kept = Protocol::of_cells("Ours", 1, &[Some(cell)], &study, &[]);
            assert_eq!(kept.rules.modalities, ["CT", "PT"]);
            let read = Protocol::parse(&toml::to_string(&kept).expect("it is written")).expect("it is read");
            let cells = read.arrange(0, &study, &[]).cells;
            let hung = Cell { series_id: ct.id.clone(), kind: Kind::Coronal, over: Some(over.id.clone()) };
            assert_eq!(cells, [Some(hung)]);
        }
    }

    #[test]
    fn what_is_no_protocol_is_refused_in_words() {
        for (text, part) in [
            ("name = 'a'\nstage = []", "1 to 16 stages"),
            ("name = 'a'\n[[stage]]\nname = 's'\nrows = 5\ncolumns = 1", "1 to 4"),
            (
                "name = 'a'\n[[stage]]\nname = 's'\nrows = 1\ncolumns = 1\nviewport = [{show='axial'},{show='mip'}]",
                "2 viewports for 1",
            ),
            (
                "name = 'a'\n[[stage]]\nname = 's'\nrows = 1\ncolumns = 1\nviewport = [{show='sideways'}]",
                "sideways",
            ),
            ("name = 'a'\nrules = 3\n[[stage]]\nname = 's'\nrows = 1\ncolumns = 1", "rules"),
        ] {
            let reason = Protocol::parse(text).expect_err("it is no protocol");
            assert!(reason.contains(part), "{reason:?} does not say {part:?}");
        }
    }
}
