//! Every level against the reference, on volumes made by formula.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use glam::{DAffine3, DMat3, DVec3};

use crate::cpu::Level;
use crate::geometry::Geometry;
use crate::render::{Choice, Effects, Mode, RenderError, RenderParams, Renderer};
use crate::scene::light::{DepthCue, Fixture, Light};
use crate::scene::preset::Preset;
use crate::scene::transfer::TransferFunction;
use crate::scene::view::{Combine, Content, Orientation, Slab, ViewState};
use crate::volume::{Meaning, Rescale, Volume, Voxels};
use crate::window::Window;

/// Samples lie at the same places but for the rounding of a few operations, so values differ by as little: as a part of
/// the volume's value range.
const VALUE_TOLERANCE: f32 = 2e-6;

/// A value that rounds to the next entry of a transfer table, or a ray that ends a sample earlier,
/// changes a pixel by a step or two of 255, and few pixels at that.
const PIXEL_TOLERANCE: u8 = 2;
const LEAST_PSNR_DB: f64 = 55.0;

const SIZE: [u32; 2] = [75, 53];

fn levels() -> impl Iterator<Item = (Level, Renderer)> {
    Level::available().map(|level| {
        let choice = Choice::CpuWith { level, threads: 2 };
        (level, Renderer::open(choice).expect("an available level opens"))
    })
}

/// A bright ball with a hole on a slope, with noise: 0 to 1 at a voxel.
fn density([x, y, z]: [u32; 3], dims: [u32; 3]) -> f64 {
    let at = |v: u32, n: u32| f64::from(v) / f64::from(n.max(2) - 1) - 0.5;
    let p = DVec3::new(at(x, dims[0]), at(y, dims[1]), at(z, dims[2]));
    let ball = ((0.4 - p.length()) * 12.0).clamp(0.0, 1.0) - ((0.15 - p.length()) * 12.0).clamp(0.0, 1.0);
    let mut noise = x.wrapping_mul(73_856_093) ^ y.wrapping_mul(19_349_663) ^ z.wrapping_mul(83_492_791);
    noise = (noise ^ noise >> 13).wrapping_mul(0x5bd1_e995);
    (0.1 + 0.6 * ball + 0.2 * (p.x + 0.5) + 0.1 * f64::from(noise >> 16) / 65_536.0).clamp(0.0, 1.0)
}

#[derive(Clone, Copy, Debug)]
enum Store {
    U8,
    I16,
    U16,
    F32,
}

/// Rescaled values run from about -1000 to 1500, whatever the store and the slope's sign.
fn volume(dims: [u32; 3], axes: DMat3, store: Store, negative: bool) -> Arc<Volume> {
    let (span, shift) = match store {
        Store::U8 => (255.0, 0.0),
        Store::I16 => (4000.0, -2000.0),
        Store::U16 => (65_535.0, 0.0),
        Store::F32 => (1.0, -0.25),
    };
    let mut stored = Vec::new();
    for z in 0..dims[2] {
        for y in 0..dims[1] {
            for x in 0..dims[0] {
                let density = density([x, y, z], dims);
                stored.push(shift + span * if negative { 1.0 - density } else { density });
            }
        }
    }
    let voxels = match store {
        Store::U8 => Voxels::U8(stored.iter().map(|&v| v as u8).collect()),
        Store::I16 => Voxels::I16(stored.iter().map(|&v| v as i16).collect()),
        Store::U16 => Voxels::U16(stored.iter().map(|&v| v as u16).collect()),
        Store::F32 => Voxels::F32(stored.iter().map(|&v| v as f32).collect()),
    };
    let slope = 2500.0 / span * if negative { -1.0 } else { 1.0 };
    let intercept = -1000.0 - slope * (shift + if negative { span } else { 0.0 });
    let affine = DAffine3 { matrix3: axes, translation: DVec3::new(12.0, -30.0, 7.0) };
    let geometry = Geometry::new(dims, affine).expect("axes are independent");
    let meaning = Meaning {
        modality: "CT".into(),
        unit: "HU".into(),
        windows: Vec::new(),
        tables: Vec::new(),
        inverted: false,
    };
    let rescale = Rescale { slope: slope as f32, intercept: intercept as f32 };
    Arc::new(Volume::new(geometry, voxels, rescale, meaning).expect("the voxels fit the grid"))
}

