//! Volumes in files of one format each: NIfTI, NRRD and MetaImage.
//!
//! All are read into patient space (LPS, mm) whatever their own is, and written from it. They hold voxels and
//! geometry only: no patient, no modality, mostly no unit.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::geometry::Geometry;
use crate::save::{Existing, save_private};
use crate::volume::{Meaning, Rescale, Volume, Voxels};
use samples::Samples;

mod meta_image;
mod nifti;
mod nrrd;
mod samples;
mod text;

/// What deflate can do at most, so that a small file cannot ask for a large volume.
const MAX_DEFLATE_RATIO: u64 = 1032;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// .nii, .nii.gz
    Nifti,
    /// .nrrd, .nhdr
    Nrrd,
    /// .mha, .mhd
    MetaImage,
}

/// What went wrong with a volume file; the message names it.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct Error {
    pub path: PathBuf,
    pub reason: String,
}

/// What a file says about its volume.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    pub geometry: Geometry,
    /// Volumes in the file, one after the other.
    pub times: u32,
    pub rescale: Rescale,
    /// What cannot be known or had to be assumed, in words; empty if nothing.
    pub doubts: Vec<String>,
    /// The distances between voxels are stated.
    pub lengths_known: bool,
    /// The file that holds the voxels: this one, or another beside it.
    pub data: PathBuf,
    layout: Layout,
}

/// Where and how the voxels lie.
#[derive(Clone, Debug, PartialEq)]
struct Layout {
    samples: Samples,
    big_endian: bool,
    compression: Compression,
    /// Bytes before the data: of the file, or of what comes out of the compression.
    start: Start,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Compression {
    None,
    Gzip,
    Zlib,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Start {
    At(u64),
    /// In the decompressed stream; the compression begins with the file.
    Inside(u64),
    /// The data is what ends the file.
    FromEnd,
}

impl Format {
    /// By the ending of the name.
    pub fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_string_lossy().to_lowercase();
        let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
        if ends(&[".nii", ".nii.gz"]) {
            Some(Self::Nifti)
        } else if ends(&[".nrrd", ".nhdr"]) {
            Some(Self::Nrrd)
        } else if ends(&[".mha", ".mhd"]) {
            Some(Self::MetaImage)
        } else {
            None
        }
    }
}

/// A file, not a pipe or device, which could keep the reader waiting for ever.
fn open(path: &Path) -> Result<File, String> {
    // Asked before it is opened: opening a pipe waits already.
    let about = std::fs::metadata(path).map_err(|e| io_reason(&e))?;
    if !about.is_file() {
        return Err("is no regular file".into());
    }
    File::open(path).map_err(|e| io_reason(&e))
}

fn io_reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => "the file ends too early".into(),
        std::io::ErrorKind::InvalidInput | std::io::ErrorKind::InvalidData => {
            "its compressed data is damaged".into()
        }
        std::io::ErrorKind::NotFound => "does not exist; check the spelling".into(),
        std::io::ErrorKind::PermissionDenied => "no permission to read it".into(),
        _ => format!("cannot be read: {error}"),
    }
}

/// Reads what comes before the voxels.
pub fn header(path: &Path) -> Result<Header, Error> {
    let fail = |reason: String| Error { path: path.to_owned(), reason };
    let format = Format::of(path)
        .ok_or_else(|| fail("its name does not end in .nii, .nii.gz, .nrrd, .nhdr, .mha or .mhd".into()))?;
    match format {
        Format::Nifti => nifti::header(path),
        Format::Nrrd => nrrd::header(path),
        Format::MetaImage => meta_image::header(path),
    }
    .map_err(fail)
}

/// Reads one of the file's volumes, counted from 0. Values that are no finite numbers become 0.
pub fn read(path: &Path, time: u32) -> Result<Volume, Error> {
    Ok(read_counting(path, time)?.0)
}

/// The same, and how many values are no finite numbers.
pub(crate) fn read_counting(path: &Path, time: u32) -> Result<(Volume, u64), Error> {
    let header = header(path)?;
    let fail = |reason: String| Error { path: header.data.clone(), reason };
    if time >= header.times {
        return Err(fail(format!("it holds {} volumes, not number {}", header.times, time + 1)));
    }
    let voxels = header.voxels(time).map_err(fail)?;
    let not_finite = match &voxels {
        Voxels::F32(values) => values.iter().filter(|v| !v.is_finite()).count() as u64,
        _ => 0,
    };
    let volume = Volume::new(header.geometry, voxels, header.rescale, Meaning::default());
    Ok((volume.map_err(|e| fail(e.to_string()))?, not_finite))
}

impl Header {
    fn voxels(&self, time: u32) -> Result<Voxels, String> {
        let reason = |e: std::io::Error| io_reason(&e);
        let mut file = open(&self.data)?;
        let on_disk = file.metadata().map_err(reason)?.len();
        let count = self.geometry.voxel_count() as u64;
        let Layout { samples, big_endian, compression, start } = self.layout;
        let one = count * samples.bytes();
        let all = one.saturating_mul(u64::from(self.times));
        let (seek, skip) = match start {
            Start::At(at) => (at, 0),
            Start::Inside(skip) => (0, skip),
            Start::FromEnd => (on_disk.saturating_sub(all), 0),
        };
        let stored = on_disk.saturating_sub(seek);
        let possible = match compression {
            Compression::None => stored,
            _ => stored.saturating_mul(MAX_DEFLATE_RATIO),
        };
        let needed = skip.saturating_add(one.saturating_mul(u64::from(time) + 1));
        if needed > possible {
            return Err(format!(
                "its header asks for {needed} bytes of voxels, but the file can hold {possible}: it is cut short or damaged"
            ));
        }
        file.seek(SeekFrom::Start(seek)).map_err(reason)?;
        let before = skip + one * u64::from(time);
        let mut stream: Box<dyn Read> = match compression {
            Compression::None => Box::new(file),
            Compression::Gzip => Box::new(flate2::read::MultiGzDecoder::new(file)),
            Compression::Zlib => Box::new(flate2::read::ZlibDecoder::new(file)),
        };
        let skipped = std::io::copy(&mut (&mut stream).take(before), &mut std::io::sink()).map_err(reason)?;
        if skipped < before {
            return Err("the file ends before its voxels".into());
        }
        samples.read(&mut stream, count as usize, big_endian).map_err(reason)
    }
}

