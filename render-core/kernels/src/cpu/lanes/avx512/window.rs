//! Voxels that neighbouring rays share: loaded once, and picked from registers by each lane.

use std::arch::x86_64::*;

use super::super::{Grid, Lanes, Layout, Part, Texel};
use super::{Avx512, Floats, Mask, signed_halves, unsigned_halves};

/// `N` rows of eight voxels in each of `N` slices.
pub(super) struct Window<const N: usize> {
    from: *const i16,
    rows: [usize; N],
    slices: [usize; N],
}

impl<const N: usize> Window<N> {
    /// How far a window begins before its corner on each axis.
    const MORE: usize = (N - 4) / 2;

    /// The window at a corner, if all of it lies in the grid and its voxels have 16 bits.
    #[inline(always)]
    fn inside<V: Texel>(grid: &Grid<'_, V>, corner: [i32; 3]) -> Option<Self> {
        let mut index = 0;
        for axis in (0..3).rev() {
            let first = (corner[axis] as usize).wrapping_sub(Self::MORE);
            // False where the corner lies before the grid: its number wraps around.
            if first.checked_add(N)? > grid.dims[axis] {
                return None;
            }
            index = index * grid.dims[axis] + first;
        }
        let (mut rows, mut slices) = ([0; N], [0; N]);
        for i in 1..N {
            rows[i] = rows[i - 1] + grid.next[1];
            slices[i] = slices[i - 1] + grid.next[2];
        }
        Self::within(grid, index, rows, slices)
    }

    /// As `inside`, but the outermost rows and slices are repeated beyond the grid.
    #[inline(always)]
    fn at_faces<V: Texel>(grid: &Grid<'_, V>, corner: [i32; 3]) -> Option<Self> {
        let first = (corner[0] as usize).wrapping_sub(Self::MORE);
        // Without more, what lies behind the end of a row is not looked at.
        if Self::MORE > 0 && first.checked_add(N)? > grid.dims[0] {
            return None;
        }
        let (mut rows, mut slices) = ([0; N], [0; N]);
        for i in 0..N {
            let y = (corner[1].max(0) as usize + i).saturating_sub(Self::MORE).min(grid.dims[1] - 1);
            let z = (corner[2].max(0) as usize + i).saturating_sub(Self::MORE).min(grid.dims[2] - 1);
            (rows[i], slices[i]) = (y * grid.next[1], z * grid.next[2]);
        }
        Self::within(grid, first, rows, slices)
    }

    /// The last row and slice must be the farthest.
    #[inline(always)]
    fn within<V: Texel>(
        grid: &Grid<'_, V>,
        first: usize,
        rows: [usize; N],
        slices: [usize; N],
    ) -> Option<Self> {
        if !matches!(V::LAYOUT, Layout::I16 | Layout::U16)
            || !grid.holds(first, rows[N - 1] + slices[N - 1] + 8)
        {
            return None;
        }
        // SAFETY: the grid holds this voxel and all that the window reads behind it.
        let from = unsafe { grid.voxels.as_ptr().add(first) };
        Some(Self { from: from.cast(), rows, slices })
    }

    /// Asks memory for the rows that the window at a corner, wherever that is, has more than the one before it, where it
    /// moves `ahead` along rows and slices.
    #[inline(always)]
    pub fn bring<V: Texel>(grid: &Grid<'_, V>, corner: [i32; 3], ahead: [bool; 3]) {
        if !matches!(V::LAYOUT, Layout::I16 | Layout::U16) {
            return;
        }
        let (mut from, next) = (grid.voxels.as_ptr(), grid.next);
        for axis in 0..3 {
            let first = (corner[axis].max(0) as usize).saturating_sub(Self::MORE);
            from = from.wrapping_add(first.wrapping_mul(next[axis]));
        }
        macro_rules! ask {
            ($slice:expr, $row:expr) => {
                let at = from.wrapping_add($slice * next[2] + $row * next[1]);
                // SAFETY: any address will do.
                unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) }
            };
        }
        // Two rows of each slice on the side that it moves to, then the others of two slices.
        let (y, others) = if ahead[1] { (N - 2, 0) } else { (0, 2) };
        let z = if ahead[2] { N - 2 } else { 0 };
        for slice in 0..N {
            ask!(slice, y);
            ask!(slice, y + 1);
        }
        for row in others..others + N - 2 {
            ask!(z, row);
            ask!(z + 1, row);
        }
    }

    #[inline(always)]
    fn row(&self, row: usize, slice: usize) -> __m128i {
        // SAFETY: `within` saw that the grid holds the farthest row.
        unsafe { _mm_loadu_si128(self.from.add(self.rows[row] + self.slices[slice]).cast()) }
    }

    /// The four rows in the middle of a slice.
    #[inline(always)]
    fn four(&self, slice: usize) -> __m512i {
        let first = Self::MORE;
        let (a, b) = (self.row(first, slice), self.row(first + 1, slice));
        let (c, d) = (self.row(first + 2, slice), self.row(first + 3, slice));
        vector!({
            let two = _mm512_mask_broadcast_i32x4(_mm512_castsi128_si512(a), 0x00f0, b);
            let three = _mm512_mask_broadcast_i32x4(two, 0x0f00, c);
            _mm512_mask_broadcast_i32x4(three, 0xf000, d)
        })
    }
}

