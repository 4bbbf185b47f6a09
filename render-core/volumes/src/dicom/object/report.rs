//! Structured reports and key object selections (PS3.3 C.17): the tree, and the measurements in it (TID 1500).

use dicom_dictionary_std::tags;
use glam::DVec3;

use super::code::{Code, Reference, ReferencedSeries};
use crate::dicom::charset::Charset;
use crate::dicom::dataset::{Dataset, File};

/// A document whose content is coded.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    pub root: Item,
    /// Completion Flag is COMPLETE.
    pub complete: bool,
    /// Verification Flag is VERIFIED.
    pub verified: bool,
    /// Everything that the content refers to, by series.
    pub evidence: Vec<ReferencedSeries>,
}

/// One node of the tree.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// To the node above, for example `CONTAINS`; empty at the root.
    pub relationship: String,
    pub name: Option<Code>,
    pub value: Value,
    pub children: Vec<Item>,
}

#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    Container,
    Text(String),
    Code(Code),
    /// A number with its unit (UCUM). `None`: not a number, or not there.
    Number {
        value: Option<f64>,
        unit: Option<Code>,
    },
    /// A date, a time or both, as DICOM writes them.
    When(String),
    Uid(String),
    Person(String),
    Image(Reference),
    /// Another object that is no image.
    Composite(Reference),
    /// Points in an image: (column, row), the middle of the first pixel at (0.5, 0.5).
    Coordinates {
        shape: String,
        points: Vec<[f32; 2]>,
    },
    /// Points in the patient, LPS mm.
    Coordinates3d {
        shape: String,
        points_mm: Vec<DVec3>,
        frame_of_reference_uid: String,
    },
    /// A value type that is not known, named by the file.
    Other(String),
}

impl Report {
    pub(super) fn read(file: &File<'_>) -> Result<Self, String> {
        let data = &file.dataset;
        if data.text(tags::VALUE_TYPE).is_none_or(|text| text.is_empty()) {
            return Err("the document has no content: ValueType (0040,A040) is missing at its root".into());
        }
        let charset = data.charset();
        let evidence =
            [tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, tags::PERTINENT_OTHER_EVIDENCE_SEQUENCE];
        let studies = evidence.iter().flat_map(|&tag| data.items(tag));
        Ok(Self {
            root: Item::read(data, &charset),
            complete: data.text(tags::COMPLETION_FLAG).as_deref() == Some("COMPLETE"),
            verified: data.text(tags::VERIFICATION_FLAG).as_deref() == Some("VERIFIED"),
            evidence: studies
                .flat_map(|study| ReferencedSeries::all(study, tags::REFERENCED_SERIES_SEQUENCE))
                .collect(),
        })
    }

    /// What the document is, for example `Imaging Measurement Report` or, of key objects, `Of Interest`.
    pub fn title(&self) -> Option<&Code> {
        self.root.name.as_ref()
    }

    /// Images and other objects that the content names, in its order: the selection of a key object document.
    pub fn references(&self) -> Vec<&Reference> {
        let mut found = Vec::new();
        self.root.visit(&mut |item| match &item.value {
            Value::Image(reference) | Value::Composite(reference) => found.push(reference),
            _ => {}
        });
        found
    }

    /// The measurement groups of an imaging measurement report (TID 1410, 1411 and 1501), wherever they are.
    pub fn measurement_groups(&self) -> Vec<MeasurementGroup> {
        let mut groups = Vec::new();
        self.root.visit(&mut |item| {
            if item.is("125007", "DCM") {
                groups.push(MeasurementGroup::of(item));
            }
        });
        groups
    }
}

