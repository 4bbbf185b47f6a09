//! A WebRTC client that is not a browser, over the loopback interface.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::Instant;

use protocol::FrameHeader;
use protocol::frame::HEADER_BYTES;
use serde_json::{Value, json};
use server_mode::Screen;
use server_mode::emulator::{Network, Relay};
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::channel::{ChannelConfig, ChannelId, Reliability};
use str0m::media::{Direction, KeyframeRequestKind, MediaKind, MediaTime, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::Extension;
use str0m::{Candidate, Event, Input, Output, Rtc};
use tokio::net::UdpSocket;

use crate::server::{Client, PATIENCE};

/// What comes by WebRTC.
#[derive(Debug)]
pub enum Arrival {
    Opened,
    Text(Value),
    Frame(FrameHeader),
    /// A picture of a track, the header that a note told of it, and whether none before it is missing.
    Picture {
        header: FrameHeader,
        unit: Vec<u8>,
        contiguous: bool,
    },
}

type Loses = Box<dyn FnMut(&[u8]) -> bool + Send>;

/// A peer with a receive-only video for each view, and both channels.
pub struct WebRtc {
    pub rtc: Rtc,
    pub address: SocketAddr,
    /// Where the server is.
    pub server: SocketAddr,
    /// The user's name in the client's checks of ICE.
    pub user: String,
    socket: UdpSocket,
    commands: ChannelId,
    moves: ChannelId,
    mids: Vec<(Mid, u8)>,
    open: usize,
    due: Instant,
    seq: u64,
    message: Vec<u8>,
    notes: HashMap<(u8, u32), FrameHeader>,
    pictures: Vec<(u8, u32, Vec<u8>, bool)>,
    arrivals: VecDeque<Arrival>,
    screens: HashMap<u8, Screen>,
    /// Which datagrams of the server get lost.
    pub loses: Loses,
    /// What lies between here and the server, if anything.
    network: Option<Network>,
    relay: Option<Relay>,
    /// Bytes that came.
    pub received: usize,
    /// Messages of `moves` and of `commands` that came.
    pub messages: [usize; 2],
}

impl std::fmt::Debug for WebRtc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebRtc").field("address", &self.address).finish_non_exhaustive()
    }
}

impl WebRtc {
    /// Offers itself by a WebSocket and answers nothing more until it is told to.
    pub async fn offer(client: &mut Client, views: &[u8], network: Option<Network>) -> Self {
        str0m::crypto::from_feature_flags().install_process_default();
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
        let address = socket.local_addr().expect("bound");
        let now = Instant::now();
        let mut rtc = Rtc::builder()
            .clear_codecs()
            .enable_h264(true)
            .set_extension(5, Extension::PlayoutDelay)
            .build(now);
        rtc.add_local_candidate(Candidate::host(address, "udp").expect("a candidate"));
        let mut api = rtc.sdp_api();
        let mids: Vec<(Mid, u8)> = views
            .iter()
            .map(|view| (api.add_media(MediaKind::Video, Direction::RecvOnly, None, None, None), *view))
            .collect();
        let commands = api.add_channel("commands".into());
        let moves = api.add_channel_with_config(ChannelConfig {
            label: "moves".into(),
            ordered: false,
            reliability: Reliability::MaxRetransmits { retransmits: 0 },
            ..ChannelConfig::default()
        });
        let (offer, pending) = api.apply().expect("something to offer");
        let mut peer = Self {
            rtc,
            address,
            server: address,
            user: String::new(),
            socket,
            commands,
            moves,
            mids,
            open: 0,
            due: now,
            seq: 1_000_000,
            message: Vec::new(),
            notes: HashMap::new(),
            pictures: Vec::new(),
            arrivals: VecDeque::new(),
            screens: HashMap::new(),
            loses: Box::new(|_| false),
            network,
            relay: None,
            received: 0,
            messages: [0; 2],
        };
        peer.negotiate(client, &offer.to_sdp_string(), pending).await;
        peer
    }

