//! One client's WebSocket: carries text to the session and what the session wants done to the
//! workers, the store and the client.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use protocol::message::Measured;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Notify, OwnedSemaphorePermit, mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::Error as WsError;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, Role, WebSocketConfig};

use super::entry::Admitted;
use super::presets::Presets;
use super::{App, VoxelPolicy, auth, pages};
use crate::board::{Driven, Pass, Shown};
use crate::session::{Access, Dialect, Input, Output, PeerEvent, Picture, Rendered, Session};
use crate::studies::Opened;
use crate::webrtc::{Peer, WebRtc};

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Results for the session and frames that have left: two a view and some to spare, so that a
/// worker never has to wait.
const EVENTS: usize = 128;
/// Messages for a client that is slow to read. Frames are limited by acknowledgements; this bounds
/// the rest.
const OUTGOING: usize = 256;
/// Nothing more is read from a client that has less room than this for the answers: more than any
/// single input causes.
const ROOM: usize = 64;
/// Clients say little at a time, and there may be many of them.
const READ_BUFFER: usize = 8 << 10;
/// The largest frame, with room to spare: an uncompressible 5K picture.
const MAX_WRITE_BUFFER: usize = 64 << 20;
/// A client that does not take a message for this long is gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(20);
const PING_EVERY: Duration = Duration::from_secs(5);
const SILENCE: Duration = Duration::from_secs(20);
/// How long a client waits for an earlier connection of its own to make way.
const HANDOVER: Duration = Duration::from_secs(2);
const LOADING_EVERY: Duration = Duration::from_millis(100);
/// After closing, what the client still sends is read and dropped for this long and this much, so
/// that it gets the reason and not a reset connection.
const LINGER: Duration = Duration::from_secs(5);
const LINGER_BYTES: usize = 128 << 20;
/// Messages a second that are handled, and how many may come at once. Mice report 1000 moves a
/// second at most.
const RATE: f64 = 2000.0;
const BURST: f64 = 2000.0;

/// Answers `/ws`; whoever asks has the token.
pub async fn upgrade(State(app): State<Arc<App>>, mut request: Request) -> Response {
    let Some(key) = handshake_key(request.headers()) else {
        return pages::text(StatusCode::UPGRADE_REQUIRED, "This address speaks WebSocket, version 13.");
    };
    let offered = request.headers().get_all(header::SEC_WEBSOCKET_PROTOCOL);
    let offered = offered.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let offered: Vec<_> = offered.map(str::trim).collect();
    let is_stream = offered.contains(&protocol::SUBPROTOCOL);
    let admitted = request.extensions().get::<Admitted>().cloned();
    let Some(Admitted(pass)) = admitted else {
        return pages::text(StatusCode::UNAUTHORIZED, "The token is missing.");
    };
    if pass.is_some() && !is_stream {
        return pages::text(StatusCode::BAD_REQUEST, "Guests speak voxcast.v1.");
    }
    let dialect = if is_stream { Dialect::Stream } else { Dialect::Plain { size: app.render_size } };
    let resume = resume_token(request.headers()).filter(|_| is_stream);
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        match upgraded.await {
            Ok(upgraded) => serve(app, upgraded, dialect, resume, pass).await,
            Err(error) => tracing::debug!(%error, "a WebSocket was not opened"),
        }
    });
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.extend(HeaderValue::from_str(&key).ok().map(|key| (header::SEC_WEBSOCKET_ACCEPT, key)));
    if is_stream {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol::SUBPROTOCOL));
    }
    response
}

/// What a client offers to get its session again.
pub fn resume_token(headers: &HeaderMap) -> Option<String> {
    let offered = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
    let mut offered = offered.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    offered.find_map(|protocol| protocol.trim().strip_prefix(protocol::RESUME)).map(str::to_owned)
}

/// RFC 6455, 4.2.1: the answer to the client's key, if the request asks for a WebSocket.
fn handshake_key(headers: &HeaderMap) -> Option<String> {
    let has = |name, word: &str| {
        let value = headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or_default();
        value.split(',').any(|part| part.trim().eq_ignore_ascii_case(word))
    };
    let asks = has(header::CONNECTION, "upgrade")
        && has(header::UPGRADE, "websocket")
        && has(header::SEC_WEBSOCKET_VERSION, "13");
    let key = headers.get(header::SEC_WEBSOCKET_KEY).filter(|_| asks)?;
    Some(derive_accept_key(key.as_bytes()))
}

