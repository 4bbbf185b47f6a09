//! Files broken on purpose: an answer or a reason, never a panic.

mod data;

use std::fs;
use std::path::{Path, PathBuf};

use volumes::Progress;
use volumes::dicom::{self, Error, Library, WarningCode};

use data::data;

/// An empty folder of its own for one test, gone at its end.
struct Folder(PathBuf);

impl std::ops::Deref for Folder {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn folder(name: &str) -> Folder {
    let path = std::env::temp_dir().join(format!("voxcast-dicom-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).expect("create a folder for the test");
    Folder(path)
}

fn scan(path: &Path) -> Result<Library, Error> {
    dicom::scan(&[path.to_owned()], &Progress::default())
}

/// Scans and loads one file: a line that says what became of it.
fn outcome(path: &Path) -> String {
    let library = match scan(path) {
        Ok(library) => library,
        Err(e) => return format!("error: {e}"),
    };
    let mut lines: Vec<String> = library.failed.iter().map(|f| format!("failed: {}", f.reason)).collect();
    for series in library.studies.iter().flat_map(|s| &s.series) {
        let name = format!("{} {:?} {}", series.modality, series.dims, series.part);
        match dicom::load(series, &Progress::default()) {
            Ok(loaded) => {
                let facts = &loaded.facts;
                let codes: Vec<_> = loaded.warnings.iter().map(|w| w.code.as_str()).collect();
                let failed: Vec<_> = loaded.failed.iter().map(|f| &f.reason).collect();
                lines.push(format!(
                    "{name}: {:?} {:?} range {:?} mean {:.4} {} {codes:?} {failed:?}",
                    facts.spacing_mm, facts.origin_mm, facts.value_range, facts.mean, facts.unit
                ));
                let small = dicom::thumbnail(series, 64);
                assert!(small.is_ok() || !loaded.failed.is_empty(), "{}: {small:?}", path.display());
            }
            Err(e) => lines.push(format!("{name}: error: {e}")),
        }
    }
    lines.extend(
        library.studies.iter().flat_map(|s| &s.objects).map(|o| format!("object: {} {}", o.class, o.label)),
    );
    assert!(!lines.is_empty(), "{}: neither a series nor an object nor a reason", path.display());
    lines.join("\n    ")
}

/// A small DICOM file, element by element; explicit VR little endian.
struct Builder(Vec<u8>);

impl Builder {
    fn new(transfer_syntax: &str) -> Self {
        let mut file = Self([&[0; 128][..], b"DICM"].concat());
        file.text(0x0002_0010, b"UI", transfer_syntax);
        file
    }

    /// One CT slice of 4x4 pixels at a height, without pixel data.
    fn slice(patient: &str, number: u32, z: f64) -> Self {
        let mut file = Self::new("1.2.840.10008.1.2.1");
        file.text(0x0008_0018, b"UI", &format!("1.2.3.{number}"))
            .text(0x0008_0060, b"CS", "CT")
            .text(0x0010_0010, b"PN", patient)
            .text(0x0010_0020, b"LO", patient)
            .text(0x0020_000D, b"UI", "1.2.3")
            .text(0x0020_000E, b"UI", "1.2.3.0")
            .text(0x0020_0013, b"IS", &number.to_string())
            .text(0x0020_0032, b"DS", &format!("0\\0\\{z}"))
            .text(0x0020_0037, b"DS", "1\\0\\0\\0\\1\\0")
            .us(0x0028_0002, 1)
            .text(0x0028_0004, b"CS", "MONOCHROME2")
            .us(0x0028_0010, 4)
            .us(0x0028_0011, 4)
            .text(0x0028_0030, b"DS", "1\\1")
            .us(0x0028_0100, 16)
            .us(0x0028_0101, 16)
            .us(0x0028_0102, 15)
            .us(0x0028_0103, 1);
        file
    }

    fn element(&mut self, tag: u32, vr: &[u8; 2], value: &[u8]) -> &mut Self {
        self.header(tag, vr, value.len() as u32);
        self.0.extend_from_slice(value);
        self
    }

    fn header(&mut self, tag: u32, vr: &[u8; 2], length: u32) -> &mut Self {
        self.0.extend_from_slice(&((tag >> 16) as u16).to_le_bytes());
        self.0.extend_from_slice(&(tag as u16).to_le_bytes());
        self.0.extend_from_slice(vr);
        if matches!(vr, b"OB" | b"OW" | b"SQ" | b"UN") {
            self.0.extend_from_slice(&[0, 0]);
            self.0.extend_from_slice(&length.to_le_bytes());
        } else {
            self.0.extend_from_slice(&(length as u16).to_le_bytes());
        }
        self
    }

    fn text(&mut self, tag: u32, vr: &[u8; 2], value: &str) -> &mut Self {
        let mut bytes = value.as_bytes().to_vec();
        if bytes.len() % 2 == 1 {
            bytes.push(if vr == b"UI" { 0 } else { b' ' });
        }
        self.element(tag, vr, &bytes)
    }

    fn us(&mut self, tag: u32, value: u16) -> &mut Self {
        self.element(tag, b"US", &value.to_le_bytes())
    }

    /// Sixteen pixels of one value.
    fn pixels(&mut self, value: i16) -> &mut Self {
        let bytes: Vec<u8> = (0..16).flat_map(|_| value.to_le_bytes()).collect();
        self.element(0x7FE0_0010, b"OW", &bytes)
    }

    fn write(&self, path: PathBuf) {
        fs::write(path, &self.0).expect("write a test file");
    }
}

fn message(result: Result<Library, Error>) -> String {
    result.expect_err("an error").to_string()
}

#[test]
fn paths_that_hold_nothing_are_errors_that_say_what_to_do() {
    let folder = folder("nothing");
    assert!(message(scan(&folder.join("absent"))).contains("does not exist; check the spelling"));
    assert!(message(scan(&folder)).contains("holds no files; choose a folder with DICOM files"));
    assert!(message(dicom::scan(&[], &Progress::default())).contains("no path was given"));
}

#[test]
fn files_that_are_not_dicom_are_named_with_what_they_look_like() {
    let folder = folder("not-dicom");
    fs::write(folder.join("a.txt"), "Meeting at nine.\nBring the films.").expect("write");
    fs::write(folder.join("b.png"), b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR").expect("write");
    fs::write(folder.join("c.dcm"), b"").expect("write");
    fs::write(folder.join("d.dcm"), [&[0; 128][..], b"DICM"].concat()).expect("write");
    let library = scan(&folder).expect("a folder with files");
    assert!(library.studies.is_empty());
    let reasons: Vec<&str> = library.failed.iter().map(|f| f.reason.as_str()).collect();
    let expected = [
        "looks like a text file",
        "looks like a PNG picture",
        "the file is empty",
        "ends before its data set",
    ];
    assert_eq!(reasons.len(), expected.len(), "{reasons:?}");
    for (reason, expected) in reasons.iter().zip(expected) {
        assert!(reason.contains(expected), "{reason:?} does not say {expected:?}");
    }
}

#[cfg(unix)]
#[test]
fn unreadable_files_say_that_permission_is_missing() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder("no-permission");
    let path = folder.join("locked.dcm");
    fs::write(&path, b"x").expect("write");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).expect("lock");
    if fs::File::open(&path).is_ok() {
        eprintln!("skipped: this user may read everything");
        return;
    }
    assert!(message(scan(&path)).contains("no permission to read it"));
    let library = scan(&folder).expect("the folder itself can be read");
    assert!(library.failed[0].reason.contains("no permission to read it"));
}

#[test]
fn two_patients_with_one_study_uid_are_two_studies_and_never_named_in_messages() {
    let folder = folder("two-patients");
    for (i, patient) in ["Alpha", "Beta"].iter().enumerate() {
        for z in 0..3 {
            let number = 10 * i as u32 + z;
            Builder::slice(patient, number, f64::from(z))
                .pixels(number as i16)
                .write(folder.join(format!("{number}")));
        }
    }
    Builder::slice("Gamma", 99, 1.0).write(folder.join("99"));
    let library = scan(&folder).expect("scan");
    assert_eq!(library.studies.len(), 2);
    for study in &library.studies {
        assert_eq!(study.series.len(), 1);
        assert_eq!(study.series[0].dims, [4, 4, 3]);
    }
    assert_eq!(library.failed.len(), 1);
    let shown = format!("{library:?}");
    assert!(!["Alpha", "Beta", "Gamma"].iter().any(|name| shown.contains(name)), "{shown}");
}

#[test]
fn slices_are_sorted_by_position_and_a_truncated_one_is_left_empty_in_its_place() {
    let folder = folder("order");
    for (name, z) in [("c", 0.0), ("a", 2.0), ("b", 4.0)] {
        Builder::slice("P", z as u32, z)
            .us(0x0028_0120, -7i16 as u16)
            .pixels(z as i16)
            .write(folder.join(name));
    }
    let path = folder.join("a");
    let bytes = fs::read(&path).expect("read");
    fs::write(&path, &bytes[..bytes.len() - 5]).expect("cut");
    let library = scan(&folder).expect("scan");
    let series = &library.studies[0].series[0];
    let loaded = dicom::load(series, &Progress::default()).expect("load");
    assert_eq!(loaded.facts.spacing_mm, [1.0, 1.0, 2.0]);
    let column: Vec<_> = (0..3).map(|z| loaded.volume.value_at([1, 2, z])).collect();
    assert_eq!(column, [Some(0.0), Some(0.0), Some(4.0)]);
    assert_eq!(loaded.failed.len(), 1);
    assert_eq!(loaded.failed[0].path, path);
    assert!(loaded.failed[0].reason.contains("pixel data ends after 27 of 32 bytes"), "{:?}", loaded.failed);
    assert_eq!(loaded.warnings[0].code, WarningCode::Truncated);
}

#[test]
fn a_missing_slice_is_counted_and_interpolated_and_a_wide_gap_left_empty() {
    let folder = folder("gaps");
    for z in [0, 1, 2, 4, 5, 6, 16, 17] {
        Builder::slice("P", z, f64::from(z)).pixels(10 * z as i16 + 5).write(folder.join(z.to_string()));
    }
    let library = scan(&folder).expect("scan");
    let loaded = dicom::load(&library.studies[0].series[0], &Progress::default()).expect("load");
    let warning = &loaded.warnings[0];
    assert_eq!((warning.code, warning.value), (WarningCode::MissingSlices, Some(10.0)));
    assert_eq!(loaded.facts.dims, [4, 4, 8]);
    assert_eq!(loaded.volume.geometry().dims(), [4, 4, 18]);
    let at = |z| loaded.volume.value_at([0, 0, z]).expect("inside");
    assert_eq!(
        [at(2), at(3), at(4), at(6), at(10), at(16), at(17)],
        [25.0, 35.0, 45.0, 65.0, 5.0, 165.0, 175.0]
    );
}

#[test]
fn repeated_positions_are_times_if_complete_and_kept_apart_with_a_warning_if_not() {
    let folder = folder("times");
    for (time, z) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        let number = 10 * time + z;
        Builder::slice("P", number, f64::from(z))
            .pixels(number as i16)
            .write(folder.join(number.to_string()));
    }
    let parts = |library: Library| -> Vec<_> {
        library
            .studies
            .into_iter()
            .flat_map(|s| s.series)
            .map(|s| (s.part, s.dims[2], s.warnings.len()))
            .collect()
    };
    assert_eq!(
        parts(scan(&folder).expect("scan")),
        [("time 1 of 2".into(), 2, 0), ("time 2 of 2".into(), 2, 0)]
    );
    fs::remove_file(folder.join("11")).expect("remove");
    let library = scan(&folder).expect("scan");
    assert_eq!(library.studies[0].series[0].warnings[0].code, WarningCode::DuplicatePositions);
    assert_eq!(parts(library), [("repeat 1 of 2".into(), 2, 1), ("repeat 2 of 2".into(), 1, 1)]);
}

#[test]
fn slices_with_different_slopes_share_one_scale() {
    let folder = folder("slopes");
    for z in 0..2u32 {
        let slope = if z == 0 { "2" } else { "0.5" };
        let mut file = Builder::slice("P", z, f64::from(z));
        file.text(0x0028_1052, b"DS", "1")
            .text(0x0028_1053, b"DS", slope)
            .pixels(100)
            .write(folder.join(z.to_string()));
    }
    let library = scan(&folder).expect("scan");
    let loaded = dicom::load(&library.studies[0].series[0], &Progress::default()).expect("load");
    assert_eq!(loaded.volume.value_at([0, 0, 0]), Some(201.0));
    assert_eq!(loaded.volume.value_at([0, 0, 1]), Some(51.0));
}

/// A file of one slice with something wrong in it, and what is said about it.
fn said_about(name: &str, file: &Builder) -> String {
    let folder = folder(name);
    file.write(folder.join("file"));
    outcome(&folder.join("file"))
}

#[test]
fn lengths_sizes_and_nesting_that_lie_are_refused_before_memory_is_taken() {
    let slice = || Builder::slice("P", 1, 0.0);
    let with_text = |tag: u32, vr: &[u8; 2], value: &str| {
        let mut file = slice();
        file.text(tag, vr, value).pixels(0);
        file
    };
    let with_length = |length: u32| {
        let mut file = slice();
        file.header(0x0029_1010, b"UN", length);
        file
    };
    let cases = [
        ("long", with_length(0xFFFF_FFF0), "before the end of element (0029,1010)"),
        ("endless", with_length(u32::MAX), "damaged"),
        ("huge-frames", with_text(0x0028_0008, b"IS", "999999999999"), "NumberOfFrames (0028,0008)"),
        ("negative-frames", with_text(0x0028_0008, b"IS", "-3"), "NumberOfFrames (0028,0008)"),
        ("many-frames", with_text(0x0028_0008, b"IS", "900000"), "NumberOfFrames (0028,0008) is 900000"),
        ("zero-slope", with_text(0x0028_1053, b"DS", "0"), "RescaleSlope (0028,1053) is 0"),
        ("nan-slope", with_text(0x0028_1053, b"DS", "nan"), "(0028,1053) is not a finite number"),
        ("no-pixels", slice(), "holds no image"),
    ];
    for (name, file, expected) in cases {
        let said = said_about(name, &file);
        assert!(said.contains(expected), "{name}: {said:?} does not say {expected:?}");
    }

    let mut nested = slice();
    for _ in 0..10_000 {
        nested.header(0x0040_A730, b"SQ", u32::MAX);
        nested.0.extend_from_slice(&[0xFE, 0xFF, 0x00, 0xE0, 0xFF, 0xFF, 0xFF, 0xFF]);
    }
    assert!(said_about("nested", &nested).contains("nested deeper than 64 levels"));

    for (name, side, expected) in
        [("large", 65_535, "larger than any that can be shown"), ("zero", 0, "not above 0")]
    {
        let mut file = Builder::new("1.2.840.10008.1.2.1");
        file.us(0x0028_0010, side).us(0x0028_0011, side).us(0x0028_0100, 16).pixels(0);
        assert!(said_about(name, &file).contains(expected));
    }
}

#[test]
fn compressed_frames_that_lie_about_their_size_are_refused() {
    let compressed = |syntax: &str, stream: &[u8]| {
        let mut file = Builder::new(syntax);
        let plain = Builder::slice("P", 1, 0.0);
        let start = Builder::new("1.2.840.10008.1.2.1").0.len();
        file.0.extend_from_slice(&plain.0[start..]);
        file.header(0x7FE0_0010, b"OB", u32::MAX);
        for item in [&[][..], stream] {
            file.0.extend_from_slice(&[0xFE, 0xFF, 0x00, 0xE0]);
            file.0.extend_from_slice(&(item.len() as u32).to_le_bytes());
            file.0.extend_from_slice(item);
        }
        file.0.extend_from_slice(&[0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0]);
        file
    };
    let jpeg_ls = b"\xFF\xD8\xFF\xF7\x00\x0B\x10\xFF\xFF\xFF\xFF\x01\x01\x11\x00\xFF\xDA\x00\x08\x01\x01\x00\x00\x00\x00";
    let said = said_about("jpeg-ls", &compressed("1.2.840.10008.1.2.4.80", jpeg_ls));
    assert!(said.contains("65535x65535 pixels of 1 sample, its header says 4x4"), "{said}");
    let said = said_about("jpeg-2000", &compressed("1.2.840.10008.1.2.4.90", b"no codestream here"));
    assert!(said.contains("no JPEG 2000"), "{said}");
    let rle = [&[0xFF; 64][..], &[0; 8]].concat();
    assert!(
        said_about("rle", &compressed("1.2.840.10008.1.2.5", &rle)).contains("does not have the 2 segments")
    );
    let mut rle = vec![0; 64];
    (rle[0], rle[4], rle[8]) = (2, 64, 0xF0);
    assert!(
        said_about("rle-offset", &compressed("1.2.840.10008.1.2.5", &rle))
            .contains("lies outside the pixel data")
    );
    let said = said_about("video", &compressed("1.2.840.10008.1.2.4.102", b"\0\0\0\x01"));
    assert!(said.contains("samples per pixel") || said.contains("video"), "{said}");
    let said = said_about("unknown", &compressed("1.2.840.10008.1.2.4.999", b"????"));
    assert!(said.contains("transfer syntax (0002,0010), 1.2.840.10008.1.2.4.999"), "{said}");
}

#[test]
fn a_file_cut_at_any_byte_is_an_answer_not_a_panic() {
    let folder = folder("cut");
    let path = folder.join("file");
    let whole = Builder::slice("P", 1, 0.0).pixels(3).0.clone();
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).expect("write");
        let said = outcome(&path);
        assert!(said.contains("failed") || said.contains("error"), "cut at {length}: {said}");
    }
}

