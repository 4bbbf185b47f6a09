//! Sixteen lanes: AVX-512.

use std::arch::x86_64::*;
use std::ops::{Add, BitAnd, BitOr, Div, Mul, Not, Sub};

use super::{Block, Grid, Kernel, Lanes, Layout, Part, Place, Quad, Texel, rises_of_pairs};
use window::{Cells, ExactCells, Numbers, Slopes, Window};

const N: usize = 16;

/// Exists only where the instructions do; so do the vectors that it makes.
#[derive(Clone, Copy, Debug)]
pub(in crate::cpu) struct Avx512(());

#[derive(Clone, Copy, Debug)]
pub(in crate::cpu) struct Floats(__m512);

#[derive(Clone, Copy, Debug)]
pub(in crate::cpu) struct Ints(__m512i);

#[derive(Clone, Copy, Debug)]
pub(in crate::cpu) struct Mask(__mmask16);

impl Avx512 {
    #[inline(always)]
    pub fn detect() -> Option<Self> {
        let found = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma");
        found.then_some(Self(()))
    }

    #[inline(always)]
    pub fn run<K: Kernel>(self, kernel: K) {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
        fn with_features<K: Kernel>(lanes: Avx512, kernel: K) {
            kernel.run(lanes);
        }
        // SAFETY: the token exists only where these features were detected.
        unsafe { with_features(self, kernel) }
    }
}

/// Register-only intrinsics.
macro_rules! vector {
    ($e:expr) => {
        // SAFETY: takes no pointers; the features exist, because a token or a vector that a token
        // made is at hand.
        unsafe { $e }
    };
}

mod block;
mod window;

/// Reads 32 bits for each lane, `2 * index` bytes behind `from`. On Zen 5 sixteen loads of their own
/// take a tenth off a whole frame compared with the gather instruction; other processors were not
/// measured.
///
/// # Safety
/// Taken as unsigned, every lane's index must lead to four bytes that may be read.
#[inline(always)]
unsafe fn words(from: *const u8, index: __m512i) -> __m512i {
    let mut at = [0u32; N];
    macro_rules! word {
        ($lane:expr) => {
            from.add(2 * at[$lane] as usize).cast::<i32>().read_unaligned()
        };
    }
    // SAFETY: the array holds a vector; the caller vouches for what is read.
    unsafe {
        _mm512_storeu_si512(at.as_mut_ptr().cast(), index);
        let a = _mm_setr_epi32(word!(0), word!(1), word!(2), word!(3));
        let b = _mm_setr_epi32(word!(4), word!(5), word!(6), word!(7));
        let c = _mm_setr_epi32(word!(8), word!(9), word!(10), word!(11));
        let d = _mm_setr_epi32(word!(12), word!(13), word!(14), word!(15));
        let low = _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(a), b);
        let high = _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(c), d);
        _mm512_inserti64x4::<1>(_mm512_castsi256_si512(low), high)
    }
}

/// In a cache line of its own: what is stored as one vector can then be read lane by lane without waiting.
#[repr(align(64))]
struct Indices([u32; N]);

/// As `words`, `2 * offset` bytes further for each of four offsets. Each index is fetched once, also for
/// what has memory bring 16 bits of each lane that many further `soon`.
///
/// # Safety
/// As `words`, for each of the offsets.
#[inline(always)]
unsafe fn four_words(
    from: *const u8,
    index: __m512i,
    offsets: [usize; 4],
    soon: Option<isize>,
) -> [__m512i; 4] {
    let mut at = Indices([0; N]);
    // SAFETY: the array holds a vector; the caller vouches for what is read.
    unsafe {
        _mm512_storeu_si512(at.0.as_mut_ptr().cast(), index);
        if soon.is_some() {
            // Else the compiler takes indices out of the register, and keeps them on the stack for want
            // of others.
            std::hint::black_box(&mut at);
        }
        let [a, b, c, d] = offsets;
        let (a, b, c, d) = (from.add(2 * a), from.add(2 * b), from.add(2 * c), from.add(2 * d));
        macro_rules! word {
            ($row:expr, $lane:expr) => {
                $row.add(2 * at.0[$lane] as usize).cast::<i32>().read_unaligned()
            };
        }
        macro_rules! four {
            ($row:expr, $lane:expr) => {
                _mm_setr_epi32(
                    word!($row, $lane),
                    word!($row, $lane + 1),
                    word!($row, $lane + 2),
                    word!($row, $lane + 3),
                )
            };
        }
        macro_rules! bring {
            ($soon:expr, $lane:expr) => {
                _mm_prefetch::<_MM_HINT_T1>($soon.wrapping_add(2 * at.0[$lane] as usize).cast())
            };
        }
        macro_rules! group {
            ($lane:expr) => {{
                if let Some(soon) = soon {
                    // Any address will do.
                    let soon = from.wrapping_offset(2 * soon);
                    bring!(soon, $lane);
                    bring!(soon, $lane + 1);
                    bring!(soon, $lane + 2);
                    bring!(soon, $lane + 3);
                }
                [four!(a, $lane), four!(b, $lane), four!(c, $lane), four!(d, $lane)]
            }};
        }
        let (first, second, third, fourth) = (group!(0), group!(4), group!(8), group!(12));
        macro_rules! joined {
            ($row:expr) => {{
                let low = _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(first[$row]), second[$row]);
                let high = _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(third[$row]), fourth[$row]);
                _mm512_inserti64x4::<1>(_mm512_castsi256_si512(low), high)
            }};
        }
        [joined!(0), joined!(1), joined!(2), joined!(3)]
    }
}

