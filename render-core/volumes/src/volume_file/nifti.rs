//! NIfTI-1 and NIfTI-2 (nifti.nimh.nih.gov). Their space is RAS: x and y change sign.

use std::io::{Read, Write};
use std::path::Path;

use flate2::Compression as Level;
use flate2::write::GzEncoder;
use glam::{DAffine3, DMat3, DQuat, DVec3};

use super::samples::Samples;
use super::{Compression, Header, Layout, Start};
use crate::geometry::Geometry;
use crate::volume::{Rescale, Volume, Voxels};

const HEADER_1: usize = 348;
const HEADER_2: usize = 540;
/// Header, and four bytes that say that nothing follows it.
const DATA_1: usize = HEADER_1 + 4;
const LPS_FROM_RAS: DVec3 = DVec3::new(-1.0, -1.0, 1.0);

/// Fields of a header whose numbers may be of either byte order.
struct Fields<'a> {
    bytes: &'a [u8],
    big_endian: bool,
}

impl Fields<'_> {
    fn take<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut bytes = [0; N];
        bytes.copy_from_slice(&self.bytes[at..at + N]);
        if self.big_endian {
            bytes.reverse();
        }
        bytes
    }

    fn i16(&self, at: usize) -> i64 {
        i64::from(i16::from_le_bytes(self.take(at)))
    }

    fn i32(&self, at: usize) -> i64 {
        i64::from(i32::from_le_bytes(self.take(at)))
    }

    fn i64(&self, at: usize) -> i64 {
        i64::from_le_bytes(self.take(at))
    }

    fn f32(&self, at: usize) -> f64 {
        f64::from(f32::from_le_bytes(self.take(at)))
    }

    fn f64(&self, at: usize) -> f64 {
        f64::from_le_bytes(self.take(at))
    }
}

/// What both versions say.
struct Stated {
    dim: [i64; 8],
    datatype: i64,
    pixdim: [f64; 8],
    offset: f64,
    /// Bytes of the header and of the four after it.
    first_voxel: usize,
    slope: f64,
    intercept: f64,
    units: i64,
    codes: [i64; 2],
    quaternion: [f64; 6],
    rows: [[f64; 4]; 3],
}

pub fn header(path: &Path) -> Result<Header, String> {
    let mut start = [0; 2];
    let mut bytes = Vec::new();
    let mut file = std::io::BufReader::new(super::open(path)?);
    let read = |e: std::io::Error| super::io_reason(&e);
    file.read_exact(&mut start).map_err(read)?;
    let compressed = start == [0x1F, 0x8B];
    let stream = start.as_slice().chain(file);
    if compressed {
        flate2::read::MultiGzDecoder::new(stream).take(HEADER_2 as u64).read_to_end(&mut bytes)
    } else {
        stream.take(HEADER_2 as u64).read_to_end(&mut bytes)
    }
    .map_err(read)?;
    let (stated, big_endian) = stated(&bytes)?;
    let compression = if compressed { Compression::Gzip } else { Compression::None };
    header_of(path, &stated, big_endian, compression)
}

fn stated(bytes: &[u8]) -> Result<(Stated, bool), String> {
    let not = || "not a NIfTI file: its header has neither 348 nor 540 bytes".to_owned();
    let size: [u8; 4] = bytes.get(..4).and_then(|b| b.try_into().ok()).ok_or_else(not)?;
    let sizes = [u32::from_le_bytes(size), u32::from_be_bytes(size)].map(|n| n as usize);
    let big_endian = match sizes {
        [HEADER_1 | HEADER_2, _] => false,
        [_, HEADER_1 | HEADER_2] => true,
        _ => return Err(not()),
    };
    let length = sizes[usize::from(big_endian)];
    if bytes.len() < length {
        return Err("it ends inside its header".into());
    }
    let f = Fields { bytes, big_endian };
    if length == HEADER_2 {
        return Ok((
            Stated {
                dim: std::array::from_fn(|i| f.i64(16 + 8 * i)),
                datatype: f.i16(12),
                pixdim: std::array::from_fn(|i| f.f64(104 + 8 * i)),
                offset: f.i64(168) as f64,
                first_voxel: HEADER_2 + 4,
                slope: f.f64(176),
                intercept: f.f64(184),
                units: f.i32(500),
                codes: [f.i32(344), f.i32(348)],
                quaternion: std::array::from_fn(|i| f.f64(352 + 8 * i)),
                rows: std::array::from_fn(|r| std::array::from_fn(|c| f.f64(400 + 32 * r + 8 * c))),
            },
            big_endian,
        ));
    }
    if &bytes[344..347] == b"ni1" {
        return Err(
            "its voxels are in an .img file of their own, which is not read; convert it to .nii".into()
        );
    }
    Ok((
        Stated {
            dim: std::array::from_fn(|i| f.i16(40 + 2 * i)),
            datatype: f.i16(70),
            pixdim: std::array::from_fn(|i| f.f32(76 + 4 * i)),
            offset: f.f32(108),
            first_voxel: DATA_1,
            slope: f.f32(112),
            intercept: f.f32(116),
            units: i64::from(bytes[123]),
            codes: [f.i16(252), f.i16(254)],
            quaternion: std::array::from_fn(|i| f.f32(256 + 4 * i)),
            rows: std::array::from_fn(|r| std::array::from_fn(|c| f.f32(280 + 16 * r + 4 * c))),
        },
        big_endian,
    ))
}

