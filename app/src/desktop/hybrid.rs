//! A series of a server's: drawn by the server, or here once its voxels are.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use eframe::egui;
use render_core::progressive::Rung;
use render_core::render::resolve;
use render_core::scene::view::Orientation;
use render_core::scene::{Content, PresetLibrary, ViewState};
use render_core::{Outlined, Renderer, Volume};
use server_mode::remote::adaptive::{Adaptive, Choice, Facts, Reason, Source, Verdict, Voxels, lacks_room};
use server_mode::remote::{Cache, Coming, Fetch, RemoteSeries, State};

use super::connection::Connection;
use super::job::{Job, Poll};
use super::settings::Drawing;
use super::text::tr;
use crate::capability;

/// Sealed voxels may take so much of the disk.
const CACHE_BYTES: u64 = 4 << 30;
/// Most series are of 16 bits; the voxels themselves tell.
const BYTES_PER_VOXEL: u64 = 2;
/// A first look at the volume, to see how fast this machine draws it: pixels, pictures after the first, and how far
/// it is turned between them.
const TRIAL_SIZE: [u32; 2] = [640, 400];
const TRIAL_PICTURES: u32 = 4;
const TRIAL_DEGREES: f64 = 4.0;
/// While the server draws what moves, a picture is drawn here as often, in seconds, and never for more than this
/// share of the time.
const TRY_EVERY_S: f64 = 1.0;
const TRY_SHARE: f64 = 0.05;

/// Where the voxels of servers are kept; `None` where the system names no place.
pub fn cache() -> Option<Cache> {
    let folder: PathBuf =
        directories::ProjectDirs::from("org", "voxcast", "voxcast")?.cache_dir().join("voxels");
    Some(Cache::new(folder, CACHE_BYTES))
}

/// Throws away what of servers' voxels was not used for long.
pub fn prune_cache(ctx: &egui::Context) {
    let prune =
        |cache: Cache| cache.prune().inspect_err(|error| tracing::warn!(%error, "sealed voxels stay"));
    // It ends by itself.
    drop(Job::<()>::start("prune voxels", ctx, move |_, _| drop(cache().map(prune))));
}

/// Throws away what is kept of servers' voxels.
pub fn clear_cache(ctx: &egui::Context) {
    let clear =
        |cache: Cache| cache.clear().inspect_err(|error| tracing::warn!(%error, "sealed voxels stay"));
    // It ends by itself.
    drop(Job::<()>::start("clear voxels", ctx, move |_, _| drop(cache().map(clear))));
}

/// Who is to draw, for people.
pub fn name(drawing: Drawing) -> Cow<'static, str> {
    match drawing {
        Drawing::Automatic => tr!("drawing-automatic"),
        Drawing::Here => tr!("drawing-here"),
        Drawing::Server => tr!("drawing-server"),
    }
}

/// Why, for people.
pub fn sentence(reason: &Reason) -> Cow<'static, str> {
    match reason {
        Reason::Chosen => tr!("reason-chosen"),
        Reason::NotPossible => tr!("reason-not-possible"),
        Reason::Slow { who: Source::Local, pictures_per_second } => {
            tr!("reason-slow-here", count = pictures_per_second.round(), seconds = Reason::SLOW_SECONDS)
        }
        Reason::Slow { who: Source::Remote, pictures_per_second } => {
            tr!("reason-slow-there", count = pictures_per_second.round(), seconds = Reason::SLOW_SECONDS)
        }
        Reason::WouldBeFast(pictures_per_second) => {
            tr!("reason-fast-here", count = pictures_per_second.round(), seconds = Reason::FAST_SECONDS)
        }
        Reason::NoConnection => tr!("reason-no-connection"),
        Reason::VoxelsForbidden => tr!("reason-forbidden"),
        Reason::VoxelsComing => tr!("reason-coming"),
        Reason::VoxelsThere => tr!("reason-there"),
        Reason::HelpsOut => tr!("reason-helps-out"),
        Reason::NoRoom { needed, available } => {
            tr!("reason-no-room", needed = needed.round(), available = available.round())
        }
        Reason::Takes { milliseconds, renderer } => {
            tr!("reason-takes", ms = milliseconds.round(), renderer = renderer.to_uppercase())
        }
        Reason::RoundTrip(time) => tr!("reason-round-trip", ms = time.as_millis() as u64),
    }
}

/// The series, the way to its server, and who draws it.
#[derive(Debug)]
pub struct Hybrid {
    pub series: Arc<RemoteSeries>,
    pub connection: Arc<Connection>,
    whole: OnceLock<Arc<Volume>>,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    adaptive: Adaptive,
    facts: Facts,
    fetch: Option<Fetch>,
    trial: Option<Trial>,
    /// Voxels were drawn here once, to see how fast that is: all of them, or coarse ones.
    tried: bool,
    tried_coarse: bool,
    tried_at_s: f64,
    refused: bool,
}

/// A picture's milliseconds, to be.
#[derive(Debug)]
struct Trial {
    job: Job<f64>,
    of: Detail,
}

/// Which voxels are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Detail {
    Whole,
    Coarse,
}

