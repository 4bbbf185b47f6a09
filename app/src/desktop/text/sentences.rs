//! Sentences of the core, which speaks English, in the window's language.
//!
//! Their patterns are the messages `core-…` in English: where one fits a sentence, what stands in its gaps goes into
//! the message of the same key. A sentence that fits none stays English.

use std::borrow::Cow;
use std::sync::LazyLock;
use std::sync::atomic::Ordering;

use fluent_bundle::FluentArgs;

use super::{BUNDLES, CURRENT, LANGUAGES};

/// Those with the most words first: what fits them is told best.
static PATTERNS: LazyLock<Vec<Pattern>> = LazyLock::new(|| {
    let lines = LANGUAGES[0].messages.lines().filter(|line| line.starts_with("core-"));
    let mut patterns: Vec<Pattern> =
        lines.filter_map(|line| line.split_once(" = ")).map(|(key, text)| Pattern::new(key, text)).collect();
    patterns.sort_by_key(|pattern| {
        std::cmp::Reverse(pattern.words.iter().map(|words| words.len()).sum::<usize>())
    });
    patterns
});

/// What stands before, between and after the gaps: always one more than those.
struct Pattern {
    key: &'static str,
    words: Vec<&'static str>,
    gaps: Vec<&'static str>,
}

impl Pattern {
    fn new(key: &'static str, text: &'static str) -> Self {
        let mut parts = text.split("{ $");
        let mut words: Vec<&str> = parts.next().into_iter().collect();
        let mut gaps = Vec::new();
        for (gap, after) in parts.filter_map(|part| part.split_once(" }")) {
            gaps.push(gap);
            words.push(after);
        }
        Self { key, words, gaps }
    }

    /// What of a sentence stands in the gaps; `None` where it is another one.
    fn fill<'a>(&self, sentence: &'a str) -> Option<Vec<&'a str>> {
        let (first, rest) = self.words.split_first()?;
        let mut left = sentence.strip_prefix(first)?;
        let Some((last, between)) = rest.split_last() else { return left.is_empty().then(Vec::new) };
        let mut filled = Vec::new();
        for words in between {
            let (gap, after) = left.split_once(words)?;
            filled.push(gap);
            left = after;
        }
        filled.push(left.strip_suffix(last)?);
        filled.iter().all(|gap| !gap.is_empty()).then_some(filled)
    }
}

/// A sentence of the core in the current language, or as it is.
pub fn told(sentence: &str) -> Cow<'_, str> {
    told_in(CURRENT.load(Ordering::Relaxed), sentence).map_or(Cow::Borrowed(sentence), Cow::Owned)
}

/// Why a file cannot be used, and what to do about it.
pub fn told_reason(reason: &str) -> String {
    reason_in(CURRENT.load(Ordering::Relaxed), reason)
}

fn reason_in(index: usize, reason: &str) -> String {
    let told = |part: &str| told_in(index, part).unwrap_or_else(|| part.to_owned());
    match reason.rsplit_once("; ") {
        Some((what, advice)) => format!("{}; {}", told(what), told(advice)),
        None => told(reason),
    }
}

fn told_in(index: usize, sentence: &str) -> Option<String> {
    if index == 0 {
        return None;
    }
    PATTERNS.iter().find_map(|pattern| {
        let filled = pattern.fill(sentence)?;
        let message = BUNDLES[index].get_message(pattern.key)?.value()?;
        let mut arguments = FluentArgs::new();
        for (name, gap) in pattern.gaps.iter().zip(filled) {
            // What differs is a list of sentences' parts.
            let parts =
                gap.split(" and in ").map(|part| told_in(index, part).unwrap_or_else(|| part.to_owned()));
            arguments.set(*name, parts.collect::<Vec<_>>().join(", "));
        }
        Some(BUNDLES[index].format_pattern(message, Some(&arguments), &mut Vec::new()).into_owned())
    })
}

#[cfg(test)]
mod tests {
    use render_core::Progress;
    use render_core::dicom;

    use super::*;

    #[test]
    fn numbers_and_words_of_a_sentence_go_into_that_of_another_language() {
        let german = |sentence| told_in(1, sentence);
        assert_eq!(
            german("the images were compressed with loss (ratio 7.5): values are not exact").as_deref(),
            Some("Die Bilder wurden mit Verlust komprimiert (Verhältnis 7.5): Die Werte sind nicht genau")
        );
        let differ = "the images of the series differ in the tube voltage (0018,0060) and in the echo time \
                      (0018,0081): they are kept apart as 2 volumes";
        let told = german(differ).expect("is known");
        assert!(
            told.contains("Röhrenspannung") && told.contains("Echozeit") && told.contains(" 2 "),
            "{told}"
        );
        assert_eq!(german("the slices are made of cheese"), None);
        let open = "The server can be reached from the network of 10.0.0.7, and nothing is encrypted: whoever can listen on \
                    the way sees the pictures and the token. Use it on networks you trust only, or put a proxy with TLS \
                    in front.";
        assert!(german(open).is_some_and(|told| told.contains("dem Netz von 10.0.0.7 erreichbar")));
        assert_eq!(told_in(0, "there is no segment"), None);
        assert_eq!(
            reason_in(
                1,
                "PixelData (7FE0,0010), frame 2 of 5: its JPEG image is damaged: it ends; get the file again from where it came"
            ),
            "PixelData (7FE0,0010), Bild 2 von 5: Das JPEG-Bild ist beschädigt: it ends; bitte die Datei von dort, woher sie kam, noch einmal holen"
        );
    }

    /// All that the core says of the real studies.
    #[test]
    fn what_the_core_says_of_studies_is_told_in_every_language() {
        let data = std::env::var_os("VOXCAST_DATA").map_or_else(
            || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
            std::path::PathBuf::from,
        );
        if !data.is_dir() {
            eprintln!("skipped: no ../shared/data");
            return;
        }
        let malformed = dicom::scan(&[data.join("malformed")], &Progress::default()).unwrap();
        assert!(!malformed.failed.is_empty());
        for reason in malformed.failed.iter().map(|failed| &failed.reason) {
            let (what, advice) = reason.rsplit_once("; ").expect("says what to do");
            assert!(told_in(1, what).is_some() && told_in(1, advice).is_some(), "English only: {reason}");
        }
        let paths = ["geometry", "modalities", "ct-head-tilt-uneven"].map(|name| data.join(name));
        let library = dicom::scan(&paths, &Progress::default()).unwrap();
        let mut unknown = std::collections::BTreeSet::new();
        for series in library.studies.iter().flat_map(|study| &study.series) {
            let report = series.report();
            let lines = report.found.iter().chain(&report.corrected).chain(&report.unknown);
            let said = series.warnings.iter().map(|warning| &warning.message).chain(lines);
            unknown.extend(said.filter(|said| told_in(1, said).is_none()).cloned());
        }
        assert!(unknown.is_empty(), "English only: {unknown:#?}");
    }
}
