//! What the reader draws: the tools in viewports, what was drawn on the pictures, and the panel beside them.
//!
//! ```text
//! mouse, keys -> Annotate -> reading::Editor -> Done -> Desk's history
//!                   `-> shapes on pictures, masks, values (worked out on threads), Panel
//! ```

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use eframe::egui;
use reading::{
    Annotation, Edit, Editor, Id, Input, Key, Kind, Outcome, Painted, Pixel, Placement, Reading, Run,
    SegmentId, Segmentation, Source, Tool, Values,
};
use render_core::scene::ViewState;
use render_core::scene::view::Plane;
use render_core::{Outlined, Progress, Volume};
use server_mode::remote::State;

use super::connection::Connection;
use super::job::{Job, Poll};
use super::layout::ViewportId;
use super::study::OpenSeries;
use super::text::{self, tr};

mod files;
mod hosted;
mod icons;
mod kept;
mod mask;
mod paint;
mod panel;
mod solid;
mod veil;
mod window;

pub use files::Saving;
pub use hosted::Seen;
pub use icons::paint as paint_icon;
pub use mask::{Maker, Mask, OPACITY as MASK_OPACITY, Segments};
pub use paint::{Drawn, paint_drawn};
pub use panel::Panel;
pub use solid::OPACITY as SOLID_OPACITY;
pub use window::Files;

/// Points within which something is taken hold of.
const TOLERANCE: f64 = 7.0;
/// Regions of more samples are measured on a thread of their own.
const QUICK: f64 = 15_000.0;
/// Regions that are measured at a time.
const MOST_JOBS: usize = 4;
/// A server that has not measured something is asked again after this time, ever more seldom.
const FIRST_PAUSE_S: f64 = 2.0;
const LONGEST_PAUSE_S: f64 = 60.0;
/// Brushes in mm.
const BRUSHES: std::ops::RangeInclusive<f64> = 0.5..=100.0;

/// Something that was done, by name, with the edit that takes it back.
#[derive(Debug)]
pub struct Done {
    pub name: String,
    pub edit: Edit,
    pub merge: Option<u64>,
}

/// A slice that is drawn on.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    pub view: &'a ViewState,
    pub series: &'a OpenSeries,
    pub pixels_per_point: f64,
}

impl<'a> Target<'a> {
    fn view(&self) -> reading::View<'a> {
        reading::View {
            series: &self.series.series_id,
            plane: &self.view.plane,
            size: self.view.size,
            reach_mm: reach_mm(self.view, self.series.outline()),
            tolerance: TOLERANCE * self.pixels_per_point,
            geometry: self.series.outline().geometry(),
            volume: self.series.volume().map(|volume| &**volume),
        }
    }
}

/// What is nearer to a slice lies on it.
fn reach_mm(view: &ViewState, volume: &dyn Outlined) -> f64 {
    view.plane.slice_spacing_mm(volume).max(view.slab.thickness_mm) / 2.0
}

/// What was measured of an annotation, and of which state of it.
struct Measured {
    of: Annotation,
    values: Option<Values>,
    job: Option<Job<Found>>,
    /// Where the values lack what only voxels tell.
    again: Option<Again>,
}

impl Measured {
    /// Whether it was measured of this as it is now.
    fn is_of(&self, annotation: &Annotation) -> bool {
        let of = &self.of;
        (of.kind, &of.points_mm, of.placement)
            == (annotation.kind, &annotation.points_mm, annotation.placement)
    }
}

/// What a thread has measured, and whether voxels that it needs were within reach.
struct Found {
    values: Values,
    whole: bool,
}

/// When a server is asked again that did not measure, and how long after that, in seconds.
#[derive(Clone, Copy)]
struct Again {
    at_s: f64,
    pause_s: f64,
}

impl Again {
    /// After asking now.
    fn next(before: Option<Self>, now_s: f64) -> Self {
        let pause_s = before.map_or(FIRST_PAUSE_S, |again| again.pause_s);
        Self { at_s: now_s + pause_s, pause_s: (2.0 * pause_s).min(LONGEST_PAUSE_S) }
    }

    fn is_due(self, voxels: Reach, now_s: f64) -> bool {
        match voxels {
            Reach::Here => true,
            Reach::Connected => now_s >= self.at_s,
            Reach::Away => false,
        }
    }
}

