//! Opening a study for the commands that work on one volume.

use std::cmp::Reverse;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use render_core::dicom::{self, Failed, Index, Library, Loaded, Series};
use render_core::words::counted;
use render_core::{Progress, dicom::Study};

use crate::cli::Source;
use crate::output;

/// Finds what is in the paths.
pub fn scan(paths: &[PathBuf]) -> Result<Library, dicom::Error> {
    dicom::scan(paths, &Progress::default())
}

/// What is known of files opened before; with `keep` false it is deleted. Without a data folder there
/// is none.
pub fn index(keep: bool) -> Option<Index> {
    let dirs = directories::ProjectDirs::from("org", "voxcast", "voxcast")?;
    let path = dirs.data_local_dir().join("index.sqlite");
    if !keep {
        Index::delete(&path);
        return None;
    }
    let index = Index::open(&path);
    if let Some(problem) = index.problem() {
        tracing::warn!("{problem}");
    }
    Some(index)
}

/// Loads the chosen series, or the one with the most voxels.
pub fn open(source: &Source) -> Result<Loaded> {
    Ok(open_with_series(source)?.0)
}

/// The same with the series.
pub fn open_with_series(source: &Source) -> Result<(Loaded, Series)> {
    let library = scan(std::slice::from_ref(&source.path))?;
    let series = choose(&library, source)?;
    if let (None, Some(time)) = (&source.series, series.time) {
        output::note(format_args!(
            "the series has {} times, this is the first; info names the others",
            time.count
        ));
    }
    Ok((load(series, source)?, series.clone()))
}

/// Loads a series as the options ask for.
pub fn read(series: &Series, source: &Source) -> Result<Loaded> {
    let load = if source.straighten_tilt { dicom::load_upright } else { dicom::load };
    load(series, &Progress::default())
        .with_context(|| format!("cannot load the series in {}", source.path.display()))
}

/// The same, and says what is odd about it.
pub fn load(series: &Series, source: &Source) -> Result<Loaded> {
    let loaded = read(series, source)?;
    tell(&loaded);
    Ok(loaded)
}

/// All times of the 4D series that a volume belongs to, in order; itself where there is one.
pub fn times<'a>(library: &'a Library, one: &'a Series) -> Vec<&'a Series> {
    let Some(time) = one.time else { return vec![one] };
    for study in &library.studies {
        // They stand one after the other.
        if let Some(at) = study.series.iter().position(|series| std::ptr::eq(series, one)) {
            let first = at.saturating_sub(time.index as usize);
            return study.series[first..].iter().take(time.count as usize).collect();
        }
    }
    vec![one]
}

pub fn tell(loaded: &Loaded) {
    for warning in &loaded.warnings {
        output::note(format_args!("warning [{}]: {}", warning.code.as_str(), warning.message));
    }
    tell_failed(&loaded.failed);
}

/// Names files that were left out, the first few of them in full.
pub fn tell_failed(failed: &[Failed]) {
    const SHOWN: usize = 5;
    for f in failed.iter().take(SHOWN) {
        output::note(format_args!("left out {}: {}", f.path.display(), f.reason));
    }
    if failed.len() > SHOWN {
        output::note(format_args!("left out {}", counted(failed.len() - SHOWN, "more file")));
    }
}

pub fn choose<'a>(library: &'a Library, source: &Source) -> Result<&'a Series> {
    let all = || library.studies.iter().flat_map(|study: &Study| &study.series);
    if let Some(uid) = &source.series {
        let named: Vec<&Series> = all()
            .filter(|series| [series.key(), series.id(), series.series_instance_uid.clone()].contains(uid))
            .collect();
        let exact = |name: fn(&Series) -> String| named.iter().find(|series| name(series) == *uid);
        let chosen = exact(Series::key).or(exact(Series::id)).or(named.first());
        if named.len() > 1 {
            let ids: Vec<String> = named.iter().map(|series| format!("{:?}", series.key())).collect();
            output::note(format_args!("the series is {} volumes, name one: {}", ids.len(), ids.join(", ")));
        }
        return chosen
            .copied()
            .with_context(|| format!("there is no series {uid} in {}", source.path.display()));
    }
    let voxels = |series: &&Series| series.dims.iter().map(|&n| u64::from(n)).product::<u64>();
    // The first of those that are as large: of a series with times, the first time.
    match all().min_by_key(|series| Reverse(voxels(series))) {
        Some(series) => {
            let count = all().filter(|series| series.time.is_none_or(|time| time.index == 0)).count();
            if count > 1 {
                let (id, dims) = (series.id(), dims_text(series.dims));
                output::note(format_args!(
                    "{count} series found, taking {id} ({dims}); choose with --series"
                ));
            }
            Ok(series)
        }
        None => bail!(nothing_found(&source.path, library)),
    }
}

/// Why there is nothing to show in a path.
pub fn nothing_found(path: &Path, library: &Library) -> String {
    let failed = &library.failed;
    let mut objects = library.studies.iter().flat_map(|study| &study.objects);
    if let Some(object) = objects.next() {
        let others = match objects.count() {
            0 => String::new(),
            more => format!(" and {}", counted(more, "more object")),
        };
        return format!(
            "{}: holds no image series, only {}{others}; open the images it belongs to",
            path.display(),
            object.class
        );
    }
    match failed.first() {
        Some(first) if failed.len() == 1 => format!("{}: {}", first.path.display(), first.reason),
        Some(first) => format!(
            "{}: none of {} files holds an image that can be shown; the first, {}: {}",
            path.display(),
            failed.len(),
            first.path.display(),
            first.reason
        ),
        None => format!("{}: no DICOM images found; name a file, a folder or a DICOMDIR", path.display()),
    }
}

pub fn dims_text(dims: [u32; 3]) -> String {
    format!("{}x{}x{}", dims[0], dims[1], dims[2])
}
