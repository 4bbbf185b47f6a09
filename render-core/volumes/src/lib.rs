//! Voxcast's volumes: from files to voxels that know where in the patient they are.
//!
//! Apart from the renderers, because the compiler takes minutes for those and seconds for this.
//! It knows no clock, no socket, no window and no async runtime. `render-core` shows these modules as
//! its own; spaces are named there. In a browser there are no files: what reads and writes them is left out.

pub mod bricks;
#[cfg(not(target_arch = "wasm32"))]
pub mod dicom;
pub mod geometry;
pub mod halved;
pub mod levels;
mod memory;
pub mod outline;
#[cfg(not(target_arch = "wasm32"))]
pub mod phantom;
pub mod progress;
#[cfg(not(target_arch = "wasm32"))]
pub mod save;
#[cfg(not(target_arch = "wasm32"))]
pub mod surface;
#[cfg(not(target_arch = "wasm32"))]
mod threads;
pub mod volume;
#[cfg(not(target_arch = "wasm32"))]
pub mod volume_file;
pub mod window;
pub mod words;

pub use geometry::Geometry;
pub use outline::{Outline, Outlined};
pub use progress::Progress;
pub use volume::{Volume, Voxels};
pub use window::Window;
