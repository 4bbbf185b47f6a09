//! Measurement reports (PS3.16 TID 1500) and key object selections (TID 2010).

use dicom_dictionary_std::{tags, uids};

use super::{Stamp, Subject, code_item, finish, put_code, reference};
use crate::dicom::object::report::{Item, MeasurementGroup, Value};
use crate::dicom::object::{Code, Reference};
use crate::dicom::write::Set;

/// A Comprehensive 3D SR with the groups' tracking, findings, sites, measurements, evaluations, images, segments
/// and outlines. `observer` is the person who measured.
pub fn measurement_report(
    subject: &Subject,
    groups: &[MeasurementGroup],
    observer: &str,
    stamp: &Stamp,
) -> Vec<u8> {
    let root = Item {
        relationship: String::new(),
        name: Some(Code::new("126000", "DCM", "Imaging Measurement Report")),
        value: Value::Container,
        children: vec![
            item(
                "HAS CONCEPT MOD",
                "121049",
                "Language of Content Item and Descendants",
                Value::Code(english()),
            ),
            item("HAS OBS CONTEXT", "121008", "Person Observer Name", Value::Person(observer.into())),
            item(
                "HAS CONCEPT MOD",
                "121058",
                "Procedure reported",
                Value::Code(Code::new("363679005", "SCT", "Imaging procedure")),
            ),
            Item {
                children: vec![Item {
                    children: subject.images().iter().map(library_entry).collect(),
                    ..item("CONTAINS", "126200", "Image Library Group", Value::Container)
                }],
                ..item("CONTAINS", "111028", "Image Library", Value::Container)
            },
            Item {
                children: groups.iter().map(|group| group_item(group, subject)).collect(),
                ..item("CONTAINS", "126010", "Imaging Measurements", Value::Container)
            },
        ],
    };
    let mut set = subject.begin(uids::COMPREHENSIVE3_DSR_STORAGE, "SR", stamp);
    set.put_text(tags::COMPLETION_FLAG, "COMPLETE")
        .put_text(tags::VERIFICATION_FLAG, "UNVERIFIED")
        .put_text(tags::PRELIMINARY_FLAG, "FINAL");
    let mut images = subject.images().to_vec();
    for segment in groups.iter().flat_map(|group| &group.segments) {
        if images.iter().all(|image| image.sop_instance_uid != segment.sop_instance_uid) {
            images.push(Reference::instance(&segment.sop_class_uid, &segment.sop_instance_uid));
        }
    }
    document(&mut set, subject, &root, "1500", tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, &images);
    finish(&set)
}

/// A Key Object Selection Document: a title from CID 7010, for example (113000, DCM, "Of Interest"), a description
/// and the images that it is about.
pub fn key_objects(
    subject: &Subject,
    title: &Code,
    description: &str,
    images: &[Reference],
    stamp: &Stamp,
) -> Vec<u8> {
    let mut children = Vec::new();
    if !description.is_empty() {
        children.push(item("CONTAINS", "113012", "Key Object Description", Value::Text(description.into())));
    }
    children.extend(images.iter().map(library_entry));
    let root =
        Item { relationship: String::new(), name: Some(title.clone()), value: Value::Container, children };
    let mut set = subject.begin(uids::KEY_OBJECT_SELECTION_DOCUMENT_STORAGE, "KO", stamp);
    document(&mut set, subject, &root, "2010", tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, images);
    finish(&set)
}

fn document(
    set: &mut Set,
    subject: &Subject,
    root: &Item,
    template: &str,
    evidence: dicom_object::Tag,
    images: &[Reference],
) {
    put_content(set, root);
    set.put_items(tags::REFERENCED_PERFORMED_PROCEDURE_STEP_SEQUENCE, Vec::new())
        .put_items(tags::CONTENT_TEMPLATE_SEQUENCE, applied(template))
        .put_items(evidence, vec![subject.evidence(images)]);
    if template == "1500" {
        set.put_items(tags::PERFORMED_PROCEDURE_CODE_SEQUENCE, Vec::new());
    }
}

