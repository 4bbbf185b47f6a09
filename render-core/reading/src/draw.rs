//! Annotations as lines and texts in the pixels of a view: what window, browser and exports draw.

use glam::DVec3;
use render_core::scene::Plane;

use crate::annotation::{Annotation, Id, Kind};
use crate::measure::{Measure, Values};

/// Pixels of a view, from its top left corner.
pub type Pixel = [f64; 2];

/// Corners of a curve drawn as a line of many.
const CORNERS: usize = 72;
/// Length of an arrow's head.
const HEAD_PX: f64 = 12.0;
const CROSS_PX: f64 = 6.0;

/// Something to draw in the annotation's colour.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Shape {
    Line {
        points: Vec<Pixel>,
        closed: bool,
        /// Joins what belongs together, and is nothing measured.
        dashed: bool,
    },
    /// To be taken hold of; only where the annotation is selected.
    Handle { at: Pixel, number: usize },
    /// Lines of text beside a point: its left end is level with the point.
    Text { at: Pixel, lines: Vec<String> },
    /// For the whole picture: in a corner.
    Badge { text: String },
}

/// What of an annotation is seen in a view, with all values where it is selected: nothing, where it lies elsewhere ([`Annotation::is_on`]).
pub fn shapes(
    annotation: &Annotation,
    values: Option<&Values>,
    plane: &Plane,
    size: [u32; 2],
    selected: Option<Id>,
) -> Vec<Shape> {
    let pixel = |p: DVec3| plane.pixel_from_patient(p, size).0;
    let line = |points: Vec<Pixel>| Shape::Line { points, closed: false, dashed: false };
    let closed = |points: Vec<Pixel>| Shape::Line { points, closed: true, dashed: false };
    let p = &annotation.points_mm;
    let mut shapes = outline(annotation, plane)
        .into_iter()
        .map(|(points, is_closed)| {
            let points: Vec<Pixel> = points.into_iter().map(pixel).collect();
            if is_closed { closed(points) } else { line(points) }
        })
        .collect::<Vec<_>>();
    match annotation.kind {
        Kind::Probe => {
            let [x, y] = pixel(p[0]);
            shapes.push(line(vec![[x - CROSS_PX, y], [x + CROSS_PX, y]]));
            shapes.push(line(vec![[x, y - CROSS_PX], [x, y + CROSS_PX]]));
        }
        Kind::Cobb if p.len() == 4 => {
            let middles = [(p[0] + p[1]) * 0.5, (p[2] + p[3]) * 0.5].map(pixel);
            shapes.push(Shape::Line { points: middles.to_vec(), closed: false, dashed: true });
        }
        Kind::Arrow if p.len() == 2 => {
            let (tip, tail) = (pixel(p[0]), pixel(p[1]));
            let length = (tail[0] - tip[0]).hypot(tail[1] - tip[1]).max(1e-9);
            let along = [(tail[0] - tip[0]) / length, (tail[1] - tip[1]) / length];
            for side in [-0.5, 0.5] {
                let end = [
                    tip[0] + (along[0] - along[1] * side) * HEAD_PX,
                    tip[1] + (along[1] + along[0] * side) * HEAD_PX,
                ];
                shapes.push(line(vec![tip, end]));
            }
        }
        _ => {}
    }
    let mut lines = told(annotation, values, selected, Measure::name);
    if annotation.kind == Kind::KeyImage {
        let text = lines.pop().unwrap_or_else(|| annotation.kind.name().to_owned());
        return vec![Shape::Badge { text }];
    }
    if let (false, Some(at)) = (lines.is_empty(), text_place(annotation, &shapes, pixel)) {
        shapes.push(Shape::Text { at, lines });
    }
    if selected == Some(annotation.id) {
        let handles = annotation.handles(plane).into_iter();
        shapes.extend(handles.map(|(number, p)| Shape::Handle { at: pixel(p), number }));
    }
    shapes
}

/// What is written beside an annotation: its label and what matters most of what was measured, or all of that where it
/// is selected. `name` says what a measure is called.
pub fn told(
    annotation: &Annotation,
    values: Option<&Values>,
    selected: Option<Id>,
    name: impl Fn(Measure) -> &'static str,
) -> Vec<String> {
    let label = Some(annotation.label.clone()).filter(|label| !label.is_empty());
    let values = match values.filter(|_| annotation.kind != Kind::KeyImage) {
        Some(values) if selected == Some(annotation.id) => values.lines_in(name),
        Some(values) => values.brief_in(name),
        None => Vec::new(),
    };
    label.into_iter().chain(values).collect()
}

