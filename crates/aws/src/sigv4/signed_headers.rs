//! The list of header names that a signature covers.

use super::{Request, SigV4Error};

/// More names than any client signs.
const MAX_SIGNED_HEADERS: usize = 128;

/// Names in lower case, sorted, without duplicates: the only canonical form.
pub(super) struct SignedHeaders {
    text: String,
}

impl SignedHeaders {
    /// Reads `host;x-amz-date`.
    pub(super) fn parse(text: &str) -> Result<Self, SigV4Error> {
        let is_canonical = text.split(';').all(is_name)
            && text.split(';').is_sorted_by(|a, b| a < b)
            && text.split(';').count() <= MAX_SIGNED_HEADERS;
        if !is_canonical {
            return Err(SigV4Error::incomplete(
                "SignedHeaders must be a list of lower-case header names, sorted and separated by semicolons.",
            ));
        }
        Ok(Self { text: text.to_owned() })
    }

    /// The names that Wharf's signer covers: those that the rule below requires, and the body's type.
    pub(super) fn to_sign(request: &Request<'_>) -> Self {
        let mut names: Vec<String> = request
            .headers
            .iter()
            .map(|(name, _)| name.to_ascii_lowercase())
            .filter(|name| name == "host" || name == "content-type" || name.starts_with("x-amz-"))
            .collect();
        names.sort();
        names.dedup();
        Self { text: names.join(";") }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.text.split(';')
    }

    fn contains(&self, name: &str) -> bool {
        self.names().any(|signed| signed.eq_ignore_ascii_case(name))
    }

    /// The signature must cover `host` and every `x-amz-*` header of the request (IAM User Guide, "Create a canonical
    /// request"). Otherwise a third party could change the meaning of the request. Signed headers must exist.
    pub(super) fn check_cover(&self, request: &Request<'_>, presigned: bool) -> Result<(), SigV4Error> {
        if !self.contains("host") {
            return Err(SigV4Error::HeaderNotSigned("Host' or ':authority".to_owned()));
        }
        let unsigned = request.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).find(|name| {
            name.starts_with("x-amz-") && !self.contains(name) && !(presigned && is_left_out_of_urls(name))
        });
        if let Some(name) = unsigned {
            return Err(SigV4Error::HeaderNotSigned(name));
        }
        let is_there = |name: &str| request.header(name).next().is_some();
        if request.header("host").count() > 1 || !self.names().all(is_there) {
            return Err(SigV4Error::SignatureMismatch);
        }
        Ok(())
    }
}

/// The official signer leaves these out of presigned URLs, because the user of the URL can send other values.
fn is_left_out_of_urls(name: &str) -> bool {
    matches!(name, "x-amz-user-agent" | "x-amz-checksum-mode")
}

/// A header name: the token characters of RFC 9110 section 5.6.2, in lower case.
fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&byte)
        })
}
