//! Files into series: looking for them, reading them, and what is on screen meanwhile.

use std::path::PathBuf;
use std::sync::Arc;

use eframe::egui;
use render_core::dicom::{self, Glimpse, Library, Loaded, Series};
use render_core::scene::view::Orientation;
use render_core::scene::{Content, ViewState};
use render_core::{Progress, Volume};

use super::app::{App, LOADING, failed_line, file_name};
use super::command::Command;
use super::job::{Job, Poll};
use super::listed;
use super::preview::Preview;
use super::session::SavedDesk;
use super::side_panel;
use super::study::{self, OpenSeries};
use super::text::{self, tr};

/// Reading files.
pub enum Work {
    Scan { job: Job<Result<Library, dicom::Error>>, paths: Vec<PathBuf> },
    Load { job: Job<Read>, series_id: String, preview: Option<Box<Preview>> },
}

/// What is being read here or by a server, and how far that is: done, of all; 0 where nobody knows how much there is.
pub struct Underway {
    pub title: String,
    pub counts: (u64, u64),
}

impl Underway {
    pub fn new(title: &'static str, progress: &Progress) -> Self {
        Self { title: text::of(title).to_owned(), counts: progress.counts() }
    }
}

impl Work {
    fn underway(&self) -> Underway {
        match self {
            Self::Scan { job, .. } => Underway::new("Looking for images", job.progress()),
            Self::Load { job, .. } => Underway::new(LOADING, job.progress()),
        }
    }
}

/// What was read of a series.
pub enum Read {
    Glimpse(Glimpse),
    Whole(Box<Result<Loaded, dicom::Error>>),
}

/// Throws away what is known of files opened before.
pub fn clear_index(ctx: &egui::Context) {
    // It ends by itself.
    drop(Job::<()>::start("clear index", ctx, |_, _| drop(crate::study::index(false))));
}

impl App {
    pub(super) fn open(&mut self, ctx: &egui::Context, paths: Vec<PathBuf>) {
        let wanted = paths.clone();
        let keep = self.index.map(|keep| keep && self.settings.keep_index);
        let job = Job::start("scan", ctx, move |progress, sink| {
            let index = keep.and_then(crate::study::index);
            sink.send(dicom::scan_with(&wanted, progress, index.as_ref()));
        });
        self.open_dialog = None;
        // What was wrong with the last thing opened is past.
        self.messages.clear();
        self.queue.clear();
        self.restoring = self.left_at(&paths);
        self.work = Some(Work::Scan { job, paths });
    }

    /// What is being read.
    pub(super) fn underway(&self) -> Option<Underway> {
        self.work.as_ref().map(Work::underway).or_else(|| self.server_reads())
    }

    /// Loads what the desk waits for, one series after another.
    pub(super) fn load_missing(&mut self, ctx: &egui::Context) {
        let loading = match &self.work {
            Some(Work::Scan { .. }) => return,
            Some(Work::Load { series_id, .. }) => Some(series_id.clone()),
            None => None,
        };
        let mut missing = self.desk.missing();
        self.open_there(&mut missing);
        // What is not wanted any more is not worth waiting for.
        if loading.as_ref().is_some_and(|id| !missing.contains(id)) {
            self.work = None;
        }
        self.queue = missing.into_iter().filter(|id| loading.as_ref() != Some(id)).collect();
        self.load_next(ctx);
    }

    pub(super) fn load_next(&mut self, ctx: &egui::Context) {
        while self.work.is_none() {
            let Some(next) = self.queue.pop_front() else { return };
            self.load(ctx, next);
        }
    }

    pub(super) fn load(&mut self, ctx: &egui::Context, series_id: String) {
        let Some((_, series)) = self.series(&series_id) else { return self.desk.forget(&series_id) };
        let series = series.clone();
        let job = Job::start("load", ctx, move |progress, sink| {
            let show = |glimpse: Glimpse| {
                look_up(&glimpse.volume);
                sink.send(Read::Glimpse(glimpse));
            };
            let whole = dicom::load_with(&series, progress, Some(&show));
            whole.iter().for_each(|loaded| look_up(&loaded.volume));
            sink.send(Read::Whole(Box::new(whole)));
        });
        self.work = Some(Work::Load { job, series_id, preview: None });
    }

