//! Finding an adapter that proves itself.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use glam::DVec3;

use super::Gpu;
use super::adapter::{describe, enumerate, label};
use super::card::{Card, Sink};
use super::device::{Device, descriptor};
use crate::cpu::Reference;
use crate::geometry::Geometry;
use crate::render::{Adapter, Backend, RenderError, RenderParams, Sampling};
use crate::scene::preset::Preset;
use crate::scene::view::{Content, Orientation, ViewState};
use crate::volume::{Meaning, Rescale, Volume, Voxels};

/// The first adapter that draws the test scene right, if any. Adds a line for each adapter to
/// `reasons`.
pub(crate) fn open(accepted: Adapter, reasons: &mut Vec<String>) -> Option<Gpu> {
    open_card(accepted, reasons).map(|card| Gpu::new(card, Some(accepted)))
}

/// The card behind a device that someone else has opened.
pub(crate) fn open_on(
    adapter: &wgpu::Adapter,
    device: wgpu::Device,
    queue: wgpu::Queue,
) -> Result<Gpu, RenderError> {
    let info = describe(adapter);
    if info.software {
        return Err(RenderError::Gpu(format!("{} emulates a GPU on the CPU", label(&info))));
    }
    pollster::block_on(proven(Device::on(device, queue))).map(|card| Gpu::new(card, None))
}

pub(super) fn open_card(accepted: Adapter, reasons: &mut Vec<String>) -> Option<Card> {
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
            match pollster::block_on(open_proven(adapter)) {
                Ok(card) => {
                    opened = Some(card);
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

/// The same where the texture unit interpolates, with weights of 8 bits.
const MAX_FAST_DIFFERENCE: u8 = 24;

/// Largest difference of a value (of some hundreds) from the reference.
const MAX_VALUE_DIFFERENCE: f32 = 0.01;

pub(super) async fn open_proven(adapter: &wgpu::Adapter) -> Result<Card, RenderError> {
    proven(Device::open(adapter, &descriptor(adapter)).await?).await
}

/// A card that draws the test scene right.
async fn proven(device: Device) -> Result<Card, RenderError> {
    let card = Card::new(device)?;
    probe(&card).await?;
    Ok(card)
}

/// Draws a small scene and compares it with what the reference draws.
async fn probe(card: &Card) -> Result<(), RenderError> {
    let wrong = |what| RenderError::Gpu(format!("its {what} of the test scene is wrong"));
    let volume = Arc::new(test_volume());
    let go_on = AtomicBool::new(false);
    let view = |content, size| {
        let mut view = ViewState::new(&volume, content, Orientation::Coronal, size);
        view.apply_preset(&Preset::built_in()[0], &volume);
        crate::render::resolve(&view, &volume)
    };

    for sampling in [Sampling::Exact, Sampling::Fast] {
        let params = RenderParams { sampling, ..view(Content::Volume, [40, 30]) };
        let mut ours = Vec::new();
        card.draw(&volume, &params, Sink::Colors(&mut ours), &go_on).await?;
        let theirs = Reference.render(&volume, &params, &go_on)?;
        let limit = if sampling == Sampling::Exact { MAX_COLOR_DIFFERENCE } else { MAX_FAST_DIFFERENCE };
        if ours.iter().zip(&theirs.pixels).any(|(a, b)| a.abs_diff(*b) > limit) {
            return Err(wrong("picture"));
        }
    }
    let params = view(Content::Slice, [40, 30]);
    let mut ours = Vec::new();
    card.draw(&volume, &params, Sink::Values(&mut ours), &go_on).await?;
    let theirs = Reference.values(&volume, &params, &go_on)?;
    let differ = |(a, b): (&f32, &f32)| a.is_nan() != b.is_nan() || (a - b).abs() > MAX_VALUE_DIFFERENCE;
    if ours.iter().zip(&theirs.values).any(differ) {
        return Err(wrong("slice"));
    }
    Ok(())
}

/// A ball of bone on a slope of softer values, with no symmetry to hide a swapped axis.
pub(crate) fn test_volume() -> Volume {
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
    let meaning = Meaning {
        modality: "CT".into(),
        unit: "HU".into(),
        windows: Vec::new(),
        tables: Vec::new(),
        inverted: false,
    };
    // Both depend on the constants above only.
    let geometry = geometry.expect("the test scene's axes are independent");
    Volume::new(geometry, Voxels::I16(voxels.into()), Rescale { slope: 1.0, intercept: -24.0 }, meaning)
        .expect("the test scene has one value per voxel")
}
