//! The renderer: one picture from one volume and one set of parameters.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

mod resolve;

pub use kernels::render::{
    Column, DepthCue, Effects, GRADIENT_TABLE_LEN, GradientOpacity, Grey, Layer, LayerLook, Light, MAX_CLIPS,
    MAX_LIGHTS, MAX_SAMPLES, MAX_SIZE, Mode, OPAQUE_BELOW, Ray, Rays, RenderError, RenderParams,
    SURFACE_HALVINGS, Sampling, TABLE_LEN, TransferTable,
};
pub use resolve::resolve;

use glam::Vec3;
pub(crate) use kernels::render::Backend;
use rayon::prelude::*;

use crate::cpu::Level;
use crate::frame::{Frame, ValueImage};
use crate::gpu::{Gpu, Timing};
use crate::illumination::Illuminator;
use crate::volume::Volume;
use crate::window::Curve;

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
    /// Instructions and threads of whichever of them is the CPU's fastest.
    cpu: Option<(Level, usize)>,
    name: &'static str,
    reasons: Vec<String>,
    illuminator: Arc<Illuminator>,
    /// `backend`, where it is a GPU.
    gpu: Option<Arc<Gpu>>,
    drawn: Arc<Mutex<Option<Drawn>>>,
}

/// What drew a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawn {
    /// `reference`, `cpu` or `gpu`.
    pub by: &'static str,
    /// Why it was not the GPU, although there is one.
    pub instead: Option<RenderError>,
    /// What the GPU says it took, where it drew and says so.
    pub timing: Option<Timing>,
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
                    Some(gpu) => Ok(Self::on_gpu(gpu, None, reasons)),
                    None => Err(RenderError::Gpu(reasons.join("; "))),
                }
            }
            Choice::Auto => {
                let mut reasons = Vec::new();
                let Some(gpu) = crate::gpu::open(Adapter::Hardware, &mut reasons) else {
                    return Self::cpu(Level::best(), 0, reasons, "because no GPU is");
                };
                let cpu = Self::cpu(Level::best(), 0, reasons, "for what the GPU fails on")?;
                Ok(Self { cpu: cpu.cpu, ..Self::on_gpu(gpu, Some(cpu.backend), cpu.reasons) })
            }
        }
    }

    /// A renderer on a device of the caller's, for pictures in its textures; what the device fails
    /// on is drawn by the CPU. The device is opened with `gpu::device_descriptor`. Fails if the
    /// adapter only emulates a card, or draws a test scene wrong.
    pub fn open_on(
        adapter: &wgpu::Adapter,
        device: wgpu::Device,
        queue: wgpu::Queue,
    ) -> Result<Self, RenderError> {
        let gpu = crate::gpu::open_on(adapter, device, queue)?;
        let reasons = vec![format!("{}: used, it draws the window, too", crate::gpu::label(adapter))];
        let cpu = Self::cpu(Level::best(), 0, reasons, "for what the GPU fails on")?;
        Ok(Self { cpu: cpu.cpu, ..Self::on_gpu(gpu, Some(cpu.backend), cpu.reasons) })
    }

    fn cpu(level: Level, threads: usize, mut reasons: Vec<String>, why: &str) -> Result<Self, RenderError> {
        let cpu = crate::cpu::Packets::new(level, threads)?;
        reasons.push(format!("CPU: {cpu}: used, {why}"));
        Ok(Self { cpu: Some((level, threads)), ..Self::new("cpu", Arc::new(cpu), None, reasons) })
    }

    fn new(
        name: &'static str,
        backend: Arc<dyn Backend>,
        fallback: Option<Arc<dyn Backend>>,
        reasons: Vec<String>,
    ) -> Self {
        let (illuminator, drawn) = (Arc::default(), Arc::default());
        Self { backend, fallback, cpu: None, name, reasons, illuminator, gpu: None, drawn }
    }

    fn on_gpu(gpu: Gpu, fallback: Option<Arc<dyn Backend>>, reasons: Vec<String>) -> Self {
        let gpu = Arc::new(gpu);
        let backend: Arc<dyn Backend> = Arc::clone(&gpu) as _;
        Self { gpu: Some(gpu), ..Self::new("gpu", backend, fallback, reasons) }
    }

    /// The same with threads of its own: pictures on the CPU wait for none of this one's. A card draws for both.
    pub fn apart(&self) -> Result<Self, RenderError> {
        let Some((level, threads)) = self.cpu else { return Ok(self.clone()) };
        let own: Arc<dyn Backend> = Arc::new(crate::cpu::Packets::new(level, threads)?);
        Ok(match self.fallback {
            Some(_) => Self { fallback: Some(own), ..self.clone() },
            None => Self { backend: own, ..self.clone() },
        })
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
        if let Some(curve) = params.shown_by_curve() {
            return self.curved(volume, params, curve, cancel);
        }
        let params = self.illuminated(volume, params, cancel)?;
        self.attempt(&params, |backend| backend.render(volume, &params, cancel))
    }

    /// The parameters with their effects worked out.
    fn illuminated<'a>(
        &self,
        volume: &Arc<Volume>,
        params: &'a RenderParams,
        cancel: &AtomicBool,
    ) -> Result<Cow<'a, RenderParams>, RenderError> {
        if params.effects == Effects::default() {
            return Ok(Cow::Borrowed(params));
        }
        self.on_own_threads(|| self.illuminator.fill(volume, params, cancel))
    }

    /// Does what belongs to a picture on the threads that pictures on the CPU are drawn on.
    fn on_own_threads<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let cpu = self.fallback.as_deref().unwrap_or(self.backend.as_ref());
        match cpu.threads() {
            Some(threads) => threads.install(work),
            None => work(),
        }
    }

    /// A slice or a projection whose values become grey by a curve: that of every back end's values, here.
    fn curved(
        &self,
        volume: &Arc<Volume>,
        params: &RenderParams,
        curve: &Curve,
        cancel: &AtomicBool,
    ) -> Result<Frame, RenderError> {
        let image = self.values(volume, params, cancel)?;
        let mut pixels = vec![0; image.values.len() * 4];
        let width = params.size[0] as usize;
        let rows = pixels.par_chunks_mut(width * 4).zip(image.values.par_chunks(width)).enumerate();
        let show_row = |(row, (pixels, values)): (usize, (&mut [u8], &[f32]))| {
            if cancel.load(Ordering::Relaxed) {
                return;
            }
            for (column, (pixel, &value)) in pixels.chunks_exact_mut(4).zip(values).enumerate() {
                let color = match value.is_nan() {
                    true => Vec3::from(params.background),
                    false => Vec3::splat(curve.brightness(value)),
                };
                let color = if params.layers.is_empty() {
                    color
                } else {
                    crate::cpu::overlaid(volume, params, params.ray(column as u32, row as u32), color)
                };
                let [r, g, b] = color.to_array().map(|c| (c.clamp(0.0, 1.0) * 255.0 + 0.5) as u8);
                pixel.copy_from_slice(&[r, g, b, 255]);
            }
        };
        self.on_own_threads(|| rows.for_each(show_row));
        if cancel.load(Ordering::Relaxed) {
            return Err(RenderError::Cancelled);
        }
        Ok(Frame {
            size: params.size,
            pixels,
            kind: params.kind,
            view_revision: params.view_revision,
            input_seq: params.input_seq,
        })
    }

    /// Draws into a texture of `gpu::picture_texture`, which has the picture's size and belongs to the
    /// device that `open_on` was given. Nothing stands in for a device that fails, nor for what only
    /// `render` draws: `render` does.
    pub fn render_to(
        &self,
        texture: &wgpu::Texture,
        volume: &Arc<Volume>,
        params: &RenderParams,
        cancel: &AtomicBool,
    ) -> Result<(), RenderError> {
        check_size(params)?;
        let Some(gpu) = &self.gpu else {
            return Err(RenderError::NoCard);
        };
        if params.shown_by_curve().is_some() || params.columns.is_some() {
            return Err(RenderError::Curve);
        }
        let params = self.illuminated(volume, params, cancel)?;
        gpu.render_to(texture, volume, &params, cancel)?;
        self.note(Drawn { by: self.name, instead: None, timing: gpu.timing() });
        Ok(())
    }

    /// What drew the last picture, if there was one. With several threads it is one of theirs.
    pub fn last_drawn(&self) -> Option<Drawn> {
        self.drawn.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, drawn: Drawn) {
        *self.drawn.lock().unwrap_or_else(PoisonError::into_inner) = Some(drawn);
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
                self.attempt(params, |backend| backend.values(volume, params, cancel))
            }
            Mode::Volume { .. } | Mode::Isosurface { .. } => Err(RenderError::NoValues),
        }
    }

    /// The card it draws on, if any.
    pub(crate) fn gpu(&self) -> Option<&Arc<crate::gpu::Gpu>> {
        self.gpu.as_ref()
    }

    /// Whether the CPU stands in for a card that fails.
    pub(crate) fn has_fallback(&self) -> bool {
        self.fallback.is_some()
    }

    fn attempt<T>(
        &self,
        params: &RenderParams,
        work: impl Fn(&dyn Backend) -> Result<T, RenderError>,
    ) -> Result<T, RenderError> {
        if params.columns.is_some() && self.gpu.is_some() {
            // A single sample a pixel for the most part: the way to a card and back would take longer.
            let result = work(self.fallback.as_deref().unwrap_or(&crate::cpu::Reference))?;
            self.note(Drawn { by: "cpu", instead: None, timing: None });
            return Ok(result);
        }
        let (error, cpu) = match (work(self.backend.as_ref()), &self.fallback) {
            (Ok(result), _) => {
                let timing = self.gpu.as_ref().and_then(|gpu| gpu.timing());
                self.note(Drawn { by: self.name, instead: None, timing });
                return Ok(result);
            }
            (Err(error @ (RenderError::Gpu(_) | RenderError::VolumeTooLarge { .. })), Some(cpu)) => {
                (error, cpu)
            }
            (Err(error), _) => return Err(error),
        };
        let result = work(cpu.as_ref())?;
        self.note(Drawn { by: "cpu", instead: Some(error), timing: None });
        Ok(result)
    }
}

