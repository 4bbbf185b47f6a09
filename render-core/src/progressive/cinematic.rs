//! Cinematic pictures, refined pass by pass.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::ViewRequest;
use crate::cinematic::{Cinematic, Finish, Settings};
use crate::frame::{Frame, FrameKind};
use crate::render::RenderError;
use crate::scene::ViewState;
use crate::volume::Volume;

/// Samples of a pixel in a final picture.
const SAMPLES: u32 = 128;

/// A coarse picture has this many, so that no speckles of single paths show.
const COARSE_SAMPLES: u32 = 4;

/// The first picture is as coarse as it has to be to come this soon.
const FIRST_SECONDS: f64 = 0.3;

/// No picture is worth showing for less time, and nobody likes to wait longer for the next one.
const PASS_SECONDS: [f64; 2] = [0.15, 2.0];

/// No picture is coarser, in width and height.
const COARSEST: f64 = 0.25;

/// Until paths were timed, one takes this long: eight cores of a desktop.
const PATH_SECONDS: f64 = 1e-6;

/// What gathers the samples of one view. A view that has changed, or another volume, begins anew; a
/// pass that was cancelled goes on where it was.
#[derive(Debug)]
pub struct Refinement {
    most_pixels: u32,
    path_seconds: f64,
    begun: Option<(Arc<Volume>, ViewState)>,
    plan: Vec<Pass>,
    next: usize,
    film: Option<Film>,
}

#[derive(Debug)]
struct Film {
    volume: Arc<Volume>,
    on_card: bool,
    cinematic: Cinematic,
    /// Part of the width and height that it has now; `None` when it shows an earlier view.
    scale: Option<f64>,
    /// A pass was cancelled: its time says nothing about its paths.
    was_cancelled: bool,
}

/// A picture to show: the part of the view's width and height that it has, and the samples of each of
/// its pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Pass {
    scale: f64,
    samples: u32,
}

impl Refinement {
    /// Larger views have pictures of at most `most_pixels`; each takes up to 152 bytes.
    pub fn new(most_pixels: u32) -> Self {
        let (begun, plan, film) = (None, Vec::new(), None);
        Self { most_pixels, path_seconds: PATH_SECONDS, begun, plan, next: 0, film }
    }

    /// Whether the next pass belongs to this view.
    pub fn goes_on(&self, request: &ViewRequest) -> bool {
        let same = |(volume, view): &(Arc<Volume>, ViewState)| {
            Arc::ptr_eq(volume, &request.volume) && *view == request.view
        };
        self.next < self.plan.len() && self.begun.as_ref().is_some_and(same)
    }

    /// Begins a view; returns how many passes lead to its final picture.
    pub fn begin(&mut self, request: &ViewRequest) -> u32 {
        let pixels = request.view.size.map(f64::from).iter().product::<f64>();
        self.plan = plan(pixels, f64::from(self.most_pixels), self.path_seconds);
        self.next = 0;
        self.begun = Some((Arc::clone(&request.volume), request.view.clone()));
        let on_card = request.renderer.gpu().is_some();
        self.film.take_if(|film| !Arc::ptr_eq(&film.volume, &request.volume) || film.on_card != on_card);
        if let Some(film) = &mut self.film {
            film.scale = None;
        }
        self.plan.len() as u32
    }

    /// Frees the memory; what was gathered is lost.
    pub fn end(&mut self) {
        (self.begun, self.film) = (None, None);
        self.plan.clear();
    }

    /// The share of passes that are done.
    pub fn share(&self) -> f32 {
        self.next as f32 / self.plan.len().max(1) as f32
    }

