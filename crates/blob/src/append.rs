//! The result of an append, and why an append may not accept the whole body.

use std::io;

use crate::stage::Stage;

/// The result of an append. All its bytes are durable.
#[derive(Debug)]
pub struct Appended {
    /// The number of bytes of this append.
    pub written: u64,
    /// The new length of the object, for the upload's row.
    pub stage: Stage,
}

/// Why an append did not accept the whole body.
#[derive(Debug, thiserror::Error)]
pub enum AppendError<E> {
    /// The body ended with an error. The bytes before it are durable and can be recorded.
    #[error("the body ended early")]
    Body {
        /// The body's error.
        source: E,
        /// The bytes that arrived before.
        appended: Box<Appended>,
    },
    /// The object would become longer than the limit. Nothing may be recorded.
    #[error("the object would be longer than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// The object is shorter than the offset: acknowledged bytes are missing.
    #[error("the object has {len} bytes, but {offset} are recorded")]
    Missing {
        /// The requested offset.
        offset: u64,
        /// The stored length.
        len: u64,
    },
    /// Another append ran first and appended bytes: this stage is outdated.
    #[error("another append has changed the object")]
    Overtaken,
    /// The disk is full, or the quota is used up.
    #[error("no space is left for the object")]
    DiskFull(#[source] io::Error),
    /// The store failed.
    #[error("the object could not be written")]
    Io(#[source] io::Error),
}
