//! One client with a hand: what it does to a view, and what it then sees.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use protocol::message::{LayoutView, TransportKind, ViewInfo};
use protocol::{ClientMessage, Content, FrameHeader, MouseButton, PointerKind, Quality, ServerMessage};
use server_mode::Screen;
use server_mode::client::{Address, Connection, Event, Frame};
use server_mode::emulator::Relay;
use tokio::sync::Barrier;
use tokio::time::Instant;

use crate::cli::{StreamCase, StreamTransport};

/// A server that shows nothing new for so long has failed.
const PATIENCE: Duration = Duration::from_secs(120);
/// One in so many pictures is kept, and no more than this.
const SAMPLE_EVERY: usize = 10;
const MOST_SAMPLES: usize = 32;

/// What a client does.
#[derive(Clone, Debug)]
pub struct Plan {
    pub case: StreamCase,
    pub size: [u32; 2],
    /// Names of the protocol.
    pub codecs: Vec<String>,
    pub series: String,
    pub moves: Duration,
    pub inputs_per_s: u16,
    pub transport: StreamTransport,
}

/// What a client saw; times count from when the hand began to move.
#[derive(Debug, Default)]
pub struct Seen {
    pub inputs: Vec<Input>,
    pub pictures: Vec<Picture>,
    pub samples: Vec<Sample>,
    /// The exact picture after letting go.
    pub exact: Option<Sample>,
    /// When the hand let go.
    pub released: Duration,
    /// What arrived while the hand moved, and for how long.
    pub bytes: u64,
    /// From letting go to the picture in full, and to the exact one.
    pub settled: [Option<Duration>; 2],
}

#[derive(Clone, Debug)]
pub struct Input {
    pub seq: u64,
    pub at: Duration,
    pub message: ClientMessage,
}

#[derive(Clone, Debug)]
pub struct Picture {
    pub header: FrameHeader,
    pub bytes: usize,
    pub at: Duration,
    pub latency: Option<Duration>,
    pub decoding: Duration,
    pub view: Option<ViewInfo>,
}

/// Pixels that were shown.
#[derive(Clone, Debug)]
pub struct Sample {
    pub frame: u32,
    pub size: [u32; 2],
    pub pixels: Vec<u8>,
}

impl Plan {
    fn content(&self) -> Content {
        match self.case {
            StreamCase::Rotate | StreamCase::Still => Content::Volume,
            StreamCase::Window | StreamCase::Scroll => Content::Axial,
        }
    }

    /// The best picture that this client asks for.
    fn best(&self) -> Quality {
        if self.codecs.iter().any(|codec| codec == "png") { Quality::Lossless } else { Quality::Final }
    }

    fn interval(&self) -> Duration {
        // A finger turns a wheel more slowly than a hand moves.
        let slower = if self.case == StreamCase::Scroll { 3.0 } else { 1.0 };
        Duration::from_secs_f64(slower / f64::from(self.inputs_per_s))
    }

    /// What the hand does when it has moved for so long; `None` where it rests.
    fn motion(&self, at: Duration) -> Option<ClientMessage> {
        let seconds = at.as_secs_f64();
        match self.case {
            // 90 degrees a second.
            StreamCase::Rotate => Some(pointer(PointerKind::Move, [180.0 * seconds, 0.0])),
            // Up and down by a third of the width, without a jump.
            StreamCase::Window => {
                let y = 100.0 * (seconds * std::f64::consts::TAU / 4.0).sin();
                Some(pointer(PointerKind::Move, [0.0, y]))
            }
            // There and back again.
            StreamCase::Scroll => {
                let delta = if seconds % 4.0 < 2.0 { 100.0 } else { -100.0 };
                Some(ClientMessage::Wheel { view: 0, delta, zoom: false })
            }
            StreamCase::Still => None,
        }
    }

    fn holds_button(&self) -> bool {
        matches!(self.case, StreamCase::Rotate | StreamCase::Window)
    }
}

