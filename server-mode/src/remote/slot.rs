//! One place of a window: what it is to show, what the server knows of that, and the picture that came.

use std::collections::VecDeque;
use std::sync::Arc;

use protocol::message::{SetView, ViewState as ToldState};
use protocol::scene::Look;
use protocol::{FrameHeader, MAX_TEXT_BYTES, Quality, REVISIONS};
use render_core::scene::{Content, ViewState};
use render_core::window::Shape;

use super::{HostView, Picture};
use crate::screen::Values;

/// States that a frame on its way may show: some seconds of a fast hand.
const MOST_SENT: usize = 1024;
/// The same of a host's.
const MOST_TOLD: usize = 256;
/// A view that rests without a picture of what it is to show is looked at so often before one is asked for; twice as
/// often before the next one is, and no more often than this in all.
const PATIENCE: u32 = 5;
const MOST_ASKED: u32 = 3;

#[derive(Debug, Default)]
pub struct Slot {
    wanted: Option<Wanted>,
    /// The server is to be told what is wanted, or that nothing is.
    is_unsent: bool,
    /// The window draws it, and wants no pictures.
    paused: bool,
    /// The size and the pause that a guest has told last.
    told_layout: Option<([u32; 2], bool)>,
    /// What the server knows: the last state that was set, with its look.
    known: Option<(String, Arc<ViewState>, Look)>,
    /// States by the `seq` that set them, newest last.
    sent: VecDeque<(u64, Arc<ViewState>)>,
    /// A host's states by their revision, newest last.
    told: VecDeque<(u64, Arc<ViewState>)>,
    pub host: Option<HostView>,
    /// What the window has taken over from the host.
    adopted: Option<Arc<ViewState>>,
    pub picture: Option<Picture>,
    /// Values of the state that they were asked for in this movement.
    asked: Option<Arc<ViewState>>,
    values: Option<Values>,
    /// How much is done of a picture that refines.
    pub refined: Option<f64>,
    /// Frames that show less than this are older than what was drawn here.
    drawn_here: u64,
    /// What the last picture showed, and how well.
    shown: Option<(Arc<ViewState>, Quality)>,
    /// How often the view was found without a picture of what it is to show since anything about it changed.
    looks: u32,
    /// A frame has come before what it shows was told.
    was_early: bool,
}

#[derive(Clone, Debug)]
struct Wanted {
    series_id: String,
    view: Arc<ViewState>,
    moving: bool,
}

/// What to tell the server.
#[derive(Debug)]
pub enum ToSend {
    Set(Box<SetView>),
    Drop,
}

impl Slot {
    /// Returns whether there is something to tell.
    pub fn show(&mut self, series_id: &str, view: &ViewState, moving: bool) -> bool {
        if let Some(wanted) = &self.wanted
            && (wanted.series_id.as_str(), wanted.moving) == (series_id, moving)
            && *wanted.view == *view
        {
            return false;
        }
        if !moving {
            (self.values, self.asked) = (None, None);
        }
        if self.wanted.as_ref().is_some_and(|wanted| wanted.series_id != series_id) {
            // Pictures of the series before, which may be of another patient, are on their way still.
            self.sent.clear();
            (self.values, self.asked) = (None, None);
            // Those of a host are of what it shows now.
            if self.host.is_none() {
                (self.picture, self.shown) = (None, None);
            }
        }
        self.looks = 0;
        self.wanted = Some(Wanted { series_id: series_id.to_owned(), view: Arc::new(view.clone()), moving });
        self.is_unsent = !self.is_adopted(view);
        if self.is_unsent {
            self.adopted = None;
        }
        true
    }

    /// The window shows it no longer. What its host shows there is the host's to say, and a picture of it is kept for the
    /// window that follows.
    pub fn hide(&mut self) {
        let before = std::mem::take(self);
        self.is_unsent = before.known.is_some();
        (self.known, self.told, self.was_early) = (before.known, before.told, before.was_early);
        if before.host.is_some() {
            (self.host, self.picture, self.shown) = (before.host, before.picture, before.shown);
        }
    }

    /// The newest picture, of the series that the window shows.
    pub fn take_picture(&mut self) -> Option<Picture> {
        let wanted = self.wanted.as_ref()?;
        let is_it = self.host.as_ref().is_none_or(|host| host.series_id == wanted.series_id);
        self.picture.take_if(|_| is_it)
    }

