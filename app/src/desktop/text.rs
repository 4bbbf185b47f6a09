//! The window's words, in the user's language.
//!
//! Messages are Fluent files in `assets/locales`, built into the binary. `tr!("key")` is a message,
//! `tr!("key", count = 3)` one with arguments. Numbers with units come formatted as arguments: they
//! look alike in every language.

use std::borrow::Cow;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};

mod sentences;

pub use sentences::{told, told_reason};

/// The languages there are. The first one has every message.
pub const LANGUAGES: [Language; 2] = [
    Language { code: "en", name: "English", messages: include_str!("../../../assets/locales/en.ftl") },
    Language { code: "de", name: "Deutsch", messages: include_str!("../../../assets/locales/de.ftl") },
];

/// A language of the window.
#[derive(Clone, Copy, Debug)]
pub struct Language {
    /// ISO 639-1.
    pub code: &'static str,
    /// In the language itself.
    pub name: &'static str,
    messages: &'static str,
}

type Bundle = FluentBundle<FluentResource>;

static BUNDLES: LazyLock<[Bundle; LANGUAGES.len()]> = LazyLock::new(|| LANGUAGES.map(bundle));

/// Of the keys that are made of English words.
const LONGEST_KEY: usize = 60;

static CURRENT: AtomicUsize = AtomicUsize::new(0);

fn bundle(language: Language) -> Bundle {
    let code = language.code.parse().expect("a code of two letters is a language");
    let mut bundle = Bundle::new_concurrent(vec![code]);
    // Marks around arguments, for scripts that run from right to left, are boxes in our fonts.
    bundle.set_use_isolating(false);
    let resource = match FluentResource::try_new(language.messages.to_owned()) {
        Ok(resource) => resource,
        // What can be read is worth more than nothing; a test finds what cannot.
        Err((resource, errors)) => {
            tracing::error!(language = language.code, ?errors, "messages are damaged");
            resource
        }
    };
    bundle.add_resource_overriding(resource);
    bundle
}

/// Chooses the language with this code; the system's without one, English where there is none.
pub fn choose(code: Option<&str>) {
    let system = sys_locale::get_locale().unwrap_or_default();
    let wanted = code.unwrap_or(&system);
    let index = LANGUAGES.iter().position(|language| is_of(wanted, language.code));
    CURRENT.store(index.unwrap_or(0), Ordering::Relaxed);
}

/// The code of the current language.
pub fn language() -> &'static str {
    LANGUAGES[CURRENT.load(Ordering::Relaxed)].code
}

/// Whether a locale, such as `de-AT`, is of a language.
fn is_of(locale: &str, code: &str) -> bool {
    let language = locale.split(['-', '_', '.']).next().unwrap_or_default();
    language.eq_ignore_ascii_case(code)
}

