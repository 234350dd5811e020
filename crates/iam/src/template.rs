//! Policy variables: `${aws:username}`, `${aws:username, 'nobody'}`, `${*}`, `${?}`, `${$}`.
//!
//! Source: IAM User Guide, "Policy elements: variables and tags". Under version 2008-10-17 all of it is literal text.

use std::borrow::Cow;

use crate::context::Context;
use crate::error::PolicyError;
use crate::policy::Version;

/// A piece of a pattern or of a condition value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    /// Ordinary text.
    Text(String),
    /// `*`: any characters, also none.
    Star,
    /// `?`: one character.
    Question,
    /// What the request's context holds under a key.
    Variable(Variable),
}

/// A variable: the key to look up, and the text to use when there is no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Variable {
    pub(crate) key: Box<str>,
    default: Option<Box<str>>,
}

impl Variable {
    /// The text for the variable, or none. A key with several values has no single text and counts as absent:
    /// AWS allows only single-valued keys as variables.
    pub(crate) fn resolve<'a>(&'a self, context: &'a Context) -> Option<Cow<'a, str>> {
        match context.single(&self.key) {
            Some(value) => Some(value.text()),
            None => self.default.as_deref().map(Cow::Borrowed),
        }
    }
}

/// Takes a text apart.
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

/// Reads one variable at the start of `text` (which begins with `${`); gives it with its length in bytes.
fn variable(text: &str) -> Option<(Token, usize)> {
    let body = text.get(2..)?;
    for special in ["*", "?", "$"] {
        if body.starts_with(special) && body.get(1..)?.starts_with('}') {
            return Some((Token::Text(special.to_owned()), 4));
        }
    }
    let end_of_key = body.find([',', '}', '{', '$'])?;
    let key = body.get(..end_of_key)?.trim_end_matches(' ');
    // A tag's key may hold spaces and most punctuation, so little more can be demanded of a name than to exist.
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

/// A text with variables and without wildcards, as `StringEquals` compares it.
#[derive(Debug, Clone)]
pub(crate) enum Template {
    /// No variable: by far the usual case.
    Literal(Box<str>),
    /// Pieces, each text or variable.
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

    /// The text with its variables filled in; none if one of them has no value.
    pub(crate) fn resolve<'a>(&'a self, context: &Context) -> Option<Cow<'a, str>> {
        match self {
            Self::Literal(text) => Some(Cow::Borrowed(text)),
            Self::Pieces(tokens) => {
                let mut text = String::new();
                for token in tokens {
                    match token {
                        Token::Variable(variable) => text.push_str(&variable.resolve(context)?),
                        other => text.push_str(plain(other)),
                    }
                }
                Some(Cow::Owned(text))
            }
        }
    }

    /// The keys that its variables look up.
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

fn plain(token: &Token) -> &str {
    match token {
        Token::Text(text) => text,
        Token::Star => "*",
        Token::Question => "?",
        Token::Variable(_) => "",
    }
}
