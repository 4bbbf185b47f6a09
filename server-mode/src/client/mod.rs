//! A client of a server, over WebSocket and, where it is asked to, WebRTC: for the window that shows what another
//! machine draws, for measuring and for tests. Frames are decoded on a thread of their own, so that input never waits
//! for a picture. A connection that is lost is looked for again for a minute, and goes on with the same session.

mod decode;
mod gather;
pub(crate) mod http;
mod open;
mod peer;

use std::collections::{BTreeMap, VecDeque};
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use decode::{Decoded, DecodedFrame, Encoded, Unseen, Work, decode};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
pub use http::Fetcher;
pub use open::Address;
use open::connect;
use peer::Peer;
use protocol::client::{Arrival, Channel, Outcome, Shown};
use protocol::message::{IceServer, TransportKind};
use protocol::{ClientMessage, ErrorCode, FrameHeader, ServerMessage, ValuesHeader};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::Error as WsError;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message};
use tokio_tungstenite::tungstenite::{self, Bytes};

use crate::screen::{Screen, Values};

/// The largest frame, with room to spare: an uncompressible 5K picture.
const MOST_MESSAGE_BYTES: usize = 64 << 20;
/// Frames that wait to be decoded: all that a server may send ahead, and as many of views that have gone.
const MOST_FRAMES: usize = 2 * protocol::MAX_VIEWS * protocol::MAX_UNACKNOWLEDGED as usize;
/// A server pings every 5 s; one that is silent for so long is not there any more.
const SILENCE: Duration = Duration::from_secs(15);
/// So long a session waits for its client, and pauses between attempts to come back: the first, and the longest.
const GIVE_UP: Duration = Duration::from_secs(60);
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
/// A server has so long to take leave.
const CLOSE_TIME: Duration = Duration::from_millis(500);
/// A connection that is back for so long has come back.
const LASTS: Duration = Duration::from_secs(10);
/// An acknowledgement by the channel that may lose it is said again after this, unless a newer one was.
const ACK_AGAIN: Duration = Duration::from_millis(100);
/// While it is not proved that commands arrived, an answer is asked for this often; WebRTC is lost where nothing comes
/// for so long. What SCTP sends is sent again after one second and after three: a path that was found meanwhile has carried it by
/// then.
const PING_EVERY: Duration = Duration::from_millis(500);
const PEER_SILENCE: Duration = Duration::from_millis(4500);
/// Another path is looked for where nothing at all comes for so long.
const QUIET_PATH: Duration = Duration::from_secs(1);

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("the address of a server is http://HOST:PORT/?token=TOKEN, as the server prints it")]
    Address,
    #[error("this program cannot connect by https; let a proxy on this machine do it")]
    Https,
    #[error("the server's token is another one; take the address that it printed last")]
    Token,
    #[error("the invitation was used, or does not hold any more; ask for another one")]
    Invitation,
    #[error("too many wrong tokens came from here; wait a minute")]
    Guesses,
    #[error("there is no server at {0}: {1}")]
    Connect(String, std::io::Error),
    #[error("the server does not answer")]
    Silent,
    #[error("the server's answer was not understood: {0}")]
    Http(String),
    #[error("the server does not hand it out ({0})")]
    Refused(u16),
    #[error("the connection to the server has failed: {0}")]
    Socket(#[from] Box<WsError>),
    /// By a code of `protocol::closing` or RFC 6455, and in words of its own.
    #[error("the server has closed the connection: {1} ({0})")]
    Closed(u16, String),
    #[error("the connection was cut")]
    Cut,
    #[error("the connection to the server was lost and did not come back within a minute: {0}")]
    Lost(Box<Error>),
    #[error("the server does not know this session any more; connect again")]
    Forgotten,
    #[error("WebRTC is not possible: {0}")]
    WebRtc(String),
    #[error(transparent)]
    Protocol(#[from] protocol::client::Error),
    #[error("the server sends more frames than the protocol allows")]
    TooManyFrames,
    #[error("a thread that decodes cannot be started: {0}")]
    Thread(std::io::Error),
}

/// What comes from a server.
#[derive(Debug)]
pub enum Event {
    Message(ServerMessage),
    Frame(Frame),
    /// Everything comes this way from now on; why, where it is the worse one.
    Transport(TransportKind, Option<String>),
    /// What a view's `values` asked for.
    Values(Values),
    /// The connection is lost, for this reason, and is looked for: how often in vain so far. The `connected` that
    /// follows tells that it is back.
    Reconnecting {
        attempts: u32,
        reason: String,
    },
}

/// A frame that has arrived and been decoded, or was not.
#[derive(Debug)]
pub struct Frame {
    pub header: FrameHeader,
    /// Of the message.
    pub bytes: usize,
    pub arrived: Instant,
    pub decoded: Instant,
    /// `None` where it cannot be shown; another one has been asked for.
    pub shown: Option<Shown>,
    /// A video begins with it, nothing was lost, and yet it could not be decoded.
    pub failed: bool,
}

/// A connection. Nothing is sent and nothing arrives but while [`next`](Self::next) is awaited.
pub struct Connection {
    address: Address,
    client: protocol::Client,
    /// What the client's times count from.
    began: Instant,
    wire: Wire,
    peer: Option<Peer>,
    /// Acknowledgements that are to be said again, by view.
    acks: BTreeMap<u8, (Instant, u32)>,
    /// Since when this connection is there, and when it was first looked for before, with the last pause.
    opened: Instant,
    away: Option<(Instant, Duration)>,
    /// When something last came by WebSocket, and by WebRTC.
    heard: Instant,
    heard_by_peer: Instant,
    /// Since when commands by WebRTC are not proved to have arrived, and when that was asked last.
    unproved_since: Option<Instant>,
    pinged: Option<Instant>,
    /// What the server has to be told again after a connection was lost.
    accepts: Option<Vec<String>>,
    /// What finds a way to the server through a NAT.
    ice_servers: Vec<IceServer>,
    resume_token: Option<String>,
    /// How many connections there were before: what is decoded of theirs comes too late.
    number: u32,
    to_decode: SyncSender<Work>,
    decoded: mpsc::Receiver<Decoded>,
    events: VecDeque<Event>,
    received_bytes: u64,
}

enum Wire {
    Open(Box<Socket>),
    Away(Away),
}

struct Socket {
    sink: SplitSink<WebSocketStream<TcpStream>, Message>,
    stream: SplitStream<WebSocketStream<TcpStream>>,
    unflushed: bool,
    local: SocketAddr,
}

type Attempt = Pin<Box<dyn Future<Output = Result<Socket, Error>> + Send>>;

/// A connection that is looked for again.
struct Away {
    since: Instant,
    pause: Duration,
    next: Instant,
    attempt: Option<Attempt>,
    /// Those that have failed.
    attempts: u32,
}

enum Happened {
    Sent(Result<(), tungstenite::Error>),
    Decoded(Decoded),
    Message(Option<Result<Message, WsError>>),
    Peer(Result<peer::Arrival, peer::Lost>),
    Due,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("client", &self.client).finish_non_exhaustive()
    }
}

