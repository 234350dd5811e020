//! Patterns of ArnEquals and ArnLike: six fields between colons, each matched separately, so no asterisk matches a
//! colon.
//!
//! Source: IAM User Guide, "ARN condition operators" (each of the six components is checked separately). The last field
//! may contain colons. Resources are matched by another rule: see `resource.rs`.

use crate::budget::{Budget, Excess, all};
use crate::error::PolicyError;
use crate::pattern::{Case, Glob};
use crate::policy::Version;
use crate::template::{Token, tokens};

/// An ARN's fields: `arn`, partition, service, Region, account, and the rest.
pub(crate) const FIELDS: usize = 6;

/// A text that may be an ARN, split once for each request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    /// `None` for `*` (the resource of operations without a resource), and for a text that is not an ARN.
    fields: Option<[&'a str; FIELDS]>,
}

impl<'a> Target<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        let mut fields = [""; FIELDS];
        let mut parts = text.splitn(FIELDS, ':');
        for field in &mut fields {
            match parts.next() {
                Some(part) => *field = part,
                None => return Self { fields: None },
            }
        }
        Self { fields: (fields[0] == "arn").then_some(fields) }
    }

    /// Whether the text is an ARN.
    pub(crate) fn is_arn(&self) -> bool {
        self.fields.is_some()
    }
}

/// A compiled pattern for ARNs.
#[derive(Debug, Clone)]
pub(crate) enum ArnPattern {
    /// `*`: every ARN.
    Any,
    /// A pattern for each field. Fewer than six fields are not an ARN and match nothing: "each of the six
    /// colon-delimited components is checked separately" (IAM User Guide, "ARN condition operators").
    Fields(Box<[Glob]>),
}

impl ArnPattern {
    pub(crate) fn parse(text: &str, version: Version) -> Result<Self, PolicyError> {
        let fields = fields(tokens(text, version)?);
        let fields: Vec<Glob> = fields.into_iter().map(Glob::of).collect();
        match fields.as_slice() {
            [only] if only.is_any() => Ok(Self::Any),
            _ => Ok(Self::Fields(fields.into())),
        }
    }

    pub(crate) fn matches(&self, target: &Target<'_>, budget: &Budget<'_>) -> Result<bool, Excess> {
        match (self, &target.fields) {
            (Self::Any, _) => Ok(true),
            (Self::Fields(globs), Some(fields)) if globs.len() == FIELDS => {
                all(globs.iter().zip(fields), |(glob, field)| glob.matches(field, Case::Exact, budget))
            }
            (Self::Fields(_), _) => Ok(false),
        }
    }

    /// The keys that its variables use.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        let globs: &[Glob] = match self {
            Self::Any => &[],
            Self::Fields(globs) => globs,
        };
        globs.iter().flat_map(Glob::keys)
    }
}

/// The tokens of a pattern by field. There are at most six fields.
pub(crate) fn fields(tokens: Vec<Token>) -> Vec<Vec<Token>> {
    let mut fields: Vec<Vec<Token>> = vec![Vec::new()];
    for token in tokens {
        match token {
            Token::Text(text) => split_text(&text, &mut fields),
            other => push(&mut fields, other),
        }
    }
    fields
}

/// Distributes the text over the fields: up to the fifth colon, each colon begins the next field. This applies only to
/// text of the policy. A colon in a variable's value stays within its field.
fn split_text(text: &str, fields: &mut Vec<Vec<Token>>) {
    let mut rest = text;
    while fields.len() < FIELDS {
        let Some((before, after)) = rest.split_once(':') else { break };
        push(fields, Token::Text(before.to_owned()));
        fields.push(Vec::new());
        rest = after;
    }
    push(fields, Token::Text(rest.to_owned()));
}

fn push(fields: &mut [Vec<Token>], token: Token) {
    let is_empty = matches!(&token, Token::Text(text) if text.is_empty());
    if let (Some(field), false) = (fields.last_mut(), is_empty) {
        field.push(token);
    }
}
