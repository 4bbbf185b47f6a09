//! Images in space: from positions of slices to one grid, and what is odd about them.

use std::fmt::Write;

use glam::{DAffine3, DMat3, DVec3};

use super::header::Image;
use super::scale::Scale;
use super::{Trust, Warning, WarningCode};
use crate::geometry::{Geometry, GeometryError};

/// Tilts below this are rounding of positions in the files.
const MIN_TILT_DEG: f64 = 0.1;
/// Slices this close to their place on a regular grid count as regular: a share of the step, and
/// the rounding of positions to 0.01 mm.
const EVEN_SHARE: f64 = 0.02;
const EVEN_MM: f64 = 0.011;
/// A gap of more steps is left empty: what lies in it is not known.
const MAX_FILLED_STEPS: f64 = 4.5;
/// The regular grid has at most so many times the slices that there are images.
const MAX_GRID_GROWTH: f64 = 50.0;
/// Images closer than this are at one position.
pub const SAME_POSITION_MM: f64 = 0.01;

/// The regular grid that stands in for uneven slices.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Grid {
    /// The smallest distance that occurs often enough to be meant.
    Usual,
    /// The smallest distance, of at most twice as many slices as there are.
    Finest,
}

const OUTSIDE_REGIONS: &str = "only lengths within a region of the ultrasound picture (0018,6011) are known, not those from \
     one to another or outside of them";

/// How slices lie in the patient.
#[derive(Debug)]
pub struct Stack {
    pub origin_mm: DVec3,
    /// Unit vectors of +column, +row, +slice.
    pub direction: [DVec3; 3],
    /// Between columns, between rows, and between slices along the slice normal.
    pub spacing_mm: [f64; 3],
    /// Distance from the first slice along the slice direction.
    offsets_mm: Vec<f64>,
    /// Slices of the regular grid that stands in for the images.
    pub grid_slices: usize,
    /// The images are not evenly spaced, so the grid's slices lie between them.
    pub resampled: bool,
    pub warnings: Vec<Warning>,
    pub millimetres: Trust,
}

fn warning(code: WarningCode, value: Option<f64>, message: String) -> Warning {
    Warning { code, message, value }
}

/// Slice normal of an orientation.
pub fn normal([x, y]: [DVec3; 2]) -> DVec3 {
    x.cross(y).normalize()
}

impl Stack {
    /// From images in slice order, of equal size and orientation.
    pub fn new(images: &[&Image], grid: Grid) -> Self {
        let first = images[0];
        let mut warnings = Vec::new();
        let pixel_mm = first.spacing_mm.unwrap_or([1.0, 1.0]);
        let (Some(orientation), Some(positions)) = (first.orientation, positions(images)) else {
            return Self::without_position(images, pixel_mm);
        };
        let mut millimetres = in_image(first, &mut warnings);
        let normal = normal(orientation);
        let n = positions.len();
        let path = positions[n - 1] - positions[0];
        if n == 1 {
            let step = first.step_mm.unwrap_or(1.0);
            return Self {
                origin_mm: positions[0],
                direction: [orientation[0], orientation[1], normal],
                spacing_mm: [pixel_mm[0], pixel_mm[1], step],
                offsets_mm: vec![0.0],
                grid_slices: 1,
                resampled: false,
                warnings,
                millimetres,
            };
        }
        let direction = path.normalize();
        let offsets_mm: Vec<f64> = positions.iter().map(|p| (*p - positions[0]).dot(direction)).collect();
        // Offsets run along the slice direction; what people know is the distance along the normal.
        let along_normal = direction.dot(normal);
        let tilt = along_normal.clamp(-1.0, 1.0).acos().to_degrees();
        if tilt > MIN_TILT_DEG {
            warnings.push(warning(
                WarningCode::GantryTilt,
                Some(tilt),
                format!(
                    "the slices are tilted by {tilt:.1} degrees against the line through them (gantry tilt): \
                     the volume is sheared, positions and lengths are corrected for it"
                ),
            ));
        }
        let stray = positions
            .iter()
            .zip(&offsets_mm)
            .map(|(p, &offset)| (*p - positions[0] - direction * offset).length())
            .fold(0.0, f64::max);
        let step = path.length() / (n as f64 - 1.0);
        if stray > step / 2.0 && millimetres.is_everywhere() {
            millimetres =
                Trust::WithinImages(format!("the slices do not lie in a row: some are {stray:.1} mm off"));
        }
        let grid = uneven(&offsets_mm, along_normal, stray, grid, &mut warnings);
        Self {
            origin_mm: positions[0],
            direction: [orientation[0], orientation[1], direction],
            spacing_mm: [pixel_mm[0], pixel_mm[1], step * along_normal],
            offsets_mm,
            grid_slices: grid.unwrap_or(n),
            resampled: grid.is_some(),
            warnings,
            millimetres,
        }
    }

