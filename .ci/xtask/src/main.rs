//! The checks behind `./x check` that no ready-made tool does.
//!
//! `xtask deps` reads `cargo metadata` and holds the crates to the direction of dependencies that
//! ARCHITECTURE.md draws; `xtask tidy` reads every file that git knows; `xtask licences-check` compares the list of
//! licences in the program with what is linked, which `xtask licences` writes anew.
//! Each prints one line per violation and exits with 1 if there is any.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

mod deps;
mod licences;
mod tidy;

fn main() -> ExitCode {
    let argument = std::env::args().nth(1).unwrap_or_default();
    match run(&argument) {
        Ok(violations) if violations.is_empty() => ExitCode::SUCCESS,
        Ok(violations) => {
            for violation in &violations {
                eprintln!("{violation}");
            }
            eprintln!("xtask {argument}: {} violation(s)", violations.len());
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("xtask {argument}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(argument: &str) -> Result<Vec<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let root = root.canonicalize().with_context(|| format!("no repository at {}", root.display()))?;
    match argument {
        "deps" => deps::check(&root),
        "tidy" => tidy::check(&root),
        "licences" => licences::write(&root),
        "licences-check" => licences::check(&root),
        other => bail!("there is no task '{other}'; there are deps, tidy, licences and licences-check"),
    }
}

/// What `command` prints; its error output goes to the terminal.
fn output_of(command: &mut Command) -> Result<Vec<u8>> {
    let output = command
        .stderr(std::process::Stdio::inherit())
        .output()
        .with_context(|| format!("{:?} does not start", command.get_program()))?;
    if !output.status.success() {
        bail!("{:?} ended with {}", command.get_program(), output.status);
    }
    Ok(output.stdout)
}
