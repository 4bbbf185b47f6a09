//! The bar above the viewports and the line below them.

use std::borrow::Cow;

use eframe::egui::containers::menu::{MenuButton, MenuConfig, is_in_menu};
use eframe::egui::text::{LayoutJob, TextFormat};
use eframe::egui::{self, Align, ComboBox, DragValue, Layout, PopupCloseBehavior, RichText, TextStyle};
use protocol::message::TransportKind;
use render_core::dicom::Suv;
use render_core::scene::view::Combine;
use render_core::scene::{Content, PresetLibrary, ViewState};
use render_core::{Outlined, Window};
use server_mode::remote::{Coming, State};

use super::app::App;
use super::command::Command;
use super::connecting;
use super::desk::CINE_RATES;
use super::folding::Bar;
use super::hybrid::{self, Hybrid};
use super::layout;
use super::overlay::{axis_position, preset_title, window_text};
use super::settings::Drawing;
use super::text::{self, tr};
use super::theme::{self, Icon};
use super::viewport::Viewport;

/// Most menus fit without scrolling.
const MENU_HEIGHT: f32 = 560.0;

/// How a volume is drawn: what, its name, its hint.
pub const WAYS: [(Content, &str, &str); 5] = [
    (Content::Volume, "Shaded", "Shaded volume (M)"),
    (Content::Cinematic, "Cinematic", "Light of a studio, followed path by path (Shift+C)"),
    (Content::MIP, "MIP", "Maximum intensity projection (M)"),
    (Content::Projection(Combine::Minimum), "MinIP", "Minimum intensity projection"),
    (Content::Projection(Combine::Mean), "Mean", "Mean intensity projection"),
];

/// What the bar has, from left to right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Part {
    List,
    Open,
    Connect,
    Share,
    Grid,
    Cine,
    Time,
    Blend,
    WindowWord,
    Window,
    WindowEnds,
    VolumeWord,
    Volume,
    Rule,
    Measurements,
    Reset,
    View,
    Renderer,
}

/// What goes into the menu where there is no room, first what is told elsewhere or has a key.
const FOLDS: [Part; 14] = [
    Part::WindowWord,
    Part::VolumeWord,
    Part::Connect,
    Part::Share,
    Part::Reset,
    Part::Renderer,
    Part::Rule,
    Part::WindowEnds,
    Part::Measurements,
    Part::Volume,
    Part::Time,
    Part::Blend,
    Part::Open,
    Part::Cine,
];

pub fn show(app: &App, ui: &mut egui::Ui, commands: &mut Vec<Command>) {
    let parts = parts(app);
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        let help = ui.button("?").on_hover_text(tr!("keys-and-mouse-hint"));
        if help.accessible_name(tr!("keys-and-mouse")).clicked() {
            commands.push(Command::ToggleHelp);
        }
        let mut bar = Bar::begin(ui, egui::Id::unique("top bar"), &parts, &FOLDS);
        bar.show(ui, Part::Renderer, |ui| draw(app, Part::Renderer, ui, commands));
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            for &part in parts.iter().filter(|part| **part != Part::Renderer) {
                bar.show(ui, part, |ui| draw(app, part, ui, commands));
            }
            let is_word = |part: &Part| matches!(part, Part::WindowWord | Part::VolumeWord | Part::Rule);
            let folded: Vec<Part> =
                parts.iter().copied().filter(|part| bar.is_folded(*part) && !is_word(part)).collect();
            if !folded.is_empty() {
                more_menu(app, &folded, ui, commands);
            }
            bar.end(ui);
        });
    });
}

/// What there is to be shown now.
fn parts(app: &App) -> Vec<Part> {
    let mut parts = Vec::new();
    parts.extend(app.has_list().then_some(Part::List));
    parts.extend([Part::Open, Part::Connect, Part::Share]);
    if let Some(viewport) = app.desk.active() {
        parts.extend([Part::Grid, Part::Cine]);
        parts.extend(times(viewport).map(|_| Part::Time));
        parts.extend(layer(viewport).map(|_| Part::Blend));
        if app.desk.windowed().is_some() {
            parts.extend([Part::WindowWord, Part::Window, Part::WindowEnds]);
        }
        if app.desk.volume_viewport().is_some() {
            parts.extend([Part::VolumeWord, Part::Volume]);
        }
        parts.extend([Part::Rule, Part::Measurements, Part::Reset, Part::View]);
    }
    parts.push(Part::Renderer);
    parts
}

