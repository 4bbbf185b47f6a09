//! The client's side of `voxcast.v1`, sans-IO: what is asked for is numbered, what arrives is read, and
//! what has been decoded is acknowledged. The pictures are decoded elsewhere, in order. Times are counted
//! from any moment that the caller likes.
//!
//! ```text
//! Client::ask(now, message)  -> Client::poll -> text for the server
//! text from the server       -> Client::text -> ServerMessage
//! binary message             -> Client::frame -> decode it -> Client::decoded -> Shown, or another picture is asked for
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::frame::FrameError;
use crate::message::{MAX_PIXELS, MAX_SLICES, MAX_WHEEL, SetView, TransportKind, ViewInfo};
use crate::{ClientMessage, FrameHeader, PointerKind, SUBPROTOCOL, ServerMessage};

/// Messages that wait for a way to the server. What a hand does is merged meanwhile, so only one that asks
/// for very many things gets here.
const MOST_WAITING: usize = 1024;
/// Inputs whose picture has not come: some seconds of a fast mouse.
const MOST_UNSEEN: usize = 8192;
/// States of a view that a frame on its way may show.
const MOST_TOLD: usize = 8;
/// Series on which a host has drawn.
const MOST_DRAWN_ON: usize = 256;

/// One connection's state.
#[derive(Debug, Default)]
pub struct Client {
    seq: u64,
    waiting: VecDeque<(u64, ClientMessage)>,
    way: Way,
    /// Commands and pings that went by WebRTC, and may have been lost with it.
    unproved: VecDeque<(u64, ClientMessage)>,
    /// When what may change a picture was asked for, by `seq`.
    unseen: VecDeque<(u64, Duration)>,
    views: BTreeMap<u8, View>,
    /// Numbers of the newest that a host has told: of its views, and of what is drawn on each series.
    shared: u64,
    drawn: BTreeMap<String, u64>,
    rtt: Option<Duration>,
}

/// How messages go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Way {
    #[default]
    WebSocket,
    WebRtc,
    /// By WebSocket again, as soon as the server has told what it has done.
    Back,
}

/// A channel of WebRTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    Commands,
    Moves,
}

#[derive(Debug, Default)]
struct View {
    /// Newest last.
    told: VecDeque<ViewInfo>,
    /// Number of the last frame that arrived.
    frame: Option<u32>,
    /// The picture is spoilt; one that needs none before it has been asked for.
    repainting: bool,
    /// Pictures of the view's track were lost.
    torn: bool,
    input_seq: u64,
}

/// What to do with a frame. Each has to be told to [`Client::decoded`] once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    Decode(FrameHeader),
    /// It builds on a picture that this client does not have.
    Leave(FrameHeader),
    /// A newer one was here before it by another way. Nobody has to be told.
    Late,
}

/// A picture that can be looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// From the newest input that the picture shows until now, where none before showed it.
    pub latency: Option<Duration>,
    /// What the picture shows, unless the server has not told.
    pub view: Option<ViewInfo>,
}

/// Why a client cannot go on with its server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("the server's message is not of {SUBPROTOCOL}: {0}")]
    Text(String),
    #[error("the server speaks {0:?}, not {SUBPROTOCOL}")]
    Protocol(String),
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("the connection takes none of {MOST_WAITING} messages that wait")]
    Congested,
}

