//! How coarse a picture has to be to keep up with the user.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use glam::DVec3;

use crate::halved::Reduction;
use crate::scene::clip::Clip;
use crate::scene::view::Combine;
use crate::scene::{Content, ViewState};
use crate::volume::Volume;

/// One quality: the part of the width and height that is drawn, and the least distance of samples as a multiple of
/// `ViewState::FINE_STEP`. Beyond twice that, what is drawn is the volume at half its resolution, whose voxels are four
/// times that.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rung {
    pub scale: f64,
    pub step: f64,
}

impl Rung {
    /// Every pixel from the whole volume, with as many samples as what moves needs.
    pub const MOVING: Self = Self::of(1.0, 2.0);
    /// What a machine should at least reach while the user moves.
    pub const HALF: Self = Self::of(0.5, 4.0);

    const fn of(scale: f64, step: f64) -> Self {
        Self { scale, step }
    }

    /// Each distance of samples that a `Ladder` may choose, once.
    pub fn steps() -> Vec<f64> {
        let mut steps = RUNGS.map(|rung| rung.step).to_vec();
        steps.dedup();
        steps
    }

    /// What it takes against the whole picture with samples twice as far apart as the view's, as measured where most time
    /// goes into fetching voxels: fewer rays share fewer of them, and the half of a volume has an eighth.
    fn work(self) -> f64 {
        if self.halves() {
            return (0.06 + 0.3 * self.scale.powf(1.8)) * (4.0 / self.step).powf(0.6);
        }
        let samples = if self.step < 2.0 { FINE_WORK } else { 1.0 };
        samples * (0.18 + 0.82 * self.scale.powf(1.15))
    }

    /// The same, but no larger than this part of the width and height.
    fn within(self, scale: f64) -> Self {
        Self { scale: self.scale.min(scale), ..self }
    }

    /// No larger than there is detail, where pixels cost bytes: while its voxels are wider than pixels, the half of a
    /// volume is as near to the full picture with 0.4 of the width as with 0.5 (25.1 and 25.2 dB), in a third fewer bytes.
    pub fn as_detailed(self, view: &ViewState, volume: &Volume) -> Self {
        let camera = &view.camera;
        let pixel_mm = 2.0 * camera.distance_mm * camera.half_height() / f64::from(view.size[1].max(1));
        let voxel_mm = 2.0 * volume.geometry().spacing_mm().min_element();
        let is_coarse = self.halves() && !view.content.is_cut();
        let is_enough = DETAILED * voxel_mm > PIXELS_A_VOXEL * pixel_mm;
        if is_coarse && is_enough { self.within(DETAILED) } else { self }
    }

    fn halves(self) -> bool {
        self.step > 2.0
    }

    /// Of a picture that is this large at full quality.
    pub fn size(self, full: [u32; 2]) -> [u32; 2] {
        full.map(|n| ((f64::from(n) * self.scale).round() as u32).max(1))
    }

