//! Windows beside the main one, for other monitors: which viewports are in them, and where they are.

use std::collections::{BTreeMap, BTreeSet};

use eframe::egui;
use protocol::message::HostLayout;
use serde::{Deserialize, Serialize};

use super::Desk;
use crate::desktop::hosting;
use crate::desktop::layout::{Layout, Node, ViewportId};
use crate::desktop::viewport::Viewport;

/// Most windows beside the main one.
pub const MOST_WINDOWS: usize = 8;

/// The smallest that a window is made, in pixels.
const SMALLEST: [u32; 2] = [240, 200];

/// Where a window is on the screens together, in their pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// Of its left upper corner, with its frame; none where the system does not tell.
    pub at: Option<[i32; 2]>,
    /// Without its frame.
    pub size: [u32; 2],
    pub maximised: bool,
}

/// A screen: its left upper corner and size in pixels, and how many of them are a point of its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Monitor {
    pub at: [i32; 2],
    pub size: [u32; 2],
    pub scale: f64,
}

impl Monitor {
    fn contains(&self, at: [i32; 2]) -> bool {
        (0..2).all(|i| {
            let off = i64::from(at[i]) - i64::from(self.at[i]);
            (0..i64::from(self.size[i])).contains(&off)
        })
    }

    /// How far a point is from its middle.
    fn distance(&self, at: [i32; 2]) -> f64 {
        let off = |i: usize| f64::from(at[i]) - f64::from(self.at[i]) - f64::from(self.size[i]) / 2.0;
        off(0).hypot(off(1))
    }
}

impl Place {
    fn middle(&self) -> Option<[i32; 2]> {
        let at = self.at?;
        Some([0, 1].map(|i| at[i].saturating_add((self.size[i] / 2).min(i32::MAX as u32) as i32)))
    }

    /// The monitor that it is on, or that is nearest to it.
    pub fn monitor<'a>(&self, monitors: &'a [Monitor]) -> Option<&'a Monitor> {
        let middle = self.middle()?;
        let on = monitors.iter().find(|monitor| monitor.contains(middle));
        on.or_else(|| monitors.iter().min_by(|a, b| a.distance(middle).total_cmp(&b.distance(middle))))
    }

    /// Wholly on one of the monitors that there are now.
    pub fn clamped(self, monitors: &[Monitor]) -> Self {
        let Some(monitor) = self.monitor(monitors) else { return self };
        let size = [0, 1].map(|i| self.size[i].clamp(SMALLEST[i].min(monitor.size[i]), monitor.size[i]));
        let at = self.at.map(|at| {
            [0, 1].map(|i| {
                let last = monitor.at[i].saturating_add((monitor.size[i] - size[i]) as i32);
                at[i].clamp(monitor.at[i], last)
            })
        });
        Self { at, size, ..self }
    }

    /// For a new window: another monitor than the one where the main window is, or the right half of that one.
    pub fn beside(main: Self, monitors: &[Monitor], others: &[Self]) -> Self {
        let here = main.monitor(monitors);
        let taken = |monitor: &&Monitor| {
            let on = |place: &Self| place.middle().is_some_and(|middle| monitor.contains(middle));
            here == Some(monitor) || others.iter().any(on)
        };
        if let (Some(_), Some(free)) = (here, monitors.iter().find(|monitor| !taken(monitor))) {
            return Self { at: Some(free.at), size: free.size, maximised: true };
        }
        match here {
            Some(here) => {
                // Windows do not hide each other wholly.
                let step = 40 * others.len() as i32;
                let [width, height] = here.size;
                let place = Self {
                    at: Some([here.at[0] + (width / 2) as i32 - step, here.at[1] + step]),
                    size: [width / 2, height * 9 / 10],
                    maximised: false,
                };
                place.clamped(monitors)
            }
            None => Self { at: None, size: [800, 800], maximised: false },
        }
    }
}

/// A window beside the main one.
pub struct SideWindow {
    pub layout: Layout,
    /// Where it is to be opened: that is asked for once.
    pub wanted: Option<Place>,
    /// How it was opened.
    pub opened: Option<egui::ViewportBuilder>,
    /// Where it is.
    pub place: Option<Place>,
    /// The viewport that was the active one when another window was last.
    pub last_active: ViewportId,
}

impl SideWindow {
    pub fn new(layout: Layout, wanted: Option<Place>) -> Self {
        let last_active = layout.ids().first().copied().unwrap_or(ViewportId(0));
        Self { layout, wanted, opened: None, place: None, last_active }
    }
}

/// A side window as it is kept in a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SavedWindow {
    pub layout: Node,
    pub maximised_view: Option<u32>,
    pub place: Option<Place>,
}

/// Where a viewport goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    Main,
    /// A window that there is, by its number.
    Window(u32),
    NewWindow,
}

impl Desk {
    /// The viewports that no maximised one hides.
    pub(super) fn shown(&self) -> Vec<&Viewport> {
        self.shown_ids().iter().filter_map(|id| self.viewports.get(id)).collect()
    }

