//! A whole reading as JSON, to be taken up again later.

use glam::{DAffine3, DVec3};
use render_core::Geometry;
use serde::{Deserialize, Serialize};

use crate::annotation::{Annotation, Id, Kind, Placement};
use crate::document::{Edit, MAX_ANNOTATIONS, Reading};
use crate::segmentation::{MAX_LABELLED, Run, Segment, Segmentation};

/// Of the form below. Others are refused: a reading is not to come back half.
const VERSION: u32 = 1;
/// Longest text that is read.
const MAX_TEXT: usize = 256 << 20;
/// Series with a segmentation in one reading.
const MAX_SEGMENTATIONS: usize = 64;

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    #[error("the reading cannot be taken up again: its text of {0} bytes is longer than {MAX_TEXT}")]
    TooLong(usize),
    #[error("the reading cannot be taken up again: it is not what Voxcast writes ({0})")]
    Json(#[from] serde_json::Error),
    #[error(
        "the reading cannot be taken up again: it has version {0}, this program reads {VERSION}; open it with the \
         program that wrote it"
    )]
    Version(u32),
    #[error("the reading cannot be taken up again: {0}")]
    Content(String),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Saved {
    version: u32,
    /// Hexadecimal.
    seed: String,
    next: u64,
    annotations: Vec<SavedAnnotation>,
    segmentations: Vec<SavedSegmentation>,
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

/// Text is some 20 bytes a run: below [`MAX_TEXT`].
const MAX_RUNS: usize = 8_000_000;

/// The whole reading; see [`from_json`]. Segments whose voxels are in more than 8 million runs do not fit: then
/// the second value names the series that were left out.
pub fn to_json(reading: &Reading) -> (String, Vec<String>) {
    let mut left_out = Vec::new();
    let mut room = MAX_RUNS;
    let segmentations = reading.segmentations().filter_map(|(series, segmentation)| {
        let geometry = segmentation.geometry();
        let labelled = segmentation.segments().iter().flat_map(|segment| {
            let runs = segmentation.runs_of(segment.number);
            runs.into_iter().map(|run| (run.start, run.length, segment.number))
        });
        let runs: Vec<(u32, u32, u8)> = labelled.take(room + 1).collect();
        if runs.len() > room {
            left_out.push(series.to_owned());
            return None;
        }
        room -= runs.len();
        Some(SavedSegmentation {
            series: series.to_owned(),
            dims: geometry.dims(),
            patient_from_voxel: geometry.patient_from_voxel().to_cols_array(),
            segments: segmentation.segments().to_vec(),
            runs,
        })
    });
    let segmentations: Vec<SavedSegmentation> = segmentations.collect();
    let (seed, next) = reading.numbers();
    let saved = Saved {
        version: VERSION,
        seed: format!("{seed:032x}"),
        next,
        annotations: reading.annotations().iter().map(SavedAnnotation::from).collect(),
        segmentations,
    };
    // Nothing in it can fail to be written: keys are text, and JSON has a form for every number that is finite.
    (serde_json::to_string(&saved).unwrap_or_default(), left_out)
}

/// A reading that [`to_json`] wrote. Everything in it is checked: the text may come from anywhere.
pub fn from_json(text: &str) -> Result<Reading, SessionError> {
    if text.len() > MAX_TEXT {
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
    let saved: Saved = serde_json::from_str(text)?;
    let wrong = |reason: &str| SessionError::Content(reason.to_owned());
    let seed = u128::from_str_radix(&saved.seed, 16).map_err(|_| wrong("its seed is no number"))?;
    if saved.annotations.len() > MAX_ANNOTATIONS || saved.segmentations.len() > MAX_SEGMENTATIONS {
        return Err(wrong("it holds more than a reading can"));
    }
    let mut reading = Reading::of_numbers(seed, saved.next);
    for annotation in saved.annotations {
        let annotation = annotation.restored()?;
        if reading.get(annotation.id).is_some() || annotation.id.0 >= u64::MAX / 2 {
            return Err(wrong("two annotations have one number"));
        }
        reading.apply(Edit::put(annotation));
    }
    let mut voxels = 0usize;
    for saved in saved.segmentations {
        let place = DAffine3::from_cols_array(&saved.patient_from_voxel);
        let geometry = Geometry::new(saved.dims, place).map_err(|error| wrong(&error.to_string()))?;
        voxels = voxels.saturating_add(geometry.voxel_count());
        if voxels > MAX_LABELLED {
            return Err(wrong("its segmentations have more voxels than a reading can hold"));
        }
        let mut segmentation = Segmentation::new(geometry).map_err(|error| wrong(&error.to_string()))?;
        let too_long = |segment: &Segment| segment.name.chars().count() > crate::MAX_LABEL;
        let mut numbers: Vec<u8> = saved.segments.iter().map(|segment| segment.number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        if numbers.len() != saved.segments.len()
            || numbers.contains(&0)
            || saved.segments.iter().any(too_long)
            || saved.series.len() > 1024
        {
            return Err(wrong("its segments are not told apart"));
        }
        segmentation.set_segments(saved.segments);
        for (start, length, number) in saved.runs {
            let known = segmentation.segment(number).is_some();
            if !known || start as usize + length as usize > geometry.voxel_count() {
                return Err(wrong("a run of labels lies outside its volume"));
            }
            segmentation.paint(&[Run { start, length }], number);
        }
        reading.apply(Edit::Segmentation { series: saved.series, to: Some(Box::new(segmentation)) });
    }
    Ok(reading)
}
