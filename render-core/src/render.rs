//! The renderer: one picture from one volume and one set of parameters.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use glam::{DVec3, Vec3};

use crate::cpu::Level;
use crate::frame::{Frame, FrameKind, ValueImage};
use crate::scene::preset::Shading;
use crate::scene::transfer::TransferFunction;
use crate::scene::view::{Combine, Content, Slab, ViewState};
use crate::volume::Volume;
use crate::window::Window;

/// Entries of a transfer table: more than one per HU over any window a doctor uses.
pub const TABLE_LEN: usize = 4096;

/// A ray whose remaining transparency falls below this has gathered its colour: it ends, and the
/// light gathered so far stands for the rest as well.
pub const OPAQUE_BELOW: f32 = 1.0 / 128.0;

/// Most samples along one ray; a longer one is sampled more coarsely.
pub const MAX_SAMPLES: u32 = 65_536;

/// A ray in voxel space: `origin + t * direction`, with t in mm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ray {
    pub origin: Vec3,
    pub direction: Vec3,
}

/// The rays of all pixels, linear in the pixel's (column, row). Fourth components are unused; they
/// keep the layout equal to a GPU's.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Rays {
    /// Voxel position of t = 0 at pixel (0, 0), and its change per column and row.
    pub origin: [f32; 4],
    pub origin_dx: [f32; 4],
    pub origin_dy: [f32; 4],
    /// Direction in voxels per mm along the line of sight at pixel (0, 0), and its change per
    /// column and row.
    pub direction: [f32; 4],
    pub direction_dx: [f32; 4],
    pub direction_dy: [f32; 4],
    /// Tangents (x, y) of the angle to the line of sight at pixel (0, 0), and their change per
    /// column and row. All zero when rays are parallel.
    pub slope: [f32; 4],
}

impl Rays {
    /// The ray through the centre of pixel (column, row).
    #[inline]
    pub fn at(&self, column: u32, row: u32) -> Ray {
        let (x, y) = (column as f32, row as f32);
        let linear = |base: &[f32; 4], dx: &[f32; 4], dy: &[f32; 4]| {
            Vec3::from(std::array::from_fn::<f32, 3, _>(|i| base[i] + dx[i] * x + dy[i] * y))
        };
        let slope_x = self.slope[0] + self.slope[2] * x;
        let slope_y = self.slope[1] + self.slope[3] * y;
        let length = (1.0 + slope_x * slope_x + slope_y * slope_y).sqrt();
        Ray {
            origin: linear(&self.origin, &self.origin_dx, &self.origin_dy),
            direction: linear(&self.direction, &self.direction_dx, &self.direction_dy) / length,
        }
    }
}

/// Colour and opacity by value, ready to look up. Entry i stands for value `low + i / scale`;
/// alpha is already corrected for the step.
#[derive(Clone, Debug, PartialEq)]
pub struct TransferTable {
    pub low: f32,
    pub scale: f32,
    /// `TABLE_LEN` entries of straight (not premultiplied) r, g, b, alpha.
    pub rgba: Vec<[f32; 4]>,
}

impl TransferTable {
    /// Covers the values where the function changes; outside them the end entries hold.
    pub fn new(function: &TransferFunction, step_mm: f32) -> Self {
        let (low, high) = function.span();
        let scale = (TABLE_LEN - 1) as f32 / (high - low).max(1e-3);
        let rgba = (0..TABLE_LEN)
            .map(|i| {
                let value = low + i as f32 / scale;
                let [r, g, b] = function.color(value);
                [r, g, b, 1.0 - (1.0 - function.opacity(value)).powf(step_mm)]
            })
            .collect();
        Self { low, scale, rgba }
    }

    #[inline]
    pub fn lookup(&self, value: f32) -> [f32; 4] {
        let index = ((value - self.low) * self.scale + 0.5).clamp(0.0, (TABLE_LEN - 1) as f32);
        self.rgba[index as usize]
    }
}

/// Brightness `clamp((value - low) * scale, 0, 1)`; a negative scale shows small values bright.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grey {
    pub low: f32,
    pub scale: f32,
}

impl From<Window> for Grey {
    fn from(window: Window) -> Self {
        let (low, scale) = window.ramp();
        Self { low, scale }
    }
}

impl Grey {
    fn inverted(self) -> Self {
        Self { low: self.low + 1.0 / self.scale, scale: -self.scale }
    }

    #[inline]
    pub fn brightness(self, value: f32) -> f32 {
        ((value - self.low) * self.scale).clamp(0.0, 1.0)
    }
}

