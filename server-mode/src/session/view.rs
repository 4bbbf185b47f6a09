//! One view of a session: its state, the input it has not applied yet, and what it has shown.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use protocol::Codec;
use protocol::message::ViewInfo;
use protocol::values::{MAX_PIXELS, MAX_ROWS};
use render_core::Volume;
use render_core::progressive::{Ladder, Rung};
use render_core::scene::view::{Combine, Orientation, Plane};
use render_core::scene::{Button, Content, Input, Interaction, ViewState};
use render_core::window::Shape;

mod info;

use super::motion::Motion;
use super::{Coding, Dialect, Job, JobMeta, Picture, Quality};
use crate::encode::{Brush, Canvas, Film, PICTURES_PER_SECOND, VideoCodecs};
use crate::frames::Failure;
use crate::refine::{Studio, new_studio};
use crate::studies::OpenSeries;

/// Without movement for this long the final picture is drawn.
const REST: Duration = Duration::from_millis(150);
/// The same with a button held: the hand may only have paused.
const HELD_REST: Duration = Duration::from_millis(500);
/// So long after a final picture it becomes lossless.
const SETTLE: Duration = Duration::from_millis(350);
/// Without movement for this long a video's encoder is given back: the next one begins with a whole picture.
const VIDEO_REST: Duration = Duration::from_secs(10);
const INTERACTIVE_QUALITY: u8 = 50;
const FINAL_QUALITY: u8 = 90;
/// Drawing and encoding an interactive picture should take no longer: 40 a second where nothing else is done, and 30
/// with a browser on the same machine.
const INTERACTIVE_BUDGET: Duration = Duration::from_millis(22);
/// The same for the time until a thread is free as well: 20 a second.
const SHARED: f64 = INTERACTIVE_BUDGET.as_millis() as f64 / 48.0;

/// A client that windows a slice itself is told the window so often.
const TELL_EVERY: Duration = Duration::from_millis(100);
/// Values are sent where the way carries them in a second: as so many frames at rest, or by its rate.
const VALUES_PACES: usize = 8;

/// Input that waits until the view is drawn again.
#[derive(Clone, Debug, Default)]
struct Pending {
    move_to: Option<[f64; 2]>,
    wheel: f64,
    zoom_wheel: f64,
    slices: i64,
    turn: [f64; 2],
    pinch: Option<(f64, [f64; 2])>,
}

/// What the client takes, and how much of it now.
#[derive(Clone, Copy, Debug)]
pub struct Wishes {
    /// Lossless pictures, as WebP where that pays.
    pub settles: bool,
    pub takes_webp: bool,
    /// A video while something moves, of one of these codecs.
    pub videos: VideoCodecs,
    /// What a moving view may take, and which part of it the next picture.
    pub bits_per_second: usize,
    pub share: f64,
    /// Bytes of a picture at rest that may go at once.
    pub most: usize,
    /// One more part of it may go: what the user does next must not queue behind many of them.
    pub may_go_on: bool,
    /// All that was sent is seen.
    pub is_seen: bool,
}

/// What distinguishes one picture of a view from the next.
#[derive(Clone, Copy, Debug)]
pub struct Version {
    revision: u64,
    quality: Quality,
    demand: u64,
}

impl Version {
    /// Whether this is worth drawing when `have` is there.
    fn improves(&self, have: &Self) -> bool {
        let sharper = self.quality == Quality::Final && have.quality == Quality::Interactive;
        self.revision != have.revision || self.demand > have.demand || sharper
    }
}