impl Connection {
    /// Connects. `watch` is called with each picture on the thread that decodes, and must be quick.
    pub async fn open(
        address: &Address,
        watch: impl FnMut(&FrameHeader, &Screen) + Send + 'static,
    ) -> Result<Self, Error> {
        Self::open_again(address, None, watch).await
    }

    /// The same for who was there before: a guest's link serves once, and after that together with the
    /// [`resume_token`](Self::resume_token) of its last connection only.
    pub async fn open_again(
        address: &Address,
        resume_token: Option<String>,
        watch: impl FnMut(&FrameHeader, &Screen) + Send + 'static,
    ) -> Result<Self, Error> {
        let socket = connect(address.clone(), resume_token).await?;
        let (to_decode, work) = sync_channel(MOST_FRAMES);
        let (results, decoded) = mpsc::channel(MOST_FRAMES);
        // It ends with the connection, whose ends of the two channels it waits for.
        std::thread::Builder::new()
            .name("decode".into())
            .spawn(move || decode(&work, &results, watch))
            .map_err(Error::Thread)?;
        let now = Instant::now();
        Ok(Self {
            address: address.clone(),
            client: protocol::Client::default(),
            began: now,
            wire: Wire::Open(Box::new(socket)),
            peer: None,
            acks: BTreeMap::new(),
            opened: now,
            away: None,
            heard: now,
            heard_by_peer: now,
            unproved_since: None,
            pinged: None,
            accepts: None,
            ice_servers: Vec::new(),
            resume_token: None,
            number: 0,
            to_decode,
            decoded,
            events: VecDeque::new(),
            received_bytes: 0,
        })
    }

