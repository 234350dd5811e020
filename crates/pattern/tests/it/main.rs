//! Event patterns, with the examples of the EventBridge User Guide.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test that cannot continue fails")]

mod bounded;
mod examples;
mod refused;
