//! The panel beside the viewports that changes how a volume is drawn: its transfer function over the
//! volume's histogram, light, quality, and what is cut away.

mod clipping;
mod histogram;
mod lighting;
mod look;
mod plot;

use std::sync::Arc;

use eframe::egui::{self, CollapsingHeader, ComboBox, DragValue, Id, RichText, ScrollArea, Ui};
use render_core::scene::track::{Curve, Track};
use render_core::scene::{ColorMap, Content, ViewState};
use render_core::{Outlined, Volume};

use self::histogram::Histogram;
use self::plot::{Axis, Plot};
use super::command::Command;
use super::job::{Job, Poll};
use super::text::{self, tr};
use super::theme;

pub use look::Look;

/// The view that the panel is about.
pub struct Subject<'a> {
    /// Another view has another one.
    pub id: Id,
    pub view: &'a ViewState,
    pub outline: &'a dyn Outlined,
    /// For the histogram, where its voxels are here.
    pub volume: Option<&'a Arc<Volume>>,
    /// How far its cinematic picture is, 0 to 1, while it gathers samples.
    pub refined: Option<f32>,
}

/// What the panel remembers from frame to frame.
#[derive(Debug, Default)]
pub struct LookPanel {
    subject: Option<State>,
    /// What is typed as the name of a preset, while it is asked for.
    naming: Option<String>,
}

/// What it remembers of one view.
#[derive(Debug)]
struct State {
    id: Id,
    volume: Option<Arc<Volume>>,
    job: Option<Job<Histogram>>,
    histogram: Option<Histogram>,
    values: Axis,
    slopes: Axis,
    /// The selected points of the three tracks.
    opacity: Option<usize>,
    color: Option<usize>,
    gradient: Option<usize>,
}

impl State {
    fn new(ctx: &egui::Context, subject: &Subject<'_>) -> Self {
        let job = subject.volume.cloned().map(|volume| {
            Job::aside("histogram", ctx, move |progress, sink| {
                if let Some(histogram) = Histogram::of(&volume, || progress.is_cancelled()) {
                    sink.send(histogram);
                }
            })
        });
        Self {
            id: subject.id,
            volume: subject.volume.cloned(),
            job,
            histogram: None,
            values: first_axis(subject, None),
            slopes: slopes_of(subject.view),
            opacity: None,
            color: None,
            gradient: None,
        }
    }

    fn take_histogram(&mut self, subject: &Subject<'_>) {
        match self.job.as_ref().map(Job::poll) {
            Some(Poll::Result(histogram)) => {
                self.values = first_axis(subject, Some(&histogram));
                self.histogram = Some(histogram);
                self.job = None;
            }
            Some(Poll::Ended) => self.job = None,
            Some(Poll::Pending) | None => {}
        }
    }
}

/// Everything that can be looked at: the volume's values and the curve's points.
fn whole_axis(subject: &Subject<'_>) -> Axis {
    let (low, high) = subject.outline.value_range();
    let (first, last) = subject.view.transfer.span();
    Axis::around(low.min(first), high.max(last))
}

/// What is shown at first: where voxels and points are, without the odd voxel of metal.
fn first_axis(subject: &Subject<'_>, histogram: Option<&Histogram>) -> Axis {
    let (low, high) = histogram.map_or_else(|| subject.outline.value_range(), Histogram::usual_range);
    let (first, last) = subject.view.transfer.span();
    Axis::around(low.min(first), high.max(last))
}

fn slopes_of(view: &ViewState) -> Axis {
    let (first, last) = view.transfer.span();
    let widest = view.transfer.gradient_opacities.as_ref().map_or(0.0, |track| track.span().1);
    Axis { low: 0.0, high: ((last - first) / 2.0).max(widest * 1.2).max(1e-3) }
}

