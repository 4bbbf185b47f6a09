//! Light from all around: studio lamps and a gradient, tabulated so that bright directions are
//! drawn often.

use std::f32::consts::PI;

use glam::Vec3;

/// Texels along each edge of the table. A texel is 3 degrees wide: less than any lamp.
pub const EDGE: usize = 64;
const TEXELS: usize = EDGE * EDGE;

/// The light that a volume stands in. It turns with the camera, so that a view from any side is lit
/// as a photographer would.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Environment {
    /// A warm soft box high on the left, a cool fill on the right and a rim light from behind.
    #[default]
    Studio,
    /// An overcast sky: the softest shadows.
    Sky,
    /// One strong lamp from the left in a dark room: relief and deep shadows.
    Theatre,
    /// The same white light from everywhere.
    Uniform,
}

impl Environment {
    pub const ALL: [Self; 4] = [Self::Studio, Self::Sky, Self::Theatre, Self::Uniform];

    pub fn name(self) -> &'static str {
        match self {
            Self::Studio => "studio",
            Self::Sky => "sky",
            Self::Theatre => "theatre",
            Self::Uniform => "uniform",
        }
    }

    /// Light from below, from the horizon and from above.
    fn gradient(self) -> [Vec3; 3] {
        let grey = Vec3::splat;
        match self {
            Self::Studio => {
                [Vec3::new(0.08, 0.072, 0.066), Vec3::new(0.15, 0.152, 0.16), Vec3::new(0.30, 0.31, 0.34)]
            }
            Self::Sky => {
                [Vec3::new(0.22, 0.2, 0.18), Vec3::new(0.75, 0.76, 0.78), Vec3::new(1.5, 1.55, 1.65)]
            }
            Self::Theatre => [grey(0.03), Vec3::new(0.08, 0.08, 0.09), Vec3::new(0.15, 0.15, 0.17)],
            Self::Uniform => [grey(1.0); 3],
        }
    }

    fn lamps(self) -> &'static [Lamp] {
        match self {
            Self::Studio => STUDIO,
            Self::Theatre => THEATRE,
            Self::Sky | Self::Uniform => &[],
        }
    }

    /// Light from a direction in camera space (+x right, +y up, +z towards the viewer).
    fn radiance(self, towards: Vec3) -> Vec3 {
        let [below, level, above] = self.gradient();
        let height = towards.y.clamp(-1.0, 1.0);
        let end = if height < 0.0 { below } else { above };
        // Smooth at the horizon, where a kink would show as a line in highlights.
        let sky = level + (end - level) * height * height * (3.0 - 2.0 * height.abs());
        self.lamps().iter().fold(sky, |light, lamp| light + lamp.radiance * lamp.cover(towards))
    }
}

/// A round soft box, seen from the volume under an angle.
#[derive(Debug)]
pub(super) struct Lamp {
    towards: Vec3,
    /// Half the angle that it covers.
    angle_deg: f32,
    radiance: Vec3,
}

impl Lamp {
    /// A light of a scene, with an edge as soft as shadows of a small soft box; `None` without a
    /// direction or for a colour that is no number.
    pub fn distant(towards: Vec3, color: [f32; 3]) -> Option<Self> {
        const ANGLE_DEG: f32 = 8.0;
        // The lamp lights a white wall that faces it as brightly as its colour says.
        let spread = (0.8 * ANGLE_DEG).to_radians().sin().powi(2);
        let color = Vec3::from(color).clamp(Vec3::ZERO, Vec3::splat(100.0));
        let towards = towards.try_normalize()?;
        (!color.is_nan()).then(|| Self { towards, angle_deg: ANGLE_DEG, radiance: color / spread })
    }

    /// 1 in the middle, 0 outside, with an edge as soft as that of a diffuser.
    fn cover(&self, towards: Vec3) -> f32 {
        let edge = self.angle_deg.to_radians().cos();
        let inner = (self.angle_deg * 0.6).to_radians().cos();
        let x = ((towards.dot(self.towards.normalize()) - edge) / (inner - edge)).clamp(0.0, 1.0);
        x * x * (3.0 - 2.0 * x)
    }
}

