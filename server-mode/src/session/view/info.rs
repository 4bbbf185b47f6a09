//! What a client is told about a view.

use protocol::message::{self, Letters, ViewInfo};
use render_core::scene::overlay::EdgeLetters;
use render_core::scene::{Content, ViewState};

use super::View;

impl View {
    /// What the view shows, in the words of the protocol. What the files do not tell is left out.
    pub fn info(&self, number: u8) -> ViewInfo {
        let loaded = &self.series.loaded;
        let (state, volume, report) = (&self.state, &loaded.volume, &loaded.report);
        let is_slice = state.content == Content::Slice;
        let curved = state.curved.as_ref().filter(|_| state.content == Content::Curved);
        let slice = is_slice.then(|| state.plane.slice_number(volume));
        let in_mm = report.millimetres.holds_in_plane(state.plane.scroll_direction(), volume.geometry());
        let letters = if report.directions_unknown { Letters::default() } else { letters(state) };
        let (mm_per_pixel, zoom) = match curved {
            // Along a path and at a right angle to it, lengths hold where millimetres hold everywhere.
            Some(curved) => {
                let everywhere = report.millimetres.is_everywhere();
                (everywhere.then(|| curved.mm_per_pixel(state.size)), curved.zoom)
            }
            None if is_slice => (in_mm.then(|| state.plane.mm_per_pixel(state.size)), state.plane.zoom),
            None => (None, state.camera.zoom),
        };
        let position = if is_slice { state.plane.center_mm } else { state.camera.focal_point_mm };
        ViewInfo {
            view: number,
            revision: state.revision,
            input_seq: self.input_seq,
            content: self.kind,
            window: message::Window { center: state.window.center(), width: state.window.width() },
            preset: state.preset.as_ref().filter(|_| state.shows_preset()).map(|origin| origin.name.clone()),
            slice: slice.map(|(number, _)| number),
            slices: slice.map(|(_, count)| count),
            mm_per_pixel,
            zoom,
            letters,
            refined: (state.content == Content::Cinematic).then_some(0.0),
            position_mm: position.to_array(),
        }
    }
}

fn letters(state: &ViewState) -> Letters {
    let EdgeLetters { left, right, top, bottom, .. } = EdgeLetters::of(state);
    Letters { left, right, top, bottom }
}