/// Where voxels are that something is measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    Here,
    /// With a server that can be asked.
    Connected,
    /// With a server that cannot.
    Away,
}

/// A label that is being typed.
struct Naming {
    id: Id,
    text: String,
    shown: bool,
    /// Where it is asked for.
    window: egui::ViewportId,
}

/// A segment that grows from a place.
struct Growing {
    series: String,
    segment: SegmentId,
    stage: Stage,
}

/// Large segments take longer than a frame to find, and to paint.
enum Stage {
    Finding(Job<Vec<Run>>),
    Painting(Arc<Vec<Run>>, Job<Painted>),
}

impl Stage {
    fn paint(segmentation: &Segmentation, runs: Arc<Vec<Run>>, label: u8, ctx: &egui::Context) -> Self {
        let (segmentation, found) = (segmentation.clone(), Arc::clone(&runs));
        let job = Job::aside("paint segment", ctx, move |_, sink| {
            sink.send(segmentation.painted(&found, label));
        });
        Self::Painting(runs, job)
    }
}

/// A segment that goes, with its voxels.
struct Removing {
    series: String,
    segment: SegmentId,
    job: Job<Painted>,
}

impl Removing {
    /// `None` where there is no such segment.
    fn start(reading: &Reading, series: &str, segment: SegmentId, ctx: &egui::Context) -> Option<Self> {
        let segmentation = reading.segmentation(series)?.clone();
        let number = segmentation.number_of(segment)?;
        let job = Job::aside("remove segment", ctx, move |_, sink| {
            sink.send(segmentation.without(number));
        });
        Some(Self { series: series.to_owned(), segment, job })
    }
}

pub struct Annotate {
    pub reading: Reading,
    pub editor: Editor,
    done: Vec<Done>,
    measured: HashMap<Id, Measured>,
    /// Rises with whatever is measured.
    measurements: u64,
    hosted: hosted::Hosted,
    masks: mask::Masks,
    solids: solid::Solids,
    naming: Option<Naming>,
    growing: Option<Growing>,
    removing: Vec<Removing>,
    /// Series whose labels of an earlier start are still being read.
    unread: HashSet<String>,
    /// Shown where there is one.
    pub panel: Option<Panel>,
    /// Values on either side of the one that a segment grows from; of a PET with a scale to them, SUVs.
    pub grow_by: f32,
    pub grow_by_suv: f32,
    /// Where the mouse was last in a drag.
    last: Option<Pixel>,
    /// What has to be told.
    notes: Vec<String>,
    hidden: bool,
}

impl Default for Annotate {
    fn default() -> Self {
        let mut random = [0; 16];
        // Without random numbers UIDs begin at a fixed one: bad, but no reason not to measure.
        if let Err(error) = getrandom::fill(&mut random) {
            tracing::error!(%error, "the system gives no random numbers");
        }
        Self {
            reading: Reading::new(random),
            editor: Editor::default(),
            done: Vec::new(),
            measured: HashMap::new(),
            measurements: 0,
            hosted: hosted::Hosted::default(),
            masks: mask::Masks::default(),
            solids: solid::Solids::default(),
            naming: None,
            growing: None,
            removing: Vec::new(),
            unread: HashSet::new(),
            panel: None,
            grow_by: 50.0,
            grow_by_suv: 0.5,
            last: None,
            notes: Vec::new(),
            hidden: false,
        }
    }
}

impl Annotate {
    /// What was done since the last call.
    pub fn take_done(&mut self) -> Vec<Done> {
        std::mem::take(&mut self.done)
    }

    /// What has to be told since the last call.
    pub fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    /// The left button has another tool.
    pub fn set_tool(&mut self, tool: Option<Tool>) {
        self.editor.set_tool(&mut self.reading, tool.unwrap_or(Tool::Select));
    }

    pub fn is_hidden(&self) -> bool {
        self.hidden
    }

    pub fn toggle_panel(&mut self) {
        self.panel = if self.panel.is_some() { None } else { Some(Panel::default()) };
    }

    pub fn shows_panel(&self) -> bool {
        self.panel.is_some()
    }

    pub fn toggle_hidden(&mut self) {
        self.hidden = !self.hidden;
    }

