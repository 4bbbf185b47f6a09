//! The panel beside the viewports: measurements, segments, and what is done with them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use eframe::egui::{self, Color32, Rangef, RichText, ScrollArea, Sense, Ui, vec2};
use reading::{Annotation, Edit, Id, Segment, Values};
use render_core::dicom::Suv;

use super::super::command::Command;
use super::super::job::{Job, Poll};
use super::super::study::OpenSeries;
use super::super::text::{self, tr};
use super::super::{study, theme};
use super::hosted::Theirs;
use super::{Annotate, BRUSHES};

/// What the panel keeps between frames.
#[derive(Default)]
pub struct Panel {
    /// Values that are marked as a whole, by series.
    ranges: HashMap<String, (f32, f32)>,
    /// What was found in segments, for this revision of their labels.
    found: Vec<Found>,
    job: Option<Job<Vec<Found>>>,
    /// How high the rows of the table are, for this width of it in points.
    heights: HashMap<Id, f32>,
    /// The same of what a host has drawn, in its order.
    hosted_heights: Vec<f32>,
    width: f32,
}

/// Rows are laid out so far beyond what is seen of the table, in points: the keyboard finds the next one, and
/// a scroll comes to nothing empty.
const NEAR: f32 = 400.0;
/// The unit of SUVs, after a number.
const SUV: &str = " SUVbw";
/// How high a row is that was never laid out.
const ROW: f32 = 40.0;

/// What a segment holds.
#[derive(Clone)]
struct Found {
    series: String,
    revision: u64,
    number: u8,
    values: Option<Values>,
}

/// What the panel is about, beside what was drawn.
pub struct About<'a> {
    /// All series in memory.
    pub open: &'a [Arc<OpenSeries>],
    /// Of the active viewport.
    pub active: Option<&'a Arc<OpenSeries>>,
    /// All series that are listed, by their ids.
    pub known: &'a [String],
    /// What people call the series on which something was drawn.
    pub titles: &'a HashMap<String, String>,
    pub undo: Option<&'a str>,
    pub redo: Option<&'a str>,
    /// Objects of the study that may be added: their names and paths.
    pub objects: &'a [(String, PathBuf)],
}

