//! Layers on the card: other volumes shown with the first.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};

use super::device::Device;
use super::layout::{INPUT, UNIFORM, filled_buffer, group, group_layout, new_buffer};
use super::upload::lock;
use crate::render::{Layer, LayerLook, RenderError};
use crate::scene::layer::MAX_LAYERS;
use crate::volume::Volume;

/// Volumes kept for the next picture.
const MAX_KEPT: usize = 8;

/// Slices are sent in portions of about so many values.
const PORTION: usize = 8 << 20;

/// `Layer` of the shader.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
struct LayerUniform {
    layer_from_voxel: [[f32; 4]; 3],
    last_voxel: [f32; 4],
    table_low: f32,
    table_scale: f32,
    opacity: f32,
    first_color: u32,
    label_count: u32,
    padding: [u32; 3],
}

/// `Layers` of the shader.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
struct Uniform {
    list: [LayerUniform; MAX_LAYERS],
    count: u32,
    padding: [u32; 3],
}

// The shader names four textures.
const _: () = assert!(MAX_LAYERS == 4);

/// Layers' volumes as textures of rescaled values, one texture each.
#[derive(Debug)]
pub(super) struct LayerStore {
    pub(super) layout: wgpu::BindGroupLayout,
    kept: Mutex<Vec<(Weak<Volume>, wgpu::TextureView)>>,
    nothing: wgpu::TextureView,
}

impl LayerStore {
    pub(super) fn new(device: &Device) -> Self {
        let texture = wgpu::BindingType::Texture {
            sample_type: wgpu::TextureSampleType::Float { filterable: false },
            view_dimension: wgpu::TextureViewDimension::D3,
            multisampled: false,
        };
        let types = [UNIFORM, INPUT, texture, texture, texture, texture];
        let nothing = texture_of(device, [1; 3]).create_view(&Default::default());
        Self { layout: group_layout(device, "layers", &types), kept: Mutex::default(), nothing }
    }

    /// What a picture with layers reads of them; their volumes are uploaded if need be.
    pub(super) async fn bind(
        &self,
        device: &Device,
        layers: &[Layer],
        cancel: &AtomicBool,
    ) -> Result<wgpu::BindGroup, RenderError> {
        let layers = &layers[..layers.len().min(MAX_LAYERS)];
        let mut uniform: Uniform = bytemuck::Zeroable::zeroed();
        uniform.count = layers.len() as u32;
        let mut colors: Vec<[f32; 4]> = Vec::new();
        let mut views = std::array::from_fn::<_, MAX_LAYERS, _>(|_| self.nothing.clone());
        for (i, layer) in layers.iter().enumerate() {
            views[i] = self.view(device, &layer.volume, cancel).await?;
            let [x, y, z] = layer.volume.geometry().dims().map(|n| (n - 1) as f32);
            let ours = &mut uniform.list[i];
            ours.layer_from_voxel = layer.layer_from_voxel;
            ours.last_voxel = [x, y, z, 0.0];
            ours.opacity = layer.opacity;
            ours.first_color = colors.len() as u32;
            match &layer.look {
                LayerLook::Values(table) => {
                    (ours.table_low, ours.table_scale) = (table.low, table.scale);
                    colors.extend(&table.rgba);
                }
                LayerLook::Labels(labels) if labels.is_empty() => {
                    (ours.label_count, ours.opacity) = (1, 0.0);
                    colors.push([0.0; 4]);
                }
                LayerLook::Labels(labels) => {
                    ours.label_count = labels.len() as u32;
                    colors.extend(labels.iter());
                }
            }
        }
        if colors.is_empty() {
            colors.push([0.0; 4]);
        }
        let group = device.checked(|| {
            let usage = wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST;
            let buffer = new_buffer(device, "layers", size_of::<Uniform>() as u64, usage);
            device.queue.write_buffer(&buffer, 0, bytemuck::bytes_of(&uniform));
            let colors = filled_buffer(device, "layer colors", bytemuck::cast_slice(&colors));
            let mut resources = vec![buffer.as_entire_binding(), colors.as_entire_binding()];
            resources.extend(views.iter().map(wgpu::BindingResource::TextureView));
            group(device, &self.layout, &resources)
        })?;
        Ok(group)
    }

    #[expect(clippy::await_holding_lock, reason = "see `Uploads::get`")]
    async fn view(
        &self,
        device: &Device,
        volume: &Arc<Volume>,
        cancel: &AtomicBool,
    ) -> Result<wgpu::TextureView, RenderError> {
        let mut kept = lock(&self.kept);
        kept.retain(|(volume, _)| volume.strong_count() > 0);
        if let Some((_, view)) = kept.iter().find(|(known, _)| known.as_ptr() == Arc::as_ptr(volume)) {
            return Ok(view.clone());
        }
        let view = upload(device, volume, cancel).await?;
        if kept.len() >= MAX_KEPT {
            kept.remove(0);
        }
        kept.push((Arc::downgrade(volume), view.clone()));
        Ok(view)
    }
}

async fn upload(
    device: &Device,
    volume: &Volume,
    cancel: &AtomicBool,
) -> Result<wgpu::TextureView, RenderError> {
    let [columns, rows, slices] = volume.geometry().dims();
    let limits = device.raw.limits();
    let bytes = volume.voxels().len() as u64 * 4;
    let edge = limits.max_texture_dimension_3d;
    if [columns, rows, slices].iter().any(|&n| n > edge) || bytes > limits.max_buffer_size {
        let reason = format!(
            "as a layer it would take one texture of {columns}x{rows}x{slices} voxels and {} MiB, and {edge} \
             voxels an edge and {} MiB are possible",
            bytes >> 20,
            limits.max_buffer_size >> 20,
        );
        let mib = (volume.voxels().byte_len() >> 20) as u64;
        return Err(RenderError::VolumeTooLarge { mib, reason });
    }
    let texture = device.checked(|| texture_of(device, [columns, rows, slices]))?;
    let plane = columns as usize * rows as usize;
    let portion = (PORTION / plane).max(1);
    for first in (0..slices as usize).step_by(portion) {
        if cancel.load(Ordering::Relaxed) {
            return Err(RenderError::Cancelled);
        }
        let count = portion.min(slices as usize - first);
        let values: Vec<f32> = (first * plane..(first + count) * plane)
            .map(|index| volume.rescale().apply(volume.voxels().get(index)))
            .collect();
        device.checked(|| {
            let layout = wgpu::TexelCopyBufferLayout {
                offset: 0,
                bytes_per_row: Some(columns * 4),
                rows_per_image: Some(rows),
            };
            let origin = wgpu::Origin3d { x: 0, y: 0, z: first as u32 };
            let to = wgpu::TexelCopyTextureInfo { origin, ..texture.as_image_copy() };
            let size = wgpu::Extent3d { width: columns, height: rows, depth_or_array_layers: count as u32 };
            device.queue.write_texture(to, bytemuck::cast_slice(&values), layout, size);
        })?;
        device.finish(cancel).await?;
    }
    Ok(texture.create_view(&Default::default()))
}

fn texture_of(device: &Device, [width, height, depth]: [u32; 3]) -> wgpu::Texture {
    device.raw.create_texture(&wgpu::TextureDescriptor {
        label: Some("layer"),
        size: wgpu::Extent3d { width, height, depth_or_array_layers: depth },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D3,
        format: wgpu::TextureFormat::R32Float,
        usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
        view_formats: &[],
    })
}
