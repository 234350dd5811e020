//! The settings of a registry as a whole: its policy, and the account's settings in a Region.

pub(crate) mod account_setting;
pub(crate) mod creation_template;
pub(crate) mod in_use;
pub(crate) mod policy;
pub(crate) mod pull_through_cache;
pub(crate) mod pull_time_exclusion;
pub(crate) mod replication;
pub(crate) mod scanning;

use access::Access;
use access::context::Ctx;
use access::databases::elsewhere;
use access::error::{Code, Error, Result};
use access::op::Effect;
use access::permit::{OnRegistry, Opens, Permit};
use access::store::{EnsureRegistry, EnsureRegistryRefusal, FindAccount, OpError, RegistryKey, store_error};

/// The registry of a permit. The first request that needs it creates it. None: the account does not exist.
pub(crate) async fn registry_of<E>(
    access: &Access,
    ctx: &Ctx,
    permit: &Permit<E>,
) -> Result<Option<RegistryKey>>
where
    E: Effect<On = OnRegistry> + Opens<FindAccount> + Opens<EnsureRegistry>,
{
    if let Some(registry) = permit.registry() {
        return Ok(Some(registry.key));
    }
    let account = permit.read(|account_id| FindAccount { account_id }).await?;
    let Some(account) = account else { return Ok(None) };
    if access.is_elsewhere(permit.account()).await? {
        return Err(elsewhere(permit.account()));
    }
    let ensure = permit.write(|_account_id| EnsureRegistry {
        key_if_new: RegistryKey(access.ids.next(ctx.now)),
        account: account.key,
        region: permit.region().clone(),
        limit: access.quotas().registries_per_account.limit(),
        at: ctx.at(),
    });
    match ensure.await {
        Ok(registry) => Ok(Some(registry.key)),
        Err(OpError::Refused(EnsureRegistryRefusal::TooMany)) => {
            Err(access.quotas().registries_per_account.exceeded())
        }
        Err(OpError::Refused(EnsureRegistryRefusal::Elsewhere)) => Err(elsewhere(permit.account())),
        Err(OpError::Store(error)) => Err(store_error(error)),
    }
}

/// The same for the caller's own account, which exists.
async fn own_registry<E>(access: &Access, ctx: &Ctx, permit: &Permit<E>) -> Result<RegistryKey>
where
    E: Effect<On = OnRegistry> + Opens<FindAccount> + Opens<EnsureRegistry>,
{
    registry_of(access, ctx, permit)
        .await?
        .ok_or_else(|| Error::new(Code::Unavailable, "another process changes the same account; start again"))
}