    /// Makes a view as coarse as this, and returns the volume that it is to be drawn from.
    pub fn coarsen(self, view: &mut ViewState, volume: &Arc<Volume>) -> Arc<Volume> {
        view.size = self.size(view.size);
        if self.step > 1.0 {
            view.step_voxels = view.step_voxels.max(self.step * ViewState::FINE_STEP);
            let opaque_below = if self.halves() { HALF_OPAQUE_BELOW } else { MOVING_OPAQUE_BELOW };
            view.opaque_below = view.opaque_below.max(opaque_below);
        }
        if !self.halves() || view.content.is_cut() {
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
        view.step_voxels *= whole / step;
        let spacing = half.geometry().spacing_mm();
        let thinnest = (half.geometry().dims().map(f64::from).into_iter().zip(spacing.to_array()))
            .fold(f64::INFINITY, |thinnest, (n, mm)| thinnest.min(n * mm));
        let is_thick = view.clip == Clip::default() && thinnest > MANY * spacing.min_element();
        if view.content == Content::Projection(Combine::Mean) && is_thick {
            // Half of the samples have the same mean: 42.9 dB from the full picture, as with all of them (chest CT).
            view.step_voxels *= 2.0;
        }
        half
    }
}

/// Where rays of what moves end. Their loss of 0.1 dB saves 8 % of the time where the whole volume is drawn, and 5 % (bone) to
/// 20 % (soft tissue, muscle) where its half is (chest CT).
const MOVING_OPAQUE_BELOW: f64 = 1.0 / 32.0;
const HALF_OPAQUE_BELOW: f64 = 1.0 / 16.0;

/// The part of the width that shows all detail of a volume's half, where its voxels have so many pixels.
const DETAILED: f64 = 0.4;
const PIXELS_A_VOXEL: f64 = 1.2;

/// Voxels across the half of a volume of which every other one is enough.
const MANY: f64 = 32.0;

const FULL: Rung = Rung::of(1.0, 1.0);

/// What twice the samples take: neighbours share voxels along the ray, too.
const FINE_WORK: f64 = 1.5;

/// From full quality to what even a slow machine draws at once. Few rays through the whole volume are nearer to the
/// full picture than many through its half: 29.5 dB with 0.4 of the width, 23.4 to 23.7 dB with the half at any size, and
/// 25.1 with more samples along its rays (PSNR, bones of a chest CT, 1280x720).
const RUNGS: [Rung; 10] = [
    FULL,
    Rung::MOVING,
    Rung::of(0.85, 2.0),
    Rung::of(0.7, 2.0),
    Rung::of(0.5, 2.0),
    Rung::of(0.4, 2.0),
    Rung::of(0.5, 2.1),
    Rung::of(0.5, 3.0),
    Rung::HALF,
    Rung::of(0.35, 4.0),
];

/// A finer picture has to fit with room to spare, a coarser one nearly, and the one before may take a little too long:
/// or the picture would flicker between two resolutions.
const TO_SPARE: f64 = 0.9;
const NEARLY: f64 = 1.1;
const TOO_LONG: f64 = 1.2;
/// So many pictures stay as coarse as they have become. Those of a rung that was too slow soon after it was tried, and
/// of all finer ones, stay away twice as long each time, and four times where it took `HOPELESS` times as long as it may.
/// With every `STEADY` pictures that it has held, it and all coarser ones come back twice as soon.
const PATIENCE: u32 = 15;
const MOST_PATIENCE: u32 = 960;
const STEADY: u32 = 60;
const HOPELESS: f64 = 1.6;
/// The cost is the middle one of so many pictures, because each may be late for other reasons, as the first of
/// another size is here and in encoders. Fewer than `ENOUGH` tell nothing, so a finer rung is tried for as many.
const RECENT: usize = 5;
const ENOUGH: usize = 3;
/// Two in a row that took so many times what was known are no accident.
const SURELY_SLOWER: f64 = 3.0;
/// The whole volume, while its half is drawn, and the other way round, counts as this much faster with each picture,
/// down to so much of what it was when it was drawn last: so that it is tried again where that is not hopeless.
const FADES: f64 = 0.97;
const FADED: f64 = 0.28;

/// The quality that keeps a budget of time, found by measuring.
#[derive(Clone, Debug)]
pub struct Ladder {
    budget: Duration,
    kind: Option<Content>,
    rung: Rung,
    /// The part of the width and height within which it was chosen.
    scale: f64,
    /// Seconds for a unit of work with the whole volume, and with its half.
    costs: [Option<f64>; 2],
    /// The same of the last pictures of each.
    recent: [VecDeque<f64>; 2],
    /// What part of its seconds counts of the one that was not drawn last.
    faded: f64,
    /// Whether the one that was drawn last is the half, and for how many pictures.
    halves: bool,
    run: usize,
    /// Pictures since the rung has changed, and whether it is finer than the one before.
    pictures: u32,
    risen: bool,
    /// How many pictures there have to be before each rung, or a finer one, is tried again.
    patience: [u32; RUNGS.len()],
}

impl Ladder {
    /// Each picture may take this long.
    pub fn new(budget: Duration) -> Self {
        let (rung, costs) = (Rung::HALF, [None; 2]);
        let faded = 1.0;
        Self {
            budget,
            kind: None,
            rung,
            scale: 1.0,
            costs,
            recent: Default::default(),
            faded,
            halves: false,
            run: 0,
            // The first choice waits for nothing.
            pictures: PATIENCE,
            risen: false,
            patience: [PATIENCE; RUNGS.len()],
        }
    }

