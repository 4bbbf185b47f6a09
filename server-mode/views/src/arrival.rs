//! Voxels as they come, until they are a volume.

use std::sync::Arc;

use glam::{DAffine3, DVec3};
use protocol::voxels::{Decoder, Header, Kind, Sample, VoxelsError};
use render_core::geometry::GeometryError;
use render_core::volume::{Meaning, Rescale, VolumeError};
use render_core::{Geometry, Outline, Outlined, Volume, Voxels};

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArrivalError {
    #[error(transparent)]
    Voxels(#[from] VoxelsError),
    #[error(transparent)]
    Geometry(#[from] GeometryError),
    #[error(transparent)]
    Volume(#[from] VolumeError),
    #[error("the voxels belong to another volume")]
    Another,
    #[error("the volume has {0} MiB, more than there is room for")]
    TooLarge(u64),
    #[error("no voxels came")]
    Nothing,
}

/// A volume on its way.
#[derive(Debug)]
pub struct Arrival {
    /// Of the whole volume.
    geometry: Geometry,
    meaning: Meaning,
    decoder: Decoder,
    /// What comes, and where its voxels lie.
    begun: Option<(Header, Geometry, Voxels)>,
    rows: u64,
}

impl Arrival {
    /// Of a volume of which this is known.
    pub fn new(outline: &Outline) -> Self {
        let (geometry, meaning) = (*outline.geometry(), outline.meaning().clone());
        Self { geometry, meaning, decoder: Decoder::default(), begun: None, rows: 0 }
    }

    /// Takes bytes; returns the header when it has just become known, so that the caller can refuse the rest.
    ///
    /// # Errors
    /// They are no voxels of this volume, or take more than `most_bytes` of memory. No memory is taken before.
    pub fn push(&mut self, bytes: &[u8], most_bytes: u64) -> Result<Option<Header>, ArrivalError> {
        self.decoder.push(bytes);
        let mut begun = None;
        if self.begun.is_none()
            && let Some(header) = self.decoder.header()?
        {
            let geometry = (0..header.level).try_fold(self.geometry, |whole, _| half(&whole))?;
            if geometry.dims() != header.dims {
                return Err(ArrivalError::Another);
            }
            let bytes = header.voxels() * header.kind.bytes() as u64;
            if bytes > most_bytes {
                return Err(ArrivalError::TooLarge(bytes >> 20));
            }
            self.begun = Some((header, geometry, empty(header.kind, header.voxels() as usize)));
            begun = Some(header);
        }
        if let Some((_, _, voxels)) = &mut self.begun {
            self.rows = match voxels {
                Voxels::U8(v) => read(&mut self.decoder, v),
                Voxels::I16(v) => read(&mut self.decoder, v),
                Voxels::U16(v) => read(&mut self.decoder, v),
                Voxels::F32(v) => read(&mut self.decoder, v),
            }?;
        }
        Ok(begun)
    }

    /// How much of it is there, 0 to 1.
    pub fn share(&self) -> f64 {
        self.begun.as_ref().map_or(0.0, |(header, ..)| self.rows as f64 / header.rows() as f64)
    }

    /// A few voxels of the type that comes.
    pub fn sample(kind: Kind) -> Voxels {
        empty(kind, 1)
    }

    /// The volume, whole.
    pub fn finish(self) -> Result<Volume, ArrivalError> {
        self.decoder.finish()?;
        let (header, geometry, voxels) = self.begun.ok_or(ArrivalError::Nothing)?;
        let rescale = Rescale { slope: header.slope, intercept: header.intercept };
        Ok(Volume::new(geometry, voxels, rescale, self.meaning)?)
    }
}

fn empty(kind: Kind, count: usize) -> Voxels {
    match kind {
        Kind::U8 => Voxels::U8(std::iter::repeat_n(0, count).collect()),
        Kind::I16 => Voxels::I16(std::iter::repeat_n(0, count).collect()),
        Kind::U16 => Voxels::U16(std::iter::repeat_n(0, count).collect()),
        Kind::F32 => Voxels::F32(std::iter::repeat_n(0.0, count).collect()),
    }
}

fn read<T: Sample>(decoder: &mut Decoder, voxels: &mut Arc<[T]>) -> Result<u64, ArrivalError> {
    // Nobody else has them before they are a volume.
    let voxels = Arc::get_mut(voxels).ok_or(ArrivalError::Nothing)?;
    Ok(decoder.read(voxels)?)
}

/// Where the voxels of the half of a volume lie, as the server halves it: between those they are made of.
fn half(whole: &Geometry) -> Result<Geometry, GeometryError> {
    let halved = DVec3::from(whole.dims().map(|n| f64::from(u8::from(n > 1))));
    let whole_from_half = DAffine3::from_translation(halved * 0.5) * DAffine3::from_scale(halved + 1.0);
    Geometry::new(whole.dims().map(|n| n.div_ceil(2)), whole.patient_from_voxel() * whole_from_half)
}
