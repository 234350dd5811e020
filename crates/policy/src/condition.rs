//! The `Condition` element: operators, their keys, and the values of the keys.
//!
//! Source: IAM User Guide, "Condition operators" and "Set operators for multivalued keys". All operators and keys must
//! match. For one key, one value must match, or none with a negated operator.

use crate::budget::{Budget, Excess, all, any};
use crate::comparison::Comparison;
use crate::context::Value;
use crate::operator::{Operator, Quantifier};
use crate::policy::Effect;

/// One operator with one key.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    pub(crate) operator: Operator,
    pub(crate) key: Box<str>,
    pub(crate) wanted: Box<[Comparison]>,
}

impl Condition {
    /// Whether it matches in a statement with that effect.
    pub(crate) fn holds(&self, effect: Effect, budget: &Budget<'_>) -> Result<bool, Excess> {
        budget.holds(&self.key, effect, |values| self.holds_for(values, budget))
    }

    fn holds_for(&self, values: &[Value], budget: &Budget<'_>) -> Result<bool, Excess> {
        if let Some(Comparison::Absent(_)) = self.wanted.first() {
            return any(&self.wanted, |wanted| {
                budget.spend(0)?;
                Ok(matches!(wanted, Comparison::Absent(absent) if *absent == values.is_empty()))
            });
        }
        match self.operator.quantifier {
            Quantifier::One => self.one(values, budget),
            Quantifier::All if is_empty_set(values) => Ok(true),
            Quantifier::All => all(values, |value| self.accepts(value, budget)),
            Quantifier::Any if values.is_empty() => Ok(self.operator.if_exists),
            Quantifier::Any if is_empty_set(values) => Ok(false),
            Quantifier::Any => any(values, |value| self.accepts(value, budget)),
        }
    }

    /// Without a set operator. AWS defines this only for keys with one value. For a set, more values never make a
    /// condition easier to meet: a positive operator requires one match, a negated one requires no match.
    fn one(&self, values: &[Value], budget: &Budget<'_>) -> Result<bool, Excess> {
        if values.is_empty() {
            return Ok(self.operator.if_exists || self.operator.negated);
        }
        let matches = any(values, |value| self.matches_one(value, budget))?;
        Ok(matches != self.operator.negated)
    }

    fn matches_one(&self, value: &Value, budget: &Budget<'_>) -> Result<bool, Excess> {
        any(&self.wanted, |wanted| wanted.matches(value, budget))
    }

    fn accepts(&self, value: &Value, budget: &Budget<'_>) -> Result<bool, Excess> {
        budget.spend(0)?;
        Ok(self.matches_one(value, budget)? != self.operator.negated)
    }
}

/// Set operators treat an empty text as no value (IAM User Guide, "Evaluation logic for condition set operators").
fn is_empty_set(values: &[Value]) -> bool {
    values.iter().all(|value| matches!(value, Value::Text(text) if text.is_empty()))
}
