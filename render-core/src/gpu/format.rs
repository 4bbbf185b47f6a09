//! How voxels are stored in textures, and how a shader gets at them.

use std::borrow::Cow;

use super::cut::{Cut, Piece};
use crate::volume::Voxels;

/// A texture format for voxels. Where the card can, integers are stored so that the texture unit may
/// interpolate them; an exact load gets every integer back, because a load is off by much less than
/// half a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Format {
    /// `u8` as 0 to 1.
    Norm8,
    /// `u16` as 0 to 1.
    Norm16,
    /// `i16` plus 32768 as 0 to 1. A signed format would not tell -32768 from -32767.
    OffsetNorm16,
    Uint16,
    Sint16,
    /// Whether the texture unit can interpolate floats differs.
    Float32 {
        filterable: bool,
    },
}

impl Format {
    pub(super) fn of(voxels: &Voxels, features: wgpu::Features) -> Self {
        let norm = features.contains(wgpu::Features::TEXTURE_FORMAT_16BIT_NORM);
        match voxels {
            Voxels::U8(_) => Self::Norm8,
            Voxels::U16(_) if norm => Self::Norm16,
            Voxels::U16(_) => Self::Uint16,
            Voxels::I16(_) if norm => Self::OffsetNorm16,
            Voxels::I16(_) => Self::Sint16,
            Voxels::F32(_) => {
                Self::Float32 { filterable: features.contains(wgpu::Features::FLOAT32_FILTERABLE) }
            }
        }
    }

    pub(super) fn texture(self) -> wgpu::TextureFormat {
        match self {
            Self::Norm8 => wgpu::TextureFormat::R8Unorm,
            Self::Norm16 | Self::OffsetNorm16 => wgpu::TextureFormat::R16Unorm,
            Self::Uint16 => wgpu::TextureFormat::R16Uint,
            Self::Sint16 => wgpu::TextureFormat::R16Sint,
            Self::Float32 { .. } => wgpu::TextureFormat::R32Float,
        }
    }

    pub(super) fn bytes_per_voxel(self) -> u64 {
        match self {
            Self::Norm8 => 1,
            Self::Norm16 | Self::OffsetNorm16 | Self::Uint16 | Self::Sint16 => 2,
            Self::Float32 { .. } => 4,
        }
    }

    /// Whether the texture unit can interpolate.
    pub(super) fn is_filterable(self) -> bool {
        match self {
            Self::Norm8 | Self::Norm16 | Self::OffsetNorm16 => true,
            Self::Uint16 | Self::Sint16 => false,
            Self::Float32 { filterable } => filterable,
        }
    }

    pub(super) fn sample_type(self) -> wgpu::TextureSampleType {
        match self {
            Self::Uint16 => wgpu::TextureSampleType::Uint,
            Self::Sint16 => wgpu::TextureSampleType::Sint,
            _ => wgpu::TextureSampleType::Float { filterable: self.is_filterable() },
        }
    }

    /// The start of a shader that reads volumes of this format in so many pieces: what `voxels.wgsl`
    /// builds on.
    pub(super) fn shader_head(self, pieces: u32) -> String {
        let (scalar, exact, smooth) = match self {
            Self::Norm8 => ("f32", "round(t * 255.0)", "t * 255.0"),
            Self::Norm16 => ("f32", "round(t * 65535.0)", "t * 65535.0"),
            Self::OffsetNorm16 => ("f32", "round(t * 65535.0) - 32768.0", "t * 65535.0 - 32768.0"),
            Self::Uint16 => ("u32", "f32(t)", ""),
            Self::Sint16 => ("i32", "f32(t)", ""),
            Self::Float32 { .. } => ("f32", "t", "t"),
        };
        let textures: String = (0..pieces)
            .map(|i| {
                let binding = FIRST_TEXTURE + i;
                format!("@group(0) @binding({binding}) var voxels{i}: texture_3d<{scalar}>;\n")
            })
            .collect();
        // The first piece is the default, so that every path returns.
        let choice = |load: &dyn Fn(u32) -> String| {
            let cases: String =
                (1..pieces).map(|i| format!("        case {i}u: {{ t = {}; }}\n", load(i))).collect();
            let default = load(0);
            format!("    switch piece {{\n{cases}        default: {{ t = {default}; }}\n    }}\n")
        };
        let load = choice(&|i| format!("textureLoad(voxels{i}, at, 0).r"));
        let mut head = format!(
            "const PIECES: u32 = {pieces}u;\n{textures}\
             fn texel(piece: u32, at: vec3<i32>) -> f32 {{\n    var t: {scalar};\n{load}    return {exact};\n}}\n"
        );
        if self.is_filterable() {
            let sample = choice(&|i| {
                format!(
                    "textureSampleLevel(voxels{i}, linear, \
                     (at + 0.5) / vec3<f32>(textureDimensions(voxels{i})), 0.0).r"
                )
            });
            head += &format!(
                "@group(0) @binding({SAMPLER}) var linear: sampler;\n\
                 fn filtered(piece: u32, at: vec3<f32>) -> f32 {{\n    var t: f32;\n{sample}    return {smooth};\n}}\n"
            );
        }
        head
    }
}

/// Bindings of the volume's group; 0 is the grid.
pub(super) const SAMPLER: u32 = 1;
pub(super) const FIRST_TEXTURE: u32 = 2;

/// The bytes of slices `slices` (counted in the piece) of a piece, rows without gaps.
pub(super) fn piece_bytes<'a>(
    voxels: &'a Voxels,
    format: Format,
    cut: &Cut,
    piece: &Piece,
    slices: std::ops::Range<u32>,
) -> Cow<'a, [u8]> {
    match voxels {
        Voxels::U8(v) => gather(v, cut, piece, slices),
        Voxels::U16(v) => gather(v, cut, piece, slices),
        Voxels::F32(v) => gather(v, cut, piece, slices),
        Voxels::I16(v) if format == Format::OffsetNorm16 => {
            let mut bytes = gather(v, cut, piece, slices).into_owned();
            // Flipping the sign bit adds 32768. Bytes are in this machine's order.
            for unit in bytes.chunks_exact_mut(2) {
                let flipped = u16::from_ne_bytes([unit[0], unit[1]]) ^ 0x8000;
                unit.copy_from_slice(&flipped.to_ne_bytes());
            }
            Cow::Owned(bytes)
        }
        Voxels::I16(v) => gather(v, cut, piece, slices),
    }
}

fn gather<'a, T: bytemuck::Pod>(
    voxels: &'a [T],
    cut: &Cut,
    piece: &Piece,
    slices: std::ops::Range<u32>,
) -> Cow<'a, [u8]> {
    let [columns, rows, _] = cut.dims.map(|n| n as usize);
    let [width, height, _] = piece.size.map(|n| n as usize);
    let [x, y, z] = piece.first.map(|n| n as usize);
    let slices = z + slices.start as usize..z + slices.end as usize;
    if (width, height) == (columns, rows) {
        let plane = columns * rows;
        return Cow::Borrowed(bytemuck::cast_slice(&voxels[slices.start * plane..slices.end * plane]));
    }
    let mut bytes = Vec::with_capacity(slices.len() * height * width * size_of::<T>());
    for slice in slices {
        for row in y..y + height {
            let start = (slice * rows + row) * columns + x;
            bytes.extend_from_slice(bytemuck::cast_slice(&voxels[start..start + width]));
        }
    }
    Cow::Owned(bytes)
}
