//! The error codes of the distribution specification, and the body that contains them.

use serde::Serialize;
use serde_json::Value;

/// The kind of error, with the names of the distribution specification ("Error codes"), and with those of Docker's
/// registry where the specification has none.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash, Ord, PartialOrd)]
pub enum ErrorCode {
    /// The repository does not have the blob.
    BlobUnknown,
    /// The upload violates a rule, for example its content does not have the digest.
    BlobUploadInvalid,
    /// The upload session does not exist.
    BlobUploadUnknown,
    /// The digest is malformed, or is not the digest of the content.
    DigestInvalid,
    /// The manifest refers to a blob or manifest that the repository does not have.
    ManifestBlobUnknown,
    /// The manifest cannot be accepted.
    ManifestInvalid,
    /// The repository does not have the manifest.
    ManifestUnknown,
    /// The repository name is malformed.
    NameInvalid,
    /// The repository does not exist.
    NameUnknown,
    /// The length is wrong.
    SizeInvalid,
    /// The tag is malformed or may not be written.
    TagInvalid,
    /// Credentials are missing or wrong.
    Unauthorized,
    /// The caller has no permission.
    Denied,
    /// The operation is not supported.
    Unsupported,
    /// Too many requests in too short a time.
    TooManyRequests,
    /// A chunk does not begin where the one before ended.
    RangeInvalid,
    /// The requested number of results is not a number, or is too large.
    PaginationNumberInvalid,
    /// The server failed.
    InternalError,
    /// The server cannot answer at the moment.
    Unavailable,
}

impl ErrorCode {
    /// All codes.
    pub const ALL: [Self; 19] = [
        Self::BlobUnknown,
        Self::BlobUploadInvalid,
        Self::BlobUploadUnknown,
        Self::DigestInvalid,
        Self::ManifestBlobUnknown,
        Self::ManifestInvalid,
        Self::ManifestUnknown,
        Self::NameInvalid,
        Self::NameUnknown,
        Self::SizeInvalid,
        Self::TagInvalid,
        Self::Unauthorized,
        Self::Denied,
        Self::Unsupported,
        Self::TooManyRequests,
        Self::RangeInvalid,
        Self::PaginationNumberInvalid,
        Self::InternalError,
        Self::Unavailable,
    ];

    /// The code in the body.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BlobUnknown => "BLOB_UNKNOWN",
            Self::BlobUploadInvalid => "BLOB_UPLOAD_INVALID",
            Self::BlobUploadUnknown => "BLOB_UPLOAD_UNKNOWN",
            Self::DigestInvalid => "DIGEST_INVALID",
            Self::ManifestBlobUnknown => "MANIFEST_BLOB_UNKNOWN",
            Self::ManifestInvalid => "MANIFEST_INVALID",
            Self::ManifestUnknown => "MANIFEST_UNKNOWN",
            Self::NameInvalid => "NAME_INVALID",
            Self::NameUnknown => "NAME_UNKNOWN",
            Self::SizeInvalid => "SIZE_INVALID",
            Self::TagInvalid => "TAG_INVALID",
            Self::Unauthorized => "UNAUTHORIZED",
            Self::Denied => "DENIED",
            Self::Unsupported => "UNSUPPORTED",
            Self::TooManyRequests => "TOOMANYREQUESTS",
            Self::RangeInvalid => "RANGE_INVALID",
            Self::PaginationNumberInvalid => "PAGINATION_NUMBER_INVALID",
            Self::InternalError => "INTERNAL_ERROR",
            Self::Unavailable => "UNAVAILABLE",
        }
    }
}

#[derive(Serialize)]
struct Body<'a> {
    errors: [Item<'a>; 1],
}

#[derive(Serialize)]
struct Item<'a> {
    code: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<Value>,
}

/// The JSON body of an error answer (distribution specification, "Error codes").
///
/// ```
/// use oci::error::{ErrorCode, body};
///
/// let body = body(ErrorCode::BlobUnknown, "no such blob", None);
/// assert_eq!(body, br#"{"errors":[{"code":"BLOB_UNKNOWN","message":"no such blob"}]}"#);
/// ```
pub fn body(code: ErrorCode, message: &str, detail: Option<Value>) -> Vec<u8> {
    let body = Body { errors: [Item { code: code.as_str(), message, detail }] };
    // Strings and a `Value` always have a JSON form, so the fallback is never used.
    serde_json::to_vec(&body).unwrap_or_else(|_| br#"{"errors":[]}"#.to_vec())
}
