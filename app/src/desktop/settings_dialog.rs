//! The dialog behind `Settings…`.

use std::path::PathBuf;

use eframe::egui::{self, Align, ComboBox, Event, Layout, RichText, ScrollArea, Ui};

use super::command::{Command, SHORTCUTS};
use super::dialogs;
use super::hybrid;
use super::keymap::{Bound, Chord, Keymap};
use super::mouse::{Gesture, Mouse, Press, Turn, Wheel};
use super::settings::{Drawing, RendererChoice, SCALES, Settings};
use super::text::{self, tr};
use super::theme::{self, Theme};

/// Menus that hold sentences, without scrolling.
const WIDE: f32 = 320.0;
const TALL: f32 = 400.0;
/// The widest page, so that all have the same width and a click on a page leaves the others where they are.
const WIDTH: f32 = 780.0;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Page {
    #[default]
    Look,
    Keys,
    Mouse,
    Studies,
    System,
}

#[derive(Debug, Default)]
pub struct SettingsDialog {
    page: Page,
    /// The command that waits for its new key.
    listening: Option<String>,
}

impl SettingsDialog {
    /// Returns false when it is closed. What is changed holds at once.
    pub fn show(&mut self, ctx: &egui::Context, settings: &Settings, commands: &mut Vec<Command>) -> bool {
        let mut open = true;
        let mut next = settings.clone();
        let listens = self.listening.is_some();
        let modal = dialogs::modal(ctx, "settings").show(ctx, |ui| {
            ui.set_width(WIDTH.min(ctx.content_rect().width() - 60.0));
            ui.heading(tr!("settings-title"));
            ui.add_space(6.0);
            ui.horizontal_wrapped(|ui| {
                for (page, name) in [
                    (Page::Look, tr!("settings-look")),
                    (Page::Keys, tr!("settings-keys")),
                    (Page::Mouse, tr!("mouse")),
                    (Page::Studies, tr!("settings-studies")),
                    (Page::System, tr!("settings-system")),
                ] {
                    ui.selectable_value(&mut self.page, page, name.as_ref());
                }
            });
            ui.separator();
            let height = (ctx.content_rect().height() - 190.0).clamp(140.0, 430.0);
            ScrollArea::vertical().min_scrolled_height(height).max_height(height).auto_shrink(false).show(
                ui,
                |ui| match self.page {
                    Page::Look => look(ui, &mut next),
                    Page::Keys => self.keys(ui, &mut next),
                    Page::Mouse => mouse(ui, &mut next.mouse),
                    Page::Studies => studies(ui, &mut next, commands),
                    Page::System => system(ui, &mut next, commands),
                },
            );
            ui.add_space(10.0);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if ui.button(tr!("close")).clicked() {
                    open = false;
                }
                if ui.button(tr!("settings-reset")).on_hover_text(tr!("settings-reset-hint")).clicked() {
                    next = Settings::default();
                }
            });
        });
        if next != *settings {
            commands.push(Command::ChangeSettings(Box::new(next)));
        }
        // Escape ends the waiting for a key first.
        open && (listens || !modal.should_close())
    }

    fn keys(&mut self, ui: &mut Ui, settings: &mut Settings) {
        ui.checkbox(&mut settings.single_keys, tr!("settings-single-keys"));
        ui.label(RichText::new(tr!("settings-single-keys-hint")).color(theme::weak()).size(12.5));
        ui.add_space(6.0);
        let keymap = Keymap::new(&settings.keys, settings.single_keys);
        if let Some(name) = self.listening.clone()
            && let Some(heard) = ui.input_mut(heard_key)
        {
            if let Some(chord) = heard {
                set_keys(settings, &keymap, &name, &[chord]);
            }
            self.listening = None;
        }
        ScrollArea::horizontal().show(ui, |ui| {
            egui::Grid::new("key bindings").num_columns(3).striped(true).spacing([14.0, 4.0]).show(
                ui,
                |ui| {
                    for bound in keymap.bound() {
                        self.key_row(ui, settings, &keymap, bound);
                        ui.end_row();
                    }
                },
            );
        });
    }

    fn key_row(&mut self, ui: &mut Ui, settings: &mut Settings, keymap: &Keymap, bound: &Bound) {
        let what = label_of(keymap, bound);
        ui.label(&what);
        let keys: Vec<String> = bound.chords.iter().map(|chord| text::keys(&chord.to_string())).collect();
        let listening = self.listening.as_deref() == Some(&bound.name);
        let shown = match (listening, keys.is_empty()) {
            (true, _) => tr!("settings-press-key").into_owned(),
            (false, true) => tr!("settings-no-key").into_owned(),
            (false, false) => keys.join(", "),
        };
        let button = ui.add(egui::Button::selectable(listening, shown).min_size([150.0, 0.0].into()));
        let button = button.on_hover_text(tr!("settings-key-hint"));
        let spoken = tr!("settings-key-of", command = what.as_str(), keys = keys.join(", "));
        if button.accessible_name(spoken).clicked() {
            self.listening = Some(bound.name.clone());
        }
        ui.horizontal(|ui| {
            if bound.chords != bound.defaults {
                let name = tr!("settings-key-default-of", command = what.as_str());
                if ui.button(tr!("settings-key-default")).accessible_name(name).clicked() {
                    settings.keys.remove(&bound.name);
                }
            }
            if !keys.is_empty() {
                let name = tr!("settings-key-none-of", command = what.as_str());
                if ui.button(tr!("settings-key-none")).accessible_name(name).clicked() {
                    set_keys(settings, keymap, &bound.name, &[]);
                }
            }
            if let Some(other) = keymap.others_with(bound).next() {
                let text = tr!("settings-key-conflict", command = label_of(keymap, other));
                ui.label(RichText::new(text).color(theme::warning()));
            }
        });
    }
}

