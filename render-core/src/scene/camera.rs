//! The camera of a volume view.

use glam::{DMat3, DQuat, DVec3};

use crate::geometry::Geometry;

/// How the picture narrows with distance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Projection {
    Perspective,
    /// All rays are parallel. At the focal point's distance all is as large as in perspective.
    Parallel,
}

/// A camera looking at a point of the patient.
///
/// Camera space: +x right, +y up, +z towards the viewer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Camera {
    pub focal_point_mm: DVec3,
    /// Rotation from camera space to patient space.
    pub patient_from_camera: DQuat,
    pub distance_mm: f64,
    /// Full vertical angle of view at zoom 1.
    pub view_angle_deg: f64,
    /// Divides the angle of view, so the picture grows by about this factor.
    pub zoom: f64,
    pub projection: Projection,
    /// How far the eye is moved to the right without turning. What lies at the focal point's
    /// distance stays where it is in the picture; the rest shifts, as for one eye of two.
    pub eye_mm: f64,
}

/// Looks well from every side: a box seen in its bounding sphere leaves wide margins.
pub const DEFAULT_ZOOM: f64 = 1.5;
/// Room for overlays around a volume that fits.
const FIT_MARGIN: f64 = 0.95;
const VIEW_ANGLE_DEG: f64 = 30.0;
const ZOOM_RANGE: (f64, f64) = (0.05, 60.0);

impl Camera {
    /// Looks at the volume from the patient's front (anterior), head up, at the distance where the
    /// sphere around the volume fills the unzoomed picture.
    pub fn anterior(geometry: &Geometry) -> Self {
        let center = geometry.center_mm();
        let radius = geometry.corners_mm().iter().map(|c| c.distance(center)).fold(1.0, f64::max);
        Self {
            focal_point_mm: center,
            patient_from_camera: DQuat::from_mat3(&DMat3::from_cols(DVec3::X, DVec3::Z, DVec3::NEG_Y)),
            distance_mm: radius / (VIEW_ANGLE_DEG / 2.0).to_radians().sin(),
            view_angle_deg: VIEW_ANGLE_DEG,
            zoom: DEFAULT_ZOOM,
            projection: Projection::Perspective,
            eye_mm: 0.0,
        }
    }

    /// Zooms so that the volume, as it stands before the camera, just fits into a picture.
    pub fn fit(&mut self, geometry: &Geometry, size: [u32; 2]) {
        let (right, up, forward) = self.axes();
        let aspect = f64::from(size[0].max(1)) / f64::from(size[1].max(1));
        // The nearest corner looks largest, so each counts at its own distance.
        let half_height = geometry
            .corners_mm()
            .iter()
            .map(|corner| {
                let offset = *corner - self.position_mm();
                let depth = match self.projection {
                    Projection::Perspective => offset.dot(forward).max(1e-3),
                    Projection::Parallel => self.distance_mm.max(1e-3),
                };
                offset.dot(up).abs().max(offset.dot(right).abs() / aspect) / depth
            })
            .fold(1e-6, f64::max);
        let degrees = 2.0 * half_height.atan().to_degrees();
        self.zoom = (self.view_angle_deg / degrees * FIT_MARGIN).clamp(ZOOM_RANGE.0, ZOOM_RANGE.1);
    }

    /// Moves the camera around the focal point about its own up axis. From the front, positive
    /// angles go to the patient's left.
    pub fn azimuth(&mut self, degrees: f64) {
        self.turn(DQuat::from_rotation_y(degrees.to_radians()));
    }

    /// Moves the camera around the focal point about its own right axis; positive angles go up.
    pub fn elevation(&mut self, degrees: f64) {
        self.turn(DQuat::from_rotation_x(-degrees.to_radians()));
    }

    /// Turns the picture about the line of sight; positive angles turn it clockwise.
    pub fn roll(&mut self, degrees: f64) {
        self.turn(DQuat::from_rotation_z(degrees.to_radians()));
    }

    fn turn(&mut self, rotation_in_camera: DQuat) {
        self.patient_from_camera = (self.patient_from_camera * rotation_in_camera).normalize();
    }

    pub fn zoom_by(&mut self, factor: f64) {
        self.set_zoom(self.zoom * factor);
    }

    /// Ignored unless positive and finite.
    pub fn set_zoom(&mut self, zoom: f64) {
        if zoom.is_finite() && zoom > 0.0 {
            self.zoom = zoom.clamp(ZOOM_RANGE.0, ZOOM_RANGE.1);
        }
    }

    /// Shifts the picture by pixels (right, down) of a view `height` pixels high, so that what is
    /// under the pointer follows it.
    pub fn pan(&mut self, dx: f64, dy: f64, height: u32) {
        let mm_per_pixel = 2.0 * self.distance_mm * self.half_height() / f64::from(height.max(1));
        self.focal_point_mm += self.patient_from_camera * DVec3::new(-dx, dy, 0.0) * mm_per_pixel;
    }

    /// Where a place falls in a view, in pixels from the top left corner; `None` behind the eye.
    pub fn pixel_from_patient(&self, place_mm: DVec3, size: [u32; 2]) -> Option<[f64; 2]> {
        let (right, up, forward) = self.axes();
        let offset = place_mm - self.position_mm();
        let depth = match self.projection {
            Projection::Perspective => offset.dot(forward),
            Projection::Parallel => self.distance_mm,
        };
        if depth <= 1e-6 {
            return None;
        }
        let per_pixel = 2.0 * self.half_height() / f64::from(size[1].max(1));
        let shift = self.eye_mm / self.distance_mm.max(1e-6);
        let x = (offset.dot(right) / depth + shift) / per_pixel + f64::from(size[0]) / 2.0;
        let y = -offset.dot(up) / depth / per_pixel + f64::from(size[1]) / 2.0;
        Some([x, y])
    }

    /// Half the picture's height at unit distance.
    pub fn half_height(&self) -> f64 {
        (self.view_angle_deg / self.zoom / 2.0).clamp(1e-4, 80.0).to_radians().tan()
    }

    /// Unit vectors of the picture's right, up and line of sight in patient space.
    pub fn axes(&self) -> (DVec3, DVec3, DVec3) {
        let q = self.patient_from_camera;
        (q * DVec3::X, q * DVec3::Y, q * DVec3::NEG_Z)
    }

    pub fn position_mm(&self) -> DVec3 {
        let (right, _, forward) = self.axes();
        self.focal_point_mm - forward * self.distance_mm + right * self.eye_mm
    }

    /// The cameras of the left and the right eye. Their lines of sight are parallel and their
    /// pictures cover the same rectangle at the focal point's distance, which is where the screen
    /// seems to be.
    pub fn stereo(&self, eye_separation_mm: f64) -> [Self; 2] {
        [-0.5, 0.5].map(|side| Self { eye_mm: self.eye_mm + side * eye_separation_mm, ..*self })
    }
}
