//! What is on screen: series in viewports, and what one viewport does to others.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use eframe::egui;
use eframe::egui_wgpu::RenderState;
use glam::DVec3;
use reading::History;
use render_core::scene::{Content, PresetLibrary, ViewState};
use render_core::{Renderer, Window};

mod arrangement;
mod cells;
mod commands;
mod drawing;
mod linking;
mod play;
#[cfg(test)]
mod tests;
mod windows;

use arrangement::Look;
pub use arrangement::{Arrangement, Cell};
use cells::Cells;
use drawing::{Step, Views};
use linking::Offsets;
pub use play::{CINE_RATES, Cine};
pub use windows::{Monitor, Place, SavedWindow, SideWindow, To};

use super::annotate::Annotate;
use super::command::Command;
use super::connection::Uses;
use super::curve::Drawn;
use super::export::Subject;
use super::hybrid::Hybrid;
use super::kind::Kind;
use super::layout::{Happened, Layout, ViewportId};
use super::menu::{Candidate, Windows};
use super::mouse::Mouse;
use super::session::SavedView;
use super::study::OpenSeries;
use super::text::tr;
use super::tool::Tool;
use super::viewport::{Cut, Effect, Probe, Scenery, Viewport};
use super::{overlay, theme};

/// What a viewport waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Want {
    /// A series in its first look.
    Show(String, Kind),
    /// Another time of its series, looked at as this one.
    Time(String),
    /// A series over its own.
    Over(String),
}

impl Want {
    fn series_id(&self) -> &str {
        match self {
            Self::Show(id, _) | Self::Time(id) | Self::Over(id) => id,
        }
    }
}

/// All that is on screen.
pub struct Desk {
    pub(super) viewports: BTreeMap<ViewportId, Viewport>,
    /// What is to be shown once it is loaded; what was there before stays until then.
    wanted: Vec<(ViewportId, Want)>,
    /// Times of 4D series that were shown.
    kept: Vec<Arc<OpenSeries>>,
    pub cine: Option<Cine>,
    /// How fast the next one plays.
    pub cine_per_second: f64,
    path: Option<Drawn>,
    /// How series were looked at before the arrangement changed, for viewports that they have not come into yet.
    stayed: BTreeMap<ViewportId, Look>,
    /// Views of the last session whose series have not come yet.
    pub(super) saved: BTreeMap<ViewportId, SavedView>,
    /// Of the main window.
    pub layout: Layout,
    /// Those beside the main one, by their numbers.
    pub windows: BTreeMap<u32, SideWindow>,
    pub active: ViewportId,
    probe: Option<Probe>,
    /// What was under the pointer when the windows were drawn last.
    pub probe_shown: Option<Probe>,
    pub tool: Tool,
    /// What its buttons and its wheel do.
    mouse: Mouse,
    pub annotate: Annotate,
    pub history: History<Step>,
    /// The views when a mouse button went down.
    before_drag: Option<Views>,
    /// Whether a mouse button is down in any window.
    is_down: bool,
    /// Whether a host's views are shown, which lie as there.
    is_mirror: bool,
    /// The keys that are held in any window: the one under the mouse may have no keyboard. Those of the last pass, and
    /// of this one as far as it is.
    modifiers: [egui::Modifiers; 2],
    /// An annotation whose series is not there yet.
    jump_when_there: Option<reading::Id>,
    /// Whether parallel slices of a patient space page together.
    pub linked: bool,
    /// How far other patient spaces are off that page along.
    offsets: Option<Offsets>,
    pub demographics: bool,
    pub reference_lines: bool,
    pub overlay_planes: bool,
    /// Whether a host shows all this, and nothing of it may be changed here.
    pub watches: bool,
    /// Whether volumes show the handles of what is cut away.
    pub handles: bool,
    /// Where the planes of each patient space cross.
    cursors: HashMap<String, DVec3>,
    /// Of the last session, for series that have not come yet.
    pub(super) saved_cursors: HashMap<String, DVec3>,
    pub(super) saved_blends: BTreeMap<ViewportId, f32>,
    pub(super) next: u32,
    ctx: egui::Context,
    /// The window's card, if pictures come from there.
    card: Option<RenderState>,
}

