//! Views drawn in steps.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::{Ladder, Painter, Rung};
use crate::frame::FrameKind;
use crate::render::{RenderError, RenderParams, Renderer};
use crate::scene::ViewState;
use crate::volume::Volume;

/// A view to draw.
#[derive(Clone, Debug)]
pub struct ViewRequest {
    pub renderer: Renderer,
    pub volume: Arc<Volume>,
    pub view: ViewState,
}

/// Draws views: what the user sees while moving first, as coarse as the measured speed asks for, then
/// the exact picture. A machine that draws that fast enough gets along with a single step.
pub struct ViewPainter<D> {
    ladder: Ladder,
    clock: Box<dyn Fn() -> Duration + Send>,
    draw: D,
    /// Of the request in progress.
    rung: Option<Rung>,
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
        Self { ladder: Ladder::new(budget), clock: Box::new(clock), draw, rung: None }
    }
}

impl<D, T> Painter for ViewPainter<D>
where
    D: FnMut(&ViewRequest, &Arc<Volume>, &RenderParams, &AtomicBool) -> Result<T, RenderError>
        + Send
        + 'static,
{
    type Request = ViewRequest;
    type Picture = T;

    fn begin(&mut self, request: &ViewRequest) -> u32 {
        self.rung = self.ladder.rung(request.view.content);
        if self.rung.is_some() { 2 } else { 1 }
    }

    fn paint(&mut self, request: &ViewRequest, step: u32, cancel: &AtomicBool) -> Result<T, RenderError> {
        let rung = self.rung.filter(|_| step == 0);
        let started = (self.clock)();
        let (volume, params) = match rung {
            None => (Arc::clone(&request.volume), RenderParams::resolve(&request.view, &request.volume)),
            Some(rung) => {
                let mut view = request.view.clone();
                let volume = rung.coarsen(&mut view, &request.volume);
                let params = RenderParams::resolve(&view, &volume);
                (volume, RenderParams { kind: FrameKind::Interactive, ..params })
            }
        };
        let picture = (self.draw)(request, &volume, &params, cancel)?;
        self.ladder.measured(request.view.content, rung, (self.clock)().saturating_sub(started));
        Ok(picture)
    }
}
