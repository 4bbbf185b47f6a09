//! Rays that keep one value: projections and slabs. The value ends up as the pixel's first colour,
//! NaN where the ray has no sample in the volume.

use std::ops::Range;

use super::lanes::{Kernel, Lanes, MAX_LANES, Texel};
use super::sample::{Beam, Field, Lattice, Scene, Tube, axes};
use super::skip::{End, Maxima};
use super::tile::{PIXELS, Tile};
use crate::render::Rays;
use crate::scene::view::Combine;
use crate::volume::Rescale;

/// The largest value along each ray, or the smallest.
pub(super) struct Extreme<'a, V> {
    pub scene: &'a Scene<'a, V>,
    pub end: End,
    pub maxima: &'a Maxima,
    /// Values outside of this range need not be told from its ends.
    pub range: [f32; 2],
    pub step_mm: f32,
    pub tile: &'a mut Tile,
}

/// The mean of the values along each ray.
pub(super) struct Mean<'a, V> {
    pub scene: &'a Scene<'a, V>,
    pub step_mm: f32,
    pub tile: &'a mut Tile,
}

/// Values at a fixed number of points of each ray, combined.
pub(super) struct Slab<'a, V> {
    pub scene: &'a Scene<'a, V>,
    pub points: Points,
    pub tile: &'a mut Tile,
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
fn project<L: Lanes>(l: L, rays: &Rays, tile: &mut Tile, mut value: impl Value<L>) {
    for start in (0..PIXELS).step_by(L::COUNT) {
        let Some((columns, rows, inside)) = tile.packet::<L>(start) else { continue };
        let beam = Beam::new(l, rays, l.load(&columns), l.load(&rows));
        let mut values = [0.0; MAX_LANES];
        l.store(value.of(l, &beam, l.mask(inside)), &mut values);
        for (pixel, value) in tile.pixels[start..start + L::COUNT].iter_mut().zip(values) {
            pixel.color[0] = value;
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
        project(l, &scene.params.rays, tile, search);
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
        let tube = Tube::new(l, beam, &lattice, self.step_mm, rays);
        let levels = self.maxima.levels(tube.width);
        let first = lattice.first - l.splat(tube.from);
        let end = first + lattice.count;
        let enough = l.splat(self.range[1]);
        let mut best = l.splat(self.range[0]);
        let mut number = self.found_at - tube.from;
        if number >= 0.0 && number < tube.count {
            let at = l.splat(number);
            let looking = rays & l.le(first, at) & l.lt(at, end);
            best = self.larger(l, beam, &tube, number, looking, (best, f32::NEG_INFINITY));
        }
        rays = rays & l.lt(best, enough);
        number = 0.0;
        while number < tube.count && l.bits(rays) != 0 {
            // From the coarsest level down, until one shows that nothing here is larger than what
            // every ray has.
            let least = l.smallest(rays, best);
            let mut until = tube.count;
            let mut larger = true;
            for level in levels.iter().rev() {
                let (most, end) = level.look(l, &tube, number);
                until = end;
                larger = most > least;
                if !larger {
                    break;
                }
            }
            if !larger {
                number = until;
                continue;
            }
            let until = until.min(tube.count);
            let Rescale { slope, intercept } = self.field.rescale;
            // A margin for rounding; where the slope turns values round, nothing is left out.
            let stored_least = if slope > 0.0 && self.sign > 0.0 {
                (least - intercept) / slope - 0.01
            } else {
                f32::NEG_INFINITY
            };
            while number < until {
                let at = l.splat(number);
                let looking = rays & l.le(first, at) & l.lt(at, end);
                if l.bits(looking) == 0 {
                    number = l.smallest(rays & l.lt(at, first), first).max(number + 1.0);
                    continue;
                }
                let value = self.larger(l, beam, &tube, number, looking, (best, stored_least));
                if l.bits(l.lt(best, value)) != 0 {
                    best = value;
                    self.found_at = tube.from + number;
                    rays = rays & l.lt(best, enough);
                }
                number += 1.0;
            }
        }
        l.select(has_samples, best * l.splat(self.sign), nothing)
    }
}

impl<V: Texel> Search<'_, V> {
    /// The larger of `best` and the values at a sample, for the rays that are `looking`.
    #[inline(always)]
    fn larger<L: Lanes>(
        &self,
        l: L,
        beam: &Beam<L>,
        tube: &Tube,
        number: f32,
        looking: L::M,
        (best, least): (L::F, f32),
    ) -> L::F {
        let spot = self.field.spot(l, beam.at(l.splat((tube.from + number) * self.step_mm)));
        let stored = self.field.stored_near(l, &spot, tube.corner(l, number), looking, least);
        let value = self.field.rescaled(l, stored) * l.splat(self.sign);
        l.select(looking, l.max(value, best), best)
    }
}

