//! Bytes: where layers and configurations are kept, under opaque keys.
//!
//! Invariants:
//!
//! * What is acknowledged survives a power cut: file and folder are synced before [`Store::append`] returns.
//! * A file is created under its final name and never renamed; a key is never used twice.
//! * The truth about an object is its row, which this crate does not know: how long the object is, what it hashes to,
//!   whether it exists. A file may be longer than its row says, and a file without a row is garbage.
//! * Memory is bounded whatever the size of an object, and no thread waits for a slow client.

#![warn(missing_docs)]

mod append;
mod content;
pub mod disk;
mod folder_sync;
mod key;
mod layout;
mod pool;
mod store;
mod stream;
mod turn;
mod writer;

pub use append::{AppendError, Appended};
pub use content::{Content, OpenError};
pub use key::{InvalidObjectKey, ObjectKey};
pub use store::{DiskOptions, Store};
pub use stream::ContentStream;
