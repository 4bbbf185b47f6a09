//! The dialog behind `Export…`.

use std::path::PathBuf;

use eframe::egui::{self, Align, ComboBox, DragValue, Layout, RichText, Ui};
use render_core::scene::Content;

use super::super::command::Command;
use super::super::dialogs;
use super::super::text::tr;
use super::super::theme;
use super::{Inscription, Motion, Movie, Order, Subject, What};

/// Two minutes at 30 a second.
const MOST_PICTURES: u32 = 3600;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Active,
    All,
    Movie,
}

/// What was chosen; kept while the program runs.
#[derive(Debug)]
pub struct ExportDialog {
    kind: Kind,
    double: bool,
    inscription: Inscription,
    /// As many as suit the motion without a number.
    pictures: Option<u32>,
    per_second: u32,
    /// Height of a movie; the viewport's own without one.
    height: Option<u32>,
    folder: String,
}

impl Default for ExportDialog {
    fn default() -> Self {
        let dirs = directories::UserDirs::new();
        let folder = dirs
            .as_ref()
            .map(|dirs| dirs.picture_dir().unwrap_or(dirs.home_dir()).to_owned())
            .unwrap_or_else(std::env::temp_dir);
        Self {
            kind: Kind::Active,
            double: false,
            inscription: Inscription { overlays: true, patient: false },
            pictures: None,
            per_second: 30,
            height: None,
            folder: folder.display().to_string(),
        }
    }
}

