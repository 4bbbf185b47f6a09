//! Opening studies: in a window, or as a server for browsers.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};
use render_core::phantom;

use crate::capability::{self, Mode};
use crate::cli::View;
use crate::desktop;
use crate::output;

/// Picks the mode, says which and why, and runs it.
pub fn run(view: &View) -> Result<()> {
    let renderer = super::open_renderer(view.backend)?;
    let verdict = capability::verdict(&capability::display(), &renderer);
    output::note(format_args!("mode: {} on {}", verdict.mode.as_str(), view.address()));
    verdict.reasons.iter().for_each(|reason| output::note(format_args!("  {reason}")));
    if verdict.mode == Mode::Local && !view.serve {
        return desktop::run(view.studies.clone(), desktop::Options { renderer });
    }
    Ok(())
}

/// Shows the study made by formula; the first time it is made and kept in the user's cache.
pub fn demo(mut view: View) -> Result<()> {
    view.studies.insert(0, demo_study()?);
    run(&view)
}

fn demo_study() -> Result<PathBuf> {
    let cache = directories::ProjectDirs::from("", "", "voxcast")
        .map(|dirs| dirs.cache_dir().to_owned())
        .unwrap_or_else(|| std::env::temp_dir().join("voxcast"));
    // A new version may make another phantom, so each has its own.
    let study = cache.join(concat!("demo-", env!("CARGO_PKG_VERSION")));
    if study.join("truth.json").is_file() {
        return Ok(study);
    }
    make_demo(&study).with_context(|| format!("cannot make the demo study in {}", study.display()))?;
    Ok(study)
}

/// Writes to a folder of its own and renames it, so that a run that is interrupted leaves no half
/// study behind that a later one would show.
fn make_demo(study: &Path) -> Result<()> {
    let partial = study.with_extension(format!("partial-{}", std::process::id()));
    let shown = AtomicUsize::new(0);
    phantom::write_study(&partial, &phantom::Spec::default(), |done, total| {
        let tenth = done * 10 / total;
        if shown.fetch_max(tenth, Ordering::Relaxed) < tenth {
            output::note(format_args!("making the demo study: {} %", tenth * 10));
        }
    })?;
    match std::fs::rename(&partial, study) {
        Ok(()) => Ok(()),
        // Another process was faster; its study is the same.
        Err(_) if study.join("truth.json").is_file() => Ok(std::fs::remove_dir_all(&partial)?),
        Err(error) => Err(error.into()),
    }
}
