//! Sessions of guests: their views are the host's, in sizes of their own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::message::{self, Drawn, LayoutView, Role, SetView, Shared};
use protocol::{ClientMessage, ErrorCode, ServerMessage};
use render_core::Volume;
use render_core::scene::ViewState;

use super::absolute::unknown_series;
use super::{Output, Session, stream};
use crate::board::{Shown, ShownView};

/// Drawings that move are told no more often, which looks like moving; and not before what was told has arrived.
const DRAWN_EVERY: Duration = Duration::from_millis(60);

/// What a session knows of its host.
#[derive(Debug, Default)]
pub struct Host {
    shown: Arc<Shown>,
    /// The sizes that the guest wants.
    sizes: Vec<LayoutView>,
    /// The state of each view that was told last, and whether a hand was at work then.
    told: Vec<(u8, ViewState, bool)>,
    /// The same that a hand of the guest's has led to.
    driven: Vec<(u8, ViewState)>,
    /// What was told of its drawings, by series; `None` where that may be lost.
    drawn: BTreeMap<String, Option<Arc<Drawn>>>,
    /// Counts what was told of views and drawings: two ways may carry it out of order.
    count: u64,
    /// When the guest's own hand last moved something.
    moved_here: Option<Instant>,
    /// When more of them may be told, and how many lists are not acknowledged.
    draw_at: Option<Instant>,
    drawn_ahead: usize,
}

impl Host {
    fn number(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    fn views(&mut self) -> ServerMessage {
        let (views, layout) = (self.shown.numbers(), self.shown.layout.clone());
        ServerMessage::Shared(Shared { number: self.number(), views, layout })
    }

    pub fn library(&self) -> ServerMessage {
        ServerMessage::Library { studies: self.shown.library.clone() }
    }

    /// What was told of drawings may be lost.
    pub fn doubt_drawn(&mut self) {
        self.drawn.values_mut().for_each(|told| *told = None);
        (self.draw_at, self.drawn_ahead) = (None, 0);
    }

    /// A list has arrived.
    pub fn drew(&mut self) {
        self.drawn_ahead = self.drawn_ahead.saturating_sub(1);
    }

    /// What the client does not know yet of what is drawn: a list for each series that has another one now.
    fn unknown(&self) -> impl Iterator<Item = Arc<Drawn>> {
        let is_known = |now: &&Arc<Drawn>| match self.drawn.get(&now.series_instance_uid) {
            None => now.drawings.is_empty(),
            Some(told) => told.as_ref().is_some_and(|told| Arc::ptr_eq(told, now)),
        };
        let is_there = |id: &str| self.shown.drawn.iter().any(|drawn| drawn.series_instance_uid == id);
        let is_gone = move |(id, told): &(&String, &Option<Arc<Drawn>>)| {
            !is_there(id) && told.as_ref().is_none_or(|told| !told.drawings.is_empty())
        };
        let none = |id: &String| Drawn { series_instance_uid: id.clone(), drawings: Vec::new() };
        let changed = self.shown.drawn.iter().filter(move |now| !is_known(now)).cloned();
        changed.chain(self.drawn.iter().filter(is_gone).map(move |(id, _)| Arc::new(none(id))))
    }

    /// When drawings are to be told of that wait.
    pub fn draw_at(&self) -> Option<Instant> {
        self.draw_at.filter(|_| self.drawn_ahead == 0 && self.unknown().next().is_some())
    }
}

/// Whether a message changes what is seen.
fn moves(message: &ClientMessage) -> bool {
    use ClientMessage as M;
    matches!(
        message,
        M::Set(_)
            | M::Pointer { .. }
            | M::Wheel { .. }
            | M::Pinch { .. }
            | M::Scroll { .. }
            | M::Rotate { .. }
            | M::Window { .. }
            | M::Preset { .. }
            | M::Reset { .. }
            | M::Values { .. }
    )
}

/// Whose hand has moved something within so long waits for pictures.
const HAND_RESTS: Duration = Duration::from_secs(1);

impl Session {
    /// Whether what moves is moved by another's hand.
    pub(super) fn looks_on(&self, now: Instant) -> bool {
        let moves = |at: Instant| now.saturating_duration_since(at) < HAND_RESTS;
        self.access.role != Role::Owner && !self.host.moved_here.is_some_and(moves)
    }

