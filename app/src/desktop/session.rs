//! What was open, so that the next start can go on with it: paths, the arrangement, and each view.
//!
//! One file of the data folder. It holds paths, servers without their tokens, and UIDs, nothing else of a patient. Views are written as
//! they go over the wire (`protocol::scene`), whose checks hold for the file, too.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use glam::DVec3;
use protocol::scene::{Look, Place};
use render_core::Outlined;
use render_core::scene::{PresetLibrary, ViewState};
use serde::{Deserialize, Serialize};

use super::desk::{CINE_RATES, Cell, Desk, SavedWindow};
use super::keeper::{self, Keeper};
use super::kind::Kind;
use super::layout::{Layout, Node, ViewportId};
use super::tool::Tool;
use super::viewport::Viewport;

const VERSION: u32 = 1;

/// Larger files are none of ours: 16 views with full tracks are some hundred KiB.
const MOST_BYTES: u64 = 16 << 20;

/// How often it is looked at what has changed.
pub const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Patient spaces whose crossing is kept.
const MOST_CURSORS: usize = 256;

/// Places farther from a volume's middle than so many times its size are of another one.
const FARTHEST: f64 = 20.0;

/// What the window showed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Session {
    version: u32,
    /// The program has not ended yet, or not as it should have.
    running: bool,
    pub paths: Vec<PathBuf>,
    /// Host and port of the server that it was connected to.
    pub server: Option<String>,
    pub side_panel: bool,
    pub look_panel: bool,
    pub desk: Option<SavedDesk>,
}

/// The arrangement and what is in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SavedDesk {
    layout: Node,
    active: u32,
    maximised: Option<u32>,
    linked: bool,
    demographics: bool,
    reference_lines: bool,
    viewports: BTreeMap<u32, SavedView>,
    /// Those beside the main one.
    #[serde(default)]
    windows: Vec<SavedWindow>,
    #[serde(default)]
    state: SavedState,
    /// How the study was hung.
    #[serde(default)]
    pub hung: Option<SavedHung>,
}

/// What is the same for all viewports.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct SavedState {
    /// The active tool's name in the code.
    tool: Option<String>,
    /// How fast slices follow each other when they do: nothing moves by itself after a start.
    cine_per_second: Option<f64>,
    /// Where planes cross, by what tells patient spaces apart.
    cursors: BTreeMap<String, [f64; 3]>,
    handles: bool,
    /// Where overlay planes and shutters are not shown.
    overlays_hidden: bool,
    /// How far other patient spaces are off that page along; none where they do not.
    offsets: Option<Vec<Offset>>,
    annotations_hidden: bool,
    measurements: bool,
    brush_mm: Option<f64>,
}

/// See [`Desk::pages_spaces`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Offset {
    /// What tells the patient space from others.
    pub frame: String,
    /// What names the direction.
    pub along: [i32; 3],
    pub mm: f64,
}

/// The hanging protocol of a study, by its names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SavedHung {
    /// `listed::Study::key`.
    #[serde(alias = "studyInstanceUid")]
    pub study: String,
    pub protocol: String,
    pub stage: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SavedView {
    series_id: String,
    kind: Kind,
    /// The series that lies over it.
    #[serde(default)]
    over: Option<String>,
    /// How much of it is seen.
    #[serde(default)]
    blend: Option<f32>,
    place: Place,
    look: Look,
}

impl Session {
    pub fn new(
        paths: Vec<PathBuf>,
        server: Option<String>,
        side_panel: bool,
        look_panel: bool,
        desk: SavedDesk,
    ) -> Self {
        Self { version: VERSION, running: true, paths, server, side_panel, look_panel, desk: Some(desk) }
    }
}

impl SavedDesk {
    /// The ids of the series that its viewports show.
    pub fn series(&self) -> impl Iterator<Item = &str> {
        self.viewports.values().map(|view| view.series_id.as_str())
    }
}

/// The file and what was in it.
#[derive(Debug)]
pub struct Store {
    keeper: Keeper,
    written: Option<Session>,
    /// What the last run has left.
    pub previous: Option<Session>,
    /// Held while this program runs.
    _lock: File,
}

impl Store {
    /// `None` where the system names no place, or while another window keeps its own session there.
    pub fn open() -> Option<Self> {
        let folder = directories::ProjectDirs::from("org", "voxcast", "voxcast")
            .map(|dirs| dirs.data_dir().to_owned())?;
        Self::open_in(&folder)
    }

    fn open_in(folder: &Path) -> Option<Self> {
        std::fs::create_dir_all(folder).ok()?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(folder.join("session.lock"))
            .ok()?;
        lock.try_lock().ok()?;
        let file = folder.join("session.json");
        let previous = read(&file);
        Some(Self { keeper: Keeper::new("session", file), written: None, previous, _lock: lock })
    }

