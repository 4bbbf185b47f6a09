//! Which series windows have open, for whoever deletes what was drawn on others: each running window holds a lock on
//! a file that names them. The system lets go of it when the window ends, however it ends.

use std::collections::{BTreeSet, HashSet};
use std::fs::{File, TryLockError};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use super::store::{create_folder, read_text};

/// No window has so many series open that their names take more bytes.
const MOST_BYTES: u64 = 16 << 20;

/// The series of this window. All of it is done under the lock of the folder of what is drawn.
#[derive(Debug)]
pub struct Open {
    /// Of the files of all windows.
    folder: PathBuf,
    file: Option<(PathBuf, File)>,
    names: BTreeSet<String>,
}

impl Open {
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, file: None, names: BTreeSet::new() }
    }

    /// Whether others know that these are open.
    pub fn knows(&self, names: &[String]) -> bool {
        self.file.is_some() && names.iter().all(|name| self.names.contains(name))
    }

    /// Tells others that these are open, too, until this window ends.
    pub fn add(&mut self, names: Vec<String>) -> std::io::Result<()> {
        if self.file.is_none() {
            create_folder(&self.folder)?;
            let mut random = [0; 8];
            getrandom::fill(&mut random).map_err(std::io::Error::other)?;
            let path = self.folder.join(format!("{:016x}", u64::from_ne_bytes(random)));
            let file = File::options().create_new(true).write(true).open(&path)?;
            // Where a file system knows no locks, everything that has a file counts as open.
            if let Err(error) = file.try_lock() {
                tracing::debug!(%error, "what is open is told without a lock");
            }
            self.file = Some((path, file));
        }
        if let Some((_, file)) = &mut self.file {
            // Behind what is there, which stays true when a disk is full; a line that was broken off ends first.
            let new = names.iter().filter(|name| !self.names.contains(*name));
            let text: String = ["\n"].into_iter().chain(new.flat_map(|name| [name, "\n"])).collect();
            file.seek(SeekFrom::End(0))?;
            file.write_all(text.as_bytes())?;
            self.names.extend(names);
        }
        Ok(())
    }

    /// What other windows have open; `None` where one of them does not say. Files of windows that have ended go.
    pub fn others(&self) -> Option<HashSet<String>> {
        let own = self.file.as_ref().map(|(path, _)| path.as_path());
        let files = std::fs::read_dir(&self.folder).into_iter().flatten().flatten().map(|file| file.path());
        let mut names = HashSet::new();
        for path in files.filter(|path| Some(path.as_path()) != own) {
            if has_ended(&path) {
                // What cannot be removed is looked at again the next time.
                let _ = std::fs::remove_file(&path);
                continue;
            }
            let text = read_text(&path, MOST_BYTES).ok()??;
            if text.is_empty() {
                // It has only just begun.
                return None;
            }
            names.extend(text.lines().map(str::to_owned));
        }
        Some(names)
    }
}

/// Whether nobody holds the lock of a file.
fn has_ended(path: &Path) -> bool {
    let Ok(file) = File::options().write(true).open(path) else { return false };
    match file.try_lock() {
        Ok(()) => true,
        Err(TryLockError::WouldBlock | TryLockError::Error(_)) => false,
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some((path, _)) = &self.file {
            // Without its lock it counts for nothing, and goes the next time that somebody looks.
            let _ = std::fs::remove_file(path);
        }
    }
}
