//! Appends a request's body to a file: receives, hashes and writes it at the same time. It is durable on return.
//!
//! The body is divided into batches. While one blocking thread writes a batch and another one hashes it, the next one is
//! received, and no thread waits for a slow client. The last batch is hashed while it is synced.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures::Stream;
use tokio::task::{JoinHandle, spawn_blocking};

use super::writer::{WriteError, Writer};
use crate::append::{AppendError, Appended};
use crate::hash::Hash;
use crate::intake::{End, Intake};
use crate::stage::Stage;

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

/// Whether this task or a blocking thread has the writer.
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

/// Receives `body` and appends it after the stage; see [`crate::Store::append`].
pub(crate) async fn append<S, E>(
    mut writer: Box<Writer>,
    stage: Stage,
    body: &mut S,
    limit: Option<u64>,
) -> Result<Appended, AppendError<E>>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin + Send,
{
    let room = limit.map_or(u64::MAX, |limit| limit.saturating_sub(writer.offset()));
    let (own, hasher) = stage.into_parts();
    let mut intake = Intake::new(body, room);
    let (mut turn, mut hash) = (Turn::Idle(writer), Hash::Idle(Box::new(hasher)));
    let mut sync: Option<JoinHandle<io::Result<()>>> = None;
    loop {
        let (batch, end) = intake.batch().await;
        let batch: Arc<[Bytes]> = batch.into();
        writer = turn.writer().await?;
        let hasher = hash.hasher().await.map_err(WriteError::Io)?;
        if let Some(file) = writer.due_for_sync() {
            wait_for(sync.take()).await?;
            sync = Some(spawn_blocking(move || file.sync()));
        }
        let written = Arc::clone(&batch);
        let failure = match end {
            End::More => {
                turn = Turn::Busy(spawn_blocking(move || writer.write(&written)));
                hash = Hash::of(hasher, batch);
                continue;
            }
            End::TooLarge => {
                // This does not wait for it: the turn is held until it is done.
                drop(spawn_blocking(move || writer.abandon()));
                return Err(AppendError::TooLarge { limit: limit.unwrap_or(u64::MAX) });
            }
            End::Complete => None,
            End::Failed(source) => Some(source),
        };
        let last = spawn_blocking(move || writer.write(&written)?.finish());
        let hash = Hash::of(hasher, batch);
        wait_for(sync.take()).await?;
        let written = finished(last).await?;
        let hasher = hash.hasher().await.map_err(WriteError::Io)?;
        let appended = Appended { written, stage: Stage::new(own, *hasher) };
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
