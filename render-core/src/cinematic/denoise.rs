//! Removing what noise is left: an edge-aware filter that looks at surfaces as well as at light.
//!
//! Each pass averages a pixel with neighbours twice as far apart as the pass before, weighted by how
//! alike normals, depths and light are (Dammertz et al. 2010, "Edge-avoiding à-trous wavelet
//! transform"). How alike light must be follows from each pixel's own variance (Schied et al. 2017,
//! "Spatiotemporal variance-guided filtering"), so the filter fades as samples accumulate.
//!
//! After a few samples all of it is noisy, not the light alone: where paths end in matter is chance.
//! So a difference counts for what it exceeds its own noise by (Rousselle et al. 2013, "Robust
//! denoising using feature and color information"), light is compared over three pixels' width, and
//! albedo and coverage are smoothed, too, or pixels whose paths all missed would stay as dark speckles.

use std::sync::atomic::{AtomicBool, Ordering};

use glam::{Vec2, Vec3, Vec4};
use rayon::prelude::*;

use super::environment::LUMINANCE;

/// Passes reach 1, 2, 4, 8 and 16 pixels far.
const PASSES: u32 = 5;

/// Difference of light, in standard deviations, that is e times less likely to be mere noise.
const LIGHT_TOLERANCE: f32 = 5.0;

/// Difference in depth, relative to what the surface's slope explains, that counts as an edge.
const DEPTH_TOLERANCE: f32 = 2.0;

/// Deviation of the depth of a single path where matter is neither thin nor dense.
const DEPTH_NOISE_MM: f32 = 5.0;

/// Squared difference of normals that counts as an edge, and how much of their variance does.
const NORMAL_TOLERANCE: [f32; 2] = [0.2, 4.0];

/// Variance of the normal of a pixel with a single path, as most pixels have it.
const NORMAL_VARIANCE: f32 = 0.3;

/// Variance of the albedo of a single path, relative to the square of the mean.
const ALBEDO_VARIANCE: f32 = 0.1;

/// What the filter knows about a pixel besides its light.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Guide {
    /// Mean of unit normals; shorter where they disagree.
    pub normal: Vec3,
    pub depth_mm: f32,
    /// Paths that met matter; 0 where nothing is in the way of light: such pixels take no part.
    pub hits: f32,
    pub samples: f32,
}

impl Guide {
    /// Of the mean of the normals.
    fn normal_variance(&self) -> f32 {
        if self.hits < 2.0 {
            NORMAL_VARIANCE
        } else {
            (1.0 - self.normal.length_squared()).max(0.0) / (self.hits - 1.0)
        }
    }

    /// How unlike two normals are beyond their noise.
    fn normals_apart(&self, other: &Self) -> f32 {
        let variance = self.normal_variance() + other.normal_variance();
        let beyond = (self.normal.distance_squared(other.normal) - variance).max(0.0);
        beyond / (NORMAL_TOLERANCE[0] + NORMAL_TOLERANCE[1] * variance)
    }

    /// How unlike two shares of paths that met matter are beyond the noise that equal ones would have.
    fn coverages_apart(&self, other: &Self) -> f32 {
        // By the rule of Krichevsky and Trofimov: no number of paths that all meet matter, or all miss
        // it, makes sure that the next one will.
        let share = |hits: f32, samples: f32| (hits + 0.5) / (samples + 1.0);
        let difference = share(self.hits, self.samples) - share(other.hits, other.samples);
        let both = share(self.hits + other.hits, self.samples + other.samples);
        let per_path = 1.0 / self.samples.max(1.0) + 1.0 / other.samples.max(1.0);
        let variance = both * (1.0 - both) * per_path;
        (difference * difference - variance).max(0.0) / (2.0 * variance)
    }
}

/// Buffers of one picture's size, kept from picture to picture.
#[derive(Debug, Default)]
pub(super) struct Denoiser {
    pub width: usize,
    /// Light r, g, b and the variance of its luminance. The result lies here, too.
    pub light: Vec<Vec4>,
    /// Albedo r, g, b and coverage, both shares of all paths.
    pub matter: Vec<Vec4>,
    pub guides: Vec<Guide>,
    other: Vec<Vec4>,
    smooth_matter: Vec<Vec4>,
    /// Luminance over three pixels' width, and its variance.
    brightness: Vec<Vec2>,
}

