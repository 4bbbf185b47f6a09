//! What views, cameras, windows and drags mean, in numbers.

use std::sync::Arc;

use glam::DVec3;
use render_core::geometry::{Geometry, GeometryError};
use render_core::scene::curved::Path;
use render_core::scene::overlay::{EdgeLetters, ruler};
use render_core::scene::view::Orientation;
use render_core::scene::{Button, Content, Curved, Input, Interaction, Plane, Preset, ViewState};
use render_core::volume::{Meaning, Rescale, Volume, VolumeError};
use render_core::{Voxels, Window};

/// 40 x 30 x 20 voxels of 1 x 1 x 2.5 mm, origin (-10, -20, -30), value = column.
fn ct() -> Volume {
    let geometry = Geometry::from_axes(
        [40, 30, 20],
        DVec3::new(-10.0, -20.0, -30.0),
        [DVec3::X, DVec3::Y, DVec3::Z],
        DVec3::new(1.0, 1.0, 2.5),
    )
    .unwrap();
    let voxels: Arc<[i16]> = (0..geometry.voxel_count()).map(|i| (i % 40) as i16).collect();
    let meaning = Meaning {
        modality: "CT".into(),
        unit: "HU".into(),
        windows: Vec::new(),
        tables: Vec::new(),
        inverted: false,
    };
    Volume::new(geometry, Voxels::I16(voxels), Rescale::IDENTITY, meaning).unwrap()
}

fn view(content: Content, orientation: Orientation) -> (Volume, ViewState) {
    let volume = ct();
    let view = ViewState::new(&volume, content, orientation, [400, 300]);
    (volume, view)
}

fn drag(view: &mut ViewState, volume: &Volume, button: Button, dx: f64, dy: f64) {
    let mut interaction = Interaction::default();
    interaction.handle(view, volume, Input::Press { button, at: [50.0, 50.0] });
    interaction.handle(view, volume, Input::Move { at: [50.0 + dx, 50.0 + dy] });
    interaction.handle(view, volume, Input::Release { button, at: [50.0 + dx, 50.0 + dy] });
    assert!(!interaction.is_dragging());
}

#[test]
fn presets_hold_exactly_the_documented_points() {
    let points = |name: &str| {
        let preset = Preset::find(name).unwrap();
        let colors = preset.transfer.colors.points().iter().map(|p| (p.value, p.level)).collect::<Vec<_>>();
        let opacities = preset.transfer.opacities.points().iter().map(|p| (p.value, p.level[0]));
        (colors, opacities.collect::<Vec<_>>(), preset.shading)
    };
    let (color, opacity, shading) = points("CT_Bone");
    assert_eq!(
        color,
        [
            (-1000.0, [0.0, 0.0, 0.0]),
            (200.0, [0.9, 0.8, 0.7]),
            (500.0, [1.0, 1.0, 0.9]),
            (1500.0, [1.0, 1.0, 1.0])
        ]
    );
    assert_eq!(opacity, [(-1000.0, 0.0), (200.0, 0.0), (300.0, 0.3), (1500.0, 0.8)]);
    assert_eq!((shading.ambient, shading.diffuse, shading.specular), (0.2, 0.7, 0.3));
    let (color, opacity, _) = points("CT_SoftTissue");
    assert_eq!(
        color,
        [
            (-1000.0, [0.0, 0.0, 0.0]),
            (-100.0, [0.6, 0.3, 0.2]),
            (100.0, [0.9, 0.6, 0.5]),
            (300.0, [1.0, 0.9, 0.8])
        ]
    );
    assert_eq!(opacity, [(-1000.0, 0.0), (-100.0, 0.0), (0.0, 0.1), (100.0, 0.3), (300.0, 0.5)]);
    let (color, opacity, _) = points("CT_Lung");
    assert_eq!(
        color,
        [
            (-1000.0, [0.0, 0.0, 0.0]),
            (-600.0, [0.2, 0.4, 0.6]),
            (-400.0, [0.4, 0.6, 0.8]),
            (0.0, [0.8, 0.8, 0.8])
        ]
    );
    assert_eq!(opacity, [(-1000.0, 0.0), (-900.0, 0.0), (-600.0, 0.1), (-400.0, 0.2), (0.0, 0.0)]);
    let (color, opacity, _) = points("CT_Angio");
    assert_eq!(
        color,
        [
            (-1000.0, [0.0, 0.0, 0.0]),
            (100.0, [0.8, 0.2, 0.1]),
            (300.0, [1.0, 0.4, 0.3]),
            (500.0, [1.0, 0.8, 0.7])
        ]
    );
    assert_eq!(opacity, [(-1000.0, 0.0), (100.0, 0.0), (150.0, 0.5), (500.0, 0.9)]);
}

