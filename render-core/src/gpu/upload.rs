//! Volumes in the GPU's memory, each uploaded once and shared by all who look at it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::cut::{Bounds, Cut};
use super::device::{Device, Failure};
use super::format::{FIRST_TEXTURE, Format, SAMPLER, piece_bytes};
use super::ranges::{BrickGrid, Ranges};
use super::skip::SkipMaps;
use crate::render::RenderError;
use crate::volume::Volume;

/// Volumes kept after their last use, as long as someone holds them: more than a doctor compares
/// at a time. Memory decides earlier when it runs out.
const MAX_VOLUMES: usize = 16;

/// A volume that found no room is tried again, when it was asked for this often: other programs, and those that drew
/// others meanwhile, may have given theirs back. Each try throws all others out.
const TRY_AGAIN: u32 = 500;

/// Voxels are sent in portions of about this size, because each is held twice on its way.
const PORTION_BYTES: u64 = 64 << 20;

/// Textures of a volume: WebGPU promises 16 for all purposes.
const MAX_PIECES: u32 = 12;

/// A volume in the GPU's memory.
#[derive(Debug)]
pub(super) struct Uploaded {
    pub(super) shape: Shape,
    pub(super) bind_group: wgpu::BindGroup,
    pub(super) ranges: Ranges,
    pub(super) skip_maps: SkipMaps,
}

/// What the programs that read a volume depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Shape {
    pub(super) format: Format,
    pub(super) pieces: u32,
}

impl Shape {
    /// The layout of the volume's bind group.
    pub(super) fn layout(self, device: &Device) -> wgpu::BindGroupLayout {
        let entry = |binding, ty| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty,
            count: None,
        };
        let mut entries = vec![entry(0, super::layout::UNIFORM)];
        if self.format.is_filterable() {
            let sampler = wgpu::BindingType::Sampler(wgpu::SamplerBindingType::Filtering);
            entries.push(entry(SAMPLER, sampler));
        }
        let voxels = wgpu::BindingType::Texture {
            sample_type: self.format.sample_type(),
            view_dimension: wgpu::TextureViewDimension::D3,
            multisampled: false,
        };
        entries.extend((0..self.pieces).map(|i| entry(FIRST_TEXTURE + i, voxels)));
        device.raw.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("volume"),
            entries: &entries,
        })
    }
}

/// What a volume takes on a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) cut: Cut,
    pub(super) format: Format,
    pub(super) bricks: BrickGrid,
    /// All that stays in the card's memory as long as the volume is shown.
    pub(super) bytes: u64,
}

impl Plan {
    /// Works out how to store a volume, before anything is allocated.
    pub(super) fn new(volume: &Volume, device: &Device) -> Result<Self, RenderError> {
        let format = Format::of(volume.voxels(), device.raw.features());
        Self::of_grid(volume.geometry().dims(), format, volume.voxels().byte_len(), device)
    }