    /// Whether this client may ask for that.
    pub(super) fn may(&self, message: &ClientMessage) -> bool {
        use ClientMessage as M;
        match (self.access.role, message) {
            (Role::Owner, _) => true,
            (_, M::OpenSeries { .. } | M::OpenBeside { .. } | M::CloseSeries { .. } | M::DropView { .. }) => {
                false
            }
            (role, message) => role == Role::Driver || !moves(message),
        }
    }

    /// Takes note of what a guest's own hand does.
    pub(super) fn notice_hand(&mut self, now: Instant, message: &ClientMessage) {
        if moves(message) {
            self.host.moved_here = Some(now);
        }
    }

    /// The host lets a guest do more, or less.
    pub(super) fn change_role(&mut self, role: Role) {
        if std::mem::replace(&mut self.access.role, role) != role && self.is_there {
            self.send(&ServerMessage::Role { role });
        }
    }

    /// The host shows something else.
    pub(super) fn host_shows(&mut self, now: Instant, shown: Arc<Shown>) {
        let before = std::mem::replace(&mut self.host.shown, shown);
        let shown = Arc::clone(&self.host.shown);
        if before.library != shown.library {
            self.send(&self.host.library());
        }
        for series in &shown.series {
            if !self.beside.iter().any(|open| Arc::ptr_eq(open, series)) {
                let opened = stream::series_opened(series, &self.presets);
                self.send(&opened);
            }
        }
        self.beside.clone_from(&shown.series);
        if (before.numbers(), &before.layout) != (shown.numbers(), &shown.layout) {
            let views = self.host.views();
            self.send(&views);
        }
        let numbers = shown.numbers();
        let gone: Vec<u8> = self.views.keys().copied().filter(|number| !numbers.contains(number)).collect();
        gone.into_iter().for_each(|number| drop(self.remove_view(number)));
        // Of a view that shows another series now, nothing is known.
        let stays = |number: u8| {
            let of = |shown: &'_ Shown| {
                shown.views.iter().find(|view| view.number == number).map(|view| Arc::clone(&view.series))
            };
            of(&before).zip(of(&shown)).is_some_and(|(before, now)| Arc::ptr_eq(&before, &now))
        };
        self.host.told.retain(|(number, ..)| stays(*number));
        shown.views.iter().for_each(|view| self.follow(now, view));
    }

    /// All of it again, for a client that has just come.
    pub(super) fn tell_shown(&mut self) {
        self.host.doubt_drawn();
        self.host.drawn.clear();
        // One that is new is about to learn it.
        if !self.host.shown.views.is_empty() {
            self.tell_views();
        }
    }

    /// The same for a guest that may not have got what was told by a way that broke: pictures would stand under an
    /// earlier place.
    pub(super) fn tell_shown_again(&mut self) {
        if self.access.role == Role::Owner {
            return;
        }
        self.send(&self.host.library());
        for series in self.beside.clone() {
            let opened = stream::series_opened(&series, &self.presets);
            self.send(&opened);
        }
        self.tell_views();
    }

    fn tell_views(&mut self) {
        self.host.told.clear();
        let shown = Arc::clone(&self.host.shown);
        let views = self.host.views();
        self.send(&views);
        shown.views.iter().for_each(|view| self.tell_shown_view(view));
    }

    /// A guest says how large the host's views are to be.
    pub(super) fn size_views(&mut self, now: Instant, wanted: Vec<LayoutView>) {
        self.host.sizes = wanted;
        let shown = Arc::clone(&self.host.shown);
        shown.views.iter().for_each(|view| self.follow(now, view));
    }

    fn follow(&mut self, now: Instant, shown: &ShownView) {
        let ShownView { number, series, state, moving } = shown;
        let Some(wanted) = self.host.sizes.iter().find(|wanted| wanted.view == *number) else {
            return self.tell_shown_view(shown);
        };
        let (size, paused) = (wanted.size, wanted.paused);
        if self.views.get(number).is_some_and(|view| !Arc::ptr_eq(view.series(), series)) {
            self.remove_view(*number);
        }
        let seq = self.lanes.newest_seq();
        if !self.views.contains_key(number) {
            self.add_view(Arc::clone(series), *number, protocol::Content::Axial, size, seq);
        }
        if let Some(view) = self.views.get_mut(number) {
            view.set(now, seq, ViewState { size, ..state.clone() }, *moving);
        }
        self.pause(*number, paused);
        self.tell_shown_view(shown);
    }

