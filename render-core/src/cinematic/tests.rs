//! What follows from the physics, whatever the numbers drawn.

use glam::{DAffine3, DQuat, DVec3, Vec3};

use super::track::Flight;
use super::*;
use crate::Geometry;
use crate::render::{Adapter, Choice};
use crate::scene::TransferFunction;
use crate::scene::view::Orientation;
use crate::volume::{Meaning, Rescale, Voxels};

static GO_ON: AtomicBool = AtomicBool::new(false);

fn volume(dims: [u32; 3], spacing_mm: DVec3, value: impl Fn(Vec3) -> f32) -> Arc<Volume> {
    let [nx, ny, nz] = dims;
    let values = (0..nz)
        .flat_map(|z| (0..ny).flat_map(move |y| (0..nx).map(move |x| [x, y, z])))
        .map(|p| value(Vec3::from(p.map(|n| n as f32))))
        .collect();
    let geometry = Geometry::new(dims, DAffine3::from_scale(spacing_mm)).expect("a plain grid");
    let meaning = Meaning {
        modality: "CT".into(),
        unit: "HU".into(),
        windows: Vec::new(),
        tables: Vec::new(),
        inverted: false,
    };
    Arc::new(Volume::new(geometry, Voxels::F32(values), Rescale::IDENTITY, meaning).expect("a plain volume"))
}

/// Grey of `opacity` a mm from 100 on, nothing below 0.
fn grey(opacity: f32) -> TransferFunction {
    TransferFunction::new(vec![(0.0, [0.8; 3])], vec![(0.0, 0.0), (100.0, opacity)]).expect("rising points")
}

fn ball() -> Arc<Volume> {
    volume([32; 3], DVec3::ONE, |p| (12.0 - p.distance(Vec3::splat(15.5))) * 50.0)
}

fn view(volume: &Volume, transfer: TransferFunction, size: [u32; 2]) -> ViewState {
    ViewState { transfer, ..ViewState::new(volume, Content::Volume, Orientation::Axial, size) }
}

/// A picture lit evenly by white light.
fn furnace(volume: Arc<Volume>, samples: u32, white: bool) -> Cinematic {
    let view = view(&volume, grey(0.5), [24, 24]);
    let settings = Settings {
        environment: Environment::Uniform,
        density: 1.0,
        max_bounces: 1024,
        ..Settings::default()
    };
    let mut cinematic = Cinematic::new(volume, &view, &settings).expect("a small picture");
    if white {
        let matter = Arc::get_mut(&mut cinematic.matter).expect("not shared yet");
        matter.cloud_albedo.fill([1.0, 1.0, 1.0, 0.0]);
        matter.surface_albedo.fill([1.0, 1.0, 1.0, 0.0]);
    }
    cinematic.accumulate(samples, &GO_ON).expect("nobody cancels");
    cinematic
}

/// Mean light of the paths that met matter.
fn mean_light(cinematic: &Cinematic) -> Vec3 {
    let [width, height] = cinematic.film.size().map(|n| n as usize);
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let (sum, hits) = pixels
        .map(|(x, y)| cinematic.film.pixel(x, y))
        .fold((Vec3::ZERO, 0), |(sum, hits), pixel| (sum + pixel.light, hits + pixel.hits));
    assert!(hits > 1000, "the volume fills the picture");
    sum / hits as f32
}

#[test]
fn a_white_cloud_vanishes_in_even_light() {
    // 20 mm of extinction 0.69 a mm: light scatters dozens of times.
    let cloud = volume([21; 3], DVec3::ONE, |_| 100.0);
    let light = mean_light(&furnace(cloud, 64, true));
    assert!((light - 1.0).abs().max_element() < 0.01, "{light}");
}

#[test]
fn white_surfaces_nearly_vanish_in_even_light() {
    let light = mean_light(&furnace(ball(), 64, true));
    assert!(light.min_element() > 0.9 && light.max_element() < 1.03, "{light}");
}

