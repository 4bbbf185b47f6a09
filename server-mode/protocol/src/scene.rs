//! A view's whole state on the wire: what a client sets, and what is told about a view that somebody else sets.
//! Lengths are in mm of patient space (LPS), f64 numbers arrive as they were.

use serde::{Deserialize, Serialize};

use crate::{MAX_VIEW_SIZE, bounded, short};

/// Positions and lengths lie within this distance of zero.
pub const MAX_MM: f64 = 1e9;
/// Values of voxels, as far as transfer functions name them.
pub const MAX_VALUE: f32 = 1e9;
/// Points of one track.
pub const MAX_POINTS: usize = 256;
pub const MAX_LIGHTS: usize = 4;
pub const MAX_LAYERS: usize = 4;
pub const MAX_CLIP_PLANES: usize = 9;
/// Points that a path is drawn through.
pub const MAX_PATH: usize = 512;
/// Colours of labels.
pub const MAX_LABELS: usize = 256;
/// Unit vectors and quaternions have this length, as nearly as arithmetic gives it.
const UNIT: std::ops::RangeInclusive<f64> = 0.999..=1.001;
/// Zoom factors and distances between samples.
const FACTORS: std::ops::RangeInclusive<f64> = 1e-4..=1e6;
/// Centres and widths of windows; LINEAR_EXACT and SIGMOID may be narrow.
const MAX_WINDOW: f64 = 1e6;
const MIN_WINDOW: f64 = 1e-6;

/// Where a view looks from, and through what window: what changes while a hand moves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Place {
    /// Width and height in pixels.
    pub size: [u32; 2],
    pub content: Shows,
    pub camera: Camera,
    pub plane: Plane,
    pub slab: Slab,
    /// How the `path` of the look is looked at, where there is one.
    pub curved: Option<Curved>,
    pub window: ShapedWindow,
    /// Small values are bright in slices and projections (in those of MONOCHROME1 dark).
    pub inverted: bool,
}

/// What a view shows; more exact than the `content` of a layout, which names first looks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "kind", rename_all = "camelCase", deny_unknown_fields)]
pub enum Shows {
    Volume,
    Cinematic,
    Projection {
        combine: Combine,
    },
    /// The surface where the volume rises to this value.
    Isosurface {
        value: f32,
    },
    Slice,
    /// A slice along a path, rolled out flat.
    Curved,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum Combine {
    Maximum,
    Minimum,
    Mean,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Camera {
    pub focal_point_mm: [f64; 3],
    /// Quaternion x, y, z, w; the camera looks along its own -z, y is up.
    pub patient_from_camera: [f64; 4],
    pub distance_mm: f64,
    pub view_angle_deg: f64,
    pub zoom: f64,
    pub parallel: bool,
    /// The eye's distance from the middle, to the right, for stereo.
    pub eye_mm: f64,
}

/// A rectangle of the patient mapped onto a view.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Plane {
    pub center_mm: [f64; 3],
    /// Unit vectors towards the view's right and bottom edge, at a right angle to each other.
    pub right: [f64; 3],
    pub down: [f64; 3],
    /// Width and height that fit into the view at zoom 1.
    pub fit_mm: [f64; 2],
    pub zoom: f64,
}

/// A thick slice; 0 mm is a plain cut.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Slab {
    pub thickness_mm: f64,
    pub combine: Combine,
}

/// A part of a rolled out path: the distance along it to the right, across it downwards.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Curved {
    /// What lies in the middle of the view.
    pub center_mm: [f64; 2],
    /// Length and height that fit into the view at zoom 1.
    pub fit_mm: [f64; 2],
    pub zoom: f64,
}

/// A smooth curve through points.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Path {
    pub drawn_mm: Vec<[f64; 3]>,
    /// Unit vector that the rolled out picture has downwards.
    pub down: [f64; 3],
}

/// A window and how brightness rises in it (PS3.3 C.11.2).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct ShapedWindow {
    pub center: f64,
    pub width: f64,
    pub shape: Shape,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "kind", rename_all = "camelCase", deny_unknown_fields)]
pub enum Shape {
    Linear,
    LinearExact,
    Sigmoid,
    /// The table of this index in the series' `outline`.
    Table {
        index: u16,
    },
}

/// How matter looks: changes seldom, and may be left out where it has not changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Look {
    pub transfer: Transfer,
    pub shading: Shading,
    pub pre_integrated: bool,
    pub lights: Vec<Light>,
    pub ambient_occlusion: bool,
    pub shadows: bool,
    pub depth_cue: Option<DepthCue>,
    pub clip: Clip,
    pub layers: Vec<Layer>,
    pub path: Option<Path>,
    /// The preset whose transfer function this is, unedited.
    pub preset: Option<String>,
    /// Samples along a ray are this many voxels apart.
    pub step_voxels: f64,
}

/// Three piecewise functions of a value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Transfer {
    /// Red, green and blue.
    pub colors: Vec<Point<[f32; 3]>>,
    pub opacities: Vec<Point<[f32; 1]>>,
    /// By the length of the gradient, in values per mm.
    pub gradient_opacities: Option<Vec<Point<[f32; 1]>>>,
}

