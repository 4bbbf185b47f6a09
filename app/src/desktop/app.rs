//! The window's state, and how commands and finished work change it.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use eframe::egui;
use eframe::egui_wgpu::RenderState;
use render_core::Renderer;
use render_core::dicom::{Failed, Series, Study};
use render_core::scene::PresetLibrary;

use super::about::{self, LogWindow};
use super::annotate;
use super::command::{self, Command, KeyFocus};
use super::connecting::{self, ConnectDialog, Dismissed};
use super::connection::Connection;
use super::desk::{Arrangement, Desk};
use super::dialogs;
use super::export::{self, ExportDialog};
use super::guest::Guest;
use super::hanging::Protocols;
use super::hung::Hung;
use super::job::{Job, Poll};
use super::keeper::Keeper;
use super::keymap::Keymap;
use super::listed::Listed;
use super::loading::{Work, clear_index};
use super::look_panel::{LookPanel, Subject};
use super::presets;
use super::recent::Recent;
use super::session::{self, SavedDesk};
use super::settings::{self, SCALES, Settings};
use super::settings_dialog::SettingsDialog;
use super::sharing::Sharing;
use super::text::{self, tr};
use super::{Keeping, Options, hybrid, main_window, palette, side_panel, theme, top_bar, upkeep};

/// How often progress is shown while files are read.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// A frame in which the window's own code runs for longer is told in the log.
const LONG_FRAME: Duration = Duration::from_millis(8);

/// What the reading of a series is called.
pub const LOADING: &str = "Reading the series";

/// Messages on screen at once; older ones make room.
const MOST_MESSAGES: usize = 4;

pub struct App {
    pub(super) renderer: Renderer,
    /// The window's card, if `renderer` draws on it.
    pub(super) card: Option<RenderState>,
    pub(super) studies: Vec<Study>,
    /// The same and the server's, as they are listed and hung.
    pub(super) listed: Listed,
    pub(super) failed: Vec<Failed>,
    pub(super) thumbnails: HashMap<String, egui::TextureHandle>,
    pub(super) work: Option<Work>,
    /// Whether headers are kept between starts; `None` leaves what is kept alone.
    pub(super) index: Option<bool>,
    pub(super) presets: PresetLibrary,
    pub(super) preset_job: Option<Job<presets::News>>,
    pub(super) thumbnail_job: Option<Job<(String, egui::ColorImage)>>,
    /// The same of a server's series.
    pub(super) remote_thumbnail_job: Option<Job<(String, egui::ColorImage)>>,
    pub(super) picker: Option<Job<dialogs::Picked>>,
    /// Series to load after the one that is being loaded.
    pub(super) queue: VecDeque<String>,
    pub(super) desk: Desk,
    /// The server whose studies are shown beside those of this machine.
    pub(super) connection: Option<Arc<Connection>>,
    pub(super) connect_dialog: Option<ConnectDialog>,
    /// What the host shows, where this is a guest's window.
    pub(super) guest: Guest,
    /// What was said where a server had no room for a series.
    pub(super) refused: Option<String>,
    /// Why the window shows nothing of a server any more that it was at.
    pub(super) dismissed: Option<Dismissed>,
    pub(super) sharing: Sharing,
    /// Nothing of the server's is shown yet.
    pub(super) waiting_for_library: bool,
    pub(super) protocols: Protocols,
    pub(super) protocols_folder: Option<PathBuf>,
    pub(super) keeping: Option<Job<Result<Protocols, String>>>,
    /// How the study on screen is hung.
    pub(super) hung: Option<Hung>,
    pub(super) recent: Recent,
    pub(super) messages: Vec<Message>,
    pub(super) open_dialog: Option<dialogs::OpenDialog>,
    pub(super) help: bool,
    pub(super) side_panel: bool,
    /// Shown where there is one.
    pub(super) look_panel: Option<LookPanel>,
    pub(super) presets_folder: Option<PathBuf>,
    pub(super) saving: Option<(String, Job<std::io::Result<()>>)>,
    pub(super) settings: Settings,
    /// Writes the settings; none where the system names no place for them.
    pub(super) settings_keeper: Option<Keeper>,
    pub(super) settings_dialog: Option<SettingsDialog>,
    window: main_window::Follow,
    pub(super) keymap: Keymap,
    pub(super) files: annotate::Files,
    /// Keeps what is open; none where another window does.
    pub(super) session: Option<session::Store>,
    /// What was opened so far.
    pub(super) opened: Vec<PathBuf>,
    /// To be shown when its paths are read.
    pub(super) restoring: Option<SavedDesk>,
    /// The same of a server, by host and port, when its library comes.
    pub(super) restoring_there: Option<(String, SavedDesk)>,
    pub(super) session_seen: f64,
    pub(super) export_dialog: ExportDialog,
    pub(super) exporting: bool,
    pub(super) about: bool,
    pub(super) log: Option<LogWindow>,
    /// What series of the list are looked for by.
    search: String,
    pub(super) export: Option<export::Running>,
}