/// A message in the current language, else in English, else its key. `tr!` is the way to call it: the
/// tests look for that.
pub fn message(key: &'static str, arguments: &[(&'static str, FluentValue<'_>)]) -> Cow<'static, str> {
    let current = CURRENT.load(Ordering::Relaxed);
    let of = |index: usize| {
        let bundle: &'static Bundle = &BUNDLES[index];
        let pattern = bundle.get_message(key)?.value()?;
        let mut errors = Vec::new();
        if arguments.is_empty() {
            return Some(bundle.format_pattern(pattern, None, &mut errors));
        }
        let arguments: FluentArgs<'_> = arguments.iter().cloned().collect();
        let text = bundle.format_pattern(pattern, Some(&arguments), &mut errors).into_owned();
        Some(Cow::Owned(text))
    };
    of(current).or_else(|| of(0)).unwrap_or(Cow::Borrowed(key))
}

/// A word of a table in the code, as for example the one of shortcuts, in the current language. Its key is the
/// English words in small letters, with hyphens between them; without such a message it stays English.
pub fn of(english: &'static str) -> &'static str {
    let key = key_of(english);
    let current: &'static Bundle = &BUNDLES[CURRENT.load(Ordering::Relaxed)];
    let pattern = current.get_message(&key).and_then(|message| message.value());
    match pattern.map(|pattern| current.format_pattern(pattern, None, &mut Vec::new())) {
        Some(Cow::Borrowed(words)) => words,
        _ => english,
    }
}

/// The same of a word that is known as the program runs only, as for example the name of a window that may be built in
/// or from a file.
pub fn named(word: &str) -> Cow<'_, str> {
    let index = CURRENT.load(Ordering::Relaxed);
    if index == 0 {
        return Cow::Borrowed(word);
    }
    let current: &'static Bundle = &BUNDLES[index];
    let pattern = current.get_message(&key_of(word)).and_then(|message| message.value());
    pattern.map_or_else(|| told(word), |pattern| current.format_pattern(pattern, None, &mut Vec::new()))
}

/// Keys as they are engraved on keyboards of the language: `Ctrl+O` is `Strg+O` in German.
pub fn keys(english: &str) -> String {
    keys_in(CURRENT.load(Ordering::Relaxed), english)
}

fn keys_in(index: usize, english: &str) -> String {
    let current: &'static Bundle = &BUNDLES[index];
    let engraved = |word: &str| {
        let message = current.get_message(&format!("key-{}", word.to_ascii_lowercase()))?;
        Some(current.format_pattern(message.value()?, None, &mut Vec::new()).into_owned())
    };
    let (mut text, mut word) = (String::new(), String::new());
    for c in english.chars().chain(['\0']) {
        if c.is_ascii_alphabetic() {
            word.push(c);
            continue;
        }
        // A letter is a key of its own.
        let known = if word.len() > 1 { engraved(&word) } else { None };
        text.push_str(known.as_deref().unwrap_or(&word));
        word.clear();
        text.extend((c != '\0').then_some(c));
    }
    text
}

fn key_of(english: &str) -> String {
    let mut key = String::new();
    for c in english.chars() {
        if c.is_ascii_alphanumeric() {
            key.push(c.to_ascii_lowercase());
        } else if !key.is_empty() && !key.ends_with('-') {
            key.push('-');
        }
    }
    key.truncate(LONGEST_KEY);
    key.trim_end_matches('-').to_owned()
}

/// A message by its key: `tr!("open")`, `tr!("slice-of", number = 3, count = 275)`.
macro_rules! tr {
    ($key:literal) => {
        $crate::desktop::text::message($key, &[])
    };
    ($key:literal, $($name:ident = $value:expr),+ $(,)?) => {
        $crate::desktop::text::message($key, &[$((stringify!($name), $value.into())),+])
    };
}
pub(crate) use tr;

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::Path;

    use fluent_bundle::FluentResource;
    use render_core::scene::PresetLibrary;
    use render_core::volume::{Meaning, Rescale, Voxels};
    use render_core::{Geometry, Volume, window};

    use super::super::hanging::Protocols;
    use super::super::kind::Kind;
    use super::super::mouse::{Mouse, Press, Turn};
    use super::super::tool::Tool;
    use super::super::{command, top_bar};
    use super::*;

    /// The names of variables in a message, by key. Fluent's own syntax: `{ $name`.
    fn keys(language: &Language) -> BTreeMap<String, BTreeSet<String>> {
        let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut key = String::new();
        for line in language.messages.lines() {
            if line.starts_with(|c: char| c.is_ascii_alphabetic()) {
                key = line.split(" =").next().expect("a line has a beginning").to_owned();
                assert!(found.insert(key.clone(), BTreeSet::new()).is_none(), "{key} is there twice");
            }
            for part in line.split('$').skip(1) {
                let name: String =
                    part.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                found.get_mut(&key).expect("a variable is in a message").insert(name);
            }
        }
        found
    }

    /// The window's sources but this one, by their names.
    fn sources() -> Vec<(String, String)> {
        fn read(folder: &Path, texts: &mut Vec<(String, String)>) {
            for entry in std::fs::read_dir(folder).expect("the sources can be listed") {
                let path = entry.expect("the sources can be listed").path();
                if path.is_dir() {
                    read(&path, texts);
                } else if path.extension().is_some_and(|e| e == "rs")
                    && !path.ends_with("text.rs")
                    && !path.ends_with("tests.rs")
                {
                    let text = std::fs::read_to_string(&path).expect("a source can be read");
                    texts.push((path.display().to_string(), text));
                }
            }
        }
        let mut texts = Vec::new();
        read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/desktop"), &mut texts);
        texts
    }

    /// A text in quotes, and the code before it.
    struct Literal {
        line: usize,
        text: String,
        before: String,
    }

    /// The texts of a source without its comments and tests.
    fn literals(source: &str) -> Vec<Literal> {
        let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let mut found = Vec::new();
        let (mut code, mut letters) = (String::new(), source.chars().peekable());
        let mut line = 1;
        while let Some(c) = letters.next() {
            line += usize::from(c == '\n');
            match c {
                '/' if letters.peek() == Some(&'/') => while letters.next_if(|c| *c != '\n').is_some() {},
                '\'' => {
                    // A letter in quotes, or a lifetime, which has no end.
                    let mut ahead = letters.clone();
                    let first = ahead.next();
                    if first == Some('\\') || ahead.next() == Some('\'') {
                        letters.next();
                        letters.next_if(|_| first == Some('\\'));
                        while letters.next().is_some_and(|c| c != '\'') {}
                    }
                }
                '"' => {
                    let (mut text, start) = (String::new(), line);
                    while let Some(c) = letters.next().filter(|c| *c != '"') {
                        line += usize::from(c == '\n');
                        text.push(c);
                        text.extend(if c == '\\' { letters.next() } else { None });
                    }
                    found.push(Literal { line: start, text, before: code.trim_end().to_owned() });
                    code.push_str("\"\"");
                }
                c => code.push(c),
            }
        }
        found
    }

    /// Whether a text looks like words for people: two words, or one that begins large.
    fn is_for_people(text: &str) -> bool {
        // Keys.
        if text.contains('+') && !text.contains(' ') {
            return false;
        }
        let mut depth = 0;
        let spoken: String = text
            .chars()
            .filter(|c| {
                depth += i32::from(*c == '{') - i32::from(*c == '}');
                depth == 0 && *c != '}'
            })
            .collect();
        let letters = |word: &&str| word.chars().filter(|c| c.is_alphabetic()).count() > 1;
        let words: Vec<&str> = spoken.split_whitespace().filter(letters).collect();
        let large = |word: &str| {
            let mut letters = word.chars();
            letters.next().is_some_and(char::is_uppercase) && letters.next().is_some_and(char::is_lowercase)
        };
        words.len() > 1 || words.first().is_some_and(|word| large(word))
    }

    /// What stands before texts that nobody reads, or that are translated.
    const NOT_SHOWN: &[&str] = &[
        "tr!(",
        "Id::unique(",
        "Id::unique((",
        "id_salt(",
        "from_hash_of((",
        "Grid::new(",
        "Grid::new((",
        "expect(",
        "unreachable!(",
        "Job::start(",
        "request_discard(",
        "Job::aside(",
        "modal(ctx,",
        "skip_serializing_if =",
        "reason =",
        "keys:",
        "text::keys(",
        "Panel::top(",
        "Panel::left(",
        "Panel::right(",
        "Panel::bottom(",
        "include_str!(",
        "Keeper::new(",
        "with_title(",
        "run_native(",
        "anyhow::anyhow!(",
        "#[error(",
        "concat!(",
        "io::Error::other(",
        "ObjectError::Nothing(",
        "Error::Series(",
        "Job::<()>::start(",
    ];

    /// What stays English: names, what only who writes files reads, and what goes into DICOM objects.
    const ENGLISH: &[&str] = &[
        "Space",
        "Aa",
        "Ctrl",
        "Alt",
        "Shift",
        "Preset",
        "WebRTC",
        "WebSocket",
        "Reference",
        "the system gives no random numbers: {error}",
        "the window was made before",
        "a protocol has 1 to {MAX_STAGES} stages",
        "stage {:?}: rows and columns are 1 to {MOST}",
        "stage {:?}: {found} viewports for {all} cells",
        "it is larger than {} KiB",
        "hanging protocol {name}: {reason}",
        "segments in space",
        " and in ",
        "sharing dialog",
        "share dialog",
        "SUV {low:.1} – {high:.1}",
    ];

    /// Every `tr!` of the window's sources: key and names of arguments.
    fn uses() -> BTreeMap<String, BTreeSet<String>> {
        let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (_, text) in &sources() {
            for (at, name) in text.match_indices("tr!(") {
                // Not the end of another macro's name.
                let other = text[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
                let call = text[at + name.len()..].trim_start();
                let Some(rest) = call.strip_prefix('"').filter(|_| !other) else { continue };
                let (key, rest) = rest.split_once('"').expect("a key ends");
                let names = found.entry(key.to_owned()).or_default();
                names.extend(argument_names(rest));
            }
        }
        found
    }

    /// `, a = f(x, y), b = "z")...`: a, b.
    fn argument_names(rest: &str) -> Vec<String> {
        let (mut depth, mut in_string, mut word, mut names) = (0, false, String::new(), Vec::new());
        let mut letters = rest.chars().peekable();
        while let Some(c) = letters.next() {
            match c {
                '"' => in_string = !in_string,
                _ if in_string => {}
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' if depth == 0 => break,
                ')' | ']' | '}' => depth -= 1,
                ',' if depth == 0 => word.clear(),
                '=' if depth == 0 && !word.trim().is_empty() && letters.peek() != Some(&'=') => {
                    if word.trim().chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                        names.push(word.trim().to_owned());
                    }
                    word.clear();
                }
                c if depth == 0 => word.push(c),
                _ => {}
            }
        }
        names
    }

    /// What `of` is asked for.
    fn words_of_tables() -> BTreeSet<&'static str> {
        let mut words = BTreeSet::new();
        for shortcut in command::SHORTCUTS {
            words.extend([shortcut.group, shortcut.text]);
        }
        words.extend(Mouse::default().sheet().into_iter().flatten());
        words.extend(Press::ALL.map(Press::name));
        words.extend(Turn::ALL.map(Turn::name));
        words.extend(Kind::ALL.map(Kind::name));
        words.extend(Tool::ALL.into_iter().chain(Tool::DRAWING).flat_map(|tool| [tool.name(), tool.hint()]));
        words.extend(top_bar::WAYS.iter().flat_map(|(_, name, hint)| [*name, *hint]));
        words.remove("");
        words
    }

    /// The names of what is built in, which `named` is asked for.
    fn built_in_names() -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for modality in ["CT", "MR", "PT"] {
            let geometry = Geometry::new([2, 2, 2], glam::DAffine3::IDENTITY).expect("a grid");
            let meaning = Meaning { modality: modality.to_owned(), ..Meaning::default() };
            let voxels = Voxels::I16(vec![0, 1, 2, 3, 4, 5, 6, 7].into());
            let volume = Volume::new(geometry, voxels, Rescale::IDENTITY, meaning).expect("a volume");
            names.extend(window::menu(&volume).into_iter().map(|(name, _)| name));
            names.extend(PresetLibrary::default().menu(&volume).map(|preset| preset.label.clone()));
        }
        names.extend(Protocols::default().names());
        use reading::Measure::{
            Angle, Area, CobbAngle, Count, Length, LongAxis, Maximum, Mean, Minimum, Perimeter, ShortAxis,
            StandardDeviation, Value, Volume as Solid,
        };
        let measures = [
            Length,
            LongAxis,
            ShortAxis,
            Angle,
            CobbAngle,
            Area,
            Perimeter,
            Solid,
            Value,
            Mean,
            Minimum,
            Maximum,
            StandardDeviation,
            Count,
        ];
        names.extend(measures.map(|measure| measure.name().to_owned()));
        // Steps of the editor, and where spacing is from.
        let steps = ["Erase", "Paint", "Mark key image", "Unmark key image", "nothing: 1 mm is assumed"];
        names.extend(steps.map(str::to_owned));
        names
    }

    #[test]
    fn every_language_has_the_same_messages_with_the_same_arguments() {
        let english = keys(&LANGUAGES[0]);
        for language in &LANGUAGES {
            let parsed = FluentResource::try_new(language.messages.to_owned());
            assert!(parsed.is_ok(), "{}: {:?}", language.code, parsed.err().map(|(_, errors)| errors));
            let other = keys(language);
            let missing: Vec<_> = english.keys().filter(|key| !other.contains_key(*key)).collect();
            let more: Vec<_> = other.keys().filter(|key| !english.contains_key(*key)).collect();
            assert!(
                missing.is_empty() && more.is_empty(),
                "{}: lacks {missing:?}, adds {more:?}",
                language.code
            );
            for (key, names) in &english {
                assert_eq!(&other[key], names, "{}: arguments of {key}", language.code);
            }
        }
    }

    #[test]
    fn what_the_window_says_exists_and_what_exists_is_said() {
        let (known, mut used) = (keys(&LANGUAGES[0]), uses());
        for (key, names) in &used {
            let message = known.get(key).unwrap_or_else(|| panic!("there is no message {key}"));
            assert_eq!(message, names, "arguments of {key}");
        }
        for word in words_of_tables() {
            assert!(known.contains_key(&key_of(word)), "there is no message {} for {word:?}", key_of(word));
            used.insert(key_of(word), BTreeSet::new());
        }
        for name in built_in_names() {
            assert!(known.contains_key(&key_of(&name)), "there is no message {} for {name:?}", key_of(&name));
            used.insert(key_of(&name), BTreeSet::new());
        }
        // What is looked up by the words themselves.
        for (_, text) in &sources() {
            used.extend(literals(text).into_iter().map(|literal| (key_of(&literal.text), BTreeSet::new())));
        }
        let unused = known.keys().filter(|key| !used.contains_key(*key));
        let unused = unused.filter(|key| !key.starts_with("key-") && !key.starts_with("core-"));
        let unused: Vec<_> = unused.collect();
        assert!(unused.is_empty(), "nobody says {unused:?}");
    }

    #[test]
    fn nothing_is_said_in_english_only() {
        let known = keys(&LANGUAGES[0]);
        let mut found = Vec::new();
        let sources = sources();
        for (file, text) in &sources {
            for Literal { line, text, before } in literals(text) {
                let logged = before.rfind("tracing::").is_some_and(|at| !before[at..].contains(';'));
                let skipped = logged || NOT_SHOWN.iter().any(|end| before.ends_with(end));
                let translated = known.contains_key(&key_of(&text)) || ENGLISH.contains(&text.as_str());
                if is_for_people(&text) && !skipped && !translated {
                    found.push(format!("{file}:{line}: {text}"));
                }
            }
        }
        assert!(found.is_empty(), "without a message in assets/locales:\n{}", found.join("\n"));
    }

    #[test]
    fn keys_are_called_as_they_are_engraved() {
        assert_eq!(keys_in(1, "Ctrl+Shift+S, PgUp, H"), "Strg+Umschalt+S, Bild auf, H");
        assert_eq!(keys_in(0, "[, ] with Ctrl"), "[, ] with Ctrl");
    }

    #[test]
    fn arguments_are_counted_and_no_marks_are_added() {
        let points = |count: i32| message("look-none-selected", &[("count", count.into())]);
        assert!(points(1).starts_with("1 point. ") && points(12).starts_with("12 points. "));
        assert_eq!(message("no-such-key", &[]), "no-such-key");
    }

    #[test]
    fn a_locale_is_of_its_language() {
        assert!(is_of("de-AT", "de") && is_of("de_DE.UTF-8", "de") && is_of("EN", "en"));
        assert!(!is_of("den", "de") && !is_of("", "de"));
    }
}
