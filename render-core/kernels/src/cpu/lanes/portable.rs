//! Four lanes in plain Rust.

use std::array::from_fn;
use std::ops::{Add, BitAnd, BitOr, Div, Mul, Not, Sub};

use super::{Grid, Lanes, Part, Place, Texel};

const N: usize = 4;

#[derive(Clone, Copy, Debug)]
pub(in crate::cpu) struct Portable;

#[derive(Clone, Copy, Debug)]
pub(in crate::cpu) struct Values<T>([T; N]);

macro_rules! operator {
    ($t:ty: $($trait:ident $name:ident $apply:expr),*) => {$(
        impl $trait for Values<$t> {
            type Output = Self;
            #[inline(always)]
            fn $name(self, other: Self) -> Self {
                Self(from_fn(|i| $apply(self.0[i], other.0[i])))
            }
        }
    )*};
}
operator!(f32: Add add |a, b| a + b, Sub sub |a, b| a - b, Mul mul |a, b| a * b, Div div |a, b| a / b);
operator!(i32: Add add i32::wrapping_add, Sub sub i32::wrapping_sub, Mul mul i32::wrapping_mul);
operator!(bool: BitAnd bitand |a, b| a & b, BitOr bitor |a, b| a | b);

impl Not for Values<bool> {
    type Output = Self;
    #[inline(always)]
    fn not(self) -> Self {
        Self(self.0.map(|x| !x))
    }
}

impl<T: Copy> Values<T> {
    #[inline(always)]
    fn select(mask: Values<bool>, a: Self, b: Self) -> Self {
        Self(from_fn(|i| if mask.0[i] { a.0[i] } else { b.0[i] }))
    }
}

impl Lanes for Portable {
    const COUNT: usize = N;
    type F = Values<f32>;
    type I = Values<i32>;
    type M = Values<bool>;
    type Index = [usize; N];

    #[inline(always)]
    fn splat(self, x: f32) -> Self::F {
        Values([x; N])
    }
    #[inline(always)]
    fn splat_i(self, x: i32) -> Self::I {
        Values([x; N])
    }
    #[inline(always)]
    fn load(self, from: &[f32]) -> Self::F {
        Values(from_fn(|i| from[i]))
    }
    #[inline(always)]
    fn store(self, x: Self::F, to: &mut [f32]) {
        to[..N].copy_from_slice(&x.0);
    }
    #[inline(always)]
    fn store_i(self, x: Self::I, to: &mut [i32]) {
        to[..N].copy_from_slice(&x.0);
    }

    #[inline(always)]
    fn mul_add(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F {
        a * b + c
    }
    #[inline(always)]
    fn min(self, a: Self::F, b: Self::F) -> Self::F {
        Values(from_fn(|i| if a.0[i] < b.0[i] { a.0[i] } else { b.0[i] }))
    }
    #[inline(always)]
    fn max(self, a: Self::F, b: Self::F) -> Self::F {
        Values(from_fn(|i| if a.0[i] > b.0[i] { a.0[i] } else { b.0[i] }))
    }
    #[inline(always)]
    fn abs(self, x: Self::F) -> Self::F {
        Values(x.0.map(f32::abs))
    }
    #[inline(always)]
    fn sqrt(self, x: Self::F) -> Self::F {
        Values(x.0.map(f32::sqrt))
    }
    #[inline(always)]
    fn floor(self, x: Self::F) -> Self::F {
        Values(x.0.map(f32::floor))
    }
    #[inline(always)]
    fn ceil(self, x: Self::F) -> Self::F {
        Values(x.0.map(f32::ceil))
    }
    #[inline(always)]
    fn lt(self, a: Self::F, b: Self::F) -> Self::M {
        Values(from_fn(|i| a.0[i] < b.0[i]))
    }
    #[inline(always)]
    fn le(self, a: Self::F, b: Self::F) -> Self::M {
        Values(from_fn(|i| a.0[i] <= b.0[i]))
    }
    #[inline(always)]
    fn select(self, mask: Self::M, a: Self::F, b: Self::F) -> Self::F {
        Values::select(mask, a, b)
    }

    #[inline(always)]
    fn to_int(self, x: Self::F) -> Self::I {
        Values(x.0.map(|x| x as i32))
    }
    #[inline(always)]
    fn to_float(self, x: Self::I) -> Self::F {
        Values(x.0.map(|x| x as f32))
    }
    #[inline(always)]
    fn power_of_two(self, power: Self::F) -> Self::F {
        Values(power.0.map(f32::exp2))
    }
    #[inline(always)]
    fn min_i(self, a: Self::I, b: Self::I) -> Self::I {
        Values(from_fn(|i| a.0[i].min(b.0[i])))
    }

    #[inline(always)]
    fn bits(self, mask: Self::M) -> u32 {
        mask.0.iter().enumerate().fold(0, |bits, (i, &set)| bits | u32::from(set) << i)
    }
    #[inline(always)]
    fn mask(self, bits: u32) -> Self::M {
        Values(from_fn(|i| bits >> i & 1 == 1))
    }

    #[inline(always)]
    fn gather(self, table: &[f32], index: Self::I) -> Self::F {
        Values(index.0.map(|i| table[(i as u32 as usize).min(table.len() - 1)]))
    }
    #[inline(always)]
    fn gather_columns(self, table: &[[f32; 4]], index: Self::I) -> [Self::F; 4] {
        let entries = index.0.map(|i| table[(i as u32 as usize).min(table.len() - 1)]);
        from_fn(|column| Values(entries.map(|entry| entry[column])))
    }
    #[inline(always)]
    fn smallest(self, mask: Self::M, x: Self::F) -> f32 {
        let chosen = Values::select(mask, x, self.splat(f32::INFINITY));
        chosen.0.into_iter().fold(f32::INFINITY, f32::min)
    }

    #[inline(always)]
    fn place<'a, V: Texel>(
        self,
        grid: &'a Grid<'a, V>,
        voxel: [Self::I; 3],
        span: usize,
    ) -> Place<'a, V, Self::Index> {
        let last = grid.voxels.len() - 1 - span;
        let index = from_fn(|i| {
            let [x, y, z] = voxel.map(|v| v.0[i].max(0) as usize);
            ((z * grid.dims[1] + y) * grid.dims[0] + x).min(last)
        });
        Place { grid, index, span }
    }
    #[inline(always)]
    fn pair<V: Texel>(self, place: Place<'_, V, Self::Index>, offset: usize) -> (Self::F, Self::F) {
        let fetch = |offset: usize| Values(place.index.map(|i| place.grid.voxels[i + offset].to_f32()));
        (fetch(offset), fetch(offset + place.grid.next[0]))
    }

    #[inline(always)]
    fn apart<P: Part<Self>>(self, part: P) -> P::Output {
        #[inline(never)]
        fn apart<P: Part<Portable>>(part: P) -> P::Output {
            part.run(Portable)
        }
        apart(part)
    }
}
