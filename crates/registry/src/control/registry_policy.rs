//! PutRegistryPolicy, GetRegistryPolicy, DeleteRegistryPolicy, and the account's settings, one of which says how far
//! that policy reaches.

use access::op::ecr;
use aws::ecr::{
    AccountSettingResponse, DeleteRegistryPolicyRequest, GetAccountSettingRequest, GetRegistryPolicyRequest,
    PutAccountSettingRequest, PutRegistryPolicyRequest, RegistryPolicyResponse,
};
use aws::ids::Region;
use meta::{
    GetAccountSetting, LoadRegistryPolicy, PutAccountSetting, RegistryKey, SPARSE_IMAGES, SetRegistryPolicy,
};
use policy::Use;

use super::repository_policy::refused;
use crate::Registry;
use access::authz::{Gate, V1_ACTIONS};
use access::context::Ctx;
use access::error::{Code, Error, Result};
use access::op::Effect;
use access::store::StoreResultExt as _;

const SCOPE: &str = "REGISTRY_POLICY_SCOPE";

/// The settings, with their values; the first is what holds where none was set. New registries have scope V2 (ECR User
/// Guide, "Private registry permissions"). Mounts cannot be switched off here, so that setting has one value. Sparse
/// images are a setting of Wharf's own.
const SETTINGS: [(&str, &[&str]); 4] = [
    ("BASIC_SCAN_TYPE_VERSION", &["AWS_NATIVE", "CLAIR"]),
    (SCOPE, &["V2", "V1"]),
    ("BLOB_MOUNTING", &["ENABLED"]),
    (SPARSE_IMAGES, &["DISABLED", "ENABLED"]),
];

impl Registry {
    /// The registry that a permitted request is about, made if it is new.
    async fn registry_of_gate(&self, ctx: &Ctx, region: &Region, gate: &Gate) -> Result<RegistryKey> {
        if let Some(registry) = &gate.resolved().registry {
            return Ok(registry.key);
        }
        let account = self.access.account_key(&ctx.caller.account_id).await?;
        self.access.ensure_registry(account, region, ctx.now).await
    }

    /// Writes the registry's policy. Every principal that it names must exist.
    pub async fn put_registry_policy(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: PutRegistryPolicyRequest,
    ) -> Result<RegistryPolicyResponse> {
        let gate = self.access.registry_gate(ctx, &ctx.caller.account_id, region).await?;
        gate.allow(ecr::PutRegistryPolicy::OP)?;
        let (policy, document) = self.stored_policy(&input.policy_text, Use::Registry, "registry").await?;
        let registry = self.registry_of_gate(ctx, region, &gate).await?;
        let scope = self
            .access
            .meta
            .read(GetAccountSetting { registry, name: SCOPE.to_owned() })
            .await
            .or_store_error()?;
        let is_v1 = |action: &str| {
            action == "ecr:*" || V1_ACTIONS.iter().any(|known| known.eq_ignore_ascii_case(action))
        };
        if scope.as_deref() == Some("V1") && !policy.actions().all(is_v1) {
            return Err(refused(
                "registry",
                "scope V1 knows CreateRepository, ReplicateImage, BatchImportUpstreamImage",
            ));
        }
        // COMPAT(ecr): there is no `force` here, and nobody else could undo a policy that denies the caller this.
        if self.access.would_deny(&gate, ecr::PutRegistryPolicy::OP, &policy).await? {
            return Err(refused("registry", "it would lock the caller out of PutRegistryPolicy"));
        }
        let stored = document.to_json();
        let set = SetRegistryPolicy { registry, document: Some(stored.clone()) };
        self.access.meta.write(set).await.or_store_error()?;
        self.registry_policy_response(ctx, Some(stored)).await
    }

