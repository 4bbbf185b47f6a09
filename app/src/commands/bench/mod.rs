//! `voxcast bench`: times of this machine on a study, one line per case.

mod memory;
mod stream;
mod window;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use anyhow::Result;
use glam::DVec3;
use render_core::cpu::Level;
use render_core::dicom;
use render_core::progressive::Rung;
use render_core::render::{Choice, Mode, Sampling};
use render_core::scene::view::{Combine, Orientation};
use render_core::scene::{Content, Preset, ViewState};
use render_core::{Progress, RenderParams, Renderer, Volume};
use serde_json::json;
use server_mode::encode::{Jpeg, Tone};

use crate::cli::{Backend, Bench, BenchArgs, usage};
use crate::{output, study};

const WARM_UP: u32 = 3;

pub fn run(bench: &Bench) -> Result<()> {
    let (args, ran, known) = match bench {
        Bench::Stream(args) => return stream::run(args),
        Bench::Window(args) => return window::run(args),
        Bench::Memory(args) => return memory::run(args),
        Bench::Render(args) => (
            args,
            render(args)?,
            "first, the presets of the volume's modality, MIP, MinIP, Mean, Isosurface; all but first also with \
             _moving at the end, presets with _edited",
        ),
        Bench::Mpr(args) => (args, mpr(args)?, "oblique, slab_mip, slab_mean"),
        Bench::Load(args) => (args, load(args)?, "load, first, scan"),
        Bench::Encode(args) => {
            (args, encode(args)?, "jpeg_q50_volume, jpeg_q90_volume, jpeg_q50_slice, jpeg_q90_slice")
        }
    };
    if ran == 0 {
        return Err(usage(format!("--cases {}: no such case; there are {known}", args.cases.join(","))));
    }
    Ok(())
}

/// The HU of an isosurface: bone's.
const SURFACE: f32 = 250.0;

/// A whole turn's worth of frames per preset of the volume's modality, and per other mode.
fn render(args: &BenchArgs) -> Result<u32> {
    let renderer = renderer(args)?;
    let volume = study::open(&args.source)?.volume;
    let modality = &volume.meaning().modality;
    let presets = Preset::built_in().iter().filter(|p| p.modality == *modality);
    let presets = presets.map(|p| (p.name.as_str(), Content::Volume, Some(p)));
    let others = [
        ("MIP", Content::MIP, None),
        ("MinIP", Content::Projection(Combine::Minimum), None),
        ("Mean", Content::Projection(Combine::Mean), None),
        ("Isosurface", Content::Isosurface(SURFACE), None),
    ];
    let mut ran = 0;
    if wanted(args, "first") {
        for (name, rung) in [("first_moving", Some(Rung::HALF)), ("first", None)] {
            let rounds = (0..args.frames.min(10)).map(|_| first(args, &renderer, &volume, rung));
            let times = Times { rounds: rounds.collect::<Result<_>>()?, on_card: Vec::new() };
            report(args, "render", name, renderer.name(), Some([1920, 1080]), &times);
        }
        ran += 1;
    }
    let cases: Vec<_> = presets.chain(others).collect();
    let sizes = if args.size.is_empty() { &[[1920, 1080]] } else { &args.size[..] };
    for &size in sizes {
        for &(name, content, preset) in &cases {
            let mut view = ViewState::new(&volume, content, Orientation::Axial, size);
            if let Some(preset) = preset {
                view.apply_preset(preset, &volume);
            }
            view.camera.set_zoom(args.zoom);
            view.camera.elevation(10.0);
            view.step_voxels = args.step;
            let [edited, moving] = ["edited", "moving"].map(|what| format!("{name}_{what}"));
            let turned = |view: &mut ViewState, volume: &Volume| {
                view.camera.azimuth(args.azimuth_step);
                render_core::render::resolve(view, volume)
            };
            // Each begins at the same angle.
            if wanted(args, name) {
                let mut view = view.clone();
                let times = frames(args, &renderer, &volume, || turned(&mut view, &volume))?;
                report(args, "render", name, renderer.name(), Some(size), &times);
                ran += 1;
            }
            if wanted(args, &moving) {
                let mut view = ViewState { step_voxels: ViewState::FINE_STEP, ..view.clone() };
                let half = Rung::HALF.coarsen(&mut view, &volume);
                let times = frames(args, &renderer, &half, || turned(&mut view, &half))?;
                report(args, "render", &moving, renderer.name(), Some(size), &times);
                ran += 1;
            }
            if preset.is_some() && wanted(args, &edited) {
                // As dragging a point of the editor does: no frame has the transfer function of another, nor shows
                // more or less for that.
                let shown = view.transfer.clone();
                let (low, high) = shown.span();
                let mut shift = 0.001 * (high - low);
                let times = frames(args, &renderer, &volume, || {
                    view.camera.azimuth(args.azimuth_step);
                    shift *= -1.02;
                    view.transfer = shown.clone();
                    let moved = view.transfer.remap((low, high), (low + shift, high + shift));
                    moved.expect("a shift keeps the points in order");
                    render_core::render::resolve(&view, &volume)
                })?;
                report(args, "render", &edited, renderer.name(), Some(size), &times);
                ran += 1;
            }
        }
    }
    Ok(ran)
}