    /// Tells what the host has set, where the guest does not know it.
    fn tell_shown_view(&mut self, shown: &ShownView) {
        let ShownView { number, series, moving, .. } = shown;
        let state = match self.views.get(number) {
            Some(view) => view.state().clone(),
            // No picture of it is wanted yet.
            None => ViewState { revision: 0, ..shown.state.clone() },
        };
        let known = self.host.told.iter().position(|(told, ..)| told == number);
        if known.is_some_and(|at| (&self.host.told[at].1, self.host.told[at].2) == (&state, *moving)) {
            return;
        }
        let id_of = |volume: &Arc<Volume>| self.host.shown.id_of(volume);
        let look = views::look(&state, id_of);
        let is_same = known.is_some_and(|at| views::look(&self.host.told[at].1, id_of) == look);
        let told = message::ViewState {
            view: *number,
            series_instance_uid: series.series_id.clone(),
            // Revisions are this session's own: frames tell them.
            revision: state.revision,
            place: views::place(&state),
            look: (!is_same).then_some(look),
            moving: *moving,
        };
        match known {
            Some(at) => self.host.told[at] = (*number, state, *moving),
            None => self.host.told.push((*number, state, *moving)),
        }
        self.send(&ServerMessage::ViewState(Box::new(told)));
    }

    /// Tells what the host has drawn: the newest of it, as often as the way carries it.
    pub(super) fn tell_drawn(&mut self, now: Instant) {
        let waits = self.host.drawn_ahead > 0 || self.host.draw_at.is_some_and(|at| now < at);
        if !self.accepts.drawings || waits {
            return;
        }
        for drawn in self.host.unknown().collect::<Vec<_>>() {
            let Drawn { series_instance_uid, drawings } = (*drawn).clone();
            let number = self.host.number();
            self.send(&ServerMessage::Drawn { number, series_instance_uid, drawings });
            self.host.drawn.insert(drawn.series_instance_uid.clone(), Some(drawn));
            self.host.drawn_ahead += 1;
            self.host.draw_at = Some(now + DRAWN_EVERY);
        }
    }

    /// A guest that may drive sets a view of the host's.
    pub(super) fn drive(&mut self, set: SetView) -> Result<(), (ErrorCode, String)> {
        let SetView { view: number, series_instance_uid: id, place, look, moving } = set;
        let shown = &self.host.shown;
        let is_it = |view: &&ShownView| view.number == number && view.series.series_id == id;
        let unknown = || (ErrorCode::UnknownView, format!("The host shows no view {number} of this series."));
        let hosted = &shown.views.iter().find(is_it).ok_or_else(unknown)?.state;
        let mut state = hosted.clone();
        if let Some(look) = &look {
            let volume_of = |id: &str| shown.volume_of(id);
            views::set_look(&mut state, look, volume_of).map_err(|id| unknown_series(&id))?;
        }
        views::set_place(&mut state, &place);
        state.size = hosted.size;
        if state == *hosted && !moving {
            return Ok(());
        }
        self.out.push_back(Output::Drive { view: number, series_id: id, state: Box::new(state), moving });
        Ok(())
    }

    /// What a guest's hand has changed in its views is the host's to show.
    pub(super) fn drive_changes(&mut self) {
        if self.access.role != Role::Driver {
            return;
        }
        for hosted in &self.host.shown.views {
            let number = hosted.number;
            let Some(view) = self.views.get(&number) else { continue };
            let Host { told, driven, .. } = &self.host;
            let mut known = told
                .iter()
                .map(|(of, state, _)| (of, state))
                .chain(driven.iter().map(|(of, state)| (of, state)));
            if known.any(|known| known == (&number, view.state())) {
                continue;
            }
            self.host.driven.retain(|(of, _)| *of != number);
            self.host.driven.push((number, view.state().clone()));
            let (size, revision) = (hosted.state.size, hosted.state.revision);
            let state = Box::new(ViewState { size, revision, ..view.state().clone() });
            let (series_id, moving) = (hosted.series.series_id.clone(), view.is_dragging());
            self.out.push_back(Output::Drive { view: number, series_id, state, moving });
        }
    }
}
