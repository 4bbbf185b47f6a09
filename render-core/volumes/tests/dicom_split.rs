//! Images that are not one volume never become one, and none of them gets lost.

mod made;

use made::{Folder, Slice, load};
use volumes::dicom::{Series, WarningCode};

/// Name of each series and its voxels at the first corner: what became of which images.
fn contents(folder: &Folder) -> Vec<(String, Vec<f32>)> {
    let values = |series: &Series| {
        let volume = load(series).volume;
        (0..volume.geometry().dims()[2]).map(|k| volume.value_at([0, 0, k]).expect("inside")).collect()
    };
    folder.series().iter().map(|series| (series.part.clone(), values(series))).collect()
}

type Change = Box<dyn Fn(Slice) -> Slice>;

fn text(tag: u32, vr: &'static [u8; 2], value: &'static str) -> Change {
    Box::new(move |slice| slice.text(tag, vr, value))
}

/// Two interleaved sets of slices: heights 0 to 2, values 1 to 3, and the same with 100 added.
fn two_kinds(name: &str, first: &Change, second: &Change) -> Folder {
    let folder = Folder::new(name);
    for k in 0..3u32 {
        let (z, value) = (f64::from(k), k as i16 + 1);
        first(Slice::new(2 * k, z, value)).write(&folder, &format!("a{k}"));
        second(Slice::new(2 * k + 1, z, value + 100)).write(&folder, &format!("b{k}"));
    }
    folder
}

