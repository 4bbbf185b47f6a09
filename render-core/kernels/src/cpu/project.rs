//! Rays that keep one value: projections and slabs. It is NaN where the ray has no sample in the volume.

use std::ops::Range;

use super::lanes::{Block, Kernel, Lanes, MAX_LANES, Quad, Texel};
use super::sample::{Beam, Field, Lattice, Scene, Tubes, axes, both};
use super::skip::{End, Maxima};
use super::tile::{self, ORDER, PIXELS, TILE, Tile};
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
    pub show: Show,
    /// As in `Mean`.
    pub exact: bool,
    pub tile: &'a mut Tile<'a>,
}

/// The mean of the values along each ray.
pub(super) struct Mean<'a, V> {
    pub scene: &'a Scene<'a, V>,
    pub step_mm: f32,
    pub show: Show,
    /// Whether values are more than what pixels of 8 bits tell apart.
    pub exact: bool,
    pub tile: &'a mut Tile<'a>,
}

/// Values at a fixed number of points of each ray, combined.
pub(super) struct Slab<'a, V> {
    pub scene: &'a Scene<'a, V>,
    pub points: Points,
    pub show: Show,
    pub tile: &'a mut Tile<'a>,
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
fn project<L: Lanes>(l: L, rays: Rays, show: Show, tile: &mut Tile<'_>, mut value: impl Value<L>) {
    for start in (0..PIXELS).step_by(L::COUNT) {
        let Some((column, row, inside)) = tile.packet(l, start) else { continue };
        let beam = Beam::new(l, &rays, column, row);
        show.store(l, value.of(l, &beam, inside), &mut tile.pixels[start..]);
    }
}

/// What becomes of values.
#[derive(Clone, Copy)]
pub(super) enum Show {
    /// Floats, as they are.
    Value,
    /// Pixels; those without a value have the background's bytes.
    Grey { grey: Grey, background: i32 },
}

impl Show {
    /// A pixel without a value.
    fn nothing(self) -> i32 {
        match self {
            Self::Value => f32::NAN.to_bits() as i32,
            Self::Grey { background, .. } => background,
        }
    }

    #[inline(always)]
    fn store_two<L: Lanes>(self, l: L, values: [L::F; 2], to: &mut [i32]) {
        self.store(l, values[0], to);
        self.store(l, values[1], &mut to[L::COUNT..]);
    }

    #[inline(always)]
    fn store<L: Lanes>(self, l: L, value: L::F, to: &mut [i32]) {
        let Self::Grey { grey, background } = self else {
            return l.store(value, bytemuck::cast_slice_mut(to));
        };
        // Rounds as `Grey::brightness` and the reference do.
        let ramp = (value - l.splat(grey.low)) * l.splat(grey.scale);
        let brightness = l.min(l.max(ramp, l.splat(0.0)), l.splat(1.0));
        let level = l.to_int(brightness * l.splat(255.0) + l.splat(0.5));
        let each = l.splat_i(i32::from_ne_bytes([1, 1, 1, 0]));
        l.store_i(level * each + l.splat_i(i32::from_ne_bytes([0, 0, 0, 255])), to);
        let shown = l.bits(l.le(value, value));
        if shown == u32::MAX >> (32 - L::COUNT) {
            return;
        }
        for (lane, pixel) in to[..L::COUNT].iter_mut().enumerate() {
            if shown >> lane & 1 == 0 {
                *pixel = background;
            }
        }
    }
}

impl<V: Texel> Kernel for Extreme<'_, V> {
    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        let Self { scene, end, maxima, range: [low, high], step_mm, show, exact, tile } = self;
        let (sign, range) = match end {
            End::Largest => (1.0, [low, high]),
            End::Smallest => (-1.0, [-high, -low]),
        };
        let field = &scene.field;
        let search = Search { scene, field, sign, maxima, range, step_mm, exact, found_at: -1.0 };
        project(l, scene.params.rays, show, tile, search);
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
    exact: bool,
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
            two(l, self.field, beam, tubes, number, self.step_mm, (first, end, rays), least, self.exact);
        let sign = l.splat(self.sign);
        let best = l.select(masks[0], l.max(near * sign, best), best);
        l.select(masks[1], l.max(far * sign, best), best)
    }
}