/// At `value` the function has this level; components lie between 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct Point<L> {
    pub value: f32,
    pub level: L,
    pub curve: Curve,
}

/// How a function gets to its next point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum Curve {
    Linear,
    Step,
    Smooth,
}

/// Blinn-Phong weights.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Shading {
    pub ambient: f32,
    pub diffuse: f32,
    pub specular: f32,
    pub specular_power: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Light {
    /// The way that it travels, in the space that it is fixed to.
    pub direction: [f64; 3],
    /// Whether it turns with the camera; else it stays with the patient.
    pub with_camera: bool,
    pub color: [f32; 3],
}

/// Colours fade with their distance from the eye.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DepthCue {
    pub strength: f32,
    pub color: [f32; 3],
    /// From, to; those of the volume where it is null.
    pub range_mm: Option<[f64; 2]>,
}

/// What is cut away in three dimensions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Clip {
    /// First and last voxel of a box along columns, rows and slices.
    pub crop_voxels: Option<[[f64; 2]; 3]>,
    /// Along a slice.
    pub cut: Option<Cut>,
    pub planes: Vec<ClipPlane>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cut {
    pub plane: Plane,
    /// Whether what lies before the slice stays, seen by its viewer; else what lies behind it.
    pub near: bool,
}

/// What lies on the side that `normal` points to stays.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClipPlane {
    pub point_mm: [f64; 3],
    pub normal: [f64; 3],
}

/// Another open series, shown with the first by its place in the patient.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Layer {
    pub series_instance_uid: String,
    pub look: LayerLook,
    pub opacity: f32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "kind", rename_all = "camelCase", deny_unknown_fields)]
pub enum LayerLook {
    Values {
        transfer: Transfer,
    },
    /// Red, green, blue and opacity of each label from 0.
    Labels {
        colors: Vec<[f32; 4]>,
    },
}

fn point_mm(name: &str, point: [f64; 3]) -> Result<(), String> {
    point.iter().try_for_each(|x| bounded(name, *x, MAX_MM))
}

fn factor(name: &str, value: f64) -> Result<(), String> {
    match FACTORS.contains(&value) {
        true => Ok(()),
        false => Err(format!("`{name}` must lie between {} and {}", FACTORS.start(), FACTORS.end())),
    }
}

fn unit(name: &str, vector: &[f64]) -> Result<(), String> {
    match UNIT.contains(&vector.iter().map(|x| x * x).sum::<f64>().sqrt()) {
        true => Ok(()),
        false => Err(format!("`{name}` must have the length 1")),
    }
}

fn shares(name: &str, shares: &[f32]) -> Result<(), String> {
    match shares.iter().all(|share| (0.0..=1.0).contains(share)) {
        true => Ok(()),
        false => Err(format!("`{name}` must lie between 0 and 1")),
    }
}

pub(crate) fn few<T>(name: &str, list: &[T], most: usize) -> Result<(), String> {
    match list.len() <= most {
        true => Ok(()),
        false => Err(format!("`{name}` lists at most {most}")),
    }
}

impl Place {
    pub fn check(&self) -> Result<(), String> {
        if self.size.iter().any(|n| !(1..=MAX_VIEW_SIZE).contains(n)) {
            return Err(format!("a view's `size` must lie between 1 and {MAX_VIEW_SIZE} each"));
        }
        if let Shows::Isosurface { value } = self.content {
            bounded("value", f64::from(value), f64::from(MAX_VALUE))?;
        }
        self.camera.check()?;
        self.plane.check()?;
        self.curved.map_or(Ok(()), |curved| curved.check())?;
        self.window.check()?;
        match (0.0..=MAX_MM).contains(&self.slab.thickness_mm) {
            true => Ok(()),
            false => Err(format!("`thicknessMm` must lie between 0 and {MAX_MM}")),
        }
    }
}

impl Camera {
    fn check(&self) -> Result<(), String> {
        point_mm("focalPointMm", self.focal_point_mm)?;
        unit("patientFromCamera", &self.patient_from_camera)?;
        if !(1e-6..=MAX_MM).contains(&self.distance_mm) {
            return Err(format!("`distanceMm` must lie between 1e-6 and {MAX_MM}"));
        }
        if !(0.01..=179.0).contains(&self.view_angle_deg) {
            return Err("`viewAngleDeg` must lie between 0.01 and 179".into());
        }
        factor("zoom", self.zoom)?;
        bounded("eyeMm", self.eye_mm, MAX_MM)
    }
}

impl Plane {
    pub fn check(&self) -> Result<(), String> {
        point_mm("centerMm", self.center_mm)?;
        unit("right", &self.right)?;
        unit("down", &self.down)?;
        let cosine: f64 = self.right.iter().zip(self.down).map(|(a, b)| a * b).sum();
        if cosine.abs() > 1e-3 {
            return Err("`right` and `down` must be at a right angle".into());
        }
        fits(self.fit_mm)?;
        factor("zoom", self.zoom)
    }
}