#[derive(Clone, Debug)]
pub struct View {
    series: Arc<OpenSeries>,
    kind: protocol::Content,
    /// The client sets its whole state.
    is_set: bool,
    /// It gets no pictures.
    is_paused: bool,
    /// The client has said that its hand is at work.
    is_held: bool,
    state: ViewState,
    interaction: Interaction,
    pending: Option<Pending>,
    epoch: u64,
    /// The newest message that the state includes, or will once `pending` is applied.
    input_seq: u64,
    /// Until then the user is at work and pictures are interactive.
    rest_at: Option<Instant>,
    /// What is in the making, if anything.
    asked: Option<Version>,
    shown: Option<Version>,
    /// JPEG quality that the last action of the plain protocol asks for.
    plain_quality: u8,
    /// Counts the actions that are answered by a picture even of an unchanged state.
    demand: u64,
    /// How fine the machine can draw what moves, and how large and how often the way carries it.
    ladder: Ladder,
    motion: Motion,
    /// A moving picture is wanted, but comes no sooner than this.
    due: Option<Instant>,
    /// Where a cinematic picture gathers its samples.
    studio: Option<Arc<dyn Studio>>,
    /// What the client sees of this view.
    canvas: Arc<Mutex<Canvas>>,
    /// The client has asked to be shown everything again, while a picture was in the making.
    repaint: bool,
    settling: Settling,
    /// The canvas has a video, which is let go where none of its pictures has been made until then.
    video: Option<Instant>,
    /// The next picture of the video is to need none before it.
    wants_key: bool,
    values: Values,
    /// Values are in the making; until they are done nothing else of this view is.
    makes_values: bool,
    /// When the client was last told a state without a picture.
    told_at: Option<Instant>,
}

/// What a client that windows a slice itself is to get, or has.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Values {
    No,
    Wanted,
    Asked(Shown),
    Sent(Shown),
}

/// How values become brightness.
#[derive(Clone, Copy, Debug)]
pub struct Windowed {
    /// By LINEAR_EXACT, else by LINEAR.
    pub linear_exact: bool,
    /// Small values are bright.
    pub inverted: bool,
}

/// What values belong to: all of a slice but its window's numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Shown {
    plane: Plane,
    size: [u32; 2],
    shape: Shape,
    inverted: bool,
}

impl Shown {
    fn by(state: &ViewState) -> Self {
        Self { plane: state.plane, size: state.size, shape: state.window.shape(), inverted: state.inverted }
    }
}

fn first_look(series: &OpenSeries, content: Content, orientation: Orientation, size: [u32; 2]) -> ViewState {
    let volume = &series.loaded.volume;
    let mut state = ViewState::new(volume, content, orientation, size);
    views::first_look(&mut state, &**volume, series.suv_factor());
    state
}

/// On the way from a final picture to a lossless one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Settling {
    /// There is no final picture, or it is lossless.
    No,
    /// Not all parts of the final picture have been sent.
    Lacking,
    /// Not all parts of the lossless one have.
    Begun,
    At(Instant),
    /// It begins when the final picture is seen.
    Due,
}

impl View {
    pub fn new(
        series: Arc<OpenSeries>,
        kind: protocol::Content,
        size: [u32; 2],
        epoch: u64,
        revision: u64,
    ) -> Self {
        let (content, orientation) = content_of(kind);
        let mut state = first_look(&series, content, orientation, size);
        state.revision = revision;
        Self {
            series,
            kind,
            is_set: false,
            is_paused: false,
            is_held: false,
            state,
            interaction: Interaction::default(),
            pending: None,
            epoch,
            input_seq: 0,
            rest_at: None,
            asked: None,
            shown: None,
            plain_quality: super::plain::DEFAULT_QUALITY,
            demand: 0,
            ladder: Ladder::new(INTERACTIVE_BUDGET),
            motion: Motion::default(),
            due: None,
            studio: None,
            canvas: Arc::default(),
            repaint: false,
            settling: Settling::No,
            video: None,
            wants_key: false,
            values: Values::No,
            makes_values: false,
            told_at: None,
        }
    }

    pub fn kind(&self) -> protocol::Content {
        self.kind
    }

    pub fn size(&self) -> [u32; 2] {
        self.state.size
    }

    pub fn state(&self) -> &ViewState {
        &self.state
    }

    /// When the final picture is due, or the lossless one where the client takes those.
    pub fn wake_at(&self, settles: bool) -> Option<Instant> {
        let settle_at = match self.settling {
            Settling::At(at) if settles => Some(at),
            _ => None,
        };
        [self.rest_at, settle_at, self.video, self.due].into_iter().flatten().min()
    }

    /// Keeps what it shows, and what has come for it; a drag ends. `begin_anew` lets go of the rest.
    pub fn leave(&mut self) {
        self.apply_pending();
        (self.input_seq, self.demand, self.is_held) = (0, 0, false);
        (self.interaction, self.rest_at) = (Interaction::default(), None);
        (self.studio, self.wants_key) = (None, false);
    }

