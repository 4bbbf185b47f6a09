//! A view that is drawn here: its state, and what hands do to it.

use protocol::message::{self, Letters, SeriesOpened, SetView, ViewInfo};
use protocol::{ClientMessage, MouseButton, PointerKind};
use render_core::scene::overlay::EdgeLetters;
use render_core::scene::view::Orientation;
use render_core::scene::{Button, Content, Input, Interaction, ViewState};
use render_core::{Geometry, Outline, Outlined, Window};

/// Two directions that are so nearly one.
const SAME_PLANE: f64 = 0.9999;

pub struct View {
    pub state: ViewState,
    interaction: Interaction,
}

impl View {
    /// The state that the server tells. What cannot be drawn here is an error in words.
    pub fn new(told: &message::ViewState, outline: &Outline) -> Result<Self, String> {
        let size = told.place.size;
        let mut state = ViewState::new(outline, Content::Slice, Orientation::Axial, size);
        let Some(look) = &told.look else { return Err("the server does not tell how it looks".into()) };
        let layers = "other series are shown with this one";
        views::set_look(&mut state, look, |_| None).map_err(|_| layers.to_owned())?;
        views::set_place(&mut state, &told.place);
        state.revision = told.revision;
        match state.content {
            Content::Cinematic => Err("cinematic pictures are traced by the server".into()),
            Content::Curved => Err("curved slices are drawn by the server".into()),
            _ if state.window.curve(outline.meaning(), false).is_some() => {
                Err("the window is a curve, which the server draws".into())
            }
            _ => Ok(Self { state, interaction: Interaction::default() }),
        }
    }

    /// Takes over what the server tells, but stays where the hand has gone meanwhile.
    pub fn update(&mut self, told: Self, keep_place: bool) {
        let place = views::place(&self.state);
        let revision = self.state.revision.max(told.state.revision) + 1;
        self.state = told.state;
        if keep_place {
            views::set_place(&mut self.state, &place);
        }
        self.state.revision = revision;
    }

    /// Does what a message asks for. Returns whether the picture changes.
    pub fn obey(&mut self, input: &ClientMessage, series: &SeriesOpened, outline: &Outline) -> bool {
        let suv = series.suv.map(|suv| suv.body_weight);
        let (state, hand) = (&mut self.state, &mut self.interaction);
        let before = state.revision;
        match *input {
            ClientMessage::Pointer { kind, button, x, y, .. } => {
                let at = [x, y];
                let button = button.map(|button| match button {
                    MouseButton::Left => Button::Left,
                    MouseButton::Middle => Button::Middle,
                    MouseButton::Right => Button::Right,
                });
                let input = match (kind, button) {
                    (PointerKind::Press, Some(button)) => Input::Press { button, at },
                    (PointerKind::Release, Some(button)) => Input::Release { button, at },
                    _ => Input::Move { at },
                };
                hand.handle(state, outline, input);
            }
            ClientMessage::Wheel { delta, zoom, .. } => {
                let input = if zoom { Input::ZoomWheel { delta } } else { Input::Wheel { delta } };
                hand.handle(state, outline, input);
            }
            ClientMessage::Pinch { zoom, dx, dy, .. } => {
                hand.handle(state, outline, Input::Pinch { zoom, pan: [dx, dy] });
            }
            ClientMessage::Scroll { slices, .. } if state.content == Content::Slice => {
                let before = state.plane.center_mm;
                state.plane.scroll(slices, outline);
                if state.plane.center_mm != before {
                    state.touch();
                }
            }
            ClientMessage::Rotate { dx, dy, .. } if state.content != Content::Slice => {
                let mut drag = Interaction::default();
                drag.handle(state, outline, Input::Press { button: Button::Left, at: [0.0; 2] });
                drag.handle(state, outline, Input::Move { at: [dx, dy] });
            }
            ClientMessage::Window { center, width, .. } => {
                state.set_window(views::window_of_numbers(outline.meaning(), suv, center, width));
            }
            _ => {}
        }
        state.revision != before
    }

    pub fn is_slice(&self) -> bool {
        self.state.content == Content::Slice
    }

    /// Slices share a window. Returns whether it changes.
    pub fn follow_window(&mut self, window: Window) -> bool {
        let follows = self.is_slice() && self.state.window != window;
        if follows {
            self.state.set_window(window);
        }
        follows
    }

    /// What brings the server's view here.
    pub fn set(&self, number: u8, series: &SeriesOpened, moving: bool) -> ClientMessage {
        ClientMessage::Set(Box::new(SetView {
            view: number,
            series_instance_uid: series.series_instance_uid.clone(),
            place: views::place(&self.state),
            look: None,
            moving,
        }))
    }

    /// What the server would tell about it.
    pub fn info(&self, number: u8, series: &SeriesOpened, outline: &Outline) -> ViewInfo {
        let state = &self.state;
        let slice = self.is_slice().then(|| state.plane.slice_number(outline));
        let in_mm = holds_in_plane(series, &state.plane.scroll_direction(), outline.geometry());
        let letters = match series.outline.directions_unknown {
            true => Letters::default(),
            false => {
                let EdgeLetters { left, right, top, bottom, .. } = EdgeLetters::of(state);
                Letters { left, right, top, bottom }
            }
        };
        let is_slice = self.is_slice();
        let position = if is_slice { state.plane.center_mm } else { state.camera.focal_point_mm };
        ViewInfo {
            view: number,
            revision: state.revision,
            input_seq: 0,
            content: views::kind(state),
            window: message::Window { center: state.window.center(), width: state.window.width() },
            preset: state.preset.as_ref().filter(|_| state.shows_preset()).map(|origin| origin.name.clone()),
            slice: slice.map(|(number, _)| number),
            slices: slice.map(|(_, count)| count),
            mm_per_pixel: (is_slice && in_mm).then(|| state.plane.mm_per_pixel(state.size)),
            zoom: if is_slice { state.plane.zoom } else { state.camera.zoom },
            letters,
            refined: None,
            position_mm: position.to_array(),
        }
    }
}

fn holds_in_plane(series: &SeriesOpened, normal: &glam::DVec3, geometry: &Geometry) -> bool {
    let [x, y, _] = geometry.direction();
    match series.self_check.millimetres.as_str() {
        "everywhere" => true,
        "within-images" | "within-regions" => x.cross(y).normalize().dot(*normal).abs() > SAME_PLANE,
        _ => false,
    }
}
