//! The window's state, and how commands and finished work change it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use eframe::egui;
use eframe::egui_wgpu::RenderState;
use render_core::dicom::{self, Failed, Glimpse, Library, Loaded, Series, Study};
use render_core::scene::{Content, Preset, PresetLibrary, ViewState};
use render_core::words::counted;
use render_core::{Progress, Renderer, Volume, Window};

use super::command::{self, Command, KeyFocus};
use super::dialogs;
use super::job::{Job, Poll};
use super::layout::{Layout, ViewId};
use super::look_panel::{LookPanel, Subject};
use super::presets;
use super::preview::Preview;
use super::recent::Recent;
use super::study::OpenSeries;
use super::text::tr;
use super::viewport::{Effect, Probe, Scenery, Viewport};
use super::{Options, side_panel, theme, top_bar};

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
    pub(super) screen: Option<Screen>,
    layout: Layout,
    pub(super) active: ViewId,
    pub(super) recent: Recent,
    pub(super) messages: Vec<Message>,
    open_dialog: Option<dialogs::OpenDialog>,
    help: bool,
    pub(super) demographics: bool,
    pub(super) reference_lines: bool,
    pub(super) side_panel: bool,
    /// Shown where there is one.
    pub(super) look_panel: Option<LookPanel>,
    presets_folder: Option<PathBuf>,
    saving: Option<(String, Job<std::io::Result<()>>)>,
}

/// A series and its viewports, indexed by `ViewId`.
pub struct Screen {
    pub open: OpenSeries,
    pub viewports: [Viewport; 4],
    pub probe: Option<Probe>,
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