/// Milliseconds to the first picture of a volume for which nothing was worked out before.
fn first(args: &BenchArgs, renderer: &Renderer, volume: &Volume, rung: Option<Rung>) -> Result<f64> {
    let (voxels, meaning) = (volume.voxels().clone(), volume.meaning().clone());
    let fresh = Arc::new(Volume::new(*volume.geometry(), voxels, volume.rescale(), meaning)?);
    let mut view = ViewState::new(&fresh, Content::Volume, Orientation::Axial, [1920, 1080]);
    let start = Instant::now();
    let drawn = match rung {
        Some(rung) => rung.coarsen(&mut view, &fresh),
        None => {
            view.step_voxels = args.step;
            fresh
        }
    };
    renderer.render(&drawn, &render_core::render::resolve(&view, &drawn), &AtomicBool::new(false))?;
    Ok(start.elapsed().as_secs_f64() * 1e3)
}

/// Oblique slices through the volume's middle that turn a degree from frame to frame, thin and 20 mm
/// thick: pixels and samples of a slab 0.7 mm apart, whatever the voxels measure.
fn mpr(args: &BenchArgs) -> Result<u32> {
    const SPACING_MM: f64 = 0.7;
    const SAMPLES: u32 = 30;
    let renderer = renderer(args)?;
    let volume = study::open(&args.source)?.volume;
    let size = args.size.first().copied().unwrap_or([512, 512]);
    let mut ran = 0;
    for (name, samples, combine) in [
        ("oblique", 1, Combine::Mean),
        ("slab_mip", SAMPLES, Combine::Maximum),
        ("slab_mean", SAMPLES, Combine::Mean),
    ] {
        if !wanted(args, name) {
            continue;
        }
        let mut view = ViewState::new(&volume, Content::Slice, Orientation::Axial, size);
        view.plane.center_mm = volume.geometry().center_mm();
        view.plane.fit_mm = size.map(|n| f64::from(n) * SPACING_MM);
        view.plane.zoom = 1.0;
        let mut degrees = 30.0f64;
        let times = frames(args, &renderer, &volume, || {
            degrees += 1.0;
            let (turn, tilt) = (degrees.to_radians(), 25.0f64.to_radians());
            let right = DVec3::new(turn.cos(), turn.sin(), 0.0);
            let normal = DVec3::new(-turn.sin() * tilt.cos(), turn.cos() * tilt.cos(), tilt.sin());
            (view.plane.right, view.plane.down) = (right, normal.cross(right));
            let mut params = render_core::render::resolve(&view, &volume);
            if let Mode::Slice { grey, .. } = params.mode {
                let first_mm = -0.5 * (f64::from(samples - 1) * SPACING_MM) as f32;
                params.mode = Mode::Slice { grey, samples, first_mm, step_mm: SPACING_MM as f32, combine };
            }
            params
        })?;
        report(args, "mpr", name, renderer.name(), Some(size), &times);
        ran += 1;
    }
    Ok(ran)
}

/// Files to volumes, to the first image, and to a list of what they hold; the system's cache is warm after
/// the first round.
fn load(args: &BenchArgs) -> Result<u32> {
    let scan = || study::scan(std::slice::from_ref(&args.source.path));
    let everything = || {
        for series in scan()?.studies.iter().flat_map(|s| &s.series) {
            dicom::load(series, &Progress::default())?;
        }
        Ok(())
    };
    let mut ran = load_case(args, "load", everything)?;
    let library = scan()?;
    let longest = library.studies.iter().flat_map(|s| &s.series).max_by_key(|series| series.dims[2]);
    if let Some(longest) = longest {
        let first = || {
            let progress = Progress::default();
            // What comes after the first image is another case's.
            let stop = |_: dicom::Glimpse| progress.cancel();
            match dicom::load_with(longest, &progress, Some(&stop)) {
                Err(dicom::Error::Cancelled) => Ok(()),
                other => Ok(other.map(drop)?),
            }
        };
        ran += load_case(args, "first", first)?;
    }
    ran += load_case(args, "scan", || Ok(scan().map(drop)?))?;
    Ok(ran)
}

/// One round warms up: loading takes long enough.
fn load_case(args: &BenchArgs, name: &str, run: impl Fn() -> Result<()>) -> Result<u32> {
    if !wanted(args, name) {
        return Ok(0);
    }
    let mut rounds = Vec::new();
    for round in 0..=args.frames {
        let start = Instant::now();
        run()?;
        if round > 0 {
            rounds.push(start.elapsed().as_secs_f64() * 1e3);
        }
    }
    report(args, "load", name, "cpu", None, &Times { rounds, on_card: Vec::new() });
    Ok(1)
}

