//! Rectangles of a picture as PNGs, fast rather than small.

use png::{BitDepth, ColorType, Compression, Filter};
use render_core::Frame;

use super::{EncodeError, Rect, Tone};

/// Appends a PNG of grey samples.
pub fn encode_grey(size: [u32; 2], samples: &[u8], to: &mut Vec<u8>) -> Result<(), EncodeError> {
    write(size, ColorType::Grayscale, samples, to)
}

/// Appends the PNG to `to`. A grey picture's red is its brightness.
pub fn encode(frame: &Frame, rect: Rect, tone: Tone, to: &mut Vec<u8>) -> Result<(), EncodeError> {
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