    /// The quality for the next picture of this content; `None` is full quality.
    pub fn rung(&mut self, content: Content) -> Option<Rung> {
        self.rung_within(content, 1.0)
    }

    /// The quality where no more than this part of the width and height is wanted.
    pub fn rung_within(&mut self, content: Content, scale: f64) -> Option<Rung> {
        self.turn_to(content);
        if self.costs != [None; 2] {
            self.choose(scale);
        } else if content.is_cut() {
            self.rung = FULL;
        }
        let rung = self.rung.within(scale);
        (rung != FULL).then_some(rung)
    }

    fn choose(&mut self, scale: f64) {
        let budget = self.budget.as_secs_f64();
        let now = RUNGS.iter().position(|&rung| rung == self.rung).unwrap_or(0);
        let [whole, half] = self.costs;
        // Within another size, nothing was too slow yet.
        let anew = std::mem::replace(&mut self.scale, scale).to_bits() != scale.to_bits();
        if self.risen && !anew && (self.pictures as usize) < ENOUGH {
            return;
        }
        // What the whole volume takes is a guess while its half is drawn, so it is tried where it is coarsest.
        let coarsest_whole = RUNGS.iter().rposition(|rung| !rung.halves()).unwrap_or(0);
        let finest = if self.halves { coarsest_whole } else { 0 };
        let takes = |rung: &Rung| {
            let cost = if rung.halves() { half.or(whole) } else { whole.or(half) };
            cost.unwrap_or_default() * rung.within(scale).work()
        };
        let fits = |(place, rung): (usize, &Rung)| {
            let faded = if rung.halves() == self.halves { 1.0 } else { self.faded };
            let waits = self.patience[place..now.max(place)].iter().max().copied().unwrap_or_default();
            let room = match place.cmp(&now) {
                Ordering::Less if place < finest || (!anew && self.pictures < waits) => return false,
                Ordering::Less => TO_SPARE,
                Ordering::Equal => TOO_LONG,
                Ordering::Greater => NEARLY,
            };
            takes(rung) * faded <= budget * room
        };
        let next = RUNGS.iter().enumerate().position(fits).unwrap_or(RUNGS.len() - 1);
        if next == now {
            if self.pictures.is_multiple_of(STEADY) {
                self.patience[now..]
                    .iter_mut()
                    .for_each(|patience| *patience = (*patience / 2).max(PATIENCE));
            }
            return;
        }
        if next > now && !anew && self.risen && self.pictures < STEADY {
            let times = if takes(&RUNGS[now]) > HOPELESS * budget { 4 } else { 2 };
            self.patience[now] = (times * self.patience[now]).min(MOST_PATIENCE);
        }
        (self.rung, self.pictures, self.risen) = (RUNGS[next], 0, next < now);
    }

    fn turn_to(&mut self, content: Content) {
        let kind = if let Content::Isosurface(_) = content { Content::Isosurface(0.0) } else { content };
        if self.kind.replace(kind) != Some(kind) {
            *self = Self { kind: self.kind, ..Self::new(self.budget) };
        }
    }

