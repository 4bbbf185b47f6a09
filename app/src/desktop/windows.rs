//! The windows beside the main one, for other monitors.
//!
//! They are drawn with the main window, of whose state they are a part (egui calls that immediate viewports): the
//! main window is drawn anew whenever something happens in one of them. eframe gives them no AccessKit.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use eframe::egui::{self, ViewportBuilder, ViewportCommand, ViewportId};

use super::app::App;
use super::command::{self, Command};
use super::desk::{Monitor, Place};
use super::menu::Candidate;
use super::text::tr;
use super::{palette, theme, top_bar};

impl App {
    pub(super) fn show_windows(
        &mut self,
        ctx: &egui::Context,
        frame: &eframe::Frame,
        candidates: &[Candidate],
        commands: &mut Vec<Command>,
    ) {
        let numbers: Vec<u32> = self.desk.windows.keys().copied().collect();
        for number in numbers {
            let builder = self.builder(ctx, frame, number);
            let mut is_there = false;
            let shown = catch_unwind(AssertUnwindSafe(|| {
                ctx.show_viewport_immediate(window_id(number), builder, |ui, _| {
                    is_there = true;
                    self.show_window(ui, number, candidates, commands);
                });
            }));
            match shown {
                Ok(()) => {}
                // egui panics where the system gives no window, before anything of ours has run.
                Err(_) if !is_there => {
                    self.desk.close_window(number);
                    self.tell(tr!("window-not-opened").into_owned(), Vec::new());
                    ctx.request_repaint();
                }
                Err(panic) => resume_unwind(panic),
            }
        }
    }

    /// How a window was opened: as it says that every time, the user may move it.
    fn builder(&mut self, ctx: &egui::Context, frame: &eframe::Frame, number: u32) -> ViewportBuilder {
        let title = tr!("window-title", number = number);
        let known = self.desk.windows.get(&number).and_then(|window| window.opened.clone());
        if let Some(known) = known {
            return known.with_title(title);
        }
        let monitors = monitors(frame);
        let others: Vec<Place> = self.desk.windows.values().filter_map(|window| window.place).collect();
        let main = ctx.input(place);
        let wanted = self.desk.windows.get(&number).and_then(|window| window.wanted);
        let place = match wanted {
            Some(place) => place.clamped(&monitors),
            None => Place::beside(main, &monitors, &others),
        };
        // Points of the monitor that it opens on.
        let scale = place.monitor(&monitors).map_or(1.0, |monitor| monitor.scale) as f32 * ctx.zoom_factor();
        let [width, height] = place.size.map(|pixels| pixels as f32 / scale);
        let mut builder = ViewportBuilder::default()
            .with_title(title)
            .with_app_id("voxcast")
            .with_inner_size([width, height])
            .with_min_inner_size([240.0, 200.0])
            .with_maximized(place.maximised);
        if let Some(at) = place.at {
            builder = builder.with_position(at.map(|pixels| pixels as f32 / scale));
        }
        if let Some(window) = self.desk.windows.get_mut(&number) {
            window.opened = Some(builder.clone());
        }
        builder
    }

    fn show_window(
        &mut self,
        ui: &mut egui::Ui,
        number: u32,
        candidates: &[Candidate],
        commands: &mut Vec<Command>,
    ) {
        let ctx = ui.ctx().clone();
        let (closes, now, entered) = ctx.input(|input| {
            let entered = input.events.contains(&egui::Event::WindowFocused(true));
            (input.viewport().close_requested(), place(input), entered)
        });
        if closes {
            self.desk.close_window(number);
            return ctx.request_repaint_of(ViewportId::ROOT);
        }
        if let Some(window) = self.desk.windows.get_mut(&number) {
            window.place = Some(now);
        }
        if entered {
            self.desk.enter_window(number);
        }
        let focus = self.key_focus(&ctx, Some(number));
        let (before, after) = command::pressed(&ctx, focus, &self.keymap);
        for command in before {
            self.run_in_window(&ctx, command);
        }
        let height = ui.available_height() - 16.0;
        let margin = egui::Margin::symmetric(palette::MARGIN as i8, 8);
        egui::Panel::left(egui::Id::unique(("tools", number)))
            .exact_size(palette::width(height))
            .resizable(false)
            .frame(egui::Frame::new().fill(theme::panel()).inner_margin(margin))
            .show(ui, |ui| palette::show(&self.desk, height, ui, commands));
        egui::Panel::bottom(egui::Id::unique(("status", number)))
            .frame(egui::Frame::new().fill(theme::panel()).inner_margin(egui::Margin::symmetric(10, 4)))
            .show(ui, |ui| top_bar::show_short_status(self, ui));
        egui::CentralPanel::default().frame(egui::Frame::new().fill(egui::Color32::BLACK)).show(ui, |ui| {
            self.desk.show(ui, Some(number), &self.renderer, candidates, commands);
        });
        self.desk.annotate.show_naming(&ctx);
        for command in after {
            self.run_in_window(&ctx, command);
        }
    }

    /// Dialogs belong to the main window, which comes to the front for them.
    fn run_in_window(&mut self, ctx: &egui::Context, command: Command) {
        let before = self.has_dialog();
        self.run(ctx, command);
        if self.has_dialog() && !before {
            ctx.send_viewport_cmd_to(ViewportId::ROOT, ViewportCommand::Focus);
        }
        ctx.request_repaint();
    }

    fn has_dialog(&self) -> bool {
        let opening = self.open_dialog.is_some() || self.connect_dialog.is_some() || self.sharing.is_shown;
        self.main_dialog() || self.help || opening
    }
}

fn window_id(number: u32) -> ViewportId {
    ViewportId::from_hash_of(("side window", number))
}

/// Where a window is, as far as the system tells.
fn place(input: &egui::InputState) -> Place {
    let scale = input.pixels_per_point();
    let pixels = |points: f32| (points * scale).round();
    let info = input.viewport();
    let size = info.inner_rect.unwrap_or_else(|| input.content_rect()).size();
    let at = info.outer_rect.map(|rect| [pixels(rect.min.x) as i32, pixels(rect.min.y) as i32]);
    let size = [pixels(size.x) as u32, pixels(size.y) as u32];
    Place { at, size, maximised: info.maximized == Some(true) }
}

fn monitors(frame: &eframe::Frame) -> Vec<Monitor> {
    let Some(window) = frame.winit_window() else { return Vec::new() };
    window
        .available_monitors()
        .map(|monitor| Monitor {
            at: monitor.position().into(),
            size: monitor.size().into(),
            scale: monitor.scale_factor(),
        })
        .collect()
}
