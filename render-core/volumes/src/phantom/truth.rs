//! `truth.json`; the parent module documents its fields.

use std::f64::consts::PI;

use glam::Vec3;
use serde::Serialize;

use super::Phantom;
use super::anatomy::{Form, Known};
use super::storage::Uids;

#[derive(Serialize)]
struct Truth<'a> {
    seed: u64,
    noise_sigma_hu: f64,
    edge_mm: f64,
    study_instance_uid: &'a str,
    series_instance_uid: &'a str,
    frame_of_reference_uid: &'a str,
    geometry: Geometry,
    structures: Vec<Structure<'a>>,
    landmarks: Vec<Landmark<'a>>,
}

#[derive(Serialize)]
struct Geometry {
    dims: [usize; 3],
    spacing_mm: [f64; 3],
    origin_mm: [f64; 3],
    direction: [[f64; 3]; 3],
}

#[derive(Serialize)]
struct Structure<'a> {
    name: &'a str,
    kind: &'static str,
    centre_mm: [f64; 3],
    #[serde(skip_serializing_if = "Option::is_none")]
    radius_mm: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    semi_axes_mm: Option<[f64; 3]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    axes: Option<[[f64; 3]; 3]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_mm: Option<Vec<[f64; 3]>>,
    hu: f64,
    volume_mm3: f64,
    volume_method: &'static str,
}

#[derive(Serialize)]
struct Landmark<'a> {
    name: &'a str,
    position_mm: [f64; 3],
}

/// `counts` are voxels by label.
pub(super) fn json(phantom: &Phantom, uids: &Uids, counts: &[u64]) -> String {
    let grid = &phantom.grid;
    let voxel_mm3 =
        f64::from(grid.spacing_mm.x) * f64::from(grid.spacing_mm.y) * f64::from(grid.spacing_mm.z);
    let truth = Truth {
        seed: phantom.spec.seed,
        noise_sigma_hu: short(phantom.spec.noise_sigma_hu),
        edge_mm: short(phantom.anatomy.scene.edge_mm()),
        study_instance_uid: &uids.study,
        series_instance_uid: &uids.series,
        frame_of_reference_uid: &uids.frame_of_reference,
        geometry: Geometry {
            dims: grid.dims,
            spacing_mm: triple(grid.spacing_mm),
            origin_mm: triple(grid.origin_mm),
            direction: [Vec3::X, Vec3::Y, Vec3::Z].map(triple),
        },
        structures: phantom
            .anatomy
            .known
            .iter()
            .map(|known| structure(known, counts[usize::from(known.label)] as f64 * voxel_mm3))
            .filter(|structure| structure.volume_mm3 > 0.0 && phantom.grid.holds(structure.centre_mm))
            .collect(),
        landmarks: phantom
            .anatomy
            .landmarks
            .iter()
            .filter(|landmark| phantom.grid.holds(triple(landmark.position)))
            .map(|landmark| Landmark { name: &landmark.name, position_mm: triple(landmark.position) })
            .collect(),
    };
    serde_json::to_string_pretty(&truth).expect("plain structs with string keys serialise") + "\n"
}

fn structure(known: &Known, counted_mm3: f64) -> Structure<'_> {
    let counted = Structure {
        name: &known.name,
        kind: "composite",
        centre_mm: [0.0; 3],
        radius_mm: None,
        semi_axes_mm: None,
        axes: None,
        path_mm: None,
        hu: short(known.hu),
        volume_mm3: tidy(counted_mm3),
        volume_method: "counted",
    };
    match &known.form {
        Form::Sphere { centre, radius_mm } => Structure {
            kind: "sphere",
            centre_mm: triple(*centre),
            radius_mm: Some(short(*radius_mm)),
            volume_mm3: tidy(4.0 / 3.0 * PI * short(*radius_mm).powi(3)),
            volume_method: "closed form",
            ..counted
        },
        Form::Ellipsoid { centre, semi_mm, axes } => Structure {
            kind: "ellipsoid",
            centre_mm: triple(*centre),
            semi_axes_mm: Some(triple(*semi_mm)),
            axes: Some([axes.x_axis, axes.y_axis, axes.z_axis].map(triple)),
            ..counted
        },
        Form::Tube { path, radius_mm } => Structure {
            kind: "tube",
            centre_mm: triple(path[path.len() / 2]),
            radius_mm: Some(short(*radius_mm)),
            path_mm: Some(path.iter().copied().map(triple).collect()),
            ..counted
        },
        Form::Composite { inside } => Structure { centre_mm: triple(*inside), ..counted },
    }
}

/// To a thousandth: finer than either way of measuring.
fn tidy(volume_mm3: f64) -> f64 {
    (volume_mm3 * 1.0e3).round() / 1.0e3
}

/// The decimal number meant by an `f32`, free of the digits that widening adds.
fn short(value: f32) -> f64 {
    (f64::from(value) * 1.0e5).round() / 1.0e5
}

fn triple(v: Vec3) -> [f64; 3] {
    v.to_array().map(short)
}
