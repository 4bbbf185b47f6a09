//! What was drawn on a series as JSON, to be taken up again later: a text of its annotations, and one of its labels.
//!
//! What is written can be read: what would be too long is not written. What cannot be read of a text is left out
//! and counted, never a reason to refuse the rest.

use std::collections::BTreeMap;

use glam::{DAffine3, DVec3};
use render_core::Geometry;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::annotation::{Annotation, Id, Kind, Placement};
use crate::segmentation::{Run, Segment, Segmentation};

/// Of the form below. Others are refused: a reading is not to come back half.
const VERSION: u32 = 1;
/// Longest text of a series that is written, and read.
pub const MAX_TEXT: usize = 256 << 20;
/// Runs of labels that are written: a run has up to 27 bytes, so their text stays below [`MAX_TEXT`].
const MAX_RUNS: usize = 8_000_000;
/// Longest text of all series in one, as it was written once.
pub const MAX_WHOLE_TEXT: usize = 1 << 30;

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    #[error("its text of {0} bytes is too long")]
    TooLong(usize),
    #[error("it is not what Voxcast writes ({0})")]
    Json(#[from] serde_json::Error),
    #[error("it has version {0}, this program reads {VERSION}; open it with the program that wrote it")]
    Version(u32),
    #[error("{0}")]
    Content(String),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Saved {
    version: u32,
    annotations: Vec<Perhaps<SavedAnnotation>>,
    segmentations: Vec<SavedSegmentation>,
}

/// What is one of many: damage of it is its own.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Perhaps<T> {
    Good(T),
    #[serde(skip_serializing)]
    Bad(IgnoredAny),
}

/// An annotation in plain numbers; also what goes over the wire.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SavedAnnotation {
    id: u64,
    uid: String,
    series: String,
    kind: Kind,
    points_mm: Vec<[f64; 3]>,
    center_mm: [f64; 3],
    right: [f64; 3],
    down: [f64; 3],
    label: String,
    color: [u8; 3],
    visible: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SavedSegmentation {
    series: String,
    dims: [u32; 3],
    /// Columns of the matrix, then the origin.
    patient_from_voxel: [f64; 12],
    segments: Vec<Segment>,
    /// First voxel, number of voxels, label.
    runs: Vec<(u32, u32, u8)>,
}

impl From<&Annotation> for SavedAnnotation {
    fn from(annotation: &Annotation) -> Self {
        let Placement { center_mm, right, down } = annotation.placement;
        Self {
            id: annotation.id.0,
            uid: annotation.uid.clone(),
            series: annotation.series.clone(),
            kind: annotation.kind,
            points_mm: annotation.points_mm.iter().map(|p| p.to_array()).collect(),
            center_mm: center_mm.to_array(),
            right: right.to_array(),
            down: down.to_array(),
            label: annotation.label.clone(),
            color: annotation.color,
            visible: annotation.visible,
        }
    }
}

impl SavedAnnotation {
    fn restored(self) -> Result<Annotation, SessionError> {
        let placement =
            Placement { center_mm: self.center_mm.into(), right: self.right.into(), down: self.down.into() };
        let annotation = Annotation {
            id: Id(self.id),
            uid: self.uid,
            series: self.series,
            kind: self.kind,
            points_mm: self.points_mm.into_iter().map(DVec3::from).collect(),
            placement,
            label: self.label,
            color: self.color,
            visible: self.visible,
        };
        match annotation.fault() {
            Some(fault) => Err(SessionError::Content(format!("of an annotation, {fault}"))),
            None => Ok(annotation),
        }
    }
}

