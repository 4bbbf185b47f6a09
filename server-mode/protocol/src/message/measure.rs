//! Measuring by the server's voxels.

use serde::{Deserialize, Serialize};

use crate::{bounded, short};

/// Points of what is measured, and how far from the patient's origin they lie.
pub const MAX_MEASURED: usize = 1000;
pub const MAX_MEASURED_MM: f64 = 1e6;

/// What to measure on a series, by the server's voxels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Measure {
    /// Comes back with the answer. A later one of the same number replaces one that has not begun.
    pub request: u32,
    pub series_instance_uid: String,
    pub kind: MeasuredKind,
    /// Patient space (LPS).
    pub points_mm: Vec<[f64; 3]>,
    pub plane: MeasuredPlane,
}

/// What is drawn, by these points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum MeasuredKind {
    /// The point.
    Probe,
    /// Both ends.
    Length,
    /// An end, the vertex, the other end.
    Angle,
    /// Both ends of one line, both of the other.
    Cobb,
    /// Both ends of the long axis, both of the short one.
    Bidirectional,
    /// Both ends of one axis, both of the other.
    Ellipse,
    /// The corners, one after the other.
    Rectangle,
    /// The outline, which closes itself.
    Freehand,
    /// Two opposite corners of a box along the axes of the plane.
    Box,
    /// Two opposite corners of the box around it.
    Ellipsoid,
}

/// The plane that something was drawn in.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MeasuredPlane {
    pub center_mm: [f64; 3],
    /// Unit vectors at a right angle.
    pub right: [f64; 3],
    pub down: [f64; 3],
}

impl Measure {
    pub(super) fn check(&self) -> Result<(), String> {
        short("seriesInstanceUid", &self.series_instance_uid)?;
        if !(1..=MAX_MEASURED).contains(&self.points_mm.len()) {
            return Err(format!("`pointsMm` has 1 to {MAX_MEASURED} points"));
        }
        let MeasuredPlane { center_mm, right, down } = self.plane;
        let numbers = self.points_mm.as_flattened().iter().chain(&center_mm).chain(&right).chain(&down);
        numbers.into_iter().try_for_each(|number| bounded("pointsMm", *number, MAX_MEASURED_MM))
    }
}

/// What was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Measured {
    pub request: u32,
    pub quantities: Vec<Quantity>,
    /// Of areas and solids: between the minimum and the maximum, in bars of equal width.
    pub histogram: Vec<u64>,
    /// Why lengths are in pixels, or not at all.
    pub doubt: Option<String>,
    /// What of the files millimetres are taken from; `None` where nothing is told in them.
    pub lengths_by: Option<String>,
}

/// A number with its unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct Quantity {
    /// `length`, `long-axis`, `short-axis`, `angle`, `cobb-angle`, `area`, `perimeter`, `volume`, `value`, `mean`,
    /// `standard-deviation`, `minimum`, `maximum` or `count`.
    pub measure: String,
    pub value: f64,
    /// Empty where it has none.
    pub unit: String,
}
