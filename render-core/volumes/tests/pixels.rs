//! Compressed and coloured pixels against what pydicom (pylibjpeg, libjpeg) and dcmtk make of them.

mod data;
mod made;

use std::path::Path;

use volumes::Progress;
use volumes::dicom::{self, Loaded, WarningCode};

use data::data;
use made::{Folder, Slice};

#[track_caller]
fn load(path: &Path) -> Loaded {
    let library = made::scan(path);
    assert!(library.failed.is_empty(), "{:?}", library.failed);
    let series: Vec<_> = library.studies.into_iter().flat_map(|s| s.series).collect();
    assert_eq!(series.len(), 1, "{}", path.display());
    let loaded = made::load(&series[0]);
    assert!(loaded.failed.is_empty(), "{:?}", loaded.failed);
    loaded
}

fn says(loaded: &Loaded, code: WarningCode) -> bool {
    loaded.warnings.iter().any(|w| w.code == code)
}

/// Means of brightness (0.299 R + 0.587 G + 0.114 B) that dcmdjpeg and pylibjpeg find, to the rounding
/// of colours to whole numbers.
#[test]
fn colours_of_jpeg_are_taken_from_adobe_then_jfif_then_sampling_then_the_header() {
    let Some(root) = data("transfer-syntaxes") else { return };
    for (name, mean) in [
        // An Adobe segment too short to say whether there is a transform; the header says RGB.
        ("sc-colour-and-misc/SC_rgb_jpeg.dcm", 243.98),
        ("sc-colour-and-misc/SC_jpeg_no_color_transform.dcm", 243.98),
        ("sc-colour-and-misc/SC_jpeg_no_color_transform_2.dcm", 245.52),
        ("sc-colour-and-misc/SC_rgb_jpeg_app14_dcmd.dcm", 245.52),
        ("sc-colour-and-misc/SC_rgb_dcmtk_+eb+cr.dcm", 127.74),
        ("sc-colour-and-misc/SC_rgb_dcmtk_+eb+cy+n1.dcm", 127.60),
        ("sc-colour-and-misc/SC_rgb_dcmtk_+eb+cy+n2.dcm", 127.73),
        ("sc-colour-and-misc/SC_rgb_jpeg_dcmtk.dcm", 127.73),
        // One picture, its colours subsampled; one header says YBR_FULL, the other, wrongly, RGB.
        ("sc-colour-and-misc/SC_rgb_jpeg_lossy_gdcm.dcm", 127.59),
        ("jpeg-family/JPEGBaseline/SC_rgb_jpeg_lossy_gdcm.dcm", 127.59),
        ("sc-colour-and-misc/SC_rgb_jpeg_gdcm.dcm", 127.70),
        ("sc-colour-and-misc/SC_rgb_rle_32bit.dcm", 127.70),
        ("sc-colour-and-misc/examples_jpeg2k.dcm", 35.60),
        ("htj2k-rgb/HTJ2KLossless_08_RGB.dcm", 136.94),
        ("pydicom-data/JLSL_RGB_ILV0.dcm", 146.02),
        ("pydicom-data/JLSL_RGB_ILV1.dcm", 146.02),
        ("pydicom-data/JLSL_RGB_ILV2.dcm", 146.02),
    ] {
        let loaded = load(&root.join(name));
        assert!((loaded.facts.mean - mean).abs() < 0.02, "{name}: {} is not {mean}", loaded.facts.mean);
        assert!(says(&loaded, WarningCode::ColourAsGrey), "{name}");
    }
}

