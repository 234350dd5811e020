//! The names of condition operators.

/// The type of a comparison, and its relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    StringEquals,
    StringEqualsIgnoreCase,
    StringLike,
    Numeric(Order),
    Date(Order),
    Bool,
    BinaryEquals,
    IpAddress,
    /// ArnEquals and ArnLike are equal (IAM User Guide, "ARN condition operators").
    Arn,
    Null,
}

/// A comparison of ordered values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Order {
    pub(crate) fn holds(self, ordering: std::cmp::Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

/// How the values of a key with several values are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quantifier {
    /// No prefix.
    One,
    /// `ForAllValues:`
    All,
    /// `ForAnyValue:`
    Any,
}

/// A condition operator with its prefix and suffix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Operator {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) negated: bool,
    pub(crate) quantifier: Quantifier,
    pub(crate) if_exists: bool,
}

/// Every operator: name, type, whether it is negated.
const OPERATORS: [(&str, Kind, bool); 27] = [
    ("StringEquals", Kind::StringEquals, false),
    ("StringNotEquals", Kind::StringEquals, true),
    ("StringEqualsIgnoreCase", Kind::StringEqualsIgnoreCase, false),
    ("StringNotEqualsIgnoreCase", Kind::StringEqualsIgnoreCase, true),
    ("StringLike", Kind::StringLike, false),
    ("StringNotLike", Kind::StringLike, true),
    ("NumericEquals", Kind::Numeric(Order::Equal), false),
    ("NumericNotEquals", Kind::Numeric(Order::Equal), true),
    ("NumericLessThan", Kind::Numeric(Order::Less), false),
    ("NumericLessThanEquals", Kind::Numeric(Order::LessOrEqual), false),
    ("NumericGreaterThan", Kind::Numeric(Order::Greater), false),
    ("NumericGreaterThanEquals", Kind::Numeric(Order::GreaterOrEqual), false),
    ("DateEquals", Kind::Date(Order::Equal), false),
    ("DateNotEquals", Kind::Date(Order::Equal), true),
    ("DateLessThan", Kind::Date(Order::Less), false),
    ("DateLessThanEquals", Kind::Date(Order::LessOrEqual), false),
    ("DateGreaterThan", Kind::Date(Order::Greater), false),
    ("DateGreaterThanEquals", Kind::Date(Order::GreaterOrEqual), false),
    ("Bool", Kind::Bool, false),
    ("BinaryEquals", Kind::BinaryEquals, false),
    ("IpAddress", Kind::IpAddress, false),
    ("NotIpAddress", Kind::IpAddress, true),
    ("ArnEquals", Kind::Arn, false),
    ("ArnNotEquals", Kind::Arn, true),
    ("ArnLike", Kind::Arn, false),
    ("ArnNotLike", Kind::Arn, true),
    ("Null", Kind::Null, false),
];

impl Operator {
    /// Parses `[ForAllValues:|ForAnyValue:]Name[IfExists]`. Case is ignored: existing documents, and AWS's own pages,
    /// spell the prefixes in different ways.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (quantifier, rest) = match text.split_once(':') {
            None => (Quantifier::One, text),
            Some((prefix, rest)) if prefix.eq_ignore_ascii_case("ForAllValues") => (Quantifier::All, rest),
            Some((prefix, rest)) if prefix.eq_ignore_ascii_case("ForAnyValue") => (Quantifier::Any, rest),
            Some(_) => return None,
        };
        let (bare, if_exists) = without_suffix(rest, "IfExists");
        let &(name, kind, negated) = OPERATORS.iter().find(|(name, ..)| name.eq_ignore_ascii_case(bare))?;
        // Null tests whether the key exists: suffixes and prefixes have no meaning for it.
        if kind == Kind::Null && (if_exists || quantifier != Quantifier::One) {
            return None;
        }
        Some(Self { name, kind, negated, quantifier, if_exists })
    }
}

fn without_suffix<'a>(text: &'a str, suffix: &str) -> (&'a str, bool) {
    let split = text.len().saturating_sub(suffix.len());
    match (text.get(..split), text.get(split..)) {
        (Some(bare), Some(tail)) if tail.eq_ignore_ascii_case(suffix) => (bare, true),
        _ => (text, false),
    }
}