/// What comes back from threads and from the writer.
enum Event {
    Rendered(Rendered),
    Opened(u64, Opened),
    Measured(u64, Result<Measured, String>),
}

/// A session and what is on its way to it; outlives the client's connections.
pub struct Hosted {
    number: u64,
    resume_token: String,
    session: Session,
    events: mpsc::Sender<Event>,
    inbox: mpsc::Receiver<Event>,
    presets: Presets,
    /// Of guests: who it is, and what the host shows.
    guest: Option<(u64, watch::Receiver<Arc<Shown>>)>,
}

impl Hosted {
    fn new(app: &App, dialect: Dialect, pass: Option<&Pass>) -> Option<Self> {
        let (id, resume_token) = (random_name()?, random_name()?);
        let mut presets = app.presets.clone();
        let library = Arc::clone(&presets.borrow_and_update());
        let (events, inbox) = mpsc::channel(EVENTS);
        tracing::info!(session = %id, ?dialect, "session begins");
        app.metrics.session_began();
        let role = pass.map_or(protocol::message::Role::Owner, |pass| *pass.role.borrow());
        let access = Access { role, voxels: app.voxels != VoxelPolicy::None };
        let guest = pass.and_then(|pass| Some((pass.guest, app.entry.board()?.watch())));
        let session = Session::new(id, dialect, Arc::clone(&app.studies), library, app.backend, access);
        Some(Self { number: app.next_session(), resume_token, session, events, inbox, presets, guest })
    }

    /// Ends the session.
    pub fn end(self, app: &App) {
        app.frames.end_session(self.number);
        app.store.abandon(self.number);
        app.measuring.end_session(self.number);
        tracing::info!(session = %self.session.id(), "session ends");
    }
}

async fn serve(
    app: Arc<App>,
    upgraded: Upgraded,
    dialect: Dialect,
    resume: Option<String>,
    pass: Option<Pass>,
) {
    let config = WebSocketConfig::default()
        .max_message_size(Some(protocol::MAX_TEXT_BYTES))
        .max_frame_size(Some(protocol::MAX_TEXT_BYTES))
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(MAX_WRITE_BUFFER);
    let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
    let (sink, mut stream) = socket.split();
    let (outgoing, messages) = mpsc::channel(OUTGOING);
    let (sent, frames_sent) = mpsc::channel(OUTGOING);
    let writer = tokio::spawn(write(sink, messages, sent));

    let waiting = match &resume {
        Some(token) => tokio::time::timeout(HANDOVER, app.waiting.take(token)).await.ok().flatten(),
        None => None,
    };
    // The connection that had the session has given its place back.
    let mut permit = Arc::clone(&app.sessions).try_acquire_owned().ok();
    // A session is its guest's alone, whose role it has.
    let is_own = |(hosted, _): &(Hosted, _)| {
        hosted.guest.as_ref().map(|(id, _)| *id) == pass.as_ref().map(|p| p.guest)
    };
    let waiting = match waiting {
        Some(waiting) if !is_own(&waiting) => {
            wait(&app, waiting.0);
            None
        }
        waiting => waiting,
    };
    let resumed = waiting.is_some();
    let hosted = match waiting {
        Some(waiting) if permit.is_some() => Some(waiting),
        Some((hosted, _)) => {
            wait(&app, hosted);
            None
        }
        None if permit.is_none() || app.frames.has_too_much_to_do() => None,
        None => Hosted::new(&app, dialect, pass.as_ref()).map(|hosted| {
            let wanted_elsewhere = app.waiting.taken(&hosted.resume_token);
            (hosted, wanted_elsewhere)
        }),
    };
    let reason = match hosted {
        Some((hosted, wanted_elsewhere)) => {
            let peer = app.webrtc.as_ref().map(WebRtc::peer);
            let mut client = Client { hosted, peer, app: &app, outgoing: &outgoing };
            client.tell_host(true);
            let end = client.run(&mut stream, frames_sent, resumed, &wanted_elsewhere, pass).await;
            client.tell_host(false);
            client.leave(dialect, &end, &mut permit);
            end.reason
        }
        None => {
            app.metrics.turned_away();
            tracing::warn!("a client was turned away: there is no time, or no place, for one more");
            Some(closing(CloseCode::Again, "The server has as much to do as it can. Try again later."))
        }
    };
    if let Some(frame) = reason {
        // A full queue means that the client reads nothing, the reason included.
        let _ = outgoing.try_send(Message::Close(Some(frame)));
    }
    drop(outgoing);
    linger(stream, writer).await;
    drop(permit);
}

