//! Places for work that takes long: with upstream registries, which can answer slowly, and hashes of passwords. All
//! accounts share the places. One account takes only some of them, and half of them are for accounts that have none: a
//! few busy accounts hold up only themselves. The databases of a node share them, too: work of a database that hangs keeps
//! its places, so each database has some that no other one takes.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws::ids::AccountId;
use tokio::sync::oneshot;

/// How many of one account wait for a place. More are refused.
const MOST_WAITING: usize = 64;

/// A number of places, as one database has them.
pub struct Slots {
    shared: Arc<Shared>,
    database: usize,
}

/// A place. It is free again when this is dropped.
pub struct Slot {
    shared: Arc<Shared>,
    holder: Holder,
}

/// Who has a place or waits for one: an account in a database.
type Holder = (usize, AccountId);

struct Shared {
    all: usize,
    of_each: usize,
    state: Mutex<State>,
}

struct State {
    /// How many places each database has.
    databases: Vec<usize>,
    /// The accounts that have a place or wait for one.
    accounts: HashMap<Holder, Account>,
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
        let state = State { databases: vec![0], accounts: HashMap::new() };
        Self { shared: Arc::new(Shared { all, of_each, state: Mutex::new(state) }), database: 0 }
    }

    /// The same places for one more database.
    #[must_use]
    pub fn beside(&self) -> Self {
        let database = {
            let databases = &mut self.shared.lock().databases;
            databases.push(0);
            databases.len() - 1
        };
        Self { shared: Arc::clone(&self.shared), database }
    }

    /// Waits for a place. None: too many of the account wait already.
    pub async fn take(&self, account: &AccountId) -> Option<Slot> {
        let holder = (self.database, account.clone());
        let place = {
            let mut state = self.shared.lock();
            if self.shared.take_now(&mut state, &holder) {
                return Some(self.shared.slot(holder));
            }
            let waiting = &mut state.accounts.entry(holder).or_default().waiting;
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
        let holder = (self.database, account.clone());
        let is_taken = self.shared.take_now(&mut self.shared.lock(), &holder);
        is_taken.then(|| self.shared.slot(holder))
    }
}

/// What a database may take.
struct Room {
    /// Whether there is a place for it.
    has_any: bool,
    /// The free places, also those that are for other databases alone.
    free: usize,
    /// What is left of the places that are for this database alone.
    own: usize,
    /// The places that are for each database alone.
    of_each: usize,
}

impl State {
    /// Half of the places are divided among the databases, at least one for each. Each takes of the rest what is free.
    fn room(&self, all: usize, database: usize) -> Room {
        let of_each = match self.databases.len() {
            0 | 1 => 0,
            databases => (all / 2 / databases).max(1),
        };
        let left = |taken: usize| of_each.saturating_sub(taken);
        let free = all.saturating_sub(self.databases.iter().sum());
        let others = self.databases.iter().enumerate().filter(|(other, _)| *other != database);
        let reserved: usize = others.map(|(_, taken)| left(*taken)).sum();
        let own = left(self.databases.get(database).copied().unwrap_or_default()).min(free);
        Room { has_any: own > 0 || free > reserved, free, own, of_each }
    }

    fn count(&mut self, database: usize, change: impl Fn(usize) -> usize) {
        if let Some(taken) = self.databases.get_mut(database) {
            *taken = change(*taken);
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot(self: &Arc<Self>, holder: Holder) -> Slot {
        Slot { shared: Arc::clone(self), holder }
    }

    /// Whether an account with so many places may take another one.
    fn may_take(&self, of_account: usize, room: &Room) -> bool {
        let is_for_more = || room.free > self.all / 2 || room.own > room.of_each / 2;
        room.has_any && (of_account == 0 || of_account < self.of_each && is_for_more())
    }

    fn take_now(&self, state: &mut State, holder: &Holder) -> bool {
        let held = state.accounts.get(holder).map_or(0, |account| account.taken);
        if !self.may_take(held, &state.room(self.all, holder.0)) {
            return false;
        }
        state.count(holder.0, |taken| taken + 1);
        state.accounts.entry(holder.clone()).or_default().taken += 1;
        true
    }

    /// Takes a place for who is next: of the accounts that may take one, the one with the fewest.
    fn next(&self, state: &mut State) -> Option<(Holder, oneshot::Sender<Slot>)> {
        for account in state.accounts.values_mut() {
            account.waiting.retain(|waits| !waits.is_closed());
        }
        state.accounts.retain(|_, account| account.taken > 0 || !account.waiting.is_empty());
        let rooms: Vec<Room> = (0..state.databases.len()).map(|at| state.room(self.all, at)).collect();
        let may_take = |(database, _): &Holder, account: &Account| {
            let room = rooms.get(*database);
            !account.waiting.is_empty() && room.is_some_and(|room| self.may_take(account.taken, room))
        };
        let waiting = state.accounts.iter_mut().filter(|(holder, account)| may_take(holder, account));
        let (holder, account) = waiting.min_by_key(|(_, account)| account.taken)?;
        let (holder, waits) = (holder.clone(), account.waiting.pop_front()?);
        account.taken += 1;
        state.count(holder.0, |taken| taken + 1);
        Some((holder, waits))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let next = {
            let mut state = self.shared.lock();
            state.count(self.holder.0, |taken| taken.saturating_sub(1));
            if let Some(account) = state.accounts.get_mut(&self.holder) {
                account.taken = account.taken.saturating_sub(1);
            }
            self.shared.next(&mut state)
        };
        if let Some((holder, waits)) = next {
            // Who has stopped to wait in this moment drops the place, which gives it to the next one.
            let _ = waits.send(self.shared.slot(holder));
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

    #[test]
    fn a_database_that_keeps_its_slots_leaves_room_for_the_others() {
        let here = Slots::new(40, 12);
        let (hangs, there) = (here.beside(), here.beside());
        let hung: Vec<_> = (100..200).filter_map(|number| hangs.try_take(&account(number))).collect();
        assert_eq!(hung.len(), 28, "six are for each of the others");
        let busy: Vec<_> = std::iter::from_fn(|| here.try_take(&account(1))).collect();
        assert_eq!(busy.len(), 3, "half of them are for accounts that have none");
        let more: Vec<_> = (2..10).filter_map(|number| here.try_take(&account(number))).collect();
        assert_eq!((busy.len() + more.len(), there.try_take(&account(11)).is_some()), (6, true));
        // An account is another one in another database.
        drop((hung, more));
        assert!(there.try_take(&account(1)).is_some());
        assert!(busy.len() == 3 && here.try_take(&account(1)).is_some());
    }

    #[tokio::test]
    async fn who_waits_gets_a_slot_of_its_database() {
        let here = Slots::new(4, 4);
        let hangs = here.beside();
        let _hung: Vec<_> = (100..200).filter_map(|number| hangs.try_take(&account(number))).collect();
        let held = here.take(&account(1)).await.unwrap();
        let (two, other) = (account(2), account(300));
        let (mut waits, mut hung) = (Box::pin(here.take(&two)), Box::pin(hangs.take(&other)));
        assert!(futures::poll!(&mut waits).is_pending() && futures::poll!(&mut hung).is_pending());
        drop(held);
        assert!(futures::poll!(&mut hung).is_pending(), "the place is not for the other database");
        assert!(waits.await.is_some());
    }
}
