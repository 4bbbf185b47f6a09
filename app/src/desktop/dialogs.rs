//! What lies over the viewports or instead of them: messages, the start screen, opening, help.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use eframe::egui::{self, Align, Color32, Layout, RichText, vec2};
use server_mode::remote::State;

use super::app::App;
use super::command::{Command, SHORTCUTS};
use super::connection::Connection;
use super::job::Job;
use super::keymap::Keymap;
use super::mouse::Mouse;
use super::recent::Recent;
use super::text::{self, tr};
use super::{side_panel, theme};

/// Messages of which at least this many details are hidden behind a heading.
const DETAILS_SHOWN: usize = 2;

/// One strip per message, above the viewports.
pub fn messages(app: &App, ui: &mut egui::Ui, commands: &mut Vec<Command>) {
    for (index, message) in app.messages.iter().enumerate() {
        let fill = if message.good { theme::accent_fill() } else { theme::error_fill() };
        let frame = egui::Frame::new().fill(fill).inner_margin(egui::Margin::symmetric(12, 6));
        egui::Panel::top(egui::Id::unique("message").with(index)).frame(frame).show(ui, |ui| {
            ui.horizontal(|ui| {
                ui.with_layout(Layout::right_to_left(Align::Min), |ui| {
                    if ui.button(tr!("dismiss")).clicked() {
                        commands.push(Command::DismissMessage(index));
                    }
                    ui.with_layout(Layout::top_down(Align::Min), |ui| {
                        ui.add_space(3.0);
                        ui.label(RichText::new(&message.text).color(theme::strong()));
                        details(index, &message.details, ui);
                    });
                });
            });
        });
    }
}

fn details(index: usize, details: &[String], ui: &mut egui::Ui) {
    let lines = |ui: &mut egui::Ui, lines: &[String]| {
        for line in lines {
            ui.label(RichText::new(line).color(theme::text()).size(12.5));
        }
    };
    if details.len() <= DETAILS_SHOWN {
        lines(ui, details);
        return;
    }
    egui::CollapsingHeader::new(tr!("details-counted", count = details.len())).id_salt(index).show(
        ui,
        |ui| {
            let height = ui.text_style_height(&egui::TextStyle::Body);
            egui::ScrollArea::vertical().id_salt(index).max_height(160.0).show_rows(
                ui,
                height,
                details.len(),
                |ui, rows| lines(ui, &details[rows]),
            );
        },
    );
}

/// Shown while nothing is on screen.
pub fn start_screen(app: &App, ui: &mut egui::Ui, commands: &mut Vec<Command>) {
    let height = ui.available_height();
    ui.vertical_centered(|ui| {
        ui.add_space(height * 0.3);
        if let Some(underway) = app.underway() {
            ui.set_max_width(340.0);
            side_panel::progress(&underway, ui, commands);
            return;
        }
        if let Some(connection) = &app.connection
            && waiting_for_server(connection, ui)
        {
            return;
        }
        ui.label(RichText::new(tr!("open-a-study")).size(26.0).color(theme::strong()));
        ui.add_space(6.0);
        ui.label(
            RichText::new(tr!("drop-a-folder-with-dicom-files-here-or-choose-one")).color(theme::weak()),
        );
        ui.add_space(18.0);
        let open = egui::Button::new(RichText::new(tr!("open-more")).size(15.0).color(theme::strong()))
            .fill(theme::accent_fill())
            .min_size(vec2(150.0, 36.0));
        if ui.add(open).clicked() {
            commands.push(Command::ShowOpenDialog);
        }
        if app.has_session() {
            ui.add_space(8.0);
            let reopen = ui.button(tr!("session-reopen")).on_hover_text(tr!("session-reopen-hint"));
            if reopen.clicked() {
                commands.push(Command::ReopenSession);
            }
        }
        if !app.recent.paths().is_empty() {
            ui.add_space(30.0);
            ui.label(RichText::new(tr!("recent")).color(theme::weak()));
            let first = &app.recent.paths()[..app.recent.paths().len().min(6)];
            side_panel::recent_entries(first, ui, commands);
        }
    });
}

/// Shown while nothing of a server's is on screen. Returns false where there is no server; the strip above tells that.
fn waiting_for_server(connection: &Connection, ui: &mut egui::Ui) -> bool {
    let text = match connection.state() {
        State::Connecting => {
            ui.spinner();
            return true;
        }
        State::Connected { .. } if connection.library().is_empty() => tr!("server-shows-nothing"),
        State::Connected { .. } => tr!("choose-a-servers-series"),
        _ => return false,
    };
    ui.label(RichText::new(text).size(15.0).color(theme::text()));
    true
}

