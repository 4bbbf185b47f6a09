//! Files that share a SOP Instance UID: copies, or different images under one name.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::dataset::{File, Fragments, PixelBytes, Until};
use super::header::{Header, Image};
use super::pixels::{self, Convert};
use super::stack::SAME_POSITION_MM;
use super::{Warning, WarningCode, codec, source};
use crate::progress::Progress;

/// More files without a UID that share number and place are times without numbers, which nobody compares
/// pair by pair.
const MAX_UNNAMED: usize = 64;

/// Keeps the first of equal files. Files of one SOP Instance UID at one place with different
/// contents become versions, which never share a volume; the UID alone decides nothing. Returns the files that
/// were dropped as copies.
pub fn resolve(
    files: &mut Vec<(PathBuf, Header)>,
    warnings: &mut Vec<Warning>,
    progress: &Progress,
) -> Vec<PathBuf> {
    let mut by_name: HashMap<Name<'_>, Vec<usize>> = HashMap::new();
    for (index, (_, header)) in files.iter().enumerate() {
        by_name.entry(Name::of(header)).or_default().push(index);
    }
    let repeated: Vec<Vec<usize>> = by_name
        .into_iter()
        .filter(|(name, group)| {
            group.len() > 1 && (matches!(name, Name::Uid(_)) || group.len() <= MAX_UNNAMED)
        })
        .map(|(_, group)| group)
        .collect();
    if repeated.is_empty() {
        return Vec::new();
    }
    let known = &*files;
    let fates: Vec<(usize, Fate)> =
        repeated.into_par_iter().flat_map_iter(|group| fates(known, &group, progress)).collect();
    let count = |wanted: fn(Fate) -> bool| fates.iter().filter(|(_, fate)| wanted(*fate)).count();
    let tell = |code, count: usize, message: String| Warning { code, value: Some(count as f64), message };
    let copies = count(|fate| fate == Fate::Copy);
    if copies > 0 {
        let message =
            format!("{} an image with all its pixels; the first of each is used", files_repeat(copies));
        warnings.push(tell(WarningCode::DuplicatePositions, copies, message));
    }
    let versions = count(|fate| matches!(fate, Fate::Version(1..)));
    if versions > 0 {
        let message = format!(
            "{} the SOP Instance UID (0008,0018) of another image at the same place, with other contents: kept apart as \
             further versions",
            files_repeat(versions)
        );
        warnings.push(tell(WarningCode::ConflictingInstances, versions, message));
    }
    let elsewhere = count(|fate| fate == Fate::Elsewhere);
    if elsewhere > 0 {
        let message = format!(
            "{} the SOP Instance UID (0008,0018) of an image of another place or kind; all are used",
            files_repeat(elsewhere)
        );
        warnings.push(tell(WarningCode::ConflictingInstances, elsewhere, message));
    }
    let mut dropped = vec![false; files.len()];
    for (index, fate) in fates {
        match fate {
            Fate::Copy => dropped[index] = true,
            Fate::Version(version) => {
                files[index].1.images.iter_mut().for_each(|image| image.kind.version = version);
            }
            Fate::Elsewhere => {}
        }
    }
    let paths =
        files.iter().zip(&dropped).filter(|(_, dropped)| **dropped).map(|((path, _), _)| path.clone());
    let paths = paths.collect();
    let mut dropped = dropped.into_iter();
    files.retain(|_| dropped.next() == Some(false));
    paths
}

/// What copies of a file share.
#[derive(PartialEq, Eq, Hash)]
enum Name<'h> {
    Uid(&'h str),
    /// Without a UID: number and place, as bits.
    Unnamed(i64, Option<[u64; 3]>),
}

impl<'h> Name<'h> {
    fn of(header: &'h Header) -> Self {
        if !header.sop_instance_uid.is_empty() {
            return Self::Uid(&header.sop_instance_uid);
        }
        let first = header.images.first();
        let place = first.and_then(|image| image.position).map(|p| p.to_array().map(f64::to_bits));
        Self::Unnamed(first.map_or(0, |image| image.moment.instance_number), place)
    }
}

fn files_repeat(count: usize) -> String {
    if count == 1 { "one file repeats".into() } else { format!("{count} files repeat") }
}

#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Copy,
    /// 0 for the first.
    Version(u32),
    Elsewhere,
}

