//! Files that appear whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

/// Unfinished files of one name that are passed over.
const MOST_PARTS: usize = 1000;

/// What to do with a file that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    Refuse,
    /// Takes its place; a link is replaced, not followed.
    Replace,
}

/// Writes a file beside its place and moves it there when it is complete and on its disk: what is there already is
/// never half overwritten, and nothing is left behind by an error.
pub fn save<T, E: From<io::Error>>(
    path: &Path,
    existing: Existing,
    write: impl FnOnce(&mut BufWriter<File>) -> Result<T, E>,
) -> Result<T, E> {
    save_as(path, existing, &mut OpenOptions::new(), write)
}

/// The same of a file that nobody else on this machine may read, where the system knows such a thing (Unix).
pub fn save_private<T, E: From<io::Error>>(
    path: &Path,
    existing: Existing,
    write: impl FnOnce(&mut BufWriter<File>) -> Result<T, E>,
) -> Result<T, E> {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    save_as(path, existing, &mut options, write)
}

fn save_as<T, E: From<io::Error>>(
    path: &Path,
    existing: Existing,
    options: &mut OpenOptions,
    write: impl FnOnce(&mut BufWriter<File>) -> Result<T, E>,
) -> Result<T, E> {
    if existing == Existing::Refuse && path.symlink_metadata().is_ok() {
        return Err(already().into());
    }
    let (part, file) = Part::create(path, options)?;
    let mut out = BufWriter::new(file);
    let result = write(&mut out)?;
    // Without this a power cut may leave an empty file in the place of the old one.
    out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    match existing {
        Existing::Replace => fs::rename(&part.0, path)?,
        // Unlike a rename, a link never replaces what has appeared in the meantime; where there are no links,
        // what was checked before must do.
        Existing::Refuse => match fs::hard_link(&part.0, path) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => return Err(already().into()),
            Err(_) => fs::rename(&part.0, path)?,
            Ok(()) => {}
        },
    }
    // The new name, too, outlives a power cut; folders that cannot be synced hold it soon enough.
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
    Ok(result)
}

fn already() -> io::Error {
    io::Error::new(io::ErrorKind::AlreadyExists, "there is such a file already, and it is not to be replaced")
}

/// Removed when dropped, where it is still there.
struct Part(PathBuf);

impl Part {
    /// Beside a file, with a name that nobody has: a crash may have left one of a process with the same number.
    fn create(path: &Path, options: &mut OpenOptions) -> io::Result<(Self, File)> {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        for number in 0..MOST_PARTS {
            let mut beside = std::ffi::OsString::from(".");
            beside.push(name);
            beside.push(format!(".{}-{number}.part", std::process::id()));
            let part = path.with_file_name(beside);
            match options.write(true).create_new(true).open(&part) {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                file => return Ok((Self(part), file?)),
            }
        }
        Err(io::Error::new(io::ErrorKind::AlreadyExists, "too many unfinished files lie beside it"))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn what_a_crash_left_is_in_nobodys_way_and_private_files_are_for_their_owner() {
        let folder = std::env::temp_dir().join(format!("voxcast-save-left-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("create a folder for the test");
        for number in 0..3 {
            let left = folder.join(format!(".a.bin.{}-{number}.part", std::process::id()));
            fs::write(left, "half").expect("write");
        }
        let path = folder.join("a.bin");
        let written: io::Result<()> = save_private(&path, Existing::Replace, |out| out.write_all(b"whole"));
        written.expect("goes by what is left");
        assert_eq!(fs::read(&path).expect("is there"), b"whole");
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::PermissionsExt::mode(
                &fs::metadata(&path).expect("is there").permissions(),
            );
            assert_eq!(mode & 0o777, 0o600);
        }
        fs::remove_dir_all(folder).expect("remove");
    }

    #[test]
    fn files_appear_whole_and_replace_others_only_on_request() {
        let folder = std::env::temp_dir().join(format!("voxcast-save-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("create a folder for the test");
        let path = folder.join("a.bin");
        let put = |text: &'static str, existing| save(&path, existing, |out| out.write_all(text.as_bytes()));
        put("one", Existing::Refuse).expect("is new");
        let error = put("two", Existing::Refuse).expect_err("is there");
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        put("three", Existing::Replace).expect("may be replaced");
        let failed: io::Result<()> = save(&path, Existing::Replace, |out| {
            out.write_all(b"half of it")?;
            Err(io::ErrorKind::StorageFull.into())
        });
        assert!(failed.is_err());
        assert_eq!(fs::read(&path).expect("is there"), b"three");
        #[cfg(unix)]
        {
            let link = folder.join("link.bin");
            std::os::unix::fs::symlink(&path, &link).expect("links");
            save(&link, Existing::Replace, |out| out.write_all(b"four")).expect("replaces the link");
            assert_eq!(fs::read(&path).expect("is there"), b"three", "the link was followed");
            fs::remove_file(link).expect("remove");
        }
        assert_eq!(fs::read_dir(&folder).expect("read").count(), 1, "something was left behind");
        fs::remove_dir_all(folder).expect("remove");
    }
}
