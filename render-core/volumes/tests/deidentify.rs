//! De-identified files: nothing of the patient left, everything of the image.

mod data;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use volumes::Progress;
use volumes::dicom::deidentify::{Dates, Keep, Key, Profile, deidentify};
use volumes::dicom::object::Content;
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

/// An explicit little-endian secondary capture with these elements, in the order of their tags.
fn made(elements: &[(u32, &[u8; 2], &str)]) -> Vec<u8> {
    let mut all = vec![
        (0x0002_0010, b"UI", "1.2.840.10008.1.2.1"),
        (0x0008_0016, b"UI", "1.2.840.10008.5.1.4.1.1.7"),
        (0x0008_0018, b"UI", "1.2.3.44"),
    ];
    all.extend(elements);
    all.sort_by_key(|element| element.0);
    let mut bytes = [&[0; 128][..], b"DICM"].concat();
    for (tag, vr, value) in all {
        let mut value = value.as_bytes().to_vec();
        if value.len() % 2 == 1 {
            value.push(if vr == b"UI" { 0 } else { b' ' });
        }
        let (group, element) = ((tag >> 16) as u16, tag as u16);
        bytes.extend([group.to_le_bytes(), element.to_le_bytes(), *vr].concat());
        if matches!(vr, b"UR" | b"UT") {
            bytes.extend([0, 0]);
            bytes.extend((value.len() as u32).to_le_bytes());
        } else {
            bytes.extend((value.len() as u16).to_le_bytes());
        }
        bytes.extend(value);
    }
    bytes
}

fn cleaned_made(elements: &[(u32, &[u8; 2], &str)], profile: &Profile, name: &str) -> Vec<u8> {
    let folder = folder(name);
    let path = folder.0.join("a.dcm");
    fs::write(&path, made(elements)).expect("write");
    deidentify(&path, profile, &key()).expect("a good file").bytes
}

#[test]
fn addresses_orders_and_other_calendars_go_and_kinds_of_things_stay() {
    let secrets: [(u32, &[u8; 2], &str); 4] = [
        (0x0008_1167, b"UI", "1.2.3.4711815"),
        (0x0008_1190, b"UR", "http://pacs/4711815"),
        (0x0010_0033, b"LO", "19370507X"),
        (0x0040_1006, b"SH", "PON4711815"),
    ];
    let kind = (0x0008_010C, b"UI", "2.16.840.1.113883.6.96");
    let bytes = cleaned_made(&[&secrets[..], &[kind]].concat(), &Profile::default(), "addresses");
    for (tag, _, secret) in secrets {
        assert!(!contains(&bytes, secret), "{tag:08X}");
    }
    assert!(contains(&bytes, "2.16.840.1.113883.6.96"));
}

fn cleaned(below: &str, keep: &[Keep], dates: Dates) -> Option<Vec<u8>> {
    let path = data(below)?;
    let profile = Profile { keep: keep.iter().copied().collect(), dates, pseudonym: None };
    Some(deidentify(&path, &profile, &key()).expect("a good file").bytes)
}

fn read(bytes: &[u8], name: &str) -> Content {
    let folder = folder(name);
    fs::write(folder.0.join("object.dcm"), bytes).expect("write");
    let library = scan(&folder.0).expect("scan");
    library.studies[0].objects[0].open().expect("is an object")
}

#[test]
fn content_of_a_report_goes_unless_it_is_asked_for_and_then_names_go() {
    let below = "modalities/highdicom-seg-sr-ct/sr_document.dcm";
    let Some(bare) = cleaned(below, &[], Dates::Remove) else { return };
    let Content::Report(bare) = read(&bare, "sr-bare") else { panic!("is a report") };
    assert_eq!(bare.root.children.len(), 1);
    assert!(format!("{bare:?}").contains("Content removed by de-identification"));
    let kept = cleaned(below, &[Keep::StructuredContent], Dates::Remove).expect("has data");
    assert!(contains(&kept, "113104"));
    let before = fs::read(data(below).expect("has data")).expect("read");
    let (Content::Report(before), Content::Report(after)) = (read(&before, "sr-0"), read(&kept, "sr-1"))
    else {
        panic!("are reports")
    };
    assert_eq!(before.measurement_groups().len(), after.measurement_groups().len());
    assert!(!after.measurement_groups().is_empty());
    assert!(format!("{before:?}").contains("Text(\"Foo\")"), "the observer's name");
    assert!(!format!("{after:?}").contains("Foo"));
}

#[test]
fn drawings_of_a_presentation_state_go_unless_they_are_asked_for() {
    let below = "modalities/gsps-made/gsps-of-CTImage.dcm";
    let Some(bare) = cleaned(below, &[], Dates::Remove) else { return };
    let kept = cleaned(below, &[Keep::Graphics], Dates::Remove).expect("has data");
    let (Content::PresentationState(bare), Content::PresentationState(kept)) =
        (read(&bare, "pr-0"), read(&kept, "pr-1"))
    else {
        panic!("are presentation states")
    };
    assert!(bare.annotations.is_empty() && !kept.annotations.is_empty());
    assert_eq!(bare.windows, kept.windows);
}

