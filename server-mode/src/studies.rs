//! The studies on offer, and the series that are open: each is loaded once, and all who look at it
//! share it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak, mpsc};

use protocol::message;
use render_core::Progress;
use render_core::dicom::{self, Library, Loaded, Series, Study, Suv};

/// Reads a series into memory.
pub type Loader = Box<dyn Fn(&Series, &Progress) -> Result<Loaded, dicom::Error> + Send + Sync>;

/// What a server may show, and nothing else.
pub struct Studies {
    library: Library,
    /// Canonical folders and files below which a client may name paths.
    roots: Vec<PathBuf>,
    /// Canonical files of each series, by study and series.
    files: Vec<Vec<Vec<PathBuf>>>,
    /// By study.
    ids: Vec<Ids>,
    load: Loader,
}

/// What clients call a study and its series; no two studies and no two series of the library share
/// an id, and none is empty.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ids {
    pub study: String,
    pub series: Vec<String>,
}

impl std::fmt::Debug for Studies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Studies").field("studies", &self.library.studies.len()).finish_non_exhaustive()
    }
}

impl Studies {
    /// Finds the studies below these folders and files, with an index faster.
    pub fn scan(
        paths: &[PathBuf],
        progress: &Progress,
        index: Option<&dicom::Index>,
    ) -> Result<Self, dicom::Error> {
        let library = dicom::scan_with(paths, progress, index)?;
        Ok(Self::new(library, paths, Box::new(dicom::load)))
    }

    /// Studies that are already known, read by `load`. A client may name a path below `roots`; it
    /// finds the series of the library whose files lie there and opens no other file.
    pub fn new(library: Library, roots: &[PathBuf], load: Loader) -> Self {
        let canonical = |paths: &[PathBuf]| paths.iter().filter_map(|p| p.canonicalize().ok()).collect();
        let files = library
            .studies
            .iter()
            .map(|study| study.series.iter().map(|series| canonical(&series.files)).collect())
            .collect();
        let (mut studies, mut series) = (Taken::default(), Taken::default());
        let ids = library
            .studies
            .iter()
            .map(|study| Ids {
                study: studies.id(&study.study_instance_uid),
                series: study.series.iter().map(|s| series.id(&s.series_instance_uid)).collect(),
            })
            .collect();
        Self { roots: canonical(roots), files, ids, library, load }
    }

    /// Nothing, for guests, who see what a host shows.
    pub(crate) fn none() -> Self {
        let load = |series: &Series, _: &Progress| Err(dicom::Error::Series(series.id()));
        Self::new(Library::default(), &[], Box::new(load))
    }

    pub fn library(&self) -> &Library {
        &self.library
    }

    /// The series of this id; the first study's main series when empty.
    pub(crate) fn series(&self, id: &str) -> Option<(&Study, &Series)> {
        if id.is_empty() {
            let study = self.library.studies.iter().find(|study| !study.series.is_empty())?;
            return Some((study, main_series(study.series.iter())?));
        }
        self.with_ids().find_map(|(study, ids)| {
            let index = ids.series.iter().position(|other| other == id)?;
            Some((study, &study.series[index]))
        })
    }

    /// The studies of the library and what clients call them.
    pub(crate) fn with_ids(&self) -> impl Iterator<Item = (&Study, &Ids)> {
        self.library.studies.iter().zip(&self.ids)
    }

    /// What clients are told of the library.
    pub fn listed(&self) -> Vec<message::Study> {
        let listed = self.with_ids().map(|(study, ids)| message::Study {
            study_instance_uid: ids.study.clone(),
            description: study.study_description.clone(),
            date: study.study_date.clone(),
            patient_name: study.patient.name.clone(),
            patient_id: study.patient.id.clone(),
            patient_sex: study.patient.sex.clone(),
            patient_birth_date: study.patient.birth_date.clone(),
            series: study
                .series
                .iter()
                .zip(&ids.series)
                .map(|(series, id)| message::Series {
                    series_instance_uid: id.clone(),
                    description: series.title(),
                    number: series.series_number,
                    modality: series.modality.clone(),
                    dims: series.dims,
                    files: series.files.len() as u64,
                    frame_of_reference_uid: Some(series.frame_of_reference_uid().to_owned())
                        .filter(|uid| !uid.is_empty()),
                    times: times(study, ids, series),
                })
                .collect(),
        });
        listed.collect()
    }