#[test]
fn images_of_different_kinds_are_volumes_of_their_own_with_names_that_say_why() {
    let larger = || -> Change { Box::new(|slice| slice.pixels(8, 4, &[101; 32])) };
    let number = |tag, value: f64| -> Change {
        Box::new(move |slice: Slice| slice.element(tag, b"FD", &value.to_le_bytes()))
    };
    let siemens = |value: &'static str| -> Change {
        Box::new(move |slice| {
            let slice = slice.text(0x0008_0060, b"CS", "MR").text(0x0019_0010, b"LO", "SIEMENS MR HEADER");
            slice.text(0x0019_100C, b"IS", value)
        })
    };
    let ge = |value: &'static str| -> Change {
        Box::new(move |slice| {
            let slice = slice.text(0x0008_0060, b"CS", "MR").text(0x0043_0010, b"LO", "GEMS_PARM_01");
            slice.text(0x0043_1039, b"IS", value)
        })
    };
    let vector = |tag, value: [f64; 3]| -> Change {
        Box::new(move |slice: Slice| slice.element(tag, b"FD", &value.map(f64::to_le_bytes).concat()))
    };
    let ge_direction = |x: &'static str, y: &'static str| -> Change {
        Box::new(move |slice| {
            let slice = ge("700")(slice).text(0x0019_0010, b"LO", "GEMS_ACQU_01");
            let slice = slice.text(0x0019_10BB, b"DS", x);
            slice.text(0x0019_10BC, b"DS", y).text(0x0019_10BD, b"DS", "0")
        })
    };
    let types = |value| text(0x0008_0008, b"CS", value);
    let cases: Vec<(&str, Change, Change, [&str; 2], &str)> = vec![
        (
            "kvp",
            text(0x0018_0060, b"DS", "80"),
            text(0x0018_0060, b"DS", "140"),
            ["80 kVp", "140 kVp"],
            "tube voltage",
        ),
        ("b", number(0x0018_9087, 0.0), number(0x0018_9087, 1000.0), ["b 0", "b 1000"], "b-value"),
        ("b-siemens", siemens("0"), siemens("800"), ["b 0", "b 800"], "b-value"),
        ("b-ge", ge("1000000050\\8\\0\\0"), ge("1000000700\\8\\0\\0"), ["b 50", "b 700"], "b-value"),
        (
            "echo",
            text(0x0018_0086, b"IS", "1"),
            text(0x0018_0086, b"IS", "02"),
            ["echo 1", "echo 2"],
            "echo number",
        ),
        (
            "te",
            text(0x0018_0081, b"DS", "2.3"),
            text(0x0018_0081, b"DS", "4.6"),
            ["TE 2.3 ms", "TE 4.6 ms"],
            "echo time",
        ),
        (
            "ti",
            text(0x0018_0082, b"DS", "400"),
            text(0x0018_0082, b"DS", "900"),
            ["TI 400 ms", "TI 900 ms"],
            "inversion time",
        ),
        (
            "direction",
            vector(0x0018_9089, [1.0, 0.0, 0.0]),
            vector(0x0018_9089, [0.0, -0.6, 0.8]),
            ["direction 1,0,0", "direction 0,-0.6,0.8"],
            "diffusion direction",
        ),
        (
            "direction-siemens",
            Box::new(move |slice| siemens("800")(vector(0x0019_100E, [0.0, 1.0, 0.0])(slice))),
            Box::new(move |slice| siemens("800")(vector(0x0019_100E, [0.0, 0.0, 2.0])(slice))),
            ["direction 0,1,0", "direction 0,0,1"],
            "diffusion direction",
        ),
        (
            "direction-ge",
            ge_direction("1", "0"),
            ge_direction("0", "-1"),
            ["direction 1,0,0", "direction 0,-1,0"],
            "diffusion direction",
        ),
        (
            "rescale-type",
            text(0x0028_1054, b"LO", "HU"),
            text(0x0028_1054, b"LO", "US"),
            ["HU", ""],
            "unit of the values",
        ),
        (
            "units",
            text(0x0054_1001, b"CS", "BQML"),
            text(0x0054_1001, b"CS", "CNTS"),
            ["BQML", "CNTS"],
            "unit",
        ),
        (
            "grey",
            text(0x0028_0004, b"CS", "MONOCHROME1"),
            text(0x0028_0004, b"CS", "MONOCHROME2"),
            ["MONOCHROME1", "MONOCHROME2"],
            "photometric",
        ),
        (
            "spacing",
            text(0x0028_0030, b"DS", "1\\1"),
            text(0x0028_0030, b"DS", "2\\2"),
            ["1x1 mm", "2x2 mm"],
            "pixel spacing",
        ),
        ("size", text(0x0028_0030, b"DS", "1\\1"), larger(), ["4x4", "8x4"], "rows and columns"),
        ("phase", types("ORIGINAL\\PRIMARY\\M"), types("ORIGINAL\\PRIMARY\\P"), ["m", "p"], "kind of image"),
        (
            "derived",
            types("ORIGINAL\\PRIMARY\\AXIAL"),
            types("DERIVED\\SECONDARY\\AXIAL"),
            ["original", "derived"],
            "original or derived",
        ),
        (
            "localizer",
            types("ORIGINAL\\PRIMARY\\LOCALIZER"),
            types("ORIGINAL\\PRIMARY\\AXIAL"),
            ["localizer", ""],
            "kind of image",
        ),
        (
            "kernel",
            text(0x0018_1210, b"SH", "B30f"),
            text(0x0018_1210, b"SH", "B70f"),
            ["B30f", "B70f"],
            "kernel",
        ),
        (
            "frame",
            text(0x0020_0052, b"UI", "1.5"),
            text(0x0020_0052, b"UI", "1.6"),
            ["part 1", "part 2"],
            "frame of reference",
        ),
    ];
    for (name, first, second, names, reason) in cases {
        let folder = two_kinds(name, &first, &second);
        let mut found = contents(&folder);
        found.sort_by(|a, b| a.1[0].total_cmp(&b.1[0]));
        let slices =
            [vec![1.0, 2.0, 3.0], if name == "size" { vec![101.0; 3] } else { vec![101.0, 102.0, 103.0] }];
        let unit = |values: &Vec<f32>| values.clone();
        assert_eq!(found.iter().map(|f| f.0.as_str()).collect::<Vec<_>>(), names, "{name}");
        assert_eq!(found.iter().map(|f| unit(&f.1)).collect::<Vec<_>>(), slices, "{name}");
        let ids: Vec<String> = folder.series().iter().map(Series::id).collect();
        assert!(ids[0] != ids[1] && ids.iter().all(|id| id.starts_with("1.2.3.0")), "{ids:?}");
        for series in folder.series() {
            let split = series.warnings.iter().find(|w| w.code == WarningCode::MixedImages);
            let message = &split.unwrap_or_else(|| panic!("{name}: no warning")).message;
            assert!(message.contains(reason), "{name}: {message:?} does not say {reason:?}");
        }
    }
}

