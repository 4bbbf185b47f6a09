//! The reference renderer against closed forms, and absurd views of it.

use std::f64::consts::PI;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use glam::{DAffine3, DMat3, DQuat, DVec3, Vec3};
use render_core::cpu::Level;
use render_core::illumination::Illumination;
use render_core::render::{Adapter, Choice, Effects, Renderer};
use render_core::scene::TransferFunction;
use render_core::scene::camera::Projection;
use render_core::scene::clip::{ClipPlane, Side};
use render_core::scene::color_map::ColorMap;
use render_core::scene::curved::{Curved, Path};
use render_core::scene::layer::{Layer, Look};
use render_core::scene::light::{DepthCue, Fixture, Light};
use render_core::scene::preset::Shading;
use render_core::scene::track::Track;
use render_core::scene::view::{Combine, Content, Orientation, Slab, ViewState};
use render_core::volume::{Meaning, Rescale};
use render_core::{Frame, Geometry, RenderParams, Volume, Voxels, Window};

/// Only ambient light: a colour is shown as it is.
const UNLIT: Shading = Shading { ambient: 1.0, diffuse: 0.0, specular: 0.0, specular_power: 1 };

/// A grid around patient (0, 0, 0) with these axes, and a value in mm space at each voxel.
fn volume(dims: [u32; 3], axes: DMat3, value: impl Fn(DVec3) -> f64) -> Arc<Volume> {
    let last = DVec3::from(dims.map(|n| f64::from(n) - 1.0));
    let affine = DAffine3 { matrix3: axes, translation: axes * last * -0.5 };
    let geometry = Geometry::new(dims, affine).unwrap();
    let mut values = Vec::new();
    for z in 0..dims[2] {
        for y in 0..dims[1] {
            for x in 0..dims[0] {
                let p = affine.transform_point3(DVec3::new(x.into(), y.into(), z.into()));
                values.push(value(p) as f32);
            }
        }
    }
    let meaning = Meaning {
        modality: "CT".into(),
        unit: "HU".into(),
        windows: Vec::new(),
        tables: Vec::new(),
        inverted: false,
    };
    Arc::new(Volume::new(geometry, Voxels::F32(values.into()), Rescale::IDENTITY, meaning).unwrap())
}

fn cube(edge: u32, value: impl Fn(DVec3) -> f64) -> Arc<Volume> {
    volume([edge; 3], DMat3::IDENTITY, value)
}

fn tilted() -> DMat3 {
    DMat3::from_cols(DVec3::new(0.9, 0.1, 0.0), DVec3::new(-0.2, 1.1, 0.1), DVec3::new(0.1, 0.5, -1.4))
}

/// The value is the depth below the surface of a ball.
fn ball(radius_mm: f64) -> Arc<Volume> {
    cube(61, move |p| radius_mm - p.length())
}

/// From the front through parallel rays, one pixel a mm.
fn front(volume: &Volume, content: Content, size: [u32; 2]) -> ViewState {
    let mut view = ViewState::new(volume, content, Orientation::Axial, size);
    view.camera.projection = Projection::Parallel;
    view.camera.focal_point_mm = DVec3::ZERO;
    view.camera.distance_mm = 500.0;
    view.camera.zoom = 1.0;
    view.camera.view_angle_deg = 2.0 * (f64::from(size[1]) / 2.0 / 500.0).atan().to_degrees();
    view.shading = UNLIT;
    view
}

fn params(view: &ViewState, volume: &Volume) -> RenderParams {
    render_core::render::resolve(view, volume)
}

fn draw(view: &ViewState, volume: &Arc<Volume>) -> Frame {
    let reference = Renderer::open(Choice::Reference).unwrap();
    reference.render(volume, &params(view, volume), &AtomicBool::new(false)).unwrap()
}

fn values(view: &ViewState, volume: &Arc<Volume>) -> Vec<f32> {
    let reference = Renderer::open(Choice::Reference).unwrap();
    reference.values(volume, &params(view, volume), &AtomicBool::new(false)).unwrap().values
}

fn pixel(frame: &Frame, column: u32, row: u32) -> [u8; 3] {
    let at = ((row * frame.size[0] + column) * 4) as usize;
    [frame.pixels[at], frame.pixels[at + 1], frame.pixels[at + 2]]
}

