//! What a renderer returns.

/// Whether a frame is what the view state asks for, or a stand-in while the user moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    Exact,
    Interactive,
}

/// A rendered picture: opaque RGBA, 8 bits each, rows from the top, no padding.
#[derive(Clone, Debug)]
pub struct Frame {
    pub size: [u32; 2],
    pub pixels: Vec<u8>,
    pub kind: FrameKind,
    /// The view state's revision that this frame shows.
    pub view_revision: u64,
    /// The newest input that this frame shows.
    pub input_seq: u64,
}

/// Rescaled values (HU for CT) before windowing, rows from the top; NaN outside the volume.
#[derive(Clone, Debug)]
pub struct ValueImage {
    pub size: [u32; 2],
    pub values: Vec<f32>,
}