fn pointer(kind: PointerKind, [x, y]: [f64; 2]) -> ClientMessage {
    let button = (kind != PointerKind::Move).then_some(MouseButton::Left);
    ClientMessage::Pointer { view: 0, kind, button, x, y }
}

/// A client that has its first picture.
pub struct Hand<'a> {
    plan: &'a Plan,
    client: Connection,
    kept: Arc<Mutex<Samples>>,
    began: Instant,
    seen: Seen,
}

/// Waits for all hands, also with one that has failed: nobody waits for it in vain.
pub async fn ready<'a>(begin: &Barrier, hand: Result<Hand<'a>>) -> Result<Hand<'a>> {
    let mut hand = hand;
    let mut all_there = std::pin::pin!(begin.wait());
    loop {
        let Ok(waiting) = &mut hand else {
            all_there.await;
            return hand;
        };
        tokio::select! {
            _ = &mut all_there => return hand,
            event = waiting.client.next() => {
                if let Err(error) = event.map_err(Into::into).and_then(|event| waiting.take(event)) {
                    hand = Err(error);
                }
            }
        }
    }
}

impl<'a> Hand<'a> {
    /// Connects and waits for the best picture. Datagrams go by way of a relay, where there is one.
    pub async fn open(address: &Address, plan: &'a Plan, datagrams: Option<Arc<Relay>>) -> Result<Self> {
        let kept = Arc::new(Mutex::new(Samples::default()));
        let watch = {
            let kept = Arc::clone(&kept);
            move |header: &FrameHeader, screen: &Screen| lock(&kept).see(header, screen)
        };
        let client = Connection::open(address, watch).await?;
        let mut hand = Self { plan, client, kept, began: Instant::now(), seen: Seen::default() };
        hand.ask(ClientMessage::Accept { codecs: plan.codecs.clone() })?;
        hand.ask(ClientMessage::OpenSeries { series_instance_uid: plan.series.clone() })?;
        let view = LayoutView { view: 0, content: plan.content(), size: plan.size, paused: false };
        hand.ask(ClientMessage::Layout { views: vec![view] })?;
        hand.until_best(0).await.context("no first picture")?;
        if plan.transport == StreamTransport::Webrtc {
            let detour = datagrams.map(|relay| {
                move |server| {
                    relay.aim(server);
                    relay.address()
                }
            });
            hand.client.begin_webrtc(&[0], detour).await?;
            while hand.client.transport() != TransportKind::Webrtc {
                let event = hand.client.next().await?;
                hand.take(event)?;
            }
            hand.until_best(0).await.context("no first picture by WebRTC")?;
        }
        Ok(hand)
    }

    /// Moves, lets go and waits for the last picture; pictures are kept where it `samples`.
    pub async fn run(mut self, samples: bool) -> Result<Seen> {
        self.began = Instant::now();
        self.seen = Seen::default();
        let before = self.client.received_bytes();
        lock(&self.kept).wanted = if samples { Wanted::Moving } else { Wanted::None };
        self.moves().await?;
        lock(&self.kept).wanted = if samples { Wanted::Exact } else { Wanted::None };
        self.seen.bytes = self.client.received_bytes() - before;
        self.seen.released = self.began.elapsed();
        let last = match self.plan.motion(self.seen.released) {
            None => None,
            Some(ClientMessage::Pointer { x, y, .. }) => {
                Some(self.ask(pointer(PointerKind::Release, [x, y]))?)
            }
            Some(_) => self.seen.inputs.last().map(|input| input.seq),
        };
        if let Some(last) = last {
            self.until_best(last).await.context("no last picture")?;
        }
        let kept = std::mem::take(&mut *lock(&self.kept));
        (self.seen.samples, self.seen.exact) = (kept.moving, kept.exact);
        Ok(self.seen)
    }

