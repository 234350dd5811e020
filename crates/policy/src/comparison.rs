//! Compares one value of a policy with one value of a request.

use jiff::Timestamp;

use crate::arn::{ArnPattern, Target};
use crate::budget::{Budget, Excess};
use crate::cidr::Cidr;
use crate::context::Value;
use crate::error::PolicyError;
use crate::operator::{Kind, Operator, Order};
use crate::pattern::{Case, Glob};
use crate::policy::Version;
use crate::template::Template;

/// A condition value, parsed once as the type that its operator compares.
#[derive(Debug, Clone)]
pub(crate) enum Comparison {
    Text(Template),
    TextIgnoringCase(Template),
    Like(Glob),
    Number(Order, f64),
    Moment(Order, Timestamp),
    Truth(Template),
    Binary(Box<str>),
    Range(Cidr),
    Arn(ArnPattern),
    /// `Null`: whether the key must be absent.
    Absent(bool),
}

impl Comparison {
    pub(crate) fn parse(operator: &Operator, text: &str, version: Version) -> Result<Self, PolicyError> {
        let refused =
            || PolicyError::InvalidConditionValue { operator: operator.name, value: text.to_owned() };
        Ok(match operator.kind {
            Kind::StringEquals => Self::Text(Template::parse(text, version)?),
            Kind::StringEqualsIgnoreCase => Self::TextIgnoringCase(Template::parse(text, version)?),
            Kind::StringLike => Self::Like(Glob::parse(text, version)?),
            Kind::Arn => Self::Arn(ArnPattern::parse(text, version)?),
            Kind::Numeric(order) => Self::Number(order, number(text).ok_or_else(refused)?),
            Kind::Date(order) => Self::Moment(order, crate::date::parse(text).ok_or_else(refused)?),
            Kind::IpAddress => Self::Range(text.parse().map_err(|_| refused())?),
            Kind::BinaryEquals => Self::Binary(text.into()),
            Kind::Null => Self::Absent(truth(text).ok_or_else(refused)?),
            Kind::Bool => match Template::parse(text, version)? {
                Template::Literal(literal) if truth(&literal).is_none() => return Err(refused()),
                template => Self::Truth(template),
            },
        })
    }

    /// Whether the request's value matches, before any negation.
    pub(crate) fn matches(&self, value: &Value, budget: &Budget<'_>) -> Result<bool, Excess> {
        match self {
            Self::Text(template) => template.equals(&value.text(), budget),
            Self::TextIgnoringCase(template) => template.equals_ignoring_case(&value.text(), budget),
            Self::Like(glob) => glob.matches(&value.text(), Case::Exact, budget),
            Self::Arn(pattern) => {
                let text = value.text();
                let target = Target::of(&text);
                budget.spend(text.len())?;
                Ok(target.is_arn() && pattern.matches(&target, budget)?)
            }
            Self::Truth(template) => match truth_of(value) {
                Some(true) => template.equals_ignoring_case("true", budget),
                Some(false) => template.equals_ignoring_case("false", budget),
                None => budget.spend(0).map(|()| false),
            },
            Self::Binary(wanted) => {
                budget.spend(wanted.len())?;
                Ok(matches!(value, Value::Text(text) if text.as_ref() == &**wanted))
            }
            Self::Absent(_) => Ok(false),
            Self::Number(..) | Self::Moment(..) | Self::Range(_) => {
                budget.spend(if let Value::Text(text) = value { text.len() } else { 0 })?;
                Ok(self.measures(value))
            }
        }
    }

    /// Whether a value, read as a number, a time or an address, has the wanted relation.
    fn measures(&self, value: &Value) -> bool {
        match self {
            Self::Number(order, wanted) => number_of(value)
                .and_then(|number| number.partial_cmp(wanted))
                .is_some_and(|ordering| order.holds(ordering)),
            Self::Moment(order, wanted) => {
                moment_of(value).is_some_and(|moment| order.holds(moment.cmp(wanted)))
            }
            Self::Range(range) => address_of(value).is_some_and(|address| range.contains(address)),
            _ => false,
        }
    }

    /// The keys that its variables use.
    pub(crate) fn keys(&self) -> Vec<&str> {
        match self {
            Self::Text(template) | Self::TextIgnoringCase(template) | Self::Truth(template) => {
                template.keys().collect()
            }
            Self::Like(glob) => glob.keys().collect(),
            Self::Arn(pattern) => pattern.keys().collect(),
            _ => Vec::new(),
        }
    }
}

/// A decimal number. Infinity, NaN and hexadecimal numbers are not accepted.
fn number(text: &str) -> Option<f64> {
    let allowed = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E');
    if !text.bytes().all(allowed) {
        return None;
    }
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

fn number_of(value: &Value) -> Option<f64> {
    match value {
        #[expect(
            clippy::cast_precision_loss,
            reason = "condition keys hold counts and times, far below 2^53"
        )]
        Value::Number(number) => Some(*number as f64),
        Value::Text(text) => number(text),
        _ => None,
    }
}

fn moment_of(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Time(time) => Some(*time),
        Value::Number(seconds) => Timestamp::from_second(*seconds).ok(),
        Value::Text(text) => crate::date::parse(text),
        _ => None,
    }
}

fn truth(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

fn truth_of(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::Text(text) => truth(text),
        _ => None,
    }
}

fn address_of(value: &Value) -> Option<std::net::IpAddr> {
    match value {
        Value::Address(address) => Some(*address),
        Value::Text(text) => text.parse().ok(),
        _ => None,
    }
}