fn covered(frame: &Frame) -> f64 {
    frame.pixels.chunks_exact(4).filter(|p| p[..3] != [0, 0, 0]).count() as f64
}

#[test]
fn parallel_rays_show_a_ball_at_its_true_size_whatever_its_distance() {
    let volume = ball(20.0);
    let mut view = front(&volume, Content::Isosurface(0.0), [64, 64]);
    for distance in [60.0, 5000.0] {
        view.camera.view_angle_deg = 2.0 * (32.0f64 / distance).atan().to_degrees();
        view.camera.distance_mm = distance;
        let area = covered(&draw(&view, &volume));
        let wanted = PI * 400.0;
        assert!((area / wanted - 1.0).abs() < 0.01, "{area} pixels at {distance} mm, not {wanted:.0}");
    }
}

#[test]
fn a_ball_is_lit_by_the_cosine_of_its_true_normals() {
    const RADIUS: f64 = 25.0;
    let volume = ball(RADIUS);
    let mut view = front(&volume, Content::Isosurface(0.0), [64, 64]);
    let (a, b) = (DVec3::new(1.0, 2.0, -0.5).normalize(), DVec3::new(-1.0, 0.4, 1.5).normalize());
    let light = |direction, color| Light { direction, fixture: Fixture::Patient, color };
    view.lights = vec![light(a, [0.6, 0.0, 0.0]), light(b, [0.3, 0.9, 0.0])];
    view.shading = Shading { ambient: 0.1, diffuse: 0.8, specular: 0.0, specular_power: 1 };
    let frame = draw(&view, &volume);
    let mut compared = 0;
    for row in 0..64 {
        for column in 0..64 {
            // From the front, patient left is right and the head is up; the viewer is at -y.
            let (x, z) = (f64::from(column) + 0.5 - 32.0, 32.0 - (f64::from(row) + 0.5));
            let off = x.hypot(z);
            if off > RADIUS * 0.9 {
                continue;
            }
            compared += 1;
            let normal = DVec3::new(x, -(RADIUS * RADIUS - off * off).sqrt(), z) / RADIUS;
            let (la, lb) = (normal.dot(a).abs(), normal.dot(b).abs());
            let wanted = [0.92 * (0.1 + 0.8 * (0.6 * la + 0.3 * lb)), 0.87 * (0.1 + 0.8 * 0.9 * lb)];
            let found = pixel(&frame, column, row);
            for channel in 0..2 {
                let (found, wanted) = (f64::from(found[channel]), wanted[channel] * 255.0);
                assert!((found - wanted).abs() < 2.0, "({column}, {row}): {found}, not {wanted:.1}");
            }
        }
    }
    assert!(compared > 1500);
}

#[test]
fn projections_of_a_ramp_in_a_tilted_grid_are_its_ends_and_middle() {
    let slope = DVec3::new(3.0, -5.0, 2.0);
    let volume = volume([40, 36, 30], tilted(), |p| slope.dot(p));
    let mut view = front(&volume, Content::MIP, [40, 40]);
    view.camera.azimuth(33.0);
    view.camera.elevation(-21.0);
    let rays = params(&view, &volume).rays;
    let step = volume.geometry().spacing_mm().min_element();
    let mut found = Vec::new();
    for combine in [Combine::Minimum, Combine::Mean, Combine::Maximum] {
        view.content = Content::Projection(combine);
        found.push(values(&view, &volume));
    }
    let (_, _, forward) = view.camera.axes();
    let per_mm = slope.dot(forward);
    let last = Vec3::from(volume.geometry().dims().map(|n| n as f32 - 1.0));
    let mut compared = 0;
    for (index, mean) in found[1].iter().enumerate() {
        let ray = rays.at(index as u32 % 40, index as u32 / 40);
        let (a, b) = ((-ray.origin) / ray.direction, (last - ray.origin) / ray.direction);
        let (enter, leave) = (a.min(b).max_element(), a.max(b).min_element());
        if leave - enter < 4.0 {
            continue;
        }
        compared += 1;
        let at = |t: f32| {
            let p = (ray.origin + ray.direction * t).as_dvec3();
            slope.dot(volume.geometry().patient_from_voxel().transform_point3(p))
        };
        let (first, last) = (at(enter), at(leave));
        // The outermost samples lie up to a step inside.
        let most = per_mm.abs() * step + 0.05;
        let [low, mean, high] = [found[0][index], *mean, found[2][index]].map(f64::from);
        assert!((0.0..=most).contains(&(low - first.min(last) + 0.02)), "{low} from {first} to {last}");
        assert!((0.0..=most).contains(&(first.max(last) - high + 0.02)), "{high} from {first} to {last}");
        // Evenly spaced samples of a straight line: their mean is that of the two ends.
        assert!((mean - (low + high) / 2.0).abs() < 0.02, "{mean} between {low} and {high}");
    }
    assert!(compared > 300, "{compared}");
}

