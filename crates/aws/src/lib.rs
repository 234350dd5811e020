//! What AWS's APIs look like on the wire: identifiers, ARNs, signatures, framing, shapes.
//!
//! INVARIANT: pure. No I/O, no async runtime, no clock; the time is an argument.

#![warn(missing_docs)]

pub mod arn;
pub mod dialect;
pub mod ecr;
pub mod ecr_public;
pub mod event_bridge;
pub mod iam;
pub mod ids;
pub mod json;
pub mod operation;
pub mod organizations;
pub mod query;
pub mod secrets_manager;
pub mod service;
pub mod service_quotas;
pub mod shape;
pub mod sigv4;
pub mod sts;
pub mod tag;
pub mod tagging;

/// The maximum length of a manifest in the models of ECR and ECR Public.
pub const MAX_MANIFEST_CHARACTERS: usize = 4_194_304;
