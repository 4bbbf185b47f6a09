//! Bytes of files.

use std::fs;
use std::io::Read;
use std::path::Path;

use super::dataset::{self, File, ParseError, Until};
use super::header::Header;
use super::pixels::Format;

/// Enough for the header of nearly every single-frame file.
const FIRST_READ: usize = 32 << 10;
/// Headers above this are damage: 10,000 enhanced frames need about 30 MB.
const MAX_HEADER: usize = 64 << 20;

/// Of a file whose format is not known, so much is inflated.
const MAX_INFLATED: usize = 2 << 30;
/// What deflate can do at most.
const MAX_DEFLATE_RATIO: u64 = 1032;

/// The bytes that a file's header was read from.
#[derive(Clone, PartialEq, Eq)]
pub struct Head {
    pub bytes: Vec<u8>,
    /// They are the whole file.
    pub complete: bool,
}

/// Of a header worth keeping beside the file.
const MAX_KEPT: usize = 64 << 10;

/// The header that `head` tells of a file of `size` bytes.
pub fn header_of(head: &Head, size: u64) -> Option<Result<Header, String>> {
    let file = File::parse(&head.bytes, head.complete, Until::PixelData).ok()?;
    Some(Header::read(&file, size))
}

/// Reads a file's header, and of the file only what that takes. With it the bytes that tell it, if
/// they are few.
pub fn header(path: &Path) -> Result<(Header, Option<Head>), String> {
    let mut file = fs::File::open(path).map_err(|e| reason(&e))?;
    let Beginning { found, mut bytes, end, complete, deflated, .. } = head(&mut file, Header::read)?;
    let head = (!deflated && end <= MAX_KEPT).then(|| {
        let complete = complete && end == bytes.len();
        bytes.truncate(end);
        Head { bytes, complete }
    });
    found.map(|header| (header, head))
}

/// What the beginning of a file tells.
pub struct Beginning<R> {
    pub found: R,
    /// As they stand in the file.
    bytes: Vec<u8>,
    /// Where the header ends in them, if they are not deflated.
    pub end: usize,
    /// They are the whole file.
    complete: bool,
    pub deflated: bool,
    /// Of the file.
    pub size: u64,
}

/// Reads of a file no more than `read` needs, which is given the header and how many bytes the file may
/// have, inflated.
pub fn head<R>(file: &mut fs::File, read: impl Fn(&File<'_>, u64) -> R) -> Result<Beginning<R>, String> {
    let size = file.metadata().map_err(|e| reason(&e))?.len();
    let mut bytes = Vec::new();
    let mut wanted = FIRST_READ;
    let mut deflated = false;
    loop {
        let more = wanted - bytes.len();
        let got = (&mut *file).take(more as u64).read_to_end(&mut bytes).map_err(|e| reason(&e))?;
        let complete = got < more;
        deflated = deflated || dataset::is_deflated(&bytes);
        let parsed = match (deflated, complete) {
            (false, _) => File::parse(&bytes, complete, Until::PixelData)
                .map(|file| (read(&file, size), file.header_end)),
            (true, false) => Err(ParseError::NeedMore(MAX_HEADER)),
            (true, true) => dataset::inflate(&bytes, MAX_HEADER).and_then(|bytes| {
                File::parse(&bytes, bytes.len() < MAX_HEADER, Until::PixelData)
                    .map(|file| (read(&file, size.saturating_mul(MAX_DEFLATE_RATIO)), 0))
            }),
        };
        match parsed {
            Ok((found, end)) => return Ok(Beginning { found, bytes, end, complete, deflated, size }),
            Err(ParseError::Bad(reason)) => return Err(reason),
            Err(ParseError::NeedMore(_)) if wanted >= MAX_HEADER || complete => {
                return Err(format!("its header is longer than {} MiB", MAX_HEADER >> 20));
            }
            Err(ParseError::NeedMore(end)) => wanted = end.max(2 * wanted).min(MAX_HEADER),
        }
    }
}

/// The whole file, inflated if need be, for pixels of this format; `None` where it is not known.
pub fn bytes(path: &Path, format: Option<&Format>) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    read(path, format, &mut bytes)?;
    Ok(bytes)
}

/// [`bytes`] in place of what `bytes` holds, whose memory is used again.
pub fn read(path: &Path, format: Option<&Format>, bytes: &mut Vec<u8>) -> Result<(), String> {
    bytes.clear();
    let mut file = fs::File::open(path).map_err(|e| reason(&e))?;
    let size = file.metadata().map_err(|e| reason(&e))?.len();
    let size = usize::try_from(size).map_err(|_| "is larger than this machine's memory".to_owned())?;
    // One byte more, so that the end is seen without growing.
    bytes
        .try_reserve(size.saturating_add(1))
        .map_err(|_| format!("has {size} bytes, for which there is no memory; close other programs"))?;
    file.read_to_end(bytes).map_err(|e| reason(&e))?;
    if !dataset::is_deflated(bytes) {
        return Ok(());
    }
    // What inflates to more than the header asks for is cut off.
    let pixels = format.map_or(MAX_INFLATED, |f| {
        let sample = usize::from(f.samples) * usize::from(f.allocated).div_ceil(8);
        f.pixels().saturating_mul(sample).saturating_mul(f.frames as usize)
    });
    *bytes = dataset::inflate(bytes, MAX_HEADER.saturating_add(pixels)).map_err(|e| match e {
        ParseError::Bad(reason) => reason,
        ParseError::NeedMore(_) => "it ends inside its file meta information".into(),
    })?;
    Ok(())
}

/// What an I/O error means to the person who chose the path.
pub fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "does not exist; check the spelling".into(),
        std::io::ErrorKind::PermissionDenied => {
            "no permission to read it; change its permissions or start Voxcast as a user who may read it"
                .into()
        }
        _ => format!("cannot be read: {error}; check the disk or the connection to it"),
    }
}
