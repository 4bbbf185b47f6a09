//! Readings as DICOM objects, as JSON and as CSV: written, checked where a checker is installed, and read back.

mod data;

use std::path::Path;
use std::process::Command;

use glam::DVec3;
use reading::objects::{self, About, Found, ObjectError, Written};
use reading::{
    Annotation, Edit, Kind, Measure, Placement, Reading, Restored, Row, Run, Segment, Segmentation, Source,
    Table, Values, annotations_from_json, annotations_to_json, grow, labels_from_json, labels_to_json,
    measure, split, threshold,
};
use render_core::dicom::create::{Stamp, Subject};
use render_core::dicom::object::Content;
use render_core::dicom::object::report::{Item, Measurement, Value};
use render_core::dicom::object::{Code, PresentationState, Report};
use render_core::dicom::{self, Loaded, Object, Series};
use render_core::{Geometry, Progress};

use data::{Folder, data, in_voxels, series};

fn stamp(n: u8) -> Stamp {
    Stamp::at(1_795_276_800, [[n; 16], [n + 100; 16]], 900 + u32::from(n), "Reading")
}

/// Writes a file, has it checked, and opens it.
fn reopened(folder: &Folder, name: &str, written: &Written) -> Content {
    let path = folder.0.join(name);
    std::fs::write(&path, &written.bytes).expect("write");
    check(&path);
    let library = dicom::scan(&[path], &Progress::default()).expect("scan");
    assert!(library.failed.is_empty(), "{:?}", library.failed);
    let object: &Object = &library.studies[0].objects[0];
    object.open().expect("opens")
}

fn check(path: &Path) {
    match Command::new("dciodvfy").arg(path).output() {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stderr);
            let errors: Vec<&str> = text.lines().filter(|line| line.starts_with("Error")).collect();
            assert!(errors.is_empty(), "{}: {errors:#?}", path.display());
        }
        Err(_) => eprintln!("skipped: dciodvfy (package dicom3tools) is not installed"),
    }
}

/// One annotation of each kind, on a slice of the grid.
fn one_of_each(reading: &mut Reading, series: &Series, geometry: &Geometry, slice: f64) -> Vec<Annotation> {
    let id = series.key();
    let [nx, ny, _] = geometry.dims().map(f64::from);
    let at = |x: f64, y: f64| [x * nx, y * ny];
    let planar = [
        (Kind::Probe, vec![at(0.4, 0.4)]),
        (Kind::Length, vec![at(0.2, 0.3), at(0.6, 0.5)]),
        (Kind::Angle, vec![at(0.2, 0.3), at(0.4, 0.3), at(0.5, 0.6)]),
        (Kind::Cobb, vec![at(0.2, 0.2), at(0.5, 0.25), at(0.2, 0.6), at(0.5, 0.5)]),
        (Kind::Freehand, vec![at(0.3, 0.3), at(0.5, 0.32), at(0.45, 0.5), at(0.31, 0.44)]),
        (Kind::Arrow, vec![at(0.5, 0.5), at(0.6, 0.4)]),
        (Kind::KeyImage, vec![at(0.5, 0.5)]),
    ];
    let mut all: Vec<Annotation> = planar
        .into_iter()
        .map(|(kind, points)| in_voxels(reading, kind, &id, geometry, slice, &points))
        .collect();
    // What has right angles is given in mm.
    let placement = data::slice_placement(geometry, slice);
    let (x, y, z) = (placement.right, placement.down, placement.normal());
    let c = placement.center_mm;
    let at = |a: f64, b: f64| c + x * a + y * b;
    for (kind, points) in [
        (Kind::Bidirectional, vec![at(-20.0, 0.0), at(20.0, 0.0), at(3.0, -12.0), at(3.0, 9.0)]),
        (Kind::Ellipse, vec![at(-5.0, 0.0), at(5.0, 0.0), at(0.0, -15.0), at(0.0, 15.0)]),
        (Kind::Rectangle, vec![at(-5.0, -8.0), at(5.0, -8.0), at(5.0, 8.0), at(-5.0, 8.0)]),
        (Kind::Box, vec![at(-5.0, -8.0) - z * 6.0, at(5.0, 8.0) + z * 6.0]),
        (Kind::Ellipsoid, vec![at(-5.0, -8.0) - z * 11.0, at(5.0, 8.0) + z * 11.0]),
    ] {
        all.push(reading.annotation(kind, &id, placement, points));
    }
    for (i, annotation) in all.iter_mut().enumerate().filter(|(i, _)| i % 2 == 0) {
        annotation.label = format!("Läsion {i}");
    }
    all
}

