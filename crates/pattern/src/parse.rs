//! Parses a pattern. The texts of errors are those of EventBridge's own matcher (aws/event-ruler).

use std::net::IpAddr;

use serde_json::{Map, Value};

use crate::wildcard::Wildcard;
use crate::{Field, Fields, MAX_BYTES, Range, Test, Text};

/// Why a text is not a pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(String);

type Parsed<T> = Result<T, Invalid>;

/// EventBridge compares numbers in this range.
const NUMBERS: std::ops::RangeInclusive<f64> = -5_000_000_000.0..=5_000_000_000.0;
/// Names of members that make an array under `$or` an ordinary member.
const RESERVED: [&str; 9] = [
    "prefix",
    "suffix",
    "anything-but",
    "numeric",
    "exists",
    "cidr",
    "equals-ignore-case",
    "wildcard",
    "exactly",
];

fn invalid<T>(reason: impl Into<String>) -> Parsed<T> {
    Err(Invalid(reason.into()))
}

pub(crate) fn pattern(text: &str) -> Parsed<Fields> {
    if text.len() > MAX_BYTES {
        return invalid(format!("The pattern is longer than {MAX_BYTES} bytes"));
    }
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) if object.is_empty() => invalid("Empty objects are not allowed"),
        Ok(Value::Object(object)) => fields(&object),
        Ok(_) => invalid("Filter is not an object"),
        Err(error) => invalid(format!("The pattern is not JSON: {error}")),
    }
}

fn fields(object: &Map<String, Value>) -> Parsed<Fields> {
    if object.is_empty() {
        return invalid("Empty objects are not allowed");
    }
    let mut found = Fields::default();
    for (name, value) in object {
        if name == "$or"
            && let Some(alternatives) = alternatives(value)?
        {
            found.alternatives.push(alternatives);
            continue;
        }
        let field = match value {
            Value::Object(inner) => Field::Object(fields(inner)?),
            Value::Array(tests) if tests.is_empty() => return invalid("Empty arrays are not allowed"),
            Value::Array(tests) => Field::Values(tests.iter().map(test).collect::<Parsed<_>>()?),
            _ => return invalid(format!("\"{name}\" must be an object or an array")),
        };
        found.members.push((name.clone(), field));
    }
    Ok(found)
}

/// The alternatives of `$or`, if it is one: an array of at least two objects, none of which is a test.
fn alternatives(value: &Value) -> Parsed<Option<Vec<Fields>>> {
    let Some(elements) = value.as_array().filter(|elements| elements.len() >= 2) else { return Ok(None) };
    let objects: Vec<_> = elements.iter().filter_map(Value::as_object).collect();
    let is_test = |object: &&Map<String, Value>| object.keys().any(|key| RESERVED.contains(&key.as_str()));
    if objects.len() != elements.len() || objects.iter().any(is_test) {
        return Ok(None);
    }
    objects.into_iter().map(fields).collect::<Parsed<_>>().map(Some)
}

fn test(value: &Value) -> Parsed<Test> {
    match value {
        Value::Object(object) => operator(object),
        Value::Array(_) => invalid("Match value must be String, number, true, false, or null"),
        value => Ok(Test::Is(value.clone())),
    }
}

fn operator(object: &Map<String, Value>) -> Parsed<Test> {
    let mut members = object.iter();
    let (Some((name, value)), None) = (members.next(), members.next()) else {
        return invalid("Only one key allowed in match expression");
    };
    match name.as_str() {
        "anything-but" => anything_but(value),
        "numeric" => range(value).map(Test::Numeric),
        "exists" => match value {
            Value::Bool(wanted) => Ok(Test::Exists(*wanted)),
            _ => invalid("exists match pattern must be either true or false."),
        },
        "cidr" => cidr(value),
        "exactly" => match value {
            Value::String(_) => Ok(Test::Is(value.clone())),
            _ => invalid("exact match pattern must be a string"),
        },
        _ => text(name, value).map(Test::Text),
    }
}

