//! The server whose studies the window shows.

use std::sync::Arc;

use eframe::egui;
use protocol::MAX_SERIES;
use protocol::message::Role;
use server_mode::remote::{Ending, Event, State};

use super::app::App;
use super::connecting::{self, Dismissed};
use super::connection::{Connection, Opening};
use super::guest::Guest;
use super::hybrid::{Circumstances, Hybrid};
use super::job::Job;
use super::listed;
use super::loading::Underway;
use super::session::SavedDesk;
use super::study::{self, OpenSeries};
use super::text::tr;
use super::viewport::Viewport;

impl App {
    /// Connects to the address that a server prints.
    pub(super) fn connect(&mut self, ctx: &egui::Context, url: &str) {
        match Connection::new(url, ctx) {
            Ok(connection) => {
                self.connect_dialog = None;
                self.messages.clear();
                self.dismissed = None;
                self.connection = Some(connection);
                self.guest = Guest::default();
                self.waiting_for_library = true;
            }
            Err(error) => match &mut self.connect_dialog {
                Some(dialog) => dialog.problem = Some(connecting::unusable(&error)),
                None => {
                    let reason = connecting::unusable(&error);
                    self.tell(tr!("not-connected", reason = reason).into_owned(), Vec::new());
                }
            },
        }
    }

    pub(super) fn disconnect(&mut self) {
        self.connection = None;
        self.remote_thumbnail_job = None;
        // Its series hold the connection.
        self.guest = Guest::default();
        self.desk.annotate.show_hosted(Vec::new(), str::to_owned, false);
        self.desk.let_go_of_servers();
        // Another server may call others by the same names.
        for series in self.listed.there.iter().flat_map(|study| &study.series) {
            self.thumbnails.remove(&series.id);
        }
        self.listed.set_there(&Arc::default());
        if self.hung.as_ref().is_some_and(|hung| self.listed.study(&hung.study).is_none()) {
            self.hung = None;
        }
    }

    /// A server that has no more to do with us: nothing that it told stays, messages that may name its patients included.
    fn be_dismissed(&mut self, server: String, ending: Ending) {
        self.disconnect();
        self.messages.clear();
        self.exporting = false;
        self.files.close_dialog();
        self.dismissed = Some(Dismissed { server, ending });
    }

