//! Surfaces: closed, oriented outwards, where closed forms and other programs find them.

mod data;

use std::collections::HashMap;
use std::f64::consts::PI;
use std::io::Cursor;

use glam::{DAffine3, DMat3, DVec3};
use volumes::dicom::object::Content;
use volumes::surface::{self, Field, Surface};
use volumes::{Geometry, Progress, dicom};

use data::data;

fn stl(field: &Field<'_>) -> (Surface, Vec<u8>) {
    let mut out = Cursor::new(Vec::new());
    let surface = surface::write_stl(&mut out, field, &Progress::default()).expect("has a surface");
    (surface, out.into_inner())
}

/// The corners of each triangle, as another program reads the file.
fn triangles(stl: &[u8]) -> Vec<[[u32; 3]; 3]> {
    let count = u32::from_le_bytes(stl[80..84].try_into().expect("4 bytes")) as usize;
    assert_eq!(stl.len(), 84 + 50 * count);
    let number =
        |facet: &[u8], i: usize| u32::from_le_bytes(facet[4 * i..][..4].try_into().expect("4 bytes"));
    stl[84..]
        .chunks_exact(50)
        .map(|facet| std::array::from_fn(|v| std::array::from_fn(|a| number(facet, 3 + 3 * v + a))))
        .collect()
}

/// Each edge has two triangles, which run along it in opposite directions.
fn assert_closed(stl: &[u8]) {
    let mut edges: HashMap<[[u32; 3]; 2], [u32; 2]> = HashMap::new();
    for t in triangles(stl) {
        for (from, to) in [(t[0], t[1]), (t[1], t[2]), (t[2], t[0])] {
            let forward = from < to;
            let key = if forward { [from, to] } else { [to, from] };
            edges.entry(key).or_default()[usize::from(forward)] += 1;
        }
    }
    let open = edges.values().filter(|&&n| n != [1, 1]).count();
    assert_eq!(open, 0, "of {} edges", edges.len());
}

fn grid(dims: [u32; 3], matrix3: DMat3, translation: DVec3) -> Geometry {
    Geometry::new(dims, DAffine3 { matrix3, translation }).expect("is a grid")
}

#[test]
fn a_sphere_has_its_volume_and_area_on_upright_tilted_and_mirrored_grids() {
    let radius = 20.0;
    let spacing = DMat3::from_diagonal(DVec3::new(0.8, 0.8, 1.5));
    let shear = DMat3::from_cols(DVec3::X, DVec3::Y, DVec3::new(0.0, -0.3, 1.0));
    for (name, matrix) in [
        ("upright", spacing),
        ("tilted", shear * spacing),
        ("turned", DMat3::from_rotation_y(0.6) * spacing),
        ("mirrored", DMat3::from_diagonal(DVec3::new(-1.0, 1.0, 1.0)) * spacing),
    ] {
        let geometry = grid([80, 96, 40], matrix, DVec3::new(150.0, -80.0, 900.0));
        let center = geometry.center_mm();
        let slice = |k: usize, values: &mut [f32]| {
            for (i, value) in values.iter_mut().enumerate() {
                let at = DVec3::new((i % 80) as f64, (i / 80) as f64, k as f64);
                *value =
                    (radius - geometry.patient_from_voxel().transform_point3(at).distance(center)) as f32;
            }
        };
        let (surface, stl) = stl(&Field { geometry: &geometry, threshold: 0.0, slice: &slice });
        let (volume, area) = (4.0 / 3.0 * PI * radius.powi(3), 4.0 * PI * radius * radius);
        assert!((surface.volume_mm3 / volume - 1.0).abs() < 0.005, "{name}: {surface:?}, not {volume}");
        assert!((surface.area_mm2 / area - 1.0).abs() < 0.005, "{name}: {surface:?}, not {area}");
        assert_closed(&stl);
        for corner in triangles(&stl).iter().flatten() {
            let point = DVec3::from(corner.map(|bits| f64::from(f32::from_bits(bits))));
            assert!((point.distance(center) - radius).abs() < 0.05, "{name}: {point}");
        }
    }
}

