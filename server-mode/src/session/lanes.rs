//! The ways between a session and its client: the WebSocket, and WebRTC beside it.

use std::time::{Duration, Instant};

use protocol::message::{Track, TransportKind};
use protocol::{ClientMessage, Codec, ErrorCode, MAX_VIEWS, PointerKind, ServerMessage};

use super::link::Link;
use super::pace::Pace;
use super::view::View;
use super::{Output, Session};

/// So often a view's video begins anew for a client that has lost pictures; requests between are about
/// pictures that the last one replaced.
const KEY_EVERY: Duration = Duration::from_millis(300);

/// Congestion control begins with so much: what is less was measured, and what is more is as far as it has looked.
const NARROW: usize = 2_500_000;

/// How a text message came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    WebSocket,
    /// WebRTC's ordered, reliable channel.
    Commands,
    /// WebRTC's channel on which messages may be lost and overtake each other.
    Moves,
}

/// What a session learns of WebRTC.
#[derive(Debug)]
pub enum PeerEvent {
    /// The answer to `Output::Offer`, or why there is none.
    Answer(Result<String, String>),
    /// Both channels are open.
    Open,
    Text(Lane, String),
    /// The client cannot show more of this view's video without a picture that needs none before it.
    KeyframeNeeded {
        view: u8,
    },
    /// So much the way carries by transport-wide congestion control.
    Bandwidth(usize),
    /// The way there and back takes so long.
    RoundTrip(Duration),
    /// The client has begun another connection, which is not open yet.
    Replaced,
    /// Nothing comes through any more; the reason is a sentence.
    Lost(String),
}

/// What WebRTC is to carry.
#[derive(Debug)]
pub enum Parcel {
    Text(String),
    Frame(Vec<u8>),
    /// An H.264 frame of a view that has a track.
    Picture(Vec<u8>),
}

/// Which ways there are, and which one is taken.
#[derive(Debug, Default)]
pub struct Lanes {
    /// The way that was chosen.
    webrtc: bool,
    /// Both channels are open.
    is_open: bool,
    /// The client has chosen WebRTC before the channels were open, and keeps what came before or not.
    awaited: Option<bool>,
    /// It was taken before, and is not now.
    is_left: bool,
    /// What WebRTC carries, as far as it has found out, also before it is taken.
    estimate: Option<usize>,
    /// The `seq` of the offer that waits for its answer, and what its videos show.
    offered: Option<(u64, [bool; MAX_VIEWS])>,
    /// The views that have a track.
    tracks: [bool; MAX_VIEWS],
    /// The newest `seq` that came by WebSocket, and by the channel for commands.
    last_seq: [u64; 2],
    /// The newest `seq` that was done in each view.
    done: [u64; MAX_VIEWS],
    /// When each view's video began anew because the client had lost pictures.
    keyed: [Option<Instant>; MAX_VIEWS],
}

impl Lanes {
    /// The newest `seq` of what came in order.
    pub fn newest_seq(&self) -> u64 {
        self.last_seq[0].max(self.last_seq[1])
    }

    /// Whether all but signalling goes by WebRTC.
    pub fn is_webrtc(&self) -> bool {
        self.webrtc
    }

    /// Whether H.264 frames of a view go as pictures of a track.
    pub fn has_track(&self, view: u8) -> bool {
        self.webrtc && self.tracks[usize::from(view)]
    }

