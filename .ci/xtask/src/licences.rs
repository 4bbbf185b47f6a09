//! `assets/licences.txt`: whose work is linked into the program, and on what terms. The window shows it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::output_of;

const FILE: &str = "assets/licences.txt";

/// Whose own work needs no telling.
const ROOT: &str = "voxcast";

/// Writes the file anew.
pub fn write(root: &Path) -> Result<Vec<String>> {
    let path = root.join(FILE);
    std::fs::write(&path, text(root)?).with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(Vec::new())
}

/// Whether the file is what `write` would write. Only the list is compared: whether the texts are at hand depends
/// on what has been fetched.
pub fn check(root: &Path) -> Result<Vec<String>> {
    let path = root.join(FILE);
    let there =
        std::fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    let list = |text: &str| text.split("\n====").next().unwrap_or_default().to_owned();
    if list(&there) == list(&listing(&packages(root)?)) {
        return Ok(Vec::new());
    }
    Ok(vec![format!("{FILE} is not what is linked now: cargo run -p xtask -- licences")])
}

struct Package {
    name: String,
    version: String,
    licence: String,
    folder: std::path::PathBuf,
}

/// All that is linked into the program on any platform, by name.
fn packages(root: &Path) -> Result<Vec<Package>> {
    let arguments = ["metadata", "--locked", "--format-version", "1"];
    let output = output_of(Command::new("cargo").args(arguments).current_dir(root))?;
    let metadata: Value = serde_json::from_slice(&output).context("cargo metadata prints no JSON")?;
    let array = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
    let members: BTreeSet<String> = array(&metadata, "workspace_members")
        .iter()
        .filter_map(|id| id.as_str().map(str::to_owned))
        .collect();
    let all: BTreeMap<String, Value> = array(&metadata, "packages")
        .into_iter()
        .filter_map(|package| Some((package["id"].as_str()?.to_owned(), package)))
        .collect();
    let nodes: BTreeMap<String, Value> = array(&metadata["resolve"], "nodes")
        .into_iter()
        .filter_map(|node| Some((node["id"].as_str()?.to_owned(), node)))
        .collect();
    let Some(start) = members.iter().find(|id| all.get(*id).is_some_and(|package| package["name"] == ROOT))
    else {
        bail!("the workspace has no crate {ROOT}");
    };
    let (mut linked, mut open) = (BTreeSet::new(), vec![start.clone()]);
    while let Some(id) = open.pop() {
        if !linked.insert(id.clone()) {
            continue;
        }
        for dependency in nodes.get(&id).map(|node| array(node, "deps")).unwrap_or_default() {
            // Build scripts and tests are not linked.
            let counts = array(&dependency, "dep_kinds").iter().any(|kind| kind["kind"].is_null());
            if let Some(next) = dependency["pkg"].as_str().filter(|_| counts) {
                open.push(next.to_owned());
            }
        }
    }
    let mut packages = Vec::new();
    for id in linked.iter().filter(|id| !members.contains(*id)) {
        let package = all.get(id).with_context(|| format!("package {id} is missing"))?;
        let text = |key: &str| package[key].as_str().unwrap_or_default().to_owned();
        let manifest = std::path::PathBuf::from(text("manifest_path"));
        let folder = manifest.parent().map(Path::to_owned).unwrap_or_default();
        let licence = text("license").replace('/', " OR ").replace("  ", " ");
        packages.push(Package { name: text("name"), version: text("version"), licence, folder });
    }
    packages.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    Ok(packages)
}

fn listing(packages: &[Package]) -> String {
    let mut text = String::from(
        "Voxcast is licensed under the Apache License, Version 2.0. It holds the work of others:\n\n",
    );
    for Package { name, version, licence, .. } in packages {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name} {version}  {licence}");
    }
    text.push_str(
        "\nVideo is encoded with the libraries of FFmpeg that are installed on the machine (LGPL or GPL).\n",
    );
    text
}

/// The list, then each text once with the packages that it is of. Of several licences to choose from, Apache-2.0 is
/// taken, so that its text stands here once.
fn text(root: &Path) -> Result<String> {
    let packages = packages(root)?;
    let mut text = listing(&packages);
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in packages.iter().filter(|package| !package.licence.contains("Apache-2.0")) {
        let mut files: Vec<_> = std::fs::read_dir(&package.folder)
            .with_context(|| format!("{} is not at hand: cargo fetch", package.name))?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| {
                let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
                path.is_file()
                    && ["licen", "copying", "notice", "unlicense"].iter().any(|word| name.contains(word))
            })
            .collect();
        files.sort();
        for file in files {
            let content = String::from_utf8_lossy(&std::fs::read(&file)?).replace('\r', "");
            let lines: Vec<&str> = content.lines().map(str::trim_end).collect();
            let owner = format!("{} {}", package.name, package.version);
            texts.entry(lines.join("\n").trim().to_owned()).or_default().push(owner);
        }
    }
    let apache = std::fs::read_to_string(root.join("LICENSE")).context("LICENSE cannot be read")?;
    let _ = write!(text, "\n==== Apache License, Version 2.0\n\n{}\n", apache.trim());
    let mut texts: Vec<(String, Vec<String>)> = texts.into_iter().collect();
    texts.sort_by(|a, b| a.1.cmp(&b.1));
    for (content, owners) in texts {
        let _ = write!(text, "\n==== {}\n\n{content}\n", owners.join(", "));
    }
    Ok(text)
}