impl Serialize for Annotation {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        SavedAnnotation::from(self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Annotation {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        SavedAnnotation::deserialize(deserializer)?.restored().map_err(serde::de::Error::custom)
    }
}

/// What was read of a text, and how many parts of it could not be.
#[derive(Clone, Debug, PartialEq)]
pub struct Restored<T> {
    pub content: T,
    pub left_out: usize,
}

/// The annotations of a series; see [`annotations_from_json`]. `None` where that is too long to be read again.
pub fn annotations_to_json(annotations: &[Annotation]) -> Option<String> {
    let annotations = annotations.iter().map(|annotation| Perhaps::Good(annotation.into())).collect();
    text_of(&Saved { version: VERSION, annotations, segmentations: Vec::new() })
}

/// What [`annotations_to_json`] wrote. Everything in it is checked: the text may come from anywhere. Numbers of
/// annotations are as they were, so they mean nothing among others: [`crate::Reading::resume`] gives new ones.
pub fn annotations_from_json(text: &str) -> Result<Restored<Vec<Annotation>>, SessionError> {
    let saved = read(text, MAX_TEXT)?;
    let all = saved.annotations.len();
    let content: Vec<Annotation> = good(saved.annotations).collect();
    Ok(Restored { left_out: all - content.len(), content })
}

/// The labels of a series and what they stand for; see [`labels_from_json`]. `None` where they are in more than 8
/// million pieces.
pub fn labels_to_json(series: &str, segmentation: &Segmentation) -> Option<String> {
    let geometry = segmentation.geometry();
    let labelled = segmentation.segments().iter().flat_map(|segment| {
        let runs = segmentation.runs_of(segment.number);
        runs.into_iter().map(|run| (run.start, run.length, segment.number))
    });
    let runs: Vec<(u32, u32, u8)> = labelled.take(MAX_RUNS + 1).collect();
    if runs.len() > MAX_RUNS {
        return None;
    }
    let saved = SavedSegmentation {
        series: series.to_owned(),
        dims: geometry.dims(),
        patient_from_voxel: geometry.patient_from_voxel().to_cols_array(),
        segments: segmentation.segments().to_vec(),
        runs,
    };
    text_of(&Saved { version: VERSION, annotations: Vec::new(), segmentations: vec![saved] })
}

/// What [`labels_to_json`] wrote of this series.
pub fn labels_from_json(series: &str, text: &str) -> Result<Restored<Segmentation>, SessionError> {
    let saved = read(text, MAX_TEXT)?;
    let saved = saved.segmentations.into_iter().find(|saved| saved.series == series);
    let saved = saved.ok_or_else(|| SessionError::Content("it holds no labels of the series".into()))?;
    let wrong = |reason: String| SessionError::Content(reason);
    let place = DAffine3::from_cols_array(&saved.patient_from_voxel);
    let geometry = Geometry::new(saved.dims, place).map_err(|error| wrong(error.to_string()))?;
    let mut segmentation = Segmentation::new(geometry).map_err(|error| wrong(error.to_string()))?;
    let mut left_out = 0;
    let mut segments: Vec<Segment> = Vec::new();
    for segment in saved.segments {
        if segment.number == 0 || segments.iter().any(|known| known.number == segment.number) {
            left_out += 1;
        } else {
            segments.push(Segment { name: crate::clean_label(&segment.name), ..segment });
        }
    }
    segmentation.set_segments(segments);
    for (start, length, number) in saved.runs {
        let known = segmentation.segment(number).is_some();
        if !known || start as usize + length as usize > geometry.voxel_count() {
            left_out += 1;
            continue;
        }
        segmentation.paint(&[Run { start, length }], number);
    }
    Ok(Restored { content: segmentation, left_out })
}

/// What was drawn on a series, as the texts of [`annotations_to_json`] and [`labels_to_json`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    pub annotations: Option<String>,
    pub labels: Option<String>,
}

/// One text of all series, as earlier versions wrote it, in texts of each series. Labels are not laid out for that,
/// so it takes no more memory however many there are; those without a voxel are nobody's loss and left out.
pub fn split(text: &str) -> Result<Restored<BTreeMap<String, Texts>>, SessionError> {
    let saved = read(text, MAX_WHOLE_TEXT)?;
    let mut left_out = saved.annotations.len();
    let mut by_series: BTreeMap<String, Vec<Annotation>> = BTreeMap::new();
    for annotation in good(saved.annotations) {
        left_out -= 1;
        by_series.entry(annotation.series.clone()).or_default().push(annotation);
    }
    let mut content: BTreeMap<String, Texts> = BTreeMap::new();
    for (series, annotations) in by_series {
        match annotations_to_json(&annotations) {
            Some(text) => content.entry(series).or_default().annotations = Some(text),
            None => left_out += annotations.len(),
        }
    }
    for saved in saved.segmentations.into_iter().filter(|saved| !saved.runs.is_empty()) {
        let series = saved.series.clone();
        match text_of(&Saved { version: VERSION, annotations: Vec::new(), segmentations: vec![saved] }) {
            Some(text) => content.entry(series).or_default().labels = Some(text),
            None => left_out += 1,
        }
    }
    Ok(Restored { content, left_out })
}

fn text_of(saved: &Saved) -> Option<String> {
    // Nothing in it can fail to be written: keys are text, and JSON has a form for every number that is finite.
    serde_json::to_string(saved).ok().filter(|text| text.len() <= MAX_TEXT)
}

fn read(text: &str, most: usize) -> Result<Saved, SessionError> {
    if text.len() > most {
        return Err(SessionError::TooLong(text.len()));
    }
    #[derive(Deserialize)]
    struct Head {
        version: u32,
    }
    let head: Head = serde_json::from_str(text)?;
    if head.version != VERSION {
        return Err(SessionError::Version(head.version));
    }
    Ok(serde_json::from_str(text)?)
}

fn good(annotations: Vec<Perhaps<SavedAnnotation>>) -> impl Iterator<Item = Annotation> {
    annotations.into_iter().filter_map(|annotation| match annotation {
        Perhaps::Good(annotation) => annotation.restored().ok(),
        Perhaps::Bad(_) => None,
    })
}
