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

pub mod cinematic;
pub mod gpu;
pub mod progressive;
pub mod render;
pub mod scene;

#[cfg(test)]
mod cpu_tests;

pub use kernels::frame::{Frame, FrameKind, ValueImage};
pub use kernels::{cpu, frame, illumination};
pub use render::{RenderError, RenderParams, Renderer};
pub use volumes::{
    Geometry, Outline, Outlined, Progress, Volume, Voxels, Window, bricks, geometry, halved, levels,
    progress, volume, window, with_voxels, words,
};
#[cfg(not(target_arch = "wasm32"))]
pub use volumes::{dicom, phantom, save, surface, volume_file};
