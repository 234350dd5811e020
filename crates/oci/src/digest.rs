//! Digests: `sha256:` or `sha512:` and lower-case hex, and the hasher that computes them.
//!
//! Parsing is strict on purpose. If two spellings of one digest were accepted (upper-case hex, a padded form), one blob
//! would have two keys. Only the canonical spelling is a [`Digest`].

mod hasher;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

pub use hasher::Hasher;

/// A hash function of a digest.
///
/// These are the two that the image specification registers and requires or recommends ("Registered algorithms").
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash, Ord, PartialOrd)]
pub enum Algorithm {
    /// SHA-256, the usual one.
    Sha256,
    /// SHA-512, which the specification recommends.
    Sha512,
}

impl Algorithm {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 2] = [Self::Sha256, Self::Sha512];

    /// The number of the algorithm in stored values. Its meaning never changes.
    pub const fn code(self) -> u8 {
        match self {
            Self::Sha256 => 1,
            Self::Sha512 => 2,
        }
    }

    /// The algorithm of a stored number.
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Sha256),
            2 => Some(Self::Sha512),
            _ => None,
        }
    }

    /// The name before the colon.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// The algorithm with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// The length of its hash in bytes.
    #[expect(clippy::len_without_is_empty, reason = "a hash is never empty")]
    pub const fn len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

/// The longest hash of any [`Algorithm`].
const MAX_LEN: usize = 64;

/// The identity of some content: an algorithm and the content's hash.
///
/// ```
/// use oci::digest::{Algorithm, Digest};
///
/// let digest = Digest::of(Algorithm::Sha256, b"{}");
/// assert_eq!(digest.to_string(), "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
/// assert_eq!(digest.to_string().parse(), Ok(digest));
/// ```
#[derive(Copy, Clone, Eq, PartialEq, Hash, Ord, PartialOrd)]
pub struct Digest {
    algorithm: Algorithm,
    /// INVARIANT: the bytes from `algorithm.len()` on are zero, so the derived comparisons are correct.
    bytes: [u8; MAX_LEN],
}

impl Digest {
    /// The digest of `content`.
    pub fn of(algorithm: Algorithm, content: &[u8]) -> Self {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(content);
        hasher.finish()
    }

    /// The digest with these hash bytes, if their number is right for the algorithm.
    pub fn from_hash(algorithm: Algorithm, hash: &[u8]) -> Option<Self> {
        let mut bytes = [0; MAX_LEN];
        if hash.len() != algorithm.len() {
            return None;
        }
        bytes.get_mut(..hash.len())?.copy_from_slice(hash);
        Some(Self { algorithm, bytes })
    }

    /// The algorithm.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The bytes of the hash.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.algorithm.len()).unwrap_or(&self.bytes)
    }

    /// The stored form: the algorithm's code and the bytes of the hash.
    pub fn to_stored(&self) -> Vec<u8> {
        let mut stored = Vec::with_capacity(1 + self.algorithm.len());
        stored.push(self.algorithm.code());
        stored.extend_from_slice(self.as_bytes());
        stored
    }

    /// The digest of a stored form, if it is valid.
    pub fn from_stored(stored: &[u8]) -> Option<Self> {
        let (code, hash) = stored.split_first()?;
        Self::from_hash(Algorithm::from_code(*code)?, hash)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut buffer = [0; 2 * MAX_LEN];
        let hex_len = 2 * self.algorithm.len();
        let hex = buffer.get_mut(..hex_len).ok_or(fmt::Error)?;
        hex::encode_to_slice(self.as_bytes(), hex).map_err(|_| fmt::Error)?;
        f.write_str(self.algorithm.name())?;
        f.write_str(":")?;
        f.write_str(std::str::from_utf8(hex).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// Why a string is not a supported digest.
#[derive(Copy, Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DigestError {
    /// It does not follow the grammar, or its hash does not have the form of its algorithm.
    #[error(
        "the digest is malformed: it must be `sha256:` with 64 or `sha512:` with 128 lower-case hexadecimal digits"
    )]
    Malformed,
    /// It follows the grammar, but has another algorithm.
    #[error("the digest's algorithm is not supported: it must be sha256 or sha512")]
    UnsupportedAlgorithm,
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let (name, encoded) = text.split_once(':').ok_or(DigestError::Malformed)?;
        let Some(algorithm) = Algorithm::from_name(name) else {
            let follows_grammar = is_algorithm(name) && is_encoded(encoded);
            return Err(if follows_grammar {
                DigestError::UnsupportedAlgorithm
            } else {
                DigestError::Malformed
            });
        };
        let is_lower_hex = encoded.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if !is_lower_hex || encoded.len() != 2 * algorithm.len() {
            return Err(DigestError::Malformed);
        }
        let mut bytes = [0; MAX_LEN];
        let hash = bytes.get_mut(..algorithm.len()).ok_or(DigestError::Malformed)?;
        hex::decode_to_slice(encoded, hash).map_err(|_| DigestError::Malformed)?;
        Ok(Self { algorithm, bytes })
    }
}

/// The grammar of a digest's algorithm (image specification, "Digests"): components of `[a-z0-9]+` between single `+._-`.
fn is_algorithm(text: &str) -> bool {
    text.split(['+', '.', '_', '-'])
        .all(|part| !part.is_empty() && part.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9')))
}

/// The grammar of the part after the colon, for any algorithm.
fn is_encoded(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'=' | b'_' | b'-'))
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = Digest;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a digest")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Digest, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests;
