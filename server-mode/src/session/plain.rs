//! The plain protocol: what its actions mean to the session.

use protocol::ErrorCode;
use protocol::plain::{ClientMessage, Mouse, MouseKind};
use render_core::scene::{Button, Input as Gesture};

use super::Session;
use crate::studies::Target;

/// JPEG quality of whatever is neither a move nor a release.
pub const DEFAULT_QUALITY: u8 = 85;
const MOVE_QUALITY: u8 = 50;
const RELEASE_QUALITY: u8 = 90;

impl Session {
    pub(super) fn plain_text(&mut self, text: &str) {
        let message = match ClientMessage::parse(text) {
            Ok(message) => message,
            Err(error) => return self.error(error.code, &error.reason, None),
        };
        if let ClientMessage::LoadStudy { path } = message {
            return self.open(Target::Path(path), None);
        }
        // The view is made when a study has been loaded.
        let Some(view) = self.views.get_mut(&0) else {
            let reason = "No study is loaded yet: send loadStudy first.";
            return self.error(ErrorCode::NoSeries, reason, None);
        };
        match message {
            // Answered above.
            ClientMessage::LoadStudy { .. } => {}
            ClientMessage::Mouse(mouse) => {
                let at = [mouse.x, mouse.y];
                match mouse.kind {
                    MouseKind::MouseDown => {
                        view.apply(Gesture::Press { button: button(&mouse), at });
                    }
                    MouseKind::MouseMove if view.is_dragging() => {
                        view.defer(Gesture::Move { at });
                        view.set_plain_quality(MOVE_QUALITY);
                    }
                    // Hovering changes nothing.
                    MouseKind::MouseMove => {}
                    MouseKind::MouseUp => {
                        view.apply(Gesture::Release { button: button(&mouse), at });
                        view.demand(RELEASE_QUALITY);
                    }
                    MouseKind::Wheel => {
                        view.defer(Gesture::Wheel { delta: mouse.delta });
                        view.set_plain_quality(DEFAULT_QUALITY);
                    }
                }
            }
            ClientMessage::WindowLevel { window, level } => {
                view.edit_window(level, window);
                view.demand(DEFAULT_QUALITY);
            }
            ClientMessage::Preset { preset } => {
                let Some(preset) = self.presets.find(&preset) else {
                    let reason = "There is no preset of this name.";
                    return self.error(ErrorCode::UnknownPreset, reason, None);
                };
                view.edit(|state, volume| state.apply_preset(preset, volume));
                view.demand(DEFAULT_QUALITY);
            }
            ClientMessage::Content { content } => {
                let size = view.size();
                view.relayout(content, size);
                view.demand(DEFAULT_QUALITY);
            }
            ClientMessage::Reset => {
                view.reset();
                view.demand(DEFAULT_QUALITY);
            }
            ClientMessage::Render => view.demand(DEFAULT_QUALITY),
        }
    }
}

fn button(mouse: &Mouse) -> Button {
    match mouse.button {
        0 => Button::Left,
        1 => Button::Middle,
        // The protocol allows 0 to 2.
        _ => Button::Right,
    }
}