    /// Whether a message is to be obeyed; the reason if it breaks the protocol.
    pub fn admit(
        &mut self,
        lane: Lane,
        seq: u64,
        message: &ClientMessage,
    ) -> Result<bool, (ErrorCode, String)> {
        let newest = match lane {
            Lane::WebSocket => Some(&mut self.last_seq[0]),
            Lane::Commands => Some(&mut self.last_seq[1]),
            Lane::Moves => None,
        };
        if let Some(newest) = newest {
            if seq <= *newest {
                return Err((ErrorCode::Seq, format!("`seq` must rise: {seq} came after {newest}")));
            }
            *newest = seq;
        } else if !matches!(
            message,
            ClientMessage::Ack { .. } | ClientMessage::Pointer { kind: PointerKind::Move, .. }
        ) {
            return Err((ErrorCode::Malformed, "Only `ack` and moves of the pointer go by `moves`.".into()));
        }
        let (first, count) = match message {
            ClientMessage::Pointer { view, .. }
            | ClientMessage::Wheel { view, .. }
            | ClientMessage::Pinch { view, .. }
            | ClientMessage::Scroll { view, .. }
            | ClientMessage::Rotate { view, .. }
            | ClientMessage::Window { view, .. }
            | ClientMessage::Preset { view, .. }
            | ClientMessage::DropView { view }
            | ClientMessage::Reset { view: Some(view) } => (usize::from(*view), 1),
            ClientMessage::Set(set) => (usize::from(set.view), 1),
            ClientMessage::Reset { view: None } | ClientMessage::Layout { .. } => (0, MAX_VIEWS),
            _ => (0, 0),
        };
        let mut is_late = false;
        for done in self.done.iter_mut().skip(first).take(count) {
            is_late |= lane == Lane::Moves && seq < *done;
            *done = seq.max(*done);
        }
        Ok(!is_late)
    }
}

impl Session {
    /// Sends a message the way that everything goes.
    pub(super) fn send(&mut self, message: &ServerMessage) {
        let text = text(message);
        self.out.push_back(if self.lanes.webrtc {
            Output::Carry(Parcel::Text(text))
        } else {
            Output::Text(text)
        });
    }

    /// Sends a message that belongs on the WebSocket.
    pub(super) fn signal(&mut self, message: &ServerMessage) {
        self.out.push_back(Output::Text(text(message)));
    }

    pub(super) fn send_frame(&mut self, view: u8, codec: Codec, message: Vec<u8>) {
        self.out.push_back(match codec {
            Codec::H264 if self.lanes.has_track(view) => Output::Carry(Parcel::Picture(message)),
            _ if self.lanes.webrtc => Output::Carry(Parcel::Frame(message)),
            _ => Output::Frame(message),
        });
    }

    pub(super) fn offer(&mut self, seq: u64, sdp: String, tracks: Vec<Track>) {
        let mut views = [false; MAX_VIEWS];
        for track in &tracks {
            views[usize::from(track.view)] = true;
        }
        self.lanes.offered = Some((seq, views));
        self.out.push_back(Output::Offer { sdp, tracks });
    }

    pub(super) fn choose(&mut self, transport: TransportKind, keeps: bool) {
        match transport {
            TransportKind::Websocket => {
                self.lanes.awaited = None;
                if self.lanes.webrtc {
                    self.switch(false, false);
                    self.tell_done();
                }
            }
            TransportKind::Webrtc if self.lanes.is_open => {
                if !self.lanes.webrtc {
                    self.switch(true, keeps);
                }
            }
            TransportKind::Webrtc => self.lanes.awaited = Some(keeps),
        }
    }

    pub(super) fn peer_event(&mut self, now: Instant, event: PeerEvent) {
        match event {
            PeerEvent::Answer(answer) => self.answered(answer),
            PeerEvent::Open => {
                self.lanes.is_open = true;
                if let Some(keeps) = self.lanes.awaited.take() {
                    self.switch(true, keeps);
                }
            }
            // What comes by channels that are given up may be on its way by WebSocket, too.
            PeerEvent::Text(lane, text) if !self.lanes.is_left => self.stream_text(now, lane, &text),
            PeerEvent::Text(..) => {}
            PeerEvent::KeyframeNeeded { view } => self.begin_video_anew(now, view),
            PeerEvent::Bandwidth(bits_per_second) => {
                self.lanes.estimate = Some(bits_per_second);
                if self.lanes.webrtc {
                    self.link.estimated(bits_per_second);
                }
            }
            PeerEvent::RoundTrip(took) if self.lanes.webrtc => self.link.round_trip(took),
            PeerEvent::RoundTrip(_) => {}
            PeerEvent::Replaced => {
                let used = self.lanes.webrtc;
                (self.lanes.is_open, self.lanes.awaited, self.lanes.estimate) = (false, None, None);
                if used {
                    self.go_back("The client has begun another WebRTC connection.".into());
                }
            }
            PeerEvent::Lost(reason) => {
                (self.lanes.is_open, self.lanes.estimate) = (false, None);
                if self.lanes.webrtc {
                    self.go_back(reason);
                } else {
                    self.lanes.awaited = None;
                    self.signal(&ServerMessage::Error {
                        code: ErrorCode::WebrtcFailed,
                        message: reason,
                        seq: None,
                    });
                }
            }
        }
    }

