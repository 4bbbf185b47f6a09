//! The server whose studies the window shows.

use std::sync::Arc;

use eframe::egui;
use server_mode::remote::Event;

use super::app::App;
use super::connection::Connection;
use super::desk::Arrangement;
use super::guest::Guest;
use super::hybrid::{Circumstances, Hybrid};
use super::job::Job;
use super::loading::Underway;
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
                self.connection = Some(connection);
                self.guest = Guest::default();
                self.waiting_for_library = true;
            }
            Err(error) => match &mut self.connect_dialog {
                Some(dialog) => dialog.problem = Some(error.to_string()),
                None => self.tell(tr!("not-connected", reason = error.to_string()).into_owned(), Vec::new()),
            },
        }
    }

    pub(super) fn disconnect(&mut self) {
        self.connection = None;
        self.remote_thumbnail_job = None;
        // Its series hold the connection.
        self.guest = Guest::default();
        self.desk.let_go_of_servers();
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
        let Some(connection) = self.connection.clone() else { return };
        self.picture_remote(ctx, &connection);
        // What has been opened is listed by then.
        let events = connection.take_events();
        let library = connection.library();
        let guest = connection.role_of_guest();
        if guest.is_none() && self.waiting_for_library && !library.is_empty() {
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
        for event in events {
            match event {
                Event::Opened(opened) => {
                    connection.answered(&opened.id);
                    if let Some((study, series)) = Connection::listed(&library, &opened) {
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
                    connection.answered(&series_id);
                    self.desk.forget(&series_id);
                    self.tell(tr!("server-did-not-open", reason = reason).into_owned(), Vec::new());
                }
                Event::Failed(reason) => {
                    self.tell(tr!("server-says", reason = reason).into_owned(), Vec::new());
                }
                Event::Loading { series_id, done, total } => connection.reads(&series_id, done, total),
                Event::Shared(views) => self.guest.shared(views),
            }
        }
        if let Some(role) = guest {
            self.guest.follow(&connection, role, &mut self.desk);
        }
    }
}

/// Whether a server's library has a series.
pub fn is_listed(library: &[protocol::message::Study], series_id: &str) -> bool {
    library.iter().flat_map(|study| &study.series).any(|series| series.series_instance_uid == series_id)
}
