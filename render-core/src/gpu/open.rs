//! Finding an adapter that proves itself.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use glam::DVec3;

use super::Gpu;
use super::adapter::{describe, enumerate, label};
use crate::cpu::Reference;
use crate::geometry::Geometry;
use crate::render::{Adapter, Backend, RenderError, RenderParams};
use crate::scene::preset::Preset;
use crate::scene::view::{Content, Orientation, ViewState};
use crate::volume::{Meaning, Rescale, Volume, Voxels};

/// The first adapter that draws the test scene right, if any. Adds a line for each adapter to
/// `reasons`.
pub(crate) fn open(accepted: Adapter, reasons: &mut Vec<String>) -> Option<Gpu> {
    let adapters = enumerate();
    if adapters.is_empty() {
        reasons.push("GPU: none found; there is no graphics driver, or it offers no adapter".into());
    }
    let mut opened = None;
    for adapter in &adapters {
        let info = describe(adapter);
        let verdict = if opened.is_some() {
            "not tried, an earlier one works".into()
        } else if info.software && accepted == Adapter::Hardware {
            "not used, it emulates a GPU on the CPU".into()
        } else {
            match Gpu::new(adapter).and_then(|gpu| probe(&gpu).map(|()| gpu)) {
                Ok(gpu) => {
                    opened = Some(gpu);
                    "used, it draws the test scene right".into()
                }
                Err(error) => format!("not used: {error}"),
            }
        };
        reasons.push(format!("{}: {verdict}", label(&info)));
    }
    opened
}

/// Largest difference of an 8-bit colour from the reference that counts as right. A rounding
/// difference may pick the neighbouring entry of the transfer table; a wrong picture is off by
/// far more.
const MAX_COLOR_DIFFERENCE: u8 = 3;

/// Largest difference of a value (of some hundreds) from the reference.
const MAX_VALUE_DIFFERENCE: f32 = 0.01;

/// Draws a small scene and compares it with what the reference draws.
fn probe(gpu: &Gpu) -> Result<(), RenderError> {
    let wrong = |what| RenderError::Gpu(format!("its {what} of the test scene is wrong"));
    let volume = Arc::new(test_volume());
    let go_on = AtomicBool::new(false);
    let view = |content, size| {
        let mut view = ViewState::new(&volume, content, Orientation::Coronal, size);
        view.apply_preset(&Preset::built_in()[0], &volume);
        RenderParams::resolve(&view, &volume)
    };

    let params = view(Content::Volume, [40, 30]);
    let (ours, theirs) = (gpu.render(&volume, &params, &go_on)?, Reference.render(&volume, &params, &go_on)?);
    if ours.pixels.iter().zip(&theirs.pixels).any(|(a, b)| a.abs_diff(*b) > MAX_COLOR_DIFFERENCE) {
        return Err(wrong("picture"));
    }
    let params = view(Content::Slice, [40, 30]);
    let (ours, theirs) = (gpu.values(&volume, &params, &go_on)?, Reference.values(&volume, &params, &go_on)?);
    let differ = |(a, b): (&f32, &f32)| a.is_nan() != b.is_nan() || (a - b).abs() > MAX_VALUE_DIFFERENCE;
    if ours.values.iter().zip(&theirs.values).any(differ) {
        return Err(wrong("slice"));
    }
    Ok(())
}

