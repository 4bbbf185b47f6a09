//! The arrangement of viewports.

use std::sync::atomic::{AtomicU64, Ordering};

use eframe::egui::{self, Align2, Color32, FontId, Rect, Role, Sense, Stroke, WidgetInfo, pos2, vec2};
use egui_tiles::{
    Behavior, Container, Grid, GridLayout, Linear, LinearDir, Tile, TileId, Tiles, Tree, UiResponse,
};

use super::text::tr;
use super::theme::{self, Icon};

/// Names a viewport for as long as it is on screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ViewportId(pub u32);

/// Most rows, and columns, of a grid.
pub const MOST: usize = 4;

/// Height of a viewport's header.
const HEADER: f32 = 24.0;

/// A grid whose cells are resized at the gaps, rearranged by dragging headers and split; or one viewport alone.
/// A viewport that is in another window keeps its place here, hidden.
pub struct Layout {
    tree: Tree<ViewportId>,
    maximised: Option<ViewportId>,
}

/// What a header tells and does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heading {
    pub title: String,
    pub color: Color32,
    /// What the title's menu is called.
    pub hint: String,
}

/// What happened to a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happened {
    Activated,
    ToggleMaximise,
    Close,
}

/// Draws what is below a viewport's header, and the menu behind its title.
pub trait Show {
    fn heading(&self, id: ViewportId) -> Heading;
    fn menu(&mut self, ui: &mut egui::Ui, id: ViewportId);
    fn viewport(&mut self, ui: &mut egui::Ui, id: ViewportId);
    fn is_active(&self, id: ViewportId) -> bool;
    fn happened(&mut self, id: ViewportId, what: Happened);
}

/// An arrangement as it is kept in a file. Shares, widths and heights are the parts of rows and columns; none means equal ones.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Node {
    View(u32),
    Grid {
        columns: usize,
        cells: Vec<Node>,
        #[serde(default)]
        widths: Vec<f32>,
        #[serde(default)]
        heights: Vec<f32>,
    },
    Row {
        cells: Vec<Node>,
        shares: Vec<f32>,
    },
    Column {
        cells: Vec<Node>,
        shares: Vec<f32>,
    },
}

impl Node {
    /// Deeper arrangements are nobody's.
    const DEEPEST: usize = 8;

    fn insert(&self, tiles: &mut Tiles<ViewportId>, seen: &mut Vec<u32>, depth: usize) -> Option<TileId> {
        if depth > Self::DEEPEST {
            return None;
        }
        let mut all = |cells: &[Self]| -> Vec<TileId> {
            cells.iter().take(MOST * MOST).filter_map(|cell| cell.insert(tiles, seen, depth + 1)).collect()
        };
        let (direction, cells, shares) = match self {
            Self::View(id) => {
                let new = seen.len() < MOST * MOST && *id < u32::MAX && !seen.contains(id);
                seen.push(*id);
                return new.then(|| tiles.insert_pane(ViewportId(*id)));
            }
            Self::Grid { columns, cells, widths, heights } => {
                let mut grid = Grid::new(all(cells));
                grid.layout = GridLayout::Columns((*columns).clamp(1, MOST));
                let possible = |shares: &[f32]| -> Vec<f32> {
                    let possible = |share: &f32| if is_share(share) { *share } else { 1.0 };
                    shares.iter().take(MOST * MOST).map(possible).collect()
                };
                (grid.col_shares, grid.row_shares) = (possible(widths), possible(heights));
                return Some(tiles.insert_new(Tile::Container(Container::Grid(grid))));
            }
            Self::Row { cells, shares } => (LinearDir::Horizontal, all(cells), shares),
            Self::Column { cells, shares } => (LinearDir::Vertical, all(cells), shares),
        };
        let mut linear = Linear::new(direction, cells);
        for (cell, share) in linear.children.clone().into_iter().zip(shares) {
            if is_share(share) {
                linear.shares.set_share(cell, *share);
            }
        }
        Some(tiles.insert_new(Tile::Container(Container::Linear(linear))))
    }

