//! The range of values in each brick, worked out on the GPU from what lies there anyway.

use std::sync::atomic::{AtomicBool, Ordering};

use super::device::Device;
use super::layout::{OUTPUT, UNIFORM, filled_buffer, group, group_layout, new_buffer, pipelines};
use super::upload::Shape;
use crate::bricks::BRICK;
use crate::render::RenderError;

const SHADER: &str = concat!(include_str!("../shaders/voxels.wgsl"), include_str!("../shaders/ranges.wgsl"));

/// Edge of a workgroup, which is a cube.
const GROUP: u32 = 4;

/// Bricks along the edge of a block.
const BLOCK: u32 = 4;

/// Bricks of one submission, so that a slow GPU does not trip its driver's watchdog.
const BRICKS_AT_ONCE: u32 = 256 << 10;

const RANGE_BYTES: u64 = size_of::<[f32; 2]>() as u64;

/// Bricks of a volume: cubes of cells, at least as large as the CPU's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BrickGrid {
    /// Bricks along columns, rows, slices.
    pub(super) dims: [u32; 3],
    /// log2 of the cells along a brick's edge.
    pub(super) bits: u32,
}

impl BrickGrid {
    /// The smallest bricks whose ranges fit a buffer of so many bytes.
    pub(super) fn within(voxels: [u32; 3], most_bytes: u64) -> Self {
        let grid =
            |bits: u32| Self { dims: voxels.map(|n| n.saturating_sub(1).div_ceil(1 << bits).max(1)), bits };
        (BRICK.trailing_zeros()..16)
            .map(grid)
            .find(|grid| grid.count() * RANGE_BYTES <= most_bytes)
            .unwrap_or_else(|| grid(16))
    }

    pub(super) fn count(self) -> u64 {
        self.dims.iter().map(|&n| u64::from(n)).product()
    }

    pub(super) fn block_dims(self) -> [u32; 3] {
        self.dims.map(|n| n.div_ceil(BLOCK))
    }

    fn block_count(self) -> u64 {
        self.block_dims().iter().map(|&n| u64::from(n)).product()
    }

    /// Bytes of the ranges.
    pub(super) fn bytes(self) -> u64 {
        (self.count() + self.block_count()) * RANGE_BYTES
    }
}

/// (minimum, maximum) rescaled value of bricks and blocks of bricks, column fastest.
#[derive(Debug)]
pub(super) struct Ranges {
    pub(super) grid: BrickGrid,
    pub(super) bricks: wgpu::Buffer,
    pub(super) blocks: wgpu::Buffer,
}

impl Ranges {
    pub(super) fn allocate(device: &Device, grid: BrickGrid) -> Self {
        let buffer =
            |label, count| new_buffer(device, label, count * RANGE_BYTES, wgpu::BufferUsages::STORAGE);
        Self { grid, bricks: buffer("bricks", grid.count()), blocks: buffer("blocks", grid.block_count()) }
    }

    /// Works the ranges out from the volume's textures.
    pub(super) async fn fill(
        &self,
        device: &Device,
        shape: Shape,
        volume_layout: &wgpu::BindGroupLayout,
        volume: &wgpu::BindGroup,
        cancel: &AtomicBool,
    ) -> Result<(), RenderError> {
        let (layout, [bricks, blocks]) = device.checked(|| {
            let layout = group_layout(device, "ranges", &[UNIFORM, OUTPUT, OUTPUT]);
            let source = shape.format.shader_head(shape.pieces) + SHADER;
            let entry_points = ["brick_ranges", "block_ranges"];
            let pipelines = pipelines(device, source, &[volume_layout, &layout], entry_points);
            (layout, pipelines)
        })?;
        let [columns, rows, layers] = self.grid.dims;
        let at_once = (BRICKS_AT_ONCE / (columns * rows).max(1)).max(1).next_multiple_of(GROUP);
        let parts =
            (0..layers).step_by(at_once as usize).map(|first| (&bricks, first, [columns, rows, at_once]));
        for (pipeline, first_layer, dims) in parts.chain([(&blocks, 0, self.grid.block_dims())]) {
            if cancel.load(Ordering::Relaxed) {
                return Err(RenderError::Cancelled);
            }
            device.checked(|| {
                let part = new_buffer(
                    device,
                    "part",
                    16,
                    wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
                );
                device.queue.write_buffer(&part, 0, bytemuck::bytes_of(&[first_layer, 0, 0, 0]));
                let resources = [&part, &self.bricks, &self.blocks].map(wgpu::Buffer::as_entire_binding);
                let ours = group(device, &layout, &resources);
                let mut encoder = device.raw.create_command_encoder(&Default::default());
                let mut pass = encoder.begin_compute_pass(&Default::default());
                pass.set_pipeline(pipeline);
                pass.set_bind_group(0, volume, &[]);
                pass.set_bind_group(1, &ours, &[]);
                let [x, y, z] = dims.map(|n| n.div_ceil(GROUP));
                pass.dispatch_workgroups(x, y, z);
                drop(pass);
                device.queue.submit([encoder.finish()]);
            })?;
            device.finish(cancel).await?;
        }
        Ok(())
    }

    /// Stands in for a buffer of distances where none is needed.
    pub(super) fn no_distances(device: &Device) -> wgpu::Buffer {
        filled_buffer(device, "no distances", &[0; 4])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bricks_grow_until_their_ranges_fit() {
        let dims = [2048, 2048, 2048];
        assert_eq!(BrickGrid::within(dims, 2 << 30).bits, BRICK.trailing_zeros());
        let grid = BrickGrid::within(dims, 128 << 20);
        assert_eq!((grid.bits, grid.dims), (3, [256; 3]));
        assert_eq!(BrickGrid::within([1, 1, 1], 16).dims, [1; 3]);
    }
}
