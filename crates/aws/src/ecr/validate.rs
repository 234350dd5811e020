//! Checks a request body against the rules of its shape and names the broken rule with ECR's text.
//!
//! The rules are data, written as the API's model contains them, so a test can compare them with the model. The body is
//! checked as a tree before it becomes a struct: only the tree shows whether a member was absent, and only here is the
//! path of a nested member known.

use serde::de::DeserializeSeed as _;

use super::invalid::{Breach, Invalid};
use super::tree::{Reader, Tree};
use crate::json::bounds;

/// A member of a structure.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    /// The name on the wire.
    pub name: &'static str,
    /// Whether it is required.
    pub is_required: bool,
    /// The rule for its value.
    pub rule: Rule,
}

/// What the model says about a value.
#[derive(Clone, Copy, Debug)]
pub enum Rule {
    /// A string; lengths in characters.
    Text {
        /// The minimum length.
        min: usize,
        /// The maximum length.
        max: usize,
        /// The expression that must match the whole text.
        pattern: Option<Pattern>,
    },
    /// A string of an enum.
    Choice(&'static [&'static str]),
    /// A boolean.
    Flag,
    /// An integer.
    Integer {
        /// The minimum.
        min: i64,
        /// The maximum.
        max: i64,
    },
    /// Bytes as base64.
    Blob {
        /// The maximum number of decoded bytes.
        max: usize,
    },
    /// A list.
    List {
        /// The rule for each member.
        of: &'static Rule,
        /// The minimum number of members.
        min: usize,
        /// The maximum number of members.
        max: usize,
    },
    /// A nested structure.
    Structure(&'static [Member]),
}

/// A regular expression of the model.
#[derive(Clone, Copy, Debug)]
pub struct Pattern {
    /// The expression as ECR's text shows it.
    pub text: &'static str,
    /// Whether ECR's text puts it in additional quotes.
    pub is_quoted: bool,
    /// The expression as a function.
    pub matches: fn(&str) -> bool,
}

impl Member {
    /// An optional member.
    pub(crate) const fn optional(name: &'static str, rule: Rule) -> Self {
        Self { name, is_required: false, rule }
    }

    /// A required member.
    pub(crate) const fn required(name: &'static str, rule: Rule) -> Self {
        Self { name, is_required: true, rule }
    }
}

impl Rule {
    /// A string without a rule.
    pub(crate) const ANY_TEXT: Self = Self::Text { min: 0, max: usize::MAX, pattern: None };

    /// A string with a length.
    pub(crate) const fn text(min: usize, max: usize) -> Self {
        Self::Text { min, max, pattern: None }
    }

    fn check(&self, value: &mut Tree<'_>) -> Result<(), Fault> {
        match (self, value) {
            (Self::Text { min, max, pattern }, Tree::Text(text)) => check_text(text, *min, *max, *pattern),
            (Self::Choice(values), Tree::Text(text)) if values.contains(&text.as_ref()) => Ok(()),
            (Self::Choice(values), Tree::Text(_)) => Err(Fault::member(
                Breach::Choice,
                format!("must satisfy enum value set: [{}]", values.join(", ")),
            )),
            (Self::Flag, Tree::Flag(_)) => Ok(()),
            (Self::Integer { min, max }, Tree::Number(number)) => check_integer(number, *min, *max),
            (Self::Blob { max }, Tree::Text(text)) => check_blob(text, *max),
            (Self::List { of, min, max }, Tree::List(values)) => check_list(values, of, *min, *max),
            (Self::Structure(members), Tree::Structure(map)) => check_structure(map, members),
            (rule, value) => Err(Fault::wrong_type(rule, value)),
        }
    }

    fn type_name(&self) -> &'static str {
        match self {
            Self::Text { .. } | Self::Choice(_) => "a String",
            Self::Flag => "a Boolean",
            Self::Integer { .. } => "an Integer",
            Self::Blob { .. } => "a Blob",
            Self::List { .. } => "a List",
            Self::Structure(_) => "a Structure",
        }
    }
}

/// A broken rule. Each level adds its part of the path.
struct Fault {
    path: Vec<String>,
    constraint: String,
    kind: FaultKind,
    breach: Breach,
}

#[derive(PartialEq)]
enum FaultKind {
    /// ECR's own check of a string at the top level: its text has no subject.
    Plain,
    /// The text has the subject "Member".
    Member,
    /// The JSON type is wrong; no rule is broken.
    Type,
}

impl Fault {
    fn new(kind: FaultKind, breach: Breach, constraint: String) -> Self {
        Self { path: Vec::new(), constraint, kind, breach }
    }

    fn plain(breach: Breach, constraint: String) -> Self {
        Self::new(FaultKind::Plain, breach, constraint)
    }

    fn member(breach: Breach, constraint: String) -> Self {
        Self::new(FaultKind::Member, breach, constraint)
    }

    fn null() -> Self {
        Self::plain(Breach::Missing, "must not be null".to_owned())
    }

    fn wrong_type(rule: &Rule, value: &Tree<'_>) -> Self {
        let found = match value {
            Tree::Null => "NULL_VALUE",
            Tree::Flag(_) => "BOOLEAN_VALUE",
            Tree::Number(_) => "NUMBER_VALUE",
            Tree::Text(_) => "STRING_VALUE",
            Tree::List(_) => "START_OF_LIST",
            Tree::Structure(_) => "START_OF_STRUCTURE",
        };
        Self::new(
            FaultKind::Type,
            Breach::Other,
            format!("{found} can not be converted to {}", rule.type_name()),
        )
    }