fn english() -> Code {
    Code::new("en-US", "RFC5646", "English (United States)")
}

fn item(relationship: &str, value: &str, meaning: &str, content: Value) -> Item {
    Item {
        relationship: relationship.into(),
        name: Some(Code::new(value, "DCM", meaning)),
        value: content,
        children: Vec::new(),
    }
}

/// An image without a name of its own.
fn library_entry(image: &Reference) -> Item {
    Item {
        relationship: "CONTAINS".into(),
        name: None,
        value: Value::Image(image.clone()),
        children: Vec::new(),
    }
}

fn group_item(group: &MeasurementGroup, subject: &Subject) -> Item {
    let coded = |relationship: &str, name: Code, value: &Code| Item {
        relationship: relationship.into(),
        name: Some(name),
        value: Value::Code(value.clone()),
        children: Vec::new(),
    };
    let mut children = vec![
        item("HAS OBS CONTEXT", "112039", "Tracking Identifier", Value::Text(group.tracking_id.clone())),
        item(
            "HAS OBS CONTEXT",
            "112040",
            "Tracking Unique Identifier",
            Value::Uid(group.tracking_uid.clone()),
        ),
    ];
    if let Some(category) = &group.category {
        children.push(coded("CONTAINS", Code::new("276214006", "SCT", "Finding category"), category));
    }
    if let Some(finding) = &group.finding {
        children.push(coded("CONTAINS", Code::new("121071", "DCM", "Finding"), finding));
    }
    for segment in &group.segments {
        children.push(item("CONTAINS", "121191", "Referenced Segment", Value::Image(segment.clone())));
    }
    for region in &group.regions {
        let name = region.name.clone().unwrap_or_else(|| Code::new("111030", "DCM", "Image Region"));
        children.push(Item { relationship: "CONTAINS".into(), name: Some(name), ..region.clone() });
    }
    if children.iter().any(|child| child.is("121231", "DCM")) {
        let series = Value::Uid(subject.series_instance_uid.clone());
        children.push(item("CONTAINS", "121232", "Source series for segmentation", series));
    }
    for image in &group.images {
        children.push(item("CONTAINS", "121112", "Source of Measurement", Value::Image(image.clone())));
    }
    for site in &group.sites {
        children.push(coded("HAS CONCEPT MOD", Code::new("363698007", "SCT", "Finding Site"), site));
    }
    for measured in &group.measurements {
        children.push(Item {
            relationship: "CONTAINS".into(),
            name: Some(measured.name.clone()),
            value: Value::Number { value: Some(measured.value), unit: Some(measured.unit.clone()) },
            children: measured.inferred_from.iter().map(inferred_from).collect(),
        });
    }
    for (name, value) in &group.evaluations {
        children.push(coded("CONTAINS", name.clone(), value));
    }
    Item { children, ..item("CONTAINS", "125007", "Measurement Group", Value::Container) }
}

/// What a number was measured on (TID 320).
fn inferred_from(outline: &Item) -> Item {
    let name = outline.name.clone().unwrap_or_else(|| Code::new("121112", "DCM", "Source of Measurement"));
    Item { relationship: "INFERRED FROM".into(), name: Some(name), ..outline.clone() }
}

/// The template of a measurement group: an outline in a plane, one in space, or neither.
fn template_of(node: &Item) -> Option<&'static str> {
    let count = |value| node.children.iter().filter(|child| child.is(value, "DCM")).count();
    let group = node.is("125007", "DCM");
    group.then(|| match [count("111030"), count("121231")] {
        [0, 0] => "1501",
        [1, 0] => "1410",
        _ => "1411",
    })
}

