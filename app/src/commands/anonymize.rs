//! `voxcast anonymize`: copies of DICOM files without identity.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use render_core::dicom::deidentify::{self, Deidentified, Key, Profile, deidentify};
use render_core::dicom::{Library, Series};

use crate::cli::{Anonymize, Dates, Keep};
use crate::{output, secret, study};

pub fn run(args: &Anonymize) -> Result<()> {
    let library = study::scan(std::slice::from_ref(&args.path))?;
    let series = all_series(&library).flat_map(|series| &series.files);
    let objects = library.studies.iter().flat_map(|study| &study.objects).map(|object| &object.path);
    // A file of several volumes is listed with each.
    let files: BTreeSet<&PathBuf> = series.chain(objects).collect();
    if files.is_empty() {
        bail!(study::nothing_found(&args.path, &library));
    }
    library
        .failed
        .iter()
        .for_each(|f| output::note(format_args!("left out {}: {}", f.path.display(), f.reason)));
    for path in &library.directories {
        output::note(format_args!(
            "left out {}: a directory (DICOMDIR) lists patients and names of files, which are others in the copies",
            path.display()
        ));
    }
    let at = || format!("cannot write to {}", args.out.display());
    fs::create_dir_all(&args.out).with_context(at)?;
    if fs::read_dir(&args.out).with_context(at)?.next().is_some() {
        bail!(
            "{} is not empty: name a new folder, so that copies do not mix with other files",
            args.out.display()
        );
    }
    let (profile, key) = (profile(args), key(args)?);
    let (mut written, mut burned_in) = (0usize, Vec::new());
    let mut left_out = Vec::new();
    let mut lost: BTreeMap<&str, usize> = BTreeMap::new();
    for path in files {
        match deidentify(path, &profile, &key) {
            Ok(copy) => {
                let target = target(&args.out, &copy, written);
                let folder = target.parent().unwrap_or(&args.out);
                fs::create_dir_all(folder).with_context(at)?;
                fs::write(&target, &copy.bytes)
                    .with_context(|| format!("cannot write {}", target.display()))?;
                copy.lost.iter().for_each(|loss| *lost.entry(loss).or_default() += 1);
                burned_in.extend(copy.burned_in.map(|reason| (target, reason)));
                written += 1;
            }
            Err(error) => left_out.push(error),
        }
    }
    let copies: BTreeSet<&PathBuf> = all_series(&library).flat_map(|series| &series.copies).collect();
    for path in copies {
        output::note(format_args!(
            "left out {}: it repeats an image of the series, with the same SOP Instance UID and pixels",
            path.display()
        ));
    }
    for (loss, count) in &lost {
        output::note(format_args!("{}: {loss}", files_text(*count)));
    }
    for (path, reason) in &burned_in {
        output::note(format_args!("look at {}: {reason}", path.display()));
    }
    for error in &left_out {
        output::note(format_args!("left out {error}"));
    }
    output::note(format_args!("wrote {} to {}", files_text(written), args.out.display()));
    if written == 0 {
        bail!("no file could be de-identified");
    }
    Ok(())
}

fn all_series(library: &Library) -> impl Iterator<Item = &Series> {
    library.studies.iter().flat_map(|study| &study.series)
}

fn files_text(count: usize) -> String {
    if count == 1 { "1 file".into() } else { format!("{count} files") }
}

fn profile(args: &Anonymize) -> Profile {
    let keep = args.keep.iter().map(|keep| match keep {
        Keep::Uids => deidentify::Keep::Uids,
        Keep::PatientCharacteristics => deidentify::Keep::PatientCharacteristics,
        Keep::Device => deidentify::Keep::Device,
        Keep::Institution => deidentify::Keep::Institution,
        Keep::Descriptors => deidentify::Keep::Descriptors,
        Keep::SafePrivate => deidentify::Keep::SafePrivate,
        Keep::StructuredContent => deidentify::Keep::StructuredContent,
        Keep::Graphics => deidentify::Keep::Graphics,
    });
    let dates = match args.dates {
        Dates::Remove => deidentify::Dates::Remove,
        Dates::Keep => deidentify::Dates::Keep,
        Dates::Shift => deidentify::Dates::Shift,
    };
    Profile { keep: keep.collect(), dates, pseudonym: args.pseudonym.clone() }
}

fn key(args: &Anonymize) -> Result<Key> {
    /// Shorter secrets are guessed by trying.
    const MIN_SECRET: usize = 16;
    if let Some(path) = &args.secret_file {
        let secret = secret::read(path)?;
        if secret.len() < MIN_SECRET {
            bail!("{}: a secret needs at least {MIN_SECRET} bytes", path.display());
        }
        return Ok(Key::from_secret(&secret));
    }
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|e| anyhow::anyhow!("the system gives no random numbers: {e}"))?;
    Ok(Key::new(bytes))
}

/// STUDY/SERIES/INSTANCE.dcm. Parts that are no UIDs, as kept ones may be, are replaced by the number.
fn target(out: &Path, copy: &Deidentified, number: usize) -> PathBuf {
    let part = |uid: &str| {
        let good = uid.starts_with(|c: char| c.is_ascii_digit())
            && uid.len() <= 64
            && uid.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        if good { uid.to_owned() } else { format!("file-{number}") }
    };
    let instance = part(&copy.sop_instance_uid);
    let folder = out.join(part(&copy.study_instance_uid)).join(part(&copy.series_instance_uid));
    let target = folder.join(format!("{instance}.dcm"));
    if target.exists() { folder.join(format!("{instance}-{number}.dcm")) } else { target }
}
