//! The self-check: what was found, what was corrected, what cannot be known.

mod made;

use glam::DVec3;
use made::{Folder, Slice, load};
use volumes::dicom::{Loaded, Trust, WarningCode};

/// One image made by a change, loaded.
fn loaded(name: &str, change: impl Fn(Slice) -> Slice) -> Loaded {
    let folder = Folder::new(name);
    change(Slice::new(1, 5.0, 1)).write(&folder, "a");
    load(&folder.series()[0])
}

/// A sequence of one item in explicit VR little endian.
fn item(elements: &[(u32, [u8; 2], Vec<u8>)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (tag, vr, value) in elements {
        body.extend_from_slice(&((tag >> 16) as u16).to_le_bytes());
        body.extend_from_slice(&(*tag as u16).to_le_bytes());
        body.extend_from_slice(vr);
        body.extend_from_slice(&(value.len() as u16).to_le_bytes());
        body.extend_from_slice(value);
    }
    let head = [&[0xFE, 0xFF, 0x00, 0xE0][..], &(body.len() as u32).to_le_bytes()].concat();
    [head, body].concat()
}

#[test]
fn a_volume_in_order_holds_millimetres_everywhere() {
    let loaded = loaded("plain", |slice| slice.text(0x0020_0052, b"UI", "1.9").text(0x0018_0050, b"DS", "2"));
    assert_eq!(loaded.report.millimetres, Trust::Everywhere);
    assert_eq!(loaded.report.found, ["1 image of 4 by 4 pixels, 1.000 by 1.000 mm each"]);
    assert!(loaded.report.corrected.is_empty() && loaded.report.unknown.is_empty(), "{:?}", loaded.report);
}

#[test]
fn directions_are_known_from_the_orientation_alone() {
    let known = loaded("oriented", |slice| slice.without(0x0020_0032));
    assert!(!known.report.directions_unknown, "{:?}", known.report);
    let unknown = loaded("lying", |slice| slice.without(0x0020_0037));
    assert!(unknown.report.directions_unknown);
    assert!(unknown.report.unknown.iter().any(|why| why.contains("(0020,0037)")), "{:?}", unknown.report);
}

#[test]
fn lengths_are_trusted_nowhere_without_the_spacing_in_the_patient() {
    let plain = |slice: Slice| slice.without(0x0028_0030);
    let imager = |slice: Slice| slice.text(0x0018_1164, b"DS", "0.2\\0.2");
    let cr = |slice: Slice| slice.text(0x0008_0060, b"CS", "CR");
    type Case<'a> = (&'a str, &'a dyn Fn(Slice) -> Slice, [f64; 2], WarningCode, &'a str);
    let cases: [Case<'_>; 6] = [
        ("none", &plain, [1.0, 1.0], WarningCode::NoSpacing, "is missing: 1 mm is assumed"),
        (
            "imager",
            &|s| imager(plain(s)),
            [0.2, 0.2],
            WarningCode::Uncalibrated,
            "at the detector (0018,1164)",
        ),
        (
            "equal",
            &|s| cr(imager(s)).text(0x0028_0030, b"DS", "0.2\\0.2"),
            [0.2, 0.2],
            WarningCode::Uncalibrated,
            "at the detector",
        ),
        ("unstated", &|s| cr(s), [1.0, 1.0], WarningCode::Uncalibrated, "does not tell whether"),
        (
            "film",
            &|s| plain(s).text(0x0018_2010, b"DS", "0.5\\0.5"),
            [0.5, 0.5],
            WarningCode::Uncalibrated,
            "scanned film",
        ),
        // Rows are twice as far apart as columns: the shape is right, the size not known.
        (
            "ratio",
            &|s| plain(s).text(0x0028_0034, b"IS", "2\\1"),
            [1.0, 2.0],
            WarningCode::NoSpacing,
            "shape of the pixels",
        ),
    ];
    for (name, change, spacing, code, reason) in cases {
        let loaded = loaded(name, change);
        assert_eq!(loaded.facts.spacing_mm[..2], spacing, "{name}");
        assert_eq!(loaded.warnings[0].code, code, "{name}");
        let Trust::Nowhere(why) = &loaded.report.millimetres else { panic!("{name}: {:?}", loaded.report) };
        assert!(why.contains(reason) && loaded.report.unknown.contains(why), "{name}: {why}");
    }
}

#[test]
fn a_calibrated_projection_holds_millimetres_within_the_image() {
    for (name, tag, vr, value) in
        [("differs", 0x0018_1164, b"DS", "0.25\\0.25"), ("stated", 0x0028_0A02, b"CS", "FIDUCIAL")]
    {
        let loaded = loaded(name, |slice| {
            let slice = slice.text(0x0008_0060, b"CS", "DX").text(0x0028_0030, b"DS", "0.2\\0.2");
            slice.text(tag, vr, value).without(0x0020_0032)
        });
        let Trust::WithinImages(reason) = &loaded.report.millimetres else { panic!("{:?}", loaded.report) };
        assert!(reason.contains("no position"), "{reason}");
        assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    }
}

