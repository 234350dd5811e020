//! The digest of an answer's content in its headers: `Docker-Content-Digest`, the entity tag (RFC 9110 §8.8.3), and how
//! long caches may keep the content (RFC 9111, RFC 8246).

use std::fmt::Write as _;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use oci::digest::Digest;

use crate::exchange::Exchange;

pub(super) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// A SHA-512 in quotes, with its name.
const LONGEST: usize = 137;

/// A digest as headers have it. Both values share one text.
pub(super) struct ContentDigest {
    tag: HeaderValue,
    digest: HeaderValue,
}

impl From<&Digest> for ContentDigest {
    fn from(digest: &Digest) -> Self {
        let mut quoted = String::with_capacity(LONGEST);
        // Writing to a string does not fail.
        let _ = write!(quoted, "\"{digest}\"");
        let quoted = Bytes::from(quoted);
        let plain = quoted.slice(1..quoted.len().saturating_sub(1).max(1));
        let value = |text| HeaderValue::from_maybe_shared(text).unwrap_or(HeaderValue::from_static(""));
        Self { tag: value(quoted), digest: value(plain) }
    }
}

/// Who may keep an answer, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// Content by its digest never changes. Everyone may read a public repository.
    ByAll,
    /// The same where a permission was needed: only the client itself.
    ByClient,
    /// Content by a tag is compared at each use.
    Compared,
    /// A redirect with a signed URL, which expires.
    Never,
}

impl Kept {
    /// Content by its digest.
    pub(super) const fn by_digest(is_public: bool) -> Self {
        if is_public { Self::ByAll } else { Self::ByClient }
    }

    pub(super) fn add_to(self, headers: &mut HeaderMap) {
        let value = match self {
            Self::ByAll => "public, max-age=31536000, immutable",
            Self::ByClient => "private, max-age=31536000, immutable",
            Self::Compared => "private, no-cache",
            Self::Never => "no-store",
        };
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(value));
    }
}

impl ContentDigest {
    pub(super) fn add_to(self, headers: &mut HeaderMap) {
        headers.insert(CONTENT_DIGEST, self.digest);
        headers.insert(header::ETAG, self.tag);
    }

    /// Whether `If-None-Match` contains the digest (RFC 9110 §13.1.2).
    pub(super) fn is_known_to(&self, exchange: &Exchange) -> bool {
        exchange.header(&header::IF_NONE_MATCH).is_some_and(|tags| {
            tags.split(',')
                .map(str::trim)
                .any(|tag| tag == "*" || self.is_tag(tag.strip_prefix("W/").unwrap_or(tag)))
        })
    }

    /// Whether an entity tag is the digest's.
    pub(super) fn is_tag(&self, tag: &str) -> bool {
        tag.trim().as_bytes() == self.tag.as_bytes()
    }
}
