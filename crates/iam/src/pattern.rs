//! Patterns with `*`, `?` and policy variables, taken apart once and matched in bounded time.
//!
//! A pattern is cut at its stars. The first part is held to the start of the text, the last to its end, and each part
//! between them is put at the leftmost place where it fits: leftmost is always as good as any other, so nothing is
//! ever tried twice and the cost is at most the product of the two lengths.

use crate::context::Context;
use crate::error::PolicyError;
use crate::policy::Version;
use crate::template::{Token, Variable};

/// Whether letters of different case are equal. Actions ignore the case of ASCII letters, resources never.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Case {
    Exact,
    Ignored,
}

#[derive(Debug, Clone)]
enum Piece {
    Literal(Box<str>),
    /// `?`: one character.
    One,
    Variable(Variable),
}

/// What stands between two stars.
type Part = Box<[Piece]>;

/// A compiled pattern.
#[derive(Debug, Clone)]
pub(crate) struct Glob {
    case: Case,
    /// Parts between the stars: one more than there are stars.
    parts: Box<[Part]>,
}

impl Glob {
    pub(crate) fn parse(text: &str, version: Version, case: Case) -> Result<Self, PolicyError> {
        Ok(Self::of(crate::template::tokens(text, version)?, case))
    }

    pub(crate) fn of(tokens: Vec<Token>, case: Case) -> Self {
        let mut parts = Vec::new();
        let mut part = Vec::new();
        for token in tokens {
            match token {
                Token::Star => parts.push(std::mem::take(&mut part).into_boxed_slice()),
                Token::Question => part.push(Piece::One),
                Token::Text(text) => part.push(Piece::Literal(text.into())),
                Token::Variable(variable) => part.push(Piece::Variable(variable)),
            }
        }
        parts.push(part.into_boxed_slice());
        Self { case, parts: parts.into() }
    }

    /// `*` and nothing else, however often.
    pub(crate) fn is_any(&self) -> bool {
        self.parts.len() > 1 && self.parts.iter().all(|part| part.is_empty())
    }

    /// Whether it is a plain text and nothing else.
    pub(crate) fn is_text(&self, text: &str) -> bool {
        match &*self.parts {
            [part] => matches!(&**part, [Piece::Literal(literal)] if **literal == *text),
            _ => false,
        }
    }

    /// Whether nothing but wildcards is in it.
    pub(crate) fn is_wildcards(&self) -> bool {
        self.parts.iter().flat_map(|part| part.iter()).all(|piece| matches!(piece, Piece::One))
    }

    pub(crate) fn matches(&self, text: &str, context: &Context) -> bool {
        let bytes = text.as_bytes();
        let Some((first, rest)) = self.parts.split_first() else { return false };
        let Some(mut at) = self.end_of(first, bytes, 0, context) else { return false };
        let Some((last, middle)) = rest.split_last() else { return at == bytes.len() };
        for part in middle {
            match self.find(part, bytes, at, context) {
                Some(end) => at = end,
                None => return false,
            }
        }
        self.start_of(last, bytes, context).is_some_and(|start| start >= at)
    }

    /// The keys that its variables look up.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().flat_map(|part| part.iter()).filter_map(|piece| match piece {
            Piece::Variable(variable) => Some(&*variable.key),
            _ => None,
        })
    }

    /// The end of the leftmost place at or after `from` where the part fits.
    fn find(&self, part: &Part, text: &[u8], from: usize, context: &Context) -> Option<usize> {
        if part.is_empty() {
            return Some(from);
        }
        (from..=text.len()).find_map(|start| self.end_of(part, text, start, context))
    }

    /// Where the part ends when it is put at `at`.
    fn end_of(&self, part: &Part, text: &[u8], mut at: usize, context: &Context) -> Option<usize> {
        for piece in part {
            let rest = text.get(at..)?;
            at += match piece {
                Piece::One => first_character(rest)?,
                Piece::Literal(literal) => self.prefix(rest, literal)?,
                Piece::Variable(variable) => self.prefix(rest, &variable.resolve(context)?)?,
            };
        }
        Some(at)
    }

    /// Where the part starts when its end is the end of the text.
    fn start_of(&self, part: &Part, text: &[u8], context: &Context) -> Option<usize> {
        let mut at = text.len();
        for piece in part.iter().rev() {
            let rest = text.get(..at)?;
            at -= match piece {
                Piece::One => last_character(rest)?,
                Piece::Literal(literal) => self.suffix(rest, literal)?,
                Piece::Variable(variable) => self.suffix(rest, &variable.resolve(context)?)?,
            };
        }
        Some(at)
    }

    fn prefix(&self, text: &[u8], literal: &str) -> Option<usize> {
        let length = literal.len();
        self.equal(text.get(..length)?, literal.as_bytes()).then_some(length)
    }

    fn suffix(&self, text: &[u8], literal: &str) -> Option<usize> {
        let length = literal.len();
        let start = text.len().checked_sub(length)?;
        self.equal(text.get(start..)?, literal.as_bytes()).then_some(length)
    }

    fn equal(&self, a: &[u8], b: &[u8]) -> bool {
        match self.case {
            Case::Exact => a == b,
            Case::Ignored => a.eq_ignore_ascii_case(b),
        }
    }
}

fn is_continuation(byte: u8) -> bool {
    byte & 0b1100_0000 == 0b1000_0000
}

/// The length of the character at the start of UTF-8 text; none in the middle of one, or at the end of the text.
fn first_character(text: &[u8]) -> Option<usize> {
    let (first, rest) = text.split_first()?;
    if is_continuation(*first) {
        return None;
    }
    Some(1 + rest.iter().take_while(|byte| is_continuation(**byte)).count())
}

fn last_character(text: &[u8]) -> Option<usize> {
    let continuation = text.iter().rev().take_while(|byte| is_continuation(**byte)).count();
    (continuation < text.len()).then_some(continuation + 1)
}
