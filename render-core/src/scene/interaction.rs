//! What pressing, dragging and wheeling mean: one state machine for window, server and browser.

use super::view::{Content, ViewState};
use crate::Outlined;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Button {
    Left,
    Middle,
    Right,
}

/// A pointer event of one viewport; positions are pixels from its top left corner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Input {
    Press {
        button: Button,
        at: [f64; 2],
    },
    Move {
        at: [f64; 2],
    },
    Release {
        button: Button,
        at: [f64; 2],
    },
    /// 100 is one notch; positive is towards the user (scroll down).
    Wheel {
        delta: f64,
    },
    /// The wheel with Ctrl held, or any other wish to zoom that comes as a wheel.
    ZoomWheel {
        delta: f64,
    },
    /// Two fingers: the picture grows by `zoom` and moves by `pan` pixels.
    Pinch {
        zoom: f64,
        pan: [f64; 2],
    },
}

/// Degrees a volume turns per pixel of drag.
const DEGREES_PER_PIXEL: f64 = 0.5;
/// Right drag: the picture grows by this part per pixel down.
const ZOOM_PER_PIXEL: f64 = 0.01;
/// Wheel: the picture shrinks by this part per unit.
const ZOOM_PER_WHEEL: f64 = 0.001;
/// Wheel units that page one slice.
const WHEEL_PER_SLICE: f64 = 100.0;
/// A window changes by its width over this per pixel, so a drag feels the same for 80 HU and 2500.
const PIXELS_PER_WINDOW: f64 = 300.0;
/// No single event may turn, zoom or page further than a screen's worth.
const MAX_DELTA: f64 = 10_000.0;

/// The drag in progress in one viewport.
///
/// Volume views: left turns, middle pans, right zooms, the wheel zooms. Slices: left windows,
/// middle pans, right zooms, the wheel pages.
#[derive(Clone, Debug, Default)]
pub struct Interaction {
    drag: Option<(Button, [f64; 2])>,
    wheel: f64,
}

impl Interaction {
    /// Whether a button is held.
    pub fn is_dragging(&self) -> bool {
        self.drag.is_some()
    }

    /// Applies an input. Returns whether the picture changes. Numbers that are not finite are
    /// ignored.
    pub fn handle(&mut self, view: &mut ViewState, volume: &dyn Outlined, input: Input) -> bool {
        let before = view.revision;
        match input {
            Input::Press { button, at } if finite(at) => self.drag = Some((button, at)),
            Input::Move { at } if finite(at) => self.drag_to(view, at),
            Input::Release { button, at } => {
                if finite(at) {
                    self.drag_to(view, at);
                }
                if self.drag.is_some_and(|(held, _)| held == button) {
                    self.drag = None;
                }
            }
            Input::Wheel { delta } if delta.is_finite() => self.wheel(view, volume, delta),
            Input::ZoomWheel { delta } if delta.is_finite() => zoom(view, wheel_zoom(delta)),
            Input::Pinch { zoom: factor, pan: by } if factor.is_finite() && finite(by) => {
                zoom(view, factor.clamp(0.1, 10.0));
                pan(view, by[0], by[1]);
            }
            _ => {}
        }
        view.revision != before
    }

    fn drag_to(&mut self, view: &mut ViewState, at: [f64; 2]) {
        let Some((button, from)) = self.drag else { return };
        let dx = (at[0] - from[0]).clamp(-MAX_DELTA, MAX_DELTA);
        let dy = (at[1] - from[1]).clamp(-MAX_DELTA, MAX_DELTA);
        self.drag = Some((button, at));
        if dx == 0.0 && dy == 0.0 {
            return;
        }
        match (button, view.content) {
            (Button::Left, Content::Slice | Content::Curved) => {
                let per_pixel = view.window.width() / PIXELS_PER_WINDOW;
                let center = view.window.center() + dy * per_pixel;
                let width = view.window.width() + dx * per_pixel;
                view.set_window(view.window.changed(center, width));
            }
            (Button::Left, _) => {
                view.camera.azimuth(-dx * DEGREES_PER_PIXEL);
                view.camera.elevation(dy * DEGREES_PER_PIXEL);
                view.touch();
            }
            (Button::Middle, _) => pan(view, dx, dy),
            (Button::Right, _) => zoom(view, (1.0 + ZOOM_PER_PIXEL * dy).clamp(0.1, 10.0)),
        }
    }

    fn wheel(&mut self, view: &mut ViewState, volume: &dyn Outlined, delta: f64) {
        if view.content != Content::Slice {
            zoom(view, wheel_zoom(delta));
            return;
        }
        self.wheel += delta.clamp(-MAX_DELTA, MAX_DELTA);
        let slices = (self.wheel / WHEEL_PER_SLICE).trunc();
        self.wheel -= slices * WHEEL_PER_SLICE;
        let before = view.plane.center_mm;
        if slices != 0.0 {
            view.plane.scroll(slices as i64, volume);
        }
        if view.plane.center_mm != before {
            view.touch();
        }
    }
}

fn finite(at: [f64; 2]) -> bool {
    at.iter().all(|x| x.is_finite())
}

fn wheel_zoom(delta: f64) -> f64 {
    (1.0 - ZOOM_PER_WHEEL * delta).clamp(0.1, 10.0)
}

fn zoom(view: &mut ViewState, factor: f64) {
    match view.content {
        Content::Slice => view.plane.zoom_by(factor),
        Content::Curved => {
            if let Some(curved) = &mut view.curved {
                curved.zoom_by(factor);
            }
        }
        _ => view.camera.zoom_by(factor),
    }
    view.touch();
}

fn pan(view: &mut ViewState, dx: f64, dy: f64) {
    match view.content {
        Content::Slice => view.plane.pan(dx, dy, view.size),
        Content::Curved => {
            if let Some(curved) = &mut view.curved {
                curved.pan(dx, dy, view.size);
            }
        }
        _ => view.camera.pan(dx, dy, view.size[1]),
    }
    view.touch();
}
