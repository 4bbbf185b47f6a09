//! From paths to headers.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Component, Path, PathBuf};

use rayon::prelude::*;

use super::dataset::{File, ParseError, Tag, Until};
use super::header::Header;
use super::index::{Index, Stamp};
use super::source::{self, Head};
use super::{Error, Failed, Library, group, volume_files};
use crate::progress::Progress;
use crate::threads::reading;
use crate::words::{advised, counted};

/// Deeper than any archive; links that lead back are found before.
const MAX_DEPTH: usize = 64;
const MAX_FILES: usize = 2_000_000;
/// Files whose headers are in memory as bytes.
const AT_ONCE: usize = 8192;
/// What systems leave in folders.
const LITTER: [&str; 3] = [".DS_Store", "Thumbs.db", "desktop.ini"];

/// Finds the studies in files, folders (all levels down) and DICOMDIRs (the files they name).
///
/// Headers are read on all cores; `progress` counts files. Files that are not DICOM images are
/// named in `failed` with the reason; an error means that a path given cannot be looked at, or
/// that nothing is there.
pub fn scan(paths: &[PathBuf], progress: &Progress) -> Result<Library, Error> {
    scan_with(paths, progress, None)
}

/// [`scan`] that takes the headers of files which have not changed from an index, and keeps there
/// those that it reads.
pub fn scan_with(paths: &[PathBuf], progress: &Progress, index: Option<&Index>) -> Result<Library, Error> {
    let mut found = Found::default();
    for path in paths {
        let at = |reason: String| Error::Path { path: path.clone(), reason };
        let before = found.files.len();
        let about = fs::metadata(path).map_err(|e| at(source::reason(&e)))?;
        if about.is_dir() {
            fs::read_dir(path).map_err(|e| at(source::reason(&e)))?;
            found.folder(path, 0, progress)?;
            if found.files.len() == before {
                return Err(at("the folder holds no files; choose a folder with DICOM files in it".into()));
            }
        } else if is_dicomdir(path) {
            found.dicomdir(path).map_err(at)?;
            found.directories.push(path.clone());
        } else {
            fs::File::open(path).map_err(|e| at(source::reason(&e)))?;
            found.files.push(path.clone());
        }
    }
    if found.files.is_empty() && found.failed.is_empty() {
        return Err(Error::Series("no path was given; name a folder or files with DICOM images".into()));
    }
    let Found { mut files, mut failed, directories, .. } = found;
    files.sort();
    files.dedup();
    let volume_files = volume_files::take(&mut files, &mut failed);
    progress.add_total(files.len() as u64);
    let mut headers = Vec::with_capacity(files.len());
    for files in files.chunks(AT_ONCE) {
        let known = index.map(|index| index.known(files)).unwrap_or_default();
        let read: Vec<_> =
            reading(|| files.into_par_iter().map(|path| header(path, &known, progress)).collect());
        if progress.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let mut fresh = Vec::new();
        for (path, (header, keep)) in files.iter().zip(read) {
            fresh.extend(keep.filter(|_| index.is_some()).map(|(stamp, head)| (path.as_path(), stamp, head)));
            headers.push((path.clone(), header));
        }
        if let Some(index) = index {
            index.keep(&fresh);
        }
    }
    if let Some(index) = index {
        paths.iter().filter(|path| path.is_dir()).for_each(|folder| index.forget_others(folder, &files));
    }
    let mut good = Vec::new();
    for (path, header) in headers {
        match header {
            Ok(header) => good.push((path, header)),
            Err(reason) => failed.push(Failed { path, reason: advised(reason) }),
        }
    }
    let mut studies = group::studies(good, progress);
    studies.extend(volume_files);
    if progress.is_cancelled() {
        return Err(Error::Cancelled);
    }
    failed.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(Library { studies, failed, directories })
}

/// The header of one file, and what of it is new.
fn header(
    path: &Path,
    known: &HashMap<&Path, (Stamp, Head)>,
    progress: &Progress,
) -> (Result<Header, String>, Option<(Stamp, Head)>) {
    if progress.is_cancelled() {
        return (Err(String::new()), None);
    }
    // Looked at before the file is read: what changes meanwhile is read again next time.
    let stamp = fs::metadata(path).ok().and_then(|about| Stamp::of(&about));
    let same = known.get(path).filter(|(kept, _)| Some(kept) == stamp.as_ref());
    let read = || match same.and_then(|(stamp, head)| source::header_of(head, stamp.size)) {
        Some(header) => (header, None),
        None => match source::header(path) {
            Ok((header, head)) => (Ok(header), stamp.zip(head)),
            Err(reason) => (Err(reason), None),
        },
    };
    // One file may cost itself, never the others.
    let read = catch_unwind(AssertUnwindSafe(read));
    progress.add_done(1);
    read.unwrap_or_else(|_| (Err("its header cannot be read, by a defect of Voxcast".into()), None))
}