    /// A picture of this content took this long; without a rung it is one of full quality.
    pub fn measured(&mut self, content: Content, rung: Option<Rung>, time: Duration) {
        self.turn_to(content);
        let drawn = rung.unwrap_or(FULL);
        let measured = time.as_secs_f64() / drawn.work();
        if std::mem::replace(&mut self.halves, drawn.halves()) == drawn.halves() {
            (self.faded, self.run) = ((self.faded * FADES).max(FADED), self.run.saturating_add(1));
        } else {
            (self.faded, self.run) = (1.0, 1);
        }
        let this = usize::from(drawn.halves());
        let recent = &mut self.recent[this];
        recent.truncate(RECENT - 1);
        recent.push_front(measured);
        let surely = self.costs[this]
            .is_some_and(|known| recent.len() > 1 && recent[0].min(recent[1]) > known * SURELY_SLOWER);
        if surely {
            recent.truncate(2);
            self.pictures = self.pictures.max(ENOUGH as u32);
        }
        if surely || self.costs[this].is_none() || recent.len() >= ENOUGH {
            let mut sorted: Vec<f64> = recent.iter().copied().collect();
            sorted.sort_unstable_by(f64::total_cmp);
            let cost = sorted[(sorted.len() - 1) / 2];
            let before = self.costs[this].replace(cost);
            // While one of them is drawn, what slows it down slows down the other. The first pictures say more of how
            // the two compare.
            if let Some(before) = before.filter(|before| self.run > RECENT && *before > 0.0) {
                let other = 1 - this;
                let times = cost / before;
                self.costs[other] = self.costs[other].map(|cost| cost * times);
                self.recent[other].iter_mut().for_each(|cost| *cost *= times);
            }
        }
        self.pictures = self.pictures.saturating_add(1);
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
            let work = rung.unwrap_or(FULL).work();
            ladder.measured(Content::Volume, rung, Duration::from_secs_f64((fixed + full * work) / 1000.0));
        }
        ladder.rung(Content::Volume).unwrap_or(FULL)
    }

    #[test]
    fn a_fast_renderer_moves_in_full_quality_in_spite_of_what_each_picture_costs() {
        assert_eq!(settle(5.0, 7.0), FULL);
    }

    #[test]
    fn a_slow_renderer_moves_as_finely_as_the_budget_allows() {
        let rung = settle(3.0, 150.0);
        assert!(rung.scale < 0.8, "{rung:?}");
        assert!(3.0 + 150.0 * rung.work() <= BUDGET.as_secs_f64() * 1000.0 * TOO_LONG);
    }

    #[test]
    fn few_rays_through_the_whole_volume_come_before_many_through_its_half() {
        let rung = settle(0.5, 38.0);
        assert!(!rung.halves() && rung.scale < 0.6, "{rung:?}");
    }

    #[test]
    fn a_machine_between_two_rungs_stays_with_one_of_them() {
        let (mut ladder, mut rungs) = (Ladder::new(BUDGET), Vec::new());
        for _ in 0..1500 {
            let rung = ladder.rung(Content::Volume).unwrap_or(FULL);
            // Rays through the whole volume are dearer than its half says.
            let ms = if rung.halves() { 40.0 } else { 90.0 } * rung.work();
            ladder.measured(Content::Volume, Some(rung), Duration::from_secs_f64(ms / 1000.0));
            rungs.push((rung.scale, rung.halves()));
        }
        rungs.dedup();
        assert!(rungs.len() < 30, "{} changes", rungs.len());
        assert!(rungs.iter().any(|&(_, halves)| !halves), "the whole volume was never tried");
    }

