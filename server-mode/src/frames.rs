//! The threads that draw and encode. Every view of every session has one latest-wins slot, and the
//! slots take turns, so a busy session slows nobody down but itself. What moves goes first, but for one
//! turn in three; pictures that refine are drawn in what time the others leave.

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

use crate::encode::{self, Brush, Canvas, EncodeError, Jpeg, Painted, Tone};
use crate::refine::Studios;
use crate::session::{Coding, Job, JobMeta, Picture, Quality, Rendered};

/// What moves has this many turns while other pictures wait.
const MOVING_TURNS: u32 = 2;
/// Where pictures that move wait longer than this, even the coarsest come fewer than ten times a second.
const LONGEST_WAIT: Duration = Duration::from_millis(100);

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
    studios: Studios,
}

#[derive(Default)]
struct Queue {
    slots: HashMap<Key, Slot>,
    /// Keys whose slot has a job waiting and none running, in turn.
    ready: VecDeque<Key>,
    /// Turns of what moves since something else had one.
    moving_turns: u32,
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

#[derive(Default)]
struct Slot {
    waiting: Option<(Box<Job>, Reply)>,
    /// Since when something waits here.
    since: Option<Instant>,
    running: Option<Running>,
}

struct Running {
    quality: Quality,
    refines: bool,
    cancel: Arc<AtomicBool>,
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
        let threads = (0..thread_count(renderer))
            .map(|i| {
                let (shared, renderer) = (Arc::clone(&shared), renderer.clone());
                std::thread::Builder::new()
                    .name(format!("frames-{i}"))
                    .spawn(move || work(&shared, &renderer))
            })
            .collect::<Result<_, _>>()?;
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
        let slot = queue.slots.entry(key).or_default();
        if let Some(running) = &slot.running {
            if running.quality == Quality::Final && job.meta.quality == Quality::Interactive {
                running.cancel.store(true, Ordering::Relaxed);
            }
            return;
        }
        let refines = job.meta.refines;
        let in_turn = slot.waiting.replace((job, reply)).is_some();
        slot.since.get_or_insert_with(Instant::now);
        if !refines {
            queue.interrupt_refining();
        }
        if !in_turn {
            queue.ready.push_back(key);
            self.shared.work.notify_one();
        }
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
        self.shared.queue().withdraw_all(|key| key.session == session);
    }
}

impl Queue {
    /// Makes way: what was gathered stays, and the caller asks again when it is told so.
    fn interrupt_refining(&self) {
        let running = self.slots.values().filter_map(|slot| slot.running.as_ref());
        for refining in running.filter(|running| running.refines) {
            refining.cancel.store(true, Ordering::Relaxed);
        }
    }

    /// The key whose turn it is; refining has to wait for all else.
    fn next_key(&mut self) -> Option<Key> {
        let place_of = |wanted: fn(&JobMeta) -> bool| {
            let waiting = |key: &Key| self.slots.get(key).and_then(|slot| slot.waiting.as_ref());
            self.ready.iter().position(|key| waiting(key).is_some_and(|(job, _)| wanted(&job.meta)))
        };
        let moving = place_of(|meta| meta.quality == Quality::Interactive);
        let resting = place_of(|meta| meta.quality != Quality::Interactive && !meta.refines);
        let place = match (moving, resting) {
            (Some(moving), None) => moving,
            (Some(moving), Some(_)) if self.moving_turns < MOVING_TURNS => moving,
            (_, Some(resting)) => resting,
            (None, None)
                if self.slots.values().any(|slot| slot.running.as_ref().is_some_and(|r| !r.refines)) =>
            {
                return None;
            }
            (None, None) => 0,
        };
        self.moving_turns = if moving == Some(place) { self.moving_turns + 1 } else { 0 };
        self.ready.remove(place)
    }

    fn withdraw_all(&mut self, which: impl Fn(&Key) -> bool) {
        let keys: Vec<_> = self.slots.keys().copied().filter(which).collect();
        for key in keys {
            self.withdraw(key);
        }
    }

    fn withdraw(&mut self, key: Key) {
        let Some(slot) = self.slots.get_mut(&key) else { return };
        slot.waiting = None;
        self.ready.retain(|ready| *ready != key);
        match &slot.running {
            Some(running) => running.cancel.store(true, Ordering::Relaxed),
            None => {
                self.slots.remove(&key);
            }
        }
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        {
            let mut queue = self.shared.queue();
            queue.stopped = true;
            for slot in queue.slots.values() {
                if let Some(running) = &slot.running {
                    running.cancel.store(true, Ordering::Relaxed);
                }
            }
        }
        self.shared.work.notify_all();
        for thread in self.threads.drain(..) {
            // A worker catches panics, so joining cannot fail in a way that matters here.
            let _ = thread.join();
        }
    }
}

/// Two, so that one draws while the other encodes; a renderer that does not use all cores by itself
/// gets more.
fn thread_count(renderer: &Renderer) -> usize {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    if renderer.name() == "cpu" { 2 } else { cores.clamp(2, 8) }
}

fn work(shared: &Shared, renderer: &Renderer) {
    let mut jpeg = None;
    while let Some(Next { key, job, reply, cancel, wait_time }) = next(shared) {
        let meta = job.meta.clone();
        // A defect in a renderer costs one picture, not the server.
        let picture = catch_unwind(AssertUnwindSafe(|| {
            let jpeg = match &mut jpeg {
                Some(jpeg) => jpeg,
                None => jpeg.insert(Jpeg::new().map_err(EncodeError::from)?),
            };
            let made = make(shared, renderer, &job, &cancel, jpeg)?;
            Ok(Picture { wait_time, ..made })
        }))
        .unwrap_or_else(|_| Err(Failure::Failed("the renderer has a defect".into())));
        let mut queue = shared.queue();
        // Frames build on each other: none of this view is begun, still less sent, before this one is.
        reply(Rendered { meta, picture });
        if let Some(slot) = queue.slots.get_mut(&key) {
            slot.running = None;
            if slot.waiting.is_none() {
                queue.slots.remove(&key);
            }
        }
        if !queue.ready.is_empty() {
            // Refining may go on now.
            shared.work.notify_one();
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

fn next(shared: &Shared) -> Option<Next> {
    let mut queue = shared.queue();
    loop {
        if queue.stopped {
            return None;
        }
        if let Some(key) = queue.next_key() {
            let slot = queue.slots.entry(key).or_default();
            let Some((job, reply)) = slot.waiting.take() else { continue };
            let now = Instant::now();
            let wait_time = now - slot.since.take().unwrap_or(now);
            let cancel = Arc::new(AtomicBool::new(false));
            let (quality, refines) = (job.meta.quality, job.meta.refines);
            slot.running = Some(Running { quality, refines, cancel: Arc::clone(&cancel) });
            if quality == Quality::Interactive {
                queue.load.began(now, wait_time);
            }
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
    Failed(String),
}

impl From<EncodeError> for Failure {
    fn from(error: EncodeError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Does what a job asks for.
fn make(
    shared: &Shared,
    renderer: &Renderer,
    job: &Job,
    cancel: &AtomicBool,
    jpeg: &mut Jpeg,
) -> Result<Picture, Failure> {
    let started = Instant::now();
    let mut message = vec![0; HEADER_BYTES];
    let mut rendered = started;
    let (mut size, mut refined) = (job.state.size, 1.0);
    let mut drawn = || {
        let drawn = draw(shared, renderer, job, cancel)?;
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
            let values = renderer.values(&job.volume, &params, cancel).map_err(failure)?;
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
