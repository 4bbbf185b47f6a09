//! Rays that gather light until they are opaque: volumes and isosurfaces.
//!
//! A vector of neighbouring rays, a packet, advances sample by sample together. Its rays never are far
//! from each other, so they share look-ups of what can be skipped, and the voxels that they need.

use super::lanes::{Kernel, Lanes, Part, Texel};
use super::light::Lamp;
use super::sample::{Beam, Ends, Field, Lattice, Scene, Span, Tube, Tubes, Vec3, axes};
use super::skip::SkipMap;
use super::tile::{PIXELS, Tile};
use crate::render::{SURFACE_HALVINGS, TransferTable};
use crate::volume::Rescale;

/// Samples of a ray share the last one's light while they weigh less than this part of `RenderParams::opaque_below`
/// together.
const DIM: f32 = 0.25;

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

impl Table<'_> {
    /// Where stored values stand in the table; the whole part is the entry.
    #[inline(always)]
    fn entry<L: Lanes>(&self, l: L, stored: L::F) -> L::F {
        l.mul_add(stored, l.splat(self.per_stored), l.splat(self.of_zero))
    }

    /// Colours and opacities; those that nobody sees are clear.
    #[inline(always)]
    fn look_up<L: Lanes>(&self, l: L, seen: L::M, entry: L::F) -> (Vec3<L>, L::F) {
        let zero = l.splat(0.0);
        let entry = l.min(l.max(entry, zero), l.splat(self.last));
        let [r, g, b, alpha] = l.gather_columns(self.rgba, l.to_int(entry));
        ([r, g, b], l.select(seen, alpha, zero))
    }
}

/// `PLAIN` where one white light shines along the line of sight and nothing else is asked for.
pub(super) struct March<'a, V, const PLAIN: bool> {
    pub scene: &'a Scene<'a, V>,
    pub skip: &'a SkipMap,
    pub matter: &'a Matter<'a>,
    pub lamp: Lamp<'a, V>,
    pub step_mm: f32,
    pub background: &'a [f32; 3],
    pub tile: &'a mut Tile<'a>,
}

/// What a packet has gathered.
struct Light<L: Lanes> {
    color: Vec3<L>,
    transparency: L::F,
}

/// What samples show for which no light was worked out yet, and in its place.
struct Unlit<L: Lanes> {
    /// Products of colours and weights.
    color: Vec3<L>,
    weight: L::F,
    /// The light where samples were last lit: what their colours are multiplied by, and what is added to them.
    last: (L::F, L::F),
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

/// A vector of rays and what they have gathered.
struct Packet<L: Lanes> {
    beam: Beam<L>,
    lattice: Lattice<L>,
    /// Those that go on.
    rays: L::M,
    light: Light<L>,
    /// Of plain pictures.
    unlit: Unlit<L>,
}

/// Two samples of each ray, one behind the other.
struct Pair<L: Lanes> {
    samples: [Sample<L>; 2],
    entries: [L::F; 2],
    seen: [L::M; 2],
}

impl<V: Texel, const PLAIN: bool> Kernel for March<'_, V, PLAIN> {
    #[inline(always)]
    fn run<L: Lanes>(mut self, l: L) {
        for start in (0..PIXELS).step_by(2 * L::COUNT) {
            let [mut a, mut b] = [self.packet(l, start), self.packet(l, start + L::COUNT)];
            if l.bits(a.rays) | l.bits(b.rays) == 0 {
                continue;
            }
            match self.matter {
                Matter::Table(table) => self.table(l, &mut a, &mut b, table),
                // Plain pictures are of tables only.
                _ if PLAIN => {}
                matter => {
                    self.others(l, &mut a, matter);
                    self.others(l, &mut b, matter);
                }
            }
            if PLAIN {
                a.light_rest(l);
                b.light_rest(l);
            }
            self.keep(l, start, &a.light);
            self.keep(l, start + L::COUNT, &b.light);
        }
    }
}