/// Dims the window while files hang over it.
pub fn drop_hint(ctx: &egui::Context) {
    if ctx.input(|input| input.raw.hovered_files.is_empty()) {
        return;
    }
    let layer = egui::LayerId::new(egui::Order::Foreground, egui::Id::unique("drop hint"));
    let painter = ctx.layer_painter(layer);
    let rect = ctx.content_rect();
    painter.rect_filled(rect, 0.0, Color32::from_black_alpha(190));
    let font = egui::FontId::proportional(24.0);
    painter.text(rect.center(), egui::Align2::CENTER_CENTER, tr!("drop-to-open"), font, theme::strong());
}

pub(super) fn modal(ctx: &egui::Context, name: &str) -> egui::Modal {
    let frame = egui::Frame::new()
        .fill(theme::panel())
        .stroke(egui::Stroke::new(1.0, theme::line()))
        .corner_radius(8)
        .inner_margin(20);
    // An area keeps the size that it once had, so it is measured anew in a window of another size.
    let (id, size) = (egui::Id::unique(name), ctx.content_rect().size());
    let before = ctx.data_mut(|data| std::mem::replace(data.get_temp_mut_or(id, size), size));
    let area = egui::Modal::default_area(id).sizing_pass(before != size);
    egui::Modal::new(id).area(area).frame(frame).backdrop_color(Color32::from_black_alpha(130))
}

/// The dialog behind `Open…`.
#[derive(Debug, Default)]
pub struct OpenDialog {
    path: String,
    shown: bool,
    /// The system has no file dialog.
    pub only_paths: bool,
}

impl OpenDialog {
    /// Returns false when it is closed.
    pub fn show(&mut self, ctx: &egui::Context, recent: &Recent, commands: &mut Vec<Command>) -> bool {
        let mut open = true;
        let modal = modal(ctx, "open dialog").show(ctx, |ui| {
            ui.set_width(520.0);
            ui.heading(tr!("open-a-study"));
            ui.add_space(6.0);
            ui.horizontal(|ui| {
                if ui.button(tr!("choose-a-folder-more")).clicked() {
                    commands.push(Command::PickFolder);
                }
                if ui.button(tr!("choose-files-more")).clicked() {
                    commands.push(Command::PickFiles);
                }
            });
            if self.only_paths {
                ui.colored_label(theme::warning(), tr!("no-file-dialog"));
            }
            ui.add_space(8.0);
            let label = ui.label(tr!("path-of-a-folder-a-file-or-a-dicomdir"));
            let field = egui::TextEdit::singleline(&mut self.path)
                .hint_text("/data/study")
                .desired_width(f32::INFINITY)
                .margin(egui::Margin::symmetric(8, 6));
            let field = ui.add(field).labelled_by(label.id);
            if !std::mem::replace(&mut self.shown, true) {
                field.request_focus();
            }
            let entered = field.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
            if !recent.paths().is_empty() {
                ui.add_space(8.0);
                ui.label(RichText::new(tr!("recent")).color(theme::weak()));
                side_panel::recent_entries(&recent.paths()[..recent.paths().len().min(6)], ui, commands);
            }
            ui.add_space(12.0);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let path = self.path.trim();
                let go = ui
                    .add_enabled(!path.is_empty(), egui::Button::new(tr!("open")).fill(theme::accent_fill()));
                if (go.clicked() || entered) && !path.is_empty() {
                    commands.push(Command::Open(vec![PathBuf::from(path)]));
                    open = false;
                }
                if ui.button(tr!("close")).clicked() {
                    open = false;
                }
            });
        });
        open && !modal.should_close()
    }
}

/// What was chosen in the system's file dialog; `None` where the system has shown none.
pub type Picked = Option<Vec<PathBuf>>;

/// Asks the system's file dialog for folders on a thread, so the window goes on.
pub fn pick_folder(ctx: &egui::Context) -> Job<Picked> {
    let dialog = rfd::AsyncFileDialog::new().set_title(tr!("open-a-study")).pick_folders();
    picked(ctx, async { dialog.await.unwrap_or_default() })
}

/// As `pick_folder`, for one folder that files are saved in.
pub fn pick_folder_to_save(ctx: &egui::Context) -> Job<Picked> {
    let dialog = rfd::AsyncFileDialog::new().set_title(tr!("folder-to-save-in")).pick_folder();
    picked(ctx, async { dialog.await.into_iter().collect() })
}

