//! Matches a pattern with an event.

use std::net::IpAddr;

use serde_json::Value;

use crate::budget::{Budget, TooComplex};
use crate::{Field, Fields, Range, Test};

type Matched = Result<bool, TooComplex>;

/// Whether an object has what the fields say. An array of objects matches if one of its elements matches alone.
pub(crate) fn fields(fields: &Fields, value: Option<&Value>, budget: &mut Budget) -> Matched {
    budget.pay(0)?;
    if let Some(Value::Array(elements)) = value {
        return any(elements, |element| self::fields(fields, Some(element), budget));
    }
    let object = value.and_then(Value::as_object);
    for (name, wanted) in &fields.members {
        budget.pay(name.len())?;
        let member = object.and_then(|object| object.get(name));
        let is_match = match wanted {
            Field::Object(inner) => self::fields(inner, member, budget)?,
            Field::Values(tests) => any(tests, |test| leaf(test, member, budget))?,
        };
        if !is_match {
            return Ok(false);
        }
    }
    for alternatives in &fields.alternatives {
        if !any(alternatives, |alternative| self::fields(alternative, value, budget))? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn any<'v, T: 'v>(
    all: impl IntoIterator<Item = &'v T>,
    mut is_match: impl FnMut(&'v T) -> Matched,
) -> Matched {
    for one in all {
        if is_match(one)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a member passes a test. An array passes if one of its elements does.
fn leaf(test: &Test, value: Option<&Value>, budget: &mut Budget) -> Matched {
    budget.pay(0)?;
    match (test, value) {
        // Only leaves exist ("Exists matching", EventBridge User Guide).
        (Test::Exists(wanted), value) => Ok(value.is_some_and(is_leaf) == *wanted),
        (_, None) => Ok(false),
        (_, Some(Value::Array(elements))) => any(elements, |element| leaf(test, Some(element), budget)),
        (_, Some(value)) => one(test, value, budget),
    }
}

fn is_leaf(value: &Value) -> bool {
    match value {
        Value::Object(_) => false,
        Value::Array(elements) => elements.iter().any(is_leaf),
        _ => true,
    }
}

fn one(test: &Test, value: &Value, budget: &mut Budget) -> Matched {
    match test {
        Test::Is(Value::String(wanted)) => {
            budget.pay(wanted.len())?;
            Ok(value.as_str() == Some(wanted))
        }
        Test::Is(wanted) => Ok(value == wanted),
        Test::Text(text) => match value.as_str() {
            Some(value) => text.matches(value, budget),
            None => Ok(false),
        },
        Test::AnythingBut(tests) => Ok(!value.is_object() && !any(tests, |test| one(test, value, budget))?),
        Test::Numeric(range) => Ok(value.as_f64().is_some_and(|number| range.has(number))),
        Test::Exists(wanted) => Ok(*wanted != value.is_object()),
        Test::Cidr(network, length) => {
            let address: Option<IpAddr> = value.as_str().and_then(|text| text.parse().ok());
            Ok(address.is_some_and(|address| lies_in(address, *network, *length)))
        }
    }
}

impl Range {
    fn has(self, number: f64) -> bool {
        let above = self.from.is_none_or(|(bound, has)| number > bound || (has && number >= bound));
        let below = self.to.is_none_or(|(bound, has)| number < bound || (has && number <= bound));
        above && below
    }
}

fn lies_in(address: IpAddr, network: IpAddr, length: u8) -> bool {
    let (differing, bits) = match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            (u128::from(address.to_bits() ^ network.to_bits()), 32_u8)
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => (address.to_bits() ^ network.to_bits(), 128),
        _ => return false,
    };
    differing.checked_shr(u32::from(bits.saturating_sub(length))).unwrap_or(0) == 0
}
