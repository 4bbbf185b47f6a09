//! What light does at a point of the volume: reflected as by a surface where values change sharply,
//! scattered in all directions where they do not.

use std::f32::consts::PI;

use glam::Vec3;

use super::sampler::Sampler;

/// Reflectance at normal incidence of moist tissue: refractive index 1.5.
pub(super) const TISSUE_REFLECTANCE: f32 = 0.04;

/// A point where a path scatters. Directions are unit vectors that point away from it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scatter {
    pub albedo: Vec3,
    /// Where the path came from.
    pub out: Vec3,
    pub lobe: Lobe,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Lobe {
    /// The normal lies on the side of `out`. `mirror` is the share that is mirrored at normal
    /// incidence.
    Surface { normal: Vec3, roughness: f32, mirror: f32 },
    /// Every direction alike.
    Phase,
}

/// Where a path goes on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    pub towards: Vec3,
    /// Share of the light that remains, by colour.
    pub weight: Vec3,
    /// Per steradian.
    pub density: f32,
}

impl Scatter {
    /// Share of light from `towards` that leaves along `out`, cosine included, per steradian; and the
    /// density with which `sample` draws `towards`.
    pub fn evaluate(&self, towards: Vec3) -> (Vec3, f32) {
        match self.lobe {
            Lobe::Phase => (self.albedo * (0.25 / PI), 0.25 / PI),
            Lobe::Surface { normal, roughness, mirror } => {
                let (facing, lit) = (normal.dot(self.out), normal.dot(towards));
                if facing <= 0.0 || lit <= 0.0 {
                    return (Vec3::ZERO, 0.0);
                }
                let half = (self.out + towards).normalize_or(normal);
                let alpha = roughness * roughness;
                let shadowed = smith(facing, alpha);
                let distribution = ggx(normal.dot(half), alpha);
                let mirrored = fresnel(self.out.dot(half), mirror);
                let gloss = distribution * shadowed * smith(lit, alpha) * mirrored / (4.0 * facing);
                // What is mirrored does not get to the matte matter below.
                let below = (1.0 - mirrored_in_all(facing, roughness, mirror)).max(0.0);
                let matte = self.albedo * (below * lit / PI);
                let chance = self.gloss_chance(facing, mirror);
                let density = chance * distribution * shadowed / (4.0 * facing) + (1.0 - chance) * lit / PI;
                (matte + Vec3::splat(gloss), density)
            }
        }
    }

    /// Draws a direction to go on in; `None` where the light ends.
    pub fn sample(&self, numbers: &mut Sampler) -> Option<Turn> {
        let (choice, x, y) = (numbers.next(), numbers.next(), numbers.next());
        match self.lobe {
            Lobe::Phase => Some(Turn { towards: on_sphere(x, y), weight: self.albedo, density: 0.25 / PI }),
            Lobe::Surface { normal, roughness, mirror } => {
                let frame = Frame::new(normal);
                let towards = if choice < self.gloss_chance(normal.dot(self.out), mirror) {
                    let half =
                        frame.world(visible_normal(frame.local(self.out), roughness * roughness, x, y));
                    2.0 * self.out.dot(half) * half - self.out
                } else {
                    (normal + on_sphere(x, y)).normalize_or(normal)
                };
                let (value, density) = self.evaluate(towards);
                (density > 1e-6).then(|| Turn { towards, weight: value / density, density })
            }
        }
    }

    /// How often the highlight is followed instead of the matte part.
    fn gloss_chance(&self, facing: f32, mirror: f32) -> f32 {
        let gloss = fresnel(facing, mirror);
        let matte = self.albedo.max_element() * (1.0 - gloss);
        (gloss / (gloss + matte).max(1e-6)).clamp(0.1, 0.9)
    }
}

/// Share that a facet mirrors under an angle (Schlick 1994).
fn fresnel(cos: f32, mirror: f32) -> f32 {
    let m = (1.0 - cos).clamp(0.0, 1.0);
    let m2 = m * m;
    mirror + (grazing(mirror) - mirror) * m2 * m2 * m
}

/// Anything that mirrors at all mirrors everything at grazing incidence.
fn grazing(mirror: f32) -> f32 {
    (50.0 * mirror).min(1.0)
}

/// Share that all facets together mirror (Lazarov 2013, "Getting more physical in Call of Duty: Black
/// Ops II").
fn mirrored_in_all(facing: f32, roughness: f32, mirror: f32) -> f32 {
    let x = 1.0 - roughness;
    let a = (x * x).min((-9.28 * facing).exp2()) * x + 0.0425 - 0.0275 * roughness;
    let scale = 1.04 - 0.572 * roughness - 1.04 * a;
    let offset = 0.022 * roughness - 0.04 + 1.04 * a;
    mirror * scale + grazing(mirror) * offset
}

