//! The formula CT against its own truth file and against a DICOM reader.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use dicom_dictionary_std::{tags, uids};
use dicom_object::open_file;
use glam::DVec3;
use serde_json::Value;
use volumes::phantom::{Error, Phantom, Spec, write_study};

/// A coarse study of the whole chest: 64x64x40 voxels of 5.6 x 5.6 x 8 mm.
fn coarse() -> Spec {
    Spec {
        columns: 64,
        rows: 64,
        slices: 40,
        pixel_spacing_mm: 5.6,
        slice_spacing_mm: 8.0,
        ..Spec::default()
    }
}

/// A folder of its own under the system's temporary one, removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("voxcast-phantom-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("temporary folder");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn write(folder: &Folder, spec: &Spec) -> BTreeMap<String, Vec<u8>> {
    write_study(&folder.0, spec, |_, _| {}).expect("study");
    let entries = std::fs::read_dir(&folder.0).expect("folder");
    entries
        .map(|entry| entry.expect("entry"))
        .map(|entry| {
            let bytes = std::fs::read(entry.path()).expect("file");
            (entry.file_name().to_string_lossy().into_owned(), bytes)
        })
        .collect()
}

fn truth(files: &BTreeMap<String, Vec<u8>>) -> Value {
    serde_json::from_slice(&files["truth.json"]).expect("JSON")
}

fn point(value: &Value) -> DVec3 {
    let at = |i: usize| value[i].as_f64().expect("coordinate");
    DVec3::new(at(0), at(1), at(2))
}

fn structures(truth: &Value) -> &[Value] {
    truth["structures"].as_array().expect("structures")
}

#[test]
fn same_spec_gives_the_same_bytes_whatever_the_threads() {
    let (one, many, other) = (Folder::new("one"), Folder::new("many"), Folder::new("other"));
    let single = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("pool");
    let first = single.install(|| write(&one, &coarse()));
    assert_eq!(first.len(), 41);
    assert!(first == write(&many, &coarse()), "a second run differs");
    let reseeded = write(&other, &Spec { seed: 2, ..coarse() });
    assert!(first["CT0020.dcm"] != reseeded["CT0020.dcm"], "another seed gives the same slice");
}

