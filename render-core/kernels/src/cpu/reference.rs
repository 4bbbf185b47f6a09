//! The reference: scalar, single-threaded, nothing skipped. Every other back end must agree with
//! it, so it stays short enough to check by eye.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use glam::{Mat3, Vec3};

use super::layers;
use crate::frame::{Frame, ValueImage};
use crate::render::Combine;
use crate::render::Shading;
use crate::render::{
    Backend, Grey, MAX_SAMPLES, Mode, Ray, RenderError, RenderParams, SURFACE_HALVINGS, TransferTable,
};
use crate::volume::Volume;

#[derive(Debug)]
pub struct Reference;

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
                let rgb = shade_pixel(volume, params, params.ray(column, row));
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
            values.extend((0..width).map(|column| pixel_value(volume, params, params.ray(column, row))));
        }
        Ok(ValueImage { size: params.size, values })
    }
}

/// The colour of a pixel, before rounding.
pub(super) fn shade_pixel(volume: &Volume, params: &RenderParams, ray: Ray) -> [f32; 3] {
    match &params.mode {
        Mode::Volume { transfer, shading, step_mm } => {
            let mut gathered =
                Gathered { color: Vec3::ZERO, transparency: 1.0, opaque_below: params.opaque_below };
            for (t_mm, [r, g, b, alpha]) in matter(volume, params, ray, transfer, *step_mm) {
                let p = ray.origin + ray.direction * t_mm;
                if alpha > 0.0 {
                    let normal = normal_at(volume, params, p);
                    let alpha = match &params.gradient_opacity {
                        // Central differences are two voxels wide.
                        Some(table) => alpha * table.factor(normal.length() * 0.5),
                        None => alpha,
                    };
                    let lit = lit(params, shading, Vec3::new(r, g, b), p, normal);
                    gathered.add(alpha, faded(params, lit, t_mm));
                }
                for layer in &params.layers {
                    let [r, g, b, alpha] = layers::color_at(layer, p);
                    if alpha > 0.0 && !gathered.is_opaque() {
                        let normal = layers::normal_at(params, layer, p);
                        let lit = lit(params, shading, Vec3::new(r, g, b), p, normal);
                        gathered.add(alpha, faded(params, lit, t_mm));
                    }
                }
                if gathered.is_opaque() {
                    return (gathered.color / (1.0 - gathered.transparency)).to_array();
                }
            }
            (gathered.color + gathered.transparency * Vec3::from(params.background)).to_array()
        }
        Mode::Isosurface { value, color, shading, step_mm } => {
            let Some(t_mm) = first_hit(volume, params, ray, *value, *step_mm) else {
                return params.background;
            };
            let p = ray.origin + ray.direction * t_mm;
            let color = layers::tinted(params, Vec3::from(*color), p);
            let lit = lit(params, shading, color, p, normal_at(volume, params, p));
            faded(params, lit, t_mm).to_array()
        }
        Mode::Projection { grey, .. } | Mode::Slice { grey, .. } => {
            let color = grey_or_background(*grey, pixel_value(volume, params, ray), params.background);
            overlaid(volume, params, ray, color).to_array()
        }
    }
}

/// The colour of a projection or a slice with the layers mixed in.
pub fn overlaid(volume: &Volume, params: &RenderParams, ray: Ray, color: Vec3) -> Vec3 {
    match params.mode {
        Mode::Projection { combine, step_mm, .. } => {
            let points = samples_inside(volume, params, ray, step_mm)
                .map(|k| ray.origin + ray.direction * (k as f32 * step_mm));
            layers::overlaid(params, color, combine, &points, &points)
        }
        Mode::Slice { samples, first_mm, step_mm, combine, .. } => {
            let points = slab_points(volume, ray, samples, first_mm, step_mm);
            layers::overlaid(params, color, combine, &points, &std::iter::once(ray.origin))
        }
        Mode::Volume { .. } | Mode::Isosurface { .. } => color,
    }
}

/// Light on its way to the eye.
struct Gathered {
    color: Vec3,
    transparency: f32,
    opaque_below: f32,
}

impl Gathered {
    fn add(&mut self, alpha: f32, color: Vec3) {
        self.color += self.transparency * alpha * color;
        self.transparency *= 1.0 - alpha;
    }

    fn is_opaque(&self) -> bool {
        self.transparency < self.opaque_below
    }
}

/// Where matter is looked at along a ray: t, and colour and opacity by value. These are samples, or
/// the middles of segments between them where the table is integrated.
fn matter(
    volume: &Volume,
    params: &RenderParams,
    ray: Ray,
    table: &TransferTable,
    step_mm: f32,
) -> impl Iterator<Item = (f32, [f32; 4])> {
    let value = move |t_mm: f32| value_at(volume, ray.origin + ray.direction * t_mm);
    let samples = samples_inside(volume, params, ray, step_mm);
    let integrated = table.integral.is_some();
    let count = samples.end - samples.start;
    samples.take(if integrated { count.saturating_sub(1) } else { count } as usize).map(move |k| {
        let t_mm = k as f32 * step_mm;
        if integrated {
            let back = value((k + 1) as f32 * step_mm);
            ((k as f32 + 0.5) * step_mm, table.lookup_segment(value(t_mm), back))
        } else {
            (t_mm, table.lookup(value(t_mm)))
        }
    })
}

