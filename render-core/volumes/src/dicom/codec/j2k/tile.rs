//! A tile of JPEG 2000: its resolutions, bands, precincts and code blocks (ITU-T T.800 annex B), the
//! packets that fill them, and its samples.

use std::ops::Range;

use super::blocks::{Band, Blocks};
use super::codestream::{Area, Style};
use super::wavelet;

/// What remains of an image, should it end in a packet.
const SHORT: &str = "it ends early: a part of its pixels is missing";
/// Bit planes that a header may call empty before it is damage.
const MAX_PLANES: u32 = 64;
/// Passes of a code block: three for each of the 37 bit planes that a sample of 32 bits may have, less the
/// first plane's two (annex D.3). Decoders take further ones for a second piece of code.
const MAX_PASSES: u32 = 3 * 37 - 2;

/// Precincts of a resolution that may be empty and left out.
const MAX_LEFT_OUT: usize = 4096;

/// Samples of each component, row by row. Where the packets are known to be `complete`, those that are
/// left out after the last one are empty: OpenJPEG's encoder leaves them out of some tiles.
pub fn decode(
    area: Area,
    components: usize,
    style: &Style,
    packets: &[u8],
    complete: bool,
) -> Result<Vec<Vec<i32>>, String> {
    // Each packet takes a byte at least.
    let most = packets.len() / style.layers as usize;
    let most = if complete { most.max(MAX_LEFT_OUT) } else { most };
    let mut resolutions: Vec<Vec<Resolution>> = (0..components)
        .map(|_| (0..=style.levels).map(|r| Resolution::new(area, r, style, most)).collect())
        .collect::<Result<_, String>>()?;
    read_packets(area, &mut resolutions, style, packets, complete)?;
    let mut blocks = Blocks::default();
    let mut room = Vec::new();
    let mut out = Vec::new();
    for component in &resolutions {
        out.push(samples(area, component, packets, &mut blocks, &mut room)?);
    }
    if style.transformed {
        let [y, u, v] = out
            .get_mut(..3)
            .and_then(|first| first.as_mut_array())
            .ok_or("it transforms colours, but has none")?;
        for ((y, u), v) in y.iter_mut().zip(u).zip(v) {
            let green = y.wrapping_sub(u.wrapping_add(*v) >> 2);
            (*y, *u, *v) = (v.wrapping_add(green), green, u.wrapping_add(green));
        }
    }
    Ok(out)
}

/// One component, from its blocks.
fn samples(
    area: Area,
    resolutions: &[Resolution],
    packets: &[u8],
    blocks: &mut Blocks,
    room: &mut Vec<i32>,
) -> Result<Vec<i32>, String> {
    let stride = area.width();
    let mut out = vec![0; stride * area.height()];
    let mut bytes = Vec::new();
    for resolution in resolutions {
        for band in &resolution.bands {
            for block in band.precincts.iter().flat_map(|precinct| &precinct.blocks) {
                if block.passes == 0 {
                    continue;
                }
                let planes =
                    band.planes.checked_sub(block.empty_planes).ok_or("it has too many bit planes")?;
                let parts = || block.parts.iter().map(|part| &packets[part.clone()]);
                let whole = if let [part] = &block.parts[..] {
                    &packets[part.clone()]
                } else {
                    bytes.clear();
                    parts().for_each(|part| bytes.extend_from_slice(part));
                    &bytes
                };
                let [width, height] = [block.area.width(), block.area.height()];
                blocks.decode(whole, [width, height], band.kind, planes, block.passes);
                let left = band.start[0] + (block.area.x[0] - band.area.x[0]) as usize;
                let top = band.start[1] + (block.area.y[0] - band.area.y[0]) as usize;
                for y in 0..height {
                    out[(top + y) * stride + left..][..width]
                        .iter_mut()
                        .zip(blocks.row(y))
                        .for_each(|(to, value)| *to = value);
                }
            }
        }
    }
    for resolution in &resolutions[1..] {
        let Area { x, y } = resolution.area;
        let size = [resolution.area.width(), resolution.area.height()];
        wavelet::join(&mut out, stride, size, [x[0], y[0]], room);
    }
    Ok(out)
}