#[test]
fn bytes_changed_anywhere_are_an_answer_not_a_panic() {
    let Some(root) = data("transfer-syntaxes") else { return };
    let folder = folder("changed");
    let path = folder.join("file");
    let mut random = 0x9E37_79B9_7F4A_7C15u64;
    let mut next = |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % below as u64) as usize
    };
    for name in ["MR_small.dcm", "MR_small_RLE.dcm", "MR_small_implicit.dcm", "MR_small_bigendian.dcm"] {
        let whole = fs::read(root.join("mr-small").join(name)).expect("read");
        for round in 0..400 {
            let mut bytes = whole.clone();
            // Headers are where changes hurt.
            let span = if round % 2 == 0 { 3000.min(bytes.len()) } else { bytes.len() };
            for _ in 0..=next(4) {
                bytes[next(span)] = [0, 0xFF, 0x7F, next(256) as u8][next(4)];
            }
            fs::write(&path, &bytes).expect("write");
            outcome(&path);
        }
    }
}

#[test]
fn cancelling_ends_scan_and_load() {
    let folder = folder("cancel");
    Builder::slice("P", 1, 0.0).pixels(3).write(folder.join("file"));
    let library = scan(&folder).expect("scan");
    let progress = Progress::default();
    progress.cancel();
    assert!(matches!(dicom::scan(&[folder.to_path_buf()], &progress), Err(Error::Cancelled)));
    assert!(matches!(dicom::load(&library.studies[0].series[0], &progress), Err(Error::Cancelled)));
}

