//! Rendering on a GPU through wgpu: Vulkan, Metal or Direct3D 12.
//!
//! A compute shader casts one ray per pixel and reads voxels as they are stored, without a texture
//! filter, so its pictures agree with the CPU's. A picture is drawn in submissions short enough
//! that a slow GPU neither trips its driver's watchdog nor keeps a cancelled picture going.

mod adapter;
mod device;
mod open;
mod raycast;
mod upload;

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub use adapter::{AdapterInfo, adapters};
pub(crate) use open::open;

use crate::frame::{Frame, ValueImage};
use crate::render::{Backend, Feature, Mode, RenderError, RenderParams, refuse};
use crate::volume::Volume;
use device::Device;
use raycast::{MAX_BATCH, Output, Program, RayCaster, Target, Uniform};
use upload::{Uploaded, Uploads, lock};

/// Pixels of the first submission, and of the smallest that a slow GPU is brought down to: some
/// 50 ms of work for an emulated one.
const MIN_BATCH: u32 = 64 << 10;

/// A submission that is done sooner than this may be larger, and one that takes longer than that
/// should be smaller: drivers kill work that takes seconds, and cancelling should feel immediate.
const QUICK: Duration = Duration::from_millis(20);
const SLOW: Duration = Duration::from_millis(100);

/// Sets of buffers kept for the next picture; as many threads render without allocating.
const MAX_TARGETS: usize = 4;

/// What pictures may not need.
const LACKS: &[Feature] = &Feature::ALL;

#[derive(Debug)]
pub(crate) struct Gpu {
    device: Device,
    caster: RayCaster,
    uploads: Uploads,
    targets: Mutex<Vec<Target>>,
    /// Pixels per submission by `Program`, following how fast the GPU proves to be.
    batch: [AtomicU32; 4],
}

impl Gpu {
    fn new(adapter: &wgpu::Adapter) -> Result<Self, RenderError> {
        let device = Device::open(adapter)?;
        let caster = RayCaster::new(&device)?;
        Ok(Self {
            device,
            caster,
            uploads: Uploads::default(),
            targets: Mutex::default(),
            batch: std::array::from_fn(|_| AtomicU32::new(MIN_BATCH)),
        })
    }

    /// Draws a picture and hands its pixels, 4 bytes each, to `take`, from the top.
    fn draw(
        &self,
        volume: &Arc<Volume>,
        params: &RenderParams,
        output: Output,
        cancel: &AtomicBool,
        take: &mut dyn FnMut(&[u8]),
    ) -> Result<(), RenderError> {
        refuse(LACKS, params)?;
        self.device.guard(|| {
            let uploaded = self.uploads.get(&self.device, &self.caster.volume_layouts, volume, cancel)?;
            let pooled = lock(&self.targets).pop();
            let target = match pooled {
                Some(target) => target,
                None => self.caster.target(&self.device)?,
            };
            let uniform = Uniform::new(volume, &uploaded, params, output);
            self.draw_in_batches(&uploaded, &target, params, uniform, cancel, take)?;
            // Only after a success is it certain that the GPU no longer writes to the buffers.
            let mut targets = lock(&self.targets);
            if targets.len() < MAX_TARGETS {
                targets.push(target);
            }
            Ok(())
        })
    }

    fn draw_in_batches(
        &self,
        uploaded: &Uploaded,
        target: &Target,
        params: &RenderParams,
        mut uniform: Uniform,
        cancel: &AtomicBool,
        take: &mut dyn FnMut(&[u8]),
    ) -> Result<(), RenderError> {
        if let Mode::Volume { transfer, .. } = &params.mode {
            target.set_transfer(&self.device, transfer)?;
        }
        let program = Program::of(&params.mode);
        let pipeline = self.caster.pipeline(&self.device, uploaded.stored, program)?;
        let batch = &self.batch[program as usize];
        let [width, height] = params.size;
        let mut row = 0;
        while row < height {
            if cancel.load(Ordering::Relaxed) {
                return Err(RenderError::Cancelled);
            }
            let pixels = batch.load(Ordering::Relaxed);
            let rows = (pixels / width).clamp(1, height - row);
            uniform.set_rows(row, rows);
            self.device.checked(|| raycast::draw(&self.device, &pipeline, uploaded, target, &uniform))?;
            let waited = self.read(target, u64::from(width * rows) * 4, cancel, take)?;
            // A picture that ends early says nothing about a whole batch.
            if waited < QUICK && width * rows > pixels / 2 {
                batch.store((pixels * 2).min(MAX_BATCH), Ordering::Relaxed);
            } else if waited > SLOW {
                batch.store((pixels / 2).max(MIN_BATCH), Ordering::Relaxed);
            }
            row += rows;
        }
        Ok(())
    }

    /// Waits for what a submission copies out, and reads it. Returns how long the GPU took.
    fn read(
        &self,
        target: &Target,
        bytes: u64,
        cancel: &AtomicBool,
        take: &mut dyn FnMut(&[u8]),
    ) -> Result<Duration, RenderError> {
        let failed =
            |error: &dyn std::fmt::Display| RenderError::Gpu(format!("reading the picture: {error}"));
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        let slice = target.readback.slice(..bytes);
        self.device.checked(|| {
            slice.map_async(wgpu::MapMode::Read, move |result| {
                // Without a receiver nobody waits any more.
                let _ = sender.send(result);
            });
        })?;
        let (mapped, waited) = self.device.wait(&receiver, cancel)?;
        mapped.map_err(|e| failed(&e))?;
        take(&slice.get_mapped_range().map_err(|e| failed(&e))?);
        target.readback.unmap();
        Ok(waited)
    }
}

impl Backend for Gpu {
    fn render(
        &self,
        volume: &Arc<Volume>,
        params: &RenderParams,
        cancel: &AtomicBool,
    ) -> Result<Frame, RenderError> {
        let mut pixels = Vec::with_capacity(pixel_count(params) * 4);
        self.draw(volume, params, Output::Color, cancel, &mut |bytes| pixels.extend_from_slice(bytes))?;
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
        let mut values = Vec::with_capacity(pixel_count(params));
        self.draw(volume, params, Output::Value, cancel, &mut |bytes| {
            values.extend(bytemuck::pod_collect_to_vec::<u8, f32>(bytes));
        })?;
        Ok(ValueImage { size: params.size, values })
    }
}

fn pixel_count(params: &RenderParams) -> usize {
    params.size[0] as usize * params.size[1] as usize
}
