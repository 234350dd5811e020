//! The `Condition` element: operators, each with keys, each with values.
//!
//! Source: IAM User Guide, "Condition operators" and "Set operators for multivalued keys". All operators and keys must
//! hold; of the values of one key one must match, or with a negated operator none may.

use crate::comparison::Comparison;
use crate::context::{Context, Value};
use crate::operator::{Operator, Quantifier};

/// One operator with one key.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    pub(crate) operator: Operator,
    pub(crate) key: Box<str>,
    pub(crate) wanted: Box<[Comparison]>,
}

impl Condition {
    pub(crate) fn holds(&self, context: &Context) -> bool {
        let values = context.values(&self.key);
        if let Some(Comparison::Absent(_)) = self.wanted.first() {
            return self
                .wanted
                .iter()
                .any(|wanted| matches!(wanted, Comparison::Absent(absent) if *absent == values.is_empty()));
        }
        match self.operator.quantifier {
            Quantifier::One => self.one(values, context),
            Quantifier::All => {
                is_empty_set(values) || values.iter().all(|value| self.accepts(value, context))
            }
            Quantifier::Any if values.is_empty() => self.operator.if_exists,
            Quantifier::Any => {
                !is_empty_set(values) && values.iter().any(|value| self.accepts(value, context))
            }
        }
    }

    /// Without a set operator. AWS defines this for keys with one value. For a set it is read so that a condition is
    /// never easier to meet for having more values: a positive operator wants one to match, a negated one wants none.
    fn one(&self, values: &[Value], context: &Context) -> bool {
        if values.is_empty() {
            return self.operator.if_exists || self.operator.negated;
        }
        let any = values.iter().any(|value| self.matches_one(value, context));
        any != self.operator.negated
    }

    fn matches_one(&self, value: &Value, context: &Context) -> bool {
        self.wanted.iter().any(|wanted| wanted.matches(value, context))
    }

    fn accepts(&self, value: &Value, context: &Context) -> bool {
        self.matches_one(value, context) != self.operator.negated
    }
}

/// Set operators count an empty text as no value at all (IAM User Guide, "Evaluation logic for condition set
/// operators").
fn is_empty_set(values: &[Value]) -> bool {
    values.iter().all(|value| matches!(value, Value::Text(text) if text.is_empty()))
}
