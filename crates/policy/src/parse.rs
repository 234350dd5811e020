//! Compiles JSON to a policy.
//!
//! Source: IAM User Guide, "Grammar of the IAM JSON policy language". Names of elements are exact. An unknown element
//! is an error, because a misspelled `Condition` must not make a statement apply to more.

use crate::comparison::Comparison;
use crate::condition::Condition;
use crate::error::PolicyError;
use crate::json::Json;
use crate::operator::Operator;
use crate::pattern::Glob;
use crate::policy::{Actions, Effect, MAX_POLICY_BYTES, Policy, Resources, Statement, Version, Written};
use crate::principal::{Principal, Principals};
use crate::resource::ResourcePattern;

type Members<'a> = &'a [(String, Json)];
/// A list as written.
type Texts = Box<[Box<str>]>;

/// Parses a whole document.
pub(crate) fn policy(text: &str) -> Result<Policy, PolicyError> {
    if text.len() > MAX_POLICY_BYTES {
        return Err(PolicyError::TooLong(text.len()));
    }
    let json: Json = serde_json::from_str(text).map_err(|error| PolicyError::NotJson(error.to_string()))?;
    if let Some(name) = json.duplicate_member() {
        return Err(PolicyError::DuplicateElement(name.to_owned()));
    }
    let Json::Object(members) = &json else {
        return Err(PolicyError::WrongType { element: "the policy", expected: "an object" });
    };
    refuse_unknown(members, &["Version", "Id", "Statement"])?;
    let version = version(find(members, "Version"))?;
    let has_id = match find(members, "Id") {
        None => false,
        Some(Json::Text(_)) => true,
        Some(_) => return Err(PolicyError::WrongType { element: "Id", expected: "a string" }),
    };
    let statements = match find(members, "Statement") {
        None => return Err(PolicyError::MissingStatement),
        Some(Json::List(list)) => list.as_slice(),
        Some(single) => std::slice::from_ref(single),
    };
    if statements.is_empty() {
        return Err(PolicyError::MissingStatement);
    }
    let statements = statements
        .iter()
        .enumerate()
        .map(|(index, json)| statement(index, json, version))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Policy { version, has_id, statements: statements.into() })
}

fn version(json: Option<&Json>) -> Result<Version, PolicyError> {
    match json {
        None => Ok(Version::V2008),
        Some(Json::Text(text)) if text == "2012-10-17" => Ok(Version::V2012),
        Some(Json::Text(text)) if text == "2008-10-17" => Ok(Version::V2008),
        Some(Json::Text(text)) => Err(PolicyError::InvalidVersion(text.clone())),
        Some(_) => Err(PolicyError::WrongType { element: "Version", expected: "a string" }),
    }
}

const STATEMENT_ELEMENTS: [&str; 9] = [
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];

fn statement(index: usize, json: &Json, version: Version) -> Result<Statement, PolicyError> {
    let Json::Object(members) = json else {
        return Err(PolicyError::WrongType { element: "Statement", expected: "an object or a list of them" });
    };
    refuse_unknown(members, &STATEMENT_ELEMENTS)?;
    let sid = match find(members, "Sid") {
        None => None,
        Some(Json::Text(text)) => Some(text.as_str().into()),
        Some(_) => return Err(PolicyError::WrongType { element: "Sid", expected: "a string" }),
    };
    let effect = match find(members, "Effect") {
        None => return Err(PolicyError::MissingEffect(index)),
        Some(Json::Text(text)) if text == "Allow" => Effect::Allow,
        Some(Json::Text(text)) if text == "Deny" => Effect::Deny,
        Some(Json::Text(text)) => return Err(PolicyError::InvalidEffect(text.clone())),
        Some(_) => return Err(PolicyError::WrongType { element: "Effect", expected: "a string" }),
    };
    let (actions, action_texts) = actions(index, members)?;
    let (resources, resource_texts) = resources(index, members, version)?;
    Ok(Statement {
        sid,
        effect,
        principals: principals(members)?,
        actions,
        resources,
        conditions: conditions(find(members, "Condition"), version)?,
        written: Written { actions: action_texts, resources: resource_texts },
    })
}

fn actions(index: usize, members: Members<'_>) -> Result<(Actions, Texts), PolicyError> {
    let (json, negated) = either(members, "Action", "NotAction")?.ok_or(PolicyError::MissingAction(index))?;
    let texts = texts(json, if negated { "NotAction" } else { "Action" })?;
    if texts.is_empty() {
        return Err(PolicyError::MissingAction(index));
    }
    let globs = texts.iter().map(|text| action(text)).collect::<Result<Vec<_>, _>>()?.into();
    let written = texts.into_iter().map(Into::into).collect();
    Ok((if negated { Actions::AllBut(globs) } else { Actions::These(globs) }, written))
}

/// An action is `*` or `service:name`. Only the name may have wildcards; [`Policy::check`] refuses others, so stored
/// policies can still be read. Variables have no meaning in actions.
fn action(text: &str) -> Result<Glob, PolicyError> {
    let is_action = text == "*" || text.split_once(':').is_some_and(|(a, b)| !a.is_empty() && !b.is_empty());
    if !is_action {
        return Err(PolicyError::InvalidAction(text.to_owned()));
    }
    Glob::parse(text, Version::V2008)
}