fn measured(all: &[Annotation], loaded: &Loaded) -> Vec<Values> {
    let source = Source::new(&loaded.volume, &loaded.report.millimetres, None);
    let values = all.iter().map(|a| measure(a, &source, &Progress::default()));
    values.map(|values| values.expect("is not cancelled")).collect()
}

fn pairs<'a>(all: &'a [Annotation], values: &'a [Values]) -> Vec<(&'a Annotation, &'a Values)> {
    all.iter().zip(values).collect()
}

/// The found annotations by kind, whose points must be those that were written.
fn same(found: Found, written: &[&Annotation], tolerance_mm: f64) -> Reading {
    assert_eq!(found.not_understood, 0);
    let mut reading = Reading::new([9; 16]);
    let (back, count) = found.adopt(&mut reading);
    assert_eq!(count, written.len());
    for annotation in written {
        let of_kind = reading.annotations().iter().find(|a| a.kind == annotation.kind);
        let found = of_kind.unwrap_or_else(|| panic!("no {:?}", annotation.kind));
        assert_eq!((&found.label, &found.series), (&annotation.label, &annotation.series));
        // An ellipse's and a box's points come in another order.
        let off =
            |p: &DVec3, others: &[DVec3]| others.iter().map(|q| q.distance(*p)).fold(f64::INFINITY, f64::min);
        if !annotation.kind.is_solid() {
            assert_eq!(found.points_mm.len(), annotation.points_mm.len());
            for p in &annotation.points_mm {
                assert!(off(p, &found.points_mm) < tolerance_mm, "{:?}: {p} is not there", annotation.kind);
            }
        } else {
            assert!(found.center_mm().distance(annotation.center_mm()) < tolerance_mm);
            let size = |a: &Annotation| a.points_mm[0].distance(a.points_mm[1]);
            assert!((size(found) - size(annotation)).abs() < tolerance_mm, "{:?}", annotation.kind);
        }
        assert!(
            found.placement.normal().dot(annotation.placement.normal()).abs() > 0.999_9
                || found.kind.is_solid()
        );
    }
    let mut undone = reading.clone();
    undone.apply(back);
    assert!(undone.annotations().is_empty());
    reading
}

/// A report on a series, read back; every second annotation has a label of its own.
fn report_round_trip(path: &str, slice: f64, name: &str) {
    let Some((series, loaded)) = series(path) else { return };
    let subject = Subject::of(&series).expect("has UIDs");
    let geometry = loaded.volume.geometry();
    let about = About { series: &series, subject: &subject, geometry };
    let mut reading = Reading::new([5; 16]);
    let all = one_of_each(&mut reading, &series, geometry, slice);
    let values = measured(&all, &loaded);
    let written =
        objects::measurement_report(&about, &pairs(&all, &values), "Reader^One", &stamp(1)).expect("writes");
    assert!(written.left_out.is_empty());
    let folder = Folder::new(name);
    let Content::Report(report) = reopened(&folder, "sr.dcm", &written) else { panic!("is a report") };
    let expected: Vec<&Annotation> = all.iter().filter(|a| a.kind != Kind::KeyImage).collect();
    let again = same(objects::report_annotations(&about, &report), &expected, 0.001);
    for annotation in again.annotations() {
        assert!(all.iter().any(|a| a.uid == annotation.uid), "Tracking UIDs stay");
    }
    // What was measured is in it.
    let group = |kind: Kind| {
        let uid = &all.iter().find(|a| a.kind == kind).expect("is there").uid;
        report.measurement_groups().into_iter().find(|g| g.tracking_uid == *uid).expect("is there")
    };
    let told = |kind: Kind, code: &str| {
        group(kind).measurements.iter().find(|m| m.name.value == code).expect("is there").clone()
    };
    let index = all.iter().position(|a| a.kind == Kind::Length).expect("is there");
    let length = told(Kind::Length, "410668003");
    assert_eq!(Some(length.value), values[index].get(Measure::Length).map(|q| q.value));
    let millimetres = loaded.report.millimetres.is_everywhere();
    assert_eq!(length.unit.value, if millimetres { "mm" } else { "{pixels}" });
    // Lines and points are what the numbers were measured on (TID 300); areas are outlines of the group.
    assert_eq!(ends(&length), [2]);
    assert!(group(Kind::Length).regions.is_empty());
    let [long, short] = ["103339001", "103340004"].map(|code| told(Kind::Bidirectional, code));
    assert_eq!([ends(&long), ends(&short)], [[2], [2]]);
    assert_ne!(long.inferred_from, short.inferred_from);
    assert_eq!(ends(&told(Kind::Cobb, "285285000")), [2, 2]);
    assert_eq!(ends(&told(Kind::Angle, "1483009")), [3]);
    assert!(group(Kind::Ellipse).measurements.iter().all(|m| m.inferred_from.is_empty()));
    assert_eq!(group(Kind::Ellipse).regions.len(), 1);
    // Loading it twice adds nothing.
    let mut twice = again.clone();
    assert_eq!(objects::report_annotations(&about, &report).adopt(&mut twice).1, 0);
}