impl Client {
    /// Numbers a message and queues it; the `seq` is what a frame echoes that shows it. Moves and wheel
    /// turns that still wait are merged with it.
    pub fn ask(&mut self, now: Duration, message: ClientMessage) -> Result<u64, Error> {
        // Acknowledgements are not part of what the hand does, and do not stand between two moves.
        let passed = |waiting: &ClientMessage| match (waiting, &message) {
            // States of views do not depend on each other.
            (ClientMessage::Set(waiting), ClientMessage::Set(next)) => waiting.view != next.view,
            (waiting, _) => matches!(waiting, ClientMessage::Ack { .. } | ClientMessage::AckDrawn),
        };
        let last = self.waiting.iter().rposition(|(_, waiting)| !passed(waiting));
        let is_full = self.waiting.len().max(self.unproved.len()) >= MOST_WAITING;
        let merged = last.and_then(|at| Some((at, merged(&self.waiting[at].1, &message)?)));
        let message = match merged {
            Some((at, merged)) => {
                self.waiting.remove(at);
                merged
            }
            None => message,
        };
        if is_full {
            return Err(Error::Congested);
        }
        let is_no_input = matches!(
            message,
            ClientMessage::Ping { .. } | ClientMessage::Accept { .. } | ClientMessage::Stats(_)
        );
        if !is_no_input {
            if self.unseen.len() >= MOST_UNSEEN {
                self.unseen.pop_front();
            }
            self.unseen.push_back((self.seq + 1, now));
        }
        Ok(self.queue(message))
    }

    /// Measures the round trip, see [`rtt`](Self::rtt).
    pub fn ping(&mut self, now: Duration) -> Result<u64, Error> {
        self.ask(now, ClientMessage::Ping { time: milliseconds(now) })
    }

    /// The next text for the WebSocket. One that is not taken yet may still be merged.
    pub fn poll(&mut self) -> Option<String> {
        let (seq, message) = self.waiting.remove(self.next_for_websocket()?)?;
        Some(message.to_text(seq))
    }

    /// Whether [`poll`](Self::poll) has a text.
    pub fn is_waiting(&self) -> bool {
        self.next_for_websocket().is_some()
    }

    fn next_for_websocket(&self) -> Option<usize> {
        match self.way {
            Way::WebSocket => (!self.waiting.is_empty()).then_some(0),
            Way::WebRtc | Way::Back => self.waiting.iter().position(|(_, message)| is_signal(message)),
        }
    }

    /// The next text for a channel of WebRTC, while that is the way, and what it says.
    pub fn poll_channel(&mut self) -> Option<(Channel, String, ClientMessage)> {
        let is_next = |(_, message): &(u64, ClientMessage)| !is_signal(message);
        let next = self.waiting.iter().position(is_next).filter(|_| self.way == Way::WebRtc)?;
        let (seq, message) = self.waiting.remove(next)?;
        let text = message.to_text(seq);
        let may_be_lost = matches!(
            message,
            ClientMessage::Ack { .. } | ClientMessage::Pointer { kind: PointerKind::Move, .. }
        );
        if may_be_lost {
            return Some((Channel::Moves, text, message));
        }
        self.unproved.push_back((seq, message.clone()));
        Some((Channel::Commands, text, message))
    }

    /// The text of a message that is sent besides all others.
    pub fn text_of(&mut self, message: &ClientMessage) -> String {
        self.seq += 1;
        message.to_text(self.seq)
    }

    /// Something came by WebRTC: the server has changed over, and all but signalling goes by it, too.
    pub fn by_webrtc(&mut self) {
        if self.way == Way::WebSocket {
            self.way = Way::WebRtc;
        }
    }

    /// WebRTC is given up; the server is told by `transport`, or has told.
    pub fn leave_webrtc(&mut self) {
        if self.way == Way::WebRtc {
            self.way = Way::Back;
        }
    }

    /// Whether all but signalling goes by WebRTC.
    pub fn is_by_webrtc(&self) -> bool {
        self.way == Way::WebRtc
    }

    /// Whether a ping would tell something: what came after it is not proved to have arrived.
    pub fn has_unproved(&self) -> bool {
        !self.unproved.is_empty()
    }

