//! Which tags of a repository may move (ECR User Guide, "Preventing image tags from being overwritten").

use oci::name::Tag;

use crate::ops::repository::RepositoryRow;

/// Tag mutability of a repository, in ECR's four values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mutability {
    /// Every tag may move.
    #[default]
    Mutable,
    /// No tag may move.
    Immutable,
    /// Tags may move, but those that match a filter may not.
    MutableWithExclusion,
    /// Tags may not move, but those that match a filter may.
    ImmutableWithExclusion,
}

impl Mutability {
    /// ECR's name of the value, which is also how it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mutable => "MUTABLE",
            Self::Immutable => "IMMUTABLE",
            Self::MutableWithExclusion => "MUTABLE_WITH_EXCLUSION",
            Self::ImmutableWithExclusion => "IMMUTABLE_WITH_EXCLUSION",
        }
    }
}

impl std::str::FromStr for Mutability {
    type Err = UnknownMutability;

    fn from_str(text: &str) -> Result<Self, UnknownMutability> {
        [Self::Mutable, Self::Immutable, Self::MutableWithExclusion, Self::ImmutableWithExclusion]
            .into_iter()
            .find(|value| value.as_str() == text)
            .ok_or(UnknownMutability)
    }
}

/// A text that is none of ECR's four values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a tag mutability")]
pub struct UnknownMutability;

/// Whether this tag of this repository, once set, must keep its image.
pub fn is_immutable(repository: &RepositoryRow, tag: &Tag) -> bool {
    let excluded = || repository.exclusion_filters.iter().any(|filter| matches(filter, tag.as_str()));
    match repository.mutability {
        Mutability::Mutable => false,
        Mutability::Immutable => true,
        Mutability::MutableWithExclusion => excluded(),
        Mutability::ImmutableWithExclusion => !excluded(),
    }
}

/// Whether the whole text matches the pattern, in which `*` stands for any run of characters.
/// Linear in the text for each `*`: only the last one seen is ever tried again.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part).and_then(|at| rest.get(at + part.len()..)) {
            Some(after) => rest = after,
            None => return false,
        }
    }
    rest.len() >= last.len() && rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_any_run() {
        for (pattern, text, expected) in [
            ("latest", "latest", true),
            ("latest", "latest1", false),
            ("*", "", true),
            ("*", "anything", true),
            ("v*", "v", true),
            ("v*", "xv", false),
            ("*-dev", "1-dev", true),
            ("*-dev", "1-dev2", false),
            ("a*b*c", "a1b2c", true),
            ("a*b*c", "abc", true),
            ("a*b*c", "acb", false),
            ("ab*ba", "aba", false),
            ("a**b", "axb", true),
            ("*a*a*", "xax", false),
            ("*a*a*", "xaxa", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
