//! Rays that gather light until they are opaque: volumes and isosurfaces.
//!
//! A vector of neighbouring rays, a packet, advances sample by sample together. Its rays never are far
//! from each other, so they share look-ups of what can be skipped, and the voxels that they need.

use super::lanes::{Kernel, Lanes, MAX_LANES, Part, Texel};
use super::light::{Lamp, Occlusion};
use super::sample::{Beam, Field, Lattice, Scene, Tube, Vec3, axes};
use super::skip::SkipMap;
use super::tile::{PIXELS, Tile};
use crate::render::{OPAQUE_BELOW, SURFACE_HALVINGS, TransferTable};
use crate::scene::preset::Shading;
use crate::volume::Rescale;

/// What makes a sample visible, and its colour.
pub(super) enum Matter<'a> {
    Table(Table<'a>),
    /// `integral` as in `TransferTable`.
    Segments {
        table: Table<'a>,
        integral: &'a [[f32; 4]],
    },
    Surface {
        value: f32,
        color: [f32; 3],
    },
}

/// A transfer table for stored values.
pub(super) struct Table<'a> {
    rgba: &'a [[f32; 4]],
    last: f32,
    /// Place in the table of the stored value 0, and how far the value 1 is from there.
    of_zero: f32,
    per_stored: f32,
    /// No place outside of these, from the first to before the second, can be seen.
    visible: [f32; 2],
    /// Nor can a stored value that is not above this.
    least: f32,
}

impl<'a> Table<'a> {
    pub fn new(table: &'a TransferTable, rescale: Rescale) -> Self {
        let len = table.rgba.len();
        let seen = |entry: &[f32; 4]| entry[3] > 0.0;
        // Beyond the table its end entries hold.
        let first = match table.rgba.iter().position(seen) {
            Some(0) => f32::NEG_INFINITY,
            Some(first) => first as f32,
            None => f32::INFINITY,
        };
        let after = match table.rgba.iter().rposition(seen) {
            Some(last) if last + 1 == len => f32::INFINITY,
            Some(last) => (last + 1) as f32,
            None => f32::NEG_INFINITY,
        };
        // Between the ends of a segment, values that nobody sees count as well.
        let whole = table.integral.is_some();
        let of_zero = (rescale.intercept - table.low) * table.scale + 0.5;
        let per_stored = rescale.slope * table.scale;
        // A margin for rounding; where the slope turns values round, nothing is left out.
        let least = if per_stored > 0.0 && !whole {
            (first - of_zero) / per_stored - 0.01
        } else {
            f32::NEG_INFINITY
        };
        Self {
            rgba: &table.rgba,
            last: len.saturating_sub(1) as f32,
            of_zero,
            per_stored,
            visible: [first, after],
            least,
        }
    }

    #[inline(always)]
    fn shows<L: Lanes>(&self, l: L, entry: L::F) -> L::M {
        l.le(l.splat(self.visible[0]), entry) & l.lt(entry, l.splat(self.visible[1]))
    }
}

/// `PLAIN` where one white light shines along the line of sight and nothing else is asked for.
pub(super) struct March<'a, V, const PLAIN: bool> {
    pub scene: &'a Scene<'a, V>,
    pub skip: &'a SkipMap,
    pub matter: &'a Matter<'a>,
    pub shading: &'a Shading,
    pub occlusion: Option<&'a Occlusion>,
    pub step_mm: f32,
    pub tile: &'a mut Tile,
}

/// What a packet has gathered.
struct Light<L: Lanes> {
    color: Vec3<L>,
    transparency: L::F,
}

/// Where the rays of a packet are.
pub(super) struct Sample<L: Lanes> {
    pub t_mm: L::F,
    pub position: Vec3<L>,
    /// The cell that no ray is before.
    pub corner: [i32; 3],
    /// The rays that look.
    pub rays: L::M,
}

impl<V: Texel, const PLAIN: bool> Kernel for March<'_, V, PLAIN> {
    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        for start in (0..PIXELS).step_by(L::COUNT) {
            let Some((columns, rows, inside)) = self.tile.packet::<L>(start) else { continue };
            let beam = Beam::new(l, &self.scene.params.rays, l.load(&columns), l.load(&rows));
            let light = self.packet(l, &beam, l.mask(inside));
            let mut transparency = [0.0; MAX_LANES];
            let mut color = [[0.0; MAX_LANES]; 3];
            l.store(light.transparency, &mut transparency);
            for (lanes, channel) in color.iter_mut().zip(light.color) {
                l.store(channel, lanes);
            }
            for lane in 0..L::COUNT {
                let pixel = &mut self.tile.pixels[start + lane];
                pixel.transparency = transparency[lane];
                pixel.color = [color[0][lane], color[1][lane], color[2][lane], 0.0];
            }
        }
    }
}

