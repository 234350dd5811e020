//! Web identity: is this token what a trusted issuer gave to this audience, and is it still good?
//!
//! [`Verifier::verify`] answers that for `AssumeRoleWithWebIdentity`. Where the issuer's keys come from (fetched over
//! HTTPS and kept for a while, or uploaded) is hidden inside.
//!
//! Signatures are checked with aws-lc-rs, the binary's one cryptography library. What surrounds them is our own: the
//! well-kept JWT libraries leave to their caller most of what matters here (which algorithm fits which key, `crit`,
//! repeated members, bounds), and what they would save is a few dozen lines around `base64` and `serde_json`.

#![warn(missing_docs)]

mod allowance;
mod claims;
mod error;
mod fetch;
mod jwk;
mod jwt;
mod members;
mod signature;
mod source;
mod verifier;

pub use claims::Claims;
pub use error::OidcError;
pub use jwt::{MAX_TOKEN_BYTES, issuer_of};
pub use verifier::{Provider, Verifier, check_trust};