    /// Shows the registry's policy.
    pub async fn get_registry_policy(
        &self,
        ctx: &Ctx,
        region: &Region,
        _input: GetRegistryPolicyRequest,
    ) -> Result<RegistryPolicyResponse> {
        let gate = self.access.registry_gate(ctx, &ctx.caller.account_id, region).await?;
        gate.allow(ecr::GetRegistryPolicy::OP)?;
        let stored = match &gate.resolved().registry {
            Some(registry) => {
                let load = LoadRegistryPolicy { registry: registry.key };
                self.access.meta.read(load).await.or_store_error()?.policy.document
            }
            None => None,
        };
        self.registry_policy_response(ctx, stored).await
    }

    /// Removes the registry's policy.
    pub async fn delete_registry_policy(
        &self,
        ctx: &Ctx,
        region: &Region,
        _input: DeleteRegistryPolicyRequest,
    ) -> Result<RegistryPolicyResponse> {
        let gate = self.access.registry_gate(ctx, &ctx.caller.account_id, region).await?;
        gate.allow(ecr::DeleteRegistryPolicy::OP)?;
        let old = match &gate.resolved().registry {
            Some(registry) => {
                let set = SetRegistryPolicy { registry: registry.key, document: None };
                self.access.meta.write(set).await.or_store_error()?
            }
            None => None,
        };
        self.registry_policy_response(ctx, old).await
    }

    async fn registry_policy_response(
        &self,
        ctx: &Ctx,
        stored: Option<String>,
    ) -> Result<RegistryPolicyResponse> {
        let account = &ctx.caller.account_id;
        let stored = stored.ok_or_else(|| {
            let message = format!("Registry policy does not exist in the registry with id '{account}'");
            Error::new(Code::RegistryPolicyNotFound, message)
        })?;
        Ok(RegistryPolicyResponse {
            registry_id: account.to_string(),
            policy_text: self.shown_policy(&stored).await?,
        })
    }

    /// Shows a setting; one that was never set has its default.
    pub async fn get_account_setting(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: GetAccountSettingRequest,
    ) -> Result<AccountSettingResponse> {
        let gate = self.access.registry_gate(ctx, &ctx.caller.account_id, region).await?;
        gate.also_allow(ecr::GetAccountSetting::OP, setting_key(&input.name))?;
        let default = *values_of(&input.name)?.first().unwrap_or(&"");
        let value = match &gate.resolved().registry {
            Some(registry) => {
                let get = GetAccountSetting { registry: registry.key, name: input.name.clone() };
                self.access.meta.read(get).await.or_store_error()?
            }
            None => None,
        };
        Ok(AccountSettingResponse { name: input.name, value: value.unwrap_or_else(|| default.to_owned()) })
    }

    /// Changes a setting, from the next request on.
    pub async fn put_account_setting(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: PutAccountSettingRequest,
    ) -> Result<AccountSettingResponse> {
        let gate = self.access.registry_gate(ctx, &ctx.caller.account_id, region).await?;
        gate.also_allow(ecr::PutAccountSetting::OP, setting_key(&input.name))?;
        let values = values_of(&input.name)?;
        if !values.contains(&input.value.as_str()) {
            let rule = format!("Member must satisfy enum value set: [{}]", values.join(", "));
            return Err(Error::invalid_parameter("value", &rule));
        }
        let registry = self.registry_of_gate(ctx, region, &gate).await?;
        let (name, value) = (input.name, input.value);
        let put = PutAccountSetting { registry, name: name.clone(), value: value.clone() };
        self.access.meta.write(put).await.or_store_error()?;
        Ok(AccountSettingResponse { name, value })
    }
}

fn setting_key(name: &str) -> policy::Context {
    policy::Context::new().with("ecr:AccountSetting", name)
}

fn values_of(name: &str) -> Result<&'static [&'static str]> {
    let known = SETTINGS.iter().find(|(known, _)| *known == name);
    known.map(|(_, values)| *values).ok_or_else(|| {
        let names: Vec<&str> = SETTINGS.iter().map(|(name, _)| *name).collect();
        Error::invalid_parameter(
            "name",
            &format!("Member must satisfy enum value set: [{}]", names.join(", ")),
        )
    })
}
