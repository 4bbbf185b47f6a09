//! Videos, made by `ffmpeg` from frames whose values are known.
#![cfg(target_os = "linux")]

mod made;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use made::{Folder, Slice};
use volumes::Progress;
use volumes::dicom::{self, Error, Loaded, Series, WarningCode};

const COLUMNS: usize = 64;
const ROWS: usize = 48;
const FRAMES: usize = 12;

/// Brightness of a pixel: a ramp to the right that begins at another value in each frame.
fn brightness(frame: usize, column: usize) -> f32 {
    (20 + 12 * frame + column) as f32
}

/// The frames as a stream made with these options; `None` where there is no `ffmpeg`.
fn encode(folder: &Folder, options: &[&str]) -> Option<Vec<u8>> {
    let path = folder.0.with_extension("stream");
    let child = Command::new("ffmpeg")
        .args(["-y", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "64x48", "-r", "25"])
        .args(["-i", "pipe:0"])
        .args(options)
        .arg(&path)
        .stdin(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        eprintln!("skipped: no ffmpeg");
        return None;
    };
    let grey = |i: usize| brightness(i / (COLUMNS * ROWS), i % COLUMNS) as u8;
    let frames: Vec<u8> = (0..COLUMNS * ROWS * FRAMES).flat_map(|i| [grey(i); 3]).collect();
    child.stdin.take().expect("piped").write_all(&frames).expect("write frames");
    assert!(child.wait().expect("wait").success(), "{options:?}");
    let stream = fs::read(&path).expect("read the stream");
    fs::remove_file(&path).expect("remove the stream");
    Some(stream)
}

/// A file with a stream in fragments of at most so many bytes.
fn write(folder: &Folder, syntax: &str, stream: &[u8], fragment: usize, change: fn(Slice) -> Slice) {
    let slice = Slice::new(1, 0.0, 0)
        .text(0x0002_0010, b"UI", syntax)
        .text(0x0008_0060, b"CS", "ES")
        .without(0x0020_0032)
        .without(0x0020_0037)
        .us(0x0028_0002, 3)
        .text(0x0028_0004, b"CS", "YBR_PARTIAL_420")
        .us(0x0028_0006, 0)
        .text(0x0028_0008, b"IS", &FRAMES.to_string())
        .us(0x0028_0010, ROWS as u16)
        .us(0x0028_0011, COLUMNS as u16)
        .us(0x0028_0100, 8)
        .us(0x0028_0101, 8)
        .us(0x0028_0102, 7)
        .us(0x0028_0103, 0);
    change(slice).without(0x7FE0_0010).write(folder, "a");
    let item = |bytes: &[u8]| {
        let length = bytes.len().next_multiple_of(2);
        let mut item = [&[0xFE, 0xFF, 0x00, 0xE0][..], &(length as u32).to_le_bytes(), bytes].concat();
        item.resize(8 + length, 0);
        item
    };
    let mut file = fs::read(folder.0.join("a")).expect("read");
    file.extend_from_slice(b"\xE0\x7F\x10\x00OB\0\0\xFF\xFF\xFF\xFF");
    file.extend(item(&[]));
    stream.chunks(fragment).for_each(|part| file.extend(item(part)));
    file.extend_from_slice(b"\xFE\xFF\xDD\xE0\0\0\0\0");
    fs::write(folder.0.join("a"), file).expect("write");
}

fn only(folder: &Folder) -> Series {
    let mut all = folder.series();
    assert_eq!(all.len(), 1);
    all.remove(0)
}

/// How far voxels of a frame are from the ones encoded, at most.
fn furthest(loaded: &Loaded, frame: usize) -> f32 {
    let off = |i: usize| {
        let voxel = [(i % COLUMNS) as u32, (i / COLUMNS) as u32, frame as u32];
        (loaded.volume.value_at(voxel).expect("inside") - brightness(frame, i % COLUMNS)).abs()
    };
    (0..COLUMNS * ROWS).map(off).fold(0.0, f32::max)
}

const H264: [&str; 9] = ["-c:v", "libx264", "-qp", "4", "-bf", "3", "-pix_fmt", "yuv420p", "-f"];

#[test]
fn frames_of_every_codec_and_container_come_out_in_order() {
    let folder = Folder::new("video");
    let h264 = |container| [&H264[..], &[container]].concat();
    let hevc = |pixels| {
        let x265 = ["-c:v", "libx265", "-x265-params", "qp=4:log-level=none", "-pix_fmt"];
        [&x265[..], &[pixels, "-f", "hevc"]].concat()
    };
    let mpeg2 = |container| vec!["-c:v", "mpeg2video", "-q:v", "1", "-bf", "2", "-f", container];
    for (syntax, options) in [
        ("1.2.840.10008.1.2.4.100", mpeg2("mpeg2video")),
        ("1.2.840.10008.1.2.4.100.1", mpeg2("mpegts")),
        ("1.2.840.10008.1.2.4.101", mpeg2("vob")),
        ("1.2.840.10008.1.2.4.102", h264("h264")),
        ("1.2.840.10008.1.2.4.103", h264("mp4")),
        ("1.2.840.10008.1.2.4.104.1", h264("mpegts")),
        ("1.2.840.10008.1.2.4.107", hevc("yuv420p")),
        ("1.2.840.10008.1.2.4.108", hevc("yuv420p10le")),
    ] {
        let Some(stream) = encode(&folder, &options) else { return };
        let fragment = if syntax.ends_with(".1") { 1000 } else { usize::MAX };
        write(&folder, syntax, &stream, fragment, |slice| slice);
        let series = only(&folder);
        let loaded = made::load(&series);
        assert_eq!(loaded.volume.geometry().dims(), [64, 48, 12], "{syntax}");
        assert!(loaded.failed.is_empty(), "{syntax}: {:?}", loaded.failed);
        for frame in 0..FRAMES {
            let off = furthest(&loaded, frame);
            assert!(off <= 4.0, "{syntax} {options:?}: frame {frame} is {off} off");
        }
        assert!(loaded.warnings.iter().all(|warning| warning.code != WarningCode::Truncated), "{syntax}");
        for code in [WarningCode::Lossy, WarningCode::ColourAsGrey] {
            assert!(loaded.warnings.iter().any(|warning| warning.code == code), "{syntax}: {code:?}");
        }
        assert!(dicom::transfer_syntaxes().contains(&syntax));
        let small = dicom::thumbnail(&series, 64).expect("a picture");
        assert_eq!(small.size, [64, 48]);
        assert!(small.pixels[..64].is_sorted(), "{syntax}");
    }
}

