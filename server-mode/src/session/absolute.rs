//! Views whose whole state the client sets, and the series that they show besides the one of the layout.

use std::sync::Arc;
use std::time::Instant;

use protocol::message::{self, LayoutView, SetView};
use protocol::{ErrorCode, MAX_LAYOUT_PIXELS, MAX_SERIES, ServerMessage};
use render_core::scene::view::Orientation;
use render_core::scene::{Content, ViewState};

use super::view::View;
use super::{Opening, Session, stream};
use crate::studies::{OpenSeries, Target};

type Refusal = (ErrorCode, String);

impl Session {
    /// Opens a series besides those that are open; `seriesOpened` answers in any case that is no error.
    pub(super) fn open_beside(&mut self, id: String, seq: u64) -> Result<(), Refusal> {
        if let Some(series) = self.find_series(&id) {
            let opened = stream::series_opened(&series, &self.presets);
            self.send(&opened);
            return Ok(());
        }
        if self.beside.len() + self.to_open.len() >= MAX_SERIES {
            let reason = format!("At most {MAX_SERIES} series are open at a time; close one first.");
            return Err((ErrorCode::OutOfRange, reason));
        }
        self.to_open.push_back((id, Some(seq)));
        self.open_next();
        Ok(())
    }

    /// One series is waited for at a time.
    pub(super) fn open_next(&mut self) {
        if self.opening.is_some() {
            return;
        }
        let Some((id, seq)) = self.to_open.pop_front() else { return };
        self.request(Opening { request: 0, seq, beside: Some(id.clone()) }, Target::Series(id));
    }

    pub(super) fn opened_beside(&mut self, series: Arc<OpenSeries>) {
        let opened = stream::series_opened(&series, &self.presets);
        self.send(&opened);
        if self.find_series(&series.series_id).is_none() {
            self.beside.push(series);
        }
    }

    pub(super) fn close_series(&mut self, id: &str) -> Result<(), Refusal> {
        self.find_series(id).ok_or_else(|| unknown_series(id))?;
        self.beside.retain(|series| series.series_id != id);
        self.series = self.series.take().filter(|series| series.series_id != id);
        self.remove_views_of_closed();
        Ok(())
    }

    /// Views show series that are open, in their layers, too.
    pub(super) fn remove_views_of_closed(&mut self) {
        let is_closed = |view: &View| {
            let layers = &view.state().layers;
            self.find_series(&view.series().series_id).is_none()
                || layers.iter().any(|layer| self.id_of(&layer.volume).is_none())
        };
        let gone: Vec<u8> = self.views.iter().filter(|(_, view)| is_closed(view)).map(|(n, _)| *n).collect();
        gone.into_iter().for_each(|view| drop(self.remove_view(view)));
    }

    pub(super) fn set(&mut self, now: Instant, seq: u64, set: SetView) -> Result<(), Refusal> {
        let SetView { view: number, series_instance_uid: id, place, look, moving } = set;
        let series = self.find_series(&id).ok_or_else(|| unknown_series(&id))?;
        let pixels = |size: [u32; 2]| u64::from(size[0]) * u64::from(size[1]);
        let others = self.views.iter().filter(|(other, _)| **other != number);
        // Views of the layout come as soon as a series is open.
        let missing = |view: &&LayoutView| view.view != number && !self.views.contains_key(&view.view);
        let to_come: u64 = self.layout.iter().filter(missing).map(|view| pixels(view.size)).sum();
        let all = others.map(|(_, view)| pixels(view.size())).sum::<u64>() + to_come + pixels(place.size);
        if all > MAX_LAYOUT_PIXELS {
            let reason =
                format!("The views have {all} pixels together; at most {MAX_LAYOUT_PIXELS} are possible.");
            return Err((ErrorCode::OutOfRange, reason));
        }
        let known = self.views.get(&number).filter(|view| Arc::ptr_eq(view.series(), &series));
        let mut state = match (known, &look) {
            (Some(view), _) => view.state().clone(),
            (None, Some(_)) => {
                ViewState::new(&series.loaded.volume, Content::Slice, Orientation::Axial, place.size)
            }
            (None, None) => {
                let reason = "A view that is new, or shows another series, needs a `look`.";
                return Err((ErrorCode::OutOfRange, reason.into()));
            }
        };
        let is_known = known.is_some();
        if let Some(look) = &look {
            views::set_look(&mut state, look, |id| {
                self.find_series(id).map(|series| Arc::clone(&series.loaded.volume))
            })
            .map_err(|layer| unknown_series(&layer))?;
        }
        views::set_place(&mut state, &place);
        if !is_known {
            self.remove_view(number);
            self.add_view(series, number, protocol::Content::Axial, place.size, seq);
        }
        if let Some(view) = self.views.get_mut(&number) {
            view.set(now, seq, state, moving);
        }
        Ok(())
    }

    pub(super) fn tell_state(&mut self, number: u8) -> Result<(), Refusal> {
        self.view(number)?.apply_pending();
        let Some(view) = self.views.get(&number) else { return Ok(()) };
        let told = message::ViewState {
            view: number,
            series_instance_uid: view.series().series_id.clone(),
            revision: view.state().revision,
            place: views::place(view.state()),
            look: Some(views::look(view.state(), |volume| self.id_of(volume))),
            moving: view.is_dragging(),
        };
        self.send(&ServerMessage::ViewState(Box::new(told)));
        Ok(())
    }

    pub(super) fn find_series(&self, id: &str) -> Option<Arc<OpenSeries>> {
        self.series.iter().chain(&self.beside).find(|series| series.series_id == id).cloned()
    }

    fn id_of(&self, volume: &Arc<render_core::Volume>) -> Option<String> {
        let open = self.series.iter().chain(&self.beside);
        let found = open.into_iter().find(|series| Arc::ptr_eq(&series.loaded.volume, volume));
        found.map(|series| series.series_id.clone())
    }
}

pub(super) fn unknown_series(id: &str) -> Refusal {
    let id: String = id.chars().take(64).collect();
    (ErrorCode::UnknownSeries, format!("The series {id} is not open."))
}
