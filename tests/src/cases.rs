//! The golden cases: a volume and a view of it.

use std::sync::Arc;

use glam::{DQuat, DVec3};
use render_core::scene::preset::Preset;
use render_core::scene::view::{Combine, Content, Orientation, Slab, ViewState};
use render_core::{Volume, Window};

use crate::data;
use crate::phantoms::{self, Storage};

#[derive(Debug)]
pub struct Case {
    pub name: &'static str,
    pub volume: fn() -> Arc<Volume>,
    pub view: fn(&Volume) -> ViewState,
    /// Whether `tests/golden/NAME.png` holds the picture, looked at and approved by a person.
    pub golden: bool,
    /// The folder of test data that it needs.
    pub data: Option<&'static str>,
}

pub const fn case(name: &'static str, volume: fn() -> Arc<Volume>, view: fn(&Volume) -> ViewState) -> Case {
    Case { name, volume, view, golden: false, data: None }
}

const fn golden(name: &'static str, volume: fn() -> Arc<Volume>, view: fn(&Volume) -> ViewState) -> Case {
    Case { golden: true, ..case(name, volume, view) }
}

const fn real(
    name: &'static str,
    data: &'static str,
    volume: fn() -> Arc<Volume>,
    view: fn(&Volume) -> ViewState,
) -> Case {
    Case { data: Some(data), ..case(name, volume, view) }
}

/// 256 pixels show every kind of error and keep the scalar reference fast. Height and width differ
/// so that swapping them shows.
const SIZE: [u32; 2] = [256, 240];

/// All cases.
pub fn cases() -> impl Iterator<Item = &'static Case> {
    PLAIN.iter().chain(crate::features::CASES)
}

/// Cases that every back end can draw.
const PLAIN: &[Case] = &[
    golden("volume-bone", phantoms::chest, |v| volume(v, "CT_Bone")),
    golden("volume-soft-tissue", phantoms::chest, |v| volume(v, "CT_SoftTissue")),
    golden("volume-lung", phantoms::chest, |v| volume(v, "CT_Lung")),
    golden("volume-angio", phantoms::chest, |v| volume(v, "CT_Angio")),
    case("volume-turned", phantoms::chest, |v| {
        let mut view = volume(v, "CT_Bone");
        view.camera.azimuth(130.0);
        view.camera.elevation(-25.0);
        view.camera.roll(15.0);
        view
    }),
    golden("volume-close-up", phantoms::chest, |v| {
        // The eye is inside the body, where the angle of view is wide and samples start at t = 0.
        let mut view = volume(v, "CT_Bone");
        view.camera.distance_mm = 60.0;
        view.camera.focal_point_mm = DVec3::new(0.0, 40.0, 0.0);
        view.camera.azimuth(30.0);
        view.camera.view_angle_deg = 75.0;
        view.camera.zoom = 1.0;
        view
    }),
    case("volume-coarse-step", phantoms::chest, |v| ViewState {
        step_voxels: 2.5,
        ..volume(v, "CT_SoftTissue")
    }),
    case("volume-fine-step", phantoms::chest, |v| ViewState {
        step_voxels: ViewState::FINE_STEP,
        ..volume(v, "CT_SoftTissue")
    }),
    case("volume-early-ends", phantoms::chest, |v| ViewState {
        opaque_below: 1.0 / 16.0,
        ..volume(v, "CT_SoftTissue")
    }),
    case("volume-opacity-window", phantoms::chest, |v| {
        let mut view = volume(v, "CT_Bone");
        view.set_window(Window::clamped(300.0, 500.0));
        view
    }),
    case("volume-u8-negative-slope", || phantoms::ball(Storage::U8), |v| volume(v, "CT_Bone")),
    case("volume-u16", || phantoms::ball(Storage::U16), |v| volume(v, "CT_Bone")),
    case("volume-i16", || phantoms::ball(Storage::I16), |v| volume(v, "CT_Bone")),
    case("volume-f32", || phantoms::ball(Storage::F32), |v| volume(v, "CT_Bone")),
    case("volume-sheared", phantoms::sheared_ball, |v| volume(v, "CT_Bone")),
    case("volume-shell", phantoms::shell, |v| volume(v, "CT_Bone")),
    golden("mip", phantoms::chest, |v| view(v, Content::MIP, Orientation::Axial)),
    case("mip-turned", phantoms::chest, |v| {
        let mut view = view(v, Content::MIP, Orientation::Axial);
        view.camera.azimuth(-50.0);
        view.camera.elevation(20.0);
        view
    }),
    case(
        "mip-u8-negative-slope",
        || phantoms::ball(Storage::U8),
        |v| view(v, Content::MIP, Orientation::Axial),
    ),
    case("mip-u16", || phantoms::ball(Storage::U16), |v| view(v, Content::MIP, Orientation::Axial)),
    case("mip-f32", || phantoms::ball(Storage::F32), |v| view(v, Content::MIP, Orientation::Axial)),
    case("mip-sheared", phantoms::sheared_ramp, |v| view(v, Content::MIP, Orientation::Axial)),
    case("mip-shell", phantoms::shell, |v| view(v, Content::MIP, Orientation::Axial)),
    golden("isosurface", phantoms::chest, |v| {
        let mut view = view(v, Content::Isosurface(250.0), Orientation::Axial);
        view.camera.azimuth(35.0);
        view
    }),
    case("isosurface-sheared", phantoms::sheared_ball, |v| {
        view(v, Content::Isosurface(400.0), Orientation::Axial)
    }),
    case("isosurface-shell", phantoms::shell, |v| view(v, Content::Isosurface(200.0), Orientation::Axial)),
    golden("slice-axial", phantoms::chest, |v| view(v, Content::Slice, Orientation::Axial)),
    golden("slice-coronal", phantoms::chest, |v| view(v, Content::Slice, Orientation::Coronal)),
    golden("slice-sagittal", phantoms::chest, |v| view(v, Content::Slice, Orientation::Sagittal)),
    golden("slice-oblique", phantoms::chest, oblique),
    case("slice-zoomed", phantoms::chest, |v| {
        let mut view = view(v, Content::Slice, Orientation::Axial);
        view.plane.zoom_by(12.0);
        view.plane.pan(37.0, -21.0, view.size);
        view
    }),
    case("slice-sheared", phantoms::sheared_ramp, |v| view(v, Content::Slice, Orientation::Sagittal)),
    case("slice-u8-negative-slope", || phantoms::ball(Storage::U8), oblique),
    case("slice-u16", || phantoms::ball(Storage::U16), oblique),
    case("slice-f32", || phantoms::ball(Storage::F32), oblique),
    case("slab-maximum", phantoms::chest, |v| slab(v, 25.0, Combine::Maximum)),
    case("slab-minimum", phantoms::chest, |v| slab(v, 25.0, Combine::Minimum)),
    case("slab-mean", phantoms::chest, |v| slab(v, 25.0, Combine::Mean)),
    case("slab-through-everything", phantoms::chest, |v| slab(v, 2_000.0, Combine::Mean)),
    case("slab-oblique-sheared", phantoms::sheared_ball, |v| ViewState {
        slab: Slab { thickness_mm: 10.0, combine: Combine::Mean },
        ..oblique(v)
    }),
    real("real-chest-bone", data::CHEST, data::chest, |v| volume(v, "CT_Bone")),
    real("real-chest-lung", data::CHEST, data::chest, |v| volume(v, "CT_Lung")),
    real("real-chest-mip", data::CHEST, data::chest, |v| view(v, Content::MIP, Orientation::Axial)),
    real("real-chest-isosurface", data::CHEST, data::chest, |v| {
        view(v, Content::Isosurface(-300.0), Orientation::Axial)
    }),
    real("real-chest-slab", data::CHEST, data::chest, |v| slab(v, 12.0, Combine::Maximum)),
    real("real-chest-oblique", data::CHEST, data::chest, oblique),
];

