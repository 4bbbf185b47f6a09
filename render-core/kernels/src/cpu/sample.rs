//! What all kernels do for a vector of rays: where they run, and what the volume is at a point.

use super::lanes::{Grid, Lanes, Part, Place, Quad, Texel};
use crate::render::{Rays, RenderParams};
use crate::volume::Rescale;

/// Rays further apart than this, in voxels, do not look into the same cells of `Lanes::near`.
const NEAR: f32 = 3.0;

/// An array of one thing per axis. Kernels have no closures: what is not inlined has none of a
/// level's instructions, and closures cannot be told to be.
macro_rules! axes {
    ($axis:ident => $each:expr) => {
        [
            {
                let $axis = 0;
                $each
            },
            {
                let $axis = 1;
                $each
            },
            {
                let $axis = 2;
                $each
            },
        ]
    };
}
pub(super) use axes;

/// As `axes`, of two things.
macro_rules! both {
    ($which:ident => $each:expr) => {
        [
            {
                let $which = 0;
                $each
            },
            {
                let $which = 1;
                $each
            },
        ]
    };
}
pub(super) use both;

/// A vector of points or directions, in voxels.
pub(super) type Vec3<L> = [<L as Lanes>::F; 3];

/// More samples than any ray of a resolved view has; bounds the work for an absurd one.
const MOST_SAMPLES: f32 = (2 * crate::render::MAX_SAMPLES) as f32;

/// One ray per lane.
pub(super) struct Beam<L: Lanes> {
    pub origin: Vec3<L>,
    pub direction: Vec3<L>,
}

impl<L: Lanes> Beam<L> {
    /// Through the pixels at (`column`, `row`). Rounds as `Rays::at` does.
    #[inline(always)]
    pub fn new(l: L, rays: &Rays, column: L::F, row: L::F) -> Self {
        let origin = axes!(i => l.splat(rays.origin[i])
            + l.splat(rays.origin_dx[i]) * column
            + l.splat(rays.origin_dy[i]) * row);
        if rays.are_parallel() {
            return Self { origin, direction: axes!(i => l.splat(rays.direction[i])) };
        }
        let slope_x = l.splat(rays.slope[0]) + l.splat(rays.slope[2]) * column;
        let slope_y = l.splat(rays.slope[1]) + l.splat(rays.slope[3]) * row;
        let length = l.sqrt(l.splat(1.0) + slope_x * slope_x + slope_y * slope_y);
        Self {
            origin,
            direction: axes!(i => (l.splat(rays.direction[i])
                + l.splat(rays.direction_dx[i]) * column
                + l.splat(rays.direction_dy[i]) * row)
                / length),
        }
    }

    #[inline(always)]
    pub fn at(&self, t: L::F) -> Vec3<L> {
        axes!(i => self.origin[i] + self.direction[i] * t)
    }

    /// The range of t inside the box from `low` to `high` on every axis; empty where enter > leave.
    #[inline(always)]
    pub fn clip(&self, l: L, low: Vec3<L>, high: Vec3<L>, from: f32) -> (L::F, L::F) {
        let never = l.splat(f32::INFINITY);
        let (mut enter, mut leave) = (l.splat(from), never);
        for axis in 0..3 {
            let (o, d) = (self.origin[axis], self.direction[axis]);
            let (a, b) = ((low[axis] - o) / d, (high[axis] - o) / d);
            let moves = l.lt(l.splat(0.0), l.abs(d));
            let inside = l.le(low[axis], o) & l.le(o, high[axis]);
            // A ray that does not move along an axis is inside it always or never.
            let still = l.select(inside, l.splat(f32::NEG_INFINITY), never);
            enter = l.max(l.select(moves, l.min(a, b), still), enter);
            leave = l.min(l.select(moves, l.max(a, b), never), leave);
        }
        (enter, leave)
    }