    fn finish(&mut self, outcome: Outcome, target: &Target<'_>, ctx: &egui::Context) -> bool {
        let Outcome { taken, done, merge, created, grow_from, refused, .. } = outcome;
        if let Some((name, edit)) = done {
            self.done.push(Done { name, edit, merge });
        }
        self.notes.extend(refused.map(|text| super::study::sentence(&text)));
        let arrow = |id: &Id| self.reading.get(*id).is_some_and(|a| a.kind == Kind::Arrow);
        if let Some(id) = created.filter(arrow) {
            let window = ctx.viewport_id();
            self.naming = Some(Naming { id, text: String::new(), shown: false, window });
        }
        if let Some(place) = grow_from {
            self.grow(place, target.series, ctx);
        }
        taken
    }

    fn send(&mut self, target: &Target<'_>, input: Input, ctx: &egui::Context) -> bool {
        let outcome = self.editor.handle(&mut self.reading, &target.view(), input);
        self.finish(outcome, target, ctx)
    }

    /// A press of the left button. Returns whether it was for what is drawn, and for nothing else.
    pub fn press(&mut self, target: &Target<'_>, at: Pixel, ctx: &egui::Context) -> bool {
        self.last = Some(at);
        !self.hidden && self.send(target, Input::Press { at }, ctx)
    }

    /// The mouse moves, with the button or without.
    pub fn moved(&mut self, target: &Target<'_>, at: Pixel, ctx: &egui::Context) {
        if self.editor.is_busy() {
            self.last = Some(at);
            self.send(target, Input::Move { at }, ctx);
            ctx.request_repaint();
        }
    }

    /// The button goes up; where the window lost it, at the last place that is known.
    pub fn release(&mut self, target: &Target<'_>, at: Pixel, ctx: &egui::Context) {
        let known = at.iter().all(|x| x.is_finite());
        if let Some(at) = if known { Some(at) } else { self.last } {
            self.send(target, Input::Release { at }, ctx);
        }
    }

    /// Whether a double click ends what is being drawn.
    pub fn double_click(&mut self, target: &Target<'_>, at: Pixel, ctx: &egui::Context) -> bool {
        self.send(target, Input::DoubleClick { at }, ctx)
    }

    /// Whether presses are for drawing, however fast they follow each other.
    pub fn draws(&self) -> bool {
        self.editor.tool() != Tool::Select
    }

    pub fn key(&mut self, target: &Target<'_>, key: Key, ctx: &egui::Context) -> bool {
        self.send(target, Input::Key(key), ctx)
    }

    /// What the mouse looks like at a place, where it is not as usual.
    pub fn cursor(&self, target: &Target<'_>, at: Pixel) -> Option<egui::CursorIcon> {
        if self.hidden {
            return None;
        }
        match self.editor.hit(&self.reading, &target.view(), at) {
            Some((_, Some(_))) => Some(egui::CursorIcon::Move),
            Some((_, None)) => Some(egui::CursorIcon::Grab),
            None => self.draws().then_some(egui::CursorIcon::Crosshair),
        }
    }

    /// Marks the slice as a key image, or takes the mark away.
    pub fn toggle_key_image(&mut self, target: &Target<'_>, ctx: &egui::Context) {
        let outcome = self.editor.toggle_key_image(&mut self.reading, &target.view());
        self.finish(outcome, target, ctx);
    }

    /// The brush grows or shrinks by a factor.
    pub fn scale_brush(&mut self, factor: f64) {
        self.set_brush(self.editor.brush.radius_mm * factor);
    }

    pub fn set_brush(&mut self, radius_mm: f64) {
        self.editor.brush.radius_mm = radius_mm.clamp(*BRUSHES.start(), *BRUSHES.end());
    }

    /// Does an edit as a step of its own.
    fn perform(&mut self, name: &str, edit: Edit) {
        let edit = self.reading.apply(edit);
        self.done.push(Done { name: name.to_owned(), edit, merge: None });
    }

    pub fn is_naming(&self) -> bool {
        self.naming.is_some()
    }

    /// Begins to type the label of an annotation.
    pub fn begin_naming(&mut self, id: Id) {
        if let Some(annotation) = self.reading.get(id) {
            let (text, window) = (annotation.label.clone(), egui::ViewportId::ROOT);
            self.naming = Some(Naming { id, text, shown: false, window });
        }
    }