impl<V: Texel, const PLAIN: bool> March<'_, V, PLAIN> {
    #[inline(always)]
    fn packet<L: Lanes>(&self, l: L, start: usize) -> Packet<L> {
        let zero = l.splat(0.0);
        let nowhere = (zero, zero, l.mask(0));
        let (column, row, inside) = self.tile.packet(l, start).unwrap_or(nowhere);
        let beam = Beam::new(l, &self.scene.params.rays, column, row);
        let lattice = Lattice::new(l, self.scene, &beam, self.step_mm);
        let rays = inside & l.lt(zero, lattice.count);
        let light = Light { color: [zero; 3], transparency: l.splat(1.0) };
        let unlit = Unlit { color: [zero; 3], weight: zero, last: (l.splat(1.0), zero) };
        Packet { beam, lattice, rays, light, unlit }
    }

    /// Nothing behind can be seen.
    #[inline(always)]
    fn is_full<L: Lanes>(&self, l: L, light: &Light<L>) -> L::M {
        l.lt(light.transparency, l.splat(self.scene.params.opaque_below))
    }

    /// What a packet has gathered, in front of the background.
    #[inline(always)]
    fn keep<L: Lanes>(&mut self, l: L, start: usize, light: &Light<L>) {
        let (zero, one) = (l.splat(0.0), l.splat(1.0));
        let full = self.is_full(l, light);
        let gathered = l.select(full, one / (one - light.transparency), one);
        let left = l.select(full, zero, light.transparency);
        let [r, g, b] = axes!(i => {
            let channel = light.color[i] * gathered + left * l.splat(self.background[i]);
            l.to_int(l.min(l.max(channel, zero), one) * l.splat(255.0) + l.splat(0.5))
        });
        let green = g * l.splat_i(i32::from_ne_bytes([0, 1, 0, 0]));
        let blue = b * l.splat_i(i32::from_ne_bytes([0, 0, 1, 0]));
        let red = r * l.splat_i(i32::from_ne_bytes([1, 0, 0, 0]));
        let opaque = l.splat_i(i32::from_ne_bytes([0, 0, 0, 255]));
        l.store_i(red + green + blue + opaque, &mut self.tile.pixels[start..]);
    }

    #[inline(always)]
    fn others<L: Lanes>(&self, l: L, packet: &mut Packet<L>, matter: &Matter<'_>) {
        if l.bits(packet.rays) == 0 {
            return;
        }
        let Packet { beam, lattice, rays, .. } = packet;
        let tube = Tube::new(l, beam, lattice, self.step_mm, *rays);
        packet.light = match matter {
            Matter::Table(_) => return,
            Matter::Segments { table, integral } => {
                self.segments(l, beam, lattice, &tube, *rays, (table, integral))
            }
            Matter::Surface { value, color } => {
                self.surface(l, beam, lattice, &tube, *rays, (*value, *color))
            }
        };
    }

    /// Two packets advance together: neighbours mostly skip the same and see the same, so they share
    /// their look-ups and branches, and do not wait for each other's loads. Where they would need
    /// coarser bricks together than alone, one goes after the other.
    #[inline(always)]
    fn table<L: Lanes>(&self, l: L, a: &mut Packet<L>, b: &mut Packet<L>, table: &Table<'_>) {
        let later = b.rays;
        // Both packets, or if they part the first and then the second.
        let mut turn = 0;
        loop {
            let span = Span::join(&Span::new(l, &a.lattice, a.rays), &Span::new(l, &b.lattice, b.rays));
            let a_ends = Ends::new(l, &a.beam, &span, self.step_mm, a.rays);
            let b_ends = Ends::new(l, &b.beam, &span, self.step_mm, b.rays);
            let tube = Tube::through(&Ends::join(&a_ends, &b_ends), &span);
            let tubes = [Tubes::through(&a_ends, &span), Tubes::through(&b_ends, &span)];
            let alone = tubes[0].one.width.max(tubes[1].one.width);
            let [edge, edge_alone] = [self.skip.edge(tube.width), self.skip.edge(alone)];
            if turn == 0 && edge != edge_alone {
                (b.rays, turn) = (l.mask(0), 1);
                continue;
            }
            self.go(l, [a, b], table, &tube, &tubes);
            if turn != 1 {
                return;
            }
            (a.rays, b.rays, turn) = (l.mask(0), later, 2);
        }
    }

    #[inline(always)]
    fn go<L: Lanes>(
        &self,
        l: L,
        [a, b]: [&mut Packet<L>; 2],
        table: &Table<'_>,
        tube: &Tube,
        [a_tubes, b_tubes]: &[Tubes; 2],
    ) {
        let map = self.skip.level(tube.width);
        // Counted from the first sample of either packet.
        let a_first = a.lattice.first - l.splat(tube.from);
        let b_first = b.lattice.first - l.splat(tube.from);
        let mut number = 0.0;
        while number < tube.count {
            let (visible, until) = match map {
                Some(map) => map.look(tube, number),
                None => (true, tube.count),
            };
            if !visible {
                number = until;
                continue;
            }
            // Most pairs are seen next to each other.
            l.soon::<V, 6>(&self.scene.field.grid, tube.corner(number + 2.0), tube.forward);
            let a_pair = self.pair(l, a, a_first, a_tubes, number, table);
            let b_pair = self.pair(l, b, b_first, b_tubes, number, table);
            if a_pair.is_none() && b_pair.is_none() {
                // Neighbours begin at about the same sample, but for absurd ones.
                let at = l.splat(number + 1.0);
                let a_later = l.smallest(a.rays & l.lt(at, a_first), a_first);
                number = l.smallest(b.rays & l.lt(at, b_first), b_first).min(a_later);
                continue;
            }
            if let Some(pair) = &a_pair {
                self.add_two(l, a, table, pair);
            }
            if let Some(pair) = &b_pair {
                self.add_two(l, b, table, pair);
            }
            if l.bits(a.rays) | l.bits(b.rays) == 0 {
                return;
            }
            number += 2.0;
        }
    }

    /// None if there are no samples.
    #[inline(always)]
    fn pair<L: Lanes>(
        &self,
        l: L,
        packet: &Packet<L>,
        first: L::F,
        tubes: &Tubes,
        number: f32,
        table: &Table<'_>,
    ) -> Option<Pair<L>> {
        let (field, beam) = (&self.scene.field, &packet.beam);
        let end = first + packet.lattice.count;
        let [near, far] = [l.splat(number), l.splat(number + 1.0)];
        let near_rays = packet.rays & l.le(first, near) & l.lt(near, end);
        let far_rays = packet.rays & l.le(first, far) & l.lt(far, end);
        if l.bits(near_rays | far_rays) == 0 {
            return None;
        }
        let near_mm = l.splat((tubes.one.from + number) * self.step_mm);
        let far_mm = l.splat((tubes.one.from + number + 1.0) * self.step_mm);
        let places = [beam.at(near_mm), beam.at(far_mm)];
        let masks = [near_rays, far_rays];
        let (stored, corners) = field.stored_of_two(l, places, tubes, number, masks, table.least, false);
        let entries = [table.entry(l, stored[0]), table.entry(l, stored[1])];
        let [near, far] = places;
        Some(Pair {
            samples: [
                Sample { t_mm: near_mm, position: near, corner: corners[0], rays: near_rays },
                Sample { t_mm: far_mm, position: far, corner: corners[1], rays: far_rays },
            ],
            entries,
            seen: [near_rays & table.shows(l, entries[0]), far_rays & table.shows(l, entries[1])],
        })
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
            corner: tube.corner(number),
            rays: rays & l.le(first, at) & l.lt(at, end),
        }
    }

    /// Where values stand in the table; the whole part is the entry.
    #[inline(always)]
    fn entry<L: Lanes>(&self, l: L, table: &Table<'_>, sample: &Sample<L>) -> L::F {
        let field = &self.scene.field;
        table.entry(l, field.stored_near(l, sample.position, sample.corner, sample.rays, table.least, false))
    }

    /// Puts what two samples of each ray show behind what is there.
    #[inline(always)]
    fn add_two<L: Lanes>(&self, l: L, packet: &mut Packet<L>, table: &Table<'_>, pair: &Pair<L>) {
        let Pair { samples: [near, far], entries, seen } = pair;
        let [near_seen, far_seen] = [l.bits(seen[0]) != 0, l.bits(seen[1]) != 0];
        if PLAIN {
            if near_seen || far_seen {
                self.add_plain(l, packet, table, pair);
            }
            return;
        }
        if near_seen {
            self.add_entry(l, packet, near, seen[0], table, entries[0]);
        }
        if far_seen {
            self.add_entry(l, packet, far, seen[1], table, entries[1]);
        }
    }

    /// Works out no light until samples together would weigh enough to be told apart; then the last one's is theirs.
    #[inline(always)]
    fn add_plain<L: Lanes>(&self, l: L, packet: &mut Packet<L>, table: &Table<'_>, pair: &Pair<L>) {
        let Pair { samples: [near, far], entries, seen } = pair;
        let (near_color, near_weight) = self.weigh(l, packet, table, seen[0], entries[0]);
        let (far_color, far_weight) = self.weigh(l, packet, table, seen[1], entries[1]);
        packet.unlit.add(near_color, near_weight);
        let enough = l.splat((DIM * self.scene.params.opaque_below).min(DIM));
        let near_lit = l.bits(l.le(enough, packet.unlit.weight)) != 0;
        let far_gathered = if near_lit {
            l.select(seen[0], far_weight, packet.unlit.weight + far_weight)
        } else {
            packet.unlit.weight + far_weight
        };
        let far_lit = l.bits(l.le(enough, far_gathered)) != 0;
        if near_lit && far_lit {
            let (places, corners) = ([near.position, far.position], [near.corner, far.corner]);
            let differences = self.scene.field.differences_of_two(l, places, corners, *seen);
            let [near_light, far_light] = self.lamp.headlight(l, differences);
            packet.light_up(l, seen[0], near_light);
            packet.unlit.add(far_color, far_weight);
            packet.light_up(l, seen[1], far_light);
            return;
        }
        if !near_lit {
            packet.unlit.add(far_color, far_weight);
        }
        if near_lit || far_lit {
            let (sample, seen) = if near_lit { (near, seen[0]) } else { (far, seen[1]) };
            let differences = self.scene.field.differences(l, sample.position, sample.corner, seen);
            let [light, _] = self.lamp.headlight(l, [differences; 2]);
            packet.light_up(l, seen, light);
        }
        if near_lit {
            packet.unlit.add(far_color, far_weight);
        }
    }

    /// How much samples count behind what is there, and the products of that and their colours.
    #[inline(always)]
    fn weigh<L: Lanes>(
        &self,
        l: L,
        packet: &mut Packet<L>,
        table: &Table<'_>,
        seen: L::M,
        entry: L::F,
    ) -> (Vec3<L>, L::F) {
        let (color, alpha) = table.look_up(l, seen & packet.rays, entry);
        let weight = packet.light.hide(l, alpha);
        packet.rays = packet.rays & !self.is_full(l, &packet.light);
        (axes!(i => color[i] * weight), weight)
    }

    #[inline(always)]
    fn add_entry<L: Lanes>(
        &self,
        l: L,
        packet: &mut Packet<L>,
        sample: &Sample<L>,
        seen: L::M,
        table: &Table<'_>,
        entry: L::F,
    ) {
        let seen = seen & packet.rays;
        let (color, alpha) = table.look_up(l, seen, entry);
        self.add(l, sample, seen, color, alpha, &mut packet.light);
        packet.rays = packet.rays & !self.is_full(l, &packet.light);
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
                Some(map) => map.look(tube, number),
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
            let stored =
                field.stored_near(l, sample.position, sample.corner, sample.rays, f32::NEG_INFINITY, true);
            let hit = sample.rays & l.le(l.splat(wanted), field.rescaled(l, stored));
            if l.bits(hit) != 0 {
                let before = l.splat((tube.from + number - 1.0) * self.step_mm);
                let exact = l.apart(Refine { field, beam, outside: before, inside: sample.t_mm, wanted });
                let has_before = l.lt(first, l.splat(number));
                let t_mm = l.select(has_before, exact, sample.t_mm);
                // It may be as far back as the sample before.
                let (here, back) = (sample.corner, tube.corner(number - 1.0));
                let corner = axes!(i => here[i].min(back[i]));
                let sample = Sample { t_mm, position: beam.at(t_mm), corner, ..sample };
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
                Some(map) => map.look(&reach, number),
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
                rays = rays & !self.is_full(l, &light);
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
        let fades = !matches!(self.matter, Matter::Surface { .. });
        let (color, density) = l.apart(Lit { lamp: &self.lamp, sample, visible, color, fades });
        light.add(l, color, alpha * density);
    }
}

