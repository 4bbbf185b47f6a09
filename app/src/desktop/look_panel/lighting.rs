//! Light, depth and sampling of volume views.

use eframe::egui::{self, DragValue, Slider, Ui};
use glam::DVec3;
use render_core::render::MAX_LIGHTS;
use render_core::scene::light::{DepthCue, Fixture, Light};

use super::super::text::tr;
use super::look::Look;
use super::plot::color32;

/// Distances of samples that are offered, in voxels.
const STEPS: std::ops::RangeInclusive<f64> = 0.25..=4.0;

pub fn lighting(ui: &mut Ui, look: &mut Look) {
    let shading = &mut look.shading;
    ui.add(Slider::new(&mut shading.ambient, 0.0..=1.0).text(tr!("look-ambient")));
    ui.add(Slider::new(&mut shading.diffuse, 0.0..=1.0).text(tr!("look-diffuse")));
    ui.add(Slider::new(&mut shading.specular, 0.0..=1.0).text(tr!("look-specular")));
    ui.add(Slider::new(&mut shading.specular_power, 1..=128).logarithmic(true).text(tr!("look-power")));
    ui.checkbox(&mut look.effects.ambient_occlusion, tr!("look-occlusion"));
    ui.checkbox(&mut look.effects.shadows, tr!("look-shadows"));
    let mut removed = None;
    let count = look.lights.len();
    for (index, light) in look.lights.iter_mut().enumerate() {
        ui.push_id(index, |ui| {
            ui.horizontal(|ui| {
                ui.label(tr!("look-light", number = index + 1));
                if ui
                    .button(tr!("remove"))
                    .on_hover_text(tr!("look-light-remove", number = index + 1))
                    .clicked()
                {
                    removed = Some(index);
                }
            });
            one_light(ui, index, light);
        });
    }
    if let Some(index) = removed {
        look.lights.remove(index);
    }
    let room = count < MAX_LIGHTS;
    if ui.add_enabled(room, egui::Button::new(tr!("look-light-add"))).clicked() {
        // From above and the left, where drawings have it.
        let direction = -towards_light(Fixture::Camera, -40.0, 40.0);
        look.lights.push(Light { direction, color: [0.6; 3], ..Light::HEADLIGHT });
    }
}

fn one_light(ui: &mut Ui, index: usize, light: &mut Light) {
    let [mut around, mut up] = angles(light);
    ui.horizontal_wrapped(|ui| {
        let around_field = DragValue::new(&mut around).range(-180.0..=180.0).suffix("°").max_decimals(0);
        let up_field = DragValue::new(&mut up).range(-90.0..=90.0).suffix("°").max_decimals(0);
        let around_response = ui.add(around_field).on_hover_text(tr!("look-light-around"));
        let around_response = around_response.accessible_name(tr!("look-light-around"));
        let up_response =
            ui.add(up_field).on_hover_text(tr!("look-light-up")).accessible_name(tr!("look-light-up"));
        let mut turns = light.fixture == Fixture::Camera;
        let fixed = ui.checkbox(&mut turns, tr!("look-light-camera")).changed();
        if fixed {
            light.fixture = if turns { Fixture::Camera } else { Fixture::Patient };
        }
        if fixed || around_response.changed() || up_response.changed() {
            light.direction = -towards_light(light.fixture, around, up);
        }
        // Brightness and hue apart: lights may be brighter than a colour on screen.
        let mut brightness = light.color.iter().copied().fold(0.0, f32::max);
        let hue = light.color.map(|part| if brightness > 0.0 { part / brightness } else { 1.0 });
        let field = DragValue::new(&mut brightness).range(0.0..=4.0).speed(0.01).max_decimals(2);
        let bright = ui.add(field).on_hover_text(tr!("look-light-brightness"));
        let bright = bright.accessible_name(tr!("look-light-brightness")).changed();
        let mut color = color32(hue);
        let label = tr!("look-light-color", number = index + 1);
        let picked = ui.color_edit_button_srgba(&mut color).accessible_name(label).changed();
        if bright || picked {
            let hue =
                if picked { [color.r(), color.g(), color.b()].map(|c| f32::from(c) / 255.0) } else { hue };
            light.color = hue.map(|part| part * brightness);
        }
    });
}

pub fn quality(ui: &mut Ui, look: &mut Look) {
    ui.add(
        Slider::new(&mut look.step_voxels, STEPS).logarithmic(true).max_decimals(2).text(tr!("look-step")),
    );
    ui.checkbox(&mut look.pre_integrated, tr!("look-pre-integrated"))
        .on_hover_text(tr!("look-pre-integrated-hint"));
    let mut cued = look.depth_cue.is_some();
    if ui.checkbox(&mut cued, tr!("look-depth-cue")).changed() {
        look.depth_cue = cued.then_some(DepthCue::DEFAULT);
    }
    if let Some(cue) = &mut look.depth_cue {
        ui.add(Slider::new(&mut cue.strength, 0.0..=1.0).text(tr!("look-depth-strength")));
        let mut color = color32(cue.color);
        ui.horizontal(|ui| {
            let label = ui.label(tr!("look-depth-color"));
            let picked = ui.color_edit_button_srgba(&mut color).labelled_by(label.id).changed();
            if picked {
                cue.color = [color.r(), color.g(), color.b()].map(|c| f32::from(c) / 255.0);
            }
        });
    }
}

/// Unit vector to where a light stands: `around` degrees to the right and `up` degrees above the viewer,
/// or the patient's front, for a light that stays with the patient.
fn towards_light(fixture: Fixture, around: f64, up: f64) -> DVec3 {
    let ((s, c), (rise, run)) = (around.to_radians().sin_cos(), up.to_radians().sin_cos());
    match fixture {
        Fixture::Camera => DVec3::new(s * run, rise, c * run),
        Fixture::Patient => DVec3::new(s * run, -c * run, rise),
    }
}

/// The angles that `towards_light` takes.
fn angles(light: &Light) -> [f64; 2] {
    let to = -light.direction.normalize_or(DVec3::NEG_Z);
    let (right, front, up) = match light.fixture {
        Fixture::Camera => (to.x, to.z, to.y),
        Fixture::Patient => (to.x, -to.y, to.z),
    };
    // Adding 0 makes nothing of a minus before a 0.
    [right.atan2(front).to_degrees() + 0.0, up.clamp(-1.0, 1.0).asin().to_degrees() + 0.0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn angles_and_directions_are_the_same_light() {
        for fixture in [Fixture::Camera, Fixture::Patient] {
            for (around, up) in [(0.0, 0.0), (35.0, -20.0), (-170.0, 80.0)] {
                let light =
                    Light { direction: -towards_light(fixture, around, up), fixture, color: [1.0; 3] };
                let [a, u] = angles(&light);
                assert!(
                    (a - around).abs() < 1e-9 && (u - up).abs() < 1e-9,
                    "{fixture:?} {around} {up}: {a} {u}"
                );
            }
        }
    }

    #[test]
    fn the_light_at_the_camera_stands_at_no_angle() {
        assert_eq!(angles(&Light::HEADLIGHT), [0.0, 0.0]);
        let from_left = towards_light(Fixture::Patient, 90.0, 0.0);
        assert!((from_left - DVec3::X).length() < 1e-12, "90 degrees is the patient's left");
    }
}
