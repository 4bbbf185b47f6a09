//! Frames on a track: what is no video travels in access units of H.264 that hold nothing but supplemental information,
//! which no decoder shows. Lost packets are sent again, and their loss narrows nothing, as it does with SCTP.

/// The largest piece of a frame in a unit. Receivers hold 30 units back at most while packets are sent again.
pub const PIECE: usize = 32 << 10;
/// A start code, and the header of a unit with supplemental information (H.264, 7.4.1).
const START: [u8; 5] = [0, 0, 0, 1, 6];
/// What ends a unit, for it must not end with a zero.
const END: u8 = 0x80;
const LAST_PIECE: u8 = 1;
const FIRST_PIECE: u8 = 4;
/// Longer frames have no end.
const MOST_BYTES: usize = 1 << 20;

/// An access unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit<'a> {
    /// Rises by one from unit to unit, wrapping.
    pub counter: u16,
    pub is_first: bool,
    pub is_last: bool,
    pub piece: &'a [u8],
}

impl<'a> Unit<'a> {
    /// Reads what `unescaped` returned.
    pub fn decode(bytes: &'a [u8]) -> Option<Self> {
        let [low, high, flags, piece @ .., END] = bytes else { return None };
        if piece.len() > PIECE {
            return None;
        }
        let (is_first, is_last) = (flags & FIRST_PIECE != 0, flags & LAST_PIECE != 0);
        Some(Self { counter: u16::from_le_bytes([*low, *high]), is_first, is_last, piece })
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.piece.len() + self.piece.len() / 64 + 16);
        bytes.extend(START);
        let flags = if self.is_first { FIRST_PIECE } else { 0 } | if self.is_last { LAST_PIECE } else { 0 };
        let [low, high] = self.counter.to_le_bytes();
        // Three bytes of which the last is at most 3 after two zeros could be a start code (H.264, 7.4.1.1).
        let mut zeros = 0;
        for byte in [low, high, flags].iter().chain(self.piece).chain(&[END]) {
            if zeros == 2 && *byte <= 3 {
                bytes.push(3);
                zeros = 0;
            }
            bytes.push(*byte);
            zeros = if *byte == 0 { zeros + 1 } else { 0 };
        }
        bytes
    }
}

/// The bytes of a unit, as they were before they were escaped; none where it is not of this kind.
pub fn unescaped(unit: &[u8]) -> Vec<u8> {
    let unit = unit.strip_prefix(&START).unwrap_or_default();
    let mut bytes = Vec::with_capacity(unit.len());
    let mut zeros = 0;
    for &byte in unit {
        if zeros == 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        bytes.push(byte);
    }
    bytes
}

/// What a unit brings.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken {
    Nothing,
    Frame(Vec<u8>),
    /// Something before it, or the frame that it was part of, is lost.
    Gap,
}

/// A client's end.
#[derive(Debug, Default)]
pub struct Joined {
    next: u16,
    pieces: Vec<u8>,
    /// The first piece of a frame has come, and all after it.
    is_whole: bool,
}

impl Joined {
    pub fn take(&mut self, unit: &[u8]) -> Taken {
        let bytes = unescaped(unit);
        let Some(Unit { counter, is_first, is_last, piece }) = Unit::decode(&bytes) else {
            return Taken::Nothing;
        };
        let has_gap = std::mem::replace(&mut self.next, counter.wrapping_add(1)) != counter;
        if is_first {
            self.pieces.clear();
            self.is_whole = true;
        }
        self.is_whole &= (is_first || !has_gap) && self.pieces.len() + piece.len() <= MOST_BYTES;
        if self.is_whole {
            self.pieces.extend(piece);
        }
        match (has_gap, self.is_whole && is_last) {
            // What a frame after a gap says is no use: all views are asked for anew.
            (true, _) => Taken::Gap,
            (false, true) => Taken::Frame(std::mem::take(&mut self.pieces)),
            (false, false) => Taken::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(frame: &[u8], first: u16) -> Vec<Vec<u8>> {
        let pieces: Vec<&[u8]> = frame.chunks(PIECE).collect();
        let unit = |(number, piece): (usize, &&[u8])| {
            let (is_first, is_last) = (number == 0, number + 1 == pieces.len());
            Unit { counter: first.wrapping_add(number as u16), is_first, is_last, piece }.encode()
        };
        pieces.iter().enumerate().map(unit).collect()
    }

    #[test]
    fn a_frame_comes_as_it_was_and_holds_no_start_code() {
        let frame: Vec<u8> =
            (0..3 * PIECE + 5).map(|i| [0, 0, 0, 1, 0, 0, 2, 0, 0, 3, 255][i % 11]).collect();
        let mut joined = Joined { next: u16::MAX - 1, ..Joined::default() };
        let units = units(&frame, u16::MAX - 1);
        let taken: Vec<Taken> = units.iter().map(|unit| joined.take(unit)).collect();
        assert!(units.iter().all(|unit| !unit[5..].windows(3).any(|bytes| matches!(bytes, [0, 0, 0..=2]))));
        assert_eq!(taken.last(), Some(&Taken::Frame(frame)));
        assert!(taken[..3].iter().all(|taken| *taken == Taken::Nothing));
    }

    #[test]
    fn what_is_lost_is_noticed_and_what_comes_after_it_is_whole() {
        let frame = vec![7; 2 * PIECE];
        let mut joined = Joined::default();
        assert_eq!(joined.take(&units(&frame, 0)[0]), Taken::Nothing);
        assert_eq!(joined.take(&units(&frame, 2)[0]), Taken::Gap);
        assert_eq!(joined.take(&units(&frame, 2)[1]), Taken::Frame(frame.clone()));
        assert_eq!(joined.take(&units(&frame, 5)[1]), Taken::Gap);
        assert_eq!(joined.take(&[0, 0, 0, 1, 0x65, 1, 2]), Taken::Nothing);
        assert_eq!(joined.take(&[]), Taken::Nothing);
    }
}
