//! A bar of one row: what there is no room for is left out or goes into a menu.

use std::collections::HashMap;
use std::hash::Hash;

use eframe::egui;

use super::text;

/// The button of the menu, in points with the gap behind it; longer words than these two languages' are cut.
const MENU: f32 = 78.0;

/// What the parts of a bar took when they were last drawn, in points with the gaps behind them, and in which language.
#[derive(Clone, Debug)]
pub struct Bar<P: 'static> {
    id: egui::Id,
    language: &'static str,
    widths: HashMap<P, f32>,
    /// What goes first where there is no room.
    order: &'static [P],
    /// What is left out, or in the menu.
    folded: Vec<P>,
    room: f32,
}

impl<P: Copy + Eq + Hash + Send + Sync> Bar<P> {
    /// A row for these parts, as wide as there is room.
    pub fn begin(ui: &egui::Ui, id: egui::Id, parts: &[P], order: &'static [P]) -> Self {
        let (language, room) = (text::language(), ui.available_width());
        let last: Option<Self> = ui.data(|data| data.get_temp(id));
        // In another language, everything is measured anew.
        let last = last.filter(|bar| bar.language == language);
        let mut widths = last.map(|bar| bar.widths).unwrap_or_default();
        widths.retain(|part, _| parts.contains(part));
        let folded = fold(&widths, room, order);
        Self { id, language, widths, order, folded, room }
    }

    pub fn is_folded(&self, part: P) -> bool {
        self.folded.contains(&part)
    }

    /// Draws a part of the row, unless it is folded.
    pub fn show(&mut self, ui: &mut egui::Ui, part: P, draw: impl FnOnce(&mut egui::Ui)) {
        if self.is_folded(part) {
            return;
        }
        let reached = |ui: &egui::Ui| {
            if ui.layout().prefer_right_to_left() { -ui.cursor().right() } else { ui.cursor().left() }
        };
        let before = reached(ui);
        draw(ui);
        self.widths.insert(part, reached(ui) - before);
    }

    /// Keeps what was measured. A row that has come out too long, or could have held more, is drawn anew before anybody
    /// sees it.
    pub fn end(self, ui: &egui::Ui) {
        if fold(&self.widths, self.room, self.order) != self.folded {
            ui.ctx().request_discard("parts of a bar have other widths than before");
        }
        ui.data_mut(|data| data.insert_temp(self.id, self));
    }
}

/// What does not fit in so many points.
fn fold<P: Copy + Eq + Hash>(widths: &HashMap<P, f32>, mut room: f32, order: &[P]) -> Vec<P> {
    let mut width: f32 = widths.values().sum();
    let mut folded = Vec::new();
    for part in order {
        if width <= room {
            break;
        }
        if let Some(took) = widths.get(part) {
            if folded.is_empty() {
                room -= MENU;
            }
            width -= took;
            folded.push(*part);
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: &[char] = &['w', 'c', 'r'];

    /// One pass of a bar of such parts, and what of them it showed.
    fn pass(ctx: &egui::Context, room: f32, parts: &[(char, f32)]) -> String {
        let mut shown = String::new();
        let screen = egui::Rect::from_min_size(egui::Pos2::ZERO, egui::vec2(room, 100.0));
        let input = egui::RawInput { screen_rect: Some(screen), ..Default::default() };
        let output = ctx.run_ui(input, |ui| {
            // The last pass is the one that is seen.
            shown.clear();
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = 0.0;
                let names: Vec<char> = parts.iter().map(|(name, _)| *name).collect();
                let mut bar = Bar::begin(ui, egui::Id::unique("bar"), &names, ORDER);
                for &(name, width) in parts {
                    bar.show(ui, name, |ui| {
                        ui.allocate_space(egui::vec2(width, 20.0));
                        shown.push(name);
                    });
                }
                bar.end(ui);
            });
        });
        output.drop_without_applying_deltas();
        shown
    }

    #[test]
    fn a_row_never_shows_more_than_it_has_room_for_and_all_of_it_where_it_has() {
        let ctx = egui::Context::default();
        let parts = [('o', 100.0), ('w', 50.0), ('c', 100.0), ('r', 100.0), ('g', 100.0)];
        assert_eq!(pass(&ctx, 450.0, &parts), "owcrg", "all at the first sight of them");
        assert_eq!(pass(&ctx, 449.0, &parts), "org", "the menu needs room, too");
        assert_eq!(pass(&ctx, 300.0, &parts), "og");
        assert_eq!(pass(&ctx, 450.0, &parts), "owcrg", "what was folded comes back");
        // A part that becomes wider as it is shown, as a number does, never pushes others out of sight.
        let wider = [('o', 101.0), ('w', 50.0), ('c', 100.0), ('r', 100.0), ('g', 100.0)];
        assert_eq!(pass(&ctx, 450.0, &wider), "org");
        // What is gone needs no room.
        assert_eq!(pass(&ctx, 450.0, &wider[1..]), "wcrg");
    }
}
