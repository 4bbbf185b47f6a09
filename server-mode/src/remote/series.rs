//! A series that a server has open.

use std::sync::Arc;

use protocol::message::{SeriesOpened, Warning};
use render_core::dicom::{PixelRegion, Report, Suv, Trust};
use render_core::geometry::GeometryError;
use render_core::volume::{Rescale, VolumeError};
use render_core::{Geometry, Outline, Volume, Voxels, Window};

/// All that a window needs to know of a series but its voxels.
#[derive(Debug)]
pub struct RemoteSeries {
    /// As the library lists it.
    pub id: String,
    /// What tells its patient space from others: its own id, where its files do not say it.
    pub frame: String,
    /// How a PET's values become SUVs, where that is known.
    pub suv: Option<Suv>,
    pub outline: Arc<Outline>,
    pub report: Report,
    pub warnings: Vec<Warning>,
    /// What the window menu holds.
    pub windows: Vec<(String, Window)>,
    /// One voxel, which stands for the volume in the layers of other views.
    pub stand_in: Arc<Volume>,
}

fn region(&[x0, y0, x1, y1]: &[u32; 4]) -> PixelRegion {
    PixelRegion { first: [x0, y0], last: [x1, y1] }
}

/// A server told what cannot be.
#[derive(Debug, thiserror::Error)]
pub enum SeriesError {
    #[error("the server's volume has no place in the patient: {0}")]
    Geometry(#[from] GeometryError),
    #[error(transparent)]
    Volume(#[from] VolumeError),
}

impl RemoteSeries {
    pub fn read(told: &SeriesOpened) -> Result<Self, SeriesError> {
        let outline = views::read_outline(told)?;
        let check = &told.self_check;
        let reason = check.reason.clone().unwrap_or_default();
        let report = Report {
            found: check.found.clone(),
            corrected: check.corrected.clone(),
            unknown: check.unknown.clone(),
            millimetres: match check.millimetres.as_str() {
                "everywhere" => Trust::Everywhere,
                "within-images" => Trust::WithinImages(reason),
                "within-regions" => Trust::WithinRegions(reason, check.regions.iter().map(region).collect()),
                // Of what a later server may say nothing can be trusted.
                _ => Trust::Nowhere(reason),
            },
            directions_unknown: told.outline.directions_unknown,
        };
        // A scale that is none would make numbers that are none.
        let scale = |factor: &f64| factor.is_finite() && *factor > 0.0;
        // The menu's numbers find the files' own windows with their shapes.
        let factor = told.suv.map(|suv| suv.body_weight).filter(scale);
        let window = |w: &protocol::message::NamedWindow| {
            (w.label.clone(), views::window_of_numbers(&outline.meaning, factor, w.center, w.width))
        };
        let one = Geometry::new([1; 3], outline.geometry.patient_from_voxel())?;
        let voxel = Voxels::U8(Arc::new([0]));
        let stand_in = Volume::new(one, voxel, Rescale::IDENTITY, outline.meaning.clone())?;
        let frame = match told.frame_of_reference_uid.as_str() {
            "" => told.series_instance_uid.clone(),
            uid => uid.to_owned(),
        };
        let suv = told.suv.filter(|suv| scale(&suv.body_weight)).map(|suv| Suv {
            body_weight: suv.body_weight,
            lean_body_mass: suv.lean_body_mass.filter(scale),
            body_surface: suv.body_surface.filter(scale),
        });
        Ok(Self {
            frame,
            suv,
            id: told.series_instance_uid.clone(),
            report,
            warnings: told.warnings.clone(),
            windows: told.windows.iter().map(window).collect(),
            stand_in: Arc::new(stand_in),
            outline: Arc::new(outline),
        })
    }
}