impl Item {
    /// Goes as deep as the data set does, which is limited where it is read.
    fn read(data: &Dataset<'_>, charset: &Charset) -> Self {
        let text = |tag: dicom_object::Tag| data.text(tag).unwrap_or_default();
        let reference =
            || data.items(tags::REFERENCED_SOP_SEQUENCE).first().map(Reference::read).unwrap_or_default();
        let code = |tag| Code::first(data, tag, charset);
        let shape = || text(tags::GRAPHIC_TYPE);
        let kind = text(tags::VALUE_TYPE);
        let value = match kind.as_str() {
            "CONTAINER" => Value::Container,
            "TEXT" => Value::Text(data.person_text(tags::TEXT_VALUE, charset)),
            "CODE" => Value::Code(code(tags::CONCEPT_CODE_SEQUENCE).unwrap_or_default()),
            "NUM" => {
                let measured = data.items(tags::MEASURED_VALUE_SEQUENCE).first();
                Value::Number {
                    value: measured.and_then(|m| {
                        m.doubles(tags::FLOATING_POINT_VALUE)
                            .first()
                            .copied()
                            .or_else(|| m.number(tags::NUMERIC_VALUE))
                    }),
                    unit: measured
                        .and_then(|m| Code::first(m, tags::MEASUREMENT_UNITS_CODE_SEQUENCE, charset)),
                }
            }
            "DATE" => Value::When(text(tags::DATE)),
            "TIME" => Value::When(text(tags::TIME)),
            "DATETIME" => Value::When(text(tags::DATE_TIME)),
            "UIDREF" => Value::Uid(text(tags::UID)),
            "PNAME" => Value::Person(data.person_text(tags::PERSON_NAME, charset)),
            "IMAGE" => Value::Image(reference()),
            "COMPOSITE" | "WAVEFORM" => Value::Composite(reference()),
            "SCOORD" => Value::Coordinates {
                shape: shape(),
                points: data.floats(tags::GRAPHIC_DATA).as_chunks::<2>().0.to_vec(),
            },
            "SCOORD3D" => Value::Coordinates3d {
                shape: shape(),
                points_mm: {
                    let numbers = data.floats(tags::GRAPHIC_DATA);
                    numbers.as_chunks::<3>().0.iter().map(|p| DVec3::from(p.map(f64::from))).collect()
                },
                frame_of_reference_uid: text(tags::REFERENCED_FRAME_OF_REFERENCE_UID),
            },
            _ => Value::Other(kind),
        };
        let children = data.items(tags::CONTENT_SEQUENCE).iter();
        Self {
            relationship: text(tags::RELATIONSHIP_TYPE),
            name: code(tags::CONCEPT_NAME_CODE_SEQUENCE),
            value,
            children: children.map(|item| Self::read(item, charset)).collect(),
        }
    }

    /// This node and all below it, in order.
    pub fn visit<'a>(&'a self, each: &mut impl FnMut(&'a Self)) {
        each(self);
        self.children.iter().for_each(|child| child.visit(each));
    }

    fn is_outline(&self) -> bool {
        matches!(self.value, Value::Coordinates { .. } | Value::Coordinates3d { .. })
    }

    /// Whether its name is this concept.
    pub fn is(&self, value: &str, scheme: &str) -> bool {
        self.name.as_ref().is_some_and(|name| name.is(value, scheme))
    }
}

/// What was measured about one finding.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MeasurementGroup {
    pub tracking_id: String,
    pub tracking_uid: String,
    pub category: Option<Code>,
    pub finding: Option<Code>,
    pub sites: Vec<Code>,
    pub measurements: Vec<Measurement>,
    /// Qualities that are codes: (what, how).
    pub evaluations: Vec<(Code, Code)>,
    /// Segments of a segmentation that show it.
    pub segments: Vec<Reference>,
    /// Images that it was found on.
    pub images: Vec<Reference>,
    /// Outlines: `Coordinates`, with the image as the only child, or `Coordinates3d`.
    pub regions: Vec<Item>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    pub name: Code,
    pub value: f64,
    pub unit: Code,
    /// What it was measured on (TID 320): `Coordinates`, with the image as the only child, or `Coordinates3d`.
    pub inferred_from: Vec<Item>,
}

impl MeasurementGroup {
    fn of(item: &Item) -> Self {
        let mut group = Self::default();
        for child in &item.children {
            let named =
                |values: &[(&str, &str)]| values.iter().any(|(value, scheme)| child.is(value, scheme));
            match &child.value {
                Value::Text(text) if child.is("112039", "DCM") => group.tracking_id.clone_from(text),
                Value::Uid(uid) if child.is("112040", "DCM") => group.tracking_uid.clone_from(uid),
                Value::Code(code)
                    if named(&[("276214006", "SCT"), ("G-C0E3", "SRT")]) && group.category.is_none() =>
                {
                    group.category = Some(code.clone());
                }
                Value::Code(code) if named(&[("121071", "DCM")]) => group.finding = Some(code.clone()),
                Value::Code(code) if named(&[("363698007", "SCT"), ("G-C0E3", "SRT")]) => {
                    group.sites.push(code.clone());
                }
                Value::Code(code) if child.relationship == "CONTAINS" => {
                    group.evaluations.extend(child.name.clone().map(|name| (name, code.clone())));
                }
                Value::Number { value: Some(value), unit } => {
                    group.measurements.extend(child.name.clone().map(|name| Measurement {
                        name,
                        value: *value,
                        unit: unit.clone().unwrap_or_default(),
                        inferred_from:
                            child.children.iter().filter(|item| item.is_outline()).cloned().collect(),
                    }));
                }
                Value::Image(image) if !image.segments.is_empty() => group.segments.push(image.clone()),
                Value::Image(image) => group.images.push(image.clone()),
                _ if child.is_outline() => group.regions.push(child.clone()),
                _ => {}
            }
        }
        group
    }
}
