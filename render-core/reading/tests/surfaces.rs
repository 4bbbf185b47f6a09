//! Segments in three dimensions against closed forms.

use glam::DVec3;
use reading::{Edit, Reading, Run, Segment, Surfaces};
use render_core::scene::clip::ClipPlane;
use render_core::scene::view::Orientation;
use render_core::scene::{Content, ViewState};
use render_core::volume::{Meaning, Rescale};
use render_core::{Geometry, Progress, Volume, Voxels};

const SERIES: &str = "1.2.3";
const SIZE: [u32; 2] = [400, 300];

/// A grid with slices twice as far apart as its columns, and balls in it by number, centre and radius in mm.
fn balls(balls: &[(u8, DVec3, f64)]) -> (Reading, Volume) {
    let axes = [DVec3::X, DVec3::Y, DVec3::Z];
    let geometry = Geometry::from_axes([100, 100, 50], DVec3::splat(-49.5), axes, DVec3::new(1.0, 1.0, 2.0));
    let geometry = geometry.expect("is a grid");
    let voxels = Voxels::U8(vec![0u8; geometry.voxel_count()].into());
    let volume = Volume::new(geometry, voxels, Rescale::IDENTITY, Meaning::default()).expect("a volume");
    let mut reading = Reading::new([5; 16]);
    reading.begin_segmentation(SERIES, &geometry).expect("is not too large");
    let segment = |&(number, ..): &(u8, DVec3, f64)| Segment {
        number,
        name: String::new(),
        color: [60 * number, 200, 40],
        visible: true,
    };
    let segments = balls.iter().map(segment).collect();
    reading.apply(Edit::Segments { series: SERIES.into(), segments });
    for (number, center, radius) in balls {
        let inside = |i: usize| {
            let voxel = DVec3::new((i % 100) as f64, (i / 100 % 100) as f64, (i / 10_000) as f64);
            geometry.patient_from_voxel().transform_point3(voxel).distance(*center) <= *radius
        };
        let runs: Vec<Run> = (0..geometry.voxel_count())
            .filter(|&i| inside(i))
            .map(|i| Run { start: i as u32, length: 1 })
            .collect();
        reading.paint(SERIES, &runs, *number).expect("changes");
    }
    (reading, volume)
}

fn surfaces(reading: &Reading) -> Surfaces {
    Surfaces::of(reading.segmentation(SERIES).expect("is there"), &Progress::default())
        .expect("is not cancelled")
}

fn view(volume: &Volume) -> ViewState {
    ViewState::new(volume, Content::Volume, Orientation::Axial, SIZE)
}

/// Pixels of the segment with this number, as (column, row) from the middle of the picture.
fn pixels(picture: &[u8], number: u8) -> Vec<[f64; 2]> {
    let own = |(i, pixel): (usize, &[u8])| {
        // The shade keeps the ratio of red to green.
        let red = f64::from(pixel[0]) / f64::from(pixel[1].max(1)) * 200.0 / 60.0;
        let own = pixel[3] > 0 && red.round() as u8 == number;
        own.then_some([(i % 400) as f64 + 0.5 - 200.0, (i / 400) as f64 + 0.5 - 150.0])
    };
    picture.chunks_exact(4).enumerate().filter_map(own).collect()
}

