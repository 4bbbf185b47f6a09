//! A CT study made by formula: a chest with contrast in the arteries, and everything there is to know about it.
//!
//! ```text
//! Spec -> anatomy (solids in painting order) -> slices in parallel (+ noise by seed) -> CT Image Storage files
//!                      |                                  |
//!                  Phantom::sample                    voxel counts ------------------> truth.json
//! ```
//!
//! The patient lies on the back, head first, on a table. Coordinates are patient mm, LPS (+x the patient's left, +y
//! the back, +z the head), with the carina near z = 0. The anatomy is the same for every [`Spec`]; the seed decides
//! the noise and the UIDs. Surfaces are about one voxel wide, as by a scanner's partial volume. The same [`Spec`] gives the
//! same bytes, whatever the number of threads.
//!
//! # `truth.json`
//!
//! | field | holds |
//! |---|---|
//! | `seed`, `noise_sigma_hu` | what the noise was made of; it is gaussian, without mean, correlated only within a slice between neighbours |
//! | `edge_mm` | width of the passage from one tissue to the next at each surface |
//! | `study_instance_uid`, `series_instance_uid`, `frame_of_reference_uid` | as in the files |
//! | `geometry` | `dims` \[columns, rows, slices\], `spacing_mm` \[x, y, z\], `origin_mm` (centre of voxel \[0, 0, 0\], the lowest slice), `direction` (unit vectors of +column, +row, +slice index, LPS) |
//! | `structures[].name` | unique; only structures whose centre is in the image are listed, and landmarks likewise |
//! | `structures[].kind` | `sphere`, `ellipsoid`, `tube` or `composite` |
//! | `structures[].centre_mm` | centre of a sphere or ellipsoid, middle of a tube's path, a point inside a composite |
//! | `structures[].radius_mm` | of a sphere; mean of a tube's lumen, or of a rib's section |
//! | `structures[].semi_axes_mm`, `axes` | of an ellipsoid: half axes, and their unit vectors |
//! | `structures[].path_mm` | knots of a tube's centre line |
//! | `structures[].hu` | of the main tissue, before its texture and the noise. Spheres have no texture |
//! | `structures[].volume_mm3` | what of the structure is within the image |
//! | `structures[].volume_method` | `closed form`, or `counted`: voxel centres of this study within the structure times the voxel's volume |
//! | `landmarks[].name`, `position_mm` | single points, such as the carina |

mod anatomy;
mod noise;
mod solid;
mod storage;
mod truth;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use glam::{DVec3, Vec3};
use rayon::prelude::*;

use anatomy::Anatomy;
use solid::{Grid, Label};

/// Stored values are HU + 1024 in 12 bits.
const RESCALE_INTERCEPT: f32 = -1024.0;
const MAX_STORED: f32 = 4095.0;

/// Size, sampling and noise of a study. The default is a chest CT of 384x384x260 voxels, 77 MB.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spec {
    pub columns: u16,
    pub rows: u16,
    pub slices: u16,
    pub pixel_spacing_mm: f64,
    /// Distance between slices, and their thickness.
    pub slice_spacing_mm: f64,
    /// Standard deviation of the noise.
    pub noise_sigma_hu: f32,
    pub seed: u64,
}

impl Default for Spec {
    fn default() -> Self {
        Self {
            columns: 384,
            rows: 384,
            slices: 260,
            pixel_spacing_mm: 0.9375,
            slice_spacing_mm: 1.25,
            noise_sigma_hu: 11.0,
            seed: 1,
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("the phantom's {field} is {value}, but must be {allowed}")]
    Spec { field: &'static str, value: f64, allowed: &'static str },
    #[error("{} is not empty: name a new or empty folder for the phantom", .0.display())]
    NotEmpty(PathBuf),
    #[error("cannot write {}", path.display())]
    Write { path: PathBuf, source: std::io::Error },
    #[error("cannot encode {} as DICOM", path.display())]
    Encode { path: PathBuf, source: Box<dyn std::error::Error + Send + Sync> },
}

/// The phantom as a function of space.
pub struct Phantom {
    spec: Spec,
    anatomy: Anatomy,
    grid: Grid,
}

impl std::fmt::Debug for Phantom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Phantom").field("spec", &self.spec).finish_non_exhaustive()
    }
}

/// Centre of the imaged box, patient mm: its height shows the neck's root and the dome of the liver.
const CENTRE_MM: DVec3 = DVec3::new(0.0, 12.0, -46.0);