impl<V: Texel, const PLAIN: bool> March<'_, V, PLAIN> {
    #[inline(always)]
    fn packet<L: Lanes>(&self, l: L, beam: &Beam<L>, inside: L::M) -> Light<L> {
        let zero = l.splat(0.0);
        let mut light = Light { color: [zero; 3], transparency: l.splat(1.0) };
        let lattice = Lattice::new(l, self.scene, beam, self.step_mm);
        let mut rays = inside & l.lt(zero, lattice.count);
        if l.bits(rays) == 0 {
            return light;
        }
        let tube = Tube::new(l, beam, &lattice, self.step_mm, rays);
        let table = match self.matter {
            Matter::Table(table) => table,
            // Plain pictures are of tables only.
            _ if PLAIN => return light,
            Matter::Segments { table, integral } => {
                return self.segments(l, beam, &lattice, &tube, rays, (table, integral));
            }
            Matter::Surface { value, color } => {
                return self.surface(l, beam, &lattice, &tube, rays, (*value, *color));
            }
        };
        let map = self.skip.level(tube.width);
        // Counted from the first sample of the packet.
        let first = lattice.first - l.splat(tube.from);
        let end = first + lattice.count;
        let mut number = 0.0;
        while number < tube.count {
            let (visible, until) = match map {
                Some(map) => map.look(l, &tube, number),
                None => (true, tube.count),
            };
            if !visible {
                number = until;
                continue;
            }
            // Two samples at a time: their loads do not wait for each other, and there are half as
            // many branches to predict.
            let near = self.sample(l, beam, &tube, number, (first, end), rays);
            let far = self.sample(l, beam, &tube, number + 1.0, (first, end), rays);
            if l.bits(near.rays | far.rays) == 0 {
                // Rays of a packet begin at about the same sample, but for absurd ones.
                let later = l.smallest(rays & l.lt(l.splat(number), first), first);
                number = if later > number + 1.0 { later } else { number + 1.0 };
                continue;
            }
            let [near_entry, far_entry] = [self.entry(l, table, &near), self.entry(l, table, &far)];
            let near_seen = near.rays & table.shows(l, near_entry);
            let far_seen = far.rays & table.shows(l, far_entry);
            if l.bits(near_seen | far_seen) != 0 {
                self.add_entries(l, &near, near_seen, table, near_entry, &mut light);
                let far_seen = far_seen & !l.lt(light.transparency, l.splat(OPAQUE_BELOW));
                self.add_entries(l, &far, far_seen, table, far_entry, &mut light);
            }
            rays = rays & !l.lt(light.transparency, l.splat(OPAQUE_BELOW));
            if l.bits(rays) == 0 {
                return light;
            }
            number += 2.0;
        }
        light
    }

    #[inline(always)]
    fn sample<L: Lanes>(
        &self,
        l: L,
        beam: &Beam<L>,
        tube: &Tube,
        number: f32,
        (first, end): (L::F, L::F),
        rays: L::M,
    ) -> Sample<L> {
        let at = l.splat(number);
        let t_mm = l.splat((tube.from + number) * self.step_mm);
        Sample {
            t_mm,
            position: beam.at(t_mm),
            corner: tube.corner(l, number),
            rays: rays & l.le(first, at) & l.lt(at, end),
        }
    }

    /// Where values stand in the table; the whole part is the entry.
    #[inline(always)]
    fn entry<L: Lanes>(&self, l: L, table: &Table<'_>, sample: &Sample<L>) -> L::F {
        let field = &self.scene.field;
        let spot = field.spot_inside(l, sample.position);
        let stored = field.stored_near(l, &spot, sample.corner, sample.rays, table.least);
        l.mul_add(stored, l.splat(table.per_stored), l.splat(table.of_zero))
    }

    #[inline(always)]
    fn add_entries<L: Lanes>(
        &self,
        l: L,
        sample: &Sample<L>,
        seen: L::M,
        table: &Table<'_>,
        entry: L::F,
        light: &mut Light<L>,
    ) {
        if l.bits(seen) == 0 {
            return;
        }
        let zero = l.splat(0.0);
        let entry = l.min(l.max(entry, zero), l.splat(table.last));
        let [r, g, b, alpha] = l.gather_columns(table.rgba, l.to_int(entry));
        self.add(l, sample, seen, [r, g, b], l.select(seen, alpha, zero), light);
    }

    /// The first rise of each ray through a value.
    #[inline(always)]
    fn surface<L: Lanes>(
        &self,
        l: L,
        beam: &Beam<L>,
        lattice: &Lattice<L>,
        tube: &Tube,
        mut rays: L::M,
        (wanted, color): (f32, [f32; 3]),
    ) -> Light<L> {
        let (zero, one) = (l.splat(0.0), l.splat(1.0));
        let mut light = Light { color: [zero; 3], transparency: one };
        let field = &self.scene.field;
        let map = self.skip.level(tube.width);
        let first = lattice.first - l.splat(tube.from);
        let end = first + lattice.count;
        let mut number = 0.0;
        while number < tube.count {
            let (visible, until) = match map {
                Some(map) => map.look(l, tube, number),
                None => (true, tube.count),
            };
            if !visible {
                number = until;
                continue;
            }
            let sample = self.sample(l, beam, tube, number, (first, end), rays);
            if l.bits(sample.rays) == 0 {
                let later = l.smallest(rays & l.lt(l.splat(number), first), first);
                number = if later > number + 1.0 { later } else { number + 1.0 };
                continue;
            }
            let spot = field.spot_inside(l, sample.position);
            let stored = field.stored_near(l, &spot, sample.corner, sample.rays, f32::NEG_INFINITY);
            let hit = sample.rays & l.le(l.splat(wanted), field.rescaled(l, stored));
            if l.bits(hit) != 0 {
                let before = l.splat((tube.from + number - 1.0) * self.step_mm);
                let exact = l.apart(Refine { field, beam, outside: before, inside: sample.t_mm, wanted });
                let has_before = l.lt(first, l.splat(number));
                let t_mm = l.select(has_before, exact, sample.t_mm);
                let sample = Sample { t_mm, position: beam.at(t_mm), ..sample };
                let alpha = l.select(hit, one, zero);
                self.add(l, &sample, hit, axes!(i => l.splat(color[i])), alpha, &mut light);
                rays = rays & !hit;
                if l.bits(rays) == 0 {
                    break;
                }
            }
            number += 1.0;
        }
        light
    }

    /// Colour and opacity of the segments between samples, from running integrals of the table.
    #[inline(always)]
    fn segments<L: Lanes>(
        &self,
        l: L,
        beam: &Beam<L>,
        lattice: &Lattice<L>,
        tube: &Tube,
        mut rays: L::M,
        (table, integral): (&Table<'_>, &[[f32; 4]]),
    ) -> Light<L> {
        let (zero, one) = (l.splat(0.0), l.splat(1.0));
        let mut light = Light { color: [zero; 3], transparency: one };
        // A segment shows what its ends and all between them do.
        let reach = tube.with_next();
        let map = self.skip.level(reach.width);
        let first = lattice.first - l.splat(tube.from);
        let end = first + lattice.count;
        // The end of the last segment is the beginning of the next one.
        let (mut known, mut entry) = (-1.0, zero);
        let mut number = 0.0;
        while number + 1.0 < tube.count {
            let (visible, until) = match map {
                Some(map) => map.look(l, &reach, number),
                None => (true, tube.count),
            };
            if !visible {
                number = until;
                continue;
            }
            let near = self.sample(l, beam, tube, number, (first, end), rays);
            let far = self.sample(l, beam, tube, number + 1.0, (first, end), rays);
            let both = near.rays & far.rays;
            if l.bits(both) == 0 {
                let later = l.smallest(rays & l.lt(l.splat(number), first), first);
                number = if later > number + 1.0 { later } else { number + 1.0 };
                continue;
            }
            if known != number {
                entry = self.whole_entry(l, table, &near);
            }
            let next = self.whole_entry(l, table, &far);
            let (color, alpha) = segment(l, table, integral, entry, next);
            let seen = both & l.lt(zero, alpha);
            if l.bits(seen) != 0 {
                let middle = self.sample(l, beam, tube, number + 0.5, (first, end), rays);
                let sample = Sample { rays: seen, ..middle };
                self.add(l, &sample, seen, color, l.select(seen, alpha, zero), &mut light);
                rays = rays & !l.lt(light.transparency, l.splat(OPAQUE_BELOW));
                if l.bits(rays) == 0 {
                    return light;
                }
            }
            number += 1.0;
            (known, entry) = (number, next);
        }
        light
    }

    #[inline(always)]
    fn whole_entry<L: Lanes>(&self, l: L, table: &Table<'_>, sample: &Sample<L>) -> L::F {
        l.floor(l.min(l.max(self.entry(l, table, sample), l.splat(0.0)), l.splat(table.last)))
    }

    /// Puts lit samples behind what is there. `alpha` is 0 for those that are not `visible`.
    #[inline(always)]
    fn add<L: Lanes>(
        &self,
        l: L,
        sample: &Sample<L>,
        visible: L::M,
        color: Vec3<L>,
        alpha: L::F,
        light: &mut Light<L>,
    ) {
        let lamp = Lamp { scene: self.scene, shading: self.shading, occlusion: self.occlusion };
        let (color, alpha) = if PLAIN {
            let normal = lamp.normal(l, sample, visible);
            (lamp.headlight(l, normal, color), alpha)
        } else {
            let fades = !matches!(self.matter, Matter::Surface { .. });
            let (color, density) = l.apart(Lit { lamp: &lamp, sample, visible, color, fades });
            (color, alpha * density)
        };
        let weight = light.transparency * alpha;
        light.color = axes!(i => l.mul_add(weight, color[i], light.color[i]));
        light.transparency = light.transparency * (l.splat(1.0) - alpha);
    }
}