    /// The host shows nothing in it any more.
    pub fn left(&mut self) {
        (self.host, self.picture, self.shown) = (None, None, None);
        self.told.clear();
    }

    /// The server has closed a series, and whatever showed it.
    pub fn closed(&mut self, series_id: &str) {
        self.known = self.known.take().filter(|(known, ..)| known != series_id);
    }

    /// Another connection, or session, knows nothing of it. The picture stays. What a guest wanted a while ago is not
    /// wanted from a host that has gone on.
    pub fn begin_anew(&mut self) {
        self.is_unsent = self.wanted.is_some() && self.host.is_none();
        (self.known, self.told_layout) = (None, None);
        (self.values, self.asked, self.drawn_here) = (None, None, 0);
        self.sent.clear();
        self.told.clear();
    }

    /// What a host shows is not wanted otherwise any more.
    pub fn take_back(&mut self) {
        self.is_unsent &= self.host.is_none();
    }

    /// Width and height of a guest's view, and whether it is paused.
    pub fn layout(&self) -> Option<([u32; 2], bool)> {
        self.wanted.as_ref().map(|wanted| (wanted.view.size, self.paused))
    }

    /// Returns whether that is new.
    pub fn pause(&mut self, paused: bool) -> bool {
        std::mem::replace(&mut self.paused, paused) != paused
    }

    /// Whether it is of no use any more.
    pub fn is_done(&self) -> bool {
        self.wanted.is_none() && !self.is_unsent && self.host.is_none()
    }

    /// Whether a guest's window wants it otherwise than was told, or not any more.
    pub fn take_relaid(&mut self) -> bool {
        let layout = self.layout();
        std::mem::replace(&mut self.told_layout, layout) != layout
    }

    /// The window of a guest takes over what the host shows: showing that is no wish of the guest's, also where the
    /// host has gone on by then.
    pub fn adopt(&mut self, state: Arc<ViewState>) {
        // The look that the guest has set last is not the host's any more.
        (self.adopted, self.known) = (Some(state), None);
    }

    fn is_adopted(&self, view: &ViewState) -> bool {
        self.adopted.as_ref().is_some_and(|adopted| {
            ViewState { size: adopted.size, revision: adopted.revision, ..view.clone() } == **adopted
        })
    }

    /// What the server is to be told now, where the series is open; `id_of` finds the series of layers.
    pub fn next(
        &mut self,
        number: u8,
        is_open: impl Fn(&str) -> bool,
        id_of: impl Fn(&Arc<render_core::Volume>) -> Option<String>,
    ) -> Result<Option<ToSend>, String> {
        if !self.is_unsent {
            return Ok(None);
        }
        let Some(Wanted { series_id, view, moving }) = &self.wanted else {
            self.is_unsent = false;
            return Ok(self.known.take().map(|_| ToSend::Drop));
        };
        // A picture without a layer would be another one than the window tells of.
        let mut layers = view.layers.iter().filter_map(|layer| id_of(&layer.volume));
        if !is_open(series_id) || !layers.all(|id| is_open(&id)) {
            return Ok(None);
        }
        self.is_unsent = false;
        let place = views::place(view);
        let look = views::look(view, id_of);
        let same = self.known.as_ref().is_some_and(|(id, _, known)| id == series_id && *known == look);
        place.check()?;
        if !same {
            look.check()?;
            if serde_json::to_string(&look).unwrap_or_default().len() > MAX_TEXT_BYTES / 4 * 3 {
                return Err("The look of this view is too elaborate to be told.".into());
            }
        }
        let set = SetView {
            view: number,
            series_instance_uid: series_id.clone(),
            place,
            look: (!same).then(|| look.clone()),
            moving: *moving,
        };
        self.known = Some((series_id.clone(), Arc::clone(view), look));
        Ok(Some(ToSend::Set(Box::new(set))))
    }

    /// What was to be sent has this number.
    pub fn was_sent(&mut self, seq: u64) {
        let Some((_, view, _)) = &self.known else { return };
        if self.sent.len() >= MOST_SENT {
            self.sent.pop_front();
        }
        self.sent.push_back((seq, Arc::clone(view)));
        if let (Some(values), Some(asked)) = (&self.values, &self.asked) {
            if differ_in_window(asked, view) {
                let (rgba, size, view) = (values.paint(view.window), values.size(), Arc::clone(view));
                self.drawn_here = seq;
                let quality = Quality::Final;
                self.picture = Some(Picture { rgba, size, view, quality, codec: None, refined: None });
            } else {
                // The server draws again.
                self.values = None;
            }
        }
    }