    fn of(tree: &Tree<ViewportId>, tile: TileId) -> Option<Self> {
        let all = |cells: &mut dyn Iterator<Item = &TileId>| -> Vec<Self> {
            cells.filter_map(|cell| Self::of(tree, *cell)).collect()
        };
        match tree.tiles.get(tile)? {
            Tile::Pane(id) => Some(Self::View(id.0)),
            Tile::Container(Container::Grid(grid)) => {
                let columns = match grid.layout {
                    GridLayout::Columns(columns) => columns,
                    GridLayout::Auto => 2,
                };
                let (widths, heights) = (grid.col_shares.clone(), grid.row_shares.clone());
                Some(Self::Grid { columns, cells: all(&mut grid.children()), widths, heights })
            }
            Tile::Container(Container::Linear(linear)) => {
                let shares = linear.children.iter().map(|child| linear.shares[*child]).collect();
                let cells = all(&mut linear.children.iter());
                Some(match linear.dir {
                    LinearDir::Horizontal => Self::Row { cells, shares },
                    LinearDir::Vertical => Self::Column { cells, shares },
                })
            }
            Tile::Container(Container::Tabs(tabs)) => {
                Some(Self::Row { cells: all(&mut tabs.children.iter()), shares: Vec::new() })
            }
        }
    }
}

/// Whether a part of a row or column is one that a hand can have dragged.
fn is_share(share: &f32) -> bool {
    (0.01..=100.0).contains(share)
}

impl Layout {
    /// What was kept of an arrangement; what makes no sense in it is left out. None if nothing is left.
    pub fn of(node: &Node) -> Option<Self> {
        let mut tiles = Tiles::default();
        let root = node.insert(&mut tiles, &mut Vec::new(), 0)?;
        Some(Self::new(root, tiles)).filter(|layout| !layout.ids().is_empty())
    }

    fn new(root: TileId, tiles: Tiles<ViewportId>) -> Self {
        // Of its own for each: windows drag their tiles independently.
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let id = egui::Id::unique(("viewports", NUMBER.fetch_add(1, Ordering::Relaxed)));
        Self { tree: Tree::new(id, root, tiles), maximised: None }
    }

    /// The arrangement to keep, with the places of those that are hidden.
    pub fn node(&self) -> Option<Node> {
        Node::of(&self.tree, self.tree.root()?)
    }

    /// Rows of equal cells, filled row by row.
    pub fn grid(columns: usize, ids: &[ViewportId]) -> Self {
        let mut tiles = Tiles::default();
        let panes = ids.iter().map(|&id| tiles.insert_pane(id)).collect();
        let mut grid = Grid::new(panes);
        grid.layout = GridLayout::Columns(columns.clamp(1, MOST));
        let root = tiles.insert_new(Tile::Container(Container::Grid(grid)));
        Self::new(root, tiles)
    }

    /// The viewports from the top left, row by row.
    pub fn ids(&self) -> Vec<ViewportId> {
        self.panes(|tile| self.tree.tiles.is_visible(tile))
    }

    fn panes(&self, wanted: impl Fn(TileId) -> bool) -> Vec<ViewportId> {
        let mut ids = Vec::new();
        let mut open: Vec<TileId> = self.tree.root().into_iter().collect();
        while let Some(tile) = open.pop() {
            match self.tree.tiles.get(tile) {
                Some(Tile::Pane(id)) if wanted(tile) => ids.push(*id),
                Some(Tile::Pane(_)) => {}
                Some(Tile::Container(container)) => {
                    open.extend(container.children().copied().collect::<Vec<_>>().into_iter().rev());
                }
                None => {}
            }
        }
        ids
    }

    pub fn maximised(&self) -> Option<ViewportId> {
        self.maximised
    }

    pub fn toggle_maximise(&mut self, id: ViewportId) {
        self.maximised = if self.maximised.is_some() { None } else { Some(id) };
    }

    pub fn maximise(&mut self, id: ViewportId) {
        self.maximised = Some(id);
    }

    pub fn restore(&mut self) {
        self.maximised = None;
    }

    /// Halves a viewport's cell; the new one is right of it or below.
    pub fn split(&mut self, id: ViewportId, below: bool, new: ViewportId) {
        let Some(cell) = self.tree.tiles.find_pane(&id) else { return };
        let halves = vec![self.tree.tiles.insert_pane(id), self.tree.tiles.insert_pane(new)];
        let direction = if below { LinearDir::Vertical } else { LinearDir::Horizontal };
        // In its old place, so that whatever holds the cell need not know.
        let halved = Tile::Container(Container::Linear(Linear::new(direction, halves)));
        self.tree.tiles.insert(cell, halved);
        self.maximised = None;
    }

    /// Takes a viewport out of sight and keeps its place; its neighbours grow.
    pub fn hide(&mut self, id: ViewportId) {
        if let Some(cell) = self.tree.tiles.find_pane(&id) {
            self.tree.set_visible(cell, false);
        }
        self.maximised = self.maximised.filter(|maximised| *maximised != id);
    }

