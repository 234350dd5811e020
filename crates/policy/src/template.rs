//! Policy variables: `${aws:username}`, `${aws:username, 'nobody'}`, `${*}`, `${?}`, `${$}`.
//!
//! Source: IAM User Guide, "Policy elements: variables and tags". In version 2008-10-17 these are literal text.

use std::borrow::Cow;

use crate::budget::{Budget, Excess};
use crate::error::PolicyError;
use crate::policy::Version;

/// A piece of a pattern or of a condition value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    /// Ordinary text.
    Text(String),
    /// `*`: any number of characters.
    Star,
    /// `?`: one character.
    Question,
    /// The value of a key in the request's context.
    Variable(Variable),
}

/// A variable: the key, and the text to use without a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Variable {
    pub(crate) key: Box<str>,
    default: Option<Box<str>>,
}

impl Variable {
    pub(crate) fn default(&self) -> Option<&str> {
        self.default.as_deref()
    }

    /// The text for the variable, or none. A key with several values has no single text and counts as absent: AWS
    /// allows only single-valued keys as variables.
    pub(crate) fn resolve<'a>(&'a self, budget: &'a Budget<'_>) -> Result<Option<Cow<'a, str>>, Excess> {
        Ok(match budget.single(&self.key)? {
            Some(value) => Some(value.text()),
            None => self.default.as_deref().map(Cow::Borrowed),
        })
    }
}

/// Splits a text.
pub(crate) fn tokens(text: &str, version: Version) -> Result<Vec<Token>, PolicyError> {
    let mut tokens = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let special = match next {
            '*' => Some((Token::Star, 1)),
            '?' => Some((Token::Question, 1)),
            '$' if version == Version::V2012 && rest.starts_with("${") => {
                let (token, length) =
                    variable(rest).ok_or_else(|| PolicyError::InvalidVariable(text.to_owned()))?;
                Some((token, length))
            }
            _ => None,
        };
        let length = match special {
            Some((Token::Text(escaped), length)) => {
                literal.push_str(&escaped);
                length
            }
            Some((token, length)) => {
                if !literal.is_empty() {
                    tokens.push(Token::Text(std::mem::take(&mut literal)));
                }
                tokens.push(token);
                length
            }
            None => {
                literal.push(next);
                next.len_utf8()
            }
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    if !literal.is_empty() {
        tokens.push(Token::Text(literal));
    }
    Ok(tokens)
}

/// Parses one variable at the start of `text` (which begins with `${`); returns it with its length in bytes.
fn variable(text: &str) -> Option<(Token, usize)> {
    let body = text.get(2..)?;
    for special in ["*", "?", "$"] {
        if body.starts_with(special) && body.get(1..)?.starts_with('}') {
            return Some((Token::Text(special.to_owned()), 4));
        }
    }
    let end_of_key = body.find([',', '}', '{', '$'])?;
    let key = body.get(..end_of_key)?.trim_end_matches(' ');
    // A tag key can contain spaces and most punctuation, so a name must only be non-empty.
    if key.is_empty() || key.starts_with(' ') {
        return None;
    }
    let after = body.get(end_of_key..)?;
    if after.starts_with('}') {
        let token = Token::Variable(Variable { key: key.into(), default: None });
        return Some((token, 2 + end_of_key + 1));
    }
    let quoted = after.strip_prefix(',')?.trim_start_matches(' ').strip_prefix('\'')?;
    let end = quoted.find('\'')?;
    let tail = quoted.get(end + 1..)?.trim_start_matches(' ').strip_prefix('}')?;
    let token = Token::Variable(Variable { key: key.into(), default: Some(quoted.get(..end)?.into()) });
    Some((token, text.len() - tail.len()))
}

/// A text with variables and without wildcards, for `StringEquals`.
#[derive(Debug, Clone)]
pub(crate) enum Template {
    /// No variable: the usual case.
    Literal(Box<str>),
    /// Pieces, each text or a variable.
    Pieces(Box<[Token]>),
}

impl Template {
    pub(crate) fn parse(text: &str, version: Version) -> Result<Self, PolicyError> {
        let tokens = tokens(text, version)?;
        if tokens.iter().any(|token| matches!(token, Token::Variable(_))) {
            return Ok(Self::Pieces(tokens.into()));
        }
        let mut literal = String::with_capacity(text.len());
        for token in &tokens {
            literal.push_str(plain(token));
        }
        Ok(Self::Literal(literal.into()))
    }

    /// Whether a text equals this one with its variables replaced. The text is not built, because values can be long.
    pub(crate) fn equals(&self, text: &str, budget: &Budget<'_>) -> Result<bool, Excess> {
        match self {
            Self::Literal(literal) if literal.len() == text.len() => {
                budget.spend(text.len())?;
                Ok(**literal == *text)
            }
            Self::Literal(_) => budget.spend(0).map(|()| false),
            Self::Pieces(tokens) => {
                let mut rest = text;
                for token in tokens {
                    let Some(piece) = filled(token, budget)? else { return Ok(false) };
                    budget.spend(piece.len())?;
                    let Some(after) = rest.strip_prefix(&*piece) else { return Ok(false) };
                    rest = after;
                }
                Ok(rest.is_empty())
            }
        }
    }

    /// Like [`Template::equals`], without case.
    pub(crate) fn equals_ignoring_case(&self, text: &str, budget: &Budget<'_>) -> Result<bool, Excess> {
        match self {
            Self::Literal(literal) if literal.is_ascii() && text.is_ascii() => {
                budget.spend(literal.len().max(text.len()))?;
                Ok(literal.eq_ignore_ascii_case(text))
            }
            Self::Literal(literal) => {
                let mut rest = folded(text);
                Ok(is_folded_prefix(literal, &mut rest, budget)? && rest.next().is_none())
            }
            Self::Pieces(tokens) => {
                let mut rest = folded(text);
                for token in tokens {
                    let Some(piece) = filled(token, budget)? else { return Ok(false) };
                    if !is_folded_prefix(&piece, &mut rest, budget)? {
                        return Ok(false);
                    }
                }
                Ok(rest.next().is_none())
            }
        }
    }

    /// The keys that its variables use.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        let tokens: &[Token] = match self {
            Self::Literal(_) => &[],
            Self::Pieces(tokens) => tokens,
        };
        tokens.iter().filter_map(|token| match token {
            Token::Variable(variable) => Some(&*variable.key),
            _ => None,
        })
    }
}

/// The text of a piece; none for a variable without a value.
fn filled<'a>(token: &'a Token, budget: &'a Budget<'_>) -> Result<Option<Cow<'a, str>>, Excess> {
    match token {
        Token::Variable(variable) => variable.resolve(budget),
        other => Ok(Some(Cow::Borrowed(plain(other)))),
    }
}

fn folded(text: &str) -> impl Iterator<Item = char> {
    text.chars().flat_map(char::to_lowercase)
}

/// Removes a text from the start of `rest`, if it begins with it.
fn is_folded_prefix(
    text: &str,
    rest: &mut impl Iterator<Item = char>,
    budget: &Budget<'_>,
) -> Result<bool, Excess> {
    // Letter by letter: several times slower than comparing bytes.
    const SLOWER: usize = 8;
    budget.spend(text.len() * SLOWER)?;
    Ok(folded(text).all(|letter| rest.next() == Some(letter)))
}

fn plain(token: &Token) -> &str {
    match token {
        Token::Text(text) => text,
        Token::Star => "*",
        Token::Question => "?",
        Token::Variable(_) => "",
    }
}
