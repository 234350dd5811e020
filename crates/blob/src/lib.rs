//! Bytes: where layers and configurations are kept, under opaque keys.
//!
//! Each kind of store is a variant of [`Store`] with a folder of its own; `disk` is the one there is. Nothing outside
//! that folder knows a path. [`Content::File`] is the one place where a caller sees a file, so that it can be sent
//! without a copy.
//!
//! Invariants:
//!
//! * What is acknowledged survives a power cut: it is durable before [`Store::append`] returns.
//! * A key is never used twice.
//! * The truth about an object is its row, which this crate does not know: how long the object is, what it hashes to,
//!   whether it exists. What is stored may be longer than the row says, and an object without a row is garbage.
//! * What a store must remember between two chunks of an upload is its [`Stage`], one opaque value in the upload's row.
//! * Memory is bounded whatever the size of an object, and no thread waits for a slow client.

#![warn(missing_docs)]

mod append;
mod content;
pub mod disk;
mod intake;
mod key;
mod stage;
mod store;

pub use append::{AppendError, Appended};
pub use content::{Content, ContentStream, OpenError};
pub use disk::DiskOptions;
pub use key::{InvalidObjectKey, ObjectKey};
pub use stage::{InvalidStage, MAX_STAGE_BYTES, Stage};
pub use store::Store;
