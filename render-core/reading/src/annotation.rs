//! What a reader draws: points in the patient, and the plane they were drawn in.

use glam::{DVec2, DVec3, dvec2};
use render_core::scene::Plane;
use serde::{Deserialize, Serialize};

/// Names an annotation within a [`crate::Reading`]; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Id(pub(crate) u64);

/// Outlines drawn by hand have no more points; those of other programs are thinned out.
pub const MAX_POINTS: usize = 4096;
/// Planes whose normals differ by less than this cosine (0.8 degrees) are one, as in `dicom::Trust`.
const SAME_PLANE: f64 = 0.9999;
/// Farther from the patient's origin than anything lies.
pub(crate) const FARTHEST_MM: f64 = 1e6;

/// What an annotation is. Its points are in this order:
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Kind {
    /// The point.
    Probe,
    /// Both ends.
    Length,
    /// An end, the vertex, the other end.
    Angle,
    /// Both ends of one line, both of the other.
    Cobb,
    /// Both ends of the long axis, both of the short one at a right angle to it.
    Bidirectional,
    /// Both ends of one axis, both of the other.
    Ellipse,
    /// The corners, one after the other.
    Rectangle,
    /// The outline, which closes itself.
    Freehand,
    /// The tip, then the tail, where the label stands.
    Arrow,
    /// Two opposite corners of a box along the axes of the plane.
    Box,
    /// Two opposite corners of the box around it.
    Ellipsoid,
    /// The middle of the picture that was marked.
    KeyImage,
}

impl Kind {
    pub const ALL: [Self; 12] = [
        Self::Probe,
        Self::Length,
        Self::Angle,
        Self::Cobb,
        Self::Bidirectional,
        Self::Ellipse,
        Self::Rectangle,
        Self::Freehand,
        Self::Arrow,
        Self::Box,
        Self::Ellipsoid,
        Self::KeyImage,
    ];

    /// The name that people read.
    pub fn name(self) -> &'static str {
        match self {
            Self::Probe => "Probe",
            Self::Length => "Length",
            Self::Angle => "Angle",
            Self::Cobb => "Cobb angle",
            Self::Bidirectional => "Bidirectional",
            Self::Ellipse => "Ellipse",
            Self::Rectangle => "Rectangle",
            Self::Freehand => "Freehand region",
            Self::Arrow => "Arrow",
            Self::Box => "Box",
            Self::Ellipsoid => "Ellipsoid",
            Self::KeyImage => "Key image",
        }
    }

    /// Fewest and most points.
    pub fn point_count(self) -> (usize, usize) {
        match self {
            Self::Probe | Self::KeyImage => (1, 1),
            Self::Length | Self::Arrow | Self::Box | Self::Ellipsoid => (2, 2),
            Self::Angle => (3, 3),
            Self::Cobb | Self::Bidirectional | Self::Ellipse | Self::Rectangle => (4, 4),
            Self::Freehand => (3, MAX_POINTS),
        }
    }

    /// Whether it has an inside in its plane.
    pub fn is_area(self) -> bool {
        matches!(self, Self::Ellipse | Self::Rectangle | Self::Freehand)
    }

    /// Whether it fills a part of the patient.
    pub fn is_solid(self) -> bool {
        matches!(self, Self::Box | Self::Ellipsoid)
    }

    /// Points that a hand gives before it is whole; `None` where it ends when the hand says so.
    pub(crate) fn given_points(self) -> Option<usize> {
        match self {
            Self::Probe | Self::KeyImage => Some(1),
            Self::Angle => Some(3),
            Self::Cobb => Some(4),
            Self::Freehand => None,
            _ => Some(2),
        }
    }
}

/// A plane in the patient, LPS mm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placement {
    pub center_mm: DVec3,
    /// Unit vectors of the picture, at a right angle.
    pub right: DVec3,
    pub down: DVec3,
}

impl Placement {
    pub fn of(plane: &Plane) -> Self {
        Self { center_mm: plane.center_mm, right: plane.right, down: plane.down }
    }

    /// `None` unless both axes are unit vectors at a right angle and all is finite.
    pub fn new(center_mm: DVec3, right: DVec3, down: DVec3) -> Option<Self> {
        let unit = |v: DVec3| (v.length() - 1.0).abs() < 1e-3;
        let good = center_mm.is_finite() && unit(right) && unit(down) && right.dot(down).abs() < 1e-3;
        good.then_some(Self { center_mm, right, down })
    }

    pub fn normal(&self) -> DVec3 {
        self.right.cross(self.down)
    }

