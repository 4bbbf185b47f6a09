//! Everything a back end needs besides the voxels, as plain data.

use std::sync::Arc;

use glam::Vec3;
use serde::Deserialize;

use super::table::{GradientOpacity, TransferTable};
use crate::frame::FrameKind;
use crate::illumination::Illumination;
use crate::volume::Volume;
use crate::window::{Curve, Window};

/// `RenderParams::opaque_below` of pictures at full quality.
pub const OPAQUE_BELOW: f32 = 1.0 / 64.0;

/// Most samples along one ray; a longer one is sampled more coarsely.
pub const MAX_SAMPLES: u32 = 65_536;

/// Most lights of a picture.
pub const MAX_LIGHTS: usize = 4;

/// Most half spaces that a picture is clipped to.
pub const MAX_CLIPS: usize = 16;

/// How often the piece of ray between the last sample outside of a surface and the first inside is
/// cut in half, before a straight line between the values at its ends gives the hit.
pub const SURFACE_HALVINGS: u32 = 4;

/// Largest width or height of a view in pixels: 8K.
pub const MAX_SIZE: u32 = 8192;

/// How values across a thick slice or along a ray become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Combine {
    Maximum,
    Minimum,
    Mean,
}

/// Blinn-Phong weights for a light at the camera.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shading {
    pub ambient: f32,
    pub diffuse: f32,
    pub specular: f32,
    /// A small whole number, so every back end can multiply it out to the same picture.
    pub specular_power: u32,
}

impl Default for Shading {
    fn default() -> Self {
        Self { ambient: 0.2, diffuse: 0.7, specular: 0.3, specular_power: 10 }
    }
}

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
    /// Whether all rays have the first one's direction.
    #[inline]
    pub fn are_parallel(&self) -> bool {
        [self.direction_dx, self.direction_dy, self.slope] == [[0.0; 4]; 3]
    }

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

/// The rays of one column of a curved slice, in voxel space.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Column {
    /// Position of t = 0 in row 0, and its change per row.
    pub origin: Vec3,
    pub origin_dy: Vec3,
    /// Voxels per mm.
    pub direction: Vec3,
}

impl Column {
    pub fn at(&self, row: u32) -> Ray {
        Ray { origin: self.origin + self.origin_dy * row as f32, direction: self.direction }
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
    /// Black and white the other way round.
    pub fn inverted(self) -> Self {
        Self { low: self.low + 1.0 / self.scale, scale: -self.scale }
    }

    #[inline]
    pub fn brightness(self, value: f32) -> f32 {
        ((value - self.low) * self.scale).clamp(0.0, 1.0)
    }
}

/// What happens along a ray. Samples lie at t = k * `step_mm` for whole k, whatever is skipped or
/// clipped away.
#[derive(Clone, Debug, PartialEq)]
pub enum Mode {
    /// Front-to-back compositing of shaded samples inside the grid of voxel centres and the clip.
    ///
    /// With an integrated table it is segments that count: segment k reaches from sample k to
    /// sample k + 1, both inside. It is shaded at its middle, t = (k + 1/2) * `step_mm`.
    Volume { transfer: Arc<TransferTable>, shading: Shading, step_mm: f32 },
    /// The largest, the smallest or the mean value of the samples inside the grid of voxel centres
    /// and the clip.
    Projection { combine: Combine, grey: Grey, step_mm: f32 },
    /// The first rise through `value` inside the grid of voxel centres and the clip, found between
    /// two samples by `SURFACE_HALVINGS`. Where the first sample of all is inside the surface, it is
    /// the hit.
    Isosurface { value: f32, color: [f32; 3], shading: Shading, step_mm: f32 },
    /// `samples` values at t = `first_mm` + k * `step_mm`, combined. A sample counts up to half a
    /// voxel beyond the outermost voxel centres, where the edge value holds. The clip does not apply.
    Slice { grey: Grey, samples: u32, first_mm: f32, step_mm: f32, combine: Combine },
}

/// A light infinitely far away. Surfaces reflect on both of their sides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Light {
    /// Unit vector in patient space that the light travels along.
    pub direction: [f32; 3],
    /// Unit vector in patient space between `direction` and the line of sight: a surface with this
    /// normal shows the highlight's middle. Zero where light and sight are opposed.
    pub halfway: [f32; 3],
    pub color: [f32; 3],
}

/// Colours fade with their distance from the eye: a part
/// `strength * clamp((t - near_mm) / (far_mm - near_mm), 0, 1)` of a shaded colour becomes `color`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DepthCue {
    pub near_mm: f32,
    pub far_mm: f32,
    /// 0 to 1.
    pub strength: f32,
    pub color: [f32; 3],
}

impl DepthCue {
    #[inline]
    pub fn apply(&self, color: Vec3, t_mm: f32) -> Vec3 {
        let part = (t_mm - self.near_mm) * (1.0 / (self.far_mm - self.near_mm));
        color + (Vec3::from(self.color) - color) * (self.strength * part.clamp(0.0, 1.0))
    }
}

/// What shaded modes show besides direct light, worked out before the picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// Light from all around does not reach into hollows.
    pub ambient_occlusion: bool,
    /// Matter casts soft shadows from the first light.
    pub shadows: bool,
}

