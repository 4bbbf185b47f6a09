//! One viewport: what it shows, what the mouse does in it, and its picture on screen.

use std::sync::Arc;

use eframe::egui::emath::GuiRounding as _;
use eframe::egui::{self, Color32, Rect, Role, Sense, WidgetInfo, pos2, vec2};
use eframe::egui_wgpu::RenderState;
use glam::DVec3;
use render_core::progressive::ViewRequest;
use render_core::scene::view::Combine;
use render_core::scene::{Button, Content, Input, Interaction, Plane, ViewState};
use render_core::{FrameKind, Renderer, Volume, Window};

use super::canvas::OnScreen;
use super::layout::ViewId;
use super::overlay;
use super::render_worker::{Pace, Picture, RenderWorker};
use super::study::OpenSeries;
use super::theme;

/// Wheel units per notch in `scene::interaction`, and how many points of a touchpad's scroll make
/// as much.
const NOTCH: f64 = 100.0;
const POINTS_PER_NOTCH: f64 = 50.0;

/// Along the borders, the mouse resizes viewports.
const EDGE: f32 = 4.0;

/// Two presses are a double click within this time, as most systems have it, and distance.
const DOUBLE_CLICK_SECONDS: f64 = 0.5;
const DOUBLE_CLICK_POINTS: f32 = 6.0;

/// What is the same for all viewports.
#[derive(Debug)]
pub struct Scenery<'a> {
    pub open: &'a OpenSeries,
    pub renderer: &'a Renderer,
    pub active: ViewId,
    /// The three cuts as they lie now, for reference lines.
    pub planes: [(ViewId, Plane); 3],
    pub demographics: bool,
    pub reference_lines: bool,
}

/// What happened in a viewport that concerns others.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    Activated,
    WindowChanged(Window),
    /// The user points out a place: other cuts should pass through it.
    CursorMoved(DVec3),
    Hovered(Probe),
    DoubleClicked,
}

/// What lies under the pointer, from the volume itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Probe {
    pub position_mm: DVec3,
    pub voxel: [u32; 3],
    pub value: f32,
}

/// The picture on screen and what it shows, which may be older than the viewport's state.
#[derive(Debug)]
pub struct Shown {
    pub view: ViewState,
    pub kind: FrameKind,
    pub refined: Option<f32>,
    volume: Arc<Volume>,
}

pub struct Viewport {
    pub id: ViewId,
    pub view: ViewState,
    interaction: Interaction,
    held: Option<Button>,
    /// Where the mouse was last, and when a button went down there.
    pointer: Option<egui::Pos2>,
    pressed: Option<(f64, egui::Pos2)>,
    placing_cursor: bool,
    pace: Pace,
    worker: RenderWorker,
    submitted: Option<u64>,
    /// The window's card, if pictures come from there.
    card: Option<RenderState>,
    picture: OnScreen,
    shown: Option<Shown>,
    error: Option<String>,
    focused: bool,
}

impl Viewport {
    pub fn new(id: ViewId, open: &OpenSeries, ctx: &egui::Context, card: Option<&RenderState>) -> Self {
        // The size is set at the first layout, before any picture is asked for.
        let (content, orientation) = id.content();
        Self {
            id,
            view: ViewState::new(&open.volume, content, orientation, [1, 1]),
            interaction: Interaction::default(),
            held: None,
            pointer: None,
            pressed: None,
            placing_cursor: false,
            pace: Pace::Resting,
            worker: RenderWorker::start(id.name(), ctx, card.cloned()),
            submitted: None,
            card: card.cloned(),
            picture: OnScreen::default(),
            shown: None,
            error: None,
            focused: false,
        }
    }

    /// Whether the keyboard's focus is here.
    pub fn has_focus(&self) -> bool {
        self.focused
    }

    /// How far the picture on screen is, 0 to 1, while it gathers samples.
    pub fn refined(&self) -> Option<f32> {
        self.shown.as_ref().and_then(|shown| shown.refined)
    }