/// What a command does, with its first key where a row of the help sheet has several commands.
fn label_of(keymap: &Keymap, bound: &Bound) -> String {
    let what = text::of(SHORTCUTS[bound.shortcut].text);
    let alone = keymap.bound().iter().filter(|other| other.shortcut == bound.shortcut).count() == 1;
    match bound.defaults.first() {
        Some(chord) if !alone => format!("{what} ({})", text::keys(&chord.to_string())),
        _ => what.to_owned(),
    }
}

fn set_keys(settings: &mut Settings, keymap: &Keymap, name: &str, chords: &[Chord]) {
    let Some(bound) = keymap.bound().iter().find(|bound| bound.name == name) else { return };
    if chords == bound.defaults {
        settings.keys.remove(name);
    } else {
        settings.keys.insert(name.to_owned(), chords.iter().map(Chord::to_string).collect());
    }
}

/// The next key, taken from everybody else; `Some(None)` for Escape, which keeps what was.
fn heard_key(input: &mut egui::InputState) -> Option<Option<Chord>> {
    let heard = input.events.iter().find_map(|event| match event {
        Event::Key { key: egui::Key::Escape, pressed: true, .. } => Some(None),
        Event::Key { key, pressed: true, repeat: false, modifiers, .. } => {
            Some(Some(Chord::pressed(*key, *modifiers)))
        }
        _ => None,
    });
    if heard.is_some() {
        input.events.retain(|event| !matches!(event, Event::Key { .. } | Event::Text(_)));
    }
    heard
}

fn look(ui: &mut Ui, settings: &mut Settings) {
    field(ui, &tr!("settings-theme"), |ui, label| {
        let menu =
            ComboBox::from_id_salt("theme").selected_text(theme_name(settings.theme)).show_ui(ui, |ui| {
                for theme in Theme::ALL {
                    ui.selectable_value(&mut settings.theme, theme, theme_name(theme));
                }
            });
        menu.response.labelled_by(label);
    });
    field(ui, &tr!("settings-scale"), |ui, label| {
        let slider = egui::Slider::new(&mut settings.scale_percent, SCALES).step_by(5.0).suffix(" %");
        // While the slider is held the window must not grow under it.
        let slider = slider.update_while_editing(false);
        ui.add(slider).labelled_by(label);
    });
    field(ui, &tr!("settings-language"), |ui, label| {
        let chosen =
            text::LANGUAGES.iter().find(|language| settings.language.as_deref() == Some(language.code));
        let system = tr!("settings-language-system");
        let name = chosen.map_or(system.as_ref(), |language| language.name);
        let menu = ComboBox::from_id_salt("language").selected_text(name).show_ui(ui, |ui| {
            ui.selectable_value(&mut settings.language, None, system.as_ref());
            for language in &text::LANGUAGES {
                ui.selectable_value(&mut settings.language, Some(language.code.to_owned()), language.name);
            }
        });
        menu.response.labelled_by(label);
    });
    ui.checkbox(&mut settings.reduced_motion, tr!("settings-reduced-motion"));
    ui.checkbox(&mut settings.demographics, tr!("settings-demographics"));
}

fn theme_name(theme: Theme) -> std::borrow::Cow<'static, str> {
    match theme {
        Theme::Dark => tr!("settings-theme-dark"),
        Theme::Light => tr!("settings-theme-light"),
        Theme::HighContrast => tr!("settings-theme-contrast"),
    }
}

fn mouse(ui: &mut Ui, mouse: &mut Mouse) {
    ui.label(RichText::new(tr!("settings-mouse-hint")).color(theme::weak()).size(12.5));
    ui.add_space(6.0);
    for gesture in Gesture::ALL {
        let now = mouse.press(gesture);
        field(ui, text::of(gesture.name()), |ui, label| {
            let menu = ComboBox::from_id_salt(gesture.name()).width(WIDE).selected_text(text::of(now.name()));
            let menu = menu.height(TALL).show_ui(ui, |ui| {
                for press in Press::ALL {
                    let entry = egui::Button::selectable(press == now, text::of(press.name()));
                    let entry = ui.add_enabled(mouse.may(gesture, press), entry);
                    if entry.on_disabled_hover_text(tr!("settings-mouse-tool")).clicked() {
                        mouse.set_press(gesture, press);
                    }
                }
            });
            menu.response.labelled_by(label);
        });
    }
    ui.add_space(6.0);
    for wheel in Wheel::ALL {
        let now = mouse.turn(wheel);
        field(ui, text::of(wheel.name()), |ui, label| {
            let menu = ComboBox::from_id_salt(wheel.name()).width(WIDE).selected_text(text::of(now.name()));
            let menu = menu.height(TALL).show_ui(ui, |ui| {
                for turn in Turn::ALL {
                    if ui.selectable_label(turn == now, text::of(turn.name())).clicked() {
                        mouse.set_turn(wheel, turn);
                    }
                }
            });
            menu.response.labelled_by(label);
        });
    }
    ui.add_space(8.0);
    let changed = *mouse != Mouse::default();
    if ui.add_enabled(changed, egui::Button::new(tr!("settings-mouse-reset"))).clicked() {
        *mouse = Mouse::default();
    }
}