#[cfg(unix)]
#[test]
fn links_that_lead_in_circles_end() {
    let folder = folder("circle");
    Builder::slice("P", 1, 0.0).pixels(3).write(folder.join("file"));
    std::os::unix::fs::symlink(&*folder, folder.join("again")).expect("link");
    let library = scan(&folder).expect("scan");
    assert_eq!(library.studies[0].series[0].files.len(), 1);
}

#[test]
fn dicomdir_leads_to_the_files_it_names() {
    let Some(path) = data("modalities/dicomdir/DICOMDIR") else { return };
    let library = scan(&path).expect("scan");
    let files: usize = library.studies.iter().flat_map(|s| &s.series).map(|s| s.files.len()).sum();
    assert_eq!(files, 31, "{:?}", library.failed);
    assert!(message(scan(&path.with_file_name("DICOMDIR-empty.dcm"))).contains("names no files"));
}

#[test]
fn the_middle_slice_is_shown_before_the_rest_is_read() {
    use std::sync::Mutex;
    let folder = folder("glimpse");
    // The third step is half as long: the volume is resampled, the glimpses are the images.
    for (z, height) in [0.0, 2.0, 4.0, 5.0, 7.0].into_iter().enumerate() {
        Builder::slice("P", z as u32, height).pixels(z as i16).write(folder.join(z.to_string()));
    }
    let library = scan(&folder).expect("scan");
    let glimpses = Mutex::new(Vec::new());
    let progress = Progress::default();
    let loaded = dicom::load_with(
        &library.studies[0].series[0],
        &progress,
        Some(&|glimpse| {
            let (volume, at) = (&glimpse.volume, glimpse.volume.geometry().origin_mm());
            let mut glimpses = glimpses.lock().expect("no test panics with it");
            glimpses.push((glimpse.slice, volume.value_at([3, 3, 0]), at.z));
            assert!(progress.counts().0 < 5, "all was read before the glimpse");
            // Threads that draw are free to show it.
            assert!(std::thread::current().name().is_some_and(|name| name.starts_with("read ")));
        }),
    );
    let mut glimpses = glimpses.into_inner().expect("no test panics with it");
    glimpses.sort_by_key(|(slice, ..)| *slice);
    assert_eq!(glimpses, [(0, Some(0.0), 0.0), (2, Some(2.0), 4.0), (4, Some(4.0), 7.0)]);
    assert!(loaded.is_ok());
}

