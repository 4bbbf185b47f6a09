//! Where light gathers, and how it becomes a picture.

use std::sync::atomic::{AtomicBool, Ordering};

use glam::{Vec3, Vec4};
use rayon::prelude::*;

use super::Finish;
use super::denoise::{Denoiser, Guide};
use super::environment::LUMINANCE;
use super::path::Found;
use crate::gpu::PathSums;

/// Pixels of a tile along each edge: their paths begin in the same part of the volume.
pub(super) const TILE: usize = 16;

/// Added to albedo where light is divided by it.
const LEAST_ALBEDO: f32 = 0.02;

/// Linear light of the empty studio, in the picture's middle and in its corners.
const BACKDROP: [f32; 2] = [0.009, 0.0015];

/// Sums over a pixel's paths.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pixel {
    pub light: Vec3,
    /// Of luminance.
    square: f32,
    albedo: Vec3,
    depth_mm: f32,
    normal: Vec3,
    /// Paths that met matter.
    pub hits: u32,
    pub samples: u32,
}

impl Pixel {
    pub fn add(&mut self, found: Option<Found>) {
        self.samples += 1;
        let Some(found) = found else { return };
        self.hits += 1;
        self.light += found.radiance;
        self.square += found.radiance.dot(LUMINANCE).powi(2);
        self.albedo += found.albedo;
        self.depth_mm += found.depth_mm;
        self.normal += found.normal;
    }

    /// Adds what a card summed up over `samples` paths.
    pub fn add_sums(&mut self, samples: u32, sums: &PathSums) {
        let [light, albedo, normal] = sums.map(Vec4::from);
        self.samples += samples;
        self.hits += normal.w as u32;
        self.light += light.truncate();
        self.square += light.w;
        self.albedo += albedo.truncate();
        self.depth_mm += albedo.w;
        self.normal += normal.truncate();
    }

    fn mean(&self, sum: Vec3) -> Vec3 {
        sum / self.samples.max(1) as f32
    }

    fn coverage(&self) -> f32 {
        self.hits as f32 / self.samples.max(1) as f32
    }

    /// Light as if all matter were white, and the variance of its mean: what is left to filter when
    /// the colours of the volume, which hold its detail, are taken out.
    fn white_light(&self) -> Vec4 {
        let albedo = self.mean(self.albedo) + LEAST_ALBEDO;
        let light = self.mean(self.light);
        let luminance = light.dot(LUMINANCE);
        let n = self.samples as f32;
        let variance = match self.samples {
            0 => 0.0,
            // One sample says nothing about others; light on matter mostly varies as much as itself.
            1 => luminance * luminance,
            _ => (self.square / n - luminance * luminance).max(0.0) / (n - 1.0),
        };
        (light / albedo).extend(variance / albedo.dot(LUMINANCE).powi(2))
    }

    /// Albedo, and how much of the pixel is covered.
    fn matter(&self) -> Vec4 {
        self.mean(self.albedo).extend(self.coverage())
    }

    fn guide(&self) -> Guide {
        let hits = self.hits.max(1) as f32;
        Guide {
            normal: self.normal / hits,
            depth_mm: self.depth_mm / hits,
            hits: self.hits as f32,
            samples: self.samples as f32,
        }
    }
}

/// The pixels of a picture, tile by tile, rows from the top; those of tiles that stick out at the
/// right and the bottom stay empty.
#[derive(Debug)]
pub(super) struct Film {
    size: [u32; 2],
    pixels: Vec<Pixel>,
    denoiser: Denoiser,
}

impl Film {
    pub fn new(size: [u32; 2]) -> Self {
        let mut film = Self { size, pixels: Vec::new(), denoiser: Denoiser::default() };
        film.clear(size);
        film
    }

    pub fn clear(&mut self, size: [u32; 2]) {
        let tiles = size.map(|n| n.div_ceil(TILE as u32) as usize);
        self.size = size;
        self.pixels.clear();
        self.pixels.resize(tiles[0] * tiles[1] * TILE * TILE, Pixel::default());
    }

    pub fn size(&self) -> [u32; 2] {
        self.size
    }