const fn lamp(towards: [f32; 3], angle_deg: f32, radiance: [f32; 3]) -> Lamp {
    Lamp { towards: Vec3::from_array(towards), angle_deg, radiance: Vec3::from_array(radiance) }
}

const STUDIO: &[Lamp] = &[
    lamp([-0.60, 0.72, 0.62], 22.0, [14.5, 10.8, 8.2]),
    lamp([0.90, 0.10, 0.55], 34.0, [0.60, 0.62, 0.74]),
    lamp([0.45, 0.65, -0.80], 22.0, [5.8, 5.3, 5.4]),
];

const THEATRE: &[Lamp] =
    &[lamp([-0.80, 0.55, 0.40], 14.0, [62.0, 48.0, 36.0]), lamp([0.75, 0.35, -0.75], 16.0, [9.0, 9.6, 12.0])];

/// An environment as a table over directions: equal squares of the table are equal solid angles.
#[derive(Clone, Debug)]
pub(super) struct LightTable {
    /// Radiance r, g, b, and the density (per steradian) with which `sample` draws the direction.
    pub texels: Vec<[f32; 4]>,
    /// Walker's alias method: below the first number a texel stands for itself, else for the second.
    pub alias: Vec<(f32, u32)>,
}

/// Light from one direction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Light {
    pub towards: Vec3,
    pub radiance: Vec3,
    /// Per steradian.
    pub density: f32,
}

impl LightTable {
    /// `lamps` shine besides the environment's own.
    pub fn new(environment: Environment, lamps: &[Lamp]) -> Self {
        let light: Vec<Vec3> = (0..TEXELS)
            .map(|i| {
                let at = |n: usize| (n as f32 + 0.5) / EDGE as f32;
                let towards = direction_from_square(at(i % EDGE), at(i / EDGE));
                lamps.iter().fold(environment.radiance(towards), |light, lamp| {
                    light + lamp.radiance * lamp.cover(towards)
                })
            })
            .collect();
        let weight = |l: &Vec3| l.dot(LUMINANCE).max(1e-4);
        let total: f32 = light.iter().map(weight).sum();
        let share: Vec<f32> = light.iter().map(|l| weight(l) / total * TEXELS as f32).collect();
        let texels = light.iter().zip(&share).map(|(l, share)| [l.x, l.y, l.z, share / (4.0 * PI)]).collect();
        Self { texels, alias: alias_table(share) }
    }

    /// `towards` is a unit vector in camera space.
    pub fn seen_towards(&self, towards: Vec3) -> Light {
        let [x, y] = square_from_direction(towards);
        let cell = |v: f32| ((v * EDGE as f32) as usize).min(EDGE - 1);
        self.light(cell(y) * EDGE + cell(x), towards)
    }

    /// Draws a direction with a density about proportional to the light from it.
    pub fn sample(&self, choice: f32, x: f32, y: f32) -> Light {
        let scaled = choice * TEXELS as f32;
        let cell = (scaled as usize).min(TEXELS - 1);
        let (keep, other) = self.alias[cell];
        let texel = if scaled - cell as f32 > keep { other as usize } else { cell };
        let at = |n: usize, offset: f32| (n as f32 + offset) / EDGE as f32;
        self.light(texel, direction_from_square(at(texel % EDGE, x), at(texel / EDGE, y)))
    }

    fn light(&self, texel: usize, towards: Vec3) -> Light {
        let [r, g, b, density] = self.texels[texel];
        Light { towards, radiance: Vec3::new(r, g, b), density }
    }
}

/// Weights of linear red, green and blue in brightness (ITU-R BT.709).
pub(super) const LUMINANCE: Vec3 = Vec3::new(0.2126, 0.7152, 0.0722);

/// `share` holds each entry's probability times the number of entries (Vose 1991).
fn alias_table(mut share: Vec<f32>) -> Vec<(f32, u32)> {
    let mut table: Vec<(f32, u32)> = (0..share.len()).map(|i| (1.0, i as u32)).collect();
    let (mut small, mut large): (Vec<usize>, Vec<usize>) = (0..share.len()).partition(|&i| share[i] < 1.0);
    while let (Some(low), Some(&high)) = (small.pop(), large.last()) {
        table[low] = (share[low], high as u32);
        share[high] -= 1.0 - share[low];
        if share[high] < 1.0 {
            large.pop();
            small.push(high);
        }
    }
    table
}

