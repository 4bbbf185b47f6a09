//! Real files against what other programs found in them (data/README.md).

use std::path::{Path, PathBuf};

use render_core::Progress;
use render_core::dicom::{self, Loaded, Series, WarningCode};

/// A path below the test data, or `None` where there is none.
fn data(below: &str) -> Option<PathBuf> {
    let root = std::env::var_os("VOXCAST_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"), PathBuf::from);
    if root.is_dir() {
        return Some(root.join(below));
    }
    eprintln!("skipped: no ../shared/data");
    None
}

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
    assert_eq!(codes(&loaded), [WarningCode::GantryTilt, WarningCode::UnevenSpacing]);
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