impl LookPanel {
    pub fn show(&mut self, ui: &mut Ui, subject: &Subject<'_>, commands: &mut Vec<Command>) {
        let known = |state: &State| {
            state.id == subject.id
                && state.volume.as_ref().map(Arc::as_ptr) == subject.volume.map(Arc::as_ptr)
        };
        if !self.subject.as_ref().is_some_and(known) {
            self.subject = Some(State::new(ui.ctx(), subject));
            self.naming = None;
        }
        let Some(state) = &mut self.subject else { return };
        state.take_histogram(subject);
        let before = Look::of(subject.view);
        let mut look = before.clone();

        ui.horizontal(|ui| {
            ui.heading(tr!("look-title"));
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                if ui.button("×").on_hover_text(tr!("close")).accessible_name(tr!("look-close")).clicked() {
                    commands.push(Command::ToggleLookPanel);
                }
            });
        });
        ui.horizontal(|ui| {
            // The steps back are those of the whole window.
            if ui.button(tr!("undo")).on_hover_text(tr!("look-undo-hint")).clicked() {
                commands.push(Command::Undo);
            }
            if ui.button(tr!("redo")).on_hover_text(tr!("look-redo-hint")).clicked() {
                commands.push(Command::Redo);
            }
        });
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            transfer(ui, state, subject, &mut look);
            save_as(ui, &mut self.naming, &mut look, commands);
            section(ui, "look-lighting", &tr!("look-lighting"), true, |ui| lighting::lighting(ui, &mut look));
            section(ui, "look-quality", &tr!("look-quality"), false, |ui| {
                lighting::quality(ui, &mut look);
                cinematic(ui, subject, commands);
            });
            section(ui, "look-clip", &tr!("look-clip"), false, |ui| {
                clipping::edit(ui, &mut look.clip, subject.outline.geometry());
            });
        });
        if look != before {
            commands.push(Command::SetLook(Box::new(look)));
        }
    }
}

fn section(ui: &mut Ui, id: &str, title: &str, open: bool, add: impl FnOnce(&mut Ui)) {
    ui.add_space(4.0);
    CollapsingHeader::new(RichText::new(title).strong()).id_salt(id).default_open(open).show(ui, add);
}

fn transfer(ui: &mut Ui, state: &mut State, subject: &Subject<'_>, look: &mut Look) {
    let unit = subject.outline.meaning().unit.clone();
    let whole = whole_axis(subject);
    ui.horizontal(|ui| {
        ui.label(RichText::new(tr!("look-opacity")).color(theme::weak()));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if ui.button(tr!("look-fit")).on_hover_text(tr!("look-fit-hint")).clicked() {
                state.values = first_axis(subject, state.histogram.as_ref());
            }
            let middle = state.values.middle();
            if ui
                .button("−")
                .on_hover_text(tr!("look-zoom-out"))
                .accessible_name(tr!("look-zoom-out"))
                .clicked()
            {
                state.values.zoom(0.5, middle, whole);
            }
            if ui
                .button("+")
                .on_hover_text(tr!("look-zoom-in"))
                .accessible_name(tr!("look-zoom-in"))
                .clicked()
            {
                state.values.zoom(2.0, middle, whole);
            }
        });
    });
    let opacity_name = tr!("look-opacity");
    let plot = Plot {
        id: Id::unique("look opacity"),
        name: &opacity_name,
        unit: &unit,
        height: 150.0,
        histogram: state.histogram.as_ref(),
    };
    let colors = look.transfer.colors.clone();
    let track = &mut look.transfer.opacities;
    plot.edit(ui, &mut state.values, whole, track, Some(&colors), &mut state.opacity);
    point_row(ui, "opacity", track, &mut state.opacity, &unit, whole);

    ui.label(RichText::new(tr!("look-colors")).color(theme::weak()));
    let colors_name = tr!("look-colors");
    let bar =
        Plot { id: Id::unique("look colors"), name: &colors_name, height: 26.0, histogram: None, ..plot };
    bar.edit_colors(ui, &mut state.values, whole, &mut look.transfer.colors, &mut state.color);
    stop_row(ui, look, &mut state.color, &unit, whole);

    section(ui, "look-gradient", &tr!("look-gradient"), look.transfer.gradient_opacities.is_some(), |ui| {
        gradient(ui, state, look, &unit);
    });
}

