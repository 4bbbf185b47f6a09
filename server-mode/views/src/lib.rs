//! A view's state and a volume's outline, from render-core's types to those of the wire and back, number by number:
//! what comes back is equal to what went.
//!
//! ```text
//! ViewState -> place, look -> client's `set` -> set_look, set_place -> ViewState     the same picture
//! Volume    -> outline     -> `seriesOpened` -> read_outline        -> Outline       the same tools
//! voxels    -> protocol::voxels -> Arrival                          -> Volume        the same values
//! ```

mod arrival;
mod outline;
mod uptake;

use std::sync::Arc;

use glam::{DQuat, DVec3};
use protocol::scene as wire;
use render_core::scene::camera::Projection;
use render_core::scene::clip::{Clip, ClipPlane, Side};
use render_core::scene::layer::{Layer, Look};
use render_core::scene::light::{DepthCue, Fixture, Light};
use render_core::scene::preset::{Origin, Shading};
use render_core::scene::track::{Curve, Point, Track};
use render_core::scene::view::{Combine, Slab};
use render_core::scene::{Camera, Content, Plane, TransferFunction, ViewState};
use render_core::window::Shape;
use render_core::{Volume, Window};

pub use arrival::{Arrival, ArrivalError};
pub use outline::{outline, read_outline};
pub use uptake::{first_look, first_window, suv_windows, window_of_numbers};

/// What a layout would call what a view shows.
pub fn kind(view: &ViewState) -> protocol::Content {
    match view.content {
        Content::Volume | Content::Isosurface(_) => protocol::Content::Volume,
        Content::Cinematic => protocol::Content::Cinematic,
        Content::Projection(Combine::Maximum) => protocol::Content::Mip,
        Content::Projection(Combine::Minimum) => protocol::Content::Minip,
        Content::Projection(Combine::Mean) => protocol::Content::Mean,
        Content::Slice | Content::Curved => {
            let along = view.plane.scroll_direction().abs();
            if along.z >= along.x.max(along.y) {
                protocol::Content::Axial
            } else if along.y >= along.x {
                protocol::Content::Coronal
            } else {
                protocol::Content::Sagittal
            }
        }
    }
}

/// What changes while a hand moves.
pub fn place(view: &ViewState) -> wire::Place {
    let Camera { focal_point_mm, patient_from_camera, distance_mm, view_angle_deg, zoom, projection, eye_mm } =
        view.camera;
    wire::Place {
        size: view.size,
        content: match view.content {
            Content::Volume => wire::Shows::Volume,
            Content::Cinematic => wire::Shows::Cinematic,
            Content::Projection(combine) => wire::Shows::Projection { combine: combine_out(combine) },
            Content::Isosurface(value) => wire::Shows::Isosurface { value },
            Content::Slice => wire::Shows::Slice,
            Content::Curved => wire::Shows::Curved,
        },
        camera: wire::Camera {
            focal_point_mm: focal_point_mm.to_array(),
            patient_from_camera: patient_from_camera.to_array(),
            distance_mm,
            view_angle_deg,
            zoom,
            parallel: projection == Projection::Parallel,
            eye_mm,
        },
        plane: plane_out(&view.plane),
        slab: wire::Slab { thickness_mm: view.slab.thickness_mm, combine: combine_out(view.slab.combine) },
        curved: view.curved.as_ref().map(|curved| wire::Curved {
            center_mm: curved.center_mm,
            fit_mm: curved.fit_mm,
            zoom: curved.zoom,
        }),
        window: window_out(view.window),
        inverted: view.inverted,
    }
}

/// What changes seldom. A layer whose volume has no id cannot be told and is left out.
pub fn look(view: &ViewState, id_of: impl Fn(&Arc<Volume>) -> Option<String>) -> wire::Look {
    let Shading { ambient, diffuse, specular, specular_power } = view.shading;
    let layers = view.layers.iter().filter_map(|layer| {
        let look = match &layer.look {
            Look::Values(transfer) => wire::LayerLook::Values { transfer: transfer_out(transfer) },
            Look::Labels(colors) => wire::LayerLook::Labels { colors: colors.to_vec() },
        };
        Some(wire::Layer { series_instance_uid: id_of(&layer.volume)?, look, opacity: layer.opacity })
    });
    wire::Look {
        transfer: transfer_out(&view.transfer),
        shading: wire::Shading { ambient, diffuse, specular, specular_power },
        pre_integrated: view.pre_integrated,
        lights: view.lights.iter().map(light_out).collect(),
        ambient_occlusion: view.effects.ambient_occlusion,
        shadows: view.effects.shadows,
        depth_cue: view.depth_cue.map(|DepthCue { strength, color, range_mm }| wire::DepthCue {
            strength,
            color,
            range_mm,
        }),
        clip: wire::Clip {
            crop_voxels: view.clip.crop_voxels,
            cut: view
                .clip
                .cut
                .as_ref()
                .map(|(plane, side)| wire::Cut { plane: plane_out(plane), near: *side == Side::Near }),
            planes: view
                .clip
                .planes
                .iter()
                .map(|plane| wire::ClipPlane {
                    point_mm: plane.point_mm.to_array(),
                    normal: plane.normal.to_array(),
                })
                .collect(),
        },
        layers: layers.collect(),
        path: view.curved.as_ref().map(|curved| wire::Path {
            drawn_mm: curved.path.drawn_mm().iter().map(DVec3::to_array).collect(),
            down: curved.path.down().to_array(),
        }),
        preset: view.preset.as_ref().filter(|_| view.shows_preset()).map(|origin| origin.name.clone()),
        step_voxels: view.step_voxels,
    }
}

