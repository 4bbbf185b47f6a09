//! JPEG-LS by CharLS.

use charls::CharLS;

use super::facts::segments;

/// Samples of one or two bytes, interleaved, or by plane where the scans are separate.
pub fn decode(bytes: &[u8]) -> Result<Vec<u8>, String> {
    // CharLS looks for the marker that ends the image without looking where the bytes end. Segments of
    // the header may hold the same two bytes.
    let header = segments(bytes).map(|(_, range)| range.end).last().unwrap_or(0).min(bytes.len());
    if !bytes[header..].windows(2).rev().any(|marker| marker == [0xFF, 0xD9]) {
        return Err("it has no end: its last bytes are missing".into());
    }
    CharLS::default().decode(bytes).map_err(|e| e.to_string())
}
