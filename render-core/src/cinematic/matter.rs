//! What a volume is made of under a transfer function: how dense and of which colour each value is,
//! and how dense each brick can be at most.

use glam::{Mat3, Vec3, Vec4};
use rayon::prelude::*;

use crate::bricks::BRICK;
use crate::render::{GradientOpacity, TABLE_LEN};
use crate::scene::transfer::TransferFunction;
use crate::volume::Volume;

/// Opacity of 1 mm above this would need an extinction without limit.
const MAX_OPACITY: f32 = 0.9999;

/// No tissue reflects all light; dry bone reflects about this share.
const MAX_REFLECTANCE: f32 = 0.78;

/// The change over 1 mm, as a share of the span of visible values, at which a point is as likely to
/// reflect like a surface as to scatter like a cloud.
const SURFACE_CHANGE: f32 = 0.04;

/// Depends on the volume, the transfer function and the density, not on the view.
#[derive(Debug)]
pub(super) struct Matter {
    /// A stored value v has the entry v * `index_scale` + `index_bias` of the tables, rounded.
    pub index_scale: f32,
    pub index_bias: f32,
    /// Extinction in 1/mm.
    pub extinction: Vec<f32>,
    /// Share of light that is scattered and not absorbed, linear r, g, b, by a cloud and by a surface.
    /// Padded for a GPU.
    pub cloud_albedo: Vec<[f32; 4]>,
    pub surface_albedo: Vec<[f32; 4]>,
    /// Square of the change of stored values per mm at which surfaces and clouds are equally likely.
    pub surface_change2: f32,
    /// What of the extinction is left by the length of the gradient in values per mm.
    pub gradient_opacity: Option<GradientOpacity>,
    /// Turns a gradient of stored values in voxel space into one of values in patient space.
    pub patient_from_gradient: Mat3,
    pub bounds: Bounds,
}

impl Matter {
    /// `density` multiplies the extinction: small structures cast shadows only if they are denser
    /// than looks good without shadows.
    pub fn new(volume: &Volume, transfer: &TransferFunction, density: f32) -> Self {
        let table = transfer.table(1.0);
        let extinction: Vec<f32> =
            table.rgba.iter().map(|c| -(1.0 - c[3].clamp(0.0, MAX_OPACITY)).ln() * density).collect();
        let albedo = |single: fn(f32) -> f32| -> Vec<[f32; 4]> {
            let of = |&[r, g, b, _]: &[f32; 4]| {
                let [r, g, b] = [r, g, b].map(|c| single(reflectance_of(c)));
                [r, g, b, 0.0]
            };
            table.rgba.iter().map(of).collect()
        };
        let visible = |e: &f32| *e > 0.0;
        let first = extinction.iter().position(visible).unwrap_or(0);
        let last = extinction.iter().rposition(visible).unwrap_or(TABLE_LEN - 1);
        let slope = volume.rescale().slope;
        let span = (last - first).max(1) as f32 / table.scale / slope.abs();
        let index_scale = slope * table.scale;
        let index_bias = (volume.rescale().intercept - table.low) * table.scale + 0.5;
        let bounds = Bounds::new(volume, &extinction, index_scale, index_bias);
        let surface_change2 = (span * SURFACE_CHANGE).powi(2);
        let patient_from_gradient =
            volume.geometry().voxel_from_patient().matrix3.transpose().as_mat3() * slope;
        Self {
            index_scale,
            index_bias,
            extinction,
            cloud_albedo: albedo(cloud_albedo),
            surface_albedo: albedo(surface_albedo),
            surface_change2,
            gradient_opacity: transfer.gradient_table(),
            patient_from_gradient,
            bounds,
        }
    }

    #[inline]
    pub fn index(&self, stored: f32) -> usize {
        table_index(stored, self.index_scale, self.index_bias)
    }

    pub fn cloud_albedo(&self, index: usize) -> Vec3 {
        Vec4::from(self.cloud_albedo[index]).truncate()
    }

    pub fn surface_albedo(&self, index: usize) -> Vec3 {
        Vec4::from(self.surface_albedo[index]).truncate()
    }
}

#[inline]
fn table_index(stored: f32, scale: f32, bias: f32) -> usize {
    // A value that is no number converts to 0.
    (stored * scale + bias).clamp(0.0, (TABLE_LEN - 1) as f32) as usize
}

/// What dense matter of a colour's component, as displays show it, reflects.
pub(super) fn reflectance_of(c: f32) -> f32 {
    let linear = if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) };
    linear * MAX_REFLECTANCE
}

/// The share that a single scattering must leave so that dense matter, where light scatters many
/// times, reflects `r` of it (Chiang et al. 2016, "Practical and controllable subsurface scattering
/// for production path tracing").
fn cloud_albedo(r: f32) -> f32 {
    1.0 - (r * (-5.094_06 + r * (2.611_88 - r * 4.318_05))).exp()
}

/// The same for matter that reflects like facets: light seldom gets deep, so it scatters less often.
/// The geometric mean of one scattering and many comes within a few per cent.
fn surface_albedo(r: f32) -> f32 {
    (r * cloud_albedo(r)).sqrt()
}

/// For each brick the largest extinction in 1/mm; where that is 0, the negative of the number of
/// bricks, this one included, that are as empty in every direction.
#[derive(Debug)]
pub(super) struct Bounds {
    /// Bricks along columns, rows, slices.
    pub dims: [usize; 3],
    /// Column fastest.
    pub cells: Vec<f32>,
}

