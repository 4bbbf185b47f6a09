//! Real files against what other programs found in them (data/README.md).

mod data;

use std::path::{Path, PathBuf};

use volumes::Progress;
use volumes::dicom::{self, Loaded, Series, WarningCode};

use data::data;

fn series(path: &Path) -> Vec<Series> {
    let library = dicom::scan(&[path.to_owned()], &Progress::default()).expect("scan");
    assert!(library.failed.is_empty(), "{:?}", library.failed);
    library.studies.into_iter().flat_map(|s| s.series).collect()
}

fn load_only(path: &Path) -> (Series, Loaded) {
    let mut all = series(path);
    assert_eq!(all.len(), 1, "{all:?}");
    let series = all.remove(0);
    let loaded = dicom::load(&series, &Progress::default()).expect("load");
    assert!(loaded.failed.is_empty(), "{:?}", loaded.failed);
    (series, loaded)
}

#[track_caller]
fn assert_close(found: &[f64], expected: &[f64], tolerance: f64) {
    let close =
        found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| (a - b).abs() <= tolerance);
    assert!(close, "{found:?} is not {expected:?}");
}

fn codes(loaded: &Loaded) -> Vec<WarningCode> {
    loaded.warnings.iter().map(|w| w.code).collect()
}

#[test]
fn chest_ct_in_jpeg_ls_has_its_known_geometry_and_values() {
    let Some(path) = data("ct-chest-jpegls") else { return };
    let (series, loaded) = load_only(&path);
    assert_eq!(series.dims, [512, 512, 275]);
    assert_eq!(series.transfer_syntaxes, ["1.2.840.10008.1.2.4.80"]);
    assert_eq!(series.files.len(), 275);
    let facts = &loaded.facts;
    assert_eq!(facts.dims, [512, 512, 275]);
    assert_close(&facts.spacing_mm, &[0.78125, 0.78125, 1.0], 1e-4);
    assert_close(&facts.origin_mm, &[-201.0, -59.0, -679.8], 1e-4);
    assert_close(facts.direction.as_flattened(), &[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0], 1e-4);
    assert_eq!(facts.value_range, (-1000.0, 1979.0));
    assert_close(&[facts.mean], &[-619.9734], 1e-3);
    assert_eq!(facts.unit, "HU");
    assert_eq!(loaded.volume.value_at([256, 256, 137]), Some(65.0));
    assert_eq!(loaded.volume.meaning().modality, "CT");
    assert_eq!(codes(&loaded), []);
}

#[test]
fn sagittal_mr_has_its_known_geometry_and_values() {
    let Some(path) = data("mr-t1-sagittal") else { return };
    let (_, loaded) = load_only(&path);
    let facts = &loaded.facts;
    assert_eq!(facts.dims, [256, 256, 192]);
    assert_close(&facts.spacing_mm, &[0.859375, 0.859375, 0.9], 1e-4);
    assert_close(&facts.origin_mm, &[76.878, -112.237, 96.389], 1e-3);
    let direction = [[0.05378, 0.96501, 0.25663], [0.01811, 0.25601, -0.9665], [-0.99839, 0.05663, -0.00371]];
    assert_close(facts.direction.as_flattened(), direction.as_flattened(), 1e-4);
    assert_eq!(facts.value_range, (0.0, 713.0));
    assert_close(&[facts.mean], &[69.0224], 1e-3);
    assert_eq!(loaded.volume.value_at([128, 128, 96]), Some(145.0));
    assert_eq!(codes(&loaded), []);
}

#[test]
fn body_ct_in_jpeg_2000_has_its_known_geometry_and_values() {
    let Some(path) = data("ct-body-jpeg2000") else { return };
    let (_, loaded) = load_only(&path);
    let facts = &loaded.facts;
    assert_eq!(facts.dims, [512, 512, 20]);
    assert_close(&facts.spacing_mm, &[0.9765625, 0.9765625, 2.0], 1e-4);
    assert_close(&facts.origin_mm, &[-249.512, -437.512, -804.5], 1e-3);
    assert_eq!(facts.value_range, (-1024.0, 1839.0));
    assert_close(&[facts.mean], &[-624.1259], 1e-3);
    assert_eq!(codes(&loaded), []);
}