    /// Whether the last run was cut off.
    pub fn crashed(&self) -> bool {
        self.previous.as_ref().is_some_and(|session| session.running)
    }

    /// What was on screen of these paths, where the last run had opened them and no others.
    pub fn previous_of(&self, paths: &[PathBuf]) -> Option<&Session> {
        let absolute = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
        let paths: BTreeSet<PathBuf> = paths.iter().map(absolute).collect();
        self.previous
            .as_ref()
            .filter(|previous| previous.paths.iter().cloned().collect::<BTreeSet<_>>() == paths)
    }

    /// The server that the last run was connected to, and what was on screen.
    pub fn previous_of_server(&self) -> Option<(String, SavedDesk)> {
        let previous = self.previous.as_ref()?;
        previous.server.clone().zip(previous.desk.clone())
    }

    /// Keeps this session, if it is another one than before.
    pub fn keep(&mut self, session: Session) {
        if self.written.as_ref() != Some(&session) {
            self.put(&session);
            self.written = Some(session);
        }
    }

    /// The program ends as it should.
    pub fn end(&mut self) {
        // What the last run left stays while this one has shown nothing; it did not crash again.
        if let Some(mut session) = self.written.take().or_else(|| self.previous.take()) {
            session.running = false;
            self.put(&session);
        }
    }

    fn put(&self, session: &Session) {
        match serde_json::to_vec(session) {
            Ok(text) => self.keeper.put(text),
            Err(error) => tracing::warn!(%error, "the session was not kept"),
        }
    }
}

/// A file that is no session is set aside; a comfort is lost and no more.
fn read(file: &Path) -> Option<Session> {
    if std::fs::metadata(file).ok()?.len() > MOST_BYTES {
        return None;
    }
    match serde_json::from_slice(&std::fs::read(file).ok()?) {
        Ok(session) => Some(session),
        Err(error) => {
            let aside = keeper::set_aside(file);
            tracing::warn!(%error, ?aside, "the last session cannot be read");
            None
        }
    }
}

impl SavedView {
    fn of(viewport: &Viewport, desk: &Desk) -> Self {
        let id_of = |volume: &Arc<render_core::Volume>| {
            let series = desk.series().into_iter().find(|series| Arc::ptr_eq(series.in_layers(), volume))?;
            Some(series.series_id.clone())
        };
        Self {
            series_id: viewport.series.series_id.clone(),
            kind: viewport.kind,
            over: viewport.over.as_ref().map(|series| series.series_id.clone()),
            blend: viewport.view.layers.first().map(|layer| layer.opacity),
            place: views::place(&viewport.view),
            look: views::look(&viewport.view, id_of),
        }
    }

    /// This view of a volume; `None` if it cannot be one of it.
    fn view(&self, now: &ViewState, volume: &dyn Outlined, presets: &PresetLibrary) -> Option<ViewState> {
        self.place.check().ok()?;
        self.look.check().ok()?;
        let geometry = volume.geometry();
        let center = geometry.center_mm();
        let size = geometry.corners_mm().iter().map(|c| c.distance(center)).fold(1.0, f64::max);
        let near = |point: [f64; 3]| center.distance(point.into()) <= FARTHEST * size;
        if !near(self.place.plane.center_mm) || !near(self.place.camera.focal_point_mm) {
            return None;
        }
        let mut view = now.clone();
        // Layers come by themselves, and may be there already.
        let look = Look { layers: Vec::new(), ..self.look.clone() };
        views::set_look(&mut view, &look, |_| None).ok()?;
        view.layers.clone_from(&now.layers);
        views::set_place(&mut view, &self.place);
        if let Some(origin) = &mut view.preset
            && let Some(preset) = presets.find(&origin.name)
        {
            origin.label.clone_from(&preset.label);
        }
        Some(view)
    }
}

impl Desk {
    /// What is on screen; `None` while that is nothing.
    pub fn saved(&self) -> Option<SavedDesk> {
        if self.is_empty() {
            return None;
        }
        let viewports = self.viewports.iter().map(|(id, viewport)| (id.0, SavedView::of(viewport, self)));
        Some(SavedDesk {
            layout: self.layout.node()?,
            active: self.active.0,
            maximised: self.layout.maximised().map(|id| id.0),
            linked: self.linked,
            demographics: self.demographics,
            reference_lines: self.reference_lines,
            viewports: viewports.collect(),
            windows: self.saved_windows(),
            state: SavedState {
                tool: Some(format!("{:?}", self.tool)),
                cine_per_second: Some(self.cine_per_second),
                cursors: self.cursors().map(|(frame, place)| (frame.clone(), place.to_array())).collect(),
                handles: self.handles,
                overlays_hidden: !self.overlay_planes,
                offsets: self.saved_offsets(),
                annotations_hidden: self.annotate.is_hidden(),
                measurements: self.annotate.panel.is_some(),
                brush_mm: Some(self.annotate.editor.brush.radius_mm),
            },
            hung: None,
        })
    }

