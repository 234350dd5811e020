//! Fetched keys by issuer, cached for a while.
//!
//! Any client can send tokens, so no token can make the server fetch from an issuer more often than once in
//! [`RETRY_SECONDS`]: neither with an unknown key ID, nor if the issuer fails. [`crate::allowance`] limits the fetches
//! for all issuers of an account.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use outbound::Dialler;

use crate::allowance::Allowances;
use crate::error::OidcError;
use crate::fetch;
use crate::jwk::KeySet;

/// When keys are fetched again, so a key that its issuer removed stops working soon.
const FRESH_SECONDS: i64 = 10 * 60;
/// How long keys are used while their issuer is not reachable.
const STALE_SECONDS: i64 = 60 * 60;
/// The minimum time between two attempts.
const RETRY_SECONDS: i64 = 10;
/// Issuers in memory. An account can have 100 providers. Beyond this number the least recently used is removed.
const MOST_ISSUERS: usize = 1000;
/// Bytes of keys in memory, because an issuer can have hundreds. Beyond this size, too, the least recently used is
/// removed.
const MOST_BYTES: usize = 16 << 20;

type Issuers = HashMap<Source, Arc<Issuer>>;

/// The key sets of issuers.
pub(crate) struct IssuerKeys {
    issuers: Mutex<Issuers>,
    allowances: Allowances,
    dialler: Dialler,
    /// The time limit for an issuer, and also the time that each failure takes: the time does not show whether an
    /// address is unused, silent, or not allowed.
    patience: Duration,
}

/// Where keys come from. Two accounts can trust different certificate authorities for one name, and must not share its
/// keys.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Source {
    /// The issuer's URL without `https://`.
    pub(crate) issuer: String,
    /// PEM.
    pub(crate) certificate_authority: Option<String>,
}

#[derive(Default)]
struct Issuer {
    state: Mutex<State>,
    /// One fetch at a time.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    keys: Option<(Arc<KeySet>, Timestamp)>,
    attempt: Option<(Timestamp, Result<(), OidcError>)>,
    used: Timestamp,
}

/// Which keys are acceptable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Wanted {
    /// Any fresh keys.
    Fresh,
    /// Keys fetched just now, if a fetch is allowed again: the cached ones do not have the token's key.
    Newer,
}

impl IssuerKeys {
    pub(crate) fn new(dialler: Dialler, patience: Duration) -> Self {
        Self { issuers: Mutex::default(), allowances: Allowances::default(), dialler, patience }
    }

    /// The keys of an issuer, fetched for an account if necessary. With [`Wanted::Newer`] the result may still be the
    /// old keys.
    pub(crate) async fn get(
        &self,
        account: &str,
        source: &Source,
        wanted: Wanted,
        now: Timestamp,
    ) -> Result<Arc<KeySet>, OidcError> {
        let issuer = self.issuer(source, now);
        if let Some(settled) = issuer.settled(wanted, now) {
            return settled;
        }
        let (source, dialler, patience) = (source.clone(), self.dialler.clone(), self.patience);
        let allowance = self.allowances.of(account, wanted, now);
        // On its own task: a client that disconnects must not interrupt the attempt.
        let fetched = tokio::spawn(async move {
            let _slot = allowance.slot().await.ok_or(OidcError::NoKeys)?;
            let turn = issuer.turn.lock().await;
            if let Some(settled) = issuer.settled(wanted, now) {
                return settled;
            }
            let patient_until = tokio::time::Instant::now() + patience;
            if !allowance.charge(now) {
                tracing::warn!(issuer = %source.issuer, "keys of an identity provider not fetched: its account asks too often");
                // Other accounts can have the same issuer, and did not cause this.
                drop(turn);
                tokio::time::sleep_until(patient_until).await;
                return issuer.known(now).ok_or(OidcError::NoKeys);
            }
            let fetched = fetch::fetch_keys(&dialler, &source, patience).await;
            if let Err(error) = &fetched {
                tracing::warn!(issuer = %source.issuer, %error, "keys of an identity provider not fetched");
                tokio::time::sleep_until(patient_until).await;
            }
            issuer.take(fetched.map_err(|_| OidcError::NoKeys), now)
        });
        let fetched = fetched.await.map_err(|_| OidcError::NoKeys)?;
        forget(&mut self.lock(), MOST_ISSUERS);
        fetched
    }

