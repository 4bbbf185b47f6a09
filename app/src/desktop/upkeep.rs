//! What the window keeps for its user: settings, the session, presets and exports.

use std::path::PathBuf;
use std::sync::Arc;

use eframe::egui;
use render_core::scene::Preset;

use super::app::App;
use super::command::Command;
use super::job::Poll;
use super::keeper::Keeper;
use super::keymap::Keymap;
use super::loading::clear_index;
use super::look_panel::LookPanel;
use super::session::{self, SavedDesk, SavedHung, Session};
use super::settings::{self, Settings};
use super::text::{self, tr};
use super::{export, hybrid, presets, theme};

impl App {
    /// Whether there is something that `ReopenSession` would open.
    pub(super) fn has_session(&self) -> bool {
        let previous = self.session.as_ref().and_then(|session| session.previous.as_ref());
        previous.is_some_and(|previous| !previous.paths.is_empty())
    }

    /// What was on screen of these paths when the last run ended, for the first thing that this one opens.
    pub(super) fn left_at(&mut self, paths: &[PathBuf]) -> Option<SavedDesk> {
        if !self.opened.is_empty() || !self.desk.is_empty() {
            return None;
        }
        let previous = self.session.as_ref()?.previous_of(paths)?;
        self.side_panel = previous.side_panel;
        self.look_panel = previous.look_panel.then(LookPanel::default);
        previous.desk.clone()
    }

    pub(super) fn reopen_session(&mut self, ctx: &egui::Context) {
        let Some(previous) = self.session.as_ref().and_then(|session| session.previous.clone()) else {
            return;
        };
        if previous.paths.is_empty() {
            return;
        }
        self.open(ctx, previous.paths);
        self.side_panel = previous.side_panel;
        self.look_panel = previous.look_panel.then(LookPanel::default);
        self.restoring = previous.desk;
    }

    /// Keeps what is open, as often as it changes but not with every movement.
    pub(super) fn keep_session(&mut self, ctx: &egui::Context) {
        if self.session.is_none() {
            return;
        }
        let (now, every) = (ctx.input(|input| input.time), session::LOOK_EVERY.as_secs_f64());
        if now - self.session_seen < every {
            // The last of many changes counts, too, and may be followed by nothing.
            return ctx.request_repaint_after(session::LOOK_EVERY);
        }
        self.session_seen = now;
        if let Some(session) = self.session_now() {
            self.session.iter_mut().for_each(|store| store.keep(session.clone()));
        }
    }

    /// What is open, as it is now; what a host shows is not this window's to keep.
    pub(super) fn session_now(&self) -> Option<Session> {
        if self.is_guests() {
            return None;
        }
        let mut desk = self.desk.saved()?;
        desk.hung = self.hung.as_ref().map(|hung| SavedHung {
            study: hung.study.clone(),
            protocol: hung.protocol.clone(),
            stage: hung.stage,
        });
        let server = self.connection.as_ref();
        let server = server.map(|connection| connection.authority());
        let panels = (self.side_panel, self.look_panel.is_some());
        Some(Session::new(self.opened.clone(), server, panels.0, panels.1, desk))
    }

    pub(super) fn change_settings(&mut self, ctx: &egui::Context, settings: Settings) {
        if settings == self.settings {
            return;
        }
        apply(ctx, &settings);
        if self.settings.keep_voxels && !settings.keep_voxels {
            hybrid::clear_cache(ctx);
        }
        if self.settings.keep_index && !settings.keep_index {
            clear_index(ctx);
        }
        self.keymap = Keymap::new(&settings.keys, settings.single_keys);
        if let Some(keeper) = &self.settings_keeper {
            keeper.put(settings.to_file());
        }
        self.settings = settings;
    }

    /// Keeps the volume view's look in the user's folder, which is watched for what is new.
    pub(super) fn save_preset(&mut self, ctx: &egui::Context, label: &str) {
        let Some(viewport) = self.desk.volume_viewport() else { return };
        let preset = presets::preset_of(&viewport.view, label, &viewport.series.outline().meaning().modality);
        if Preset::find(&preset.name).is_some() {
            return self.tell(tr!("preset-built-in", name = label).into_owned(), Vec::new());
        }
        let Some(folder) = self.presets_folder.clone() else {
            return self.tell(tr!("preset-no-folder").into_owned(), Vec::new());
        };
        self.saving = Some((label.to_owned(), presets::save(ctx, folder, preset)));
    }

    pub(super) fn show_export(&mut self, ctx: &egui::Context, commands: &mut Vec<Command>) {
        let now = export::stamp(std::time::SystemTime::now());
        let (subjects, cine) = (self.desk.subjects(), self.desk.cine.map(|cine| cine.per_second));
        self.exporting = self.export_dialog.show(ctx, &subjects, cine, &now, commands);
    }

    /// All times of a series, where a movie plays them. Those that are not in memory are read for it.
    pub(super) fn moments(&self, order: &export::Order) -> Vec<export::Moment> {
        let Some(subject) = order.subjects.first().filter(|_| order.plays_times()) else { return Vec::new() };
        let in_memory = self.desk.in_memory();
        let study = self.series(&subject.series.series_id).map(|(study, _)| Arc::new(study.clone()));
        let stored = |id: &String| match in_memory.iter().find(|open| open.series_id == *id) {
            Some(open) => Some(export::Stored::Open(Arc::clone(open))),
            None => Some(export::Stored::Files(Arc::clone(study.as_ref()?), id.clone())),
        };
        let annotate = &self.desk.annotate;
        let moment = |id: &String| {
            let (drawn, segments) = (annotate.drawn(id), annotate.drawn_segments(id));
            Some(export::Moment { stored: stored(id)?, drawn, segments })
        };
        subject.series.times.iter().filter_map(moment).collect()
    }

    pub(super) fn take_export(&mut self) {
        let Some(export::Running::Job(job)) = &self.export else { return };
        let problem = match job.poll() {
            Poll::Pending => return,
            Poll::Result(Ok(file)) => return self.export = Some(export::Running::Done(file)),
            Poll::Result(Err(export::ExportError::Cancelled)) => None,
            Poll::Result(Err(error)) => Some(error.told()),
            Poll::Ended => Some(tr!("job-ended").into_owned()),
        };
        self.export = None;
        if let Some(reason) = problem {
            self.tell(tr!("export-failed", reason = reason).into_owned(), Vec::new());
        }
    }

    pub(super) fn take_saved(&mut self) {
        if let Some(reason) = self.settings_keeper.as_ref().and_then(Keeper::take_problem) {
            self.tell(tr!("settings-not-kept", reason = reason).into_owned(), Vec::new());
        }
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
}

/// Shows the window as the settings want it.
pub fn apply(ctx: &egui::Context, settings: &Settings) {
    theme::apply(ctx, settings.theme, settings.reduced_motion);
    ctx.set_zoom_factor(settings.scale_percent as f32 / 100.0);
    text::choose(settings.language.as_deref());
}

pub fn settings_problem(problem: &settings::Problem) -> String {
    match problem {
        settings::Problem::SetAside(to) => tr!("settings-set-aside", file = to.display().to_string()),
        settings::Problem::Unreadable(reason) => tr!("settings-unreadable", reason = reason.as_str()),
        settings::Problem::Entries(names) => tr!("settings-entries", names = names.join(", ")),
    }
    .into_owned()
}
