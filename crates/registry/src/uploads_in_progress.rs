//! One request at a time for each upload session on this node.
//!
//! A client that lost its connection retries while the stalled request may still wait for bytes. The newer request takes
//! over: it stops the older one and waits for its end. Only then is the session's row read, so no request appends at an
//! old offset.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, OwnedMutexGuard};

#[derive(Default)]
struct Session {
    turn: Arc<tokio::sync::Mutex<()>>,
    /// Stops the request that has the turn. Each turn has its own, so a signal that one request did not receive does not
    /// stop the next one.
    stop: Option<Arc<Notify>>,
    claims: usize,
}

type Sessions = Arc<Mutex<HashMap<String, Session>>>;

fn lock(sessions: &Sessions) -> MutexGuard<'_, HashMap<String, Session>> {
    // No code that can panic runs under this lock.
    sessions.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The upload sessions that requests of this node are writing to.
#[derive(Default)]
pub(crate) struct UploadsInProgress {
    sessions: Sessions,
}

/// A claim on a session. It is released when dropped, also if the client of a waiting request disconnects.
struct Claim {
    id: String,
    sessions: Sessions,
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut sessions = lock(&self.sessions);
        let Some(session) = sessions.get_mut(&self.id) else { return };
        session.claims -= 1;
        if session.claims == 0 {
            sessions.remove(&self.id);
        }
    }
}

/// The right to write to one upload session.
pub(crate) struct Turn {
    /// Released before the guard: the next request with the turn must not count this claim as a newer request.
    _claim: Claim,
    _guard: OwnedMutexGuard<()>,
    stop: Arc<Notify>,
}

impl Turn {
    /// Resolves when a newer request wants the session.
    pub(crate) async fn superseded(&self) {
        self.stop.notified().await;
    }
}

impl UploadsInProgress {
    /// Takes the turn on a session if no request has it or waits for it. It stops no request.
    pub(crate) fn take_free(&self, id: &str) -> Option<Turn> {
        let mut sessions = lock(&self.sessions);
        if sessions.contains_key(id) {
            return None;
        }
        let stop = Arc::new(Notify::new());
        let turn = Arc::default();
        let guard = tokio::sync::Mutex::try_lock_owned(Arc::clone(&turn)).ok()?;
        let session = Session { turn, stop: Some(Arc::clone(&stop)), claims: 1 };
        sessions.insert(id.to_owned(), session);
        let claim = Claim { id: id.to_owned(), sessions: Arc::clone(&self.sessions) };
        Some(Turn { _claim: claim, _guard: guard, stop })
    }

    /// Takes the turn on a session, from another request if one has it.
    pub(crate) async fn take(&self, id: &str) -> Turn {
        let (claim, turn) = {
            let mut sessions = lock(&self.sessions);
            let session = sessions.entry(id.to_owned()).or_default();
            session.claims += 1;
            if let Some(stop) = &session.stop {
                stop.notify_one();
            }
            let claim = Claim { id: id.to_owned(), sessions: Arc::clone(&self.sessions) };
            (claim, Arc::clone(&session.turn))
        };
        let guard = turn.lock_owned().await;
        let stop = Arc::new(Notify::new());
        if let Some(session) = lock(&self.sessions).get_mut(id) {
            if session.claims > 1 {
                // A newer request waits already.
                stop.notify_one();
            }
            session.stop = Some(Arc::clone(&stop));
        }
        Turn { _claim: claim, _guard: guard, stop }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_newer_request_stops_the_older_and_waits_for_it() {
        let uploads = Arc::new(UploadsInProgress::default());
        let first = uploads.take("a").await;
        let newer = tokio::spawn({
            let uploads = Arc::clone(&uploads);
            async move { uploads.take("a").await.superseded().await }
        });
        first.superseded().await;
        assert!(!newer.is_finished());
        drop(first);
        newer.abort();
        assert!(newer.await.is_err());
        assert!(lock(&uploads.sessions).is_empty());
    }

    #[tokio::test]
    async fn a_stop_that_nobody_heard_does_not_stop_the_next_request() {
        let uploads = Arc::new(UploadsInProgress::default());
        let first = uploads.take("a").await;
        let next = tokio::spawn({
            let uploads = Arc::clone(&uploads);
            async move { uploads.take("a").await }
        });
        while lock(&uploads.sessions).get("a").is_none_or(|session| session.claims < 2) {
            tokio::task::yield_now().await;
        }
        drop(first);
        let next = next.await.unwrap();
        let stopped = tokio::time::timeout(std::time::Duration::from_millis(20), next.superseded()).await;
        assert!(stopped.is_err(), "nobody newer wants the session");
    }

    #[tokio::test]
    async fn a_turn_that_is_taken_is_not_free() {
        let uploads = UploadsInProgress::default();
        let first = uploads.take_free("a").unwrap();
        assert!(uploads.take_free("a").is_none());
        let nobody = tokio::time::timeout(std::time::Duration::from_millis(20), first.superseded()).await;
        assert!(nobody.is_err(), "who asks for a free turn stops nobody");
        drop(first);
        drop(uploads.take_free("a").unwrap());
        assert!(lock(&uploads.sessions).is_empty());
    }

    #[tokio::test]
    async fn sessions_do_not_wait_for_each_other() {
        let uploads = UploadsInProgress::default();
        let _first = uploads.take("a").await;
        drop(uploads.take("b").await);
        assert_eq!(lock(&uploads.sessions).len(), 1);
    }

    #[tokio::test]
    async fn a_request_that_goes_away_while_it_waits_gives_its_claim_back() {
        let uploads = UploadsInProgress::default();
        let first = uploads.take("a").await;
        let waiting = tokio::time::timeout(std::time::Duration::ZERO, uploads.take("a")).await;
        assert!(waiting.is_err());
        drop(first);
        assert!(lock(&uploads.sessions).is_empty());
    }
}
