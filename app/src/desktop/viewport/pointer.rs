//! What the mouse does in a viewport.

use eframe::egui::{self, Rect};
use render_core::scene::{Button, Input};

use super::{
    DEGREES_PER_POINT, DOUBLE_CLICK_POINTS, DOUBLE_CLICK_SECONDS, Drag, EDGE, Effect, NOTCH,
    POINTS_PER_NOTCH, POINTS_PER_SLICE, Scenery, Viewport,
};
use crate::desktop::annotate::Annotate;
use crate::desktop::clip_planes::ClipPlanes;
use crate::desktop::mouse::{Press, Turn};
use crate::desktop::render_worker::Pace;
use crate::desktop::solid::{self, CropBox};
use crate::desktop::tool::Tool;

/// The part of a window's width by which a notch of the wheel changes it.
const WINDOW_PER_NOTCH: f64 = 0.05;
/// More notches at once come from no hand.
const MOST_NOTCHES: f64 = 10.0;

impl Viewport {
    pub(super) fn handle_pointer(
        &mut self,
        ui: &egui::Ui,
        response: &egui::Response,
        scenery: &Scenery<'_>,
        annotate: &mut Annotate,
        effects: &mut Vec<Effect>,
    ) {
        // Not `contains_pointer`, which knows the mouse's last place only: in a window that draws
        // slowly, a press may come with the move away from it.
        let inside = response.rect.shrink(EDGE);
        let over =
            |at: egui::Pos2| inside.contains(at) && ui.ctx().layer_id_at(at) == Some(response.layer_id);
        let (scale, corner) = (f64::from(ui.pixels_per_point()), response.rect.min);
        let pixel = |at: egui::Pos2| [f64::from(at.x - corner.x) * scale, f64::from(at.y - corner.y) * scale];
        let before = (self.view.revision, self.view.window, self.view.plane.center_mm);
        let hosts = scenery.watches.then(|| self.view.clone());
        for event in ui.input(|input| input.events.clone()) {
            match event {
                egui::Event::PointerButton { pos, button, pressed: true, modifiers } if over(pos) => {
                    let Some(button) = button_of(button) else { continue };
                    effects.push(Effect::Activated);
                    if button == Button::Left && self.is_second_press(ui.input(|input| input.time), pos) {
                        let target = self.target(scale);
                        if target.is_some_and(|t| annotate.double_click(&t, pixel(pos), ui.ctx())) {
                            continue;
                        }
                        // Who draws by clicks may click fast.
                        if target.is_none() || !annotate.draws() {
                            effects.push(Effect::DoubleClicked);
                            continue;
                        }
                    }
                    if button == Button::Left && self.press_on_solid(response.rect, pos, scenery) {
                        self.held = Some(button);
                        continue;
                    }
                    let press = scenery.mouse.pressed(button, modifiers | scenery.modifiers);
                    let Some(tool) = press.tool(scenery.tool) else { continue };
                    self.held = Some(button);
                    let target = self.target(scale).filter(|_| press == Press::ActiveTool);
                    if target.is_some_and(|t| annotate.press(&t, pixel(pos), ui.ctx())) {
                        self.drag = Some(Drag::Annotate);
                        continue;
                    }
                    match tool.button(self.view.content) {
                        Some(means) => self.handle(Input::Press { button: means, at: pixel(pos) }),
                        None => self.begin(tool, pos, pixel(pos), scenery, effects),
                    }
                }
                egui::Event::PointerMoved(pos) => {
                    self.pointer = Some(pos);
                    if let Some(target) = self
                        .target(scale)
                        .filter(|_| self.drag == Some(Drag::Annotate) || self.held.is_none() && over(pos))
                    {
                        annotate.moved(&target, pixel(pos), ui.ctx());
                    }
                    match self.drag {
                        _ if self.held.is_none() => {}
                        Some(_) => self.drag_to(pos, pixel(pos), scenery, effects),
                        None => self.handle(Input::Move { at: pixel(pos) }),
                    }
                }
                egui::Event::PointerButton { pos, button, pressed: false, .. }
                    if self.held.is_some() && self.held == button_of(button) =>
                {
                    self.end_drawing(annotate, pixel(pos), ui);
                    self.release(pixel(pos));
                }
                egui::Event::PointerGone => self.pointer = None,
                // A drag whose release goes to another window would never end.
                egui::Event::WindowFocused(false) => {
                    self.end_drawing(annotate, [f64::NAN; 2], ui);
                    self.release([f64::NAN; 2]);
                }
                egui::Event::MouseWheel { unit, delta, modifiers, .. } if self.pointer.is_some_and(&over) => {
                    // Some systems turn the wheel sideways while Shift is held.
                    let modifiers = modifiers | scenery.modifiers;
                    let sideways = modifiers.shift && delta.y == 0.0;
                    let delta = f64::from(if sideways { delta.x } else { delta.y });
                    let notches = match unit {
                        egui::MouseWheelUnit::Point => delta / POINTS_PER_NOTCH,
                        egui::MouseWheelUnit::Line => delta,
                        egui::MouseWheelUnit::Page => delta * 10.0,
                    };
                    self.turn_wheel(scenery.mouse.turned(modifiers), notches, effects);
                }
                egui::Event::Zoom(factor) if self.pointer.is_some_and(&over) => {
                    self.handle(Input::Pinch { zoom: f64::from(factor), pan: [0.0; 2] });
                }
                _ => {}
            }
        }
        if let Some(hosts) = hosts {
            // Whatever a hand has tried: the host shows it as it was.
            self.view = hosts;
            effects.retain(Effect::is_of_this_window);
        }
        if self.view.revision != before.0 {
            self.pace = Pace::Moving;
        }
        if self.view.window != before.1 {
            effects.push(Effect::WindowChanged(self.view.window));
        }
        let normal = self.view.plane.normal();
        let paged = normal * (self.view.plane.center_mm - before.2).dot(normal);
        if self.is_slice() && paged.length() > 1e-9 {
            effects.push(Effect::Paged(paged));
        }
        if let Some(at) = self.pointer.filter(|&at| over(at)) {
            effects.extend(self.probe(pixel(at)).map(Effect::Hovered));
            if let Some(icon) = self.target(scale).and_then(|target| annotate.cursor(&target, pixel(at))) {
                ui.ctx().set_cursor_icon(icon);
            }
            if self.held.is_none() && self.handle_at(response.rect, at, scenery).is_some() {
                ui.ctx().set_cursor_icon(egui::CursorIcon::Grab);
            }
            if scenery.tool == Tool::Crosshair
                && let Some(crosshair) = self.crosshair(response.rect, scenery)
            {
                ui.ctx().set_cursor_icon(crosshair.pointer_at(at));
            }
        }
    }

