//! Code blocks of JPEG 2000 (ITU-T T.800 annexes C and D): bit planes in three passes, each bit by an
//! adaptive arithmetic decoder.
//!
//! Samples of a block stand in the order of the scan: stripes of four rows, in each column by column. So
//! a word of 64 bits holds one bit of each sample of sixteen columns, and what a pass has to visit is
//! found for all of them at once. Nothing branches on a decoded bit where it can be avoided: such bits
//! cannot be predicted.

/// Direction in which a band's coefficients are differences, which decides what its neighbours tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Band {
    LL,
    HL,
    LH,
    HH,
}

// Contexts: 0 to 8 whether a sample becomes significant, 9 to 13 signs, 14 to 16 further bits.
const SIGN: u8 = 9;
const MAGNITUDE: u8 = 14;
const RUN: u8 = 17;
const UNIFORM: u8 = 18;

/// Table C.2: the share of the less probable symbol, the next state after the more and after the less
/// probable one, and whether the two change places.
const STATES: [(u16, u8, u8, bool); 47] = [
    (0x5601, 1, 1, true),
    (0x3401, 2, 6, false),
    (0x1801, 3, 9, false),
    (0x0AC1, 4, 12, false),
    (0x0521, 5, 29, false),
    (0x0221, 38, 33, false),
    (0x5601, 7, 6, true),
    (0x5401, 8, 14, false),
    (0x4801, 9, 14, false),
    (0x3801, 10, 14, false),
    (0x3001, 11, 17, false),
    (0x2401, 12, 18, false),
    (0x1C01, 13, 20, false),
    (0x1601, 29, 21, false),
    (0x5601, 15, 14, true),
    (0x5401, 16, 14, false),
    (0x5101, 17, 15, false),
    (0x4801, 18, 16, false),
    (0x3801, 19, 17, false),
    (0x3401, 20, 18, false),
    (0x3001, 21, 19, false),
    (0x2801, 22, 19, false),
    (0x2401, 23, 20, false),
    (0x2201, 24, 21, false),
    (0x1C01, 25, 22, false),
    (0x1801, 26, 23, false),
    (0x1601, 27, 24, false),
    (0x1401, 28, 25, false),
    (0x1201, 29, 26, false),
    (0x1101, 30, 27, false),
    (0x0AC1, 31, 28, false),
    (0x09C1, 32, 29, false),
    (0x08A1, 33, 30, false),
    (0x0521, 34, 31, false),
    (0x0441, 35, 32, false),
    (0x02A1, 36, 33, false),
    (0x0221, 37, 34, false),
    (0x0141, 38, 35, false),
    (0x0111, 39, 36, false),
    (0x0085, 40, 37, false),
    (0x0049, 41, 38, false),
    (0x0025, 42, 39, false),
    (0x0015, 43, 40, false),
    (0x0009, 44, 41, false),
    (0x0005, 45, 42, false),
    (0x0001, 45, 43, false),
    (0x5601, 46, 46, false),
];

/// A state with its more probable symbol in the lowest bit: the share in the upper half, then the next
/// state after the less and the more probable symbol.
const fn packed_states() -> [u32; 128] {
    let mut out = [0; 128];
    let mut i = 0;
    while i < 94 {
        let (share, more, less, switch) = STATES[i / 2];
        let symbol = (i % 2) as u8;
        let more = 2 * more + symbol;
        let less = 2 * less + if switch { 1 - symbol } else { symbol };
        out[i] = (share as u32) << 16 | (less as u32) << 8 | more as u32;
        i += 1;
    }
    out
}

static PACKED: [u32; 128] = packed_states();

/// The arithmetic decoder (annex C.3). It reads its bytes without the bits stuffed into them, many at
/// once.
struct Decoder<'a> {
    words: &'a [u32],
    /// What is left of the code, 16 bits that count and those that come next.
    code: u64,
    /// How many bits come next.
    ahead: i32,
    interval: u32,
    states: [u8; 32],
}

