//! The table of cases: statements of AWS's pages about requests, in `cases/*.txt`, checked with both evaluators.
//!
//! A case is a few lines `name: value` and ends at an empty line. `source:` applies until the next one. Policies are
//! given as their statements, in `identity`, `boundary`, `session`, `resource`, `trust`, `scp` and `rcp`. Each line is
//! one policy (one level, for the last two), of version 2012-10-17 unless the name is followed by `2008` or
//! `unversioned`; `none` means a list without a policy. `condition` is short for an identity policy that allows
//! everything under that condition. `with` gives a condition key its value, or a set in brackets. By default eve, a
//! user of the account 111122223333, requests ecr:PutImage on its repository team/app.

use std::fmt::Write as _;
use std::path::Path;

use policy::{Caller, CallerKind, Decision, PolicyKind};

use crate::naive;
use crate::request::APP;
use crate::scenario::{self, Held, Scenario, Typed};

struct Case {
    /// The file and line, for failure messages.
    place: String,
    source: String,
    name: String,
    scenario: Scenario,
    expected: String,
}

fn read_all() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/cases");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files.iter().flat_map(|file| read(file)).collect()
}

fn read(file: &Path) -> Vec<Case> {
    let text = std::fs::read_to_string(file).unwrap();
    let mut source = "";
    let mut cases: Vec<Case> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let place = format!("{}:{}", file.display(), number + 1);
        let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("{place}: no `name: value`"));
        if name == "source" {
            source = value;
        } else if name == "case" {
            let (source, name) = (source.to_owned(), value.to_owned());
            let (scenario, expected) = (Scenario::new(), String::new());
            cases.push(Case { place, source, name, scenario, expected });
        } else {
            let case = cases.last_mut().unwrap_or_else(|| panic!("{place}: before the first case"));
            add(case, name, value).unwrap_or_else(|| panic!("{place}: not understood"));
        }
    }
    cases
}