#[test]
fn matter_reflects_the_colour_of_its_transfer_function() {
    let expected = matter::reflectance_of(0.8);
    for matter in [ball(), volume([21; 3], DVec3::ONE, |_| 100.0)] {
        let light = mean_light(&furnace(matter, 64, false));
        assert!((light - expected).abs().max_element() < 0.08, "{light} {expected}");
    }
}

#[test]
fn light_passes_matter_by_the_law_of_beer_and_lambert() {
    // Extinction rises from 0 and falls again, within bricks and from brick to brick.
    let volume = volume([41, 9, 9], DVec3::new(0.5, 1.0, 2.0), |p| 100.0 - 5.0 * (p.x - 20.0).abs());
    let matter = Matter::new(&volume, &grey(0.2), 1.0);
    let Voxels::F32(voxels) = volume.voxels() else { panic!("floats were put in") };
    let medium = Medium::new(&volume, voxels, &matter);
    let flight = Flight { from: Vec3A::new(0.0, 3.7, 4.1), along: Vec3A::new(2.0, 0.1, -0.05), end_mm: 20.0 };
    let steps = 20_000;
    let depth: f64 = (0..steps)
        .map(|i| flight.at((i as f32 + 0.5) * flight.end_mm / steps as f32))
        .map(|p| f64::from(matter.extinction[matter.index(medium.stored_at(p))]))
        .sum::<f64>()
        * f64::from(flight.end_mm)
        / f64::from(steps);
    let expected = (-depth).exp();
    assert!((0.05..0.5).contains(&expected), "neither clear nor black: {expected}");
    let count = 100_000;
    let share = |passed: &dyn Fn(&mut Sampler) -> f32| {
        (0..count).map(|i| f64::from(passed(&mut Sampler::new(11, i, 0)))).sum::<f64>() / f64::from(count)
    };
    // Five standard deviations of a yes or no.
    let tolerance = 5.0 * (expected * (1.0 - expected) / f64::from(count)).sqrt();
    let survived = share(&|numbers| f32::from(u8::from(medium.collide(flight, numbers).is_none())));
    assert!((survived - expected).abs() < tolerance, "collisions: {survived} {expected}");
    let passed = share(&|numbers| medium.transmittance(flight, numbers));
    assert!((passed - expected).abs() < tolerance, "transmittance: {passed} {expected}");
}

#[test]
fn any_number_of_threads_draws_the_same_picture() {
    let ball = ball();
    let view = view(&ball, grey(0.5), [45, 37]);
    let picture = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads start");
        pool.install(|| {
            let mut cinematic = Cinematic::new(Arc::clone(&ball), &view, &Settings::default()).unwrap();
            cinematic.accumulate(6, &GO_ON).unwrap();
            [Finish::Raw, Finish::Denoised].map(|finish| cinematic.picture(finish).pixels)
        })
    };
    assert!(picture(1) == picture(2));
}

#[test]
fn a_cancelled_picture_goes_on_without_losing_a_path() {
    let ball = ball();
    let view = view(&ball, grey(0.5), [64, 64]);
    let start = || Cinematic::new(Arc::clone(&ball), &view, &Settings::default()).unwrap();
    let mut whole = start();
    whole.accumulate(8, &GO_ON).unwrap();

    let mut interrupted = start();
    assert_eq!(interrupted.accumulate(8, &AtomicBool::new(true)), Err(RenderError::Cancelled));
    assert_eq!(interrupted.samples(), 0);
    // However far this comes, the outcome is the same.
    let cancel = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| cancel.store(true, Ordering::Relaxed));
        let _ = interrupted.accumulate(8, &cancel);
    });
    interrupted.picture(Finish::Denoised);
    let missing = 8 - interrupted.samples();
    assert_eq!(interrupted.accumulate(missing, &GO_ON), Ok(8));
    assert!(interrupted.picture(Finish::Raw).pixels == whole.picture(Finish::Raw).pixels);
}

