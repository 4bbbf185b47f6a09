//! The plain protocol: JSON actions in, JSON replies and bare JPEG pictures out.
//!
//! Fields that an action does not need are ignored and those it can do without may be missing:
//! programs written before this server existed must go on working.

use serde::{Deserialize, Serialize};

use crate::message::{Content, ErrorCode, MAX_PIXELS, MAX_WHEEL, MAX_WINDOW};
use crate::{MAX_TEXT_BYTES, Malformed, bounded, short};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "camelCase")]
pub enum ClientMessage {
    LoadStudy {
        #[serde(default)]
        path: String,
    },
    Mouse(Mouse),
    WindowLevel {
        window: f64,
        level: f64,
    },
    Preset {
        preset: String,
    },
    Content {
        content: Content,
    },
    Reset,
    Render,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mouse {
    #[serde(rename = "type")]
    pub kind: MouseKind,
    #[serde(default)]
    pub x: f64,
    #[serde(default)]
    pub y: f64,
    /// 0 left, 1 middle, 2 right.
    #[serde(default)]
    pub button: u8,
    #[serde(default)]
    pub delta: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MouseKind {
    MouseDown,
    MouseMove,
    MouseUp,
    Wheel,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ServerMessage {
    Connected { session_id: String },
    StudyLoaded { study_id: String },
    Error { message: String },
}

impl ClientMessage {
    /// Reads a text message, every number within its bounds.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if text.len() > MAX_TEXT_BYTES {
            let reason = format!("a message has at most {MAX_TEXT_BYTES} bytes");
            return Err(Malformed::new(None, ErrorCode::Malformed, reason));
        }
        let message: Self = serde_json::from_str(text)
            .map_err(|error| Malformed::new(None, ErrorCode::Malformed, error.to_string()))?;
        message.check().map_err(|reason| Malformed::new(None, ErrorCode::OutOfRange, reason))?;
        Ok(message)
    }

    fn check(&self) -> Result<(), String> {
        match self {
            Self::LoadStudy { path } => short("path", path),
            Self::Mouse(mouse) => {
                bounded("x", mouse.x, MAX_PIXELS)?;
                bounded("y", mouse.y, MAX_PIXELS)?;
                bounded("delta", mouse.delta, MAX_WHEEL)?;
                if mouse.button > 2 {
                    return Err("`button` is 0 (left), 1 (middle) or 2 (right)".into());
                }
                Ok(())
            }
            Self::WindowLevel { window, level } => {
                bounded("level", *level, MAX_WINDOW)?;
                if !(1.0..=MAX_WINDOW).contains(window) {
                    return Err(format!("`window` must lie between 1 and {MAX_WINDOW}"));
                }
                Ok(())
            }
            Self::Preset { preset } => short("preset", preset),
            Self::Content { .. } | Self::Reset | Self::Render => Ok(()),
        }
    }
}
