//! Tokens signed with real keys, and an issuer that is a real HTTPS server on this machine.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test that cannot go on fails"
)]

mod claimed;
mod fetched;
mod forged;
mod issuer;
mod keys;
mod log;
mod property;
mod uniform;
