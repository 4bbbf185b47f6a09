//! JPEG 2000 and HTJ2K. What nearly all DICOM files hold, the reversible wavelet in plain code blocks, is
//! decoded here, in half the time that OpenJPEG takes; all else by OpenJPEG's port to Rust.

mod blocks;
mod codestream;
mod tile;
mod wavelet;

use jpeg2k::{DecodeParameters, Image};

use super::Task;
pub use codestream::start;
use codestream::{Area, Codestream, Component, Style};

/// Samples of 1, 2 or 4 bytes, interleaved.
pub fn decode(task: &Task, bytes: &[u8]) -> Result<Vec<u8>, String> {
    let start = start(bytes).ok_or("it has no beginning")?;
    let stream = Codestream::read(&bytes[start..])?;
    let found = [stream.image.width(), stream.image.height(), stream.components.len()];
    if found != [task.columns as usize, task.rows as usize, task.components] {
        return Err("it has a second header that contradicts the first".into());
    }
    match &stream.style {
        Some(style) => reversible(task, &stream, style),
        None => any(task, bytes),
    }
}

fn reversible(task: &Task, stream: &Codestream<'_>, style: &Style) -> Result<Vec<u8>, String> {
    let mut out = vec![0; task.samples() * task.sample_bytes()];
    for (index, packets) in stream.tiles.iter().enumerate() {
        let area = stream.tile(index);
        let components = tile::decode(area, stream.components.len(), style, packets, stream.complete)?;
        for (i, (samples, component)) in components.iter().zip(&stream.components).enumerate() {
            match task.sample_bytes() {
                1 => place::<1>(task, stream.image, area, i, samples, component, &mut out),
                2 => place::<2>(task, stream.image, area, i, samples, component, &mut out),
                _ => place::<4>(task, stream.image, area, i, samples, component, &mut out),
            }
        }
    }
    Ok(out)
}

/// A component of a tile to its places in the image, in samples of `N` bytes.
fn place<const N: usize>(
    task: &Task,
    image: Area,
    tile: Area,
    index: usize,
    samples: &[i32],
    component: &Component,
    out: &mut [u8],
) {
    // Unsigned samples are coded around their middle (annex G.1).
    let middle = 1 << (component.bits - 1);
    let (low, high, offset) =
        if component.signed { (-middle, middle - 1, 0) } else { (0, 2 * middle - 1, middle) };
    let (left, top) = ((tile.x[0] - image.x[0]) as usize, (tile.y[0] - image.y[0]) as usize);
    for (y, row) in samples.chunks_exact(tile.width().max(1)).enumerate() {
        let first = ((top + y) * task.columns as usize + left) * task.components;
        let places = out.as_chunks_mut::<N>().0[first..].chunks_mut(task.components);
        for (pixel, &sample) in places.zip(row) {
            let bytes = sample.saturating_add(offset).clamp(low, high).to_le_bytes();
            pixel[index].copy_from_slice(&bytes[..N]);
        }
    }
}

/// By OpenJPEG, which is told not to fill in what is missing.
fn any(task: &Task, bytes: &[u8]) -> Result<Vec<u8>, String> {
    let parameters = DecodeParameters::new().ignore_pclr_cmap_cdef().strict(true);
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::facts::Facts;
    use super::*;
    use crate::dicom::codec::Coding;

    /// Parts of slices of TotalSegmentator (tests, Apache-2.0) in all progressions, written by OpenJPEG.
    fn codestreams() -> Vec<(String, Vec<u8>)> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/codestreams/jpeg2000");
        let entries =
            std::fs::read_dir(folder).expect("codestreams").map(|entry| entry.expect("an entry").path());
        entries.map(|path| (path.display().to_string(), std::fs::read(path).expect("read it"))).collect()
    }

    fn task(bytes: &[u8]) -> Task {
        let facts = Facts::of(bytes).expect("a codestream");
        Task {
            coding: Coding::Jpeg2000,
            columns: facts.columns as u32,
            rows: facts.rows as u32,
            components: facts.components,
            bits: facts.bits,
            transformed: false,
        }
    }

    #[test]
    fn reversible_images_are_decoded_as_openjpeg_decodes_them() {
        let all = codestreams();
        assert_eq!(all.len(), 8);
        for (name, bytes) in all {
            let (task, stream) = (task(&bytes), Codestream::read(&bytes).expect("a codestream"));
            let style = stream.style.as_ref().expect("a style of this decoder");
            let ours = reversible(&task, &stream, style).expect("samples");
            assert!(ours == any(&task, &bytes).expect("samples"), "{name}");
            assert!(ours.iter().any(|&byte| byte != ours[0]), "{name}");
        }
    }

    /// Of one value, by OpenJPEG's encoder with its tiles in many parts: empty packets are left out.
    const LEFT_OUT: &[u8] = include_bytes!("../../../../tests/codestreams/left-out.j2k");

    #[test]
    fn packets_that_a_complete_file_leaves_out_are_empty() {
        let task = task(LEFT_OUT);
        assert!(decode(&task, LEFT_OUT).expect("samples").iter().all(|&byte| byte == 217));
        // Cut anywhere, it is no longer known to be complete; nor is it without its last part.
        for length in (100..=LEFT_OUT.len() - 2).rev().step_by(3) {
            decode(&task, &LEFT_OUT[..length]).expect_err("cut off");
        }
        let last = LEFT_OUT.windows(4).rposition(|w| w == [0xFF, 0x90, 0, 10]).expect("a tile-part");
        decode(&task, &[&LEFT_OUT[..last], &[0xFF, 0xD9]].concat()).expect_err("a part is missing");
    }

    #[test]
    fn whatever_is_cut_off_is_missed() {
        for (name, bytes) in codestreams() {
            let task = task(&bytes);
            // The marker of the end says nothing new.
            for length in (100..bytes.len() - 2).step_by(7) {
                let said = decode(&task, &bytes[..length])
                    .err()
                    .unwrap_or_else(|| panic!("{name} of {length} bytes"));
                assert!(said.contains("end") || said.contains("empty") || said.contains("missing"), "{said}");
            }
            // As if the tile had said so itself: the last one's length, which is 0 for "to the end".
            let tile = bytes.windows(4).rposition(|w| w == [0xFF, 0x90, 0, 10]).expect("a tile");
            let mut short = bytes[..bytes.len() - 6].to_vec();
            short[tile + 6..tile + 10].fill(0);
            let said = decode(&task, &short).err().unwrap_or_else(|| panic!("{name} is taken for whole"));
            assert!(said.contains("early") || said.contains("empty"), "{name}: {said}");
        }
    }
}
