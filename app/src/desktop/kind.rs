//! What a viewport is opened to show.

use glam::DVec3;
use render_core::Outlined;
use render_core::scene::view::Orientation;
use render_core::scene::{Content, Plane};

use super::text;

/// What a viewport was opened to show. Its content and plane may be changed since.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The planes that the images were taken in.
    Acquired,
    Axial,
    Coronal,
    Sagittal,
    Volume,
    /// Maximum intensity projection.
    Mip,
}

impl Kind {
    pub const ALL: [Self; 6] =
        [Self::Axial, Self::Coronal, Self::Sagittal, Self::Acquired, Self::Volume, Self::Mip];

    pub fn name(self) -> &'static str {
        text::of(match self {
            Self::Acquired => "Acquired",
            Self::Axial => "Axial",
            Self::Coronal => "Coronal",
            Self::Sagittal => "Sagittal",
            Self::Volume => "Volume",
            Self::Mip => "Maximum intensity",
        })
    }

    /// What is shown first, and in which plane.
    pub fn plane(self, volume: &dyn Outlined) -> (Content, Plane) {
        let (content, orientation) = match self {
            Self::Acquired => return (Content::Slice, own_plane(volume)),
            Self::Axial => (Content::Slice, Orientation::Axial),
            Self::Coronal => (Content::Slice, Orientation::Coronal),
            Self::Sagittal => (Content::Slice, Orientation::Sagittal),
            Self::Volume => (Content::Volume, Orientation::Axial),
            Self::Mip => (Content::MIP, Orientation::Axial),
        };
        (content, Plane::standard(orientation, volume))
    }
}

/// The plane of a volume's images, turned as an upright standard view: the patient's right on the left,
/// the head or the front on top.
fn own_plane(volume: &dyn Outlined) -> Plane {
    let geometry = volume.geometry();
    let [x, y, _] = geometry.direction();
    let orientation = match x.cross(y).abs().max_position() {
        0 => Orientation::Sagittal,
        1 => Orientation::Coronal,
        _ => Orientation::Axial,
    };
    let (right, down) = orientation.axes();
    let towards = |wanted: DVec3, axis: DVec3| if axis.dot(wanted) < 0.0 { -axis } else { axis };
    let (across, along) = if x.dot(right).abs() >= y.dot(right).abs() { (x, y) } else { (y, x) };
    let (right, down) = (towards(right, across), towards(down, along));
    let fit_mm = [geometry.extent_mm(right), geometry.extent_mm(down)];
    let mut plane = Plane { center_mm: geometry.center_mm(), right, down, fit_mm, zoom: 1.0 };
    plane.snap(volume);
    plane
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use glam::{DAffine3, DMat3};
    use render_core::volume::{Meaning, Rescale};
    use render_core::{Geometry, Volume, Voxels};

    use super::*;

    /// One image whose columns and rows run along these axes.
    fn image(x: DVec3, y: DVec3) -> Volume {
        let place = DAffine3 { matrix3: DMat3::from_cols(x, y, x.cross(y)), translation: DVec3::ZERO };
        let geometry = Geometry::new([4, 6, 1], place).expect("a geometry");
        let voxels = Voxels::U8(Arc::from([0u8; 24]));
        Volume::new(geometry, voxels, Rescale::IDENTITY, Meaning::default()).expect("a volume")
    }

    #[test]
    fn an_image_of_any_orientation_stands_upright_in_its_own_plane() {
        let plane = own_plane(&image(DVec3::X, DVec3::Y));
        assert_eq!((plane.right, plane.down, plane.fit_mm), (DVec3::X, DVec3::Y, [4.0, 6.0]));
        // Feet first and turned round.
        let plane = own_plane(&image(DVec3::Z, DVec3::NEG_Y));
        assert_eq!((plane.right, plane.down), (DVec3::Y, DVec3::NEG_Z));
        assert_eq!(plane.fit_mm, [6.0, 4.0]);
        let tilt = DVec3::new(0.0, 0.3, -0.953_939);
        let plane = own_plane(&image(DVec3::X, tilt));
        assert_eq!(plane.right, DVec3::X);
        assert!(plane.down.abs_diff_eq(tilt, 1e-6), "{}", plane.down);
    }
}