    /// With a connection that carries everything.
    pub async fn connect(client: &mut Client, views: &[u8], network: Option<Network>) -> Self {
        let mut peer = Self::offer(client, views, network).await;
        while !matches!(peer.next().await, Arrival::Opened) {}
        client.say(json!({"type": "transport", "transport": "webrtc"})).await;
        peer
    }

    /// Begins ICE anew.
    pub async fn restart(&mut self, client: &mut Client) {
        let mut api = self.rtc.sdp_api();
        api.ice_restart(true);
        let (offer, pending) = api.apply().expect("something to offer");
        self.negotiate(client, &offer.to_sdp_string(), pending).await;
    }

    async fn negotiate(&mut self, client: &mut Client, sdp: &str, pending: SdpPendingOffer) {
        let tracks: Vec<Value> =
            self.mids.iter().map(|(mid, view)| json!({"mid": mid.to_string(), "view": view})).collect();
        client.say(json!({"type": "offer", "sdp": sdp, "tracks": tracks})).await;
        let answer = client.text_of("answer").await;
        let answer = answer["sdp"].as_str().expect("a session description");
        let value = |text: &str, name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.expect("an attribute").to_owned()
        };
        self.user = format!("{}:{}", value(answer, "a=ice-ufrag:"), value(sdp, "a=ice-ufrag:"));
        let candidate = value(answer, "a=candidate:");
        let words: Vec<&str> = candidate.split(' ').collect();
        self.server = format!("{}:{}", words[4], words[5]).parse().expect("an address");
        let mut answer = answer.to_owned();
        if let Some(network) = self.network {
            let relay = Relay::udp(network, 1).await.expect("a free port");
            relay.aim(self.server);
            let by = |address: SocketAddr| format!(" {} {} typ", address.ip(), address.port());
            answer = answer.replace(&by(self.server), &by(relay.address()));
            self.relay = Some(relay);
        }
        let answer = SdpAnswer::from_sdp_string(&answer).expect("a session description");
        self.rtc.sdp_api().accept_answer(pending, answer).expect("an answer to the offer");
        self.drain();
    }

    /// Sends a message of `voxcast.v1` by `commands`, or by `moves`.
    pub fn say(&mut self, by_moves: bool, mut message: Value) -> u64 {
        self.seq += 1;
        message["seq"] = json!(self.seq);
        let id = if by_moves { self.moves } else { self.commands };
        let mut channel = self.rtc.channel(id).expect("open");
        assert!(channel.write(false, message.to_string().as_bytes()).expect("open"), "there is room");
        self.drain();
        self.seq
    }

    /// Asks for a picture of a view that needs none before it.
    pub fn request_key(&mut self, view: u8) {
        let mid = self.mids.iter().find(|(_, shows)| *shows == view).expect("a track").0;
        let mut writer = self.rtc.writer(mid).expect("a track");
        writer.request_keyframe(None, KeyframeRequestKind::Pli).expect("negotiated");
        self.rtc.handle_input(Input::Timeout(Instant::now())).expect("alive");
        self.drain();
    }

    /// The next arrival; frames are shown and all pictures acknowledged.
    pub async fn next(&mut self) -> Arrival {
        tokio::time::timeout(PATIENCE, self.wait()).await.expect("something in time")
    }

    /// What a view's frames of `commands` add up to.
    pub fn screen(&self, view: u8) -> &Screen {
        &self.screens[&view]
    }

    /// Carries on until it is dropped.
    pub async fn run(&mut self) {
        loop {
            self.wait().await;
        }
    }

    async fn wait(&mut self) -> Arrival {
        let mut buffer = vec![0; 2048];
        loop {
            if let Some(arrival) = self.arrivals.pop_front() {
                return arrival;
            }
            let due = tokio::time::Instant::from_std(self.due);
            let input = tokio::select! {
                received = self.socket.recv_from(&mut buffer) => {
                    let (length, from) = received.expect("the socket lives");
                    self.received += length;
                    if (self.loses)(&buffer[..length]) {
                        continue;
                    }
                    let receive = Receive::new(Protocol::Udp, from, self.address, &buffer[..length]);
                    Input::Receive(Instant::now(), receive.expect("a datagram of WebRTC"))
                }
                () = tokio::time::sleep_until(due) => Input::Timeout(Instant::now()),
            };
            self.rtc.handle_input(input).expect("WebRTC goes on");
            self.drain();
        }
    }

    fn drain(&mut self) {
        loop {
            match self.rtc.poll_output().expect("WebRTC goes on") {
                Output::Timeout(due) => break self.due = due,
                Output::Transmit(datagram) => {
                    // What the system does not take is lost, as it may be on any network.
                    let _ = self.socket.try_send_to(&datagram.contents, datagram.destination);
                }
                Output::Event(Event::ChannelOpen(..)) => {
                    self.open += 1;
                    if self.open == 2 {
                        self.arrivals.push_back(Arrival::Opened);
                    }
                }
                Output::Event(Event::ChannelData(data)) if data.id == self.moves => {
                    self.messages[0] += 1;
                    for note in data.data.as_chunks::<{ 4 + HEADER_BYTES }>().0 {
                        let time = u32::from_le_bytes([note[0], note[1], note[2], note[3]]);
                        let (header, _) = FrameHeader::decode(&note[4..]).expect("a header");
                        self.notes.insert((header.view, time), header);
                    }
                    self.show_pictures();
                }
                Output::Event(Event::ChannelData(data)) => {
                    self.messages[1] += 1;
                    let (flags, piece) = data.data.split_first().expect("flags");
                    self.message.extend(piece);
                    if flags & 1 != 0 {
                        let message = std::mem::take(&mut self.message);
                        self.take(flags & 2 != 0, &message);
                    }
                }
                Output::Event(Event::MediaData(media)) => {
                    let view = self.mids.iter().find(|(mid, _)| *mid == media.mid).expect("a track").1;
                    assert_eq!(media.ext_vals.play_delay_max, Some(MediaTime::ZERO), "shown at once");
                    let time = media.time.rebase(str0m::media::Frequency::NINETY_KHZ).numer() as u32;
                    self.pictures.push((view, time, media.data.to_vec(), media.contiguous));
                    self.show_pictures();
                }
                Output::Event(_) => {}
            }
        }
    }

    fn take(&mut self, is_text: bool, message: &[u8]) {
        if is_text {
            self.arrivals.push_back(Arrival::Text(serde_json::from_slice(message).expect("JSON")));
            return;
        }
        let (header, _) = FrameHeader::decode(message).expect("a frame");
        self.screens.entry(header.view).or_default().show(message).expect("a frame that can be shown");
        self.acknowledge(&header);
        self.arrivals.push_back(Arrival::Frame(header));
    }

    fn show_pictures(&mut self) {
        let known =
            |(view, time, ..): &mut (u8, u32, Vec<u8>, bool)| self.notes.contains_key(&(*view, *time));
        let shown: Vec<_> = self.pictures.extract_if(.., known).collect();
        for (view, time, unit, contiguous) in shown {
            let header = self.notes[&(view, time)];
            self.acknowledge(&header);
            self.arrivals.push_back(Arrival::Picture { header, unit, contiguous });
        }
    }

    fn acknowledge(&mut self, header: &FrameHeader) {
        self.seq += 1;
        let ack =
            json!({"type": "ack", "seq": self.seq, "view": header.view, "frame": header.frame}).to_string();
        for id in [self.moves, self.commands] {
            if let Some(mut channel) = self.rtc.channel(id) {
                let _ = channel.write(false, ack.as_bytes());
            }
        }
    }
}
