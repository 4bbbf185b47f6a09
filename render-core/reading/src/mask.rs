//! A segmentation as a picture over a slice.

use glam::DVec3;
use render_core::scene::Plane;

use crate::segmentation::Segmentation;

/// Opacity of a segment's edge, where its inside is fainter.
const EDGE: f32 = 0.9;

/// RGBA (not premultiplied), row by row from the top left, of a picture of this size: each pixel has the colour of
/// the voxel in its middle, more opaque along the edges of segments. `None` where there is nothing to see.
pub fn mask(segmentation: &Segmentation, plane: &Plane, size: [u32; 2], opacity: f32) -> Option<Vec<u8>> {
    // Of each label, the colour of its inside and that of its edge.
    let mut colors = [[[0u8; 4]; 2]; 256];
    let alpha = |share: f32| (share.clamp(0.0, 1.0) * 255.0).round() as u8;
    for segment in segmentation.segments().iter().filter(|segment| segment.visible) {
        let [r, g, b] = segment.color;
        colors[usize::from(segment.number)] =
            [opacity, EDGE.max(opacity)].map(|opacity| [r, g, b, alpha(opacity)]);
    }
    let is_seen = colors.map(|[_, edge]| edge[3] > 0);
    let geometry = segmentation.geometry();
    let (m, mm) = (geometry.voxel_from_patient(), plane.mm_per_pixel(size));
    let origin = m.transform_point3(plane.patient_from_pixel([0.5, 0.5], size));
    let (right, down) = (m.matrix3 * plane.right * mm, m.matrix3 * plane.down * mm);
    let shown = labels_on(segmentation, origin + 0.5, right, down, size.map(|n| n as usize));
    if shown.iter().all(|&number| !is_seen[usize::from(number)]) {
        return None;
    }
    let (width, height) = (size[0] as usize, size[1] as usize);
    let mut pixels = vec![0u8; width * height * 4];
    for (y, out) in pixels.chunks_exact_mut(4 * width).enumerate() {
        let row = |y: usize| &shown[y.min(height - 1) * width..][..width];
        let (above, own, below) = (row(y.saturating_sub(1)), row(y), row(y + 1));
        for (x, out) in out.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            let label = own[x];
            let differs = (above[x] ^ label)
                | (below[x] ^ label)
                | (own[x.saturating_sub(1)] ^ label)
                | (own[(x + 1).min(width - 1)] ^ label);
            *out = colors[usize::from(label)][usize::from(differs != 0)];
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
