//! Objects that Voxcast writes: read back by Voxcast itself and, where it is installed, checked by `dciodvfy`.

mod data;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use glam::{DAffine3, DMat3, DVec3};
use volumes::dicom::create::{self, NewSegment, Stamp, Subject};
use volumes::dicom::object::presentation::{Annotation, Graphic, Layer, Shutter, StatedWindow, Text};
use volumes::dicom::object::report::{Item, Measurement, MeasurementGroup, Value};
use volumes::dicom::object::{Code, Content, PresentationState, Reference};
use volumes::dicom::{self, Loaded, Object};
use volumes::volume::{Meaning, Rescale};
use volumes::{Geometry, Progress, Volume, Voxels};

use data::data;

/// Where the files of a test go; kept if VOXCAST_KEEP names a folder, to be looked at with other programs.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        if std::env::var_os("VOXCAST_KEEP").is_none() {
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}

fn folder(name: &str) -> Folder {
    let parent = std::env::var_os("VOXCAST_KEEP").map_or_else(std::env::temp_dir, PathBuf::from);
    let path = parent.join(format!("voxcast-created-{name}-{}", std::process::id()));
    fs::create_dir_all(&path).expect("create a folder for the test");
    Folder(path)
}

fn subject() -> Option<(Subject, Loaded)> {
    let path = data("ct-head-tilt-uneven")?;
    let library = dicom::scan(&[path], &Progress::default()).expect("scan");
    let series = &library.studies[0].series[0];
    let loaded = dicom::load(series, &Progress::default()).expect("load");
    Some((Subject::of(series).expect("has UIDs"), loaded))
}

fn stamp(n: u8) -> Stamp {
    Stamp {
        date: "20260704".into(),
        time: "101500".into(),
        random: [[n; 16], [n + 100; 16]],
        series_number: 900 + u32::from(n),
        series_description: "Voxcast".into(),
    }
}

/// Writes the file, has it checked, and opens it.
fn checked(folder: &Folder, name: &str, bytes: &[u8]) -> (Object, Content) {
    let path = folder.0.join(name);
    fs::write(&path, bytes).expect("write");
    match Command::new("dciodvfy").arg(&path).output() {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stderr);
            let errors: Vec<&str> = text.lines().filter(|line| line.starts_with("Error")).collect();
            assert!(errors.is_empty(), "{name}: {errors:#?}");
        }
        Err(_) => eprintln!("skipped: dciodvfy (package dicom3tools) is not installed"),
    }
    let library = dicom::scan(&[path], &Progress::default()).expect("scan");
    assert!(library.failed.is_empty(), "{:?}", library.failed);
    let object = library.studies[0].objects[0].clone();
    let content = object.open().expect("opens");
    (object, content)
}

fn selected_from(image: Reference) -> Item {
    let value = Value::Image(image);
    Item { relationship: "SELECTED FROM".into(), name: None, value, children: Vec::new() }
}

fn tissue() -> Code {
    Code::new("85756007", "SCT", "Tissue")
}

#[test]
fn a_segmentation_comes_back_voxel_by_voxel() {
    let Some((subject, loaded)) = subject() else { return };
    let grid = loaded.volume.geometry();
    let value = |i: usize| loaded.volume.rescale().apply(loaded.volume.voxels().get(i));
    let label = |i: usize| match value(i) {
        v if v > 300.0 => 7,
        v if v > 0.0 && v < 80.0 => 40_000,
        _ => 0,
    };
    let labels: Vec<u16> = (0..grid.voxel_count()).map(label).collect();
    let segment = |label: &str, number: u16| NewSegment {
        label: label.into(),
        category: tissue(),
        property_type: Code::new("272673000", "SCT", "Bone"),
        algorithm: Some("threshold".into()),
        color: Some(if label == "Bone" { [241, 214, 145] } else { [6, 0, 255] }),
        number,
    };
    let segments = [segment("Bone", 7), segment("Weiches Gewebe ä", 40_000)];
    let bytes = create::segmentation(&subject, grid, &labels, &segments, "Bone and more", &stamp(1))
        .expect("is good");
    let folder = folder("seg");
    let (object, content) = checked(&folder, "seg.dcm", &bytes);
    assert_eq!((object.class.as_str(), object.label.as_str()), ("Segmentation Storage", "BONE_AND_MORE"));
    let Content::Segmentation(found) = content else { panic!("{content:?}") };
    assert_eq!(found.segments[1].label, "Weiches Gewebe ä");
    assert_eq!(
        found.segments.iter().map(|s| s.color).collect::<Vec<_>>(),
        [Some([241, 214, 145]), Some([6, 0, 255])]
    );
    for (found_segment, segment) in found.segments.iter().zip(&segments) {
        let count = labels.iter().filter(|&&label| label == segment.number).count() as u64;
        assert!(count > 0 && found.voxel_count(found_segment) == count);
    }
    let found = found.labels_on(grid).expect("has a place");
    let differ = (0..grid.voxel_count()).filter(|&i| {
        let number = found.voxels().get(i) as usize;
        number.checked_sub(1).map_or(0, |index| segments[index].number) != labels[i]
    });
    assert_eq!(differ.count(), 0);
}