    /// What is left of a range of t in the half space x * a + y * b + z * c + d >= 0.
    #[inline(always)]
    fn cut(&self, l: L, &[a, b, c, d]: &[f32; 4], (enter, leave): (L::F, L::F)) -> (L::F, L::F) {
        let (zero, never) = (l.splat(0.0), l.splat(f32::INFINITY));
        let normal = [l.splat(a), l.splat(b), l.splat(c)];
        let (o, v) = (&self.origin, &self.direction);
        let height = normal[0] * o[0] + normal[1] * o[1] + normal[2] * o[2] + l.splat(d);
        let rise = normal[0] * v[0] + normal[1] * v[1] + normal[2] * v[2];
        let crossing = (zero - height) / rise;
        // A ray along the plane is inside always or never.
        let outside = !(l.lt(zero, rise) | l.lt(rise, zero)) & l.lt(height, zero);
        let enter = l.select(l.lt(zero, rise), l.max(crossing, enter), enter);
        let leave = l.select(l.lt(rise, zero), l.min(crossing, leave), leave);
        (l.select(outside, never, enter), leave)
    }
}

/// The samples of rays inside the grid of voxel centres and the clip: number `first` + j, for whole j from 0
/// below `count`, lies at t = (`first` + j) * step.
pub(super) struct Lattice<L: Lanes> {
    pub first: L::F,
    pub count: L::F,
}

impl<L: Lanes> Lattice<L> {
    #[inline(always)]
    pub fn new<V: Texel>(l: L, scene: &Scene<'_, V>, beam: &Beam<L>, step_mm: f32) -> Self {
        let zero = l.splat(0.0);
        let last = axes!(i => l.splat(scene.field.last[i]));
        let (mut enter, mut leave) = beam.clip(l, [zero; 3], last, 0.0);
        for half_space in &scene.params.clip {
            (enter, leave) = beam.cut(l, half_space, (enter, leave));
        }
        let step = l.splat(step_mm);
        let first = l.ceil(enter / step);
        let count = l.floor(leave / step) - first + l.splat(1.0);
        // Also false where a number is NaN.
        let exists = l.le(enter, leave) & l.lt(leave, l.splat(f32::INFINITY)) & l.lt(zero, count);
        let count = l.select(exists, l.min(count, l.splat(MOST_SAMPLES)), zero);
        Self { first: l.select(exists, first, zero), count }
    }
}

/// What a packet of rays passes through: at sample `from` + j every ray is at or after `low` +
/// j * `step` on every axis, and not more than `width` after that.
pub(super) struct Tube {
    /// Number of the first sample of any ray.
    pub from: f32,
    /// Samples from there to the last one of any ray.
    pub count: f32,
    pub width: f32,
    /// Whether rays go to higher numbers on each axis.
    pub forward: [bool; 3],
    low: Quad,
    step: Quad,
    per_voxel: Quad,
    /// 1 where rays go to higher numbers, else -1.
    ahead: Quad,
    /// 0 where rays go to higher numbers, else 1.
    behind: Quad,
}

/// Which samples rays have.
pub(super) struct Span {
    /// Number of the first sample of any ray, and the one after the last. Infinitely far on and back
    /// where there are no rays.
    from: f32,
    to: f32,
}

impl Span {
    #[inline(always)]
    pub fn new<L: Lanes>(l: L, lattice: &Lattice<L>, mask: L::M) -> Self {
        let from = l.smallest(mask, lattice.first);
        Self { from, to: -l.smallest(mask, l.splat(0.0) - (lattice.first + lattice.count)) }
    }

    /// Of all rays of two vectors.
    #[inline(always)]
    pub fn join(a: &Self, b: &Self) -> Self {
        Self { from: a.from.min(b.from), to: a.to.max(b.to) }
    }

    #[inline(always)]
    fn count(&self) -> f32 {
        // Beyond this, one sample more is the same number; neighbours of no view in use are as far apart.
        (self.to - self.from).clamp(1.0, 8_388_608.0)
    }
}

/// Bounds of where rays are at the first sample of a span and behind its last one.
pub(super) struct Ends {
    low: [f32; 3],
    low_end: [f32; 3],
    high: [f32; 3],
    high_end: [f32; 3],
}

