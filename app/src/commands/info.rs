//! `voxcast info`: what is in files and folders.

use std::path::PathBuf;

use anyhow::{Result, bail};
use render_core::Progress;
use render_core::dicom::{self, Failed, Library, Loaded, Object, Series};
use serde_json::{Value, json};

use crate::{output, study};

/// Prints the studies found. Fails when there is not one series that can be shown and no other object.
pub fn run(paths: &[PathBuf], as_json: bool) -> Result<()> {
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
        for s in &found.series {
            match dicom::load(s, &Progress::default()) {
                Ok(loaded) => {
                    library.failed.extend(loaded.failed.iter().cloned());
                    series.push(describe(s, &loaded));
                }
                Err(dicom::Error::Unreadable(failed)) => library.failed.extend(failed),
                Err(error) => library.failed.push(Failed {
                    path: s.files.first().cloned().unwrap_or_default(),
                    reason: error.to_string(),
                }),
            }
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

/// What the files hold, and in `volume` the grid that is shown: they differ when slices had to be
/// resampled.
fn describe(series: &Series, loaded: &Loaded) -> Value {
    let facts = &loaded.facts;
    let geometry = loaded.volume.geometry();
    let (low, high) = facts.value_range;
    let warnings: Vec<Value> = loaded
        .warnings
        .iter()
        .map(|w| json!({ "code": w.code.as_str(), "message": w.message, "value": w.value }))
        .collect();
    json!({
        "series_instance_uid": series.series_instance_uid,
        "series_description": series.series_description,
        "part": series.part,
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
        "files": series.files.len(),
        "volume": {
            "dims": geometry.dims(),
            "spacing_mm": geometry.spacing_mm().to_array(),
            "origin_mm": geometry.origin_mm().to_array(),
            "direction": geometry.direction().map(|d| d.to_array()),
        },
        "warnings": warnings,
    })
}

fn object(object: &Object) -> Value {
    json!({
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
    output::line(format_args!("Study {}", text(&study["study_instance_uid"])));
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
            ("files", "files"),
            ("shown as", "volume"),
            ("transfer syntaxes", "transfer_syntaxes"),
        ] {
            let value = text(&series[key]);
            if !value.is_empty() {
                output::line(format_args!("    {label}: {value}"));
            }
        }
        for warning in series["warnings"].as_array().into_iter().flatten() {
            output::line(format_args!(
                "    warning [{}]: {}",
                text(&warning["code"]),
                text(&warning["message"])
            ));
        }
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
        ] {
            let value = text(&object[key]);
            if !value.is_empty() && value != "[]" {
                output::line(format_args!("    {label}: {value}"));
            }
        }
    }
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
