//! Finds dependencies that a crate declares but does not use in its code. The check searches for the name, so a
//! dependency that only a macro of another crate names must be listed in [`NOT_NAMED`].

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use super::collect_files;

/// Dependencies that a crate needs although its code does not name them, with the reason.
const NOT_NAMED: [(&str, &str, &str); 0] = [];

/// One message for each dependency of a workspace member that its code does not name.
pub(super) fn problems(metadata: &Value) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    let packages = metadata.get("packages").and_then(Value::as_array).context("no `packages`")?;
    // Packages of a registry have a source, members of the workspace have none.
    for package in packages.iter().filter(|package| package.get("source").is_some_and(Value::is_null)) {
        let text = |field: &str| {
            package.get(field).and_then(Value::as_str).with_context(|| format!("no `{field}` of a package"))
        };
        let (name, manifest) = (text("name")?, PathBuf::from(text("manifest_path")?));
        let code = code(manifest.parent().context("a manifest has no folder")?)?;
        let declared = package.get("dependencies").and_then(Value::as_array).context("no `dependencies`")?;
        for dependency in declared.iter().filter_map(declared_name) {
            let is_excused =
                NOT_NAMED.iter().any(|(crate_, unnamed, _)| *crate_ == name && *unnamed == dependency);
            if !is_excused && !names(&code, &dependency.replace('-', "_")) {
                problems.push(format!("{name} does not use its dependency {dependency}"));
            }
        }
    }
    Ok(problems)
}

/// The name that the code must use: a renamed dependency has another one.
fn declared_name(dependency: &Value) -> Option<&str> {
    let renamed = dependency.get("rename").and_then(Value::as_str);
    renamed.or_else(|| dependency.get("name").and_then(Value::as_str))
}

/// All Rust code of a crate, without the lines that are comments.
fn code(folder: &Path) -> Result<String> {
    let mut files = Vec::new();
    collect_files(folder, "rs", &mut files)?;
    let mut code = String::new();
    for file in files {
        let text = fs::read_to_string(file)?;
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            code.push_str(line);
            code.push('\n');
        }
    }
    Ok(code)
}

/// Whether the code has a path that begins with the name, or imports it whole.
fn names(code: &str, name: &str) -> bool {
    let word = |letter: char| letter.is_alphanumeric() || letter == '_';
    code.match_indices(name).any(|(at, _)| {
        let (before, after) = (code.get(..at).unwrap_or_default(), code.get(at..).unwrap_or_default());
        let after = after.strip_prefix(name).unwrap_or_default();
        let is_path = after.starts_with("::");
        let is_import = before.ends_with("use ") && after.starts_with([';', ' ']);
        !before.ends_with(word) && (is_path || is_import)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_workspace_uses_what_it_declares() {
        let metadata = crate::workspace::metadata().unwrap();
        assert_eq!(problems(&metadata).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn an_unused_dependency_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let code =
            "// hex::encode is not used\nuse base64 as base;\nfn f() { my_hyper::g(); http_body::h() }\n";
        fs::write(folder.path().join("lib.rs"), code).unwrap();
        let dependencies = json!([
            {"name": "base64", "rename": null}, {"name": "hex", "rename": null}, {"name": "hyper", "rename": "web"},
            {"name": "http-body", "rename": null},
        ]);
        let manifest = folder.path().join("Cargo.toml");
        let metadata = json!({"packages": [
            {"name": "ours", "source": null, "manifest_path": manifest, "dependencies": dependencies},
            {"name": "theirs", "source": "registry", "manifest_path": "nowhere", "dependencies": dependencies},
        ]});
        let problems = problems(&metadata).unwrap();
        assert_eq!(
            problems,
            ["ours does not use its dependency hex", "ours does not use its dependency web"]
        );
    }
}
