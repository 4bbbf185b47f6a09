//! The window of a guest: its viewports are the host's.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use protocol::message::Role;
use render_core::scene::ViewState;

use super::connection::Connection;
use super::desk::Desk;
use super::layout::ViewportId;
use super::study::OpenSeries;

/// Viewports with ids from here on show the host's view of the number above it.
const HOSTED: u32 = 1 << 16;

/// What the host shows, and what of it the window has taken over.
#[derive(Debug, Default)]
pub struct Guest {
    /// In the order of the host's window.
    views: Vec<u8>,
    series: HashMap<String, Arc<OpenSeries>>,
    adopted: BTreeMap<u8, Arc<ViewState>>,
}

/// Which view of the host's a viewport shows.
pub fn hosted(id: ViewportId) -> Option<u8> {
    id.0.checked_sub(HOSTED).and_then(|number| u8::try_from(number).ok())
}

impl Guest {
    pub fn shared(&mut self, views: Vec<u8>) {
        self.views = views;
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
            Some((ViewportId(HOSTED + u32::from(*number)), series, host))
        };
        let shown: Vec<_> = self.views.iter().filter_map(known).collect();
        let cells: Vec<_> = shown.iter().map(|(id, series, _)| (*id, Arc::clone(series))).collect();
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
