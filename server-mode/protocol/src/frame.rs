//! Frames of `voxcast.v1`: a header, then the parts of the picture that have changed.

/// Bytes of a header.
pub const HEADER_BYTES: usize = 44;
pub const PART_BYTES: usize = 12;
const MAGIC: [u8; 4] = *b"VXF1";

/// How the parts of a frame are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Codec {
    Jpeg,
    Png,
    /// One part, the whole picture: an access unit with start codes (Annex B).
    H264,
    /// The same in HEVC.
    Hevc,
    /// One part, the whole picture: a temporal unit of OBUs that tell their sizes.
    Av1,
    WebP,
}

impl Codec {
    /// As in `accept`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "jpeg",
            Self::Png => "png",
            Self::H264 => "h264",
            Self::Hevc => "hevc",
            Self::Av1 => "av1",
            Self::WebP => "webp",
        }
    }

    /// Whether its pictures build on each other.
    pub fn is_video(self) -> bool {
        matches!(self, Self::H264 | Self::Hevc | Self::Av1)
    }
}

/// How near a picture is to what the renderer drew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quality {
    /// A stand-in while the user moves.
    Interactive,
    /// In full resolution, compressed with loss.
    Final,
    /// Equal in every pixel.
    Lossless,
}

/// What a picture shows and what it cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    pub codec: Codec,
    pub quality: Quality,
    pub view: u8,
    /// Whether the picture is black before the parts are painted.
    pub cleared: bool,
    /// Whether the picture before is stretched to this one's size before the parts are painted.
    pub stretched: bool,
    /// Whether a video begins anew with this frame.
    pub key: bool,
    /// Width and height of the picture in pixels.
    pub size: [u16; 2],
    /// Counts the frames of this view from 1, wrapping.
    pub frame: u32,
    /// The newest `seq` that the frame shows.
    pub input_seq: u64,
    pub view_revision: u64,
    pub render_us: u32,
    pub encode_us: u32,
    /// XXH32 of the whole picture's RGBA bytes, row by row from the top, where it is lossless; else 0.
    pub hash: u32,
}

/// A rectangle of the picture that replaces what was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// Column and row of its top left pixel.
    pub at: [u16; 2],
    /// Width and height in pixels.
    pub size: [u16; 2],
    pub bytes: &'a [u8],
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
    #[error("a part of the frame ends beyond the frame")]
    Part,
}

/// The codes of an enum's variants on the wire, by their order.
const CODECS: [(u8, Codec); 6] = [
    (1, Codec::Jpeg),
    (2, Codec::Png),
    (3, Codec::H264),
    (4, Codec::Hevc),
    (5, Codec::Av1),
    (6, Codec::WebP),
];
const QUALITIES: [(u8, Quality); 3] =
    [(0, Quality::Interactive), (1, Quality::Final), (2, Quality::Lossless)];

fn code_of<T: PartialEq>(codes: &[(u8, T)], value: &T) -> u8 {
    codes.iter().find(|(_, known)| known == value).map_or(0, |(code, _)| *code)
}

fn named<T: Copy>(codes: &[(u8, T)], code: u8, field: &'static str) -> Result<T, FrameError> {
    codes.iter().find(|(known, _)| *known == code).map(|(_, value)| *value).ok_or(FrameError::Field(field))
}

impl FrameHeader {
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[0..4].copy_from_slice(&MAGIC);
        bytes[4] = code_of(&CODECS, &self.codec);
        bytes[5] = code_of(&QUALITIES, &self.quality);
        bytes[6] = self.view;
        bytes[7] = u8::from(self.cleared) | u8::from(self.key) << 1 | u8::from(self.stretched) << 2;
        bytes[8..10].copy_from_slice(&self.size[0].to_le_bytes());
        bytes[10..12].copy_from_slice(&self.size[1].to_le_bytes());
        bytes[12..16].copy_from_slice(&self.frame.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.input_seq.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.view_revision.to_le_bytes());
        bytes[32..36].copy_from_slice(&self.render_us.to_le_bytes());
        bytes[36..40].copy_from_slice(&self.encode_us.to_le_bytes());
        bytes[40..44].copy_from_slice(&self.hash.to_le_bytes());
        bytes
    }

    /// Splits a binary message into header and parts, which all lie inside the picture.
    pub fn decode(message: &[u8]) -> Result<(Self, Vec<Part<'_>>), FrameError> {
        let Some((header, body)) = message.split_first_chunk::<HEADER_BYTES>() else {
            return Err(FrameError::Short(message.len()));
        };
        if header[0..4] != MAGIC {
            return Err(FrameError::Magic);
        }
        let codec = named(&CODECS, header[4], "codec")?;
        let quality = named(&QUALITIES, header[5], "kind")?;
        let view = header[6];
        if usize::from(view) >= crate::MAX_VIEWS {
            return Err(FrameError::Field("view"));
        }
        let size = [u16_at(header, 8), u16_at(header, 10)];
        let pixels = u64::from(size[0]) * u64::from(size[1]);
        if pixels == 0
            || pixels > crate::MAX_LAYOUT_PIXELS
            || size.iter().any(|&n| u32::from(n) > crate::MAX_VIEW_SIZE)
        {
            return Err(FrameError::Field("size"));
        }
        let flags = header[7];
        if flags > 7 || flags & 5 == 5 {
            return Err(FrameError::Field("flags"));
        }
        let decoded = Self {
            codec,
            quality,
            view,
            cleared: flags & 1 != 0,
            stretched: flags & 4 != 0,
            key: flags & 2 != 0,
            size,
            frame: u32_at(header, 12),
            input_seq: u64_at(header, 16),
            view_revision: u64_at(header, 24),
            render_us: u32_at(header, 32),
            encode_us: u32_at(header, 36),
            hash: u32_at(header, 40),
        };
        Ok((decoded, parts(body, size)?))
    }
}

/// Appends a part to a frame's message, its bytes written by `encode`. Nothing is appended where that fails.
pub fn append_part<E>(
    message: &mut Vec<u8>,
    at: [u16; 2],
    size: [u16; 2],
    encode: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    let start = message.len();
    message.extend([at, size].as_flattened().iter().flat_map(|n| n.to_le_bytes()));
    message.extend([0; 4]);
    let encoded = encode(message);
    if encoded.is_err() {
        message.truncate(start);
    } else {
        let body = start + PART_BYTES;
        // A part has at most 16 million pixels, so its bytes are far fewer than 4 thousand million.
        let length = u32::try_from(message.len() - body).unwrap_or(u32::MAX);
        message[body - 4..body].copy_from_slice(&length.to_le_bytes());
    }
    encoded
}

fn parts(mut body: &[u8], size: [u16; 2]) -> Result<Vec<Part<'_>>, FrameError> {
    let mut parts = Vec::new();
    while !body.is_empty() {
        let (head, rest) = body.split_first_chunk::<PART_BYTES>().ok_or(FrameError::Part)?;
        let (bytes, rest) = rest.split_at_checked(u32_at(head, 8) as usize).ok_or(FrameError::Part)?;
        let part =
            Part { at: [u16_at(head, 0), u16_at(head, 2)], size: [u16_at(head, 4), u16_at(head, 6)], bytes };
        let fits = (0..2).all(|i| u32::from(part.at[i]) + u32::from(part.size[i]) <= u32::from(size[i]));
        if part.size.contains(&0) || !fits {
            return Err(FrameError::Field("part"));
        }
        parts.push(part);
        body = rest;
    }
    Ok(parts)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}
