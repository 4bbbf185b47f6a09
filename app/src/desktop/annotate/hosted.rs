//! What is drawn, for others: what a picture that leaves the program shows of it, what guests are told of it, and what a
//! guest's window shows of what its host has drawn.

use std::sync::Arc;

use protocol::message::{
    Drawing, DrawingKind, Drawn as Told, MAX_DRAWINGS, MAX_DRAWN_POINTS, MeasuredPlane, Quantity as Number,
};
use reading::{Annotation, Id, Kind, Placement, Quantity, Reading, Values};
use render_core::scene::view::Plane;

use super::super::text::{self, tr};
use super::{Annotate, Drawn};

/// Points of an outline that guests are told of: every so many of one that has more.
const MOST_POINTS: usize = 800;
/// Of a unit that files tell.
const MOST_LETTERS: usize = 64;

/// What guests are told is the same as long as this is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    revision: u64,
    measured: u64,
    hidden: bool,
    draft: Option<Annotation>,
}

/// What a guest's host has drawn on its series, ready to be shown.
#[derive(Default)]
pub struct Hosted {
    lists: Vec<List>,
    /// Whether its words are shown, too.
    named: bool,
}

struct List {
    /// What this window calls it.
    series: String,
    told: Arc<Told>,
    drawn: Vec<Theirs>,
}

/// Something that the host has drawn.
pub struct Theirs {
    /// Its label says whose it is.
    pub annotation: Annotation,
    pub values: Values,
    /// What the host calls it, or nothing.
    label: String,
}

impl Theirs {
    /// What a list calls it.
    pub fn name(&self, named: bool) -> &str {
        match self.label.as_str() {
            label if named && !label.is_empty() => label,
            _ => text::of(self.annotation.kind.name()),
        }
    }

    fn marked(self, named: bool) -> Self {
        let label = match (self.label.as_str(), self.annotation.kind) {
            (label, _) if named && !label.is_empty() => tr!("host-drew-as", label = label),
            (_, kind @ Kind::KeyImage) => tr!("host-drew-as", label = text::of(kind.name())),
            _ => tr!("host-drew"),
        };
        Self { annotation: Annotation { label: label.into_owned(), ..self.annotation }, ..self }
    }
}

impl List {
    fn read(series: String, told: Arc<Told>, named: bool) -> Self {
        // It names them; they are in nobody's reading.
        let mut names = Reading::default();
        let read = told.drawings.iter().filter_map(|drawing| read(&mut names, drawing, &series));
        let drawn = read.map(|theirs| theirs.marked(named)).collect();
        Self { series, told, drawn }
    }
}

impl Hosted {
    /// What of it is seen in a view of a series, each with a label that says whose it is.
    pub fn on(&self, series: &str, plane: &Plane, reach_mm: f64) -> impl Iterator<Item = &Theirs> {
        let lists = self.lists.iter().filter(move |list| list.series == series);
        lists.flat_map(|list| &list.drawn).filter(move |theirs| theirs.annotation.is_on(plane, reach_mm))
    }

    /// All of it.
    pub fn all(&self) -> impl Iterator<Item = &Theirs> {
        self.lists.iter().flat_map(|list| &list.drawn)
    }

    pub fn is_named(&self) -> bool {
        self.named
    }

    /// Reads the lists that are others than before.
    fn show(&mut self, told: Vec<Arc<Told>>, here: impl Fn(&str) -> String, named: bool) {
        let mut before = std::mem::take(&mut self.lists);
        if std::mem::replace(&mut self.named, named) != named {
            for list in &mut before {
                list.drawn =
                    std::mem::take(&mut list.drawn).into_iter().map(|theirs| theirs.marked(named)).collect();
            }
        }
        let known = |told: Arc<Told>| match before.iter().position(|list| Arc::ptr_eq(&list.told, &told)) {
            Some(at) => before.swap_remove(at),
            None => List::read(here(&told.series_instance_uid), told, named),
        };
        self.lists = told.into_iter().map(known).collect();
    }
}

impl Annotate {
    /// What was measured before, whether or not its series is in memory.
    pub(super) fn known_values(&self, id: Id) -> Option<&Values> {
        self.measured.get(&id)?.values.as_ref()
    }

    /// What is seen of a series on its pictures, as far as it is measured.
    pub fn drawn(&self, series_id: &str) -> Vec<Drawn> {
        let own = |a: &&Annotation| a.visible && a.series == series_id;
        let shown = self.reading.annotations().iter().filter(own).filter(|_| !self.hidden);
        shown.map(|a| (a.clone(), self.known_values(a.id).cloned())).collect()
    }

