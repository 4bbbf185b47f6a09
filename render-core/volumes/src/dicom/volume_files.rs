//! Files of NIfTI, NRRD and MetaImage as series beside those of DICOM.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::{
    Error, Facts, Failed, Images, Loaded, Patient, Report, Series, Study, Thumbnail, Time, Trust, Warning,
    WarningCode,
};
use crate::geometry::Geometry;
use crate::volume_file::{self, Format, Header};
use crate::words::advised;

/// Takes volume files, and files with their voxels, out of `files`. They make one study, without a patient;
/// its UIDs are made from the paths.
pub fn take(files: &mut Vec<PathBuf>, failed: &mut Vec<Failed>) -> Option<Study> {
    let mut own: HashSet<PathBuf> = HashSet::new();
    let mut series = Vec::new();
    for path in files.iter().filter(|path| Format::of(path).is_some()) {
        own.insert(path.clone());
        match volume_file::header(path) {
            Ok(header) => {
                own.insert(header.data.clone());
                series.extend((0..header.times).map(|time| series_of(path, &header, time)));
            }
            Err(volume_file::Error { path, reason }) => failed.push(Failed { path, reason: advised(reason) }),
        }
    }
    files.retain(|path| !own.contains(path));
    let first: &Series = series.first()?;
    Some(Study {
        study_instance_uid: uid("study", &first.files[0]),
        study_description: String::new(),
        study_date: String::new(),
        patient: Patient::default(),
        series,
        objects: Vec::new(),
    })
}

fn uid(kind: &str, path: &Path) -> String {
    let hash = Sha256::new().chain_update(kind).chain_update(path.as_os_str().as_encoded_bytes()).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    super::write::uid_from_random(bytes)
}

fn grid(geometry: &Geometry) -> String {
    let mut hash = Sha256::new();
    geometry.dims().iter().for_each(|n| hash.update(n.to_le_bytes()));
    geometry.patient_from_voxel().to_cols_array().iter().for_each(|x| hash.update(x.to_le_bytes()));
    hash.finalize()[..6].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn series_of(path: &Path, header: &Header, time: u32) -> Series {
    let warnings = header.doubts.iter().map(|doubt| Warning {
        code: WarningCode::UnknownPlace,
        message: doubt.clone(),
        value: None,
    });
    let several = header.times > 1;
    Series {
        series_instance_uid: uid("series", path),
        series_description: path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default(),
        series_number: None,
        modality: String::new(),
        part: if several { format!("time {} of {}", time + 1, header.times) } else { String::new() },
        time: several.then_some(Time { index: time, count: header.times }),
        dims: header.geometry.dims(),
        transfer_syntaxes: Vec::new(),
        files: vec![path.to_owned()],
        copies: Vec::new(),
        warnings: warnings.collect(),
        millimetres: trust(header),
        // A file that is replaced by one of another grid is another.
        whose: grid(&header.geometry),
        sop_instance_uids: Arc::default(),
        images: Images(Arc::from([])),
        suv: None,
        unit: String::new(),
        kept_padding: None,
    }
}

fn trust(header: &Header) -> Trust {
    match header.doubts.first() {
        None => Trust::Everywhere,
        Some(doubt) if header.lengths_known => Trust::WithinImages(doubt.clone()),
        Some(doubt) => Trust::Nowhere(doubt.clone()),
    }
}

pub fn load(series: &Series) -> Result<Loaded, Error> {
    let time = series.time.map_or(0, |time| time.index);
    let (volume, not_finite) = volume_file::read_counting(&series.files[0], time)
        .map_err(|volume_file::Error { path, reason }| Error::Path { path, reason })?;
    let facts = facts(volume.geometry(), volume.value_range(), volume.mean());
    let [columns, rows, slices] = facts.dims;
    let mut warnings = series.warnings.clone();
    if not_finite > 0 {
        warnings.push(super::not_finite_warning(not_finite));
    }
    let report = Report {
        found: vec![format!("a volume file of {columns}x{rows}x{slices} voxels")],
        corrected: warnings[series.warnings.len()..].iter().map(|warning| warning.message.clone()).collect(),
        unknown: series.warnings.iter().map(|warning| warning.message.clone()).collect(),
        millimetres: series.millimetres.clone(),
        directions_unknown: !series.millimetres.is_everywhere(),
    };
    Ok(Loaded { volume: Arc::new(volume), facts, warnings, report, failed: Vec::new() })
}

fn facts(geometry: &Geometry, value_range: (f32, f32), mean: f64) -> Facts {
    let direction = geometry.direction();
    let mut spacing_mm = geometry.spacing_mm().to_array();
    // Along the normal of the slices, which a sheared grid's third axis is not.
    spacing_mm[2] *= direction[2].dot(direction[0].cross(direction[1]).normalize()).abs();
    Facts {
        dims: geometry.dims(),
        spacing_mm,
        origin_mm: geometry.origin_mm().to_array(),
        direction: direction.map(|axis| axis.to_array()),
        value_range,
        mean,
        unit: String::new(),
    }
}

/// The middle slice, its longer side at most `max_px` pixels.
pub fn thumbnail(series: &Series, max_px: u32) -> Result<Thumbnail, Error> {
    let volume = load(series)?.volume;
    let [columns, rows, slices] = volume.geometry().dims();
    let spacing = volume.geometry().spacing_mm();
    let (width_mm, height_mm) = (f64::from(columns) * spacing.x, f64::from(rows) * spacing.y);
    let px = f64::from(max_px.max(1)) / width_mm.max(height_mm);
    let size = [width_mm, height_mm].map(|mm| ((mm * px).round() as u32).clamp(1, max_px.max(1)));
    let (low, scale) = volume.default_window().ramp();
    let source = |i: u32, small: u32, large: u32| {
        (u64::from(i) * u64::from(large) / u64::from(small)).min(u64::from(large) - 1) as u32
    };
    let grey = |x: u32, y: u32| {
        let voxel = [source(x, size[0], columns), source(y, size[1], rows), slices / 2];
        let value = volume.value_at(voxel).unwrap_or(low);
        (((value - low) * scale).clamp(0.0, 1.0) * 255.0).round() as u8
    };
    let pixels =
        (0..size[1]).flat_map(|y| (0..size[0]).map(move |x| (x, y))).map(|(x, y)| grey(x, y)).collect();
    Ok(Thumbnail { size, pixels })
}
