//! Rectangles of a picture as lossless WebP: smaller than PNG, and slower.

use std::mem::MaybeUninit;
use std::slice;

use libwebp_sys::{
    VP8StatusCode, WebPBitstreamFeatures, WebPConfig, WebPDecodeRGBAInto, WebPEncode, WebPGetFeatures,
    WebPMemoryWrite, WebPMemoryWriter, WebPMemoryWriterClear, WebPMemoryWriterInit, WebPPicture,
    WebPPictureFree, WebPPictureImportRGBX, WebPValidateConfig,
};
use render_core::Frame;

use super::{EncodeError, Rect};

/// How much is tried for fewer bytes, as libwebp's `method`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    Least = 0,
    Little = 1,
}

/// Frees what libwebp allocates for a picture.
struct Picture(WebPPicture);

impl Drop for Picture {
    fn drop(&mut self) {
        // SAFETY: it was initialised, and is not used after this.
        unsafe { WebPPictureFree(&raw mut self.0) }
    }
}

/// Frees the bytes that libwebp writes.
struct Bytes(WebPMemoryWriter);

impl Drop for Bytes {
    fn drop(&mut self) {
        // SAFETY: it was initialised, and is not used after this.
        unsafe { WebPMemoryWriterClear(&raw mut self.0) }
    }
}

/// Appends the file to `to`.
pub(super) fn encode(frame: &Frame, rect: Rect, effort: Effort, to: &mut Vec<u8>) -> Result<(), EncodeError> {
    let failed = |_| EncodeError::WebP("it does not start".into());
    let [width, height] = rect.size.map(|n| i32::try_from(n).unwrap_or(i32::MAX));
    let mut config = WebPConfig::new().map_err(failed)?;
    (config.lossless, config.quality, config.method) = (1, 0.0, effort as i32);
    let mut picture = Picture(WebPPicture::new().map_err(failed)?);
    (picture.0.use_argb, picture.0.width, picture.0.height) = (1, width, height);
    let (pixels, stride) = (rect.pixels(frame), frame.size[0] as usize * 4);
    let stride = i32::try_from(stride).unwrap_or(i32::MAX);
    let mut bytes = MaybeUninit::uninit();
    // SAFETY: the rectangle lies in the frame, and `pixels` go from its first pixel to its last: `height` rows of
    // `width` pixels of four bytes, `stride` bytes apart. The writer is initialised before it is used, stays where
    // it is until the encoder has returned, and holds `size` bytes at `mem`, or none.
    unsafe {
        WebPMemoryWriterInit(bytes.as_mut_ptr());
        let mut bytes = Bytes(bytes.assume_init());
        picture.0.writer = Some(WebPMemoryWrite);
        picture.0.custom_ptr = (&raw mut bytes.0).cast();
        let encoded = WebPValidateConfig(&raw const config) != 0
            && WebPPictureImportRGBX(&raw mut picture.0, pixels.as_ptr(), stride) != 0
            && WebPEncode(&raw const config, &raw mut picture.0) != 0;
        if !encoded || bytes.0.mem.is_null() {
            return Err(EncodeError::WebP(format!("{:?}", picture.0.error_code)));
        }
        to.extend(slice::from_raw_parts(bytes.0.mem, bytes.0.size));
    }
    Ok(())
}

/// Decodes a lossless file of exactly this size into a picture's RGBA bytes, from the rectangle's first one on.
/// `pitch` is the picture's bytes a row.
pub fn decode(file: &[u8], size: [u32; 2], pixels: &mut [u8], pitch: usize) -> Result<(), &'static str> {
    const LOSSLESS: i32 = 2;
    let mut features = MaybeUninit::<WebPBitstreamFeatures>::zeroed();
    // SAFETY: it reads `file` only, and an all-zero `features` is valid, so that it is whether written or not.
    let (status, features) = unsafe {
        let status = WebPGetFeatures(file.as_ptr(), file.len(), features.as_mut_ptr());
        (status, features.assume_init())
    };
    if status != VP8StatusCode::VP8_STATUS_OK {
        return Err("it is no WebP file");
    }
    if [features.width, features.height].map(u32::try_from) != size.map(Ok) {
        return Err("it has another size than it says");
    }
    if features.format != LOSSLESS || features.has_alpha != 0 || features.has_animation != 0 {
        return Err("it is no lossless picture without transparency");
    }
    let [width, height] = size.map(|n| n as usize);
    let needed = pitch * (height - 1) + width * 4;
    let pitch = i32::try_from(pitch).map_err(|_| "its picture is too wide")?;
    if pixels.len() < needed {
        return Err("it ends beyond the picture");
    }
    // SAFETY: the file's size was compared, and `pixels` has room for so many rows of it, `pitch` bytes apart.
    let decoded =
        unsafe { WebPDecodeRGBAInto(file.as_ptr(), file.len(), pixels.as_mut_ptr(), pixels.len(), pitch) };
    if decoded.is_null() { Err("it is damaged") } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use render_core::FrameKind;

    use super::*;

    fn frame(size: [u32; 2]) -> Frame {
        let pixels = (0..size[0] * size[1]).flat_map(|i| {
            let (x, y) = (i % size[0], i / size[0]);
            [(x * 3 + y) as u8, (x ^ y) as u8, (y * y / 7) as u8, 255]
        });
        Frame { size, pixels: pixels.collect(), kind: FrameKind::Exact, view_revision: 0, input_seq: 0 }
    }

    fn file(frame: &Frame, rect: Rect, effort: Effort) -> Vec<u8> {
        let mut file = Vec::new();
        encode(frame, rect, effort, &mut file).expect("encodes");
        file
    }

    #[test]
    fn a_rectangle_comes_back_as_it_was_and_nothing_else_is_touched() {
        let frame = frame([97, 61]);
        for effort in [Effort::Least, Effort::Little] {
            let rect = Rect { at: [5, 7], size: [64, 50] };
            let file = file(&frame, rect, effort);
            let mut pixels = vec![9; frame.pixels.len()];
            let start = (7 * 97 + 5) * 4;
            decode(&file, rect.size, &mut pixels[start..], 97 * 4).expect("decodes");
            for (i, (is, was)) in
                pixels.as_chunks::<4>().0.iter().zip(frame.pixels.as_chunks::<4>().0).enumerate()
            {
                let inside = (5..69).contains(&(i % 97)) && (7..57).contains(&(i / 97));
                assert_eq!(is, if inside { was } else { &[9; 4] }, "pixel {i}");
            }
        }
    }

    #[test]
    fn files_of_another_size_or_damaged_ones_are_refused() {
        let frame = frame([64, 64]);
        let whole = file(&frame, Rect::whole(&frame), Effort::Least);
        let mut pixels = vec![0; frame.pixels.len()];
        assert!(decode(&whole, [64, 63], &mut pixels, 256).is_err());
        assert!(decode(&whole, [64, 64], &mut pixels[4..], 256).is_err());
        for length in 0..whole.len() {
            assert!(decode(&whole[..length], [64, 64], &mut pixels, 256).is_err(), "{length} bytes");
        }
        let mut noise = 1u32;
        for _ in 0..2000 {
            let mut file = whole.clone();
            for _ in 0..3 {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let at = noise as usize % file.len();
                file[at] ^= (noise >> 24) as u8 | 1;
            }
            // Some damage only changes what is shown; none may do more.
            let _ = decode(&file, [64, 64], &mut pixels, 256);
        }
    }
}
