//! The flags that say how a volume is shown, and what they do to a view.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use glam::DVec3;
use render_core::Volume;
use render_core::render::{Effects, MAX_LIGHTS};
use render_core::scene::camera::Projection;
use render_core::scene::clip::{ClipPlane, MAX_PLANES, Side};
use render_core::scene::color_map::ColorMap;
use render_core::scene::layer::{Layer, Look as Overlay};
use render_core::scene::light::{DepthCue, Fixture, Light};
use render_core::scene::view::{Combine, Content, Orientation, Plane, ViewState};

use crate::cli::Source;
use crate::{output, study};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Shaded volume
    Dvr,
    /// Maximum intensity projection
    Mip,
    /// Minimum intensity projection
    Minip,
    /// Mean intensity projection
    Mean,
    /// Surface at the value of --iso
    Iso,
    /// Light of a studio, followed path by path through the volume: the more --samples, the less noise
    Cinematic,
    /// Slice through the middle, seen from the feet
    Axial,
    /// Slice through the middle, seen from the front
    Coronal,
    /// Slice through the middle, seen from the left
    Sagittal,
}

#[derive(Debug, Args)]
pub struct Look {
    /// What to show
    #[arg(long, value_enum, default_value_t = Mode::Dvr)]
    pub mode: Mode,
    /// Value of the surface for --mode iso
    #[arg(long, value_parser = crate::cli::finite, default_value_t = 300.0, allow_hyphen_values = true,
          value_name = "VALUE")]
    pub iso: f64,
    /// perspective, or parallel rays, which keep sizes the same at every depth
    #[arg(long, value_enum, default_value_t = ProjectionArg::Perspective)]
    pub projection: ProjectionArg,
    /// Two pictures side by side, each of --size, left eye first, for eyes this far apart in the patient
    #[arg(long, value_parser = separation, value_name = "MM")]
    pub stereo: Option<f64>,
    /// A light by the direction it shines in: right, up, towards the viewer, so 0,0,-1 shines from
    /// the viewer; after `patient:` in patient space (LPS). With three more numbers its colour, 1 is
    /// full. Up to four; without any, a white one shines from the viewer
    #[arg(long = "light", allow_hyphen_values = true, value_name = "[patient:]X,Y,Z[,R,G,B]")]
    pub lights: Vec<LightArg>,
    /// Show only a box: first and last voxel along columns, rows and slices
    #[arg(long, value_name = "X:X,Y:Y,Z:Z")]
    pub crop: Option<Crop>,
    /// Show only the side of a plane that its normal points to: a point (LPS, mm) and the normal. Up
    /// to nine
    #[arg(long = "clip-plane", allow_hyphen_values = true, value_name = "X,Y,Z,NX,NY,NZ")]
    pub clip_planes: Vec<PlaneArg>,
    /// Cut along a slice and show what is near its viewer or far: axial, coronal or sagittal, `near`
    /// or `far`, and the slice's position (LPS, mm) if it is not the middle
    #[arg(long, allow_hyphen_values = true, value_name = "SLICE,SIDE[,MM]")]
    pub cut_plane: Option<Cut>,
    /// Fade distant parts to black by this much, 0 to 1; between two distances from the eye in mm if
    /// given, else over the whole volume
    #[arg(long, value_name = "STRENGTH[,NEAR,FAR]")]
    pub depth_cue: Option<Cue>,
    /// Use the transfer function's mean between samples: coarse steps show no rings
    #[arg(long)]
    pub pre_integrated: bool,
    /// Darken hollows
    #[arg(long)]
    pub ambient_occlusion: bool,
    /// Let matter cast soft shadows from the first light
    #[arg(long)]
    pub shadows: bool,
    /// Distance of samples in voxels of the smallest spacing
    #[arg(long, value_parser = step, default_value_t = ViewState::FINE_STEP, value_name = "VOXELS")]
    pub step: f64,
}

