//! How coarse a picture has to be to keep up with the user.

use std::sync::Arc;
use std::time::Duration;

use glam::DVec3;

use crate::halved::Reduction;
use crate::scene::view::Combine;
use crate::scene::{Content, ViewState};
use crate::volume::Volume;

/// One quality: the part of the width and height that is drawn, and the distance of samples in
/// voxels. From two voxels on, what is drawn is the volume at half its resolution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rung {
    pub scale: f64,
    pub step_voxels: f64,
}

impl Rung {
    /// What a machine should at least reach while the user moves.
    pub const HALF: Self = Self::of(0.5, 2.0);

    const fn of(scale: f64, step_voxels: f64) -> Self {
        Self { scale, step_voxels }
    }

    /// Pixels, counted more often the more their rays cost.
    fn work(self) -> f64 {
        // Rays that are half a voxel apart share their look-ups and loads.
        let voxels = if self.halves() { 0.6 } else { 1.0 };
        self.scale * self.scale * voxels / self.step_voxels
    }

    fn halves(self) -> bool {
        self.step_voxels >= 2.0
    }

    /// Of a picture that is this large at full quality.
    pub fn size(self, full: [u32; 2]) -> [u32; 2] {
        full.map(|n| ((f64::from(n) * self.scale).round() as u32).max(1))
    }

    /// Makes a view as coarse as this, and returns the volume that it is to be drawn from.
    pub fn coarsen(self, view: &mut ViewState, volume: &Arc<Volume>) -> Arc<Volume> {
        view.size = self.size(view.size);
        if !self.halves() || view.content == Content::Slice {
            view.step_voxels *= self.step_voxels;
            return Arc::clone(volume);
        }
        let half = volume.halved(match view.content {
            Content::Projection(Combine::Maximum) => Reduction::Largest,
            Content::Projection(Combine::Minimum) => Reduction::Smallest,
            Content::Projection(Combine::Mean) => Reduction::Mean,
            _ => Reduction::Bright,
        });
        let half_from_whole = half.geometry().voxel_from_patient() * volume.geometry().patient_from_voxel();
        for (axis, range) in view.clip.crop_voxels.iter_mut().flatten().enumerate() {
            *range = range.map(|x| half_from_whole.transform_point3(DVec3::AXES[axis] * x)[axis]);
        }
        let [whole, step] = [volume, &half].map(|v| v.geometry().spacing_mm().min_element());
        view.step_voxels *= self.step_voxels * whole / step;
        half
    }
}

/// From full quality to what even a slow machine draws at once.
const RUNGS: [Rung; 6] = [
    Rung::of(1.0, 1.0),
    Rung::of(0.85, 1.0),
    Rung::of(0.7, 1.2),
    Rung::of(0.7, 2.0),
    Rung::HALF,
    Rung::of(0.35, 2.0),
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
    use crate::scene::view::Orientation;

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

    #[test]
    fn a_crop_box_stays_where_it_is_in_the_half_of_a_volume() {
        let volume = Arc::new(crate::gpu::test_volume());
        let mut view = ViewState::new(&volume, Content::Volume, Orientation::Axial, [64, 64]);
        view.clip.crop_voxels = Some([[3.0, 9.0], [2.5, 7.0], [0.0, 4.0]]);
        let [whole, half] = [None, Some(Rung::HALF)].map(|rung| {
            let mut view = view.clone();
            let drawn = rung.map_or_else(|| Arc::clone(&volume), |rung| rung.coarsen(&mut view, &volume));
            let [x, y, z] = view.clip.crop_voxels.unwrap();
            let place = drawn.geometry().patient_from_voxel();
            assert_eq!(view.size == [32, 32], rung.is_some());
            [0, 1].map(|end| place.transform_point3(DVec3::new(x[end], y[end], z[end])))
        });
        for (a, b) in whole.iter().zip(half) {
            assert!(a.distance(b) < 1e-9, "{a} {b}");
        }
    }
}