/// What happens along a ray. Samples lie at t = k * `step_mm` for whole k, whatever is skipped.
#[derive(Clone, Debug, PartialEq)]
pub enum Mode {
    /// Front-to-back compositing of shaded samples inside the grid of voxel centres.
    Volume { transfer: Arc<TransferTable>, shading: Shading, step_mm: f32 },
    /// The largest value of the samples inside the grid of voxel centres.
    Mip { grey: Grey, step_mm: f32 },
    /// The first rise through `value`, refined between two samples by linear interpolation.
    Isosurface { value: f32, color: [f32; 3], shading: Shading, step_mm: f32 },
    /// `samples` values at t = `first_mm` + k * `step_mm`, combined. A sample counts up to half a
    /// voxel beyond the outermost voxel centres, where the edge value holds.
    Slice { grey: Grey, samples: u32, first_mm: f32, step_mm: f32, combine: Combine },
}

/// Everything a back end needs besides the voxels, as plain data.
#[derive(Clone, Debug, PartialEq)]
pub struct RenderParams {
    /// Width and height in pixels.
    pub size: [u32; 2],
    pub rays: Rays,
    pub mode: Mode,
    /// Shown where rays end without being opaque.
    pub background: [f32; 3],
    /// Columns that turn a gradient in voxel space into one in patient space.
    pub patient_from_gradient: [[f32; 3]; 3],
    /// Unit vector of the line of sight in patient space; the light shines along it.
    pub line_of_sight: [f32; 3],
    /// Copied into the frame.
    pub kind: FrameKind,
    pub view_revision: u64,
    pub input_seq: u64,
}

/// Colour of an isosurface: that of bone.
const ISOSURFACE_COLOR: [f32; 3] = [0.92, 0.87, 0.76];

impl RenderParams {
    /// Resolves a view of a volume.
    pub fn resolve(view: &ViewState, volume: &Volume) -> Self {
        let spacing = volume.geometry().spacing_mm().min_element();
        let step_mm = step_within_limit(spacing * view.step_voxels.clamp(0.1, 16.0), volume) as f32;
        let (rays, line_of_sight) = match view.content {
            Content::Slice => slice_rays(view, volume),
            _ => camera_rays(view, volume),
        };
        let grey = Grey::from(view.window);
        let grey = if volume.meaning().inverted { grey.inverted() } else { grey };
        let mode = match view.content {
            Content::Volume => Mode::Volume {
                transfer: Arc::new(TransferTable::new(&view.transfer, step_mm)),
                shading: view.shading,
                step_mm,
            },
            Content::Mip => Mode::Mip { grey, step_mm },
            Content::Isosurface(value) => {
                Mode::Isosurface { value, color: ISOSURFACE_COLOR, shading: view.shading, step_mm }
            }
            Content::Slice => slab_mode(grey, view.slab, spacing),
        };
        let gradient = volume.geometry().voxel_from_patient().matrix3.transpose();
        Self {
            size: view.size,
            rays,
            mode,
            background: [0.0; 3],
            patient_from_gradient: gradient.to_cols_array_2d().map(|c| c.map(|x| x as f32)),
            line_of_sight: line_of_sight.as_vec3().to_array(),
            kind: FrameKind::Exact,
            view_revision: view.revision,
            input_seq: 0,
        }
    }
}

fn step_within_limit(step_mm: f64, volume: &Volume) -> f64 {
    let corners = volume.geometry().corners_mm();
    let diagonal = corners.iter().map(|c| c.distance(corners[0])).fold(0.0, f64::max);
    step_mm.max(diagonal / f64::from(MAX_SAMPLES))
}

fn slab_mode(grey: Grey, slab: Slab, spacing_mm: f64) -> Mode {
    let thickness = if slab.thickness_mm.is_finite() { slab.thickness_mm.clamp(0.0, 10_000.0) } else { 0.0 };
    // Both faces are sampled, and no step is longer than the smallest voxel spacing.
    let steps = (thickness / spacing_mm).ceil().clamp(0.0, f64::from(MAX_SAMPLES - 1));
    let step_mm = if steps > 0.0 { thickness / steps } else { 0.0 };
    Mode::Slice {
        grey,
        samples: steps as u32 + 1,
        first_mm: (-thickness / 2.0) as f32,
        step_mm: step_mm as f32,
        combine: slab.combine,
    }
}

fn slice_rays(view: &ViewState, volume: &Volume) -> (Rays, DVec3) {
    let plane = &view.plane;
    let to_voxel = volume.geometry().voxel_from_patient();
    let mm = plane.mm_per_pixel(view.size);
    let first = plane.patient_from_pixel([0.5, 0.5], view.size);
    let normal = plane.right.cross(plane.down);
    let rays = Rays {
        origin: lanes(to_voxel.transform_point3(first)),
        origin_dx: lanes(to_voxel.transform_vector3(plane.right * mm)),
        origin_dy: lanes(to_voxel.transform_vector3(plane.down * mm)),
        direction: lanes(to_voxel.transform_vector3(normal)),
        direction_dx: [0.0; 4],
        direction_dy: [0.0; 4],
        slope: [0.0; 4],
    };
    (rays, normal)
}

