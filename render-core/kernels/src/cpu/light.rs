//! The light on samples of shaded modes.

use super::lanes::{Lanes, Texel};
use super::march::Sample;
use super::sample::{Scene, Vec3, axes, both};
use crate::bricks::BRICK;
use crate::illumination::Illumination;
use crate::render::Shading;

/// No gradient is taken for shorter than this, squared.
const LEAST_SQUARE: f32 = 1e-12;

/// Lights and effects of a picture.
pub(super) struct Lamp<'a, V> {
    scene: &'a Scene<'a, V>,
    shading: &'a Shading,
    occlusion: Option<&'a Occlusion>,
    /// Columns that turn differences of stored values into ones of rescaled values in patient space.
    patient_from_stored: [[f32; 3]; 3],
    /// The part of such differences along the line of sight, by axis of the volume.
    along_sight: [f32; 3],
    /// Factors of xx, xy, xz, yy, yz and zz in the square of their length in patient space.
    squares: [f32; 6],
}

impl<'a, V: Texel> Lamp<'a, V> {
    pub fn new(scene: &'a Scene<'a, V>, shading: &'a Shading, occlusion: Option<&'a Occlusion>) -> Self {
        let slope = scene.field.rescale.slope;
        let columns = axes!(i => glam::Vec3::from(scene.params.patient_from_gradient[i]) * slope);
        let [x, y, z] = columns;
        let sight = glam::Vec3::from(scene.params.line_of_sight);
        Self {
            scene,
            shading,
            occlusion,
            patient_from_stored: axes!(i => columns[i].to_array()),
            along_sight: [x.dot(sight), y.dot(sight), z.dot(sight)],
            squares: [x.dot(x), 2.0 * x.dot(y), 2.0 * x.dot(z), y.dot(y), 2.0 * y.dot(z), z.dot(z)],
        }
    }

    /// What one white light along the line of sight does to two samples, by the differences of stored values: their
    /// colours are multiplied by the first and get the second. Two at a time, because each step waits for the last.
    #[inline(always)]
    pub fn headlight<L: Lanes>(&self, l: L, differences: [Vec3<L>; 2]) -> [(L::F, L::F); 2] {
        let facing = both!(i => self.facing_sight(l, differences[i]));
        let squares = both!(i => facing[i] * facing[i]);
        let cosines = both!(i => l.max(l.mul_add(l.splat(2.0), squares[i], l.splat(-1.0)), l.splat(0.0)));
        let [near, far] = self.highlights(l, cosines);
        let base = both!(i => {
            l.mul_add(l.splat(self.shading.diffuse), facing[i], l.splat(self.shading.ambient))
        });
        [(base[0], near), (base[1], far)]
    }

    /// The size of the cosine between a gradient and the line of sight. Where a number is NaN, 1.
    #[inline(always)]
    fn facing_sight<L: Lanes>(&self, l: L, [x, y, z]: Vec3<L>) -> L::F {
        let [xx, xy, xz, yy, yz, zz] = self.squares;
        let by_x = l.mul_add(l.splat(xx), x, l.mul_add(l.splat(xy), y, l.splat(xz) * z));
        let by_y = l.mul_add(l.splat(yy), y, l.splat(yz) * z);
        let square = l.mul_add(x, by_x, l.mul_add(y, by_y, l.splat(zz) * z * z));
        let [along_x, along_y, along_z] = self.along_sight;
        let along = l.mul_add(l.splat(along_x), x, l.mul_add(l.splat(along_y), y, l.splat(along_z) * z));
        let size = l.abs(along * l.one_over_sqrt(l.max(square, l.splat(LEAST_SQUARE))));
        l.min(size, l.splat(1.0))
    }

    /// The gradient in patient space over two voxels.
    #[inline(always)]
    fn normal<L: Lanes>(&self, l: L, sample: &Sample<L>, visible: L::M) -> Vec3<L> {
        let [x, y, z] = self.scene.field.differences(l, sample.position, sample.corner, visible);
        let columns = &self.patient_from_stored;
        axes!(i => l.mul_add(
            x,
            l.splat(columns[0][i]),
            l.mul_add(y, l.splat(columns[1][i]), z * l.splat(columns[2][i]))
        ))
    }