    /// Builds on nothing that was sent, and drops what is in the making.
    pub fn begin_anew(&mut self, epoch: u64) {
        self.epoch = epoch;
        (self.asked, self.shown, self.settling, self.due) = (None, None, Settling::No, None);
        (self.canvas, self.video, self.repaint) = (Arc::default(), None, false);
        (self.values, self.makes_values) = (Values::No, false);
    }

    /// The client asks for the values of what it sees. Where there are none to window it goes on with pictures.
    pub fn want_values(&mut self) {
        let state = &self.state;
        if let Values::Asked(of) | Values::Sent(of) = self.values
            && of == Shown::by(state)
        {
            return;
        }
        let straight = matches!(state.window.shape(), Shape::Linear | Shape::LinearExact);
        let [width, height] = state.size;
        let fits = height <= MAX_ROWS && u64::from(width) * u64::from(height) <= MAX_PIXELS;
        if state.content == Content::Slice && straight && state.layers.is_empty() && fits {
            self.values = Values::Wanted;
        }
    }

    /// Whether the client draws what it sees itself: its hand windows a slice whose values it has.
    fn is_quiet(&self) -> bool {
        self.is_dragging() && self.values == Values::Sent(Shown::by(&self.state))
    }

    /// What a client that gets no pictures is to know now.
    pub fn state_to_tell(&mut self, now: Instant, number: u8, told: Option<&ViewInfo>) -> Option<ViewInfo> {
        let quiet = self.is_quiet() && !self.is_set;
        let info = quiet.then(|| self.info(number)).filter(|info| told != Some(info))?;
        if let Some(due) = self.told_at.map(|at| at + TELL_EVERY).filter(|due| *due > now) {
            self.due = Some(due);
            return None;
        }
        self.told_at = Some(now);
        Some(info)
    }

    /// The client has lost pictures of the video.
    pub fn begin_video_anew(&mut self) {
        self.wants_key = true;
        // A better picture than those is on its way already.
        self.shown = self.shown.filter(|shown| shown.quality != Quality::Interactive);
    }

    /// Whether the user is at work on it.
    pub fn moves(&self) -> bool {
        self.rest_at.is_some()
    }

    /// Whether it shows something, and nothing moves or is in the making.
    pub fn rests(&self) -> bool {
        let makes = self.asked.is_some() || self.makes_values;
        self.shown.is_some() && !makes && !self.moves() && !self.is_dragging()
    }

    /// Sends its picture again, as far as the canvas does not show it.
    pub fn show_again(&mut self) {
        (self.shown, self.settling, self.wants_key) = (None, Settling::No, true);
    }

    /// Shows everything again.
    pub fn repaint(&mut self) {
        self.canvas = Arc::default();
        self.repaint = self.asked.is_some();
        (self.shown, self.values) = (None, Values::No);
    }

    /// Something was changed for good: the next picture is a final one.
    pub fn touched(&mut self, seq: u64) {
        self.input_seq = self.input_seq.max(seq);
        self.rest_at = None;
        self.drop_values();
    }

    /// The client gets pictures again: one at once where it had values, so that it has one to acknowledge after them.
    fn drop_values(&mut self) {
        if let Values::Sent(_) = std::mem::replace(&mut self.values, Values::No) {
            self.shown = None;
        }
    }

    /// Something moves.
    pub fn moved(&mut self, now: Instant, seq: u64) {
        self.input_seq = self.input_seq.max(seq);
        let rest = if self.is_dragging() { HELD_REST } else { REST };
        self.rest_at = Some(now + rest);
    }

    pub fn is_dragging(&self) -> bool {
        self.is_held || self.interaction.is_dragging()
    }

    /// Applies an input that is not merged with others.
    pub fn apply(&mut self, input: Input) {
        self.drop_values();
        self.apply_pending();
        self.interaction.handle(&mut self.state, &self.series.loaded.volume, input);
    }

    pub fn edit(&mut self, change: impl FnOnce(&mut ViewState, &Volume)) {
        self.drop_values();
        self.apply_pending();
        change(&mut self.state, &self.series.loaded.volume);
    }

