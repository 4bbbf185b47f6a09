//! `voxcast export`: a volume, a surface or a segmentation to a file for other programs.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use render_core::dicom::create::{self, Subject};
use render_core::dicom::object::segmentation::Segmentation;
use render_core::dicom::object::{Content, StructureSet};
use render_core::dicom::{self, Library, Loaded, Object, Series, WarningCode};
use render_core::save::{Existing, save_private};
use render_core::surface::{self, Field, Surface};
use render_core::{Geometry, Progress, Volume, volume_file};

use crate::cli::{Export, usage};
use crate::{output, study};

pub fn run(args: &Export) -> Result<()> {
    check_ending(&args.to)?;
    let existing = if args.force { Existing::Replace } else { Existing::Refuse };
    output::check_free(&args.to, existing)?;
    let library = study::scan(std::slice::from_ref(&args.source.path))?;
    match ending(&args.to).as_str() {
        "stl" => stl(args, &library, existing),
        "dcm" => segmentation(args, &library, existing),
        _ => volumes(args, &library, existing),
    }
}

/// Before anything is read.
fn check_ending(path: &Path) -> Result<()> {
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    if [".nii", ".nii.gz", ".nrrd", ".mha", ".stl", ".dcm"].iter().any(|ending| name.ends_with(ending)) {
        return Ok(());
    }
    let endings = ".nii, .nii.gz, .nrrd or .mha (a volume), .stl (a surface) or .dcm (a segmentation)";
    Err(usage(format!("--to {}: the name must end in {endings}", path.display())))
}

fn ending(path: &Path) -> String {
    path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default()
}

fn volumes(args: &Export, library: &Library, existing: Existing) -> Result<()> {
    let chosen = study::choose(library, &args.source)?;
    let all = study::times(library, chosen);
    let named = args.source.series.as_deref() == Some(chosen.id().as_str()) && !chosen.part.is_empty();
    let times: Vec<&Series> = match args.time {
        Some(number) => {
            let time = all.get(number as usize - 1);
            vec![*time.with_context(|| format!("--time {number}: the series has {}", all.len()))?]
        }
        None if named => vec![chosen],
        None => all,
    };
    let mut loaded = Vec::new();
    for series in &times {
        // Voxels that hold nothing stay as the files have them, as other programs expect it.
        loaded.push(study::read(&series.with_padding(), &args.source)?);
    }
    study::tell(&loaded[0]);
    tell_shear(&loaded[0], &args.to);
    let first = times[0];
    let uneven = [WarningCode::UnevenSpacing, WarningCode::MissingSlices];
    let resampled = args.source.straighten_tilt || first.warnings.iter().any(|w| uneven.contains(&w.code));
    match first.padding() {
        Some(padding) => {
            output::note(format_args!(
                "voxels that hold nothing have the files' own value for that, {padding}"
            ));
        }
        None if resampled && first.states_padding() => output::note(
            "the files state several values for voxels that hold nothing: where slices were resampled, these are mixed \
             with what lies beside them",
        ),
        None => {}
    }
    let volumes: Vec<Arc<Volume>> = loaded.iter().map(|loaded| Arc::clone(&loaded.volume)).collect();
    let step_s = if times.len() > 1 { Some(dicom::time_step_s(&times)) } else { None };
    match &step_s {
        Some(Ok(step)) => output::note(format_args!("its times lie {step} s apart")),
        Some(Err(reason)) => output::note(format_args!(
            "how far its times lie apart is not known ({reason}): the file says 1, without a unit"
        )),
        None => {}
    }
    volume_file::write(&args.to, &volumes, step_s.and_then(Result::ok), existing)?;
    let dims = study::dims_text(volumes[0].geometry().dims());
    let times = if volumes.len() > 1 { format!(" at {} times", volumes.len()) } else { String::new() };
    output::note(format_args!("wrote {dims} voxels{times} to {}", args.to.display()));
    Ok(())
}

