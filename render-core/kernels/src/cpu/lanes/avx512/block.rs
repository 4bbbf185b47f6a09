//! Voxels that neighbouring pixels of a slice share: up to 30 rows in registers, four in each.

use std::arch::x86_64::*;

use super::super::{Block, Layout, ROW, Shape, Texel};
use super::window::First;
use super::{Floats, signed_rise, unsigned_rise};

/// As `Lanes::shared`, at places behind the corner.
#[inline(always)]
pub(super) fn value<V: Texel>(
    block: &Block<'_, V>,
    corner: [i32; 3],
    place: [Floats; 3],
    soon: isize,
) -> Floats {
    let rows = Rows::new(block, corner, soon);
    let [x, y, z] = place;
    let ((x, fx), (y, fy), (z, fz)) = (parted(x), parted(y), parted(z));
    let ([a, b], [c, d]) = match block.shape {
        Shape::Thin => rows.of_thin([x, y, z]),
        Shape::Thick => rows.of_thick([x, y, z]),
    };
    macro_rules! between {
        ($pair:expr) => {{
            let (value, rise) = match V::LAYOUT {
                Layout::U16 => unsigned_rise($pair),
                _ => signed_rise($pair),
            };
            vector!(_mm512_fmadd_ps(rise.0, fx, value.0))
        }};
    }
    let (a, b, c, d) = (between!(a), between!(b), between!(c), between!(d));
    vector!({
        let near = _mm512_fmadd_ps(_mm512_sub_ps(b, a), fy, a);
        let far = _mm512_fmadd_ps(_mm512_sub_ps(d, c), fy, c);
        Floats(_mm512_fmadd_ps(_mm512_sub_ps(far, near), fz, near))
    })
}

/// The whole parts, and what is left of them.
#[inline(always)]
fn parted(Floats(x): Floats) -> (__m512, __m512) {
    const DOWN: i32 = _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC;
    vector!({
        let fraction = _mm512_reduce_ps::<DOWN>(x);
        (_mm512_sub_ps(x, fraction), fraction)
    })
}

/// Each lane's voxel and the next one of two rows in a slice, and the same of the next slice.
type Pairs = ([__m512i; 2], [__m512i; 2]);

/// Where the rows of a block are.
struct Rows {
    first: *const i16,
    along: usize,
    deep: usize,
    soon: isize,
}

impl Rows {
    #[inline(always)]
    fn new<V: Texel>(block: &Block<'_, V>, corner: [i32; 3], soon: isize) -> Self {
        let [_, rows, slices] = block.shape.size();
        let (voxels, [across, along, deep]) = (block.grid.voxels, block.next);
        let [x, y, z] = corner.map(|first| first.max(0) as usize);
        let first = x * across + y * along + z * deep;
        let last = first + (rows - 1) * along + (slices - 1) * deep;
        assert!(
            matches!(V::LAYOUT, Layout::I16 | Layout::U16) && last + ROW <= voxels.len(),
            "the block leaves the grid"
        );
        Self { first: voxels.as_ptr().wrapping_add(first).cast(), along, deep, soon }
    }

    #[inline(always)]
    fn row(&self, row: usize, slice: usize) -> __m128i {
        let at = self.first.wrapping_add(row * self.along + slice * self.deep);
        // SAFETY: `new` saw that the grid holds the last row, and that a voxel has 16 bits.
        unsafe {
            _mm_prefetch::<_MM_HINT_T1>(at.wrapping_offset(self.soon).cast());
            _mm_loadu_si128(at.cast())
        }
    }

    /// Two rows of a slice.
    #[inline(always)]
    fn two(&self, first: usize, slice: usize) -> __m512i {
        let (a, b) = (self.row(first, slice), self.row(first + 1, slice));
        vector!(_mm512_mask_broadcast_i32x4(_mm512_castsi128_si512(a), 0x00f0, b))
    }

    #[inline(always)]
    fn four(&self, slice: usize) -> __m512i {
        let (c, d) = (self.row(2, slice), self.row(3, slice));
        let two = self.two(0, slice);
        vector!(_mm512_mask_broadcast_i32x4(_mm512_mask_broadcast_i32x4(two, 0x0f00, c), 0xf000, d))
    }

    /// Five slices of four rows, in a register each.
    #[inline(always)]
    fn of_thin(&self, [x, y, z]: [__m512; 3]) -> Pairs {
        let (a, b, c) = (self.four(0), self.four(1), self.four(2));
        let (d, e) = (self.four(3), self.four(4));
        vector!({
            let slice = _mm512_fmadd_ps(z, _mm512_set1_ps(4.0), y);
            let word = _mm512_cvttps_epi32(_mm512_fmadd_ps(slice, _mm512_set1_ps(ROW as f32), x));
            // Six bits are the place in two registers; the next slice has the same in the next two.
            let late = _mm512_test_epi32_mask(word, _mm512_set1_epi32(1 << 6));
            let First(here) = First::new(word);
            let next = _mm512_add_epi16(here, _mm512_set1_epi16(ROW as i16));
            macro_rules! pair {
                ($index:expr, $a:expr, $b:expr, $c:expr, $d:expr) => {{
                    let early = _mm512_permutex2var_epi16($a, $index, $b);
                    _mm512_mask_blend_epi32(late, early, _mm512_permutex2var_epi16($c, $index, $d))
                }};
            }
            let near = [pair!(here, a, b, c, d), pair!(next, a, b, c, d)];
            (near, [pair!(here, b, c, d, e), pair!(next, b, c, d, e)])
        })
    }

    /// Five slices of six rows, in two registers each.
    #[inline(always)]
    fn of_thick(&self, [x, y, z]: [__m512; 3]) -> Pairs {
        vector!({
            let word = _mm512_fmadd_ps(y, _mm512_set1_ps(ROW as f32), x);
            let First(here) = First::new(_mm512_cvttps_epi32(word));
            let next = _mm512_add_epi16(here, _mm512_set1_epi16(ROW as i16));
            macro_rules! slice {
                ($slice:expr) => {{
                    let (low, high) = (self.four($slice), self.two(4, $slice));
                    let here = _mm512_permutex2var_epi16(low, here, high);
                    [here, _mm512_permutex2var_epi16(low, next, high)]
                }};
            }
            let (a, b, c, d, e) = (slice!(0), slice!(1), slice!(2), slice!(3), slice!(4));
            macro_rules! at_least {
                ($slice:expr) => {
                    _mm512_cmp_ps_mask::<_CMP_GE_OQ>(z, _mm512_set1_ps($slice))
                };
            }
            let (second, third, fourth) = (at_least!(1.0), at_least!(2.0), at_least!(3.0));
            macro_rules! pair {
                ($row:expr, $a:expr, $b:expr, $c:expr, $d:expr) => {{
                    let early = _mm512_mask_blend_epi32(second, $a[$row], $b[$row]);
                    let early = _mm512_mask_blend_epi32(third, early, $c[$row]);
                    _mm512_mask_blend_epi32(fourth, early, $d[$row])
                }};
            }
            let near = [pair!(0, a, b, c, d), pair!(1, a, b, c, d)];
            (near, [pair!(0, b, c, d, e), pair!(1, b, c, d, e)])
        })
    }
}
