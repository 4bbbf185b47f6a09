//! One viewport: what it shows, what the mouse does in it, and its picture on screen.

use std::collections::HashMap;
use std::sync::Arc;

use eframe::egui::emath::GuiRounding as _;
use eframe::egui::{self, Color32, Rect, Role, Sense, WidgetInfo, pos2, vec2};
use eframe::egui_wgpu::RenderState;
use glam::DVec3;
use protocol::Quality;
use render_core::scene::layer::{Layer, Look};
use render_core::scene::view::{Combine, Orientation};
use render_core::scene::{Button, ColorMap, Content, Input, Interaction, Plane, ViewState};
use render_core::{FrameKind, Renderer, Window};

mod pointer;

use super::annotate::{Annotate, Target};
use super::canvas::OnScreen;
use super::clip_planes::{self, ClipPlanes};
use super::crosshair::{self, Crosshair};
use super::curve::Drawn;
use super::desk::Cell;
use super::guest;
use super::kind::Kind;
use super::layout::{Heading, ViewportId};
use super::mouse::Mouse;
use super::overlay;
use super::pictures::{Order, Pictures, Taken, Worth};
use super::render_worker::{Pace, REST};
use super::sheet::Sheets;
use super::solid::{self, CropBox};
use super::study::{self, OpenSeries, Source};
use super::text::{self, tr};
use super::theme;
use super::tool::Tool;

/// Wheel units per notch in `scene::interaction`, and how many points of a touchpad's scroll make
/// as much.
const NOTCH: f64 = 100.0;
const POINTS_PER_NOTCH: f64 = 50.0;

/// Along the borders, the mouse resizes viewports.
const EDGE: f32 = 4.0;

/// Two presses are a double click within this time, as most systems have it, and distance.
const DOUBLE_CLICK_SECONDS: f64 = 0.5;
const DOUBLE_CLICK_POINTS: f32 = 6.0;

/// A drag with the scroll tool pages a slice for each so many points, and turns by this per point.
const POINTS_PER_SLICE: f32 = 6.0;
const DEGREES_PER_POINT: f32 = 0.5;

/// A cut of another viewport, as it lies now.
#[derive(Clone, Debug)]
pub struct Cut {
    pub id: ViewportId,
    /// What tells its patient space from others.
    pub frame: String,
    pub plane: Plane,
    pub thickness_mm: f64,
    pub color: Color32,
}

/// What is the same for all viewports.
#[derive(Debug)]
pub struct Scenery<'a> {
    pub renderer: &'a Renderer,
    pub active: ViewportId,
    /// All cuts on screen, for reference lines.
    pub cuts: &'a [Cut],
    /// Where the planes of a patient space cross.
    pub cursors: &'a HashMap<String, DVec3>,
    /// The path that a curved view follows.
    pub path: Option<&'a Drawn>,
    pub tool: Tool,
    pub mouse: Mouse,
    /// Held while another window has the keyboard.
    pub modifiers: egui::Modifiers,
    pub demographics: bool,
    pub reference_lines: bool,
    /// Whether overlay planes and shutters lie over images.
    pub overlay_planes: bool,
    /// Whether volumes show the handles of their crop box and clip planes.
    pub handles: bool,
    /// Whether more than one series is on screen.
    pub several_series: bool,
    /// Whether slices of other patient spaces page along.
    pub by_offset: bool,
    /// A host shows all this, and nothing of it may be changed here.
    pub watches: bool,
}

/// What happened in a viewport that concerns others.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    Activated,
    WindowChanged(Window),
    /// The slice is another one, by this shift in the patient.
    Paged(DVec3),
    /// The user points out a place: other cuts should pass through it.
    CursorMoved(DVec3),
    /// Another cut moves.
    CutMoved {
        of: ViewportId,
        shift_mm: DVec3,
    },
    /// The other cuts of this patient space turn about this viewport's line of sight through a place,
    /// clockwise as it shows them.
    OthersTurned {
        degrees: f64,
        about_mm: DVec3,
    },
    /// Its series goes on by so many times.
    TimeStepped(i64),
    /// A point of the path that a curved view follows.
    PathPoint(DVec3),
    /// Another cut becomes this thick.
    Slab {
        of: ViewportId,
        thickness_mm: f64,
    },
    Hovered(Probe),
    DoubleClicked,
}

