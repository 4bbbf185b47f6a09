//! How viewports lie, and what they show: from a hanging protocol or a restored session.

use std::collections::BTreeMap;

use render_core::scene::{Content, ViewState};

use super::{Desk, Want};
use crate::desktop::kind::Kind;
use crate::desktop::layout::{self, Layout, Node, ViewportId};
use crate::desktop::viewport::Viewport;

/// What a cell of an arrangement holds: a series by its id, and how it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    pub series_id: String,
    pub kind: Kind,
    /// A series that is laid over it.
    pub over: Option<String>,
}

/// Rows of equal cells, filled row by row; `None` is left empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrangement {
    pub columns: usize,
    pub cells: Vec<Option<Cell>>,
}

impl Arrangement {
    /// Three cuts and a volume of one series.
    pub fn planes_and_volume(series_id: &str) -> Self {
        let cell = |kind| Some(Cell { series_id: series_id.to_owned(), kind, over: None });
        let kinds = [Kind::Axial, Kind::Volume, Kind::Coronal, Kind::Sagittal];
        Self { columns: 2, cells: kinds.map(cell).to_vec() }
    }
}

impl Desk {
    /// Lays out cells in the main window; what is in memory is shown at once. Other windows stay as they are. What is
    /// shown again in the same way is looked at as before.
    pub fn arrange(&mut self, arrangement: &Arrangement) {
        let open = self.in_memory();
        let ids: Vec<ViewportId> = arrangement.cells.iter().map(|_| self.new_id()).collect();
        self.layout = Layout::grid(arrangement.columns, &ids);
        let elsewhere = self.ids();
        // The picture that is there stays until the new one is.
        let all = std::mem::take(&mut self.viewports);
        let (others, old): (BTreeMap<_, _>, BTreeMap<_, _>) =
            all.into_iter().partition(|(id, _)| elsewhere.contains(id));
        self.viewports = others;
        let mut looks: Vec<Look> = old
            .iter()
            .filter(|(id, viewport)| !self.waits(**id) && viewport.view.content != Content::Curved)
            .map(|(_, viewport)| Look {
                cell: viewport.cell(),
                frame: viewport.frame().to_owned(),
                view: viewport.view.clone(),
            })
            .collect();
        let mut old: Vec<Viewport> = old.into_values().collect();
        self.wanted.retain(|(id, _)| elsewhere.contains(id));
        self.path = None;
        self.stayed.clear();
        for (&id, cell) in ids.iter().zip(&arrangement.cells) {
            let Some(cell) = cell else { continue };
            self.want_cell(id, cell);
            if let Some(look) = take_look(&mut looks, cell) {
                let layer = look.view.layers.first().filter(|_| look.cell == *cell);
                self.saved_blends.extend(layer.map(|layer| (id, layer.opacity)));
                let cursor = self.cursors.get(&look.frame).map(|place| (look.frame.clone(), *place));
                self.saved_cursors.extend(cursor);
                self.stayed.insert(id, look);
            }
            let same = old.iter().position(|v| v.kind == cell.kind);
            if let Some(mut viewport) = same.or((!old.is_empty()).then_some(0)).map(|index| old.remove(index))
            {
                viewport.id = id;
                self.viewports.insert(id, viewport);
            }
        }
        self.active = ids.first().copied().unwrap_or(ViewportId(0));
        for series in open {
            self.fill(&series);
        }
    }

    pub(in crate::desktop) fn want_cell(&mut self, id: ViewportId, cell: &Cell) {
        self.wanted.push((id, Want::Show(cell.series_id.clone(), cell.kind)));
        self.wanted.extend(cell.over.clone().map(|over| (id, Want::Over(over))));
    }

    /// What the main window shows, and in how many columns.
    pub fn cells(&self) -> (usize, Vec<Option<Cell>>) {
        let ids = self.layout.ids();
        let columns = match self.layout.node() {
            Some(Node::Grid { columns, .. }) => columns,
            _ => ids.len().min(layout::MOST),
        };
        let cell = |id: &ViewportId| self.viewports.get(id).map(Viewport::cell);
        (columns, ids.iter().map(cell).collect())
    }
}

impl Desk {
    /// The same with what viewports wait for in place of what they still show.
    pub fn cells_to_be(&self) -> (usize, Vec<Option<Cell>>) {
        let (columns, mut cells) = self.cells();
        for (id, cell) in self.layout.ids().into_iter().zip(&mut cells) {
            let wanted = self.wanted.iter().find_map(|(of, want)| match want {
                Want::Show(series_id, kind) if *of == id => Some((series_id.clone(), *kind)),
                _ => None,
            });
            if let Some((series_id, kind)) = wanted {
                *cell = Some(Cell { series_id, kind, over: None });
            }
        }
        (columns, cells)
    }
}

/// How a viewport looked at its series.
#[derive(Clone, Debug)]
pub(super) struct Look {
    cell: Cell,
    frame: String,
    pub view: ViewState,
}

impl Look {
    pub fn is_of(&self, series_id: &str, kind: Kind) -> bool {
        (self.cell.series_id.as_str(), self.cell.kind) == (series_id, kind)
    }
}

/// How a cell's series was looked at in a viewport of the same kind, with the same series over it where there is one. What
/// several cells show goes to one after the other.
fn take_look(looks: &mut Vec<Look>, cell: &Cell) -> Option<Look> {
    let index = looks.iter().position(|look| look.cell == *cell);
    let index = index.or_else(|| looks.iter().position(|look| look.is_of(&cell.series_id, cell.kind)))?;
    let look = looks.remove(index);
    looks.push(look.clone());
    Some(look)
}