    /// What clients call a study of this library and a series of it.
    fn ids_of(&self, study: &Study, series: &Series) -> Option<(&str, &str)> {
        let (study, ids) = self.with_ids().find(|(other, _)| std::ptr::eq(*other, study))?;
        let index = study.series.iter().position(|other| std::ptr::eq(other, series))?;
        Some((&ids.study, &ids.series[index]))
    }

    /// What a client of the plain protocol means by `path`: nothing is the first study, else a
    /// study as the library lists it, else a path below a root. Touches the file system.
    pub(crate) fn series_at(&self, path: &str) -> Option<(&Study, &Series)> {
        if path.is_empty() {
            return self.series("");
        }
        if let Some((study, _)) = self.with_ids().find(|(_, ids)| ids.study == path) {
            return Some((study, main_series(study.series.iter())?));
        }
        self.roots.iter().find_map(|root| {
            // An absolute path replaces the root when joined to it; symbolic links and `..` are
            // resolved before the comparison, so neither leads out.
            let wanted = root.join(path).canonicalize().ok()?;
            if wanted.starts_with(root) { self.series_below(&wanted) } else { None }
        })
    }

    fn series_below(&self, path: &Path) -> Option<(&Study, &Series)> {
        self.library.studies.iter().zip(&self.files).find_map(|(study, files)| {
            let below =
                study.series.iter().zip(files).filter(|(_, files)| files.iter().any(|f| f.starts_with(path)));
            Some((study, main_series(below.map(|(series, _)| series))?))
        })
    }
}

/// What clients call all times of a 4D series, in their order; `None` but for the first of them.
fn times(study: &Study, ids: &Ids, first: &Series) -> Option<Vec<String>> {
    first.time.filter(|time| time.index == 0)?;
    let all = study.series.iter().zip(&ids.series);
    let same = all.filter(|(other, _)| {
        other.series_instance_uid == first.series_instance_uid && other.dims == first.dims
    });
    let mut times: Vec<(u32, &String)> =
        same.filter_map(|(other, id)| Some((other.time?.index, id))).collect();
    times.sort_by_key(|(index, _)| *index);
    Some(times.into_iter().map(|(_, id)| id.clone()).collect())
}

/// The ids given so far, each with the last number tried after it.
#[derive(Default)]
struct Taken(HashMap<String, u32>);

impl Taken {
    /// The UID, `unnamed` when empty; where that is taken, the first of `~2` and so on that is free.
    fn id(&mut self, uid: &str) -> String {
        let uid = if uid.is_empty() { "unnamed" } else { uid };
        let mut id = uid.to_owned();
        if let Some(&tried) = self.0.get(uid) {
            let mut number = tried;
            while self.0.contains_key(&id) {
                number += 1;
                id = format!("{uid}~{number}");
            }
            self.0.insert(uid.to_owned(), number);
        }
        self.0.insert(id.clone(), 1);
        id
    }
}

/// The one with most slices: localisers and reports come with almost every study.
fn main_series<'a>(series: impl Iterator<Item = &'a Series>) -> Option<&'a Series> {
    series.reduce(|best, next| if next.dims[2] > best.dims[2] { next } else { best })
}

/// A series in memory and what it belongs to.
#[derive(Debug)]
pub struct OpenSeries {
    /// What clients call its study.
    pub study_id: String,
    /// What clients call it.
    pub series_id: String,
    /// Empty where its files do not say it.
    pub frame_of_reference_uid: String,
    /// How a PET's values become SUVs, where that is known.
    pub suv: Option<Suv>,
    /// What the distance of the pixels is taken from, for people.
    pub spacing_source: &'static str,
    pub loaded: Loaded,
}

impl OpenSeries {
    /// What a value is multiplied by to be an SUV by body weight.
    pub fn suv_factor(&self) -> Option<f64> {
        self.suv.map(|suv| suv.body_weight)
    }
}