#[test]
fn a_pre_integrated_thin_shell_has_its_exact_opacity_at_every_phase_of_the_samples() {
    // Along the line of sight the value rises by 100 a mm; a peak 60 wide falls between samples.
    let volume = cube(24, |p| 100.0 * p.y);
    let mut view = front(&volume, Content::Volume, [4, 4]);
    let peak = vec![(0.0, 0.0), (30.0, 0.6), (60.0, 0.0)];
    view.transfer = TransferFunction::new(vec![(-1000.0, [1.0; 3]), (1000.0, [1.0; 3])], peak).unwrap();
    let extinction = |value: f64| -(1.0 - f64::from(view.transfer.opacity(value as f32))).ln();
    let integral: f64 = (0..6000).map(|i| extinction(f64::from(i) / 100.0) / 100.0 / 100.0).sum();
    let exact = 255.0 * (1.0 - (-integral).exp());
    let (mut worst_plain, mut worst) = (0.0f64, 0.0f64);
    for phase in 0..16 {
        view.camera.distance_mm = 500.0 + f64::from(phase) / 16.0;
        view.pre_integrated = false;
        worst_plain = worst_plain.max((f64::from(pixel(&draw(&view, &volume), 2, 2)[0]) - exact).abs());
        view.pre_integrated = true;
        worst = worst.max((f64::from(pixel(&draw(&view, &volume), 2, 2)[0]) - exact).abs());
    }
    assert!(exact > 20.0 && worst < 0.03 * exact, "off by {worst} of {exact:.1}");
    assert!(worst_plain > 0.5 * exact, "single samples are off by {worst_plain} of {exact:.1} only");
}

#[test]
fn the_step_does_not_change_how_opaque_even_matter_is() {
    let volume = cube(40, |_| 100.0);
    let mut view = front(&volume, Content::Volume, [4, 4]);
    let color = vec![(0.0, [1.0; 3])];
    view.transfer = TransferFunction::new(color, vec![(0.0, 0.0), (100.0, 0.05)]).unwrap();
    for pre_integrated in [false, true] {
        for step in [0.5, 1.0, 1.5] {
            view.pre_integrated = pre_integrated;
            view.step_voxels = step;
            // 39 mm of 5 % a mm; the number of samples may be off by one.
            let wanted = 255.0 * (1.0 - 0.95f64.powf(39.0));
            let found = f64::from(pixel(&draw(&view, &volume), 2, 2)[0]);
            assert!((found - wanted).abs() < 6.0, "step {step}: {found}, not {wanted:.0}");
        }
    }
}

#[test]
fn the_gradient_multiplies_opacity_by_its_length_in_values_per_mm() {
    // 20 per voxel of 2 mm: 10 per mm.
    let volume = volume([24; 3], DMat3::from_diagonal(DVec3::splat(2.0)), |p| 10.0 * p.y);
    let mut view = front(&volume, Content::Volume, [4, 4]);
    let flat = TransferFunction::new(vec![(0.0, [1.0; 3])], vec![(0.0, 0.02)]).unwrap();
    view.transfer = flat;
    let transparency = |view: &ViewState| 1.0 - f64::from(pixel(&draw(view, &volume), 2, 2)[0]) / 255.0;
    let plain = transparency(&view);
    view.transfer.gradient_opacities = Track::linear([(0.0, [0.0]), (20.0, [1.0])]).ok();
    let half = transparency(&view);
    assert!((half.ln() / plain.ln() - 0.5).abs() < 0.03, "{half} against {plain}");
}

