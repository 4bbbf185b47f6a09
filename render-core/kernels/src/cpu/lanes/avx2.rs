//! Eight lanes: AVX2 and FMA.

use std::arch::x86_64::*;
use std::ops::{Add, BitAnd, BitOr, Div, Mul, Not, Sub};

use super::{Grid, Kernel, Lanes, Layout, Part, Place, Texel, rises_of_pairs};

const N: usize = 8;

/// Exists only where the instructions do; so do the vectors that it makes.
#[derive(Clone, Copy, Debug)]
pub(in crate::cpu) struct Avx2(());

#[derive(Clone, Copy, Debug)]
pub(in crate::cpu) struct Floats(__m256);

#[derive(Clone, Copy, Debug)]
pub(in crate::cpu) struct Ints(__m256i);

#[derive(Clone, Copy, Debug)]
pub(in crate::cpu) struct Mask(__m256);

impl Avx2 {
    #[inline(always)]
    pub fn detect() -> Option<Self> {
        let found = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        found.then_some(Self(()))
    }

    #[inline(always)]
    pub fn run<K: Kernel>(self, kernel: K) {
        #[target_feature(enable = "avx2,fma")]
        fn with_features<K: Kernel>(lanes: Avx2, kernel: K) {
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

/// In a cache line of its own: what is stored as one vector can then be read lane by lane without waiting.
#[repr(align(64))]
struct Indices([u32; N]);

impl Indices {
    #[inline(always)]
    fn new(index: __m256i) -> Self {
        let mut at = Self([0; N]);
        // SAFETY: the array holds a vector.
        unsafe { _mm256_storeu_si256(at.0.as_mut_ptr().cast(), index) };
        at
    }

    /// Reads 32 bits for each lane, `SCALE * index` bytes behind `from`. With gather instructions whole pictures take 1.2
    /// to 1.7 times as long (Zen 3); what mends CVE-2022-40982 slows them down on Intel's processors, too.
    ///
    /// # Safety
    /// Every lane's index must lead to four bytes that may be read.
    #[inline(always)]
    unsafe fn words<const SCALE: usize>(&self, from: *const u8) -> __m256i {
        macro_rules! word {
            ($lane:expr) => {
                from.add(SCALE * self.0[$lane] as usize).cast::<i32>().read_unaligned()
            };
        }
        // SAFETY: the caller vouches for what is read.
        unsafe {
            let low = _mm_setr_epi32(word!(0), word!(1), word!(2), word!(3));
            let high = _mm_setr_epi32(word!(4), word!(5), word!(6), word!(7));
            _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(low), high)
        }
    }

    /// Reads 64 bits for each lane, `SCALE * index` bytes behind `from`: the low and the high halves.
    ///
    /// # Safety
    /// Every lane's index must lead to eight bytes that may be read.
    #[inline(always)]
    unsafe fn double_words<const SCALE: usize>(&self, from: *const u8) -> [__m256i; 2] {
        macro_rules! two {
            ($lane:expr) => {{
                let low = from.add(SCALE * self.0[$lane] as usize).cast::<f64>().read_unaligned();
                let high = from.add(SCALE * self.0[$lane + 1] as usize).cast::<f64>();
                _mm_castpd_ps(_mm_loadh_pd(_mm_set_sd(low), high))
            }};
        }
        // SAFETY: the caller vouches for what is read.
        unsafe {
            let first = _mm256_insertf128_ps::<1>(_mm256_castps128_ps256(two!(0)), two!(4));
            let second = _mm256_insertf128_ps::<1>(_mm256_castps128_ps256(two!(2)), two!(6));
            [
                _mm256_castps_si256(_mm256_shuffle_ps::<0x88>(first, second)),
                _mm256_castps_si256(_mm256_shuffle_ps::<0xdd>(first, second)),
            ]
        }
    }
}

/// The low and the high 16 bits of each lane, as numbers with a sign.
#[inline(always)]
fn signed_halves(pair: __m256i) -> (Floats, Floats) {
    vector!({
        let low = _mm256_srai_epi32::<16>(_mm256_slli_epi32::<16>(pair));
        (Floats(_mm256_cvtepi32_ps(low)), Floats(_mm256_cvtepi32_ps(_mm256_srai_epi32::<16>(pair))))
    })
}

/// The low and the high 16 bits of each lane, as numbers without a sign.
#[inline(always)]
fn unsigned_halves(pair: __m256i) -> (Floats, Floats) {
    vector!({
        let low = _mm256_and_si256(pair, _mm256_set1_epi32(0xffff));
        (Floats(_mm256_cvtepi32_ps(low)), Floats(_mm256_cvtepi32_ps(_mm256_srli_epi32::<16>(pair))))
    })
}

/// The low 16 bits of each lane, and how much more the high ones are, as numbers with a sign.
#[inline(always)]
fn signed_rise(pair: __m256i) -> (Floats, Floats) {
    vector!({
        let low = _mm256_madd_epi16(pair, _mm256_set1_epi32(1));
        // The high half, less the low one.
        let rise = _mm256_madd_epi16(pair, _mm256_set1_epi32(0x1_ffff));
        (Floats(_mm256_cvtepi32_ps(low)), Floats(_mm256_cvtepi32_ps(rise)))
    })
}

/// The low 16 bits of each lane, and how much more the high ones are, as numbers without a sign.
#[inline(always)]
fn unsigned_rise(pair: __m256i) -> (Floats, Floats) {
    vector!({
        let low = _mm256_and_si256(pair, _mm256_set1_epi32(0xffff));
        let rise = _mm256_sub_epi32(_mm256_srli_epi32::<16>(pair), low);
        (Floats(_mm256_cvtepi32_ps(low)), Floats(_mm256_cvtepi32_ps(rise)))
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
operator!(Floats: Add add _mm256_add_ps, Sub sub _mm256_sub_ps, Mul mul _mm256_mul_ps, Div div _mm256_div_ps);
operator!(Ints: Add add _mm256_add_epi32, Sub sub _mm256_sub_epi32, Mul mul _mm256_mullo_epi32);

impl BitAnd for Mask {
    type Output = Self;
    #[inline(always)]
    fn bitand(self, other: Self) -> Self {
        Self(vector!(_mm256_and_ps(self.0, other.0)))
    }
}

impl BitOr for Mask {
    type Output = Self;
    #[inline(always)]
    fn bitor(self, other: Self) -> Self {
        Self(vector!(_mm256_or_ps(self.0, other.0)))
    }
}

impl Not for Mask {
    type Output = Self;
    #[inline(always)]
    fn not(self) -> Self {
        Self(vector!(_mm256_xor_ps(self.0, _mm256_castsi256_ps(_mm256_set1_epi32(-1)))))
    }
}

impl Lanes for Avx2 {
    const COUNT: usize = N;
    type F = Floats;
    type I = Ints;
    type M = Mask;
    type Index = Ints;

    #[inline(always)]
    fn splat(self, x: f32) -> Floats {
        Floats(vector!(_mm256_set1_ps(x)))
    }
    #[inline(always)]
    fn splat_i(self, x: i32) -> Ints {
        Ints(vector!(_mm256_set1_epi32(x)))
    }
    #[inline(always)]
    fn load(self, from: &[f32]) -> Floats {
        let from = &from[..N];
        // SAFETY: the slice holds N floats.
        Floats(unsafe { _mm256_loadu_ps(from.as_ptr()) })
    }
    #[inline(always)]
    fn store(self, x: Floats, to: &mut [f32]) {
        let to = &mut to[..N];
        // SAFETY: the slice holds N floats.
        unsafe { _mm256_storeu_ps(to.as_mut_ptr(), x.0) }
    }
    #[inline(always)]
    fn store_i(self, x: Ints, to: &mut [i32]) {
        let to = &mut to[..N];
        // SAFETY: the slice holds N numbers of 32 bits.
        unsafe { _mm256_storeu_si256(to.as_mut_ptr().cast(), x.0) }
    }

    #[inline(always)]
    fn mul_add(self, a: Floats, b: Floats, c: Floats) -> Floats {
        Floats(vector!(_mm256_fmadd_ps(a.0, b.0, c.0)))
    }
    #[inline(always)]
    fn min(self, a: Floats, b: Floats) -> Floats {
        Floats(vector!(_mm256_min_ps(a.0, b.0)))
    }
    #[inline(always)]
    fn max(self, a: Floats, b: Floats) -> Floats {
        Floats(vector!(_mm256_max_ps(a.0, b.0)))
    }
    #[inline(always)]
    fn abs(self, x: Floats) -> Floats {
        Floats(vector!(_mm256_andnot_ps(_mm256_set1_ps(-0.0), x.0)))
    }
    #[inline(always)]
    fn sqrt(self, x: Floats) -> Floats {
        Floats(vector!(_mm256_sqrt_ps(x.0)))
    }
    #[inline(always)]
    fn one_over_sqrt(self, x: Floats) -> Floats {
        let guess = Floats(vector!(_mm256_rsqrt_ps(x.0)));
        // One step of Newton's method.
        let square = x * self.splat(0.5) * guess * guess;
        guess * (self.splat(1.5) - square)
    }
    #[inline(always)]
    fn floor(self, x: Floats) -> Floats {
        Floats(vector!(_mm256_floor_ps(x.0)))
    }
    #[inline(always)]
    fn ceil(self, x: Floats) -> Floats {
        Floats(vector!(_mm256_ceil_ps(x.0)))
    }
    #[inline(always)]
    fn lt(self, a: Floats, b: Floats) -> Mask {
        Mask(vector!(_mm256_cmp_ps::<_CMP_LT_OQ>(a.0, b.0)))
    }
    #[inline(always)]
    fn le(self, a: Floats, b: Floats) -> Mask {
        Mask(vector!(_mm256_cmp_ps::<_CMP_LE_OQ>(a.0, b.0)))
    }
    #[inline(always)]
    fn select(self, mask: Mask, a: Floats, b: Floats) -> Floats {
        Floats(vector!(_mm256_blendv_ps(b.0, a.0, mask.0)))
    }

    #[inline(always)]
    fn to_int(self, x: Floats) -> Ints {
        Ints(vector!(_mm256_cvttps_epi32(x.0)))
    }
    #[inline(always)]
    fn to_float(self, x: Ints) -> Floats {
        Floats(vector!(_mm256_cvtepi32_ps(x.0)))
    }
    #[inline(always)]
    fn power_of_two(self, power: Floats) -> Floats {
        Floats(vector!({
            let exponent = _mm256_add_epi32(_mm256_cvtps_epi32(power.0), _mm256_set1_epi32(127));
            _mm256_castsi256_ps(_mm256_slli_epi32::<23>(exponent))
        }))
    }
    #[inline(always)]
    fn min_i(self, a: Ints, b: Ints) -> Ints {
        Ints(vector!(_mm256_min_epi32(a.0, b.0)))
    }

    #[inline(always)]
    fn bits(self, mask: Mask) -> u32 {
        vector!(_mm256_movemask_ps(mask.0)) as u32
    }
    #[inline(always)]
    fn mask(self, bits: u32) -> Mask {
        Mask(vector!({
            let lane = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
            let set = _mm256_and_si256(_mm256_set1_epi32(bits as i32), lane);
            _mm256_castsi256_ps(_mm256_cmpeq_epi32(set, lane))
        }))
    }

    #[inline(always)]
    fn gather(self, table: &[f32], index: Ints) -> Floats {
        assert!(!table.is_empty());
        let last = i32::try_from(table.len() - 1).unwrap_or(i32::MAX);
        // SAFETY: as an unsigned number no index is above the table's last, which is an i32.
        Floats(unsafe {
            let index = _mm256_min_epu32(index.0, _mm256_set1_epi32(last));
            _mm256_castsi256_ps(Indices::new(index).words::<4>(table.as_ptr().cast()))
        })
    }
    #[inline(always)]
    fn gather_columns(self, table: &[[f32; 4]], index: Ints) -> [Floats; 4] {
        assert!(!table.is_empty());
        let last = i32::try_from(table.len() - 1).unwrap_or(i32::MAX);
        // SAFETY: as an unsigned number no index is above the table's last.
        unsafe {
            let index = Indices::new(_mm256_min_epu32(index.0, _mm256_set1_epi32(last)));
            macro_rules! entries {
                ($lane:expr) => {{
                    let low = _mm_loadu_ps(table.as_ptr().add(index.0[$lane] as usize).cast());
                    let high = _mm_loadu_ps(table.as_ptr().add(index.0[$lane + 4] as usize).cast());
                    _mm256_insertf128_ps::<1>(_mm256_castps128_ps256(low), high)
                }};
            }
            // Lanes four apart, so that transposing each half puts them in order.
            let (a, b, c, d) = (entries!(0), entries!(1), entries!(2), entries!(3));
            let (ab, cd) = (_mm256_unpacklo_ps(a, b), _mm256_unpacklo_ps(c, d));
            let (ef, gh) = (_mm256_unpackhi_ps(a, b), _mm256_unpackhi_ps(c, d));
            [
                Floats(_mm256_shuffle_ps::<0x44>(ab, cd)),
                Floats(_mm256_shuffle_ps::<0xee>(ab, cd)),
                Floats(_mm256_shuffle_ps::<0x44>(ef, gh)),
                Floats(_mm256_shuffle_ps::<0xee>(ef, gh)),
            ]
        }
    }
    #[inline(always)]
    fn smallest(self, mask: Mask, x: Floats) -> f32 {
        let chosen = self.select(mask, x, self.splat(f32::INFINITY));
        let mut lanes = [0.0; N];
        self.store(chosen, &mut lanes);
        lanes.into_iter().fold(f32::INFINITY, f32::min)
    }

    #[inline(always)]
    fn place<'a, V: Texel>(self, grid: &'a Grid<'a, V>, voxel: [Ints; 3], span: usize) -> Place<'a, V, Ints> {
        let last = i64::from(grid.gather_len) - 1 - span as i64;
        assert!(last >= 0, "the grid does not suit gathers");
        let [columns, rows, _] = grid.dims;
        let index =
            (voxel[2] * self.splat_i(rows as i32) + voxel[1]) * self.splat_i(columns as i32) + voxel[0];
        let index = Ints(vector!(_mm256_min_epu32(index.0, _mm256_set1_epi32(last as i32))));
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
                Layout::I16 => signed_halves(Indices::new(index).words::<2>(at.cast())),
                Layout::U16 => unsigned_halves(Indices::new(index).words::<2>(at.cast())),
                Layout::U8 => {
                    let index = _mm256_add_epi32(index, _mm256_set1_epi32(offset as i32));
                    let near = _mm256_min_epi32(index, _mm256_set1_epi32(place.grid.gather_len - 4));
                    let word = Indices::new(near).words::<1>(voxels.as_ptr().cast());
                    let moved = _mm256_slli_epi32::<3>(_mm256_sub_epi32(index, near));
                    let pair = _mm256_srlv_epi32(word, moved);
                    let byte = _mm256_set1_epi32(0xff);
                    let high = _mm256_and_si256(_mm256_srli_epi32::<8>(pair), byte);
                    (
                        Floats(_mm256_cvtepi32_ps(_mm256_and_si256(pair, byte))),
                        Floats(_mm256_cvtepi32_ps(high)),
                    )
                }
                Layout::F32 => {
                    let [low, high] = Indices::new(index).double_words::<4>(at.cast());
                    (Floats(_mm256_castsi256_ps(low)), Floats(_mm256_castsi256_ps(high)))
                }
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
        let index = Indices::new(place.index.0);
        let voxels = place.grid.voxels.as_ptr();
        if let Some(soon) = soon {
            let from = voxels.wrapping_offset(soon);
            for i in index.0 {
                // SAFETY: reads nothing; any address will do.
                unsafe { _mm_prefetch::<_MM_HINT_T0>(from.wrapping_add(i as usize).cast()) };
            }
        }
        if !matches!(V::LAYOUT, Layout::I16 | Layout::U16) {
            return rises_of_pairs(self, place, offsets);
        }
        macro_rules! rise {
            ($offset:expr) => {{
                assert!($offset < place.span, "the pair leaves the span");
                // SAFETY: as in `pair`.
                let pair = unsafe { index.words::<2>(voxels.add($offset).cast()) };
                if V::LAYOUT == Layout::I16 { signed_rise(pair) } else { unsigned_rise(pair) }
            }};
        }
        let [a, b, c, d] = offsets;
        [rise!(a), rise!(b), rise!(c), rise!(d)]
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
        let [near, far] = unsafe {
            Indices::new(place.index.0).double_words::<2>(place.grid.voxels.as_ptr().add(offset).cast())
        };
        let ((a, b), (c, d)) = if V::LAYOUT == Layout::I16 {
            (signed_halves(near), signed_halves(far))
        } else {
            (unsigned_halves(near), unsigned_halves(far))
        };
        [a, b, c, d]
    }

    /// Lane by lane, in 16 bits: voxels are subtracted, and the eight weights of a cell have 15 bits. Needs all
    /// voxels around each lane's cell.
    #[inline(always)]
    fn near_differences<V: Texel>(
        self,
        grid: &Grid<'_, V>,
        _corner: [i32; 3],
        position: [Floats; 3],
        mask: Mask,
    ) -> Option<[Floats; 3]> {
        let short = matches!(V::LAYOUT, Layout::I16 | Layout::U16);
        let [columns, rows, slices] = grid.dims;
        if !(short && grid.is_even && grid.suits_gathers() && columns.min(rows).min(slices) >= 4) {
            return None;
        }
        // Cells are moved to where they have neighbours on all sides.
        let mut cells = [self.splat_i(1); 3];
        let mut parts = cells;
        let mut moved = self.splat_i(0);
        for axis in 0..3 {
            let (cell, last) = (self.to_int(position[axis]), self.splat_i(grid.dims[axis] as i32 - 3));
            cells[axis] = self.min_i(Ints(vector!(_mm256_max_epi32(cell.0, cells[axis].0))), last);
            moved = Ints(vector!(_mm256_or_si256(moved.0, (cell - cells[axis]).0)));
            parts[axis] = self.to_int((position[axis] - self.to_float(cells[axis])) * self.splat(32_768.0));
        }
        let stays = Mask(vector!(_mm256_castsi256_ps(_mm256_cmpeq_epi32(moved.0, _mm256_setzero_si256()))));
        if self.bits(mask & !stays) != 0 {
            return None;
        }
        let [_, dy, dz] = grid.next;
        let one = self.splat_i(1);
        let (columns, rows) = (self.splat_i(columns as i32), self.splat_i(rows as i32));
        let first = ((cells[2] - one) * rows + cells[1] - one) * columns + cells[0] - one;
        let index = Indices::new(first.0);
        let voxels = grid.voxels.as_ptr();
        // SAFETY: the token proves AVX2. Each lane's cell lies between the first and the last three of every axis, so
        // the voxels that are read, at most two from the cell, exist; `Texel` vouches for 16 bits each.
        unsafe {
            macro_rules! four {
                ($offset:expr) => {{
                    let [near, far] = index.double_words::<2>(voxels.add($offset).cast());
                    let middle = _mm256_blend_epi16::<0xaa>(
                        _mm256_srli_epi32::<16>(near),
                        _mm256_slli_epi32::<16>(far),
                    );
                    (_mm256_sub_epi16(far, near), middle)
                }};
            }
            macro_rules! two {
                ($offset:expr) => {
                    index.words::<2>(voxels.add($offset + 1).cast())
                };
            }
            // Pairs of 16 bits a lane: what counts for a voxel and for the next one.
            let whole = _mm256_set1_epi16(i16::MAX);
            let [Ints(x), Ints(y), Ints(z)] = parts;
            let x = _mm256_sub_epi32(
                _mm256_slli_epi32::<16>(x),
                _mm256_sub_epi32(x, _mm256_set1_epi32(i32::from(i16::MAX))),
            );
            let y = _mm256_or_si256(_mm256_slli_epi32::<16>(y), y);
            let z = _mm256_or_si256(_mm256_slli_epi32::<16>(z), z);
            let (near_y, near_z) = (_mm256_sub_epi16(whole, y), _mm256_sub_epi16(whole, z));
            let (low, high) = (_mm256_mulhrs_epi16(x, near_y), _mm256_mulhrs_epi16(x, y));
            let weights = [
                _mm256_mulhrs_epi16(low, near_z),
                _mm256_mulhrs_epi16(high, near_z),
                _mm256_mulhrs_epi16(low, z),
                _mm256_mulhrs_epi16(high, z),
            ];
            macro_rules! blend {
                ($a:expr, $b:expr, $c:expr, $d:expr) => {{
                    let near = _mm256_add_epi32(
                        _mm256_madd_epi16($a, weights[0]),
                        _mm256_madd_epi16($b, weights[1]),
                    );
                    let far = _mm256_add_epi32(
                        _mm256_madd_epi16($c, weights[2]),
                        _mm256_madd_epi16($d, weights[3]),
                    );
                    self.to_float(Ints(_mm256_add_epi32(near, far))) * self.splat(1.0 / 32_768.0)
                }};
            }
            let (x00, v00) = four!(dy + dz);
            let (x10, v10) = four!(2 * dy + dz);
            let (x01, v01) = four!(dy + 2 * dz);
            let (x11, v11) = four!(2 * dy + 2 * dz);
            Some([
                blend!(x00, x10, x01, x11),
                blend!(
                    _mm256_sub_epi16(v10, two!(dz)),
                    _mm256_sub_epi16(two!(3 * dy + dz), v00),
                    _mm256_sub_epi16(v11, two!(2 * dz)),
                    _mm256_sub_epi16(two!(3 * dy + 2 * dz), v01)
                ),
                blend!(
                    _mm256_sub_epi16(v01, two!(dy)),
                    _mm256_sub_epi16(v11, two!(2 * dy)),
                    _mm256_sub_epi16(two!(dy + 3 * dz), v00),
                    _mm256_sub_epi16(two!(2 * dy + 3 * dz), v10)
                ),
            ])
        }
    }

    #[inline(always)]
    fn apart<P: Part<Self>>(self, part: P) -> P::Output {
        #[inline(never)]
        #[target_feature(enable = "avx2,fma")]
        fn with_features<P: Part<Avx2>>(lanes: Avx2, part: P) -> P::Output {
            part.run(lanes)
        }
        // SAFETY: the token exists only where these features were detected.
        unsafe { with_features(self, part) }
    }
}
