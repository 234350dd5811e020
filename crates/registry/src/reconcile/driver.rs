//! Runs the reconcilers: each when it is due or when a run is requested, and on one node at a time.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use access::Access;
use access::error::{Error, Internal, Result};
use access::reconcilers::{Ended, unknown};
use access::store::{Micros, ReconcilerState};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use trace::{Run, Tracer};

use super::{LEASE, Pass, RETRY, Reconciler, all, of_registries};
use crate::Registry;
use crate::replication::ReplicateToPeers;

/// How often the driver looks whether a run was asked for at another node.
const LOOK: Duration = Duration::from_secs(5);
/// The longest rest between two passes while work is left.
const LONGEST_REST: Duration = Duration::from_secs(5);
/// Events that are written within this time are delivered by one pass.
const TOGETHER: Duration = Duration::from_millis(100);
/// The longest text of an error that is kept, in characters.
const LONGEST_ERROR: usize = 1_000;

/// Runs the reconcilers of one node.
pub struct Driver {
    access: Arc<Access>,
    reconcilers: Vec<Box<dyn Reconciler>>,
    wakes: Wakes,
    /// The node, in the rows of what it runs.
    holder: String,
    /// How long the node may be silent in a pass; it renews its lease four times in that time.
    lease: Duration,
    tracer: Tracer,
}

/// What wakes a driver before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wakes {
    /// A requested run.
    Requests,
    /// Events: its reconciler is then due.
    Events,
    /// Nothing: it looks often.
    Nothing,
}

impl Driver {
    /// The driver of a node.
    pub fn new(registry: &Arc<Registry>) -> Self {
        Self::of(Arc::clone(&registry.access), all(registry))
    }

    /// The driver of the work on the registries of another database.
    pub fn of_database(registry: &Arc<Registry>) -> Self {
        Self::of(Arc::clone(&registry.access), of_registries(registry))
    }

    /// The driver of the delivery of events. It runs beside the others: a slow target delays only events.
    pub fn of_events(access: Arc<Access>, delivery: Box<dyn Reconciler>) -> Self {
        Self { wakes: Wakes::Events, ..Self::of(access, vec![delivery]) }
    }

    /// The driver of the replication to peers. It runs beside the others: a slow peer delays only replication.
    pub fn of_peers(registry: &Arc<Registry>) -> Self {
        let replication = Box::new(ReplicateToPeers(Arc::clone(registry)));
        Self { wakes: Wakes::Nothing, ..Self::of(Arc::clone(&registry.access), vec![replication]) }
    }

    fn of(access: Arc<Access>, reconcilers: Vec<Box<dyn Reconciler>>) -> Self {
        // The only node of a store takes over its own lease after a crash.
        let holder = if access.is_alone() { "alone".to_owned() } else { uuid::Uuid::new_v4().to_string() };
        let tracer = Tracer::default();
        Self { access, reconcilers, wakes: Wakes::Requests, holder, lease: LEASE, tracer }
    }

    /// Traces the runs that do something.
    #[must_use]
    pub fn traced(self, tracer: Tracer) -> Self {
        Self { tracer, ..self }
    }