impl Denoiser {
    pub fn resize(&mut self, [width, height]: [u32; 2]) {
        self.width = width as usize;
        let count = width as usize * height as usize;
        for buffer in [&mut self.light, &mut self.matter, &mut self.other, &mut self.smooth_matter] {
            buffer.resize(count, Vec4::ZERO);
        }
        self.guides.resize(count, Guide::default());
        self.brightness.resize(count, Vec2::ZERO);
    }

    /// Filtered light, and filtered albedo and coverage.
    pub fn result(&self, at: usize) -> (Vec3, Vec4) {
        (self.light[at].truncate(), self.smooth_matter[at])
    }

    /// Filters everything, or as much of it as there is time for until `cancel` is set.
    pub fn run(&mut self, cancel: &AtomicBool) {
        let width = self.width;
        self.smooth_matter(cancel);
        for pass in 0..PASSES {
            let (mut brightness, mut other) =
                (std::mem::take(&mut self.brightness), std::mem::take(&mut self.other));
            let picture = self.picture();
            rows(&mut brightness, width, cancel, |at| picture.brightness(at));
            rows(&mut other, width, cancel, |at| picture.filtered(at, 1 << pass, &brightness));
            (self.other, self.brightness) = (std::mem::replace(&mut self.light, other), brightness);
        }
    }

    fn picture(&self) -> Picture<'_> {
        let (light, width) = (&self.light, self.width);
        Picture { light, matter: &self.matter, guides: &self.guides, width, height: light.len() / width }
    }

    /// Smooths what is covered by which albedo. Pixels that no path met get light and guides from their
    /// neighbours if these cover them, too.
    fn smooth_matter(&mut self, cancel: &AtomicBool) {
        let mut smooth = std::mem::take(&mut self.smooth_matter);
        let picture = self.picture();
        rows(&mut smooth, self.width, cancel, |at| picture.smooth_matter(at));
        let empty = |at: &usize| self.guides[*at].hits == 0.0 && smooth[*at].w > 0.0;
        let missed: Vec<usize> = (0..smooth.len()).into_par_iter().filter(empty).collect();
        let filled: Vec<(usize, Vec4, Guide)> = missed.into_par_iter().map(|at| picture.filled(at)).collect();
        for (at, light, guide) in filled {
            (self.light[at], self.guides[at]) = (light, guide);
        }
        self.smooth_matter = smooth;
    }
}

/// Makes every element of `buffer`, from x and y.
fn rows<T: Send>(buffer: &mut [T], width: usize, cancel: &AtomicBool, make: impl Fn([usize; 2]) -> T + Sync) {
    buffer.par_chunks_mut(width).enumerate().for_each(|(y, row)| {
        if !cancel.load(Ordering::Relaxed) {
            for (x, element) in row.iter_mut().enumerate() {
                *element = make([x, y]);
            }
        }
    });
}

struct Picture<'a> {
    light: &'a [Vec4],
    matter: &'a [Vec4],
    guides: &'a [Guide],
    width: usize,
    height: usize,
}

