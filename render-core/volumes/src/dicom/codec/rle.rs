//! RLE lossless (PS3.5 annex G): one PackBits segment per byte of a sample, highest byte first.

use super::Format;
use crate::dicom::pixels::TRUNCATED;

/// Samples of a frame, interleaved; frames of one bit per pixel stay packed.
pub fn decode(bytes: &[u8], format: &Format) -> Result<Vec<u8>, String> {
    let packed = format.allocated == 1;
    let pixels = if packed { format.pixels().div_ceil(8) } else { format.pixels() };
    let width = if packed { 1 } else { usize::from(format.allocated / 8) };
    let segments = width * usize::from(format.samples);
    let header: Vec<usize> = bytes
        .get(..64)
        .unwrap_or_default()
        .as_chunks()
        .0
        .iter()
        .map(|c| u32::from_le_bytes(*c) as usize)
        .collect();
    if header.first() != Some(&segments) || segments > 15 {
        return Err(format!("its RLE data does not have the {segments} segments that its header asks for"));
    }
    let mut out = vec![0; pixels * segments];
    for segment in 0..segments {
        let start = header[segment + 1];
        let end = if segment + 1 < segments { header[segment + 2] } else { bytes.len() };
        let input = bytes
            .get(start..end)
            .ok_or_else(|| format!("its RLE segment {} lies outside the pixel data", segment + 1))?;
        let (sample, byte) = (segment / width, width - 1 - segment % width);
        let plane = out[sample * width + byte..].iter_mut().step_by(segments);
        let written = unpack(input, plane);
        if written < pixels {
            return Err(format!("{TRUNCATED} after {written} of {pixels} RLE pixels"));
        }
    }
    Ok(out)
}
/// PackBits into `out`; how many bytes were written.
fn unpack<'a>(input: &[u8], mut out: impl Iterator<Item = &'a mut u8>) -> usize {
    let mut written = 0;
    let mut at = 0;
    while let Some(&control) = input.get(at) {
        at += 1;
        let run = control as i8;
        if run >= 0 {
            let literal = &input[at.min(input.len())..(at + run as usize + 1).min(input.len())];
            at += run as usize + 1;
            for &value in literal {
                let Some(slot) = out.next() else { return written };
                *slot = value;
                written += 1;
            }
        } else if run != -128 {
            let Some(&value) = input.get(at) else { return written };
            at += 1;
            for _ in 0..=run.unsigned_abs() {
                let Some(slot) = out.next() else { return written };
                *slot = value;
                written += 1;
            }
        }
    }
    written
}
