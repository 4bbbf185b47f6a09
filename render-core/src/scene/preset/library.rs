//! The presets of the binary and of a user's folder, together.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{MAX_FILE_BYTES, Preset};
use crate::volume::Volume;

/// Most preset files that are read from a folder.
pub const MAX_FILES: usize = 256;

/// Built-in presets, then a folder's in the order of their file names. Names are unique: the first
/// preset of a name keeps it.
#[derive(Clone, Debug)]
pub struct PresetLibrary {
    presets: Vec<Preset>,
    /// What the folder held, to notice changes without reading it all again.
    stamps: Vec<Stamp>,
    problems: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    path: PathBuf,
    changed: Option<SystemTime>,
    bytes: u64,
}

/// What reading a folder again has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reload {
    /// Names of presets that are new or different.
    pub changed: Vec<String>,
    /// Names of presets that are gone.
    pub removed: Vec<String>,
    /// What was not found wrong before, in words that name file, line and reason.
    pub problems: Vec<String>,
}

impl Reload {
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.removed.is_empty() && self.problems.is_empty()
    }
}

impl Default for PresetLibrary {
    fn default() -> Self {
        Self { presets: Preset::built_in().to_vec(), stamps: Vec::new(), problems: Vec::new() }
    }
}

impl PresetLibrary {
    /// All presets, in menu order.
    pub fn presets(&self) -> &[Preset] {
        &self.presets
    }

    /// What a menu for this volume holds.
    pub fn menu<'a>(&'a self, volume: &'a Volume) -> impl Iterator<Item = &'a Preset> {
        let modality = volume.meaning().modality.as_str();
        self.presets.iter().filter(move |preset| preset.modality == modality)
    }

    pub fn find(&self, name: &str) -> Option<&Preset> {
        self.presets.iter().find(|preset| preset.name == name)
    }

    /// What is wrong with files of the folder, one sentence a file.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }

    /// Reads a folder's `.toml` files if anything in it has changed. A file that is no preset is named
    /// and hides no other; a folder that does not exist is an empty one.
    pub fn reload(&mut self, folder: &Path) -> Reload {
        let (stamps, mut problems) = list(folder);
        // Only what was found before tells that nothing has changed, so a folder that cannot be
        // listed is tried every time.
        if stamps == self.stamps && problems.is_empty() {
            return Reload::default();
        }
        let mut presets = Preset::built_in().to_vec();
        for stamp in &stamps {
            let preset = match read(&stamp.path) {
                Ok(preset) => preset,
                Err(reason) => {
                    problems.push(format!("preset {}: {reason}", stamp.path.display()));
                    continue;
                }
            };
            if presets.iter().any(|known| known.name == preset.name) {
                let (path, name) = (stamp.path.display(), &preset.name);
                problems.push(format!("preset {path}: there is a preset named {name} already"));
            } else {
                presets.push(preset);
            }
        }
        let name = |preset: &Preset| preset.name.clone();
        let reload = Reload {
            changed: presets.iter().filter(|p| self.find(&p.name) != Some(p)).map(name).collect(),
            removed: self
                .presets
                .iter()
                .filter(|p| presets.iter().all(|other| other.name != p.name))
                .map(name)
                .collect(),
            problems: problems.iter().filter(|problem| !self.problems.contains(problem)).cloned().collect(),
        };
        *self = Self { presets, stamps, problems };
        reload
    }
}

/// The preset files of a folder by name, and what is wrong with the folder itself.
fn list(folder: &Path) -> (Vec<Stamp>, Vec<String>) {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Default::default(),
        Err(error) => {
            return (Vec::new(), vec![format!("preset folder {} cannot be read: {error}", folder.display())]);
        }
    };
    let mut stamps: Vec<Stamp> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml")))
        // One more than is allowed tells that there are too many.
        .take(MAX_FILES + 1)
        .map(|path| {
            let metadata = std::fs::metadata(&path).ok();
            let changed = metadata.as_ref().and_then(|metadata| metadata.modified().ok());
            Stamp { changed, bytes: metadata.map_or(0, |metadata| metadata.len()), path }
        })
        .collect();
    stamps.sort_by(|a, b| a.path.cmp(&b.path));
    let mut problems = Vec::new();
    if stamps.len() > MAX_FILES {
        stamps.truncate(MAX_FILES);
        let folder = folder.display();
        problems
            .push(format!("preset folder {folder} holds more than {MAX_FILES} files; the rest is left out"));
    }
    (stamps, problems)
}

fn read(path: &Path) -> Result<Preset, String> {
    let unreadable = |error: std::io::Error| format!("it cannot be read: {error}");
    let file = std::fs::File::open(path).map_err(unreadable)?;
    if !file.metadata().map_err(unreadable)?.is_file() {
        return Err("it is not a file".into());
    }
    let mut text = String::new();
    // One byte more than is allowed tells `parse` that the file is too large.
    file.take(MAX_FILE_BYTES as u64 + 1).read_to_string(&mut text).map_err(unreadable)?;
    Preset::parse(&text).map_err(|error| error.to_string())
}
