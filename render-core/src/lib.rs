//! Voxcast's render core: from DICOM files to pixels.
//!
//! ```text
//! files -> dicom -> Arc<Volume> -> ViewState -> RenderParams -> Renderer {Gpu | Cpu} -> Frame
//! ```
//!
//! The desktop window and the streaming server are both built on this crate and on nothing of each
//! other. It knows no clock, no socket, no window and no async runtime: time, randomness, progress
//! and cancellation are arguments.
//!
//! Spaces: *patient* is DICOM's LPS in millimetres (+x left, +y posterior, +z superior); *voxel* is
//! the continuous index (column, row, slice) with integer values at voxel centres; *pixel* is
//! (column, row) of an image with integer values at pixel centres. Transforms are named
//! `a_from_b`.

pub mod bricks;
pub mod cinematic;
pub mod cpu;
pub mod dicom;
pub mod frame;
pub mod geometry;
pub mod gpu;
pub mod halved;
pub mod illumination;
pub mod levels;
pub mod phantom;
pub mod progress;
pub mod progressive;
pub mod render;
pub mod scene;
pub mod volume;
pub mod window;

pub use frame::{Frame, FrameKind, ValueImage};
pub use geometry::Geometry;
pub use progress::Progress;
pub use render::{RenderError, RenderParams, Renderer};
pub use volume::{Volume, Voxels};
pub use window::Window;