    /// Gives it the window that a menu has under these numbers, or one of a straight line.
    pub fn edit_window(&mut self, center: f64, width: f64) {
        let suv = self.series.suv_factor();
        self.edit(|state, volume| {
            state.set_window(views::window_of_numbers(volume.meaning(), suv, center, width));
        });
    }

    /// Back to the first look at its content.
    pub fn reset(&mut self) {
        let suv = self.series.suv_factor();
        self.edit(|state, volume| {
            state.reset(volume);
            views::first_look(state, volume, suv);
        });
    }

    /// Takes over a whole state. `moving` says that more of this is likely to follow at once.
    pub fn set(&mut self, now: Instant, seq: u64, state: ViewState, moving: bool) {
        self.pending = None;
        let (before, revision) = (Shown::by(&self.state), self.state.revision);
        let same = ViewState { revision, window: self.state.window, ..state.clone() } == self.state;
        if !same || before != Shown::by(&state) {
            self.drop_values();
        }
        if !same || state.window != self.state.window {
            if state.content != self.state.content {
                self.studio = None;
            }
            (self.kind, self.is_set) = (views::kind(&state), true);
            self.state = state;
            self.state.revision = revision;
            self.state.touch();
        }
        self.is_held = moving;
        if moving { self.moved(now, seq) } else { self.touched(seq) }
    }

    /// Whether the client sets its whole state.
    pub fn is_set(&self) -> bool {
        self.is_set
    }

    /// From now on the client is told its state again. Returns whether it was not.
    pub fn no_longer_set(&mut self) -> bool {
        std::mem::take(&mut self.is_set)
    }

    pub fn series(&self) -> &Arc<OpenSeries> {
        &self.series
    }

    /// Without pictures it keeps its state; the first picture after that builds on nothing. Returns whether there are
    /// none from now on.
    pub fn pause(&mut self, paused: bool) -> bool {
        let was_paused = std::mem::replace(&mut self.is_paused, paused);
        if was_paused && !paused {
            self.repaint();
        }
        paused && !was_paused
    }

    /// Sets the quality of a plain client's next picture.
    pub fn set_plain_quality(&mut self, jpeg_quality: u8) {
        self.plain_quality = jpeg_quality;
    }

    /// A plain client wants a picture, whether or not the state has changed.
    pub fn demand(&mut self, jpeg_quality: u8) {
        self.plain_quality = jpeg_quality;
        self.demand += 1;
    }

    /// Changes what the view shows; its camera and transfer function stay, and its window as long as
    /// that means the same. Returns whether what the client has stands in for it until it refines.
    pub fn relayout(&mut self, kind: protocol::Content, size: [u32; 2]) -> bool {
        self.drop_values();
        self.apply_pending();
        self.is_set = false;
        let (content, orientation) = content_of(kind);
        let has_all =
            self.settling != Settling::Lacking && self.has().is_some_and(|has| has != Quality::Interactive);
        let has_volume = has_all && size == self.state.size && self.state.content == Content::Volume;
        self.state.refit(size, &*self.series.loaded.volume);
        if kind != self.kind {
            self.kind = kind;
            let fresh = first_look(&self.series, content, orientation, size);
            if content != self.state.content {
                self.state.window = fresh.window;
            }
            self.state.content = content;
            self.studio = None;
            self.state.plane = fresh.plane;
            self.state.touch();
        }
        has_volume && content == Content::Cinematic
    }

    /// How good a picture of its state the client has.
    fn has(&self) -> Option<Quality> {
        self.shown.filter(|shown| shown.revision == self.state.revision).map(|shown| shown.quality)
    }

    /// Merges an input with those that wait.
    pub fn defer(&mut self, input: Input) {
        if !matches!(input, Input::Move { .. }) {
            self.drop_values();
        }
        let pending = self.pending.get_or_insert_default();
        match input {
            Input::Move { at } => pending.move_to = Some(at),
            Input::Wheel { delta } => pending.wheel += delta,
            Input::ZoomWheel { delta } => pending.zoom_wheel += delta,
            Input::Pinch { zoom, pan } => {
                let (factor, by) = pending.pinch.unwrap_or((1.0, [0.0; 2]));
                pending.pinch = Some((factor * zoom, [by[0] + pan[0], by[1] + pan[1]]));
            }
            Input::Press { .. } | Input::Release { .. } => {}
        }
    }

