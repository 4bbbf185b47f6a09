//! The thread that draws one viewport's pictures.
//!
//! Requests are a latest-wins slot. While the user moves, pictures are made as coarse as the
//! measured speed asks for; once the view rests, the exact picture follows. An exact picture is
//! dropped as soon as a newer request comes; a coarse one is always finished, or a mouse that never
//! rests would never show anything.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use eframe::egui;
use render_core::scene::{Content, ViewState};
use render_core::{Frame, FrameKind, RenderError, RenderParams, Renderer, Volume};

/// A picture while moving may take this long: 30 frames a second, less what uploading and drawing
/// the window take.
const BUDGET: Duration = Duration::from_millis(24);

/// After the last move, the view counts as resting this much later.
const REST: Duration = Duration::from_millis(120);

/// Coarser and coarser pictures: (part of the width and height, distance of samples in voxels).
const LADDER: [(f64, f64); 6] = [(1.0, 1.0), (0.85, 1.0), (0.7, 1.2), (0.55, 1.5), (0.42, 1.5), (0.33, 2.0)];

/// What to draw.
#[derive(Clone, Debug)]
pub struct Request {
    pub renderer: Renderer,
    pub volume: Arc<Volume>,
    pub view: ViewState,
    pub pace: Pace,
}

/// Whether more changes are likely to follow at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    Moving,
    Resting,
}

/// A picture and the view it shows.
#[derive(Debug)]
pub struct Picture {
    pub image: egui::ColorImage,
    pub view: ViewState,
    pub volume: Arc<Volume>,
    pub kind: FrameKind,
}

#[derive(Debug)]
pub struct RenderWorker {
    shared: Arc<Shared>,
    thread: Option<std::thread::JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    slot: Mutex<Slot>,
    wake: Condvar,
    /// A newer request waits: an exact picture in progress is of no use.
    newer: AtomicBool,
    /// Nothing in progress is of any use.
    abandon: AtomicBool,
    ctx: egui::Context,
}

#[derive(Debug, Default)]
struct Slot {
    request: Option<Request>,
    result: Option<Result<Picture, RenderError>>,
    closed: bool,
}

impl RenderWorker {
    pub fn start(name: &str, ctx: &egui::Context) -> Self {
        let shared = Arc::new(Shared {
            slot: Mutex::default(),
            wake: Condvar::new(),
            newer: AtomicBool::new(false),
            abandon: AtomicBool::new(false),
            ctx: ctx.clone(),
        });
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name(format!("render {name}")).spawn(move || theirs.run());
        let thread =
            thread.inspect_err(|error| tracing::error!(%error, name, "no thread for a viewport")).ok();
        Self { shared, thread }
    }

    /// Replaces the request that waits, if any.
    pub fn submit(&self, request: Request) {
        let mut slot = self.shared.lock();
        slot.request = Some(request);
        self.shared.newer.store(true, Ordering::Relaxed);
        self.shared.wake.notify_all();
    }

    /// The newest picture that was not taken yet.
    pub fn take(&self) -> Option<Result<Picture, RenderError>> {
        self.shared.lock().result.take()
    }

    /// The thread has died of a panic; no picture will come.
    pub fn is_dead(&self) -> bool {
        self.thread.as_ref().is_none_or(std::thread::JoinHandle::is_finished)
    }
}

