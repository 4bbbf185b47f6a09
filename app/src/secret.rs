//! Secrets that lie in files.

use std::path::Path;

use anyhow::{Context, Result, bail};

/// Reads a file that nobody but its owner may read. Those of others, as containers are given them, are what their
/// owners make of them.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    let cannot = || format!("cannot read {}", path.display());
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let file = std::fs::metadata(path).with_context(cannot)?;
        let is_ours = file.uid() == rustix::process::geteuid().as_raw();
        if file.is_file() && is_ours && file.mode() & 0o077 != 0 {
            bail!(
                "{} holds a secret, and other users of this machine can read or change it: run chmod 600 {}",
                path.display(),
                path.display()
            );
        }
    }
    std::fs::read(path).with_context(cannot)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_secret_that_others_can_read_is_refused() {
        let path = std::env::temp_dir().join(format!("voxcast-secret-{}", std::process::id()));
        std::fs::write(&path, "north").expect("a temporary file");
        let with = |mode| {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("our file");
            read(&path).map_err(|error| error.to_string())
        };
        assert_eq!(with(0o600), Ok(b"north".to_vec()));
        for mode in [0o640, 0o604, 0o620] {
            let error = with(mode).expect_err("others can get at it");
            assert!(error.contains("chmod 600") && error.contains("voxcast-secret-"), "{error}");
        }
        std::fs::remove_file(&path).expect("our file");
    }
}