    pub fn shown_ids(&self) -> Vec<ViewportId> {
        let layouts = std::iter::once(&self.layout).chain(self.windows.values().map(|window| &window.layout));
        layouts.flat_map(|layout| layout.maximised().map_or_else(|| layout.ids(), |id| vec![id])).collect()
    }

    /// All viewports on screen: those of the main window in the order of reading, then those of the others.
    pub fn ids(&self) -> Vec<ViewportId> {
        let others = self.windows.values().flat_map(|window| window.layout.ids());
        self.layout.ids().into_iter().chain(others).collect()
    }

    /// Which side window a viewport is in.
    pub fn window_of_viewport(&self, id: ViewportId) -> Option<u32> {
        let has = |window: &SideWindow| window.layout.ids().contains(&id);
        self.windows.iter().find(|(_, window)| has(window)).map(|(number, _)| *number)
    }

    /// The arrangement that a viewport is part of.
    pub fn layout_of(&mut self, id: ViewportId) -> &mut Layout {
        match self.window_of_viewport(id).and_then(|number| self.windows.get_mut(&number)) {
            Some(window) => &mut window.layout,
            None => &mut self.layout,
        }
    }

    /// Moves a viewport to another window. The place that it had in the main one is kept for it.
    pub(super) fn move_to(&mut self, id: ViewportId, to: To) {
        let from = self.window_of_viewport(id);
        let here = match to {
            To::Main => from.is_none(),
            To::Window(number) => from == Some(number) || !self.windows.contains_key(&number),
            To::NewWindow => self.windows.len() >= MOST_WINDOWS,
        };
        if here || !self.ids().contains(&id) {
            return;
        }
        match from {
            Some(number) => self.take_out(number, id),
            None => self.layout.hide(id),
        }
        match to {
            To::Main => self.bring_back(id),
            To::Window(number) => {
                if let Some(window) = self.windows.get_mut(&number) {
                    window.layout.add(id);
                }
            }
            To::NewWindow => {
                let free = (2..).find(|number| !self.windows.contains_key(number)).unwrap_or(u32::MAX);
                self.windows.insert(free, SideWindow::new(Layout::grid(1, &[id]), None));
            }
        }
        self.active = id;
    }

    /// A key for both ways: out of the main window and back.
    pub(super) fn toggle_own_window(&mut self) {
        let to = if self.window_of_viewport(self.active).is_some() { To::Main } else { To::NewWindow };
        self.move_to(self.active, to);
    }

    /// Takes a viewport out of a side window, which goes with its last one.
    fn take_out(&mut self, number: u32, id: ViewportId) {
        let Some(window) = self.windows.get_mut(&number) else { return };
        window.layout.close(id);
        let left = window.layout.ids();
        match left.first() {
            Some(first) if window.last_active == id => window.last_active = *first,
            Some(_) => {}
            None => {
                self.windows.remove(&number);
            }
        }
    }

    /// Viewports lie as a host's: anew, or where others are on screen than there. Side windows keep theirs. Returns
    /// whether anything has moved.
    pub fn lay_as(&mut self, node: Option<&Node>, anew: bool) -> bool {
        self.is_mirror = true;
        let mut layout = node.and_then(Layout::of).unwrap_or_else(|| Layout::grid(1, &[]));
        let ids = layout.ids();
        let (here, there): (BTreeSet<_>, BTreeSet<_>) =
            (self.ids().into_iter().collect(), ids.iter().copied().collect());
        if !anew && here == there {
            return false;
        }
        for number in self.windows.keys().copied().collect::<Vec<_>>() {
            let theirs = self.windows[&number].layout.ids();
            theirs.iter().filter(|id| !ids.contains(id)).for_each(|id| self.take_out(number, *id));
            theirs.iter().for_each(|id| layout.hide(*id));
        }
        self.layout = layout;
        self.viewports.retain(|id, _| ids.contains(id));
        self.wanted.clear();
        if !ids.contains(&self.active) {
            self.active = ids.first().copied().unwrap_or(ViewportId(0));
        }
        true
    }

    /// Nothing else is maximised in any window.
    pub fn maximise_only(&mut self, id: Option<ViewportId>) {
        self.layout.restore();
        self.windows.values_mut().for_each(|window| window.layout.restore());
        if let Some(id) = id {
            self.layout_of(id).maximise(id);
            self.active = id;
        }
    }

    /// How the viewports of all windows lie, for guests, who call them by these numbers.
    pub fn told_layout(&self, numbers: &BTreeMap<ViewportId, u8>) -> Option<HostLayout> {
        let side = self.windows.values().map(|window| &window.layout);
        let layouts: Vec<&Layout> = std::iter::once(&self.layout).chain(side).collect();
        hosting::told(&layouts, |id| numbers.get(&id).copied())
    }