impl Drop for RenderWorker {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.newer.store(true, Ordering::Relaxed);
        self.shared.abandon.store(true, Ordering::Relaxed);
        self.shared.wake.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Slot> {
        // The slot is whole between any two statements, so a panic elsewhere cannot have torn it.
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        // A panic below must reach the window as a dead thread, seen at its next repaint.
        struct Wake<'a>(&'a egui::Context);
        impl Drop for Wake<'_> {
            fn drop(&mut self) {
                self.0.request_repaint();
            }
        }
        let _wake = Wake(&self.ctx);
        let mut speed = Speed::default();
        while let Some(request) = self.next() {
            let rung = speed.rung(&request.view);
            if rung > 0 {
                self.draw(&request, rung, FrameKind::Interactive, &self.abandon, &mut speed);
                let rest = if request.pace == Pace::Moving { REST } else { Duration::ZERO };
                if self.newer_within(rest) {
                    continue;
                }
            }
            self.draw(&request, 0, FrameKind::Exact, &self.newer, &mut speed);
        }
    }

    /// Waits for a request; `None` when the viewport is gone.
    fn next(&self) -> Option<Request> {
        let mut slot = self.lock();
        loop {
            if slot.closed {
                return None;
            }
            if let Some(request) = slot.request.take() {
                self.newer.store(false, Ordering::Relaxed);
                return Some(request);
            }
            slot = self.wake.wait(slot).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Whether a request comes, or the viewport goes, within `time`.
    fn newer_within(&self, time: Duration) -> bool {
        let waiting = |slot: &mut Slot| slot.request.is_none() && !slot.closed;
        let result = self.wake.wait_timeout_while(self.lock(), time, waiting);
        let (slot, _) = result.unwrap_or_else(PoisonError::into_inner);
        slot.request.is_some() || slot.closed
    }

    fn draw(&self, request: &Request, rung: usize, kind: FrameKind, cancel: &AtomicBool, speed: &mut Speed) {
        let (scale, step_voxels) = LADDER[rung];
        let mut view = request.view.clone();
        view.size = view.size.map(|n| ((f64::from(n) * scale).round() as u32).max(1));
        view.step_voxels *= step_voxels;
        let started = Instant::now();
        let mut params = RenderParams::resolve(&view, &request.volume);
        params.kind = kind;
        let result = match request.renderer.render(&request.volume, &params, cancel) {
            Ok(frame) => {
                speed.measured(rung, started.elapsed());
                Ok(Picture {
                    image: to_image(&frame),
                    view: request.view.clone(),
                    volume: Arc::clone(&request.volume),
                    kind,
                })
            }
            Err(RenderError::Cancelled) => return,
            Err(error) => Err(error),
        };
        self.lock().result = Some(result);
        self.ctx.request_repaint();
    }
}

fn to_image(frame: &Frame) -> egui::ColorImage {
    // Opaque pixels are the same premultiplied or not.
    egui::ColorImage::from_rgba_premultiplied(frame.size.map(|n| n as usize), &frame.pixels)
}

/// The step of the ladder that keeps the budget, found by trying: a picture costs a part that does
/// not depend on its size, so only a neighbouring step can be told from a measurement.
#[derive(Debug, Default)]
struct Speed {
    kind: Option<std::mem::Discriminant<Content>>,
    rung: usize,
}

impl Speed {
    fn rung(&mut self, view: &ViewState) -> usize {
        let kind = std::mem::discriminant(&view.content);
        if self.kind.replace(kind) != Some(kind) {
            // Nothing is known yet: something coarse shows at once, and measures.
            self.rung = if view.content == Content::Slice { 0 } else { LADDER.len() - 2 };
        }
        self.rung
    }

    /// A picture of this step took this long. Finer only with a margin, or the picture would
    /// flicker between two resolutions.
    fn measured(&mut self, rung: usize, time: Duration) {
        let seconds_of = |other: usize| time.as_secs_f64() * work(other) / work(rung);
        let (budget, last) = (BUDGET.as_secs_f64(), LADDER.len() - 1);
        let fits = (0..=last).find(|&other| seconds_of(other) <= budget).unwrap_or(last);
        if rung == 0 || fits > rung {
            self.rung = fits;
        } else if rung == self.rung && seconds_of(rung - 1) <= 0.95 * budget {
            self.rung = rung - 1;
        }
    }
}

/// Pixels of a step, counted more often the closer the samples of their rays are.
fn work(rung: usize) -> f64 {
    let (scale, step_voxels) = LADDER[rung];
    scale * scale / step_voxels
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a renderer that takes `fixed` and `full` milliseconds until the step rests.
    fn settle(fixed: f64, full: f64) -> usize {
        let mut speed = Speed { kind: None, rung: LADDER.len() - 2 };
        for _ in 0..40 {
            let rung = speed.rung;
            speed.measured(rung, Duration::from_secs_f64((fixed + full * work(rung)) / 1000.0));
        }
        speed.rung
    }

    #[test]
    fn a_fast_renderer_moves_in_full_quality_in_spite_of_what_each_picture_costs() {
        assert_eq!(settle(5.0, 15.0), 0);
    }

    #[test]
    fn a_slow_renderer_moves_as_finely_as_the_budget_allows() {
        let rung = settle(3.0, 200.0);
        assert!((2..=5).contains(&rung), "{rung}");
        assert!(3.0 + 200.0 * work(rung) <= BUDGET.as_secs_f64() * 1000.0);
    }

    #[test]
    fn a_hopeless_renderer_moves_at_the_coarsest_step() {
        assert_eq!(settle(100.0, 5000.0), LADDER.len() - 1);
    }
}