    /// The dialog for a label, while one is being typed.
    pub fn show_naming(&mut self, ctx: &egui::Context) {
        let Some(naming) = &mut self.naming else { return };
        let closed = ctx.input(|input| !input.raw.viewports.contains_key(&naming.window));
        if naming.window != ctx.viewport_id() && !(closed && ctx.viewport_id() == egui::ViewportId::ROOT) {
            return;
        }
        let mut entered = false;
        let modal = super::dialogs::modal(ctx, "label").show(ctx, |ui| {
            ui.set_width(320.0);
            let label = ui.label(tr!("label"));
            let field = egui::TextEdit::singleline(&mut naming.text)
                .char_limit(reading::MAX_LABEL)
                .desired_width(f32::INFINITY);
            let field = ui.add(field).labelled_by(label.id);
            if !std::mem::replace(&mut naming.shown, true) {
                field.request_focus();
            }
            entered = field.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
            ui.add_space(8.0);
            entered |= ui.button(tr!("set-label")).clicked();
        });
        if entered || modal.should_close() {
            let naming = self.naming.take().filter(|_| entered);
            if let Some(edit) = naming.and_then(|naming| self.reading.renamed(naming.id, &naming.text)) {
                self.perform("Rename", edit);
            }
        }
    }

    /// Takes what threads have found out.
    pub fn poll(&mut self, ctx: &egui::Context) {
        for measured in self.measured.values_mut() {
            match measured.job.as_ref().map(Job::poll) {
                Some(Poll::Result(Found { values, whole })) => {
                    measured.values = Some(values);
                    self.measurements += 1;
                    measured.again = measured.again.filter(|_| !whole);
                    measured.job = None;
                }
                Some(Poll::Ended) => measured.job = None,
                Some(Poll::Pending) | None => {}
            }
        }
        let reading = &self.reading;
        self.measured.retain(|id, _| reading.get(*id).is_some());
        self.poll_growing(ctx);
        self.poll_removing(ctx);
    }

    fn poll_growing(&mut self, ctx: &egui::Context) {
        let Some(Growing { series, segment, stage }) = self.growing.take() else { return };
        // It may have been taken back, or away.
        let label = self.reading.segmentation(&series).and_then(|s| s.number_of(segment));
        let Some(label) = label else { return };
        let paint = |reading: &Reading, runs| {
            let segmentation = reading.segmentation(&series)?;
            Some(Stage::paint(segmentation, runs, label, ctx))
        };
        let stage = match stage {
            Stage::Finding(job) => match job.poll() {
                Poll::Pending => Some(Stage::Finding(job)),
                Poll::Result(runs) => paint(&self.reading, Arc::new(runs)),
                Poll::Ended => None,
            },
            Stage::Painting(runs, job) => match job.poll() {
                Poll::Pending => Some(Stage::Painting(runs, job)),
                Poll::Result(painted) => {
                    let is_empty = painted.is_empty();
                    match self.reading.put_painted(&series, painted) {
                        // A stroke came between.
                        None => paint(&self.reading, runs),
                        Some(_) if is_empty => {
                            self.notes.push(tr!("nothing-new-was-marked").into_owned());
                            None
                        }
                        Some(edit) => {
                            self.done.push(Done { name: "Grow segment".into(), edit, merge: None });
                            reading::discard(runs);
                            None
                        }
                    }
                }
                Poll::Ended => None,
            },
        };
        self.growing = stage.map(|stage| Growing { series, segment, stage });
    }

    /// Takes a segment away, with its voxels.
    pub fn remove_segment(&mut self, series: &str, number: u8, ctx: &egui::Context) {
        let segment = self.reading.segmentation(series).and_then(|s| s.id_of(number));
        if let Some(segment) = segment.filter(|id| !self.removing.iter().any(|r| r.segment == *id)) {
            self.removing.extend(Removing::start(&self.reading, series, segment, ctx));
        }
    }

    fn poll_removing(&mut self, ctx: &egui::Context) {
        for Removing { series, segment, job } in std::mem::take(&mut self.removing) {
            match job.poll() {
                Poll::Pending => self.removing.push(Removing { series, segment, job }),
                Poll::Result(without) => match self.reading.put_painted(&series, without) {
                    Some(edit) => self.adopt("Remove segment", edit),
                    // Something else was changed meanwhile, and its number may be another one's by now.
                    None => self.removing.extend(Removing::start(&self.reading, &series, segment, ctx)),
                },
                Poll::Ended => {}
            }
        }
    }

