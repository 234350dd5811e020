//! How often the issuers of one account are asked, whatever the account registers and whoever sends tokens.
//!
//! Keys that have grown old and keys that a token asks for by an unknown id are counted apart: anybody can send such
//! tokens, and must not use up what keeps the account's providers going.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::source::Wanted;

/// Attempts that may be made at once: an account's 100 providers after a start.
const BURST: i64 = 100;
/// One attempt comes back in this time. 100 providers are asked anew every ten minutes.
const SECONDS_FOR_ONE: i64 = 3;
/// Attempts of one account at a time.
const AT_A_TIME: usize = 4;
/// Accounts remembered beyond those that still owe attempts.
const MOST_IDLE: usize = 1000;

/// What each account may still ask.
#[derive(Default)]
pub(crate) struct Allowances(Mutex<HashMap<(String, Wanted), Arc<Allowance>>>);

/// What one account may still ask for one reason.
pub(crate) struct Allowance {
    /// The moment at which everything that was used has come back.
    whole_again: Mutex<i64>,
    slots: Arc<Semaphore>,
}

impl Allowances {
    pub(crate) fn of(&self, account: &str, wanted: Wanted, now: Timestamp) -> Arc<Allowance> {
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if accounts.len() >= MOST_IDLE {
            let is_needed =
                |own: &Arc<Allowance>| Arc::strong_count(own) > 1 || *own.whole_again() > now.as_second();
            accounts.retain(|_, own| is_needed(own));
        }
        Arc::clone(accounts.entry((account.to_owned(), wanted)).or_default())
    }
}

impl Default for Allowance {
    fn default() -> Self {
        Self { whole_again: Mutex::new(i64::MIN), slots: Arc::new(Semaphore::new(AT_A_TIME)) }
    }
}

impl Allowance {
    fn whole_again(&self) -> MutexGuard<'_, i64> {
        self.whole_again.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A slot for one attempt; waits for those before it, each of which is short.
    pub(crate) async fn slot(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.slots).acquire_owned().await.ok()
    }

    /// Takes one attempt of those that the account has; false if it has none.
    pub(crate) fn charge(&self, now: Timestamp) -> bool {
        let now = now.as_second();
        let mut whole_again = self.whole_again();
        let then = (*whole_again).max(now).saturating_add(SECONDS_FOR_ONE);
        let may = then.saturating_sub(now) <= BURST * SECONDS_FOR_ONE;
        if may {
            *whole_again = then;
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_a_burst_and_then_a_rate() {
        let allowances = Allowances::default();
        let at = |second| Timestamp::from_second(1_800_000_000 + second).unwrap();
        let of = |account, wanted| allowances.of(account, wanted, at(0));
        let own = of("111122223333", Wanted::Fresh);
        for _ in 0..BURST {
            assert!(own.charge(at(0)));
        }
        assert!(!own.charge(at(0)));
        assert!(own.charge(at(SECONDS_FOR_ONE)));
        assert!(!own.charge(at(SECONDS_FOR_ONE)));
        assert!(!of("111122223333", Wanted::Fresh).charge(at(0)), "the same one");
        assert!(of("111122223333", Wanted::Newer).charge(at(0)), "another reason");
        assert!(of("444455556666", Wanted::Fresh).charge(at(0)), "another account");
    }

    #[tokio::test]
    async fn attempts_at_a_time_are_bounded() {
        let own = Allowance::default();
        let mut held = Vec::new();
        for _ in 0..AT_A_TIME {
            held.push(own.slot().await.unwrap());
        }
        let soon = std::time::Duration::from_millis(20);
        assert!(tokio::time::timeout(soon, own.slot()).await.is_err());
        held.pop();
        assert!(own.slot().await.is_some());
    }
}