    /// Zoom for keys, by a factor.
    pub fn zoom(&mut self, factor: f64) {
        match self.view.content {
            Content::Slice => self.view.plane.zoom_by(factor),
            _ => self.view.camera.zoom_by(factor),
        }
        self.view.touch();
    }

    /// All of the volume in the viewport, without leaving the slice or the direction.
    pub fn fit(&mut self, volume: &Volume) {
        if self.view.content == Content::Slice {
            let here = self.view.plane.center_mm;
            let (_, orientation) = self.id.content();
            self.view.plane = Plane::standard(orientation, volume);
            self.move_to(here, volume);
        } else {
            let fresh = render_core::scene::Camera::anterior(volume.geometry());
            self.view.camera.focal_point_mm = fresh.focal_point_mm;
            self.view.camera.fit(volume.geometry(), self.view.size);
        }
        self.view.touch();
    }

    pub fn page(&mut self, slices: i64, volume: &Volume) {
        let before = self.view.plane.center_mm;
        self.view.plane.scroll(slices, volume);
        if self.view.plane.center_mm != before {
            self.view.touch();
        }
    }

    /// Pages to the slice nearest to a place.
    pub fn move_to(&mut self, place_mm: DVec3, volume: &Volume) {
        let plane = &self.view.plane;
        let distance_mm = (place_mm - plane.center_mm).dot(plane.scroll_direction());
        self.page((distance_mm / plane.slice_spacing_mm(volume)).round() as i64, volume);
    }

    /// Fills the space that `ui` has left.
    pub fn show(&mut self, ui: &mut egui::Ui, scenery: &Scenery<'_>) -> Vec<Effect> {
        let rect = ui.available_rect_before_wrap().round_to_pixels(ui.pixels_per_point());
        let response = ui.interact(rect, egui::Id::unique((self.id, "picture")), Sense::click_and_drag());
        let scale = f64::from(ui.pixels_per_point());
        self.view.set_size(
            [rect.width(), rect.height()].map(|points| (f64::from(points) * scale).round().max(1.0) as u32),
        );

        if self.submitted.is_none() {
            // Only now is it known how large the first picture is.
            self.view.camera.fit(scenery.open.volume.geometry(), self.view.size);
        }

        let mut effects = Vec::new();
        self.handle_pointer(ui, &response, scenery, &mut effects);
        self.take_picture(ui.ctx());
        self.ask_for_picture(scenery);

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
        self.paint(ui, rect, scenery);
        response
            .widget_info(|| WidgetInfo::labeled(Role::Image, true, self.description(&scenery.open.volume)));
        effects
    }

    /// What a screen reader says.
    fn description(&self, volume: &Volume) -> String {
        match self.view.content {
            Content::Slice => {
                let (number, count) = self.view.plane.slice_number(volume);
                format!("{} view, slice {number} of {count}", self.id.name())
            }
            Content::Projection(Combine::Maximum) => "Volume view, maximum intensity projection".to_owned(),
            Content::Projection(Combine::Minimum) => "Volume view, minimum intensity projection".to_owned(),
            Content::Projection(Combine::Mean) => "Volume view, mean intensity projection".to_owned(),
            Content::Cinematic => format!("Cinematic view, preset {}", overlay::preset_title(&self.view)),
            _ => format!("Volume view, preset {}", overlay::preset_title(&self.view)),
        }
    }