/// Where a rise through a value between two places of each ray is, as t in mm.
struct Refine<'a, 'b, L: Lanes, V> {
    field: &'a Field<'b, V>,
    beam: &'a Beam<L>,
    outside: L::F,
    inside: L::F,
    wanted: f32,
}

impl<L: Lanes, V: Texel> Part<L> for Refine<'_, '_, L, V> {
    type Output = L::F;
    #[inline(always)]
    fn run(self, l: L) -> L::F {
        let Self { field, beam, mut outside, mut inside, .. } = self;
        let wanted = l.splat(self.wanted);
        for _ in 0..SURFACE_HALVINGS {
            let middle = (outside + inside) * l.splat(0.5);
            let in_front = l.lt(field.value(l, beam.at(middle)), wanted);
            outside = l.select(in_front, middle, outside);
            inside = l.select(in_front, inside, middle);
        }
        let (before, after) = (field.value(l, beam.at(outside)), field.value(l, beam.at(inside)));
        outside + (inside - outside) * ((wanted - before) / (after - before))
    }
}

/// Colours of samples under all lights and effects, and what is left of their opacities.
struct Lit<'a, 'b, L: Lanes, V> {
    lamp: &'a Lamp<'b, V>,
    sample: &'a Sample<L>,
    visible: L::M,
    color: Vec3<L>,
    fades: bool,
}

