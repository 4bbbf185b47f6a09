//! A segmentation as a picture over a slice.

use glam::DVec3;
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
    let (m, mm) = (geometry.voxel_from_patient(), plane.mm_per_pixel(size));
    let origin = m.transform_point3(plane.patient_from_pixel([0.5, 0.5], size));
    let (right, down) = (m.matrix3 * plane.right * mm, m.matrix3 * plane.down * mm);
    let shown = labels_on(segmentation, origin + 0.5, right, down, size.map(|n| n as usize));
    let width = size[0] as usize;
    let height = size[1] as usize;
    if shown.iter().all(|&number| colors[usize::from(number)].is_none()) {
        return None;
    }
    let mut pixels = vec![0u8; width * height * 4];
    let alpha = |share: f32| (share.clamp(0.0, 1.0) * 255.0).round() as u8;
    for (y, row) in pixels.chunks_exact_mut(4 * width.max(1)).enumerate() {
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
    }
    Some(pixels)
}

/// The label of the voxel in the middle of each pixel, 0 outside. In voxels, the first pixel's middle lies half a
/// voxel before `origin`; `right` and `down` lead from one pixel to the next. By the calling thread alone: a window
/// that waited for others would stand still while they have more to do.
fn labels_on(
    segmentation: &Segmentation,
    origin: DVec3,
    right: DVec3,
    down: DVec3,
    [width, height]: [usize; 2],
) -> Vec<u8> {
    let labels = segmentation.labels();
    let dims = segmentation.geometry().dims();
    let strides = labels.steps(dims[1] as usize);
    // Where a position along an axis lies in the labels, if it does.
    let offset =
        |axis: usize, at: f64| (at >= 0.0 && at < f64::from(dims[axis])).then(|| at as usize * strides[axis]);
    let mut shown = vec![0u8; width * height];
    // What moves a pixel at the far end by a millionth of a voxel is rounding.
    let still = |step: f64, count: usize| step.abs() * (count as f64) < 1e-6;
    if (0..3).all(|axis| still(right[axis], width) || still(down[axis], height)) {
        // Along the grid, a pixel's place is that of its column and that of its row.
        let sum = |along: DVec3, n: usize, axes: &[usize]| {
            axes.iter()
                .map(|&axis| offset(axis, origin[axis] + along[axis] * n as f64))
                .sum::<Option<usize>>()
        };
        let (of_rows, of_columns): (Vec<usize>, Vec<usize>) =
            (0..3).partition(|&axis| still(right[axis], width));
        let columns: Vec<Option<usize>> = (0..width).map(|x| sum(right, x, &of_columns)).collect();
        for (y, row) in shown.chunks_exact_mut(width.max(1)).enumerate() {
            let Some(first) = sum(down, y, &of_rows) else { continue };
            if of_columns == [0] {
                // A row of the picture lies in one of the volume.
                let labels = labels.row(first / strides[1]);
                for (out, column) in row.iter_mut().zip(&columns) {
                    *out = column.map_or(0, |column| labels[column]);
                }
                continue;
            }
            for (out, column) in row.iter_mut().zip(&columns) {
                *out = column.map_or(0, |column| labels.at(first + column));
            }
        }
        return shown;
    }
    for (y, row) in shown.chunks_exact_mut(width.max(1)).enumerate() {
        let first = origin + down * y as f64;
        for (x, out) in row.iter_mut().enumerate() {
            let at = first + right * x as f64;
            let place = (0..3).map(|axis| offset(axis, at[axis])).sum::<Option<usize>>();
            *out = place.map_or(0, |place| labels.at(place));
        }
    }
    shown
}
