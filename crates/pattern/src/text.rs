//! Tests of a string.

use crate::Text;
use crate::budget::{Budget, TooComplex};

impl Text {
    pub(crate) fn matches(&self, value: &str, budget: &mut Budget) -> Result<bool, TooComplex> {
        match self {
            Self::Prefix { text, ignores_case } => {
                budget.pay(text.len())?;
                Ok(if *ignores_case {
                    begins(value.chars(), text.chars())
                } else {
                    value.starts_with(text.as_str())
                })
            }
            Self::Suffix { text, ignores_case } => {
                budget.pay(text.len())?;
                Ok(if *ignores_case {
                    begins(value.chars().rev(), text.chars().rev())
                } else {
                    value.ends_with(text.as_str())
                })
            }
            Self::EqualsIgnoreCase(text) => {
                budget.pay(text.len().max(value.len()))?;
                Ok(folded(value.chars()).eq(folded(text.chars())))
            }
            Self::Wildcard(wildcard) => wildcard.matches(value, budget),
        }
    }
}

fn folded(text: impl Iterator<Item = char>) -> impl Iterator<Item = char> {
    text.flat_map(char::to_lowercase)
}

fn begins(value: impl Iterator<Item = char>, text: impl Iterator<Item = char>) -> bool {
    let mut value = folded(value);
    folded(text).all(|wanted| value.next() == Some(wanted))
}
