//! The writer thread's queue: operations of any type wait in it as jobs and are answered after their COMMIT.

use std::{
    path::PathBuf,
    sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    thread::{self, JoinHandle},
};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{SqliteOptions, checkpoint::Checkpoint, connection, group::Group, run_caught};
use crate::{
    Scope,
    error::StoreError,
    meta::Outcome,
    operation::{Access, Operation},
};

/// How a job ran inside the transaction.
pub(super) enum Ran {
    /// Its effects belong to the transaction.
    Done,
    /// A rule refused it: its effects must go.
    Refused,
    /// The store failed it: its effects must go, and the whole transaction may be gone.
    Failed,
}

/// A queued operation.
pub(super) trait Job: Send {
    fn access(&self) -> Access;
    /// What its commit changes.
    fn changes(&self) -> Vec<Scope>;
    /// Runs it, perhaps again.
    fn run(&mut self, connection: &mut Connection) -> Ran;
    /// Answers what the last run gave. Only after the commit.
    fn answer(self: Box<Self>);
    /// Answers that the store failed, whatever the last run gave.
    fn fail(self: Box<Self>, error: StoreError);
}

struct Waiting<O: Operation> {
    operation: O,
    outcome: Option<Outcome<O>>,
    reply: oneshot::Sender<Outcome<O>>,
}

impl<O: Operation> Job for Waiting<O> {
    fn access(&self) -> Access {
        O::ACCESS
    }

    fn changes(&self) -> Vec<Scope> {
        self.operation.changes()
    }

    fn run(&mut self, connection: &mut Connection) -> Ran {
        let outcome = run_caught(&self.operation, connection, false);
        let ran = match &outcome {
            Ok(Ok(_)) => Ran::Done,
            Ok(Err(_)) => Ran::Refused,
            Err(_) => Ran::Failed,
        };
        self.outcome = Some(outcome);
        ran
    }

    fn answer(self: Box<Self>) {
        let outcome = self.outcome.unwrap_or(Err(StoreError::Bug("a job was answered before it ran")));
        // The caller may have gone away; the write stands all the same.
        drop(self.reply.send(outcome));
    }

    fn fail(self: Box<Self>, error: StoreError) {
        drop(self.reply.send(Err(error)));
    }
}

/// The writer thread. Dropping it ends what is queued and waits for the thread.
pub(super) struct Writer {
    queue: Option<SyncSender<Box<dyn Job>>>,
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

    pub(super) async fn write<O: Operation>(&self, operation: O) -> Outcome<O> {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Waiting { operation, outcome: None, reply });
        match self.queue.as_ref().ok_or(StoreError::Closed)?.try_send(job) {
            Ok(()) => answer.await.map_err(|_| StoreError::Closed)?,
            Err(TrySendError::Full(_)) => Err(StoreError::Overloaded),
            Err(TrySendError::Disconnected(_)) => Err(StoreError::Closed),
        }
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
    jobs: &Receiver<Box<dyn Job>>,
    group: &mut Group,
    size: usize,
    wal: &std::path::Path,
    checkpoint: &Checkpoint,
) {
    while let Ok(first) = jobs.recv() {
        let mut gathered = vec![first];
        gathered.extend(jobs.try_iter().take(size.saturating_sub(1)));
        group.commit(gathered);
        if connection::file_len(wal) > super::checkpoint::WAL_CHECKPOINT {
            checkpoint.wake();
        }
    }
}
