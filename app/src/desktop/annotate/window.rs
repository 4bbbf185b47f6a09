//! The window's part: the panel, saving and taking over, and keeping what was drawn between starts.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use eframe::egui;
use render_core::dicom::{Object, Series, Study};

use super::super::app::App;
use super::super::command::Command;
use super::super::hanging::is_one_patient;
use super::super::job::{Job, Poll};
use super::super::study::OpenSeries;
use super::super::text::tr;
use super::super::{dialogs, study, theme, told_to_end};
use super::files::{self, Candidate, Loaded, Place, Saved, Saving, Subjects, Theirs};
use super::kept::{Kept, News, Part};
use super::panel::About;

/// How often it is looked at what has changed.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How soon what could not be written is tried again.
const RETRY: Duration = Duration::from_secs(10);

/// Files of a reading: those that are written on request, and those that the next start begins with.
#[derive(Default)]
pub struct Files {
    dialog: Option<Saving>,
    saving: Option<Job<Saved>>,
    object: Option<Job<Loaded>>,
    /// A folder to save in that the system asks for.
    picker: Option<Job<dialogs::Picked>>,
    folder: Option<PathBuf>,
    kept: Option<Kept>,
    /// Series whose annotations, and whose labels, were asked for.
    asked: HashSet<String>,
    asked_labels: HashSet<String>,
    /// The last number of the news that are in the reading.
    heard: u64,
    /// The revision that was given to be kept last, whether it is being written, whether that failed, and when to
    /// look again.
    given: u64,
    is_written: bool,
    failed: bool,
    look_s: f64,
    /// Whether somebody is asked to quit without what could not be written, or has said so.
    asks: bool,
    leaves: bool,
}

impl Files {
    pub(in crate::desktop) fn close_dialog(&mut self) {
        self.dialog = None;
    }

    /// Keeps what is drawn in the program's data folder, and goes on with what was drawn earlier as its series come.
    pub fn open(ctx: &egui::Context) -> Self {
        let dirs = directories::ProjectDirs::from("org", "voxcast", "voxcast");
        let folder = dirs.map(|dirs| dirs.data_dir().join("drawn"));
        let kept = folder.clone().map(|folder| Kept::new(folder, ctx));
        Self { folder, kept, ..Self::default() }
    }

    /// Asks once for what was drawn on these series.
    fn ask(&mut self, series: impl IntoIterator<Item = String>) {
        let Some(kept) = &self.kept else { return };
        let new = series.into_iter().filter(|id| self.asked.insert(id.clone()));
        let new: Vec<Part> = new.map(Part::Annotations).collect();
        if !new.is_empty() {
            kept.read(new);
        }
    }
}

impl App {
    /// The panel of measurements, where it is shown.
    pub fn show_measurements(&mut self, ui: &mut egui::Ui, commands: &mut Vec<Command>) {
        if self.desk.annotate.panel.is_none() || self.desk.is_empty() {
            return;
        }
        let open: Vec<Arc<OpenSeries>> = self.desk.series().into_iter().cloned().collect();
        let active = self.desk.active().map(|viewport| Arc::clone(&viewport.series));
        let known = self.known_series(&open);
        let new: Vec<String> = known.iter().filter(|id| !self.files.asked.contains(*id)).cloned().collect();
        self.files.ask(new);
        let objects: Vec<(String, PathBuf)> = self
            .objects_of(&open)
            .map(|object| {
                let title = [object.label.as_str(), object.series_description.as_str()];
                let title = title.into_iter().find(|text| !text.is_empty()).unwrap_or(&object.class);
                (format!("{} {title}", object.modality), object.path.clone())
            })
            .collect();
        let titles = self.drawn_titles(&open);
        let [undo, redo] = self.desk.next_steps().map(|name| name.map(str::to_owned));
        let about = About {
            open: &open,
            active: active.as_ref(),
            known: &known,
            titles: &titles,
            undo: undo.as_deref(),
            redo: redo.as_deref(),
            objects: &objects,
        };
        egui::Panel::right("measurements")
            .default_size(330.0)
            .size_range(280.0..=620.0)
            .frame(egui::Frame::new().fill(theme::panel()).inner_margin(egui::Margin::same(10)))
            .show(ui, |ui| self.desk.annotate.show_panel(ui, &about, commands));
    }