impl Annotate {
    pub fn show_panel(&mut self, ui: &mut Ui, about: &About<'_>, commands: &mut Vec<Command>) {
        let Some(mut panel) = self.panel.take() else { return };
        ui.horizontal(|ui| {
            ui.heading(tr!("measurements"));
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                if ui
                    .button("×")
                    .on_hover_text(tr!("close"))
                    .accessible_name(tr!("close-the-measurements"))
                    .clicked()
                {
                    commands.push(Command::ToggleMeasurements);
                }
            });
        });
        ui.horizontal_wrapped(|ui| {
            let any = !self.reading.is_empty();
            if ui
                .add_enabled(any, egui::Button::new(tr!("save-more")))
                .on_hover_text(tr!("as-dicom-objects-or-csv"))
                .clicked()
            {
                commands.push(Command::ShowSaveReading);
            }
            ui.add_enabled_ui(!about.objects.is_empty(), |ui| {
                let menu = ui.menu_button(tr!("add-from-the-study"), |ui| {
                    for (name, path) in about.objects {
                        if ui.button(name).clicked() {
                            commands.push(Command::LoadObject(path.clone()));
                            ui.close();
                        }
                    }
                });
                menu.response.on_hover_text(tr!("objects-that-can-be-added"));
            });
            let mut shown = !self.hidden;
            if ui
                .checkbox(&mut shown, tr!("show"))
                .on_hover_text(tr!("annotations-on-the-pictures"))
                .changed()
            {
                self.toggle_hidden();
            }
            for (name, keys, what, command) in [
                (tr!("undo"), "Ctrl+Z", about.undo, Command::Undo),
                (tr!("redo"), "Ctrl+Y", about.redo, Command::Redo),
            ] {
                let button = ui.add_enabled(what.is_some(), egui::Button::new(name.as_ref()));
                let hint =
                    format!("{name}: {} ({})", text::named(what.unwrap_or_default()), text::keys(keys));
                if button.on_hover_text(hint).clicked() {
                    commands.push(command);
                }
            }
        });
        ui.separator();
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            self.table(ui, about, &mut panel, commands);
            self.hosted_table(ui, about, &mut panel.hosted_heights);
            ui.add_space(10.0);
            if let Some(active) = about.active {
                self.segments(ui, active, &mut panel);
            }
        });
        self.panel = Some(panel);
    }

    fn table(&mut self, ui: &mut Ui, about: &About<'_>, panel: &mut Panel, commands: &mut Vec<Command>) {
        if panel.width != ui.available_width() {
            panel.width = ui.available_width();
            panel.heights.clear();
            panel.hosted_heights.clear();
        }
        let near = ui.clip_rect().y_range().expand(NEAR);
        let listed = |a: &&Annotation| about.known.contains(&a.series);
        let mut annotations: Vec<Annotation> =
            self.reading.annotations().iter().filter(listed).cloned().collect();
        // Series by series, in the order in which they were drawn on first.
        let mut series: Vec<String> = Vec::new();
        for annotation in &annotations {
            if !series.contains(&annotation.series) {
                series.push(annotation.series.clone());
            }
        }
        annotations.sort_by_key(|annotation| series.iter().position(|id| *id == annotation.series));
        if annotations.is_empty() {
            ui.label(RichText::new(tr!("nothing-measured-yet")).color(theme::weak()));
        }
        let mut edits: Vec<(&str, Edit)> = Vec::new();
        let mut rename: Option<Id> = None;
        let mut heading = None;
        for annotation in &annotations {
            if heading.replace(&annotation.series) != Some(&annotation.series)
                && let Some(title) = about.titles.get(&annotation.series).filter(|_| series.len() > 1)
            {
                ui.add_space(4.0);
                ui.label(RichText::new(title).strong());
            }
            let selected = self.editor.selected() == Some(annotation.id);
            let top = ui.cursor().top();
            let height = panel.heights.get(&annotation.id).copied().unwrap_or(ROW);
            if !selected && !near.intersects(Rangef::new(top, top + height)) {
                ui.allocate_space(vec2(1.0, height));
                continue;
            }
            let open = about.open.iter().find(|open| open.series_id == annotation.series);
            let values = match open {
                Some(open) => self.values(annotation, open, ui.ctx()),
                None => self.known_values(annotation.id).cloned(),
            };
            let row = ui.push_id(annotation.id, |ui| {
                ui.horizontal(|ui| {
                    let text = row_text(&name_of(annotation), annotation, values.as_ref(), open);
                    let [r, g, b] = annotation.color;
                    let (dot, _) = ui.allocate_exact_size(vec2(10.0, 18.0), Sense::hover());
                    ui.painter().circle_filled(dot.center(), 4.5, Color32::from_rgb(r, g, b));
                    ui.with_layout(egui::Layout::right_to_left(egui::Align::TOP), |ui| {
                        let name = name_of(annotation);
                        let small =
                            |text: &str| egui::Button::new(text).min_size(egui::Vec2::splat(theme::TARGET));
                        let delete = ui.add(small("×")).on_hover_text(tr!("delete-backspace"));
                        if delete.accessible_name(tr!("delete-named", name = name.as_str())).clicked() {
                            edits.push(("Delete", Edit::remove(annotation.id)));
                        }
                        let edit = ui.add(small("Aa")).on_hover_text(tr!("change-the-label"));
                        if edit.accessible_name(tr!("rename-named", name = name.as_str())).clicked() {
                            rename = Some(annotation.id);
                        }
                        let mut visible = annotation.visible;
                        let show = ui.checkbox(&mut visible, "").on_hover_text(tr!("show-on-the-pictures"));
                        if show.accessible_name(tr!("show-named", name = name.as_str())).changed() {
                            let changed = Annotation { visible, ..annotation.clone() };
                            edits.push(("Show or hide", Edit::put(changed)));
                        }
                        let width = ui.available_width();
                        ui.with_layout(egui::Layout::top_down(egui::Align::Min), |ui| {
                            ui.set_width(width);
                            let row = egui::Button::selectable(selected, text).wrap();
                            if ui.add(row).on_hover_text(tr!("show-its-slice")).clicked() {
                                self.editor.select(Some(annotation.id));
                                commands.push(Command::JumpTo(annotation.id));
                            }
                            if selected && let Some(values) = &values {
                                details(ui, values, open);
                            }
                        });
                    });
                });
            });
            panel.heights.insert(annotation.id, row.response.rect.height());
        }
        for (name, edit) in edits {
            self.perform(name, edit);
        }
        if let Some(id) = rename {
            self.begin_naming(id);
        }
    }

    /// What a guest's host has drawn, to be read only. `heights` are those of its rows; only those near what is seen of
    /// the table are laid out.
    fn hosted_table(&self, ui: &mut Ui, about: &About<'_>, heights: &mut Vec<f32>) {
        let near = ui.clip_rect().y_range().expand(NEAR);
        let gap = ui.spacing().item_spacing.y;
        let mut skipped = 0.0;
        let skip = |ui: &mut Ui, skipped: &mut f32| {
            let height = std::mem::take(skipped);
            if height > 0.0 {
                ui.allocate_space(vec2(1.0, height - gap));
            }
        };
        for (n, theirs) in self.hosted.all().enumerate() {
            if n == 0 {
                ui.add_space(10.0);
                ui.heading(tr!("host-drawings"));
            }
            if heights.len() <= n {
                heights.push(ROW);
            }
            let top = ui.cursor().top() + skipped;
            if !near.intersects(Rangef::new(top, top + heights[n])) {
                skipped += heights[n] + gap;
                continue;
            }
            skip(ui, &mut skipped);
            let Theirs { annotation, values, .. } = theirs;
            let open = about.open.iter().find(|open| open.series_id == annotation.series);
            // What has no numbers here has none to wait for.
            let text = row_text(theirs.name(self.hosted.is_named()), annotation, Some(values), open);
            let [r, g, b] = annotation.color;
            let row = ui.horizontal_top(|ui| {
                let (dot, _) = ui.allocate_exact_size(vec2(10.0, 18.0), Sense::hover());
                ui.painter().circle_filled(dot.center(), 4.5, Color32::from_rgb(r, g, b));
                ui.add(egui::Label::new(text).wrap());
            });
            heights[n] = row.response.rect.height();
        }
        skip(ui, &mut skipped);
    }

    fn segments(&mut self, ui: &mut Ui, active: &Arc<OpenSeries>, panel: &mut Panel) {
        ui.horizontal(|ui| {
            ui.heading(tr!("segments"));
            if ui.button(tr!("add")).on_hover_text(tr!("add-a-segment-to-paint")).clicked() {
                self.add_segment(active);
            }
        });
        panel.take_found();
        let series = active.series_id.clone();
        let segmentation = self.reading.segmentation(&series);
        let mut segments: Vec<Segment> = segmentation.map(|s| s.segments().to_vec()).unwrap_or_default();
        let revision = segmentation.map_or(0, reading::Segmentation::revision);
        let before = segments.clone();
        let mut remove = None;
        for segment in &mut segments {
            ui.push_id(("segment", segment.number), |ui| {
                ui.horizontal(|ui| {
                    let mut color = segment.color;
                    ui.color_edit_button_srgb(&mut color).on_hover_text(tr!("colour"));
                    segment.color = color;
                    let chosen = self.editor.segment == segment.number;
                    let radio = ui.radio(chosen, "").on_hover_text(tr!("paint-this-one"));
                    if radio.accessible_name(tr!("paint-named", name = segment.name.as_str())).clicked() {
                        self.editor.segment = segment.number;
                    }
                    let name = egui::TextEdit::singleline(&mut segment.name)
                        .char_limit(reading::MAX_LABEL)
                        .desired_width(110.0);
                    ui.add(name).accessible_name(tr!("name-of-the-segment"));
                    let show =
                        ui.checkbox(&mut segment.visible, "").on_hover_text(tr!("show-on-the-pictures"));
                    show.accessible_name(tr!("show-named", name = segment.name.as_str()));
                    let delete = ui.button("×").on_hover_text(tr!("remove-the-segment"));
                    if delete.accessible_name(tr!("remove-named", name = segment.name.as_str())).clicked() {
                        remove = Some(segment.number);
                    }
                });
                let found = panel.found.iter().find(|found| {
                    (found.series.as_str(), found.revision, found.number)
                        == (&series, revision, segment.number)
                });
                if let Some(values) = found.and_then(|found| found.values.as_ref()) {
                    let text = value_lines(values).join(", ");
                    ui.label(RichText::new(text).color(theme::weak()).size(12.5));
                }
            });
        }
        if segments != before {
            self.perform(
                "Change segment",
                Edit::Segments { series: series.clone(), segments: segments.clone() },
            );
        }
        if let Some(number) = remove {
            self.remove_segment(&series, number, ui.ctx());
        }
        if segments.is_empty() {
            return;
        }
        if ui.button(tr!("measure-segments")).on_hover_text(tr!("volume-and-values-of-each")).clicked() {
            panel.measure(self, active, ui.ctx());
        }
        ui.add_space(4.0);
        self.brush(ui, active.suv);
        self.range(ui, active, panel);
        if let Some((what, progress)) = self.work() {
            let (done, total) = progress.counts();
            let text = match total {
                0 => format!("{what}…"),
                _ => tr!("progress-of", what = what, done = done, total = total).into_owned(),
            };
            let mut cancel = false;
            ui.horizontal(|ui| {
                ui.label(text);
                cancel = ui.button(tr!("cancel")).clicked();
            });
            if cancel {
                self.cancel_work();
            }
        }
    }

    fn brush(&mut self, ui: &mut Ui, suv: Option<Suv>) {
        let brush = &mut self.editor.brush;
        let slider = egui::Slider::new(&mut brush.radius_mm, BRUSHES).logarithmic(true).suffix(" mm");
        ui.add(slider.text(tr!("brush-radius"))).on_hover_text(tr!("smaller-and-larger-with-brackets"));
        ui.checkbox(&mut brush.ball, tr!("ball")).on_hover_text(tr!("paints-neighbouring-slices"));
        let grow = match suv {
            Some(_) => egui::DragValue::new(&mut self.grow_by_suv).range(0.0..=1e3).speed(0.02).suffix(SUV),
            None => egui::DragValue::new(&mut self.grow_by).range(0.0..=1e6).speed(1.0),
        };
        ui.horizontal(|ui| {
            ui.label(tr!("grow-within-plus-minus"));
            ui.add(grow).on_hover_text(tr!("of-the-value-pressed-on")).accessible_name(tr!("grow-within"));
        });
    }

    fn range(&mut self, ui: &mut Ui, active: &Arc<OpenSeries>, panel: &mut Panel) {
        let (low, high) = active.outline().value_range();
        let middle = low + (high - low) * 0.5;
        let (mut from, mut to) = panel.ranges.get(&active.series_id).copied().unwrap_or((middle, high));
        let before = (from, to);
        // In what the pointer tells.
        let (scale, unit, speed) = match active.suv {
            Some(suv) => (suv.body_weight, SUV.trim_start(), 0.02),
            None => (1.0, active.outline().meaning().unit.as_str(), 1.0),
        };
        let end = |ui: &mut Ui, value: &mut f32, name: Cow<'static, str>| {
            let mut told = f64::from(*value) * scale;
            let field = egui::DragValue::new(&mut told).speed(speed).max_decimals(2);
            if ui.add(field).accessible_name(name).changed() {
                *value = (told / scale) as f32;
            }
        };
        ui.horizontal(|ui| {
            ui.label(tr!("values-from"));
            end(ui, &mut from, tr!("lowest-value"));
            ui.label(tr!("up-to"));
            end(ui, &mut to, tr!("highest-value"));
            ui.label(unit);
        });
        if (from, to) != before {
            panel.ranges.insert(active.series_id.clone(), (from, to));
        }
        let mut within = self.editor.brush.within.is_some();
        ui.checkbox(&mut within, tr!("paint-only-these-values"));
        self.editor.brush.within = within.then_some((from, to));
        ui.horizontal(|ui| {
            if ui.button(tr!("mark-all")).on_hover_text(tr!("mark-all-hint")).clicked() {
                self.mark_range(active, (from, to), ui.ctx());
            }
        });
    }
}