/// 4x4x4 voxels, row by row.
pub(super) struct Numbers {
    numbers: [__m512i; 2],
    layout: Layout,
}

impl Numbers {
    /// Those from `corner` on. None if they cannot be read; Some(None) if none is above `least`.
    #[inline(always)]
    pub fn above<V: Texel>(
        l: Avx512,
        grid: &Grid<'_, V>,
        corner: [i32; 3],
        least: f32,
    ) -> Option<Option<Self>> {
        let numbers = match Window::inside(grid, corner) {
            Some(window) => Self::of(&window),
            None => l.apart(NumbersAtFaces { grid, corner })?,
        };
        let [low, high] = numbers;
        vector!({
            let highest = _mm512_max_epi16(with_sign(low, V::LAYOUT), with_sign(high, V::LAYOUT));
            let shift = if V::LAYOUT == Layout::U16 { 32_768.0 } else { 0.0 };
            // The first number above `least`; saturates, towards finding too much.
            let first = (least.floor() + 1.0 - shift).clamp(-32_768.0, 32_767.0) as i16;
            if _mm512_cmpge_epi16_mask(highest, _mm512_set1_epi16(first)) == 0 {
                return Some(None);
            }
        });
        Some(Some(Self { numbers, layout: V::LAYOUT }))
    }

    #[inline(always)]
    fn of(window: &Window<4>) -> [__m512i; 2] {
        compressed::<0>([window.four(0), window.four(1), window.four(2), window.four(3)])
    }

    /// Trilinear interpolation to 15 bits of the range among a cell's numbers.
    #[inline(always)]
    pub fn about(&self, cells: &Cells) -> Floats {
        let [low, high] = self.numbers;
        let numbers = [with_sign(low, self.layout), with_sign(high, self.layout)];
        let value = cells.blend(numbers);
        match self.layout {
            Layout::U16 => Floats(vector!(_mm512_add_ps(value.0, _mm512_set1_ps(32_768.0)))),
            _ => value,
        }
    }

    #[inline(always)]
    pub fn at(&self, cells: &ExactCells) -> Floats {
        let [low, high] = self.numbers;
        let a = cells.row::<0>(low, high, self.layout);
        let b = cells.row::<4>(low, high, self.layout);
        let c = cells.row::<16>(low, high, self.layout);
        let d = cells.row::<20>(low, high, self.layout);
        Floats(cells.across(a, b, c, d))
    }
}

struct NumbersAtFaces<'a, 'b, V> {
    grid: &'a Grid<'b, V>,
    corner: [i32; 3],
}

impl<V: Texel> Part<Avx512> for NumbersAtFaces<'_, '_, V> {
    type Output = Option<[__m512i; 2]>;
    #[inline(always)]
    fn run(self, _: Avx512) -> Option<[__m512i; 2]> {
        Some(Numbers::of(&Window::at_faces(self.grid, self.corner)?))
    }
}

/// Differences of the voxels after and before each of 4x4x4, along each axis.
pub(super) struct Slopes([[__m512i; 2]; 3]);

impl Slopes {
    /// Those from `corner` on; none if the voxels around them cannot be read, or 16 bits cannot hold
    /// their differences.
    #[inline(always)]
    pub fn new<V: Texel>(l: Avx512, grid: &Grid<'_, V>, corner: [i32; 3]) -> Option<Self> {
        match Window::inside(grid, corner) {
            Some(window) if grid.is_even => Some(Self::of::<true>(&window, V::LAYOUT)),
            _ => l.apart(RareSlopes { grid, corner }),
        }
    }