impl Curved {
    fn check(&self) -> Result<(), String> {
        self.center_mm.iter().try_for_each(|mm| bounded("centerMm", *mm, MAX_MM))?;
        fits(self.fit_mm)?;
        factor("zoom", self.zoom)
    }
}

impl Path {
    fn check(&self) -> Result<(), String> {
        if !(2..=MAX_PATH).contains(&self.drawn_mm.len()) {
            return Err(format!("a path is drawn through 2 to {MAX_PATH} points"));
        }
        self.drawn_mm.iter().try_for_each(|point| point_mm("drawnMm", *point))?;
        unit("down", &self.down)
    }
}

fn fits(fit_mm: [f64; 2]) -> Result<(), String> {
    match fit_mm.iter().all(|mm| (1e-9..=MAX_MM).contains(mm)) {
        true => Ok(()),
        false => Err(format!("`fitMm` must lie between 1e-9 and {MAX_MM}")),
    }
}

impl ShapedWindow {
    fn check(&self) -> Result<(), String> {
        bounded("center", self.center, MAX_WINDOW)?;
        let least = match self.shape {
            Shape::Linear | Shape::Table { .. } => 1.0,
            Shape::LinearExact | Shape::Sigmoid => MIN_WINDOW,
        };
        match (least..=MAX_WINDOW).contains(&self.width) {
            true => Ok(()),
            false => Err(format!("`width` must lie between {least} and {MAX_WINDOW}")),
        }
    }
}

impl Look {
    pub fn check(&self) -> Result<(), String> {
        self.transfer.check()?;
        let Shading { ambient, diffuse, specular, specular_power } = self.shading;
        if [ambient, diffuse, specular].iter().any(|weight| !(0.0..=10.0).contains(weight)) {
            return Err("weights of `shading` must lie between 0 and 10".into());
        }
        if !(1..=128).contains(&specular_power) {
            return Err("`specularPower` must lie between 1 and 128".into());
        }
        few("lights", &self.lights, MAX_LIGHTS)?;
        for light in &self.lights {
            light.direction.iter().try_for_each(|x| bounded("direction", *x, MAX_MM))?;
            light.color.iter().try_for_each(|x| match (0.0..=10.0).contains(x) {
                true => Ok(()),
                false => Err("a light's `color` must lie between 0 and 10".to_owned()),
            })?;
        }
        if let Some(DepthCue { strength, color, range_mm }) = self.depth_cue {
            shares("strength", &[strength])?;
            shares("color", &color)?;
            range_mm.iter().flatten().try_for_each(|mm| bounded("rangeMm", *mm, MAX_MM))?;
        }
        self.clip.check()?;
        few("layers", &self.layers, MAX_LAYERS)?;
        self.layers.iter().try_for_each(Layer::check)?;
        self.path.as_ref().map_or(Ok(()), Path::check)?;
        self.preset.as_deref().map_or(Ok(()), |name| short("preset", name))?;
        match (0.05..=64.0).contains(&self.step_voxels) {
            true => Ok(()),
            false => Err("`stepVoxels` must lie between 0.05 and 64".into()),
        }
    }
}

impl Clip {
    fn check(&self) -> Result<(), String> {
        self.crop_voxels.iter().flatten().flatten().try_for_each(|x| bounded("cropVoxels", *x, 1e6))?;
        self.cut.map_or(Ok(()), |cut| cut.plane.check())?;
        few("planes", &self.planes, MAX_CLIP_PLANES)?;
        self.planes.iter().try_for_each(|plane| {
            point_mm("pointMm", plane.point_mm)?;
            plane.normal.iter().try_for_each(|x| bounded("normal", *x, MAX_MM))
        })
    }
}

impl Layer {
    fn check(&self) -> Result<(), String> {
        short("seriesInstanceUid", &self.series_instance_uid)?;
        shares("opacity", &[self.opacity])?;
        match &self.look {
            LayerLook::Values { transfer } => transfer.check(),
            LayerLook::Labels { colors } => {
                few("colors", colors, MAX_LABELS)?;
                shares("colors", colors.as_flattened())
            }
        }
    }
}

impl Transfer {
    fn check(&self) -> Result<(), String> {
        track("colors", &self.colors)?;
        track("opacities", &self.opacities)?;
        self.gradient_opacities.as_ref().map_or(Ok(()), |points| track("gradientOpacities", points))
    }
}

fn track<L: AsRef<[f32]>>(name: &str, points: &[Point<L>]) -> Result<(), String> {
    if points.is_empty() || points.len() > MAX_POINTS {
        return Err(format!("`{name}` has 1 to {MAX_POINTS} points"));
    }
    let rises = points.windows(2).all(|pair| pair[0].value < pair[1].value);
    if !rises || points.iter().any(|point| point.value.is_nan() || point.value.abs() > MAX_VALUE) {
        return Err(format!("the points of `{name}` must rise and lie between ±{MAX_VALUE}"));
    }
    points.iter().try_for_each(|point| shares(name, point.level.as_ref()))
}