    /// Series whose annotations are listed: those of studies that are open here, of the server, and on screen.
    fn known_series(&self, open: &[Arc<OpenSeries>]) -> Vec<String> {
        let here = self.studies.iter().flat_map(|study| &study.series).map(Series::key);
        let library = self.connection.as_ref().map(|connection| connection.library());
        let there = library.iter().flat_map(|library| library.iter()).flat_map(|study| &study.series);
        let there = there.map(|series| series.series_instance_uid.clone());
        // The series of a server that is gone stays on screen.
        here.chain(there).chain(open.iter().map(|open| open.series_id.clone())).collect()
    }

    /// The series on which something was drawn, as people know them; with their patients, where those are shown.
    fn drawn_titles(&self, open: &[Arc<OpenSeries>]) -> HashMap<String, String> {
        let title = |id: &str| {
            let (patient, date, series) = match self.series(id) {
                Some((study, series)) => {
                    let title = study::series_title(series.series_number, &series.title());
                    (study::patient_title(&study.patient), study::date(&study.study_date), title)
                }
                None => {
                    let open = open.iter().find(|open| open.series_id == id)?;
                    let title = study::series_title(open.series_number, &open.series_description);
                    (study::patient_title(&open.patient), study::date(&open.study_date), title)
                }
            };
            let patient = Some(patient).filter(|_| self.desk.demographics);
            let words = patient.into_iter().chain([date, series]).filter(|word| !word.is_empty());
            Some(words.collect::<Vec<_>>().join(" · "))
        };
        let mut titles = HashMap::new();
        for annotation in self.desk.annotate.reading.annotations() {
            if !titles.contains_key(&annotation.series) {
                titles.extend(title(&annotation.series).map(|title| (annotation.series.clone(), title)));
            }
        }
        titles
    }

    /// Dialogs over the window.
    pub fn show_reading_dialogs(&mut self, ctx: &egui::Context, commands: &mut Vec<Command>) {
        self.desk.annotate.show_naming(ctx);
        self.ask_before_loss(ctx);
        let beside = self.desk.active().and_then(|viewport| {
            let (_, series) = self.series(&viewport.series.series_id)?;
            series.files.first()?.parent().map(Path::to_owned)
        });
        if let Some(dialog) = &mut self.files.dialog
            && !dialog.show(ctx, beside.as_deref(), self.files.picker.is_some(), commands)
        {
            self.files.dialog = None;
        }
    }

    /// Nobody quits without knowing that what was drawn goes with the window.
    fn ask_before_loss(&mut self, ctx: &egui::Context) {
        let files = &mut self.files;
        files.leaves |= ctx.data(|data| data.get_temp(told_to_end())).unwrap_or(false);
        if files.failed && !files.leaves && ctx.input(|input| input.viewport().close_requested()) {
            ctx.send_viewport_cmd(egui::ViewportCommand::CancelClose);
            files.asks = true;
        }
        // Written in the meantime.
        files.asks &= files.failed;
        if !files.asks {
            return;
        }
        let modal = dialogs::modal(ctx, "quit").show(ctx, |ui| {
            ui.set_width(420.0);
            ui.label(tr!("quit-not-kept"));
            ui.add_space(8.0);
            ui.horizontal(|ui| {
                files.asks = !ui.button(tr!("stay")).clicked();
                files.leaves = ui.button(tr!("quit-anyway")).clicked();
            });
        });
        files.asks &= !modal.should_close();
        if files.leaves {
            ctx.send_viewport_cmd(egui::ViewportCommand::Close);
        }
    }

    /// Whether a dialog of the reading takes the keys.
    pub fn reading_dialog(&self) -> bool {
        self.files.asks || self.files.dialog.is_some() || self.desk.annotate.is_naming()
    }

    pub fn run_reading(&mut self, ctx: &egui::Context, command: Command) {
        match command {
            Command::ShowSaveReading => {
                self.files.dialog.get_or_insert_with(Saving::new);
            }
            Command::ChooseReadingFolder => self.files.picker = Some(dialogs::pick_folder_to_save(ctx)),
            Command::SaveReading(saving) => {
                let (subjects, theirs) = self.subjects();
                self.files.saving = Some(saving.start(ctx, subjects, theirs));
            }
            Command::LoadObject(path) => {
                let open: Vec<Arc<OpenSeries>> = self.desk.series().into_iter().cloned().collect();
                let found = |study: &&Study| study.objects.iter().any(|object| object.path == path);
                let Some(study) = self.studies.iter().find(found) else { return };
                let object = study.objects.iter().find(|object| object.path == path).cloned();
                let candidate = |open: Arc<OpenSeries>| {
                    let (of, series) = self.series(&open.series_id)?;
                    let segmentation = self.desk.annotate.reading.segmentation(&open.series_id).cloned();
                    let own = of.key() == study.key() || is_one_patient(&of.patient, &study.patient);
                    own.then(|| Candidate { series: series.clone(), open, segmentation })
                };
                let mut candidates: Vec<Candidate> = open.into_iter().filter_map(candidate).collect();
                // The active one first, for objects that name none.
                let active = self.desk.active().map(|viewport| viewport.series.series_id.clone());
                candidates.sort_by_key(|candidate| Some(&candidate.open.series_id) != active.as_ref());
                self.files.object = object.map(|object| {
                    let all = self.studies.iter().flat_map(|study| &study.objects);
                    let objects = all.map(|object| object.series_instance_uid.clone()).collect();
                    files::load_object(ctx, object, objects, candidates)
                });
            }
            _ => {}
        }
    }