#[test]
fn a_restart_draws_what_a_new_start_draws() {
    let ball = ball();
    let first = view(&ball, grey(0.2), [40, 30]);
    let mut second = view(&ball, grey(0.6), [33, 50]);
    second.camera.azimuth(40.0);
    let settings = Settings { environment: Environment::Theatre, aperture_mm: 8.0, ..Settings::default() };
    let mut restarted = Cinematic::new(Arc::clone(&ball), &first, &Settings::default()).unwrap();
    restarted.accumulate(2, &GO_ON).unwrap();
    restarted.restart(&second, &settings).unwrap();
    restarted.accumulate(3, &GO_ON).unwrap();
    let mut new = Cinematic::new(Arc::clone(&ball), &second, &settings).unwrap();
    new.accumulate(3, &GO_ON).unwrap();
    assert!(restarted.picture(Finish::Denoised).pixels == new.picture(Finish::Denoised).pixels);
}

#[test]
fn a_wide_lens_blurs_what_is_not_in_focus() {
    let ball = ball();
    let view = view(&ball, grey(0.9), [48, 48]);
    // Sharp is a silhouette whose pixels are covered wholly or not at all.
    let soft_pixels = |aperture_mm, focus_mm| {
        let settings = Settings { aperture_mm, focus_mm, ..Settings::default() };
        let mut cinematic = Cinematic::new(Arc::clone(&ball), &view, &settings).unwrap();
        cinematic.accumulate(16, &GO_ON).unwrap();
        let pixels = (0..48).flat_map(|y| (0..48).map(move |x| (x, y)));
        pixels.filter(|&(x, y)| (2..15).contains(&cinematic.film.pixel(x, y).hits)).count()
    };
    let pinhole = soft_pixels(0.0, None);
    let middle = view.camera.distance_mm as f32;
    assert!(soft_pixels(10.0, Some(middle)) < pinhole * 3 / 2, "the silhouette lies in focus");
    assert!(soft_pixels(10.0, Some(middle / 2.0)) > pinhole * 3);
}

#[test]
fn what_is_clipped_away_does_not_show() {
    let ball = ball();
    let picture = |crop_voxels| {
        let mut view = view(&ball, grey(0.9), [40, 40]);
        view.clip.crop_voxels = crop_voxels;
        let mut cinematic = Cinematic::new(Arc::clone(&ball), &view, &Settings::default()).unwrap();
        cinematic.accumulate(4, &GO_ON).unwrap();
        let pixels = (0..40).flat_map(|y| (0..40).map(move |x| (x, y)));
        pixels.map(|(x, y)| *cinematic.film.pixel(x, y)).collect::<Vec<_>>()
    };
    // The left half of the picture shows low columns.
    let (whole, half) = (picture(None), picture(Some([[15.5, 31.0], [0.0, 31.0], [0.0, 31.0]])));
    let hits = |pixels: &[film::Pixel], left: bool| -> u32 {
        pixels.iter().enumerate().filter(|(i, _)| (i % 40 < 20) == left).map(|(_, p)| p.hits).sum()
    };
    assert!(hits(&whole, true) > 500);
    assert_eq!(hits(&half, true), 0);
    assert!(hits(&half, false) > hits(&whole, false) * 9 / 10);
}

#[test]
fn opacity_by_gradient_hides_the_inside_of_even_matter() {
    let cloud = volume([21; 3], DVec3::ONE, |p| if p.x < 10.0 { 100.0 } else { 60.0 });
    let mut transfer = grey(0.5);
    let track = crate::scene::track::Track::linear([(0.0, [0.0]), (10.0, [1.0])]).expect("rising points");
    transfer.gradient_opacities = Some(track);
    let matter = Matter::new(&cloud, &transfer, 1.0);
    let Voxels::F32(voxels) = cloud.voxels() else { panic!("floats were put in") };
    let medium = Medium::new(&cloud, voxels, &matter);
    let flight = Flight { from: Vec3A::new(0.0, 10.0, 10.0), along: Vec3A::X, end_mm: 20.0 };
    let places: Vec<f32> =
        (0..200).filter_map(|i| medium.collide(flight, &mut Sampler::new(1, i, 0))).map(|(t, _)| t).collect();
    assert!(places.len() > 50 && places.iter().all(|t| (8.0..11.0).contains(t)));
}

