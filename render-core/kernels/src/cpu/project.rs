//! Rays that keep one value: projections and slabs. It is NaN where the ray has no sample in the volume.

use std::ops::Range;

use super::lanes::{Kernel, Lanes, MAX_LANES, Texel};
use super::sample::{Beam, Field, Lattice, Scene, Tubes, axes};
use super::skip::{End, Maxima};
use super::tile::{ORDER, PIXELS, TILE, Tile};
use crate::render::Combine;
use crate::render::{Grey, Rays};
use crate::volume::Rescale;

/// The largest value along each ray, or the smallest.
pub(super) struct Extreme<'a, V> {
    pub scene: &'a Scene<'a, V>,
    pub end: End,
    pub maxima: &'a Maxima,
    /// Values outside of this range need not be told from its ends.
    pub range: [f32; 2],
    pub step_mm: f32,
    pub tile: &'a mut Tile<'a, [f32; 1]>,
}

/// The mean of the values along each ray.
pub(super) struct Mean<'a, V> {
    pub scene: &'a Scene<'a, V>,
    pub step_mm: f32,
    pub tile: &'a mut Tile<'a, [f32; 1]>,
}

/// Values at a fixed number of points of each ray, combined.
pub(super) struct Slab<'a, V> {
    pub scene: &'a Scene<'a, V>,
    pub points: Points,
    pub tile: &'a mut Tile<'a, [f32; 1]>,
}

/// As in `Mode::Slice`.
#[derive(Clone, Copy)]
pub(super) struct Points {
    pub samples: u32,
    pub first_mm: f32,
    pub step_mm: f32,
    pub combine: Combine,
}

/// Finds the value of each ray of a vector.
trait Value<L: Lanes> {
    fn of(&mut self, l: L, beam: &Beam<L>, inside: L::M) -> L::F;
}

/// Stores the values of all rays in the tile.
#[inline(always)]
fn project<L: Lanes>(l: L, rays: Rays, tile: &mut Tile<'_, [f32; 1]>, mut value: impl Value<L>) {
    for start in (0..PIXELS).step_by(L::COUNT) {
        let Some((column, row, inside)) = tile.packet(l, start) else { continue };
        let beam = Beam::new(l, &rays, column, row);
        let found = value.of(l, &beam, inside);
        l.store(found, tile.pixels[start..].as_flattened_mut());
    }
}

/// Values as grey pixels; where they are NaN, pixels stay as they are.
pub(super) struct Show<'a> {
    pub values: &'a [f32],
    pub grey: Grey,
    pub pixels: &'a mut [[u8; 4]],
}

impl Kernel for Show<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        let (zero, one) = (l.splat(0.0), l.splat(1.0));
        let vectors = self.values.chunks_exact(L::COUNT).zip(self.pixels.chunks_exact_mut(L::COUNT));
        for (values, pixels) in vectors {
            let value = l.load(values);
            // Rounds as `Grey::brightness` and the reference do.
            let ramp = (value - l.splat(self.grey.low)) * l.splat(self.grey.scale);
            let brightness = l.min(l.max(ramp, zero), one);
            let level = l.to_int(brightness * l.splat(255.0) + l.splat(0.5));
            let mut words = [0; MAX_LANES];
            l.store_i(
                level * l.splat_i(0x01_0101) + l.splat_i(i32::from_le_bytes([0, 0, 0, 255])),
                &mut words,
            );
            let shown = l.bits(l.le(value, value));
            if shown.count_ones() as usize == L::COUNT {
                for lane in 0..L::COUNT {
                    pixels[lane] = words[lane].to_le_bytes();
                }
                continue;
            }
            for lane in 0..L::COUNT {
                if shown >> lane & 1 == 1 {
                    pixels[lane] = words[lane].to_le_bytes();
                }
            }
        }
    }
}

impl<V: Texel> Kernel for Extreme<'_, V> {
    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        let Self { scene, end, maxima, range: [low, high], step_mm, tile } = self;
        let (sign, range) = match end {
            End::Largest => (1.0, [low, high]),
            End::Smallest => (-1.0, [-high, -low]),
        };
        let search = Search { scene, field: &scene.field, sign, maxima, range, step_mm, found_at: -1.0 };
        project(l, scene.params.rays, tile, search);
    }
}

/// Looks for the largest value, or for the largest of the values with their signs turned.
struct Search<'a, V> {
    scene: &'a Scene<'a, V>,
    field: &'a Field<'a, V>,
    sign: f32,
    maxima: &'a Maxima,
    range: [f32; 2],
    step_mm: f32,
    /// The sample where the last rays found a maximum. Their neighbours are likely to find high values
    /// there, too.
    found_at: f32,
}

