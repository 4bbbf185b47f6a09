//! How large the main window was when it was closed: the next one opens so.

use std::path::{Path, PathBuf};

use eframe::egui::{self, ViewportBuilder};
use serde::{Deserialize, Serialize};

use super::keeper::Keeper;

/// Of a window that was never closed, in points of the monitor.
const FIRST: [u32; 2] = [1440, 900];
/// Smaller ones have no room for viewports, larger ones no monitor.
const SIZES: [[u32; 2]; 2] = [[640, 480], [16_384, 16_384]];

/// In points of the monitor, whatever the program's own scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extent {
    size: [u32; 2],
    maximised: bool,
}

impl Default for Extent {
    fn default() -> Self {
        Self { size: FIRST, maximised: false }
    }
}

impl Extent {
    /// As a file tells it; what cannot be read is as at first.
    pub fn read(file: Option<&Path>) -> Self {
        let text = file.and_then(|file| std::fs::read(file).ok()).unwrap_or_default();
        let read: Self = serde_json::from_slice(&text).unwrap_or_default();
        let [least, most] = SIZES;
        Self { size: [0, 1].map(|i| read.size[i].clamp(least[i], most[i])), ..read }
    }

    pub fn open(self, builder: ViewportBuilder) -> ViewportBuilder {
        let [least, _] = SIZES;
        builder
            .with_inner_size(self.size.map(|n| n as f32))
            .with_min_inner_size(least.map(|n| n as f32))
            .with_maximized(self.maximised)
    }
}

/// Where it is kept; `None` where the system names no place.
pub fn file() -> Option<PathBuf> {
    directories::ProjectDirs::from("org", "voxcast", "voxcast")
        .map(|dirs| dirs.data_dir().join("window.json"))
}

/// Follows the main window's size.
#[derive(Debug, Default)]
pub struct Follow {
    keeper: Option<Keeper>,
    last: Extent,
}

impl Follow {
    pub fn new() -> Self {
        let file = file();
        Self { last: Extent::read(file.as_deref()), keeper: file.map(|file| Keeper::new("window", file)) }
    }

    /// What the window is in this frame.
    pub fn see(&mut self, ctx: &egui::Context) {
        let Some(keeper) = &self.keeper else { return };
        let (size, info) = ctx.input(|input| (input.content_rect().size(), input.viewport().clone()));
        if info.minimized == Some(true) {
            return;
        }
        let maximised = info.maximized == Some(true);
        // Where a maximised window goes back to.
        let size = if maximised {
            self.last.size
        } else {
            [size.x, size.y].map(|points| (points * ctx.zoom_factor()).round() as u32)
        };
        let now = Extent { size, maximised };
        if now != self.last {
            self.last = now;
            // Numbers are always JSON.
            keeper.put(serde_json::to_vec(&now).unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_read_back_and_no_file_opens_a_window_that_nobody_sees() {
        let file = std::env::temp_dir().join(format!("voxcast-window-{}.json", std::process::id()));
        assert_eq!(Extent::read(Some(&file)), Extent::default(), "there is none yet");
        let kept = Extent { size: [1024, 768], maximised: true };
        std::fs::write(&file, serde_json::to_vec(&kept).unwrap()).unwrap();
        assert_eq!(Extent::read(Some(&file)), kept);
        for (text, size) in
            [(r#"{"size": [0, 4000000000], "maximised": false}"#, [640, 16_384]), ("{", FIRST)]
        {
            std::fs::write(&file, text).unwrap();
            assert_eq!(Extent::read(Some(&file)).size, size, "{text}");
        }
        std::fs::remove_file(file).unwrap();
    }

    #[test]
    fn the_programs_own_scale_does_not_change_what_is_kept() {
        let ctx = egui::Context::default();
        let folder = std::env::temp_dir().join(format!("voxcast-window-scale-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("window.json");
        let keeper = Keeper::new("window", file.clone());
        let mut follow = Follow { keeper: Some(keeper), last: Extent::default() };
        ctx.set_zoom_factor(1.5);
        for _ in 0..2 {
            // 1200 x 900 of the monitor's points.
            let screen = egui::Rect::from_min_size(egui::Pos2::ZERO, egui::vec2(800.0, 600.0));
            let input = egui::RawInput { screen_rect: Some(screen), ..Default::default() };
            ctx.run_ui(input, |ui| follow.see(ui.ctx())).drop_without_applying_deltas();
        }
        drop(follow);
        assert_eq!(Extent::read(Some(&file)), Extent { size: [1200, 900], maximised: false });
        std::fs::remove_dir_all(folder).unwrap();
    }
}
