//! Rays that gather light until they are opaque: volumes and isosurfaces.
//!
//! Two loops. Marching finds the samples that can be seen and how much each weighs; it looks at
//! nothing but values. Shading, which needs four times the voxels for its gradient, works on the
//! samples found, gathered into full vectors. A ray that has ended gives its lane to the next one.

#![expect(clippy::needless_range_loop, reason = "lanes index several arrays and a mask at once")]

use super::lanes::{Kernel, Lanes, MAX_LANES, Texel};
use super::sample::{Beam, Exit, Lattice, Scene, Vec3, axes};
use super::skip::{BRICK_BITS, SkipMap};
use super::tile::{PIXELS, Tile};
use crate::bricks::BRICK;
use crate::render::{OPAQUE_BELOW, SURFACE_HALVINGS, TransferTable};
use crate::scene::preset::Shading;

/// Visible samples that are shaded at once.
const BATCH: usize = 256;

/// What makes a sample visible, and its colour.
pub(super) enum Matter<'a> {
    /// `alpha` repeats the table's last column: it is looked up far more often than the colours.
    ///
    /// No entry outside of `visible`, from the first to before the second, can be seen.
    Table { table: &'a TransferTable, alpha: Vec<f32>, visible: [f32; 2] },
    Surface {
        value: f32,
        /// The fourth place is padding.
        color: [f32; 4],
    },
}

pub(super) struct March<'a, V> {
    pub scene: &'a Scene<'a, V>,
    pub skip: &'a SkipMap,
    pub matter: &'a Matter<'a>,
    pub shading: &'a Shading,
    pub step_mm: f32,
    pub tile: &'a mut Tile,
}

/// Samples waiting for their light. Two vectors of them may be found before they are counted, and
/// vectors are stored whole, so there is room for three more.
struct Hits {
    count: usize,
    position: [[f32; ROOM]; 3],
    weight: [f32; ROOM],
    /// Entry of the colour table.
    entry: [i32; ROOM],
    pixel: [i32; ROOM],
}

const ROOM: usize = BATCH + 3 * MAX_LANES;

/// One ray per lane.
struct Rays<L: Lanes> {
    pixel: [i32; MAX_LANES],
    column: [f32; MAX_LANES],
    row: [f32; MAX_LANES],
    beam: Beam<L>,
    lattice: Lattice<L>,
    /// The next sample, and the first one outside of the brick last looked at.
    next: L::F,
    brick_end: L::F,
    transparency: L::F,
    exit: Exit<L>,
}

impl<V: Texel> Kernel for March<'_, V> {
    #[inline(always)]
    fn run<L: Lanes>(mut self, l: L) {
        let mut hits =
            Hits { count: 0, position: [[0.0; _]; 3], weight: [0.0; _], entry: [0; _], pixel: [0; _] };
        let zero = l.splat(0.0);
        let beam = Beam::new(l, &self.scene.params.rays, zero, zero);
        let lattice = Lattice::new(l, &self.scene.field, &beam, self.step_mm);
        let mut rays = Rays {
            pixel: [-1; MAX_LANES],
            column: [0.0; MAX_LANES],
            row: [0.0; MAX_LANES],
            exit: Exit::new(l, &beam, &lattice, self.step_mm, BRICK),
            beam,
            lattice,
            next: zero,
            brick_end: zero,
            transparency: l.splat(1.0),
        };
        let mut next_pixel = 0;
        let mut active = l.mask(0);
        let all = l.bits(l.mask(u32::MAX));
        loop {
            let bits = l.bits(active);
            if bits.count_ones() as usize * 4 <= L::COUNT * 3 {
                if next_pixel < PIXELS {
                    active = self.refill(l, &mut rays, active, &mut next_pixel);
                } else if bits == 0 {
                    break;
                }
            }
            active = self.skip_empty(l, &mut rays, active);
            if l.bits(active) != 0 {
                active = self.sample(l, &mut rays, active, &mut hits);
                if hits.count >= BATCH {
                    self.shade(l, &mut hits);
                }
            }
        }
        self.retire(l, &rays, all);
        self.shade(l, &mut hits);
    }
}

