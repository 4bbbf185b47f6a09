//! From presses, moves and keys to edits: one state machine for window, server and browser.

use glam::DVec3;
use render_core::scene::Plane;
use render_core::{Geometry, Volume};

use crate::annotation::{Annotation, Id, Kind, Placement};
use crate::document::{Edit, MAX_ANNOTATIONS, Reading};
use crate::draw::{self, Pixel};
use crate::segmentation::{Brush, Change};

/// What the left button does to annotations and labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tool {
    /// Takes hold of what is there, and makes nothing new.
    Select,
    Draw(Kind),
    /// Paints the active segment.
    Brush,
    Eraser,
    /// Marks what hangs together with the voxel that is pressed on.
    Grow,
}

/// A view of a series' slice, as far as drawing in it goes.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// `dicom::Series::key`.
    pub series: &'a str,
    pub plane: &'a Plane,
    /// In pixels.
    pub size: [u32; 2],
    /// Half the distance of slices, or half the slab: what is nearer is on this slice.
    pub reach_mm: f64,
    /// Pixels within which something is taken hold of.
    pub tolerance: f64,
    pub geometry: &'a Geometry,
    /// For brushes with a range of values.
    pub volume: Option<&'a Volume>,
}

/// Positions are pixels from the view's top left corner; the button is the left one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Input {
    Press { at: Pixel },
    Move { at: Pixel },
    Release { at: Pixel },
    DoubleClick { at: Pixel },
    Key(Key),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// Leaves what is being drawn, else what is selected.
    Escape,
    Delete,
    /// As a click where the keyboard's pointer is; first it appears in the middle of the view.
    Enter,
    /// To the next handle, and from the last one to the next annotation of the view.
    Next,
    /// By so many pixels to the right and down.
    Nudge(i16, i16),
}

/// What came of an input.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Outcome {
    /// It was meant for the editor, and for nothing else.
    pub taken: bool,
    /// What was done, by name, and the edit that takes it back.
    pub done: Option<(String, Edit)>,
    /// Steps with the same number that follow each other are one.
    pub merge: Option<u64>,
    /// The annotation that was just drawn.
    pub created: Option<Id>,
    /// A region is to be grown from here ([`crate::grow`]), which takes a while.
    pub grow_from: Option<DVec3>,
    /// Why nothing came of it.
    pub refused: Option<String>,
}

/// A drag of less is a click.
const CLICK_PX: f64 = 4.0;
/// Points of an outline drawn by hand are this far apart.
const HAND_PX: f64 = 2.0;
/// An annotation that is smaller was not meant.
const LEAST_PX: f64 = 2.0;

#[derive(Clone, Debug)]
enum Doing {
    Nothing,
    Drawing(Draft),
    Handle { number: usize, before: Box<Annotation> },
    Whole { from: DVec3, before: Box<Annotation> },
    Painting { last: DVec3, changes: Vec<Change>, series: String, label: u8 },
}

/// An annotation that is not finished.
#[derive(Clone, Debug)]
struct Draft {
    annotation: Annotation,
    given: Vec<DVec3>,
    cursor: DVec3,
    /// Where the button went down, while it is held.
    pressed: Option<Pixel>,
    /// Points that the hand has drawn since.
    by_hand: usize,
}

/// The tool in use, what is selected, and what is being drawn.
#[derive(Clone, Debug)]
pub struct Editor {
    tool: Tool,
    selected: Option<Id>,
    /// The handle that keys move.
    focus: Option<usize>,
    doing: Doing,
    /// The keyboard's pointer.
    pointer: Option<Pixel>,
    /// Rises with every new press, so that nudges of different handles are different steps.
    turn: u64,
    pub brush: Brush,
    /// The segment that brushes paint.
    pub segment: u8,
}

impl Default for Editor {
    fn default() -> Self {
        Self {
            tool: Tool::Select,
            selected: None,
            focus: None,
            doing: Doing::Nothing,
            pointer: None,
            turn: 0,
            brush: Brush { radius_mm: 5.0, ball: false, within: None },
            segment: 1,
        }
    }
}

impl Editor {
    pub fn tool(&self) -> Tool {
        self.tool
    }

