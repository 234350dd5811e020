//! The evaluator's table of cases, the naive evaluator, and hostile documents.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed test is allowed to panic"
)]

mod acceptance;
mod agreement;
mod bounds;
mod cases;
mod combination;
mod fuzz_entries;
mod language;
mod lint;
mod managed;
mod naive;
mod operators;
mod probes;
mod properties;
mod refusals;
mod request;
mod scenario;
mod written;
