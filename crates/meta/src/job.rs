//! An operation of any type, as one type: the drivers' queues, tasks and transactions are compiled once, not once for
//! each operation.

use std::{future::Future, panic::AssertUnwindSafe, pin::Pin};

use futures::FutureExt;
use tokio::sync::oneshot;

use crate::{
    Scope,
    error::StoreError,
    meta::Outcome,
    operation::{Access, Operation},
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

/// A run of a job, on the heap.
pub(crate) type Running<'a> = Pin<Box<dyn Future<Output = Ran> + Send + 'a>>;

/// An operation and the caller who waits for its outcome.
pub(crate) trait Job: Send {
    fn name(&self) -> &'static str;
    fn access(&self) -> Access;
    /// Whether it may change a store that is read-only.
    fn is_for_read_only(&self) -> bool;
    /// What its commit changes.
    fn changes(&self) -> Vec<Scope>;
    /// Runs it, perhaps again. A panic fails this job alone.
    fn run<'a>(&'a mut self, tx: &'a mut Tx<'_>) -> Running<'a>;
    /// The store's error of the last run.
    fn error(&self) -> Option<&StoreError>;
    /// Answers what the last run gave. Only after the commit.
    fn answer(self: Box<Self>);
    /// Answers that the store failed, whatever the last run gave.
    fn fail(self: Box<Self>, error: StoreError);
}

/// The caller's end of a job.
pub(crate) type Answer<O> = oneshot::Receiver<Outcome<O>>;

/// An operation as a job, and where its outcome arrives.
pub(crate) fn job<O: Operation>(operation: O) -> (Box<dyn Job>, Answer<O>) {
    let (reply, answer) = oneshot::channel();
    let outcome = Err(StoreError::Bug("a job was answered before it ran"));
    (Box::new(Waiting { operation, outcome, reply }), answer)
}

struct Waiting<O: Operation> {
    operation: O,
    outcome: Outcome<O>,
    reply: oneshot::Sender<Outcome<O>>,
}

impl<O: Operation> Job for Waiting<O> {
    fn name(&self) -> &'static str {
        O::NAME
    }

    fn access(&self) -> Access {
        O::ACCESS
    }

    fn is_for_read_only(&self) -> bool {
        O::ON_READ_ONLY
    }

    fn changes(&self) -> Vec<Scope> {
        self.operation.changes()
    }

    fn run<'a>(&'a mut self, tx: &'a mut Tx<'_>) -> Running<'a> {
        Box::pin(async move {
            // The outcome of a run before this one says nothing about a run that does not end.
            self.outcome = Err(StoreError::Bug("it awaited something other than its transaction"));
            let run = AssertUnwindSafe(self.operation.run(tx)).catch_unwind().await;
            let outcome = run.unwrap_or_else(|_| {
                tracing::error!(operation = O::NAME, "a metadata operation panicked");
                Err(StoreError::Panicked)
            });
            let ran = match &outcome {
                Ok(Ok(_)) => Ran::Done,
                Ok(Err(_)) => Ran::Refused,
                Err(_) => Ran::Failed,
            };
            self.outcome = outcome;
            ran
        })
    }

    fn error(&self) -> Option<&StoreError> {
        self.outcome.as_ref().err()
    }

    fn answer(self: Box<Self>) {
        // The caller may have gone away; the write stands all the same.
        drop(self.reply.send(self.outcome));
    }

    fn fail(self: Box<Self>, error: StoreError) {
        drop(self.reply.send(Err(error)));
    }
}
