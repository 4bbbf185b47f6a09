//! The values of a slice view: a header, then a PNG with their bytes.

use crate::frame::FrameError;

/// Bytes of a header.
pub const HEADER_BYTES: usize = 20;
const MAGIC: [u8; 4] = *b"VXV1";

/// Which view the values are of, and how they become grey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValuesHeader {
    pub view: u8,
    /// Small values are bright.
    pub inverted: bool,
    /// The window's function is LINEAR_EXACT (DICOM PS3.3, C.11.2.1.3.2), else LINEAR.
    pub linear_exact: bool,
    /// Width and height of the view in pixels.
    pub size: [u16; 2],
    /// The state of the view that they belong to.
    pub view_revision: u64,
}

impl ValuesHeader {
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[0..4].copy_from_slice(&MAGIC);
        bytes[4] = self.view;
        bytes[5] = u8::from(self.inverted) | u8::from(self.linear_exact) << 1;
        bytes[8..10].copy_from_slice(&self.size[0].to_le_bytes());
        bytes[10..12].copy_from_slice(&self.size[1].to_le_bytes());
        bytes[12..20].copy_from_slice(&self.view_revision.to_le_bytes());
        bytes
    }

    /// Whether a binary message is of values, rather than a frame.
    pub fn begins(message: &[u8]) -> bool {
        message.starts_with(&MAGIC)
    }

    /// Splits a binary message into header and PNG.
    pub fn decode(message: &[u8]) -> Result<(Self, &[u8]), FrameError> {
        let Some((header, png)) = message.split_first_chunk::<HEADER_BYTES>() else {
            return Err(FrameError::Short(message.len()));
        };
        let [m0, m1, m2, m3, view, flags, _, _, w0, w1, h0, h1, revision @ ..] = *header;
        if [m0, m1, m2, m3] != MAGIC {
            return Err(FrameError::Magic);
        }
        if usize::from(view) >= crate::MAX_VIEWS {
            return Err(FrameError::Field("view"));
        }
        if flags > 3 {
            return Err(FrameError::Field("flags"));
        }
        let size = [u16::from_le_bytes([w0, w1]), u16::from_le_bytes([h0, h1])];
        let fits = size.iter().all(|&n| (1..=crate::MAX_VIEW_SIZE).contains(&u32::from(n)));
        if !fits || u32::from(size[1]) > MAX_ROWS || u64::from(size[0]) * u64::from(size[1]) > MAX_PIXELS {
            return Err(FrameError::Field("size"));
        }
        let view_revision = u64::from_le_bytes(revision);
        let (inverted, linear_exact) = (flags & 1 != 0, flags & 2 != 0);
        Ok((Self { view, inverted, linear_exact, size, view_revision }, png))
    }
}

/// Views with more pixels have none.
pub const MAX_PIXELS: u64 = 4 << 20;
/// Views with more rows have none: the PNG is four times as high, and browsers have limits.
pub const MAX_ROWS: u32 = 4096;