fn straight() -> DMat3 {
    DMat3::from_diagonal(DVec3::new(0.8, 0.8, 1.5))
}

/// As a tilted gantry makes it, with a left-handed flip.
fn sheared() -> DMat3 {
    DMat3::from_cols(DVec3::new(0.9, 0.1, 0.0), DVec3::new(-0.2, 1.1, 0.1), DVec3::new(0.1, 0.7, -1.9))
}

/// One view for each thing that can be shown, from a direction along no axis.
fn views(volume: &Volume) -> Vec<(&'static str, ViewState)> {
    let mut views = Vec::new();
    let new = |content| {
        let mut view = ViewState::new(volume, content, Orientation::Coronal, SIZE);
        view.window = Window::new(100.0, 900.0).expect("a window");
        view.camera.azimuth(31.0);
        view.camera.elevation(17.0);
        view
    };
    for preset in Preset::built_in() {
        let mut view = new(Content::Volume);
        view.apply_preset(preset, volume);
        views.push(("volume", view));
    }
    let mut inside = new(Content::Volume);
    inside.transfer = TransferFunction::new(
        vec![(0.0, [1.0, 0.2, 0.1]), (600.0, [0.3, 0.9, 1.0])],
        vec![(200.0, 0.0), (220.0, 0.2), (400.0, 0.0), (700.0, 0.4)],
    )
    .expect("points in order");
    inside.camera.distance_mm = 3.0;
    inside.camera.zoom = 0.5;
    views.push(("camera inside the volume", inside));
    let mut along_axis = ViewState::new(volume, Content::Volume, Orientation::Axial, SIZE);
    along_axis.camera.view_angle_deg = 0.01;
    along_axis.camera.distance_mm *= 3000.0;
    along_axis.step_voxels = 2.5;
    views.push(("nearly parallel rays", along_axis));
    views.push(("projection", new(Content::MIP)));
    views.push(("minimum", new(Content::Projection(Combine::Minimum))));
    views.push(("mean", new(Content::Projection(Combine::Mean))));
    views.push(("isosurface", new(Content::Isosurface(250.0))));
    let mut cropped = new(Content::MIP);
    cropped.clip.crop_voxels = Some([[0.3, 9.4], [1.0, 7.7], [0.0, 6.1]]);
    views.push(("cropped projection", cropped));
    let mut integrated = new(Content::Volume);
    integrated.pre_integrated = true;
    views.push(("integrated table", integrated));
    let mut lit = new(Content::Volume);
    lit.lights.push(Light {
        direction: DVec3::new(0.4, 0.3, -0.8),
        fixture: Fixture::Patient,
        color: [0.9, 0.5, 0.2],
    });
    lit.effects = Effects { ambient_occlusion: true, shadows: true };
    lit.depth_cue = Some(DepthCue::DEFAULT);
    views.push(("lights and effects", lit));
    for (thickness_mm, combine) in
        [(0.0, Combine::Mean), (9.0, Combine::Maximum), (9.0, Combine::Minimum), (500.0, Combine::Mean)]
    {
        let mut view = new(Content::Slice);
        view.slab = Slab { thickness_mm, combine };
        view.plane.right = DVec3::new(1.0, 0.3, -0.2).normalize();
        view.plane.down = view.plane.right.cross(DVec3::new(0.1, 1.0, 0.4)).normalize();
        views.push(("slice", view));
    }
    views
}

