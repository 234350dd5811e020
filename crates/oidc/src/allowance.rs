//! Limits how often the server fetches keys from the issuers of one account, regardless of its providers and of the
//! tokens it receives.
//!
//! Fetches for old keys and fetches for an unknown key ID are counted separately: any client can send tokens with an
//! unknown key ID, and must not use up the fetches that the account's providers need.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::source::Wanted;

/// Attempts that can be made at once: an account's 100 providers after a start.
const BURST: i64 = 100;
/// One attempt is added after this time. 100 providers are fetched again every ten minutes.
const SECONDS_FOR_ONE: i64 = 3;
/// Concurrent attempts of one account.
const AT_A_TIME: usize = 4;
/// Accounts in memory, in addition to those that have used attempts.
const MOST_IDLE: usize = 1000;

/// The remaining attempts of each account.
#[derive(Default)]
pub(crate) struct Allowances(Mutex<HashMap<(String, Wanted), Arc<Allowance>>>);

/// The remaining attempts of one account for one reason.
pub(crate) struct Allowance {
    /// The time at which all used attempts are available again.
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

    /// A permit for one attempt; it waits for the attempts before it, each of which is short.
    pub(crate) async fn slot(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.slots).acquire_owned().await.ok()
    }

    /// Takes one attempt of the account; false if it has none left.
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
    async fn concurrent_attempts_are_limited() {
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
