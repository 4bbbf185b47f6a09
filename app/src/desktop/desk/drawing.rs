//! What is drawn on slices, and what can be taken back.

use glam::DVec3;
use reading::{Edit, Held, History, Key};
use render_core::Window;
use render_core::scene::ViewState;
use render_core::scene::layer::{Layer, Look};

use super::Desk;
use crate::desktop::annotate;
use crate::desktop::command::Command;
use crate::desktop::kind::Kind;
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
pub(super) type Views = Vec<View>;

/// A viewport's view, and what it is one of: in another series it means nothing.
#[derive(Clone, Debug)]
pub struct View {
    id: ViewportId,
    series_id: String,
    kind: Kind,
    /// What lay over it, and how that looked; the state has no layers, so that it keeps no volume alive.
    over: Option<String>,
    looks: Vec<(Look, f32)>,
    state: ViewState,
}

impl View {
    fn of(viewport: &Viewport) -> Self {
        let look = |layer: &Layer| (layer.look.clone(), layer.opacity);
        Self {
            id: viewport.id,
            series_id: viewport.series.series_id.clone(),
            kind: viewport.kind,
            over: viewport.over.as_ref().map(|series| series.series_id.clone()),
            looks: viewport.view.layers.iter().map(look).collect(),
            state: ViewState { layers: Vec::new(), ..viewport.view.clone() },
        }
    }

    /// Whether a viewport still shows the series, or another time of it.
    fn is_of(&self, viewport: &Viewport) -> bool {
        viewport.series.is(&self.series_id)
    }

