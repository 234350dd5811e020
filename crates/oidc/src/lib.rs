//! Web identity: verifies that a trusted issuer gave a token to this audience, and that the token is still valid.
//!
//! [`Verifier::verify`] does this for `AssumeRoleWithWebIdentity`. It hides where the issuer's keys come from (fetched
//! over HTTPS and cached, or uploaded).
//!
//! Signatures are verified with aws-lc-rs, the only cryptography library of the binary. The rest is our own code: the
//! maintained JWT libraries leave most of the important checks to their caller (which algorithm matches which key,
//! `crit`, repeated members, limits), and would save only a few dozen lines around `base64` and `serde_json`.

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
