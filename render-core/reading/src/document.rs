//! All that was drawn in a study, and the edits that change it.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use glam::DVec3;
use render_core::Geometry;

use crate::annotation::{Annotation, Id, Kind, Placement};
use crate::labels::Labels;
use crate::segmentation::{Change, Painted, Run, Segment, Segmentation, SegmentationError};

/// Most annotations of a reading.
pub const MAX_ANNOTATIONS: usize = 10_000;
/// What one reader has drawn: annotations in the order in which they were made, and a segmentation for each
/// series that has one.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// Makes UIDs that nobody else has.
    seed: u128,
    next: u64,
    annotations: Vec<Annotation>,
    segmentations: BTreeMap<String, Segmentation>,
    revision: u64,
}

/// A change of a reading. [`Reading::apply`] answers it with the edit that takes it back.
#[derive(Clone, Debug)]
pub enum Edit {
    /// An annotation becomes this, or goes where it is `None`; `at` is its place in the order.
    Annotation { id: Id, at: usize, to: Option<Box<Annotation>> },
    /// Labels of a series' voxels come back, the last change first.
    Labels { series: String, changes: Vec<Change> },
    /// The segments of a series are these.
    Segments { series: String, segments: Vec<Segment> },
    /// A series has this segmentation, or none.
    Segmentation { series: String, to: Option<Box<Segmentation>> },
    /// One after the other.
    Several(Vec<Edit>),
}

impl Edit {
    /// Adds an annotation, or changes the one of its id.
    pub fn put(annotation: Annotation) -> Self {
        Self::Annotation { id: annotation.id, at: usize::MAX, to: Some(Box::new(annotation)) }
    }

    pub fn remove(id: Id) -> Self {
        Self::Annotation { id, at: usize::MAX, to: None }
    }

    /// A series has this segmentation, or none.
    pub fn segmentation(series: impl Into<String>, to: Option<Segmentation>) -> Self {
        Self::Segmentation { series: series.into(), to: to.map(Box::new) }
    }

    /// Bytes that it holds, without labels of whole series: [`Held`] counts those.
    fn bytes(&self) -> usize {
        let held = match self {
            Self::Annotation { to, .. } => to.as_ref().map_or(0, |annotation| {
                size_of::<Annotation>() + annotation.points_mm.len() * size_of::<DVec3>()
            }),
            Self::Labels { changes, .. } => changes.iter().map(|change| change.bytes() + 24).sum(),
            Self::Segments { segments, .. } => segments.len() * (size_of::<Segment>() + 32),
            Self::Segmentation { to, .. } => {
                to.as_ref().map_or(0, |to| to.segments().len() * (size_of::<Segment>() + 32))
            }
            // Each counts for itself.
            Self::Several(_) => 0,
        };
        size_of::<Self>() + held
    }

    /// Whether all that it changes in a reading is of series that are `among` some.
    pub fn is_of(&self, reading: &Reading, among: &impl Fn(&str) -> bool) -> bool {
        match self {
            Self::Annotation { id, to, .. } => {
                let annotation = to.as_deref().or_else(|| reading.get(*id));
                annotation.is_none_or(|annotation| among(&annotation.series))
            }
            Self::Labels { series, .. }
            | Self::Segments { series, .. }
            | Self::Segmentation { series, .. } => among(series),
            Self::Several(edits) => edits.iter().all(|edit| edit.is_of(reading, among)),
        }
    }

    /// Whether it changes anything.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Labels { changes, .. } => changes.iter().all(Change::is_empty),
            Self::Several(edits) => edits.iter().all(Self::is_empty),
            _ => false,
        }
    }
}

/// Counts what edits hold beside a reading, from the one that is done next to the one that is done last: labels that
/// the reading has, or an edit before, count once. What a step shares with the reading is its own as soon as somebody
/// paints over it.
#[derive(Clone, Debug)]
pub struct Held(BTreeMap<String, Arc<Labels>>);

impl Held {
    pub fn beside(reading: &Reading) -> Self {
        let labels = reading.segmentations().map(|(series, s)| (series.to_owned(), Arc::clone(s.labels())));
        Self(labels.collect())
    }

    /// Bytes that the next edit holds.
    pub fn bytes(&mut self, edit: &Edit) -> usize {
        let labels = match edit {
            Edit::Segmentation { series, to: Some(to) } => {
                let before = self.0.insert(series.clone(), Arc::clone(to.labels()));
                to.labels().bytes_beside(before.as_deref())
            }
            Edit::Several(edits) => edits.iter().map(|edit| self.bytes(edit)).sum(),
            _ => 0,
        };
        edit.bytes() + labels
    }
}

