//! The window's state, and how commands and finished work change it.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use eframe::egui;
use eframe::egui_wgpu::RenderState;
use render_core::dicom::{self, Failed, Glimpse, Library, Loaded, Series, Study};
use render_core::scene::PresetLibrary;
use render_core::words::counted;
use render_core::{Progress, Renderer};
use server_mode::remote::Event;

use super::about::{self, LogWindow};
use super::annotate;
use super::command::{self, Command, KeyFocus};
use super::connection::Connection;
use super::desk::{Arrangement, Desk};
use super::dialogs;
use super::export::{self, ExportDialog};
use super::hanging::{self, Protocols};
use super::job::{Job, Poll};
use super::keeper::Keeper;
use super::keymap::Keymap;
use super::look_panel::{LookPanel, Subject};
use super::menu::Candidate;
use super::presets;
use super::preview::Preview;
use super::recent::Recent;
use super::session::{self, SavedDesk, Session};
use super::settings::{self, SCALES, Settings};
use super::settings_dialog::SettingsDialog;
use super::study::OpenSeries;
use super::text::tr;
use super::{Options, palette, side_panel, study, theme, top_bar, upkeep};

/// How often progress is shown while files are read.
const PROGRESS_EVERY: std::time::Duration = std::time::Duration::from_millis(100);

/// What the reading of a series is called.
pub const LOADING: &str = "Loading";

/// Messages on screen at once; older ones make room.
const MOST_MESSAGES: usize = 4;

pub struct App {
    pub(super) renderer: Renderer,
    /// The window's card, if `renderer` draws on it.
    card: Option<RenderState>,
    pub(super) studies: Vec<Study>,
    pub(super) failed: Vec<Failed>,
    pub(super) thumbnails: HashMap<String, egui::TextureHandle>,
    pub(super) work: Option<Work>,
    /// Whether headers are kept between starts.
    index: bool,
    pub(super) presets: PresetLibrary,
    preset_job: Option<Job<presets::News>>,
    thumbnail_job: Option<Job<(String, egui::ColorImage)>>,
    picker: Option<Job<Vec<PathBuf>>>,
    /// Series to load after the one that is being loaded.
    queue: VecDeque<String>,
    pub(super) desk: Desk,
    /// The server whose studies are shown beside those of this machine.
    pub(super) connection: Option<Arc<Connection>>,
    connect_dialog: Option<dialogs::ConnectDialog>,
    /// Nothing of the server's is shown yet.
    waiting_for_library: bool,
    protocols: Protocols,
    protocols_folder: Option<PathBuf>,
    keeping: Option<Job<Result<Protocols, String>>>,
    /// How the study on screen is hung.
    pub(super) hung: Option<Hung>,
    pub(super) recent: Recent,
    pub(super) messages: Vec<Message>,
    open_dialog: Option<dialogs::OpenDialog>,
    help: bool,
    pub(super) side_panel: bool,
    /// Shown where there is one.
    pub(super) look_panel: Option<LookPanel>,
    pub(super) presets_folder: Option<PathBuf>,
    pub(super) saving: Option<(String, Job<std::io::Result<()>>)>,
    pub(super) settings: Settings,
    /// Writes the settings; none where the system names no place for them.
    pub(super) settings_keeper: Option<Keeper>,
    settings_dialog: Option<SettingsDialog>,
    pub(super) keymap: Keymap,
    pub(super) files: annotate::Files,
    /// Keeps what is open; none where another window does.
    pub(super) session: Option<session::Store>,
    /// What was opened so far.
    pub(super) opened: Vec<PathBuf>,
    /// To be shown when its paths are read.
    pub(super) restoring: Option<SavedDesk>,
    pub(super) session_seen: f64,
    export_dialog: ExportDialog,
    exporting: bool,
    about: bool,
    pub(super) log: Option<LogWindow>,
    pub(super) export: Option<export::Running>,
}

/// Reading files.
pub enum Work {
    Scan { job: Job<Result<Library, dicom::Error>>, paths: Vec<PathBuf> },
    Load { job: Job<Read>, series_id: String, preview: Option<Box<Preview>> },
}

impl Work {
    /// What it is called, and how far it is.
    pub fn progress(&self) -> (&'static str, &Progress) {
        match self {
            Self::Scan { job, .. } => ("Looking for images", job.progress()),
            Self::Load { job, .. } => (LOADING, job.progress()),
        }
    }
}

