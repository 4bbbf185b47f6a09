//! Voxels with their place in the patient.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::bricks::Bricks;
use crate::geometry::Geometry;
use crate::halved::{self, Reduction};
use crate::levels::Levels;
use crate::outline::Outlined;
use crate::window::{Table, Window};

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
pub trait Voxel: Copy + PartialOrd + Send + Sync + sealed::Measure + 'static {
    fn to_f32(self) -> f32;
}

mod sealed {
    /// Statistics of a slice on one core.
    pub trait Measure: Sized {
        /// Makes values that are no numbers 0.
        fn measure(voxels: &mut [Self]) -> super::Statistics;
    }
}

/// Values that are added up in 32 bits before they go into wider sums: 2¹⁵ times 2¹⁶ fits.
const SUMMED: usize = 1 << 15;

macro_rules! integer_voxel {
    ($($t:ty, $sum:ty);*) => {$(
        impl Voxel for $t {
            #[inline(always)]
            fn to_f32(self) -> f32 {
                self as f32
            }
        }

        impl sealed::Measure for $t {
            fn measure(voxels: &mut [Self]) -> Statistics {
                let (mut low, mut high, mut sum) = (<$t>::MAX, <$t>::MIN, 0i64);
                for chunk in voxels.chunks(SUMMED) {
                    let mut part: $sum = 0;
                    for &v in chunk {
                        low = low.min(v);
                        high = high.max(v);
                        part += <$sum>::from(v);
                    }
                    sum += i64::from(part);
                }
                Statistics {
                    low: f32::from(low),
                    high: f32::from(high),
                    sum: sum as f64,
                    count: voxels.len() as u64,
                    not_finite: 0,
                }
            }
        }
    )*};
}
integer_voxel!(u8, u32; i16, i32; u16, u32);

impl Voxel for f32 {
    #[inline(always)]
    fn to_f32(self) -> f32 {
        self
    }
}

impl sealed::Measure for f32 {
    fn measure(voxels: &mut [Self]) -> Statistics {
        let mut all = Statistics { count: voxels.len() as u64, ..Statistics::NONE };
        // Eight sums at a time: one would wait for itself.
        let mut sums = [0.0f64; 8];
        for chunk in voxels.chunks_mut(sums.len()) {
            for (sum, v) in sums.iter_mut().zip(chunk) {
                if !v.is_finite() {
                    all.not_finite += 1;
                    *v = 0.0;
                }
                all.low = all.low.min(*v);
                all.high = all.high.max(*v);
                *sum += f64::from(*v);
            }
        }
        all.sum = sums.iter().sum();
        all
    }
}

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
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Meaning {
    /// DICOM Modality (0008,0060), for example `CT`.
    pub modality: String,
    /// Unit of the rescaled values, for example `HU`; empty when unknown.
    pub unit: String,
    /// Windows the files ask for (VOI LUT module), first choice first, with their explanations.
    pub windows: Vec<(String, Window)>,
    /// The tables that some of these windows name (VOI LUT Sequence).
    pub tables: Vec<Arc<Table>>,
    /// The smallest value is white on slices and projections (MONOCHROME1).
    pub inverted: bool,
}

/// Filled by the first user; the others wait for it, but not those of other halves.
type Half = Arc<OnceLock<Option<Arc<Volume>>>>;

