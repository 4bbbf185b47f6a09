//! One viewport's state: everything a picture depends on besides the volume.

use glam::{DQuat, DVec3};

use super::camera::Camera;
use super::clip::Clip;
use super::curved::Curved;
use super::layer::Layer;
use super::light::{DepthCue, Light};
use super::preset::{Origin, Preset, PresetLibrary, Shading};
use super::transfer::TransferFunction;
use crate::Outlined;
pub use crate::render::MAX_SIZE;
use crate::render::{Effects, OPAQUE_BELOW};
use crate::window::{CT_MIP_WINDOW, Window};
pub use kernels::render::Combine;

/// What a viewport shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Content {
    /// Shaded volume rendering with the view's transfer function.
    Volume,
    /// The same matter in the light of a studio, gathered from pass to pass (`cinematic`). What draws
    /// single pictures draws the shaded volume in its stead.
    Cinematic,
    /// Maximum, minimum or mean intensity along the line of sight, windowed.
    Projection(Combine),
    /// The surface where the volume rises to this value.
    Isosurface(f32),
    /// A cut along the view's plane, windowed.
    Slice,
    /// A cut along the view's `curved` path, rolled out and windowed; nothing where there is none.
    Curved,
}

impl Content {
    pub const MIP: Self = Self::Projection(Combine::Maximum);

    /// What a single picture shows: refining views are shown so while they move.
    pub fn in_one_picture(self) -> Self {
        match self {
            Self::Cinematic => Self::Volume,
            other => other,
        }
    }

    /// Whether it is a cut through the volume, flat or rolled out, and nothing that a camera sees.
    pub fn is_cut(self) -> bool {
        matches!(self, Self::Slice | Self::Curved)
    }
}

/// A thick slice, centred on the plane. 0 mm is a plain cut.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slab {
    pub thickness_mm: f64,
    pub combine: Combine,
}

/// A rectangle of the patient mapped onto the view.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plane {
    /// What lies in the middle of the view.
    pub center_mm: DVec3,
    /// Unit vector towards the right edge of the view, in patient space.
    pub right: DVec3,
    /// Unit vector towards the bottom edge, at a right angle to `right`.
    pub down: DVec3,
    /// Width and height that fit into the view at zoom 1.
    pub fit_mm: [f64; 2],
    pub zoom: f64,
}

/// The three standard orientations, with the patient's right on the viewer's left and the head or
/// the front on top.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Orientation {
    Axial,
    Coronal,
    Sagittal,
}

impl Orientation {
    /// Unit vectors (right, down) of the view in patient space.
    pub fn axes(self) -> (DVec3, DVec3) {
        match self {
            Self::Axial => (DVec3::X, DVec3::Y),
            Self::Coronal => (DVec3::X, DVec3::NEG_Z),
            Self::Sagittal => (DVec3::Y, DVec3::NEG_Z),
        }
    }
}

impl Plane {
    /// A standard cut through the middle of the volume that shows all of it.
    pub fn standard(orientation: Orientation, volume: &dyn Outlined) -> Self {
        let (right, down) = orientation.axes();
        let geometry = volume.geometry();
        let mut plane = Self {
            center_mm: geometry.center_mm(),
            right,
            down,
            fit_mm: [geometry.extent_mm(right), geometry.extent_mm(down)],
            zoom: 1.0,
        };
        // The middle of an even number of slices lies between two: show a real one.
        plane.snap(volume);
        plane
    }

    /// Unit vector that paging to the next slice follows: head to feet, front to back, right to
    /// left.
    pub fn scroll_direction(&self) -> DVec3 {
        let normal = self.right.cross(self.down);
        let a = normal.abs();
        let positive = if a.z >= a.x && a.z >= a.y {
            normal.z < 0.0
        } else if a.y >= a.x {
            normal.y > 0.0
        } else {
            normal.x > 0.0
        };
        if positive { normal } else { -normal }
    }

