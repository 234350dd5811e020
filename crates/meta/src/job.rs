//! An operation of any type, as one type: queues, tasks, transactions and the wait of the caller are compiled once, not
//! once for each operation.

use std::{any::Any, future::Future, panic::AssertUnwindSafe, pin::Pin};

use futures::FutureExt;
use tokio::sync::oneshot;

use crate::{
    Scope,
    error::StoreError,
    meta::Outcome,
    operation::{Access, Operation, Ruling},
    tx::Tx,
};

/// How a job ran inside a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ran {
    /// Its effects belong to the transaction.
    Done,
    /// A rule refused it: its effects must go.
    Refused,
    /// The store failed it: its effects must go, and the whole transaction may be gone.
    Failed,
}

/// A run of an operation, on the heap. It gives whether no rule refused the operation.
type Running<'a> = Pin<Box<dyn Future<Output = Result<bool, StoreError>> + Send + 'a>>;

/// An operation without its type, with the ruling of its last run. Only these functions are compiled for each operation.
pub(crate) trait Work: Any + Send {
    fn about(&self) -> About;
    /// What its commit changes.
    fn changes(&self) -> Vec<Scope>;
    /// Runs it, perhaps again.
    fn run<'a>(&'a mut self, tx: &'a mut Tx<'_>) -> Running<'a>;
}

/// What a driver must know of an operation.
#[derive(Clone, Copy)]
pub(crate) struct About {
    pub(crate) name: &'static str,
    pub(crate) access: Access,
    /// Whether it may change a store that is read-only.
    pub(crate) is_for_read_only: bool,
}

struct Ruled<O: Operation> {
    operation: O,
    ruling: Option<Ruling<O>>,
}

impl<O: Operation> Work for Ruled<O> {
    fn about(&self) -> About {
        About { name: O::NAME, access: O::ACCESS, is_for_read_only: O::ON_READ_ONLY }
    }

    fn changes(&self) -> Vec<Scope> {
        self.operation.changes()
    }

    fn run<'a>(&'a mut self, tx: &'a mut Tx<'_>) -> Running<'a> {
        Box::pin(async move {
            let ruling = self.operation.run(tx).await?;
            Ok(self.ruling.insert(ruling).is_ok())
        })
    }
}

/// An operation that has not run.
pub(crate) fn work<O: Operation>(operation: O) -> Box<dyn Work> {
    Box::new(Ruled { operation, ruling: None })
}

/// The outcome of an operation that was answered.
pub(crate) fn outcome<O: Operation>(answered: Result<Box<dyn Work>, StoreError>) -> Outcome<O> {
    let work: Box<dyn Any> = answered?;
    let ruled = work.downcast::<Ruled<O>>().ok().and_then(|ruled| ruled.ruling);
    ruled.ok_or(StoreError::Bug("a job was answered before it ran"))
}

/// The caller's end of a job.
pub(crate) type Answer = oneshot::Receiver<Result<Box<dyn Work>, StoreError>>;

/// An operation and the caller who waits for its outcome.
pub(crate) struct Job {
    about: About,
    work: Box<dyn Work>,
    /// Why the last run gave no ruling.
    error: Option<StoreError>,
    reply: oneshot::Sender<Result<Box<dyn Work>, StoreError>>,
}

impl Job {
    pub(crate) fn new(work: Box<dyn Work>) -> (Self, Answer) {
        let (reply, answer) = oneshot::channel();
        (Self { about: work.about(), work, error: None, reply }, answer)
    }

    pub(crate) fn name(&self) -> &'static str {
        self.about.name
    }

    pub(crate) fn access(&self) -> Access {
        self.about.access
    }

    /// Whether it may change a store that is read-only.
    pub(crate) fn is_for_read_only(&self) -> bool {
        self.about.is_for_read_only
    }

    /// What its commit changes.
    pub(crate) fn changes(&self) -> Vec<Scope> {
        self.work.changes()
    }

    /// Runs it, perhaps again. A panic fails this job alone.
    pub(crate) async fn run(&mut self, tx: &mut Tx<'_>) -> Ran {
        // The ruling of a run before this one says nothing about a run that does not end.
        self.error = Some(StoreError::Bug("it awaited something other than its transaction"));
        let run = AssertUnwindSafe(self.work.run(tx)).catch_unwind().await;
        let ruled = run.unwrap_or_else(|_| {
            tracing::error!(operation = self.about.name, "a metadata operation panicked");
            Err(StoreError::Panicked)
        });
        let ran = match ruled {
            Ok(true) => Ran::Done,
            Ok(false) => Ran::Refused,
            Err(_) => Ran::Failed,
        };
        self.error = ruled.err();
        ran
    }

    /// The store's error of the last run.
    pub(crate) fn error(&self) -> Option<&StoreError> {
        self.error.as_ref()
    }

    /// Answers what the last run gave. Only after the commit.
    pub(crate) fn answer(self) {
        let answer = match self.error {
            Some(error) => Err(error),
            None => Ok(self.work),
        };
        // The caller may have gone away; the write stands all the same.
        drop(self.reply.send(answer));
    }

    /// Answers that the store failed, whatever the last run gave.
    pub(crate) fn fail(self, error: StoreError) {
        drop(self.reply.send(Err(error)));
    }
}