/// What there is no room for.
fn more_menu(app: &App, folded: &[Part], ui: &mut egui::Ui, commands: &mut Vec<Command>) {
    // Sliders and numbers are dragged in it.
    let config = MenuConfig::new().close_behavior(PopupCloseBehavior::CloseOnClickOutside);
    let button = MenuButton::new(tr!("bar-more").into_owned()).config(config);
    let (button, _) = button.ui(ui, |ui| {
        for &part in folded {
            if matches!(part, Part::WindowEnds) {
                ui.horizontal(|ui| draw(app, part, ui, commands));
            } else {
                draw(app, part, ui, commands);
            }
        }
    });
    button.on_hover_text(tr!("bar-more-hint"));
}

/// A part in the bar or in its menu; dull where it can do nothing, with the reason.
fn draw(app: &App, part: Part, ui: &mut egui::Ui, commands: &mut Vec<Command>) {
    let Some(why) = locked(app, part) else { return draw_part(app, part, ui, commands) };
    let dull = ui.add_enabled_ui(false, |ui| draw_part(app, part, ui, commands));
    let id = egui::Id::unique(("locked", part));
    ui.interact(dull.response.rect, id, egui::Sense::hover()).on_hover_text(why);
}

/// Why a guest cannot use a part: what lies where is its host's, and so is everything else for who only watches.
fn locked(app: &App, part: Part) -> Option<Cow<'static, str>> {
    use Part as P;
    match part {
        P::Grid | P::Cine | P::Time | P::Blend | P::Window | P::WindowEnds | P::Volume | P::Reset
            if app.desk.watches =>
        {
            Some(tr!("guest-only-watches"))
        }
        P::Grid if app.is_guests() => Some(tr!("guest-hosts-grid")),
        _ => None,
    }
}

fn draw_part(app: &App, part: Part, ui: &mut egui::Ui, commands: &mut Vec<Command>) {
    match (part, app.desk.active()) {
        (Part::List, _) => list_button(app, ui, commands),
        (Part::Open, _) => {
            let hint = tr!("open-a-study-ctrl-o-or-drop-it-on-the-window");
            button(&tr!("open-more"), &hint, Command::ShowOpenDialog, ui, commands);
        }
        (Part::Connect, _) => {
            let hint = tr!("show-what-a-server-or-a-colleague-draws-ctrl-k");
            button(&tr!("connect-more"), &hint, Command::ShowConnectDialog, ui, commands);
        }
        (Part::Share, _) => {
            let share = match app.sharing.guests() {
                None => tr!("bar-share"),
                Some(guests) => tr!("bar-sharing", guests = guests),
            };
            button(&share, &tr!("bar-share-hint"), Command::ShowShareDialog, ui, commands);
        }
        (Part::Renderer, _) => renderer_chip(app, ui, commands),
        (Part::Grid, Some(_)) => grid_menu(app, ui, commands),
        (Part::Cine, Some(_)) => cine(app, ui, commands),
        (Part::Time, Some(viewport)) => time(viewport, ui, commands),
        (Part::Blend, Some(viewport)) => blend(viewport, ui, commands),
        (Part::WindowWord, _) => {
            ui.separator();
            ui.label(RichText::new(tr!("window")).color(theme::weak()));
        }
        (Part::Window, Some(_)) => {
            app.desk.windowed().into_iter().for_each(|viewport| window_menu(viewport, ui, commands));
        }
        (Part::WindowEnds, Some(_)) => {
            app.desk.windowed().into_iter().for_each(|viewport| window_ends(viewport, ui, commands));
        }
        (Part::VolumeWord, _) => {
            ui.separator();
            ui.label(RichText::new(tr!("volume")).color(theme::weak()));
        }
        (Part::Volume, Some(_)) => volume_controls(app, ui, commands),
        (Part::Rule, _) => {
            ui.separator();
        }
        (Part::Measurements, Some(_)) => {
            let shown = app.desk.annotate.panel.is_some();
            let hint = tr!("all-that-was-measured-ctrl-m");
            if ui.selectable_label(shown, tr!("measurements")).on_hover_text(hint).clicked() {
                chosen(Command::ToggleMeasurements, ui, commands);
            }
        }
        (Part::Reset, Some(_)) => {
            let hint = tr!("reset-all-viewports-shift-space");
            button(&tr!("reset"), &hint, Command::ResetAll, ui, commands);
        }
        (Part::View, Some(_)) => view_menu(app, ui, commands),
        (_, None) => {}
    }
}

