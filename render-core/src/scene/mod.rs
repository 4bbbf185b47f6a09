//! What is shown and how: cameras, windows, transfer functions, and what a drag means.

pub mod camera;
pub mod clip;
pub mod color_map;
pub mod curved;
pub mod interaction;
pub mod layer;
pub mod light;
pub mod overlay;
pub mod preset;
pub mod track;
pub mod transfer;
pub mod view;

pub use camera::Camera;
pub use color_map::ColorMap;
pub use curved::Curved;
pub use interaction::{Button, Input, Interaction};
pub use preset::{Preset, PresetLibrary};
pub use transfer::TransferFunction;
pub use view::{Content, Plane, ViewState};
