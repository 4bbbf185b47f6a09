//! Slices that page together.

use std::collections::HashMap;

use glam::DVec3;

use super::Desk;
use crate::desktop::layout::ViewportId;
use crate::desktop::viewport::Viewport;

/// Parallel planes: their normals' cosine.
const PARALLEL: f64 = 0.9995;

/// What is added to a place of a patient space to be at the same place of all others: by where their slices stood when
/// one of them was paged first, because nobody knows how the patient lay.
pub(super) type Offsets = HashMap<String, DVec3>;

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

    /// The place where planes cross goes with a slice that is paged, and so do parallel ones.
    pub(super) fn page_others(&mut self, id: ViewportId, shift_mm: DVec3) {
        let Some(source) = self.viewports.get(&id) else { return };
        let (frame, normal, linked) = (source.frame().to_owned(), source.view.plane.normal(), self.linked);
        let here = source.view.plane.center_mm;
        if let Some(cursor) = self.cursors.get_mut(&frame) {
            *cursor += normal * (here - *cursor).dot(normal);
        }
        if shift_mm == DVec3::ZERO {
            return;
        }
        let common = match &mut self.offsets {
            Some(offsets) => *offsets.entry(frame.clone()).or_default(),
            None => DVec3::ZERO,
        };
        for other in self.viewports.values_mut() {
            let parallel = other.view.plane.normal().dot(normal).abs() > PARALLEL;
            if other.id == id || !other.is_slice() || !parallel {
                continue;
            }
            if other.frame() == frame {
                if linked {
                    other.move_to(here);
                }
            } else if let Some(offsets) = &mut self.offsets {
                let now = || common + here - shift_mm - other.view.plane.center_mm;
                let offset = *offsets.entry(other.frame().to_owned()).or_insert_with(now);
                other.move_to(here + common - offset);
            }
        }
    }
}
