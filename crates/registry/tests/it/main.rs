//! The rules against real stores: an SQLite file and a folder of blobs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a test that meets the unexpected should stop"
)]

mod account;
mod blobs;
mod cross_account;
mod expired;
mod explained;
mod gate;
mod housekeeping;
mod iam_requests;
mod images;
mod organizations;
mod tokens;
mod web_identity;
mod world;