/// How values between voxels are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sampling {
    /// In full precision: what is read off a picture is what the volume holds.
    #[default]
    Exact,
    /// As a graphics card does it by itself, with weights of 8 bits or so. Values and pictures of
    /// back ends that have nothing faster are exact all the same.
    Fast,
}

/// Another volume shown with the first. It counts up to half a voxel beyond its outermost voxel
/// centres, where the edge value holds.
///
/// - `Mode::Slice` and `Mode::Projection`: the layer's own value, combined over the points that count
///   for the first volume, has a colour, which is mixed into the picture (and its background) by its
///   alpha. For labels the first point with a visible one counts; in slices, only the point at t = 0.
/// - `Mode::Volume`: at each point of the ray the layers follow the first volume, each a sample of
///   its own, lit by its own gradient.
/// - `Mode::Isosurface`: the colour is mixed into that of the surface before it is lit.
#[derive(Clone)]
pub struct Layer {
    pub volume: Arc<Volume>,
    /// Rows that give the layer's voxel position: x * a + y * b + z * c + d of the first volume's.
    pub layer_from_voxel: [[f32; 4]; 3],
    pub look: LayerLook,
    /// Multiplies each alpha, 0 to 1.
    pub opacity: f32,
}

#[derive(Clone, Debug, PartialEq)]
pub enum LayerLook {
    /// Of interpolated values. Alpha is corrected for the step in `Mode::Volume`, for 1 mm elsewhere.
    Values(Arc<TransferTable>),
    /// By the nearest voxel's rescaled value, rounded; transparent beyond the list. Positions
    /// halfway between voxels belong to the higher index. Straight r, g, b, alpha.
    Labels(Arc<[[f32; 4]]>),
}

impl PartialEq for Layer {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.volume, &other.volume)
            && self.layer_from_voxel == other.layer_from_voxel
            && self.look == other.look
            && self.opacity == other.opacity
    }
}

impl std::fmt::Debug for Layer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let dims = self.volume.geometry().dims();
        f.debug_struct("Layer").field("dims", &dims).field("opacity", &self.opacity).finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct RenderParams {
    /// Width and height in pixels.
    pub size: [u32; 2],
    pub rays: Rays,
    /// In the place of `rays` for a slice that is curved: one for each column of pixels.
    pub columns: Option<Arc<[Column]>>,
    pub mode: Mode,
    /// Takes the place of the ramp `Grey` in slices and projections.
    pub curve: Option<Curve>,
    /// Shown where rays end without being opaque.
    pub background: [f32; 3],
    /// Columns that turn a gradient in voxel space into one in patient space.
    pub patient_from_gradient: [[f32; 3]; 3],
    /// Unit vector of the line of sight through the picture's middle, in patient space.
    pub line_of_sight: [f32; 3],
    /// At most `MAX_LIGHTS`.
    pub lights: Vec<Light>,
    /// At most `MAX_CLIPS` half spaces in voxel space: what has x * a + y * b + z * c + d >= 0 for
    /// each [a, b, c, d] is shown. They shorten the range of t that holds samples.
    pub clip: Vec<[f32; 4]>,
    pub depth_cue: Option<DepthCue>,
    /// Of `Mode::Volume`: a ray whose remaining transparency falls below this has gathered its colour. It ends, and the
    /// light gathered so far stands for the rest as well. Samples that weigh less than a quarter of this together may share
    /// one's light.
    pub opaque_below: f32,
    /// Multiplies the opacity that `Mode::Volume` looks up.
    pub gradient_opacity: Option<Arc<GradientOpacity>>,
    /// `Renderer` turns these into `illumination`.
    pub effects: Effects,
    pub sampling: Sampling,
    pub illumination: Option<Arc<Illumination>>,
    /// At most `MAX_LAYERS`, in the order they are laid over the volume.
    pub layers: Vec<Layer>,
    /// Copied into the frame.
    pub kind: FrameKind,
    pub view_revision: u64,
    pub input_seq: u64,
}

impl RenderParams {
    /// The ray of a pixel.
    pub fn ray(&self, column: u32, row: u32) -> Ray {
        match self.columns.as_ref().and_then(|columns| columns.get(column as usize)) {
            Some(column) => column.at(row),
            None => self.rays.at(column, row),
        }
    }

    /// The curve that shows values, in pictures that show any.
    pub fn shown_by_curve(&self) -> Option<&Curve> {
        let valued = matches!(self.mode, Mode::Slice { .. } | Mode::Projection { .. });
        self.curve.as_ref().filter(|_| valued)
    }

    /// Whether all that shades the volume is one white light along the line of sight: what most
    /// pictures are, and worth a faster way of its own.
    pub fn is_plain_volume(&self) -> bool {
        let Mode::Volume { transfer, .. } = &self.mode else { return false };
        self.has_headlight_only()
            && transfer.integral.is_none()
            && self.depth_cue.is_none()
            && self.gradient_opacity.is_none()
            && self.illumination.is_none()
    }

    fn has_headlight_only(&self) -> bool {
        let headlight = Light { direction: self.line_of_sight, halfway: self.line_of_sight, color: [1.0; 3] };
        self.lights == [headlight]
    }
}
