//! Pictures that are laid over others.

use std::sync::Arc;

use eframe::egui::epaint::Mesh;
use eframe::egui::{self, Color32, Painter, Rect, Shape, TextureHandle, TextureOptions, pos2};

/// Rows of a picture that are laid over another one as one piece.
const BAND: usize = 16;

/// A picture that is laid over another one, and where in it there is anything to see: a processor that draws the
/// window takes its time for what is clear, too.
#[derive(Clone, Debug)]
pub struct Veil {
    image: Arc<egui::ColorImage>,
    /// Where each band of rows begins and ends.
    bands: Arc<[Option<[usize; 2]>]>,
}

impl Veil {
    pub fn of(image: egui::ColorImage) -> Self {
        let width = image.width().max(1);
        let ends = |rows: &[Color32]| {
            let is_seen = |pixel: &Color32| *pixel != Color32::TRANSPARENT;
            let rows = rows.chunks_exact(width);
            let ends = rows
                .filter_map(|row| Some([row.iter().position(is_seen)?, row.iter().rposition(is_seen)? + 1]));
            ends.reduce(|a, b| [a[0].min(b[0]), a[1].max(b[1])])
        };
        let bands = image.pixels.chunks(width * BAND).map(ends).collect();
        Self { image: Arc::new(image), bands }
    }
}

/// A picture on screen that is laid over another one.
pub struct Laid {
    texture: TextureHandle,
    size: [usize; 2],
    bands: Arc<[Option<[usize; 2]>]>,
}

impl Laid {
    /// In the place of one that is there, if any.
    pub fn on(ctx: &egui::Context, before: Option<Self>, veil: Veil, options: TextureOptions) -> Self {
        let Veil { image, bands } = veil;
        let size = image.size;
        let texture = match before {
            Some(Self { mut texture, .. }) => {
                texture.set(image, options);
                texture
            }
            None => ctx.load_texture("segments", image, options),
        };
        Self { texture, size, bands }
    }

    pub fn paint(&self, painter: &Painter, place: Rect) {
        let mut mesh = Mesh::with_texture(self.texture.id());
        let [width, height] = self.size.map(|n| n as f32);
        for (n, [left, right]) in self.bands.iter().enumerate().filter_map(|(n, ends)| Some((n, (*ends)?))) {
            let (top, bottom) = (n * BAND, ((n + 1) * BAND).min(self.size[1]));
            let at = |x: usize, y: usize| pos2(x as f32 / width, y as f32 / height);
            let uv = Rect::from_min_max(at(left, top), at(right, bottom));
            let on = |at: egui::Pos2| place.min + at.to_vec2() * place.size();
            mesh.add_rect_with_uv(Rect::from_min_max(on(uv.min), on(uv.max)), uv, Color32::WHITE);
        }
        painter.add(Shape::mesh(mesh));
    }
}