/// Other volumes to show with the first.
#[derive(Debug, Args)]
pub struct Overlays {
    /// Lay a second volume over the first in colour: DICOM file, folder or DICOMDIR
    #[arg(long, value_name = "PATH")]
    pub fuse: Option<PathBuf>,
    /// Colour map of --fuse, for example hot_iron, pet or viridis
    #[arg(long, default_value = "hot_iron", value_name = "NAME")]
    pub fuse_map: String,
    /// Values of --fuse that get the map's first and last colour; its own window otherwise
    #[arg(long, value_parser = range, allow_hyphen_values = true, value_name = "LOW,HIGH")]
    pub fuse_range: Option<[f32; 2]>,
    /// Colour the regions of a volume whose values are the numbers of labels
    #[arg(long, value_name = "PATH")]
    pub labels: Option<PathBuf>,
    /// Opacity of --fuse and --labels, 0 to 1
    #[arg(long, value_parser = share, default_value_t = 0.6, value_name = "SHARE")]
    pub overlay_opacity: f32,
}

impl Overlays {
    pub fn is_empty(&self) -> bool {
        self.fuse.is_none() && self.labels.is_none()
    }

    /// The layers in the order they are laid over a volume of this Frame of Reference.
    pub fn open(&self, frame_of_reference_uid: &str) -> Result<Vec<Layer>> {
        let open = |path: &Path| -> Result<_> {
            let (loaded, series) = study::open_with_series(&Source {
                path: path.to_owned(),
                series: None,
                straighten_tilt: false,
            })?;
            let frame = series.frame_of_reference_uid();
            if frame != frame_of_reference_uid && !frame.is_empty() && !frame_of_reference_uid.is_empty() {
                output::note(format_args!(
                    "warning: {} has another frame of reference, so its place over the volume is a guess",
                    path.display()
                ));
            }
            Ok(loaded.volume)
        };
        let mut layers = Vec::new();
        if let Some(path) = &self.fuse {
            let map = ColorMap::find(&self.fuse_map).with_context(|| {
                let names: Vec<&str> = ColorMap::all().iter().map(|map| map.name).collect();
                format!("--fuse-map {}: there are {}", self.fuse_map, names.join(", "))
            })?;
            let volume = open(path)?;
            let [low, high] = self.fuse_range.unwrap_or_else(|| {
                let window = volume.default_window();
                [-0.5, 0.5].map(|side| (window.center() + side * window.width()) as f32)
            });
            let look = Overlay::color_map(map, low, high).context("--fuse-range")?;
            layers.push(Layer { volume, look, opacity: self.overlay_opacity });
        }
        if let Some(path) = &self.labels {
            let volume = open(path)?;
            let (low, high) = volume.value_range();
            if low < 0.0 || high > MAX_LABEL {
                bail!(
                    "--labels {}: values run from {low} to {high}, labels from 0 to {MAX_LABEL}",
                    path.display()
                );
            }
            let look = Overlay::labels(high as usize);
            layers.push(Layer { volume, look, opacity: self.overlay_opacity });
        }
        Ok(layers)
    }
}

