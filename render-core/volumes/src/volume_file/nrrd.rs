//! NRRD (teem.sourceforge.net/nrrd/format.html).

use std::io::Write;
use std::path::Path;

use flate2::Compression as Level;
use flate2::write::GzEncoder;
use glam::{DAffine3, DMat3, DVec3};

use super::samples::Samples;
use super::{Compression, Header, Layout, Start, text};
use crate::geometry::Geometry;
use crate::volume::{Rescale, Volume, Voxels};

pub fn header(path: &Path) -> Result<Header, String> {
    let bytes = text::beginning(path)?;
    let (magic, mut at) = text::line(&bytes, 0).ok_or("it has no header")?;
    if !magic.starts_with("NRRD000") {
        return Err("not a NRRD file: it does not begin with NRRD000".into());
    }
    let mut fields = Vec::new();
    // A detached header may end without an empty line.
    while let Some((line, next)) = text::line(&bytes, at) {
        at = next;
        if line.is_empty() {
            break;
        }
        if let Some((key, value)) = line.split_once(':')
            && !line.starts_with('#')
            && !value.starts_with('=')
        {
            fields.push((key.trim().to_lowercase(), value.trim().to_owned()));
        }
    }
    let field = |name: &str| text::field(&fields, name);
    let samples = field("type").unwrap_or_default().to_lowercase();
    let samples = match samples.as_str() {
        "unsigned char" | "uchar" | "uint8" | "uint8_t" => Samples::U8,
        "signed char" | "int8" | "int8_t" => Samples::I8,
        "unsigned short" | "unsigned short int" | "ushort" | "uint16" | "uint16_t" => Samples::U16,
        "short" | "short int" | "signed short" | "signed short int" | "int16" | "int16_t" => Samples::I16,
        "unsigned int" | "uint" | "uint32" | "uint32_t" => Samples::U32,
        "int" | "signed int" | "int32" | "int32_t" => Samples::I32,
        "float" => Samples::F32,
        "double" => Samples::F64,
        other => return Err(format!("its type {other:?} cannot be shown")),
    };
    let sizes =
        field("sizes").and_then(text::sizes).ok_or("its sizes are not one to four numbers above 0")?;
    let mut doubts = Vec::new();
    let patient_from_voxel = place(&field, &mut doubts)?;
    let geometry =
        Geometry::new([sizes[0], sizes[1], sizes[2]], patient_from_voxel).map_err(|e| e.to_string())?;
    let compression = match field("encoding").unwrap_or("raw").to_lowercase().as_str() {
        "raw" => Compression::None,
        "gzip" | "gz" => Compression::Gzip,
        other => return Err(format!("its encoding {other:?} cannot be read; write it raw or with gzip")),
    };
    let detached = field("data file").or(field("datafile"));
    let data = detached.map_or(Ok(path.to_owned()), |name| text::beside(path, name))?;
    let skip = field("byte skip").or(field("byteskip")).map_or(Some(0), |text| text.parse::<i64>().ok());
    let start = match (skip, compression) {
        (Some(-1), Compression::None) => Start::FromEnd,
        (Some(skip), compression) => {
            let skip = u64::try_from(skip).map_err(|_| "its byte skip is below 0")?;
            match (detached, compression) {
                (None, Compression::None) => Start::At(at as u64 + skip),
                (None, _) if skip == 0 => Start::At(at as u64),
                (Some(_), Compression::None) => Start::At(skip),
                (Some(_), _) => Start::Inside(skip),
                _ => return Err("a byte skip inside compressed data cannot be read".into()),
            }
        }
        (None, _) => return Err("its byte skip is not a number".into()),
    };
    if field("line skip").or(field("lineskip")).is_some_and(|text| text != "0") {
        return Err("a line skip cannot be read".into());
    }
    Ok(Header {
        geometry,
        times: sizes[3],
        rescale: Rescale::IDENTITY,
        doubts,
        lengths_known: field("space directions").or(field("spacings")).is_some(),
        data,
        layout: Layout { samples, big_endian: field("endian") == Some("big"), compression, start },
    })
}