impl Panel {
    fn take_found(&mut self) {
        match self.job.as_ref().map(Job::poll) {
            Some(Poll::Result(found)) => {
                self.found = found;
                self.job = None;
            }
            Some(Poll::Ended) => self.job = None,
            Some(Poll::Pending) | None => {}
        }
    }

    fn measure(&mut self, annotate: &Annotate, open: &Arc<OpenSeries>, ctx: &egui::Context) {
        let Some(segmentation) = annotate.reading.segmentation(&open.series_id).cloned() else { return };
        let open = Arc::clone(open);
        self.job = Some(Job::aside("segments", ctx, move |progress, sink| {
            let source = super::source(&open);
            let mut found = Vec::new();
            for segment in segmentation.segments() {
                let Ok(values) = segmentation.statistics(segment.number, &source, progress) else { return };
                let (series, revision) = (open.series_id.clone(), segmentation.revision());
                found.push(Found { series, revision, number: segment.number, values });
            }
            sink.send(found);
        }));
    }
}

fn name_of(annotation: &Annotation) -> String {
    if annotation.label.is_empty() {
        text::of(annotation.kind.name()).to_owned()
    } else {
        annotation.label.clone()
    }
}

/// What was measured, in the window's language.
pub fn value_lines(values: &Values) -> Vec<String> {
    values.lines_in(|measure| text::of(measure.name()))
}

