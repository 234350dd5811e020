//! IAM, STS and Organizations against a real store: an SQLite file.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a test that meets the unexpected should stop"
)]

mod account;
mod credentials;
mod denials;
mod iam_requests;
mod organizations;
mod quotas;
mod reads;
mod secrets;
mod sts_chain;
mod web_identity;
mod world;
