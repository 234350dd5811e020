//! The rules of the workspace that the compiler does not check: which crate may depend on which, unused dependencies,
//! the length of files, the header of each file, that only `outbound` opens connections, that one file of `registry`
//! uses the blob store, the length of test names, and the commands in the README. `cargo test` runs the same checks.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{shapes, workspace};

/// Which crate may depend on which, without tests. A new dependency is a decision: see
/// docs/adr/0010-crates-and-their-dependencies.md.
const ARROWS: [(&str, &[&str]); 20] = [
    ("oci", &[]),
    ("aws", &[]),
    ("policy", &[]),
    ("lifecycle", &[]),
    ("pattern", &[]),
    ("trace", &[]),
    ("meta", &["aws", "oci", "trace"]),
    ("fault", &[]),
    ("blob", &["fault", "oci"]),
    ("outbound", &["trace"]),
    ("oidc", &["outbound"]),
    ("upstream", &["aws", "oci", "outbound"]),
    ("access", &["aws", "meta", "oci", "outbound", "policy", "trace"]),
    ("identity", &["access", "aws", "oci", "oidc", "policy"]),
    ("registry", &["access", "aws", "blob", "fault", "lifecycle", "oci", "policy", "trace", "upstream"]),
    ("events", &["access", "aws", "fault", "outbound", "pattern", "policy"]),
    ("server", &["access", "aws", "events", "identity", "oci", "registry", "trace"]),
    (
        "wharf",
        &[
            "access", "aws", "blob", "events", "fault", "identity", "meta", "oci", "outbound", "registry",
            "server", "trace", "upstream",
        ],
    ),
    ("testkit", &[]),
    ("xtask", &["testkit"]),
];

/// What must not be reachable from a crate, at any depth. The pure crates have no runtime, no database and no HTTP; the
/// other crates have HTTP or SQL only where this list allows it.
const FORBIDDEN: [(&str, &[&str]); 7] = [
    ("oci", &["tokio", "rusqlite", "hyper", "http", "tokio-postgres"]),
    ("aws", &["tokio", "rusqlite", "hyper", "http", "tokio-postgres"]),
    ("policy", &["tokio", "rusqlite", "hyper", "http", "tokio-postgres"]),
    ("lifecycle", &["tokio", "rusqlite", "hyper", "http", "tokio-postgres"]),
    ("pattern", &["tokio", "rusqlite", "hyper", "http", "tokio-postgres"]),
    ("meta", &["hyper", "axum"]),
    ("blob", &["rusqlite", "tokio-postgres", "axum"]),
];

/// What a crate must not depend on directly, although a crate below it may.
const FORBIDDEN_DIRECT: [(&str, &[&str]); 4] = [
    ("access", &["hyper", "axum", "http", "rusqlite", "tokio-postgres", "object_store"]),
    ("identity", &["hyper", "axum", "http", "rusqlite", "tokio-postgres", "object_store"]),
    ("registry", &["hyper", "axum", "http", "rusqlite", "tokio-postgres", "object_store"]),
    ("server", &["rusqlite", "tokio-postgres", "object_store"]),
];

/// A longer file has more than one subject.
const WARN_LINES: usize = 400;
const MOST_LINES: usize = 450;

/// Prints the violations; true if there are none.
pub(crate) fn run() -> Result<bool> {
    let metadata = workspace::metadata()?;
    let mut problems = dependency_problems(&metadata)?;
    problems.extend(unused::problems(&metadata)?);
    let (errors, warnings) = source_problems(&workspace::root())?;
    problems.extend(errors);
    problems.extend(python_problems(&workspace::root())?);
    problems.extend(readme_problems(&workspace::root())?);
    for warning in &warnings {
        println!("warning: {warning}");
    }
    for problem in &problems {
        println!("error: {problem}");
    }
    Ok(problems.is_empty())
}

/// The normal and build dependencies of every package in the resolved graph, by name.
struct Graph {
    members: BTreeSet<String>,
    edges: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    fn read(metadata: &Value) -> Result<Self> {
        let list = |value: &Value, field: &str| -> Result<Vec<Value>> {
            value
                .get(field)
                .and_then(Value::as_array)
                .cloned()
                .with_context(|| format!("no `{field}` in the metadata"))
        };
        let text = |value: &Value, field: &str| -> Result<String> {
            value
                .get(field)
                .and_then(Value::as_str)
                .map(str::to_owned)
                .with_context(|| format!("no `{field}`"))
        };
        let mut names = BTreeMap::new();
        for package in list(metadata, "packages")? {
            names.insert(text(&package, "id")?, text(&package, "name")?);
        }
        let name = |id: &str| names.get(id).cloned().with_context(|| format!("unknown package {id}"));
        let mut edges = BTreeMap::<String, BTreeSet<String>>::new();
        let resolve = metadata.get("resolve").context("no `resolve` in the metadata")?;
        for node in list(resolve, "nodes")? {
            let uses = edges.entry(name(&text(&node, "id")?)?).or_default();
            for dependency in list(&node, "deps")? {
                let kinds = list(&dependency, "dep_kinds")?;
                if kinds.iter().any(|kind| kind.get("kind").and_then(Value::as_str) != Some("dev")) {
                    uses.insert(name(&text(&dependency, "pkg")?)?);
                }
            }
        }
        let members = list(metadata, "workspace_members")?;
        let members = members.iter().filter_map(Value::as_str).map(name).collect::<Result<_>>()?;
        Ok(Self { members, edges })
    }