    /// Distance between slices when paging: the voxel spacing along the plane's normal.
    pub fn slice_spacing_mm(&self, volume: &dyn Outlined) -> f64 {
        let m = volume.geometry().voxel_from_patient().matrix3;
        let per_mm = m * self.scroll_direction();
        // The axis that the normal follows most closely counts one voxel per this many mm.
        1.0 / per_mm.abs().max_element()
    }

    /// (number of this slice from 1, number of slices) along the paging direction.
    pub fn slice_number(&self, volume: &dyn Outlined) -> (i64, i64) {
        let (first_mm, spacing, count) = self.slices(volume);
        let index = ((self.center_mm.dot(self.scroll_direction()) - first_mm) / spacing).round() as i64;
        (index + 1, count)
    }

    /// Pages by whole slices, stopping at the first and last.
    pub fn scroll(&mut self, slices: i64, volume: &dyn Outlined) {
        let (first_mm, spacing, count) = self.slices(volume);
        let along = self.scroll_direction();
        let here = self.center_mm.dot(along);
        let index = ((here - first_mm) / spacing).round() as i64;
        let wanted = index.saturating_add(slices).clamp(0, count - 1);
        self.center_mm += along * (first_mm + wanted as f64 * spacing - here);
    }

    /// Moves onto the nearest slice.
    pub fn snap(&mut self, volume: &dyn Outlined) {
        self.scroll(0, volume);
    }

    fn slices(&self, volume: &dyn Outlined) -> (f64, f64, i64) {
        let along = self.scroll_direction();
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for corner in volume.geometry().corners_mm() {
            low = low.min(corner.dot(along));
            high = high.max(corner.dot(along));
        }
        let spacing = self.slice_spacing_mm(volume);
        (low, spacing, ((high - low) / spacing).round() as i64 + 1)
    }

    /// Millimetres per pixel when the view has this size.
    pub fn mm_per_pixel(&self, size: [u32; 2]) -> f64 {
        let fit = (0..2).map(|i| self.fit_mm[i] / f64::from(size[i].max(1))).fold(1e-6, f64::max);
        fit / self.zoom
    }

    /// Patient position of a point of the view, in pixels from the top left corner.
    pub fn patient_from_pixel(&self, at: [f64; 2], size: [u32; 2]) -> DVec3 {
        let mm = self.mm_per_pixel(size);
        let offset = |i: usize| (at[i] - f64::from(size[i]) / 2.0) * mm;
        self.center_mm + self.right * offset(0) + self.down * offset(1)
    }

    /// Where a patient position falls in the view, in pixels from the top left corner, and its
    /// distance from the plane in mm.
    pub fn pixel_from_patient(&self, point_mm: DVec3, size: [u32; 2]) -> ([f64; 2], f64) {
        let mm = self.mm_per_pixel(size);
        let offset = point_mm - self.center_mm;
        let pixel = [
            offset.dot(self.right) / mm + f64::from(size[0]) / 2.0,
            offset.dot(self.down) / mm + f64::from(size[1]) / 2.0,
        ];
        (pixel, offset.dot(self.right.cross(self.down)))
    }

    /// The standard orientation that it comes nearest.
    pub fn nearest_orientation(&self) -> Orientation {
        match self.normal().abs().max_position() {
            0 => Orientation::Sagittal,
            1 => Orientation::Coronal,
            _ => Orientation::Axial,
        }
    }

    /// Unit vector into the picture, away from the viewer.
    pub fn normal(&self) -> DVec3 {
        self.right.cross(self.down)
    }

    /// Left and right change places.
    pub fn flip_horizontal(&mut self) {
        self.right = -self.right;
    }

    /// Top and bottom change places.
    pub fn flip_vertical(&mut self) {
        self.down = -self.down;
    }

    /// Turns the picture clockwise, as the viewer sees it.
    pub fn turn(&mut self, degrees: f64) {
        let (sin, cos) = exact_sin_cos(degrees);
        let (right, down) = (self.right, self.down);
        self.right = (right * cos - down * sin).normalize_or(right);
        self.down = (down * cos + right * sin).normalize_or(down);
    }

