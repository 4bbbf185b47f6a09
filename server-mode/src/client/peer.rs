//! A client's end of WebRTC: an offer goes out, and datagrams become what would be WebSocket messages.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use protocol::client::Channel;
use protocol::frame::{HEADER_BYTES, PART_BYTES};
use protocol::message::Track;
use protocol::{ClientMessage, FrameHeader};
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::channel::{ChannelConfig, ChannelId, Reliability};
use str0m::media::{Direction, Frequency, KeyframeRequestKind, MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::Extension;
use str0m::{Candidate, Event, IceConnectionState, Input, Output, Rtc};
use tokio::net::UdpSocket;

use super::MOST_MESSAGE_BYTES;

const LAST_PIECE: u8 = 1;
const TEXT: u8 = 2;
const TIME_BYTES: usize = 4;
/// The largest datagram that WebRTC makes, with room to spare.
const MOST_DATAGRAM_BYTES: usize = 2048;
/// A note tells of so many pictures: where as many later ones wait, none will tell of the first.
const NOTED: usize = 4;
/// Notes of each view that are kept for their pictures.
const KEPT: usize = 16;
/// Bytes of a channel that the network has not taken; more waits where it can be merged.
const MOST_BUFFERED: usize = 64 << 10;
/// Both channels must be open so soon after the answer.
const CONNECT_TIME: Duration = Duration::from_secs(15);

/// What comes by WebRTC.
#[derive(Debug)]
pub(super) enum Arrival {
    /// Both channels are open.
    Open,
    Text(String),
    Frame(Vec<u8>),
    /// A picture of a track as the frame that it stands for, and whether none before it is missing.
    Picture {
        header: FrameHeader,
        message: Vec<u8>,
        whole: bool,
    },
}

/// Why there is no way by WebRTC, as part of a sentence.
pub(super) type Lost = String;

/// Where to send to in place of the server's address.
pub(super) type Detour = Box<dyn FnMut(SocketAddr) -> SocketAddr + Send>;

pub(super) struct Peer {
    rtc: Rtc,
    socket: UdpSocket,
    local: SocketAddr,
    detour: Option<Detour>,
    pending: Option<SdpPendingOffer>,
    commands: ChannelId,
    moves: ChannelId,
    open: usize,
    connect_until: Instant,
    due: Instant,
    films: HashMap<Mid, Film>,
    /// The pieces of a message that have come.
    pieces: Vec<u8>,
    arrivals: VecDeque<Arrival>,
    received_bytes: u64,
}

/// One view's track.
struct Film {
    view: u8,
    /// Headers by the RTP timestamps of their pictures.
    notes: VecDeque<(u32, FrameHeader)>,
    pictures: VecDeque<(u32, Vec<u8>, bool)>,
}

impl Peer {
    /// A peer with a video for each view, and the offer for the server. Datagrams leave from `local`.
    pub async fn offer(
        local: IpAddr,
        views: &[u8],
        detour: Option<Detour>,
    ) -> Result<(Self, ClientMessage), Lost> {
        // The first of a process decides; they are all the same.
        str0m::crypto::from_feature_flags().install_process_default();
        let no_socket = |error: std::io::Error| format!("no UDP port is free: {error}");
        let socket = UdpSocket::bind((local, 0)).await.map_err(no_socket)?;
        let local = socket.local_addr().map_err(no_socket)?;
        let now = Instant::now();
        let mut rtc = Rtc::builder()
            .clear_codecs()
            .enable_h264(true)
            .set_extension(5, Extension::PlayoutDelay)
            .set_sctp_max_buffered_amount(2 * MOST_BUFFERED)
            .build(now);
        let candidate = Candidate::host(local, "udp").map_err(|error| error.to_string())?;
        rtc.add_local_candidate(candidate);
        let mut api = rtc.sdp_api();
        let films: HashMap<Mid, Film> = views
            .iter()
            .map(|&view| {
                let mid = api.add_media(MediaKind::Video, Direction::RecvOnly, None, None, None);
                (mid, Film { view, notes: VecDeque::new(), pictures: VecDeque::new() })
            })
            .collect();
        let commands = api.add_channel("commands".into());
        let moves = api.add_channel_with_config(ChannelConfig {
            label: "moves".into(),
            ordered: false,
            reliability: Reliability::MaxRetransmits { retransmits: 0 },
            ..ChannelConfig::default()
        });
        let (offer, pending) = api.apply().ok_or("there is nothing to offer")?;
        let tracks =
            films.iter().map(|(mid, film)| Track { mid: mid.to_string(), view: film.view }).collect();
        let offer = ClientMessage::Offer { sdp: offer.to_sdp_string(), tracks };
        let peer = Self {
            rtc,
            socket,
            local,
            detour,
            pending: Some(pending),
            commands,
            moves,
            open: 0,
            connect_until: now + CONNECT_TIME,
            due: now,
            films,
            pieces: Vec::new(),
            arrivals: VecDeque::new(),
            received_bytes: 0,
        };
        Ok((peer, offer))
    }

    /// Goes on with the server's answer.
    pub fn answer(&mut self, sdp: &str) -> Result<(), Lost> {
        let Some(pending) = self.pending.take() else { return Ok(()) };
        let sdp = match &mut self.detour {
            Some(detour) => by_way_of(sdp, detour),
            None => sdp.to_owned(),
        };
        let not_understood = |error: &dyn std::fmt::Display| format!("the server's answer: {error}");
        let answer = SdpAnswer::from_sdp_string(&sdp).map_err(|error| not_understood(&error))?;
        self.rtc.sdp_api().accept_answer(pending, answer).map_err(|error| not_understood(&error))?;
        self.drain()
    }

    /// Whether the channels take more.
    pub fn has_room(&mut self) -> bool {
        let buffered = self.rtc.channel(self.commands).map(|mut channel| channel.buffered_amount());
        self.open == 2 && buffered.is_some_and(|bytes| bytes < MOST_BUFFERED)
    }

    pub fn send(&mut self, channel: Channel, text: &str) -> Result<(), Lost> {
        let id = match channel {
            Channel::Commands => self.commands,
            Channel::Moves => self.moves,
        };
        let Some(mut channel) = self.rtc.channel(id) else { return Err("a channel was closed".into()) };
        // What `moves` does not take is lost, as it may be on its way.
        channel.write(false, text.as_bytes()).map_err(|error| error.to_string())?;
        self.drain()
    }

    /// Asks for a picture of a view that needs none before it.
    pub fn request_key(&mut self, view: u8) -> Result<(), Lost> {
        let mid = self.films.iter().find(|(_, film)| film.view == view).map(|(mid, _)| *mid);
        let Some(mut writer) = mid.and_then(|mid| self.rtc.writer(mid)) else { return Ok(()) };
        // Before the first packet there is nothing to ask for.
        let _ = writer.request_keyframe(None, KeyframeRequestKind::Pli);
        self.tick()
    }

    /// Of datagrams.
    pub fn received_bytes(&self) -> u64 {
        self.received_bytes
    }

    /// What comes next. Nothing is lost where it is dropped before it is done.
    pub async fn next(&mut self) -> Result<Arrival, Lost> {
        let mut buffer = [0; MOST_DATAGRAM_BYTES];
        loop {
            if let Some(arrival) = self.arrivals.pop_front() {
                return Ok(arrival);
            }
            if self.open < 2 && Instant::now() >= self.connect_until {
                return Err("no way to the server was found".into());
            }
            let due = if self.open < 2 { self.due.min(self.connect_until) } else { self.due };
            tokio::select! {
                received = self.socket.recv_from(&mut buffer) => {
                    // A port that is unreachable now may be reached later.
                    let Ok((length, from)) = received else { continue };
                    self.received_bytes += length as u64;
                    if let Ok(receive) = Receive::new(Protocol::Udp, from, self.local, &buffer[..length]) {
                        let input = Input::Receive(Instant::now(), receive);
                        if self.rtc.accepts(&input) {
                            self.rtc.handle_input(input).map_err(|error| error.to_string())?;
                            self.drain()?;
                        }
                    }
                }
                () = tokio::time::sleep_until(due.into()) => self.tick()?,
            }
        }
    }

    fn tick(&mut self) -> Result<(), Lost> {
        self.rtc.handle_input(Input::Timeout(Instant::now())).map_err(|error| error.to_string())?;
        self.drain()
    }

    fn drain(&mut self) -> Result<(), Lost> {
        loop {
            match self.rtc.poll_output().map_err(|error| error.to_string())? {
                Output::Timeout(due) => {
                    self.due = due;
                    break;
                }
                Output::Transmit(datagram) => {
                    // What the system does not take is lost, as it may be on any network.
                    let _ = self.socket.try_send_to(&datagram.contents, datagram.destination);
                }
                Output::Event(event) => self.event(event)?,
            }
        }
        if self.rtc.is_alive() { Ok(()) } else { Err("the server has closed it".into()) }
    }

    fn event(&mut self, event: Event) -> Result<(), Lost> {
        match event {
            Event::ChannelOpen(..) => {
                self.open += 1;
                if self.open == 2 {
                    self.arrivals.push_back(Arrival::Open);
                }
            }
            Event::ChannelClose(_) => return Err("the server has closed a channel".into()),
            Event::IceConnectionStateChange(IceConnectionState::Disconnected) if self.open == 2 => {
                return Err("the path by UDP broke".into());
            }
            Event::ChannelData(data) if data.id == self.moves => self.notes(&data.data)?,
            Event::ChannelData(data) => self.piece(&data.data)?,
            Event::MediaData(media) => {
                let Some(film) = self.films.get_mut(&media.mid) else { return Ok(()) };
                let time = media.time.rebase(Frequency::NINETY_KHZ).numer() as u32;
                film.pictures.push_back((time, media.data.to_vec(), media.contiguous));
                self.deliver();
            }
            _ => {}
        }
        Ok(())
    }

    fn notes(&mut self, data: &[u8]) -> Result<(), Lost> {
        for note in data.as_chunks::<{ TIME_BYTES + HEADER_BYTES }>().0 {
            let Some((time, header)) = note.split_first_chunk::<TIME_BYTES>() else { continue };
            let time = u32::from_le_bytes(*time);
            let (header, _) = FrameHeader::decode(header).map_err(|error| format!("a note: {error}"))?;
            let Some(film) = self.films.values_mut().find(|film| film.view == header.view) else { continue };
            if film.notes.iter().any(|(known, _)| *known == time) {
                continue;
            }
            if film.notes.len() == KEPT {
                film.notes.pop_front();
            }
            film.notes.push_back((time, header));
        }
        self.deliver();
        Ok(())
    }

    /// Hands on the pictures whose notes are there, in order.
    fn deliver(&mut self) {
        for film in self.films.values_mut() {
            while let Some((time, ..)) = film.pictures.front()
                && let Some(&(_, header)) = film.notes.iter().find(|(noted, _)| noted == time)
                && let Some((_, unit, whole)) = film.pictures.pop_front()
            {
                // It fills the picture, whatever its size was before.
                let header = FrameHeader { cleared: true, stretched: false, ..header };
                let message = as_frame(&header, &unit);
                self.arrivals.push_back(Arrival::Picture { header, message, whole });
            }
            while film.pictures.len() > NOTED {
                film.pictures.pop_front();
                film.pictures.iter_mut().take(1).for_each(|(_, _, whole)| *whole = false);
            }
        }
    }

    fn piece(&mut self, data: &[u8]) -> Result<(), Lost> {
        let Some((flags, piece)) = data.split_first() else { return Ok(()) };
        if self.pieces.len() + piece.len() > MOST_MESSAGE_BYTES {
            return Err("the server's message has no end".into());
        }
        self.pieces.extend(piece);
        if flags & LAST_PIECE != 0 {
            let message = std::mem::take(&mut self.pieces);
            self.arrivals.push_back(if flags & TEXT == 0 {
                Arrival::Frame(message)
            } else {
                Arrival::Text(String::from_utf8(message).map_err(|_| "the server's text is no UTF-8")?)
            });
        }
        Ok(())
    }
}

/// The frame that would have come by WebSocket.
fn as_frame(header: &FrameHeader, unit: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(HEADER_BYTES + PART_BYTES + unit.len());
    message.extend(header.encode());
    for number in [0, 0, header.size[0], header.size[1]] {
        message.extend(number.to_le_bytes());
    }
    message.extend((unit.len() as u32).to_le_bytes());
    message.extend(unit);
    message
}

/// A session description in which the server is where a detour leads to.
fn by_way_of(sdp: &str, detour: &mut Detour) -> String {
    let mut found = false;
    let lines = sdp.lines().filter_map(|line| {
        let Some(candidate) = line.strip_prefix("a=candidate:") else { return Some(line.to_owned()) };
        if std::mem::replace(&mut found, true) {
            return None;
        }
        let mut words: Vec<String> = candidate.split(' ').map(str::to_owned).collect();
        let address = SocketAddr::new(words.get(4)?.parse().ok()?, words.get(5)?.parse().ok()?);
        let instead = detour(address);
        (words[4], words[5]) = (instead.ip().to_string(), instead.port().to_string());
        Some(format!("a=candidate:{}", words.join(" ")))
    });
    lines.fold(String::new(), |text, line| text + &line + "\r\n")
}