    /// A sample's colour under all lights and effects, and what is left of its opacity, which gradients
    /// may lessen where it `fades`.
    #[inline(always)]
    pub fn shade<L: Lanes>(
        &self,
        l: L,
        sample: &Sample<L>,
        visible: L::M,
        color: Vec3<L>,
        fades: bool,
    ) -> (Vec3<L>, L::F) {
        let normal = self.normal(l, sample, visible);
        let density = if fades { self.density(l, normal) } else { l.splat(1.0) };
        (self.lit(l, sample, normal, color), density)
    }

    /// A colour under all lights, with the effects that are asked for.
    #[inline(always)]
    fn lit<L: Lanes>(&self, l: L, sample: &Sample<L>, normal: Vec3<L>, color: Vec3<L>) -> Vec3<L> {
        let params = self.scene.params;
        let per_length = one_over_root(l, squares::<L>(normal));
        let one = l.splat(1.0);
        let (ambient, first_light) = match self.occlusion {
            Some(occlusion) => occlusion.at(l, sample.position),
            None => (one, one),
        };
        let mut base = [ambient * l.splat(self.shading.ambient); 3];
        let mut highlights = [l.splat(0.0); 3];
        let mut reaching = first_light;
        for light in &params.lights {
            let diffuse = facing(l, normal, per_length, &light.direction) * l.splat(self.shading.diffuse);
            let diffuse = diffuse * ambient * reaching;
            let highlight = self.highlight(l, facing(l, normal, per_length, &light.halfway)) * reaching;
            for i in 0..3 {
                base[i] = l.mul_add(l.splat(light.color[i]), diffuse, base[i]);
                highlights[i] = l.mul_add(l.splat(light.color[i]), highlight, highlights[i]);
            }
            reaching = one;
        }
        let lit = axes!(i => l.mul_add(color[i], base[i], highlights[i]));
        let Some(cue) = &params.depth_cue else { return lit };
        let part = (sample.t_mm - l.splat(cue.near_mm)) * l.splat(1.0 / (cue.far_mm - cue.near_mm));
        let part = l.min(l.max(part, l.splat(0.0)), one) * l.splat(cue.strength);
        axes!(i => l.mul_add(l.splat(cue.color[i]) - lit[i], part, lit[i]))
    }

    /// What is left of opacities by the magnitude of gradients.
    #[inline(always)]
    fn density<L: Lanes>(&self, l: L, normal: Vec3<L>) -> L::F {
        let Some(table) = &self.scene.params.gradient_opacity else { return l.splat(1.0) };
        // Differences are two voxels wide.
        let magnitude = l.max(l.sqrt(squares::<L>(normal)), l.splat(1e-6)) * l.splat(0.5);
        let entry = l.mul_add(magnitude, l.splat(table.scale), l.splat(0.5));
        let last = l.splat(table.factors.len().saturating_sub(1) as f32);
        l.gather(&table.factors, l.to_int(l.min(l.max(entry, l.splat(0.0)), last)))
    }

    /// `facing` is the cosine of half the angle by which light is reflected.
    #[inline(always)]
    fn highlight<L: Lanes>(&self, l: L, facing: L::F) -> L::F {
        let cosine = l.max(l.mul_add(l.splat(2.0) * facing, facing, l.splat(-1.0)), l.splat(0.0));
        let [highlight, _] = self.highlights(l, [cosine; 2]);
        highlight
    }

    #[inline(always)]
    fn highlights<L: Lanes>(&self, l: L, cosines: [L::F; 2]) -> [L::F; 2] {
        let specular = [l.splat(self.shading.specular); 2];
        // With the power of almost all presets known, the compiler needs no loop.
        match self.shading.specular_power {
            10 => times_power::<L>(specular, cosines, 10),
            power => times_power::<L>(specular, cosines, power),
        }
    }
}

