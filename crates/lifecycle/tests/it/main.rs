//! Tests of policies and their evaluation.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod examples;
mod extensions;
mod naive;
mod relations;
mod repository;
mod texts;