#[test]
fn dates_of_devices_move_with_all_others_and_titles_and_codes_of_anybody_lose_names() {
    let keep = [Keep::Device].into_iter().collect();
    let profile = Profile { keep, dates: Dates::Shift, pseudonym: None };
    let elements: [(u32, &[u8; 2], &str); 6] = [
        (0x0008_0020, b"DA", "20200315"),
        (0x0010_0010, b"PN", "Doe^Jane"),
        (0x0018_1000, b"LO", "SN47/11"),
        (0x0018_1200, b"DA", "20200215"),
        (0x0018_9005, b"ST", "read by Jane Doe"),
        (0x0042_0010, b"ST", "Letter about Jane Doe"),
    ];
    let bytes = cleaned_made(&elements, &profile, "device");
    assert!(contains(&bytes, "SN47/11"));
    assert!(!contains(&bytes, "20200215") && !contains(&bytes, "20200315"));
    // Both are there still, 29 days apart.
    let date = |tag: [u8; 6]| {
        let at = bytes.windows(6).position(|w| w == tag).expect("is there") + 8;
        String::from_utf8_lossy(&bytes[at..at + 8]).into_owned()
    };
    let (study, device) = (date([8, 0, 0x20, 0, b'D', b'A']), date([0x18, 0, 0, 0x12, b'D', b'A']));
    assert!(device < study && device.len() == 8, "{device} {study}");
    assert!(!contains(&bytes, "Letter about") && !contains(&bytes, "Jane"));
}

#[test]
fn private_attributes_that_the_standard_lists_stay_and_headers_that_hold_anything_go() {
    let Some(folder) = data("geometry/mr-mosaic-siemens") else { return };
    let mut files = Vec::new();
    files_below(&folder, &mut files);
    let keep = [Keep::SafePrivate].into_iter().collect();
    let profile = Profile { keep, dates: Dates::Remove, pseudonym: None };
    let copy = deidentify(&files[0], &profile, &key()).expect("a good file");
    assert!(!contains(&copy.bytes, "SIEMENS CSA HEADER"));
    assert_eq!(copy.lost.len(), 1);
    assert!(copy.lost[0].contains("mosaic"), "{:?}", copy.lost);
    let Some(path) = data("geometry/mr-4d-epi") else { return };
    let mut files = Vec::new();
    files_below(&path, &mut files);
    let copy = deidentify(&files[0], &profile, &key()).expect("a good file");
    assert!(contains(&copy.bytes, "GEMS_PARM_01") && !contains(&copy.bytes, "GEMS_IDEN_01"));
    assert!(copy.lost.is_empty());
}

/// What a validator calls an error, without values and UIDs, which de-identification changes.
fn errors(path: &Path) -> Option<BTreeSet<String>> {
    let output = Command::new("dciodvfy").arg(path).output().ok()?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let errors = text.lines().filter(|line| line.starts_with("Error"));
    let is_uid = |word: &&str| {
        let word = word.trim_matches(['<', '>']);
        word.bytes().all(|b| b.is_ascii_digit() || b == b'.')
    };
    let without = |line: &str| line.split_whitespace().filter(|w| !is_uid(w)).collect::<Vec<_>>().join(" ");
    Some(errors.map(|line| without(line.split_once(" = <").map_or(line, |(head, _)| head))).collect())
}

#[test]
fn copies_are_no_less_valid_than_what_they_are_copies_of() {
    let Some(root) = data("") else { return };
    if Command::new("dciodvfy").output().is_err() {
        eprintln!("skipped: no dciodvfy (Debian: dicom3tools)");
        return;
    }
    let folder = folder("valid");
    let mut files = Vec::new();
    files_below(&root, &mut files);
    files.sort();
    // The first file of every folder, and all of those of other objects.
    let mut seen = BTreeSet::new();
    files.retain(|path| {
        let first = seen.insert(path.parent().map(Path::to_owned));
        let directory = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("DICOMDIR"));
        (first || path.starts_with(root.join("modalities")))
            && !path.starts_with(root.join("malformed"))
            && !directory
    });
    let every = [Keep::StructuredContent, Keep::Graphics, Keep::Descriptors, Keep::Device, Keep::SafePrivate];
    let profiles = [
        Profile::default(),
        Profile { keep: every.into_iter().collect(), dates: Dates::Shift, pseudonym: None },
    ];
    let (mut checked, mut worse) = (0, Vec::new());
    for path in &files {
        let Some(before) = errors(path) else { continue };
        // Nothing more is checked without a class, which copies get from the meta information.
        if before.iter().any(|error| error.contains("Information Object Not found")) {
            continue;
        }
        for profile in &profiles {
            let Ok(copy) = deidentify(path, profile, &key()) else { continue };
            let target = folder.0.join("copy.dcm");
            fs::write(&target, &copy.bytes).expect("write");
            let after = errors(&target).expect("ran before");
            checked += 1;
            worse.extend(after.difference(&before).map(|error| format!("{}: {error}", path.display())));
        }
    }
    eprintln!("dciodvfy compared {checked} copies with their originals");
    assert!(worse.is_empty(), "{} new errors:\n{}", worse.len(), worse.join("\n"));
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

#[test]
fn a_directory_is_never_copied_whatever_its_name_and_elements_of_one_go() {
    let Some(root) = data("modalities/dicomdir") else { return };
    let folder = folder("directory");
    for name in
        ["DICOMDIR", "DICOMDIR-implicit", "DICOMDIR-nopatient", "DICOMDIR-empty.dcm", "DICOMDIR-bigEnd"]
    {
        let renamed = folder.0.join("index.dcm");
        fs::write(&renamed, fs::read(root.join(name)).expect("read")).expect("write");
        let error = deidentify(&renamed, &Profile::default(), &key()).expect_err(name).to_string();
        assert!(error.contains("directory of a medium"), "{name}: {error}");
    }
    let path: (u32, &[u8; 2], &str) = (0x0004_1500, b"CS", "PAT4711815");
    assert!(!contains(&cleaned_made(&[path], &Profile::default(), "file-id"), "PAT4711815"));
    // One that a folder holds is told, so that who copies the folder can say what is missing.
    assert_eq!(scan(&root).expect("scan").directories, [root.join("DICOMDIR")]);
}