    pub fn distance_mm(&self, point_mm: DVec3) -> f64 {
        (point_mm - self.center_mm).dot(self.normal())
    }

    /// The nearest point of the plane.
    pub fn onto(&self, point_mm: DVec3) -> DVec3 {
        point_mm - self.normal() * self.distance_mm(point_mm)
    }

    /// mm to the right and down from the centre.
    pub(crate) fn flat(&self, point_mm: DVec3) -> DVec2 {
        let offset = point_mm - self.center_mm;
        dvec2(offset.dot(self.right), offset.dot(self.down))
    }

    pub(crate) fn lifted(&self, flat: DVec2) -> DVec3 {
        self.center_mm + self.right * flat.x + self.down * flat.y
    }

    fn is_parallel(&self, plane: &Plane) -> bool {
        self.normal().dot(plane.right.cross(plane.down)).abs() > SAME_PLANE
    }
}

/// One thing drawn by a reader.
#[derive(Clone, Debug, PartialEq)]
pub struct Annotation {
    pub id: Id,
    /// Tracking Unique Identifier (0062,0021).
    pub uid: String,
    /// `dicom::Series::key` of the series that it was drawn on.
    pub series: String,
    pub kind: Kind,
    /// LPS mm, as [`Kind`] says.
    pub points_mm: Vec<DVec3>,
    pub placement: Placement,
    pub label: String,
    /// sRGB.
    pub color: [u8; 3],
    pub visible: bool,
}

impl Annotation {
    /// The same under no number, to be compared with that of another reading.
    pub fn unnumbered(&self) -> Self {
        Self { id: Id(0), ..self.clone() }
    }

    /// Whether it is seen in a view of its series. What lies in a plane shows where the view's plane is parallel
    /// and within `reach_mm` (half the distance of slices); solids and points wherever the view cuts them.
    pub fn is_on(&self, plane: &Plane, reach_mm: f64) -> bool {
        let view = Placement::of(plane);
        let within = |p: &DVec3| view.distance_mm(*p).abs() <= reach_mm * (1.0 + 1e-6);
        match self.kind {
            Kind::Probe => self.points_mm.iter().all(within),
            Kind::Box | Kind::Ellipsoid => {
                // From the middle, no part of the box reaches farther along the view's normal.
                let (center, half) = self.solid();
                let n = view.normal();
                let reach = half.x * n.dot(self.placement.right).abs()
                    + half.y * n.dot(self.placement.down).abs()
                    + half.z * n.dot(self.placement.normal()).abs();
                view.distance_mm(center).abs() <= reach
            }
            _ => self.placement.is_parallel(plane) && self.points_mm.iter().all(within),
        }
    }

    /// The middle of its points.
    pub fn center_mm(&self) -> DVec3 {
        self.points_mm.iter().sum::<DVec3>() / self.points_mm.len().max(1) as f64
    }

    /// Middle of a solid, and half its extent to the right, down and along the normal of its plane.
    pub(crate) fn solid(&self) -> (DVec3, DVec3) {
        let (a, b) = (self.points_mm[0], self.points_mm[1]);
        let half = (b - a) * 0.5;
        let along = |axis: DVec3| half.dot(axis).abs();
        let half = DVec3::new(
            along(self.placement.right),
            along(self.placement.down),
            along(self.placement.normal()),
        );
        ((a + b) * 0.5, half)
    }

    fn set_solid(&mut self, center: DVec3, half: DVec3) {
        let p = &self.placement;
        let corner = p.right * half.x + p.down * half.y + p.normal() * half.z;
        self.points_mm = vec![center - corner, center + corner];
    }

    /// Middle and half axes of an ellipse or rectangle: the axes of one, the halves of the edges of the other.
    pub(crate) fn half_axes(&self) -> (DVec3, DVec3, DVec3) {
        let p = &self.points_mm;
        match self.kind {
            Kind::Ellipse => ((p[0] + p[1]) * 0.5, (p[1] - p[0]) * 0.5, (p[3] - p[2]) * 0.5),
            _ => ((p[0] + p[2]) * 0.5, (p[1] - p[0]) * 0.5, (p[2] - p[1]) * 0.5),
        }
    }

