//! The writer thread's queue: jobs wait in it and are answered after their COMMIT.

use std::{
    path::PathBuf,
    sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    thread::{self, JoinHandle},
};

use super::{SqliteOptions, checkpoint::Checkpoint, connection, group::Group};
use crate::{error::StoreError, job::Job};

/// The writer thread. Dropping it ends what is queued and waits for the thread.
pub(super) struct Writer {
    /// A channel has room for all that may wait from its beginning, so it takes jobs on the heap.
    queue: Option<SyncSender<Box<Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(
        mut group: Group,
        options: SqliteOptions,
        wal: PathBuf,
        checkpoint: Checkpoint,
    ) -> Result<Self, StoreError> {
        let (queue, jobs) = sync_channel(options.queue);
        let run = move || serve(&jobs, &mut group, options.group_size, &wal, &checkpoint);
        let thread = thread::Builder::new().name("meta-writer".into()).spawn(run).map_err(StoreError::Io)?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    pub(super) fn write(&self, job: Job) -> Result<(), StoreError> {
        self.queue.as_ref().ok_or(StoreError::Closed)?.try_send(Box::new(job)).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Overloaded,
            TrySendError::Disconnected(_) => StoreError::Closed,
        })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// Takes what waits, up to a group, and commits it. While one group is synced the next gathers, so that none
/// waits on purpose and its age is bounded by one commit.
fn serve(
    jobs: &Receiver<Box<Job>>,
    group: &mut Group,
    size: usize,
    wal: &std::path::Path,
    checkpoint: &Checkpoint,
) {
    while let Ok(first) = jobs.recv() {
        let mut gathered = vec![*first];
        gathered.extend(jobs.try_iter().take(size.saturating_sub(1)).map(|job| *job));
        group.commit(gathered);
        if connection::file_len(wal) > super::checkpoint::WAL_CHECKPOINT {
            checkpoint.wake();
        }
    }
}