impl Picture<'_> {
    /// Itself and its neighbours this far apart, with their weights: [1/4, 1/2, 1/4] in both
    /// directions.
    fn around(&self, [x, y]: [usize; 2], reach: usize) -> impl Iterator<Item = (usize, f32, f32)> {
        let at = move |v: usize, d: isize| v.checked_add_signed(d * reach as isize);
        let (width, height) = (self.width, self.height);
        NEIGHBOURS.iter().filter_map(move |&(dx, dy, kernel, distance)| {
            let (nx, ny) = (at(x, dx)?, at(y, dy)?);
            (nx < width && ny < height).then_some((ny * width + nx, kernel, distance * reach as f32))
        })
    }

    /// How unlike the matter in two pixels is, beyond noise.
    fn matter_apart(&self, here: usize, there: usize, distance: f32) -> f32 {
        let (a, b) = (&self.guides[here], &self.guides[there]);
        let coverage = a.coverages_apart(b);
        if a.hits == 0.0 || b.hits == 0.0 {
            return coverage;
        }
        let albedo = |at: usize| self.matter[at].truncate().dot(LUMINANCE) / self.matter[at].w;
        let (albedo_a, albedo_b) = (albedo(here), albedo(there));
        let change = 2.0 * (albedo_a - albedo_b) / (albedo_a + albedo_b).max(1e-3);
        let noise = ALBEDO_VARIANCE * (1.0 / a.hits + 1.0 / b.hits);
        let depth = (a.depth_mm - b.depth_mm).abs()
            / (DEPTH_TOLERANCE * distance + DEPTH_NOISE_MM * a.samples.max(1.0).powf(-0.5));
        coverage + (change * change - noise).max(0.0) / noise + depth + a.normals_apart(b)
    }

    fn smooth_matter(&self, at: [usize; 2]) -> Vec4 {
        let here = at[1] * self.width + at[0];
        let (mut sum, mut total) = (Vec4::ZERO, 0.0);
        for (there, kernel, distance) in self.around(at, 1) {
            let weight = kernel * (-self.matter_apart(here, there, distance)).exp();
            sum += self.matter[there] * weight;
            total += weight;
        }
        sum / total
    }

    /// Light and guides of a pixel that no path met.
    fn filled(&self, here: usize) -> (usize, Vec4, Guide) {
        let (mut light, mut guide, mut total) = (Vec4::ZERO, Guide::default(), 0.0);
        for (there, kernel, distance) in self.around([here % self.width, here / self.width], 1) {
            let other = &self.guides[there];
            let weight = kernel * other.hits * (-self.matter_apart(here, there, distance)).exp();
            light += self.light[there] * weight;
            guide.normal += other.normal * weight;
            guide.depth_mm += other.depth_mm * weight;
            total += weight;
        }
        if total == 0.0 {
            return (here, Vec4::ZERO, Guide::default());
        }
        // As unsure as a pixel can be that takes part.
        let (normal, depth_mm) = (guide.normal / total, guide.depth_mm / total);
        (here, light / total, Guide { normal, depth_mm, hits: 1.0, samples: self.guides[here].samples })
    }

    /// One pixel's own light is too noisy to be compared with another's.
    fn brightness(&self, at: [usize; 2]) -> Vec2 {
        let here = at[1] * self.width + at[0];
        let guide = &self.guides[here];
        if guide.hits == 0.0 {
            return Vec2::ZERO;
        }
        let (mut sum, mut total) = (Vec2::ZERO, 0.0);
        for (there, kernel, _) in self.around(at, 1) {
            let other = &self.guides[there];
            if other.hits > 0.0 {
                let weight = kernel * (-guide.normals_apart(other)).exp();
                let light = self.light[there];
                sum += Vec2::new(light.truncate().dot(LUMINANCE) * weight, light.w * weight * weight);
                total += weight;
            }
        }
        Vec2::new(sum.x / total, sum.y / (total * total))
    }

    fn filtered(&self, at: [usize; 2], reach: usize, brightness: &[Vec2]) -> Vec4 {
        let here = at[1] * self.width + at[0];
        let (light, guide, bright) = (self.light[here], &self.guides[here], brightness[here]);
        // Rounding to 8 bits hides less noise than this.
        if guide.hits == 0.0 || bright.y.sqrt() < 1e-3 * (bright.x + 0.02) {
            return light;
        }
        let slope = self.depth_slope(at) + DEPTH_NOISE_MM * guide.samples.max(1.0).powf(-0.5);
        let (mut sum, mut total) = (Vec4::ZERO, 0.0);
        for (there, kernel, distance) in self.around(at, reach) {
            let other = &self.guides[there];
            if other.hits == 0.0 {
                continue;
            }
            let deviation = ((bright.y + brightness[there].y) / 2.0).sqrt();
            let unlike = (brightness[there].x - bright.x).abs() / (LIGHT_TOLERANCE * deviation + 1e-6)
                + (other.depth_mm - guide.depth_mm).abs() / (DEPTH_TOLERANCE * slope * distance + 1e-3)
                + if there == here { 0.0 } else { guide.normals_apart(other) };
            let weight = kernel * (-unlike).exp();
            let light = self.light[there];
            sum += (light.truncate() * weight).extend(light.w * weight * weight);
            total += weight;
        }
        (sum.truncate() / total).extend(sum.w / (total * total))
    }

    /// Change of depth from one pixel to the next, in mm: the smaller of both sides, so that an edge
    /// does not pass for a slope.
    fn depth_slope(&self, [x, y]: [usize; 2]) -> f32 {
        let here = y * self.width + x;
        let depth = |at: usize| {
            let guide = &self.guides[at];
            if guide.hits > 0.0 { guide.depth_mm } else { f32::INFINITY }
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

/// Columns, rows, weight and distance.
const NEIGHBOURS: [(isize, isize, f32, f32); 9] = [
    (-1, -1, 0.0625, std::f32::consts::SQRT_2),
    (0, -1, 0.125, 1.0),
    (1, -1, 0.0625, std::f32::consts::SQRT_2),
    (-1, 0, 0.125, 1.0),
    (0, 0, 0.25, 0.0),
    (1, 0, 0.125, 1.0),
    (-1, 1, 0.0625, std::f32::consts::SQRT_2),
    (0, 1, 0.125, 1.0),
    (1, 1, 0.0625, std::f32::consts::SQRT_2),
];

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
                hits: 64.0,
                samples: 64.0,
            };
            denoiser.matter[i] = Vec4::ONE;
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
        denoiser.run(&AtomicBool::new(false));
        let values = denoiser.light.iter().map(|l| l.x);
        assert!(deviation(values.clone(), 1.0) < 0.03, "{}", deviation(values.clone(), 1.0));
        assert!((values.sum::<f32>() / (64.0 * 48.0) - 1.0).abs() < 0.01);
    }

    #[test]
    fn an_edge_between_surfaces_stays_sharp_in_noise() {
        let mut denoiser = picture(0.3, 0.6, Vec3::X);
        denoiser.run(&AtomicBool::new(false));
        for (column, expected) in [(31, 1.0), (32, 0.6)] {
            let values = denoiser.light.chunks(64).map(|row| row[column].x);
            assert!((values.clone().sum::<f32>() / 48.0 - expected).abs() < 0.03);
            assert!(deviation(values, expected) < 0.1);
        }
    }

    #[test]
    fn a_shadow_edge_stays_sharp_when_noise_is_low() {
        let mut denoiser = picture(0.01, 0.6, Vec3::Z);
        denoiser.run(&AtomicBool::new(false));
        for row in denoiser.light.chunks(64) {
            assert!((row[31].x - 1.0).abs() < 0.03 && (row[32].x - 0.6).abs() < 0.03);
        }
    }

    #[test]
    fn pixels_without_noise_are_left_alone() {
        let mut denoiser = picture(0.0, 0.5, Vec3::Z);
        let before = denoiser.light.clone();
        denoiser.run(&AtomicBool::new(false));
        assert_eq!(denoiser.light, before);
    }

    #[test]
    fn pixels_that_few_paths_missed_are_no_speckles_and_a_silhouette_stays_sharp() {
        let mut denoiser = picture(0.1, 1.0, Vec3::Z);
        for i in 0..64 * 48 {
            let mut numbers = Sampler::new(5, i as u32, 0);
            let covered = if i % 64 < 32 { 0.8 } else { 0.0 };
            let hits = (0..4).filter(|_| numbers.next() < covered).count() as f32;
            (denoiser.guides[i].hits, denoiser.guides[i].samples) = (hits, 4.0);
            denoiser.matter[i] = Vec4::splat(hits / 4.0);
            denoiser.light[i] *= f32::from(u8::from(hits > 0.0));
        }
        let missed: Vec<usize> =
            (0..64 * 48).filter(|i| i % 64 < 31 && denoiser.guides[*i].hits == 0.0).collect();
        assert!(missed.len() > 2, "one of 600 pixels is missed by all four");
        denoiser.run(&AtomicBool::new(false));
        for at in missed {
            let (light, matter) = denoiser.result(at);
            assert!(light.x > 0.8 && matter.w > 0.2, "{light} {matter}");
        }
        let coverage =
            |column: usize| (0..48).map(|y| denoiser.result(y * 64 + column).1.w).sum::<f32>() / 48.0;
        assert!((coverage(20) - 0.8).abs() < 0.03 && coverage(31) > 0.65);
        assert!(coverage(32) < 0.1 && coverage(33) == 0.0);
    }
}