    /// Whether any is as steep as 16 bits can say.
    #[inline(always)]
    fn are_saturated(&self) -> bool {
        let Self([[a, b], [c, d], [e, f]]) = self;
        vector!({
            let x = _mm512_max_epu16(_mm512_abs_epi16(*a), _mm512_abs_epi16(*b));
            let y = _mm512_max_epu16(_mm512_abs_epi16(*c), _mm512_abs_epi16(*d));
            let z = _mm512_max_epu16(_mm512_abs_epi16(*e), _mm512_abs_epi16(*f));
            let steepest = _mm512_max_epu16(x, _mm512_max_epu16(y, z));
            _mm512_cmpge_epu16_mask(steepest, _mm512_set1_epi16(i16::MAX)) != 0
        })
    }

    #[inline(always)]
    fn of<const EVEN: bool>(window: &Window<6>, layout: Layout) -> Self {
        let (a, b, c, d) = (window.four(1), window.four(2), window.four(3), window.four(4));
        let (before, after) = (window.four(0), window.four(5));
        let x = vector!([
            difference::<EVEN>(_mm512_bsrli_epi128::<4>(a), a, layout),
            difference::<EVEN>(_mm512_bsrli_epi128::<4>(b), b, layout),
            difference::<EVEN>(_mm512_bsrli_epi128::<4>(c), c, layout),
            difference::<EVEN>(_mm512_bsrli_epi128::<4>(d), d, layout),
        ]);
        let y = [
            across::<EVEN>(a, window.row(0, 1), window.row(5, 1), layout),
            across::<EVEN>(b, window.row(0, 2), window.row(5, 2), layout),
            across::<EVEN>(c, window.row(0, 3), window.row(5, 3), layout),
            across::<EVEN>(d, window.row(0, 4), window.row(5, 4), layout),
        ];
        let z = [
            difference::<EVEN>(b, before, layout),
            difference::<EVEN>(c, a, layout),
            difference::<EVEN>(d, b, layout),
            difference::<EVEN>(after, c, layout),
        ];
        Self([compressed::<0>(x), compressed::<1>(y), compressed::<1>(z)])
    }

    #[inline(always)]
    pub fn at(&self, cells: &Cells) -> [Floats; 3] {
        let Self([x, y, z]) = self;
        [cells.blend(*x), cells.blend(*y), cells.blend(*z)]
    }
}

/// At the volume's faces, or where 16 bits may not hold the differences.
struct RareSlopes<'a, 'b, V> {
    grid: &'a Grid<'b, V>,
    corner: [i32; 3],
}

impl<V: Texel> Part<Avx512> for RareSlopes<'_, '_, V> {
    type Output = Option<Slopes>;
    #[inline(always)]
    fn run(self, _: Avx512) -> Option<Slopes> {
        let Self { grid, corner } = self;
        let window = match Window::inside(grid, corner) {
            Some(window) => window,
            None => Window::at_faces(grid, corner)?,
        };
        let slopes = Slopes::of::<false>(&window, V::LAYOUT);
        (grid.is_even || !slopes.are_saturated()).then_some(slopes)
    }
}

/// Differences of the rows after and before each of four rows, of which `first` is the row before all
/// and `last` the one after.
#[inline(always)]
fn across<const EVEN: bool>(rows: __m512i, first: __m128i, last: __m128i, layout: Layout) -> __m512i {
    vector!({
        let ends = _mm512_mask_broadcast_i32x4(_mm512_castsi128_si512(last), 0xf000, first);
        let next = _mm512_alignr_epi32::<4>(ends, rows);
        let previous = _mm512_alignr_epi32::<12>(rows, ends);
        difference::<EVEN>(next, previous, layout)
    })
}

/// `a - b` of 16 bits, as the voxels have a sign or not. Where that is `EVEN` no difference is too large.
#[inline(always)]
fn difference<const EVEN: bool>(a: __m512i, b: __m512i, layout: Layout) -> __m512i {
    if EVEN {
        vector!(_mm512_sub_epi16(a, b))
    } else {
        vector!(_mm512_subs_epi16(with_sign(a, layout), with_sign(b, layout)))
    }
}

/// Numbers without a sign, less 32768; others as they are.
#[inline(always)]
fn with_sign(x: __m512i, layout: Layout) -> __m512i {
    match layout {
        Layout::U16 => vector!(_mm512_xor_si512(x, _mm512_set1_epi16(i16::MIN))),
        _ => x,
    }
}

