//! Measurement reports: one group for each annotation.

use glam::DVec3;
use render_core::dicom::create::{self, Stamp};
use render_core::dicom::object::report::{Item, Measurement, MeasurementGroup, Value};
use render_core::dicom::object::{Code, Reference, Report};

use super::{
    About, Found, Graphic, ON_IMAGE, ObjectError, Place, SAME_POINT, Written, annotation_of, graphics,
    image_of, kind_code, kind_name, kind_of_code,
};
use crate::annotation::{Annotation, Kind, Placement};
use crate::measure::{Measure, Values};

/// No annotation has more outlines.
const MAX_OUTLINES: usize = 8;

/// A Comprehensive 3D SR (TID 1500) of annotations of one series with what was measured. Key images are for
/// [`super::key_objects`]. `observer` is the person who measured, as DICOM writes names; it may
/// be empty.
pub fn measurement_report(
    about: &About<'_>,
    measured: &[(&Annotation, &Values)],
    observer: &str,
    stamp: &Stamp,
) -> Result<Written, ObjectError> {
    let places = about.places();
    let (mut groups, mut left_out) = (Vec::new(), Vec::new());
    for (annotation, values) in measured.iter().filter(|(annotation, _)| annotation.kind != Kind::KeyImage) {
        match group(about, &places, annotation, values) {
            Some(group) => groups.push(group),
            None => left_out.push(annotation.id),
        }
    }
    if groups.is_empty() {
        return Err(ObjectError::Nothing("no annotation of this series lies where a report can tell it"));
    }
    // A report must name who measured.
    let observer = if observer.is_empty() { "Anonymous" } else { observer };
    let bytes = create::measurement_report(about.subject, &groups, observer, stamp);
    Ok(Written { bytes, left_out })
}

fn group(
    about: &About<'_>,
    places: &[Place],
    annotation: &Annotation,
    values: &Values,
) -> Option<MeasurementGroup> {
    let normal = annotation.placement.normal();
    let space = about.series.frame_of_reference_uid();
    let flat = !annotation.kind.is_solid();
    let on_image = flat.then(|| image_of(places, &annotation.points_mm, normal, ON_IMAGE)).flatten();
    // Without a frame of reference the nearest image must do.
    let near = || {
        flat.then(|| image_of(places, &annotation.points_mm, normal, 0.51))
            .flatten()
            .filter(|_| space.is_empty())
    };
    let image = on_image.or_else(near);
    if image.is_none() && space.is_empty() {
        return None;
    }
    let region = |graphic: &Graphic| match image {
        Some(place) => Item {
            value: Value::Coordinates {
                shape: graphic.shape.clone(),
                points: graphic.points.iter().map(|&p| place.pixel(p)).collect(),
            },
            children: vec![Item {
                relationship: "SELECTED FROM".into(),
                name: None,
                value: Value::Image(place.reference.clone()),
                children: Vec::new(),
            }],
            ..outline(annotation)
        },
        None => Item {
            value: Value::Coordinates3d {
                // Closed lines in space are polygons.
                shape: if annotation.kind.is_area() && graphic.shape == "POLYLINE" {
                    "POLYGON".into()
                } else {
                    graphic.shape.clone()
                },
                points_mm: graphic.points.clone(),
                frame_of_reference_uid: space.to_owned(),
            },
            ..outline(annotation)
        },
    };
    let kind = annotation.kind;
    let outlines: Vec<Item> = graphics(annotation).iter().map(region).collect();
    // A line or point is what a number was measured on; what nothing was measured on is drawn, like areas.
    let of_numbers = is_line(kind) && !values.quantities.is_empty();
    let measured_on = |measure: Measure| match outlines.as_slice() {
        _ if !of_numbers => Vec::new(),
        [first, second] if matches!(measure, Measure::LongAxis | Measure::ShortAxis) => {
            let length = |pair: usize| {
                let p = &annotation.points_mm[2 * pair..];
                p[0].distance(p[1])
            };
            let first_is_long = length(0) >= length(1);
            vec![if first_is_long == (measure == Measure::LongAxis) { first.clone() } else { second.clone() }]
        }
        all => all.to_vec(),
    };
    Some(MeasurementGroup {
        tracking_id: if annotation.label.is_empty() { kind.name().into() } else { annotation.label.clone() },
        tracking_uid: annotation.uid.clone(),
        measurements: measurements(values, measured_on),
        evaluations: vec![(kind_name(), Code::new(kind_code(kind), super::KIND[1], kind.name()))],
        regions: if of_numbers { Vec::new() } else { outlines.clone() },
        ..MeasurementGroup::default()
    })
}