    /// Notches are positive away from the user.
    fn turn_wheel(&mut self, turn: Turn, notches: f64, effects: &mut Vec<Effect>) {
        let delta = -notches * NOTCH;
        match turn {
            Turn::Slices => self.handle(Input::Wheel { delta }),
            Turn::TenSlices => {
                let times = if self.is_slice() { 10.0 } else { 1.0 };
                self.handle(Input::Wheel { delta: delta * times });
            }
            Turn::Zoom => self.handle(Input::ZoomWheel { delta }),
            Turn::Times => {
                self.wheel -= notches.clamp(-MOST_NOTCHES, MOST_NOTCHES);
                let times = self.wheel.trunc();
                self.wheel -= times;
                if times != 0.0 {
                    effects.push(Effect::TimeStepped(times as i64));
                }
            }
            Turn::WindowWidth | Turn::WindowCentre => {
                let (width, center) = (self.view.window.width(), self.view.window.center());
                let step = width * WINDOW_PER_NOTCH * notches.clamp(-MOST_NOTCHES, MOST_NOTCHES);
                let next = match turn {
                    Turn::WindowWidth => self.view.window.changed(center, width + step),
                    _ => self.view.window.changed(center + step, width),
                };
                self.view.set_window(next);
            }
            Turn::Nothing => {}
        }
    }

    fn end_drawing(&self, annotate: &mut Annotate, at: [f64; 2], ui: &egui::Ui) {
        let target = self.target(f64::from(ui.pixels_per_point()));
        if let Some(target) = target.filter(|_| self.drag == Some(Drag::Annotate)) {
            annotate.release(&target, at, ui.ctx());
        }
    }

    /// A press on the orientation cube or on a handle of what is cut away; false where neither is.
    fn press_on_solid(&mut self, rect: Rect, pos: egui::Pos2, scenery: &Scenery<'_>) -> bool {
        if !self.is_solid() {
            return false;
        }
        if let Some(side) = solid::clicked_side(&self.view.camera, rect, pos) {
            self.view.camera.patient_from_camera = side;
            self.view.touch();
            self.drag = None;
            return true;
        }
        self.drag = self.handle_at(rect, pos, scenery);
        self.drag.is_some()
    }

