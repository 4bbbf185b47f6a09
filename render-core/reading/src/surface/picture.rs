//! Surfaces as a camera sees them.

use glam::{DVec4, Vec3};
use rayon::prelude::*;
use render_core::scene::ViewState;
use render_core::scene::camera::Projection;

use super::{Part, Surfaces};

/// Rows that one core draws at a time.
const BAND: usize = 16;
/// Brightness of what is seen along its surface; what faces the eye has 1.
const DARKEST: f32 = 0.3;

/// A point of a surface in the picture.
#[derive(Clone, Copy)]
struct Seen {
    /// Pixels from the top left; no number behind the eye.
    at: [f32; 2],
    /// mm along the line of sight.
    depth: f32,
    light: f32,
    /// mm or voxels to the nearest plane that cuts the view; below 0 it is cut away.
    kept: f32,
}

impl Surfaces {
    /// RGBA (not premultiplied), row by row from the top left, of a picture of this size: the nearest surface, lit from
    /// the eye, and the planes that cut the view cut it, too. What of the volume lies before it is not asked for.
    /// `None` where there is nothing to see.
    pub fn picture(&self, view: &ViewState, size: [u32; 2], opacity: f32) -> Option<Vec<u8>> {
        let [width, height] = size.map(|n| n as usize);
        let seen: Vec<Vec<Seen>> = self.parts.iter().map(|part| self.seen(part, view, size)).collect();
        let mut bands: Vec<Vec<(u32, u32)>> = vec![Vec::new(); height.div_ceil(BAND)];
        for (number, (part, seen)) in self.parts.iter().zip(&seen).enumerate() {
            for (index, triangle) in part.triangles.iter().enumerate() {
                let rows = triangle.map(|corner| seen[corner as usize].at[1]);
                let columns = triangle.map(|corner| seen[corner as usize].at[0]);
                let (left, right) = ends(columns);
                let (top, bottom) = ends(rows);
                // Comparisons with what is no number fail.
                if !(right >= 0.0 && left <= width as f32 && bottom >= 0.0 && top <= height as f32) {
                    continue;
                }
                let last = bands.len().saturating_sub(1);
                let [top, bottom] = [top, bottom].map(|row| (row.max(0.0) as usize / BAND).min(last));
                for band in bands.iter_mut().take(bottom + 1).skip(top) {
                    band.push((number as u32, index as u32));
                }
            }
        }
        let alpha = (opacity.clamp(0.0, 1.0) * 255.0).round() as u8;
        let mut pixels = vec![0u8; width * height * 4];
        let rows = pixels.par_chunks_mut((width * BAND * 4).max(1)).zip(&bands).enumerate();
        let drawn: usize = rows
            .map(|(band, (pixels, triangles))| {
                let mut nearest = vec![f32::INFINITY; pixels.len() / 4];
                for &(part, index) in triangles {
                    let (part, seen) = (&self.parts[part as usize], &seen[part as usize]);
                    let corners = part.triangles[index as usize].map(|corner| seen[corner as usize]);
                    triangle(corners, width, band * BAND, &mut nearest, |at, light| {
                        let [r, g, b] = part.color.map(|c| (f32::from(c) * light).round() as u8);
                        pixels[at * 4..at * 4 + 4].copy_from_slice(&[r, g, b, alpha]);
                    });
                }
                nearest.iter().filter(|depth| depth.is_finite()).count()
            })
            .sum();
        (drawn > 0).then_some(pixels)
    }

