//! What the OCI specifications say, as types: names, tags, digests, `/v2/` paths, manifests, ranges, error codes.
//!
//! This crate is pure: no I/O, no async, no clock. Everything that a client sends is parsed here, so everything here
//! must stand hostile bytes: nothing panics, nothing allocates far beyond its input, and what one reader could take for
//! one thing and another reader for another is refused.
//!
//! Sources of the rules: the OCI image specification 1.1 and the OCI distribution specification 1.1 and `dev`.

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