impl<L: Lanes, V: Texel> Part<L> for Lit<'_, '_, L, V> {
    type Output = (Vec3<L>, L::F);
    #[inline(always)]
    fn run(self, l: L) -> (Vec3<L>, L::F) {
        let normal = self.lamp.normal(l, self.sample, self.visible);
        let density = if self.fades { self.lamp.density(l, normal) } else { l.splat(1.0) };
        (self.lamp.lit(l, self.sample, normal, self.color), density)
    }
}

/// As `TransferTable::lookup_segment`, of whole entries.
#[inline(always)]
fn segment<L: Lanes>(
    l: L,
    table: &Table<'_>,
    integral: &[[f32; 4]],
    front: L::F,
    back: L::F,
) -> (Vec3<L>, L::F) {
    let (low, high) = (l.min(front, back), l.max(front, back));
    let before = l.gather_columns(integral, l.to_int(low));
    let after = l.gather_columns(integral, l.to_int(high));
    let extinction = after[3] - before[3];
    let some = l.lt(l.splat(0.0), extinction);
    let alpha = l.splat(1.0) - exp(l, l.splat(0.0) - extinction / l.max(high - low, l.splat(1.0)));
    let alpha = l.select(some, alpha, l.splat(0.0));
    let divisor = l.select(some, extinction, l.splat(1.0));
    let color = axes!(i => (after[i] - before[i]) / divisor);
    let differ = l.lt(low, high);
    let all = l.mask(u32::MAX);
    if l.bits(differ) == l.bits(all) {
        return (color, alpha);
    }
    let [r, g, b, a] = l.gather_columns(table.rgba, l.to_int(low));
    let one = [r, g, b];
    (axes!(i => l.select(differ, color[i], one[i])), l.select(differ, alpha, a))
}

/// e to a power that is not positive, to seven digits.
#[inline(always)]
fn exp<L: Lanes>(l: L, x: L::F) -> L::F {
    let power = l.max(x * l.splat(std::f32::consts::LOG2_E), l.splat(-126.0));
    let whole = l.floor(power + l.splat(0.5));
    let rest = (power - whole) * l.splat(std::f32::consts::LN_2);
    // The series of exp, for at most half a doubling.
    let mut sum = l.splat(1.0 / 720.0);
    for factor in [1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        sum = l.mul_add(sum, rest, l.splat(factor));
    }
    sum * l.power_of_two(whole)
}