    pub fn defer_scroll(&mut self, slices: i64) {
        self.drop_values();
        let pending = self.pending.get_or_insert_default();
        pending.slices = pending.slices.saturating_add(slices);
    }

    pub fn defer_turn(&mut self, by: [f64; 2]) {
        let pending = self.pending.get_or_insert_default();
        pending.turn = [pending.turn[0] + by[0], pending.turn[1] + by[1]];
    }

    /// Applies what waits. Returns whether the window changed.
    pub fn apply_pending(&mut self) -> bool {
        let Some(pending) = self.pending.take() else { return false };
        let (window, volume) = (self.state.window, &self.series.loaded.volume);
        let (state, interaction) = (&mut self.state, &mut self.interaction);
        if let Some(at) = pending.move_to {
            interaction.handle(state, volume, Input::Move { at });
        }
        if pending.wheel != 0.0 {
            interaction.handle(state, volume, Input::Wheel { delta: pending.wheel });
        }
        if pending.zoom_wheel != 0.0 {
            interaction.handle(state, volume, Input::ZoomWheel { delta: pending.zoom_wheel });
        }
        if let Some((zoom, pan)) = pending.pinch {
            interaction.handle(state, volume, Input::Pinch { zoom, pan });
        }
        if pending.slices != 0 && state.content == Content::Slice {
            let before = state.plane.center_mm;
            state.plane.scroll(pending.slices, volume);
            if state.plane.center_mm != before {
                state.touch();
            }
        }
        if pending.turn != [0.0; 2] && state.content != Content::Slice {
            // A drag of its own, so that the keyboard and the mouse turn by the same rule.
            let mut drag = Interaction::default();
            drag.handle(state, volume, Input::Press { button: Button::Left, at: [0.0; 2] });
            drag.handle(state, volume, Input::Move { at: pending.turn });
        }
        self.state.window != window
    }

    /// Takes over another slice view's window and its haste.
    pub fn follow_window(&mut self, other: &Self) {
        if self.state.window != other.state.window {
            self.state.set_window(other.state.window);
            self.input_seq = self.input_seq.max(other.input_seq);
            self.rest_at = other.rest_at;
        }
    }

    /// The hand has let go: what followed it is drawn in full, too.
    pub fn settle(&mut self) {
        self.rest_at = None;
    }

    /// Notices that nothing has moved for a while.
    pub fn rest(&mut self, now: Instant) {
        self.rest_at = self.rest_at.filter(|at| *at > now);
        if matches!(self.settling, Settling::At(at) if at <= now) {
            self.settling = Settling::Due;
        }
        if self.video.is_some_and(|at| at <= now) {
            // While a worker has it, its video may go on.
            self.video = match self.canvas.try_lock() {
                Ok(mut canvas) => {
                    canvas.end_video();
                    None
                }
                Err(_) => Some(now + VIDEO_REST),
            };
        }
    }