    /// Makes the pictures of the list, for series that have none yet.
    pub(super) fn make_thumbnails(&mut self, ctx: &egui::Context) {
        let all = self.studies.iter().flat_map(|study| &study.series);
        let listed = all.filter(|series| study::is_first_time(series));
        let missing = listed.filter(|series| !self.thumbnails.contains_key(&series.key()));
        let missing: Vec<Series> = missing.cloned().collect();
        self.thumbnail_job = Some(Job::start("thumbnails", ctx, move |progress, sink| {
            for series in missing {
                if progress.is_cancelled() {
                    return;
                }
                // A series without a picture keeps its modality's name in the list.
                let Ok(small) = dicom::thumbnail(&series, side_panel::THUMBNAIL_PX) else { continue };
                let image = egui::ColorImage::from_gray(small.size.map(|n| n as usize), &small.pixels);
                if !sink.send((series.key(), image)) {
                    return;
                }
            }
        }));
    }

    pub(super) fn take_thumbnails(&mut self, ctx: &egui::Context) {
        for running in [&mut self.thumbnail_job, &mut self.remote_thumbnail_job] {
            while let Some(job) = running {
                match job.poll() {
                    Poll::Result((uid, image)) => {
                        let texture = ctx.load_texture("thumbnail", image, egui::TextureOptions::LINEAR);
                        self.thumbnails.insert(uid, texture);
                    }
                    Poll::Ended => *running = None,
                    Poll::Pending => break,
                }
            }
        }
    }

    pub(super) fn take_results(&mut self, ctx: &egui::Context) {
        match self.picker.as_ref().map(Job::poll) {
            Some(Poll::Result(picked)) => {
                self.picker = None;
                match picked {
                    Some(paths) if paths.is_empty() => {}
                    Some(paths) => self.open(ctx, paths),
                    None => match &mut self.open_dialog {
                        Some(dialog) => dialog.only_paths = true,
                        None => self.tell(tr!("no-file-dialog").into_owned(), Vec::new()),
                    },
                }
            }
            Some(Poll::Ended) => self.picker = None,
            Some(Poll::Pending) | None => {}
        }
        match self.work.take() {
            Some(Work::Scan { job, paths }) => match job.poll() {
                Poll::Result(result) => self.scanned(ctx, &paths, result),
                Poll::Ended => self.tell(tr!("scanning-stopped").into_owned(), Vec::new()),
                Poll::Pending => self.work = Some(Work::Scan { job, paths }),
            },
            Some(Work::Load { job, series_id, mut preview }) => loop {
                match job.poll() {
                    Poll::Result(Read::Glimpse(glimpse)) => {
                        self.glimpsed(ctx, &series_id, glimpse, &mut preview);
                    }
                    Poll::Result(Read::Whole(result)) => break self.loaded(ctx, &series_id, *result),
                    Poll::Ended => break self.tell(tr!("loading-stopped").into_owned(), Vec::new()),
                    Poll::Pending => break self.work = Some(Work::Load { job, series_id, preview }),
                }
            },
            None => {}
        }
    }

    pub(super) fn scanned(
        &mut self,
        ctx: &egui::Context,
        paths: &[PathBuf],
        result: Result<Library, dicom::Error>,
    ) {
        let library = match result {
            Ok(library) => library,
            Err(dicom::Error::Cancelled) => return,
            Err(error) => {
                let text = tr!("nothing-was-opened", reason = told(&error));
                return self.tell(text.into_owned(), Vec::new());
            }
        };
        if !library.has_series() {
            let mut details: Vec<String> = library.failed.iter().map(failed_line).collect();
            details.extend(library.studies.iter().flat_map(|study| &study.objects).map(|object| {
                tr!("no-image-by-itself", file = file_name(&object.path), class = object.class.to_string())
                    .into_owned()
            }));
            let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
            return self.tell(tr!("no-images-found", places = names.join(", ")).into_owned(), details);
        }
        for path in paths {
            self.recent.add(path);
            let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            if !self.opened.contains(&path) {
                self.opened.push(path);
            }
        }
        let opened = library.studies.len();
        self.failed = library.failed;
        for study in library.studies {
            self.studies.retain(|known| known.key() != study.key());
            self.studies.push(study);
        }
        self.listed.set_here(&self.studies);
        let first = listed::first(&self.listed.here[..opened]).map(|study| study.key.clone());
        self.make_thumbnails(ctx);
        self.read_what_was_drawn();
        if let Some(first) = first {
            let is_there = |desk: &SavedDesk| desk.series().any(|id| self.listed.series(id).is_some());
            match self.restoring.take().filter(is_there) {
                Some(desk) => {
                    self.desk.restore(&desk);
                    // Whoever wants no patient data at the start gets none.
                    self.desk.demographics &= self.settings.demographics;
                    desk.hung.iter().for_each(|saved| self.hung_as(saved));
                }
                None => self.hang(&first, None, 0),
            }
            self.load_missing(ctx);
        }
    }

