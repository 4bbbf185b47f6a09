//! `voxcast info`: what is in files and folders.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Result, bail};
use render_core::Progress;
use render_core::dicom::object::Content;
use render_core::dicom::{self, Failed, Library, Loaded, Object, PixelRegion, Series, Trust};
use serde_json::{Value, json};

use crate::{output, study};

/// Prints the studies found. Fails when there is not one series that can be shown and no other object.
pub fn run(paths: &[PathBuf], as_json: bool, straighten_tilt: bool) -> Result<()> {
    let load: Load = if straighten_tilt { dicom::load_upright } else { dicom::load };
    let mut library = match study::scan(paths) {
        Err(dicom::Error::Path { path, reason }) => {
            Library { failed: vec![Failed { path, reason }], ..Library::default() }
        }
        found => found?,
    };
    let mut studies = Vec::new();
    let mut usable = 0;
    for found in &library.studies {
        let mut series = Vec::new();
        let mut rest = &found.series[..];
        while let Some(first) = rest.first() {
            // The times of a 4D series stand one after the other.
            let count = first.time.map_or(1, |time| time.count as usize).min(rest.len());
            let (times, others) = rest.split_at(count);
            rest = others;
            series.extend(describe_times(times, load, &mut library.failed));
        }
        usable += series.len();
        usable += found.objects.len();
        let objects: Vec<Value> = found.objects.iter().map(object).collect();
        studies.push(json!({
            "study_instance_uid": found.study_instance_uid,
            "series": series,
            "objects": objects,
        }));
    }
    if as_json {
        let failed: Vec<Value> =
            library.failed.iter().map(|f| json!({ "path": f.path, "reason": f.reason })).collect();
        output::line(json!({ "studies": studies, "failed": failed }));
    } else {
        studies.iter().for_each(print_study);
        if usable > 0 {
            study::tell_failed(&library.failed);
        }
    }
    if usable == 0 {
        let path = paths.first().cloned().unwrap_or_default();
        bail!(study::nothing_found(&path, &library));
    }
    Ok(())
}

type Load = fn(&Series, &Progress) -> Result<Loaded, dicom::Error>;

/// A series, or all times of a 4D series as one, each loaded after the other; `None` if none can be.
fn describe_times(times: &[Series], load: Load, failed: &mut Vec<Failed>) -> Option<Value> {
    let mut entry: Option<Value> = None;
    let mut files = BTreeSet::new();
    let mut told = Vec::new();
    let (mut low, mut high, mut sum, mut count) = (f32::INFINITY, f32::NEG_INFINITY, 0.0, 0u32);
    for series in times {
        let loaded = match load(series, &Progress::default()) {
            Ok(loaded) => loaded,
            Err(dicom::Error::Unreadable(unread)) => {
                failed.extend(unread);
                continue;
            }
            Err(error) => {
                let path = series.files.first().cloned().unwrap_or_default();
                failed.push(Failed { path, reason: error.to_string() });
                continue;
            }
        };
        failed.extend(loaded.failed.iter().cloned());
        files.extend(&series.files);
        let (least, most) = loaded.facts.value_range;
        (low, high) = (low.min(least), high.max(most));
        (sum, count) = (sum + loaded.facts.mean, count + 1);
        for warning in warnings(&loaded) {
            if !told.contains(&warning) {
                told.push(warning);
            }
        }
        entry.get_or_insert_with(|| describe(series, &loaded));
    }
    let mut entry = entry?;
    entry["times"] = json!(count);
    entry["value_range"] = json!([low, high]);
    entry["mean"] = json!(sum / f64::from(count));
    entry["files"] = json!(files.len());
    entry["warnings"] = json!(told);
    Some(entry)
}

fn warnings(loaded: &Loaded) -> Vec<Value> {
    let value =
        |w: &dicom::Warning| json!({ "code": w.code.as_str(), "message": w.message, "value": w.value });
    loaded.warnings.iter().map(value).collect()
}