impl Desk {
    pub fn new(ctx: &egui::Context, card: Option<RenderState>) -> Self {
        Self {
            viewports: BTreeMap::new(),
            wanted: Vec::new(),
            kept: Vec::new(),
            cine: None,
            cine_per_second: play::USUAL_RATE,
            path: None,
            stayed: BTreeMap::new(),
            saved: BTreeMap::new(),
            layout: Layout::grid(1, &[ViewportId(0)]),
            windows: BTreeMap::new(),
            active: ViewportId(0),
            probe: None,
            probe_shown: None,
            tool: Tool::default(),
            mouse: Mouse::default(),
            annotate: Annotate::default(),
            history: History::default(),
            before_drag: None,
            is_down: false,
            is_mirror: false,
            modifiers: [egui::Modifiers::NONE; 2],
            jump_when_there: None,
            linked: true,
            offsets: None,
            demographics: true,
            reference_lines: true,
            overlay_planes: true,
            watches: false,
            handles: false,
            cursors: HashMap::new(),
            saved_cursors: HashMap::new(),
            saved_blends: BTreeMap::new(),
            next: 1,
            ctx: ctx.clone(),
            card,
        }
    }

    /// Whether anything is shown.
    pub fn is_empty(&self) -> bool {
        self.viewports.is_empty()
    }

    /// Whether any picture is there yet.
    pub fn shows_pictures(&self) -> bool {
        self.viewports.values().any(|viewport| viewport.on_screen().is_some())
    }

    pub fn active(&self) -> Option<&Viewport> {
        self.viewports.get(&self.active)
    }

    /// The series in memory, each once.
    pub fn series(&self) -> Vec<&Arc<OpenSeries>> {
        let mut all: Vec<&Arc<OpenSeries>> = Vec::new();
        for viewport in self.viewports.values() {
            if !all.iter().any(|known| known.series_id == viewport.series.series_id) {
                all.push(&viewport.series);
            }
        }
        all
    }

    /// The series on screen, those that lie over others too; some more than once.
    pub fn seen(&self) -> impl Iterator<Item = &Arc<OpenSeries>> {
        self.viewports.values().flat_map(|viewport| std::iter::once(&viewport.series).chain(&viewport.over))
    }

    /// The series of servers on screen, or over one that is, each once.
    pub fn hybrids(&self) -> Vec<Arc<Hybrid>> {
        let mut all: Vec<Arc<Hybrid>> = Vec::new();
        for hybrid in self.in_memory().iter().filter_map(|series| series.hybrid()) {
            if !all.iter().any(|known| Arc::ptr_eq(known, hybrid)) {
                all.push(Arc::clone(hybrid));
            }
        }
        all
    }

    /// The viewport whose window is told, and set by keys and fields: the active one, or a slice of its series where
    /// that is a shaded volume, whose transfer function alone says what is seen.
    pub fn windowed(&self) -> Option<&Viewport> {
        let active = self.active()?;
        if active.view.content.is_cut() || matches!(active.view.content, Content::Projection(_)) {
            return Some(active);
        }
        let series = &active.series.series_id;
        self.viewports.values().find(|viewport| viewport.is_slice() && viewport.series.series_id == *series)
    }

    /// The viewport that volume presets and projections are for: the active one if it is no slice, else
    /// the first one of the same series.
    pub fn volume_viewport(&self) -> Option<&Viewport> {
        let active = self.active();
        let is_volume = |viewport: &&Viewport| !viewport.view.content.is_cut();
        active.filter(is_volume).or_else(|| {
            let series = active.map(|viewport| viewport.series.series_id.as_str());
            self.viewports
                .values()
                .filter(is_volume)
                .find(|viewport| series.is_none_or(|id| viewport.series.series_id == id))
        })
    }

