//! Readings as DICOM objects, and back: measurement reports (SR, TID 1500), presentation states (GSPS), key object
//! selections (KO) and segmentations (SEG).
//!
//! Shapes that lie on an image refer to it in its pixels, so that every viewer shows them; others, in oblique planes
//! or between images, are written in the patient's space where the report can hold that.

use glam::{DAffine3, DVec3};
use render_core::Geometry;
use render_core::dicom::create::Subject;
use render_core::dicom::object::{Code, Reference};
use render_core::dicom::{self, Series};

use crate::annotation::{Annotation, Id, Kind, Placement, thinned};
use crate::document::{Edit, Reading};

mod presentation;
mod report;
mod segmentation;

pub use presentation::{key_images, key_objects, presentation_annotations, presentation_state};
pub use report::{measurement_report, report_annotations};
pub use segmentation::{Added, segmentation, segmentation_of};

/// A shape is on an image when it is no farther from it than this share of a slice's step.
const ON_IMAGE: f64 = 0.05;
/// Points this close, in pixels or mm, are one: coordinates are 32-bit floats.
const SAME_POINT: f64 = 0.02;
/// Shapes of one object that are taken over.
const MAX_FOUND: usize = 10_000;

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ObjectError {
    #[error("there is nothing to write: {0}")]
    Nothing(&'static str),
    #[error(transparent)]
    Dicom(#[from] dicom::Error),
    #[error(transparent)]
    Segmentation(#[from] crate::SegmentationError),
    #[error("the segmentation has no place in the patient, so it cannot be laid over these images")]
    NoPlace,
    #[error("a segment of the file has the number 0 (0062,0004), which stands for no segment")]
    SegmentZero,
    #[error(
        "its segments take {0} voxels that belong to segments of the series already; save and remove those first, or \
         keep these in a window of their own"
    )]
    Overlap(u64),
    #[error("it belongs to a series that is not shown; show that series first")]
    OtherSeries,
    #[error("the segments of the series lie on another grid than its images; save and remove those first")]
    OtherGrid,
    #[error("it lies in another frame of reference (0020,0052) than the images")]
    OtherFrame,
}

/// The series that an object is about.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    pub series: &'a Series,
    pub subject: &'a Subject,
    /// Of the volume that was read from it.
    pub geometry: &'a Geometry,
}

/// A file, and what it cannot hold.
#[derive(Debug)]
pub struct Written {
    pub bytes: Vec<u8>,
    pub left_out: Vec<Id>,
}

/// What was found in a file. [`Found::adopt`] adds it to a reading.
#[derive(Debug, Default)]
pub struct Found {
    annotations: Vec<Annotation>,
    /// Shapes that Voxcast has no annotation for, or that lie on no image of the series.
    pub not_understood: usize,
}

impl Found {
    pub fn is_empty(&self) -> bool {
        self.annotations.is_empty()
    }

    /// Adds all that its series does not have already, by Tracking UID or, where a file gives none, by shape, and
    /// returns the edit that takes it back, with the number of annotations that were added.
    pub fn adopt(self, reading: &mut Reading) -> (Edit, usize) {
        let mut back = Vec::new();
        let before = reading.annotations().to_vec();
        for annotation in self.annotations {
            let near = |(a, b): (&DVec3, &DVec3)| a.distance(*b) < SAME_POINT;
            let same_shape = |a: &Annotation| {
                a.kind == annotation.kind
                    && a.points_mm.len() == annotation.points_mm.len()
                    && a.points_mm.iter().zip(&annotation.points_mm).all(near)
            };
            let known = |a: &Annotation| {
                let same = if annotation.uid.is_empty() { same_shape(a) } else { a.uid == annotation.uid };
                a.series == annotation.series && same
            };
            if before.iter().any(known) {
                continue;
            }
            let Some(edit) = reading.adopt(annotation) else { break };
            back.push(reading.apply(edit));
        }
        let count = back.len();
        back.reverse();
        (Edit::Several(back), count)
    }

    fn add(&mut self, annotation: Option<Annotation>) {
        match annotation.filter(|_| self.annotations.len() < MAX_FOUND) {
            Some(annotation) => self.annotations.push(annotation),
            None => self.not_understood += 1,
        }
    }
}

/// An image with its name and place.
struct Place {
    reference: Reference,
    patient_from_pixel: DAffine3,
    /// mm to the next image.
    step_mm: f64,
}

impl Place {
    fn normal(&self) -> DVec3 {
        self.patient_from_pixel.matrix3.z_axis
    }

    fn placement(&self) -> Placement {
        let m = self.patient_from_pixel.matrix3;
        let (right, down) = (m.x_axis.normalize(), m.y_axis.normalize());
        Placement { center_mm: self.patient_from_pixel.translation, right, down }
    }

    /// (column, row), the first pixel's top left corner at (0, 0).
    fn pixel(&self, p: DVec3) -> [f32; 2] {
        let at = self.patient_from_pixel.inverse().transform_point3(p);
        [(at.x + 0.5) as f32, (at.y + 0.5) as f32]
    }

