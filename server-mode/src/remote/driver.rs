//! The thread that talks to a server for a window.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use protocol::message::{
    DRAWINGS, Drawn, LayoutView, Measure, Role, SeriesOpened, TransportKind, ViewState as ToldState,
};
use protocol::{ClientMessage, Codec, Content as Listed, ErrorCode, FrameHeader, ServerMessage};
use render_core::scene::view::Orientation;
use render_core::scene::{Content, ViewState};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use super::report::{Report, Way};
use super::slot::ToSend;
use super::{
    Answer, Command, Ending, Event, RemoteSeries, Shared, State, Stats, Welcome, changed_hands, thumbnail,
};
use crate::client::{self, Connection, Error};
use crate::screen::{Decoder, Screen};

/// What this client decodes, besides videos, and draws.
const CODECS: [&str; 3] = ["png", "webp", DRAWINGS];
const VIDEOS: [Codec; 3] = [Codec::H264, Codec::Hevc, Codec::Av1];
/// A decoder that fails at the beginning of so many videos, with nothing decoded meanwhile, is given up.
const DECODER_FAILURES: u32 = 2;
/// Measurements whose answers are waited for; those before them were replaced.
const MOST_MEASURING: usize = 256;
/// Series that are open, a host's included.
const MOST_SERIES: usize = 256;
/// How often the way is measured, and after how many times the server is told.
const MEASURE_EVERY: Duration = Duration::from_secs(1);
const PING_EVERY: u32 = 5;
/// No picture is on its way when less came in that time: what keeps a connection alive is less.
const QUIET_BYTES: u64 = 2000;
/// Slots with a track of their own by WebRTC, as many as a session description has room for; videos of others come by its
/// channel.
const FILMED: [u8; 8] = [0, 1, 2, 3, 4, 5, 6, 7];
/// After WebRTC was lost, or not possible, it is tried again; ever more seldom.
const WEBRTC_AGAIN: Duration = Duration::from_secs(10);
const WEBRTC_SELDOM: Duration = Duration::from_secs(300);

/// A series that is to be open.
#[derive(Debug, Default)]
struct Series {
    /// As it was told last. Views of the window hold it, also while there is no connection.
    known: Option<Arc<RemoteSeries>>,
    /// Whether this session has it.
    is_open: bool,
}

impl Series {
    fn opened(&self) -> Option<&Arc<RemoteSeries>> {
        self.known.as_ref().filter(|_| self.is_open)
    }
}

/// Runs until the window's end is gone.
pub async fn run(shared: &Arc<Shared>, mut commands: mpsc::Receiver<Command>) {
    // What is to be open, whatever happens to connections.
    let mut series: BTreeMap<String, Series> = BTreeMap::new();
    // By it a guest is let in again, whose link has served.
    let mut resume_token = None;
    while !shared.stopped.load(Ordering::Relaxed) {
        let error = match session(shared, &mut commands, &mut series, &mut resume_token).await {
            Ok(()) => return,
            // A server that was started anew, or has waited for too long: the states are here.
            Err(Error::Forgotten) => continue,
            Err(error) => error,
        };
        let role = shared.inner().welcome.as_ref().map(|welcome| welcome.role);
        let ending = Ending::of(&error, role);
        tracing::info!(%error, ?ending, "the server is gone");
        // Nobody says any more what a host shows.
        shared.inner().drawn.clear();
        shared.become_(State::Gone { ending });
        loop {
            tokio::select! {
                () = shared.changed.notified() => {}
                command = commands.recv() => match command {
                    Some(Command::Reconnect) => break,
                    Some(Command::Open(id)) => drop(series.entry(id).or_default()),
                    Some(Command::Close(id)) => drop(series.remove(&id)),
                    Some(Command::Thumbnail(..)) => {}
                    Some(Command::Measure(_, answer)) => {
                        answer(Err("There is no connection to the server.".into()));
                    }
                    None => return,
                },
            }
            if shared.stopped.load(Ordering::Relaxed) {
                return;
            }
        }
    }
}

