//! Patterns with `*`, `?` and policy variables, compiled once and matched in limited time.
//!
//! A pattern is split at its asterisks. The first part must match the start of the text, the last part its end, and
//! each part between them matches at the leftmost possible position: this is always as good as any other position, so
//! nothing is tried twice. A part of plain text is found in linear time. A part with `?` or variables can cost the
//! product of both lengths, which counts against the budget.

use crate::budget::{Budget, Excess};
use crate::error::PolicyError;
use crate::policy::Version;
use crate::template::{Token, Variable, tokens};

/// Whether case matters. Actions ignore the case of ASCII letters, resources never do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Case {
    Exact,
    Ignored,
}

#[derive(Debug, Clone)]
pub(crate) enum Piece {
    Literal(Box<str>),
    /// `?`: one character.
    One,
    Variable(Variable),
}

/// The part between two asterisks.
pub(crate) type Part = Box<[Piece]>;

/// A compiled pattern.
#[derive(Debug, Clone)]
pub(crate) enum Glob {
    /// A plain text.
    Text(Box<str>),
    /// A plain text with an asterisk at the end.
    Beginning(Box<str>),
    /// The parts between the asterisks: one more than there are asterisks.
    Parts(Box<[Part]>),
}

impl Glob {
    pub(crate) fn parse(text: &str, version: Version) -> Result<Self, PolicyError> {
        Ok(Self::of(tokens(text, version)?))
    }

    pub(crate) fn of(tokens: Vec<Token>) -> Self {
        match tokens.as_slice() {
            [] => return Self::Text("".into()),
            [Token::Text(text)] => return Self::Text(text.as_str().into()),
            [Token::Star] => return Self::Beginning("".into()),
            [Token::Text(text), Token::Star] => return Self::Beginning(text.as_str().into()),
            _ => {}
        }
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
        Self::Parts(parts.into())
    }

    /// Only `*`, once or several times.
    pub(crate) fn is_any(&self) -> bool {
        match self {
            Self::Text(_) => false,
            Self::Beginning(text) => text.is_empty(),
            Self::Parts(parts) => parts.len() > 1 && parts.iter().all(|part| part.is_empty()),
        }
    }

    /// Whether it is plain text.
    pub(crate) fn is_text(&self, text: &str) -> bool {
        matches!(self, Self::Text(literal) if **literal == *text)
    }

    /// Whether it has only wildcards.
    pub(crate) fn is_wildcards(&self) -> bool {
        match self {
            Self::Text(text) | Self::Beginning(text) => text.is_empty(),
            Self::Parts(parts) => parts.iter().flatten().all(|piece| matches!(piece, Piece::One)),
        }
    }

    pub(crate) fn matches(&self, text: &str, case: Case, budget: &Budget<'_>) -> Result<bool, Excess> {
        let held = Held { text: text.as_bytes(), case, budget };
        match self {
            Self::Text(whole) if whole.len() != text.len() => budget.spend(0).map(|()| false),
            Self::Text(start) | Self::Beginning(start) => {
                Ok(held.literal(start, held.text.get(..start.len()))?.is_some())
            }
            Self::Parts(parts) => held.fits(parts),
        }
    }

    /// The keys that its variables use.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        let parts: &[Part] = match self {
            Self::Text(_) | Self::Beginning(_) => &[],
            Self::Parts(parts) => parts,
        };
        parts.iter().flatten().filter_map(|piece| match piece {
            Piece::Variable(variable) => Some(&*variable.key),
            _ => None,
        })
    }
}

/// A text to match.
struct Held<'t, 'b> {
    text: &'t [u8],
    case: Case,
    budget: &'b Budget<'b>,
}

impl Held<'_, '_> {
    fn fits(&self, parts: &[Part]) -> Result<bool, Excess> {
        let Some((first, rest)) = parts.split_first() else { return Ok(false) };
        let Some(mut at) = self.end_of(first, 0)? else { return Ok(false) };
        let Some((last, middle)) = rest.split_last() else { return Ok(at == self.text.len()) };
        for part in middle {
            match self.find(part, at)? {
                Some(end) => at = end,
                None => return Ok(false),
            }
        }
        Ok(self.start_of(last)?.is_some_and(|start| start >= at))
    }

    /// The end of the leftmost match of the part at or after `from`.
    fn find(&self, part: &[Piece], from: usize) -> Result<Option<usize>, Excess> {
        match part {
            [] => return Ok(Some(from)),
            [Piece::Literal(literal)] if self.case == Case::Exact => {
                let rest = self.text.get(from..).and_then(|rest| std::str::from_utf8(rest).ok());
                let Some(rest) = rest else { return Ok(None) };
                self.budget.spend(rest.len() + literal.len())?;
                return Ok(rest.find(&**literal).map(|start| from + start + literal.len()));
            }
            _ => {}
        }
        for start in from..=self.text.len() {
            if let Some(end) = self.end_of(part, start)? {
                return Ok(Some(end));
            }
        }
        Ok(None)
    }

    /// The end of the part if it matches at `at`.
    fn end_of(&self, part: &[Piece], mut at: usize) -> Result<Option<usize>, Excess> {
        for piece in part {
            let Some(rest) = self.text.get(at..) else { return Ok(None) };
            let before = |literal: &str| self.literal(literal, rest.get(..literal.len()));
            let Some(length) = self.piece(piece, before, || first_character(rest))? else { return Ok(None) };
            at += length;
        }
        Ok(Some(at))
    }

    /// The start of the part if it matches the end of the text.
    fn start_of(&self, part: &[Piece]) -> Result<Option<usize>, Excess> {
        let mut at = self.text.len();
        for piece in part.iter().rev() {
            let Some(rest) = self.text.get(..at) else { return Ok(None) };
            let behind = |literal: &str| {
                self.literal(literal, at.checked_sub(literal.len()).and_then(|start| rest.get(start..)))
            };
            let Some(length) = self.piece(piece, behind, || last_character(rest))? else { return Ok(None) };
            at -= length;
        }
        Ok(Some(at))
    }

    /// The length of a piece if it matches.
    fn piece(
        &self,
        piece: &Piece,
        literal: impl Fn(&str) -> Result<Option<usize>, Excess>,
        one: impl Fn() -> Option<usize>,
    ) -> Result<Option<usize>, Excess> {
        match piece {
            Piece::One => self.budget.spend(0).map(|()| one()),
            Piece::Literal(text) => literal(text),
            Piece::Variable(variable) => match variable.resolve(self.budget)? {
                Some(text) => literal(&text),
                None => Ok(None),
            },
        }
    }

    /// The literal's length if it equals these bytes.
    fn literal(&self, literal: &str, bytes: Option<&[u8]>) -> Result<Option<usize>, Excess> {
        self.budget.spend(literal.len())?;
        let equal = match self.case {
            Case::Exact => bytes == Some(literal.as_bytes()),
            Case::Ignored => bytes.is_some_and(|bytes| bytes.eq_ignore_ascii_case(literal.as_bytes())),
        };
        Ok(equal.then_some(literal.len()))
    }
}

fn is_continuation(byte: u8) -> bool {
    byte & 0b1100_0000 == 0b1000_0000
}

/// The length of the character at the start of UTF-8 text; none in the middle of a character, or at the end of the
/// text.
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
