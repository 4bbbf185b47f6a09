//! What a card needs to trace the same paths.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use glam::{Mat3, Vec3A};

use super::environment::LightTable;
use super::film::Film;
use super::matter::Matter;
use super::path::Optics;
use super::sampler::LATTICE;
use crate::gpu::{Gpu, PathParams, PathScene, PathTracer};
use crate::render::{MAX_CLIPS, RenderError};
use crate::volume::Volume;

/// Paths of one view on a card.
pub(super) fn tracer(
    gpu: &Gpu,
    volume: &Arc<Volume>,
    matter: &Matter,
    light: &LightTable,
    optics: &Optics,
    width: u32,
    cancel: &AtomicBool,
) -> Result<PathTracer, RenderError> {
    let mut lattice = String::new();
    for step in LATTICE {
        // Writing to a string cannot fail.
        let _ = write!(lattice, "{step}u, ");
    }
    let aliases: Vec<[u32; 2]> = light.alias.iter().map(|&(keep, other)| [keep.to_bits(), other]).collect();
    let factors = matter.gradient_opacity.as_ref().map_or(&[1.0][..], |table| &table.factors);
    let scene = PathScene {
        params: params(volume, matter, optics, width),
        lattice: &lattice,
        extinctions: &matter.extinction,
        albedos: [&matter.cloud_albedo, &matter.surface_albedo],
        bounds: &matter.bounds.cells,
        lights: &light.texels,
        aliases: &aliases,
        gradient_factors: factors,
    };
    PathTracer::new(gpu, volume, &scene, cancel)
}

/// The shader interpolates rescaled values where the CPU interpolates stored ones.
fn params(volume: &Volume, matter: &Matter, optics: &Optics, width: u32) -> PathParams {
    let rescale = volume.rescale();
    let index_scale = matter.index_scale / rescale.slope;
    let [bx, by, bz] = matter.bounds.dims.map(|n| n as u32);
    let mut clip = [[0.0; 4]; MAX_CLIPS];
    for (slot, plane) in clip.iter_mut().zip(&optics.clip) {
        *slot = *plane;
    }
    let mut params = PathParams {
        lens: optics.lens.map(padded),
        voxel_from_camera: columns(optics.voxel_from_camera),
        camera_from_voxel: columns(optics.camera_from_voxel),
        camera_from_gradient: columns(optics.camera_from_gradient),
        clip,
        brick_dims: [bx, by, bz, 0],
        clip_count: optics.clip.len().min(MAX_CLIPS) as u32,
        width,
        seed: optics.seed,
        max_bounces: optics.max_bounces,
        focus_mm: optics.focus_mm,
        index_scale,
        index_bias: matter.index_bias - rescale.intercept * index_scale,
        surface_change2: matter.surface_change2 * rescale.slope * rescale.slope,
        roughness: optics.roughness,
        mirror: optics.mirror,
        gradient_scale: matter.gradient_opacity.as_ref().map_or(0.0, |table| table.scale),
        ..bytemuck::Zeroable::zeroed()
    };
    params.set_rays(&optics.rays);
    params
}

fn padded(v: Vec3A) -> [f32; 4] {
    [v.x, v.y, v.z, 0.0]
}

fn columns(m: Mat3) -> [[f32; 4]; 3] {
    [m.x_axis, m.y_axis, m.z_axis].map(|column| padded(column.into()))
}

/// Brings every pixel to `wanted` samples, or as far as it comes before it is cancelled or fails.
pub(super) fn expose(
    tracer: &mut PathTracer,
    film: &mut Film,
    wanted: u32,
    cancel: &AtomicBool,
) -> Result<(), RenderError> {
    let [width, height] = film.size();
    let mut row = 0;
    while row < height {
        // All pixels of a row have been given the same number of samples here, unless the CPU was
        // stopped in the middle of them; it is the CPU that then goes on.
        let done = |film: &Film, row: u32| film.pixel(0, row as usize).samples;
        let first = done(film, row);
        if first >= wanted {
            row += 1;
            continue;
        }
        let alike = (row..height).take_while(|&r| done(film, r) == first).count() as u32;
        tracer.trace(row..row + alike, first..wanted, cancel, |rows, samples, sums| {
            for (y, sums) in (row..row + rows).zip(sums.chunks_exact(width as usize)) {
                for (x, sums) in sums.iter().enumerate() {
                    film.pixel_mut(x, y as usize).add_sums(samples, sums);
                }
            }
        })?;
    }
    Ok(())
}