/// From a connection until it is gone for good; `Ok` where the window is.
async fn session(
    shared: &Arc<Shared>,
    commands: &mut mpsc::Receiver<Command>,
    series: &mut BTreeMap<String, Series>,
    resume_token: &mut Option<String>,
) -> Result<(), Error> {
    shared.become_(State::Connecting);
    series.values_mut().for_each(|series| series.is_open = false);
    let watched = Arc::clone(shared);
    let shows = move |header: &FrameHeader, screen: &Screen| {
        // The window may be waiting for the lock.
        let (rgba, size) = (screen.pixels().to_vec(), screen.size());
        let mut inner = watched.inner();
        let slot = inner.slots.get_mut(&header.view);
        let shown = slot.is_some_and(|slot| slot.decoded(header, rgba, size));
        drop(inner);
        if shown {
            (watched.wake)();
        }
    };
    let connecting = Connection::open_again(&shared.address, resume_token.clone(), shows);
    let mut connecting = std::pin::pin!(connecting);
    let connection = loop {
        tokio::select! {
            opened = &mut connecting => break opened?,
            () = shared.changed.notified() => {
                if shared.stopped.load(Ordering::Relaxed) {
                    return Ok(());
                }
            }
        }
    };
    let mut driver = Driver {
        shared,
        connection,
        series,
        role: Role::Owner,
        opening: VecDeque::new(),
        held: Vec::new(),
        measuring: VecDeque::new(),
        webrtc_at: None,
        webrtc_pause: WEBRTC_AGAIN,
        videos: VIDEOS.into_iter().filter(|codec| Decoder::is_there(*codec)).collect(),
        spoilt: 0,
        meter: Meter::default(),
        report: Report::default(),
    };
    driver.accept()?;
    let talked = driver.talk(commands).await;
    // Whoever has the server's token needs no other, and begins anew.
    if let Some(token) = driver.connection.resume_token().filter(|_| driver.role != Role::Owner) {
        *resume_token = Some(token.to_owned());
    }
    if talked.is_ok() {
        driver.connection.close().await;
    }
    talked
}

async fn until(at: Option<Instant>) {
    if let Some(at) = at {
        tokio::time::sleep_until(at.into()).await;
    }
}

struct Driver<'a> {
    shared: &'a Shared,
    connection: Connection,
    series: &'a mut BTreeMap<String, Series>,
    role: Role,
    /// Series that were asked for, with the `seq` that asked.
    opening: VecDeque<(u64, String)>,
    /// Measurements on series that are about to be open.
    held: Vec<(Measure, Answer)>,
    /// Measurements that were asked for: `seq`, request, and who waits for the answer.
    measuring: VecDeque<(u64, u32, Answer)>,
    webrtc_at: Option<Instant>,
    webrtc_pause: Duration,
    /// What is decoded here; without any, what moves comes as JPEGs.
    videos: Vec<Codec>,
    /// Beginnings of videos that could not be decoded, one after the other.
    spoilt: u32,
    meter: Meter,
    report: Report,
}

