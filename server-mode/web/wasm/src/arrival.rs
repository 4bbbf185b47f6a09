//! Voxels as they come, until they are a volume.

use std::sync::Arc;

use glam::{DAffine3, DVec3};
use protocol::voxels::{Decoder, Header, Kind, Sample};
use render_core::geometry::{Geometry, GeometryError};
use render_core::volume::{Meaning, Rescale};
use render_core::{Outline, Outlined, Volume, Voxels};

/// A volume on its way.
#[derive(Default)]
pub struct Arrival {
    decoder: Decoder,
    voxels: Option<(Header, Voxels)>,
    rows: u64,
}

impl Arrival {
    /// Takes bytes; returns the header when it has just become known, so that the caller can refuse the rest.
    pub fn push(&mut self, bytes: &[u8], most_bytes: u64) -> Result<Option<Header>, String> {
        self.decoder.push(bytes);
        let mut begun = None;
        if self.voxels.is_none()
            && let Some(header) = self.decoder.header().map_err(|e| e.to_string())?
        {
            let bytes = header.voxels() * header.kind.bytes() as u64;
            if bytes > most_bytes {
                return Err(format!("the volume has {} MiB, more than a page may use", bytes >> 20));
            }
            self.voxels = Some((header, empty(header.kind, header.voxels() as usize)));
            begun = Some(header);
        }
        if let Some((_, voxels)) = &mut self.voxels {
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
        self.voxels.as_ref().map_or(0.0, |(header, _)| self.rows as f64 / header.rows() as f64)
    }

    /// A few voxels of the type that comes.
    pub fn sample(kind: Kind) -> Voxels {
        empty(kind, 1)
    }

    /// The volume, whole.
    pub fn finish(self, outline: &Outline) -> Result<Volume, String> {
        self.decoder.finish().map_err(|e| e.to_string())?;
        let (header, voxels) = self.voxels.ok_or("no voxels came")?;
        let halved = (0..header.level).try_fold(*outline.geometry(), |whole, _| half(&whole));
        let geometry = halved.map_err(|e| e.to_string())?;
        if geometry.dims() != header.dims {
            return Err("the voxels belong to another volume".into());
        }
        let rescale = Rescale { slope: header.slope, intercept: header.intercept };
        let meaning: Meaning = outline.meaning().clone();
        Volume::new(geometry, voxels, rescale, meaning).map_err(|e| e.to_string())
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

fn read<T: Sample>(decoder: &mut Decoder, voxels: &mut Arc<[T]>) -> Result<u64, String> {
    let voxels = Arc::get_mut(voxels).ok_or("the voxels are in use already")?;
    decoder.read(voxels).map_err(|e| e.to_string())
}

/// Where the voxels of the half of a volume lie, as the server halves it: between those they are made of.
fn half(whole: &Geometry) -> Result<Geometry, GeometryError> {
    let halved = DVec3::from(whole.dims().map(|n| f64::from(u8::from(n > 1))));
    let whole_from_half = DAffine3::from_translation(halved * 0.5) * DAffine3::from_scale(halved + 1.0);
    Geometry::new(whole.dims().map(|n| n.div_ceil(2)), whole.patient_from_voxel() * whole_from_half)
}
