//! What a reader does with a study: annotations and measurements, segmentation, undo, and their files.
//!
//! ```text
//! input -> Editor -> Edit -> Reading -> shapes, Values, Table -> window, browser, CSV
//!                     |         `-> SR, GSPS, KO, SEG, JSON
//!                     `-> History
//! ```
//!
//! A [`Reading`] holds what was drawn, an [`Edit`] changes it and is answered by the edit that takes it back, and a
//! [`History`] keeps those. Geometry is in patient space (LPS, mm); numbers come from the volume, never from pixels,
//! and are in pixels where [`render_core::dicom::Trust`] says that millimetres do not hold. The crate knows no
//! window, no socket and no clock: time, randomness, progress and cancellation are arguments.
//!
//! ```
//! use reading::{Annotation, Edit, History, Kind, Placement, Reading};
//! use glam::DVec3;
//!
//! let mut reading = Reading::new([7; 16]);
//! let mut history = History::default();
//! let placement = Placement::new(DVec3::ZERO, DVec3::X, DVec3::Y).expect("axes at a right angle");
//! let line = reading.annotation(Kind::Length, "1.2.3", placement, vec![DVec3::ZERO, DVec3::X * 30.0]);
//! let id = line.id;
//! let back = reading.apply(Edit::put(line));
//! history.push("Length", back, 0);
//! assert!(reading.get(id).is_some());
//! history.undo(&mut reading, |_, _| true, reading::Reading::apply);
//! assert!(reading.get(id).is_none());
//! ```

mod annotation;
mod document;
mod draw;
mod editor;
mod history;
mod labels;
mod mask;
mod measure;
pub mod objects;
mod outline;
mod region;
mod segmentation;
mod session;
mod statistics;
mod surface;
mod table;

pub use annotation::{Annotation, Id, Kind, MAX_POINTS, Placement};
pub use document::{Edit, Held, MAX_ANNOTATIONS, Reading};
pub use draw::{Pixel, Shape, shapes, told};
pub use editor::{Editor, Input, Key, Outcome, Tool, View};
pub use history::History;
pub use labels::{Labels, discard};
pub use mask::mask;
pub use measure::{Measure, Quantity, Source, Values, measure, sampling_mm};
pub use region::sample;
pub use segmentation::{
    Brush, Change, MAX_BRUSH_MM, MAX_LABELLED, MAX_SEGMENTS, Painted, Run, Segment, SegmentId, Segmentation,
    SegmentationError, grow, threshold,
};
pub use session::{
    MAX_TEXT, MAX_WHOLE_TEXT, Restored, SessionError, Texts, annotations_from_json, annotations_to_json,
    labels_from_json, labels_to_json, split,
};
pub use statistics::{Cancelled, Statistics};
pub use surface::Surfaces;
pub use table::{Image, Origin, Row, Table};

/// Longest name of an annotation or segment, in characters.
pub const MAX_LABEL: usize = 256;

/// Colours that differ from each other and from grey, in turn; all have a contrast of 4.5 on black.
const COLORS: [[u8; 3]; 8] = [
    [255, 210, 70],
    [90, 200, 250],
    [120, 220, 120],
    [255, 140, 110],
    [205, 160, 255],
    [255, 150, 200],
    [100, 230, 210],
    [225, 225, 140],
];

/// The colour of the nth thing.
pub fn color(n: usize) -> [u8; 3] {
    COLORS[n % COLORS.len()]
}

/// A label as it is kept: without control characters, not too long.
pub fn clean_label(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).take(MAX_LABEL).collect();
    text.trim().to_owned()
}
