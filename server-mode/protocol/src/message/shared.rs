//! What a host's window shows its guests, and how it lies there.

use serde::{Deserialize, Serialize};

use super::{MAX_SEQ, check_view};
use crate::MAX_VIEWS;

/// Rows and columns within each other.
pub const MAX_LAYOUT_DEPTH: usize = 8;
/// Views and empty places of a layout.
pub const MAX_LAYOUT_CELLS: usize = MAX_VIEWS;
/// Largest share of a row or column.
pub const MAX_SHARE: u16 = 10_000;

/// The views that a guest is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Shared {
    /// Rises within a session: what comes with an earlier one is older.
    pub number: u64,
    /// In the order of the host's window.
    pub views: Vec<u8>,
    /// `None` where that is each client's own affair.
    pub layout: Option<HostLayout>,
}

/// How the host's views lie.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HostLayout {
    /// Each view has one place in it.
    pub root: Cell,
    /// The view that hides the others for now.
    pub maximised: Option<u8>,
}

/// A part of the host's window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "kind", rename_all = "camelCase", deny_unknown_fields)]
pub enum Cell {
    /// Nothing that guests see is there.
    Empty,
    View {
        view: u8,
    },
    /// Beside each other, from the left.
    Row(Split),
    /// Below each other, from the top.
    Column(Split),
}

/// Cells that share a row's width or a column's height.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Split {
    pub cells: Vec<Cell>,
    /// How much of it each has: these parts of their sum.
    pub shares: Vec<u16>,
}

impl Shared {
    pub(super) fn check(&self) -> Result<(), String> {
        let Self { number, views, layout } = self;
        if *number > MAX_SEQ {
            return Err(format!("`number` is at most {MAX_SEQ}"));
        }
        distinct(views.iter().copied())?;
        layout.as_ref().map_or(Ok(()), |layout| layout.check(views))
    }
}

impl HostLayout {
    /// Whether it is one of these views, each once; in words for people.
    pub fn check(&self, views: &[u8]) -> Result<(), String> {
        let mut places = Vec::new();
        self.root.places(&mut places, 0)?;
        let mut placed: Vec<u8> = places.into_iter().flatten().collect();
        let mut views = views.to_vec();
        placed.sort_unstable();
        views.sort_unstable();
        if placed != views {
            return Err("a layout has one place for each of the views".into());
        }
        match self.maximised.is_none_or(|view| views.contains(&view)) {
            true => Ok(()),
            false => Err("what is maximised is none of the views".into()),
        }
    }
}

impl Cell {
    fn places(&self, places: &mut Vec<Option<u8>>, depth: usize) -> Result<(), String> {
        let split = match self {
            _ if places.len() >= MAX_LAYOUT_CELLS || depth > MAX_LAYOUT_DEPTH => {
                return Err(format!(
                    "a layout has at most {MAX_LAYOUT_CELLS} places, {MAX_LAYOUT_DEPTH} rows and columns within each other"
                ));
            }
            Self::Empty => {
                places.push(None);
                return Ok(());
            }
            Self::View { view } => {
                places.push(Some(*view));
                return Ok(());
            }
            Self::Row(split) | Self::Column(split) => split,
        };
        let Split { cells, shares } = split;
        let is_share = |share: &u16| (1..=MAX_SHARE).contains(share);
        if cells.is_empty() || cells.len() != shares.len() || !shares.iter().all(is_share) {
            return Err(format!("each cell of a row or column has a share from 1 to {MAX_SHARE}"));
        }
        cells.iter().try_for_each(|cell| cell.places(places, depth + 1))
    }
}

pub(super) fn distinct(views: impl Iterator<Item = u8>) -> Result<(), String> {
    let mut seen = [false; MAX_VIEWS];
    for view in views {
        check_view(view)?;
        if std::mem::replace(&mut seen[usize::from(view)], true) {
            return Err(format!("view {view} is listed twice"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: Vec<Cell>) -> Cell {
        let shares = vec![1; cells.len()];
        Cell::Row(Split { cells, shares })
    }

    fn check(root: Cell, maximised: Option<u8>, views: &[u8]) -> Result<(), String> {
        HostLayout { root, maximised }.check(views)
    }

    #[test]
    fn a_layout_has_each_view_once_and_no_more_places_than_there_can_be() {
        let view = |view| Cell::View { view };
        assert_eq!(check(row(vec![view(2), Cell::Empty, view(0)]), Some(2), &[0, 2]), Ok(()));
        assert!(check(row(vec![view(2), view(0)]), Some(1), &[0, 2]).is_err(), "nothing to maximise");
        assert!(check(row(vec![view(2)]), None, &[0, 2]).is_err(), "one is missing");
        assert!(check(row(vec![view(2), view(2)]), None, &[2]).is_err(), "one is there twice");
        assert!(check(row(vec![view(2), view(1)]), None, &[2]).is_err(), "one is not shared");
        assert_eq!(check(row((0..16).map(view).collect()), None, &(0..16).collect::<Vec<_>>()), Ok(()));
        assert!(check(row(vec![Cell::Empty; MAX_LAYOUT_CELLS + 1]), None, &[]).is_err());
        let nested = |depth: usize| (0..depth).fold(view(3), |cell, _| row(vec![cell]));
        assert_eq!(check(nested(MAX_LAYOUT_DEPTH), None, &[3]), Ok(()));
        assert!(check(nested(MAX_LAYOUT_DEPTH + 1), None, &[3]).is_err());
        assert!(check(row(Vec::new()), None, &[]).is_err());
        let shares =
            |shares: &[u16]| Cell::Column(Split { cells: vec![Cell::Empty; 2], shares: shares.to_vec() });
        assert_eq!(check(shares(&[1, MAX_SHARE]), None, &[]), Ok(()));
        for wrong in [&[1][..], &[1, 0], &[1, MAX_SHARE + 1], &[1, 1, 1]] {
            assert!(check(shares(wrong), None, &[]).is_err(), "{wrong:?}");
        }
    }
}
