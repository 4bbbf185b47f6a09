//! Identifying words in free text.

use dicom_dictionary_std::tags;

use crate::dicom::dataset::{Dataset, Tag, Value};
use crate::dicom::write;

/// Shorter words are parts of others too often.
const MIN_LENGTH: usize = 3;
/// Numbers of so many digits may be dates, numbers of patients or telephones.
const MAX_DIGITS: usize = 5;

const IDENTIFYING: [dicom_object::Tag; 12] = [
    tags::PATIENT_ID,
    tags::ACCESSION_NUMBER,
    tags::PATIENT_ADDRESS,
    tags::PATIENT_TELEPHONE_NUMBERS,
    tags::PATIENT_BIRTH_DATE,
    tags::STUDY_ID,
    tags::INSTITUTION_NAME,
    tags::INSTITUTION_ADDRESS,
    tags::ADMISSION_ID,
    tags::ISSUER_OF_PATIENT_ID,
    tags::STATION_NAME,
    tags::DEVICE_SERIAL_NUMBER,
];

/// Words of names and numbers that the data set itself calls identifying, longest first.
pub fn identifiers(data: &Dataset<'_>) -> Vec<String> {
    let charset = data.charset();
    let mut words = Vec::new();
    gather(data, &mut |data, tag| words.push(data.person_text(tag, &charset)));
    let mut words: Vec<String> = words
        .iter()
        .flat_map(|text| text.split(|c: char| !c.is_alphanumeric()))
        .filter(|word| word.chars().count() >= MIN_LENGTH)
        .map(str::to_lowercase)
        .collect();
    words.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    words.dedup();
    words
}

/// Words of the patient's own name and ID.
pub fn patient_words(data: &Dataset<'_>) -> Vec<String> {
    let charset = data.charset();
    let own = [tags::PATIENT_NAME, tags::PATIENT_ID].map(|tag| data.person_text(tag, &charset));
    let words = own.iter().flat_map(|text| text.split(|c: char| !c.is_alphanumeric()));
    words.filter(|word| word.chars().count() > MIN_LENGTH).map(str::to_lowercase).collect()
}

/// Text that may stay, without these words. Codes are no text of anybody's.
pub fn without(tag: Tag, vr: [u8; 2], bytes: &mut Vec<u8>, words: &[String]) {
    let code = [tags::CODE_VALUE, tags::CODING_SCHEME_DESIGNATOR].iter().any(|&code| tag == code.into());
    let is_text = matches!(&vr, b"LO" | b"LT" | b"SH" | b"ST" | b"UC" | b"UT");
    if code || !is_text || words.is_empty() {
        return;
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let cleaned = replaced(text, |word| words.iter().any(|own| word.to_lowercase() == *own));
    if cleaned != text {
        *bytes = cleaned.into_bytes();
    }
}

/// As deep as the data set goes, which is limited where it is read.
fn gather<'a>(data: &Dataset<'a>, found: &mut impl FnMut(&Dataset<'a>, Tag)) {
    for element in data.elements() {
        let named = &element.vr == b"PN"
            || write::dictionary_vr(element.tag, false) == Some(*b"PN")
            || IDENTIFYING.iter().any(|&tag| element.tag == tag.into());
        match &element.value {
            Value::Items(items) => items.iter().for_each(|item| gather(item, found)),
            Value::Bytes(_) if named => found(data, element.tag),
            Value::Bytes(_) => {}
        }
    }
}

/// Text without identifying words and long numbers. Of text that is not UTF-8 a star is left, because its words
/// cannot be told; of anything that is no text, nothing.
pub fn clean(vr: [u8; 2], bytes: &[u8], identifiers: &[String]) -> Vec<u8> {
    if !matches!(&vr, b"LO" | b"LT" | b"SH" | b"ST" | b"UC" | b"UT" | b"CS") {
        return Vec::new();
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return b"*".to_vec() };
    let identifies = |word: &str| {
        let lower = word.to_lowercase();
        word.chars().filter(char::is_ascii_digit).count() > MAX_DIGITS
            || identifiers.iter().any(|identifier| lower.contains(identifier.as_str()))
    };
    replaced(text, identifies).into_bytes()
}

/// Text with a star in place of each word that `is_private`.
fn replaced(text: &str, is_private: impl Fn(&str) -> bool) -> String {
    let mut out = String::new();
    for piece in text.split_inclusive(|c: char| !c.is_alphanumeric()) {
        let word = piece.trim_end_matches(|c: char| !c.is_alphanumeric());
        out.push_str(if !word.is_empty() && is_private(word) { "*" } else { word });
        out.push_str(&piece[word.len()..]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_long_numbers_are_taken_out_of_text() {
        let known = ["jane".to_owned(), "doe".to_owned(), "ab12".to_owned()];
        let cleaned = |text: &str| String::from_utf8(clean(*b"LO", text.as_bytes(), &known)).expect("UTF-8");
        assert_eq!(cleaned("Thorax of JANE Doe, ab12"), "Thorax of * *, *");
        assert_eq!(cleaned("Does 0123456 fit? T2 1.5 mm"), "* * fit? T2 1.5 mm");
        assert_eq!(clean(*b"LO", b"M\xfcller", &known), b"*");
        assert!(clean(*b"OB", b"Jane", &known).is_empty());
    }
}