    fn patient(&self, [x, y]: [f32; 2]) -> DVec3 {
        self.patient_from_pixel.transform_point3(DVec3::new(f64::from(x) - 0.5, f64::from(y) - 0.5, 0.0))
    }
}

impl About<'_> {
    fn place(&self, slice: usize) -> Option<Place> {
        let image = self.series.image(slice)?;
        let mut reference = self.subject.images().get(image.file)?.clone();
        if image.is_one_of_many {
            reference.frames = vec![image.frame + 1];
        }
        let m = self.geometry.patient_from_voxel();
        let [x, y] = [m.matrix3.x_axis, m.matrix3.y_axis];
        let normal = x.cross(y).normalize();
        let own = || {
            // Images without a place of their own are as the volume piles them up.
            let whole = self.geometry.dims()[2] == self.series.dims[2];
            whole.then(|| DAffine3 {
                matrix3: glam::DMat3::from_cols(x, y, normal),
                translation: m.transform_point3(DVec3::new(0.0, 0.0, slice as f64)),
            })
        };
        let patient_from_pixel = image.patient_from_pixel.or_else(own)?;
        let step_mm = m.matrix3.z_axis.dot(normal).abs();
        Some(Place { reference, patient_from_pixel, step_mm })
    }

    fn places(&self) -> Vec<Place> {
        (0..self.series.dims[2] as usize).filter_map(|slice| self.place(slice)).collect()
    }
}

/// The image that points lie on, within a share of its step.
fn image_of<'a>(places: &'a [Place], points: &[DVec3], normal: DVec3, share: f64) -> Option<&'a Place> {
    let off = |place: &Place| {
        let distance = |p: &DVec3| (*p - place.patient_from_pixel.translation).dot(place.normal()).abs();
        points.iter().map(distance).fold(0.0, f64::max)
    };
    let parallel = |place: &&Place| place.normal().dot(normal).abs() > 0.9999;
    let (distance, place) =
        places.iter().filter(parallel).map(|place| (off(place), place)).min_by(|a, b| a.0.total_cmp(&b.0))?;
    (distance <= share * place.step_mm).then_some(place)
}

/// One line or point of a shape, as objects hold them.
struct Graphic {
    /// `POINT`, `POLYLINE`, `ELLIPSE`, `CIRCLE`, `ELLIPSOID` or `POLYGON`.
    shape: String,
    points: Vec<DVec3>,
}

/// What of an annotation is drawn: planar shapes as reports and presentation states name them.
fn graphics(annotation: &Annotation) -> Vec<Graphic> {
    let p = &annotation.points_mm;
    let graphic = |shape: &str, points: Vec<DVec3>| Graphic { shape: shape.into(), points };
    let close = |points: &[DVec3]| points.iter().chain(points.first()).copied().collect::<Vec<_>>();
    match annotation.kind {
        Kind::KeyImage => Vec::new(),
        Kind::Probe => vec![graphic("POINT", p.clone())],
        Kind::Cobb | Kind::Bidirectional => {
            p.chunks(2).map(|pair| graphic("POLYLINE", pair.to_vec())).collect()
        }
        Kind::Ellipse => {
            // The long axis comes first.
            let long = p[0].distance(p[1]) >= p[2].distance(p[3]);
            let order = if long { [0, 1, 2, 3] } else { [2, 3, 0, 1] };
            vec![graphic("ELLIPSE", order.map(|i| p[i]).to_vec())]
        }
        Kind::Rectangle | Kind::Freehand => vec![graphic("POLYLINE", close(p))],
        Kind::Box => {
            let (center, half) = annotation.solid();
            let a = &annotation.placement;
            let (x, y, z) = (a.right * half.x, a.down * half.y, a.normal() * half.z);
            let face = |at: DVec3| close(&[at - x - y, at + x - y, at + x + y, at - x + y]);
            [center - z, center + z].map(|at| graphic("POLYGON", face(at))).into()
        }
        Kind::Ellipsoid => {
            let (center, half) = annotation.solid();
            let a = &annotation.placement;
            let mut axes = [a.right * half.x, a.down * half.y, a.normal() * half.z];
            axes.sort_by(|a, b| b.length().total_cmp(&a.length()));
            vec![graphic("ELLIPSOID", axes.iter().flat_map(|&axis| [center - axis, center + axis]).collect())]
        }
        _ => vec![graphic("POLYLINE", p.clone())],
    }
}

