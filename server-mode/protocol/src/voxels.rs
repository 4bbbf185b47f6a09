//! Voxels on their way to a client that draws them itself: a header, then chunks of rows.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// Bytes of a header.
pub const HEADER_BYTES: usize = 28;
/// Samples of a chunk take no more bytes, unless a single row does.
pub const CHUNK_BYTES: usize = 1 << 20;
/// Halvings that can be asked for.
pub const MAX_LEVEL: u8 = 4;

const MAGIC: [u8; 4] = *b"VXP1";
const CHUNK_HEADER_BYTES: usize = 8;
/// Deflate makes what it cannot make smaller no larger than this.
const fn most_deflated(bytes: usize) -> usize {
    bytes + bytes / 100 + 64
}

/// What a voxel is stored as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    U8,
    I16,
    U16,
    F32,
}

impl Kind {
    const ALL: [Self; 4] = [Self::U8, Self::I16, Self::U16, Self::F32];

    pub fn bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::F32 => 4,
        }
    }
}

/// Which voxels follow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Header {
    pub kind: Kind,
    /// How often the volume was halved.
    pub level: u8,
    /// Columns, rows and slices of what follows.
    pub dims: [u32; 3],
    /// PS3.3 C.11.1: value = stored * slope + intercept.
    pub slope: f32,
    pub intercept: f32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VoxelsError {
    #[error("these are no voxels")]
    Magic,
    #[error("the voxels' {0} is out of range")]
    Field(&'static str),
    #[error("the voxels ended after {0} of {1} rows")]
    Short(u64, u64),
    #[error("a chunk of voxels cannot be inflated, or holds more or less than it says")]
    Chunk,
}

impl Header {
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[0..4].copy_from_slice(&MAGIC);
        bytes[4] = self.kind as u8 + 1;
        bytes[5] = self.level;
        for (axis, n) in self.dims.iter().enumerate() {
            bytes[8 + 4 * axis..][..4].copy_from_slice(&n.to_le_bytes());
        }
        bytes[20..24].copy_from_slice(&self.slope.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.intercept.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8; HEADER_BYTES]) -> Result<Self, VoxelsError> {
        if bytes[0..4] != MAGIC {
            return Err(VoxelsError::Magic);
        }
        let word = |at: usize| [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
        let kind = Kind::ALL.into_iter().find(|&kind| kind as u8 + 1 == bytes[4]);
        let header = Self {
            kind: kind.ok_or(VoxelsError::Field("type"))?,
            level: bytes[5],
            dims: [8, 12, 16].map(|at| u32::from_le_bytes(word(at))),
            slope: f32::from_le_bytes(word(20)),
            intercept: f32::from_le_bytes(word(24)),
        };
        if header.level > MAX_LEVEL {
            return Err(VoxelsError::Field("level"));
        }
        if header.dims.iter().any(|&n| n == 0 || n > 65_535) {
            return Err(VoxelsError::Field("size"));
        }
        if !header.slope.is_finite() || !header.intercept.is_finite() || header.slope == 0.0 {
            return Err(VoxelsError::Field("rescale"));
        }
        Ok(header)
    }

    /// Rows of all slices.
    pub fn rows(&self) -> u64 {
        u64::from(self.dims[1]) * u64::from(self.dims[2])
    }

    /// Voxels of all rows; it may be more than the machine has addresses for.
    pub fn voxels(&self) -> u64 {
        self.rows() * u64::from(self.dims[0])
    }

    fn row_bytes(&self) -> usize {
        self.dims[0] as usize * self.kind.bytes()
    }

    /// Rows of a chunk that is as large as chunks get.
    pub fn chunk_rows(&self) -> usize {
        (CHUNK_BYTES / self.row_bytes()).max(1)
    }
}

/// A type that voxels are stored in, as bits of that many bytes.
pub trait Sample: Copy {
    const BYTES: usize;
    fn to_bits(self) -> u32;
    fn from_bits(bits: u32) -> Self;
}

macro_rules! integer_sample {
    ($($t:ty, $bits:ty);*) => {$(
        impl Sample for $t {
            const BYTES: usize = size_of::<$t>();
            #[inline(always)]
            fn to_bits(self) -> u32 {
                u32::from(self as $bits)
            }
            #[inline(always)]
            fn from_bits(bits: u32) -> Self {
                bits as $t
            }
        }
    )*};
}
integer_sample!(u8, u8; i16, u16; u16, u16);

impl Sample for f32 {
    const BYTES: usize = 4;
    #[inline(always)]
    fn to_bits(self) -> u32 {
        self.to_bits()
    }
    #[inline(always)]
    fn from_bits(bits: u32) -> Self {
        Self::from_bits(bits)
    }
}

/// The difference between neighbours, so that small ones of either sign are small numbers: 0, -1, 1, -2 …
#[inline(always)]
fn fold<T: Sample>(bits: u32, before: u32) -> u32 {
    let unused = 32 - 8 * T::BYTES as u32;
    let difference = (bits.wrapping_sub(before) << unused).cast_signed() >> unused;
    ((difference << 1) ^ (difference >> 31)).cast_unsigned()
}

#[inline(always)]
fn unfold<T: Sample>(folded: u32, before: u32) -> u32 {
    let difference = (folded >> 1) ^ (folded & 1).wrapping_neg();
    before.wrapping_add(difference) & (u32::MAX >> (32 - 8 * T::BYTES as u32))
}

/// Makes chunks of rows; it keeps its memory from one to the next.
#[derive(Debug)]
pub struct Encoder {
    deflate: Compress,
    planes: Vec<u8>,
}

impl Default for Encoder {
    fn default() -> Self {
        // The fastest: more effort saves 3 % of a chest CT for four times the time.
        Self { deflate: Compress::new(Compression::fast(), true), planes: Vec::new() }
    }
}

impl Encoder {
    /// A chunk of whole rows of so many columns.
    pub fn chunk<T: Sample>(&mut self, rows: &[T], columns: usize) -> Vec<u8> {
        self.planes.clear();
        self.planes.resize(rows.len() * T::BYTES, 0);
        let mut planes = self.planes.chunks_exact_mut(rows.len().max(1));
        let mut planes: [Option<&mut [u8]>; 4] = std::array::from_fn(|_| planes.next());
        for (start, row) in (0..).step_by(columns).zip(rows.chunks(columns)) {
            let mut before = 0;
            for (at, sample) in (start..).zip(row) {
                let bits = sample.to_bits();
                let folded = fold::<T>(bits, before).to_le_bytes();
                for (plane, byte) in planes[..T::BYTES].iter_mut().flatten().zip(folded) {
                    plane[at] = byte;
                }
                before = bits;
            }
        }
        self.deflate.reset();
        let mut chunk = Vec::with_capacity(CHUNK_HEADER_BYTES + most_deflated(self.planes.len()));
        chunk.extend(((rows.len() / columns) as u32).to_le_bytes());
        chunk.extend([0; 4]);
        // Never fails: the capacity is what stored blocks would take.
        let ended = self.deflate.compress_vec(&self.planes, &mut chunk, FlushCompress::Finish);
        debug_assert!(matches!(ended, Ok(Status::StreamEnd)));
        let bytes = (chunk.len() - CHUNK_HEADER_BYTES) as u32;
        chunk[4..8].copy_from_slice(&bytes.to_le_bytes());
        chunk
    }
}

/// Takes bytes as they come, and gives rows.
#[derive(Debug)]
pub struct Decoder {
    /// What came and was not read yet; less than a chunk after each reading.
    pending: Vec<u8>,
    header: Option<Header>,
    rows: u64,
    inflate: Decompress,
    planes: Vec<u8>,
}

impl Default for Decoder {
    fn default() -> Self {
        Self {
            pending: Vec::new(),
            header: None,
            rows: 0,
            inflate: Decompress::new(true),
            planes: Vec::new(),
        }
    }
}

impl Decoder {
    /// Bytes that came, in order. Read after each.
    pub fn push(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    /// What the voxels are, as soon as that is known. Whoever makes room for them checks their number first.
    pub fn header(&mut self) -> Result<Option<Header>, VoxelsError> {
        if self.header.is_none()
            && let Some(bytes) = self.pending.first_chunk::<HEADER_BYTES>()
        {
            self.header = Some(Header::decode(bytes)?);
            self.pending.drain(..HEADER_BYTES);
        }
        Ok(self.header)
    }

    /// Reads all chunks that are there into the voxels of the whole volume, which are of the header's type
    /// and number. Returns how many rows are there in all.
    pub fn read<T: Sample>(&mut self, voxels: &mut [T]) -> Result<u64, VoxelsError> {
        let Some(header) = self.header()? else { return Ok(0) };
        if T::BYTES != header.kind.bytes() || voxels.len() as u64 != header.voxels() {
            return Err(VoxelsError::Field("number"));
        }
        let columns = header.dims[0] as usize;
        let mut read = 0;
        while let Some((rows, deflated)) = next_chunk(&self.pending[read..], &header, self.rows)? {
            let count = rows as usize * columns;
            self.planes.clear();
            self.planes.reserve_exact(count * T::BYTES);
            self.inflate.reset(true);
            let ended = self.inflate.decompress_vec(deflated, &mut self.planes, FlushDecompress::Finish);
            let whole =
                self.planes.len() == count * T::BYTES && self.inflate.total_in() == deflated.len() as u64;
            if !matches!(ended, Ok(Status::StreamEnd)) || !whole {
                return Err(VoxelsError::Chunk);
            }
            let first = self.rows as usize * columns;
            join(&self.planes, &mut voxels[first..first + count], columns);
            self.rows += u64::from(rows);
            read += CHUNK_HEADER_BYTES + deflated.len();
        }
        self.pending.drain(..read);
        Ok(self.rows)
    }

    /// Nothing more comes: fails if rows are missing.
    pub fn finish(&self) -> Result<(), VoxelsError> {
        match self.header {
            Some(header) if header.rows() == self.rows && self.pending.is_empty() => Ok(()),
            Some(header) => Err(VoxelsError::Short(self.rows, header.rows())),
            None => Err(VoxelsError::Magic),
        }
    }
}

/// Rows and deflated bytes of a chunk that has come whole.
fn next_chunk<'a>(
    bytes: &'a [u8],
    header: &Header,
    rows_before: u64,
) -> Result<Option<(u32, &'a [u8])>, VoxelsError> {
    let Some((&[r0, r1, r2, r3, b0, b1, b2, b3], rest)) = bytes.split_first_chunk() else { return Ok(None) };
    let (rows, length) = (u32::from_le_bytes([r0, r1, r2, r3]), u32::from_le_bytes([b0, b1, b2, b3]));
    if rows == 0 || rows as usize > header.chunk_rows() || rows_before + u64::from(rows) > header.rows() {
        return Err(VoxelsError::Field("number of rows"));
    }
    if length as usize > most_deflated(rows as usize * header.row_bytes()) {
        return Err(VoxelsError::Field("length of a chunk"));
    }
    Ok(rest.get(..length as usize).map(|deflated| (rows, deflated)))
}

/// Puts the planes of a chunk together.
fn join<T: Sample>(planes: &[u8], voxels: &mut [T], columns: usize) {
    let count = voxels.len();
    let plane = |i: usize| planes.get(i * count..(i + 1) * count).unwrap_or_default();
    let [p0, p1, p2, p3] = [0, 1, 2, 3].map(plane);
    for (start, row) in (0..).step_by(columns).zip(voxels.chunks_mut(columns)) {
        let mut before = 0;
        for (at, voxel) in (start..).zip(row) {
            let folded = match T::BYTES {
                1 => u32::from(p0[at]),
                2 => u32::from(p0[at]) | u32::from(p1[at]) << 8,
                _ => u32::from_le_bytes([p0[at], p1[at], p2[at], p3[at]]),
            };
            before = unfold::<T>(folded, before);
            *voxel = T::from_bits(before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(kind: Kind, dims: [u32; 3]) -> Header {
        Header { kind, level: 0, dims, slope: 1.0, intercept: -1024.0 }
    }

    fn sent<T: Sample>(header: &Header, voxels: &[T]) -> Vec<u8> {
        let (columns, mut encoder) = (header.dims[0] as usize, Encoder::default());
        let chunks = voxels.chunks(header.chunk_rows() * columns);
        header.encode().into_iter().chain(chunks.flat_map(|rows| encoder.chunk(rows, columns))).collect()
    }

    fn comes_back<T: Sample + Default + PartialEq + std::fmt::Debug>(
        kind: Kind,
        dims: [u32; 3],
        voxel: impl Fn(u32) -> T,
    ) {
        let header = header(kind, dims);
        let voxels: Vec<T> = (0..header.voxels() as u32).map(voxel).collect();
        let bytes = sent(&header, &voxels);
        // By pieces that know nothing of chunks.
        for piece in [7, 1000, bytes.len()] {
            let (mut decoder, mut read) = (Decoder::default(), vec![T::default(); voxels.len()]);
            for bytes in bytes.chunks(piece) {
                decoder.push(bytes);
                decoder.read(&mut read).unwrap();
            }
            decoder.finish().unwrap();
            assert_eq!(decoder.header().unwrap(), Some(header));
            assert_eq!(read, voxels);
        }
    }

    #[test]
    fn voxels_of_every_type_come_back_as_they_were() {
        comes_back(Kind::U8, [5, 3, 2], |i| (i * 77) as u8);
        comes_back(Kind::I16, [7, 5, 3], |i| (i * 7919) as i16);
        comes_back(Kind::U16, [1, 4, 4], |i| (i * 20_011) as u16);
        comes_back(Kind::F32, [3, 2, 2], |i| i as f32 * -1.25e30);
        // More than one chunk.
        comes_back(Kind::I16, [1024, 600, 2], |i| (i % 1024) as i16 - 1000);
    }

    #[test]
    fn neighbours_that_differ_by_little_become_small_numbers() {
        let [before, next] = [-1i16, 0].map(Sample::to_bits);
        assert_eq!(
            [fold::<i16>(next, before), fold::<i16>(before, next), fold::<i16>(next, next)],
            [2, 1, 0]
        );
        assert_eq!(fold::<u8>(0, 255), 2);
        assert_eq!(fold::<i16>(i16::MIN.to_bits(), i16::MAX.to_bits()), 2);
        assert_eq!(fold::<f32>(0, 1), 1);
    }

    #[test]
    fn what_is_damaged_is_an_error_and_takes_no_memory() {
        let header = header(Kind::I16, [64, 64, 4]);
        let bytes = sent(&header, &vec![5i16; 64 * 64 * 4]);
        let refused = |bytes: &[u8]| {
            let (mut decoder, mut voxels) = (Decoder::default(), vec![0i16; 64 * 64 * 4]);
            decoder.push(bytes);
            decoder.read(&mut voxels).and_then(|_| decoder.finish()).unwrap_err()
        };
        let changed = |at: usize, to: u8| {
            let mut bytes = bytes.clone();
            bytes[at] = to;
            bytes
        };
        assert_eq!(refused(&bytes[..20]), VoxelsError::Magic);
        assert_eq!(refused(&bytes[..60]), VoxelsError::Short(0, 256));
        assert_eq!(refused(&changed(0, 0)), VoxelsError::Magic);
        assert_eq!(refused(&changed(4, 9)), VoxelsError::Field("type"));
        assert_eq!(refused(&changed(4, Kind::F32 as u8 + 1)), VoxelsError::Field("number"));
        assert_eq!(refused(&changed(5, 99)), VoxelsError::Field("level"));
        assert_eq!(refused(&changed(10, 1)), VoxelsError::Field("size"));
        assert_eq!(refused(&changed(29, 255)), VoxelsError::Field("number of rows"));
        assert_eq!(refused(&changed(35, 255)), VoxelsError::Field("length of a chunk"));
        let fewer = [&bytes[..28], &[255, 0], &bytes[30..]].concat();
        assert_eq!(refused(&fewer), VoxelsError::Chunk);
        assert_eq!(refused(&changed(bytes.len() - 1, 0)), VoxelsError::Chunk);
        assert_eq!(refused(&[&bytes[..], &[0; 8]].concat()), VoxelsError::Field("number of rows"));
    }
}
