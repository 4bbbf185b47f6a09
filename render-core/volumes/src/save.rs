//! Files that appear whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// What to do with a file that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    Refuse,
    /// Takes its place; a link is replaced, not followed.
    Replace,
}

/// Writes a file beside its place and moves it there when it is complete: what is there already is never
/// half overwritten, and nothing is left behind by an error.
pub fn save<T, E: From<io::Error>>(
    path: &Path,
    existing: Existing,
    write: impl FnOnce(&mut BufWriter<File>) -> Result<T, E>,
) -> Result<T, E> {
    if existing == Existing::Refuse && path.symlink_metadata().is_ok() {
        return Err(already().into());
    }
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput).map_err(io::Error::from)?;
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    beside.push(format!(".{}.part", std::process::id()));
    let part = Part(path.with_file_name(beside));
    let mut out = BufWriter::new(OpenOptions::new().write(true).create_new(true).open(&part.0)?);
    let result = write(&mut out)?;
    out.flush()?;
    drop(out);
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
    Ok(result)
}

fn already() -> io::Error {
    io::Error::new(io::ErrorKind::AlreadyExists, "there is such a file already, and it is not to be replaced")
}

/// Removed when dropped, where it is still there.
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