fn gradient(ui: &mut Ui, state: &mut State, look: &mut Look, unit: &str) {
    let mut used = look.transfer.gradient_opacities.is_some();
    if ui.checkbox(&mut used, tr!("look-gradient-use")).on_hover_text(tr!("look-gradient-hint")).changed() {
        let (first, last) = look.transfer.span();
        let edge = ((last - first) / 10.0).max(1e-3);
        look.transfer.gradient_opacities =
            if used { Track::linear([(0.0, [0.1]), (edge, [1.0])]).ok() } else { None };
        state.gradient = None;
    }
    let Some(track) = &mut look.transfer.gradient_opacities else { return };
    let name = tr!("look-gradient");
    let unit = format!("{unit}/mm");
    let whole = Axis { low: 0.0, high: state.slopes.high.max(track.span().1) * 4.0 };
    let plot =
        Plot { id: Id::unique("look gradient"), name: &name, unit: &unit, height: 84.0, histogram: None };
    plot.edit(ui, &mut state.slopes, whole, track, None, &mut state.gradient);
    point_row(ui, "gradient", track, &mut state.gradient, &unit, whole);
}

/// The selected point by numbers.
fn point_row(
    ui: &mut Ui,
    id: &str,
    track: &mut Track<1>,
    selected: &mut Option<usize>,
    unit: &str,
    whole: Axis,
) {
    *selected = selected.filter(|index| *index < track.points().len());
    let Some(index) = *selected else {
        ui.label(
            RichText::new(tr!("look-none-selected", count = track.points().len()))
                .color(theme::weak())
                .size(12.5),
        );
        return;
    };
    let point = track.points()[index];
    ui.push_id(id, |ui| {
        ui.horizontal_wrapped(|ui| {
            let (mut value, mut percent) = (point.value, point.level[0] * 100.0);
            let field = DragValue::new(&mut value)
                .range(plot::between(track, index, whole))
                .suffix(format!(" {unit}"));
            let moved = ui.add(field).accessible_name(tr!("look-point-value")).changed();
            let field =
                DragValue::new(&mut percent).range(0.0..=100.0).speed(0.5).max_decimals(1).suffix(" %");
            let raised = ui.add(field).accessible_name(tr!("look-point-level")).changed();
            if moved || raised {
                // Fields stay between the neighbours; should one not, the track does.
                let _ = track.move_to(index, value, [percent / 100.0]);
            }
            curve_menu(ui, track, index);
            if remove_button(ui, track, index) {
                *selected = None;
            }
        });
    });
}

/// The selected stop by numbers, or the maps for all of them.
fn stop_row(ui: &mut Ui, look: &mut Look, selected: &mut Option<usize>, unit: &str, whole: Axis) {
    let opacities = look.transfer.opacities.span();
    let track = &mut look.transfer.colors;
    *selected = selected.filter(|index| *index < track.points().len());
    ui.horizontal_wrapped(|ui| {
        if let Some(index) = *selected {
            let point = track.points()[index];
            let mut value = point.value;
            let field = DragValue::new(&mut value)
                .range(plot::between(track, index, whole))
                .suffix(format!(" {unit}"));
            if ui.add(field).accessible_name(tr!("look-stop-value")).changed() {
                let _ = track.move_to(index, value, point.level);
            }
            let mut color = plot::color32(point.level);
            let button = ui.color_edit_button_srgba(&mut color).accessible_name(tr!("look-stop-color"));
            if button.changed() {
                let level = [color.r(), color.g(), color.b()].map(|part| f32::from(part) / 255.0);
                let _ = track.set_level(index, level);
            }
            curve_menu(ui, track, index);
            if remove_button(ui, track, index) {
                *selected = None;
            }
        }
        let (low, high) = track.span();
        let menu = ComboBox::from_id_salt("color map").selected_text(tr!("look-map")).show_ui(ui, |ui| {
            for map in ColorMap::all() {
                let name = map.name.replace('_', " ");
                if ui.selectable_label(false, name).clicked() {
                    // A single stop has no range to spread a map over.
                    let (low, high) = if low < high { (low, high) } else { opacities };
                    if let Ok(colors) = map.over(low, high) {
                        *track = colors;
                    }
                }
            }
        });
        menu.response.on_hover_text(tr!("look-map-hint")).accessible_name(tr!("look-map"));
    });
}

