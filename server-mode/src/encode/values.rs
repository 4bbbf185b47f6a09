//! The values of a slice as a PNG, for clients that window them.

use render_core::ValueImage;

use super::{EncodeError, lossless};

/// Appends a grey PNG with the bytes of the values (IEEE 754, 32 bits): one image of the most significant bytes,
/// below it those of the others in turn. Neighbours share their first bytes, so these take next to nothing.
pub fn encode(image: &ValueImage, to: &mut Vec<u8>) -> Result<(), EncodeError> {
    let planes = (0..4).flat_map(|byte| image.values.iter().map(move |value| value.to_be_bytes()[byte]));
    let [width, height] = image.size;
    lossless::encode_grey([width, height * 4], &planes.collect::<Vec<_>>(), to)
}