fn row_text(
    name: &str,
    annotation: &Annotation,
    values: Option<&Values>,
    open: Option<&Arc<OpenSeries>>,
) -> String {
    let mut text = name.to_owned();
    if let Some(open) = open {
        let plane = super::plane_of(annotation);
        let (number, count) = plane.slice_number(open.outline());
        text.push_str(&format!("  ·  {}", tr!("slice-of", number = number, count = count)));
    } else {
        text.push_str(&format!("  ·  {}", tr!("series-not-open")));
    }
    let lines = values.map(value_lines).unwrap_or_default();
    if !lines.is_empty() {
        text.push('\n');
        text.push_str(&lines.join(",  "));
    } else if values.is_none() && open.is_some() {
        text.push_str(&format!("\n{}", tr!("measuring")));
    }
    text
}

/// The histogram, where lengths come from, and why they may be in pixels.
fn details(ui: &mut Ui, values: &Values, open: Option<&Arc<OpenSeries>>) {
    let weak = |text: String| RichText::new(text).color(theme::weak()).size(12.5);
    if let Some(doubt) = &values.doubt {
        ui.label(RichText::new(study::sentence(doubt)).color(theme::warning()).size(12.5));
    } else if let Some(open) = open.filter(|_| values.quantities.iter().any(|q| q.unit.starts_with("mm"))) {
        ui.label(weak(tr!("lengths-by", source = text::named(open.spacing_source)).into_owned()));
    }
    if values.histogram.is_empty() {
        return;
    }
    let (rect, response) =
        ui.allocate_exact_size(vec2(ui.available_width().min(260.0), 48.0), Sense::hover());
    response
        .widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, tr!("histogram-of-the-region")));
    let most = values.histogram.iter().copied().max().unwrap_or(1).max(1) as f32;
    let width = rect.width() / values.histogram.len() as f32;
    for (i, &count) in values.histogram.iter().enumerate() {
        let height = rect.height() * count as f32 / most;
        let corner = rect.left_bottom() + vec2(width * i as f32, -height);
        let bar = egui::Rect::from_min_size(corner, vec2((width - 0.5).max(0.5), height));
        ui.painter().rect_filled(bar, 0.0, theme::accent());
    }
    let end = |measure| values.get(measure).map(reading::Quantity::text).unwrap_or_default();
    ui.horizontal(|ui| {
        ui.label(weak(end(reading::Measure::Minimum)));
        ui.label(weak(tr!("up-to").into_owned()));
        ui.label(weak(end(reading::Measure::Maximum)));
    });
}
