//! Pictures to bytes: whole JPEGs for plain clients, what has changed for the others.

mod canvas;
mod jpeg;
mod lossless;
pub mod values;
mod video;
pub(crate) mod webp;

use render_core::{Frame, FrameKind};

use lossless::Packing;

pub use canvas::{Brush, Canvas, Film, Painted};
pub use jpeg::Jpeg;
pub(crate) use video::{PICTURES_PER_SECOND, Video, start_ffmpeg};
pub use video::{VideoCodecs, probe};

/// Whether a picture has colours. Grey pictures are a third smaller and faster as grey ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Grey,
    Color,
}

/// Pixels of a picture from (`at`) on; they lie in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rect {
    /// Column and row.
    at: [u32; 2],
    size: [u32; 2],
}

impl Rect {
    /// The rows of a picture's RGBA pixels that the rectangle covers: from its first pixel to its last.
    fn pixels<'a>(&self, frame: &'a Frame) -> &'a [u8] {
        let offset = |at: [u32; 2]| (at[1] as usize * frame.size[0] as usize + at[0] as usize) * 4;
        let last = [self.at[0] + self.size[0], self.at[1] + self.size[1] - 1];
        &frame.pixels[offset(self.at)..offset(last)]
    }

    fn whole(frame: &Frame) -> Self {
        Self { at: [0, 0], size: frame.size }
    }
}

/// Why a picture has no bytes.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    #[error("the picture cannot be encoded as JPEG: {0}")]
    Jpeg(#[from] turbojpeg::Error),
    #[error("the picture cannot be encoded as PNG: {0}")]
    Png(#[from] png::EncodingError),
    #[error("the picture cannot be encoded as WebP: {0}")]
    WebP(String),
    #[error("the picture cannot be encoded as a video's: {0}")]
    Ffmpeg(#[from] ffmpeg_next::Error),
    #[error("the picture cannot be encoded as a video's by openh264: {0}")]
    OpenH264(#[from] openh264::Error),
    #[error("the encoder's video cannot be decoded: {0}")]
    Unreadable(String),
    #[error("the picture's colours cannot be converted: {0}")]
    Yuv(String),
    #[error("no encoder for a video that the client decodes works on this machine")]
    NoVideo,
    #[error("there are as many videos as this server makes at a time")]
    TooManyVideos,
}

/// Names of the encoders that proved themselves on a picture.
pub fn available() -> Vec<&'static str> {
    let [width, height] = [16, 16];
    let frame = Frame {
        size: [width, height],
        pixels: vec![127; width as usize * height as usize * 4],
        kind: FrameKind::Exact,
        view_revision: 0,
        input_seq: 0,
    };
    let jpeg = Jpeg::new().and_then(|mut jpeg| jpeg.encode(&frame, 90, Tone::Color));
    let png = lossless::encode(&frame, Rect::whole(&frame), Tone::Color, Packing::Png, &mut Vec::new());
    let webp = Packing::WebP(webp::Effort::Least);
    let webp = lossless::encode(&frame, Rect::whole(&frame), Tone::Color, webp, &mut Vec::new());
    let pictures = [
        jpeg.is_ok().then_some("JPEG (libjpeg-turbo)"),
        png.is_ok().then_some("PNG"),
        webp.is_ok().then_some("WebP"),
    ];
    pictures.into_iter().flatten().chain(video::names()).collect()
}