    /// Shows a viewport in the place that was kept for it, else behind all others, as far as there is room.
    pub fn add(&mut self, id: ViewportId) {
        self.maximised = None;
        if let Some(cell) = self.tree.tiles.find_pane(&id) {
            return self.tree.set_visible(cell, true);
        }
        let hidden = self.panes(|tile| !self.tree.tiles.is_visible(tile));
        let new = Node::View(id.0);
        let node = match self.node() {
            Some(Node::Grid { columns, mut cells, widths, heights }) => {
                cells.push(new);
                Node::Grid { columns, cells, widths, heights }
            }
            Some(node) => Node::Row { cells: vec![node, new], shares: Vec::new() },
            None => Node::Grid { columns: 1, cells: vec![new], widths: Vec::new(), heights: Vec::new() },
        };
        if let Some(layout) = Self::of(&node) {
            *self = layout;
            hidden.into_iter().for_each(|id| self.hide(id));
        }
    }

    /// Takes a viewport away; its neighbours grow.
    pub fn close(&mut self, id: ViewportId) {
        if let Some(cell) = self.tree.tiles.find_pane(&id) {
            self.tree.remove_recursively(cell);
        }
        self.maximised = None;
    }

    pub fn show(&mut self, ui: &mut egui::Ui, show: &mut dyn Show) {
        let single = self.maximised.is_some() || self.ids().len() == 1;
        let mut panes = Panes { show, maximised: self.maximised.is_some(), single };
        match self.maximised {
            Some(id) => {
                panes.pane(ui, id);
            }
            None => self.tree.ui(&mut panes, ui),
        }
    }
}

struct Panes<'a> {
    show: &'a mut dyn Show,
    maximised: bool,
    /// Nothing else is on screen.
    single: bool,
}

impl Panes<'_> {
    /// Returns whether the header is being dragged away.
    fn pane(&mut self, ui: &mut egui::Ui, id: ViewportId) -> bool {
        let rect = ui.available_rect_before_wrap();
        let header = Rect::from_min_size(rect.min, vec2(rect.width(), HEADER));
        let dragged = self.header(ui, header, id);
        let below = Rect::from_min_max(header.left_bottom(), rect.max);
        let mut inner = ui.new_child(egui::UiBuilder::new().max_rect(below).id_salt(id));
        inner.shrink_clip_rect(below);
        self.show.viewport(&mut inner, id);
        if self.show.is_active(id) {
            let stroke = Stroke::new(1.0, theme::accent());
            ui.painter().rect_stroke(rect, 0.0, stroke, egui::StrokeKind::Inside);
        }
        dragged
    }

    fn header(&mut self, ui: &mut egui::Ui, rect: Rect, id: ViewportId) -> bool {
        let active = self.show.is_active(id);
        let heading = self.show.heading(id);
        let handle = ui.interact(rect, egui::Id::unique((id, "header")), Sense::click_and_drag());
        handle.widget_info(|| {
            WidgetInfo::labeled(Role::Group, true, tr!("header-of", title = heading.title.as_str()))
        });
        let painter = ui.painter_at(rect);
        painter.rect_filled(rect, 0.0, if active { theme::raised() } else { theme::panel() });
        painter.circle_filled(rect.left_center() + vec2(12.0, 0.0), 4.0, heading.color);

        let mut right = rect.right();
        let square = |right: &mut f32| {
            *right -= HEADER;
            Rect::from_min_size(pos2(*right, rect.top()), vec2(HEADER, HEADER))
        };
        if !self.single {
            let place = square(&mut right);
            if icon_button(ui, place, Icon::Close, (id, "close"), &tr!("close-this-viewport"), &heading.title)
            {
                self.show.happened(id, Happened::Close);
            }
        }
        let (icon, hint) = if self.maximised {
            (Icon::Restore, tr!("restore-f"))
        } else {
            (Icon::Maximise, tr!("maximise-f-or-double-click"))
        };
        let place = square(&mut right);
        let maximise = icon_button(ui, place, icon, (id, "maximise"), &hint, &heading.title);

        let room = Rect::from_min_max(rect.min + vec2(19.0, 0.0), pos2(right - 2.0, rect.bottom()));
        self.title(ui, room, id, &heading, active);

        if handle.clicked() {
            self.show.happened(id, Happened::Activated);
        }
        if maximise || handle.double_clicked() {
            self.show.happened(id, Happened::Activated);
            self.show.happened(id, Happened::ToggleMaximise);
        }
        let handle = handle.on_hover_cursor(egui::CursorIcon::Grab);
        handle.drag_started_by(egui::PointerButton::Primary) && !self.single
    }

    /// What is shown, which opens a menu of what else could be.
    fn title(&mut self, ui: &mut egui::Ui, room: Rect, id: ViewportId, heading: &Heading, active: bool) {
        let color = if active { theme::strong() } else { theme::text() };
        let font = FontId::proportional(13.0);
        let mut job = egui::text::LayoutJob::simple_singleline(heading.title.clone(), font, color);
        job.wrap = egui::text::TextWrapping::truncate_at_width((room.width() - 22.0).max(1.0));
        let galley = ui.painter().layout_job(job);
        let place = Rect::from_min_size(room.min, vec2(galley.size().x + 22.0, room.height()));
        let button = ui.interact(place, egui::Id::unique((id, "title")), Sense::click());
        button.widget_info(|| WidgetInfo::labeled(Role::Button, true, &heading.hint));
        if button.hovered() || button.has_focus() {
            ui.painter().rect_filled(place.shrink2(vec2(0.0, 2.0)), 3.0, theme::hovered());
        }
        let at = Align2::LEFT_CENTER.anchor_size(place.left_center() + vec2(4.0, 0.0), galley.size()).min;
        ui.painter().galley(at, galley, color);
        Icon::Menu.paint(ui.painter(), place.right_center() - vec2(9.0, 0.0), theme::weak());
        let button = button.on_hover_text(&heading.hint);
        if button.clicked() {
            self.show.happened(id, Happened::Activated);
        }
        egui::Popup::menu(&button).show(|ui| self.show.menu(ui, id));
    }
}

