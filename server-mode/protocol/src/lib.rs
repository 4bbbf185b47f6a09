//! Voxcast's wire protocol: what a browser or a program and the server say to each other.
//!
//! `PROTOCOL.md` is the normative text; the fixtures beside it are run by this crate and by the
//! browser client.
//!
//! ```text
//! text    -> ClientMessage::parse -> (seq, ClientMessage)     server side
//! ServerMessage -> serde_json     -> text
//! FrameHeader::encode + parts     -> binary message           FrameHeader::decode on the client
//! client::Client                  what a client remembers     client side
//! ```
//!
//! This crate knows no socket, no clock, no renderer and no async runtime. Whatever it accepts is
//! bounded: sizes, counts and numbers from outside are checked here, once.

pub mod client;
pub mod frame;
pub mod message;
pub mod plain;
pub mod scene;
#[cfg(test)]
mod typescript;
pub mod values;
pub mod voxels;

pub use client::Client;
pub use frame::{Codec, FrameHeader, Part, Quality};
pub use message::{ClientMessage, Content, ErrorCode, MouseButton, PointerKind, ServerMessage};
pub use values::ValuesHeader;

/// The WebSocket subprotocol of `ClientMessage` and `ServerMessage`.
pub const SUBPROTOCOL: &str = "voxcast.v1";
/// Before the resume token, in the subprotocol that asks for the session of an earlier connection.
pub const RESUME: &str = "resume.";

/// Header of an answer that lets nobody in; its only value so far is [`NO_INVITATION`].
pub const REFUSAL: &str = "voxcast-refusal";
/// Here guests are let in by invitations, and this is none, or not any more.
pub const NO_INVITATION: &str = "invitation";

/// Codes that close the WebSocket, as far as clients tell them apart.
pub mod closing {
    /// The server shuts down; to a guest, its host has stopped sharing.
    pub const GOING_AWAY: u16 = 1001;
    /// Another connection goes on with the session.
    pub const TAKEN_OVER: u16 = 1012;
    /// The server has as much to do as it can.
    pub const FULL: u16 = 1013;
    /// The host has sent the guest away.
    pub const SENT_AWAY: u16 = 4001;
}

/// Revisions of a view that was dropped and brought back, maybe with another series, begin at the next multiple of this: a
/// frame that comes before what it shows was told is known by it.
pub const REVISIONS: u64 = 1 << 16;
/// Longest text message from a client in bytes.
pub const MAX_TEXT_BYTES: usize = 64 * 1024;
/// Views are numbered from 0 to this less one.
pub const MAX_VIEWS: usize = 16;
/// Series that are open beside the one of the layout.
pub const MAX_SERIES: usize = MAX_VIEWS;
/// Largest width or height of a view in pixels.
pub const MAX_VIEW_SIZE: u32 = 8192;
/// Most pixels of all views together: a 5K display with room to spare.
pub const MAX_LAYOUT_PIXELS: u64 = 16 * 1024 * 1024;
/// Most frames of one view that the client has not acknowledged: two, but more on a long way.
pub const MAX_UNACKNOWLEDGED: u32 = 8;
/// Longest text inside a message: UIDs have 64 characters, preset names and paths fit easily.
pub const MAX_STRING_BYTES: usize = 4096;

/// Why a message from a client is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Malformed {
    /// The message's `seq`, where it could be read.
    pub seq: Option<u64>,
    pub code: ErrorCode,
    /// What is wrong; at most 200 characters of it may come from the message itself.
    pub reason: String,
}

impl Malformed {
    fn new(seq: Option<u64>, code: ErrorCode, reason: impl Into<String>) -> Self {
        let mut reason = reason.into();
        if let Some((end, _)) = reason.char_indices().nth(200) {
            reason.truncate(end);
        }
        Self { seq, code, reason }
    }
}

/// Accepts finite numbers of at most this magnitude.
fn bounded(name: &str, value: f64, limit: f64) -> Result<(), String> {
    if value.is_finite() && value.abs() <= limit {
        Ok(())
    } else {
        Err(format!("`{name}` must lie between -{limit} and {limit}"))
    }
}

fn short(name: &str, text: &str) -> Result<(), String> {
    if text.len() <= MAX_STRING_BYTES {
        Ok(())
    } else {
        Err(format!("`{name}` is longer than {MAX_STRING_BYTES} bytes"))
    }
}
