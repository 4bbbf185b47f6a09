//! MPEG-2, H.264 and HEVC by the program `ffmpeg`, one process for each video.
//!
//! The stream goes into memory that the process has as its standard input, so that it can seek; frames
//! come back one after the other, each with its size. The kernel holds the limits on memory and
//! processor time. A process instead of a library keeps damaged and hostile streams out of this program, and
//! FFmpeg with its licences and its hundred libraries out of its build.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::fs::MemfdFlags;
use rustix::process::{Pid, Resource, Rlimit, prlimit};

/// More frames than four hours have at 60 a second.
const MAX_FRAMES: u32 = 1 << 20;
/// Each thread holds pictures of its own.
const THREADS: u64 = 4;
/// Addresses for the program with its libraries, and for each pixel: 16 reference pictures and those
/// that the threads work on.
const BASE_BYTES: u64 = 3 << 30;
const BYTES_PER_PIXEL: u64 = 256;
/// Processor time for any video, and how many pixels a slow machine decodes in a second.
const BASE_SECONDS: u64 = 10;
const PIXELS_PER_SECOND: u64 = 4 << 20;
/// A process that gives nothing for so long is given up.
const SILENCE: Duration = Duration::from_secs(60);
/// Of what the process says, so much is kept.
const MAX_REASON: usize = 1024;
/// A frame's header: `P6 COLUMNS ROWS 255`, each in a line of at most so many bytes.
const MAX_LINE: u64 = 32;

