//! Eight lanes: NEON, two registers to a vector.
//!
//! Eight rays are the 4x2 pixels that a tile keeps together, its 32 registers hold as many such vectors
//! as AVX2's 16, and the halves do not wait for each other.

use std::arch::aarch64::*;
use std::ops::{Add, BitAnd, BitOr, Div, Mul, Not, Sub};

use super::{Grid, Kernel, Lanes, Layout, Part, Place, Texel};

const N: usize = 8;

/// Exists only where the instructions do; so do the vectors that it makes.
#[derive(Clone, Copy, Debug)]
pub(in crate::cpu) struct Neon(());

#[derive(Clone, Copy, Debug)]
pub(in crate::cpu) struct Floats(float32x4_t, float32x4_t);

#[derive(Clone, Copy, Debug)]
pub(in crate::cpu) struct Ints(int32x4_t, int32x4_t);

#[derive(Clone, Copy, Debug)]
pub(in crate::cpu) struct Mask(uint32x4_t, uint32x4_t);

/// Thirty-two bits for each lane, as they were read.
#[derive(Clone, Copy)]
struct Words(uint32x4_t, uint32x4_t);

impl Neon {
    #[inline(always)]
    pub fn detect() -> Option<Self> {
        std::arch::is_aarch64_feature_detected!("neon").then_some(Self(()))
    }

