//! The window's part: the panel, saving and taking over, and keeping what was drawn between starts.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use eframe::egui;
use render_core::dicom::{Object, Series};

use super::super::app::App;
use super::super::command::Command;
use super::super::job::{Job, Poll};
use super::super::keeper::{self, Keeper};
use super::super::study::OpenSeries;
use super::super::text::tr;
use super::super::theme;
use super::files::{self, Loaded, Saved, Saving, Subjects};
use super::panel::About;

/// How often it is looked at what has changed.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Larger files are none of ours.
const MOST_BYTES: u64 = 256 << 20;

/// A reading as JSON, and the series whose segments it leaves out.
type Kept = (String, Vec<String>);

/// Files of a reading: those that are written on request, and the one that the next start begins with.
#[derive(Default)]
pub struct Files {
    dialog: Option<Saving>,
    saving: Option<Job<Saved>>,
    object: Option<Job<Loaded>>,
    keeper: Option<Keeper>,
    /// The revision that is kept, and when it was looked at last.
    kept: u64,
    seen: f64,
    job: Option<Job<Kept>>,
    /// Whether it was told that segments are not kept.
    told: bool,
}

impl Files {
    /// Goes on with what was drawn when the program ran last. What cannot be read is set aside, and the answer says
    /// so.
    pub fn open() -> (Self, Option<reading::Reading>, Option<String>) {
        let dirs = directories::ProjectDirs::from("org", "voxcast", "voxcast");
        let Some(file) = dirs.map(|dirs| dirs.data_dir().join("reading.json")) else {
            return (Self::default(), None, None);
        };
        let read = std::fs::metadata(&file).ok().map(|about| match about.len() {
            0..=MOST_BYTES => std::fs::read_to_string(&file)
                .map_err(|error| error.to_string())
                .and_then(|text| reading::from_json(&text).map_err(|error| error.to_string())),
            more => Err(tr!("file-has-bytes", bytes = more).into_owned()),
        });
        let (reading, problem) = match read {
            None => (None, None),
            Some(Ok(reading)) => (Some(reading), None),
            Some(Err(reason)) => {
                let aside = keeper::set_aside(&file).map(|to| to.display().to_string()).unwrap_or_default();
                let text = tr!("last-measured-unreadable", reason = reason, file = aside);
                (None, Some(text.into_owned()))
            }
        };
        let kept = reading.as_ref().map_or(0, reading::Reading::revision);
        (Self { keeper: Some(Keeper::new("reading", file)), kept, ..Self::default() }, reading, problem)
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
        let objects: Vec<(String, PathBuf)> = self
            .objects_of(&open)
            .map(|object| {
                let title = [object.label.as_str(), object.series_description.as_str()];
                let title = title.into_iter().find(|text| !text.is_empty()).unwrap_or(&object.class);
                (format!("{} {title}", object.modality), object.path.clone())
            })
            .collect();
        let history = &self.desk.history;
        let (undo, redo) = (history.undo_name().map(str::to_owned), history.redo_name().map(str::to_owned));
        let about = About {
            open: &open,
            active: active.as_ref(),
            known: &known,
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
        let here = self.studies.iter().flat_map(|study| &study.series).map(Series::id);
        let library = self.connection.as_ref().map(|connection| connection.library());
        let there = library.iter().flat_map(|library| library.iter()).flat_map(|study| &study.series);
        let there = there.map(|series| series.series_instance_uid.clone());
        // The series of a server that is gone stays on screen.
        here.chain(there).chain(open.iter().map(|open| open.series_id.clone())).collect()
    }

    /// Dialogs over the window.
    pub fn show_reading_dialogs(&mut self, ctx: &egui::Context, commands: &mut Vec<Command>) {
        self.desk.annotate.show_naming(ctx);
        let beside = self.desk.active().and_then(|viewport| {
            let (_, series) = self.series(&viewport.series.series_id)?;
            series.files.first()?.parent().map(Path::to_owned)
        });
        if let Some(dialog) = &mut self.files.dialog
            && !dialog.show(ctx, beside.as_deref(), commands)
        {
            self.files.dialog = None;
        }
    }

    /// Whether a dialog of the reading takes the keys.
    pub fn reading_dialog(&self) -> bool {
        self.files.dialog.is_some() || self.desk.annotate.is_naming()
    }

    pub fn run_reading(&mut self, ctx: &egui::Context, command: Command) {
        match command {
            Command::ShowSaveReading => {
                self.files.dialog.get_or_insert_with(Saving::new);
            }
            Command::SaveReading(saving) => {
                let subjects = self.subjects();
                self.files.saving = Some(saving.start(ctx, subjects));
            }
            Command::LoadObject(path) => {
                let open: Vec<Arc<OpenSeries>> = self.desk.series().into_iter().cloned().collect();
                let object = self.objects_of(&open).find(|object| object.path == path).cloned();
                let mut candidates: Vec<(Series, Arc<OpenSeries>)> = open
                    .into_iter()
                    .filter_map(|open| Some((self.series(&open.series_id)?.1.clone(), open)))
                    .collect();
                // The active one first, for objects that name none.
                let active = self.desk.active().map(|viewport| viewport.series.series_id.clone());
                candidates.sort_by_key(|(_, open)| Some(&open.series_id) != active.as_ref());
                self.files.object = object.map(|object| files::load_object(ctx, object, candidates));
            }
            _ => {}
        }
    }

    /// Objects of the studies of what is open that may be taken over.
    fn objects_of<'a>(&'a self, open: &'a [Arc<OpenSeries>]) -> impl Iterator<Item = &'a Object> {
        let own = |study: &&render_core::dicom::Study| {
            study.series.iter().any(|series| open.iter().any(|open| open.series_id == series.id()))
        };
        self.studies.iter().filter(own).flat_map(|study| &study.objects).filter(|o| files::is_readable(o))
    }

    /// Series in memory on which something was drawn.
    fn subjects(&self) -> Vec<Subjects> {
        let reading = &self.desk.annotate.reading;
        let subject = |open: &Arc<OpenSeries>| {
            let own = |a: &&reading::Annotation| a.series == open.series_id;
            let annotations: Vec<_> = reading.annotations().iter().filter(own).cloned().collect();
            let segmentation = reading.segmentation(&open.series_id).cloned();
            if annotations.is_empty() && segmentation.is_none() {
                return None;
            }
            let window = self.desk.window_of(&open.series_id).map(|window| (window.center(), window.width()));
            let series = self.series(&open.series_id)?.1.clone();
            Some(Subjects { series, open: Arc::clone(open), annotations, segmentation, window })
        };
        self.desk.series().into_iter().filter_map(subject).collect()
    }

    /// Takes what threads have done, and keeps what was drawn.
    pub fn poll_reading(&mut self, ctx: &egui::Context) {
        self.desk.keep_steps();
        for note in self.desk.annotate.take_notes() {
            self.tell(note, Vec::new());
        }
        match self.files.saving.as_ref().map(Job::poll) {
            Some(Poll::Result(saved)) => {
                self.files.saving = None;
                let (count, folder) = (saved.files.len(), saved.folder.display().to_string());
                let details = saved.files.into_iter().chain(saved.problems.iter().cloned()).collect();
                if saved.problems.is_empty() {
                    self.tell_good(tr!("saved-files", count = count, folder = folder).into_owned(), details);
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

    fn keep_reading(&mut self, ctx: &egui::Context) {
        let files = &mut self.files;
        let mut left_out = false;
        if let Some(Poll::Result((text, others))) = files.job.as_ref().map(Job::poll) {
            files.job = None;
            left_out = !others.is_empty() && !std::mem::replace(&mut files.told, true);
            if let Some(keeper) = &files.keeper {
                keeper.put(text.into_bytes());
            }
        }
        if left_out {
            self.tell(tr!("segments-not-kept").into_owned(), Vec::new());
        }
        let files = &mut self.files;
        let revision = self.desk.annotate.reading.revision();
        // A copy of the labels that is being written would be copied again by the next stroke.
        let waits = files.job.is_some() || self.desk.annotate.editor.is_busy();
        if files.keeper.is_none() || waits || revision == files.kept {
            return;
        }
        let now = ctx.input(|input| input.time);
        if now - files.seen < LOOK_EVERY.as_secs_f64() {
            return ctx.request_repaint_after(LOOK_EVERY);
        }
        (files.seen, files.kept) = (now, revision);
        let reading = self.desk.annotate.reading.clone();
        files.job = Some(Job::start("keep reading", ctx, move |_, sink| {
            sink.send(reading::to_json(&reading));
        }));
    }

    /// Before the program ends.
    pub fn end_reading(&mut self) {
        let reading = &self.desk.annotate.reading;
        let changed = self.files.job.is_some() || reading.revision() != self.files.kept;
        if let Some(keeper) = self.files.keeper.as_ref().filter(|_| changed) {
            keeper.put(reading::to_json(reading).0.into_bytes());
        }
    }
}