/// Takes over a place that was checked; a path stays as it is. The revision is the caller's.
pub fn set_place(view: &mut ViewState, place: &wire::Place) {
    let wire::Place { size, content, camera, plane, slab, curved, window, inverted } = place;
    view.size = *size;
    view.content = match *content {
        wire::Shows::Volume => Content::Volume,
        wire::Shows::Cinematic => Content::Cinematic,
        wire::Shows::Projection { combine } => Content::Projection(combine_in(combine)),
        wire::Shows::Isosurface { value } => Content::Isosurface(value),
        wire::Shows::Slice => Content::Slice,
        wire::Shows::Curved => Content::Curved,
    };
    view.camera = Camera {
        focal_point_mm: camera.focal_point_mm.into(),
        patient_from_camera: DQuat::from_array(camera.patient_from_camera),
        distance_mm: camera.distance_mm,
        view_angle_deg: camera.view_angle_deg,
        zoom: camera.zoom,
        projection: if camera.parallel { Projection::Parallel } else { Projection::Perspective },
        eye_mm: camera.eye_mm,
    };
    view.plane = plane_in(plane);
    view.slab = Slab { thickness_mm: slab.thickness_mm, combine: combine_in(slab.combine) };
    if let (Some(curved), Some(view)) = (curved, &mut view.curved) {
        (view.center_mm, view.fit_mm, view.zoom) = (curved.center_mm, curved.fit_mm, curved.zoom);
    }
    view.window = window_in(*window).unwrap_or(view.window);
    view.inverted = *inverted;
}

/// Takes over a look that was checked. `volume_of` finds the volumes of layers.
///
/// # Errors
/// The id of a layer that is not found; the view is then as it was.
pub fn set_look(
    view: &mut ViewState,
    look: &wire::Look,
    volume_of: impl Fn(&str) -> Option<Arc<Volume>>,
) -> Result<(), String> {
    let layer = |layer: &wire::Layer| {
        let volume =
            volume_of(&layer.series_instance_uid).ok_or_else(|| layer.series_instance_uid.clone())?;
        let look = match &layer.look {
            wire::LayerLook::Values { transfer } => {
                Look::Values(transfer_in(transfer).unwrap_or_else(|| view.transfer.clone()))
            }
            wire::LayerLook::Labels { colors } => Look::Labels(colors.as_slice().into()),
        };
        Ok::<_, String>(Layer { volume, look, opacity: layer.opacity })
    };
    view.layers = look.layers.iter().map(layer).collect::<Result<_, _>>()?;
    if let Some(transfer) = transfer_in(&look.transfer) {
        view.transfer = transfer;
    }
    let wire::Shading { ambient, diffuse, specular, specular_power } = look.shading;
    view.shading = Shading { ambient, diffuse, specular, specular_power };
    view.pre_integrated = look.pre_integrated;
    view.lights = look.lights.iter().map(light_in).collect();
    view.effects.ambient_occlusion = look.ambient_occlusion;
    view.effects.shadows = look.shadows;
    view.depth_cue = look.depth_cue.map(|wire::DepthCue { strength, color, range_mm }| DepthCue {
        strength,
        color,
        range_mm,
    });
    let side = |near| if near { Side::Near } else { Side::Far };
    view.clip = Clip {
        crop_voxels: look.clip.crop_voxels,
        cut: look.clip.cut.as_ref().map(|cut| (plane_in(&cut.plane), side(cut.near))),
        planes: look
            .clip
            .planes
            .iter()
            .map(|plane| ClipPlane { point_mm: plane.point_mm.into(), normal: plane.normal.into() })
            .collect(),
    };
    view.curved = look.path.as_ref().and_then(|path| {
        let drawn: Vec<DVec3> = path.drawn_mm.iter().map(|point| DVec3::from(*point)).collect();
        let same = view
            .curved
            .as_ref()
            .filter(|curved| curved.path.drawn_mm() == drawn && curved.path.down() == DVec3::from(path.down));
        let path = match same {
            Some(curved) => Arc::clone(&curved.path),
            None => Arc::new(render_core::scene::curved::Path::new(&drawn, path.down.into())?),
        };
        // How it is looked at is the place's to tell.
        Some(render_core::scene::Curved { path, center_mm: [0.0; 2], fit_mm: [1.0; 2], zoom: 1.0 })
    });
    // What a menu calls it stays where it is known.
    let known = view
        .preset
        .take()
        .filter(|origin| Some(&origin.name) == look.preset.as_ref() && origin.transfer == view.transfer);
    let named =
        |name: &String| Origin { name: name.clone(), label: name.clone(), transfer: view.transfer.clone() };
    view.preset = known.or_else(|| look.preset.as_ref().map(named));
    view.step_voxels = look.step_voxels;
    Ok(())
}