#[test]
fn files_read_back_as_one_ct_series_with_its_geometry() {
    let folder = Folder::new("reread");
    let truth = truth(&write(&folder, &coarse()));
    let told = |name: &str| truth[name].as_str().expect("uid").to_owned();
    let mut instances = BTreeSet::new();
    for index in 1..=40_u16 {
        let object = open_file(folder.0.join(format!("CT{index:04}.dcm"))).expect("DICOM file");
        assert_eq!(object.meta().transfer_syntax(), uids::EXPLICIT_VR_LITTLE_ENDIAN);
        let text = |tag| object.element(tag).expect("element").to_str().expect("text").into_owned();
        let numbers = |tag| object.element(tag).expect("element").to_multi_float64().expect("numbers");
        assert_eq!(text(tags::SOP_CLASS_UID), uids::CT_IMAGE_STORAGE);
        assert_eq!(text(tags::PATIENT_NAME), "PHANTOM^FORMULA");
        assert_eq!(text(tags::STUDY_INSTANCE_UID), told("study_instance_uid"));
        assert_eq!(text(tags::SERIES_INSTANCE_UID), told("series_instance_uid"));
        assert_eq!(text(tags::FRAME_OF_REFERENCE_UID), told("frame_of_reference_uid"));
        assert_eq!(numbers(tags::IMAGE_ORIENTATION_PATIENT), [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
        assert_eq!(numbers(tags::PIXEL_SPACING), [5.6, 5.6]);
        assert_eq!(numbers(tags::SLICE_THICKNESS), [8.0]);
        assert_eq!(
            (numbers(tags::RESCALE_SLOPE), numbers(tags::RESCALE_INTERCEPT)),
            (vec![1.0], vec![-1024.0])
        );
        let position = numbers(tags::IMAGE_POSITION_PATIENT);
        let origin = point(&truth["geometry"]["origin_mm"]);
        let expected = origin + DVec3::Z * 8.0 * f64::from(40 - index);
        assert!(DVec3::from_slice(&position).distance(expected) < 1.0e-3, "{position:?} is not {expected}");
        assert_eq!(
            object.element(tags::PIXEL_DATA).expect("pixels").to_bytes().expect("bytes").len(),
            64 * 64 * 2
        );
        let uid = text(tags::SOP_INSTANCE_UID);
        assert!(uid.starts_with("2.25.") && uid.len() <= 64);
        instances.insert(uid);
    }
    assert_eq!(instances.len(), 40);
}

#[test]
fn voxels_without_noise_are_samples_of_the_formula() {
    let folder = Folder::new("samples");
    let spec = Spec {
        columns: 110,
        rows: 80,
        slices: 24,
        pixel_spacing_mm: 3.2,
        slice_spacing_mm: 3.0,
        noise_sigma_hu: 0.0,
        ..Spec::default()
    };
    let origin = point(&truth(&write(&folder, &spec))["geometry"]["origin_mm"]);
    let phantom = Phantom::new(&spec).expect("phantom");
    for k in [2, 9, 15, 21] {
        let object = open_file(folder.0.join(format!("CT{:04}.dcm", 24 - k))).expect("DICOM file");
        let stored = object.element(tags::PIXEL_DATA).expect("pixels").to_multi_int::<u16>().expect("u16");
        for (index, stored) in stored.into_iter().enumerate() {
            let voxel = DVec3::new((index % 110) as f64, (index / 110) as f64, f64::from(k));
            let hu = phantom.sample(origin + voxel * DVec3::new(3.2, 3.2, 3.0));
            // Half a unit by rounding, the rest where f32 puts a point on the other side of a solid's box.
            let difference = f32::from(stored) - 1024.0 - hu;
            assert!(difference.abs() <= 1.5, "voxel {voxel}: {stored} stored, {hu} HU by formula");
        }
    }
}

#[test]
fn noise_has_the_sigma_of_the_truth_file() {
    let folder = Folder::new("noise");
    let sigma = truth(&write(&folder, &coarse()))["noise_sigma_hu"].as_f64().expect("sigma");
    let object = open_file(folder.0.join("CT0020.dcm")).expect("DICOM file");
    let stored = object.element(tags::PIXEL_DATA).expect("pixels").to_multi_int::<u16>().expect("u16");
    // The first rows are air in front of the chest; what falls below -1024 HU is cut off, but only 2 % do.
    let air: Vec<f64> = stored[..64 * 8].iter().map(|value| f64::from(*value) - 1024.0).collect();
    let mean = air.iter().sum::<f64>() / air.len() as f64;
    let spread = (air.iter().map(|hu| (hu - mean).powi(2)).sum::<f64>() / air.len() as f64).sqrt();
    assert!((mean + 1000.0).abs() < 3.0, "mean {mean}");
    assert!((spread - sigma).abs() < 0.15 * sigma, "{spread} is not {sigma}");
}

#[test]
fn hu_and_volume_of_every_sphere_agree_with_the_truth_file() {
    let folder = Folder::new("spheres");
    let truth = truth(&write(&folder, &coarse()));
    let phantom = Phantom::new(&Spec::default()).expect("phantom");
    let mut spheres = 0;
    for sphere in structures(&truth).iter().filter(|structure| structure["kind"] == "sphere") {
        let (name, hu) = (sphere["name"].as_str().expect("name"), sphere["hu"].as_f64().expect("hu"));
        let centre = point(&sphere["centre_mm"]);
        let sampled = f64::from(phantom.sample(centre));
        assert!((sampled - hu).abs() < 1.0, "{name}: {sampled} HU, not {hu}");
        spheres += 1;
        if name.starts_with("nodule") {
            // The surface is half way between the nodule and the lung of about -860 HU.
            let radius = sphere["radius_mm"].as_f64().expect("radius");
            let step = radius / 12.0;
            let mut count = 0;
            for i in 0..30_i32.pow(3) {
                let offset = DVec3::new(f64::from(i % 30), f64::from(i / 30 % 30), f64::from(i / 900)) - 14.5;
                let near = offset.length() * step < 1.12 * radius;
                if near && f64::from(phantom.sample(centre + offset * step)) > 0.5 * (hu - 860.0) {
                    count += 1;
                }
            }
            let (counted, volume) =
                (f64::from(count) * step.powi(3), sphere["volume_mm3"].as_f64().expect("volume"));
            assert!(
                (counted / volume - 1.0).abs() < 0.08,
                "{name}: {counted} mm3 counted, {volume} mm3 told"
            );
        }
    }
    assert!(spheres >= 12, "{spheres} spheres");
}

#[test]
fn patient_left_is_plus_x() {
    let folder = Folder::new("left");
    let truth = truth(&write(&folder, &coarse()));
    let phantom = Phantom::new(&Spec::default()).expect("phantom");
    let centre = |name: &str| {
        let found = structures(&truth).iter().find(|structure| structure["name"] == name);
        point(&found.expect("structure")["centre_mm"])
    };
    let probe = |name: &str| f64::from(phantom.sample(centre(name)));
    assert!(centre("left ventricle").x > 20.0 && centre("liver").x < -20.0 && centre("spleen").x > 20.0);
    assert!((probe("left ventricle") - 350.0).abs() < 20.0);
    assert!((probe("liver") - 78.0).abs() < 25.0);
    assert!((probe("spleen") - 124.0).abs() < 40.0);
    assert!(centre("spinal canal").y > centre("left ventricle").y);
}

#[test]
fn refuses_a_folder_in_use_and_sizes_out_of_range() {
    let folder = Folder::new("refused");
    std::fs::write(folder.0.join("note.txt"), "keep me").expect("file");
    let told = |spec: &Spec| write_study(&folder.0, spec, |_, _| {}).expect_err("must be refused");
    assert!(matches!(told(&coarse()), Error::NotEmpty(_)));
    for spec in [
        Spec { slices: 0, ..coarse() },
        Spec { pixel_spacing_mm: f64::NAN, ..coarse() },
        Spec { noise_sigma_hu: -1.0, ..coarse() },
    ] {
        assert!(matches!(told(&spec), Error::Spec { .. }));
    }
}