    /// Runs them until it is dropped. A pass consists of whole transactions, so that it may be dropped at any time.
    ///
    /// The future is on the heap, so all that it runs is compiled with this crate.
    pub fn run(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.rounds())
    }

    async fn rounds(&self) {
        // A start is a reason to look: the node that ran before may have stopped in the middle.
        for reconciler in &self.reconcilers {
            if let Err(error) = self.access.request_reconciler(reconciler.name(), Timestamp::now()).await {
                tracing::error!(%error, reconciler = reconciler.name(), "a run could not be asked for");
            }
        }
        let mut is_woken = false;
        loop {
            let rest = match self.round(is_woken).await {
                Ok(rest) => rest,
                Err(error) => {
                    let cause = error.internal.as_ref().map(Internal::chain);
                    tracing::error!(%error, cause, "the state of the reconcilers cannot be read or written");
                    RETRY
                }
            };
            is_woken = tokio::select! {
                () = tokio::time::sleep(rest) => false,
                () = self.woken() => self.wakes == Wakes::Events,
            };
            if is_woken {
                tokio::time::sleep(TOGETHER).await;
            }
        }
    }

    async fn woken(&self) {
        match self.wakes {
            Wakes::Requests => self.access.reconcilers_woken().await,
            Wakes::Events => self.access.events_written().await,
            Wakes::Nothing => std::future::pending().await,
        }
    }

    /// One pass of each reconciler that is due, or of each one if work came. Returns how long the driver may rest.
    async fn round(&self, is_woken: bool) -> Result<Duration> {
        let states = self.access.reconcilers().await?;
        let mut rest = LOOK;
        for reconciler in &self.reconcilers {
            let state = states.iter().find(|state| state.name == reconciler.name());
            let next = match state {
                // While another node runs it, its time is past already: this node looks again when the lease ends.
                Some(state) if !self.is_due(state, is_woken, Timestamp::now()) => {
                    state.next_run_at.max(state.lease_until)
                }
                _ => self.run_one(reconciler.as_ref(), is_woken).await?,
            };
            rest = rest.min(until(next, Timestamp::now()));
        }
        Ok(rest)
    }

    fn is_due(&self, state: &ReconcilerState, is_woken: bool, now: Timestamp) -> bool {
        let now = access::context::micros(now);
        let is_free = state.lease_until <= now || state.holder == self.holder;
        is_free && (is_woken || state.next_run_at <= now || state.requested_at > Micros(0))
    }

    async fn run_one(&self, reconciler: &dyn Reconciler, is_woken: bool) -> Result<Micros> {
        let (name, now) = (reconciler.name(), Timestamp::now());
        let times = (now, later(now, self.lease));
        if !self.access.claim_reconciler(name, &self.holder, is_woken, times).await? {
            return Ok(access::context::micros(later(now, LOOK)));
        }
        let (began, run) = (Instant::now(), self.tracer.run(name));
        let outcome = self.pass(reconciler, now, &run).await;
        let took = began.elapsed();
        send(run, &outcome);
        if let Ok(Pass { done, .. }) = outcome
            && done > 0
        {
            tracing::debug!(reconciler = name, done, took_ms = took.as_millis(), "reconciled");
        }
        let now = Timestamp::now();
        let ended = ended(reconciler, outcome, now, took);
        let next = access::context::micros(ended.next_run_at);
        self.access.finish_reconciler(name, &self.holder, now, ended).await?;
        Ok(next)
    }

    /// One pass, with its lease renewed while it takes long.
    async fn pass(&self, reconciler: &dyn Reconciler, now: Timestamp, run: &Run) -> Result<Pass> {
        let name = reconciler.name();
        // A pass that panics fails; the driver goes on with the others.
        let steps = trace::within(run.request(), reconciler.pass(now));
        let mut pass = pin!(AssertUnwindSafe(steps).catch_unwind());
        loop {
            if let Ok(outcome) = tokio::time::timeout(self.lease / 4, pass.as_mut()).await {
                return outcome.unwrap_or_else(|_| Err(Error::internal(Panicked)));
            }
            let until = later(Timestamp::now(), self.lease);
            match self.access.renew_reconciler(name, &self.holder, until).await {
                Ok(true) => {}
                // The other node does the rest. A pass may be dropped at any time.
                Ok(false) => return Ok(Pass { done: 0, has_more: true }),
                Err(error) => {
                    let cause = error.internal.as_ref().map(Internal::chain);
                    tracing::warn!(reconciler = name, %error, cause, "the lease could not be renewed");
                }
            }
        }
    }

    /// Runs passes of one reconciler until no work is left, even if it is not due. For a store that no server has opened.
    pub async fn run_now(&self, name: &str) -> Result<usize> {
        let found = self.reconcilers.iter().find(|known| known.name() == name);
        let reconciler = found.ok_or_else(|| unknown(name))?;
        let mut all = 0;
        loop {
            let pass = reconciler.pass(Timestamp::now()).await?;
            all += pass.done;
            if !pass.has_more {
                return Ok(all);
            }
        }
    }
}

/// Sends the trace of a pass that did something or failed. The text of an error may be of another server: it is not sent.
fn send(run: Run, outcome: &Result<Pass>) {
    match outcome {
        Ok(Pass { done: 0, .. }) => {}
        Ok(Pass { done, has_more }) => run.send(|root| {
            root.number("wharf.done", u64::try_from(*done).unwrap_or(u64::MAX));
            root.flag("wharf.has_more", *has_more);
        }),
        Err(_) => run.send(trace::Open::fail),
    }
}

/// After a pass that left work, the driver rests for as long as the pass took, unless the pass rested itself: requests
/// have half of the time.
fn ended(reconciler: &dyn Reconciler, outcome: Result<Pass>, now: Timestamp, took: Duration) -> Ended {
    match outcome {
        Ok(Pass { done, has_more: true }) => {
            let rest = if reconciler.rests_in_passes() { Duration::ZERO } else { took.min(LONGEST_REST) };
            Ended { next_run_at: later(now, rest), done, has_more: true, error: None }
        }
        Ok(Pass { done, has_more: false }) => Ended {
            next_run_at: later(now, jittered(reconciler.interval(), now)),
            done,
            has_more: false,
            error: None,
        },
        Err(error) => {
            let cause = error.internal.as_ref().map(Internal::chain);
            tracing::error!(reconciler = reconciler.name(), %error, cause, "a pass failed; it is tried again");
            let text =
                cause.unwrap_or_else(|| error.message.to_string()).chars().take(LONGEST_ERROR).collect();
            Ended { next_run_at: later(now, RETRY), done: 0, has_more: true, error: Some(text) }
        }
    }
}

/// Up to a tenth more, so that the reconcilers of many nodes do not meet at the same moment again and again.
fn jittered(interval: Duration, now: Timestamp) -> Duration {
    interval + interval / 10 * u32::from(now.subsec_nanosecond().unsigned_abs().to_le_bytes()[0]) / 255
}

fn later(now: Timestamp, span: Duration) -> Timestamp {
    let span = SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX);
    now.saturating_add(span).unwrap_or(Timestamp::MAX)
}

fn until(at: Micros, now: Timestamp) -> Duration {
    let micros = at.0.saturating_sub(access::context::micros(now).0);
    u64::try_from(micros).map_or(Duration::ZERO, Duration::from_micros)
}

#[derive(Debug, thiserror::Error)]
#[error("the pass panicked")]
struct Panicked;

#[cfg(test)]
mod tests;
