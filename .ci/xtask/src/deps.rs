//! The direction of dependencies: `app -> {reading, render-core, server-mode, protocol, views}`,
//! `server-mode -> {reading, views, render-core, protocol}`, `views -> {render-core, protocol}`,
//! `reading -> render-core -> kernels -> volumes`, and nothing of ours below volumes and protocol.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// What one crate of the workspace may use.
struct Rule {
    package: &'static str,
    /// Crates of the workspace that it may name in its Cargo.toml.
    may_use: &'static [&'static str],
    /// Crates that must not be linked into it, however deep. A trailing `*` stands for any ending.
    must_not_reach: &'static [&'static str],
    /// Words that its sources must not contain.
    must_not_say: &'static [&'static str],
}

const WINDOW: [&str; 5] = ["eframe", "egui*", "epaint*", "rfd", "winit"];

/// The platforms that Voxcast is made for; what other platforms would link is not judged.
const PLATFORMS: [&str; 3] = ["x86_64-unknown-linux-gnu", "x86_64-pc-windows-msvc", "aarch64-apple-darwin"];

/// Packages with no rule of their own: they may use everything, and nothing may use them.
const UNRESTRICTED: [&str; 3] = ["fuzz", "tests", "xtask"];

const RULES: [Rule; 9] = [
    Rule {
        package: "voxcast",
        may_use: &["reading", "render-core", "server-mode", "protocol", "views"],
        must_not_reach: &[],
        must_not_say: &[],
    },
    Rule {
        package: "server-mode",
        may_use: &["reading", "render-core", "protocol", "views"],
        must_not_reach: &WINDOW,
        must_not_say: &[],
    },
    Rule {
        package: "views",
        may_use: &["render-core", "protocol"],
        must_not_reach: &["tokio*", "egui*"],
        must_not_say: &["std::net", "UdpSocket", "TcpStream", "Instant::now", "SystemTime::now"],
    },
    Rule {
        package: "render-core",
        may_use: &["kernels", "volumes"],
        must_not_reach: &[
            "eframe",
            "egui*",
            "epaint*",
            "rfd",
            "winit", // no window
            "tokio*",
            "mio",
            "socket2",
            "axum*",
            "hyper*",
            "tungstenite",
            "str0m", // no network
        ],
        must_not_say: &["std::net", "UdpSocket", "TcpStream"],
    },
    Rule {
        package: "kernels",
        may_use: &["volumes"],
        must_not_reach: &["wgpu*", "tokio*", "egui*"],
        must_not_say: &[],
    },
    Rule {
        package: "reading",
        may_use: &["render-core", "volumes"],
        must_not_reach: &[
            "eframe",
            "egui*",
            "epaint*",
            "rfd",
            "winit", // no window
            "tokio*",
            "mio",
            "socket2",
            "axum*",
            "hyper*",
            "tungstenite",
            "str0m", // no network
        ],
        must_not_say: &["std::net", "UdpSocket", "TcpStream", "Instant::now", "SystemTime::now"],
    },
    Rule {
        package: "volumes",
        may_use: &[],
        must_not_reach: &[
            "eframe",
            "egui*",
            "epaint*",
            "rfd",
            "winit",
            "wgpu*", // no window, no renderer
            "tokio*",
            "mio",
            "socket2",
            "axum*",
            "hyper*",
            "tungstenite",
            "str0m", // no network
        ],
        must_not_say: &["std::net", "UdpSocket", "TcpStream"],
    },
    Rule {
        package: "browser",
        may_use: &["render-core", "protocol", "views"],
        must_not_reach: &["server-mode", "tokio*", "egui*"],
        must_not_say: &[],
    },
    Rule {
        package: "protocol",
        may_use: &[],
        must_not_reach: &[
            "eframe",
            "egui*",
            "epaint*",
            "rfd",
            "winit",
            "wgpu*",
            "dicom*", // no window, no renderer
            "tokio*",
            "mio",
            "socket2",
            "axum*",
            "hyper*",
            "tungstenite",
            "str0m", // no network
        ],
        must_not_say: &["std::net", "UdpSocket", "TcpStream", "Instant::now", "SystemTime::now"],
    },
];