fn applied(template: &str) -> Vec<Set> {
    let mut applied = Set::default();
    applied.put_text(tags::MAPPING_RESOURCE, "DCMR").put_text(tags::TEMPLATE_IDENTIFIER, template);
    vec![applied]
}

/// A node and all below it.
fn put_content(set: &mut Set, node: &Item) {
    if !node.relationship.is_empty() {
        set.put_text(tags::RELATIONSHIP_TYPE, &node.relationship);
    }
    if let Some(name) = &node.name {
        put_code(set, tags::CONCEPT_NAME_CODE_SEQUENCE, name);
    }
    let kind = match &node.value {
        Value::Container => {
            set.put_text(tags::CONTINUITY_OF_CONTENT, "SEPARATE");
            if let Some(template) = template_of(node) {
                set.put_items(tags::CONTENT_TEMPLATE_SEQUENCE, applied(template));
            }
            "CONTAINER"
        }
        Value::Text(text) => {
            set.put_text(tags::TEXT_VALUE, text);
            "TEXT"
        }
        Value::Code(code) => {
            put_code(set, tags::CONCEPT_CODE_SEQUENCE, code);
            "CODE"
        }
        Value::Number { value, unit } => {
            set.put_items(tags::MEASURED_VALUE_SEQUENCE, measured(*value, unit.as_ref()));
            "NUM"
        }
        Value::When(text) => {
            set.put_text(tags::DATE_TIME, text);
            "DATETIME"
        }
        Value::Uid(uid) => {
            set.put_text(tags::UID, uid);
            "UIDREF"
        }
        Value::Person(name) => {
            set.put_text(tags::PERSON_NAME, name);
            "PNAME"
        }
        Value::Image(image) => {
            set.put_items(tags::REFERENCED_SOP_SEQUENCE, vec![reference(image)]);
            "IMAGE"
        }
        Value::Composite(object) => {
            set.put_items(tags::REFERENCED_SOP_SEQUENCE, vec![reference(object)]);
            "COMPOSITE"
        }
        Value::Coordinates { shape, points } => {
            let numbers: Vec<f64> = points.as_flattened().iter().map(|&n| f64::from(n)).collect();
            set.put_text(tags::GRAPHIC_TYPE, shape).put_numbers(tags::GRAPHIC_DATA, &numbers);
            "SCOORD"
        }
        Value::Coordinates3d { shape, points_mm, frame_of_reference_uid } => {
            let numbers: Vec<f64> = points_mm.iter().flat_map(|p| p.to_array()).collect();
            set.put_text(tags::GRAPHIC_TYPE, shape)
                .put_numbers(tags::GRAPHIC_DATA, &numbers)
                .put_text(tags::REFERENCED_FRAME_OF_REFERENCE_UID, frame_of_reference_uid);
            "SCOORD3D"
        }
        Value::Other(kind) => kind,
    };
    set.put_text(tags::VALUE_TYPE, kind);
    if !node.children.is_empty() {
        let child = |node: &Item| {
            let mut item = Set::default();
            put_content(&mut item, node);
            item
        };
        set.put_items(tags::CONTENT_SEQUENCE, node.children.iter().map(child).collect());
    }
}

/// A number as a decimal string, and exactly where that is not exact. None at all where there is no number.
fn measured(value: Option<f64>, unit: Option<&Code>) -> Vec<Set> {
    let Some(value) = value.filter(|value| value.is_finite()) else { return Vec::new() };
    let mut item = Set::default();
    item.put_numbers(tags::NUMERIC_VALUE, &[value]);
    if item.text(tags::NUMERIC_VALUE).and_then(|text| text.parse().ok()) != Some(value) {
        item.put_numbers(tags::FLOATING_POINT_VALUE, &[value]);
    }
    let none = Code::new("1", "UCUM", "no units");
    item.put_items(tags::MEASUREMENT_UNITS_CODE_SEQUENCE, vec![code_item(unit.unwrap_or(&none))]);
    vec![item]
}
