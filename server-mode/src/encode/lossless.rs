//! Rectangles of a picture without loss: as PNGs, which are fast to make, or as WebP, which is small.

use png::{BitDepth, ColorType, Compression, Filter};
use render_core::Frame;

use super::webp::{self, Effort};
use super::{EncodeError, Rect, Tone};

/// Appends a PNG of grey samples.
pub fn encode_grey(size: [u32; 2], samples: &[u8], to: &mut Vec<u8>) -> Result<(), EncodeError> {
    write(size, ColorType::Grayscale, samples, to)
}

/// How a picture is packed without loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    Png,
    WebP(Effort),
}

impl Packing {
    /// The one that is there soonest on a way that carries `most` bytes in some 60 ms. Of a chest CT at 1280x720:
    /// volumes 950 kB as PNG in 8 ms, 570 kB as WebP in 40 ms, 525 kB in 110 ms with more effort. Slices, 240 kB as
    /// PNG in 3 ms and 195 kB as WebP in 100 ms, came no sooner at 1 Mbit/s.
    pub fn for_way(tone: Tone, most: usize, takes_webp: bool) -> Self {
        match tone {
            Tone::Color if takes_webp && most <= bytes_at(4) => Self::WebP(Effort::Little),
            Tone::Color if takes_webp && most <= bytes_at(16) => Self::WebP(Effort::Least),
            _ => Self::Png,
        }
    }
}

/// What a way of so many Mbit/s carries in 60 ms, in bytes.
const fn bytes_at(mbit_per_s: usize) -> usize {
    mbit_per_s * 1_000_000 / 8 * 60 / 1000
}

/// Appends the file to `to`. A grey picture's red is its brightness.
pub fn encode(
    frame: &Frame,
    rect: Rect,
    tone: Tone,
    packing: Packing,
    to: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    if let Packing::WebP(effort) = packing {
        return webp::encode(frame, rect, effort, to);
    }
    let [width, height] = rect.size;
    let pixels = rect.pixels(frame);
    let rows = pixels.chunks(frame.size[0] as usize * 4).map(|row| &row[..width as usize * 4]);
    let mut samples = Vec::with_capacity(width as usize * height as usize * 3);
    for row in rows {
        match tone {
            Tone::Grey => samples.extend(row.iter().step_by(4)),
            Tone::Color => samples.extend(row.as_chunks::<4>().0.iter().flat_map(|[r, g, b, _]| [r, g, b])),
        }
    }
    let color = match tone {
        Tone::Grey => ColorType::Grayscale,
        Tone::Color => ColorType::Rgb,
    };
    write([width, height], color, &samples, to)
}

fn write(
    [width, height]: [u32; 2],
    color: ColorType,
    samples: &[u8],
    to: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let mut encoder = png::Encoder::new(to, width, height);
    encoder.set_color(color);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Fast);
    encoder.set_filter(Filter::Adaptive);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(samples)?;
    Ok(writer.finish()?)
}
