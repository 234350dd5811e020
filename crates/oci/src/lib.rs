//! The OCI specifications as types: names, tags, digests, `/v2/` paths, manifests, ranges, error codes.
//!
//! This crate is pure: no I/O, no async, no clock. It parses everything that a client sends, so it must handle hostile
//! input: nothing panics, no parser allocates much more than its input, and input that two readers could understand
//! differently is refused.
//!
//! The rules come from the OCI image specification 1.1 and the OCI distribution specification 1.1 and `dev`.

#![warn(missing_docs)]

pub mod digest;
pub mod error;
pub mod manifest;
pub mod media_type;
pub mod name;
pub mod path;
pub mod range;

pub use digest::{Algorithm, Digest, DigestError, Hasher};
pub use error::ErrorCode;
pub use manifest::{Descriptor, Manifest, ManifestError};
pub use name::{NameError, Reference, RepositoryName, Tag};
pub use path::{PathError, Route};
pub use range::{ByteRange, ContentRange, RangeOutcome};