    pub fn seen(&self) -> Seen {
        let (revision, draft) = (self.reading.revision(), self.editor.draft().cloned());
        Seen { revision, measured: self.measurements, hidden: self.hidden, draft }
    }

    /// What guests are told of a series: what its pictures show here, with what is measured of it as it is now. Where
    /// there is more than is told, it is the newest.
    pub fn told(&self, series_id: &str) -> Told {
        let own = |a: &&Annotation| a.visible && a.series == series_id && !self.hidden;
        let shown = self.reading.annotations().iter().chain(self.editor.draft()).filter(own);
        let values = |a: &Annotation| {
            self.measured.get(&a.id).filter(|measured| measured.is_of(a)).and_then(|m| m.values.as_ref())
        };
        let mut points = 0;
        let drawings = shown.rev().filter_map(|a| drawing(a, values(a))).take(MAX_DRAWINGS);
        let mut drawings: Vec<Drawing> = drawings
            .take_while(|drawing| {
                points += drawing.points_mm.len();
                points <= MAX_DRAWN_POINTS
            })
            .collect();
        drawings.reverse();
        Told { series_instance_uid: series_id.to_owned(), drawings }
    }

    /// A guest's window shows what its host has drawn, and nobody can change it here. What the host calls it may name
    /// the patient, and is `named` where the patient is. `here` is what this window calls a series of the host's.
    pub fn show_hosted(&mut self, told: Vec<Arc<Told>>, here: impl Fn(&str) -> String, named: bool) {
        self.hosted.show(told, here, named);
    }
}

/// `None` of what lies nowhere, or has no extent yet.
fn drawing(annotation: &Annotation, values: Option<&Values>) -> Option<Drawing> {
    let mut whole = annotation.clone();
    // What is being drawn lacks points.
    let (least, _) = whole.kind.point_count();
    let last = whole.points_mm.last().copied()?;
    if least > 1 && whole.points_mm.iter().all(|&point| point == last) {
        return None;
    }
    whole.points_mm.resize(whole.points_mm.len().max(least), last);
    if whole.fault().is_some() {
        return None;
    }
    let count = whole.points_mm.len().min(MOST_POINTS);
    let point = |i: usize| whole.points_mm[i * whole.points_mm.len() / count].to_array();
    let Placement { center_mm, right, down } = whole.placement;
    let number = |quantity: &Quantity| Number {
        measure: serde_json::to_value(quantity.measure)
            .ok()
            .and_then(|name| name.as_str().map(str::to_owned))
            .unwrap_or_default(),
        value: quantity.value,
        unit: quantity.unit.chars().take(MOST_LETTERS).collect(),
    };
    let quantities = values.map(|values| values.quantities.as_slice()).unwrap_or_default();
    Some(Drawing {
        kind: KINDS.iter().find(|(kind, _)| *kind == whole.kind)?.1,
        points_mm: (0..count).map(point).collect(),
        plane: MeasuredPlane {
            center_mm: center_mm.to_array(),
            right: right.to_array(),
            down: down.to_array(),
        },
        label: whole.label,
        color: whole.color,
        quantities: quantities.iter().filter(|quantity| quantity.value.is_finite()).map(number).collect(),
    })
}

/// `None` of what no hand can have drawn.
fn read(names: &mut Reading, drawing: &Drawing, series: &str) -> Option<Theirs> {
    let Drawing { kind, points_mm, plane, label, color, quantities } = drawing;
    let MeasuredPlane { center_mm, right, down } = *plane;
    let placement = Placement::new(center_mm.into(), right.into(), down.into())?;
    let points_mm = points_mm.iter().map(|&point| point.into()).collect();
    let (kind, _) = KINDS.iter().find(|(_, told)| told == kind)?;
    let named = names.annotation(*kind, series, placement, points_mm);
    let annotation = Annotation { color: *color, ..named };
    let quantity = |number: &Number| {
        let measure = serde_json::from_value(number.measure.clone().into()).ok()?;
        Some(Quantity { measure, value: number.value, unit: reading::clean_label(&number.unit) })
    };
    let quantities = quantities.iter().filter_map(quantity).collect();
    let values = Values { quantities, ..Values::default() };
    annotation.fault().is_none().then(|| Theirs { annotation, values, label: reading::clean_label(label) })
}