/// 4x4x4 numbers, row by row, from four layers of four rows of eight: four numbers of each row, from
/// `SKIP` on.
#[inline(always)]
fn compressed<const SKIP: i16>([a, b, c, d]: [__m512i; 4]) -> [__m512i; 2] {
    const ORDER: [i16; 32] = {
        let mut order = [0; 32];
        let mut i = 0;
        while i < 32 {
            order[i] = (i / 4 * 8 + i % 4) as i16;
            i += 1;
        }
        order
    };
    vector!({
        let order = _mm512_loadu_si512(ORDER.as_ptr().cast());
        let order = _mm512_add_epi16(order, _mm512_set1_epi16(SKIP));
        [_mm512_permutex2var_epi16(a, order, b), _mm512_permutex2var_epi16(c, order, d)]
    })
}

/// Where in 4x4x4 numbers each lane looks, to the 32768th part of a voxel.
pub(super) struct Cells {
    first: First,
    weights: [__m512i; 4],
}

/// Pairs of 16 bits: a cell's first number and the next one in the row. The lowest six bits of each count.
pub(super) struct First(pub __m512i);

/// The low 16 bits of each lane in both of its halves.
#[inline(always)]
fn twice(x: __m512i) -> __m512i {
    const ORDER: [u8; 16] = [0, 1, 0, 1, 4, 5, 4, 5, 8, 9, 8, 9, 12, 13, 12, 13];
    // SAFETY: the array holds the vector.
    let order = unsafe { _mm_loadu_si128(ORDER.as_ptr().cast()) };
    vector!(_mm512_shuffle_epi8(x, _mm512_broadcast_i32x4(order)))
}

/// The bits of `mask` from `a`, others from `b`.
#[inline(always)]
fn mixed(mask: i32, a: __m512i, b: __m512i) -> __m512i {
    vector!(_mm512_ternarylogic_epi32::<0xe4>(a, b, _mm512_set1_epi32(mask)))
}

/// Floats from this number to its double have `PARTS` bits behind the point: the lowest of their bits.
const BASE: f32 = 256.0;
const PARTS: u32 = 15;

/// So many cells along each axis lie between 4x4x4 numbers.
const CELLS: f32 = 3.0;

/// The bits of `BASE` and how far a position is behind a corner.
#[inline(always)]
fn fixed(position: Floats, corner: i32) -> __m512i {
    vector!({
        let behind = _mm512_sub_ps(position.0, _mm512_set1_ps(corner as f32 - BASE));
        _mm512_castps_si512(_mm512_max_ps(behind, _mm512_set1_ps(BASE)))
    })
}

/// How far a position is behind a corner.
#[inline(always)]
fn behind(position: Floats, corner: i32) -> __m512 {
    vector!({
        let behind = _mm512_sub_ps(position.0, _mm512_set1_ps(corner as f32));
        _mm512_max_ps(behind, _mm512_setzero_ps())
    })
}

impl Cells {
    /// What each blend is multiplied by: the weights of a cell's numbers are negative, so that 16 bits hold them, and
    /// this is their sum.
    const SUM: i32 = -32_769;

    /// None if a lane of `mask` looks behind the last cell. What lies before the first one, by rounding where rays enter and
    /// leave, becomes its beginning.
    #[inline(always)]
    pub fn new(position: [Floats; 3], corner: [i32; 3], mask: Mask) -> Option<Self> {
        let (x, y, z) =
            (fixed(position[0], corner[0]), fixed(position[1], corner[1]), fixed(position[2], corner[2]));
        vector!({
            let farthest = _mm512_max_epi32(_mm512_max_epi32(x, y), z);
            let behind = _mm512_set1_epi32((BASE + CELLS).to_bits() as i32);
            if _mm512_mask_cmpge_epi32_mask(mask.0, farthest, behind) != 0 {
                return None;
            }
            // Two bits of cells for each axis.
            let (row, slice) = (_mm512_srli_epi32::<{ PARTS - 2 }>(y), _mm512_srli_epi32::<{ PARTS - 4 }>(z));
            let index = mixed(0b1111, mixed(0b11, _mm512_srli_epi32::<PARTS>(x), row), slice);
            let first = First::new(index);
            // Of the next number in the row as much as the fraction with all bits turned, of this one as much as the
            // rest: less than nothing, for that sets the bit for the sign.
            let turned = _mm512_set1_epi32(0xffff_0000_u32 as i32);
            let signs = _mm512_set1_epi16(i16::MIN);
            let pair = _mm512_ternarylogic_epi32::<0xbe>(twice(x), turned, signs);
            let parts = _mm512_set1_epi16(i16::MAX);
            let (y, z) = (_mm512_and_si512(twice(y), parts), _mm512_and_si512(twice(z), parts));
            let far = _mm512_mulhrs_epi16(pair, y);
            let near = _mm512_sub_epi16(pair, far);
            let (c, d) = (_mm512_mulhrs_epi16(near, z), _mm512_mulhrs_epi16(far, z));
            Some(Self { first, weights: [_mm512_sub_epi16(near, c), _mm512_sub_epi16(far, d), c, d] })
        })
    }