    /// Tilts the plane about an axis through a point of the patient that stays where it is in it.
    pub fn tilt(&mut self, axis: DVec3, degrees: f64, pivot_mm: DVec3) {
        let Some(axis) = axis.try_normalize().filter(|_| degrees.is_finite() && pivot_mm.is_finite()) else {
            return;
        };
        let turn = DQuat::from_axis_angle(axis, degrees.to_radians());
        let right = (turn * self.right).normalize();
        // Rounding must not add up to a sheared picture.
        let down = turn * self.down;
        self.down = (down - right * down.dot(right)).normalize();
        self.right = right;
        self.center_mm = pivot_mm + turn * (self.center_mm - pivot_mm);
    }

    pub fn zoom_by(&mut self, factor: f64) {
        if factor.is_finite() && factor > 0.0 {
            self.zoom = (self.zoom * factor).clamp(0.05, 100.0);
        }
    }

    /// Shifts the picture by pixels (right, down).
    pub fn pan(&mut self, dx: f64, dy: f64, size: [u32; 2]) {
        let mm = self.mm_per_pixel(size);
        self.center_mm -= (self.right * dx + self.down * dy) * mm;
    }
}

/// Quarter turns keep the axes of a standard view exact.
fn exact_sin_cos(degrees: f64) -> (f64, f64) {
    match degrees.rem_euclid(360.0) {
        0.0 => (0.0, 1.0),
        90.0 => (1.0, 0.0),
        180.0 => (0.0, -1.0),
        270.0 => (-1.0, 0.0),
        other => other.to_radians().sin_cos(),
    }
}

/// State of one viewport. `revision` rises with every change, so a frame can say what it shows.
#[derive(Clone, Debug, PartialEq)]
pub struct ViewState {
    pub revision: u64,
    /// Width and height in pixels.
    pub size: [u32; 2],
    pub content: Content,
    pub camera: Camera,
    pub plane: Plane,
    pub slab: Slab,
    /// The path of `Content::Curved`.
    pub curved: Option<Curved>,
    pub window: Window,
    /// Slices and projections show small values bright (and those of MONOCHROME1 dark).
    pub inverted: bool,
    pub transfer: TransferFunction,
    pub shading: Shading,
    /// Looks up the transfer function's mean between neighbouring samples in place of single
    /// values: coarse steps then show no rings.
    pub pre_integrated: bool,
    /// Of shaded views; the first `MAX_LIGHTS` count, and the first casts shadows.
    pub lights: Vec<Light>,
    pub effects: Effects,
    pub depth_cue: Option<DepthCue>,
    /// Of all but slices.
    pub clip: Clip,
    /// Laid over the volume in this order; the first `MAX_LAYERS` count.
    pub layers: Vec<Layer>,
    /// The preset that the transfer function came from.
    pub preset: Option<Origin>,
    /// Samples are this many voxels apart (of the smallest spacing).
    pub step_voxels: f64,
    /// Rays through a shaded volume end when less than this part of the light is left.
    pub opaque_below: f64,
}

impl ViewState {
    /// How many voxels samples are apart unless somebody asks for others: from one voxel on, lit skin and bone show rings
    /// like wood.
    pub const FINE_STEP: f64 = 0.5;