/// How many points each outline of a number has.
fn ends(measured: &Measurement) -> Vec<usize> {
    let points = |item: &Item| match &item.value {
        Value::Coordinates { points, .. } => points.len(),
        Value::Coordinates3d { points_mm, .. } => points_mm.len(),
        _ => 0,
    };
    measured.inferred_from.iter().map(points).collect()
}

/// As viewers in browsers write them (dcmjs): a region's numbers each repeat its outline, an angle has its corner twice.
#[test]
fn shapes_that_belong_to_numbers_are_drawn_once() {
    let Some((series, loaded)) = series("geometry/ibsi-orientation-phantom") else { return };
    let subject = Subject::of(&series).expect("has UIDs");
    let about = About { series: &series, subject: &subject, geometry: loaded.volume.geometry() };
    let image = &subject.images()[5];
    let item = |relationship: &str, value, children| Item {
        relationship: relationship.into(),
        name: None,
        value,
        children,
    };
    let on = |shape: &str, points: &[[f32; 2]]| {
        let from = item("SELECTED FROM", Value::Image(image.clone()), Vec::new());
        let value = Value::Coordinates { shape: shape.into(), points: points.to_vec() };
        item("INFERRED FROM", value, vec![from])
    };
    let number = |code: &str, outline: &Item| Item {
        name: Some(Code::new(code, "SCT", "number")),
        ..item("CONTAINS", Value::Number { value: Some(7.0), unit: None }, vec![outline.clone()])
    };
    let group = |children| Item {
        name: Some(Code::new("125007", "DCM", "Measurement Group")),
        ..item("CONTAINS", Value::Container, children)
    };
    let line = on("POLYLINE", &[[2.0, 3.0], [20.0, 9.0]]);
    let ellipse = on("ELLIPSE", &[[4.0, 10.0], [24.0, 10.0], [14.0, 5.0], [14.0, 15.0]]);
    let angle = on("POLYLINE", &[[3.0, 3.0], [9.0, 9.0], [9.0, 9.0], [20.0, 9.0]]);
    let cobb = on("POLYLINE", &[[3.0, 3.0], [9.0, 4.0], [3.0, 20.0], [9.0, 15.0]]);
    let groups = vec![
        group(vec![number("410668003", &line)]),
        group(["42798000", "373098007", "56851009"].map(|code| number(code, &ellipse)).to_vec()),
        group(vec![number("1483009", &angle)]),
        group(vec![number("285285000", &cobb)]),
    ];
    let report = Report {
        root: item("", Value::Container, groups),
        complete: true,
        verified: false,
        evidence: Vec::new(),
    };
    let found = objects::report_annotations(&about, &report);
    assert_eq!(found.not_understood, 0);
    let mut reading = Reading::default();
    found.adopt(&mut reading);
    let kinds: Vec<(Kind, usize)> =
        reading.annotations().iter().map(|a| (a.kind, a.points_mm.len())).collect();
    assert_eq!(kinds, [(Kind::Length, 2), (Kind::Ellipse, 4), (Kind::Angle, 3), (Kind::Cobb, 4)]);
    let voxel = about.geometry.voxel_from_patient().transform_point3(reading.annotations()[0].points_mm[1]);
    assert!(voxel.distance(DVec3::new(19.5, 8.5, 5.0)) < 0.01, "{voxel}");
}

#[test]
fn a_report_holds_every_kind_on_an_axial_ct() {
    report_round_trip("geometry/ibsi-orientation-phantom", 7.0, "sr-axial");
}

#[test]
fn a_report_holds_every_kind_on_oblique_images() {
    report_round_trip("mr-t1-sagittal", 96.0, "sr-oblique");
}

#[test]
fn a_report_holds_every_kind_between_images_that_were_resampled() {
    // Slices 4, 1 and 7 mm apart: most of the volume's slices are none of the files'.
    report_round_trip("ct-head-tilt-uneven", 21.0, "sr-uneven");
}