/// Whether numbers are measured on its points, instead of on what it encloses.
fn is_line(kind: Kind) -> bool {
    matches!(kind, Kind::Probe | Kind::Length | Kind::Angle | Kind::Cobb | Kind::Bidirectional)
}

/// An outline without its coordinates. Numbers name their sources themselves.
fn outline(annotation: &Annotation) -> Item {
    let name = match annotation.kind {
        kind if is_line(kind) => None,
        kind if kind.is_solid() => Some(Code::new("121231", "DCM", "Volume Surface")),
        _ => Some(Code::new("111030", "DCM", "Image Region")),
    };
    Item { relationship: "CONTAINS".into(), name, value: Value::Container, children: Vec::new() }
}

fn measurements(values: &Values, measured_on: impl Fn(Measure) -> Vec<Item>) -> Vec<Measurement> {
    let told = values.quantities.iter();
    told.map(|quantity| {
        let [value, scheme, meaning] = match quantity.measure {
            Measure::Length => ["410668003", "SCT", "Length"],
            Measure::LongAxis => ["103339001", "SCT", "Long Axis"],
            Measure::ShortAxis => ["103340004", "SCT", "Short Axis"],
            Measure::Angle => ["1483009", "SCT", "Angle"],
            Measure::CobbAngle => ["285285000", "SCT", "Cobb angle"],
            Measure::Area => ["42798000", "SCT", "Area"],
            Measure::Perimeter => ["131191004", "SCT", "Perimeter"],
            Measure::Volume => ["118565006", "SCT", "Volume"],
            Measure::Value if quantity.unit == "HU" => ["112031", "DCM", "Attenuation Coefficient"],
            Measure::Value => ["1855006", "SCT", "Intensity"],
            Measure::Mean => ["373098007", "SCT", "Mean"],
            Measure::StandardDeviation => ["386136009", "SCT", "Standard Deviation"],
            Measure::Minimum => ["255605001", "SCT", "Minimum"],
            Measure::Maximum => ["56851009", "SCT", "Maximum"],
            Measure::Count => ["COUNT", "99VOXCAST", "Number of pixels or voxels"],
        };
        let name = Code::new(value, scheme, meaning);
        let unit = if quantity.measure == Measure::Count { "" } else { &quantity.unit };
        let inferred_from = measured_on(quantity.measure);
        Measurement { name, value: quantity.value, unit: unit_code(unit), inferred_from }
    })
    .collect()
}

fn unit_code(unit: &str) -> Code {
    let [value, meaning] = match unit {
        "mm" => ["mm", "millimeter"],
        "mm²" => ["mm2", "square millimeter"],
        "ml" => ["ml", "milliliter"],
        "°" => ["deg", "degree"],
        "px" => ["{pixels}", "pixels"],
        "px²" => ["{square pixels}", "square pixels"],
        "HU" => ["[hnsf'U]", "Hounsfield unit"],
        "SUVbw" => ["g/ml{SUVbw}", "Standardized Uptake Value body weight"],
        "BQML" => ["Bq/ml", "Becquerels/milliliter"],
        "CNTS" => ["{counts}", "Counts"],
        _ => ["1", "no units"],
    };
    Code::new(value, "UCUM", meaning)
}

