//! The arrangement of viewports.

use eframe::egui::{self, Align2, Color32, FontId, Rect, Role, Sense, Stroke, WidgetInfo, vec2};
use egui_tiles::{Behavior, Grid, GridLayout, Tile, TileId, Tiles, Tree, UiResponse};
use render_core::scene::Content;
use render_core::scene::view::Orientation;

use super::theme::{self, Icon};
use super::viewport::{Effect, Scenery, Viewport};

/// The four viewports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ViewId {
    Axial,
    Coronal,
    Sagittal,
    Volume,
}

impl ViewId {
    /// In the order that keys step through.
    pub const ALL: [Self; 4] = [Self::Axial, Self::Coronal, Self::Sagittal, Self::Volume];
    pub const SLICES: [Self; 3] = [Self::Axial, Self::Coronal, Self::Sagittal];

    pub fn name(self) -> &'static str {
        match self {
            Self::Axial => "Axial",
            Self::Coronal => "Coronal",
            Self::Sagittal => "Sagittal",
            Self::Volume => "Volume",
        }
    }

    pub fn color(self) -> Color32 {
        match self {
            Self::Axial => theme::AXIAL,
            Self::Coronal => theme::CORONAL,
            Self::Sagittal => theme::SAGITTAL,
            Self::Volume => theme::VOLUME,
        }
    }

    /// What it shows at first.
    pub fn content(self) -> (Content, Orientation) {
        match self {
            Self::Axial => (Content::Slice, Orientation::Axial),
            Self::Coronal => (Content::Slice, Orientation::Coronal),
            Self::Sagittal => (Content::Slice, Orientation::Sagittal),
            Self::Volume => (Content::Volume, Orientation::Axial),
        }
    }

    /// Its place in `ALL`.
    pub fn index(self) -> usize {
        self as usize
    }
}

const HEADER: f32 = 24.0;

/// Two by two, resized at the gaps and rearranged by dragging the headers; or one viewport alone.
pub struct Layout {
    tree: Tree<ViewId>,
    maximised: Option<ViewId>,
}

impl Default for Layout {
    fn default() -> Self {
        let mut tiles = Tiles::default();
        let panes = [ViewId::Axial, ViewId::Volume, ViewId::Coronal, ViewId::Sagittal]
            .map(|id| tiles.insert_pane(id))
            .to_vec();
        let mut grid = Grid::new(panes);
        grid.layout = GridLayout::Columns(2);
        let root = tiles.insert_new(Tile::Container(egui_tiles::Container::Grid(grid)));
        Self { tree: Tree::new(egui::Id::unique("viewports"), root, tiles), maximised: None }
    }
}

impl Layout {
    pub fn maximised(&self) -> Option<ViewId> {
        self.maximised
    }

    pub fn toggle_maximise(&mut self, id: ViewId) {
        self.maximised = if self.maximised.is_some() { None } else { Some(id) };
    }

    pub fn maximise(&mut self, id: ViewId) {
        self.maximised = Some(id);
    }

    pub fn restore(&mut self) {
        self.maximised = None;
    }

    /// Shows the viewports and returns what happened in them.
    pub fn show(
        &mut self,
        ui: &mut egui::Ui,
        viewports: &mut [Viewport; 4],
        scenery: &Scenery<'_>,
    ) -> Vec<(ViewId, Effect)> {
        let mut panes =
            Panes { viewports, scenery, maximised: self.maximised.is_some(), effects: Vec::new() };
        match self.maximised {
            Some(id) => {
                panes.pane(ui, id);
            }
            None => self.tree.ui(&mut panes, ui),
        }
        panes.effects
    }
}

struct Panes<'a> {
    viewports: &'a mut [Viewport; 4],
    scenery: &'a Scenery<'a>,
    maximised: bool,
    effects: Vec<(ViewId, Effect)>,
}

