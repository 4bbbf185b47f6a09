//! Slices of a tilted gantry, shifted until they stand above each other.

use std::sync::Arc;

use glam::{DAffine3, DMat3};
use rayon::prelude::*;

use super::pixels::Sample;
use super::{Error, Loaded, Report, Series, WarningCode, load};
use crate::geometry::{Geometry, GeometryError};
use crate::memory;
use crate::volume::{Volume, Voxel, Voxels};

/// Growth by less than this share of a voxel is rounding.
const WHOLE: f64 = 1e-3;

/// The loaded volume on an upright grid; `loaded.volume` is sheared.
pub fn straighten(series: &Series, loaded: Loaded) -> Result<Loaded, Error> {
    let sheared = &*loaded.volume;
    let shear = Shear::of(sheared.geometry()).map_err(|e| Error::Series(e.to_string()))?;
    let needed = shear.upright.voxel_count() * sheared.voxels().byte_len() / sheared.voxels().len();
    if load::available_memory().is_some_and(|available| needed as u64 > available) {
        return Err(Error::Series(format!(
            "straightening the tilt needs {needed} bytes of memory, which are not free; load it as it is"
        )));
    }
    let whole = !matches!(sheared.voxels(), Voxels::F32(_));
    let padding = series.stored_padding(sheared.rescale(), whole);
    let fill = Fill { padding, outside: padding.unwrap_or(sheared.stored_range().0) };
    let voxels = match sheared.voxels() {
        Voxels::U8(v) => Voxels::U8(shear.resample(v, fill)),
        Voxels::I16(v) => Voxels::I16(shear.resample(v, fill)),
        Voxels::U16(v) => Voxels::U16(shear.resample(v, fill)),
        Voxels::F32(v) => Voxels::F32(shear.resample(v, fill)),
    };
    let volume = Volume::new(shear.upright, voxels, sheared.rescale(), sheared.meaning().clone())
        .map_err(|e| Error::Series(e.to_string()))?;
    let [columns, rows, slices] = shear.upright.dims();
    let mut warnings = loaded.warnings;
    let mut told = String::new();
    for tilt in warnings.iter_mut().filter(|w| w.code == WarningCode::GantryTilt) {
        let degrees = tilt.value.unwrap_or_default();
        tilt.message = format!(
            "the slices are tilted by {degrees:.1} degrees against the line through them (gantry tilt): they are shifted \
             to an upright grid of {columns}x{rows}x{slices} voxels"
        );
        told.clone_from(&tilt.message);
    }
    let mut report = Report::new(series, &warnings);
    report.corrected.push(told);
    Ok(Loaded { volume: Arc::new(volume), warnings, report, ..loaded })
}

/// What is set where no voxels can be mixed.
#[derive(Clone, Copy)]
struct Fill {
    /// Voxels of this value hold nothing, and what would be mixed with them neither.
    padding: Option<f32>,
    outside: f32,
}

/// From a sheared grid to the upright one that holds all of it. Its first slice lies where the
/// sheared one's does, on the same lattice.
struct Shear {
    dims: [usize; 3],
    upright: Geometry,
    /// By how many columns and rows each slice lies further than the one before.
    per_slice: [f64; 2],
    /// Columns and rows before those of the first slice.
    before: [f64; 2],
}

impl Shear {
    fn of(sheared: &Geometry) -> Result<Self, GeometryError> {
        let matrix = sheared.patient_from_voxel().matrix3;
        let [x, y, z] = [matrix.x_axis, matrix.y_axis, matrix.z_axis];
        let normal = x.cross(y).normalize();
        let across = normal * z.dot(normal);
        let shift = matrix.inverse() * (z - across);
        let per_slice = [shift.x, shift.y];
        let dims = sheared.dims();
        let reach = per_slice.map(|shift| shift * (f64::from(dims[2]) - 1.0));
        let voxels = |length: f64| (length.abs() - WHOLE).ceil().max(0.0);
        let before = reach.map(|reach| if reach < 0.0 { voxels(reach) } else { 0.0 });
        let grown = |axis: usize| dims[axis].saturating_add(voxels(reach[axis]) as u32);
        let origin = sheared.origin_mm() - x * before[0] - y * before[1];
        let axes = DMat3::from_cols(x, y, across);
        let place = DAffine3 { matrix3: axes, translation: origin };
        let upright = Geometry::new([grown(0), grown(1), dims[2]], place)?;
        Ok(Self { dims: dims.map(|n| n as usize), upright, per_slice, before })
    }

    /// Linear between the voxels of a slice.
    fn resample<T: Sample + Voxel>(&self, voxels: &[T], fill: Fill) -> Arc<[T]> {
        let [columns, rows, _] = self.dims;
        let [width, height, _] = self.upright.dims().map(|n| n as usize);
        let mut out = memory::zeroed::<T>(self.upright.voxel_count());
        let slices = Arc::get_mut(&mut out).expect("nobody else has it yet");
        let round = T::from_f64(0.5).to_f32() == 0.0;
        slices.par_chunks_exact_mut(width * height).enumerate().for_each(|(k, out)| {
            let slice = &voxels[k * columns * rows..][..columns * rows];
            let start = |axis: usize| -self.before[axis] - self.per_slice[axis] * k as f64;
            let xs: Vec<_> = (0..width).map(|i| between(start(0) + i as f64, columns)).collect();
            for (j, out) in out.chunks_exact_mut(width).enumerate() {
                let Some((top, below, v)) = between(start(1) + j as f64, rows) else {
                    out.fill(T::from_f64(f64::from(fill.outside)));
                    continue;
                };
                let (top, below) = (&slice[top * columns..][..columns], &slice[below * columns..][..columns]);
                for (out, x) in out.iter_mut().zip(&xs) {
                    let value = x.map_or(f64::from(fill.outside), |(left, right, u)| {
                        if let Some(padding) = fill.padding {
                            let holds = |row: &[T]| {
                                u < 1.0 && row[left].to_f32() == padding
                                    || u > 0.0 && row[right].to_f32() == padding
                            };
                            if v < 1.0 && holds(top) || v > 0.0 && holds(below) {
                                return f64::from(padding);
                            }
                        }
                        let mix = |row: &[T]| {
                            f64::from(row[left].to_f32()) * (1.0 - u) + f64::from(row[right].to_f32()) * u
                        };
                        mix(top) * (1.0 - v) + mix(below) * v
                    });
                    *out = T::from_f64(if round { value.round() } else { value });
                }
            }
        });
        out
    }
}

/// The two of `count` voxels on either side of a place, and the share of the second.
fn between(at: f64, count: usize) -> Option<(usize, usize, f64)> {
    let last = count as f64 - 1.0;
    if !(-WHOLE..=last + WHOLE).contains(&at) {
        return None;
    }
    let at = at.clamp(0.0, last);
    let first = at as usize;
    Some((first, (first + 1).min(count - 1), at.fract()))
}
