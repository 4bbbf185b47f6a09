//! Voxcast's volumes: from files to voxels that know where in the patient they are.
//!
//! Apart from the renderers, because the compiler takes minutes for those and seconds for this.
//! It knows no clock, no socket, no window and no async runtime. `render-core` shows these modules as
//! its own; spaces are named there.

pub mod bricks;
pub mod dicom;
pub mod geometry;
pub mod halved;
pub mod levels;
mod memory;
pub mod outline;
pub mod phantom;
pub mod progress;
pub mod save;
pub mod surface;
mod threads;
pub mod volume;
pub mod volume_file;
pub mod window;
pub mod words;

pub use geometry::Geometry;
pub use outline::{Outline, Outlined};
pub use progress::Progress;
pub use volume::{Volume, Voxels};
pub use window::Window;
