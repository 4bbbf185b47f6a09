//! The header in front of every picture of `voxcast.v1`.

/// Bytes of a header.
pub const HEADER_BYTES: usize = 40;
const MAGIC: [u8; 4] = *b"VXF1";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Codec {
    Jpeg,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quality {
    /// A stand-in while the user moves.
    Interactive,
    Final,
}

/// What a picture shows and what it cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    pub codec: Codec,
    pub quality: Quality,
    pub view: u8,
    /// Width and height of the picture in pixels.
    pub size: [u16; 2],
    /// Counts the frames of this view from 1, wrapping.
    pub frame: u32,
    /// The newest `seq` that the frame shows.
    pub input_seq: u64,
    pub view_revision: u64,
    pub render_us: u32,
    pub encode_us: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    #[error("a frame has at least {HEADER_BYTES} bytes, this one has {0}")]
    Short(usize),
    #[error("the frame does not start with VXF1")]
    Magic,
    #[error("the frame's {0} is not one of this protocol")]
    Field(&'static str),
}

impl FrameHeader {
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[0..4].copy_from_slice(&MAGIC);
        bytes[4] = match self.codec {
            Codec::Jpeg => 1,
        };
        bytes[5] = match self.quality {
            Quality::Interactive => 0,
            Quality::Final => 1,
        };
        bytes[6] = self.view;
        bytes[8..10].copy_from_slice(&self.size[0].to_le_bytes());
        bytes[10..12].copy_from_slice(&self.size[1].to_le_bytes());
        bytes[12..16].copy_from_slice(&self.frame.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.input_seq.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.view_revision.to_le_bytes());
        bytes[32..36].copy_from_slice(&self.render_us.to_le_bytes());
        bytes[36..40].copy_from_slice(&self.encode_us.to_le_bytes());
        bytes
    }

    /// Splits a binary message into header and picture.
    pub fn decode(message: &[u8]) -> Result<(Self, &[u8]), FrameError> {
        let Some((header, picture)) = message.split_first_chunk::<HEADER_BYTES>() else {
            return Err(FrameError::Short(message.len()));
        };
        if header[0..4] != MAGIC {
            return Err(FrameError::Magic);
        }
        let codec = match header[4] {
            1 => Codec::Jpeg,
            _ => return Err(FrameError::Field("codec")),
        };
        let quality = match header[5] {
            0 => Quality::Interactive,
            1 => Quality::Final,
            _ => return Err(FrameError::Field("kind")),
        };
        let view = header[6];
        if usize::from(view) >= crate::MAX_VIEWS {
            return Err(FrameError::Field("view"));
        }
        let size = [u16_at(header, 8), u16_at(header, 10)];
        if size.contains(&0) || size.iter().any(|&n| u32::from(n) > crate::MAX_VIEW_SIZE) {
            return Err(FrameError::Field("size"));
        }
        let decoded = Self {
            codec,
            quality,
            view,
            size,
            frame: u32_at(header, 12),
            input_seq: u64_at(header, 16),
            view_revision: u64_at(header, 24),
            render_us: u32_at(header, 32),
            encode_us: u32_at(header, 36),
        };
        Ok((decoded, picture))
    }
}

fn u16_at(bytes: &[u8; HEADER_BYTES], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8; HEADER_BYTES], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}

fn u64_at(bytes: &[u8; HEADER_BYTES], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}