/// What the files hold, and in `volume` the grid that is shown: they differ when slices had to be
/// resampled.
fn describe(series: &Series, loaded: &Loaded) -> Value {
    let facts = &loaded.facts;
    let geometry = loaded.volume.geometry();
    let (low, high) = facts.value_range;
    let report = &loaded.report;
    let time =
        series.time.map(|time| format!("time {} of {}", time.index + 1, time.count)).unwrap_or_default();
    let part = series.part.strip_suffix(&time).unwrap_or(&series.part).trim_end();
    json!({
        "series_instance_uid": series.series_instance_uid,
        "series_description": series.series_description,
        "id": series.id(),
        "key": series.key(),
        "part": part,
        "modality": loaded.volume.meaning().modality,
        "dims": facts.dims,
        "times": 1,
        "spacing_mm": facts.spacing_mm,
        "origin_mm": facts.origin_mm,
        "direction": facts.direction,
        "transfer_syntaxes": series.transfer_syntaxes,
        "value_range": [low, high],
        "mean": facts.mean,
        "unit": facts.unit,
        "suv": series.suv.as_ref().map(|suv| match suv {
            Ok(suv) => json!({
                "body_weight": suv.body_weight,
                "lean_body_mass": suv.lean_body_mass,
                "body_surface": suv.body_surface,
            }),
            Err(reason) => json!({ "unknown": reason }),
        }),
        "overlays": overlays(series),
        "shutters": (0..loaded.facts.dims[2]).filter(|&k| series.shutters(k as usize).is_some()).count(),
        "files": series.files.len(),
        "volume": {
            "dims": geometry.dims(),
            "spacing_mm": geometry.spacing_mm().to_array(),
            "origin_mm": geometry.origin_mm().to_array(),
            "direction": geometry.direction().map(|d| d.to_array()),
        },
        "warnings": [],
        "self_check": {
            "found": report.found,
            "corrected": report.corrected,
            "unknown": report.unknown,
            "millimetres": {
                "trusted": report.millimetres.as_str(),
                "reason": report.millimetres.reason(),
                "regions": regions(&report.millimetres),
            },
        },
    })
}

/// Overlay planes, the origin in columns and rows from 0.
fn overlays(series: &Series) -> Vec<Value> {
    let value = |(plane, images): (&dicom::OverlayPlane, usize)| {
        json!({
            "group": format!("{:04X}", plane.group),
            "type": plane.kind.as_str(),
            "subtype": plane.subtype,
            "label": plane.label,
            "description": plane.description,
            "dims": plane.dims,
            "origin": plane.origin,
            "images": images,
            "problem": plane.problem,
        })
    };
    series.all_overlay_planes().into_iter().map(value).collect()
}

fn object(object: &Object) -> Value {
    let (mut segments, mut regions, mut problem) = (Vec::new(), Vec::new(), None);
    if object.marks_regions() {
        match object.open() {
            Ok(Content::Segmentation(found)) => {
                segments
                    .extend(found.segments.iter().map(|s| json!({ "number": s.number, "label": s.label })));
            }
            Ok(Content::StructureSet(found)) => {
                regions.extend(found.regions.iter().map(|r| json!({ "number": r.number, "label": r.name })));
            }
            Ok(_) => {}
            Err(error) => problem = Some(error.to_string()),
        }
    }
    json!({
        "segments": segments,
        "regions": regions,
        "problem": problem,
        "path": object.path,
        "class": object.class,
        "sop_class_uid": object.sop_class_uid,
        "sop_instance_uid": object.sop_instance_uid,
        "modality": object.modality,
        "series_instance_uid": object.series_instance_uid,
        "series_description": object.series_description,
        "label": object.label,
        "frame_of_reference_uid": object.frame_of_reference_uid,
        "referenced_series": object.referenced_series,
    })
}

