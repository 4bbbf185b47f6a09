//! Draws on pictures what the window draws over them, without the window: egui's shapes become triangles,
//! and triangles pixels.

use eframe::egui::epaint::{Primitive, Vertex};
use eframe::egui::{self, Color32, ImageData, Mesh, Painter, Pos2, Rect, TextureId, pos2, vec2};
use render_core::Frame;

/// Draws over pictures of one scale.
pub struct Raster {
    ctx: egui::Context,
    pixels_per_point: f32,
    /// Glyphs and other shapes that triangles take their pixels from.
    atlas: egui::ColorImage,
}

impl Raster {
    pub fn new(pixels_per_point: f32) -> Self {
        let atlas = egui::ColorImage::filled([1, 1], Color32::WHITE);
        Self { ctx: egui::Context::default(), pixels_per_point, atlas }
    }

    /// Draws over a picture; the rectangle is all of it, in points.
    pub fn over(&mut self, frame: &mut Frame, mut draw: impl FnMut(&Painter, Rect)) {
        let [width, height] = frame.size.map(|n| n as f32 / self.pixels_per_point);
        let rect = Rect::from_min_size(Pos2::ZERO, vec2(width, height));
        let mut input = egui::RawInput { screen_rect: Some(rect), ..egui::RawInput::default() };
        input.viewports.entry(egui::ViewportId::ROOT).or_default().native_pixels_per_point =
            Some(self.pixels_per_point);
        let output = self.ctx.run_ui(input, |ui| {
            let painter =
                ui.ctx().layer_painter(egui::LayerId::new(egui::Order::Middle, egui::Id::unique("picture")));
            draw(&painter.with_clip_rect(rect), rect);
        });
        for delta in output.textures_delta.set.values().flatten() {
            self.update(delta);
        }
        for clipped in self.ctx.tessellate(output.shapes, output.pixels_per_point) {
            if let Primitive::Mesh(mesh) = clipped.primitive {
                self.mesh(frame, &mesh, clipped.clip_rect);
            }
        }
    }

    fn update(&mut self, delta: &egui::epaint::ImageDelta) {
        let ImageData::Color(image) = &delta.image;
        let Some([left, top]) = delta.pos else {
            self.atlas = image.as_ref().clone();
            return;
        };
        let ([width, height], across) = (image.size, self.atlas.size[0]);
        for row in 0..height {
            let to = (top + row) * across + left;
            let from = row * width;
            // Patches lie in the atlas that they are for.
            if let Some(pixels) = self.atlas.pixels.get_mut(to..to + width) {
                pixels.copy_from_slice(&image.pixels[from..from + width]);
            }
        }
    }

    fn mesh(&self, frame: &mut Frame, mesh: &Mesh, clip: Rect) {
        let textured = matches!(mesh.texture_id, TextureId::Managed(0));
        if !textured {
            return;
        }
        let scale = self.pixels_per_point;
        let clip = Rect::from_min_max(
            (clip.min.to_vec2() * scale).to_pos2(),
            (clip.max.to_vec2() * scale).to_pos2(),
        );
        for triangle in mesh.indices.chunks_exact(3) {
            let corners = [0, 1, 2].map(|i| {
                let vertex = mesh.vertices[triangle[i] as usize];
                Vertex { pos: (vertex.pos.to_vec2() * scale).to_pos2(), ..vertex }
            });
            self.triangle(frame, corners, clip);
        }
    }

