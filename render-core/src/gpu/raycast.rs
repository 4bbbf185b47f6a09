//! Pipelines and buffers of the ray caster in `shaders/raycast.wgsl`.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::render::{Grey, Mode, RenderParams, TABLE_LEN, TransferTable};
use crate::scene::preset::Shading;
use crate::scene::view::Combine;
use crate::volume::Volume;

use super::device::{Device, Failure};
use super::upload::{Stored, Uploaded, lock};

const SHADER: &str = include_str!("../shaders/raycast.wgsl");

/// Edge of a workgroup, which is a square of pixels.
const GROUP: u32 = 8;

/// Most pixels of one submission: an unhurried GPU draws a 1080p picture in one piece.
pub(super) const MAX_BATCH: u32 = 4 << 20;

/// What a pixel becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Output {
    /// Four bytes: red, green, blue, 255.
    Color,
    /// The bits of the value as a float.
    Value,
}

/// The modes, as far as programs differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Program {
    Volume,
    Mip,
    Isosurface,
    Slice,
}

impl Program {
    pub(super) fn of(mode: &Mode) -> Self {
        match mode {
            Mode::Volume { .. } => Self::Volume,
            Mode::Projection { .. } => Self::Mip,
            Mode::Isosurface { .. } => Self::Isosurface,
            Mode::Slice { .. } => Self::Slice,
        }
    }

    fn entry_point(self) -> &'static str {
        match self {
            Self::Volume => "volume",
            Self::Mip => "mip",
            Self::Isosurface => "isosurface",
            Self::Slice => "slice",
        }
    }
}

/// `Params` of the shader.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
pub(super) struct Uniform {
    rays: crate::render::Rays,
    patient_from_gradient: [[f32; 4]; 3],
    line_of_sight: [f32; 4],
    background: [f32; 4],
    surface_color: [f32; 4],
    shading: [f32; 4],
    last_voxel: [f32; 4],
    brick_dims: [u32; 4],
    width: u32,
    first_row: u32,
    row_count: u32,
    output_kind: u32,
    specular_power: u32,
    sample_count: u32,
    combine: u32,
    step_mm: f32,
    first_mm: f32,
    grey_low: f32,
    grey_scale: f32,
    surface_value: f32,
    table_low: f32,
    table_scale: f32,
    rescale_slope: f32,
    rescale_intercept: f32,
}

impl Uniform {
    pub(super) fn new(volume: &Volume, uploaded: &Uploaded, params: &RenderParams, output: Output) -> Self {
        let [bx, by, bz] = uploaded.brick_dims;
        let [nx, ny, nz] = volume.geometry().dims().map(|n| (n - 1) as f32);
        let mut uniform = Self {
            rays: params.rays,
            patient_from_gradient: params.patient_from_gradient.map(padded),
            line_of_sight: padded(params.line_of_sight),
            background: padded(params.background),
            last_voxel: [nx, ny, nz, 0.0],
            brick_dims: [bx, by, bz, 0],
            width: params.size[0],
            output_kind: match output {
                Output::Color => 0,
                Output::Value => 1,
            },
            rescale_slope: volume.rescale().slope,
            rescale_intercept: volume.rescale().intercept,
            ..bytemuck::Zeroable::zeroed()
        };
        match &params.mode {
            Mode::Volume { transfer, shading, step_mm } => {
                uniform.set_shading(shading);
                uniform.table_low = transfer.low;
                uniform.table_scale = transfer.scale;
                uniform.step_mm = *step_mm;
            }
            Mode::Projection { grey, step_mm, .. } => {
                uniform.set_grey(*grey);
                uniform.step_mm = *step_mm;
            }
            Mode::Isosurface { value, color, shading, step_mm } => {
                uniform.set_shading(shading);
                uniform.surface_value = *value;
                uniform.surface_color = padded(*color);
                uniform.step_mm = *step_mm;
            }
            Mode::Slice { grey, samples, first_mm, step_mm, combine } => {
                uniform.set_grey(*grey);
                uniform.sample_count = *samples;
                uniform.first_mm = *first_mm;
                uniform.step_mm = *step_mm;
                uniform.combine = match combine {
                    Combine::Maximum => 0,
                    Combine::Minimum => 1,
                    Combine::Mean => 2,
                };
            }
        }
        uniform
    }