impl ExportDialog {
    /// `subjects` are all viewports, the active one first. Returns false when it is closed.
    pub fn show(
        &mut self,
        ctx: &egui::Context,
        subjects: &[Subject],
        now: &str,
        commands: &mut Vec<Command>,
    ) -> bool {
        let mut open = true;
        let modal = dialogs::modal("export").show(ctx, |ui| {
            ui.set_width(460.0);
            ui.heading(tr!("export-title"));
            ui.add_space(6.0);
            for (kind, name) in [
                (Kind::Active, tr!("export-active")),
                (Kind::All, tr!("export-all")),
                (Kind::Movie, tr!("export-movie")),
            ] {
                ui.radio_value(&mut self.kind, kind, name.as_ref());
            }
            ui.separator();
            match self.kind {
                Kind::Active | Kind::All => {
                    ui.checkbox(&mut self.double, tr!("export-double"));
                }
                Kind::Movie => self.movie(ui, subjects),
            }
            ui.checkbox(&mut self.inscription.overlays, tr!("export-overlays"));
            ui.add_enabled_ui(self.inscription.overlays, |ui| {
                ui.checkbox(&mut self.inscription.patient, tr!("export-patient"));
            });
            if self.inscription.overlays && self.inscription.patient {
                ui.label(RichText::new(tr!("export-patient-hint")).color(theme::warning()));
            }
            ui.label(RichText::new(tr!("export-notice-hint")).color(theme::weak()).size(12.5));
            ui.add_space(6.0);
            let label = ui.label(tr!("export-folder"));
            let field = egui::TextEdit::singleline(&mut self.folder).desired_width(f32::INFINITY);
            ui.add(field).labelled_by(label.id);
            let file = self.file(now);
            ui.label(RichText::new(file.display().to_string()).color(theme::weak()).size(12.5));
            ui.add_space(10.0);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let order = self.order(subjects, file, ctx.pixels_per_point());
                let go = egui::Button::new(tr!("export")).fill(theme::accent_fill());
                if ui.add_enabled(order.is_some(), go).clicked()
                    && let Some(order) = order
                {
                    commands.push(Command::Export(Box::new(order)));
                    open = false;
                }
                if ui.button(tr!("close")).clicked() {
                    open = false;
                }
            });
        });
        open && !modal.should_close()
    }

    fn movie(&mut self, ui: &mut Ui, subjects: &[Subject]) {
        let name = match motion_of(subjects) {
            Motion::Rotation => tr!("export-rotation"),
            Motion::Sweep => tr!("export-sweep"),
        };
        ui.label(name);
        ui.horizontal(|ui| {
            let label = ui.label(tr!("export-pictures"));
            let mut pictures = self.pictures(subjects);
            if ui.add(DragValue::new(&mut pictures).range(2..=MOST_PICTURES)).labelled_by(label.id).changed()
            {
                self.pictures = Some(pictures);
            }
            let label = ui.label(tr!("export-rate"));
            ui.add(DragValue::new(&mut self.per_second).range(1..=60)).labelled_by(label.id);
            let seconds = f64::from(pictures) / f64::from(self.per_second);
            ui.label(RichText::new(format!("{seconds:.1} s")).color(theme::weak()));
        });
        ui.horizontal(|ui| {
            let label = ui.label(tr!("export-size"));
            let name = |height: Option<u32>| match height {
                None => tr!("export-size-screen").into_owned(),
                Some(height) => format!("{} × {height}", height * 16 / 9),
            };
            let menu = ComboBox::from_id_salt("size").selected_text(name(self.height)).show_ui(ui, |ui| {
                for height in [None, Some(720), Some(1080)] {
                    ui.selectable_value(&mut self.height, height, name(height));
                }
            });
            menu.response.labelled_by(label.id);
        });
    }

    fn pictures(&self, subjects: &[Subject]) -> u32 {
        let suits = || match (motion_of(subjects), subjects.first()) {
            (Motion::Sweep, Some(subject)) => {
                let (_, count) = subject.view.plane.slice_number(subject.series.outline());
                count.clamp(2, i64::from(MOST_PICTURES)) as u32
            }
            _ => 180,
        };
        self.pictures.unwrap_or_else(suits)
    }

    /// Named by the time: nothing of a patient is in it.
    fn file(&self, now: &str) -> PathBuf {
        let extension = if self.kind == Kind::Movie { "mp4" } else { "png" };
        PathBuf::from(self.folder.trim()).join(format!("voxcast-{now}.{extension}"))
    }

    fn order(&self, subjects: &[Subject], file: PathBuf, pixels_per_point: f32) -> Option<Order> {
        let first = subjects.first()?;
        let (what, count) = match self.kind {
            Kind::Movie => {
                let even = |n: u32| (n & !1).max(16);
                let size = match self.height {
                    None => first.view.size.map(even),
                    Some(height) => [height * 16 / 9, height].map(even),
                };
                let motion = motion_of(subjects);
                let (pictures, per_second) = (self.pictures(subjects), self.per_second);
                (What::Movie(Movie { motion, pictures, per_second, size }), 1)
            }
            Kind::Active => (What::Picture { scale: 1 + u32::from(self.double) }, 1),
            Kind::All => (What::Picture { scale: 1 + u32::from(self.double) }, subjects.len()),
        };
        let subjects = subjects[..count].to_vec();
        Some(Order { what, subjects, inscription: self.inscription, pixels_per_point, file })
    }
}

/// What suits the viewport.
fn motion_of(subjects: &[Subject]) -> Motion {
    let slice = subjects.first().is_some_and(|subject| subject.view.content == Content::Slice);
    if slice { Motion::Sweep } else { Motion::Rotation }
}

/// A moment as 20261121-134500, universal time.
pub fn stamp(now: std::time::SystemTime) -> String {
    let seconds = now.duration_since(std::time::UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Years that begin in March have their leap day last (Hinnant, chrono-compatible date algorithms).
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}{month:02}{day:02}-{hour:02}{minute:02}{second:02}")
}

#[cfg(test)]
mod tests {
    use super::stamp;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn moments_are_written_as_dates() {
        let at = |seconds| stamp(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0), "19700101-000000");
        assert_eq!(at(951_782_399), "20000228-235959");
        assert_eq!(at(951_782_400), "20000229-000000");
        assert_eq!(at(1_795_305_600), "20261122-000000");
    }
}