    #[test]
    fn a_whole_volume_that_is_hopelessly_slow_is_seldom_tried_though_the_size_of_its_half_changes() {
        let mut ladder = Ladder::new(BUDGET);
        let (mut whole, mut sizes) = (0, Vec::new());
        for picture in 0..400 {
            let rung = ladder.rung(Content::Volume).unwrap_or(FULL);
            let busy = picture / 30 % 2 == 1;
            let full = match (rung.halves(), busy) {
                (true, false) => 145.0,
                (true, true) => 210.0,
                (false, _) => 110.0,
            };
            let ms = full * rung.work();
            ladder.measured(Content::Volume, Some(rung), Duration::from_secs_f64(ms / 1000.0));
            whole += u32::from(!rung.halves());
            sizes.push(rung.scale);
        }
        sizes.dedup();
        assert!(sizes.len() > 6, "{sizes:?}");
        assert!((1..=12).contains(&whole), "{whole} pictures of 51 ms each");
    }

    #[test]
    fn what_was_too_slow_for_long_is_forgiven_once_it_holds() {
        let mut ladder = Ladder::new(BUDGET);
        let mut halves = 0;
        for picture in 0..10_000 {
            let rung = ladder.rung(Content::Volume).unwrap_or(FULL);
            let busy = picture < 600;
            // Whoever else is at work for a moment.
            let hiccup = picture % 900 < 5;
            let full = if rung.halves() { 60.0 } else { 40.0 } * if busy || hiccup { 3.0 } else { 1.0 };
            ladder.measured(
                Content::Volume,
                Some(rung),
                Duration::from_secs_f64(full * rung.work() / 1000.0),
            );
            halves += u32::from(picture >= 2000 && rung.halves());
        }
        assert!(halves < 800, "{halves} of 8000 pictures of the half");
    }

    #[test]
    fn a_narrow_way_leaves_time_for_the_whole_volume_however_often_it_becomes_so() {
        let mut ladder = Ladder::new(BUDGET);
        for picture in 0..400 {
            let scale = if picture / 20 % 2 == 0 { 0.7 } else { 0.25 };
            let rung = ladder.rung_within(Content::Volume, scale).expect("less than the full size");
            assert!(rung.scale <= scale);
            ladder.measured(Content::Volume, Some(rung), Duration::from_secs_f64(0.05 * rung.work()));
            if picture > 100 && picture % 20 == 19 && scale < 0.7 {
                assert_eq!(rung, Rung::of(0.25, 2.0), "picture {picture}");
            }
        }
    }

    /// A renderer of which what is drawn from the whole volume takes 45 ms where every pixel is, and 80 from its half.
    fn takes(rung: Rung) -> Duration {
        Duration::from_secs_f64(if rung.halves() { 0.08 } else { 0.045 } * rung.work())
    }

    #[test]
    fn the_half_of_a_volume_that_has_to_be_made_first_is_left_soon() {
        let mut ladder = Ladder::new(BUDGET);
        ladder.measured(Content::Volume, None, Duration::from_millis(100));
        let mut halves = 0;
        for _ in 0..200 {
            let rung = ladder.rung(Content::Volume).unwrap();
            let making = Duration::from_millis(if rung.halves() && halves == 0 { 70 } else { 0 });
            halves += u32::from(rung.halves());
            ladder.measured(Content::Volume, Some(rung), takes(rung) + making);
        }
        assert!(halves > 0, "nothing had to be made");
        assert!(halves < 80, "{halves} pictures of the half");
        assert_eq!(ladder.rung(Content::Volume), Some(Rung::of(0.4, 2.0)));
    }

    #[test]
    fn late_pictures_change_nothing_until_they_are_no_accident() {
        let mut ladder = Ladder::new(BUDGET);
        let mut drawn = |times: u32, late: u32| {
            for _ in 0..times {
                let rung = ladder.rung(Content::Volume).unwrap();
                ladder.measured(Content::Volume, Some(rung), takes(rung) * late);
            }
            ladder.rung(Content::Volume).unwrap()
        };
        let usual = drawn(200, 1);
        assert_eq!(drawn(2, 2), usual);
        assert_eq!(drawn(5, 1), usual);
        assert!(drawn(3, 2).work() < usual.work());
        assert_eq!(drawn(400, 1), usual);
        assert_eq!(drawn(1, 9), usual);
        assert!(drawn(1, 9).work() < usual.work());
    }