/// JPEG at the server's qualities, of a shaded volume and of a slice.
fn encode(args: &BenchArgs) -> Result<u32> {
    let renderer = renderer(args)?;
    let volume = study::open(&args.source)?.volume;
    let size = args.size.first().copied().unwrap_or([1920, 1080]);
    let mut ran = 0;
    for (content, tone) in [(Content::Volume, Tone::Color), (Content::Slice, Tone::Grey)] {
        let view = ViewState::new(&volume, content, Orientation::Axial, size);
        let frame = renderer.render(
            &volume,
            &render_core::render::resolve(&view, &volume),
            &AtomicBool::new(false),
        )?;
        for quality in [50, 90] {
            let name = format!("jpeg_q{quality}_{}", if tone == Tone::Color { "volume" } else { "slice" });
            if !wanted(args, &name) {
                continue;
            }
            let mut jpeg = Jpeg::new()?;
            let times = measure(args, || jpeg.encode(&frame, quality, tone).map(drop).map_err(Into::into))?;
            report(args, "encode", &name, "jpeg", Some(size), &times);
            ran += 1;
        }
    }
    Ok(ran)
}

fn frames(
    args: &BenchArgs,
    renderer: &Renderer,
    volume: &Arc<Volume>,
    mut next: impl FnMut() -> RenderParams,
) -> Result<Times> {
    let cancel = AtomicBool::new(false);
    let mut on_card = Vec::new();
    let mut times = measure(args, || {
        let mut params = next();
        if args.exact {
            params.sampling = Sampling::Exact;
        }
        renderer.render(volume, &params, &cancel)?;
        let timing = renderer.last_drawn().and_then(|drawn| drawn.timing);
        on_card.extend(timing.map(|timing| timing.skip_ms + timing.cast_ms));
        Ok(())
    })?;
    times.on_card = on_card.into_iter().skip(WARM_UP as usize).collect();
    Ok(times)
}

/// Milliseconds of each round after the first few.
struct Times {
    rounds: Vec<f64>,
    /// By the clock of a graphics card, without reading the picture back.
    on_card: Vec<f64>,
}

fn measure(args: &BenchArgs, mut work: impl FnMut() -> Result<()>) -> Result<Times> {
    let mut rounds = Vec::new();
    for round in 0..WARM_UP + args.frames {
        let start = Instant::now();
        work()?;
        if round >= WARM_UP {
            rounds.push(start.elapsed().as_secs_f64() * 1e3);
        }
    }
    Ok(Times { rounds, on_card: Vec::new() })
}

/// (median, least, most)
fn spread(times: &[f64]) -> (f64, f64, f64) {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    let median = (sorted[(sorted.len() - 1) / 2] + sorted[sorted.len() / 2]) / 2.0;
    (median, sorted[0], sorted[sorted.len() - 1])
}

fn renderer(args: &BenchArgs) -> Result<Renderer> {
    match args.threads {
        None => super::open_renderer(args.backend),
        Some(threads) if args.backend == Backend::Cpu => {
            Ok(Renderer::open(Choice::CpuWith { level: Level::best(), threads: usize::from(threads) })?)
        }
        Some(_) => Err(usage("--threads is for --backend cpu")),
    }
}

fn wanted(args: &BenchArgs, name: &str) -> bool {
    args.cases.is_empty() || args.cases.iter().any(|case| case.eq_ignore_ascii_case(name))
}

fn report(args: &BenchArgs, bench: &str, case: &str, backend: &str, size: Option<[u32; 2]>, times: &Times) {
    let (median, min, max) = spread(&times.rounds);
    let on_card = (!times.on_card.is_empty()).then(|| spread(&times.on_card));
    let threads = args.threads.map_or_else(cores, usize::from);
    let runs = times.rounds.len();
    if args.json {
        let round = |ms: f64| (ms * 1e3).round() / 1e3;
        let object = |(median, min, max): (f64, f64, f64)| json!({ "median": round(median), "min": round(min), "max": round(max) });
        let mut line = json!({
            "bench": bench, "case": case, "backend": backend, "size": size, "threads": threads,
            "frames": runs, "ms": object((median, min, max)),
        });
        if let Some(on_card) = on_card {
            line["gpu_ms"] = object(on_card);
        }
        output::line(line);
    } else {
        let size = size.map_or_else(String::new, |[width, height]| format!(" {width}x{height}"));
        let on_card = on_card.map_or_else(String::new, |(ms, ..)| format!(", of it {ms:.2} ms on the card"));
        output::line(format_args!(
            "{bench} {case}{size}, {backend}, {threads} threads: \
             median {median:.2} ms{on_card}, {min:.2} to {max:.2} ms, {runs} runs"
        ));
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
