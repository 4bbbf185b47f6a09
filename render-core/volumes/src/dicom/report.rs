//! What was found in a volume, what was corrected, and what cannot be known.

use glam::DVec3;

use super::header::Image;
use super::scale::PixelRegion;
use super::{Series, Warning, WarningCode, overlay};
use crate::geometry::Geometry;
use crate::words::counted;

/// Planes whose normals differ by less than this cosine (0.8 degrees) are one.
const SAME_PLANE: f64 = 0.9999;

/// The self-check of a volume, in sentences for people.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    pub found: Vec<String>,
    /// What differs from the files, and how.
    pub corrected: Vec<String>,
    pub unknown: Vec<String>,
    pub millimetres: Trust,
    /// Whether the images do not say how they lie in the patient: no edge of a view is anybody's right.
    pub directions_unknown: bool,
}

/// Where lengths and positions in mm are right. What measures or shows mm asks this first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trust {
    #[default]
    Everywhere,
    /// Lengths within an image are right; positions in the patient and lengths across images are
    /// not known, for this reason.
    WithinImages(String),
    /// The same within one of these parts of each image only, for this reason.
    WithinRegions(String, Vec<PixelRegion>),
    /// No length is known, for this reason.
    Nowhere(String),
}

impl Trust {
    /// The stable name that programs read.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Everywhere => "everywhere",
            Self::WithinImages(_) => "within-images",
            Self::WithinRegions(..) => "within-regions",
            Self::Nowhere(_) => "nowhere",
        }
    }

    /// Why not everywhere.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Everywhere => None,
            Self::WithinImages(reason) | Self::WithinRegions(reason, _) | Self::Nowhere(reason) => {
                Some(reason)
            }
        }
    }

    /// Whether positions in the patient and lengths in any direction are right.
    pub fn is_everywhere(&self) -> bool {
        *self == Self::Everywhere
    }

    /// Whether lengths within one of the images are right.
    pub fn holds_within_images(&self) -> bool {
        !matches!(self, Self::Nowhere(_))
    }

    /// Whether lengths in a plane with this unit normal are right, in a volume of this geometry.
    pub fn holds_in_plane(&self, normal: DVec3, geometry: &Geometry) -> bool {
        let [x, y, _] = geometry.direction();
        let is_image = || x.cross(y).normalize().dot(normal).abs() > SAME_PLANE;
        self.is_everywhere() || self.holds_within_images() && is_image()
    }

    /// Whether lengths between places of such a plane (patient, LPS mm) are right.
    pub fn holds_between(&self, places_mm: &[DVec3], normal: DVec3, geometry: &Geometry) -> bool {
        let pixel = |mm: &DVec3| {
            let voxel = geometry.voxel_from_patient().transform_point3(*mm);
            [voxel.x, voxel.y]
        };
        let within = |region: &PixelRegion| places_mm.iter().all(|mm| region.holds(pixel(mm)));
        self.holds_in_plane(normal, geometry)
            && match self {
                Self::WithinRegions(_, regions) => regions.iter().any(within),
                _ => true,
            }
    }
}

/// Where a warning belongs in the report.
enum Side {
    Found,
    Corrected,
    Unknown,
}

impl Report {
    /// `warnings` are the series' own, and those of loading where it was loaded.
    pub fn new(series: &Series, warnings: &[Warning]) -> Self {
        let images = &series.images.0;
        let mut report =
            Self { found: vec![size(series)], millimetres: series.millimetres.clone(), ..Self::default() };
        if !series.part.is_empty() {
            report.found.push(format!("one of several volumes of its DICOM series: {}", series.part));
        }
        if let Some(mosaics) = Some(images.iter().filter(|i| i.tile.is_some()).count()).filter(|&n| n > 0) {
            report.corrected.push(format!("{} taken out of a Siemens mosaic", counted(mosaics, "slice")));
        }
        if !in_order(images) {
            report
                .corrected
                .push("the slices are sorted by position; their numbers have another order".into());
        }
        let (found, unknown) = overlay::told(images);
        report.found.extend(found);
        report.unknown.extend(unknown);
        for warning in warnings {
            let side = match warning.code {
                WarningCode::GantryTilt
                | WarningCode::MixedOrientation
                | WarningCode::MixedImages
                | WarningCode::DuplicatePositions
                | WarningCode::ConflictingInstances
                | WarningCode::Lossy
                | WarningCode::ColourAsGrey => Side::Found,
                WarningCode::UnevenSpacing
                | WarningCode::MissingSlices
                | WarningCode::Rounded
                | WarningCode::NotFinite
                | WarningCode::Padding => Side::Corrected,
                _ => Side::Unknown,
            };
            let list = match side {
                Side::Found => &mut report.found,
                Side::Corrected => &mut report.corrected,
                Side::Unknown => &mut report.unknown,
            };
            list.push(warning.message.clone());
        }
        if let Some(reason) = report.millimetres.reason().filter(|r| report.unknown.iter().all(|u| u != r)) {
            report.unknown.push(reason.to_owned());
        }
        // Volume files have no images of their own.
        if images.first().is_some_and(|first| first.kind.frame_of_reference.is_empty()) {
            report.unknown.push(
                "no Frame of Reference UID (0020,0052) holds for all images: whether another series lies in the same \
                 space is not known"
                    .into(),
            );
        }
        report.directions_unknown = images.iter().any(|image| image.orientation.is_none());
        if report.directions_unknown {
            report.unknown.push(
                "how the images lie in the patient is not stated (0020,0037): the letters of the patient's directions \
                 are left out"
                    .into(),
            );
        }
        if images.len() == 1 && images[0].step_mm.is_none() {
            report.unknown.push("the thickness of the slice (0018,0050) is not stated: 1 mm is shown".into());
        }
        if series.unit.is_empty() {
            report.unknown.push("the unit of the values is not stated".into());
        }
        report
    }
}

fn size(series: &Series) -> String {
    let [columns, rows, slices] = series.dims;
    let first = series.images.0.first();
    let what = match (first.is_none_or(|image| image.position.is_some()), slices) {
        (_, 1) => "1 image".to_owned(),
        (true, n) => format!("{n} slices"),
        (false, n) => format!("{n} frames"),
    };
    let pixels = match (first.and_then(|image| image.spacing_mm), &series.millimetres) {
        (Some([x, y]), trust) if trust.holds_within_images() => format!(", {x:.3} by {y:.3} mm each"),
        _ => String::new(),
    };
    format!("{what} of {columns} by {rows} pixels{pixels}")
}

/// Whether the numbers of the images rise or fall along the stack.
fn in_order(images: &[Image]) -> bool {
    let numbers = || images.iter().map(|image| image.moment.instance_number);
    numbers().is_sorted() || numbers().is_sorted_by(|a, b| a >= b)
}
