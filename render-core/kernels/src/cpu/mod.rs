//! Rendering on the CPU.
//!
//! [`Packets`] is the fast one. A frame is cut into tiles, worked on by the back end's own threads.
//! Each tile is worked on by a kernel (`march`, `project`), written once over vectors of rays
//! (`lanes`) and compiled for every instruction set [`Level`]. What cannot be seen is skipped in
//! bricks (`skip`), but the samples that are looked at are those of the [`Reference`], so both show
//! the same picture; only where pixels of a slice share voxels, rounding may move them by a thousandth of one.

mod lanes;
mod layers;
mod light;
mod march;
mod packets;
mod project;
mod reference;
mod sample;
mod skip;
mod tile;

pub use lanes::Level;
pub use packets::Packets;
pub use reference::{Reference, overlaid};
