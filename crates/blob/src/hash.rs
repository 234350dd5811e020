//! Hashes received bytes on a blocking thread, beside the writing.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use oci::digest::Hasher;
use tokio::task::{JoinHandle, spawn_blocking};

/// A batch of at most this size is hashed by the calling task: another hop to a blocking thread costs more.
const HASHED_HERE: usize = 64 * 1024;

/// The hash of what was received. It is computed beside the writing.
pub(crate) enum Hash {
    Idle(Box<Hasher>),
    Busy(JoinHandle<Box<Hasher>>),
}

impl Hash {
    pub(crate) async fn hasher(self) -> io::Result<Box<Hasher>> {
        match self {
            Self::Idle(hasher) => Ok(hasher),
            Self::Busy(job) => job.await.map_err(io::Error::other),
        }
    }

    /// Hashes a batch. The last one was hashed.
    pub(crate) fn of(mut hasher: Box<Hasher>, batch: Arc<[Bytes]>) -> Self {
        let is_small = batch.iter().map(Bytes::len).sum::<usize>() <= HASHED_HERE;
        let hash = move || {
            batch.iter().for_each(|chunk| hasher.update(chunk));
            hasher
        };
        if is_small { Self::Idle(hash()) } else { Self::Busy(spawn_blocking(hash)) }
    }
}