    /// The picture to make now, if any and if it is not in the making already.
    pub fn next_job(
        &mut self,
        now: Instant,
        number: u8,
        dialect: Dialect,
        wishes: Wishes,
    ) -> Option<Box<Job>> {
        self.due = None;
        if self.makes_values || self.is_paused || self.is_quiet() {
            return None;
        }
        if self.values == Values::Wanted && self.asked.is_none() {
            (self.values, self.makes_values) = (Values::Asked(Shown::by(&self.state)), true);
            return Some(Box::new(self.values_job(number, wishes)));
        }
        if self.is_to_go_on(wishes) {
            return Some(Box::new(self.rest_job(number, wishes)));
        }
        let (quality, jpeg_quality) = match dialect {
            Dialect::Stream if self.rest_at.is_some() => (Quality::Interactive, INTERACTIVE_QUALITY),
            Dialect::Stream => (Quality::Final, FINAL_QUALITY),
            Dialect::Plain { .. } if self.plain_quality <= INTERACTIVE_QUALITY => {
                // A plain client asks for the better picture itself, by letting go.
                (Quality::Interactive, self.plain_quality)
            }
            Dialect::Plain { .. } => (Quality::Final, self.plain_quality),
        };
        let wanted = Version { revision: self.state.revision, quality, demand: self.demand };
        if !self.asked.or(self.shown).is_none_or(|have| wanted.improves(&have)) {
            return None;
        }
        let state = self.state.clone();
        let mut rung = None;
        if quality == Quality::Interactive && dialect == Dialect::Stream {
            if let Some(due) = self.motion.due().filter(|due| self.asked.is_none() && *due > now) {
                self.due = Some(due);
                return None;
            }
            let pixels = state.size.map(f64::from).iter().product();
            let scale = self.motion.plan(now, pixels, wishes.videos.any(), wishes.bits_per_second);
            let within = self.ladder.rung_within(state.content.in_one_picture(), scale);
            rung = within.map(|rung| rung.as_detailed(&state, &self.series.loaded.volume));
        } else if quality == Quality::Interactive && !state.content.is_cut() {
            rung = Some(Rung::MOVING);
        }
        self.asked = Some(wanted);
        self.settling = Settling::No;
        // The picture of each pass leaves the view short of final, so the next one follows.
        let refines = state.content == Content::Cinematic && quality == Quality::Final;
        let studio = refines.then(|| Arc::clone(self.studio.get_or_insert_with(new_studio)));
        let canvas = Arc::clone(&self.canvas);
        let rests = quality == Quality::Final;
        let brush = Brush {
            quality: jpeg_quality,
            settles: wishes.settles && rests,
            most: (rests && !refines).then_some(wishes.most),
        };
        let coding = match (dialect, quality) {
            (Dialect::Plain { .. }, _) => Coding::Bare { quality: jpeg_quality },
            (_, Quality::Interactive) if wishes.videos.any() => {
                self.video = Some(now + VIDEO_REST);
                let Wishes { videos, bits_per_second, .. } = wishes;
                // Until there is one: this job may make way for the next.
                let bits = self.motion.bits_per_picture(bits_per_second) * wishes.share;
                let bits_per_second = (bits * f64::from(PICTURES_PER_SECOND)) as usize;
                let film = Film { codecs: videos, bits_per_second, key: self.wants_key };
                Coding::Film { canvas, film, brush }
            }
            _ => Coding::Parts { canvas, brush },
        };
        let meta = JobMeta { refines, rung, ..self.meta(number, quality) };
        Some(Box::new(Job { meta, volume: Arc::clone(&self.series.loaded.volume), state, studio, coding }))
    }

    /// Whether more of the final picture may go: what is lacking at once, what makes it lossless when it has
    /// rested long enough.
    fn is_to_go_on(&self, wishes: Wishes) -> bool {
        let kept = match self.settling {
            Settling::Lacking => wishes.may_go_on,
            Settling::Begun => wishes.settles && wishes.may_go_on,
            Settling::Due => wishes.settles && wishes.is_seen,
            Settling::No | Settling::At(_) => false,
        };
        kept && self.asked.is_none() && self.rest_at.is_none() && self.has() == Some(Quality::Final)
    }

    fn rest_job(&mut self, number: u8, wishes: Wishes) -> Job {
        let Wishes { most, takes_webp, .. } = wishes;
        let mut meta = self.meta(number, Quality::Lossless);
        meta.info.refined = meta.info.refined.map(|_| 1.0);
        self.asked =
            Some(Version { revision: self.state.revision, quality: Quality::Lossless, demand: self.demand });
        let coding = Coding::Rest { canvas: Arc::clone(&self.canvas), most, takes_webp };
        Job {
            meta,
            volume: Arc::clone(&self.series.loaded.volume),
            state: self.state.clone(),
            studio: None,
            coding,
        }
    }

    fn values_job(&self, number: u8, wishes: Wishes) -> Job {
        let meta = JobMeta { values: true, ..self.meta(number, Quality::Interactive) };
        let coding = Coding::Values { most: (wishes.bits_per_second / 8).max(wishes.most * VALUES_PACES) };
        Job {
            meta,
            volume: Arc::clone(&self.series.loaded.volume),
            state: self.state.clone(),
            studio: None,
            coding,
        }
    }