#[test]
fn differences_that_are_rounding_split_nothing() {
    let pairs = [
        (text(0x0028_0030, b"DS", "0.488281\\0.488281"), text(0x0028_0030, b"DS", "0.4882812\\0.4882812")),
        (text(0x0018_0086, b"IS", "1"), text(0x0018_0086, b"IS", "01")),
        (text(0x0018_0060, b"DS", "120"), text(0x0018_0060, b"DS", "120.0")),
        (text(0x0018_0081, b"DS", "4.6"), text(0x0018_0081, b"DS", "4.601")),
    ];
    for (k, (first, second)) in pairs.iter().enumerate() {
        let folder = Folder::new(&format!("rounding{k}"));
        first(Slice::new(1, 0.0, 1)).write(&folder, "a");
        second(Slice::new(2, 1.0, 2)).write(&folder, "b");
        assert_eq!(contents(&folder), [(String::new(), vec![1.0, 2.0])], "pair {k}");
        assert!(folder.series()[0].warnings.is_empty());
    }
}

/// A stack of ten slices, each changed in its own way.
fn stack(name: &str, modality: &str, change: impl Fn(Slice, u32) -> Slice) -> Folder {
    let folder = Folder::new(name);
    for k in 0..10u32 {
        let slice = Slice::new(k, f64::from(k), k as i16).text(0x0008_0060, b"CS", modality);
        change(slice, k).write(&folder, &k.to_string());
    }
    folder
}

fn gradient(slice: Slice, degrees: f64) -> Slice {
    let (y, x) = degrees.to_radians().sin_cos();
    let bytes = [x, y, 0.0].map(f64::to_le_bytes).concat();
    slice.element(0x0018_9087, b"FD", &1000f64.to_le_bytes()).element(0x0018_9089, b"FD", &bytes)
}

/// As GE keeps variables of any sequence, and the direction of diffusion.
fn user_variables(slice: Slice, first: u32) -> Slice {
    let slice = slice.text(0x0019_0010, b"LO", "GEMS_ACQU_01").text(0x0019_10BB, b"DS", &first.to_string());
    slice.text(0x0019_10BC, b"DS", "3").text(0x0019_10BD, b"DS", "5")
}

#[test]
fn what_a_sequence_changes_from_slice_to_slice_leaves_a_volume_whole() {
    let inversion = |slice: Slice, ms: u32| slice.text(0x0018_0082, b"DS", &ms.to_string());
    let folders = [
        stack("drift-ti", "MR", |slice, k| inversion(slice, 280 + 5 * k)),
        stack("drift-direction", "MR", |slice, k| gradient(slice, 1.5 * f64::from(k))),
        stack("drift-ge-mr", "MR", user_variables),
        stack("drift-ge-ct", "CT", user_variables),
    ];
    let whole: Vec<f32> = (0..10u8).map(f32::from).collect();
    for folder in folders {
        assert_eq!(contents(&folder), [(String::new(), whole.clone())], "{:?}", folder.0);
        assert!(folder.series()[0].warnings.is_empty());
    }
    // Two images at each place, of equal inversion times: they are times, not parts.
    let times = stack("drift-times", "MR", |slice, k| inversion(slice, 280 + 5 * k));
    for k in 0..10u32 {
        let slice = Slice::new(50 + k, f64::from(k), 50 + k as i16).text(0x0008_0060, b"CS", "MR");
        inversion(slice, 280 + 5 * k).write(&times, &format!("later{k}"));
    }
    let names: Vec<String> = contents(&times).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["time 1 of 2", "time 2 of 2"]);
    // Echoes apart, each whole, and named by what sets them apart only.
    let echoes = stack("drift-echoes", "MR", |slice, k| {
        inversion(slice, 280 + 5 * k).text(0x0018_0081, b"DS", if k < 4 { "2" } else { "4" })
    });
    let names: Vec<String> = contents(&echoes).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["TE 2 ms", "TE 4 ms"]);
}

#[test]
fn inversion_times_at_one_place_are_volumes_of_their_own() {
    let folder = Folder::new("inversions");
    for k in 0..4u32 {
        for (n, ms) in ["400", "900"].into_iter().enumerate() {
            let slice = Slice::new(2 * k + n as u32, f64::from(k), (10 * n as u32 + k) as i16);
            let slice = slice.text(0x0008_0060, b"CS", "MR").text(0x0018_0082, b"DS", ms);
            slice.write(&folder, &format!("{k}-{n}"));
        }
    }
    assert_eq!(
        contents(&folder),
        [("TI 400 ms".into(), vec![0.0, 1.0, 2.0, 3.0]), ("TI 900 ms".into(), vec![10.0, 11.0, 12.0, 13.0])]
    );
}