impl Ends {
    /// Of the rays in `mask`.
    #[inline(always)]
    pub fn new<L: Lanes>(l: L, beam: &Beam<L>, span: &Span, step_mm: f32, mask: L::M) -> Self {
        let zero = l.splat(0.0);
        let first = beam.at(l.splat(span.from * step_mm));
        let last = beam.at(l.splat((span.from + span.count()) * step_mm));
        // The lowest of straight lines never runs below the chord between its ends.
        Self {
            low: axes!(i => l.smallest(mask, first[i]) - Tube::MARGIN),
            low_end: axes!(i => l.smallest(mask, last[i]) - Tube::MARGIN),
            high: axes!(i => Tube::MARGIN - l.smallest(mask, zero - first[i])),
            high_end: axes!(i => Tube::MARGIN - l.smallest(mask, zero - last[i])),
        }
    }

    #[inline(always)]
    pub fn join(a: &Self, b: &Self) -> Self {
        Self {
            low: axes!(i => a.low[i].min(b.low[i])),
            low_end: axes!(i => a.low_end[i].min(b.low_end[i])),
            high: axes!(i => a.high[i].max(b.high[i])),
            high_end: axes!(i => a.high_end[i].max(b.high_end[i])),
        }
    }
}

/// Around rays at each sample, and around where they are at it and the next one.
pub(super) struct Tubes {
    pub one: Tube,
    pub two: Tube,
}

impl Tubes {
    /// Around the rays in `mask`, where they have samples.
    #[inline(always)]
    pub fn new<L: Lanes>(l: L, beam: &Beam<L>, lattice: &Lattice<L>, step_mm: f32, mask: L::M) -> Self {
        let span = Span::new(l, lattice, mask);
        Self::through(&Ends::new(l, beam, &span, step_mm, mask), &span)
    }

    #[inline(always)]
    pub fn through(ends: &Ends, span: &Span) -> Self {
        let one = Tube::through(ends, span);
        Self { two: one.with_next(), one }
    }
}

impl Tube {
    /// Rays may be this much beside where arithmetic says, in voxels.
    const MARGIN: f32 = 0.01;

    /// Around the rays in `mask`, where they have samples.
    #[inline(always)]
    pub fn new<L: Lanes>(l: L, beam: &Beam<L>, lattice: &Lattice<L>, step_mm: f32, mask: L::M) -> Self {
        let span = Span::new(l, lattice, mask);
        Self::through(&Ends::new(l, beam, &span, step_mm, mask), &span)
    }

    /// From the first to the last of what rays pass through.
    #[inline(always)]
    pub fn through(ends: &Ends, span: &Span) -> Self {
        let Ends { low, low_end, high, high_end } = ends;
        let count = span.count();
        let mut width = 0.0f32;
        for i in 0..3 {
            width = width.max(high[i] - low[i]).max(high_end[i] - low_end[i]);
        }
        let step = axes!(i => {
            let step = (low_end[i] - low[i]) / count;
            // Along an axis on which rays do not move, every exit is far but finite.
            if step.abs() < 1e-20 { 1e-20 } else { step }
        });
        Self {
            from: span.from,
            count,
            width,
            forward: axes!(i => step[i] > 0.0),
            low: Quad::new(*low),
            step: Quad::new(step),
            per_voxel: Quad::new(axes!(i => 1.0 / step[i])),
            ahead: Quad::new(axes!(i => if step[i] > 0.0 { 1.0 } else { -1.0 })),
            behind: Quad::new(axes!(i => if step[i] > 0.0 { 0.0 } else { 1.0 })),
        }
    }

    /// Also around where its rays are at the next sample.
    #[inline(always)]
    pub fn with_next(&self) -> Self {
        let zero = Quad::splat(0.0);
        let back = self.step.min(zero);
        // The longest step in either direction, with its sign turned.
        let longest = back.min(zero.sub(self.step)).smallest();
        Self { width: self.width - longest, low: self.low.add(back), ..*self }
    }

    #[inline(always)]
    fn at(&self, sample: f32) -> Quad {
        self.low.add(self.step.mul(Quad::splat(sample))).max(Quad::splat(0.0))
    }

