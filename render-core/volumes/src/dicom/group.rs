//! From headers to studies and series.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::header::{Header, Image};
use super::kind::{self, Kind};
use super::time::{self, Arranged, Order};
use super::{Images, Object, Patient, Series, Study, Time, Trust, Warning, WarningCode, copies, stack};
use crate::progress::Progress;

/// Orientations whose axes differ by less than this cosine (0.5 degrees) are one.
const SAME_ORIENTATION: f64 = 0.999_96;

/// Groups files by patient, study and series, and splits series that are not one volume.
pub fn studies(files: Vec<(PathBuf, Header)>, progress: &Progress) -> Vec<Study> {
    // The patient is part of the key: two patients never share a study, whatever its UID says.
    type BySeries = BTreeMap<(String, String), Vec<(PathBuf, Header)>>;
    let mut grouped: BTreeMap<[String; 4], (Study, BySeries)> = BTreeMap::new();
    for (path, mut header) in files {
        let [id, name, born] = parts_of(&header.patient).map(str::to_owned);
        let study = [id, name, born, header.study_instance_uid.clone()];
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
            study.series = by_series.into_values().flat_map(|files| split(files, progress)).collect();
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
fn split(mut files: Vec<(PathBuf, Header)>, progress: &Progress) -> Vec<Series> {
    let mut common = Vec::new();
    let copies = copies::resolve(&mut files, &mut common, progress);
    forget_scattered_frames_of_reference(&mut files);
    let (placed, loose) = by_place(&mut files);
    let mut parts = Vec::new();
    if !placed.is_empty() {
        parts.extend(apart(placed, &mut common).into_iter().map(|(images, name)| (images, vec![name])));
    }
    if !parts.is_empty() && !loose.is_empty() {
        common.push(Warning {
            code: WarningCode::UnknownPlace,
            value: Some(loose.len() as f64),
            message: format!(
                "{} of the series' files do not tell where they lie: ImagePositionPatient (0020,0032) or \
                 ImageOrientationPatient (0020,0037) is missing or not possible; each is kept apart",
                loose.len()
            ),
        });
    }
    let alone = parts.is_empty() && loose.len() == 1;
    for images in loose {
        let name = if alone { String::new() } else { format!("image {}", images[0].moment.instance_number) };
        parts.extend(
            apart(images, &mut common).into_iter().map(|(images, kind)| (images, vec![name.clone(), kind])),
        );
    }
    let mut stacks = Vec::new();
    for (images, name) in parts {
        let Arranged { stacks: arranged, order, warning } = time::arrange(images);
        let count = arranged.len();
        for (index, images) in arranged.into_iter().enumerate() {
            let number = index + 1;
            let (time, word) = match order {
                _ if count == 1 => (None, String::new()),
                Order::Times => (
                    Some(Time { index: index as u32, count: count as u32 }),
                    format!("time {number} of {count}"),
                ),
                Order::Repeats(word) => (None, format!("{word} {number} of {count}")),
            };
            let name: Vec<&str> =
                name.iter().map(String::as_str).chain([word.as_str()]).filter(|w| !w.is_empty()).collect();
            stacks.push((images, name.join(" "), time, warning.clone()));
        }
    }
    number_equal_names(&mut stacks);
    let one = |(images, name, time, warning): Named| {
        let warnings = common.iter().cloned().chain(warning).collect();
        Series { copies: copies.clone(), ..one_series(&files, images, name, time, warnings) }
    };
    stacks.into_iter().map(one).collect()
}

/// A stack with its name, its time, and what is odd about it.
type Named = (Vec<Image>, String, Option<Time>, Option<Warning>);

/// Volumes that no word tells apart are numbered.
fn number_equal_names(stacks: &mut [Named]) {
    let plain: Vec<String> = stacks.iter().map(|stack| stack.1.clone()).collect();
    for (i, (_, name, _, _)) in stacks.iter_mut().enumerate() {
        if plain.iter().filter(|&other| *other == plain[i]).count() > 1 {
            let number = plain[..=i].iter().filter(|&other| *other == plain[i]).count();
            *name = format!("{name} part {number}").trim().to_owned();
        }
    }
}

/// Images that have a place in the patient, and for each file without one its frames: what lies
/// nowhere shares no volume with others.
fn by_place(files: &mut [(PathBuf, Header)]) -> (Vec<Image>, Vec<Vec<Image>>) {
    let mut placed = Vec::new();
    let mut loose = Vec::new();
    for (index, (_, header)) in files.iter_mut().enumerate() {
        let mut images = std::mem::take(&mut header.images);
        images.iter_mut().for_each(|image| image.file = index);
        if images.iter().all(|image| image.position.is_some() && image.orientation.is_some()) {
            placed.extend(images);
        } else {
            loose.push(images);
        }
    }
    loose.sort_by_key(|images| (images[0].moment.instance_number, images[0].file));
    (placed, loose)
}

/// Some de-identified series carry a new Frame of Reference UID in every file; it tells nothing
/// then. Two files may well lie in two frames.
fn forget_scattered_frames_of_reference(files: &mut [(PathBuf, Header)]) {
    let uid = |h: &Header| h.images.first().map(|i| i.kind.frame_of_reference.clone());
    let distinct: HashSet<_> = files.iter().map(|(_, h)| uid(h)).collect();
    if files.len() > 2 && distinct.len() == files.len() {
        for image in files.iter_mut().flat_map(|(_, h)| &mut h.images) {
            image.kind.frame_of_reference.clear();
        }
    }
}

/// Images by kind and orientation, each group with the words that set it apart.
fn apart(images: Vec<Image>, warnings: &mut Vec<Warning>) -> Vec<(Vec<Image>, String)> {
    let mut groups = alike(images, &kind::DRIFTING);
    join_unspecified_units(&mut groups);
    let groups: Vec<Vec<Image>> = groups.into_iter().flat_map(by_drift).collect();
    let mut orientations: Vec<&Image> = Vec::new();
    for group in &groups {
        if !orientations.iter().any(|known| same_orientation(known, &group[0])) {
            orientations.push(&group[0]);
        }
    }
    if orientations.len() > 1 {
        warnings.push(Warning {
            code: WarningCode::MixedOrientation,
            value: Some(orientations.len() as f64),
            message: format!(
                "the series holds images of {} orientations: each is a volume of its own",
                orientations.len()
            ),
        });
    }
    let kinds: Vec<Kind> =
        groups.iter().map(|group| Kind::common(group.iter().map(|image| &image.kind))).collect();
    let kinds: Vec<&Kind> = kinds.iter().collect();
    let differ = kind::differences(&kinds);
    if !differ.is_empty() {
        warnings.push(Warning {
            code: WarningCode::MixedImages,
            value: Some(groups.len() as f64),
            message: format!(
                "the images of the series differ in {}: they are kept apart as {} volumes",
                differ.join(" and in "),
                groups.len()
            ),
        });
    }
    let planes: Vec<_> = groups.iter().map(|group| plane(&group[0]).unwrap_or_default().to_owned()).collect();
    let several = planes.iter().any(|plane| *plane != planes[0]);
    let mut names: Vec<Vec<String>> =
        planes.into_iter().map(|plane| if several { vec![plane] } else { Vec::new() }).collect();
    kind::name_apart(&kinds, &mut names);
    let names: Vec<String> = names.into_iter().map(|words| words.join(" ").trim().to_owned()).collect();
    groups.into_iter().zip(names).collect()
}

/// Images by orientation and kind, whatever some facets say.
fn alike(images: Vec<Image>, but_for: &[usize]) -> Vec<Vec<Image>> {
    let mut groups: Vec<Vec<Image>> = Vec::new();
    let mut latest = 0;
    for image in images {
        let fits = |group: &Vec<Image>| {
            same_orientation(&image, &group[0]) && image.kind.matches(&group[0].kind, but_for)
        };
        // Most images belong where the one before them does.
        let found =
            if groups.get(latest).is_some_and(fits) { Some(latest) } else { groups.iter().position(fits) };
        latest = found.unwrap_or(groups.len());
        match groups.get_mut(latest) {
            Some(group) => group.push(image),
            None => groups.push(vec![image]),
        }
    }
    groups
}

/// Images that do not tell their unit join those that do, if these alone are equal otherwise and lie
/// at other places.
fn join_unspecified_units(groups: &mut Vec<Vec<Image>>) {
    let but_for = [&kind::DRIFTING[..], &[kind::UNIT]].concat();
    for index in (0..groups.len()).rev() {
        let image = &groups[index][0];
        if image.kind.tells_unit() {
            continue;
        }
        let fits = |group: &Vec<Image>| {
            let other = &group[0];
            other.kind.tells_unit()
                && same_orientation(image, other)
                && image.rescale.1 == other.rescale.1
                && image.kind.matches(&other.kind, &but_for)
        };
        let homes: Vec<usize> = (0..groups.len()).filter(|&home| fits(&groups[home])).collect();
        let [home] = homes[..] else { continue };
        let all: Vec<&Image> = groups[home].iter().chain(&groups[index]).collect();
        if !differ_at_a_place(&all, kind::UNIT) {
            let images = std::mem::take(&mut groups[index]);
            groups[home].extend(images);
            groups.remove(index);
        }
    }
}

/// Images by the facets that change between slices, where those set images of one place apart.
fn by_drift(images: Vec<Image>) -> Vec<Vec<Image>> {
    let all: Vec<&Image> = images.iter().collect();
    let (apart, mut but_for): (Vec<usize>, Vec<usize>) =
        kind::DRIFTING.iter().partition(|&&facet| differ_at_a_place(&all, facet));
    if apart.is_empty() {
        return vec![images];
    }
    but_for.push(kind::UNIT);
    alike(images, &but_for)
}

/// Whether images of one place differ in a facet; without places all are at one.
fn differ_at_a_place(images: &[&Image], facet: usize) -> bool {
    let differ = |images: &[&Image]| images.iter().any(|i| !i.kind.agrees(&images[0].kind, facet));
    if !differ(images) {
        return false;
    }
    let along = |image: &Image| Some(image.position?.dot(stack::normal(images[0].orientation?)));
    let placed: Option<Vec<(f64, &Image)>> = images.iter().map(|&i| Some((along(i)?, i))).collect();
    let Some(mut placed) = placed else { return true };
    placed.sort_by(|a, b| a.0.total_cmp(&b.0));
    // Repeats of one slice may be shifted by a little, far less than slices are apart.
    let shift_mm = images[0].step_mm.map_or(0.0, |step| step / 10.0).max(stack::SAME_POSITION_MM);
    placed.chunk_by(|a, b| b.0 - a.0 <= shift_mm).any(|place| {
        let images: Vec<&Image> = place.iter().map(|&(_, image)| image).collect();
        differ(&images)
    })
}

fn same_orientation(a: &Image, b: &Image) -> bool {
    match (a.orientation, b.orientation) {
        (Some(a), Some(b)) => a[0].dot(b[0]) > SAME_ORIENTATION && a[1].dot(b[1]) > SAME_ORIENTATION,
        (None, None) => true,
        _ => false,
    }
}

fn plane(image: &Image) -> Option<&'static str> {
    let normal = stack::normal(image.orientation?).abs();
    Some(match normal.max_position() {
        0 => "sagittal",
        1 => "coronal",
        _ => "axial",
    })
}

pub fn lossy_warning(ratio: Option<f64>) -> Warning {
    let ratio_text = ratio.map(|r| format!(" (ratio {})", (r * 10.0).round() / 10.0)).unwrap_or_default();
    Warning {
        code: WarningCode::Lossy,
        value: ratio,
        message: format!("the images were compressed with loss{ratio_text}: values are not exact"),
    }
}

/// What tells a patient from others: birth dates count where there is no ID.
pub fn parts_of(patient: &Patient) -> [&str; 3] {
    let born = if patient.id.is_empty() { &*patient.birth_date } else { "" };
    [&patient.id, &patient.name, born]
}

/// Digits that tell such parts from others.
pub fn digits(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize()[..6].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn one_series(
    files: &[(PathBuf, Header)],
    mut images: Vec<Image>,
    part: String,
    time: Option<Time>,
    mut warnings: Vec<Warning>,
) -> Series {
    // Files in slice order, each once.
    let mut new_index: BTreeMap<usize, usize> = BTreeMap::new();
    let (mut paths, mut sop_instance_uids) = (Vec::new(), Vec::new());
    let mut transfer_syntaxes: Vec<String> = Vec::new();
    for image in &mut images {
        image.file = *new_index.entry(image.file).or_insert_with_key(|&old| {
            let (path, header) = &files[old];
            paths.push(path.clone());
            sop_instance_uids.push(header.sop_instance_uid.clone());
            if !transfer_syntaxes.contains(&header.transfer_syntax) {
                transfer_syntaxes.push(header.transfer_syntax.clone());
            }
            paths.len() - 1
        });
    }
    let used: Vec<&Header> = new_index.keys().map(|&old| &files[old].1).collect();
    if let Some(ratio) = used.iter().find_map(|h| h.lossy) {
        warnings.push(lossy_warning(ratio));
    }
    let folded = used.iter().any(|h| h.mosaic).then_some(
        "the images are mosaics of slices that cannot be taken apart: positions and lengths across tiles are not right",
    );
    if let Some(folded) = folded {
        warnings.push(Warning { code: WarningCode::NoSpacing, value: None, message: folded.into() });
    }
    if !images[0].format.is_grey() {
        warnings.push(Warning {
            code: WarningCode::ColourAsGrey,
            value: None,
            message: "the images are in colour and are shown by their brightness".into(),
        });
    }
    let unit = Kind::common(images.iter().map(|image| &image.kind)).unit();
    let silent = images.iter().filter(|image| !image.kind.tells_unit()).count();
    if !unit.is_empty() && silent > 0 {
        warnings.push(Warning {
            code: WarningCode::UnspecifiedUnit,
            value: Some(silent as f64),
            message: format!(
                "{silent} of {} images do not say the unit of their values (RescaleType (0028,1054) is US, \
                 unspecified, or missing): they are taken for {unit}",
                images.len()
            ),
        });
    }
    let refs: Vec<&Image> = images.iter().collect();
    let stack = stack::Stack::new(&refs, stack::Grid::Usual);
    warnings.extend(stack.warnings);
    let millimetres = folded.map_or(stack.millimetres, |reason| Trust::Nowhere(reason.into()));
    let header = used[0];
    Series {
        series_instance_uid: header.series_instance_uid.clone(),
        series_description: header.series_description.clone(),
        series_number: header.series_number,
        modality: header.modality.clone(),
        part,
        time,
        dims: [u32::from(images[0].format.columns), u32::from(images[0].format.rows), images.len() as u32],
        transfer_syntaxes,
        files: paths,
        whose: digits(
            &[&parts_of(&header.patient)[..], &[&header.study_instance_uid, &header.modality]].concat(),
        ),
        sop_instance_uids: sop_instance_uids.into(),
        copies: Vec::new(),
        warnings,
        unit,
        suv: header.suv.clone(),
        millimetres,
        kept_padding: None,
        images: Images(Arc::from(images)),
    }
}
