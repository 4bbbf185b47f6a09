//! Paths of light on a card, by `shaders/cinematic.wgsl`.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::Gpu;
use super::answer::answer;
use super::card::Card;
use super::layout::{INPUT, OUTPUT, UNIFORM, filled_buffer, group, group_layout, new_buffer, pipelines};
use super::upload::{Shape, Uploaded, lock};
use crate::render::{MAX_CLIPS, Rays, RenderError};
use crate::volume::Volume;

const VOXELS: &str = include_str!("../shaders/voxels.wgsl");
const EXACT: &str = include_str!("../shaders/exact.wgsl");
const SHADER: &str = include_str!("../shaders/cinematic.wgsl");

/// Edge of a workgroup, which is a square of pixels.
const GROUP: u32 = 8;

/// Most pixels of a submission: what is read back takes 12 MiB.
const MAX_PIXELS: u32 = 1 << 18;

/// Paths of the first submission and of the smallest: some 50 ms of work for an emulated card.
const MIN_PATHS: u32 = 1 << 12;
const MAX_PATHS: u32 = 1 << 24;

/// A submission that is done sooner than this may be larger, and one that takes longer than that
/// should be smaller.
const QUICK: Duration = Duration::from_millis(20);
const SLOW: Duration = Duration::from_millis(100);

/// A pixel's sums: light r, g, b and the square of luminance; albedo r, g, b and depth in mm; normal
/// x, y, z and hits.
pub(crate) type Sums = [[f32; 4]; 3];

/// `Params` of the shader.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct Params {
    pub origin: [[f32; 4]; 3],
    pub direction: [[f32; 4]; 3],
    pub lens: [[f32; 4]; 2],
    pub voxel_from_camera: [[f32; 4]; 3],
    pub camera_from_voxel: [[f32; 4]; 3],
    pub camera_from_gradient: [[f32; 4]; 3],
    pub clip: [[f32; 4]; MAX_CLIPS],
    pub brick_dims: [u32; 4],
    pub clip_count: u32,
    pub width: u32,
    pub first_row: u32,
    pub row_count: u32,
    pub first_sample: u32,
    pub sample_count: u32,
    pub seed: u32,
    pub max_bounces: u32,
    pub focus_mm: f32,
    pub index_scale: f32,
    pub index_bias: f32,
    pub surface_change2: f32,
    pub roughness: f32,
    pub mirror: f32,
    pub gradient_scale: f32,
    pub padding: u32,
}

impl Params {
    pub fn set_rays(&mut self, rays: &Rays) {
        self.origin = [rays.origin, rays.origin_dx, rays.origin_dy];
        self.direction = [rays.direction, rays.direction_dx, rays.direction_dy];
    }
}

/// What paths read besides voxels, as the shader's bindings describe it.
#[derive(Debug)]
pub(crate) struct Scene<'a> {
    pub params: Params,
    /// Steps of the lattice, as WGSL writes them.
    pub lattice: &'a str,
    pub extinctions: &'a [f32],
    /// Of clouds and of surfaces.
    pub albedos: [&'a [[f32; 4]]; 2],
    pub bounds: &'a [f32],
    pub lights: &'a [[f32; 4]],
    pub aliases: &'a [[u32; 2]],
    /// Not empty.
    pub gradient_factors: &'a [f32],
}

/// Traces the paths of one scene.
#[derive(Debug)]
pub(crate) struct PathTracer {
    card: Arc<Card>,
    uploaded: Arc<Uploaded>,
    pipeline: wgpu::ComputePipeline,
    params: Params,
    uniform: wgpu::Buffer,
    sums: wgpu::Buffer,
    /// `None` after a submission whose end nobody saw: the card may still write there.
    readback: Option<wgpu::Buffer>,
    bind_group: wgpu::BindGroup,
    paths: u32,
}

impl PathTracer {
    pub fn new(
        gpu: &Gpu,
        volume: &Arc<Volume>,
        scene: &Scene<'_>,
        cancel: &AtomicBool,
    ) -> Result<Self, RenderError> {
        let card = gpu.card()?;
        let device = &card.device;
        let limits = device.raw.limits();
        let most = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
        if size_of_val(scene.bounds) as u64 > most {
            let mib = (volume.voxels().byte_len() >> 20) as u64;
            let reason = "its bricks do not fit into one buffer".into();
            return Err(RenderError::VolumeTooLarge { mib, reason });
        }
        let parts = device.guard(async {
            let uploaded = card.uploads.get(device, volume, cancel).await?;
            let pipeline = pipeline(&card, uploaded.shape, scene.lattice)?;
            let parts = device.checked(|| {
                let copy_in = wgpu::BufferUsages::COPY_DST;
                let bytes = size_of::<Params>() as u64;
                let uniform = new_buffer(device, "uniform", bytes, wgpu::BufferUsages::UNIFORM | copy_in);
                let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC;
                let sums = new_buffer(device, "sums", sums_bytes(MAX_PIXELS), usage);
                let filled = |label, bytes: &[u8]| filled_buffer(device, label, bytes);
                let inputs = [
                    filled("extinctions", bytemuck::cast_slice(scene.extinctions)),
                    filled("albedos", bytemuck::cast_slice(&scene.albedos.concat())),
                    filled("bounds", bytemuck::cast_slice(scene.bounds)),
                    filled("lights", bytemuck::cast_slice(scene.lights)),
                    filled("aliases", bytemuck::cast_slice(scene.aliases)),
                    filled("gradient factors", bytemuck::cast_slice(scene.gradient_factors)),
                ];
                let mut resources = vec![uniform.as_entire_binding()];
                resources.extend(inputs.iter().map(wgpu::Buffer::as_entire_binding));
                resources.push(sums.as_entire_binding());
                let bind_group = group(device, &pipeline.get_bind_group_layout(1), &resources);
                (uniform, sums, bind_group)
            })?;
            Ok((uploaded, pipeline, parts))
        })?;
        let (uploaded, pipeline, (uniform, sums, bind_group)) = parts;
        let (params, paths) = (scene.params, MIN_PATHS);
        Ok(Self { card, uploaded, pipeline, params, uniform, sums, readback: None, bind_group, paths })
    }

