//! Pictures that refine: each view has its own, and all of them together have bounded memory.

use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use render_core::progressive::{Refinement, ViewRequest};
use render_core::{Frame, RenderError};

/// Most pixels of a picture, 152 bytes each; larger views have theirs stretched.
const MOST_PIXELS: u32 = 1 << 20;

/// Most pictures in the making, of all sessions together: 1.3 GB.
const MOST_STUDIOS: usize = 8;

/// The pictures in the making.
#[derive(Clone, Debug, Default)]
pub struct Studios(Arc<AtomicUsize>);

/// A place among them, free again when it is dropped.
#[derive(Debug)]
struct Place(Arc<AtomicUsize>);

impl Studios {
    fn take(&self) -> Option<Place> {
        let one_more = |taken| (taken < MOST_STUDIOS).then_some(taken + 1);
        let taken = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        taken.is_ok().then(|| Place(Arc::clone(&self.0)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What one view has gathered so far. Sessions see no more of it than this: a compiler that has to find
/// out whether all of a graphics card's types may go to other threads gives up in their futures.
pub trait Studio: Debug + Send + Sync {
    /// The picture after one more pass and the share of passes that are done. Where too many pictures
    /// are in the making, the shaded volume is all there is.
    fn advance(
        &self,
        studios: &Studios,
        request: &ViewRequest,
        cancel: &AtomicBool,
    ) -> Result<(Frame, f32), RenderError>;
}

pub fn new_studio() -> Arc<dyn Studio> {
    Arc::new(Mutex::new(Gathering { refinement: Refinement::new(MOST_PIXELS), place: None }))
}

#[derive(Debug)]
struct Gathering {
    refinement: Refinement,
    place: Option<Place>,
}

impl Studio for Mutex<Gathering> {
    fn advance(
        &self,
        studios: &Studios,
        request: &ViewRequest,
        cancel: &AtomicBool,
    ) -> Result<(Frame, f32), RenderError> {
        // Passes of one view follow each other. A defect that ended one spoils no other: what was
        // gathered is sums.
        let mut gathering = self.lock().unwrap_or_else(PoisonError::into_inner);
        let Gathering { refinement, place } = &mut *gathering;
        *place = place.take().or_else(|| studios.take());
        if place.is_none() {
            let params = render_core::render::resolve(&request.view, &request.volume);
            return Ok((request.renderer.render(&request.volume, &params, cancel)?, 1.0));
        }
        if !refinement.goes_on(request) {
            refinement.begin(request);
        }
        let started = Instant::now();
        let frame = refinement.advance(request, cancel, &|| started.elapsed())?;
        let share = refinement.share();
        if share >= 1.0 {
            *place = None;
        }
        Ok((frame, share))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_so_many_pictures_are_in_the_making_and_their_places_come_back() {
        let studios = Studios::default();
        let mut places: Vec<Place> = (0..MOST_STUDIOS).filter_map(|_| studios.take()).collect();
        assert_eq!(places.len(), MOST_STUDIOS);
        assert!(studios.take().is_none());
        places.pop();
        assert!(studios.take().is_some());
    }
}