#[test]
fn an_unspecified_unit_is_that_of_equal_images_and_of_original_ct() {
    let rescaled = |slice: Slice, kind: &str, unit: &str| {
        let slice = slice.text(0x0008_0008, b"CS", kind).text(0x0028_1053, b"DS", "1");
        slice.text(0x0028_1052, b"DS", "-1024").text(0x0028_1054, b"LO", unit)
    };
    let derived = "DERIVED\\SECONDARY\\AXIAL";
    let original = "ORIGINAL\\PRIMARY\\AXIAL";
    let mixed = |k: u32| if k.is_multiple_of(2) { "US" } else { "HU" };
    let cases = [
        (stack("unit-mixed", "CT", |slice, k| rescaled(slice, original, mixed(k))), "HU", Some(5.0)),
        (stack("unit-mixed-derived", "CT", |slice, k| rescaled(slice, derived, mixed(k))), "HU", Some(5.0)),
        (stack("unit-original", "CT", |slice, _| rescaled(slice, original, "US")), "HU", Some(10.0)),
        (stack("unit-derived", "CT", |slice, _| rescaled(slice, derived, "US")), "", None),
        (
            stack("unit-localizer", "CT", |slice, _| rescaled(slice, "ORIGINAL\\PRIMARY\\LOCALIZER", "US")),
            "",
            None,
        ),
        (stack("unit-mr", "MR", |slice, _| rescaled(slice, original, "US")), "", None),
    ];
    for (folder, unit, silent) in cases {
        let all = folder.series();
        let found: Vec<_> = all.iter().map(|s| (s.dims[2], load(s).facts.unit)).collect();
        assert_eq!(found, [(10, unit.to_owned())], "{:?}", folder.0);
        let warning = all[0].warnings.iter().find(|w| w.code == WarningCode::UnspecifiedUnit);
        assert_eq!(warning.map(|w| w.value), silent.map(Some), "{:?}", folder.0);
    }
}

#[test]
fn a_single_image_of_another_kind_within_a_volume_leaves_a_gap_that_is_told() {
    let folder = Folder::new("one-other");
    for k in 0..5u32 {
        let slice = Slice::new(k, f64::from(k), k as i16);
        let slice = if k == 2 { slice.text(0x0028_0030, b"DS", "2\\2") } else { slice };
        slice.write(&folder, &k.to_string());
    }
    let all = folder.series();
    assert_eq!(all.iter().map(|s| s.dims[2]).collect::<Vec<_>>(), [4, 1]);
    let codes: Vec<_> = all[0].warnings.iter().map(|w| w.code).collect();
    assert_eq!(codes, [WarningCode::MixedImages, WarningCode::MissingSlices]);
}

#[test]
fn positions_that_repeat_unequally_lose_no_image() {
    let folder = Folder::new("unequal");
    for k in 0..10u32 {
        Slice::new(k, f64::from(k), k as i16).write(&folder, &format!("a{k}"));
    }
    for k in 0..7u32 {
        Slice::new(100 + k, f64::from(k), 50 + k as i16).write(&folder, &format!("b{k}"));
    }
    let values = |from: u8, count: u8| -> Vec<f32> { (from..from + count).map(f32::from).collect() };
    assert_eq!(
        contents(&folder),
        [("repeat 1 of 2".into(), values(0, 10)), ("repeat 2 of 2".into(), values(50, 7))]
    );
    let warning = folder.series()[1].warnings[0].clone();
    assert_eq!((warning.code, warning.value), (WarningCode::DuplicatePositions, Some(2.0)));
    assert!(warning.message.contains("2 volumes of 10, 7 slices"), "{}", warning.message);
    // The header tells two acquisitions apart, if only in some of the images.
    for k in 0..7u32 {
        Slice::new(100 + k, f64::from(k), 50 + k as i16)
            .text(0x0020_0012, b"IS", "1")
            .write(&folder, &format!("b{k}"));
    }
    assert_eq!(contents(&folder)[1], ("acquisition 2 of 2".into(), values(50, 7)));
    // It does so whatever the order of the numbers.
    for k in 0..10u32 {
        Slice::new(200 - k, f64::from(k), k as i16)
            .text(0x0020_0012, b"IS", "2")
            .write(&folder, &format!("a{k}"));
    }
    for k in 0..7u32 {
        Slice::new(100 + k, f64::from(k), 50 + k as i16)
            .text(0x0020_0012, b"IS", "1")
            .write(&folder, &format!("b{k}"));
    }
    assert_eq!(
        contents(&folder),
        [("acquisition 1 of 2".into(), values(50, 7)), ("acquisition 2 of 2".into(), values(0, 10))]
    );
}

