//! `voxcast bench memory`: what a volume takes beside its voxels once every mode has shown it, and whether that grows.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result};
use render_core::progressive::Rung;
use render_core::render::Effects;
use render_core::scene::view::{Combine, Orientation, Slab};
use render_core::scene::{Content, ViewState};
use render_core::{Renderer, Volume, with_voxels};
use serde_json::json;

use super::SURFACE;
use crate::cli::BenchArgs;
use crate::{output, study};

pub(super) fn run(args: &BenchArgs) -> Result<()> {
    let renderer = super::renderer(args)?;
    let size = args.size.first().copied().unwrap_or([1920, 1080]);
    let before = resident()?;
    let volume = study::open(&args.source)?.volume;
    let voxels = with_voxels!(volume.voxels(), voxels => size_of_val(&voxels[..]));
    let taken = || Ok::<_, anyhow::Error>(resident()?.saturating_sub(before));
    let loaded = taken()?;
    for content in [
        Content::Volume,
        Content::MIP,
        Content::Projection(Combine::Minimum),
        Content::Projection(Combine::Mean),
        Content::Isosurface(SURFACE),
        Content::Slice,
    ] {
        let mut view = ViewState::new(&volume, content, Orientation::Axial, size);
        view.effects = Effects { ambient_occlusion: true, shadows: true };
        view.slab = Slab { thickness_mm: 20.0, ..view.slab };
        draw(&renderer, &volume, &view)?;
        let half = Rung::HALF.coarsen(&mut view, &volume);
        draw(&renderer, &half, &view)?;
    }
    let shown = taken()?;
    let mut view = ViewState::new(&volume, Content::Volume, Orientation::Axial, size);
    let half = Rung::HALF.coarsen(&mut view, &volume);
    for _ in 0..args.frames {
        view.camera.azimuth(args.azimuth_step);
        draw(&renderer, &half, &view)?;
    }
    let after = taken()?;
    let times = |bytes: usize| bytes as f64 / voxels as f64;
    if args.json {
        output::line(json!({
            "bench": "memory", "backend": renderer.name(), "size": size, "voxel_bytes": voxels,
            "loaded_bytes": loaded, "shown_bytes": shown, "frames": args.frames, "after_bytes": after,
        }));
    } else {
        output::line(format_args!(
            "memory, {}: {:.1} MB of voxels; {:.2} times that once loaded, {:.2} times shown in every mode at rest and \
             moving, {:.2} times after {} more frames of {}x{}",
            renderer.name(),
            voxels as f64 / 1e6,
            times(loaded),
            times(shown),
            times(after),
            args.frames,
            size[0],
            size[1],
        ));
    }
    Ok(())
}

fn draw(renderer: &Renderer, volume: &Arc<Volume>, view: &ViewState) -> Result<()> {
    renderer.render(volume, &render_core::render::resolve(view, volume), &AtomicBool::new(false))?;
    Ok(())
}

/// Bytes of this process that are in memory.
fn resident() -> Result<usize> {
    let status = std::fs::read_to_string("/proc/self/status")
        .context("what this program takes in memory is read from /proc/self/status, which only Linux has")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    Ok(kilobytes.context("/proc/self/status tells no VmRSS")? << 10)
}
