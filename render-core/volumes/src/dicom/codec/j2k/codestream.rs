//! The markers of a JPEG 2000 codestream (ITU-T T.800 annex A): its sizes, how it is coded, and where the
//! packets of each tile lie. Whether all of it is there is seen here, before anything is decoded.

use std::borrow::Cow;

const SOC: u16 = 0xFF4F;
const CAP: u16 = 0xFF50;
const SIZ: u16 = 0xFF51;
const COD: u16 = 0xFF52;
const COC: u16 = 0xFF53;
const QCD: u16 = 0xFF5C;
const QCC: u16 = 0xFF5D;
const RGN: u16 = 0xFF5E;
const POC: u16 = 0xFF5F;
const PPM: u16 = 0xFF60;
const PPT: u16 = 0xFF61;
const SOT: u16 = 0xFF90;
const SOD: u16 = 0xFF93;
const EOC: u16 = 0xFFD9;

/// As many steps as a wavelet transform may have (annex A.6.1).
const MAX_LEVELS: usize = 32;
/// Bits of a sample, and bit planes of a coefficient, that fit into 32 bits with what comes on top.
const MAX_BITS: u32 = 24;
const MAX_PLANES: u32 = 30;

/// Where a codestream begins: at once, or after the boxes of a JP2 file.
pub fn start(bytes: &[u8]) -> Option<usize> {
    let begin = [SOC.to_be_bytes(), SIZ.to_be_bytes()].concat();
    bytes[..bytes.len().min(4096)].windows(4).position(|window| window == begin)
}

/// Half-open: columns and rows on the reference grid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Area {
    pub x: [u32; 2],
    pub y: [u32; 2],
}

impl Area {
    pub fn width(&self) -> usize {
        self.x[1].saturating_sub(self.x[0]) as usize
    }

    pub fn height(&self) -> usize {
        self.y[1].saturating_sub(self.y[0]) as usize
    }
}

/// One component's samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Component {
    pub bits: u32,
    pub signed: bool,
    /// As many samples as the image has pixels.
    pub whole: bool,
}

/// How all components are coded, of the ways that [`super::tile`] knows.
#[derive(Clone, Debug, Default)]
pub struct Style {
    /// Packets may begin with a marker, and their headers may end with one.
    pub packet_markers: bool,
    pub header_markers: bool,
    pub progression: u8,
    pub layers: u32,
    /// Three components are differences of each other.
    pub transformed: bool,
    pub levels: usize,
    /// Powers of two: columns and rows of a code block.
    pub block: [u32; 2],
    /// Powers of two: columns and rows of a precinct, by resolution.
    pub precincts: Vec<[u32; 2]>,
    /// Of bit planes, by band.
    pub planes: Vec<u32>,
}

pub struct Codestream<'a> {
    pub image: Area,
    /// Columns and rows of a tile, and where the first begins.
    tile_size: [u32; 2],
    tile_start: [u32; 2],
    pub components: Vec<Component>,
    /// `None` if it is coded in another way.
    pub style: Option<Style>,
    /// The packets of each tile.
    pub tiles: Vec<Cow<'a, [u8]>>,
    /// All tile-parts told their lengths and numbers, and they and the end are there: what a tile lacks
    /// was never written.
    pub complete: bool,
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

const SHORT: &str = "its header ends too early";

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], String> {
        let end = self.at.checked_add(n).filter(|&end| end <= self.bytes.len()).ok_or(SHORT)?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, String> {
        Ok(self.take(1)?[0])
    }

    fn short(&mut self) -> Result<u16, String> {
        Ok(u16::from_be_bytes(self.take(2)?.try_into().expect("two bytes")))
    }

    fn long(&mut self) -> Result<u32, String> {
        Ok(u32::from_be_bytes(self.take(4)?.try_into().expect("four bytes")))
    }

    /// The parameters of a marker.
    fn segment(&mut self) -> Result<Reader<'a>, String> {
        let length = usize::from(self.short()?).checked_sub(2).ok_or("it has a marker of no length")?;
        Ok(Reader { bytes: self.take(length)?, at: 0 })
    }
}

