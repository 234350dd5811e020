//! Which targets are called next. Sinks of the operator and targets of tenants have places of their own, and the targets
//! of one account never take all places of the tenants.

use std::collections::BTreeSet;
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
/// Targets of rules that are looked at.
const WINDOW: usize = 256;
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
        let list = ListDueTargets { prefix: "", at: micros(now).plus(SOON), limit: 1 };
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
        let list = |prefix, limit| ListDueTargets { prefix, at, limit };
        let mut due = Vec::new();
        if sinks < SINKS {
            let found = permit.read(|()| list(sink::PREFIX, SINKS * 2)).await?;
            due.extend(
                found.into_iter().filter(|target| !called.contains(&target.target)).take(SINKS - sinks),
            );
        }
        if rules < TARGETS {
            let found = permit.read(|()| list(RULE_TARGETS, WINDOW)).await?;
            due.extend(chosen(found, called).into_iter().take(TARGETS - rules));
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

/// Targets of rules that may be called beside those that are called already.
fn chosen(found: Vec<DeliveryTarget>, called: &BTreeSet<String>) -> Vec<DeliveryTarget> {
    let mut taken: Vec<String> = called.iter().map(|target| account(target).to_owned()).collect();
    let mut chosen = Vec::new();
    for target in found {
        let owner = account(&target.target);
        let of_account = taken.iter().filter(|known| *known == owner).count();
        if of_account < OF_ACCOUNT && !called.contains(&target.target) {
            taken.push(owner.to_owned());
            chosen.push(target);
        }
    }
    chosen
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
        let chosen: Vec<_> = chosen(found, &called).into_iter().map(|target| target.target).collect();
        assert_eq!(chosen, [target(1, 1), target(1, 2), target(2, 0)].map(|target| target.target));
    }
}
