//! Segments over slices. A mask is made by the thread that draws its picture, and comes with it; where only the
//! segments have changed, by a thread of its own, and what is there stays until then.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use eframe::egui::{self, Color32, Painter, Rect, TextureOptions};
use reading::{Labels, Segmentation};
use render_core::scene::{Content, Plane, ViewState};

use super::super::job::{Job, Poll};
use super::super::layout::ViewportId;
use super::veil::{Laid, Veil};

/// Masks have no more pixels than this: the eye wants their edges, and the window its time.
const MOST_PIXELS: u32 = 250_000;
pub const OPACITY: f32 = 0.35;

/// The segments of a series.
#[derive(Clone, Debug)]
pub struct Segments {
    pub series: String,
    pub segmentation: Segmentation,
}

/// A picture of segments, to be laid over one of voxels.
#[derive(Clone, Debug)]
pub struct Mask {
    key: Key,
    /// `None` where there is nothing to see.
    veil: Option<Veil>,
}

/// What a mask was made of.
#[derive(Clone, Debug)]
struct Key {
    series: String,
    /// Never another one's address: what it points to stays taken.
    labels: Weak<Labels>,
    revision: u64,
    plane: Plane,
    size: [u32; 2],
}

impl Key {
    fn of(series: &str, segmentation: &Segmentation, view: &ViewState) -> Self {
        let pixels = view.size.iter().map(|&n| f64::from(n)).product::<f64>();
        let share = (f64::from(MOST_PIXELS) / pixels.max(1.0)).sqrt().min(1.0);
        Self {
            series: series.to_owned(),
            labels: Arc::downgrade(segmentation.labels()),
            revision: segmentation.revision(),
            plane: view.plane,
            size: view.size.map(|n| ((f64::from(n) * share) as u32).max(1)),
        }
    }

    /// Whether the other one is of the same slice, if not of the same labels.
    fn is_beside(&self, other: &Self) -> bool {
        (&self.series, self.plane, self.size) == (&other.series, other.plane, other.size)
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.is_beside(other) && self.revision == other.revision && self.labels.ptr_eq(&other.labels)
    }
}

/// Makes the masks of one viewport's pictures.
#[derive(Debug, Default)]
pub struct Maker {
    last: Option<Mask>,
}

impl Maker {
    /// The mask of a picture that shows `view`; `None` where none belongs to it.
    pub fn mask(&mut self, segments: &Segments, view: &ViewState) -> Option<Mask> {
        if view.content != Content::Slice || segments.segmentation.segments().is_empty() {
            return None;
        }
        let key = Key::of(&segments.series, &segments.segmentation, view);
        // The steps of a picture have one mask.
        if self.last.as_ref().is_none_or(|last| last.key != key) {
            self.last = Some(Mask::of(key, &segments.segmentation));
        }
        self.last.clone()
    }
}

impl Mask {
    fn of(key: Key, segmentation: &Segmentation) -> Self {
        let rgba = reading::mask(segmentation, &key.plane, key.size, OPACITY);
        let veil =
            rgba.map(|rgba| Veil::of(egui::ColorImage::new(key.size.map(|n| n as usize), colors(&rgba))));
        Self { key, veil }
    }
}

/// The colours of RGBA that is not premultiplied. There are few in a mask, each many times in a row.
fn colors(rgba: &[u8]) -> Vec<Color32> {
    let mut last = ([0; 4], Color32::TRANSPARENT);
    let color = |&rgba: &[u8; 4]| {
        if rgba != last.0 {
            let [r, g, b, a] = rgba;
            last = (rgba, Color32::from_rgba_unmultiplied(r, g, b, a));
        }
        last.1
    };
    rgba.as_chunks().0.iter().map(color).collect()
}

/// The masks on screen.
#[derive(Default)]
pub struct Masks(HashMap<ViewportId, OnScreen>);

#[derive(Default)]
struct OnScreen {
    shown: Option<(Key, Option<Laid>)>,
    job: Option<(Key, Job<Mask>)>,
}

impl OnScreen {
    fn show(&mut self, ctx: &egui::Context, Mask { key, veil }: Mask) {
        let before = self.shown.take().and_then(|(_, laid)| laid);
        let laid = veil.map(|veil| Laid::on(ctx, before, veil, TextureOptions::NEAREST));
        self.shown = Some((key, laid));
    }
}

impl Masks {
    pub fn forget(&mut self, id: ViewportId) {
        self.0.remove(&id);
    }

    /// Takes the mask that came with a viewport's picture. Where one of the same slice is there, it may be of newer
    /// labels.
    pub fn take(&mut self, ctx: &egui::Context, id: ViewportId, mask: Mask) {
        let here = self.0.entry(id).or_default();
        if here.shown.as_ref().is_none_or(|(key, _)| !key.is_beside(&mask.key)) {
            here.show(ctx, mask);
        }
    }

    /// Draws over the picture at `place`, which shows `view`. A hand that paints there `waits` to see it.
    #[expect(clippy::too_many_arguments, reason = "each is another thing that is drawn or decides where")]
    pub fn paint(
        &mut self,
        painter: &Painter,
        place: Rect,
        id: ViewportId,
        series: &str,
        segmentation: &Segmentation,
        view: &ViewState,
        waits: bool,
    ) {
        let here = self.0.entry(id).or_default();
        let wanted = Key::of(series, segmentation, view);
        if let Some((key, job)) = here.job.take() {
            match job.poll() {
                Poll::Pending => here.job = Some((key, job)),
                Poll::Result(mask) if key.is_beside(&wanted) => here.show(painter.ctx(), mask),
                Poll::Result(_) => {}
                // It has died of a panic, which another one would, too.
                Poll::Ended => here.shown = Some((key, None)),
            }
        }
        let shown = here.shown.as_ref().map(|(key, _)| key);
        if shown != Some(&wanted) {
            if waits || shown.is_some_and(|shown| !shown.is_beside(&wanted)) {
                // A server's picture comes without a mask.
                here.show(painter.ctx(), Mask::of(wanted, segmentation));
            } else if here.job.is_none() {
                let (key, segmentation) = (wanted.clone(), segmentation.clone());
                let job = Job::aside("mask", painter.ctx(), move |_, sink| {
                    sink.send(Mask::of(key, &segmentation));
                });
                here.job = Some((wanted, job));
            }
        }
        if let Some((_, Some(laid))) = &here.shown {
            laid.paint(painter, place);
        }
    }
}
