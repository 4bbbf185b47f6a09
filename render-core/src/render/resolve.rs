//! From a view of a volume to the parameters of a picture.

use std::sync::Arc;

use glam::{DVec3, Vec3};

use super::{
    Column, DepthCue, Grey, Layer, LayerLook, Light, MAX_CLIPS, MAX_LIGHTS, MAX_SAMPLES, Mode, Rays,
    RenderParams, Sampling,
};
use crate::frame::FrameKind;
use crate::scene::camera::Projection;
use crate::scene::layer::{Layer as SceneLayer, Look, MAX_LAYERS};
use crate::scene::light::Light as SceneLight;
use crate::scene::view::{Content, Slab, ViewState};
use crate::volume::Volume;

/// Colour of an isosurface: that of bone.
const ISOSURFACE_COLOR: [f32; 3] = [0.92, 0.87, 0.76];

/// What a back end is told to draw a view of a volume.
pub fn resolve(view: &ViewState, volume: &Volume) -> RenderParams {
    let spacing = volume.geometry().spacing_mm().min_element();
    let step_mm = step_within_limit(spacing * view.step_voxels.clamp(0.1, 16.0), volume) as f32;
    let (rays, line_of_sight) = match view.content {
        Content::Slice | Content::Curved => slice_rays(view, volume),
        _ => camera_rays(view, volume),
    };
    let grey = Grey::from(view.window);
    let inverted = volume.meaning().inverted != view.inverted;
    let grey = if inverted { grey.inverted() } else { grey };
    let mode = match view.content {
        Content::Volume | Content::Cinematic => {
            let table = view.transfer.table(step_mm);
            let table = if view.pre_integrated { table.integrated() } else { table };
            Mode::Volume { transfer: Arc::new(table), shading: view.shading, step_mm }
        }
        Content::Projection(combine) => Mode::Projection { combine, grey, step_mm },
        Content::Isosurface(value) => {
            Mode::Isosurface { value, color: ISOSURFACE_COLOR, shading: view.shading, step_mm }
        }
        Content::Slice | Content::Curved => slab_mode(grey, view.slab, spacing),
    };
    let clip = match view.content {
        Content::Slice | Content::Curved => Vec::new(),
        _ => view.clip.half_spaces(volume.geometry()),
    };
    debug_assert!(clip.len() <= MAX_CLIPS, "crop box, cut and planes are counted");
    let lights = view.lights.iter().filter_map(|l| light(l, view, line_of_sight)).take(MAX_LIGHTS);
    let gradient = volume.geometry().voxel_from_patient().matrix3.transpose();
    RenderParams {
        size: view.size,
        rays,
        columns: curved_columns(view, volume),
        mode,
        curve: view.window.curve(volume.meaning(), inverted),
        background: [0.0; 3],
        patient_from_gradient: gradient.to_cols_array_2d().map(|c| c.map(|x| x as f32)),
        line_of_sight: line_of_sight.as_vec3().to_array(),
        lights: lights.collect(),
        clip,
        depth_cue: view.depth_cue.and_then(|cue| depth_cue(&cue, view, volume)),
        opaque_below: view.opaque_below as f32,
        gradient_opacity: view.transfer.gradient_table().map(Arc::new),
        effects: view.effects,
        sampling: match view.content {
            Content::Slice | Content::Curved => Sampling::Exact,
            _ => Sampling::Fast,
        },
        illumination: None,
        layers: layers(view, volume, step_mm),
        kind: FrameKind::Exact,
        view_revision: view.revision,
        input_seq: 0,
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

/// The columns of a curved slice; beyond the path's ends they lie outside of the volume.
fn curved_columns(view: &ViewState, volume: &Volume) -> Option<Arc<[Column]>> {
    let to_voxel = volume.geometry().voxel_from_patient();
    let curved = match (view.content, &view.curved) {
        (Content::Curved, Some(curved)) => curved,
        (Content::Curved, None) => return Some(vec![NOWHERE; view.size[0] as usize].into()),
        _ => return None,
    };
    let down = to_voxel.transform_vector3(curved.path.down() * curved.mm_per_pixel(view.size)).as_vec3();
    let column = |x: u32| match curved.patient_from_pixel([f64::from(x) + 0.5, 0.5], view.size) {
        Some((first, through)) => Column {
            origin: to_voxel.transform_point3(first).as_vec3(),
            origin_dy: down,
            direction: to_voxel.transform_vector3(through).as_vec3(),
        },
        None => NOWHERE,
    };
    Some((0..view.size[0]).map(column).collect())
}

/// A column outside of any volume.
const NOWHERE: Column = Column { origin: Vec3::splat(-1e6), origin_dy: Vec3::ZERO, direction: Vec3::ZERO };

fn camera_rays(view: &ViewState, volume: &Volume) -> (Rays, DVec3) {
    let camera = &view.camera;
    let to_voxel = volume.geometry().voxel_from_patient();
    let (right, up, forward) = camera.axes();
    let [width, height] = view.size.map(f64::from);
    let per_pixel = 2.0 * camera.half_height() / height;
    // The picture of an eye off the middle is shifted so that it covers the same part of the plane
    // through the focal point.
    let shift = -camera.eye_mm / camera.distance_mm.max(1e-6);
    let slope_x = (0.5 - width / 2.0) * per_pixel + shift;
    let slope_y = (0.5 - height / 2.0) * per_pixel;
    let eye = camera.position_mm();
    let none = [0.0; 4];
    let rays = match camera.projection {
        Projection::Perspective => Rays {
            origin: lanes(to_voxel.transform_point3(eye)),
            origin_dx: none,
            origin_dy: none,
            direction: lanes(to_voxel.transform_vector3(forward + right * slope_x - up * slope_y)),
            direction_dx: lanes(to_voxel.transform_vector3(right * per_pixel)),
            direction_dy: lanes(to_voxel.transform_vector3(-up * per_pixel)),
            slope: [slope_x as f32, slope_y as f32, per_pixel as f32, per_pixel as f32],
        },
        Projection::Parallel => {
            let mm = per_pixel * camera.distance_mm;
            let first = eye + right * ((0.5 - width / 2.0) * mm) - up * ((0.5 - height / 2.0) * mm);
            Rays {
                origin: lanes(to_voxel.transform_point3(first)),
                origin_dx: lanes(to_voxel.transform_vector3(right * mm)),
                origin_dy: lanes(to_voxel.transform_vector3(-up * mm)),
                direction: lanes(to_voxel.transform_vector3((forward + right * shift).normalize())),
                direction_dx: none,
                direction_dy: none,
                slope: none,
            }
        }
    };
    (rays, forward)
}

fn light(light: &SceneLight, view: &ViewState, line_of_sight: DVec3) -> Option<Light> {
    if *light == SceneLight::HEADLIGHT {
        let along = line_of_sight.as_vec3().to_array();
        return Some(Light { direction: along, halfway: along, color: light.color });
    }
    let direction = light.patient_direction(&view.camera)?;
    let halfway = (direction + line_of_sight).try_normalize().unwrap_or(DVec3::ZERO);
    let finite = direction.is_finite() && light.color.iter().all(|c| c.is_finite());
    finite.then_some(Light {
        direction: direction.as_vec3().to_array(),
        halfway: halfway.as_vec3().to_array(),
        color: light.color,
    })
}

/// Those that can be seen.
fn layers(view: &ViewState, volume: &Volume, step_mm: f32) -> Vec<Layer> {
    let visible = view.layers.iter().filter(|layer| layer.opacity > 0.0);
    let resolve = |layer: &SceneLayer| {
        let from_patient = layer.volume.geometry().voxel_from_patient();
        let affine = from_patient * volume.geometry().patient_from_voxel();
        let (rows, shift) = (affine.matrix3.transpose(), affine.translation);
        let look = match &layer.look {
            Look::Values(function) => {
                let step_mm = if view.content.in_one_picture() == Content::Volume { step_mm } else { 1.0 };
                LayerLook::Values(Arc::new(function.table(step_mm)))
            }
            Look::Labels(colors) => LayerLook::Labels(Arc::clone(colors)),
        };
        Layer {
            volume: Arc::clone(&layer.volume),
            layer_from_voxel: std::array::from_fn(|i| {
                let row = rows.col(i);
                [row.x, row.y, row.z, shift[i]].map(|x| x as f32)
            }),
            look,
            opacity: layer.opacity.min(1.0),
        }
    };
    visible.take(MAX_LAYERS).map(resolve).collect()
}

/// `None` if a number makes no sense.
fn depth_cue(cue: &crate::scene::light::DepthCue, view: &ViewState, volume: &Volume) -> Option<DepthCue> {
    let [near, far] = cue.range_mm.unwrap_or_else(|| {
        let (eye, forward) = (view.camera.position_mm(), view.camera.axes().2);
        volume.geometry().corners_mm().iter().fold([f64::INFINITY, 0.0], |[near, far], corner| {
            let offset = *corner - eye;
            let distance = match view.camera.projection {
                Projection::Perspective => offset.length(),
                Projection::Parallel => offset.dot(forward),
            };
            [near.min(distance).max(0.0), far.max(distance)]
        })
    });
    let (near, far) = (near as f32, far as f32);
    let finite = near.is_finite() && far.is_finite() && cue.color.iter().all(|c| c.is_finite());
    (finite && far > near && cue.strength > 0.0).then_some(DepthCue {
        near_mm: near,
        far_mm: far,
        strength: cue.strength.min(1.0),
        color: cue.color,
    })
}

fn lanes(v: DVec3) -> [f32; 4] {
    let v = v.as_vec3();
    [v.x, v.y, v.z, 0.0]
}
