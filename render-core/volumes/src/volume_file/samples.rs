//! Stored numbers of any kind to voxels.

use std::io::Read;
use std::sync::Arc;

use crate::volume::Voxels;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Samples {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F32,
    F64,
}

const CHUNK: usize = 1 << 15;

impl Samples {
    pub fn bytes(self) -> u64 {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }

    /// Reads `count` numbers. Those of more than 16 bits become floats.
    pub fn read(self, stream: &mut dyn Read, count: usize, big_endian: bool) -> std::io::Result<Voxels> {
        macro_rules! voxels {
            ($number:ty as $voxel:ty, $wrap:path) => {{
                const N: usize = size_of::<$number>();
                let read = |bytes: [u8; N]| {
                    let number = if big_endian {
                        <$number>::from_be_bytes(bytes)
                    } else {
                        <$number>::from_le_bytes(bytes)
                    };
                    number as $voxel
                };
                $wrap(numbers::<$voxel, N>(stream, count, read)?)
            }};
        }
        Ok(match self {
            Self::U8 => voxels!(u8 as u8, Voxels::U8),
            Self::I8 => voxels!(i8 as i16, Voxels::I16),
            Self::U16 => voxels!(u16 as u16, Voxels::U16),
            Self::I16 => voxels!(i16 as i16, Voxels::I16),
            Self::U32 => voxels!(u32 as f32, Voxels::F32),
            Self::I32 => voxels!(i32 as f32, Voxels::F32),
            Self::U64 => voxels!(u64 as f32, Voxels::F32),
            Self::I64 => voxels!(i64 as f32, Voxels::F32),
            Self::F32 => voxels!(f32 as f32, Voxels::F32),
            Self::F64 => voxels!(f64 as f32, Voxels::F32),
        })
    }
}

fn numbers<T: Copy + Default, const N: usize>(
    stream: &mut dyn Read,
    count: usize,
    read: impl Fn([u8; N]) -> T,
) -> std::io::Result<Arc<[T]>> {
    let mut voxels: Arc<[T]> = std::iter::repeat_n(T::default(), count).collect();
    let mut bytes = vec![0; CHUNK * N];
    for chunk in Arc::get_mut(&mut voxels).expect("nobody else has it yet").chunks_mut(CHUNK) {
        let bytes = &mut bytes[..chunk.len() * N];
        stream.read_exact(bytes)?;
        chunk.iter_mut().zip(bytes.as_chunks::<N>().0).for_each(|(voxel, &bytes)| *voxel = read(bytes));
    }
    Ok(voxels)
}
