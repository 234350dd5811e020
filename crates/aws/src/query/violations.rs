//! The violations in a request: all in one text, as IAM and STS write them.

use crate::dialect::Dialect;
use crate::shape::{Invalid, InvalidKind, Path, Rule, Tree, Violation};

/// The maximum number of violations in the text; the number before them counts all.
const MOST_LISTED: usize = 50;
/// The maximum number of characters of a value that the text repeats.
const MOST_SHOWN: usize = 256;

/// The violations, in the order of the members in the model.
#[derive(Clone, Debug, Default)]
pub(super) struct Violations {
    count: usize,
    listed: Vec<String>,
    /// A value of a wrong type: it is reported alone.
    malformed: Option<String>,
}

impl Violations {
    /// Adds a value that violates a constraint.
    pub(super) fn add(&mut self, violation: &Violation<'_>) {
        let Violation { path, rule, value, constraint } = violation;
        let constraint = format!("Member {}", constraint.sentence(Dialect::Query));
        match value {
            None => self.note(" null", path, &constraint),
            Some(value) => self.add_text(path, &shown(rule, value), &constraint),
        }
    }

    /// Adds a value that violates a constraint. The text does not repeat a secret.
    pub(super) fn add_text(&mut self, path: &Path, value: &str, constraint: &str) {
        let value = if path.is_sensitive() { String::new() } else { format!(" '{}'", cut(value)) };
        self.note(&value, path, constraint);
    }

    /// Adds a value that is not a number.
    pub(super) fn add_malformed(&mut self, path: &Path, value: &Tree<'_>) {
        let value = match value {
            Tree::Text(text) if !path.is_sensitive() => cut(text),
            _ => String::new(),
        };
        self.malformed
            .get_or_insert(format!("The value '{value}' of {} is not a whole number.", path.member()));
    }

    fn note(&mut self, value: &str, path: &Path, constraint: &str) {
        self.count += 1;
        if self.listed.len() < MOST_LISTED {
            self.listed.push(format!("Value{value} at '{path}' failed to satisfy constraint: {constraint}"));
        }
    }

    /// An error if there is any violation.
    pub(super) fn none(self) -> Result<(), Invalid> {
        let message = match (self.malformed, self.count) {
            (Some(malformed), _) => malformed,
            (None, 0) => return Ok(()),
            (None, 1) => format!("1 validation error detected: {}", self.listed.concat()),
            (None, count) => format!("{count} validation errors detected: {}", self.listed.join("; ")),
        };
        Err(Invalid { kind: InvalidKind::Parameter, constraint: None, message })
    }
}

fn cut(value: &str) -> String {
    value.chars().take(MOST_SHOWN).collect()
}

/// A value as the texts show it: `[a, b]`, `Tag(key=a, value=b)`.
fn shown(rule: &Rule, value: &Tree<'_>) -> String {
    match (rule, value) {
        (Rule::List { of, .. }, Tree::List(items)) => {
            let items: Vec<String> = items.iter().map(|item| shown(of, item)).collect();
            format!("[{}]", items.join(", "))
        }
        (Rule::Structure { name, members }, Tree::Structure(values)) => {
            let shown = members.iter().filter_map(|member| {
                let (_, value) = values.iter().find(|(name, _)| *name == member.name)?;
                let (first, rest) = member.name.split_at_checked(1)?;
                let value = if member.is_sensitive { String::new() } else { shown(&member.rule, value) };
                Some(format!("{}{rest}={value}", first.to_ascii_lowercase()))
            });
            format!("{name}({})", shown.collect::<Vec<_>>().join(", "))
        }
        (_, Tree::Text(text)) => text.clone().into_owned(),
        (_, Tree::Number(number)) => number.to_string(),
        (_, Tree::Flag(flag)) => flag.to_string(),
        _ => String::new(),
    }
}
