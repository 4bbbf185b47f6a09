//! A client of a server, over WebSocket: for the window that shows what another machine draws, for
//! measuring and for tests. Frames are decoded on a thread of their own, so that input never waits for
//! a picture.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use protocol::client::{Arrival, Outcome, Shown};
use protocol::{ClientMessage, FrameHeader, ServerMessage};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::Error as WsError;
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode, header};
use tokio_tungstenite::tungstenite::protocol::{Message, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Bytes};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::screen::{Screen, ScreenError};

/// The largest frame, with room to spare: an uncompressible 5K picture.
const MOST_MESSAGE_BYTES: usize = 64 << 20;
/// Frames that wait to be decoded: all that a server may send ahead, and as many of views that have gone.
const MOST_FRAMES: usize = 2 * protocol::MAX_VIEWS * protocol::MAX_UNACKNOWLEDGED as usize;
/// A server that does not answer within this time is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// Where a server is, and the token that it asks for.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// Host and port.
    authority: String,
    token: String,
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Address").field("authority", &self.authority).finish_non_exhaustive()
    }
}

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("the address of a server is http://HOST:PORT/?token=TOKEN, as the server prints it")]
    Address,
    #[error("this program cannot connect by https; let a proxy on this machine do it")]
    Https,
    #[error("the server's token is another one; take the address that it printed last")]
    Token,
    #[error("there is no server at {0}: {1}")]
    Connect(String, std::io::Error),
    #[error("the server does not answer")]
    Silent,
    #[error("the connection to the server has failed: {0}")]
    Socket(#[from] Box<WsError>),
    #[error("the server has closed the connection{0}")]
    Closed(String),
    #[error(transparent)]
    Protocol(#[from] protocol::client::Error),
    #[error("the server sends more frames than the protocol allows")]
    TooManyFrames,
    #[error("a thread that decodes cannot be started: {0}")]
    Thread(std::io::Error),
}

impl Address {
    /// Reads what a server prints: `http://HOST:PORT/?token=TOKEN`.
    pub fn parse(url: &str) -> Result<Self, Error> {
        if url.starts_with("https:") {
            return Err(Error::Https);
        }
        let rest = url.strip_prefix("http://").ok_or(Error::Address)?;
        let (authority, query) = rest.split_once('?').ok_or(Error::Address)?;
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        let token = query.split('&').find_map(|pair| pair.strip_prefix("token=")).ok_or(Error::Address)?;
        let known = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        if authority.is_empty() || authority.contains('/') || token.is_empty() || !token.chars().all(known) {
            return Err(Error::Address);
        }
        Ok(Self { authority: authority.to_owned(), token: token.to_owned() })
    }

    /// Host and port.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The same server by way of another address, of something that passes on what it gets.
    pub fn through(&self, relay: std::net::SocketAddr) -> Self {
        Self { authority: relay.to_string(), token: self.token.clone() }
    }
}

/// What comes from a server.
#[derive(Debug)]
pub enum Event {
    Message(ServerMessage),
    Frame(Frame),
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
}

/// A connection that lives. Nothing is sent and nothing arrives but while [`next`](Self::next) is awaited.
pub struct Connection {
    client: protocol::Client,
    /// What the client's times count from.
    began: Instant,
    sink: SplitSink<WebSocketStream<TcpStream>, Message>,
    stream: SplitStream<WebSocketStream<TcpStream>>,
    unflushed: bool,
    to_decode: SyncSender<Work>,
    decoded: mpsc::Receiver<Decoded>,
    received_bytes: u64,
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
        tokio::time::timeout(CONNECT_TIMEOUT, Self::connect(address, watch))
            .await
            .unwrap_or(Err(Error::Silent))
    }

    async fn connect(
        address: &Address,
        watch: impl FnMut(&FrameHeader, &Screen) + Send + 'static,
    ) -> Result<Self, Error> {
        let authority = &address.authority;
        let failed = |error| Error::Connect(authority.clone(), error);
        let tcp = TcpStream::connect(authority.as_str()).await.map_err(failed)?;
        // Inputs are small and cannot wait for more of them.
        tcp.set_nodelay(true).map_err(failed)?;
        let mut request = format!("ws://{authority}/ws").into_client_request().map_err(|_| Error::Address)?;
        let bearer = format!("Bearer {}", address.token);
        let mut bearer = HeaderValue::from_str(&bearer).map_err(|_| Error::Address)?;
        bearer.set_sensitive(true);
        request.headers_mut().insert(header::AUTHORIZATION, bearer);
        let subprotocol = HeaderValue::from_static(protocol::SUBPROTOCOL);
        request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, subprotocol);
        let config = WebSocketConfig::default()
            .max_message_size(Some(MOST_MESSAGE_BYTES))
            .max_frame_size(Some(MOST_MESSAGE_BYTES))
            .write_buffer_size(0)
            .max_write_buffer_size(1 << 20);
        let (socket, _) =
            client_async_with_config(request, tcp, Some(config)).await.map_err(|error| match error {
                WsError::Http(response) if response.status() == StatusCode::UNAUTHORIZED => Error::Token,
                other => Error::from(Box::new(other)),
            })?;
        let (sink, stream) = socket.split();
        let (to_decode, work) = sync_channel(MOST_FRAMES);
        let (results, decoded) = mpsc::channel(MOST_FRAMES);
        // It ends with the connection, whose ends of the two channels it waits for.
        std::thread::Builder::new()
            .name("decode".into())
            .spawn(move || decode(&work, &results, watch))
            .map_err(Error::Thread)?;
        let (client, began) = (protocol::Client::default(), Instant::now());
        Ok(Self { client, began, sink, stream, unflushed: false, to_decode, decoded, received_bytes: 0 })
    }

    /// Queues a message and returns its `seq`.
    pub fn ask(&mut self, message: ClientMessage) -> Result<u64, Error> {
        Ok(self.client.ask(self.began.elapsed(), message)?)
    }

    /// Asks for the round trip to be measured.
    pub fn ping(&mut self) -> Result<u64, Error> {
        Ok(self.client.ping(self.began.elapsed())?)
    }

    /// What was measured last.
    pub fn rtt(&self) -> Option<Duration> {
        self.client.rtt()
    }

    /// All that has arrived, with what WebSocket adds to it.
    pub fn received_bytes(&self) -> u64 {
        self.received_bytes
    }

    /// Sends what waits and waits for what comes. Nothing is lost where it is dropped before it is done.
    pub async fn next(&mut self) -> Result<Event, Error> {
        loop {
            let Self { client, sink, stream, unflushed, decoded, .. } = self;
            let sends = client.is_waiting() || *unflushed;
            tokio::select! {
                sent = poll_fn(|cx| send(cx, sink, client, unflushed)), if sends => {
                    sent.map_err(Box::new)?;
                }
                Some(frame) = decoded.recv() => return Ok(Event::Frame(self.shown(frame))),
                message = stream.next() => {
                    if let Some(event) = self.arrived(message)? {
                        return Ok(event);
                    }
                }
            }
        }
    }

    fn arrived(&mut self, message: Option<Result<Message, WsError>>) -> Result<Option<Event>, Error> {
        let arrived = Instant::now();
        let message = match message {
            Some(Ok(message)) => message,
            Some(Err(error)) => return Err(Box::new(error).into()),
            None => return Err(Error::Closed(String::new())),
        };
        self.received_bytes += on_the_wire(message.len());
        match message {
            Message::Text(text) => {
                Ok(Some(Event::Message(self.client.text(arrived - self.began, text.as_str())?)))
            }
            Message::Binary(bytes) => {
                let (header, wanted) = match self.client.frame(&bytes)? {
                    Arrival::Decode(header) => (header, true),
                    Arrival::Leave(header) => (header, false),
                };
                let work = Work { header, bytes, wanted, arrived };
                self.to_decode.try_send(work).map_err(|_| Error::TooManyFrames)?;
                Ok(None)
            }
            Message::Close(frame) => {
                let reason = frame.map(|frame| format!(": {} ({})", frame.reason, u16::from(frame.code)));
                Err(Error::Closed(reason.unwrap_or_default()))
            }
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Ok(None),
        }
    }

    fn shown(&mut self, decoded: Decoded) -> Frame {
        let Decoded { header, bytes, arrived, at, result } = decoded;
        let outcome = match result {
            Ok(()) => Outcome::Decoded,
            Err(Unseen::Left) => Outcome::Failed,
            Err(Unseen::Spoilt(error)) => {
                tracing::debug!(%error, "a frame cannot be shown");
                Outcome::Failed
            }
        };
        let shown = self.client.decoded(at - self.began, &header, outcome);
        Frame { header, bytes, arrived, decoded: at, shown }
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

struct Work {
    header: FrameHeader,
    bytes: Bytes,
    /// Whether to decode it, or only to pass it on in its turn.
    wanted: bool,
    arrived: Instant,
}

struct Decoded {
    header: FrameHeader,
    bytes: usize,
    arrived: Instant,
    at: Instant,
    result: Result<(), Unseen>,
}

enum Unseen {
    Left,
    Spoilt(ScreenError),
}

fn decode(
    work: &Receiver<Work>,
    results: &mpsc::Sender<Decoded>,
    mut watch: impl FnMut(&FrameHeader, &Screen),
) {
    let mut screens: HashMap<u8, Screen> = HashMap::new();
    for Work { header, bytes, wanted, arrived } in work {
        let screen = screens.entry(header.view).or_default();
        let result = match wanted {
            true => screen.show(&bytes).map(drop).map_err(Unseen::Spoilt),
            false => Err(Unseen::Left),
        };
        let at = Instant::now();
        if result.is_ok() {
            watch(&header, screen);
        }
        let decoded = Decoded { header, bytes: bytes.len(), arrived, at, result };
        if results.blocking_send(decoded).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_what_servers_print() {
        let address = Address::parse("http://127.0.0.1:8080/?token=abc-DEF_1").expect("an address");
        assert_eq!((address.authority(), address.token.as_str()), ("127.0.0.1:8080", "abc-DEF_1"));
        assert_eq!(
            Address::parse("http://[::1]:80?x=1&token=a").expect("an address").authority(),
            "[::1]:80"
        );
        assert!(!format!("{address:?}").contains("abc"), "a token is not for logs");
        for wrong in [
            "",
            "127.0.0.1:8080",
            "http://h:1/",
            "http://h:1/?token=",
            "http:///?token=a",
            "http://h/x/?token=a",
            "http://h/?token=a b",
        ] {
            assert!(matches!(Address::parse(wrong), Err(Error::Address)), "{wrong}");
        }
        assert!(matches!(Address::parse("https://h/?token=a"), Err(Error::Https)));
    }
}