/// What a client wants opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// As the library lists it, empty for the first.
    Series(String),
    /// `path` of the plain protocol.
    Path(String),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    #[error("There is no such study or series here. Open one that the library lists.")]
    Unknown,
    #[error("The series cannot be read: {0}")]
    Load(String),
    #[error("Too many series are being read at the moment. Try again.")]
    Busy,
}

pub type Opened = Result<Arc<OpenSeries>, OpenError>;

/// Told once when a series is open or cannot be; must not block.
pub type Waiter = Box<dyn FnOnce(Opened) + Send>;

/// Series waiting to be read.
const QUEUE: usize = 64;
/// Reading one series keeps all cores busy; the second thread serves whoever wants another one.
const THREADS: usize = 2;

/// The open series. Those in use are kept by their users; of the others the most recently used
/// stay as far as the budget goes.
pub struct Store {
    shared: Arc<Shared>,
    queue: mpsc::SyncSender<Request>,
}

struct Request {
    session: u64,
    ticket: u64,
    target: Target,
}

struct Shared {
    studies: Arc<Studies>,
    cache_bytes: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    tickets: u64,
    /// What each session waits for.
    waiting: HashMap<u64, Waiting>,
    loading: HashMap<String, Arc<Progress>>,
    open: HashMap<String, Weak<OpenSeries>>,
    /// Most recently used last.
    recent: Vec<Arc<OpenSeries>>,
}

struct Waiting {
    /// Tells the request that this waits for from one that the session has given up.
    ticket: u64,
    waiter: Waiter,
    /// Known once the target is resolved.
    series_id: Option<String>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("studies", &self.shared.studies).finish_non_exhaustive()
    }
}

impl Store {
    pub fn start(studies: Arc<Studies>, cache_bytes: usize) -> std::io::Result<Self> {
        let (queue, requests) = mpsc::sync_channel(QUEUE);
        let shared = Arc::new(Shared { studies, cache_bytes, state: Mutex::default() });
        let requests = Arc::new(Mutex::new(requests));
        for i in 0..THREADS {
            let (shared, requests) = (Arc::clone(&shared), Arc::clone(&requests));
            // The threads end when the store and with it the sender is dropped.
            std::thread::Builder::new().name(format!("load-{i}")).spawn(move || {
                loop {
                    let request = requests.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok(request) = request else { return };
                    shared.open(&request);
                }
            })?;
        }
        Ok(Self { shared, queue })
    }

    /// Opens a series for a session; a session waits for one at a time, the last it asked for.
    pub fn open(&self, session: u64, target: Target, waiter: Waiter) {
        self.abandon(session);
        let ticket = {
            let mut state = self.shared.state();
            state.tickets += 1;
            let ticket = state.tickets;
            state.waiting.insert(session, Waiting { ticket, waiter, series_id: None });
            ticket
        };
        if self.queue.try_send(Request { session, ticket, target }).is_err()
            && let Some(waiting) = self.shared.state().waiting(session, ticket)
        {
            (waiting.waiter)(Err(OpenError::Busy));
        }
    }

    /// A series that is in memory.
    pub fn opened(&self, id: &str) -> Option<Arc<OpenSeries>> {
        self.shared.state().open.get(id).and_then(Weak::upgrade)
    }

    /// The session does not wait any more; a load that nobody waits for stops.
    pub fn abandon(&self, session: u64) {
        let mut state = self.shared.state();
        let Some(Waiting { series_id: Some(id), .. }) = state.waiting.remove(&session) else {
            return;
        };
        if !state.waiting.values().any(|w| w.series_id.as_ref() == Some(&id))
            && let Some(progress) = state.loading.get(&id)
        {
            progress.cancel();
        }
    }

