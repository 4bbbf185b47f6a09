//! The presets of the binary and of a user's folder, together.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{MAX_FILE_BYTES, Preset};
use crate::Outlined;

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

impl Stamp {
    /// The file's own name: whoever reads it knows the folder.
    fn name(&self) -> std::borrow::Cow<'_, str> {
        self.path.file_name().unwrap_or_default().to_string_lossy()
    }
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
    pub fn menu<'a>(&'a self, volume: &'a dyn Outlined) -> impl Iterator<Item = &'a Preset> {
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
                    problems.push(format!("preset {}: {reason}", stamp.name()));
                    continue;
                }
            };
            if presets.iter().any(|known| known.name == preset.name) {
                let (file, name) = (stamp.name(), &preset.name);
                problems.push(format!("preset {file}: there is a preset named {name} already"));
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

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("voxcast-presets-{name}-{}", std::process::id()));
            drop(std::fs::remove_dir_all(&path));
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        /// Writes a copy of the bone preset; its opacity tells versions apart, and so does its length.
        fn write(&self, file: &str, name: &str, opacity: &str) {
            let bone = include_str!("../../../../presets/CT_Bone.toml");
            let text = bone.replace("CT_Bone", name).replace("[1500, 0.8]", &format!("[1500, {opacity}]"));
            std::fs::write(self.0.join(file), text).unwrap();
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            drop(std::fs::remove_dir_all(&self.0));
        }
    }

    #[test]
    fn files_appear_change_and_go_while_the_program_runs() {
        let folder = Folder::new("change");
        let mut library = PresetLibrary::default();
        let built_in = library.presets().len();
        assert!(library.reload(&folder.0).is_empty());
        folder.write("b.toml", "Second", "0.5");
        folder.write("a.toml", "First", "0.5");
        std::fs::write(folder.0.join("notes.txt"), "no preset").unwrap();
        let reload = library.reload(&folder.0);
        assert_eq!(reload.changed, ["First", "Second"]);
        assert_eq!(library.presets().len(), built_in + 2);
        assert!(library.reload(&folder.0).is_empty(), "nothing has changed");

        folder.write("b.toml", "Second", "0.625");
        std::fs::remove_file(folder.0.join("a.toml")).unwrap();
        let reload = library.reload(&folder.0);
        assert_eq!((reload.changed, reload.removed), (vec!["Second".into()], vec!["First".into()]));
        assert_eq!(library.find("Second").unwrap().transfer.opacity(1500.0), 0.625);
    }

    #[test]
    fn a_broken_file_is_named_with_line_and_reason_and_hides_no_other() {
        let folder = Folder::new("broken");
        folder.write("good.toml", "Good", "0.5");
        folder.write("opaque.toml", "Opaque", "1.5");
        folder.write("twice.toml", "Good", "0.25");
        folder.write("bone.toml", "CT_Bone", "0.1");
        std::fs::write(folder.0.join("binary.toml"), [0xff, 0xfe, 0x00]).unwrap();
        std::fs::write(folder.0.join("huge.toml"), vec![b' '; 10 * MAX_FILE_BYTES]).unwrap();
        std::fs::create_dir(folder.0.join("folder.toml")).unwrap();
        let mut library = PresetLibrary::default();
        let reload = library.reload(&folder.0);
        assert_eq!(reload.changed, ["Good"]);
        assert_eq!(library.find("CT_Bone"), Preset::find("CT_Bone"), "what is built in stays");
        let problem = |file: &str| {
            reload.problems.iter().find(|problem| problem.contains(file)).unwrap_or_else(|| panic!("{file}"))
        };
        assert!(problem("opaque.toml: line 18: opacity: point 3 lies outside 0 to 1").starts_with("preset "));
        assert!(problem("twice.toml").contains("a preset named Good already"));
        assert!(problem("bone.toml").contains("a preset named CT_Bone already"));
        assert!(problem("binary.toml").contains("cannot be read"));
        assert!(problem("huge.toml").contains("64 KiB"));
        assert!(problem("folder.toml").contains("it is not a file"));
        assert_eq!(reload.problems.len(), 6);
        // Said once, kept for whoever asks.
        assert!(library.reload(&folder.0).is_empty());
        assert_eq!(library.problems().len(), 6);
        folder.write("opaque.toml", "Opaque", "0.75");
        assert_eq!(library.reload(&folder.0).changed, ["Opaque"]);
    }

    #[test]
    fn too_many_files_are_too_many() {
        let folder = Folder::new("many");
        for i in 0..MAX_FILES + 3 {
            folder.write(&format!("{i:04}.toml"), &format!("P{i}"), "0.5");
        }
        let mut library = PresetLibrary::default();
        let reload = library.reload(&folder.0);
        assert_eq!(reload.changed.len(), MAX_FILES);
        assert!(reload.problems[0].contains("more than 256 files"));
    }

    #[test]
    fn a_folder_that_is_missing_is_empty_and_one_that_is_a_file_is_a_problem() {
        let folder = Folder::new("missing");
        let mut library = PresetLibrary::default();
        assert!(library.reload(&folder.0.join("nothing")).is_empty());
        folder.write("file.toml", "Good", "0.5");
        let reload = library.reload(&folder.0.join("file.toml"));
        assert!(reload.problems[0].contains("cannot be read"));
        assert!(library.reload(&folder.0.join("file.toml")).is_empty());
    }
}