    /// Trilinear interpolation of numbers with a sign, to 15 bits of the range among a cell's.
    #[inline(always)]
    fn blend(&self, [low, high]: [__m512i; 2]) -> Floats {
        let [a, b, c, d] = self.weights;
        vector!({
            let a = _mm512_madd_epi16(self.first.pair::<0>(low, high), a);
            let b = _mm512_madd_epi16(self.first.pair::<4>(low, high), b);
            let c = _mm512_madd_epi16(self.first.pair::<16>(low, high), c);
            let d = _mm512_madd_epi16(self.first.pair::<20>(low, high), d);
            // At most 2^15 times `SUM`: the weights only share that out.
            let sum = _mm512_add_epi32(_mm512_add_epi32(a, b), _mm512_add_epi32(c, d));
            Floats(_mm512_mul_ps(_mm512_cvtepi32_ps(sum), _mm512_set1_ps(1.0 / Self::SUM as f32)))
        })
    }
}

impl First {
    /// From the low 16 bits of each lane.
    #[inline(always)]
    pub fn new(index: __m512i) -> Self {
        Self(vector!(_mm512_add_epi16(twice(index), _mm512_set1_epi32(0x1_0000))))
    }

    /// A number of a row and the next one.
    #[inline(always)]
    fn pair<const OFFSET: i16>(&self, low: __m512i, high: __m512i) -> __m512i {
        vector!({
            let index = _mm512_add_epi16(self.0, _mm512_set1_epi16(OFFSET));
            _mm512_permutex2var_epi16(low, index, high)
        })
    }
}

/// As `Cells`, as exact as floats.
pub(super) struct ExactCells {
    first: First,
    fraction: [__m512; 3],
}

impl ExactCells {
    /// As `Cells::new`.
    #[inline(always)]
    pub fn new(position: [Floats; 3], corner: [i32; 3], mask: Mask) -> Option<Self> {
        let (x, y, z) =
            (behind(position[0], corner[0]), behind(position[1], corner[1]), behind(position[2], corner[2]));
        vector!({
            let farthest = _mm512_max_ps(_mm512_max_ps(x, y), z);
            if _mm512_mask_cmp_ps_mask::<_CMP_GE_OQ>(mask.0, farthest, _mm512_set1_ps(CELLS)) != 0 {
                return None;
            }
            let cell = [_mm512_cvttps_epi32(x), _mm512_cvttps_epi32(y), _mm512_cvttps_epi32(z)];
            let row = _mm512_add_epi32(cell[0], _mm512_slli_epi32::<2>(cell[1]));
            let index = _mm512_add_epi32(row, _mm512_slli_epi32::<4>(cell[2]));
            let first = First::new(index);
            let fraction = [
                _mm512_sub_ps(x, _mm512_cvtepi32_ps(cell[0])),
                _mm512_sub_ps(y, _mm512_cvtepi32_ps(cell[1])),
                _mm512_sub_ps(z, _mm512_cvtepi32_ps(cell[2])),
            ];
            Some(Self { first, fraction })
        })
    }

    /// Between four rows.
    #[inline(always)]
    fn across(&self, a: __m512, b: __m512, c: __m512, d: __m512) -> __m512 {
        let [_, fy, fz] = self.fraction;
        vector!({
            let near = _mm512_fmadd_ps(_mm512_sub_ps(b, a), fy, a);
            let far = _mm512_fmadd_ps(_mm512_sub_ps(d, c), fy, c);
            _mm512_fmadd_ps(_mm512_sub_ps(far, near), fz, near)
        })
    }

    #[inline(always)]
    fn row<const OFFSET: i16>(&self, low: __m512i, high: __m512i, layout: Layout) -> __m512 {
        let pair = self.first.pair::<OFFSET>(low, high);
        let (a, b) = match layout {
            Layout::U16 => unsigned_halves(pair),
            _ => signed_halves(pair),
        };
        vector!(_mm512_fmadd_ps(_mm512_sub_ps(b.0, a.0), self.fraction[0], a.0))
    }
}