#[test]
fn a_measurement_report_comes_back_equal() {
    let Some((subject, _)) = subject() else { return };
    let image = subject.images()[3].clone();
    let millimetre = Code::new("mm", "UCUM", "millimeter");
    let group = MeasurementGroup {
        tracking_id: "Lesion 1".into(),
        tracking_uid: "2.25.4711".into(),
        category: Some(Code::new("49755003", "SCT", "Morphologically Abnormal Structure")),
        finding: Some(Code::new("52988006", "SCT", "Lesion")),
        sites: vec![Code::new("12738006", "SCT", "Brain")],
        measurements: vec![Measurement {
            name: Code::new("410668003", "SCT", "Length"),
            value: 12.345_678_901_234_567,
            unit: millimetre,
            inferred_from: vec![Item {
                relationship: "INFERRED FROM".into(),
                name: Some(Code::new("121112", "DCM", "Source of Measurement")),
                value: Value::Coordinates {
                    shape: "POLYLINE".into(),
                    points: vec![[10.5, 20.5], [30.0, 20.5]],
                },
                children: vec![selected_from(image.clone())],
            }],
        }],
        evaluations: Vec::new(),
        segments: Vec::new(),
        images: Vec::new(),
        regions: vec![Item {
            relationship: "CONTAINS".into(),
            name: Some(Code::new("111030", "DCM", "Image Region")),
            value: Value::Coordinates {
                shape: "POLYLINE".into(),
                points: vec![[10.5, 20.5], [30.0, 20.5], [30.0, 40.0], [10.5, 20.5]],
            },
            children: vec![selected_from(image)],
        }],
    };
    let bytes = create::measurement_report(&subject, std::slice::from_ref(&group), "Reader^One", &stamp(2));
    let folder = folder("sr");
    let (_, content) = checked(&folder, "sr.dcm", &bytes);
    let Content::Report(report) = content else { panic!("{content:?}") };
    assert_eq!(report.measurement_groups(), [group]);
    assert_eq!(report.evidence[0].instances.len(), 28);
}

#[test]
fn a_presentation_state_comes_back_equal() {
    let Some((subject, _)) = subject() else { return };
    let image = subject.images()[0].clone();
    let state = PresentationState {
        label: "VIEW_1".into(),
        description: "Fenster für Knochen".into(),
        windows: vec![StatedWindow {
            images: Vec::new(),
            center: 480.5,
            width: 2500.0,
            explanation: "Bone".into(),
        }],
        rotation_deg: 90,
        flipped: true,
        layers: vec![Layer { name: "NOTES".into(), order: 1, description: "drawn".into() }],
        annotations: vec![Annotation {
            images: vec![image],
            layer: "NOTES".into(),
            graphics: vec![Graphic {
                shape: "POLYLINE".into(),
                in_pixels: true,
                filled: false,
                points: vec![[1.0, 2.0], [3.5, 4.5]],
            }],
            texts: vec![Text { text: "12.3 mm".into(), bounds: None, anchor: Some(([5.0, 6.0], true)) }],
        }],
        shutters: vec![Shutter::Circle { center: [256, 250], radius: 200 }],
        ..PresentationState::default()
    };
    let bytes = create::presentation_state(&subject, &state, &stamp(3));
    let folder = folder("pr");
    let (_, content) = checked(&folder, "pr.dcm", &bytes);
    let Content::PresentationState(found) = content else { panic!("{content:?}") };
    assert_eq!(found.images[0].instances.len(), 28);
    assert_eq!((found.areas[0].top_left, found.areas[0].bottom_right), ([1, 1], [512, 512]));
    let found = PresentationState { images: Vec::new(), areas: Vec::new(), ..found };
    assert_eq!(found, state);
}

#[test]
fn key_objects_come_back_with_title_and_images() {
    let Some((subject, _)) = subject() else { return };
    let images = &subject.images()[2..5];
    let title = Code::new("113000", "DCM", "Of Interest");
    let bytes = create::key_objects(&subject, &title, "look here", images, &stamp(4));
    let folder = folder("ko");
    let (object, content) = checked(&folder, "ko.dcm", &bytes);
    assert_eq!((object.modality.as_str(), object.label.as_str()), ("KO", "Of Interest"));
    let Content::Report(report) = content else { panic!("{content:?}") };
    assert_eq!(report.title(), Some(&title));
    let found: Vec<_> = report.references().into_iter().cloned().collect();
    assert_eq!(found, images);
}

