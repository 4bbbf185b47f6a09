//! The menu behind a viewport's title: what it shows, how thick, and how the window is divided.

use eframe::egui::{self, RichText};
use render_core::scene::view::{Combine, Slab};

use super::command::Command;
use super::desk::To;
use super::kind::Kind;
use super::layout::ViewportId;
use super::text::{self, tr};
use super::theme;
use super::viewport::Viewport;

/// Thicknesses to choose from; 0 is a plain cut.
pub const SLABS_MM: [f64; 6] = [0.0, 2.0, 5.0, 10.0, 20.0, 50.0];

pub fn viewport(
    ui: &mut egui::Ui,
    id: ViewportId,
    viewport: Option<&Viewport>,
    others: &[Candidate],
    windows: &Windows,
    watches: bool,
    commands: &mut Vec<Command>,
) {
    ui.set_min_width(200.0);
    if watches {
        // All else is the host's to choose.
        ui.label(RichText::new(tr!("guest-only-watches")).color(theme::weak()));
        ui.separator();
        return into_windows(ui, id, windows, commands);
    }
    if let Some(viewport) = viewport {
        heading(ui, &tr!("show"));
        for kind in Kind::ALL {
            if ui.selectable_label(viewport.kind == kind, kind.name()).clicked() {
                commands.push(Command::ShowKind(id, kind));
                ui.close();
            }
        }
        if viewport.view.content.is_cut() {
            slab(ui, id, viewport.view.slab, commands);
        }
        fusion(ui, id, viewport, others, commands);
        ui.separator();
        entry(ui, &tr!("invert-greys"), "I", Command::Invert, commands);
        if viewport.is_slice() {
            entry(ui, &tr!("flip-left-and-right"), "H", Command::Flip { vertical: false }, commands);
            entry(ui, &tr!("flip-top-and-bottom"), "V", Command::Flip { vertical: true }, commands);
            entry(ui, &tr!("turn-right"), "R", Command::Turn(90.0), commands);
            entry(ui, &tr!("turn-left"), "L", Command::Turn(-90.0), commands);
        }
        if !viewport.view.content.is_cut() {
            entry(ui, &tr!("cut-away-the-front"), "", Command::AddClipPlane(id), commands);
        }
        entry(ui, &tr!("reset"), "Space", Command::Reset, commands);
        ui.separator();
    }
    entry(ui, &tr!("split-side-by-side"), "", Command::Split { id, below: false }, commands);
    entry(ui, &tr!("split-top-and-bottom"), "", Command::Split { id, below: true }, commands);
    ui.separator();
    into_windows(ui, id, windows, commands);
}

fn into_windows(ui: &mut egui::Ui, id: ViewportId, windows: &Windows, commands: &mut Vec<Command>) {
    if !windows.alone {
        entry(ui, &tr!("into-own-window"), "Shift+F", Command::MoveTo(id, To::NewWindow), commands);
    }
    for &number in windows.numbers.iter().filter(|number| Some(**number) != windows.here) {
        let text = tr!("into-window", number = number);
        entry(ui, &text, "", Command::MoveTo(id, To::Window(number)), commands);
    }
    if windows.here.is_some() {
        entry(ui, &tr!("into-main-window"), "Shift+F", Command::MoveTo(id, To::Main), commands);
    }
}

/// The windows beside the main one.
#[derive(Clone, Debug)]
pub struct Windows {
    pub numbers: Vec<u32>,
    /// The one that the menu is in.
    pub here: Option<u32>,
    /// The viewport has a window for itself.
    pub alone: bool,
}

/// Another series that can be laid over one of the same patient space.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub series_id: String,
    pub title: String,
    /// Its Frame of Reference UID.
    pub frame: String,
    /// Whether it is a server's, and lies over others of the server's.
    pub there: bool,
}

fn fusion(
    ui: &mut egui::Ui,
    id: ViewportId,
    viewport: &Viewport,
    others: &[Candidate],
    commands: &mut Vec<Command>,
) {
    let over = viewport.over.as_ref().map(|series| series.series_id.as_str());
    let there = viewport.series.hybrid().is_some();
    let fits = |other: &&Candidate| {
        (other.frame.as_str(), other.there) == (viewport.frame(), there)
            && other.series_id != viewport.series.series_id
    };
    if over.is_none() && !others.iter().any(|other| fits(&other)) {
        return;
    }
    ui.separator();
    ui.menu_button(tr!("lay-over-it"), |ui| {
        if ui.selectable_label(over.is_none(), tr!("nothing")).clicked() {
            commands.push(Command::Fuse(id, None));
            ui.close();
        }
        for other in others.iter().filter(fits) {
            if ui.selectable_label(over == Some(&other.series_id), &other.title).clicked() {
                commands.push(Command::Fuse(id, Some(other.series_id.clone())));
                ui.close();
            }
        }
    });
}

fn slab(ui: &mut egui::Ui, id: ViewportId, slab: Slab, commands: &mut Vec<Command>) {
    ui.separator();
    heading(ui, &tr!("thickness"));
    ui.horizontal(|ui| {
        for thickness_mm in SLABS_MM {
            let text =
                if thickness_mm == 0.0 { tr!("slice").into_owned() } else { format!("{thickness_mm} mm") };
            if ui.selectable_label(slab.thickness_mm == thickness_mm, text).clicked() {
                commands.push(Command::SetSlab(id, Slab { thickness_mm, ..slab }));
            }
        }
    });
    ui.horizontal(|ui| {
        for (combine, name) in
            [(Combine::Maximum, tr!("mip")), (Combine::Minimum, tr!("minip")), (Combine::Mean, tr!("mean"))]
        {
            if ui.selectable_label(slab.combine == combine, name.as_ref()).clicked() {
                commands.push(Command::SetSlab(id, Slab { combine, ..slab }));
            }
        }
    });
}

fn heading(ui: &mut egui::Ui, text: &str) {
    ui.label(RichText::new(text).color(theme::weak()).size(12.5));
}

fn entry(ui: &mut egui::Ui, text: &str, key: &str, command: Command, commands: &mut Vec<Command>) {
    let button = egui::Button::new(text).shortcut_text(RichText::new(text::keys(key)).color(theme::weak()));
    if ui.add(button).clicked() {
        commands.push(command);
        ui.close();
    }
}
