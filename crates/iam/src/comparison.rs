//! One value of a policy against one value of a request.

use std::cmp::Ordering;

use jiff::Timestamp;

use crate::arn::{ArnPattern, Target};
use crate::cidr::Cidr;
use crate::context::{Context, Value};
use crate::error::PolicyError;
use crate::operator::{Kind, Operator, Order};
use crate::pattern::{Case, Glob};
use crate::policy::Version;
use crate::template::Template;

/// A condition value, read once as the type that its operator compares.
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
    /// `Null`: whether the key has to be absent.
    Absent(bool),
}

impl Comparison {
    pub(crate) fn parse(operator: &Operator, text: &str, version: Version) -> Result<Self, PolicyError> {
        let refused =
            || PolicyError::InvalidConditionValue { operator: operator.name, value: text.to_owned() };
        Ok(match operator.kind {
            Kind::StringEquals => Self::Text(Template::parse(text, version)?),
            Kind::StringEqualsIgnoreCase => Self::TextIgnoringCase(Template::parse(text, version)?),
            Kind::StringLike => Self::Like(Glob::parse(text, version, Case::Exact)?),
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

    /// Whether the request's value is what the policy names, before any negation.
    pub(crate) fn matches(&self, value: &Value, context: &Context) -> bool {
        match self {
            Self::Text(template) => template.resolve(context).is_some_and(|text| value.text() == text),
            Self::TextIgnoringCase(template) => {
                template.resolve(context).is_some_and(|text| equal_ignoring_case(&value.text(), &text))
            }
            Self::Like(glob) => glob.matches(&value.text(), context),
            Self::Arn(pattern) => {
                let text = value.text();
                let target = Target::of(&text);
                target.is_arn() && pattern.matches(&target, context)
            }
            Self::Number(order, wanted) => number_of(value)
                .and_then(|number| number.partial_cmp(wanted))
                .is_some_and(|ordering| order.holds(ordering)),
            Self::Moment(order, wanted) => {
                moment_of(value).is_some_and(|moment| order.holds(moment.cmp(wanted)))
            }
            Self::Truth(template) => template.resolve(context).is_some_and(|text| {
                truth(&text).is_some_and(|wanted| truth_of(value).is_some_and(|is| is == wanted))
            }),
            Self::Binary(wanted) => matches!(value, Value::Text(text) if text.as_ref() == &**wanted),
            Self::Range(range) => address_of(value).is_some_and(|address| range.contains(address)),
            Self::Absent(_) => false,
        }
    }

    /// The keys that its variables look up.
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

/// A decimal number. Infinity, NaN and hexadecimal are none.
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

fn equal_ignoring_case(a: &str, b: &str) -> bool {
    let folded = |text: &str| text.chars().flat_map(char::to_lowercase).collect::<String>();
    a.eq_ignore_ascii_case(b)
        || (!(a.is_ascii() && b.is_ascii()) && folded(a).cmp(&folded(b)) == Ordering::Equal)
}