    /// Adds samples from `samples.start` on, up to its end, to rows from `rows.start` on, up to its
    /// end; as many of both as one submission may take. `take` gets their numbers and the sums, row
    /// by row.
    pub fn trace(
        &mut self,
        rows: Range<u32>,
        samples: Range<u32>,
        cancel: &AtomicBool,
        take: impl FnOnce(u32, u32, &[Sums]),
    ) -> Result<(), RenderError> {
        if cancel.load(Ordering::Relaxed) {
            return Err(RenderError::Cancelled);
        }
        let card = Arc::clone(&self.card);
        let device = &card.device;
        let width = self.params.width;
        let row_count = (self.paths.min(MAX_PIXELS) / width).clamp(1, rows.len() as u32);
        let sample_count = (self.paths / (width * row_count)).clamp(1, samples.len() as u32);
        (self.params.first_row, self.params.row_count) = (rows.start, row_count);
        (self.params.first_sample, self.params.sample_count) = (samples.start, sample_count);
        let bytes = sums_bytes(width * row_count);
        let waited = device.guard(async {
            let readback = match self.readback.take() {
                Some(buffer) => buffer,
                None => device.checked(|| {
                    let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
                    new_buffer(device, "readback", sums_bytes(MAX_PIXELS), usage)
                })?,
            };
            let (question, answer) = answer();
            device.checked(|| {
                device.queue.write_buffer(&self.uniform, 0, bytemuck::bytes_of(&self.params));
                let mut encoder = device.raw.create_command_encoder(&Default::default());
                {
                    let mut pass = encoder.begin_compute_pass(&Default::default());
                    pass.set_pipeline(&self.pipeline);
                    pass.set_bind_group(0, &self.uploaded.bind_group, &[]);
                    pass.set_bind_group(1, &self.bind_group, &[]);
                    pass.dispatch_workgroups(width.div_ceil(GROUP), row_count.div_ceil(GROUP), 1);
                }
                encoder.copy_buffer_to_buffer(&self.sums, 0, &readback, 0, bytes);
                device.queue.submit([encoder.finish()]);
                readback.slice(..bytes).map_async(wgpu::MapMode::Read, move |result| question.send(result));
            })?;
            let (mapped, waited) = device.wait(answer, cancel).await?;
            let failed = |error: &dyn std::fmt::Display| RenderError::Gpu(format!("reading paths: {error}"));
            mapped.map_err(|e| failed(&e))?;
            let range = readback.slice(..bytes).get_mapped_range().map_err(|e| failed(&e))?;
            take(row_count, sample_count, bytemuck::cast_slice(&range));
            drop(range);
            readback.unmap();
            self.readback = Some(readback);
            Ok(waited)
        })?;
        if waited < QUICK {
            self.paths = (self.paths * 2).min(MAX_PATHS);
        } else if waited > SLOW {
            self.paths = (self.paths / 2).max(MIN_PATHS);
        }
        Ok(())
    }
}

fn sums_bytes(pixels: u32) -> u64 {
    u64::from(pixels) * size_of::<Sums>() as u64
}

/// Compiled once for each shape of volumes.
fn pipeline(card: &Card, shape: Shape, lattice: &str) -> Result<wgpu::ComputePipeline, RenderError> {
    let mut known = lock(&card.path_tracers);
    if let Some(pipeline) = known.get(&shape) {
        return Ok(pipeline.clone());
    }
    let device = &card.device;
    let shader = SHADER.replace("LATTICE_STEPS", lattice);
    let source = [&shape.format.shader_head(shape.pieces), VOXELS, EXACT, &shader].concat();
    let pipeline = device.checked(|| {
        let types = [UNIFORM, INPUT, INPUT, INPUT, INPUT, INPUT, INPUT, OUTPUT];
        let groups = [&shape.layout(device), &group_layout(device, "paths", &types)];
        let [pipeline] = pipelines(device, source, &groups, ["cinematic"]);
        pipeline
    })?;
    known.insert(shape, pipeline.clone());
    Ok(pipeline)
}
