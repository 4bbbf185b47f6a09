//! What of a volume is cut away before the rest is shown in three dimensions.

use glam::DVec3;

use super::view::Plane;
use crate::geometry::Geometry;

/// Most planes besides the crop box and the cut.
pub const MAX_PLANES: usize = 9;

/// A plane in patient space; what its normal points to is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClipPlane {
    pub point_mm: DVec3,
    /// Of any length but zero.
    pub normal: DVec3,
}

/// The side of a slice that is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// What lies between the slice and its viewer.
    Near,
    /// What lies behind the slice.
    Far,
}

/// What is cut away: all parts apply together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Clip {
    /// Lowest and highest voxel position shown along columns, rows, slices.
    pub crop_voxels: Option<[[f64; 2]; 3]>,
    /// A slice that cuts the volume.
    pub cut: Option<(Plane, Side)>,
    /// The first `MAX_PLANES` count.
    pub planes: Vec<ClipPlane>,
}

impl ClipPlane {
    /// Along a slice.
    pub fn along(slice: &Plane, shown: Side) -> Self {
        // Right x down points away from the slice's viewer.
        let away = slice.right.cross(slice.down);
        let normal = match shown {
            Side::Near => -away,
            Side::Far => away,
        };
        Self { point_mm: slice.center_mm, normal }
    }

    /// As [a, b, c, d] with a * x + b * y + c * z + d >= 0 for voxel positions on the shown side, and
    /// (a, b, c) a unit vector; `None` for a plane that lies nowhere.
    fn in_voxels(&self, geometry: &Geometry) -> Option<[f32; 4]> {
        let patient_from_voxel = geometry.patient_from_voxel();
        let normal = self.normal.try_normalize()?;
        let in_voxels = patient_from_voxel.matrix3.transpose() * normal;
        let offset = normal.dot(patient_from_voxel.translation - self.point_mm);
        half_space(in_voxels, offset)
    }
}

impl Clip {
    /// The half spaces in voxel space that are shown, as `RenderParams::clip`.
    pub fn half_spaces(&self, geometry: &Geometry) -> Vec<[f32; 4]> {
        let mut all = Vec::new();
        for (axis, [low, high]) in self.crop_voxels.iter().flatten().enumerate() {
            let unit = DVec3::AXES[axis];
            if *low > 0.0 {
                all.extend(half_space(unit, -low));
            }
            if *high < f64::from(geometry.dims()[axis]) - 1.0 {
                all.extend(half_space(-unit, *high));
            }
        }
        let cut = self.cut.iter().map(|(slice, side)| ClipPlane::along(slice, *side));
        let planes = cut.chain(self.planes.iter().copied().take(MAX_PLANES));
        all.extend(planes.filter_map(|plane| plane.in_voxels(geometry)));
        all
    }
}

fn half_space(normal: DVec3, offset: f64) -> Option<[f32; 4]> {
    let length = normal.length();
    let plane = [normal.x / length, normal.y / length, normal.z / length, offset / length].map(|x| x as f32);
    plane.iter().all(|x| x.is_finite()).then_some(plane)
}
