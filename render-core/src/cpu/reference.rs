//! The reference: scalar, single-threaded, nothing skipped. Every other back end must agree with
//! it, so it stays short enough to check by eye.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use glam::{Mat3, Vec3};

use crate::frame::{Frame, ValueImage};
use crate::render::{Backend, Grey, Mode, OPAQUE_BELOW, Ray, RenderError, RenderParams};
use crate::scene::preset::Shading;
use crate::scene::view::Combine;
use crate::volume::Volume;

#[derive(Debug)]
pub(crate) struct Reference;

impl Backend for Reference {
    fn render(
        &self,
        volume: &Arc<Volume>,
        params: &RenderParams,
        cancel: &AtomicBool,
    ) -> Result<Frame, RenderError> {
        let [width, height] = params.size;
        let mut pixels = Vec::with_capacity(width as usize * height as usize * 4);
        for row in 0..height {
            if cancel.load(Ordering::Relaxed) {
                return Err(RenderError::Cancelled);
            }
            for column in 0..width {
                let rgb = shade_pixel(volume, params, params.rays.at(column, row));
                pixels.extend(rgb.map(|c| (c.clamp(0.0, 1.0) * 255.0 + 0.5) as u8));
                pixels.push(255);
            }
        }
        Ok(Frame {
            size: params.size,
            pixels,
            kind: params.kind,
            view_revision: params.view_revision,
            input_seq: params.input_seq,
        })
    }

    fn values(
        &self,
        volume: &Arc<Volume>,
        params: &RenderParams,
        cancel: &AtomicBool,
    ) -> Result<ValueImage, RenderError> {
        let [width, height] = params.size;
        let mut values = Vec::with_capacity(width as usize * height as usize);
        for row in 0..height {
            if cancel.load(Ordering::Relaxed) {
                return Err(RenderError::Cancelled);
            }
            values.extend((0..width).map(|column| pixel_value(volume, params, params.rays.at(column, row))));
        }
        Ok(ValueImage { size: params.size, values })
    }
}

fn shade_pixel(volume: &Volume, params: &RenderParams, ray: Ray) -> [f32; 3] {
    match &params.mode {
        Mode::Volume { transfer, shading, step_mm } => {
            let mut color = Vec3::ZERO;
            let mut transparency = 1.0;
            for p in samples_inside(volume, ray, *step_mm) {
                let [r, g, b, alpha] = transfer.lookup(value_at(volume, p));
                if alpha <= 0.0 {
                    continue;
                }
                color += transparency * alpha * lit(volume, params, shading, Vec3::new(r, g, b), p);
                transparency *= 1.0 - alpha;
                if transparency < OPAQUE_BELOW {
                    return (color / (1.0 - transparency)).to_array();
                }
            }
            (color + transparency * Vec3::from(params.background)).to_array()
        }
        Mode::Isosurface { value, color, shading, step_mm } => {
            let mut before: Option<(Vec3, f32)> = None;
            for p in samples_inside(volume, ray, *step_mm) {
                let here = value_at(volume, p);
                if here >= *value {
                    let hit = match before {
                        Some((q, there)) => q + (p - q) * ((value - there) / (here - there)),
                        None => p,
                    };
                    return lit(volume, params, shading, Vec3::from(*color), hit).to_array();
                }
                before = Some((p, here));
            }
            params.background
        }
        Mode::Mip { grey, .. } | Mode::Slice { grey, .. } => {
            grey_or_background(*grey, pixel_value(volume, params, ray), params.background)
        }
    }
}

fn grey_or_background(grey: Grey, value: f32, background: [f32; 3]) -> [f32; 3] {
    if value.is_nan() { background } else { [grey.brightness(value); 3] }
}

/// The value of a projection or a slab; NaN when the ray has no sample in the volume.
fn pixel_value(volume: &Volume, params: &RenderParams, ray: Ray) -> f32 {
    match params.mode {
        Mode::Mip { step_mm, .. } => {
            samples_inside(volume, ray, step_mm).map(|p| value_at(volume, p)).fold(f32::NAN, f32::max)
        }
        Mode::Slice { samples, first_mm, step_mm, combine, .. } => {
            let last = last_voxel(volume);
            let values = (0..samples)
                .map(|k| ray.origin + ray.direction * (first_mm + k as f32 * step_mm))
                .filter(|p| p.cmpge(Vec3::splat(-0.5)).all() && p.cmple(last + 0.5).all())
                .map(|p| value_at(volume, p));
            match combine {
                Combine::Maximum => values.fold(f32::NAN, f32::max),
                Combine::Minimum => values.fold(f32::NAN, f32::min),
                Combine::Mean => {
                    let (sum, count) = values.fold((0.0f32, 0u32), |(s, n), v| (s + v, n + 1));
                    sum / count as f32
                }
            }
        }
        Mode::Volume { .. } | Mode::Isosurface { .. } => f32::NAN,
    }
}