#[test]
fn a_report_names_the_frame_of_a_file_with_many() {
    let Some((series, loaded)) = series("geometry/mr-enhanced-philips") else { return };
    let subject = Subject::of(&series).expect("has UIDs");
    let about = About { series: &series, subject: &subject, geometry: loaded.volume.geometry() };
    let mut reading = Reading::new([5; 16]);
    let line = in_voxels(
        &mut reading,
        Kind::Length,
        &series.key(),
        about.geometry,
        3.0,
        &[[20.0, 30.0], [90.0, 40.0]],
    );
    let values = measured(std::slice::from_ref(&line), &loaded);
    let written = objects::measurement_report(&about, &[(&line, &values[0])], "", &stamp(2)).expect("writes");
    let folder = Folder::new("sr-frames");
    let Content::Report(report) = reopened(&folder, "sr.dcm", &written) else { panic!("is a report") };
    let frame = series.image(3).expect("is an image").frame + 1;
    let mut named = Vec::new();
    report.root.visit(&mut |item| {
        if item.relationship == "SELECTED FROM"
            && let Value::Image(image) = &item.value
        {
            named.extend(image.frames.iter().copied());
        }
    });
    assert_eq!(named, [frame]);
    same(objects::report_annotations(&about, &report), &[&line], 0.001);
}

#[test]
fn a_presentation_state_holds_what_lies_on_images_and_names_the_rest() {
    let Some((series, loaded)) = series("geometry/ibsi-orientation-phantom") else { return };
    let subject = Subject::of(&series).expect("has UIDs");
    let about = About { series: &series, subject: &subject, geometry: loaded.volume.geometry() };
    let mut reading = Reading::new([5; 16]);
    let all = one_of_each(&mut reading, &series, about.geometry, 7.0);
    let values = measured(&all, &loaded);
    let base = PresentationState { label: "READING".into(), ..PresentationState::default() };
    let written =
        objects::presentation_state(&about, &pairs(&all, &values), base, &stamp(3)).expect("writes");
    let solids: Vec<_> = all.iter().filter(|a| a.kind.is_solid()).map(|a| a.id).collect();
    assert_eq!(written.left_out, solids);
    let folder = Folder::new("gsps");
    let Content::PresentationState(state) = reopened(&folder, "pr.dcm", &written) else {
        panic!("is a state")
    };
    let expected: Vec<&Annotation> =
        all.iter().filter(|a| !a.kind.is_solid() && a.kind != Kind::KeyImage).collect();
    same(objects::presentation_annotations(&about, &state), &expected, 0.001);
    // What was measured is there to be read.
    let texts: Vec<&str> = state.annotations.iter().flat_map(|a| &a.texts).map(|t| t.text.as_str()).collect();
    let length = values[1].lines().join("");
    assert!(texts.contains(&length.as_str()), "{length} is not in {texts:?}");
    // Labels come back where nothing was measured, too.
    let nothing = vec![Values::default(); all.len()];
    let base = PresentationState { label: "READING".into(), ..PresentationState::default() };
    let written =
        objects::presentation_state(&about, &pairs(&all, &nothing), base, &stamp(4)).expect("writes");
    let Content::PresentationState(state) = reopened(&folder, "pr2.dcm", &written) else {
        panic!("is a state")
    };
    same(objects::presentation_annotations(&about, &state), &expected, 0.001);
}

#[test]
fn a_presentation_state_of_another_program_is_drawn() {
    let Some((series, loaded)) = series("transfer-syntaxes/ct-one-image") else { return };
    let Some(path) = data("modalities/gsps-made") else { return };
    let library = dicom::scan(&[path], &Progress::default()).expect("scan");
    let Content::PresentationState(state) = library.studies[0].objects[0].open().expect("opens") else {
        panic!("is a state")
    };
    let subject = Subject::of(&series).expect("has UIDs");
    let about = About { series: &series, subject: &subject, geometry: loaded.volume.geometry() };
    let found = objects::presentation_annotations(&about, &state);
    let mut reading = Reading::default();
    found.adopt(&mut reading);
    let [square, ..] = reading.annotations() else {
        return eprintln!("the state is for another copy of the image");
    };
    assert_eq!((square.kind, square.points_mm.len()), (Kind::Freehand, 4));
    let count = reading.annotations().len();
    let again = objects::presentation_annotations(&about, &state);
    assert_eq!(again.adopt(&mut reading).1, 0, "it is there already");
    let names: std::collections::HashSet<_> = reading.annotations().iter().map(|a| &a.uid).collect();
    assert!(names.len() == count && names.iter().all(|name| !name.is_empty()), "{names:?}");
}