impl<'a> Decoder<'a> {
    fn new(words: &'a [u32]) -> Self {
        let mut states = [0; 32];
        states[0] = 2 * 4;
        states[usize::from(RUN)] = 2 * 3;
        states[usize::from(UNIFORM)] = 2 * 46;
        let first = words.first().copied().unwrap_or(u32::MAX);
        Self {
            words: words.get(1..).unwrap_or_default(),
            code: u64::from(first) << 31,
            ahead: 17,
            interval: 0x8000,
            states,
        }
    }

    #[inline(always)]
    fn bit(&mut self, context: u8) -> u32 {
        let slot = &mut self.states[usize::from(context & 31)];
        let state = *slot & 127;
        let packed = PACKED[usize::from(state)];
        let share = packed >> 16;
        let rest = self.interval - share;
        let high = u64::from(share) << 48;
        let below = self.code < high;
        let swapped = rest < share;
        let less = below ^ swapped;
        self.interval = if below { share } else { rest };
        self.code -= if below { 0 } else { high };
        let next = if less { packed >> 8 } else { packed } as u8;
        let shift = (self.interval << 16).leading_zeros();
        *slot = if shift > 0 { next } else { state };
        self.interval <<= shift;
        self.code <<= shift;
        self.ahead -= shift as i32;
        if self.ahead < 16 {
            self.refill();
        }
        u32::from(state & 1) ^ u32::from(less)
    }

    #[inline(always)]
    fn refill(&mut self) {
        let (next, rest) = self.words.split_first().map_or((u32::MAX, self.words), |(&w, rest)| (w, rest));
        self.words = rest;
        self.code |= u64::from(next) << (16 - self.ahead);
        self.ahead += 32;
    }
}

/// The bytes of a block without stuffed bits. Seven bits follow a byte of eight ones, and a carry may
/// stand in the eighth; behind the end, or a marker, all bits are ones.
fn unstuffed(bytes: &[u8], words: &mut Vec<u32>) {
    words.clear();
    let (mut pending, mut count) = (0u64, 0);
    let mut before = 0;
    for &byte in bytes {
        if before == 0xFF {
            if byte > 0x8F {
                break;
            }
            if byte >= 0x80 {
                carry(&mut pending, count, words);
            }
            pending = pending << 7 | u64::from(byte & 0x7F);
            count += 7;
        } else {
            pending = pending << 8 | u64::from(byte);
            count += 8;
        }
        before = byte;
        if count >= 32 {
            count -= 32;
            words.push((pending >> count) as u32);
            pending &= (1 << count) - 1;
        }
    }
    words.push(((pending << 32 | 0xFFFF_FFFF) >> count) as u32);
}

fn carry(pending: &mut u64, count: u32, words: &mut [u32]) {
    *pending += 1;
    if *pending >> count != 0 {
        *pending &= (1 << count) - 1;
        for word in words.iter_mut().rev() {
            *word = word.wrapping_add(1);
            if *word != 0 {
                break;
            }
        }
    }
}

// What a sample knows of its neighbours: which are significant, and the signs of four.
const NORTH_WEST: u16 = 1;
const NORTH_EAST: u16 = 1 << 1;
const SOUTH_WEST: u16 = 1 << 2;
const SOUTH_EAST: u16 = 1 << 3;
const NORTH: u16 = 1 << 4;
const SOUTH: u16 = 1 << 5;
const WEST: u16 = 1 << 6;
const EAST: u16 = 1 << 7;
/// From a neighbour's bit to the bit of its sign.
const TO_SIGN: u32 = 4;

