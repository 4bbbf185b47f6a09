//! `voxcast render`: one picture of a volume.

use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result, bail};
use render_core::RenderParams;
use render_core::Window;
use render_core::scene::view::Orientation;
use render_core::scene::{Content, Preset, ViewState};

use crate::cli::{Render, VolumeMode};
use crate::{output, study};

pub fn run(args: &Render) -> Result<()> {
    if args.out.extension().is_none_or(|e| !e.eq_ignore_ascii_case("png")) {
        bail!("--out {}: the name must end in .png", args.out.display());
    }
    let preset = args.preset.as_deref().map(find_preset).transpose()?;
    let renderer = super::open_renderer(args.backend)?;
    let volume = study::open(&args.source)?.volume;
    let content = match args.mode {
        VolumeMode::Dvr => Content::Volume,
        VolumeMode::Mip => Content::MIP,
        VolumeMode::Iso => Content::Isosurface(args.iso as f32),
    };
    let mut view = ViewState::new(&volume, content, Orientation::Axial, args.size);
    if let Some([center, width]) = args.window {
        view.window = Window::clamped(center, width);
    }
    if let Some(preset) = preset {
        view.apply_preset(preset, &volume);
    }
    if let Some(zoom) = args.zoom {
        view.camera.set_zoom(zoom);
    }
    view.camera.azimuth(args.azimuth);
    view.camera.elevation(args.elevation);
    let params = RenderParams::resolve(&view, &volume);
    let frame = renderer.render(&volume, &params, &AtomicBool::new(false))?;
    output::write_png(&args.out, &frame)
}

/// A preset by name, or an error that lists the names.
pub fn find_preset(name: &str) -> Result<&'static Preset> {
    Preset::find(name).with_context(|| {
        let names: Vec<&str> = Preset::built_in().iter().map(|p| p.name.as_str()).collect();
        format!("there is no preset {name:?}; there are {}", names.join(", "))
    })
}