    /// The cell that no ray is before at a sample.
    #[inline(always)]
    pub fn corner(&self, sample: f32) -> [i32; 3] {
        self.at(sample).to_indices()
    }

    /// The brick with the corner at a sample, of bricks with `1 / per_cell` cells along each edge, a power of
    /// two, up to the `last` one.
    #[inline(always)]
    pub fn brick(&self, sample: f32, per_cell: f32, last: Quad) -> [i32; 3] {
        // Powers of two round nothing, and in this order no product waits for the sample.
        let per_cell = Quad::splat(per_cell);
        let (low, step) = (self.low.mul(per_cell), self.step.mul(per_cell));
        low.add(step.mul(Quad::splat(sample))).max(Quad::splat(0.0)).min(last).to_indices()
    }

    /// The first sample whose corner may lie `reach` bricks or more from `brick`, but at least the next
    /// one. A brick's edge is `edge` cells long.
    #[inline(always)]
    pub fn exit(&self, sample: f32, brick: [i32; 3], reach: u8, edge: f32) -> f32 {
        let edge = Quad::splat(edge);
        // What is known before memory tells the reach: when the brick was entered, and how long one takes.
        let entry_plane = Quad::from_indices(brick).add(self.behind).mul(edge);
        let entry = entry_plane.sub(self.low).mul(self.per_voxel);
        let per_brick = edge.mul(self.per_voxel.mul(self.ahead));
        let crossing = entry.add(Quad::splat(f32::from(reach)).mul(per_brick));
        let end = (crossing.smallest() - Self::MARGIN).ceil();
        if end > sample + 1.0 { end } else { sample + 1.0 }
    }
}

/// Where in memory and in its cell each lane looks.
#[derive(Clone, Copy)]
pub(super) struct Point<'a, L: Lanes, V> {
    place: Place<'a, V, L::Index>,
    fraction: Vec3<L>,
}

/// A cell for each lane and the place in it, from 0 to 1 on each axis.
#[derive(Clone, Copy)]
pub(super) struct Spot<L: Lanes> {
    cell: [L::I; 3],
    fraction: Vec3<L>,
}

/// The volume as kernels see it.
pub(super) struct Field<'a, V> {
    pub grid: Grid<'a, V>,
    pub rescale: Rescale,
    /// The outermost voxel centre on each axis.
    pub last: [f32; 3],
    /// The last cell on each axis.
    last_cell: [i32; 3],
    /// How far behind its first voxel a cell's voxels reach, and those that gradients in it need.
    cell_span: usize,
    gradient_span: usize,
}

impl<'a, V: Texel> Field<'a, V> {
    pub fn new(grid: Grid<'a, V>, rescale: Rescale) -> Self {
        let [dx, dy, dz] = grid.next();
        Self {
            last: grid.dims().map(|n| (n - 1) as f32),
            last_cell: grid.dims().map(|n| n.saturating_sub(2) as i32),
            cell_span: dx + dy + dz,
            gradient_span: 3 * (dx + dy + dz),
            grid,
            rescale,
        }
    }

    /// Positions beyond the outermost voxel centres become the nearest inside; NaN becomes 0.
    #[inline(always)]
    pub fn spot<L: Lanes>(&self, l: L, p: Vec3<L>) -> Spot<L> {
        let inside = axes!(i => l.min(l.max(p[i], l.splat(0.0)), l.splat(self.last[i])));
        let cell = axes!(i => l.min_i(l.to_int(inside[i]), l.splat_i(self.last_cell[i])));
        let fraction = axes!(i => inside[i] - l.to_float(cell[i]));
        Spot { cell, fraction }
    }

    /// `spot` of a position between the outermost voxel centres, up to rounding. What it is for others
    /// does not matter, but reading there does no harm.
    #[inline(always)]
    pub fn spot_inside<L: Lanes>(&self, l: L, p: Vec3<L>) -> Spot<L> {
        let cell = axes!(i => l.min_i(l.to_int(p[i]), l.splat_i(self.last_cell[i])));
        let fraction = axes!(i => p[i] - l.to_float(cell[i]));
        Spot { cell, fraction }
    }

