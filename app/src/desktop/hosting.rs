//! How a host's viewports lie, as its guests are told of it and take it over. Their wire form has rows and columns only.

use std::collections::BTreeSet;

use protocol::message::{Cell, HostLayout, MAX_SHARE, Split};

use super::layout::{Layout, Node, ViewportId};

/// How viewports lie that are on screen, without places that are kept for hidden ones. `number` tells which view of
/// guests a viewport is; where there is none, its place is empty. Several windows stand beside each other, and what is
/// maximised in one is all that there is of it. `None` where nothing is on screen.
pub fn told(layouts: &[&Layout], number: impl Fn(ViewportId) -> Option<u8>) -> Option<HostLayout> {
    let cell = |id: ViewportId| number(id).map_or(Cell::Empty, |view| Cell::View { view });
    let root = |layout: &Layout| {
        let shown: BTreeSet<ViewportId> = layout.ids().into_iter().collect();
        told_cell(&layout.node()?, &|id| shown.contains(&id).then(|| cell(id)))
    };
    if let [layout] = layouts {
        return Some(HostLayout { root: root(layout)?, maximised: layout.maximised().and_then(&number) });
    }
    let one =
        |layout: &&Layout| layout.maximised().map(cell).or_else(|| root(layout)).map(|cell| (cell, 1.0));
    Some(HostLayout { root: split(Cell::Row, layouts.iter().filter_map(one).collect())?, maximised: None })
}

/// `None` of what shows nothing.
fn told_cell(node: &Node, cell: &impl Fn(ViewportId) -> Option<Cell>) -> Option<Cell> {
    let share = |shares: &[f32], i: usize| shares.get(i).copied().unwrap_or(1.0);
    let all = |cells: &[Node], shares: &[f32]| {
        let told =
            cells.iter().enumerate().filter_map(|(i, one)| Some((told_cell(one, cell)?, share(shares, i))));
        told.collect()
    };
    match node {
        Node::View(id) => cell(ViewportId(*id)),
        Node::Row { cells, shares } => split(Cell::Row, all(cells, shares)),
        Node::Column { cells, shares } => split(Cell::Column, all(cells, shares)),
        Node::Grid { columns, cells, widths, heights } => {
            let told: Vec<Cell> = cells.iter().filter_map(|one| told_cell(one, cell)).collect();
            let row = |cells: &[Cell]| {
                let cells =
                    (0..*columns).map(|i| (cells.get(i).cloned().unwrap_or(Cell::Empty), share(widths, i)));
                split(Cell::Row, cells.collect())
            };
            let rows = told.chunks((*columns).max(1)).enumerate();
            split(
                Cell::Column,
                rows.filter_map(|(i, cells)| Some((row(cells)?, share(heights, i)))).collect(),
            )
        }
    }
}

/// Cells with their shares; one alone is itself.
fn split(kind: fn(Split) -> Cell, mut cells: Vec<(Cell, f32)>) -> Option<Cell> {
    if cells.len() < 2 {
        return cells.pop().map(|(cell, _)| cell);
    }
    let sum: f32 = cells.iter().map(|(_, share)| share).sum();
    let part = |share: f32| ((share / sum * f32::from(MAX_SHARE)).round() as u16).clamp(1, MAX_SHARE);
    let (cells, shares) = cells.into_iter().map(|(cell, share)| (cell, part(share))).unzip();
    Some(kind(Split { cells, shares }))
}

