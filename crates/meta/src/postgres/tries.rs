//! How often an operation runs again, and how long it waits for a server that is away.

use std::time::{Duration, Instant};

use super::{
    PostgresOptions,
    breaker::Entered,
    fault::{Fault, fault},
};
use crate::error::StoreError;

/// The first and the longest pause before an operation runs again after a lost connection.
pub(super) const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// How often an operation runs again.
pub(super) struct Tries {
    entered: Entered,
    left: u32,
    patience: Duration,
    pause: Duration,
    /// When it began to run, this time.
    began: Instant,
    /// While the server is away: when to give up.
    until: Option<Instant>,
}

impl Tries {
    pub(super) fn new(options: PostgresOptions, entered: Entered) -> Self {
        let (left, began) = (options.attempts.max(1), Instant::now());
        Self { entered, left, patience: options.patience, pause: PAUSES.0, began, until: None }
    }

    /// The server answered.
    pub(super) fn reached(&mut self) {
        self.entered.reached();
        self.until = None;
        self.pause = PAUSES.0;
    }

    /// Whether it runs again after this error. Waits for a server that may come back.
    pub(super) async fn once_more(&mut self, operation: &str, error: &StoreError) -> bool {
        let fault = fault(error);
        match error {
            StoreError::TimedOut(_) => self.entered.unanswered(self.began),
            // An error with a code is an answer.
            StoreError::Postgres(error) if error.code().is_some() && fault != Some(Fault::Lost) => {
                self.entered.reached();
            }
            _ => {}
        }
        let Some(fault) = fault else { return false };
        if self.until.is_none() {
            self.left = self.left.saturating_sub(1);
        }
        if self.left == 0 {
            return false;
        }
        tracing::debug!(operation, %error, "a transaction runs again");
        match fault {
            Fault::Conflict => tokio::task::yield_now().await,
            Fault::Lost => {
                let now = Instant::now();
                let until = *self.until.get_or_insert(now + self.patience);
                let Some(waited) = self.entered.lost() else { return false };
                let left = until.min(waited).saturating_duration_since(now);
                if left.is_zero() {
                    return false;
                }
                tokio::time::sleep(self.pause.min(left)).await;
                self.pause = (self.pause * 2).min(PAUSES.1);
            }
        }
        self.began = Instant::now();
        true
    }
}
