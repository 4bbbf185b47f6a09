//! Where voxels lie, against what SimpleITK and dcm2niix find in the same files.

mod data;

use volumes::Progress;
use volumes::dicom;

use data::data;

/// Path, end of the SeriesInstanceUID, (columns, rows, slices), spacing, origin, and the unit vectors
/// of +column, +row and +slice.
type Row = (&'static str, &'static str, [u32; 3], [f64; 3], [f64; 3], [[f64; 3]; 3]);

/// SimpleITK 2.5, and from `ct-enhanced` on dcm2niix 1.0.20260724 with its rows (and columns, in the
/// enhanced Siemens object) turned back. Left out are
/// series where SimpleITK stacks images of several orientations or times. For the 4D Philips object
/// dcm2niix takes 3.313 mm from SpacingBetweenSlices; its positions are 3.3125 mm apart, as SimpleITK has it.
#[rustfmt::skip]
const KNOWN: &[Row] = &[
    ("ct-body-jpeg2000", "", [512, 512, 20], [0.976_56, 0.976_56, 2.0], [-249.511_72, -437.511_72, -804.5], [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    ("ct-chest-jpegls", "280013275227", [512, 512, 275], [0.781_25, 0.781_25, 1.0], [-201.0, -59.0, -679.800_05], [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    ("geometry/ibsi-orientation-phantom", "3114.615.391", [32, 48, 64], [2.0, 2.0, 2.0], [0.0, 0.0, -126.0], [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    ("geometry/mr-enhanced-hyperfine/001.dcm", "310972975451", [112, 138, 8], [1.59, 1.61, 5.0], [0.0, 0.0, -175.0], [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    ("geometry/mr-enhanced-philips/IM-0001-0170-0001.dcm", "729824825182", [256, 256, 8], [1.0, 1.0, 1.200_01], [100.293_58, -150.604_59, 116.949_24], [[0.0, 1.0, 0.0], [0.0, 0.0, -1.0], [-1.0, 0.0, 0.0]]),
    ("geometry/mr-non-isotropic", "326015805567", [64, 28, 4], [6.399_96, 4.0, 0.5], [-83.429_66, -132.134_92, -143.925_34], [[0.999_22, 0.035_46, 0.017_46], [-0.035_53, 0.999_36, 0.003_69], [-0.017_32, -0.004_31, 0.999_84]]),
    ("modalities/dcmqi-seg/23x38x3/image", "069050794718", [23, 38, 3], [0.7, 0.7, 2.5], [46.464_9, 5.018_81, -177.75], [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    ("modalities/dcmqi-seg/23x38x3/multiframe/mf.dcm", ".3.3456.3456", [23, 38, 3], [0.7, 0.7, 2.5], [46.464_9, 5.018_81, -177.75], [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    ("modalities/dcmqi-seg/24x38x3/image", "902700569139", [24, 38, 3], [0.7, 0.7, 2.5], [46.464_9, 5.018_81, -177.75], [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    ("modalities/dcmqi-seg/24x38x3/multiframe/mf.dcm", ".3.3456.3456", [24, 38, 3], [0.7, 0.7, 2.5], [46.464_9, 5.018_81, -177.75], [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    ("modalities/dcmqi-seg/ct-3slice", "3.10.23430.1", [512, 512, 3], [0.810_55, 0.810_55, 1.0], [-235.2, -226.8, -128.69], [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    ("modalities/dicomdir/77654033/CT2", "51.28319.0.2", [16, 16, 4], [0.488_28, 0.488_28, 68.333_33], [-125.0, -128.100_01, -99.48], [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    ("modalities/dicomdir/98892001/CT5N", "04.16302.0.6", [16, 16, 5], [0.488_28, 0.488_28, 2.5], [-72.2, -143.0, -1.237_5], [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    ("modalities/dicomdir/98892003/MR1/15820", ".18148.0.475", [16, 16, 1], [1.367_19, 1.367_19, 1.0], [0.0, -175.0, 175.0], [[0.0, 1.0, 0.0], [0.0, 0.0, -1.0], [-1.0, 0.0, 0.0]]),
    ("modalities/dicomdir/98892003/MR1/4919", ".18148.0.134", [16, 16, 1], [1.367_19, 1.367_19, 1.0], [0.0, -175.0, 175.0], [[0.0, 1.0, 0.0], [0.0, 0.0, -1.0], [-1.0, 0.0, 0.0]]),
    ("modalities/dicomdir/98892003/MR1/5641", "5.18148.0.15", [16, 16, 1], [1.367_19, 1.367_19, 1.0], [0.0, -175.0, 175.0], [[0.0, 1.0, 0.0], [0.0, 0.0, -1.0], [-1.0, 0.0, 0.0]]),
    ("modalities/dicomdir/98892003/MR2/15970", ".18148.0.481", [16, 16, 1], [1.367_19, 1.367_19, 1.0], [0.0, -175.0, 175.0], [[0.0, 1.0, 0.0], [0.0, 0.0, -1.0], [-1.0, 0.0, 0.0]]),
    ("modalities/rt-sr-ecg-overlay/rtdose.dcm", ".7.7777.7777", [10, 10, 15], [10.0, 10.0, 5.0], [189.431_25, 199.431_25, -761.87], [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    ("modalities/rtstruct-with-ct", "23471.893.88", [512, 512, 2], [0.488_28, 0.488_28, 5.0], [-125.0, -125.0, 60.0], [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    ("mr-t1-sagittal", "285270.0.0.0", [256, 256, 192], [0.859_38, 0.859_38, 0.9], [76.878_01, -112.237_16, 96.389_27], [[0.053_78, 0.965_01, 0.256_63], [0.018_11, 0.256_01, -0.966_5], [-0.998_39, 0.056_63, -0.003_71]]),
    ("transfer-syntaxes/ct-one-image-made/CTImage_HTJ2KLossless_1.2.840.10008.1.2.4.201.dcm", "78668949.890", [512, 512, 1], [0.675_78, 0.675_78, 6.5], [-161.399_99, -148.8, 4.7], [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    ("transfer-syntaxes/jpeg-family/JPEGLS/CT1_JLSN.dcm", "6185059.5457", [512, 512, 1], [0.661_47, 0.661_47, 5.0], [-158.135_8, -179.035_8, -75.7], [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    ("transfer-syntaxes/jpeg-family/JPEGLSLossless/MR_small_jpeg_ls_lossless.dcm", "6185059.5457", [64, 64, 1], [0.312_5, 0.312_5, 1.0], [-83.906_3, -91.2, 6.640_6], [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    ("geometry/ct-enhanced", "562673.14401", [512, 512, 2], [0.388_67, 0.388_67, 10.0], [99.5, -301.5, -149.0], [[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, -1.0]]),
    ("geometry/mr-4d-epi", "37222031.341", [64, 64, 15], [3.75, 3.75, 5.0], [-118.125, -143.343_99, -17.687_5], [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    ("geometry/mr-enhanced-4d-philips", "298249371737", [64, 64, 8], [3.312_5, 3.312_5, 3.312_5], [-105.450_55, -117.321_46, -69.037_45], [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    ("geometry/mr-enhanced-siemens", "147842713415", [256, 256, 8], [0.937_50, 0.937_50, 0.900_00], [-117.017_99, -101.630_00, -100.577_00], [[0.999_17, 0.002_77, 0.040_55], [-0.003_66, 0.999_76, 0.021_83], [-0.040_48, -0.021_96, 0.998_94]]),
    ("geometry/mr-mosaic-siemens", "890422.0.0.0", [72, 72, 5], [3.0, 3.0, 12.0], [-108.0, -108.0, 16.0], [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    ("geometry/mr-mosaic-siemens", "190492.0.0.0", [72, 72, 5], [3.0, 3.0, 12.0], [-108.0, -108.0, 16.0], [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
];

#[test]
fn every_series_lies_where_other_programs_find_it() {
    let Some(root) = data("") else { return };
    for (path, uid, dims, spacing, origin, direction) in KNOWN {
        let library = dicom::scan(&[root.join(path)], &Progress::default()).expect("scan");
        let all = library.studies.iter().flat_map(|study| &study.series);
        let found: Vec<_> = all.filter(|s| s.series_instance_uid.ends_with(uid) && s.dims == *dims).collect();
        assert!(!found.is_empty(), "{path}: no series {uid} of {dims:?}");
        for series in found {
            let loaded = dicom::load(series, &Progress::default()).expect("load");
            let facts = &loaded.facts;
            let close = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-4);
            let axes = if dims[2] > 1 { 3 } else { 2 };
            assert!(close(&facts.spacing_mm[..axes], &spacing[..axes]), "{path}: {facts:?}");
            assert!(close(&facts.origin_mm, origin), "{path}: {facts:?}");
            assert!(close(facts.direction.as_flattened(), direction.as_flattened()), "{path}: {facts:?}");
            if loaded.volume.geometry().dims() == *dims {
                let grid = loaded.volume.geometry();
                assert!(close(&grid.origin_mm().to_array(), origin), "{path}: {grid:?}");
            }
        }
    }
}

fn first_series(path: &str) -> Option<dicom::Series> {
    let library = dicom::scan(&[data(path)?], &Progress::default()).expect("scan");
    Some(library.studies[0].series[0].clone())
}

#[test]
fn every_image_has_a_name_and_a_place_to_refer_to() {
    let Some(series) = first_series("ct-head-tilt-uneven") else { return };
    assert_eq!(series.spacing_source(), "Pixel Spacing (0028,0030)");
    for slice in 0..28 {
        let image = series.image(slice).expect("is no mosaic");
        assert_eq!((image.file, image.frame), (slice, 0));
        let m = image.patient_from_pixel.expect("has a place").matrix3;
        assert!((m.x_axis.length() - 0.488_281_2).abs() < 1e-6 && (m.z_axis.length() - 1.0).abs() < 1e-9);
    }
    assert!(series.image(28).is_none());
    let Some(series) = first_series("geometry/mr-enhanced-philips") else { return };
    let mut frames: Vec<u32> = (0..8).map(|k| series.image(k).expect("is no mosaic").frame).collect();
    frames.sort_unstable();
    assert_eq!(frames, [0, 1, 2, 3, 4, 5, 6, 7]);
    let Some(series) = first_series("geometry/mr-mosaic-siemens") else { return };
    assert!(series.image(0).is_none());
}
