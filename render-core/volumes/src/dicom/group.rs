//! From headers to studies and series.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use super::header::{Header, Image, Kind};
use super::stack::{self, SAME_POSITION_MM};
use super::{Images, Object, Series, Study, Warning, WarningCode};

/// Orientations whose axes differ by less than this cosine (0.5 degrees) are one.
const SAME_ORIENTATION: f64 = 0.999_96;

/// Groups files by patient, study and series, and splits series that are not one volume.
pub fn studies(files: Vec<(PathBuf, Header)>) -> Vec<Study> {
    // The patient is part of the key: two patients never share a study, whatever its UID says.
    type BySeries = BTreeMap<(String, String), Vec<(PathBuf, Header)>>;
    let mut grouped: BTreeMap<(String, String, String), (Study, BySeries)> = BTreeMap::new();
    for (path, mut header) in files {
        let study =
            (header.patient.id.clone(), header.patient.name.clone(), header.study_instance_uid.clone());
        let (study, by_series) = grouped.entry(study).or_insert_with(|| (study_of(&header), BTreeMap::new()));
        if let Some(object) = header.object.take() {
            study.objects.push(Object { path, ..object });
            continue;
        }
        let series = (header.series_instance_uid.clone(), header.modality.clone());
        by_series.entry(series).or_default().push((path, header));
    }
    let mut studies: Vec<Study> = grouped
        .into_values()
        .map(|(mut study, by_series)| {
            study.series = by_series.into_values().flat_map(split).collect();
            study.series.sort_by(|a, b| {
                (a.series_number, &a.series_instance_uid).cmp(&(b.series_number, &b.series_instance_uid))
            });
            study
        })
        .collect();
    studies
        .sort_by(|a, b| (&a.study_date, &a.study_instance_uid).cmp(&(&b.study_date, &b.study_instance_uid)));
    studies
}

fn study_of(header: &Header) -> Study {
    Study {
        study_instance_uid: header.study_instance_uid.clone(),
        study_description: header.study_description.clone(),
        study_date: header.study_date.clone(),
        patient: header.patient.clone(),
        series: Vec::new(),
        objects: Vec::new(),
    }
}

/// The volumes of one DICOM series.
fn split(mut files: Vec<(PathBuf, Header)>) -> Vec<Series> {
    let mut common = Vec::new();
    drop_copies(&mut files, &mut common);
    forget_scattered_frames_of_reference(&mut files);
    let mut groups: Vec<Vec<Image>> = Vec::new();
    let mut by_kind: BTreeMap<Kind, Vec<Image>> = BTreeMap::new();
    for (index, (_, header)) in files.iter_mut().enumerate() {
        for mut image in std::mem::take(&mut header.images) {
            image.file = index;
            by_kind.entry(image.kind.clone()).or_default().push(image);
        }
    }
    let mut orientations = 0;
    for images in by_kind.into_values() {
        let parts = by_orientation(images);
        orientations = orientations.max(parts.len());
        groups.extend(parts);
    }
    if orientations > 1 {
        common.push(Warning {
            code: WarningCode::MixedOrientation,
            value: Some(orientations as f64),
            message: format!(
                "the series holds images of {orientations} orientations: each is a volume of its own"
            ),
        });
    }
    let labels = labels(&groups);
    let mut series = Vec::new();
    for (images, label) in groups.into_iter().zip(labels) {
        let (times, warnings) = by_time(images);
        let count = times.len();
        for (time, images) in times.into_iter().enumerate() {
            let part =
                if count > 1 { format!("{label} time {} of {count}", time + 1) } else { label.clone() };
            let warnings = common.iter().chain(&warnings).cloned().collect();
            series.push(one_series(&files, images, part.trim().to_owned(), warnings));
        }
    }
    series
}