const KINDS: [(Kind, DrawingKind); 12] = [
    (Kind::Probe, DrawingKind::Probe),
    (Kind::Length, DrawingKind::Length),
    (Kind::Angle, DrawingKind::Angle),
    (Kind::Cobb, DrawingKind::Cobb),
    (Kind::Bidirectional, DrawingKind::Bidirectional),
    (Kind::Ellipse, DrawingKind::Ellipse),
    (Kind::Rectangle, DrawingKind::Rectangle),
    (Kind::Freehand, DrawingKind::Freehand),
    (Kind::Arrow, DrawingKind::Arrow),
    (Kind::Box, DrawingKind::Box),
    (Kind::Ellipsoid, DrawingKind::Ellipsoid),
    (Kind::KeyImage, DrawingKind::KeyImage),
];

#[cfg(test)]
mod tests {
    use glam::{DVec3, dvec3};
    use protocol::ServerMessage;
    use reading::Measure;

    use super::*;

    const SERIES: &str = "1.2.3";

    fn draw(host: &mut Annotate, kind: Kind, points_mm: Vec<DVec3>) -> Annotation {
        let placement = Placement::new(DVec3::ZERO, DVec3::X, DVec3::Y).expect("axes at a right angle");
        let drawn = host.reading.annotation(kind, SERIES, placement, points_mm);
        host.reading.apply(reading::Edit::put(drawn.clone()));
        drawn
    }

    fn guest_of(host: &Annotate) -> Vec<Theirs> {
        // As it comes by the wire.
        let Told { series_instance_uid, drawings } = host.told(SERIES);
        let told = ServerMessage::Drawn { number: 1, series_instance_uid, drawings };
        let told = ServerMessage::parse(&serde_json::to_string(&told).expect("JSON"));
        let told = told.expect("a message of the protocol");
        let ServerMessage::Drawn { series_instance_uid, drawings, .. } = told else { panic!("{told:?}") };
        let mut guest = Annotate::default();
        guest.show_hosted(vec![Arc::new(Told { series_instance_uid, drawings })], str::to_owned, true);
        assert!(guest.reading.is_empty(), "nobody can change it");
        guest.hosted.lists.into_iter().flat_map(|list| list.drawn).collect()
    }

    #[test]
    fn a_guest_sees_all_kinds_where_the_host_does_with_its_numbers_and_words() {
        let mut host = Annotate::default();
        let point = |i: usize| dvec3(0.1 * i as f64, (i * i) as f64, 0.0);
        for kind in Kind::ALL {
            draw(&mut host, kind, (0..kind.point_count().0).map(point).collect());
        }
        let named = host.reading.annotations()[1].id;
        let edit = host.reading.renamed(named, "Lesion <1>").expect("another name");
        host.reading.apply(edit);
        let of = host.reading.annotations()[1].clone();
        let quantity = |value: f64| Quantity { measure: Measure::Length, value, unit: "mm".into() };
        let values = Values { quantities: vec![quantity(41.2), quantity(f64::NAN)], ..Values::default() };
        host.measured
            .insert(named, super::super::Measured { of, values: Some(values), job: None, again: None });
        let theirs = guest_of(&host);
        let seen = |a: &Annotation, label: &str| {
            (a.kind, a.points_mm.clone(), a.placement, label.to_owned(), a.color)
        };
        let own: Vec<_> = host.reading.annotations().iter().map(|a| seen(a, &a.label)).collect();
        assert_eq!(theirs.iter().map(|t| seen(&t.annotation, &t.label)).collect::<Vec<_>>(), own);
        let numbers = |theirs: &Theirs| theirs.values.quantities.clone();
        assert_eq!(numbers(&theirs[1]), [quantity(41.2)], "what is no number is not told");
        assert_eq!(numbers(&theirs[0]), [], "not measured yet");
        assert_eq!(
            (theirs[1].name(true), theirs[1].name(false)),
            ("Lesion <1>", text::of(Kind::ALL[1].name()))
        );
        // Moved, it has another length.
        let mut moved = host.reading.annotations()[1].clone();
        moved.shift(DVec3::X);
        let points = moved.points_mm.clone();
        host.reading.apply(reading::Edit::put(moved));
        let theirs = guest_of(&host);
        assert_eq!((&theirs[1].annotation.points_mm, numbers(&theirs[1])), (&points, vec![]));
        host.toggle_hidden();
        assert!(guest_of(&host).is_empty());
    }

