//! The rules of the workspace that the compiler does not know: who may depend on whom, how long a file may be, and
//! that each says what it is for. `cargo test` runs the same checks.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::workspace;

/// Who may use whom inside the workspace, tests aside. A new arrow is a decision: see ARCHITECTURE.md.
const ARROWS: [(&str, &[&str]); 10] = [
    ("oci", &[]),
    ("aws", &[]),
    ("iam", &[]),
    ("meta", &["aws", "oci"]),
    ("blob", &["oci"]),
    ("registry", &["aws", "blob", "iam", "meta", "oci"]),
    ("server", &["aws", "oci", "registry"]),
    ("wharf", &["aws", "blob", "iam", "meta", "oci", "registry", "server"]),
    ("testkit", &[]),
    ("xtask", &[]),
];

/// What must not be reachable from a crate, however far down. The pure crates have no runtime, no database and no
/// HTTP; the rules know neither HTTP nor (except through the two stores) SQL.
const FORBIDDEN: [(&str, &[&str]); 5] = [
    ("oci", &["tokio", "rusqlite", "hyper", "http", "tokio-postgres"]),
    ("aws", &["tokio", "rusqlite", "hyper", "http", "tokio-postgres"]),
    ("iam", &["tokio", "rusqlite", "hyper", "http", "tokio-postgres"]),
    ("meta", &["hyper", "axum"]),
    ("blob", &["rusqlite", "tokio-postgres", "axum"]),
];

/// What a crate must not name itself, although a crate below it may.
const FORBIDDEN_DIRECT: [(&str, &[&str]); 2] = [
    ("registry", &["hyper", "axum", "http", "rusqlite", "tokio-postgres", "object_store"]),
    ("server", &["rusqlite", "tokio-postgres", "object_store"]),
];

const WARN_LINES: usize = 600;
const MOST_LINES: usize = 800;

/// Prints what breaks a rule; true if nothing does.
pub(crate) fn run() -> Result<bool> {
    let mut problems = dependency_problems(&workspace::metadata()?)?;
    let (errors, warnings) = source_problems(&workspace::root())?;
    problems.extend(errors);
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

    /// The way from one package to another, if there is one: `oci → x → tokio`.
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
    collect_rust_files(&root.join("crates"), &mut files)?;
    let (mut errors, mut warnings) = (Vec::new(), Vec::new());
    for file in files {
        let shown = file.strip_prefix(root).unwrap_or(&file).display().to_string();
        let text = fs::read_to_string(&file)?;
        let lines = text.lines().count();
        if lines > MOST_LINES {
            errors.push(format!("{shown} has {lines} lines, the most is {MOST_LINES}"));
        } else if lines > WARN_LINES {
            warnings.push(format!("{shown} has {lines} lines; from {MOST_LINES} on that is an error"));
        }
        if !text.starts_with("//!") {
            errors.push(format!("{shown} must open with a `//!` line that says what it is for"));
        }
    }
    Ok((errors, warnings))
}

fn collect_rust_files(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            collect_rust_files(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_workspace_keeps_its_dependency_rules() {
        let metadata = workspace::metadata().unwrap();
        assert_eq!(dependency_problems(&metadata).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn the_sources_keep_their_size_and_say_what_they_are_for() {
        let (errors, _) = source_problems(&workspace::root()).unwrap();
        assert_eq!(errors, Vec::<String>::new());
    }

    /// A workspace of `oci` and `blob` in which `oci` has one dependency, of a kind.
    fn workspace_where_oci_uses(other: &str, kind: &Value) -> Value {
        let node = |id: &str, deps: Value| json!({"id": id, "deps": deps});
        json!({
            "packages": [{"id": "1", "name": "oci"}, {"id": "2", "name": "blob"}, {"id": "3", "name": "tokio"},
                {"id": "4", "name": "between"}],
            "workspace_members": ["1", "2"],
            "resolve": {"nodes": [
                node("1", json!([{"pkg": other, "dep_kinds": [{"kind": kind}]}])),
                node("2", json!([])),
                node("3", json!([])),
                node("4", json!([{"pkg": "3", "dep_kinds": [{"kind": null}]}])),
            ]},
        })
    }

    #[test]
    fn an_arrow_that_is_not_allowed_is_named() {
        let problems = dependency_problems(&workspace_where_oci_uses("2", &Value::Null)).unwrap();
        assert_eq!(problems, ["oci must not depend on blob"]);
    }

    #[test]
    fn a_forbidden_crate_is_found_however_far_down() {
        let problems = dependency_problems(&workspace_where_oci_uses("4", &Value::Null)).unwrap();
        assert_eq!(problems, ["oci must not reach tokio: oci → between → tokio"]);
    }

    #[test]
    fn a_test_may_use_what_the_crate_may_not() {
        let problems = dependency_problems(&workspace_where_oci_uses("3", &json!("dev"))).unwrap();
        assert_eq!(problems, Vec::<String>::new());
    }

    #[test]
    fn a_file_that_is_too_long_and_says_nothing_is_refused_twice() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("crates")).unwrap();
        fs::write(folder.path().join("crates/long.rs"), "fn x() {}\n".repeat(MOST_LINES + 1)).unwrap();
        let (errors, _) = source_problems(folder.path()).unwrap();
        assert_eq!(errors.len(), 2, "{errors:?}");
    }
}
