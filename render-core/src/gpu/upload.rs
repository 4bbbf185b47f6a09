//! Volumes in the GPU's memory, each uploaded once and shared by all who look at it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::device::{Device, Failure};
use crate::render::RenderError;
use crate::volume::{Volume, Voxels};

/// Volumes kept after their last use, as long as someone holds them: more than a doctor compares
/// at a time. Memory decides earlier when it runs out.
const MAX_VOLUMES: usize = 16;

/// Voxels are sent in pieces of about this size, because each piece is held twice on its way.
const PIECE_BYTES: usize = 64 << 20;

/// The type that voxels load as in a shader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Stored {
    Signed,
    Unsigned,
    Float,
}

impl Stored {
    pub(super) const ALL: [Self; 3] = [Self::Signed, Self::Unsigned, Self::Float];

    pub(super) fn sample_type(self) -> wgpu::TextureSampleType {
        match self {
            Self::Signed => wgpu::TextureSampleType::Sint,
            Self::Unsigned => wgpu::TextureSampleType::Uint,
            Self::Float => wgpu::TextureSampleType::Float { filterable: false },
        }
    }
}

/// A volume in the GPU's memory.
#[derive(Debug)]
pub(super) struct Uploaded {
    pub(super) stored: Stored,
    pub(super) bind_group: wgpu::BindGroup,
    /// Bricks along columns, rows, slices.
    pub(super) brick_dims: [u32; 3],
}

/// The uploaded volumes, least recently used first.
#[derive(Debug, Default)]
pub(super) struct Uploads {
    entries: Mutex<Vec<Entry>>,
}

#[derive(Debug)]
struct Entry {
    /// A `Weak` keeps the address from being reused, so equal addresses mean the same volume.
    volume: Weak<Volume>,
    slot: Slot,
}

/// Empty until the first user has uploaded the volume; the others wait for the lock meanwhile.
type Slot = Arc<Mutex<Option<Arc<Uploaded>>>>;

impl Uploads {
    /// The volume in the GPU's memory, uploaded if need be.
    pub(super) fn get(
        &self,
        device: &Device,
        layouts: &[wgpu::BindGroupLayout; 3],
        volume: &Arc<Volume>,
        cancel: &AtomicBool,
    ) -> Result<Arc<Uploaded>, RenderError> {
        let slot = self.slot(volume);
        let mut slot = lock(&slot);
        if let Some(uploaded) = &*slot {
            return Ok(Arc::clone(uploaded));
        }
        let uploaded = match upload(device, layouts, volume, cancel) {
            Err(UploadError::OutOfMemory) => {
                self.forget_others(volume);
                // The memory of what was forgotten comes back when the GPU has finished with it.
                device.finish(cancel)?;
                upload(device, layouts, volume, cancel)
            }
            other => other,
        };
        let uploaded = Arc::new(uploaded.map_err(|error| match error {
            UploadError::OutOfMemory => too_large(volume, "it has too little free memory"),
            UploadError::Other(error) => error,
        })?);
        *slot = Some(Arc::clone(&uploaded));
        Ok(uploaded)
    }

    fn slot(&self, volume: &Arc<Volume>) -> Slot {
        let mut entries = lock(&self.entries);
        entries.retain(|entry| entry.volume.strong_count() > 0);
        let known = entries.iter().position(|entry| entry.volume.as_ptr() == Arc::as_ptr(volume));
        let entry = match known {
            Some(index) => entries.remove(index),
            None => Entry { volume: Arc::downgrade(volume), slot: Slot::default() },
        };
        let slot = Arc::clone(&entry.slot);
        if entries.len() >= MAX_VOLUMES {
            entries.remove(0);
        }
        entries.push(entry);
        slot
    }

    fn forget_others(&self, volume: &Arc<Volume>) {
        lock(&self.entries).retain(|entry| entry.volume.as_ptr() == Arc::as_ptr(volume));
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        lock(&self.entries).iter().filter(|entry| lock(&entry.slot).is_some()).count()
    }
}

/// What the mutexes here guard stays valid when a thread panics while it holds one.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

enum UploadError {
    OutOfMemory,
    Other(RenderError),
}

impl From<Failure> for UploadError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::OutOfMemory => Self::OutOfMemory,
            Failure::Other(text) => Self::Other(RenderError::Gpu(text)),
        }
    }
}