    /// Points to take hold of in a view: their numbers and places.
    pub fn handles(&self, plane: &Plane) -> Vec<(usize, DVec3)> {
        match self.kind {
            Kind::Box | Kind::Ellipsoid => {
                let (center, half) = self.solid();
                let (p, view) = (&self.placement, Placement::of(plane));
                let axes = [p.right * half.x, p.down * half.y, p.normal() * half.z];
                let face = |number: usize| {
                    let axis = axes[number / 2];
                    let lies = axis.normalize_or_zero().dot(view.normal()).abs() < 0.5;
                    let sign = if number.is_multiple_of(2) { -1.0 } else { 1.0 };
                    lies.then(|| (number, view.onto(center) + axis * sign))
                };
                (0..6).filter_map(face).collect()
            }
            Kind::Freehand => {
                // A handle for each point would hide the outline.
                let step = self.points_mm.len().div_ceil(12).max(1);
                self.points_mm.iter().copied().enumerate().step_by(step).collect()
            }
            Kind::KeyImage => Vec::new(),
            _ => self.points_mm.iter().copied().enumerate().collect(),
        }
    }

    /// Moves all of it.
    pub fn shift(&mut self, by_mm: DVec3) {
        // Parts that lie in a plane stay in it.
        let normal = self.placement.normal();
        let by_mm = if self.kind.is_solid() || self.kind == Kind::Probe {
            by_mm
        } else {
            by_mm - normal * by_mm.dot(normal)
        };
        self.points_mm.iter_mut().for_each(|p| *p += by_mm);
        if self.kind.is_solid() || self.kind == Kind::Probe {
            self.placement.center_mm += normal * by_mm.dot(normal);
        }
    }

    /// Moves one handle; what belongs together moves along.
    pub fn move_handle(&mut self, handle: usize, to_mm: DVec3) {
        if self.kind.is_solid() {
            self.move_face(handle, to_mm);
            return;
        }
        if handle >= self.points_mm.len() {
            return;
        }
        if self.kind == Kind::Probe {
            self.points_mm[0] = to_mm;
            self.placement.center_mm = to_mm;
            return;
        }
        let to = self.placement.onto(to_mm);
        match self.kind {
            Kind::Ellipse => self.move_axis(handle, to),
            Kind::Rectangle => self.move_corner(handle, to),
            Kind::Bidirectional => self.move_bidirectional(handle, to),
            Kind::Freehand => self.pull(handle, to),
            _ => self.points_mm[handle] = to,
        }
    }

    /// One end of an axis moves, the other mirrors it; the second axis keeps its length and its right angle.
    fn move_axis(&mut self, handle: usize, to: DVec3) {
        let (center, _, _) = self.half_axes();
        let (own, other) = if handle < 2 { (0, 2) } else { (2, 0) };
        let half = to - center;
        if half.length() < 1e-6 {
            return;
        }
        let other_half = (self.points_mm[other + 1] - self.points_mm[other]) * 0.5;
        let mut across = self.placement.normal().cross(half).normalize() * other_half.length();
        if across.dot(other_half) < 0.0 {
            across = -across;
        }
        self.points_mm[handle] = to;
        self.points_mm[own + (1 - handle % 2)] = center - half;
        self.points_mm[other] = center - across;
        self.points_mm[other + 1] = center + across;
    }

    /// The opposite corner and the directions of the edges stay.
    fn move_corner(&mut self, handle: usize, to: DVec3) {
        let opposite = self.points_mm[(handle + 2) % 4];
        let (next, before) = ((handle + 1) % 4, (handle + 3) % 4);
        let direction = (self.points_mm[next] - opposite)
            .try_normalize()
            .or_else(|| {
                (self.points_mm[before] - opposite)
                    .try_normalize()
                    .map(|other| other.cross(self.placement.normal()))
            })
            .unwrap_or(self.placement.right);
        let along = direction * (to - opposite).dot(direction);
        self.points_mm[handle] = to;
        self.points_mm[next] = opposite + along;
        self.points_mm[before] = to - along;
    }

    /// The short axis stays at a right angle to the long one, and crosses it.
    fn move_bidirectional(&mut self, handle: usize, to: DVec3) {
        let normal = self.placement.normal();
        let [a, b, c, d] = <[DVec3; 4]>::try_from(self.points_mm.as_slice()).unwrap_or([to; 4]);
        let (mut share, mut sides) = crossing(normal, [a, b, c, d]);
        let (mut a, mut b) = (a, b);
        match handle {
            0 => a = to,
            1 => b = to,
            _ => {
                let long = b - a;
                share = ((to - a).dot(long) / long.length_squared().max(1e-12)).clamp(0.0, 1.0);
                sides[handle - 2] = (to - a).dot(normal.cross(long).normalize_or_zero());
            }
        }
        let across = normal.cross(b - a).normalize_or_zero();
        let at = a + (b - a) * share;
        self.points_mm = vec![a, b, at + across * sides[0], at + across * sides[1]];
    }

