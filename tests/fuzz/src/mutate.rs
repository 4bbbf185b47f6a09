//! Damage that knows what DICOM files are made of.

use std::ops::Range;

/// xorshift64*: the same numbers for the same seed and run.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64, run: u64) -> Self {
        let mixed = (seed ^ run.wrapping_mul(0x9E37_79B9_7F4A_7C15)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mut random = Self(mixed | 1);
        random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// From 0 to below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() >> 16) as usize % end
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// FNV-1a.
pub fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |h, &b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01B3))
}

const NUMBERS: [u32; 14] =
    [0, 1, 2, 7, 8, 15, 16, 255, 0x7FFF, 0x8000, 0xFFFF, 0x7FFF_FFFF, 0xFFFF_FFFE, u32::MAX];
const VRS: &[u8; 34] = b"OBOWSQUNDSISUSSSULFDUICSLOPNATOFOD";
const TEXTS: [&[u8]; 12] = [
    b"nan",
    b"inf",
    b"-1",
    b"0",
    b"1e308",
    b"1e-308",
    b"\\\\\\",
    b"999999999",
    b"RGB ",
    b"PALETTE COLOR ",
    b"YBR_FULL_422",
    b"\x1b$B",
];

/// A file with one to six things changed in `span`.
pub fn damaged(seed: &[u8], span: Range<usize>, random: &mut Random) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    let tail = seed.len() - span.end;
    for _ in 0..=random.below(6) {
        let end = bytes.len().saturating_sub(tail).max(span.start);
        if end <= span.start {
            break;
        }
        let at = span.start + random.below(end - span.start);
        change(&mut bytes, at, end, random);
    }
    bytes
}

fn change(bytes: &mut Vec<u8>, at: usize, end: usize, random: &mut Random) {
    let put = |bytes: &mut Vec<u8>, at: usize, new: &[u8]| {
        let room = new.len().min(bytes.len() - at);
        bytes[at..at + room].copy_from_slice(&new[..room]);
    };
    match random.below(14) {
        0 => bytes[at] ^= 1 << random.below(8),
        1 => bytes[at] = random.next() as u8,
        2 => bytes[at] = random.pick(&[0, 0xFF, 0x7F, 0x80]),
        3 => put(bytes, at, &random.pick(&NUMBERS).to_le_bytes()),
        4 => put(bytes, at, &(random.pick(&NUMBERS) as u16).to_le_bytes()),
        5 => put(bytes, at, &random.pick(&NUMBERS).to_be_bytes()),
        6 => put(bytes, at, &(random.pick(&NUMBERS) as u16).to_be_bytes()),
        7 => put(bytes, at, random.pick(&TEXTS)),
        8 => {
            let vr = 2 * random.below(VRS.len() / 2);
            put(bytes, at, &VRS[vr..vr + 2]);
        }
        9 => bytes.truncate(at),
        10 => drop(bytes.drain(at..end.min(at + 1 + random.below(64)))),
        11 => {
            // A piece again, as an element twice.
            let piece = bytes[at..end.min(at + 1 + random.below(64))].to_vec();
            bytes.splice(at..at, piece);
        }
        12 => {
            let from = bytes.len() - random.below(bytes.len());
            let piece = bytes[from.min(end)..end.min(from + 16)].to_vec();
            put(bytes, at, &piece);
        }
        _ => {
            // The sixteen bits after a tag's group are numbers more often than not.
            let number = random.pick(&NUMBERS).to_le_bytes();
            let even = at & !1;
            put(bytes, even, &number[..random.pick(&[1, 2, 4])]);
        }
    }
}
