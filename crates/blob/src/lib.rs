//! Bytes: where layers and configurations are kept, under opaque keys.
//!
//! Each kind of store is a variant of [`Store`] with a folder of its own; `disk` has files, and `s3` has objects in a
//! bucket. Nothing outside `disk` knows a path. [`Content::File`] is the one place where a caller sees a file, so that it
//! can be sent without a copy.
//!
//! Invariants:
//!
//! * What is acknowledged survives a power cut: it is durable before [`Store::append`] returns.
//! * A key is never used twice.
//! * The row of an object is authoritative (length, digest, existence). This crate does not know it. A stored object may
//!   be longer than its row says, and an object without a row is garbage.
//! * The state of a store between two chunks of an upload is its [`Stage`], one opaque value in the upload's row.
//! * Memory is bounded for objects of any size, and no thread waits for a slow client.

#![warn(missing_docs)]

mod append;
mod content;
pub mod disk;
mod hash;
mod intake;
mod key;
mod memory;
mod s3;
mod stage;
mod store;
mod turn;
mod unavailable;
mod vault;

pub use append::{AppendError, Appended};
pub use content::{Content, ContentStream, OpenError, Remote};
pub use disk::{DiskOptions, Found, UnreadPart, unread_part};
pub use key::{ARCHIVE_PREFIX, InvalidObjectKey, ObjectKey, Place};
pub use memory::{Held, Memory};
pub use s3::{Credentials, Encryption, InvalidS3Url, S3Options, S3Store, S3Url};
pub use stage::{InvalidStage, MAX_STAGE_BYTES, Stage};
pub use store::Store;
pub use unavailable::is_unavailable;
pub use vault::Vault;
