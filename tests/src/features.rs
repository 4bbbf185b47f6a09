//! Cases of effects, clips, projections and layers.

use std::sync::Arc;

use glam::DVec3;
use render_core::render::Effects;
use render_core::scene::camera::Projection;
use render_core::scene::clip::{ClipPlane, Side};
use render_core::scene::color_map::ColorMap;
use render_core::scene::curved::{Curved, Path};
use render_core::scene::layer::{Layer, Look};
use render_core::scene::light::{DepthCue, Fixture, Light};
use render_core::scene::track::Track;
use render_core::scene::view::{Combine, Content, Orientation, Slab, ViewState};
use render_core::window::Shape;
use render_core::{Volume, Window};

use crate::cases::{Case, case, oblique, view, volume};
use crate::phantoms::{self, Storage};

/// A case whose picture is kept.
const fn shown(name: &'static str, volume: fn() -> Arc<Volume>, view: fn(&Volume) -> ViewState) -> Case {
    Case { golden: true, ..case(name, volume, view) }
}

pub const CASES: &[Case] = &[
    case("volume-parallel", phantoms::chest, |v| parallel(volume(v, "CT_Bone"))),
    case("mip-parallel-sheared", phantoms::sheared_ramp, |v| {
        parallel(view(v, Content::MIP, Orientation::Axial))
    }),
    case("isosurface-left-eye", phantoms::chest, |v| {
        let mut view = view(v, Content::Isosurface(250.0), Orientation::Axial);
        view.camera = view.camera.stereo(60.0)[0];
        view
    }),
    case("volume-right-eye-parallel", phantoms::chest, |v| {
        let mut view = parallel(volume(v, "CT_Bone"));
        view.camera = view.camera.stereo(60.0)[1];
        view
    }),
    shown("minip", phantoms::chest, |v| {
        // Of the whole volume it is the air around the body.
        let mut view = projection(v, Combine::Minimum);
        view.clip.crop_voxels = Some(middle_part(v));
        view
    }),
    shown("mean", phantoms::chest, |v| projection(v, Combine::Mean)),
    Case {
        golden: false,
        ..shown("mean-u8-negative-slope", || phantoms::ball(Storage::U8), |v| projection(v, Combine::Mean))
    },
    shown("volume-lights", phantoms::chest, |v| ViewState {
        lights: colored_lights(),
        ..volume(v, "CT_Bone")
    }),
    shown("isosurface-lights", phantoms::chest, |v| ViewState {
        lights: colored_lights(),
        ..view(v, Content::Isosurface(250.0), Orientation::Axial)
    }),
    shown("volume-crop", phantoms::chest, |v| {
        let mut view = turned(volume(v, "CT_SoftTissue"));
        view.clip.crop_voxels = Some(middle_part(v));
        view
    }),
    shown("volume-cut", phantoms::chest, |v| {
        let mut view = turned(volume(v, "CT_SoftTissue"));
        view.clip.cut = Some((oblique(v).plane, Side::Far));
        view.clip.planes.push(ClipPlane { point_mm: DVec3::ZERO, normal: DVec3::new(1.0, 0.2, 0.1) });
        view
    }),
    shown("isosurface-crop", phantoms::chest, |v| {
        let mut view = turned(view(v, Content::Isosurface(-300.0), Orientation::Axial));
        view.clip.crop_voxels = Some(middle_part(v));
        view
    }),
    shown("mip-crop", phantoms::chest, |v| {
        let mut view = turned(view(v, Content::MIP, Orientation::Axial));
        view.clip.crop_voxels = Some(middle_part(v));
        view
    }),
    shown("volume-depth-cue", phantoms::chest, |v| ViewState {
        depth_cue: Some(DepthCue { color: [0.1, 0.2, 0.5], ..DepthCue::DEFAULT }),
        ..turned(volume(v, "CT_Bone"))
    }),
    shown("isosurface-depth-cue", phantoms::chest, |v| ViewState {
        depth_cue: Some(DepthCue { strength: 1.0, ..DepthCue::DEFAULT }),
        ..turned(view(v, Content::Isosurface(250.0), Orientation::Axial))
    }),
    shown("volume-gradient-opacity", phantoms::chest, |v| {
        let mut view = volume(v, "CT_SoftTissue");
        view.transfer.gradient_opacities = Track::linear([(20.0, [0.0]), (120.0, [1.0])]).ok();
        view
    }),
    shown("volume-pre-integrated", phantoms::chest, |v| ViewState {
        pre_integrated: true,
        ..volume(v, "CT_Bone")
    }),
    shown("volume-pre-integrated-coarse", phantoms::chest, |v| ViewState {
        pre_integrated: true,
        step_voxels: 2.5,
        ..volume(v, "CT_SoftTissue")
    }),
    shown("volume-ambient-occlusion", phantoms::chest, |v| ViewState {
        effects: Effects { ambient_occlusion: true, shadows: false },
        ..volume(v, "CT_Bone")
    }),
    shown("volume-shadows", phantoms::chest, |v| ViewState {
        effects: Effects { ambient_occlusion: true, shadows: true },
        lights: vec![from_upper_left()],
        ..volume(v, "CT_Bone")
    }),
    shown("isosurface-shadows", phantoms::chest, |v| ViewState {
        effects: Effects { ambient_occlusion: true, shadows: true },
        lights: vec![from_upper_left()],
        ..view(v, Content::Isosurface(250.0), Orientation::Axial)
    }),
    shown("curved", phantoms::chest, |v| curved(v, 0.0)),
    shown("curved-slab", phantoms::chest, |v| curved(v, 20.0)),
    case("curved-sheared", phantoms::sheared_ball, |v| curved(v, 6.0)),
    case("fusion-curved", phantoms::chest, |v| ViewState { layers: vec![hot_spot()], ..curved(v, 0.0) }),
    case("slice-sigmoid", phantoms::chest, |v| ViewState { window: sigmoid(), ..oblique(v) }),
    case("mip-sigmoid", phantoms::chest, |v| ViewState {
        window: sigmoid(),
        ..turned(view(v, Content::MIP, Orientation::Axial))
    }),
    case("fusion-sigmoid", phantoms::chest, |v| ViewState {
        window: sigmoid(),
        layers: vec![hot_spot(), organs()],
        ..oblique(v)
    }),
    case("fusion-minip", phantoms::chest, |v| ViewState {
        layers: vec![hot_spot()],
        ..projection(v, Combine::Minimum)
    }),
    shown("fusion-slice", phantoms::chest, |v| ViewState {
        layers: vec![hot_spot(), organs()],
        ..oblique(v)
    }),
    shown("fusion-slab", phantoms::chest, |v| ViewState {
        layers: vec![hot_spot()],
        slab: Slab { thickness_mm: 30.0, combine: Combine::Maximum },
        ..view(v, Content::Slice, Orientation::Coronal)
    }),
    shown("fusion-mip", phantoms::chest, |v| ViewState {
        layers: vec![hot_spot()],
        ..turned(view(v, Content::MIP, Orientation::Axial))
    }),
    shown("fusion-volume", phantoms::chest, |v| ViewState {
        layers: vec![hot_spot(), organs()],
        ..turned(volume(v, "CT_Bone"))
    }),
    shown("labels-isosurface", phantoms::chest, |v| ViewState {
        layers: vec![organs()],
        ..turned(view(v, Content::Isosurface(250.0), Orientation::Axial))
    }),
];

