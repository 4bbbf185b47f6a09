//! Layers, as the reference shows them.

use glam::{Mat3, Vec3};

use super::reference::{combined, last_voxel, value_at};
use crate::render::Combine;
use crate::render::{Layer, LayerLook, RenderParams};

/// Mixes the layers' colours at a place into a colour.
pub(super) fn tinted(params: &RenderParams, color: Vec3, p: Vec3) -> Vec3 {
    params.layers.iter().fold(color, |color, layer| over(color, color_at(layer, p)))
}

/// Mixes what the layers show along a ray into a projection's or a slice's colour. `labelled` are
/// the points where labels are looked for.
pub(super) fn overlaid(
    params: &RenderParams,
    color: Vec3,
    combine: Combine,
    points: &(impl Iterator<Item = Vec3> + Clone),
    labelled: &(impl Iterator<Item = Vec3> + Clone),
) -> Vec3 {
    params.layers.iter().fold(color, |color, layer| {
        let [r, g, b, alpha] = match &layer.look {
            LayerLook::Values(table) => {
                let inside = points.clone().filter_map(|p| place(layer, p));
                let value = combined(combine, inside.map(|q| value_at(&layer.volume, q)));
                if value.is_nan() { [0.0; 4] } else { table.lookup(value) }
            }
            LayerLook::Labels(_) => {
                let mut colors = labelled.clone().map(|p| label_color(layer, p));
                colors.find(|color| color[3] > 0.0).unwrap_or_default()
            }
        };
        over(color, [r, g, b, alpha * layer.opacity])
    })
}

/// Straight colour and alpha at a voxel position of the first volume; alpha 0 outside of the layer.
pub(super) fn color_at(layer: &Layer, p: Vec3) -> [f32; 4] {
    let [r, g, b, alpha] = match &layer.look {
        LayerLook::Values(table) => match place(layer, p) {
            Some(q) => table.lookup(value_at(&layer.volume, q)),
            None => [0.0; 4],
        },
        LayerLook::Labels(_) => label_color(layer, p),
    };
    [r, g, b, alpha * layer.opacity]
}

/// As the first volume's: the gradient of the layer's values, or of being inside a label's region,
/// by differences over one voxel of the first volume to either side.
pub(super) fn normal_at(params: &RenderParams, layer: &Layer, p: Vec3) -> Vec3 {
    let here = label_at(layer, p);
    let field = |p: Vec3| match &layer.look {
        LayerLook::Values(_) => value_at(&layer.volume, position(layer, p)),
        LayerLook::Labels(_) => f32::from(u8::from(label_at(layer, p) == here)),
    };
    let difference = |axis: Vec3| field(p + axis) - field(p - axis);
    let gradient = Vec3::new(difference(Vec3::X), difference(Vec3::Y), difference(Vec3::Z));
    Mat3::from_cols_array_2d(&params.patient_from_gradient) * gradient
}

fn over(color: Vec3, [r, g, b, alpha]: [f32; 4]) -> Vec3 {
    color + (Vec3::new(r, g, b) - color) * alpha
}

fn label_color(layer: &Layer, p: Vec3) -> [f32; 4] {
    match (&layer.look, label_at(layer, p)) {
        (LayerLook::Labels(colors), Some(label)) => colors.get(label).copied().unwrap_or_default(),
        _ => [0.0; 4],
    }
}

/// The label of the nearest voxel; `None` outside of the layer.
fn label_at(layer: &Layer, p: Vec3) -> Option<usize> {
    let q = place(layer, p)?;
    let nearest = (q + 0.5).floor().clamp(Vec3::ZERO, last_voxel(&layer.volume));
    let value = layer.volume.value_at(nearest.to_array().map(|x| x as u32))?;
    Some((value + 0.5).floor().max(0.0) as usize)
}

/// The layer's voxel position, if it is inside.
fn place(layer: &Layer, p: Vec3) -> Option<Vec3> {
    let q = position(layer, p);
    let inside = q.cmpge(Vec3::splat(-0.5)).all() && q.cmple(last_voxel(&layer.volume) + 0.5).all();
    inside.then_some(q)
}

fn position(layer: &Layer, p: Vec3) -> Vec3 {
    Vec3::from(layer.layer_from_voxel.map(|[a, b, c, d]| p.x * a + p.y * b + p.z * c + d))
}