    /// Whether the values of what is shown would be of use, which is found out once in a movement: a hand moves
    /// nothing but the window. Has to be asked before the state is sent.
    pub fn wants_values(&mut self) -> bool {
        let (Some(wanted), Some((_, known, _))) = (&self.wanted, &self.known) else { return false };
        let straight = matches!(wanted.view.window.shape(), Shape::Linear | Shape::LinearExact);
        let windows =
            wanted.moving && wanted.view.window != known.window && differ_in_window(known, &wanted.view);
        let wants = !self.paused
            && self.asked.is_none()
            && windows
            && straight
            && wanted.view.content == Content::Slice;
        if wants {
            self.asked = Some(Arc::clone(known));
        }
        wants
    }

    pub fn values(&mut self, values: Values) {
        let (Some(wanted), Some(asked)) = (&self.wanted, &self.asked) else { return };
        if wanted.moving && differ_in_window(asked, &wanted.view) && values.size() == asked.size {
            self.values = Some(values);
            self.is_unsent = true;
        }
    }

    /// A frame has been decoded: what it shows becomes the picture. Returns whether there is one to take.
    pub fn decoded(&mut self, header: &FrameHeader, rgba: Vec<u8>, size: [u32; 2]) -> bool {
        let era = |revision: u64| revision / REVISIONS;
        let newest = self.told.back().map(|(revision, _)| era(*revision));
        if self.host.is_some() && newest.is_none_or(|newest| era(header.view_revision) > newest) {
            self.was_early = true;
            return false;
        }
        let by_seq = self.sent.iter().rfind(|(seq, _)| *seq <= header.input_seq);
        let by_revision = self.told.iter().rfind(|(revision, _)| *revision <= header.view_revision);
        let Some((_, view)) = by_revision.or(by_seq) else { return false };
        if header.input_seq < self.drawn_here {
            return false;
        }
        // A host's revisions are its session's: where it shows what the window does, the window's tell so.
        let is_shown = |wanted: &&Wanted| {
            let revision = wanted.view.revision;
            by_revision.is_some() && ViewState { revision, ..(**view).clone() } == *wanted.view
        };
        let view = Arc::clone(self.wanted.as_ref().filter(is_shown).map_or(view, |wanted| &wanted.view));
        if let Some((seq, _)) = by_seq {
            let seq = *seq;
            self.sent.retain(|(sent, _)| *sent >= seq);
        }
        let (quality, codec) = (header.quality, Some(header.codec));
        let refined = self.refined.filter(|_| view.content == Content::Cinematic);
        // One that the window has not taken yet may be better.
        let is_worse = |pending: &Picture| pending.quality > quality && *pending.view == *view;
        if self.picture.as_ref().is_some_and(is_worse) {
            return false;
        }
        (self.shown, self.looks) = (Some((Arc::clone(&view), quality)), 0);
        self.picture = Some(Picture { rgba, size, view, quality, codec, refined });
        true
    }

    /// Looks at it once more while nothing comes. Returns whether it rests for too long without a picture of what it is to
    /// show: one is to be asked for.
    pub fn is_stuck(&mut self) -> bool {
        let is_known = !self.is_unsent && (self.known.is_some() || self.host.is_some());
        let Some(Wanted { view, moving: false, .. }) =
            self.wanted.as_ref().filter(|_| is_known && !self.paused)
        else {
            return false;
        };
        let is_of_it = |(shown, quality): &(Arc<ViewState>, Quality)| {
            let (size, revision) = (view.size, view.revision);
            *quality > Quality::Interactive && ViewState { size, revision, ..(**shown).clone() } == **view
        };
        if view.content == Content::Cinematic || self.shown.as_ref().is_some_and(is_of_it) {
            return false;
        }
        self.looks = self.looks.saturating_add(1);
        let asked = self.looks / PATIENCE;
        self.looks.is_multiple_of(PATIENCE) && asked.is_power_of_two() && asked < 1 << MOST_ASKED
    }

    /// The server cannot draw something: asking for it again is of no use until it is to show something else.
    pub fn give_up(&mut self) {
        self.looks = u32::MAX;
    }