    #[test]
    fn a_slow_spell_leaves_nothing_behind() {
        let machines = [16.0, 24.0, 30.0].into_iter().flat_map(|unit| [(unit, 3.0), (unit, 5.0)]);
        for (unit, slow) in machines {
            for spell in 1..12 {
                let mut ladder = Ladder::new(BUDGET);
                let mut drawn = |pictures: u32, times: f64| {
                    for _ in 0..pictures {
                        let rung = ladder.rung(Content::Volume).unwrap_or(FULL);
                        let ms = 2.0 + unit * times * rung.work();
                        ladder.measured(Content::Volume, Some(rung), Duration::from_secs_f64(ms / 1000.0));
                    }
                    ladder.rung(Content::Volume).unwrap_or(FULL)
                };
                let usual = drawn(400, 1.0);
                drawn(spell, slow);
                let again = drawn(400, 1.0);
                assert_eq!(again, usual, "{unit} ms, {slow} times for {spell} pictures");
            }
        }
    }

    /// As with keys and wheels, which rest after each step.
    #[test]
    fn a_machine_that_becomes_faster_is_noticed_though_each_picture_is_followed_by_a_full_one() {
        let mut ladder = Ladder::new(BUDGET);
        let mut rung = FULL;
        for notch in 0..200 {
            let unit = if notch < 40 { 0.1 } else { 0.02 };
            rung = ladder.rung(Content::Volume).unwrap_or(FULL);
            for drawn in [rung, FULL] {
                ladder.measured(Content::Volume, Some(drawn), Duration::from_secs_f64(unit * drawn.work()));
            }
        }
        assert_eq!(rung, Rung::MOVING);
    }

    #[test]
    fn a_hopeless_renderer_moves_at_the_coarsest_step() {
        assert_eq!(settle(100.0, 5000.0), RUNGS[RUNGS.len() - 1]);
    }

    #[test]
    fn what_another_content_costs_is_found_out_anew() {
        let mut ladder = Ladder::new(BUDGET);
        ladder.measured(Content::Volume, None, Duration::from_secs(5));
        assert_eq!(ladder.rung(Content::Volume), Some(RUNGS[RUNGS.len() - 1]));
        assert_eq!(ladder.rung(Content::Slice), None);
        assert!(ladder.rung(Content::MIP).is_some());
    }

    #[test]
    fn the_half_of_a_volume_is_drawn_no_larger_than_it_has_detail() {
        let volume = crate::gpu::test_volume();
        let mut view = ViewState::new(&volume, Content::Volume, Orientation::Axial, [1280, 720]);
        let [near, whole] = [Rung::HALF, Rung::MOVING].map(|rung| rung.as_detailed(&view, &volume));
        assert_eq!((near, whole), (Rung::of(0.4, 4.0), Rung::MOVING));
        view.camera.set_zoom(0.01);
        assert_eq!(Rung::HALF.as_detailed(&view, &volume), Rung::HALF, "its voxels are smaller than pixels");
        let slice = ViewState::new(&volume, Content::Slice, Orientation::Axial, [1280, 720]);
        assert_eq!(Rung::HALF.as_detailed(&slice, &volume), Rung::HALF);
    }

    #[test]
    fn cuts_are_never_made_of_the_half_of_a_volume() {
        let volume = Arc::new(crate::gpu::test_volume());
        for content in [Content::Slice, Content::Curved] {
            let mut view = ViewState::new(&*volume, content, Orientation::Axial, [1280, 720]);
            assert!(Arc::ptr_eq(&Rung::HALF.coarsen(&mut view, &volume), &volume), "{content:?}");
            assert_eq!(Ladder::new(BUDGET).rung(content), None, "{content:?} begins in full");
        }
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