#[test]
fn key_images_come_back_on_their_slices() {
    let Some((series, loaded)) = series("geometry/ibsi-orientation-phantom") else { return };
    let subject = Subject::of(&series).expect("has UIDs");
    let about = About { series: &series, subject: &subject, geometry: loaded.volume.geometry() };
    let mut reading = Reading::new([5; 16]);
    let mark = |slice: f64, reading: &mut Reading| {
        in_voxels(reading, Kind::KeyImage, &series.key(), about.geometry, slice, &[[15.5, 23.5]])
    };
    let marks = [mark(3.0, &mut reading), mark(11.0, &mut reading), mark(3.0, &mut reading)];
    let marks: Vec<&Annotation> = marks.iter().collect();
    let written = objects::key_objects(&about, &marks, &stamp(4)).expect("writes");
    let folder = Folder::new("ko");
    let Content::Report(selection) = reopened(&folder, "ko.dcm", &written) else { panic!("is a report") };
    let found = objects::key_images(&about, &selection);
    let mut again = Reading::default();
    assert_eq!(found.adopt(&mut again).1, 2);
    for (found, slice) in again.annotations().iter().zip([3.0, 11.0]) {
        let voxel = about.geometry.voxel_from_patient().transform_point3(found.points_mm[0]);
        assert!(voxel.distance(DVec3::new(15.5, 23.5, slice)) < 0.01, "{voxel}");
    }
    assert!(matches!(objects::key_objects(&about, &[], &stamp(4)), Err(ObjectError::Nothing(_))));
}