struct Resolution {
    area: Area,
    /// Powers of two between its samples and the reference grid's.
    scale: u32,
    /// Precincts in a row, and rows of precincts; their sizes as powers of two, and the first one's place.
    grid: [u32; 2],
    first: [u32; 2],
    precinct: [u32; 2],
    bands: Vec<BandBlocks>,
}

struct BandBlocks {
    kind: Band,
    area: Area,
    /// Where it lies among the bands of the tile.
    start: [usize; 2],
    planes: u32,
    precincts: Vec<Precinct>,
}

/// The blocks of a band that come in the same packets.
struct Precinct {
    blocks: Vec<Block>,
    included: TagTree,
    empty_planes: TagTree,
}

struct Block {
    area: Area,
    included: bool,
    empty_planes: u32,
    passes: u32,
    length_bits: u32,
    /// Where its bytes lie among the packets.
    parts: Vec<Range<usize>>,
}

/// The samples left of an area where only every 2^`by`th remains, counted from sample `from` of those
/// left out between.
fn thinned(area: Area, by: u32, from: [u32; 2]) -> Area {
    let step = 1i64 << by;
    let up = |from: u32| {
        let offset = if by > 0 { i64::from(from) << (by - 1) } else { 0 };
        move |v: u32| ((i64::from(v) - offset + step - 1) >> by) as u32
    };
    Area { x: area.x.map(up(from[0])), y: area.y.map(up(from[1])) }
}

impl Resolution {
    fn new(tile: Area, r: usize, style: &Style, most: usize) -> Result<Self, String> {
        let scale = (style.levels - r) as u32;
        let area = thinned(tile, scale, [0, 0]);
        let precinct = style.precincts[r];
        let first = [area.x[0] >> precinct[0], area.y[0] >> precinct[1]];
        let count = |[from, to]: [u32; 2], size: u32| match from < to {
            true => u64::from(to).div_ceil(1 << size) as u32 - (from >> size),
            false => 0,
        };
        let grid = [count(area.x, precinct[0]), count(area.y, precinct[1])];
        if u64::from(grid[0]) * u64::from(grid[1]) > most as u64 {
            return Err(SHORT.into());
        }
        // Bands are half as large as the resolution that they make up, and so are their precincts.
        let half = u32::from(r > 0);
        if precinct.iter().any(|&size| size < half) {
            return Err("it has precincts without samples".into());
        }
        let cell = precinct.map(|size| size - half);
        let block = [style.block[0].min(cell[0]), style.block[1].min(cell[1])];
        let kinds: &[(Band, [u32; 2])] = match r {
            0 => &[(Band::LL, [0, 0])],
            _ => &[(Band::HL, [1, 0]), (Band::LH, [0, 1]), (Band::HH, [1, 1])],
        };
        let lower = thinned(tile, scale + half, [0, 0]);
        let band = |(i, &(kind, from)): (usize, &(Band, [u32; 2]))| {
            let area = thinned(tile, scale + half, from);
            let mut precincts = Vec::with_capacity((grid[0] * grid[1]) as usize);
            for row in 0..grid[1] {
                for column in 0..grid[0] {
                    let part = |axis: usize, k: u32, [from, to]: [u32; 2]| {
                        let start = u64::from(first[axis] + k) << cell[axis];
                        let inside = |v: u64| v.clamp(from.into(), to.max(from).into()) as u32;
                        [inside(start), inside(start + (1 << cell[axis]))]
                    };
                    let area = Area { x: part(0, column, area.x), y: part(1, row, area.y) };
                    precincts.push(Precinct::new(area, block));
                }
            }
            let start = [lower.width() * from[0] as usize, lower.height() * from[1] as usize];
            BandBlocks {
                kind,
                area,
                start,
                planes: style.planes[if r == 0 { 0 } else { 3 * r - 2 + i }],
                precincts,
            }
        };
        let bands = kinds.iter().enumerate().map(band).collect();
        Ok(Self { area, scale, grid, first, precinct, bands })
    }