fn print_study(study: &Value) {
    output::line(match study["study_instance_uid"].as_str() {
        None | Some("") => "Study without StudyInstanceUID (0020,000D)".into(),
        Some(uid) => format!("Study {uid}"),
    });
    for series in study["series"].as_array().into_iter().flatten() {
        let title = ["series_instance_uid", "modality", "series_description"].map(|key| text(&series[key]));
        output::line(format_args!("  Series {}", title.join("  ").trim_end()));
        for (label, key) in [
            ("voxels (columns, rows, slices)", "dims"),
            ("spacing, mm", "spacing_mm"),
            ("origin, LPS mm", "origin_mm"),
            ("direction of +column, +row, +slice", "direction"),
            ("value range", "value_range"),
            ("mean", "mean"),
            ("unit", "unit"),
            ("times", "times"),
            ("files", "files"),
            ("shown as", "volume"),
            ("transfer syntaxes", "transfer_syntaxes"),
        ] {
            let value = text(&series[key]);
            if !value.is_empty() {
                output::line(format_args!("    {label}: {value}"));
            }
        }
        check_lines(&series["self_check"], &series["warnings"]).iter().for_each(output::line);
    }
    for object in study["objects"].as_array().into_iter().flatten() {
        let title = ["class", "modality", "label"].map(|key| text(&object[key]));
        output::line(format_args!("  Object {}", title.join("  ").trim_end()));
        for (label, key) in [
            ("series", "series_instance_uid"),
            ("description", "series_description"),
            ("refers to series", "referenced_series"),
            ("frame of reference", "frame_of_reference_uid"),
            ("file", "path"),
            ("cannot be read", "problem"),
        ] {
            let value = text(&object[key]);
            if !value.is_empty() && value != "[]" && value != "null" {
                output::line(format_args!("    {label}: {value}"));
            }
        }
        for (kind, key) in [("segment", "segments"), ("region", "regions")] {
            for one in object[key].as_array().into_iter().flatten() {
                output::line(format_args!("    {kind} {}: {}", text(&one["number"]), text(&one["label"])));
            }
        }
    }
}

/// The self-check in sentences; those of warnings with their codes.
fn check_lines(check: &Value, warnings: &Value) -> Vec<String> {
    let warnings = warnings.as_array().map_or(&[][..], Vec::as_slice);
    let mut lines = Vec::new();
    for key in ["found", "corrected", "unknown"] {
        for sentence in check[key].as_array().into_iter().flatten() {
            if warnings.iter().all(|warning| warning["message"] != *sentence) {
                lines.push(format!("    {key}: {}", text(sentence)));
            }
        }
    }
    for warning in warnings {
        lines.push(format!("    warning [{}]: {}", text(&warning["code"]), text(&warning["message"])));
    }
    let reason = check["millimetres"]["reason"].as_str().unwrap_or("the reason is not known");
    lines.push(match check["millimetres"]["trusted"].as_str() {
        Some("everywhere") => "    Millimetres hold everywhere.".into(),
        Some("within-images") => {
            format!("    Millimetres hold within each image, not across images: {reason}.")
        }
        Some("within-regions") => format!("    Millimetres hold within regions of each image: {reason}."),
        _ => format!("    Millimetres do not hold: {reason}."),
    });
    lines
}

/// First column and row, and last column and row, of where lengths hold within images.
fn regions(millimetres: &Trust) -> Vec<[u32; 4]> {
    let Trust::WithinRegions(_, regions) = millimetres else { return Vec::new() };
    regions.iter().map(|PixelRegion { first, last }| [first[0], first[1], last[0], last[1]]).collect()
}

/// A value to read; numbers to the millionth, which is finer than any scanner is.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.as_f64().map_or_else(|| number.to_string(), rounded),
        Value::Array(values) => format!("[{}]", values.iter().map(text).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            fields.iter().map(|(key, value)| format!("{key} {}", text(value))).collect::<Vec<_>>().join(", ")
        }
        Value::Bool(_) | Value::Null => value.to_string(),
    }
}

fn rounded(number: f64) -> String {
    // Adding zero makes a negative zero positive.
    ((number * 1e6).round() / 1e6 + 0.0).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_self_check_is_told_in_sentences_each_once() {
        let check = json!({
            "found": ["3 slices"],
            "corrected": [],
            "unknown": ["no unit", "no place"],
            "millimetres": { "trusted": "within-images", "reason": "no place" },
        });
        let warnings = json!([{ "code": "unknown-place", "message": "no place", "value": null }]);
        assert_eq!(
            check_lines(&check, &warnings),
            [
                "    found: 3 slices",
                "    unknown: no unit",
                "    warning [unknown-place]: no place",
                "    Millimetres hold within each image, not across images: no place.",
            ]
        );
    }
}