#[test]
fn segments_come_back_voxel_by_voxel_with_what_they_hold() {
    let Some((series, loaded)) = series("modalities/dcmqi-seg/ct-3slice") else { return };
    let volume = &loaded.volume;
    let subject = Subject::of(&series).expect("has UIDs");
    let about = About { series: &series, subject: &subject, geometry: volume.geometry() };
    let mut reading = Reading::new([5; 16]);
    let id = series.key();
    reading.begin_segmentation(&id, about.geometry).expect("is not too large");
    let segment = |number: u8, name: &str| Segment {
        number,
        name: name.into(),
        color: [90, 8, 7 * number],
        visible: true,
    };
    reading.apply(Edit::Segments {
        series: id.clone(),
        segments: vec![segment(1, "Bone"), segment(4, "Leber ä")],
    });
    let progress = Progress::default();
    let bone = threshold(volume, (200.0, 3000.0), None, &progress).expect("is not cancelled");
    reading.paint(&id, &bone, 1).expect("changes");
    // From inside the liver; the formula of the truth is a plain flood on a grid.
    let seed = about.geometry.patient_from_voxel().transform_point3(DVec3::new(150.0, 260.0, 1.0));
    let here = volume.value_at([150, 260, 1]).expect("inside");
    let range = (here - 25.0, here + 25.0);
    let liver = grow(volume, seed, range, &progress).expect("is not cancelled");
    let expected = flood(volume, [150, 260, 1], range);
    let count: usize = liver.iter().map(|run| run.length as usize).sum();
    assert_eq!(count, expected.iter().filter(|&&inside| inside).count());
    assert!(count > 100, "{count}");
    assert!(liver.iter().all(|run| (run.start..run.start + run.length).all(|i| expected[i as usize])));
    reading.paint(&id, &liver, 4).expect("changes");
    let segmentation = reading.segmentation(&id).expect("is there");
    let source = Source::new(volume, &loaded.report.millimetres, None);
    let values =
        segmentation.statistics(4, &source, &progress).expect("is not cancelled").expect("has voxels");
    let spacing = about.geometry.spacing_mm();
    let ml = count as f64 * spacing.x * spacing.y * spacing.z / 1000.0;
    assert!((values.get(Measure::Volume).expect("a volume").value - ml).abs() < 1e-6);
    assert!(
        (f64::from(range.0)..=f64::from(range.1)).contains(&values.get(Measure::Mean).expect("a mean").value)
    );

    let written = objects::segmentation(&about, segmentation, &stamp(6)).expect("writes");
    let folder = Folder::new("seg");
    let Content::Segmentation(object) = reopened(&folder, "seg.dcm", &written) else { panic!("is one") };
    let empty = Segmentation::new(*about.geometry).expect("small");
    let added = objects::segmentation_of(&object, &empty).expect("fits");
    assert_eq!((added.count, added.cut), (2, 0));
    let again = added.painted.after();
    let names: Vec<&str> = again.segments().iter().map(|segment| segment.name.as_str()).collect();
    assert_eq!(names, ["Bone", "Leber ä"]);
    let colors: Vec<[u8; 3]> = again.segments().iter().map(|segment| segment.color).collect();
    assert_eq!(colors, [[90, 8, 7], [90, 8, 28]]);
    let mapped = |label: u8| if label == 4 { 2 } else { label };
    let differ =
        segmentation.labels().iter().zip(again.labels().iter()).filter(|(a, b)| mapped(**a) != **b).count();
    assert_eq!(differ, 0);

    // Beside what is there already, which keeps its voxels.
    assert!(matches!(objects::segmentation_of(&object, again), Err(ObjectError::Overlap(n)) if n > 0));
    let free = again.labels().iter().position(|label| *label == 0).expect("there is one") as u32;
    let mut beside = Reading::default();
    let next =
        beside.begin_segmentation(&id, about.geometry).expect("small").next_segment().expect("is free");
    beside.apply(Edit::Segments {
        series: id.clone(),
        segments: vec![Segment { name: "mine".into(), ..next }],
    });
    beside.paint(&id, &[Run { start: free, length: 1 }], 1).expect("a change");
    let both =
        objects::segmentation_of(&object, beside.segmentation(&id).expect("is there")).expect("is free");
    let names: Vec<&str> =
        both.painted.after().segments().iter().map(|segment| segment.name.as_str()).collect();
    assert_eq!(names, ["mine", "Bone", "Leber ä"]);
    let count = |labels: &reading::Labels, number| labels.iter().filter(|label| **label == number).count();
    let (before, after) = (again.labels(), both.painted.after().labels());
    assert_eq!((count(after, 1), count(after, 2)), (1, count(before, 1)));
    assert_eq!(count(after, 3), count(before, 2));

    // Away with one of them, and back.
    let before = segmentation.labels().clone();
    let without = reading.segmentation(&id).expect("is there").without(4);
    let back = reading.put_painted(&id, without).expect("nothing came between");
    assert_eq!(reading.segmentation(&id).expect("is there").segments().len(), 1);
    assert!(!reading.segmentation(&id).expect("is there").labels().iter().any(|label| *label == 4));
    reading.apply(back);
    assert_eq!(reading.segmentation(&id).expect("is there").labels(), &before);

    // As JSON.
    let json = labels_to_json(&id, reading.segmentation(&id).expect("is there")).expect("is short");
    let Restored { content: again, left_out } = labels_from_json(&id, &json).expect("reads");
    assert_eq!((again.labels(), left_out), (&before, 0));
    assert_eq!(again.segments(), reading.segmentation(&id).expect("is there").segments());
}

fn flood(volume: &render_core::Volume, seed: [u32; 3], (low, high): (f32, f32)) -> Vec<bool> {
    let dims = volume.geometry().dims();
    let index = |v: [u32; 3]| ((v[2] * dims[1] + v[1]) * dims[0] + v[0]) as usize;
    let mut inside = vec![false; volume.geometry().voxel_count()];
    let mut waiting = std::collections::VecDeque::from([seed]);
    inside[index(seed)] = true;
    while let Some(at) = waiting.pop_front() {
        for axis in 0..3 {
            for step in [-1i64, 1] {
                let mut next = at;
                let moved = i64::from(at[axis]) + step;
                if !(0..i64::from(dims[axis])).contains(&moved) {
                    continue;
                }
                next[axis] = moved as u32;
                let value = volume.value_at(next).expect("inside");
                if !inside[index(next)] && (low..=high).contains(&value) {
                    inside[index(next)] = true;
                    waiting.push_back(next);
                }
            }
        }
    }
    inside
}