#[test]
fn ultrasound_takes_its_spacing_from_its_regions_if_they_agree() {
    let region = |delta: f64, [x0, y0, x1, y1]: [u32; 4]| {
        let us = |value: u16| value.to_le_bytes().to_vec();
        let ul = |value: u32| value.to_le_bytes().to_vec();
        item(&[
            (0x0018_6012, *b"US", us(1)),
            (0x0018_6018, *b"UL", ul(x0)),
            (0x0018_601A, *b"UL", ul(y0)),
            (0x0018_601C, *b"UL", ul(x1)),
            (0x0018_601E, *b"UL", ul(y1)),
            (0x0018_6024, *b"US", us(3)),
            (0x0018_6026, *b"US", us(3)),
            (0x0018_602C, *b"FD", delta.to_le_bytes().to_vec()),
            (0x0018_602E, *b"FD", (-2.0 * delta).to_le_bytes().to_vec()),
        ])
    };
    let us = |regions: Vec<u8>| {
        move |slice: Slice| {
            let slice = slice.text(0x0008_0060, b"CS", "US").without(0x0028_0030).without(0x0020_0032);
            slice.element(0x0018_6011, b"SQ", &regions)
        }
    };
    let (left, right) = ([0, 0, 1, 3], [3, 0, 3, 3]);
    let one = loaded("region", us([region(0.03, left), region(0.03, right)].concat()));
    assert!((one.facts.spacing_mm[0] - 0.3).abs() < 1e-9 && (one.facts.spacing_mm[1] - 0.6).abs() < 1e-9);
    let trust = &one.report.millimetres;
    let Trust::WithinRegions(reason, regions) = trust else { panic!("{:?}", one.report) };
    assert_eq!((regions.len(), regions[1].first, regions[1].last), (2, [3, 0], [3, 3]));
    assert!(one.report.unknown.contains(reason), "{:?}", one.report);
    let geometry = one.volume.geometry();
    let holds = |from: [f64; 2], to: [f64; 2]| {
        let mm = |[x, y]: [f64; 2]| geometry.patient_from_voxel().transform_point3(DVec3::new(x, y, 0.0));
        trust.holds_between(&[mm(from), mm(to)], DVec3::Z, geometry)
    };
    assert!(holds([-0.4, 0.0], [1.4, 3.4]) && holds([2.6, 1.0], [3.0, 2.0]));
    assert!(!holds([1.0, 1.0], [3.0, 1.0]), "from one region to the other");
    assert!(!holds([2.0, 0.0], [2.0, 3.0]), "between them");
    let two = loaded("regions", us([region(0.03, left), region(0.05, right)].concat()));
    assert!(matches!(two.report.millimetres, Trust::Nowhere(_)), "{:?}", two.report);
}

#[test]
fn ultrasound_pictures_of_other_regions_are_series_of_their_own() {
    let folder = Folder::new("other-regions");
    for (number, last) in [(1, 2u32), (2, 2), (3, 3)] {
        let us = |value: u16| value.to_le_bytes().to_vec();
        let ul = |value: u32| value.to_le_bytes().to_vec();
        let region = item(&[
            (0x0018_6012, *b"US", us(1)),
            (0x0018_6018, *b"UL", ul(0)),
            (0x0018_601A, *b"UL", ul(0)),
            (0x0018_601C, *b"UL", ul(last)),
            (0x0018_601E, *b"UL", ul(last)),
            (0x0018_6024, *b"US", us(3)),
            (0x0018_6026, *b"US", us(3)),
            (0x0018_602C, *b"FD", 0.03f64.to_le_bytes().to_vec()),
            (0x0018_602E, *b"FD", 0.03f64.to_le_bytes().to_vec()),
        ]);
        let slice = Slice::new(number, f64::from(number), 0).text(0x0008_0060, b"CS", "US");
        let slice = slice.without(0x0028_0030).element(0x0018_6011, b"SQ", &region);
        slice.write(&folder, &number.to_string());
    }
    let series = folder.series();
    let mut counts: Vec<_> = series.iter().map(|series| series.dims[2]).collect();
    counts.sort_unstable();
    assert_eq!(counts, [1, 2], "{series:?}");
}

#[test]
fn frames_without_a_place_hold_millimetres_within_each_only() {
    let frames = loaded("frames", |slice| {
        slice.without(0x0020_0032).text(0x0028_0008, b"IS", "3").pixels(4, 4, &[0; 48])
    });
    assert_eq!(frames.facts.dims, [4, 4, 3]);
    assert!(frames.report.found[0].starts_with("3 frames of 4 by 4"), "{:?}", frames.report);
    assert!(matches!(frames.report.millimetres, Trust::WithinImages(_)));
}

#[test]
fn what_was_corrected_is_told() {
    let folder = Folder::new("corrected");
    for (number, z) in [(1, 0.0), (2, 2.0), (3, 1.0), (4, 4.0)] {
        Slice::new(number, z, 0).write(&folder, &number.to_string());
    }
    let report = load(&folder.series()[0]).report;
    assert!(report.corrected[0].contains("sorted by position"), "{report:?}");
    assert!(report.corrected[1].contains("1 slice is missing"), "{report:?}");
    assert!(report.unknown[0].contains("Frame of Reference"), "{report:?}");
    assert_eq!(report.millimetres, Trust::Everywhere);
}