/// Label volumes have at most 16 bits.
const MAX_LABEL: f32 = 65_535.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProjectionArg {
    Perspective,
    Parallel,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LightArg(Light);

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Crop([[f64; 2]; 3]);

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlaneArg(ClipPlane);

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cut {
    orientation: Orientation,
    side: Side,
    at_mm: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cue(DepthCue);

impl Look {
    pub fn content(&self) -> (Content, Orientation) {
        let content = match self.mode {
            Mode::Dvr | Mode::Cinematic => Content::Volume,
            Mode::Mip => Content::MIP,
            Mode::Minip => Content::Projection(Combine::Minimum),
            Mode::Mean => Content::Projection(Combine::Mean),
            Mode::Iso => Content::Isosurface(self.iso as f32),
            Mode::Axial | Mode::Coronal | Mode::Sagittal => Content::Slice,
        };
        let orientation = match self.mode {
            Mode::Coronal => Orientation::Coronal,
            Mode::Sagittal => Orientation::Sagittal,
            _ => Orientation::Axial,
        };
        (content, orientation)
    }

    /// What is wrong with flags that are right one by one.
    pub fn check(&self) -> Result<(), String> {
        if self.lights.len() > MAX_LIGHTS {
            return Err(format!("--light: {} lights; up to {MAX_LIGHTS} are possible", self.lights.len()));
        }
        if self.clip_planes.len() > MAX_PLANES {
            let count = self.clip_planes.len();
            return Err(format!("--clip-plane: {count} planes; up to {MAX_PLANES} are possible"));
        }
        if self.stereo.is_some() && self.content().0 == Content::Slice {
            return Err("--stereo: a slice looks the same to both eyes".into());
        }
        Ok(())
    }

    /// Changes a view that shows `content`.
    pub fn apply(&self, view: &mut ViewState, volume: &Volume) {
        view.camera.projection = match self.projection {
            ProjectionArg::Perspective => Projection::Perspective,
            ProjectionArg::Parallel => Projection::Parallel,
        };
        view.camera.fit(volume.geometry(), view.size);
        if !self.lights.is_empty() {
            view.lights = self.lights.iter().map(|light| light.0).collect();
        }
        view.clip.crop_voxels = self.crop.map(|crop| crop.0);
        view.clip.planes = self.clip_planes.iter().map(|plane| plane.0).collect();
        view.clip.cut = self.cut_plane.map(|cut| {
            let mut plane = Plane::standard(cut.orientation, volume);
            if let Some(mm) = cut.at_mm {
                let normal = plane.scroll_direction();
                let axis = normal.abs().max_position();
                plane.center_mm[axis] = mm;
            }
            (plane, cut.side)
        });
        view.depth_cue = self.depth_cue.map(|cue| cue.0);
        view.pre_integrated = self.pre_integrated;
        view.effects = Effects { ambient_occlusion: self.ambient_occlusion, shadows: self.shadows };
        view.step_voxels = self.step;
    }
}

impl FromStr for LightArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (fixture, list) = match text.strip_prefix("patient:") {
            Some(rest) => (Fixture::Patient, rest),
            None => (Fixture::Camera, text),
        };
        let (direction, color) = match numbers(list).as_deref() {
            Some(&[x, y, z]) => (DVec3::new(x, y, z), [1.0; 3]),
            Some(&[x, y, z, r, g, b]) if [r, g, b].iter().all(|c| (0.0..=4.0).contains(c)) => {
                (DVec3::new(x, y, z), [r as f32, g as f32, b as f32])
            }
            _ => return Err("write x,y,z or x,y,z,r,g,b with colours from 0 to 4".into()),
        };
        unit(direction).ok_or("the direction 0,0,0 points nowhere")?;
        Ok(Self(Light { direction, fixture, color }))
    }
}

impl FromStr for Crop {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let ranges: Option<Vec<[f64; 2]>> = text
            .split(',')
            .map(|range| {
                let (low, high) = range.split_once(':')?;
                let ends = [one(low)?, one(high)?];
                (ends[0] <= ends[1]).then_some(ends)
            })
            .collect();
        match ranges.as_deref() {
            Some(&[x, y, z]) => Ok(Self([x, y, z])),
            _ => Err("write three ranges of voxels, for example 0:255,100:300,20:80".into()),
        }
    }
}

impl FromStr for PlaneArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some(&[x, y, z, a, b, c]) = numbers(text).as_deref() else {
            return Err("write a point and a normal as x,y,z,nx,ny,nz".into());
        };
        let normal = unit(DVec3::new(a, b, c)).ok_or("the normal 0,0,0 points nowhere")?;
        Ok(Self(ClipPlane { point_mm: DVec3::new(x, y, z), normal }))
    }
}

impl FromStr for Cut {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split(',').map(str::trim).collect();
        let orientation = match parts.first() {
            Some(&"axial") => Orientation::Axial,
            Some(&"coronal") => Orientation::Coronal,
            Some(&"sagittal") => Orientation::Sagittal,
            _ => return Err("begin with axial, coronal or sagittal, for example coronal,far".into()),
        };
        let side = match parts.get(1) {
            Some(&"near") => Side::Near,
            Some(&"far") => Side::Far,
            _ => return Err("say which side to show: near or far, for example coronal,far".into()),
        };
        let at_mm = match parts.get(2..) {
            Some([]) => None,
            Some([mm]) => Some(one(mm).ok_or("the position is a number of mm")?),
            _ => return Err("nothing follows the position, for example coronal,far,-120".into()),
        };
        Ok(Self { orientation, side, at_mm })
    }
}

