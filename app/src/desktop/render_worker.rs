//! The thread that draws one viewport's pictures: coarse ones while the user moves, the exact one once
//! the view rests.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use eframe::egui;
use eframe::egui_wgpu::RenderState;
use render_core::progressive::{Progressive, Succession, ViewPainter, ViewRequest};
use render_core::scene::{Content, ViewState};
use render_core::{FrameKind, RenderError, RenderParams, Volume};

use super::annotate::{Maker, Mask, Segments};
use super::canvas::{Canvas, Drawn, Image};

/// A picture while moving may take this long: 30 frames a second, less what uploading and drawing
/// the window take.
const BUDGET: Duration = Duration::from_millis(24);

/// After the last move, the view counts as resting this much later.
pub const REST: Duration = Duration::from_millis(120);

/// Whether more changes are likely to follow at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    Moving,
    Resting,
}

/// A picture and the view it shows.
#[derive(Debug)]
pub struct Picture {
    pub image: Image,
    pub view: ViewState,
    pub volume: Arc<Volume>,
    pub kind: FrameKind,
    /// How much is done of a picture that refines; `None` once it is final, and of all others.
    pub refined: Option<f32>,
    /// The segments that lie over it.
    pub mask: Option<Mask>,
}

#[derive(Debug)]
pub struct RenderWorker {
    /// `None` where the system gave no thread.
    progressive: Option<Progressive<ViewRequest>>,
    newest: Arc<Newest>,
    segments: Arc<Mutex<Option<Segments>>>,
    /// What the last request showed.
    scene: Option<(Arc<Volume>, Content)>,
}

/// The newest picture that was not taken yet.
type Newest = Mutex<Option<Result<Picture, RenderError>>>;

impl RenderWorker {
    /// `card` is the window's, if requests bring a renderer that was opened on it.
    pub fn start(name: &str, ctx: &egui::Context, card: Option<RenderState>) -> Self {
        let newest = Arc::new(Newest::default());
        let segments = Arc::new(Mutex::new(None::<Segments>));
        let (theirs, over, window) = (Arc::clone(&newest), Arc::clone(&segments), Wake(ctx.clone()));
        let mut maker = Maker::default();
        let started = Instant::now();
        let mut canvas = Canvas::new(card);
        let painter = ViewPainter::new(
            BUDGET,
            move || started.elapsed(),
            move |request: &ViewRequest, volume: &Arc<Volume>, params: &RenderParams, cancel: &AtomicBool| {
                canvas.draw(&request.renderer, volume, params, cancel)
            },
        );
        let progressive = Progressive::start(&format!("render {name}"), painter, move |update| {
            // The first step only stands in for the first pass.
            let refines = update.request.view.content == Content::Cinematic && update.step > 0;
            let refined =
                (refines && !update.is_final()).then(|| update.step as f32 / (update.steps - 1) as f32);
            let over = over.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let mask = over.and_then(|over| maker.mask(&over, &update.request.view));
            let picture = update.picture.map(|Drawn { image, kind }| Picture {
                image,
                view: update.request.view.clone(),
                volume: Arc::clone(&update.request.volume),
                kind,
                refined,
                mask,
            });
            *theirs.lock().unwrap_or_else(PoisonError::into_inner) = Some(picture);
            window.0.request_repaint();
        });
        let progressive =
            progressive.inspect_err(|error| tracing::error!(%error, name, "no thread for a viewport")).ok();
        Self { progressive, newest, segments, scene: None }
    }

    /// Replaces the request that waits, if any. `over` are the segments that lie over the picture.
    pub fn submit(&mut self, request: ViewRequest, over: Option<Segments>, pace: Pace) {
        let Some(progressive) = &self.progressive else { return };
        *self.segments.lock().unwrap_or_else(PoisonError::into_inner) = over;
        let (volume, content) = (Arc::clone(&request.volume), request.view.content);
        let continues = self.scene.as_ref().is_some_and(|(shown, before)| {
            Arc::ptr_eq(shown, &volume) && std::mem::discriminant(before) == std::mem::discriminant(&content)
        });
        self.scene = Some((volume, content));
        let succession = if continues { Succession::Continues } else { Succession::Replaces };
        let refine_after = if pace == Pace::Moving { REST } else { Duration::ZERO };
        progressive.submit(request, succession, refine_after);
    }

    pub fn take(&self) -> Option<Result<Picture, RenderError>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The thread has died of a panic; no picture will come.
    pub fn is_dead(&self) -> bool {
        self.progressive.as_ref().is_none_or(Progressive::is_dead)
    }
}

/// Repaints the window when it goes, too: a panic must reach the window as a dead thread.
struct Wake(egui::Context);

impl Drop for Wake {
    fn drop(&mut self) {
        self.0.request_repaint();
    }
}