fn button(name: &str, hint: &str, command: Command, ui: &mut egui::Ui, commands: &mut Vec<Command>) {
    if ui.button(name).on_hover_text(hint).clicked() {
        chosen(command, ui, commands);
    }
}

/// A menu that something was chosen from closes.
fn chosen(command: Command, ui: &egui::Ui, commands: &mut Vec<Command>) {
    commands.push(command);
    if is_in_menu(ui) {
        ui.close();
    }
}

fn list_button(app: &App, ui: &mut egui::Ui, commands: &mut Vec<Command>) {
    let button = egui::Button::new("").selected(app.side_panel).min_size(egui::Vec2::splat(theme::TARGET));
    let list = ui.add(button).on_hover_text(tr!("show-or-hide-the-series-ctrl-b"));
    Icon::List.paint(ui.painter(), list.rect.center(), ui.style().interact(&list).text_color());
    if list.accessible_name(tr!("series-list")).clicked() {
        commands.push(Command::ToggleSidePanel);
    }
}

/// A list to choose from: in the bar it shows what is chosen, in its menu it is a menu of its own.
struct Dropdown<'a> {
    salt: &'a str,
    width: f32,
    name: &'a str,
    hint: &'a str,
}

impl Dropdown<'_> {
    fn show(&self, now: String, ui: &mut egui::Ui, entries: impl FnOnce(&mut egui::Ui)) {
        let response = if is_in_menu(ui) {
            ui.menu_button(format!("{}: {now}", self.name), entries).response
        } else {
            let list = ComboBox::from_id_salt(self.salt).selected_text(now).width(self.width).truncate();
            let cut = ui.scope(|ui| {
                ui.set_max_width(self.width);
                list.height(MENU_HEIGHT).show_ui(ui, entries).response
            });
            cut.inner
        };
        response.on_hover_text(self.hint).accessible_name(self.name);
    }
}

/// A table to choose rows and columns from, as large as grids can be.
fn grid_menu(app: &App, ui: &mut egui::Ui, commands: &mut Vec<Command>) {
    // A name is typed in it.
    let config = MenuConfig::new().close_behavior(PopupCloseBehavior::CloseOnClickOutside);
    let (menu, _) = MenuButton::new(tr!("grid").into_owned()).config(config).ui(ui, |ui| {
        if ui.button(tr!("planes-and-volume")).clicked() {
            commands.push(Command::ResetLayout);
            ui.close();
        }
        ui.add_space(4.0);
        egui::Grid::new("grid").spacing([3.0, 3.0]).show(ui, |ui| {
            for rows in 1..=layout::MOST {
                for columns in 1..=layout::MOST {
                    let cell =
                        egui::Button::new(format!("{rows}×{columns}")).min_size(egui::vec2(42.0, 28.0));
                    let name = tr!("rows-and-columns", rows = rows, columns = columns);
                    if ui.add(cell).on_hover_text(name.as_ref()).accessible_name(name).clicked() {
                        commands.push(Command::SetGrid { rows, columns });
                        ui.close();
                    }
                }
                ui.end_row();
            }
        });
        if let Some(hung) = &app.hung {
            ui.separator();
            ui.label(RichText::new(tr!("hanging-protocol-stages-and")).color(theme::weak()).size(12.5));
            for name in &hung.others {
                if ui.selectable_label(*name == hung.protocol, text::named(name)).clicked() {
                    commands.push(Command::Hang(name.clone()));
                    ui.close();
                }
            }
            let keep = ui.menu_button(tr!("keep-this-arrangement-more"), |ui| keep_arrangement(ui, commands));
            keep.response.on_hover_text(tr!("as-a-hanging-protocol-of-your-own-for-studies-with-the-same"));
        }
    });
    menu.on_hover_text(tr!("how-many-viewports-in-rows-and-columns-and-which-series-they"));
}

