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
        let reach = |brick: usize, axis: usize| brick * BRICK..(brick * BRICK + BRICK + 1).min(n[axis]);
        ranges.par_chunks_mut(bricks[0] * bricks[1]).enumerate().for_each(|(bz, layer)| {
            // Column by column over all rows first: that is what vectors are fast at.
            let (mut low, mut high) = (vec![voxels[0]; n[0]], vec![voxels[0]; n[0]]);
            for (by, row_ranges) in layer.chunks_exact_mut(bricks[0]).enumerate() {
                let rows = reach(bz, 2).flat_map(|z| reach(by, 1).map(move |y| z * n[1] + y));
                for (number, row) in rows.enumerate() {
                    let row = &voxels[row * n[0]..][..n[0]];
                    if number == 0 {
                        low.copy_from_slice(row);
                        high.copy_from_slice(row);
                    }
                    for ((low, high), &v) in low.iter_mut().zip(&mut high).zip(row) {
                        *low = if v < *low { v } else { *low };
                        *high = if v > *high { v } else { *high };
                    }
                }
                for (bx, range) in row_ranges.iter_mut().enumerate() {
                    let columns = reach(bx, 0);
                    let (mut lo, mut hi) = (low[columns.start], high[columns.start]);
                    for x in columns {
                        lo = if low[x] < lo { low[x] } else { lo };
                        hi = if high[x] > hi { high[x] } else { hi };
                    }
                    *range = (lo.to_f32(), hi.to_f32());
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