    /// Takes up a tool. What was being drawn is left; a drag of what is there already is taken back.
    pub fn set_tool(&mut self, reading: &mut Reading, tool: Tool) {
        self.abandon(reading);
        self.pointer = None;
        self.tool = tool;
    }

    pub fn selected(&self) -> Option<Id> {
        self.selected
    }

    pub fn select(&mut self, id: Option<Id>) {
        self.selected = id;
        self.focus = None;
    }

    /// The handle of the selected annotation that keys move.
    pub fn focus(&self) -> Option<usize> {
        self.focus
    }

    /// Where the keyboard's pointer is, if it is in use.
    pub fn pointer(&self) -> Option<Pixel> {
        self.pointer
    }

    /// Whether arrow keys are for the editor rather than for the slices.
    pub fn wants_arrows(&self) -> bool {
        self.pointer.is_some() || self.focus.is_some()
    }

    /// Whether something is being drawn or moved.
    pub fn is_busy(&self) -> bool {
        !matches!(self.doing, Doing::Nothing)
    }

    /// What is being drawn, to be shown with the rest.
    pub fn draft(&self) -> Option<&Annotation> {
        match &self.doing {
            Doing::Drawing(draft) if !draft.annotation.points_mm.is_empty() => Some(&draft.annotation),
            _ => None,
        }
    }

    pub fn handle(&mut self, reading: &mut Reading, view: &View<'_>, input: Input) -> Outcome {
        let finite = |at: Pixel| at.iter().all(|x| x.is_finite());
        match input {
            Input::Press { at } if finite(at) => self.press(reading, view, at),
            Input::Move { at } if finite(at) => self.drag(reading, view, at),
            Input::Release { at } if finite(at) => self.release(reading, view, at),
            Input::DoubleClick { at } if finite(at) => self.double_click(reading, view),
            Input::Key(key) => self.key(reading, view, key),
            _ => Outcome::default(),
        }
    }

    /// What is at a pixel: an annotation, and its handle if it is one.
    pub fn hit(&self, reading: &Reading, view: &View<'_>, at: Pixel) -> Option<(Id, Option<usize>)> {
        let distance = |p: DVec3| {
            let [x, y] = view.plane.pixel_from_patient(p, view.size).0;
            (x - at[0]).hypot(y - at[1])
        };
        let shown = || {
            let own = |a: &&Annotation| a.visible && a.series == view.series;
            reading.annotations().iter().rev().filter(own).filter(|a| a.is_on(view.plane, view.reach_mm))
        };
        let handle = |a: &Annotation| {
            let near = a.handles(view.plane).into_iter().map(|(number, p)| (distance(p), number));
            let nearest = near.min_by(|a, b| a.0.total_cmp(&b.0))?;
            (nearest.0 <= view.tolerance).then_some((a.id, nearest))
        };
        // Of the selected one first: others may lie over it.
        let mut ordered: Vec<&Annotation> = shown().collect();
        ordered.sort_by_key(|a| Some(a.id) != self.selected);
        if let Some((id, (_, number))) = ordered.iter().find_map(|a| handle(a)) {
            return Some((id, Some(number)));
        }
        let on_line = |a: &&&Annotation| {
            draw::outline(a, view.plane).iter().any(|(points, closed)| {
                let pixels: Vec<Pixel> =
                    points.iter().map(|&p| view.plane.pixel_from_patient(p, view.size).0).collect();
                let last = pixels.len().saturating_sub(1);
                let closing = closed.then(|| (pixels[last], pixels[0]));
                let pairs = pixels.windows(2).map(|pair| (pair[0], pair[1])).chain(closing);
                pairs.into_iter().any(|(a, b)| to_segment(at, a, b) <= view.tolerance)
            })
        };
        ordered.iter().find(on_line).map(|a| (a.id, None))
    }

    fn place(view: &View<'_>, at: Pixel) -> DVec3 {
        view.plane.patient_from_pixel(at, view.size)
    }