    /// The state in a viewport as it is now: what lies over it stays and takes its old look where it is the same.
    fn state_in(&self, viewport: &Viewport) -> ViewState {
        let (revision, size) = (viewport.view.revision, viewport.view.size);
        let mut layers = viewport.view.layers.clone();
        if self.over.as_deref() == viewport.over.as_ref().map(|series| series.series_id.as_str()) {
            for (layer, (look, opacity)) in layers.iter_mut().zip(&self.looks) {
                (layer.look, layer.opacity) = (look.clone(), *opacity);
            }
        }
        ViewState { revision, size, layers, ..self.state.clone() }
    }
}

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
        let done = self.annotate.take_done();
        if done.is_empty() {
            return;
        }
        for annotate::Done { name, edit, merge } in done {
            let step = Step::Reading(edit);
            match merge {
                Some(key) => self.history.push_merged(name, step, 0, key),
                None => self.history.push(name, step, 0),
            };
        }
        self.weigh_steps();
    }

    /// Whatever changes the reading changes what steps share with it.
    fn weigh_steps(&mut self) {
        let reading = &self.annotate.reading;
        let bytes = |held: &mut Held, step: &Step| match step {
            Step::Reading(edit) => held.bytes(edit),
            Step::Views(views) => views.len() * VIEW_BYTES,
        };
        self.history.weigh(|| Held::beside(reading), bytes);
    }

    fn undo(&mut self) {
        self.keep_steps();
        let mut history = self.take_history();
        history.undo(self, |desk, step| desk.sees(step, &desk.shown()), Self::apply);
        self.history = history;
        self.weigh_steps();
    }

    fn redo(&mut self) {
        let mut history = self.take_history();
        history.redo(self, |desk, step| desk.sees(step, &desk.shown()), Self::apply);
        self.history = history;
        self.weigh_steps();
    }

    /// What undo and redo would do: nothing that nobody would see.
    pub fn next_steps(&self) -> [Option<&str>; 2] {
        let shown = self.shown();
        let sees = |step: &Step| self.sees(step, &shown);
        [self.history.undo_name(sees), self.history.redo_name(sees)]
    }

    /// Whether a step changes what is on screen: views, what was drawn on a series of the viewports that are `shown`,
    /// or a row of the table of measurements.
    fn sees(&self, step: &Step, shown: &[&Viewport]) -> bool {
        match step {
            Step::Views(_) => true,
            Step::Reading(Edit::Annotation { .. }) if self.annotate.shows_panel() => true,
            Step::Reading(edit) => {
                let is_shown = |id: &str| {
                    shown.iter().any(|viewport| viewport.series.is(id) && !self.waits(viewport.id))
                };
                edit.is_of(&self.annotate.reading, &is_shown)
            }
        }
    }

    /// The steps without those of views that show another series now.
    fn take_history(&mut self) -> History<Step> {
        let mut history = std::mem::take(&mut self.history);
        history.retain(|step| match step {
            Step::Reading(_) => true,
            Step::Views(views) => {
                views
                    .retain(|view| self.viewports.get(&view.id).is_some_and(|viewport| view.is_of(viewport)));
                !views.is_empty()
            }
        });
        history
    }

    fn apply(&mut self, step: Step) -> Step {
        match step {
            Step::Reading(edit) => Step::Reading(self.annotate.reading.apply(edit)),
            Step::Views(views) => {
                let swap = |view: View| {
                    let viewport =
                        self.viewports.get_mut(&view.id).filter(|viewport| view.is_of(viewport))?;
                    let before = View::of(viewport);
                    viewport.view = view.state_in(viewport);
                    viewport.view.touch();
                    viewport.kind = view.kind;
                    Some(before)
                };
                Step::Views(views.into_iter().filter_map(swap).collect())
            }
        }
    }

    /// The views as they are now, to be compared with later.
    pub(super) fn views(&self) -> Views {
        self.viewports.values().map(View::of).collect()
    }

    /// What has changed since then becomes a step. Slices that were only paged are none, and neither are views of
    /// other series.
    pub(super) fn keep_views(&mut self, before: Views) {
        let changed = |old: &View| {
            let Some(viewport) = self.viewports.get(&old.id).filter(|v| old.is_of(v)) else { return false };
            let now = &viewport.view;
            let mut paged = old.state_in(viewport);
            let normal = paged.plane.normal();
            paged.plane.center_mm += normal * (now.plane.center_mm - paged.plane.center_mm).dot(normal);
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
    /// plane is nearest. A series that is on no slice view comes first.
    fn jump_to(&mut self, id: reading::Id) {
        if !self.jump_on_screen(id)
            && let Some(annotation) = self.annotate.reading.get(id)
        {
            let series = annotation.series.clone();
            let slices = self.viewports.values().filter(|viewport| viewport.is_slice());
            let slice = slices.map(|viewport| viewport.id).min_by_key(|id| (*id != self.active, *id));
            self.jump_when_there = Some(id);
            self.want(&series, slice);
        }
    }

    /// Shows the annotation that waited for its series.
    pub(super) fn jump_if_there(&mut self, series_id: &str) {
        let Some(id) = self.jump_when_there else { return };
        let of_series = |annotation: &reading::Annotation| annotation.series == series_id;
        if self.annotate.reading.get(id).is_none_or(of_series) {
            self.jump_when_there = None;
            self.jump_on_screen(id);
        }
    }

    fn jump_on_screen(&mut self, id: reading::Id) -> bool {
        let Some(annotation) = self.annotate.reading.get(id) else { return true };
        let center_mm = annotation.center_mm();
        let to = reading::Placement { center_mm, ..annotation.placement };
        let along = |v: &Viewport| v.view.plane.normal().dot(to.normal()).abs();
        let slices =
            self.viewports.values().filter(|v| v.is_slice() && v.series.series_id == annotation.series);
        let best = slices.max_by(|a, b| {
            let own = |v: &Viewport| along(v) > 0.9999 && v.id == self.active;
            (own(a), along(a)).partial_cmp(&(own(b), along(b))).unwrap_or(std::cmp::Ordering::Equal)
        });
        let Some(id) = best.map(|viewport| viewport.id) else { return false };
        self.active = id;
        if let Some(viewport) = self.viewports.get_mut(&id) {
            annotate::jump(&mut viewport.view.plane, &to);
            viewport.view.touch();
            self.page_others(id, DVec3::ZERO);
        }
        true
    }
}