/// Asks for a name.
fn keep_arrangement(ui: &mut egui::Ui, commands: &mut Vec<Command>) {
    let id = egui::Id::unique("name of the arrangement");
    let mut name: String = ui.data_mut(|data| data.get_temp(id).unwrap_or_default());
    let label = ui.label(tr!("name-of-the-hanging-protocol"));
    let field = ui.text_edit_singleline(&mut name).labelled_by(label.id);
    let entered = field.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
    let keep = ui.add_enabled(!name.trim().is_empty(), egui::Button::new(tr!("keep")));
    if (keep.clicked() || entered) && !name.trim().is_empty() {
        commands.push(Command::KeepArrangement(name.trim().to_owned()));
        name.clear();
        ui.close();
    }
    ui.data_mut(|data| data.insert_temp(id, name));
}

/// Plays slices or times.
fn cine(app: &App, ui: &mut egui::Ui, commands: &mut Vec<Command>) {
    let cine = app.desk.cine;
    let play = ui.selectable_label(cine.is_some(), tr!("cine")).on_hover_text(tr!("play-slices-or-times-c"));
    if play.clicked() {
        commands.push(Command::ToggleCine);
    }
    if let Some(cine) = cine {
        let mut speed = cine.per_second;
        let drag = DragValue::new(&mut speed).range(CINE_RATES).speed(0.25).max_decimals(0).suffix(" /s");
        let response = ui.add(drag).on_hover_text(tr!("pictures-a-second"));
        if response.changed() {
            commands.push(Command::CineSpeed(speed));
        }
    }
}

/// Which time of how many a 4D series shows.
fn times(viewport: &Viewport) -> Option<(u32, usize)> {
    let count = viewport.series.times.len();
    viewport.series.time.filter(|_| count > 1).map(|time| (time, count))
}

fn time(viewport: &Viewport, ui: &mut egui::Ui, commands: &mut Vec<Command>) {
    let Some((time, count)) = times(viewport) else { return };
    let mut number = time + 1;
    let slider = egui::Slider::new(&mut number, 1..=count as u32).text(tr!("of-times", count = count));
    if ui.add(slider).on_hover_text(tr!("time-of-the-4d-series-ctrl-and")).changed() {
        commands.push(Command::StepTime(i64::from(number) - i64::from(time) - 1));
    }
}

/// The modality of a series that lies over another, and how much of it is seen.
fn layer(viewport: &Viewport) -> Option<(&str, f32)> {
    let (over, layer) = (viewport.over.as_ref()?, viewport.view.layers.first()?);
    Some((&over.outline().meaning().modality, layer.opacity))
}

fn blend(viewport: &Viewport, ui: &mut egui::Ui, commands: &mut Vec<Command>) {
    let Some((modality, opacity)) = layer(viewport) else { return };
    let mut percent = opacity * 100.0;
    let slider = egui::Slider::new(&mut percent, 0.0..=100.0).max_decimals(0).suffix(" %").text(modality);
    if ui.add(slider).on_hover_text(tr!("how-much-is-seen", modality = modality)).changed() {
        commands.push(Command::Blend(percent / 100.0));
    }
}

fn window_menu(viewport: &Viewport, ui: &mut egui::Ui, commands: &mut Vec<Command>) {
    let (window, suv) = (viewport.view.window, viewport.series.suv);
    let named = &viewport.series.windows;
    let now = named
        .iter()
        .find(|(_, named)| *named == window)
        .map_or_else(|| tr!("custom").into_owned(), |(name, _)| text::named(name).into_owned());
    let (name, hint) = (tr!("window-preset"), tr!("window-presets-width-centre-1-to-5"));
    Dropdown { salt: "window", width: 138.0, name: &name, hint: &hint }.show(now, ui, |ui| {
        for (name, choice) in named {
            let name = text::named(name);
            let text = match suv {
                Some(_) if name.starts_with("SUV") => name.into_owned(),
                Some(_) => format!("{name}   {}", window_text(*choice, suv)),
                None => format!("{name}   {:.0} / {:.0}", choice.width(), choice.center()),
            };
            if ui.selectable_label(*choice == window, text).clicked() {
                chosen(Command::SetWindow(*choice), ui, commands);
            }
        }
    });
}