#[test]
fn preset_files_with_mistakes_are_refused() {
    let good = include_str!("../../presets/CT_Bone.toml");
    assert!(Preset::parse(good).is_ok());
    for (from, to) in [
        ("label =", "lable ="),
        ("[300, 0.3]", "[300, 1.3]"),
        ("[200, 0.0]", "[-2000, 0.0]"),
        ("specular_power = 10", "specular_power = 0"),
        ("ambient = 0.2", "ambient = nan"),
    ] {
        assert!(good.contains(from));
        assert!(Preset::parse(&good.replace(from, to)).is_err(), "{to}");
    }
}

#[test]
fn window_is_the_linear_function_of_the_standard() {
    // PS3.3 C.11.2.1.2.1, example: centre 50, width 100 maps 0..=99 to black..=white.
    let (low, scale) = Window::new(50.0, 100.0).unwrap().ramp();
    assert_eq!(low, 0.0);
    assert!((scale - 1.0 / 99.0).abs() < 1e-7);
    assert!(Window::new(0.0, 0.5).is_none() && Window::new(f64::NAN, 10.0).is_none());
}

#[test]
fn opacity_window_rises_from_level_minus_half_to_level_plus_half() {
    let (_, mut view) = view(Content::Volume, Orientation::Axial);
    let colors = view.transfer.colors.clone();
    view.set_window(Window::new(40.0, 400.0).unwrap());
    assert_eq!(view.transfer.opacity(-160.0), 0.0);
    assert!((view.transfer.opacity(40.0) - 0.5).abs() < 1e-6);
    assert_eq!(view.transfer.opacity(240.0), 1.0);
    assert_eq!(view.transfer.colors, colors);
    assert!(!view.shows_preset());
}

#[test]
fn left_drag_turns_the_volume_half_a_degree_per_pixel() {
    let (volume, mut view) = view(Content::Volume, Orientation::Axial);
    // Dragging to the left brings the patient's left side to the front.
    drag(&mut view, &volume, Button::Left, -180.0, 0.0);
    let towards_camera = (view.camera.position_mm() - view.camera.focal_point_mm).normalize();
    assert!(towards_camera.abs_diff_eq(DVec3::X, 1e-9), "{towards_camera}");
    drag(&mut view, &volume, Button::Left, 180.0, 0.0);
    let towards_camera = (view.camera.position_mm() - view.camera.focal_point_mm).normalize();
    assert!(towards_camera.abs_diff_eq(DVec3::NEG_Y, 1e-9));
}

#[test]
fn right_drag_and_wheel_zoom_by_the_documented_factors() {
    let (volume, mut view) = view(Content::Volume, Orientation::Axial);
    let zoom = view.camera.zoom;
    drag(&mut view, &volume, Button::Right, 0.0, 20.0);
    assert!((view.camera.zoom / zoom - 1.2).abs() < 1e-12);
    let zoom = view.camera.zoom;
    Interaction::default().handle(&mut view, &volume, Input::Wheel { delta: 100.0 });
    assert!((view.camera.zoom / zoom - 0.9).abs() < 1e-12);
}

