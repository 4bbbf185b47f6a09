//! How a volume view is drawn, apart from where it is seen from.

use render_core::render::Effects;
use render_core::scene::clip::Clip;
use render_core::scene::light::{DepthCue, Light};
use render_core::scene::preset::{Origin, Shading};
use render_core::scene::{TransferFunction, ViewState};

/// What the panel edits, all of it in one piece.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    pub transfer: TransferFunction,
    pub preset: Option<Origin>,
    pub shading: Shading,
    pub pre_integrated: bool,
    pub lights: Vec<Light>,
    pub effects: Effects,
    pub depth_cue: Option<DepthCue>,
    pub clip: Clip,
    pub step_voxels: f64,
}

impl Look {
    pub fn of(view: &ViewState) -> Self {
        Self {
            transfer: view.transfer.clone(),
            preset: view.preset.clone(),
            shading: view.shading,
            pre_integrated: view.pre_integrated,
            lights: view.lights.clone(),
            effects: view.effects,
            depth_cue: view.depth_cue,
            clip: view.clip.clone(),
            step_voxels: view.step_voxels,
        }
    }

    pub fn apply(self, view: &mut ViewState) {
        let Self { transfer, preset, shading, pre_integrated, lights, effects, depth_cue, clip, step_voxels } =
            self;
        view.transfer = transfer;
        view.preset = preset;
        view.shading = shading;
        view.pre_integrated = pre_integrated;
        view.lights = lights;
        view.effects = effects;
        view.depth_cue = depth_cue;
        view.clip = clip;
        view.step_voxels = step_voxels;
        view.touch();
    }
}