    /// Stored value by trilinear interpolation.
    #[inline(always)]
    pub fn stored<L: Lanes>(&self, l: L, spot: Spot<L>) -> L::F {
        self.stored_at(l, self.point(l, spot), None)
    }

    /// Where the voxels around a spot are.
    #[inline(always)]
    pub fn point<L: Lanes>(&self, l: L, spot: Spot<L>) -> Point<'_, L, V> {
        Point { place: l.place(&self.grid, spot.cell, self.cell_span), fraction: spot.fraction }
    }

    /// `stored`, where places `soon` ahead of this one are next.
    #[inline(always)]
    pub fn stored_at<L: Lanes>(&self, l: L, point: Point<'_, L, V>, soon: Option<isize>) -> L::F {
        let [_, dy, dz] = self.grid.next();
        let [fx, fy, fz] = point.fraction;
        let [a, b, c, d] = l.rises(point.place, [0, dy, dz, dz + dy], soon);
        let near = lerp(l, l.mul_add(a.1, fx, a.0), l.mul_add(b.1, fx, b.0), fy);
        let far = lerp(l, l.mul_add(c.1, fx, c.0), l.mul_add(d.1, fx, d.0), fy);
        lerp(l, near, far, fz)
    }

    /// How far ahead in memory a voxel lies by so much away, rounded to whole voxels.
    #[inline(always)]
    pub fn ahead(&self, by: [f32; 3]) -> isize {
        let next = self.grid.next();
        // Within bounds that overflow nothing; the casts turn NaN into 0.
        let steps = by.map(|x| x.round().clamp(-4096.0, 4096.0) as isize);
        steps[0] * next[0] as isize + steps[1] * next[1] as isize + steps[2] * next[2] as isize
    }

    /// `stored` for rays whose cells are not far behind `corner`. Values not above `least` may become
    /// others that are not; what need not be `exact` is so to 15 bits of the range among a cell's voxels.
    #[inline(always)]
    pub fn stored_near<L: Lanes>(
        &self,
        l: L,
        position: Vec3<L>,
        corner: [i32; 3],
        mask: L::M,
        least: f32,
        exact: bool,
    ) -> L::F {
        match l.near(&self.grid, corner, position, mask, least, exact) {
            Some(stored) => stored,
            None => l.without_near(Stored { field: self, position }),
        }
    }

    /// `stored_near` of two samples of each ray, number `sample` and the next one, and the corner that
    /// either is near.
    #[expect(clippy::too_many_arguments, reason = "kernels have no closures that could hold them")]
    #[inline(always)]
    pub fn stored_of_two<L: Lanes>(
        &self,
        l: L,
        places: [Vec3<L>; 2],
        tubes: &Tubes,
        sample: f32,
        masks: [L::M; 2],
        least: f32,
        exact: bool,
    ) -> ([L::F; 2], [[i32; 3]; 2]) {
        if tubes.two.width <= NEAR {
            let corner = tubes.two.corner(sample);
            if let Some(stored) = l.near_two(&self.grid, corner, places, masks, least, exact) {
                return (stored, [corner; 2]);
            }
        }
        let corners = [tubes.one.corner(sample), tubes.one.corner(sample + 1.0)];
        let near = tubes.one.width <= NEAR;
        (l.without_near(OneByOne { field: self, places, corners, masks, least, near, exact }), corners)
    }

    #[inline(always)]
    pub fn rescaled<L: Lanes>(&self, l: L, stored: L::F) -> L::F {
        l.mul_add(stored, l.splat(self.rescale.slope), l.splat(self.rescale.intercept))
    }

    /// Rescaled value at a position.
    #[inline(always)]
    pub fn value<L: Lanes>(&self, l: L, p: Vec3<L>) -> L::F {
        self.rescaled(l, self.stored(l, self.spot(l, p)))
    }

    /// Differences of the stored value one voxel before and one voxel after, along each axis, for
    /// rays whose cells are not far behind `corner`.
    #[inline(always)]
    pub fn differences<L: Lanes>(&self, l: L, p: Vec3<L>, corner: [i32; 3], mask: L::M) -> Vec3<L> {
        match l.near_differences(&self.grid, corner, p, mask) {
            Some(differences) => differences,
            None => l.without_near(Differences { field: self, position: p }),
        }
    }

    /// `differences` at two places of each ray.
    #[inline(always)]
    pub fn differences_of_two<L: Lanes>(
        &self,
        l: L,
        places: [Vec3<L>; 2],
        corners: [[i32; 3]; 2],
        masks: [L::M; 2],
    ) -> [Vec3<L>; 2] {
        if corners[0] == corners[1]
            && let Some(both) = l.near_two_differences(&self.grid, corners[0], places, masks)
        {
            return both;
        }
        l.without_near(DifferencesOneByOne { field: self, places, corners, masks })
    }

    #[inline(always)]
    fn differences_one_by_one<L: Lanes>(&self, l: L, p: Vec3<L>) -> Vec3<L> {
        let spot = self.spot_inside(l, p);
        // Where all of the 4 x 4 x 4 voxels around the cells exist, neighbours share their loads.
        let mut inner = l.mask(u32::MAX);
        for axis in 0..3 {
            let cell = l.to_float(spot.cell[axis]);
            let last_inner = l.splat(self.last[axis] - 2.0);
            inner = inner & l.lt(l.splat(0.5), cell) & l.lt(cell, last_inner);
        }
        if l.bits(!inner) == 0 {
            self.inner_differences(l, spot)
        } else {
            l.apart(AtFaces { field: self, position: p })
        }
    }

    /// `differences`, also where cells touch the volume's faces.
    #[inline(always)]
    fn differences_at_faces<L: Lanes>(&self, l: L, p: Vec3<L>) -> Vec3<L> {
        let mut differences = [l.splat(0.0); 3];
        for axis in 0..3 {
            let (mut ahead, mut behind) = (p, p);
            ahead[axis] = p[axis] + l.splat(1.0);
            behind[axis] = p[axis] - l.splat(1.0);
            differences[axis] = self.stored(l, self.spot(l, ahead)) - self.stored(l, self.spot(l, behind));
        }
        differences
    }

    /// `differences` where no cell touches the volume's faces.
    #[inline(always)]
    fn inner_differences<L: Lanes>(&self, l: L, spot: Spot<L>) -> Vec3<L> {
        let [_, dy, dz] = self.grid.next();
        let one = l.splat_i(1);
        let place = l.place(&self.grid, axes!(i => spot.cell[i] - one), self.gradient_span);
        let [fx, fy, fz] = spot.fraction;
        let (x00, v00) = centre_row(l, place, dy + dz, fx);
        let (x10, v10) = centre_row(l, place, 2 * dy + dz, fx);
        let (x01, v01) = centre_row(l, place, dy + 2 * dz, fx);
        let (x11, v11) = centre_row(l, place, 2 * dy + 2 * dz, fx);
        let x = lerp(l, lerp(l, x00, x10, fy), lerp(l, x01, x11, fy), fz);
        // Along the other axes, the rows beyond the cell's own are blended with those.
        let y_near = lerp(l, v10, row(l, place, 3 * dy + dz + 1, fx), fy)
            - lerp(l, row(l, place, dz + 1, fx), v00, fy);
        let y_far = lerp(l, v11, row(l, place, 3 * dy + 2 * dz + 1, fx), fy)
            - lerp(l, row(l, place, 2 * dz + 1, fx), v01, fy);
        let z_near = lerp(l, v01, row(l, place, dy + 3 * dz + 1, fx), fz)
            - lerp(l, row(l, place, dy + 1, fx), v00, fz);
        let z_far = lerp(l, v11, row(l, place, 2 * dy + 3 * dz + 1, fx), fz)
            - lerp(l, row(l, place, 2 * dy + 1, fx), v10, fz);
        [x, lerp(l, y_near, y_far, fz), lerp(l, z_near, z_far, fy)]
    }
}