/// Some de-identified series carry a new Frame of Reference UID in every file; it tells nothing then.
fn forget_scattered_frames_of_reference(files: &mut [(PathBuf, Header)]) {
    let uid = |h: &Header| h.images.first().map(|i| i.kind.frame_of_reference.clone());
    let distinct: HashSet<_> = files.iter().map(|(_, h)| uid(h)).collect();
    if distinct.len() == files.len() {
        for image in files.iter_mut().flat_map(|(_, h)| &mut h.images) {
            image.kind.frame_of_reference.clear();
        }
    }
}

/// Keeps the first file of each SOP instance.
fn drop_copies(files: &mut Vec<(PathBuf, Header)>, warnings: &mut Vec<Warning>) {
    let mut seen = HashSet::new();
    let before = files.len();
    files.retain(|(_, h)| h.sop_instance_uid.is_empty() || seen.insert(h.sop_instance_uid.clone()));
    let dropped = before - files.len();
    if dropped > 0 {
        warnings.push(Warning {
            code: WarningCode::DuplicatePositions,
            value: Some(dropped as f64),
            message: format!(
                "{dropped} files repeat an image (same SOP Instance UID); the first of each is used"
            ),
        });
    }
}

fn by_orientation(images: Vec<Image>) -> Vec<Vec<Image>> {
    let mut groups: Vec<Vec<Image>> = Vec::new();
    for image in images {
        let same = |other: &Image| match (image.orientation, other.orientation) {
            (Some(a), Some(b)) => a[0].dot(b[0]) > SAME_ORIENTATION && a[1].dot(b[1]) > SAME_ORIENTATION,
            (None, None) => true,
            _ => false,
        };
        match groups.iter_mut().find(|group| same(&group[0])) {
            Some(group) => group.push(image),
            None => groups.push(vec![image]),
        }
    }
    groups
}

/// Sorts along the slice normal. Positions that all occur equally often are times; other repeats
/// are left out.
fn by_time(mut images: Vec<Image>) -> (Vec<Vec<Image>>, Vec<Warning>) {
    let in_file_order = |i: &Image| (i.instance_number, i.file, i.frame);
    let along: Option<Vec<f64>> =
        images.iter().map(|i| Some(i.position?.dot(stack::normal(i.orientation?)))).collect();
    let Some(along) = along else {
        images.sort_by_key(in_file_order);
        return (vec![images], Vec::new());
    };
    let mut order: Vec<(f64, Image)> = along.into_iter().zip(images).collect();
    order.sort_by(|(a, i), (b, j)| a.total_cmp(b).then_with(|| in_file_order(i).cmp(&in_file_order(j))));
    let mut positions: Vec<Vec<Image>> = Vec::new();
    let mut last = f64::NEG_INFINITY;
    for (at, image) in order {
        if at - last > SAME_POSITION_MM {
            last = at;
            positions.push(Vec::new());
        }
        positions.last_mut().expect("the first image opens one").push(image);
    }
    for images in &mut positions {
        images
            .sort_by(|a, b| a.time.total_cmp(&b.time).then_with(|| in_file_order(a).cmp(&in_file_order(b))));
    }
    let times = positions[0].len();
    if positions.len() == 1 {
        return (positions, Vec::new());
    }
    if times > 1 && positions.iter().all(|p| p.len() == times) {
        let mut out: Vec<Vec<Image>> = vec![Vec::new(); times];
        for images in positions {
            for (time, image) in images.into_iter().enumerate() {
                out[time].push(image);
            }
        }
        return (out, Vec::new());
    }
    let total: usize = positions.iter().map(Vec::len).sum();
    let kept: Vec<Image> = positions.into_iter().map(|mut images| images.swap_remove(0)).collect();
    let dropped = total - kept.len();
    let mut warnings = Vec::new();
    if dropped > 0 {
        warnings.push(Warning {
            code: WarningCode::DuplicatePositions,
            value: Some(dropped as f64),
            message: format!(
                "{dropped} images lie where another image of the series lies; the first of each is used"
            ),
        });
    }
    (vec![kept], warnings)
}