impl Driver<'_> {
    /// Until the window's end is gone, or the connection.
    async fn talk(&mut self, commands: &mut mpsc::Receiver<Command>) -> Result<(), Error> {
        let mut measure = tokio::time::interval(MEASURE_EVERY);
        measure.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.send_slots()?;
            let again = self.webrtc_at;
            let event = tokio::select! {
                event = self.connection.next() => Some(event?),
                () = self.shared.changed.notified() => None,
                command = commands.recv() => {
                    match command {
                        Some(command) => self.obey(command)?,
                        // The window's end.
                        None => break,
                    }
                    None
                }
                () = until(again), if again.is_some() => {
                    self.begin_webrtc().await;
                    None
                }
                _ = measure.tick() => {
                    self.measure()?;
                    None
                }
            };
            if self.shared.stopped.load(Ordering::Relaxed) {
                break;
            }
            if let Some(event) = event {
                self.take(event)?;
            }
        }
        Ok(())
    }

    fn obey(&mut self, command: Command) -> Result<(), Error> {
        match command {
            Command::Open(id) => {
                let opened = self.series.entry(id.clone()).or_default().opened().cloned();
                match opened {
                    Some(series) => self.shared.tell(Event::Opened(series)),
                    // What a guest sees comes by itself.
                    None if self.role != Role::Owner => {}
                    None => self.open(id)?,
                }
            }
            Command::Close(id) => {
                self.release_held(&id, Some("The series was closed."))?;
                // Its views go with it.
                self.shared.inner().slots.values_mut().for_each(|slot| slot.closed(&id));
                if self.series.remove(&id).is_some() && self.role == Role::Owner {
                    self.connection.ask(ClientMessage::CloseSeries { series_instance_uid: id })?;
                }
            }
            Command::Measure(measure, answer) => match self.series.get(&measure.series_instance_uid) {
                Some(series) if series.is_open => self.ask_to_measure(measure, answer)?,
                Some(_) if self.held.len() < MOST_MEASURING => self.held.push((measure, answer)),
                _ => answer(Err("The series is not open.".into())),
            },
            Command::Thumbnail(id, answer) => {
                let fetcher = self.connection.fetcher();
                tokio::spawn(async move { answer(thumbnail::fetch(&fetcher, &id).await) });
            }
            Command::Reconnect => self.connection.hurry(),
        }
        Ok(())
    }

    fn ask_to_measure(&mut self, measure: Measure, answer: Answer) -> Result<(), Error> {
        let request = measure.request;
        let seq = self.connection.ask(ClientMessage::Measure(measure))?;
        if let Some(at) = self.measuring.iter().position(|(_, other, _)| *other == request)
            && let Some((_, _, replaced)) = self.measuring.remove(at)
        {
            replaced(Err("Something else is to be measured by now.".into()));
        }
        if self.measuring.len() >= MOST_MEASURING
            && let Some((_, _, oldest)) = self.measuring.pop_front()
        {
            oldest(Err("Too much waits to be measured.".into()));
        }
        self.measuring.push_back((seq, request, answer));
        Ok(())
    }

    /// A series is open, or will not be: what was to be measured on it is asked for, or answered by the reason.
    fn release_held(&mut self, id: &str, refused: Option<&str>) -> Result<(), Error> {
        let of_it = |(measure, _): &mut (Measure, Answer)| measure.series_instance_uid == id;
        for (measure, answer) in self.held.extract_if(.., of_it).collect::<Vec<_>>() {
            match refused {
                None => self.ask_to_measure(measure, answer)?,
                Some(reason) => answer(Err(reason.to_owned())),
            }
        }
        Ok(())
    }

    fn open(&mut self, id: String) -> Result<(), Error> {
        let seq = self.connection.ask(ClientMessage::OpenBeside { series_instance_uid: id.clone() })?;
        self.opening.push_back((seq, id));
        Ok(())
    }

    /// Tells the server what the slots are to show now.
    fn send_slots(&mut self) -> Result<(), Error> {
        let mut failed = Vec::new();
        let mut wake = false;
        let mut inner = self.shared.inner();
        if self.role != Role::Owner {
            // A guest tells sizes; what is shown is the host's.
            let relaid = inner.slots.values_mut().fold(false, |any, slot| slot.take_relaid() | any);
            let layouts = inner.slots.iter().filter_map(|(&view, slot)| Some((view, slot.layout()?)));
            let listed = |(view, (size, paused))| LayoutView { view, content: Listed::Axial, size, paused };
            let views = layouts.map(listed).collect();
            if relaid {
                self.connection.ask(ClientMessage::Layout { views })?;
            }
            if self.role == Role::Viewer {
                return Ok(());
            }
        }
        let series = &*self.series;
        for (&number, slot) in &mut inner.slots {
            let values = slot.wants_values();
            let is_open = |id: &str| series.get(id).is_some_and(|series| series.is_open);
            let id_of = |volume: &Arc<render_core::Volume>| {
                let mut known = series.values().filter_map(|series| series.known.as_ref());
                known.find(|one| Arc::ptr_eq(&one.stand_in, volume)).map(|one| one.id.clone())
            };
            match slot.next(number, is_open, id_of) {
                Ok(Some(ToSend::Set(set))) => {
                    if values {
                        self.connection.ask(ClientMessage::Values { view: number })?;
                    }
                    let seq = self.connection.ask(ClientMessage::Set(set))?;
                    slot.was_sent(seq);
                    wake |= slot.picture.is_some();
                }
                Ok(Some(ToSend::Drop)) if self.role != Role::Owner => {}
                Ok(Some(ToSend::Drop)) => {
                    self.connection.ask(ClientMessage::DropView { view: number })?;
                }
                Ok(None) => {}
                Err(reason) => failed.push(reason),
            }
        }
        inner.slots.retain(|_, slot| !slot.is_done());
        drop(inner);
        failed.into_iter().for_each(|reason| self.shared.tell(Event::Failed(reason)));
        if wake {
            (self.shared.wake)();
        }
        Ok(())
    }

    /// Tells what can be decoded.
    fn accept(&mut self) -> Result<(), Error> {
        let videos = self.videos.iter().map(|codec| codec.name());
        let codecs = CODECS.into_iter().chain(videos).map(str::to_owned).collect();
        self.connection.ask(ClientMessage::Accept { codecs }).map(drop)
    }

    /// Videos by WebRTC are H.264.
    fn takes_webrtc(&self) -> bool {
        self.videos.contains(&Codec::H264)
    }

    /// Goes on without a decoder that fails again and again.
    fn judge_decoder(&mut self, frame: &client::Frame) -> Result<(), Error> {
        let codec = frame.header.codec;
        if !self.videos.contains(&codec) {
            return Ok(());
        }
        if frame.shown.is_some() {
            self.spoilt = 0;
        }
        self.spoilt += u32::from(frame.failed);
        if self.spoilt < DECODER_FAILURES {
            return Ok(());
        }
        self.spoilt = 0;
        self.videos.retain(|video| *video != codec);
        tracing::warn!(codec = codec.name(), "the decoder failed; pictures come in another way");
        self.accept()?;
        if !self.takes_webrtc() {
            self.webrtc_at = None;
            self.connection.give_up_webrtc("the decoder failed".into())?;
        }
        Ok(())
    }

    fn take(&mut self, event: client::Event) -> Result<(), Error> {
        match event {
            client::Event::Message(message) => self.message(message)?,
            client::Event::Frame(frame) => {
                self.judge_decoder(&frame)?;
                self.meter.frames += u32::from(frame.shown.is_some());
                if let Some(shown) = &frame.shown {
                    let FrameHeader { view, codec, .. } = frame.header;
                    self.report.shown(view, codec, shown.latency, frame.decoded);
                }
                self.meter.latency = frame.shown.and_then(|shown| shown.latency).or(self.meter.latency);
            }
            client::Event::Values(values) => {
                let view = values.header.view;
                if let Some(slot) = self.shared.inner().slots.get_mut(&view) {
                    slot.values(values);
                }
            }
            client::Event::Transport(transport, reason) => {
                if transport == TransportKind::Webrtc {
                    (self.webrtc_at, self.webrtc_pause) = (None, WEBRTC_AGAIN);
                } else {
                    tracing::info!(reason, "pictures come by WebSocket");
                    self.webrtc_at = self.takes_webrtc().then(|| Instant::now() + self.webrtc_pause);
                    self.webrtc_pause = (self.webrtc_pause * 2).min(WEBRTC_SELDOM);
                }
                let fell_back = transport == TransportKind::Websocket;
                self.shared.become_(State::Connected { transport, fell_back });
            }
            client::Event::Reconnecting { attempts, reason } => {
                self.webrtc_at = None;
                tracing::info!(reason, attempts, "the connection is looked for");
                self.shared.become_(State::Reconnecting { attempts });
            }
        }
        Ok(())
    }

    fn message(&mut self, message: ServerMessage) -> Result<(), Error> {
        match message {
            ServerMessage::Connected { resumed, role, voxels, backend, ice_servers, .. } => {
                self.role = role;
                let fetcher = self.connection.fetcher();
                {
                    let mut inner = self.shared.inner();
                    inner.welcome = Some(Welcome { role, voxels, backend });
                    inner.fetcher = fetcher;
                    // All of it is told again.
                    inner.drawn.clear();
                    inner.slots.values_mut().for_each(super::Slot::begin_anew);
                }
                // A session that goes on has them open, but nothing of what was asked for is sure to have arrived.
                let closed = self.series.values_mut().filter(|_| !resumed);
                closed.for_each(|series| series.is_open = false);
                self.opening.clear();
                for (_, _, answer) in self.measuring.drain(..) {
                    answer(Err("The connection was lost meanwhile.".into()));
                }
                let wanted: Vec<String> =
                    self.series.iter().filter(|(_, one)| !one.is_open).map(|(id, _)| id.clone()).collect();
                if role == Role::Owner {
                    wanted.into_iter().try_for_each(|id| self.open(id))?;
                }
                if ice_servers.is_some() && self.takes_webrtc() {
                    self.webrtc_at = Some(Instant::now());
                }
                let transport = TransportKind::Websocket;
                self.shared.become_(State::Connected { transport, fell_back: false });
            }
            ServerMessage::Library { studies } => {
                let mut inner = self.shared.inner();
                let before = std::mem::replace(&mut inner.library, studies.into());
                // What is another patient's now is another series, whatever it is called.
                for id in changed_hands(&before, &inner.library) {
                    self.series.entry(id).and_modify(|series| series.known = None);
                }
                drop(inner);
                (self.shared.wake)();
            }
            ServerMessage::Loading { series_instance_uid: series_id, done, total } => {
                self.shared.tell(Event::Loading { series_id, done, total });
            }
            ServerMessage::SeriesOpened(opened) => self.opened(&opened)?,
            ServerMessage::View(info) => {
                if let Some(slot) = self.shared.inner().slots.get_mut(&info.view) {
                    slot.refined = info.refined;
                }
            }
            ServerMessage::ViewState(told) => self.told(&told)?,
            ServerMessage::Measured(measured) => {
                let asked = self.measuring.iter().position(|(_, request, _)| *request == measured.request);
                if let Some((_, _, answer)) = asked.and_then(|at| self.measuring.remove(at)) {
                    answer(Ok(measured));
                }
            }
            ServerMessage::Role { role } => {
                self.role = role;
                let mut inner = self.shared.inner();
                inner.welcome.iter_mut().for_each(|welcome| welcome.role = role);
                // What was tried before is no wish of now.
                inner.slots.values_mut().for_each(super::Slot::take_back);
                drop(inner);
                (self.shared.wake)();
            }
            ServerMessage::Drawn { series_instance_uid, drawings, .. } => {
                self.drawn(Drawn { series_instance_uid, drawings });
            }
            ServerMessage::Shared(shared) => {
                let mut inner = self.shared.inner();
                let left = inner.slots.iter_mut().filter(|(number, _)| !shared.views.contains(number));
                left.for_each(|(_, slot)| slot.left());
                drop(inner);
                self.shared.tell(Event::Shared(shared));
            }
            ServerMessage::Error { code, message, seq } => {
                let measured = self.measuring.iter().position(|(asked, ..)| Some(*asked) == seq);
                let asked = self.opening.iter().position(|(asked, _)| Some(*asked) == seq);
                if let Some((_, series_id)) = asked.and_then(|at| self.opening.remove(at)) {
                    self.series.remove(&series_id);
                    self.release_held(&series_id, Some(&message))?;
                    self.shared.tell(Event::OpenFailed { series_id, reason: message });
                } else if let Some((_, _, answer)) = measured.and_then(|at| self.measuring.remove(at)) {
                    answer(Err(message));
                } else if code == ErrorCode::WebrtcFailed {
                    // Pictures come by WebSocket: nothing that anybody has to see to.
                    tracing::info!(message, "WebRTC is not possible");
                    let transport = TransportKind::Websocket;
                    self.shared.become_(State::Connected { transport, fell_back: true });
                } else if code != ErrorCode::GoingAway {
                    self.shared.inner().slots.values_mut().for_each(super::Slot::give_up);
                    self.shared.tell(Event::Failed(message));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn opened(&mut self, opened: &SeriesOpened) -> Result<(), Error> {
        let id = opened.series_instance_uid.clone();
        if !self.series.contains_key(&id) && self.series.len() >= MOST_SERIES {
            self.shared.tell(Event::Failed("The server opens more series than can be shown.".into()));
            return Ok(());
        }
        self.opening.retain(|(_, asked)| *asked != id);
        match RemoteSeries::read(opened) {
            Ok(read) => {
                // One that was open before keeps its stand-in, which layers may hold.
                let Series { known, is_open } = self.series.entry(id.clone()).or_default();
                if known.as_ref().is_none_or(|known| known.outline.geometry != read.outline.geometry) {
                    *known = Some(Arc::new(read));
                }
                *is_open = true;
                known.iter().for_each(|series| self.shared.tell(Event::Opened(Arc::clone(series))));
                self.release_held(&id, None)
            }
            Err(error) => {
                self.series.remove(&id);
                self.release_held(&id, Some(&error.to_string()))?;
                self.shared.tell(Event::OpenFailed { series_id: id, reason: error.to_string() });
                Ok(())
            }
        }
    }

    /// A view of the host's.
    fn told(&mut self, told: &ToldState) -> Result<(), Error> {
        let opened = self.series.get(&told.series_instance_uid).and_then(Series::opened);
        let Some(series) = opened else { return Ok(()) };
        if let Err(reason) = told.check() {
            tracing::warn!(reason, "a host's view cannot be");
            return Ok(());
        }
        let mut inner = self.shared.inner();
        let slot = inner.slots.entry(told.view).or_default();
        let mut state = match &slot.host {
            Some(host) if host.series_id == series.id => (*host.state).clone(),
            _ => ViewState::new(&series.outline, Content::Slice, Orientation::Axial, told.place.size),
        };
        if let Some(look) = &told.look {
            let volume_of = |id: &str| Some(Arc::clone(&self.series.get(id)?.known.as_ref()?.stand_in));
            if views::set_look(&mut state, look, volume_of).is_err() {
                // Its pictures show it all the same.
                tracing::debug!("the host shows a layer that is not known here");
            }
        }
        views::set_place(&mut state, &told.place);
        state.revision = told.revision;
        let was_early = slot.told(told, state);
        drop(inner);
        (self.shared.wake)();
        if was_early {
            self.connection.ask(ClientMessage::Repaint { view: told.view })?;
        }
        Ok(())
    }

    /// What the host has drawn on a series.
    fn drawn(&self, drawn: Drawn) {
        let id = &drawn.series_instance_uid;
        if !self.series.contains_key(id) {
            return tracing::debug!("the host has drawn on a series that is not known here");
        }
        let mut inner = self.shared.inner();
        match drawn.drawings.is_empty() {
            true => drop(inner.drawn.remove(id)),
            false => drop(inner.drawn.insert(id.clone(), Arc::new(drawn))),
        }
        drop(inner);
        (self.shared.wake)();
    }

    async fn begin_webrtc(&mut self) {
        self.webrtc_at = None;
        let begun = self.connection.begin_webrtc(&FILMED, None::<fn(SocketAddr) -> SocketAddr>).await;
        if let Err(error) = begun {
            tracing::info!(%error, "pictures come by WebSocket");
        }
    }

    fn measure(&mut self) -> Result<(), Error> {
        let received = self.connection.received_bytes();
        let since = received.saturating_sub(self.meter.bytes);
        // What is on its way may be of a view that waits for its turn.
        let stuck: Vec<u8> = if since < QUIET_BYTES {
            let mut inner = self.shared.inner();
            inner.slots.iter_mut().filter_map(|(&view, slot)| slot.is_stuck().then_some(view)).collect()
        } else {
            Vec::new()
        };
        for view in stuck {
            tracing::debug!(view, "a view rests without its exact picture");
            self.connection.ask(ClientMessage::Repaint { view })?;
        }
        self.meter.ticks = self.meter.ticks.wrapping_add(1);
        if self.meter.ticks % PING_EVERY == 1 && self.shared.inner().welcome.is_some() {
            self.connection.ping()?;
            let way = Way {
                transport: self.connection.transport(),
                received_bytes: received,
                round_trip: self.connection.rtt(),
                lost_share: self.connection.lost_share(),
            };
            if let Some(measured) = self.report.take(way, Instant::now()) {
                self.connection.ask(ClientMessage::Stats(measured))?;
            }
        }
        let (now, before) = (Instant::now(), self.meter.at);
        let seconds = before.map_or(1.0, |at| (now - at).as_secs_f64()).max(0.1);
        let stats = Stats {
            rtt: self.connection.rtt(),
            latency: self.meter.latency,
            frames_per_second: f64::from(self.meter.frames) / seconds,
            bits_per_second: since as f64 * 8.0 / seconds,
        };
        self.meter = Meter { at: Some(now), bytes: received, frames: 0, ..self.meter };
        self.shared.inner().stats = stats;
        Ok(())
    }
}

/// What is counted from one measurement to the next.
#[derive(Clone, Copy, Debug, Default)]
struct Meter {
    at: Option<Instant>,
    ticks: u32,
    bytes: u64,
    frames: u32,
    latency: Option<Duration>,
}