impl FromStr for Cue {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (strength, range_mm) = match numbers(text).as_deref() {
            Some(&[strength]) => (strength, None),
            Some(&[strength, near, far]) if 0.0 <= near && near < far => (strength, Some([near, far])),
            _ => return Err("write a strength, or strength,near,far with near below far".into()),
        };
        if !(0.0..=1.0).contains(&strength) {
            return Err("the strength lies between 0 and 1".into());
        }
        Ok(Self(DepthCue { strength: strength as f32, range_mm, ..DepthCue::DEFAULT }))
    }
}

fn one(text: &str) -> Option<f64> {
    crate::cli::finite(text).ok()
}

fn numbers(text: &str) -> Option<Vec<f64>> {
    text.split(',').map(one).collect()
}

fn unit(direction: DVec3) -> Option<DVec3> {
    direction.try_normalize()
}

fn separation(text: &str) -> Result<f64, String> {
    one(text).filter(|mm| mm.abs() <= 1000.0).ok_or_else(|| "write a number from -1000 to 1000".into())
}

fn range(text: &str) -> Result<[f32; 2], String> {
    match numbers(text).as_deref() {
        Some(&[low, high]) if (low as f32) < high as f32 => Ok([low as f32, high as f32]),
        _ => Err("write low,high with low below high".into()),
    }
}

fn share(text: &str) -> Result<f32, String> {
    one(text)
        .filter(|share| (0.0..=1.0).contains(share))
        .map(|share| share as f32)
        .ok_or_else(|| "write a number from 0 to 1".into())
}

pub fn step(text: &str) -> Result<f64, String> {
    one(text).filter(|step| (0.1..=16.0).contains(step)).ok_or_else(|| "write a number from 0.1 to 16".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lights_are_fixed_to_the_camera_or_the_patient() {
        let light = "1,-0.5,-1".parse::<LightArg>().unwrap().0;
        assert_eq!((light.fixture, light.color), (Fixture::Camera, [1.0; 3]));
        let light = "patient:0,1,0,1,0.5,0".parse::<LightArg>().unwrap().0;
        assert_eq!((light.fixture, light.color), (Fixture::Patient, [1.0, 0.5, 0.0]));
        for wrong in ["0,0,0", "1,2", "nan,0,1", "1,0,0,9,0,0", "world:1,0,0", "1,0,inf", "1e400,0,1", ""] {
            assert!(wrong.parse::<LightArg>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn clips_and_cues_are_read_or_refused() {
        assert_eq!("0:9,1:2,3:3".parse::<Crop>().unwrap().0, [[0.0, 9.0], [1.0, 2.0], [3.0, 3.0]]);
        for wrong in ["0:9,1:2", "5:1,0:1,0:1", "0:nan,0:1,0:1", "a", "1:2:3,0:1,0:1"] {
            assert!(wrong.parse::<Crop>().is_err(), "{wrong}");
        }
        assert!("0,0,0,0,0,1".parse::<PlaneArg>().is_ok());
        assert!("0,0,0,0,0,0".parse::<PlaneArg>().is_err() && "1,2,3".parse::<PlaneArg>().is_err());
        let cut = "sagittal,near,-12.5".parse::<Cut>().unwrap();
        assert_eq!((cut.side, cut.at_mm), (Side::Near, Some(-12.5)));
        for wrong in ["axial", "oblique,near", "axial,left", "axial,near,x", "axial,near,1,2"] {
            assert!(wrong.parse::<Cut>().is_err(), "{wrong}");
        }
        assert_eq!("0.5,10,20".parse::<Cue>().unwrap().0.range_mm, Some([10.0, 20.0]));
        for wrong in ["2", "0.5,20,10", "0.5,10", "nan"] {
            assert!(wrong.parse::<Cue>().is_err(), "{wrong}");
        }
    }
}
