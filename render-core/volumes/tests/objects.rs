//! Objects that are no images, against what pydicom and highdicom read in them.

use std::path::{Path, PathBuf};

use volumes::Progress;
use volumes::dicom::{self, Library, Object};

/// A path below the test data, or `None` where there is none.
fn data(below: &str) -> Option<PathBuf> {
    let root = std::env::var_os("VOXCAST_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    if root.is_dir() {
        return Some(root.join(below));
    }
    eprintln!("skipped: no ../shared/data");
    None
}

fn scan(path: &Path) -> Library {
    dicom::scan(&[path.to_owned()], &Progress::default()).expect("scan")
}

fn objects(path: &Path) -> Vec<Object> {
    let library = scan(path);
    library.studies.into_iter().flat_map(|study| study.objects).collect()
}

#[test]
fn files_without_images_are_named_by_class_and_label() {
    let Some(root) = data("modalities") else { return };
    for (file, class, modality, label) in [
        ("rt-sr-ecg-overlay/rtplan.dcm", "RT Plan Storage", "RTPLAN", "Plan1"),
        ("rtstruct-with-ct/rt.dcm", "RT Structure Set Storage", "RTSTRUCT", "RTstruct"),
        (
            "highdicom-seg-sr-ct/sr_document.dcm",
            "Comprehensive 3D SR Storage",
            "SR",
            "Imaging Measurement Report",
        ),
        ("highdicom-seg-sr-ct/seg_image_ct_binary.dcm", "Segmentation Storage", "SEG", "ISO_IR 192"),
        (
            "highdicom-seg-sr-ct/sm_annotations.dcm",
            "Microscopy Bulk Simple Annotations Storage",
            "ANN",
            "SM_ANN",
        ),
        ("highdicom-seg-sr-ct/sm_image.dcm", "VL Whole Slide Microscopy Image Storage", "SM", ""),
        ("gsps-made/gsps-of-CTImage.dcm", "Grayscale Softcopy Presentation State Storage", "PR", "DEMO"),
    ] {
        let library = scan(&root.join(file));
        assert!(library.failed.is_empty() && !library.has_series(), "{file}: {:?}", library.failed);
        let [object] = &objects(&root.join(file))[..] else { panic!("{file}: not one object") };
        assert_eq!((object.class.as_str(), object.modality.as_str()), (class, modality), "{file}");
        assert_eq!(object.label, label, "{file}");
    }
}

#[test]
fn a_structure_set_names_the_series_and_the_space_it_belongs_to() {
    let Some(folder) = data("modalities/rtstruct-with-ct") else { return };
    let library = scan(&folder);
    let study = &library.studies[0];
    let object = study.objects.iter().find(|o| o.path.ends_with("rt.dcm")).expect("is listed");
    assert_eq!(object.referenced_series, [study.series[0].series_instance_uid.clone()]);
    // Not that of its images: the program that wrote it invented one.
    assert_eq!(
        object.frame_of_reference_uid,
        "1.2.826.0.1.3680043.8.498.41321784967516118556817630335498661397"
    );
}

#[test]
fn headers_of_images_without_their_pixels_are_no_objects() {
    let Some(path) = data("modalities/charsets/chrJapMulti.dcm") else { return };
    let library = scan(&path);
    assert!(library.studies.is_empty());
    let reason = &library.failed[0].reason;
    assert!(reason.contains("Computed Radiography Image Storage without PixelData (7FE0,0010)"), "{reason}");
}

#[test]
fn names_are_read_in_their_character_sets() {
    let Some(folder) = data("modalities/charsets") else { return };
    for (file, name) in [
        ("chrArab.dcm", "قباني^لنزار"),
        ("chrFren.dcm", "Buc^Jérôme"),
        ("chrFrenMulti.dcm", "Buc^Jérôme"),
        ("chrGerm.dcm", "Äneas^Rüdiger"),
        ("chrGreek.dcm", "Διονυσιος"),
        ("chrH31.dcm", "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        ("chrH32.dcm", "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう"),
        ("chrHbrw.dcm", "שרון^דבורה"),
        ("chrI2.dcm", "Hong^Gildong=洪^吉洞=홍^길동"),
        ("chrRuss.dcm", "Люкceмбypг"),
        ("chrX1.dcm", "Wang^XiaoDong=王^小東"),
        ("chrX2.dcm", "Wang^XiaoDong=王^小东"),
    ] {
        let library = scan(&folder.join(file));
        assert_eq!(library.studies[0].patient.name.trim_end_matches('='), name, "{file}");
    }
}
