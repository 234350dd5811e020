//! Places for work that takes long: with upstream registries, which can answer slowly, and hashes of passwords. All
//! accounts share the places, and one account never takes all of them: it holds up only itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use aws::ids::AccountId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Accounts in memory before those without work are removed.
const MOST_IDLE: usize = 256;

/// A number of places.
pub struct Slots {
    all: Arc<Semaphore>,
    of_each: usize,
    accounts: Mutex<HashMap<AccountId, Weak<Semaphore>>>,
}

/// A place. It is free again when this is dropped.
pub struct Slot {
    _of_all: OwnedSemaphorePermit,
    _of_account: OwnedSemaphorePermit,
}

impl Slots {
    /// This many places, of which one account takes at most `of_each`.
    pub fn new(all: usize, of_each: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(all)), of_each, accounts: Mutex::default() }
    }

    /// Waits for a place of the account, and then for one of all. None: the server stops.
    pub async fn take(&self, account: &AccountId) -> Option<Slot> {
        let of_account = self.of(account).acquire_owned().await.ok()?;
        let of_all = Arc::clone(&self.all).acquire_owned().await.ok()?;
        Some(Slot { _of_all: of_all, _of_account: of_account })
    }

    /// A place, if there is one now.
    pub fn try_take(&self, account: &AccountId) -> Option<Slot> {
        let of_account = self.of(account).try_acquire_owned().ok()?;
        let of_all = Arc::clone(&self.all).try_acquire_owned().ok()?;
        Some(Slot { _of_all: of_all, _of_account: of_account })
    }

    /// The places of an account. They are in memory while one is taken or waited for.
    fn of(&self, account: &AccountId) -> Arc<Semaphore> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = accounts.get(account).and_then(Weak::upgrade) {
            return known;
        }
        if accounts.len() >= MOST_IDLE {
            accounts.retain(|_, slots| slots.strong_count() > 0);
        }
        let slots = Arc::new(Semaphore::new(self.of_each));
        accounts.insert(account.clone(), Arc::downgrade(&slots));
        slots
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_account_never_takes_all_slots() {
        let slots = Slots::new(3, 2);
        let account = |id: &str| -> AccountId { id.parse().unwrap() };
        let (a, b) = (account("111111111111"), account("222222222222"));
        let held = [slots.take(&a).await.unwrap(), slots.take(&a).await.unwrap()];
        assert!(slots.try_take(&a).is_none(), "one is left for others");
        let other = slots.try_take(&b).unwrap();
        assert!(slots.try_take(&b).is_none(), "none is left");
        drop(held);
        drop(other);
        assert!(slots.try_take(&a).is_some() && slots.try_take(&b).is_some());
    }
}