    /// What there is to export: the viewports that are on screen, the active one first.
    pub fn subjects(&self) -> Vec<Subject> {
        let mut shown = self.shown();
        shown.sort_by_key(|viewport| viewport.id != self.active);
        shown
            .into_iter()
            .filter_map(|viewport| {
                let (series, view) = (Arc::clone(&viewport.series), viewport.view.clone());
                let drawn = self.annotate.drawn(&series.series_id);
                let segments = self.annotate.drawn_segments(&series.series_id);
                let (overlay_planes, rect) = (self.overlay_planes, viewport.rect()?);
                Some(Subject { series, view, drawn, segments, overlay_planes, rect })
            })
            .collect()
    }

    /// The ids of the series that still have to be loaded, in the order of their cells.
    pub fn missing(&self) -> Vec<String> {
        let mut missing: Vec<String> = Vec::new();
        for id in self.ids() {
            for (_, want) in self.wanted.iter().filter(|(of, _)| *of == id) {
                if !missing.iter().any(|known| known == want.series_id()) {
                    missing.push(want.series_id().to_owned());
                }
            }
        }
        missing
    }

    /// Whether nothing but this series is going to be in the main window.
    pub fn waits_for(&self, series_id: &str) -> bool {
        let ids = self.layout.ids();
        let wanted = |id: &ViewportId| {
            self.wanted
                .iter()
                .any(|(of, want)| of == id && matches!(want, Want::Show(wanted, _) if wanted == series_id))
        };
        !ids.is_empty() && ids.iter().all(wanted)
    }

    /// Shows a host's views; those that are there stay. Returns the others.
    pub fn mirror(&mut self, views: &[(ViewportId, Arc<OpenSeries>)]) -> Vec<ViewportId> {
        let mut others = Vec::new();
        for (id, series) in views {
            match self.viewports.get_mut(id) {
                Some(viewport) if Arc::ptr_eq(&viewport.series, series) => continue,
                Some(viewport) => viewport.show_series(Arc::clone(series), Kind::Axial, &self.ctx),
                None => self.add(*id, Kind::Axial, Arc::clone(series)),
            }
            others.push(*id);
        }
        others
    }

    /// Every series that is shown, over another one or kept.
    pub fn in_memory(&self) -> Vec<Arc<OpenSeries>> {
        let over = self.viewports.values().filter_map(|viewport| viewport.over.as_ref());
        self.series().into_iter().chain(over).chain(&self.kept).cloned().collect()
    }

    /// Whether the active viewport shows what a server draws now.
    pub fn shows_a_servers(&self) -> bool {
        self.active().is_some_and(|viewport| viewport.is_drawn_there())
    }

    /// Viewports that show a server's series, or have one over theirs, become empty.
    pub fn let_go_of_servers(&mut self) {
        let is_there = |series: &Arc<OpenSeries>| series.hybrid().is_some();
        self.viewports.retain(|_, viewport| {
            !is_there(&viewport.series) && !viewport.over.as_ref().is_some_and(is_there)
        });
        self.kept.retain(|series| !is_there(series));
        self.is_mirror = false;
        self.forget_cursors();
    }

    /// Series of a server's that are another patient's now are shown no longer.
    pub fn let_go_of(&mut self, ids: &[String]) {
        let is_gone = |series: &Arc<OpenSeries>| series.hybrid().is_some() && ids.contains(&series.series_id);
        self.viewports
            .retain(|_, viewport| !is_gone(&viewport.series) && !viewport.over.as_ref().is_some_and(is_gone));
        self.kept.retain(|series| !is_gone(series));
        self.forget_cursors();
    }

    /// The series of servers that viewports show, or have over another one.
    pub fn uses_of_servers(&self) -> Uses {
        let mut uses = Uses::default();
        for (id, viewport) in &self.viewports {
            for series in std::iter::once(&viewport.series).chain(&viewport.over) {
                if series.hybrid().is_some() {
                    uses.shown.insert(series.series_id.clone());
                    uses.staying.extend((!self.waits(*id)).then(|| series.series_id.clone()));
                }
            }
        }
        uses
    }

