//! Lets a test decide when each statement of a node is sent (`conformance/schedules.rs`).

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Semaphore, watch};

/// What a node does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    /// A statement runs, or the next one is being prepared.
    Work,
    /// Its next statement waits for its turn.
    Gate,
    /// It has done everything.
    End,
}

/// The turns of one node.
pub(crate) struct Turns {
    is_on: AtomicBool,
    at: watch::Sender<At>,
    given: Semaphore,
}

impl Turns {
    /// Statements wait for nothing until [`Self::begin`].
    pub(crate) fn new() -> Self {
        Self { is_on: AtomicBool::new(false), at: watch::Sender::new(At::End), given: Semaphore::new(0) }
    }

    /// From now on each statement waits for its turn.
    pub(crate) fn begin(&self) {
        self.at.send_replace(At::Work);
        self.is_on.store(true, Ordering::SeqCst);
    }

    /// Called by the node before each statement.
    pub(super) async fn next(&self) {
        if self.is_on.load(Ordering::SeqCst) {
            self.at.send_replace(At::Gate);
            self.given.acquire().await.unwrap().forget();
        }
    }

    /// Lets the node send one statement. It must be at the gate.
    pub(crate) fn give(&self) {
        self.at.send_replace(At::Work);
        self.given.add_permits(1);
    }

    /// Called when the node has done everything.
    pub(crate) fn end(&self) {
        self.is_on.store(false, Ordering::SeqCst);
        self.at.send_replace(At::End);
    }

    /// Where the node is.
    pub(crate) fn at(&self) -> At {
        *self.at.borrow()
    }

    /// Returns when the node does not work any more.
    pub(crate) async fn rests(&self) {
        drop(self.at.subscribe().wait_for(|at| *at != At::Work).await);
    }
}