/// Grids whose slices are shifted against each other are beyond many readers.
fn tell_shear(loaded: &Loaded, to: &Path) {
    let [x, y, z] = loaded.volume.geometry().direction();
    if x.dot(z).abs().max(y.dot(z).abs()).max(x.dot(y).abs()) < 1e-4 {
        return;
    }
    let readers = if matches!(ending(to).as_str(), "nii" | "gz") {
        "ITK and SimpleITK refuse such a NIfTI"
    } else {
        "programs that take its directions for a rotation show it askew"
    };
    output::note(format_args!(
        "the axes of the grid are not at right angles, because the gantry was tilted: {readers}; --straighten-tilt \
         writes an upright one"
    ));
}

fn stl(args: &Export, library: &Library, existing: Existing) -> Result<()> {
    let progress = Progress::default();
    let written = if let Some(threshold) = args.iso {
        anyhow::ensure!(threshold.is_finite(), "--iso {threshold}: a surface lies at a finite value");
        let loaded = study::load(study::choose(library, &args.source)?, &args.source)?;
        check_lengths(&loaded)?;
        save_private(&args.to, existing, |out| {
            output::with_progress(&progress, || {
                surface::write_stl_of(out, &loaded.volume, threshold, &progress)
            })
        })
    } else {
        let (geometry, mask) = mask(args, library)?;
        let slice = geometry.dims()[0] as usize * geometry.dims()[1] as usize;
        let read = |k: usize, values: &mut [f32]| {
            values.iter_mut().zip(&mask[k * slice..][..slice]).for_each(|(value, &m)| *value = f32::from(m));
        };
        let field = Field { geometry: &geometry, threshold: 127.5, slice: &read };
        save_private(&args.to, existing, |out| {
            output::with_progress(&progress, || surface::write_stl(out, &field, &progress))
        })
    };
    let Surface { triangles, area_mm2, volume_mm3 } =
        written.with_context(|| format!("cannot write {}", args.to.display()))?;
    output::note(format_args!(
        "wrote {triangles} triangles to {}: {:.1} cm² around {:.2} cm³",
        args.to.display(),
        area_mm2 / 100.0,
        volume_mm3 / 1000.0
    ));
    Ok(())
}

/// A surface has places and areas, which lengths that are not known cannot give.
fn check_lengths(loaded: &Loaded) -> Result<()> {
    if let Some(reason) = loaded.report.millimetres.reason() {
        bail!("a surface needs millimetres that hold in all directions, which they do not: {reason}");
    }
    Ok(())
}

/// How much of each voxel the chosen region fills, of 255.
fn mask(args: &Export, library: &Library) -> Result<(Geometry, Vec<u8>)> {
    let object = chosen_object(args, library)?;
    match object.open()? {
        Content::Segmentation(found) => mask_of_segments(&found, args.region.as_deref()),
        Content::StructureSet(found) => mask_of_regions(&found, object, library, args.region.as_deref()),
        _ => bail!("{}: marks no regions", object.path.display()),
    }
}

/// The segmentation or structure set that `--series` names by its UID or its file, else the first.
fn chosen_object<'a>(args: &Export, library: &'a Library) -> Result<&'a Object> {
    let objects = library.studies.iter().flat_map(|study| &study.objects);
    let all: Vec<&Object> = objects.filter(|object| object.marks_regions()).collect();
    let found = all.len();
    let named = |object: &Object, name: &str| {
        object.series_instance_uid == name
            || object.sop_instance_uid == name
            || object.path.ends_with(name)
            || object.path == Path::new(name)
    };
    let name = args.source.series.as_deref();
    let wanted: Vec<&Object> =
        all.iter().filter(|object| name.is_none_or(|name| named(object, name))).copied().collect();
    let kinds = if found == 1 { "segmentation or structure set" } else { "segmentations and structure sets" };
    match (wanted.first(), name) {
        (Some(first), _) => {
            if wanted.len() > 1 {
                output::note(format_args!(
                    "{} {kinds} found, taking {}; name one by its file: --series FILE",
                    wanted.len(),
                    first.path.display()
                ));
            }
            Ok(first)
        }
        (None, Some(name)) if found > 0 => {
            let files: Vec<String> = all.iter().map(|object| object.path.display().to_string()).collect();
            bail!("--series {name}: names none of the {kinds}: {}", files.join(", "))
        }
        _ => bail!(
            "{}: a surface needs a value to lie at (--iso, for example --iso 300 for bone in CT), or a segmentation \
             or structure set",
            args.source.path.display()
        ),
    }
}