/// Halves of a volume that are kept. With two, and all that renderers keep of them and of the whole, a volume takes less
/// than 1.6 times the bytes of its voxels (`voxcast bench memory`; with three 1.7).
const MAX_HALVES: usize = 2;

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
    /// Those of the last uses, the most recent one last.
    halves: Mutex<Vec<(Reduction, Half)>>,
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
        let voxels = match voxels {
            Voxels::F32(v) if v.iter().any(|x| !x.is_finite()) => {
                Voxels::F32(v.iter().map(|&x| if x.is_finite() { x } else { 0.0 }).collect())
            }
            other => other,
        };
        let statistics = with_voxels!(&voxels, v => Statistics::of_all(v));
        Self::measured(geometry, voxels, rescale, meaning, &statistics)
    }

    /// Of voxels that are finite and whose statistics are known.
    pub(crate) fn measured(
        geometry: Geometry,
        voxels: Voxels,
        rescale: Rescale,
        meaning: Meaning,
        statistics: &Statistics,
    ) -> Result<Self, VolumeError> {
        let expected = geometry.voxel_count();
        if voxels.len() != expected {
            return Err(VolumeError::Count { expected, found: voxels.len() });
        }
        let Rescale { slope, intercept } = rescale;
        if !slope.is_finite() || !intercept.is_finite() || slope == 0.0 {
            return Err(VolumeError::Rescale { slope, intercept });
        }
        let mean = statistics.mean() * f64::from(slope) + f64::from(intercept);
        Ok(Self {
            geometry,
            voxels,
            rescale,
            meaning,
            stored_range: (statistics.low, statistics.high),
            mean,
            bricks: OnceLock::new(),
            levels: OnceLock::new(),
            halves: Mutex::default(),
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

    /// Smallest and largest rescaled value.
    pub fn value_range(&self) -> (f32, f32) {
        let (a, b) = (self.rescale.apply(self.stored_range.0), self.rescale.apply(self.stored_range.1));
        (a.min(b), a.max(b))
    }

    /// Mean of all rescaled values.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// The window to show first: the files' own, else soft tissue for CT, else the value range.
    pub fn default_window(&self) -> Window {
        Outlined::default_window(self)
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

    /// The volume at half its resolution; computed at first use, then shared as long as it is among the last three
    /// that were asked for.
    pub fn halved(self: &Arc<Self>, reduction: Reduction) -> Arc<Self> {
        let half = self.kept_half(reduction);
        let half = half.get_or_init(|| self.half(reduction).map(Arc::new));
        Arc::clone(half.as_ref().unwrap_or(self))
    }

    fn kept_half(&self, reduction: Reduction) -> Half {
        // A list of shared halves stays valid when a thread panics while it holds it.
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        let known = halves.iter().position(|&(of, _)| of == reduction);
        let half = known.map_or_else(Half::default, |index| halves.remove(index).1);
        if halves.len() == MAX_HALVES {
            halves.remove(0);
        }
        halves.push((reduction, Arc::clone(&half)));
        half
    }

    /// `None` where twice the spacing is no number any more.
    fn half(&self, reduction: Reduction) -> Option<Self> {
        let (dims, turned) = (self.geometry.dims(), self.rescale.slope < 0.0);
        let voxels = match &self.voxels {
            Voxels::U8(v) => Voxels::U8(reduction.of(v, dims, turned)),
            Voxels::I16(v) => Voxels::I16(reduction.of(v, dims, turned)),
            Voxels::U16(v) => Voxels::U16(reduction.of(v, dims, turned)),
            Voxels::F32(v) => Voxels::F32(reduction.of(v, dims, turned)),
        };
        Self::new(halved::geometry(&self.geometry).ok()?, voxels, self.rescale, self.meaning.clone()).ok()
    }

    /// Minimum and maximum per brick of stored values; computed at first use, then shared.
    pub fn bricks(&self) -> &Bricks {
        self.bricks.get_or_init(|| with_voxels!(&self.voxels, v => Bricks::new(v, self.geometry.dims())))
    }
}

/// What stored values are, taken together. Values that are no finite numbers count as the 0 they become.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Statistics {
    pub low: f32,
    pub high: f32,
    pub sum: f64,
    pub count: u64,
    /// Values that were no finite numbers.
    pub not_finite: u64,
}

impl Statistics {
    const NONE: Self =
        Self { low: f32::INFINITY, high: f32::NEG_INFINITY, sum: 0.0, count: 0, not_finite: 0 };

    pub fn of_constant<T: Voxel>(value: T, count: usize) -> Self {
        let value = value.to_f32();
        let sum = f64::from(value) * count as f64;
        Self { low: value, high: value, sum, count: count as u64, not_finite: 0 }
    }

    /// In the order given, so that the sum is the same every time.
    pub fn joined<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Self {
        parts.into_iter().fold(Self::NONE, |all, part| Self {
            low: all.low.min(part.low),
            high: all.high.max(part.high),
            sum: all.sum + part.sum,
            count: all.count + part.count,
            not_finite: all.not_finite + part.not_finite,
        })
    }

    pub fn mean(&self) -> f64 {
        self.sum / self.count as f64
    }

    fn of_all<T: Voxel>(voxels: &[T]) -> Self {
        use rayon::prelude::*;
        let parts: Vec<Self> = voxels
            .par_chunks(1 << 16)
            .map(|chunk| {
                let mut part = Self { count: chunk.len() as u64, ..Self::NONE };
                for v in chunk {
                    let v = v.to_f32();
                    part.low = part.low.min(v);
                    part.high = part.high.max(v);
                    part.sum += f64::from(v);
                }
                part
            })
            .collect();
        Self::joined(&parts)
    }
}
