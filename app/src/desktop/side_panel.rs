//! The list of studies and series, with what is wrong with them.

use eframe::egui::{self, Align2, Color32, FontId, Rect, RichText, ScrollArea, Sense, vec2};
use render_core::dicom::Report;

use super::app::{App, file_name};
use super::command::Command;
use super::connection::Connection;
use super::listed::{Series, Study};
use super::loading::{Underway, Work};
use super::text::{self, tr};
use super::{study, theme};

const THUMBNAIL: f32 = 56.0;

/// Letters of a search.
const MOST_SEARCHED: usize = 200;

/// Pixels of a thumbnail's longer side: sharp on a screen with two pixels per point.
pub const THUMBNAIL_PX: u32 = 112;

/// `search` is what was typed to find series by.
pub fn show(app: &App, search: &mut String, ui: &mut egui::Ui, commands: &mut Vec<Command>) {
    // Elsewhere there is more room for it: above the first image, or on the start screen.
    if let Some(underway) = app.underway().filter(|_| !(app.desk.is_empty() || app.shows_preview())) {
        progress(&underway, ui, commands);
        ui.add_space(4.0);
    }
    if app.listed.all().nth(1).is_some() {
        search_field(search, ui);
    } else {
        search.clear();
    }
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        let listed = &app.listed;
        let read = |id: &str| matches!(&app.work, Some(Work::Load { series_id, .. }) if series_id == id);
        let mut found = studies(app, &listed.here, search, read, ui, commands);
        if let Some(connection) = &app.connection {
            server_heading(connection, ui, commands);
            let missing = app.desk.missing();
            let waits = |id: &str| missing.iter().any(|missing| missing == id);
            found |= studies(app, &listed.there, search, waits, ui, commands);
        }
        if !found && !search.is_empty() {
            ui.label(RichText::new(tr!("search-finds-nothing")).color(theme::weak()));
        }
        failed(app, ui);
        recent(app, ui, commands);
    });
}

fn search_field(search: &mut String, ui: &mut egui::Ui) {
    let field = egui::TextEdit::singleline(search)
        .hint_text(tr!("search-studies"))
        .char_limit(MOST_SEARCHED)
        .desired_width(f32::INFINITY)
        .margin(egui::Margin::symmetric(8, 4));
    let response = ui.add(field);
    // Escape leaves the field, and what was looked for.
    if response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Escape)) {
        search.clear();
    }
    response.accessible_name(tr!("search"));
    ui.add_space(6.0);
}

/// What is found of a patient: nothing that is not shown.
fn said_of(name: &str, id: &str, demographics: bool) -> String {
    if demographics { format!("{name}\n{}\n{id}", study::person_name(name)) } else { String::new() }
}

/// Whether each word of a search is somewhere in what is `said` of a series and its study, the date second.
fn matches(search: &str, said: &[&str; 5]) -> bool {
    let said = plain(&format!("{}\n{}", said.join("\n"), study::date(said[1])));
    plain(search).split_whitespace().all(|word| said.contains(word))
}

/// In lower case, and the letters of European names without their marks: `Müller` is found by `muller`.
fn plain(text: &str) -> String {
    const MARKED: [(&str, char); 19] = [
        ("àáâãäåāăą", 'a'),
        ("çćĉċč", 'c'),
        ("ďđ", 'd'),
        ("èéêëēĕėęě", 'e'),
        ("ĝğġģ", 'g'),
        ("ĥħ", 'h'),
        ("ìíîïĩīĭįı", 'i'),
        ("ĵ", 'j'),
        ("ķ", 'k'),
        ("łľĺļ", 'l'),
        ("ñńňņ", 'n'),
        ("òóôõöøőōŏ", 'o'),
        ("řŕŗ", 'r'),
        ("śšşșŝ", 's'),
        ("ťţțŧ", 't'),
        ("ùúûüůűūũŭų", 'u'),
        ("ŵ", 'w'),
        ("ýÿŷ", 'y'),
        ("źżž", 'z'),
    ];
    let letter =
        |c: char| MARKED.iter().find(|(marked, _)| marked.contains(c)).map_or(c, |(_, plain)| *plain);
    let is_mark = |c: &char| ('\u{300}'..='\u{36f}').contains(c);
    text.to_lowercase().chars().filter(|c| !is_mark(c)).map(letter).collect()
}

/// What is being read, how far it is, and a way to stop it, in two rows.
pub fn progress(underway: &Underway, ui: &mut egui::Ui, commands: &mut Vec<Command>) {
    ui.label(progress_text(underway));
    ui.horizontal(|ui| progress_bar(underway.counts, ui, commands));
}

/// The same in one row.
pub fn progress_line(underway: &Underway, ui: &mut egui::Ui, commands: &mut Vec<Command>) {
    ui.horizontal(|ui| {
        ui.label(progress_text(underway));
        progress_bar(underway.counts, ui, commands);
    });
}

fn progress_text(Underway { title, counts }: &Underway) -> String {
    match *counts {
        (_, 0) => format!("{title}…"),
        (done, total) => tr!("progress-of", what = title.as_str(), done = done, total = total).into_owned(),
    }
}