struct Stored<'a, 'b, L: Lanes, V> {
    field: &'a Field<'b, V>,
    position: Vec3<L>,
}

impl<L: Lanes, V: Texel> Part<L> for Stored<'_, '_, L, V> {
    type Output = L::F;
    #[inline(always)]
    fn run(self, l: L) -> L::F {
        self.field.stored(l, self.field.spot_inside(l, self.position))
    }
}

struct OneByOne<'a, 'b, L: Lanes, V> {
    field: &'a Field<'b, V>,
    places: [Vec3<L>; 2],
    corners: [[i32; 3]; 2],
    masks: [L::M; 2],
    least: f32,
    near: bool,
    exact: bool,
}

impl<L: Lanes, V: Texel> Part<L> for OneByOne<'_, '_, L, V> {
    type Output = [L::F; 2];
    #[inline(always)]
    fn run(self, l: L) -> [L::F; 2] {
        let Self { field, places, corners, masks, least, near, exact } = self;
        if !near {
            let [near, far] = [field.spot_inside(l, places[0]), field.spot_inside(l, places[1])];
            return [field.stored(l, near), field.stored(l, far)];
        }
        [
            field.stored_near(l, places[0], corners[0], masks[0], least, exact),
            field.stored_near(l, places[1], corners[1], masks[1], least, exact),
        ]
    }
}

