//! Bindings and pipelines, in fewer words.

use super::device::Device;

pub(super) const UNIFORM: wgpu::BindingType = buffer(wgpu::BufferBindingType::Uniform);
pub(super) const INPUT: wgpu::BindingType = buffer(wgpu::BufferBindingType::Storage { read_only: true });
pub(super) const OUTPUT: wgpu::BindingType = buffer(wgpu::BufferBindingType::Storage { read_only: false });

const fn buffer(ty: wgpu::BufferBindingType) -> wgpu::BindingType {
    wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None }
}

/// Bindings 0, 1, 2 …
pub(super) fn group_layout(
    device: &Device,
    label: &str,
    types: &[wgpu::BindingType],
) -> wgpu::BindGroupLayout {
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

/// Bindings 0, 1, 2 …
pub(super) fn group(
    device: &Device,
    layout: &wgpu::BindGroupLayout,
    resources: &[wgpu::BindingResource<'_>],
) -> wgpu::BindGroup {
    let entries: Vec<_> = resources
        .iter()
        .zip(0..)
        .map(|(resource, binding)| wgpu::BindGroupEntry { binding, resource: resource.clone() })
        .collect();
    device.raw.create_bind_group(&wgpu::BindGroupDescriptor { label: None, layout, entries: &entries })
}

/// A pipeline for each entry point of a shader.
pub(super) fn pipelines<const N: usize>(
    device: &Device,
    source: String,
    groups: &[&wgpu::BindGroupLayout],
    entry_points: [&str; N],
) -> [wgpu::ComputePipeline; N] {
    let module = device.raw.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some(entry_points[0]),
        source: wgpu::ShaderSource::Wgsl(source.into()),
    });
    let groups: Vec<_> = groups.iter().map(|&group| Some(group)).collect();
    let layout = device.raw.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: Some(entry_points[0]),
        bind_group_layouts: &groups,
        immediate_size: 0,
    });
    entry_points.map(|entry_point| {
        device.raw.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(entry_point),
            layout: Some(&layout),
            module: &module,
            entry_point: Some(entry_point),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            cache: None,
        })
    })
}

pub(super) fn new_buffer(
    device: &Device,
    label: &str,
    bytes: u64,
    usage: wgpu::BufferUsages,
) -> wgpu::Buffer {
    device.raw.create_buffer(&wgpu::BufferDescriptor {
        label: Some(label),
        size: bytes,
        usage,
        mapped_at_creation: false,
    })
}

/// A storage buffer with these contents.
pub(super) fn filled_buffer(device: &Device, label: &str, contents: &[u8]) -> wgpu::Buffer {
    let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST;
    let buffer = new_buffer(device, label, contents.len() as u64, usage);
    device.queue.write_buffer(&buffer, 0, contents);
    buffer
}