    /// A pile of images: in file order, 1 mm apart, upright.
    fn without_position(images: &[&Image], pixel_mm: [f64; 2]) -> Self {
        let mut warnings = Vec::new();
        let in_image = in_image(images[0], &mut warnings);
        let reason = match images.len() {
            1 if images[0].position.is_some() => {
                "the image's orientation (0020,0037) is missing or not possible: where it lies in the patient is not known"
            }
            1 => "the image has no position in the patient (0020,0032)",
            _ => {
                "the images have no usable position (0020,0032) or are all at one: they are piled up in the order of \
                 their numbers, 1 mm apart; lengths between them are not known"
            }
        };
        if images.len() > 1 {
            warnings.push(warning(WarningCode::NoSpacing, None, reason.into()));
        }
        let millimetres =
            if in_image.is_everywhere() { Trust::WithinImages(reason.into()) } else { in_image };
        Self {
            origin_mm: images[0].position.unwrap_or(DVec3::ZERO),
            direction: images[0]
                .orientation
                .map_or([DVec3::X, DVec3::Y, DVec3::Z], |o| [o[0], o[1], normal(o)]),
            spacing_mm: [pixel_mm[0], pixel_mm[1], 1.0],
            offsets_mm: (0..images.len()).map(|i| i as f64).collect(),
            grid_slices: images.len(),
            resampled: false,
            warnings,
            millimetres,
        }
    }

    /// Whether the slices stand askew on the line through them.
    pub fn is_tilted(&self) -> bool {
        self.warnings.iter().any(|warning| warning.code == WarningCode::GantryTilt)
    }

    /// The regular grid: sheared where the slices are.
    pub fn geometry(&self, columns: u16, rows: u16) -> Result<Geometry, GeometryError> {
        let n = self.offsets_mm.len();
        let length = self.offsets_mm[n - 1];
        let step = if n == 1 { self.spacing_mm[2] } else { length / (self.grid_slices as f64 - 1.0) };
        let slices = u32::try_from(self.grid_slices).unwrap_or(u32::MAX);
        let axes = DMat3::from_cols(
            self.direction[0] * self.spacing_mm[0],
            self.direction[1] * self.spacing_mm[1],
            self.direction[2] * step,
        );
        Geometry::new(
            [u32::from(columns), u32::from(rows), slices],
            DAffine3 { matrix3: axes, translation: self.origin_mm },
        )
    }

    /// For slice `k` of the regular grid: the image before it and the share of the one after, or
    /// `None` inside a gap too wide to fill.
    pub fn source(&self, k: usize) -> Option<(usize, f64)> {
        let n = self.offsets_mm.len();
        let step = self.offsets_mm[n - 1] / (self.grid_slices as f64 - 1.0);
        let at = step * k as f64;
        let after = self.offsets_mm.partition_point(|&offset| offset <= at).clamp(1, n - 1);
        let (a, b) = (self.offsets_mm[after - 1], self.offsets_mm[after]);
        let share = ((at - a) / (b - a)).clamp(0.0, 1.0);
        let near = (at - a).min(b - at) < 0.5 * step;
        if b - a <= MAX_FILLED_STEPS * step {
            Some((after - 1, share))
        } else {
            near.then_some((after - 1, share.round()))
        }
    }
}

/// Whether lengths within the images are known, with a warning if not.
fn in_image(image: &Image, warnings: &mut Vec<Warning>) -> Trust {
    let Some(doubt) = image.scale.doubt() else {
        return match image.scale {
            Scale::Region => Trust::WithinRegions(OUTSIDE_REGIONS.into(), image.regions.clone()),
            _ => Trust::Everywhere,
        };
    };
    let missing = matches!(image.scale, Scale::Unknown | Scale::Ratio);
    let code = if missing { WarningCode::NoSpacing } else { WarningCode::Uncalibrated };
    warnings.push(warning(code, None, doubt.into()));
    Trust::Nowhere(doubt.into())
}