    /// The rows that a submission draws.
    pub(super) fn set_rows(&mut self, first_row: u32, row_count: u32) {
        self.first_row = first_row;
        self.row_count = row_count;
    }

    fn set_shading(&mut self, shading: &Shading) {
        self.shading = [shading.ambient, shading.diffuse, shading.specular, 0.0];
        self.specular_power = shading.specular_power;
    }

    fn set_grey(&mut self, grey: Grey) {
        self.grey_low = grey.low;
        self.grey_scale = grey.scale;
    }
}

fn padded([x, y, z]: [f32; 3]) -> [f32; 4] {
    [x, y, z, 0.0]
}

/// Buffers of one picture in the making.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) uniform: wgpu::Buffer,
    transfer: wgpu::Buffer,
    visible_before: wgpu::Buffer,
    picture: wgpu::Buffer,
    /// Where the CPU reads the picture.
    pub(super) readback: wgpu::Buffer,
    bind_group: wgpu::BindGroup,
}

impl Target {
    pub(super) fn set_transfer(&self, device: &Device, table: &TransferTable) -> Result<(), Failure> {
        let mut visible_before = Vec::with_capacity(TABLE_LEN + 1);
        let mut count = 0u32;
        visible_before.push(0);
        for [_, _, _, alpha] in &table.rgba {
            count += u32::from(*alpha > 0.0);
            visible_before.push(count);
        }
        device.checked(|| {
            device.queue.write_buffer(&self.transfer, 0, bytemuck::cast_slice(&table.rgba));
            device.queue.write_buffer(&self.visible_before, 0, bytemuck::cast_slice(&visible_before));
        })
    }
}

/// Programs, made when first used, and the layouts they share.
#[derive(Debug)]
pub(super) struct RayCaster {
    /// By `Stored`.
    pub(super) volume_layouts: [wgpu::BindGroupLayout; 3],
    target_layout: wgpu::BindGroupLayout,
    pipelines: Mutex<HashMap<(Stored, Program), wgpu::ComputePipeline>>,
}

impl RayCaster {
    pub(super) fn new(device: &Device) -> Result<Self, Failure> {
        device.checked(|| {
            let volume_layouts = Stored::ALL.map(|stored| {
                let voxels = wgpu::BindingType::Texture {
                    sample_type: stored.sample_type(),
                    view_dimension: wgpu::TextureViewDimension::D3,
                    multisampled: false,
                };
                layout(device, "volume", &[voxels, storage(true)])
            });
            let uniform = wgpu::BindingType::Buffer {
                ty: wgpu::BufferBindingType::Uniform,
                has_dynamic_offset: false,
                min_binding_size: None,
            };
            let target_layout =
                layout(device, "target", &[uniform, storage(true), storage(true), storage(false)]);
            Self { volume_layouts, target_layout, pipelines: Mutex::default() }
        })
    }

    pub(super) fn pipeline(
        &self,
        device: &Device,
        stored: Stored,
        program: Program,
    ) -> Result<wgpu::ComputePipeline, Failure> {
        let mut pipelines = lock(&self.pipelines);
        if let Some(pipeline) = pipelines.get(&(stored, program)) {
            return Ok(pipeline.clone());
        }
        let pipeline = device.checked(|| self.compile(device, stored, program))?;
        pipelines.insert((stored, program), pipeline.clone());
        Ok(pipeline)
    }