    /// Lays out what was saved; series come as they are loaded, and then their views.
    pub fn restore(&mut self, saved: &SavedDesk) {
        self.viewports.clear();
        self.forget_all();
        self.layout = Layout::of(&saved.layout).unwrap_or_else(|| Layout::grid(1, &[ViewportId(0)]));
        self.restore_windows(&saved.windows);
        let ids = self.ids();
        for id in &ids {
            if let Some(view) = saved.viewports.get(&id.0) {
                let (series_id, over) = (view.series_id.clone(), view.over.clone());
                self.want_cell(*id, &Cell { series_id, kind: view.kind, over });
                self.saved_blends.extend(view.blend.map(|blend| (*id, blend.clamp(0.0, 1.0))));
                self.saved.insert(*id, view.clone());
            }
        }
        self.next = ids.iter().map(|id| id.0 + 1).max().unwrap_or(0).max(self.next);
        self.active = ids
            .iter()
            .copied()
            .find(|id| id.0 == saved.active)
            .or(ids.first().copied())
            .unwrap_or(ViewportId(0));
        if let Some(id) = saved.maximised.map(ViewportId).filter(|id| ids.contains(id)) {
            self.layout.maximise(id);
        }
        self.linked = saved.linked;
        self.demographics = saved.demographics;
        self.reference_lines = saved.reference_lines;
        self.restore_state(&saved.state);
    }

    fn restore_state(&mut self, state: &SavedState) {
        let named = |tool: &Tool| state.tool.as_ref() == Some(&format!("{tool:?}"));
        if let Some(tool) = Tool::ALL.into_iter().chain(Tool::DRAWING).find(named) {
            self.set_tool(tool);
        }
        if let Some(rate) = state.cine_per_second.filter(|rate| CINE_RATES.contains(rate)) {
            self.cine_per_second = rate;
        }
        let cursors = state.cursors.iter().take(MOST_CURSORS);
        self.saved_cursors = cursors.map(|(frame, place)| (frame.clone(), DVec3::from(*place))).collect();
        self.handles = state.handles;
        self.overlay_planes = !state.overlays_hidden;
        self.restore_offsets(state.offsets.as_deref());
        if state.annotations_hidden != self.annotate.is_hidden() {
            self.annotate.toggle_hidden();
        }
        if state.measurements != self.annotate.panel.is_some() {
            self.annotate.toggle_panel();
        }
        if let Some(radius_mm) = state.brush_mm.filter(|radius| radius.is_finite()) {
            self.annotate.set_brush(radius_mm);
        }
    }