#[test]
fn times_follow_the_temporal_position_before_the_instance_number() {
    let folder = Folder::new("temporal");
    for (number, time, z) in [(1, "2", 0), (2, "1", 0), (3, "1", 1), (4, "2", 1)] {
        Slice::new(number, f64::from(z), number as i16)
            .text(0x0020_0100, b"IS", time)
            .write(&folder, &number.to_string());
    }
    assert_eq!(
        contents(&folder),
        [("time 1 of 2".into(), vec![2.0, 3.0]), ("time 2 of 2".into(), vec![1.0, 4.0])]
    );
    let times: Vec<_> = folder.series().iter().map(|s| s.time.map(|t| (t.index, t.count))).collect();
    assert_eq!(times, [Some((0, 2)), Some((1, 2))]);
}

#[test]
fn one_place_imaged_again_and_again_is_times_of_one_slice() {
    let folder = Folder::new("one-place");
    for number in 1..4u32 {
        Slice::new(number, 7.0, number as i16).write(&folder, &number.to_string());
    }
    let names = ["time 1 of 3", "time 2 of 3", "time 3 of 3"];
    assert_eq!(contents(&folder), [1.0, 2.0, 3.0].map(|v| (names[v as usize - 1].to_owned(), vec![v])));
    assert_eq!(load(&folder.series()[2]).facts.origin_mm, [0.0, 0.0, 7.0]);
}

#[test]
fn files_of_one_instance_uid_are_copies_only_if_their_contents_are_equal() {
    let folder = Folder::new("versions");
    for k in 0..3u32 {
        Slice::new(k, f64::from(k), k as i16).write(&folder, &format!("a{k}"));
        Slice::new(k, f64::from(k), k as i16).write(&folder, &format!("copy{k}"));
    }
    assert_eq!(contents(&folder), [(String::new(), vec![0.0, 1.0, 2.0])]);
    assert_eq!(folder.series()[0].warnings[0].value, Some(3.0));

    // One copy with other pixels: both are kept, and it is told.
    Slice::new(1, 1.0, 77).write(&folder, "copy1");
    assert_eq!(contents(&folder), [(String::new(), vec![0.0, 1.0, 2.0]), ("version 2".into(), vec![77.0])]);
    let codes: Vec<_> = folder.series()[1].warnings.iter().map(|w| w.code).collect();
    assert!(codes.contains(&WarningCode::ConflictingInstances), "{codes:?}");

    // The same UID at another place: an image like any other.
    let folder = Folder::new("elsewhere");
    for k in 0..3u32 {
        Slice::new(k, f64::from(k), k as i16).text(0x0008_0018, b"UI", "1.9").write(&folder, &k.to_string());
    }
    assert_eq!(contents(&folder), [(String::new(), vec![0.0, 1.0, 2.0])]);
    assert_eq!(folder.series()[0].warnings[0].code, WarningCode::ConflictingInstances);
}

#[test]
fn images_without_a_place_are_series_of_their_own_and_frames_of_one_file_a_stack() {
    let folder = Folder::new("loose");
    for number in [5u32, 3] {
        Slice::new(number, 0.0, number as i16).without(0x0020_0032).write(&folder, &number.to_string());
    }
    assert_eq!(contents(&folder), [("image 3".into(), vec![3.0]), ("image 5".into(), vec![5.0])]);
    let frames: Vec<i16> = (0..48).map(|i| i / 16).collect();
    Slice::new(9, 0.0, 0)
        .without(0x0020_0032)
        .text(0x0028_0008, b"IS", "3")
        .pixels(4, 4, &frames)
        .us(0x0028_0010, 4)
        .write(&folder, "9");
    let all = folder.series();
    assert_eq!(all[2].dims, [4, 4, 3]);
    assert_eq!(load(&all[2]).warnings[0].code, WarningCode::NoSpacing);
}

#[test]
fn patients_without_an_id_are_told_apart_by_their_birth_dates() {
    let folder = Folder::new("birth");
    for (k, date) in ["19600101", "19610101"].iter().enumerate() {
        Slice::new(k as u32, k as f64, 0)
            .text(0x0010_0010, b"PN", "")
            .text(0x0010_0020, b"LO", "")
            .text(0x0010_0030, b"DA", date)
            .write(&folder, date);
    }
    assert_eq!(folder.scan().studies.len(), 2);
}