/// How a study is laid out.
#[derive(Clone, Debug)]
pub struct Hung {
    pub study_instance_uid: String,
    pub protocol: String,
    pub stage: usize,
    /// The names of its stages.
    pub stages: Vec<String>,
    /// The names of all protocols that match.
    pub others: Vec<String>,
}

/// Hanging protocols lie in this folder beside the volume presets.
pub const HANGING: &str = "hanging";

/// What was read of a series.
pub enum Read {
    Glimpse(Glimpse),
    Whole(Box<Result<Loaded, dicom::Error>>),
}

/// Something the user has to know, until dismissed.
#[derive(Clone, Debug)]
pub struct Message {
    pub text: String,
    pub details: Vec<String>,
}

impl App {
    pub fn new(cc: &eframe::CreationContext<'_>, paths: Vec<PathBuf>, options: Options) -> Self {
        let ctx = &cc.egui_ctx;
        let settings::Read { settings, problem } = options.settings;
        // Of those keys, some zoom pictures.
        ctx.options_mut(|options| options.zoom_with_keyboard = false);
        upkeep::apply(ctx, &settings);
        let (renderer, card) = on_the_windows_card(cc, options.renderer);
        let mut desk = Desk::new(ctx, card.clone());
        desk.demographics = settings.demographics;
        let hanging = settings.hanging_protocols.clone();
        let hanging = hanging.or_else(|| options.presets.as_ref().map(|folder| folder.join(HANGING)));
        let (protocols, problems) = hanging
            .as_ref()
            .map_or_else(|| (Protocols::default(), Vec::new()), |folder| Protocols::read(folder));
        let mut app = Self {
            renderer,
            card,
            studies: Vec::new(),
            failed: Vec::new(),
            thumbnails: HashMap::new(),
            work: None,
            index: options.index,
            presets: PresetLibrary::default(),
            preset_job: options.presets.clone().map(|folder| presets::watch(ctx, folder)),
            thumbnail_job: None,
            picker: None,
            queue: VecDeque::new(),
            desk,
            connection: None,
            connect_dialog: None,
            waiting_for_library: false,
            protocols,
            protocols_folder: hanging,
            keeping: None,
            hung: None,
            recent: Recent::load(),
            messages: Vec::new(),
            open_dialog: None,
            help: false,
            side_panel: true,
            look_panel: None,
            presets_folder: options.presets,
            saving: None,
            settings_keeper: settings::file().map(|file| Keeper::new("settings", file)),
            settings_dialog: None,
            keymap: Keymap::new(&settings.keys, settings.single_keys),
            settings,
            files: annotate::Files::default(),
            session: session::Store::open(),
            opened: Vec::new(),
            restoring: None,
            session_seen: 0.0,
            export_dialog: ExportDialog::default(),
            exporting: false,
            about: false,
            log: None,
            export: None,
        };
        if let Some(problem) = problem {
            app.tell(upkeep::settings_problem(&problem), Vec::new());
        }
        if !problems.is_empty() {
            app.tell("Hanging protocols were left out.".to_owned(), problems);
        }
        if app.session.is_some() {
            let (files, reading, problem) = annotate::Files::open();
            app.files = files;
            app.desk.annotate.reading = reading.unwrap_or(std::mem::take(&mut app.desk.annotate.reading));
            problem.into_iter().for_each(|problem| app.tell(problem, Vec::new()));
        }
        let crashed = app.session.as_ref().is_some_and(session::Store::crashed);
        if let Some(url) = options.connect {
            app.connect(ctx, &url);
        } else if !paths.is_empty() {
            app.open(ctx, paths);
        } else if crashed || app.settings.restore_session {
            app.reopen_session(ctx);
            if crashed && app.work.is_some() {
                app.tell(tr!("session-after-crash").into_owned(), Vec::new());
            }
        }
        app
    }

    /// Whether there is anything to list beside the viewports.
    pub(super) fn has_list(&self) -> bool {
        !self.studies.is_empty() || self.connection.is_some()
    }

    pub(super) fn series(&self, series_id: &str) -> Option<(&Study, &Series)> {
        self.studies
            .iter()
            .flat_map(|study| study.series.iter().map(move |series| (study, series)))
            .find(|(_, series)| series.id() == series_id)
    }