    /// Gives viewports whose series has come the views that were saved.
    pub fn restore_views(&mut self, presets: &PresetLibrary) {
        let ready: Vec<ViewportId> = self
            .saved
            .iter()
            .filter(|(id, saved)| {
                !self.waits(**id)
                    && self
                        .viewports
                        .get(id)
                        .is_none_or(|viewport| viewport.series.series_id == saved.series_id)
            })
            .map(|(id, _)| *id)
            .collect();
        for id in ready {
            let Some(saved) = self.saved.remove(&id) else { continue };
            let Some(viewport) = self.viewports.get_mut(&id) else { continue };
            match saved.view(&viewport.view, viewport.series.outline(), presets) {
                Some(view) => viewport.adopt(view),
                None => tracing::warn!("a saved view does not fit its series and was left out"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::DAffine3;
    use render_core::scene::ColorMap;
    use render_core::scene::layer::{Layer, Look as LayerLook};
    use render_core::scene::view::{Content, Orientation};
    use render_core::volume::{Meaning, Rescale, Voxels};
    use render_core::{Geometry, Volume, Window};

    fn volume() -> Arc<Volume> {
        let geometry = Geometry::new([8, 8, 8], DAffine3::IDENTITY).expect("a plain grid");
        let voxels = Voxels::I16(vec![0i16; 512].into());
        let meaning = Meaning { modality: "CT".into(), ..Meaning::default() };
        Arc::new(Volume::new(geometry, voxels, Rescale::IDENTITY, meaning).expect("a volume"))
    }

    fn saved(view: &ViewState) -> SavedView {
        let (place, look) = (views::place(view), views::look(view, |_| None));
        SavedView { series_id: "1.2.3".into(), kind: Kind::Axial, over: None, blend: None, place, look }
    }

    fn session(view: &ViewState) -> Session {
        let desk = SavedDesk {
            layout: Node::Grid {
                columns: 2,
                cells: vec![Node::View(1), Node::View(4)],
                widths: vec![1.0, 2.5],
                heights: Vec::new(),
            },
            active: 4,
            maximised: None,
            linked: true,
            demographics: false,
            reference_lines: true,
            viewports: [(1, saved(view))].into(),
            windows: Vec::new(),
            state: SavedState::default(),
            hung: None,
        };
        Session::new(vec!["/study".into()], Some("ward:8080".into()), true, false, desk)
    }

    #[test]
    fn a_view_is_the_same_after_a_restart() {
        let volume = volume();
        let mut view = ViewState::new(&volume, Content::Slice, Orientation::Coronal, [300, 200]);
        view.plane.zoom_by(1.7);
        view.plane.pan(3.0, -2.0, view.size);
        view.set_window(Window::clamped(40.0, 400.0));
        view.camera.azimuth(31.0);
        view.slab.thickness_mm = 2.5;
        view.clip.crop_voxels = Some([[1.0, 6.0], [0.0, 7.0], [2.0, 5.0]]);
        let text = serde_json::to_vec(&session(&view)).unwrap();
        let read: Session = serde_json::from_slice(&text).unwrap();
        assert_eq!(read, session(&view));
        let fresh = ViewState::new(&volume, Content::Slice, Orientation::Axial, [300, 200]);
        let back = read.desk.unwrap().viewports[&1].view(&fresh, &volume, &PresetLibrary::default()).unwrap();
        assert_eq!(ViewState { revision: view.revision, ..back }, view);
    }

    #[test]
    fn a_restored_view_keeps_what_lies_over_it_by_then() {
        let volume = volume();
        let view = ViewState::new(&volume, Content::Slice, Orientation::Axial, [10, 10]);
        let look = LayerLook::color_map(ColorMap::find("hot_iron").unwrap(), 0.0, 1.0);
        let layer = Layer { volume: Arc::clone(&volume), look: look.unwrap(), opacity: 0.4 };
        let fused = ViewState { layers: vec![layer], ..view.clone() };
        let back = saved(&view).view(&fused, &volume, &PresetLibrary::default()).unwrap();
        assert_eq!(back.layers.first().map(|layer| layer.opacity), Some(0.4));
    }

    #[test]
    fn numbers_that_do_not_fit_the_volume_are_left_out() {
        let volume = volume();
        let view = ViewState::new(&volume, Content::Slice, Orientation::Axial, [10, 10]);
        let presets = PresetLibrary::default();
        let mut far = saved(&view);
        far.place.plane.center_mm[2] = 1e6;
        assert!(far.view(&view, &volume, &presets).is_none());
        let mut crooked = saved(&view);
        crooked.place.plane.right = [2.0, 0.0, 0.0];
        assert!(crooked.view(&view, &volume, &presets).is_none());
        let mut bright = saved(&view);
        bright.look.shading.ambient = f32::NAN;
        assert!(bright.view(&view, &volume, &presets).is_none());
    }

    #[test]
    fn a_run_that_was_cut_off_is_told_from_one_that_ended() {
        let folder = std::env::temp_dir().join(format!("voxcast-session-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        let view = ViewState::new(&volume(), Content::Slice, Orientation::Axial, [10, 10]);
        let mut store = Store::open_in(&folder).unwrap();
        assert!(!store.crashed() && store.previous.is_none());
        assert!(Store::open_in(&folder).is_none(), "a second window leaves the session alone");
        store.keep(session(&view));
        drop(store);

        let mut store = Store::open_in(&folder).unwrap();
        assert!(store.crashed());
        store.keep(session(&view));
        store.end();
        drop(store);

        let mut store = Store::open_in(&folder).unwrap();
        assert!(!store.crashed());
        assert_eq!(store.previous.as_ref().map(|session| session.paths.len()), Some(1));
        let left = |paths: &[&str]| {
            let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
            store.previous_of(&paths).is_some()
        };
        assert!(left(&["/study"]) && left(&["/study/"]), "the same place");
        assert!(!left(&["/other"]) && !left(&["/study", "/other"]), "others");
        store.end();
        drop(store);

        std::fs::write(folder.join("session.json"), "{\"paths\": 3").unwrap();
        let store = Store::open_in(&folder).unwrap();
        assert!(store.previous.is_none());
        assert!(folder.join("session.json.broken-1").exists());
        drop(store);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
