//! The values of a slice view, for a client that windows them itself: what it draws is, bit by bit, what the server
//! would have drawn.

use std::io::Cursor;

use protocol::ValuesHeader;
use render_core::Window;

use super::ScreenError;

/// Values on a view's pixels, rows from the top; NaN outside the volume.
#[derive(Debug)]
pub struct Values {
    pub header: ValuesHeader,
    values: Vec<f32>,
}

impl Values {
    /// Reads a binary message that begins with `VXV1`.
    pub fn decode(message: &[u8]) -> Result<Self, ScreenError> {
        let (header, png) = ValuesHeader::decode(message)?;
        let failed = |error: png::DecodingError| ScreenError::Part(error.to_string());
        let mut reader = png::Decoder::new(Cursor::new(png)).read_info().map_err(failed)?;
        let [width, height] = header.size.map(u32::from);
        let info = reader.info();
        let is_grey = info.color_type == png::ColorType::Grayscale && info.bit_depth == png::BitDepth::Eight;
        if !is_grey || [info.width, info.height] != [width, 4 * height] {
            return Err(ScreenError::Part("values of another size, or kind, than they say".into()));
        }
        // The header bounds the size.
        let count = width as usize * height as usize;
        let mut planes = vec![0; 4 * count];
        reader.next_frame(&mut planes).map_err(failed)?;
        let byte = |plane: usize, i: usize| planes[plane * count + i];
        let value = |i| f32::from_be_bytes([byte(0, i), byte(1, i), byte(2, i), byte(3, i)]);
        Ok(Self { header, values: (0..count).map(value).collect() })
    }

    /// Width and height in pixels.
    pub fn size(&self) -> [u32; 2] {
        self.header.size.map(u32::from)
    }

    /// RGBA, row by row from the top, under a window of the shape that the values were asked for with.
    pub fn paint(&self, window: Window) -> Vec<u8> {
        let (low, scale) = window.ramp();
        let (low, scale) = if self.header.inverted { (low + 1.0 / scale, -scale) } else { (low, scale) };
        let mut pixels = vec![255; self.values.len() * 4];
        for (pixel, value) in pixels.as_chunks_mut::<4>().0.iter_mut().zip(&self.values) {
            let share = (value - low) * scale;
            // What lies outside compares to nothing, and is black.
            let brightness = if share > 0.0 { share.min(1.0) } else { 0.0 };
            let grey = (brightness * 255.0 + 0.5) as u8;
            *pixel = [grey, grey, grey, 255];
        }
        pixels
    }
}

#[cfg(test)]
mod tests {
    use protocol::values::HEADER_BYTES;
    use render_core::ValueImage;
    use render_core::window::Shape;

    use super::*;

    fn message(values: Vec<f32>, inverted: bool) -> Vec<u8> {
        let header = ValuesHeader {
            view: 1,
            inverted,
            linear_exact: false,
            size: [values.len() as u16, 1],
            view_revision: 7,
        };
        let mut message = vec![0; HEADER_BYTES];
        let image = ValueImage { size: [values.len() as u32, 1], values };
        crate::encode::values::encode(&image, &mut message).expect("a PNG");
        message[..HEADER_BYTES].copy_from_slice(&header.encode());
        message
    }

    #[test]
    fn values_come_back_bit_by_bit_and_are_windowed() {
        let values = vec![-1000.25, -160.0, 40.1, 239.0, 3000.0, f32::NAN];
        let decoded = Values::decode(&message(values.clone(), false)).expect("values");
        assert!(decoded.values.iter().zip(&values).all(|(a, b)| a.to_bits() == b.to_bits()));
        let window = Window::shaped(40.0, 400.0, Shape::Linear).expect("a window");
        let greys =
            |decoded: &Values| decoded.paint(window).chunks(4).map(|rgba| rgba[0]).collect::<Vec<_>>();
        assert_eq!(greys(&decoded), [0, 0, 128, 255, 255, 0]);
        let turned = Values::decode(&message(values, true)).expect("values");
        assert_eq!(greys(&turned), [255, 255, 127, 0, 0, 0]);
    }

    #[test]
    fn what_is_no_picture_of_values_is_refused() {
        let good = message(vec![1.0; 4], false);
        for wrong in [&good[..10], &good[..HEADER_BYTES], &good[..good.len() / 2]] {
            assert!(Values::decode(wrong).is_err());
        }
        let mut other = good.clone();
        other[8] = 5;
        assert!(Values::decode(&other).is_err(), "of another width");
    }
}