/// Right of what is drawn; of an arrow, at its tail.
fn text_place(annotation: &Annotation, shapes: &[Shape], pixel: impl Fn(DVec3) -> Pixel) -> Option<Pixel> {
    if annotation.kind == Kind::Arrow {
        return annotation.points_mm.get(1).map(|&p| pixel(p));
    }
    let points = shapes.iter().filter_map(|shape| match shape {
        Shape::Line { points, dashed: false, .. } => Some(points),
        _ => None,
    });
    points.flatten().copied().max_by(|a, b| a[0].total_cmp(&b[0]))
}

/// The lines that an annotation is in a view, in patient mm, and whether each closes.
pub(crate) fn outline(annotation: &Annotation, plane: &Plane) -> Vec<(Vec<DVec3>, bool)> {
    let p = &annotation.points_mm;
    match annotation.kind {
        Kind::Probe | Kind::KeyImage => Vec::new(),
        Kind::Cobb | Kind::Bidirectional => {
            p.chunks(2).filter(|pair| pair.len() == 2).map(|pair| (pair.to_vec(), false)).collect()
        }
        Kind::Ellipse if p.len() == 4 => {
            let (center, a, b) = annotation.half_axes();
            vec![(around(|cos, sin| center + a * cos + b * sin), true)]
        }
        Kind::Rectangle | Kind::Freehand => vec![(p.clone(), true)],
        Kind::Box => section_of_box(annotation, plane).map(|points| (points, true)).into_iter().collect(),
        Kind::Ellipsoid => {
            section_of_ellipsoid(annotation, plane).map(|points| (points, true)).into_iter().collect()
        }
        _ => vec![(p.clone(), false)],
    }
}

fn around(at: impl Fn(f64, f64) -> DVec3) -> Vec<DVec3> {
    let point = |i: usize| {
        let (sin, cos) = (i as f64 / CORNERS as f64 * std::f64::consts::TAU).sin_cos();
        at(cos, sin)
    };
    (0..CORNERS).map(point).collect()
}

/// Where a plane cuts a box: the crossings of its edges, in order.
fn section_of_box(annotation: &Annotation, plane: &Plane) -> Option<Vec<DVec3>> {
    let (center, half) = annotation.solid();
    let p = &annotation.placement;
    let axes = [p.right * half.x, p.down * half.y, p.normal() * half.z];
    let normal = plane.right.cross(plane.down);
    let corner = |i: usize| {
        (0..3).fold(center, |at, axis| at + axes[axis] * if i >> axis & 1 == 1 { 1.0 } else { -1.0 })
    };
    let distance = |p: DVec3| (p - plane.center_mm).dot(normal);
    let mut crossings = Vec::new();
    for i in 0..8usize {
        for axis in (0..3).filter(|axis| i >> axis & 1 == 0) {
            let (a, b) = (corner(i), corner(i | 1 << axis));
            let (from, to) = (distance(a), distance(b));
            if (from <= 0.0) != (to <= 0.0) {
                crossings.push(a + (b - a) * (from / (from - to)));
            }
        }
    }
    if crossings.len() < 3 {
        return None;
    }
    let middle = crossings.iter().sum::<DVec3>() / crossings.len() as f64;
    let angle = |p: &DVec3| (*p - middle).dot(plane.down).atan2((*p - middle).dot(plane.right));
    crossings.sort_by(|a, b| angle(a).total_cmp(&angle(b)));
    Some(crossings)
}

/// Where a plane cuts an ellipsoid. In the space where that is a unit sphere, it is a circle.
fn section_of_ellipsoid(annotation: &Annotation, plane: &Plane) -> Option<Vec<DVec3>> {
    let (center, half) = annotation.solid();
    let p = &annotation.placement;
    let axes = [p.right, p.down, p.normal()];
    let half = half.max(DVec3::splat(1e-9));
    let to_sphere = |v: DVec3| DVec3::new(v.dot(axes[0]), v.dot(axes[1]), v.dot(axes[2])) / half;
    let from_sphere = |v: DVec3| {
        let v = v * half;
        axes[0] * v.x + axes[1] * v.y + axes[2] * v.z
    };
    let (right, down) = (to_sphere(plane.right), to_sphere(plane.down));
    let normal = right.cross(down).try_normalize()?;
    let distance = to_sphere(plane.center_mm - center).dot(normal);
    let radius = (1.0 - distance * distance).sqrt();
    let first = right.normalize();
    let second = normal.cross(first);
    (radius > 0.0).then(|| {
        around(|cos, sin| center + from_sphere(normal * distance + (first * cos + second * sin) * radius))
    })
}