/// Which rays have a sample and the next one, and their values, of which those not above the stored
/// value `least` may be others. What need not be `exact` is so to 15 bits of the range among a cell's voxels.
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
    exact: bool,
) -> ([L::M; 2], [L::F; 2]) {
    let [near, far] = [l.splat(number), l.splat(number + 1.0)];
    let masks = [rays & l.le(first, near) & l.lt(near, end), rays & l.le(first, far) & l.lt(far, end)];
    let at = tubes.one.from + number;
    let places = [beam.at(l.splat(at * step_mm)), beam.at(l.splat((at + 1.0) * step_mm))];
    l.soon::<V, 4>(&field.grid, tubes.two.corner(number + 2.0), tubes.two.forward);
    let ([near, far], _) = field.stored_of_two(l, places, tubes, number, masks, least, exact);
    (masks, [field.rescaled(l, near), field.rescaled(l, far)])
}

impl<V: Texel> Kernel for Mean<'_, V> {
    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        let Self { scene, step_mm, show, exact, tile } = self;
        project(l, scene.params.rays, show, tile, Average { scene, step_mm, exact });
    }
}

struct Average<'a, V> {
    scene: &'a Scene<'a, V>,
    step_mm: f32,
    exact: bool,
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
                two(l, field, beam, &tubes, number, self.step_mm, rays, f32::NEG_INFINITY, self.exact);
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
        let Self { scene, points, show, tile } = self;
        // A copy that no store to the tile can change.
        let rays = &{ scene.params.rays };
        let field = &scene.field;
        // Samples farther along each ray, or the same pixels of the next tile to the right.
        let soon = match points.samples {
            0..=1 => axes!(i => rays.origin_dx[i] * TILE[0] as f32),
            _ => axes!(i => rays.direction[i] * points.step_mm * SOON),
        };
        let blend = Blend { field, points, soon: field.ahead(soon), shared: Shared::new(l, field, rays) };
        let within = Within::of(field, &points, rays, tile.patch.at, TILE);
        if within == Within::Nowhere {
            tile.pixels.fill(show.nothing());
            return;
        }
        // Two packets at a time, so that neither waits for its indices.
        let pairs = (0..PIXELS).step_by(2 * L::COUNT);
        if within == Within::Wholly && points.samples == 1 {
            // With all else in one loop, the compiler keeps half of the numbers on the stack.
            for start in pairs {
                let found = blend.at(l, &blend.packets(l, tile, rays, start), 0);
                show.store_two(l, found, &mut tile.pixels[start..]);
            }
            return;
        }
        for start in pairs {
            let whole = match within {
                Within::Partly => {
                    let [x, y] = ORDER[start / 32 * 32];
                    let at = [tile.patch.at[0] + u32::from(x), tile.patch.at[1] + u32::from(y)];
                    Within::of(field, &points, rays, at, [8, 4]) == Within::Wholly
                }
                _ => true,
            };
            if whole {
                let found = blend.whole(l, &blend.packets(l, tile, rays, start));
                show.store_two(l, found, &mut tile.pixels[start..]);
                continue;
            }
            for start in [start, start + L::COUNT] {
                let Some((column, row, inside)) = tile.packet(l, start) else { continue };
                let found = blend.part(l, &Beam::new(l, rays, column, row), inside);
                show.store(l, found, &mut tile.pixels[start..]);
            }
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

/// For slices whose packets share voxels. Points have the block's order of axes.
struct Shared<'a, V, L: Lanes> {
    block: Block<'a, V>,
    /// The first pixel of the picture, to which its column and row, and how far along the rays, times what follows are
    /// added.
    origin: Quad,
    per_column: Quad,
    per_row: Quad,
    per_mm: Quad,
    /// From a packet's first pixel to the others.
    others: [L::F; 3],
    /// From there to before all of them.
    before: Quad,
    last_corner: Quad,
}

impl<'a, V: Texel, L: Lanes> Shared<'a, V, L> {
    /// Rounding moves points by less, in voxels.
    const MARGIN: f32 = 0.01;

