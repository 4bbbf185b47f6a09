//! Every file of the test data: loaded as pydicom reads it, or refused with a reason that says where
//! and what to do. `cargo test -p volumes --test every_file -- --nocapture` prints the table.

mod data;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use volumes::dicom::{self, Loaded, Series};
use volumes::{Progress, Volume};

use data::data;

/// What pydicom 3.0 with pylibjpeg reads in each file that it decodes and that is an image by itself:
/// path, number of values after rescale, smallest, largest, mean, and where the values are the same to
/// the last bit the CRC-32 of them as 32-bit little-endian floats, else `-`. Colour is turned to
/// brightness (ITU-R BT.601, rounded to 8 bits). Decoders of lossy images differ by a step or two.
const PYDICOM: &str = include_str!("data/pydicom.tsv");

/// Folders whose files belong together. Files of all others are looked at one by one: what has one
/// Series Instance UID in them are versions of one image.
const SERIES: [&str; 5] =
    ["ct-body-jpeg2000", "ct-chest-jpegls", "ct-head-tilt-uneven", "geometry", "mr-t1-sagittal"];

/// Versions of one image, whose values are equal.
const VERSIONS: [(&str, usize); 4] = [
    ("transfer-syntaxes/mr-small/MR_small", 8),
    ("transfer-syntaxes/pydicom-data/emri_small", 6),
    ("transfer-syntaxes/pydicom-data/JLSL_RGB_ILV", 3),
    ("transfer-syntaxes/ct-one-image", 11),
];
/// Of those in the folders above: with loss, or as another type of pixels.
const LOSSY: [&str; 6] = [".4.50.", ".4.51.", ".4.53.", ".4.55.", ".4.81.", ".4.91."];

/// A row of the table.
struct Row {
    /// Below the test data; a folder where it speaks of several files.
    path: String,
    files: Vec<PathBuf>,
    what: What,
}

enum What {
    Volume { values: u64, low: f64, high: f64, mean: f64, crc: Option<u32>, about: String },
    Object(String),
    Refused(String),
}

/// Files to be looked at together.
fn groups(root: &Path) -> Vec<Vec<PathBuf>> {
    let mut groups: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("read the test data").flatten() {
            let path = entry.path();
            let below = path.strip_prefix(root).expect("a path below the root");
            let together = SERIES.iter().any(|series| below.starts_with(series));
            if path.is_dir() {
                folders.push(path);
            } else {
                groups.entry(if together { folder.clone() } else { path.clone() }).or_default().push(path);
            }
        }
    }
    groups.into_values().collect()
}

fn rows(root: &Path, files: &[PathBuf]) -> Vec<Row> {
    let below = |path: &Path| path.strip_prefix(root).unwrap_or(path).display().to_string();
    let row = |files: &[PathBuf], what: What| {
        let path = if files.len() == 1 { &files[0] } else { files[0].parent().unwrap_or(root) };
        Row { path: below(path), files: files.to_vec(), what }
    };
    let refused = |path: PathBuf, reason: String| row(&[path], What::Refused(reason));
    let library = match dicom::scan(files, &Progress::default()) {
        Ok(library) => library,
        Err(dicom::Error::Path { path, reason }) => return vec![refused(path, reason)],
        Err(error) => panic!("{}: {error}", files[0].display()),
    };
    let mut rows: Vec<Row> = library.failed.into_iter().map(|f| refused(f.path, f.reason)).collect();
    for study in &library.studies {
        for series in &study.series {
            match dicom::load(series, &Progress::default()) {
                Ok(loaded) => {
                    let small = dicom::thumbnail(series, 64);
                    assert!(small.is_ok() || !loaded.failed.is_empty(), "{:?}: {small:?}", series.files);
                    rows.push(row(&series.files, volume(series, &loaded)));
                    rows.extend(loaded.failed.into_iter().map(|f| refused(f.path, f.reason)));
                }
                Err(dicom::Error::Unreadable(failed)) => {
                    rows.extend(failed.into_iter().map(|f| refused(f.path, f.reason)));
                }
                Err(dicom::Error::Path { path, reason }) => rows.push(refused(path, reason)),
                Err(error) => panic!("{:?}: {error}", series.files),
            }
        }
        for object in &study.objects {
            let words = [&*object.class, &*object.label].join("  ");
            rows.push(row(std::slice::from_ref(&object.path), What::Object(words.trim_end().to_owned())));
        }
    }
    rows
}

fn volume(series: &Series, loaded: &Loaded) -> What {
    let facts = &loaded.facts;
    let [columns, rows, slices] = facts.dims;
    let [x, y, z] = facts.spacing_mm;
    let mut about = vec![format!("{columns}x{rows}x{slices}"), format!("{x:.4}x{y:.4}x{z:.4} mm")];
    about.extend([series.modality.clone(), series.part.clone()]);
    about.extend(series.transfer_syntaxes.iter().map(|uid| match uid.strip_prefix("1.2.840.10008.1.2") {
        Some("") => "implicit".to_owned(),
        Some(rest) => rest.to_owned(),
        None => uid.clone(),
    }));
    let codes: BTreeSet<&str> = loaded.warnings.iter().map(|warning| warning.code.as_str()).collect();
    about.extend(codes.into_iter().map(|code| format!("[{code}]")));
    about.retain(|words| !words.is_empty());
    What::Volume {
        values: facts.dims.iter().map(|&n| u64::from(n)).product(),
        low: facts.value_range.0.into(),
        high: facts.value_range.1.into(),
        mean: facts.mean,
        crc: (series.files.len() == 1).then(|| crc(&loaded.volume)),
        about: about.join("  "),
    }
}