/// 128 bits that nobody guesses.
fn random_name() -> Option<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).ok()?;
    Some(auth::hex(&bytes))
}

fn closing(code: CloseCode, reason: &'static str) -> CloseFrame {
    CloseFrame { code, reason: reason.into() }
}

fn wait(app: &App, hosted: Hosted) {
    let (now, token) = (Instant::now().into_std(), hosted.resume_token.clone());
    if let Some(ended) = app.waiting.leave(now, token, hosted) {
        ended.end(app);
    }
}

/// How a connection ends.
struct End {
    /// What to tell the client, if anybody is left to hear it.
    reason: Option<CloseFrame>,
    /// The client does not come back.
    for_good: bool,
}

impl From<Option<CloseFrame>> for End {
    fn from(reason: Option<CloseFrame>) -> Self {
        Self { reason, for_good: false }
    }
}

struct Client<'a> {
    hosted: Hosted,
    /// `None` where the server has no WebRTC.
    peer: Option<Peer>,
    app: &'a App,
    outgoing: &'a mpsc::Sender<Message>,
}

impl Client<'_> {
    /// Runs until the connection is to be closed.
    async fn run(
        &mut self,
        stream: &mut SplitStream<Socket>,
        mut frames_sent: mpsc::Receiver<()>,
        resumed: bool,
        wanted_elsewhere: &Notify,
        pass: Option<Pass>,
    ) -> End {
        let (mut roles, mut removed) = pass.map(|pass| (pass.role, pass.removed)).unzip();
        if let Some(roles) = &mut roles {
            // It may have changed while the client was away.
            let role = *roles.borrow_and_update();
            self.handle(Instant::now(), Input::Role(role));
        }
        let resume_token = self.hosted.resume_token.clone();
        let id = self.hosted.session.id();
        let ice_servers = self.app.webrtc.as_ref().map(|webrtc| webrtc.ice_servers(id));
        let connected = Input::Connected { resume_token, resumed, ice_servers };
        self.handle(Instant::now(), connected);
        if let Some((_, shown)) = &mut self.hosted.guest {
            let shown = Arc::clone(&shown.borrow_and_update());
            self.handle(Instant::now(), Input::Shown(shown));
        }
        let mut closing_down = self.app.closing.clone();
        let mut heartbeat = tokio::time::interval(PING_EVERY);
        let mut loading = tokio::time::interval(LOADING_EVERY);
        loading.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let renewal = self.app.webrtc.as_ref().and_then(WebRtc::ice_renewal);
        let mut renew_at = renewal.map(|every| Instant::now() + every);
        let mut heard = Instant::now();
        let mut pinged: Option<Instant> = None;
        let mut allowance = Allowance::new(Instant::now());
        loop {
            if let Err(frame) = self.carry_out() {
                return Some(frame).into();
            }
            let has_room = self.outgoing.capacity() >= ROOM;
            let wake = self.hosted.session.wake_at().map(Instant::from_std);
            tokio::select! {
                message = stream.next(), if allowance.is_open() && has_room => {
                    heard = Instant::now();
                    if allowance.spend(heard) {
                        self.handle(heard, Input::Throttled);
                    }
                    match message {
                        Some(Ok(Message::Text(text))) => self.handle(heard, Input::Text(text.as_str())),
                        Some(Ok(Message::Binary(_))) => {
                            return Some(closing(CloseCode::Unsupported, "Clients send text messages only.")).into();
                        }
                        Some(Ok(Message::Pong(_))) => {
                            if let Some(pinged) = pinged.take() {
                                self.app.metrics.round_trip(heard - pinged);
                                self.handle(heard, Input::RoundTrip(heard - pinged));
                            }
                        }
                        Some(Ok(Message::Ping(_) | Message::Frame(_))) => {}
                        Some(Ok(Message::Close(frame))) => {
                            let for_good = frame.is_some_and(|frame| frame.code == CloseCode::Normal);
                            return End { reason: None, for_good };
                        }
                        None => return None.into(),
                        Some(Err(error)) => return refusal(&error).into(),
                    }
                }
                event = next_of(&mut self.peer), if allowance.is_open() => {
                    let now = Instant::now();
                    if matches!(event, PeerEvent::Text(..)) && allowance.spend(now) {
                        self.handle(now, Input::Throttled);
                    }
                    self.handle(now, Input::Peer(event));
                }
                () = tokio::time::sleep_until(allowance.reopens()), if !allowance.is_open() => {
                    allowance.refill(Instant::now());
                }
                room = self.outgoing.reserve_many(ROOM), if !has_room => {
                    // The writer has given up.
                    if room.is_err() {
                        return None.into();
                    }
                }
                Some(event) = self.hosted.inbox.recv() => {
                    let input = match event {
                        Event::Rendered(rendered) => {
                            if let Ok(picture) = &rendered.picture {
                                let Picture { message, render_time, encode_time, .. } = picture;
                                self.app.metrics.picture(message.len(), *render_time, *encode_time);
                            }
                            Input::Rendered(rendered)
                        }
                        Event::Opened(request, opened) => Input::Opened(request, opened),
                        Event::Measured(seq, measured) => Input::Measured(seq, measured),
                    };
                    self.handle(Instant::now(), input);
                }
                Some(()) = frames_sent.recv() => self.handle(Instant::now(), Input::FrameSent),
                () = tokio::time::sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {
                    self.handle(Instant::now(), Input::Wake);
                }
                _ = loading.tick(), if self.hosted.session.is_opening() => {
                    if let Some((series_instance_uid, done, total)) = self.app.store.progress(self.hosted.number) {
                        self.handle(Instant::now(), Input::Loading { series_instance_uid, done, total });
                    }
                }
                Ok(()) = self.hosted.presets.changed() => {
                    let library = Arc::clone(&self.hosted.presets.borrow_and_update());
                    self.handle(Instant::now(), Input::Presets(library));
                }
                shown = next_shown(&mut self.hosted.guest) => {
                    self.handle(Instant::now(), Input::Shown(shown));
                }
                role = next_role(&mut roles) => self.handle(Instant::now(), Input::Role(role)),
                () = sent_away(&mut removed) => {
                    let reason = Some(closing(CloseCode::Library(protocol::closing::SENT_AWAY), "The host has sent you away."));
                    return End { reason, for_good: true };
                }
                _ = heartbeat.tick() => {
                    // While we do not read, silence is ours.
                    if allowance.is_open() && has_room && heard.elapsed() > SILENCE {
                        return None.into();
                    }
                    if renew_at.is_some_and(|at| Instant::now() >= at) {
                        renew_at = renewal.map(|every| Instant::now() + every);
                        let id = self.hosted.session.id();
                        let ice_servers = self.app.webrtc.as_ref().map(|webrtc| webrtc.ice_servers(id));
                        self.handle(Instant::now(), Input::IceServers(ice_servers.unwrap_or_default()));
                    }
                    // A full queue is dealt with where it matters.
                    let sent = self.outgoing.try_send(Message::Ping(Default::default())).is_ok();
                    pinged = pinged.or(sent.then(Instant::now));
                }
                () = wanted_elsewhere.notified() => {
                    return Some(closing(CloseCode::Restart, "Another connection goes on with this session.")).into();
                }
                _ = closing_down.wait_for(|closing| *closing) => {
                    self.handle(Instant::now(), Input::GoingAway);
                    let _ = self.carry_out();
                    let farewell = match self.hosted.guest {
                        Some(_) => "The host has stopped sharing.",
                        None => "The server is shutting down.",
                    };
                    let reason = Some(closing(CloseCode::Away, farewell));
                    return End { reason, for_good: true };
                }
            }
        }
    }

    fn handle(&mut self, now: Instant, input: Input<'_>) {
        self.hosted.session.handle(now.into_std(), input);
    }

    /// A guest has come, or is gone.
    fn tell_host(&self, is_there: bool) {
        if let (Some((guest, _)), Some(board)) = (&self.hosted.guest, self.app.entry.board()) {
            board.connected(*guest, is_there.then_some(self.hosted.resume_token.as_str()));
        }
    }

    /// The session waits for its client, or ends.
    fn leave(mut self, dialect: Dialect, end: &End, permit: &mut Option<OwnedSemaphorePermit>) {
        // A client of the plain protocol has no way to ask for its session.
        if end.for_good || dialect != Dialect::Stream {
            self.app.waiting.end(&self.hosted.resume_token);
            return self.hosted.end(self.app);
        }
        self.handle(Instant::now(), Input::Disconnected);
        // It says nothing to a client that is gone.
        let _ = self.carry_out();
        tracing::info!(session = %self.hosted.session.id(), "session waits for its client");
        // Sessions that wait take no place, so that a client finds one when it comes back.
        drop(permit.take());
        wait(self.app, self.hosted);
    }

    /// Does what the session wants done.
    fn carry_out(&mut self) -> Result<(), CloseFrame> {
        let Hosted { number, session, events, guest, .. } = &mut self.hosted;
        while let Some(output) = session.poll() {
            match output {
                Output::Text(text) => queue(self.outgoing, Message::Text(text.into()))?,
                Output::Frame(message) => queue(self.outgoing, Message::Binary(message.into()))?,
                Output::Carry(parcel) => {
                    if let Some(peer) = &mut self.peer {
                        peer.send(parcel);
                    }
                }
                Output::Offer { sdp, tracks } => {
                    let answer = match &mut self.peer {
                        Some(peer) => peer.offer(&sdp, &tracks),
                        None => Err("This server has no WebRTC.".into()),
                    };
                    let answer = Input::Peer(PeerEvent::Answer(answer));
                    session.handle(Instant::now().into_std(), answer);
                }
                Output::Candidate(candidate) => {
                    if let Some(peer) = &mut self.peer {
                        peer.candidate(&candidate);
                    }
                }
                Output::Open(request, target) => {
                    let events = events.clone();
                    // The queue has room for every answer; a session that is gone needs none.
                    let waiter = move |opened| drop(events.try_send(Event::Opened(request, opened)));
                    self.app.store.open(*number, target, Box::new(waiter));
                }
                Output::Render(job) => {
                    let events = events.clone();
                    let reply = move |rendered| drop(events.try_send(Event::Rendered(rendered)));
                    self.app.frames.submit(*number, job, Arc::new(reply));
                }
                Output::Drive { view, series_id, state, moving } => {
                    if let (Some((guest, _)), Some(board)) = (&guest, self.app.entry.board()) {
                        board.drive(Driven { guest: *guest, view, series_id, state: *state, moving });
                    }
                }
                Output::Measure(seq, task) => {
                    let events = events.clone();
                    let reply = move |measured| drop(events.try_send(Event::Measured(seq, measured)));
                    self.app.metrics.measured();
                    self.app.measuring.submit(*number, task, Box::new(reply));
                }
                Output::Withdraw { view } => self.app.frames.withdraw(*number, view),
                Output::Stats(stats) => {
                    self.app.metrics.client_told(&stats);
                    tracing::debug!(session = %session.id(), ?stats, "the client's measurements");
                }
            }
        }
        Ok(())
    }
}

