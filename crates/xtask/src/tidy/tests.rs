//! The workspace follows its own rules, and each rule finds a violation.

use serde_json::json;

use super::*;

#[test]
fn the_workspace_follows_its_dependency_rules() {
    let metadata = workspace::metadata().unwrap();
    assert_eq!(dependency_problems(&metadata).unwrap(), Vec::<String>::new());
}

#[test]
fn the_sources_follow_the_rules_on_length_and_header() {
    let (errors, _) = source_problems(&workspace::root()).unwrap();
    assert_eq!(errors, Vec::<String>::new());
    assert_eq!(python_problems(&workspace::root()).unwrap(), Vec::<String>::new());
}

/// A workspace of `oci` and `blob` in which `oci` has one dependency of a given kind.
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
fn a_dependency_that_is_not_allowed_is_named() {
    let problems = dependency_problems(&workspace_where_oci_uses("2", &Value::Null)).unwrap();
    assert_eq!(problems, ["oci must not depend on blob"]);
}

#[test]
fn a_forbidden_crate_is_found_at_any_depth() {
    let problems = dependency_problems(&workspace_where_oci_uses("4", &Value::Null)).unwrap();
    assert_eq!(problems, ["oci must not reach tokio: oci → between → tokio"]);
}

#[test]
fn a_test_may_use_what_its_crate_may_not() {
    let problems = dependency_problems(&workspace_where_oci_uses("3", &json!("dev"))).unwrap();
    assert_eq!(problems, Vec::<String>::new());
}

#[test]
fn a_long_file_without_a_header_has_two_errors() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("crates")).unwrap();
    fs::write(folder.path().join("crates/long.rs"), "fn x() {}\n".repeat(MOST_LINES + 1)).unwrap();
    let (errors, _) = source_problems(folder.path()).unwrap();
    assert_eq!(errors.len(), 2, "{errors:?}");
}

#[test]
fn the_readme_and_ci_run_name_the_same_command() {
    assert_eq!(readme_problems(&workspace::root()).unwrap(), Vec::<String>::new());
}

#[test]
fn a_ci_script_that_runs_another_command_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join(".ci")).unwrap();
    fs::write(folder.path().join(".ci/run"), "exec cargo test\n").unwrap();
    let readme = |commands: &str| {
        fs::write(folder.path().join("README.md"), format!("# Wharf\n```sh\n{commands}```\n")).unwrap();
        readme_problems(folder.path()).unwrap()
    };
    assert_eq!(readme("run\ncargo xtask ci\n"), [".ci/run must run what README.md shows: cargo xtask ci"]);
    assert_eq!(readme("run\n"), ["README.md must show two commands, it shows 1"]);
    assert_eq!(readme("run\ncargo test\n"), Vec::<String>::new());
}