#[test]
fn clipping_keeps_what_the_normal_points_to() {
    let volume = ball(20.0);
    let mut view = front(&volume, Content::Isosurface(0.0), [64, 64]);
    let whole = covered(&draw(&view, &volume));
    view.clip.planes = vec![ClipPlane { point_mm: DVec3::ZERO, normal: DVec3::X * 7.0 }];
    let left = draw(&view, &volume);
    assert!((covered(&left) / whole - 0.5).abs() < 0.03);
    // Patient left, +x, is at the right of a view from the front.
    assert!(pixel(&left, 45, 32) != [0; 3] && pixel(&left, 18, 32) == [0; 3]);
    view.clip = Default::default();
    view.clip.crop_voxels = Some([[0.0, 60.0], [0.0, 60.0], [30.0, 60.0]]);
    let upper = draw(&view, &volume);
    assert!((covered(&upper) / whole - 0.5).abs() < 0.03);
    assert!(pixel(&upper, 32, 18) != [0; 3] && pixel(&upper, 32, 45) == [0; 3]);
}

#[test]
fn a_cut_along_a_slice_shows_its_far_or_near_side() {
    let volume = cube(41, |p| p.y);
    let mut view = front(&volume, Content::MIP, [8, 8]);
    let mut slice = ViewState::new(&volume, Content::Slice, Orientation::Coronal, [8, 8]).plane;
    slice.center_mm.y = 5.0;
    // A coronal slice is seen from the front, -y.
    for (side, combine, wanted) in [(Side::Far, Combine::Minimum, 5.0), (Side::Near, Combine::Maximum, 5.0)] {
        view.clip.cut = Some((slice, side));
        view.content = Content::Projection(combine);
        let found = values(&view, &volume)[36];
        assert!((found - wanted).abs() <= 1.0, "{side:?}: {found}");
    }
}

#[test]
fn colours_fade_with_their_distance_from_the_eye() {
    let volume = cube(41, |p| p.y);
    let mut view = front(&volume, Content::Isosurface(0.0), [4, 4]);
    let plain = f64::from(pixel(&draw(&view, &volume), 2, 2)[0]);
    // The surface lies at 500 mm, a quarter of the way.
    view.depth_cue = Some(DepthCue { strength: 0.8, color: [0.0; 3], range_mm: Some([490.0, 530.0]) });
    let faded = f64::from(pixel(&draw(&view, &volume), 2, 2)[0]);
    assert!((faded / plain - (1.0 - 0.8 * 0.25)).abs() < 0.01, "{faded} of {plain}");
}

#[test]
fn two_eyes_see_the_focal_plane_in_place_and_the_rest_shifted_by_its_depth() {
    const SEPARATION: f64 = 60.0;
    for projection in [Projection::Perspective, Projection::Parallel] {
        for depth in [-15.0, 0.0, 15.0] {
            let bead = DVec3::new(0.0, depth, 0.0);
            let volume = cube(61, move |p| 4.0 - p.distance(bead));
            let mut view = front(&volume, Content::Isosurface(0.0), [160, 80]);
            view.camera.projection = projection;
            view.camera.distance_mm = 100.0;
            view.camera.view_angle_deg = 2.0 * 0.4f64.atan().to_degrees();
            let mean_column = |view: &ViewState| {
                let frame = draw(view, &volume);
                let bright = frame.pixels.chunks_exact(4).enumerate().filter(|(_, p)| p[0] > 0);
                let columns: Vec<f64> = bright.map(|(i, _)| (i % 160) as f64 + 0.5).collect();
                columns.iter().sum::<f64>() / columns.len() as f64
            };
            let [left, right] = view
                .camera
                .stereo(SEPARATION)
                .map(|camera| mean_column(&ViewState { camera, ..view.clone() }));
            // 1 pixel is 1 mm at the focal plane; a point behind it moves with the eye.
            let wanted = match projection {
                Projection::Perspective => SEPARATION * depth / (100.0 + depth),
                Projection::Parallel => SEPARATION * depth / 100.0,
            };
            assert!((right - left - wanted).abs() < 0.7, "{projection:?} {depth}: {}", right - left);
            assert!(((left + right) / 2.0 - 80.0).abs() < 0.7);
        }
    }
}

