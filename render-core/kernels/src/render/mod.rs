//! What a back end is told: all that a picture depends on, as plain data.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

mod params;
mod table;

pub use params::{
    Column, Combine, DepthCue, Effects, Grey, Layer, LayerLook, Light, MAX_CLIPS, MAX_LIGHTS, MAX_SAMPLES,
    MAX_SIZE, Mode, OPAQUE_BELOW, Ray, Rays, RenderParams, SURFACE_HALVINGS, Sampling, Shading,
};
pub use table::{GRADIENT_TABLE_LEN, GradientOpacity, TABLE_LEN, TransferTable};

use crate::cpu::Level;
use crate::frame::{Frame, ValueImage};
use crate::volume::Volume;

/// What a back end can do. Back ends share what they build for a volume among all callers.
pub trait Backend: Send + Sync + std::fmt::Debug {
    /// One picture. Returns `Cancelled` soon after `cancel` becomes true.
    fn render(
        &self,
        volume: &Arc<Volume>,
        params: &RenderParams,
        cancel: &AtomicBool,
    ) -> Result<Frame, RenderError>;

    /// The values behind a slice or a projection, before windowing.
    fn values(
        &self,
        volume: &Arc<Volume>,
        params: &RenderParams,
        cancel: &AtomicBool,
    ) -> Result<ValueImage, RenderError>;

    /// The threads that it draws on, if they are its own.
    fn threads(&self) -> Option<&rayon::ThreadPool> {
        None
    }
}

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RenderError {
    #[error("the picture was cancelled")]
    Cancelled,
    #[error("a picture of {0}x{1} pixels cannot be rendered: 1 to 8192 each are possible")]
    Size(u32, u32),
    #[error("a cinematic picture of {0}x{1} pixels needs too much memory: 16 million pixels are possible")]
    CinematicSize(u32, u32),
    #[error("values before windowing exist for slices and projections only, not for a shaded volume")]
    NoValues,
    #[error("this processor has no {level}; the best it has is {best}")]
    Level { level: Level, best: Level },
    #[error("the threads to render on could not be started: {0}")]
    Threads(String),
    #[error("there is no graphics card whose textures could be drawn into")]
    NoCard,
    #[error("curves of brightness and curved slices are not drawn into textures of a card")]
    Curve,
    #[error("the graphics card failed: {0}")]
    Gpu(String),
    #[error("the volume of {mib} MiB does not fit the graphics card: {reason}; render it on the CPU")]
    VolumeTooLarge { mib: u64, reason: String },
}
