//! Volumes made by formula, so that the right picture is known.

use std::sync::Arc;

use glam::DVec3;
use render_core::volume::{Meaning, Rescale};
use render_core::{Geometry, Volume, Voxels};

/// How voxels are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// Whole HU, intercept -1024 as scanners write it.
    U16,
    /// Whole HU.
    I16,
    /// Steps of 8 HU that fall as the stored value rises: a negative slope.
    U8,
    F32,
}

/// A volume of `value` (HU) at each voxel centre (patient mm).
pub fn volume(geometry: Geometry, storage: Storage, value: impl Fn(DVec3) -> f64) -> Arc<Volume> {
    let [nx, ny, nz] = geometry.dims();
    let patient_from_voxel = geometry.patient_from_voxel();
    let at = |x: u32, y: u32, z: u32| {
        value(patient_from_voxel.transform_point3(DVec3::new(x.into(), y.into(), z.into())))
    };
    let hu: Vec<f64> = (0..nz)
        .flat_map(|z| (0..ny).flat_map(move |y| (0..nx).map(move |x| (x, y, z))))
        .map(|(x, y, z)| at(x, y, z))
        .collect();
    let (voxels, slope, intercept) = match storage {
        Storage::U16 => (Voxels::U16(hu.iter().map(|v| (v + 1024.0).round() as u16).collect()), 1.0, -1024.0),
        Storage::I16 => (Voxels::I16(hu.iter().map(|v| v.round() as i16).collect()), 1.0, 0.0),
        Storage::U8 => {
            (Voxels::U8(hu.iter().map(|v| ((1016.0 - v) / 8.0).round() as u8).collect()), -8.0, 1016.0)
        }
        Storage::F32 => (Voxels::F32(hu.iter().map(|&v| v as f32).collect()), 1.0, 0.0),
    };
    let meaning = Meaning {
        modality: "CT".into(),
        unit: "HU".into(),
        windows: Vec::new(),
        tables: Vec::new(),
        inverted: false,
    };
    Arc::new(
        Volume::new(geometry, voxels, Rescale { slope, intercept }, meaning).expect("one value per voxel"),
    )
}

/// A grid along the patient's axes, centred on patient (0, 0, 0).
pub fn upright(dims: [u32; 3], spacing_mm: DVec3) -> Geometry {
    let last = DVec3::from(dims.map(|n| f64::from(n) - 1.0));
    let axes = [DVec3::X, DVec3::Y, DVec3::Z];
    Geometry::from_axes(dims, last * spacing_mm * -0.5, axes, spacing_mm).expect("axes are independent")
}

/// A grid of an oblique scan with a tilted gantry: rows and columns turned off the patient's axes,
/// the slice axis neither at a right angle to them nor towards the head.
pub fn sheared(dims: [u32; 3], spacing_mm: DVec3) -> Geometry {
    let columns = DVec3::new(0.96, 0.28, 0.0);
    let rows = DVec3::new(-0.28, 0.96, 0.0);
    let slices = DVec3::new(0.1, 0.35, -0.93).normalize();
    let axes = [columns, rows, slices];
    let last = DVec3::from(dims.map(|n| f64::from(n) - 1.0)) * spacing_mm;
    let origin = -0.5 * (columns * last.x + rows * last.y + slices * last.z);
    Geometry::from_axes(dims, origin, axes, spacing_mm).expect("axes are independent")
}

pub const BALL_RADIUS_MM: f64 = 30.0;
/// HU at `BALL_RADIUS_MM` from the centre.
pub const BALL_SURFACE_HU: f32 = 400.0;
/// HU in the inner part of the ball.
pub const BALL_MAXIMUM_HU: f32 = 800.0;

/// A ball around patient (0, 0, 0) whose value falls linearly with the distance from the centre, 40
/// HU a mm, so that interpolation places its surface where the formula does.
pub fn ball_hu(p: DVec3) -> f64 {
    let surface = f64::from(BALL_SURFACE_HU);
    (surface + 40.0 * (BALL_RADIUS_MM - p.length())).clamp(-1000.0, f64::from(BALL_MAXIMUM_HU))
}

/// HU that rise by (3, -2, 5) a mm along the patient's axes.
pub fn ramp_hu(p: DVec3) -> f64 {
    20.0 + p.dot(DVec3::new(3.0, -2.0, 5.0))
}

/// A hollow ball whose wall is hardly thicker than a voxel.
pub fn shell_hu(p: DVec3) -> f64 {
    -1000.0 + 1800.0 * (1.5 - (p.length() - 36.0).abs()).clamp(0.0, 1.0)
}

