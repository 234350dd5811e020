//! The result of an append, and why it may not accept the whole body.

use std::io;

use crate::stage::Stage;

/// What an append has stored of the object. All of it is durable.
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
        /// What the body said.
        source: E,
        /// What arrived before.
        appended: Box<Appended>,
    },
    /// The object would become longer than the limit. Nothing may be recorded.
    #[error("the object would be longer than {limit} bytes")]
    TooLarge {
        /// The limit that was given.
        limit: u64,
    },
    /// The object is shorter than the offset: acknowledged bytes are missing.
    #[error("the object holds {len} bytes where {offset} are recorded")]
    Missing {
        /// What was asked for.
        offset: u64,
        /// What is there.
        len: u64,
    },
    /// Another append, which this one waited for, has taken bytes: the stage is not the object's any more.
    #[error("another append went on with the object")]
    Overtaken,
    /// No space is left, or the quota is used up.
    #[error("no space is left for the object")]
    DiskFull(#[source] io::Error),
    /// The store failed.
    #[error("the object could not be written")]
    Io(#[source] io::Error),
}