    /// The server goes on by WebSocket, and has done so much of what went by WebRTC.
    fn done(&mut self, seq: Option<u64>) {
        if self.way != Way::Back {
            return;
        }
        self.way = Way::WebSocket;
        let lost = std::mem::take(&mut self.unproved)
            .into_iter()
            .filter(|(sent, _)| seq.is_none_or(|seq| *sent > seq));
        let held = std::mem::take(&mut self.waiting);
        for (sent, message) in lost.chain(held) {
            // Every view begins anew.
            if matches!(
                message,
                ClientMessage::Ack { .. }
                    | ClientMessage::AckDrawn
                    | ClientMessage::Ping { .. }
                    | ClientMessage::Repaint { .. }
            ) {
                continue;
            }
            let again = self.queue(message);
            if let Ok(at) = self.unseen.binary_search_by_key(&sent, |(seq, _)| *seq) {
                let (_, asked) = self.unseen[at];
                self.unseen.push_back((again, asked));
            }
        }
    }

    /// Time of the last ping and its answer.
    pub fn rtt(&self) -> Option<Duration> {
        self.rtt
    }

    /// Reads a text message from the server; `None` of one that a newer one was here before, by another way.
    pub fn text(&mut self, now: Duration, text: &str) -> Result<Option<ServerMessage>, Error> {
        let message = ServerMessage::parse(text).map_err(Error::Text)?;
        match &message {
            ServerMessage::Connected { protocol, .. } if protocol != SUBPROTOCOL => {
                return Err(Error::Protocol(protocol.chars().take(100).collect()));
            }
            ServerMessage::Pong { time } => {
                let took = Duration::try_from_secs_f64((milliseconds(now) - time) / 1e3);
                self.rtt = took.ok().or(self.rtt);
                let is_it = |(_, sent): &(u64, ClientMessage)| *sent == ClientMessage::Ping { time: *time };
                if let Some(at) = self.unproved.iter().position(is_it) {
                    self.unproved.drain(..=at);
                }
            }
            ServerMessage::Transport { transport: TransportKind::Websocket, .. } => self.leave_webrtc(),
            ServerMessage::Done { seq } => self.done(*seq),
            ServerMessage::View(info) => self.told(info),
            ServerMessage::Shared(shared) => {
                if shared.number <= self.shared {
                    return Ok(None);
                }
                self.shared = shared.number;
            }
            ServerMessage::Drawn { number, series_instance_uid, .. } => {
                self.queue(ClientMessage::AckDrawn);
                let newest = self.drawn.get(series_instance_uid).copied();
                if newest.is_some_and(|newest| *number <= newest) {
                    return Ok(None);
                }
                if newest.is_some() || self.drawn.len() < MOST_DRAWN_ON {
                    self.drawn.insert(series_instance_uid.clone(), *number);
                }
            }
            ServerMessage::StateFull { views, .. } => views.iter().for_each(|info| self.told(info)),
            _ => {}
        }
        Ok(Some(message))
    }

    /// Reads the header of a frame.
    pub fn frame(&mut self, message: &[u8]) -> Result<Arrival, Error> {
        let (header, _) = FrameHeader::decode(message)?;
        let by_webrtc = self.way == Way::WebRtc;
        let view = self.views.entry(header.view).or_default();
        if view.is_late(&header) {
            return Ok(Arrival::Late);
        }
        // What is missing by WebRTC was a picture of the track, on which no frame of a channel builds.
        let follows = by_webrtc || view.frame.is_none_or(|last| header.frame == last.wrapping_add(1));
        view.frame = Some(header.frame);
        let begins = begins(&header);
        if begins {
            view.repainting = false;
        }
        Ok(if begins || follows && !view.repainting {
            Arrival::Decode(header)
        } else {
            Arrival::Leave(header)
        })
    }

    /// A picture of a track, `whole` where none before it is missing, with the header that a note told.
    pub fn picture(&mut self, header: FrameHeader, whole: bool) -> Arrival {
        let view = self.views.entry(header.view).or_default();
        if view.is_late(&header) {
            return Arrival::Late;
        }
        view.frame = Some(header.frame);
        view.torn = !header.key && (view.torn || !whole);
        if begins(&header) {
            view.repainting = false;
        }
        if view.torn || view.repainting { Arrival::Leave(header) } else { Arrival::Decode(header) }
    }