#[test]
fn noise_and_what_touches_the_border_are_closed() {
    let geometry = grid([31, 17, 23], DMat3::IDENTITY, DVec3::ZERO);
    // Every kind of cube occurs among 8000 of them.
    let slice = |k: usize, values: &mut [f32]| {
        for (i, value) in values.iter_mut().enumerate() {
            let mut hash = (i as u32 ^ (k as u32) << 16).wrapping_mul(0x9E37_79B9);
            hash = (hash ^ hash >> 15).wrapping_mul(0x85EB_CA6B);
            *value = ((hash ^ hash >> 13) % 1000) as f32;
        }
    };
    for threshold in [200.0, 500.0, 800.0] {
        let (surface, stl) = stl(&Field { geometry: &geometry, threshold, slice: &slice });
        assert_closed(&stl);
        assert!(surface.volume_mm3 > 0.0);
    }
    let full = |_: usize, values: &mut [f32]| values.fill(1.0);
    let (surface, stl) = stl(&Field { geometry: &geometry, threshold: 0.5, slice: &full });
    assert_closed(&stl);
    // A box of whole voxels, its edges cut off.
    let whole = 31.0 * 17.0 * 23.0;
    assert!(surface.volume_mm3 < whole && surface.volume_mm3 > 0.99 * whole, "{surface:?}");
}

#[test]
fn a_real_ct_has_a_closed_surface_at_any_value_and_none_beyond_its_own() {
    let Some(path) = data("ct-head-tilt-uneven") else { return };
    let library = dicom::scan(&[path], &Progress::default()).expect("scan");
    let volume = dicom::load(&library.studies[0].series[0], &Progress::default()).expect("load").volume;
    let mut out = Cursor::new(Vec::new());
    let progress = Progress::default();
    let surface = surface::write_stl_of(&mut out, &volume, 300.5, &progress).expect("has bone");
    let stl = out.into_inner();
    assert_closed(&stl);
    // To be looked at with other programs.
    if let Some(keep) = std::env::var_os("VOXCAST_KEEP") {
        std::fs::write(std::path::Path::new(&keep).join("bone.stl"), &stl).expect("write");
        eprintln!("{surface:?}");
    }
    assert!(surface.triangles > 100_000, "{surface:?}");
    let layers = u64::from(volume.geometry().dims()[2]) + 1;
    assert_eq!(progress.counts(), (layers, layers));
    let mut out = Cursor::new(Vec::new());
    let empty = surface::write_stl_of(&mut out, &volume, 1e6, &Progress::default());
    assert!(matches!(empty, Err(surface::Error::Empty(_))), "{empty:?}");
    progress.cancel();
    let cancelled = surface::write_stl_of(&mut out, &volume, 300.5, &progress);
    assert!(matches!(cancelled, Err(surface::Error::Cancelled)), "{cancelled:?}");
}

#[test]
fn segments_and_contours_have_closed_surfaces_around_their_voxels() {
    let Some(root) = data("modalities") else { return };
    let open = |below: &str| {
        let library = dicom::scan(&[root.join(below)], &Progress::default()).expect("scan");
        library.studies[0].objects[0].open().expect("is an object")
    };
    let Content::Segmentation(found) = open("highdicom-seg-sr-ct/seg_image_ct_binary_overlap.dcm") else {
        panic!("is a segmentation")
    };
    let geometry = found.grid.expect("has a place");
    let slice = geometry.dims()[0] as usize * geometry.dims()[1] as usize;
    let voxel_mm3 = geometry.patient_from_voxel().matrix3.determinant().abs();
    assert!(found.segments.len() > 1);
    for segment in &found.segments {
        let mut mask = vec![0u8; geometry.voxel_count()];
        found.add_to(segment, &mut mask);
        assert_eq!(mask.iter().filter(|&&v| v >= 128).count() as u64, found.voxel_count(segment));
        let read = |k: usize, values: &mut [f32]| {
            values.iter_mut().zip(&mask[k * slice..]).for_each(|(value, &m)| *value = f32::from(m));
        };
        let (surface, stl) = stl(&Field { geometry: &geometry, threshold: 127.5, slice: &read });
        assert_closed(&stl);
        let voxels = found.voxel_count(segment) as f64 * voxel_mm3;
        assert!(
            surface.volume_mm3 > 0.7 * voxels && surface.volume_mm3 < 1.01 * voxels,
            "{surface:?}, {voxels}"
        );
    }
}
