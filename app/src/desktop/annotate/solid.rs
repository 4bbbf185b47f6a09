//! Segments over pictures of volumes. Surfaces are made on a thread, and drawn on others; the window shows the newest.

use std::collections::HashMap;
use std::sync::Arc;

use eframe::egui::{self, Painter, Rect, TextureOptions};
use reading::{Segmentation, Surfaces};
use render_core::scene::ViewState;
use render_core::scene::camera::Camera;
use render_core::scene::clip::Clip;

use super::super::job::{Job, Poll};
use super::super::layout::ViewportId;
use super::veil::{Laid, Veil};

/// What lies in front of a segment is still seen through it, and the other way round.
pub const OPACITY: f32 = 0.6;
/// Pictures have no more pixels than this: they follow the hand, and the window has to take them.
const MOST_PIXELS: f64 = 500_000.0;

/// The surfaces of each series, and their picture in each viewport.
#[derive(Default)]
pub struct Solids {
    surfaces: HashMap<String, Built>,
    pictures: HashMap<ViewportId, Picture>,
}

struct Built {
    /// What the newest were made of.
    of: Option<Labels>,
    surfaces: Option<Arc<Surfaces>>,
    job: Option<(Labels, Job<Surfaces>)>,
}

/// A state of a segmentation.
#[derive(Clone, Copy, PartialEq)]
struct Labels {
    voxels: *const reading::Labels,
    revision: u64,
}

#[derive(Default)]
struct Picture {
    series: String,
    shown: Option<(Scene, Option<Laid>)>,
    job: Option<(Scene, Job<Option<Veil>>)>,
}

/// What a picture shows.
#[derive(Clone)]
struct Scene {
    surfaces: Arc<Surfaces>,
    camera: Camera,
    clip: Clip,
    size: [u32; 2],
}

impl PartialEq for Scene {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.surfaces, &other.surfaces)
            && (self.camera, &self.clip, self.size) == (other.camera, &other.clip, other.size)
    }
}

impl Solids {
    /// Forgets the picture of a viewport that shows no segments.
    pub fn forget(&mut self, id: ViewportId) {
        self.pictures.remove(&id);
    }

    /// Draws over the picture at `place`, which shows `view`. While a hand is `busy` with the segments, the surfaces
    /// stay as they were.
    #[expect(clippy::too_many_arguments, reason = "each is another thing that is drawn or decides where")]
    pub fn paint(
        &mut self,
        painter: &Painter,
        place: Rect,
        id: ViewportId,
        series: &str,
        segmentation: &Segmentation,
        view: &ViewState,
        busy: bool,
    ) {
        let Some(surfaces) = self.surfaces(painter.ctx(), series, segmentation, busy) else { return };
        let pixels = f64::from(view.size[0]) * f64::from(view.size[1]);
        let share = (MOST_PIXELS / pixels.max(1.0)).sqrt().min(1.0);
        let size = view.size.map(|n| ((f64::from(n) * share).round() as u32).max(1));
        let wanted = Scene { surfaces, camera: view.camera, clip: view.clip.clone(), size };
        let picture = self.pictures.entry(id).or_default();
        if picture.series != series {
            // Another patient's, perhaps.
            *picture = Picture { series: series.to_owned(), ..Picture::default() };
        }
        if let Some((scene, job)) = picture.job.take() {
            match job.poll() {
                Poll::Result(veil) => {
                    let before = picture.shown.take().and_then(|(_, laid)| laid);
                    // Where its pixels are those of the screen, all need no more than one of them.
                    let is_whole = scene.size == view.size;
                    let options = if is_whole { TextureOptions::NEAREST } else { TextureOptions::LINEAR };
                    let lay = |veil| Laid::on(painter.ctx(), before, veil, options);
                    picture.shown = Some((scene, veil.map(lay)));
                }
                Poll::Pending => picture.job = Some((scene, job)),
                Poll::Ended => picture.shown = Some((scene, None)),
            }
        }
        let is_shown = picture.shown.as_ref().is_some_and(|(scene, _)| *scene == wanted);
        if !is_shown && picture.job.is_none() {
            let (scene, view) = (wanted.clone(), view.clone());
            let job = Job::aside("segments in space", painter.ctx(), move |_, sink| {
                let rgba = scene.surfaces.picture(&view, scene.size, OPACITY);
                let size = scene.size.map(|n| n as usize);
                let image = |rgba: Vec<u8>| egui::ColorImage::from_rgba_unmultiplied(size, &rgba);
                sink.send(rgba.map(|rgba| Veil::of(image(rgba))));
            });
            picture.job = Some((wanted, job));
        }
        if let Some((_, Some(laid))) = &picture.shown {
            laid.paint(painter, place);
        }
    }

    /// The newest that there are.
    fn surfaces(
        &mut self,
        ctx: &egui::Context,
        series: &str,
        segmentation: &Segmentation,
        busy: bool,
    ) -> Option<Arc<Surfaces>> {
        let now = Labels { voxels: Arc::as_ptr(segmentation.labels()), revision: segmentation.revision() };
        let built =
            self.surfaces.entry(series.to_owned()).or_insert(Built { of: None, surfaces: None, job: None });
        if let Some((of, job)) = built.job.take() {
            match job.poll() {
                Poll::Result(surfaces) => {
                    built.of = Some(of);
                    built.surfaces = Some(Arc::new(surfaces)).filter(|surfaces| !surfaces.is_empty());
                }
                Poll::Pending if of == now || busy => built.job = Some((of, job)),
                // Others are wanted by now.
                Poll::Pending => {}
                Poll::Ended => built.of = Some(of),
            }
        }
        if built.of != Some(now) && built.job.is_none() && !busy {
            let segmentation = segmentation.clone();
            let job = Job::aside("surfaces of segments", ctx, move |progress, sink| {
                if let Ok(surfaces) = Surfaces::of(&segmentation, progress) {
                    sink.send(surfaces);
                }
            });
            built.job = Some((now, job));
        }
        built.surfaces.clone()
    }
}
