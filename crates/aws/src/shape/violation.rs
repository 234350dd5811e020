//! The constraints of the models in words. ECR and the query services use the same sentences for almost all of them.

use super::check::Path;
use super::rule::{Pattern, Rule};
use super::tree::Tree;
use crate::dialect::Dialect;

/// A constraint of the model that a value violates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Constraint {
    /// The value must be present.
    Required,
    /// A string or list has a minimum length.
    MinLength(usize),
    /// A string or list has a maximum length.
    MaxLength(usize),
    /// A number has a smallest value.
    MinValue(i64),
    /// A number has a largest value.
    MaxValue(i64),
    /// A string must match an expression.
    Pattern {
        /// The expression.
        text: &'static str,
        /// Whether ECR puts quotes around it.
        is_quoted: bool,
    },
    /// A string must be one of these.
    Choice(&'static [&'static str]),
    /// A string must not contain NUL: PostgreSQL cannot store it.
    NoNul,
    /// The elements of a list have these constraints.
    Elements(Vec<Constraint>),
}

/// A value that violates a constraint.
pub(crate) struct Violation<'v> {
    pub(crate) path: &'v Path,
    pub(crate) rule: &'static Rule,
    /// None if the value is absent.
    pub(crate) value: Option<&'v Tree<'v>>,
    pub(crate) constraint: Constraint,
}

impl Constraint {
    /// The constraint as a sentence without its subject.
    pub(crate) fn sentence(&self, dialect: Dialect) -> String {
        match self {
            Self::Required => "must not be null".to_owned(),
            Self::MinLength(min) => format!("must have length greater than or equal to {min}"),
            Self::MaxLength(max) => format!("must have length less than or equal to {max}"),
            Self::MinValue(min) => format!("must have value greater than or equal to {min}"),
            Self::MaxValue(max) => format!("must have value less than or equal to {max}"),
            Self::Pattern { text, is_quoted } => match (dialect, is_quoted) {
                (Dialect::Query, _) => format!("must satisfy regular expression pattern: {text}"),
                (Dialect::Json, true) => format!("must satisfy regular expression '{text}'"),
                (Dialect::Json, false) => format!("must satisfy regular expression {text}"),
            },
            Self::Choice(values) => format!("must satisfy enum value set: [{}]", values.join(", ")),
            Self::NoNul => {
                let pattern = Self::Pattern { text: r"[^\u0000]*", is_quoted: true };
                pattern.sentence(dialect)
            }
            Self::Elements(constraints) => {
                let each = constraints.iter().map(|one| format!("Member {}", one.sentence(dialect)));
                format!("must satisfy constraint: [{}]", each.collect::<Vec<_>>().join(", "))
            }
        }
    }

    /// All constraints on a string, in the order of the texts on the elements of a list.
    pub(crate) fn all_of(rule: &Rule) -> Vec<Self> {
        match rule {
            Rule::Text { min, max, pattern } => {
                let most = (*max < usize::MAX).then_some(Self::MaxLength(*max));
                let least = (*min > 0).then_some(Self::MinLength(*min));
                most.into_iter().chain(least).chain(pattern.as_ref().map(Self::of_pattern)).collect()
            }
            Rule::Choice(values) => vec![Self::Choice(values)],
            _ => Vec::new(),
        }
    }

    pub(super) fn of_pattern(pattern: &Pattern) -> Self {
        Self::Pattern { text: pattern.text, is_quoted: pattern.is_quoted }
    }
}