#[derive(Default)]
struct Found {
    files: Vec<PathBuf>,
    failed: Vec<Failed>,
    directories: Vec<PathBuf>,
    /// Folders already looked at, by their real path, so links cannot lead in circles.
    visited: HashSet<PathBuf>,
}

impl Found {
    fn folder(&mut self, folder: &Path, depth: usize, progress: &Progress) -> Result<(), Error> {
        if progress.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let real = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        if !self.visited.insert(real) {
            return Ok(());
        }
        let fail = |path: &Path, reason: String| Failed { path: path.to_owned(), reason };
        if depth > MAX_DEPTH {
            self.failed.push(fail(
                folder,
                format!("folders are nested deeper than {MAX_DEPTH}; open this one itself"),
            ));
            return Ok(());
        }
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(e) => {
                self.failed.push(fail(folder, source::reason(&e)));
                return Ok(());
            }
        };
        for entry in entries.flatten() {
            let path = entry.path();
            if LITTER.iter().any(|name| entry.file_name() == *name) {
                continue;
            }
            // Follows links: archives are often built of them. What is none needs no second look.
            let kind = match entry.file_type() {
                Ok(kind) if !kind.is_symlink() => Ok(kind),
                _ => fs::metadata(&path).map(|about| about.file_type()),
            };
            match kind {
                Ok(about) if about.is_dir() => self.folder(&path, depth + 1, progress)?,
                Ok(about) if !about.is_file() => {
                    self.failed.push(fail(
                        &path,
                        "is not a regular file; copy what it stands for into the folder".into(),
                    ));
                }
                // In a folder the files beside a DICOMDIR are found anyway.
                Ok(_) if entry.file_name() == "DICOMDIR" => self.directories.push(path),
                Ok(_) if self.files.len() >= MAX_FILES => {
                    return Err(Error::Path {
                        path: folder.to_owned(),
                        reason: format!("holds more than {MAX_FILES} files; choose a smaller folder"),
                    });
                }
                Ok(_) => self.files.push(path),
                Err(e) => self.failed.push(fail(&path, source::reason(&e))),
            }
        }
        Ok(())
    }

    /// Files named by a DICOMDIR (PS3.3 F.3); names that would leave its folder are refused.
    fn dicomdir(&mut self, path: &Path) -> Result<(), String> {
        let bytes = source::bytes(path, None)?;
        let file = File::parse(&bytes, true, Until::End).map_err(|e| match e {
            ParseError::Bad(reason) => advised(reason),
            ParseError::NeedMore(_) => advised("it ends too early".into()),
        })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let before = self.failed.len();
        let (mut named, mut there) = (0, 0);
        for record in file.dataset.items(Tag::new(0x0004, 0x1220)) {
            let parts = record.texts(Tag::new(0x0004, 0x1500));
            let relative: PathBuf = parts.iter().collect();
            if parts.is_empty() {
                continue;
            }
            named += 1;
            let target = folder.join(&relative);
            if !relative.components().all(|c| matches!(c, Component::Normal(_))) {
                let reason = "the DICOMDIR names a file outside its own folder in ReferencedFileID (0004,1500); open the folder instead"
                        .into();
                self.failed.push(Failed { path: path.to_owned(), reason });
            } else if target.is_file() {
                there += 1;
                self.files.push(target);
            } else {
                let reason =
                    "named by the DICOMDIR, but not there; copy the whole medium, not the DICOMDIR alone";
                self.failed.push(Failed { path: target, reason: reason.into() });
            }
        }
        match (named, there) {
            (0, _) => Err(
                "the DICOMDIR names no files in DirectoryRecordSequence (0004,1220); open the folder instead"
                    .into(),
            ),
            (_, 0) => {
                let first = self.failed.drain(before..).next();
                let first = first.map_or_else(String::new, |f| match f.path == path {
                    true => f.reason,
                    false => format!("{}: {}", f.path.display(), f.reason),
                });
                let named = counted(named, "file");
                Err(format!("the DICOMDIR names {named}, of which none can be read; the first: {first}"))
            }
            _ => Ok(()),
        }
    }
}

/// Media name it DICOMDIR; copies get endings.
fn is_dicomdir(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().to_ascii_uppercase().starts_with("DICOMDIR"))
}