#[test]
fn a_card_traces_the_paths_of_the_cpu() {
    if crate::gpu::adapters().is_empty() {
        eprintln!("skipped: no Vulkan adapter");
        return;
    }
    let renderer = Renderer::open(Choice::Gpu(Adapter::Software)).expect("the adapter works");
    let scenes = [(ball(), Environment::Studio, 0.0), (ball(), Environment::Theatre, 6.0)];
    for (volume, environment, aperture_mm) in scenes {
        let mut view = view(&volume, grey(0.5), [24, 20]);
        view.camera.azimuth(30.0);
        view.clip.crop_voxels = Some([[0.0, 31.0], [0.0, 31.0], [6.0, 31.0]]);
        let track = crate::scene::track::Track::linear([(0.0, [0.5]), (20.0, [1.0])]).expect("rising points");
        view.transfer.gradient_opacities = Some(track);
        let settings = Settings { environment, aperture_mm, seed: 3, ..Settings::default() };
        let mut cpu = Cinematic::new(Arc::clone(&volume), &view, &settings).unwrap();
        let mut card = Cinematic::on(&renderer, Arc::clone(&volume), &view, &settings).unwrap();
        for picture in [&mut cpu, &mut card] {
            picture.accumulate(5, &GO_ON).unwrap();
            assert_eq!(picture.accumulate(11, &GO_ON), Ok(16));
        }
        let pixels = (0..20).flat_map(|y| (0..24).map(move |x| (x, y)));
        let (mut same, mut hits, mut sums) = (0, 0, [Vec3::ZERO; 2]);
        for (x, y) in pixels {
            let (a, b) = (cpu.film.pixel(x, y), card.film.pixel(x, y));
            assert_eq!(b.samples, 16);
            hits += a.hits;
            same += u32::from(a.hits == b.hits && (a.light - b.light).abs().max_element() < 0.01);
            sums = [sums[0] + a.light, sums[1] + b.light];
        }
        assert!(hits > 1000);
        // Rounding sends a few of 16 paths another way; all others must be the same.
        assert!(same > 24 * 20 / 2, "{same} of 480 pixels are the same");
        let [cpu_light, card_light] = sums;
        let difference = (cpu_light - card_light).abs() / cpu_light;
        assert!(difference.max_element() < 0.02, "{cpu_light} {card_light}");
    }
}

#[test]
fn absurd_scenes_come_to_an_end() {
    let spike = |p: Vec3| if p.x > 3.0 { f32::MAX } else { -f32::MAX };
    let volumes = [
        volume([1; 3], DVec3::ONE, |_| 50.0),
        volume([1, 9, 9], DVec3::ONE, |_| 50.0),
        volume([8; 3], DVec3::splat(1e6), |p| p.x * 10.0),
        volume([8; 3], DVec3::splat(1e-3), |p| p.x * 10.0),
        volume([8; 3], DVec3::ONE, spike),
    ];
    let settings = Settings {
        exposure: f32::NAN,
        aperture_mm: f32::INFINITY,
        focus_mm: Some(f32::NAN),
        density: f32::NAN,
        ..Settings::default()
    };
    for volume in volumes {
        let plain = view(&volume, grey(1.0), [7, 5]);
        let mut views = vec![plain.clone(); 5];
        views[1].camera.distance_mm = f64::NAN;
        views[2].camera.focal_point_mm = DVec3::splat(f64::INFINITY);
        views[3].camera.patient_from_camera = DQuat::from_xyzw(0.0, 0.0, 0.0, 0.0);
        views[4].camera.zoom = 0.0;
        for view in &views {
            for settings in [Settings::default(), settings] {
                let mut cinematic = Cinematic::new(Arc::clone(&volume), view, &settings).unwrap();
                assert_eq!(cinematic.accumulate(2, &GO_ON), Ok(2));
                assert_eq!(cinematic.picture(Finish::Denoised).pixels.len(), 7 * 5 * 4);
            }
        }
    }
    let ball = ball();
    let mut huge = view(&ball, grey(0.5), [8, 8]);
    huge.size = [8192, 8192];
    let refused = Cinematic::new(ball, &huge, &Settings::default());
    assert_eq!(refused.err(), Some(RenderError::CinematicSize(8192, 8192)));
}
