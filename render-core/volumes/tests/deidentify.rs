//! De-identified files: nothing of the patient left, everything of the image.

mod data;

use std::fs;
use std::path::{Path, PathBuf};

use volumes::Progress;
use volumes::dicom::deidentify::{Dates, Keep, Key, Profile, deidentify};
use volumes::dicom::{self, Library, Series};

use data::data;

/// An empty folder of its own for one test, gone at its end.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn folder(name: &str) -> Folder {
    let path = std::env::temp_dir().join(format!("voxcast-anonymous-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).expect("create a folder for the test");
    Folder(path)
}

fn scan(path: &Path) -> Option<Library> {
    dicom::scan(&[path.to_owned()], &Progress::default()).ok()
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("read the test data").flatten() {
        let path = entry.path();
        if path.is_dir() { files_below(&path, found) } else { found.push(path) }
    }
}

fn key() -> Key {
    Key::from_secret(b"a secret of the tests")
}

fn values(series: &Series) -> Option<Vec<f32>> {
    let volume = dicom::load(series, &Progress::default()).ok()?.volume;
    let dims = volume.geometry().dims();
    let every = |n: u32| (0..n).step_by((n as usize / 40).max(1));
    let all = every(dims[2]).flat_map(|z| every(dims[1]).map(move |y| [y, z]));
    Some(
        all.flat_map(|[y, z]| every(dims[0]).map(move |x| [x, y, z]))
            .filter_map(|v| volume.value_at(v))
            .collect(),
    )
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window.eq_ignore_ascii_case(text.as_bytes()))
}

/// Names and numbers of the patient that are long enough to be told from chance.
fn identifiers(library: &Library) -> Vec<String> {
    let patient = &library.studies[0].patient;
    let parts = patient.name.split(['^', '=', ' ']).chain([patient.id.as_str(), patient.birth_date.as_str()]);
    parts.filter(|part| part.len() >= 5).map(str::to_owned).collect()
}

/// Values that other attributes have by chance: 123456 is one file's Series Number, too,
/// 19000101 the date that stands for none, and perfusion what one patient's study is about.
const COINCIDENCES: [&str; 6] = ["Anonymous", "REMOVED", "Anonymized", "123456", "19000101", "Perfusion"];

#[test]
fn every_file_of_the_test_data_loses_its_patient_and_keeps_its_image() {
    let Some(root) = data("") else { return };
    let folder = folder("all");
    let mut files = Vec::new();
    files_below(&root, &mut files);
    let (mut checked, mut compared) = (0, 0);
    let mut left = Vec::new();
    for path in files.iter().filter(|path| !path.starts_with(root.join("malformed"))) {
        // One slice of the large series is enough.
        let large = ["ct-chest-jpegls", "mr-t1-sagittal", "mr-4d-epi"];
        let number = path.file_name().expect("is a file").len() + path.as_os_str().len();
        if large.iter().any(|name| path.starts_with(root.join(name))) && number % 17 != 0 && checked % 40 != 0
        {
            continue;
        }
        let Some(library) = scan(path).filter(|library| library.studies.len() == 1) else { continue };
        let result = match deidentify(path, &Profile::default(), &key()) {
            Ok(result) => result,
            Err(error) => {
                assert!(
                    library.studies[0].series.first().is_none_or(|s| values(s).is_none())
                        || error.to_string().contains("damaged"),
                    "{error}"
                );
                continue;
            }
        };
        let known = |text: &String| COINCIDENCES.iter().any(|known| known.eq_ignore_ascii_case(text));
        let texts = identifiers(&library).into_iter().filter(|text| !known(text));
        left.extend(texts.filter(|text| contains(&result.bytes, text)).map(|text| (path.clone(), text)));
        checked += 1;
        let copy = folder.0.join(format!("{checked}.dcm"));
        fs::write(&copy, &result.bytes).expect("write");
        let after = scan(&copy).expect("scans");
        assert!(after.failed.is_empty(), "{}: {:?}", path.display(), after.failed);
        let (before, after) = (&library.studies[0], &after.studies[0]);
        assert_eq!(before.objects.len(), after.objects.len(), "{}", path.display());
        let uids = [&before.study_instance_uid, &after.study_instance_uid];
        assert!(uids[0].is_empty() || uids[0] != uids[1], "{}", path.display());
        assert!(after.patient.birth_date.is_empty() && after.patient.name.starts_with("ANON-"));
        for (before, after) in before.series.iter().zip(&after.series) {
            // The slices of a mosaic are told by private attributes, which are gone.
            let mosaic = path.starts_with(root.join("geometry/mr-mosaic-siemens"));
            assert!(mosaic || values(before) == values(after), "{}", path.display());
            compared += 1;
        }
        fs::remove_file(copy).expect("remove");
    }
    assert!(left.is_empty(), "{left:?}");
    assert!(checked > 150 && compared > 100, "{checked} files, {compared} series");
}

