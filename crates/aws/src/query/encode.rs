//! Members of answers that are not written as they are: policy documents are percent-encoded (RFC 3986; IAM API reference,
//! "GetPolicyVersion"), and the secret of a new access key is shown this once.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serializer;

use crate::ids::SecretKey;

const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Writes a document.
pub(crate) fn document<S: Serializer>(document: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&utf8_percent_encode(document, UNRESERVED))
}

/// Writes a document, if there is one.
#[expect(clippy::ref_option, reason = "serde passes a reference to the member")]
pub(crate) fn document_if_any<S: Serializer>(
    text: &Option<String>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match text {
        Some(text) => document(text, serializer),
        None => serializer.serialize_none(),
    }
}

/// Writes a secret.
pub(crate) fn secret<S: Serializer>(secret: &SecretKey, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose())
}
