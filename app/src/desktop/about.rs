//! What this program is, whose work is in it, and what it has logged.

use std::sync::LazyLock;

use eframe::egui::{self, Align, ComboBox, Layout, RichText, ScrollArea, TextStyle};
use tracing::Level;

use super::export::stamp;
use super::text::tr;
use super::{dialogs, theme};
use crate::log;

/// Made by `xtask licences`; `./x check` holds it to what is linked.
const LICENCES: &str = include_str!("../../../assets/licences.txt");

static LINES: LazyLock<Vec<&'static str>> = LazyLock::new(|| LICENCES.lines().collect());

/// Returns false when it is closed.
pub fn show(ctx: &egui::Context) -> bool {
    let modal = dialogs::modal(ctx, "about").show(ctx, |ui| {
        ui.set_width(640.0_f32.min(ctx.content_rect().width() - 60.0));
        ui.heading(concat!("Voxcast ", env!("CARGO_PKG_VERSION")));
        ui.label(tr!("about-what"));
        ui.label(RichText::new(tr!("notice")).color(theme::warning()));
        ui.add_space(6.0);
        ui.label(tr!("about-licence"));
        ui.label(RichText::new(tr!("about-libraries", count = packages())).color(theme::weak()));
        ui.add_space(4.0);
        let height = (ctx.content_rect().height() - 260.0).clamp(120.0, 380.0);
        egui::Frame::new().fill(theme::field()).inner_margin(8).corner_radius(4).show(ui, |ui| {
            let row = ui.text_style_height(&TextStyle::Monospace);
            ScrollArea::both().auto_shrink(false).max_height(height).show_rows(
                ui,
                row,
                LINES.len(),
                |ui, rows| {
                    for line in &LINES[rows] {
                        ui.add(egui::Label::new(RichText::new(*line).monospace()).extend());
                    }
                },
            );
        });
        ui.add_space(10.0);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let close = ui.button(tr!("close")).clicked();
            if ui.button(tr!("about-copy")).clicked() {
                ui.ctx().copy_text(LICENCES.to_owned());
            }
            close
        })
        .inner
    });
    !modal.inner && !modal.should_close()
}

/// Each has a line of its own before the first text.
fn packages() -> usize {
    LINES.iter().take_while(|line| !line.starts_with('=')).filter(|line| line.contains("  ")).count()
}

/// The window with what was logged.
#[derive(Debug)]
pub struct LogWindow {
    least: Level,
    /// What is shown, and how many entries there were when it was taken.
    entries: Vec<log::Entry>,
    taken: Option<u64>,
}

impl Default for LogWindow {
    fn default() -> Self {
        Self { least: Level::INFO, entries: Vec::new(), taken: None }
    }
}

impl LogWindow {
    /// Returns false when it is closed.
    pub fn show(&mut self, ctx: &egui::Context) -> bool {
        let count = log::count();
        if self.taken != Some(count) {
            self.entries = log::entries(self.least);
            self.taken = Some(count);
        }
        let mut open = true;
        egui::Window::new(tr!("log-title"))
            .id(egui::Id::unique("log"))
            .open(&mut open)
            .default_size([720.0, 320.0])
            .show(ctx, |ui| {
                ui.horizontal(|ui| {
                    let label = ui.label(tr!("log-level"));
                    let menu = ComboBox::from_id_salt("level").selected_text(level_name(self.least)).show_ui(
                        ui,
                        |ui| {
                            for level in [Level::ERROR, Level::WARN, Level::INFO] {
                                if ui.selectable_value(&mut self.least, level, level_name(level)).clicked() {
                                    self.taken = None;
                                }
                            }
                        },
                    );
                    menu.response.labelled_by(label.id);
                    if ui.button(tr!("log-copy")).clicked() {
                        let lines: Vec<String> = self.entries.iter().map(line).collect();
                        ui.ctx().copy_text(lines.join("\n"));
                    }
                });
                self.list(ui);
            });
        open
    }

    fn list(&self, ui: &mut egui::Ui) {
        if self.entries.is_empty() {
            ui.label(RichText::new(tr!("log-empty")).color(theme::weak()));
        }
        let row = ui.text_style_height(&TextStyle::Monospace);
        let area = ScrollArea::both().auto_shrink(false).stick_to_bottom(true);
        area.show_rows(ui, row, self.entries.len(), |ui, rows| {
            for entry in &self.entries[rows] {
                let color = match entry.level {
                    Level::ERROR => theme::error(),
                    Level::WARN => theme::warning(),
                    _ => theme::text(),
                };
                ui.add(egui::Label::new(RichText::new(line(entry)).monospace().color(color)).extend());
            }
        });
    }
}

fn level_name(level: Level) -> std::borrow::Cow<'static, str> {
    match level {
        Level::ERROR => tr!("log-errors"),
        Level::WARN => tr!("log-warnings"),
        _ => tr!("log-all"),
    }
}

/// One line an entry.
fn line(entry: &log::Entry) -> String {
    let text = entry.text.replace('\n', " ");
    format!("{}  {:5}  {}  {text}", stamp(entry.time), entry.level.as_str(), entry.target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_licences_name_what_is_linked() {
        assert!(packages() > 100, "{} packages", packages());
        for name in ["eframe", "wgpu", "str0m", "dicom-object"] {
            assert!(LINES.iter().any(|line| line.starts_with(&format!("{name} "))), "{name}");
        }
        assert!(LICENCES.contains("Apache License"));
    }
}