fn queue(outgoing: &mpsc::Sender<Message>, message: Message) -> Result<(), CloseFrame> {
    let unread = |_| closing(CloseCode::Policy, "The client does not read what it asks for.");
    outgoing.try_send(message).map_err(unread)
}

/// What the host of a guest shows next; for ever waiting where there is none.
async fn next_shown(guest: &mut Option<(u64, watch::Receiver<Arc<Shown>>)>) -> Arc<Shown> {
    if let Some((_, shown)) = guest
        && shown.changed().await.is_ok()
    {
        return Arc::clone(&shown.borrow_and_update());
    }
    std::future::pending().await
}

/// What a guest may do next; for ever waiting where it stays as it is.
async fn next_role(roles: &mut Option<watch::Receiver<protocol::message::Role>>) -> protocol::message::Role {
    if let Some(roles) = roles
        && roles.changed().await.is_ok()
    {
        return *roles.borrow_and_update();
    }
    std::future::pending().await
}

/// A guest's host does not want it any more.
async fn sent_away(removed: &mut Option<watch::Receiver<bool>>) {
    match removed {
        // The sender goes with the invitation.
        Some(removed) => drop(removed.wait_for(|removed| *removed).await),
        None => std::future::pending().await,
    }
}

/// What WebRTC has to tell; for ever waiting where there is none.
async fn next_of(peer: &mut Option<Peer>) -> PeerEvent {
    match peer {
        Some(peer) => peer.next().await,
        None => std::future::pending().await,
    }
}