/// Width and centre, or what else a window is told by.
fn window_ends(viewport: &Viewport, ui: &mut egui::Ui, commands: &mut Vec<Command>) {
    let window = viewport.view.window;
    if let Some(suv) = viewport.series.suv {
        return suv_ends(window, suv, ui, commands);
    }
    let (mut width, mut center) = (window.width(), window.center());
    let speed = (width / 200.0).max(0.5);
    let width_drag = DragValue::new(&mut width).range(1.0..=1e6).speed(speed).max_decimals(0).prefix("W ");
    let center_drag = DragValue::new(&mut center).range(-1e6..=1e6).speed(speed).max_decimals(0).prefix("L ");
    let unit = &viewport.series.outline().meaning().unit;
    let width_response = ui.add(width_drag).on_hover_text(tr!("width-of-window", unit = unit.as_str()));
    let center_response = ui.add(center_drag).on_hover_text(tr!("centre-of-window", unit = unit.as_str()));
    if width_response.changed() || center_response.changed() {
        commands.push(Command::SetWindow(window.changed(center, width)));
    }
}

/// The ends of a window in the values that the pointer tells.
fn suv_ends(window: Window, suv: Suv, ui: &mut egui::Ui, commands: &mut Vec<Command>) {
    let [mut low, mut high] =
        [-0.5, 0.5].map(|half| (window.center() + half * window.width()) * suv.body_weight);
    let end = |value, prefix| {
        DragValue::new(value).range(-1e4..=1e4).speed(0.05).min_decimals(1).max_decimals(2).prefix(prefix)
    };
    let from = ui.add(end(&mut low, "SUV ")).on_hover_text(tr!("window-from-suv"));
    let to = ui.add(end(&mut high, "– ")).on_hover_text(tr!("window-to-suv"));
    if from.changed() || to.changed() {
        let width = (high - low).max(0.01) / suv.body_weight;
        commands.push(Command::SetWindow(window.changed(low / suv.body_weight + width / 2.0, width)));
    }
}

fn volume_controls(app: &App, ui: &mut egui::Ui, commands: &mut Vec<Command>) {
    let Some(viewport) = app.desk.volume_viewport() else { return };
    let view = &viewport.view;
    preset_menu(view, &app.presets, viewport.series.outline(), ui, commands);
    let now = WAYS
        .iter()
        .find(|(content, ..)| *content == view.content)
        .map_or_else(|| tr!("surface").into_owned(), |(_, name, _)| text::of(name).to_owned());
    let (name, hint) = (tr!("volume-rendering"), tr!("how-the-volume-is-drawn-m-shift-c"));
    Dropdown { salt: "way", width: 96.0, name: &name, hint: &hint }.show(now, ui, |ui| {
        for (content, name, hint) in WAYS {
            let way = ui.selectable_label(view.content == content, text::of(name));
            if way.on_hover_text(text::of(hint)).clicked() {
                chosen(Command::SetVolumeContent(content), ui, commands);
            }
        }
    });
}

fn preset_menu(
    view: &ViewState,
    presets: &PresetLibrary,
    volume: &dyn Outlined,
    ui: &mut egui::Ui,
    commands: &mut Vec<Command>,
) {
    let (name, hint) = (tr!("volume-preset"), tr!("volume-presets-p"));
    Dropdown { salt: "preset", width: 126.0, name: &name, hint: &hint }.show(preset_title(view), ui, |ui| {
        let mut any = false;
        for preset in presets.menu(volume) {
            any = true;
            let is_it = view.preset.as_ref().is_some_and(|origin| origin.name == preset.name);
            if ui.selectable_label(is_it, text::named(&preset.label)).clicked() {
                chosen(Command::SetPreset(preset.name.clone()), ui, commands);
            }
        }
        if !any {
            let modality = &volume.meaning().modality;
            ui.label(tr!("no-presets", modality = modality.as_str()));
        }
    });
}