    /// Queues a message and returns its `seq`.
    pub fn ask(&mut self, message: ClientMessage) -> Result<u64, Error> {
        if let ClientMessage::Accept { codecs } = &message {
            self.accepts = Some(codecs.clone());
        }
        Ok(self.client.ask(self.began.elapsed(), message)?)
    }

    /// Asks for the round trip to be measured.
    pub fn ping(&mut self) -> Result<u64, Error> {
        Ok(self.client.ping(self.began.elapsed())?)
    }

    /// Begins WebRTC with a video for each of these views; `Event::Transport` tells when it is the way, or why it is
    /// not. A `detour` tells where to send to in place of the server's address.
    pub async fn begin_webrtc(
        &mut self,
        views: &[u8],
        detour: Option<impl FnMut(SocketAddr) -> SocketAddr + Send + 'static>,
    ) -> Result<(), Error> {
        let Wire::Open(socket) = &self.wire else {
            return Err(Error::WebRtc("the connection is lost".into()));
        };
        let detour = detour.map(|detour| Box::new(detour) as peer::Detour);
        let servers = self.ice_servers.clone();
        let (peer, offer) = Peer::offer(socket.local.ip(), views, servers, detour).map_err(Error::WebRtc)?;
        self.peer = Some(peer);
        self.ask(offer)?;
        Ok(())
    }

    /// Asks for what the server tells by plain HTTP.
    pub fn fetcher(&self) -> Fetcher {
        Fetcher::new(self.address.clone(), self.resume_token.clone())
    }

    /// What the server knows the session by; whoever has it is let in as its client.
    pub(crate) fn resume_token(&self) -> Option<&str> {
        self.resume_token.as_deref()
    }

    /// Looks for a connection that is lost at once, in place of waiting for the next time.
    pub fn hurry(&mut self) {
        if let Wire::Away(away) = &mut self.wire {
            (away.next, away.pause) = (Instant::now(), FIRST_PAUSE);
        }
    }

    /// Ends the session: the server does not wait for this client.
    pub async fn close(self) {
        let Wire::Open(mut socket) = self.wire else { return };
        let frame = CloseFrame { code: CloseCode::Normal, reason: "".into() };
        let close = socket.sink.send(Message::Close(Some(frame)));
        // A server that does not take it notices by itself.
        let _ = tokio::time::timeout(CLOSE_TIME, close).await;
    }

    /// Which way everything comes.
    pub fn transport(&self) -> TransportKind {
        if self.client.is_by_webrtc() { TransportKind::Webrtc } else { TransportKind::Websocket }
    }

    /// What was measured last.
    pub fn rtt(&self) -> Option<Duration> {
        self.client.rtt()
    }

    /// The share of WebRTC's packets that did not come lately; `None` where it is not known.
    pub fn lost_share(&self) -> Option<f64> {
        self.peer.as_ref().and_then(Peer::lost_share)
    }

    /// All that has arrived, with what WebSocket adds to it, and datagrams of WebRTC.
    pub fn received_bytes(&self) -> u64 {
        self.received_bytes + self.peer.as_ref().map_or(0, Peer::received_bytes)
    }