    /// Where a precinct begins on the reference grid.
    fn place(&self, tile: Area, precinct: usize) -> [u32; 2] {
        let k = [precinct as u32 % self.grid[0], precinct as u32 / self.grid[0]];
        let at = |axis: usize, from: u32| {
            let start = u64::from(self.first[axis] + k[axis]) << (self.precinct[axis] + self.scale);
            start.max(from.into()) as u32
        };
        [at(0, tile.x[0]), at(1, tile.y[0])]
    }
}

impl Precinct {
    fn new(area: Area, block: [u32; 2]) -> Self {
        let [columns, rows] =
            [(area.x, block[0]), (area.y, block[1])].map(|([from, to], size)| match from < to {
                true => from >> size..to.div_ceil(1 << size),
                false => 0..0,
            });
        let (across, down) = (columns.len(), if columns.is_empty() { 0 } else { rows.len() });
        let part =
            |k: u32, size: u32, [from, to]: [u32; 2]| [(k << size).max(from), ((k + 1) << size).min(to)];
        let mut blocks = Vec::new();
        for y in rows {
            for x in columns.clone() {
                blocks.push(Block {
                    area: Area { x: part(x, block[0], area.x), y: part(y, block[1], area.y) },
                    included: false,
                    empty_planes: 0,
                    passes: 0,
                    length_bits: 3,
                    parts: Vec::new(),
                });
            }
        }
        Self { blocks, included: TagTree::new(across, down), empty_planes: TagTree::new(across, down) }
    }
}

/// A quadtree of minima (annex B.10.2).
struct TagTree {
    /// From the leaves to the root: columns, and where the level begins.
    levels: Vec<(usize, usize)>,
    /// What is known to be the least, and whether it is the value.
    nodes: Vec<(u32, bool)>,
}

impl TagTree {
    fn new(mut columns: usize, mut rows: usize) -> Self {
        let (mut levels, mut count) = (Vec::new(), 0);
        loop {
            levels.push((columns, count));
            count += columns * rows;
            if columns * rows <= 1 {
                break;
            }
            (columns, rows) = (columns.div_ceil(2), rows.div_ceil(2));
        }
        Self { levels, nodes: vec![(0, false); count] }
    }

    /// Whether a leaf's value is below a limit.
    fn below(&mut self, leaf: usize, limit: u32, bits: &mut Bits<'_>) -> Result<bool, String> {
        let (column, row) = (leaf % self.levels[0].0, leaf / self.levels[0].0);
        let (mut least, mut known) = (0, false);
        for (i, &(columns, start)) in self.levels.iter().enumerate().rev() {
            let node = &mut self.nodes[start + (row >> i) * columns + (column >> i)];
            node.0 = node.0.max(least);
            while !node.1 && node.0 < limit {
                if bits.bit()? { node.1 = true } else { node.0 += 1 }
            }
            (least, known) = *node;
        }
        Ok(known && least < limit)
    }
}

/// Bits of a packet's header (annex B.10.1).
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    byte: u8,
    left: u32,
}

impl<'a> Bits<'a> {
    fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at, byte: 0, left: 0 }
    }

    fn bit(&mut self) -> Result<bool, String> {
        if self.left == 0 {
            // A byte of ones is followed by seven bits.
            self.left = if self.byte == 0xFF { 7 } else { 8 };
            self.byte = *self.bytes.get(self.at).ok_or(SHORT)?;
            self.at += 1;
        }
        self.left -= 1;
        Ok(self.byte >> self.left & 1 != 0)
    }

    fn number(&mut self, bits: u32) -> Result<u32, String> {
        (0..bits).try_fold(0, |number, _| Ok(number << 1 | u32::from(self.bit()?)))
    }

    /// Table B.4.
    fn passes(&mut self) -> Result<u32, String> {
        for (bits, first) in [(1, 1), (1, 2), (2, 3), (5, 6)] {
            let number = self.number(bits)?;
            if number + 1 < 1 << bits {
                return Ok(first + number);
            }
        }
        Ok(37 + self.number(7)?)
    }

    /// Where the next whole byte begins.
    fn end(&self) -> usize {
        self.at + usize::from(self.byte == 0xFF)
    }
}