fn progress_bar((done, total): (u64, u64), ui: &mut egui::Ui, commands: &mut Vec<Command>) {
    let part = if total > 0 { done as f32 / total as f32 } else { 0.0 };
    // The button first: its word is longer in some languages.
    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
        if ui.button(tr!("cancel")).on_hover_text(tr!("stop-loading-esc")).clicked() {
            commands.push(Command::CancelLoading);
        }
        let width = ui.available_width().max(40.0);
        let bar = egui::ProgressBar::new(part).desired_width(width).desired_height(10.0);
        ui.add(bar.fill(theme::accent()));
    });
}

/// Studies that are at one place. Returns whether any series fits the search.
fn studies(
    app: &App,
    studies: &[Study],
    search: &str,
    loading: impl Fn(&str) -> bool,
    ui: &mut egui::Ui,
    commands: &mut Vec<Command>,
) -> bool {
    let mut found = false;
    let is_guests = app.is_guests();
    for study in studies {
        let said = said_of(&study.patient.name, &study.patient.id, app.desk.demographics);
        let fits = |series: &&Series| {
            let said = [&said, &study.date, &study.description, &series.description, &series.modality];
            matches(search, &said.map(String::as_str))
        };
        let series: Vec<&Series> = study.series.iter().filter(fits).collect();
        if series.is_empty() {
            continue;
        }
        found = true;
        if study_heading(study, app.desk.demographics, is_guests, ui) {
            commands.push(Command::HangStudy(study.key.clone()));
        }
        for series in series {
            series_row(app, series, loading(&series.id), ui, commands);
        }
        ui.add_space(10.0);
    }
    found
}

/// Whose study it is, and which. Returns whether it is to be shown, which is not for guests to say.
fn study_heading(study: &Study, demographics: bool, is_guests: bool, ui: &mut egui::Ui) -> bool {
    let name = match demographics {
        true => study::patient_title(&study.patient),
        false => tr!("patient-hidden").into_owned(),
    };
    let date = study::date(&study.date);
    let parts = [study.description.as_str(), date.as_str()].into_iter().filter(|part| !part.is_empty());
    let text = parts.collect::<Vec<_>>().join("  ·  ");
    let strong = RichText::new(&name).color(theme::strong()).size(14.5);
    let clicked = if is_guests {
        ui.label(strong);
        false
    } else {
        let button = ui.add(egui::Button::new(strong).frame(false).wrap()).on_hover_text(tr!("show-study"));
        // Several have a patient in common: a screen reader tells them apart.
        button.accessible_name(format!("{}: {name}, {text}", tr!("show-study"))).clicked()
    };
    if !text.is_empty() {
        ui.add(egui::Label::new(RichText::new(text).color(theme::weak()).size(12.5)).truncate());
    }
    ui.add_space(2.0);
    clicked
}

/// Which server the studies below it are on.
fn server_heading(connection: &Connection, ui: &mut egui::Ui, commands: &mut Vec<Command>) {
    ui.horizontal(|ui| {
        ui.label(
            RichText::new(tr!("on-server", server = connection.authority())).color(theme::weak()).size(12.5),
        );
        if ui.small_button(tr!("disconnect")).clicked() {
            commands.push(Command::Disconnect);
        }
    });
}

fn series_row(app: &App, series: &Series, loading: bool, ui: &mut egui::Ui, commands: &mut Vec<Command>) {
    let Series { id, modality, dims: [columns, rows, slices], times, .. } = series;
    let title = series.title();
    let on_screen = app.desk.seen().find(|open| open.is(id));
    let mut size = format!("{modality}  ·  {columns} × {rows} × {slices}");
    if times.len() > 1 {
        size = format!("{size} × {}", times.len());
    }

    let (rect, response) =
        ui.allocate_exact_size(vec2(ui.available_width(), THUMBNAIL + 12.0), Sense::click_and_drag());
    let selected = on_screen.is_some();
    response.widget_info(|| {
        let label = tr!("series-of-size", title = title.as_str(), size = size.as_str());
        egui::WidgetInfo::selected(egui::Role::Button, true, selected, label)
    });
    let fill = if selected {
        theme::accent_fill()
    } else if response.hovered() || response.has_focus() {
        theme::hovered()
    } else {
        Color32::TRANSPARENT
    };
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 5.0, fill);
    let picture = Rect::from_min_size(rect.min + vec2(6.0, 6.0), vec2(THUMBNAIL, THUMBNAIL));
    painter.rect_filled(picture, 3.0, Color32::BLACK);
    match app.thumbnails.get(id) {
        Some(texture) => {
            let [width, height] = texture.size().map(|n| n as f32);
            let fit = vec2(width, height) * (THUMBNAIL / width.max(height).max(1.0));
            let uv = Rect::from_min_max(egui::pos2(0.0, 0.0), egui::pos2(1.0, 1.0));
            painter.image(texture.id(), Rect::from_center_size(picture.center(), fit), uv, Color32::WHITE);
        }
        None => {
            let font = FontId::proportional(12.0);
            painter.text(picture.center(), Align2::CENTER_CENTER, modality, font, theme::weak());
        }
    }
    let left = picture.right() + 10.0;
    let width = rect.right() - left - 6.0;
    let color = if selected { theme::strong() } else { theme::text() };
    let weak = if selected { theme::text() } else { theme::weak() };
    let state = match (loading, selected) {
        (true, _) => tr!("loading"),
        (false, true) => tr!("on-screen"),
        (false, false) => "".into(),
    };
    for (row, (text, color)) in
        [(title.as_str(), color), (size.as_str(), weak), (&state, weak)].into_iter().enumerate()
    {
        let galley =
            egui::WidgetText::from(RichText::new(text).color(color).size(if row == 0 { 13.5 } else { 12.5 }))
                .into_galley(ui, Some(egui::TextWrapMode::Truncate), width, egui::TextStyle::Body);
        painter.galley(egui::pos2(left, picture.top() + 19.0 * row as f32), galley, color);
    }
    response.dnd_set_drag_payload(id.clone());
    if response.on_hover_text(title).clicked() {
        commands.push(Command::LoadSeries(id.clone()));
    }
    if let Some(open) = on_screen {
        self_check(&open.report, ui);
    }
    for warning in on_screen.iter().flat_map(|open| &open.warnings) {
        egui::Frame::new().fill(theme::warning_fill()).corner_radius(4).inner_margin(8).show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.label(RichText::new(study::badge(warning)).color(theme::warning()));
            ui.label(RichText::new(study::sentence(&warning.message)).size(12.5));
        });
    }
}