    /// Sends what waits and waits for what comes. Nothing is lost where it is dropped before it is done.
    pub async fn next(&mut self) -> Result<Event, Error> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(event);
            }
            if let Wire::Away(away) = &mut self.wire {
                let token = self.resume_token.as_deref();
                match away.come_back(&self.address, token).await {
                    Ok(socket) => self.wire = Wire::Open(Box::new(socket)),
                    Err(error) => return away.failed(error),
                }
                (self.heard, self.opened) = (Instant::now(), Instant::now());
            }
            self.carry()?;
            let wake = self.wake_at();
            let Self { client, wire: Wire::Open(socket), decoded, peer, .. } = self else { continue };
            let Socket { sink, stream, unflushed, .. } = &mut **socket;
            let sends = client.is_waiting() || *unflushed;
            let happened = tokio::select! {
                sent = poll_fn(|cx| send(cx, sink, client, unflushed)), if sends => Happened::Sent(sent),
                Some(frame) = decoded.recv() => Happened::Decoded(frame),
                message = stream.next() => Happened::Message(message),
                arrival = next_of(peer) => Happened::Peer(arrival),
                () = tokio::time::sleep_until(wake.into()) => Happened::Due,
            };
            if let Err(error) = self.take(happened) {
                self.lose(error)?;
            }
        }
    }

    fn take(&mut self, happened: Happened) -> Result<(), Error> {
        match happened {
            Happened::Sent(sent) => sent.map_err(Box::new)?,
            Happened::Decoded(Decoded::Frame(frame)) if frame.connection == self.number => {
                let frame = self.shown(*frame);
                self.events.push_back(Event::Frame(frame));
            }
            Happened::Decoded(Decoded::Values { values, connection }) if connection == self.number => {
                self.events.push_back(Event::Values(values));
            }
            Happened::Decoded(_) => {}
            Happened::Message(message) => self.arrived(message)?,
            Happened::Peer(Ok(arrival)) => self.arrived_by_peer(arrival)?,
            Happened::Peer(Err(reason)) => self.leave_webrtc(reason)?,
            Happened::Due if self.heard.elapsed() > SILENCE => return Err(Error::Silent),
            Happened::Due => {}
        }
        Ok(())
    }

    /// A session is looked for again where that may help.
    fn lose(&mut self, error: Error) -> Result<(), Error> {
        let passes = matches!(error, Error::Socket(_) | Error::Silent | Error::Cut);
        if !passes || self.resume_token.is_none() {
            return Err(error);
        }
        self.drop_peer();
        self.client = protocol::Client::default();
        if let Some(codecs) = self.accepts.clone() {
            self.ask(ClientMessage::Accept { codecs })?;
        }
        self.number += 1;
        let now = Instant::now();
        // One that was there for a moment only is no success.
        let (since, pause) = match self.away {
            Some((since, pause)) if now < self.opened + LASTS => (since, (pause * 2).min(LONGEST_PAUSE)),
            _ => (now, FIRST_PAUSE),
        };
        if now > since + GIVE_UP {
            return Err(Error::Lost(Box::new(error)));
        }
        let next = if since == now { now } else { now + pause };
        self.away = Some((since, pause));
        self.wire = Wire::Away(Away { since, pause, next, attempt: None, attempts: 0 });
        self.events.push_back(Event::Reconnecting { attempts: 0, reason: error.to_string() });
        Ok(())
    }

    /// Gives WebRTC what it takes now.
    fn carry(&mut self) -> Result<(), Error> {
        let now = Instant::now();
        let Some(peer) = &mut self.peer else { return Ok(()) };
        let mut carried = Ok(());
        while carried.is_ok()
            && peer.has_room()
            && let Some((channel, text, message)) = self.client.poll_channel()
        {
            if let ClientMessage::Ack { view, frame } = message {
                self.acks.insert(view, (now + ACK_AGAIN, frame));
            }
            carried = peer.send(channel, &text);
        }
        while carried.is_ok()
            && peer.has_room()
            && let Some((&view, &(_, frame))) = self.acks.iter().find(|(_, (at, _))| *at <= now)
        {
            self.acks.remove(&view);
            let text = self.client.text_of(&ClientMessage::Ack { view, frame });
            carried = peer.send(Channel::Commands, &text);
        }
        if let Err(reason) = carried {
            return self.leave_webrtc(reason);
        }
        if !self.client.has_unproved() {
            self.unproved_since = None;
            return Ok(());
        }
        let since = *self.unproved_since.get_or_insert(now);
        if now > self.heard_by_peer.max(since) + PEER_SILENCE {
            return self.leave_webrtc("nothing comes by it any more".into());
        }
        if now > since.max(peer.heard()) + QUIET_PATH {
            self.find_path()?;
        }
        if self.pinged.is_none_or(|at| now >= at + PING_EVERY) {
            self.pinged = Some(now);
            self.ping()?;
        }
        Ok(())
    }

    /// When there is something to do though nothing comes.
    fn wake_at(&self) -> Instant {
        let again = self.acks.values().map(|(at, _)| *at);
        let ping = self.unproved_since.and(self.pinged).map(|at| at + PING_EVERY);
        again.chain(ping).fold(self.heard + SILENCE + Duration::from_millis(1), Instant::min)
    }

    fn arrived(&mut self, message: Option<Result<Message, WsError>>) -> Result<(), Error> {
        self.heard = Instant::now();
        let message = match message {
            Some(Ok(message)) => message,
            Some(Err(error)) => return Err(Box::new(error).into()),
            None => return Err(Error::Cut),
        };
        self.received_bytes += on_the_wire(message.len());
        match message {
            Message::Text(text) => self.text(text.as_str()),
            Message::Binary(bytes) => self.binary(bytes),
            Message::Close(None) => Err(Error::Cut),
            Message::Close(Some(frame)) => {
                Err(Error::Closed(frame.code.into(), frame.reason.as_str().to_owned()))
            }
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Ok(()),
        }
    }

    fn arrived_by_peer(&mut self, arrival: peer::Arrival) -> Result<(), Error> {
        match arrival {
            peer::Arrival::Open => {
                self.ask(ClientMessage::Transport { transport: TransportKind::Webrtc, keeps: true })?;
                return Ok(());
            }
            peer::Arrival::Candidate(candidate) => {
                self.ask(ClientMessage::Candidate { candidate })?;
                return Ok(());
            }
            peer::Arrival::Broken => return self.find_path(),
            _ => self.heard_by_peer = Instant::now(),
        }
        if !self.client.is_by_webrtc() {
            self.client.by_webrtc();
            self.events.push_back(Event::Transport(TransportKind::Webrtc, None));
        }
        match arrival {
            peer::Arrival::Open | peer::Arrival::Candidate(_) | peer::Arrival::Broken => Ok(()),
            peer::Arrival::Text(text) => self.text(&text),
            peer::Arrival::Frame(message) => self.binary(message.into()),
            peer::Arrival::Picture { header, message, whole } => {
                let arrival = self.client.picture(header, whole);
                self.decode(arrival, message.into(), Some(whole))
            }
        }
    }

    fn text(&mut self, text: &str) -> Result<(), Error> {
        let Some(message) = self.client.text(self.began.elapsed(), text)? else { return Ok(()) };
        match &message {
            ServerMessage::Connected { resumed, resume_token, ice_servers, .. } => {
                let before = self.resume_token.replace(resume_token.clone());
                if before.is_some() && !resumed {
                    return Err(Error::Forgotten);
                }
                self.ice_servers = ice_servers.clone().unwrap_or_default();
            }
            ServerMessage::IceServers { ice_servers } => {
                self.ice_servers.clone_from(ice_servers);
                if let Some(peer) = &mut self.peer {
                    peer.ice_servers.clone_from(ice_servers);
                }
                return Ok(());
            }
            ServerMessage::Answer { sdp } => {
                if let Some(Err(reason)) = self.peer.as_mut().map(|peer| peer.answer(sdp)) {
                    self.leave_webrtc(reason)?;
                }
                return Ok(());
            }
            ServerMessage::Transport { transport: TransportKind::Websocket, reason } => {
                self.drop_peer();
                self.events.push_back(Event::Transport(TransportKind::Websocket, Some(reason.clone())));
                return Ok(());
            }
            ServerMessage::Error { code: ErrorCode::WebrtcFailed, message, .. } if self.peer.is_some() => {
                return self.leave_webrtc(message.clone());
            }
            _ => {}
        }
        self.events.push_back(Event::Message(message));
        Ok(())
    }

    /// WebRTC goes on by another path, if there is one.
    fn find_path(&mut self) -> Result<(), Error> {
        match self.peer.as_mut().map(Peer::find_path) {
            Some(Ok(Some(offer))) => self.ask(offer).map(|_| ()),
            Some(Err(reason)) => self.leave_webrtc(reason),
            Some(Ok(None)) | None => Ok(()),
        }
    }

    /// WebRTC is given up, whether it is the way already or still looked for.
    pub fn give_up_webrtc(&mut self, reason: String) -> Result<(), Error> {
        if self.peer.is_some() { self.leave_webrtc(reason) } else { Ok(()) }
    }

    /// The server is to go on by WebSocket.
    fn leave_webrtc(&mut self, reason: String) -> Result<(), Error> {
        self.drop_peer();
        self.client.leave_webrtc();
        self.ask(ClientMessage::Transport { transport: TransportKind::Websocket, keeps: false })?;
        self.events.push_back(Event::Transport(TransportKind::Websocket, Some(reason)));
        Ok(())
    }

    fn drop_peer(&mut self) {
        self.received_bytes += self.peer.take().map_or(0, |peer| peer.received_bytes());
        self.acks.clear();
        (self.unproved_since, self.pinged) = (None, None);
    }

    /// `track` tells of a track's picture whether none of its packets is missing.
    fn decode(&mut self, arrival: Arrival, bytes: Bytes, track: Option<bool>) -> Result<(), Error> {
        let (header, wanted) = match arrival {
            Arrival::Decode(header) => (header, true),
            Arrival::Leave(header) => (header, false),
            Arrival::Late => return Ok(()),
        };
        let (arrived, connection) = (Instant::now(), self.number);
        let (by_track, whole) = (track.is_some(), track.unwrap_or(true));
        let work = Work::Frame(Encoded { header, bytes, wanted, by_track, whole, arrived, connection });
        self.to_decode.try_send(work).map_err(|_| Error::TooManyFrames)
    }

    fn binary(&mut self, bytes: Bytes) -> Result<(), Error> {
        if ValuesHeader::begins(&bytes) {
            let work = Work::Values { bytes, connection: self.number };
            return self.to_decode.try_send(work).map_err(|_| Error::TooManyFrames);
        }
        let arrival = self.client.frame(&bytes)?;
        self.decode(arrival, bytes, None)
    }

    fn shown(&mut self, decoded: DecodedFrame) -> Frame {
        let DecodedFrame { header, bytes, by_track, whole, arrived, at, result, .. } = decoded;
        // What builds on another picture, or has lost some of its own, is no proof.
        let failed = matches!(result, Err(Unseen::Spoilt(_))) && header.key && whole;
        if let Err(Unseen::Spoilt(error)) = &result {
            tracing::debug!(%error, "a frame cannot be shown");
        }
        let outcome = match result {
            Ok(()) => Outcome::Decoded,
            Err(_) if by_track => Outcome::Torn,
            Err(_) => Outcome::Failed,
        };
        if outcome == Outcome::Torn
            && let Some(Err(reason)) = self.peer.as_mut().map(|peer| peer.request_key(header.view))
        {
            // It is noticed where it is read next.
            tracing::debug!(reason, "WebRTC takes no request");
        }
        let shown = self.client.decoded(at - self.began, &header, outcome);
        Frame { header, bytes, arrived, decoded: at, shown, failed }
    }
}