    /// From the left, then downwards.
    pub fn tiles(&mut self) -> rayon::slice::ChunksExactMut<'_, Pixel> {
        self.pixels.par_chunks_exact_mut(TILE * TILE)
    }

    pub fn pixel(&self, x: usize, y: usize) -> &Pixel {
        &self.pixels[self.place(x, y)]
    }

    pub fn pixel_mut(&mut self, x: usize, y: usize) -> &mut Pixel {
        let place = self.place(x, y);
        &mut self.pixels[place]
    }

    fn place(&self, x: usize, y: usize) -> usize {
        let across = self.size[0].div_ceil(TILE as u32) as usize;
        let tile = y / TILE * across + x / TILE;
        (tile * TILE + y % TILE) * TILE + x % TILE
    }

    /// Opaque RGBA, 8 bits each. What comes once `cancel` is set means nothing.
    pub fn develop(&mut self, finish: Finish, exposure: f32, cancel: &AtomicBool) -> Vec<u8> {
        if finish == Finish::Denoised {
            self.denoise(cancel);
        }
        let [width, height] = self.size.map(|n| n as usize);
        let mut picture = vec![255; width * height * 4];
        picture.par_chunks_exact_mut(width * 4).enumerate().for_each(|(y, row)| {
            if cancel.load(Ordering::Relaxed) {
                return;
            }
            for (x, rgba) in row.chunks_exact_mut(4).enumerate() {
                let pixel = self.pixel(x, y);
                let (light, coverage) = match finish {
                    Finish::Raw => (pixel.mean(pixel.light), pixel.coverage()),
                    Finish::Denoised => {
                        let (light, matter) = self.denoiser.result(y * width + x);
                        (light * (matter.truncate() + LEAST_ALBEDO), matter.w)
                    }
                };
                let empty = (1.0 - coverage) * backdrop([x, y], [width, height]);
                let shown = filmic(light * exposure) + empty;
                for (byte, linear) in rgba.iter_mut().zip(shown.to_array()) {
                    *byte = (srgb_from_linear(linear) * 255.0 + 0.5) as u8;
                }
            }
        });
        picture
    }

    fn denoise(&mut self, cancel: &AtomicBool) {
        let mut denoiser = std::mem::take(&mut self.denoiser);
        denoiser.resize(self.size);
        let width = denoiser.width;
        let inputs = denoiser.light.par_chunks_exact_mut(width).zip(
            denoiser.guides.par_chunks_exact_mut(width).zip(denoiser.matter.par_chunks_exact_mut(width)),
        );
        inputs.enumerate().for_each(|(y, (light, (guides, matter)))| {
            for (x, ((light, guide), matter)) in light.iter_mut().zip(guides).zip(matter).enumerate() {
                let pixel = self.pixel(x, y);
                (*light, *guide, *matter) = (pixel.white_light(), pixel.guide(), pixel.matter());
            }
        });
        denoiser.run(cancel);
        self.denoiser = denoiser;
    }
}

fn backdrop([x, y]: [usize; 2], [width, height]: [usize; 2]) -> f32 {
    let from_middle = |v: usize, n: usize| (v as f32 + 0.5) / n as f32 * 2.0 - 1.0;
    let distance2 = (from_middle(x, width).powi(2) + from_middle(y, height).powi(2)) / 2.0;
    BACKDROP[0] + (BACKDROP[1] - BACKDROP[0]) * distance2
}

/// Compresses light as film does: a toe that keeps blacks deep, a shoulder that keeps colour in
/// highlights (Narkowicz 2015, "ACES filmic tone mapping curve").
fn filmic(light: Vec3) -> Vec3 {
    let x = light * 0.8;
    ((x * (2.51 * x + 0.03)) / (x * (2.43 * x + 0.59) + 0.14)).clamp(Vec3::ZERO, Vec3::ONE)
}

fn srgb_from_linear(x: f32) -> f32 {
    if x <= 0.003_130_8 { x * 12.92 } else { 1.055 * x.min(1.0).powf(1.0 / 2.4) - 0.055 }
}