fn last_voxel(volume: &Volume) -> Vec3 {
    Vec3::from(volume.geometry().dims().map(|n| (n - 1) as f32))
}

/// Positions at t = k * step inside the grid of voxel centres, in front of the camera, in order.
fn samples_inside(volume: &Volume, ray: Ray, step_mm: f32) -> impl Iterator<Item = Vec3> {
    let (enter, leave) = clip(ray, last_voxel(volume));
    let first = (enter / step_mm).ceil().max(0.0) as i64;
    let last = if leave >= enter { (leave / step_mm).floor() as i64 } else { -1 };
    (first..=last).map(move |k| ray.origin + ray.direction * (k as f32 * step_mm))
}

/// The range of t where the ray is inside the box from 0 to `last`; empty when enter > leave.
pub(crate) fn clip(ray: Ray, last: Vec3) -> (f32, f32) {
    let (mut enter, mut leave) = (0.0f32, f32::INFINITY);
    for axis in 0..3 {
        let (o, d) = (ray.origin[axis], ray.direction[axis]);
        if d == 0.0 {
            if o < 0.0 || o > last[axis] {
                return (1.0, 0.0);
            }
            continue;
        }
        let (a, b) = ((0.0 - o) / d, (last[axis] - o) / d);
        enter = enter.max(a.min(b));
        leave = leave.min(a.max(b));
    }
    if enter.is_finite() && leave.is_finite() { (enter, leave) } else { (1.0, 0.0) }
}

/// Trilinear interpolation of the rescaled value at a voxel position; beyond the outermost voxel
/// centres the edge value holds.
pub(crate) fn value_at(volume: &Volume, p: Vec3) -> f32 {
    let dims = volume.geometry().dims();
    let mut low = [0usize; 3];
    let mut high = [0usize; 3];
    let mut fraction = [0.0f32; 3];
    for axis in 0..3 {
        let x = p[axis].clamp(0.0, (dims[axis] - 1) as f32);
        low[axis] = (x as usize).min((dims[axis] as usize).saturating_sub(2));
        high[axis] = (low[axis] + 1).min(dims[axis] as usize - 1);
        fraction[axis] = x - low[axis] as f32;
    }
    let voxel =
        |x: usize, y: usize, z: usize| volume.voxels().get((z * dims[1] as usize + y) * dims[0] as usize + x);
    let lerp = |a: f32, b: f32, f: f32| a + (b - a) * f;
    let row = |y: usize, z: usize| lerp(voxel(low[0], y, z), voxel(high[0], y, z), fraction[0]);
    let layer = |z: usize| lerp(row(low[1], z), row(high[1], z), fraction[1]);
    volume.rescale().apply(lerp(layer(low[2]), layer(high[2]), fraction[2]))
}

/// The colour of a sample under a light at the camera: the gradient, by central differences one
/// voxel apart, stands for the surface's normal. Without a gradient only ambient light remains.
fn lit(volume: &Volume, params: &RenderParams, shading: &Shading, color: Vec3, p: Vec3) -> Vec3 {
    let difference = |axis: Vec3| value_at(volume, p + axis) - value_at(volume, p - axis);
    let gradient = Vec3::new(difference(Vec3::X), difference(Vec3::Y), difference(Vec3::Z));
    let normal = Mat3::from_cols_array_2d(&params.patient_from_gradient) * gradient;
    let facing = (normal.dot(Vec3::from(params.line_of_sight)) / normal.length().max(1e-6)).abs().min(1.0);
    // The light comes from the viewer, so the reflected ray meets the eye at twice the angle.
    let highlight = (2.0 * facing * facing - 1.0).max(0.0).powi(shading.specular_power as i32);
    color * (shading.ambient + shading.diffuse * facing) + Vec3::splat(shading.specular * highlight)
}
