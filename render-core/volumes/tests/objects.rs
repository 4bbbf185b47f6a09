//! Objects that are no images, against what pydicom and highdicom read in them.

mod data;

use std::path::Path;

use volumes::Progress;
use volumes::dicom::object::report::Value;
use volumes::dicom::object::segmentation::Kind;
use volumes::dicom::object::structure_set::Shape;
use volumes::dicom::object::{Content, PresentationState, Report, Segmentation, StructureSet};
use volumes::dicom::{self, Library, Object};

use data::data;

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

fn open(below: &str) -> Option<Content> {
    let path = data("modalities")?.join(below);
    let [object] = &objects(&path)[..] else { panic!("{below}: not one object") };
    Some(object.open().unwrap_or_else(|e| panic!("{below}: {e}")))
}

fn segmentation(below: &str) -> Option<Segmentation> {
    match open(below)? {
        Content::Segmentation(segmentation) => Some(segmentation),
        other => panic!("{below}: {other:?}"),
    }
}

#[test]
fn segments_have_the_voxels_that_highdicom_finds() {
    type Case<'a> = (&'a str, &'a [(u16, u64)], [u32; 3], f64, f64);
    let cases: [Case<'_>; 10] = [
        ("dcmqi-seg/23x38x3/seg/label.seg", &[(1, 322)], [23, 38, 3], -177.75, 2.5),
        ("dcmqi-seg/24x38x3/seg/label.seg", &[(1, 315)], [24, 38, 3], -177.75, 2.5),
        ("dcmqi-seg/liver.dcm", &[(1, 107_098)], [512, 512, 3], -128.69, 1.0),
        (
            "dcmqi-seg/partial_overlaps.dcm",
            &[(1, 9602), (2, 11_888), (3, 10_743), (4, 6693), (5, 4713)],
            [512, 512, 3],
            -128.690_002,
            1.0,
        ),
        ("dcmqi-seg/sparse-labelmap-noppv.dcm", &[(1, 630)], [24, 38, 3], -177.75, 2.5),
        ("dcmqi-seg/sparse-labelmap-ppv5.dcm", &[(1, 630)], [24, 38, 3], -177.75, 2.5),
        ("highdicom-seg-sr-ct/seg_image_ct_binary.dcm", &[(1, 638)], [16, 16, 3], 103.019_997, 1.25),
        (
            "highdicom-seg-sr-ct/seg_image_ct_binary_fractional.dcm",
            &[(1, 638)],
            [16, 16, 3],
            103.019_997,
            1.25,
        ),
        ("highdicom-seg-sr-ct/seg_image_ct_true_fractional.dcm", &[(1, 638)], [16, 16, 3], 103.019_997, 1.25),
        (
            "highdicom-seg-sr-ct/seg_image_ct_binary_overlap.dcm",
            &[(1, 64), (2, 16)],
            [16, 16, 165],
            -99.480_003,
            1.25,
        ),
    ];
    for (file, counts, dims, low, step) in cases {
        let Some(found) = segmentation(file) else { return };
        let segments = found.segments.iter().filter(|segment| !segment.planes.is_empty());
        let voxels: Vec<_> = segments.map(|segment| (segment.number, found.voxel_count(segment))).collect();
        assert_eq!(voxels, counts, "{file}");
        let grid = found.grid.expect("lies in the patient");
        assert_eq!(grid.dims(), dims, "{file}");
        assert!((grid.origin_mm().z - low).abs() < 1e-4, "{file}: {:?}", grid.origin_mm());
        assert!((grid.spacing_mm().z - step).abs() < 1e-4, "{file}: {:?}", grid.spacing_mm());
        let labels = found.labels().expect("has a grid");
        let first = found.segments.iter().find(|s| s.number == counts[0].0).expect("counted above");
        let plane = &first.planes[0];
        let run = plane.runs.iter().find(|run| run.value >= 128).expect("has voxels");
        let voxel = [run.start % found.columns, run.start / found.columns, plane.slice];
        assert!(found.overlaps() || labels.value_at(voxel) == Some(f32::from(first.number)), "{file}");
    }
}