/// Reads 64 bits for each lane, `2 * index` bytes behind `from`: the low and the high halves.
///
/// # Safety
/// Taken as unsigned, every lane's index must lead to eight bytes that may be read.
#[inline(always)]
unsafe fn double_words(from: *const u8, index: __m512i) -> (__m512i, __m512i) {
    let mut at = [0u32; N];
    macro_rules! two {
        ($lane:expr) => {{
            let low = from.add(2 * at[$lane] as usize).cast::<f64>().read_unaligned();
            let high = from.add(2 * at[$lane + 1] as usize).cast::<f64>();
            _mm_loadh_pd(_mm_set_sd(low), high)
        }};
    }
    macro_rules! eight {
        ($lane:expr) => {{
            let low = _mm256_insertf128_pd::<1>(_mm256_castpd128_pd256(two!($lane)), two!($lane + 2));
            let high = _mm256_insertf128_pd::<1>(_mm256_castpd128_pd256(two!($lane + 4)), two!($lane + 6));
            _mm512_castpd_si512(_mm512_insertf64x4::<1>(_mm512_castpd256_pd512(low), high))
        }};
    }
    // SAFETY: the array holds a vector; the caller vouches for what is read.
    unsafe {
        _mm512_storeu_si512(at.as_mut_ptr().cast(), index);
        let (first, second) = (eight!(0), eight!(8));
        let even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
        let odd = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
        (_mm512_permutex2var_epi32(first, even, second), _mm512_permutex2var_epi32(first, odd, second))
    }
}

/// The low and the high 16 bits of each lane, as numbers with a sign.
#[inline(always)]
fn signed_halves(pair: __m512i) -> (Floats, Floats) {
    let low = vector!(_mm512_srai_epi32::<16>(_mm512_slli_epi32::<16>(pair)));
    (
        Floats(vector!(_mm512_cvtepi32_ps(low))),
        Floats(vector!(_mm512_cvtepi32_ps(_mm512_srai_epi32::<16>(pair)))),
    )
}

/// The low and the high 16 bits of each lane, as numbers without a sign.
#[inline(always)]
fn unsigned_halves(pair: __m512i) -> (Floats, Floats) {
    let low = vector!(_mm512_and_si512(pair, _mm512_set1_epi32(0xffff)));
    (
        Floats(vector!(_mm512_cvtepi32_ps(low))),
        Floats(vector!(_mm512_cvtepi32_ps(_mm512_srli_epi32::<16>(pair)))),
    )
}

/// The low 16 bits of each lane, and how much more the high ones are, as numbers with a sign.
#[inline(always)]
fn signed_rise(pair: __m512i) -> (Floats, Floats) {
    vector!({
        let low = _mm512_madd_epi16(pair, _mm512_set1_epi32(1));
        // The high half, less the low one.
        let rise = _mm512_madd_epi16(pair, _mm512_set1_epi32(0x1_ffff));
        (Floats(_mm512_cvtepi32_ps(low)), Floats(_mm512_cvtepi32_ps(rise)))
    })
}