#[test]
fn tilted_uneven_ct_is_declared_and_resampled_to_a_regular_sheared_grid() {
    let Some(path) = data("ct-head-tilt-uneven") else { return };
    let (_, loaded) = load_only(&path);
    let facts = &loaded.facts;
    assert_eq!(facts.dims, [512, 512, 28]);
    assert_eq!(facts.value_range, (-1500.0, 2121.0));
    assert_close(&[facts.mean], &[-661.7291], 1e-3);
    let mean_step = (13.0 * 4.002 + 1.081 + 13.0 * 6.999) / 27.0;
    assert_close(&facts.spacing_mm, &[0.4882812, 0.4882812, mean_step], 1e-3);
    assert_eq!(codes(&loaded), [WarningCode::GantryTilt, WarningCode::UnevenSpacing, WarningCode::Padding]);
    assert_close(&[loaded.warnings[0].value.expect("degrees")], &[18.5], 0.01);
    for step in ["4.002 mm (13x)", "1.081 mm (1x)", "6.999 mm (13x)"] {
        assert!(loaded.warnings[1].message.contains(step), "{}", loaded.warnings[1].message);
    }
    let geometry = loaded.volume.geometry();
    let last = geometry.dims()[2] - 1;
    assert!(last > 27);
    // The first and last slices are the files' own, at their own place.
    assert_close(&geometry.origin_mm().to_array(), &facts.origin_mm, 1e-9);
    assert_eq!(loaded.volume.voxels().len(), 512 * 512 * (last as usize + 1));
    // Four millimetres along the normal, sheared by the tilt.
    assert_close(&[geometry.spacing_mm().z * 18.5f64.to_radians().cos()], &[4.0026], 1e-2);
}

#[test]
fn every_lossless_syntax_gives_the_same_voxels() {
    let Some(root) = data("transfer-syntaxes") else { return };
    let one = root.join("ct-one-image");
    let load = |path: PathBuf| load_only(&path).1;
    let reference = load(one.join("CTImage_LittleEndianExplicitTransferSyntax_1.2.840.10008.1.2.1.dcm"));
    assert_close(&[reference.facts.mean], &[74.9236 - 1024.0], 1e-3);
    assert_eq!(reference.facts.value_range, (-2000.0 - 1024.0, 2402.0 - 1024.0));
    let made = root.join("ct-one-image-made");
    let mut same = vec![
        made.join("CTImage_HTJ2KLossless_1.2.840.10008.1.2.4.201.dcm"),
        made.join("CTImage_JPEGXLLossless_1.2.840.10008.1.2.4.110.dcm"),
    ];
    for name in [
        "LittleEndianImplicitTransferSyntax_1.2.840.10008.1.2",
        "BigEndianExplicitTransferSyntax_1.2.840.10008.1.2.2",
        "DeflatedExplicitVRLittleEndianTransferSyntax_1.2.840.10008.1.2.1.99",
        "RLELosslessTransferSyntax_1.2.840.10008.1.2.5",
        "JPEGProcess14TransferSyntax_1.2.840.10008.1.2.4.57",
        "JPEGProcess14SV1TransferSyntax_1.2.840.10008.1.2.4.70",
        "JPEGLSLosslessTransferSyntax_1.2.840.10008.1.2.4.80",
        "JPEG2000LosslessOnlyTransferSyntax_1.2.840.10008.1.2.4.90",
    ] {
        same.push(one.join(format!("CTImage_{name}.dcm")));
    }
    for path in same {
        let loaded = load(path.clone());
        assert_eq!(codes(&loaded), [], "{}", path.display());
        for z in 0..512 * 512u32 {
            let at = [z % 512, z / 512, 0];
            assert_eq!(
                loaded.volume.value_at(at),
                reference.volume.value_at(at),
                "{} {at:?}",
                path.display()
            );
        }
    }
    for (name, mean) in [
        ("JPEGLSLossyTransferSyntax_1.2.840.10008.1.2.4.81", 75.0493),
        ("JPEG2000TransferSyntax_1.2.840.10008.1.2.4.91", 74.8687),
    ] {
        let loaded = load(one.join(format!("CTImage_{name}.dcm")));
        assert_close(&[loaded.facts.mean], &[mean - 1024.0], 1e-3);
        assert_eq!(codes(&loaded), [WarningCode::Lossy]);
    }
}

