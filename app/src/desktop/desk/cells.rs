//! The desk as its layout shows it.

use std::collections::BTreeMap;

use eframe::egui;

use super::super::text::tr;
use super::Want;
use crate::desktop::annotate::Annotate;
use crate::desktop::command::Command;
use crate::desktop::guest;
use crate::desktop::layout::{Happened, Heading, Show, ViewportId};
use crate::desktop::menu::{self, Candidate, Windows};
use crate::desktop::viewport::{Effect, Scenery, Viewport};
use crate::desktop::{overlay, theme};

pub(super) struct Cells<'a> {
    pub viewports: &'a mut BTreeMap<ViewportId, Viewport>,
    pub annotate: &'a mut Annotate,
    pub wanted: &'a [(ViewportId, Want)],
    /// Whether a host's views are shown.
    pub is_mirror: bool,
    /// What is open, to be laid over others: id, name and patient space.
    pub others: &'a [Candidate],
    /// The window that this is in, and the others.
    pub windows: Windows,
    pub scenery: &'a Scenery<'a>,
    pub effects: Vec<(ViewportId, Effect)>,
    pub happened: Vec<(ViewportId, Happened)>,
    pub commands: &'a mut Vec<Command>,
}

impl Show for Cells<'_> {
    fn heading(&self, id: ViewportId) -> Heading {
        match self.viewports.get(&id) {
            Some(viewport) => viewport.heading(self.scenery.several_series),
            None => Heading {
                title: tr!("empty").into_owned(),
                color: theme::line(),
                hint: tr!("what-this-viewport-shows-nothing").into_owned(),
            },
        }
    }

    fn menu(&mut self, ui: &mut egui::Ui, id: ViewportId) {
        let watches = self.scenery.watches;
        menu::viewport(ui, id, self.viewports.get(&id), self.others, &self.windows, watches, self.commands);
    }

    fn viewport(&mut self, ui: &mut egui::Ui, id: ViewportId) {
        let rect = ui.available_rect_before_wrap();
        match self.viewports.get_mut(&id) {
            Some(viewport) => {
                let effects = viewport.show(ui, self.scenery, self.annotate);
                self.effects.extend(effects.into_iter().map(|effect| (id, effect)));
            }
            None => {
                let text = match guest::hosted(id) {
                    None if self.is_mirror => tr!("host-shows-nothing-here"),
                    Some(_) if self.is_mirror => tr!("loading"),
                    _ if self.wanted.iter().any(|(of, _)| *of == id) => tr!("loading"),
                    _ => tr!("drag-a-series-here"),
                };
                overlay::centered(&ui.painter_at(rect), rect, &text, theme::OVERLAY_WEAK);
                let response = ui.interact(rect, egui::Id::unique((id, "empty")), egui::Sense::click());
                response.widget_info(|| {
                    egui::WidgetInfo::labeled(egui::Role::Image, true, tr!("empty-viewport"))
                });
                if response.clicked() {
                    self.happened.push((id, Happened::Activated));
                }
            }
        }
        // A series that is dragged here from the list.
        let dropped = ui.interact(rect, egui::Id::unique((id, "drop")), egui::Sense::hover());
        if dropped.dnd_hover_payload::<String>().is_some() {
            let stroke = egui::Stroke::new(2.0, theme::accent());
            ui.painter().rect_stroke(rect.shrink(1.0), 2.0, stroke, egui::StrokeKind::Inside);
        }
        if let Some(series_id) = dropped.dnd_release_payload::<String>() {
            self.commands.push(Command::LoadInto(id, (*series_id).clone()));
        }
    }

    fn is_active(&self, id: ViewportId) -> bool {
        self.scenery.active == id
    }

    fn happened(&mut self, id: ViewportId, what: Happened) {
        self.happened.push((id, what));
    }
}
