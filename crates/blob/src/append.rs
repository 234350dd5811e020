//! Appending a request's body to an object: received, hashed and written at the same time, durable on return.
//!
//! The body is taken in batches. While one batch is hashed and written on a blocking thread the next is received, and
//! no thread waits for a slow client. A body that fits into the first batch costs one hop to a blocking thread.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use oci::digest::Hasher;
use tokio::task::JoinHandle;

use crate::writer::{WriteError, Writer};

/// Bytes that are received before they are handed on. An upload holds at most two batches at a time.
const BATCH_BYTES: usize = 512 * 1024;

/// A client that sends nothing for so long has what it sent written, however little that is.
const PAUSE: Duration = Duration::from_millis(50);

/// What an append has made of the object. All of it is durable.
pub struct Appended {
    /// How many bytes came with this append.
    pub written: u64,
    /// How long the object is now.
    pub offset: u64,
    /// The hash of everything up to `offset`.
    pub hasher: Hasher,
}

/// Why an append did not take the whole body.
#[derive(Debug, thiserror::Error)]
pub enum AppendError<E> {
    /// The body ended with an error. What came before it is durable and can be recorded.
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
    /// The object is shorter than the offset says: bytes that were acknowledged are missing.
    #[error("the object holds {len} bytes where {offset} are recorded")]
    Missing {
        /// What was asked for.
        offset: u64,
        /// What is there.
        len: u64,
    },
    /// No space is left, or the quota is used up.
    #[error("no space is left for the object")]
    DiskFull(#[source] io::Error),
    /// The file system refused.
    #[error("the object could not be written")]
    Io(#[source] io::Error),
}

impl std::fmt::Debug for Appended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Appended")
            .field("written", &self.written)
            .field("offset", &self.offset)
            .finish_non_exhaustive()
    }
}

/// How a batch ended.
enum End<E> {
    /// The batch is full, more may come.
    More,
    /// The body is complete.
    Complete,
    Failed(E),
    TooLarge,
}

impl<E> From<WriteError> for AppendError<E> {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Missing { offset, len } => Self::Missing { offset, len },
            WriteError::Io(error) => match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                    Self::DiskFull(error)
                }
                _ => Self::Io(error),
            },
        }
    }
}

/// Whether the writer is here or with a blocking thread.
enum Turn {
    Idle(Box<Writer>),
    Busy(JoinHandle<Result<Box<Writer>, WriteError>>),
}

impl Turn {
    async fn writer(self) -> Result<Box<Writer>, WriteError> {
        match self {
            Self::Idle(writer) => Ok(writer),
            Self::Busy(job) => finished(job).await,
        }
    }
}

/// Receives `body` and appends it at `offset`; see [`crate::Store::append`].
pub(crate) async fn append<S, E>(
    mut writer: Box<Writer>,
    body: &mut S,
    limit: Option<u64>,
) -> Result<Appended, AppendError<E>>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin + Send,
{
    let room = limit.map_or(u64::MAX, |limit| limit.saturating_sub(writer.offset()));
    let mut intake = Intake { body, room, waiting: None };
    let mut turn = Turn::Idle(writer);
    let mut sync: Option<JoinHandle<io::Result<()>>> = None;
    loop {
        let (batch, end) = intake.batch().await;
        writer = turn.writer().await?;
        if let Some(file) = writer.due_for_sync() {
            wait_for(sync.take()).await?;
            sync = Some(tokio::task::spawn_blocking(move || file.sync()));
        }
        let failure = match end {
            End::More => {
                turn = Turn::Busy(tokio::task::spawn_blocking(move || writer.write(&batch)));
                continue;
            }
            End::TooLarge => {
                // Not waited for: the turn is kept until it is done.
                drop(tokio::task::spawn_blocking(move || writer.abandon()));
                return Err(AppendError::TooLarge { limit: limit.unwrap_or(u64::MAX) });
            }
            End::Complete => None,
            End::Failed(source) => Some(source),
        };
        let last = tokio::task::spawn_blocking(move || writer.write(&batch)?.finish());
        wait_for(sync.take()).await?;
        let appended = finished(last).await?;
        return match failure {
            None => Ok(appended),
            Some(source) => Err(AppendError::Body { source, appended: Box::new(appended) }),
        };
    }
}

async fn wait_for(sync: Option<JoinHandle<io::Result<()>>>) -> Result<(), WriteError> {
    match sync {
        Some(job) => Ok(job.await.map_err(io::Error::other)??),
        None => Ok(()),
    }
}

async fn finished<T>(job: JoinHandle<Result<T, WriteError>>) -> Result<T, WriteError> {
    job.await.map_err(io::Error::other)?
}

/// The receiving side: cuts a body into batches.
struct Intake<'a, S> {
    body: &'a mut S,
    /// How many more bytes the object may take.
    room: u64,
    /// What did not fit into the last batch.
    waiting: Option<Bytes>,
}

impl<S, E> Intake<'_, S>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin + Send,
{
    async fn batch(&mut self) -> (Vec<Bytes>, End<E>) {
        let mut batch = Vec::new();
        let mut size = 0;
        loop {
            let chunk = match self.waiting.take() {
                Some(chunk) => chunk,
                None => match self.next_within(batch.is_empty()).await {
                    Ok(Some(chunk)) => chunk,
                    Ok(None) => return (batch, End::More),
                    Err(end) => return (batch, end),
                },
            };
            if chunk.len() as u64 > self.room {
                return (batch, End::TooLarge);
            }
            if size > 0 && size + chunk.len() > BATCH_BYTES {
                self.waiting = Some(chunk);
                return (batch, End::More);
            }
            self.room -= chunk.len() as u64;
            size += chunk.len();
            batch.push(chunk);
        }
    }

    /// The next chunk; none if the client pauses while there is something to write, which is not kept in memory then.
    async fn next_within(&mut self, may_wait: bool) -> Result<Option<Bytes>, End<E>> {
        if may_wait {
            return self.next().await.map(Some);
        }
        match tokio::time::timeout(PAUSE, self.next()).await {
            Ok(next) => next.map(Some),
            Err(_) => Ok(None),
        }
    }

    async fn next(&mut self) -> Result<Bytes, End<E>> {
        match self.body.next().await {
            None => Err(End::Complete),
            Some(Err(error)) => Err(End::Failed(error)),
            Some(Ok(chunk)) => Ok(chunk),
        }
    }
}