/// What was found, corrected and cannot be known, folded away.
fn self_check(report: &Report, ui: &mut egui::Ui) {
    let title = match report.millimetres.reason() {
        None => tr!("self-check-good"),
        Some(_) => tr!("self-check-bad"),
    };
    let header = egui::CollapsingHeader::new(RichText::new(title).size(12.5)).id_salt("self-check");
    header.show(ui, |ui| {
        for (name, lines) in [
            (tr!("found"), &report.found),
            (tr!("corrected"), &report.corrected),
            (tr!("not-known"), &report.unknown),
        ] {
            if !lines.is_empty() {
                ui.label(RichText::new(name).color(theme::weak()).size(12.5));
            }
            for line in lines {
                ui.label(RichText::new(study::sentence(line)).size(12.5));
            }
        }
    });
}

fn failed(app: &App, ui: &mut egui::Ui) {
    if app.failed.is_empty() {
        return;
    }
    let title = tr!("files-left-out", count = app.failed.len());
    egui::CollapsingHeader::new(title).id_salt("failed").show(ui, |ui| {
        let height = ui.text_style_height(&egui::TextStyle::Small);
        ScrollArea::vertical().id_salt("failed list").max_height(180.0).show_rows(
            ui,
            height,
            app.failed.len(),
            |ui, rows| {
                for failed in &app.failed[rows] {
                    let reason = text::told_reason(&failed.reason);
                    let text = format!("{}: {reason}", file_name(&failed.path));
                    let label = egui::Label::new(RichText::new(&text).size(12.0)).truncate();
                    let label = label.show_tooltip_when_elided(false);
                    ui.add(label).on_hover_text(format!("{}\n{reason}", failed.path.display()));
                }
            },
        );
    });
}

fn recent(app: &App, ui: &mut egui::Ui, commands: &mut Vec<Command>) {
    if app.recent.paths().is_empty() {
        return;
    }
    let header = egui::CollapsingHeader::new(tr!("recent")).id_salt("recent");
    header.show(ui, |ui| {
        recent_entries(app.recent.paths(), ui, commands);
        if ui.link(RichText::new(tr!("clear-the-list")).size(12.5)).clicked() {
            commands.push(Command::ClearRecent);
        }
    });
}

/// One button per path, the whole path as its tooltip.
pub fn recent_entries(paths: &[std::path::PathBuf], ui: &mut egui::Ui, commands: &mut Vec<Command>) {
    for path in paths {
        let button = egui::Button::new(file_name(path)).truncate().frame(false);
        if ui.add(button).on_hover_text(path.display().to_string()).clicked() {
            commands.push(Command::Open(vec![path.clone()]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_found_by_words_of_what_is_shown_of_them() {
        let patient = said_of("Müller^Ana Łucja", "PID-77", true);
        let said = [patient.as_str(), "20240311", "Thorax nativ", "Lunge 1.0", "CT"];
        for search in [
            "",
            "muller",
            "ANA muller",
            "pid-77 ct",
            "2024-03-11",
            "20240311",
            "thorax lunge",
            "łucja",
            "  lucja ",
        ] {
            assert!(matches(search, &said), "{search}");
        }
        for search in ["meier", "muller mr", "2024-03-12"] {
            assert!(!matches(search, &said), "{search}");
        }
        let hidden = said_of("Müller^Ana", "PID-77", false);
        assert!(!matches("muller", &[hidden.as_str(), "", "", "", "CT"]), "what is hidden is not found");
    }
}
