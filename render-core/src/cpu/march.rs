//! Rays that gather light until they are opaque: volumes and isosurfaces.
//!
//! A vector of neighbouring rays, a packet, advances sample by sample together. Its rays never are far
//! from each other, so they share look-ups of what can be skipped, and the voxels that they need.

use super::lanes::{Kernel, Lanes, MAX_LANES, Texel};
use super::sample::{Beam, Lattice, Scene, Tube, Vec3, axes};
use super::skip::SkipMap;
use super::tile::{PIXELS, Tile};
use crate::render::{OPAQUE_BELOW, TransferTable};
use crate::scene::preset::Shading;
use crate::volume::Rescale;

/// What makes a sample visible, and its colour.
pub(super) enum Matter<'a> {
    Table(Table<'a>),
    Surface { value: f32, color: [f32; 3] },
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
        let of_zero = (rescale.intercept - table.low) * table.scale + 0.5;
        let per_stored = rescale.slope * table.scale;
        // A margin for rounding; where the slope turns values round, nothing is left out.
        let least = if per_stored > 0.0 { (first - of_zero) / per_stored - 0.01 } else { f32::NEG_INFINITY };
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

pub(super) struct March<'a, V> {
    pub scene: &'a Scene<'a, V>,
    pub skip: &'a SkipMap,
    pub matter: &'a Matter<'a>,
    pub shading: &'a Shading,
    pub step_mm: f32,
    pub tile: &'a mut Tile,
}

/// What a packet has gathered.
struct Light<L: Lanes> {
    color: Vec3<L>,
    transparency: L::F,
}

/// Where the rays of a packet are.
struct Sample<L: Lanes> {
    /// Number of the sample on its rays.
    number: f32,
    position: Vec3<L>,
    /// The cell that no ray is before.
    corner: [i32; 3],
    /// The rays that look.
    rays: L::M,
}

impl<V: Texel> Kernel for March<'_, V> {
    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        for start in (0..PIXELS).step_by(L::COUNT) {
            let Some((columns, rows, inside)) = self.tile.packet::<L>(start) else { continue };
            let beam = Beam::new(l, &self.scene.params.rays, l.load(&columns), l.load(&rows));
            let light = self.packet(l, &beam, l.mask(inside));
            let mut transparency = [0.0; MAX_LANES];
            let mut color = [[0.0; MAX_LANES]; 3];
            l.store(light.transparency, &mut transparency);
            for i in 0..3 {
                l.store(light.color[i], &mut color[i]);
            }
            for lane in 0..L::COUNT {
                let pixel = &mut self.tile.pixels[start + lane];
                pixel.transparency = transparency[lane];
                pixel.color = [color[0][lane], color[1][lane], color[2][lane], 0.0];
            }
        }
    }
}

impl<V: Texel> March<'_, V> {
    #[inline(always)]
    fn packet<L: Lanes>(&self, l: L, beam: &Beam<L>, inside: L::M) -> Light<L> {
        let zero = l.splat(0.0);
        let mut light = Light { color: [zero; 3], transparency: l.splat(1.0) };
        let lattice = Lattice::new(l, &self.scene.field, beam, self.step_mm);
        let mut rays = inside & l.lt(zero, lattice.count);
        if l.bits(rays) == 0 {
            return light;
        }
        let tube = Tube::new(l, beam, &lattice, self.step_mm, rays);
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
            match self.matter {
                Matter::Table(table) => {
                    let [near_entry, far_entry] = [self.entry(l, table, &near), self.entry(l, table, &far)];
                    let near_seen = near.rays & table.shows(l, near_entry);
                    let far_seen = far.rays & table.shows(l, far_entry);
                    if l.bits(near_seen | far_seen) != 0 {
                        self.add_entries(l, &near, near_seen, table, near_entry, &mut light);
                        let far_seen = far_seen & !l.lt(light.transparency, l.splat(OPAQUE_BELOW));
                        self.add_entries(l, &far, far_seen, table, far_entry, &mut light);
                    }
                }
                Matter::Surface { value, color } => {
                    for mut sample in [near, far] {
                        sample.rays = sample.rays & !l.lt(light.transparency, l.splat(OPAQUE_BELOW));
                        let before = l.lt(first, l.splat(sample.number));
                        self.sample_surface(l, &sample, beam, before, &tube, &mut light, (*value, *color));
                    }
                }
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
        Sample {
            number,
            position: beam.at(l.splat((tube.from + number) * self.step_mm)),
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

    #[inline(always)]
    #[expect(clippy::too_many_arguments, reason = "a part of the loop, of its own for its length only")]
    fn sample_surface<L: Lanes>(
        &self,
        l: L,
        sample: &Sample<L>,
        beam: &Beam<L>,
        has_before: L::M,
        tube: &Tube,
        light: &mut Light<L>,
        (wanted, color): (f32, [f32; 3]),
    ) {
        let field = &self.scene.field;
        let p = sample.position;
        let wanted = l.splat(wanted);
        let spot = field.spot_inside(l, p);
        let stored = field.stored_near(l, &spot, sample.corner, sample.rays, f32::NEG_INFINITY);
        let value = field.rescaled(l, stored);
        let hit = sample.rays & l.le(wanted, value);
        if l.bits(hit) == 0 {
            return;
        }
        let q = beam.at(l.splat((tube.from + sample.number - 1.0) * self.step_mm));
        let before = field.value(l, q);
        let part = (wanted - before) / (value - before);
        let position = axes!(i => l.select(has_before, q[i] + (p[i] - q[i]) * part, p[i]));
        let sample = Sample { position, ..*sample };
        let alpha = l.select(hit, l.splat(1.0), l.splat(0.0));
        self.add(l, &sample, hit, axes!(i => l.splat(color[i])), alpha, light);
    }

    /// Puts lit samples behind what is there.
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
        let (base, highlight) = self.light(l, sample, visible);
        let weight = light.transparency * alpha;
        let (base, highlight) = (weight * base, weight * highlight);
        light.color = axes!(i => l.mul_add(color[i], base, light.color[i] + highlight));
        light.transparency = light.transparency * (l.splat(1.0) - alpha);
    }

    /// What a sample's own colour is multiplied by, and the highlight to add to it.
    #[inline(always)]
    fn light<L: Lanes>(&self, l: L, sample: &Sample<L>, visible: L::M) -> (L::F, L::F) {
        let gradient = self.scene.field.differences(l, sample.position, sample.corner, visible);
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