/// A small, bright ball high on the patient's left front: nothing about it is symmetrical.
pub const BEACON_MM: DVec3 = DVec3::new(24.0, -15.0, 33.0);

pub fn beacon_hu(p: DVec3) -> f64 {
    (-1000.0 + 400.0 * (9.0 - p.distance(BEACON_MM))).clamp(-1000.0, 1000.0)
}

/// A chest of the shapes a radiologist looks for: liver on the right, heart to the left, aorta left
/// of the spine, the spine behind.
pub fn chest_hu(p: DVec3) -> f64 {
    let mut hu = -1000.0;
    // Shapes are painted over one another; `inside` is a depth in mm, and edges are 3 mm wide.
    let mut paint = |inside: f64, value: f64| {
        let cover = (inside / 3.0 + 0.5).clamp(0.0, 1.0);
        hu += (value - hu) * cover;
    };
    let ellipsoid = |center: DVec3, radii: DVec3| {
        let d = ((p - center) / radii).length();
        (1.0 - d) * radii.min_element()
    };
    let cylinder = |x: f64, y: f64, rx: f64, ry: f64| {
        let d = ((p.x - x) / rx).hypot((p.y - y) / ry);
        (1.0 - d) * rx.min(ry)
    };
    let trunk = |margin: f64| cylinder(0.0, 0.0, 140.0 - margin, 95.0 - margin).min(110.0 - margin - p.z);
    let neck = |margin: f64| cylinder(0.0, 10.0, 50.0 - margin, 48.0 - margin);
    paint(trunk(0.0).max(neck(0.0)), -90.0);
    paint(trunk(8.0).max(neck(6.0)), 50.0);
    for side in [-1.0, 1.0] {
        paint(ellipsoid(DVec3::new(66.0 * side, -2.0, 15.0), DVec3::new(50.0, 66.0, 84.0)), -820.0);
    }
    paint(cylinder(0.0, -10.0, 24.0, 60.0).min(60.0 - p.z), 40.0);
    paint(ellipsoid(DVec3::new(-52.0, -10.0, -95.0), DVec3::new(76.0, 68.0, 48.0)), 110.0);
    paint(ellipsoid(DVec3::new(24.0, -30.0, -18.0), DVec3::new(46.0, 38.0, 50.0)), 190.0);
    paint(cylinder(20.0, 40.0, 12.0, 12.0).min(55.0 - p.z), 300.0);
    // Ribs slope down towards the front, as real ones do. Their limits lie between two of them.
    let level = p.z - 0.35 * p.y;
    let along = (level + 300.0).rem_euclid(34.0) - 17.0;
    let wall = cylinder(0.0, 0.0, 122.0, 80.0);
    if (-96.0..74.0).contains(&level) {
        paint((5.0 - wall.abs()).min(6.5 - along.abs()), 480.0);
    }
    paint((14.0 - p.x.abs()).min(5.0 - (p.y + 78.0).abs()).min(60.0 - (p.z - 25.0).abs()), 420.0);
    let disc = (p.z + 300.0).rem_euclid(34.0) < 7.0;
    paint(cylinder(0.0, 62.0, 21.0, 17.0), if disc { 90.0 } else { 380.0 });
    paint((4.0 - p.x.abs()).min(12.0 - (p.y - 85.0).abs()).min(if disc { -9.0 } else { 9.0 }), 420.0);
    hu
}

pub fn chest() -> Arc<Volume> {
    volume(upright([104, 76, 100], DVec3::splat(3.0)), Storage::I16, chest_hu)
}

pub fn ball(storage: Storage) -> Arc<Volume> {
    volume(upright([50, 49, 51], DVec3::new(2.0, 2.0, 2.0)), storage, ball_hu)
}

pub fn ramp() -> Arc<Volume> {
    volume(upright([40, 36, 24], DVec3::new(1.5, 1.5, 3.0)), Storage::F32, ramp_hu)
}

pub fn sheared_ramp() -> Arc<Volume> {
    volume(sheared([40, 36, 24], DVec3::new(1.5, 1.25, 3.0)), Storage::F32, ramp_hu)
}

pub fn sheared_ball() -> Arc<Volume> {
    volume(sheared([64, 60, 40], DVec3::new(1.5, 1.75, 3.0)), Storage::I16, ball_hu)
}

pub fn shell() -> Arc<Volume> {
    volume(upright([60, 60, 60], DVec3::splat(1.5)), Storage::I16, shell_hu)
}

pub fn beacon() -> Arc<Volume> {
    volume(upright([60, 50, 56], DVec3::new(1.5, 1.5, 1.75)), Storage::I16, beacon_hu)
}
