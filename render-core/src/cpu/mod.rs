//! Rendering on the CPU.

mod reference;

pub(crate) use reference::Reference;
