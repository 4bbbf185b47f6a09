//! A small rectangle of the picture, worked on by one thread.

use super::lanes::Lanes;
use super::sample::Beam;
use crate::render::Rays;

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

/// Where in working order each row of the tile begins in its blocks; four pixels lie side by side.
pub(super) const BLOCKS: [[usize; TILE[0] / 4]; TILE[1]] = {
    let mut blocks = [[0; TILE[0] / 4]; TILE[1]];
    let mut row = 0;
    while row < TILE[1] {
        let mut block = 0;
        while block < TILE[0] / 4 {
            blocks[row][block] = (row / 4 * (TILE[0] / 4) + block) * 16 + row % 4 * 4;
            block += 1;
        }
        row += 1;
    }
    blocks
};

/// The same as `ORDER`, one coordinate each.
static COLUMNS: [f32; PIXELS] = coordinates(0);
static ROWS: [f32; PIXELS] = coordinates(1);

const fn coordinates(axis: usize) -> [f32; PIXELS] {
    let mut coordinates = [0.0; PIXELS];
    let mut i = 0;
    while i < PIXELS {
        coordinates[i] = ORDER[i][axis] as f32;
        i += 1;
    }
    coordinates
}

/// Columns and rows of a vector's pixels in working order.
pub(super) const fn packet_size(lanes: usize) -> [usize; 2] {
    [4, lanes.div_ceil(4)]
}

/// The columns and rows of a vector's pixels, counted from its first one.
#[inline(always)]
pub(super) fn packet_pixels<L: Lanes>(l: L) -> (L::F, L::F) {
    (l.load(&COLUMNS), l.load(&ROWS))
}

/// What a kernel works on and leaves behind, in working order: the four bytes of a pixel, or a float.
pub(super) struct Tile<'a> {
    pub patch: Patch,
    pub pixels: &'a mut [i32; PIXELS],
}

/// Where a tile lies in the picture.
#[derive(Clone, Copy)]
pub(super) struct Patch {
    /// Column and row at the tile's top left corner.
    pub at: [u32; 2],
    /// Size of the part that lies in the picture.
    pub size: [usize; 2],
}

impl Tile<'_> {
    /// The rays of two vectors' worth of pixels in working order, in the picture or not.
    #[inline(always)]
    pub fn beams<L: Lanes>(&self, l: L, rays: &Rays, start: usize) -> [Beam<L>; 2] {
        [self.beam(l, rays, start), self.beam(l, rays, start + L::COUNT)]
    }

    /// Column and row in the picture of a pixel in working order.
    #[inline(always)]
    pub fn pixel(&self, place: usize) -> [f32; 2] {
        let ([x, y], [left, top]) = (ORDER[place], self.patch.at);
        [(left + u32::from(x)) as f32, (top + u32::from(y)) as f32]
    }

    #[inline(always)]
    fn beam<L: Lanes>(&self, l: L, rays: &Rays, start: usize) -> Beam<L> {
        let [left, top] = self.patch.at.map(|x| x as f32);
        let (column, row) = (l.load(&COLUMNS[start..]), l.load(&ROWS[start..]));
        Beam::new(l, rays, l.splat(left) + column, l.splat(top) + row)
    }

    /// Columns and rows in the picture of a vector's worth of pixels in working order, and which of them
    /// lie in it; None if none does.
    #[inline(always)]
    pub fn packet<L: Lanes>(&self, l: L, start: usize) -> Option<(L::F, L::F, L::M)> {
        let (column, row) = (l.load(&COLUMNS[start..]), l.load(&ROWS[start..]));
        let Patch { at, size: [width, height] } = self.patch;
        let inside = l.lt(column, l.splat(width as f32)) & l.lt(row, l.splat(height as f32));
        if l.bits(inside) == 0 {
            return None;
        }
        Some((l.splat(at[0] as f32) + column, l.splat(at[1] as f32) + row, inside))
    }
}