/// Positions, if every image has one and they are not all the same.
fn positions(images: &[&Image]) -> Option<Vec<DVec3>> {
    let positions: Vec<DVec3> = images.iter().map(|i| i.position).collect::<Option<_>>()?;
    let spread = positions[positions.len() - 1].distance(positions[0]);
    (positions.len() == 1 || spread > SAME_POSITION_MM).then_some(positions)
}

/// Slices of a regular grid that stands in for uneven slices; `None` if they are even.
fn uneven(
    offsets: &[f64],
    along_normal: f64,
    stray: f64,
    grid: Grid,
    warnings: &mut Vec<Warning>,
) -> Option<usize> {
    let n = offsets.len();
    let length = offsets[n - 1];
    let mean = length / (n as f64 - 1.0);
    let deviation = offsets.iter().enumerate().map(|(k, &o)| (o - k as f64 * mean).abs()).fold(0.0, f64::max);
    if stray > EVEN_MM.max(EVEN_SHARE * mean) {
        warnings.push(warning(
            WarningCode::UnevenSpacing,
            Some(stray),
            format!("slices lie up to {stray:.2} mm beside the line through the first and last: positions are that far off"),
        ));
    }
    if deviation <= EVEN_MM.max(EVEN_SHARE * mean) {
        return None;
    }
    let steps = common_steps(offsets);
    // A far outlier must not ask for a grid of thousands of slices.
    let base = base_step(&steps, n - 1).max(length / (MAX_GRID_GROWTH * n as f64));
    let mut slices = (length / base).round() as usize + 1;
    let mut list = String::new();
    for (step, count) in &steps {
        let _ = write!(
            list,
            "{}{:.3} mm ({count}x)",
            if list.is_empty() { "" } else { ", " },
            step * along_normal
        );
    }
    // Gaps of whole steps are slices that were not sent or not stored.
    let whole =
        |step: f64| ((step / base).round() - step / base).abs() * base <= EVEN_MM.max(EVEN_SHARE * base);
    if steps.iter().all(|&(step, _)| whole(step)) {
        let missing = slices.saturating_sub(n);
        warnings.push(warning(
            WarningCode::MissingSlices,
            Some(missing as f64),
            format!(
                "{} (distances between slices: {list}): short gaps are interpolated, gaps of more than 4 steps are left \
                 empty",
                match missing {
                    1 => "1 slice is missing".to_owned(),
                    n => format!("{n} slices are missing"),
                }
            ),
        ));
    } else {
        if grid == Grid::Finest {
            let smallest = steps.iter().map(|&(step, _)| step).fold(f64::INFINITY, f64::min);
            slices = ((length / smallest).round() as usize + 1).min(2 * n);
        }
        let regular = base_of(length, slices) * along_normal;
        warnings.push(warning(
            WarningCode::UnevenSpacing,
            Some(deviation * along_normal),
            format!(
                "the distances between slices differ: {list}; {n} slices are resampled to {slices} of {regular:.3} mm"
            ),
        ));
    }
    Some(slices)
}

fn base_of(length: f64, slices: usize) -> f64 {
    length / (slices.max(2) as f64 - 1.0)
}

/// Distances between neighbours with how often they occur, in the order in which they first do.
fn common_steps(offsets: &[f64]) -> Vec<(f64, usize)> {
    let mut steps: Vec<(f64, usize)> = Vec::new();
    for pair in offsets.windows(2) {
        let step = pair[1] - pair[0];
        match steps.iter().position(|(s, _)| (s - step).abs() <= EVEN_MM.max(EVEN_SHARE * step)) {
            Some(known) => steps[known].1 += 1,
            // A longer list tells nobody more.
            None if steps.len() == 16 => {}
            None => steps.push((step, 1)),
        }
    }
    steps
}

/// The smallest distance that occurs often enough to be meant; a single close pair would only
/// multiply the slices.
fn base_step(steps: &[(f64, usize)], count: usize) -> f64 {
    let meant = steps.iter().filter(|(_, times)| times * 10 >= count).map(|&(step, _)| step);
    let smallest = meant.fold(f64::INFINITY, f64::min);
    if smallest.is_finite() { smallest } else { steps.iter().map(|s| s.0).sum::<f64>() / steps.len() as f64 }
}
