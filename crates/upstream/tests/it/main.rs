//! The client of other registries against a registry that lies.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a test that meets the unexpected should stop"
)]

mod credentials;
mod ecr;
mod hostile;
mod lists;
mod server;
mod tricks;
