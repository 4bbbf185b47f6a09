//! What commands do to viewports: to all, to the active one, or to the volume beside it.

use std::sync::Arc;

use render_core::scene::clip::MAX_PLANES;
use render_core::scene::view::Combine;
use render_core::scene::{Content, Preset, PresetLibrary, ViewState};
use render_core::{Outlined, Window};

use super::Desk;
use crate::desktop::clip_planes;
use crate::desktop::command::Command;
use crate::desktop::layout::ViewportId;
use crate::desktop::menu::SLABS_MM;
use crate::desktop::study::OpenSeries;
use crate::desktop::tool::Tool;
use crate::desktop::viewport::{Effect, Viewport};

impl Desk {
    /// Commands for the active viewport, or for all.
    pub fn run(&mut self, command: &Command, presets: &PresetLibrary) {
        if self.run_drawing(command) {
            return;
        }
        // A drag is a step as a whole.
        let before = self.before_drag.is_none().then(|| self.views());
        self.run_on_views(command, presets);
        before.into_iter().for_each(|before| self.keep_views(before));
    }

    fn run_on_views(&mut self, command: &Command, presets: &PresetLibrary) {
        let active = self.active;
        let volume_id = self.volume_viewport().map(|viewport| viewport.id);
        match *command {
            Command::SetGrid { rows, columns } => self.set_grid(rows, columns),
            Command::Split { id, below } => self.split(id, below),
            Command::ToggleLinked => self.linked = !self.linked,
            Command::ToggleSpaces => self.toggle_spaces(),
            Command::ToggleHandles => self.handles = !self.handles,
            Command::ToggleCine => self.toggle_cine(),
            Command::CineSpeed(per_second) => {
                self.cine_per_second = per_second;
                if let Some(cine) = &mut self.cine {
                    cine.per_second = per_second;
                }
            }
            Command::StepTime(by) => self.step_time(by),
            Command::Fuse(id, ref over) => self.fuse(id, over.clone()),
            Command::ToggleDemographics => self.demographics = !self.demographics,
            Command::ToggleOverlayPlanes => self.overlay_planes = !self.overlay_planes,
            Command::ToggleReferenceLines => self.reference_lines = !self.reference_lines,
            Command::ToggleMaximiseActive => self.layout_of(active).toggle_maximise(active),
            Command::MoveTo(id, to) => self.move_to(id, to),
            Command::ToggleOwnWindow => self.toggle_own_window(),
            Command::StepViewport(by) => self.step(by),
            Command::SetWindow(window) => self.window(|_| Some(window)),
            Command::WindowKey(number) => self.window(|series| series.window_of_key(number)),
            Command::Nudge(x, y) => self.nudge_cursor([x, y]),
            Command::TurnCuts(degrees) => self.turn_cuts(degrees),
            Command::ResetAll => self.viewports.values_mut().for_each(Viewport::reset),
            Command::SetPreset(ref name) => self.on_volume(volume_id, |view, volume| {
                if let Some(preset) = presets.find(name) {
                    show_matter(view, volume);
                    view.apply_preset(preset, volume);
                }
            }),
            Command::NextPreset => {
                self.on_volume(volume_id, |view, volume| next_preset(view, volume, presets));
            }
            Command::SetLook(ref look) => {
                let mut planes_added = false;
                self.on_volume(volume_id, |view, _| {
                    planes_added = look.clip.planes.len() > view.clip.planes.len();
                    look.as_ref().clone().apply(view);
                });
                // What was added is there to be moved.
                self.handles |= planes_added;
            }
            Command::SetVolumeContent(content) => {
                self.on_volume(volume_id, |view, volume| view.set_content(content, volume));
            }
            Command::ToggleMip => {
                self.on_volume(volume_id, |view, volume| toggle(view, Content::MIP, volume));
            }
            Command::ToggleCinematic => {
                self.on_volume(volume_id, |view, volume| toggle(view, Content::Cinematic, volume));
            }
            _ => self.run_on_active(command),
        }
    }

    /// The place where planes cross moves by pixels of the active slice.
    fn nudge_cursor(&mut self, [right, down]: [i16; 2]) {
        let Some(viewport) = self.active().filter(|viewport| viewport.is_slice()) else { return };
        let view = &viewport.view;
        let mm = view.plane.mm_per_pixel(view.size);
        let shift_mm = (view.plane.right * f64::from(right) + view.plane.down * f64::from(down)) * mm;
        let place = self.cursors.get(viewport.frame()).copied().unwrap_or(view.plane.center_mm) + shift_mm;
        self.take_effect(self.active, Effect::CursorMoved(place));
    }

