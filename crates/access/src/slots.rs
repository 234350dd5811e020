//! Places for work that takes long: with upstream registries, which can answer slowly, and hashes of passwords. All
//! accounts share the places. One account takes only some of them, and half of them are for accounts that have none: a
//! few busy accounts hold up only themselves.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws::ids::AccountId;
use tokio::sync::oneshot;

/// How many of one account wait for a place. More are refused.
const MOST_WAITING: usize = 64;

/// A number of places.
pub struct Slots {
    shared: Arc<Shared>,
}

/// A place. It is free again when this is dropped.
pub struct Slot {
    shared: Arc<Shared>,
    account: AccountId,
}

struct Shared {
    all: usize,
    of_each: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    taken: usize,
    /// The accounts that have a place or wait for one.
    accounts: HashMap<AccountId, Account>,
}

#[derive(Default)]
struct Account {
    taken: usize,
    /// First come, first served, within one account.
    waiting: VecDeque<oneshot::Sender<Slot>>,
}

impl Slots {
    /// This many places, of which one account takes at most `of_each`.
    pub fn new(all: usize, of_each: usize) -> Self {
        Self { shared: Arc::new(Shared { all, of_each, state: Mutex::default() }) }
    }

    /// Waits for a place. None: too many of the account wait already.
    pub async fn take(&self, account: &AccountId) -> Option<Slot> {
        let place = {
            let mut state = self.shared.lock();
            if self.shared.take_now(&mut state, account) {
                return Some(self.shared.slot(account));
            }
            let waiting = &mut state.accounts.entry(account.clone()).or_default().waiting;
            waiting.retain(|waits| !waits.is_closed());
            if waiting.len() >= MOST_WAITING {
                return None;
            }
            let (sender, receiver) = oneshot::channel();
            waiting.push_back(sender);
            receiver
        };
        place.await.ok()
    }

    /// A place, if there is one now.
    pub fn try_take(&self, account: &AccountId) -> Option<Slot> {
        let is_taken = self.shared.take_now(&mut self.shared.lock(), account);
        is_taken.then(|| self.shared.slot(account))
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot(self: &Arc<Self>, account: &AccountId) -> Slot {
        Slot { shared: Arc::clone(self), account: account.clone() }
    }

    /// Whether an account with so many places may take another one while so many are taken.
    fn may_take(&self, of_account: usize, taken: usize) -> bool {
        let free = self.all.saturating_sub(taken);
        match of_account {
            0 => free > 0,
            held => held < self.of_each && free > self.all / 2,
        }
    }

    fn take_now(&self, state: &mut State, account: &AccountId) -> bool {
        let held = state.accounts.get(account).map_or(0, |account| account.taken);
        if !self.may_take(held, state.taken) {
            return false;
        }
        state.taken += 1;
        state.accounts.entry(account.clone()).or_default().taken += 1;
        true
    }

    /// Takes a place for who is next: of the accounts that may take one, the one with the fewest.
    fn next(&self, state: &mut State) -> Option<(AccountId, oneshot::Sender<Slot>)> {
        for account in state.accounts.values_mut() {
            account.waiting.retain(|waits| !waits.is_closed());
        }
        state.accounts.retain(|_, account| account.taken > 0 || !account.waiting.is_empty());
        let taken = state.taken;
        let may_take = |account: &Account| !account.waiting.is_empty() && self.may_take(account.taken, taken);
        let waiting = state.accounts.iter_mut().filter(|(_, account)| may_take(account));
        let (id, account) = waiting.min_by_key(|(_, account)| account.taken)?;
        let waits = account.waiting.pop_front()?;
        account.taken += 1;
        state.taken += 1;
        Some((id.clone(), waits))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let next = {
            let mut state = self.shared.lock();
            state.taken = state.taken.saturating_sub(1);
            if let Some(account) = state.accounts.get_mut(&self.account) {
                account.taken = account.taken.saturating_sub(1);
            }
            self.shared.next(&mut state)
        };
        if let Some((account, waits)) = next {
            // Who has stopped to wait in this moment drops the place, which gives it to the next one.
            let _ = waits.send(self.shared.slot(&account));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn account(number: usize) -> AccountId {
        format!("{number:012}").parse().unwrap()
    }

    #[tokio::test]
    async fn one_account_never_takes_all_slots() {
        let slots = Slots::new(3, 2);
        let (a, b) = (account(1), account(2));
        let held = [slots.take(&a).await.unwrap(), slots.take(&a).await.unwrap()];
        assert!(slots.try_take(&a).is_none(), "one is left for others");
        let other = slots.try_take(&b).unwrap();
        assert!(slots.try_take(&b).is_none(), "none is left");
        drop(held);
        drop(other);
        assert!(slots.try_take(&a).is_some() && slots.try_take(&b).is_some());
    }

    #[test]
    fn a_few_accounts_never_take_all_slots() {
        let slots = Slots::new(40, 12);
        let mut held = Vec::new();
        for number in 0..4 {
            held.extend(std::iter::from_fn(|| slots.try_take(&account(number))));
        }
        assert!((20..=24).contains(&held.len()), "{}", held.len());
        let others: Vec<_> = (10..26).map(|number| slots.try_take(&account(number)).unwrap()).collect();
        assert_eq!(others.len(), 16, "each of the others has one");
    }

    #[tokio::test]
    async fn a_free_slot_goes_to_the_account_with_the_fewest() {
        let slots = Arc::new(Slots::new(2, 2));
        let (busy, other) = (account(1), account(2));
        let mut held = vec![slots.take(&busy).await.unwrap(), slots.take(&other).await.unwrap()];
        let waits = |account: AccountId| {
            let slots = Arc::clone(&slots);
            tokio::spawn(async move { slots.take(&account).await.unwrap() })
        };
        let (again, third) = (waits(busy), waits(account(3)));
        while slots.shared.lock().accounts.values().map(|account| account.waiting.len()).sum::<usize>() < 2 {
            tokio::task::yield_now().await;
        }
        drop(held.pop());
        let third = tokio::time::timeout(Duration::from_secs(5), third).await.unwrap().unwrap();
        assert!(!again.is_finished(), "it has one already");
        drop((held, third));
        tokio::time::timeout(Duration::from_secs(5), again).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_limited_number_of_one_account_waits() {
        let (slots, one, other) = (Slots::new(1, 1), account(1), account(2));
        let held = slots.take(&one).await.unwrap();
        let mut waiting: Vec<_> = (0..=MOST_WAITING).map(|_| Box::pin(slots.take(&one))).collect();
        let last = waiting.pop().unwrap();
        for waits in &mut waiting {
            assert!(futures::poll!(waits).is_pending());
        }
        assert!(last.await.is_none());
        let mut other = Box::pin(slots.take(&other));
        assert!(futures::poll!(&mut other).is_pending(), "other accounts can wait");
        // Who stops to wait makes room.
        waiting.pop();
        assert!(futures::poll!(Box::pin(slots.take(&one))).is_pending());
        drop((waiting, held));
        assert!(other.await.is_some());
    }

    #[tokio::test]
    async fn who_stops_to_wait_takes_no_slot() {
        let slots = Slots::new(1, 1);
        let held = slots.take(&account(1)).await.unwrap();
        for number in 2..50 {
            let account = account(number);
            let waits = slots.take(&account);
            assert!(tokio::time::timeout(Duration::from_millis(1), waits).await.is_err());
        }
        drop(held);
        assert!(slots.try_take(&account(99)).is_some());
        assert_eq!(slots.shared.lock().accounts.len(), 0, "nothing is left");
    }
}