struct DifferencesOneByOne<'a, 'b, L: Lanes, V> {
    field: &'a Field<'b, V>,
    places: [Vec3<L>; 2],
    corners: [[i32; 3]; 2],
    masks: [L::M; 2],
}

impl<L: Lanes, V: Texel> Part<L> for DifferencesOneByOne<'_, '_, L, V> {
    type Output = [Vec3<L>; 2];
    #[inline(always)]
    fn run(self, l: L) -> [Vec3<L>; 2] {
        let Self { field, places, corners, masks } = self;
        [
            field.differences(l, places[0], corners[0], masks[0]),
            field.differences(l, places[1], corners[1], masks[1]),
        ]
    }
}

struct Differences<'a, 'b, L: Lanes, V> {
    field: &'a Field<'b, V>,
    position: Vec3<L>,
}

impl<L: Lanes, V: Texel> Part<L> for Differences<'_, '_, L, V> {
    type Output = Vec3<L>;
    #[inline(always)]
    fn run(self, l: L) -> Vec3<L> {
        self.field.differences_one_by_one(l, self.position)
    }
}

struct AtFaces<'a, 'b, L: Lanes, V> {
    field: &'a Field<'b, V>,
    position: Vec3<L>,
}

impl<L: Lanes, V: Texel> Part<L> for AtFaces<'_, '_, L, V> {
    type Output = Vec3<L>;
    #[inline(always)]
    fn run(self, l: L) -> Vec3<L> {
        self.field.differences_at_faces(l, self.position)
    }
}

#[inline(always)]
fn lerp<L: Lanes>(l: L, a: L::F, b: L::F, part: L::F) -> L::F {
    l.mul_add(b - a, part, a)
}

/// Between the two voxels at `offset`.
#[inline(always)]
fn row<L: Lanes, V: Texel>(l: L, place: Place<'_, V, L::Index>, offset: usize, part: L::F) -> L::F {
    let (a, b) = l.pair(place, offset);
    lerp(l, a, b, part)
}

/// The difference along a row one voxel before and after, and the value, between the second and
/// third of the four voxels at `offset`.
#[inline(always)]
fn centre_row<L: Lanes, V: Texel>(
    l: L,
    place: Place<'_, V, L::Index>,
    offset: usize,
    part: L::F,
) -> (L::F, L::F) {
    let [a, b, c, d] = l.quad(place, offset);
    (lerp(l, c, d, part) - lerp(l, a, b, part), lerp(l, b, c, part))
}

/// What is common to all rays of a frame.
pub(super) struct Scene<'a, V> {
    pub field: Field<'a, V>,
    pub params: &'a RenderParams,
}
