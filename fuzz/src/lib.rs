//! What is fuzzed: for each parser of untrusted bytes a function that feeds it and holds the result to account.
//!
//! The same files are compiled into the tests of the crate that each is about (`crates/*/tests/it/fuzz_entries.rs`),
//! where proptest drives them on the stable toolchain with every `cargo test`.

pub mod aws;
pub mod iam;
pub mod oci;
