//! What this crate guarantees about untrusted bytes, tested from outside.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed test is allowed to panic"
)]

mod fuzz_entries;
