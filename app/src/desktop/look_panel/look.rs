//! How a volume view is drawn, apart from where it is seen from; and the steps back.

use render_core::render::Effects;
use render_core::scene::clip::Clip;
use render_core::scene::light::{DepthCue, Light};
use render_core::scene::preset::{Origin, Shading};
use render_core::scene::{TransferFunction, ViewState};

/// Most steps back: each is some kilobytes.
const MOST_STEPS: usize = 200;

/// What the panel edits, all of it in one piece: a copy is an undo step.
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

/// The looks a view had, whoever changed them. What changes while a mouse button is held is one step.
#[derive(Debug)]
pub struct Steps {
    now: Look,
    back: Vec<Look>,
    forth: Vec<Look>,
    in_gesture: bool,
}

impl Steps {
    pub fn new(now: Look) -> Self {
        Self { now, back: Vec::new(), forth: Vec::new(), in_gesture: false }
    }

    /// Takes note of the look as it is now.
    pub fn observe(&mut self, look: &Look, button_held: bool) {
        if *look != self.now {
            let before = std::mem::replace(&mut self.now, look.clone());
            if !self.in_gesture {
                if self.back.len() >= MOST_STEPS {
                    self.back.remove(0);
                }
                self.back.push(before);
                self.forth.clear();
            }
            self.in_gesture = button_held;
        } else if !button_held {
            self.in_gesture = false;
        }
    }

    pub fn can_undo(&self) -> bool {
        !self.back.is_empty()
    }

    pub fn can_redo(&self) -> bool {
        !self.forth.is_empty()
    }

    /// The look before the last step.
    pub fn undo(&mut self) -> Option<Look> {
        let before = self.back.pop()?;
        self.forth.push(std::mem::replace(&mut self.now, before.clone()));
        Some(before)
    }

    pub fn redo(&mut self) -> Option<Look> {
        let after = self.forth.pop()?;
        self.back.push(std::mem::replace(&mut self.now, after.clone()));
        Some(after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use render_core::Window;

    fn look(center: f64) -> Look {
        Look {
            transfer: TransferFunction::tissue(Window::clamped(center, 100.0)),
            preset: None,
            shading: Shading::default(),
            pre_integrated: false,
            lights: vec![Light::HEADLIGHT],
            effects: Effects::default(),
            depth_cue: None,
            clip: Clip::default(),
            step_voxels: 1.0,
        }
    }

    #[test]
    fn a_drag_is_one_step_and_a_click_another() {
        let mut steps = Steps::new(look(0.0));
        for center in [1.0, 2.0, 3.0] {
            steps.observe(&look(center), true);
        }
        steps.observe(&look(3.0), false);
        steps.observe(&look(9.0), false);
        assert_eq!(steps.undo(), Some(look(3.0)));
        steps.observe(&look(3.0), false);
        assert_eq!(steps.undo(), Some(look(0.0)));
        assert_eq!(steps.undo(), None);
        assert_eq!((steps.redo(), steps.redo(), steps.redo()), (Some(look(3.0)), Some(look(9.0)), None));
    }

    #[test]
    fn what_is_done_after_going_back_ends_the_way_forth() {
        let mut steps = Steps::new(look(0.0));
        steps.observe(&look(1.0), false);
        steps.undo();
        steps.observe(&look(0.0), false);
        steps.observe(&look(5.0), false);
        assert!(!steps.can_redo());
        assert_eq!(steps.undo(), Some(look(0.0)));
    }

    #[test]
    fn two_drags_are_two_steps() {
        let mut steps = Steps::new(look(0.0));
        steps.observe(&look(1.0), true);
        steps.observe(&look(2.0), true);
        steps.observe(&look(2.0), false);
        steps.observe(&look(3.0), true);
        assert_eq!(steps.undo(), Some(look(2.0)));
        assert_eq!(steps.undo(), Some(look(0.0)));
    }
}