/// Adds the content of a line; None if the name is unknown.
fn add(case: &mut Case, name: &str, value: &str) -> Option<()> {
    let scenario = &mut case.scenario;
    let (name, version) = name.split_once(' ').unwrap_or((name, "2012"));
    let version = match version {
        "2012" => r#""Version":"2012-10-17","#,
        "2008" => r#""Version":"2008-10-17","#,
        "unversioned" => "",
        _ => return None,
    };
    let policy = (value != "none").then(|| format!(r#"{{{version}"Statement":[{value}]}}"#));
    match name {
        "expect" => value.clone_into(&mut case.expected),
        "caller" => scenario.caller = caller(value)?,
        "asks" => {
            let (action, resource) = value.split_once(' ')?;
            action.clone_into(&mut scenario.action);
            if resource == "app" { APP } else { resource }.clone_into(&mut scenario.resource);
        }
        "with" => scenario.context.push(held(value)?),
        "identity" => scenario.identity.extend(policy),
        "boundary" => scenario.boundary = policy,
        "session" => scenario.session.get_or_insert_default().extend(policy),
        "resource" => scenario.of_resource.extend(policy),
        "trust" => {
            scenario.is_role_trust = true;
            "sts:AssumeRole".clone_into(&mut scenario.action);
            "arn:aws:iam::111122223333:role/ci".clone_into(&mut scenario.resource);
            scenario.of_resource.extend(policy);
        }
        "scp" => scenario.service_control.extend(policy),
        "rcp" => scenario.resource_control.extend(policy),
        "condition" => {
            let statement =
                format!(r#"{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{value}}}"#);
            return add(case, "identity", &statement);
        }
        _ => return None,
    }
    Some(())
}

fn caller(text: &str) -> Option<Caller<'static>> {
    let outsider = |kind| Some(Caller { account: "", kind });
    match text {
        "root" => Some(scenario::ROOT),
        "eve" => Some(scenario::EVE),
        "session" => Some(scenario::SESSION),
        "federated" => Some(scenario::FEDERATED),
        "federated-root" => Some(scenario::ROOTS_SESSION),
        "bobs-federated-root" => Some(scenario::BOBS_ROOTS_SESSION),
        "bob" => Some(scenario::BOB),
        "bobs-root" => Some(scenario::BOBS_ROOT),
        "bobs-session" => Some(scenario::BOBS_SESSION),
        "service codebuild.amazonaws.com" => {
            outsider(CallerKind::Service { name: "codebuild.amazonaws.com" })
        }
        "service lambda.amazonaws.com" => outsider(CallerKind::Service { name: "lambda.amazonaws.com" }),
        "web token.actions.githubusercontent.com" => {
            outsider(CallerKind::WebIdentity { provider: "token.actions.githubusercontent.com" })
        }
        "web accounts.google.com" => outsider(CallerKind::WebIdentity { provider: "accounts.google.com" }),
        _ => None,
    }
}

fn held(text: &str) -> Option<(String, Held)> {
    let (key, value) = text.split_once(" = ")?;
    let held = match value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        None => Held::One(typed(key, value)),
        Some("") => Held::Set(Vec::new()),
        Some(list) => Held::Set(list.split(", ").map(|value| Typed::Text(value.replace('"', ""))).collect()),
    };
    Some((key.to_owned(), held))
}

/// A value with the type that the server gives the key; a text if this is not possible.
fn typed(key: &str, value: &str) -> Typed {
    let typed = match key.to_lowercase().as_str() {
        "aws:securetransport" | "aws:multifactorauthpresent" | "aws:viaawsservice" => {
            value.parse().ok().map(Typed::Truth)
        }
        "aws:epochtime" => value.parse().ok().map(Typed::Number),
        "aws:currenttime" | "aws:tokenissuetime" => value.parse().ok().map(Typed::Moment),
        "aws:sourceip" | "aws:vpcsourceip" => value.parse().ok().map(Typed::Address),
        _ => None,
    };
    typed.unwrap_or_else(|| Typed::Text(value.to_owned()))
}

fn kind(text: &str) -> PolicyKind {
    match text {
        "root" => PolicyKind::Root,
        "identity" => PolicyKind::Identity,
        "boundary" => PolicyKind::Boundary,
        "session" => PolicyKind::Session,
        "resource" => PolicyKind::Resource,
        "trust" => PolicyKind::RoleTrust,
        "scp" => PolicyKind::ServiceControl,
        "rcp" => PolicyKind::ResourceControl,
        other => panic!("{other:?} is no kind of policy"),
    }
}

/// Whether a decision is as expected: its effect and, if the case has it, the kind of the deciding policy.
fn is_expected(expected: &str, decision: &Decision) -> bool {
    let expected = match expected {
        "met" => "allow identity",
        "not met" => "nothing identity",
        other => other,
    };
    let (effect, by) =
        expected.split_once(' ').map_or((expected, None), |(effect, by)| (effect, Some(kind(by))));
    match decision {
        Decision::Allow(allowed) => effect == "allow" && by.is_none_or(|by| by == allowed.kind),
        Decision::ExplicitDeny(denied) => effect == "deny" && by == Some(denied.kind),
        Decision::ImplicitDeny(missing) => effect == "nothing" && by == Some(*missing),
        Decision::Exceeded(_) => false,
    }
}

#[test]
fn every_case_is_decided_as_its_source_says() {
    let cases = read_all();
    let mut wrong = String::new();
    for Case { place, source, name, scenario, expected } in &cases {
        assert!(!source.is_empty() && !expected.is_empty(), "{place}: no source, or nothing expected");
        let decision = scenario.decide();
        if !is_expected(expected, &decision) {
            let _ = writeln!(wrong, "{place}: {name}: expected {expected}, not {decision:?}\n  {source}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(cases.len() >= 300, "only {} cases were read", cases.len());
}

#[test]
fn the_naive_evaluator_decides_every_case_alike() {
    for Case { place, name, scenario, .. } in read_all() {
        let (decision, verdict) = (scenario.decide(), naive::decide(&scenario));
        assert!(verdict.agrees_with(&decision), "{place}: {name}: {decision:?}, naively {verdict:?}");
    }
}
