//! Signature Version 4: who signed a request, and whether the signature is valid.
//!
//! The order of use: [`Presented::from_request`] reads what a request claims, the caller looks up the secret
//! of [`Presented::access_key_id`], and [`Presented::verify`] decides. [`sign`] and [`presign`] are the other
//! side, over the same canonical form.
//!
//! Source of the rules: IAM User Guide, "Create a signed AWS API request" and "Troubleshoot Signature Version 4".
//! S3's exceptions (single encoding, chunked bodies) do not apply to the APIs served here.
//!
//! INVARIANT: nothing here is logged or printed that helps to forge a signature: secrets, derived keys and computed
//! signatures have neither `Debug` nor `==`.

mod canonical;
mod date;
mod error;
mod header;
mod key;
mod presented;
mod presign;
mod scope;
mod sign;
mod signature;
mod signed_headers;
#[cfg(test)]
mod tests;

use sha2::{Digest as _, Sha256};

pub use error::SigV4Error;
pub use key::SigningKey;
pub use presented::{Expected, Presented, Regions};
pub use scope::Scope;
pub use sign::{Credentials, presign, sign};

/// The only algorithm: the asymmetric variant (SigV4A) is for S3 access points and similar services.
const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// A request with more header lines is refused before any is parsed.
pub const MAX_HEADERS: usize = 256;
/// The maximum length of a query string.
pub const MAX_QUERY_BYTES: usize = 64 * 1024;
/// The maximum length of an `Authorization` header.
pub const MAX_AUTHORIZATION_BYTES: usize = 8 * 1024;
/// The longest session token.
pub const MAX_SESSION_TOKEN_BYTES: usize = 16 * 1024;

/// A request as it came over the wire.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The method, as sent.
    pub method: &'a str,
    /// The path, as sent: still percent-encoded.
    pub path: &'a str,
    /// The query string without its `?`, as sent; empty if there is none.
    pub query: &'a str,
    /// Every header line in the order of arrival, with names in lower case. HTTP/2 has no `host` header: the caller
    /// adds one with the value of `:authority`, which clients sign.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// The hash of the received body, never the one in a header.
    pub payload: Payload,
}

/// The body of a request, as a signature sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    /// No bytes at all.
    Empty,
    /// The SHA-256 of the whole body.
    Hash([u8; 32]),
}

impl Payload {
    /// Hashes a body.
    pub fn of(body: &[u8]) -> Self {
        if body.is_empty() { Self::Empty } else { Self::Hash(Sha256::digest(body).into()) }
    }

    /// Whether both are the same body.
    pub fn is_same(self, other: Self) -> bool {
        self.sha256() == other.sha256()
    }

    fn sha256(self) -> [u8; 32] {
        match self {
            Self::Empty => Sha256::digest([]).into(),
            Self::Hash(hash) => hash,
        }
    }

    fn is_empty(self) -> bool {
        self.sha256() == Self::Empty.sha256()
    }
}

impl<'a> Request<'a> {
    /// The values of a header, in order.
    fn header(&self, name: &'a str) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.headers.iter().filter(move |(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }

    /// The value of a header that may occur only once: another reader could use the second line.
    fn sole_header(&self, name: &'a str) -> Result<Option<&'a str>, SigV4Error> {
        let mut values = self.header(name);
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(SigV4Error::incomplete(format!("The '{name}' header must not be repeated.")));
        }
        let text = std::str::from_utf8(value).ok().filter(|text| text.bytes().all(is_visible));
        text.map(|text| Some(text.trim_matches(' '))).ok_or_else(|| {
            SigV4Error::incomplete(format!("The '{name}' header contains invalid characters."))
        })
    }

    /// Refuses requests that no honest client sends, before any work.
    fn check_bounds(&self) -> Result<(), SigV4Error> {
        if self.headers.len() > MAX_HEADERS {
            return Err(SigV4Error::incomplete("The request has too many headers."));
        }
        if self.query.len() > MAX_QUERY_BYTES {
            return Err(SigV4Error::incomplete("The query string is too long."));
        }
        Ok(())
    }
}

fn is_visible(byte: u8) -> bool {
    byte == b' ' || byte.is_ascii_graphic()
}