    fn press(&mut self, reading: &mut Reading, view: &View<'_>, at: Pixel) -> Outcome {
        self.turn += 1;
        self.focus = None;
        let p = Self::place(view, at);
        if let Doing::Drawing(draft) = &mut self.doing {
            if draft.annotation.series == view.series && draft.annotation.is_on(view.plane, view.reach_mm) {
                (draft.pressed, draft.by_hand) = (Some(at), 0);
                draft.give(p);
                return self.finish_if_whole(reading, view);
            }
            self.doing = Doing::Nothing;
        }
        match self.tool {
            Tool::Brush | Tool::Eraser => return self.begin_stroke(reading, view, p),
            Tool::Grow => return Outcome { taken: true, grow_from: Some(p), ..Outcome::default() },
            Tool::Select | Tool::Draw(_) => {}
        }
        if let Some((id, number)) = self.hit(reading, view, at) {
            self.selected = Some(id);
            let Some(before) = reading.get(id).cloned().map(Box::new) else { return Outcome::default() };
            self.doing = match number {
                Some(number) => Doing::Handle { number, before },
                None => Doing::Whole { from: p, before },
            };
            return Outcome { taken: true, ..Outcome::default() };
        }
        self.selected = None;
        let Tool::Draw(kind) = self.tool else { return Outcome::default() };
        if reading.annotations().len() >= MAX_ANNOTATIONS {
            let refused = Some(format!("there are {MAX_ANNOTATIONS} annotations already, which is the most"));
            return Outcome { taken: true, refused, ..Outcome::default() };
        }
        let placement = Placement { center_mm: p, ..Placement::of(view.plane) };
        if kind == Kind::KeyImage {
            return self.toggle_key_image(reading, view);
        }
        let annotation = reading.annotation(kind, view.series, placement, vec![p]);
        let mut draft = Draft { annotation, given: Vec::new(), cursor: p, pressed: Some(at), by_hand: 0 };
        draft.give(p);
        self.doing = Doing::Drawing(draft);
        Outcome { taken: true, ..Outcome::default() }
    }

    fn drag(&mut self, reading: &mut Reading, view: &View<'_>, at: Pixel) -> Outcome {
        let p = Self::place(view, at);
        let taken = Outcome { taken: true, ..Outcome::default() };
        match &mut self.doing {
            Doing::Nothing => Outcome::default(),
            Doing::Drawing(draft) => {
                if draft.annotation.series != view.series {
                    return Outcome::default();
                }
                draft.cursor = draft.annotation.placement.onto(p);
                let by_hand = draft.annotation.kind == Kind::Freehand && draft.pressed.is_some();
                let far = |last: &DVec3| last.distance(p) >= HAND_PX * view.plane.mm_per_pixel(view.size);
                if by_hand && draft.given.last().is_none_or(far) && draft.given.len() < 100_000 {
                    draft.by_hand += 1;
                    draft.give(p);
                }
                draft.shape();
                taken
            }
            Doing::Handle { number, before } => {
                if let Some(annotation) = reading.get_mut(before.id) {
                    let mut moved = Annotation::clone(before);
                    moved.move_handle(*number, p);
                    *annotation = moved;
                }
                taken
            }
            Doing::Whole { from, before } => {
                if let Some(annotation) = reading.get_mut(before.id) {
                    let mut moved = Annotation::clone(before);
                    moved.shift(p - *from);
                    *annotation = moved;
                }
                taken
            }
            Doing::Painting { .. } => {
                self.paint_to(reading, view, p);
                taken
            }
        }
    }