#[test]
fn orientation_phantom_has_every_axis_the_right_way_round() {
    let Some(path) = data("geometry/ibsi-orientation-phantom") else { return };
    let (_, loaded) = load_only(&path);
    assert_eq!(loaded.facts.dims, [32, 48, 64]);
    assert_close(&loaded.facts.spacing_mm, &[2.0; 3], 1e-9);
    assert_close(&loaded.facts.origin_mm, &[0.0, 0.0, -126.0], 1e-9);
    assert_close(&[loaded.facts.mean], &[70.5], 1e-6);
    for x in 0..32 {
        for y in 0..48 {
            for k in 0..64 {
                assert_eq!(loaded.volume.value_at([x, y, k]), Some((x + y + 63 - k) as f32), "{x} {y} {k}");
            }
        }
    }
}

#[test]
fn time_series_becomes_one_volume_for_each_time() {
    let Some(path) = data("geometry/mr-4d-epi") else { return };
    let times = series(&path);
    assert_eq!(times.len(), 10);
    assert_eq!(times[9].part, "time 10 of 10");
    let loaded: Vec<_> =
        times.iter().map(|s| dicom::load(s, &Progress::default()).expect("load").facts).collect();
    for facts in &loaded {
        assert_eq!(facts.dims, [64, 64, 15]);
        assert_close(&facts.spacing_mm, &[3.75, 3.75, 5.0], 1e-4);
    }
    let mean = loaded.iter().map(|f| f.mean).sum::<f64>() / 10.0;
    assert_close(&[mean], &[566.5242], 1e-3);
    assert_eq!(loaded.iter().map(|f| f.value_range.1).fold(0.0, f32::max), 9733.0);
}

#[test]
fn enhanced_and_oblique_objects_have_their_known_geometry() {
    let Some(root) = data("geometry") else { return };
    let (_, ct) = load_only(&root.join("ct-enhanced"));
    assert_eq!(ct.facts.dims, [512, 512, 2]);
    assert_close(&ct.facts.spacing_mm, &[0.388672, 0.388672, 10.0], 1e-4);
    assert_close(&[ct.facts.mean], &[-643.9619], 1e-3);
    assert_eq!(ct.facts.value_range, (-1024.0, 172.0));
    for (name, dims, spacing) in [
        ("mr-enhanced-philips", [256, 256, 8], [1.0, 1.0, 1.2]),
        ("mr-enhanced-siemens", [256, 256, 8], [0.9375, 0.9375, 0.9]),
        ("mr-enhanced-hyperfine", [112, 138, 8], [1.59, 1.61, 5.0]),
        ("mr-non-isotropic", [64, 28, 4], [6.39996, 4.0, 0.5]),
    ] {
        let (_, mr) = load_only(&root.join(name));
        assert_eq!(mr.facts.dims, dims, "{name}");
        assert_close(&mr.facts.spacing_mm, &spacing, 1e-4);
    }
    let times = series(&root.join("mr-enhanced-4d-philips"));
    assert_eq!(times.iter().map(|s| s.dims).collect::<Vec<_>>(), [[64, 64, 8]; 4]);
}

#[test]
fn thumbnail_is_a_small_windowed_picture_of_the_middle_slice() {
    let Some(path) = data("ct-chest-jpegls") else { return };
    let small = dicom::thumbnail(&series(&path)[0], 64).expect("thumbnail");
    assert_eq!(small.size, [64, 64]);
    assert_eq!(small.pixels.len(), 64 * 64);
    // Air around the patient is dark, the body in the middle is not, and there is more than two greys.
    assert!(small.pixels[0] < 60, "{}", small.pixels[0]);
    assert!(small.pixels[32 * 64 + 32] > 100, "{}", small.pixels[32 * 64 + 32]);
    let greys: std::collections::HashSet<u8> = small.pixels.iter().copied().collect();
    assert!(greys.len() > 50, "{}", greys.len());
}

