//! Voxels with their place in the patient.

use std::sync::Arc;
use std::sync::OnceLock;

use crate::bricks::Bricks;
use crate::geometry::Geometry;
use crate::halved::{self, Reduction};
use crate::levels::Levels;
use crate::window::Window;

/// Stored voxel values, column fastest, then row, then slice.
#[derive(Clone, Debug)]
pub enum Voxels {
    U8(Arc<[u8]>),
    I16(Arc<[i16]>),
    U16(Arc<[u16]>),
    F32(Arc<[f32]>),
}

impl Voxels {
    pub fn len(&self) -> usize {
        match self {
            Self::U8(v) => v.len(),
            Self::I16(v) => v.len(),
            Self::U16(v) => v.len(),
            Self::F32(v) => v.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes held by the voxels.
    pub fn byte_len(&self) -> usize {
        let size = match self {
            Self::U8(_) => 1,
            Self::I16(_) | Self::U16(_) => 2,
            Self::F32(_) => 4,
        };
        self.len() * size
    }

    /// The stored value at a linear index, as a float.
    #[inline]
    pub fn get(&self, index: usize) -> f32 {
        match self {
            Self::U8(v) => f32::from(v[index]),
            Self::I16(v) => f32::from(v[index]),
            Self::U16(v) => f32::from(v[index]),
            Self::F32(v) => v[index],
        }
    }
}

/// Runs `$body` with `$slice` bound to the typed voxel slice.
#[macro_export]
macro_rules! with_voxels {
    ($voxels:expr, $slice:ident => $body:expr) => {
        match $voxels {
            $crate::volume::Voxels::U8($slice) => $body,
            $crate::volume::Voxels::I16($slice) => $body,
            $crate::volume::Voxels::U16($slice) => $body,
            $crate::volume::Voxels::F32($slice) => $body,
        }
    };
}

/// A scalar type voxels are stored in.
pub trait Voxel: Copy + PartialOrd + Send + Sync + 'static {
    fn to_f32(self) -> f32;
}

macro_rules! voxel {
    ($($t:ty),*) => {$(
        impl Voxel for $t {
            #[inline(always)]
            fn to_f32(self) -> f32 {
                self as f32
            }
        }
    )*};
}
voxel!(u8, i16, u16, f32);

/// PS3.3 C.11.1: output = stored * slope + intercept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rescale {
    pub slope: f32,
    pub intercept: f32,
}

impl Rescale {
    pub const IDENTITY: Self = Self { slope: 1.0, intercept: 0.0 };

    #[inline(always)]
    pub fn apply(self, stored: f32) -> f32 {
        stored * self.slope + self.intercept
    }
}

/// What a volume's numbers are, as far as viewing needs to know.
#[derive(Clone, Debug, PartialEq)]
pub struct Meaning {
    /// DICOM Modality (0008,0060), for example `CT`.
    pub modality: String,
    /// Unit of the rescaled values, for example `HU`; empty when unknown.
    pub unit: String,
    /// Windows the files ask for (VOI LUT module), first choice first, with their explanations.
    pub windows: Vec<(String, Window)>,
    /// The smallest value is white on slices and projections (MONOCHROME1).
    pub inverted: bool,
}

/// A scalar volume. Its fields are private because geometry and voxels belong together: there is
/// exactly one voxel for each grid point, every float is finite and the slope is not zero.
#[derive(Debug)]
pub struct Volume {
    geometry: Geometry,
    voxels: Voxels,
    rescale: Rescale,
    meaning: Meaning,
    stored_range: (f32, f32),
    mean: f64,
    bricks: OnceLock<Bricks>,
    levels: OnceLock<Levels>,
    /// By what its voxels are reduced to.
    halves: [OnceLock<Option<Arc<Volume>>>; 4],
}

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum VolumeError {
    #[error("the volume has {found} voxels, its dimensions ask for {expected}")]
    Count { expected: usize, found: usize },
    #[error(
        "the rescale slope is {slope} and the intercept {intercept}: both must be finite, the slope not zero"
    )]
    Rescale { slope: f32, intercept: f32 },
}