impl<V: Texel, L: Lanes> Value<L> for Search<'_, V> {
    #[inline(always)]
    fn of(&mut self, l: L, beam: &Beam<L>, inside: L::M) -> L::F {
        let lattice = Lattice::new(l, self.scene, beam, self.step_mm);
        let zero = l.splat(0.0);
        let has_samples = l.lt(zero, lattice.count);
        let nothing = l.splat(f32::NAN);
        let mut rays = inside & has_samples;
        if l.bits(rays) == 0 {
            return nothing;
        }
        let tubes = Tubes::new(l, beam, &lattice, self.step_mm, rays);
        let tube = &tubes.one;
        let levels = self.maxima.levels(tube.width);
        let first = lattice.first - l.splat(tube.from);
        let end = first + lattice.count;
        let enough = l.splat(self.range[1]);
        let mut best = l.splat(self.range[0]);
        let mut number = self.found_at - tube.from;
        if number >= 0.0 && number < tube.count {
            best = self.larger(l, beam, &tubes, number, (first, end, rays), (best, f32::NEG_INFINITY));
        }
        rays = rays & l.lt(best, enough);
        number = 0.0;
        // Where little is left out, coarse bricks are not worth a look: it begins where the last one
        // ended, and leaps are tried farther and farther.
        let mut level = levels.len();
        while number < tube.count && l.bits(rays) != 0 {
            let least = l.smallest(rays, best);
            let mut until = tube.count;
            let mut larger = true;
            while larger && level > 0 {
                let (most, end) = levels[level - 1].look(tube, number);
                until = end;
                larger = most > least;
                level -= 1;
            }
            // One coarser than the last that was looked at.
            level = (level + 2).min(levels.len());
            if !larger {
                number = until;
                continue;
            }
            level = levels.len().min(1);
            let until = until.min(tube.count);
            let Rescale { slope, intercept } = self.field.rescale;
            // A margin for rounding; where the slope turns values round, nothing is left out.
            let stored_least = if slope > 0.0 && self.sign > 0.0 {
                (least - intercept) / slope - 0.01
            } else {
                f32::NEG_INFINITY
            };
            while number < until {
                let next = l.splat(number + 1.0);
                if l.bits(rays & l.le(first, next) & l.lt(l.splat(number), end)) == 0 {
                    number = l.smallest(rays & l.lt(next, first), first).max(number + 2.0);
                    continue;
                }
                let value = self.larger(l, beam, &tubes, number, (first, end, rays), (best, stored_least));
                if l.bits(l.lt(best, value)) != 0 {
                    best = value;
                    self.found_at = tube.from + number;
                    rays = rays & l.lt(best, enough);
                }
                number += 2.0;
            }
        }
        l.select(has_samples, best * l.splat(self.sign), nothing)
    }
}

impl<V: Texel> Search<'_, V> {
    /// The largest of `best` and the values at a sample and the next one.
    #[inline(always)]
    fn larger<L: Lanes>(
        &self,
        l: L,
        beam: &Beam<L>,
        tubes: &Tubes,
        number: f32,
        (first, end, rays): (L::F, L::F, L::M),
        (best, least): (L::F, f32),
    ) -> L::F {
        let (masks, [near, far]) =
            two(l, self.field, beam, tubes, number, self.step_mm, (first, end, rays), least);
        let sign = l.splat(self.sign);
        let best = l.select(masks[0], l.max(near * sign, best), best);
        l.select(masks[1], l.max(far * sign, best), best)
    }
}

/// Which rays have a sample and the next one, and their values, of which those not above the stored
/// value `least` may be others.
#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "kernels have no closures that could hold them")]
fn two<L: Lanes, V: Texel>(
    l: L,
    field: &Field<'_, V>,
    beam: &Beam<L>,
    tubes: &Tubes,
    number: f32,
    step_mm: f32,
    (first, end, rays): (L::F, L::F, L::M),
    least: f32,
) -> ([L::M; 2], [L::F; 2]) {
    let [near, far] = [l.splat(number), l.splat(number + 1.0)];
    let masks = [rays & l.le(first, near) & l.lt(near, end), rays & l.le(first, far) & l.lt(far, end)];
    let at = tubes.one.from + number;
    let places = [beam.at(l.splat(at * step_mm)), beam.at(l.splat((at + 1.0) * step_mm))];
    let ([near, far], _) = field.stored_of_two(l, places, tubes, number, masks, least, true);
    (masks, [field.rescaled(l, near), field.rescaled(l, far)])
}