fn icon_button(
    ui: &egui::Ui,
    place: Rect,
    icon: Icon,
    name: (ViewportId, &str),
    hint: &str,
    title: &str,
) -> bool {
    let button = ui.interact(place, egui::Id::unique(name), Sense::click()).on_hover_text(hint);
    button.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("{hint}: {title}")));
    let color = if button.hovered() || button.has_focus() { theme::strong() } else { theme::weak() };
    icon.paint(ui.painter(), place.center(), color);
    button.clicked()
}

impl Behavior<ViewportId> for Panes<'_> {
    fn pane_ui(&mut self, ui: &mut egui::Ui, _: TileId, pane: &mut ViewportId) -> UiResponse {
        if self.pane(ui, *pane) { UiResponse::DragStarted } else { UiResponse::None }
    }

    fn tab_title_for_pane(&mut self, pane: &ViewportId) -> egui::WidgetText {
        self.show.heading(*pane).title.into()
    }

    fn gap_width(&self, _: &egui::Style) -> f32 {
        3.0
    }

    fn min_size(&self) -> f32 {
        120.0
    }

    fn resize_stroke(&self, _: &egui::Style, state: egui_tiles::ResizeState) -> Stroke {
        match state {
            egui_tiles::ResizeState::Idle => Stroke::new(3.0, theme::line()),
            _ => Stroke::new(3.0, theme::accent()),
        }
    }

    fn simplification_options(&self) -> egui_tiles::SimplificationOptions {
        egui_tiles::SimplificationOptions {
            all_panes_must_have_tabs: false,
            ..egui_tiles::SimplificationOptions::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splitting_and_closing_keep_the_order_of_reading() {
        let id = ViewportId;
        let mut layout = Layout::grid(2, &[id(1), id(2), id(3), id(4)]);
        layout.split(id(1), false, id(5));
        layout.split(id(5), true, id(6));
        assert_eq!(layout.ids(), [1, 5, 6, 2, 3, 4].map(id));
        layout.close(id(5));
        layout.close(id(9));
        assert_eq!(layout.ids(), [1, 6, 2, 3, 4].map(id));
    }

    #[test]
    fn what_was_hidden_comes_back_to_its_place_and_what_is_new_behind_the_others() {
        let id = ViewportId;
        let mut layout = Layout::grid(2, &[id(1), id(2), id(3), id(4)]);
        layout.hide(id(2));
        layout.hide(id(3));
        assert_eq!(layout.ids(), [1, 4].map(id));
        layout.add(id(7));
        assert_eq!(layout.ids(), [1, 4, 7].map(id));
        layout.add(id(3));
        layout.add(id(2));
        assert_eq!(layout.ids(), [1, 2, 3, 4, 7].map(id));
        let Some(Node::Grid { columns: 2, cells, .. }) = layout.node() else { panic!("no grid any more") };
        assert_eq!(cells.len(), 5);

        let mut alone = Layout::grid(1, &[id(1)]);
        alone.split(id(1), false, id(2));
        alone.hide(id(1));
        alone.hide(id(2));
        assert_eq!(alone.ids(), []);
        alone.add(id(1));
        assert_eq!(alone.ids(), [id(1)]);
    }
}
