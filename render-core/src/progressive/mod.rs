//! Pictures in steps: something coarse at once, then finer until it is final, on a thread of its own.
//!
//! ```text
//! submit(request) -> latest-wins slot -> Painter::paint(step 0, 1, …) -> deliver(Update)
//! ```
//!
//! [`Progressive`] schedules and knows nothing of pictures; a [`Painter`] says how many steps a
//! request takes and draws each of them. [`ViewPainter`] draws views with a renderer. Each pass
//! of a mode that gathers samples is a step; [`Refinement`] holds what was gathered so far.

mod cinematic;
mod ladder;
mod view;

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::render::RenderError;

pub use cinematic::Refinement;
pub use ladder::{Ladder, Rung};
pub use view::{ViewPainter, ViewRequest};

/// Draws the steps of requests, one after the other on one thread.
pub trait Painter: Send + 'static {
    type Request: Send + 'static;
    type Picture;

    /// Begins a request: how many steps lead to its final picture. At least one is drawn.
    fn begin(&mut self, request: &Self::Request) -> u32;

    /// Draws a step, counted from 0, of the request that `begin` was called with last; steps come in
    /// order. Returns `Cancelled` soon after `cancel` becomes true.
    fn paint(
        &mut self,
        request: &Self::Request,
        step: u32,
        cancel: &AtomicBool,
    ) -> Result<Self::Picture, RenderError>;
}

/// One step of a request is done.
#[derive(Debug)]
pub struct Update<'a, R, T> {
    pub request: &'a R,
    /// From 0; the picture is final when `step + 1 == steps`.
    pub step: u32,
    pub steps: u32,
    /// An error ends the request. It is never `Cancelled`: what was cancelled is not delivered.
    pub picture: Result<T, RenderError>,
}

impl<R, T> Update<'_, R, T> {
    pub fn is_final(&self) -> bool {
        self.step + 1 == self.steps
    }
}

/// What a request does to the one that is being drawn. Either way its refinement stops at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Succession {
    /// It goes on with the same motion. The first, coarse step is finished, or a mouse that never
    /// rests would never show anything.
    Continues,
    /// It shows something else: nothing of the one before is of any use.
    Replaces,
}

/// A thread that draws the newest request. Dropping it ends the thread soon, without waiting.
#[derive(Debug)]
pub struct Progressive<R> {
    shared: Arc<Shared<R>>,
}

#[derive(Debug)]
struct Shared<R> {
    slot: Mutex<Slot<R>>,
    wake: Condvar,
    /// A newer request waits: refining is of no use.
    newer: AtomicBool,
    /// Nothing in progress is of any use.
    abandon: AtomicBool,
    /// No more requests are drawn.
    ended: AtomicBool,
}

#[derive(Debug)]
struct Slot<R> {
    waiting: Option<Waiting<R>>,
    closed: bool,
}

#[derive(Debug)]
struct Waiting<R> {
    request: R,
    refine_after: Duration,
}

impl<R: Send + 'static> Progressive<R> {
    /// Starts a thread called `name`. `deliver` runs on it after every step, and is dropped when the
    /// thread ends, be it by a panic.
    pub fn start<P: Painter<Request = R>>(
        name: &str,
        painter: P,
        deliver: impl FnMut(Update<'_, R, P::Picture>) + Send + 'static,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            slot: Mutex::new(Slot { waiting: None, closed: false }),
            wake: Condvar::new(),
            newer: AtomicBool::new(false),
            abandon: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        });
        let theirs = Arc::clone(&shared);
        std::thread::Builder::new().name(name.to_owned()).spawn(move || theirs.run(painter, deliver))?;
        Ok(Self { shared })
    }

    /// Draws this next, in place of any request that waits. Returns at once; cancelled work has been
    /// told so by then. The second step begins `refine_after` the first, unless something newer comes
    /// before: while the user moves, refining would only take the processor from the next picture.
    pub fn submit(&self, request: R, succession: Succession, refine_after: Duration) {
        let mut slot = self.shared.lock();
        slot.waiting = Some(Waiting { request, refine_after });
        self.shared.newer.store(true, Ordering::Relaxed);
        if succession == Succession::Replaces {
            self.shared.abandon.store(true, Ordering::Relaxed);
        }
        self.shared.wake.notify_all();
    }

    /// Drops what waits and what is being drawn.
    pub fn withdraw(&self) {
        let mut slot = self.shared.lock();
        slot.waiting = None;
        self.shared.newer.store(true, Ordering::Relaxed);
        self.shared.abandon.store(true, Ordering::Relaxed);
        self.shared.wake.notify_all();
    }

    /// The thread has died of a panic; no picture will come.
    pub fn is_dead(&self) -> bool {
        self.shared.ended.load(Ordering::Acquire)
    }
}

impl<R> Drop for Progressive<R> {
    fn drop(&mut self) {
        let mut slot = self.shared.lock();
        slot.closed = true;
        slot.waiting = None;
        self.shared.newer.store(true, Ordering::Relaxed);
        self.shared.abandon.store(true, Ordering::Relaxed);
        self.shared.wake.notify_all();
    }
}

impl<R> Shared<R> {
    fn lock(&self) -> MutexGuard<'_, Slot<R>> {
        // The slot is whole between any two statements, so a panic elsewhere cannot have torn it.
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run<P: Painter<Request = R>>(
        &self,
        mut painter: P,
        mut deliver: impl FnMut(Update<'_, R, P::Picture>),
    ) {
        /// Goes before `deliver` does, so whoever is woken by that finds the end noted.
        struct End<'a>(&'a AtomicBool);
        impl Drop for End<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Release);
            }
        }
        let _end = End(&self.ended);
        while let Some(Waiting { request, refine_after }) = self.next() {
            let steps = painter.begin(&request).max(1);
            for step in 0..steps {
                if step == 1 && self.newer_within(refine_after) {
                    break;
                }
                let cancel = if step == 0 { &self.abandon } else { &self.newer };
                let picture = match painter.paint(&request, step, cancel) {
                    Err(RenderError::Cancelled) => break,
                    // The caller has withdrawn it, or asked for something else, in the last moment.
                    _ if self.abandon.load(Ordering::Relaxed) => break,
                    picture => picture,
                };
                let failed = picture.is_err();
                deliver(Update { request: &request, step, steps, picture });
                if failed {
                    break;
                }
            }
        }
    }

    /// Waits for a request; `None` when nobody is left to ask.
    fn next(&self) -> Option<Waiting<R>> {
        let waiting = |slot: &mut Slot<R>| slot.waiting.is_none() && !slot.closed;
        let slot = self.wake.wait_while(self.lock(), waiting);
        let mut slot = slot.unwrap_or_else(PoisonError::into_inner);
        // Both were about what was drawn before this request.
        self.newer.store(false, Ordering::Relaxed);
        self.abandon.store(false, Ordering::Relaxed);
        if slot.closed { None } else { slot.waiting.take() }
    }

    /// Whether the request in progress is superseded within `time`.
    fn newer_within(&self, time: Duration) -> bool {
        let current = |_: &mut Slot<R>| !self.newer.load(Ordering::Relaxed);
        let (slot, _) =
            self.wake.wait_timeout_while(self.lock(), time, current).unwrap_or_else(PoisonError::into_inner);
        drop(slot);
        self.newer.load(Ordering::Relaxed)
    }
}