    /// A frame was decoded at this time, or could not be or was left: it is acknowledged, and where the
    /// picture is spoilt another one asked for. Returns what can be looked at now.
    pub fn decoded(&mut self, now: Duration, header: &FrameHeader, outcome: Outcome) -> Option<Shown> {
        self.acknowledge(header);
        let view = self.views.entry(header.view).or_default();
        if outcome == Outcome::Torn {
            view.torn = true;
            return None;
        }
        if outcome == Outcome::Failed {
            if !std::mem::replace(&mut view.repainting, true) {
                self.queue(ClientMessage::Repaint { view: header.view });
            }
            return None;
        }
        // One that failed may have come before it.
        view.repainting &= !begins(header);
        if view.repainting {
            return None;
        }
        let is_newer = header.input_seq > view.input_seq;
        view.input_seq = view.input_seq.max(header.input_seq);
        let told = view.told.iter().rfind(|info| info.revision <= header.view_revision).cloned();
        let asked = self.unseen.binary_search_by_key(&header.input_seq, |(seq, _)| *seq);
        let latency = asked.ok().filter(|_| is_newer).map(|at| now.saturating_sub(self.unseen[at].1));
        Some(Shown { latency, view: told })
    }

    fn told(&mut self, info: &ViewInfo) {
        if usize::from(info.view) >= crate::MAX_VIEWS {
            return;
        }
        let told = &mut self.views.entry(info.view).or_default().told;
        if told.len() >= MOST_TOLD {
            told.pop_front();
        }
        told.push_back(info.clone());
    }

    fn acknowledge(&mut self, header: &FrameHeader) {
        let (view, frame) = (header.view, header.frame);
        let same =
            |message: &ClientMessage| matches!(message, ClientMessage::Ack { view: v, .. } if *v == view);
        self.waiting.retain(|(_, message)| !same(message));
        self.queue(ClientMessage::Ack { view, frame });
    }

