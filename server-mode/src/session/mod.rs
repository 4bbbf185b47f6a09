//! One client's session, sans-IO: inputs go in with the time they arrived, outputs come out. It
//! knows no socket, no thread and no clock.
//!
//! Flow control: a view has at most one picture in the making, and is drawn again only while fewer
//! than two of its frames are unacknowledged. What arrives meanwhile is merged into the view's
//! state, so a slow client sees fewer pictures, never older ones.

mod absolute;
mod counters;
mod guest;
mod lanes;
mod link;
mod motion;
mod pace;
mod plain;
mod stream;
mod view;

#[cfg(test)]
pub mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use protocol::message::{IceServer, LayoutView, Measured, Role, Stats, Track, ViewInfo};
use protocol::{Codec, ErrorCode, ServerMessage, plain as wire};
use render_core::Volume;
use render_core::progressive::Rung;
use render_core::scene::{Content, PresetLibrary, ViewState};

use crate::board::Shown;
use crate::encode::{Brush, Canvas, Film, Painted, VideoCodecs};
use crate::frames::Failure;
use crate::measuring::Task;
use crate::refine::Studio;
use crate::studies::{OpenSeries, Opened, Studies, Target};
use counters::Counters;
use guest::Host;
use lanes::Lanes;
use link::Link;
use view::{View, Windowed, Wishes};

pub use lanes::{Lane, Parcel, PeerEvent};
pub use protocol::Quality;

/// Frames that may be on their way to a client that cannot acknowledge them.
const PLAIN_AHEAD: u32 = 2;

/// Which protocol the client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Subprotocol `voxcast.v1`.
    Stream,
    /// JSON actions and bare JPEGs; one picture of this size.
    Plain { size: [u32; 2] },
}

/// What happens to a session.
#[derive(Debug)]
pub enum Input<'a> {
    /// A client is there, the first or the one before again.
    Connected {
        resume_token: String,
        resumed: bool,
        ice_servers: Option<Vec<IceServer>>,
    },
    /// The client is gone; it may come back.
    Disconnected,
    /// A text message that came by WebSocket.
    Text(&'a str),
    Peer(PeerEvent),
    /// How far the series that the client waits for has been read.
    Loading {
        series_instance_uid: String,
        done: u64,
        total: u64,
    },
    /// The answer to `Output::Open` of the same number.
    Opened(u64, Opened),
    Rendered(Rendered),
    /// The answer to `Output::Measure` of this `seq`.
    Measured(u64, Result<Measured, String>),
    /// A frame has left. To a plain client, which cannot acknowledge, that is as good as seen.
    FrameSent,
    /// The presets have changed.
    Presets(Arc<PresetLibrary>),
    /// The host of a guest shows this now.
    Shown(Arc<Shown>),
    /// Those that were told before soon let nobody in any more.
    IceServers(Vec<IceServer>),
    /// A ping by WebSocket was answered after so long.
    RoundTrip(Duration),
    /// Messages came too fast; they wait.
    Throttled,
    /// The server shuts down.
    GoingAway,
    /// What a guest may do from now on.
    Role(Role),
    /// The time that `wake_at` asked for has come.
    Wake,
}

/// What a session wants done.
#[derive(Debug)]
pub enum Output {
    /// Send a text message by WebSocket.
    Text(String),
    /// Send a binary message by WebSocket.
    Frame(Vec<u8>),
    /// Send this by WebRTC.
    Carry(Parcel),
    /// Begin WebRTC, or its ICE anew; the answer is `PeerEvent::Answer`.
    Offer { sdp: String, tracks: Vec<Track> },
    /// An address of the client's.
    Candidate(String),
    /// Open a series instead of any it still waits for; the answer is `Input::Opened`.
    Open(u64, Target),
    /// Draw this instead of any job of the view that has not begun; the answer is `Input::Rendered`.
    Render(Box<Job>),
    /// The view's picture is not wanted any more; no answer is needed.
    Withdraw { view: u8 },
    /// The client told how it fares.
    Stats(Stats),
    /// A guest wants the host to show this.
    Drive { view: u8, series_id: String, state: Box<ViewState>, moving: bool },
    /// Measure this, asked for by this `seq`; the answer is `Input::Measured`.
    Measure(u64, Task),
}

