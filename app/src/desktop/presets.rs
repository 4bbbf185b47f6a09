//! The user's own presets, read again when their folder changes.

use std::path::PathBuf;
use std::time::Duration;

use eframe::egui;
use render_core::scene::PresetLibrary;

use super::job::Job;

/// How often the folder is looked at: soon enough for someone who edits a file beside the window.
const LOOK_EVERY: Duration = Duration::from_secs(1);

pub const LEFT_OUT: &str = "Volume presets were left out.";

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