/// The low 16 bits of each lane, and how much more the high ones are, as numbers without a sign.
#[inline(always)]
fn unsigned_rise(pair: __m512i) -> (Floats, Floats) {
    vector!({
        let low = _mm512_and_si512(pair, _mm512_set1_epi32(0xffff));
        let rise = _mm512_sub_epi32(_mm512_srli_epi32::<16>(pair), low);
        (Floats(_mm512_cvtepi32_ps(low)), Floats(_mm512_cvtepi32_ps(rise)))
    })
}

macro_rules! operator {
    ($t:ident: $($trait:ident $name:ident $intrinsic:ident),*) => {$(
        impl $trait for $t {
            type Output = Self;
            #[inline(always)]
            fn $name(self, other: Self) -> Self {
                Self(vector!($intrinsic(self.0, other.0)))
            }
        }
    )*};
}
operator!(Floats: Add add _mm512_add_ps, Sub sub _mm512_sub_ps, Mul mul _mm512_mul_ps, Div div _mm512_div_ps);
operator!(Ints: Add add _mm512_add_epi32, Sub sub _mm512_sub_epi32, Mul mul _mm512_mullo_epi32);

impl BitAnd for Mask {
    type Output = Self;
    #[inline(always)]
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitOr for Mask {
    type Output = Self;
    #[inline(always)]
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl Not for Mask {
    type Output = Self;
    #[inline(always)]
    fn not(self) -> Self {
        Self(!self.0)
    }
}

impl Lanes for Avx512 {
    const COUNT: usize = N;
    type F = Floats;
    type I = Ints;
    type M = Mask;
    type Index = Ints;

    #[inline(always)]
    fn splat(self, x: f32) -> Floats {
        Floats(vector!(_mm512_set1_ps(x)))
    }
    #[inline(always)]
    fn splat_i(self, x: i32) -> Ints {
        Ints(vector!(_mm512_set1_epi32(x)))
    }
    #[inline(always)]
    fn load(self, from: &[f32]) -> Floats {
        let from = &from[..N];
        // SAFETY: the slice holds N floats.
        Floats(unsafe { _mm512_loadu_ps(from.as_ptr()) })
    }
    #[inline(always)]
    fn store(self, x: Floats, to: &mut [f32]) {
        let to = &mut to[..N];
        // SAFETY: the slice holds N floats.
        unsafe { _mm512_storeu_ps(to.as_mut_ptr(), x.0) }
    }
    #[inline(always)]
    fn store_i(self, x: Ints, to: &mut [i32]) {
        let to = &mut to[..N];
        // SAFETY: the slice holds N numbers of 32 bits.
        unsafe { _mm512_storeu_si512(to.as_mut_ptr().cast(), x.0) }
    }

    #[inline(always)]
    fn mul_add(self, a: Floats, b: Floats, c: Floats) -> Floats {
        Floats(vector!(_mm512_fmadd_ps(a.0, b.0, c.0)))
    }
    #[inline(always)]
    fn min(self, a: Floats, b: Floats) -> Floats {
        Floats(vector!(_mm512_min_ps(a.0, b.0)))
    }
    #[inline(always)]
    fn max(self, a: Floats, b: Floats) -> Floats {
        Floats(vector!(_mm512_max_ps(a.0, b.0)))
    }
    #[inline(always)]
    fn abs(self, x: Floats) -> Floats {
        Floats(vector!(_mm512_abs_ps(x.0)))
    }
    #[inline(always)]
    fn sqrt(self, x: Floats) -> Floats {
        Floats(vector!(_mm512_sqrt_ps(x.0)))
    }
    #[inline(always)]
    fn one_over_sqrt(self, x: Floats) -> Floats {
        Floats(vector!(_mm512_rsqrt14_ps(x.0)))
    }
    #[inline(always)]
    fn floor(self, x: Floats) -> Floats {
        const DOWN: i32 = _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC;
        Floats(vector!(_mm512_roundscale_ps::<DOWN>(x.0)))
    }
    #[inline(always)]
    fn ceil(self, x: Floats) -> Floats {
        const UP: i32 = _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC;
        Floats(vector!(_mm512_roundscale_ps::<UP>(x.0)))
    }
    #[inline(always)]
    fn lt(self, a: Floats, b: Floats) -> Mask {
        Mask(vector!(_mm512_cmp_ps_mask::<_CMP_LT_OQ>(a.0, b.0)))
    }
    #[inline(always)]
    fn le(self, a: Floats, b: Floats) -> Mask {
        Mask(vector!(_mm512_cmp_ps_mask::<_CMP_LE_OQ>(a.0, b.0)))
    }
    #[inline(always)]
    fn select(self, mask: Mask, a: Floats, b: Floats) -> Floats {
        Floats(vector!(_mm512_mask_blend_ps(mask.0, b.0, a.0)))
    }

    #[inline(always)]
    fn to_int(self, x: Floats) -> Ints {
        Ints(vector!(_mm512_cvttps_epi32(x.0)))
    }
    #[inline(always)]
    fn to_float(self, x: Ints) -> Floats {
        Floats(vector!(_mm512_cvtepi32_ps(x.0)))
    }
    #[inline(always)]
    fn power_of_two(self, power: Floats) -> Floats {
        Floats(vector!(_mm512_scalef_ps(_mm512_set1_ps(1.0), power.0)))
    }
    #[inline(always)]
    fn min_i(self, a: Ints, b: Ints) -> Ints {
        Ints(vector!(_mm512_min_epi32(a.0, b.0)))
    }

    #[inline(always)]
    fn bits(self, mask: Mask) -> u32 {
        u32::from(mask.0)
    }
    #[inline(always)]
    fn mask(self, bits: u32) -> Mask {
        Mask(bits as __mmask16)
    }

    #[inline(always)]
    fn gather(self, table: &[f32], index: Ints) -> Floats {
        assert!(!table.is_empty());
        let last = i32::try_from(table.len() - 1).unwrap_or(i32::MAX);
        // SAFETY: as an unsigned number no index is above the table's last, which is an i32.
        Floats(unsafe {
            let index = _mm512_min_epu32(index.0, _mm512_set1_epi32(last));
            _mm512_i32gather_ps::<4>(index, table.as_ptr())
        })
    }
    #[inline(always)]
    fn gather_columns(self, table: &[[f32; 4]], index: Ints) -> [Floats; 4] {
        assert!(!table.is_empty());
        // Offsets in bytes: addresses then need no arithmetic of their own.
        let last = i32::try_from(table.len() - 1).unwrap_or(i32::MAX).min(i32::MAX >> 4);
        let mut at = [0u32; N];
        macro_rules! entry {
            ($lane:expr) => {
                _mm_loadu_ps(table.as_ptr().cast::<u8>().add(at[$lane] as usize).cast())
            };
        }
        // Lanes four apart, so that transposing each quarter puts them in order.
        macro_rules! four {
            ($lane:expr) => {{
                let a = _mm512_castps128_ps512(entry!($lane));
                let b = _mm512_mask_broadcast_f32x4(a, 0x00f0, entry!($lane + 4));
                let c = _mm512_mask_broadcast_f32x4(b, 0x0f00, entry!($lane + 8));
                _mm512_mask_broadcast_f32x4(c, 0xf000, entry!($lane + 12))
            }};
        }
        // SAFETY: the array holds a vector; as an unsigned number no index is above the table's last.
        unsafe {
            let index = _mm512_min_epu32(index.0, _mm512_set1_epi32(last));
            _mm512_storeu_si512(at.as_mut_ptr().cast(), _mm512_slli_epi32::<4>(index));
            let (a, b, c, d) = (four!(0), four!(1), four!(2), four!(3));
            let (ab, cd) = (_mm512_unpacklo_ps(a, b), _mm512_unpacklo_ps(c, d));
            let (ef, gh) = (_mm512_unpackhi_ps(a, b), _mm512_unpackhi_ps(c, d));
            [
                Floats(_mm512_shuffle_ps::<0x44>(ab, cd)),
                Floats(_mm512_shuffle_ps::<0xee>(ab, cd)),
                Floats(_mm512_shuffle_ps::<0x44>(ef, gh)),
                Floats(_mm512_shuffle_ps::<0xee>(ef, gh)),
            ]
        }
    }
    #[inline(always)]
    fn smallest(self, mask: Mask, x: Floats) -> f32 {
        vector!(_mm512_reduce_min_ps(_mm512_mask_blend_ps(mask.0, _mm512_set1_ps(f32::INFINITY), x.0)))
    }

    #[inline(always)]
    fn place<'a, V: Texel>(self, grid: &'a Grid<'a, V>, voxel: [Ints; 3], span: usize) -> Place<'a, V, Ints> {
        let last = i64::from(grid.gather_len) - 1 - span as i64;
        assert!(last >= 0, "the grid does not suit gathers");
        let [columns, rows, _] = grid.dims;
        // Side by side, the products do not wait for each other.
        let index = voxel[2] * self.splat_i((rows * columns) as i32)
            + (voxel[1] * self.splat_i(columns as i32) + voxel[0]);
        let index = Ints(vector!(_mm512_min_epu32(index.0, _mm512_set1_epi32(last as i32))));
        Place { grid, index, span }
    }

    #[inline(always)]
    fn pair<V: Texel>(self, place: Place<'_, V, Ints>, offset: usize) -> (Floats, Floats) {
        assert!(offset < place.span, "the pair leaves the span");
        let voxels = place.grid.voxels;
        let index = place.index.0;
        // SAFETY: `place` made index + span less than the number of voxels, which is an i32, so
        // index + offset + 1 is a voxel too. `Texel` vouches for the size of a voxel. Gathers of 16
        // and 32 bit voxels read no other than these two; those of bytes read four, and are moved
        // back to where four bytes are left, which are at least there in a grid that suits gathers.
        unsafe {
            let at = voxels.as_ptr().add(offset);
            match V::LAYOUT {
                Layout::I16 => signed_halves(words(at.cast(), index)),
                Layout::U16 => unsigned_halves(words(at.cast(), index)),
                Layout::U8 => {
                    let index = _mm512_add_epi32(index, _mm512_set1_epi32(offset as i32));
                    let near = _mm512_min_epi32(index, _mm512_set1_epi32(place.grid.gather_len - 4));
                    let word = _mm512_i32gather_epi32::<1>(near, voxels.as_ptr().cast());
                    let moved = _mm512_slli_epi32::<3>(_mm512_sub_epi32(index, near));
                    let pair = _mm512_srlv_epi32(word, moved);
                    let byte = _mm512_set1_epi32(0xff);
                    let high = _mm512_and_si512(_mm512_srli_epi32::<8>(pair), byte);
                    (
                        Floats(_mm512_cvtepi32_ps(_mm512_and_si512(pair, byte))),
                        Floats(_mm512_cvtepi32_ps(high)),
                    )
                }
                Layout::F32 => (
                    Floats(_mm512_i32gather_ps::<4>(index, at.cast())),
                    Floats(_mm512_i32gather_ps::<4>(index, at.add(1).cast())),
                ),
            }
        }
    }

    #[inline(always)]
    fn rises<V: Texel>(
        self,
        place: Place<'_, V, Ints>,
        offsets: [usize; 4],
        soon: Option<isize>,
    ) -> [(Floats, Floats); 4] {
        if !matches!(V::LAYOUT, Layout::I16 | Layout::U16) {
            return rises_of_pairs(self, place, offsets);
        }
        for offset in offsets {
            assert!(offset < place.span, "the pair leaves the span");
        }
        // SAFETY: as in `pair`.
        let [a, b, c, d] =
            unsafe { four_words(place.grid.voxels.as_ptr().cast(), place.index.0, offsets, soon) };
        match V::LAYOUT {
            Layout::I16 => [signed_rise(a), signed_rise(b), signed_rise(c), signed_rise(d)],
            _ => [unsigned_rise(a), unsigned_rise(b), unsigned_rise(c), unsigned_rise(d)],
        }
    }

    #[inline(always)]
    fn quad<V: Texel>(self, place: Place<'_, V, Ints>, offset: usize) -> [Floats; 4] {
        if !matches!(V::LAYOUT, Layout::I16 | Layout::U16) {
            let ((a, b), (c, d)) = (self.pair(place, offset), self.pair(place, offset + 2));
            return [a, b, c, d];
        }
        assert!(offset + 2 < place.span, "the voxels leave the span");
        // SAFETY: `place` made index + span less than the number of voxels, so index + offset + 3 is a
        // voxel too; `Texel` vouches for 16 bits each, so eight bytes hold these four.
        let (near, far) =
            unsafe { double_words(place.grid.voxels.as_ptr().add(offset).cast(), place.index.0) };
        let ((a, b), (c, d)) = match V::LAYOUT {
            Layout::I16 => (signed_halves(near), signed_halves(far)),
            _ => (unsigned_halves(near), unsigned_halves(far)),
        };
        [a, b, c, d]
    }

    #[inline(always)]
    fn block<'a, V: Texel>(
        self,
        grid: &'a Grid<'a, V>,
        width: [f32; 3],
    ) -> Option<(Block<'a, V>, [usize; 3])> {
        if matches!(V::LAYOUT, Layout::I16 | Layout::U16) { Block::new(grid, width) } else { None }
    }

    #[inline(always)]
    fn shared<V: Texel>(
        self,
        block: &Block<'_, V>,
        corner: [i32; 3],
        first: Quad,
        others: &[Floats; 3],
        soon: isize,
    ) -> Option<Floats> {
        if !matches!(V::LAYOUT, Layout::I16 | Layout::U16) {
            return None;
        }
        let [x, y, z] = first.to_array();
        let place = [self.splat(x) + others[0], self.splat(y) + others[1], self.splat(z) + others[2]];
        Some(block::value(block, corner, place, soon))
    }

    #[inline(always)]
    fn apart<P: Part<Self>>(self, part: P) -> P::Output {
        #[inline(never)]
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
        fn with_features<P: Part<Avx512>>(lanes: Avx512, part: P) -> P::Output {
            part.run(lanes)
        }
        // SAFETY: the token exists only where these features were detected.
        unsafe { with_features(self, part) }
    }

    #[inline(always)]
    fn without_near<P: Part<Self>>(self, part: P) -> P::Output {
        self.apart(part)
    }

    #[inline(always)]
    fn soon<V: Texel, const N: usize>(self, grid: &Grid<'_, V>, corner: [i32; 3], ahead: [bool; 3]) {
        Window::<N>::bring(grid, corner, ahead);
    }

    #[inline(always)]
    fn near<V: Texel>(
        self,
        grid: &Grid<'_, V>,
        corner: [i32; 3],
        position: [Floats; 3],
        mask: Mask,
        least: f32,
        exact: bool,
    ) -> Option<Floats> {
        if exact {
            let cells = ExactCells::new(position, corner, mask)?;
            let numbers = Numbers::above(self, grid, corner, least)?;
            return Some(match numbers {
                Some(numbers) => numbers.at(&cells),
                None => self.splat(least),
            });
        }
        let cells = Cells::new(position, corner, mask)?;
        let numbers = Numbers::above(self, grid, corner, least)?;
        Some(match numbers {
            Some(numbers) => numbers.about(&cells),
            None => self.splat(least),
        })
    }

    #[inline(always)]
    fn near_two<V: Texel>(
        self,
        grid: &Grid<'_, V>,
        corner: [i32; 3],
        positions: [[Floats; 3]; 2],
        masks: [Mask; 2],
        least: f32,
        exact: bool,
    ) -> Option<[Floats; 2]> {
        let [near, far] = positions;
        if exact {
            let cells = [ExactCells::new(near, corner, masks[0])?, ExactCells::new(far, corner, masks[1])?];
            return Some(match Numbers::above(self, grid, corner, least)? {
                Some(numbers) => [numbers.at(&cells[0]), numbers.at(&cells[1])],
                None => [self.splat(least); 2],
            });
        }
        let cells = [Cells::new(near, corner, masks[0])?, Cells::new(far, corner, masks[1])?];
        Some(match Numbers::above(self, grid, corner, least)? {
            Some(numbers) => [numbers.about(&cells[0]), numbers.about(&cells[1])],
            None => [self.splat(least); 2],
        })
    }

    #[inline(always)]
    fn near_differences<V: Texel>(
        self,
        grid: &Grid<'_, V>,
        corner: [i32; 3],
        position: [Floats; 3],
        mask: Mask,
    ) -> Option<[Floats; 3]> {
        let cells = Cells::new(position, corner, mask)?;
        Some(Slopes::new(self, grid, corner)?.at(&cells))
    }

    #[inline(always)]
    fn near_two_differences<V: Texel>(
        self,
        grid: &Grid<'_, V>,
        corner: [i32; 3],
        positions: [[Floats; 3]; 2],
        masks: [Mask; 2],
    ) -> Option<[[Floats; 3]; 2]> {
        let first = Cells::new(positions[0], corner, masks[0])?;
        let second = Cells::new(positions[1], corner, masks[1])?;
        let slopes = Slopes::new(self, grid, corner)?;
        Some([slopes.at(&first), slopes.at(&second)])
    }
}
