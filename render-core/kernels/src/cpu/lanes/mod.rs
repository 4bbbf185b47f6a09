//! Vectors of one value per ray: the only place of the CPU renderer that knows instruction sets,
//! and the only one with unsafe code.
//!
//! A token (`Avx512`, `Avx2`, `Neon`, `Portable`) proves that its instructions exist on this machine, so
//! everything it offers is safe to call. Kernels are written once, over [`Lanes`], and compiled for
//! each token by [`Level::run`].

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
mod quad;
#[cfg(test)]
mod tests;

use std::ops::{Add, BitAnd, BitOr, Div, Mul, Not, Sub};

use crate::volume::Voxel;

#[cfg(target_arch = "x86_64")]
use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
use avx512::Avx512;
#[cfg(target_arch = "aarch64")]
use neon::Neon;
use portable::Portable;
pub(super) use quad::Quad;

/// Most lanes of any token; buffers that hold one vector have this length.
pub(super) const MAX_LANES: usize = 16;

/// An instruction set that kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Four lanes in plain Rust, on any machine.
    Portable,
    /// Eight lanes in pairs of registers: NEON, the SIMD of 64-bit ARM.
    Neon,
    /// Eight lanes: AVX2 and FMA.
    Avx2,
    /// Sixteen lanes: AVX-512 F, BW, DQ and VL.
    Avx512,
}

impl Level {
    /// What machines of this architecture may have, slowest first.
    pub const ALL: &'static [Self] = &[
        Self::Portable,
        #[cfg(target_arch = "aarch64")]
        Self::Neon,
        #[cfg(target_arch = "x86_64")]
        Self::Avx2,
        #[cfg(target_arch = "x86_64")]
        Self::Avx512,
    ];

    /// What this machine can run, slowest first.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|level| level.is_available())
    }

    /// The fastest that this machine can run.
    pub fn best() -> Self {
        Self::available().last().unwrap_or(Self::Portable)
    }

    pub fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "aarch64")]
            Self::Neon => Neon::detect().is_some(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => Avx2::detect().is_some(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => Avx512::detect().is_some(),
            _ => false,
        }
    }

    /// Runs a kernel with this level's instructions, or with portable ones where they are missing.
    #[inline]
    pub(super) fn run<K: Kernel>(self, kernel: K) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => match Avx512::detect() {
                Some(lanes) => lanes.run(kernel),
                None => kernel.run(Portable),
            },
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => match Avx2::detect() {
                Some(lanes) => lanes.run(kernel),
                None => kernel.run(Portable),
            },
            #[cfg(target_arch = "aarch64")]
            Self::Neon => match Neon::detect() {
                Some(lanes) => lanes.run(kernel),
                None => kernel.run(Portable),
            },
            _ => kernel.run(Portable),
        }
    }
}

impl std::fmt::Display for Level {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Portable => "portable code",
            Self::Neon => "NEON",
            Self::Avx2 => "AVX2",
            Self::Avx512 => "AVX-512",
        })
    }
}

/// Code that is compiled once for every level. Implementations and all that they call must be
/// `#[inline(always)]`, so that they end up in a function with the level's instructions enabled.
pub(super) trait Kernel {
    fn run<L: Lanes>(self, lanes: L);
}

/// A part of a kernel that is worth a function of its own.
pub(super) trait Part<L: Lanes> {
    type Output;
    fn run(self, lanes: L) -> Self::Output;
}

/// How a voxel type lies in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    U8,
    I16,
    U16,
    F32,
}

/// A voxel type that lanes can fetch.
///
/// # Safety
/// `LAYOUT` must describe the type: gathers read memory by it.
pub(super) unsafe trait Texel: Voxel {
    const LAYOUT: Layout;
}

macro_rules! texel {
    ($($t:ty => $layout:ident),*) => {$(
        // SAFETY: the layout has the type's own name.
        unsafe impl Texel for $t {
            const LAYOUT: Layout = Layout::$layout;
        }
    )*};
}
texel!(u8 => U8, i16 => I16, u16 => U16, f32 => F32);