    pub(super) fn glimpsed(
        &self,
        ctx: &egui::Context,
        series_id: &str,
        glimpse: Glimpse,
        preview: &mut Option<Box<Preview>>,
    ) {
        let Some((study, series)) = self.series(series_id) else { return };
        let new = Preview::new(study, series, glimpse, ctx, self.card.as_ref());
        if preview.as_ref().is_none_or(|old| new.beats(old)) {
            *preview = Some(Box::new(new));
        }
    }

    pub(super) fn loaded(
        &mut self,
        ctx: &egui::Context,
        series_id: &str,
        result: Result<Loaded, dicom::Error>,
    ) {
        let loaded = match result {
            Ok(loaded) => loaded,
            Err(error) => {
                self.desk.forget(series_id);
                if !matches!(error, dicom::Error::Cancelled) {
                    let text = tr!("series-not-loaded", reason = told(&error));
                    self.tell(text.into_owned(), Vec::new());
                }
                return self.load_next(ctx);
            }
        };
        if !loaded.failed.is_empty() {
            let details = loaded.failed.iter().map(failed_line).collect();
            let text = tr!("files-of-series-left-out", count = loaded.failed.len());
            self.tell(text.into_owned(), details);
        }
        let Some((study, series)) = self.series(series_id) else { return };
        let open = Arc::new(OpenSeries::new(study, series, loaded));
        self.desk.fill(&open);
        self.load_next(ctx);
    }

    pub(super) fn cancel_loading(&mut self) {
        self.work = None;
        self.queue.clear();
        self.connection.iter().for_each(|connection| connection.cancel_opening());
        for id in self.desk.missing() {
            self.desk.forget(&id);
        }
    }

    /// Whether the first image of what is being loaded is on screen.
    pub(super) fn shows_preview_picture(&self) -> bool {
        matches!(&self.work, Some(Work::Load { preview: Some(preview), .. }) if preview.shows_picture())
    }

    /// Whether an image of what is being loaded is all there is to see.
    pub(super) fn shows_preview(&self) -> bool {
        matches!(&self.work, Some(Work::Load { preview: Some(_), series_id, .. }) if self.desk.waits_for(series_id))
    }

    /// Shows what there is of the series that is being loaded, where nothing else is to be seen; returns
    /// false where something is, and while there is nothing yet.
    pub(super) fn show_preview(&mut self, ui: &mut egui::Ui, commands: &mut Vec<Command>) -> bool {
        let Some(Work::Load { job, preview: Some(preview), series_id }) = &mut self.work else {
            return false;
        };
        if !self.desk.waits_for(series_id) {
            return false;
        }
        preview.show(&self.renderer, self.desk.demographics, job.progress(), ui, commands);
        true
    }

    pub(super) fn step_series(&mut self, ctx: &egui::Context, by: isize) {
        let Some(active) = self.desk.active().filter(|_| !self.is_guests()) else { return };
        let all: Vec<&listed::Series> = self.listed.all().flat_map(|study| &study.series).collect();
        let here = all.iter().position(|series| series.has(&active.series.series_id));
        let next = here.and_then(|here| here.checked_add_signed(by)).and_then(|next| all.get(next));
        if let Some(id) = next.map(|series| series.id.clone()) {
            self.run(ctx, Command::LoadSeries(id));
        }
    }
}

/// What views of a volume look up first is worked out once: here, and not on the UI thread.
fn look_up(volume: &Volume) {
    volume.levels();
    ViewState::new(volume, Content::Volume, Orientation::Axial, [1, 1]);
}
/// What went wrong, in the window's language.
fn told(error: &dicom::Error) -> String {
    match error {
        dicom::Error::Path { path, reason } => format!("{}: {}", path.display(), text::told_reason(reason)),
        error => text::told_reason(&error.to_string()),
    }
}
