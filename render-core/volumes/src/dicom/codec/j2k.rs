//! JPEG 2000 and HTJ2K by OpenJPEG's port to Rust.

use jpeg2k::{DecodeParameters, Image};

use super::Task;

/// Samples of 1, 2 or 4 bytes, interleaved.
pub fn decode(task: &Task, bytes: &[u8]) -> Result<Vec<u8>, String> {
    let parameters = DecodeParameters::new().ignore_pclr_cmap_cdef();
    let image = Image::from_bytes_with(bytes, parameters).map_err(|e| e.to_string())?;
    let pixels = task.columns as usize * task.rows as usize;
    let components = image.components();
    if components.len() != task.components || components.iter().any(|c| c.data().len() != pixels) {
        return Err("its components differ in size or number from what its header says".into());
    }
    let width = task.sample_bytes();
    let mut out = vec![0u8; task.samples() * width];
    let step = width * task.components;
    for (i, component) in components.iter().enumerate() {
        let places = out[i * width..].chunks_mut(step);
        let samples = component.data().iter();
        match width {
            1 => places.zip(samples).for_each(|(to, &sample)| to[0] = sample as u8),
            2 => places.zip(samples).for_each(|(to, &s)| to[..2].copy_from_slice(&(s as u16).to_le_bytes())),
            _ => places.zip(samples).for_each(|(to, &s)| to[..4].copy_from_slice(&s.to_le_bytes())),
        }
    }
    Ok(out)
}