    fn release(&mut self, reading: &mut Reading, view: &View<'_>, at: Pixel) -> Outcome {
        let dragged = self.drag(reading, view, at);
        match std::mem::replace(&mut self.doing, Doing::Nothing) {
            Doing::Nothing => dragged,
            Doing::Drawing(mut draft) => {
                let Some(pressed) = draft.pressed.take() else {
                    self.doing = Doing::Drawing(draft);
                    return dragged;
                };
                let moved = (pressed[0] - at[0]).hypot(pressed[1] - at[1]) > CLICK_PX;
                let by_hand = draft.annotation.kind == Kind::Freehand;
                // An outline may end where it began.
                let ends = by_hand && (moved || draft.by_hand > 2) && draft.given.len() > 2;
                if moved && !by_hand && !draft.is_whole() {
                    draft.give(Self::place(view, at));
                }
                self.doing = Doing::Drawing(draft);
                if ends { self.finish(reading, view) } else { self.finish_if_whole(reading, view) }
            }
            Doing::Handle { before, .. } | Doing::Whole { before, .. } => {
                let name = format!("Move {}", before.kind.name().to_lowercase());
                let changed = reading.get(before.id).is_some_and(|now| now != &*before);
                let done = changed.then(|| {
                    let edit = Edit::Annotation { id: before.id, at: usize::MAX, to: Some(before) };
                    (name, edit)
                });
                Outcome { taken: true, done, ..Outcome::default() }
            }
            Doing::Painting { changes, series, label, .. } => {
                let name = if label == 0 { "Erase" } else { "Paint" };
                let edit = Edit::Labels { series, changes };
                let done = (!edit.is_empty()).then(|| (name.to_owned(), edit));
                Outcome { taken: true, done, ..Outcome::default() }
            }
        }
    }

    fn double_click(&mut self, reading: &mut Reading, view: &View<'_>) -> Outcome {
        match &self.doing {
            Doing::Drawing(draft) if draft.annotation.kind == Kind::Freehand => self.finish(reading, view),
            _ => Outcome::default(),
        }
    }

    fn finish_if_whole(&mut self, reading: &mut Reading, view: &View<'_>) -> Outcome {
        match &self.doing {
            // Buttons that are still held may still drag the last point.
            Doing::Drawing(draft) if draft.is_whole() && draft.pressed.is_none() => {
                self.finish(reading, view)
            }
            _ => Outcome { taken: true, ..Outcome::default() },
        }
    }

    fn finish(&mut self, reading: &mut Reading, view: &View<'_>) -> Outcome {
        let taken = Outcome { taken: true, ..Outcome::default() };
        let Doing::Drawing(draft) = std::mem::replace(&mut self.doing, Doing::Nothing) else { return taken };
        let Draft { mut annotation, given, .. } = draft;
        annotation.points_mm = Annotation::shaped(annotation.kind, &annotation.placement, &given);
        let pixels = given.iter().map(|&p| view.plane.pixel_from_patient(p, view.size).0);
        let (low, high) = pixels.fold(([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]), |(low, high), p| {
            (std::array::from_fn(|i| low[i].min(p[i])), std::array::from_fn(|i| high[i].max(p[i])))
        });
        let extent = [high[0] - low[0], high[1] - low[1]];
        let areal = annotation.kind.is_area() || annotation.kind.is_solid();
        let least = if areal { extent[0].min(extent[1]) } else { extent[0].max(extent[1]) };
        if annotation.fault().is_some() || annotation.kind != Kind::Probe && least < LEAST_PX {
            return taken;
        }
        let (id, name) = (annotation.id, annotation.kind.name().to_owned());
        let back = reading.apply(Edit::put(annotation));
        self.selected = Some(id);
        Outcome { done: Some((name, back)), created: Some(id), ..taken }
    }

    /// Marks the picture, or takes its mark away.
    pub fn toggle_key_image(&mut self, reading: &mut Reading, view: &View<'_>) -> Outcome {
        let own = |a: &&Annotation| a.kind == Kind::KeyImage && a.series == view.series;
        let mark = reading.annotations().iter().filter(own).find(|a| a.is_on(view.plane, view.reach_mm));
        let (name, edit, created) = match mark {
            Some(mark) => ("Unmark key image", Edit::remove(mark.id), None),
            None => {
                let placement = Placement::of(view.plane);
                let points = vec![view.plane.center_mm];
                let mark = reading.annotation(Kind::KeyImage, view.series, placement, points);
                let id = mark.id;
                ("Mark key image", Edit::put(mark), Some(id))
            }
        };
        let back = reading.apply(edit);
        Outcome { taken: true, done: Some((name.into(), back)), created, ..Outcome::default() }
    }