/// What tells the groups apart, in words; empty for a single one.
fn labels(groups: &[Vec<Image>]) -> Vec<String> {
    let kinds: Vec<&Kind> = groups.iter().map(|g| &g[0].kind).collect();
    let differ = |get: fn(&Kind) -> String| kinds.iter().any(|k| get(k) != get(kinds[0]));
    let size = differ(|k| format!("{}x{}", k.columns, k.rows));
    let (image_type, echo, stack) =
        (differ(|k| k.image_type.clone()), differ(|k| k.echo.clone()), differ(|k| k.stack.clone()));
    let mut labels: Vec<String> = groups
        .iter()
        .map(|group| {
            let kind = &group[0].kind;
            let mut words = Vec::new();
            if groups.len() > 1 {
                words.extend(plane(&group[0]).map(str::to_owned));
            }
            if image_type && !kind.image_type.is_empty() {
                words.push(kind.image_type.to_lowercase());
            }
            if echo && !kind.echo.is_empty() {
                words.push(format!("echo {}", kind.echo));
            }
            if stack && !kind.stack.is_empty() {
                words.push(format!("stack {}", kind.stack));
            }
            if size {
                words.push(format!("{}x{}", kind.columns, kind.rows));
            }
            words.join(" ")
        })
        .collect();
    // Groups that no word tells apart are numbered.
    let plain = labels.clone();
    for (i, label) in labels.iter_mut().enumerate() {
        if plain.iter().filter(|&other| *other == plain[i]).count() > 1 {
            let number = plain[..=i].iter().filter(|&other| *other == plain[i]).count();
            *label = format!("{label} part {number}").trim().to_owned();
        }
    }
    labels
}

fn plane(image: &Image) -> Option<&'static str> {
    let normal = stack::normal(image.orientation?).abs();
    Some(match normal.max_position() {
        0 => "sagittal",
        1 => "coronal",
        _ => "axial",
    })
}

fn one_series(
    files: &[(PathBuf, Header)],
    mut images: Vec<Image>,
    part: String,
    mut warnings: Vec<Warning>,
) -> Series {
    // Files in slice order, each once.
    let mut new_index: BTreeMap<usize, usize> = BTreeMap::new();
    let mut paths = Vec::new();
    let mut transfer_syntaxes: Vec<String> = Vec::new();
    for image in &mut images {
        image.file = *new_index.entry(image.file).or_insert_with_key(|&old| {
            let (path, header) = &files[old];
            paths.push(path.clone());
            if !transfer_syntaxes.contains(&header.transfer_syntax) {
                transfer_syntaxes.push(header.transfer_syntax.clone());
            }
            paths.len() - 1
        });
    }
    let used: Vec<&Header> = new_index.keys().map(|&old| &files[old].1).collect();
    if let Some(ratio) = used.iter().find_map(|h| h.lossy) {
        let ratio_text = ratio.map(|r| format!(" (ratio {r})")).unwrap_or_default();
        warnings.push(Warning {
            code: WarningCode::Lossy,
            value: ratio,
            message: format!("the images were compressed with loss{ratio_text}: values are not exact"),
        });
    }
    if used.iter().any(|h| h.mosaic) {
        warnings.push(Warning {
            code: WarningCode::NoSpacing,
            value: None,
            message: "the images are mosaics of slices, shown as they are: positions and lengths across tiles are not right".into(),
        });
    }
    if !images[0].format.is_grey() {
        warnings.push(Warning {
            code: WarningCode::ColourAsGrey,
            value: None,
            message: "the images are in colour and are shown by their brightness".into(),
        });
    }
    let refs: Vec<&Image> = images.iter().collect();
    warnings.extend(stack::Stack::new(&refs).warnings);
    let header = used[0];
    Series {
        series_instance_uid: header.series_instance_uid.clone(),
        series_description: header.series_description.clone(),
        series_number: header.series_number,
        modality: header.modality.clone(),
        part,
        dims: [u32::from(images[0].format.columns), u32::from(images[0].format.rows), images.len() as u32],
        transfer_syntaxes,
        files: paths,
        warnings,
        unit: header.unit.clone(),
        images: Images(Arc::from(images)),
    }
}