    /// Whether an image of what is read is on screen.
    pub fn has_preview(&self) -> bool {
        matches!(self, Self::Load { preview: Some(_), .. })
    }
}

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
        theme::apply(ctx);
        let (renderer, card) = on_the_windows_card(cc, options.renderer);
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
            screen: None,
            layout: Layout::default(),
            active: ViewId::Axial,
            recent: Recent::load(),
            messages: Vec::new(),
            open_dialog: None,
            help: false,
            demographics: true,
            reference_lines: true,
            side_panel: true,
            look_panel: None,
            presets_folder: options.presets,
            saving: None,
        };
        if !paths.is_empty() {
            app.open(ctx, paths);
        }
        app
    }

    /// Whether there is anything to list beside the viewports.
    pub(super) fn has_list(&self) -> bool {
        !self.studies.is_empty()
    }

    pub(super) fn series(&self, series_id: &str) -> Option<(&Study, &Series)> {
        self.studies
            .iter()
            .flat_map(|study| study.series.iter().map(move |series| (study, series)))
            .find(|(_, series)| series.id() == series_id)
    }

    fn open(&mut self, ctx: &egui::Context, paths: Vec<PathBuf>) {
        let wanted = paths.clone();
        let keep = self.index;
        let job = Job::start("scan", ctx, move |progress, sink| {
            let index = crate::study::index(keep);
            sink.send(dicom::scan_with(&wanted, progress, index.as_ref()));
        });
        self.open_dialog = None;
        // What was wrong with the last thing opened is past.
        self.messages.clear();
        self.work = Some(Work::Scan { job, paths });
    }

    fn load(&mut self, ctx: &egui::Context, series_id: String) {
        let Some((_, series)) = self.series(&series_id) else { return };
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
            if let Some(Screen { open, viewports, .. }) = &mut self.screen {
                for viewport in viewports {
                    viewport.view.refresh_preset(&self.presets, &open.volume);
                }
            }
            // What was wrong with the folder before is past.
            self.messages.retain(|message| message.text != presets::LEFT_OUT);
            if !self.presets.problems().is_empty() {
                self.tell(presets::LEFT_OUT.to_owned(), self.presets.problems().to_vec());
            }
        }
    }

    fn tell(&mut self, text: String, details: Vec<String>) {
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
        }
        // The series most worth a first look is the largest.
        let series = library.studies.iter().flat_map(|study| &study.series);
        let voxels = |series: &&Series| series.dims.iter().map(|&n| u64::from(n)).product::<u64>();
        let first = series.max_by_key(voxels).map(|series| series.id());
        self.failed = library.failed;
        for study in library.studies {
            self.studies.retain(|known| known.study_instance_uid != study.study_instance_uid);
            self.studies.push(study);
        }
        self.make_thumbnails(ctx);
        if let Some(first) = first {
            self.load(ctx, first);
        }
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
            Err(dicom::Error::Cancelled) => return,
            Err(error) => return self.tell(format!("The series was not loaded: {error}"), Vec::new()),
        };
        if !loaded.failed.is_empty() {
            let details = loaded.failed.iter().map(failed_line).collect();
            let files = counted(loaded.failed.len(), "file");
            self.tell(format!("Left out because they cannot be read: {files} of the series."), details);
        }
        let Some((study, series)) = self.series(series_id) else { return };
        let open = OpenSeries::new(study, series, loaded);
        let viewports = ViewId::ALL.map(|id| Viewport::new(id, &open, ctx, self.card.as_ref()));
        self.screen = Some(Screen { open, viewports, probe: None });
    }

    fn run(&mut self, ctx: &egui::Context, command: Command) {
        match command {
            Command::ShowOpenDialog => {
                self.open_dialog.get_or_insert_default();
            }
            Command::PickFolder => self.picker = Some(dialogs::pick_folder(ctx)),
            Command::PickFiles => self.picker = Some(dialogs::pick_files(ctx)),
            Command::Open(paths) => self.open(ctx, paths),
            Command::LoadSeries(uid) => self.load(ctx, uid),
            Command::StepSeries(by) => self.step_series(ctx, by),
            Command::Escape => self.escape(),
            Command::CancelLoading => self.work = None,
            Command::DismissMessage(index) => {
                if index < self.messages.len() {
                    self.messages.remove(index);
                }
            }
            Command::ClearRecent => self.recent.clear(),
            Command::ResetLayout => self.layout = Layout::default(),
            Command::ToggleMaximiseActive => self.layout.toggle_maximise(self.active),
            Command::ToggleDemographics => self.demographics = !self.demographics,
            Command::ToggleReferenceLines => self.reference_lines = !self.reference_lines,
            Command::ToggleSidePanel => self.side_panel = !self.side_panel,
            Command::ToggleLookPanel => {
                self.look_panel = if self.look_panel.is_some() { None } else { Some(LookPanel::default()) };
            }
            Command::SavePreset(label) => self.save_preset(ctx, &label),
            Command::ToggleHelp => self.help = !self.help,
            Command::StepViewport(by) => {
                let next = (self.active.index() as isize + by).rem_euclid(ViewId::ALL.len() as isize);
                self.active = ViewId::ALL[next as usize];
                if self.layout.maximised().is_some() {
                    self.layout.maximise(self.active);
                }
            }
            Command::SetWindow(_)
            | Command::WindowKey(_)
            | Command::SetPreset(_)
            | Command::NextPreset
            | Command::SetLook(_)
            | Command::SetVolumeContent(_)
            | Command::ToggleMip
            | Command::ToggleCinematic
            | Command::Reset
            | Command::ResetAll
            | Command::Page(_)
            | Command::Arrow(_)
            | Command::Zoom(_)
            | Command::Fit
            | Command::Turn(_) => {
                if let Some(screen) = &mut self.screen {
                    screen.run(self.active, &command, &self.presets);
                }
            }
        }
    }

    /// Keeps the volume view's look in the user's folder, which is watched for what is new.
    fn save_preset(&mut self, ctx: &egui::Context, label: &str) {
        let Some(screen) = &self.screen else { return };
        let preset =
            presets::preset_of(screen.view(ViewId::Volume), label, &screen.open.volume.meaning().modality);
        if Preset::find(&preset.name).is_some() {
            return self.tell(tr!("preset-built-in", name = label).into_owned(), Vec::new());
        }
        let Some(folder) = self.presets_folder.clone() else {
            return self.tell(tr!("preset-no-folder").into_owned(), Vec::new());
        };
        self.saving = Some((label.to_owned(), presets::save(ctx, folder, preset)));
    }

    fn take_saved(&mut self) {
        let Some((label, job)) = &self.saving else { return };
        let problem = match job.poll() {
            Poll::Pending => return,
            Poll::Result(Ok(())) => None,
            Poll::Result(Err(error)) => Some(error.to_string()),
            Poll::Ended => Some(tr!("job-ended").into_owned()),
        };
        let text = problem.map(|reason| tr!("preset-not-saved", name = label.as_str(), reason = reason));
        self.saving = None;
        if let Some(text) = text {
            self.tell(text.into_owned(), Vec::new());
        }
    }

    fn escape(&mut self) {
        if self.help {
            self.help = false;
        } else if self.open_dialog.is_some() {
            self.open_dialog = None;
        } else if self.work.is_some() {
            self.work = None;
        } else {
            self.layout.restore();
        }
    }

    fn step_series(&mut self, ctx: &egui::Context, by: isize) {
        let Some(screen) = &self.screen else { return };
        let all: Vec<&Series> = self.studies.iter().flat_map(|study| &study.series).collect();
        let here = all.iter().position(|s| s.id() == screen.open.series_id);
        let next = here.and_then(|here| here.checked_add_signed(by)).and_then(|next| all.get(next));
        if let Some(uid) = next.map(|series| series.id()) {
            self.load(ctx, uid);
        }
    }

    fn key_focus(&self, ctx: &egui::Context) -> KeyFocus {
        let in_viewport = self.screen.iter().flat_map(|screen| &screen.viewports).any(Viewport::has_focus);
        if ctx.text_edit_focused() || ctx.any_popup_open() {
            KeyFocus::Typing
        } else if in_viewport || ctx.memory(|memory| memory.focused().is_none()) {
            KeyFocus::Viewports
        } else {
            KeyFocus::Widget
        }
    }

    /// Shows what there is of the series that is being loaded; returns false while that is nothing.
    fn show_preview(&mut self, ui: &mut egui::Ui, commands: &mut Vec<Command>) -> bool {
        let Some(Work::Load { job, preview: Some(preview), .. }) = &mut self.work else { return false };
        preview.show(&self.renderer, self.demographics, job.progress(), ui, commands);
        true
    }

    fn show_look_panel(&mut self, ui: &mut egui::Ui, commands: &mut Vec<Command>) {
        let (Some(panel), Some(screen)) = (&mut self.look_panel, &self.screen) else { return };
        let viewport = &screen.viewports[ViewId::Volume.index()];
        let subject = Subject {
            id: egui::Id::unique((&screen.open.series_id, viewport.id)),
            view: &viewport.view,
            volume: &screen.open.volume,
            refined: viewport.refined(),
        };
        egui::Panel::right("look")
            .default_size(320.0)
            .size_range(280.0..=560.0)
            .frame(egui::Frame::new().fill(theme::PANEL).inner_margin(egui::Margin::same(10)))
            .show(ui, |ui| panel.show(ui, &subject, commands));
    }

    fn show_viewports(&mut self, ui: &mut egui::Ui) {
        let Some(Screen { open, viewports, probe }) = &mut self.screen else { return };
        let scenery = Scenery {
            open,
            renderer: &self.renderer,
            active: self.active,
            planes: ViewId::SLICES.map(|id| (id, viewports[id.index()].view.plane)),
            demographics: self.demographics,
            reference_lines: self.reference_lines,
        };
        let effects = self.layout.show(ui, viewports, &scenery);
        *probe = None;
        // What one viewport does to another shows at once, not at the next move of the mouse.
        let mut others_changed = false;
        for (id, effect) in effects {
            match effect {
                Effect::Activated => {
                    others_changed |= self.active != id;
                    self.active = id;
                }
                Effect::DoubleClicked => {
                    self.layout.toggle_maximise(id);
                    others_changed = true;
                }
                Effect::Hovered(found) => *probe = Some(found),
                Effect::WindowChanged(window) => {
                    for other in ViewId::SLICES.into_iter().filter(|&other| other != id) {
                        viewports[other.index()].view.set_window(window);
                    }
                    others_changed = true;
                }
                Effect::CursorMoved(place) => {
                    for other in ViewId::SLICES.into_iter().filter(|&other| other != id) {
                        viewports[other.index()].move_to(place, &open.volume);
                    }
                    others_changed = true;
                }
            }
        }
        if others_changed {
            ui.ctx().request_repaint();
        }
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

impl Screen {
    pub fn view(&self, id: ViewId) -> &render_core::scene::ViewState {
        &self.viewports[id.index()].view
    }

    fn run(&mut self, active: ViewId, command: &Command, presets: &PresetLibrary) {
        let volume = &self.open.volume;
        let viewport = &mut self.viewports[active.index()];
        let volume_view = ViewId::Volume.index();
        match *command {
            Command::SetWindow(window) => self.set_window(active, window),
            Command::WindowKey(number) => {
                if let Some(window) = self.open.window_of_key(number) {
                    // Keys window the slices; only a projection has a window of its own.
                    let mip = active == ViewId::Volume && viewport.view.content == Content::MIP;
                    self.set_window(if mip { active } else { ViewId::Axial }, window);
                }
            }
            Command::SetPreset(ref name) => {
                if let Some(preset) = presets.find(name) {
                    let view = &mut self.viewports[volume_view].view;
                    show_matter(view, volume);
                    view.apply_preset(preset, volume);
                }
            }
            Command::NextPreset => {
                let presets: Vec<&Preset> = presets.menu(volume).collect();
                let view = &mut self.viewports[volume_view].view;
                let here = presets
                    .iter()
                    .position(|p| Some(&p.name) == view.preset.as_ref().map(|origin| &origin.name));
                if let Some(next) = presets.get(here.map_or(0, |here| (here + 1) % presets.len())) {
                    show_matter(view, volume);
                    view.apply_preset(next, volume);
                }
            }
            Command::SetLook(ref look) => look.as_ref().clone().apply(&mut self.viewports[volume_view].view),
            Command::SetVolumeContent(content) => self.set_content(content),
            Command::ToggleMip => {
                let mip = self.viewports[volume_view].view.content == Content::MIP;
                self.set_content(if mip { Content::Volume } else { Content::MIP });
            }
            Command::ToggleCinematic => {
                let cinematic = self.viewports[volume_view].view.content == Content::Cinematic;
                self.set_content(if cinematic { Content::Volume } else { Content::Cinematic });
            }
            Command::Reset => {
                viewport.view.reset(volume);
                let window = viewport.view.window;
                if active != ViewId::Volume {
                    self.set_window(active, window);
                }
            }
            Command::ResetAll => {
                for viewport in &mut self.viewports {
                    viewport.view.reset(volume);
                }
            }
            Command::Page(slices) => viewport.page(slices, volume),
            Command::Arrow(by) if active == ViewId::Volume => {
                viewport.view.camera.elevation(-5.0 * by as f64);
                viewport.view.touch();
            }
            Command::Arrow(by) => viewport.page(by, volume),
            Command::Zoom(factor) => viewport.zoom(factor),
            Command::Fit => viewport.fit(volume),
            Command::Turn(degrees) if active == ViewId::Volume => {
                viewport.view.camera.azimuth(degrees);
                viewport.view.touch();
            }
            _ => {}
        }
    }

    /// The three cuts share a window; the volume view has its own.
    fn set_window(&mut self, active: ViewId, window: Window) {
        let which = if active == ViewId::Volume { &[ViewId::Volume][..] } else { &ViewId::SLICES };
        for id in which {
            self.viewports[id.index()].view.set_window(window);
        }
    }

    fn set_content(&mut self, content: Content) {
        self.viewports[ViewId::Volume.index()].view.set_content(content, &self.open.volume);
    }
}

/// What a preset colours and a projection does not show.
fn show_matter(view: &mut ViewState, volume: &Volume) {
    if view.content.in_one_picture() != Content::Volume {
        view.set_content(Content::Volume, volume);
    }
}

impl eframe::App for App {
    fn ui(&mut self, ui: &mut egui::Ui, _: &mut eframe::Frame) {
        let ctx = ui.ctx().clone();
        self.take_results(&ctx);
        self.take_thumbnails(&ctx);
        self.take_presets();
        self.take_saved();
        let mut commands = command::pressed(&ctx, self.key_focus(&ctx));
        let dropped: Vec<PathBuf> =
            ctx.input(|input| input.raw.dropped_files.iter().map(|file| file.path().to_owned()).collect());
        if !dropped.is_empty() {
            commands.push(Command::Open(dropped));
        }

        egui::Panel::top("top bar")
            .frame(egui::Frame::new().fill(theme::PANEL).inner_margin(egui::Margin::symmetric(10, 7)))
            .show(ui, |ui| top_bar::show(self, ui, &mut commands));
        egui::Panel::bottom("status")
            .frame(egui::Frame::new().fill(theme::PANEL).inner_margin(egui::Margin::symmetric(10, 4)))
            .show(ui, |ui| top_bar::show_status(self, ui));
        if self.side_panel && self.has_list() {
            egui::Panel::left("series")
                .default_size(272.0)
                .size_range(200.0..=480.0)
                .frame(egui::Frame::new().fill(theme::PANEL).inner_margin(egui::Margin::same(10)))
                .show(ui, |ui| side_panel::show(self, ui, &mut commands));
        }
        self.show_look_panel(ui, &mut commands);
        egui::CentralPanel::default().frame(egui::Frame::new().fill(egui::Color32::BLACK)).show(ui, |ui| {
            dialogs::messages(self, ui, &mut commands);
            if self.show_preview(ui, &mut commands) {
                // The series that was asked for last.
            } else if self.screen.is_some() {
                self.show_viewports(ui);
            } else {
                dialogs::start_screen(self, ui, &mut commands);
            }
        });
        dialogs::drop_hint(&ctx);
        if self.help {
            self.help = dialogs::help(&ctx);
        }
        if let Some(dialog) = &mut self.open_dialog
            && !dialog.show(&ctx, &self.recent, &mut commands)
        {
            self.open_dialog = None;
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
    }

    fn clear_color(&self, _: &egui::Visuals) -> [f32; 4] {
        theme::PANEL.to_normalized_gamma_f32()
    }
}

fn failed_line(failed: &Failed) -> String {
    format!("{}: {}", file_name(&failed.path), failed.reason)
}

/// The last part of a path, enough to recognise it.
pub fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