impl<'a> Codestream<'a> {
    /// Reads the markers of a codestream that begins with these bytes.
    pub fn read(bytes: &'a [u8]) -> Result<Self, String> {
        let mut reader = Reader { bytes, at: 0 };
        if (reader.short()?, reader.short()?) != (SOC, SIZ) {
            return Err("it does not begin with its size".into());
        }
        let mut stream = Self::sizes(&mut reader.segment()?)?;
        let mut plain = true;
        let (mut coding, mut quantization) = (None, None);
        loop {
            let marker = reader.short()?;
            match marker {
                SOT => break,
                COD => coding = Some(reader.segment()?),
                QCD => quantization = Some(reader.segment()?),
                0xFF30..=0xFF3F => {}
                0xFF01.. => {
                    plain &= !matches!(marker, CAP | COC | QCC | RGN | POC | PPM);
                    reader.segment()?;
                }
                _ => return Err("its header is no sequence of markers".into()),
            }
        }
        if let (true, Some(mut coding), Some(mut quantization)) = (plain, coding, quantization) {
            let uniform =
                |c: &Component| c.whole && c.bits == stream.components[0].bits && c.bits <= MAX_BITS;
            let known = style(&mut coding, &mut quantization)?;
            stream.style = known.filter(|_| stream.components.iter().all(uniform));
        }
        reader.at -= 2;
        stream.tile_parts(&mut reader)?;
        Ok(stream)
    }

    fn sizes(siz: &mut Reader<'a>) -> Result<Self, String> {
        siz.short()?;
        let (right, bottom, left, top) = (siz.long()?, siz.long()?, siz.long()?, siz.long()?);
        let tile_size = [siz.long()?, siz.long()?];
        let tile_start = [siz.long()?, siz.long()?];
        let count = siz.short()?;
        let mut components = Vec::new();
        for _ in 0..count {
            let depth = siz.byte()?;
            let whole = [siz.byte()?, siz.byte()?] == [1, 1];
            components.push(Component {
                bits: u32::from(depth & 0x7F) + 1,
                signed: depth & 0x80 != 0,
                whole,
            });
        }
        let end = |i: usize| tile_start[i].saturating_add(tile_size[i]);
        let fits = |i: usize, from: u32, to: u32| {
            from < to && to <= i32::MAX as u32 && tile_size[i] > 0 && tile_start[i] <= from && end(i) > from
        };
        if !fits(0, left, right) || !fits(1, top, bottom) || components.is_empty() {
            return Err("its sizes contradict each other".into());
        }
        let mut stream = Self {
            image: Area { x: [left, right], y: [top, bottom] },
            tile_size,
            tile_start,
            components,
            style: None,
            tiles: Vec::new(),
            complete: false,
        };
        let [across, down] = stream.grid();
        match across.checked_mul(down) {
            // The number of a tile has 16 bits.
            Some(tiles @ 1..=65_535) => stream.tiles = vec![Cow::Borrowed(&[][..]); tiles as usize],
            _ => return Err("it has more than 65535 tiles".into()),
        }
        Ok(stream)
    }

    /// Tiles in a row, and rows of tiles.
    fn grid(&self) -> [u32; 2] {
        let count = |i: usize, end: u32| (end - self.tile_start[i]).div_ceil(self.tile_size[i]);
        [count(0, self.image.x[1]), count(1, self.image.y[1])]
    }

    pub fn tile(&self, index: usize) -> Area {
        let across = self.grid()[0];
        let (column, row) = (index as u32 % across, index as u32 / across);
        let part = |i: usize, k: u32, [from, to]: [u32; 2]| {
            let start = self.tile_start[i] + k * self.tile_size[i];
            [start.max(from), start.saturating_add(self.tile_size[i]).min(to)]
        };
        Area { x: part(0, column, self.image.x), y: part(1, row, self.image.y) }
    }