/// Smallest, largest and mean stored value in the output of dcmdjpeg.
#[test]
fn jpeg_of_12_bits_gives_the_values_that_dcmtk_finds() {
    let Some(root) = data("transfer-syntaxes") else { return };
    let ct = "ct-one-image/CTImage_JPEGProcess";
    for (name, low, high, mean) in [
        ("jpeg-family/JPEGExtended/JPEG-lossy.dcm", 0.0, 264.0, 14.36999),
        ("jpeg-family/JPEGExtended/JPEGExtended_1s_1f_u_16_12.dcm", 0.0, 264.0, 14.36999),
        ("jpeg-family/JPEGExtended/RG2_JPLY.dcm", 0.0, 960.0, 450.88038),
        ("jpeg-family/JPEGExtended/RG2_JPLY_fixed.dcm", 0.0, 960.0, 450.88038),
        ("sc-colour-and-misc/JPEG-lossy.dcm", 0.0, 264.0, 14.36999),
        ("sc-colour-and-misc/JPGExtended.dcm", 0.0, 264.0, 14.36999),
    ] {
        let loaded = load(&root.join(name));
        assert_eq!(loaded.facts.value_range, (low, high), "{name}");
        assert!((loaded.facts.mean - mean).abs() < 1e-4, "{name}: {} is not {mean}", loaded.facts.mean);
        assert!(says(&loaded, WarningCode::Lossy), "{name}");
    }
    // Extended, spectral selection and full progression: one picture.
    for name in [
        "2_4TransferSyntax_1.2.840.10008.1.2.4.51",
        "6_8TransferSyntax_1.2.840.10008.1.2.4.53",
        "10_12TransferSyntax_1.2.840.10008.1.2.4.55",
    ] {
        let loaded = load(&root.join(format!("{ct}{name}.dcm")));
        let rescale = loaded.volume.rescale();
        let stored = |value: f64| (value - f64::from(rescale.intercept)) / f64::from(rescale.slope);
        let (low, high) = loaded.facts.value_range;
        assert_eq!(
            [stored(f64::from(low)).round(), stored(f64::from(high)).round()],
            [497.0, 2708.0],
            "{name}"
        );
        assert!(
            (stored(loaded.facts.mean) - 1548.25666).abs() < 1e-3,
            "{name}: {}",
            stored(loaded.facts.mean)
        );
    }
}

#[test]
fn loss_is_told_from_the_codestream_where_the_header_keeps_silent() {
    let Some(root) = data("transfer-syntaxes") else { return };
    for (name, lossy) in [
        // Near-lossless by 2, without LossyImageCompression (0028,2110).
        ("sc-colour-and-misc/JPEGLSNearLossless_08.dcm", true),
        ("sc-colour-and-misc/SC_rgb_jls_lossy_line.dcm", true),
        // One transfer syntax, wavelets 9/7 and 5/3.
        ("htj2k-rgb/HTJ2K_08_RGB.dcm", true),
        ("htj2k-rgb/HTJ2KLossless_08_RGB.dcm", false),
        ("pydicom-data/emri_small_jpeg_2k_lossless.dcm", false),
        ("ct-one-image-made/CTImage_JPEGXLLossless_1.2.840.10008.1.2.4.110.dcm", false),
    ] {
        let loaded = load(&root.join(name));
        let warnings = loaded.warnings.iter().filter(|w| w.code == WarningCode::Lossy).count();
        assert_eq!(warnings, usize::from(lossy), "{name}: {:?}", loaded.warnings);
    }
}

/// Values and brightness as pydicom's apply_voi_lut has them.
#[test]
fn a_table_of_the_file_is_the_first_look() {
    let Some(path) = data("modalities/luts-overlay-parametric/vlut_04.dcm") else { return };
    let loaded = load(&path);
    let window = loaded.volume.default_window();
    assert_eq!(window.shape(), volumes::window::Shape::Table(0));
    let curve = window.curve(loaded.volume.meaning(), false).expect("a table");
    for ([x, y], value, out) in
        [([10, 10], 255.0, 65_535.0), ([200, 100], 127.0, 32_639.0), ([256, 256], 122.0, 31_354.0)]
    {
        assert_eq!(loaded.volume.value_at([x, y, 0]), Some(value));
        assert!((curve.brightness(value) - out / 65_535.0).abs() < 1e-6, "{value}");
    }
}

/// Padding is -1500 in a head CT whose lowest other value is -1023.
#[test]
fn padding_is_no_value_of_the_volume() {
    let Some(path) = data("ct-head-tilt-uneven/0001.dcm") else { return };
    let loaded = load(&path);
    assert_eq!(loaded.facts.value_range.0, -1500.0);
    assert_eq!(loaded.volume.value_range().0, -1023.0);
    assert_eq!(loaded.volume.value_at([0, 0, 0]), Some(-1023.0));
    let warning = loaded.warnings.iter().find(|w| w.code == WarningCode::Padding).expect("a warning");
    assert_eq!(warning.value, Some(62_180.0));
    // The series' images, each counted once, though some are shown before all are read.
    let library = dicom::scan(&[path.with_file_name("")], &Progress::default()).expect("scan");
    let shown = dicom::load_with(&library.studies[0].series[0], &Progress::default(), Some(&|_| {}));
    let warnings = shown.expect("load").warnings;
    let warning = warnings.iter().find(|w| w.code == WarningCode::Padding).expect("a warning");
    assert_eq!(warning.value, Some(1_741_040.0));
    // A range of padding, from 0 to 30.
    let loaded = load(&path.with_file_name("../modalities/mg/GH133.dcm"));
    assert_eq!((loaded.facts.value_range.0, loaded.volume.value_range().0), (0.0, 31.0));
}

