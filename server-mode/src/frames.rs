//! The threads that draw and encode. Every view of every session has one latest-wins slot, and sessions take turns, so a
//! busy one slows nobody down but itself. What moves has threads of its own: pictures at rest are drawn beside it, by
//! threads that the system gives less time, and those that refine in what time the others leave. Nothing runs for ever.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use protocol::Codec;
use protocol::frame::HEADER_BYTES;
use render_core::progressive::ViewRequest;
use render_core::scene::Content;
use render_core::{Frame, RenderError, Renderer};

use crate::background;
use crate::encode::{self, Brush, Canvas, EncodeError, Jpeg, Painted, Tone};
use crate::refine::Studios;
use crate::session::{Coding, Job, Picture, Quality, Rendered};
use crate::turns::{Claim, Turns};

/// Where pictures that move wait longer than this, even the coarsest come fewer than ten times a second.
const LONGEST_WAIT: Duration = Duration::from_millis(100);
/// Threads for pictures at rest. Each session leaves one of them to the others.
const RESTING_THREADS: usize = 3;
/// A picture that moves is given up after this time where another session waits to move: the next one is coarser.
const MOVING_LIMIT: Duration = Duration::from_millis(500);
/// A picture at rest is given up after this time and not tried again. Slow machines take seconds for the largest.
const RESTING_LIMIT: Duration = Duration::from_secs(30);
/// A picture at rest that shows what is wanted no more is finished if it takes no longer than this: where changes come one
/// by one, each is seen.
const STALE_LIMIT: Duration = Duration::from_millis(500);
/// How often pictures in the making are looked after.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Takes what a worker made; must not block.
pub type Reply = Arc<dyn Fn(Rendered) + Send + Sync>;

/// A view of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    session: u64,
    view: u8,
    /// A later view of the same number does not wait for the pictures of the one before.
    epoch: u64,
}

/// Which threads draw a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Lane {
    Moving,
    Resting,
}

impl Lane {
    fn of(job: &Job) -> Self {
        match job.meta.quality {
            Quality::Interactive => Self::Moving,
            Quality::Final | Quality::Lossless => Self::Resting,
        }
    }
}

/// The worker threads; they end when this is dropped.
pub struct Frames {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl std::fmt::Debug for Frames {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Frames").field("threads", &self.threads.len()).finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    work: Condvar,
    /// A picture has been begun.
    begun: Condvar,
    studios: Studios,
}

#[derive(Default)]
struct Queue {
    /// A view that waits has nothing running.
    waiting: HashMap<Key, Waiting>,
    /// Its keys, in the order in which they came.
    ready: VecDeque<Key>,
    running: HashMap<Key, Running>,
    moving_turns: Turns,
    resting_turns: Turns,
    moving_threads: usize,
    load: Load,
    stopped: bool,
}

/// How long pictures that move wait until a thread begins with them, on average.
#[derive(Debug, Default)]
struct Load {
    wait: Duration,
    told: Option<Instant>,
}

impl Load {
    fn began(&mut self, now: Instant, wait: Duration) {
        self.wait = if self.is_old(now) { wait } else { (self.wait * 15 + wait) / 16 };
        self.told = Some(now);
    }

    fn is_old(&self, now: Instant) -> bool {
        self.told.is_none_or(|at| now.saturating_duration_since(at) > Duration::from_secs(2))
    }