/// The equal-area map of the unit square onto the sphere (Clarberg 2008, "Fast equal-area mapping
/// of the (hemi)sphere using SIMD").
fn direction_from_square(x: f32, y: f32) -> Vec3 {
    let (u, v) = (2.0 * x - 1.0, 2.0 * y - 1.0);
    let signed = 1.0 - (u.abs() + v.abs());
    let r = 1.0 - signed.abs();
    let turn = if r == 0.0 { 1.0 } else { (v.abs() - u.abs()) / r + 1.0 };
    let (sin, cos) = (turn * (PI / 4.0)).sin_cos();
    let z = (1.0 - r * r).copysign(signed);
    let flat = r * (2.0 - r * r).max(0.0).sqrt();
    Vec3::new(cos.copysign(u) * flat, sin.copysign(v) * flat, z)
}

fn square_from_direction(d: Vec3) -> [f32; 2] {
    let (x, y) = (d.x.abs(), d.y.abs());
    let r = (1.0 - d.z.abs()).max(0.0).sqrt();
    let part = y.atan2(x) * (2.0 / PI);
    let (mut v, mut u) = (part * r, r - part * r);
    if d.z < 0.0 {
        (u, v) = (1.0 - v, 1.0 - u);
    }
    [0.5 + 0.5 * u.copysign(d.x), 0.5 + 0.5 * v.copysign(d.y)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cinematic::sampler::Sampler;

    #[test]
    fn squares_and_directions_are_inverse() {
        for i in 0..200 {
            let mut numbers = Sampler::new(1, i, 0);
            let (x, y) = (numbers.next(), numbers.next());
            let d = direction_from_square(x, y);
            assert!((d.length() - 1.0).abs() < 1e-5);
            let [u, v] = square_from_direction(d);
            assert!((u - x).abs() < 2e-3 && (v - y).abs() < 2e-3, "{x} {y} {u} {v}");
        }
    }

    #[test]
    fn drawn_light_averages_to_all_the_light_there_is() {
        for environment in Environment::ALL {
            let table = LightTable::new(environment, &[]);
            let exact = table.texels.iter().map(|t| Vec3::new(t[0], t[1], t[2])).sum::<Vec3>() * (4.0 * PI)
                / TEXELS as f32;
            let count = 20_000;
            let drawn = (0..count)
                .map(|i| {
                    let mut numbers = Sampler::new(3, 0, i);
                    let light = table.sample(numbers.next(), numbers.next(), numbers.next());
                    let again = table.seen_towards(light.towards);
                    // Rounding may move a direction on a texel's edge into its neighbour.
                    assert!((again.density - light.density).abs() <= light.density.max(again.density));
                    light.radiance / light.density
                })
                .sum::<Vec3>()
                / count as f32;
            assert!((drawn - exact).abs().max_element() < 0.01 * exact.max_element(), "{drawn} {exact}");
        }
    }

    #[test]
    fn directions_are_drawn_with_the_density_they_claim() {
        let table = LightTable::new(Environment::Studio, &[]);
        let mut counts = vec![0u32; TEXELS];
        let count = 400_000;
        for i in 0..count {
            let mut numbers = Sampler::new(5, i, 0);
            let light = table.sample(numbers.next(), numbers.next(), numbers.next());
            let [x, y] = square_from_direction(light.towards);
            let cell = |v: f32| ((v * EDGE as f32) as usize).min(EDGE - 1);
            counts[cell(y) * EDGE + cell(x)] += 1;
        }
        let chi2: f32 = counts
            .iter()
            .zip(&table.texels)
            .map(|(&n, t)| {
                let expected = t[3] * 4.0 * PI / TEXELS as f32 * count as f32;
                (n as f32 - expected).powi(2) / expected
            })
            .sum();
        assert!(chi2 < TEXELS as f32 * 1.15, "{chi2}");
    }
}