    /// Points nearby follow, the less the farther they are along the outline.
    fn pull(&mut self, handle: usize, to: DVec3) {
        let n = self.points_mm.len();
        let by = to - self.points_mm[handle];
        let reach = (n / 8).max(1);
        for step in 0..n {
            let away = step.min(n - step);
            if away <= reach && n > 3 || away == 0 {
                let share = 0.5 + 0.5 * (std::f64::consts::PI * away as f64 / (reach + 1) as f64).cos();
                self.points_mm[(handle + step) % n] += by * share;
            }
        }
    }

    /// One side of a solid moves, the opposite one stays.
    fn move_face(&mut self, handle: usize, to: DVec3) {
        let (mut center, mut half) = self.solid();
        let p = &self.placement;
        let Some(&axis) = [p.right, p.down, p.normal()].get(handle / 2) else { return };
        let sign = if handle.is_multiple_of(2) { -1.0 } else { 1.0 };
        let i = handle / 2;
        let opposite = center.dot(axis) - sign * half[i];
        let reach = sign * (to.dot(axis) - opposite);
        let wanted = reach.max(0.1) * 0.5;
        center += axis * (opposite + sign * wanted - center.dot(axis));
        half[i] = wanted;
        self.set_solid(center, half);
    }

    /// Points of a kind from those that a hand gave, the last of which may still move.
    pub(crate) fn shaped(kind: Kind, placement: &Placement, given: &[DVec3]) -> Vec<DVec3> {
        let (Some(&first), Some(&last)) = (given.first(), given.last()) else { return Vec::new() };
        let [a, b] = [first, last].map(|p| placement.flat(p));
        let at = |x: f64, y: f64| placement.lifted(dvec2(x, y));
        let (middle, half) = ((a + b) * 0.5, ((b - a) * 0.5).abs());
        match kind {
            Kind::Ellipse => vec![
                at(middle.x - half.x, middle.y),
                at(middle.x + half.x, middle.y),
                at(middle.x, middle.y - half.y),
                at(middle.x, middle.y + half.y),
            ],
            Kind::Rectangle => vec![at(a.x, a.y), at(b.x, a.y), at(b.x, b.y), at(a.x, b.y)],
            Kind::Bidirectional => {
                let quarter = (last - first) * 0.25;
                let across = placement.normal().cross(quarter);
                let middle = (first + last) * 0.5;
                vec![first, last, middle - across, middle + across]
            }
            Kind::Box | Kind::Ellipsoid => {
                let depth = placement.normal() * (half.x + half.y) * 0.5;
                vec![at(a.x.min(b.x), a.y.min(b.y)) - depth, at(a.x.max(b.x), a.y.max(b.y)) + depth]
            }
            Kind::Freehand => thinned(given),
            _ => given.to_vec(),
        }
    }

    /// What is wrong with it, if anything: of files and of others' windows, not of hands.
    pub fn fault(&self) -> Option<&'static str> {
        let (least, most) = self.kind.point_count();
        if !(least..=most).contains(&self.points_mm.len()) {
            return Some("it has too few or too many points");
        }
        let far = |p: &DVec3| !p.is_finite() || p.abs().max_element() > FARTHEST_MM;
        if self.points_mm.iter().any(far) || far(&self.placement.center_mm) {
            return Some("it lies nowhere in a patient");
        }
        let Placement { center_mm, right, down } = self.placement;
        if Placement::new(center_mm, right, down).is_none() {
            return Some("the axes of its plane are not at a right angle");
        }
        (self.label.chars().count() > crate::MAX_LABEL || self.uid.len() > 64 || self.series.len() > 1024)
            .then_some("its texts are too long")
    }
}

/// Where the short axis crosses the long one, as a share of it, and how far it reaches on both sides.
fn crossing(normal: DVec3, [a, b, c, d]: [DVec3; 4]) -> (f64, [f64; 2]) {
    let long = b - a;
    let across = normal.cross(long).normalize_or_zero();
    let share = ((c - a).dot(long) / long.length_squared().max(1e-12)).clamp(0.0, 1.0);
    (share, [c, d].map(|p| (p - a).dot(across)))
}

/// At most [`MAX_POINTS`], evenly.
pub(crate) fn thinned(points: &[DVec3]) -> Vec<DVec3> {
    points.iter().copied().step_by(points.len().div_ceil(MAX_POINTS).max(1)).collect()
}
