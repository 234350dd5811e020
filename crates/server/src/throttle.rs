//! The rates of operations: a token bucket for each account and operation. A request is decided as soon as its caller is
//! authenticated, from memory alone. Requests without a caller have no bucket, so they allocate nothing.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use access::error::{Code, Error};
use access::rate::{Rate, Rates};
use aws::ids::AccountId;

use crate::bucket::Bucket;

/// A full bucket has the tokens of this time, so that an image with many layers or platforms can be pushed at once. AWS
/// documents only the rate.
const BURST: Duration = Duration::from_secs(5);

/// Requests of different accounts rarely use the same shard, and a shard is locked for writing only to add an account.
const SHARDS: usize = 16;
/// The accounts of a shard: 4,096 in all.
const ACCOUNTS_OF_SHARD: usize = 256;

/// A request over its rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Throttled {
    after: Duration,
}

impl Throttled {
    /// When the client may try again, in whole seconds.
    pub(crate) fn retry_after(self) -> u64 {
        self.after.as_secs() + u64::from(self.after.subsec_nanos() > 0)
    }

    /// The error, with ECR's text.
    pub(crate) fn error() -> Error {
        Error::new(Code::Throttled, "Rate exceeded")
    }
}

/// The buckets of one account.
#[derive(Debug)]
struct Account([Bucket; Rate::ALL.len()]);

impl Account {
    fn bucket(&self, rate: Rate) -> Option<&Bucket> {
        self.0.get(rate as usize)
    }

    /// When all its buckets are full again.
    fn full_at(&self) -> u64 {
        self.0.iter().map(Bucket::full_at).max().unwrap_or_default()
    }
}

type Shard = RwLock<HashMap<AccountId, Account>>;

/// The buckets of all accounts.
pub(crate) struct Throttle {
    rates: Rates,
    started: Instant,
    hasher: RandomState,
    shards: [Shard; SHARDS],
}

impl Throttle {
    pub(crate) fn new(rates: Rates) -> Self {
        let shards = std::array::from_fn(|_| Shard::default());
        Self { rates, started: Instant::now(), hasher: RandomState::new(), shards }
    }

    /// Decides on a request of an account.
    pub(crate) fn admit(&self, account: &AccountId, rate: Option<Rate>) -> Result<(), Throttled> {
        let Some(rate) = rate.filter(|_| self.rates.enabled) else { return Ok(()) };
        let now = u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.admit_at(account, rate, now)
    }

    fn admit_at(&self, account: &AccountId, rate: Rate, now: u64) -> Result<(), Throttled> {
        let per_second = self.rates.per_second(account, rate);
        let Some(shard) = self.shard(account) else { return Ok(()) };
        let take =
            |known: &Account| known.bucket(rate).map_or(Ok(()), |bucket| bucket.take(per_second, BURST, now));
        let taken = shard.read().unwrap_or_else(PoisonError::into_inner).get(account).map(take);
        let taken = taken.unwrap_or_else(|| {
            let mut accounts = shard.write().unwrap_or_else(PoisonError::into_inner);
            if accounts.len() >= ACCOUNTS_OF_SHARD && !accounts.contains_key(account) {
                forget_one(&mut accounts);
            }
            let new = || Account(std::array::from_fn(|_| Bucket::default()));
            take(accounts.entry(account.clone()).or_insert_with(new))
        });
        taken.map_err(|after| Throttled { after })
    }

    /// How many accounts have buckets.
    pub(crate) fn accounts(&self) -> i64 {
        let count = |shard: &Shard| shard.read().unwrap_or_else(PoisonError::into_inner).len();
        i64::try_from(self.shards.iter().map(count).sum::<usize>()).unwrap_or(i64::MAX)
    }

    fn shard(&self, account: &AccountId) -> Option<&Shard> {
        let at = self.hasher.hash_one(account) % SHARDS as u64;
        usize::try_from(at).ok().and_then(|at| self.shards.get(at))
    }
}

/// Removes the account whose buckets are full, or will be full, before those of all others. A bucket that was used less
/// recently is full earlier, and an account that is over its rate does not get new buckets by this.
fn forget_one(accounts: &mut HashMap<AccountId, Account>) {
    let first = accounts.iter().min_by_key(|(_, account)| account.full_at());
    if let Some(first) = first.map(|(id, _)| id.clone()) {
        accounts.remove(&first);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(number: usize) -> AccountId {
        format!("{number:012}").parse().unwrap()
    }

    fn throttle(per_second: u64) -> Throttle {
        let mut rates = Rates::of_ecr();
        rates.set(None, "put_image", per_second).unwrap();
        Throttle::new(rates)
    }

    #[test]
    fn each_account_and_operation_has_its_own_bucket() {
        let throttle = throttle(1);
        while throttle.admit_at(&account(1), Rate::PutImage, 0).is_ok() {}
        assert!(throttle.admit_at(&account(2), Rate::PutImage, 0).is_ok());
        assert!(throttle.admit_at(&account(1), Rate::BatchGetImage, 0).is_ok());
        let refused = throttle.admit_at(&account(1), Rate::PutImage, 1).unwrap_err();
        assert_eq!(refused.retry_after(), 1, "a part of a second counts as a whole one");
    }

    #[test]
    fn an_operation_without_a_rate_has_no_bucket() {
        let throttle = throttle(1);
        assert!((0..100).all(|_| throttle.admit(&account(1), None).is_ok()));
        assert_eq!(throttle.accounts(), 0);
        let off = Throttle::new(Rates::default());
        assert!((0..1_000).all(|_| off.admit(&account(1), Some(Rate::PutImage)).is_ok()));
        assert_eq!(off.accounts(), 0);
    }

    #[test]
    fn the_number_of_accounts_in_memory_is_bounded() {
        let throttle = throttle(1);
        while throttle.admit_at(&account(0), Rate::PutImage, 0).is_ok() {}
        for number in 1..10_000 {
            assert!(throttle.admit_at(&account(number), Rate::PutImage, 0).is_ok());
        }
        let (most, known) = (SHARDS * ACCOUNTS_OF_SHARD, usize::try_from(throttle.accounts()).unwrap());
        assert!(known <= most && known > most / 2, "{known}");
        assert!(throttle.admit_at(&account(0), Rate::PutImage, 0).is_err(), "it is still over its rate");
    }
}
