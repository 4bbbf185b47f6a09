//! What goes out: lines on the terminal, PNG and NumPy files.

use std::fs::File;
use std::io::{BufWriter, IsTerminal, Write};
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use render_core::save::{Existing, save_private};
use render_core::{Frame, Progress, ValueImage};

/// Prints a line on standard output. A reader that has gone away is no error: it has seen enough.
pub fn line(text: impl std::fmt::Display) {
    drop(writeln!(std::io::stdout().lock(), "{text}"));
}

/// Prints a line of progress or advice on standard error.
pub fn note(text: impl std::fmt::Display) {
    drop(writeln!(std::io::stderr().lock(), "{text}"));
}

/// Does work while its progress is shown on standard error, where that is a terminal.
pub fn with_progress<T: Send>(progress: &Progress, work: impl FnOnce() -> T + Send) -> T {
    const EVERY: Duration = Duration::from_millis(200);
    if !std::io::stderr().is_terminal() {
        return work();
    }
    std::thread::scope(|scope| {
        let (finished, waits) = mpsc::sync_channel::<()>(1);
        let show = move || {
            // Ends when the sender is dropped.
            while waits.recv_timeout(EVERY) == Err(mpsc::RecvTimeoutError::Timeout) {
                let (done, total) = progress.counts();
                drop(write!(std::io::stderr().lock(), "\r{} %", done * 100 / total.max(1)));
            }
            drop(write!(std::io::stderr().lock(), "\r     \r"));
        };
        // Without a thread there is no progress to be seen, which is no reason not to work.
        drop(std::thread::Builder::new().name("progress".into()).spawn_scoped(scope, show));
        let result = work();
        drop(finished);
        result
    })
}

/// Before the work that a file takes: an error where one is there already and is not to be replaced.
pub fn check_free(path: &Path, existing: Existing) -> Result<()> {
    if existing == Existing::Refuse && path.symlink_metadata().is_ok() {
        bail!("{} is there already: choose another name, or replace it with --force", path.display());
    }
    Ok(())
}

/// Writes a file whole or not at all.
pub fn write_bytes(path: &Path, bytes: &[u8], existing: Existing) -> Result<()> {
    save_private(path, existing, |out| out.write_all(bytes)).with_context(|| failed(path))
}

/// Prints an error with its causes on one line.
pub fn error_line(error: &anyhow::Error) {
    note(format_args!("voxcast: {error:#}"));
}

/// Writes a picture as an RGB PNG.
pub fn write_png(path: &Path, frame: &Frame) -> Result<()> {
    let rgb: Vec<u8> = frame.pixels.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
    let mut encoder = png::Encoder::new(create(path)?, frame.size[0], frame.size[1]);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().with_context(|| failed(path))?;
    writer.write_image_data(&rgb).with_context(|| failed(path))?;
    writer.finish().with_context(|| failed(path))
}

/// Writes values as a NumPy array of shape (rows, columns), float32.
pub fn write_npy(path: &Path, image: &ValueImage) -> Result<()> {
    let [width, height] = image.size;
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({height}, {width}), }}");
    // Magic, version and length take 10 bytes; the data starts at a multiple of 64.
    let padding = 64 - (10 + header.len() + 1) % 64;
    header.push_str(&" ".repeat(padding % 64));
    header.push('\n');
    let mut file = create(path)?;
    let length = u16::try_from(header.len()).context("the NumPy header is too long")?;
    let mut write = |bytes: &[u8]| file.write_all(bytes).with_context(|| failed(path));
    write(b"\x93NUMPY\x01\x00")?;
    write(&length.to_le_bytes())?;
    write(header.as_bytes())?;
    for value in &image.values {
        write(&value.to_le_bytes())?;
    }
    file.flush().with_context(|| failed(path))
}

fn create(path: &Path) -> Result<BufWriter<File>> {
    let mut options = File::options();
    // Pictures and values of a patient are for whoever made them, where the system knows such a thing.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.write(true).create(true).truncate(true).open(path);
    Ok(BufWriter::new(file.with_context(|| failed(path))?))
}

fn failed(path: &Path) -> String {
    format!("cannot write {}", path.display())
}
