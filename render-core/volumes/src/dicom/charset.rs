//! Text of elements in the data set's character sets, with code extensions (PS3.3 C.12.1.1.2, PS3.5 6.1).

use dicom_encoding::text::{SpecificCharacterSet, TextCodec};

const ESCAPE: u8 = 0x1B;

/// What Specific Character Set (0008,0005) says.
#[derive(Clone, Debug)]
pub struct Charset {
    first: Set,
    /// The value switches between sets by escape sequences.
    extended: bool,
}

/// What bytes above 127 mean; all sets agree about ASCII, but for JIS X 0201 (¥ and ‾).
#[derive(Clone, Debug)]
enum Set {
    Known(SpecificCharacterSet),
    /// ISO 8859-9, 8859-15: Latin 1 with some letters replaced.
    Latin(&'static [(char, char)]),
    /// Pairs of bytes below 128, entered by this escape sequence.
    JapanesePairs(&'static [u8]),
}

const LATIN_5: &[(char, char)] = &[('Ð', 'Ğ'), ('Ý', 'İ'), ('Þ', 'Ş'), ('ð', 'ğ'), ('ý', 'ı'), ('þ', 'ş')];
const LATIN_9: &[(char, char)] =
    &[('¤', '€'), ('¦', 'Š'), ('¨', 'š'), ('´', 'Ž'), ('¸', 'ž'), ('¼', 'Œ'), ('½', 'œ'), ('¾', 'Ÿ')];

/// Escape sequences and the sets they switch to (PS3.3 tables C.12-3 and C.12-4).
const ESCAPES: [(&[u8], &str); 18] = [
    (b"$)C", "ISO_IR 149"),
    (b"$)A", "GB2312"),
    (b"$(D", "ISO_IR 159"),
    (b"$B", "ISO_IR 87"),
    (b"(B", "ISO_IR 6"),
    (b"(J", "ISO_IR 13"),
    (b")I", "ISO_IR 13"),
    (b"-A", "ISO_IR 100"),
    (b"-B", "ISO_IR 101"),
    (b"-C", "ISO_IR 109"),
    (b"-D", "ISO_IR 110"),
    (b"-F", "ISO_IR 126"),
    (b"-G", "ISO_IR 127"),
    (b"-H", "ISO_IR 138"),
    (b"-L", "ISO_IR 144"),
    (b"-M", "ISO_IR 148"),
    (b"-T", "ISO_IR 166"),
    (b"-b", "ISO_IR 203"),
];

impl Set {
    fn from_code(code: &str) -> Option<Self> {
        Some(match code.replace("ISO 2022 IR", "ISO_IR").as_str() {
            "ISO_IR 148" => Self::Latin(LATIN_5),
            "ISO_IR 203" => Self::Latin(LATIN_9),
            "ISO_IR 87" => Self::JapanesePairs(b"\x1B$B"),
            "ISO_IR 159" => Self::JapanesePairs(b"\x1B$(D"),
            "ISO_IR 58" => Self::Known(SpecificCharacterSet::from_code("GB2312")?),
            other => Self::Known(SpecificCharacterSet::from_code(other)?),
        })
    }

    fn decode(&self, bytes: &[u8]) -> String {
        let decoded = match self {
            Self::Known(set) => set.decode(bytes),
            Self::Latin(replaced) => {
                let letter = |c: char| replaced.iter().find(|(from, _)| *from == c).map_or(c, |(_, to)| *to);
                return bytes.iter().map(|&b| letter(char::from(b))).collect();
            }
            Self::JapanesePairs(escape) => {
                let set = SpecificCharacterSet::from_code("ISO_IR 87").unwrap_or_default();
                set.decode(&[*escape, bytes].concat())
            }
        };
        decoded.unwrap_or_else(|_| String::from_utf8_lossy(bytes).into_owned())
    }
}

impl Charset {
    /// From the values of the element; unknown ones count as the default repertoire.
    pub fn new(codes: &[String]) -> Self {
        let default = || Set::Known(SpecificCharacterSet::default());
        // A set of pairs is no first set: text would begin in the middle of it.
        let first = codes.first().and_then(|code| Set::from_code(code));
        let first = first.filter(|set| !matches!(set, Set::JapanesePairs(_))).unwrap_or_else(default);
        let extended = codes.len() > 1 || codes.iter().any(|code| code.starts_with("ISO 2022"));
        Self { first, extended }
    }

    pub fn decode(&self, bytes: &[u8]) -> String {
        if !self.extended || !bytes.contains(&ESCAPE) {
            return self.first.decode(bytes);
        }
        let mut text = String::new();
        let mut set = self.first.clone();
        let mut rest = bytes;
        while !rest.is_empty() {
            if rest[0] == ESCAPE {
                let switch = ESCAPES.iter().find(|(sequence, _)| rest[1..].starts_with(sequence));
                let known = switch.and_then(|(sequence, code)| Some((sequence.len(), Set::from_code(code)?)));
                let (length, next) = known.unwrap_or((0, self.first.clone()));
                set = next;
                rest = &rest[1 + length..];
                continue;
            }
            // Delimiters end what an escape sequence began, except that pairs may contain their bytes.
            let pairs = matches!(set, Set::JapanesePairs(_));
            let delimits = |b: u8| !pairs && matches!(b, b'^' | b'=' | b'\\' | b'\t' | b'\n' | 0x0C | b'\r');
            if delimits(rest[0]) {
                set = self.first.clone();
                text.push(char::from(rest[0]));
                rest = &rest[1..];
                continue;
            }
            let end = rest.iter().position(|&b| b == ESCAPE || delimits(b)).unwrap_or(rest.len());
            text.push_str(&set.decode(&rest[..end]));
            rest = &rest[end..];
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(codes: &[&str], bytes: &[u8]) -> String {
        Charset::new(&codes.iter().map(|&code| code.to_owned()).collect::<Vec<_>>()).decode(bytes)
    }

    #[test]
    fn pairs_may_contain_the_bytes_of_delimiters() {
        let name = b"\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B";
        for first in ["", "ISO 2022 IR 6"] {
            assert_eq!(decode(&[first, "ISO 2022 IR 87"], name), "やまだ^たろう");
        }
    }

    #[test]
    fn a_delimiter_ends_what_an_escape_sequence_began() {
        let name = b"Buc^\x1b-A\xe9=\xe9";
        assert_eq!(decode(&["ISO 2022 IR 126", "ISO 2022 IR 100"], name), "Buc^é=ι");
    }

    #[test]
    fn unknown_sets_and_cut_escapes_lose_no_text() {
        assert_eq!(decode(&["ISO_IR 999"], b"Doe^Jane"), "Doe^Jane");
        assert_eq!(decode(&["", "ISO 2022 IR 87"], b"Doe\x1b"), "Doe");
        assert_eq!(decode(&["ISO_IR 148"], b"\xddzmir"), "İzmir");
    }
}