impl Panes<'_> {
    /// Returns whether the header is being dragged away.
    fn pane(&mut self, ui: &mut egui::Ui, id: ViewId) -> bool {
        let rect = ui.available_rect_before_wrap();
        let header = Rect::from_min_size(rect.min, vec2(rect.width(), HEADER));
        let dragged = self.header(ui, header, id);
        let below = Rect::from_min_max(header.left_bottom(), rect.max);
        let mut inner = ui.new_child(egui::UiBuilder::new().max_rect(below).id_salt(id));
        inner.shrink_clip_rect(below);
        let effects = self.viewports[id.index()].show(&mut inner, self.scenery);
        self.effects.extend(effects.into_iter().map(|effect| (id, effect)));
        if self.scenery.active == id {
            let stroke = Stroke::new(1.0, theme::ACCENT);
            ui.painter().rect_stroke(rect, 0.0, stroke, egui::StrokeKind::Inside);
        }
        dragged
    }

    fn header(&mut self, ui: &mut egui::Ui, rect: Rect, id: ViewId) -> bool {
        let active = self.scenery.active == id;
        let handle = ui.interact(rect, egui::Id::unique((id, "header")), Sense::click_and_drag());
        handle.widget_info(|| WidgetInfo::labeled(Role::Group, true, format!("{} header", id.name())));
        let painter = ui.painter_at(rect);
        painter.rect_filled(rect, 0.0, if active { theme::RAISED } else { theme::PANEL });
        let middle = rect.left_center();
        painter.circle_filled(middle + vec2(12.0, 0.0), 4.0, id.color());
        let color = if active { theme::STRONG } else { theme::TEXT };
        painter.text(
            middle + vec2(23.0, 0.0),
            Align2::LEFT_CENTER,
            id.name(),
            FontId::proportional(13.0),
            color,
        );

        let size = vec2(HEADER, HEADER);
        let square = Rect::from_min_size(rect.right_top() - vec2(HEADER, 0.0), size);
        let (icon, hint) = if self.maximised {
            (Icon::Restore, "Restore (F)")
        } else {
            (Icon::Maximise, "Maximise (F or double click)")
        };
        let button =
            ui.interact(square, egui::Id::unique((id, "maximise")), Sense::click()).on_hover_text(hint);
        button.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("{hint}: {}", id.name())));
        let color = if button.hovered() || button.has_focus() { theme::STRONG } else { theme::WEAK };
        icon.paint(&painter, square.center(), color);

        if handle.clicked() || button.clicked() {
            self.effects.push((id, Effect::Activated));
        }
        if button.clicked() || handle.double_clicked() {
            self.effects.push((id, Effect::DoubleClicked));
        }
        let handle = handle.on_hover_cursor(egui::CursorIcon::Grab);
        handle.drag_started_by(egui::PointerButton::Primary) && !self.maximised
    }
}

impl Behavior<ViewId> for Panes<'_> {
    fn pane_ui(&mut self, ui: &mut egui::Ui, _: TileId, pane: &mut ViewId) -> UiResponse {
        if self.pane(ui, *pane) { UiResponse::DragStarted } else { UiResponse::None }
    }

    fn tab_title_for_pane(&mut self, pane: &ViewId) -> egui::WidgetText {
        pane.name().into()
    }

    fn gap_width(&self, _: &egui::Style) -> f32 {
        3.0
    }

    fn min_size(&self) -> f32 {
        120.0
    }

    fn resize_stroke(&self, _: &egui::Style, state: egui_tiles::ResizeState) -> Stroke {
        match state {
            egui_tiles::ResizeState::Idle => Stroke::new(3.0, theme::LINE),
            _ => Stroke::new(3.0, theme::ACCENT),
        }
    }

    fn simplification_options(&self) -> egui_tiles::SimplificationOptions {
        egui_tiles::SimplificationOptions {
            all_panes_must_have_tabs: false,
            ..egui_tiles::SimplificationOptions::default()
        }
    }
}
