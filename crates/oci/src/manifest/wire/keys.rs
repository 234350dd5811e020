//! The keys of one object: no key twice, and no key that almost equals a known one.

use std::{borrow::Cow, collections::BTreeSet, fmt};

use serde::de::{self, Deserialize, Deserializer, Visitor};

use super::{Refusals, excerpt};
use crate::manifest::{MAX_UNKNOWN_KEYS, ManifestError};

/// A string of the input, copied only if it has escapes.
pub(super) struct Text<'de>(pub(super) Cow<'de, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}

/// The keys of an object so far.
pub(super) struct Keys<'a, 'de> {
    known: &'static [&'static str],
    present: BTreeSet<&'static str>,
    unknown: BTreeSet<Cow<'de, str>>,
    refusals: &'a Refusals,
}

impl<'a, 'de> Keys<'a, 'de> {
    pub(super) const fn new(known: &'static [&'static str], refusals: &'a Refusals) -> Self {
        Self { known, present: BTreeSet::new(), unknown: BTreeSet::new(), refusals }
    }

    /// The known key, `None` for a key that the specification does not define, or the refusal.
    pub(super) fn admit<E: de::Error>(&mut self, key: Cow<'de, str>) -> Result<Option<&'static str>, E> {
        let Some(known) = self.known.iter().copied().find(|known| folds_to(&key, known)) else {
            return self.admit_unknown(key).map(|()| None);
        };
        if key != known {
            return Err(self
                .refusals
                .refuse(ManifestError::MiscasedKey { found: excerpt(&key), expected: known }));
        }
        if !self.present.insert(known) {
            return Err(self.refusals.refuse(ManifestError::DuplicateKey(known.to_owned())));
        }
        Ok(Some(known))
    }

    fn admit_unknown<E: de::Error>(&mut self, key: Cow<'de, str>) -> Result<(), E> {
        if self.unknown.contains(&key) {
            return Err(self.refusals.refuse(ManifestError::DuplicateKey(excerpt(&key))));
        }
        if self.unknown.len() >= MAX_UNKNOWN_KEYS {
            return Err(self.refusals.refuse(ManifestError::TooManyKeys));
        }
        self.unknown.insert(key);
        Ok(())
    }
}

/// Whether a reader that ignores letter case treats `key` as `known`.
///
/// Go's encoding/json is such a reader, and most clients are written in Go. It uses Unicode case folding: the long s
/// (U+017F) equals s, and the Kelvin sign (U+212A) equals k.
fn folds_to(key: &str, known: &str) -> bool {
    let fold = |char: char| match char {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        char => char.to_ascii_lowercase(),
    };
    key.chars().map(fold).eq(known.chars().map(fold))
}