    fn queue(&mut self, message: ClientMessage) -> u64 {
        self.seq += 1;
        self.waiting.push_back((self.seq, message));
        self.seq
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Decoded,
    /// It could not be decoded, was not the one it should be, or was left.
    Failed,
    /// The same of a track's picture: one that needs none before it is asked for by the track.
    Torn,
}

impl View {
    fn is_late(&self, header: &FrameHeader) -> bool {
        self.frame.is_some_and(|last| header.frame.wrapping_sub(last).cast_signed() <= 0)
    }
}

/// Whether a message begins or ends WebRTC, and so goes by WebSocket.
fn is_signal(message: &ClientMessage) -> bool {
    matches!(
        message,
        ClientMessage::Offer { .. } | ClientMessage::Candidate { .. } | ClientMessage::Transport { .. }
    )
}

/// Whether a frame needs none before it.
fn begins(header: &FrameHeader) -> bool {
    // A video's picture fills the view.
    if header.codec.is_video() { header.key } else { header.cleared }
}

/// One message for two, where that is the same to the server.
fn merged(waiting: &ClientMessage, next: &ClientMessage) -> Option<ClientMessage> {
    use ClientMessage::{Pinch, Pointer, Rotate, Scroll, Set, Wheel, Window};
    let sum = |a: f64, b: f64, most: f64| Some(a + b).filter(|sum| sum.abs() <= most);
    Some(match (waiting, next) {
        (
            Pointer { view, kind: PointerKind::Move, button, .. },
            Pointer { view: v, kind: PointerKind::Move, button: b, .. },
        ) if (view, button) == (v, b) => next.clone(),
        (Window { view, .. }, Window { view: v, .. }) if view == v => next.clone(),
        (Set(set), Set(s)) if set.view == s.view && set.series_instance_uid == s.series_instance_uid => {
            let look = s.look.as_ref().or(set.look.as_ref()).cloned();
            Set(Box::new(SetView { look, ..(**s).clone() }))
        }
        (Wheel { view, delta, zoom }, Wheel { view: v, delta: d, zoom: z }) if (view, zoom) == (v, z) => {
            Wheel { view: *view, delta: sum(*delta, *d, MAX_WHEEL)?, zoom: *zoom }
        }
        (Scroll { view, slices }, Scroll { view: v, slices: s }) if view == v => {
            let slices = slices.checked_add(*s).filter(|n| n.unsigned_abs() <= MAX_SLICES.unsigned_abs())?;
            Scroll { view: *view, slices }
        }
        (Rotate { view, dx, dy }, Rotate { view: v, dx: x, dy: y }) if view == v => {
            Rotate { view: *view, dx: sum(*dx, *x, MAX_PIXELS)?, dy: sum(*dy, *y, MAX_PIXELS)? }
        }
        (Pinch { view, zoom, dx, dy }, Pinch { view: v, zoom: z, dx: x, dy: y }) if view == v => Pinch {
            view: *view,
            zoom: Some(zoom * z).filter(|zoom| (0.01..=100.0).contains(zoom))?,
            dx: sum(*dx, *x, MAX_PIXELS)?,
            dy: sum(*dy, *y, MAX_PIXELS)?,
        },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::HEADER_BYTES;
    use crate::{Codec, MouseButton, Quality};

    const MS: Duration = Duration::from_millis(1);

    fn header(frame: u32, input_seq: u64) -> FrameHeader {
        FrameHeader {
            codec: Codec::Jpeg,
            quality: Quality::Interactive,
            view: 0,
            cleared: false,
            stretched: false,
            key: false,
            size: [8, 8],
            frame,
            input_seq,
            view_revision: 7,
            render_us: 0,
            encode_us: 0,
            hash: 0,
        }
    }

    /// Takes a frame without parts and decodes it.
    fn take(client: &mut Client, now: Duration, header: &FrameHeader) -> Option<Shown> {
        let message: [u8; HEADER_BYTES] = header.encode();
        match client.frame(&message).expect("a frame") {
            Arrival::Decode(header) => client.decoded(now, &header, Outcome::Decoded),
            Arrival::Leave(header) => client.decoded(now, &header, Outcome::Failed),
            Arrival::Late => None,
        }
    }

    fn sent(client: &mut Client) -> Vec<(u64, ClientMessage)> {
        std::iter::from_fn(|| client.poll()).map(|text| ClientMessage::parse(&text).expect("valid")).collect()
    }

    fn to(x: f64) -> ClientMessage {
        ClientMessage::Pointer { view: 0, kind: PointerKind::Move, button: None, x, y: 0.0 }
    }

    fn press() -> ClientMessage {
        let (kind, button) = (PointerKind::Press, Some(MouseButton::Left));
        ClientMessage::Pointer { view: 0, kind, button, x: 0.0, y: 0.0 }
    }

    #[test]
    fn a_picture_tells_how_long_its_newest_input_took_and_is_acknowledged() {
        let start = Duration::from_secs(9);
        let mut client = Client::default();
        let pressed = client.ask(start, press()).expect("room");
        let moved = client.ask(start + 10 * MS, to(1.0)).expect("room");
        assert_eq!(sent(&mut client), [(pressed, press()), (moved, to(1.0))]);
        let first = FrameHeader { cleared: true, ..header(1, moved) };
        let shown = take(&mut client, start + 50 * MS, &first).expect("a picture");
        assert_eq!(shown.latency, Some(40 * MS));
        assert_eq!(sent(&mut client), [(moved + 1, ClientMessage::Ack { view: 0, frame: 1 })]);
        // A better picture of the same input is nothing that anybody has waited for.
        let better = take(&mut client, start + 90 * MS, &header(2, moved)).expect("a picture");
        assert_eq!(better.latency, None);
    }

    #[test]
    fn what_waits_is_merged_and_nothing_else_is() {
        let now = Duration::ZERO;
        let mut client = Client::default();
        let wheel = |delta| ClientMessage::Wheel { view: 0, delta, zoom: false };
        let asked = [press(), to(1.0), to(2.0), press(), to(3.0), wheel(100.0), wheel(-300.0)];
        let last = asked.into_iter().map(|message| client.ask(now, message).expect("room")).last();
        let sent = sent(&mut client);
        let messages: Vec<_> = sent.iter().map(|(_, message)| message.clone()).collect();
        assert_eq!(messages, [press(), to(2.0), press(), to(3.0), wheel(-200.0)]);
        assert!(sent.is_sorted_by(|a, b| a.0 < b.0), "{sent:?}");
        assert_eq!(sent.last().map(|(seq, _)| *seq), last, "the newest number stands for both");
    }

    #[test]
    fn moves_are_merged_past_acknowledgements_and_only_the_last_acknowledgement_goes() {
        let now = Duration::ZERO;
        let mut client = Client::default();
        client.ask(now, to(1.0)).expect("room");
        take(&mut client, now, &FrameHeader { cleared: true, ..header(1, 0) });
        take(&mut client, now, &header(2, 0));
        client.ask(now, to(2.0)).expect("room");
        let messages: Vec<_> = sent(&mut client).into_iter().map(|(_, message)| message).collect();
        assert_eq!(messages, [ClientMessage::Ack { view: 0, frame: 2 }, to(2.0)]);
    }

    #[test]
    fn a_queue_that_nobody_takes_from_ends_the_connection_and_not_the_memory() {
        let now = Duration::ZERO;
        let mut client = Client::default();
        let refused = (0..=MOST_WAITING).map(|_| client.ask(now, press())).find_map(Result::err);
        assert!(matches!(refused, Some(Error::Congested)), "{refused:?}");
    }

    #[test]
    fn a_spoilt_picture_is_asked_for_once_and_what_builds_on_it_is_left() {
        let now = Duration::ZERO;
        let mut client = Client::default();
        take(&mut client, now, &FrameHeader { cleared: true, ..header(1, 0) });
        sent(&mut client);
        assert_eq!(client.decoded(now, &header(2, 0), Outcome::Failed), None);
        assert_eq!(take(&mut client, now, &header(3, 0)), None);
        let repaints =
            sent(&mut client).iter().filter(|(_, m)| *m == ClientMessage::Repaint { view: 0 }).count();
        assert_eq!(repaints, 1);
        // The answer to a video's damage is one that begins; only clearing is not enough.
        let video = FrameHeader { codec: Codec::H264, cleared: true, ..header(4, 0) };
        assert_eq!(take(&mut client, now, &video), None);
        assert!(take(&mut client, now, &FrameHeader { key: true, frame: 5, ..video }).is_some());
        assert!(take(&mut client, now, &header(6, 0)).is_some());
        let last = sent(&mut client).pop().map(|(_, message)| message);
        assert_eq!(last, Some(ClientMessage::Ack { view: 0, frame: 6 }));
    }

    #[test]
    fn a_frame_that_is_missing_spoils_the_picture() {
        let now = Duration::ZERO;
        let mut client = Client::default();
        take(&mut client, now, &FrameHeader { cleared: true, ..header(u32::MAX, 0) });
        assert!(take(&mut client, now, &header(0, 0)).is_some(), "numbers wrap");
        assert_eq!(take(&mut client, now, &header(2, 0)), None);
        assert!(sent(&mut client).iter().any(|(_, m)| *m == ClientMessage::Repaint { view: 0 }));
    }

    /// What went by the channels of WebRTC, as messages with their numbers.
    fn carried(client: &mut Client) -> Vec<(Channel, u64, ClientMessage)> {
        std::iter::from_fn(|| client.poll_channel())
            .map(|(channel, text, message)| {
                let (seq, told) = ClientMessage::parse(&text).expect("valid");
                assert_eq!(told, message);
                (channel, seq, message)
            })
            .collect()
    }

    #[test]
    fn commands_that_were_lost_with_webrtc_are_sent_again_once_and_in_order() {
        let now = Duration::ZERO;
        let mut client = Client::default();
        let scroll = |slices| ClientMessage::Scroll { view: 0, slices };
        let websocket = || ClientMessage::Transport { transport: TransportKind::Websocket, keeps: false };
        client.by_webrtc();
        client.ask(now, press()).expect("room");
        client.ask(now, to(1.0)).expect("room");
        client.ping(now + 7 * MS).expect("room");
        let way: Vec<Channel> = carried(&mut client).into_iter().map(|(channel, ..)| channel).collect();
        assert_eq!(way, [Channel::Commands, Channel::Moves, Channel::Commands]);
        client.text(now + 9 * MS, r#"{"type":"pong","time":7}"#).expect("a pong");
        assert!(!client.has_unproved(), "the channel is ordered: the press has arrived, too");
        let [done, lost] = [1, 2].map(|slices| {
            client.ask(now, scroll(slices)).expect("room");
            carried(&mut client).pop().expect("it goes").1
        });
        client.leave_webrtc();
        client.ask(now, websocket()).expect("room");
        let held = client.ask(now, press()).expect("room");
        assert_eq!(sent(&mut client).into_iter().map(|(_, m)| m).collect::<Vec<_>>(), [websocket()]);
        assert!(carried(&mut client).is_empty());
        client.text(now, &format!(r#"{{"type":"done","seq":{done}}}"#)).expect("told");
        let again = sent(&mut client);
        assert_eq!(again.iter().map(|(_, m)| m.clone()).collect::<Vec<_>>(), [scroll(2), press()]);
        assert!(again[0].0 > held.max(lost) && again[1].0 > again[0].0, "{again:?}");
    }

    #[test]
    fn a_track_that_loses_pictures_is_shown_again_from_one_that_needs_none() {
        let now = Duration::ZERO;
        let mut client = Client::default();
        let video = |frame| FrameHeader { codec: Codec::H264, ..header(frame, 0) };
        client.by_webrtc();
        assert!(matches!(client.picture(FrameHeader { key: true, ..video(1) }, true), Arrival::Decode(_)));
        assert!(matches!(client.picture(video(3), false), Arrival::Leave(_)));
        client.decoded(now, &video(3), Outcome::Torn);
        assert!(matches!(client.picture(video(4), true), Arrival::Leave(_)));
        assert_eq!(client.picture(video(2), true), Arrival::Late);
        // A picture at rest builds on none of these.
        assert!(take(&mut client, now, &header(6, 0)).is_some());
        assert_eq!(client.picture(video(5), true), Arrival::Late);
        assert!(matches!(client.picture(FrameHeader { key: true, ..video(7) }, true), Arrival::Decode(_)));
        let repaints = carried(&mut client)
            .iter()
            .filter(|(_, _, m)| matches!(m, ClientMessage::Repaint { .. }))
            .count();
        assert_eq!(repaints, 0, "the track asks for it");
    }

    #[test]
    fn a_frame_is_of_the_state_that_was_told_for_its_revision() {
        let now = Duration::ZERO;
        let mut client = Client::default();
        for revision in 1..40u64 {
            let text = format!(
                r#"{{"type":"view","view":0,"revision":{revision},"inputSeq":1,"content":"axial","window":{{"center":40,"width":400}},
                "preset":null,"slice":{revision},"slices":50,"mmPerPixel":null,"zoom":1,"letters":{{"left":"","right":"","top":"","bottom":""}},
                "refined":null,"positionMm":[0,0,0]}}"#
            );
            client.text(now, &text).expect("a view");
        }
        let of = |client: &mut Client, revision, frame| {
            let header = FrameHeader { view_revision: revision, cleared: true, ..header(frame, 0) };
            take(client, now, &header).and_then(|shown| shown.view).and_then(|view| view.slice)
        };
        assert_eq!(of(&mut client, 39, 1), Some(39));
        assert_eq!(of(&mut client, 38, 2), Some(38), "frames follow what is told of them");
        assert_eq!(of(&mut client, 1, 3), None, "what is long gone is not kept");
    }

    #[test]
    fn pings_measure_the_way_and_lies_about_it_do_no_harm() {
        let start = Duration::from_secs(9);
        let mut client = Client::default();
        client.ping(start + 5 * MS).expect("room");
        let Some((_, ClientMessage::Ping { time })) = sent(&mut client).pop() else { panic!("a ping") };
        client.text(start + 35 * MS, &format!(r#"{{"type":"pong","time":{time}}}"#)).expect("a pong");
        let rtt = client.rtt().expect("measured");
        assert!((rtt.as_secs_f64() - 0.030).abs() < 1e-6, "{rtt:?}");
        client.text(start + 40 * MS, r#"{"type":"pong","time":1e300}"#).expect("a pong");
        assert_eq!(client.rtt(), Some(rtt));
    }

    fn set(view: u8, look: bool, width: u32) -> ClientMessage {
        let text = include_str!("../fixtures/valid/client-set.json");
        let (_, mut message) = ClientMessage::parse(text).expect("a fixture");
        if let ClientMessage::Set(set) = &mut message {
            set.view = view;
            set.place.size[0] = width;
            set.look = set.look.take().filter(|_| look);
        }
        message
    }

    #[test]
    fn of_states_that_wait_the_last_of_each_view_goes_with_the_last_look() {
        let mut client = Client::default();
        for message in [set(0, true, 1), set(1, false, 1), set(0, false, 2), set(1, false, 2)] {
            client.ask(MS, message).expect("room");
        }
        let sent: Vec<_> =
            std::iter::from_fn(|| client.poll()).map(|text| ClientMessage::parse(&text)).collect();
        assert_eq!(sent, [Ok((3, set(0, true, 2))), Ok((4, set(1, false, 2)))]);
        client.ask(MS, set(0, false, 3)).expect("room");
        client.ask(MS, ClientMessage::DropView { view: 0 }).expect("room");
        client.ask(MS, set(0, true, 4)).expect("room");
        assert_eq!(std::iter::from_fn(|| client.poll()).count(), 3, "nothing overtakes what ends a view");
    }

    #[test]
    fn what_a_host_told_before_the_newest_is_left_and_acknowledged() {
        let mut client = Client::default();
        let mut drawn = |number: u64, series: &str| {
            let text = format!(
                r#"{{"type":"drawn","number":{number},"seriesInstanceUid":"{series}","drawings":[]}}"#
            );
            client.text(Duration::ZERO, &text).expect("a list").is_some()
        };
        assert!(drawn(4, "1.2") && drawn(7, "1.2"));
        assert!(!drawn(5, "1.2") && !drawn(7, "1.2"), "a newer one is here");
        assert!(drawn(6, "1.3"), "on another series it is the newest");
        assert!(drawn(8, "1.2"));
        assert_eq!(sent(&mut client).len(), 6, "the server counts what is on its way");
        let mut shared = |number: u64| {
            let text = format!(r#"{{"type":"shared","number":{number},"views":[],"layout":null}}"#);
            client.text(Duration::ZERO, &text).expect("views").is_some()
        };
        assert!(shared(3) && shared(9) && !shared(4) && shared(10));
    }

    #[test]
    fn texts_that_are_none_of_the_protocol_are_refused() {
        let mut client = Client::default();
        for text in ["", "[]", r#"{"type":"nothing"}"#, r#"{"type":"pong"}"#] {
            assert!(matches!(client.text(Duration::ZERO, text), Err(Error::Text(_))), "{text}");
        }
        let other = r#"{"type":"connected","sessionId":"s","protocol":"voxcast.v9","backend":"cpu","resumeToken":"t","resumed":false,"iceServers":null,"role":"owner","voxels":true}"#;
        assert!(matches!(client.text(Duration::ZERO, other), Err(Error::Protocol(_))));
        assert!(matches!(client.frame(b"VXF1"), Err(Error::Frame(_))));
    }
}
