//! Logins of ECR registries of other deployments and of AWS: an authorization token for an access key of the settings or of a
//! secret, or for the custom role of a rule. One token is fetched for all who need it, and used until shortly before it
//! expires.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use access::error::{Code, Error, Result};
use access::settings::{EcrKey, EcrPlace};
use access::slots::Slots;
use access::upstream_secret::{SESSION_NAME, UpstreamLogin};
use aws::ids::AccountId;
use futures::future::BoxFuture;
use upstream::{Connector, EcrApi, UpstreamError, UpstreamRole};

use super::failures::Remembered;
use super::flights::Flights;
use super::import::ended;
use super::{refusal, too_many};

/// Tokens in memory.
const MOST: usize = 1_000;
/// A token that the registry denies is used at least this long: it can have denied one repository only.
const KEPT: Duration = Duration::from_mins(1);

/// Whose token it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct LoginKey {
    /// The URL of the API that gives it.
    endpoint: String,
    access_key_id: String,
    /// The version of the secret with the access key. None: the key of the settings.
    secret_version: Option<String>,
    /// The account whose rule it is for. The role's trust policy can ask for it.
    account: AccountId,
    role_arn: Option<String>,
}

/// What gets a token.
pub(super) struct EcrAccess {
    pub(super) place: EcrPlace,
    pub(super) key: EcrKey,
    /// The version of the secret with the access key. None: the key of the settings.
    pub(super) secret_version: Option<String>,
}

struct Kept {
    login: UpstreamLogin,
    since: Instant,
    until: Instant,
}

/// The tokens of this node.
pub(super) struct EcrLogins {
    /// An API can answer slowly, and an account can choose it.
    slots: Arc<Slots>,
    fetching: Arc<Flights<LoginKey, Result<UpstreamLogin>>>,
    kept: Mutex<HashMap<LoginKey, Kept>>,
    failures: Remembered<LoginKey>,
}

impl EcrLogins {
    pub(super) fn new(slots: Arc<Slots>) -> Self {
        Self { slots, fetching: Arc::default(), kept: Mutex::default(), failures: Remembered::default() }
    }

    /// The login of an account's rule, with the custom role if it has one.
    pub(super) async fn login(
        self: &Arc<Self>,
        connector: Connector,
        (access, account): (EcrAccess, &AccountId),
        role_arn: Option<&str>,
    ) -> Result<UpstreamLogin> {
        let EcrAccess { place, key, secret_version } = access;
        let of = LoginKey {
            endpoint: place.endpoint.clone(),
            access_key_id: key.id.to_string(),
            secret_version,
            account: account.clone(),
            role_arn: role_arn.map(str::to_owned),
        };
        if let Some(login) = self.known(&of, Instant::now()) {
            return Ok(login);
        }
        if let Some(error) = self.failures.get(&of, Instant::now()) {
            return Err(error);
        }
        let EcrPlace { region, endpoint, sts_endpoint } = place;
        let EcrKey { id: access_key_id, secret } = key;
        let api = EcrApi { region, endpoint, sts_endpoint, access_key_id, secret };
        let (logins, whose) = (Arc::clone(self), of.clone());
        let work = move || -> BoxFuture<'static, Result<UpstreamLogin>> {
            Box::pin(async move { logins.fetch(&connector, &api, whose).await })
        };
        self.fetching.join(of, work, |_| false).await.ok_or_else(ended)?
    }

    /// The registry denied access with a login: if it was used for a while, the next request fetches another one.
    pub(super) fn denied(&self, version: &str, now: Instant) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, kept| kept.login.version != version || now.duration_since(kept.since) < KEPT);
    }

    fn known(&self, key: &LoginKey, now: Instant) -> Option<UpstreamLogin> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(key).filter(|kept| kept.until > now).map(|kept| kept.login.clone())
    }

    async fn fetch(&self, connector: &Connector, api: &EcrApi, key: LoginKey) -> Result<UpstreamLogin> {
        // It can have come after this request looked for it.
        if let Some(login) = self.known(&key, Instant::now()) {
            return Ok(login);
        }
        let _slot = self.slots.take(&key.account).await.ok_or_else(too_many)?;
        let external_id = key.account.as_str();
        let role = key.role_arn.as_deref();
        let role = role.map(|arn| UpstreamRole { arn, session_name: SESSION_NAME, external_id });
        let token = match api.authorization_token(connector, role.as_ref()).await {
            Ok(token) => token,
            Err(error) => return Err(self.failed(key, &error)),
        };
        let login = UpstreamLogin {
            version: uuid::Uuid::new_v4().to_string(),
            username: token.credentials.username,
            password: token.credentials.password,
        };
        self.keep(key, login.clone(), token.lasts);
        Ok(login)
    }

    fn keep(&self, key: LoginKey, login: UpstreamLogin, lasts: Duration) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if kept.len() >= MOST {
            kept.retain(|_, kept| kept.until > now);
        }
        if kept.len() >= MOST {
            kept.clear();
        }
        kept.insert(key, Kept { login, since: now, until: now + lasts });
    }

    /// The error of a login that did not come, which is remembered for a moment.
    fn failed(&self, key: LoginKey, error: &UpstreamError) -> Error {
        let retry_after = match error {
            UpstreamError::TooManyRequests { retry_after, .. } => *retry_after,
            _ => None,
        };
        let refusal = refusal(error);
        let whose = match &key.role_arn {
            Some(arn) => format!("the custom role {arn} of the pull through cache rule"),
            None if key.secret_version.is_some() => "the access key of the secret".to_owned(),
            None => "the access key of [[pull_through.ecr]]".to_owned(),
        };
        let code =
            if refusal.code == Code::ManifestUnknown { Code::UpstreamUnavailable } else { refusal.code };
        let message = format!("There is no authorization token for {whose}. {}", refusal.message);
        tracing::warn!(endpoint = key.endpoint, account = %key.account, %error, "no authorization token");
        let error = Error::new(code, message);
        self.failures.put(key, error.clone(), retry_after, Instant::now());
        error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logins() -> EcrLogins {
        EcrLogins::new(Arc::new(Slots::new(1, 1)))
    }

    fn key(account: &str) -> LoginKey {
        LoginKey {
            endpoint: "https://api.example".to_owned(),
            access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret_version: None,
            account: account.parse().unwrap(),
            role_arn: None,
        }
    }

    fn login(version: &str) -> UpstreamLogin {
        UpstreamLogin { version: version.to_owned(), username: "AWS".to_owned(), password: "p".to_owned() }
    }

    #[test]
    fn a_denied_login_is_fetched_again_after_a_while() {
        let (logins, now) = (logins(), Instant::now());
        let (one, other) = (key("111122223333"), key("222233334444"));
        logins.keep(one.clone(), login("1"), Duration::from_hours(1));
        logins.keep(other.clone(), login("2"), Duration::from_hours(1));
        logins.denied("1", now);
        assert!(logins.known(&one, now).is_some(), "it is new");
        logins.denied("1", now + Duration::from_mins(2));
        assert!(logins.known(&one, now).is_none() && logins.known(&other, now).is_some());
    }

    #[test]
    fn a_login_ends() {
        let (logins, now) = (logins(), Instant::now());
        logins.keep(key("111122223333"), login("1"), Duration::from_mins(1));
        let known = |minutes| logins.known(&key("111122223333"), now + Duration::from_mins(minutes));
        assert!(known(0).is_some_and(|login| login.version == "1") && known(2).is_none());
    }
}
