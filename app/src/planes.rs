//! Overlay planes and display shutters of the files, over a picture of one of their slices.

use glam::{DVec2, DVec3};
use render_core::dicom::{Error, Overlay, Series, Warning, WarningCode};
use render_core::scene::{Content, Plane, ViewState};
use render_core::{Frame, Geometry};

/// Planes whose normals differ by less than this cosine (0.8 degrees) are one.
const SAME_PLANE: f64 = 0.9999;
const WHITE: u8 = 255;

/// What of it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    All,
    /// Drawings may name the patient; shutters only hide.
    Shutters,
}

/// Whether anything lies over an image of the series.
pub fn has_any(series: &Series) -> bool {
    let usable = series.all_overlay_planes().iter().any(|(plane, _)| plane.problem.is_none());
    usable || (0..series.dims[2]).any(|slice| series.shutters(slice as usize).is_some())
}

/// The image that a slice picture shows, by its index in slice order. None in other pictures: of volumes, slabs,
/// other planes, and of slices that were resampled between the images.
pub fn image_under(
    view: &ViewState,
    geometry: &Geometry,
    warnings: &[Warning],
    series: &Series,
) -> Option<usize> {
    let resampled = [WarningCode::UnevenSpacing, WarningCode::MissingSlices];
    let same_slices =
        geometry.dims() == series.dims && warnings.iter().all(|warning| !resampled.contains(&warning.code));
    let plain = view.content == Content::Slice && view.slab.thickness_mm <= 0.0 && same_slices;
    plain.then(|| slice_of(&view.plane, geometry)).flatten()
}

/// What lies over one image, read from its file.
#[derive(Debug)]
pub struct Sheet {
    /// Columns and rows of the image.
    dims: [u32; 2],
    drawn: Vec<Overlay>,
    /// Pixels of the image that are hidden, row by row, and what is shown in their place.
    hidden: Option<(Vec<bool>, u8)>,
}

impl Sheet {
    /// `None` where nothing lies over the image. Reads its file.
    pub fn of(series: &Series, slice: usize, show: Show) -> Result<Option<Self>, Error> {
        let overlays = series.overlays(slice)?;
        let shutters = series.shutters(slice);
        let bitmap = shutters.and_then(|shutters| shutters.bitmap_group);
        let (hiding, drawn): (Vec<Overlay>, Vec<Overlay>) =
            overlays.into_iter().partition(|overlay| Some(overlay.plane.group) == bitmap);
        let drawn = if show == Show::All { drawn } else { Vec::new() };
        let [columns, rows, _] = series.dims;
        let hidden = shutters.map(|shutters| {
            let hides = |i: u32| {
                let [column, row] = [i % columns, i / columns].map(|n| n as i32);
                shutters.hides(column, row) || hiding.iter().any(|overlay| overlay.covers(column, row))
            };
            ((0..columns * rows).map(hides).collect(), (shutters.brightness * 255.0).round() as u8)
        });
        let anything = hidden.is_some() || !drawn.is_empty();
        Ok(anything.then_some(Self { dims: [columns, rows], drawn, hidden }))
    }

    /// The grey of a place in the image that something lies over, in pixels from the middle of the first; `half` is
    /// half of what a pixel of the picture covers, so that a line of single bits never falls between.
    fn at(&self, center: DVec2, half: DVec2) -> Option<u8> {
        let [column, row] = center.round().to_array().map(|n| n as i64);
        let [columns, rows] = self.dims.map(i64::from);
        if !(0..columns).contains(&column) || !(0..rows).contains(&row) {
            return None;
        }
        let hidden = self.hidden.as_ref().filter(|(hidden, _)| hidden[(row * columns + column) as usize]);
        let drawn = || self.drawn.iter().any(|overlay| touches(overlay, center, half)).then_some(WHITE);
        hidden.map(|(_, grey)| *grey).or_else(drawn)
    }

    /// The sheet with a pixel for each square of this many pixels of the image: RGBA row by row, with its size.
    pub fn picture(&self, square: u32) -> ([u32; 2], Vec<u8>) {
        let size = self.dims.map(|n| n.div_ceil(square));
        let half = f64::from(square) / 2.0;
        let pixel = |i: u32| {
            let [x, y] = [i % size[0], i / size[0]].map(|n| f64::from(n * square) + half - 0.5);
            let center =
                DVec2::new(x, y).min(DVec2::new(f64::from(self.dims[0]), f64::from(self.dims[1])) - 1.0);
            self.at(center, DVec2::splat(half - 0.25)).map_or([0; 4], |grey| [grey, grey, grey, 255])
        };
        (size, (0..size[0] * size[1]).flat_map(pixel).collect())
    }
}

