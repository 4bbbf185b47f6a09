//! `voxcast bench stream`: a server and clients that decode what it sends, through an emulated network.

mod cpu;
mod hand;
mod judge;
mod report;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use render_core::dicom::{self, Library, Series};
use render_core::{Progress, Renderer, Volume};
use server_mode::client::Address;
use server_mode::emulator::{Conditions, Network, Relay};
use server_mode::{Config, Server, Studies};
use tokio::runtime::Runtime;
use tokio::sync::{Barrier, oneshot};

use crate::cli::{BenchStream, Source, StreamCase, StreamCodec};
use crate::study;
use cpu::Used;
use hand::{Hand, Plan, Seen};
use judge::Verdict;
use report::{Case, Trace};

pub fn run(args: &BenchStream) -> Result<()> {
    let renderer = super::super::open_renderer(args.backend)?;
    let library = args.path.as_ref().map(|path| chosen(path.clone(), args)).transpose()?;
    let server = match &args.url {
        Some(url) => Served::elsewhere(Address::parse(url)?, library.as_ref(), args)?,
        None => Served::here(&renderer, library.context("there is no path")?, usize::from(args.clients))?,
    };
    let mut trace = args.trace.as_deref().map(Trace::new);
    for &case in &args.cases {
        let measured = measure(args, &server, case)?;
        let volume = server.volume()?;
        let verdict = match (&volume, measured.seen.first()) {
            (Some(volume), Some(first)) => Verdict::on(first, &renderer, volume, args.size)?,
            _ => Verdict::default(),
        };
        report::print(args, renderer.name(), &measured, &verdict);
        if let Some(trace) = &mut trace {
            trace.add(&measured);
        }
    }
    trace.map_or(Ok(()), Trace::save)
}

/// The library of one series, the one to stream.
fn chosen(path: std::path::PathBuf, args: &BenchStream) -> Result<Library> {
    let source = Source { path, series: args.series.clone(), straighten_tilt: false };
    let mut library = study::scan(std::slice::from_ref(&source.path))?;
    let series = study::choose(&library, &source)?;
    let is_chosen = |other: &Series| std::ptr::eq(other, series);
    let at = library.studies.iter().enumerate().find_map(|(at, study)| {
        let index = study.series.iter().position(is_chosen)?;
        Some((at, index))
    });
    let (study, index) = at.context("the series belongs to a study")?;
    let mut study = library.studies.swap_remove(study);
    study.series = vec![study.series.swap_remove(index)];
    library.studies = vec![study];
    Ok(library)
}

type Slot = Arc<Mutex<Option<Arc<Volume>>>>;

/// A server that runs, and what it shows.
struct Served {
    address: Address,
    /// For the server to open; empty for its first.
    series: String,
    /// What the pictures are of, where this process knows.
    volume: Slot,
    /// The server's own; it ends with it.
    running: Option<(Runtime, oneshot::Sender<()>)>,
}

impl Served {
    fn here(renderer: &Renderer, library: Library, clients: usize) -> Result<Self> {
        let volume = Slot::default();
        let keep = Arc::clone(&volume);
        let load = move |series: &Series, progress: &Progress| {
            let loaded = dicom::load(series, progress)?;
            *keep.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&loaded.volume));
            Ok(loaded)
        };
        let studies = Studies::new(library, &[], Box::new(load));
        let defaults = Config::default();
        let max_sessions = clients.max(defaults.max_sessions);
        let config = Config { listen: ([127, 0, 0, 1], 0).into(), max_sessions, ..defaults };
        // As many threads as `voxcast --serve` has.
        let runtime = runtime(cpu::NETWORK, 2)?;
        let server = runtime.block_on(Server::bind(&config, renderer, studies))?;
        let address = Address::parse(&server.ready().url)?;
        let (stop, stopped) = oneshot::channel();
        runtime.spawn(server.serve(async {
            // Dropping the sender stops the server, too.
            let _ = stopped.await;
        }));
        Ok(Self { address, series: String::new(), volume, running: Some((runtime, stop)) })
    }

    fn elsewhere(address: Address, library: Option<&Library>, args: &BenchStream) -> Result<Self> {
        let volume = match library.and_then(|library| library.studies[0].series.first()) {
            Some(series) => Some(dicom::load(series, &Progress::default())?.volume),
            None => None,
        };
        let series = args.series.clone().unwrap_or_default();
        Ok(Self { address, series, volume: Arc::new(Mutex::new(volume)), running: None })
    }

    fn volume(&self) -> Result<Option<Arc<Volume>>> {
        let volume = self.volume.lock().map_err(|_| anyhow!("reading the series has failed"))?;
        Ok(volume.clone())
    }
}