    /// Id of the series and (done, total) of what the session waits for.
    pub fn progress(&self, session: u64) -> Option<(String, u64, u64)> {
        let state = self.shared.state();
        let id = state.waiting.get(&session)?.series_id.as_ref()?;
        let (done, total) = state.loading.get(id)?.counts();
        Some((id.clone(), done, total))
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // The maps are consistent between any two statements that can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self, request: &Request) {
        let found = match &request.target {
            Target::Series(uid) => self.studies.series(uid),
            Target::Path(path) => self.studies.series_at(path),
        };
        let found = found.and_then(|(study, series)| Some((series, self.studies.ids_of(study, series)?)));
        let Some((series, (study_id, id))) = found else {
            let waiting = self.state().waiting(request.session, request.ticket);
            return waiting.into_iter().for_each(|w| (w.waiter)(Err(OpenError::Unknown)));
        };
        let Some(progress) = self.join(request, id) else { return };
        let loaded =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| (self.studies.load)(series, &progress)));
        let opened = match loaded {
            Ok(Ok(loaded)) => {
                let suv = series.suv.clone().and_then(Result::ok);
                let (study_id, series_id) = (study_id.to_owned(), id.to_owned());
                let frame_of_reference_uid = series.frame_of_reference_uid().to_owned();
                let spacing_source = series.spacing_source();
                let open =
                    OpenSeries { study_id, series_id, frame_of_reference_uid, suv, spacing_source, loaded };
                Ok(Arc::new(open))
            }
            // Clients are not told where files lie.
            Ok(Err(dicom::Error::Path { reason, .. })) => Err(OpenError::Load(reason)),
            Ok(Err(dicom::Error::Unreadable(failed))) => {
                let reason = failed.into_iter().next().map(|f| f.reason).unwrap_or_default();
                Err(OpenError::Load(format!("none of its images can be read; the first: {reason}")))
            }
            Ok(Err(error)) => Err(OpenError::Load(error.to_string())),
            Err(_) => Err(OpenError::Load("the reader has a defect".into())),
        };
        self.finish(id, &progress, &opened);
    }

    /// Serves the session from what is open or being loaded; else it is the caller's to load.
    fn join(&self, request: &Request, id: &str) -> Option<Arc<Progress>> {
        let mut state = self.state();
        let waiting = state.waiting.get_mut(&request.session).filter(|w| w.ticket == request.ticket)?;
        waiting.series_id = Some(id.to_owned());
        if let Some(open) = state.open.get(id).and_then(Weak::upgrade) {
            state.touch(&open, self.cache_bytes);
            let waiting = state.waiting(request.session, request.ticket)?;
            drop(state);
            (waiting.waiter)(Ok(open));
            return None;
        }
        if state.loading.get(id).is_some_and(|progress| !progress.is_cancelled()) {
            return None;
        }
        let progress = Arc::new(Progress::default());
        state.loading.insert(id.to_owned(), Arc::clone(&progress));
        Some(progress)
    }

    fn finish(&self, id: &str, progress: &Arc<Progress>, opened: &Opened) {
        let mut state = self.state();
        // A load that was cancelled may have been replaced by a newer one; its waiters wait on.
        if !state.loading.get(id).is_some_and(|current| Arc::ptr_eq(current, progress)) {
            return;
        }
        state.loading.remove(id);
        if let Ok(open) = opened {
            state.open.insert(id.to_owned(), Arc::downgrade(open));
            state.touch(open, self.cache_bytes);
        }
        let sessions: Vec<u64> = state
            .waiting
            .iter()
            .filter(|(_, waiting)| waiting.series_id.as_deref() == Some(id))
            .map(|(session, _)| *session)
            .collect();
        let waiters: Vec<_> = sessions.iter().filter_map(|session| state.waiting.remove(session)).collect();
        drop(state);
        for waiting in waiters {
            (waiting.waiter)(opened.clone());
        }
    }
}

impl State {
    /// Takes out who waits for this request, unless the session has given it up.
    fn waiting(&mut self, session: u64, ticket: u64) -> Option<Waiting> {
        self.waiting.get(&session).filter(|w| w.ticket == ticket)?;
        self.waiting.remove(&session)
    }