    /// The same of voxels that are not there yet; so many bytes outside the card.
    pub(super) fn of_grid(
        dims: [u32; 3],
        format: Format,
        byte_len: usize,
        device: &Device,
    ) -> Result<Self, RenderError> {
        let limits = device.raw.limits();
        let bounds = Bounds {
            edge: limits.max_texture_dimension_3d,
            // No limit on textures is known; drivers limit allocations of all kinds alike.
            bytes: limits.max_buffer_size,
            pieces: MAX_PIECES.min(limits.max_sampled_textures_per_shader_stage.saturating_sub(5)),
        };
        let cut = Cut::plan(dims, format.bytes_per_voxel(), bounds).map_err(|pieces| {
            too_large(
                byte_len,
                format!(
                    "it would take {} textures of at most {} voxels an edge and {} MiB, and {} are possible",
                    if pieces == u32::MAX { "very many".into() } else { pieces.to_string() },
                    bounds.edge,
                    bounds.bytes >> 20,
                    bounds.pieces,
                ),
            )
        })?;
        let storage = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
        let bricks = BrickGrid::within(dims, storage);
        let bytes = cut.voxel_count() * format.bytes_per_voxel() + bricks.bytes();
        Ok(Self { cut, format, bricks, bytes })
    }
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

/// The first user uploads the volume; the others wait for the lock meanwhile.
type Slot = Arc<Mutex<State>>;

#[derive(Debug, Default)]
enum State {
    #[default]
    NotHere,
    Here(Arc<Uploaded>),
    /// The card had no room, even without the other volumes; asked for so many times since.
    Refused(u32),
}

impl State {
    /// Whether to bring the volume to the card, with the room of all others if it must be.
    fn is_to_be_tried(&mut self) -> bool {
        let Self::Refused(asked) = self else { return true };
        *asked += 1;
        asked.is_multiple_of(TRY_AGAIN)
    }
}

impl Uploads {
    /// The volume in the GPU's memory, uploaded if need be.
    #[expect(
        clippy::await_holding_lock,
        reason = "a thread blocks while it waits for the GPU, as it is to; browsers have one thread, which draws one picture at a time"
    )]
    pub(super) async fn get(
        &self,
        device: &Device,
        volume: &Arc<Volume>,
        cancel: &AtomicBool,
    ) -> Result<Arc<Uploaded>, RenderError> {
        let slot = self.slot(volume);
        let mut slot = lock(&slot);
        if let State::Here(uploaded) = &*slot {
            return Ok(Arc::clone(uploaded));
        }
        let plan = Plan::new(volume, device)?;
        let is_tried = slot.is_to_be_tried();
        let mut uploaded = match is_tried {
            true => upload(device, &plan, volume, cancel).await,
            false => Err(UploadError::OutOfMemory),
        };
        if is_tried && matches!(uploaded, Err(UploadError::OutOfMemory)) {
            self.forget_others(volume);
            // The memory of what was forgotten comes back when the GPU has finished with it.
            device.finish(cancel).await?;
            uploaded = upload(device, &plan, volume, cancel).await;
        }
        match uploaded {
            Ok(uploaded) => {
                let uploaded = Arc::new(uploaded);
                *slot = State::Here(Arc::clone(&uploaded));
                Ok(uploaded)
            }
            Err(UploadError::OutOfMemory) => {
                if is_tried {
                    *slot = State::Refused(0);
                }
                let reason = format!("it takes {} MiB there, more than is free", plan.bytes >> 20);
                Err(too_large(volume.voxels().byte_len(), reason))
            }
            Err(UploadError::Other(error)) => Err(error),
        }
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

    /// What was refused takes no room, and is remembered: two of them would make each other be tried again and again.
    fn forget_others(&self, volume: &Arc<Volume>) {
        lock(&self.entries).retain(|entry| {
            // One that is locked is on its way to the card, or there.
            let is_refused = || entry.slot.try_lock().is_ok_and(|state| matches!(*state, State::Refused(_)));
            entry.volume.as_ptr() == Arc::as_ptr(volume) || is_refused()
        });
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        lock(&self.entries).iter().filter(|entry| matches!(*lock(&entry.slot), State::Here(_))).count()
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

fn too_large(byte_len: usize, reason: String) -> RenderError {
    RenderError::VolumeTooLarge { mib: (byte_len >> 20) as u64, reason }
}

/// `Grid` of the shaders.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
struct Grid {
    last_voxel: [f32; 4],
    piece_cells: [u32; 4],
    piece_counts: [u32; 4],
    brick_dims: [u32; 4],
    block_dims: [u32; 4],
    rescale_slope: f32,
    rescale_intercept: f32,
    padding: [u32; 2],
}

impl Grid {
    fn new(volume: &Volume, plan: &Plan) -> Self {
        let padded = |[x, y, z]: [u32; 3], w| [x, y, z, w];
        let [nx, ny, nz] = volume.geometry().dims().map(|n| (n - 1) as f32);
        Self {
            last_voxel: [nx, ny, nz, 0.0],
            piece_cells: padded(plan.cut.cells, 0),
            piece_counts: padded(plan.cut.counts, 0),
            brick_dims: padded(plan.bricks.dims, plan.bricks.bits),
            block_dims: padded(plan.bricks.block_dims(), 0),
            rescale_slope: volume.rescale().slope,
            rescale_intercept: volume.rescale().intercept,
            padding: [0; 2],
        }
    }
}

async fn upload(
    device: &Device,
    plan: &Plan,
    volume: &Volume,
    cancel: &AtomicBool,
) -> Result<Uploaded, UploadError> {
    let (format, cut) = (plan.format, &plan.cut);
    let textures =
        device.checked(|| cut.pieces().map(|piece| texture(device, format, piece.size)).collect())?;
    let textures: Vec<wgpu::Texture> = textures;
    let ranges = device.checked(|| Ranges::allocate(device, plan.bricks))?;
    for (piece, texture) in cut.pieces().zip(&textures) {
        let [width, height, depth] = piece.size;
        let slice_bytes = u64::from(width) * u64::from(height) * format.bytes_per_voxel();
        let portion_bytes = PORTION_BYTES.min(device.raw.limits().max_buffer_size / 2);
        let portion = ((portion_bytes / slice_bytes).max(1) as u32).min(depth);
        for first in (0..depth).step_by(portion as usize) {
            if cancel.load(Ordering::Relaxed) {
                return Err(RenderError::Cancelled.into());
            }
            let slices = first..(first + portion).min(depth);
            let count = slices.len() as u32;
            let bytes = piece_bytes(volume.voxels(), format, cut, &piece, slices);
            device.checked(|| {
                device.queue.write_texture(
                    wgpu::TexelCopyTextureInfo {
                        texture,
                        mip_level: 0,
                        origin: wgpu::Origin3d { x: 0, y: 0, z: first },
                        aspect: wgpu::TextureAspect::All,
                    },
                    &bytes,
                    wgpu::TexelCopyBufferLayout {
                        offset: 0,
                        bytes_per_row: Some(width * format.bytes_per_voxel() as u32),
                        rows_per_image: Some(height),
                    },
                    wgpu::Extent3d { width, height, depth_or_array_layers: count },
                );
            })?;
            device.finish(cancel).await?;
        }
    }

    let shape = Shape { format, pieces: cut.len() };
    let (layout, bind_group) = device.checked(|| {
        let layout = shape.layout(device);
        let bind_group = bind(device, &layout, &Grid::new(volume, plan), format, &textures);
        (layout, bind_group)
    })?;
    ranges.fill(device, shape, &layout, &bind_group, cancel).await?;
    Ok(Uploaded { shape, bind_group, ranges, skip_maps: SkipMaps::default() })
}

fn texture(device: &Device, format: Format, [width, height, depth]: [u32; 3]) -> wgpu::Texture {
    device.raw.create_texture(&wgpu::TextureDescriptor {
        label: Some("voxels"),
        size: wgpu::Extent3d { width, height, depth_or_array_layers: depth },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D3,
        format: format.texture(),
        usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
        view_formats: &[],
    })
}

fn bind(
    device: &Device,
    layout: &wgpu::BindGroupLayout,
    grid: &Grid,
    format: Format,
    textures: &[wgpu::Texture],
) -> wgpu::BindGroup {
    let uniform = device.raw.create_buffer(&wgpu::BufferDescriptor {
        label: Some("grid"),
        size: size_of::<Grid>() as u64,
        usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    device.queue.write_buffer(&uniform, 0, bytemuck::bytes_of(grid));
    // Beyond the outermost voxel centres the edge value holds, as it does in the exact path.
    let sampler = device.raw.create_sampler(&wgpu::SamplerDescriptor {
        label: Some("linear"),
        mag_filter: wgpu::FilterMode::Linear,
        min_filter: wgpu::FilterMode::Linear,
        ..Default::default()
    });
    let views: Vec<_> = textures.iter().map(|texture| texture.create_view(&Default::default())).collect();
    let mut entries = vec![wgpu::BindGroupEntry { binding: 0, resource: uniform.as_entire_binding() }];
    if format.is_filterable() {
        let resource = wgpu::BindingResource::Sampler(&sampler);
        entries.push(wgpu::BindGroupEntry { binding: SAMPLER, resource });
    }
    entries.extend(views.iter().zip(FIRST_TEXTURE..).map(|(view, binding)| wgpu::BindGroupEntry {
        binding,
        resource: wgpu::BindingResource::TextureView(view),
    }));
    device.raw.create_bind_group(&wgpu::BindGroupDescriptor {
        label: Some("volume"),
        layout,
        entries: &entries,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_volume_is_seldom_tried_again() {
        assert!(State::NotHere.is_to_be_tried());
        let mut refused = State::Refused(0);
        let tried: Vec<_> = (1..=2 * TRY_AGAIN).filter(|_| refused.is_to_be_tried()).collect();
        assert_eq!(tried, [TRY_AGAIN, 2 * TRY_AGAIN]);
    }

    #[test]
    fn what_was_refused_stays_so_while_others_are_thrown_out() {
        let (uploads, volumes) =
            (Uploads::default(), [(); 3].map(|()| Arc::new(super::super::open::test_volume())));
        *lock(&uploads.slot(&volumes[0])) = State::Refused(7);
        uploads.slot(&volumes[1]);
        uploads.slot(&volumes[2]);
        uploads.forget_others(&volumes[2]);
        assert_eq!(lock(&uploads.entries).len(), 2);
        assert!(matches!(*lock(&uploads.slot(&volumes[0])), State::Refused(7)));
    }
}