    pub(super) fn open(&mut self, ctx: &egui::Context, paths: Vec<PathBuf>) {
        let wanted = paths.clone();
        let keep = self.index;
        let job = Job::start("scan", ctx, move |progress, sink| {
            let index = crate::study::index(keep);
            sink.send(dicom::scan_with(&wanted, progress, index.as_ref()));
        });
        self.open_dialog = None;
        // What was wrong with the last thing opened is past.
        self.messages.clear();
        self.queue.clear();
        self.restoring = None;
        self.work = Some(Work::Scan { job, paths });
    }

    /// Loads what the desk waits for, one series after another.
    fn load_missing(&mut self, ctx: &egui::Context) {
        let loading = match &self.work {
            Some(Work::Scan { .. }) => return,
            Some(Work::Load { series_id, .. }) => Some(series_id.clone()),
            None => None,
        };
        let mut missing = self.desk.missing();
        // What a server has, it opens by itself.
        if let Some(connection) = &self.connection {
            let library = connection.library();
            missing.retain(|id| {
                let theirs = is_listed(&library, id);
                if theirs {
                    connection.open(id);
                }
                !theirs
            });
        }
        // What is not wanted any more is not worth waiting for.
        if loading.as_ref().is_some_and(|id| !missing.contains(id)) {
            self.work = None;
        }
        self.queue = missing.into_iter().filter(|id| loading.as_ref() != Some(id)).collect();
        self.load_next(ctx);
    }

    /// Connects to the address that a server prints.
    pub(super) fn connect(&mut self, ctx: &egui::Context, url: &str) {
        match Connection::new(url, ctx) {
            Ok(connection) => {
                self.connect_dialog = None;
                self.messages.clear();
                self.connection = Some(connection);
                self.waiting_for_library = true;
            }
            Err(error) => match &mut self.connect_dialog {
                Some(dialog) => dialog.problem = Some(error.to_string()),
                None => self.tell(format!("Not connected: {error}"), Vec::new()),
            },
        }
    }

    fn disconnect(&mut self) {
        self.connection = None;
        self.desk.let_go_of_servers();
    }

    /// Takes what the server has told.
    fn take_remote(&mut self) {
        let Some(connection) = self.connection.clone() else { return };
        let library = connection.library();
        if self.waiting_for_library && !library.is_empty() {
            self.waiting_for_library = false;
            let series = library.iter().flat_map(|study| &study.series);
            let voxels = |series: &&protocol::message::Series| {
                series.dims.iter().map(|&n| u64::from(n)).product::<u64>()
            };
            if let Some(first) = series.max_by_key(voxels) {
                let id = first.series_instance_uid.clone();
                let arrangement = if first.dims[2] >= 8 {
                    Arrangement::planes_and_volume(&id)
                } else {
                    Arrangement::single(&id)
                };
                self.hung = None;
                self.desk.arrange(&arrangement);
            }
        }
        for event in connection.take_events() {
            match event {
                Event::Opened(opened) => {
                    connection.answered(&opened.id);
                    if let Some((study, series)) = Connection::listed(&library, &opened) {
                        let open = OpenSeries::remote(&study, &series, opened, Arc::clone(&connection));
                        self.desk.fill(&Arc::new(open));
                    }
                }
                Event::OpenFailed { series_id, reason } => {
                    connection.answered(&series_id);
                    self.desk.forget(&series_id);
                    self.tell(format!("The server did not open the series: {reason}"), Vec::new());
                }
                Event::Failed(reason) => self.tell(format!("The server: {reason}"), Vec::new()),
                _ => {}
            }
        }
    }

    fn load_next(&mut self, ctx: &egui::Context) {
        while self.work.is_none() {
            let Some(next) = self.queue.pop_front() else { return };
            self.load(ctx, next);
        }
    }

    fn load(&mut self, ctx: &egui::Context, series_id: String) {
        let Some((_, series)) = self.series(&series_id) else { return self.desk.forget(&series_id) };
        let series = series.clone();
        let job = Job::start("load", ctx, move |progress, sink| {
            let show = |glimpse| {
                sink.send(Read::Glimpse(glimpse));
            };
            let whole = dicom::load_with(&series, progress, Some(&show));
            sink.send(Read::Whole(Box::new(whole)));
        });
        self.work = Some(Work::Load { job, series_id, preview: None });
    }