impl<V: Texel> March<'_, V> {
    /// One in so many lanes must be lost before bricks are looked up. On Zen 5, looking up for every
    /// lost ray at once is about a tenth slower; 2, 4 and 8 differ by little more than noise.
    const LOST_SHARE: usize = 4;

    /// Writes down what the rays in `lanes` let through.
    #[inline(always)]
    fn retire<L: Lanes>(&mut self, l: L, rays: &Rays<L>, lanes: u32) {
        let mut transparency = [0.0; MAX_LANES];
        l.store(rays.transparency, &mut transparency);
        for lane in 0..L::COUNT {
            if lanes >> lane & 1 == 0 {
                continue;
            }
            if let Some(pixel) = self.tile.pixels.get_mut(rays.pixel[lane] as usize) {
                pixel.transparency = transparency[lane];
            }
        }
    }

    /// Gives the idle lanes new rays, as long as there are any.
    #[inline(always)]
    fn refill<L: Lanes>(&mut self, l: L, rays: &mut Rays<L>, active: L::M, next_pixel: &mut usize) -> L::M {
        let idle = l.bits(!active);
        self.retire(l, rays, idle);
        let mut fresh = 0;
        for lane in 0..L::COUNT {
            if idle >> lane & 1 == 0 {
                continue;
            }
            rays.pixel[lane] = -1;
            while *next_pixel < PIXELS {
                let pixel = *next_pixel;
                *next_pixel += 1;
                if let Some([column, row]) = self.tile.position(pixel) {
                    rays.pixel[lane] = pixel as i32;
                    rays.column[lane] = column;
                    rays.row[lane] = row;
                    fresh |= 1 << lane;
                    break;
                }
            }
        }
        let fresh = l.mask(fresh);
        let beam = Beam::new(l, &self.scene.params.rays, l.load(&rays.column), l.load(&rays.row));
        let lattice = Lattice::new(l, &self.scene.field, &beam, self.step_mm);
        let zero = l.splat(0.0);
        rays.exit = Exit::new(l, &beam, &lattice, self.step_mm, BRICK);
        rays.beam = beam;
        rays.lattice = lattice;
        rays.next = l.select(fresh, zero, rays.next);
        rays.brick_end = l.select(fresh, zero, rays.brick_end);
        rays.transparency = l.select(fresh, l.splat(1.0), rays.transparency);
        (active | fresh) & l.lt(rays.next, rays.lattice.count)
    }

    #[inline(always)]
    fn position<L: Lanes>(&self, l: L, rays: &Rays<L>, sample: L::F) -> Vec3<L> {
        rays.beam.sample(l, &rays.lattice, sample, self.step_mm)
    }

    /// Moves rays on to visible bricks; returns those that find one. A few rays that do not know
    /// their brick are not worth looking for it: the others' samples cost as much with as without
    /// them, and what they find in an empty brick is transparent.
    #[inline(always)]
    fn skip_empty<L: Lanes>(&self, l: L, rays: &mut Rays<L>, mut active: L::M) -> L::M {
        let next_row = l.splat_i(self.skip.dims[0] as i32);
        let next_layer = l.splat_i((self.skip.dims[0] * self.skip.dims[1]) as i32);
        loop {
            let lost = active & l.le(rays.brick_end, rays.next);
            let count = l.bits(lost).count_ones() as usize;
            if count * Self::LOST_SHARE < L::COUNT && (count == 0 || l.bits(lost) != l.bits(active)) {
                return active;
            }
            let p = self.position(l, rays, rays.next);
            let spot = self.scene.field.spot_inside(l, p);
            let brick = axes!(i => l.shift_right(spot.cell[i], BRICK_BITS));
            let index = brick[2] * next_layer + (brick[1] * next_row + brick[0]);
            let distance = l.to_float(l.gather_bytes(&self.skip.distance, index));
            let one = l.splat(1.0);
            let reach = l.max(distance, one) - l.splat(0.5);
            let end = rays.exit.of(l, axes!(i => l.to_float(brick[i])), reach);
            // Also where rounding or a direction that is not a number would stand still.
            let end = l.max(end, rays.next + one);
            let empty = lost & l.lt(l.splat(0.0), distance);
            rays.next = l.select(empty, end, rays.next);
            rays.brick_end = l.select(lost, end, rays.brick_end);
            active = active & l.lt(rays.next, rays.lattice.count);
        }
    }

    /// Looks at the next samples of each ray and steps on; returns the rays that go on.
    #[inline(always)]
    fn sample<L: Lanes>(&self, l: L, rays: &mut Rays<L>, active: L::M, hits: &mut Hits) -> L::M {
        match &self.matter {
            Matter::Table { table, alpha, visible } => {
                self.sample_table(l, rays, active, hits, (table, alpha, *visible))
            }
            Matter::Surface { value, .. } => self.sample_surface(l, rays, active, hits, *value),
        }
    }

    /// Two samples at a time: their loads do not wait for each other, and there are half as many
    /// branches to predict. The second may lie in a brick that nobody looked up; if that is empty,
    /// the sample is transparent.
    #[inline(always)]
    fn sample_table<L: Lanes>(
        &self,
        l: L,
        rays: &mut Rays<L>,
        active: L::M,
        hits: &mut Hits,
        (table, alphas, [first, last]): (&TransferTable, &[f32], [f32; 2]),
    ) -> L::M {
        let (zero, one) = (l.splat(0.0), l.splat(1.0));
        let second = rays.next + one;
        let (p, q) = (self.position(l, rays, rays.next), self.position(l, rays, second));
        let (p_entry, q_entry) = (self.entry(l, p, table, alphas), self.entry(l, q, table, alphas));
        let (first, last) = (l.splat(first), l.splat(last));
        let p_visible = active & l.le(first, p_entry) & l.lt(p_entry, last);
        let q_visible =
            active & l.le(first, q_entry) & l.lt(q_entry, last) & l.lt(second, rays.lattice.count);
        rays.next = second + one;
        let mut active = active;
        if l.bits(p_visible | q_visible) != 0 {
            let (p_entry, q_entry) = (l.to_int(p_entry), l.to_int(q_entry));
            let (p_alpha, q_alpha) = (l.gather(alphas, p_entry), l.gather(alphas, q_entry));
            let p_visible = p_visible & l.lt(zero, p_alpha);
            let q_visible = q_visible & l.lt(zero, q_alpha);
            let opaque = l.splat(OPAQUE_BELOW);
            hits.push(l, p_visible, p, rays.transparency * p_alpha, p_entry, &rays.pixel);
            let left = rays.transparency * (one - p_alpha);
            let left = l.select(p_visible, left, rays.transparency);
            let q_visible = q_visible & !l.lt(left, opaque);
            hits.push(l, q_visible, q, left * q_alpha, q_entry, &rays.pixel);
            rays.transparency = l.select(q_visible, left * (one - q_alpha), left);
            active = active & !l.lt(rays.transparency, opaque);
        }
        active & l.lt(rays.next, rays.lattice.count)
    }

    /// Where a position's value stands in the table; the whole part is the entry.
    #[inline(always)]
    fn entry<L: Lanes>(&self, l: L, p: Vec3<L>, table: &TransferTable, alphas: &[f32]) -> L::F {
        let field = &self.scene.field;
        let value = field.rescaled(l, field.stored(l, field.spot_inside(l, p)));
        let entry = l.mul_add(value - l.splat(table.low), l.splat(table.scale), l.splat(0.5));
        let last = l.splat(alphas.len().saturating_sub(1) as f32);
        l.min(l.max(entry, l.splat(0.0)), last)
    }

    #[inline(always)]
    fn sample_surface<L: Lanes>(
        &self,
        l: L,
        rays: &mut Rays<L>,
        active: L::M,
        hits: &mut Hits,
        wanted: f32,
    ) -> L::M {
        let (zero, one, wanted) = (l.splat(0.0), l.splat(1.0), l.splat(wanted));
        let here = rays.next;
        rays.next = here + one;
        let p = self.position(l, rays, here);
        let value = self.scene.field.value(l, p);
        let hit = active & l.le(wanted, value);
        let mut active = active;
        if l.bits(hit) != 0 {
            let (mut outside, mut inside) = (here - one, here);
            for _ in 0..SURFACE_HALVINGS {
                let middle = (outside + inside) * l.splat(0.5);
                let in_front = l.lt(self.scene.field.value(l, self.position(l, rays, middle)), wanted);
                outside = l.select(in_front, middle, outside);
                inside = l.select(in_front, inside, middle);
            }
            let before = self.scene.field.value(l, self.position(l, rays, outside));
            let after = self.scene.field.value(l, self.position(l, rays, inside));
            let part = (wanted - before) / (after - before);
            let has_before = l.lt(zero, here);
            let at = l.select(has_before, outside + (inside - outside) * part, here);
            let exact = self.position(l, rays, at);
            hits.push(l, hit, exact, one, l.splat_i(0), &rays.pixel);
            rays.transparency = l.select(hit, zero, rays.transparency);
            active = active & !hit;
        }
        active & l.lt(rays.next, rays.lattice.count)
    }

    /// Adds the light of all waiting samples to their pixels, in the order they were found.
    #[inline(always)]
    fn shade<L: Lanes>(&mut self, l: L, hits: &mut Hits) {
        for start in (0..hits.count).step_by(L::COUNT) {
            let found = (hits.count - start).min(L::COUNT);
            if found < L::COUNT {
                hits.repeat_last(L::COUNT - found);
            }
            let p = axes!(i => l.load(&hits.position[i][start..]));
            let weight = l.load(&hits.weight[start..]);
            let (base, highlight) = self.light(l, p);
            let (mut bases, mut highlights) = ([0.0; MAX_LANES], [0.0; MAX_LANES]);
            l.store(weight * base, &mut bases);
            l.store(weight * highlight, &mut highlights);
            for lane in 0..found {
                let color = match &self.matter {
                    // The entry was looked up when the sample was found, so it is there.
                    Matter::Table { table, .. } => table.rgba.get(hits.entry[start + lane] as usize),
                    Matter::Surface { color, .. } => Some(color),
                };
                let color = color.unwrap_or(&[0.0; 4]);
                let pixel = &mut self.tile.pixels[hits.pixel[start + lane] as usize % PIXELS].color;
                for c in 0..4 {
                    pixel[c] += color[c] * bases[lane] + highlights[lane];
                }
            }
        }
        hits.count = 0;
    }

    /// What a sample's own colour is multiplied by, and the highlight to add to it.
    #[inline(always)]
    fn light<L: Lanes>(&self, l: L, p: Vec3<L>) -> (L::F, L::F) {
        let gradient = self.scene.field.differences(l, p);
        let columns = &self.scene.params.patient_from_gradient;
        let normal = axes!(i => {
            gradient[0] * l.splat(columns[0][i])
                + gradient[1] * l.splat(columns[1][i])
                + gradient[2] * l.splat(columns[2][i])
        });
        let sight = axes!(i => l.splat(self.scene.params.line_of_sight[i]));
        let length = l.max(l.sqrt(dot::<L>(normal, normal)), l.splat(1e-6));
        let one = l.splat(1.0);
        let facing = l.min(l.abs(dot::<L>(normal, sight) / length), one);
        let reflected = l.max(l.splat(2.0) * facing * facing - one, l.splat(0.0));
        let highlight = power(l, reflected, self.shading.specular_power);
        let base = l.mul_add(l.splat(self.shading.diffuse), facing, l.splat(self.shading.ambient));
        (base, highlight * l.splat(self.shading.specular))
    }
}

