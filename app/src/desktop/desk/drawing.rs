//! What is drawn on slices, and what can be taken back.

use glam::DVec3;
use reading::{Edit, Key};
use render_core::Window;
use render_core::scene::ViewState;

use super::Desk;
use crate::desktop::annotate;
use crate::desktop::command::Command;
use crate::desktop::layout::ViewportId;
use crate::desktop::tool::Tool;
use crate::desktop::viewport::Viewport;

/// About what a view's state holds.
const VIEW_BYTES: usize = 8 << 10;

/// Something that can be taken back, as what takes it back.
#[derive(Debug)]
pub enum Step {
    Reading(Edit),
    Views(Views),
}

/// Views as they were.
pub(super) type Views = Vec<(ViewportId, ViewState)>;

impl Desk {
    /// Commands of what is drawn; false for others.
    pub(super) fn run_drawing(&mut self, command: &Command) -> bool {
        let active = self.active;
        match *command {
            Command::SetTool(tool) => self.set_tool(tool),
            Command::Arrow(by) if self.annotate.editor.wants_arrows() => {
                self.annotate_key(Key::Nudge(0, by as i16));
            }
            Command::StepViewport(by) if self.annotate.editor.wants_arrows() => {
                self.annotate_key(Key::Nudge(by as i16, 0));
            }
            Command::Nudge(x, y) if self.tool != Tool::Crosshair => self.annotate_key(Key::Nudge(x, y)),
            Command::NextHandle => self.annotate_key(Key::Next),
            Command::Enter => self.annotate_key(Key::Enter),
            Command::Delete => self.annotate_key(Key::Delete),
            Command::ToggleKeyImage => {
                if let Some(target) = self.viewports.get(&active).and_then(|v| v.target(1.0)) {
                    self.annotate.toggle_key_image(&target, &self.ctx);
                }
            }
            Command::ScaleBrush(factor) => self.annotate.scale_brush(factor),
            Command::ToggleAnnotations => self.annotate.toggle_hidden(),
            Command::ToggleMeasurements => self.annotate.toggle_panel(),
            Command::JumpTo(id) => self.jump_to(id),
            Command::Undo => self.undo(),
            Command::Redo => self.redo(),
            _ => return false,
        }
        true
    }

    pub(in crate::desktop) fn set_tool(&mut self, tool: Tool) {
        self.tool = tool;
        let drawing = if let Tool::Annotate(tool) = tool { Some(tool) } else { None };
        // A brush without a segment would paint nothing.
        if drawing == Some(reading::Tool::Brush)
            && let Some(viewport) = self.viewports.get(&self.active)
        {
            self.annotate.segment(&viewport.series);
        }
        self.annotate.set_tool(drawing);
    }

    /// What slices of a series are shown with.
    pub fn window_of(&self, series_id: &str) -> Option<Window> {
        let slice = self.viewports.values().find(|v| v.is_slice() && v.series.series_id == series_id)?;
        Some(slice.view.window)
    }

    fn annotate_key(&mut self, key: Key) {
        if let Some(target) = self.viewports.get(&self.active).and_then(|v| v.target(1.0)) {
            self.annotate.key(&target, key, &self.ctx);
        }
    }

    /// Leaves what is being drawn, or selected. Returns whether there was anything to leave.
    pub fn leave_drawing(&mut self) -> bool {
        let Some(target) = self.viewports.get(&self.active).and_then(|v| v.target(1.0)) else { return false };
        self.annotate.key(&target, Key::Escape, &self.ctx)
    }

    /// What was drawn since the last call becomes steps that can be taken back.
    pub fn keep_steps(&mut self) {
        for annotate::Done { name, edit, merge } in self.annotate.take_done() {
            let bytes = edit.bytes();
            let step = Step::Reading(edit);
            match merge {
                Some(key) => self.history.push_merged(name, step, bytes, key),
                None => self.history.push(name, step, bytes),
            };
        }
    }

    fn undo(&mut self) {
        self.keep_steps();
        let mut history = std::mem::take(&mut self.history);
        history.undo(|step| self.apply(step));
        self.history = history;
    }

    fn redo(&mut self) {
        let mut history = std::mem::take(&mut self.history);
        history.redo(|step| self.apply(step));
        self.history = history;
    }

    fn apply(&mut self, step: Step) -> Step {
        match step {
            Step::Reading(edit) => Step::Reading(self.annotate.reading.apply(edit)),
            Step::Views(views) => {
                let swap = |(id, view): (ViewportId, ViewState)| {
                    let viewport = self.viewports.get_mut(&id)?;
                    let (revision, size) = (viewport.view.revision + 1, viewport.view.size);
                    let before = std::mem::replace(&mut viewport.view, ViewState { revision, size, ..view });
                    Some((id, before))
                };
                Step::Views(views.into_iter().filter_map(swap).collect())
            }
        }
    }

    /// The views as they are now, to be compared with later.
    pub(super) fn views(&self) -> Views {
        self.viewports.iter().map(|(&id, viewport)| (id, viewport.view.clone())).collect()
    }

    /// What has changed since then becomes a step. Slices that were only paged are none, and neither are views of
    /// other series.
    pub(super) fn keep_views(&mut self, before: Views) {
        let changed = |(id, old): &(ViewportId, ViewState)| {
            let Some(now) = self.viewports.get(id).map(|viewport| &viewport.view) else { return false };
            let normal = old.plane.normal();
            let along = normal * (now.plane.center_mm - old.plane.center_mm).dot(normal);
            let mut paged = old.clone();
            (paged.revision, paged.size) = (now.revision, now.size);
            paged.plane.center_mm += along;
            let still = paged.plane.center_mm.distance(now.plane.center_mm) < 1e-6;
            paged.plane.center_mm = now.plane.center_mm;
            !(still && paged == *now)
        };
        let changed: Views = before.into_iter().filter(changed).collect();
        if !changed.is_empty() {
            let bytes = changed.len() * VIEW_BYTES;
            self.history.push("Change view", Step::Views(changed), bytes);
        }
    }

    /// A drag that begins or ends, anywhere in the window: what it does to views is one step.
    pub(super) fn observe_drag(&mut self, is_down: bool) {
        match (is_down, self.before_drag.take()) {
            (true, None) => self.before_drag = Some(self.views()),
            (true, before) => self.before_drag = before,
            (false, Some(before)) => self.keep_views(before),
            (false, None) => {}
        }
    }

    /// Shows the slice of an annotation: in the active viewport if it shows the series, else in the slice view whose
    /// plane is nearest.
    fn jump_to(&mut self, id: reading::Id) {
        let Some(annotation) = self.annotate.reading.get(id) else { return };
        let center_mm = annotation.center_mm();
        let to = reading::Placement { center_mm, ..annotation.placement };
        let along = |v: &Viewport| v.view.plane.normal().dot(to.normal()).abs();
        let slices =
            self.viewports.values().filter(|v| v.is_slice() && v.series.series_id == annotation.series);
        let best = slices.max_by(|a, b| {
            let own = |v: &Viewport| along(v) > 0.9999 && v.id == self.active;
            (own(a), along(a)).partial_cmp(&(own(b), along(b))).unwrap_or(std::cmp::Ordering::Equal)
        });
        let Some(id) = best.map(|viewport| viewport.id) else { return };
        self.active = id;
        if let Some(viewport) = self.viewports.get_mut(&id) {
            annotate::jump(&mut viewport.view.plane, &to);
            viewport.view.touch();
            self.page_others(id, DVec3::ZERO);
        }
    }
}
