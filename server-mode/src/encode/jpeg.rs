//! Pictures to JPEG.

use render_core::Frame;
use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};

use super::{Rect, Tone};

/// Qualities from here on keep full colour resolution: thin coloured vessels would bleed otherwise.
const FULL_COLOR_FROM: u8 = 85;

/// A JPEG compressor; each worker thread reuses its own.
pub struct Jpeg {
    compressor: Compressor,
}

impl std::fmt::Debug for Jpeg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Jpeg")
    }
}

impl Jpeg {
    pub fn new() -> Result<Self, turbojpeg::Error> {
        Ok(Self { compressor: Compressor::new()? })
    }

    /// `quality` is 1 to 100.
    pub fn encode(&mut self, frame: &Frame, quality: u8, tone: Tone) -> Result<Vec<u8>, turbojpeg::Error> {
        self.encode_rect(frame, Rect::whole(frame), quality, tone)
    }

    pub(super) fn encode_rect(
        &mut self,
        frame: &Frame,
        rect: Rect,
        quality: u8,
        tone: Tone,
    ) -> Result<Vec<u8>, turbojpeg::Error> {
        let [width, height] = rect.size.map(|n| n as usize);
        self.compressor.set_quality(i32::from(quality))?;
        self.compressor.set_subsamp(match tone {
            Tone::Grey => Subsamp::Gray,
            Tone::Color if quality >= FULL_COLOR_FROM => Subsamp::None,
            Tone::Color => Subsamp::Sub2x2,
        })?;
        let (pixels, pitch) = (rect.pixels(frame), frame.size[0] as usize * 4);
        let image = Image { pixels, width, pitch, height, format: PixelFormat::RGBA };
        self.compressor.compress_to_vec(image)
    }

    /// `pixels` are brightnesses, row by row from the top.
    pub fn encode_grey(
        &mut self,
        pixels: &[u8],
        size: [u32; 2],
        quality: u8,
    ) -> Result<Vec<u8>, turbojpeg::Error> {
        let [width, height] = size.map(|n| n as usize);
        self.compressor.set_quality(i32::from(quality))?;
        self.compressor.set_subsamp(Subsamp::Gray)?;
        let image = Image { pixels, width, pitch: width, height, format: PixelFormat::GRAY };
        self.compressor.compress_to_vec(image)
    }
}

#[cfg(test)]
mod tests {
    use render_core::FrameKind;

    use super::*;

    fn gradient(tone: Tone) -> Frame {
        let [width, height] = [64u32, 48u32];
        let pixels = (0..width * height)
            .flat_map(|i| {
                let x = (i % width * 4) as u8;
                match tone {
                    Tone::Grey => [x, x, x, 255],
                    Tone::Color => [x, 255 - x, (i / width * 5) as u8, 255],
                }
            })
            .collect();
        Frame { size: [width, height], pixels, kind: FrameKind::Exact, view_revision: 0, input_seq: 0 }
    }

    #[test]
    fn grey_stays_grey_and_final_pictures_keep_their_colors() {
        let mut jpeg = Jpeg::new().expect("libjpeg-turbo starts");
        let mut subsampling = |quality, tone| {
            let bytes = jpeg.encode(&gradient(tone), quality, tone).expect("encodes");
            turbojpeg::read_header(&bytes).expect("is a JPEG").subsamp
        };
        assert_eq!(subsampling(50, Tone::Color), Subsamp::Sub2x2);
        assert_eq!(subsampling(90, Tone::Color), Subsamp::None);
        assert_eq!(subsampling(50, Tone::Grey), Subsamp::Gray);
        assert_eq!(subsampling(90, Tone::Grey), Subsamp::Gray);
    }

    #[test]
    fn a_final_grey_picture_is_close_to_the_original() {
        let mut jpeg = Jpeg::new().expect("libjpeg-turbo starts");
        let frame = gradient(Tone::Grey);
        let bytes = jpeg.encode(&frame, 90, Tone::Grey).expect("encodes");
        let decoded = turbojpeg::decompress(&bytes, PixelFormat::RGBA).expect("decodes");
        assert_eq!([decoded.width as u32, decoded.height as u32], frame.size);
        let worst = decoded.pixels.iter().zip(&frame.pixels).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(worst.expect("has pixels") <= 6, "{worst:?}");
    }
}