    /// What threads are doing, with its progress.
    pub fn work(&self) -> Option<(&'static str, &Progress)> {
        self.growing.as_ref().map(|growing| {
            let progress = match &growing.stage {
                Stage::Finding(job) => job.progress(),
                Stage::Painting(_, job) => job.progress(),
            };
            (text::of("Marking voxels"), progress)
        })
    }

    pub fn cancel_work(&mut self) {
        self.growing = None;
    }

    fn grow(&mut self, place: glam::DVec3, series: &OpenSeries, ctx: &egui::Context) {
        let voxel = series.outline().geometry().voxel_from_patient().transform_point3(place);
        let value = series.volume().and_then(|volume| reading::sample(volume, voxel.round()));
        let Some(value) = value else { return };
        let by = match series.suv {
            Some(suv) => (f64::from(self.grow_by_suv) / suv.body_weight) as f32,
            None => self.grow_by,
        };
        let range = (value - by, value + by);
        self.mark(series, ctx, move |volume, progress| reading::grow(volume, place, range, progress));
    }

    /// Marks all voxels with values in a range; within the selected box or ellipsoid, where there is one.
    fn mark_range(&mut self, series: &OpenSeries, range: (f32, f32), ctx: &egui::Context) {
        let region = self.editor.selected().and_then(|id| self.reading.get(id)).cloned();
        self.mark(series, ctx, move |volume, progress| {
            reading::threshold(volume, range, region.as_ref(), progress)
        });
    }

    fn mark(
        &mut self,
        series: &OpenSeries,
        ctx: &egui::Context,
        find: impl FnOnce(&Volume, &Progress) -> Result<Vec<Run>, reading::Cancelled> + Send + 'static,
    ) {
        let Some(volume) = series.volume().cloned() else {
            return self.notes.push(tr!("servers-voxels-cannot-be-marked").into_owned());
        };
        let Some(label) = self.segment(series) else { return };
        let segment = self.reading.segmentation(&series.series_id).and_then(|s| s.id_of(label));
        let Some(segment) = segment else { return };
        let job = Job::aside("segment", ctx, move |progress, sink| {
            if let Ok(runs) = find(&volume, progress) {
                sink.send(runs);
            }
        });
        self.growing =
            Some(Growing { series: series.series_id.clone(), segment, stage: Stage::Finding(job) });
    }

    /// The active segment of a series; the first one is made where there is none.
    pub fn segment(&mut self, series: &OpenSeries) -> Option<u8> {
        let number = self.editor.segment;
        let known = |s: &reading::Segmentation| s.segment(number).is_some();
        if self.reading.segmentation(&series.series_id).is_some_and(known) {
            return Some(number);
        }
        self.add_segment(series)
    }

    /// Adds a segment and makes it the active one.
    fn add_segment(&mut self, series: &OpenSeries) -> Option<u8> {
        if self.unread.contains(&series.series_id) {
            self.notes.push(tr!("segments-still-read").into_owned());
            return None;
        }
        let begun = self.reading.begin_segmentation(&series.series_id, series.outline().geometry());
        let next = begun.and_then(|s| s.next_segment().map(|next| (s.segments().to_vec(), next)));
        match next {
            Ok((mut segments, next)) => {
                let number = next.number;
                segments.push(next);
                self.perform("Add segment", Edit::Segments { series: series.series_id.clone(), segments });
                self.editor.segment = number;
                Some(number)
            }
            Err(error) => {
                self.notes.push(super::study::sentence(&error.to_string()));
                None
            }
        }
    }