impl Effect {
    /// Whether it changes nothing of how series are looked at.
    fn is_of_this_window(&self) -> bool {
        matches!(self, Self::Activated | Self::Hovered(_) | Self::DoubleClicked)
    }
}

/// What lies under the pointer, from the volume itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    /// `None` where the files do not say where in the patient that is.
    pub position_mm: Option<DVec3>,
    pub voxel: [u32; 3],
    /// `None` until a server has told it.
    pub value: Option<f32>,
    pub unit: String,
    /// The picture is a slab's: the value is the one in its middle, and not what is seen.
    pub in_slab: bool,
}

/// The picture on screen and what it shows, which may be older than the viewport's state.
#[derive(Debug)]
pub struct Shown {
    pub view: ViewState,
    pub kind: FrameKind,
    pub refined: Option<f32>,
    /// How a server's picture was sent.
    pub quality: Option<Quality>,
    /// Drawn of coarse voxels.
    pub is_coarse: bool,
    pub series: Arc<OpenSeries>,
}

/// A drag that `scene::interaction` knows nothing of.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Drag {
    Cursor,
    Handle(crosshair::Handle),
    Scroll { last: egui::Pos2, rest: f32 },
    Rotate { last: egui::Pos2 },
    Magnify,
    Crop { face: solid::Face, last: egui::Pos2 },
    Clip { handle: clip_planes::Handle, last: egui::Pos2 },
    Annotate,
}

pub struct Viewport {
    pub id: ViewportId,
    pub series: Arc<OpenSeries>,
    pub kind: Kind,
    /// Laid over the series.
    pub over: Option<Arc<OpenSeries>>,
    pub view: ViewState,
    interaction: Interaction,
    held: Option<Button>,
    /// What the wheel has turned towards the next step of what it does.
    wheel: f64,
    drag: Option<Drag>,
    /// Where the mouse was last, and when a button went down there.
    pointer: Option<egui::Pos2>,
    pressed: Option<(f64, egui::Pos2)>,
    pace: Pace,
    pictures: Pictures,
    /// When the view changed last, by the window's clock.
    moved_s: f64,
    submitted: Option<u64>,
    /// Whether the camera was fitted to the viewport's first size.
    fitted: bool,
    /// The window's card, if pictures come from there.
    card: Option<RenderState>,
    picture: OnScreen,
    shown: Option<Shown>,
    error: Option<String>,
    focused: bool,
    /// What lies over the images that it shows.
    sheets: Sheets,
    /// Where the picture was drawn last.
    picture_rect: Option<Rect>,
}

impl Viewport {
    pub fn new(
        id: ViewportId,
        kind: Kind,
        series: Arc<OpenSeries>,
        ctx: &egui::Context,
        card: Option<&RenderState>,
    ) -> Self {
        // The size is set at the first layout, before any picture is asked for.
        let (content, plane) = kind.plane(series.outline());
        let mut view = ViewState::new(series.outline(), content, Orientation::Axial, [1, 1]);
        view.plane = plane;
        views::first_look(&mut view, series.outline(), series.suv_factor());
        let pictures = Pictures::of(id, &series, ctx, card);
        Self {
            id,
            view,
            kind,
            series,
            over: None,
            interaction: Interaction::default(),
            held: None,
            wheel: 0.0,
            drag: None,
            pointer: None,
            pressed: None,
            pace: Pace::Resting,
            pictures,
            moved_s: f64::NEG_INFINITY,
            submitted: None,
            fitted: false,
            card: card.cloned(),
            picture: OnScreen::default(),
            shown: None,
            error: None,
            focused: false,
            sheets: Sheets::default(),
            picture_rect: None,
        }
    }