    fn bring_back(&mut self, id: ViewportId) {
        self.layout.add(id);
        if !self.layout.ids().contains(&id) {
            // Grids have an end.
            self.viewports.remove(&id);
            self.wanted.retain(|(of, _)| *of != id);
        }
    }

    /// A side window is closed: what is in it comes back to the main one.
    pub fn close_window(&mut self, number: u32) {
        let Some(window) = self.windows.remove(&number) else { return };
        for id in window.layout.ids() {
            self.bring_back(id);
        }
        if !self.ids().contains(&self.active) {
            self.active = self.ids().first().copied().unwrap_or(self.active);
        }
    }

    /// The keyboard has come to a side window: what was active there last is so again.
    pub fn enter_window(&mut self, number: u32) {
        if self.window_of_viewport(self.active) != Some(number)
            && let Some(window) = self.windows.get(&number)
        {
            self.active = window.last_active;
        }
    }

    /// Side windows show another series than before, each viewport in its way.
    pub fn windows_show(&mut self, series_id: &str) {
        let ids: Vec<ViewportId> = self.windows.values().flat_map(|window| window.layout.ids()).collect();
        for id in ids {
            self.want(series_id, Some(id));
        }
    }

    /// Whether a side window shows another patient than this one.
    pub fn windows_show_others(&self, patient: &render_core::dicom::Patient) -> bool {
        let ids = self.windows.values().flat_map(|window| window.layout.ids());
        ids.filter_map(|id| self.viewports.get(&id)).any(|viewport| {
            (&viewport.series.patient.id, &viewport.series.patient.name) != (&patient.id, &patient.name)
        })
    }

    pub(in crate::desktop) fn saved_windows(&self) -> Vec<SavedWindow> {
        let saved = |window: &SideWindow| {
            Some(SavedWindow {
                layout: window.layout.node()?,
                maximised_view: window.layout.maximised().map(|id| id.0),
                place: window.place.or(window.wanted),
            })
        };
        self.windows.values().filter_map(saved).collect()
    }

    /// Opens the windows that were saved. A viewport that is in one of them is hidden in the main one.
    pub(in crate::desktop) fn restore_windows(&mut self, saved: &[SavedWindow]) {
        self.windows.clear();
        let mut seen = Vec::new();
        for (number, window) in (2..).zip(saved.iter().take(MOST_WINDOWS)) {
            let Some(mut layout) = Layout::of(&window.layout) else { continue };
            for id in layout.ids().into_iter().filter(|id| seen.contains(id)) {
                layout.close(id);
            }
            let ids = layout.ids();
            if ids.is_empty() {
                continue;
            }
            ids.iter().for_each(|id| self.layout.hide(*id));
            seen.extend(&ids);
            if let Some(id) = window.maximised_view.map(ViewportId).filter(|id| ids.contains(id)) {
                layout.maximise(id);
            }
            self.windows.insert(number, SideWindow::new(layout, window.place));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEFT: Monitor = Monitor { at: [0, 0], size: [1920, 1080], scale: 1.0 };
    const RIGHT: Monitor = Monitor { at: [1920, 0], size: [2048, 2560], scale: 1.0 };

    fn place(at: [i32; 2], size: [u32; 2]) -> Place {
        Place { at: Some(at), size, maximised: false }
    }

    #[test]
    fn a_place_on_a_monitor_that_is_gone_comes_to_one_that_is_there() {
        let there = place([2100, 1200], [1000, 1300]);
        assert_eq!(there.clamped(&[LEFT, RIGHT]), there);
        assert_eq!(there.clamped(&[LEFT]), place([920, 0], [1000, 1080]));
        assert_eq!(place([-4000, 50], [10, 10]).clamped(&[LEFT]), place([0, 50], SMALLEST));
        assert_eq!(place([i32::MAX, i32::MIN], [u32::MAX; 2]).clamped(&[LEFT]), place([0, 0], [1920, 1080]));
        assert_eq!(there.clamped(&[]), there, "where nothing is known of monitors, nothing is changed");
        let nowhere = Place { at: None, ..there };
        assert_eq!(nowhere.clamped(&[LEFT]), nowhere);
    }

    #[test]
    fn a_new_window_takes_a_monitor_of_its_own_where_there_is_one() {
        let main = place([100, 100], [1440, 900]);
        let first = Place::beside(main, &[LEFT, RIGHT], &[]);
        assert_eq!(first, Place { at: Some([1920, 0]), size: [2048, 2560], maximised: true });
        let second = Place::beside(main, &[LEFT, RIGHT], &[first]);
        assert!(!second.maximised && second.monitor(&[LEFT, RIGHT]) == Some(&LEFT), "{second:?}");
        let alone = Place::beside(main, &[LEFT], &[]);
        assert_eq!(alone, place([960, 0], [960, 972]));
        assert_eq!(Place::beside(Place { at: None, ..main }, &[LEFT], &[]).at, None);
    }
}