#[test]
fn annotations_come_back_from_json_and_damage_of_one_is_its_own() {
    let geometry = Geometry::from_axes(
        [40, 30, 20],
        DVec3::new(-20.0, -15.0, 0.0),
        [DVec3::X, DVec3::Y, DVec3::Z],
        DVec3::new(0.7, 0.7, 3.1),
    );
    let geometry = geometry.expect("is a grid");
    let mut reading = Reading::new([5; 16]);
    for (kind, count) in Kind::ALL.map(|kind| (kind, kind.point_count().0)) {
        let points: Vec<DVec3> =
            (0..count).map(|i| DVec3::new(i as f64 / 3.0, (i * i) as f64 * 0.1, 7.0)).collect();
        let placement = data::slice_placement(&geometry, 3.0);
        let annotation = reading.annotation(kind, "1.2.3 time 2 of 4", placement, points);
        reading.apply(Edit::put(Annotation { label: "\"quoted\" ä\u{1F600}".into(), ..annotation }));
    }
    let json = annotations_to_json(reading.annotations()).expect("is short");
    let again = annotations_from_json(&json).expect("reads");
    assert_eq!((again.content.as_slice(), again.left_out), (reading.annotations(), 0));
    // Taken up by another reading they come first and have numbers of its own; the same are not taken up twice.
    let mut other = Reading::new([6; 16]);
    let placement = Placement::new(DVec3::ZERO, DVec3::X, DVec3::Y).expect("good");
    let own = other.annotation(Kind::Probe, "1", placement, vec![DVec3::ZERO]);
    let back = other.apply(Edit::put(own.clone()));
    other.resume(again.content.clone());
    other.resume(again.content);
    let uids: Vec<&str> = reading.annotations().iter().chain([&own]).map(|a| a.uid.as_str()).collect();
    assert_eq!(other.annotations().iter().map(|a| a.uid.as_str()).collect::<Vec<_>>(), uids);
    let next = other.annotation(Kind::Probe, "1", placement, vec![DVec3::ZERO]);
    assert!(other.annotations().iter().all(|a| a.id != next.id && a.uid != next.uid));
    other.apply(back);
    assert_eq!(other.annotations().len(), uids.len() - 1);

    let damaged = |from: &str, to: &str| {
        let damaged = json.replacen(from, to, 1);
        assert_ne!(damaged, json, "{from} is not in it");
        annotations_from_json(&damaged)
    };
    assert!(damaged("\"version\":1", "\"version\":2").expect_err("newer").to_string().contains("version 2"));
    for (from, to) in [
        ("\"right\":[1.0", "\"right\":[2.0"),
        ("\"pointsMm\":[[", "\"pointsMm\":[[0.0,0.0,0.0],["),
        ("\"centerMm\":[", "\"centerMm\":[1e9,0,0],\"x\":["),
        ("\"centerMm\":[-6.350000000000001", "\"centerMm\":[null"),
        ("\"kind\":\"", "\"kind\":\"spiral "),
    ] {
        let found = damaged(from, to).expect("the others are read");
        assert_eq!((found.left_out, found.content.len()), (1, reading.annotations().len() - 1), "{to}");
    }
    for end in (0..json.len()).step_by(97).filter(|&end| json.is_char_boundary(end)) {
        assert!(annotations_from_json(&json[..end]).is_err());
    }
    for text in ["", "[]", "{\"version\":1}", "{\"version\":-1}", "nonsense"] {
        assert!(annotations_from_json(text).is_err() && split(text).is_err());
    }
}

#[test]
fn labels_beyond_a_volume_are_left_out_and_volumes_beyond_memory_refused() {
    let grid = "\"patientFromVoxel\":[1,0,0,0,1,0,0,0,1,0,0,0],\"segments\":[{\"number\":1,\"name\":\"a\",\"color\":[1,2,3],\"visible\":true}]";
    let one = |dims: &str, runs: &str| {
        let segmentation = format!("{{\"series\":\"1\",\"dims\":{dims},{grid},\"runs\":{runs}}}");
        let text = format!("{{\"version\":1,\"annotations\":[],\"segmentations\":[{segmentation}]}}");
        let found = labels_from_json("1", &text).map_err(drop)?;
        Ok::<_, ()>((found.content.labels().iter().filter(|label| **label == 1).count(), found.left_out))
    };
    assert_eq!(one("[4,4,4]", "[[0,64,1]]"), Ok((64, 0)));
    assert_eq!(one("[4,4,4]", "[[0,7,1],[60,5,1],[9,1,1]]"), Ok((8, 1)));
    assert_eq!(one("[4,4,4]", "[[4294967295,4294967295,1],[0,1,2]]"), Ok((0, 2)));
    assert_eq!(one("[65535,65535,2]", "[]"), Err(()));
}