    fn handle_pointer(
        &mut self,
        ui: &egui::Ui,
        response: &egui::Response,
        scenery: &Scenery<'_>,
        effects: &mut Vec<Effect>,
    ) {
        let volume = &scenery.open.volume;
        // Not `contains_pointer`, which knows the mouse's last place only: in a window that draws
        // slowly, a press may come with the move away from it.
        let inside = response.rect.shrink(EDGE);
        let over =
            |at: egui::Pos2| inside.contains(at) && ui.ctx().layer_id_at(at) == Some(response.layer_id);
        let (scale, corner) = (f64::from(ui.pixels_per_point()), response.rect.min);
        let pixel = |at: egui::Pos2| [f64::from(at.x - corner.x) * scale, f64::from(at.y - corner.y) * scale];
        let before = (self.view.revision, self.view.window);
        for event in ui.input(|input| input.events.clone()) {
            match event {
                egui::Event::PointerButton { pos, button, pressed: true, modifiers } if over(pos) => {
                    let Some(button) = button_of(button) else { continue };
                    effects.push(Effect::Activated);
                    if button == Button::Left && self.is_second_press(ui.input(|input| input.time), pos) {
                        effects.push(Effect::DoubleClicked);
                        continue;
                    }
                    self.placing_cursor =
                        modifiers.shift && button == Button::Left && self.view.content == Content::Slice;
                    self.held = Some(button);
                    if self.placing_cursor {
                        effects.push(Effect::CursorMoved(self.place(pixel(pos))));
                    } else {
                        self.handle(volume, Input::Press { button, at: pixel(pos) });
                    }
                }
                egui::Event::PointerMoved(pos) => {
                    self.pointer = Some(pos);
                    if self.held.is_none() {
                        continue;
                    }
                    if self.placing_cursor {
                        effects.push(Effect::CursorMoved(self.place(pixel(pos))));
                    } else {
                        self.handle(volume, Input::Move { at: pixel(pos) });
                    }
                }
                egui::Event::PointerButton { pos, button, pressed: false, .. }
                    if self.held.is_some() && self.held == button_of(button) =>
                {
                    self.release(volume, pixel(pos));
                }
                egui::Event::PointerGone => self.pointer = None,
                // A drag whose release goes to another window would never end.
                egui::Event::WindowFocused(false) => self.release(volume, [f64::NAN; 2]),
                egui::Event::MouseWheel { unit, delta, modifiers, .. } if self.pointer.is_some_and(&over) => {
                    let notches = match unit {
                        egui::MouseWheelUnit::Point => f64::from(delta.y) / POINTS_PER_NOTCH,
                        egui::MouseWheelUnit::Line => f64::from(delta.y),
                        egui::MouseWheelUnit::Page => f64::from(delta.y) * 10.0,
                    };
                    let delta = -notches * NOTCH;
                    let zooms = modifiers.ctrl || modifiers.command;
                    self.handle(
                        volume,
                        if zooms { Input::ZoomWheel { delta } } else { Input::Wheel { delta } },
                    );
                }
                egui::Event::Zoom(factor) if self.pointer.is_some_and(&over) => {
                    self.handle(volume, Input::Pinch { zoom: f64::from(factor), pan: [0.0; 2] });
                }
                _ => {}
            }
        }
        if self.view.revision != before.0 {
            self.pace = Pace::Moving;
        }
        if self.view.window != before.1 {
            effects.push(Effect::WindowChanged(self.view.window));
        }
        if let Some(at) = self.pointer.filter(|&at| over(at)) {
            effects.extend(self.probe(pixel(at), volume).map(Effect::Hovered));
        }
    }

    /// Whether a press at this time is the second of a double click.
    fn is_second_press(&mut self, now: f64, at: egui::Pos2) -> bool {
        let before = self.pressed.replace((now, at));
        let second = before.is_some_and(|(then, there)| {
            now - then <= DOUBLE_CLICK_SECONDS && at.distance(there) <= DOUBLE_CLICK_POINTS
        });
        if second {
            self.pressed = None;
        }
        second
    }

    fn handle(&mut self, volume: &Volume, input: Input) {
        self.interaction.handle(&mut self.view, volume, input);
    }

    fn release(&mut self, volume: &Volume, at: [f64; 2]) {
        if let Some(button) = self.held.take() {
            self.placing_cursor = false;
            self.handle(volume, Input::Release { button, at });
        }
    }

