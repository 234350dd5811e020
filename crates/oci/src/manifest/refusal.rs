//! Why a manifest is refused, in sentences for the one who pushed it.

use super::MAX_MANIFEST_BYTES;

/// Why bytes are not a manifest that the registry takes.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// More than [`MAX_MANIFEST_BYTES`].
    #[error("the manifest has {0} bytes; at most {max} are allowed", max = MAX_MANIFEST_BYTES)]
    TooLarge(usize),
    /// Not JSON, or not UTF-8.
    #[error("the manifest is not valid JSON: {0}")]
    NotJson(String),
    /// Objects or arrays inside each other too often.
    #[error("the manifest is nested more than {max} levels deep", max = super::MAX_DEPTH)]
    TooDeep,
    /// Both an image and an index, depending on who reads it (CVE-2021-41190).
    #[error("the manifest is ambiguous: it has both `{0}` and `{1}`")]
    Ambiguous(&'static str, &'static str),
    /// A key twice in one object; readers differ on which one counts.
    #[error("the manifest is ambiguous: the key `{0}` occurs more than once in one object")]
    DuplicateKey(String),
    /// A key in the wrong letter case; some readers would take it for the right one, others would not.
    #[error("the manifest is ambiguous: the key `{found}` differs from `{expected}` only in letter case")]
    MiscasedKey {
        /// The key as it stands there.
        found: String,
        /// The key that it resembles.
        expected: &'static str,
    },
    /// Very many keys in one object.
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
    /// A media type that is no manifest's.
    #[error("`{0}` is not the media type of a manifest that this registry supports")]
    UnsupportedMediaType(String),
    /// Docker's first format.
    #[error(
        "Docker image manifest version 2, schema 1 is not supported: push the image again as schema 2 or as an OCI \
         image, which every Docker since 1.10 can"
    )]
    UnsupportedSchema1,
    /// `schemaVersion` is not 2.
    #[error("`schemaVersion` must be 2")]
    SchemaVersion,
    /// A field that the kind of manifest has to have.
    #[error("the manifest has no `{0}`")]
    MissingField(&'static str),
    /// A field of the wrong type or with a value that is not allowed.
    #[error("{0}")]
    InvalidField(String),
    /// A descriptor that cannot be followed.
    #[error("{0}")]
    InvalidDescriptor(String),
}