    /// Viewports whose series of a server's makes room for another one become empty.
    pub fn let_go_of_what_goes(&mut self) {
        let wanted = &self.wanted;
        let waits =
            |id: &ViewportId| wanted.iter().any(|(of, want)| of == id && matches!(want, Want::Show(..)));
        self.viewports.retain(|id, viewport| viewport.series.hybrid().is_none() || !waits(id));
        self.forget_cursors();
    }

    /// Nothing is waited for any more.
    pub(super) fn forget_all(&mut self) {
        self.wanted.clear();
    }

    fn want_one(&mut self, id: ViewportId, want: Want) {
        let same = |old: &Want| matches!(old, Want::Over(_)) == matches!(want, Want::Over(_));
        self.wanted.retain(|(of, old)| *of != id || !same(old));
        self.wanted.push((id, want));
    }

    /// Lays a series over a viewport's own, or takes it away.
    pub fn fuse(&mut self, id: ViewportId, over: Option<String>) {
        self.wanted.retain(|(of, want)| *of != id || !matches!(want, Want::Over(_)));
        match over {
            Some(over) => {
                self.want_one(id, Want::Over(over));
                self.fill_from_memory();
            }
            None => {
                if let Some(viewport) = self.viewports.get_mut(&id) {
                    viewport.fuse(None);
                }
            }
        }
    }

    fn fill_from_memory(&mut self) {
        for series in self.in_memory() {
            self.fill(&series);
        }
    }

    /// Another grid: cells keep what they show in their order, new ones show the active series.
    pub fn set_grid(&mut self, rows: usize, columns: usize) {
        let mut ids = self.layout.ids();
        let count = rows * columns;
        for id in ids.split_off(count.min(ids.len())) {
            self.viewports.remove(&id);
            self.wanted.retain(|(of, _)| *of != id);
        }
        let active = self.active().map(|viewport| Arc::clone(&viewport.series));
        let kinds = [Kind::Axial, Kind::Coronal, Kind::Sagittal, Kind::Volume];
        while ids.len() < count {
            let id = self.new_id();
            if let Some(series) = &active {
                let shown = |kind: &Kind| {
                    self.viewports.values().any(|v| v.kind == *kind && v.series.series_id == series.series_id)
                };
                let kind = kinds.into_iter().find(|kind| !shown(kind)).unwrap_or(Kind::Axial);
                self.add(id, kind, Arc::clone(series));
            }
            ids.push(id);
        }
        self.layout = Layout::grid(columns, &ids);
        if !self.ids().contains(&self.active) {
            self.active = ids.first().copied().unwrap_or(ViewportId(0));
        }
    }

    /// Shows a series in the place of the one that is active: everywhere, if it is the only one on
    /// screen, else in one viewport.
    pub fn want(&mut self, series_id: &str, only: Option<ViewportId>) {
        let single = self.series().len() <= 1;
        let ids = match only {
            Some(id) => vec![id],
            None if single => self.ids(),
            None => vec![self.active],
        };
        for id in ids {
            let kind = self.viewports.get(&id).map_or(Kind::Axial, |viewport| viewport.kind);
            self.want_one(id, Want::Show(series_id.to_owned(), kind));
        }
        self.fill_from_memory();
    }

    /// What was wanted and cannot be had is forgotten.
    pub fn forget(&mut self, series_id: &str) {
        self.wanted.retain(|(_, want)| want.series_id() != series_id);
    }