impl Reading {
    /// `random` comes from a source of random numbers: UIDs are made of it.
    pub fn new(random: [u8; 16]) -> Self {
        Self { seed: u128::from_be_bytes(random), ..Self::default() }
    }

    pub fn annotations(&self) -> &[Annotation] {
        &self.annotations
    }

    pub fn get(&self, id: Id) -> Option<&Annotation> {
        self.annotations.iter().find(|annotation| annotation.id == id)
    }

    pub(crate) fn get_mut(&mut self, id: Id) -> Option<&mut Annotation> {
        self.revision += 1;
        self.annotations.iter_mut().find(|annotation| annotation.id == id)
    }

    /// Rises with every change.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    pub fn is_empty(&self) -> bool {
        self.annotations.is_empty() && self.segmentations.values().all(|s| s.segments().is_empty())
    }

    /// A new annotation, which [`Edit::put`] adds.
    pub fn annotation(
        &mut self,
        kind: Kind,
        series: &str,
        placement: Placement,
        points_mm: Vec<DVec3>,
    ) -> Annotation {
        let id = self.next_id();
        Annotation {
            id,
            uid: self.uid(id),
            series: series.to_owned(),
            kind,
            points_mm,
            placement,
            label: String::new(),
            color: crate::color(id.0 as usize),
            visible: true,
        }
    }

    /// Takes over an annotation of a file under an id of its own; `None` where there are too many, or it is none.
    pub(crate) fn adopt(&mut self, annotation: Annotation) -> Option<Edit> {
        if self.annotations.len() >= MAX_ANNOTATIONS || annotation.fault().is_some() {
            return None;
        }
        let id = self.next_id();
        let taken = |a: &Annotation| a.series == annotation.series && a.uid == annotation.uid;
        // Of several measurements of one finding the first keeps its name.
        let own = annotation.uid.is_empty() || self.annotations.iter().any(taken);
        let uid = if own { self.uid(id) } else { annotation.uid };
        Some(Edit::put(Annotation { id, uid, ..annotation }))
    }

    fn next_id(&mut self) -> Id {
        self.next += 1;
        Id(self.next - 1)
    }

    /// A UUID-derived UID (PS3.5 B.2): below 2^128, so at most 44 characters.
    fn uid(&self, id: Id) -> String {
        format!("2.25.{}", self.seed.wrapping_add(u128::from(id.0)))
    }

    /// The edit that changes an annotation's text; `None` where there is no such annotation, or nothing changes.
    pub fn renamed(&self, id: Id, label: &str) -> Option<Edit> {
        let label = crate::clean_label(label);
        let annotation = self.get(id).filter(|annotation| annotation.label != label)?;
        Some(Edit::put(Annotation { label, ..annotation.clone() }))
    }

    pub fn segmentation(&self, series: &str) -> Option<&Segmentation> {
        self.segmentations.get(series)
    }

    /// Series with a segmentation.
    pub fn segmentations(&self) -> impl Iterator<Item = (&str, &Segmentation)> {
        self.segmentations.iter().map(|(series, segmentation)| (series.as_str(), segmentation))
    }

    /// The segmentation of a series, which begins without segments. One of another grid gives way.
    pub fn begin_segmentation(
        &mut self,
        series: &str,
        geometry: &Geometry,
    ) -> Result<&Segmentation, SegmentationError> {
        if self.segmentations.get(series).is_none_or(|found| found.geometry() != geometry) {
            self.segmentations.insert(series.to_owned(), Segmentation::new(*geometry)?);
        }
        Ok(&self.segmentations[series])
    }

    /// Gives voxels of a series' segmentation a label, 0 for none, and returns the edit that takes it back; `None`
    /// where nothing changes.
    pub fn paint(&mut self, series: &str, runs: &[Run], label: u8) -> Option<Edit> {
        let change = self.paint_now(series, runs, label)?;
        Some(Edit::Labels { series: series.to_owned(), changes: vec![change] })
    }

    pub(crate) fn paint_now(&mut self, series: &str, runs: &[Run], label: u8) -> Option<Change> {
        self.revision += 1;
        let change = self.segmentations.get_mut(series)?.paint(runs, label);
        (!change.is_empty()).then_some(change)
    }

    /// Takes over what was painted elsewhere, and returns the edit that takes it back. `None` where the labels have
    /// changed since: it has to be painted again then.
    pub fn put_painted(&mut self, series: &str, painted: Painted) -> Option<Edit> {
        let now = self.segmentations.get(series)?;
        now.is(&painted.before).then(|| self.apply(Edit::segmentation(series, Some(painted.after))))
    }

    /// Does an edit, and returns the one that takes it back.
    pub fn apply(&mut self, edit: Edit) -> Edit {
        self.revision += 1;
        match edit {
            Edit::Annotation { id, at, to } => {
                let place = self.annotations.iter().position(|annotation| annotation.id == id);
                let before = match (place, to) {
                    (Some(place), Some(to)) => Some(std::mem::replace(&mut self.annotations[place], *to)),
                    (Some(place), None) => Some(self.annotations.remove(place)),
                    (None, Some(to)) => {
                        self.next = self.next.max(id.0 + 1);
                        self.annotations.insert(at.min(self.annotations.len()), *to);
                        None
                    }
                    (None, None) => None,
                };
                Edit::Annotation { id, at: place.unwrap_or(at), to: before.map(Box::new) }
            }
            Edit::Labels { series, changes } => {
                let back = match self.segmentations.get_mut(&series) {
                    Some(segmentation) => {
                        changes.iter().rev().map(|change| segmentation.apply(change)).collect()
                    }
                    None => Vec::new(),
                };
                Edit::Labels { series, changes: back }
            }
            Edit::Segments { series, segments } => {
                let before = match self.segmentations.get_mut(&series) {
                    Some(segmentation) => segmentation.set_segments(segments),
                    None => Vec::new(),
                };
                Edit::Segments { series, segments: before }
            }
            Edit::Segmentation { series, to } => {
                let before = self.segmentations.remove(&series);
                if let Some(mut to) = to {
                    if let Some(before) = &before {
                        // Never a revision that other labels had meanwhile.
                        to.follow(before.revision());
                    }
                    self.segmentations.insert(series.clone(), *to);
                }
                Edit::Segmentation { series, to: before.map(Box::new) }
            }
            Edit::Several(edits) => {
                let mut back: Vec<Edit> = edits.into_iter().map(|edit| self.apply(edit)).collect();
                back.reverse();
                Edit::Several(back)
            }
        }
    }

    /// Goes on with what was drawn on a series earlier: it comes first, under numbers of this reading. What is here
    /// already stays as it is.
    pub fn resume(&mut self, earlier: Vec<Annotation>) {
        self.revision += 1;
        let name = |annotation: &Annotation| (annotation.series.clone(), annotation.uid.clone());
        let known: HashSet<(String, String)> = self.annotations.iter().map(name).collect();
        let (mut all, mut names) = (Vec::new(), HashSet::new());
        for mut annotation in earlier.into_iter().filter(|annotation| !known.contains(&name(annotation))) {
            annotation.id = self.next_id();
            // Without a name of its own it would be taken for another.
            if annotation.uid.is_empty() || !names.insert(name(&annotation)) {
                annotation.uid = self.uid(annotation.id);
            }
            all.push(annotation);
        }
        self.annotations.splice(0..0, all);
    }

    /// The same of the labels of a series. Returns false where there are segments already, which stay.
    pub fn resume_labels(&mut self, series: &str, labels: Segmentation) -> bool {
        if self.segmentation(series).is_some_and(|known| !known.segments().is_empty()) {
            return false;
        }
        self.revision += 1;
        self.segmentations.insert(series.to_owned(), labels);
        true
    }
}