    /// Finds the packets of each tile. Whatever is missing is an error: decoders would fill it in.
    fn tile_parts(&mut self, reader: &mut Reader<'a>) -> Result<(), String> {
        let total = reader.bytes.len();
        let mut told = true;
        // Of each tile: how many parts have come, and how many there are.
        let mut parts = vec![(0u8, 0u8); self.tiles.len()];
        loop {
            let start = reader.at;
            match reader.short() {
                Ok(SOT) => {}
                Ok(EOC) => {
                    self.complete = told && parts.iter().all(|&(come, all)| come == all);
                    break;
                }
                // What has come is enough if nothing is missing.
                Err(_) if self.tiles.iter().all(|tile| !tile.is_empty()) => break,
                Err(_) => return Err(self.missing()),
                // Some writers fill up with zeros.
                Ok(_) if self.tiles.iter().all(|tile| !tile.is_empty()) => break,
                Ok(_) => return Err("between its tiles is something else".into()),
            }
            let mut sot = reader.segment()?;
            let (index, length) = (usize::from(sot.short()?), sot.long()? as usize);
            let (part, count) = (sot.byte()?, sot.byte()?);
            let end = match length {
                0 if reader.bytes.ends_with(&EOC.to_be_bytes()) => total - 2,
                0 => total,
                _ => start.saturating_add(length),
            };
            if end > total {
                return Err(format!("it ends early: {} bytes are missing", end - total));
            }
            loop {
                match reader.short()? {
                    SOD => break,
                    marker @ 0xFF01.. => {
                        if matches!(marker, COD | COC | QCD | QCC | RGN | POC | PPT) {
                            self.style = None;
                        }
                        reader.segment()?;
                    }
                    _ => return Err("the header of a tile is no sequence of markers".into()),
                }
            }
            let packets = reader.bytes.get(reader.at..end).ok_or("a tile is shorter than its header")?;
            reader.at = end;
            let tile =
                self.tiles.get_mut(index).ok_or_else(|| format!("it has no place for tile {index}"))?;
            let (come, all) = &mut parts[index];
            told &= length > 0 && part == *come && (count == 0 || *all == 0 || count == *all);
            *come = come.saturating_add(1);
            *all = count.max(*all);
            if tile.is_empty() {
                *tile = Cow::Borrowed(packets);
            } else {
                tile.to_mut().extend_from_slice(packets);
            }
        }
        if self.tiles.iter().all(|tile| !tile.is_empty()) { Ok(()) } else { Err(self.missing()) }
    }

    fn missing(&self) -> String {
        let missing = self.tiles.iter().filter(|tile| tile.is_empty()).count();
        format!("{missing} of its {} tiles are empty", self.tiles.len())
    }
}

/// `None` for what [`super::tile`] does not know.
fn style(cod: &mut Reader<'_>, qcd: &mut Reader<'_>) -> Result<Option<Style>, String> {
    let flags = cod.byte()?;
    let mut style = Style {
        packet_markers: flags & 2 != 0,
        header_markers: flags & 4 != 0,
        progression: cod.byte()?,
        layers: u32::from(cod.short()?),
        transformed: cod.byte()? != 0,
        levels: usize::from(cod.byte()?),
        block: [u32::from(cod.byte()?) + 2, u32::from(cod.byte()?) + 2],
        ..Style::default()
    };
    let (block_style, wavelet) = (cod.byte()?, cod.byte()?);
    if style.levels > MAX_LEVELS || style.layers == 0 || style.progression > 4 {
        return Err("its coding style is not valid".into());
    }
    if style.block.iter().sum::<u32>() > 12 || style.block.iter().any(|&b| b > 10) {
        return Err("its code blocks are larger than the 4096 samples allowed".into());
    }
    for _ in 0..=style.levels {
        let sizes = if flags & 1 != 0 { cod.byte()? } else { 0xFF };
        style.precincts.push([u32::from(sizes & 15), u32::from(sizes >> 4)]);
    }
    let quantization = qcd.byte()?;
    let guard = u32::from(quantization >> 5);
    for _ in 0..=3 * style.levels {
        let exponent = u32::from(qcd.byte().unwrap_or_default() >> 3);
        style.planes.push((guard + exponent).saturating_sub(1));
    }
    // Reversible, in blocks without options.
    let plain = block_style == 0 && wavelet == 1 && quantization & 31 == 0;
    let narrow = style.planes.iter().all(|&planes| planes <= MAX_PLANES);
    Ok((plain && narrow).then_some(style))
}
