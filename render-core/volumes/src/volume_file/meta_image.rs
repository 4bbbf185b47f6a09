//! MetaImage (itk.org/Wiki/ITK/MetaIO). Its space is LPS, as ITK has it.

use std::io::Write;
use std::path::Path;

use flate2::Compression as Level;
use flate2::write::ZlibEncoder;
use glam::{DAffine3, DMat3, DVec3};

use super::samples::Samples;
use super::{Compression, Header, Layout, Start, text};
use crate::geometry::Geometry;
use crate::volume::{Rescale, Volume, Voxels};

pub fn header(path: &Path) -> Result<Header, String> {
    let bytes = text::beginning(path)?;
    let mut fields = Vec::new();
    let mut at = 0;
    // ElementDataFile ends the header.
    while let Some((line, next)) = text::line(&bytes, at) {
        at = next;
        let Some((key, value)) = line.split_once('=') else {
            return Err("not a MetaImage file: its header is not lines of NAME = VALUE".into());
        };
        fields.push((key.trim().to_lowercase(), value.trim().to_owned()));
        if fields.last().is_some_and(|(key, _)| key == "elementdatafile") {
            break;
        }
    }
    let field = |names: &[&str]| names.iter().find_map(|name| text::field(&fields, name));
    let yes = |names: &[&str]| field(names).is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let data = field(&["elementdatafile"]).ok_or("ElementDataFile is missing, so there are no voxels")?;
    if field(&["elementnumberofchannels"]).is_some_and(|text| text != "1") {
        return Err("it holds vectors or colours, which cannot be shown".into());
    }
    let sizes =
        field(&["dimsize"]).and_then(text::sizes).ok_or("DimSize is not one to four numbers above 0")?;
    let samples = match field(&["elementtype"]).unwrap_or_default() {
        "MET_UCHAR" => Samples::U8,
        "MET_CHAR" => Samples::I8,
        "MET_USHORT" => Samples::U16,
        "MET_SHORT" => Samples::I16,
        "MET_UINT" | "MET_ULONG" => Samples::U32,
        "MET_INT" | "MET_LONG" => Samples::I32,
        "MET_ULONG_LONG" => Samples::U64,
        "MET_LONG_LONG" => Samples::I64,
        "MET_FLOAT" => Samples::F32,
        "MET_DOUBLE" => Samples::F64,
        other => return Err(format!("its ElementType {other:?} cannot be shown")),
    };
    let rank = field(&["ndims"]).and_then(|text| text.parse().ok()).unwrap_or(3usize).clamp(1, 4);
    let mut doubts = Vec::new();
    let list = |names: &[&str], length: usize| {
        field(names).and_then(text::numbers).filter(|numbers| numbers.len() == length)
    };
    let part = |numbers: &[f64], from: usize, default: DVec3| {
        DVec3::from(std::array::from_fn(|i| {
            if i < rank { numbers.get(from + i).copied().unwrap_or(default[i]) } else { default[i] }
        }))
    };
    let spacing = list(&["elementspacing", "elementsize"], rank).map(|n| part(&n, 0, DVec3::ONE));
    let lengths_known = spacing.is_some();
    let spacing = spacing.unwrap_or_else(|| {
        doubts.push("ElementSpacing is missing: 1 mm is assumed, lengths are not known".into());
        DVec3::ONE
    });
    let origin = list(&["offset", "position", "origin"], rank).map(|n| part(&n, 0, DVec3::ZERO));
    let matrix = list(&["transformmatrix", "rotation", "orientation"], rank * rank);
    if origin.is_none() || matrix.is_none() {
        doubts.push(
            "the file does not tell how its volume lies in the patient: right, left and the rest are guesses"
                .into(),
        );
    }
    // The vectors of the axes, one after the other.
    let axis = |i: usize| match &matrix {
        Some(numbers) if i < rank => part(numbers, rank * i, DVec3::ZERO),
        _ => DVec3::AXES[i],
    };
    let matrix3 = DMat3::from_cols(axis(0) * spacing.x, axis(1) * spacing.y, axis(2) * spacing.z);
    let patient_from_voxel = DAffine3 { matrix3, translation: origin.unwrap_or(DVec3::ZERO) };
    let geometry =
        Geometry::new([sizes[0], sizes[1], sizes[2]], patient_from_voxel).map_err(|e| e.to_string())?;
    let local = data.eq_ignore_ascii_case("local");
    let skip = field(&["headersize"]).map_or(Some(0), |text| text.parse::<i64>().ok());
    let start = match (local, skip) {
        (true, _) => Start::At(at as u64),
        (false, Some(-1)) => Start::FromEnd,
        (false, skip) => {
            Start::At(skip.and_then(|n| u64::try_from(n).ok()).ok_or("HeaderSize is not a number")?)
        }
    };
    if !local && (data.contains('%') || data.to_uppercase().starts_with("LIST")) {
        return Err("its voxels are spread over several files, which is not read; write it as one".into());
    }
    Ok(Header {
        geometry,
        times: sizes[3],
        rescale: Rescale::IDENTITY,
        doubts,
        lengths_known,
        data: if local { path.to_owned() } else { text::beside(path, data)? },
        layout: Layout {
            samples,
            big_endian: yes(&["binarydatabyteordermsb", "elementbyteordermsb"]),
            compression: if yes(&["compresseddata"]) { Compression::Zlib } else { Compression::None },
            start,
        },
    })
}

pub fn write(out: &mut impl Write, volumes: &[&Volume], step_s: Option<f64>) -> std::io::Result<()> {
    let geometry = volumes[0].geometry();
    let kind = match volumes[0].voxels() {
        Voxels::U8(_) => "MET_UCHAR",
        Voxels::I16(_) => "MET_SHORT",
        Voxels::U16(_) => "MET_USHORT",
        Voxels::F32(_) => "MET_FLOAT",
    };
    let mut zlib = ZlibEncoder::new(Vec::new(), Level::fast());
    super::voxel_bytes(volumes, &mut zlib)?;
    let voxels = zlib.finish()?;
    let [nx, ny, nz] = geometry.dims();
    let several = volumes.len() > 1;
    // A fourth axis is that of time: by itself, from 0, in seconds or, where they are not known, in steps of 1.
    let vector = |v: DVec3, time: &str| {
        let text = text::joined(v).join(" ");
        if several { format!("{text} {time}") } else { text }
    };
    let [x, y, z] = geometry.direction().map(|axis| vector(axis, "0"));
    write!(
        out,
        "ObjectType = Image\nNDims = {}\nBinaryData = True\nBinaryDataByteOrderMSB = False\n\
         CompressedData = True\nCompressedDataSize = {}\nTransformMatrix = {x} {y} {z}{}\nOffset = {}\n\
         CenterOfRotation = {}\nElementSpacing = {}\nDimSize = {nx} {ny} {nz}{}\n\
         ElementType = {kind}\nElementDataFile = LOCAL\n",
        if several { 4 } else { 3 },
        voxels.len(),
        if several { " 0 0 0 1" } else { "" },
        vector(geometry.origin_mm(), "0"),
        vector(DVec3::ZERO, "0"),
        vector(geometry.spacing_mm(), &step_s.unwrap_or(1.0).to_string()),
        if several { format!(" {}", volumes.len()) } else { String::new() },
    )?;
    out.write_all(&voxels)
}
