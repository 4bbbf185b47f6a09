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
const LADDER: [(f64, f64); 7] =
    [(1.0, 1.0), (0.8, 1.5), (0.65, 1.5), (0.5, 1.5), (0.4, 2.0), (0.28, 2.0), (0.2, 2.5)];

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
                self.draw(&request, LADDER[rung], FrameKind::Interactive, &self.abandon, &mut speed);
                let rest = if request.pace == Pace::Moving { REST } else { Duration::ZERO };
                if self.newer_within(rest) {
                    continue;
                }
            }
            self.draw(&request, LADDER[0], FrameKind::Exact, &self.newer, &mut speed);
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

    fn draw(
        &self,
        request: &Request,
        (scale, step_voxels): (f64, f64),
        kind: FrameKind,
        cancel: &AtomicBool,
        speed: &mut Speed,
    ) {
        let mut view = request.view.clone();
        view.size = view.size.map(|n| ((f64::from(n) * scale).round() as u32).max(1));
        view.step_voxels *= step_voxels;
        let started = Instant::now();
        let mut params = RenderParams::resolve(&view, &request.volume);
        params.kind = kind;
        let result = match request.renderer.render(&request.volume, &params, cancel) {
            Ok(frame) => {
                speed.measured(&view, started.elapsed());
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

/// How long pictures take, learned from the last ones.
#[derive(Debug, Default)]
struct Speed {
    kind: Option<std::mem::Discriminant<Content>>,
    seconds_per_work: Option<f64>,
    rung: usize,
}

impl Speed {
    /// Pixels, counted more often the closer the samples of their rays are.
    fn work(size: [u32; 2], step_voxels: f64) -> f64 {
        f64::from(size[0]) * f64::from(size[1]) / step_voxels
    }

    /// The finest step of the ladder that keeps the budget.
    fn rung(&mut self, view: &ViewState) -> usize {
        let kind = std::mem::discriminant(&view.content);
        if self.kind != Some(kind) {
            *self = Self { kind: Some(kind), seconds_per_work: None, rung: 0 };
        }
        let Some(seconds_per_work) = self.seconds_per_work else {
            // Nothing is known yet: something coarse shows at once, and measures.
            return if view.content == Content::Slice { 0 } else { LADDER.len() - 2 };
        };
        let full = Self::work(view.size, view.step_voxels) * seconds_per_work;
        let seconds = |(scale, step): (f64, f64)| full * scale * scale / step;
        let budget = BUDGET.as_secs_f64();
        let last = LADDER.len() - 1;
        let fits = LADDER.iter().position(|&rung| seconds(rung) <= budget).unwrap_or(last);
        // Finer only with a margin, or the picture would flicker between two resolutions.
        if fits >= self.rung || seconds(LADDER[fits]) <= 0.75 * budget {
            self.rung = fits;
        }
        self.rung
    }

    fn measured(&mut self, view: &ViewState, time: Duration) {
        let now = time.as_secs_f64() / Self::work(view.size, view.step_voxels).max(1.0);
        self.seconds_per_work = Some(self.seconds_per_work.map_or(now, |before| 0.6 * before + 0.4 * now));
    }
}