/// Draws what lies over the image that a slice picture shows, and returns whether that changed it.
pub fn draw(
    frame: &mut Frame,
    view: &ViewState,
    geometry: &Geometry,
    warnings: &[Warning],
    series: &Series,
    show: Show,
) -> Result<bool, Error> {
    let Some(slice) = image_under(view, geometry, warnings, series) else { return Ok(false) };
    let Some(sheet) = Sheet::of(series, slice, show)? else { return Ok(false) };
    let size = frame.size;
    let voxel = |at: [f64; 2]| {
        let patient = view.plane.patient_from_pixel(at, size);
        geometry.voxel_from_patient().transform_point3(patient).truncate()
    };
    let step = [voxel([1.0, 0.0]) - voxel([0.0, 0.0]), voxel([0.0, 1.0]) - voxel([0.0, 0.0])];
    let half = (step[0].abs() + step[1].abs()) / 2.0;
    let mut changed = false;
    for (i, pixel) in frame.pixels.chunks_exact_mut(4).enumerate() {
        let at = [i as u32 % size[0], i as u32 / size[0]].map(|n| f64::from(n) + 0.5);
        if let Some(grey) = sheet.at(voxel(at), half) {
            changed |= pixel[..3] != [grey; 3];
            pixel[..3].fill(grey);
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
            draw(&mut frame, &view, geometry, &loaded.warnings, series, Show::All).expect("draw");
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

    /// A CT image of 8 x 6 pixels, with a circle of 2 pixels around column 4 and row 3 as its shutter and a line of
    /// three bits as its overlay.
    fn made(folder: &Path) -> dicom::Library {
        let mut set: Vec<u8> = Vec::new();
        let mut put = |tag: u32, vr: &[u8; 2], value: &[u8]| {
            set.extend([(tag >> 16) as u16, tag as u16].iter().flat_map(|n| n.to_le_bytes()));
            set.extend(vr);
            if vr == b"OW" {
                set.extend([0; 2]);
                set.extend((value.len() as u32).to_le_bytes());
            } else {
                set.extend((value.len() as u16).to_le_bytes());
            }
            set.extend(value);
        };
        let us = |n: u16| n.to_le_bytes();
        put(0x0008_0016, b"UI", b"1.2.840.10008.5.1.4.1.1.2\0");
        put(0x0008_0018, b"UI", b"1.2.3.5\0");
        put(0x0008_0060, b"CS", b"CT");
        put(0x0018_1600, b"CS", b"CIRCULAR");
        put(0x0018_1610, b"IS", b"3\\4 ");
        put(0x0018_1612, b"IS", b"2 ");
        put(0x0018_1622, b"US", &us(0x8000));
        put(0x0020_000D, b"UI", b"1.2.3\0");
        put(0x0020_000E, b"UI", b"1.2.3.4\0");
        put(0x0020_0032, b"DS", b"0\\0\\0 ");
        put(0x0020_0037, b"DS", b"1\\0\\0\\0\\1\\0 ");
        put(0x0028_0002, b"US", &us(1));
        put(0x0028_0004, b"CS", b"MONOCHROME2 ");
        put(0x0028_0010, b"US", &us(6));
        put(0x0028_0011, b"US", &us(8));
        put(0x0028_0030, b"DS", b"1\\1 ");
        put(0x0028_0100, b"US", &us(16));
        put(0x0028_0101, b"US", &us(16));
        put(0x0028_0102, b"US", &us(15));
        put(0x0028_0103, b"US", &us(0));
        put(0x6000_0010, b"US", &us(6));
        put(0x6000_0011, b"US", &us(8));
        put(0x6000_0040, b"CS", b"G ");
        put(0x6000_0050, b"SS", &[us(1), us(1)].concat());
        put(0x6000_0100, b"US", &us(1));
        put(0x6000_0102, b"US", &us(0));
        // Columns 3 to 5 of row 3, from 1.
        put(0x6000_3000, b"OW", &[0, 0, 0b1_1100, 0, 0, 0]);
        put(0x7FE0_0010, b"OW", &[0; 96]);
        let mut file = vec![0; 128];
        file.extend(b"DICM");
        let meta = [&[2, 0, 0x10, 0][..], b"UI", &20u16.to_le_bytes(), b"1.2.840.10008.1.2.1\0"].concat();
        file.extend([&[2, 0, 0, 0][..], b"UL", &[4, 0], &(meta.len() as u32).to_le_bytes(), &meta].concat());
        file.extend(set);
        std::fs::create_dir_all(folder).expect("a folder");
        std::fs::write(folder.join("a.dcm"), file).expect("write");
        dicom::scan(&[folder.to_owned()], &Progress::default()).expect("scan")
    }

    #[test]
    fn a_shutter_hides_what_lies_outside_of_it_and_drawings_may_stay_away() {
        let folder = std::env::temp_dir().join(format!("voxcast-planes-{}", std::process::id()));
        let library = made(&folder);
        let series = &library.studies[0].series[0];
        assert!(has_any(series));
        let rows = |show: Show, square: u32| {
            let sheet = Sheet::of(series, 0, show).expect("readable").expect("something lies over it");
            let ([columns, _], rgba) = sheet.picture(square);
            let letter = |pixel: &[u8]| match pixel {
                [_, _, _, 0] => '.',
                [128, ..] => 'x',
                [255, ..] => 'W',
                _ => '?',
            };
            let letters: Vec<char> = rgba.chunks_exact(4).map(letter).collect();
            letters.chunks(columns as usize).map(|row| row.iter().collect()).collect::<Vec<String>>()
        };
        let shut = ["xxx.xxxx", "xx...xxx", "x.....xx", "xx...xxx", "xxx.xxxx", "xxxxxxxx"];
        assert_eq!(rows(Show::Shutters, 1), shut);
        assert_eq!(rows(Show::All, 1)[2], "x.WWW.xx");
        // A line one bit wide stays in a smaller picture.
        assert!(rows(Show::All, 2).concat().contains('W'));
        let loaded = dicom::load(series, &Progress::default()).expect("load");
        let geometry = loaded.volume.geometry();
        let mut view = ViewState::new(&loaded.volume, Content::Slice, Orientation::Axial, [8, 6]);
        assert_eq!(image_under(&view, geometry, &loaded.warnings, series), Some(0));
        view.plane = Plane::standard(Orientation::Coronal, &loaded.volume);
        assert_eq!(image_under(&view, geometry, &loaded.warnings, series), None);
        let _ = std::fs::remove_dir_all(folder);
    }
}