/// Patient mm from voxel: by space directions, else by spacings alone.
fn place<'a>(field: &impl Fn(&str) -> Option<&'a str>, doubts: &mut Vec<String>) -> Result<DAffine3, String> {
    let Some(directions) = field("space directions") else {
        doubts.push(
            "the file does not tell how its volume lies in the patient: right, left and the rest are guesses"
                .into(),
        );
        let spacings = field("spacings").unwrap_or_default();
        let number = |i: usize| {
            let number = spacings.split_whitespace().nth(i).and_then(|word| word.parse().ok());
            number.filter(|n: &f64| n.is_finite() && *n != 0.0).unwrap_or(1.0)
        };
        return Ok(DAffine3::from_scale(DVec3::new(number(0), number(1), number(2))));
    };
    let space = field("space").unwrap_or_default().to_lowercase();
    let lps_from_space = match space.as_str() {
        "left-posterior-superior" | "lps" => DVec3::ONE,
        "right-anterior-superior" | "ras" => DVec3::new(-1.0, -1.0, 1.0),
        "left-anterior-superior" | "las" => DVec3::new(1.0, -1.0, 1.0),
        other => {
            doubts.push(format!(
                "its space is {other:?}, not one of the patient's: taken as left, posterior, superior"
            ));
            DVec3::ONE
        }
    };
    let vectors: Vec<&str> = directions.split(')').map(str::trim).filter(|text| !text.is_empty()).collect();
    if directions.trim_start().starts_with("none") {
        return Err("it holds vectors or colours, which cannot be shown".into());
    }
    let axes: Vec<DVec3> = vectors.iter().map_while(|text| vector(text)).collect();
    let [x, y, ..] = axes[..] else {
        return Err("its space directions are not vectors of three numbers".into());
    };
    let z = axes.get(2).copied().unwrap_or_else(|| x.cross(y).normalize_or_zero());
    let origin = field("space origin").and_then(vector).unwrap_or_else(|| {
        doubts.push("the file does not tell where its volume lies in the patient".into());
        DVec3::ZERO
    });
    Ok(DAffine3::from_scale(lps_from_space)
        * DAffine3 { matrix3: DMat3::from_cols(x, y, z), translation: origin })
}

/// `(x,y,z)`, the last parenthesis optional.
fn vector(text: &str) -> Option<DVec3> {
    let inner = text.trim().strip_prefix('(')?.trim_end_matches(')');
    let numbers: Vec<f64> = inner
        .split(',')
        .map(|n| n.trim().parse().ok().filter(|n: &f64| n.is_finite()))
        .collect::<Option<_>>()?;
    <[f64; 3]>::try_from(numbers).ok().map(DVec3::from)
}

pub fn write(out: &mut impl Write, volumes: &[&Volume], step_s: Option<f64>) -> std::io::Result<()> {
    let geometry = volumes[0].geometry();
    let kind = match volumes[0].voxels() {
        Voxels::U8(_) => "unsigned char",
        Voxels::I16(_) => "short",
        Voxels::U16(_) => "unsigned short",
        Voxels::F32(_) => "float",
    };
    let [nx, ny, nz] = geometry.dims();
    let (rank, size, direction, domain) = match volumes.len() {
        1 => (3, String::new(), "", ""),
        n => (4, format!(" {n}"), " none", " list"),
    };
    // Units and spacings of axes in space would contradict their directions.
    let time = step_s.map(|step| format!("units: \"\" \"\" \"\" \"s\"\nspacings: nan nan nan {step}\n"));
    let time = time.filter(|_| volumes.len() > 1).unwrap_or_default();
    let vector = |v: DVec3| format!("({})", text::joined(v).join(","));
    let m = geometry.patient_from_voxel().matrix3;
    write!(
        out,
        "NRRD0004\ntype: {kind}\ndimension: {rank}\nspace: left-posterior-superior\nsizes: {nx} {ny} {nz}{size}\n\
         space directions: {} {} {}{direction}\nkinds: domain domain domain{domain}\nendian: little\n\
         {time}space units: \"mm\" \"mm\" \"mm\"\nencoding: gzip\nspace origin: {}\n\n",
        vector(m.x_axis),
        vector(m.y_axis),
        vector(m.z_axis),
        vector(geometry.origin_mm())
    )?;
    let mut gzip = GzEncoder::new(out, Level::fast());
    super::voxel_bytes(volumes, &mut gzip)?;
    gzip.finish().map(|_| ())
}
