//! NIfTI, NRRD and MetaImage: fixtures that SimpleITK and nibabel wrote, and back again.

mod data;

use std::fs;
use std::path::{Path, PathBuf};

use glam::DVec3;
use volumes::dicom::{self, WarningCode};
use volumes::save::Existing;
use volumes::{Progress, Volume, volume_file};

use data::data;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// An empty folder of its own for one test, gone at its end.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn folder(name: &str) -> Folder {
    let path = std::env::temp_dir().join(format!("voxcast-formats-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).expect("create a folder for the test");
    Folder(path)
}

#[track_caller]
fn assert_near(found: DVec3, expected: [f64; 3], tolerance: f64) {
    assert!(found.distance(DVec3::from(expected)) <= tolerance, "{found} is not {expected:?}");
}

fn values(volume: &Volume) -> Vec<f32> {
    (0..volume.voxels().len()).map(|i| volume.rescale().apply(volume.voxels().get(i))).collect()
}

#[test]
fn what_simpleitk_wrote_has_its_voxels_in_its_places() {
    for name in ["tiny.nii", "tiny.nii.gz", "tiny.nrrd", "tiny.mha", "tiny.nhdr", "tiny.mhd", "double.nrrd"] {
        let volume = volume_file::read(&fixture(name), 0).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(volume.geometry().dims(), [4, 3, 2], "{name}");
        let expected = (0..24).map(|i| (i % 4 + 10 * (i / 4 % 3) + 100 * (i / 12) - 50) as f32);
        assert_eq!(values(&volume), expected.collect::<Vec<_>>(), "{name}");
        assert_near(volume.geometry().origin_mm(), [-10.5, 20.25, -30.0], 1e-5);
        assert_near(volume.geometry().spacing_mm(), [0.5, 0.75, 2.5], 1e-6);
        let [x, y, z] = volume.geometry().direction();
        assert_near(x, [0.955_336_489, 0.295_520_207, 0.0], 1e-6);
        assert_near(y, [-0.289_629_478, 0.936_293_363, 0.198_669_331], 1e-6);
        assert_near(z, [0.058_710_802, -0.189_796_061, 0.980_066_578], 1e-6);
    }
}

#[test]
fn a_big_endian_nifti_2_of_several_times_is_read_in_millimetres_and_scaled() {
    let path = fixture("four.nii");
    let header = volume_file::header(&path).expect("is good");
    assert_eq!((header.times, header.doubts.len()), (3, 0));
    let volume = volume_file::read(&path, 2).expect("is good");
    // nibabel finds 4135 there.
    assert_eq!(volume.value_at([1, 2, 1]), Some(4135.0));
    assert_near(volume.geometry().origin_mm(), [-10.5, 20.25, -30.0], 1e-9);
    assert_near(volume.geometry().spacing_mm(), [0.5, 0.75, 2.5], 1e-9);
    assert_near(volume.geometry().direction()[0], [1.0, 0.0, 0.0], 1e-9);
    assert!(volume_file::read(&path, 3).expect_err("has three").to_string().contains("holds 3 volumes"));
}

#[test]
fn a_scan_lists_volume_files_as_series_and_not_their_data() {
    let library = dicom::scan(&[fixture("")], &Progress::default()).expect("scan");
    assert!(library.failed.is_empty(), "{:?}", library.failed);
    let series = &library.studies[0].series;
    assert_eq!(series.len(), 10, "{series:?}");
    let times: Vec<_> = series.iter().filter(|s| s.series_description == "four.nii").collect();
    assert_eq!(times.len(), 3);
    assert_eq!(times[1].part, "time 2 of 3");
    let loaded = dicom::load(times[1], &Progress::default()).expect("load");
    assert_eq!(loaded.volume.value_at([1, 2, 1]), Some(2135.0));
    assert_eq!(loaded.facts.dims, [4, 3, 2]);
    assert!(dicom::thumbnail(times[1], 16).expect("has a middle slice").pixels.len() > 1);
}

#[test]
fn real_volumes_come_back_equal_from_every_format() {
    let folder = folder("round");
    for below in
        ["ct-head-tilt-uneven", "geometry/mr-non-isotropic", "modalities/rt-sr-ecg-overlay/rtdose.dcm"]
    {
        let Some(path) = data(below) else { return };
        let library = dicom::scan(&[path], &Progress::default()).expect("scan");
        let loaded = dicom::load(&library.studies[0].series[0], &Progress::default()).expect("load");
        let volume = &loaded.volume;
        for name in ["a.nii", "a.nii.gz", "a.nrrd", "a.mha"] {
            let path = folder.0.join(format!("{}-{name}", below.replace('/', "-")));
            volume_file::write(&path, std::slice::from_ref(volume), None, Existing::Refuse).expect("write");
            let again = volume_file::write(&path, std::slice::from_ref(volume), None, Existing::Refuse);
            assert!(again.expect_err("is there").to_string().contains("not to be replaced"));
            let back = volume_file::read(&path, 0).expect("read back");
            assert_eq!(back.geometry().dims(), volume.geometry().dims());
            let far = volume.geometry().corners_mm();
            for (found, expected) in back.geometry().corners_mm().into_iter().zip(far) {
                assert_near(found, expected.to_array(), 1e-3);
            }
            let difference =
                values(&back).iter().zip(values(volume)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(difference <= 1e-6, "{below} {name}: {difference}");
        }
    }
}

#[test]
fn a_volume_without_a_place_says_so() {
    let folder = folder("nowhere");
    let mut bytes = fs::read(fixture("tiny.nii")).expect("read");
    bytes[252..256].fill(0);
    let path = folder.0.join("nowhere.nii");
    fs::write(&path, bytes).expect("write");
    let library = dicom::scan(&[path], &Progress::default()).expect("scan");
    let warnings = &library.studies[0].series[0].warnings;
    assert_eq!(warnings[0].code, WarningCode::UnknownPlace);
}

#[test]
fn files_that_lie_are_refused_in_words() {
    let folder = folder("lies");
    let refused = |name: &str, bytes: &[u8]| {
        let path = folder.0.join(name);
        fs::write(&path, bytes).expect("write");
        volume_file::read(&path, 0).expect_err("is wrong").to_string()
    };
    let nii = fs::read(fixture("tiny.nii")).expect("read");
    assert!(refused("cut.nii", &nii[..nii.len() - 9]).contains("cut short or damaged"));
    assert!(refused("short.nii", &nii[..200]).contains("ends inside its header"));
    assert!(refused("not.nii", b"hello, this is no NIfTI").contains("not a NIfTI file"));
    let mut huge = nii.clone();
    huge[42..48].copy_from_slice(&[0xFF, 0x7F, 0xFF, 0x7F, 0xFF, 0x7F]);
    assert!(refused("huge.nii", &huge).contains("each axis needs"));
    let mut colour = nii.clone();
    colour[70..72].copy_from_slice(&128i16.to_le_bytes());
    assert!(refused("colour.nii", &colour).contains("datatype 128"));
    let gz = fs::read(fixture("tiny.nii.gz")).expect("read");
    let cut = refused("cut.nii.gz", &gz[..gz.len() / 2]);
    assert!(cut.contains("ends too early") || cut.contains("damaged"), "{cut}");

    let header = String::from_utf8(fs::read(fixture("tiny.nhdr")).expect("read")).expect("is text");
    for elsewhere in ["../tiny.raw", "/etc/passwd", "a/b.raw", ".."] {
        let text = header.replace("data file: tiny.raw", &format!("data file: {elsewhere}"));
        assert!(refused("away.nhdr", text.as_bytes()).contains("in the same folder"), "{elsewhere}");
    }
    let text = header.replace("sizes: 4 3 2", "sizes: 4 3 nan");
    assert!(refused("nan.nhdr", text.as_bytes()).contains("sizes"));
    let text = header.replace("(0.47766824456280299,", "(1e999,");
    assert!(refused("far.nhdr", text.as_bytes()).contains("space directions"));
    assert!(refused("empty.mha", b"").contains("ElementDataFile is missing"));
    assert!(refused("binary.mha", &[0xFF; 4096]).contains("ElementDataFile"));
}

#[test]
fn a_nifti_whose_voxels_begin_inside_its_header_is_read_from_behind_it() {
    let folder = folder("offset");
    let whole = fs::read(fixture("tiny.nii")).expect("read");
    let expected = values(&volume_file::read(&fixture("tiny.nii"), 0).expect("is good"));
    for (offset, doubts) in [(0.0f32, 0), (-1000.0, 1), (100.0, 1), (f32::NAN, 1)] {
        let mut bytes = whole.clone();
        bytes[108..112].copy_from_slice(&offset.to_le_bytes());
        let path = folder.0.join("offset.nii");
        fs::write(&path, bytes).expect("write");
        assert_eq!(values(&volume_file::read(&path, 0).expect("is good")), expected, "{offset}");
        assert_eq!(volume_file::header(&path).expect("is good").doubts.len(), doubts, "{offset}");
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_beside_a_header_is_refused_without_waiting_for_it() {
    let folder = folder("pipe");
    let header = fs::read_to_string(fixture("tiny.mhd")).expect("read");
    let name =
        header.lines().find_map(|line| line.strip_prefix("ElementDataFile = ")).expect("names its data");
    fs::write(folder.0.join("tiny.mhd"), &header).expect("write");
    let made = std::process::Command::new("mkfifo").arg(folder.0.join(name.trim())).status();
    assert!(made.expect("mkfifo runs").success());
    let error = volume_file::read(&folder.0.join("tiny.mhd"), 0).expect_err("is a pipe");
    assert!(error.to_string().contains("no regular file"), "{error}");
}

#[test]
fn all_times_of_a_series_become_one_file_of_four_dimensions() {
    let Some(path) = data("geometry/mr-4d-epi") else { return };
    let folder = folder("times");
    let library = dicom::scan(&[path], &Progress::default()).expect("scan");
    let series = &library.studies[0].series;
    assert_eq!(series.len(), 10);
    let times: Vec<_> =
        series.iter().map(|s| dicom::load(s, &Progress::default()).expect("load").volume).collect();
    // What dcm2niix finds, too.
    let step_s = dicom::time_step_s(&series.iter().collect::<Vec<_>>()).ok();
    assert_eq!(step_s, Some(5.0));
    for name in ["a.nii.gz", "a.nrrd", "a.mha"] {
        let path = folder.0.join(name);
        volume_file::write(&path, &times, step_s, Existing::Refuse).expect("write");
        let header = volume_file::header(&path).expect("is good");
        assert_eq!((header.times, header.doubts.len()), (10, 0), "{name}: {:?}", header.doubts);
        assert_eq!(header.geometry.dims(), [64, 64, 15]);
        for (index, time) in times.iter().enumerate() {
            let back = volume_file::read(&path, index as u32).expect("read back");
            assert!(values(&back) == values(time), "{name}, time {}", index + 1);
            for (found, expected) in
                back.geometry().corners_mm().into_iter().zip(time.geometry().corners_mm())
            {
                assert_near(found, expected.to_array(), 1e-3);
            }
        }
    }
}

#[test]
fn resampled_volumes_keep_padding_too_and_mix_nothing_with_it() {
    let Some(path) = data("ct-head-tilt-uneven") else { return };
    let library = dicom::scan(&[path], &Progress::default()).expect("scan");
    let series = library.studies[0].series[0].with_padding();
    assert_eq!(library.studies[0].series[0].padding(), Some(-1500.0));
    for load in [dicom::load, dicom::load_upright] {
        let loaded = load(&series, &Progress::default()).expect("load");
        let low: Vec<f32> = values(&loaded.volume).into_iter().filter(|&v| v < -1024.0).collect();
        assert!(low.len() > 100_000 && low.iter().all(|&v| v == -1500.0), "{}", low.len());
    }
}

#[test]
fn seconds_between_times_are_written_where_they_are_known() {
    let Some(path) = data("geometry/mr-mosaic-siemens") else { return };
    let folder = folder("seconds");
    let library =
        dicom::scan(&[path, data("geometry/mr-4d-epi").expect("lies beside it")], &Progress::default());
    let library = library.expect("scan");
    let series: Vec<_> = library.studies.iter().flat_map(|study| &study.series).collect();
    let mosaic: Vec<_> = series.iter().filter(|s| s.dims == [72, 72, 5]).copied().collect();
    let step = dicom::time_step_s(&mosaic[..2]).expect("is known");
    assert!((step - 2.435_37).abs() < 1e-9, "{step}");
    // One number cannot be the step of both.
    let others: Vec<_> = series.iter().filter(|s| s.dims == [64, 64, 15]).copied().collect();
    assert!(dicom::time_step_s(&[mosaic[0], others[0]]).is_err());

    let times: Vec<_> =
        mosaic[..2].iter().map(|s| dicom::load(s, &Progress::default()).expect("load").volume).collect();
    let written = |name: &str, step_s: Option<f64>| {
        let path = folder.0.join(name);
        volume_file::write(&path, &times, step_s, Existing::Replace).expect("write");
        fs::read(path).expect("read")
    };
    let nifti = written("a.nii", Some(step));
    assert_eq!((nifti[123], nifti[92..96].to_vec()), (2 | 8, (step as f32).to_le_bytes().to_vec()));
    let nifti = written("a.nii", None);
    assert_eq!((nifti[123], nifti[92..96].to_vec()), (2, 1f32.to_le_bytes().to_vec()));
    let has = |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(has(&written("a.nrrd", Some(step)), "spacings: nan nan nan 2.43537\n"));
    assert!(!has(&written("a.nrrd", None), "spacings"));
    assert!(has(&written("a.mha", Some(step)), " 2.43537\nDimSize"));
}

#[test]
fn padding_is_written_as_the_files_have_it() {
    let Some(root) = data("") else { return };
    let path = root.join("modalities/dcmqi-seg/ct-3slice/01.dcm");
    let library = dicom::scan(&[path], &Progress::default()).expect("scan");
    let series = &library.studies[0].series[0];
    let load = |series: &dicom::Series| dicom::load(series, &Progress::default()).expect("load");
    let (shown, whole) = (load(series), load(&series.with_padding()));
    let told = |loaded: &dicom::Loaded| loaded.warnings.iter().any(|w| w.code == WarningCode::Padding);
    assert!(told(&shown) && !told(&whole));
    // Stored as -2000, with an intercept of -1024; pydicom counts 55772 of them.
    assert_eq!(series.padding(), Some(-3024.0));
    let count = |loaded: &dicom::Loaded| values(&loaded.volume).iter().filter(|&&v| v == -3024.0).count();
    assert_eq!((count(&shown), count(&whole)), (0, 55_772));
}

#[test]
fn values_and_distances_that_are_no_numbers_are_told() {
    let folder = folder("nan");
    let mut bytes = fs::read(fixture("tiny.nii")).expect("read");
    // Floats, the fourth of which is none; the third distance beside the sform is none, either.
    let voxels: Vec<u8> =
        (0..24).flat_map(|i| if i == 3 { f32::NAN } else { i as f32 }.to_le_bytes()).collect();
    bytes.truncate(352);
    bytes.extend(voxels);
    bytes[70..72].copy_from_slice(&16i16.to_le_bytes());
    bytes[72..74].copy_from_slice(&32i16.to_le_bytes());
    bytes[88..92].copy_from_slice(&f32::NAN.to_le_bytes());
    bytes[254..256].copy_from_slice(&1i16.to_le_bytes());
    let path = folder.0.join("nan.nii");
    fs::write(&path, bytes).expect("write");
    let library = dicom::scan(&[path], &Progress::default()).expect("scan");
    let series = &library.studies[0].series[0];
    assert!(series.warnings[0].message.contains("pixdim"), "{:?}", series.warnings);
    let loaded = dicom::load(series, &Progress::default()).expect("load");
    let warning = loaded.warnings.iter().find(|w| w.code == WarningCode::NotFinite).expect("is told");
    assert_eq!(warning.value, Some(1.0));
    assert!(loaded.report.corrected.iter().any(|line| line.contains("no finite number")));
}

#[cfg(unix)]
#[test]
fn a_header_does_not_make_voxcast_follow_a_link_out_of_its_folder() {
    let folder = folder("link");
    let text = fs::read_to_string(fixture("tiny.nhdr")).expect("read");
    fs::create_dir_all(folder.0.join("in")).expect("create");
    fs::write(folder.0.join("in/tiny.nhdr"), text).expect("write");
    fs::copy(fixture("tiny.raw"), folder.0.join("secret.raw")).expect("copy");
    let link = folder.0.join("in/tiny.raw");
    std::os::unix::fs::symlink(folder.0.join("secret.raw"), &link).expect("link");
    let error = volume_file::read(&folder.0.join("in/tiny.nhdr"), 0).expect_err("leads out");
    assert!(error.to_string().contains("is a link to another"), "{error}");
    fs::remove_file(&link).expect("remove");
    fs::copy(fixture("tiny.raw"), folder.0.join("in/other.raw")).expect("copy");
    std::os::unix::fs::symlink("other.raw", &link).expect("link");
    volume_file::read(&folder.0.join("in/tiny.nhdr"), 0).expect("stays in its folder");
}
