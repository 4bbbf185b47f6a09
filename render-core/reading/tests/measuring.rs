//! What is measured, against truth: the phantom's own, and masks worked out voxel by voxel by formula.

mod data;

use glam::{DVec2, DVec3, dvec2};
use reading::{Annotation, Kind, Measure, Placement, Reading, Source, Values, measure, sampling_mm};
use render_core::dicom::{PixelRegion, Suv, Trust};
use render_core::scene::view::Orientation;
use render_core::volume::{Meaning, Rescale};
use render_core::{Geometry, Progress, Volume, Voxels};
use serde_json::Value;

use data::{in_voxels, phantom, plane_at, series, slice_placement};

fn measured(annotation: &Annotation, volume: &Volume, trust: &Trust) -> Values {
    let source = Source::new(volume, trust, None);
    measure(annotation, &source, &Progress::default()).expect("is not cancelled")
}

fn value(values: &Values, measure: Measure) -> f64 {
    values.get(measure).unwrap_or_else(|| panic!("no {measure:?} in {values:?}")).value
}

fn near(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{found} is not {expected} within {tolerance}");
}

fn named<'a>(truth: &'a Value, list: &str, name: &str) -> &'a Value {
    let entries = truth[list].as_array().expect("a list");
    entries.iter().find(|entry| entry["name"] == name).unwrap_or_else(|| panic!("no {name}"))
}

fn point(value: &Value) -> DVec3 {
    let at = |i: usize| value[i].as_f64().expect("a number");
    DVec3::new(at(0), at(1), at(2))
}

