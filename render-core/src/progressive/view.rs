//! Views drawn in steps.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::{Ladder, Painter, Refinement, Rung};
use crate::cinematic::MAX_PIXELS;
use crate::frame::{Frame, FrameKind};
use crate::render::{RenderError, RenderParams, Renderer};
use crate::scene::{Content, ViewState};
use crate::volume::Volume;

/// A view to draw.
#[derive(Clone, Debug)]
pub struct ViewRequest {
    pub renderer: Renderer,
    pub volume: Arc<Volume>,
    pub view: ViewState,
}

/// Draws views: what the user sees while moving first, as coarse as the measured speed asks for, then
/// the exact picture. A machine that draws that fast enough gets along with a single step. Cinematic
/// views move as shaded volumes and then refine pass by pass.
pub struct ViewPainter<D> {
    ladder: Ladder,
    clock: Box<dyn Fn() -> Duration + Send>,
    draw: D,
    /// Of the request in progress.
    rung: Option<Rung>,
    refinement: Refinement,
}

impl<D> std::fmt::Debug for ViewPainter<D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ViewPainter").field("ladder", &self.ladder).finish_non_exhaustive()
    }
}

impl<D, T> ViewPainter<D>
where
    D: FnMut(&ViewRequest, &Arc<Volume>, &RenderParams, &AtomicBool) -> Result<T, RenderError>,
{
    /// A coarse picture may take `budget`; `clock` tells the time since any moment. `draw` draws what
    /// the parameters say of the volume it is given, on whatever the pictures are for, with the request's renderer.
    pub fn new(budget: Duration, clock: impl Fn() -> Duration + Send + 'static, draw: D) -> Self {
        let refinement = Refinement::new(MAX_PIXELS);
        Self { ladder: Ladder::new(budget), clock: Box::new(clock), draw, rung: None, refinement }
    }
}

impl<D, T> Painter for ViewPainter<D>
where
    D: FnMut(&ViewRequest, &Arc<Volume>, &RenderParams, &AtomicBool) -> Result<T, RenderError>
        + Send
        + 'static,
    T: From<Frame>,
{
    type Request = ViewRequest;
    type Picture = T;

    fn begin(&mut self, request: &ViewRequest) -> u32 {
        self.rung = self.ladder.rung(request.view.content.in_one_picture());
        if request.view.content == Content::Cinematic {
            return 1 + self.refinement.begin(request);
        }
        self.refinement.end();
        if self.rung.is_some() { 2 } else { 1 }
    }

    fn paint(&mut self, request: &ViewRequest, step: u32, cancel: &AtomicBool) -> Result<T, RenderError> {
        let refines = request.view.content == Content::Cinematic;
        if refines && step > 0 {
            return self.refinement.advance(request, cancel, &self.clock).map(T::from);
        }
        let rung = self.rung.filter(|_| step == 0);
        let started = (self.clock)();
        let (mut view, mut volume) = (request.view.clone(), Arc::clone(&request.volume));
        if let Some(rung) = rung {
            volume = rung.coarsen(&mut view, &volume);
        }
        let mut params = crate::render::resolve(&view, &volume);
        if refines || rung.is_some() {
            params.kind = FrameKind::Interactive;
        }
        let picture = (self.draw)(request, &volume, &params, cancel)?;
        let content = request.view.content.in_one_picture();
        self.ladder.measured(content, rung, (self.clock)().saturating_sub(started));
        Ok(picture)
    }
}
