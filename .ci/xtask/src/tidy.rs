//! Rules for single files: length, leftovers, paths of one machine, data files that do not parse.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// Longer files are split: see the house rules in ARCHITECTURE.md.
const MAX_LINES: usize = 800;

/// Leftovers, and the reason each is refused. Split in two so that this file passes its own check.
const LEFTOVERS: [(&str, &str); 10] = [
    (concat!("TO", "DO"), "do it or file an issue"),
    (concat!("FIX", "ME"), "fix it or file an issue"),
    (concat!("dbg", "!("), "remove the debug print"),
    (concat!("todo", "!("), "write the code"),
    (concat!("#[ign", "ore"), "a test that does not run proves nothing"),
    (concat!("test.sk", "ip("), "a test that does not run proves nothing"),
    (concat!("it.sk", "ip("), "a test that does not run proves nothing"),
    (concat!("describe.sk", "ip("), "a test that does not run proves nothing"),
    (concat!("test.on", "ly("), "the other tests do not run"),
    (concat!("it.on", "ly("), "the other tests do not run"),
];

/// Folders that exist on one machine only.
const MACHINE_FOLDERS: [&str; 6] = [
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
    concat!("/wo", "rk/"),
    concat!("/tm", "p/"),
    concat!("C:\\Us", "ers"),
];

pub fn check(root: &Path) -> Result<Vec<String>> {
    let mut violations = Vec::new();
    for path in files_known_to_git(root)? {
        let relative = path.strip_prefix(root).unwrap_or(&path);
        if is_generated(relative) {
            continue;
        }
        let bytes = std::fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        // Pictures and other binary files have no lines to judge.
        if let Ok(text) = std::str::from_utf8(&bytes) {
            violations.extend(file_violations(relative, text));
        }
    }
    Ok(violations)
}

/// Every file below `folder` that is tracked or would be by `git add`, with its full path.
pub fn files_known_to_git(folder: &Path) -> Result<Vec<PathBuf>> {
    let output = crate::output_of(
        Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(folder),
    )?;
    let names = String::from_utf8(output).context("a file name is not UTF-8")?;
    // A file deleted but not yet committed is still listed.
    Ok(names.split_terminator('\0').map(|name| folder.join(name)).filter(|path| path.is_file()).collect())
}

fn is_generated(path: &Path) -> bool {
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
    matches!(name, "Cargo.lock" | "package-lock.json" | "LICENSE")
        // What wasm-bindgen writes beside the module lies in `drawer`.
        || path.components().any(|part| part.as_os_str() == "dist" || part.as_os_str() == "drawer")
}

fn file_violations(path: &Path, text: &str) -> Vec<String> {
    let shown = path.display();
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    let mut violations = Vec::new();

    let lines = text.lines().count();
    if matches!(extension, "rs" | "ts" | "wgsl") && lines > MAX_LINES {
        violations
            .push(format!("{shown}: {lines} lines, more than {MAX_LINES}; split it by what it is about"));
    }
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        for (leftover, advice) in LEFTOVERS {
            if contains_word(line, leftover) {
                violations.push(format!("{shown}:{number}: {leftover}: {advice}"));
            }
        }
        for folder in MACHINE_FOLDERS {
            if names_folder(line, folder) {
                violations.push(format!(
                    "{shown}:{number}: {folder} is a path of one machine; write a relative one"
                ));
            }
        }
    }
    if let Some(reason) = parse_error(path, extension, text) {
        violations.push(format!("{shown}: does not parse: {reason}"));
    }
    violations
}

/// Whether `line` has `word` with no letter or digit right before it, nor right after a word that ends in one.
fn contains_word(line: &str, word: &str) -> bool {
    let joins = |character: Option<char>| {
        character.is_some_and(|character| character.is_alphanumeric() || character == '_')
    };
    line.match_indices(word).any(|(start, _)| {
        let after = line[start + word.len()..].chars().next();
        let open_ended = word.ends_with(|character: char| !character.is_alphanumeric());
        !joins(line[..start].chars().next_back()) && (open_ended || !joins(after))
    })
}

/// Whether an absolute path in `line` begins with `folder`; `a/home/b` and `http://x/home/` do not.
fn names_folder(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        !before.is_some_and(|character| character.is_alphanumeric() || "/._-~}$*)".contains(character))
    })
}

/// Presets and fixtures must be readable data, but for those that tests expect to be refused.
fn parse_error(path: &Path, extension: &str, text: &str) -> Option<String> {
    let refused_on_purpose = path
        .components()
        .any(|part| matches!(part.as_os_str().to_str(), Some("rejected" | "invalid" | "malformed")));
    // TypeScript's own configuration is JSON with comments.
    let commented = path.file_name().and_then(OsStr::to_str).is_some_and(|name| name.starts_with("tsconfig"));
    match extension {
        _ if refused_on_purpose || commented => None,
        "json" => serde_json::from_str::<serde_json::Value>(text).err().map(|error| error.to_string()),
        "toml" => text.parse::<toml::Table>().err().map(|error| error.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violations(path: &str, text: &str) -> Vec<String> {
        file_violations(Path::new(path), text)
    }

    #[test]
    fn a_clean_file_passes() {
        let text =
            "//! Doc.\nfn main() { let method = 1; }\n// see server-mode/work/x and http://host/home/page\n";
        assert_eq!(violations("a.rs", text), Vec::<String>::new());
    }

    #[test]
    fn the_801st_line_is_one_too_many() {
        assert_eq!(violations("a.wgsl", &"\n".repeat(800)), Vec::<String>::new());
        assert_eq!(violations("a.wgsl", &"\n".repeat(801)).len(), 1);
        assert_eq!(violations("notes.md", &"\n".repeat(801)).len(), 0);
    }

    #[test]
    fn every_leftover_is_found_with_its_line() {
        for (leftover, _) in LEFTOVERS {
            let found = violations("a.ts", &format!("ok\n  {leftover} later\n"));
            assert_eq!(found.len(), 1, "{leftover}: {found:?}");
            assert!(found[0].starts_with("a.ts:2: "), "{}", found[0]);
        }
    }

    #[test]
    fn a_leftover_inside_another_word_is_none() {
        assert_eq!(
            violations("a.rs", concat!("const MASTO", "DON: u8 = 1; fn mydbg", "!() {}")),
            Vec::<String>::new()
        );
    }

    #[test]
    fn every_machine_path_is_found() {
        for folder in MACHINE_FOLDERS {
            assert_eq!(violations("README.md", &format!("run \"{folder}me/x\"")).len(), 1, "{folder}");
        }
    }

    #[test]
    fn data_that_does_not_parse_is_found_unless_it_must_not() {
        assert_eq!(violations("presets/a.json", "{").len(), 1);
        assert_eq!(violations("presets/a.toml", "a = ").len(), 1);
        assert_eq!(violations("fixtures/rejected/a.json", "{"), Vec::<String>::new());
    }
}