    fn direct(&self, package: &str) -> BTreeSet<String> {
        self.edges.get(package).cloned().unwrap_or_default()
    }

    /// The path from one package to another, if there is one: `oci → x → tokio`.
    fn path(&self, from: &str, to: &str) -> Option<String> {
        let mut queue = VecDeque::from([vec![from.to_owned()]]);
        let mut seen = BTreeSet::new();
        while let Some(path) = queue.pop_front() {
            let last = path.last()?;
            for next in self.direct(last) {
                let longer = [path.as_slice(), std::slice::from_ref(&next)].concat();
                if next == to {
                    return Some(longer.join(" → "));
                }
                if seen.insert(next) {
                    queue.push_back(longer);
                }
            }
        }
        None
    }
}

fn dependency_problems(metadata: &Value) -> Result<Vec<String>> {
    let graph = Graph::read(metadata)?;
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.into_iter().collect();
    let mut problems = Vec::new();
    for member in &graph.members {
        let Some(known) = allowed.get(member.as_str()) else {
            problems.push(format!("crate {member} is new: say in tidy.rs whom it may use"));
            continue;
        };
        for used in graph.direct(member).intersection(&graph.members) {
            if !known.contains(&used.as_str()) {
                problems.push(format!("{member} must not depend on {used}"));
            }
        }
    }
    for (package, unwanted) in FORBIDDEN {
        for other in unwanted {
            if let Some(path) = graph.path(package, other) {
                problems.push(format!("{package} must not reach {other}: {path}"));
            }
        }
    }
    for (package, unwanted) in FORBIDDEN_DIRECT {
        let direct = graph.direct(package);
        for other in unwanted.iter().filter(|other| direct.contains(**other)) {
            problems.push(format!("{package} must not name {other}"));
        }
    }
    Ok(problems)
}

/// Errors and warnings about the Rust files under `root/crates`.
fn source_problems(root: &Path) -> Result<(Vec<String>, Vec<String>)> {
    let mut files = Vec::new();
    collect_files(&root.join("crates"), "rs", &mut files)?;
    let (mut errors, mut warnings) = (Vec::new(), Vec::new());
    for file in files {
        let shown = file.strip_prefix(root).unwrap_or(&file).display().to_string();
        let text = fs::read_to_string(&file)?;
        let lines = text.lines().count();
        let is_generated = text.lines().nth(1).is_some_and(|line| line.starts_with(shapes::MARK));
        if lines > MOST_LINES && !is_generated {
            errors.push(format!("{shown} has {lines} lines, the most is {MOST_LINES}"));
        } else if lines > WARN_LINES && !is_generated {
            warnings.push(format!("{shown} has {lines} lines; from {MOST_LINES} on that is an error"));
        }
        if !text.starts_with("//!") {
            errors.push(format!("{shown} must open with a `//!` line that says what it is for"));
        }
        errors.extend(outgoing::problems(&shown, &text));
        errors.extend(layer_bytes::problems(&shown, &text));
        errors.extend(test_names::problems(&shown, &text));
    }
    Ok((errors, warnings))
}

/// Errors about the Python tests under `root/tests`.
fn python_problems(root: &Path) -> Result<Vec<String>> {
    let mut files = Vec::new();
    collect_files(&root.join("tests"), "py", &mut files)?;
    let mut errors = Vec::new();
    for file in files {
        let shown = file.strip_prefix(root).unwrap_or(&file).display().to_string();
        errors.extend(test_names::problems(&shown, &fs::read_to_string(&file)?));
    }
    Ok(errors)
}

/// The README shows two commands: one runs Wharf, the other runs all tests. `.ci/run` runs the second.
fn readme_problems(root: &Path) -> Result<Vec<String>> {
    let readme = fs::read_to_string(root.join("README.md")).context("README.md")?;
    let script = fs::read_to_string(root.join(".ci/run")).context(".ci/run")?;
    let blocks = readme.split("```sh\n").skip(1).filter_map(|block| block.split("```").next());
    let commands: Vec<&str> = blocks.flat_map(str::lines).collect();
    let [_, test] = commands.as_slice() else {
        return Ok(vec![format!("README.md must show two commands, it shows {}", commands.len())]);
    };
    if script.lines().any(|line| line.ends_with(test)) {
        return Ok(Vec::new());
    }
    Ok(vec![format!(".ci/run must run what README.md shows: {test}")])
}

fn collect_files(folder: &Path, extension: &str, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            collect_files(&path, extension, files)?;
        } else if path.extension().is_some_and(|found| found == extension) {
            files.push(path);
        }
    }
    files.sort();
    Ok(())
}

mod layer_bytes;
mod outgoing;
mod test_names;
#[cfg(test)]
mod tests;
mod unused;