/// Voxels of a grid with what addressing them takes.
#[derive(Debug)]
pub(super) struct Grid<'a, V> {
    voxels: &'a [V],
    dims: [usize; 3],
    next: [usize; 3],
    /// The number of voxels if gathers suit it, else 0.
    gather_len: i32,
    /// Whether 16 bits hold the difference of any two voxels.
    #[cfg_attr(
        not(target_arch = "x86_64"),
        expect(dead_code, reason = "only AVX2 and AVX-512 subtract in 16 bits")
    )]
    is_even: bool,
}

impl<'a, V: Texel> Grid<'a, V> {
    /// `voxels` holds exactly one voxel for each grid point, none outside of `range`.
    pub fn new(voxels: &'a [V], dims: [u32; 3], range: (f32, f32)) -> Self {
        let dims = dims.map(|n| n as usize);
        assert_eq!(voxels.len(), dims.iter().product::<usize>(), "a voxel for each grid point");
        let stride = [1, dims[0], dims[0] * dims[1]];
        let next = std::array::from_fn(|axis| if dims[axis] > 1 { stride[axis] } else { 0 });
        let len = i32::try_from(voxels.len()).unwrap_or(0);
        let gather_len = if dims[0] > 1 && len >= 4 { len } else { 0 };
        let is_even = range.1 - range.0 <= f32::from(i16::MAX);
        Self { voxels, dims, next, gather_len, is_even }
    }

    /// Number of voxels along each axis.
    pub fn dims(&self) -> [usize; 3] {
        self.dims
    }

    /// Distance in memory to the next voxel along each axis; 0 along an axis of one voxel.
    pub fn next(&self) -> [usize; 3] {
        self.next
    }

    /// Whether `span` voxels from this one on exist, where it and they are inside on every axis.
    #[cfg(target_arch = "x86_64")]
    fn holds(&self, first: usize, span: usize) -> bool {
        first + span <= self.voxels.len()
    }

    /// Whether gathers with 32-bit indices reach every voxel, and there is a pair in each row for
    /// them to read. Levels other than the portable one panic on a grid where this is false.
    pub fn suits_gathers(&self) -> bool {
        self.gather_len > 0
    }
}

/// Where lanes read from: a voxel of the grid for each lane, and how far behind it they may read.
#[derive(Clone, Copy)]
pub(super) struct Place<'a, V, Index> {
    grid: &'a Grid<'a, V>,
    index: Index,
    span: usize,
}

/// Voxels that a packet's lanes share where each looks up one place: eight of a row, in a few rows of a few slices.
#[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "only AVX-512 has blocks"))]
pub(super) struct Block<'a, V> {
    grid: &'a Grid<'a, V>,
    /// Rows that lie side by side in memory may be those of a slice, or of a column through all slices.
    dims: [usize; 3],
    next: [usize; 3],
    shape: Shape,
}

/// Voxels of a block's row.
const ROW: usize = 8;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Thin,
    Thick,
}

impl Shape {
    fn size(self) -> [usize; 3] {
        match self {
            Self::Thin => [ROW, 4, 5],
            Self::Thick => [ROW, 6, 5],
        }
    }
}

impl<'a, V> Block<'a, V> {
    /// For packets that are as wide as this in voxels along each axis; None if blocks do not hold them. Also returns
    /// which axis of the grid each of the block's is.
    #[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "only AVX-512 has blocks"))]
    fn new(grid: &'a Grid<'a, V>, width: [f32; 3]) -> Option<(Self, [usize; 3])> {
        for shape in [Shape::Thin, Shape::Thick] {
            for axes in [[0, 1, 2], [0, 2, 1]] {
                let (dims, next) = (axes.map(|axis| grid.dims[axis]), axes.map(|axis| grid.next[axis]));
                // A voxel more than the cells, and a cell more than the width, for where in its cell a packet begins.
                let holds =
                    |axis: usize, size: usize| width[axes[axis]] <= (size - 2) as f32 && size <= dims[axis];
                if shape.size().into_iter().enumerate().all(|(axis, size)| holds(axis, size)) {
                    return Some((Self { grid, dims, next, shape }, axes));
                }
            }
        }
        None
    }

    /// The last corner from which on all of a block lies in the grid.
    pub fn last_corner(&self) -> [f32; 3] {
        let size = self.shape.size();
        std::array::from_fn(|i| (self.dims[i] - size[i]) as f32)
    }
}

