//! One WebRTC connection, sans-IO: datagrams and parcels go in with the time, datagrams and events come out.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use protocol::MAX_TEXT_BYTES;
use protocol::frame::{HEADER_BYTES, PART_BYTES};
use protocol::message::Track;
use str0m::bwe::{Bitrate, BweKind};
use str0m::change::SdpOffer;
use str0m::channel::{ChannelData, ChannelId};
use str0m::config::DtlsCert;
use str0m::format::{Codec, PayloadParams};
use str0m::media::{MediaTime, Mid, Pt};
use str0m::net::{Protocol, Receive, Transmit};
use str0m::rtp::Extension;
use str0m::{Candidate, Event, Input, Output, Rtc};

use super::routes::Datagram;
use crate::session::{Lane, Parcel, PeerEvent};

/// Media descriptions of an offer: a video for each view and the data channels, with some to spare.
const MOST_MEDIA: usize = 24;
/// Addresses of a client, of each offer.
const MOST_CANDIDATES: usize = 64;
/// So often the way is measured.
const STATS_EVERY: Duration = Duration::from_secs(1);
/// The largest message of a data channel: SCTP of all browsers takes it, and cuts it to packets as it likes.
const PIECE: usize = 16 << 10;
const LAST_PIECE: u8 = 1;
const TEXT: u8 = 2;
/// Bytes of `commands` that SCTP has at a time. What it has goes before all that comes later, but it carries
/// no more than this in a round trip.
const MOST_BUFFERED: usize = 256 << 10;
/// SCTP sends at once what it has, and sockets keep some 100 kB of datagrams until they are read. Where the last ones are
/// lost, it waits for a second or two: so it has this much at first, and then as much more a millisecond.
const MOST_AT_ONCE: usize = 64 << 10;
const BYTES_PER_MS: usize = 16 << 10;
/// Room for `moves` beside it.
const SPARE: usize = 32 << 10;
/// Bytes that wait for SCTP: frames wait for acknowledgements, so this is for clients that take nothing.
const MOST_WAITING: usize = 64 << 20;
/// Headers in a note.
const NOTED: usize = 4;
/// A note that no newer one follows is sent again, for it may be lost.
const NOTE_AGAIN: Duration = Duration::from_millis(40);
/// Both channels must be open so soon after an offer.
const CONNECT_TIME: Duration = Duration::from_secs(30);
/// Browsers check every 2.5 s whether the way is there, str0m every 3 s: two checks may be lost.
const SILENCE: Duration = Duration::from_secs(10);
/// A lost way may come back, by itself or by another offer, for so long.
const LOST_TIME: Duration = Duration::from_secs(60);
/// Congestion control begins here and looks for so much.
const FIRST_RATE: Bitrate = Bitrate::mbps(3);
const WANTED_RATE: Bitrate = Bitrate::mbps(20);
/// Packets of a track that can be sent again, all of them: what one loss in a burst leaves out holds up all that
/// comes after it.
const MOST_KEPT: usize = 1024;
const KEPT_FOR: Duration = Duration::from_secs(2);
/// The rest is for headers of packets, and packets that are sent again.
const FOR_PICTURES: f64 = 0.85;
/// The rate when no pictures have been sent for so long: str0m keeps a sender that knows its rate busy with 50 kbit/s
/// of padding, which nobody needs while nothing moves.
const IDLE_RATE: Bitrate = Bitrate::kbps(1);
const IDLE_AFTER: Duration = Duration::from_secs(2);
/// For so long it looks for a rate when the way is found, before there is a picture: the first movement begins with it.
const FIRST_LOOK: Duration = Duration::from_millis(500);
/// After it, the rate of before holds for so long: to look for more at once would delay what the user waits for.
const KNOWN_FOR: Duration = Duration::from_secs(1);
/// While pictures move it looks for twice as much so often: by itself the estimate grows by a twentieth a second.
const LOOK_AGAIN: Duration = Duration::from_secs(3);
/// str0m sends one packet after the other, a microsecond between them; timers wake up for a millisecond at least.
const AT_ONCE: Duration = Duration::from_micros(500);
/// What is to be done at once is done after so many rounds, each a packet at least, or later.
const MOST_ROUNDS: usize = 2048;