impl From<RenderError> for UploadError {
    fn from(error: RenderError) -> Self {
        Self::Other(error)
    }
}

fn too_large(volume: &Volume, reason: &'static str) -> RenderError {
    RenderError::VolumeTooLarge { mib: (volume.voxels().byte_len() >> 20) as u64, reason }
}

fn upload(
    device: &Device,
    layouts: &[wgpu::BindGroupLayout; 3],
    volume: &Volume,
    cancel: &AtomicBool,
) -> Result<Uploaded, UploadError> {
    let limits = device.raw.limits();
    let [columns, rows, slices] = volume.geometry().dims();
    if [columns, rows, slices].iter().any(|&n| n > limits.max_texture_dimension_3d) {
        return Err(too_large(volume, "one of its axes is longer than the card allows").into());
    }
    let ranges = brick_ranges(volume);
    let range_bytes = size_of_val(&ranges[..]) as u64;
    if range_bytes > limits.max_storage_buffer_binding_size.min(limits.max_buffer_size) {
        return Err(too_large(volume, "it has too many bricks").into());
    }
    let (stored, format, bytes): (_, _, &[u8]) = match volume.voxels() {
        Voxels::U8(v) => (Stored::Unsigned, wgpu::TextureFormat::R8Uint, v),
        Voxels::U16(v) => (Stored::Unsigned, wgpu::TextureFormat::R16Uint, bytemuck::cast_slice(v)),
        Voxels::I16(v) => (Stored::Signed, wgpu::TextureFormat::R16Sint, bytemuck::cast_slice(v)),
        Voxels::F32(v) => (Stored::Float, wgpu::TextureFormat::R32Float, bytemuck::cast_slice(v)),
    };
    let (texture, bricks) = device.checked(|| {
        let texture = device.raw.create_texture(&wgpu::TextureDescriptor {
            label: Some("voxels"),
            size: wgpu::Extent3d { width: columns, height: rows, depth_or_array_layers: slices },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D3,
            format,
            usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
            view_formats: &[],
        });
        let bricks = device.raw.create_buffer(&wgpu::BufferDescriptor {
            label: Some("bricks"),
            size: range_bytes,
            usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        (texture, bricks)
    })?;
    device.checked(|| device.queue.write_buffer(&bricks, 0, bytemuck::cast_slice(&ranges)))?;

    let slice_bytes = bytes.len() / slices as usize;
    let slices_per_piece = (PIECE_BYTES / slice_bytes).max(1);
    for (piece, data) in bytes.chunks(slices_per_piece * slice_bytes).enumerate() {
        if cancel.load(Ordering::Relaxed) {
            return Err(RenderError::Cancelled.into());
        }
        device.checked(|| {
            device.queue.write_texture(
                wgpu::TexelCopyTextureInfo {
                    texture: &texture,
                    mip_level: 0,
                    origin: wgpu::Origin3d { x: 0, y: 0, z: (piece * slices_per_piece) as u32 },
                    aspect: wgpu::TextureAspect::All,
                },
                data,
                wgpu::TexelCopyBufferLayout {
                    offset: 0,
                    bytes_per_row: Some((slice_bytes / rows as usize) as u32),
                    rows_per_image: Some(rows),
                },
                wgpu::Extent3d {
                    width: columns,
                    height: rows,
                    depth_or_array_layers: (data.len() / slice_bytes) as u32,
                },
            );
        })?;
        device.finish(cancel)?;
    }

    let bind_group = device.checked(|| {
        device.raw.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("volume"),
            layout: &layouts[stored as usize],
            entries: &[
                wgpu::BindGroupEntry {
                    binding: 0,
                    resource: wgpu::BindingResource::TextureView(&texture.create_view(&Default::default())),
                },
                wgpu::BindGroupEntry { binding: 1, resource: bricks.as_entire_binding() },
            ],
        })
    })?;
    let brick_dims = volume.bricks().dims().map(|n| n as u32);
    Ok(Uploaded { stored, bind_group, brick_dims })
}

/// (minimum, maximum) rescaled value per brick.
fn brick_ranges(volume: &Volume) -> Vec<[f32; 2]> {
    let rescale = volume.rescale();
    let rescaled = |&(low, high): &(f32, f32)| {
        let (a, b) = (rescale.apply(low), rescale.apply(high));
        [a.min(b), a.max(b)]
    };
    volume.bricks().ranges().iter().map(rescaled).collect()
}
