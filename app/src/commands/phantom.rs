//! `voxcast phantom`: a study made by formula.

use std::path::Path;

use anyhow::Result;
use render_core::phantom;

use crate::output;

pub fn run(dir: &Path, seed: u64) -> Result<()> {
    let spec = phantom::Spec { seed, ..phantom::Spec::default() };
    phantom::write_study(dir, &spec, |_, _| {})?;
    output::note(format_args!("wrote a CT study and truth.json to {}", dir.display()));
    Ok(())
}