/// Hanging protocols lie in this folder beside the volume presets.
pub const HANGING: &str = "hanging";

/// Something the user has to know, until dismissed.
#[derive(Clone, Debug)]
pub struct Message {
    pub text: String,
    pub details: Vec<String>,
    /// Something went well, and is worth knowing.
    pub good: bool,
}

impl App {
    pub fn new(cc: &eframe::CreationContext<'_>, paths: Vec<PathBuf>, options: Options) -> Self {
        let ctx = &cc.egui_ctx;
        let settings::Read { settings, problem } = options.settings;
        let keeps = options.keeping == Keeping::Everything;
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
            listed: Listed::default(),
            failed: Vec::new(),
            thumbnails: HashMap::new(),
            work: None,
            index: keeps.then_some(options.index),
            presets: PresetLibrary::default(),
            preset_job: options.presets.clone().map(|folder| presets::watch(ctx, folder)),
            thumbnail_job: None,
            remote_thumbnail_job: None,
            picker: None,
            queue: VecDeque::new(),
            desk,
            connection: None,
            guest: Guest::default(),
            refused: None,
            dismissed: None,
            sharing: Sharing::default(),
            connect_dialog: None,
            waiting_for_library: false,
            protocols,
            protocols_folder: hanging,
            keeping: None,
            hung: None,
            recent: if keeps { Recent::load() } else { Recent::default() },
            messages: Vec::new(),
            open_dialog: None,
            help: false,
            side_panel: true,
            look_panel: None,
            presets_folder: options.presets,
            saving: None,
            settings_keeper: settings::file().filter(|_| keeps).map(|file| Keeper::new("settings", file)),
            settings_dialog: None,
            window: if keeps { main_window::Follow::new() } else { main_window::Follow::default() },
            keymap: Keymap::new(&settings.keys, settings.single_keys),
            settings,
            files: annotate::Files::default(),
            session: if keeps { session::Store::open() } else { None },
            opened: Vec::new(),
            restoring: None,
            restoring_there: None,
            session_seen: 0.0,
            export_dialog: ExportDialog::default(),
            exporting: false,
            about: false,
            log: None,
            search: String::new(),
            export: None,
        };
        if let Some(problem) = problem {
            app.tell(upkeep::settings_problem(&problem), Vec::new());
        }
        if !problems.is_empty() {
            app.tell(tr!("hanging-left-out").into_owned(), problems);
        }
        if keeps {
            app.files = annotate::Files::open(ctx);
            hybrid::prune_cache(ctx);
        }
        // What is opened below makes room for what is said of it, but not in the place of this.
        let at_start = std::mem::take(&mut app.messages);
        let crashed = app.session.as_ref().is_some_and(session::Store::crashed);
        app.restoring_there = app.session.as_ref().and_then(session::Store::previous_of_server);
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
        app.messages.splice(0..0, at_start);
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
            .find(|(_, series)| series.key() == series_id)
    }

    fn take_presets(&mut self) {
        while let Some(Poll::Result(news)) = self.preset_job.as_ref().map(Job::poll) {
            self.presets = news.library;
            self.desk.refresh_presets(&self.presets);
            // What was wrong with the folder before is past.
            self.messages.retain(|message| message.text != presets::left_out());
            if !self.presets.problems().is_empty() {
                self.tell(presets::left_out().to_owned(), self.presets.problems().to_vec());
            }
        }
    }

    pub(super) fn tell(&mut self, text: String, details: Vec<String>) {
        if self.messages.len() >= MOST_MESSAGES {
            self.messages.remove(0);
        }
        self.messages.push(Message { text, details, good: false });
    }

    /// The same of what went well.
    pub(super) fn tell_good(&mut self, text: String, details: Vec<String>) {
        self.tell(text, details);
        self.messages.iter_mut().next_back().into_iter().for_each(|message| message.good = true);
    }

    pub(super) fn run(&mut self, ctx: &egui::Context, command: Command) {
        if self.desk.watches && command.drives() {
            return;
        }
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
                    let study = hung.study.clone();
                    self.hang(&study, Some(&name), 0);
                }
            }
            Command::HangStudy(key) => self.hang(&key, None, 0),
            Command::Quit => {
                ctx.send_viewport_cmd_to(egui::ViewportId::ROOT, egui::ViewportCommand::Close);
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
            Command::ForgetDismissal => self.dismissed = None,
            Command::ShowShareDialog => self.sharing.is_shown = true,
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
                let moments = self.moments(&order);
                let job = export::start(ctx, self.renderer.clone(), *order, moments);
                self.export = Some(export::Running::Job(job));
            }
            Command::EndExport => self.export = None,
            Command::ShowSettings => {
                self.settings_dialog.get_or_insert_default();
            }
            Command::ChangeSettings(settings) => self.change_settings(ctx, *settings),
            Command::ChooseDrawing(drawing) => {
                let mut settings = self.settings.clone();
                settings.drawing = drawing;
                self.change_settings(ctx, settings);
            }
            Command::ClearVoxels => hybrid::clear_cache(ctx),
            Command::ScaleInterface(by) => {
                let mut settings = self.settings.clone();
                let percent = settings.scale_percent.saturating_add_signed(by);
                settings.scale_percent =
                    if by == 0 { 100 } else { percent.clamp(*SCALES.start(), *SCALES.end()) };
                self.change_settings(ctx, settings);
            }
            Command::ClearIndex => clear_index(ctx),
            Command::ForgetDrawn => self.forget_drawn(),
            Command::ShowSaveReading
            | Command::ChooseReadingFolder
            | Command::SaveReading(_)
            | Command::LoadObject(_) => {
                self.run_reading(ctx, command);
            }
            other => self.desk.run(&other, &self.presets),
        }
    }

    fn escape(&mut self) {
        if self.help {
            self.help = false;
        } else if self.open_dialog.is_some() {
            self.open_dialog = None;
        } else if self.underway().is_some() {
            self.cancel_loading();
        } else if self.desk.drop_path() || self.desk.leave_drawing() {
            // What was drawn, or selected, is gone.
        } else {
            let active = self.desk.active;
            self.desk.layout_of(active).restore();
        }
    }

    /// Who gets the keys of a side window, or else of the main one.
    pub(super) fn key_focus(&self, ctx: &egui::Context, window: Option<u32>) -> KeyFocus {
        let in_viewport = self.desk.has_focus(window);
        if ctx.text_edit_focused() || ctx.any_popup_open() || window.is_none() && self.main_dialog() {
            KeyFocus::Typing
        } else if in_viewport || ctx.memory(|memory| memory.focused().is_none()) {
            KeyFocus::Viewports
        } else {
            KeyFocus::Widget
        }
    }

    /// Whether a dialog of the main window takes its keys.
    pub(super) fn main_dialog(&self) -> bool {
        self.settings_dialog.is_some()
            || self.connect_dialog.is_some()
            || self.sharing.is_shown
            || self.exporting
            || self.about
            || self.reading_dialog()
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
    fn ui(&mut self, ui: &mut egui::Ui, frame: &mut eframe::Frame) {
        let start = Instant::now();
        self.show(ui, frame);
        let took = start.elapsed();
        if took > LONG_FRAME {
            tracing::debug!(ms = took.as_secs_f64() * 1e3, "a frame of the window took long");
        }
    }

    fn on_exit(&mut self, _: Option<&eframe::glow::Context>) {
        self.end_reading();
        let now = self.session_now();
        if let Some(store) = &mut self.session {
            now.into_iter().for_each(|session| store.keep(session));
            store.end();
        }
    }

    fn clear_color(&self, _: &egui::Visuals) -> [f32; 4] {
        egui::Color32::BLACK.to_normalized_gamma_f32()
    }
}

