//! The policy of a registry. Its scope, one of the account's settings, decides which actions it can name.

use access::Access;
use access::authz::{Gate, V1_ACTIONS};
use access::context::Ctx;
use access::error::{Code, Error, Result};
use access::op::{Effect, ecr};
use access::permit::{OnRegistry, Permit};
use access::store::{LoadRegistryPolicy, SetRegistryPolicy, StoreResultExt as _};
use policy::Use;

use super::account_setting::{SCOPE, of_registry};
use super::own_registry;
use crate::policy_text::{CheckedPolicy, refused, shown};

const KIND: &str = "registry";

/// Writes the policy. Every principal that it names must exist. Returns the policy for the answer.
pub(crate) async fn put(
    access: &Access,
    ctx: &Ctx,
    (gate, permit): (&Gate, &Permit<ecr::PutRegistryPolicy>),
    text: &str,
) -> Result<String> {
    let checked = CheckedPolicy::new(permit, text, (Use::Registry, KIND)).await?;
    let registry = own_registry(access, ctx, permit).await?;
    let scope = permit.read(|_| of_registry(registry, SCOPE)).await?;
    let is_v1 =
        |action: &str| action == "ecr:*" || V1_ACTIONS.iter().any(|known| known.eq_ignore_ascii_case(action));
    if scope.as_deref() == Some("V1") && !checked.policy.actions().all(is_v1) {
        return Err(refused(
            KIND,
            "scope V1 knows CreateRepository, ReplicateImage, BatchImportUpstreamImage",
        ));
    }
    // COMPAT(ecr): there is no `force` here, and nobody could remove a policy that denies this to its caller.
    if access.would_deny(gate, ecr::PutRegistryPolicy::OP, &checked.policy).await? {
        return Err(refused(KIND, "it would lock the caller out of PutRegistryPolicy"));
    }
    let set = permit.write(|_| SetRegistryPolicy { registry, document: Some(checked.stored()) });
    set.await.or_store_error()?;
    Ok(checked.shown())
}

/// The policy as it is shown.
pub(crate) async fn get(permit: &Permit<ecr::GetRegistryPolicy>) -> Result<String> {
    let registry = permit.registry().ok_or_else(|| no_policy(permit))?.key;
    let loaded = permit.read(|_| LoadRegistryPolicy { registry }).await?;
    shown(permit, &loaded.policy.document.ok_or_else(|| no_policy(permit))?).await
}

/// Removes the policy. Returns the previous one.
pub(crate) async fn delete(permit: &Permit<ecr::DeleteRegistryPolicy>) -> Result<String> {
    let registry = permit.registry().ok_or_else(|| no_policy(permit))?.key;
    let old = permit.write(|_| SetRegistryPolicy { registry, document: None }).await.or_store_error()?;
    shown(permit, &old.ok_or_else(|| no_policy(permit))?).await
}

fn no_policy<E: Effect<On = OnRegistry>>(permit: &Permit<E>) -> Error {
    let message = format!("Registry policy does not exist in the registry with id '{}'", permit.account());
    Error::new(Code::RegistryPolicyNotFound, message)
}
