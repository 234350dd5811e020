//! Patterns as lists of characters, each from the policy (possibly a wildcard) or from a variable's value.

use crate::scenario::{Held, Typed};

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Letter {
    Star,
    Question,
    /// An asterisk and a question mark that do not match a colon.
    NearStar,
    NearQuestion,
    /// A colon in the policy's text: it ends a field of an ARN.
    Colon,
    Plain(char),
}

/// Splits a pattern; None if a variable has no value.
pub(super) fn pattern(text: &str, context: &[(String, Held)], has_variables: bool) -> Option<Vec<Letter>> {
    let mut letters = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        if has_variables && rest.starts_with("${") {
            let end = rest.find('}').unwrap();
            letters.extend(variable(&rest[2..end], context)?.chars().map(Letter::Plain));
            rest = &rest[end + 1..];
            continue;
        }
        let next = rest.chars().next().unwrap();
        letters.push(match next {
            '*' => Letter::Star,
            '?' => Letter::Question,
            ':' => Letter::Colon,
            plain => Letter::Plain(plain),
        });
        rest = &rest[next.len_utf8()..];
    }
    Some(letters)
}

/// The replacement of `${name}`: a special character, the value of a key, or the default.
fn variable(body: &str, context: &[(String, Held)]) -> Option<String> {
    if ["*", "?", "$"].contains(&body) {
        return Some(body.to_owned());
    }
    let (key, default) = match body.split_once(',') {
        Some((key, default)) => (key, Some(default.trim().trim_matches('\'').to_owned())),
        None => (body, None),
    };
    let found = context.iter().rev().find(|(known, _)| known.to_lowercase() == key.to_lowercase());
    match found {
        Some((_, Held::One(value))) => Some(written(value)),
        _ => default,
    }
}

/// A value as text for comparisons: a Boolean in lower case, a time in ISO 8601.
pub(super) fn written(value: &Typed) -> String {
    match value {
        Typed::Text(text) => text.clone(),
        Typed::Truth(is) => if *is { "true" } else { "false" }.to_owned(),
        Typed::Number(number) => format!("{number}"),
        Typed::Moment(moment) => moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        Typed::Address(address) => format!("{address}"),
    }
}

pub(super) fn like(pattern: &[Letter], text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    matches(pattern, &text)
}

fn matches(pattern: &[Letter], text: &[char]) -> bool {
    let Some(first) = pattern.first() else { return text.is_empty() };
    let one = |is: bool| is && matches(&pattern[1..], &text[1..]);
    match first {
        Letter::Star => (0..=text.len()).any(|skipped| matches(&pattern[1..], &text[skipped..])),
        Letter::Question => !text.is_empty() && one(true),
        Letter::NearQuestion => !text.is_empty() && one(text[0] != ':'),
        Letter::NearStar => (0..=text.iter().take_while(|letter| **letter != ':').count())
            .any(|skipped| matches(&pattern[1..], &text[skipped..])),
        Letter::Colon => !text.is_empty() && one(text[0] == ':'),
        Letter::Plain(letter) => !text.is_empty() && one(text[0] == *letter),
    }
}

/// "Each of the six colon-delimited components of the ARN is checked separately."
pub(super) fn arn_like(pattern: &[Letter], text: &str) -> bool {
    let components: Vec<&str> = text.splitn(6, ':').collect();
    let patterns: Vec<&[Letter]> = pattern.splitn(6, |letter| *letter == Letter::Colon).collect();
    components.len() == 6
        && patterns.len() == 6
        && components[0] == "arn"
        && patterns.iter().zip(components).all(|(pattern, component)| like(pattern, component))
}

/// Whether a pattern names a resource. "If the * wildcard is the last character of a resource ARN segment, it can expand
/// to match beyond the colon boundaries"; an incomplete ARN is completed by "adding wildcard characters (*) to all
/// missing fields" (IAM User Guide, "Resource" and "IAM ARNs").
pub(super) fn resource_like(pattern: &[Letter], text: &str) -> bool {
    if !(text.starts_with("arn:") && text.matches(':').count() >= 5) {
        return false;
    }
    let mut segments: Vec<Vec<Letter>> =
        pattern.splitn(6, |letter| *letter == Letter::Colon).map(<[Letter]>::to_vec).collect();
    let is_written_to_the_end = segments.len() == 6;
    let bounded = if is_written_to_the_end { 5 } else { segments.len() };
    for segment in &mut segments[..bounded] {
        // A colon in a variable's value cannot begin a segment.
        if segment.contains(&Letter::Plain(':')) {
            return false;
        }
        let last = segment.len().saturating_sub(1);
        for (at, letter) in segment.iter_mut().enumerate() {
            match letter {
                Letter::Star if at < last => *letter = Letter::NearStar,
                Letter::Question => *letter = Letter::NearQuestion,
                _ => {}
            }
        }
    }
    let as_written = segments.join(&Letter::Colon);
    segments.resize(6, vec![Letter::Star]);
    let completed = segments.join(&Letter::Colon);
    like(&as_written, text) || like(&completed, text)
}

/// The text without wildcards, for operators that have none.
pub(super) fn plain(letters: &[Letter]) -> String {
    let plain = |letter: &Letter| match letter {
        Letter::Star | Letter::NearStar => '*',
        Letter::Question | Letter::NearQuestion => '?',
        Letter::Colon => ':',
        Letter::Plain(letter) => *letter,
    };
    letters.iter().map(plain).collect()
}
