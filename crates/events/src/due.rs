//! Which targets are called next. Sinks of the operator and targets of tenants have places of their own, and the targets
//! of one account never take all places of the tenants.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use access::context::micros;
use access::effects::authority;
use access::error::Result;
use access::permit::Permit;
use access::store::{
    DeliveryTarget, ForgetTarget, ListDueTargets, ListRemovedEventTargets, RULE_TARGETS, StoreResultExt as _,
};
use jiff::Timestamp;

use crate::deliver::LOOK;
use crate::{Events, sink};

/// Sinks that are called at the same time.
const SINKS: usize = 16;
/// Targets of rules that are called at the same time.
const TARGETS: usize = 16;
/// Targets of the rules of one account that are called at the same time.
const OF_ACCOUNT: usize = 4;
/// Targets of rules that are looked at. Those of one account that are called already are among them.
const WINDOW: usize = 256;
/// Turns of accounts that are remembered. An account without one since then comes first.
const REMEMBERED: u64 = 1_024;
/// A target that is due within this time is called without waiting for the usual interval.
const SOON: Duration = Duration::from_secs(30);
/// Rows that are removed at once for a target that no longer exists.
const SLICE: usize = 500;
/// Removed targets of one pass.
const REMOVED: usize = 16;

/// The account of a target of a rule.
fn account(target: &str) -> &str {
    target.split('/').nth(1).unwrap_or_default()
}

impl Events {
    /// When a target that failed is called again, if that is soon.
    pub(crate) async fn next_in(
        &self,
        permit: &Permit<authority::DeliverEvents>,
    ) -> Result<Option<Duration>> {
        let now = Timestamp::now();
        let list = ListDueTargets { prefix: "", at: micros(now).plus(SOON), of_account: 1, limit: 1 };
        let next = permit.read(|()| list).await?.pop();
        let micros = |target: DeliveryTarget| target.retry_at.0.saturating_sub(micros(now).0);
        let pause = |target| Duration::from_micros(u64::try_from(micros(target)).unwrap_or_default());
        Ok(next.map(|target| pause(target).max(LOOK)))
    }

    /// Targets that are due and that this pass does not call already.
    pub(crate) async fn due(
        &self,
        permit: &Permit<authority::DeliverEvents>,
        called: &BTreeSet<String>,
    ) -> Result<Vec<DeliveryTarget>> {
        let at = micros(Timestamp::now());
        let is_rule = |target: &&String| target.starts_with(RULE_TARGETS);
        let rules = called.iter().filter(is_rule).count();
        let sinks = called.len() - rules;
        let list = |prefix, of_account, limit| ListDueTargets { prefix, at, of_account, limit };
        let mut due = Vec::new();
        if sinks < SINKS {
            let found = permit.read(|()| list(sink::PREFIX, SINKS * 2, SINKS * 2)).await?;
            due.extend(
                found.into_iter().filter(|target| !called.contains(&target.target)).take(SINKS - sinks),
            );
        }
        if rules < TARGETS {
            let found = permit.read(|()| list(RULE_TARGETS, OF_ACCOUNT * 2, WINDOW)).await?;
            due.extend(self.turns.chosen(found, called, TARGETS - rules));
        }
        Ok(due)
    }

    /// Removes what waits for a target that does not exist; returns whether everything is removed.
    pub(crate) async fn forget(
        &self,
        permit: &Permit<authority::DeliverEvents>,
        target: &str,
    ) -> Result<bool> {
        let forget = ForgetTarget { target: target.to_owned(), limit: SLICE };
        permit.write(|()| forget).await.or_store_error()
    }

    /// Removes what is left of targets that were removed from their rules; returns whether there can be more.
    pub(crate) async fn forget_removed(&self, permit: &Permit<authority::DeliverEvents>) -> Result<bool> {
        let removed = permit.read(|()| ListRemovedEventTargets { limit: REMOVED }).await?;
        let mut has_more = removed.len() == REMOVED;
        for target in removed {
            has_more |= !self.forget(permit, &target).await?;
        }
        Ok(has_more)
    }
}

/// When each account had its last turns: the number of turns until then. An account with many targets that are due for a
/// long time does not come before one that had no turn since.
#[derive(Default)]
pub(crate) struct Turns {
    last: Mutex<HashMap<String, u64>>,
}

impl Turns {
    /// Targets of rules to call beside those that are called already. The account with the fewest calls is next, and then
    /// the one whose last turn is longest ago.
    fn chosen(
        &self,
        mut found: Vec<DeliveryTarget>,
        called: &BTreeSet<String>,
        places: usize,
    ) -> Vec<DeliveryTarget> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        found.retain(|target| !called.contains(&target.target));
        let mut calls: HashMap<String, usize> = HashMap::new();
        for target in called {
            *calls.entry(account(target).to_owned()).or_default() += 1;
        }
        let mut now = last.values().max().copied().unwrap_or_default();
        let oldest = now.saturating_sub(REMEMBERED);
        last.retain(|_, turn| *turn > oldest);
        let mut chosen = Vec::new();
        while chosen.len() < places {
            let rank = |target: &DeliveryTarget| {
                let owner = account(&target.target);
                (calls.get(owner).copied().unwrap_or_default(), last.get(owner).copied())
            };
            // The first of equal ones: they are in the order in which they became due.
            let next = found.iter().enumerate().min_by_key(|(_, target)| rank(target));
            let Some((index, _)) = next.filter(|(_, target)| rank(target).0 < OF_ACCOUNT) else { break };
            let target = found.remove(index);
            let owner = account(&target.target).to_owned();
            now += 1;
            last.insert(owner.clone(), now);
            *calls.entry(owner).or_default() += 1;
            chosen.push(target);
        }
        chosen
    }
}

#[cfg(test)]
mod tests {
    use access::store::Micros;

    use super::*;

    fn target(account: u32, id: u32) -> DeliveryTarget {
        DeliveryTarget {
            target: format!("rule/{account}/eu-west-1/r/{id}"),
            waiting: 1,
            dead: 0,
            delivered: 0,
            dropped: 0,
            failures: 0,
            retry_at: Micros(0),
            delivered_at: Micros(0),
            error: None,
        }
    }

    #[test]
    fn one_account_does_not_take_all_places() {
        let found: Vec<_> = (0..20).map(|id| target(1, id)).chain([target(2, 0)]).collect();
        let called = BTreeSet::from([target(1, 0).target, target(1, 99).target]);
        let chosen = Turns::default().chosen(found, &called, TARGETS);
        let chosen: Vec<_> = chosen.into_iter().map(|target| target.target).collect();
        assert_eq!(chosen, [target(2, 0), target(1, 1), target(1, 2)].map(|target| target.target));
    }

    #[test]
    fn accounts_take_turns_however_many_targets_they_have() {
        let turns = Turns::default();
        // 30 accounts have targets that are due for longer than the only one of the last account.
        let found = || (1..31).flat_map(|account| (0..8).map(move |id| target(account, id)));
        let found = || found().chain([target(99, 0)]).collect::<Vec<_>>();
        let called = BTreeSet::new();
        let two: Vec<_> = (0..2).flat_map(|_| turns.chosen(found(), &called, TARGETS)).collect();
        let of_last = two.iter().filter(|chosen| account(&chosen.target) == "99").count();
        assert_eq!((two.len(), of_last), (2 * TARGETS, 1));
    }
}
