//! One opened card: everything that is lost with its device.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::answer::answer;
use super::clock::{Clock, TIMES_BYTES, Timing};
use super::device::Device;
use super::raycast::{Key, MAX_BATCH, PIXELS_AT, Program, RayCaster, TEXTURE_ALIGNMENT, Target, encode_cast};
use super::skip::{Look, Skipper};
use super::uniform::{Output, Uniform};
use super::upload::{Shape, Uploaded, Uploads, lock};
use crate::render::{RenderError, RenderParams, Sampling};
use crate::volume::Volume;

/// Pixels of the first submission, and of the smallest that a slow GPU is brought down to: some
/// 50 ms of work for an emulated one.
const MIN_BATCH: u32 = 64 << 10;

/// A submission that is done sooner than this may be larger, and one that takes longer than that
/// should be smaller: drivers kill work that takes seconds, and cancelling should feel immediate.
const QUICK: Duration = Duration::from_millis(20);
const SLOW: Duration = Duration::from_millis(100);

/// Sets of buffers kept for the next picture; as many threads render without allocating.
const MAX_TARGETS: usize = 4;

/// Where a picture goes.
pub(super) enum Sink<'a> {
    /// Colours, 4 bytes a pixel.
    Colors(&'a mut Vec<u8>),
    Values(&'a mut Vec<f32>),
    /// Colours, without leaving the card.
    Texture(&'a wgpu::Texture),
}

#[derive(Debug)]
pub(super) struct Card {
    pub(super) device: Device,
    caster: RayCaster,
    skipper: Skipper,
    pub(super) uploads: Uploads,
    /// Compiled when first needed.
    pub(super) path_tracers: Mutex<HashMap<Shape, wgpu::ComputePipeline>>,
    targets: Mutex<Vec<Target>>,
    /// Pixels per submission by `Program`, following how fast the GPU proves to be.
    batch: [AtomicU32; Program::COUNT],
}

/// What one submission works with.
struct Work<'a> {
    uploaded: &'a Uploaded,
    target: &'a Target,
    pipeline: wgpu::ComputePipeline,
    scene: wgpu::BindGroup,
    layers: Option<wgpu::BindGroup>,
}

impl Card {
    pub(super) fn new(device: Device) -> Result<Self, RenderError> {
        let (caster, skipper) = device.checked(|| (RayCaster::new(&device), Skipper::new(&device)))?;
        Ok(Self {
            device,
            caster,
            skipper,
            uploads: Uploads::default(),
            path_tracers: Mutex::default(),
            targets: Mutex::default(),
            batch: std::array::from_fn(|_| AtomicU32::new(MIN_BATCH)),
        })
    }

    /// Draws a picture, its rows from the top. Returns what the GPU says it took, where it says so.
    pub(super) async fn draw(
        &self,
        volume: &Arc<Volume>,
        params: &RenderParams,
        mut sink: Sink<'_>,
        cancel: &AtomicBool,
    ) -> Result<Option<Timing>, RenderError> {
        self.device.healthy()?;
        let uploaded = self.uploads.get(&self.device, volume, cancel).await?;
        let pooled = lock(&self.targets).pop();
        let target = match pooled {
            Some(target) => target,
            None => self.caster.target(&self.device)?,
        };
        let timing = self.draw_in_batches(&uploaded, &target, params, &mut sink, cancel).await?;
        // Only after a success is it certain that the GPU no longer writes to the buffers.
        let mut targets = lock(&self.targets);
        if targets.len() < MAX_TARGETS {
            targets.push(target);
        }
        Ok(timing)
    }

    async fn draw_in_batches(
        &self,
        uploaded: &Uploaded,
        target: &Target,
        params: &RenderParams,
        sink: &mut Sink<'_>,
        cancel: &AtomicBool,
    ) -> Result<Option<Timing>, RenderError> {
        let device = &self.device;
        target.set_tables(device, params)?;
        let mut encoder = device.raw.create_command_encoder(&Default::default());
        let mut new_map = None;
        let distances = Look::of(&params.mode)
            .map(|look| {
                uploaded.skip_maps.find(&look).map_or_else(
                    || {
                        let clock = target.clock.as_ref();
                        let map = device.checked(|| {
                            self.skipper.encode(device, &mut encoder, &uploaded.ranges, &look, clock)
                        })?;
                        new_map = Some((look, map.clone()));
                        Ok(map)
                    },
                    Ok::<_, RenderError>,
                )
            })
            .transpose()?;
        let illumination = params.illumination.as_ref();
        let scene =
            device.checked(|| self.caster.scene(device, uploaded, distances.as_ref(), illumination))?;
        let layered = !params.layers.is_empty();
        let layers = match layered {
            true => Some(self.caster.layers.bind(device, &params.layers, cancel).await?),
            false => None,
        };
        let program = Program::of(&params.mode);
        let output = if matches!(sink, Sink::Values(_)) { Output::Value } else { Output::Color };
        // Doctors read values off slices.
        let fast = params.sampling == Sampling::Fast
            && output == Output::Color
            && program != Program::Slice
            && uploaded.shape.format.is_filterable();
        let pipeline = self.caster.pipeline(device, Key { shape: uploaded.shape, program, fast, layered })?;
        let work = Work { uploaded, target, pipeline, scene, layers };

        let batch = &self.batch[program as usize];
        let [width, height] = params.size;
        let stride = match sink {
            Sink::Texture(_) => width.next_multiple_of(TEXTURE_ALIGNMENT),
            _ => width,
        };
        let mut uniform = Uniform::new(params, output, stride);
        let mut timing = Timing::default();
        let mut row = 0;
        while row < height {
            if cancel.load(Ordering::Relaxed) {
                return Err(RenderError::Cancelled);
            }
            let pixels = batch.load(Ordering::Relaxed);
            let rows = (pixels / stride).clamp(1, height - row);
            uniform.set_rows(row, rows);
            device.queue.write_buffer(&target.uniform, 0, bytemuck::bytes_of(&uniform));
            let skipped = new_map.is_some();
            self.submit(encoder, &work, sink, [width, stride], row..row + rows, skipped)?;
            if let Some((look, map)) = new_map.take() {
                uploaded.skip_maps.keep(look, map);
            }
            let bytes = u64::from(width * rows) * 4;
            let waited = self.read(target, sink, bytes, skipped, &mut timing, cancel).await?;
            // A picture that ends early says nothing about a whole batch.
            if waited < QUICK && stride * rows > pixels / 2 {
                batch.store((pixels * 2).min(MAX_BATCH), Ordering::Relaxed);
            } else if waited > SLOW {
                batch.store((pixels / 2).max(MIN_BATCH), Ordering::Relaxed);
            }
            row += rows;
            encoder = device.raw.create_command_encoder(&Default::default());
        }
        Ok(target.clock.is_some().then_some(timing))
    }

    /// Casts the rays of some rows and copies the pixels to where they belong.
    fn submit(
        &self,
        mut encoder: wgpu::CommandEncoder,
        work: &Work<'_>,
        sink: &Sink<'_>,
        [width, stride]: [u32; 2],
        rows: std::ops::Range<u32>,
        skipped: bool,
    ) -> Result<(), RenderError> {
        let target = work.target;
        let count = rows.end - rows.start;
        self.device.checked(|| {
            encode_cast(
                &mut encoder,
                &work.pipeline,
                work.uploaded,
                target,
                &work.scene,
                work.layers.as_ref(),
                [width, count],
            );
            if let Some(clock) = &target.clock {
                clock.encode(&mut encoder, &target.readback, skipped);
            }
            if let Sink::Texture(texture) = sink {
                let layout = wgpu::TexelCopyBufferLayout {
                    offset: 0,
                    bytes_per_row: Some(stride * 4),
                    rows_per_image: None,
                };
                let origin = wgpu::Origin3d { x: 0, y: rows.start, z: 0 };
                encoder.copy_buffer_to_texture(
                    wgpu::TexelCopyBufferInfo { buffer: &target.picture, layout },
                    wgpu::TexelCopyTextureInfo { origin, ..texture.as_image_copy() },
                    wgpu::Extent3d { width, height: count, depth_or_array_layers: 1 },
                );
            } else {
                let bytes = u64::from(width * count) * 4;
                encoder.copy_buffer_to_buffer(&target.picture, 0, &target.readback, PIXELS_AT, bytes);
            }
            self.device.queue.submit([encoder.finish()]);
        })?;
        Ok(())
    }

    /// Waits for what a submission copies out, and reads it. Returns how long the GPU took.
    async fn read(
        &self,
        target: &Target,
        sink: &mut Sink<'_>,
        pixel_bytes: u64,
        skipped: bool,
        timing: &mut Timing,
        cancel: &AtomicBool,
    ) -> Result<Duration, RenderError> {
        let failed =
            |error: &dyn std::fmt::Display| RenderError::Gpu(format!("reading the picture: {error}"));
        let (question, answer) = answer();
        let bytes = if matches!(sink, Sink::Texture(_)) { 0 } else { pixel_bytes };
        let slice = target.readback.slice(..PIXELS_AT + bytes);
        self.device.checked(|| {
            slice.map_async(wgpu::MapMode::Read, move |result| question.send(result));
        })?;
        let (mapped, waited) = self.device.wait(answer, cancel).await?;
        mapped.map_err(|e| failed(&e))?;
        {
            let bytes = slice.get_mapped_range().map_err(|e| failed(&e))?;
            let (header, pixels) = bytes.split_at(PIXELS_AT as usize);
            if let Some(clock) = &target.clock {
                Clock::read(clock, &header[..TIMES_BYTES as usize], skipped, timing);
            }
            match sink {
                Sink::Colors(colors) => colors.extend_from_slice(pixels),
                Sink::Values(values) => values.extend(bytemuck::pod_collect_to_vec::<u8, f32>(pixels)),
                Sink::Texture(_) => {}
            }
        }
        target.readback.unmap();
        Ok(waited)
    }
}
