//! Test data, and series of it.

#![allow(dead_code, reason = "each test takes what it needs")]

use std::path::{Path, PathBuf};

use glam::DVec3;
use reading::{Annotation, Kind, Placement, Reading};
use render_core::dicom::{self, Loaded, Series};
use render_core::phantom::{Spec, write_study};
use render_core::scene::Plane;
use render_core::scene::view::Orientation;
use render_core::{Geometry, Progress, Volume};

/// A path below the test data, or `None` where there is none.
pub fn data(below: &str) -> Option<PathBuf> {
    let root = std::env::var_os("VOXCAST_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    if root.is_dir() {
        return Some(root.join(below));
    }
    eprintln!("skipped: no ../shared/data");
    None
}

/// The first series below a path of the test data.
pub fn series(below: &str) -> Option<(Series, Loaded)> {
    Some(opened(&data(below)?))
}

pub fn opened(path: &Path) -> (Series, Loaded) {
    let library = dicom::scan(&[path.to_owned()], &Progress::default()).expect("scan");
    let series = library.studies[0].series[0].clone();
    let loaded = dicom::load(&series, &Progress::default()).expect("load");
    (series, loaded)
}

/// A folder of its own, removed when dropped unless VOXCAST_KEEP names a folder to keep it in.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let parent = std::env::var_os("VOXCAST_KEEP").map_or_else(std::env::temp_dir, PathBuf::from);
        let path = parent.join(format!("voxcast-reading-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("create a folder for the test");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if std::env::var_os("VOXCAST_KEEP").is_none() {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}

/// The middle 40 slices of the formula phantom at its full resolution: patient z from -70 to -22 mm.
pub fn phantom(name: &str, noise_sigma_hu: f32) -> (Folder, Series, Loaded, serde_json::Value) {
    let folder = Folder::new(name);
    write_study(&folder.0, &Spec { slices: 40, noise_sigma_hu, ..Spec::default() }, |_, _| {})
        .expect("study");
    let truth = std::fs::read(folder.0.join("truth.json")).expect("truth");
    let (series, loaded) = opened(&folder.0);
    (folder, series, loaded, serde_json::from_slice(&truth).expect("JSON"))
}

pub fn plane_at(orientation: Orientation, volume: &Volume, center_mm: DVec3) -> Plane {
    let mut plane = Plane::standard(orientation, volume);
    plane.center_mm = center_mm;
    plane.snap(volume);
    plane
}

/// The plane of a slice of the grid, in its own axes.
pub fn slice_placement(geometry: &Geometry, slice: f64) -> Placement {
    let [nx, ny, _] = geometry.dims().map(f64::from);
    let m = geometry.patient_from_voxel();
    let [x, y, _] = geometry.direction();
    let center = m.transform_point3(DVec3::new((nx - 1.0) / 2.0, (ny - 1.0) / 2.0, slice));
    Placement::new(center, x, y).expect("axes at a right angle")
}

/// An annotation of points in voxels.
pub fn in_voxels(
    reading: &mut Reading,
    kind: Kind,
    series: &str,
    geometry: &Geometry,
    slice: f64,
    points: &[[f64; 2]],
) -> Annotation {
    let m = geometry.patient_from_voxel();
    let points = points.iter().map(|&[x, y]| m.transform_point3(DVec3::new(x, y, slice))).collect();
    reading.annotation(kind, series, slice_placement(geometry, slice), points)
}