#[test]
fn files_without_an_instance_uid_are_copies_if_their_pixels_are_equal_and_else_times() {
    let folder = Folder::new("unnamed");
    for k in 0..3u32 {
        let unnamed = |value| Slice::new(k, f64::from(k), value).without(0x0008_0018);
        unnamed(k as i16).write(&folder, &format!("a{k}"));
        unnamed(k as i16).write(&folder, &format!("b{k}"));
    }
    assert_eq!(contents(&folder), [(String::new(), vec![0.0, 1.0, 2.0])]);
    let warning = folder.series()[0].warnings[0].clone();
    assert_eq!((warning.code, warning.value), (WarningCode::DuplicatePositions, Some(3.0)));
    for k in 0..3u32 {
        Slice::new(k, f64::from(k), 50 + k as i16).without(0x0008_0018).write(&folder, &format!("b{k}"));
    }
    assert_eq!(
        contents(&folder),
        [("time 1 of 2".into(), vec![0.0, 1.0, 2.0]), ("time 2 of 2".into(), vec![50.0, 51.0, 52.0])]
    );
    assert!(folder.series()[0].warnings.is_empty());
}

#[test]
fn an_orientation_that_cannot_be_is_told_and_its_image_kept_apart() {
    for (name, orientation) in [("parallel", "1\\0\\0\\1\\0\\0"), ("zero", "0\\0\\0\\0\\1\\0")] {
        let folder = Folder::new(&format!("orientation-{name}"));
        for k in 0..5u32 {
            let slice = Slice::new(k, f64::from(k), k as i16);
            let slice = if k == 4 { slice.text(0x0020_0037, b"DS", orientation) } else { slice };
            slice.write(&folder, &k.to_string());
        }
        let all = folder.series();
        assert_eq!(
            contents(&folder),
            [(String::new(), vec![0.0, 1.0, 2.0, 3.0]), ("image 4".into(), vec![4.0])],
            "{name}"
        );
        for series in &all {
            let told = series.warnings.iter().find(|w| w.code == WarningCode::UnknownPlace);
            assert_eq!(told.expect(name).value, Some(1.0), "{name}");
        }
        let reason = all[1].report().millimetres.reason().unwrap_or_default().to_owned();
        assert!(reason.contains("orientation (0020,0037)"), "{reason}");
        // Alone it says the same.
        for k in 0..4u32 {
            std::fs::remove_file(folder.0.join(k.to_string())).expect("remove");
        }
        let reason = folder.series()[0].report().millimetres.reason().unwrap_or_default().to_owned();
        assert!(reason.contains("orientation (0020,0037)"), "{reason}");
    }
}

#[test]
fn the_shape_of_pixels_is_shown_where_their_size_is_not_known() {
    let folder = Folder::new("aspect");
    Slice::new(1, 0.0, 1).without(0x0028_0030).text(0x0028_0034, b"IS", "3\\2").write(&folder, "a");
    let series = &folder.series()[0];
    let spacing = load(series).volume.geometry().spacing_mm();
    assert_eq!(spacing.y / spacing.x, 1.5);
    assert_eq!(volumes::dicom::thumbnail(series, 60).expect("a picture").size, [40, 60]);
    assert_eq!(series.report().millimetres.as_str(), "nowhere");
}

#[test]
fn series_of_two_patients_have_two_keys_whatever_their_uids_say() {
    let keys = |name: &str, patients: &[&str], uid: &str| {
        let folder = Folder::new(name);
        for patient in patients {
            let slice = Slice::new(1, 0.0, 0).text(0x0010_0010, b"PN", patient).text(0x0020_000E, b"UI", uid);
            slice.write(&folder, patient);
        }
        let studies = folder.scan().studies;
        let names: std::collections::HashSet<_> = studies.iter().map(|study| study.key()).collect();
        assert_eq!(names.len(), patients.len(), "studies have one UID, but keys of their own");
        let series = studies.iter().flat_map(|study| &study.series);
        series.map(|series| (series.id(), series.key())).collect::<Vec<_>>()
    };
    for uid in ["1.2.3", ""] {
        let both = keys("keys-both", &["One", "Two"], uid);
        assert!(both.len() == 2 && both[0].0 == both[1].0 && both[0].1 != both[1].1, "{both:?}");
        // However they are found.
        let alone = keys("keys-alone", &["Two"], uid);
        assert!(alone.len() == 1 && both.contains(&alone[0]), "{alone:?}");
        assert!(both.iter().all(|(_, key)| !key.contains("One") && key.starts_with(uid)), "{both:?}");
    }
}