    /// Shows another series, or the same in another way. The picture stays until the new one is there.
    pub fn show_series(&mut self, series: Arc<OpenSeries>, kind: Kind, ctx: &egui::Context) {
        self.pictures.follow(self.id, &series, ctx, self.card.as_ref());
        let (content, plane) = kind.plane(series.outline());
        let size = self.view.size;
        let revision = self.view.revision;
        self.view = ViewState::new(series.outline(), content, Orientation::Axial, size);
        self.view.plane = plane;
        views::first_look(&mut self.view, series.outline(), series.suv_factor());
        self.view.revision = revision + 1;
        (self.series, self.kind, self.over) = (series, kind, None);
        self.release([f64::NAN; 2]);
        self.error = None;
    }

    /// What it was opened to show.
    pub fn cell(&self) -> Cell {
        let over = self.over.as_ref().map(|over| over.series_id.clone());
        Cell { series_id: self.series.series_id.clone(), kind: self.kind, over }
    }

    /// Where its picture was last, in points.
    pub fn rect(&self) -> Option<Rect> {
        self.picture_rect
    }

    /// Shows the series as another view had it; its size is found when it is shown next.
    pub fn adopt(&mut self, view: ViewState) {
        let revision = self.view.revision + 1;
        self.view = ViewState { revision, ..view };
        self.fitted = true;
    }

    /// Shows what somebody else has set, in its own size.
    pub fn take_over(&mut self, view: &ViewState, moving: bool) {
        self.adopt(view.clone());
        self.pace = if moving { Pace::Moving } else { Pace::Resting };
    }

    /// Whether a server's pictures are shown.
    pub fn is_drawn_there(&self) -> bool {
        self.pictures.are_there()
    }

    /// Whether a hand is at work here, or was a moment ago.
    pub fn is_moving(&self) -> bool {
        self.held.is_some() || self.moved_s.is_finite()
    }

    /// Shows the same place and look in another volume: another time of the series.
    pub fn replace_volume(&mut self, series: Arc<OpenSeries>, ctx: &egui::Context) {
        self.pictures.follow(self.id, &series, ctx, self.card.as_ref());
        self.series = series;
        self.view.touch();
    }

    /// Lays another series over it, half transparent and in colours; or takes it away.
    pub fn fuse(&mut self, over: Option<Arc<OpenSeries>>) {
        self.view.layers = over.iter().filter_map(|series| layer(series)).collect();
        self.over = over;
        self.view.touch();
    }

    /// How much of what lies over it is seen, 0 to 1.
    pub fn blend(&mut self, opacity: f32) {
        for layer in &mut self.view.layers {
            layer.opacity = opacity;
        }
        self.view.touch();
    }

    /// Back to the first look at its content.
    pub fn reset(&mut self) {
        let layers = std::mem::take(&mut self.view.layers);
        self.view.reset(self.series.outline());
        views::first_look(&mut self.view, self.series.outline(), self.series.suv_factor());
        self.view.layers = layers;
        if self.view.content == Content::Slice {
            self.view.plane = self.kind.plane(self.series.outline()).1;
        }
    }

    /// What tells its patient space from others: places in it hold for all series that share it.
    pub fn frame(&self) -> &str {
        &self.series.frame
    }

    pub fn is_slice(&self) -> bool {
        self.view.content == Content::Slice
    }

    /// What its header says.
    pub fn title(&self) -> String {
        match self.view.content {
            // Nobody's axial plane is known by its files' silence.
            Content::Slice
                if matches!(self.kind, Kind::Axial | Kind::Acquired)
                    && self.series.report.directions_unknown =>
            {
                tr!("acquired").into_owned()
            }
            Content::Slice
                if self.kind == Kind::Acquired && self.view.plane.normal().abs().max_element() < 0.9999 =>
            {
                tr!("acquired").into_owned()
            }
            Content::Slice => {
                let name = self.orientation_name();
                let normal = self.view.plane.normal().abs().max_element();
                if normal > 0.9999 {
                    name.to_owned()
                } else {
                    tr!("oblique-near", orientation = name.to_lowercase()).into_owned()
                }
            }
            Content::Curved => tr!("curved").into_owned(),
            _ => tr!("volume").into_owned(),
        }
    }

