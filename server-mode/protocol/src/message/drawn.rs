//! What a host has drawn, for its guests.

use serde::{Deserialize, Serialize};

use super::{MAX_MEASURED_MM, MAX_SEQ, MeasuredPlane, Quantity};
use crate::bounded;
use crate::scene::few;

/// What `accept` lists to be told of drawings: who does not know the message gets none.
pub const DRAWINGS: &str = "drawings";
/// Drawings of a series that guests are told of, and points of them all.
pub const MAX_DRAWINGS: usize = 1000;
pub const MAX_DRAWN_POINTS: usize = 50_000;
/// Bytes of a label: 256 characters.
pub const MAX_LABEL_BYTES: usize = 1024;
/// Numbers beside a drawing.
const MAX_NUMBERS: usize = 16;
/// Bytes of the name of a measure, and of a unit.
const MAX_UNIT_BYTES: usize = 256;

/// All that a host has drawn on a series and shows, in place of what was told before.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawn {
    pub series_instance_uid: String,
    /// The last one lies over the others.
    pub drawings: Vec<Drawing>,
}

/// One thing drawn, with what the host's window has measured of it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Drawing {
    pub kind: DrawingKind,
    /// Patient space (LPS), in the order of its kind.
    pub points_mm: Vec<[f64; 3]>,
    /// That it was drawn in.
    pub plane: MeasuredPlane,
    /// What the host calls it, or nothing.
    pub label: String,
    /// sRGB.
    pub color: [u8; 3],
    /// In the order in which they are told; none while it is being measured.
    pub quantities: Vec<Quantity>,
}

/// Shows no label: whoever typed it may have named somebody, and messages may end up in a log.
impl std::fmt::Debug for Drawing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Drawing")
            .field("kind", &self.kind)
            .field("points_mm", &self.points_mm.len())
            .finish_non_exhaustive()
    }
}

/// What a drawing is. Points are as those of [`MeasuredKind`](super::MeasuredKind).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum DrawingKind {
    Probe,
    Length,
    Angle,
    Cobb,
    Bidirectional,
    Ellipse,
    Rectangle,
    Freehand,
    Box,
    Ellipsoid,
    /// The tip, then the tail, where the label stands.
    Arrow,
    /// The middle of the picture that was marked.
    KeyImage,
}

pub(super) fn check(number: u64, series_instance_uid: &str, drawings: &[Drawing]) -> Result<(), String> {
    if number > MAX_SEQ {
        return Err(format!("`number` is at most {MAX_SEQ}"));
    }
    crate::short("seriesInstanceUid", series_instance_uid)?;
    few("drawings", drawings, MAX_DRAWINGS)?;
    if drawings.iter().map(|drawing| drawing.points_mm.len()).sum::<usize>() > MAX_DRAWN_POINTS {
        return Err(format!("`drawings` have at most {MAX_DRAWN_POINTS} points"));
    }
    drawings.iter().try_for_each(Drawing::check)
}

impl Drawing {
    fn check(&self) -> Result<(), String> {
        let Self { points_mm, plane: MeasuredPlane { center_mm, right, down }, label, quantities, .. } = self;
        let numbers = points_mm.as_flattened().iter().chain(center_mm).chain(right).chain(down);
        numbers.into_iter().try_for_each(|number| bounded("pointsMm", *number, MAX_MEASURED_MM))?;
        // What a text says may be about a patient: it is not quoted.
        if label.len() > MAX_LABEL_BYTES {
            return Err(format!("`label` has at most {MAX_LABEL_BYTES} bytes"));
        }
        few("quantities", quantities, MAX_NUMBERS)?;
        let long = |text: &str| text.len() > MAX_UNIT_BYTES;
        if quantities.iter().any(|Quantity { measure, unit, .. }| long(measure) || long(unit)) {
            return Err(format!("texts of `quantities` have at most {MAX_UNIT_BYTES} bytes"));
        }
        Ok(())
    }
}
