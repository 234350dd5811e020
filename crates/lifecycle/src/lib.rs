//! Lifecycle policies: reads and validates a policy document, and decides which images of a repository its rules expire
//! or archive.
//!
//! Architecture invariants: this crate does no I/O, uses no async runtime and reads no clock. An evaluation gets the
//! images one after the other and keeps a few bytes for each image that it marks, so its memory does not depend on tags,
//! manifests or the number of rules.

mod document;
mod evaluate;
mod pattern;
mod plan;
mod policy;
mod schema;

pub use document::Invalid;
pub use evaluate::{Evaluation, Image, OutOfOrder, Parent, Subject};
pub use pattern::Pattern;
pub use plan::{Cause, Decision, Plan};
pub use policy::{Action, Count, Policy, Rule, Selector, StorageClass};
