//! A client's end of WebRTC: an offer goes out, and datagrams become what would be WebSocket messages.

use std::collections::{HashMap, VecDeque};
use std::future::{Future, pending};
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::time::{Duration, Instant};

use protocol::client::Channel;
use protocol::frame::{HEADER_BYTES, PART_BYTES};
use protocol::message::{IceServer, Track};
use protocol::{ClientMessage, FrameHeader};
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::channel::{ChannelConfig, ChannelId, Reliability};
use str0m::media::{Direction, Frequency, KeyframeRequestKind, MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::Extension;
use str0m::{Candidate, Event, IceConnectionState, Input, Output, Rtc};
use tokio::net::UdpSocket;

use super::MOST_MESSAGE_BYTES;
use super::gather::{Gather, Helper, Taken, helpers};

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
/// Time to find a path anew.
const RESTART_TIME: Duration = Duration::from_secs(5);
/// How often lost packets are counted.
const STATS_EVERY: Duration = Duration::from_secs(5);

/// What comes by WebRTC.
#[derive(Debug)]
pub(super) enum Arrival {
    /// Both channels are open.
    Open,
    /// The server can reach this client by one more address.
    Candidate(String),
    /// The path is gone; another one is to be found.
    Broken,
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

type Search = Pin<Box<dyn Future<Output = Vec<Helper>> + Send>>;

pub(super) struct Peer {
    rtc: Rtc,
    socket: UdpSocket,
    local: SocketAddr,
    /// What is asked where the path is looked for anew.
    pub(super) ice_servers: Vec<IceServer>,
    /// Looks up the names of those servers.
    search: Option<Search>,
    gather: Gather,
    /// This client's addresses.
    own: Vec<Candidate>,
    detour: Option<Detour>,
    pending: Option<SdpPendingOffer>,
    /// A path is looked for anew, until then.
    restart_until: Option<Instant>,
    /// When something last came by the path.
    heard: Instant,
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
    lost_share: Option<f64>,
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
    pub fn offer(
        local: IpAddr,
        views: &[u8],
        ice_servers: Vec<IceServer>,
        detour: Option<Detour>,
    ) -> Result<(Self, ClientMessage), Lost> {
        // The first of a process decides; they are all the same.
        str0m::crypto::from_feature_flags().install_process_default();
        let (socket, local) = bind(local)?;
        let now = Instant::now();
        let mut rtc = Rtc::builder()
            .clear_codecs()
            .enable_h264(true)
            .set_extension(5, Extension::PlayoutDelay)
            .set_stats_interval(Some(STATS_EVERY))
            .set_sctp_max_buffered_amount(2 * MOST_BUFFERED)
            .build(now);
        let host = Candidate::host(local, "udp").map_err(|error| error.to_string())?;
        rtc.add_local_candidate(host.clone());
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
        let offer = ClientMessage::Offer { sdp: offer.to_sdp_string(), tracks: tracks(&films) };
        let search = Some(search(&ice_servers, local));
        let peer = Self {
            rtc,
            socket,
            local,
            ice_servers,
            search,
            gather: Gather::new(now, local, Vec::new()),
            own: vec![host],
            detour,
            pending: Some(pending),
            restart_until: None,
            heard: now,
            commands,
            moves,
            open: 0,
            connect_until: now + CONNECT_TIME,
            due: now,
            films,
            pieces: Vec::new(),
            arrivals: VecDeque::new(),
            received_bytes: 0,
            lost_share: None,
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
        // A restart has dropped the old ones with the old path.
        for candidate in &self.own {
            self.rtc.add_local_candidate(candidate.clone());
        }
        self.tick()
    }

    /// Begins ICE anew from another port, for what is open goes on by any path. Returns the offer, if none is on its way.
    pub fn find_path(&mut self) -> Result<Option<ClientMessage>, Lost> {
        if self.open < 2 || self.pending.is_some() || self.restart_until.is_some() {
            return Ok(None);
        }
        let now = Instant::now();
        self.give_back();
        (self.socket, self.local) = bind(self.local.ip())?;
        self.own = vec![Candidate::host(self.local, "udp").map_err(|error| error.to_string())?];
        self.gather = Gather::new(now, self.local, Vec::new());
        self.search = Some(search(&self.ice_servers, self.local));
        self.restart_until = Some(now + RESTART_TIME);
        let mut api = self.rtc.sdp_api();
        api.ice_restart(false);
        let (offer, pending) = api.apply().ok_or("there is nothing to offer")?;
        self.pending = Some(pending);
        Ok(Some(ClientMessage::Offer { sdp: offer.to_sdp_string(), tracks: tracks(&self.films) }))
    }

    /// When something last came by the path.
    pub fn heard(&self) -> Instant {
        self.heard
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

    /// The share of packets that did not come lately; `None` where it is not known.
    pub fn lost_share(&self) -> Option<f64> {
        self.lost_share
    }

    /// What comes next. Nothing is lost where it is dropped before it is done.
    pub async fn next(&mut self) -> Result<Arrival, Lost> {
        let mut buffer = [0; MOST_DATAGRAM_BYTES];
        loop {
            if let Some(arrival) = self.arrivals.pop_front() {
                return Ok(arrival);
            }
            let now = Instant::now();
            if self.open < 2 && now >= self.connect_until {
                return Err("no way to the server was found".into());
            }
            if self.restart_until.is_some_and(|until| now >= until) {
                return Err("the path by UDP broke".into());
            }
            let connect_until = (self.open < 2).then_some(self.connect_until);
            let due = [connect_until, self.restart_until].into_iter().flatten().fold(self.due, Instant::min);
            tokio::select! {
                received = self.socket.recv_from(&mut buffer) => {
                    // A port that is unreachable now may be reached later.
                    let Ok((length, from)) = received else { continue };
                    self.received_bytes += length as u64;
                    self.receive(from, &buffer[..length])?;
                }
                helpers = found(&mut self.search) => {
                    self.search = None;
                    self.gather = Gather::new(Instant::now(), self.local, helpers);
                    self.tick()?;
                }
                () = tokio::time::sleep_until(due.into()) => self.tick()?,
            }
        }
    }

    fn receive(&mut self, from: SocketAddr, bytes: &[u8]) -> Result<(), Lost> {
        let now = Instant::now();
        let relayed;
        let (from, to, bytes) = match self.gather.take(now, from, bytes) {
            Taken::Others => (from, self.local, bytes),
            Taken::Helpers => return self.tick(),
            Taken::Relayed { to, from, bytes } => {
                relayed = bytes;
                (from, to, &relayed[..])
            }
        };
        let Ok(receive) = Receive::new(Protocol::Udp, from, to, bytes) else { return Ok(()) };
        let input = Input::Receive(now, receive);
        if !self.rtc.accepts(&input) {
            return Ok(());
        }
        self.heard = now;
        if self.pending.is_none() {
            self.restart_until = None;
        }
        self.rtc.handle_input(input).map_err(|error| error.to_string())?;
        self.drain()
    }

    fn tick(&mut self) -> Result<(), Lost> {
        let now = Instant::now();
        self.gather.run(now);
        for candidate in self.gather.found() {
            self.own.push(candidate.clone());
            let text = candidate.to_sdp_string();
            // One that tells nothing new is left out.
            if self.rtc.add_local_candidate(candidate).is_some() {
                self.arrivals.push_back(Arrival::Candidate(text));
            }
        }
        self.rtc.handle_input(Input::Timeout(now)).map_err(|error| error.to_string())?;
        self.drain()
    }

    fn drain(&mut self) -> Result<(), Lost> {
        let now = Instant::now();
        loop {
            match self.rtc.poll_output().map_err(|error| error.to_string())? {
                Output::Timeout(due) => {
                    self.due = due;
                    break;
                }
                Output::Transmit(datagram) => {
                    let (source, to, bytes) = (datagram.source, datagram.destination, &datagram.contents);
                    // What the system does not take is lost, as it may be on any network.
                    if source == self.local {
                        let _ = self.socket.try_send_to(bytes, to);
                    } else if let Some((server, bytes)) = self.gather.relay(now, source, to, bytes) {
                        let _ = self.socket.try_send_to(&bytes, server);
                    }
                }
                Output::Event(event) => self.event(event)?,
            }
        }
        self.due = self.gather.run(now).into_iter().fold(self.due, Instant::min);
        for (server, bytes) in self.gather.take_packets() {
            let _ = self.socket.try_send_to(&bytes, server);
        }
        if self.rtc.is_alive() { Ok(()) } else { Err("the server has closed it".into()) }
    }

    /// TURN servers need not keep what they have lent.
    fn give_back(&mut self) {
        self.gather.give_back(Instant::now());
        for (server, bytes) in self.gather.take_packets() {
            let _ = self.socket.try_send_to(&bytes, server);
        }
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
                self.arrivals.push_back(Arrival::Broken);
            }
            Event::ChannelData(data) if data.id == self.moves => self.notes(&data.data)?,
            Event::ChannelData(data) => self.piece(&data.data)?,
            Event::PeerStats(stats) => {
                self.lost_share = stats.ingress_loss_fraction.map(|share| f64::from(share).clamp(0.0, 1.0));
            }
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

impl Drop for Peer {
    fn drop(&mut self) {
        self.give_back();
    }
}

/// A port of this address.
fn bind(local: IpAddr) -> Result<(UdpSocket, SocketAddr), Lost> {
    let bound = || {
        let socket = std::net::UdpSocket::bind((local, 0))?;
        socket.set_nonblocking(true)?;
        let local = socket.local_addr()?;
        Ok((UdpSocket::from_std(socket)?, local))
    };
    bound().map_err(|error: std::io::Error| format!("no UDP port is free: {error}"))
}

fn search(ice_servers: &[IceServer], local: SocketAddr) -> Search {
    Box::pin(helpers(ice_servers.to_vec(), local.is_ipv4()))
}

/// What a search finds; for ever waiting where there is none.
async fn found(search: &mut Option<Search>) -> Vec<Helper> {
    match search {
        Some(search) => search.await,
        None => pending().await,
    }
}

fn tracks(films: &HashMap<Mid, Film>) -> Vec<Track> {
    films.iter().map(|(mid, film)| Track { mid: mid.to_string(), view: film.view }).collect()
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
