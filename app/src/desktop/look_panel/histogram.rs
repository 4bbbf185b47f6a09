//! How often each value occurs in a volume.

use render_core::Volume;
use render_core::volume::Voxels;

/// Most classes: more than a panel has pixels.
const MOST_BINS: usize = 2048;

/// Voxels between two looks at whether anybody still waits.
const CHUNK: usize = 1 << 20;

/// Counts over the volume's whole range of values.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    low: f32,
    /// Of one class, in rescaled values.
    width: f32,
    counts: Vec<u64>,
}

impl Histogram {
    /// Looks at every voxel; `None` when `cancelled` says so.
    pub fn of(volume: &Volume, cancelled: impl Fn() -> bool) -> Option<Self> {
        let (low, high) = volume.stored_range();
        let whole = !matches!(volume.voxels(), Voxels::F32(_));
        // Classes of whole numbers hold equally many, or the picture would be a comb.
        let (bins, stored_width) = if whole {
            let values = high - low + 1.0;
            let width = (values / MOST_BINS as f32).ceil().max(1.0);
            ((values / width).ceil() as usize, width)
        } else {
            // Of a single value, classes as narrow as floats can tell.
            let least = f32::EPSILON * low.abs().max(high.abs()).max(f32::MIN_POSITIVE / f32::EPSILON);
            (MOST_BINS, ((high - low) / MOST_BINS as f32).max(least))
        };
        let mut counts = vec![0u64; bins.clamp(1, MOST_BINS)];
        let done = match volume.voxels() {
            Voxels::U8(v) => count(v, low, stored_width, &mut counts, cancelled),
            Voxels::I16(v) => count(v, low, stored_width, &mut counts, cancelled),
            Voxels::U16(v) => count(v, low, stored_width, &mut counts, cancelled),
            Voxels::F32(v) => count(v, low, stored_width, &mut counts, cancelled),
        };
        if !done {
            return None;
        }
        let rescale = volume.rescale();
        let width = stored_width * rescale.slope.abs();
        // A whole number stands for the class around it.
        let (first, last) =
            if whole { (low - 0.5, low - 0.5 + stored_width * counts.len() as f32) } else { (low, high) };
        let low = if rescale.slope < 0.0 {
            counts.reverse();
            rescale.apply(last)
        } else {
            rescale.apply(first)
        };
        Some(Self { low, width, counts })
    }

    /// The largest count of the classes that meet `from..to`, on a logarithmic scale from 0 to 1.
    pub fn height(&self, from: f32, to: f32) -> f32 {
        let index = |value: f32| ((value - self.low) / self.width).floor();
        let (first, last) = (index(from), index(to));
        if last < 0.0 || first >= self.counts.len() as f32 || !first.is_finite() || !last.is_finite() {
            return 0.0;
        }
        let end = self.counts.len() - 1;
        let range = (first.max(0.0) as usize).min(end)..=(last.max(0.0) as usize).min(end);
        let most = self.counts.iter().max().copied().unwrap_or(1).max(1);
        let here = self.counts[range].iter().max().copied().unwrap_or(0);
        (1.0 + here as f64).ln() as f32 / (1.0 + most as f64).ln() as f32
    }

    /// Between which values all but a ten-thousandth at each end lies.
    pub fn usual_range(&self) -> (f32, f32) {
        let total: u64 = self.counts.iter().sum();
        let most = total / 10_000;
        let edge = |counts: &mut dyn Iterator<Item = &u64>| {
            let mut sum = 0;
            counts
                .take_while(|&&count| {
                    sum += count;
                    sum <= most
                })
                .count()
        };
        let below = edge(&mut self.counts.iter());
        let above = edge(&mut self.counts.iter().rev());
        let value = |bin: usize| self.low + bin as f32 * self.width;
        (value(below), value(self.counts.len().saturating_sub(above).max(below + 1)))
    }
}

/// Returns false when it was cancelled.
fn count<T: Copy + Into<f32>>(
    voxels: &[T],
    low: f32,
    width: f32,
    counts: &mut [u64],
    cancelled: impl Fn() -> bool,
) -> bool {
    let (scale, last) = (1.0 / width, counts.len() - 1);
    for chunk in voxels.chunks(CHUNK) {
        if cancelled() {
            return false;
        }
        for &voxel in chunk {
            // Exact for whole numbers; what rounding puts beyond the end belongs to the last class.
            let bin = ((voxel.into() - low) * scale) as usize;
            counts[bin.min(last)] += 1;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::DAffine3;
    use render_core::Geometry;
    use render_core::volume::{Meaning, Rescale};

    fn volume(voxels: Voxels, rescale: Rescale) -> Volume {
        let dims = [voxels.len() as u32, 1, 1];
        let geometry = Geometry::new(dims, DAffine3::IDENTITY);
        Volume::new(geometry.expect("a plain grid"), voxels, rescale, Meaning::default()).expect("a volume")
    }

    fn histogram(voxels: Voxels, rescale: Rescale) -> Histogram {
        Histogram::of(&volume(voxels, rescale), || false).expect("nobody cancels")
    }

    #[test]
    fn every_voxel_is_counted_where_its_value_is() {
        let voxels = Voxels::I16([-1000i16, -1000, 0, 40, 40, 40, 3000].as_slice().into());
        let histogram = histogram(voxels, Rescale::IDENTITY);
        assert_eq!(histogram.counts.iter().sum::<u64>(), 7);
        let at = |value: f32| histogram.height(value, value);
        assert!((at(40.0) - 1.0).abs() < 1e-6, "the most frequent value is the highest");
        assert!(at(-1000.0) > at(0.0) && at(0.0) > 0.0 && (at(0.0) - at(3000.0)).abs() < 1e-6);
        assert_eq!((at(-2000.0), at(500.0), at(9000.0)), (0.0, 0.0, 0.0));
        assert_eq!(histogram.height(f32::NAN, f32::NAN), 0.0);
    }

    #[test]
    fn a_slope_below_zero_turns_it_round() {
        let rescale = Rescale { slope: -2.0, intercept: 100.0 };
        let histogram = histogram(Voxels::U8([0u8, 0, 0, 50].as_slice().into()), rescale);
        assert!((histogram.height(100.0, 100.0) - 1.0).abs() < 1e-6);
        assert!(histogram.height(0.0, 0.0) > 0.0);
        assert_eq!(histogram.height(50.0, 50.0), 0.0);
    }

    #[test]
    fn whole_numbers_make_no_comb() {
        let all: Vec<u16> = (0..5000).collect();
        let histogram = histogram(Voxels::U16(all.into()), Rescale::IDENTITY);
        let inner = &histogram.counts[..histogram.counts.len() - 1];
        assert!(inner.iter().all(|count| *count == inner[0]), "equal values give equal heights");
    }

    #[test]
    fn a_volume_of_one_value_has_a_histogram() {
        let histogram = histogram(Voxels::F32([7.0f32; 8].as_slice().into()), Rescale::IDENTITY);
        assert_eq!(histogram.counts.iter().sum::<u64>(), 8);
        let (low, high) = histogram.usual_range();
        assert!(low < high);
    }

    #[test]
    fn cancelling_ends_it() {
        let volume = volume(Voxels::U8([1u8, 2].as_slice().into()), Rescale::IDENTITY);
        assert_eq!(Histogram::of(&volume, || true), None);
    }
}