/// `x` times `base` to a whole power.
#[inline(always)]
fn times_power<L: Lanes>(x: [L::F; 2], base: [L::F; 2], mut power: u32) -> [L::F; 2] {
    let (mut result, mut square) = (x, base);
    while power > 0 {
        if power & 1 == 1 {
            result = both!(i => result[i] * square[i]);
        }
        square = both!(i => square[i] * square[i]);
        power >>= 1;
    }
    result
}

#[inline(always)]
fn squares<L: Lanes>(normal: Vec3<L>) -> L::F {
    normal[0] * normal[0] + normal[1] * normal[1] + normal[2] * normal[2]
}

#[inline(always)]
fn one_over_root<L: Lanes>(l: L, square: L::F) -> L::F {
    l.one_over_sqrt(l.max(square, l.splat(LEAST_SQUARE)))
}

#[inline(always)]
fn facing<L: Lanes>(l: L, normal: Vec3<L>, per_length: L::F, direction: &[f32; 3]) -> L::F {
    let along = normal[0] * l.splat(direction[0])
        + normal[1] * l.splat(direction[1])
        + normal[2] * l.splat(direction[2]);
    l.min(l.abs(along * per_length), l.splat(1.0))
}

/// An `Illumination` laid out for vectors: 256 times the ambient factor and the first light's, both from 0 to 255, in a
/// number for each node.
#[derive(Debug)]
pub(super) struct Occlusion {
    dims: [usize; 3],
    nodes: Vec<f32>,
}

impl Occlusion {
    pub fn new(grid: &Illumination) -> Self {
        let nodes =
            grid.factors().iter().map(|&[ambient, light]| f32::from(u16::from_be_bytes([ambient, light])));
        Self { dims: grid.dims(), nodes: nodes.collect() }
    }

    /// As `Illumination::at`.
    #[inline(always)]
    fn at<L: Lanes>(&self, l: L, p: Vec3<L>) -> (L::F, L::F) {
        let zero = l.splat(0.0);
        let last = axes!(i => l.splat((self.dims[i] - 1) as f32));
        let x = axes!(i => l.min(l.max(l.mul_add(p[i], l.splat(1.0 / BRICK as f32), l.splat(-0.5)), zero), last[i]));
        let low = axes!(i => l.floor(x[i]));
        let part = axes!(i => x[i] - low[i]);
        let high = axes!(i => l.to_int(l.min(low[i] + l.splat(1.0), last[i])));
        let low = axes!(i => l.to_int(low[i]));
        let (row, layer) = (l.splat_i(self.dims[0] as i32), l.splat_i((self.dims[0] * self.dims[1]) as i32));
        let rows = both!(z => {
            let z = if z == 0 { low[2] } else { high[2] };
            both!(y => z * layer + row * if y == 0 { low[1] } else { high[1] })
        });
        let layers = both!(z => {
            let ends = both!(y => {
                let (a, b) = (self.node(l, rows[z][y] + low[0]), self.node(l, rows[z][y] + high[0]));
                (mix(l, a.0, b.0, part[0]), mix(l, a.1, b.1, part[0]))
            });
            (mix(l, ends[0].0, ends[1].0, part[1]), mix(l, ends[0].1, ends[1].1, part[1]))
        });
        let ambient = mix(l, layers[0].0, layers[1].0, part[2]);
        let both = mix(l, layers[0].1, layers[1].1, part[2]);
        let scale = l.splat(1.0 / 255.0);
        (ambient * scale, l.mul_add(ambient, l.splat(-256.0), both) * scale)
    }

    /// The ambient factor of nodes, and both in a number.
    #[inline(always)]
    fn node<L: Lanes>(&self, l: L, node: L::I) -> (L::F, L::F) {
        let both = l.gather(&self.nodes, node);
        (l.floor(both * l.splat(1.0 / 256.0)), both)
    }
}

#[inline(always)]
fn mix<L: Lanes>(l: L, a: L::F, b: L::F, part: L::F) -> L::F {
    l.mul_add(b - a, part, a)
}
