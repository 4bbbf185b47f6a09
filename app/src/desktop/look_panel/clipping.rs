//! What is cut away of a volume, by numbers.

use eframe::egui::{self, ComboBox, DragValue, Ui};
use glam::DVec3;
use render_core::Geometry;
use render_core::scene::clip::{Clip, ClipPlane, MAX_PLANES};
use render_core::scene::overlay::letters;
use render_core::scene::view::Orientation;

use super::super::text::tr;

pub fn edit(ui: &mut Ui, clip: &mut Clip, geometry: &Geometry) {
    let mut cropped = clip.crop_voxels.is_some();
    if ui.checkbox(&mut cropped, tr!("look-crop")).changed() {
        clip.crop_voxels = cropped.then(|| whole(geometry));
    }
    if let Some(crop) = &mut clip.crop_voxels {
        egui::Grid::new("crop").num_columns(3).show(ui, |ui| {
            for (axis, [low, high]) in crop.iter_mut().enumerate() {
                let last = f64::from(geometry.dims()[axis]) - 1.0;
                let along = geometry.patient_from_voxel().matrix3.col(axis).normalize_or_zero();
                let direction = format!("{} → {}", letters(-along), letters(along));
                ui.label(direction.as_str());
                let top = *high;
                let from = ui.add(DragValue::new(low).range(0.0..=top).speed(0.5).max_decimals(0));
                from.accessible_name(tr!("look-crop-from", direction = direction.as_str()));
                let bottom = *low;
                let to = ui.add(DragValue::new(high).range(bottom..=last).speed(0.5).max_decimals(0));
                to.accessible_name(tr!("look-crop-to", direction = direction.as_str()));
                ui.end_row();
            }
        });
    }
    if clip.cut.is_some() && ui.button(tr!("look-cut-remove")).clicked() {
        clip.cut = None;
    }
    let mut removed = None;
    for (index, plane) in clip.planes.iter_mut().enumerate() {
        ui.push_id(index, |ui| {
            ui.horizontal_wrapped(|ui| {
                if one_plane(ui, index, plane, geometry) {
                    removed = Some(index);
                }
            });
        });
    }
    if let Some(index) = removed {
        clip.planes.remove(index);
    }
    let room = clip.planes.len() < MAX_PLANES;
    if ui.add_enabled(room, egui::Button::new(tr!("look-plane-add"))).clicked() {
        let (right, down) = Orientation::Axial.axes();
        clip.planes.push(ClipPlane { point_mm: geometry.center_mm(), normal: right.cross(down) });
    }
}

/// Returns whether it is to be removed.
fn one_plane(ui: &mut Ui, index: usize, plane: &mut ClipPlane, geometry: &Geometry) -> bool {
    let normal = plane.normal.normalize_or(DVec3::Z);
    let orientations = [
        (tr!("axial"), Orientation::Axial),
        (tr!("coronal"), Orientation::Coronal),
        (tr!("sagittal"), Orientation::Sagittal),
    ];
    let of = |orientation: Orientation| {
        let (right, down) = orientation.axes();
        right.cross(down)
    };
    let current = orientations.iter().find(|(_, orientation)| of(*orientation).dot(normal).abs() > 0.9999);
    let name = current.map_or_else(|| tr!("oblique"), |(name, _)| name.clone());
    let menu =
        ComboBox::from_id_salt("orientation").selected_text(name.as_ref()).width(90.0).show_ui(ui, |ui| {
            for (name, orientation) in &orientations {
                let chosen = current.is_some_and(|(_, now)| now == orientation);
                if ui.selectable_label(chosen, name.as_ref()).clicked() {
                    plane.normal = of(*orientation);
                    plane.point_mm = geometry.center_mm();
                }
            }
        });
    menu.response.accessible_name(tr!("look-plane-orientation", number = index + 1));
    let center = geometry.center_mm();
    let reach = geometry.extent_mm(normal) / 2.0;
    let mut offset = (plane.point_mm - center).dot(normal);
    let field = DragValue::new(&mut offset).range(-reach..=reach).speed(0.5).max_decimals(1).suffix(" mm");
    let moved = ui.add(field).on_hover_text(tr!("look-plane-offset"));
    if moved.accessible_name(tr!("look-plane-offset")).changed() {
        plane.point_mm = center + normal * offset;
    }
    let flip = ui.button(tr!("look-plane-flip")).on_hover_text(tr!("look-plane-flip-hint"));
    if flip.clicked() {
        plane.normal = -plane.normal;
    }
    ui.button(tr!("remove")).on_hover_text(tr!("look-plane-remove", number = index + 1)).clicked()
}

fn whole(geometry: &Geometry) -> [[f64; 2]; 3] {
    geometry.dims().map(|count| [0.0, f64::from(count) - 1.0])
}