impl Volume {
    /// Joins voxels and geometry. Floats that are not finite become 0.
    pub fn new(
        geometry: Geometry,
        voxels: Voxels,
        rescale: Rescale,
        meaning: Meaning,
    ) -> Result<Self, VolumeError> {
        let expected = geometry.voxel_count();
        if voxels.len() != expected {
            return Err(VolumeError::Count { expected, found: voxels.len() });
        }
        let Rescale { slope, intercept } = rescale;
        if !slope.is_finite() || !intercept.is_finite() || slope == 0.0 {
            return Err(VolumeError::Rescale { slope, intercept });
        }
        let voxels = match voxels {
            Voxels::F32(v) if v.iter().any(|x| !x.is_finite()) => {
                Voxels::F32(v.iter().map(|&x| if x.is_finite() { x } else { 0.0 }).collect())
            }
            other => other,
        };
        let (stored_range, stored_mean) = with_voxels!(&voxels, v => statistics(v));
        let mean = stored_mean * f64::from(slope) + f64::from(intercept);
        Ok(Self {
            geometry,
            voxels,
            rescale,
            meaning,
            stored_range,
            mean,
            bricks: OnceLock::new(),
            levels: OnceLock::new(),
            halves: Default::default(),
        })
    }

    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    pub fn voxels(&self) -> &Voxels {
        &self.voxels
    }

    pub fn rescale(&self) -> Rescale {
        self.rescale
    }

    pub fn meaning(&self) -> &Meaning {
        &self.meaning
    }

    /// Smallest and largest stored value.
    pub fn stored_range(&self) -> (f32, f32) {
        self.stored_range
    }

    /// Smallest and largest rescaled value, padding included.
    pub fn value_range(&self) -> (f32, f32) {
        let (a, b) = (self.rescale.apply(self.stored_range.0), self.rescale.apply(self.stored_range.1));
        (a.min(b), a.max(b))
    }

    /// Mean of all rescaled values, padding included.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// The window to show first: the files' own, else soft tissue for CT, else the value range.
    pub fn default_window(&self) -> Window {
        if let Some((_, window)) = self.meaning.windows.first() {
            return *window;
        }
        if self.meaning.modality == "CT" {
            return crate::window::presets("CT")[0].1;
        }
        let (low, high) = self.value_range();
        Window::from_range(f64::from(low), f64::from(high))
    }

    /// Rescaled value of one voxel, `None` outside the grid.
    pub fn value_at(&self, voxel: [u32; 3]) -> Option<f32> {
        let dims = self.geometry.dims();
        if (0..3).any(|a| voxel[a] >= dims[a]) {
            return None;
        }
        let index =
            (voxel[2] as usize * dims[1] as usize + voxel[1] as usize) * dims[0] as usize + voxel[0] as usize;
        Some(self.rescale.apply(self.voxels.get(index)))
    }

    /// Where tissue begins and how bright it gets; computed at first use, then shared.
    pub fn levels(&self) -> Levels {
        *self.levels.get_or_init(|| Levels::of(self))
    }

    /// The volume at half its resolution; computed at first use, then shared.
    pub fn halved(self: &Arc<Self>, reduction: Reduction) -> Arc<Self> {
        let half = self.halves[reduction as usize].get_or_init(|| self.half(reduction).map(Arc::new));
        Arc::clone(half.as_ref().unwrap_or(self))
    }

    /// `None` where twice the spacing is no number any more.
    fn half(&self, reduction: Reduction) -> Option<Self> {
        let (dims, turned) = (self.geometry.dims(), self.rescale.slope < 0.0);
        let voxels = match &self.voxels {
            Voxels::U8(v) => Voxels::U8(reduction.of(v, dims, turned).into()),
            Voxels::I16(v) => Voxels::I16(reduction.of(v, dims, turned).into()),
            Voxels::U16(v) => Voxels::U16(reduction.of(v, dims, turned).into()),
            Voxels::F32(v) => Voxels::F32(reduction.of(v, dims, turned).into()),
        };
        Self::new(halved::geometry(&self.geometry).ok()?, voxels, self.rescale, self.meaning.clone()).ok()
    }

    /// Minimum and maximum per brick of stored values; computed at first use, then shared.
    pub fn bricks(&self) -> &Bricks {
        self.bricks.get_or_init(|| with_voxels!(&self.voxels, v => Bricks::new(v, self.geometry.dims())))
    }
}

/// Range and mean of stored values.
pub(crate) fn statistics<T: Voxel>(voxels: &[T]) -> ((f32, f32), f64) {
    use rayon::prelude::*;
    // Chunks keep the f64 sums short and the order of additions fixed, so the mean is reproducible.
    let parts: Vec<(f32, f32, f64)> = voxels
        .par_chunks(1 << 16)
        .map(|chunk| {
            let mut part = (f32::INFINITY, f32::NEG_INFINITY, 0.0);
            for v in chunk {
                let v = v.to_f32();
                part = (part.0.min(v), part.1.max(v), part.2 + f64::from(v));
            }
            part
        })
        .collect();
    let (mut lo, mut hi, mut sum) = (f32::INFINITY, f32::NEG_INFINITY, 0.0);
    for (a, b, s) in parts {
        lo = lo.min(a);
        hi = hi.max(b);
        sum += s;
    }
    ((lo, hi), sum / voxels.len() as f64)
}
