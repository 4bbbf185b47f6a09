//! render-core in the browser: the same views, hands and shaders as on the server, drawn by WebGPU.
//!
//! ```text
//! /voxels/UID/LEVEL -> Arrival -> Volume ┐
//! `viewState`       -> View  <- input    ├-> BrowserRenderer -> pixels
//!                         └-> `set`      ┘
//! ```
//!
//! A worker of the page owns one [`Drawer`]. Messages are those of the protocol, as JSON. Everything takes
//! `&self`: while a picture is in the making, input goes on.

#![cfg(target_arch = "wasm32")]

mod drawer;
mod view;

pub use drawer::{Drawer, Picture};