fn view_menu(app: &App, ui: &mut egui::Ui, commands: &mut Vec<Command>) {
    ui.menu_button(tr!("view"), |ui| {
        let mut entry = |ui: &mut egui::Ui, on: bool, text: &str, key: &str, command: Command| {
            let may = !(app.desk.watches && command.drives());
            let button = egui::Button::selectable(on, text).shortcut_text(text::keys(key));
            let entry = ui.add_enabled(may, button).on_disabled_hover_text(tr!("guest-only-watches"));
            if entry.clicked() {
                commands.push(command);
                ui.close();
            }
        };
        entry(ui, app.desk.demographics, &tr!("patient-s-data"), "D", Command::ToggleDemographics);
        entry(ui, app.desk.reference_lines, &tr!("reference-lines"), "X", Command::ToggleReferenceLines);
        let planes = app.desk.overlay_planes;
        entry(ui, planes, &tr!("overlay-planes"), "Shift+O", Command::ToggleOverlayPlanes);
        entry(ui, app.desk.linked, &tr!("parallel-slices-page-together"), "", Command::ToggleLinked);
        entry(ui, app.desk.pages_spaces(), &tr!("other-spaces-page-along"), "", Command::ToggleSpaces);
        entry(
            ui,
            app.desk.handles,
            &tr!("handles-of-crop-box-and-clip-planes"),
            "Shift+K",
            Command::ToggleHandles,
        );
        entry(ui, app.look_panel.is_some(), &tr!("look-title"), "Shift+P", Command::ToggleLookPanel);
        ui.separator();
        entry(ui, false, &tr!("maximise-the-active-viewport"), "F", Command::ToggleMaximiseActive);
        entry(ui, false, &tr!("planes-and-volume"), "", Command::ResetLayout);
        ui.separator();
        entry(ui, false, &tr!("export-menu"), "Ctrl+E", Command::ShowExport);
        entry(ui, false, &tr!("settings-menu"), "Ctrl+,", Command::ShowSettings);
        ui.separator();
        entry(ui, app.log.is_some(), &tr!("log-title"), "", Command::ToggleLog);
        entry(ui, false, &tr!("about-menu"), "", Command::ToggleAbout);
    });
}

/// Who draws the active series, where a server has it, too: a menu with the choice and what speaks for it.
fn drawing_menu(app: &App, hybrid: &Hybrid, ui: &mut egui::Ui, commands: &mut Vec<Command>) {
    let mut title =
        if app.desk.shows_a_servers() { tr!("drawn-remote") } else { tr!("drawn-local") }.into_owned();
    if let Some(Coming::UnderWay(share)) = hybrid.coming() {
        title += &format!(" · {:.0} %", (share * 100.0).floor());
    }
    let menu = ui.menu_button(RichText::new(title).color(theme::weak()), |ui| {
        ui.set_max_width(340.0);
        ui.strong(tr!("settings-drawing"));
        for drawing in Drawing::ALL {
            if ui.radio(app.settings.drawing == drawing, hybrid::name(drawing)).clicked() {
                commands.push(Command::ChooseDrawing(drawing));
            }
        }
        ui.separator();
        for reason in &hybrid.verdict().reasons {
            ui.label(hybrid::sentence(reason));
        }
        if let Some(Coming::Failed(reason)) = hybrid.coming() {
            ui.label(tr!("voxels-fail", reason = reason));
        }
        let State::Connected { transport, .. } = hybrid.connection.state() else { return };
        ui.separator();
        let stats = hybrid.connection.stats();
        let way = match transport {
            TransportKind::Webrtc => "WebRTC",
            TransportKind::Websocket => "WebSocket",
        };
        let ms = |time: Option<std::time::Duration>| {
            time.map_or_else(|| "–".to_owned(), |time| format!("{:.0}", time.as_secs_f64() * 1e3))
        };
        ui.label(tr!("connected-by", server = hybrid.connection.authority(), way = way));
        ui.label(tr!("round-trip-and-latency", rtt = ms(stats.rtt), latency = ms(stats.latency)));
        let megabits = format!("{:.2}", stats.bits_per_second / 1e6);
        ui.label(tr!("pictures-and-bits", pictures = stats.frames_per_second.round(), megabits = megabits));
    });
    menu.response.on_hover_text(tr!("drawing-menu-hint"));
}