#[test]
fn segments_keep_their_names_and_colours_and_overlaps_are_told() {
    let Some(found) = segmentation("dcmqi-seg/partial_overlaps.dcm") else { return };
    assert!(found.overlaps());
    assert_eq!(found.kind, Kind::Binary);
    let green = &found.segments[0];
    assert_eq!((green.label.as_str(), green.algorithm_type.as_str()), ("GREEN", "MANUAL"));
    assert_eq!(green.property_type.as_ref().expect("is stated").meaning, "Tissue");
    let [r, g, b] = green.color.expect("is stated");
    assert!(g > r && g > b, "{r} {g} {b}");
    let liver = segmentation("dcmqi-seg/liver.dcm").expect("the data is there");
    assert!(!liver.overlaps());
    let fractional = segmentation("highdicom-seg-sr-ct/seg_image_ct_true_fractional.dcm").expect("is there");
    assert_eq!(fractional.kind, Kind::Fractional { probability: true });
}

#[test]
fn labels_on_the_image_lie_where_the_segmentation_says() {
    let Some(folder) = data("modalities/dcmqi-seg/24x38x3") else { return };
    let image = &scan(&folder.join("image")).studies[0].series[0];
    let image = dicom::load(image, &Progress::default()).expect("load");
    // The files call it unspecified, but are original CT.
    assert_eq!(image.facts.unit, "HU");
    let image = image.volume;
    let segmentation = segmentation("dcmqi-seg/24x38x3/seg/label.seg").expect("the data is there");
    let labels = segmentation.labels_on(image.geometry()).expect("has a place");
    assert_eq!(labels.geometry(), image.geometry());
    let own = segmentation.labels().expect("has a place");
    let total = |volume: &volumes::Volume| volume.mean() * volume.voxels().len() as f64;
    assert_eq!((total(&labels).round(), total(&own).round()), (315.0, 315.0));
}

#[test]
fn segmentations_of_radiographs_and_slides_are_read_without_a_place() {
    let Some(found) = segmentation("highdicom-seg-sr-ct/seg_image_cr_binary.dcm") else { return };
    assert!(found.grid.is_none() && found.labels().is_none());
    assert_eq!(found.voxel_count(&found.segments[0]), 151);
    let slide = segmentation("highdicom-seg-sr-ct/seg_image_sm_control_labelmap.dcm").expect("is there");
    assert_eq!(slide.kind, Kind::LabelMap);
    assert!(slide.grid.is_none() && !slide.segments.is_empty());
}

fn structures(below: &str) -> Option<StructureSet> {
    match open(below)? {
        Content::StructureSet(structures) => Some(structures),
        other => panic!("{below}: {other:?}"),
    }
}

#[test]
fn structure_sets_have_their_regions_colours_and_points() {
    let Some(set) = structures("rtstruct-with-ct/rt.dcm") else { return };
    let [region] = &set.regions[..] else { panic!("{set:?}") };
    assert_eq!((region.number, region.name.as_str(), region.color), (1, "ROI-1", Some([162, 136, 95])));
    let counts: Vec<_> = region.contours.iter().map(|c| (c.shape, c.points_mm.len())).collect();
    assert_eq!(counts, [(Shape::ClosedPlanar, 4), (Shape::ClosedPlanar, 8)]);
    assert_eq!(region.contours[0].points_mm[0].to_array(), [-51.0, -51.0, 60.0]);
    let set = structures("rt-sr-ecg-overlay/rtstruct.dcm");
    let set = set.expect("the data is there");
    assert_eq!(set.label, "sep30");
    let names: Vec<_> = set.regions.iter().map(|region| region.name.as_str()).collect();
    assert_eq!(names, ["patient", "Isocenter 1", "Isocenter 2"]);
    assert_eq!(set.regions[1].contours[0].shape, Shape::Point);
}

#[test]
fn a_region_fills_the_voxels_inside_its_contours() {
    let Some(set) = structures("rtstruct-with-ct/rt.dcm") else { return };
    let folder = data("modalities/rtstruct-with-ct").expect("the data is there");
    let series = &scan(&folder).studies[0].series[0];
    let image = dicom::load(series, &Progress::default()).expect("load").volume;
    let mask = set.regions[0].mask_on(image.geometry());
    let inside: usize = mask.iter().map(|&v| usize::from(v)).sum();
    // Voxel centres inside the outer contour, less those inside the inner one (counted with NumPy).
    assert_eq!(inside, 2401 - 958);
}

