//! Minimum and maximum of every 4x4x4 block of cells, for skipping space that shows nothing.

use rayon::prelude::*;

use crate::volume::Voxel;

/// Cells per brick edge. A cell is the space between eight neighbouring voxel centres. Bricks of 8
/// cells make rays look at a third more samples that show nothing.
pub const BRICK: usize = 4;

/// Range of stored values in each brick of `BRICK`³ cells; a brick's range covers the 5³ voxels
/// that trilinear interpolation inside it can touch.
#[derive(Debug)]
pub struct Bricks {
    dims: [usize; 3],
    ranges: Vec<(f32, f32)>,
}

impl Bricks {
    /// `dims` are (columns, rows, slices) of the voxel grid.
    pub fn new<T: Voxel>(voxels: &[T], dims: [u32; 3]) -> Self {
        let n = dims.map(|n| n as usize);
        let bricks = n.map(|n| n.saturating_sub(1).div_ceil(BRICK).max(1));
        let mut ranges = vec![(0.0f32, 0.0f32); bricks[0] * bricks[1] * bricks[2]];
        ranges.par_chunks_mut(bricks[0] * bricks[1]).enumerate().for_each(|(bz, layer)| {
            layer.fill((f32::INFINITY, f32::NEG_INFINITY));
            for z in bz * BRICK..(bz * BRICK + BRICK + 1).min(n[2]) {
                for by in 0..bricks[1] {
                    let row_ranges = &mut layer[by * bricks[0]..][..bricks[0]];
                    for y in by * BRICK..(by * BRICK + BRICK + 1).min(n[1]) {
                        let row = &voxels[(z * n[1] + y) * n[0]..][..n[0]];
                        for (bx, range) in row_ranges.iter_mut().enumerate() {
                            let run = &row[bx * BRICK..(bx * BRICK + BRICK + 1).min(n[0])];
                            let (mut lo, mut hi) = (run[0], run[0]);
                            for &v in &run[1..] {
                                lo = if v < lo { v } else { lo };
                                hi = if v > hi { v } else { hi };
                            }
                            *range = (range.0.min(lo.to_f32()), range.1.max(hi.to_f32()));
                        }
                    }
                }
            }
        });
        Self { dims: bricks, ranges }
    }

    /// Number of bricks along columns, rows, slices.
    pub fn dims(&self) -> [usize; 3] {
        self.dims
    }

    /// (minimum, maximum) stored value per brick, column fastest.
    pub fn ranges(&self) -> &[(f32, f32)] {
        &self.ranges
    }
}