#[test]
fn a_wall_casts_a_shadow_and_open_space_is_fully_lit() {
    // A wall 20 mm square across the light, which comes from the patient's right.
    let wall = |p: DVec3| if p.x.abs() < 4.0 && p.y.abs() < 10.0 && p.z.abs() < 10.0 { 100.0 } else { 0.0 };
    let volume = cube(81, wall);
    let mut view = front(&volume, Content::Volume, [8, 8]);
    view.transfer = TransferFunction::new(vec![(0.0, [1.0; 3])], vec![(50.0, 0.0), (60.0, 0.9)]).unwrap();
    view.lights = vec![Light { direction: DVec3::X, fixture: Fixture::Patient, color: [1.0; 3] }];
    view.effects = Effects { ambient_occlusion: true, shadows: true };
    let of = |view: &ViewState| {
        Illumination::new(&volume, &params(view, &volume), &AtomicBool::new(false)).unwrap()
    };
    let grid = of(&view);
    let at = |p: DVec3| grid.at(volume.geometry().voxel_from_patient().transform_point3(p).as_vec3());
    assert!(at(DVec3::new(20.0, 0.0, 0.0))[1] < 0.02, "behind the wall it is dark");
    assert_eq!(at(DVec3::new(-20.0, 0.0, 0.0))[1], 1.0, "before the wall it is light");
    assert_eq!(at(DVec3::new(20.0, 25.0, 0.0))[1], 1.0, "beside the shadow it is light");
    assert_eq!(at(DVec3::new(-36.0, -36.0, 36.0)), [1.0; 2], "far from all matter");
    assert!(at(DVec3::new(-4.0, 0.0, 0.0))[1] > 0.9, "the lit side of the wall is lit");
    assert!(at(DVec3::new(-4.0, 0.0, 0.0))[0] > 0.9, "nothing hides a plane wall from its surroundings");
    view.clip.planes = vec![ClipPlane { point_mm: DVec3::new(6.0, 0.0, 0.0), normal: DVec3::X }];
    let grid = of(&view);
    let behind = volume.geometry().voxel_from_patient().transform_point3(DVec3::new(20.0, 0.0, 0.0));
    assert_eq!(grid.at(behind.as_vec3())[1], 1.0, "what is clipped away casts no shadow");
    view.clip.planes.clear();
    // By the length of the gradient, in values per mm; the wall's faces have 50.
    let hidden_below = |per_mm: f32| Track::linear([(per_mm, [0.0]), (per_mm + 1.0, [1.0])]).ok();
    view.transfer.gradient_opacities = hidden_below(80.0);
    let hidden = of(&view);
    assert_eq!(hidden.at(behind.as_vec3()), [1.0; 2], "what has no opacity by its gradient casts no shadow");
    view.transfer.gradient_opacities = hidden_below(30.0);
    assert!(of(&view).at(behind.as_vec3())[1] < 0.1, "its faces do");
}

#[test]
fn shadows_follow_a_light_that_shines_across_the_axes() {
    let volume = cube(81, |p| if p.length() < 8.0 { 100.0 } else { 0.0 });
    let mut view = front(&volume, Content::Isosurface(50.0), [8, 8]);
    for direction in [DVec3::new(1.0, 1.0, 0.0), DVec3::new(-1.0, 0.5, 0.8), DVec3::new(0.2, -1.0, -0.9)] {
        view.lights = vec![Light { direction, fixture: Fixture::Patient, color: [1.0; 3] }];
        view.effects = Effects { ambient_occlusion: false, shadows: true };
        let grid = Illumination::new(&volume, &params(&view, &volume), &AtomicBool::new(false)).unwrap();
        let along = direction.normalize() * 26.0;
        let at = |p: DVec3| grid.at(volume.geometry().voxel_from_patient().transform_point3(p).as_vec3())[1];
        assert!(at(along) < 0.35, "{direction}: {} in the shadow", at(along));
        assert!(at(-along) > 0.99 && at(along.any_orthogonal_vector().normalize() * 26.0) > 0.99);
    }
}