/// Table D.1.
const fn significance(band: Band) -> [u8; 256] {
    let mut out = [0; 256];
    let mut i = 0;
    while i < 256 {
        let near = i as u16;
        let mut across = (near & WEST != 0) as u8 + (near & EAST != 0) as u8;
        let mut along = (near & NORTH != 0) as u8 + (near & SOUTH != 0) as u8;
        let diagonal = (near & 15).count_ones();
        if matches!(band, Band::HL) {
            (across, along) = (along, across);
        }
        out[i] = if matches!(band, Band::HH) {
            match (diagonal, across + along) {
                (3.., _) => 8,
                (2, 1..) => 7,
                (2, _) => 6,
                (1, 2..) => 5,
                (1, 1) => 4,
                (1, _) => 3,
                (_, 2..) => 2,
                (_, sides) => sides,
            }
        } else {
            match (across, along, diagonal) {
                (2, _, _) => 8,
                (1, 1.., _) => 7,
                (1, _, 1..) => 6,
                (1, _, _) => 5,
                (_, 2, _) => 4,
                (_, 1, _) => 3,
                (_, _, 2..) => 2,
                (_, _, diagonal) => diagonal as u8,
            }
        };
        i += 1;
    }
    out
}

static SIGNIFICANCE: [[u8; 256]; 3] =
    [significance(Band::LL), significance(Band::HL), significance(Band::HH)];

/// Table D.3, by the neighbours' four bits and, above them, their signs: the context, and in bit 7
/// whether the sign is turned round.
const fn signs() -> [u8; 256] {
    let mut out = [0; 256];
    let mut i = 0;
    while i < 256 {
        let near = (i as u16) << 4;
        let mut sums = [0i8; 2];
        let sides = [(WEST, 0), (EAST, 0), (NORTH, 1), (SOUTH, 1)];
        let mut k = 0;
        while k < 4 {
            let (side, axis) = sides[k];
            if near & side != 0 {
                sums[axis] += if near & side << TO_SIGN != 0 { -1 } else { 1 };
            }
            k += 1;
        }
        let (across, along) = (sums[0].signum(), sums[1].signum());
        let turned = across < 0 || across == 0 && along < 0;
        let (across, along) = if turned { (-across, -along) } else { (across, along) };
        let context = match (across, along) {
            (1, 1) => 4,
            (1, 0) => 3,
            (1, _) => 2,
            (_, 1) => 1,
            _ => 0,
        };
        out[i] = (SIGN + context) | (turned as u8) << 7;
        i += 1;
    }
    out
}

static SIGNS: [u8; 256] = signs();

/// Neighbours of a sample of row 0 to 3 that the scan meets later, from its own bit on: below, and in the
/// column to the right.
const LATER: [u64; 4] = [0b11_0010, 0b11_1010, 0b11_1010, 0b01_1000];
const ROW_0: u64 = 0x1111_1111_1111_1111;
const ROW_3: u64 = ROW_0 << 3;
const NEGATIVE: u32 = 1 << 31;

/// Decodes blocks, in memory that is used again.
#[derive(Default)]
pub struct Blocks {
    words: Vec<u32>,
    /// By sample, with a column to the left and to the right and a stripe above and below.
    near: Vec<u16>,
    /// By word, with a word to the left and to the right and a stripe above and below.
    significant: Vec<u64>,
    /// By word: visited by the first pass of this plane; refined before.
    visited: Vec<u64>,
    refined: Vec<u64>,
    /// Twice the magnitude, and the sign in the highest bit.
    values: Vec<u32>,
    width: usize,
    height: usize,
}