    fn is_too_much(&self, now: Instant) -> bool {
        !self.is_old(now) && self.wait > LONGEST_WAIT
    }
}

struct Waiting {
    job: Box<Job>,
    reply: Reply,
    /// Since when something waits here.
    since: Instant,
}

struct Running {
    lane: Lane,
    quality: Quality,
    refines: bool,
    /// The state that it shows.
    revision: u64,
    began: Instant,
    cancel: Arc<AtomicBool>,
    /// Something else is wanted by now.
    stale: bool,
    /// It took too long.
    late: bool,
}

impl Running {
    fn cancel(&self) {
        self.cancel.store(true, Ordering::Relaxed);
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        // The queue is consistent between any two statements that can panic.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Frames {
    pub fn start(renderer: &Renderer) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let moving = moving_threads(renderer);
        shared.queue().moving_threads = moving;
        let mut threads = Vec::new();
        let moves = (0..moving).map(|i| (Lane::Moving, format!("frames-{i}")));
        let rests = (0..RESTING_THREADS).map(|i| (Lane::Resting, format!("rest-{i}")));
        for (lane, name) in moves.chain(rests) {
            let (shared, renderer) = (Arc::clone(&shared), renderer.clone());
            threads.push(std::thread::Builder::new().name(name).spawn(move || {
                if lane == Lane::Resting {
                    background::give_way();
                }
                work(&shared, lane, &Easel::new(&renderer, lane));
            })?);
        }
        let watched = Arc::clone(&shared);
        threads.push(std::thread::Builder::new().name("frames".into()).spawn(move || look_after(&watched))?);
        // Cards' drivers take their time, and some for ever: nobody waits for this thread.
        std::thread::Builder::new().name("encoders".into()).spawn(encode::probe)?;
        Ok(Self { shared, threads })
    }

    /// Replaces what this view is waiting for. While a picture of the view is being made, an
    /// interactive job cancels a final one and the caller asks again when it is told so; any other
    /// is dropped, for the caller gets its turn with the reply.
    pub fn submit(&self, session: u64, job: Box<Job>, reply: Reply) {
        let key = Key { session, view: job.meta.view, epoch: job.meta.epoch };
        let mut queue = self.shared.queue();
        if let Some(running) = queue.running.get_mut(&key) {
            if running.quality == Quality::Final && job.meta.quality == Quality::Interactive {
                running.cancel();
            }
            running.stale |= running.lane == Lane::Resting && running.revision != job.state.revision;
            return;
        }
        if !job.meta.refines {
            queue.interrupt_refining();
        }
        let earlier = queue.waiting.remove(&key);
        if earlier.is_none() {
            queue.ready.push_back(key);
        }
        let since = earlier.map_or_else(Instant::now, |earlier| earlier.since);
        queue.waiting.insert(key, Waiting { job, reply, since });
        self.shared.work.notify_all();
    }

    /// Whether there is no time for one more session that moves something.
    pub fn has_too_much_to_do(&self) -> bool {
        self.shared.queue().load.is_too_much(Instant::now())
    }

    /// Forgets a view: its picture is not wanted any more.
    pub fn withdraw(&self, session: u64, view: u8) {
        self.shared.queue().withdraw_all(|key| key.session == session && key.view == view);
    }

    /// Forgets all views of a session.
    pub fn end_session(&self, session: u64) {
        let mut queue = self.shared.queue();
        queue.withdraw_all(|key| key.session == session);
        queue.moving_turns.forget(session);
        queue.resting_turns.forget(session);
    }
}

impl Queue {
    /// Makes way: what was gathered stays, and the caller asks again when it is told so.
    fn interrupt_refining(&self) {
        self.running.values().filter(|running| running.refines).for_each(Running::cancel);
    }

    /// Threads that a session may have at a time, so that there is one for the others.
    fn most_of_a_session(&self, lane: Lane) -> usize {
        match lane {
            Lane::Moving => self.moving_threads - 1,
            Lane::Resting => RESTING_THREADS - 1,
        }
    }

