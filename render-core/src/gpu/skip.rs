//! How far each brick is from the next that shows something, worked out on the GPU before the first
//! picture of a new look.

use std::sync::{Arc, Mutex};

use super::clock::Clock;
use super::device::Device;
use super::layout::{INPUT, OUTPUT, UNIFORM, filled_buffer, group, group_layout, new_buffer, pipelines};
use super::ranges::Ranges;
use super::upload::lock;
use crate::render::{Mode, TransferTable};

const SHADER: &str = include_str!("../shaders/skip.wgsl");

/// Edge of a workgroup, which is a cube.
const GROUP: u32 = 4;

/// Looks of a volume that are kept: as many clients may look at one volume without working a map
/// out for each picture.
const MAX_MAPS: usize = 4;

/// What is visible of a volume.
#[derive(Clone, Debug)]
pub(super) enum Look {
    /// Values whose table entry is not transparent.
    Table(Arc<TransferTable>),
    /// Values not below this one.
    AtLeast(f32),
}

impl Look {
    pub(super) fn of(mode: &Mode) -> Option<Self> {
        match mode {
            Mode::Volume { transfer, .. } => Some(Self::Table(Arc::clone(transfer))),
            Mode::Isosurface { value, .. } => Some(Self::AtLeast(*value)),
            _ => None,
        }
    }

    /// Whether the same values are visible; colours do not matter.
    fn shows_the_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::AtLeast(a), Self::AtLeast(b)) => a == b,
            (Self::Table(a), Self::Table(b)) => {
                let visible = |table: &TransferTable, i: usize| table.rgba[i][3] > 0.0;
                a.low == b.low
                    && a.scale == b.scale
                    && a.rgba.len() == b.rgba.len()
                    && (0..a.rgba.len()).all(|i| visible(a, i) == visible(b, i))
            }
            _ => false,
        }
    }
}

/// `Look` of the shader.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
struct Uniform {
    dims: [u32; 4],
    kind: u32,
    table_low: f32,
    table_scale: f32,
    surface_value: f32,
}

/// The maps of a volume, newest use first.
#[derive(Debug, Default)]
pub(super) struct SkipMaps(Mutex<Vec<(Look, wgpu::Buffer)>>);

impl SkipMaps {
    /// The map of a look, if there is one.
    pub(super) fn find(&self, look: &Look) -> Option<wgpu::Buffer> {
        let mut maps = lock(&self.0);
        let at = maps.iter().position(|(known, _)| known.shows_the_same(look))?;
        maps[..=at].rotate_right(1);
        Some(maps[0].1.clone())
    }

    /// Keeps a map whose making has been submitted.
    pub(super) fn keep(&self, look: Look, map: wgpu::Buffer) {
        let mut maps = lock(&self.0);
        maps.truncate(MAX_MAPS - 1);
        maps.insert(0, (look, map));
    }
}

/// The program that makes maps.
#[derive(Debug)]
pub(super) struct Skipper {
    layout: wgpu::BindGroupLayout,
    /// Classification, then a pass along each axis.
    pipelines: [wgpu::ComputePipeline; 4],
}

impl Skipper {
    pub(super) fn new(device: &Device) -> Self {
        let layout = group_layout(device, "skip", &[UNIFORM, INPUT, INPUT, INPUT, OUTPUT]);
        let entry_points = ["classify", "spread_columns", "spread_rows", "spread_slices"];
        let pipelines = pipelines(device, SHADER.to_owned(), &[&layout], entry_points);
        Self { layout, pipelines }
    }

    /// Encodes the making of a map, a byte per brick, rows padded to whole words.
    pub(super) fn encode(
        &self,
        device: &Device,
        encoder: &mut wgpu::CommandEncoder,
        ranges: &Ranges,
        look: &Look,
        clock: Option<&Clock>,
    ) -> wgpu::Buffer {
        let [columns, rows, layers] = ranges.grid.dims;
        let words = columns.div_ceil(4);
        let mut uniform = Uniform {
            dims: [columns, rows, layers, words],
            kind: 0,
            table_low: 0.0,
            table_scale: 0.0,
            surface_value: 0.0,
        };
        let mut visible_before = vec![0u32];
        match look {
            Look::Table(table) => {
                (uniform.table_low, uniform.table_scale) = (table.low, table.scale);
                let mut count = 0;
                for [.., alpha] in &table.rgba {
                    count += u32::from(*alpha > 0.0);
                    visible_before.push(count);
                }
            }
            Look::AtLeast(value) => {
                (uniform.kind, uniform.surface_value) = (1, *value);
                visible_before.push(0);
            }
        }
        let usage = wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST;
        let uniform_buffer = new_buffer(device, "look", size_of::<Uniform>() as u64, usage);
        device.queue.write_buffer(&uniform_buffer, 0, bytemuck::bytes_of(&uniform));
        let visible_before = filled_buffer(device, "visible before", bytemuck::cast_slice(&visible_before));
        let bytes = u64::from(words) * u64::from(rows) * u64::from(layers) * 4;
        let [map, other] = ["distances", "distances so far"]
            .map(|label| new_buffer(device, label, bytes, wgpu::BufferUsages::STORAGE));
        let group_of = |before: &wgpu::Buffer, after: &wgpu::Buffer| {
            let buffers = [&uniform_buffer, &ranges.bricks, &visible_before, before, after];
            group(device, &self.layout, &buffers.map(wgpu::Buffer::as_entire_binding))
        };
        let groups = [group_of(&map, &other), group_of(&other, &map)];
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
            label: Some("skip"),
            timestamp_writes: clock.map(Clock::skip),
        });
        for (i, pipeline) in self.pipelines.iter().enumerate() {
            pass.set_pipeline(pipeline);
            pass.set_bind_group(0, &groups[i % 2], &[]);
            pass.dispatch_workgroups(words.div_ceil(GROUP), rows.div_ceil(GROUP), layers.div_ceil(GROUP));
        }
        drop(pass);
        map
    }
}