    fn within(mut self, segment: String) -> Self {
        self.path.push(segment);
        self
    }

    fn into_invalid(mut self) -> Invalid {
        let is_nested = self.path.len() > 1;
        self.path.reverse();
        let path = self.path.join(".");
        let invalid = match self.kind {
            FaultKind::Type if path.is_empty() => Invalid::serialization(self.constraint),
            FaultKind::Type => Invalid::serialization(format!("{} at '{path}'", self.constraint)),
            FaultKind::Plain if !is_nested => Invalid::parameter(&path, &self.constraint),
            FaultKind::Plain | FaultKind::Member => {
                Invalid::parameter(&path, &format!("Member {}", self.constraint))
            }
        };
        Invalid { breach: self.breach, ..invalid }
    }
}

/// Reads and checks a body. Nulls are removed, so each member is absent or has a value.
pub(super) fn read<'a>(body: &'a [u8], members: &'static [Member]) -> Result<Tree<'a>, Invalid> {
    let shape = Rule::Structure(members);
    let mut tree = if body.is_empty() { Tree::Structure(Vec::new()) } else { parse(body, &shape)? };
    shape.check(&mut tree).map_err(Fault::into_invalid)?;
    Ok(tree)
}

fn parse<'a>(body: &'a [u8], shape: &Rule) -> Result<Tree<'a>, Invalid> {
    bounds::check(body).map_err(Invalid::serialization)?;
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let read = Reader(shape).deserialize(&mut deserializer);
    read.and_then(|tree| deserializer.end().map(|()| tree))
        .map_err(|error| Invalid::serialization(format!("The request body is not JSON: {error}")))
}

fn check_structure(map: &mut Vec<(&'static str, Tree<'_>)>, members: &[Member]) -> Result<(), Fault> {
    map.retain(|(_, value)| !value.is_null());
    for member in members {
        let value = map.iter_mut().find(|(name, _)| *name == member.name).map(|(_, value)| value);
        let checked = match value {
            Some(value) => member.rule.check(value),
            None if member.is_required => Err(Fault::null()),
            None => Ok(()),
        };
        checked.map_err(|fault| fault.within(path_name(member.name)))?;
    }
    Ok(())
}

/// ECR's paths begin in lower case, also for `Key` and `Value` of resource tags.
fn path_name(name: &str) -> String {
    let mut characters = name.chars();
    characters
        .next()
        .map(|first| format!("{}{}", first.to_ascii_lowercase(), characters.as_str()))
        .unwrap_or_default()
}

fn check_list(values: &mut [Tree<'_>], of: &Rule, min: usize, max: usize) -> Result<(), Fault> {
    if values.len() < min {
        return Err(Fault::member(
            Breach::TooShort,
            format!("must have length greater than or equal to {min}"),
        ));
    }
    if values.len() > max {
        return Err(Fault::member(Breach::TooLong, format!("must have length less than or equal to {max}")));
    }
    for (index, value) in values.iter_mut().enumerate() {
        let checked = if value.is_null() { Err(Fault::null()) } else { of.check(value) };
        // Items are counted from one, and each is named "member", as in lists of AWS's query protocol.
        checked.map_err(|fault| fault.within(format!("{}.member", index + 1)))?;
    }
    Ok(())
}

fn check_text(text: &str, min: usize, max: usize, pattern: Option<Pattern>) -> Result<(), Fault> {
    // Counting stops at the first character over the maximum, so the cost of a huge value is bounded.
    let length = text.chars().take(max.saturating_add(1)).count();
    if length < min {
        return Err(Fault::plain(
            Breach::TooShort,
            format!("must have length greater than or equal to {min}"),
        ));
    }
    if length > max {
        return Err(Fault::plain(Breach::TooLong, format!("must have length less than or equal to {max}")));
    }
    match pattern {
        Some(pattern) if !(pattern.matches)(text) => {
            let quote = if pattern.is_quoted { "'" } else { "" };
            Err(Fault::plain(
                Breach::Pattern,
                format!("must satisfy regular expression {quote}{}{quote}", pattern.text),
            ))
        }
        _ => Ok(()),
    }
}

fn check_integer(number: &serde_json::Number, min: i64, max: i64) -> Result<(), Fault> {
    let Some(number) = number.as_i64() else {
        let text = if number.is_f64() { "DECIMAL_VALUE" } else { "BIG_INTEGER_VALUE" };
        return Err(Fault::new(
            FaultKind::Type,
            Breach::Other,
            format!("{text} can not be converted to an Integer"),
        ));
    };
    if number < min {
        return Err(Fault::member(
            Breach::TooSmall,
            format!("must have value greater than or equal to {min}"),
        ));
    }
    if number > max {
        return Err(Fault::member(Breach::TooLarge, format!("must have value less than or equal to {max}")));
    }
    Ok(())
}

fn check_blob(text: &str, max: usize) -> Result<(), Fault> {
    let padding = text.bytes().rev().take_while(|b| *b == b'=').count();
    let decoded = (text.len() - padding) / 4 * 3 + (text.len() - padding) % 4 * 3 / 4;
    if decoded > max {
        return Err(Fault::member(Breach::TooLong, format!("must have length less than or equal to {max}")));
    }
    Ok(())
}