/// What becomes of files of one SOP Instance UID.
fn fates(files: &[(PathBuf, Header)], group: &[usize], progress: &Progress) -> Vec<(usize, Fate)> {
    let mut fates: Vec<(usize, Fate)> = Vec::new();
    for &index in group {
        if progress.is_cancelled() {
            break;
        }
        let (path, header) = &files[index];
        let mut version = 0;
        let mut fate = None;
        for &(other, told) in &fates {
            let (other_path, other_header) = &files[other];
            if !same_place(header, other_header) {
                continue;
            }
            // Copies equal one of the versions, which is compared anyway.
            if told == Fate::Copy {
                continue;
            }
            version += 1;
            if same_pixels((path, header), (other_path, other_header)) {
                fate = Some(Fate::Copy);
                break;
            }
        }
        if header.sop_instance_uid.is_empty() && fate.is_none() {
            // Nothing says that they should be one.
            fate = Some(Fate::Version(0));
        }
        let first = if fates.is_empty() { Fate::Version(0) } else { Fate::Elsewhere };
        fates.push((index, fate.unwrap_or(if version > 0 { Fate::Version(version) } else { first })));
    }
    fates
}

fn same_place(a: &Header, b: &Header) -> bool {
    let near = |a: &Image, b: &Image| {
        let position = match (a.position, b.position) {
            (Some(a), Some(b)) => a.distance(b) < SAME_POSITION_MM,
            (a, b) => a == b,
        };
        let orientation = match (a.orientation, b.orientation) {
            (Some(a), Some(b)) => a[0].distance(b[0]) < 1e-4 && a[1].distance(b[1]) < 1e-4,
            (a, b) => a == b,
        };
        position && orientation && a.kind.matches(&b.kind, &[])
    };
    a.images.len() == b.images.len() && a.images.iter().zip(&b.images).all(|(a, b)| near(a, b))
}

/// Equal as stored, or else once decoded; what cannot be read equals nothing.
fn same_pixels(a: (&Path, &Header), b: (&Path, &Header)) -> bool {
    let bytes = |(path, header): (&Path, &Header)| {
        source::bytes(path, header.images.first().map(|image| &*image.format))
    };
    let (Ok(bytes_a), Ok(bytes_b)) = (bytes(a), bytes(b)) else { return false };
    let parse = |bytes| File::parse(bytes, true, Until::End).ok();
    let (Some(file_a), Some(file_b)) = (parse(&bytes_a), parse(&bytes_b)) else { return false };
    let alike = |(a, b): (&Image, &Image)| a.format == b.format && a.rescale == b.rescale;
    if file_a.transfer_syntax == file_b.transfer_syntax
        && a.1.images.iter().zip(&b.1.images).all(alike)
        && same_bytes(&file_a, &file_b)
    {
        return true;
    }
    if [&file_a, &file_b].iter().any(|file| codec::is_video(&file.transfer_syntax)) {
        return false;
    }
    let frame = a.1.images.first().map_or(0, |image| 4 * image.format.pixels() as u64);
    let plausible = |bytes: &[u8]| codec::plausible(frame, bytes.len() as u64);
    plausible(&bytes_a)
        && plausible(&bytes_b)
        && a.1.images.iter().zip(&b.1.images).all(|(a, b)| {
            let (Some(a), Some(b)) = (values(&file_a, a), values(&file_b, b)) else { return false };
            a == b
        })
}

fn same_bytes(a: &File<'_>, b: &File<'_>) -> bool {
    let pieces = |f: &Fragments<'_>| f.fragments.concat();
    match (&a.pixels, &b.pixels) {
        (Some(PixelBytes::Native { bytes: a, .. }), Some(PixelBytes::Native { bytes: b, .. })) => a == b,
        (Some(PixelBytes::Encapsulated(a)), Some(PixelBytes::Encapsulated(b))) => pieces(a) == pieces(b),
        _ => false,
    }
}

fn values(file: &File<'_>, image: &Image) -> Option<Vec<f32>> {
    let (slope, intercept) = image.rescale;
    let convert = if image.format.is_grey() { Convert::Scale(slope, intercept) } else { Convert::Add(0) };
    let mut values = vec![0f32; image.format.pixels()];
    pixels::decode(file, image, convert, &mut values).ok()?;
    Some(values)
}