impl Phantom {
    /// # Errors
    /// [`Error::Spec`] when a size, a spacing or the noise is out of range.
    pub fn new(spec: &Spec) -> Result<Self, Error> {
        check(spec)?;
        let spacing = DVec3::new(spec.pixel_spacing_mm, spec.pixel_spacing_mm, spec.slice_spacing_mm);
        let steps = DVec3::new(f64::from(spec.columns), f64::from(spec.rows), f64::from(spec.slices)) - 1.0;
        let grid = Grid {
            dims: [usize::from(spec.columns), usize::from(spec.rows), usize::from(spec.slices)],
            spacing_mm: spacing.as_vec3(),
            origin_mm: (CENTRE_MM - 0.5 * steps * spacing).as_vec3(),
        };
        // A little over a voxel, or thin solids would flicker from slice to slice.
        let edge_mm = (1.25 * spacing.max_element()) as f32;
        Ok(Self { spec: *spec, anatomy: anatomy::build(edge_mm), grid })
    }

    /// HU at a patient point (LPS mm), without noise; air outside the patient.
    pub fn sample(&self, point_mm: DVec3) -> f32 {
        self.anatomy.scene.sample(point_mm.as_vec3()).0
    }

    /// Stored values of slice `k` (0 is the lowest), x fastest, and how many voxels each label has.
    fn slice(&self, k: usize) -> (Vec<u16>, Vec<u64>) {
        let [columns, rows, _] = self.grid.dims;
        let mut hu = vec![0.0; columns * rows];
        let mut labels: Vec<Label> = vec![0; columns * rows];
        self.anatomy.scene.paint_slice(&self.grid, k, &mut hu, &mut labels);
        let noise = noise::slice_noise(self.spec.seed, k, columns, rows, self.spec.noise_sigma_hu);
        let stored = hu
            .iter()
            .zip(noise)
            .map(|(hu, noise)| (hu + noise - RESCALE_INTERCEPT).round().clamp(0.0, MAX_STORED) as u16)
            .collect();
        let mut counts = vec![0; self.anatomy.scene.labels.len()];
        for label in labels {
            counts[usize::from(label)] += 1;
        }
        (stored, counts)
    }

    /// Centre of voxel (0, 0, k).
    fn slice_origin_mm(&self, k: usize) -> Vec3 {
        self.grid.origin_mm + Vec3::Z * self.grid.spacing_mm.z * k as f32
    }
}

fn check(spec: &Spec) -> Result<(), Error> {
    let sizes = [("columns", spec.columns), ("rows", spec.rows), ("slices", spec.slices)];
    for (field, value) in sizes {
        if !(1..=2048).contains(&value) {
            return Err(Error::Spec { field, value: f64::from(value), allowed: "1 to 2048" });
        }
    }
    let spacings = [("pixel spacing", spec.pixel_spacing_mm), ("slice spacing", spec.slice_spacing_mm)];
    for (field, value) in spacings {
        if !(0.05..=50.0).contains(&value) {
            return Err(Error::Spec { field, value, allowed: "0.05 to 50 mm" });
        }
    }
    if !(0.0..=500.0).contains(&spec.noise_sigma_hu) {
        let value = f64::from(spec.noise_sigma_hu);
        return Err(Error::Spec { field: "noise sigma", value, allowed: "0 to 500 HU" });
    }
    Ok(())
}

/// Writes the study as `CT0001.dcm` (the highest slice) and on, and `truth.json`, into `dir`, which is made if need be.
///
/// `progress` hears (slices written, slices in all) after each slice, from several threads.
///
/// # Errors
/// A bad `spec`, a folder that already holds something, or a file that cannot be written.
pub fn write_study(dir: &Path, spec: &Spec, progress: impl Fn(usize, usize) + Sync) -> Result<(), Error> {
    let phantom = Phantom::new(spec)?;
    let failed = |source| Error::Write { path: dir.to_owned(), source };
    std::fs::create_dir_all(dir).map_err(failed)?;
    if std::fs::read_dir(dir).map_err(failed)?.next().is_some() {
        return Err(Error::NotEmpty(dir.to_owned()));
    }
    let uids = storage::Uids::new(spec);
    let slices = phantom.grid.dims[2];
    let done = AtomicUsize::new(0);
    let counts = (0..slices)
        .into_par_iter()
        .map(|k| {
            let (stored, counts) = phantom.slice(k);
            storage::write_slice(dir, &phantom, &uids, k, &stored)?;
            progress(done.fetch_add(1, Ordering::Relaxed) + 1, slices);
            Ok(counts)
        })
        .try_reduce(
            || vec![0; phantom.anatomy.scene.labels.len()],
            |sum, counts| Ok(sum.iter().zip(counts).map(|(a, b)| a + b).collect()),
        )?;
    let path = dir.join("truth.json");
    let json = truth::json(&phantom, &uids, &counts);
    std::fs::write(&path, json).map_err(|source| Error::Write { path, source })
}