    fn lock(&self) -> MutexGuard<'_, Issuers> {
        self.issuers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn issuer(&self, source: &Source, now: Timestamp) -> Arc<Issuer> {
        let mut issuers = self.lock();
        if !issuers.contains_key(source) {
            forget(&mut issuers, MOST_ISSUERS - 1);
        }
        let issuer = Arc::clone(issuers.entry(source.clone()).or_default());
        issuer.state().used = now;
        issuer
    }
}

/// Removes the least recently used issuers, down to this number and to [`MOST_BYTES`] of keys.
fn forget(issuers: &mut Issuers, most: usize) {
    let mut bytes: usize = issuers.values().map(|issuer| issuer.weight()).sum();
    while issuers.len() > most || bytes > MOST_BYTES {
        let oldest = issuers.iter().min_by_key(|(_, issuer)| issuer.state().used);
        let Some(oldest) = oldest.map(|(source, _)| source.clone()) else { return };
        bytes -= issuers.remove(&oldest).map_or(0, |issuer| issuer.weight()).min(bytes);
    }
}

impl Issuer {
    fn weight(&self) -> usize {
        self.state().keys.as_ref().map_or(0, |(keys, _)| keys.weight())
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer, if no fetch is needed.
    fn settled(&self, wanted: Wanted, now: Timestamp) -> Option<Result<Arc<KeySet>, OidcError>> {
        let state = self.state();
        let within = |at: Timestamp, seconds: i64| (now.as_second() - at.as_second()).abs() < seconds;
        let may_fetch = state.attempt.as_ref().is_none_or(|(at, _)| !within(*at, RETRY_SECONDS));
        match &state.keys {
            Some((keys, at)) if wanted == Wanted::Fresh && within(*at, FRESH_SECONDS) => {
                Some(Ok(Arc::clone(keys)))
            }
            _ if may_fetch => None,
            Some((keys, at)) if within(*at, STALE_SECONDS) => Some(Ok(Arc::clone(keys))),
            _ => match &state.attempt {
                Some((_, Err(error))) => Some(Err(error.clone())),
                _ => None,
            },
        }
    }

    /// Records the result of a fetch, and returns the keys to use.
    fn take(&self, fetched: Result<KeySet, OidcError>, now: Timestamp) -> Result<Arc<KeySet>, OidcError> {
        let mut state = self.state();
        match fetched {
            Ok(keys) => {
                let keys = Arc::new(keys);
                state.keys = Some((Arc::clone(&keys), now));
                state.attempt = Some((now, Ok(())));
                Ok(keys)
            }
            Err(error) => {
                state.attempt = Some((now, Err(error.clone())));
                drop(state);
                self.known(now).ok_or(error)
            }
        }
    }

    /// Keys that can still be used while their issuer is not reachable.
    fn known(&self, now: Timestamp) -> Option<Arc<KeySet>> {
        let state = self.state();
        let (keys, at) = state.keys.as_ref()?;
        ((now.as_second() - at.as_second()).abs() < STALE_SECONDS).then(|| Arc::clone(keys))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An issuer with the maximum number of keys.
    fn full(used: i64) -> Arc<Issuer> {
        // RFC 7515, appendix A.3.
        let key = |at: usize| {
            format!(
                r#"{{"kty":"EC","crv":"P-256","kid":"{at}","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}}"#
            )
        };
        let keys: Vec<String> = (0..200).map(key).collect();
        let set = KeySet::parse(format!(r#"{{"keys":[{}]}}"#, keys.join(",")).as_bytes()).unwrap();
        let used = Timestamp::from_second(used).unwrap();
        let state = State { keys: Some((Arc::new(set), used)), attempt: None, used };
        Arc::new(Issuer { state: Mutex::new(state), ..Issuer::default() })
    }

    #[test]
    fn the_cache_is_limited_in_bytes() {
        let source = |name: usize| Source { issuer: format!("{name:03}"), certificate_authority: None };
        let mut issuers: Issuers = (0..60).map(|at| (source(at), full(i64::try_from(at).unwrap()))).collect();
        forget(&mut issuers, MOST_ISSUERS);
        let bytes: usize = issuers.values().map(|issuer| issuer.weight()).sum();
        assert!(bytes <= MOST_BYTES && issuers.len() < 60, "{} issuers of {bytes} bytes", issuers.len());
        assert!(
            issuers.contains_key(&source(59)) && !issuers.contains_key(&source(0)),
            "the longest unused go"
        );
        forget(&mut issuers, 3);
        assert_eq!(issuers.len(), 3);
    }
}
