//! The user's own volume presets.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use render_core::scene::PresetLibrary;

use crate::output;

/// Where presets are read from: the folder asked for, which must exist, else the one in the user's
/// configuration, which need not.
pub fn folder(asked: Option<&Path>) -> Result<Option<PathBuf>> {
    match asked {
        Some(folder) if folder.is_dir() => Ok(Some(folder.to_owned())),
        Some(folder) => bail!("--presets {}: there is no such folder", folder.display()),
        None => Ok(directories::ProjectDirs::from("org", "voxcast", "voxcast")
            .map(|dirs| dirs.config_dir().join("presets"))),
    }
}

/// Built-in presets and those of the folder. What is wrong with a file is said, and no error.
pub fn library(asked: Option<&Path>) -> Result<PresetLibrary> {
    let mut library = PresetLibrary::default();
    if let Some(folder) = folder(asked)? {
        let reload = library.reload(&folder);
        reload.problems.iter().for_each(|problem| output::note(format_args!("warning: {problem}")));
    }
    Ok(library)
}