/// The same for a guest's window, in which `view` tells the viewport of a view, and `empty` those of empty places.
pub fn taken(
    cell: &Cell,
    view: impl Fn(u8) -> ViewportId + Copy,
    empty: &mut impl Iterator<Item = ViewportId>,
) -> Node {
    let (split, is_row) = match cell {
        Cell::View { view: number } => return Node::View(view(*number).0),
        Cell::Empty => return Node::View(empty.next().map_or(u32::MAX, |id| id.0)),
        Cell::Row(split) => (split, true),
        Cell::Column(split) => (split, false),
    };
    let cells: Vec<Node> = split.cells.iter().map(|cell| taken(cell, view, empty)).collect();
    let mean = split.shares.iter().copied().map(f32::from).sum::<f32>() / cells.len() as f32;
    let shares = split.shares.iter().map(|&share| f32::from(share) / mean).collect();
    if is_row { Node::Row { cells, shares } } else { Node::Column { cells, shares } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(view: u8) -> Cell {
        Cell::View { view }
    }

    fn row(cells: &[Cell], shares: &[u16]) -> Cell {
        Cell::Row(Split { cells: cells.to_vec(), shares: shares.to_vec() })
    }

    fn column(cells: &[Cell], shares: &[u16]) -> Cell {
        Cell::Column(Split { cells: cells.to_vec(), shares: shares.to_vec() })
    }

    fn layout(node: &Node) -> Layout {
        Layout::of(node).expect("viewports")
    }

    fn grid(columns: usize, ids: &[u32]) -> Layout {
        Layout::grid(columns, &ids.iter().map(|&id| ViewportId(id)).collect::<Vec<_>>())
    }

    /// What guests call them; 9 is not shown to guests.
    fn number(id: ViewportId) -> Option<u8> {
        u8::try_from(id.0).ok().filter(|number| *number != 9)
    }

    fn root(layout: &Layout) -> Cell {
        let told = told(&[layout], number).expect("it shows something");
        assert_eq!(told.maximised, None);
        told.root
    }

    #[test]
    fn grids_splits_and_dragged_dividers_are_told_as_rows_and_columns() {
        assert_eq!(root(&grid(3, &[1, 2, 3])), row(&[view(1), view(2), view(3)], &[3333; 3]));
        assert_eq!(root(&grid(1, &[4])), view(4));
        let four = column(
            &[row(&[view(1), view(2)], &[5000; 2]), row(&[view(3), Cell::Empty], &[5000; 2])],
            &[5000; 2],
        );
        assert_eq!(root(&grid(2, &[1, 2, 3])), four, "the last row has a hole");
        assert_eq!(root(&grid(2, &[1, 2, 3, 9])), four, "what guests do not see leaves its place");
        let dragged = Node::Grid {
            columns: 2,
            cells: [1, 2, 3, 4].map(Node::View).to_vec(),
            widths: vec![1.0, 3.0],
            heights: vec![1.5, 0.5],
        };
        let rows = [row(&[view(1), view(2)], &[2500, 7500]), row(&[view(3), view(4)], &[2500, 7500])];
        assert_eq!(root(&layout(&dragged)), column(&rows, &[7500, 2500]));
        let mut halved = grid(2, &[1, 2]);
        halved.split(ViewportId(2), true, ViewportId(5));
        let below = column(&[view(2), view(5)], &[5000; 2]);
        assert_eq!(root(&halved), row(&[view(1), below], &[5000; 2]));
    }

    #[test]
    fn a_maximised_view_is_told_and_windows_stand_beside_each_other() {
        let (mut main, mut side) = (grid(2, &[1, 2, 3]), grid(1, &[5]));
        main.hide(ViewportId(3));
        main.maximise(ViewportId(2));
        let alone = told(&[&main], number).expect("views");
        assert_eq!((alone.root, alone.maximised), (row(&[view(1), view(2)], &[5000; 2]), Some(2)));
        let both = told(&[&main, &side], number).expect("views");
        assert_eq!((both.root, both.maximised), (row(&[view(2), view(5)], &[5000; 2]), None));
        side.hide(ViewportId(5));
        main.restore();
        assert_eq!(told(&[&main, &side], number).expect("views").root, row(&[view(1), view(2)], &[5000; 2]));
        main.hide(ViewportId(1));
        main.hide(ViewportId(2));
        assert_eq!(told(&[&main, &side], number), None);
    }

    #[test]
    fn what_is_told_is_a_layout_and_taken_over_as_it_was() {
        let mut host = grid(3, &[1, 2, 3, 4, 9]);
        host.split(ViewportId(3), true, ViewportId(6));
        let told = told(&[&host], number).expect("views");
        assert_eq!(told.check(&[1, 2, 3, 4, 6]), Ok(()));
        let mut empty = (200..).map(ViewportId);
        let guest = layout(&taken(&told.root, |view| ViewportId(100 + u32::from(view)), &mut empty));
        let back = |id: ViewportId| id.0.checked_sub(100).filter(|view| *view < 100).map(|view| view as u8);
        assert_eq!(super::told(&[&guest], back), Some(told));
    }
}
