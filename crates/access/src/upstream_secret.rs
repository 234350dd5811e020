//! The credentials of an upstream registry: a secret, read with the service-linked role of the pull-through cache (ECR User
//! Guide, "Amazon ECR service-linked role for pull through cache"). The secret's resource policy decides too.

use aws::ids::{AccessKeyId, AccountId, Region, SecretKey};
use futures::future::BoxFuture;
use jiff::Timestamp;
use meta::{CURRENT, ListSecretValues, RemoveDeletedSecrets};
use policy::service_role::ServiceRole;
use serde::Deserialize;

use crate::Access;
use crate::context::micros;
use crate::effects::authority;
use crate::error::{Code, Error, Result};
use crate::op::secrets_manager;
use crate::permit::Permit;
use crate::seal::Purpose;
use crate::service_linked_role;
use crate::service_role::work_for_registry;
use crate::settings::EcrKey;
use crate::store::StoreResultExt as _;

/// The service that pulls from upstream registries.
pub const SERVICE: &str = "pullthroughcache.ecr.amazonaws.com";
/// The name of its sessions.
pub const SESSION_NAME: &str = "ecr-pullthroughcache";
/// Deleted secrets that one transaction removes.
const REMOVED_AT_ONCE: usize = 100;

/// User name and password of an upstream registry. It has no Debug.
#[derive(Clone)]
pub struct UpstreamLogin {
    /// What changes when they do: the version of the secret, for example.
    pub version: String,
    pub username: String,
    pub password: String,
}

/// What the secret of a rule has.
pub enum UpstreamSecret {
    Password(UpstreamLogin),
    /// An access key for ECR registries elsewhere, and the version of the secret.
    AccessKey(EcrKey, String),
}

#[derive(Deserialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
enum Contents {
    Password { username: String, access_token: String },
    AccessKey { access_key_id: AccessKeyId, secret_access_key: String },
}

/// ECR's text ("SecretNotFoundException").
pub fn not_found() -> Error {
    let message = "The ARN of the secret specified in the pull through cache rule was not found. Update the pull through cache rule with a valid secret ARN and try again.";
    Error::new(Code::SecretNotFound, message)
}

fn no_access(why: &str) -> Error {
    let message = format!("The secret of the pull through cache rule cannot be read: {why}");
    Error::new(Code::UnableToAccessSecret, message)
}

/// ECR's text ("UnableToDecryptSecretValueException").
fn not_decrypted(error: impl std::fmt::Display) -> Error {
    tracing::error!(%error, "the value of a secret does not open; put a new value");
    let message = "The secret is accessible but is unable to be decrypted. Verify the resource permissions and try again.";
    Error::new(Code::UnableToDecryptSecretValue, message)
}

impl Access {
    /// Removes deleted secrets that can no longer be restored; returns how many.
    pub async fn remove_deleted_secrets(&self, now: Timestamp) -> Result<usize> {
        let permit = Permit::for_service(authority::RemoveDeletedSecrets, self);
        let remove = RemoveDeletedSecrets { at: micros(now), limit: REMOVED_AT_ONCE };
        permit.write(|()| remove).await.or_store_error()
    }

    /// Reads the credentials in a secret, for the rules of a registry. On the heap, so it is compiled with this crate.
    pub fn upstream_secret<'a>(
        &'a self,
        of: (&'a AccountId, &'a Region),
        secret_arn: &'a str,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<UpstreamSecret>> {
        Box::pin(self.read_upstream_secret(of, secret_arn, now))
    }

    async fn read_upstream_secret(
        &self,
        (account_id, region): (&AccountId, &Region),
        secret_arn: &str,
        now: Timestamp,
    ) -> Result<UpstreamSecret> {
        let no_role = || no_access("the account has no service-linked role of the pull through cache.");
        let known = ServiceRole::find(SERVICE).ok_or_else(no_role)?;
        let permit = Permit::for_service(authority::ReadUpstreamSecrets, self);
        let role_arn = service_linked_role::arn(account_id, &known);
        let (by, work) = ((SERVICE, SESSION_NAME), (SESSION_NAME, now));
        let work = work_for_registry(&permit, &role_arn, by, (account_id, region), work).await?;
        let ctx = work.ok_or_else(no_role)?.signed_for(region.clone());
        // COMPAT(ecr): the secret must be in the account and Region of the registry.
        let gate = self.registry_gate(&ctx, account_id, region).await?;
        let found = gate.find_secret(secret_arn, ctx.at()).await?.filter(|found| found.delete_at.is_none());
        let keys = policy::Context::new();
        let permit = gate.permit_secret::<secrets_manager::GetSecretValue>(found.as_ref(), secret_arn, keys);
        let permit = permit.await.map_err(|error| match error.code {
            Code::AccessDenied => no_access(&error.message),
            _ => error,
        });
        let permit = permit?.ok_or_else(not_found)?;
        let values = permit.read(|key| ListSecretValues { arn: key.arn.as_ref().to_owned() }).await?;
        let value = values.into_iter().find(|value| value.stage == CURRENT).ok_or_else(not_found)?;
        let text = self.keys.open_value(Purpose::SecretValue, &value.sealed).map_err(not_decrypted)?;
        let contents: Contents = serde_json::from_slice(&text).map_err(|_| {
            no_access(
                "its value is not a JSON object with the members username and accessToken, or accessKeyId and secretAccessKey.",
            )
        })?;
        Ok(match contents {
            Contents::Password { username, access_token: password } => {
                UpstreamSecret::Password(UpstreamLogin { version: value.id, username, password })
            }
            Contents::AccessKey { access_key_id: id, secret_access_key } => {
                UpstreamSecret::AccessKey(EcrKey { id, secret: SecretKey::new(secret_access_key) }, value.id)
            }
        })
    }
}