/// What a connection is made of besides the client's offer.
#[derive(Debug)]
pub struct Local {
    pub certificate: DtlsCert,
    pub candidates: Vec<Candidate>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The channels must be open by then.
    Connecting(Instant),
    Open,
    /// Nothing comes through; it may come back until then.
    Lost(Instant),
}

#[derive(Debug)]
pub struct Connection {
    rtc: Rtc,
    /// The client's certificate, as its offer tells.
    fingerprint: String,
    state: State,
    /// When the client last proved to be there.
    heard: Instant,
    /// Addresses that came since the last offer.
    candidates: usize,
    /// When the clock of RTP was zero.
    began: Instant,
    videos: Vec<Video>,
    commands: Option<ChannelId>,
    moves: Option<ChannelId>,
    waiting: VecDeque<Waiting>,
    waiting_bytes: usize,
    rate: Rate,
    /// Bytes of `commands` that may leave at once, as of when, and when there are more where some wait for that.
    at_once: usize,
    pumped: Instant,
    pump_at: Option<Instant>,
    /// When str0m has something to do.
    due: Instant,
    pub events: VecDeque<PeerEvent>,
    pub datagrams: VecDeque<Transmit>,
}

/// A track.
#[derive(Debug)]
struct Video {
    mid: Mid,
    view: u8,
    payload_type: Pt,
    /// In units of 1/90000 s.
    last_time: u64,
    notes: VecDeque<[u8; 4 + HEADER_BYTES]>,
    note_again: Option<Instant>,
}

/// A message for `commands`, sent up to `sent`.
#[derive(Debug)]
struct Waiting {
    bytes: Vec<u8>,
    sent: usize,
    kind: u8,
}