fn studies(ui: &mut Ui, settings: &mut Settings, commands: &mut Vec<Command>) {
    ui.checkbox(&mut settings.restore_session, tr!("settings-restore"));
    ui.label(RichText::new(tr!("settings-restore-hint")).color(theme::weak()).size(12.5));
    ui.add_space(6.0);
    ui.checkbox(&mut settings.keep_index, tr!("settings-keep-index"));
    ui.label(RichText::new(tr!("settings-keep-index-hint")).color(theme::weak()).size(12.5));
    if ui.button(tr!("settings-clear-index")).clicked() {
        commands.push(Command::ClearIndex);
    }
    ui.add_space(6.0);
    drawn(ui, commands);
    ui.add_space(6.0);
    let label = ui.label(tr!("settings-protocols"));
    let mut folder =
        settings.hanging_protocols.as_deref().map(|p| p.display().to_string()).unwrap_or_default();
    let field = egui::TextEdit::singleline(&mut folder).desired_width(f32::INFINITY);
    if ui.add(field).labelled_by(label.id).changed() {
        settings.hanging_protocols = (!folder.trim().is_empty()).then(|| PathBuf::from(folder.trim()));
    }
}

/// What was drawn on studies stays on this machine until somebody throws it away, and says so twice.
fn drawn(ui: &mut Ui, commands: &mut Vec<Command>) {
    let id = egui::Id::unique("forget what was drawn");
    let mut asks: bool = ui.data(|data| data.get_temp(id).unwrap_or_default());
    ui.label(tr!("settings-drawn"));
    ui.label(RichText::new(tr!("settings-drawn-hint")).color(theme::weak()).size(12.5));
    ui.horizontal(|ui| {
        if !asks {
            asks = ui.button(tr!("settings-forget-drawn")).clicked();
            return;
        }
        ui.label(RichText::new(tr!("settings-forget-drawn-sure")).color(theme::warning()));
        if ui.button(tr!("cancel")).clicked() {
            asks = false;
        }
        if ui.button(tr!("settings-forget-drawn-yes")).clicked() {
            commands.push(Command::ForgetDrawn);
            asks = false;
        }
    });
    ui.data_mut(|data| data.insert_temp(id, asks));
}

fn system(ui: &mut Ui, settings: &mut Settings, commands: &mut Vec<Command>) {
    field(ui, &tr!("settings-renderer"), |ui, label| {
        let name = |choice| match choice {
            RendererChoice::Automatic => tr!("settings-renderer-automatic"),
            RendererChoice::Processor => tr!("settings-renderer-processor"),
        };
        let menu = ComboBox::from_id_salt("renderer")
            .width(220.0)
            .selected_text(name(settings.renderer))
            .show_ui(ui, |ui| {
                for choice in [RendererChoice::Automatic, RendererChoice::Processor] {
                    ui.selectable_value(&mut settings.renderer, choice, name(choice));
                }
            });
        menu.response.labelled_by(label);
    });
    ui.label(RichText::new(tr!("settings-renderer-hint")).color(theme::weak()).size(12.5));
    ui.add_space(6.0);
    field(ui, &tr!("settings-drawing"), |ui, label| {
        let chosen = hybrid::name(settings.drawing);
        let menu = ComboBox::from_id_salt("drawing").width(220.0).selected_text(chosen).show_ui(ui, |ui| {
            for choice in Drawing::ALL {
                ui.selectable_value(&mut settings.drawing, choice, hybrid::name(choice));
            }
        });
        menu.response.labelled_by(label);
    });
    ui.checkbox(&mut settings.keep_voxels, tr!("settings-keep-voxels"));
    ui.label(RichText::new(tr!("settings-keep-voxels-hint")).color(theme::weak()).size(12.5));
    if ui.button(tr!("settings-clear-voxels")).clicked() {
        commands.push(Command::ClearVoxels);
    }
}

/// A label with its control beside it.
fn field(ui: &mut Ui, name: &str, add: impl FnOnce(&mut Ui, egui::Id)) {
    ui.horizontal(|ui| {
        let left = Layout::left_to_right(Align::Center);
        let label = ui.allocate_ui_with_layout([190.0, theme::TARGET].into(), left, |ui| {
            ui.set_min_width(190.0);
            ui.label(name).id
        });
        add(ui, label.inner);
    });
}
