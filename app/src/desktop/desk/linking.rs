//! Slices that page together.

use std::collections::HashMap;

use glam::DVec3;

use super::Desk;
use crate::desktop::layout::ViewportId;
use crate::desktop::session::Offset;
use crate::desktop::viewport::Viewport;

/// Directions of patient spaces that are kept.
const MOST_OFFSETS: usize = 256;

/// Parallel planes: their normals' cosine.
const PARALLEL: f64 = 0.9995;

/// Millimetres along a normal from a place of a patient space to the same place of all others: by where their slices
/// stood when one of them was paged first, because nobody knows how the patient lay. By patient space and normal.
pub(super) type Offsets = HashMap<(String, [i32; 3]), f64>;

/// Of the two normals of a plane always the same one, and a name for it and those that are nearly as it.
fn direction(normal: DVec3) -> (DVec3, [i32; 3]) {
    let name = (normal * 50.0).round().as_ivec3().to_array();
    match name.into_iter().find(|n| *n != 0) {
        Some(first) if first < 0 => (-normal, name.map(|n| -n)),
        _ => (normal, name),
    }
}

impl Desk {
    pub(super) fn slices_of<'a>(
        &'a mut self,
        frame: &'a str,
        but: ViewportId,
    ) -> impl Iterator<Item = &'a mut Viewport> {
        self.viewports.values_mut().filter(move |v| v.id != but && v.is_slice() && v.frame() == frame)
    }

    /// Whether slices of other patient spaces page along.
    pub fn pages_spaces(&self) -> bool {
        self.offsets.is_some()
    }

    /// Slices of other patient spaces page along from where they are now, or no longer.
    pub(super) fn toggle_spaces(&mut self) {
        self.offsets = self.offsets.is_none().then(HashMap::new);
    }

    /// What of it is kept from one start to the next.
    pub(in crate::desktop) fn saved_offsets(&self) -> Option<Vec<Offset>> {
        let offsets = self.offsets.as_ref()?.iter();
        let saved =
            offsets.map(|((frame, along), mm)| Offset { frame: frame.clone(), along: *along, mm: *mm });
        let mut saved: Vec<Offset> = saved.collect();
        // The same each time, or it would be written again and again.
        saved.sort_by(|a, b| (&a.frame, a.along).cmp(&(&b.frame, b.along)));
        Some(saved)
    }

    pub(in crate::desktop) fn restore_offsets(&mut self, saved: Option<&[Offset]>) {
        let one = |offset: &Offset| ((offset.frame.clone(), offset.along), offset.mm);
        let usable = |offset: &&Offset| offset.mm.is_finite();
        self.offsets = saved.map(|saved| saved.iter().take(MOST_OFFSETS).filter(usable).map(one).collect());
    }

    /// The place where planes cross goes with a slice that is paged, and so do parallel ones.
    pub(super) fn page_others(&mut self, id: ViewportId, shift_mm: DVec3) {
        let Some(source) = self.viewports.get(&id) else { return };
        let (frame, normal, linked) = (source.frame().to_owned(), source.view.plane.normal(), self.linked);
        let here = source.view.plane.center_mm;
        self.move_cursor(&frame, here, normal);
        if shift_mm == DVec3::ZERO {
            return;
        }
        if linked {
            for other in self.slices_of(&frame, id) {
                if other.view.plane.normal().dot(normal).abs() > PARALLEL {
                    other.move_to(here);
                }
            }
        }
        self.page_spaces(id, here - shift_mm, here);
    }

    /// Slices of other patient spaces go along, where that is wished.
    fn page_spaces(&mut self, id: ViewportId, before: DVec3, here: DVec3) {
        let (Some(offsets), Some(source)) = (&mut self.offsets, self.viewports.get(&id)) else { return };
        let frame = source.frame().to_owned();
        let (normal, along) = direction(source.view.plane.normal());
        let others: Vec<(ViewportId, String, f64)> = self
            .viewports
            .values()
            .filter(|v| {
                v.is_slice() && v.frame() != frame && v.view.plane.normal().dot(normal).abs() > PARALLEL
            })
            .map(|v| (v.id, v.frame().to_owned(), v.view.plane.center_mm.dot(normal)))
            .collect();
        // One that is paged for the first time stands where it stands beside those that are known.
        let known = others.iter().find_map(|(_, of, at)| Some(offsets.get(&(of.clone(), along))? + at));
        let own = *offsets
            .entry((frame, along))
            .or_insert_with(|| known.map_or(0.0, |known| known - before.dot(normal)));
        let mut moved = Vec::new();
        for (other, of, at) in others {
            let common = own + before.dot(normal);
            let offset = *offsets.entry((of.clone(), along)).or_insert(common - at);
            moved.push((other, of, own + here.dot(normal) - offset));
        }
        for (other, of, at) in moved {
            let Some(viewport) = self.viewports.get_mut(&other) else { continue };
            let center = viewport.view.plane.center_mm;
            viewport.move_to(center + normal * (at - center.dot(normal)));
            let now = viewport.view.plane.center_mm;
            self.move_cursor(&of, now, normal);
        }
    }

    fn move_cursor(&mut self, frame: &str, here: DVec3, normal: DVec3) {
        if let Some(cursor) = self.cursors.get_mut(frame) {
            *cursor += normal * (here - *cursor).dot(normal);
        }
    }
}