impl<V: Texel> Kernel for Mean<'_, V> {
    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        let Self { scene, step_mm, tile } = self;
        project(l, scene.params.rays, tile, Average { scene, step_mm });
    }
}

struct Average<'a, V> {
    scene: &'a Scene<'a, V>,
    step_mm: f32,
}

impl<V: Texel, L: Lanes> Value<L> for Average<'_, V> {
    #[inline(always)]
    fn of(&mut self, l: L, beam: &Beam<L>, inside: L::M) -> L::F {
        let field = &self.scene.field;
        let lattice = Lattice::new(l, self.scene, beam, self.step_mm);
        let rays = inside & l.lt(l.splat(0.0), lattice.count);
        if l.bits(rays) == 0 {
            return l.splat(f32::NAN);
        }
        let tubes = Tubes::new(l, beam, &lattice, self.step_mm, rays);
        let first = lattice.first - l.splat(tubes.one.from);
        let end = first + lattice.count;
        let mut sum = l.splat(0.0);
        let mut number = 0.0;
        while number < tubes.one.count {
            let next = l.splat(number + 1.0);
            if l.bits(rays & l.le(first, next) & l.lt(l.splat(number), end)) == 0 {
                number = l.smallest(rays & l.lt(next, first), first).max(number + 2.0);
                continue;
            }
            let rays = (first, end, rays);
            let (masks, [near, far]) =
                two(l, field, beam, &tubes, number, self.step_mm, rays, f32::NEG_INFINITY);
            sum = l.select(masks[0], sum + near, sum);
            sum = l.select(masks[1], sum + far, sum);
            number += 2.0;
        }
        l.select(rays, sum / lattice.count, l.splat(f32::NAN))
    }
}

/// So many samples ahead along a ray memory is asked for voxels.
const SOON: f32 = 4.0;

impl<V: Texel> Kernel for Slab<'_, V> {
    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        let Self { scene, points, tile } = self;
        // A copy that no store to the tile can change.
        let rays = &{ scene.params.rays };
        let field = &scene.field;
        // Samples farther along each ray, or the same pixels of the next tile to the right.
        let soon = match points.samples {
            0..=1 => axes!(i => rays.origin_dx[i] * TILE[0] as f32),
            _ => axes!(i => rays.direction[i] * points.step_mm * SOON),
        };
        let blend = Blend { field, points, soon: field.ahead(soon) };
        let within = Within::of(field, &points, rays, tile.patch.at, TILE);
        if within == Within::Nowhere {
            return;
        }
        for start in (0..PIXELS).step_by(L::COUNT) {
            let Some((column, row, inside)) = tile.packet(l, start) else { continue };
            let beam = Beam::new(l, rays, column, row);
            let whole = match within {
                Within::Partly => {
                    let [x, y] = ORDER[start / 16 * 16];
                    let at = [tile.patch.at[0] + u32::from(x), tile.patch.at[1] + u32::from(y)];
                    Within::of(field, &points, rays, at, [4, 4]) == Within::Wholly
                }
                _ => true,
            };
            let found = if whole { blend.whole(l, &beam) } else { blend.part(l, &beam, inside) };
            l.store(found, tile.pixels[start..].as_flattened_mut());
        }
    }
}

/// How much of a slab's part lies between the outermost voxel centres.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    /// Nor does anything of it count.
    Nowhere,
    Partly,
    Wholly,
}

impl Within {
    /// Of a rectangle of pixels.
    #[inline(always)]
    fn of<V: Texel>(
        field: &Field<'_, V>,
        points: &Points,
        rays: &Rays,
        at: [u32; 2],
        size: [usize; 2],
    ) -> Self {
        // Rounding may move points by so much, in voxels.
        const MARGIN: f32 = 0.01;
        if !rays.are_parallel() {
            return Self::Partly;
        }
        let [left, top] = at.map(|x| x as f32);
        let (right, bottom) = (left + (size[0] - 1) as f32, top + (size[1] - 1) as f32);
        let (near, far) = (points.first_mm, points.at(points.samples.saturating_sub(1)));
        let (mut wholly, mut nowhere) = (points.samples > 0, false);
        for axis in 0..3 {
            let (dx, dy, d) = (rays.origin_dx[axis], rays.origin_dy[axis], rays.direction[axis]);
            let (across, along, deep) =
                ([dx * left, dx * right], [dy * top, dy * bottom], [d * near, d * far]);
            let low =
                rays.origin[axis] + across[0].min(across[1]) + along[0].min(along[1]) + deep[0].min(deep[1]);
            let high =
                rays.origin[axis] + across[0].max(across[1]) + along[0].max(along[1]) + deep[0].max(deep[1]);
            wholly &= low >= MARGIN && high <= field.last[axis] - MARGIN;
            nowhere |= high < -0.5 - MARGIN || low > field.last[axis] + 0.5 + MARGIN;
        }
        match (wholly, nowhere) {
            (true, _) => Self::Wholly,
            (_, true) => Self::Nowhere,
            _ => Self::Partly,
        }
    }
}