#[test]
fn a_ball_is_a_disc_of_its_size_at_its_place() {
    let (reading, volume) = balls(&[(1, DVec3::new(12.0, 0.0, -8.0), 20.0)]);
    let view = view(&volume);
    let picture = surfaces(&reading).picture(&view, SIZE, 0.6).expect("something is seen");
    assert!(picture.chunks_exact(4).all(|pixel| [0, 153].contains(&pixel[3])));
    let found = pixels(&picture, 1);
    let camera = &view.camera;
    let at = camera.pixel_from_patient(DVec3::new(12.0, 0.0, -8.0), SIZE).expect("before the eye");
    let edge = camera.pixel_from_patient(DVec3::new(32.0, 0.0, -8.0), SIZE).expect("before the eye");
    let radius = edge[0] - at[0];
    let area = std::f64::consts::PI * radius * radius;
    assert!((found.len() as f64 / area - 1.0).abs() < 0.06, "{} pixels, {area:.0} expected", found.len());
    let mean = |axis: usize| found.iter().map(|p| p[axis]).sum::<f64>() / found.len() as f64;
    assert!((mean(0) + 200.0 - at[0]).abs() < 1.5 && (mean(1) + 150.0 - at[1]).abs() < 1.5);
    // It is lit from the eye: bright in the middle, dark at the edge.
    let green = |x: f64, y: f64| picture[((y as usize) * 400 + x as usize) * 4 + 1];
    assert!(green(at[0], at[1]) > 185);
    assert!(green(at[0] + radius * 0.93, at[1]) < 150);
}

#[test]
fn the_nearer_segment_hides_the_farther_until_it_is_hidden_itself() {
    let (front, back) = (DVec3::new(0.0, -30.0, 0.0), DVec3::new(0.0, 25.0, 0.0));
    let (mut reading, volume) = balls(&[(1, front, 10.0), (2, back, 14.0)]);
    let view = view(&volume);
    let middle = |reading: &Reading, number: u8| {
        let picture = surfaces(reading).picture(&view, SIZE, 1.0).expect("something is seen");
        pixels(&picture, number).iter().filter(|[x, y]| x.hypot(*y) < 5.0).count()
    };
    assert!(middle(&reading, 1) > 60 && middle(&reading, 2) == 0);
    let segmentation = reading.segmentation(SERIES).expect("is there");
    let mut segments = segmentation.segments().to_vec();
    segments[0].visible = false;
    let back = reading.apply(Edit::Segments { series: SERIES.into(), segments });
    assert!(middle(&reading, 1) == 0 && middle(&reading, 2) > 60);
    reading.apply(back);
    assert!(middle(&reading, 1) > 60);
}

#[test]
fn what_cuts_the_volume_cuts_the_segments() {
    let (reading, volume) = balls(&[(1, DVec3::ZERO, 30.0)]);
    let surfaces = surfaces(&reading);
    let mut view = view(&volume);
    let count = |view: &ViewState| {
        surfaces.picture(view, SIZE, 1.0).map_or([0, 0], |picture| {
            let found = pixels(&picture, 1);
            let left = found.iter().filter(|p| p[0] < 0.0).count();
            [left, found.len() - left]
        })
    };
    let whole = count(&view);
    assert!(whole[0] > 1000 && whole[0].abs_diff(whole[1]) < 100, "{whole:?}");
    // The patient's left, which is the right of the picture, stays.
    view.clip.planes = vec![ClipPlane { point_mm: DVec3::ZERO, normal: DVec3::X }];
    let half = count(&view);
    assert!(half[0] < whole[0] / 20 && half[1].abs_diff(whole[1]) < 100, "{half:?} of {whole:?}");
    view.clip.planes.clear();
    view.clip.crop_voxels = Some([[0.0, 99.0], [0.0, 99.0], [45.0, 49.0]]);
    assert_eq!(count(&view), [0, 0]);
}

#[test]
fn nothing_is_seen_of_segments_without_voxels_or_behind_the_eye() {
    let (mut reading, volume) = balls(&[(1, DVec3::ZERO, 20.0)]);
    let mut view = view(&volume);
    let first = surfaces(&reading);
    view.camera.focal_point_mm = DVec3::new(0.0, 4000.0, 0.0);
    assert_eq!(first.picture(&view, SIZE, 1.0), None);
    let all = reading.segmentation(SERIES).expect("is there").runs_of(1);
    reading.paint(SERIES, &all, 0).expect("changes");
    assert!(surfaces(&reading).is_empty());
    let cancelled = Progress::default();
    cancelled.cancel();
    let (reading, _) = balls(&[(1, DVec3::ZERO, 20.0)]);
    assert!(Surfaces::of(reading.segmentation(SERIES).expect("is there"), &cancelled).is_err());
}
