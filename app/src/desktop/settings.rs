//! What the user has chosen for good, in one file of the configuration folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use server_mode::remote::adaptive::Choice;

use super::keeper;
use super::mouse::Mouse;
use super::theme::Theme;

/// Of the file's format. Later ones are read as far as this program knows their entries.
const VERSION: u32 = 1;

/// Larger files are none of ours.
const MOST_BYTES: u64 = 1 << 20;

pub const SCALES: std::ops::RangeInclusive<u32> = 100..=200;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    version: u32,
    /// ISO 639-1; the system's without one.
    pub language: Option<String>,
    pub theme: Theme,
    pub scale_percent: u32,
    pub reduced_motion: bool,
    /// Whether letters, digits and signs alone are keys (WCAG 2.1.4).
    pub single_keys: bool,
    /// Keys of commands that have others than at first, by the command's name.
    pub keys: BTreeMap<String, Vec<String>>,
    pub mouse: Mouse,
    /// Whether the patient's data are shown at the start.
    pub demographics: bool,
    /// Whether what was open is opened again at the next start.
    pub restore_session: bool,
    pub renderer: RendererChoice,
    /// Who draws the series of servers.
    pub drawing: Drawing,
    /// Whether voxels of servers are kept on this machine, sealed.
    pub keep_voxels: bool,
    /// Whether headers of files are kept on this machine, as they are: studies open sooner.
    pub keep_index: bool,
    /// Folder of the user's own hanging protocols.
    pub hanging_protocols: Option<PathBuf>,
    /// Entries of later versions stay in the file.
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RendererChoice {
    #[default]
    Automatic,
    Processor,
}

/// Who draws the series of servers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Drawing {
    /// This machine, while it is fast enough.
    #[default]
    Automatic,
    Here,
    Server,
}

impl Drawing {
    pub const ALL: [Self; 3] = [Self::Automatic, Self::Here, Self::Server];
}

impl From<Drawing> for Choice {
    fn from(drawing: Drawing) -> Self {
        match drawing {
            Drawing::Automatic => Self::Adaptive,
            Drawing::Here => Self::Local,
            Drawing::Server => Self::Remote,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            version: VERSION,
            language: None,
            theme: Theme::Dark,
            scale_percent: 100,
            reduced_motion: false,
            single_keys: true,
            keys: BTreeMap::new(),
            mouse: Mouse::default(),
            demographics: true,
            restore_session: false,
            renderer: RendererChoice::Automatic,
            drawing: Drawing::Automatic,
            keep_voxels: true,
            keep_index: true,
            hanging_protocols: None,
            others: BTreeMap::new(),
        }
    }
}

/// Settings and what was wrong with their file.
#[derive(Debug, Default)]
pub struct Read {
    pub settings: Settings,
    pub problem: Option<Problem>,
}

#[derive(Debug, PartialEq)]
pub enum Problem {
    /// The file was no settings at all and lies there now.
    SetAside(PathBuf),
    /// It cannot be read and is left alone.
    Unreadable(String),
    /// These entries made no sense.
    Entries(Vec<String>),
}

/// Where the settings are; `None` where the system names no place for them.
pub fn file() -> Option<PathBuf> {
    directories::ProjectDirs::from("org", "voxcast", "voxcast")
        .map(|dirs| dirs.config_dir().join("settings.json"))
}

/// Reads the settings; what cannot be read is as at first.
pub fn load(file: &Path) -> Read {
    let text = match read_text(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Read::default(),
        Err(error) => {
            return Read { problem: Some(Problem::Unreadable(error.to_string())), ..Read::default() };
        }
    };
    match parse(&text) {
        Some((settings, entries)) => {
            let problem = (!entries.is_empty()).then_some(Problem::Entries(entries));
            Read { settings, problem }
        }
        None => {
            let problem = match keeper::set_aside(file) {
                Ok(to) => Problem::SetAside(to),
                Err(error) => Problem::Unreadable(error.to_string()),
            };
            Read { problem: Some(problem), ..Read::default() }
        }
    }
}

fn read_text(file: &Path) -> std::io::Result<String> {
    if std::fs::metadata(file)?.len() > MOST_BYTES {
        return Err(std::io::Error::other("the file is too large for settings"));
    }
    // Text that is none is as broken as text that is no JSON.
    Ok(String::from_utf8_lossy(&std::fs::read(file)?).into_owned())
}

/// The settings of a text, and the entries in it that make no sense; `None` if it is no list of entries.
fn parse(text: &str) -> Option<(Settings, Vec<String>)> {
    let given: Map<String, Value> = serde_json::from_str(text).ok()?;
    let mut settings = Settings::default();
    let mut wrong = Vec::new();
    for (name, value) in given {
        // One wrong entry leaves the others alone.
        let Ok(Value::Object(mut next)) = serde_json::to_value(&settings) else { return None };
        next.insert(name.clone(), value);
        match serde_json::from_value::<Settings>(Value::Object(next)) {
            Ok(next) => settings = next,
            Err(_) => wrong.push(name),
        }
    }
    let (least, most) = (*SCALES.start(), *SCALES.end());
    settings.scale_percent = settings.scale_percent.clamp(least, most);
    settings.mouse = settings.mouse.usable();
    settings.version = VERSION;
    Some((settings, wrong))
}

impl Settings {
    /// What the file holds.
    pub fn to_file(&self) -> Vec<u8> {
        // Maps with text as keys and plain values are always JSON.
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::mouse::{Gesture, Press};
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let mut settings = Settings { theme: Theme::Light, scale_percent: 150, ..Settings::default() };
        settings.keys.insert("NextPreset".into(), vec!["Ctrl+P".into()]);
        settings.hanging_protocols = Some(PathBuf::from("/protocols"));
        settings.mouse.set_press(Gesture::Right, Press::Window);
        let text = String::from_utf8(settings.to_file()).unwrap();
        assert_eq!(parse(&text), Some((settings, Vec::new())));
    }

    #[test]
    fn entries_of_later_versions_stay_and_wrong_ones_are_named() {
        let text = r#"{"version": 9, "theme": "sepia", "scalePercent": 9000, "language": "de",
            "hologram": {"depth": 3}}"#;
        let (settings, wrong) = parse(text).unwrap();
        assert_eq!(wrong, ["theme"]);
        assert_eq!((settings.theme, settings.scale_percent), (Theme::Dark, 200));
        assert_eq!(settings.language.as_deref(), Some("de"));
        let written = String::from_utf8(settings.to_file()).unwrap();
        assert!(written.contains("hologram"), "{written}");
    }

    #[test]
    fn a_broken_file_is_set_aside_and_not_lost() {
        let folder = std::env::temp_dir().join(format!("voxcast-settings-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("settings.json");
        assert!(load(&file).problem.is_none(), "no file is no problem");
        for broken in ["{\"theme\": ", "[1, 2]", "\u{0}\u{1}"] {
            std::fs::write(&file, broken).unwrap();
            let read = load(&file);
            let Some(Problem::SetAside(to)) = read.problem else { panic!("{broken}: {:?}", read.problem) };
            assert_eq!(std::fs::read_to_string(to).unwrap(), broken);
            assert_eq!(read.settings, Settings::default());
            assert!(!file.exists());
        }
        std::fs::remove_dir_all(folder).unwrap();
    }
}