    /// The host has set this. Returns whether a picture of it was here before, and is to be asked for again.
    pub fn told(&mut self, told: &ToldState, state: ViewState) -> bool {
        let state = Arc::new(state);
        if self.host.as_ref().is_some_and(|host| host.series_id != told.series_instance_uid) {
            self.told.clear();
            self.sent.clear();
            (self.picture, self.shown) = (None, None);
        }
        self.looks = 0;
        let series_id = told.series_instance_uid.clone();
        self.host = Some(HostView { series_id, state: Arc::clone(&state), moving: told.moving });
        // Those without a revision have no pictures.
        if told.revision == 0 {
            return false;
        }
        if self.told.len() >= MOST_TOLD {
            self.told.pop_front();
        }
        self.told.push_back((told.revision, state));
        std::mem::take(&mut self.was_early)
    }
}

fn differ_in_window(a: &ViewState, b: &ViewState) -> bool {
    ViewState { revision: b.revision, window: b.window, ..a.clone() } == *b
        && a.window.shape() == b.window.shape()
}

#[cfg(test)]
mod tests {
    use glam::DAffine3;
    use protocol::Codec;
    use render_core::scene::ColorMap;
    use render_core::scene::layer::{self, Layer};
    use render_core::scene::view::Orientation;
    use render_core::volume::{Meaning, Rescale};
    use render_core::{Geometry, Volume, Voxels};

    use super::*;

    fn view() -> ViewState {
        let geometry = Geometry::new([4, 4, 4], DAffine3::IDENTITY).expect("a geometry");
        let voxels = Voxels::U8(vec![0u8; 64].into());
        let volume = Volume::new(geometry, voxels, Rescale::IDENTITY, Meaning::default()).expect("a volume");
        ViewState::new(&volume, Content::Slice, Orientation::Axial, [2, 2])
    }

    fn frame(input_seq: u64) -> FrameHeader {
        FrameHeader {
            codec: Codec::Png,
            quality: Quality::Lossless,
            view: 0,
            cleared: true,
            stretched: false,
            key: false,
            size: [2, 2],
            frame: 1,
            input_seq,
            view_revision: 0,
            render_us: 0,
            encode_us: 0,
            hash: 0,
        }
    }

    #[test]
    fn a_hosts_picture_of_what_the_window_shows_has_the_windows_revision() {
        let (mut slot, own) = (Slot::default(), view());
        let told = ToldState {
            view: 0,
            series_instance_uid: "1.2".into(),
            revision: 7,
            place: views::place(&own),
            look: None,
            moving: false,
        };
        slot.told(&told, ViewState { revision: 7, ..own.clone() });
        let wanted = ViewState { revision: 3, ..own.clone() };
        slot.show("1.2", &wanted, false);
        let frame = FrameHeader { view_revision: 7, ..frame(0) };
        assert!(slot.decoded(&frame, vec![0; 16], [2, 2]));
        assert_eq!(*slot.picture.take().expect("a picture").view, wanted);
        // The window has gone on.
        slot.show("1.2", &ViewState { revision: 4, inverted: true, ..own }, false);
        assert!(slot.decoded(&frame, vec![0; 16], [2, 2]));
        assert_eq!(slot.picture.take().expect("a picture").view.revision, 7);
    }

    #[test]
    fn a_picture_of_what_a_host_shows_now_is_kept_where_the_window_is_not_there_yet() {
        let (mut slot, own) = (Slot::default(), view());
        let told = |series_id: &str, revision: u64| ToldState {
            view: 0,
            series_instance_uid: series_id.into(),
            revision,
            place: views::place(&own),
            look: None,
            moving: false,
        };
        let picture = |revision: u64| FrameHeader { view_revision: revision, ..frame(0) };
        slot.told(&told("1.2", 7), ViewState { revision: 7, ..own.clone() });
        slot.show("1.2", &own, false);
        assert!(slot.decoded(&picture(7), vec![0; 16], [2, 2]));
        slot.told(&told("3.4", 8), ViewState { revision: 8, ..own.clone() });
        assert!(slot.picture.is_none());
        assert!(!slot.decoded(&picture(7), vec![0; 16], [2, 2]), "it is of the series before");
        assert!(slot.decoded(&picture(8), vec![9; 16], [2, 2]));
        slot.show("3.4", &own, false);
        assert_eq!(slot.picture.take().expect("the only one that comes").rgba, [9; 16]);
        assert!((0..2 * PATIENCE).all(|_| !slot.is_stuck()));

        // The window begins anew with a viewport for another series.
        slot.told(&told("5.6", 9), ViewState { revision: 9, ..own.clone() });
        assert!(slot.decoded(&picture(9), vec![5; 16], [2, 2]));
        assert!(slot.take_picture().is_none(), "the window shows the series before");
        slot.hide();
        slot.show("5.6", &own, false);
        assert_eq!(slot.take_picture().expect("the only one that comes").rgba, [5; 16]);
    }

