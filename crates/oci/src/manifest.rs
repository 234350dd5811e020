//! Manifests: what an image or index refers to, parsed from bytes that any client can have sent.
//!
//! The bytes are stored and served unchanged; this is the registry's view of them. Input that two readers could
//! understand differently is refused (a duplicate key, a key in another letter case, an image that is also an index, a
//! media type that contradicts the header), because permissions, garbage collection and clients must all see the same
//! references.

mod convert;
mod depth;
mod interpret;
mod refusal;
mod wire;

use std::collections::BTreeMap;

use crate::{
    digest::Digest,
    media_type::{self, essence},
};

pub use convert::{Converted, other_format, to_other_format};
pub use refusal::ManifestError;

/// The maximum size of a manifest. ECR's PutImage has the same limit; the distribution specification requires at least
/// this much.
pub const MAX_MANIFEST_BYTES: usize = 4 * 1024 * 1024;
/// The maximum nesting. Manifests need 5 levels; the rest is for fields that the specification does not define.
pub const MAX_DEPTH: usize = 64;
/// The maximum number of descriptors, annotations and URLs in one manifest: an image of four thousand layers with a
/// dozen annotations each.
pub const MAX_KEPT: usize = 64 * 1024;
/// The maximum number of keys in one object that the specification does not define.
pub const MAX_UNKNOWN_KEYS: usize = 4096;
/// The maximum length of a media or artifact type: 127 characters on each side of the slash (RFC 6838 §4.2).
pub const MAX_MEDIA_TYPE_LEN: usize = 255;

/// A reference to content: its type, digest and size.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Descriptor {
    /// The media type of the content. The specification requires it, but some tools omit it.
    pub media_type: Option<String>,
    /// The content's digest.
    pub digest: Digest,
    /// The size of the content in bytes, as the manifest claims; at most `i64::MAX`.
    pub size: u64,
    /// The artifact type of the content.
    pub artifact_type: Option<String>,
    /// Annotations of the reference (not of the content).
    pub annotations: BTreeMap<String, String>,
    /// Other places of the content. The registry never fetches from them.
    pub urls: Vec<String>,
}

impl Descriptor {
    /// Whether the registry may lack the content because it is stored elsewhere: a non-distributable layer with URLs.
    pub fn is_foreign(&self) -> bool {
        !self.urls.is_empty() && self.media_type.as_deref().is_some_and(media_type::is_nondistributable)
    }
}

/// The two kinds of manifests.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash)]
pub enum Kind {
    /// Refers to blobs: a config and layers. Artifacts have this form too.
    Image,
    /// Refers to other manifests.
    Index,
}

/// A manifest as the registry sees it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Manifest {
    /// Its kind.
    pub kind: Kind,
    /// Its media type: from the body, else from the header.
    pub media_type: String,
    /// `artifactType`, if set; see [`Manifest::effective_artifact_type`].
    pub artifact_type: Option<String>,
    /// The config, of an image.
    pub config: Option<Descriptor>,
    /// The layers, of an image; the blobs, of an artifact manifest.
    pub layers: Vec<Descriptor>,
    /// The entries, of an index; see [`Manifest::children`].
    pub manifests: Vec<Descriptor>,
    /// The manifest that this one refers to as its subject.
    pub subject: Option<Descriptor>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
}

impl Manifest {
    /// Parses a manifest that was sent with `content_type` (parameters are ignored), or without one.
    ///
    /// ```
    /// use oci::{manifest::{Kind, Manifest}, media_type::OCI_IMAGE_INDEX};
    ///
    /// let manifest = Manifest::parse(br#"{"schemaVersion":2,"manifests":[]}"#, Some(OCI_IMAGE_INDEX))?;
    /// assert_eq!(manifest.kind, Kind::Index);
    /// # Ok::<(), oci::manifest::ManifestError>(())
    /// ```
    pub fn parse(bytes: &[u8], content_type: Option<&str>) -> Result<Self, ManifestError> {
        if bytes.len() > MAX_MANIFEST_BYTES {
            return Err(ManifestError::TooLarge(bytes.len()));
        }
        let header = content_type.map(essence).filter(|essence| !essence.is_empty());
        if header.is_some_and(is_schema1) {
            return Err(ManifestError::UnsupportedSchema1);
        }
        let text = std::str::from_utf8(bytes).map_err(|error| ManifestError::NotJson(error.to_string()))?;
        depth::check(text)?;
        wire::Body::parse(text)?.interpret(header)
    }

    /// The artifact type under which the manifest is listed and filtered: `artifactType`, else, for an image, the media
    /// type of its config (distribution specification, "Listing Referrers").
    pub fn effective_artifact_type(&self) -> Option<&str> {
        let of_config = || self.config.as_ref().and_then(|config| config.media_type.as_deref());
        self.artifact_type.as_deref().or_else(of_config)
    }

    /// The manifests that an index lists: the entries with a manifest's media type, and those without a media type.
    pub fn children(&self) -> impl Iterator<Item = &Descriptor> {
        self.manifests.iter().filter(|entry| names_manifest(entry))
    }

    /// The blobs that the manifest refers to: config and layers, and the entries of an index whose media type is not a
    /// manifest's (BuildKit lists the layers of a build cache in this way). A blob that occurs twice is returned twice.
    pub fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        let entries = self.manifests.iter().filter(|entry| !names_manifest(entry));
        self.config.iter().chain(&self.layers).chain(entries)
    }

    /// The blobs that the repository must have before the manifest can be accepted: all except those that are stored
    /// elsewhere.
    pub fn required_blobs(&self) -> impl Iterator<Item = &Descriptor> {
        self.blobs().filter(|descriptor| !descriptor.is_foreign())
    }

    /// The digests of its blobs, each once and in order.
    pub fn blob_digests(&self) -> Vec<Digest> {
        distinct(self.blobs())
    }

    /// The digests among these that [`Manifest::required_blobs`] leaves out wherever they occur.
    pub fn foreign_digests(&self) -> Vec<Digest> {
        let required = distinct(self.required_blobs());
        let mut digests = self.blob_digests();
        digests.retain(|digest| required.binary_search(digest).is_err());
        digests
    }

    /// The digests of its children, each once and in order.
    pub fn child_digests(&self) -> Vec<Digest> {
        distinct(self.children())
    }

    /// The sum of the blobs' sizes, as claimed; at most `i64::MAX`, even if the claims are absurd.
    pub fn total_size(&self) -> u64 {
        let sum = self.blobs().fold(0, |sum: u64, blob| sum.saturating_add(blob.size));
        sum.min(i64::MAX.unsigned_abs())
    }
}

fn distinct<'a>(descriptors: impl Iterator<Item = &'a Descriptor>) -> Vec<Digest> {
    let mut digests: Vec<Digest> = descriptors.map(|descriptor| descriptor.digest).collect();
    digests.sort_unstable();
    digests.dedup();
    digests
}

/// Whether an entry of an index refers to a manifest. A registry has no manifest with another media type, so such an
/// entry can only be a blob.
fn names_manifest(entry: &Descriptor) -> bool {
    entry.media_type.as_deref().is_none_or(|text| is_schema1(text) || interpret::is_manifest(text))
}

fn is_schema1(media_type: &str) -> bool {
    let media_type = media_type.to_ascii_lowercase();
    [media_type::DOCKER_SCHEMA1, media_type::DOCKER_SCHEMA1_SIGNED].contains(&media_type.as_str())
}

#[cfg(test)]
mod tests;
