//! Volumes at half their resolution, for pictures that are made while the user moves.

use std::ops::Add;
use std::sync::Arc;

use glam::{DAffine3, DVec3};
use rayon::prelude::*;

use crate::geometry::{Geometry, GeometryError};
use crate::memory;
use crate::volume::Voxel;

/// What becomes of eight voxels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    Mean,
    /// Midway between the mean and the largest: what is thin and bright keeps about the opacity that it
    /// has in the whole volume, so shaded pictures keep their brightness.
    Bright,
    /// A maximum projection of these loses nothing bright.
    Largest,
    Smallest,
}

/// Voxels along each axis of the half of a volume. An axis of one voxel stays.
pub(crate) fn dims(dims: [u32; 3]) -> [u32; 3] {
    dims.map(|n| n.div_ceil(2))
}

/// Where the voxels of the half of a volume lie: between those that they are made of.
pub(crate) fn geometry(whole: &Geometry) -> Result<Geometry, GeometryError> {
    let halved = DVec3::from(whole.dims().map(|n| f64::from(u8::from(n > 1))));
    let whole_from_half = DAffine3::from_translation(halved * 0.5) * DAffine3::from_scale(halved + 1.0);
    Geometry::new(dims(whole.dims()), whole.patient_from_voxel() * whole_from_half)
}

/// A voxel type that can be averaged.
pub(crate) trait Average: Voxel {
    type Sum: Copy + Add<Output = Self::Sum>;
    fn eighth(self) -> Self::Sum;
    /// Of eight eighths.
    fn mean(sum: Self::Sum) -> Self;
    fn midway(self, other: Self) -> Self;
}

macro_rules! average {
    ($($t:ty),*) => {$(
        impl Average for $t {
            type Sum = i32;
            #[inline(always)]
            fn eighth(self) -> i32 {
                i32::from(self)
            }
            #[inline(always)]
            fn mean(sum: i32) -> Self {
                ((sum + 4) >> 3) as Self
            }
            #[inline(always)]
            fn midway(self, other: Self) -> Self {
                ((i32::from(self) + i32::from(other) + 1) >> 1) as Self
            }
        }
    )*};
}
average!(u8, i16, u16);

impl Average for f32 {
    type Sum = f32;
    #[inline(always)]
    fn eighth(self) -> f32 {
        self * 0.125
    }
    #[inline(always)]
    fn mean(sum: f32) -> f32 {
        sum
    }
    #[inline(always)]
    fn midway(self, other: f32) -> f32 {
        self * 0.5 + other * 0.5
    }
}

impl Reduction {
    /// Of the stored values of eight voxels each, of which the largest is the smallest one rescaled if
    /// `turned`. Where there is no second voxel along an axis, the first one counts twice.
    pub(crate) fn of<T: Average>(self, voxels: &[T], dims: [u32; 3], turned: bool) -> Arc<[T]> {
        let larger = |a: T, b: T| if b > a { b } else { a };
        let smaller = |a: T, b: T| if b < a { b } else { a };
        let begin = |v: T| (v.eighth(), v);
        let end = |(sum, most): (T::Sum, T)| T::mean(sum).midway(most);
        match (self, turned) {
            (Self::Mean, _) => reduce(voxels, dims, T::eighth, |a, b| a + b, T::mean),
            (Self::Bright, false) => reduce(voxels, dims, begin, |a, b| (a.0 + b.0, larger(a.1, b.1)), end),
            (Self::Bright, true) => reduce(voxels, dims, begin, |a, b| (a.0 + b.0, smaller(a.1, b.1)), end),
            (Self::Largest, false) | (Self::Smallest, true) => reduce(voxels, dims, |v| v, larger, |v| v),
            (Self::Smallest, false) | (Self::Largest, true) => reduce(voxels, dims, |v| v, smaller, |v| v),
        }
    }
}

