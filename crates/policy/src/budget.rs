//! The limit on the cost of a decision. Policies and values of a request can be hostile, and the cost of a pattern with
//! question marks is the product of both lengths.
//!
//! INVARIANT: the condition keys of a request are read only through a [`Budget`], and nothing is matched without one. A
//! decision that exceeds the budget is an error, not "does not match": a Deny that could not be decided must not
//! disappear.

use std::cell::Cell;

use crate::context::{Context, Value, Values};
use crate::policy::Effect;

/// The steps of one decision. A step takes some nanoseconds. The policies of a user in ten groups, with the largest
/// sizes and numbers that the quotas allow, have some hundred thousand patterns. Most patterns take one step.
pub const MAX_STEPS: u32 = 1 << 18;
/// The maximum length of an action, a resource or the value of a condition key: twice the longest ARN.
pub const MAX_VALUE_BYTES: usize = 4_096;
/// How many bytes one step compares.
const BYTES_PER_STEP: usize = 32;
/// How many names of condition keys one step compares.
const KEYS_PER_STEP: usize = 16;
/// A letter outside ASCII costs as much as this many bytes in a comparison without case.
const TO_FOLD: usize = 16;

/// Why a decision was stopped. The request is then denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Excess {
    /// It needs more than [`MAX_STEPS`].
    Steps,
    /// A policy tests a value that is longer than [`MAX_VALUE_BYTES`].
    Value,
    /// A policy has a variable for a tag key that occurs twice, in different case.
    Ambiguity,
}

impl Excess {
    /// The reason as the end of a sentence, after "because".
    pub fn words(self) -> &'static str {
        match self {
            Self::Steps => "the policies that concern it take too many steps to evaluate",
            Self::Value => "a policy looks at a value of the request that is too long",
            Self::Ambiguity => {
                "a policy variable stands for a tag whose key is there twice, in different case"
            }
        }
    }
}

/// The condition keys of a request, and the steps that are left for reading and comparing them.
#[derive(Debug)]
pub(crate) struct Budget<'a> {
    context: &'a Context,
    left: Cell<u32>,
}

impl<'a> Budget<'a> {
    pub(crate) fn of(context: &'a Context) -> Self {
        Self { context, left: Cell::new(MAX_STEPS) }
    }

    /// Takes one step, or more for many bytes.
    pub(crate) fn spend(&self, bytes: usize) -> Result<(), Excess> {
        let cost = u32::try_from(1 + bytes / BYTES_PER_STEP).unwrap_or(u32::MAX);
        let left = self.left.get().checked_sub(cost);
        self.left.set(left.unwrap_or_default());
        left.map(|_| ()).ok_or(Excess::Steps)
    }

    fn find(&self, key: &str) -> Result<Option<&'a Values>, Excess> {
        let to_fold = if key.is_ascii() { 0 } else { key.len() * TO_FOLD };
        self.spend(self.context.len() / KEYS_PER_STEP * BYTES_PER_STEP + to_fold)?;
        let Some(found) = self.context.find(key) else { return Ok(None) };
        let is_short = |value: &Value| match value {
            Value::Text(text) => text.len() <= MAX_VALUE_BYTES,
            _ => true,
        };
        if found.all().iter().all(is_short) { Ok(Some(found)) } else { Err(Excess::Value) }
    }

    /// The values that a condition compares for a key: one set, which is empty if the key is absent. If the value of a
    /// key is not certain, each possible value is tried: a Deny applies if it matches any of them, an Allow only if it
    /// matches all.
    pub(crate) fn holds(
        &self,
        key: &str,
        effect: Effect,
        holds: impl Fn(&[Value]) -> Result<bool, Excess>,
    ) -> Result<bool, Excess> {
        match self.find(key)? {
            None => holds(&[]),
            Some(Values::Single(value)) => holds(std::slice::from_ref(value)),
            Some(Values::Set(values)) => holds(values),
            Some(Values::OneOf(values)) => {
                let each = |value| holds(std::slice::from_ref(value));
                match effect {
                    Effect::Deny => any(values, each),
                    Effect::Allow => all(values, each),
                }
            }
        }
    }

    /// The value of a key that always has exactly one value.
    pub(crate) fn single(&self, key: &str) -> Result<Option<&'a Value>, Excess> {
        match self.find(key)? {
            Some(Values::Single(value)) => Ok(Some(value)),
            Some(Values::OneOf(_)) => Err(Excess::Ambiguity),
            Some(Values::Set(_)) | None => Ok(None),
        }
    }
}

/// A text of the request, if it is not too long.
pub(crate) fn bounded(text: &str) -> Result<&str, Excess> {
    if text.len() > MAX_VALUE_BYTES { Err(Excess::Value) } else { Ok(text) }
}

/// Whether one matches, as far as the budget allows to decide.
pub(crate) fn any<T>(
    items: impl IntoIterator<Item = T>,
    mut fits: impl FnMut(T) -> Result<bool, Excess>,
) -> Result<bool, Excess> {
    for item in items {
        if fits(item)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether all match, as far as the budget allows to decide.
pub(crate) fn all<T>(
    items: impl IntoIterator<Item = T>,
    mut fits: impl FnMut(T) -> Result<bool, Excess>,
) -> Result<bool, Excess> {
    any(items, |item| fits(item).map(|is| !is)).map(|is| !is)
}