    /// The first look at a volume.
    pub fn new(volume: &dyn Outlined, content: Content, orientation: Orientation, size: [u32; 2]) -> Self {
        let is_ct = volume.meaning().modality == "CT";
        let window = match content {
            // Bone fills a projection; a soft tissue window would show it as one white mass.
            Content::MIP if is_ct => CT_MIP_WINDOW,
            _ => volume.default_window(),
        };
        let size = size.map(|n| n.clamp(1, MAX_SIZE));
        let mut camera = Camera::anterior(volume.geometry());
        camera.fit(volume.geometry(), size);
        let mut view = Self {
            revision: 0,
            size,
            content,
            camera,
            plane: Plane::standard(orientation, volume),
            slab: Slab { thickness_mm: 0.0, combine: Combine::Mean },
            curved: None,
            window,
            inverted: false,
            transfer: TransferFunction::tissue(window),
            shading: Shading::default(),
            pre_integrated: false,
            lights: vec![Light::HEADLIGHT],
            effects: Effects::default(),
            depth_cue: None,
            clip: Clip::default(),
            layers: Vec::new(),
            preset: None,
            step_voxels: Self::FINE_STEP,
            opaque_below: f64::from(OPAQUE_BELOW),
        };
        if let Some(preset) = Preset::first_for(&volume.meaning().modality) {
            view.apply_preset(preset, volume);
        }
        view
    }

    pub fn apply_preset(&mut self, preset: &Preset, volume: &dyn Outlined) {
        self.transfer = preset.transfer_for(volume);
        self.shading = preset.shading;
        let (name, label) = (preset.name.clone(), preset.label.clone());
        self.preset = Some(Origin { name, label, transfer: self.transfer.clone() });
        self.touch();
    }

    /// Whether the look is still the one of its preset.
    pub fn shows_preset(&self) -> bool {
        self.preset.as_ref().is_some_and(|origin| origin.transfer == self.transfer)
    }

    /// Takes over a preset that was edited while its look is shown.
    pub fn refresh_preset(&mut self, presets: &PresetLibrary, volume: &dyn Outlined) {
        let shown = self.preset.as_ref().filter(|_| self.shows_preset());
        let Some(preset) = shown.and_then(|origin| presets.find(&origin.name)) else { return };
        let mut next = self.clone();
        next.apply_preset(preset, volume);
        if next.preset != self.preset || next.shading != self.shading {
            *self = next;
        }
    }

    /// Windows slices and projections; in a volume view it sets the opacity ramp and keeps the
    /// colours.
    pub fn set_window(&mut self, window: Window) {
        self.window = window;
        if self.content.in_one_picture() == Content::Volume {
            self.transfer = self.transfer.with_opacity_window(window);
        }
        self.touch();
    }

    pub fn set_size(&mut self, size: [u32; 2]) {
        let size = size.map(|n| n.clamp(1, MAX_SIZE));
        if size != self.size {
            self.size = size;
            self.touch();
        }
    }

    /// The same, and a volume stays as large as it was against `fitting_zoom`.
    pub fn refit(&mut self, size: [u32; 2], volume: &dyn Outlined) {
        let before = self.fitting_zoom(volume);
        self.set_size(size);
        let after = self.fitting_zoom(volume);
        if before != after {
            self.camera.set_zoom(self.camera.zoom * after / before);
        }
    }

    /// The zoom with which the whole volume, seen from the front, just fits into the picture.
    pub fn fitting_zoom(&self, volume: &dyn Outlined) -> f64 {
        let mut camera = Camera::anterior(volume.geometry());
        camera.projection = self.camera.projection;
        camera.fit(volume.geometry(), self.size);
        camera.zoom
    }

    /// Shows something else in this view. Projections and slices look best in different windows, so
    /// each starts with its own.
    pub fn set_content(&mut self, content: Content, volume: &dyn Outlined) {
        if content != self.content {
            self.content = content;
            self.window = Self::new(volume, content, Orientation::Axial, self.size).window;
            self.touch();
        }
    }

    /// Back to the first look, keeping size and content.
    pub fn reset(&mut self, volume: &dyn Outlined) {
        let (revision, curved) = (self.revision, self.curved.take());
        *self = Self::new(volume, self.content, self.plane.nearest_orientation(), self.size);
        self.curved = curved.map(|curved| Curved::new(curved.path, volume));
        self.revision = revision;
        self.touch();
    }

    /// Marks a change.
    pub fn touch(&mut self) {
        self.revision += 1;
    }
}
