//! `voxcast mpr`: one slice in patient millimetres.

use std::sync::atomic::AtomicBool;

use anyhow::Result;
use render_core::scene::view::{Combine, Orientation, Slab};
use render_core::scene::{Content, Plane, ViewState};
use render_core::{ValueImage, Window};

use crate::cli::{Mpr, SlabMode, usage};
use crate::{output, planes, study};

/// Which file the name asks for.
enum Format {
    Png,
    Npy,
}

pub fn run(args: &Mpr) -> Result<()> {
    let format = match args.out.extension().and_then(|e| e.to_str()) {
        Some("png") => Format::Png,
        Some("npy") => Format::Npy,
        _ => return Err(usage(format!("--out {}: the name must end in .png or .npy", args.out.display()))),
    };
    let (right, down) = axes(args)?;
    if args.mode == SlabMode::Linear && args.slab != 0.0 {
        return Err(usage("--slab needs --mode mip, minip or mean: linear is the plane itself"));
    }
    if !(0.0..=10_000.0).contains(&args.slab) {
        return Err(usage(format!("--slab {}: a thickness from 0 to 10000 mm is possible", args.slab)));
    }
    let renderer = super::open_renderer(args.backend)?;
    let (loaded, series) = study::open_with_series(&args.source)?;
    let volume = &loaded.volume;
    let spacing = args.spacing.unwrap_or_else(|| volume.geometry().spacing_mm().min_element());
    if !(spacing.is_finite() && spacing >= 1e-3) {
        return Err(usage(format!("--spacing {spacing}: at least 0.001 mm between pixels is possible")));
    }
    let mut view = ViewState::new(volume, Content::Slice, Orientation::Axial, args.size);
    let [width, height] = args.size.map(f64::from);
    view.plane = Plane {
        center_mm: args.origin
            + right * ((width - 1.0) / 2.0 * spacing)
            + down * ((height - 1.0) / 2.0 * spacing),
        right,
        down,
        fit_mm: [width * spacing, height * spacing],
        zoom: 1.0,
    };
    let combine = match args.mode {
        SlabMode::Linear | SlabMode::Mean => Combine::Mean,
        SlabMode::Mip => Combine::Maximum,
        SlabMode::Minip => Combine::Minimum,
    };
    view.slab = Slab { thickness_mm: args.slab, combine };
    if let Some([center, width]) = args.window {
        view.window = Window::clamped(center, width);
    }
    let params = render_core::render::resolve(&view, volume);
    let cancel = AtomicBool::new(false);
    match format {
        Format::Png => {
            let mut frame = renderer.render(volume, &params, &cancel)?;
            let black = frame.pixels.chunks_exact(4).all(|pixel| pixel[..3] == [0; 3]);
            if black && is_outside(&renderer.values(volume, &params, &cancel)?) {
                note_outside();
            }
            planes::draw(&mut frame, &view, volume.geometry(), &loaded.warnings, &series, planes::Show::All)?;
            output::write_png(&args.out, &frame)
        }
        Format::Npy => {
            let values = renderer.values(volume, &params, &cancel)?;
            if is_outside(&values) {
                note_outside();
            }
            output::write_npy(&args.out, &values)
        }
    }
}

fn is_outside(image: &ValueImage) -> bool {
    image.values.iter().all(|value| value.is_nan())
}

fn note_outside() {
    output::note(
        "warning: the slice lies wholly outside the volume; `voxcast info` tells where the volume is",
    );
}

/// Unit vectors (right, down) of the image; `up` is made square to the normal.
fn axes(args: &Mpr) -> Result<(glam::DVec3, glam::DVec3)> {
    let normal = args.normal.try_normalize();
    let right = normal.and_then(|n| n.cross(args.up).try_normalize());
    match (normal, right) {
        (Some(normal), Some(right)) => Ok((right, normal.cross(right))),
        _ => Err(usage("--normal and --up must not be zero, nor point the same way")),
    }
}