    fn compile(&self, device: &Device, stored: Stored, program: Program) -> wgpu::ComputePipeline {
        let scalar = match stored {
            Stored::Signed => "i32",
            Stored::Unsigned => "u32",
            Stored::Float => "f32",
        };
        let source = format!("alias Stored = {scalar};\n{SHADER}");
        let module = device.raw.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some("raycast"),
            source: wgpu::ShaderSource::Wgsl(source.into()),
        });
        let layout = device.raw.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some("raycast"),
            bind_group_layouts: &[Some(&self.volume_layouts[stored as usize]), Some(&self.target_layout)],
            immediate_size: 0,
        });
        device.raw.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(program.entry_point()),
            layout: Some(&layout),
            module: &module,
            entry_point: Some(program.entry_point()),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            cache: None,
        })
    }

    pub(super) fn target(&self, device: &Device) -> Result<Target, Failure> {
        let buffer = |label, size: usize, usage| {
            device.raw.create_buffer(&wgpu::BufferDescriptor {
                label: Some(label),
                size: size as u64,
                usage,
                mapped_at_creation: false,
            })
        };
        let (copy_in, copy_out) = (wgpu::BufferUsages::COPY_DST, wgpu::BufferUsages::COPY_SRC);
        let input = wgpu::BufferUsages::STORAGE | copy_in;
        let picture_bytes = MAX_BATCH as usize * 4;
        device.checked(|| {
            let uniform = buffer("uniform", size_of::<Uniform>(), wgpu::BufferUsages::UNIFORM | copy_in);
            let transfer = buffer("transfer", TABLE_LEN * size_of::<[f32; 4]>(), input);
            let visible_before = buffer("visible before", (TABLE_LEN + 1) * size_of::<u32>(), input);
            let picture = buffer("picture", picture_bytes, wgpu::BufferUsages::STORAGE | copy_out);
            let readback = buffer("readback", picture_bytes, wgpu::BufferUsages::MAP_READ | copy_in);
            let buffers = [&uniform, &transfer, &visible_before, &picture];
            let bind_group = device.raw.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some("target"),
                layout: &self.target_layout,
                entries: &std::array::from_fn::<_, 4, _>(|i| wgpu::BindGroupEntry {
                    binding: i as u32,
                    resource: buffers[i].as_entire_binding(),
                }),
            });
            Target { uniform, transfer, visible_before, picture, readback, bind_group }
        })
    }
}

/// Draws rows of a picture and copies them to where the CPU can read them.
pub(super) fn draw(
    device: &Device,
    pipeline: &wgpu::ComputePipeline,
    uploaded: &Uploaded,
    target: &Target,
    uniform: &Uniform,
) {
    device.queue.write_buffer(&target.uniform, 0, bytemuck::bytes_of(uniform));
    let mut encoder = device.raw.create_command_encoder(&Default::default());
    {
        let mut pass = encoder.begin_compute_pass(&Default::default());
        pass.set_pipeline(pipeline);
        pass.set_bind_group(0, &uploaded.bind_group, &[]);
        pass.set_bind_group(1, &target.bind_group, &[]);
        pass.dispatch_workgroups(uniform.width.div_ceil(GROUP), uniform.row_count.div_ceil(GROUP), 1);
    }
    let bytes = u64::from(uniform.width * uniform.row_count) * 4;
    encoder.copy_buffer_to_buffer(&target.picture, 0, &target.readback, 0, bytes);
    device.queue.submit([encoder.finish()]);
}

fn storage(read_only: bool) -> wgpu::BindingType {
    wgpu::BindingType::Buffer {
        ty: wgpu::BufferBindingType::Storage { read_only },
        has_dynamic_offset: false,
        min_binding_size: None,
    }
}

fn layout(device: &Device, label: &str, types: &[wgpu::BindingType]) -> wgpu::BindGroupLayout {
    let entries: Vec<_> = types
        .iter()
        .zip(0..)
        .map(|(&ty, binding)| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty,
            count: None,
        })
        .collect();
    device
        .raw
        .create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: Some(label), entries: &entries })
}