#[test]
fn doses_are_scaled_and_named() {
    let Some(path) = data("modalities/rt-sr-ecg-overlay/rtdose.dcm") else { return };
    let loaded = dicom::load(&scan(&path).studies[0].series[0], &Progress::default()).expect("load");
    assert_eq!(loaded.facts.dims, [10, 10, 15]);
    assert_eq!(loaded.facts.unit, "RELATIVE");
    assert!((loaded.facts.value_range.1 - 1.254).abs() < 1e-6, "{:?}", loaded.facts.value_range);
    assert!((loaded.facts.mean - 1.013_273_3).abs() < 1e-6, "{:?}", loaded.facts.mean);
    assert!((loaded.facts.spacing_mm[2] - 5.0).abs() < 1e-9);
}

fn report(below: &str) -> Option<Report> {
    match open(below)? {
        Content::Report(report) => Some(report),
        other => panic!("{below}: {other:?}"),
    }
}

#[test]
fn measurements_of_a_report_have_their_numbers_units_and_places() {
    let Some(report) = report("highdicom-seg-sr-ct/sr_document_with_multiple_groups.dcm") else { return };
    assert_eq!(report.title().expect("has a title").meaning, "Imaging Measurement Report");
    let groups = report.measurement_groups();
    let nodule = groups.iter().find(|group| group.tracking_id == "LungNodule0001").expect("is there");
    assert_eq!(nodule.tracking_uid, "1.2.826.0.1.3680043.10.511.3.11998155355995483197548907108234588");
    assert_eq!(nodule.finding.as_ref().expect("is there").meaning, "Nodule");
    assert_eq!(nodule.category.as_ref().expect("is there").meaning, "Morphologically Abnormal Structure");
    assert_eq!(nodule.sites[0].meaning, "Lung");
    let diameter = &nodule.measurements[0];
    assert_eq!(
        (diameter.name.meaning.as_str(), diameter.value, diameter.unit.value.as_str()),
        ("Diameter", 10.0, "mm")
    );
    assert_eq!(nodule.evaluations[0].0.meaning, "Level of Significance");
    let Value::Coordinates { shape, points } = &nodule.regions[0].value else { panic!("{nodule:?}") };
    assert_eq!((shape.as_str(), &points[..]), ("CIRCLE", &[[45.0, 55.0], [45.0, 65.0]][..]));
    assert!(matches!(nodule.regions[0].children[0].value, Value::Image(_)));
    assert!(groups.iter().any(|group| group.tracking_id == "Aorta0001"));
    assert!(!report.evidence.is_empty() && !report.verified);
}

#[test]
fn presentation_states_have_their_window_and_drawings() {
    let Some(Content::PresentationState(state)) = open("gsps-made/gsps-of-CTImage.dcm") else {
        assert!(data("modalities").is_none(), "not a presentation state");
        return;
    };
    let PresentationState { windows, annotations, areas, layers, images, .. } = &state;
    assert_eq!((windows[0].center, windows[0].width), (40.0, 400.0));
    let drawn = &annotations[0];
    assert_eq!((drawn.layer.as_str(), drawn.texts[0].text.as_str()), ("L1", "presentation state test"));
    assert_eq!(drawn.texts[0].anchor, Some(([100.0, 90.0], true)));
    assert_eq!(drawn.graphics[0].shape, "POLYLINE");
    assert_eq!(drawn.graphics[0].points[..3], [[100.0, 100.0], [300.0, 100.0], [300.0, 300.0]]);
    assert_eq!((areas[0].top_left, areas[0].bottom_right), ([1, 1], [512, 512]));
    assert_eq!(layers[0].description, "demo");
    assert_eq!(
        images[0].instances[0].sop_instance_uid,
        "1.2.840.113619.2.30.1.1762295590.1623.978668950.109"
    );
}

#[test]
fn every_object_of_the_test_data_opens() {
    let Some(folder) = data("modalities") else { return };
    for object in objects(&folder) {
        object.open().unwrap_or_else(|e| panic!("{}: {e}", object.path.display()));
    }
}