    fn go_back(&mut self, reason: String) {
        self.switch(false, false);
        self.signal(&ServerMessage::Transport { transport: TransportKind::Websocket, reason });
        self.tell_done();
    }

    /// So that the client sends again what was lost with WebRTC's channel, and a guest knows what was.
    fn tell_done(&mut self) {
        let seq = Some(self.lanes.last_seq[1]).filter(|seq| *seq > 0);
        self.signal(&ServerMessage::Done { seq });
        self.tell_shown_again();
    }

    fn answered(&mut self, answer: Result<String, String>) {
        let Some((seq, views)) = self.lanes.offered.take() else { return };
        match answer {
            Ok(sdp) => {
                let before = std::mem::replace(&mut self.lanes.tracks, views);
                self.signal(&ServerMessage::Answer { sdp });
                // A video does not go on by another way.
                let is_used = self.lanes.webrtc;
                for view in (0..MAX_VIEWS).filter(|&i| is_used && before[i] != views[i]) {
                    self.begin_anew(view as u8);
                }
            }
            Err(message) => {
                self.signal(&ServerMessage::Error { code: ErrorCode::WebrtcFailed, message, seq: Some(seq) });
            }
        }
    }

    fn switch(&mut self, webrtc: bool, keeps: bool) {
        (self.lanes.webrtc, self.lanes.is_left) = (webrtc, !webrtc);
        self.link = Link::default();
        if let Some(bits_per_second) = self.lanes.estimate.filter(|bits| webrtc && *bits < NARROW) {
            self.link.estimated(bits_per_second);
        }
        self.host.doubt_drawn();
        for number in 0..MAX_VIEWS as u8 {
            if !(keeps && self.take_along(number)) {
                self.begin_anew(number);
            }
        }
    }

    /// A view that rests is sent again only as far as its client has not got it, once that is known.
    fn take_along(&mut self, number: u8) -> bool {
        let Some(view) = self.views.get_mut(&number).filter(|view| view.rests()) else { return false };
        view.show_again();
        let counters = &mut self.counters[usize::from(number)];
        (counters.drains, counters.told) = (true, None);
        true
    }

    /// Nothing overtakes what went the way before; what moves does not wait for it.
    pub(super) fn drain(&mut self) {
        for number in 0..MAX_VIEWS as u8 {
            let counters = &mut self.counters[usize::from(number)];
            if counters.drains && counters.unacknowledged() == 0 {
                counters.drains = false;
            } else if counters.drains && self.views.get(&number).is_some_and(View::moves) {
                self.begin_anew(number);
            }
        }
    }

    /// What is on its way to a view counts no more; what comes next builds on nothing.
    pub(super) fn begin_anew(&mut self, number: u8) {
        let Some(view) = self.views.get_mut(&number) else { return };
        self.epochs += 1;
        view.begin_anew(self.epochs);
        self.link.forget(number);
        let counters = &mut self.counters[usize::from(number)];
        counters.begin_anew();
        (counters.pace, counters.told) = (Pace::default(), None);
        self.out.push_back(Output::Withdraw { view: number });
    }

    fn begin_video_anew(&mut self, now: Instant, number: u8) {
        let Some(keyed) = self.lanes.keyed.get_mut(usize::from(number)) else { return };
        if keyed.is_some_and(|at| now.saturating_duration_since(at) < KEY_EVERY) {
            return;
        }
        if let Some(view) = self.views.get_mut(&number) {
            *keyed = Some(now);
            view.begin_video_anew();
            // Those on their way cannot be shown.
            self.counters[usize::from(number)].acknowledge_lost();
        }
    }
}

fn text(message: &ServerMessage) -> String {
    // Only maps with keys that are not strings cannot be written, and messages have none.
    serde_json::to_string(message).unwrap_or_default()
}