/// Reads all packets in the order of the tile's progression (annex B.12).
fn read_packets(
    area: Area,
    components: &mut [Vec<Resolution>],
    style: &Style,
    packets: &[u8],
    complete: bool,
) -> Result<(), String> {
    // Component, resolution, precinct, and where that begins.
    let mut order: Vec<(usize, usize, usize, [u32; 2])> = Vec::new();
    for (c, resolutions) in components.iter().enumerate() {
        for (r, resolution) in resolutions.iter().enumerate() {
            let count = resolution.grid[0] as usize * resolution.grid[1] as usize;
            order.extend((0..count).map(|p| (c, r, p, resolution.place(area, p))));
        }
    }
    match style.progression {
        0 | 1 => order.sort_by_key(|&(c, r, p, _)| (r, c, p)),
        2 => order.sort_by_key(|&(c, r, p, [x, y])| (r, y, x, c, p)),
        3 => order.sort_by_key(|&(c, r, p, [x, y])| (y, x, c, r, p)),
        _ => order.sort_by_key(|&(c, r, p, [x, y])| (c, y, x, r, p)),
    }
    let mut at = 0;
    let mut read = |layers: Range<u32>, part: &[(usize, usize, usize, [u32; 2])]| {
        for layer in layers {
            for &(c, r, p, _) in part {
                if complete && at == packets.len() {
                    return Ok(());
                }
                at = read_packet(&mut components[c][r], p, layer, style, packets, at)?;
            }
        }
        Ok::<_, String>(())
    };
    match style.progression {
        0 => read(0..style.layers, &order),
        1 => order.chunk_by(|a, b| a.1 == b.1).try_for_each(|resolution| read(0..style.layers, resolution)),
        _ => order.chunks(1).try_for_each(|precinct| read(0..style.layers, precinct)),
    }
}

/// Reads the packet that begins at a byte (annex B.9); where the next one begins.
fn read_packet(
    resolution: &mut Resolution,
    precinct: usize,
    layer: u32,
    style: &Style,
    packets: &[u8],
    mut at: usize,
) -> Result<usize, String> {
    let marker = |at: usize, marker: [u8; 2]| packets.get(at..).is_some_and(|rest| rest.starts_with(&marker));
    if style.packet_markers && marker(at, [0xFF, 0x91]) {
        at += 6;
    }
    let mut bits = Bits::new(packets, at);
    let mut lengths = Vec::new();
    if bits.bit()? {
        for (b, band) in resolution.bands.iter_mut().enumerate() {
            let Precinct { blocks, included, empty_planes } = &mut band.precincts[precinct];
            for (i, block) in blocks.iter_mut().enumerate() {
                let comes =
                    if block.included { bits.bit()? } else { included.below(i, layer + 1, &mut bits)? };
                if !comes {
                    continue;
                }
                if !block.included {
                    block.included = true;
                    while !empty_planes.below(i, block.empty_planes + 1, &mut bits)? {
                        block.empty_planes += 1;
                        if block.empty_planes > MAX_PLANES {
                            return Err("it has too many bit planes".into());
                        }
                    }
                }
                let passes = bits.passes()?;
                while bits.bit()? {
                    block.length_bits += 1;
                }
                let width = block.length_bits + passes.ilog2();
                if width > 31 {
                    return Err("it has a code block of more than a gigabyte".into());
                }
                block.passes += passes;
                if block.passes > MAX_PASSES {
                    return Err("it has a code block of more passes than bit planes allow".into());
                }
                lengths.push((b, i, bits.number(width)? as usize));
            }
        }
    }
    at = bits.end();
    if style.header_markers && marker(at, [0xFF, 0x92]) {
        at += 2;
    }
    for (b, i, length) in lengths {
        let end = at.saturating_add(length);
        if end > packets.len() {
            return Err(SHORT.into());
        }
        resolution.bands[b].precincts[precinct].blocks[i].parts.push(at..end);
        at = end;
    }
    Ok(at)
}