/// A picture to make.
#[derive(Debug)]
pub struct Job {
    pub meta: JobMeta,
    pub volume: Arc<Volume>,
    pub state: ViewState,
    /// Where this picture's next pass is drawn, if it refines.
    pub studio: Option<Arc<dyn Studio>>,
    pub coding: Coding,
}

/// What becomes of a picture.
#[derive(Clone, Debug)]
pub enum Coding {
    /// All of it is one JPEG.
    Bare { quality: u8 },
    /// What is new on the canvas is encoded as JPEGs.
    Parts { canvas: Arc<Mutex<Canvas>>, brush: Brush },
    /// It is the next one of the canvas' video, and needs none before it where `key`; JPEGs where no encoder
    /// works.
    Film { canvas: Arc<Mutex<Canvas>>, film: Film, brush: Brush },
    /// It was drawn before; some more of it is encoded, about so many bytes.
    Rest { canvas: Arc<Mutex<Canvas>>, most: usize, takes_webp: bool },
    /// Not the picture is wanted but its values, unless they take more bytes.
    Values { most: usize },
}

/// Comes back with the picture.
#[derive(Clone, Debug)]
pub struct JobMeta {
    pub view: u8,
    /// What is wanted; a picture that refines gets there pass by pass.
    pub quality: Quality,
    /// Whether it is a pass of a picture that refines.
    pub refines: bool,
    /// Distinguishes a view from a later one of the same number.
    pub epoch: u64,
    input_seq: u64,
    demand: u64,
    /// Whether the client has set all that it shows.
    is_set: bool,
    /// Whether it is values in place of a picture.
    pub values: bool,
    /// Whether it follows another's hand: those who move something themselves come first.
    pub looks_on: bool,
    /// How coarse the picture is; `None` is full quality.
    pub rung: Option<Rung>,
    /// What the frame shows, in the words of the protocol.
    info: Box<ViewInfo>,
}

#[derive(Debug)]
pub struct Rendered {
    pub meta: JobMeta,
    pub picture: Result<Picture, Failure>,
}

#[derive(Debug)]
pub struct Picture {
    /// What is sent; where there is a canvas, with room for a header in front.
    pub message: Vec<u8>,
    pub size: [u32; 2],
    pub painted: Painted,
    /// Until a thread was free.
    pub wait_time: Duration,
    pub render_time: Duration,
    pub encode_time: Duration,
    /// The share of its passes that is done; 1 for what needs no more.
    pub refined: f32,
}

impl Picture {
    /// How good the client's picture is with it.
    fn quality(&self, meta: &JobMeta) -> Quality {
        match meta.quality {
            _ if self.painted.lossless.is_some() => Quality::Lossless,
            _ if self.refined < 1.0 || self.painted.lacking => Quality::Interactive,
            Quality::Lossless => Quality::Final,
            wanted => wanted,
        }
    }
}

/// What the client can decode besides JPEG.
#[derive(Clone, Copy, Debug, Default)]
struct Accepts {
    png: bool,
    webp: bool,
    videos: VideoCodecs,
    /// What a host has drawn.
    drawings: bool,
}

/// A series that the client waits for.
#[derive(Debug)]
struct Opening {
    request: u64,
    /// What asked for it.
    seq: Option<u64>,
    /// Its id, where it is to be open besides others.
    beside: Option<String>,
}

/// What a session's client may do.
#[derive(Clone, Copy, Debug)]
pub struct Access {
    pub role: Role,
    /// Whether the server hands out voxels.
    pub voxels: bool,
}

#[derive(Debug)]
pub struct Session {
    id: String,
    access: Access,
    dialect: Dialect,
    backend: &'static str,
    studies: Arc<Studies>,
    presets: Arc<PresetLibrary>,
    series: Option<Arc<OpenSeries>>,
    /// Those that are open besides it.
    beside: Vec<Arc<OpenSeries>>,
    opening: Option<Opening>,
    /// What is to be opened besides after that, and the `seq` that asked for it.
    to_open: VecDeque<(String, Option<u64>)>,
    requests: u64,
    /// What the client wants to see; the views follow once a series is open.
    layout: Vec<LayoutView>,
    views: BTreeMap<u8, View>,
    /// What guests see is another's.
    host: Host,
    /// Outlive the views, so that frame numbers and revisions never repeat.
    counters: [Counters; protocol::MAX_VIEWS],
    epochs: u64,
    lanes: Lanes,
    accepts: Accepts,
    link: Link,
    /// Whether a client is connected.
    is_there: bool,
    out: VecDeque<Output>,
}