    /// What is known of an annotation; large regions are measured on a thread, and nothing is known until then.
    fn values(
        &mut self,
        annotation: &Annotation,
        series: &Arc<OpenSeries>,
        ctx: &egui::Context,
    ) -> Option<Values> {
        let known = self.measured.get(&annotation.id).filter(|measured| measured.is_of(annotation));
        let (reach, now_s) = (reach(annotation, series), ctx.input(|input| input.time));
        let (before, again) = known.map_or((None, None), |known| (known.values.clone(), known.again));
        if known.is_some_and(|known| known.job.is_some()) {
            return before;
        }
        if before.is_some() && !again.is_some_and(|again| again.is_due(reach, now_s)) {
            if let Some(again) = again.filter(|_| reach == Reach::Connected) {
                ctx.request_repaint_after(Duration::from_secs_f64((again.at_s - now_s).max(0.1)));
            }
            return before;
        }
        let running = self.measured.values().filter(|m| m.job.is_some()).count();
        let large = samples(annotation, series.outline()) > QUICK;
        let again = (reach != Reach::Here).then(|| Again::next(again, now_s));
        let (values, job) = if !large && reach == Reach::Here {
            (measure(annotation, series, &Progress::default()), None)
        } else if running < MOST_JOBS {
            let (annotation, series) = (annotation.clone(), Arc::clone(series));
            let job = Job::aside("measure", ctx, move |progress, sink| {
                let server = server(&annotation, &series);
                let theirs = server.and_then(|connection| connection.measure(&series.series_id, &annotation));
                let whole = server.is_none() || theirs.is_some();
                if let Some(values) = theirs.or_else(|| measure(&annotation, &series, progress)) {
                    sink.send(Found { values, whole });
                }
            });
            (before, Some(job))
        } else {
            return before;
        };
        let entry = Measured { of: annotation.clone(), values: values.clone(), job, again };
        self.measured.insert(annotation.id, entry);
        self.measurements += 1;
        values
    }

    /// The segments that are seen of a series on its pictures.
    pub fn drawn_segments(&self, series_id: &str) -> Option<Segmentation> {
        let shown = self.reading.segmentation(series_id).filter(|_| !self.hidden);
        shown.filter(|s| s.segments().iter().any(|segment| segment.visible)).cloned()
    }

    /// The segments that lie over the pictures of a series.
    pub fn segments_over(&self, series_id: &str) -> Option<Segments> {
        let shown = self.reading.segmentation(series_id).filter(|_| !self.hidden);
        let segmentation = shown.filter(|s| !s.segments().is_empty())?.clone();
        Some(Segments { series: series_id.to_owned(), segmentation })
    }

    /// Takes the mask that came with a viewport's picture.
    pub fn take_mask(&mut self, ctx: &egui::Context, id: ViewportId, mask: Mask) {
        self.masks.take(ctx, id, mask);
    }

    /// Takes over what a file holds, as one step.
    pub fn adopt(&mut self, name: &str, edit: Edit) {
        self.done.push(Done { name: name.to_owned(), edit, merge: None });
    }
}

/// The server that alone has the voxels which an annotation is measured by; lengths and angles need none.
fn server<'a>(annotation: &Annotation, series: &'a OpenSeries) -> Option<&'a Arc<Connection>> {
    let kind = annotation.kind;
    let needs_voxels = kind == Kind::Probe || kind.is_area() || kind.is_solid();
    let hybrid = series.hybrid().filter(|_| needs_voxels && series.volume().is_none())?;
    Some(&hybrid.connection)
}

fn reach(annotation: &Annotation, series: &OpenSeries) -> Reach {
    match server(annotation, series).map(|connection| connection.state()) {
        None => Reach::Here,
        Some(State::Connected { .. }) => Reach::Connected,
        Some(_) => Reach::Away,
    }
}

/// What a series' annotations are measured in.
fn source(series: &OpenSeries) -> Source<'_> {
    let outline = series.outline();
    Source {
        geometry: outline.geometry(),
        unit: &outline.meaning().unit,
        volume: series.volume().map(|volume| &**volume),
        trust: &series.report.millimetres,
        suv: series.suv,
    }
}

fn measure(annotation: &Annotation, series: &OpenSeries, progress: &Progress) -> Option<Values> {
    let source = source(series);
    reading::measure(annotation, &source, progress).ok()
}

/// The plane that an annotation lies in, to count slices by.
fn plane_of(annotation: &Annotation) -> Plane {
    let Placement { right, down, .. } = annotation.placement;
    Plane { center_mm: annotation.center_mm(), right, down, fit_mm: [1.0; 2], zoom: 1.0 }
}