    /// Shows a series wherever it was wanted.
    pub fn fill(&mut self, series: &Arc<OpenSeries>) {
        let (now, later) = std::mem::take(&mut self.wanted).into_iter().partition(|(id, want)| {
            // What lies over a series comes after it.
            want.series_id() == series.series_id
                && (!matches!(want, Want::Over(_)) || self.viewports.contains_key(id) && !self.waits(*id))
        });
        self.wanted = later;
        let now: Vec<(ViewportId, Want)> = now;
        let mut shown_anew = false;
        for (id, want) in now {
            let stayed = match want {
                Want::Show(_, kind) => {
                    self.stayed.remove(&id).filter(|look| look.is_of(&series.series_id, kind))
                }
                Want::Time(_) | Want::Over(_) => None,
            };
            match (self.viewports.get_mut(&id), want) {
                (Some(viewport), Want::Show(_, kind)) => {
                    viewport.show_series(Arc::clone(series), kind, &self.ctx);
                    shown_anew = true;
                }
                (Some(viewport), Want::Time(_)) => viewport.replace_volume(Arc::clone(series), &self.ctx),
                (Some(viewport), Want::Over(_)) => {
                    viewport.fuse(Some(Arc::clone(series)));
                    self.saved_blends.remove(&id).into_iter().for_each(|opacity| viewport.blend(opacity));
                }
                (None, Want::Show(_, kind)) => {
                    self.add(id, kind, Arc::clone(series));
                    shown_anew = true;
                }
                (None, Want::Time(_) | Want::Over(_)) => {}
            }
            if let (Some(viewport), Some(look)) = (self.viewports.get_mut(&id), stayed) {
                // What lies over it comes by itself.
                viewport.adopt(ViewState { layers: Vec::new(), ..look.view });
            }
        }
        self.keep(series);
        if shown_anew && self.wanted.iter().any(|(_, want)| matches!(want, Want::Over(_))) {
            self.fill_from_memory();
        }
        let geometry = series.outline().geometry();
        let inside = |place: &DVec3| {
            let voxel = geometry.voxel_from_patient().transform_point3(*place);
            (0..3).all(|axis| (-0.5..=f64::from(geometry.dims()[axis]) - 0.5).contains(&voxel[axis]))
        };
        // Only what is shown has a crossing.
        if self.viewports.values().any(|viewport| viewport.frame() == series.frame)
            && let Some(place) = self.saved_cursors.remove(&series.frame).filter(inside)
        {
            self.cursors.insert(series.frame.clone(), place);
        }
        self.cursors.entry(series.frame.clone()).or_insert_with(|| geometry.center_mm());
        self.forget_cursors();
        self.jump_if_there(&series.series_id);
    }

    /// Whether another series comes into a viewport.
    pub(super) fn waits(&self, id: ViewportId) -> bool {
        self.wanted.iter().any(|(of, want)| *of == id && matches!(want, Want::Show(..)))
    }

    fn add(&mut self, id: ViewportId, kind: Kind, series: Arc<OpenSeries>) {
        let viewport = Viewport::new(id, kind, series, &self.ctx, self.card.as_ref());
        self.viewports.insert(id, viewport);
    }

    fn forget_cursors(&mut self) {
        let viewports = &self.viewports;
        self.cursors.retain(|frame, _| viewports.values().any(|viewport| viewport.frame() == frame));
    }

    pub(super) fn cursors(&self) -> impl Iterator<Item = (&String, &DVec3)> {
        self.cursors.iter()
    }

    fn new_id(&mut self) -> ViewportId {
        let id = ViewportId(self.next);
        self.next += 1;
        id
    }

    /// Whether the keyboard's focus is in a viewport of a side window, or else of the main one.
    pub fn has_focus(&self, window: Option<u32>) -> bool {
        let layout = match window {
            Some(number) => self.windows.get(&number).map(|window| &window.layout),
            None => Some(&self.layout),
        };
        let ids = layout.map(Layout::ids).unwrap_or_default();
        ids.iter().filter_map(|id| self.viewports.get(id)).any(Viewport::has_focus)
    }

    /// A preset of the user's has changed.
    pub fn refresh_presets(&mut self, presets: &PresetLibrary) {
        for viewport in self.viewports.values_mut() {
            viewport.view.refresh_preset(presets, viewport.series.outline());
        }
    }

