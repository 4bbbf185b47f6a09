//! What is shown and how: cameras, windows, transfer functions, and what a drag means.

pub mod camera;
pub mod interaction;
pub mod overlay;
pub mod preset;
pub mod transfer;
pub mod view;

pub use camera::Camera;
pub use interaction::{Button, Input, Interaction};
pub use preset::Preset;
pub use transfer::TransferFunction;
pub use view::{Content, Plane, ViewState};