    fn begin_stroke(&mut self, reading: &mut Reading, view: &View<'_>, p: DVec3) -> Outcome {
        let taken = Outcome { taken: true, ..Outcome::default() };
        if let Err(error) = reading.begin_segmentation(view.series, view.geometry) {
            return Outcome { refused: Some(error.to_string()), ..taken };
        }
        let label = if self.tool == Tool::Eraser { 0 } else { self.segment };
        let known = |number| reading.segmentation(view.series).is_some_and(|s| s.segment(number).is_some());
        if label != 0 && !known(label) {
            let refused = Some("choose or add a segment to paint first".into());
            return Outcome { refused, ..taken };
        }
        let series = view.series.to_owned();
        self.doing = Doing::Painting { last: p, changes: Vec::new(), series, label };
        self.paint_to(reading, view, p);
        taken
    }

    fn paint_to(&mut self, reading: &mut Reading, view: &View<'_>, p: DVec3) {
        let Doing::Painting { last, changes, series, label } = &mut self.doing else { return };
        if view.series != series.as_str() {
            return;
        }
        let Some(segmentation) = reading.segmentation(series) else { return };
        // It was taken away under the hand.
        if *label != 0 && segmentation.segment(*label).is_none() {
            return;
        }
        // Erasing takes what is there, whatever its value.
        let brush = Brush { within: self.brush.within.filter(|_| *label != 0), ..self.brush };
        let runs = segmentation.stroke(*last, p, &Placement::of(view.plane), &brush, view.volume);
        changes.extend(reading.paint_now(series, &runs, *label));
        *last = p;
    }

    fn key(&mut self, reading: &mut Reading, view: &View<'_>, key: Key) -> Outcome {
        let taken = Outcome { taken: true, ..Outcome::default() };
        match key {
            Key::Escape => {
                let had = self.is_busy()
                    || self.pointer.is_some()
                    || self.focus.is_some()
                    || self.selected.is_some();
                if self.is_busy() {
                    self.abandon(reading);
                } else if self.pointer.take().is_none() && self.focus.take().is_none() {
                    self.selected = None;
                }
                Outcome { taken: had, ..Outcome::default() }
            }
            Key::Delete => {
                self.abandon(reading);
                let Some(annotation) = self.selected.take().and_then(|id| reading.get(id)) else {
                    return Outcome::default();
                };
                self.focus = None;
                let (id, name) = (annotation.id, annotation.kind.name().to_lowercase());
                let back = reading.apply(Edit::remove(id));
                Outcome { done: Some((format!("Delete {name}"), back)), ..taken }
            }
            Key::Enter => {
                let Some(at) = self.pointer else {
                    if self.tool == Tool::Select {
                        return Outcome::default();
                    }
                    self.pointer = Some(view.size.map(|n| f64::from(n) / 2.0));
                    return taken;
                };
                let closes = match &self.doing {
                    // A second Enter at one place ends an outline, as a double click does.
                    Doing::Drawing(draft) if draft.annotation.kind == Kind::Freehand => {
                        let p = Self::place(view, at);
                        draft.given.len() > 2
                            && draft.given.last().is_some_and(|last| last.distance(p) < 1e-6)
                    }
                    _ => false,
                };
                if closes {
                    return self.finish(reading, view);
                }
                let pressed = self.press(reading, view, at);
                let released = self.release(reading, view, at);
                Outcome {
                    taken: true,
                    done: released.done.or(pressed.done),
                    created: released.created.or(pressed.created),
                    grow_from: pressed.grow_from,
                    refused: pressed.refused,
                    merge: None,
                }
            }
            Key::Next => self.next(reading, view),
            Key::Nudge(x, y) => self.nudge(reading, view, [f64::from(x), f64::from(y)]),
        }
    }

    fn next(&mut self, reading: &Reading, view: &View<'_>) -> Outcome {
        self.turn += 1;
        let shown: Vec<&Annotation> = reading
            .annotations()
            .iter()
            .filter(|a| a.visible && a.series == view.series && a.is_on(view.plane, view.reach_mm))
            .collect();
        let place = shown.iter().position(|a| Some(a.id) == self.selected);
        if let Some(place) = place {
            let handles = shown[place].handles(view.plane);
            let after = match self.focus {
                None => handles.first(),
                Some(number) => handles.iter().find(|(other, _)| *other > number),
            };
            self.focus = after.map(|(number, _)| *number);
            if self.focus.is_some() {
                return Outcome { taken: true, ..Outcome::default() };
            }
        }
        let next = shown.get(place.map_or(0, |place| place + 1));
        self.select(next.or(shown.first()).map(|a| a.id));
        Outcome { taken: !shown.is_empty(), ..Outcome::default() }
    }