fn combine_out(combine: Combine) -> wire::Combine {
    match combine {
        Combine::Maximum => wire::Combine::Maximum,
        Combine::Minimum => wire::Combine::Minimum,
        Combine::Mean => wire::Combine::Mean,
    }
}

fn combine_in(combine: wire::Combine) -> Combine {
    match combine {
        wire::Combine::Maximum => Combine::Maximum,
        wire::Combine::Minimum => Combine::Minimum,
        wire::Combine::Mean => Combine::Mean,
    }
}

fn plane_out(plane: &Plane) -> wire::Plane {
    wire::Plane {
        center_mm: plane.center_mm.to_array(),
        right: plane.right.to_array(),
        down: plane.down.to_array(),
        fit_mm: plane.fit_mm,
        zoom: plane.zoom,
    }
}

fn plane_in(plane: &wire::Plane) -> Plane {
    Plane {
        center_mm: plane.center_mm.into(),
        right: plane.right.into(),
        down: plane.down.into(),
        fit_mm: plane.fit_mm,
        zoom: plane.zoom,
    }
}

fn shape_out(shape: Shape) -> wire::Shape {
    match shape {
        Shape::Linear => wire::Shape::Linear,
        Shape::LinearExact => wire::Shape::LinearExact,
        Shape::Sigmoid => wire::Shape::Sigmoid,
        Shape::Table(index) => wire::Shape::Table { index },
    }
}

fn window_out(window: Window) -> wire::ShapedWindow {
    wire::ShapedWindow { center: window.center(), width: window.width(), shape: shape_out(window.shape()) }
}

/// `None` where the shape does not allow the width.
fn window_in(window: wire::ShapedWindow) -> Option<Window> {
    let shape = match window.shape {
        wire::Shape::Linear => Shape::Linear,
        wire::Shape::LinearExact => Shape::LinearExact,
        wire::Shape::Sigmoid => Shape::Sigmoid,
        wire::Shape::Table { index } => Shape::Table(index),
    };
    Window::shaped(window.center, window.width, shape)
}

fn light_out(light: &Light) -> wire::Light {
    let with_camera = light.fixture == Fixture::Camera;
    wire::Light { direction: light.direction.to_array(), with_camera, color: light.color }
}

fn light_in(light: &wire::Light) -> Light {
    let fixture = if light.with_camera { Fixture::Camera } else { Fixture::Patient };
    Light { direction: light.direction.into(), fixture, color: light.color }
}

fn track_out<const N: usize>(track: &Track<N>) -> Vec<wire::Point<[f32; N]>> {
    let curve = |curve| match curve {
        Curve::Linear => wire::Curve::Linear,
        Curve::Step => wire::Curve::Step,
        Curve::Smooth => wire::Curve::Smooth,
    };
    let point = |p: &Point<N>| wire::Point { value: p.value, level: p.level, curve: curve(p.curve) };
    track.points().iter().map(point).collect()
}

fn track_in<const N: usize>(points: &[wire::Point<[f32; N]>]) -> Option<Track<N>> {
    let curve = |curve| match curve {
        wire::Curve::Linear => Curve::Linear,
        wire::Curve::Step => Curve::Step,
        wire::Curve::Smooth => Curve::Smooth,
    };
    let point = |p: &wire::Point<[f32; N]>| Point { value: p.value, level: p.level, curve: curve(p.curve) };
    Track::new(points.iter().map(point).collect()).ok()
}

fn transfer_out(transfer: &TransferFunction) -> wire::Transfer {
    wire::Transfer {
        colors: track_out(&transfer.colors),
        opacities: track_out(&transfer.opacities),
        gradient_opacities: transfer.gradient_opacities.as_ref().map(track_out),
    }
}

/// `None` where a track's points do not rise, which the wire's check forbids.
fn transfer_in(transfer: &wire::Transfer) -> Option<TransferFunction> {
    Some(TransferFunction {
        colors: track_in(&transfer.colors)?,
        opacities: track_in(&transfer.opacities)?,
        gradient_opacities: match &transfer.gradient_opacities {
            Some(points) => Some(track_in(points)?),
            None => None,
        },
    })
}