/// t of the first rise through a value.
fn first_hit(volume: &Volume, params: &RenderParams, ray: Ray, wanted: f32, step_mm: f32) -> Option<f32> {
    let value = |t_mm: f32| value_at(volume, ray.origin + ray.direction * t_mm);
    let samples = samples_inside(volume, params, ray, step_mm);
    let first = samples.start;
    let hit = samples.clone().find(|&k| value(k as f32 * step_mm) >= wanted)?;
    if hit == first {
        return Some(hit as f32 * step_mm);
    }
    let (mut outside, mut inside) = ((hit - 1) as f32 * step_mm, hit as f32 * step_mm);
    for _ in 0..SURFACE_HALVINGS {
        let middle = (outside + inside) * 0.5;
        if value(middle) >= wanted {
            inside = middle;
        } else {
            outside = middle;
        }
    }
    let (low, high) = (value(outside), value(inside));
    Some(outside + (inside - outside) * ((wanted - low) / (high - low)))
}

fn grey_or_background(grey: Grey, value: f32, background: [f32; 3]) -> Vec3 {
    if value.is_nan() { Vec3::from(background) } else { Vec3::splat(grey.brightness(value)) }
}

/// The value of a projection or a slab; NaN when the ray has no sample in the volume.
pub(super) fn pixel_value(volume: &Volume, params: &RenderParams, ray: Ray) -> f32 {
    match params.mode {
        Mode::Projection { combine, step_mm, .. } => {
            let samples = samples_inside(volume, params, ray, step_mm);
            combined(
                combine,
                samples.map(|k| value_at(volume, ray.origin + ray.direction * (k as f32 * step_mm))),
            )
        }
        Mode::Slice { samples, first_mm, step_mm, combine, .. } => {
            let points = slab_points(volume, ray, samples, first_mm, step_mm);
            combined(combine, points.map(|p| value_at(volume, p)))
        }
        Mode::Volume { .. } | Mode::Isosurface { .. } => f32::NAN,
    }
}

/// The points of a slab that count.
fn slab_points(
    volume: &Volume,
    ray: Ray,
    samples: u32,
    first_mm: f32,
    step_mm: f32,
) -> impl Iterator<Item = Vec3> + Clone {
    let last = last_voxel(volume);
    (0..samples)
        .map(move |k| ray.origin + ray.direction * (first_mm + k as f32 * step_mm))
        .filter(move |p| p.cmpge(Vec3::splat(-0.5)).all() && p.cmple(last + 0.5).all())
}

/// NaN without values.
pub(super) fn combined(combine: Combine, values: impl Iterator<Item = f32>) -> f32 {
    match combine {
        Combine::Maximum => values.fold(f32::NAN, f32::max),
        Combine::Minimum => values.fold(f32::NAN, f32::min),
        Combine::Mean => {
            let (sum, count) = values.fold((0.0f32, 0u32), |(s, n), v| (s + v, n + 1));
            sum / count as f32
        }
    }
}

pub(super) fn last_voxel(volume: &Volume) -> Vec3 {
    Vec3::from(volume.geometry().dims().map(|n| (n - 1) as f32))
}

/// The k whose samples, at t = k * step, lie in front of the eye, inside the grid of voxel centres
/// and in all half spaces of the clip.
fn samples_inside(volume: &Volume, params: &RenderParams, ray: Ray, step_mm: f32) -> Range<i64> {
    let (mut enter, mut leave) = clip(ray, last_voxel(volume));
    for &[a, b, c, d] in &params.clip {
        let normal = Vec3::new(a, b, c);
        let (height, rise) = (normal.dot(ray.origin) + d, normal.dot(ray.direction));
        if rise > 0.0 {
            enter = enter.max(-height / rise);
        } else if rise < 0.0 {
            leave = leave.min(-height / rise);
        } else if height < 0.0 {
            return 0..0;
        }
    }
    let (first, last) = ((enter / step_mm).ceil().max(0.0), (leave / step_mm).floor());
    // No view makes a ray of so many samples, but numbers that make no sense can.
    let sensible = first <= last && last - first <= 4.0 * MAX_SAMPLES as f32;
    if sensible { first as i64..(last as i64).saturating_add(1) } else { 0..0 }
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

/// The gradient in patient space, in value units over two voxels, by central differences one voxel
/// to either side. It stands for the normal of a surface.
fn normal_at(volume: &Volume, params: &RenderParams, p: Vec3) -> Vec3 {
    let difference = |axis: Vec3| value_at(volume, p + axis) - value_at(volume, p - axis);
    let gradient = Vec3::new(difference(Vec3::X), difference(Vec3::Y), difference(Vec3::Z));
    Mat3::from_cols_array_2d(&params.patient_from_gradient) * gradient
}

/// The colour of a sample under all lights. Without a gradient only ambient light remains.
fn lit(params: &RenderParams, shading: &Shading, color: Vec3, p: Vec3, normal: Vec3) -> Vec3 {
    let length = normal.length().max(1e-6);
    let [ambient, first_light] = params.illumination.as_ref().map_or([1.0; 2], |grid| grid.at(p));
    let mut base = Vec3::splat(shading.ambient * ambient);
    let mut highlights = Vec3::ZERO;
    for (index, light) in params.lights.iter().enumerate() {
        let reaching = Vec3::from(light.color) * if index == 0 { first_light } else { 1.0 };
        let facing = (normal.dot(Vec3::from(light.direction)) / length).abs().min(1.0);
        let middle = (normal.dot(Vec3::from(light.halfway)) / length).abs().min(1.0);
        // A ray is reflected by twice the angle between the normal and the middle of light and eye.
        let highlight = (2.0 * middle * middle - 1.0).max(0.0).powi(shading.specular_power as i32);
        // A headlight leaves nothing in the dark, so hollows would not show by ambient light alone.
        base += reaching * (shading.diffuse * facing * ambient);
        highlights += reaching * (shading.specular * highlight);
    }
    color * base + highlights
}

fn faded(params: &RenderParams, color: Vec3, t_mm: f32) -> Vec3 {
    params.depth_cue.as_ref().map_or(color, |cue| cue.apply(color, t_mm))
}