#[test]
fn hollows_are_darker_than_open_surfaces() {
    // A block with a narrow pit from above.
    let volume = cube(61, |p| {
        let pit = p.x.abs() < 5.0 && p.y.abs() < 5.0 && p.z > -20.0;
        if p.z < 5.0 && !pit { 100.0 } else { 0.0 }
    });
    let mut view = front(&volume, Content::Isosurface(50.0), [8, 8]);
    view.effects = Effects { ambient_occlusion: true, shadows: false };
    let grid = Illumination::new(&volume, &params(&view, &volume), &AtomicBool::new(false)).unwrap();
    let at = |p: DVec3| grid.at(volume.geometry().voxel_from_patient().transform_point3(p).as_vec3())[0];
    let (pit, open) = (at(DVec3::new(0.0, 0.0, -16.0)), at(DVec3::new(20.0, 20.0, 6.0)));
    assert!(pit < 0.45 && open > 0.85, "pit {pit}, open {open}");
}

#[test]
fn a_fused_volume_is_mixed_into_a_slice_by_its_opacity() {
    let volume = cube(32, |_| 0.0);
    // Coarser, turned, and with its own ramp.
    let other = super_layer(|p| 10.0 * p.x);
    let mut view = ViewState::new(&volume, Content::Slice, Orientation::Axial, [31, 31]);
    view.window = Window::from_range(-100.0, 100.0);
    let ramp = TransferFunction::new(
        vec![(-200.0, [1.0, 0.0, 0.0]), (200.0, [0.0, 0.0, 1.0])],
        vec![(-200.0, 0.0), (200.0, 1.0)],
    )
    .unwrap();
    view.layers = vec![Layer { volume: other, look: Look::Values(ramp), opacity: 0.5 }];
    let frame = draw(&view, &volume);
    for column in 4..27 {
        let x = view.plane.patient_from_pixel([f64::from(column) + 0.5, 15.5], view.size).x;
        let part = (10.0 * x + 200.0) / 400.0;
        let wanted = [1.0 - part, 0.0, part].map(|c| 255.0 * (0.5 + (c - 0.5) * part * 0.5));
        for (found, wanted) in pixel(&frame, column, 15).iter().zip(wanted) {
            assert!((f64::from(*found) - wanted).abs() < 2.0, "{column}: {found}, not {wanted:.1}");
        }
    }
}

/// A turned and coarser grid that covers a cube of 32 mm.
fn super_layer(value: impl Fn(DVec3) -> f64) -> Arc<Volume> {
    let turn = DMat3::from_quat(DQuat::from_rotation_z(0.5));
    volume([20, 20, 20], turn * DMat3::from_diagonal(DVec3::splat(3.0)), value)
}

#[test]
fn labels_colour_their_regions_with_sharp_borders_in_every_mode() {
    let volume = cube(32, |p| 10.0 - p.length());
    let labels = super_layer(|p| if p.x > 0.0 { 2.0 } else { 1.0 });
    let colors: Arc<[[f32; 4]]> = Arc::new([[0.0; 4], [1.0, 0.0, 0.0, 1.0], [0.0, 1.0, 0.0, 1.0]]);
    let layer = Layer { volume: labels, look: Look::Labels(colors), opacity: 1.0 };
    for content in [Content::Slice, Content::MIP, Content::Isosurface(0.0), Content::Volume] {
        let mut view = front(&volume, content, [32, 32]);
        view.layers = vec![layer.clone()];
        view.transfer = TransferFunction::new(vec![(0.0, [1.0; 3])], vec![(0.0, 0.0)]).unwrap();
        let frame = draw(&view, &volume);
        let (left, right) = (pixel(&frame, 11, 16), pixel(&frame, 21, 16));
        assert!(left[0] > 200 && left[1] == 0, "{content:?}: {left:?}");
        assert!(right[1] > 200 && right[0] == 0, "{content:?}: {right:?}");
    }
    let hidden = ViewState {
        layers: vec![Layer { opacity: 0.0, ..layer }],
        ..front(&volume, Content::Slice, [32, 32])
    };
    assert!(params(&hidden, &volume).layers.is_empty());
}