#[test]
fn siemens_mosaic_is_taken_apart_into_its_slices() {
    let Some(path) = data("geometry/mr-mosaic-siemens") else { return };
    // Values as dcm2niix has them, its rows turned back.
    for (series, mean, values) in [(0, 197.1271, [391.0, 510.0, 306.0]), (2, 197.7694, [408.0, 532.0, 295.0])]
    {
        let all = series_of(&path, series);
        let times: Vec<_> = all.iter().map(|s| s.time.map(|t| (t.index, t.count))).collect();
        assert_eq!(times, [Some((0, 2)), Some((1, 2))]);
        let loaded: Vec<Loaded> =
            all.iter().map(|s| dicom::load(s, &Progress::default()).expect("load")).collect();
        for time in &loaded {
            assert_eq!(time.facts.dims, [72, 72, 5]);
            assert_close(&time.facts.spacing_mm, &[3.0, 3.0, 12.0], 1e-9);
            assert_close(&time.facts.origin_mm, &[-108.0, -108.0, 16.0], 1e-9);
            assert_eq!(codes(time), []);
        }
        assert_close(&[(loaded[0].facts.mean + loaded[1].facts.mean) / 2.0], &[mean], 1e-3);
        let found = [
            loaded[0].volume.value_at([20, 30, 0]),
            loaded[0].volume.value_at([40, 30, 4]),
            loaded[1].volume.value_at([33, 50, 2]),
        ];
        assert_eq!(found, values.map(Some));
    }
}

/// Two series of a path, from one on.
fn series_of(path: &Path, first: usize) -> Vec<Series> {
    series(path).drain(first..first + 2).collect()
}

#[test]
fn tilted_ct_is_straightened_to_the_grid_that_dcm2niix_finds() {
    let Some(path) = data("ct-head-tilt-uneven") else { return };
    let all = series(&path);
    let sheared = dicom::load(&all[0], &Progress::default()).expect("load").volume;
    let loaded = dicom::load_upright(&all[0], &Progress::default()).expect("load");
    let geometry = loaded.volume.geometry();
    assert_eq!(geometry.dims(), [512, 611, 56]);
    assert_close(&geometry.spacing_mm().to_array(), &[0.488_281_2, 0.488_281_2, 2.619_787], 1e-4);
    // dcm2niix turns rows round: its origin is the first slice's last row.
    assert_close(&geometry.origin_mm().to_array(), &[-125.0, -169.382_262, 21.174_512], 1e-4);
    let [x, y, z] = geometry.direction();
    assert_close(&x.to_array(), &[1.0, 0.0, 0.0], 1e-5);
    assert_close(&y.to_array(), &[0.0, 0.948_32, -0.317_3], 1e-4);
    assert_close(&z.to_array(), &[0.0, 0.317_3, 0.948_32], 1e-4);
    // The same places of the patient hold the same tissue: exactly so in the first slice.
    let at = |volume: &volumes::Volume, mm: glam::DVec3| {
        let voxel = volume.geometry().voxel_from_patient().transform_point3(mm).round().as_uvec3();
        volume.value_at(voxel.to_array()).expect("inside")
    };
    for (column, row) in [(100.0, 90.0), (256.0, 256.0), (300.0, 410.0)] {
        let mm = sheared.geometry().patient_from_voxel().transform_point3(glam::DVec3::new(column, row, 0.0));
        assert_eq!(at(&sheared, mm), at(&loaded.volume, mm));
    }
    assert_eq!(codes(&loaded)[..2], [WarningCode::GantryTilt, WarningCode::UnevenSpacing]);
    assert!(
        loaded.warnings[0].message.contains("upright grid of 512x611x56"),
        "{}",
        loaded.warnings[0].message
    );
    assert!(loaded.report.corrected.iter().any(|line| line.contains("upright grid")), "{:?}", loaded.report);
    // What is not tilted stays as it is.
    let Some(plain) = data("geometry/ibsi-orientation-phantom") else { return };
    let upright = dicom::load_upright(&series(&plain)[0], &Progress::default()).expect("load");
    assert_eq!(upright.volume.geometry().dims(), [32, 48, 64]);
}