fn check_size(params: &RenderParams) -> Result<(), RenderError> {
    let [width, height] = params.size;
    let fits = params.size.iter().all(|n| (1..=MAX_SIZE).contains(n));
    if fits { Ok(()) } else { Err(RenderError::Size(width, height)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu;
    use crate::scene::view::{Content, Orientation, ViewState};

    #[test]
    fn the_cpu_draws_while_the_card_is_lost_and_the_renderer_says_so() {
        let Some(card) = gpu::open(Adapter::Software, &mut Vec::new()) else {
            return eprintln!("skipped: no Vulkan adapter");
        };
        let cpu = Renderer::open(Choice::Cpu).unwrap();
        let renderer = Renderer::on_gpu(card, Some(cpu.backend), Vec::new());
        let volume = Arc::new(gpu::test_volume());
        let view = ViewState::new(&volume, Content::Slice, Orientation::Axial, [32, 32]);
        let params = crate::render::resolve(&view, &volume);
        let draw = || {
            renderer.render(&volume, &params, &AtomicBool::new(false)).unwrap();
            renderer.last_drawn().unwrap()
        };
        assert_eq!((draw().by, draw().instead), ("gpu", None));
        renderer.gpu.as_ref().unwrap().lose();
        let drawn = draw();
        assert_eq!(drawn.by, "cpu");
        assert!(matches!(drawn.instead, Some(RenderError::Gpu(_))), "{drawn:?}");
        assert_eq!(draw().by, "gpu");
    }
}