fn is_wanted(region: Option<&str>, number: i64, name: &str) -> bool {
    region.is_none_or(|wanted| wanted == name || wanted.parse() == Ok(number))
}

fn mask_of_segments(found: &Segmentation, region: Option<&str>) -> Result<(Geometry, Vec<u8>)> {
    let Some(grid) = found.grid else { bail!("the segmentation has no place in the patient") };
    let mut mask = vec![0u8; grid.voxel_count()];
    let mut any = false;
    for segment in found.segments.iter().filter(|s| is_wanted(region, i64::from(s.number), &s.label)) {
        any = true;
        found.add_to(segment, &mut mask);
    }
    if !any {
        let names = found.segments.iter().map(|s| format!("{} ({})", s.label, s.number));
        bail!("--region: there is no such segment; there are {}", names.collect::<Vec<_>>().join(", "));
    }
    Ok((grid, mask))
}

fn mask_of_regions(
    found: &StructureSet,
    object: &Object,
    library: &Library,
    region: Option<&str>,
) -> Result<(Geometry, Vec<u8>)> {
    let chosen: Vec<_> = found.regions.iter().filter(|r| is_wanted(region, r.number, &r.name)).collect();
    let Some(first) = chosen.first() else {
        let names = found.regions.iter().map(|r| format!("{} ({})", r.name, r.number));
        bail!("--region: there is no such region; there are {}", names.collect::<Vec<_>>().join(", "));
    };
    let images = || library.studies.iter().flat_map(|study| &study.series);
    let space = &first.frame_of_reference_uid;
    let referenced = images().find(|series| object.referenced_series.contains(&series.series_instance_uid));
    let same_space = || images().find(|series| !space.is_empty() && series.frame_of_reference_uid() == space);
    let Some(series) = referenced.or_else(same_space) else {
        bail!(
            "contours need the images they were drawn on: name a folder that holds both, and the structure set with \
             --series FILE if there are several"
        );
    };
    let loaded = dicom::load(series, &Progress::default())?;
    check_lengths(&loaded)?;
    let grid = *loaded.volume.geometry();
    let mut mask = vec![0u8; grid.voxel_count()];
    for region in chosen {
        mask.iter_mut().zip(region.mask_on(&grid)).for_each(|(all, one)| *all |= one * 255);
    }
    Ok((grid, mask))
}

fn segmentation(args: &Export, library: &Library, existing: Existing) -> Result<()> {
    let Some(path) = &args.labels else {
        return Err(usage(
            "DICOM is written from labels of other programs: --labels F.nii.gz (also .nrrd, .mha)",
        ));
    };
    let series = study::choose(library, &args.source)?;
    let images = study::load(series, &args.source)?.volume;
    let labels = volume_file::read(path, 0)?;
    create::check_place(&labels, images.geometry())?;
    let aligned = create::on_grid(&labels, images.geometry());
    let has_own_grid = aligned.is_none();
    let labels = aligned.unwrap_or(labels);
    let (numbers, segments) = create::segments_of(&labels)?;
    if has_own_grid {
        output::note(
            "the labels have a grid of their own, not that of the images: some viewers do not show them",
        );
    }
    let stamp = super::stamp("Segmentation")?;
    let subject = Subject::of(series)?;
    let bytes =
        create::segmentation(&subject, labels.geometry(), &numbers, &segments, "SEGMENTATION", &stamp)?;
    output::write_bytes(&args.to, &bytes, existing)?;
    output::note(format_args!("wrote {} segments to {}", segments.len(), args.to.display()));
    Ok(())
}
