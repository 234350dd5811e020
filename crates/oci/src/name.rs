//! The names that clients choose: repositories, tags, and references (a tag or a digest).

use std::{borrow::Cow, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::digest::{Digest, DigestError};

/// Why a string is not a valid name.
#[derive(Copy, Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NameError {
    /// A repository name has a wrong length.
    #[error("a repository name has from 2 to 256 characters")]
    RepositoryLength,
    /// A repository name is malformed.
    #[error(
        "a repository name is made of parts with `/` between them; a part is made of lower-case letters and digits, \
         with `.`, `_`, `__` or any number of `-` between them"
    )]
    RepositoryForm,
    /// A tag is malformed or has a wrong length.
    #[error(
        "a tag has from 1 to 128 letters, digits, `_`, `.` and `-`, and begins with a letter, a digit or `_`"
    )]
    Tag,
    /// A reference contains a `:`, so it must be a digest, but is not one.
    #[error(transparent)]
    Digest(DigestError),
}

/// The name of a repository: `team/service`.
///
/// The grammar is ECR's: the grammar of the distribution specification with a length of 2 to 256 characters.
#[derive(Clone, Debug, Eq, PartialEq, Hash, Ord, PartialOrd)]
pub struct RepositoryName(String);

impl RepositoryName {
    /// The minimum length, in characters.
    pub const MIN_LEN: usize = 2;
    /// The maximum length, in characters.
    pub const MAX_LEN: usize = 256;

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn check(name: &str) -> Result<(), NameError> {
        if !(Self::MIN_LEN..=Self::MAX_LEN).contains(&name.chars().count()) {
            return Err(NameError::RepositoryLength);
        }
        if name.split('/').all(is_name_part) { Ok(()) } else { Err(NameError::RepositoryForm) }
    }
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`: alphanumeric at both ends, with these four separators.
fn is_name_part(part: &str) -> bool {
    let is_alphanumeric = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9');
    let bytes = part.as_bytes();
    bytes.first().is_some_and(is_alphanumeric)
        && bytes.last().is_some_and(is_alphanumeric)
        && bytes
            .split(is_alphanumeric)
            .all(|gap| matches!(gap, b"" | b"." | b"_" | b"__") || gap.iter().all(|byte| *byte == b'-'))
}

/// A tag: the name of an image within its repository.
#[derive(Clone, Debug, Eq, PartialEq, Hash, Ord, PartialOrd)]
pub struct Tag(String);

impl Tag {
    /// The maximum length, in characters.
    pub const MAX_LEN: usize = 128;

    /// The tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}` (distribution specification, "Pulling manifests").
    fn check(tag: &str) -> Result<(), NameError> {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let is_tag = tag.len() <= Self::MAX_LEN
            && tag.bytes().next().is_some_and(is_word)
            && tag.bytes().all(|byte| is_word(byte) || matches!(byte, b'.' | b'-'));
        if is_tag { Ok(()) } else { Err(NameError::Tag) }
    }
}

/// What all names have in common: a checked string.
macro_rules! checked_string {
    ($name:ident) => {
        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::check(text)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                Self::check(&text)?;
                Ok(Self(text))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.try_into().map_err(de::Error::custom)
            }
        }
    };
}

checked_string!(RepositoryName);
checked_string!(Tag);

/// The last part of a manifest's path: a tag or a digest.
#[derive(Clone, Debug, Eq, PartialEq, Hash, Ord, PartialOrd)]
pub enum Reference {
    /// The manifest that the tag points to.
    Tag(Tag),
    /// The manifest with this digest.
    Digest(Digest),
}

impl Reference {
    /// The reference as text.
    pub fn as_str(&self) -> Cow<'_, str> {
        match self {
            Self::Tag(tag) => Cow::Borrowed(tag.as_str()),
            Self::Digest(digest) => Cow::Owned(digest.to_string()),
        }
    }

    /// The tag, if it is one.
    pub const fn tag(&self) -> Option<&Tag> {
        match self {
            Self::Tag(tag) => Some(tag),
            Self::Digest(_) => None,
        }
    }

    /// The digest, if it is one.
    pub const fn digest(&self) -> Option<&Digest> {
        match self {
            Self::Tag(_) => None,
            Self::Digest(digest) => Some(digest),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

impl FromStr for Reference {
    type Err = NameError;

    /// Every digest contains a `:` and no tag does, so a reference has one meaning.
    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.contains(':') {
            text.parse().map(Self::Digest).map_err(NameError::Digest)
        } else {
            text.parse().map(Self::Tag)
        }
    }
}

#[cfg(test)]
mod tests;