impl<L: Lanes> Light<L> {
    #[inline(always)]
    fn add(&mut self, l: L, color: Vec3<L>, alpha: L::F) {
        let weight = self.hide(l, alpha);
        self.color = axes!(i => l.mul_add(weight, color[i], self.color[i]));
    }

    /// Takes away the light that is stopped; returns how much what stops it weighs in the picture.
    #[inline(always)]
    fn hide(&mut self, l: L, alpha: L::F) -> L::F {
        let weight = self.transparency * alpha;
        self.transparency = self.transparency * (l.splat(1.0) - alpha);
        weight
    }
}

impl<L: Lanes> Unlit<L> {
    #[inline(always)]
    fn add(&mut self, color: Vec3<L>, weight: L::F) {
        self.color = axes!(i => self.color[i] + color[i]);
        self.weight = self.weight + weight;
    }
}

impl<L: Lanes> Packet<L> {
    /// Gives what is unlit this light where it was worked out.
    #[inline(always)]
    fn light_up(&mut self, l: L, lit: L::M, (base, highlight): (L::F, L::F)) {
        let zero = l.splat(0.0);
        let Unlit { color, weight, last } = &mut self.unlit;
        let added = highlight * *weight;
        let gained = axes!(i => l.select(lit, l.mul_add(color[i], base, added), zero));
        self.light.color = axes!(i => self.light.color[i] + gained[i]);
        *color = axes!(i => l.select(lit, zero, color[i]));
        *weight = l.select(lit, zero, *weight);
        *last = (l.select(lit, base, last.0), l.select(lit, highlight, last.1));
    }

    /// At the end: as where samples were last lit.
    #[inline(always)]
    fn light_rest(&mut self, l: L) {
        let Unlit { color, weight, last: (base, highlight) } = &self.unlit;
        let highlight = *highlight * *weight;
        self.light.color = axes!(i => self.light.color[i] + l.mul_add(color[i], *base, highlight));
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
        self.lamp.shade(l, self.sample, self.visible, self.color, self.fades)
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
