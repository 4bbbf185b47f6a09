//! Pipelines and buffers of the ray caster in `shaders/raycast.wgsl`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};

use super::clock::{Clock, TIMES_BYTES};
use super::device::{Device, Failure};
use super::layers::LayerStore;
use super::layout::{INPUT, OUTPUT, UNIFORM, group, group_layout, new_buffer, pipelines};
use super::ranges::Ranges;
use super::uniform::Uniform;
use super::upload::{Shape, Uploaded, lock};
use crate::illumination::Illumination;
use crate::render::{GRADIENT_TABLE_LEN, Mode, RenderParams, TABLE_LEN};
use crate::scene::view::Combine;

const VOXELS: &str = include_str!("../shaders/voxels.wgsl");
const EXACT: &str = include_str!("../shaders/exact.wgsl");
const FAST: &str = include_str!("../shaders/fast.wgsl");
const LAYERS: &str = include_str!("../shaders/layers.wgsl");
const ALONE: &str = include_str!("../shaders/alone.wgsl");
const SHADER: &str = include_str!("../shaders/raycast.wgsl");

/// Edge of a workgroup, which is a square of pixels.
const GROUP: u32 = 8;

/// Most pixels of one submission: an unhurried GPU draws a 1080p picture in one piece.
pub(super) const MAX_BATCH: u32 = 4 << 20;

/// Rows of a texture are copied from a buffer where they lie at multiples of so many pixels.
pub(super) const TEXTURE_ALIGNMENT: u32 = wgpu::COPY_BYTES_PER_ROW_ALIGNMENT / 4;

/// Where the pixels begin in `Target::readback`; times come before.
pub(super) const PIXELS_AT: u64 = 256;
const _: () = assert!(TIMES_BYTES <= PIXELS_AT);

/// Grids of light that are kept on the card.
const MAX_ILLUMINATIONS: usize = 4;

/// The modes, as far as programs differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Program {
    Volume,
    Isosurface,
    Extreme,
    Mean,
    Slice,
}

impl Program {
    pub(super) const COUNT: usize = 5;

    pub(super) fn of(mode: &Mode) -> Self {
        match mode {
            Mode::Volume { .. } => Self::Volume,
            Mode::Isosurface { .. } => Self::Isosurface,
            Mode::Projection { combine: Combine::Mean, .. } => Self::Mean,
            Mode::Projection { .. } => Self::Extreme,
            Mode::Slice { .. } => Self::Slice,
        }
    }

    fn entry_point(self) -> &'static str {
        match self {
            Self::Volume => "volume",
            Self::Isosurface => "isosurface",
            Self::Extreme => "extreme",
            Self::Mean => "mean",
            Self::Slice => "slice",
        }
    }
}

/// What a pipeline is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) shape: Shape,
    pub(super) program: Program,
    /// Whether the texture unit interpolates.
    pub(super) fast: bool,
    /// Whether other volumes are shown with the first.
    pub(super) layered: bool,
}

/// Buffers of one picture in the making.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) uniform: wgpu::Buffer,
    tables: wgpu::Buffer,
    gradient_factors: wgpu::Buffer,
    pub(super) picture: wgpu::Buffer,
    /// Where the CPU reads times and pixels.
    pub(super) readback: wgpu::Buffer,
    pub(super) clock: Option<Clock>,
    bind_group: wgpu::BindGroup,
}

impl Target {
    /// Sends the tables that a picture looks up.
    pub(super) fn set_tables(&self, device: &Device, params: &RenderParams) -> Result<(), Failure> {
        let Mode::Volume { transfer, .. } = &params.mode else { return Ok(()) };
        device.checked(|| {
            let write = |buffer, at: usize, bytes: &[u8]| device.queue.write_buffer(buffer, at as u64, bytes);
            write(&self.tables, 0, bytemuck::cast_slice(&transfer.rgba));
            if let Some(integral) = &transfer.integral {
                write(&self.tables, TABLE_LEN * size_of::<[f32; 4]>(), bytemuck::cast_slice(integral));
            }
            if let Some(table) = &params.gradient_opacity {
                write(&self.gradient_factors, 0, bytemuck::cast_slice(&table.factors));
            }
        })
    }
}

/// The programs, compiled when first needed, and the layouts of their bindings.
#[derive(Debug)]
pub(super) struct RayCaster {
    target_layout: wgpu::BindGroupLayout,
    scene_layout: wgpu::BindGroupLayout,
    pub(super) layers: LayerStore,
    pipelines: Mutex<HashMap<Key, wgpu::ComputePipeline>>,
    illuminations: Mutex<Vec<(Weak<Illumination>, wgpu::TextureView)>>,
    no_illumination: wgpu::TextureView,
    no_distances: wgpu::Buffer,
}

impl RayCaster {
    pub(super) fn new(device: &Device) -> Self {
        let illumination = wgpu::BindingType::Texture {
            sample_type: wgpu::TextureSampleType::Float { filterable: false },
            view_dimension: wgpu::TextureViewDimension::D3,
            multisampled: false,
        };
        Self {
            target_layout: group_layout(device, "target", &[UNIFORM, INPUT, INPUT, OUTPUT]),
            scene_layout: group_layout(device, "scene", &[INPUT, INPUT, INPUT, illumination]),
            layers: LayerStore::new(device),
            pipelines: Mutex::default(),
            illuminations: Mutex::default(),
            no_illumination: factors_texture(device, [1; 3], &[[255; 2]]),
            no_distances: Ranges::no_distances(device),
        }
    }