    /// Objects of the studies of what is open that may be taken over.
    fn objects_of<'a>(&'a self, open: &'a [Arc<OpenSeries>]) -> impl Iterator<Item = &'a Object> {
        let own = |study: &&render_core::dicom::Study| {
            study.series.iter().any(|series| open.iter().any(|open| open.series_id == series.key()))
        };
        self.studies.iter().filter(own).flat_map(|study| &study.objects).filter(|o| files::is_readable(o))
    }

    /// Series of this machine on which something was drawn, and what lies on others.
    fn subjects(&self) -> (Vec<Subjects>, Theirs) {
        let reading = &self.desk.annotate.reading;
        let open = self.desk.series();
        let mut ids: Vec<&str> = reading.annotations().iter().map(|annotation| &*annotation.series).collect();
        ids.extend(reading.segmentations().map(|(series, _)| series));
        let mut seen = HashSet::new();
        ids.retain(|id| seen.insert(*id));
        let mut theirs = Theirs::default();
        let subject = |id: &str| {
            let own = |a: &&reading::Annotation| a.series == id;
            let annotations: Vec<_> = reading.annotations().iter().filter(own).cloned().collect();
            let Some((study, series)) = self.series(id) else {
                theirs.annotations += annotations.len();
                if let Some(open) = open.iter().find(|open| open.series_id == id) {
                    let known = |a: &reading::Annotation| self.desk.annotate.known_values(a.id);
                    let measured = annotations.iter().filter_map(|a| Some((a, known(a)?)));
                    theirs.rows.extend(measured.map(|(a, values)| files::row(open, a, values)));
                }
                return None;
            };
            let segmentation = reading.segmentation(id).cloned();
            let place = match open.iter().find(|open| open.series_id == id) {
                Some(open) => Place::Open(Arc::clone(open)),
                None => {
                    let unread = !self.files.asked_labels.contains(id);
                    let labels = self.files.folder.clone().filter(|_| unread);
                    Place::Closed { study: Box::new(study.clone()), labels }
                }
            };
            let window = self.desk.window_of(id).map(|window| (window.center(), window.width()));
            Some(Subjects { series: series.clone(), place, annotations, segmentation, window })
        };
        let subjects = ids.into_iter().filter_map(subject).collect();
        (subjects, theirs)
    }

    /// Takes what threads have done, and keeps what was drawn.
    pub fn poll_reading(&mut self, ctx: &egui::Context) {
        self.desk.keep_steps();
        for note in self.desk.annotate.take_notes() {
            self.tell(note, Vec::new());
        }
        match self.files.picker.as_ref().map(Job::poll) {
            Some(Poll::Result(picked)) => {
                self.files.picker = None;
                if picked.is_none() {
                    self.tell(tr!("no-file-dialog").into_owned(), Vec::new());
                }
                let folder = picked.as_ref().and_then(|folders| folders.first());
                if let (Some(dialog), Some(folder)) = (&mut self.files.dialog, folder) {
                    dialog.choose(folder);
                }
            }
            Some(Poll::Ended) => self.files.picker = None,
            Some(Poll::Pending) | None => {}
        }
        match self.files.saving.as_ref().map(Job::poll) {
            Some(Poll::Result(saved)) => {
                self.files.saving = None;
                let (count, folder) = (saved.files.len(), saved.folder.display().to_string());
                let details = saved.problems.iter().cloned().chain(saved.files).collect();
                if saved.problems.is_empty() {
                    let mut text = tr!("saved-files", count = count, folder = folder).into_owned();
                    if saved.not_in_presentation > 0 {
                        let count = saved.not_in_presentation;
                        text.push_str(&format!(" {}", tr!("not-in-presentation", count = count)));
                    }
                    self.tell_good(text, details);
                } else {
                    let text = tr!("saved-not-all", count = count, folder = folder);
                    self.tell(text.into_owned(), details);
                }
            }
            Some(Poll::Ended) => {
                self.files.saving = None;
                self.tell(tr!("saving-stopped").into_owned(), Vec::new());
            }
            Some(Poll::Pending) | None => {}
        }
        match self.files.object.as_ref().map(Job::poll) {
            Some(Poll::Result(loaded)) => {
                self.files.object = None;
                match self.desk.annotate.take_over(loaded) {
                    Ok(text) => self.tell_good(text, Vec::new()),
                    Err(text) => self.tell(text, Vec::new()),
                }
            }
            Some(Poll::Ended) => self.files.object = None,
            Some(Poll::Pending) | None => {}
        }
        self.keep_reading(ctx);
    }

