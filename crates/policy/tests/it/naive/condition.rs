//! The Condition element.

use jiff::Timestamp;
use serde_json::Value;

use super::{list, text};
use crate::scenario::{Held, Typed};

type Context = [(String, Held)];

pub(super) fn holds(condition: &Value, context: &Context, has_variables: bool) -> bool {
    let Some(operators) = condition.as_object() else { return true };
    operators.iter().all(|(operator, keys)| {
        keys.as_object().unwrap().iter().all(|(key, wanted)| {
            let wanted: Vec<String> = list(wanted).iter().map(written).collect();
            one(operator, key, &wanted, context, has_variables)
        })
    })
}

/// A number or Boolean counts as its text.
fn written(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn one(operator: &str, key: &str, wanted: &[String], context: &Context, has_variables: bool) -> bool {
    let found = context.iter().rev().find(|(known, _)| known.to_lowercase() == key.to_lowercase());
    let values: Vec<&Typed> = match found {
        None => Vec::new(),
        Some((_, Held::One(value))) => vec![value],
        Some((_, Held::Set(values))) => values.iter().collect(),
    };
    if operator == "Null" {
        return wanted.iter().any(|absent| (absent == "true") == values.is_empty());
    }
    let (set, operator) = operator.split_once(':').unwrap_or(("", operator));
    let (operator, if_exists) = match operator.strip_suffix("IfExists") {
        Some(operator) => (operator, true),
        None => (operator, false),
    };
    let (operator, negated) = match operator.split_once("Not") {
        Some((before, after)) => (format!("{before}{after}"), true),
        None => (operator.to_owned(), false),
    };
    let matches = |value: &Typed| {
        wanted.iter().any(|wanted| {
            text::pattern(wanted, context, has_variables)
                .is_some_and(|wanted| compare(&operator, &wanted, value))
        })
    };
    let is_empty = values.iter().all(|value| matches!(value, Typed::Text(text) if text.is_empty()));
    match set {
        "ForAllValues" => is_empty || values.iter().all(|value| matches(value) != negated),
        "ForAnyValue" if values.is_empty() => if_exists,
        "ForAnyValue" => !is_empty && values.iter().any(|value| matches(value) != negated),
        _ if values.is_empty() => if_exists || negated,
        _ => values.iter().any(|value| matches(value)) != negated,
    }
}

fn compare(operator: &str, wanted: &[text::Letter], typed: &Typed) -> bool {
    let plain = text::plain(wanted);
    let value = text::written(typed);
    let value = value.as_str();
    // A value that has neither the operator's type nor a text of that type cannot be compared.
    let is_comparable = match operator {
        "Bool" => matches!(typed, Typed::Truth(_) | Typed::Text(_)),
        "IpAddress" => matches!(typed, Typed::Address(_) | Typed::Text(_)),
        "BinaryEquals" => matches!(typed, Typed::Text(_)),
        // Dates can be compared with seconds since 1970.
        _ if operator.starts_with("Date") => {
            matches!(typed, Typed::Moment(_) | Typed::Number(_) | Typed::Text(_))
        }
        _ if operator.starts_with("Numeric") => matches!(typed, Typed::Number(_) | Typed::Text(_)),
        _ => true,
    };
    if !is_comparable {
        return false;
    }
    match operator {
        "StringEquals" | "BinaryEquals" => plain == value,
        "StringEqualsIgnoreCase" => plain.to_lowercase() == value.to_lowercase(),
        "StringLike" => text::like(wanted, value),
        // AWS does not document this: `*` alone, which does not have six components, matches any ARN.
        "ArnEquals" | "ArnLike" if plain == "*" => {
            value.starts_with("arn:") && value.matches(':').count() >= 5
        }
        "ArnEquals" | "ArnLike" => text::arn_like(wanted, value),
        "Bool" => matches!((truth(&plain), truth(value)), (Some(a), Some(b)) if a == b),
        "IpAddress" => is_in(&plain, value),
        _ => {
            let order = if let Some(order) = operator.strip_prefix("Numeric") {
                (order, number(value).zip(number(&plain)).map(|(a, b)| a.total_cmp(&b)))
            } else if let Some(order) = operator.strip_prefix("Date") {
                (order, moment(value).zip(moment(&plain)).map(|(a, b)| a.cmp(&b)))
            } else {
                panic!("{operator}")
            };
            match order {
                (_, None) => false,
                ("Equals", Some(is)) => is.is_eq(),
                ("LessThan", Some(is)) => is.is_lt(),
                ("LessThanEquals", Some(is)) => is.is_le(),
                ("GreaterThan", Some(is)) => is.is_gt(),
                ("GreaterThanEquals", Some(is)) => is.is_ge(),
                _ => panic!("{operator}"),
            }
        }
    }
}

fn truth(text: &str) -> Option<bool> {
    text.to_lowercase().parse().ok()
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

fn moment(text: &str) -> Option<Timestamp> {
    // Seconds without the fraction.
    let whole = if number(text).is_some() { text.split('.').next().unwrap() } else { text };
    let seconds = whole.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    seconds.or_else(|| text.parse().ok()).or_else(|| format!("{text}T00:00:00Z").parse().ok())
}

/// Compares the first bits of two addresses, written as ones and zeros.
fn is_in(range: &str, address: &str) -> bool {
    let (network, prefix) =
        range.split_once('/').map_or((range, None), |(network, prefix)| (network, Some(prefix)));
    let (Some(network), Some(address)) = (bits(network), bits(address)) else { return false };
    let length = prefix.map_or(network.len(), |prefix| prefix.parse().unwrap());
    network.len() == address.len() && network[..length] == address[..length]
}

fn bits(address: &str) -> Option<String> {
    Some(match address.parse().ok()? {
        std::net::IpAddr::V4(address) => format!("{:032b}", address.to_bits()),
        std::net::IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(address) => format!("{:032b}", address.to_bits()),
            None => format!("{:0128b}", address.to_bits()),
        },
    })
}