/// What to say to a client whose bytes cannot be read; nothing to one that is gone.
fn refusal(error: &WsError) -> Option<CloseFrame> {
    match error {
        WsError::Capacity(_) => Some(closing(CloseCode::Size, "A message has at most 64 KiB.")),
        WsError::Utf8(_) => Some(closing(CloseCode::Invalid, "A text message must be UTF-8.")),
        WsError::Protocol(_) => Some(closing(CloseCode::Protocol, "This is not WebSocket.")),
        _ => None,
    }
}

/// How many messages may still be read now. Beyond that they wait in the network, so a flood slows
/// down its sender and nobody else.
struct Allowance {
    messages: f64,
    at: Instant,
    told: bool,
}

impl Allowance {
    fn new(now: Instant) -> Self {
        Self { messages: BURST, at: now, told: false }
    }

    fn is_open(&self) -> bool {
        self.messages >= 1.0
    }

    fn refill(&mut self, now: Instant) {
        self.messages = (self.messages + (now - self.at).as_secs_f64() * RATE).min(BURST);
        self.at = now;
        self.told &= self.messages < BURST / 2.0;
    }

    /// Counts a message. Returns whether the client is to be told that it is too fast.
    fn spend(&mut self, now: Instant) -> bool {
        self.refill(now);
        self.messages -= 1.0;
        let tell = !self.is_open() && !self.told;
        self.told |= tell;
        tell
    }