fn resources(
    index: usize,
    members: Members<'_>,
    version: Version,
) -> Result<(Resources, Texts), PolicyError> {
    let Some((json, negated)) = either(members, "Resource", "NotResource")? else {
        return Ok((Resources::Unstated, Box::default()));
    };
    let texts = texts(json, if negated { "NotResource" } else { "Resource" })?;
    if texts.is_empty() {
        return Err(PolicyError::MissingResource(index));
    }
    let patterns =
        texts.iter().map(|text| ResourcePattern::parse(text, version)).collect::<Result<Vec<_>, _>>()?.into();
    let written = texts.into_iter().map(Into::into).collect();
    Ok((if negated { Resources::AllBut(patterns) } else { Resources::These(patterns) }, written))
}

fn principals(members: Members<'_>) -> Result<Option<Principals>, PolicyError> {
    let Some((json, negated)) = either(members, "Principal", "NotPrincipal")? else { return Ok(None) };
    let mut entries = Vec::new();
    match json {
        Json::Text(text) if text == "*" => entries.push(Principal::Everyone),
        Json::Text(text) => {
            return Err(PolicyError::InvalidPrincipal { kind: "AWS", value: text.clone() });
        }
        Json::Object(map) => {
            for (kind, json) in map {
                for text in texts(json, "Principal")? {
                    entries.push(Principal::parse(kind, text)?);
                }
            }
        }
        _ => return Err(PolicyError::WrongType { element: "Principal", expected: "\"*\" or an object" }),
    }
    if entries.is_empty() {
        return Err(PolicyError::InvalidPrincipal { kind: "AWS", value: String::new() });
    }
    let entries = entries.into();
    Ok(Some(if negated { Principals::AllBut(entries) } else { Principals::These(entries) }))
}

fn conditions(json: Option<&Json>, version: Version) -> Result<Box<[Condition]>, PolicyError> {
    let operators = match json {
        None => return Ok(Box::default()),
        Some(Json::Object(operators)) => operators,
        Some(_) => return Err(PolicyError::WrongType { element: "Condition", expected: "an object" }),
    };
    let mut conditions = Vec::new();
    for (name, json) in operators {
        let Json::Object(keys) = json else {
            return Err(PolicyError::WrongType { element: "Condition", expected: "an object of objects" });
        };
        // IAM accepts an operator without keys, with any name.
        if keys.is_empty() {
            continue;
        }
        let operator = Operator::parse(name).ok_or_else(|| PolicyError::UnknownOperator(name.clone()))?;
        // A key needs no prefix. No request has a key without one, so such a key is always absent.
        for (key, values) in keys {
            let wanted = condition_values(values)?
                .iter()
                .map(|text| Comparison::parse(&operator, text, version))
                .collect::<Result<Vec<_>, _>>()?;
            conditions.push(Condition { operator, key: key.as_str().into(), wanted: wanted.into() });
        }
    }
    Ok(conditions.into())
}

/// One value or a list; a number or Boolean counts as its text.
fn condition_values(json: &Json) -> Result<Vec<&str>, PolicyError> {
    let one = |json| match json {
        &Json::Text(ref text) | &Json::Number(ref text) => Ok(text.as_str()),
        Json::Bool(true) => Ok("true"),
        Json::Bool(false) => Ok("false"),
        _ => Err(PolicyError::WrongType {
            element: "Condition",
            expected: "an object of objects of strings, numbers and truth values, or lists of them",
        }),
    };
    match json {
        Json::List(list) => list.iter().map(one).collect(),
        single => Ok(vec![one(single)?]),
    }
}

fn find<'a>(members: Members<'a>, name: &str) -> Option<&'a Json> {
    members.iter().find(|(known, _)| known == name).map(|(_, json)| json)
}

fn refuse_unknown(members: Members<'_>, known: &[&str]) -> Result<(), PolicyError> {
    match members.iter().find(|(name, _)| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some((name, _)) => Err(PolicyError::UnknownElement(name.clone())),
    }
}

/// An element or its negation, and whether it is the negation; an error if both exist.
fn either<'a>(
    members: Members<'a>,
    name: &'static str,
    negation: &str,
) -> Result<Option<(&'a Json, bool)>, PolicyError> {
    match (find(members, name), find(members, negation)) {
        (Some(_), Some(_)) => Err(PolicyError::Contradiction(name)),
        (Some(json), None) => Ok(Some((json, false))),
        (None, Some(json)) => Ok(Some((json, true))),
        (None, None) => Ok(None),
    }
}

fn texts<'a>(json: &'a Json, element: &'static str) -> Result<Vec<&'a str>, PolicyError> {
    let one = |json: &'a Json| match json {
        Json::Text(text) => Ok(text.as_str()),
        _ => Err(PolicyError::WrongType { element, expected: "a string or a list of strings" }),
    };
    match json {
        Json::List(list) => list.iter().map(one).collect(),
        single => Ok(vec![one(single)?]),
    }
}