    /// Marks a series as used now and lets go of the least recently used beyond the budget.
    fn touch(&mut self, open: &Arc<OpenSeries>, cache_bytes: usize) {
        self.recent.retain(|other| !Arc::ptr_eq(other, open));
        self.recent.push(Arc::clone(open));
        let bytes = |open: &Arc<OpenSeries>| open.loaded.volume.voxels().byte_len();
        let mut total: usize = self.recent.iter().map(bytes).sum();
        while total > cache_bytes && self.recent.len() > 1 {
            total -= bytes(&self.recent.remove(0));
        }
        self.open.retain(|_, open| open.strong_count() > 0);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use render_core::phantom::{self, Spec};

    use super::*;

    const SPEC: Spec = Spec {
        columns: 64,
        rows: 64,
        slices: 48,
        pixel_spacing_mm: 5.6,
        slice_spacing_mm: 6.5,
        noise_sigma_hu: 0.0,
        seed: 1,
    };

    /// Studies with these StudyInstanceUIDs and SeriesInstanceUIDs. Descriptions count the series
    /// of the whole library; reading one fails and tells its description.
    fn studies(uids: &[(&str, &[&str])]) -> Arc<Studies> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("voxcast-studies-{}-{number}", std::process::id()));
        phantom::write_study(&folder, &SPEC, |_, _| {}).expect("writes a phantom");
        let scanned = dicom::scan(std::slice::from_ref(&folder), &Progress::default());
        std::fs::remove_dir_all(&folder).expect("it was just written");
        let model = scanned.expect("finds the phantom").studies.remove(0);
        let mut descriptions = (0..).map(|n: u32| n.to_string());
        let studies = uids.iter().map(|(study, series)| Study {
            study_instance_uid: (*study).to_owned(),
            series: series
                .iter()
                .map(|uid| {
                    let mut series = model.series[0].clone();
                    series.series_instance_uid = (*uid).to_owned();
                    series.series_description = descriptions.next().expect("endless");
                    series
                })
                .collect(),
            ..model.clone()
        });
        let library = Library { studies: studies.collect(), ..Library::default() };
        let load =
            |series: &Series, _: &Progress| Err(dicom::Error::Series(series.series_description.clone()));
        Arc::new(Studies::new(library, &[], Box::new(load)))
    }

    fn ids(studies: &Studies) -> Vec<(&str, Vec<&str>)> {
        let mut listed = Vec::new();
        for (_, ids) in studies.with_ids() {
            listed.push((ids.study.as_str(), ids.series.iter().map(String::as_str).collect()));
        }
        listed
    }

    /// What a store reads for this target.
    fn read(studies: &Arc<Studies>, target: Target) -> String {
        let store = Store::start(Arc::clone(studies), 0).expect("threads start");
        let (tell, told) = mpsc::sync_channel(1);
        store.open(1, target, Box::new(move |opened| tell.send(opened).expect("the test waits")));
        match told.recv().expect("an answer") {
            Err(OpenError::Load(reason)) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_listed_id_opens_its_own_series() {
        let studies = studies(&[
            ("1", &["1.1", "1.1", "1.2"]),
            ("2", &["1.1", ""]),
            ("", &["", "1.1~2"]),
            ("", &["unnamed~2"]),
            ("2", &["2.1"]),
        ]);
        let expected = [
            ("1", vec!["1.1", "1.1~2", "1.2"]),
            ("2", vec!["1.1~3", "unnamed"]),
            ("unnamed", vec!["unnamed~2", "1.1~2~2"]),
            ("unnamed~2", vec!["unnamed~2~2"]),
            ("2~2", vec!["2.1"]),
        ];
        assert_eq!(ids(&studies), expected);
        let mut count = 0;
        for (study, series) in expected {
            let main = read(&studies, Target::Path(study.into()));
            assert_eq!(main, count.to_string(), "study {study}");
            for id in series {
                let opened = read(&studies, Target::Series(id.into()));
                assert_eq!(opened, count.to_string(), "series {id}");
                count += 1;
            }
        }
    }

    #[test]
    fn nothing_means_the_first_study_and_a_numbered_id_yields_to_one_in_use() {
        let studies = studies(&[("7", &["7.1"]), ("", &["7.1~2", "7.1", "7.1", ""])]);
        assert_eq!(ids(&studies)[1].1, ["7.1~2", "7.1~3", "7.1~4", "unnamed"]);
        for target in [Target::Series(String::new()), Target::Path(String::new())] {
            assert_eq!(read(&studies, target), "0");
        }
    }
}