    /// The key whose turn it is: of what moves or rests, that of the session that is due longest. Refining
    /// has to wait for all else.
    fn next_key(&mut self, lane: Lane) -> Option<Key> {
        let mut drawn = HashMap::<u64, usize>::new();
        for key in self.running.iter().filter(|(_, running)| running.lane == lane).map(|(key, _)| key) {
            *drawn.entry(key.session).or_default() += 1;
        }
        let most = self.most_of_a_session(lane);
        let is_next = |refines: bool| {
            let keys = self.ready.iter().enumerate().filter(|(_, key)| {
                let wanted = self.waiting.get(key).is_some_and(|waiting| {
                    Lane::of(&waiting.job) == lane && waiting.job.meta.refines == refines
                });
                wanted && drawn.get(&key.session).is_none_or(|&drawn| drawn < most)
            });
            let turns = match lane {
                Lane::Moving => &self.moving_turns,
                Lane::Resting => &self.resting_turns,
            };
            turns.next(keys.map(|(at, key)| (at, key.session)))
        };
        // What takes long at rest does not hold up what refines: they share the time.
        let is_busy = || {
            let soon =
                |running: &Running| running.lane == Lane::Moving || running.began.elapsed() < STALE_LIMIT;
            self.running.values().any(|running| !running.refines && soon(running))
                || self.waiting.values().any(|waiting| Lane::of(&waiting.job) == Lane::Moving)
        };
        let at = is_next(false).or_else(|| if is_busy() { None } else { is_next(true) })?;
        self.ready.remove(at)
    }

    fn withdraw_all(&mut self, which: impl Fn(&Key) -> bool) {
        self.waiting.retain(|key, _| !which(key));
        self.ready.retain(|key| !which(key));
        self.running.iter().filter(|(key, _)| which(key)).for_each(|(_, running)| running.cancel());
    }

    /// Ends what takes too long.
    fn end_late(&mut self, now: Instant) {
        let Self { running, waiting, .. } = self;
        for (key, running) in running.iter_mut().filter(|(_, running)| !running.refines) {
            let others_wait = || {
                waiting.iter().any(|(other, waiting)| {
                    other.session != key.session && Lane::of(&waiting.job) == Lane::Moving
                })
            };
            let took = now.saturating_duration_since(running.began);
            running.late |= match running.lane {
                Lane::Moving => took >= MOVING_LIMIT && others_wait(),
                Lane::Resting => took >= RESTING_LIMIT,
            };
            if running.late || (running.stale && took >= STALE_LIMIT) {
                running.cancel();
            }
        }
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        {
            let mut queue = self.shared.queue();
            queue.stopped = true;
            queue.running.values().for_each(Running::cancel);
        }
        self.shared.work.notify_all();
        self.shared.begun.notify_all();
        for thread in self.threads.drain(..) {
            // A worker catches panics, so joining cannot fail in a way that matters here.
            let _ = thread.join();
        }
    }
}

/// Some that draw while others encode, and each session leaves one of them to the others; a renderer that does not use all
/// cores by itself gets more.
fn moving_threads(renderer: &Renderer) -> usize {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    if renderer.name() == "cpu" { 3 } else { cores.clamp(3, 8) }
}

/// What a worker draws with: threads of its own, which have as little claim to the cores as the worker. Threads for all
/// would finish the picture that they have begun before they looked at the next.
struct Easel {
    renderer: Renderer,
    /// Where pictures at rest are prepared and refined.
    pool: Option<rayon::ThreadPool>,
}

impl Easel {
    fn new(renderer: &Renderer, lane: Lane) -> Self {
        // A system that gives no more threads has those for all work.
        let renderer = renderer.apart().unwrap_or_else(|_| renderer.clone());
        let pool = match lane {
            Lane::Moving => None,
            Lane::Resting => rayon::ThreadPoolBuilder::new().build().ok(),
        };
        Self { renderer, pool }
    }

    fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        match &self.pool {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }
}

/// Ends what takes too long, and lets what refines go on beside what takes long.
fn look_after(shared: &Shared) {
    let mut queue = shared.queue();
    while !queue.stopped {
        queue = if queue.running.is_empty() {
            shared.begun.wait(queue).unwrap_or_else(PoisonError::into_inner)
        } else {
            shared.begun.wait_timeout(queue, LOOK_EVERY).unwrap_or_else(PoisonError::into_inner).0
        };
        queue.end_late(Instant::now());
        if !queue.ready.is_empty() {
            shared.work.notify_all();
        }
    }
}

fn work(shared: &Shared, lane: Lane, easel: &Easel) {
    let mut jpeg = None;
    while let Some(Next { key, job, reply, cancel, wait_time }) = next(shared, lane) {
        let meta = job.meta.clone();
        // A defect in a renderer costs one picture, not the server.
        let picture = catch_unwind(AssertUnwindSafe(|| {
            let jpeg = match &mut jpeg {
                Some(jpeg) => jpeg,
                None => jpeg.insert(Jpeg::new().map_err(EncodeError::from)?),
            };
            let made = make(shared, easel, &job, &cancel, jpeg)?;
            Ok(Picture { wait_time, ..made })
        }))
        .unwrap_or_else(|_| Err(Failure::Failed("the renderer has a defect".into())));
        let mut queue = shared.queue();
        let ended = queue.running.remove(&key);
        let picture = match (picture, ended) {
            (Err(Failure::Cancelled), Some(Running { late: true, lane, .. })) => Err(Failure::late(lane)),
            (picture, _) => picture,
        };
        // Frames build on each other: none of this view is begun, still less sent, before this one is.
        reply(Rendered { meta, picture });
        if !queue.ready.is_empty() {
            // Refining may go on now.
            shared.work.notify_all();
        }
    }
}

/// A job whose turn it is.
struct Next {
    key: Key,
    job: Box<Job>,
    reply: Reply,
    cancel: Arc<AtomicBool>,
    wait_time: Duration,
}

fn next(shared: &Shared, lane: Lane) -> Option<Next> {
    let mut queue = shared.queue();
    loop {
        if queue.stopped {
            return None;
        }
        if let Some(key) = queue.next_key(lane) {
            let Some(Waiting { job, reply, since }) = queue.waiting.remove(&key) else { continue };
            let now = Instant::now();
            let wait_time = now - since;
            let cancel = Arc::new(AtomicBool::new(false));
            let (quality, refines, revision) = (job.meta.quality, job.meta.refines, job.state.revision);
            let claim = if job.meta.looks_on { Claim::Half } else { Claim::Full };
            let (stale, late) = (false, false);
            let running = Running {
                lane,
                quality,
                refines,
                revision,
                began: now,
                cancel: Arc::clone(&cancel),
                stale,
                late,
            };
            queue.running.insert(key, running);
            match lane {
                Lane::Moving => {
                    queue.moving_turns.had(key.session, claim);
                    queue.load.began(now, wait_time);
                }
                Lane::Resting => queue.resting_turns.had(key.session, claim),
            }
            shared.begun.notify_one();
            return Some(Next { key, job, reply, cancel, wait_time });
        }
        queue = shared.work.wait(queue).unwrap_or_else(PoisonError::into_inner);
    }
}

/// Why there is no picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Something newer is wanted.
    Cancelled,
    /// The picture that was to be sent without loss is not kept any more.
    Forgotten,
    /// It takes more bytes than it may.
    TooLarge,
    /// It moves, and took so long that others had to wait.
    Late(Duration),
    Failed(String),
}

impl Failure {
    fn late(lane: Lane) -> Self {
        match lane {
            Lane::Moving => Self::Late(MOVING_LIMIT),
            Lane::Resting => {
                let limit = RESTING_LIMIT.as_secs();
                Self::Failed(format!(
                    "it takes longer than {limit} s. Make it smaller, or its samples coarser"
                ))
            }
        }
    }
}