fn header_of(path: &Path, s: &Stated, big_endian: bool, compression: Compression) -> Result<Header, String> {
    let rank = usize::try_from(s.dim[0]).ok().filter(|n| (1..=7).contains(n));
    let rank =
        rank.ok_or_else(|| format!("dim[0] of its header says that it has {} dimensions", s.dim[0]))?;
    let size = |i: usize| if i <= rank { u32::try_from(s.dim[i]).unwrap_or(0) } else { 1 };
    if (5..=rank).any(|i| s.dim[i] > 1) {
        return Err("it holds vectors or more than four dimensions, which cannot be shown".into());
    }
    let samples = match s.datatype {
        2 => Samples::U8,
        4 => Samples::I16,
        8 => Samples::I32,
        16 => Samples::F32,
        64 => Samples::F64,
        256 => Samples::I8,
        512 => Samples::U16,
        768 => Samples::U32,
        1024 => Samples::I64,
        1280 => Samples::U64,
        other => {
            return Err(format!("its datatype {other} (colours, complex or long numbers) cannot be shown"));
        }
    };
    let mut doubts = Vec::new();
    let mm = match s.units & 7 {
        1 => 1000.0,
        3 => 0.001,
        _ => 1.0,
    };
    let steps = DVec3::from(std::array::from_fn(|i| match s.pixdim[i + 1].abs() {
        step if step > 0.0 && step.is_finite() => step,
        _ => 1.0,
    }));
    let ras_from_voxel = if s.codes[1] > 0 {
        let column = |c: usize| DVec3::from(std::array::from_fn(|r| s.rows[r][c]));
        DAffine3 { matrix3: DMat3::from_cols(column(0), column(1), column(2)), translation: column(3) }
    } else if s.codes[0] > 0 {
        let [b, c, d, x, y, z] = s.quaternion;
        // A unit quaternion is told by its last three numbers.
        let a = (1.0 - b * b - c * c - d * d).max(0.0).sqrt();
        let flip = if s.pixdim[0] < 0.0 { -1.0 } else { 1.0 };
        let rotation = DMat3::from_quat(DQuat::from_xyzw(b, c, d, a).normalize());
        DAffine3 {
            matrix3: rotation * DMat3::from_diagonal(steps * DVec3::new(1.0, 1.0, flip)),
            translation: DVec3::new(x, y, z),
        }
    } else {
        doubts.push(
            "the file does not tell how its volume lies in the patient: right, left and the rest are guesses"
                .into(),
        );
        DAffine3::from_scale(steps)
    };
    if s.codes[1] > 0 {
        let stated = DVec3::from(std::array::from_fn(|i| s.pixdim[i + 1].abs()));
        let m = ras_from_voxel.matrix3;
        let lengths = DVec3::new(m.x_axis.length(), m.y_axis.length(), m.z_axis.length());
        // Also where pixdim is no number.
        if !(0..3.min(rank)).all(|i| (stated[i] - lengths[i]).abs() <= 0.01 * lengths[i]) {
            doubts.push(format!(
                "its pixdim says that voxels are {} apart, its sform (srow_x, srow_y, srow_z) {}: the sform's distances \
                 are used",
                apart(stated),
                apart(lengths)
            ));
        }
    }
    let to_lps_mm = DAffine3::from_scale(LPS_FROM_RAS * mm);
    let geometry =
        Geometry::new([size(1), size(2), size(3)], to_lps_mm * ras_from_voxel).map_err(|e| e.to_string())?;
    let (slope, intercept) = (s.slope as f32, s.intercept as f32);
    let scaled = slope != 0.0 && slope.is_finite() && intercept.is_finite();
    if slope != 0.0 && !scaled {
        doubts.push("its scaling is no finite number: the values are shown as they are stored".into());
    }
    // 0 stands for the first byte that may hold voxels.
    let start = s.offset.max(s.first_voxel as f64) as u64;
    if s.offset != 0.0 && (s.offset.is_nan() || s.offset < s.first_voxel as f64) {
        doubts.push("it says that its voxels begin inside its header: they are read from behind it".into());
    }
    Ok(Header {
        geometry,
        times: size(4).max(1),
        rescale: if scaled { Rescale { slope, intercept } } else { Rescale::IDENTITY },
        doubts,
        lengths_known: s.codes[1] > 0 || s.pixdim[1..4].iter().all(|&step| step.abs() > 0.0),
        data: path.to_owned(),
        layout: Layout {
            samples,
            big_endian,
            compression,
            start: if compression == Compression::None { Start::At(start) } else { Start::Inside(start) },
        },
    })
}