/// `Lanes::rises` where nothing but `pair` is at hand.
#[inline(always)]
fn rises_of_pairs<L: Lanes, V: Texel>(
    l: L,
    place: Place<'_, V, L::Index>,
    [a, b, c, d]: [usize; 4],
) -> [(L::F, L::F); 4] {
    let (a, b) = (l.pair(place, a), l.pair(place, b));
    let (c, d) = (l.pair(place, c), l.pair(place, d));
    [(a.0, a.1 - a.0), (b.0, b.1 - b.0), (c.0, c.1 - c.0), (d.0, d.1 - d.0)]
}

/// One value per ray. Comparisons with NaN are false; `min` and `max` return the second operand if
/// the first is NaN.
pub(super) trait Lanes: Copy {
    const COUNT: usize;
    type F: Copy
        + Add<Output = Self::F>
        + Sub<Output = Self::F>
        + Mul<Output = Self::F>
        + Div<Output = Self::F>;
    type I: Copy + Add<Output = Self::I> + Sub<Output = Self::I> + Mul<Output = Self::I>;
    type M: Copy + BitAnd<Output = Self::M> + BitOr<Output = Self::M> + Not<Output = Self::M>;
    /// An index into voxels.
    type Index: Copy;

    fn splat(self, x: f32) -> Self::F;
    fn splat_i(self, x: i32) -> Self::I;
    /// The first `COUNT` of `from`.
    fn load(self, from: &[f32]) -> Self::F;
    fn store(self, x: Self::F, to: &mut [f32]);
    fn store_i(self, x: Self::I, to: &mut [i32]);

    /// `a * b + c`, rounded once where the machine can.
    fn mul_add(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    fn min(self, a: Self::F, b: Self::F) -> Self::F;
    fn max(self, a: Self::F, b: Self::F) -> Self::F;
    fn abs(self, x: Self::F) -> Self::F;
    fn sqrt(self, x: Self::F) -> Self::F;
    /// 1 / sqrt(x) of a positive number, to four digits.
    #[inline(always)]
    fn one_over_sqrt(self, x: Self::F) -> Self::F {
        self.splat(1.0) / self.sqrt(x)
    }
    fn floor(self, x: Self::F) -> Self::F;
    fn ceil(self, x: Self::F) -> Self::F;
    fn lt(self, a: Self::F, b: Self::F) -> Self::M;
    fn le(self, a: Self::F, b: Self::F) -> Self::M;
    /// `a` where the mask is set, else `b`.
    fn select(self, mask: Self::M, a: Self::F, b: Self::F) -> Self::F;

    /// Truncates; what no i32 can hold becomes an arbitrary number.
    fn to_int(self, x: Self::F) -> Self::I;
    fn to_float(self, x: Self::I) -> Self::F;
    /// 2 to a whole power from -126 to 127.
    fn power_of_two(self, power: Self::F) -> Self::F;
    fn min_i(self, a: Self::I, b: Self::I) -> Self::I;

    /// One bit per lane, the first lane lowest.
    fn bits(self, mask: Self::M) -> u32;
    fn mask(self, bits: u32) -> Self::M;

    /// Table entries; indices beyond the table read some entry of it.
    fn gather(self, table: &[f32], index: Self::I) -> Self::F;
    /// The four columns of table entries; indices beyond the table read some entry of it.
    fn gather_columns(self, table: &[[f32; 4]], index: Self::I) -> [Self::F; 4];
    /// The smallest of the lanes in `mask`; infinity if there are none.
    fn smallest(self, mask: Self::M, x: Self::F) -> f32;

    /// Voxels (column, row, slice) of the grid, from which reads may go up to `span` voxels on.
    /// Where that would leave the voxels, the place is an arbitrary one.
    fn place<'a, V: Texel>(
        self,
        grid: &'a Grid<'a, V>,
        voxel: [Self::I; 3],
        span: usize,
    ) -> Place<'a, V, Self::Index>;
    /// The voxels `offset` behind the place and their next neighbours in the row. `offset` is less
    /// than the place's span, unless the grid is one voxel wide.
    fn pair<V: Texel>(self, place: Place<'_, V, Self::Index>, offset: usize) -> (Self::F, Self::F);

    /// Four `pair`s: the first voxel of each, and how much more the second is. Voxels `soon` ahead of the
    /// place (behind it, if negative) are to be read soon, so memory may bring them meanwhile.
    #[inline(always)]
    fn rises<V: Texel>(
        self,
        place: Place<'_, V, Self::Index>,
        offsets: [usize; 4],
        _soon: Option<isize>,
    ) -> [(Self::F, Self::F); 4] {
        rises_of_pairs(self, place, offsets)
    }

    /// As `Block::new`, where what is shared is faster than what is not.
    #[inline(always)]
    fn block<'a, V: Texel>(
        self,
        _grid: &'a Grid<'a, V>,
        _width: [f32; 3],
    ) -> Option<(Block<'a, V>, [usize; 3])> {
        None
    }

