//! The cinematic mode: light of a studio, followed path by path through the volume, picture by
//! picture less noisy.
//!
//! ```no_run
//! # use std::sync::{Arc, atomic::AtomicBool};
//! # use render_core::{Volume, RenderError, scene::ViewState, cinematic::{Cinematic, Finish, Settings}};
//! # fn show(volume: Arc<Volume>, view: &ViewState) -> Result<(), RenderError> {
//! let cancel = AtomicBool::new(false);
//! let mut cinematic = Cinematic::new(volume, view, &Settings::default())?;
//! while cinematic.accumulate(4, &cancel)? < 64 {
//!     let frame = cinematic.picture(Finish::Denoised);
//! }
//! # Ok(()) }
//! ```
//!
//! Light scatters where matter is (`track`), as from a surface or as in a cloud (`scatter`), until it
//! reaches a lamp of the environment (`environment`). A transfer function's opacity becomes
//! extinction, its colour the share of light that is not absorbed (`matter`). Random numbers depend
//! on pixel and sample alone (`sampler`): the same view gives the same picture on any number of
//! threads, and may be interrupted at any time without losing a path. Estimates have no bias but
//! for the brightest sparks, which are dimmed, and for light that scatters more often than
//! `Settings::max_bounces`.

mod card;
mod denoise;
mod environment;
mod film;
mod matter;
mod path;
mod sampler;
mod scatter;
#[cfg(test)]
mod tests;
mod track;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use glam::{Mat3, Vec2, Vec3A};
use rayon::prelude::*;

pub use environment::Environment;

use crate::frame::Frame;
use crate::gpu::PathTracer;
use crate::render::{MAX_LIGHTS, RenderError, Renderer};
use crate::scene::light::Light as SceneLight;
use crate::scene::transfer::TransferFunction;
use crate::scene::view::{Content, ViewState};
use crate::volume::{Volume, Voxel};
use crate::with_voxels;
use environment::{Lamp, LightTable};
use film::{Film, TILE};
use matter::Matter;
use path::Optics;
use sampler::Sampler;
use track::Medium;

/// Most samples of a pixel: beyond it no eye sees a difference, and sums lose precision.
pub const MAX_SAMPLES: u32 = 1 << 16;

/// Most pixels of a picture; each takes up to 152 bytes.
pub const MAX_PIXELS: u32 = 1 << 24;

/// How a cinematic picture is lit and taken. Numbers outside their range are moved to its ends, and
/// those that are none to the default.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    pub environment: Environment,
    /// In stops: 1 doubles the light.
    pub exposure: f32,
    /// Diameter of the lens, 0 to 200 mm; 0 shows everything sharp.
    pub aperture_mm: f32,
    /// Distance from the camera to what is sharp. Without it, what the middle of the picture shows.
    pub focus_mm: Option<f32>,
    /// Factor on the extinction of matter, 0.01 to 100.
    pub density: f32,
    /// Most scatterings of a path after the first, 0 to 1024.
    pub max_bounces: u32,
    /// Two pictures with different seeds have different noise.
    pub seed: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            environment: Environment::Studio,
            exposure: 0.0,
            aperture_mm: 0.0,
            focus_mm: None,
            density: 4.0,
            max_bounces: 8,
            seed: 0,
        }
    }
}

impl Settings {
    fn within_range(self) -> Self {
        let default = Self::default();
        let number = |n: f32, default: f32, low, high| if n.is_nan() { default } else { n.clamp(low, high) };
        Self {
            exposure: number(self.exposure, default.exposure, -20.0, 20.0),
            aperture_mm: number(self.aperture_mm, default.aperture_mm, 0.0, 200.0),
            focus_mm: self.focus_mm.filter(|f| f.is_finite()).map(|f| f.clamp(1.0, 1e6)),
            density: number(self.density, default.density, 0.01, 100.0),
            max_bounces: self.max_bounces.min(1024),
            ..self
        }
    }
}

/// What becomes of the noise in a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// It stays.
    Raw,
    /// It is filtered away, the less the more samples there are.
    Denoised,
}

/// A cinematic picture in the making. On the CPU it renders on the threads of the rayon pool that it
/// is called in.
#[derive(Debug)]
pub struct Cinematic {
    volume: Arc<Volume>,
    matter: Arc<Matter>,
    /// What `matter` was made of.
    made_of: (TransferFunction, f32),
    light: LightTable,
    optics: Optics,
    film: Film,
    /// Samples that every pixel has.
    samples: u32,
    exposure: f32,
    view_revision: u64,
    /// What has a card to trace paths on.
    renderer: Option<Renderer>,
    /// Made when first needed.
    tracer: Option<PathTracer>,
}

