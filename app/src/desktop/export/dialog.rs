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
    /// The first that suits the viewport where this one does not.
    motion: Option<Motion>,
    /// As many as suit the motion where they were chosen for another.
    pictures: Option<(Motion, u32)>,
    per_second: Option<(Motion, u32)>,
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
            motion: None,
            pictures: None,
            per_second: None,
            height: None,
            folder: folder.display().to_string(),
        }
    }
}

impl ExportDialog {
    /// `subjects` are all viewports, the active one first; `cine` is how many pictures a second are played, where any
    /// are. Returns false when it is closed.
    pub fn show(
        &mut self,
        ctx: &egui::Context,
        subjects: &[Subject],
        cine: Option<f64>,
        now: &str,
        commands: &mut Vec<Command>,
    ) -> bool {
        let mut open = true;
        let modal = dialogs::modal(ctx, "export").show(ctx, |ui| {
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
                Kind::Movie => self.movie(ui, subjects, cine),
            }
            ui.checkbox(&mut self.inscription.overlays, tr!("export-overlays"));
            ui.add_enabled_ui(self.inscription.overlays, |ui| {
                ui.checkbox(&mut self.inscription.patient, tr!("export-patient"));
            });
            // Its room is kept, so that buttons stay where they are.
            let named = self.inscription.overlays && self.inscription.patient;
            let hint = RichText::new(tr!("export-patient-hint")).color(theme::warning());
            ui.add_visible(named, egui::Label::new(hint));
            ui.label(RichText::new(tr!("export-notice-hint")).color(theme::weak()).size(12.5));
            ui.add_space(6.0);
            let label = ui.label(tr!("export-folder"));
            let field = egui::TextEdit::singleline(&mut self.folder).desired_width(f32::INFINITY);
            ui.add(field).labelled_by(label.id);
            let file = self.file(now);
            ui.label(RichText::new(file.display().to_string()).color(theme::weak()).size(12.5));
            ui.add_space(10.0);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let order = self.order(subjects, cine, file, ctx.pixels_per_point());
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

    fn movie(&mut self, ui: &mut Ui, subjects: &[Subject], cine: Option<f64>) {
        let name = |motion| match motion {
            Motion::Rotation => tr!("export-rotation"),
            Motion::Sweep => tr!("export-sweep"),
            Motion::Times => tr!("export-times"),
        };
        let motions = motions_of(subjects);
        let Some(mut motion) = self.motion(&motions) else {
            ui.label(tr!("export-nothing-moves"));
            return;
        };
        match motions.as_slice() {
            [only] => {
                ui.label(name(*only));
            }
            several => {
                for &each in several {
                    ui.radio_value(&mut motion, each, name(each).as_ref());
                }
                self.motion = Some(motion);
            }
        }
        ui.horizontal(|ui| {
            let label = ui.label(tr!("export-pictures"));
            let mut pictures = self.pictures(motion, subjects);
            if ui.add(DragValue::new(&mut pictures).range(2..=MOST_PICTURES)).labelled_by(label.id).changed()
            {
                self.pictures = Some((motion, pictures));
            }
            let label = ui.label(tr!("export-rate"));
            let mut per_second = self.per_second(motion, cine);
            if ui.add(DragValue::new(&mut per_second).range(1..=60)).labelled_by(label.id).changed() {
                self.per_second = Some((motion, per_second));
            }
            let seconds = f64::from(pictures) / f64::from(per_second);
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

    /// What is chosen of those that suit.
    fn motion(&self, motions: &[Motion]) -> Option<Motion> {
        self.motion.filter(|chosen| motions.contains(chosen)).or(motions.first().copied())
    }

    fn pictures(&self, motion: Motion, subjects: &[Subject]) -> u32 {
        let suits = || match (motion, subjects.first()) {
            (Motion::Sweep, Some(subject)) => subject.view.plane.slice_number(subject.series.outline()).1,
            (Motion::Times, Some(subject)) => subject.series.times.len() as i64,
            _ => 180,
        };
        let chosen = self.pictures.filter(|(of, _)| *of == motion).map(|(_, pictures)| pictures);
        chosen.unwrap_or_else(|| suits().clamp(2, i64::from(MOST_PICTURES)) as u32)
    }

    /// As fast as they are played on screen, where nothing else is chosen.
    fn per_second(&self, motion: Motion, cine: Option<f64>) -> u32 {
        let suits = || match motion {
            Motion::Rotation => 30,
            Motion::Sweep | Motion::Times => cine.map_or(15, |cine| cine.round().clamp(1.0, 60.0) as u32),
        };
        self.per_second.filter(|(of, _)| *of == motion).map_or_else(suits, |(_, per_second)| per_second)
    }

    /// Named by the time: nothing of a patient is in it.
    fn file(&self, now: &str) -> PathBuf {
        let extension = if self.kind == Kind::Movie { "mp4" } else { "png" };
        PathBuf::from(self.folder.trim()).join(format!("voxcast-{now}.{extension}"))
    }

    fn order(
        &self,
        subjects: &[Subject],
        cine: Option<f64>,
        file: PathBuf,
        pixels_per_point: f32,
    ) -> Option<Order> {
        let first = subjects.first()?;
        let (what, count) = match self.kind {
            Kind::Movie => {
                let even = |n: u32| (n & !1).max(16);
                let size = match self.height {
                    None => first.view.size.map(even),
                    Some(height) => [height * 16 / 9, height].map(even),
                };
                let motion = self.motion(&motions_of(subjects))?;
                let (pictures, per_second) = (self.pictures(motion, subjects), self.per_second(motion, cine));
                (What::Movie(Movie { motion, pictures, per_second, size }), 1)
            }
            Kind::Active => (What::Picture { scale: 1 + u32::from(self.double) }, 1),
            Kind::All => (What::Picture { scale: 1 + u32::from(self.double) }, subjects.len()),
        };
        let subjects = subjects[..count].to_vec();
        Some(Order { what, subjects, inscription: self.inscription, pixels_per_point, file })
    }
}

/// What suits the viewport, the best first.
fn motions_of(subjects: &[Subject]) -> Vec<Motion> {
    let Some(subject) = subjects.first() else { return Vec::new() };
    let times = (subject.series.times.len() > 1).then_some(Motion::Times);
    let space = match subject.view.content {
        Content::Slice => {
            let (_, slices) = subject.view.plane.slice_number(subject.series.outline());
            (slices > 1).then_some(Motion::Sweep)
        }
        Content::Curved => None,
        _ => Some(Motion::Rotation),
    };
    times.into_iter().chain(space).collect()
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