/// CRC-32 of all values.
fn crc(volume: &Volume) -> u32 {
    let mut crc = flate2::Crc::new();
    let [columns, rows, slices] = volume.geometry().dims();
    for (z, y) in (0..slices).flat_map(|z| (0..rows).map(move |y| (z, y))) {
        let row = (0..columns).map(|x| volume.value_at([x, y, z]).expect("inside"));
        crc.update(&row.flat_map(f32::to_le_bytes).collect::<Vec<u8>>());
    }
    crc.sum()
}

/// Whether a reason has what a person needs; the path stands beside it.
fn is_complete(reason: &str) -> bool {
    let names_tag = reason.match_indices('(').any(|(at, _)| {
        let tag = reason.as_bytes().get(at + 1..at + 11).unwrap_or_default();
        tag.len() == 10 && tag[4] == b',' && tag[9] == b')'
    });
    (names_tag || reason.starts_with("not a DICOM file: ")) && reason.contains("; ")
}

/// How a volume, which may have come in parts, differs from what pydicom reads.
fn difference(parts: &[&What], expected: &[&str]) -> Option<String> {
    let number = |i: usize| expected[i].parse::<f64>().expect("a number");
    let mut sum = (0, f64::INFINITY, f64::NEG_INFINITY, 0.0);
    let mut crcs = Vec::new();
    for part in parts {
        let What::Volume { values, low, high, mean, crc, .. } = part else { continue };
        sum = (sum.0 + values, sum.1.min(*low), sum.2.max(*high), sum.3 + mean * *values as f64);
        crcs.extend(crc.map(|crc| format!("{crc:08x}")));
    }
    let (values, low, high, mean) = (sum.0, sum.1, sum.2, sum.3 / sum.0 as f64);
    // Steps of lossy decoders, as values.
    let step = 2.5f64.max(0.005 * (number(3) - number(2)));
    let near = |a: f64, b: f64, tolerance: f64| (a - b).abs() <= tolerance;
    let same = values.to_string() == expected[1]
        && match expected[5] {
            "-" => {
                near(low, number(2), step) && near(high, number(3), step) && near(mean, number(4), step / 2.5)
            }
            crc => crcs == [crc],
        };
    (!same).then(|| format!("{values} values, {low} to {high}, mean {mean}, {crcs:?}; pydicom: {expected:?}"))
}

#[test]
fn every_file_is_loaded_as_pydicom_reads_it_or_refused_with_a_reason() {
    let Some(root) = data("") else { return };
    let expected: HashMap<&str, Vec<&str>> = PYDICOM
        .lines()
        .map(|line| line.split('\t').collect::<Vec<_>>())
        .map(|columns| (columns[0], columns))
        .collect();
    let (mut wrong, mut compared) = (Vec::new(), 0);
    let mut versions: BTreeMap<&str, Vec<(String, u32)>> = BTreeMap::new();
    for files in groups(&root) {
        let rows = rows(&root, &files);
        let told: BTreeSet<&PathBuf> = rows.iter().flat_map(|row| &row.files).collect();
        let is_directory = files[0].file_name().is_some_and(|n| n.to_string_lossy().starts_with("DICOMDIR"));
        for file in files.iter().filter(|file| !told.contains(file) && !is_directory) {
            wrong.push(format!("{}: nothing is said about it", file.display()));
        }
        for row in &rows {
            let line = match &row.what {
                What::Volume { low, high, mean, about, .. } => {
                    format!("{about}  values {low:.3} to {high:.3}, mean {mean:.4}")
                }
                What::Object(words) => format!("object: {words}"),
                What::Refused(reason) => format!("refused: {reason}"),
            };
            if matches!(&row.what, What::Refused(reason) if !is_complete(reason)) {
                wrong.push(format!("{}: {line}: no tag or nothing to do", row.path));
            }
            let through = if is_directory { " (through its DICOMDIR)" } else { "" };
            match row.files.len() {
                1 => eprintln!("{}{through}: {line}", row.path),
                n => eprintln!("{} ({n} files){through}: {line}", row.path),
            }
            let version = VERSIONS.iter().find(|(start, _)| row.path.starts_with(start));
            if let (Some((start, _)), What::Volume { crc: Some(crc), .. }) = (version, &row.what)
                && LOSSY.iter().all(|syntax| !row.path.contains(syntax))
            {
                versions.entry(start).or_default().push((row.path.clone(), *crc));
            }
        }
        if let Some(expected) =
            rows.first().and_then(|row| expected.get(&*row.path)).filter(|_| !is_directory)
        {
            compared += 1;
            let parts: Vec<&What> = rows.iter().map(|row| &row.what).collect();
            wrong.extend(difference(&parts, expected).map(|how| format!("{}: {how}", rows[0].path)));
        }
    }
    for (start, count) in VERSIONS {
        let found = versions.get(start).map_or(&[][..], Vec::as_slice);
        if found.len() != count || found.iter().any(|(_, crc)| *crc != found[0].1) {
            wrong.push(format!("{start}: not {count} equal versions: {found:08x?}"));
        }
    }
    eprintln!("{compared} of {} files compared with pydicom", expected.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(compared, expected.len(), "files of the list are gone");
}
