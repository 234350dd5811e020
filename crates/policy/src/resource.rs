//! Patterns of `Resource` and `NotResource`.
//!
//! Source: IAM User Guide, "Resource": wildcards are allowed in any segment of an ARN, and an asterisk at the end of a
//! segment can match beyond the colon. "IAM ARNs": an ARN with fewer than six fields in an identity policy is completed
//! with `*`, so `arn:aws:sqs` means `arn:aws:sqs:*:*:*`. Neither rule applies to ArnLike.

use crate::arn::{FIELDS, fields};
use crate::budget::{Budget, Excess};
use crate::error::PolicyError;
use crate::pattern::{Case, Glob};
use crate::policy::Version;
use crate::template::{Token, tokens};

/// A compiled pattern for the resources of a statement.
#[derive(Debug, Clone)]
pub(crate) enum ResourcePattern {
    /// `*`: everything, including operations without a resource.
    Any,
    /// The segments between colons. The sixth segment contains everything after the fifth colon.
    Segments(Box<[Segment]>),
}

/// One segment of a pattern.
#[derive(Debug, Clone)]
pub(crate) struct Segment {
    glob: Glob,
    /// Its last character is an asterisk, which can match beyond the colon.
    runs_on: bool,
    is_empty: bool,
}

/// Whether segments match at a position of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fit {
    Yes,
    /// Not at this position.
    No,
    /// Neither here nor further to the right.
    Never,
}

/// How a pattern is written, for checks that depend on the kind of policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `*`.
    Any,
    /// It does not begin with `arn:`.
    NoArn,
    /// `arn:aws`: without a service, and not completed.
    NoService,
    /// Fewer than six segments, and one of them is empty.
    IncompleteWithGap,
    /// Fewer than six segments, with an asterisk at the end that matches the rest.
    IncompleteWithStar,
    /// Fewer than six segments.
    Incomplete,
    /// Six segments.
    Complete,
}

impl ResourcePattern {
    pub(crate) fn parse(text: &str, version: Version) -> Result<Self, PolicyError> {
        let segments: Vec<Segment> = fields(tokens(text, version)?).into_iter().map(Segment::of).collect();
        match segments.as_slice() {
            [only] if only.glob.is_any() => Ok(Self::Any),
            _ => Ok(Self::Segments(segments.into())),
        }
    }

    /// Whether it is `*`.
    pub(crate) fn is_any(&self) -> bool {
        matches!(self, Self::Any)
    }

    /// How it is written.
    pub(crate) fn form(&self) -> Form {
        let Self::Segments(segments) = self else { return Form::Any };
        let begins_as_arn = segments.first().is_some_and(|first| first.glob.is_text("arn"));
        match segments.split_last() {
            Some((last, others)) if begins_as_arn && !others.is_empty() => {
                if segments.len() == FIELDS {
                    Form::Complete
                } else if segments.iter().any(|segment| segment.is_empty) {
                    Form::IncompleteWithGap
                } else if last.runs_on {
                    Form::IncompleteWithStar
                } else if segments.len() < 3 {
                    Form::NoService
                } else {
                    Form::Incomplete
                }
            }
            _ => Form::NoArn,
        }
    }

    /// Whether a variable replaces a part of the ARN before the fifth colon.
    pub(crate) fn has_early_variable(&self) -> bool {
        let early = self.segments().iter().take(FIELDS - 1);
        early.flat_map(|segment| segment.glob.keys()).next().is_some()
    }

    /// Whether it matches the resource of a request; none for an operation without a resource, which only `*` matches.
    pub(crate) fn matches(&self, resource: Option<&str>, budget: &Budget<'_>) -> Result<bool, Excess> {
        budget.spend(0)?;
        match (self, resource) {
            (Self::Any, _) => Ok(true),
            (Self::Segments(_), None) => Ok(false),
            (Self::Segments(segments), Some(arn)) => {
                let missing = FIELDS.saturating_sub(segments.len());
                Ok(fit(segments, arn, missing, budget)? == Fit::Yes)
            }
        }
    }

    /// The keys that its variables use.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.segments().iter().flat_map(|segment| segment.glob.keys())
    }

    pub(crate) fn segments(&self) -> &[Segment] {
        match self {
            Self::Any => &[],
            Self::Segments(segments) => segments,
        }
    }
}

impl Segment {
    pub(crate) fn glob(&self) -> &Glob {
        &self.glob
    }

    fn of(tokens: Vec<Token>) -> Self {
        let runs_on = tokens.last() == Some(&Token::Star);
        Self { runs_on, is_empty: tokens.is_empty(), glob: Glob::of(tokens) }
    }
}

/// Matches segments at the start of a text. A segment with an asterisk at the end leaves open where the next one
/// begins. The first position that reaches the next such segment is as good as any other, so nothing is tried twice.
fn fit(segments: &[Segment], text: &str, missing: usize, budget: &Budget<'_>) -> Result<Fit, Excess> {
    let Some((segment, others)) = segments.split_first() else { return Ok(Fit::No) };
    if others.is_empty() {
        return Ok(if ends(segment, text, missing, budget)? { Fit::Yes } else { Fit::No });
    }
    let Some((field, mut after)) = text.split_once(':') else { return Ok(Fit::Never) };
    if !segment.glob.matches(field, Case::Exact, budget)? {
        return Ok(Fit::No);
    }
    if !segment.runs_on {
        return fit(others, after, missing, budget);
    }
    loop {
        match fit(others, after, missing, budget)? {
            Fit::No => {}
            found => return Ok(found),
        }
        let Some((field, next)) = after.split_once(':') else { return Ok(Fit::Never) };
        budget.spend(field.len())?;
        after = next;
    }
}

/// Whether the last segment of a pattern matches the rest of a resource. AWS completes an incomplete pattern with `*`;
/// a pattern whose earlier asterisk has matched the missing colons is complete without it.
fn ends(segment: &Segment, text: &str, missing: usize, budget: &Budget<'_>) -> Result<bool, Excess> {
    let (field, after) = match text.split_once(':') {
        Some(parts) if missing > 0 => parts,
        _ => return segment.glob.matches(text, Case::Exact, budget),
    };
    budget.spend(after.len())?;
    let left = 1 + after.bytes().filter(|byte| *byte == b':').count();
    Ok((segment.runs_on || left >= missing) && segment.glob.matches(field, Case::Exact, budget)?)
}