/// The tests of a string. Prefixes and suffixes can ignore case.
fn text(name: &str, value: &Value) -> Parsed<Text> {
    let (inner, ignores_case) = match value.as_object() {
        Some(object) if matches!(name, "prefix" | "suffix") && object.len() == 1 => {
            (object.get("equals-ignore-case"), true)
        }
        _ => (Some(value), false),
    };
    let string = inner.and_then(Value::as_str).map(str::to_owned);
    let wanted = || Invalid(format!("{name} match pattern must be a string"));
    match name {
        "prefix" => Ok(Text::Prefix { text: string.ok_or_else(wanted)?, ignores_case }),
        "suffix" => Ok(Text::Suffix { text: string.ok_or_else(wanted)?, ignores_case }),
        "equals-ignore-case" => Ok(Text::EqualsIgnoreCase(string.ok_or_else(wanted)?)),
        "wildcard" => Wildcard::parse(&string.ok_or_else(wanted)?)
            .map(Text::Wildcard)
            .map_err(|reason| Invalid(reason.into())),
        name => invalid(format!("Unrecognized match type {name}")),
    }
}

/// A value, a list of values, or one test of strings with one or several texts.
fn anything_but(value: &Value) -> Parsed<Test> {
    let tests = match value {
        Value::Object(object) => {
            let mut members = object.iter();
            let (Some((name, inner)), None) = (members.next(), members.next()) else {
                return invalid("Only one key allowed in match expression");
            };
            each(inner).iter().map(|one| text(name, one).map(Test::Text)).collect::<Parsed<Vec<_>>>()?
        }
        Value::Bool(_) | Value::Null => {
            return invalid("Value of anything-but must be an array or single string/number value.");
        }
        value => each(value)
            .iter()
            .map(|one| match one {
                Value::String(_) | Value::Number(_) => Ok(Test::Is((*one).clone())),
                _ => invalid("Inside anything but list, start|null|boolean is not supported."),
            })
            .collect::<Parsed<_>>()?,
    };
    if tests.is_empty() { invalid("Empty arrays are not allowed") } else { Ok(Test::AnythingBut(tests)) }
}

fn each(value: &Value) -> Vec<&Value> {
    value.as_array().map_or_else(|| vec![value], |elements| elements.iter().collect())
}

/// `["=", 5]`, `[">", 0]` or `[">", 0, "<=", 5]`: at most a lower and an upper bound.
fn range(value: &Value) -> Parsed<Range> {
    let terms = value.as_array().map(Vec::as_slice).unwrap_or_default();
    if terms.is_empty() {
        return invalid("Value of numeric must be an array.");
    }
    let mut range = Range::default();
    for pair in terms.chunks(2) {
        let (operator, number) = match pair {
            [Value::String(operator), number] => (operator.as_str(), number.as_f64()),
            _ => return invalid("Invalid member in numeric match"),
        };
        let Some(number) = number.filter(|number| NUMBERS.contains(number)) else {
            return invalid("Value of numeric must be a number between -5000000000 and 5000000000");
        };
        let (from, to) = match operator {
            "=" => (Some((number, true)), Some((number, true))),
            ">" => (Some((number, false)), None),
            ">=" => (Some((number, true)), None),
            "<" => (None, Some((number, false))),
            "<=" => (None, Some((number, true))),
            other => return invalid(format!("Unrecognized numeric range operator: {other}")),
        };
        if (from.is_some() && range.from.is_some()) || range.to.is_some() {
            return invalid("Too many terms in numeric range");
        }
        range = Range { from: range.from.or(from), to };
    }
    match range {
        Range { from: Some((from, has_from)), to: Some((to, has_to)) }
            if from > to || (from >= to && !(has_from && has_to)) =>
        {
            invalid("Bottom must be less than top")
        }
        range => Ok(range),
    }
}

fn cidr(value: &Value) -> Parsed<Test> {
    let parsed = value.as_str().and_then(|text| {
        let (address, length) = text.split_once('/')?;
        let address: IpAddr = address.parse().ok()?;
        let length: u8 = length.parse().ok()?;
        (length <= if address.is_ipv4() { 32 } else { 128 }).then_some(Test::Cidr(address, length))
    });
    parsed.ok_or_else(|| Invalid("Malformed CIDR, one '/' required".to_owned()))
}