impl From<EncodeError> for Failure {
    fn from(error: EncodeError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Does what a job asks for.
fn make(
    shared: &Shared,
    easel: &Easel,
    job: &Job,
    cancel: &AtomicBool,
    jpeg: &mut Jpeg,
) -> Result<Picture, Failure> {
    let started = Instant::now();
    let mut message = vec![0; HEADER_BYTES];
    let mut rendered = started;
    let (mut size, mut refined) = (job.state.size, 1.0);
    let mut drawn = || {
        let drawn = easel.run(|| draw(shared, &easel.renderer, job, cancel))?;
        rendered = Instant::now();
        (size, refined) = (drawn.0.size, drawn.1);
        Ok::<_, Failure>(drawn)
    };
    let tone = match job.state.content {
        // Only layers have colours there.
        Content::Slice | Content::Curved | Content::Projection(_) if job.state.layers.is_empty() => {
            Tone::Grey
        }
        _ => Tone::Color,
    };
    let painted = match &job.coding {
        Coding::Bare { quality } => {
            message = jpeg.encode(&drawn()?.0, *quality, tone).map_err(EncodeError::from)?;
            Painted::with(Codec::Jpeg)
        }
        Coding::Parts { canvas, brush } => {
            let (frame, refined) = drawn()?;
            let brush = Brush { settles: brush.settles && refined >= 1.0, ..*brush };
            lock(canvas).paint(frame, tone, brush, jpeg, &mut message)?
        }
        Coding::Film { canvas, film, brush } => {
            let (frame, mut canvas) = (drawn()?.0, lock(canvas));
            match canvas.film(&frame, tone, *film, &mut message) {
                Ok(painted) => painted,
                // A card's encoder may refuse a size, or have as many videos as it can.
                Err(error) => {
                    tracing::debug!(%error, "a picture is sent as JPEG");
                    canvas.paint(frame, tone, *brush, jpeg, &mut message)?
                }
            }
        }
        Coding::Rest { canvas, most, takes_webp } => {
            lock(canvas).go_on(*most, *takes_webp, jpeg, &mut message)?.ok_or(Failure::Forgotten)?
        }
        Coding::Values { most } => {
            let params = render_core::render::resolve(&job.state, &job.volume);
            let values = easel.renderer.values(&job.volume, &params, cancel).map_err(failure)?;
            rendered = Instant::now();
            message = vec![0; protocol::values::HEADER_BYTES];
            encode::values::encode(&values, &mut message)?;
            if message.len() > *most {
                return Err(Failure::TooLarge);
            }
            Painted::with(Codec::Png)
        }
    };
    let (render_time, encode_time) = (rendered - started, rendered.elapsed());
    let wait_time = Duration::ZERO;
    Ok(Picture { message, size, painted, wait_time, render_time, encode_time, refined })
}

/// The picture of a job, and which share of its passes is done.
fn draw(
    shared: &Shared,
    renderer: &Renderer,
    job: &Job,
    cancel: &AtomicBool,
) -> Result<(Frame, f32), Failure> {
    let (mut state, mut volume) = (job.state.clone(), Arc::clone(&job.volume));
    let drawn = match &job.studio {
        None => {
            if let Some(rung) = job.meta.rung {
                volume = rung.coarsen(&mut state, &volume);
            }
            let params = render_core::render::resolve(&state, &volume);
            renderer.render(&volume, &params, cancel).map(|frame| (frame, 1.0))
        }
        Some(studio) => {
            let request = ViewRequest { renderer: renderer.clone(), volume, view: state };
            studio.advance(&shared.studios, &request, cancel)
        }
    };
    let drawn = drawn.map_err(failure)?;
    if cancel.load(Ordering::Relaxed) { Err(Failure::Cancelled) } else { Ok(drawn) }
}

fn failure(error: RenderError) -> Failure {
    match error {
        RenderError::Cancelled => Failure::Cancelled,
        other => Failure::Failed(other.to_string()),
    }
}

/// A defect that ended one picture spoils no other: until it is whole again, a canvas knows nothing of the
/// client's.
fn lock(canvas: &Mutex<Canvas>) -> MutexGuard<'_, Canvas> {
    canvas.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_that_is_long_for_a_while_is_too_much_and_one_that_has_gone_is_not() {
        let (mut load, start) = (Load::default(), Instant::now());
        let at = |ms: u64| start + Duration::from_millis(ms);
        load.began(start, Duration::from_millis(5));
        load.began(at(10), Duration::from_millis(400));
        assert!(!load.is_too_much(at(10)), "once is nothing");
        for turn in 1..40 {
            load.began(at(turn * 20), Duration::from_millis(150));
        }
        assert!(load.is_too_much(at(800)));
        assert!(!load.is_too_much(at(4000)), "nothing moves any more");
        load.began(at(4000), Duration::from_millis(2));
        assert!(!load.is_too_much(at(4000)));
    }
}