#[cfg(test)]
mod tests {
    use glam::DAffine3;

    use super::*;

    #[test]
    fn large_marks_are_taken_back_as_a_whole_and_other_revisions_follow() {
        let geometry = Geometry::new([400, 200, 10], DAffine3::IDENTITY).expect("a grid");
        let mut reading = Reading::new([1; 16]);
        let runs: Vec<Run> = (0..200_000).map(|n| Run { start: 4 * n, length: 1 }).collect();
        let painted = reading.begin_segmentation("1.2.3", &geometry).expect("small").painted(&runs, 2);
        let grown = painted.after.labels().clone();
        let back = reading.put_painted("1.2.3", painted).expect("nothing came between");
        let held = |reading: &Reading, edit: &Edit| Held::beside(reading).bytes(edit);
        assert!(held(&reading, &back) < 1000, "what was there before holds nothing");
        let with_it = reading.segmentation("1.2.3").expect("there is one").revision();
        let again = reading.apply(back);
        assert!(held(&reading, &again) >= 800_000);
        let now = reading.segmentation("1.2.3").expect("there is one");
        assert!(!now.labels().any() && now.revision() > with_it);
        reading.apply(again);
        assert_eq!(reading.segmentation("1.2.3").expect("there is one").labels(), &grown);
        // A little more holds a little.
        let more = [Run { start: 1, length: 2 }];
        let painted = reading.segmentation("1.2.3").expect("there is one").painted(&more, 1);
        let back = reading.put_painted("1.2.3", painted).expect("nothing came between");
        assert!(held(&reading, &back) < 100_000, "{}", held(&reading, &back));
        // Strokes everywhere leave it what was there before as its own.
        let strokes: Vec<Run> = (0..2000).map(|row| Run { start: 400 * row, length: 3 }).collect();
        let stroke = reading.paint("1.2.3", &strokes, 7).expect("a change");
        assert!(held(&reading, &back) >= 800_000, "{}", held(&reading, &back));
        // A step before it shares that, and counts nothing of its own.
        let mut both = Held::beside(&reading);
        let earlier = back.clone();
        assert!(both.bytes(&stroke) < 100_000 && both.bytes(&back) >= 800_000 && both.bytes(&earlier) < 1000);
        reading.apply(stroke);
        reading.apply(back);
        assert_eq!(reading.segmentation("1.2.3").expect("there is one").labels(), &grown);
    }