    /// What a side window shows, or else the main one.
    pub fn show(
        &mut self,
        ui: &mut egui::Ui,
        window: Option<u32>,
        renderer: &Renderer,
        candidates: &[Candidate],
        commands: &mut Vec<Command>,
    ) {
        self.annotate.poll(ui.ctx());
        if ui.input(|input| input.pointer.any_down()) {
            self.is_down = true;
            self.observe_drag(true);
        }
        self.modifiers[1] |= ui.input(|input| input.modifiers);
        let cuts: Vec<Cut> = self
            .viewports
            .values()
            .filter(|viewport| viewport.is_slice())
            .map(|viewport| Cut {
                id: viewport.id,
                frame: viewport.frame().to_owned(),
                plane: viewport.view.plane,
                thickness_mm: viewport.view.slab.thickness_mm,
                color: viewport.color(),
            })
            .collect();
        let scenery = Scenery {
            renderer,
            active: self.active,
            cuts: &cuts,
            cursors: &self.cursors,
            path: self.path.as_ref(),
            tool: self.tool,
            mouse: self.mouse,
            modifiers: self.modifiers[0],
            demographics: self.demographics,
            reference_lines: self.reference_lines,
            overlay_planes: self.overlay_planes,
            handles: self.handles,
            several_series: self.series().len() > 1,
            by_offset: self.pages_spaces(),
            watches: self.watches,
        };
        let here = window.and_then(|number| self.windows.get(&number));
        let single = here.is_some_and(|window| window.layout.ids().len() == 1);
        let mut cells = Cells {
            viewports: &mut self.viewports,
            annotate: &mut self.annotate,
            wanted: &self.wanted,
            is_mirror: self.is_mirror,
            others: candidates,
            windows: Windows { numbers: self.windows.keys().copied().collect(), here: window, alone: single },
            scenery: &scenery,
            effects: Vec::new(),
            happened: Vec::new(),
            commands,
        };
        let layout = match window {
            Some(number) => self.windows.get_mut(&number).map(|window| &mut window.layout),
            None => Some(&mut self.layout),
        };
        match layout {
            Some(layout) if !layout.ids().is_empty() => layout.show(ui, &mut cells),
            _ => {
                let rect = ui.available_rect_before_wrap();
                let text = tr!("all-in-other-windows");
                overlay::centered(&ui.painter_at(rect), rect, &text, theme::OVERLAY_WEAK);
            }
        }
        let Cells { effects, happened, .. } = cells;
        // What one viewport does to another shows at once, not at the next move of the mouse.
        let mut others_changed = false;
        for (id, what) in happened {
            others_changed = true;
            match what {
                Happened::Activated => self.active = id,
                Happened::ToggleMaximise => self.layout_of(id).toggle_maximise(id),
                Happened::Close => self.close(id),
            }
        }
        for (id, effect) in effects {
            others_changed |= self.take_effect(id, effect);
        }
        if let Some(window) = window.and_then(|number| self.windows.get_mut(&number))
            && window.layout.ids().contains(&self.active)
        {
            window.last_active = self.active;
        }
        if others_changed {
            ui.ctx().request_repaint();
        }
    }

    /// Before any window shows its viewports.
    pub fn begin_pass(&mut self, mouse: Mouse) {
        self.mouse = mouse;
        self.probe = None;
        self.is_down = false;
        self.modifiers = [self.modifiers[1], egui::Modifiers::NONE];
    }

    /// Whether a mouse button is down in any window.
    pub fn is_down(&self) -> bool {
        self.is_down
    }

    /// After all windows have shown theirs: a drag ends where no button is down in any.
    pub fn end_pass(&mut self) {
        if !self.is_down {
            self.observe_drag(false);
        }
        // What tells of it was drawn before.
        if self.probe != self.probe_shown {
            self.probe_shown.clone_from(&self.probe);
            self.ctx.request_repaint();
        }
    }

