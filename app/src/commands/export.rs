//! `voxcast export`: a volume to a file of another format.

use anyhow::Result;
use render_core::volume_file;

use crate::cli::Export;
use crate::{output, study};

pub fn run(args: &Export) -> Result<()> {
    let volume = study::open(&args.source)?.volume;
    volume_file::write(&args.to, &volume)?;
    let dims = study::dims_text(volume.geometry().dims());
    output::note(format_args!("wrote {dims} voxels to {}", args.to.display()));
    Ok(())
}