#[test]
fn absurd_views_neither_panic_nor_hang() {
    const ABSURD: [f64; 10] =
        [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, 1e300, -1e300, 1e-300, 1e9, -1e9];
    let volume = volume([7, 6, 5], tilted(), |p| 100.0 * p.x);
    let never = AtomicBool::new(false);
    let reference = Renderer::open(Choice::Reference).unwrap();
    let fastest = Renderer::open(Choice::Cpu).unwrap();
    // A software card takes a hundred times as long.
    let card = Renderer::open(Choice::Gpu(Adapter::Software));
    if card.is_err() {
        eprintln!("skipped: no Vulkan adapter");
    }
    let heat = ColorMap::find("hot_iron").unwrap();
    let looks = [Look::labels(9), Look::color_map(heat, 0.0, 100.0).unwrap()];
    let path = Path::new(&[DVec3::splat(-2.0), DVec3::X, DVec3::splat(2.0)], DVec3::Z).unwrap();
    let curved = Curved::new(Arc::new(path), &*volume);
    let mut seed = 7u32;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 16) as usize % below
    };
    let contents = [
        Content::Volume,
        Content::MIP,
        Content::Projection(Combine::Mean),
        Content::Projection(Combine::Minimum),
        Content::Isosurface(50.0),
        Content::Slice,
        Content::Curved,
    ];
    for round in 0..3000 {
        let mut view = front(&volume, contents[round % contents.len()], [5, 4]);
        view.shading = Shading::default();
        view.pre_integrated = random(2) == 0;
        view.effects = Effects { ambient_occlusion: random(3) == 0, shadows: random(3) == 0 };
        view.depth_cue = Some(DepthCue::DEFAULT);
        let look = looks[random(looks.len())].clone();
        view.layers = vec![Layer { volume: Arc::clone(&volume), look, opacity: 0.5 }];
        if random(3) == 0 {
            view.layers.clear();
        }
        view.curved = Some(curved.clone());
        for _ in 0..=random(3) {
            let value = ABSURD[random(ABSURD.len())];
            let axis = random(3);
            match random(24) {
                0 => view.camera.focal_point_mm[axis] = value,
                1 => view.camera.distance_mm = value,
                2 => view.camera.view_angle_deg = value,
                3 => view.camera.zoom = value,
                4 => view.camera.eye_mm = value,
                5 => view.camera.patient_from_camera.x = value,
                6 => view.plane.center_mm[axis] = value,
                7 => view.plane.right[axis] = value,
                8 => view.plane.zoom = value,
                9 => view.slab = Slab { thickness_mm: value, combine: Combine::Mean },
                10 => (view.step_voxels, view.opaque_below) = (value, value),
                11 => view.lights[0].direction[axis] = value,
                12 => view.lights[0].color[axis] = value as f32,
                13 => {
                    view.lights[0].fixture = Fixture::Patient;
                    view.lights.extend([view.lights[0]; 9]);
                }
                14 => view.clip.crop_voxels = Some([[value, 3.0], [0.0, value], [value, value]]),
                15 => {
                    let mut plane = ClipPlane { point_mm: DVec3::ZERO, normal: DVec3::X };
                    plane.normal[axis] = value;
                    plane.point_mm[random(3)] = ABSURD[random(ABSURD.len())];
                    view.clip.planes = vec![plane; 40];
                }
                16 => view.clip.cut = Some((view.plane, Side::Near)),
                17 => {
                    let range_mm = Some([value, ABSURD[random(ABSURD.len())]]);
                    view.depth_cue = Some(DepthCue { strength: value as f32, color: [1.0; 3], range_mm });
                }
                18 => view.layers.iter_mut().for_each(|layer| layer.opacity = value as f32),
                19 => view.content = Content::Isosurface(value as f32),
                20 => view.window = Window::clamped(value, value),
                21 => view.curved.iter_mut().for_each(|curved| curved.center_mm[axis % 2] = value),
                22 => {
                    view.curved
                        .iter_mut()
                        .for_each(|curved| (curved.zoom, curved.fit_mm[axis % 2]) = (value, value));
                }
                _ => view.camera.projection = Projection::Perspective,
            }
        }
        let params = params(&view, &volume);
        let is_for_card = random(10) == 0;
        for renderer in [Some(&reference), Some(&fastest), card.as_ref().ok().filter(|_| is_for_card)]
            .into_iter()
            .flatten()
        {
            let frame = renderer.render(&volume, &params, &never).unwrap();
            assert_eq!(frame.pixels.len(), 80, "{} in round {round}", renderer.name());
        }
    }
}

