//! Lights and depth cueing of shaded views.

use glam::DVec3;

use super::camera::Camera;

/// What a light's direction turns with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fixture {
    /// Directions in camera space: +x right, +y up, +z towards the viewer.
    Camera,
    /// Directions in patient space.
    Patient,
}

/// A light infinitely far away.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Light {
    /// Where the light travels to, of any length but zero.
    pub direction: DVec3,
    pub fixture: Fixture,
    /// Red, green, blue; 1 is as bright as the default light.
    pub color: [f32; 3],
}

impl Light {
    /// White light along the line of sight.
    pub const HEADLIGHT: Self = Self { direction: DVec3::NEG_Z, fixture: Fixture::Camera, color: [1.0; 3] };

    /// Unit vector in patient space that the light travels along; `None` if there is no direction.
    pub fn patient_direction(&self, camera: &Camera) -> Option<DVec3> {
        let direction = self.direction.try_normalize()?;
        Some(match self.fixture {
            Fixture::Camera => camera.patient_from_camera * direction,
            Fixture::Patient => direction,
        })
    }
}

/// What is farther away fades into a colour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DepthCue {
    /// Part of the colour at the far end, 0 to 1.
    pub strength: f32,
    pub color: [f32; 3],
    /// Distances from the eye where fading begins and ends; those of the volume's nearest and
    /// farthest corner otherwise.
    pub range_mm: Option<[f64; 2]>,
}

impl DepthCue {
    /// Fades into a black background.
    pub const DEFAULT: Self = Self { strength: 0.7, color: [0.0; 3], range_mm: None };
}
