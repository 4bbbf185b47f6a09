//! A segmentation as a picture over a slice.

use glam::DVec3;
use rayon::prelude::*;
use render_core::scene::Plane;

use crate::segmentation::Segmentation;

/// Opacity of a segment's edge, where its inside is fainter.
const EDGE: f32 = 0.9;

/// RGBA (not premultiplied), row by row from the top left, of a picture of this size: each pixel has the colour of
/// the voxel in its middle, more opaque along the edges of segments. `None` where there is nothing to see.
pub fn mask(segmentation: &Segmentation, plane: &Plane, size: [u32; 2], opacity: f32) -> Option<Vec<u8>> {
    let mut colors = [None; 256];
    for segment in segmentation.segments().iter().filter(|segment| segment.visible) {
        colors[usize::from(segment.number)] = Some(segment.color);
    }
    let geometry = segmentation.geometry();
    let dims = geometry.dims();
    let (m, mm) = (geometry.voxel_from_patient(), plane.mm_per_pixel(size));
    let origin = m.transform_point3(plane.patient_from_pixel([0.5, 0.5], size));
    let (right, down) = (m.matrix3 * plane.right * mm, m.matrix3 * plane.down * mm);
    let labels = segmentation.labels();
    let [width, height] = size.map(|n| n as usize);
    let label = |x: usize, y: usize| {
        let at: DVec3 = origin + right * x as f64 + down * y as f64 + 0.5;
        let inside = at.min_element() >= 0.0 && (0..3).all(|axis| at[axis] < f64::from(dims[axis]));
        if !inside {
            return 0;
        }
        let [i, j, k] = [at.x as usize, at.y as usize, at.z as usize];
        labels[(k * dims[1] as usize + j) * dims[0] as usize + i]
    };
    let mut shown = vec![0u8; width * height];
    shown.par_chunks_mut(width.max(1)).enumerate().for_each(|(y, row)| {
        row.iter_mut().enumerate().for_each(|(x, out)| *out = label(x, y));
    });
    if shown.iter().all(|&number| colors[usize::from(number)].is_none()) {
        return None;
    }
    let mut pixels = vec![0u8; width * height * 4];
    let alpha = |share: f32| (share.clamp(0.0, 1.0) * 255.0).round() as u8;
    pixels.par_chunks_mut(4 * width.max(1)).enumerate().for_each(|(y, row)| {
        for (x, out) in row.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            let own = shown[y * width + x];
            let Some([r, g, b]) = colors[usize::from(own)] else { continue };
            let differs = |x: usize, y: usize| shown[y * width + x] != own;
            let edge = x > 0 && differs(x - 1, y)
                || x + 1 < width && differs(x + 1, y)
                || y > 0 && differs(x, y - 1)
                || y + 1 < height && differs(x, y + 1);
            *out = [r, g, b, alpha(if edge { EDGE.max(opacity) } else { opacity })];
        }
    });
    Some(pixels)
}