/// A PET of one lesion, coarse and off the chest's axes.
fn hot_spot() -> Layer {
    let grid = phantoms::sheared([30, 30, 30], DVec3::new(4.0, 4.0, 5.0));
    let volume = phantoms::volume(grid, Storage::F32, |p| {
        20.0 * (-(p - DVec3::new(25.0, -10.0, 8.0)).length_squared() / 300.0).exp()
    });
    let map = ColorMap::find("hot_iron").expect("the map is built in");
    let look = Look::color_map(map, 2.0, 20.0).expect("the range rises");
    Layer { volume, look, opacity: 0.8 }
}

/// Two regions of labels on a grid of their own.
fn organs() -> Layer {
    let grid = phantoms::upright([50, 50, 40], DVec3::new(3.0, 3.0, 4.0));
    let volume = phantoms::volume(grid, Storage::U16, |p| {
        let near = |center: DVec3, radius: f64| p.distance(center) < radius;
        match (near(DVec3::new(-30.0, 10.0, -20.0), 25.0), near(DVec3::new(0.0, -40.0, 30.0), 30.0)) {
            (true, _) => 1.0,
            (_, true) => 2.0,
            _ => 0.0,
        }
    });
    Layer { volume, look: Look::labels(2), opacity: 0.5 }
}

fn parallel(mut view: ViewState) -> ViewState {
    view.camera.projection = Projection::Parallel;
    turned(view)
}

fn turned(mut view: ViewState) -> ViewState {
    view.camera.azimuth(35.0);
    view.camera.elevation(20.0);
    view
}

fn projection(volume: &Volume, combine: Combine) -> ViewState {
    let mut view = turned(view(volume, Content::Projection(combine), Orientation::Axial));
    view.window = Window::from_range(-1000.0, 300.0);
    view
}

/// Along a curve from the right side to the back, past the spine.
fn curved(volume: &Volume, thickness_mm: f64) -> ViewState {
    let drawn = [[-110.0, -20.0, 10.0], [-40.0, -50.0, 0.0], [10.0, 20.0, -5.0], [20.0, 62.0, 20.0]];
    let part_of_chest = volume.geometry().extent_mm(DVec3::X) / 312.0;
    let drawn = drawn.map(|point| DVec3::from(point) * part_of_chest);
    let path = Path::new(&drawn, DVec3::new(0.1, 0.0, -1.0)).expect("points apart");
    let mut view = view(volume, Content::Curved, Orientation::Axial);
    view.curved = Some(Curved::new(Arc::new(path), volume));
    view.slab = Slab { thickness_mm, combine: Combine::Mean };
    view
}

fn sigmoid() -> Window {
    Window::shaped(40.0, 400.0, Shape::Sigmoid).expect("a width")
}

fn from_upper_left() -> Light {
    Light { direction: DVec3::new(1.0, -0.7, -1.2), ..Light::HEADLIGHT }
}

/// One fixed to the camera, one to the patient, and one that shines against the line of sight.
fn colored_lights() -> Vec<Light> {
    let light = |direction, fixture, color| Light { direction, fixture, color };
    vec![
        light(DVec3::new(1.0, -0.7, -1.2), Fixture::Camera, [0.9, 0.8, 0.6]),
        light(DVec3::new(-3.0, 2.0, 1.0), Fixture::Patient, [0.1, 0.2, 0.5]),
        light(DVec3::new(0.0, 0.0, 1.0), Fixture::Camera, [0.2, 0.0, 0.0]),
    ]
}

fn middle_part(volume: &Volume) -> [[f64; 2]; 3] {
    volume.geometry().dims().map(|n| [f64::from(n) * 0.3, f64::from(n) * 0.72])
}