    /// Draws the next pass of the request that was begun; the frame of the last one is `Exact`. After
    /// `Cancelled` the same pass is the next one. `clock` tells the time since any moment.
    pub fn advance(
        &mut self,
        request: &ViewRequest,
        cancel: &AtomicBool,
        clock: &dyn Fn() -> Duration,
    ) -> Result<Frame, RenderError> {
        let Some(&Pass { scale, samples }) = self.plan.get(self.next) else {
            return Err(RenderError::Cancelled);
        };
        let mut view = request.view.clone();
        view.size = view.size.map(|n| ((f64::from(n) * scale).round() as u32).max(1));
        let settings = Settings::default();
        let film = match &mut self.film {
            Some(film) => film,
            empty => {
                let volume = Arc::clone(&request.volume);
                let on_card = request.renderer.gpu().is_some();
                let cinematic = Cinematic::on(&request.renderer, Arc::clone(&volume), &view, &settings)?;
                empty.insert(Film { volume, on_card, cinematic, scale: Some(scale), was_cancelled: false })
            }
        };
        if film.scale != Some(scale) {
            film.cinematic.restart(&view, &settings)?;
            (film.scale, film.was_cancelled) = (Some(scale), false);
        }
        let missing = samples.saturating_sub(film.cinematic.samples());
        let started = clock();
        if let Err(error) = film.cinematic.accumulate(missing, cancel) {
            film.was_cancelled = true;
            return Err(error);
        }
        let paths = f64::from(missing) * view.size.map(f64::from).iter().product::<f64>();
        if !std::mem::take(&mut film.was_cancelled) && missing > 0 {
            self.path_seconds = clock().saturating_sub(started).as_secs_f64() / paths;
        }
        let frame = film.cinematic.picture_unless(Finish::Denoised, cancel)?;
        self.next += 1;
        let is_final = self.next == self.plan.len();
        if is_final {
            self.film = None;
        }
        Ok(Frame { kind: if is_final { FrameKind::Exact } else { FrameKind::Interactive }, ..frame })
    }
}

/// From something coarse at once to the final picture, so that on any machine passes come often
/// enough. Passes double while they are short, because noise falls with the root of the samples.
fn plan(pixels: f64, most_pixels: f64, path_seconds: f64) -> Vec<Pass> {
    let whole = (most_pixels / pixels).sqrt().min(1.0);
    // Of one sample of all pixels; never 0, whatever a clock says.
    let seconds = (pixels * whole * whole * path_seconds).max(1e-6);
    let coarse = (FIRST_SECONDS / (f64::from(COARSE_SAMPLES) * seconds)).sqrt().max(COARSEST);
    let scales = std::iter::successors(Some(coarse), |scale| Some(scale * 2.0));
    let mut plan: Vec<Pass> = scales
        .take_while(|&scale| scale < 0.75)
        .map(|scale| Pass { scale: scale * whole, samples: COARSE_SAMPLES })
        .collect();
    let [shortest, longest] = PASS_SECONDS.map(|pass| ((pass / seconds) as u32).max(1));
    let mut samples = 0;
    while samples < SAMPLES {
        samples = (samples + samples.clamp(shortest, longest)).min(SAMPLES);
        plan.push(Pass { scale: whole, samples });
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: f64 = 1e9;

    #[test]
    fn a_fast_machine_needs_few_passes_and_none_of_them_coarse() {
        let plan = plan(1e6, WHOLE, 1e-9);
        assert!(plan.len() == 1 && plan[0] == Pass { scale: 1.0, samples: SAMPLES }, "{plan:?}");
    }

    #[test]
    fn pictures_come_often_on_a_slow_machine_and_each_adds_samples() {
        let slow = 4e-6;
        let plan = plan(2e6, WHOLE, slow);
        let seconds = |pass: &Pass, samples: u32| 2e6 * pass.scale.powi(2) * f64::from(samples) * slow;
        assert!(seconds(&plan[0], plan[0].samples) < 2.5, "{plan:?}");
        for pair in plan.windows(2) {
            let [before, pass] = pair else { unreachable!("windows of two") };
            assert!(pass.scale >= before.scale);
            let from = if pass.scale > before.scale { 0 } else { before.samples };
            assert!(pass.samples > from && seconds(pass, pass.samples - from) <= 9.0, "{pass:?}");
        }
        assert_eq!(plan.last(), Some(&Pass { scale: 1.0, samples: SAMPLES }));
    }

    #[test]
    fn no_pass_has_more_pixels_than_there_is_memory_for() {
        for path_seconds in [0.0, 1e-8, 1e-5] {
            let plan = plan(4e6, 1e6, path_seconds);
            assert!(plan.iter().all(|pass| pass.scale <= 0.5));
            assert_eq!(plan.last(), Some(&Pass { scale: 0.5, samples: SAMPLES }));
        }
    }
}