    /// Makes the pictures of the list, for series that have none yet.
    fn make_thumbnails(&mut self, ctx: &egui::Context) {
        let all = self.studies.iter().flat_map(|study| &study.series);
        let missing = all.filter(|series| !self.thumbnails.contains_key(&series.id()));
        let missing: Vec<Series> = missing.cloned().collect();
        self.thumbnail_job = Some(Job::start("thumbnails", ctx, move |progress, sink| {
            for series in missing {
                if progress.is_cancelled() {
                    return;
                }
                // A series without a picture keeps its modality's name in the list.
                let Ok(small) = dicom::thumbnail(&series, side_panel::THUMBNAIL_PX) else { continue };
                let image = egui::ColorImage::from_gray(small.size.map(|n| n as usize), &small.pixels);
                if !sink.send((series.id(), image)) {
                    return;
                }
            }
        }));
    }

    fn take_thumbnails(&mut self, ctx: &egui::Context) {
        while let Some(job) = &self.thumbnail_job {
            match job.poll() {
                Poll::Result((uid, image)) => {
                    let texture = ctx.load_texture("thumbnail", image, egui::TextureOptions::LINEAR);
                    self.thumbnails.insert(uid, texture);
                }
                Poll::Ended => self.thumbnail_job = None,
                Poll::Pending => return,
            }
        }
    }

    fn take_presets(&mut self) {
        while let Some(Poll::Result(news)) = self.preset_job.as_ref().map(Job::poll) {
            self.presets = news.library;
            self.desk.refresh_presets(&self.presets);
            // What was wrong with the folder before is past.
            self.messages.retain(|message| message.text != presets::LEFT_OUT);
            if !self.presets.problems().is_empty() {
                self.tell(presets::LEFT_OUT.to_owned(), self.presets.problems().to_vec());
            }
        }
    }

    pub(super) fn tell(&mut self, text: String, details: Vec<String>) {
        if self.messages.len() >= MOST_MESSAGES {
            self.messages.remove(0);
        }
        self.messages.push(Message { text, details });
    }

    fn take_results(&mut self, ctx: &egui::Context) {
        match self.picker.as_ref().map(Job::poll) {
            Some(Poll::Result(paths)) => {
                self.picker = None;
                if !paths.is_empty() {
                    self.open(ctx, paths);
                }
            }
            Some(Poll::Ended) => self.picker = None,
            Some(Poll::Pending) | None => {}
        }
        match self.work.take() {
            Some(Work::Scan { job, paths }) => match job.poll() {
                Poll::Result(result) => self.scanned(ctx, &paths, result),
                Poll::Ended => self.tell("Scanning stopped unexpectedly.".to_owned(), Vec::new()),
                Poll::Pending => self.work = Some(Work::Scan { job, paths }),
            },
            Some(Work::Load { job, series_id, mut preview }) => loop {
                match job.poll() {
                    Poll::Result(Read::Glimpse(glimpse)) => {
                        self.glimpsed(ctx, &series_id, glimpse, &mut preview);
                    }
                    Poll::Result(Read::Whole(result)) => break self.loaded(ctx, &series_id, *result),
                    Poll::Ended => break self.tell("Loading stopped unexpectedly.".to_owned(), Vec::new()),
                    Poll::Pending => break self.work = Some(Work::Load { job, series_id, preview }),
                }
            },
            None => {}
        }
    }

    fn scanned(&mut self, ctx: &egui::Context, paths: &[PathBuf], result: Result<Library, dicom::Error>) {
        let library = match result {
            Ok(library) => library,
            Err(dicom::Error::Cancelled) => return,
            Err(error) => return self.tell(format!("Nothing was opened: {error}"), Vec::new()),
        };
        if !library.has_series() {
            let mut details: Vec<String> = library.failed.iter().map(failed_line).collect();
            details.extend(library.studies.iter().flat_map(|study| &study.objects).map(|object| {
                format!(
                    "{}: is of class {} and no image by itself; open the images it belongs to",
                    file_name(&object.path),
                    object.class
                )
            }));
            let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
            return self.tell(format!("No DICOM images were found in {}.", names.join(", ")), details);
        }
        for path in paths {
            self.recent.add(path);
            let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            if !self.opened.contains(&path) {
                self.opened.push(path);
            }
        }
        // The newest study, and of equals the one with the largest series, is most worth a first look.
        let voxels = |study: &Study| {
            let sizes =
                study.series.iter().map(|series| series.dims.iter().map(|&n| u64::from(n)).product::<u64>());
            sizes.max().unwrap_or(0)
        };
        let studies = library.studies.iter().filter(|study| !study.series.is_empty());
        let first = studies.max_by_key(|study| (study.study_date.clone(), voxels(study)));
        let first = first.map(|study| study.study_instance_uid.clone());
        self.failed = library.failed;
        for study in library.studies {
            self.studies.retain(|known| known.study_instance_uid != study.study_instance_uid);
            self.studies.push(study);
        }
        self.make_thumbnails(ctx);
        if let Some(first) = first {
            match self.restoring.take() {
                Some(desk) => self.desk.restore(&desk),
                None => self.hang(&first, None, 0),
            }
            self.load_missing(ctx);
        }
    }