    /// What a drag does that begins at a handle over a volume.
    fn handle_at(&self, rect: Rect, pos: egui::Pos2, scenery: &Scenery<'_>) -> Option<Drag> {
        if !scenery.handles || !self.is_solid() {
            return None;
        }
        let geometry = self.series.outline().geometry();
        let planes = ClipPlanes::new(&self.view, geometry, rect);
        if let Some(handle) = planes.handle_at(pos) {
            return Some(Drag::Clip { handle, last: pos });
        }
        let face = CropBox::new(&self.view, geometry, rect).face_at(pos);
        face.map(|face| Drag::Crop { face, last: pos })
    }

    /// A press with a tool that `scene::interaction` does not know.
    fn begin(
        &mut self,
        tool: Tool,
        pos: egui::Pos2,
        pixel: [f64; 2],
        scenery: &Scenery<'_>,
        effects: &mut Vec<Effect>,
    ) {
        self.drag = match tool {
            Tool::Scroll => Some(Drag::Scroll { last: pos, rest: 0.0 }),
            Tool::Rotate => Some(Drag::Rotate { last: pos }),
            Tool::Magnifier => Some(Drag::Magnify),
            Tool::Curve if self.is_slice() => {
                effects.push(Effect::PathPoint(self.place(pixel)));
                None
            }
            Tool::Crosshair if self.is_slice() => {
                let handle = self.picture_rect.and_then(|rect| self.crosshair(rect, scenery)?.handle_at(pos));
                if handle.is_none() {
                    effects.push(Effect::CursorMoved(self.place(pixel)));
                }
                Some(handle.map_or(Drag::Cursor, Drag::Handle))
            }
            _ => None,
        };
    }

    fn drag_to(
        &mut self,
        pos: egui::Pos2,
        pixel: [f64; 2],
        scenery: &Scenery<'_>,
        effects: &mut Vec<Effect>,
    ) {
        match self.drag {
            Some(Drag::Cursor) => effects.push(Effect::CursorMoved(self.place(pixel))),
            Some(Drag::Handle(handle)) => {
                let lines = self.picture_rect.and_then(|rect| self.crosshair(rect, scenery));
                let Some((next, effect)) = lines.and_then(|lines| lines.dragged(handle, pos)) else { return };
                self.drag = Some(Drag::Handle(next));
                effects.push(effect);
            }
            Some(Drag::Scroll { last, rest }) => {
                let slices = rest + (pos.y - last.y) / POINTS_PER_SLICE;
                self.page(slices.trunc() as i64);
                self.drag = Some(Drag::Scroll { last: pos, rest: slices.fract() });
            }
            Some(Drag::Rotate { last }) => {
                let degrees = f64::from((pos.x - last.x) * DEGREES_PER_POINT);
                self.turn(degrees);
                self.drag = Some(Drag::Rotate { last: pos });
            }
            Some(Drag::Crop { face, last }) => {
                let Some(rect) = self.picture_rect else { return };
                let geometry = *self.series.outline().geometry();
                let bounds = CropBox::new(&self.view, &geometry, rect).dragged(face, pos - last);
                if let Some(bounds) = bounds {
                    self.view.clip.crop_voxels = Some(bounds);
                    self.view.touch();
                }
                self.drag = Some(Drag::Crop { face, last: pos });
            }
            Some(Drag::Clip { handle, last }) => {
                let Some(rect) = self.picture_rect else { return };
                let geometry = *self.series.outline().geometry();
                let moved = ClipPlanes::new(&self.view, &geometry, rect).dragged(handle, pos - last);
                if let Some((index, plane)) = moved {
                    self.view.clip.planes[index] = plane;
                    self.view.touch();
                }
                self.drag = Some(Drag::Clip { handle, last: pos });
            }
            Some(Drag::Magnify | Drag::Annotate) | None => {}
        }
    }

    /// Whether a press at this time is the second of a double click.
    fn is_second_press(&mut self, now: f64, at: egui::Pos2) -> bool {
        let before = self.pressed.replace((now, at));
        let second = before.is_some_and(|(then, there)| {
            now - then <= DOUBLE_CLICK_SECONDS && at.distance(there) <= DOUBLE_CLICK_POINTS
        });
        if second {
            self.pressed = None;
        }
        second
    }

    pub(super) fn release(&mut self, at: [f64; 2]) {
        self.drag = None;
        if self.held.take().is_some() {
            // Whatever was pressed for it: one button is held at a time.
            for button in [Button::Left, Button::Middle, Button::Right] {
                self.handle(Input::Release { button, at });
            }
        }
    }
}

fn button_of(button: egui::PointerButton) -> Option<Button> {
    match button {
        egui::PointerButton::Primary => Some(Button::Left),
        egui::PointerButton::Middle => Some(Button::Middle),
        egui::PointerButton::Secondary => Some(Button::Right),
        egui::PointerButton::Extra1 | egui::PointerButton::Extra2 => None,
    }
}
