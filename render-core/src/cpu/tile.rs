//! A small rectangle of the picture, worked on by one thread.

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

    /// Place in the picture of a pixel in working order, if it lies in the picture.
    #[inline(always)]
    pub fn position(&self, index: usize) -> Option<[f32; 2]> {
        let [x, y] = ORDER[index];
        let inside = usize::from(x) < self.size[0] && usize::from(y) < self.size[1];
        inside.then(|| [(self.at[0] + u32::from(x)) as f32, (self.at[1] + u32::from(y)) as f32])
    }
}
