//! Where tissue begins and how bright it gets, for volumes whose values have no unit.

use rayon::prelude::*;

use crate::volume::Volume;

/// Two values of a volume that windows and presets can be measured by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Levels {
    /// Between the air around the patient and the darkest tissue.
    pub tissue: f32,
    /// Brighter than 995 of 1000 voxels of the bright tissue; above `tissue`.
    pub bright: f32,
}

/// Voxels that are looked at: enough for a thousandth to be hundreds, few enough to take milliseconds.
const SAMPLES: usize = 1 << 18;

const BRIGHT_SHARE: f64 = 0.995;

/// Values are kept within this, so that a ramp between two levels has a slope.
const LIMIT: f32 = 1e8;

impl Levels {
    /// Looks at evenly spread voxels. The same volume always has the same levels.
    pub fn of(volume: &Volume) -> Self {
        let (voxels, rescale) = (volume.voxels(), volume.rescale());
        let stride = stride(voxels.len(), volume.geometry().dims()[0] as usize);
        let mut values: Vec<f32> = (0..voxels.len())
            .step_by(stride)
            .map(|index| rescale.apply(voxels.get(index)).clamp(-LIMIT, LIMIT))
            .collect();
        values.par_sort_unstable_by(f32::total_cmp);
        // Metal and other artefacts would draw the threshold to themselves.
        let usual = &values[..=quantile(values.len(), 0.999)];
        let bright_from = split(usual);
        let tissue = usual[split(&usual[..bright_from.max(1)]).min(usual.len() - 1)];
        let bright_tissue = &values[bright_from.min(values.len() - 1)..];
        let bright = bright_tissue[quantile(bright_tissue.len(), BRIGHT_SHARE)];
        // An even volume has no levels; they are kept apart by what a float can tell.
        let apart = f32::max(1e-3, tissue.abs() * 1e-6);
        Self { tissue, bright: bright.max(tissue + apart) }
    }
}

/// Leaves about `SAMPLES` of `count`, and does not run along a column of the volume.
fn stride(count: usize, columns: usize) -> usize {
    let gcd = |mut a: usize, mut b: usize| {
        while b != 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    let mut stride = (count / SAMPLES).max(1);
    while stride > 1 && gcd(stride, columns) > 1 {
        stride += 1;
    }
    stride
}

fn quantile(count: usize, share: f64) -> usize {
    ((count - 1) as f64 * share) as usize
}

/// Where to part sorted values so that the two sides differ most (Otsu, IEEE Trans. SMC 9, 1979): the
/// index of the first value of the upper side. Equal values stay together.
fn split(sorted: &[f32]) -> usize {
    let total: f64 = sorted.iter().map(|&value| f64::from(value)).sum();
    let count = sorted.len() as f64;
    let (mut below, mut best) = (0.0, (0.0, 0));
    for (index, pair) in sorted.windows(2).enumerate() {
        below += f64::from(pair[0]);
        if pair[0] == pair[1] {
            continue;
        }
        let lower = (index + 1) as f64;
        let upper = count - lower;
        let difference = below / lower - (total - below) / upper;
        let between = lower * upper * difference * difference;
        if between > best.0 {
            best = (between, index + 1);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use glam::DVec3;

    use super::*;
    use crate::geometry::Geometry;
    use crate::volume::{Meaning, Rescale, Voxels};

    fn volume(value: impl Fn(usize) -> f32) -> Volume {
        let axes = [DVec3::X, DVec3::Y, DVec3::Z];
        let geometry = Geometry::from_axes([64, 64, 100], DVec3::ZERO, axes, DVec3::ONE).unwrap();
        let voxels: Arc<[f32]> = (0..geometry.voxel_count()).map(value).collect();
        let meaning = Meaning {
            modality: "MR".into(),
            unit: String::new(),
            windows: Vec::new(),
            tables: Vec::new(),
            inverted: false,
        };
        Volume::new(geometry, Voxels::F32(voxels), Rescale::IDENTITY, meaning).unwrap()
    }

    /// Half air from 0 to 20, dark tissue from 60 to 100, bright tissue from 200 to 300, and metal.
    fn head(scale: f32) -> Volume {
        volume(move |i| {
            let spread = (i * 7919 % 1000) as f32 / 1000.0;
            scale
                * match i % 64 {
                    0..32 => 20.0 * spread,
                    32..40 => 60.0 + 40.0 * spread,
                    _ if i % 4999 == 0 => 5000.0,
                    _ => 200.0 + 100.0 * spread,
                }
        })
    }

    #[test]
    fn tissue_begins_above_air_and_bright_stops_below_metal() {
        for scale in [1.0, 17.0, 1e-3] {
            let levels = head(scale).levels();
            let (tissue, bright) = (levels.tissue / scale, levels.bright / scale);
            assert!((20.0..=61.0).contains(&tissue), "{tissue}");
            assert!((290.0..=301.0).contains(&bright), "{bright}");
        }
    }

    #[test]
    fn volumes_without_levels_have_a_ramp_nevertheless() {
        for value in [0.0, 7.0, -1e9, 3e38] {
            let levels = volume(|_| value).levels();
            assert!(levels.bright > levels.tissue && levels.bright.is_finite(), "{value}: {levels:?}");
        }
        let levels = volume(|i| if i == 5 { f32::MAX } else { -f32::MAX }).levels();
        assert!(levels.bright > levels.tissue && levels.bright.is_finite(), "{levels:?}");
    }

    #[test]
    fn samples_do_not_run_along_columns() {
        assert_eq!(stride(1000, 10), 1);
        let stride = stride(512 * 512 * 300, 512);
        assert!(stride % 2 == 1 && (300..310).contains(&stride));
    }
}