#[test]
fn middle_drag_keeps_the_point_under_the_pointer() {
    let (volume, mut view) = view(Content::Slice, Orientation::Coronal);
    let before = view.plane.patient_from_pixel([50.0, 50.0], view.size);
    drag(&mut view, &volume, Button::Middle, 30.0, -12.0);
    let after = view.plane.patient_from_pixel([80.0, 38.0], view.size);
    assert!(after.abs_diff_eq(before, 1e-9));
}

#[test]
fn left_drag_on_a_slice_widens_to_the_right_and_raises_downwards() {
    let (volume, mut view) = view(Content::Slice, Orientation::Axial);
    let (center, width) = (view.window.center(), view.window.width());
    drag(&mut view, &volume, Button::Left, 30.0, 15.0);
    assert!((view.window.width() - width * 1.1).abs() < 1e-9);
    assert!((view.window.center() - center - width * 0.05).abs() < 1e-9);
}

#[test]
fn wheel_pages_axial_slices_from_head_to_feet_and_stops_at_the_ends() {
    let (volume, mut view) = view(Content::Slice, Orientation::Axial);
    let (number, count) = view.plane.slice_number(&volume);
    assert_eq!(count, 20);
    let z = view.plane.center_mm.z;
    let mut interaction = Interaction::default();
    // Half a notch twice is one slice.
    assert!(!interaction.handle(&mut view, &volume, Input::Wheel { delta: 50.0 }));
    assert!(interaction.handle(&mut view, &volume, Input::Wheel { delta: 50.0 }));
    assert!((view.plane.center_mm.z - (z - 2.5)).abs() < 1e-9);
    assert_eq!(view.plane.slice_number(&volume), (number + 1, 20));
    interaction.handle(&mut view, &volume, Input::Wheel { delta: 9000.0 });
    assert_eq!(view.plane.slice_number(&volume), (20, 20));
    assert!((view.plane.center_mm.z - -30.0).abs() < 1e-9);
    assert!(
        !interaction.handle(&mut view, &volume, Input::Wheel { delta: 100.0 }),
        "no slice below the last"
    );
}

#[test]
fn input_that_is_not_a_number_changes_nothing() {
    let (volume, mut view) = view(Content::Volume, Orientation::Axial);
    let before = view.clone();
    let mut interaction = Interaction::default();
    for input in [
        Input::Press { button: Button::Left, at: [f64::NAN, 0.0] },
        Input::Move { at: [f64::INFINITY, 0.0] },
        Input::Wheel { delta: f64::NAN },
        Input::ZoomWheel { delta: f64::NEG_INFINITY },
        Input::Pinch { zoom: f64::NAN, pan: [0.0, 0.0] },
    ] {
        assert!(!interaction.handle(&mut view, &volume, input));
    }
    assert_eq!(view, before);
}

#[test]
fn standard_planes_show_the_patient_as_radiologists_expect() {
    for (orientation, expected) in [
        (Orientation::Axial, ["R", "L", "A", "P"]),
        (Orientation::Coronal, ["R", "L", "H", "F"]),
        (Orientation::Sagittal, ["A", "P", "H", "F"]),
    ] {
        let (_, view) = view(Content::Slice, orientation);
        let letters = EdgeLetters::of(&view);
        assert_eq!([letters.left, letters.right, letters.top, letters.bottom], expected, "{orientation:?}");
    }
    let (_, view) = view(Content::Volume, Orientation::Axial);
    let letters = EdgeLetters::of(&view);
    assert_eq!([letters.left, letters.right, letters.top, letters.bottom], ["R", "L", "H", "F"]);
}

