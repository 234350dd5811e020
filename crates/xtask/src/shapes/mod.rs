//! `cargo xtask shapes`: writes `crates/aws/src/<service>/shapes.rs` from `crates/aws/model/<service>.json`, and from
//! `<service>.wharf.json` where Wharf has operations of its own. The result is checked in; `--check` only compares.

mod account_services;
mod model;
mod names;
mod overrides;
mod patterns;
mod rules;
mod types;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use self::model::Model;
use self::overrides::{SERVICES, Service};
use self::rules::Rules;
use self::types::Types;
use crate::workspace;

/// The second line of a generated file. Such files can have any length.
pub(crate) const MARK: &str = "//! @generated";

/// Writes every file. With `--check` it compares them, and returns false if one differs.
pub(crate) fn run(is_check: bool) -> Result<bool> {
    let aws = workspace::root().join("crates/aws");
    let mut is_same = true;
    for service in &SERVICES {
        let path = path_of(&aws, service);
        let text = generate(&aws, service).with_context(|| service.model.to_owned())?;
        if !is_check {
            fs::write(&path, text).with_context(|| path.display().to_string())?;
        } else if fs::read_to_string(&path).unwrap_or_default() != text {
            println!("error: {} is not what `cargo xtask shapes` writes", path.display());
            is_same = false;
        }
    }
    Ok(is_same)
}

fn path_of(aws: &Path, service: &Service) -> PathBuf {
    aws.join("src").join(service.module).join("shapes.rs")
}

fn generate(aws: &Path, service: &Service) -> Result<String> {
    let model = Model::read(&aws.join("model"), service.model)?;
    let rules = Rules { model: &model, service };
    let types = Types::new(&model, service).write()?;
    let parts =
        [names_of_operations(&model), exceptions(&model)?, types, rules.constants()?, rules.requests()?];
    let body = parts.join("\n");
    let text = header(service, &model, &body) + "\n" + &body;
    formatted(&text)
}

/// The head of a file: it imports only the names that the body uses.
fn header(service: &Service, model: &Model, body: &str) -> String {
    let (name, version) = (service.model, &model.version);
    let mut text = format!(
        "//! The shapes of the API `{name}`, version {version}, and the rules of its requests.\n{MARK} by `cargo xtask \
         shapes` from `model/{name}.json`. Change the model or the generator.\n\n"
    );
    let imports = [
        ("BTreeMap<", "use std::collections::BTreeMap;\n"),
        ("Arc<", "use std::sync::Arc;\n"),
        ("Deserialize", "\nuse serde::{Deserialize, Serialize};\n"),
        ("Serialize", "\nuse serde::Serialize;\n"),
        ("RawValue", "use serde_json::value::RawValue;\n"),
        ("rules::", "\nuse super::rules;\n"),
        ("pattern::", "\nuse crate::shape::pattern;\n"),
        ("SecretKey", "use crate::ids::SecretKey;\n"),
        ("Time", "use crate::query::Time;\n"),
    ];
    let is_used =
        |name: &str| is_named(body, name) && !(name == "Serialize" && is_named(body, "Deserialize"));
    text.extend(imports.into_iter().filter(|(used, _)| is_used(used)).map(|(_, import)| import));
    let names = [
        "Exception",
        "Invalid",
        "Member",
        "Mismatch",
        "Pattern",
        "Read",
        "Request",
        "Rule",
        "Tree",
        "WriteError",
    ];
    let used: Vec<&str> = names.into_iter().filter(|name| is_used(name)).collect();
    text + &format!("use crate::shape::{{{}}};\n", used.join(", "))
}

/// Whether a name occurs, other than inside of a longer one.
fn is_named(body: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_whole = |(at, _): (usize, &str)| {
        let before = body.get(..at).and_then(|text| text.chars().next_back());
        let after = body.get(at + name.len()..).and_then(|text| text.chars().next());
        !(before.is_some_and(is_part) || name.ends_with(is_part) && after.is_some_and(is_part))
    };
    name.is_empty() || body.match_indices(name).any(is_whole)
}

fn names_of_operations(model: &Model) -> String {
    let names: Vec<&String> = model.operations.keys().collect();
    format!(
        "/// Every operation that has shapes here, in alphabetical order.\npub const OPERATIONS: [&str; {}] = {names:?};\n",
        names.len()
    )
}

fn exceptions(model: &Model) -> Result<String> {
    let mut items = String::new();
    let mut count = 0;
    let names: BTreeSet<&String> =
        model.operations.values().flat_map(|operation| &operation.errors).collect();
    for name in names {
        let shape = model.shape(name)?;
        let code = shape.exception.as_deref().with_context(|| format!("{name} is no exception"))?;
        let status = shape.status.with_context(|| format!("{name} has no status"))?;
        let members: Vec<&str> = shape.members.iter().map(|member| member.name.as_str()).collect();
        writeln!(items, "Exception {{ code: {code:?}, status: {status}, members: &{members:?} }},")?;
        count += 1;
    }
    Ok(format!(
        "/// Every exception of these operations, in alphabetical order.\npub const EXCEPTIONS: [Exception; {count}] = [\n{items}];\n"
    ))
}

fn formatted(text: &str) -> Result<String> {
    let mut rustfmt = Command::new("rustfmt")
        .args(["--edition", "2024", "--emit", "stdout", "--config-path"])
        .arg(workspace::root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("rustfmt")?;
    rustfmt.stdin.take().context("rustfmt has no input")?.write_all(text.as_bytes())?;
    let output = rustfmt.wait_with_output()?;
    ensure!(output.status.success(), "rustfmt does not accept what is generated");
    Ok(String::from_utf8(output.stdout)?)
}
