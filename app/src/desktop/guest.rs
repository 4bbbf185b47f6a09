//! The window of a guest: its viewports are the host's.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use protocol::message::{Cell, HostLayout, Role, Shared};
use render_core::scene::ViewState;

use super::connection::Connection;
use super::desk::Desk;
use super::hosting;
use super::layout::{self, Node, ViewportId};
use super::study::OpenSeries;

/// Viewports with ids from here on show the host's view of the number above it.
const HOSTED: u32 = 1 << 16;
/// Those from here on stand where the host shows nothing.
const EMPTY: u32 = HOSTED + (1 << 8);

/// What the host shows, and what of it the window has taken over.
#[derive(Debug, Default)]
pub struct Guest {
    /// In the order of the host's window.
    views: Vec<u8>,
    layout: Option<HostLayout>,
    /// What of the layout the window has not taken over yet.
    is_laid_anew: bool,
    is_maximised_anew: bool,
    series: HashMap<String, Arc<OpenSeries>>,
    adopted: BTreeMap<u8, Arc<ViewState>>,
}

fn viewport(number: u8) -> ViewportId {
    ViewportId(HOSTED + u32::from(number))
}

/// Which view of the host's a viewport shows.
pub fn hosted(id: ViewportId) -> Option<u8> {
    id.0.checked_sub(HOSTED).and_then(|number| u8::try_from(number).ok())
}

impl Guest {
    /// What a guest has done with the layout of its own window stays until the host's is another one.
    pub fn shared(&mut self, Shared { views, layout, .. }: Shared) {
        fn root(layout: &Option<HostLayout>) -> Option<&Cell> {
            layout.as_ref().map(|layout| &layout.root)
        }
        fn maximised(layout: &Option<HostLayout>) -> Option<u8> {
            layout.as_ref().and_then(|layout| layout.maximised)
        }
        self.is_laid_anew |= root(&self.layout) != root(&layout) || self.views != views;
        self.is_maximised_anew |= self.is_laid_anew || maximised(&self.layout) != maximised(&layout);
        (self.views, self.layout) = (views, layout);
    }

    /// How the window is to lie; `None` where the host shows nothing.
    fn node(&self) -> Option<Node> {
        self.views.first()?;
        let mut empty = (EMPTY..).map(ViewportId);
        Some(match &self.layout {
            Some(layout) => hosting::taken(&layout.root, viewport, &mut empty),
            None => Node::Grid {
                columns: (1..=layout::MOST)
                    .find(|columns| columns * columns >= self.views.len())
                    .unwrap_or(1),
                cells: self.views.iter().map(|&view| Node::View(viewport(view).0)).collect(),
                widths: Vec::new(),
                heights: Vec::new(),
            },
        })
    }

    /// One that is told again stays as it is, and so do the views of it.
    pub fn opened(&mut self, series: Arc<OpenSeries>) {
        if self.series.get(&series.series_id).is_none_or(|known| !known.is_same_there(&series)) {
            self.series.insert(series.series_id.clone(), series);
        }
    }

    /// Makes the window show what the host shows. A guest that drives is not interrupted by what it did before.
    pub fn follow(&mut self, connection: &Connection, role: Role, desk: &mut Desk) {
        let known = |number: &u8| {
            let host = connection.host_view(*number)?;
            let series = Arc::clone(self.series.get(&host.series_id)?);
            Some((viewport(*number), series, host))
        };
        let shown: Vec<_> = self.views.iter().filter_map(known).collect();
        let cells: Vec<_> = shown.iter().map(|(id, series, _)| (*id, Arc::clone(series))).collect();
        let is_maximised_anew = std::mem::take(&mut self.is_maximised_anew);
        let is_laid_anew = std::mem::take(&mut self.is_laid_anew);
        if desk.lay_as(self.node().as_ref(), is_laid_anew) || is_maximised_anew {
            let maximised = self.layout.as_ref().and_then(|layout| layout.maximised);
            desk.maximise_only(maximised.map(viewport));
        }
        for id in desk.mirror(&cells) {
            // It shows nothing of the host's yet: what it shows is nobody's wish.
            self.adopted.retain(|number, _| Some(*number) != hosted(id));
        }
        for (id, _, host) in shown {
            let Some(viewport) = desk.viewports.get_mut(&id) else { continue };
            let number = hosted(id).unwrap_or_default();
            let is_new = self.adopted.get(&number).is_none_or(|known| !Arc::ptr_eq(known, &host.state));
            let (size, revision) = (viewport.view.size, viewport.view.revision);
            let differs = viewport.view != ViewState { size, revision, ..(*host.state).clone() };
            let follows = match role {
                Role::Driver => is_new && !viewport.is_moving(),
                _ => true,
            };
            if follows {
                connection.adopt(number, &host.state);
            }
            if differs && follows {
                viewport.take_over(&host.state, host.moving);
            }
            if follows {
                self.adopted.insert(number, host.state);
            }
        }
    }
}