/// Writes volumes of one grid, the times of a series or one volume alone, in the format that the name's ending asks
/// for; .nii.gz, .nrrd and .mha are compressed, .nii is not. Detached headers (.nhdr, .mhd) are not written.
/// `step_s` are the seconds from each time to the next, where they are known. The file appears whole or not at all.
pub fn write(
    path: &Path,
    times: &[Arc<Volume>],
    step_s: Option<f64>,
    existing: Existing,
) -> Result<(), Error> {
    let fail = |reason: String| Error { path: path.to_owned(), reason };
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let format = Format::of(path).filter(|_| !name.ends_with(".nhdr") && !name.ends_with(".mhd"));
    let format = format.ok_or_else(|| fail("the name must end in .nii, .nii.gz, .nrrd or .mha".into()))?;
    let Some(first) = times.first() else { return Err(fail("there is no volume to be written".into())) };
    if times.iter().any(|time| time.geometry() != first.geometry()) {
        return Err(fail("its times do not lie on one grid: write them one by one".into()));
    }
    let largest = first.geometry().dims().into_iter().max().unwrap_or(0).max(times.len() as u32);
    if format == Format::Nifti && largest > i16::MAX as u32 {
        return Err(fail(format!("NIfTI counts to {} along an axis: name it .nrrd or .mha", i16::MAX)));
    }
    let keeps_rescale = format == Format::Nifti;
    let rescaled: Vec<Volume> = if alike(times, keeps_rescale) {
        Vec::new()
    } else {
        times.iter().map(|time| as_values(time)).collect()
    };
    let volumes: Vec<&Volume> =
        if rescaled.is_empty() { times.iter().map(Arc::as_ref).collect() } else { rescaled.iter().collect() };
    save_private(path, existing, |out| match format {
        Format::Nifti => nifti::write(out, &volumes, step_s, name.ends_with(".gz")),
        Format::Nrrd => nrrd::write(out, &volumes, step_s),
        Format::MetaImage => meta_image::write(out, &volumes, step_s),
    })
    .map_err(|e: std::io::Error| fail(format!("cannot be written: {e}")))
}

/// Whether the stored numbers of all times mean the same, and what is stored is what they mean, where the format
/// has no rescale.
fn alike(times: &[Arc<Volume>], keeps_rescale: bool) -> bool {
    let (first, kind) = (times[0].rescale(), std::mem::discriminant(times[0].voxels()));
    (keeps_rescale || first == Rescale::IDENTITY)
        && times.iter().all(|t| t.rescale() == first && std::mem::discriminant(t.voxels()) == kind)
}

/// The voxels as they are to be written: little-endian, one time after the other.
fn voxel_bytes(volumes: &[&Volume], out: &mut impl Write) -> std::io::Result<()> {
    volumes.iter().try_for_each(|volume| bytes_of_one(volume, out))
}

fn bytes_of_one(volume: &Volume, out: &mut impl Write) -> std::io::Result<()> {
    const CHUNK: usize = 1 << 16;
    fn all<T: Copy, const N: usize>(
        voxels: &[T],
        bytes: fn(T) -> [u8; N],
        out: &mut impl Write,
    ) -> std::io::Result<()> {
        voxels.chunks(CHUNK).try_for_each(|chunk| {
            let flat: Vec<u8> = chunk.iter().flat_map(|&v| bytes(v)).collect();
            out.write_all(&flat)
        })
    }
    match volume.voxels() {
        Voxels::U8(v) => out.write_all(v),
        Voxels::I16(v) => all(v, i16::to_le_bytes, out),
        Voxels::U16(v) => all(v, u16::to_le_bytes, out),
        Voxels::F32(v) => all(v, f32::to_le_bytes, out),
    }
}

/// A volume whose rescale is in its voxels: whole numbers where they stay whole and fit 16 bits.
fn as_values(volume: &Volume) -> Volume {
    let rescale = volume.rescale();
    let values = (0..volume.voxels().len()).map(|i| rescale.apply(volume.voxels().get(i)));
    let (low, high) = volume.value_range();
    let whole = !matches!(volume.voxels(), Voxels::F32(_))
        && rescale.slope.fract() == 0.0
        && rescale.intercept.fract() == 0.0;
    let voxels = if whole && low >= f32::from(i16::MIN) && high <= f32::from(i16::MAX) {
        Voxels::I16(values.map(|v| v as i16).collect())
    } else {
        Voxels::F32(values.collect())
    };
    Volume::new(*volume.geometry(), voxels, Rescale::IDENTITY, volume.meaning().clone())
        .expect("a voxel for each of before, and the identity is finite")
}