    fn orientation_name(&self) -> &'static str {
        match self.view.plane.nearest_orientation() {
            Orientation::Axial => text::of("Axial"),
            Orientation::Coronal => text::of("Coronal"),
            Orientation::Sagittal => text::of("Sagittal"),
        }
    }

    /// The colour that its cut has in other viewports.
    pub fn color(&self) -> Color32 {
        match (self.view.content, self.view.plane.nearest_orientation()) {
            (Content::Slice, Orientation::Axial) => theme::AXIAL,
            (Content::Slice, Orientation::Coronal) => theme::CORONAL,
            (Content::Slice, Orientation::Sagittal) => theme::SAGITTAL,
            _ => theme::VOLUME,
        }
    }

    pub fn heading(&self, several_series: bool) -> Heading {
        let title = if several_series {
            let series = study::series_title(self.series.series_number, &self.series.series_description);
            format!("{} · {series}", self.title())
        } else {
            self.title()
        };
        let hint = tr!("what-this-viewport-shows", title = title.as_str()).into_owned();
        Heading { title, color: self.color(), hint }
    }

    /// Whether the keyboard's focus is here.
    pub fn has_focus(&self) -> bool {
        self.focused
    }

    /// The revision of the view that its picture shows, and whether the picture is the final one.
    pub fn on_screen(&self) -> Option<(u64, bool)> {
        self.shown
            .as_ref()
            .map(|shown| (shown.view.revision, shown.kind == FrameKind::Exact && shown.refined.is_none()))
    }

    /// Whether the picture on screen is of the series that is to be seen: what lies over it belongs to the picture.
    pub fn shows_its_series(&self) -> bool {
        self.shown.as_ref().is_some_and(|shown| shown.series.series_id == self.series.series_id)
    }

    /// How far the picture on screen is, 0 to 1, while it gathers samples.
    pub fn refined(&self) -> Option<f32> {
        self.shown.as_ref().and_then(|shown| shown.refined)
    }

    /// Zoom for keys, by a factor.
    pub fn zoom(&mut self, factor: f64) {
        match self.view.content {
            Content::Slice => self.view.plane.zoom_by(factor),
            Content::Curved => {
                if let Some(curved) = &mut self.view.curved {
                    curved.zoom_by(factor);
                }
            }
            _ => self.view.camera.zoom_by(factor),
        }
        self.view.touch();
    }

    /// All of the volume in the viewport, without leaving the slice or the direction.
    pub fn fit(&mut self) {
        let series = Arc::clone(&self.series);
        let volume = series.outline();
        if self.is_slice() {
            let here = self.view.plane.center_mm;
            let fresh = self.kind.plane(volume).1;
            let Plane { fit_mm, .. } = fresh;
            self.view.plane = Plane { fit_mm, zoom: 1.0, ..self.view.plane };
            // The middle of the volume comes to the middle of the view, on the slice that is shown.
            let normal = self.view.plane.normal();
            let middle = volume.geometry().center_mm();
            self.view.plane.center_mm = middle + normal * (here - middle).dot(normal);
        } else {
            let fresh = render_core::scene::Camera::anterior(volume.geometry());
            self.view.camera.focal_point_mm = fresh.focal_point_mm;
            self.view.camera.fit(volume.geometry(), self.view.size);
        }
        self.view.touch();
    }

    /// Returns how far the slice moved.
    pub fn page(&mut self, slices: i64) -> DVec3 {
        let before = self.view.plane.center_mm;
        self.view.plane.scroll(slices, self.series.outline());
        let shift = self.view.plane.center_mm - before;
        if shift != DVec3::ZERO {
            self.view.touch();
        }
        shift
    }

    /// Pages to the slice nearest to a place; an oblique plane goes through it.
    pub fn move_to(&mut self, place_mm: DVec3) {
        let plane = &mut self.view.plane;
        let along = plane.scroll_direction();
        let distance_mm = (place_mm - plane.center_mm).dot(along);
        if along.abs().max_element() > 0.9999 {
            let slices = (distance_mm / plane.slice_spacing_mm(self.series.outline())).round();
            self.page(slices as i64);
        } else if distance_mm.abs() > 1e-9 {
            plane.center_mm += along * distance_mm;
            self.view.touch();
        }
    }

    /// Moves along its normal by what a shift in the patient comes to there.
    pub fn follow(&mut self, shift_mm: DVec3) {
        self.move_to(self.view.plane.center_mm + shift_mm);
    }

    /// Fills the space that `ui` has left.
    pub fn show(&mut self, ui: &mut egui::Ui, scenery: &Scenery<'_>, annotate: &mut Annotate) -> Vec<Effect> {
        let rect = ui.available_rect_before_wrap().round_to_pixels(ui.pixels_per_point());
        let response = ui.interact(rect, egui::Id::unique((self.id, "picture")), Sense::click_and_drag());
        let scale = f64::from(ui.pixels_per_point());
        let size =
            [rect.width(), rect.height()].map(|points| (f64::from(points) * scale).round().max(1.0) as u32);
        match guest::hosted(self.id) {
            None => self.view.refit(size, self.series.outline()),
            // A guest's camera is its host's, whatever the sizes are.
            Some(_) => self.view.set_size(size),
        }

        if !std::mem::replace(&mut self.fitted, true) {
            // Only now is it known how large the first picture is.
            self.view.camera.fit(self.series.outline().geometry(), self.view.size);
        }

        let mut effects = Vec::new();
        self.picture_rect = Some(rect);
        self.handle_pointer(ui, &response, scenery, annotate, &mut effects);
        self.take_picture(ui.ctx(), annotate);
        self.ask_for_picture(ui.ctx(), scenery, annotate);

        if response.gained_focus() {
            effects.push(Effect::Activated);
        }
        self.focused = response.has_focus();
        if self.focused {
            // Arrows page slices here instead of moving the focus on.
            let arrows = egui::EventFilter {
                horizontal_arrows: true,
                vertical_arrows: true,
                ..egui::EventFilter::default()
            };
            ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, arrows));
        }
        self.paint(ui, rect, scenery, annotate);
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, self.description()));
        effects
    }

    /// What a screen reader says.
    fn description(&self) -> String {
        match self.view.content {
            Content::Slice => {
                let (number, count) = self.view.plane.slice_number(self.series.outline());
                let slab = overlay::slab_text(&self.view, &self.series)
                    .map(|slab| format!(", {slab}"))
                    .unwrap_or_default();
                let spoken = tr!("spoken-slice", title = self.title(), number = number, count = count);
                format!("{spoken}{slab}")
            }
            Content::Curved => tr!("spoken-curved").into_owned(),
            Content::Projection(Combine::Maximum) => tr!("spoken-maximum").into_owned(),
            Content::Projection(Combine::Minimum) => tr!("spoken-minimum").into_owned(),
            Content::Projection(Combine::Mean) => tr!("spoken-mean").into_owned(),
            Content::Cinematic => {
                tr!("spoken-cinematic", preset = overlay::preset_title(&self.view)).into_owned()
            }
            _ => tr!("spoken-volume", preset = overlay::preset_title(&self.view)).into_owned(),
        }
    }

    /// The slice, to be drawn on.
    pub fn target(&self, pixels_per_point: f64) -> Option<Target<'_>> {
        self.is_slice().then(|| Target { view: &self.view, series: &self.series, pixels_per_point })
    }

    /// The lines that other cuts are in this one's picture.
    pub fn crosshair(&self, rect: Rect, scenery: &Scenery<'_>) -> Option<Crosshair> {
        let cursor = scenery.cursors.get(self.frame()).copied();
        self.is_slice().then(|| Crosshair::new(self.id, self.frame(), &self.view, rect, scenery.cuts, cursor))
    }

    fn is_solid(&self) -> bool {
        !self.view.content.is_cut()
    }

    /// Turns the picture clockwise.
    pub fn turn(&mut self, degrees: f64) {
        match self.view.content {
            Content::Slice => self.view.plane.turn(degrees),
            Content::Curved => return,
            _ => self.view.camera.roll(degrees),
        }
        self.view.touch();
    }

    fn handle(&mut self, input: Input) {
        self.interaction.handle(&mut self.view, self.series.outline(), input);
    }

    fn place(&self, at: [f64; 2]) -> DVec3 {
        self.view.plane.patient_from_pixel(at, self.view.size)
    }

    /// The voxel under a pixel of a slice. A projection has no single place under a pixel.
    fn probe(&self, at: [f64; 2]) -> Option<Probe> {
        let Shown { view, series, .. } = self.shown.as_ref()?;
        if view.content != Content::Slice {
            return None;
        }
        let geometry = series.outline().geometry();
        let position_mm = view.plane.patient_from_pixel(at, view.size);
        let nearest = geometry.voxel_from_patient().transform_point3(position_mm).round();
        let dims = geometry.dims();
        let inside = (0..3).all(|axis| (0.0..f64::from(dims[axis])).contains(&nearest[axis]));
        let voxel = inside.then(|| nearest.to_array().map(|index| index as u32))?;
        let stored = match (series.volume(), &series.source) {
            (Some(volume), _) => Some(volume.value_at(voxel)?),
            (None, Source::There(hybrid)) => {
                let center_mm = geometry.patient_from_voxel().transform_point3(nearest);
                hybrid.connection.value_at(&hybrid.series, voxel, center_mm)
            }
            (None, Source::Here(_)) => None,
        };
        let (value, unit) = match series.suv {
            Some(suv) => {
                (stored.map(|stored| (f64::from(stored) * suv.body_weight) as f32), "SUVbw".to_owned())
            }
            None => (stored, series.outline().meaning().unit.clone()),
        };
        let (position_mm, in_slab) =
            (series.is_placed().then_some(position_mm), view.slab.thickness_mm > 0.0);
        Some(Probe { position_mm, voxel, value, unit, in_slab })
    }

    fn take_picture(&mut self, ctx: &egui::Context, annotate: &mut Annotate) {
        let worth = self.shown.as_ref().map(|s| Worth::of(s.view.revision, s.kind, s.quality, s.is_coarse));
        match self.pictures.take(worth) {
            Some(Ok(picture)) => {
                let Taken { image, view, kind, quality, refined, volume, is_coarse, mask } = picture;
                // A picture that was asked for before the series changed shows the one before.
                let shown = self.shown.as_ref().map(|shown| &shown.series);
                let of = |series: &&Arc<OpenSeries>| series.is_of(volume.as_ref());
                let Some(series) = std::iter::once(&self.series).chain(shown).find(of).cloned() else {
                    return;
                };
                let name = format!("{} picture", thread_name(self.id));
                self.picture.set(&name, image, view.size, ctx, self.card.as_ref());
                mask.into_iter().for_each(|mask| annotate.take_mask(ctx, self.id, mask));
                self.shown = Some(Shown { view, kind, quality, refined, is_coarse, series });
                self.error = None;
            }
            Some(Err(error)) => self.error = Some(error),
            None => {}
        }
        self.recognise();
        if self.pictures.is_dead() {
            tracing::error!(viewport = self.id.0, "the rendering thread has ended; another starts");
            self.pictures = Pictures::of(self.id, &self.series, ctx, self.card.as_ref());
            self.error = Some(tr!("rendering-failed").into_owned());
        }
    }

    /// What is asked for anew may be on screen already; a server sends no picture of that.
    fn recognise(&mut self) {
        let Some(shown) = &mut self.shown else { return };
        let revision = self.view.revision;
        if shown.view.revision != revision
            && self.pictures.are_there()
            && Arc::ptr_eq(&shown.series, &self.series)
            && (ViewState { revision, ..shown.view.clone() }) == self.view
        {
            shown.view.revision = revision;
        }
    }

    fn ask_for_picture(&mut self, ctx: &egui::Context, scenery: &Scenery<'_>, annotate: &Annotate) {
        let now_s = ctx.input(|input| input.time);
        let over = self.over.as_deref();
        let (renderer, series) = (scenery.renderer, &self.series);
        let order = Order { renderer, series, over, view: &self.view, annotate };
        if self.submitted != Some(self.view.revision) || self.pictures.is_stale(&order) {
            self.submitted = Some(self.view.revision);
            let pace = std::mem::replace(&mut self.pace, Pace::Resting);
            self.moved_s = if pace == Pace::Moving { now_s } else { f64::NEG_INFINITY };
            self.pictures.show(&order, pace);
            if pace == Pace::Moving && scenery.active == self.id {
                self.pictures.asked(now_s, &order);
            }
        } else if self.moved_s.is_finite() && self.held.is_none() {
            // The hand has come to rest.
            let rests_in_s = self.moved_s + REST.as_secs_f64() - now_s;
            if rests_in_s <= 0.0 {
                self.moved_s = f64::NEG_INFINITY;
                self.pictures.rest(&self.series, &self.view);
                // Guests are told before the next picture.
                ctx.request_repaint();
            } else {
                ctx.request_repaint_after_secs(rests_in_s as f32);
            }
        }
    }

    fn paint(&mut self, ui: &egui::Ui, rect: Rect, scenery: &Scenery<'_>, annotate: &mut Annotate) {
        let painter = ui.painter_at(rect);
        if let (Some(shown), Some(texture)) = (&self.shown, self.picture.id()) {
            // A picture of another size, while the viewport is resized, keeps its scale.
            let [width, height] = shown.view.size.map(|n| n as f32 / ui.pixels_per_point());
            let offset = ((rect.size() - vec2(width, height)) / 2.0).round_to_pixels(ui.pixels_per_point());
            let place = Rect::from_min_size(rect.min + offset, vec2(width, height));
            painter.image(texture, place, Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0)), Color32::WHITE);
            if scenery.overlay_planes {
                self.sheets.paint(&painter, place, &shown.view, &shown.series);
            }
            let active = scenery.active == self.id;
            annotate.paint_segments(&painter, place, self.id, &shown.view, &shown.series, active);
            let is_newest = shown.view.revision == self.view.revision;
            let is_stale =
                self.is_drawn_there() && shown.series.hybrid().is_some_and(|hybrid| hybrid.is_cut_off());
            if is_stale {
                painter.rect_filled(rect, 0.0, theme::STALE);
            }
            let state = match (is_newest, shown.kind, shown.refined) {
                _ if is_stale => overlay::Stage::Stale,
                _ if shown.is_coarse => overlay::Stage::Coarse,
                (true, _, _) if shown.quality == Some(Quality::Lossless) => overlay::Stage::Lossless,
                (true, FrameKind::Exact, _) if shown.quality.is_some() => overlay::Stage::Lossy,
                (true, FrameKind::Exact, _) => overlay::Stage::Final,
                (true, _, Some(share)) => overlay::Stage::Refining(share),
                _ => overlay::Stage::Interactive,
            };
            overlay::draw(&painter, rect, place, self, shown, state, scenery);
            if self.is_solid() && self.shows_its_series() {
                if scenery.handles {
                    let geometry = self.series.outline().geometry();
                    CropBox::new(&self.view, geometry, rect).paint(&painter);
                    ClipPlanes::new(&self.view, geometry, rect).paint(&painter);
                }
                if !self.series.report.directions_unknown {
                    solid::paint_cube(&painter, rect, &self.view.camera);
                }
            }
            let pointer = self.pointer.filter(|&at| rect.contains(at));
            annotate.paint(&painter, place, &shown.view, &shown.series, pointer, active);
            if self.drag == Some(Drag::Magnify)
                && let Some(at) = self.pointer.filter(|&at| rect.contains(at))
            {
                overlay::magnify(&painter, texture, place, at);
            }
        } else if self.error.is_none() {
            overlay::centered(&painter, rect, &tr!("rendering"), theme::OVERLAY_WEAK);
        }
        if let Some(error) = &self.error {
            let text = tr!("no-picture", reason = error.as_str());
            overlay::centered(&painter, rect, &text, theme::OVERLAY_ERROR);
        }
    }
}

/// How a series looks that is laid over another: nothing below its window, colours within it.
fn layer(series: &OpenSeries) -> Option<Layer> {
    let map = if series.outline().meaning().modality == "PT" { "hot_iron" } else { "viridis" };
    let outline = series.outline();
    let first = views::first_window(outline.meaning(), series.suv_factor());
    let window = first.unwrap_or_else(|| outline.default_window());
    let (low, high) = window.ends();
    let look = Look::color_map(ColorMap::find(map)?, low.max(series.outline().value_range().0), high).ok()?;
    Some(Layer { volume: Arc::clone(series.in_layers()), look, opacity: 0.5 })
}

/// Threads and textures are numbered, never named after what they show.
fn thread_name(id: ViewportId) -> String {
    format!("viewport {}", id.0)
}
