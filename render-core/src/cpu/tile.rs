//! A small rectangle of the picture, worked on by one thread.

use super::lanes::{Lanes, MAX_LANES};

/// Pixels of a tile along each axis, and in all.
pub(super) const TILE: [usize; 2] = [16, 16];
pub(super) const PIXELS: usize = TILE[0] * TILE[1];

/// (column, row) in the tile of its pixels in working order: blocks of 4x4 pixels, in each block
/// two halves of 4x2, so that any vector of rays is as compact as can be.
pub(super) static ORDER: [[u8; 2]; PIXELS] = {
    let mut order = [[0; 2]; PIXELS];
    let mut i = 0;
    while i < PIXELS {
        let block = [i / 16 % (TILE[0] / 4), i / 16 / (TILE[0] / 4)];
        order[i] = [(block[0] * 4 + i % 4) as u8, (block[1] * 4 + i / 4 % 4) as u8];
        i += 1;
    }
    order
};

/// What a kernel works on and leaves behind, in working order.
pub(super) struct Tile {
    /// Column and row of the picture at the tile's top left corner.
    pub at: [u32; 2],
    /// Size of the part that lies in the picture.
    pub size: [usize; 2],
    pub pixels: [Pixel; PIXELS],
}

/// What lies behind a pixel: light, and how much of the background shines through.
#[derive(Clone, Copy)]
pub(super) struct Pixel {
    /// The fourth place is padding: a pixel is one vector.
    pub color: [f32; 4],
    pub transparency: f32,
}

impl Tile {
    pub fn new(at: [u32; 2], size: [usize; 2]) -> Self {
        Self { at, size, pixels: [Pixel { color: [0.0; 4], transparency: 1.0 }; PIXELS] }
    }

    /// Columns and rows in the picture of a vector's worth of pixels in working order, and a bit for each
    /// that lies in it; None if none does.
    #[inline(always)]
    pub fn packet<L: Lanes>(&self, start: usize) -> Option<([f32; MAX_LANES], [f32; MAX_LANES], u32)> {
        let (mut columns, mut rows) = ([0.0; MAX_LANES], [0.0; MAX_LANES]);
        let mut inside = 0;
        for lane in 0..L::COUNT {
            let [x, y] = ORDER[start + lane];
            columns[lane] = (self.at[0] + u32::from(x)) as f32;
            rows[lane] = (self.at[1] + u32::from(y)) as f32;
            if usize::from(x) < self.size[0] && usize::from(y) < self.size[1] {
                inside |= 1 << lane;
            }
        }
        (inside != 0).then_some((columns, rows, inside))
    }
}