/// What is the same for all series of servers.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    pub choice: Choice,
    pub renderer: &'a Renderer,
    /// Whether voxels may be kept on the disk.
    pub keeps: bool,
    /// Whether a hand is at work somewhere in the window.
    pub moving: bool,
}

impl Inner {
    /// Tells it something, and the log where somebody else draws from now on.
    fn change(&mut self, tell: impl FnOnce(&mut Adaptive)) {
        let before = self.adaptive.source();
        tell(&mut self.adaptive);
        let Verdict { source, reasons } = self.adaptive.verdict();
        if source != before {
            let by = match source {
                Source::Local => "here",
                Source::Remote => "there",
            };
            let reason = reasons.first().map(Reason::to_string).unwrap_or_default();
            tracing::info!(by, reason, "a server's series is drawn by another one now");
        }
    }
}

impl Hybrid {
    pub fn new(series: Arc<RemoteSeries>, connection: Arc<Connection>, choice: Choice) -> Arc<Self> {
        let voxels: u64 = series.outline.geometry().dims().iter().map(|&n| u64::from(n)).product();
        let facts = Facts {
            voxels: Voxels::There,
            volume_bytes: voxels * BYTES_PER_VOXEL,
            available_bytes: capability::memory_bytes().map(|(_, available)| available),
            renderer: String::new(),
            milliseconds_per_picture: None,
            milliseconds_per_coarse_picture: None,
            is_connected: true,
            rtt: None,
            bits_per_second: None,
        };
        let inner = Inner {
            adaptive: Adaptive::new(choice, facts.clone()),
            facts,
            fetch: None,
            trial: None,
            tried: false,
            tried_coarse: false,
            tried_at_s: f64::NEG_INFINITY,
            refused: false,
        };
        Arc::new(Self { series, connection, whole: OnceLock::new(), inner: Mutex::new(inner) })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All voxels, once they are here.
    pub fn whole(&self) -> Option<&Arc<Volume>> {
        self.whole.get()
    }

    /// What there is to draw here: all voxels, else coarse ones.
    pub fn voxels(&self) -> Option<Arc<Volume>> {
        self.whole().cloned().or_else(|| self.inner().fetch.as_ref()?.coarse())
    }

    /// Whether coarse voxels are drawn here while a hand moves, though the server draws.
    pub fn helps_out(&self) -> bool {
        self.inner().adaptive.helps_out()
    }

    pub fn source(&self) -> Source {
        self.inner().adaptive.source()
    }

    pub fn verdict(&self) -> Verdict {
        self.inner().adaptive.verdict()
    }

    /// How far the voxels are, while they come.
    pub fn coming(&self) -> Option<Coming> {
        self.inner().fetch.as_ref().map(Fetch::coming)
    }

    /// Who draws made so many pictures a second of those that a hand asked for.
    pub fn moved(&self, now_s: f64, asked_per_second: f64, pictures_per_second: f64) {
        tracing::debug!(asked_per_second, pictures_per_second, "a hand moves a series of a server's");
        self.inner()
            .change(|adaptive| adaptive.moved(duration(now_s), asked_per_second, pictures_per_second));
    }

    /// While the server draws what moves: sees how fast this machine would be.
    pub fn try_here(&self, now_s: f64, renderer: &Renderer, view: &ViewState, ctx: &egui::Context) {
        let mut inner = self.inner();
        let takes_s = inner.facts.milliseconds_per_picture.unwrap_or_default() / 1e3;
        let due = now_s - inner.tried_at_s >= TRY_EVERY_S.max(takes_s / TRY_SHARE);
        let Some(volume) = self.whole().filter(|_| due && inner.trial.is_none()) else { return };
        inner.tried_at_s = now_s;
        let (volume, renderer, mut view) = (Arc::clone(volume), renderer.clone(), view.clone());
        // What moves may be drawn with fewer pixels.
        let volume = Rung { scale: 0.5, ..Rung::MOVING }.coarsen(&mut view, &volume);
        view.layers.clear();
        let job = Job::start("trial", ctx, move |_, sink| {
            if let Some(milliseconds) = time_picture(&renderer, &volume, &view) {
                sink.send(milliseconds);
            }
        });
        inner.trial = Some(Trial { job, of: Detail::Whole });
    }

    /// Whether nothing comes from its server now.
    pub fn is_cut_off(&self) -> bool {
        !matches!(self.connection.state(), State::Connected { .. })
    }

    /// Brings the voxels here where they are wanted, and learns what is new. To be called once a frame.
    pub fn work(&self, now_s: f64, circumstances: &Circumstances<'_>, ctx: &egui::Context) {
        let &Circumstances { choice, renderer, keeps, moving } = circumstances;
        let mut inner = self.inner();
        if inner.adaptive.choice() != choice {
            inner.change(|adaptive| adaptive.choose(choice));
        }
        let connected = !self.is_cut_off();
        let mut facts = inner.facts.clone();
        self.bring(&mut inner, choice, connected, keeps, moving);
        if let Some(whole) = inner.fetch.as_ref().and_then(Fetch::whole).cloned() {
            drop(self.whole.set(whole));
            inner.fetch = None;
        }
        let coarse = inner.fetch.as_ref().and_then(Fetch::coarse);
        if let Some(whole) = self.whole().filter(|_| !inner.tried) {
            inner.tried = true;
            inner.trial = Some(begin_trial(whole, Detail::Whole, renderer, ctx));
        } else if let Some(coarse) = coarse.filter(|_| !inner.tried_coarse) {
            inner.tried_coarse = true;
            inner.trial = Some(begin_trial(&coarse, Detail::Coarse, renderer, ctx));
        }
        match inner.trial.as_ref().map(|trial| (trial.job.poll(), trial.of)) {
            Some((Poll::Result(milliseconds), Detail::Coarse)) => {
                tracing::debug!(milliseconds, "coarse voxels were drawn on trial");
                facts.milliseconds_per_coarse_picture = Some(milliseconds);
            }
            Some((Poll::Result(milliseconds), Detail::Whole)) => {
                facts.milliseconds_per_picture = Some(milliseconds);
                if inner.adaptive.source() == Source::Remote {
                    inner.change(|adaptive| adaptive.tried_here(duration(now_s), milliseconds));
                }
            }
            Some((Poll::Ended, _)) => inner.trial = None,
            Some((Poll::Pending, _)) | None => {}
        }
        let stats = self.connection.stats();
        facts.voxels = self.place_of_voxels(&inner);
        facts.is_connected = connected;
        // In steps, so that little differences are no news.
        facts.rtt = stats.rtt.map(|rtt| Duration::from_millis(rtt.as_millis() as u64));
        if facts.renderer != renderer.name() {
            facts.renderer = renderer.name().to_owned();
        }
        if facts != inner.facts {
            inner.facts = facts.clone();
            inner.change(|adaptive| adaptive.learn(facts));
        }
    }

    /// Begins to fetch, or stops.
    fn bring(&self, inner: &mut Inner, choice: Choice, connected: bool, keeps: bool, moving: bool) {
        let allowed = self.connection.hands_out_voxels() && !inner.refused;
        let room = lacks_room(inner.facts.volume_bytes, inner.facts.available_bytes).is_none();
        let wanted = choice != Choice::Remote && allowed && self.whole().is_none();
        if inner.fetch.is_none() && wanted && room && connected {
            let most = inner.facts.available_bytes.unwrap_or(u64::MAX);
            let fetch = self.connection.fetch(&self.series, if keeps { cache() } else { None }, most);
            inner.fetch =
                fetch.inspect_err(|error| tracing::warn!(%error, "voxels cannot be brought here")).ok();
            inner.refused = inner.fetch.is_none();
        } else if !wanted {
            inner.fetch = None;
        }
        if let Some(fetch) = &inner.fetch {
            fetch.hold(moving);
            if let Coming::Refused(reason) = fetch.coming() {
                tracing::info!(reason, "voxels stay on the server");
                (inner.fetch, inner.refused) = (None, true);
            }
        }
    }

    fn place_of_voxels(&self, inner: &Inner) -> Voxels {
        if self.whole().is_some() {
            return Voxels::Here;
        }
        match &inner.fetch {
            Some(fetch) if fetch.coarse().is_some() => Voxels::Coarse,
            Some(_) => Voxels::Coming,
            None if inner.refused || !self.connection.hands_out_voxels() => Voxels::Forbidden,
            None => Voxels::There,
        }
    }
}

/// Draws a volume as it first looks, a few times, turned as a hand would.
fn begin_trial(volume: &Arc<Volume>, of: Detail, renderer: &Renderer, ctx: &egui::Context) -> Trial {
    let (volume, renderer) = (Arc::clone(volume), renderer.clone());
    let job = Job::start("trial", ctx, move |progress, sink| {
        let size = match of {
            Detail::Whole => TRIAL_SIZE,
            // They are drawn while something moves only, and that with fewer pixels.
            Detail::Coarse => TRIAL_SIZE.map(|n| n / 2),
        };
        let mut view = ViewState::new(&volume, Content::Volume, Orientation::Axial, size);
        if let Some(preset) = PresetLibrary::default().menu(&volume).next() {
            view.apply_preset(preset, &volume);
        }
        let volume = Rung::MOVING.coarsen(&mut view, &volume);
        // The first picture makes tables and fills memory.
        let mut times = Vec::new();
        for _ in 0..=TRIAL_PICTURES {
            if progress.is_cancelled() {
                return;
            }
            let Some(milliseconds) = time_picture(&renderer, &volume, &view) else { return };
            times.push(milliseconds);
            view.camera.azimuth(TRIAL_DEGREES);
        }
        let mut times = times.split_off(1);
        times.sort_by(f64::total_cmp);
        sink.send(times[times.len() / 2]);
    });
    Trial { job, of }
}

fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

/// Milliseconds that a picture takes; `None` where it cannot be drawn.
fn time_picture(renderer: &Renderer, volume: &Arc<Volume>, view: &ViewState) -> Option<f64> {
    let began = Instant::now();
    renderer.render(volume, &resolve(view, volume), &AtomicBool::new(false)).ok()?;
    Some(began.elapsed().as_secs_f64() * 1e3)
}