fn renderer_chip(app: &App, ui: &mut egui::Ui, commands: &mut Vec<Command>) {
    if let Some(hybrid) = app.desk.active().and_then(|viewport| viewport.series.hybrid()) {
        return drawing_menu(app, hybrid, ui, commands);
    }
    let renderer = &app.renderer;
    let drawn = renderer.last_drawn();
    let name = match drawn.as_ref().map_or(renderer.name(), |drawn| drawn.by) {
        "gpu" => "GPU",
        "cpu" => "CPU",
        _ => "Reference",
    };
    let instead = drawn.and_then(|drawn| drawn.instead);
    let color = if instead.is_some() { theme::warning() } else { theme::weak() };
    let chip = ui.label(RichText::new(tr!("rendering-by", name = name)).color(color));
    chip.on_hover_ui(|ui| {
        ui.strong(tr!("drawn-by", name = name));
        if let Some(error) = instead {
            ui.colored_label(theme::warning(), error.to_string());
        }
        for reason in renderer.reasons() {
            ui.label(reason);
        }
    });
}

/// What is under the pointer, and what this program is not for.
pub fn show_status(app: &App, ui: &mut egui::Ui) {
    // What is on the right keeps its room; the rest is cut where both do not fit.
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        ui.label(RichText::new(tr!("notice")).color(theme::weak()));
        if let Some(role) = app.connection.as_deref().and_then(connecting::guest_role) {
            ui.label(RichText::new(role).color(theme::text()));
        }
        let state = app.connection.as_ref().map(|connection| connection.state());
        if matches!(state, Some(State::Connected { fell_back: true, .. })) {
            let hint = ui.label(RichText::new("WebSocket").color(theme::weak()));
            hint.on_hover_text(tr!("fell-back-hint"));
        }
        if let Some((shown, all)) = app.series_shown() {
            let text = tr!("series-shown", shown = shown, all = all);
            ui.label(RichText::new(text).color(theme::weak()));
        }
        if let Some(hung) = &app.hung {
            let stage = &hung.stages[hung.stage];
            let (protocol, stage) = (text::named(&hung.protocol), text::named(stage));
            let (number, count) = (hung.stage + 1, hung.stages.len());
            let text = if protocol == stage {
                tr!("stage-alone", stage = stage, number = number, count = count)
            } else {
                tr!("stage-of", protocol = protocol, stage = stage, number = number, count = count)
            };
            let text =
                if app.is_hung_otherwise() { tr!("stage-changed", stage = text.as_ref()) } else { text };
            ui.label(RichText::new(text).color(theme::weak()))
                .on_hover_text(tr!("the-hanging-protocol-and-its-stage"));
        }
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| show_probe(app, ui));
    });
}

/// The same below a side window.
pub fn show_short_status(app: &App, ui: &mut egui::Ui) {
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        ui.label(RichText::new(tr!("notice")).color(theme::weak()));
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| show_probe(app, ui));
    });
}

fn show_probe(app: &App, ui: &mut egui::Ui) {
    let mut text = LayoutJob::default();
    let mut add = |part: String, color| {
        let format = TextFormat::simple(TextStyle::Body.resolve(ui.style()), color);
        text.append(&part, 0.0, format);
    };
    match &app.desk.probe_shown {
        Some(probe) => {
            let value = probe.value.map_or_else(|| "…".to_owned(), value_text);
            add(format!("{value} {}", probe.unit), theme::strong());
            if probe.in_slab {
                add(format!(" ({})", tr!("in-the-middle-of-the-slab")), theme::warning());
            }
            if let Some(position_mm) = probe.position_mm {
                let [x, y, z] = [0, 1, 2].map(|axis| axis_position(position_mm[axis], axis));
                add(format!("   {x}   {y}   {z} mm"), theme::text());
            }
            let [i, j, k] = probe.voxel;
            add(format!("   {}", tr!("voxel-at", i = i, j = j, k = k)), theme::weak());
        }
        None if !app.desk.is_empty() => {
            add(tr!("point-at-a-slice-to-read-its-value").into_owned(), theme::weak());
        }
        None => {}
    }
    ui.add(egui::Label::new(text).truncate());
}

/// Whole numbers as such: a CT value has no decimals.
fn value_text(value: f32) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.3}") }
}