    fn place(&self, at: [f64; 2]) -> DVec3 {
        self.view.plane.patient_from_pixel(at, self.view.size)
    }

    /// The voxel under a pixel of a slice. A projection has no single place under a pixel.
    fn probe(&self, at: [f64; 2], volume: &Volume) -> Option<Probe> {
        let view = &self.shown.as_ref()?.view;
        if view.content != Content::Slice {
            return None;
        }
        let position_mm = view.plane.patient_from_pixel(at, view.size);
        let voxel = volume.geometry().voxel_from_patient().transform_point3(position_mm).round();
        let dims = volume.geometry().dims();
        let inside = (0..3).all(|axis| (0.0..f64::from(dims[axis])).contains(&voxel[axis]));
        let voxel = inside.then(|| voxel.to_array().map(|index| index as u32))?;
        Some(Probe { position_mm, voxel, value: volume.value_at(voxel)? })
    }

    fn take_picture(&mut self, ctx: &egui::Context) {
        match self.worker.take() {
            Some(Ok(picture)) => {
                let name = format!("{} picture", self.id.name());
                self.picture.set(&name, picture.image, ctx, self.card.as_ref());
                let Picture { view, kind, refined, volume, .. } = picture;
                self.shown = Some(Shown { view, kind, refined, volume });
                self.error = None;
            }
            Some(Err(error)) => self.error = Some(error.to_string()),
            None if self.worker.is_dead() => {
                tracing::error!(viewport = self.id.name(), "the rendering thread has ended; another starts");
                self.worker = RenderWorker::start(self.id.name(), ctx, self.card.clone());
                self.error = Some("rendering failed unexpectedly; change the view to try again".to_owned());
            }
            None => {}
        }
    }

    fn ask_for_picture(&mut self, scenery: &Scenery<'_>) {
        if self.submitted == Some(self.view.revision) {
            return;
        }
        self.submitted = Some(self.view.revision);
        let request = ViewRequest {
            renderer: scenery.renderer.clone(),
            volume: Arc::clone(&scenery.open.volume),
            view: self.view.clone(),
        };
        self.worker.submit(request, std::mem::replace(&mut self.pace, Pace::Resting));
    }

    fn paint(&self, ui: &egui::Ui, rect: Rect, scenery: &Scenery<'_>) {
        let painter = ui.painter_at(rect);
        painter.rect_filled(rect, 0.0, Color32::BLACK);
        if let (Some(shown), Some(texture)) = (&self.shown, self.picture.id()) {
            // A picture of another size, while the viewport is resized, keeps its scale.
            let [width, height] = shown.view.size.map(|n| n as f32 / ui.pixels_per_point());
            let offset = ((rect.size() - vec2(width, height)) / 2.0).round_to_pixels(ui.pixels_per_point());
            let place = Rect::from_min_size(rect.min + offset, vec2(width, height));
            painter.image(texture, place, Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0)), Color32::WHITE);
            let is_newest = shown.view.revision == self.view.revision;
            let state = match (is_newest, shown.kind, shown.refined) {
                (true, FrameKind::Exact, _) => overlay::Stage::Final,
                (true, _, Some(share)) => overlay::Stage::Refining(share),
                _ => overlay::Stage::Interactive,
            };
            overlay::draw(&painter, rect, place, self.id, shown, &shown.volume, state, scenery);
        } else if self.error.is_none() {
            overlay::centered(&painter, rect, "Rendering…", theme::OVERLAY_WEAK);
        }
        if let Some(error) = &self.error {
            overlay::centered(&painter, rect, &format!("No picture: {error}"), theme::ERROR);
        }
    }
}

fn button_of(button: egui::PointerButton) -> Option<Button> {
    match button {
        egui::PointerButton::Primary => Some(Button::Left),
        egui::PointerButton::Middle => Some(Button::Middle),
        egui::PointerButton::Secondary => Some(Button::Right),
        egui::PointerButton::Extra1 | egui::PointerButton::Extra2 => None,
    }
}