#[test]
fn where_all_voxels_hold_the_lowest_number_of_their_type_every_renderer_shows_it() {
    let axes = DAffine3::from_mat3(DMat3::IDENTITY);
    let meaning = Meaning {
        modality: "MR".into(),
        unit: String::new(),
        windows: Vec::new(),
        tables: Vec::new(),
        inverted: false,
    };
    let count = 20 * 20 * 20;
    for stored in [
        Voxels::U8(vec![0; count].into()),
        Voxels::I16(vec![i16::MIN; count].into()),
        Voxels::U16(vec![0; count].into()),
        Voxels::F32(vec![-1.0; count].into()),
    ] {
        for slope in [0.5, -0.5] {
            let value = stored.get(0) * slope + 100.0;
            let geometry = Geometry::new([20; 3], axes).unwrap();
            let rescale = Rescale { slope, intercept: 100.0 };
            let volume = Arc::new(Volume::new(geometry, stored.clone(), rescale, meaning.clone()).unwrap());
            let never = AtomicBool::new(false);
            for level in Level::available() {
                let renderer = Renderer::open(Choice::CpuWith { level, threads: 1 }).unwrap();
                for combine in [Combine::Maximum, Combine::Minimum, Combine::Mean] {
                    let content = Content::Projection(combine);
                    let view = ViewState::new(&volume, content, Orientation::Axial, [24, 24]);
                    let found = renderer.values(&volume, &params(&view, &volume), &never).unwrap();
                    let shown = found.values.iter().filter(|v| !v.is_nan());
                    assert!(shown.clone().count() > 100, "{level}");
                    for found in shown {
                        assert!((found - value).abs() < 0.01, "{level}, {combine:?}: {found}, not {value}");
                    }
                }
                let mut view = ViewState::new(&volume, Content::Volume, Orientation::Axial, [24, 24]);
                view.shading = UNLIT;
                let even = vec![(value - 1.0, 1.0), (value + 1.0, 1.0)];
                view.transfer = TransferFunction::new(vec![(0.0, [1.0; 3])], even).unwrap();
                let frame = renderer.render(&volume, &params(&view, &volume), &never).unwrap();
                assert!(covered(&frame) > 100.0, "{level}: nothing to see of {value}");
            }
        }
    }
}

#[test]
fn edges_from_the_lowest_to_the_highest_number_of_16_bits_have_true_normals() {
    // Along x the number jumps by all that 16 bits hold, along y it rises evenly.
    let (mut low, mut high) = (Vec::new(), Vec::new());
    for i in 0..24 * 24 * 24u16 {
        let (x, y) = (i % 24, i / 24 % 24);
        let value = if x < 12 { y * 900 } else { u16::MAX - (23 - y) * 900 };
        low.push((i32::from(value) - 32_768) as i16);
        high.push(value);
    }
    let geometry = Geometry::new([24; 3], DAffine3::from_mat3(tilted())).unwrap();
    let meaning = Meaning {
        modality: "MR".into(),
        unit: String::new(),
        windows: Vec::new(),
        tables: Vec::new(),
        inverted: false,
    };
    let never = AtomicBool::new(false);
    for voxels in [Voxels::I16(low.into()), Voxels::U16(high.into())] {
        let volume = Volume::new(geometry, voxels, Rescale::IDENTITY, meaning.clone()).unwrap();
        let volume = Arc::new(volume);
        let (low, high) = volume.value_range();
        let content = Content::Isosurface(f32::midpoint(low, high));
        let mut view = ViewState::new(&volume, content, Orientation::Axial, [60, 60]);
        view.camera.azimuth(60.0);
        let expected = draw(&view, &volume);
        assert!(covered(&expected) > 500.0);
        for level in Level::available() {
            let renderer = Renderer::open(Choice::CpuWith { level, threads: 1 }).unwrap();
            let found = renderer.render(&volume, &params(&view, &volume), &never).unwrap();
            let worst = found.pixels.iter().zip(&expected.pixels).map(|(a, b)| a.abs_diff(*b)).max();
            assert!(worst <= Some(2), "{level}: off by up to {worst:?}");
        }
    }
}
