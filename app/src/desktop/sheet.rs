//! Overlay planes and shutters of the image that a slice shows, over its picture.

use std::sync::Arc;

use eframe::egui::epaint::Vertex;
use eframe::egui::{self, Color32, Mesh, Painter, Rect, TextureHandle, TextureOptions, pos2, vec2};
use glam::DVec3;
use render_core::dicom::Series;
use render_core::scene::ViewState;

use super::job::{Job, Poll};
use super::study::OpenSeries;
use crate::planes::{Sheet, Show, image_under};

/// Images that are kept, so that paging back and forth reads no file again.
const KEPT: usize = 24;
/// No graphics card takes textures with a longer edge for granted.
const LONGEST: u32 = 4096;

/// What lies over the images of one viewport.
#[derive(Default)]
pub struct Sheets {
    /// The last used are the last.
    kept: Vec<(Key, Option<TextureHandle>)>,
    job: Option<(Key, Job<Option<egui::ColorImage>>)>,
}

/// An image, and how many of its pixels along an edge are one of its sheet.
#[derive(Clone, Debug, PartialEq)]
struct Key {
    series: String,
    slice: usize,
    square: u32,
}

impl Sheets {
    /// Draws over the picture at `place`, which shows `view`. Files are read on a thread; until then nothing is drawn.
    pub fn paint(&mut self, painter: &Painter, place: Rect, view: &ViewState, open: &OpenSeries) {
        let Some(series) = open.own.as_ref().filter(|_| open.is_overlaid) else { return };
        let geometry = open.outline().geometry();
        let Some(slice) = image_under(view, geometry, &open.warnings, series) else { return };
        let spacing_mm = geometry.spacing_mm();
        let pixels_mm = view.plane.mm_per_pixel(view.size);
        let fits = series.dims[0].max(series.dims[1]).div_ceil(LONGEST);
        let covered = (pixels_mm / spacing_mm.x.min(spacing_mm.y) - 0.01).ceil().clamp(1.0, 64.0) as u32;
        let key = Key { series: open.series_id.clone(), slice, square: covered.max(fits) };
        self.take(painter.ctx());
        let Some(found) = self.kept.iter().position(|(kept, _)| *kept == key) else {
            if self.job.is_none() {
                let job = read(painter.ctx(), Arc::clone(series), &key);
                self.job = Some((key, job));
            }
            return;
        };
        let kept = self.kept.remove(found);
        if let Some(texture) = &kept.1 {
            // Where the outer corners of the image lie on screen.
            let scale = place.width() / view.size[0].max(1) as f32;
            let [columns, rows] = texture.size().map(|n| n as f64 * f64::from(kept.0.square));
            let corner = |x: f64, y: f64| {
                let voxel = DVec3::new(x * columns - 0.5, y * rows - 0.5, slice as f64);
                let patient = geometry.patient_from_voxel().transform_point3(voxel);
                let ([left, top], _) = view.plane.pixel_from_patient(patient, view.size);
                let pos = place.min + vec2(left as f32, top as f32) * scale;
                Vertex { pos, uv: pos2(x as f32, y as f32), color: Color32::WHITE }
            };
            let mut mesh = Mesh::with_texture(texture.id());
            mesh.vertices = vec![corner(0.0, 0.0), corner(1.0, 0.0), corner(1.0, 1.0), corner(0.0, 1.0)];
            mesh.indices = vec![0, 1, 2, 0, 2, 3];
            painter.add(mesh);
        }
        self.kept.push(kept);
    }

    fn take(&mut self, ctx: &egui::Context) {
        let Some((key, job)) = self.job.take() else { return };
        let image = match job.poll() {
            Poll::Pending => return self.job = Some((key, job)),
            Poll::Result(image) => image,
            Poll::Ended => None,
        };
        if self.kept.len() >= KEPT {
            self.kept.remove(0);
        }
        // Single pixels stay sharp, as the image's own do where it is enlarged.
        let texture = image.map(|image| ctx.load_texture("sheet", image, TextureOptions::NEAREST));
        self.kept.push((key, texture));
    }
}

fn read(ctx: &egui::Context, series: Arc<Series>, key: &Key) -> Job<Option<egui::ColorImage>> {
    let (slice, square) = (key.slice, key.square);
    Job::start("overlay planes", ctx, move |_, sink| {
        let sheet = Sheet::of(&series, slice, Show::All);
        if sheet.is_err() {
            // The error names the file, and files may be named after patients.
            tracing::warn!(slice, "what lies over an image cannot be read");
        }
        let image = sheet.ok().flatten().map(|sheet| {
            let (size, rgba) = sheet.picture(square);
            egui::ColorImage::from_rgba_unmultiplied(size.map(|n| n as usize), &rgba)
        });
        sink.send(image);
    })
}