    fn nudge(&mut self, reading: &mut Reading, view: &View<'_>, by: Pixel) -> Outcome {
        let taken = Outcome { taken: true, ..Outcome::default() };
        if let (Some(number), Some(id)) = (self.focus, self.selected) {
            let Some(before) = reading.get(id).cloned() else { return Outcome::default() };
            let Some((_, p)) = before.handles(view.plane).into_iter().find(|(n, _)| *n == number) else {
                return Outcome::default();
            };
            let mm = view.plane.mm_per_pixel(view.size);
            let to = p + (view.plane.right * by[0] + view.plane.down * by[1]) * mm;
            let mut moved = before.clone();
            moved.move_handle(number, to);
            let back = reading.apply(Edit::put(moved));
            let name = format!("Move {}", before.kind.name().to_lowercase());
            return Outcome { done: Some((name, back)), merge: Some(self.turn), ..taken };
        }
        let Some(pointer) = &mut self.pointer else { return Outcome::default() };
        for axis in 0..2 {
            pointer[axis] = (pointer[axis] + by[axis]).clamp(0.0, f64::from(view.size[axis]));
        }
        let at = *pointer;
        if self.is_busy() {
            self.drag(reading, view, at);
        }
        taken
    }

    /// Gives up what is being done; what was moved or painted is as before.
    fn abandon(&mut self, reading: &mut Reading) {
        match std::mem::replace(&mut self.doing, Doing::Nothing) {
            Doing::Nothing | Doing::Drawing(_) => {}
            Doing::Handle { before, .. } | Doing::Whole { before, .. } => {
                reading.apply(Edit::put(*before));
            }
            Doing::Painting { changes, series, .. } => {
                reading.apply(Edit::Labels { series, changes });
            }
        }
    }
}

impl Draft {
    fn give(&mut self, p: DVec3) {
        self.given.push(self.annotation.placement.onto(p));
        self.cursor = p;
        self.shape();
    }

    fn is_whole(&self) -> bool {
        self.annotation.kind.given_points().is_some_and(|count| self.given.len() >= count)
    }

    /// The annotation as it would be if the pointer's place were its last point.
    fn shape(&mut self) {
        let mut given = self.given.clone();
        if !self.is_whole() {
            given.push(self.cursor);
        } else if self.pressed.is_some() && given.len() > 1
            || self.annotation.kind == Kind::Probe && self.pressed.is_some()
        {
            // The last point follows the pointer while the button is held.
            if let (Some(last), Some(own)) = (given.last_mut(), self.given.last_mut()) {
                *last = self.annotation.placement.onto(self.cursor);
                *own = *last;
            }
        }
        let kind = self.annotation.kind;
        // A line of three points is shown as far as it goes.
        self.annotation.points_mm = match (kind, given.len()) {
            (Kind::Angle | Kind::Cobb, n) => {
                let last = given[n - 1];
                let count = kind.point_count().0;
                given.into_iter().chain(std::iter::repeat(last)).take(count).collect()
            }
            _ => Annotation::shaped(kind, &self.annotation.placement, &given),
        };
        if kind == Kind::Probe {
            self.annotation.placement.center_mm = self.annotation.points_mm[0];
        }
    }
}

/// Distance of a point from a line between two others.
fn to_segment(at: Pixel, a: Pixel, b: Pixel) -> f64 {
    let (along, from) = ([b[0] - a[0], b[1] - a[1]], [at[0] - a[0], at[1] - a[1]]);
    let squared = along[0] * along[0] + along[1] * along[1];
    let share = ((from[0] * along[0] + from[1] * along[1]) / squared.max(1e-12)).clamp(0.0, 1.0);
    (from[0] - along[0] * share).hypot(from[1] - along[1] * share)
}