fn camera_rays(view: &ViewState, volume: &Volume) -> (Rays, DVec3) {
    let camera = &view.camera;
    let to_voxel = volume.geometry().voxel_from_patient();
    let (right, up, forward) = camera.axes();
    let [width, height] = view.size.map(f64::from);
    let per_pixel = 2.0 * camera.half_height() / height;
    let slope_x = (0.5 - width / 2.0) * per_pixel;
    let slope_y = (0.5 - height / 2.0) * per_pixel;
    let rays = Rays {
        origin: lanes(to_voxel.transform_point3(camera.position_mm())),
        origin_dx: [0.0; 4],
        origin_dy: [0.0; 4],
        direction: lanes(to_voxel.transform_vector3(forward + right * slope_x - up * slope_y)),
        direction_dx: lanes(to_voxel.transform_vector3(right * per_pixel)),
        direction_dy: lanes(to_voxel.transform_vector3(-up * per_pixel)),
        slope: [slope_x as f32, slope_y as f32, per_pixel as f32, per_pixel as f32],
    };
    (rays, forward)
}

fn lanes(v: DVec3) -> [f32; 4] {
    let v = v.as_vec3();
    [v.x, v.y, v.z, 0.0]
}

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
}

impl Renderer {
    /// Opens the chosen back end.
    pub fn open(choice: Choice) -> Result<Self, RenderError> {
        match choice {
            Choice::Reference => Ok(Self {
                backend: Arc::new(crate::cpu::Reference),
                fallback: None,
                name: "reference",
                reasons: vec!["reference: used, it was asked for".into()],
            }),
            Choice::Cpu => Self::cpu(Level::best(), 0, Vec::new(), "it was asked for"),
            Choice::CpuWith { level, .. } if !level.is_available() => {
                Err(RenderError::Level { level, best: Level::best() })
            }
            Choice::CpuWith { level, threads } => Self::cpu(level, threads, Vec::new(), "it was asked for"),
            Choice::Gpu(adapter) => {
                let mut reasons = Vec::new();
                match crate::gpu::open(adapter, &mut reasons) {
                    Some(gpu) => Ok(Self { backend: Arc::new(gpu), fallback: None, name: "gpu", reasons }),
                    None => Err(RenderError::Gpu(reasons.join("; "))),
                }
            }
            Choice::Auto => {
                let mut reasons = Vec::new();
                let Some(gpu) = crate::gpu::open(Adapter::Hardware, &mut reasons) else {
                    return Self::cpu(Level::best(), 0, reasons, "because no GPU is");
                };
                let cpu = Self::cpu(Level::best(), 0, reasons, "for what the GPU fails on")?;
                let (fallback, reasons) = (Some(cpu.backend), cpu.reasons);
                Ok(Self { backend: Arc::new(gpu), fallback, name: "gpu", reasons })
            }
        }
    }

    fn cpu(level: Level, threads: usize, mut reasons: Vec<String>, why: &str) -> Result<Self, RenderError> {
        let cpu = crate::cpu::Packets::new(level, threads)?;
        reasons.push(format!("CPU: {cpu}: used, {why}"));
        Ok(Self { backend: Arc::new(cpu), fallback: None, name: "cpu", reasons })
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
        self.attempt(|backend| backend.render(volume, params, cancel))
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
            Mode::Slice { .. } | Mode::Mip { .. } => {
                self.attempt(|backend| backend.values(volume, params, cancel))
            }
            Mode::Volume { .. } | Mode::Isosurface { .. } => Err(RenderError::NoValues),
        }
    }

    fn attempt<T>(&self, work: impl Fn(&dyn Backend) -> Result<T, RenderError>) -> Result<T, RenderError> {
        let result = work(self.backend.as_ref());
        match (&result, &self.fallback) {
            (Err(RenderError::Gpu(_) | RenderError::VolumeTooLarge { .. }), Some(cpu)) => work(cpu.as_ref()),
            _ => result,
        }
    }
}

fn check_size(params: &RenderParams) -> Result<(), RenderError> {
    let [width, height] = params.size;
    let fits = params.size.iter().all(|n| (1..=crate::scene::view::MAX_SIZE).contains(n));
    if fits { Ok(()) } else { Err(RenderError::Size(width, height)) }
}