    pub(super) fn pipeline(&self, device: &Device, key: Key) -> Result<wgpu::ComputePipeline, Failure> {
        let mut pipelines = lock(&self.pipelines);
        if let Some(pipeline) = pipelines.get(&key) {
            return Ok(pipeline.clone());
        }
        let pipeline = device.checked(|| self.compile(device, key))?;
        pipelines.insert(key, pipeline.clone());
        Ok(pipeline)
    }

    fn compile(&self, device: &Device, key: Key) -> wgpu::ComputePipeline {
        let head = key.shape.format.shader_head(key.shape.pieces);
        let values = if key.fast { FAST } else { EXACT };
        let layers = if key.layered { LAYERS } else { ALONE };
        let source = [&head, VOXELS, values, layers, SHADER].concat();
        let volume_layout = key.shape.layout(device);
        let groups = [&volume_layout, &self.target_layout, &self.scene_layout, &self.layers.layout];
        let groups = if key.layered { &groups[..] } else { &groups[..3] };
        let [pipeline] = pipelines(device, source, groups, [key.program.entry_point()]);
        pipeline
    }

    pub(super) fn target(&self, device: &Device) -> Result<Target, Failure> {
        let (copy_in, copy_out) = (wgpu::BufferUsages::COPY_DST, wgpu::BufferUsages::COPY_SRC);
        let storage = wgpu::BufferUsages::STORAGE;
        let picture_bytes = u64::from(MAX_BATCH) * 4;
        let new = |label, bytes: usize, usage| new_buffer(device, label, bytes as u64, usage);
        device.checked(|| {
            let uniform = new("uniform", size_of::<Uniform>(), wgpu::BufferUsages::UNIFORM | copy_in);
            let tables = new("tables", 2 * TABLE_LEN * size_of::<[f32; 4]>(), storage | copy_in);
            let factors = new("gradient factors", GRADIENT_TABLE_LEN * size_of::<f32>(), storage | copy_in);
            let picture = new_buffer(device, "picture", picture_bytes, storage | copy_out);
            let usage = wgpu::BufferUsages::MAP_READ | copy_in;
            let readback = new_buffer(device, "readback", PIXELS_AT + picture_bytes, usage);
            let buffers = [&uniform, &tables, &factors, &picture].map(wgpu::Buffer::as_entire_binding);
            let bind_group = group(device, &self.target_layout, &buffers);
            let clock = Clock::new(device);
            Target { uniform, tables, gradient_factors: factors, picture, readback, clock, bind_group }
        })
    }

    /// What a picture reads besides voxels and parameters.
    pub(super) fn scene(
        &self,
        device: &Device,
        uploaded: &Uploaded,
        distances: Option<&wgpu::Buffer>,
        illumination: Option<&Arc<Illumination>>,
    ) -> wgpu::BindGroup {
        let view = illumination.map(|grid| self.illumination(device, grid));
        group(
            device,
            &self.scene_layout,
            &[
                distances.unwrap_or(&self.no_distances).as_entire_binding(),
                uploaded.ranges.bricks.as_entire_binding(),
                uploaded.ranges.blocks.as_entire_binding(),
                wgpu::BindingResource::TextureView(view.as_ref().unwrap_or(&self.no_illumination)),
            ],
        )
    }

    fn illumination(&self, device: &Device, grid: &Arc<Illumination>) -> wgpu::TextureView {
        let mut known = lock(&self.illuminations);
        known.retain(|(grid, _)| grid.strong_count() > 0);
        if let Some((_, view)) = known.iter().find(|(known, _)| known.as_ptr() == Arc::as_ptr(grid)) {
            return view.clone();
        }
        let view = factors_texture(device, grid.dims().map(|n| n as u32), grid.factors());
        if known.len() >= MAX_ILLUMINATIONS {
            known.remove(0);
        }
        known.push((Arc::downgrade(grid), view.clone()));
        view
    }
}

/// Pairs of factors as a texture of numbers from 0 to 1.
fn factors_texture(device: &Device, [x, y, z]: [u32; 3], factors: &[[u8; 2]]) -> wgpu::TextureView {
    let size = wgpu::Extent3d { width: x, height: y, depth_or_array_layers: z };
    let texture = device.raw.create_texture(&wgpu::TextureDescriptor {
        label: Some("illumination"),
        size,
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D3,
        format: wgpu::TextureFormat::Rg8Unorm,
        usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
        view_formats: &[],
    });
    let layout =
        wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(x * 2), rows_per_image: Some(y) };
    device.queue.write_texture(texture.as_image_copy(), bytemuck::cast_slice(factors), layout, size);
    texture.create_view(&Default::default())
}

/// Encodes the rays of some rows.
pub(super) fn encode_cast(
    encoder: &mut wgpu::CommandEncoder,
    pipeline: &wgpu::ComputePipeline,
    uploaded: &Uploaded,
    target: &Target,
    scene: &wgpu::BindGroup,
    layers: Option<&wgpu::BindGroup>,
    [width, rows]: [u32; 2],
) {
    let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
        label: Some("cast"),
        timestamp_writes: target.clock.as_ref().map(Clock::cast),
    });
    pass.set_pipeline(pipeline);
    pass.set_bind_group(0, &uploaded.bind_group, &[]);
    pass.set_bind_group(1, &target.bind_group, &[]);
    pass.set_bind_group(2, scene, &[]);
    if let Some(layers) = layers {
        pass.set_bind_group(3, layers, &[]);
    }
    pass.dispatch_workgroups(width.div_ceil(GROUP), rows.div_ceil(GROUP), 1);
}