impl Blocks {
    /// Decodes `passes` of a block of at most 4096 samples, whose highest plane is `planes`. The result
    /// is read with [`Self::row`].
    pub fn decode(
        &mut self,
        bytes: &[u8],
        [width, height]: [usize; 2],
        band: Band,
        planes: u32,
        passes: u32,
    ) {
        unstuffed(bytes, &mut self.words);
        (self.width, self.height) = (width, height);
        let (stripes, words) = (height.div_ceil(4), width.div_ceil(16));
        let clear = |v: &mut Vec<u64>, n: usize| {
            v.clear();
            v.resize(n, 0);
        };
        clear(&mut self.significant, (stripes + 2) * (words + 2));
        clear(&mut self.visited, stripes * words);
        clear(&mut self.refined, stripes * words);
        self.near.clear();
        self.near.resize((stripes + 2) * (64 * words + 8), 0);
        self.values.clear();
        self.values.resize(stripes * words * 64, 0);
        let mut decoder = Decoder::new(&self.words);
        let contexts = &SIGNIFICANCE[match band {
            Band::LL | Band::LH => 0,
            Band::HL => 1,
            Band::HH => 2,
        }];
        let mut planes_left = planes;
        for pass in 2..passes + 2 {
            if planes_left == 0 {
                break;
            }
            // Twice the plane's value, and half of that for what is not known yet.
            let one = 1 << planes_left;
            let mut scan = Scan {
                decoder: &mut decoder,
                contexts,
                near: &mut self.near,
                significant: &mut self.significant,
                visited: &mut self.visited,
                refined: &mut self.refined,
                values: &mut self.values,
                width,
                height,
                words,
                one,
            };
            match pass % 3 {
                0 => scan.significance(),
                1 => scan.refinement(),
                _ => {
                    scan.cleanup();
                    planes_left -= 1;
                }
            }
        }
    }

    /// Coefficients of a row.
    pub fn row(&self, y: usize) -> impl Iterator<Item = i32> + '_ {
        let words = self.width.div_ceil(16);
        let stripe = &self.values[y / 4 * words * 64..][..words * 64];
        stripe[y % 4..].iter().step_by(4).take(self.width).map(|&value| {
            let magnitude = ((value & !NEGATIVE) >> 1) as i32;
            if value & NEGATIVE != 0 { -magnitude } else { magnitude }
        })
    }
}

/// A pass over a block.
struct Scan<'a, 'd> {
    decoder: &'a mut Decoder<'d>,
    contexts: &'static [u8; 256],
    near: &'a mut [u16],
    significant: &'a mut [u64],
    visited: &'a mut [u64],
    refined: &'a mut [u64],
    values: &'a mut [u32],
    width: usize,
    height: usize,
    words: usize,
    one: u32,
}

impl Scan<'_, '_> {
    fn stripe(&self) -> usize {
        64 * self.words + 8
    }

    /// Of a word, the samples that lie in the block.
    fn inside(&self, stripe: usize, word: usize) -> u64 {
        let columns = (self.width - 16 * word).min(16);
        let rows = (self.height - 4 * stripe).min(4);
        let all = u64::MAX >> (64 - 4 * columns);
        all & (ROW_0 * ((1 << rows) - 1))
    }

    /// Samples of a word with a significant neighbour.
    #[inline(always)]
    fn beside(&self, stripe: usize, word: usize) -> u64 {
        let across = self.words + 2;
        let at = (stripe + 1) * across + word + 1;
        let columns = |at: usize| {
            let own = self.significant[at];
            let (above, below) = (self.significant[at - across], self.significant[at + across]);
            let up = (own & !ROW_0) >> 1 | (below & ROW_0) << 3;
            let down = (own & !ROW_3) << 1 | (above & ROW_3) >> 3;
            (up | down, own)
        };
        let (beside, own) = columns(at);
        let all = beside | own;
        let [left, right] = [columns(at - 1), columns(at + 1)].map(|(beside, own)| beside | own);
        beside | all << 4 | left >> 60 | all >> 4 | right << 60
    }

    /// Reads the sign of a sample that has become significant and tells its neighbours.
    #[inline(always)]
    fn found(&mut self, at: usize, row: usize, value: usize) {
        let entry = SIGNS[usize::from(self.near[at] >> 4 & 255)];
        let negative = self.decoder.bit(entry & 31) ^ u32::from(entry >> 7);
        self.values[value] = self.one | self.one >> 1 | negative << 31;
        let stripe = self.stripe();
        let above = if row == 0 { at - stripe + 3 } else { at - 1 };
        let below = if row == 3 { at + stripe - 3 } else { at + 1 };
        let sign = (negative as u16) << TO_SIGN | 1;
        self.near[above - 4] |= SOUTH_EAST;
        self.near[above] |= SOUTH * sign;
        self.near[above + 4] |= SOUTH_WEST;
        self.near[at - 4] |= EAST * sign;
        self.near[at + 4] |= WEST * sign;
        self.near[below - 4] |= NORTH_EAST;
        self.near[below] |= NORTH * sign;
        self.near[below + 4] |= NORTH_WEST;
    }

