//! `voxcast render`: one picture of a volume.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Result;
use render_core::cinematic::Cinematic;
use render_core::dicom::Series;
use render_core::dicom::create::{self, Subject};
use render_core::save::Existing;
use render_core::scene::{Preset, PresetLibrary, ViewState};
use render_core::{Frame, Window};

use crate::cli::{Render, usage};
use crate::look::Mode;
use crate::{output, planes, presets, study};

pub fn run(args: &Render, folder: Option<&Path>) -> Result<()> {
    let ends = |ending: &str| args.out.extension().is_some_and(|e| e.eq_ignore_ascii_case(ending));
    if !ends("png") && !ends("dcm") {
        return Err(usage(format!("--out {}: the name must end in .png or .dcm", args.out.display())));
    }
    let existing = if args.force { Existing::Replace } else { Existing::Refuse };
    if ends("dcm") {
        output::check_free(&args.out, existing)?;
    }
    args.look.check().map_err(anyhow::Error::msg)?;
    if args.look.mode == Mode::Cinematic && !args.overlays.is_empty() {
        return Err(usage("--fuse and --labels: cinematic pictures show one volume; choose another --mode"));
    }
    let library = presets::library(folder)?;
    let preset = args.preset.as_deref().map(|name| find_preset(&library, name)).transpose()?;
    let (loaded, series) = study::open_with_series(&args.source)?;
    let volume = Arc::clone(&loaded.volume);
    let (content, orientation) = args.look.content();
    let mut view = ViewState::new(&volume, content, orientation, args.size);
    if let Some([center, width]) = args.window {
        view.window = Window::clamped(center, width);
    }
    if let Some(preset) = preset {
        view.apply_preset(preset, &volume);
    }
    args.look.apply(&mut view, &volume);
    view.layers = args.overlays.open(series.frame_of_reference_uid())?;
    if let Some(zoom) = args.zoom {
        view.camera.set_zoom(zoom);
    }
    view.camera.azimuth(args.azimuth);
    view.camera.elevation(args.elevation);
    let never = AtomicBool::new(false);
    let renderer = super::open_renderer(args.backend)?;
    let draw = |view: &ViewState| match args.look.mode {
        Mode::Cinematic => {
            let settings = args.cinematic.settings();
            let mut picture = Cinematic::on(&renderer, Arc::clone(&volume), view, &settings)?;
            picture.accumulate(args.cinematic.samples, &never)?;
            Ok(picture.picture(args.cinematic.finish()))
        }
        _ => renderer.render(&volume, &render_core::render::resolve(view, &volume), &never),
    };
    let mut frame = match args.look.stereo {
        None => draw(&view)?,
        Some(separation_mm) => {
            let [left, right] = view.camera.stereo(separation_mm);
            view.camera = left;
            let left = draw(&view)?;
            view.camera = right;
            side_by_side(&left, &draw(&view)?)
        }
    };
    let geometry = loaded.volume.geometry();
    let overlaid = planes::draw(&mut frame, &view, geometry, &loaded.warnings, &series, planes::Show::All)?;
    if ends("png") {
        return output::write_png(&args.out, &frame);
    }
    // What overlays show may be a name.
    write_capture(&args.out, existing, &frame, &series, overlaid)
}

/// A picture as a DICOM object in the study of its images.
fn write_capture(
    path: &Path,
    existing: Existing,
    frame: &Frame,
    series: &Series,
    burned_in: bool,
) -> Result<()> {
    let rgb: Vec<u8> = frame.pixels.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
    let size = [u16::try_from(frame.size[0])?, u16::try_from(frame.size[1])?];
    let subject = Subject::of(series)?;
    let bytes = create::secondary_capture(&subject, size, &rgb, burned_in, &super::stamp("Rendered")?)?;
    output::write_bytes(path, &bytes, existing)
}

/// Two pictures of one size as one.
fn side_by_side(left: &Frame, right: &Frame) -> Frame {
    let [width, height] = left.size;
    let row = width as usize * 4;
    let rows = left.pixels.chunks_exact(row).zip(right.pixels.chunks_exact(row));
    let pixels = rows.flat_map(|(left, right)| [left, right].concat()).collect();
    Frame { size: [width * 2, height], pixels, ..left.clone() }
}

/// A preset by name, or an error that lists the names.
fn find_preset<'a>(library: &'a PresetLibrary, name: &str) -> Result<&'a Preset> {
    library.find(name).ok_or_else(|| {
        let names: Vec<&str> = library.presets().iter().map(|p| p.name.as_str()).collect();
        usage(format!("--preset: there is no preset {name:?}; there are {}", names.join(", ")))
    })
}
