//! Patterns of `Resource` and `NotResource`.
//!
//! Source: IAM User Guide, "Resource": wildcards may stand in any segment of an ARN, and an asterisk that is the last
//! character of a segment can expand beyond the colon. "IAM ARNs": an ARN with fewer than six fields in an
//! identity-based policy is completed with `*`, so that `arn:aws:sqs` is `arn:aws:sqs:*:*:*`. Neither holds for ArnLike.

use crate::arn::{FIELDS, fields};
use crate::budget::{Budget, Excess};
use crate::error::PolicyError;
use crate::pattern::{Case, Glob};
use crate::policy::Version;
use crate::template::{Token, tokens};

/// A compiled pattern for the resources of a statement.
#[derive(Debug, Clone)]
pub(crate) enum ResourcePattern {
    /// `*`: everything, also the resource of operations that have none.
    Any,
    /// What stands between colons. The sixth segment holds whatever follows the fifth colon.
    Segments(Box<[Segment]>),
}

/// One segment of a pattern.
#[derive(Debug, Clone)]
pub(crate) struct Segment {
    glob: Glob,
    /// Its last character is an asterisk, which can expand beyond the colon.
    runs_on: bool,
    is_empty: bool,
}

/// Whether segments fit at a place of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fit {
    Yes,
    /// Not at this place.
    No,
    /// Neither here nor further to the right.
    Never,
}

/// How a pattern is written, for the checks that differ between kinds of policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `*`.
    Any,
    /// It does not begin with `arn:`.
    NoArn,
    /// `arn:aws`: no service, which nothing completes.
    NoService,
    /// Fewer than six segments, one of them empty.
    IncompleteWithGap,
    /// Fewer than six segments, the last one ending with an asterisk, which covers what is missing.
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

    /// Whether a variable stands where it replaces a part of the ARN before the fifth colon.
    pub(crate) fn has_early_variable(&self) -> bool {
        let early = self.segments().iter().take(FIELDS - 1);
        early.flat_map(|segment| segment.glob.keys()).next().is_some()
    }

    /// Whether it is the resource of a request; none for an operation that has no resource, which only `*` covers.
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

    /// The keys that its variables look up.
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

/// Puts segments at the start of a text. A segment that runs on leaves the choice where the next one begins; the first
/// place that brings the match as far as the next such segment is as good as any other, so that nothing is tried twice.
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

/// Whether a pattern's last segment is all that is left of a resource. AWS completes an incomplete pattern with `*`; one
/// whose earlier asterisk has run over the colons that it lacks is complete without.
fn ends(segment: &Segment, text: &str, missing: usize, budget: &Budget<'_>) -> Result<bool, Excess> {
    let (field, after) = match text.split_once(':') {
        Some(parts) if missing > 0 => parts,
        _ => return segment.glob.matches(text, Case::Exact, budget),
    };
    budget.spend(after.len())?;
    let left = 1 + after.bytes().filter(|byte| *byte == b':').count();
    Ok((segment.runs_on || left >= missing) && segment.glob.matches(field, Case::Exact, budget)?)
}
