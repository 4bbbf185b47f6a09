//! Voxcast's CPU renderers, and what every renderer is told and returns.
//!
//! Apart from `render-core`, because the compiler takes minutes for these kernels and seconds for
//! all else. What a picture shows is decided above: here it is plain data (`render::RenderParams`).
//! Spaces are named in `render-core`.

pub mod cpu;
pub mod frame;
pub mod illumination;
pub mod render;

use volumes::{bricks, volume, window, with_voxels};
