//! Manifests: what an image or index refers to, read from bytes that anybody may have sent.
//!
//! The bytes themselves are stored and served as they came; this is the registry's view of them. Whatever two readers
//! could see differently (a key twice, a key in another letter case, an image that is an index too, a media type that
//! contradicts the header) is refused, because permission, collection and clients must all see the same references.

mod depth;
mod interpret;
mod refusal;
mod wire;

use std::collections::BTreeMap;

use crate::{
    digest::Digest,
    media_type::{self, essence},
};

pub use refusal::ManifestError;

/// The largest manifest. ECR's PutImage has the same limit; the distribution specification wants at least this much.
pub const MAX_MANIFEST_BYTES: usize = 4 * 1024 * 1024;
/// The deepest nesting. Manifests need 5 levels; the rest is for fields that the specification does not know.
pub const MAX_DEPTH: usize = 64;
/// The most descriptors, annotations and URLs of one manifest together: an image of four thousand layers with a dozen
/// annotations each.
pub const MAX_KEPT: usize = 64 * 1024;
/// The most keys of one object that the specification does not know.
pub const MAX_UNKNOWN_KEYS: usize = 4096;
/// The longest media or artifact type: 127 characters on each side of the slash (RFC 6838 §4.2).
pub const MAX_MEDIA_TYPE_LEN: usize = 255;

/// A reference to content: what it is, its digest and its size.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Descriptor {
    /// The content's media type. Required by the specification, left out by some tools.
    pub media_type: Option<String>,
    /// The content's digest.
    pub digest: Digest,
    /// The content's size in bytes, as claimed; at most `i64::MAX`.
    pub size: u64,
    /// The type of the artifact that the content is.
    pub artifact_type: Option<String>,
    /// Annotations of the reference (not of the content).
    pub annotations: BTreeMap<String, String>,
    /// Where else the content may be fetched. Never fetched by the registry.
    pub urls: Vec<String>,
}

impl Descriptor {
    /// Whether the content may be missing from the registry because it stays elsewhere: a non-distributable layer that
    /// says where.
    pub fn is_foreign(&self) -> bool {
        !self.urls.is_empty() && self.media_type.as_deref().is_some_and(media_type::is_nondistributable)
    }
}

/// The two shapes of a manifest.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash)]
pub enum Kind {
    /// Refers to blobs: a configuration and layers. Artifacts have this shape, too.
    Image,
    /// Refers to other manifests.
    Index,
}

/// A manifest as the registry sees it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Manifest {
    /// Its shape.
    pub kind: Kind,
    /// Its media type: from the body, else from the header.
    pub media_type: String,
    /// `artifactType`, if set; see [`Manifest::effective_artifact_type`].
    pub artifact_type: Option<String>,
    /// The configuration, of an image.
    pub config: Option<Descriptor>,
    /// The layers, of an image; the blobs, of an artifact manifest.
    pub layers: Vec<Descriptor>,
    /// The entries, of an index; see [`Manifest::children`].
    pub manifests: Vec<Descriptor>,
    /// The manifest that this one says something about.
    pub subject: Option<Descriptor>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
}

impl Manifest {
    /// Reads a manifest that came with `content_type` (parameters are ignored), or alone.
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
    /// type of its configuration (distribution specification, "Listing Referrers").
    pub fn effective_artifact_type(&self) -> Option<&str> {
        let of_config = || self.config.as_ref().and_then(|config| config.media_type.as_deref());
        self.artifact_type.as_deref().or_else(of_config)
    }

    /// The manifests that an index lists: its entries of a manifest's type, and those that name no type.
    pub fn children(&self) -> impl Iterator<Item = &Descriptor> {
        self.manifests.iter().filter(|entry| names_manifest(entry))
    }

    /// The blobs that the manifest refers to: configuration and layers, and the entries of an index that are of no
    /// manifest's type (BuildKit lists the layers of a build cache so). One that occurs twice comes twice.
    pub fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        let entries = self.manifests.iter().filter(|entry| !names_manifest(entry));
        self.config.iter().chain(&self.layers).chain(entries)
    }

    /// The blobs that the repository has to have before the manifest can be accepted: all but those that stay elsewhere.
    pub fn required_blobs(&self) -> impl Iterator<Item = &Descriptor> {
        self.blobs().filter(|descriptor| !descriptor.is_foreign())
    }

    /// The digests of its blobs, each once and in order.
    pub fn blob_digests(&self) -> Vec<Digest> {
        distinct(self.blobs())
    }

    /// Of these, those that [`Manifest::required_blobs`] leaves out wherever they occur.
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

    /// The sum of the blobs' sizes, as claimed; at most `i64::MAX`, also where the claims are absurd.
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

/// Whether an entry of an index names a manifest. Of another type a registry has no manifest, so it can only be a blob.
fn names_manifest(entry: &Descriptor) -> bool {
    entry.media_type.as_deref().is_none_or(|text| is_schema1(text) || interpret::is_manifest(text))
}

fn is_schema1(media_type: &str) -> bool {
    let media_type = media_type.to_ascii_lowercase();
    [media_type::DOCKER_SCHEMA1, media_type::DOCKER_SCHEMA1_SIGNED].contains(&media_type.as_str())
}

#[cfg(test)]
mod tests;