/// Farthest that empty space is leapt over, in bricks.
const MAX_LEAP: u8 = 64;

impl Bounds {
    fn new(volume: &Volume, extinction: &[f32], index_scale: f32, index_bias: f32) -> Self {
        let bricks = volume.bricks();
        let largest = RangeMaximum::new(extinction);
        let mut cells = vec![0.0f32; bricks.ranges().len()];
        cells.par_iter_mut().zip(bricks.ranges()).for_each(|(cell, &(low, high))| {
            let (a, b) =
                (table_index(low, index_scale, index_bias), table_index(high, index_scale, index_bias));
            // One entry more on either side outweighs rounding in the interpolation.
            *cell = largest.of(a.min(b).saturating_sub(1), (a.max(b) + 1).min(TABLE_LEN - 1));
        });
        let dims = bricks.dims();
        let empty = distance_to_matter(&cells, dims);
        for (cell, distance) in cells.iter_mut().zip(empty) {
            if distance > 0 {
                *cell = -f32::from(distance);
            }
        }
        Self { dims, cells }
    }
}

/// Steps to the nearest brick that is not empty, diagonal steps included, at most `MAX_LEAP`. Two
/// passes suffice: every shortest way can be put in an order that one of them follows.
fn distance_to_matter(cells: &[f32], dims: [usize; 3]) -> Vec<u8> {
    let [nx, ny, nz] = dims;
    let mut distance: Vec<u8> = cells.iter().map(|&c| if c > 0.0 { 0 } else { MAX_LEAP }).collect();
    let mut pass = |backwards: bool| {
        // The backward pass sees the same grid turned around.
        let turned = |n: usize, i: usize| if backwards { n - 1 - i } else { i };
        for z in 0..nz {
            for y in 0..ny {
                // Rows that this pass has finished.
                let rows = [(Some(y), z.checked_sub(1)), (y.checked_sub(1), Some(z))];
                let corners =
                    [y.checked_sub(1), Some(y + 1).filter(|&y| y < ny)].map(|y| (y, z.checked_sub(1)));
                let row_at = |y: usize, z: usize| (turned(nz, z) * ny + turned(ny, y)) * nx;
                let done = [rows[0], rows[1], corners[0], corners[1]]
                    .map(|(y, z)| y.zip(z).map(|(y, z)| row_at(y, z)));
                let row = row_at(y, z);
                for x in 0..nx {
                    let here = turned(nx, x);
                    if distance[row + here] == 0 {
                        continue;
                    }
                    let near = here.saturating_sub(1)..(here + 2).min(nx);
                    let before = x.checked_sub(1).map(|x| distance[row + turned(nx, x)]);
                    let rows = done.iter().flatten().flat_map(|&row| &distance[row..][near.clone()]);
                    let least = rows.copied().chain(before).min().unwrap_or(MAX_LEAP);
                    distance[row + here] = distance[row + here].min(least.saturating_add(1));
                }
            }
        }
    };
    pass(false);
    pass(true);
    distance
}

/// The maximum over any range of entries from two look-ups.
struct RangeMaximum {
    /// Level k holds the maxima of 2^k entries from each place on.
    levels: Vec<Vec<f32>>,
}

impl RangeMaximum {
    fn new(entries: &[f32]) -> Self {
        let mut levels = vec![entries.to_vec()];
        for k in 0.. {
            let (last, reach) = (&levels[k], 1 << k);
            if last.len() <= reach {
                break;
            }
            let next = last.iter().zip(&last[reach..]).map(|(a, b)| a.max(*b)).collect();
            levels.push(next);
        }
        Self { levels }
    }

    /// `first` <= `last`, both included.
    fn of(&self, first: usize, last: usize) -> f32 {
        let level = (last - first + 1).ilog2() as usize;
        let maxima = &self.levels[level];
        maxima[first].max(maxima[last + 1 - (1 << level)])
    }
}

/// Cells per brick edge, as a float for positions.
pub(super) const BRICK_EDGE: f32 = BRICK as f32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn range_maxima_are_those_of_a_plain_search() {
        let entries: Vec<f32> = (0..100u32).map(|i| (i * 7919 % 101) as f32).collect();
        let largest = RangeMaximum::new(&entries);
        for first in 0..100 {
            for last in first..100 {
                let plain = entries[first..=last].iter().copied().fold(0.0, f32::max);
                assert_eq!(largest.of(first, last), plain, "{first}..={last}");
            }
        }
    }

    #[test]
    fn distances_are_those_of_a_plain_search() {
        let dims = [9usize, 7, 8];
        for seed in 0..20usize {
            let full = |i: usize| (i * 2_654_435_761 + seed * 40_503) % 97 < 2;
            let cells: Vec<f32> = (0..9 * 7 * 8).map(|i| f32::from(u8::from(full(i)))).collect();
            let place = |i: usize| [i % 9, i / 9 % 7, i / 63];
            let found = distance_to_matter(&cells, dims);
            for (i, &distance) in found.iter().enumerate() {
                let apart = |j: usize| (0..3).map(|a| place(i)[a].abs_diff(place(j)[a])).max().unwrap_or(0);
                let plain = (0..cells.len()).filter(|&j| cells[j] > 0.0).map(apart).min();
                assert_eq!(usize::from(distance), plain.unwrap_or(MAX_LEAP.into()), "{seed} {:?}", place(i));
            }
        }
    }
}
