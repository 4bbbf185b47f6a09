//! Removing what noise is left: an edge-aware filter that looks at surfaces as well as at light.
//!
//! Each pass averages a pixel with neighbours twice as far apart as the pass before, weighted by how
//! alike normals, depths and light are (Dammertz et al. 2010, "Edge-avoiding à-trous wavelet
//! transform"). How alike light must be follows from each pixel's own variance (Schied et al. 2017,
//! "Spatiotemporal variance-guided filtering"), so the filter fades as samples accumulate.

use glam::{Vec3, Vec4};
use rayon::prelude::*;

use super::environment::LUMINANCE;

/// Passes reach 1, 2, 4, 8 and 16 pixels far.
const PASSES: u32 = 5;

/// Difference of light, in standard deviations, that is e times less likely to be mere noise.
const LIGHT_TOLERANCE: f32 = 3.0;

/// Difference in depth, relative to what the surface's slope explains, that counts as an edge.
const DEPTH_TOLERANCE: f32 = 2.0;

/// How fast weight falls with the angle between normals: a power of its cosine.
const NORMAL_POWER: i32 = 32;

/// What the filter knows about a pixel besides its light.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Guide {
    /// Mean of unit normals; shorter where they disagree.
    pub normal: Vec3,
    pub depth_mm: f32,
    /// 0 where nothing is in the way of light; such pixels take no part.
    pub coverage: f32,
}

/// Buffers of one picture's size, kept from picture to picture.
#[derive(Debug, Default)]
pub(super) struct Denoiser {
    pub width: usize,
    /// Light r, g, b and the variance of its luminance. The result lies here, too.
    pub light: Vec<Vec4>,
    pub guides: Vec<Guide>,
    other: Vec<Vec4>,
}

impl Denoiser {
    pub fn resize(&mut self, [width, height]: [u32; 2]) {
        self.width = width as usize;
        let count = width as usize * height as usize;
        self.light.resize(count, Vec4::ZERO);
        self.other.resize(count, Vec4::ZERO);
        self.guides.resize(count, Guide::default());
    }

    /// Filters `light`.
    pub fn run(&mut self) {
        for pass in 0..PASSES {
            let (from, guides, width) = (&self.light, &self.guides, self.width);
            let picture = Picture { light: from, guides, width, height: from.len() / width };
            self.other.par_chunks_mut(width).enumerate().for_each(|(y, row)| {
                for (x, pixel) in row.iter_mut().enumerate() {
                    *pixel = picture.filtered([x, y], 1 << pass);
                }
            });
            std::mem::swap(&mut self.light, &mut self.other);
        }
    }
}

struct Picture<'a> {
    light: &'a [Vec4],
    guides: &'a [Guide],
    width: usize,
    height: usize,
}

impl Picture<'_> {
    fn filtered(&self, [x, y]: [usize; 2], reach: usize) -> Vec4 {
        let here = y * self.width + x;
        let (light, guide) = (self.light[here], &self.guides[here]);
        if guide.coverage == 0.0 {
            return light;
        }
        let deviation = self.smooth_variance([x, y]).sqrt();
        let luminance = light.truncate().dot(LUMINANCE);
        // Rounding to 8 bits hides less noise than this.
        if deviation < 1e-3 * (luminance + 0.02) {
            return light;
        }
        let slope = self.depth_slope([x, y]);
        let mut sum = light * KERNEL[0];
        sum.w = light.w * KERNEL[0] * KERNEL[0];
        let mut total = KERNEL[0];
        for dy in -1isize..=1 {
            for dx in -1isize..=1 {
                let at = |v: usize, d: isize| v.checked_add_signed(d * reach as isize);
                let (Some(nx), Some(ny)) = (at(x, dx), at(y, dy)) else { continue };
                if (dx, dy) == (0, 0) || nx >= self.width || ny >= self.height {
                    continue;
                }
                let there = ny * self.width + nx;
                let (other, other_guide) = (self.light[there], &self.guides[there]);
                if other_guide.coverage == 0.0 {
                    continue;
                }
                let apart = (other.truncate().dot(LUMINANCE) - luminance).abs();
                let deeper = (other_guide.depth_mm - guide.depth_mm).abs();
                let distance = reach as f32 * if dx != 0 && dy != 0 { std::f32::consts::SQRT_2 } else { 1.0 };
                let unlike = apart / (LIGHT_TOLERANCE * deviation + 1e-6)
                    + deeper / (DEPTH_TOLERANCE * (slope * distance) + 1e-3);
                let aligned = guide.normal.dot(other_guide.normal);
                let lengths = guide.normal.length() * other_guide.normal.length();
                // Without a surface on either side only depth and light tell.
                let cosine = if lengths > 0.04 { (aligned / lengths).clamp(0.0, 1.0) } else { 1.0 };
                let kernel = KERNEL[usize::from(dx != 0) + usize::from(dy != 0)];
                let weight = kernel * (-unlike).exp() * cosine.powi(NORMAL_POWER);
                sum += (other.truncate() * weight).extend(other.w * weight * weight);
                total += weight;
            }
        }
        (sum.truncate() / total).extend(sum.w / (total * total))
    }

    /// One pixel's own variance is as noisy as its light.
    fn smooth_variance(&self, [x, y]: [usize; 2]) -> f32 {
        let (mut sum, mut total) = (0.0, 0.0);
        for ny in y.saturating_sub(1)..(y + 2).min(self.height) {
            for nx in x.saturating_sub(1)..(x + 2).min(self.width) {
                let there = ny * self.width + nx;
                if self.guides[there].coverage > 0.0 {
                    let weight = KERNEL[usize::from(nx != x) + usize::from(ny != y)];
                    sum += self.light[there].w * weight;
                    total += weight;
                }
            }
        }
        sum / total
    }

    /// Change of depth from one pixel to the next, in mm: the smaller of both sides, so that an edge
    /// does not pass for a slope.
    fn depth_slope(&self, [x, y]: [usize; 2]) -> f32 {
        let here = y * self.width + x;
        let depth = |at: usize| {
            let guide = &self.guides[at];
            if guide.coverage > 0.0 { guide.depth_mm } else { f32::INFINITY }
        };
        let along = |index: usize, length: usize, step: usize| {
            let before = if index > 0 { (depth(here - step) - depth(here)).abs() } else { f32::INFINITY };
            let after =
                if index + 1 < length { (depth(here + step) - depth(here)).abs() } else { f32::INFINITY };
            let least = before.min(after);
            if least.is_finite() { least } else { 0.0 }
        };
        along(x, self.width, 1).max(along(y, self.height, self.width)) + 0.05
    }
}

