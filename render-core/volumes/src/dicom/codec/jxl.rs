//! JPEG XL by jxl-oxide.

use jxl_oxide::{AllocTracker, JxlImage, JxlThreadPool};

use super::Task;
use super::facts::{Coding, Facts};

/// A bare codestream, or the box that begins a container.
pub fn begins(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xFF, 0x0A]) || bytes.starts_with(b"\0\0\0\x0CJXL \r\n\x87\n")
}

/// What the decoder may take for any image, and for each sample: it works in floats and keeps
/// several copies.
const BASE_BYTES: usize = 64 << 20;
const BYTES_PER_SAMPLE: usize = 64;

fn open(bytes: &[u8], samples: usize) -> Result<JxlImage, String> {
    let limit = AllocTracker::with_limit(BASE_BYTES.saturating_add(samples.saturating_mul(BYTES_PER_SAMPLE)));
    let builder = JxlImage::builder().pool(JxlThreadPool::none()).alloc_tracker(limit);
    builder.read(bytes).map_err(|e| e.to_string())
}

pub fn facts(bytes: &[u8]) -> Option<Facts> {
    // The size and the kind of samples stand in the first bytes; the rest need not be read for them.
    let limit = AllocTracker::with_limit(BASE_BYTES);
    let mut image = JxlImage::builder().pool(JxlThreadPool::none()).alloc_tracker(limit).build_uninit();
    image.feed_bytes(&bytes[..bytes.len().min(1 << 16)]).ok()?;
    let jxl_oxide::InitializeResult::Initialized(image) = image.try_init().ok()? else { return None };
    let header = image.image_header();
    let metadata = &header.metadata;
    Some(Facts {
        coding: Coding::JpegXl,
        columns: image.width() as usize,
        rows: image.height() as usize,
        components: if metadata.grayscale() { 1 } else { 3 },
        bits: metadata.bit_depth.bits_per_sample() as u16,
        planar: false,
        lossy: metadata.xyb_encoded,
        transformed: Some(true),
    })
}

/// Samples of one or two bytes, interleaved.
pub fn decode(task: &Task, bytes: &[u8]) -> Result<Vec<u8>, String> {
    let samples = task.columns as usize * task.rows as usize * task.components;
    let image = open(bytes, samples)?;
    let frame = image.render_frame(0).map_err(|e| e.to_string())?;
    let mut stream = frame.stream();
    let channels = stream.channels() as usize;
    if channels < task.components || [stream.width(), stream.height()] != [task.columns, task.rows] {
        return Err("its frame differs in size from what its header says".into());
    }
    let mut values = vec![0f32; task.columns as usize * task.rows as usize * channels];
    stream.write_to_buffer(&mut values);
    // Samples are shares of the largest one; 16 bits are exact in a float.
    let largest = ((1u32 << task.bits) - 1) as f32;
    let samples = values
        .chunks(channels)
        .flat_map(|pixel| &pixel[..task.components])
        .map(|share| (share * largest).round().clamp(0.0, largest) as u16);
    Ok(match task.sample_bytes() {
        1 => samples.map(|sample| sample as u8).collect(),
        _ => samples.flat_map(u16::to_le_bytes).collect(),
    })
}
