//! Compares a request with the constraints on its members. The request is checked as a tree before it becomes a struct,
//! because only the tree still shows whether a member was absent, and where a nested member is.

use std::fmt;
use std::ops::ControlFlow;

use super::rule::{Member, Rule};
use super::tree::Tree;
use super::violation::{Constraint, Violation};

/// Receives what is wrong with a request, and decides whether the check goes on.
pub(crate) trait Report {
    /// Whether a list of strings is reported as a whole, or each of its elements.
    const LISTS_ARE_WHOLE: bool;

    /// A value violates a constraint.
    fn violation(&mut self, violation: Violation<'_>) -> ControlFlow<()>;

    /// A value has another type.
    fn wrong_type(&mut self, path: &Path, rule: &'static Rule, value: &Tree<'_>) -> ControlFlow<()>;
}

/// Where a value is in the request.
#[derive(Default)]
pub(crate) struct Path(Vec<Segment>);

enum Segment {
    Member(&'static Member),
    /// From one.
    Element(usize),
    /// A key or a value of a map.
    Entry,
}

impl Path {
    /// Whether the value is inside another member.
    pub(crate) fn is_nested(&self) -> bool {
        self.0.len() > 1
    }

    /// The name of the innermost member, as on the wire.
    pub(crate) fn member(&self) -> &'static str {
        let name = |segment: &Segment| match segment {
            Segment::Member(member) => Some(member.name),
            Segment::Element(_) | Segment::Entry => None,
        };
        self.0.iter().rev().find_map(name).unwrap_or_default()
    }

    /// Whether the value is a secret.
    pub(crate) fn is_sensitive(&self) -> bool {
        self.0.iter().any(|segment| matches!(segment, Segment::Member(member) if member.is_sensitive))
    }
}

/// AWS's paths begin in lower case, also where the member's name does not. An element is counted from one, and its own
/// name is "member", in both protocols.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, segment) in self.0.iter().enumerate() {
            let dot = if at == 0 { "" } else { "." };
            match segment {
                Segment::Entry => write!(f, "{dot}member")?,
                Segment::Element(number) => write!(f, "{dot}{number}.member")?,
                Segment::Member(member) => {
                    let (first, rest) = member.name.split_at_checked(1).unwrap_or((member.name, ""));
                    write!(f, "{dot}{}{rest}", first.to_ascii_lowercase())?;
                }
            }
        }
        Ok(())
    }
}

/// Checks the members of a request.
pub(crate) fn check<R: Report>(
    values: &[(&'static str, Tree<'_>)],
    members: &'static [Member],
    report: &mut R,
) {
    // A break says only that the report has enough.
    let _enough = Check { path: Path::default(), report }.members(values, members);
}

struct Check<'r, R> {
    path: Path,
    report: &'r mut R,
}

