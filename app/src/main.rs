//! `voxcast`: the DICOM volume viewer, streaming server and command line tool.
//!
//! This crate joins the parts: it reads the command line, decides between window and server, and
//! turns errors into words and exit codes (0 done, 1 failed, 2 wrong usage).

mod capability;
mod cinematic;
mod cli;
mod commands;
mod desktop;
mod log;
mod look;
mod output;
mod planes;
mod presets;
mod secret;
mod study;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

/// Without a session Mesa's device selection layer writes an error of Wayland's to the terminal each
/// time adapters are listed; Voxcast ranks adapters itself and does not need the layer.
fn quiet_vulkan() {
    if std::env::var_os("XDG_RUNTIME_DIR").is_none() {
        // SAFETY: this runs first in main, before any other thread exists.
        unsafe { std::env::set_var("NODEVICE_SELECT", "1") };
    }
}

/// What is large goes back to the system as soon as it is freed. The allocator would keep more of it the larger it was:
/// a third of a CT's voxels, once all modes had shown it.
fn keep_no_large_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it sets numbers of the allocator, and runs before any other thread exists.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 4 << 20);
        // Pictures of videos, which are smaller, do not go and come each time.
        libc::mallopt(libc::M_TRIM_THRESHOLD, 16 << 20);
    }
}

/// What starts this program again, also after an update has replaced its file.
fn own_program() -> Option<std::path::PathBuf> {
    let running = std::path::PathBuf::from("/proc/self/exe");
    if running.exists() { Some(running) } else { std::env::current_exe().ok() }
}

/// What a panic says may hold a patient's data, so only its place is told; all of it with `RUST_BACKTRACE`.
fn name_defects_by_place() {
    if std::env::var_os("RUST_BACKTRACE").is_some() {
        return;
    }
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(String::new, ToString::to_string);
        tracing::error!(place, "a defect of Voxcast; please report it");
    }));
}

fn main() -> ExitCode {
    quiet_vulkan();
    keep_no_large_memory();
    if let Some(program) = own_program() {
        render_core::dicom::decode_in_processes(program, "codec-worker");
    }
    let cli = cli::Cli::try_parse().unwrap_or_else(|error| {
        // Where it cannot be printed, the exit code tells.
        let _ = error.print();
        if let Some(variable) = cli::environment_of(&error) {
            output::note(format_args!("the environment says so, by {variable}"));
        }
        std::process::exit(error.exit_code())
    });
    let printed = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(
            std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|no| no.is_empty()),
        )
        .with_filter(tracing_subscriber::EnvFilter::new(&cli.log));
    tracing_subscriber::registry().with(printed).with(log::remember()).init();
    name_defects_by_place();
    match commands::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::error_line(&error);
            let is_usage = error.is::<cli::Usage>()
                || error.downcast_ref::<server_mode::Error>().is_some_and(server_mode::Error::is_usage);
            if is_usage { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}
