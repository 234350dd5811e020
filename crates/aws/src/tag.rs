//! The rules for tags of anything that has tags: repositories, users, roles, sessions, accounts. Each service has its own
//! words for what is refused; what is refused is the same.
//!
//! Sources: "Tagging your AWS resources" (Tagging AWS Resources User Guide), IAM API reference, `Tag`. ECR and Organizations
//! let keys stand side by side that differ only in case. Condition keys ignore case, so that the one would hide the other
//! from a policy: that is refused here for all of them, as IAM does.

use std::collections::HashSet;

/// Most tags of one thing, and of one request.
pub const MAX_TAGS: usize = 50;
/// Longest key.
pub const MAX_KEY_CHARACTERS: usize = 128;
/// Longest value.
pub const MAX_VALUE_CHARACTERS: usize = 256;

/// What is wrong with a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The key is empty.
    NoKey,
    /// The key is too long.
    LongKey,
    /// The key has a character that no tag may have.
    KeyCharacters,
    /// The key begins with `aws:`, in whatever case.
    Reserved,
    /// The value is too long.
    LongValue,
    /// The value has a character that no tag may have.
    ValueCharacters,
    /// The key was there before, exactly so.
    Twice,
    /// The key was there before, in different case.
    TwiceInDifferentCase,
    /// There are more than [`MAX_TAGS`]; the tag is the first that is too many.
    TooMany,
}

/// Finds the first tag that breaks a rule, with its place.
pub fn check<'a>(tags: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<(), (usize, Fault)> {
    let (mut exact, mut seen) = (HashSet::new(), HashSet::new());
    for (at, (key, value)) in tags.into_iter().enumerate() {
        let fault = |fault| (at, fault);
        if at == MAX_TAGS {
            return Err(fault(Fault::TooMany));
        }
        check_key(key).map_err(fault)?;
        if value.chars().count() > MAX_VALUE_CHARACTERS {
            return Err(fault(Fault::LongValue));
        }
        if !is_text(value) {
            return Err(fault(Fault::ValueCharacters));
        }
        if !exact.insert(key) {
            return Err(fault(Fault::Twice));
        }
        if !seen.insert(folded(key)) {
            return Err(fault(Fault::TwiceInDifferentCase));
        }
    }
    Ok(())
}

/// Whether a key can be one.
pub fn check_key(key: &str) -> Result<(), Fault> {
    if key.is_empty() {
        return Err(Fault::NoKey);
    }
    if key.chars().count() > MAX_KEY_CHARACTERS {
        return Err(Fault::LongKey);
    }
    if !is_text(key) {
        return Err(Fault::KeyCharacters);
    }
    if folded(key).starts_with("aws:") {
        return Err(Fault::Reserved);
    }
    Ok(())
}

/// What is the same for keys that differ only in case.
pub fn folded(key: &str) -> String {
    key.to_lowercase()
}

/// Whether all keys differ in more than case.
pub fn are_distinct<'a>(keys: impl IntoIterator<Item = &'a str>) -> bool {
    let mut seen = HashSet::new();
    keys.into_iter().all(|key| seen.insert(folded(key)))
}

/// Whether all characters of a key or value are letters, digits, spaces or `_.:/=+-@`.
pub fn is_text(text: &str) -> bool {
    text.chars().all(|c| c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_tag_that_breaks_a_rule_is_found() {
        let long = "k".repeat(129);
        let value = "v".repeat(257);
        for (tags, expected) in [
            (vec![("team", "red"), ("stage", "")], Ok(())),
            (vec![("a", "1"), ("", "1")], Err((1, Fault::NoKey))),
            (vec![(long.as_str(), "")], Err((0, Fault::LongKey))),
            (vec![("a*", "")], Err((0, Fault::KeyCharacters))),
            (vec![("a\0", "")], Err((0, Fault::KeyCharacters))),
            (vec![("AWS:a", "")], Err((0, Fault::Reserved))),
            (vec![("a", value.as_str())], Err((0, Fault::LongValue))),
            (vec![("a", "{}")], Err((0, Fault::ValueCharacters))),
            (vec![("a", "1"), ("a", "1")], Err((1, Fault::Twice))),
            (vec![("Team", "red"), ("tEAM", "blue")], Err((1, Fault::TwiceInDifferentCase))),
            (vec![("é", "red"), ("É", "blue")], Err((1, Fault::TwiceInDifferentCase))),
        ] {
            assert_eq!(check(tags.clone()), expected, "{tags:?}");
        }
        let many: Vec<String> = (0..51).map(|at| at.to_string()).collect();
        assert_eq!(check(many.iter().map(|key| (key.as_str(), ""))), Err((50, Fault::TooMany)));
        assert_eq!(check(many.iter().take(50).map(|key| (key.as_str(), ""))), Ok(()));
    }
}