/// Mean, deviation, minimum, maximum and count of the voxels of a slice that a formula keeps, as numpy has them.
fn by_mask(volume: &Volume, slice: u32, keep: impl Fn(DVec2) -> bool) -> [f64; 5] {
    let [nx, ny, _] = volume.geometry().dims();
    let mut values = Vec::new();
    for y in 0..ny {
        for x in (0..nx).filter(|&x| keep(dvec2(f64::from(x), f64::from(y)))) {
            values.push(f64::from(volume.value_at([x, y, slice]).expect("lies inside")));
        }
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    [mean, variance.sqrt(), low, high, n]
}

fn same_as_mask(values: &Values, [mean, deviation, low, high, count]: [f64; 5]) {
    near(value(values, Measure::Mean), mean, 1e-6);
    near(value(values, Measure::StandardDeviation), deviation, 1e-6);
    near(value(values, Measure::Minimum), low, 0.0);
    near(value(values, Measure::Maximum), high, 0.0);
    near(value(values, Measure::Count), count, 0.0);
    assert_eq!(values.histogram.iter().sum::<u64>(), count as u64);
}

#[test]
fn the_phantoms_lengths_and_values_are_its_truth() {
    let (_folder, series, loaded, truth) = phantom("truth", 0.0);
    let (volume, trust) = (&loaded.volume, &loaded.report.millimetres);
    let mut reading = Reading::new([1; 16]);
    let a = point(&named(&truth, "structures", "nodule 5, right middle lobe, ground glass")["centre_mm"]);
    let b = point(&named(&truth, "landmarks", "aortic root")["position_mm"]);
    assert_eq!(a.z, b.z);
    let plane = plane_at(Orientation::Axial, volume, a);
    // As a hand gives them: in pixels of a view of 900x700.
    let given = [a, b].map(|p| {
        let pixel = plane.pixel_from_patient(p, [900, 700]).0;
        plane.patient_from_pixel(pixel, [900, 700])
    });
    let line = reading.annotation(Kind::Length, &series.key(), Placement::of(&plane), given.to_vec());
    let values = measured(&line, volume, trust);
    near(value(&values, Measure::Length), a.distance(b), 0.01);
    assert_eq!(values.lines(), [format!("{:.1} mm", a.distance(b))]);

    let nodule = named(&truth, "structures", "nodule 2, right lower lobe");
    let center = point(&nodule["centre_mm"]);
    let half = 0.6 * nodule["radius_mm"].as_f64().expect("a number");
    let placement = Placement { center_mm: center, ..Placement::of(&plane) };
    let (x, y, z) = (DVec3::X * half, DVec3::Y * half, DVec3::Z * half);
    let hu = nodule["hu"].as_f64().expect("a number");
    let points = vec![center - x, center + x, center - y, center + y];
    let ellipse = reading.annotation(Kind::Ellipse, &series.key(), placement, points);
    let values = measured(&ellipse, volume, trust);
    near(value(&values, Measure::Mean), hu, 0.5);
    near(value(&values, Measure::Area), std::f64::consts::PI * half * half, 1e-6);
    let ball = reading.annotation(
        Kind::Ellipsoid,
        &series.key(),
        placement,
        vec![center - x - y - z, center + x + y + z],
    );
    let values = measured(&ball, volume, trust);
    near(value(&values, Measure::Mean), hu, 0.5);
    let expected_ml = 4.0 / 3.0 * std::f64::consts::PI * half.powi(3) / 1000.0;
    near(value(&values, Measure::Volume), expected_ml, 0.06 * expected_ml);
    let probe = reading.annotation(Kind::Probe, &series.key(), placement, vec![center]);
    near(value(&measured(&probe, volume, trust), Measure::Value), hu, 1.0);
}

#[test]
fn areas_of_a_slice_hold_exactly_the_voxels_whose_centres_lie_inside() {
    let Some((series, loaded)) = series("ct-body-jpeg2000") else { return };
    let (volume, trust) = (&loaded.volume, &loaded.report.millimetres);
    let geometry = volume.geometry();
    let mut reading = Reading::new([1; 16]);
    let mut draw = |kind, points: &[[f64; 2]]| {
        let annotation = in_voxels(&mut reading, kind, &series.key(), geometry, 7.0, points);
        measured(&annotation, volume, trust)
    };
    // Turned by 30 degrees, with axes of 41.3 and 17.7 voxels around (300.2, 211.6).
    let (center, a, b) =
        (dvec2(300.2, 211.6), DVec2::from_angle(0.52) * 41.3, DVec2::from_angle(0.52).perp() * 17.7);
    let inside = |p: DVec2| {
        let p = p - center;
        (p.dot(a) / a.length_squared()).powi(2) + (p.dot(b) / b.length_squared()).powi(2) <= 1.0
    };
    let ellipse =
        draw(Kind::Ellipse, &[center - a, center + a, center - b, center + b].map(|p| p.to_array()));
    same_as_mask(&ellipse, by_mask(volume, 7, inside));
    near(
        value(&ellipse, Measure::Area),
        std::f64::consts::PI * 41.3 * 17.7 * 0.976_562_5 * 0.976_562_5,
        1e-3,
    );

    // Edges on voxel centres count.
    let rectangle = draw(Kind::Rectangle, &[[100.0, 150.0], [140.0, 150.0], [140.0, 180.0], [100.0, 180.0]]);
    let inside = |p: DVec2| (100.0..=140.0).contains(&p.x) && (150.0..=180.0).contains(&p.y);
    same_as_mask(&rectangle, by_mask(volume, 7, inside));
    near(value(&rectangle, Measure::Count), 41.0 * 31.0, 0.0);

    // A star, whose formula is an angle and a distance; its 4,000 corners follow it closely.
    let radius = |angle: f64| 40.25 + 15.5 * (5.0 * angle).cos();
    let middle = dvec2(250.3, 260.7);
    let outline: Vec<[f64; 2]> = (0..4000)
        .map(|i| f64::from(i) / 4000.0 * std::f64::consts::TAU)
        .map(|angle| (middle + DVec2::from_angle(angle) * radius(angle)).to_array())
        .collect();
    let star = draw(Kind::Freehand, &outline);
    let inside = |p: DVec2| (p - middle).length() <= radius((p - middle).to_angle());
    same_as_mask(&star, by_mask(volume, 7, inside));
    let area = std::f64::consts::PI * (40.25 * 40.25 + 15.5 * 15.5 / 2.0) * 0.976_562_5 * 0.976_562_5;
    near(value(&star, Measure::Area), area, 0.05);
    assert!(value(&star, Measure::Perimeter) > 2.0 * (std::f64::consts::PI * area).sqrt());
}

#[test]
fn areas_that_reach_beyond_the_images_hold_what_is_there() {
    let Some((series, loaded)) = series("ct-body-jpeg2000") else { return };
    let (volume, trust) = (&loaded.volume, &loaded.report.millimetres);
    let mut reading = Reading::new([1; 16]);
    let corners = [[-50.0, -50.0], [20.2, -50.0], [20.2, 10.4], [-50.0, 10.4]];
    let geometry = volume.geometry();
    let over = in_voxels(&mut reading, Kind::Rectangle, &series.key(), geometry, 0.0, &corners);
    let values = measured(&over, volume, trust);
    same_as_mask(&values, by_mask(volume, 0, |p| p.x <= 20.2 && p.y <= 10.4));
    let corners = corners.map(|[x, y]| [x - 1000.0, y]);
    let outside = in_voxels(&mut reading, Kind::Rectangle, &series.key(), geometry, 0.0, &corners);
    let values = measured(&outside, volume, trust);
    assert!(values.get(Measure::Mean).is_none() && values.get(Measure::Area).is_some());
}

/// A ramp that interpolation gives back exactly, on any grid.
fn ramp(geometry: Geometry) -> Volume {
    let m = geometry.patient_from_voxel();
    let [nx, ny, nz] = geometry.dims();
    let mut voxels = Vec::new();
    for k in 0..nz {
        for j in 0..ny {
            for i in 0..nx {
                let p = m.transform_point3(DVec3::new(f64::from(i), f64::from(j), f64::from(k)));
                voxels.push(ramp_at(p) as f32);
            }
        }
    }
    let meaning = Meaning { modality: "CT".into(), unit: "HU".into(), ..Meaning::default() };
    Volume::new(geometry, Voxels::F32(voxels.into()), Rescale::IDENTITY, meaning).expect("a voxel for each")
}

fn ramp_at(p: DVec3) -> f64 {
    p.dot(DVec3::new(2.0, -3.0, 5.0)) + 10.0
}

#[test]
fn oblique_areas_are_interpolated_a_voxel_apart() {
    let axes = [DVec3::X, DVec3::Y, DVec3::new(0.0, 0.3, 1.0).normalize()];
    let spacing = DVec3::new(0.8, 0.8, 2.5);
    let geometry = Geometry::from_axes([80, 90, 40], DVec3::new(-30.0, -35.0, -50.0), axes, spacing);
    let volume = ramp(geometry.expect("is a grid"));
    let center = volume.geometry().center_mm();
    let right = DVec3::new(1.0, 0.4, 0.2).normalize();
    let down = right.cross(DVec3::new(0.1, 0.8, -0.5)).normalize();
    let placement = Placement::new(center, right, down).expect("at a right angle");
    let mut reading = Reading::new([1; 16]);
    let (x, y) = (right * 9.0, down * 6.0);
    let points = vec![center - x, center + x, center - y, center + y];
    let ellipse = reading.annotation(Kind::Ellipse, "1", placement, points);
    let values = measured(&ellipse, &volume, &Trust::Everywhere);
    // Of a ramp the mean of a symmetric area is the value in its middle, and its deviation half the rise.
    near(value(&values, Measure::Mean), ramp_at(center), 0.3);
    let gradient = DVec3::new(2.0, -3.0, 5.0);
    let deviation = 0.5 * dvec2(gradient.dot(right) * 9.0, gradient.dot(down) * 6.0).length();
    near(value(&values, Measure::StandardDeviation), deviation, 0.05 * deviation);
    let [a, b] = sampling_mm(&ellipse, volume.geometry());
    assert!((0.7..2.6).contains(&a) && (0.7..2.6).contains(&b), "{a} {b}");
    near(value(&values, Measure::Count) * a * b, value(&values, Measure::Area), 0.06 * 9.0 * 6.0 * 3.15);
}

#[test]
fn lengths_are_those_of_tilted_and_uneven_slices() {
    let Some((series, loaded)) = series("ct-head-tilt-uneven") else { return };
    let (volume, trust) = (&loaded.volume, &loaded.report.millimetres);
    assert!(trust.is_everywhere(), "{trust:?}");
    // Straight along the patient's axes, whatever the grid does.
    let plane = plane_at(Orientation::Sagittal, volume, volume.geometry().center_mm());
    let (a, b) = (plane.center_mm, plane.center_mm + DVec3::new(0.0, 30.0, 40.0));
    let mut reading = Reading::new([1; 16]);
    let line = reading.annotation(Kind::Length, &series.key(), Placement::of(&plane), vec![a, b]);
    near(value(&measured(&line, volume, trust), Measure::Length), 50.0, 1e-9);
    // A solid holds as many voxels as fit into it.
    let half = DVec3::new(20.0, 25.0, 15.0);
    let solid =
        reading.annotation(Kind::Ellipsoid, &series.key(), Placement::of(&plane), vec![a - half, a + half]);
    let expected_ml = 4.0 / 3.0 * std::f64::consts::PI * 20.0 * 25.0 * 15.0 / 1000.0;
    near(value(&measured(&solid, volume, trust), Measure::Volume), expected_ml, 0.02 * expected_ml);
}

#[test]
fn unequal_pixels_and_oblique_images_are_measured_in_the_patient() {
    let Some((series, loaded)) = series("geometry/mr-non-isotropic") else { return };
    let (volume, trust) = (&loaded.volume, &loaded.report.millimetres);
    let mut reading = Reading::new([1; 16]);
    // Pixels of 6.39996 by 4 mm: 30 columns and 9 rows.
    let line = in_voxels(
        &mut reading,
        Kind::Length,
        &series.key(),
        volume.geometry(),
        1.0,
        &[[10.0, 5.0], [40.0, 14.0]],
    );
    let expected = (30.0f64 * 6.399_96).hypot(9.0 * 4.0);
    near(value(&measured(&line, volume, trust), Measure::Length), expected, 0.01);
    let corners = [[9.7, 4.6], [20.3, 4.6], [20.3, 11.4], [9.7, 11.4]];
    let area = in_voxels(&mut reading, Kind::Rectangle, &series.key(), volume.geometry(), 2.0, &corners);
    let values = measured(&area, volume, trust);
    same_as_mask(&values, by_mask(volume, 2, |p| (9.7..20.3).contains(&p.x) && (4.6..11.4).contains(&p.y)));
    near(value(&values, Measure::Area), 10.6 * 6.399_96 * 6.8 * 4.0, 0.01);
}

#[test]
fn angles_are_told_to_a_tenth_of_a_degree() {
    let volume = ramp(
        Geometry::from_axes([20, 20, 20], DVec3::ZERO, [DVec3::X, DVec3::Y, DVec3::Z], DVec3::ONE)
            .expect("is a grid"),
    );
    let mut reading = Reading::new([1; 16]);
    let placement = slice_placement(volume.geometry(), 3.0);
    let at = |x: f64, y: f64| DVec3::new(x, y, 3.0);
    let angle =
        reading.annotation(Kind::Angle, "1", placement, vec![at(10.0, 0.0), at(0.0, 0.0), at(10.0, 10.0)]);
    let values = measured(&angle, &volume, &Trust::Everywhere);
    near(value(&values, Measure::Angle), 45.0, 1e-9);
    assert_eq!(values.lines(), ["45.0°"]);
    // Two lines 150 degrees apart are two lines 30 degrees apart.
    let (sin, cos) = 150f64.to_radians().sin_cos();
    let points = vec![at(0.0, 0.0), at(9.0, 0.0), at(0.0, 5.0), at(9.0 * cos, 5.0 + 9.0 * sin)];
    let cobb = reading.annotation(Kind::Cobb, "1", placement, points);
    near(value(&measured(&cobb, &volume, &Trust::Everywhere), Measure::CobbAngle), 30.0, 1e-9);
    let points = vec![at(0.0, 5.0), at(6.0, 5.0), at(3.0, 0.5), at(3.0, 9.5)];
    let values = measured(
        &reading.annotation(Kind::Bidirectional, "1", placement, points),
        &volume,
        &Trust::Everywhere,
    );
    assert_eq!(values.lines(), ["Long axis 9.0 mm", "Short axis 6.0 mm"]);
}

#[test]
fn without_a_trusted_spacing_lengths_are_pixels_and_the_reason_is_told() {
    let Some((series, loaded)) = series("modalities/dx") else { return };
    let (volume, trust) = (&loaded.volume, &loaded.report.millimetres);
    assert!(!trust.holds_within_images(), "{trust:?}");
    let mut reading = Reading::new([1; 16]);
    let mut draw = |kind, points: &[[f64; 2]]| {
        let annotation = in_voxels(&mut reading, kind, &series.key(), volume.geometry(), 0.0, points);
        measured(&annotation, volume, trust)
    };
    let values = draw(Kind::Length, &[[10.0, 10.0], [40.0, 50.0]]);
    assert_eq!(values.lines(), ["50.0 px"]);
    assert_eq!(values.doubt.as_deref(), trust.reason());
    let values = draw(Kind::Rectangle, &[[10.0, 10.0], [40.0, 10.0], [40.0, 30.0], [10.0, 30.0]]);
    assert_eq!(values.get(Measure::Area).map(|area| area.text()).as_deref(), Some("600.0 px²"));
}

#[test]
fn only_lengths_within_the_images_are_millimetres_where_no_more_is_known() {
    let Some((series, loaded)) = series("ct-body-jpeg2000") else { return };
    let trust = Trust::WithinImages("positions are not known".into());
    let volume = &loaded.volume;
    let mut reading = Reading::new([1; 16]);
    let center = volume.geometry().center_mm();
    let mut unit = |orientation, to: DVec3| {
        let placement = Placement::of(&plane_at(orientation, volume, center));
        let line = reading.annotation(Kind::Length, &series.key(), placement, vec![center, center + to]);
        let values = measured(&line, volume, &trust);
        (values.get(Measure::Length).expect("a length").text(), values.doubt)
    };
    assert_eq!(unit(Orientation::Axial, DVec3::X * 30.0), ("30.0 mm".into(), None));
    // Slices 2 mm apart.
    let (length, doubt) = unit(Orientation::Coronal, DVec3::Z * 30.0);
    assert_eq!((length.as_str(), doubt.as_deref()), ("15.0 px", Some("positions are not known")));
}

#[test]
fn uptake_is_told_as_suv() {
    let volume = ramp(
        Geometry::from_axes([20, 20, 20], DVec3::ZERO, [DVec3::X, DVec3::Y, DVec3::Z], DVec3::ONE)
            .expect("is a grid"),
    );
    let suv = Suv { body_weight: 0.25, lean_body_mass: None, body_surface: None };
    let source = Source::new(&volume, &Trust::Everywhere, Some(suv));
    let mut reading = Reading::new([1; 16]);
    let at = DVec3::new(10.0, 4.0, 6.0);
    let probe = reading.annotation(Kind::Probe, "1", slice_placement(volume.geometry(), 6.0), vec![at]);
    let values = measure(&probe, &source, &Progress::default()).expect("is not cancelled");
    assert_eq!(values.lines(), [format!("{:.2} SUVbw", ramp_at(at) * 0.25)]);
}

#[test]
fn a_large_region_is_quick_and_can_be_cancelled() {
    let Some((series, loaded)) = series("ct-chest-jpegls") else { return };
    let volume = &loaded.volume;
    let corners = volume.geometry().corners_mm();
    let mut reading = Reading::new([1; 16]);
    let placement = slice_placement(volume.geometry(), 100.0);
    let all = reading.annotation(Kind::Box, &series.key(), placement, vec![corners[0], corners[7]]);
    let source = Source::new(volume, &Trust::Everywhere, None);
    let progress = Progress::default();
    let values = measure(&all, &source, &progress).expect("is not cancelled");
    // As SimpleITK has it.
    near(value(&values, Measure::Mean), -619.973_4, 1e-3);
    near(value(&values, Measure::StandardDeviation), 487.80, 0.01);
    near(value(&values, Measure::Minimum), -1000.0, 0.0);
    near(value(&values, Measure::Maximum), 1979.0, 0.0);
    near(value(&values, Measure::Count), 512.0 * 512.0 * 275.0, 0.0);
    let (done, total) = progress.counts();
    assert_eq!(done, total);
    let progress = Progress::default();
    progress.cancel();
    assert!(measure(&all, &source, &progress).is_err());
}

#[test]
fn lengths_of_an_ultrasound_picture_are_millimetres_within_one_of_its_regions() {
    let volume = ramp(
        Geometry::from_axes([20, 20, 20], DVec3::ZERO, [DVec3::X, DVec3::Y, DVec3::Z], DVec3::splat(0.5))
            .expect("is a grid"),
    );
    let region = |first, last| PixelRegion { first, last };
    let regions = vec![region([0, 0], [8, 19]), region([12, 0], [19, 19])];
    let trust = Trust::WithinRegions("only within a region".into(), regions);
    let placement = Placement::of(&plane_at(Orientation::Axial, &volume, DVec3::ZERO));
    let mut reading = Reading::new([1; 16]);
    let mut told = |kind, pixels: &[[f64; 2]]| {
        let points = pixels.iter().map(|[x, y]| DVec3::new(x * 0.5, y * 0.5, 0.0)).collect();
        let annotation = reading.annotation(kind, "1.2.3", placement, points);
        let values = measured(&annotation, &volume, &trust);
        (values.lines()[0].clone(), values.doubt.is_some())
    };
    assert_eq!(told(Kind::Length, &[[0.0, 4.0], [8.0, 4.0]]), ("4.0 mm".into(), false));
    assert_eq!(told(Kind::Length, &[[12.0, 0.0], [12.0, 6.0]]), ("3.0 mm".into(), false));
    assert_eq!(told(Kind::Length, &[[8.0, 4.0], [12.0, 4.0]]), ("4.0 px".into(), true));
    assert_eq!(told(Kind::Length, &[[10.0, 4.0], [10.0, 8.0]]), ("4.0 px".into(), true));
    let corners = [[9.5, 2.0], [14.0, 2.0], [14.0, 6.0], [9.5, 6.0]];
    assert_eq!(told(Kind::Rectangle, &corners), ("Area 18.0 px²".into(), true));
}

#[test]
fn the_area_of_an_outline_that_crosses_itself_is_that_of_its_pixels() {
    let Some((series, loaded)) = series("ct-body-jpeg2000") else { return };
    let volume = &loaded.volume;
    let placement = slice_placement(volume.geometry(), 3.0);
    let to_mm =
        |[x, y]: [f64; 2]| volume.geometry().patient_from_voxel().transform_point3(DVec3::new(x, y, 3.0));
    let eight = [[100.3, 100.2], [180.4, 160.1], [180.2, 100.3], [100.1, 160.4]].map(to_mm).to_vec();
    let drawn = Reading::new([1; 16]).annotation(Kind::Freehand, &series.key(), placement, eight);
    let values = measured(&drawn, volume, &Trust::Everywhere);
    let spacing = volume.geometry().spacing_mm();
    let pixels = value(&values, Measure::Count);
    assert!(pixels > 2000.0, "{pixels}");
    near(value(&values, Measure::Area) / (spacing.x * spacing.y) / pixels, 1.0, 0.02);
}