impl Hits {
    #[inline(always)]
    fn push<L: Lanes>(
        &mut self,
        l: L,
        lanes: L::M,
        p: Vec3<L>,
        weight: L::F,
        entry: L::I,
        pixel: &[i32; MAX_LANES],
    ) {
        let at = self.count;
        for (stored, p) in self.position.iter_mut().zip(p) {
            l.compress(lanes, p, &mut stored[at..]);
        }
        l.compress(lanes, weight, &mut self.weight[at..]);
        l.compress_i(lanes, entry, &mut self.entry[at..]);
        l.compress_i(lanes, l.load_i(pixel), &mut self.pixel[at..]);
        self.count = at + l.bits(lanes).count_ones() as usize;
    }

    /// Copies the last sample's place, so that a vector that reaches beyond it stays near.
    #[inline(always)]
    fn repeat_last(&mut self, times: usize) {
        let last = self.count - 1;
        for position in &mut self.position {
            let p = position[last];
            position[self.count..self.count + times].fill(p);
        }
    }
}

#[inline(always)]
fn dot<L: Lanes>(a: Vec3<L>, b: Vec3<L>) -> L::F {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

#[inline(always)]
fn power<L: Lanes>(l: L, x: L::F, mut exponent: u32) -> L::F {
    let (mut result, mut square) = (l.splat(1.0), x);
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = result * square;
        }
        square = square * square;
        exponent >>= 1;
    }
    result
}