    #[test]
    fn what_was_drawn_without_a_name_of_its_own_comes_back_whole() {
        let line = |series: &str, uid: &str| {
            let placement = Placement::new(DVec3::ZERO, DVec3::X, DVec3::Y).expect("axes at a right angle");
            let line =
                Reading::default().annotation(Kind::Length, series, placement, vec![DVec3::ZERO, DVec3::X]);
            Annotation { uid: uid.into(), ..line }
        };
        let mut reading = Reading::new([1; 16]);
        reading.resume(vec![
            line("1.2.3", ""),
            line("1.2.3", ""),
            line("1.2.3", "1.9"),
            line("1.2.3", "1.9"),
        ]);
        reading.resume(vec![line("1.2.4", ""), line("1.2.4", "1.9")]);
        assert_eq!(reading.annotations().len(), 6);
        let names: HashSet<_> = reading.annotations().iter().map(|a| (&a.series, &a.uid)).collect();
        assert!(names.len() == 6 && names.iter().all(|(_, uid)| !uid.is_empty()), "{names:?}");
        // What is there already does not come twice.
        let known = reading.annotations().to_vec();
        reading.resume(known);
        assert_eq!(reading.annotations().len(), 6);
    }

    #[test]
    fn a_number_that_is_given_anew_is_another_segment() {
        let geometry = Geometry::new([40, 20, 10], DAffine3::IDENTITY).expect("a grid");
        let mut reading = Reading::new([1; 16]);
        reading.begin_segmentation("1.2.3", &geometry).expect("small");
        let add = |reading: &mut Reading| {
            let now = reading.segmentation("1.2.3").expect("there is one");
            let next = now.next_segment().expect("is free");
            let segments = [now.segments(), std::slice::from_ref(&next)].concat();
            reading.apply(Edit::Segments { series: "1.2.3".into(), segments });
            let now = reading.segmentation("1.2.3").expect("there is one");
            now.id_of(next.number).expect("was added")
        };
        let number_of =
            |reading: &Reading, id| reading.segmentation("1.2.3").expect("there is one").number_of(id);
        let (first, second) = (add(&mut reading), add(&mut reading));
        assert_eq!((number_of(&reading, first), number_of(&reading, second)), (Some(1), Some(2)));
        // Another name makes no other segment of it.
        let mut segments = reading.segmentation("1.2.3").expect("there is one").segments().to_vec();
        segments[0].name = "liver".to_owned();
        reading.apply(Edit::Segments { series: "1.2.3".into(), segments });
        assert_eq!(number_of(&reading, first), Some(1));
        let without = reading.segmentation("1.2.3").expect("there is one").without(1);
        let back = reading.put_painted("1.2.3", without).expect("nothing came between");
        let anew = add(&mut reading);
        assert_eq!((number_of(&reading, anew), number_of(&reading, first)), (Some(1), None));
        assert_eq!(number_of(&reading, second), Some(2));
        // What is brought back is the one that went.
        reading.apply(back);
        assert_eq!((number_of(&reading, first), number_of(&reading, anew)), (Some(1), None));
    }

    #[test]
    fn what_was_painted_elsewhere_counts_only_while_nothing_else_was() {
        let geometry = Geometry::new([40, 20, 10], DAffine3::IDENTITY).expect("a grid");
        let mut reading = Reading::new([1; 16]);
        let runs = [Run { start: 5, length: 30 }];
        let painted = reading.begin_segmentation("1.2.3", &geometry).expect("small").painted(&runs, 2);
        reading.paint("1.2.3", &[Run { start: 0, length: 3 }], 1).expect("a change");
        assert!(reading.put_painted("1.2.3", painted).is_none());
        let painted = reading.segmentation("1.2.3").expect("there is one").painted(&runs, 2);
        let back = reading.put_painted("1.2.3", painted).expect("nothing came between");
        let sum = |reading: &Reading| -> u32 {
            let labels = reading.segmentation("1.2.3").expect("there is one").labels();
            labels.iter().map(|label| u32::from(*label)).sum()
        };
        assert_eq!(sum(&reading), 3 + 60);
        reading.apply(back);
        assert_eq!(sum(&reading), 3);
    }
}