/// Trowbridge-Reitz distribution of facets.
fn ggx(cos: f32, alpha: f32) -> f32 {
    let a2 = alpha * alpha;
    let d = cos * cos * (a2 - 1.0) + 1.0;
    a2 / (PI * d * d)
}

/// Share of facets that are not hidden behind others (Smith 1967, for `ggx`).
fn smith(cos: f32, alpha: f32) -> f32 {
    let a2 = alpha * alpha;
    2.0 * cos / (cos + (a2 + (1.0 - a2) * cos * cos).sqrt())
}

/// A facet's normal as seen from `out`, both in a frame with the surface's normal along z (Dupuy
/// and Benyoub 2023, "Sampling visible GGX normals with spherical caps").
fn visible_normal(out: Vec3, alpha: f32, x: f32, y: f32) -> Vec3 {
    let stretched = Vec3::new(out.x * alpha, out.y * alpha, out.z).normalize_or(Vec3::Z);
    let z = (1.0 - x) * (1.0 + stretched.z) - stretched.z;
    let flat = (1.0 - z * z).max(0.0).sqrt();
    let (sin, cos) = (2.0 * PI * y).sin_cos();
    let half = Vec3::new(flat * cos, flat * sin, z) + stretched;
    Vec3::new(half.x * alpha, half.y * alpha, half.z.max(0.0)).normalize_or(Vec3::Z)
}

fn on_sphere(x: f32, y: f32) -> Vec3 {
    let z = 1.0 - 2.0 * x;
    let flat = (1.0 - z * z).max(0.0).sqrt();
    let (sin, cos) = (2.0 * PI * y).sin_cos();
    Vec3::new(flat * cos, flat * sin, z)
}

/// Axes with z along a normal (Duff et al. 2017, "Building an orthonormal basis, revisited").
struct Frame {
    x: Vec3,
    y: Vec3,
    z: Vec3,
}

impl Frame {
    fn new(z: Vec3) -> Self {
        let sign = 1.0f32.copysign(z.z);
        let a = -1.0 / (sign + z.z);
        let b = z.x * z.y * a;
        Self {
            x: Vec3::new(1.0 + sign * z.x * z.x * a, sign * b, -sign * z.x),
            y: Vec3::new(b, sign + z.y * z.y * a, -z.y),
            z,
        }
    }

    fn local(&self, v: Vec3) -> Vec3 {
        Vec3::new(v.dot(self.x), v.dot(self.y), v.dot(self.z))
    }

    fn world(&self, v: Vec3) -> Vec3 {
        self.x * v.x + self.y * v.y + self.z * v.z
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surface(roughness: f32, tilt: f32) -> Scatter {
        Scatter {
            albedo: Vec3::ONE,
            out: Vec3::new(tilt.sin(), 0.0, tilt.cos()),
            lobe: Lobe::Surface { normal: Vec3::Z, roughness, mirror: TISSUE_REFLECTANCE },
        }
    }

    #[test]
    fn a_surface_returns_no_more_light_than_it_gets_and_not_much_less() {
        for roughness in [0.2, 0.5, 0.9] {
            for tilt in [0.0, 0.7, 1.4] {
                let scatter = surface(roughness, tilt);
                let count = 20_000;
                let sum: f32 = (0..count)
                    .filter_map(|i| scatter.sample(&mut Sampler::new(2, 9, i)))
                    .map(|turn| turn.weight.x)
                    .sum();
                let share = sum / count as f32;
                assert!((0.8..1.08).contains(&share), "{roughness} {tilt}: {share}");
            }
        }
    }

    #[test]
    fn directions_are_drawn_with_the_density_that_evaluation_claims() {
        // The integral of the density over the sphere, by directions drawn evenly, is the share of
        // draws that lead above the surface.
        for (roughness, tilt) in [(0.4, 0.3), (0.7, 1.2)] {
            let scatter = surface(roughness, tilt);
            let count = 200_000;
            let density = (0..count)
                .map(|i| {
                    let mut numbers = Sampler::new(4, 1, i);
                    scatter.evaluate(on_sphere(numbers.next(), numbers.next())).1 * 4.0 * PI
                })
                .sum::<f32>()
                / count as f32;
            let above = (0..20_000).filter(|&i| scatter.sample(&mut Sampler::new(4, 2, i)).is_some()).count()
                as f32
                / 20_000.0;
            assert!((density - above).abs() < 0.02, "{roughness} {tilt}: {density} {above}");
        }
    }
}