/// Renders on every level and compares with the reference.
fn assert_agreement(volume: &Arc<Volume>, params: &RenderParams, what: &str) {
    let never = AtomicBool::new(false);
    let reference = Renderer::open(Choice::Reference).expect("the reference opens");
    let expected = reference.render(volume, params, &never).expect("the reference renders");
    for (level, renderer) in levels() {
        let frame = renderer.render(volume, params, &never).expect("renders");
        assert_eq!(frame.pixels.len(), expected.pixels.len());
        let differences = frame.pixels.iter().zip(&expected.pixels).map(|(a, b)| a.abs_diff(*b));
        let worst = differences.clone().max().unwrap_or(0);
        let squares: f64 = differences.map(|d| f64::from(d).powi(2)).sum();
        let psnr = 10.0 * (255.0f64.powi(2) * frame.pixels.len() as f64 / squares).log10();
        assert!(
            worst <= PIXEL_TOLERANCE && psnr > LEAST_PSNR_DB,
            "{what}, {level}: off by up to {worst}, PSNR {psnr:.1} dB"
        );
        if !matches!(params.mode, Mode::Projection { .. } | Mode::Slice { .. }) {
            continue;
        }
        let (low, high) = volume.value_range();
        let tolerance = VALUE_TOLERANCE * (high - low).max(high.abs()).max(low.abs());
        let expected = reference.values(volume, params, &never).expect("the reference has values");
        let found = renderer.values(volume, params, &never).expect("has values");
        for (i, (a, b)) in found.values.iter().zip(&expected.values).enumerate() {
            assert!(
                (a - b).abs() <= tolerance || a.is_nan() && b.is_nan(),
                "{what}, {level}: {a} instead of {b} at pixel {i}"
            );
        }
    }
}

fn assert_all_views_agree(volume: &Arc<Volume>, what: &str) {
    for (name, view) in views(volume) {
        assert_agreement(volume, &crate::render::resolve(&view, volume), &format!("{what}: {name}"));
    }
}

#[test]
fn all_views_agree_with_the_reference_for_every_voxel_type_and_slope() {
    for store in [Store::U8, Store::I16, Store::U16, Store::F32] {
        for negative in [false, true] {
            let volume = volume([41, 37, 29], straight(), store, negative);
            assert_all_views_agree(&volume, &format!("{store:?}, negative slope {negative}"));
        }
    }
}

#[test]
fn all_views_agree_on_a_sheared_grid() {
    assert_all_views_agree(&volume([33, 48, 21], sheared(), Store::I16, false), "sheared");
}

#[test]
fn all_views_agree_on_grids_of_one_or_two_voxels_along_an_axis() {
    for dims in
        [[1, 20, 20], [20, 1, 20], [20, 20, 1], [1, 1, 1], [2, 1, 1], [1, 1, 9], [2, 2, 2], [3, 2, 70]]
    {
        for store in [Store::U8, Store::I16, Store::F32] {
            assert_all_views_agree(&volume(dims, straight(), store, false), &format!("{dims:?} {store:?}"));
        }
    }
}

#[test]
fn a_new_transfer_function_or_volume_never_meets_a_stale_skip_map() {
    let never = AtomicBool::new(false);
    let reference = Renderer::open(Choice::Reference).expect("the reference opens");
    let renderer = Renderer::open(Choice::Cpu).expect("opens");
    for round in 0..12 {
        let volume = volume([24, 24, 24], straight(), Store::I16, round % 2 == 1);
        let mut view = ViewState::new(&volume, Content::Volume, Orientation::Axial, SIZE);
        for center in [-200.0, 300.0, 900.0, 300.0, 1400.0, -900.0] {
            view.set_window(Window::new(center + f64::from(round), 60.0).expect("a window"));
            let params = crate::render::resolve(&view, &volume);
            let a = renderer.render(&volume, &params, &never).expect("renders");
            let b = reference.render(&volume, &params, &never).expect("renders");
            let worst = a.pixels.iter().zip(&b.pixels).map(|(a, b)| a.abs_diff(*b)).max();
            assert!(worst <= Some(PIXEL_TOLERANCE), "window {center}: {worst:?}");
        }
    }
}