impl Session {
    /// `backend` is the renderer's name. A session begins when a client is `Connected`.
    pub fn new(
        id: String,
        dialect: Dialect,
        studies: Arc<Studies>,
        presets: Arc<PresetLibrary>,
        backend: &'static str,
        access: Access,
    ) -> Self {
        let layout = match dialect {
            Dialect::Stream => Vec::new(),
            Dialect::Plain { size } => {
                vec![LayoutView { view: 0, content: protocol::Content::Volume, size, paused: false }]
            }
        };
        Self {
            id,
            access,
            dialect,
            backend,
            studies,
            presets,
            series: None,
            beside: Vec::new(),
            opening: None,
            to_open: VecDeque::new(),
            requests: 0,
            layout,
            views: BTreeMap::new(),
            host: Host::default(),
            counters: Default::default(),
            epochs: 0,
            lanes: Lanes::default(),
            accepts: Accepts::default(),
            link: Link::default(),
            is_there: false,
            out: VecDeque::new(),
        }
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether the client waits for a series.
    pub fn is_opening(&self) -> bool {
        self.opening.is_some()
    }

    pub fn handle(&mut self, now: Instant, input: Input<'_>) {
        match input {
            Input::Connected { resume_token, resumed, ice_servers } => {
                self.is_there = true;
                self.connected(resume_token, resumed, ice_servers);
            }
            Input::Disconnected => {
                self.is_there = false;
                self.disconnected();
            }
            Input::Text(text) => match self.dialect {
                Dialect::Stream => self.stream_text(now, Lane::WebSocket, text),
                Dialect::Plain { .. } => self.plain_text(text),
            },
            Input::Peer(event) => self.peer_event(now, event),
            Input::Loading { series_instance_uid, done, total } => {
                if self.dialect == Dialect::Stream && self.is_opening() {
                    self.send(&ServerMessage::Loading { series_instance_uid, done, total });
                }
            }
            Input::Opened(request, opened) => self.opened(request, opened),
            Input::Rendered(rendered) => self.rendered(now, rendered),
            Input::Measured(_, Ok(measured)) => self.send(&ServerMessage::Measured(measured)),
            Input::Measured(seq, Err(reason)) => self.error(ErrorCode::MeasureFailed, &reason, Some(seq)),
            Input::FrameSent => {
                if let Dialect::Plain { .. } = self.dialect {
                    self.counters[0].acknowledge_all();
                }
            }
            Input::Presets(presets) => self.presets_changed(presets),
            Input::Shown(shown) => self.host_shows(now, shown),
            Input::IceServers(ice_servers) => {
                if self.dialect == Dialect::Stream {
                    // A client that goes by WebRTC may lose that way with what is on it.
                    self.signal(&ServerMessage::IceServers { ice_servers });
                }
            }
            Input::RoundTrip(took) => {
                // WebRTC's may be another.
                if !self.lanes.is_webrtc() {
                    self.link.round_trip(took);
                }
            }
            Input::Throttled => {
                self.error(ErrorCode::TooFast, "Messages come too fast; they are handled more slowly.", None);
            }
            Input::GoingAway => self.goodbye(),
            Input::Role(role) => self.change_role(role),
            Input::Wake => {}
        }
        if self.is_there {
            self.request_frames(now);
            self.drive_changes();
            self.tell_drawn(now);
        }
    }

    /// The next thing to do; call until there is none.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// When to call `handle` with `Input::Wake`.
    pub fn wake_at(&self) -> Option<Instant> {
        let views = self.views.values().filter_map(|view| view.wake_at(self.accepts.png));
        let patience = self.link.patience();
        let stalled = self.counters.iter().filter_map(|counters| counters.stalled_until(patience));
        views.chain(stalled).chain(self.host.draw_at().filter(|_| self.accepts.drawings)).min()
    }

    /// Tells a client all it needs to know; every view begins anew for it.
    fn connected(&mut self, resume_token: String, resumed: bool, ice_servers: Option<Vec<IceServer>>) {
        let session_id = self.id.clone();
        if let Dialect::Plain { .. } = self.dialect {
            return self.send_plain(&wire::ServerMessage::Connected { session_id });
        }
        let (protocol, backend) = (protocol::SUBPROTOCOL.to_owned(), self.backend.to_owned());
        self.send(&ServerMessage::Connected {
            session_id,
            protocol,
            backend,
            resume_token,
            resumed,
            ice_servers,
            role: self.access.role,
            voxels: self.access.voxels,
        });
        match self.access.role {
            Role::Owner => self.send(&stream::library(&self.studies)),
            _ => self.send(&self.host.library()),
        }
        let open: Vec<_> = self.series.iter().chain(&self.beside).cloned().collect();
        for series in open {
            self.send(&stream::series_opened(&series, &self.presets));
        }
        let mut views = Vec::new();
        for (&number, view) in &self.views {
            let info = view.info(number);
            self.counters[usize::from(number)].told = Some(info.clone());
            views.push(info);
        }
        let series_instance_uid = self.series.as_ref().map(|series| series.series_id.clone());
        self.send(&ServerMessage::StateFull { series_instance_uid, views });
        if self.access.role != Role::Owner {
            self.tell_shown();
        }
    }

    /// Keeps what is shown and lets go of what it takes to show it.
    fn disconnected(&mut self) {
        (self.lanes, self.accepts, self.link) = (Lanes::default(), Accepts::default(), Link::default());
        // A later connection numbers its messages anew.
        let waiting = self.opening.iter_mut().map(|opening| &mut opening.seq);
        waiting.chain(self.to_open.iter_mut().map(|(_, seq)| seq)).for_each(|seq| *seq = None);
        self.views.values_mut().for_each(View::leave);
        for view in 0..protocol::MAX_VIEWS {
            self.begin_anew(view as u8);
        }
        // Nobody is there to read it.
        self.out.retain(|output| {
            !matches!(output, Output::Text(_) | Output::Frame(_) | Output::Carry(_) | Output::Render(_))
        });
    }

    /// Asks for the series of the layout, instead of any that the client still waits for.
    fn open(&mut self, target: Target, seq: Option<u64>) {
        if let Some(Opening { beside: Some(id), seq, .. }) = self.opening.take() {
            self.to_open.push_front((id, seq));
        }
        self.request(Opening { request: 0, seq, beside: None }, target);
    }

    fn request(&mut self, opening: Opening, target: Target) {
        self.requests += 1;
        self.opening = Some(Opening { request: self.requests, ..opening });
        self.out.push_back(Output::Open(self.requests, target));
    }

    fn opened(&mut self, request: u64, opened: Opened) {
        // The answer to an earlier request may have been on its way when the client changed its mind.
        let Some(opening) = self.opening.take_if(|opening| opening.request == request) else { return };
        match opened {
            Ok(series) if opening.beside.is_some() => self.opened_beside(series),
            Ok(series) => self.show_series(&series, opening.seq),
            Err(error) => {
                let code = match error {
                    crate::studies::OpenError::Unknown => ErrorCode::UnknownSeries,
                    _ => ErrorCode::LoadFailed,
                };
                self.error(code, &error.to_string(), opening.seq);
            }
        }
        self.open_next();
    }

    /// All views of the layout show this series.
    fn show_series(&mut self, series: &Arc<OpenSeries>, seq: Option<u64>) {
        match self.dialect {
            Dialect::Stream => self.send(&stream::series_opened(series, &self.presets)),
            Dialect::Plain { .. } => {
                let study_id = series.study_id.clone();
                self.send_plain(&wire::ServerMessage::StudyLoaded { study_id });
            }
        }
        self.series = Some(Arc::clone(series));
        self.remove_views_of_closed();
        // None of the old ones may lend its window to a new one.
        for LayoutView { view, .. } in self.layout.clone() {
            self.remove_view(view);
        }
        for LayoutView { view, content, size, paused } in self.layout.clone() {
            // What came while the series was being read has nothing left to change.
            let seq = seq.unwrap_or(0).max(self.lanes.newest_seq());
            self.add_view(Arc::clone(series), view, content, size, seq);
            self.pause(view, paused);
        }
    }

    /// Views that show a preset which was edited show it as it is now.
    fn presets_changed(&mut self, presets: Arc<PresetLibrary>) {
        self.presets = presets;
        if let Some(series) = self.series.clone().filter(|_| self.dialect == Dialect::Stream) {
            let presets = stream::preset_menu(&self.presets, &series.loaded.volume);
            self.send(&ServerMessage::Presets { presets });
        }
        // Whoever sets whole states has presets of its own.
        for view in self.views.values_mut().filter(|view| !view.is_set()) {
            view.edit(|state, volume| state.refresh_preset(&self.presets, volume));
        }
    }

    fn add_view(
        &mut self,
        series: Arc<OpenSeries>,
        number: u8,
        kind: protocol::Content,
        size: [u32; 2],
        seq: u64,
    ) {
        self.epochs += 1;
        let counters = &mut self.counters[usize::from(number)];
        let mut view = View::new(series, kind, size, self.epochs, counters.next_revision());
        view.touched(seq);
        if view.state().content == Content::Slice
            && let Some(other) = self.views.values().find(|v| v.state().content == Content::Slice)
        {
            view.follow_window(other);
        }
        // Frames of an earlier view of this number may never be acknowledged.
        counters.acknowledge_all();
        self.views.insert(number, view);
    }

    fn remove_view(&mut self, number: u8) -> Option<View> {
        let view = self.views.remove(&number)?;
        self.link.forget(number);
        self.counters[usize::from(number)].keep_revision(view.state().revision);
        self.out.push_back(Output::Withdraw { view: number });
        Some(view)
    }

    fn rendered(&mut self, now: Instant, rendered: Rendered) {
        let Rendered { meta, picture } = rendered;
        if meta.values {
            return self.values_drawn(&meta, picture);
        }
        let Some(view) = self.views.get_mut(&meta.view) else { return };
        if !view.finish(now, &meta, &picture) {
            return;
        }
        match picture {
            Ok(picture) => self.frame(now, &meta, picture),
            Err(Failure::Cancelled | Failure::Forgotten | Failure::TooLarge | Failure::Late(_)) => {}
            Err(Failure::Failed(reason)) => {
                self.error(ErrorCode::RenderFailed, &format!("The picture cannot be drawn: {reason}"), None);
            }
        }
    }

    fn frame(&mut self, now: Instant, meta: &JobMeta, picture: Picture) {
        let counters = &mut self.counters[usize::from(meta.view)];
        let by_track = picture.painted.codec == Codec::H264 && self.lanes.has_track(meta.view);
        let number = counters.send(by_track.then_some(now));
        if meta.quality == Quality::Interactive {
            self.link.sent(meta.view, number, picture.message.len(), now);
        } else {
            // Large ones take their time, which tells nothing of what moves.
            counters.pace.sent(number, picture.message.len(), now);
        }
        if self.dialect != Dialect::Stream {
            return self.out.push_back(Output::Frame(picture.message));
        }
        let mut info = (*meta.info).clone();
        if meta.refines {
            info.refined = Some((f64::from(picture.refined) * 1000.0).round() / 1000.0);
        }
        // Who sets the state knows it; a guest's is set by the host.
        let is_known = meta.is_set && self.access.role == Role::Owner && info.refined.is_none();
        if !is_known && counters.told.as_ref() != Some(&info) {
            counters.told = Some(info.clone());
            self.send(&ServerMessage::View(info));
        }
        let micros = |time: Duration| u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
        // A view is at most 8192 pixels wide and high, so its size fits.
        let size = picture.size.map(|n| u16::try_from(n).unwrap_or(u16::MAX));
        let header = protocol::FrameHeader {
            codec: picture.painted.codec,
            quality: picture.quality(meta),
            view: meta.view,
            cleared: picture.painted.cleared,
            stretched: picture.painted.stretched,
            key: picture.painted.key,
            size,
            frame: number,
            input_seq: meta.input_seq,
            view_revision: meta.info.revision,
            render_us: micros(picture.render_time),
            encode_us: micros(picture.encode_time),
            hash: picture.painted.lossless.unwrap_or(0),
        };
        let mut message = picture.message;
        if let Some(room) = message.first_chunk_mut() {
            *room = header.encode();
        }
        self.send_frame(meta.view, picture.painted.codec, message);
    }

    /// Sends values, after the state that they belong to. A client that gets none has its pictures.
    fn values_drawn(&mut self, meta: &JobMeta, picture: Result<Picture, Failure>) {
        let Some(view) = self.views.get_mut(&meta.view) else { return };
        let Some(Windowed { linear_exact, inverted }) = view.finish_values(meta, picture.is_ok()) else {
            return;
        };
        let Ok(picture) = picture else { return };
        let counters = &mut self.counters[usize::from(meta.view)];
        let is_known = meta.is_set && self.access.role == Role::Owner;
        if !is_known && counters.told.as_ref() != Some(&*meta.info) {
            counters.told = Some((*meta.info).clone());
            self.send(&ServerMessage::View((*meta.info).clone()));
        }
        let header = protocol::ValuesHeader {
            view: meta.view,
            inverted,
            linear_exact,
            size: picture.size.map(|n| u16::try_from(n).unwrap_or(u16::MAX)),
            view_revision: meta.info.revision,
        };
        let mut message = picture.message;
        if let Some(room) = message.first_chunk_mut() {
            *room = header.encode();
        }
        self.counters[usize::from(meta.view)].send_values();
        self.send_frame(meta.view, Codec::Png, message);
    }

    /// Has a view get no pictures, or get them again. Nobody waits for what is on its way to one that gets none.
    fn pause(&mut self, number: u8, paused: bool) {
        if self.views.get_mut(&number).is_some_and(|view| view.pause(paused)) {
            self.counters[usize::from(number)].acknowledge_all();
            self.link.forget(number);
        }
    }

    /// Asks for a picture of every view that needs one and whose client keeps up.
    fn request_frames(&mut self, now: Instant) {
        let ahead = match self.dialect {
            Dialect::Stream => self.link.ahead(),
            Dialect::Plain { .. } => PLAIN_AHEAD,
        };
        let mut windowed = None;
        for (&number, view) in &mut self.views {
            view.rest(now);
            let counters = &mut self.counters[usize::from(number)];
            if let Some(sent_at) = counters.give_up(now, self.link.patience()) {
                self.link.stalled(number, sent_at, now);
            }
            if counters.unacknowledged() < ahead && view.apply_pending() {
                windowed = Some(number);
            }
        }
        if let Some(number) = windowed {
            self.share_window(number);
        }
        if self.views.values().any(View::moves) {
            self.link.begin(now);
        }
        self.drain();
        let moving = self.views.values().filter(|view| view.moves()).count().max(1);
        let (bits_per_second, share) = (self.link.bits_per_second() / moving, self.link.share(now));
        let looks_on = self.looks_on(now);
        let mut states = Vec::new();
        for (&number, view) in &mut self.views {
            let counters = &self.counters[usize::from(number)];
            let wishes = Wishes {
                settles: self.accepts.png,
                takes_webp: self.accepts.webp,
                videos: if self.lanes.has_track(number) { VideoCodecs::H264 } else { self.accepts.videos },
                bits_per_second,
                share,
                most: counters.pace.bytes(),
                may_go_on: counters.pace.has_room(),
                is_seen: counters.unacknowledged() == 0,
            };
            if !counters.drains
                && counters.unacknowledged() < ahead
                && let Some(mut job) = view.next_job(now, number, self.dialect, wishes)
            {
                job.meta.looks_on = looks_on;
                self.out.push_back(Output::Render(job));
            }
            if let Some(info) = view.state_to_tell(now, number, counters.told.as_ref()) {
                self.counters[usize::from(number)].told = Some(info.clone());
                states.push(info);
            }
        }
        for info in states {
            self.send(&ServerMessage::View(info));
        }
    }

    /// A slice view's window goes to all slice views.
    fn share_window(&mut self, from: u8) {
        let Some(source) = self.views.get(&from).filter(|v| v.state().content == Content::Slice) else {
            return;
        };
        let source = source.clone();
        for view in self.views.values_mut().filter(|v| v.state().content == Content::Slice) {
            view.follow_window(&source);
        }
    }

    fn error(&mut self, code: ErrorCode, message: &str, seq: Option<u64>) {
        let message = message.to_owned();
        match self.dialect {
            Dialect::Stream => self.send(&ServerMessage::Error { code, message, seq }),
            Dialect::Plain { .. } => self.send_plain(&wire::ServerMessage::Error { message }),
        }
    }

    fn goodbye(&mut self) {
        let message = "The server is shutting down.".to_owned();
        match self.dialect {
            Dialect::Stream => {
                self.signal(&ServerMessage::Error { code: ErrorCode::GoingAway, message, seq: None });
            }
            Dialect::Plain { .. } => self.send_plain(&wire::ServerMessage::Error { message }),
        }
    }

    fn send_plain(&mut self, message: &wire::ServerMessage) {
        self.out.push_back(Output::Text(serde_json::to_string(message).unwrap_or_default()));
    }
}
