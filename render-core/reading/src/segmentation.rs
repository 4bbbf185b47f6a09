//! Labels on a volume's voxels: painted, grown and taken back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use glam::{DVec3, dvec3};
use rayon::prelude::*;
use render_core::{Geometry, Progress, Volume};

use crate::annotation::{Annotation, Placement};
use crate::labels::Labels;
use crate::measure::{Measure, Quantity, Source, Values, voxel_ml};
use crate::region::{Solid, voxel_bounds};
use crate::statistics::{Cancelled, Statistics};

/// More voxels than this have no labels: a byte each.
pub const MAX_LABELLED: usize = 1 << 30;
/// Most segments: labels are bytes, 0 is none.
pub const MAX_SEGMENTS: usize = 255;
/// No brush is larger.
pub const MAX_BRUSH_MM: f64 = 250.0;

/// Something that was marked in the voxels.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Segment {
    /// The label of its voxels, from 1.
    pub number: u8,
    pub name: String,
    /// sRGB.
    pub color: [u8; 3],
    pub visible: bool,
}

/// Voxels that follow each other in the order of the volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    pub start: u32,
    pub length: u32,
}

/// Labels before a change, in runs that do not meet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change(Vec<(Run, u8)>);

impl Change {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Voxels that belonged to a segment.
    pub(crate) fn labelled(&self) -> u64 {
        self.0.iter().filter(|(_, label)| *label != 0).map(|(run, _)| u64::from(run.length)).sum()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.0.capacity() * size_of::<(Run, u8)>()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SegmentationError {
    #[error("the volume has {0} voxels; up to {MAX_LABELLED} can be labelled")]
    TooLarge(usize),
    #[error("there are {MAX_SEGMENTS} segments already, which is the most")]
    TooMany,
}

/// What tells a segment from any other one, also of its number: numbers are given anew once they are free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentId(u64);

impl SegmentId {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// A segmentation that was changed in a copy of it, for [`crate::Reading::put_painted`].
#[derive(Debug)]
pub struct Painted {
    /// The one that was copied.
    pub(crate) before: Segmentation,
    pub(crate) after: Segmentation,
}

impl Painted {
    pub fn after(&self) -> &Segmentation {
        &self.after
    }

    /// Whether nothing is another than before.
    pub fn is_empty(&self) -> bool {
        self.after.revision == self.before.revision
    }
}

/// How a brush paints.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Brush {
    pub radius_mm: f64,
    /// A ball, else a disc as thick as a slice.
    pub ball: bool,
    /// Only voxels with values in this range, ends included.
    pub within: Option<(f32, f32)>,
}

/// One label for each voxel of a grid. A voxel belongs to one segment at most.
#[derive(Clone, Debug)]
pub struct Segmentation {
    geometry: Geometry,
    /// Shared with whoever draws or writes them.
    labels: Arc<Labels>,
    segments: Vec<Segment>,
    /// Of each segment.
    ids: Vec<SegmentId>,
    /// Rises with every change.
    revision: u64,
}

impl Segmentation {
    pub fn new(geometry: Geometry) -> Result<Self, SegmentationError> {
        let count = geometry.voxel_count();
        if count > MAX_LABELLED {
            return Err(SegmentationError::TooLarge(count));
        }
        let [columns, rows, slices] = geometry.dims().map(|n| n as usize);
        let labels = Arc::new(Labels::new(columns, rows * slices));
        Ok(Self { geometry, labels, segments: Vec::new(), ids: Vec::new(), revision: 0 })
    }

    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// A label for each voxel.
    pub fn labels(&self) -> &Arc<Labels> {
        &self.labels
    }

    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    pub fn segment(&self, number: u8) -> Option<&Segment> {
        self.segments.iter().find(|segment| segment.number == number)
    }

    pub fn id_of(&self, number: u8) -> Option<SegmentId> {
        let place = self.segments.iter().position(|segment| segment.number == number)?;
        self.ids.get(place).copied()
    }

    /// The number of a segment, while it is there.
    pub fn number_of(&self, id: SegmentId) -> Option<u8> {
        let place = self.ids.iter().position(|known| *known == id)?;
        self.segments.get(place).map(|segment| segment.number)
    }

    /// Whether the other one is the same in all that it holds, and of the same making.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.labels, &other.labels) && self.revision == other.revision && self.ids == other.ids
    }

    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// A segment with the lowest free number, not yet in the list: [`crate::Edit::Segments`] puts it there.
    pub fn next_segment(&self) -> Result<Segment, SegmentationError> {
        let free = (1..=MAX_SEGMENTS as u8).find(|&number| self.segment(number).is_none());
        let number = free.ok_or(SegmentationError::TooMany)?;
        let color = crate::color(usize::from(number));
        Ok(Segment { number, name: format!("Segment {number}"), color, visible: true })
    }

    pub(crate) fn set_segments(&mut self, segments: Vec<Segment>) -> Vec<Segment> {
        self.revision += 1;
        // Who has a number keeps it, whatever else becomes of the segment.
        let id = |segment: &Segment| self.id_of(segment.number).unwrap_or_else(SegmentId::new);
        self.ids = segments.iter().map(id).collect();
        std::mem::replace(&mut self.segments, segments)
    }

    /// A copy with a label on these voxels: for large ones, on a thread of their own.
    pub fn painted(&self, runs: &[Run], label: u8) -> Painted {
        let mut after = self.clone();
        after.paint(runs, label);
        Painted { before: self.clone(), after }
    }

    /// A copy without a segment and its voxels; the same.
    pub fn without(&self, number: u8) -> Painted {
        let mut after = self.clone();
        Arc::make_mut(&mut after.labels).clear(number);
        let others = self.segments.iter().filter(|segment| segment.number != number);
        after.set_segments(others.cloned().collect());
        Painted { before: self.clone(), after }
    }

    /// Gives voxels a label, and returns what takes that back.
    pub(crate) fn paint(&mut self, runs: &[Run], label: u8) -> Change {
        self.write(runs.iter().map(|&run| (run, label)))
    }

    /// Comes after another revision of the same series.
    pub(crate) fn follow(&mut self, revision: u64) {
        self.revision = self.revision.max(revision) + 1;
    }

    /// Brings labels back, and returns what takes that back.
    pub(crate) fn apply(&mut self, change: &Change) -> Change {
        self.write(change.0.iter().copied())
    }

    fn write(&mut self, runs: impl Iterator<Item = (Run, u8)>) -> Change {
        let mut before: Vec<(Run, u8)> = Vec::new();
        let labels = Arc::make_mut(&mut self.labels);
        runs.for_each(|(run, label)| labels.fill(run, label, &mut before));
        before.shrink_to_fit();
        self.revision += u64::from(!before.is_empty());
        Change(before)
    }

    /// The voxels that a brush covers which is drawn in a straight line.
    pub fn stroke(
        &self,
        from: DVec3,
        to: DVec3,
        plane: &Placement,
        brush: &Brush,
        volume: Option<&Volume>,
    ) -> Vec<Run> {
        let radius = brush.radius_mm.clamp(0.0, MAX_BRUSH_MM);
        let normal = plane.normal();
        let half_slice = 0.5 / (self.geometry.voxel_from_patient().matrix3 * normal).abs().max_element();
        let (low, high) = {
            // A disc reaches as far as its tilt takes it along each axis, and half a slice along its normal.
            let reach = if brush.ball {
                DVec3::splat(radius)
            } else {
                let across = (DVec3::ONE - normal * normal).max(DVec3::ZERO);
                DVec3::from(across.to_array().map(f64::sqrt)) * radius + normal.abs() * half_slice
            };
            let reach = reach + (to - from).abs() * 0.5;
            voxel_bounds(&self.geometry, (from + to) * 0.5, reach)
        };
        let covers = |p: DVec3| {
            let depth = (p - from).dot(normal);
            let p = if brush.ball { p } else { p - normal * depth };
            let along = to - from;
            let share = (p - from).dot(along) / along.length_squared().max(1e-12);
            let near = from + along * share.clamp(0.0, 1.0);
            // A voxel midway between two slices belongs to one of them.
            (brush.ball || (-half_slice..half_slice).contains(&(depth - 1e-9)))
                && p.distance_squared(near) <= radius * radius + 1e-9
        };
        let in_range = |voxel: [u32; 3]| {
            brush.within.is_none_or(|(low, high)| {
                volume
                    .and_then(|volume| volume.value_at(voxel))
                    .is_some_and(|value| (low..=high).contains(&value))
            })
        };
        self.runs_where(low, high, |voxel, place| covers(place) && in_range(voxel))
    }

    fn runs_where(&self, low: [i64; 3], high: [i64; 3], keep: impl Fn([u32; 3], DVec3) -> bool) -> Vec<Run> {
        let [nx, ny, _] = self.geometry.dims().map(i64::from);
        let m = self.geometry.patient_from_voxel();
        let mut runs: Vec<Run> = Vec::new();
        for k in low[2]..=high[2] {
            for j in low[1]..=high[1] {
                for i in low[0]..=high[0] {
                    let place = m.transform_point3(dvec3(i as f64, j as f64, k as f64));
                    if keep([i as u32, j as u32, k as u32], place) {
                        add(&mut runs, ((k * ny + j) * nx + i) as u32);
                    }
                }
            }
        }
        runs
    }

    /// All voxels of a segment.
    pub fn runs_of(&self, number: u8) -> Vec<Run> {
        self.labels.runs_of(number)
    }

    /// Volume and values of a segment's voxels; `None` where it has none.
    pub fn statistics(
        &self,
        number: u8,
        source: &Source<'_>,
        progress: &Progress,
    ) -> Result<Option<Values>, Cancelled> {
        let columns = self.geometry.dims()[0] as usize;
        let Some(volume) = source.volume.filter(|volume| volume.voxels().len() == self.labels.len()) else {
            return Ok(None);
        };
        let (rescale, voxels) = (volume.rescale(), volume.voxels());
        let row = |i: usize, values: &mut Vec<f32>| {
            let labels = self.labels.row(i);
            // Most rows hold nothing of it, which is told much faster than voxel by voxel.
            if labels.contains(&number) {
                let own = labels.iter().enumerate().filter(|(_, label)| **label == number);
                values.extend(own.map(|(x, _)| rescale.apply(voxels.get(i * columns + x))));
            }
        };
        let statistics = Statistics::of_rows(self.labels.len() / columns, row, progress)?;
        Ok(statistics.map(|statistics| {
            let mut values = Values::default();
            if source.trust.is_everywhere() {
                values.quantities.push(Quantity {
                    measure: Measure::Volume,
                    value: statistics.count as f64 * voxel_ml(&self.geometry),
                    unit: "ml".into(),
                });
            } else {
                values.doubt = source.trust.reason().map(str::to_owned);
            }
            values.add(&statistics, source, "voxels");
            values
        }))
    }
}

/// All voxels with values in a range, ends included; of a box or ellipsoid only, where there is one.
pub fn threshold(
    volume: &Volume,
    (low, high): (f32, f32),
    region: Option<&Annotation>,
    progress: &Progress,
) -> Result<Vec<Run>, Cancelled> {
    let geometry = volume.geometry();
    let [nx, ny, nz] = geometry.dims().map(|n| n as usize);
    let solid = region.filter(|region| region.kind.is_solid()).map(Solid::of);
    let bounds = solid.map_or_else(
        || ([0; 3], geometry.dims().map(|n| i64::from(n) - 1)),
        |solid| solid.voxel_bounds(geometry),
    );
    progress.add_total(nz as u64);
    let (rescale, voxels) = (volume.rescale(), volume.voxels());
    let slice = |k: usize| {
        if progress.is_cancelled() {
            return Err(Cancelled);
        }
        let mut runs = Vec::new();
        if (bounds.0[2]..=bounds.1[2]).contains(&(k as i64)) {
            for j in bounds.0[1]..=bounds.1[1] {
                let first = (k * ny + j as usize) * nx;
                for i in bounds.0[0]..=bounds.1[0] {
                    let value = rescale.apply(voxels.get(first + i as usize));
                    let place = || {
                        let voxel = dvec3(i as f64, j as f64, k as f64);
                        geometry.patient_from_voxel().transform_point3(voxel)
                    };
                    if (low..=high).contains(&value) && solid.is_none_or(|solid| solid.holds(place())) {
                        add(&mut runs, (first + i as usize) as u32);
                    }
                }
            }
        }
        progress.add_done(1);
        Ok(runs)
    };
    let slices = (0..nz).into_par_iter().map(slice).collect::<Result<Vec<_>, Cancelled>>()?;
    Ok(slices.concat())
}

/// The voxels with values in a range that hang together with the one at a place, by their faces. None where that
/// one lies outside the range or the volume.
pub fn grow(
    volume: &Volume,
    seed_mm: DVec3,
    (low, high): (f32, f32),
    progress: &Progress,
) -> Result<Vec<Run>, Cancelled> {
    let geometry = volume.geometry();
    let dims = geometry.dims();
    let [nx, ny, nz] = dims.map(|n| n as usize);
    let at = geometry.voxel_from_patient().transform_point3(seed_mm).round();
    let inside = at.cmpge(DVec3::ZERO).all() && at.cmplt(DVec3::from(dims.map(f64::from))).all();
    if !inside || geometry.voxel_count() > MAX_LABELLED {
        return Ok(Vec::new());
    }
    let (rescale, voxels) = (volume.rescale(), volume.voxels());
    let mut seen = vec![0u64; geometry.voxel_count().div_ceil(64)];
    let fits = |seen: &[u64], i: usize| {
        seen[i / 64] >> (i % 64) & 1 == 0 && (low..=high).contains(&rescale.apply(voxels.get(i)))
    };
    // Whole runs of rows at a time: the list stays short.
    let mut waiting = vec![(at.z as usize * ny + at.y as usize) * nx + at.x as usize];
    let mut steps = 0u64;
    while let Some(seed) = waiting.pop() {
        if !fits(&seen, seed) {
            continue;
        }
        steps += 1;
        if steps.is_multiple_of(1024) && progress.is_cancelled() {
            return Err(Cancelled);
        }
        let row = seed / nx;
        let (mut first, mut end) = (seed, seed + 1);
        while first > row * nx && fits(&seen, first - 1) {
            first -= 1;
        }
        while end < (row + 1) * nx && fits(&seen, end) {
            end += 1;
        }
        (first..end).for_each(|i| seen[i / 64] |= 1 << (i % 64));
        let (j, k) = (row % ny, row / ny);
        let neighbours = [
            (j > 0).then(|| row - 1),
            (j + 1 < ny).then(|| row + 1),
            (k > 0).then(|| row - ny),
            (k + 1 < nz).then(|| row + ny),
        ];
        for neighbour in neighbours.into_iter().flatten() {
            let mut before = false;
            for x in first - row * nx..end - row * nx {
                let now = fits(&seen, neighbour * nx + x);
                // One for each run is enough: it finds the rest of it.
                if now && !before {
                    waiting.push(neighbour * nx + x);
                }
                before = now;
            }
        }
    }
    let mut runs = Vec::new();
    for (word, &bits) in seen.iter().enumerate().filter(|(_, bits)| **bits != 0) {
        (0..64).filter(|bit| bits >> bit & 1 == 1).for_each(|bit| add(&mut runs, (word * 64 + bit) as u32));
    }
    Ok(runs)
}

/// Adds a voxel that comes after all that are there.
pub(crate) fn add(runs: &mut Vec<Run>, at: u32) {
    match runs.last_mut() {
        Some(last) if last.start + last.length == at => last.length += 1,
        _ => runs.push(Run { start: at, length: 1 }),
    }
}

#[cfg(test)]
mod tests {
    use glam::DAffine3;

    use super::*;

    fn empty() -> Segmentation {
        Segmentation::new(Geometry::new([40, 20, 10], DAffine3::IDENTITY).expect("a grid")).expect("small")
    }

    #[test]
    fn painting_over_many_labels_is_taken_back_label_by_label() {
        let mut segmentation = empty();
        for (start, label) in [(0u32, 1u8), (100, 2), (150, 3), (151, 2), (900, 1)] {
            segmentation.paint(&[Run { start, length: 130 }], label);
        }
        let before = Arc::clone(segmentation.labels());
        let change =
            segmentation.paint(&[Run { start: 10, length: 500 }, Run { start: 800, length: 400 }], 2);
        assert!((10..510).all(|voxel| segmentation.labels()[voxel] == 2));
        let back = segmentation.apply(&change);
        assert_eq!(*segmentation.labels(), before);
        segmentation.apply(&back);
        assert!((800..1200).all(|voxel| segmentation.labels()[voxel] == 2));
        assert!(segmentation.paint(&[Run { start: 10, length: 500 }], 2).is_empty());
        assert_eq!(segmentation.runs_of(2)[0], Run { start: 10, length: 500 });
    }
}
