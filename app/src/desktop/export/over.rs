//! What lies over the pixels of a picture before anything is written on it: segments, overlay planes and shutters.

use std::sync::Arc;

use reading::{Segmentation, Surfaces};
use render_core::scene::{Content, ViewState};
use render_core::{Frame, Progress};

use super::super::annotate::{MASK_OPACITY, SOLID_OPACITY};
use super::{ExportError, Inscription, Subject};
use crate::planes::{self, Show};

/// Draws over the pictures of one export.
#[derive(Default)]
pub struct Over {
    /// The surfaces of a segmentation, which all pictures of a movie share.
    surfaces: Option<(Segmentation, Surfaces)>,
}

impl Over {
    pub fn draw(
        &mut self,
        frame: &mut Frame,
        subject: &Subject,
        view: &ViewState,
        inscription: Inscription,
        progress: &Progress,
    ) -> Result<(), ExportError> {
        let overlaid = subject.overlay_planes && subject.series.is_overlaid;
        if let Some(series) = subject.series.own.as_ref().filter(|_| overlaid) {
            // What is drawn in an image may be a name.
            let show = if inscription.overlays && inscription.patient { Show::All } else { Show::Shutters };
            let open = &subject.series;
            let geometry = open.outline().geometry();
            planes::draw(frame, view, geometry, &open.warnings, series, show).map_err(ExportError::Planes)?;
        }
        let Some(segmentation) = &subject.segments else { return Ok(()) };
        let rgba = match view.content {
            Content::Slice => reading::mask(segmentation, &view.plane, frame.size, MASK_OPACITY),
            Content::Curved => None,
            _ => self.surfaces(segmentation, progress)?.picture(view, frame.size, SOLID_OPACITY),
        };
        if let Some(rgba) = rgba {
            blend(frame, &rgba);
        }
        Ok(())
    }

    fn surfaces(
        &mut self,
        segmentation: &Segmentation,
        progress: &Progress,
    ) -> Result<&Surfaces, ExportError> {
        let known = self.surfaces.take().filter(|(of, _)| same(of, segmentation));
        let known = match known {
            Some(known) => known,
            None => {
                if progress.is_cancelled() {
                    return Err(ExportError::Cancelled);
                }
                // The job counts pictures, not surfaces.
                let made = Surfaces::of(segmentation, &Progress::default());
                (segmentation.clone(), made.map_err(|_| ExportError::Cancelled)?)
            }
        };
        Ok(&self.surfaces.insert(known).1)
    }
}

/// Whether they are one state of one segmentation.
pub fn same(a: &Segmentation, b: &Segmentation) -> bool {
    Arc::ptr_eq(a.labels(), b.labels()) && a.revision() == b.revision()
}

/// Lays RGBA of the same size, not premultiplied, over a picture.
fn blend(frame: &mut Frame, rgba: &[u8]) {
    for (pixel, over) in frame.pixels.chunks_exact_mut(4).zip(rgba.chunks_exact(4)) {
        let alpha = u32::from(over[3]);
        for (below, &above) in pixel[..3].iter_mut().zip(over) {
            *below = ((u32::from(above) * alpha + u32::from(*below) * (255 - alpha) + 127) / 255) as u8;
        }
    }
}