/// Whether there is a program that decodes videos.
pub fn is_possible() -> bool {
    let mut program = Command::new("ffmpeg");
    let program = program.arg("-version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    program.status().is_ok_and(|status| status.success())
}

/// What to decode.
#[derive(Clone, Copy, Debug)]
pub struct Task {
    pub columns: u16,
    pub rows: u16,
    /// How many frames from the first one on.
    pub frames: u32,
}

/// Shows `on_frame` the frames in order, red, green and blue in bytes; it says whether to go on. Returns
/// whether more frames follow; an error says why there are fewer than asked for.
pub fn decode(
    fragments: &[&[u8]],
    task: Task,
    mut on_frame: impl FnMut(u32, &[u8]) -> bool,
) -> Result<bool, String> {
    if task.frames > MAX_FRAMES {
        return Err(format!("a video of {} frames is longer than any that can be read", task.frames));
    }
    let mut decoder = Decoder::start(fragments, task)?;
    let mut pixels = vec![0; usize::from(task.columns) * usize::from(task.rows) * 3];
    for frame in 0..task.frames {
        match decoder.frame(task, &mut pixels) {
            Ok(true) => {}
            Ok(false) => {
                let said = decoder.last_words();
                return Err(format!("the video ends after {frame} of {} frames{said}", task.frames));
            }
            Err(e) => return Err(format!("frame {} of the video: {e}", u64::from(frame) + 1)),
        }
        if !on_frame(frame, &pixels) {
            return Ok(true);
        }
    }
    Ok(decoder.frame(task, &mut pixels).unwrap_or(false))
}

struct Decoder {
    child: Child,
    frames: BufReader<UnixStream>,
    /// Reads what the process says, so that it never waits for a reader.
    said: Option<JoinHandle<Vec<u8>>>,
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // Nothing is to be done if it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Decoder {
    fn start(fragments: &[&[u8]], task: Task) -> Result<Self, String> {
        let cannot = |e: io::Error| {
            match e.kind() {
            io::ErrorKind::NotFound => {
                "it is a video, which the program ffmpeg decodes, and that is not installed: install ffmpeg and open \
                 the file again"
                    .to_owned()
            }
            _ => format!("it is a video, and ffmpeg cannot be started to decode it: {e}"),
        }
        };
        let input = Self::input(fragments).map_err(cannot)?;
        let (frames, theirs) = UnixStream::pair().map_err(cannot)?;
        frames.set_read_timeout(Some(SILENCE)).map_err(cannot)?;
        let mut child = Command::new("ffmpeg")
            .args(["-hide_banner", "-loglevel", "error", "-nostdin", "-nostats"])
            // Damage ends the video in place of being painted over.
            .args(["-xerror", "-err_detect", "explode", "-noautorotate"])
            .args(["-threads", &THREADS.to_string()])
            // Streams cannot name other files, and reach no other decoder.
            .args(["-protocol_whitelist", "file"])
            .args(["-format_whitelist", "mpegvideo,mpeg,mpegts,h264,hevc,mov"])
            .args(["-codec_whitelist", "mpeg2video,mpeg1video,h264,hevc"])
            .args(["-i", "/dev/stdin", "-map", "0:v:0", "-fps_mode", "passthrough"])
            // One more tells whether there are more.
            .args(["-frames:v", &(u64::from(task.frames) + 1).to_string()])
            .args(["-sws_flags", "accurate_rnd+full_chroma_int"])
            .args(["-c:v", "ppm", "-pix_fmt", "rgb24", "-f", "image2pipe", "pipe:1"])
            // It would write a log.
            .env_remove("FFREPORT")
            .stdin(Stdio::from(input))
            .stdout(Stdio::from(OwnedFd::from(theirs)))
            .stderr(Stdio::piped())
            .spawn()
            .map_err(cannot)?;
        let stderr = child.stderr.take();
        let mut decoder = Self { child, frames: BufReader::new(frames), said: None };
        decoder.limit(task).map_err(cannot)?;
        let listen = |stderr: ChildStderr| {
            std::thread::Builder::new().name("ffmpeg messages".into()).spawn(move || listen(stderr))
        };
        decoder.said = stderr.map(listen).transpose().map_err(cannot)?;
        Ok(decoder)
    }

    fn input(fragments: &[&[u8]]) -> io::Result<File> {
        let mut memory = File::from(rustix::fs::memfd_create("voxcast-video", MemfdFlags::CLOEXEC)?);
        fragments.iter().try_for_each(|fragment| memory.write_all(fragment))?;
        Ok(memory)
    }

    /// It has only begun to load its libraries, so nothing escapes the limits.
    fn limit(&self, task: Task) -> io::Result<()> {
        let pixels = u64::from(task.columns) * u64::from(task.rows);
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let set = |resource, most: u64| {
            // At the second of processor time limits comes a kill, at the first a signal that says why.
            prlimit(pid, resource, Rlimit { current: Some(most), maximum: Some(most + 1) }).map(drop)
        };
        set(Resource::Core, 0)?;
        set(Resource::As, BASE_BYTES + BYTES_PER_PIXEL * pixels)?;
        set(Resource::Cpu, BASE_SECONDS + pixels * u64::from(task.frames) / PIXELS_PER_SECOND)?;
        Ok(())
    }

    /// Reads the next frame; `false` where there is none.
    fn frame(&mut self, task: Task, pixels: &mut [u8]) -> io::Result<bool> {
        if self.frames.fill_buf()?.is_empty() {
            return Ok(false);
        }
        let mut lines = [const { String::new() }; 3];
        for line in &mut lines {
            self.frames.by_ref().take(MAX_LINE).read_line(line)?;
        }
        let size = lines[1].split_whitespace().map(str::parse).collect::<Result<Vec<u16>, _>>();
        if lines[0] != "P6\n" || lines[2] != "255\n" {
            return Err(io::Error::other("ffmpeg answered with something else"));
        }
        if size.as_deref() != Ok(&[task.columns, task.rows]) {
            let [columns, rows] = [task.columns, task.rows];
            let found = lines[1].trim().replace(' ', "x");
            let reason = format!("it has {found} pixels, its header says {columns}x{rows}");
            return Err(io::Error::other(reason));
        }
        self.frames.read_exact(pixels)?;
        Ok(true)
    }

    /// Why it ended.
    fn last_words(&mut self) -> String {
        use std::os::unix::process::ExitStatusExt;
        let status = self.child.wait().ok();
        let killed = status.and_then(|status| status.signal());
        let said = self.said.take().and_then(|listener| listener.join().ok()).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        let first = said.lines().find(|line| !line.trim().is_empty());
        // Lines begin with the decoder and its address in brackets.
        let first = first.map(|line| line.rsplit_once("] ").map_or(line, |(_, reason)| reason).trim());
        match (killed, first) {
            (Some(signal), _) if signal == rustix::process::Signal::XCPU.as_raw() => {
                ": decoding it takes longer than a video of its size needs".into()
            }
            (Some(signal), _) => format!(": ffmpeg crashed or needed too much memory (signal {signal})"),
            (None, Some(reason)) => format!(": {reason}"),
            (None, None) => String::new(),
        }
    }
}

fn listen(mut stderr: ChildStderr) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut buffer = [0; 1024];
    while let Ok(count @ 1..) = stderr.read(&mut buffer) {
        let room = MAX_REASON.saturating_sub(kept.len());
        kept.extend_from_slice(&buffer[..count.min(room)]);
    }
    kept
}