    /// Values by trilinear interpolation in a block at a corner, at `first` and at what is added to it in each lane,
    /// behind the corner; all of them lie in the block's cells. None without blocks. Voxels `soon` ahead are to be read
    /// soon.
    #[inline(always)]
    fn shared<V: Texel>(
        self,
        _block: &Block<'_, V>,
        _corner: [i32; 3],
        _first: Quad,
        _others: &[Self::F; 3],
        _soon: isize,
    ) -> Option<Self::F> {
        None
    }

    /// Runs what is rare in a function of its own, so that it takes no registers where it is not run,
    /// and is compiled once.
    fn apart<P: Part<Self>>(self, part: P) -> P::Output;

    /// Runs what is needed only where `near` and `near_differences` give nothing.
    #[inline(always)]
    fn without_near<P: Part<Self>>(self, part: P) -> P::Output {
        part.run(self)
    }

    /// `near` and the like are to be asked soon, at this corner, which moves `ahead` or back on each axis: memory may
    /// bring what is new of `N` rows of `N` slices of the voxels around it meanwhile.
    #[inline(always)]
    fn soon<V: Texel, const N: usize>(self, _grid: &Grid<'_, V>, _corner: [i32; 3], _ahead: [bool; 3]) {}

    /// Values by trilinear interpolation, where that is faster for lanes close together than one by
    /// one: all lanes in `mask` look into the 3x3x3 cells from `corner` on, and none looks outside of the grid but by
    /// rounding. Values not above `least` may
    /// become others that are not. What need not be `exact` may be so to 15 bits of the range among a cell's voxels.
    #[inline(always)]
    fn near<V: Texel>(
        self,
        _grid: &Grid<'_, V>,
        _corner: [i32; 3],
        _position: [Self::F; 3],
        _mask: Self::M,
        _least: f32,
        _exact: bool,
    ) -> Option<Self::F> {
        None
    }

    /// As `near`, of two positions for each lane; all of them lie in the same cells.
    #[inline(always)]
    fn near_two<V: Texel>(
        self,
        _grid: &Grid<'_, V>,
        _corner: [i32; 3],
        _positions: [[Self::F; 3]; 2],
        _masks: [Self::M; 2],
        _least: f32,
        _exact: bool,
    ) -> Option<[Self::F; 2]> {
        None
    }

    /// As `near`: what the value is one voxel after less what it is one voxel before, along each
    /// axis, by weights of 15 bits.
    #[inline(always)]
    fn near_differences<V: Texel>(
        self,
        _grid: &Grid<'_, V>,
        _corner: [i32; 3],
        _position: [Self::F; 3],
        _mask: Self::M,
    ) -> Option<[Self::F; 3]> {
        None
    }

    /// As `near_differences`, of two positions for each lane; all of them lie in the same cells.
    #[inline(always)]
    fn near_two_differences<V: Texel>(
        self,
        _grid: &Grid<'_, V>,
        _corner: [i32; 3],
        _positions: [[Self::F; 3]; 2],
        _masks: [Self::M; 2],
    ) -> Option<[[Self::F; 3]; 2]> {
        None
    }

    /// The voxels `offset` behind the place and the three next ones in the row. `offset` + 2 is less
    /// than the place's span.
    #[inline(always)]
    fn quad<V: Texel>(self, place: Place<'_, V, Self::Index>, offset: usize) -> [Self::F; 4] {
        let (a, b) = self.pair(place, offset);
        let (c, d) = self.pair(place, offset + 2);
        [a, b, c, d]
    }
}
