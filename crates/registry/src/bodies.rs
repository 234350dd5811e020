//! Manifests and small blobs that were read recently. The bytes of a digest never change, so they can be kept. Whether
//! they may be read is decided for each request, by the row that the request has read: a blob that was deleted from its
//! repository has no row, and one that was pushed again has another object.

use std::sync::Arc;

use bytes::Bytes;
use oci::digest::Digest;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

/// A blob up to this size is kept.
pub(crate) const SMALL_BLOB_BYTES: u64 = 64 * 1024;

/// What an entry takes beyond its bytes.
const ENTRY: usize = 384;
/// About how many bodies are kept: most are manifests of a few KiB.
const ENTRIES: usize = 4_096;

#[derive(Clone)]
struct Body {
    /// The key of the blob's object; None for a manifest.
    object: Option<Box<str>>,
    bytes: Bytes,
}

/// The bodies, up to a number of bytes. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Bodies(Arc<Cache<Digest, Body, Weight>>);

/// The cache has a limit in bytes.
#[derive(Clone)]
struct Weight;

impl Weighter<Digest, Body> for Weight {
    fn weight(&self, _: &Digest, body: &Body) -> u64 {
        u64::try_from(body.bytes.len() + ENTRY).unwrap_or(u64::MAX)
    }
}

impl Bodies {
    /// Keeps at most this many bytes.
    pub(crate) fn new(bytes: u64) -> Self {
        Self(Arc::new(Cache::with_weighter(ENTRIES, bytes, Weight)))
    }

    /// The bytes of a manifest.
    pub(crate) fn manifest(&self, digest: &Digest) -> Option<Bytes> {
        self.0.get(digest).filter(|body| body.object.is_none()).map(|body| body.bytes)
    }

    pub(crate) fn keep_manifest(&self, digest: Digest, bytes: Bytes) {
        self.0.insert(digest, Body { object: None, bytes });
    }

    /// The bytes of a blob, if they were read from this object.
    pub(crate) fn blob(&self, digest: &Digest, object: &str) -> Option<Bytes> {
        let body = self.0.get(digest)?;
        body.object.as_deref().is_some_and(|kept| kept == object).then_some(body.bytes)
    }

    pub(crate) fn keep_blob(&self, digest: Digest, object: &str, bytes: Bytes) {
        self.0.insert(digest, Body { object: Some(object.into()), bytes });
    }
}

#[cfg(test)]
mod tests {
    use oci::digest::Algorithm;

    use super::*;

    #[test]
    fn a_blob_is_found_by_digest_and_object() {
        let (bodies, digest) = (Bodies::new(1 << 20), Digest::of(Algorithm::Sha256, b"abc"));
        bodies.keep_blob(digest, "one", Bytes::from_static(b"abc"));
        assert_eq!(bodies.blob(&digest, "one").as_deref(), Some(&b"abc"[..]));
        assert_eq!(bodies.blob(&digest, "two"), None, "it was pushed again");
        assert_eq!(bodies.manifest(&digest), None);
        bodies.keep_manifest(digest, Bytes::from_static(b"abc"));
        assert_eq!(bodies.blob(&digest, "one"), None);
    }

    #[test]
    fn the_bytes_are_bounded() {
        let bodies = Bodies::new(1 << 20);
        for number in 0_u32..100 {
            let bytes = vec![7; 64 << 10];
            bodies.keep_manifest(Digest::of(Algorithm::Sha256, &number.to_be_bytes()), bytes.into());
        }
        assert!(bodies.0.weight() <= 1 << 20);
        assert!(bodies.0.len() >= 8);
    }
}