#[test]
fn a_path_tells_where_it_comes_from_and_leads_to() {
    let (volume, mut view) = view(Content::Curved, Orientation::Axial);
    // From the head down, then to the front.
    let drawn = [[0.0, 9.0, 99.0], [0.0, 9.0, 50.0], [0.0, 9.0, 10.0], [0.0, -40.0, 9.0], [0.0, -80.0, 9.0]];
    let path = Path::new(&drawn.map(DVec3::from), DVec3::X).unwrap();
    view.curved = Some(Curved::new(Arc::new(path), &volume));
    let EdgeLetters { left, right, top, bottom } = EdgeLetters::of(&view);
    assert_eq!([&left[..1], &right[..1], top.as_str(), bottom.as_str()], ["H", "A", "R", "L"]);
}

#[test]
fn plane_maps_pixels_to_the_patient_and_back() {
    let (volume, view) = view(Content::Slice, Orientation::Sagittal);
    let point = DVec3::new(9.0, -3.0, 1.5);
    let (pixel, _) = view.plane.pixel_from_patient(point, view.size);
    let back = view.plane.patient_from_pixel(pixel, view.size);
    assert!(
        (back - point).dot(view.plane.right).abs() < 1e-9 && (back - point).dot(view.plane.down).abs() < 1e-9
    );
    // A standard plane lies on a slice of voxels.
    let plane = Plane::standard(Orientation::Axial, &volume);
    let voxel = volume.geometry().voxel_from_patient().transform_point3(plane.center_mm);
    assert!((voxel.z - voxel.z.round()).abs() < 1e-9);
}

#[test]
fn reset_restores_the_first_look_and_counts_as_a_change() {
    let (volume, mut view) = view(Content::Slice, Orientation::Sagittal);
    let first = view.clone();
    drag(&mut view, &volume, Button::Left, 40.0, 9.0);
    drag(&mut view, &volume, Button::Middle, 40.0, 9.0);
    view.reset(&volume);
    assert!(view.revision > first.revision);
    assert_eq!(ViewState { revision: first.revision, ..view }, first);
}

#[test]
fn ruler_is_a_round_length_that_fits() {
    assert_eq!(ruler(0.5, 100.0), (50.0, 100.0));
    assert_eq!(ruler(0.3, 100.0).0, 20.0);
    assert_eq!(ruler(1.1, 100.0).0, 100.0);
}

#[test]
fn impossible_grids_and_scales_are_refused() {
    let axes = [DVec3::X, DVec3::Y, DVec3::Z];
    let make = |dims, direction, spacing| Geometry::from_axes(dims, DVec3::ZERO, direction, spacing);
    assert_eq!(make([0, 1, 1], axes, DVec3::ONE), Err(GeometryError::Dims(0, 1, 1)));
    assert!(matches!(make([65_535, 65_535, 65_535], axes, DVec3::ONE), Err(GeometryError::Dims(..))));
    assert_eq!(make([2, 2, 2], [DVec3::X, DVec3::X, DVec3::Z], DVec3::ONE), Err(GeometryError::Singular));
    assert_eq!(make([2, 2, 2], axes, DVec3::new(1.0, f64::NAN, 1.0)), Err(GeometryError::Singular));
    let geometry = make([2, 2, 2], axes, DVec3::ONE).unwrap();
    let meaning = Meaning {
        modality: "CT".into(),
        unit: "HU".into(),
        windows: Vec::new(),
        tables: Vec::new(),
        inverted: false,
    };
    let voxels = Voxels::U8(vec![0; 8].into());
    let zero = Rescale { slope: 0.0, intercept: 0.0 };
    assert!(matches!(
        Volume::new(geometry, voxels.clone(), zero, meaning.clone()),
        Err(VolumeError::Rescale { .. })
    ));
    let short = Voxels::U8(vec![0; 7].into());
    assert!(matches!(
        Volume::new(geometry, short, Rescale::IDENTITY, meaning),
        Err(VolumeError::Count { .. })
    ));
}