/// A view from the front, or of a standard plane. Nothing in it follows what the program shows at
/// first, which may change without making pictures wrong.
pub fn view(volume: &Volume, content: Content, orientation: Orientation) -> ViewState {
    let geometry = volume.geometry();
    let center = geometry.center_mm();
    let radius = geometry.corners_mm().iter().map(|c| c.distance(center)).fold(0.0, f64::max);
    let mut view = ViewState::new(volume, content, orientation, SIZE);
    view.camera.focal_point_mm = center;
    view.camera.distance_mm = 4.0 * radius;
    view.camera.view_angle_deg = 30.0;
    view.camera.zoom = 1.5;
    view.step_voxels = 1.0;
    view.window = match content {
        Content::Projection(_) => Window::clamped(250.0, 900.0),
        _ => Window::clamped(40.0, 400.0),
    };
    view
}

pub fn volume(volume: &Volume, preset: &str) -> ViewState {
    let mut view = view(volume, Content::Volume, Orientation::Axial);
    view.apply_preset(Preset::find(preset).expect("the preset is built in"), volume);
    view
}

/// A cut off every axis, not through the middle.
pub fn oblique(volume: &Volume) -> ViewState {
    let mut view = view(volume, Content::Slice, Orientation::Axial);
    let turn = DQuat::from_axis_angle(DVec3::new(1.0, 2.0, 0.5).normalize(), 0.6);
    view.plane.right = turn * view.plane.right;
    view.plane.down = turn * view.plane.down;
    view.plane.center_mm += DVec3::new(3.3, -7.1, 4.9);
    view
}

fn slab(volume: &Volume, thickness_mm: f64, combine: Combine) -> ViewState {
    let slab = Slab { thickness_mm, combine };
    ViewState { slab, ..view(volume, Content::Slice, Orientation::Coronal) }
}