    /// Takes note of values, or that there are none. Returns what they belong to, if they are still wanted.
    pub fn finish_values(&mut self, meta: &JobMeta, there: bool) -> Option<Windowed> {
        if meta.epoch != self.epoch {
            return None;
        }
        self.makes_values = false;
        let Values::Asked(of) = self.values else { return None };
        let serves = there && of == Shown::by(&self.state);
        self.values = if serves { Values::Sent(of) } else { Values::No };
        let inverted = self.series.loaded.volume.meaning().inverted != of.inverted;
        serves.then_some(Windowed { linear_exact: of.shape == Shape::LinearExact, inverted })
    }

    fn meta(&self, number: u8, quality: Quality) -> JobMeta {
        JobMeta {
            view: number,
            quality,
            refines: false,
            is_set: self.is_set,
            values: false,
            epoch: self.epoch,
            input_seq: self.input_seq,
            demand: self.demand,
            looks_on: false,
            rung: None,
            info: Box::new(self.info(number)),
        }
    }

    /// Takes note of a job's end. Returns whether its result is for this view.
    pub fn finish(&mut self, now: Instant, meta: &JobMeta, picture: &Result<Picture, Failure>) -> bool {
        if meta.epoch != self.epoch {
            return false;
        }
        self.asked = None;
        let version = |quality| Version { revision: meta.info.revision, quality, demand: meta.demand };
        match picture {
            Ok(picture) => {
                self.wants_key &= !picture.painted.key;
                let lacking = picture.painted.lacking && meta.quality != Quality::Interactive;
                // What is lacking is not drawn again.
                let reached = if lacking { Quality::Final } else { picture.quality(meta) };
                self.shown = Some(version(reached));
                self.video = self.video.map(|_| now + VIDEO_REST);
                self.settling = match reached {
                    _ if lacking => Settling::Lacking,
                    Quality::Final if meta.quality == Quality::Final => Settling::At(now + SETTLE),
                    Quality::Final => Settling::Begun,
                    Quality::Interactive | Quality::Lossless => Settling::No,
                };
                if meta.quality != Quality::Lossless && !meta.refines {
                    let alone = picture.render_time + picture.encode_time;
                    // Where others are drawn, too, all of them become coarser before they become few.
                    let among_others = (alone + picture.wait_time).mul_f64(SHARED);
                    let took = alone.max(among_others);
                    self.ladder.measured(self.state.content.in_one_picture(), meta.rung, took);
                }
                if meta.quality == Quality::Interactive {
                    let jpeg = picture.painted.codec == Codec::Jpeg;
                    self.motion.drawn(picture.size, jpeg.then_some(picture.message.len()));
                }
            }
            Err(Failure::Cancelled | Failure::TooLarge) => {}
            Err(Failure::Late(took)) => {
                self.ladder.measured(self.state.content.in_one_picture(), meta.rung, *took);
            }
            // It was drawn before the client took lossless pictures: now it is kept.
            Err(Failure::Forgotten) => (self.shown, self.settling) = (None, Settling::No),
            // What cannot be drawn is not tried again until something changes.
            Err(Failure::Failed(_)) => self.shown = Some(version(Quality::Lossless)),
        }
        if std::mem::take(&mut self.repaint) {
            self.shown = None;
        }
        true
    }
}

fn content_of(kind: protocol::Content) -> (Content, Orientation) {
    match kind {
        protocol::Content::Volume => (Content::Volume, Orientation::Axial),
        protocol::Content::Cinematic => (Content::Cinematic, Orientation::Axial),
        protocol::Content::Mip => (Content::MIP, Orientation::Axial),
        protocol::Content::Minip => (Content::Projection(Combine::Minimum), Orientation::Axial),
        protocol::Content::Mean => (Content::Projection(Combine::Mean), Orientation::Axial),
        protocol::Content::Axial => (Content::Slice, Orientation::Axial),
        protocol::Content::Coronal => (Content::Slice, Orientation::Coronal),
        protocol::Content::Sagittal => (Content::Slice, Orientation::Sagittal),
    }
}