fn curve_menu<const N: usize>(ui: &mut Ui, track: &mut Track<N>, index: usize) {
    let now = track.points()[index].curve;
    let menu =
        ComboBox::from_id_salt("curve").width(84.0).selected_text(plot::curve_name(now)).show_ui(ui, |ui| {
            for curve in [Curve::Linear, Curve::Step, Curve::Smooth] {
                if ui.selectable_label(curve == now, plot::curve_name(curve)).clicked() {
                    let _ = track.set_curve(index, curve);
                }
            }
        });
    menu.response.on_hover_text(tr!("look-curve-hint")).accessible_name(tr!("look-curve-hint"));
}

fn remove_button<const N: usize>(ui: &mut Ui, track: &mut Track<N>, index: usize) -> bool {
    let several = track.points().len() > 1;
    let button =
        ui.add_enabled(several, egui::Button::new(tr!("remove"))).on_hover_text(tr!("look-remove-hint"));
    button.clicked() && track.remove(index).is_ok()
}

/// Back to the preset, and its own look as another one.
fn save_as(ui: &mut Ui, naming: &mut Option<String>, look: &mut Look, commands: &mut Vec<Command>) {
    ui.add_space(4.0);
    ui.horizontal_wrapped(|ui| {
        if let Some(origin) = &look.preset {
            let changed = origin.transfer != look.transfer;
            let back = egui::Button::new(tr!("look-back", preset = text::named(&origin.label)));
            if ui.add_enabled(changed, back).clicked() {
                look.transfer = origin.transfer.clone();
            }
        }
        if naming.is_none() && ui.button(tr!("look-save")).clicked() {
            *naming = Some(String::new());
        }
    });
    let Some(name) = naming else { return };
    let mut done = false;
    ui.horizontal_wrapped(|ui| {
        let label = ui.label(tr!("look-preset-name"));
        let field = egui::TextEdit::singleline(name).desired_width(140.0).char_limit(64);
        let field = ui.add(field).labelled_by(label.id);
        let entered = field.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
        let named = !name.trim().is_empty();
        if (ui.add_enabled(named, egui::Button::new(tr!("save"))).clicked() || entered) && named {
            commands.push(Command::SavePreset(name.trim().to_owned()));
            done = true;
        }
        done |= ui.button(tr!("cancel")).clicked();
    });
    if done {
        *naming = None;
    }
}

fn cinematic(ui: &mut Ui, subject: &Subject<'_>, commands: &mut Vec<Command>) {
    let mut on = subject.view.content == Content::Cinematic;
    if ui.checkbox(&mut on, tr!("look-cinematic")).on_hover_text(tr!("look-cinematic-hint")).changed() {
        commands.push(Command::ToggleCinematic);
    }
    if let Some(share) = subject.refined.filter(|_| subject.view.content == Content::Cinematic) {
        let text = tr!("look-cinematic-progress", percent = format!("{:.0}", share * 100.0));
        ui.add(egui::ProgressBar::new(share).text(text.as_ref()).desired_width(ui.available_width()));
    }
}