    #[test]
    fn guests_are_told_the_newest_of_many_and_a_fair_copy_of_long_outlines() {
        let mut host = Annotate::default();
        for i in 0..=MAX_DRAWINGS {
            draw(&mut host, Kind::Probe, vec![dvec3(i as f64, 0.0, 0.0)]);
        }
        let first = guest_of(&host)[0].annotation.points_mm[0];
        assert_eq!(first, DVec3::X, "the oldest is left out");
        let round = |i: usize| dvec3((i as f64 / 500.0).cos(), (i as f64 / 500.0).sin(), 0.0) * 50.0;
        draw(&mut host, Kind::Freehand, (0..3000).map(round).collect());
        assert_eq!(guest_of(&host).last().expect("it is new").annotation.points_mm.len(), MOST_POINTS);
        for _ in 0..70 {
            draw(&mut host, Kind::Freehand, (0..3000).map(round).collect());
        }
        assert_eq!(guest_of(&host).len(), MAX_DRAWN_POINTS / MOST_POINTS);
    }

    #[test]
    fn what_no_hand_can_have_drawn_is_not_shown() {
        let mut host = Annotate::default();
        draw(&mut host, Kind::Box, vec![DVec3::ZERO, DVec3::ONE]);
        let told = host.told(SERIES);
        let shown = |change: fn(&mut Drawing)| {
            let mut told = told.clone();
            change(&mut told.drawings[0]);
            let mut guest = Annotate::default();
            guest.show_hosted(vec![Arc::new(told)], str::to_owned, true);
            guest.hosted.all().count()
        };
        assert_eq!(shown(|_| ()), 1);
        assert_eq!(shown(|d| d.points_mm.truncate(1)), 0);
        assert_eq!(shown(|d| d.points_mm.clear()), 0);
        assert_eq!(shown(|d| d.plane.right = [0.0; 3]), 0);
        assert_eq!(shown(|d| d.points_mm[0][1] = f64::NAN), 0);
        assert_eq!(shown(|d| d.label = "\u{7}".repeat(1000)), 1);
    }

    #[test]
    fn drawings_say_that_they_are_the_hosts_and_name_nobody_where_the_patient_is_hidden() {
        let mut host = Annotate::default();
        draw(&mut host, Kind::Length, vec![DVec3::ZERO, DVec3::X]);
        let arrow = draw(&mut host, Kind::Arrow, vec![DVec3::ZERO, DVec3::X]);
        let edit = host.reading.renamed(arrow.id, "Example").expect("another name");
        host.reading.apply(edit);
        let told = Arc::new(host.told(SERIES));
        let plane =
            Plane { center_mm: DVec3::ZERO, right: DVec3::X, down: DVec3::Y, fit_mm: [9.0; 2], zoom: 1.0 };
        let mut guest = Annotate::default();
        let mut labels = |named: bool| {
            guest.show_hosted(vec![Arc::clone(&told)], str::to_owned, named);
            let on = guest.hosted.on(SERIES, &plane, 0.5);
            on.map(|theirs| theirs.annotation.label.clone()).collect::<Vec<_>>()
        };
        let host = tr!("host-drew").into_owned();
        assert_eq!(labels(false), [host.clone(), host.clone()]);
        assert_eq!(labels(true), [host, tr!("host-drew-as", label = "Example").into_owned()]);
    }

    #[test]
    fn only_a_list_that_has_changed_is_read_anew() {
        let mut host = Annotate::default();
        draw(&mut host, Kind::Probe, vec![DVec3::ZERO]);
        let of = |series: &str| Arc::new(Told { series_instance_uid: series.into(), ..host.told(SERIES) });
        let (one, other) = (of("1"), of("2"));
        let mut guest = Annotate::default();
        guest.show_hosted(vec![Arc::clone(&one), Arc::clone(&other)], str::to_owned, true);
        let points = |guest: &Annotate| -> Vec<_> {
            guest.hosted.all().map(|theirs| theirs.annotation.points_mm.as_ptr()).collect()
        };
        let before = points(&guest);
        guest.show_hosted(vec![Arc::clone(&one), Arc::clone(&other)], str::to_owned, false);
        assert_eq!(points(&guest), before, "another label is no reason to read it");
        guest.show_hosted(vec![of("1"), Arc::clone(&other)], str::to_owned, false);
        let after = points(&guest);
        assert!(after[0] != before[0] && after[1] == before[1]);
        guest.show_hosted(vec![other], str::to_owned, false);
        assert_eq!(points(&guest), before[1..]);
    }
}
