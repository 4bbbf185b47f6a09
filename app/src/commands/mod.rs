//! One module a subcommand.

mod anonymize;
mod bench;
mod doctor;
mod export;
mod info;
mod mpr;
mod phantom;
mod render;
mod view;

use std::time::SystemTime;

use anyhow::Result;
use render_core::dicom::create::Stamp;
use render_core::render::{Adapter, Choice};
use render_core::{Renderer, dicom};

use crate::cli::{Backend, Cli, Command};

pub fn run(cli: Cli) -> Result<()> {
    let presets = cli.presets.as_deref();
    match cli.command {
        None => view::run(&cli.view, presets),
        Some(Command::Demo { view }) => view::demo(view, presets),
        Some(Command::Info { paths, json, straighten_tilt }) => info::run(&paths, json, straighten_tilt),
        Some(Command::Render(args)) => render::run(&args, presets),
        Some(Command::Mpr(args)) => mpr::run(&args),
        Some(Command::Bench(args)) => bench::run(&args),
        Some(Command::Phantom { dir, seed }) => phantom::run(&dir, seed),
        Some(Command::Export(args)) => export::run(&args),
        Some(Command::Anonymize(args)) => anonymize::run(&args),
        Some(Command::CodecWorker) => Ok(dicom::run_worker()?),
        Some(Command::Doctor { json }) => doctor::run(json),
    }
}

/// Opens the renderer that a flag asks for. A GPU asked for by name may be an emulated one: whoever
/// asks wants the GPU's code path.
fn open_renderer(backend: Backend) -> Result<Renderer> {
    let choice = match backend {
        Backend::Auto => Choice::Auto,
        Backend::Reference => Choice::Reference,
        Backend::Cpu => Choice::Cpu,
        Backend::Gpu => Choice::Gpu(Adapter::Software),
    };
    Ok(Renderer::open(choice)?)
}

/// What makes an object that is written now unlike any other.
fn stamp(series_description: &str) -> Result<Stamp> {
    /// Behind the series of any scanner.
    const SERIES_NUMBER: u32 = 9000;
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
    let mut random = [[0; 16]; 2];
    getrandom::fill(random.as_flattened_mut())
        .map_err(|e| anyhow::anyhow!("the system gives no random numbers: {e}"))?;
    Ok(Stamp::at(since, random, SERIES_NUMBER, series_description))
}