/// As `pick_folder`, for single files.
pub fn pick_files(ctx: &egui::Context) -> Job<Picked> {
    let dialog = rfd::AsyncFileDialog::new().set_title(tr!("open-dicom-files")).pick_files();
    picked(ctx, async { dialog.await.unwrap_or_default() })
}

fn picked(
    ctx: &egui::Context,
    dialog: impl Future<Output = Vec<rfd::FileHandle>> + Send + 'static,
) -> Job<Picked> {
    /// Nobody sees a dialog and closes it as soon as that: there was none. The library does not tell.
    const AT_ONCE: Duration = Duration::from_millis(150);
    Job::start("file dialog", ctx, move |_, sink| {
        let start = Instant::now();
        let handles = pollster::block_on(dialog);
        let none = handles.is_empty() && start.elapsed() < AT_ONCE;
        sink.send((!none).then(|| handles.iter().map(|handle| handle.path().to_owned()).collect()));
    })
}

/// The sheet of keys and gestures. Returns false when it is closed.
pub fn help(ctx: &egui::Context, keymap: &Keymap, mouse: &Mouse) -> bool {
    const COLUMN: f32 = 560.0;
    const GAP: f32 = 24.0;
    let room = ctx.content_rect().size() - vec2(80.0, 160.0);
    let columns = columns((room.x / (COLUMN + GAP)) as usize);
    let modal = modal(ctx, "help").show(ctx, |ui| {
        // With a scroll bar beside them.
        let width = columns.len() as f32 * (COLUMN + GAP) + GAP;
        ui.set_width(room.x.min(width));
        ui.heading(tr!("keys-and-mouse"));
        ui.add_space(8.0);
        // As high as there is room from the first frame on, and only a narrow window scrolls it sideways.
        let sheet = egui::ScrollArea::new([room.x < width, true]).auto_shrink([false, true]);
        sheet.min_scrolled_height(room.y).max_height(room.y).show(ui, |ui| {
            ui.horizontal_top(|ui| {
                ui.spacing_mut().item_spacing.x = 0.0;
                for (column, part) in columns.into_iter().enumerate() {
                    ui.vertical(|ui| {
                        ui.set_width(COLUMN);
                        keys(column, part, keymap, ui);
                    });
                    ui.add_space(GAP);
                }
            });
            ui.add_space(12.0);
            egui::Grid::new("mouse").num_columns(3).spacing([24.0, 5.0]).show(ui, |ui| {
                for heading in [tr!("mouse"), tr!("on-slices"), tr!("on-the-volume")] {
                    ui.label(RichText::new(heading).color(theme::weak()));
                }
                ui.end_row();
                for [gesture, slices, volume] in mouse.sheet() {
                    ui.strong(text::of(gesture));
                    ui.label(text::of(slices));
                    ui.label(text::of(volume));
                    ui.end_row();
                }
            });
        });
        ui.add_space(12.0);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| ui.button(tr!("close")).clicked()).inner
    });
    !modal.inner && !modal.should_close()
}

/// The shortcuts in columns of about the same length, up to two. A group stays together.
fn columns(most: usize) -> Vec<std::ops::Range<usize>> {
    let groups: Vec<usize> = SHORTCUTS.chunk_by(|a, b| a.group == b.group).map(<[_]>::len).collect();
    // A line for each, and one for its heading.
    let lines = |group: usize| group + 1;
    let count = most.clamp(1, 2);
    let longest = groups.iter().map(|&group| lines(group)).sum::<usize>().div_ceil(count);
    let (mut parts, mut first, mut end, mut filled) = (Vec::new(), 0, 0, 0);
    for group in groups {
        // More of it would stick out than there is room left.
        let left = longest.saturating_sub(filled);
        if filled > 0 && lines(group) > 2 * left && parts.len() + 1 < count {
            parts.push(first..end);
            (first, filled) = (end, 0);
        }
        end += group;
        filled += lines(group);
    }
    parts.push(first..end);
    parts
}

fn keys(column: usize, part: std::ops::Range<usize>, keymap: &Keymap, ui: &mut egui::Ui) {
    egui::Grid::new(("keys", column)).num_columns(2).spacing([18.0, 5.0]).show(ui, |ui| {
        let mut group = "";
        for index in part {
            let shortcut = &SHORTCUTS[index];
            if shortcut.group != group {
                group = shortcut.group;
                ui.label(RichText::new(text::of(group)).color(theme::weak()));
                ui.end_row();
            }
            ui.strong(text::keys(keymap.changed_keys(index).as_deref().unwrap_or(shortcut.keys)));
            ui.label(text::of(shortcut.text));
            ui.end_row();
        }
    });
}
