//! How coarse a picture has to be to keep up with the user.

use std::time::Duration;

use crate::scene::{Content, ViewState};

/// One quality: the part of the width and height that is drawn, and the distance of samples in voxels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rung {
    pub scale: f64,
    pub step_voxels: f64,
}

impl Rung {
    const fn of(scale: f64, step_voxels: f64) -> Self {
        Self { scale, step_voxels }
    }

    /// Pixels, counted more often the closer the samples of their rays are.
    fn work(self) -> f64 {
        self.scale * self.scale / self.step_voxels
    }

    /// Makes a view as coarse as this.
    pub fn coarsen(self, view: &mut ViewState) {
        view.size = view.size.map(|n| ((f64::from(n) * self.scale).round() as u32).max(1));
        view.step_voxels *= self.step_voxels;
    }
}

/// From full quality to what even a slow machine draws at once.
const RUNGS: [Rung; 6] = [
    Rung::of(1.0, 1.0),
    Rung::of(0.85, 1.0),
    Rung::of(0.7, 1.2),
    Rung::of(0.55, 1.5),
    Rung::of(0.42, 1.5),
    Rung::of(0.33, 2.0),
];

const COARSEST: usize = RUNGS.len() - 1;

/// The quality that keeps a budget of time, found by trying: a picture costs a part that does not
/// depend on its size, so only a neighbouring rung can be told from a measurement.
#[derive(Clone, Debug)]
pub struct Ladder {
    budget: Duration,
    kind: Option<std::mem::Discriminant<Content>>,
    rung: usize,
}

impl Ladder {
    /// Each picture may take this long.
    pub fn new(budget: Duration) -> Self {
        Self { budget, kind: None, rung: COARSEST - 1 }
    }

    /// The quality for the next picture of this content; `None` is full quality.
    pub fn rung(&mut self, content: Content) -> Option<Rung> {
        self.turn_to(content);
        (self.rung > 0).then(|| RUNGS[self.rung])
    }

    fn turn_to(&mut self, content: Content) {
        let kind = std::mem::discriminant(&content);
        if self.kind.replace(kind) != Some(kind) {
            // Nothing is known yet: something coarse shows at once, and measures.
            self.rung = if content == Content::Slice { 0 } else { COARSEST - 1 };
        }
    }

    /// A picture of this content took this long; without a rung it is one of full quality. Finer only
    /// with a margin, or the picture would flicker between two resolutions.
    pub fn measured(&mut self, content: Content, rung: Option<Rung>, time: Duration) {
        self.turn_to(content);
        let drawn = rung.unwrap_or(RUNGS[0]);
        let seconds = |other: Rung| time.as_secs_f64() * other.work() / drawn.work();
        let budget = self.budget.as_secs_f64();
        let index = RUNGS.iter().position(|known| *known == drawn).unwrap_or(0);
        let fits = RUNGS.iter().position(|&other| seconds(other) <= budget).unwrap_or(COARSEST);
        if index == 0 || fits > index {
            self.rung = fits;
        } else if index == self.rung && seconds(RUNGS[index - 1]) <= 0.95 * budget {
            self.rung = index - 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUDGET: Duration = Duration::from_millis(24);

    /// Runs a renderer that takes `fixed` and `full` milliseconds until the rung rests.
    fn settle(fixed: f64, full: f64) -> Rung {
        let mut ladder = Ladder::new(BUDGET);
        for _ in 0..40 {
            let rung = ladder.rung(Content::Volume);
            let work = rung.map_or(1.0, Rung::work);
            ladder.measured(Content::Volume, rung, Duration::from_secs_f64((fixed + full * work) / 1000.0));
        }
        ladder.rung(Content::Volume).unwrap_or(RUNGS[0])
    }

    #[test]
    fn a_fast_renderer_moves_in_full_quality_in_spite_of_what_each_picture_costs() {
        assert_eq!(settle(5.0, 15.0), RUNGS[0]);
    }

    #[test]
    fn a_slow_renderer_moves_as_finely_as_the_budget_allows() {
        let rung = settle(3.0, 200.0);
        assert!(rung.scale < 0.8, "{rung:?}");
        assert!(3.0 + 200.0 * rung.work() <= BUDGET.as_secs_f64() * 1000.0);
    }

    #[test]
    fn a_hopeless_renderer_moves_at_the_coarsest_step() {
        assert_eq!(settle(100.0, 5000.0), RUNGS[COARSEST]);
    }

    #[test]
    fn what_another_content_costs_is_found_out_anew() {
        let mut ladder = Ladder::new(BUDGET);
        ladder.measured(Content::Volume, None, Duration::from_secs(5));
        assert_eq!(ladder.rung(Content::Volume), Some(RUNGS[COARSEST]));
        assert_eq!(ladder.rung(Content::Slice), None);
        assert!(ladder.rung(Content::MIP).is_some());
    }
}
