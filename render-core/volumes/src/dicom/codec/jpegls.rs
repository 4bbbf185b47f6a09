//! JPEG-LS by CharLS.

use charls::CharLS;

/// Samples of one or two bytes, interleaved, or by plane where the scans are separate.
pub fn decode(bytes: &[u8]) -> Result<Vec<u8>, String> {
    CharLS::default().decode(bytes).map_err(|e| e.to_string())
}
