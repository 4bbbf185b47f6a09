//! Files of many frames: as few bytes of them in memory as may be.

use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};

use volumes::Progress;
use volumes::dicom::{self, Glimpse};

mod counting;
mod made;

use counting::{NOW, PEAK};
use made::{Folder, Slice, load};

/// Tests wait for each other, or one would count what another allocates.
static TURN: Mutex<()> = Mutex::new(());

const FRAMES: usize = 96;
const SIDE: usize = 512;
const FRAME_BYTES: usize = 2 * SIDE * SIDE;
/// Frames in fragments, not compressed.
const PLAIN_FRAMES: &str = "1.2.840.10008.1.2.1.98";

/// Pixels of a frame: no two frames are equal.
fn pixel(frame: usize, i: usize) -> i16 {
    (frame * 100 + i % 97) as i16
}

fn frame(frame: usize) -> Vec<u8> {
    (0..SIDE * SIDE).flat_map(|i| pixel(frame, i).to_le_bytes()).collect()
}

fn item(bytes: &[u8]) -> Vec<u8> {
    [&[0xFE, 0xFF, 0x00, 0xE0][..], &(bytes.len() as u32).to_le_bytes(), bytes].concat()
}

/// A file of these bytes of pixel data; `native` or in fragments.
fn write(folder: &Folder, transfer_syntax: &str, pixels: &[u8], native: bool) {
    Slice::new(1, 0.0, 0)
        .without(0x0020_0032)
        .text(0x0002_0010, b"UI", transfer_syntax)
        .text(0x0028_0008, b"IS", &FRAMES.to_string())
        .us(0x0028_0010, SIDE as u16)
        .us(0x0028_0011, SIDE as u16)
        .element(0x7FE0_0010, b"OW", pixels)
        .write(folder, "frames");
    if !native {
        let path = folder.0.join("frames");
        let mut bytes = std::fs::read(&path).expect("the file");
        let length = bytes.len() - pixels.len() - 4;
        bytes[length..length + 4].fill(0xFF);
        std::fs::write(path, bytes).expect("write the file");
    }
}

/// Loads the file; every voxel is right, and beside the volume lie no more than some frames.
fn loads_within_its_memory(folder: &Folder) {
    let series = folder.series().remove(0);
    assert_eq!(series.dims, [SIDE as u32, SIDE as u32, FRAMES as u32]);
    let before = NOW.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let loaded = load(&series);
    let used = PEAK.load(Ordering::Relaxed) - before;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    // A frame as it is read and one as it is decoded for each core, and as much again for what they hold.
    let beside = 4 * cores * FRAME_BYTES + (1 << 20);
    assert!(used < FRAMES * FRAME_BYTES + beside, "{} MiB", used >> 20);
    for k in [0, 1, FRAMES / 2, FRAMES - 1] {
        for i in [0, 1, SIDE + 5, SIDE * SIDE - 1] {
            let value = loaded.volume.value_at([(i % SIDE) as u32, (i / SIDE) as u32, k as u32]);
            assert_eq!(value, Some(f32::from(pixel(k, i))), "voxel {i} of frame {k}");
        }
    }
    assert!(loaded.failed.is_empty());
}

#[test]
fn files_of_many_frames_are_read_frame_by_frame() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = Folder::new("frames");
    let all: Vec<u8> = (0..FRAMES).flat_map(frame).collect();
    write(&folder, "1.2.840.10008.1.2.1", &all, true);
    loads_within_its_memory(&folder);

    // A fragment for each frame, and no table of where they begin.
    let end = [0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0];
    let fragments: Vec<u8> = all.chunks(FRAME_BYTES).flat_map(item).collect();
    write(&folder, PLAIN_FRAMES, &[item(&[]), fragments, end.to_vec()].concat(), false);
    loads_within_its_memory(&folder);

    // Fragments that are no frames, and a table.
    let starts = (0..FRAMES).map(|k| (k * (FRAME_BYTES + 24)) as u32);
    let table: Vec<u8> = starts.flat_map(u32::to_le_bytes).collect();
    let parts = |frame: &[u8]| [item(&frame[..10]), item(&frame[10..1000]), item(&frame[1000..])].concat();
    let fragments: Vec<u8> = all.chunks(FRAME_BYTES).flat_map(parts).collect();
    write(&folder, PLAIN_FRAMES, &[item(&table), fragments, end.to_vec()].concat(), false);
    loads_within_its_memory(&folder);
}

#[test]
fn frames_that_are_cut_off_are_named_and_the_others_are_there() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = Folder::new("cut");
    let all: Vec<u8> = (0..FRAMES).flat_map(frame).collect();
    write(&folder, "1.2.840.10008.1.2.1", &all, true);
    let path = folder.0.join("frames");
    let bytes = std::fs::read(&path).expect("the file");
    std::fs::write(&path, &bytes[..bytes.len() - FRAME_BYTES - 7]).expect("write the file");
    let series = folder.series().remove(0);
    let shown = Mutex::new(Vec::new());
    let show = |glimpse: Glimpse| shown.lock().expect("no panic").push(glimpse.slice);
    let loaded = dicom::load_with(&series, &Progress::default(), Some(&show)).expect("a volume");
    let mut shown = shown.into_inner().expect("no panic");
    shown.sort_unstable();
    assert_eq!(shown, [0, FRAMES / 2], "the last frame is not there");
    let said: Vec<_> = loaded.failed.iter().map(|failed| failed.reason.as_str()).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].contains("frame 95 of 96") && said[0].contains("pixel data ends after"), "{said:?}");
    assert!(said[1].contains("frame 96 of 96"), "{said:?}");
    assert_eq!(loaded.volume.value_at([1, 0, 93]), Some(f32::from(pixel(93, 1))));
}
