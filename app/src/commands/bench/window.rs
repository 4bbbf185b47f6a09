//! The window's own times: see `desktop::bench`.

use std::time::Instant;

use anyhow::{Result, ensure};
use serde_json::json;

use super::spread;
use crate::cli::{BenchWindow, WindowCase};
use crate::desktop::bench::{self, Act, Measured};
use crate::desktop::{Keeping, Options, settings};
use crate::output;

pub fn run(args: &BenchWindow) -> Result<()> {
    let began = Instant::now();
    let options = Options {
        renderer: super::super::open_renderer(args.backend)?,
        presets: None,
        index: false,
        connect: None,
        settings: settings::Read::default(),
        keeping: Keeping::Nothing,
    };
    let acts = args.cases.iter().map(|&case| act(case)).collect();
    let results = bench::run(args.path.clone(), acts, options, began)?;
    ensure!(results.acts.len() == args.cases.len(), "the window was closed before all was done");
    let (median, _, most) = spread(&results.starting.frames_ms);
    let (_, _, busy) = spread(&results.starting.busy_ms);
    if args.json {
        output::line(json!({
            "bench": "window", "case": "start", "first_ms": results.first_ms, "all_ms": results.all_ms,
            "frame_ms": { "median": median, "max": most, "busy_max": busy },
        }));
    } else {
        output::line(format_args!(
            "window start: first image after {:.0} ms, all pictures after {:.0} ms; \
             frames of ours: median {median:.2} ms, at most {most:.2} ms, {busy:.2} ms without waiting for a core",
            results.first_ms, results.all_ms
        ));
    }
    args.cases.iter().zip(&results.acts).for_each(|(case, measured)| report(args, *case, measured));
    Ok(())
}

fn act(case: WindowCase) -> Act {
    match case {
        WindowCase::Scroll => Act::Scroll,
        WindowCase::Keys => Act::Keys,
        WindowCase::Window => Act::Window,
        WindowCase::Turn => Act::Turn,
        WindowCase::Drawn => Act::Drawn,
        WindowCase::Grow => Act::Grow,
        WindowCase::Marked => Act::Marked,
    }
}

fn report(args: &BenchWindow, case: WindowCase, measured: &Measured) {
    let name = format!("{case:?}").to_lowercase();
    let (median, _, most) = spread(&measured.frames_ms);
    let (_, _, busy) = spread(&measured.busy_ms);
    let Measured { inputs, pictures, seconds, ref frames_ms, .. } = *measured;
    let per_second = f64::from(pictures) / seconds.max(1e-3);
    let frames = frames_ms.len();
    if args.json {
        output::line(json!({
            "bench": "window", "case": name, "inputs": inputs, "pictures": pictures, "seconds": seconds,
            "pictures_per_s": per_second, "frames": frames, "frame_ms": { "median": median, "max": most, "busy_max": busy },
        }));
    } else {
        output::line(format_args!(
            "window {name}: {pictures} pictures of {inputs} inputs in {seconds:.2} s, {per_second:.1} a second; \
             {frames} frames of ours: median {median:.2} ms, at most {most:.2} ms, {busy:.2} ms without waiting for a core"
        ));
    }
}