pub fn check(root: &Path) -> Result<Vec<String>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["metadata", "--locked", "--format-version", "1"]).current_dir(root);
    for platform in PLATFORMS {
        command.args(["--filter-platform", platform]);
    }
    let output = crate::output_of(&mut command)?;
    let metadata: Value = serde_json::from_slice(&output).context("cargo metadata printed no JSON")?;
    let mut violations = graph_violations(&metadata)?;
    for rule in &RULES {
        let folder = package_folder(&metadata, rule.package)?;
        for path in crate::tidy::files_known_to_git(&folder.join("src"))? {
            let text = std::fs::read_to_string(&path)
                .with_context(|| format!("{} cannot be read", path.display()))?;
            let shown = path.strip_prefix(root).unwrap_or(&path).display().to_string();
            violations.extend(source_violations(rule, &shown, &text));
        }
    }
    Ok(violations)
}

/// Violations that the graph in `cargo metadata`'s JSON shows.
fn graph_violations(metadata: &Value) -> Result<Vec<String>> {
    let packages: BTreeMap<&str, &Value> = array(metadata, "packages")?
        .iter()
        .map(|package| Ok((text(package, "id")?, package)))
        .collect::<Result<_>>()?;
    let members: BTreeMap<&str, &str> = array(metadata, "workspace_members")?
        .iter()
        .map(|id| {
            let id = id.as_str().context("a workspace member is no string")?;
            let package = packages.get(id).with_context(|| format!("package {id} is missing"))?;
            Ok((text(package, "name")?, id))
        })
        .collect::<Result<_>>()?;

    let mut violations = Vec::new();
    for (&name, &id) in &members {
        if UNRESTRICTED.contains(&name) {
            continue;
        }
        let Some(rule) = RULES.iter().find(|rule| rule.package == name) else {
            violations.push(format!("{name}: a crate with no rule; give it one in .ci/xtask/src/deps.rs"));
            continue;
        };
        for dependency in array(packages[id], "dependencies")? {
            let dependency = text(dependency, "name")?;
            if members.contains_key(dependency) && !rule.may_use.contains(&dependency) {
                violations.push(format!(
                    "{name} must not depend on {dependency}: dependencies point the other way"
                ));
            }
        }
        for chain in reached(metadata, &packages, id)? {
            let last = *chain.last().unwrap_or(&name);
            if rule.must_not_reach.iter().any(|pattern| matches(pattern, last)) {
                violations.push(format!("{name} must not link {last}, and does by {}", chain.join(" -> ")));
            }
        }
    }
    Ok(violations)
}

/// The shortest chain of names to every package linked into the one with id `start`.
fn reached<'a>(
    metadata: &'a Value,
    packages: &BTreeMap<&str, &'a Value>,
    start: &'a str,
) -> Result<Vec<Vec<&'a str>>> {
    let nodes: BTreeMap<&str, &Value> = array(&metadata["resolve"], "nodes")?
        .iter()
        .map(|node| Ok((text(node, "id")?, node)))
        .collect::<Result<_>>()?;
    let mut chains = Vec::new();
    let mut seen = BTreeSet::from([start]);
    let mut queue = std::collections::VecDeque::from([(start, Vec::new())]);
    while let Some((id, mut chain)) = queue.pop_front() {
        let package = packages.get(id).with_context(|| format!("package {id} is missing"))?;
        chain.push(text(package, "name")?);
        let node = nodes.get(id).with_context(|| format!("package {id} is not resolved"))?;
        for dependency in array(node, "deps")? {
            // Build scripts and tests are not linked into the crate: their kind is "build" or "dev".
            let linked = array(dependency, "dep_kinds")?.iter().any(|kind| kind["kind"].is_null());
            let id = text(dependency, "pkg")?;
            if linked && seen.insert(id) {
                queue.push_back((id, chain.clone()));
            }
        }
        chains.push(chain);
    }
    Ok(chains)
}

fn source_violations(rule: &Rule, path: &str, source: &str) -> Vec<String> {
    let mut violations = Vec::new();
    for (number, line) in source.lines().enumerate() {
        for word in rule.must_not_say {
            if line.contains(word) && !line.trim_start().starts_with("//") {
                violations.push(format!("{path}:{}: {} must not use {word}", number + 1, rule.package));
            }
        }
    }
    violations
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == pattern,
    }
}