impl<R: Report> Check<'_, R> {
    fn members(
        &mut self,
        values: &[(&'static str, Tree<'_>)],
        members: &'static [Member],
    ) -> ControlFlow<()> {
        for member in members {
            self.path.0.push(Segment::Member(member));
            match values.iter().find(|(name, _)| *name == member.name) {
                Some((_, value)) => self.value(&member.rule, value)?,
                None if member.is_required => self.violates(&member.rule, None, Constraint::Required)?,
                None => {}
            }
            self.path.0.pop();
        }
        ControlFlow::Continue(())
    }

    fn value(&mut self, rule: &'static Rule, value: &Tree<'_>) -> ControlFlow<()> {
        match (rule, value) {
            (Rule::Text { .. } | Rule::Choice(_), Tree::Text(text)) => {
                broken_by(rule, text).into_iter().try_for_each(|it| self.violates(rule, Some(value), it))
            }
            (Rule::Integer { min, max }, Tree::Number(number)) => match number.as_i64() {
                None => self.report.wrong_type(&self.path, rule, value),
                Some(number) if number < *min => self.violates(rule, Some(value), Constraint::MinValue(*min)),
                Some(number) if number > *max => self.violates(rule, Some(value), Constraint::MaxValue(*max)),
                Some(_) => ControlFlow::Continue(()),
            },
            (Rule::Blob { max }, Tree::Text(text)) if decoded_length(text) > *max => {
                self.violates(rule, Some(value), Constraint::MaxLength(*max))
            }
            (Rule::Flag, Tree::Flag(_)) | (Rule::Blob { .. }, Tree::Text(_)) => ControlFlow::Continue(()),
            (Rule::List { .. }, Tree::List(items)) => self.list(rule, value, items),
            (Rule::Map { .. }, Tree::Map(entries)) => self.map(rule, value, entries),
            (Rule::Structure { members, .. }, Tree::Structure(values)) => self.members(values, members),
            _ => self.report.wrong_type(&self.path, rule, value),
        }
    }

    fn list(&mut self, rule: &'static Rule, list: &Tree<'_>, items: &[Tree<'_>]) -> ControlFlow<()> {
        let Rule::List { of, min, max } = rule else { return ControlFlow::Continue(()) };
        if items.len() < *min {
            self.violates(rule, Some(list), Constraint::MinLength(*min))?;
        }
        if items.len() > *max {
            self.violates(rule, Some(list), Constraint::MaxLength(*max))?;
        }
        if R::LISTS_ARE_WHOLE && matches!(of, Rule::Text { .. } | Rule::Choice(_)) {
            let is_broken =
                |item: &Tree<'_>| matches!(item, Tree::Text(text) if !broken_by(of, text).is_empty());
            if items.iter().any(is_broken) {
                let has_nul =
                    items.iter().any(|item| matches!(item, Tree::Text(text) if text.contains('\0')));
                let all = Constraint::all_of(of).into_iter().chain(has_nul.then_some(Constraint::NoNul));
                self.violates(rule, Some(list), Constraint::Elements(all.collect()))?;
            }
            return ControlFlow::Continue(());
        }
        for (index, item) in items.iter().enumerate() {
            self.path.0.push(Segment::Element(index + 1));
            match item {
                Tree::Null => self.violates(of, None, Constraint::Required)?,
                item => self.value(of, item)?,
            }
            self.path.0.pop();
        }
        ControlFlow::Continue(())
    }

    fn map(
        &mut self,
        rule: &'static Rule,
        map: &Tree<'_>,
        entries: &[(String, Tree<'_>)],
    ) -> ControlFlow<()> {
        let Rule::Map { key, of, max } = rule else { return ControlFlow::Continue(()) };
        if entries.len() > *max {
            self.violates(rule, Some(map), Constraint::MaxLength(*max))?;
        }
        self.path.0.push(Segment::Entry);
        for (name, value) in entries {
            self.value(key, &Tree::Text(name.as_str().into()))?;
            match value {
                Tree::Null => self.violates(of, None, Constraint::Required)?,
                value => self.value(of, value)?,
            }
        }
        self.path.0.pop();
        ControlFlow::Continue(())
    }

    fn violates(
        &mut self,
        rule: &'static Rule,
        value: Option<&Tree<'_>>,
        constraint: Constraint,
    ) -> ControlFlow<()> {
        self.report.violation(Violation { path: &self.path, rule, value, constraint })
    }
}

/// The constraints that a string violates.
fn broken_by(rule: &Rule, text: &str) -> Vec<Constraint> {
    let mut broken = Vec::new();
    match rule {
        Rule::Text { min, max, pattern } => {
            // Counting stops where it no longer matters, so that a huge value costs no more than a long one.
            let length = text.chars().take(max.saturating_add(1)).count();
            if length < *min {
                broken.push(Constraint::MinLength(*min));
            }
            if length > *max {
                broken.push(Constraint::MaxLength(*max));
            }
            broken.extend(pattern.iter().filter(|it| !(it.matches)(text)).map(Constraint::of_pattern));
            if broken.is_empty() && text.contains('\0') {
                broken.push(Constraint::NoNul);
            }
        }
        Rule::Choice(values) if !values.contains(&text) => broken.push(Constraint::Choice(values)),
        _ => {}
    }
    broken
}

/// The length in bytes that a base64 text has when it is decoded.
fn decoded_length(text: &str) -> usize {
    let padding = text.bytes().rev().take_while(|byte| *byte == b'=').count();
    let characters = text.len() - padding;
    characters / 4 * 3 + characters % 4 * 3 / 4
}
