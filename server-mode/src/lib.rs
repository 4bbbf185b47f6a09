//! Voxcast's streaming server: a browser, or any program, turns a volume around that this machine
//! draws.
//!
//! ```text
//! socket -> protocol -> Session::handle -> scene::interaction -> ViewState
//!                       Session::poll   -> Frames (draw, encode) -> Session -> protocol -> socket
//! ```
//!
//! [`run`] is all that a program needs. The session is sans-IO: it knows no socket, no thread and
//! no clock, so lag and slow clients are plain unit tests. Drawing and encoding happen on threads
//! of their own, never on the async runtime's; a series is loaded once, however many sessions look
//! at it.

mod background;
mod board;
pub mod client;
pub mod emulator;
pub mod encode;
mod frames;
pub mod knock;
mod measuring;
pub mod nearby;
mod refine;
pub mod remote;
mod screen;
mod server;
mod session;
pub mod share;
mod studies;
mod turns;
mod webrtc;

pub use screen::{Screen, ScreenError, Values};
pub use server::{Config, Error, Ready, Secret, Server, VoxelPolicy, run};
pub use studies::{Loader, Studies};
pub use webrtc::Config as WebRtcConfig;