#[test]
fn files_of_a_series_stay_a_series_and_the_key_alone_decides_its_uids() {
    let Some(from) = data("ct-head-tilt-uneven") else { return };
    let folder = folder("series");
    let mut files = Vec::new();
    files_below(&from, &mut files);
    for (i, path) in files.iter().enumerate() {
        let result = deidentify(path, &Profile::default(), &key()).expect("a good file");
        fs::write(folder.0.join(format!("{i}.dcm")), result.bytes).expect("write");
    }
    let (before, after) = (scan(&from).expect("scan"), scan(&folder.0).expect("scan"));
    let (before, after) = (&before.studies[0].series[0], &after.studies[0].series[0]);
    assert_eq!(before.dims, after.dims);
    assert!(values(before) == values(after), "voxels differ");
    let again = deidentify(&files[0], &Profile::default(), &key()).expect("a good file");
    assert_eq!(again.series_instance_uid, after.series_instance_uid);
    let other = deidentify(&files[0], &Profile::default(), &Key::from_secret(b"other")).expect("a good file");
    assert_ne!(other.series_instance_uid, after.series_instance_uid);
}

#[test]
fn what_a_profile_keeps_stays_and_is_declared() {
    let Some(path) = data("modalities/rt-sr-ecg-overlay/rtstruct.dcm") else { return };
    let keep = [Keep::Uids, Keep::Device, Keep::Institution, Keep::Descriptors];
    let profile =
        Profile { keep: keep.into_iter().collect(), dates: Dates::Keep, pseudonym: Some("Case 7".into()) };
    let kept = deidentify(&path, &profile, &key()).expect("a good file");
    let before = scan(&path).expect("scan");
    assert_eq!(kept.study_instance_uid, before.studies[0].study_instance_uid);
    for code in ["113100", "113105", "113106", "113109", "113110", "113112"] {
        assert!(contains(&kept.bytes, code), "{code}");
    }
    assert!(contains(&kept.bytes, "Case 7") && contains(&kept.bytes, "UNMODIFIED"));
    assert!(contains(&kept.bytes, "Isocenter 1"), "region names are descriptors");
    let bare = deidentify(&path, &Profile::default(), &key()).expect("a good file");
    assert!(!contains(&bare.bytes, "Isocenter 1") && !contains(&bare.bytes, "113106"));
}

#[test]
fn pixels_that_may_show_names_are_warned_of() {
    let Some(root) = data("modalities") else { return };
    let warned = |below: &str| {
        deidentify(&root.join(below), &Profile::default(), &key()).expect("a good file").burned_in.is_some()
    };
    assert!(warned("us/examples_rgb_color.dcm") && warned("xa-multiframe/HasFragmentSequence.dcm"));
    assert!(!warned("rtstruct-with-ct/ct_1.dcm") && !warned("rtstruct-with-ct/rt.dcm"));
}

#[test]
fn addresses_orders_and_other_calendars_go_and_kinds_of_things_stay() {
    let folder = folder("addresses");
    let secrets: [(u32, &[u8; 2], &str); 4] = [
        (0x0008_1167, b"UI", "1.2.3.4711815\0"),
        (0x0008_1190, b"UR", "http://pacs/4711815 "),
        (0x0010_0033, b"LO", "19370507X "),
        (0x0040_1006, b"SH", "PON4711815"),
    ];
    let mut bytes = [&[0; 128][..], b"DICM"].concat();
    let mut put = |tag: u32, vr: &[u8; 2], value: &str| {
        let (group, element) = ((tag >> 16) as u16, tag as u16);
        bytes.extend([group.to_le_bytes(), element.to_le_bytes(), *vr].concat());
        if vr == b"UR" {
            bytes.extend([0, 0]);
            bytes.extend((value.len() as u32).to_le_bytes());
        } else {
            bytes.extend((value.len() as u16).to_le_bytes());
        }
        bytes.extend(value.bytes());
    };
    put(0x0002_0010, b"UI", "1.2.840.10008.1.2.1\0");
    put(0x0008_0016, b"UI", "1.2.840.10008.5.1.4.1.1.7\0");
    put(0x0008_0018, b"UI", "1.2.3.44");
    put(0x0008_010C, b"UI", "2.16.840.1.113883.6.96");
    secrets.iter().for_each(|(tag, vr, value)| put(*tag, vr, value));
    fs::write(folder.0.join("a.dcm"), bytes).expect("write");
    let result = deidentify(&folder.0.join("a.dcm"), &Profile::default(), &key()).expect("a good file");
    for (tag, _, secret) in secrets {
        assert!(!contains(&result.bytes, secret.trim_end_matches([' ', '\0'])), "{tag:08X}");
    }
    assert!(contains(&result.bytes, "2.16.840.1.113883.6.96"));
}

#[test]
fn a_file_cut_short_is_refused() {
    let Some(path) = data("modalities/rtstruct-with-ct/ct_1.dcm") else { return };
    let folder = folder("cut");
    let bytes = fs::read(path).expect("read");
    let cut = folder.0.join("cut.dcm");
    fs::write(&cut, &bytes[..bytes.len() / 2]).expect("write");
    let error = deidentify(&cut, &Profile::default(), &key()).expect_err("is damaged").to_string();
    assert!(error.contains("cannot be de-identified safely"), "{error}");
}
