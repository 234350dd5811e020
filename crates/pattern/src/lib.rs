//! Event patterns of Amazon EventBridge: parses a pattern, and decides whether an event matches it (EventBridge User
//! Guide, "Comparison operators for use in event patterns").
//!
//! Architecture invariants: this crate does no I/O, uses no async runtime and reads no clock. A match costs at most a
//! fixed number of steps.

mod budget;
mod matches;
mod parse;
mod text;
mod wildcard;

pub use budget::{EventBudget, TooComplex};
pub use parse::Invalid;

use std::net::IpAddr;

use serde_json::Value;

/// The longest pattern, in bytes (quota "Event pattern size" of EventBridge).
pub const MAX_BYTES: usize = 4096;

/// An event pattern.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern(Fields);

/// What the members of an object must be. All must match.
#[derive(Clone, Debug, Default, PartialEq)]
struct Fields {
    members: Vec<(String, Field)>,
    /// One of the alternatives of each `$or` must match.
    alternatives: Vec<Vec<Fields>>,
}

/// What one member must be.
#[derive(Clone, Debug, PartialEq)]
enum Field {
    Object(Fields),
    /// One of them must match.
    Values(Vec<Test>),
}

/// A test of one value.
#[derive(Clone, Debug, PartialEq)]
enum Test {
    Is(Value),
    Text(Text),
    AnythingBut(Vec<Test>),
    Numeric(Range),
    Exists(bool),
    Cidr(IpAddr, u8),
}

/// A test of a string.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Text {
    Prefix { text: String, ignores_case: bool },
    Suffix { text: String, ignores_case: bool },
    EqualsIgnoreCase(String),
    Wildcard(wildcard::Wildcard),
}

/// A range of numbers; each bound with whether it belongs to the range.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Range {
    from: Option<(f64, bool)>,
    to: Option<(f64, bool)>,
}

impl Pattern {
    /// Parses a pattern.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        parse::pattern(text).map(Self)
    }

    /// Whether an event matches.
    pub fn matches(&self, event: &Value) -> Result<bool, TooComplex> {
        self.matches_within(event, &mut EventBudget::default())
    }

    /// Whether an event matches, with the steps that other patterns have left.
    pub fn matches_within(&self, event: &Value, budget: &mut EventBudget) -> Result<bool, TooComplex> {
        budget.run(|budget| matches::fields(&self.0, Some(event), budget))
    }
}