/// About how many samples a region has.
fn samples(annotation: &Annotation, volume: &dyn Outlined) -> f64 {
    if !annotation.kind.is_area() && !annotation.kind.is_solid() {
        return 0.0;
    }
    let center = annotation.center_mm();
    let reach = annotation.points_mm.iter().map(|p| p.distance(center)).fold(0.0, f64::max);
    let steps = 2.0 * reach / volume.geometry().spacing_mm().min_element();
    steps.powi(if annotation.kind.is_solid() { 3 } else { 2 })
}

/// Where a view has to be to show an annotation that lies in this plane.
pub fn jump(plane: &mut Plane, to: &Placement) {
    let normal = plane.right.cross(plane.down);
    if normal.dot(to.normal()).abs() < 0.9999 {
        (plane.right, plane.down) = (to.right, to.down);
    }
    let normal = plane.right.cross(plane.down);
    let off = to.center_mm - plane.center_mm;
    plane.center_mm += normal * off.dot(normal);
    // What is far from the middle comes to it.
    let across = off - normal * off.dot(normal);
    let shown = plane.fit_mm.map(|mm| mm / plane.zoom / 2.0 * 0.8);
    if across.dot(plane.right).abs() > shown[0] || across.dot(plane.down).abs() > shown[1] {
        plane.center_mm += across;
    }
}

#[cfg(test)]
mod tests {
    use render_core::Geometry;

    use super::*;

    /// Waits for the threads that take segments away.
    fn wait_for_removal(annotate: &mut Annotate, ctx: &egui::Context) {
        let start = std::time::Instant::now();
        while !annotate.removing.is_empty() {
            annotate.poll_removing(ctx);
            assert!(start.elapsed() < Duration::from_secs(20), "a thread does not end");
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_segment_that_gets_the_number_of_one_that_goes_stays() {
        let ctx = egui::Context::default();
        let mut annotate = Annotate::default();
        let geometry = Geometry::new([40, 20, 10], glam::DAffine3::IDENTITY).expect("a grid");
        annotate.reading.begin_segmentation("1.2.3", &geometry).expect("small");
        let add = |annotate: &mut Annotate, start: u32| {
            let now = annotate.reading.segmentation("1.2.3").expect("there is one");
            let next = now.next_segment().expect("is free");
            let segments = [now.segments(), std::slice::from_ref(&next)].concat();
            annotate.reading.apply(Edit::Segments { series: "1.2.3".into(), segments });
            annotate.reading.paint("1.2.3", &[Run { start, length: 30 }], next.number).expect("a change")
        };
        add(&mut annotate, 0);
        // Asked for once more before the first request is done, while strokes come between.
        annotate.remove_segment("1.2.3", 1, &ctx);
        annotate.remove_segment("1.2.3", 1, &ctx);
        assert_eq!(annotate.removing.len(), 1);
        annotate.reading.paint("1.2.3", &[Run { start: 100, length: 30 }], 1).expect("a change");
        wait_for_removal(&mut annotate, &ctx);
        let marked = |annotate: &Annotate, label: u8| {
            let labels = annotate.reading.segmentation("1.2.3").expect("there is one").labels();
            labels.iter().filter(|own| **own == label).count()
        };
        assert_eq!(marked(&annotate, 1), 0, "it goes with what was painted meanwhile");
        // It goes another way, and its number is given anew, before the window looks.
        add(&mut annotate, 0);
        annotate.remove_segment("1.2.3", 1, &ctx);
        let without = annotate.reading.segmentation("1.2.3").expect("there is one").without(1);
        annotate.reading.put_painted("1.2.3", without).expect("nothing came between");
        add(&mut annotate, 200);
        wait_for_removal(&mut annotate, &ctx);
        assert_eq!(marked(&annotate, 1), 30, "another segment of the same number");
        assert!(annotate.reading.segmentation("1.2.3").is_some_and(|s| s.segment(1).is_some()));
    }

    #[test]
    fn what_a_server_could_not_measure_is_asked_again_once_it_is_there() {
        let again = Again { at_s: 10.0, pause_s: 4.0 };
        assert!(!again.is_due(Reach::Away, 1e9), "nobody is there to be asked");
        assert!(!again.is_due(Reach::Connected, 9.0), "it was asked a moment ago");
        assert!(again.is_due(Reach::Connected, 10.0));
        assert!(again.is_due(Reach::Here, 0.0), "the voxels have come");
        assert!(Again::next(Some(again), 10.0).at_s >= 14.0, "ever more seldom");
    }
}