    #[inline(always)]
    pub fn run<K: Kernel>(self, kernel: K) {
        #[target_feature(enable = "neon")]
        fn with_features<K: Kernel>(lanes: Neon, kernel: K) {
            kernel.run(lanes);
        }
        // SAFETY: the token exists only where this feature was detected.
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

/// The same for both halves of vectors: `each!(Floats(x, y => vaddq_f32))`.
macro_rules! each {
    ($t:ident($($x:expr),+ => $intrinsic:expr)) => {
        $t(vector!($intrinsic($($x.0),+)), vector!($intrinsic($($x.1),+)))
    };
}

macro_rules! operator {
    ($t:ident: $($trait:ident $name:ident $intrinsic:ident),*) => {$(
        impl $trait for $t {
            type Output = Self;
            #[inline(always)]
            fn $name(self, other: Self) -> Self {
                each!($t(self, other => $intrinsic))
            }
        }
    )*};
}
operator!(Floats: Add add vaddq_f32, Sub sub vsubq_f32, Mul mul vmulq_f32, Div div vdivq_f32);
operator!(Ints: Add add vaddq_s32, Sub sub vsubq_s32, Mul mul vmulq_s32);
operator!(Mask: BitAnd bitand vandq_u32, BitOr bitor vorrq_u32);

impl Not for Mask {
    type Output = Self;
    #[inline(always)]
    fn not(self) -> Self {
        each!(Mask(self => vmvnq_u32))
    }
}

impl Mask {
    /// For each lane a number with a bit of its own.
    #[inline(always)]
    fn lane_bits() -> Self {
        const BITS: [u32; N] = [1, 2, 4, 8, 16, 32, 64, 128];
        // SAFETY: the array holds two registers.
        unsafe { Self(vld1q_u32(BITS.as_ptr()), vld1q_u32(BITS.as_ptr().add(N / 2))) }
    }
}

impl Ints {
    /// Taken as unsigned, not above `last`.
    #[inline(always)]
    fn up_to(self, last: i32) -> Self {
        let last = vector!(vdupq_n_u32(last as u32));
        let least = |x| vector!(vreinterpretq_s32_u32(vminq_u32(vreinterpretq_u32_s32(x), last)));
        Self(least(self.0), least(self.1))
    }

    #[inline(always)]
    fn to_array(self) -> [u32; N] {
        let mut lanes = [0; N];
        // SAFETY: the array holds two registers.
        unsafe {
            vst1q_s32(lanes.as_mut_ptr().cast(), self.0);
            vst1q_s32(lanes.as_mut_ptr().add(N / 2).cast(), self.1);
        }
        lanes
    }
}

impl Words {
    /// The low and the high 16 bits, as numbers with a sign.
    #[inline(always)]
    fn signed_halves(self) -> (Floats, Floats) {
        let words = Ints(vector!(vreinterpretq_s32_u32(self.0)), vector!(vreinterpretq_s32_u32(self.1)));
        // Moved to the top, the low half is a number with 16 binary places.
        let low = each!(Ints(words => vshlq_n_s32::<16>));
        let high = each!(Ints(words => vshrq_n_s32::<16>));
        (each!(Floats(low => vcvtq_n_f32_s32::<16>)), each!(Floats(high => vcvtq_f32_s32)))
    }

    /// The low and the high 16 bits, as numbers without a sign.
    #[inline(always)]
    fn unsigned_halves(self) -> (Floats, Floats) {
        let low = vector!(vdupq_n_u32(0xffff));
        (each!(Words(self, Words(low, low) => vandq_u32)).numbers(), self.shifted::<16>().numbers())
    }

    /// The four bytes, lowest first.
    #[inline(always)]
    fn bytes(self) -> [Floats; 4] {
        let low = vector!(vdupq_n_u32(0xff));
        let byte = |words: Self| each!(Words(words, Words(low, low) => vandq_u32)).numbers();
        [byte(self), byte(self.shifted::<8>()), byte(self.shifted::<16>()), self.shifted::<24>().numbers()]
    }

    #[inline(always)]
    fn shifted<const BITS: i32>(self) -> Self {
        each!(Words(self => vshrq_n_u32::<BITS>))
    }

    #[inline(always)]
    fn numbers(self) -> Floats {
        each!(Floats(self => vcvtq_f32_u32))
    }

    #[inline(always)]
    fn floats(self) -> Floats {
        each!(Floats(self => vreinterpretq_f32_u32))
    }
}

/// Memory that lanes read from: `from` and an index for each lane, in units of `SIZE` bytes.
#[derive(Clone, Copy)]
struct Reach<const SIZE: usize> {
    from: *const u8,
    at: [u32; N],
}

impl<const SIZE: usize> Reach<SIZE> {
    #[inline(always)]
    fn new<T>(from: *const T, index: Ints) -> Self {
        Self { from: from.cast(), at: index.to_array() }
    }

    /// # Safety
    /// Memory of the length of a `T` must be there to read, and any content be a `T`.
    #[inline(always)]
    unsafe fn read<T>(&self, lane: usize) -> T {
        // SAFETY: as the caller says.
        unsafe { self.from.add(SIZE * self.at[lane] as usize).cast::<T>().read_unaligned() }
    }

    /// The two bytes of each lane.
    ///
    /// # Safety
    /// They must be there in every lane.
    #[inline(always)]
    unsafe fn half_words(&self) -> Words {
        // SAFETY: as the caller says.
        let half = |lane| u32::from(unsafe { self.read::<u16>(lane) });
        let halves = std::array::from_fn::<_, N, _>(half);
        // SAFETY: the array holds two registers.
        unsafe { Words(vld1q_u32(halves.as_ptr()), vld1q_u32(halves.as_ptr().add(N / 2))) }
    }

    /// The four bytes of each lane.
    ///
    /// # Safety
    /// They must be there in every lane.
    #[inline(always)]
    unsafe fn words(&self) -> Words {
        // SAFETY: as the caller says.
        let words = std::array::from_fn::<_, N, _>(|lane| unsafe { self.read::<u32>(lane) });
        // SAFETY: the array holds two registers.
        unsafe { Words(vld1q_u32(words.as_ptr()), vld1q_u32(words.as_ptr().add(N / 2))) }
    }

    /// The eight bytes of each lane: the first four and the others.
    ///
    /// # Safety
    /// They must be there in every lane.
    #[inline(always)]
    unsafe fn double_words(&self) -> (Words, Words) {
        // SAFETY: as the caller says.
        let two = |lane| unsafe {
            let both = vcombine_u64(vcreate_u64(self.read(lane)), vcreate_u64(self.read(lane + 1)));
            vreinterpretq_u32_u64(both)
        };
        let (a, b, c, d) = (two(0), two(2), two(4), two(6));
        vector!((Words(vuzp1q_u32(a, b), vuzp1q_u32(c, d)), Words(vuzp2q_u32(a, b), vuzp2q_u32(c, d)),))
    }

    /// The four floats of each lane.
    ///
    /// # Safety
    /// They must be there in every lane.
    #[inline(always)]
    unsafe fn four_floats(&self) -> [Floats; 4] {
        // SAFETY: as the caller says.
        let one = |lane: usize| unsafe { vld1q_f32(self.from.add(SIZE * self.at[lane] as usize).cast()) };
        let low = transposed([one(0), one(1), one(2), one(3)]);
        let high = transposed([one(4), one(5), one(6), one(7)]);
        std::array::from_fn(|i| Floats(low[i], high[i]))
    }
}

#[inline(always)]
fn transposed([a, b, c, d]: [float32x4_t; 4]) -> [float32x4_t; 4] {
    vector!({
        let even = |x, y| vreinterpretq_f64_f32(vtrn1q_f32(x, y));
        let odd = |x, y| vreinterpretq_f64_f32(vtrn2q_f32(x, y));
        let (ab, cd) = (even(a, b), even(c, d));
        let (ef, gh) = (odd(a, b), odd(c, d));
        [
            vreinterpretq_f32_f64(vtrn1q_f64(ab, cd)),
            vreinterpretq_f32_f64(vtrn1q_f64(ef, gh)),
            vreinterpretq_f32_f64(vtrn2q_f64(ab, cd)),
            vreinterpretq_f32_f64(vtrn2q_f64(ef, gh)),
        ]
    })
}

impl Lanes for Neon {
    const COUNT: usize = N;
    type F = Floats;
    type I = Ints;
    type M = Mask;
    type Index = Ints;

    #[inline(always)]
    fn splat(self, x: f32) -> Floats {
        let half = vector!(vdupq_n_f32(x));
        Floats(half, half)
    }
    #[inline(always)]
    fn splat_i(self, x: i32) -> Ints {
        let half = vector!(vdupq_n_s32(x));
        Ints(half, half)
    }
    #[inline(always)]
    fn load(self, from: &[f32]) -> Floats {
        let from = &from[..N];
        // SAFETY: the slice holds N floats.
        unsafe { Floats(vld1q_f32(from.as_ptr()), vld1q_f32(from.as_ptr().add(N / 2))) }
    }
    #[inline(always)]
    fn store(self, x: Floats, to: &mut [f32]) {
        let to = &mut to[..N];
        // SAFETY: the slice holds N floats.
        unsafe {
            vst1q_f32(to.as_mut_ptr(), x.0);
            vst1q_f32(to.as_mut_ptr().add(N / 2), x.1);
        }
    }
    #[inline(always)]
    fn store_i(self, x: Ints, to: &mut [i32]) {
        let to = &mut to[..N];
        // SAFETY: the slice holds N numbers of 32 bits.
        unsafe {
            vst1q_s32(to.as_mut_ptr(), x.0);
            vst1q_s32(to.as_mut_ptr().add(N / 2), x.1);
        }
    }

    #[inline(always)]
    fn mul_add(self, a: Floats, b: Floats, c: Floats) -> Floats {
        each!(Floats(c, a, b => vfmaq_f32))
    }
    // The instructions for minima and maxima make NaN of NaN, or never do.
    #[inline(always)]
    fn min(self, a: Floats, b: Floats) -> Floats {
        self.select(self.lt(a, b), a, b)
    }
    #[inline(always)]
    fn max(self, a: Floats, b: Floats) -> Floats {
        self.select(self.lt(b, a), a, b)
    }
    #[inline(always)]
    fn abs(self, x: Floats) -> Floats {
        each!(Floats(x => vabsq_f32))
    }
    #[inline(always)]
    fn sqrt(self, x: Floats) -> Floats {
        each!(Floats(x => vsqrtq_f32))
    }
    #[inline(always)]
    fn floor(self, x: Floats) -> Floats {
        each!(Floats(x => vrndmq_f32))
    }
    #[inline(always)]
    fn ceil(self, x: Floats) -> Floats {
        each!(Floats(x => vrndpq_f32))
    }
    #[inline(always)]
    fn lt(self, a: Floats, b: Floats) -> Mask {
        each!(Mask(a, b => vcltq_f32))
    }
    #[inline(always)]
    fn le(self, a: Floats, b: Floats) -> Mask {
        each!(Mask(a, b => vcleq_f32))
    }
    #[inline(always)]
    fn select(self, mask: Mask, a: Floats, b: Floats) -> Floats {
        each!(Floats(mask, a, b => vbslq_f32))
    }

    #[inline(always)]
    fn to_int(self, x: Floats) -> Ints {
        each!(Ints(x => vcvtq_s32_f32))
    }
    #[inline(always)]
    fn to_float(self, x: Ints) -> Floats {
        each!(Floats(x => vcvtq_f32_s32))
    }
    #[inline(always)]
    fn power_of_two(self, power: Floats) -> Floats {
        let exponent = self.to_int(power) + self.splat_i(127);
        let bits = each!(Ints(exponent => vshlq_n_s32::<23>));
        each!(Floats(bits => vreinterpretq_f32_s32))
    }
    #[inline(always)]
    fn min_i(self, a: Ints, b: Ints) -> Ints {
        each!(Ints(a, b => vminq_s32))
    }

    #[inline(always)]
    fn bits(self, mask: Mask) -> u32 {
        let set = mask & Mask::lane_bits();
        vector!(vaddvq_u32(vorrq_u32(set.0, set.1)))
    }
    #[inline(always)]
    fn mask(self, bits: u32) -> Mask {
        let bits = vector!(vdupq_n_u32(bits));
        each!(Mask(Mask::lane_bits(), Mask(bits, bits) => vtstq_u32))
    }

    #[inline(always)]
    fn gather(self, table: &[f32], index: Ints) -> Floats {
        assert!(!table.is_empty());
        let last = i32::try_from(table.len() - 1).unwrap_or(i32::MAX);
        // SAFETY: as an unsigned number no index is above the table's last, which is an i32.
        unsafe { Reach::<4>::new(table.as_ptr(), index.up_to(last)).words().floats() }
    }
    #[inline(always)]
    fn gather_columns(self, table: &[[f32; 4]], index: Ints) -> [Floats; 4] {
        assert!(!table.is_empty());
        let last = i32::try_from(table.len() - 1).unwrap_or(i32::MAX);
        // SAFETY: as an unsigned number no index is above the table's last, and each entry has four
        // columns.
        unsafe { Reach::<16>::new(table.as_ptr(), index.up_to(last)).four_floats() }
    }
    #[inline(always)]
    fn smallest(self, mask: Mask, x: Floats) -> f32 {
        let never = self.splat(f32::INFINITY);
        let chosen = self.select(mask, x, never);
        // Of a number and NaN these take the number.
        vector!(vminnmvq_f32(vminnmq_f32(vminnmq_f32(chosen.0, never.0), chosen.1)))
    }

    #[inline(always)]
    fn place<'a, V: Texel>(self, grid: &'a Grid<'a, V>, voxel: [Ints; 3], span: usize) -> Place<'a, V, Ints> {
        let last = i64::from(grid.gather_len) - 1 - span as i64;
        assert!(last >= 0, "the grid does not suit gathers");
        let [columns, rows, _] = grid.dims;
        // Side by side, the products do not wait for each other.
        let index = voxel[2] * self.splat_i((rows * columns) as i32)
            + (voxel[1] * self.splat_i(columns as i32) + voxel[0]);
        Place { grid, index: index.up_to(last as i32), span }
    }

    #[inline(always)]
    fn pair<V: Texel>(self, place: Place<'_, V, Ints>, offset: usize) -> (Floats, Floats) {
        assert!(offset < place.span, "the pair leaves the span");
        let index = place.index;
        // SAFETY: `place` made index + span less than the number of voxels, so index + offset + 1 is a
        // voxel too. `Texel` vouches for the size of a voxel; no others than these two are read.
        unsafe {
            let from = place.grid.voxels.as_ptr().add(offset);
            match V::LAYOUT {
                Layout::I16 => Reach::<2>::new(from, index).words().signed_halves(),
                Layout::U16 => Reach::<2>::new(from, index).words().unsigned_halves(),
                Layout::U8 => {
                    let [low, high, ..] = Reach::<1>::new(from, index).half_words().bytes();
                    (low, high)
                }
                Layout::F32 => {
                    let (a, b) = Reach::<4>::new(from, index).double_words();
                    (a.floats(), b.floats())
                }
            }
        }
    }

    #[inline(always)]
    fn quad<V: Texel>(self, place: Place<'_, V, Ints>, offset: usize) -> [Floats; 4] {
        assert!(offset + 2 < place.span, "the voxels leave the span");
        let index = place.index;
        // SAFETY: as in `pair`, index + offset + 3 is a voxel too; only these four are read.
        unsafe {
            let from = place.grid.voxels.as_ptr().add(offset);
            let (near, far) = match V::LAYOUT {
                Layout::I16 | Layout::U16 => Reach::<2>::new(from, index).double_words(),
                Layout::U8 => return Reach::<1>::new(from, index).words().bytes(),
                Layout::F32 => return Reach::<4>::new(from, index).four_floats(),
            };
            let ((a, b), (c, d)) = match V::LAYOUT {
                Layout::I16 => (near.signed_halves(), far.signed_halves()),
                _ => (near.unsigned_halves(), far.unsigned_halves()),
            };
            [a, b, c, d]
        }
    }

    #[inline(always)]
    fn apart<P: Part<Self>>(self, part: P) -> P::Output {
        #[inline(never)]
        #[target_feature(enable = "neon")]
        fn with_features<P: Part<Neon>>(lanes: Neon, part: P) -> P::Output {
            part.run(lanes)
        }
        // SAFETY: the token exists only where this feature was detected.
        unsafe { with_features(self, part) }
    }
}