    /// Whether this is a guest's window that may not drive.
    fn only_watches(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| connection.role_of_guest() == Some(Role::Viewer))
    }

    /// Whether this window shows what a host shows, and nothing else of it.
    pub(super) fn is_guests(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| connection.role_of_guest().is_some())
    }

    /// Has the server open what it has of these series, and takes that out.
    pub(super) fn open_there(&mut self, missing: &mut Vec<String>) {
        let Some(connection) = &self.connection else { return };
        let library = connection.library();
        let wanted: Vec<String> = missing.extract_if(.., |id| is_listed(&library, id)).collect();
        if wanted.is_empty() && self.refused.is_none() {
            return;
        }
        let Opening { refused, is_stuck } = connection.open(&wanted, &self.desk.uses_of_servers());
        if is_stuck {
            self.desk.let_go_of_what_goes();
        }
        if !refused.is_empty() {
            refused.iter().for_each(|id| self.desk.forget(id));
            let names =
                refused.iter().filter_map(|id| self.listed.series(id)).map(|(_, series)| series.title());
            let text = tr!("server-opens-at-most", most = MAX_SERIES, count = refused.len());
            let (text, names) = (text.into_owned(), names.collect());
            self.refused = Some(text.clone());
            self.tell(text, names);
        } else if let Some(told) =
            self.refused.take_if(|_| self.desk.uses_of_servers().staying.len() < MAX_SERIES)
        {
            // There is room again.
            self.messages.retain(|message| message.text != told);
        }
    }

    /// Sees to who draws the series of servers.
    pub(super) fn work_hybrids(&mut self, ctx: &egui::Context) {
        let now_s = ctx.input(|input| input.time);
        let circumstances = Circumstances {
            choice: self.settings.drawing.into(),
            renderer: &self.renderer,
            keeps: self.settings.keep_voxels,
            moving: self.desk.viewports.values().any(Viewport::is_moving),
        };
        for hybrid in self.desk.hybrids() {
            hybrid.work(now_s, &circumstances, ctx);
        }
    }

    /// Has small pictures of the server's series made that the list has none of.
    fn picture_remote(&mut self, ctx: &egui::Context, connection: &Arc<Connection>) {
        if self.remote_thumbnail_job.is_some() {
            return;
        }
        let missing: Vec<String> =
            connection.unpictured().into_iter().filter(|id| !self.thumbnails.contains_key(id)).collect();
        if missing.is_empty() {
            return;
        }
        let connection = Arc::clone(connection);
        self.remote_thumbnail_job = Some(Job::start("thumbnails", ctx, move |progress, sink| {
            for id in missing {
                if progress.is_cancelled() {
                    return;
                }
                // A series without a picture keeps its modality's name in the list.
                let Some(image) = connection.thumbnail(&id) else { continue };
                if !sink.send((id, image)) {
                    return;
                }
            }
        }));
    }

    /// What the server is doing before there is anything to see of it, and how far it is.
    pub(super) fn server_reads(&self) -> Option<Underway> {
        let connection = self.connection.as_ref()?;
        let (series_id, counts) = connection.reading()?;
        let library = connection.library();
        let mut listed = library.iter().flat_map(|study| &study.series);
        let series = listed.find(|series| series.series_instance_uid == series_id)?;
        let name = study::series_title(series.number, &series.description);
        let title = tr!("server-reads", series = name.as_str()).into_owned();
        Some(Underway { title, counts })
    }

    /// Takes what the server has told.
    pub(super) fn take_remote(&mut self, ctx: &egui::Context) {
        self.desk.watches = self.only_watches();
        let Some(connection) = self.connection.clone() else { return };
        if let State::Gone { ending } = connection.state()
            && ending.is_dismissal()
        {
            return self.be_dismissed(connection.authority(), ending);
        }
        // What has been opened is listed by then.
        let events = connection.take_events();
        let here = |told: &str| connection.here(told);
        self.desk.annotate.show_hosted(connection.drawn(), here, self.desk.demographics);
        self.picture_remote(ctx, &connection);
        let library = connection.library();
        let others = self.listed.set_there(&library);
        if !others.is_empty() {
            self.desk.let_go_of(&others);
            others.iter().for_each(|id| drop(self.thumbnails.remove(id)));
        }
        let guest = connection.role_of_guest();
        if guest.is_none() && self.waiting_for_library && !library.is_empty() {
            self.waiting_for_library = false;
            let is_there = |desk: &SavedDesk| desk.series().any(|id| self.listed.series(id).is_some());
            let restoring = self.restoring_there.take();
            match restoring.filter(|(server, desk)| *server == connection.authority() && is_there(desk)) {
                Some((_, desk)) => {
                    self.desk.restore(&desk);
                    // Whoever wants no patient data at the start gets none.
                    self.desk.demographics &= self.settings.demographics;
                    desk.hung.iter().for_each(|saved| self.hung_as(saved));
                }
                None => {
                    let first = listed::first(&self.listed.there).map(|study| study.key.clone());
                    first.iter().for_each(|first| self.hang(first, None, 0));
                }
            }
        }
        for event in events {
            match event {
                Event::Opened(opened) => {
                    let id = connection.here(&opened.id);
                    connection.opened(&id);
                    if let Some((study, series)) = Connection::listed(&library, &id) {
                        // One that is open again keeps what was brought here of it.
                        let mut known = self.desk.hybrids().into_iter();
                        let known = known.find(|known| Arc::ptr_eq(&known.series, &opened));
                        let choice = self.settings.drawing.into();
                        let hybrid =
                            known.unwrap_or_else(|| Hybrid::new(opened, Arc::clone(&connection), choice));
                        let open = OpenSeries::remote(&study, &series, hybrid);
                        let open = Arc::new(open);
                        self.desk.fill(&open);
                        self.guest.opened(open);
                    }
                }
                Event::OpenFailed { series_id, reason } => {
                    connection.did_not_open(&series_id);
                    self.desk.forget(&series_id);
                    let name = self.listed.series(&series_id).map(|(_, series)| series.title());
                    let text = tr!("server-did-not-open", reason = reason).into_owned();
                    self.tell(text, name.into_iter().collect());
                }
                Event::Failed(reason) => {
                    self.tell(tr!("server-says", reason = reason).into_owned(), Vec::new());
                }
                Event::Loading { series_id, done, total } => connection.reads(&series_id, done, total),
                Event::Shared(shared) => self.guest.shared(shared),
            }
        }
        if let Some(role) = guest {
            self.hung = None;
            self.guest.follow(&connection, role, &mut self.desk);
        }
    }
}

/// Whether a server's library has a series.
fn is_listed(library: &[protocol::message::Study], series_id: &str) -> bool {
    library.iter().flat_map(|study| &study.series).any(|series| series.series_instance_uid == series_id)
}