#[test]
fn a_secondary_capture_is_a_picture_in_the_same_study() {
    let Some((subject, _)) = subject() else { return };
    let rgb: Vec<u8> = (0..64 * 48).flat_map(|i| [i as u8, 128, 255 - i as u8]).collect();
    let bytes = create::secondary_capture(&subject, [64, 48], &rgb, false, &stamp(5)).expect("is good");
    assert!(create::secondary_capture(&subject, [64, 47], &rgb, false, &stamp(5)).is_err());
    let folder = folder("sc");
    let path = folder.0.join("sc.dcm");
    fs::write(&path, &bytes).expect("write");
    if let Ok(output) = Command::new("dciodvfy").arg(&path).output() {
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(!text.lines().any(|line| line.starts_with("Error")), "{text}");
    }
    let library = dicom::scan(&[path], &Progress::default()).expect("scan");
    assert_eq!(library.studies[0].series[0].dims, [64, 48, 1]);
    assert!(dicom::load(&library.studies[0].series[0], &Progress::default()).is_ok());
}

#[test]
fn labels_of_another_program_become_segments_in_the_order_of_the_images() {
    let Some(path) = data("modalities/dcmqi-seg/ct-3slice") else { return };
    let library = dicom::scan(&[path], &Progress::default()).expect("scan");
    let series = &library.studies[0].series[0];
    let images = dicom::load(series, &Progress::default()).expect("load").volume;
    let dims = images.geometry().dims();
    // As NIfTI often has it: columns and rows run the other way.
    let last = DVec3::new(f64::from(dims[0] - 1), f64::from(dims[1] - 1), 0.0);
    let flip = DAffine3 { matrix3: DMat3::from_diagonal(DVec3::new(-1.0, -1.0, 1.0)), translation: last };
    let grid = Geometry::new(dims, images.geometry().patient_from_voxel() * flip).expect("is a grid");
    let [columns, rows, slices] = dims.map(|n| n as usize);
    let label = |x: usize, y: usize, z: usize| match (x, y, z) {
        (100..150, 200..260, 0..2) => 7,
        (300..310, 50..55, 1..3) => 3,
        _ => 0u8,
    };
    let voxels: Vec<u8> = (0..columns * rows * slices)
        .map(|i| label(columns - 1 - i % columns, rows - 1 - i / columns % rows, i / (columns * rows)))
        .collect();
    let labels = Volume::new(grid, Voxels::U8(voxels.into()), Rescale::IDENTITY, Meaning::default());
    let labels = labels.expect("a voxel for each");
    let aligned = create::on_grid(&labels, images.geometry()).expect("has the same voxels");
    assert_eq!(aligned.geometry(), images.geometry());
    let (numbers, segments) = create::segments_of(&aligned).expect("has labels");
    assert_eq!(segments.iter().map(|s| s.label.as_str()).collect::<Vec<_>>(), ["Label 3", "Label 7"]);
    let subject = Subject::of(series).expect("has UIDs");
    let stamp = Stamp::at(1_795_276_800, [[61; 16], [62; 16]], 9000, "Segmentation");
    assert_eq!((stamp.date.as_str(), stamp.time.as_str()), ("20261121", "160000"));
    let bytes = create::segmentation(&subject, aligned.geometry(), &numbers, &segments, "LABELS", &stamp)
        .expect("write");
    let folder = folder("labels");
    let (_, Content::Segmentation(found)) = checked(&folder, "labels.dcm", &bytes) else {
        panic!("is a segmentation")
    };
    assert_eq!(found.voxel_count(&found.segments[0]), 10 * 5 * 2);
    assert_eq!(found.voxel_count(&found.segments[1]), 50 * 60 * 2);
    let back = found.labels_on(images.geometry()).expect("has a place");
    for voxel in [[100, 200, 0], [149, 259, 1], [300, 50, 1], [309, 54, 2], [0, 0, 0], [299, 50, 1]] {
        let [x, y, z] = voxel.map(|n| n as usize);
        let number = match label(x, y, z) {
            7 => 2.0,
            3 => 1.0,
            _ => 0.0,
        };
        assert_eq!(back.value_at(voxel), Some(number), "{voxel:?}");
    }
    let shifted = Geometry::new(dims, grid.patient_from_voxel() * DAffine3::from_translation(DVec3::X * 0.4));
    assert!(create::on_grid(&labels, &shifted.expect("is a grid")).is_none());
    create::check_place(&labels, images.geometry()).expect("lie in the images");
    let place = images.geometry().patient_from_voxel();
    let far = DAffine3::from_translation(DVec3::new(0.0, 0.0, 2000.0)) * place;
    let far = Geometry::new(images.geometry().dims(), far).expect("is a grid");
    let error = create::check_place(&labels, &far).expect_err("lie elsewhere").to_string();
    assert!(error.contains("lie nowhere in the images") && error.contains("mm"), "{error}");
}
