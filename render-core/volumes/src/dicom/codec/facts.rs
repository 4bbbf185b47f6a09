//! What a codestream says about itself, read without decoding it.

/// Facts of a JPEG, JPEG-LS, JPEG 2000 or JPEG XL codestream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Facts {
    pub coding: Coding,
    pub columns: usize,
    pub rows: usize,
    pub components: usize,
    /// Bits per sample.
    pub bits: u16,
    /// Samples come out plane by plane.
    pub planar: bool,
    /// Decoded values may differ from those that were encoded.
    pub lossy: bool,
    /// Whether the three components are a transform of red, green and blue; `None` if it does not say.
    pub transformed: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// Discrete cosine transform: baseline, extended, progressive.
    Jpeg,
    /// Predictors of JPEG, process 14.
    JpegLossless,
    JpegLs,
    Jpeg2000,
    JpegXl,
}

impl Facts {
    /// `None` where no codestream begins.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(&[0xFF, 0xD8]) {
            jpeg(bytes)
        } else if super::jxl::begins(bytes) {
            super::jxl::facts(bytes)
        } else {
            jpeg_2000(bytes)
        }
    }
}

fn be16(bytes: &[u8], at: usize) -> Option<usize> {
    Some(usize::from(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?)))
}

fn be32(bytes: &[u8], at: usize) -> Option<usize> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize)
}

/// The segments of a JPEG before its first scan ends them: marker, and where its segment begins and
/// ends, the marker's own two bytes included.
pub fn segments(bytes: &[u8]) -> impl Iterator<Item = (u8, std::ops::Range<usize>)> + '_ {
    let mut at = 2;
    let mut scan = false;
    std::iter::from_fn(move || {
        if scan {
            return None;
        }
        while *bytes.get(at)? != 0xFF || *bytes.get(at + 1)? == 0xFF {
            at += 1;
        }
        let marker = bytes[at + 1];
        let start = at;
        at += 2 + be16(bytes, at + 2)?;
        scan = marker == 0xDA;
        Some((marker, start..at))
    })
}

fn jpeg(bytes: &[u8]) -> Option<Facts> {
    let mut frame: Option<Facts> = None;
    let (mut jfif, mut adobe, mut named_rgb, mut subsampled) = (false, None, false, false);
    for (marker, range) in segments(bytes) {
        let at = range.start;
        match marker {
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF | 0xF7 => {
                let coding = match marker {
                    0xF7 => Coding::JpegLs,
                    0xC3 | 0xC7 | 0xCB | 0xCF => Coding::JpegLossless,
                    _ => Coding::Jpeg,
                };
                let components = usize::from(*bytes.get(at + 9)?);
                let component = |i: usize| bytes.get(at + 10 + 3 * i..at + 12 + 3 * i);
                if components == 3 {
                    let [first, second, third] = [component(0)?, component(1)?, component(2)?];
                    named_rgb = [first[0], second[0], third[0]] == *b"RGB";
                    subsampled = second[1] < first[1] && third[1] < first[1];
                }
                frame = Some(Facts {
                    coding,
                    columns: be16(bytes, at + 7)?,
                    rows: be16(bytes, at + 5)?,
                    components,
                    bits: u16::from(*bytes.get(at + 4)?),
                    planar: false,
                    lossy: coding == Coding::Jpeg,
                    transformed: None,
                });
            }
            0xE0 => jfif |= bytes.get(at + 4..at + 9) == Some(b"JFIF\0"),
            // Some writers leave out the byte that says whether there is a transform.
            0xEE if bytes.get(at + 4..at + 9) == Some(b"Adobe") && range.len() >= 16 => {
                adobe = Some(*bytes.get(at + 15)? != 0);
            }
            0xDA => {
                let mut frame = frame?;
                let components = usize::from(*bytes.get(at + 4)?);
                if frame.coding == Coding::JpegLs {
                    // Separate scans are decoded into separate planes.
                    frame.planar = frame.components > 1 && components == 1;
                    frame.lossy = *bytes.get(at + 5 + 2 * components)? != 0;
                }
                if frame.coding == Coding::Jpeg && frame.components == 3 {
                    // Nobody gives green and blue fewer samples than red, so subsampled components are
                    // brightness and colour whatever else is said.
                    frame.transformed =
                        adobe.or((jfif || subsampled).then_some(true)).or(named_rgb.then_some(false));
                }
                return Some(frame);
            }
            _ => {}
        }
    }
    None
}

fn jpeg_2000(bytes: &[u8]) -> Option<Facts> {
    let siz = super::j2k::start(bytes)? + 4;
    let (width, height, left, top) =
        (be32(bytes, siz + 4)?, be32(bytes, siz + 8)?, be32(bytes, siz + 12)?, be32(bytes, siz + 16)?);
    let mut facts = Facts {
        coding: Coding::Jpeg2000,
        columns: width.checked_sub(left)?,
        rows: height.checked_sub(top)?,
        components: be16(bytes, siz + 36)?,
        bits: u16::from(bytes.get(siz + 38)? & 0x7F) + 1,
        planar: false,
        lossy: false,
        transformed: Some(false),
    };
    // The coding style (COD) stands in the main header, before the first tile (SOT).
    let mut at = siz + be16(bytes, siz)?;
    while let (Some(marker), Some(length)) = (be16(bytes, at), be16(bytes, at + 2)) {
        match marker {
            0xFF52 => {
                facts.transformed = Some(*bytes.get(at + 8)? != 0);
                // 0 is the wavelet 9/7, which is not reversible.
                facts.lossy = *bytes.get(at + 13)? == 0;
                break;
            }
            0xFF90 => break,
            _ => at += 2 + length,
        }
    }
    Some(facts)
}
