//! Cinematic pictures, which gather samples from step to step.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::{Ladder, Painter, Rung};
use crate::cinematic::{Cinematic, Finish, Settings};
use crate::frame::{Frame, FrameKind};
use crate::render::RenderError;
use crate::scene::ViewState;
use crate::volume::Volume;

/// A view to draw in the light of a studio.
#[derive(Clone, Debug)]
pub struct CinematicRequest {
    pub volume: Arc<Volume>,
    pub view: ViewState,
    pub settings: Settings,
}

/// Most samples of a pixel that a pass adds. Passes double until then, because noise falls with the
/// root of the samples; longer ones would show nothing for too long.
const LONGEST_PASS: u32 = 16;

/// Samples of a pixel in a final picture.
const SAMPLES: u32 = 255;

/// A coarse picture of one sample, then passes at full size until the picture is final.
pub struct CinematicPainter {
    ladder: Ladder,
    clock: Box<dyn Fn() -> Duration + Send>,
    /// Of the request in progress.
    rung: Option<Rung>,
    /// What was gathered so far, and of which volume.
    film: Option<(Arc<Volume>, Cinematic)>,
}

impl std::fmt::Debug for CinematicPainter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CinematicPainter").field("ladder", &self.ladder).finish_non_exhaustive()
    }
}

impl CinematicPainter {
    /// A coarse picture may take `budget`; `clock` tells the time since any moment.
    pub fn new(budget: Duration, clock: impl Fn() -> Duration + Send + 'static) -> Self {
        Self { ladder: Ladder::new(budget), clock: Box::new(clock), rung: None, film: None }
    }
}

impl Painter for CinematicPainter {
    type Request = CinematicRequest;
    type Picture = Frame;

    fn begin(&mut self, request: &CinematicRequest) -> u32 {
        self.rung = self.ladder.rung(request.view.content);
        steps()
    }

    fn paint(
        &mut self,
        request: &CinematicRequest,
        step: u32,
        cancel: &AtomicBool,
    ) -> Result<Frame, RenderError> {
        let CinematicRequest { volume, settings, .. } = request;
        let rung = self.rung.filter(|_| step == 0);
        let mut view = request.view.clone();
        if let Some(rung) = rung {
            // A path costs the same whatever the volume's resolution.
            view.size = rung.size(view.size);
        }
        let started = (self.clock)();
        let mut film = match self.film.take() {
            Some((known, film)) if Arc::ptr_eq(&known, volume) => film,
            _ => Cinematic::new(Arc::clone(volume), &view, settings)?,
        };
        // The coarse picture and the first of full size begin anew; the others go on.
        if step <= 1 {
            film.restart(&view, settings)?;
        }
        let gathered = film.accumulate(pass(step), cancel);
        let picture = gathered.map(|_| film.picture(Finish::Denoised));
        self.film = Some((Arc::clone(volume), film));
        let frame = picture?;
        if step == 0 {
            let took = (self.clock)().saturating_sub(started);
            self.ladder.measured(view.content, rung, took);
        }
        let kind = if step + 1 == steps() { FrameKind::Exact } else { FrameKind::Interactive };
        Ok(Frame { kind, ..frame })
    }
}

/// Samples that a step adds to each pixel.
fn pass(step: u32) -> u32 {
    1 << step.saturating_sub(1).min(LONGEST_PASS.ilog2())
}

fn steps() -> u32 {
    // The coarse one, 1 + 2 + … + LONGEST_PASS/2, and the long ones that are missing then.
    1 + LONGEST_PASS.ilog2() + (SAMPLES - (LONGEST_PASS - 1)).div_ceil(LONGEST_PASS)
}
