//! How the study on screen is laid out, by a hanging protocol.

use std::collections::HashSet;

use eframe::egui;

use super::app::App;
use super::desk::{Arrangement, Cell};
use super::hanging::{self, Protocol, Protocols, Shown};
use super::job::{Job, Poll};
use super::listed::{Series, Study};
use super::menu::Candidate;
use super::session::SavedHung;
use super::text::tr;
use super::viewport::Viewport;

/// How a study is laid out.
#[derive(Clone, Debug)]
pub struct Hung {
    /// [`Study::key`].
    pub study: String,
    pub protocol: String,
    pub stage: usize,
    /// The names of its stages.
    pub stages: Vec<String>,
    /// The names of all protocols that match.
    pub others: Vec<String>,
    /// What it lays out.
    arrangement: Arrangement,
}

impl Hung {
    fn new(
        study: &Study,
        chosen: &Protocol,
        stage: usize,
        matching: &[&Protocol],
        arrangement: Arrangement,
    ) -> Self {
        Self {
            study: study.key.clone(),
            protocol: chosen.name.clone(),
            stage,
            stages: chosen.stages.iter().map(|stage| stage.name.clone()).collect(),
            others: matching.iter().map(|known| known.name.clone()).collect(),
            arrangement,
        }
    }
}

impl App {
    /// Lays a study out, by a protocol's name or the first one that matches. A guest's window follows its host.
    pub(super) fn hang(&mut self, study: &str, protocol: Option<&str>, stage: usize) {
        let Some((study, all)) = self.listed.study(study).filter(|_| !self.is_guests()) else { return };
        let priors = hanging::priors(study, all);
        let matching = self.protocols.matching(study, &priors);
        let chosen = protocol.and_then(|name| matching.iter().find(|known| known.name == name));
        let Some(chosen) = chosen.or(matching.first()) else { return };
        let stage = stage.min(chosen.stages.len() - 1);
        let arrangement = chosen.arrange(stage, study, &priors);
        let hung = Hung::new(study, chosen, stage, &matching, arrangement.clone());
        let patient = (!self.desk.windows.is_empty()).then(|| study.patient.clone());
        self.hung = Some(hung);
        self.desk.arrange(&arrangement);
        // Two patients side by side on two screens are taken for one.
        if patient.is_some_and(|patient| self.desk.windows_show_others(&patient))
            && let Some(first) = arrangement.cells.iter().flatten().next()
        {
            self.desk.windows_show(&first.series_id);
        }
    }

    /// Whether the main window was laid out otherwise since, or shows other series by now; times of one are the same.
    pub(super) fn is_hung_otherwise(&self) -> bool {
        let Some(Hung { arrangement: Arrangement { columns, cells }, .. }) = &self.hung else { return false };
        let (now_columns, now) = self.desk.cells_to_be();
        let is_time_of = |id: &str, other: &str| {
            id == other || self.listed.series(id).is_some_and(|(_, series)| series.has(other))
        };
        let same = |(a, b): (&Option<Cell>, &Option<Cell>)| match (a, b) {
            (Some(a), Some(b)) => a.kind == b.kind && is_time_of(&a.series_id, &b.series_id),
            (None, None) => true,
            _ => false,
        };
        now_columns != *columns || now.len() != cells.len() || !cells.iter().zip(&now).all(same)
    }

    /// What is on screen was hung so when it was kept; protocols that are gone since are forgotten.
    pub(super) fn hung_as(&mut self, saved: &SavedHung) {
        let Some((study, all)) = self.listed.study(&saved.study) else { return };
        let priors = hanging::priors(study, all);
        let matching = self.protocols.matching(study, &priors);
        let chosen = matching.iter().find(|protocol| protocol.name == saved.protocol);
        let chosen = chosen.filter(|protocol| saved.stage < protocol.stages.len());
        let laid_out = |chosen: &Protocol| chosen.arrange(saved.stage, study, &priors);
        self.hung = chosen.map(|chosen| Hung::new(study, chosen, saved.stage, &matching, laid_out(chosen)));
    }

    /// Keeps what is on screen as a protocol of the user's.
    pub(super) fn keep_arrangement(&mut self, ctx: &egui::Context, name: &str) {
        let Some(folder) = self.protocols_folder.clone() else {
            return self.tell(tr!("hanging-no-folder").into_owned(), Vec::new());
        };
        let active = self.desk.active().and_then(|viewport| self.listed.series(&viewport.series.series_id));
        let listed = active.and_then(|(study, _)| self.listed.study(&study.key));
        let Some((study, all)) = listed else {
            return self.tell(tr!("hanging-only-listed").into_owned(), Vec::new());
        };
        let (columns, cells) = self.desk.cells();
        let cells: Vec<_> = cells
            .iter()
            .map(|cell| {
                let Cell { series_id, kind, over } = cell.as_ref()?;
                let (study, series) = self.listed.series(series_id)?;
                let over = over.as_ref().and_then(|over| self.listed.series(over)).map(|(_, series)| series);
                Some(Shown { study, series, kind: *kind, over })
            })
            .collect();
        let priors = hanging::priors(study, all);
        let protocol = hanging::Protocol::of_cells(name, columns, &cells, study, &priors);
        self.keeping = Some(Job::start("keep protocol", ctx, move |_, sink| {
            let kept = protocol.save(&folder).map(|()| Protocols::read(&folder).0);
            sink.send(kept.map_err(|error| error.to_string()));
        }));
    }

    pub(super) fn take_kept(&mut self) {
        let Some(job) = &self.keeping else { return };
        match job.poll() {
            Poll::Pending => return,
            Poll::Result(Ok(protocols)) => self.protocols = protocols,
            Poll::Result(Err(error)) => {
                self.tell(tr!("hanging-not-kept", reason = error).into_owned(), Vec::new());
            }
            Poll::Ended => {}
        }
        self.keeping = None;
    }

    pub(super) fn step_stage(&mut self, by: isize) {
        let Some(hung) = &self.hung else { return };
        let stage = (hung.stage as isize + by).rem_euclid(hung.stages.len() as isize) as usize;
        let (study, protocol) = (hung.study.clone(), hung.protocol.clone());
        self.hang(&study, Some(&protocol), stage);
    }

    /// How many series of the active viewport's study are shown, of how many.
    pub(super) fn series_shown(&self) -> Option<(usize, usize)> {
        let (study, _) = self.listed.series(&self.desk.active()?.series.series_id)?;
        let is_shown = |series: &&Series| self.desk.seen().any(|open| series.has(&open.series_id));
        let listed = (!self.is_guests()).then_some(&study.series)?;
        Some((listed.iter().filter(is_shown).count(), listed.len()))
    }

    /// What can be laid over the series on screen.
    pub(super) fn candidates(&self) -> Vec<Candidate> {
        if self.is_guests() {
            return Vec::new();
        }
        let frames: HashSet<&str> = self.desk.viewports.values().map(Viewport::frame).collect();
        let of = |studies: &[Study], there: bool| -> Vec<Candidate> {
            let all = studies.iter().flat_map(|study| &study.series);
            all.filter(|series| !series.frame.is_empty() && frames.contains(series.frame.as_str()))
                .map(|series| Candidate {
                    series_id: series.id.clone(),
                    title: series.title(),
                    frame: series.frame.clone(),
                    there,
                })
                .collect()
        };
        [of(&self.listed.here, false), of(&self.listed.there, true)].concat()
    }
}
