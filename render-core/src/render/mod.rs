//! The renderer: one picture from one volume and one set of parameters.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

mod params;
mod resolve;
mod table;

pub use params::{
    DepthCue, Effects, Feature, Grey, Light, MAX_CLIPS, MAX_LIGHTS, MAX_SAMPLES, Mode, OPAQUE_BELOW, Ray,
    Rays, RenderParams, SURFACE_HALVINGS,
};
pub use table::{GRADIENT_TABLE_LEN, GradientOpacity, TABLE_LEN, TransferTable};

use crate::cpu::Level;
use crate::frame::{Frame, ValueImage};
use crate::illumination::Illuminator;
use crate::volume::Volume;

/// What a back end can do. Back ends share what they build for a volume among all callers.
pub(crate) trait Backend: Send + Sync + std::fmt::Debug {
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
}

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RenderError {
    #[error("the picture was cancelled")]
    Cancelled,
    #[error("a picture of {0}x{1} pixels cannot be rendered: 1 to 8192 each are possible")]
    Size(u32, u32),
    #[error("values before windowing exist for slices and projections only, not for a shaded volume")]
    NoValues,
    #[error("this processor has no {level}; the best it has is {best}")]
    Level { level: Level, best: Level },
    #[error("the threads to render on could not be started: {0}")]
    Threads(String),
    #[error("this renderer cannot draw {what}; the reference renderer can")]
    Unsupported { what: &'static str },
    #[error("the graphics card failed: {0}")]
    Gpu(String),
    #[error("the volume of {mib} MiB does not fit the graphics card: {reason}; render it on the CPU")]
    VolumeTooLarge { mib: u64, reason: &'static str },
}

/// Which back end to open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// A real GPU that proves itself on a test scene, else the CPU. The CPU also draws each picture
    /// that the GPU fails on, because the volume is too large or the device is lost.
    Auto,
    /// The slow, obvious renderer that the others are measured against.
    Reference,
    /// The fastest code for this processor on all of its cores.
    Cpu,
    /// For measuring and testing; what the processor lacks is an error. 0 threads are one per core.
    CpuWith { level: Level, threads: usize },
    /// A GPU or an error. `Software` also accepts adapters that emulate one, for tests.
    Gpu(Adapter),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adapter {
    Hardware,
    Software,
}

/// A renderer, and why it is this one. Cheap to share; every method takes `&self`.
#[derive(Clone, Debug)]
pub struct Renderer {
    backend: Arc<dyn Backend>,
    /// Draws what `backend` fails on.
    fallback: Option<Arc<dyn Backend>>,
    name: &'static str,
    reasons: Vec<String>,
    illuminator: Arc<Illuminator>,
}

impl Renderer {
    /// Opens the chosen back end.
    pub fn open(choice: Choice) -> Result<Self, RenderError> {
        match choice {
            Choice::Reference => {
                let reasons = vec!["reference: used, it was asked for".into()];
                Ok(Self::new("reference", Arc::new(crate::cpu::Reference), None, reasons))
            }
            Choice::Cpu => Self::cpu(Level::best(), 0, Vec::new(), "it was asked for"),
            Choice::CpuWith { level, .. } if !level.is_available() => {
                Err(RenderError::Level { level, best: Level::best() })
            }
            Choice::CpuWith { level, threads } => Self::cpu(level, threads, Vec::new(), "it was asked for"),
            Choice::Gpu(adapter) => {
                let mut reasons = Vec::new();
                match crate::gpu::open(adapter, &mut reasons) {
                    Some(gpu) => Ok(Self::new("gpu", Arc::new(gpu), None, reasons)),
                    None => Err(RenderError::Gpu(reasons.join("; "))),
                }
            }
            Choice::Auto => {
                let mut reasons = Vec::new();
                let Some(gpu) = crate::gpu::open(Adapter::Hardware, &mut reasons) else {
                    return Self::cpu(Level::best(), 0, reasons, "because no GPU is");
                };
                let cpu = Self::cpu(Level::best(), 0, reasons, "for what the GPU fails on")?;
                Ok(Self::new("gpu", Arc::new(gpu), Some(cpu.backend), cpu.reasons))
            }
        }
    }

    fn cpu(level: Level, threads: usize, mut reasons: Vec<String>, why: &str) -> Result<Self, RenderError> {
        let cpu = crate::cpu::Packets::new(level, threads)?;
        reasons.push(format!("CPU: {cpu}: used, {why}"));
        Ok(Self::new("cpu", Arc::new(cpu), None, reasons))
    }

    fn new(
        name: &'static str,
        backend: Arc<dyn Backend>,
        fallback: Option<Arc<dyn Backend>>,
        reasons: Vec<String>,
    ) -> Self {
        Self { backend, fallback, name, reasons, illuminator: Arc::default() }
    }

    /// `reference`, `cpu` or `gpu`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// One line for each candidate: taken or not, and why.
    pub fn reasons(&self) -> &[String] {
        &self.reasons
    }

    pub fn render(
        &self,
        volume: &Arc<Volume>,
        params: &RenderParams,
        cancel: &AtomicBool,
    ) -> Result<Frame, RenderError> {
        check_size(params)?;
        let params = self.illuminator.fill(volume, params, cancel)?;
        self.attempt(|backend| backend.render(volume, &params, cancel))
    }

    /// Rescaled values before windowing; slices and projections only.
    pub fn values(
        &self,
        volume: &Arc<Volume>,
        params: &RenderParams,
        cancel: &AtomicBool,
    ) -> Result<ValueImage, RenderError> {
        check_size(params)?;
        match params.mode {
            Mode::Slice { .. } | Mode::Projection { .. } => {
                self.attempt(|backend| backend.values(volume, params, cancel))
            }
            Mode::Volume { .. } | Mode::Isosurface { .. } => Err(RenderError::NoValues),
        }
    }

    fn attempt<T>(&self, work: impl Fn(&dyn Backend) -> Result<T, RenderError>) -> Result<T, RenderError> {
        let result = work(self.backend.as_ref());
        match (&result, &self.fallback) {
            (
                Err(
                    RenderError::Gpu(_)
                    | RenderError::VolumeTooLarge { .. }
                    | RenderError::Unsupported { .. },
                ),
                Some(cpu),
            ) => work(cpu.as_ref()),
            _ => result,
        }
    }
}

/// Refuses a picture that needs features a back end lacks.
pub(crate) fn refuse(lacks: &[Feature], params: &RenderParams) -> Result<(), RenderError> {
    match lacks.iter().find(|&&feature| params.needs(feature)) {
        Some(feature) => Err(RenderError::Unsupported { what: feature.name() }),
        None => Ok(()),
    }
}

fn check_size(params: &RenderParams) -> Result<(), RenderError> {
    let [width, height] = params.size;
    let fits = params.size.iter().all(|n| (1..=crate::scene::view::MAX_SIZE).contains(n));
    if fits { Ok(()) } else { Err(RenderError::Size(width, height)) }
}