    fn triangle(&self, frame: &mut Frame, mut corners: [Vertex; 3], clip: Rect) {
        let mut area = cross(corners[0].pos, corners[1].pos, corners[2].pos);
        if area < 0.0 {
            corners.swap(1, 2);
            area = -area;
        }
        if area < 1e-6 || !area.is_finite() {
            return;
        }
        let [a, b, c] = corners;
        let bounds = Rect::from_points(&[a.pos, b.pos, c.pos]).intersect(clip);
        let [width, height] = frame.size;
        let first = |edge: f32| (edge - 0.5).ceil().max(0.0) as u32;
        let (left, top) = (first(bounds.min.x), first(bounds.min.y));
        let (right, bottom) = (first(bounds.max.x).min(width), first(bounds.max.y).min(height));
        for y in top..bottom {
            for x in left..right {
                let at = pos2(x as f32 + 0.5, y as f32 + 0.5);
                let weights = [(b.pos, c.pos), (c.pos, a.pos), (a.pos, b.pos)].map(|(from, to)| {
                    let side = cross(from, to, at);
                    // A pixel on an edge belongs to one of the two triangles that share it.
                    let owned = to.y < from.y || (to.y == from.y && to.x > from.x);
                    if side > 0.0 || (side == 0.0 && owned) { side / area } else { f32::NAN }
                });
                if weights.iter().any(|weight| weight.is_nan()) {
                    continue;
                }
                let mix = |of: &dyn Fn(&Vertex) -> f32| {
                    weights[0] * of(&a) + weights[1] * of(&b) + weights[2] * of(&c)
                };
                let texel = self.texel(mix(&|v| v.uv.x), mix(&|v| v.uv.y));
                let source: [f32; 4] = std::array::from_fn(|channel| {
                    let color = mix(&|v| f32::from(v.color.to_array()[channel]));
                    color * f32::from(texel.to_array()[channel]) / 255.0
                });
                let index = (y as usize * width as usize + x as usize) * 4;
                let below = 1.0 - source[3] / 255.0;
                for (pixel, source) in frame.pixels[index..index + 3].iter_mut().zip(source) {
                    *pixel = (source + f32::from(*pixel) * below).round().clamp(0.0, 255.0) as u8;
                }
            }
        }
    }

    /// The nearest pixel: glyphs are laid on whole ones.
    fn texel(&self, u: f32, v: f32) -> Color32 {
        let [width, height] = self.atlas.size;
        let index = |part: f32, count: usize| ((part * count as f32) as usize).min(count.saturating_sub(1));
        self.atlas.pixels[index(v, height) * width + index(u, width)]
    }
}

fn cross(a: Pos2, b: Pos2, c: Pos2) -> f32 {
    (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use render_core::FrameKind;

    fn black(size: [u32; 2]) -> Frame {
        let pixels = [0, 0, 0, 255].repeat((size[0] * size[1]) as usize);
        Frame { size, pixels, kind: FrameKind::Exact, view_revision: 0, input_seq: 0 }
    }

    fn gray(frame: &Frame, x: u32, y: u32) -> u8 {
        frame.pixels[((y * frame.size[0] + x) * 4) as usize]
    }

    #[test]
    fn a_half_transparent_rectangle_covers_its_pixels_once() {
        let mut frame = black([40, 30]);
        let half = Color32::from_white_alpha(128);
        Raster::new(1.0).over(&mut frame, |painter, _| {
            let rect = Rect::from_min_max(pos2(10.0, 5.0), pos2(30.0, 25.0));
            painter.rect_filled(rect, 0.0, half);
        });
        for (x, y) in [(11, 7), (20, 15), (28, 23), (12, 12)] {
            assert!((126..=130).contains(&gray(&frame, x, y)), "{x} {y}: {}", gray(&frame, x, y));
        }
        assert_eq!((gray(&frame, 5, 5), gray(&frame, 35, 28)), (0, 0));
    }

    #[test]
    fn text_is_drawn_at_both_scales_and_twice_as_large_at_two() {
        let lit = |scale: f32, size: [u32; 2]| {
            let mut frame = black(size);
            Raster::new(scale).over(&mut frame, |painter, rect| {
                let font = egui::FontId::proportional(14.0);
                painter.text(
                    rect.center(),
                    egui::Align2::CENTER_CENTER,
                    "Slice 131 / 260",
                    font,
                    Color32::WHITE,
                );
            });
            frame.pixels.chunks_exact(4).filter(|pixel| pixel[0] > 100).count() as f64
        };
        let (one, two) = (lit(1.0, [160, 40]), lit(2.0, [320, 80]));
        assert!(one > 100.0, "{one} pixels are lit");
        assert!((3.0..5.0).contains(&(two / one)), "{one} and {two} pixels are lit");
    }
}
