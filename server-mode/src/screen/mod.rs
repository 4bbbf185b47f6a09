//! The client's side of a view: what its frames add up to.

mod values;
mod video;

use protocol::frame::FrameError;
use protocol::{Codec, FrameHeader, Part, Quality};
use turbojpeg::{Decompressor, Image, PixelFormat};
use twox_hash::XxHash32;

pub use values::Values;
pub(crate) use video::Decoder;

use crate::encode::webp;

/// A view's picture, put together from the parts of its frames.
#[derive(Debug, Default)]
pub struct Screen {
    size: [u32; 2],
    pixels: Vec<u8>,
    /// Goes on after pictures of other kinds, as the server's encoder does.
    video: Option<Decoder>,
}

/// Why a frame cannot be shown. The picture may be spoilt: the client asks for all of it with `repaint`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScreenError {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("the frame is of another size than the picture that it changes")]
    Size,
    #[error("a part of the frame cannot be decoded: {0}")]
    Part(String),
    #[error("the picture is not the one that was drawn")]
    Hash,
}

impl Screen {
    /// Width and height in pixels.
    pub fn size(&self) -> [u32; 2] {
        self.size
    }

    /// RGBA, row by row from the top.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// Shows a frame; a lossless one is compared with its hash.
    pub fn show(&mut self, message: &[u8]) -> Result<FrameHeader, ScreenError> {
        let (header, parts) = FrameHeader::decode(message)?;
        let size = header.size.map(u32::from);
        if header.cleared {
            self.size = size;
            self.pixels.clear();
            // The protocol bounds a view's size.
            self.pixels.resize(size[0] as usize * size[1] as usize * 4, 0);
            self.pixels.as_chunks_mut::<4>().0.fill([0, 0, 0, 255]);
        } else if header.stretched {
            self.stretch(size);
        } else if self.size != size {
            return Err(ScreenError::Size);
        }
        for part in &parts {
            match header.codec {
                Codec::Png => self.show_png(part)?,
                Codec::Jpeg => self.show_jpeg(part)?,
                Codec::WebP => self.show_webp(part)?,
                Codec::H264 | Codec::Hevc | Codec::Av1 => self.show_video(&header, part)?,
                _ => return Err(ScreenError::Part("its codec is not known here".into())),
            }
        }
        if header.quality == Quality::Lossless && XxHash32::oneshot(0, &self.pixels) != header.hash {
            return Err(ScreenError::Hash);
        }
        Ok(header)
    }

    fn show_video(&mut self, header: &FrameHeader, part: &Part<'_>) -> Result<(), ScreenError> {
        if (part.at, part.size) != ([0, 0], header.size) {
            return Err(ScreenError::Part("a video's picture is the whole one".into()));
        }
        // What fails leaves nothing behind that later pictures could build on.
        let mut decoder = match self.video.take() {
            Some(decoder) if !header.key && decoder.suits(header.codec, self.size) => decoder,
            _ if header.key => Decoder::open(header.codec, self.size).map_err(ScreenError::Part)?,
            _ => return Err(ScreenError::Part("the beginning of its video is missing".into())),
        };
        decoder.decode(part.bytes, &mut self.pixels).map_err(ScreenError::Part)?;
        self.video = Some(decoder);
        Ok(())
    }

    /// Each pixel becomes the one that lay there.
    fn stretch(&mut self, size: [u32; 2]) {
        let [width, height] = self.size.map(|n| n as usize);
        let [to_width, to_height] = size.map(|n| n as usize);
        let before = std::mem::take(&mut self.pixels);
        let before = before.as_chunks::<4>().0;
        let row = |y: usize| &before[y * height / to_height * width..][..width];
        let rows = (0..to_height).filter(|_| !before.is_empty()).map(row);
        self.pixels = rows.flat_map(|row| (0..to_width).flat_map(|x| row[x * width / to_width])).collect();
        // Before the first picture there is nothing to stretch.
        self.pixels.resize(to_width * to_height * 4, 0);
        self.size = size;
    }

    fn show_jpeg(&mut self, part: &Part<'_>) -> Result<(), ScreenError> {
        let failed = |error: turbojpeg::Error| ScreenError::Part(error.to_string());
        let mut decompressor = Decompressor::new().map_err(failed)?;
        let header = decompressor.read_header(part.bytes).map_err(failed)?;
        let [width, height] = part.size.map(usize::from);
        if [header.width, header.height] != [width, height] {
            return Err(ScreenError::Part("it has another size than it says".into()));
        }
        let pitch = self.size[0] as usize * 4;
        let start = offset(self.size, part.at);
        let pixels = &mut self.pixels[start..];
        let image = Image { pixels, width, pitch, height, format: PixelFormat::RGBA };
        decompressor.decompress(part.bytes, image).map_err(failed)
    }

    fn show_webp(&mut self, part: &Part<'_>) -> Result<(), ScreenError> {
        let (pitch, start) = (self.size[0] as usize * 4, offset(self.size, part.at));
        let decoded = webp::decode(part.bytes, part.size.map(u32::from), &mut self.pixels[start..], pitch);
        decoded.map_err(|reason| ScreenError::Part(reason.into()))
    }

    fn show_png(&mut self, part: &Part<'_>) -> Result<(), ScreenError> {
        let failed = |error: png::DecodingError| ScreenError::Part(error.to_string());
        let mut decoder = png::Decoder::new(std::io::Cursor::new(part.bytes));
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        let mut reader = decoder.read_info().map_err(failed)?;
        if [reader.info().width, reader.info().height] != part.size.map(u32::from) {
            return Err(ScreenError::Part("it has another size than it says".into()));
        }
        for row in 0..part.size[1] {
            let Some(samples) = reader.next_row().map_err(failed)? else {
                return Err(ScreenError::Part("it ends early".into()));
            };
            let start = offset(self.size, [part.at[0], part.at[1] + row]);
            let pixels = self.pixels[start..].as_chunks_mut::<4>().0;
            let samples = samples.data();
            match samples.len() / usize::from(part.size[0]) {
                1 => pixels.iter_mut().zip(samples).for_each(|(pixel, &g)| *pixel = [g, g, g, 255]),
                3 => {
                    let samples = samples.as_chunks().0;
                    pixels.iter_mut().zip(samples).for_each(|(pixel, &[r, g, b])| *pixel = [r, g, b, 255]);
                }
                _ => return Err(ScreenError::Part("it is neither grey nor of three colours".into())),
            }
        }
        Ok(())
    }
}

fn offset(size: [u32; 2], at: [u16; 2]) -> usize {
    (usize::from(at[1]) * size[0] as usize + usize::from(at[0])) * 4
}