impl<V: Texel> Kernel for Mean<'_, V> {
    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        let Self { scene, step_mm, tile } = self;
        project(l, &scene.params.rays, tile, Average { scene, step_mm });
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
        let tube = Tube::new(l, beam, &lattice, self.step_mm, rays);
        let first = lattice.first - l.splat(tube.from);
        let end = first + lattice.count;
        let mut sum = l.splat(0.0);
        let mut number = 0.0;
        while number < tube.count {
            let at = l.splat(number);
            let looking = rays & l.le(first, at) & l.lt(at, end);
            if l.bits(looking) == 0 {
                number = l.smallest(rays & l.lt(at, first), first).max(number + 1.0);
                continue;
            }
            let spot = field.spot(l, beam.at(l.splat((tube.from + number) * self.step_mm)));
            let stored = field.stored_near(l, &spot, tube.corner(l, number), looking, f32::NEG_INFINITY);
            sum = l.select(looking, sum + field.rescaled(l, stored), sum);
            number += 1.0;
        }
        l.select(rays, sum / lattice.count, l.splat(f32::NAN))
    }
}

impl<V: Texel> Kernel for Slab<'_, V> {
    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        let Self { scene, points, tile } = self;
        project(l, &scene.params.rays, tile, Blend { field: &scene.field, points });
    }
}

struct Blend<'a, V> {
    field: &'a Field<'a, V>,
    points: Points,
}

impl<V: Texel, L: Lanes> Value<L> for Blend<'_, V> {
    #[inline(always)]
    fn of(&mut self, l: L, beam: &Beam<L>, inside: L::M) -> L::F {
        let Points { first_mm, step_mm, combine, .. } = self.points;
        let low = l.splat(-0.5);
        let high = axes!(i => l.splat(self.field.last[i]) + l.splat(0.5));
        let range = self.points.between(l, beam.clip(l, [low; 3], high, f32::NEG_INFINITY), inside);
        let mut result = match combine {
            Combine::Maximum => l.splat(f32::NEG_INFINITY),
            Combine::Minimum => l.splat(f32::INFINITY),
            Combine::Mean => l.splat(0.0),
        };
        let mut count = l.splat(0.0);
        for k in range {
            let p = beam.at(l.splat(first_mm + k as f32 * step_mm));
            let within = axes!(i => l.le(low, p[i]) & l.le(p[i], high[i]));
            let within = inside & within[0] & within[1] & within[2];
            if l.bits(within) == 0 {
                continue;
            }
            let value = self.field.value(l, p);
            let combined = match combine {
                Combine::Maximum => l.max(value, result),
                Combine::Minimum => l.min(value, result),
                Combine::Mean => result + value,
            };
            result = l.select(within, combined, result);
            count = l.select(within, count + l.splat(1.0), count);
        }
        if combine == Combine::Mean {
            result = result / count;
        }
        l.select(l.lt(l.splat(0.0), count), result, l.splat(f32::NAN))
    }
}

impl Points {
    /// The numbers of all points that lie between `enter` and `leave` on any of the rays.
    #[inline(always)]
    fn between<L: Lanes>(self, l: L, (enter, leave): (L::F, L::F), rays: L::M) -> Range<u32> {
        if self.samples <= 1 {
            return 0..self.samples;
        }
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