    #[test]
    fn a_picture_of_a_series_that_was_not_told_yet_is_never_shown_and_asked_for_when_it_is() {
        let (mut slot, own) = (Slot::default(), view());
        let told = |series_id: &str, revision: u64| ToldState {
            view: 0,
            series_instance_uid: series_id.into(),
            revision,
            place: views::place(&own),
            look: None,
            moving: false,
        };
        let picture = |revision: u64| FrameHeader { view_revision: revision, ..frame(0) };
        let state = |revision: u64| ViewState { revision, ..own.clone() };
        assert!(!slot.told(&told("1.2", 7), state(7)));
        slot.show("1.2", &own, false);
        assert!(slot.decoded(&picture(9), vec![0; 16], [2, 2]), "a state of the same series is on its way");
        slot.take_picture().expect("a picture");
        assert!(!slot.decoded(&picture(REVISIONS), vec![0; 16], [2, 2]));
        assert!(slot.take_picture().is_none());
        assert!(slot.told(&told("3.4", REVISIONS), state(REVISIONS)), "it is to come again");
        assert!(!slot.told(&told("3.4", REVISIONS + 1), state(REVISIONS + 1)));
        // A view of which no picture is wanted yet.
        assert!(!slot.told(&told("5.6", 0), state(0)));
        slot.show("5.6", &own, false);
        assert!(!slot.decoded(&picture(REVISIONS + 1), vec![0; 16], [2, 2]), "it is of the series before");
    }

    #[test]
    fn a_view_that_rests_without_its_picture_asks_more_and_more_seldom() {
        let (mut slot, own) = (Slot::default(), view());
        let asks = |slot: &mut Slot, looks: u32| (0..looks).filter(|_| slot.is_stuck()).count();
        slot.show("1.2", &own, false);
        assert_eq!(asks(&mut slot, 10 * PATIENCE), 0, "nobody knows of it");
        assert!(slot.next(0, |_| true, |_| None).expect("it can be told").is_some());
        slot.was_sent(5);
        assert_eq!(asks(&mut slot, 2 * PATIENCE), 2);
        assert_eq!(asks(&mut slot, 100 * PATIENCE), 1);
        // What is in full is not exact yet where the way is slow: that takes its time.
        let other = ViewState { inverted: true, ..own.clone() };
        slot.show("1.2", &other, false);
        assert!(slot.next(0, |_| true, |_| None).expect("it can be told").is_some());
        slot.was_sent(6);
        let full = FrameHeader { quality: Quality::Final, ..frame(6) };
        assert!(slot.decoded(&full, vec![1; 16], [2, 2]));
        assert_eq!(asks(&mut slot, 10 * PATIENCE), 0);
        slot.show("1.2", &own, false);
        assert!(slot.next(0, |_| true, |_| None).expect("it can be told").is_some());
        slot.give_up();
        assert_eq!(asks(&mut slot, 10 * PATIENCE), 0, "the server cannot draw it");
    }

    #[test]
    fn what_a_guest_takes_over_is_not_sent_back_and_what_it_drives_is() {
        let (mut slot, own) = (Slot::default(), view());
        let other = ViewState { inverted: true, ..own.clone() };
        let sent = |slot: &mut Slot| {
            let set = slot.next(0, |_| true, |_| None).expect("it can be told");
            set.map(|set| match set {
                ToSend::Set(set) => set.look.is_some() && set.place.inverted,
                ToSend::Drop => panic!("it is shown"),
            })
        };
        slot.adopt(Arc::new(own.clone()));
        // In the window's own size, when the host has gone on to another state already.
        slot.show("1.2", &ViewState { size: [7, 5], revision: 9, ..own.clone() }, false);
        assert_eq!(sent(&mut slot), None);
        slot.show("1.2", &other, false);
        assert_eq!(sent(&mut slot), Some(true));
        slot.adopt(Arc::new(own.clone()));
        slot.show("1.2", &own, false);
        assert_eq!(sent(&mut slot), None);
        // What was driven before is told whole again.
        slot.show("1.2", &other, false);
        assert_eq!(sent(&mut slot), Some(true));
    }