    /// The other cuts turn about that place, as the active slice shows them.
    fn turn_cuts(&mut self, degrees: f64) {
        let Some(viewport) = self.active().filter(|viewport| viewport.is_slice()) else { return };
        if self.tool == Tool::Crosshair {
            let cursor = self.cursors.get(viewport.frame()).copied();
            let about_mm = cursor.unwrap_or(viewport.view.plane.center_mm);
            self.take_effect(self.active, Effect::OthersTurned { degrees, about_mm });
        }
    }

    fn run_on_active(&mut self, command: &Command) {
        let id = self.active;
        let Some(viewport) = self.viewports.get_mut(&id) else { return };
        let slice = viewport.is_slice();
        match *command {
            Command::ShowKind(id, kind) => {
                if let Some(viewport) = self.viewports.get_mut(&id) {
                    let series = Arc::clone(&viewport.series);
                    viewport.show_series(series, kind, &self.ctx);
                }
            }
            Command::AddClipPlane(id) => {
                if let Some(viewport) = self.viewports.get_mut(&id) {
                    let plane = clip_planes::across(&viewport.view, viewport.series.outline().geometry());
                    let planes = &mut viewport.view.clip.planes;
                    if planes.len() < MAX_PLANES {
                        planes.push(plane);
                    }
                    viewport.view.touch();
                    self.handles = true;
                }
            }
            Command::SetSlab(id, slab) => {
                if let Some(viewport) = self.viewports.get_mut(&id) {
                    viewport.view.slab = slab;
                    viewport.view.touch();
                }
            }
            Command::StepSlab(by) if slice => {
                let now = viewport.view.slab.thickness_mm;
                let next = match by {
                    1.. => SLABS_MM.into_iter().find(|mm| *mm > now + 1e-6),
                    _ => SLABS_MM.into_iter().rev().find(|mm| *mm < now - 1e-6),
                };
                viewport.view.slab.thickness_mm = next.unwrap_or(now);
                viewport.view.touch();
            }
            Command::NextCombine if slice => {
                let combine = &mut viewport.view.slab.combine;
                *combine = match *combine {
                    Combine::Maximum => Combine::Minimum,
                    Combine::Minimum => Combine::Mean,
                    Combine::Mean => Combine::Maximum,
                };
                viewport.view.touch();
            }
            Command::Reset => {
                viewport.reset();
                if slice {
                    let window = viewport.view.window;
                    self.set_window(id, window);
                }
            }
            Command::Blend(opacity) => {
                viewport.blend(opacity);
            }
            Command::Invert => {
                viewport.view.inverted = !viewport.view.inverted;
                viewport.view.touch();
            }
            Command::Flip { vertical } if slice => {
                let plane = &mut viewport.view.plane;
                if vertical {
                    plane.flip_vertical();
                } else {
                    plane.flip_horizontal();
                };
                viewport.view.touch();
            }
            Command::Page(slices) if slice => {
                let shift = viewport.page(slices);
                self.page_others(id, shift);
            }
            Command::Arrow(by) if slice => {
                let shift = viewport.page(by);
                self.page_others(id, shift);
            }
            Command::Arrow(by) => {
                viewport.view.camera.elevation(-5.0 * by as f64);
                viewport.view.touch();
            }
            Command::Zoom(factor) => viewport.zoom(factor),
            Command::Fit => viewport.fit(),
            Command::Turn(degrees) if slice => viewport.turn(degrees),
            Command::Turn(degrees) => {
                viewport.view.camera.azimuth(degrees / 6.0);
                viewport.view.touch();
            }
            _ => {}
        }
    }

    fn window(&mut self, chosen: impl FnOnce(&OpenSeries) -> Option<Window>) {
        let target = self.windowed().and_then(|viewport| Some((viewport.id, chosen(&viewport.series)?)));
        if let Some((id, window)) = target {
            self.set_window(id, window);
        }
    }

    fn on_volume(&mut self, id: Option<ViewportId>, change: impl FnOnce(&mut ViewState, &dyn Outlined)) {
        if let Some(viewport) = id.and_then(|id| self.viewports.get_mut(&id)) {
            change(&mut viewport.view, viewport.series.outline());
        }
    }
}

fn toggle(view: &mut ViewState, content: Content, volume: &dyn Outlined) {
    let content = if view.content == content { Content::Volume } else { content };
    view.set_content(content, volume);
}

fn next_preset(view: &mut ViewState, volume: &dyn Outlined, presets: &PresetLibrary) {
    let presets: Vec<&Preset> = presets.menu(volume).collect();
    let here = presets.iter().position(|p| Some(&p.name) == view.preset.as_ref().map(|origin| &origin.name));
    if let Some(next) = presets.get(here.map_or(0, |here| (here + 1) % presets.len())) {
        show_matter(view, volume);
        view.apply_preset(next, volume);
    }
}

/// What a preset colours and a projection does not show.
fn show_matter(view: &mut ViewState, volume: &dyn Outlined) {
    if view.content.in_one_picture() != Content::Volume {
        view.set_content(Content::Volume, volume);
    }
}
