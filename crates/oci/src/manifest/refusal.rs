//! Why a manifest is refused, as sentences for the client that pushed it.

use super::MAX_MANIFEST_BYTES;

/// Why bytes are not an acceptable manifest.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// More than [`MAX_MANIFEST_BYTES`].
    #[error("the manifest has {0} bytes; at most {max} are allowed", max = MAX_MANIFEST_BYTES)]
    TooLarge(usize),
    /// Not JSON, or not UTF-8.
    #[error("the manifest is not valid JSON: {0}")]
    NotJson(String),
    /// Objects or arrays are nested too deep.
    #[error("the manifest is nested more than {max} levels deep", max = super::MAX_DEPTH)]
    TooDeep,
    /// The manifest is both an image and an index, depending on the reader (CVE-2021-41190).
    #[error("the manifest is ambiguous: it has both `{0}` and `{1}`")]
    Ambiguous(&'static str, &'static str),
    /// An object has a key twice; readers differ on which one counts.
    #[error("the manifest is ambiguous: the key `{0}` occurs more than once in one object")]
    DuplicateKey(String),
    /// A key has the wrong letter case; some readers would accept it, others would not.
    #[error("the manifest is ambiguous: the key `{found}` differs from `{expected}` only in letter case")]
    MiscasedKey {
        /// The key as written.
        found: String,
        /// The key that it resembles.
        expected: &'static str,
    },
    /// An object has too many keys.
    #[error("an object of the manifest has more than {max} keys that are not in the specification", max = super::MAX_UNKNOWN_KEYS)]
    TooManyKeys,
    /// More descriptors, annotations and URLs than `MAX_KEPT`.
    #[error("the manifest has more than {max} descriptors, annotations and URLs", max = super::MAX_KEPT)]
    TooManyItems,
    /// The body and the `Content-Type` disagree.
    #[error("the manifest says that its media type is `{body}`, but it was sent as `{header}`")]
    MediaTypeMismatch {
        /// `mediaType` in the body.
        body: String,
        /// The media type that came with the body.
        header: String,
    },
    /// Neither the body nor the `Content-Type` has a media type.
    #[error("the manifest has no media type: `mediaType` is missing, and no `Content-Type` came with it")]
    MissingMediaType,
    /// A media type that is not a manifest's.
    #[error("`{0}` is not the media type of a manifest that this registry supports")]
    UnsupportedMediaType(String),
    /// Docker's schema 1.
    #[error(
        "Docker image manifest version 2, schema 1 is not supported: push the image again as schema 2 or as an OCI \
         image, which every Docker since 1.10 can"
    )]
    UnsupportedSchema1,
    /// `schemaVersion` is not 2.
    #[error("`schemaVersion` must be 2")]
    SchemaVersion,
    /// A member that this kind of manifest requires is missing.
    #[error("the manifest has no `{0}`")]
    MissingField(&'static str),
    /// A field has the wrong type or a value that is not allowed.
    #[error("{0}")]
    InvalidField(String),
    /// A descriptor is invalid.
    #[error("{0}")]
    InvalidDescriptor(String),
}
