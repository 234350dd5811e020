//! Hashes received bytes on a blocking thread: beside the writing, or before it in the same job.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use oci::digest::Hasher;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, spawn_blocking};

/// A batch of at most this size is hashed by the calling task: another hop to a blocking thread costs more.
const HASHED_HERE: usize = 64 * 1024;

/// The hash of what was received. It is computed beside the writing.
pub(crate) enum Hash {
    Idle(Box<Hasher>),
    Busy(JoinHandle<Box<Hasher>>),
    /// The job that writes the batch hashes it first.
    InWrite(oneshot::Receiver<Box<Hasher>>),
}

impl Hash {
    pub(crate) async fn hasher(self) -> io::Result<Box<Hasher>> {
        match self {
            Self::Idle(hasher) => Ok(hasher),
            Self::Busy(job) => job.await.map_err(io::Error::other),
            Self::InWrite(hashed) => hashed.await.map_err(io::Error::other),
        }
    }

    /// Hashes a batch. The last one was hashed.
    pub(crate) fn of(hasher: Box<Hasher>, batch: Arc<[Bytes]>) -> Self {
        let is_small = batch.iter().map(Bytes::len).sum::<usize>() <= HASHED_HERE;
        let hash = move || hashed(hasher, &batch);
        if is_small { Self::Idle(hash()) } else { Self::Busy(spawn_blocking(hash)) }
    }

    /// The same in the job that writes the batch, which runs the returned function first: with many appends at once,
    /// every processor is busy, and each hop between threads costs all of them.
    pub(crate) fn in_write(hasher: Box<Hasher>, batch: Arc<[Bytes]>) -> (Self, impl FnOnce() + Send) {
        let (done, hashing) = oneshot::channel();
        let hash = move || {
            // If the append was dropped, nobody needs it.
            let _ = done.send(hashed(hasher, &batch));
        };
        (Self::InWrite(hashing), hash)
    }
}

fn hashed(mut hasher: Box<Hasher>, batch: &[Bytes]) -> Box<Hasher> {
    for chunk in batch {
        hasher.update(chunk);
    }
    hasher
}