#[test]
fn one_text_of_all_series_becomes_texts_of_each_however_many_they_are() {
    let geometry = Geometry::from_axes(
        [512, 512, 275],
        DVec3::ZERO,
        [DVec3::X, DVec3::Y, DVec3::Z],
        DVec3::new(0.7, 0.7, 1.0),
    )
    .expect("is a grid");
    let placement = data::slice_placement(&geometry, 3.0);
    let mut reading = Reading::new([5; 16]);
    let (mut annotations, mut segmentations) = (Vec::new(), Vec::new());
    // More than fit into memory, or into what was read once.
    for series in 0..100 {
        let series = format!("1.2.{series}");
        let line = reading.annotation(Kind::Length, &series, placement, vec![DVec3::ZERO, DVec3::X]);
        annotations.push(serde_json::to_value(&line).expect("is JSON"));
        let runs: &[(u32, u32, u8)] = if series.ends_with('7') { &[] } else { &[(5, 7, 1)] };
        segmentations.push(serde_json::json!({
            "series": series, "dims": geometry.dims(), "patientFromVoxel": geometry.patient_from_voxel().to_cols_array(),
            "segments": [{"number": 1, "name": "a", "color": [1, 2, 3], "visible": true}], "runs": runs,
        }));
    }
    annotations.push(serde_json::json!({"id": 3}));
    let whole = serde_json::json!({
        "version": 1, "seed": "0", "next": 7, "annotations": annotations, "segmentations": segmentations,
    });
    let Restored { content, left_out } = split(&whole.to_string()).expect("reads");
    assert_eq!((content.len(), left_out), (100, 1));
    for (series, texts) in &content {
        let text = texts.annotations.as_deref().expect("a line");
        let found = annotations_from_json(text).expect("reads").content;
        assert!(found.len() == 1 && found[0].series == *series);
        assert_eq!(texts.labels.is_none(), series.ends_with('7'), "those without a voxel are left out");
    }
    let labels = content["1.2.42"].labels.as_deref().expect("labels");
    let labels = labels_from_json("1.2.42", labels).expect("reads").content;
    assert_eq!(labels.labels().iter().map(|label| u32::from(*label)).sum::<u32>(), 7);
}

#[test]
fn the_table_is_csv_that_no_spreadsheet_runs() {
    let mut reading = Reading::new([5; 16]);
    let placement = Placement::new(DVec3::ZERO, DVec3::X, DVec3::Y).expect("good");
    let mut row = |kind, label: &str, json: &str| {
        let annotation = reading.annotation(kind, "1.2", placement, vec![DVec3::ZERO; 2]);
        let annotation = Annotation { label: label.into(), ..annotation };
        let values: Values = serde_json::from_str(json).expect("is JSON");
        let position_mm = (kind == Kind::Length).then_some(DVec3::new(-1.5, 20.0, 1000.125));
        let image = reading::Image {
            slice: 12,
            instance_number: Some(264),
            sop_instance_uid: "1.2.3.12".into(),
            frame: (kind == Kind::Probe).then_some(2),
        };
        let origin = reading::Origin {
            study_date: "20260102".into(),
            study_instance_uid: "1".into(),
            series_title: "5  Chest, lung".into(),
            series_instance_uid: "1.2".into(),
        };
        Row::new(&annotation, origin, Some(image), position_mm, values)
    };
    let rows = vec![
        row(
            Kind::Length,
            "=HYPERLINK(\"http://x\")",
            r#"{"quantities":[{"measure":"length","value":-12.25,"unit":"mm"}],"histogram":[]}"#,
        ),
        row(
            Kind::Length,
            "+1",
            r#"{"quantities":[{"measure":"length","value":7.0,"unit":"px"}],"histogram":[],"doubt":"no \"spacing\""}"#,
        ),
        row(
            Kind::Probe,
            "plain",
            r#"{"quantities":[{"measure":"value","value":-1000.0,"unit":"HU"}],"histogram":[]}"#,
        ),
    ];
    assert_eq!(
        Table { rows }.csv(),
        "Study Date,Study Instance UID,Series,Series Instance UID,Slice,Instance Number,X (mm),Y (mm),Z (mm),Kind,Label,Length (mm),Length (px),Value (HU),\
         SOP Instance UID,Frame,Note\r\n\
         20260102,1,\"5  Chest, lung\",1.2,12,264,-1.50,20.00,1000.12,Length,\"'=HYPERLINK(\"\"http://x\"\")\",-12.25,,,1.2.3.12,,\r\n\
         20260102,1,\"5  Chest, lung\",1.2,12,264,-1.50,20.00,1000.12,Length,'+1,,7,,1.2.3.12,,\"no \"\"spacing\"\"\"\r\n\
         20260102,1,\"5  Chest, lung\",1.2,12,264,,,,Probe,plain,,,-1000,1.2.3.12,2,\r\n"
    );
}