/// A ball of bone on a slope of softer values, with no symmetry to hide a swapped axis.
fn test_volume() -> Volume {
    let dims = [21u32, 18, 15];
    let geometry = Geometry::from_axes(
        dims,
        DVec3::new(-10.0, 5.0, -30.0),
        [DVec3::X, DVec3::Y, DVec3::Z],
        DVec3::new(1.0, 1.25, 2.0),
    );
    let mut voxels = Vec::new();
    for z in 0..dims[2] as i16 {
        for y in 0..dims[1] as i16 {
            for x in 0..dims[0] as i16 {
                let (dx, dy, dz) = (x - 8, y - 10, z - 6);
                let ball = if dx * dx + dy * dy + 2 * dz * dz < 36 { 700 } else { 0 };
                voxels.push(ball + 10 * x - 7 * y + 3 * z);
            }
        }
    }
    let meaning = Meaning { modality: "CT".into(), unit: "HU".into(), windows: Vec::new(), inverted: false };
    // Both depend on the constants above only.
    let geometry = geometry.expect("the test scene's axes are independent");
    Volume::new(geometry, Voxels::I16(voxels.into()), Rescale { slope: 1.0, intercept: -24.0 }, meaning)
        .expect("the test scene has one value per voxel")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::scene::view::Slab;

    /// The software adapter, or `None` with a line that says so.
    fn software() -> Option<Gpu> {
        let gpu = open(Adapter::Software, &mut Vec::new());
        if gpu.is_none() {
            eprintln!("skipped: no Vulkan adapter");
        }
        gpu
    }

    fn slice(volume: &Volume) -> RenderParams {
        RenderParams::resolve(&ViewState::new(volume, Content::Slice, Orientation::Axial, [64, 64]), volume)
    }

    #[test]
    fn a_volume_is_uploaded_once_and_forgotten_when_dropped() {
        let Some(gpu) = software() else { return };
        let volume = Arc::new(test_volume());
        let params = slice(&volume);
        let go_on = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| gpu.render(&volume, &params, &go_on).unwrap());
            }
        });
        assert_eq!(gpu.uploads.count(), 1);
        drop(volume);
        let other = Arc::new(test_volume());
        gpu.render(&other, &params, &go_on).unwrap();
        assert_eq!(gpu.uploads.count(), 1);
    }

    #[test]
    fn a_lost_device_is_an_error_now_and_later() {
        let Some(gpu) = software() else { return };
        let volume = Arc::new(test_volume());
        let params = slice(&volume);
        let go_on = AtomicBool::new(false);
        gpu.render(&volume, &params, &go_on).unwrap();
        gpu.device.raw.destroy();
        for _ in 0..2 {
            let error = gpu.render(&volume, &params, &go_on).unwrap_err();
            assert!(matches!(error, RenderError::Gpu(_)), "{error}");
        }
    }

    #[test]
    fn a_volume_longer_than_the_card_allows_is_refused_by_name() {
        let Some(gpu) = software() else { return };
        let longest = gpu.device.raw.limits().max_texture_dimension_3d;
        let dims = [longest + 1, 1, 1];
        let geometry = Geometry::from_axes(dims, DVec3::ZERO, [DVec3::X, DVec3::Y, DVec3::Z], DVec3::ONE);
        let voxels = Voxels::U8(vec![0; dims[0] as usize].into());
        let meaning = test_volume().meaning().clone();
        let volume = Arc::new(Volume::new(geometry.unwrap(), voxels, Rescale::IDENTITY, meaning).unwrap());
        let error = gpu.render(&volume, &slice(&volume), &AtomicBool::new(false)).unwrap_err();
        assert!(matches!(error, RenderError::VolumeTooLarge { .. }), "{error}");
    }

    #[test]
    fn a_cancelled_picture_leaves_the_gpu_usable() {
        let Some(gpu) = software() else { return };
        let volume = Arc::new(test_volume());
        let mut view = ViewState::new(&volume, Content::Slice, Orientation::Axial, [4096, 4096]);
        view.slab = Slab { thickness_mm: 10_000.0, ..view.slab };
        let params = RenderParams::resolve(&view, &volume);
        let cancel = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let slow = scope.spawn(|| gpu.render(&volume, &params, &cancel));
            cancel.store(true, Ordering::Relaxed);
            assert_eq!(slow.join().unwrap().unwrap_err(), RenderError::Cancelled);
        });
        gpu.render(&volume, &slice(&volume), &AtomicBool::new(false)).unwrap();
    }
}