    #[inline(always)]
    fn new(l: L, field: &'a Field<'a, V>, rays: &Rays) -> Option<Self> {
        if !rays.are_parallel() {
            return None;
        }
        let most = tile::packet_size(L::COUNT).map(|pixels| pixels as f32 - 1.0);
        let (dx, dy) = (rays.origin_dx, rays.origin_dy);
        let width = axes!(i => most[0] * dx[i].abs() + most[1] * dy[i].abs() + 2.0 * Self::MARGIN);
        let (block, axes) = l.block(&field.grid, width)?;
        let turned = |v: [f32; 4]| axes.map(|axis| v[axis]);
        let (dx, dy) = (turned(dx), turned(dy));
        let (columns, rows) = tile::packet_pixels(l);
        let before = axes!(i => most[0] * dx[i].min(0.0) + most[1] * dy[i].min(0.0) - Self::MARGIN);
        Some(Self {
            origin: Quad::new(turned(rays.origin)),
            per_column: Quad::new(dx),
            per_row: Quad::new(dy),
            per_mm: Quad::new(turned(rays.direction)),
            others: axes!(i => l.splat(dx[i]) * columns + l.splat(dy[i]) * rows),
            before: Quad::new(before),
            last_corner: Quad::new(block.last_corner()),
            block,
        })
    }

    /// A packet's first pixel, at t = 0.
    #[inline(always)]
    fn first(&self, [column, row]: [f32; 2]) -> Quad {
        let Self { origin, per_column, per_row, .. } = self;
        origin.add(per_column.mul(Quad::splat(column))).add(per_row.mul(Quad::splat(row)))
    }

    #[inline(always)]
    fn stored(&self, l: L, first: Quad, t: f32, soon: isize) -> Option<L::F> {
        let first = first.add(self.per_mm.mul(Quad::splat(t)));
        let corner = first.add(self.before).max(Quad::splat(0.0)).min(self.last_corner).whole();
        l.shared(&self.block, corner.to_indices(), first.sub(corner), &self.others, soon)
    }
}

/// Two vectors of rays side by side.
struct Packets<L: Lanes> {
    beams: [Beam<L>; 2],
    /// The first pixels, where voxels are shared.
    first: [Quad; 2],
}

struct Blend<'a, V, L: Lanes> {
    field: &'a Field<'a, V>,
    points: Points,
    /// How far ahead in memory lies what is looked at soon.
    soon: isize,
    shared: Option<Shared<'a, V, L>>,
}

impl<V: Texel, L: Lanes> Blend<'_, V, L> {
    #[inline(always)]
    fn packets(&self, l: L, tile: &Tile<'_>, rays: &Rays, start: usize) -> Packets<L> {
        let first = both!(i => match &self.shared {
            Some(shared) => shared.first(tile.pixel(start + i * L::COUNT)),
            None => Quad::splat(0.0),
        });
        Packets { beams: tile.beams(l, rays, start), first }
    }

    /// Of rays whose points all lie between the outermost voxel centres.
    #[inline(always)]
    fn whole(&self, l: L, packets: &Packets<L>) -> [L::F; 2] {
        let Points { samples, combine, .. } = self.points;
        let mut results = [combine.nothing(l); 2];
        for k in 0..samples {
            let values = self.at(l, packets, k);
            results = [combine.with(l, results[0], values[0]), combine.with(l, results[1], values[1])];
        }
        if combine == Combine::Mean {
            let count = l.splat(samples as f32);
            results = [results[0] / count, results[1] / count];
        }
        results
    }

    /// The values at point `k`.
    #[inline(always)]
    fn at(&self, l: L, packets: &Packets<L>, k: u32) -> [L::F; 2] {
        let Self { field, soon, .. } = self;
        let Packets { beams, first } = packets;
        let t = self.points.at(k);
        if let Some(shared) = &self.shared
            && let [Some(a), Some(b)] = both!(i => shared.stored(l, first[i], t, *soon))
        {
            return [field.rescaled(l, a), field.rescaled(l, b)];
        }
        let t = l.splat(t);
        let first = field.point(l, field.spot_inside(l, beams[0].at(t)));
        let second = field.point(l, field.spot_inside(l, beams[1].at(t)));
        [
            field.rescaled(l, field.stored_at(l, first, Some(*soon))),
            field.rescaled(l, field.stored_at(l, second, Some(*soon))),
        ]
    }

    #[inline(always)]
    fn part(&self, l: L, beam: &Beam<L>, inside: L::M) -> L::F {
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
