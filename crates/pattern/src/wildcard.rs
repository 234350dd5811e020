//! `*` in a string: any number of characters. `\*` and `\\` are the characters themselves.

use crate::budget::{Budget, TooComplex};

/// The texts between the wildcards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wildcard(Vec<String>);

impl Wildcard {
    /// The reason if the text is invalid (messages of EventBridge's own matcher, aws/event-ruler).
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let mut parts = vec![String::new()];
        let mut was_wildcard = false;
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            let is_wildcard = character == '*';
            if is_wildcard && was_wildcard {
                return Err("Consecutive wildcard characters");
            }
            was_wildcard = is_wildcard;
            if is_wildcard {
                parts.push(String::new());
                continue;
            }
            let literal = match character {
                '\\' => match characters.next() {
                    Some(escaped @ ('*' | '\\')) => escaped,
                    _ => return Err("Invalid escape character"),
                },
                character => character,
            };
            if let Some(part) = parts.last_mut() {
                part.push(literal);
            }
        }
        Ok(Self(parts))
    }

    /// The first text must be at the start and the last one at the end; those between are taken at their first place.
    pub(crate) fn matches(&self, value: &str, budget: &mut Budget) -> Result<bool, TooComplex> {
        let (Some(first), Some(last)) = (self.0.first(), self.0.last()) else { return Ok(false) };
        budget.pay(value.len())?;
        if self.0.len() == 1 {
            return Ok(value == first);
        }
        let Some(rest) = value.strip_prefix(first.as_str()) else { return Ok(false) };
        let Some(mut rest) = rest.strip_suffix(last.as_str()) else { return Ok(false) };
        for part in self.0.get(1..self.0.len() - 1).unwrap_or_default() {
            budget.pay(rest.len())?;
            let Some((_, after)) = rest.split_once(part.as_str()) else { return Ok(false) };
            rest = after;
        }
        Ok(true)
    }
}
