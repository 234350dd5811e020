//! The rules for tags: of repositories, users, roles, sessions and accounts. The services refuse the same tags, with
//! different texts.
//!
//! Sources: "Tagging your AWS resources" (Tagging AWS Resources User Guide), IAM API reference, `Tag`. ECR and
//! Organizations accept keys that differ only in case. Condition keys ignore case, so one of them would hide the other
//! from a policy. Wharf refuses such keys in all services, as IAM does.

use std::collections::HashSet;

/// The maximum number of tags on a resource and in a request.
pub const MAX_TAGS: usize = 50;
/// The maximum length of a key.
pub const MAX_KEY_CHARACTERS: usize = 128;
/// The maximum length of a value.
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
    /// The key begins with `aws:`, in any case.
    Reserved,
    /// The value is too long.
    LongValue,
    /// The value has a character that no tag may have.
    ValueCharacters,
    /// The same key occurs twice.
    Twice,
    /// The key occurs twice, in different case.
    TwiceInDifferentCase,
    /// There are more than [`MAX_TAGS`] tags; the tag is the first above the maximum.
    TooMany,
}

/// Finds the first tag that breaks a rule, with its position.
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

/// Whether a text is a valid key.
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

/// The form in which keys that differ only in case are equal.
pub fn folded(key: &str) -> String {
    key.to_lowercase()
}

/// Whether all keys are different when case is ignored.
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