    /// Lays a study out, by a protocol's name or the first one that matches.
    fn hang(&mut self, study_instance_uid: &str, protocol: Option<&str>, stage: usize) {
        let Some(study) = self.studies.iter().find(|study| study.study_instance_uid == study_instance_uid)
        else {
            return;
        };
        let priors = hanging::priors(study, &self.studies);
        let matching = self.protocols.matching(study, &priors);
        let chosen = protocol.and_then(|name| matching.iter().find(|known| known.name == name));
        let Some(chosen) = chosen.or(matching.first()) else { return };
        let stage = stage.min(chosen.stages.len() - 1);
        let arrangement = chosen.arrange(stage, study, &priors);
        self.hung = Some(Hung {
            study_instance_uid: study_instance_uid.to_owned(),
            protocol: chosen.name.clone(),
            stage,
            stages: chosen.stages.iter().map(|stage| stage.name.clone()).collect(),
            others: matching.iter().map(|known| known.name.clone()).collect(),
        });
        self.desk.arrange(&arrangement);
    }

    /// Keeps what is on screen as a protocol of the user's.
    fn keep_arrangement(&mut self, ctx: &egui::Context, name: &str) {
        let Some(folder) = self.protocols_folder.clone() else {
            return self
                .tell("There is no folder for hanging protocols on this system.".to_owned(), Vec::new());
        };
        let active = self.desk.active().and_then(|viewport| self.series(&viewport.series.series_id));
        let Some((study, _)) = active else {
            return self.tell("Only arrangements of this machine's studies are kept.".to_owned(), Vec::new());
        };
        let (columns, cells) = self.desk.cells();
        let cells: Vec<_> = cells
            .iter()
            .map(|cell| {
                let (id, kind) = cell.as_ref()?;
                self.series(id).map(|(study, series)| (study, series, *kind))
            })
            .collect();
        let priors = hanging::priors(study, &self.studies);
        let protocol = hanging::Protocol::of_cells(name, columns, &cells, study, &priors);
        self.keeping = Some(Job::start("keep protocol", ctx, move |_, sink| {
            let kept = protocol.save(&folder).map(|()| Protocols::read(&folder).0);
            sink.send(kept.map_err(|error| error.to_string()));
        }));
    }

    fn take_kept(&mut self) {
        let Some(job) = &self.keeping else { return };
        match job.poll() {
            Poll::Pending => return,
            Poll::Result(Ok(protocols)) => self.protocols = protocols,
            Poll::Result(Err(error)) => {
                self.tell(format!("The arrangement was not kept: {error}"), Vec::new());
            }
            Poll::Ended => {}
        }
        self.keeping = None;
    }

    fn step_stage(&mut self, by: isize) {
        let Some(hung) = &self.hung else { return };
        let stage = (hung.stage as isize + by).rem_euclid(hung.stages.len() as isize) as usize;
        let (study, protocol) = (hung.study_instance_uid.clone(), hung.protocol.clone());
        self.hang(&study, Some(&protocol), stage);
    }

    /// How many of the study's series are shown, of how many.
    pub(super) fn series_shown(&self) -> Option<(usize, usize)> {
        let hung = self.hung.as_ref()?;
        let study = self.studies.iter().find(|study| study.study_instance_uid == hung.study_instance_uid)?;
        let shown = self.desk.series();
        let is_shown = |series: &&Series| shown.iter().any(|open| open.series_id == series.id());
        Some((study.series.iter().filter(is_shown).count(), study.series.len()))
    }

    /// What can be laid over other series.
    fn candidates(&self) -> Vec<Candidate> {
        let all = self.studies.iter().flat_map(|study| &study.series);
        all.filter(|series| !series.frame_of_reference_uid().is_empty())
            .map(|series| Candidate {
                series_id: series.id(),
                title: study::series_title(series.series_number, &series.title()),
                frame: series.frame_of_reference_uid().to_owned(),
            })
            .collect()
    }