    fn significance(&mut self) {
        for stripe in 0..self.height.div_ceil(4) {
            for word in 0..self.words {
                let at = (stripe + 1) * (self.words + 2) + word + 1;
                let first = (stripe + 1) * self.stripe() + 4 + 64 * word;
                let values = 64 * (stripe * self.words + word);
                let open = self.inside(stripe, word) & !self.significant[at];
                let mut left = self.beside(stripe, word) & open;
                let (mut visited, mut found) = (0, 0);
                while left != 0 {
                    let i = left.trailing_zeros() as usize;
                    left &= left - 1;
                    visited |= 1 << i;
                    let context = self.contexts[usize::from(self.near[first + i] & 255)];
                    if self.decoder.bit(context) != 0 {
                        self.found(first + i, i & 3, values + i);
                        found |= 1 << i;
                        left |= LATER[i & 3] << i & open;
                    }
                }
                self.significant[at] |= found;
                self.visited[stripe * self.words + word] = visited;
            }
        }
    }

    fn refinement(&mut self) {
        for stripe in 0..self.height.div_ceil(4) {
            for word in 0..self.words {
                let own = stripe * self.words + word;
                let mut left =
                    self.significant[(stripe + 1) * (self.words + 2) + word + 1] & !self.visited[own];
                if left == 0 {
                    continue;
                }
                let beside = self.beside(stripe, word);
                let before = self.refined[own];
                self.refined[own] |= left;
                let values: &mut [u32; 64] =
                    (&mut self.values[64 * own..64 * own + 64]).try_into().expect("64 values");
                while left != 0 {
                    let i = left.trailing_zeros();
                    left &= left - 1;
                    let again = (before >> i & 1) as u8;
                    let context = MAGNITUDE + (2 * again).max((beside >> i & 1) as u8);
                    let bit = self.decoder.bit(context);
                    // Half of this plane up or down from the middle of the one above.
                    let half = self.one >> 1;
                    let value = &mut values[i as usize & 63];
                    *value = value.wrapping_add(bit * self.one).wrapping_sub(half);
                }
            }
        }
    }

    fn cleanup(&mut self) {
        for stripe in 0..self.height.div_ceil(4) {
            for word in 0..self.words {
                let at = (stripe + 1) * (self.words + 2) + word + 1;
                let own = stripe * self.words + word;
                let first = (stripe + 1) * self.stripe() + 4 + 64 * word;
                let open = self.inside(stripe, word) & !self.significant[at] & !self.visited[own];
                self.visited[own] = 0;
                let mut beside = self.beside(stripe, word);
                let mut found = 0;
                let mut left = open;
                while left != 0 {
                    let mut i = left.trailing_zeros() as usize;
                    let mut known = false;
                    if i & 3 == 0 && left >> i & 15 == 15 && beside >> i & 15 == 0 {
                        if self.decoder.bit(RUN) == 0 {
                            left &= !(15 << i);
                            continue;
                        }
                        let row = 2 * self.decoder.bit(UNIFORM) + self.decoder.bit(UNIFORM);
                        left &= !(((1 << row) - 1) << i);
                        i += row as usize;
                        known = true;
                    }
                    left &= left - 1;
                    let context = self.contexts[usize::from(self.near[first + i] & 255)];
                    if known || self.decoder.bit(context) != 0 {
                        self.found(first + i, i & 3, 64 * own + i);
                        found |= 1 << i;
                        beside |= LATER[i & 3] << i;
                    }
                }
                self.significant[at] |= found;
            }
        }
    }
}