struct Blend<'a, V> {
    field: &'a Field<'a, V>,
    points: Points,
    /// How far ahead in memory lies what is looked at soon.
    soon: isize,
}

impl<V: Texel> Blend<'_, V> {
    /// Of rays whose points all lie between the outermost voxel centres.
    #[inline(always)]
    fn whole<L: Lanes>(&self, l: L, beam: &Beam<L>) -> L::F {
        let Points { samples, combine, .. } = self.points;
        let mut result = combine.nothing(l);
        for k in 0..samples {
            let spot = self.field.spot_inside(l, beam.at(l.splat(self.points.at(k))));
            let value = self.field.rescaled(l, self.field.stored_before(l, spot, Some(self.soon)));
            result = combine.with(l, result, value);
        }
        if combine == Combine::Mean && samples > 1 {
            result = result / l.splat(samples as f32);
        }
        result
    }

    #[inline(always)]
    fn part<L: Lanes>(&self, l: L, beam: &Beam<L>, inside: L::M) -> L::F {
        let combine = self.points.combine;
        let low = l.splat(-0.5);
        let high = axes!(i => l.splat(self.field.last[i]) + l.splat(0.5));
        // A single point costs less than to find out whether it counts.
        let range = match self.points.samples {
            samples @ 0..=1 => 0..samples,
            _ => self.points.between(l, beam.clip(l, [low; 3], high, f32::NEG_INFINITY), inside),
        };
        let mut result = combine.nothing(l);
        let mut count = l.splat(0.0);
        for k in range {
            let p = beam.at(l.splat(self.points.at(k)));
            let within = axes!(i => l.le(low, p[i]) & l.le(p[i], high[i]));
            let within = inside & within[0] & within[1] & within[2];
            if l.bits(within) == 0 {
                continue;
            }
            let value = self.field.value(l, p);
            result = l.select(within, combine.with(l, result, value), result);
            count = l.select(within, count + l.splat(1.0), count);
        }
        if combine == Combine::Mean {
            result = result / count;
        }
        l.select(l.lt(l.splat(0.0), count), result, l.splat(f32::NAN))
    }
}

impl Combine {
    /// What values are combined with at first.
    #[inline(always)]
    fn nothing<L: Lanes>(self, l: L) -> L::F {
        match self {
            Self::Maximum => l.splat(f32::NEG_INFINITY),
            Self::Minimum => l.splat(f32::INFINITY),
            Self::Mean => l.splat(0.0),
        }
    }

    #[inline(always)]
    fn with<L: Lanes>(self, l: L, result: L::F, value: L::F) -> L::F {
        match self {
            Self::Maximum => l.max(value, result),
            Self::Minimum => l.min(value, result),
            Self::Mean => result + value,
        }
    }
}

impl Points {
    /// Where point `k` lies.
    #[inline(always)]
    fn at(self, k: u32) -> f32 {
        self.first_mm + k as f32 * self.step_mm
    }

    /// The numbers of all points that lie between `enter` and `leave` on any of the rays.
    #[inline(always)]
    fn between<L: Lanes>(self, l: L, (enter, leave): (L::F, L::F), rays: L::M) -> Range<u32> {
        let crosses = rays & l.le(enter, leave);
        let (mut from, mut to) = ([f32::INFINITY; MAX_LANES], [f32::NEG_INFINITY; MAX_LANES]);
        l.store(l.select(crosses, enter, l.splat(f32::INFINITY)), &mut from);
        l.store(l.select(crosses, leave, l.splat(f32::NEG_INFINITY)), &mut to);
        let (mut first, mut last) = (f32::INFINITY, f32::NEG_INFINITY);
        for lane in 0..L::COUNT {
            first = first.min(from[lane]);
            last = last.max(to[lane]);
        }
        // One more at each end, for rounding. The cast turns NaN into 0 and stops at the ends of u32.
        let number = |t: f32, more: f32| ((t - self.first_mm) / self.step_mm + more) as u32;
        number(first, -1.0)..number(last, 2.0).min(self.samples)
    }
}