    fn glimpsed(
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

    fn loaded(&mut self, ctx: &egui::Context, series_id: &str, result: Result<Loaded, dicom::Error>) {
        let loaded = match result {
            Ok(loaded) => loaded,
            Err(error) => {
                self.desk.forget(series_id);
                if !matches!(error, dicom::Error::Cancelled) {
                    self.tell(format!("The series was not loaded: {error}"), Vec::new());
                }
                return self.load_next(ctx);
            }
        };
        if !loaded.failed.is_empty() {
            let details = loaded.failed.iter().map(failed_line).collect();
            let files = counted(loaded.failed.len(), "file");
            self.tell(format!("Left out because they cannot be read: {files} of the series."), details);
        }
        let Some((study, series)) = self.series(series_id) else { return };
        let open = Arc::new(OpenSeries::new(study, series, loaded));
        self.desk.fill(&open);
        self.load_next(ctx);
    }

    fn run(&mut self, ctx: &egui::Context, command: Command) {
        match command {
            Command::ShowOpenDialog => {
                self.open_dialog.get_or_insert_default();
            }
            Command::PickFolder => self.picker = Some(dialogs::pick_folder(ctx)),
            Command::PickFiles => self.picker = Some(dialogs::pick_files(ctx)),
            Command::Open(paths) => self.open(ctx, paths),
            Command::StepStage(by) => self.step_stage(by),
            Command::KeepArrangement(name) => self.keep_arrangement(ctx, &name),
            Command::Hang(name) => {
                if let Some(hung) = &self.hung {
                    let study = hung.study_instance_uid.clone();
                    self.hang(&study, Some(&name), 0);
                }
            }
            Command::ShowConnectDialog => {
                self.connect_dialog.get_or_insert_default();
            }
            Command::Connect(url) => self.connect(ctx, &url),
            Command::Reconnect => {
                if let Some(connection) = &self.connection {
                    connection.reconnect();
                }
            }
            Command::Disconnect => self.disconnect(),
            Command::LoadSeries(id) => {
                self.desk.want(&id, None);
            }
            Command::LoadInto(viewport, id) => {
                self.desk.want(&id, Some(viewport));
            }
            Command::StepSeries(by) => self.step_series(ctx, by),
            Command::Escape => self.escape(),
            Command::CancelLoading => self.cancel_loading(),
            Command::DismissMessage(index) => {
                if index < self.messages.len() {
                    self.messages.remove(index);
                }
            }
            Command::ClearRecent => self.recent.clear(),
            Command::ResetLayout => {
                if let Some(viewport) = self.desk.active() {
                    let arrangement = Arrangement::planes_and_volume(&viewport.series.series_id);
                    self.desk.arrange(&arrangement);
                }
            }
            Command::ToggleSidePanel => self.side_panel = !self.side_panel,
            Command::ToggleLookPanel => {
                self.look_panel = if self.look_panel.is_some() { None } else { Some(LookPanel::default()) };
            }
            Command::SavePreset(label) => self.save_preset(ctx, &label),
            Command::ToggleHelp => self.help = !self.help,
            Command::ReopenSession => self.reopen_session(ctx),
            Command::ToggleAbout => self.about = !self.about,
            Command::ToggleLog => {
                self.log = if self.log.is_some() { None } else { Some(LogWindow::default()) };
            }
            Command::ShowExport => self.exporting = !self.desk.is_empty(),
            Command::Export(order) => {
                self.export = Some(export::Running::Job(export::start(ctx, self.renderer.clone(), *order)));
            }
            Command::EndExport => self.export = None,
            Command::ShowSettings => {
                self.settings_dialog.get_or_insert_default();
            }
            Command::ChangeSettings(settings) => self.change_settings(ctx, *settings),
            Command::ScaleInterface(by) => {
                let mut settings = self.settings.clone();
                let percent = settings.scale_percent.saturating_add_signed(by);
                settings.scale_percent =
                    if by == 0 { 100 } else { percent.clamp(*SCALES.start(), *SCALES.end()) };
                self.change_settings(ctx, settings);
            }
            Command::ShowSaveReading | Command::SaveReading(_) | Command::LoadObject(_) => {
                self.run_reading(ctx, command);
            }
            other => self.desk.run(&other, &self.presets),
        }
    }

    fn cancel_loading(&mut self) {
        self.work = None;
        self.queue.clear();
        for id in self.desk.missing() {
            self.desk.forget(&id);
        }
    }

    fn escape(&mut self) {
        if self.help {
            self.help = false;
        } else if self.open_dialog.is_some() {
            self.open_dialog = None;
        } else if self.work.is_some() {
            self.cancel_loading();
        } else if self.desk.drop_path() || self.desk.leave_drawing() {
            // What was drawn, or selected, is gone.
        } else {
            self.desk.layout.restore();
        }
    }

    fn step_series(&mut self, ctx: &egui::Context, by: isize) {
        let Some(active) = self.desk.active() else { return };
        let all: Vec<&Series> = self.studies.iter().flat_map(|study| &study.series).collect();
        let here = all.iter().position(|s| s.id() == active.series.series_id);
        let next = here.and_then(|here| here.checked_add_signed(by)).and_then(|next| all.get(next));
        if let Some(id) = next.map(|series| series.id()) {
            self.run(ctx, Command::LoadSeries(id));
        }
    }

    fn key_focus(&self, ctx: &egui::Context) -> KeyFocus {
        let in_viewport = self.desk.has_focus();
        if ctx.text_edit_focused()
            || ctx.any_popup_open()
            || self.settings_dialog.is_some()
            || self.exporting
            || self.about
            || self.reading_dialog()
        {
            KeyFocus::Typing
        } else if in_viewport || ctx.memory(|memory| memory.focused().is_none()) {
            KeyFocus::Viewports
        } else {
            KeyFocus::Widget
        }
    }

    /// Whether an image of what is being loaded is all there is to see.
    pub(super) fn shows_preview(&self) -> bool {
        matches!(&self.work, Some(Work::Load { preview: Some(_), series_id, .. }) if self.desk.waits_for(series_id))
    }

    fn show_look_panel(&mut self, ui: &mut egui::Ui, commands: &mut Vec<Command>) {
        let (Some(panel), Some(viewport)) = (&mut self.look_panel, self.desk.volume_viewport()) else {
            return;
        };
        let subject = Subject {
            id: egui::Id::unique((&viewport.series.series_id, viewport.id)),
            view: &viewport.view,
            outline: viewport.series.outline(),
            volume: viewport.series.volume(),
            refined: viewport.refined(),
        };
        egui::Panel::right("look")
            .default_size(320.0)
            .size_range(280.0..=560.0)
            .frame(egui::Frame::new().fill(theme::panel()).inner_margin(egui::Margin::same(10)))
            .show(ui, |ui| panel.show(ui, &subject, commands));
    }

    /// Shows what there is of the series that is being loaded, where nothing else is to be seen; returns
    /// false where something is, and while there is nothing yet.
    fn show_preview(&mut self, ui: &mut egui::Ui, commands: &mut Vec<Command>) -> bool {
        let Some(Work::Load { job, preview: Some(preview), series_id }) = &mut self.work else {
            return false;
        };
        if !self.desk.waits_for(series_id) {
            return false;
        }
        preview.show(&self.renderer, self.desk.demographics, job.progress(), ui, commands);
        true
    }
}

/// A renderer on the card that draws the window, so that pictures need not leave it. A renderer that
/// does not draw on a card stays, and so does one for a window that none draws.
fn on_the_windows_card(
    cc: &eframe::CreationContext<'_>,
    renderer: Renderer,
) -> (Renderer, Option<RenderState>) {
    let Some(card) = cc.wgpu_render_state.as_ref().filter(|_| renderer.name() == "gpu") else {
        return (renderer, None);
    };
    match Renderer::open_on(&card.adapter, card.device.clone(), card.queue.clone()) {
        Ok(ours) => (ours, Some(card.clone())),
        Err(error) => {
            tracing::info!(%error, "pictures are drawn on another adapter than the window");
            (renderer, None)
        }
    }
}

impl eframe::App for App {
    fn ui(&mut self, ui: &mut egui::Ui, _: &mut eframe::Frame) {
        let ctx = ui.ctx().clone();
        self.take_results(&ctx);
        self.take_thumbnails(&ctx);
        self.take_presets();
        self.take_remote();
        self.take_kept();
        self.take_saved();
        self.take_export();
        let mut commands = command::pressed(&ctx, self.key_focus(&ctx), &self.keymap);
        let dropped: Vec<PathBuf> =
            ctx.input(|input| input.raw.dropped_files.iter().map(|file| file.path().to_owned()).collect());
        if !dropped.is_empty() {
            commands.push(Command::Open(dropped));
        }

        egui::Panel::top("top bar")
            .frame(egui::Frame::new().fill(theme::panel()).inner_margin(egui::Margin::symmetric(10, 7)))
            .show(ui, |ui| top_bar::show(self, ui, &mut commands));
        egui::Panel::bottom("status")
            .frame(egui::Frame::new().fill(theme::panel()).inner_margin(egui::Margin::symmetric(10, 4)))
            .show(ui, |ui| top_bar::show_status(self, ui));
        if let Some(export) = &self.export {
            egui::Panel::bottom("export")
                .frame(egui::Frame::new().fill(theme::raised()).inner_margin(egui::Margin::symmetric(10, 4)))
                .show(ui, |ui| export.show(ui, &mut commands));
            if matches!(export, export::Running::Job(_)) {
                ctx.request_repaint_after(PROGRESS_EVERY);
            }
        }
        if self.side_panel && self.has_list() {
            egui::Panel::left("series")
                .default_size(272.0)
                .size_range(200.0..=480.0)
                .frame(egui::Frame::new().fill(theme::panel()).inner_margin(egui::Margin::same(10)))
                .show(ui, |ui| side_panel::show(self, ui, &mut commands));
        }
        self.show_look_panel(ui, &mut commands);
        if !self.desk.is_empty() {
            egui::Panel::left("tools")
                .exact_size(44.0)
                .resizable(false)
                .frame(egui::Frame::new().fill(theme::panel()).inner_margin(egui::Margin::symmetric(6, 8)))
                .show(ui, |ui| palette::show(self.desk.tool, ui, &mut commands));
        }
        self.show_measurements(ui, &mut commands);
        let candidates = self.candidates();
        egui::CentralPanel::default().frame(egui::Frame::new().fill(egui::Color32::BLACK)).show(ui, |ui| {
            dialogs::messages(self, ui, &mut commands);
            if let Some(connection) = &self.connection {
                dialogs::lost_connection(connection, ui, &mut commands);
            }
            if self.show_preview(ui, &mut commands) {
                // The series that was asked for last.
            } else if !self.desk.is_empty() {
                self.desk.show(ui, &self.renderer, &candidates, &mut commands);
            } else {
                dialogs::start_screen(self, ui, &mut commands);
            }
        });
        dialogs::drop_hint(&ctx);
        self.show_reading_dialogs(&ctx, &mut commands);
        self.poll_reading(&ctx);
        if self.help {
            self.help = dialogs::help(&ctx, &self.keymap);
        }
        if self.about {
            self.about = about::show(&ctx);
        }
        if let Some(log) = &mut self.log
            && !log.show(&ctx)
        {
            self.log = None;
        }
        if self.exporting {
            let now = export::stamp(std::time::SystemTime::now());
            self.exporting = self.export_dialog.show(&ctx, &self.desk.subjects(), &now, &mut commands);
        }
        if let Some(dialog) = &mut self.settings_dialog
            && !dialog.show(&ctx, &self.settings, &mut commands)
        {
            self.settings_dialog = None;
        }
        if let Some(dialog) = &mut self.open_dialog
            && !dialog.show(&ctx, &self.recent, &mut commands)
        {
            self.open_dialog = None;
        }
        self.desk.restore_views(&self.presets);
        self.keep_session(&ctx);
        if let Some(dialog) = &mut self.connect_dialog
            && !dialog.show(&ctx, &mut commands)
        {
            self.connect_dialog = None;
        }
        if self.work.is_some() {
            ctx.request_repaint_after(PROGRESS_EVERY);
        }
        if !commands.is_empty() {
            ctx.request_repaint();
        }
        for command in commands {
            self.run(&ctx, command);
        }
        self.desk.play();
        self.load_missing(&ctx);
    }

    fn on_exit(&mut self) {
        self.end_reading();
        if let Some(store) = &mut self.session {
            if let Some(desk) = self.desk.saved() {
                store.keep(Session::new(self.opened.clone(), self.side_panel, desk));
            }
            store.end();
        }
    }

    fn clear_color(&self, _: &egui::Visuals) -> [f32; 4] {
        theme::panel().to_normalized_gamma_f32()
    }
}

/// Whether a server's library has a series.
fn is_listed(library: &[protocol::message::Study], series_id: &str) -> bool {
    library.iter().flat_map(|study| &study.series).any(|series| series.series_instance_uid == series_id)
}

fn failed_line(failed: &Failed) -> String {
    format!("{}: {}", file_name(&failed.path), failed.reason)
}

/// The last part of a path, enough to recognise it.
pub fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