    fn seen(&self, part: &Part, view: &ViewState, size: [u32; 2]) -> Vec<Seen> {
        let camera = &view.camera;
        let (_, _, forward) = camera.axes();
        let eye = camera.position_mm();
        let planes: Vec<DVec4> = view
            .clip
            .half_spaces(&self.geometry)
            .into_iter()
            .map(|plane| DVec4::from_array(plane.map(f64::from)))
            .collect();
        let voxel_from_patient = self.geometry.voxel_from_patient();
        let one = |(point, normal): (&Vec3, &Vec3)| {
            let point = point.as_dvec3();
            let sight = match camera.projection {
                Projection::Perspective => (point - eye).normalize_or_zero(),
                Projection::Parallel => forward,
            };
            let facing = normal.as_dvec3().dot(sight).abs() as f32;
            let voxel = voxel_from_patient.transform_point3(point);
            let kept = planes.iter().map(|plane| plane.dot(voxel.extend(1.0))).fold(f64::INFINITY, f64::min);
            Seen {
                at: camera.pixel_from_patient(point, size).map_or([f32::NAN; 2], |at| at.map(|x| x as f32)),
                depth: (point - eye).dot(forward) as f32,
                light: DARKEST + (1.0 - DARKEST) * facing,
                kept: kept.min(1e6) as f32,
            }
        };
        part.points_mm.par_iter().zip(&part.normals).map(one).collect()
    }
}

/// The smallest and the largest; no numbers where one is none.
fn ends([a, b, c]: [f32; 3]) -> (f32, f32) {
    let sound = a + b + c;
    if sound.is_nan() { (sound, sound) } else { (a.min(b).min(c), a.max(b).max(c)) }
}

/// Draws a triangle where it is nearer than what is there. `nearest` are rows from `first_row` on.
fn triangle(
    [a, b, c]: [Seen; 3],
    width: usize,
    first_row: usize,
    nearest: &mut [f32],
    mut put: impl FnMut(usize, f32),
) {
    let area = cross(a.at, b.at, c.at);
    if area.abs() < 1e-9 {
        return;
    }
    let rows = nearest.len() / width.max(1);
    let (left, right) = ends([a.at[0], b.at[0], c.at[0]]);
    let (top, bottom) = ends([a.at[1], b.at[1], c.at[1]]);
    // Pixels have their middles at halves.
    let span = |low: f32, high: f32, first: usize, count: usize| {
        let first = first as f32;
        let low = (low - 0.5 - first).ceil().clamp(0.0, count as f32) as usize;
        let high = ((high - 0.5 - first).floor() + 1.0).clamp(0.0, count as f32) as usize;
        low..high
    };
    for y in span(top, bottom, first_row, rows) {
        for x in span(left, right, 0, width) {
            let at = [x as f32 + 0.5, (first_row + y) as f32 + 0.5];
            let weights = [cross(b.at, c.at, at), cross(c.at, a.at, at), cross(a.at, b.at, at)];
            let [wa, wb, wc] = weights.map(|w| w / area);
            if wa < 0.0 || wb < 0.0 || wc < 0.0 {
                continue;
            }
            let mix = |of: fn(&Seen) -> f32| wa * of(&a) + wb * of(&b) + wc * of(&c);
            let depth = mix(|seen| seen.depth);
            let index = y * width + x;
            if depth < nearest[index] && mix(|seen| seen.kept) >= 0.0 {
                nearest[index] = depth;
                put(index, mix(|seen| seen.light));
            }
        }
    }
}

fn cross(a: [f32; 2], b: [f32; 2], c: [f32; 2]) -> f32 {
    (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
}

impl Seen {
    #[cfg(test)]
    fn plain(at: [f32; 2]) -> Self {
        Self { at, depth: 1.0, light: 1.0, kept: 1.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_triangles_cover_a_rectangle_without_a_gap() {
        let [a, b, c, d] = [[2.0, 3.0], [9.0, 3.0], [9.0, 7.0], [2.0, 7.0]].map(Seen::plain);
        let mut covered = vec![0; 12 * 10];
        let mut nearest = vec![f32::INFINITY; 12 * 10];
        for corners in [[a, b, c], [a, c, d]] {
            triangle(corners, 12, 0, &mut nearest, |at, _| covered[at] += 1);
        }
        let inside = |i: usize| (2..9).contains(&(i % 12)) && (3..7).contains(&(i / 12));
        assert!((0..120).all(|i| (covered[i] > 0) == inside(i)));
    }
}