/// Neighbours are up to 4000 units apart, and grey levels a 250th of one.
#[test]
fn projections_of_noise_in_a_narrow_window_agree() {
    let smooth = volume([61, 57, 43], straight(), Store::I16, false);
    let noise = (0..smooth.voxels().len() as u32).map(|at| (at.wrapping_mul(0x9e37_79b9) >> 20) as i16);
    let voxels = Voxels::I16(noise.collect());
    let volume = Volume::new(*smooth.geometry(), voxels, Rescale::IDENTITY, smooth.meaning().clone());
    let volume = Arc::new(volume.expect("a volume"));
    for combine in [Combine::Maximum, Combine::Minimum, Combine::Mean] {
        let mut view = ViewState::new(&volume, Content::Projection(combine), Orientation::Axial, [240, 200]);
        for center in (200..4000).step_by(800) {
            view.window = Window::new(f64::from(center), 1.0).expect("a window");
            let params = crate::render::resolve(&view, &volume);
            assert_agreement(&volume, &params, &format!("{combine:?} at {center}"));
        }
    }
}

#[test]
fn absurd_numbers_neither_panic_nor_hang() {
    const ABSURD: [f32; 9] =
        [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0, 1e30, -1e30, 1e-30, f32::MAX];
    let never = AtomicBool::new(false);
    let mut seed = 1u32;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 16) as usize % below
    };
    for dims in [[19, 17, 23], [2, 1, 1], [5, 4, 4]] {
        for store in [Store::U8, Store::I16, Store::F32] {
            let volume = volume(dims, straight(), store, false);
            for (_, mut view) in views(&volume) {
                view.size = [20, 9];
                for _ in 0..6 {
                    let mut params = crate::render::resolve(&view, &volume);
                    for _ in 0..=random(3) {
                        let value = ABSURD[random(ABSURD.len())];
                        let rays = &mut params.rays;
                        let axis = random(3);
                        match random(10) {
                            0 => rays.origin[axis] = value,
                            1 => rays.origin_dx[axis] = value,
                            2 => rays.direction[axis] = value,
                            3 => rays.direction_dy[axis] = value,
                            4 => rays.slope[axis] = value,
                            5 => params.background[axis] = value,
                            6 => params.line_of_sight[axis] = value,
                            7 => params.patient_from_gradient[axis][0] = value,
                            _ => match &mut params.mode {
                                Mode::Volume { transfer, step_mm, .. } => {
                                    let table = Arc::make_mut(transfer);
                                    match random(5) {
                                        0 => *step_mm = value,
                                        1 => table.low = value,
                                        2 => table.scale = value,
                                        3 => table.rgba.truncate(random(3)),
                                        _ => table.rgba.iter_mut().for_each(|c| c[3] = value),
                                    }
                                }
                                Mode::Projection { step_mm, grey, .. } => {
                                    if random(2) == 0 {
                                        *step_mm = value;
                                    } else {
                                        grey.scale = value;
                                    }
                                }
                                Mode::Isosurface { step_mm, value: wanted, .. } => {
                                    if random(2) == 0 {
                                        *step_mm = value;
                                    } else {
                                        *wanted = value;
                                    }
                                }
                                Mode::Slice { step_mm, first_mm, samples, .. } => match random(3) {
                                    0 => *step_mm = value,
                                    1 => *first_mm = value,
                                    _ => *samples = value as u32,
                                },
                            },
                        }
                    }
                    for (_, renderer) in levels() {
                        let frame = renderer.render(&volume, &params, &never).expect("renders something");
                        assert_eq!(frame.pixels.len(), 20 * 9 * 4);
                    }
                }
            }
        }
    }
}

#[test]
fn a_cancelled_picture_is_an_error() {
    let volume = volume([16, 16, 16], straight(), Store::I16, false);
    let view = ViewState::new(&volume, Content::Volume, Orientation::Axial, SIZE);
    let params = crate::render::resolve(&view, &volume);
    for (_, renderer) in levels() {
        let result = renderer.render(&volume, &params, &AtomicBool::new(true));
        assert_eq!(result.err(), Some(RenderError::Cancelled));
    }
}

#[test]
fn the_chosen_level_and_threads_are_named_in_the_reasons() {
    let renderer = Renderer::open(Choice::CpuWith { level: Level::Portable, threads: 3 }).expect("opens");
    assert_eq!(renderer.name(), "cpu");
    assert!(renderer.reasons()[0].contains("portable code, 3 threads"), "{:?}", renderer.reasons());
}