fn runtime(name: &str, threads: usize) -> Result<Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    Ok(builder.worker_threads(threads).thread_name(name).enable_all().build()?)
}

/// What the network is like, one after the other while the hand moves.
fn networks(args: &BenchStream) -> Vec<Network> {
    let ms = |ms: f64| Duration::from_secs_f64(ms / 1e3);
    let (delay, jitter, queue) = (ms(args.delay_ms), ms(args.jitter_ms), ms(args.queue_ms));
    let rates: Vec<_> = match args.mbit_per_s.as_slice() {
        [] => vec![None],
        rates => rates.iter().map(|mbit| Some(mbit * 1e6)).collect(),
    };
    let network = |bits_per_second| {
        let way = Conditions { delay, jitter, loss: args.loss / 100.0, bits_per_second, queue };
        Network { down: way, up: way }
    };
    rates.into_iter().map(network).collect()
}

/// One case by all clients at once.
fn measure(args: &BenchStream, server: &Served, case: StreamCase) -> Result<Case> {
    let name = |codec: &StreamCodec| match codec {
        StreamCodec::Jpeg => "jpeg",
        StreamCodec::Png => "png",
        StreamCodec::WebP => "webp",
        StreamCodec::H264 => "h264",
        StreamCodec::Hevc => "hevc",
        StreamCodec::Av1 => "av1",
    };
    let plan = Plan {
        case,
        size: args.size,
        codecs: args.codecs.iter().map(|codec| name(codec).to_owned()).collect(),
        series: server.series.clone(),
        moves: Duration::from_secs_f64(args.seconds),
        inputs_per_s: args.inputs_per_s,
        transport: args.transport,
    };
    let (networks, clients) = (networks(args), usize::from(args.clients));
    let first = networks.first().copied().unwrap_or_default();
    let relays = runtime(cpu::RELAY, 1)?;
    let begin = Barrier::new(clients + 1);
    let judged = server.running.is_some() || args.path.is_some();
    std::thread::scope(|scope| {
        let (mut threads, mut ways) = (Vec::new(), Vec::new());
        for number in 0..clients {
            // Each has a network of its own; without conditions there is none in between.
            let [relay, datagrams] = if networks.len() == 1 && first.is_plain() {
                [None, None]
            } else {
                // Apart from the next client's by more than it draws seeds for its connections.
                let seed = args.seed.wrapping_add(1000 * number as u64);
                let target = server.address.authority().to_owned();
                let tcp = relays.block_on(Relay::tcp(target, first, seed))?;
                let udp = relays.block_on(Relay::udp(first, seed))?;
                [tcp, udp].map(|relay| Some(Arc::new(relay)))
            };
            ways.extend([&relay, &datagrams].into_iter().flatten().map(Arc::clone));
            let address = match &relay {
                Some(relay) => server.address.through(relay.address()),
                None => server.address.clone(),
            };
            let (plan, begin, samples) = (&plan, &begin, judged && number == 0);
            let client = move || {
                let seen = client(&address, datagrams, plan, begin, samples);
                drop(relay);
                seen
            };
            threads.push(std::thread::Builder::new().name(cpu::CLIENT.into()).spawn_scoped(scope, client)?);
        }
        relays.block_on(begin.wait());
        let before = Used::now().filter(|_| server.running.is_some());
        for &network in &networks {
            ways.iter().for_each(|relay| relay.change(network));
            std::thread::sleep(plan.moves / networks.len() as u32);
        }
        let used = before.and_then(|before| Some(Used::now()?.since(before)));
        let seen = threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| anyhow!("a client has a defect")).and_then(|seen| seen));
        Ok(Case { case, seen: seen.collect::<Result<_>>()?, used })
    })
}

fn client(
    address: &Address,
    datagrams: Option<Arc<Relay>>,
    plan: &Plan,
    begin: &Barrier,
    samples: bool,
) -> Result<Seen> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let hand = hand::ready(begin, Hand::open(address, plan, datagrams).await).await?;
        hand.run(samples).await
    })
}