/// What congestion control says.
#[derive(Debug)]
struct Rate {
    estimate: Bitrate,
    /// When it falls idle if no picture is sent before; `None` while it is.
    idle_at: Option<Instant>,
    /// When to look for more.
    look_at: Option<Instant>,
    /// What it looked for last.
    wanted: Bitrate,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("the offer has more than {MOST_MEDIA} media descriptions")]
    TooMany,
    #[error("the offer has no fingerprint of a certificate")]
    Fingerprint,
    // What str0m says of it may hold addresses in memory.
    #[error("the offer cannot be read")]
    Sdp(#[from] str0m::error::SdpError),
    #[error("the offer cannot be answered: {0}")]
    Rtc(#[from] str0m::RtcError),
    #[error("the track {0:?} is no video that the client receives in a kind of H.264 that this server sends")]
    Track(String),
}

/// The certificate that an offer names.
pub fn fingerprint(sdp: &str) -> Result<&str, Refusal> {
    if sdp.lines().filter(|line| line.starts_with("m=")).count() > MOST_MEDIA {
        return Err(Refusal::TooMany);
    }
    sdp.lines().find_map(|line| line.strip_prefix("a=fingerprint:")).ok_or(Refusal::Fingerprint)
}

impl Connection {
    /// Answers an offer.
    pub fn new(now: Instant, local: &Local, sdp: &str, tracks: &[Track]) -> Result<(Self, String), Refusal> {
        let fingerprint = fingerprint(sdp)?.to_owned();
        let mut rtc = Rtc::builder()
            .set_ice_lite(true)
            .set_stats_interval(Some(STATS_EVERY))
            .set_dtls_cert(local.certificate.clone())
            .clear_codecs()
            .enable_h264(true)
            .set_extension(5, Extension::PlayoutDelay)
            .enable_bwe(Some(FIRST_RATE))
            .set_sctp_max_buffered_amount(MOST_BUFFERED + SPARE)
            .set_sctp_max_message_size(MAX_TEXT_BYTES as u32)
            .build(now);
        for candidate in &local.candidates {
            rtc.add_local_candidate(candidate.clone());
        }
        rtc.bwe().set_bitrate(Bitrate::ZERO, WANTED_RATE);
        let mut connection = Self {
            rtc,
            fingerprint,
            state: State::Connecting(now + CONNECT_TIME),
            heard: now,
            candidates: 0,
            began: now,
            videos: Vec::new(),
            commands: None,
            moves: None,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            at_once: MOST_AT_ONCE,
            pumped: now,
            pump_at: None,
            rate: Rate {
                estimate: FIRST_RATE,
                idle_at: Some(now + CONNECT_TIME),
                look_at: None,
                wanted: WANTED_RATE,
            },
            due: now,
            events: VecDeque::new(),
            datagrams: VecDeque::new(),
        };
        let answer = connection.offer(now, sdp, tracks)?;
        Ok((connection, answer))
    }

    /// Whether an offer is of the client that this connection is with.
    pub fn is_with(&self, fingerprint: &str) -> bool {
        self.fingerprint == fingerprint
    }

    /// Answers another offer of the same client: its videos or its ICE are others.
    pub fn offer(&mut self, now: Instant, sdp: &str, tracks: &[Track]) -> Result<String, Refusal> {
        let answer = self.rtc.sdp_api().accept_offer(SdpOffer::from_sdp_string(sdp)?)?;
        let mut videos = Vec::new();
        for Track { mid, view } in tracks {
            let wrong = || Refusal::Track(mid.clone());
            let key = Mid::from(mid.as_str());
            let writer = self.rtc.writer(key).ok_or_else(wrong)?;
            let payload_type = writer.payload_params().filter_map(preference).max().ok_or_else(wrong)?.1;
            let before = self.videos.iter().position(|video| (video.mid, video.view) == (key, *view));
            videos.push(match before {
                Some(index) => Video { payload_type, ..self.videos.swap_remove(index) },
                None => Video {
                    mid: key,
                    view: *view,
                    payload_type,
                    last_time: 0,
                    notes: VecDeque::new(),
                    note_again: None,
                },
            });
        }
        self.videos = videos;
        if let State::Lost(_) = self.state {
            self.state = State::Lost(now + LOST_TIME);
        }
        self.candidates = 0;
        self.run(now)?;
        Ok(answer.to_sdp_string())
    }

    /// Names this end in STUN.
    pub fn ufrag(&mut self) -> String {
        self.rtc.direct_api().local_ice_credentials().ufrag
    }

    /// One more address of the client's. Those that cannot be read, names of mDNS for example, are none.
    pub fn candidate(&mut self, now: Instant, text: &str) -> Result<(), Refusal> {
        if self.candidates >= MOST_CANDIDATES {
            return Ok(());
        }
        if let Ok(candidate) = Candidate::from_sdp_string(text) {
            self.candidates += 1;
            self.rtc.add_remote_candidate(candidate);
            self.run(now)?;
        }
        Ok(())
    }

    /// Returns whether the sender has proved to be the client.
    pub fn receive(&mut self, datagram: &Datagram) -> Result<bool, Refusal> {
        let Datagram { at, from, to, bytes } = datagram;
        let Ok(receive) = Receive::new(Protocol::Udp, *from, *to, bytes) else { return Ok(false) };
        let is_stun = bytes.first().is_some_and(|first| *first < 2);
        let input = Input::Receive(*at, receive);
        if !self.rtc.accepts(&input) {
            return Ok(false);
        }
        self.rtc.handle_input(input)?;
        self.run(*at)?;
        if is_stun {
            self.heard = *at;
        }
        Ok(is_stun)
    }

    /// When to call `tick`.
    pub fn wake_at(&self) -> Instant {
        let state = match self.state {
            State::Connecting(until) | State::Lost(until) => until,
            State::Open => self.heard + SILENCE,
        };
        let notes = self.videos.iter().filter_map(|video| video.note_again);
        let others = self.rate.idle_at.into_iter().chain(self.rate.look_at).chain(self.pump_at);
        notes.chain(others).fold(self.due.min(state), Instant::min)
    }

    /// Does what is due. Returns whether the connection is worth keeping.
    pub fn tick(&mut self, now: Instant) -> Result<bool, Refusal> {
        for index in 0..self.videos.len() {
            if self.videos[index].note_again.is_some_and(|at| at <= now) {
                self.videos[index].note_again = None;
                self.note(index)?;
            }
        }
        if self.rate.idle_at.is_some_and(|at| at <= now) {
            (self.rate.idle_at, self.rate.look_at) = (None, None);
            self.rtc.bwe().set_bitrate(Bitrate::ZERO, IDLE_RATE);
        }
        if self.rate.look_at.is_some_and(|at| at <= now) {
            self.rate.look_at = Some(now + LOOK_AGAIN);
            // str0m looks at once where it is to have more than before, if nothing speaks against it.
            self.rate.wanted = self.rate.wanted + Bitrate::kbps(1);
            self.rtc.bwe().set_bitrate(Bitrate::ZERO, self.rate.wanted);
        }
        self.rtc.handle_input(Input::Timeout(now))?;
        self.run(now)?;
        match self.state {
            State::Connecting(until) if until <= now => {
                self.lost(now, "WebRTC found no way to this server within 30 s.");
                return Ok(false);
            }
            State::Lost(until) if until <= now && self.heard + SILENCE <= now => return Ok(false),
            State::Open if self.heard + SILENCE <= now => {
                self.lost(now, "Nothing came from the client by WebRTC for 10 s.");
            }
            State::Lost(_) if self.heard + SILENCE > now && self.rtc.is_alive() => {
                self.state = State::Open;
                self.events.push_back(PeerEvent::Open);
            }
            _ => {}
        }
        Ok(self.rtc.is_alive())
    }

    /// Sends as soon as it can be sent.
    pub fn send(&mut self, now: Instant, parcel: Parcel) -> Result<(), Refusal> {
        match parcel {
            Parcel::Text(text) => self.command(now, TEXT, text.into_bytes()),
            Parcel::Frame(message) => self.command(now, 0, message),
            Parcel::Picture(message) => self.picture(now, &message)?,
        }
        self.run(now)
    }

    fn lost(&mut self, now: Instant, reason: &str) {
        self.state = State::Lost(now + LOST_TIME);
        self.events.push_back(PeerEvent::Lost(reason.to_owned()));
    }

    fn command(&mut self, now: Instant, kind: u8, bytes: Vec<u8>) {
        self.waiting_bytes += bytes.len();
        self.waiting.push_back(Waiting { bytes, sent: 0, kind });
        if self.waiting_bytes > MOST_WAITING {
            (self.waiting, self.waiting_bytes) = (VecDeque::new(), 0);
            self.rtc.disconnect();
            self.lost(now, "The client does not read what it asks for.");
        }
    }

    /// Gives SCTP what it takes now.
    fn pump(&mut self, now: Instant) -> Result<(), Refusal> {
        self.pump_at = None;
        let Some(mut channel) = self.commands.and_then(|id| self.rtc.channel(id)) else { return Ok(()) };
        let elapsed = now.saturating_duration_since(self.pumped).min(Duration::from_secs(1));
        let more = elapsed.as_micros() as usize * BYTES_PER_MS / 1000;
        (self.at_once, self.pumped) = ((self.at_once + more).min(MOST_AT_ONCE), now);
        let mut piece = Vec::new();
        while let Some(message) = self.waiting.front_mut() {
            let rest = &message.bytes[message.sent..];
            let part = rest.len().min(PIECE - 1);
            if channel.buffered_amount() + part + 1 > MOST_BUFFERED {
                break;
            }
            if part + 1 > self.at_once {
                self.pump_at = Some(now + Duration::from_millis(1));
                break;
            }
            let is_last = part == rest.len();
            piece.clear();
            piece.push(message.kind | if is_last { LAST_PIECE } else { 0 });
            piece.extend(&rest[..part]);
            if !channel.write(true, &piece)? {
                break;
            }
            message.sent += part;
            self.at_once -= part + 1;
            if is_last {
                self.waiting_bytes -= message.bytes.len();
                self.waiting.pop_front();
            }
        }
        Ok(())
    }

    /// Sends an access unit on its view's track.
    fn picture(&mut self, now: Instant, message: &[u8]) -> Result<(), Refusal> {
        let Some((header, parts)) = message.split_first_chunk::<HEADER_BYTES>() else { return Ok(()) };
        let Some(unit) = parts.get(PART_BYTES..) else { return Ok(()) };
        let Some(index) = self.videos.iter().position(|video| video.view == header[6]) else { return Ok(()) };
        if self.rate.idle_at.replace(now + IDLE_AFTER).is_none() {
            // It looks for twice as much at most.
            self.rtc.bwe().set_bitrate(Bitrate::ZERO, self.rate.estimate * 0.5);
            self.rtc.bwe().reset(self.rate.estimate);
            (self.rate.look_at, self.rate.wanted) = (Some(now + KNOWN_FOR), WANTED_RATE);
        }
        let video = &mut self.videos[index];
        let micros = now.saturating_duration_since(self.began).as_micros() as u64;
        let time = (micros * 9 / 100).max(video.last_time + 1);
        let is_first = video.last_time == 0;
        video.last_time = time;
        let mut note = [0; 4 + HEADER_BYTES];
        // RTP's clock wraps.
        note[..4].copy_from_slice(&(time as u32).to_le_bytes());
        note[4..].copy_from_slice(header);
        if video.notes.len() == NOTED {
            video.notes.pop_front();
        }
        video.notes.push_back(note);
        video.note_again = Some(now + NOTE_AGAIN);
        let (mid, payload_type) = (video.mid, video.payload_type);
        if is_first && let Some(stream) = self.rtc.direct_api().stream_tx_by_mid(mid, None) {
            stream.set_rtx_cache(MOST_KEPT, KEPT_FOR, None);
            // Spreading a picture over the time until the next one would show it so much later.
            stream.set_unpaced(true);
        }
        // The note is small: it is there when the picture is.
        self.note(index)?;
        if let Some(writer) = self.rtc.writer(mid) {
            let writer = writer.playout_delay(MediaTime::ZERO, MediaTime::ZERO);
            writer.write(payload_type, now, MediaTime::from_90khz(time), unit)?;
            // Packets are made when time goes on.
            self.rtc.handle_input(Input::Timeout(now))?;
        }
        Ok(())
    }

    /// Tells of the last pictures of a video.
    fn note(&mut self, index: usize) -> Result<(), Refusal> {
        let Some(mut channel) = self.moves.and_then(|id| self.rtc.channel(id)) else { return Ok(()) };
        let notes: Vec<u8> = self.videos[index].notes.iter().flatten().copied().collect();
        // One that is not taken is as good as lost.
        let _ = channel.write(true, &notes)?;
        Ok(())
    }

    /// Takes what str0m has to say, until it waits.
    fn run(&mut self, mut now: Instant) -> Result<(), Refusal> {
        // Its clock does not run away from ours.
        let soon = now + AT_ONCE;
        self.pump(now)?;
        if self.rate.idle_at.is_none() {
            // What was heard of the last padding would bring back the least rate that str0m knows.
            self.rtc.bwe().reset(IDLE_RATE);
        }
        for _ in 0..MOST_ROUNDS {
            let until = loop {
                match self.rtc.poll_output()? {
                    Output::Timeout(at) => break at,
                    Output::Transmit(datagram) => self.datagrams.push_back(datagram),
                    Output::Event(event) => self.event(now, event),
                }
            };
            self.due = until;
            if until > soon {
                break;
            }
            now = now.max(until);
            self.rtc.handle_input(Input::Timeout(now))?;
        }
        if !self.rtc.is_alive() && !matches!(self.state, State::Lost(_)) {
            self.lost(now, "The client has closed its WebRTC connection.");
        }
        Ok(())
    }

    fn event(&mut self, now: Instant, event: Event) {
        match event {
            Event::ChannelOpen(id, label) => {
                match label.as_str() {
                    "commands" if self.commands.is_none() => self.commands = Some(id),
                    "moves" if self.moves.is_none() => self.moves = Some(id),
                    _ => return,
                }
                if self.commands.is_some() && self.moves.is_some() && self.state != State::Open {
                    self.state = State::Open;
                    self.rate.idle_at = Some(now + FIRST_LOOK);
                    self.events.push_back(PeerEvent::Open);
                }
            }
            Event::ChannelData(ChannelData { id, binary: false, data }) => {
                let lane = if Some(id) == self.commands {
                    Lane::Commands
                } else if Some(id) == self.moves {
                    Lane::Moves
                } else {
                    return;
                };
                // DTLS knows whose it is.
                self.heard = now;
                if data.len() <= MAX_TEXT_BYTES
                    && let Ok(text) = String::from_utf8(data)
                {
                    self.events.push_back(PeerEvent::Text(lane, text));
                }
            }
            Event::ChannelClose(id) if [self.commands, self.moves].contains(&Some(id)) => {
                self.rtc.disconnect();
            }
            Event::KeyframeRequest(request) => {
                if let Some(video) = self.videos.iter().find(|video| video.mid == request.mid) {
                    self.events.push_back(PeerEvent::KeyframeNeeded { view: video.view });
                }
            }
            Event::PeerStats(stats) => {
                self.events.extend(stats.rtt.map(PeerEvent::RoundTrip));
            }
            Event::EgressBitrateEstimate(BweKind::Twcc { estimate, .. }) if self.rate.idle_at.is_some() => {
                self.rate.estimate = estimate;
                let bits_per_second = usize::try_from((estimate * FOR_PICTURES).as_u64());
                let bits_per_second = bits_per_second.unwrap_or(usize::MAX);
                self.events.push_back(PeerEvent::Bandwidth(bits_per_second));
            }
            _ => {}
        }
    }
}

/// How well a payload type suits what the encoder makes, profile Main, cut into as many packets as it takes.
fn preference(params: &PayloadParams) -> Option<(u8, Pt)> {
    let spec = params.spec();
    if spec.codec != Codec::H264 || spec.format.packetization_mode != Some(1) {
        return None;
    }
    let rank = match spec.format.profile_level_id.unwrap_or(0x42_0000) >> 8 {
        0x4d00 => 3,
        0x42e0 => 2,
        0x4200 => 1,
        _ => 0,
    };
    Some((rank, params.pt()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_millis(10);

    /// A connection and its client; both have the same clock, and nothing takes time on its way.
    struct Two {
        connection: Connection,
        client: Rtc,
        now: Instant,
        due: Instant,
        /// Checks of ICE that get lost from now on.
        lost_checks: usize,
        lost: usize,
    }

    impl Two {
        fn open() -> Self {
            let now = Instant::now();
            let [ours, theirs] = [1, 2].map(|port| std::net::SocketAddr::from(([127, 0, 0, 1], port)));
            let provider = str0m::crypto::from_feature_flags();
            let certificate = provider.dtls_provider.generate_certificate().expect("a certificate");
            provider.install_process_default();
            let mut client = Rtc::builder().build(now);
            client.add_local_candidate(Candidate::host(theirs, "udp").expect("an address"));
            let mut api = client.sdp_api();
            api.add_channel("commands".into());
            api.add_channel("moves".into());
            let (offer, pending) = api.apply().expect("an offer");
            let candidates = vec![Candidate::host(ours, "udp").expect("an address")];
            let local = Local { certificate, candidates };
            let (connection, answer) =
                Connection::new(now, &local, &offer.to_sdp_string(), &[]).expect("an answer");
            let answer = str0m::change::SdpAnswer::from_sdp_string(&answer).expect("a description");
            client.sdp_api().accept_answer(pending, answer).expect("it fits the offer");
            let mut two = Self { connection, client, now, due: now, lost_checks: 0, lost: 0 };
            two.pass(Duration::from_secs(5));
            assert!(two.connection.events.iter().any(|event| matches!(event, PeerEvent::Open)));
            two
        }

        fn pass(&mut self, time: Duration) {
            let until = self.now + time;
            while self.now < until {
                self.now += STEP;
                self.connection.tick(self.now).expect("it lives");
                if self.due <= self.now {
                    self.client.handle_input(Input::Timeout(self.now)).expect("it lives");
                }
                while let Some(sent) = self.client_sends() {
                    let is_check = sent.contents.first().is_some_and(|first| *first < 2);
                    if is_check && self.lost < self.lost_checks {
                        self.lost += 1;
                        continue;
                    }
                    let (from, to, bytes) = (sent.source, sent.destination, sent.contents.to_vec());
                    self.connection
                        .receive(&Datagram { at: self.now, from, to, bytes })
                        .expect("it is taken");
                }
                for sent in std::mem::take(&mut self.connection.datagrams) {
                    let receive = Receive::new(Protocol::Udp, sent.source, sent.destination, &sent.contents);
                    let receive = receive.expect("a datagram");
                    self.client.handle_input(Input::Receive(self.now, receive)).expect("it is taken");
                }
            }
        }

        fn client_sends(&mut self) -> Option<Transmit> {
            loop {
                match self.client.poll_output().expect("it lives") {
                    Output::Transmit(sent) => return Some(sent),
                    Output::Event(_) => {}
                    Output::Timeout(due) => {
                        self.due = due;
                        return None;
                    }
                }
            }
        }

        fn is_lost(&self) -> bool {
            self.connection.events.iter().any(|event| matches!(event, PeerEvent::Lost(_)))
        }
    }

    #[test]
    fn a_check_that_is_lost_is_no_end_and_silence_is() {
        let mut two = Two::open();
        for _ in 0..10 {
            two.lost_checks += 1;
            two.pass(Duration::from_secs(20));
        }
        assert_eq!((two.lost, two.is_lost()), (10, false));
        two.lost_checks = usize::MAX;
        two.pass(SILENCE + Duration::from_secs(4));
        assert!(two.is_lost());
    }
}