    fn reopens(&self) -> Instant {
        // A tenth of a second's worth at a time.
        self.at + Duration::from_millis(100)
    }
}

/// Writes until there is nothing more to write or nobody to read it.
async fn write(
    mut sink: SplitSink<Socket, Message>,
    mut messages: mpsc::Receiver<Message>,
    sent: mpsc::Sender<()>,
) -> SplitSink<Socket, Message> {
    while let Some(message) = messages.recv().await {
        let is_frame = message.is_binary();
        match tokio::time::timeout(WRITE_TIMEOUT, sink.send(message)).await {
            Ok(Ok(())) if is_frame => {
                // A session that has ended need not know.
                let _ = sent.send(()).await;
            }
            Ok(Ok(())) => {}
            // Nothing is sent to a client that has said goodbye, but the answer to that.
            Ok(Err(_)) => break,
            Err(_) => return sink,
        }
    }
    let _ = tokio::time::timeout(LINGER, sink.flush()).await;
    sink
}

/// Lets the client read the reason for closing before the connection goes.
async fn linger(stream: SplitStream<Socket>, writer: tokio::task::JoinHandle<SplitSink<Socket, Message>>) {
    let abort = writer.abort_handle();
    let drain = async {
        let Some(socket) = writer.await.ok().and_then(|sink| stream.reunite(sink).ok()) else { return };
        let mut raw = socket.into_inner();
        // The client need not wait for more.
        if raw.shutdown().await.is_err() {
            return;
        }
        let mut raw = raw.take(LINGER_BYTES as u64);
        let mut sink = [0; 16 * 1024];
        while raw.read(&mut sink).await.is_ok_and(|n| n > 0) {}
    };
    if tokio::time::timeout(LINGER, drain).await.is_err() {
        abort.abort();
    }
}