#[test]
fn slice_rays_start_at_the_patient_position_of_their_pixel() {
    let (volume, view) = view(Content::Slice, Orientation::Axial);
    let params = render_core::render::resolve(&view, &volume);
    let ray = params.rays.at(123, 45);
    let patient = view.plane.patient_from_pixel([123.5, 45.5], view.size);
    let voxel = volume.geometry().voxel_from_patient().transform_point3(patient);
    assert!(ray.origin.as_dvec3().abs_diff_eq(voxel, 1e-4));
}

#[test]
fn first_look_shows_the_whole_volume_and_little_else() {
    let volume = ct();
    for size in [[400, 300], [300, 400], [1600, 200]] {
        let view = ViewState::new(&volume, Content::Volume, Orientation::Axial, size);
        let (right, up, forward) = view.camera.axes();
        let farthest = volume
            .geometry()
            .corners_mm()
            .iter()
            .map(|c| {
                let offset = *c - view.camera.position_mm();
                let scale = f64::from(size[1]) / 2.0 / (view.camera.half_height() * offset.dot(forward));
                let x = (offset.dot(right) * scale).abs() / (f64::from(size[0]) / 2.0);
                let y = (offset.dot(up) * scale).abs() / (f64::from(size[1]) / 2.0);
                x.max(y)
            })
            .fold(0.0, f64::max);
        assert!((0.85..1.0).contains(&farthest), "{size:?}: {farthest}");
    }
}

#[test]
fn a_table_shows_slices_as_it_says_and_straight_windows_do_without_it() {
    use std::sync::atomic::AtomicBool;

    use render_core::render::{Choice, Renderer};
    use render_core::window::{Shape, Table, Window};

    let (plain, mut view) = view(Content::Slice, Orientation::Axial);
    view.size = [64, 48];
    let table = Arc::new(Table::new(vec![0.0, 0.9, 0.1, 1.0]).unwrap());
    let meaning = Meaning { tables: vec![table], ..plain.meaning().clone() };
    let volume = Volume::new(*plain.geometry(), plain.voxels().clone(), plain.rescale(), meaning).unwrap();
    let volume = Arc::new(volume);
    let go = AtomicBool::new(false);
    for choice in [Choice::Reference, Choice::Cpu] {
        let renderer = Renderer::open(choice).unwrap();
        view.window = Window::shaped(0.0, 1000.0, Shape::Table(0)).unwrap();
        let params = render_core::render::resolve(&view, &volume);
        let values = renderer.values(&volume, &params, &go).unwrap().values;
        let picture = renderer.render(&volume, &params, &go).unwrap();
        let curve = view.window.curve(volume.meaning(), false).unwrap();
        let mut levels = std::collections::HashSet::new();
        for (value, pixel) in values.iter().zip(picture.pixels.chunks_exact(4)) {
            let expected = if value.is_nan() { 0 } else { (curve.brightness(*value) * 255.0 + 0.5) as u8 };
            assert_eq!(pixel, [expected, expected, expected, 255], "{value}");
            levels.insert(expected);
        }
        assert!(levels.len() > 1);
        view.window = Window::new(0.0, 1000.0).unwrap();
        assert_eq!(render_core::render::resolve(&view, &volume).curve, None);
    }
}

#[test]
fn monochrome1_shows_the_smallest_value_white() {
    let (plain, view) = view(Content::Slice, Orientation::Axial);
    let meaning = Meaning { inverted: true, ..plain.meaning().clone() };
    let inverted = Volume::new(*plain.geometry(), plain.voxels().clone(), plain.rescale(), meaning).unwrap();
    let grey = |volume: &Volume| match render_core::render::resolve(&view, volume).mode {
        render_core::render::Mode::Slice { grey, .. } => grey,
        _ => unreachable!("the view shows a slice"),
    };
    for value in [-500.0, -160.0, 0.0, 40.0, 133.0, 240.0, 900.0] {
        let (a, b) = (grey(&plain).brightness(value), grey(&inverted).brightness(value));
        assert!((a + b - 1.0).abs() < 1e-4, "{value}: {a} and {b}");
    }
}
