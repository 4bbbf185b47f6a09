//! Four numbers, of which a point takes three: what a packet does as a whole.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

#[cfg(not(target_arch = "x86_64"))]
type Register = [f32; 4];
#[cfg(target_arch = "x86_64")]
type Register = __m128;

/// `min` and `max` return the second operand if either is NaN.
#[derive(Clone, Copy, Debug)]
pub(in crate::cpu) struct Quad(Register);

#[cfg(target_arch = "x86_64")]
macro_rules! sse2 {
    ($e:expr) => {
        // SAFETY: takes no pointers, and every processor of this architecture has SSE2.
        unsafe { $e }
    };
}

#[cfg(target_arch = "x86_64")]
impl Quad {
    #[inline(always)]
    pub fn new([x, y, z]: [f32; 3]) -> Self {
        Self(sse2!(_mm_setr_ps(x, y, z, 0.0)))
    }
    #[inline(always)]
    pub fn splat(x: f32) -> Self {
        Self(sse2!(_mm_set1_ps(x)))
    }
    #[inline(always)]
    pub fn add(self, other: Self) -> Self {
        Self(sse2!(_mm_add_ps(self.0, other.0)))
    }
    #[inline(always)]
    pub fn sub(self, other: Self) -> Self {
        Self(sse2!(_mm_sub_ps(self.0, other.0)))
    }
    #[inline(always)]
    pub fn mul(self, other: Self) -> Self {
        Self(sse2!(_mm_mul_ps(self.0, other.0)))
    }
    #[inline(always)]
    pub fn min(self, other: Self) -> Self {
        Self(sse2!(_mm_min_ps(self.0, other.0)))
    }
    #[inline(always)]
    pub fn max(self, other: Self) -> Self {
        Self(sse2!(_mm_max_ps(self.0, other.0)))
    }
    #[inline(always)]
    pub fn from_indices([x, y, z]: [i32; 3]) -> Self {
        Self(sse2!(_mm_cvtepi32_ps(_mm_setr_epi32(x, y, z, 0))))
    }
    /// Without fractions; what no i32 can hold becomes an arbitrary number.
    #[inline(always)]
    pub fn whole(self) -> Self {
        Self(sse2!(_mm_cvtepi32_ps(_mm_cvttps_epi32(self.0))))
    }
    #[inline(always)]
    pub fn to_array(self) -> [f32; 3] {
        let [x, y, z, _] = bytemuck::cast(self.0);
        [x, y, z]
    }
    /// The whole parts of the first three; what no i32 can hold becomes an arbitrary number.
    #[inline(always)]
    pub fn to_indices(self) -> [i32; 3] {
        sse2!({
            let whole = _mm_cvttps_epi32(self.0);
            [
                _mm_cvtsi128_si32(whole),
                _mm_cvtsi128_si32(_mm_shuffle_epi32::<0b01>(whole)),
                _mm_cvtsi128_si32(_mm_shuffle_epi32::<0b10>(whole)),
            ]
        })
    }
    /// The smallest of the first three.
    #[inline(always)]
    pub fn smallest(self) -> f32 {
        sse2!({
            let both = _mm_min_ss(_mm_shuffle_ps::<0b01>(self.0, self.0), self.0);
            _mm_cvtss_f32(_mm_min_ss(_mm_movehl_ps(self.0, self.0), both))
        })
    }
}

#[cfg(not(target_arch = "x86_64"))]
impl Quad {
    #[inline(always)]
    pub fn new([x, y, z]: [f32; 3]) -> Self {
        Self([x, y, z, 0.0])
    }
    #[inline(always)]
    pub fn splat(x: f32) -> Self {
        Self([x; 4])
    }
    #[inline(always)]
    fn each(self, other: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        let (a, b) = (self.0, other.0);
        Self([f(a[0], b[0]), f(a[1], b[1]), f(a[2], b[2]), f(a[3], b[3])])
    }
    #[inline(always)]
    pub fn add(self, other: Self) -> Self {
        self.each(other, |a, b| a + b)
    }
    #[inline(always)]
    pub fn sub(self, other: Self) -> Self {
        self.each(other, |a, b| a - b)
    }
    #[inline(always)]
    pub fn mul(self, other: Self) -> Self {
        self.each(other, |a, b| a * b)
    }
    #[inline(always)]
    pub fn min(self, other: Self) -> Self {
        self.each(other, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    pub fn max(self, other: Self) -> Self {
        self.each(other, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    pub fn from_indices(indices: [i32; 3]) -> Self {
        Self::new(indices.map(|index| index as f32))
    }
    /// Without fractions; what no i32 can hold becomes an arbitrary number.
    #[inline(always)]
    pub fn whole(self) -> Self {
        Self(self.0.map(|x| x as i32 as f32))
    }
    #[inline(always)]
    #[cfg_attr(not(test), expect(dead_code, reason = "only AVX-512 takes it apart"))]
    pub fn to_array(self) -> [f32; 3] {
        let [x, y, z, _] = self.0;
        [x, y, z]
    }
    /// The whole parts of the first three; what no i32 can hold becomes an arbitrary number.
    #[inline(always)]
    pub fn to_indices(self) -> [i32; 3] {
        [self.0[0] as i32, self.0[1] as i32, self.0[2] as i32]
    }
    /// The smallest of the first three.
    #[inline(always)]
    pub fn smallest(self) -> f32 {
        let [x, y, z, _] = self.0;
        let both = if y < x { y } else { x };
        if z < both { z } else { both }
    }
}
