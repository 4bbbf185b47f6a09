//! The user's own presets, read again when their folder changes.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use eframe::egui;
use render_core::save::{self, Existing};
use render_core::scene::preset::Values;
use render_core::scene::{Preset, PresetLibrary, ViewState};

use super::job::Job;
use super::text;

/// How often the folder is looked at: soon enough for someone who edits a file beside the window.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Letters of a preset's name.
const LONGEST_NAME: usize = 64;
/// Presets whose labels have the same name.
const MOST_OF_A_NAME: usize = 1000;

/// What is told when files of the folder make no sense.
pub fn left_out() -> &'static str {
    text::of("Volume presets were left out.")
}

/// The presets have changed, or what is wrong with them.
pub struct News {
    pub library: PresetLibrary,
}

/// Watches a folder until the job is dropped.
pub fn watch(ctx: &egui::Context, folder: PathBuf) -> Job<News> {
    Job::start("presets", ctx, move |progress, sink| {
        let mut library = PresetLibrary::default();
        while !progress.is_cancelled() {
            if !library.reload(&folder).is_empty() && !sink.send(News { library: library.clone() }) {
                return;
            }
            std::thread::sleep(LOOK_EVERY);
        }
    })
}

/// A view's look as a preset with this label.
pub fn preset_of(view: &ViewState, label: &str, modality: &str) -> Preset {
    Preset {
        name: name_of(label),
        label: label.to_owned(),
        modality: modality.to_owned(),
        values: Values::Absolute,
        transfer: view.transfer.clone(),
        shading: view.shading,
    }
}

/// A label as the name of a preset and of its file: letters, digits, `_` and `-`.
fn name_of(label: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let name: String = label.trim().chars().map(plain).take(LONGEST_NAME).collect();
    if name.trim_matches('_').is_empty() { "Preset".to_owned() } else { name }
}

/// Writes a preset into the user's folder, in place of an earlier one of the same label.
pub fn save(ctx: &egui::Context, folder: PathBuf, preset: Preset) -> Job<std::io::Result<()>> {
    Job::start("save preset", ctx, move |_, sink| {
        sink.send(write(&folder, &preset));
    })
}

fn write(folder: &Path, preset: &Preset) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let file_of = |name: &str| folder.join(format!("{name}.toml"));
    // Labels of other letters may have the same name: what they were saved as stays.
    let is_free = |name: &String| match std::fs::read_to_string(file_of(name)) {
        Ok(text) => Preset::parse(&text).is_ok_and(|there| there.label == preset.label),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    };
    let numbered = (2..MOST_OF_A_NAME).map(|number| {
        let stem: String = preset.name.chars().take(LONGEST_NAME - 4).collect();
        format!("{stem}_{number}")
    });
    let name = std::iter::once(preset.name.clone()).chain(numbered).find(is_free);
    let name = name.ok_or(std::io::ErrorKind::AlreadyExists)?;
    let text = Preset { name: name.clone(), ..preset.clone() }.to_file();
    save::save(&file_of(&name), Existing::Replace, |out| out.write_all(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_saved_look_is_read_back_as_a_preset() {
        let folder = std::env::temp_dir().join(format!("voxcast-save-preset-{}", std::process::id()));
        let mut preset = Preset::find("CT_Bone").expect("built in").clone();
        preset.name = name_of("Our bone, äöü");
        preset.label = "Our bone, äöü".to_owned();
        write(&folder, &preset).unwrap();
        preset.transfer.opacities.set_level(0, [0.5]).unwrap();
        write(&folder, &preset).unwrap();
        let mut library = PresetLibrary::default();
        let reload = library.reload(&folder);
        assert_eq!((reload.changed, reload.problems), (vec!["Our_bone_____".to_owned()], Vec::new()));
        assert_eq!(library.find("Our_bone_____"), Some(&preset));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn labels_with_the_same_name_do_not_replace_each_other() {
        let folder = std::env::temp_dir().join(format!("voxcast-same-names-{}", std::process::id()));
        for (label, opacity) in [("山田", 0.1), ("骨", 0.2), ("山田", 0.3)] {
            let mut preset = Preset::find("CT_Bone").expect("built in").clone();
            (preset.name, preset.label) = (name_of(label), label.to_owned());
            preset.transfer.opacities.set_level(0, [opacity]).unwrap();
            write(&folder, &preset).unwrap();
        }
        let mut library = PresetLibrary::default();
        assert_eq!(library.reload(&folder).problems, Vec::<String>::new());
        let found = |name| library.find(name).map(|p| (p.label.as_str(), p.transfer.opacity(f32::MIN)));
        assert_eq!(found("Preset"), Some(("山田", 0.3)));
        assert_eq!(found("Preset_2"), Some(("骨", 0.2)));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn every_label_has_a_name() {
        assert_eq!(name_of("山田"), "Preset");
        assert_eq!(name_of("../x"), "___x");
        assert_eq!(name_of(&"a".repeat(99)).len(), 64);
    }
}