/// The weights [1/4, 1/2, 1/4] in both directions: middle, side, corner.
const KERNEL: [f32; 3] = [0.25, 0.125, 0.0625];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cinematic::sampler::Sampler;

    /// Light of 1 on the left and `right` on the right half, with noise of that deviation.
    fn picture(noise: f32, right: f32, normal_right: Vec3) -> Denoiser {
        let mut denoiser = Denoiser::default();
        denoiser.resize([64, 48]);
        for i in 0..64 * 48 {
            let mut numbers = Sampler::new(8, i as u32, 0);
            let is_left = i % 64 < 32;
            let error = (numbers.next() + numbers.next() + numbers.next() - 1.5) * 2.0 * noise;
            let value = if is_left { 1.0 } else { right } + error;
            denoiser.light[i] = Vec3::splat(value).extend(noise * noise);
            denoiser.guides[i] = Guide {
                normal: if is_left { Vec3::Z } else { normal_right },
                depth_mm: 100.0,
                coverage: 1.0,
            };
        }
        denoiser
    }

    fn deviation(values: impl Iterator<Item = f32> + Clone, mean: f32) -> f32 {
        let count = values.clone().count() as f32;
        (values.map(|v| (v - mean).powi(2)).sum::<f32>() / count).sqrt()
    }

    #[test]
    fn a_flat_area_becomes_flat_and_keeps_its_light() {
        let mut denoiser = picture(0.2, 1.0, Vec3::Z);
        denoiser.run();
        let values = denoiser.light.iter().map(|l| l.x);
        assert!(deviation(values.clone(), 1.0) < 0.03, "{}", deviation(values.clone(), 1.0));
        assert!((values.sum::<f32>() / (64.0 * 48.0) - 1.0).abs() < 0.01);
    }

    #[test]
    fn an_edge_between_surfaces_stays_sharp_in_noise() {
        let mut denoiser = picture(0.3, 0.6, Vec3::X);
        denoiser.run();
        for (column, expected) in [(31, 1.0), (32, 0.6)] {
            let values = denoiser.light.chunks(64).map(|row| row[column].x);
            assert!((values.clone().sum::<f32>() / 48.0 - expected).abs() < 0.03);
            assert!(deviation(values, expected) < 0.1);
        }
    }

    #[test]
    fn a_shadow_edge_stays_sharp_when_noise_is_low() {
        let mut denoiser = picture(0.01, 0.6, Vec3::Z);
        denoiser.run();
        for row in denoiser.light.chunks(64) {
            assert!((row[31].x - 1.0).abs() < 0.03 && (row[32].x - 0.6).abs() < 0.03);
        }
    }

    #[test]
    fn pixels_without_noise_are_left_alone() {
        let mut denoiser = picture(0.0, 0.5, Vec3::Z);
        let before = denoiser.light.clone();
        denoiser.run();
        assert_eq!(denoiser.light, before);
    }
}