fn reduce<T: Voxel, S: Copy>(
    voxels: &[T],
    whole: [u32; 3],
    begin: impl Fn(T) -> S + Sync,
    join: impl Fn(S, S) -> S + Sync,
    end: impl Fn(S) -> T + Sync,
) -> Arc<[T]> {
    let [columns, rows, slices] = whole.map(|n| n as usize);
    let half = dims(whole).map(|n| n as usize);
    let pair = |i: usize, count: usize| [2 * i, (2 * i + 1).min(count - 1)];
    let mut reduced = memory::zeroed::<T>(half.iter().product());
    let to = Arc::get_mut(&mut reduced).expect("nobody else has it yet");
    to.par_chunks_mut(half[0] * half[1]).enumerate().for_each(|(z, layer)| {
        let mut joined = vec![begin(voxels[0]); columns];
        for (y, to) in layer.chunks_exact_mut(half[0]).enumerate() {
            let row = |z: usize, y: usize| &voxels[(z * rows + y) * columns..][..columns];
            let ([y0, y1], [z0, z1]) = (pair(y, rows), pair(z, slices));
            // All four rows at once: that is what vectors are fast at.
            let near = row(z0, y0).iter().zip(row(z0, y1));
            let far = row(z1, y0).iter().zip(row(z1, y1));
            for ((joined, (&a, &b)), (&c, &d)) in joined.iter_mut().zip(near).zip(far) {
                *joined = join(join(begin(a), begin(b)), join(begin(c), begin(d)));
            }
            let (pairs, last) = joined.as_chunks::<2>();
            for (to, &[a, b]) in to.iter_mut().zip(pairs) {
                *to = end(join(a, b));
            }
            if let (Some(to), &[a]) = (to.last_mut(), last) {
                *to = end(join(a, a));
            }
        }
    });
    reduced
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::volume::{Meaning, Rescale, Volume, Voxels};

    const DIMS: [u32; 3] = [7, 6, 1];

    fn volume(voxels: Voxels, slope: f32) -> Arc<Volume> {
        let axes = [DVec3::X, DVec3::Y, DVec3::NEG_Z];
        let origin = DVec3::new(10.0, 20.0, 30.0);
        let geometry = Geometry::from_axes(DIMS, origin, axes, DVec3::new(0.5, 2.0, 3.0)).unwrap();
        let meaning = Meaning {
            modality: "MR".into(),
            unit: String::new(),
            windows: Vec::new(),
            tables: Vec::new(),
            inverted: false,
        };
        Arc::new(Volume::new(geometry, voxels, Rescale { slope, intercept: 5.0 }, meaning).unwrap())
    }

    fn ramp(i: u32) -> i16 {
        let (x, y) = (i % DIMS[0], i / DIMS[0]);
        4 * x as i16 - 100 * y as i16
    }

    #[test]
    fn a_ramp_keeps_its_values_where_they_are_in_the_patient() {
        let whole = volume(Voxels::I16((0..42).map(ramp).collect()), 1.0);
        let half = whole.halved(Reduction::Mean);
        assert_eq!(half.geometry().dims(), [4, 3, 1]);
        assert_eq!(half.geometry().spacing_mm(), DVec3::new(1.0, 4.0, 3.0));
        for (x, y) in [(0, 0), (2, 1), (1, 2)] {
            let at = half.geometry().patient_from_voxel().transform_point3(DVec3::new(
                f64::from(x),
                f64::from(y),
                0.0,
            ));
            let voxel = whole.geometry().voxel_from_patient().transform_point3(at);
            let expected = (4.0 * voxel.x - 100.0 * voxel.y + 5.0) as f32;
            assert_eq!(half.value_at([x, y, 0]), Some(expected));
        }
        // The seventh column has no neighbour.
        assert_eq!(half.value_at([3, 0, 0]), Some(24.0 - 50.0 + 5.0));
    }

    #[test]
    fn extremes_are_those_of_rescaled_values() {
        let voxels: Vec<i16> = (0..42).map(ramp).collect();
        for slope in [2.0, -2.0] {
            let whole = volume(Voxels::I16(voxels.clone().into()), slope);
            let (smallest, largest) = whole.value_range();
            assert_eq!(whole.halved(Reduction::Largest).value_range().1, largest);
            assert_eq!(whole.halved(Reduction::Smallest).value_range().0, smallest);
            let corner = [0, 1, 7, 8].map(|i| slope * f32::from(voxels[i]) + 5.0);
            let most = corner.into_iter().fold(f32::NEG_INFINITY, f32::max);
            assert_eq!(whole.halved(Reduction::Largest).value_at([0, 0, 0]), Some(most));
        }
    }

    #[test]
    fn bright_voxels_count_half_whichever_way_the_slope_turns() {
        // Eight voxels of which one is bright.
        let voxels: Vec<f32> = (0..42).map(|i| if i == 8 { 800.0 } else { 0.0 }).collect();
        for (slope, sign) in [(1.0, 1.0), (-1.0, -1.0)] {
            let voxels: Vec<f32> = voxels.iter().map(|v| v * sign).collect();
            // With one slice, each voxel counts twice.
            let half = volume(Voxels::F32(voxels.into()), slope).halved(Reduction::Bright);
            assert_eq!(half.value_at([0, 0, 0]), Some((200.0 + 800.0) / 2.0 + 5.0));
            assert_eq!(half.value_at([1, 0, 0]), Some(5.0));
        }
    }

    #[test]
    fn the_two_last_used_are_kept_and_the_third_gives_its_memory_back() {
        let whole = volume(Voxels::I16((0..42).map(ramp).collect()), 1.0);
        let [mean, bright] = [Reduction::Mean, Reduction::Bright].map(|of| Arc::downgrade(&whole.halved(of)));
        let kept = whole.halved(Reduction::Mean);
        assert!(std::ptr::eq(mean.as_ptr(), Arc::as_ptr(&kept)), "made twice");
        drop(kept);
        whole.halved(Reduction::Smallest);
        let alive = [mean, bright].map(|half| half.upgrade().is_some());
        assert_eq!(alive, [true, false], "not the least recently used one was given up");
    }

    #[test]
    fn every_voxel_type_is_averaged_without_overflow() {
        let half = |voxels| {
            let [mean, bright] = [Reduction::Mean, Reduction::Bright];
            let whole = volume(voxels, 1.0);
            assert_eq!(whole.halved(mean).stored_range(), whole.halved(bright).stored_range());
            whole.halved(mean).stored_range()
        };
        assert_eq!(half(Voxels::U8(vec![255; 42].into())), (255.0, 255.0));
        assert_eq!(half(Voxels::U16(vec![65_535; 42].into())), (65_535.0, 65_535.0));
        assert_eq!(half(Voxels::I16(vec![-32_768; 42].into())), (-32_768.0, -32_768.0));
        assert_eq!(half(Voxels::F32(vec![f32::MAX; 42].into())), (f32::MAX, f32::MAX));
    }
}
