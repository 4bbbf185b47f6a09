//! Views drawn in steps.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::{Ladder, Painter, Rung};
use crate::frame::{Frame, FrameKind};
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
pub struct ViewPainter {
    ladder: Ladder,
    clock: Box<dyn Fn() -> Duration + Send>,
    /// Of the request in progress.
    rung: Option<Rung>,
}

impl std::fmt::Debug for ViewPainter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ViewPainter").field("ladder", &self.ladder).finish_non_exhaustive()
    }
}

impl ViewPainter {
    /// A coarse picture may take `budget`; `clock` tells the time since any moment.
    pub fn new(budget: Duration, clock: impl Fn() -> Duration + Send + 'static) -> Self {
        Self { ladder: Ladder::new(budget), clock: Box::new(clock), rung: None }
    }
}

impl Painter for ViewPainter {
    type Request = ViewRequest;
    type Picture = Frame;

    fn begin(&mut self, request: &ViewRequest) -> u32 {
        self.rung = self.ladder.rung(request.view.content);
        if self.rung.is_some() { 2 } else { 1 }
    }

    fn paint(&mut self, request: &ViewRequest, step: u32, cancel: &AtomicBool) -> Result<Frame, RenderError> {
        let rung = self.rung.filter(|_| step == 0);
        let params = match rung {
            None => RenderParams::resolve(&request.view, &request.volume),
            Some(rung) => {
                let mut view = request.view.clone();
                rung.coarsen(&mut view);
                let params = RenderParams::resolve(&view, &request.volume);
                RenderParams { kind: FrameKind::Interactive, ..params }
            }
        };
        let started = (self.clock)();
        let frame = request.renderer.render(&request.volume, &params, cancel)?;
        self.ladder.measured(request.view.content, rung, (self.clock)().saturating_sub(started));
        Ok(frame)
    }
}