    fn ask(&mut self, message: ClientMessage) -> Result<u64> {
        let at = self.began.elapsed();
        let seq = self.client.ask(message.clone())?;
        self.seen.inputs.push(Input { seq, at, message });
        Ok(seq)
    }

    async fn moves(&mut self) -> Result<()> {
        let plan = self.plan;
        if plan.holds_button() {
            self.ask(pointer(PointerKind::Press, [0.0, 0.0]))?;
        }
        let mut next = plan.interval();
        while self.began.elapsed() < plan.moves {
            let until = self.began + next.min(plan.moves);
            tokio::select! {
                () = tokio::time::sleep_until(until) => {
                    // A hand goes on, whether or not anybody looks.
                    let at = self.began.elapsed();
                    if let Some(message) = plan.motion(at) {
                        self.ask(message)?;
                    }
                    while next <= at {
                        next += plan.interval();
                    }
                }
                event = self.client.next() => drop(self.take(event?)?),
            }
        }
        Ok(())
    }

    /// Waits for the best picture of this input.
    async fn until_best(&mut self, input_seq: u64) -> Result<()> {
        let best = self.plan.best();
        let wait = async {
            loop {
                let event = self.client.next().await?;
                let Some(picture) = self.take(event)? else { continue };
                if picture.header.input_seq < input_seq {
                    continue;
                }
                for (settled, quality) in [(0, Quality::Final), (1, Quality::Lossless)] {
                    if picture.header.quality >= quality {
                        let took = picture.at.saturating_sub(self.seen.released);
                        self.seen.settled[settled].get_or_insert(took);
                    }
                }
                if picture.header.quality >= best {
                    return Ok(());
                }
            }
        };
        match tokio::time::timeout(PATIENCE, wait).await {
            Ok(result) => result,
            Err(_) => bail!("the server has not sent its best picture within {} s", PATIENCE.as_secs()),
        }
    }

    /// Takes note of what came; returns a picture that is shown.
    fn take(&mut self, event: Event) -> Result<Option<Picture>> {
        let frame = match event {
            Event::Frame(frame) => frame,
            Event::Message(ServerMessage::Error { message, .. }) => bail!("the server says: {message}"),
            Event::Transport(TransportKind::Websocket, reason) => {
                bail!("WebRTC was given up: {}", reason.unwrap_or_default())
            }
            Event::Reconnecting { reason, .. } => bail!("the connection was lost: {reason}"),
            Event::Message(_) | Event::Values(_) | Event::Transport(TransportKind::Webrtc, _) => {
                return Ok(None);
            }
        };
        let Frame { header, bytes, arrived, decoded, shown, .. } = frame;
        let Some(shown) = shown else { return Ok(None) };
        let picture = Picture {
            header,
            bytes,
            at: Instant::from_std(decoded).saturating_duration_since(self.began),
            latency: shown.latency,
            decoding: decoded.saturating_duration_since(arrived),
            view: shown.view,
        };
        self.seen.pictures.push(picture.clone());
        Ok(Some(picture))
    }
}

fn lock(kept: &Mutex<Samples>) -> MutexGuard<'_, Samples> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Default)]
struct Samples {
    wanted: Wanted,
    passed: usize,
    moving: Vec<Sample>,
    exact: Option<Sample>,
}

#[derive(Default)]
enum Wanted {
    #[default]
    None,
    Moving,
    Exact,
}

impl Samples {
    fn see(&mut self, header: &FrameHeader, screen: &Screen) {
        let sample = || Sample { frame: header.frame, size: screen.size(), pixels: screen.pixels().to_vec() };
        match self.wanted {
            Wanted::Moving => {
                if self.passed.is_multiple_of(SAMPLE_EVERY) && self.moving.len() < MOST_SAMPLES {
                    self.moving.push(sample());
                }
                self.passed += 1;
            }
            Wanted::Exact if header.quality == Quality::Lossless => self.exact = Some(sample()),
            Wanted::Exact | Wanted::None => {}
        }
    }
}