impl Cinematic {
    /// A picture of the view's transfer function from its camera, without a sample yet.
    pub fn new(volume: Arc<Volume>, view: &ViewState, settings: &Settings) -> Result<Self, RenderError> {
        let settings = settings.within_range();
        check_size(view.size)?;
        let matter = Arc::new(Matter::new(&volume, &view.transfer, settings.density));
        let optics = optics(&volume, view, &settings, &matter);
        Ok(Self {
            matter,
            made_of: (view.transfer.clone(), settings.density),
            light: light(view, &settings),
            optics,
            film: Film::new(view.size),
            samples: 0,
            exposure: settings.exposure.exp2(),
            view_revision: view.revision,
            renderer: None,
            tracer: None,
            volume,
        })
    }

    /// The same on the renderer's card, if it has one. Paths are those of the CPU but for rounding.
    /// Should the card fail, the CPU goes on where the renderer lets it.
    pub fn on(
        renderer: &Renderer,
        volume: Arc<Volume>,
        view: &ViewState,
        settings: &Settings,
    ) -> Result<Self, RenderError> {
        let renderer = renderer.gpu().is_some().then(|| renderer.clone());
        Ok(Self { renderer, ..Self::new(volume, view, settings)? })
    }

    /// Begins anew with another view of the same volume. Memory is used again, and so is what
    /// depends on the transfer function if that is the same.
    pub fn restart(&mut self, view: &ViewState, settings: &Settings) -> Result<(), RenderError> {
        let settings = settings.within_range();
        check_size(view.size)?;
        if self.made_of.0 != view.transfer || self.made_of.1 != settings.density {
            self.matter = Arc::new(Matter::new(&self.volume, &view.transfer, settings.density));
            self.made_of = (view.transfer.clone(), settings.density);
        }
        self.light = light(view, &settings);
        self.optics = optics(&self.volume, view, &settings, &self.matter);
        self.film.clear(view.size);
        self.tracer = None;
        self.samples = 0;
        self.exposure = settings.exposure.exp2();
        self.view_revision = view.revision;
        Ok(())
    }

    /// Adds samples to every pixel and returns how many each has now, at most `MAX_SAMPLES`.
    /// `Cancelled` comes soon after `cancel` is set; what was done until then stays, and the next
    /// call goes on from there.
    pub fn accumulate(&mut self, samples: u32, cancel: &AtomicBool) -> Result<u32, RenderError> {
        let wanted = self.samples.saturating_add(samples).min(MAX_SAMPLES);
        if let Some(renderer) = self.renderer.clone() {
            match self.expose_on_card(&renderer, wanted, cancel) {
                Ok(()) => {
                    self.samples = wanted;
                    return Ok(wanted);
                }
                Err(RenderError::Gpu(_) | RenderError::VolumeTooLarge { .. }) if renderer.has_fallback() => {
                    (self.renderer, self.tracer) = (None, None);
                }
                Err(error) => return Err(error),
            }
        }
        let volume = Arc::clone(&self.volume);
        with_voxels!(volume.voxels(), voxels => self.expose(&Medium::new(&volume, voxels, &self.matter.clone()), wanted, cancel));
        if cancel.load(Ordering::Relaxed) {
            return Err(RenderError::Cancelled);
        }
        self.samples = wanted;
        Ok(wanted)
    }

    fn expose_on_card(
        &mut self,
        renderer: &Renderer,
        wanted: u32,
        cancel: &AtomicBool,
    ) -> Result<(), RenderError> {
        let gpu = renderer.gpu().ok_or_else(|| RenderError::Gpu("there is none".into()))?;
        let mut tracer = match self.tracer.take() {
            Some(tracer) => tracer,
            None => {
                let width = self.film.size()[0];
                card::tracer(gpu, &self.volume, &self.matter, &self.light, &self.optics, width, cancel)?
            }
        };
        let result = card::expose(&mut tracer, &mut self.film, wanted, cancel);
        // A card that has failed is opened anew, and knows nothing then.
        if !matches!(result, Err(RenderError::Gpu(_))) {
            self.tracer = Some(tracer);
        }
        result
    }

    fn expose<T: Voxel>(&mut self, medium: &Medium<'_, T>, wanted: u32, cancel: &AtomicBool) {
        let (optics, light, [width, height]) = (&self.optics, &self.light, self.film.size());
        let across = width.div_ceil(TILE as u32);
        self.film.tiles().enumerate().with_max_len(1).for_each(|(tile, pixels)| {
            let corner = [tile as u32 % across * TILE as u32, tile as u32 / across * TILE as u32];
            for (row, pixels) in (corner[1]..height).zip(pixels.chunks_exact_mut(TILE)) {
                for (column, pixel) in (corner[0]..width).zip(pixels) {
                    if cancel.load(Ordering::Relaxed) {
                        return;
                    }
                    for sample in pixel.samples..wanted {
                        let mut numbers = Sampler::new(optics.seed, row * width + column, sample);
                        pixel.add(optics.trace(medium, light, [column, row], &mut numbers));
                    }
                }
            }
        });
    }

