//! Where a voxel grid lies in the patient.

use glam::{DAffine3, DMat3, DVec3};

/// Largest number of voxels along one axis. DICOM's Rows and Columns are 16-bit; slices of any
/// real study stay far below this.
pub const MAX_DIM: u32 = 65_535;

/// Largest number of voxels in a volume: 8 Gi voxels, 16 GiB of 16-bit values.
pub const MAX_VOXELS: u64 = 8 << 30;

/// A grid of voxel centres in patient space (LPS, mm). Never empty, always invertible and finite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Geometry {
    dims: [u32; 3],
    patient_from_voxel: DAffine3,
    voxel_from_patient: DAffine3,
}

#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GeometryError {
    #[error(
        "the volume would have {0}x{1}x{2} voxels: each axis needs 1 to {MAX_DIM}, all together at most {MAX_VOXELS}"
    )]
    Dims(u32, u32, u32),
    #[error(
        "the axes of the volume are not finite or not independent, so voxels have no place in the patient"
    )]
    Singular,
}

impl Geometry {
    /// `dims` are (columns, rows, slices); `patient_from_voxel` maps the centre of voxel
    /// (column, row, slice) to patient mm.
    pub fn new(dims: [u32; 3], patient_from_voxel: DAffine3) -> Result<Self, GeometryError> {
        let [nx, ny, nz] = dims;
        let count = u128::from(nx) * u128::from(ny) * u128::from(nz);
        if dims.iter().any(|&n| n == 0 || n > MAX_DIM) || count > u128::from(MAX_VOXELS) {
            return Err(GeometryError::Dims(nx, ny, nz));
        }
        let determinant = patient_from_voxel.matrix3.determinant();
        let voxel_from_patient = patient_from_voxel.inverse();
        if !patient_from_voxel.is_finite() || determinant.abs() < 1e-12 || !voxel_from_patient.is_finite() {
            return Err(GeometryError::Singular);
        }
        Ok(Self { dims, patient_from_voxel, voxel_from_patient })
    }

    /// From the parts DICOM gives: the centre of the first voxel, unit vectors of +column, +row and
    /// +slice index, and their spacings in mm.
    pub fn from_axes(
        dims: [u32; 3],
        origin_mm: DVec3,
        direction: [DVec3; 3],
        spacing_mm: DVec3,
    ) -> Result<Self, GeometryError> {
        let axes = DMat3::from_cols(
            direction[0] * spacing_mm.x,
            direction[1] * spacing_mm.y,
            direction[2] * spacing_mm.z,
        );
        Self::new(dims, DAffine3 { matrix3: axes, translation: origin_mm })
    }

    /// (columns, rows, slices).
    pub fn dims(&self) -> [u32; 3] {
        self.dims
    }

    pub fn voxel_count(&self) -> usize {
        self.dims.iter().map(|&n| n as usize).product()
    }

    pub fn patient_from_voxel(&self) -> DAffine3 {
        self.patient_from_voxel
    }

    pub fn voxel_from_patient(&self) -> DAffine3 {
        self.voxel_from_patient
    }

    /// Patient position of the centre of voxel (0, 0, 0).
    pub fn origin_mm(&self) -> DVec3 {
        self.patient_from_voxel.translation
    }

    /// Distance between neighbouring voxel centres along columns, rows, slices. Along a sheared
    /// slice axis this is the length of the step itself, not its part along the slice normal.
    pub fn spacing_mm(&self) -> DVec3 {
        let m = self.patient_from_voxel.matrix3;
        DVec3::new(m.x_axis.length(), m.y_axis.length(), m.z_axis.length())
    }

    /// Unit vectors of +column, +row and +slice index in patient space.
    pub fn direction(&self) -> [DVec3; 3] {
        let m = self.patient_from_voxel.matrix3;
        [m.x_axis.normalize(), m.y_axis.normalize(), m.z_axis.normalize()]
    }

    /// Patient position of the middle of the grid.
    pub fn center_mm(&self) -> DVec3 {
        let last = DVec3::from(self.dims.map(|n| f64::from(n) - 1.0));
        self.patient_from_voxel.transform_point3(last * 0.5)
    }

    /// The eight outermost voxel centres in patient space.
    pub fn corners_mm(&self) -> [DVec3; 8] {
        let last = DVec3::from(self.dims.map(|n| f64::from(n) - 1.0));
        std::array::from_fn(|i| {
            let pick = |bit: usize| f64::from(u8::from(i >> bit & 1 == 1));
            self.patient_from_voxel.transform_point3(last * DVec3::new(pick(0), pick(1), pick(2)))
        })
    }

    /// Extent of the grid, voxel edges included, along a unit vector in patient space.
    pub fn extent_mm(&self, along: DVec3) -> f64 {
        let m = self.patient_from_voxel.matrix3;
        let n = self.dims.map(f64::from);
        (m.x_axis.dot(along) * n[0]).abs()
            + (m.y_axis.dot(along) * n[1]).abs()
            + (m.z_axis.dot(along) * n[2]).abs()
    }
}