/// Annotations of a measurement report, of this program or another, that lie on the series' images or in its frame
/// of reference.
pub fn report_annotations(about: &About<'_>, report: &Report) -> Found {
    let places = about.places();
    let mut found = Found::default();
    for group in report.measurement_groups() {
        let outlines = outlines_of(&group);
        if outlines.is_empty() {
            continue;
        }
        let mut placement = None;
        let shapes: Option<Vec<Graphic>> = outlines
            .iter()
            .map(|region| {
                let (graphic, on) = graphic(about, &places, region)?;
                placement = placement.or(on);
                Some(graphic)
            })
            .collect();
        let stated =
            group.evaluations.iter().find(|(name, _)| *name == kind_name() || name.is("KIND", "99VOXCAST"));
        let stated = stated.and_then(|(_, kind)| kind_of_code(&kind.value));
        let is_cobb = group.measurements.iter().any(|m| m.name.is("285285000", "SCT"));
        let series = about.series.key();
        let annotation = shapes.and_then(|mut shapes| {
            // Two lines, or their four ends in one.
            let ends: usize = shapes.iter().map(|shape| shape.points.len()).sum();
            let stated = stated.or((is_cobb && ends == 4).then_some(Kind::Cobb));
            if stated.is_none() {
                // An angle may have its corner twice, as the end of each line.
                shapes.iter_mut().for_each(|s| s.points.dedup_by(|a, b| a.distance(*b) < SAME_POINT));
            }
            annotation_of(&shapes, stated, placement, &series)
        });
        found.add(annotation.map(|annotation| {
            let own_name = annotation.kind.name();
            let label = crate::clean_label(&group.tracking_id);
            Annotation {
                uid: group.tracking_uid.chars().take(64).collect(),
                label: if label == own_name { String::new() } else { label },
                ..annotation
            }
        }));
    }
    found
}

/// The outlines of a group and of its numbers, each once: numbers about one shape repeat it.
fn outlines_of(group: &MeasurementGroup) -> Vec<&Item> {
    let mut outlines: Vec<&Item> = Vec::new();
    let of_numbers = group.measurements.iter().flat_map(|measured| &measured.inferred_from);
    for item in group.regions.iter().chain(of_numbers) {
        let same = |known: &&Item| (&known.value, &known.children) == (&item.value, &item.children);
        if outlines.len() < MAX_OUTLINES && !outlines.iter().any(same) {
            outlines.push(item);
        }
    }
    outlines
}

fn graphic(about: &About<'_>, places: &[Place], region: &Item) -> Option<(Graphic, Option<Placement>)> {
    match &region.value {
        Value::Coordinates { shape, points } => {
            let image = region.children.iter().find_map(|child| match &child.value {
                Value::Image(image) => Some(image),
                _ => None,
            })?;
            let place = places.iter().find(|place| is_same(&place.reference, image))?;
            let points: Vec<DVec3> = points.iter().map(|&p| place.patient(p)).collect();
            Some((Graphic { shape: shape.clone(), points }, Some(place.placement())))
        }
        Value::Coordinates3d { shape, points_mm, frame_of_reference_uid }
            if frame_of_reference_uid == about.series.frame_of_reference_uid() =>
        {
            let on = places.first().and_then(|first| along_images(first, points_mm));
            Some((Graphic { shape: shape.clone(), points: points_mm.clone() }, on))
        }
        _ => None,
    }
}

/// The plane of points that lie as the images do, on or between them.
fn along_images(image: &Place, points: &[DVec3]) -> Option<Placement> {
    let placement = Placement { center_mm: *points.first()?, ..image.placement() };
    points.iter().all(|p| placement.distance_mm(*p).abs() < SAME_POINT).then_some(placement)
}

/// Whether a reference means an image; without frames it means the first.
pub(super) fn is_same(image: &Reference, named: &Reference) -> bool {
    image.sop_instance_uid == named.sop_instance_uid
        && (named.frames.is_empty() || image.frames.is_empty() || named.frames.contains(&image.frames[0]))
}