fn apart(lengths: DVec3) -> String {
    lengths.to_array().map(|n| format!("{n:.4}")).join(" x ")
}

/// NIfTI-1, as `scl_slope` and `scl_inter` keep integers exact.
pub fn write(
    out: &mut impl Write,
    volumes: &[&Volume],
    step_s: Option<f64>,
    compressed: bool,
) -> std::io::Result<()> {
    let header = header_bytes(volumes[0], volumes.len() as u32, step_s);
    if !compressed {
        out.write_all(&header)?;
        return super::voxel_bytes(volumes, out);
    }
    let mut gzip = GzEncoder::new(out, Level::fast());
    gzip.write_all(&header)?;
    super::voxel_bytes(volumes, &mut gzip)?;
    gzip.finish().map(|_| ())
}

fn header_bytes(volume: &Volume, times: u32, step_s: Option<f64>) -> [u8; DATA_1] {
    let geometry = volume.geometry();
    let mut bytes = [0; DATA_1];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    let short = |n: u32| (n.min(i16::MAX as u32) as i16).to_le_bytes();
    let float = |n: f64| (n as f32).to_le_bytes();
    put(0, &(HEADER_1 as i32).to_le_bytes());
    let [nx, ny, nz] = geometry.dims();
    let rank = if times > 1 { 4 } else { 3 };
    for (i, n) in [rank, nx, ny, nz, times, 1, 1, 1].into_iter().enumerate() {
        put(40 + 2 * i, &short(n));
    }
    let (datatype, bits) = match volume.voxels() {
        Voxels::U8(_) => (2, 8),
        Voxels::I16(_) => (4, 16),
        Voxels::U16(_) => (512, 16),
        Voxels::F32(_) => (16, 32),
    };
    put(70, &short(datatype));
    put(72, &short(bits));
    let ras_from_voxel = DAffine3::from_scale(LPS_FROM_RAS) * geometry.patient_from_voxel();
    let steps = geometry.spacing_mm();
    let axes = DMat3::from_cols(
        ras_from_voxel.matrix3.x_axis / steps.x,
        ras_from_voxel.matrix3.y_axis / steps.y,
        ras_from_voxel.matrix3.z_axis / steps.z,
    );
    let flip = axes.determinant().signum();
    let rotation = axes * DMat3::from_diagonal(DVec3::new(1.0, 1.0, flip));
    // A quaternion cannot tell a sheared grid.
    let orthogonal = (rotation.transpose() * rotation).abs_diff_eq(DMat3::IDENTITY, 1e-6);
    // Where the distance of times is not known: 0 would be refused by some readers.
    for (i, step) in [flip, steps.x, steps.y, steps.z, step_s.unwrap_or(1.0)].into_iter().enumerate() {
        put(76 + 4 * i, &float(step));
    }
    put(108, &(DATA_1 as f32).to_le_bytes());
    put(112, &volume.rescale().slope.to_le_bytes());
    put(116, &volume.rescale().intercept.to_le_bytes());
    // Millimetres, and seconds where they are known.
    put(123, &[if step_s.is_some() { 2 | 8 } else { 2 }]);
    put(148, b"Voxcast");
    put(252, &short(u32::from(orthogonal)));
    put(254, &short(1));
    let q = DQuat::from_mat3(&rotation);
    let q = if q.w < 0.0 { -q } else { q };
    let origin = ras_from_voxel.translation;
    if orthogonal {
        for (i, n) in [q.x, q.y, q.z, origin.x, origin.y, origin.z].into_iter().enumerate() {
            put(256 + 4 * i, &float(n));
        }
    }
    let m = ras_from_voxel.matrix3;
    for (row, place) in origin.to_array().into_iter().enumerate() {
        for (column, n) in [m.x_axis[row], m.y_axis[row], m.z_axis[row], place].into_iter().enumerate() {
            put(280 + 16 * row + 4 * column, &float(n));
        }
    }
    put(344, b"n+1\0");
    bytes
}