    /// Samples that every pixel has.
    pub fn samples(&self) -> u32 {
        self.samples
    }

    /// The picture as far as it has come.
    pub fn picture(&mut self, finish: Finish) -> Frame {
        self.develop(finish, &AtomicBool::new(false))
    }

    /// The same; `Cancelled` comes soon after `cancel` is set.
    pub fn picture_unless(&mut self, finish: Finish, cancel: &AtomicBool) -> Result<Frame, RenderError> {
        let frame = self.develop(finish, cancel);
        if cancel.load(Ordering::Relaxed) { Err(RenderError::Cancelled) } else { Ok(frame) }
    }

    fn develop(&mut self, finish: Finish, cancel: &AtomicBool) -> Frame {
        Frame {
            size: self.film.size(),
            pixels: self.film.develop(finish, self.exposure, cancel),
            kind: crate::frame::FrameKind::Exact,
            view_revision: self.view_revision,
            input_seq: 0,
        }
    }
}

fn check_size([width, height]: [u32; 2]) -> Result<(), RenderError> {
    if width == 0 || height == 0 {
        return Err(RenderError::Size(width, height));
    }
    if width.saturating_mul(height) > MAX_PIXELS {
        return Err(RenderError::CinematicSize(width, height));
    }
    Ok(())
}

/// The environment, and the lamps that a view has instead of the plain one at the camera.
fn light(view: &ViewState, settings: &Settings) -> LightTable {
    let camera_from_patient = view.camera.patient_from_camera.inverse();
    let lamps = view.lights.iter().filter(|light| **light != SceneLight::HEADLIGHT).filter_map(|light| {
        let towards = camera_from_patient * -light.patient_direction(&view.camera)?;
        Lamp::distant(towards.as_vec3(), light.color)
    });
    let lamps: Vec<Lamp> = lamps.take(MAX_LIGHTS).collect();
    LightTable::new(settings.environment, &lamps)
}

/// The lens and what lies before it.
fn optics(volume: &Volume, view: &ViewState, settings: &Settings, matter: &Matter) -> Optics {
    let shown = ViewState { content: Content::Cinematic, ..view.clone() };
    let params = crate::render::resolve(&shown, volume);
    let (right, up, forward) = view.camera.axes();
    let patient_from_camera = glam::DMat3::from_cols(right, up, -forward);
    let voxel_from_camera = volume.geometry().voxel_from_patient().matrix3 * patient_from_camera;
    let camera_from_voxel = voxel_from_camera.inverse();
    // Roughness of a Blinn-Phong highlight as wide (Walter et al. 2007), narrowed because lamps here
    // have a width of their own.
    let alpha = 0.6 * (2.0 / (view.shading.specular_power as f32 + 2.0)).sqrt();
    let mut optics = Optics {
        rays: params.rays,
        lens: [Vec3A::ZERO; 2],
        focus_mm: 1.0,
        voxel_from_camera: voxel_from_camera.as_mat3(),
        camera_from_voxel: camera_from_voxel.as_mat3(),
        camera_from_gradient: voxel_from_camera.transpose().as_mat3(),
        clip: params.clip,
        roughness: alpha.sqrt().clamp(0.1, 1.0),
        // The highlight of most presets, 0.3, stands for moist tissue.
        mirror: view.shading.specular.clamp(0.0, 1.0) / 0.3 * scatter::TISSUE_REFLECTANCE,
        max_bounces: settings.max_bounces,
        seed: settings.seed,
    };
    optics.focus_mm = settings.focus_mm.unwrap_or_else(|| {
        let seen = with_voxels!(volume.voxels(), voxels => {
            first_hit_mm(&optics, &Medium::new(volume, voxels, matter), view.size)
        });
        seen.unwrap_or(view.camera.distance_mm as f32).max(1.0)
    });
    let axes = optics.voxel_from_camera * Mat3::from_diagonal(glam::Vec3::splat(settings.aperture_mm / 2.0));
    optics.lens = [Vec3A::from(axes.x_axis), Vec3A::from(axes.y_axis)];
    optics
}

/// Where the middle of the picture becomes opaque, as most eyes would say: the median of collisions.
fn first_hit_mm<T: Voxel>(optics: &Optics, medium: &Medium<'_, T>, size: [u32; 2]) -> Option<f32> {
    const TRIES: u32 = 31;
    let middle = Vec2::new(size[0] as f32, size[1] as f32) / 2.0 - 0.5;
    let (flight, start_mm) = optics.flight(middle, Vec2::ZERO, medium.last())?;
    let mut hits: Vec<f32> = (0..TRIES)
        .filter_map(|i| medium.collide(flight, &mut Sampler::new(0, i, 0)))
        .map(|(t, _)| start_mm + t)
        .collect();
    hits.sort_by(f32::total_cmp);
    hits.get(hits.len() / 2).copied()
}