#[test]
fn every_file_of_an_unreadable_series_is_named_once() {
    let folder = folder("all-unreadable");
    for z in 0..3 {
        Builder::slice("P", z, f64::from(z))
            .element(0x7FE0_0010, b"OW", &[0; 30])
            .write(folder.join(z.to_string()));
    }
    let library = scan(&folder).expect("scan");
    let error = dicom::load(&library.studies[0].series[0], &Progress::default()).expect_err("no image");
    assert!(error.to_string().contains("none of the 3 images"), "{error}");
    let Error::Unreadable(failed) = error else { panic!("{error:?}") };
    let names: Vec<_> = failed.iter().filter_map(|f| f.path.file_name()?.to_str()).collect();
    assert_eq!(names, ["0", "1", "2"]);
    let reason = "PixelData (7FE0,0010): pixel data ends after 30 of 32 bytes; copy or export the file again from \
                  where it came";
    assert!(failed.iter().all(|f| f.reason == reason), "{failed:?}");
}

#[test]
fn a_file_that_ends_inside_its_pixel_data_says_so_though_all_frames_are_there() {
    for (name, cut) in [("_too_short", true), ("", false)] {
        let below = format!("transfer-syntaxes/pydicom-data/emri_small_jpeg_2k_lossless{name}.dcm");
        let Some(path) = data(&below) else { return };
        let library = dicom::scan(&[path], &Progress::default()).expect("scan");
        let loaded = dicom::load(&library.studies[0].series[0], &Progress::default()).expect("load");
        let told = loaded.warnings.iter().any(|w| w.code == WarningCode::Truncated);
        assert_eq!((told, loaded.failed.len()), (cut, 0), "{below}: {:?}", loaded.warnings);
        assert_eq!(loaded.report.unknown.iter().any(|text| text.contains("cut short")), cut);
    }
}
