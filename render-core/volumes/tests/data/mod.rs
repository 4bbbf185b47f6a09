//! Where the test data lies.

use std::path::{Path, PathBuf};

/// A path below the test data, or `None` where there is none.
pub fn data(below: &str) -> Option<PathBuf> {
    let root = std::env::var_os("VOXCAST_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    if root.is_dir() {
        return Some(root.join(below));
    }
    eprintln!("skipped: no ../shared/data");
    None
}