fn package_folder(metadata: &Value, name: &str) -> Result<std::path::PathBuf> {
    let members = array(metadata, "workspace_members")?;
    for package in array(metadata, "packages")? {
        if text(package, "name")? == name && members.contains(&package["id"]) {
            let manifest = Path::new(text(package, "manifest_path")?);
            return Ok(manifest.parent().unwrap_or(manifest).to_owned());
        }
    }
    bail!("the workspace has no crate {name}; .ci/xtask/src/deps.rs has a rule for it")
}

fn array<'a>(value: &'a Value, key: &str) -> Result<&'a Vec<Value>> {
    value[key].as_array().with_context(|| format!("cargo metadata has no list '{key}' where one belongs"))
}

fn text<'a>(value: &'a Value, key: &str) -> Result<&'a str> {
    value[key].as_str().with_context(|| format!("cargo metadata has no text '{key}' where one belongs"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// `edges` are (from, to, kind); every package whose name is in `members` is of the workspace.
    fn metadata(members: &[&str], edges: &[(&str, &str, Option<&str>)]) -> Value {
        let names: BTreeSet<&str> =
            edges.iter().flat_map(|(from, to, _)| [*from, *to]).chain(members.iter().copied()).collect();
        let of = |name: &str| edges.iter().filter(|edge| edge.0 == name).copied().collect::<Vec<_>>();
        json!({
            "workspace_members": members,
            "packages": names.iter().map(|name| json!({
                "id": name, "name": name,
                "dependencies": of(name).iter().map(|edge| json!({"name": edge.1})).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
            "resolve": {"nodes": names.iter().map(|name| json!({
                "id": name,
                "deps": of(name).iter().map(|edge| json!({"pkg": edge.1, "dep_kinds": [{"kind": edge.2}]})).collect::<Vec<_>>(),
            })).collect::<Vec<_>>()},
        })
    }

    #[test]
    fn the_drawn_direction_passes() {
        let good = metadata(
            &["voxcast", "server-mode", "render-core", "protocol", "xtask"],
            &[
                ("voxcast", "render-core", None),
                ("voxcast", "server-mode", None),
                ("voxcast", "eframe", None),
                ("server-mode", "render-core", None),
                ("server-mode", "protocol", None),
                ("server-mode", "tokio", None),
                ("render-core", "wgpu", None),
            ],
        );
        assert_eq!(graph_violations(&good).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_dependency_against_the_direction_is_named() {
        let bad = metadata(
            &["server-mode", "render-core", "protocol"],
            &[("render-core", "protocol", Some("dev"))],
        );
        assert_eq!(
            graph_violations(&bad).unwrap(),
            ["render-core must not depend on protocol: dependencies point the other way"]
        );
    }

    #[test]
    fn a_forbidden_crate_is_found_through_others_and_its_chain_is_shown() {
        let bad =
            metadata(&["render-core"], &[("render-core", "images", None), ("images", "tokio-util", None)]);
        assert_eq!(
            graph_violations(&bad).unwrap(),
            ["render-core must not link tokio-util, and does by render-core -> images -> tokio-util"]
        );
    }

    #[test]
    fn what_only_a_build_script_or_a_test_uses_is_not_linked() {
        let good = metadata(
            &["protocol"],
            &[("protocol", "tokio", Some("dev")), ("protocol", "wgpu", Some("build"))],
        );
        assert_eq!(graph_violations(&good).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_window_in_the_server_is_refused() {
        let bad = metadata(&["server-mode"], &[("server-mode", "egui_plot", None)]);
        assert_eq!(graph_violations(&bad).unwrap().len(), 1);
    }

    #[test]
    fn a_new_crate_needs_a_rule() {
        let bad = metadata(&["helpers"], &[]);
        assert!(graph_violations(&bad).unwrap()[0].contains("no rule"));
    }

    #[test]
    fn a_socket_in_the_render_core_is_found_by_line() {
        let rule = RULES.iter().find(|rule| rule.package == "render-core").unwrap();
        let source = "// std::net is not for us\nuse std::net::TcpListener;\n";
        assert_eq!(source_violations(rule, "a.rs", source), ["a.rs:2: render-core must not use std::net"]);
    }
}