impl Away {
    /// Tries once more, when it is time.
    async fn come_back(&mut self, address: &Address, token: Option<&str>) -> Result<Socket, Error> {
        let attempt = match &mut self.attempt {
            Some(attempt) => attempt,
            None => {
                tokio::time::sleep_until(self.next.into()).await;
                let token = token.map(str::to_owned);
                self.attempt.insert(Box::pin(connect(address.clone(), token)))
            }
        };
        attempt.await
    }

    /// Plans the next attempt, unless it would be of no use.
    fn failed(&mut self, error: Error) -> Result<Event, Error> {
        if !matches!(error, Error::Connect(..) | Error::Socket(_) | Error::Silent) {
            return Err(error);
        }
        self.attempt = None;
        self.attempts += 1;
        self.next = Instant::now() + self.pause;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        if self.next > self.since + GIVE_UP {
            return Err(Error::Lost(Box::new(error)));
        }
        Ok(Event::Reconnecting { attempts: self.attempts, reason: error.to_string() })
    }
}

/// What comes by WebRTC; for ever waiting where there is none.
async fn next_of(peer: &mut Option<Peer>) -> Result<peer::Arrival, peer::Lost> {
    match peer {
        Some(peer) => peer.next().await,
        None => std::future::pending().await,
    }
}

/// Bytes of a message from a server with its header (RFC 6455, 5.2).
fn on_the_wire(length: usize) -> u64 {
    let header = match length {
        0..126 => 2,
        126..65536 => 4,
        _ => 10,
    };
    length as u64 + header
}

/// Hands over one message after the other as the network takes them; what it does not take stays where it
/// can be merged.
fn send(
    cx: &mut Context<'_>,
    sink: &mut SplitSink<WebSocketStream<TcpStream>, Message>,
    client: &mut protocol::Client,
    unflushed: &mut bool,
) -> Poll<Result<(), tungstenite::Error>> {
    loop {
        if *unflushed {
            ready!(sink.poll_flush_unpin(cx))?;
            *unflushed = false;
        }
        let Some(text) = client.poll() else { return Poll::Ready(Ok(())) };
        *unflushed = true;
        sink.start_send_unpin(Message::text(text))?;
    }
}