    /// Returns whether another viewport has changed.
    fn take_effect(&mut self, id: ViewportId, effect: Effect) -> bool {
        let Some(source) = self.viewports.get(&id) else { return false };
        let (frame, normal) = (source.frame().to_owned(), source.view.plane.normal());
        match effect {
            Effect::Activated => {
                let changed = self.active != id;
                self.active = id;
                changed
            }
            Effect::DoubleClicked => {
                self.layout_of(id).toggle_maximise(id);
                true
            }
            Effect::Hovered(found) => {
                self.probe = Some(found);
                false
            }
            Effect::WindowChanged(window) => {
                self.set_window(id, window);
                true
            }
            Effect::Paged(shift_mm) => {
                self.page_others(id, shift_mm);
                true
            }
            Effect::CursorMoved(place) => {
                self.cursors.insert(frame.clone(), place);
                for other in self.slices_of(&frame, id) {
                    other.move_to(place);
                }
                true
            }
            Effect::CutMoved { of, shift_mm } => {
                if let Some(cursor) = self.cursors.get_mut(&frame) {
                    *cursor += shift_mm;
                }
                if let Some(other) = self.viewports.get_mut(&of) {
                    other.follow(shift_mm);
                }
                true
            }
            Effect::OthersTurned { degrees, about_mm } => {
                for other in self.slices_of(&frame, id) {
                    // Cuts that are parallel to this one have no line in it.
                    if other.view.plane.normal().cross(normal).length() > 1e-3 {
                        other.view.plane.tilt(normal, degrees, about_mm);
                        other.view.touch();
                    }
                }
                true
            }
            Effect::TimeStepped(by) => {
                self.active = id;
                self.step_time(by);
                true
            }
            Effect::PathPoint(point_mm) => {
                self.draw_path(id, point_mm);
                true
            }
            Effect::Slab { of, thickness_mm } => {
                if let Some(other) = self.viewports.get_mut(&of) {
                    other.view.slab.thickness_mm = thickness_mm;
                    other.view.touch();
                }
                true
            }
        }
    }

    fn close(&mut self, id: ViewportId) {
        let layout = self.layout_of(id);
        if layout.ids().len() > 1 {
            layout.close(id);
            let next = layout.ids().first().copied();
            // The place that was kept for it goes, too.
            self.layout.close(id);
            self.viewports.remove(&id);
            self.wanted.retain(|(of, _)| *of != id);
            if self.active == id {
                self.active = next.unwrap_or(id);
            }
            self.forget_cursors();
        }
    }

    fn split(&mut self, id: ViewportId, below: bool) {
        let new = self.new_id();
        self.layout_of(id).split(id, below, new);
        if let Some(viewport) = self.viewports.get(&id) {
            let (kind, series) = (viewport.kind, Arc::clone(&viewport.series));
            let view = viewport.view.clone();
            self.add(new, kind, series);
            if let Some(copy) = self.viewports.get_mut(&new) {
                copy.adopt(view);
            }
        }
        self.active = new;
    }

    /// Slices of a series share a window; other views have their own.
    fn set_window(&mut self, id: ViewportId, window: Window) {
        let Some(source) = self.viewports.get_mut(&id) else { return };
        source.view.set_window(window);
        if !source.is_slice() {
            return;
        }
        let series = source.series.series_id.clone();
        for other in self.viewports.values_mut() {
            if other.id != id && other.is_slice() && other.series.series_id == series {
                other.view.set_window(window);
            }
        }
    }

    /// To another viewport, by this many places in the order of reading.
    pub fn step(&mut self, by: isize) {
        let ids = self.ids();
        let Some(here) = ids.iter().position(|&id| id == self.active) else { return };
        self.active = ids[(here as isize + by).rem_euclid(ids.len() as isize) as usize];
        let active = self.active;
        let layout = self.layout_of(active);
        if layout.maximised().is_some() {
            layout.maximise(active);
        }
    }
}