    /// What was drawn on the series that are listed is shown, too.
    pub fn read_what_was_drawn(&mut self) {
        self.files.ask(self.studies.iter().flat_map(|study| &study.series).map(Series::key));
    }

    /// Deletes what was drawn on series that this window has not opened.
    pub fn forget_drawn(&mut self) {
        let files = &self.files;
        if let Some(kept) = &files.kept {
            let mut stay: HashSet<String> = files.asked.union(&files.asked_labels).cloned().collect();
            let reading = &self.desk.annotate.reading;
            stay.extend(reading.annotations().iter().map(|annotation| annotation.series.clone()));
            stay.extend(reading.segmentations().map(|(series, _)| series.to_owned()));
            kept.forget_all_but(stay);
        }
    }

    /// Labels take much memory, so they come with their series.
    fn ask_for_labels(&mut self) {
        let files = &mut self.files;
        let Some(kept) = &files.kept else { return };
        let open = self.desk.series().into_iter().map(|open| &open.series_id);
        let new: Vec<String> = open.filter(|id| !files.asked_labels.contains(*id)).cloned().collect();
        if new.is_empty() {
            return;
        }
        kept.read(new.iter().cloned().map(Part::Labels));
        self.desk.annotate.unread.extend(new.iter().cloned());
        files.asked_labels.extend(new.iter().cloned());
        // Those of a server are listed nowhere else.
        files.ask(new);
    }

    fn take_news(&mut self) {
        while let Some(news) = self.files.kept.as_mut().and_then(Kept::news) {
            match news {
                News::Annotations(number, earlier) => {
                    self.files.heard = number;
                    self.desk.annotate.reading.resume(earlier);
                }
                News::Labels { number, series, labels } => {
                    self.files.heard = number;
                    self.desk.annotate.unread.remove(&series);
                    if let Some(labels) = labels {
                        self.desk.annotate.reading.resume_labels(&series, *labels);
                    }
                }
                News::Forgotten(count) => {
                    self.tell_good(tr!("drawn-forgotten", count = count).into_owned(), Vec::new());
                }
                News::Kept { whole } => (self.files.is_written, self.files.failed) = (false, !whole),
                News::Problem(problem) => self.tell(problem, Vec::new()),
                News::Ended => {
                    // Whoever quits now loses what was drawn since.
                    (self.files.kept, self.files.is_written, self.files.failed) = (None, false, true);
                    self.desk.annotate.unread.clear();
                    self.tell(tr!("reading-not-kept-any-more").into_owned(), Vec::new());
                }
            }
        }
    }

    fn keep_reading(&mut self, ctx: &egui::Context) {
        self.take_news();
        self.ask_for_labels();
        let files = &mut self.files;
        let Some(kept) = &files.kept else { return };
        let reading = &self.desk.annotate.reading;
        let is_new = files.given != reading.revision();
        // A stroke is kept when it is whole.
        if !is_new && !files.failed || files.is_written || self.desk.annotate.editor.is_busy() {
            return;
        }
        let now = ctx.input(|input| input.time);
        if now < files.look_s {
            return ctx.request_repaint_after(Duration::from_secs_f64(files.look_s - now));
        }
        let rest = if files.failed { RETRY } else { LOOK_EVERY };
        (files.given, files.is_written, files.look_s) = (reading.revision(), true, now + rest.as_secs_f64());
        kept.keep(Box::new(reading.clone()), files.heard);
    }

    /// Before the program ends.
    pub fn end_reading(&mut self) {
        self.take_news();
        let reading = &self.desk.annotate.reading;
        let changed = self.files.given != reading.revision() || self.files.failed;
        if let Some(kept) = self.files.kept.take().filter(|_| changed) {
            kept.keep(Box::new(reading.clone()), self.files.heard);
        }
    }
}
