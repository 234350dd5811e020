//! Whether the server is there. A server that goes away is waited for once, for as long as a failover may take, and not
//! again by each operation: afterwards operations fail at once, and one in a second tries it.

use std::{
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use crate::error::StoreError;

/// The time between two operations that try a server that is away. One may wait long for an answer that never comes, so the
/// next one does not wait for its end.
const TRIAL: Duration = Duration::from_secs(1);
/// Most operations that wait for one of several databases. A node has 2,048 connections of clients, unless it is told
/// otherwise, so most of them stay free for the other databases.
const WAITING: usize = 256;
/// A server that answers nothing for so long, to so many, is taken for away by those who come then.
const SILENCE: Duration = Duration::from_secs(5);
/// So many statements without an answer, and none with one, are more than slow.
const UNANSWERED: usize = 3;

/// One for all handles of a database.
pub(super) struct Breaker {
    /// How long a server is waited for.
    patience: Duration,
    /// The name of the database, if there are several.
    name: OnceLock<Arc<str>>,
    state: Mutex<State>,
}

struct State {
    /// Operations that run or wait.
    running: usize,
    /// When the server answered last, or an operation came after a time without any.
    reached: Instant,
    /// Statements that had no answer in time since then.
    unanswered: usize,
    away: Option<Away>,
}

#[derive(Clone, Copy)]
struct Away {
    /// When waiting ends.
    until: Instant,
    /// When the next operation may try it, after that.
    trial: Instant,
    /// Whether an operation found it away when waiting had ended.
    is_told: bool,
}

/// An operation that runs, or waits for the server.
pub(super) struct Entered {
    breaker: Arc<Breaker>,
}

impl Breaker {
    pub(super) fn new(patience: Duration) -> Self {
        let state = State { running: 0, reached: Instant::now(), unanswered: 0, away: None };
        Self { patience, name: OnceLock::new(), state: Mutex::new(state) }
    }

    /// The database has this name among several. From now on few operations wait for it.
    pub(super) fn is_one_of_several(&self, name: &str) {
        // It never gets another one.
        drop(self.name.set(name.into()));
    }

    /// Lets an operation run, unless the server is away for longer than it is waited for.
    pub(super) fn enter(self: &Arc<Self>) -> Result<Entered, StoreError> {
        let mut state = self.lock();
        let now = Instant::now();
        if state.running == 0 {
            state.reached = now;
        }
        let is_full = self.name.get().is_some() && state.running >= WAITING;
        let is_silent = now.duration_since(state.reached) >= SILENCE;
        if is_full && (is_silent || state.away.is_some()) {
            return Err(StoreError::Away);
        }
        if let Some(away) = state.away.as_mut().filter(|away| now >= away.until) {
            if now < away.trial {
                return Err(StoreError::Away);
            }
            away.trial = now + TRIAL;
        }
        state.running += 1;
        Ok(Entered { breaker: Arc::clone(self) })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn database(&self) -> Option<&str> {
        self.name.get().map(|name| &**name)
    }
}

impl Entered {
    /// The server answered.
    pub(super) fn reached(&self) {
        let mut state = self.breaker.lock();
        state.reached = Instant::now();
        state.unanswered = 0;
        if state.away.take().is_some_and(|away| away.is_told) {
            tracing::info!(database = self.breaker.database(), "PostgreSQL is back");
        }
    }

    /// The server cannot be used. Until when it is waited for.
    pub(super) fn lost(&self) -> Option<Instant> {
        let now = Instant::now();
        self.waits(now, now + self.breaker.patience)
    }

    /// A statement had no answer since this moment. If several had none, and no other one had, the server is away.
    pub(super) fn unanswered(&self, since: Instant) {
        let mut state = self.breaker.lock();
        if state.reached > since {
            return;
        }
        state.unanswered += 1;
        let is_away = state.unanswered >= UNANSWERED;
        drop(state);
        if is_away {
            let now = Instant::now();
            self.waits(now, now);
        }
    }

    fn waits(&self, now: Instant, until: Instant) -> Option<Instant> {
        let mut state = self.breaker.lock();
        let away = state.away.get_or_insert(Away { until, trial: until, is_told: false });
        if until < away.until {
            (away.until, away.trial) = (until, until);
        }
        let waits = Some(away.until).filter(|until| now < *until);
        if waits.is_none() && !std::mem::replace(&mut away.is_told, true) {
            tracing::error!(
                database = self.breaker.database(),
                "PostgreSQL is away: operations fail at once until it is back"
            );
        }
        waits
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut state = self.breaker.lock();
        state.running -= 1;
        if state.running == 0 {
            // All callers went away before waiting ended: nobody knows whether the server is still away.
            state.away.take_if(|away| !away.is_told);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker(patience: Duration) -> Arc<Breaker> {
        Arc::new(Breaker::new(patience))
    }

    #[test]
    fn one_operation_in_a_second_tries_a_server_that_is_away() {
        let breaker = breaker(Duration::ZERO);
        assert!(breaker.enter().unwrap().lost().is_none(), "nobody waits any more");
        let trial = breaker.enter().unwrap();
        assert!(matches!(breaker.enter(), Err(StoreError::Away)), "one tries it");
        assert!(trial.lost().is_none());
        assert!(matches!(breaker.enter(), Err(StoreError::Away)), "the next one tries it later");
        // The first one may still wait for an answer.
        breaker.lock().away.as_mut().unwrap().trial = Instant::now();
        breaker.enter().unwrap().reached();
        let all: Vec<_> = (0..3).map(|_| breaker.enter().unwrap()).collect();
        drop((all, trial));
        assert_eq!(breaker.lock().running, 0);
    }

    #[test]
    fn a_server_is_not_away_that_nobody_waited_for() {
        let breaker = breaker(Duration::from_mins(1));
        let (left, other) = (breaker.enter().unwrap(), breaker.enter().unwrap());
        assert!(left.lost().is_some());
        drop(left);
        assert!(breaker.lock().away.is_some(), "another one runs, and will see");
        drop(other);
        assert!(breaker.lock().away.is_none());
    }

    #[test]
    fn few_operations_wait_for_one_of_several_databases() {
        let alone = breaker(Duration::from_mins(1));
        let several = breaker(Duration::from_mins(1));
        several.is_one_of_several("east");
        for (breaker, is_bounded) in [(alone, false), (several, true)] {
            let mut running: Vec<_> = (0..2 * WAITING).map(|_| breaker.enter().unwrap()).collect();
            assert!(running[0].lost().is_some(), "it is waited for");
            assert_eq!(breaker.enter().is_err(), is_bounded);
            running.truncate(WAITING - 1);
            let last = breaker.enter().unwrap();
            assert_eq!(breaker.enter().is_err(), is_bounded);
            // It answers nothing, and nobody knows why.
            last.reached();
            assert!(breaker.enter().is_ok());
            breaker.lock().reached -= SILENCE;
            assert_eq!(breaker.enter().is_err(), is_bounded);
        }
    }

    #[test]
    fn a_slow_statement_is_no_sign_of_a_server_that_is_away() {
        let breaker = breaker(Duration::from_mins(1));
        let since = Instant::now();
        let slow = breaker.enter().unwrap();
        breaker.enter().unwrap().reached();
        for _ in 0..UNANSWERED {
            slow.unanswered(since);
        }
        assert!(breaker.lock().away.is_none(), "another one had an answer");
        for at in 1..=UNANSWERED {
            assert!(breaker.lock().away.is_none(), "few are no sign either");
            slow.unanswered(Instant::now());
            assert_eq!(breaker.lock().away.is_some(), at == UNANSWERED);
        }
        assert!(breaker.enter().is_ok(), "one tries it");
        assert!(matches!(breaker.enter(), Err(StoreError::Away)));
    }
}
