//! Rays that keep one value: projections and slabs. The value ends up as the pixel's first colour,
//! NaN where the ray has no sample in the volume.

use std::ops::Range;

use super::lanes::{Kernel, Lanes, MAX_LANES, Texel};
use super::sample::{Beam, Exit, Field, Lattice, Scene, axes};
use super::skip::Maxima;
use super::tile::{PIXELS, Tile};
use crate::render::Rays;
use crate::scene::view::Combine;

/// The largest value along each ray.
pub(super) struct Mip<'a, V> {
    pub scene: &'a Scene<'a, V>,
    pub maxima: &'a Maxima,
    /// Values outside of this range need not be told from its ends.
    pub range: [f32; 2],
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
        let (mut columns, mut rows) = ([0.0; MAX_LANES], [0.0; MAX_LANES]);
        let mut inside = 0;
        for lane in 0..L::COUNT {
            if let Some([column, row]) = tile.position(start + lane) {
                (columns[lane], rows[lane]) = (column, row);
                inside |= 1 << lane;
            }
        }
        if inside == 0 {
            continue;
        }
        let beam = Beam::new(l, rays, l.load(&columns), l.load(&rows));
        let mut values = [0.0; MAX_LANES];
        l.store(value.of(l, &beam, l.mask(inside)), &mut values);
        for (pixel, value) in tile.pixels[start..start + L::COUNT].iter_mut().zip(values) {
            pixel.color[0] = value;
        }
    }
}

impl<V: Texel> Kernel for Mip<'_, V> {
    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        let Self { scene, maxima, range, step_mm, tile } = self;
        let search = Search { field: &scene.field, maxima, range, step_mm, found_at: l.splat(-1.0) };
        project(l, &scene.params.rays, tile, search);
    }
}

struct Search<'a, V, F> {
    field: &'a Field<'a, V>,
    maxima: &'a Maxima,
    range: [f32; 2],
    step_mm: f32,
    /// The samples where the last rays found their maxima. Their neighbours are likely to find
    /// high values there, too.
    found_at: F,
}

impl<V: Texel, L: Lanes> Value<L> for Search<'_, V, L::F> {
    #[inline(always)]
    fn of(&mut self, l: L, beam: &Beam<L>, inside: L::M) -> L::F {
        let lattice = Lattice::new(l, self.field, beam, self.step_mm);
        let exit = Exit::new(l, beam, &lattice, self.step_mm, Maxima::EDGE);
        let (zero, one, half) = (l.splat(0.0), l.splat(1.0), l.splat(0.5));
        let columns = l.splat_i(self.maxima.dims[0] as i32);
        let rows = l.splat_i(self.maxima.dims[1] as i32);
        let has_samples = l.lt(zero, lattice.count);
        let mut best = l.splat(self.range[0]);
        let guess = self.found_at - lattice.first;
        let known = has_samples & l.le(zero, guess) & l.lt(guess, lattice.count);
        if l.bits(known) != 0 {
            let value = self.field.value(l, beam.sample(l, &lattice, guess, self.step_mm));
            best = l.select(known, l.max(value, best), best);
        }
        let enough = l.splat(self.range[1]);
        let (mut next, mut brick_end) = (zero, zero);
        let mut active = inside & has_samples & l.lt(best, enough);
        while l.bits(active) != 0 {
            let p = beam.sample(l, &lattice, next, self.step_mm);
            let lost = active & l.le(brick_end, next);
            if l.bits(lost) != 0 {
                let spot = self.field.spot(l, p);
                let brick = axes!(i => l.shift_right(spot.cell[i], Maxima::BITS));
                let index = (brick[2] * rows + brick[1]) * columns + brick[0];
                let most = l.gather(&self.maxima.blocks, index);
                let end = exit.of(l, axes!(i => l.to_float(brick[i])), half);
                let end = l.max(end, next + one);
                next = l.select(lost & l.le(most, best), end, next);
                brick_end = l.select(lost, end, brick_end);
                active = active & l.lt(next, lattice.count);
                continue;
            }
            let value = self.field.value(l, p);
            let higher = active & l.lt(best, value);
            best = l.select(higher, value, best);
            self.found_at = l.select(higher, next + lattice.first, self.found_at);
            next = next + one;
            active = active & l.lt(next, lattice.count) & l.lt(best, enough);
        }
        l.select(has_samples, best, l.splat(f32::NAN))
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