/// An annotation of shapes; `stated` is what the object says that it is.
fn annotation_of(
    graphics: &[Graphic],
    stated: Option<Kind>,
    placement: Option<Placement>,
    series: &str,
) -> Option<Annotation> {
    let same = |a: &DVec3, b: &DVec3| a.distance(*b) < SAME_POINT;
    let closed = |g: &Graphic| g.points.len() > 3 && same(&g.points[0], &g.points[g.points.len() - 1]);
    let kind = stated.or_else(|| kind_of(graphics, &closed))?;
    let first = graphics.first()?;
    let all: Vec<DVec3> = graphics.iter().flat_map(|g| g.points.iter().copied()).collect();
    if all.iter().any(|p| !p.is_finite()) {
        return None;
    }
    let placement = placement.or_else(|| placement_of(&all))?;
    let mut placement = Placement { center_mm: *all.first()?, ..placement };
    let points = match (kind, first.shape.as_str()) {
        (Kind::Ellipse, "CIRCLE") => {
            let (&center, &edge) = (first.points.first()?, first.points.get(1)?);
            let radius = edge.distance(center);
            let (x, y) = (placement.right * radius, placement.down * radius);
            vec![center - x, center + x, center - y, center + y]
        }
        (Kind::Rectangle | Kind::Freehand, _) => {
            let mut points = first.points.clone();
            if closed(first) {
                points.pop();
            }
            thinned(&points)
        }
        (Kind::Box, _) => {
            // Two faces: opposite corners of the one and the other.
            let (near, far) = (&graphics.first()?.points, &graphics.get(1)?.points);
            let (&a, &b, &d) = (near.first()?, near.get(1)?, near.get(3)?);
            placement = Placement::new(a, (b - a).try_normalize()?, (d - a).try_normalize()?)?;
            vec![a, *far.get(2)?]
        }
        (Kind::Ellipsoid, _) => {
            let p = <[DVec3; 6]>::try_from(first.points.as_slice()).ok()?;
            let center = (p[0] + p[1]) * 0.5;
            let axes = [p[1] - center, p[3] - center, p[5] - center];
            placement = Placement::new(center, axes[0].try_normalize()?, axes[1].try_normalize()?)?;
            let third = placement.normal() * axes[2].length();
            vec![center - axes[0] - axes[1] - third, center + axes[0] + axes[1] + third]
        }
        _ => all,
    };
    let annotation = Annotation {
        id: Id(0),
        uid: String::new(),
        series: series.to_owned(),
        kind,
        points_mm: points,
        placement,
        label: String::new(),
        color: crate::color(kind as usize),
        visible: true,
    };
    annotation.fault().is_none().then_some(annotation)
}

/// What shapes of other programs are.
fn kind_of(graphics: &[Graphic], closed: &impl Fn(&Graphic) -> bool) -> Option<Kind> {
    let first = graphics.first()?;
    let line = |g: &Graphic| g.shape == "POLYLINE" && g.points.len() == 2;
    match (first.shape.as_str(), graphics.len(), first.points.len()) {
        ("POLYGON", 2, 5) => Some(Kind::Box),
        ("ELLIPSOID", 1, 6) => Some(Kind::Ellipsoid),
        ("POINT", 1, 1) | ("MULTIPOINT", 1, 1) => Some(Kind::Probe),
        ("ELLIPSE", 1, 4) | ("CIRCLE", 1, 2) => Some(Kind::Ellipse),
        ("POLYLINE", 2, 2) if graphics.iter().all(line) => Some(Kind::Bidirectional),
        ("POLYLINE", 1, 2) => Some(Kind::Length),
        ("POLYLINE", 1, 3) => Some(Kind::Angle),
        ("POLYLINE" | "POLYGON" | "INTERPOLATED", 1, _) if closed(first) => Some(Kind::Freehand),
        _ => None,
    }
}

/// A plane through points: theirs, where they span one, else one along the patient's axes.
fn placement_of(points: &[DVec3]) -> Option<Placement> {
    let first = *points.first()?;
    let far = points.iter().copied().max_by(|a, b| a.distance(first).total_cmp(&b.distance(first)))?;
    let Some(right) = (far - first).try_normalize() else {
        return Placement::new(first, DVec3::X, DVec3::Y);
    };
    let across = |p: &DVec3| (*p - first) - right * (*p - first).dot(right);
    let widest = points.iter().map(across).max_by(|a, b| a.length().total_cmp(&b.length()))?;
    if widest.length() > 0.01 * far.distance(first) {
        return Placement::new(first, right, widest.normalize());
    }
    // The normal is the axis that the line follows least.
    let normal = DVec3::AXES.into_iter().min_by(|a, b| a.dot(right).abs().total_cmp(&b.dot(right).abs()))?;
    let down = normal.cross(right).try_normalize()?;
    Placement::new(first, right, down)
}

/// The concept by which our own objects tell what an annotation is.
const KIND: [&str; 3] = ["KIND", "99VOXCAST", "Kind of annotation"];

fn kind_name() -> Code {
    Code::new(KIND[0], KIND[1], KIND[2])
}

/// Letters for codes and layers: capitals and underscores, at most 16.
fn kind_code(kind: Kind) -> &'static str {
    match kind {
        Kind::Probe => "PROBE",
        Kind::Length => "LENGTH",
        Kind::Angle => "ANGLE",
        Kind::Cobb => "COBB",
        Kind::Bidirectional => "BIDIRECTIONAL",
        Kind::Ellipse => "ELLIPSE",
        Kind::Rectangle => "RECTANGLE",
        Kind::Freehand => "FREEHAND",
        Kind::Arrow => "ARROW",
        Kind::Box => "BOX",
        Kind::Ellipsoid => "ELLIPSOID",
        Kind::KeyImage => "KEY_IMAGE",
    }
}

fn kind_of_code(code: &str) -> Option<Kind> {
    Kind::ALL.into_iter().find(|&kind| kind_code(kind) == code)
}