#[test]
fn colours_are_shown_by_their_brightness() {
    let folder = Folder::new("video-colour");
    let Some(stream) =
        encode(&folder, &[&["-vf", "drawbox=color=red:t=fill"], &H264[..], &["h264"]].concat())
    else {
        return;
    };
    write(&folder, "1.2.840.10008.1.2.4.102", &stream, usize::MAX, |slice| slice);
    let (low, high) = made::load(&only(&folder)).volume.value_range();
    // 0.299 of 255.
    assert!((low - 76.0).abs() <= 3.0 && (high - 76.0).abs() <= 3.0, "{low} {high}");
}

#[test]
fn the_first_frame_of_a_video_is_shown_while_the_rest_is_decoded() {
    let folder = Folder::new("video-glimpse");
    let Some(stream) = encode(&folder, &[&H264[..], &["h264"]].concat()) else { return };
    write(&folder, "1.2.840.10008.1.2.4.102", &stream, usize::MAX, |slice| slice);
    let shown = std::sync::Mutex::new(Vec::new());
    let show = |glimpse: dicom::Glimpse| shown.lock().expect("lock").push(glimpse.slice);
    dicom::load_with(&only(&folder), &Progress::default(), Some(&show)).expect("load");
    assert_eq!(*shown.lock().expect("lock"), [0]);
    let cancelled = Progress::default();
    cancelled.cancel();
    assert!(matches!(dicom::load(&only(&folder), &cancelled), Err(Error::Cancelled)));
}

#[test]
fn frames_that_are_not_there_are_told_and_never_painted_over() {
    let folder = Folder::new("video-damaged");
    let Some(stream) = encode(&folder, &[&H264[..], &["h264"]].concat()) else { return };
    let said = |stream: &[u8], change: fn(Slice) -> Slice| {
        write(&folder, "1.2.840.10008.1.2.4.102", stream, usize::MAX, change);
        match dicom::load(&only(&folder), &Progress::default()) {
            Ok(loaded) => {
                let empty = loaded.warnings.iter().find(|w| w.code == WarningCode::Truncated);
                (empty.and_then(|w| w.value), loaded.failed[0].reason.clone(), Some(loaded))
            }
            Err(error) => (None, error.to_string(), None),
        }
    };
    // More frames in the header than in the stream.
    let (empty, reason, loaded) = said(&stream, |slice| slice.text(0x0028_0008, b"IS", "20"));
    assert_eq!(empty, Some(8.0));
    assert!(reason.contains("PixelData (7FE0,0010): the video ends after 12 of 20 frames"), "{reason}");
    assert!(furthest(&loaded.expect("a volume"), 11) <= 4.0);
    // Fewer of them: the rest is left out, which is told.
    write(&folder, "1.2.840.10008.1.2.4.102", &stream, usize::MAX, |slice| {
        slice.text(0x0028_0008, b"IS", "7")
    });
    let loaded = made::load(&only(&folder));
    let told = loaded.warnings.iter().find(|w| w.code == WarningCode::Truncated).expect("a warning");
    assert!(told.message.contains("more frames than NumberOfFrames"), "{}", told.message);
    assert!(loaded.volume.geometry().dims()[2] == 7 && furthest(&loaded, 6) <= 4.0);
    // Most of the stream: what is decoded is right.
    let (empty, reason, loaded) = said(&stream[..stream.len() * 4 / 5], |slice| slice);
    let loaded = loaded.unwrap_or_else(|| panic!("{reason}"));
    let empty = empty.expect("a warning") as usize;
    assert!((1..12).contains(&empty) && reason.contains("the video ends after"), "{empty} {reason}");
    (0..FRAMES - empty).for_each(|frame| assert!(furthest(&loaded, frame) <= 4.0, "frame {frame}"));
    // Another size than the header's.
    let (_, reason, _) = said(&stream, |slice| slice.us(0x0028_0010, 32));
    assert!(reason.contains("it has 64x48 pixels, its header says 64x32"), "{reason}");
    // No stream, and one that would name other files.
    for stream in [&b"no stream"[..], b"#EXTM3U\n#EXTINF:1,\n/etc/hostname\n#EXT-X-ENDLIST\n"] {
        let (_, reason, _) = said(stream, |slice| slice.text(0x0028_0008, b"IS", "1"));
        assert!(reason.contains("the video ends after 0 of 1 frames"), "{reason}");
    }
    let left: Vec<_> = children().into_iter().filter(|name| name == "ffmpeg").collect();
    assert!(left.is_empty(), "{left:?}");
}

/// Names of the programs that this thread has started and that have not ended.
fn children() -> Vec<String> {
    let list = fs::read_to_string("/proc/thread-self/children").unwrap_or_default();
    let name = |pid: &str| fs::read_to_string(Path::new("/proc").join(pid).join("comm")).ok();
    list.split_whitespace().filter_map(name).map(|name| name.trim().to_owned()).collect()
}