impl App {
    fn show(&mut self, ui: &mut egui::Ui, frame: &mut eframe::Frame) {
        let ctx = ui.ctx().clone();
        self.window.see(&ctx);
        self.take_results(&ctx);
        self.take_thumbnails(&ctx);
        self.take_presets();
        self.take_remote(&ctx);
        self.work_hybrids(&ctx);
        self.sharing.take_driven(&mut self.desk);
        self.take_kept();
        self.take_saved();
        self.take_export();
        // A slow window gets keys and clicks together: a tool is for the clicks after its key.
        let (before, mut commands) = command::pressed(&ctx, self.key_focus(&ctx, None), &self.keymap);
        for command in before {
            self.run(&ctx, command);
            ctx.request_repaint();
        }
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
                .default_size((ui.available_width() * 0.2).clamp(200.0, 272.0))
                .size_range(160.0..=480.0)
                .frame(egui::Frame::new().fill(theme::panel()).inner_margin(egui::Margin::same(10)))
                .show(ui, |ui| {
                    let mut search = std::mem::take(&mut self.search);
                    side_panel::show(self, &mut search, ui, &mut commands);
                    self.search = search;
                });
        }
        self.show_look_panel(ui, &mut commands);
        if !self.desk.is_empty() {
            let height = ui.available_height() - 16.0;
            let margin = egui::Margin::symmetric(palette::MARGIN as i8, 8);
            egui::Panel::left("tools")
                .exact_size(palette::width(height))
                .resizable(false)
                .frame(egui::Frame::new().fill(theme::panel()).inner_margin(margin))
                .show(ui, |ui| palette::show(&self.desk, height, ui, &mut commands));
        }
        self.show_measurements(ui, &mut commands);
        let candidates = self.candidates();
        self.desk.begin_pass(self.settings.mouse);
        // What is cleared is black already, and painting a window twice takes time where no card does it.
        egui::CentralPanel::default().frame(egui::Frame::NONE).show(ui, |ui| {
            dialogs::messages(self, ui, &mut commands);
            self.sharing.show_knocks(ui);
            if let Some(connection) = &self.connection {
                connecting::lost_connection(connection, ui, &mut commands);
            }
            connecting::dismissed(self.dismissed.as_ref(), ui, &mut commands);
            if self.show_preview(ui, &mut commands) {
                // The series that was asked for last.
            } else if !self.desk.is_empty() {
                self.desk.show(ui, None, &self.renderer, &candidates, &mut commands);
            } else {
                dialogs::start_screen(self, ui, &mut commands);
            }
        });
        self.show_windows(&ctx, frame, &candidates, &mut commands);
        self.desk.end_pass();
        dialogs::drop_hint(&ctx);
        self.show_reading_dialogs(&ctx, &mut commands);
        self.poll_reading(&ctx);
        if self.help {
            self.help = dialogs::help(&ctx, &self.keymap, &self.settings.mouse);
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
            self.show_export(&ctx, &mut commands);
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
            && !dialog.show(&ctx, self.sharing.found_as().as_deref(), &mut commands)
        {
            self.connect_dialog = None;
        }
        self.sharing.show(&ctx, &self.renderer);
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
        // Guests see what this repaint has changed, and measured.
        self.sharing.publish(&self.desk);
    }
}

pub fn failed_line(failed: &Failed) -> String {
    format!("{}: {}", file_name(&failed.path), text::told_reason(&failed.reason))
}

/// The last part of a path, enough to recognise it.
pub fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
