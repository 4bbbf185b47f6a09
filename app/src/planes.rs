//! Overlay planes and display shutters of the files, drawn into a picture of one of their slices.

use anyhow::Result;
use glam::{DVec2, DVec3};
use render_core::dicom::{Loaded, Overlay, Series, WarningCode};
use render_core::scene::{Content, Plane, ViewState};
use render_core::{Frame, Geometry};

/// Planes whose normals differ by less than this cosine (0.8 degrees) are one.
const SAME_PLANE: f64 = 0.9999;
const WHITE: u8 = 255;

/// Draws what lies over the image that a slice picture shows. Other pictures are left as they are: of
/// volumes, slabs, other planes, and of slices that were resampled between the images. Returns whether
/// that changed the picture.
pub fn draw(frame: &mut Frame, view: &ViewState, loaded: &Loaded, series: &Series) -> Result<bool> {
    let geometry = loaded.volume.geometry();
    let resampled = [WarningCode::UnevenSpacing, WarningCode::MissingSlices];
    let same_slices = geometry.dims() == series.dims
        && loaded.warnings.iter().all(|warning| !resampled.contains(&warning.code));
    if view.content != Content::Slice || view.slab.thickness_mm > 0.0 || !same_slices {
        return Ok(false);
    }
    let Some(slice) = slice_of(&view.plane, geometry) else { return Ok(false) };
    let overlays = series.overlays(slice)?;
    let shutters = series.shutters(slice);
    if overlays.is_empty() && shutters.is_none() {
        return Ok(false);
    }
    let bitmap = shutters.and_then(|shutters| shutters.bitmap_group);
    let (hiding, drawn): (Vec<&Overlay>, Vec<&Overlay>) =
        overlays.iter().partition(|overlay| Some(overlay.plane.group) == bitmap);
    let hidden = shutters.map_or(0, |shutters| (shutters.brightness * 255.0).round() as u8);

    let size = frame.size;
    let voxel = |at: [f64; 2]| {
        let patient = view.plane.patient_from_pixel(at, size);
        geometry.voxel_from_patient().transform_point3(patient).truncate()
    };
    let step = [voxel([1.0, 0.0]) - voxel([0.0, 0.0]), voxel([0.0, 1.0]) - voxel([0.0, 0.0])];
    // Half of what a pixel of the picture covers, so that a line of single bits never falls between.
    let half = (step[0].abs() + step[1].abs()) / 2.0;
    let [columns, rows, _] = geometry.dims().map(|n| n as i32);
    let mut changed = false;
    for (i, pixel) in frame.pixels.chunks_exact_mut(4).enumerate() {
        let at = [i as u32 % size[0], i as u32 / size[0]].map(|n| f64::from(n) + 0.5);
        let center = voxel(at);
        let [column, row] = center.round().to_array().map(|n| n as i32);
        if !(0..columns).contains(&column) || !(0..rows).contains(&row) {
            continue;
        }
        if shutters.is_some_and(|shutters| shutters.hides(column, row))
            || hiding.iter().any(|overlay| overlay.covers(column, row))
        {
            changed |= pixel[..3] != [hidden; 3];
            pixel[..3].fill(hidden);
        } else if drawn.iter().any(|overlay| touches(overlay, center, half)) {
            changed |= pixel[..3] != [WHITE; 3];
            pixel[..3].fill(WHITE);
        }
    }
    Ok(changed)
}

/// The slice that the plane shows.
fn slice_of(plane: &Plane, geometry: &Geometry) -> Option<usize> {
    let [x, y, _] = geometry.direction();
    let parallel = x.cross(y).normalize().dot(plane.right.cross(plane.down)).abs() > SAME_PLANE;
    let at: DVec3 = geometry.voxel_from_patient().transform_point3(plane.center_mm);
    let nearest = at.z.round();
    let inside = (0.0..f64::from(geometry.dims()[2])).contains(&nearest);
    (parallel && inside).then_some(nearest as usize)
}

/// Whether one of the bits around a place is set.
fn touches(overlay: &Overlay, center: DVec2, half: DVec2) -> bool {
    let nearest = center.round();
    let low = (center - half).ceil().min(nearest);
    let high = (center + half).floor().max(nearest);
    let span = |low: f64, high: f64| low as i32..=high as i32;
    span(low.y, high.y).any(|row| span(low.x, high.x).any(|column| overlay.covers(column, row)))
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use render_core::scene::view::Orientation;
    use render_core::{FrameKind, Progress, dicom};

    use super::*;

    /// One pixel of the picture to each of the image, then three and a third.
    #[test]
    fn overlays_are_drawn_where_their_bits_are() {
        let data = std::env::var_os("VOXCAST_DATA")
            .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"), PathBuf::from);
        if !data.is_dir() {
            eprintln!("skipped: no ../shared/data");
            return;
        }
        let path = data.join("modalities/luts-overlay-parametric/MR-SIEMENS-DICOM-WithOverlays.dcm");
        let library = dicom::scan(&[path], &Progress::default()).expect("scan");
        let series = &library.studies[0].series[0];
        let loaded = dicom::load(series, &Progress::default()).expect("load");
        let geometry = loaded.volume.geometry();
        let [right, down, _] = geometry.direction();
        let picture = |size: u32| {
            let mut view = ViewState::new(&loaded.volume, Content::Slice, Orientation::Axial, [size; 2]);
            let spacing = geometry.spacing_mm();
            let fit_mm = [spacing.x * 484.0, spacing.y * 484.0];
            view.plane = Plane { center_mm: geometry.center_mm(), right, down, fit_mm, zoom: 1.0 };
            let pixels = [0, 0, 0, 255].repeat((size * size) as usize);
            let kind = FrameKind::Exact;
            let mut frame = Frame { size: [size; 2], pixels, kind, view_revision: 0, input_seq: 0 };
            draw(&mut frame, &view, &loaded, series).expect("draw");
            let white = |i: usize| frame.pixels[i * 4] == 255;
            (0..(size * size) as usize).filter(|&i| white(i)).collect::<Vec<_>>()
        };
        let overlay = &series.overlays(0).expect("readable")[0];
        let set: Vec<usize> =
            (0..484 * 484).filter(|&i| overlay.covers(i as i32 % 484, i as i32 / 484)).collect();
        assert_eq!(set.len(), 323);
        assert_eq!(picture(484), set);
        // A line one bit wide stays whole in a small picture: each bit has its pixel.
        let small = picture(145);
        let scale = |n: usize| (2 * n + 1) * 145 / (2 * 484);
        assert!(set.iter().all(|&i| small.contains(&(scale(i / 484) * 145 + scale(i % 484)))));
        assert!(small.len() <= set.len());
    }
}