/// A sequence of one item, explicit VR little endian.
fn item(elements: &[(u32, &[u8; 2], Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (tag, vr, value) in elements {
        out.extend_from_slice(&((tag >> 16) as u16).to_le_bytes());
        out.extend_from_slice(&(*tag as u16).to_le_bytes());
        out.extend_from_slice(*vr);
        if matches!(*vr, b"OW" | b"SQ") {
            out.extend_from_slice(&[0, 0]);
            out.extend_from_slice(&(value.len() as u32).to_le_bytes());
        } else {
            out.extend_from_slice(&(value.len() as u16).to_le_bytes());
        }
        out.extend_from_slice(value);
    }
    let length = (out.len() as u32).to_le_bytes();
    [&[0xFE, 0xFF, 0x00, 0xE0], &length[..], &out].concat()
}

fn words(values: impl IntoIterator<Item = u16>) -> Vec<u8> {
    values.into_iter().flat_map(u16::to_le_bytes).collect()
}

/// The table gives sample 0, which is padding, the value that samples 4 and 8 have, too.
#[test]
fn padding_is_told_by_samples_where_a_table_gives_others_the_same_value() {
    let folder = Folder::new("padding-table");
    let table = words((0..16).map(|i| if i % 4 == 0 { 500 } else { i * 10 }));
    let lut = item(&[(0x0028_3002, b"US", words([16, 0, 16])), (0x0028_3006, b"OW", table)]);
    let samples: Vec<i16> = (0..16).map(|i| if i < 8 { 0 } else { i - 7 }).collect();
    let slice = Slice::new(1, 0.0, 0).pixels(4, 4, &samples).us(0x0028_0103, 0).us(0x0028_0120, 0);
    slice.element(0x0028_3000, b"SQ", &lut).write(&folder, "a");
    let loaded = load(&folder.0);
    let value = |i: u32| loaded.volume.value_at([i % 4, i / 4, 0]).expect("inside");
    // Samples 1 to 8 stay, the rest becomes the lowest of them.
    assert_eq!((8..16).map(value).collect::<Vec<_>>(), [10.0, 20.0, 30.0, 500.0, 50.0, 60.0, 70.0, 500.0]);
    assert!((0..8).all(|i| value(i) == 10.0));
    let warning = loaded.warnings.iter().find(|w| w.code == WarningCode::Padding).expect("a warning");
    assert_eq!(warning.value, Some(8.0));
}

#[test]
fn padding_of_floats_is_a_value_a_range_or_what_is_no_number() {
    let folder = Folder::new("padding-floats");
    let singles = |values: [f32; 16]| values.map(f32::to_le_bytes).concat();
    let doubles = |values: [f32; 16]| values.map(|v| f64::from(v).to_le_bytes()).concat();
    let float = |bits: u16| {
        let slice = Slice::new(1, 0.0, 0).without(0x7FE0_0010).without(0x0028_0101);
        slice.without(0x0028_0102).without(0x0028_0103).us(0x0028_0100, bits)
    };
    let mut values = [2.5f32; 16];
    values[..4].copy_from_slice(&[-9999.0, -9998.0, -1.25, 4.0]);
    let mut no_numbers = values;
    no_numbers[..2].copy_from_slice(&[f32::NAN; 2]);
    let low = -9999f32;
    for (name, slice, count) in [
        (
            "value",
            float(32).element(0x0028_0122, b"FL", &low.to_le_bytes()).element(
                0x7FE0_0008,
                b"OF",
                &singles(values),
            ),
            1.0,
        ),
        (
            "range",
            float(32)
                .element(0x0028_0122, b"FL", &low.to_le_bytes())
                .element(0x0028_0124, b"FL", &(-9000f32).to_le_bytes())
                .element(0x7FE0_0008, b"OF", &singles(values)),
            2.0,
        ),
        (
            "no number",
            float(32).element(0x0028_0122, b"FL", &f32::NAN.to_le_bytes()).element(
                0x7FE0_0008,
                b"OF",
                &singles(no_numbers),
            ),
            2.0,
        ),
        (
            "double range",
            float(64)
                .element(0x0028_0123, b"FD", &(-9000f64).to_le_bytes())
                .element(0x0028_0125, b"FD", &f64::from(low).to_le_bytes())
                .element(0x7FE0_0009, b"OD", &doubles(values)),
            2.0,
        ),
        (
            "double no number",
            float(64).element(0x0028_0123, b"FD", &f64::NAN.to_le_bytes()).element(
                0x7FE0_0009,
                b"OD",
                &doubles(no_numbers),
            ),
            2.0,
        ),
    ] {
        slice.write(&folder, "a");
        let loaded = load(&folder.0);
        let warning = loaded.warnings.iter().find(|w| w.code == WarningCode::Padding);
        assert_eq!(warning.expect(name).value, Some(count), "{name}");
        assert!(!says(&loaded, WarningCode::NotFinite), "{name}");
        let low = if count == 1.0 { -9998.0 } else { -1.25 };
        assert_eq!(loaded.volume.value_range(), (low, 4.0), "{name}");
        assert_eq!(loaded.volume.value_at([0, 0, 0]), Some(low), "{name}");
        if name.contains("no number") {
            assert_eq!(loaded.facts.value_range, (-1.25, 4.0), "{name}");
        }
        let window = dicom::thumbnail(&folder.series()[0], 4).expect("a picture");
        assert!(window.pixels[3] == 255 && window.pixels[5] > 128, "{name}: {:?}", window.pixels);
    }
}

/// Two frames of an enhanced image, each with its own slope, intercept, direction and inversion time.
#[test]
fn frames_are_rescaled_and_told_apart_by_their_own_functional_groups() {
    let folder = Folder::new("frames");
    let text = |value: &str| format!("{value:<width$}", width = value.len().next_multiple_of(2)).into_bytes();
    let double = |value: f64| value.to_le_bytes().to_vec();
    let frame = |z: &str, rescale: [&str; 2], direction: [f64; 3], inversion: f64| {
        let place = item(&[(0x0020_0032, b"DS", text(&format!("0\\0\\{z}")))]);
        let values = item(&[
            (0x0028_1052, b"DS", text(rescale[1])),
            (0x0028_1053, b"DS", text(rescale[0])),
            (0x0028_1054, b"LO", text("mm2/s")),
        ]);
        let gradient = item(&[(0x0018_9089, b"FD", direction.map(f64::to_le_bytes).concat())]);
        let diffusion = item(&[
            (0x0018_9075, b"CS", text("DIRECTIONAL")),
            (0x0018_9076, b"SQ", gradient),
            (0x0018_9087, b"FD", double(800.0)),
        ]);
        let modifier = item(&[(0x0018_9079, b"FD", double(inversion))]);
        item(&[
            (0x0018_9115, b"SQ", modifier),
            (0x0018_9117, b"SQ", diffusion),
            (0x0020_9113, b"SQ", place),
            (0x0028_9145, b"SQ", values),
        ])
    };
    let frames = |groups: [Vec<u8>; 2]| {
        let values: Vec<i16> = (0..32).map(|i| i / 16 + 1).collect();
        Slice::new(1, 0.0, 0)
            .pixels(4, 4, &values)
            .text(0x0008_0060, b"CS", "MR")
            .text(0x0028_0008, b"IS", "2")
            .element(0x5200_9230, b"SQ", &groups.concat())
            .write(&folder, "a");
    };
    let (x, y) = ([1.0, 0.0, 0.0], [0.0, 1.0, 0.0]);
    frames([frame("0", ["0.5", "10"], x, 300.0), frame("1", ["2", "-3"], x, 300.0)]);
    let loaded = load(&folder.0);
    let value = |k: u32| loaded.volume.value_at([2, 1, k]);
    assert_eq!([value(0), value(1)], [Some(10.5), Some(1.0)]);
    assert_eq!(loaded.facts.unit, "mm2/s");

    frames([frame("0", ["1", "0"], x, 300.0), frame("0", ["1", "0"], y, 300.0)]);
    let parts = || folder.series().iter().map(|series| series.part.clone()).collect::<Vec<_>>();
    assert_eq!(parts(), ["direction 1,0,0", "direction 0,1,0"]);
    frames([frame("0", ["1", "0"], x, 300.0), frame("0", ["1", "0"], x, 500.0)]);
    assert_eq!(parts(), ["TI 300 ms", "TI 500 ms"]);
}

/// Pixels of 16 colours in every arrangement that samples may have, and their brightness.
#[test]
fn colours_have_one_brightness_however_their_samples_lie() {
    let folder = Folder::new("colours");
    let rgb: Vec<[u8; 3]> = (0..16u8).map(|i| [i * 17, 255 - i * 9, i * i]).collect();
    let luma = |[r, g, b]: [u8; 3]| 0.299 * f32::from(r) + 0.587 * f32::from(g) + 0.114 * f32::from(b);
    let chroma = |i: usize| {
        let [r, _, b] = rgb[i].map(f32::from);
        let y = luma(rgb[i]);
        [((b - y) / 1.772 + 128.0).round() as u8, ((r - y) / 1.402 + 128.0).round() as u8]
    };
    let full = |i: usize| luma(rgb[i]).round() as u8;
    let partial = |i: usize| (luma(rgb[i]) * 219.0 / 255.0 + 16.0).round() as u8;
    let by_pixel = |pixel: &dyn Fn(usize) -> [u8; 3]| (0..16).flat_map(pixel).collect::<Vec<u8>>();
    let by_plane =
        |pixel: &dyn Fn(usize) -> [u8; 3]| (0..3).flat_map(|c| (0..16).map(move |i| pixel(i)[c])).collect();
    let halved = |y: &dyn Fn(usize) -> u8| -> Vec<u8> {
        (0..8).flat_map(|i| [vec![y(2 * i), y(2 * i + 1)], chroma(2 * i).to_vec()].concat()).collect()
    };
    let ybr = |i: usize| [full(i), chroma(i)[0], chroma(i)[1]];
    let wide = |high: u16| -> Vec<u8> {
        rgb.iter().flatten().flat_map(|&c| (u16::from(c) << (high - 7)).to_le_bytes()).collect()
    };
    // 16 bits of 12 with an overlay above them, red first.
    let entries = |c: usize| words(rgb.iter().map(|pixel| u16::from(pixel[c]) * 257));
    let indices = words((0..16).map(|i| i | 0xA000));
    for (name, photometric, samples, planar, bits, pixels, tolerance) in [
        ("rgb", "RGB", 3, 0, [8, 8], by_pixel(&|i| rgb[i]), 0.5),
        ("rgb by plane", "RGB", 3, 1, [8, 8], by_plane(&|i| rgb[i]), 0.5),
        ("rgb of 12 bits", "RGB", 3, 0, [16, 12], wide(11), 0.5),
        ("rgb of 16 bits", "RGB", 3, 0, [16, 16], wide(15), 0.5),
        ("ybr", "YBR_FULL", 3, 0, [8, 8], by_pixel(&ybr), 0.5),
        ("ybr by plane", "YBR_FULL", 3, 1, [8, 8], by_plane(&ybr), 0.5),
        ("ybr 422", "YBR_FULL_422", 3, 0, [8, 8], halved(&full), 0.5),
        ("ybr partial", "YBR_PARTIAL_422", 3, 0, [8, 8], halved(&partial), 1.1),
        ("palette", "PALETTE COLOR", 1, 0, [16, 12], indices, 0.5),
    ] {
        let slice = Slice::new(1, 0.0, 0).element(0x7FE0_0010, b"OB", &pixels).us(0x0028_0002, samples);
        let slice = slice.text(0x0028_0004, b"CS", photometric).us(0x0028_0006, planar).us(0x0028_0103, 0);
        let slice = slice.us(0x0028_0100, bits[0]).us(0x0028_0101, bits[1]).us(0x0028_0102, bits[1] - 1);
        let slice = (0..3).fold(slice, |slice, c| {
            let table = words([16, 0, 16]);
            slice.element(0x0028_1101 + c, b"US", &table).element(
                0x0028_1201 + c,
                b"OW",
                &entries(c as usize),
            )
        });
        slice.write(&folder, "a");
        let loaded = load(&folder.0);
        for i in 0..16 {
            let value = loaded.volume.value_at([i % 4, i / 4, 0]).expect("inside");
            let expected = luma(rgb[i as usize]);
            assert!((value - expected).abs() <= tolerance, "{name}, pixel {i}: {value} is not {expected}");
        }
    }
}
