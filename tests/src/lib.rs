//! What Voxcast's golden, wire and end-to-end tests share.

pub mod backends;
pub mod binary;
pub mod cases;
pub mod compare;
pub mod data;
pub mod display;
pub mod features;
pub mod phantoms;
pub mod server;
pub mod truths;
pub mod turn;
pub mod webrtc;