    #[test]
    fn a_picture_of_the_series_before_is_never_shown_as_one_of_the_next() {
        let (mut slot, view) = (Slot::default(), view());
        let told = |slot: &mut Slot, series: &str, seq: u64| {
            slot.show(series, &view, false);
            assert!(slot.next(0, |_| true, |_| None).expect("it can be told").is_some());
            slot.was_sent(seq);
        };
        told(&mut slot, "1.2", 5);
        assert!(slot.decoded(&frame(5), vec![0; 16], [2, 2]));
        // Not taken yet when the window goes on to another series; one more is on its way.
        slot.show("3.4", &view, false);
        assert!(slot.picture.is_none());
        assert!(!slot.decoded(&frame(5), vec![0; 16], [2, 2]));
        assert!(slot.next(0, |_| true, |_| None).expect("it can be told").is_some());
        slot.was_sent(9);
        assert!(!slot.decoded(&frame(8), vec![0; 16], [2, 2]));
        assert!(slot.decoded(&frame(9), vec![0; 16], [2, 2]));
    }

    #[test]
    fn a_better_picture_that_waits_is_kept_and_a_view_that_rests_on_a_worse_one_asks() {
        let (mut slot, view) = (Slot::default(), view());
        slot.show("1.2", &view, false);
        assert!(slot.next(0, |_| true, |_| None).expect("it can be told").is_some());
        slot.was_sent(5);
        let moving = FrameHeader { quality: Quality::Interactive, ..frame(5) };
        assert!(slot.decoded(&moving, vec![0; 16], [2, 2]));
        let asks: Vec<_> = (0..2 * PATIENCE).map(|_| slot.is_stuck()).collect();
        assert_eq!(asks.iter().filter(|asks| **asks).count(), 2);
        assert!(slot.decoded(&frame(5), vec![1; 16], [2, 2]));
        assert!(!slot.decoded(&moving, vec![0; 16], [2, 2]));
        assert_eq!(slot.picture.take().expect("a picture").quality, Quality::Lossless);
        assert!((0..2 * PATIENCE).all(|_| !slot.is_stuck()));
    }

    #[test]
    fn what_a_host_shows_stays_known_when_a_window_puts_another_series_there() {
        let mut slot = Slot::default();
        let host = HostView { series_id: "1.2".into(), state: Arc::new(view()), moving: false };
        slot.host = Some(host);
        slot.show("1.1", &view(), false);
        slot.hide();
        assert_eq!(slot.host.as_ref().map(|host| host.series_id.as_str()), Some("1.2"));
        assert!(!slot.is_done());
        slot.left();
        slot.next(0, |_| true, |_| None).expect("nothing to tell");
        assert!(slot.is_done());
    }

    #[test]
    fn a_view_is_told_when_all_that_it_shows_is_open() {
        let (mut slot, mut view) = (Slot::default(), view());
        let map = ColorMap::find("hot_iron").expect("built in");
        let look = layer::Look::color_map(map, 0.0, 1.0).expect("a look");
        let geometry = Geometry::new([1; 3], DAffine3::IDENTITY).expect("a geometry");
        let volume = Volume::new(geometry, Voxels::U8(Arc::new([0])), Rescale::IDENTITY, Meaning::default())
            .expect("one voxel");
        view.layers.push(Layer { volume: Arc::new(volume), look, opacity: 0.5 });
        slot.show("1.2", &view, false);
        let over = |_: &Arc<Volume>| Some("3.4".to_owned());
        assert!(slot.next(0, |id| id == "1.2", over).expect("it can be told").is_none());
        assert!(matches!(slot.next(0, |_| true, over), Ok(Some(ToSend::Set(set))) if set.look.is_some()));
        // A server that has closed the series has no view of it to be dropped, and knows no look any more.
        slot.closed("1.2");
        slot.show("1.2", &ViewState { revision: view.revision + 1, ..view.clone() }, false);
        assert!(matches!(slot.next(0, |_| true, over), Ok(Some(ToSend::Set(set))) if set.look.is_some()));
        slot.closed("1.2");
        slot.hide();
        assert!(slot.next(0, |_| true, over).expect("nothing to tell").is_none());
    }
}
