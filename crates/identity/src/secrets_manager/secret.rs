//! Secrets: their names, descriptions, deletion and lists.

use std::collections::BTreeMap;

use access::context::Ctx;
use access::error::{AwsCode, Error, Result};
use access::op::secrets_manager;
use access::permit::ResourceKey;
use access::store::{
    ChangeSecret, CreateSecret, CreateSecretRefusal, EventPage, ListIamTags, ListSecretValues, ListSecrets,
    Micros, NoSecret, RefusedExt as _, RemoveSecret, Secret, SecretChange, SecretValue, StoreResultExt as _,
};
use aws::ids::Region;
use aws::secrets_manager::{
    CreateSecretRequest, CreateSecretResponse, DeleteSecretRequest, DeleteSecretResponse,
    DescribeSecretRequest, DescribeSecretResponse, ListSecretsRequest, ListSecretsResponse,
    RestoreSecretRequest, RestoreSecretResponse, SecretListEntry, SortOrderType, Tag, UpdateSecretRequest,
    UpdateSecretResponse,
};

use super::{
    PREFIX, check_tags, invalid_parameter, invalid_request, no_kms, no_secret, request_tags, seconds,
};
use crate::Identity;

const DAY: i64 = 24 * 3_600 * 1_000_000;
/// Days until a deleted secret is removed, unless the request has `RecoveryWindowInDays`.
const RECOVERY_DAYS: u64 = 30;
/// Secrets of a page, unless the request has `MaxResults`.
const PAGE: u32 = 100;

fn check_name(name: &str) -> Result<()> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"/_+=.@-".contains(&byte);
    if !name.bytes().all(is_allowed) {
        return Err(invalid_parameter(
            "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
        ));
    }
    match name.strip_prefix(PREFIX) {
        Some(rest) if !rest.is_empty() => Ok(()),
        _ => Err(invalid_parameter(format!(
            "The name of a secret must begin with {PREFIX}: secrets are for pull through cache rules here."
        ))),
    }
}

/// The six random characters at the end of an ARN.
fn random_characters() -> Result<String> {
    let id = access::ids::unique_id("").map_err(Error::internal)?;
    Ok(id.chars().take(6).collect())
}

fn stages(values: &[SecretValue]) -> BTreeMap<String, Vec<String>> {
    values.iter().map(|value| (value.id.clone(), vec![value.stage.clone()])).collect()
}

fn shown_tags(tags: Vec<(String, String)>) -> Vec<Tag> {
    tags.into_iter().map(|(key, value)| Tag { key: Some(key), value: Some(value) }).collect()
}

impl Identity {
    /// Creates a secret.
    pub async fn create_secret(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: CreateSecretRequest,
    ) -> Result<CreateSecretResponse> {
        let gate = self.access.registry_gate(ctx, &ctx.caller.account_id, region).await?;
        let (tags, keys) = request_tags(input.tags);
        let keys = keys.with("secretsmanager:Name", input.name.as_str());
        let arn = gate.secret_arn(&input.name);
        let permit = gate.permit_on::<secrets_manager::CreateSecret>(&arn, keys.clone())?;
        if !tags.is_empty() {
            gate.allow_on(access::op::SecretsManagerOp::TagResource.into(), &arn, keys)?;
        }
        check_tags(&tags)?;
        check_name(&input.name)?;
        no_kms(input.kms_key_id.as_deref())?;
        if !input.add_replica_regions.is_empty() {
            return Err(invalid_parameter(
                "AddReplicaRegions is not supported: secrets have no replicas here.",
            ));
        }
        let value = (input.secret_string.as_deref(), input.secret_binary.as_slice());
        let value = self.new_value(value, input.client_request_token)?;
        let version_id = value.as_ref().map(|value| value.id.clone());
        let quota = self.access.quotas().secrets_per_region;
        let arn = format!("{arn}-{}", random_characters()?);
        let create = CreateSecret {
            arn: arn.clone(),
            account_id: ctx.caller.account_id.clone(),
            region: region.clone(),
            name: input.name.clone(),
            description: input.description,
            value,
            tags,
            limit: quota.limit(),
            at: ctx.at(),
        };
        permit.write(|_| create).await.or_refused(|refusal| match refusal {
            CreateSecretRefusal::Exists => {
                let message =
                    format!("The operation failed because the secret {} already exists.", input.name);
                Error::aws(AwsCode::SecretExists, message)
            }
            CreateSecretRefusal::Deleted => invalid_request(
                "You can't create this secret because a secret with this name is already scheduled for deletion.",
            ),
            CreateSecretRefusal::Limit => quota.exceeded(),
        })?;
        let name = Some(input.name);
        Ok(CreateSecretResponse { arn: Some(arn), name, version_id, ..CreateSecretResponse::default() })
    }

    /// Describes a secret, also one that was deleted.
    pub async fn describe_secret(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: DescribeSecretRequest,
    ) -> Result<DescribeSecretResponse> {
        let of = (region, input.secret_id.as_str());
        let keys = policy::Context::new();
        let (permit, secret) =
            self.permitted_secret::<secrets_manager::DescribeSecret>(ctx, of, keys).await?;
        let tags = permit.read(|key| ListIamTags { owner: key.arn.as_ref().to_owned() }).await?;
        let values = permit.read(|key| ListSecretValues { arn: key.arn.as_ref().to_owned() }).await?;
        let secret = secret.into_row();
        Ok(DescribeSecretResponse {
            arn: Some(secret.arn),
            name: Some(secret.name),
            description: secret.description,
            last_changed_date: Some(seconds(secret.changed_at)),
            created_date: Some(seconds(secret.created_at)),
            deleted_date: secret.delete_at.map(seconds),
            tags: shown_tags(tags),
            version_ids_to_stages: stages(&values),
            ..DescribeSecretResponse::default()
        })
    }

    /// Changes the description or the value of a secret.
    pub async fn update_secret(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: UpdateSecretRequest,
    ) -> Result<UpdateSecretResponse> {
        let of = (region, input.secret_id.as_str());
        let keys = policy::Context::new();
        let (permit, secret) =
            self.permitted_live_secret::<secrets_manager::UpdateSecret>(ctx, of, keys).await?;
        no_kms(input.kms_key_id.as_deref())?;
        let at = ctx.at();
        let text = input.secret_string.as_deref();
        let value = self.new_value((text, &input.secret_binary), input.client_request_token)?;
        let version_id = value.as_ref().map(|value| value.id.clone());
        if let Some(value) = value {
            self.store_value(&permit, (value, text), at).await?;
        }
        if let Some(description) = input.description {
            let change = SecretChange::Description(description);
            let change = |key: ResourceKey| ChangeSecret { arn: key.arn, change, at };
            permit.write(change).await.or_refused(|NoSecret| no_secret())?;
        }
        let secret = secret.into_row();
        Ok(UpdateSecretResponse { arn: Some(secret.arn), name: Some(secret.name), version_id })
    }

    /// Deletes a secret: at once, or after a time in which it can be restored.
    pub async fn delete_secret(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: DeleteSecretRequest,
    ) -> Result<DeleteSecretResponse> {
        let of = (region, input.secret_id.as_str());
        let keys = policy::Context::new();
        let (permit, secret) = self.permitted_secret::<secrets_manager::DeleteSecret>(ctx, of, keys).await?;
        let is_forced = input.force_delete_without_recovery;
        if is_forced && input.recovery_window_in_days.is_some() {
            return Err(invalid_parameter(
                "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
            ));
        }
        let days = input.recovery_window_in_days.unwrap_or(RECOVERY_DAYS);
        if !(7..=RECOVERY_DAYS).contains(&days) {
            return Err(invalid_parameter(
                "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).",
            ));
        }
        let at = ctx.at();
        let delete_at = if is_forced {
            permit.write(|key: ResourceKey| RemoveSecret { arn: key.arn }).await.or_store_error()?;
            at
        } else {
            let delete_at = Micros(at.0.saturating_add(DAY.saturating_mul(days.cast_signed())));
            let change = SecretChange::DeleteAt(Some(delete_at));
            let change = |key: ResourceKey| ChangeSecret { arn: key.arn, change, at };
            permit.write(change).await.or_refused(|NoSecret| no_secret())?;
            delete_at
        };
        let secret = secret.into_row();
        let deletion_date = Some(seconds(delete_at));
        Ok(DeleteSecretResponse { arn: Some(secret.arn), name: Some(secret.name), deletion_date })
    }

    /// Restores a secret that was deleted.
    pub async fn restore_secret(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: RestoreSecretRequest,
    ) -> Result<RestoreSecretResponse> {
        let of = (region, input.secret_id.as_str());
        let keys = policy::Context::new();
        let (permit, secret) = self.permitted_secret::<secrets_manager::RestoreSecret>(ctx, of, keys).await?;
        let (change, at) = (SecretChange::DeleteAt(None), ctx.at());
        let change = |key: ResourceKey| ChangeSecret { arn: key.arn, change, at };
        permit.write(change).await.or_refused(|NoSecret| no_secret())?;
        let secret = secret.into_row();
        Ok(RestoreSecretResponse { arn: Some(secret.arn), name: Some(secret.name) })
    }

    /// Lists secrets by name.
    pub async fn list_secrets(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: ListSecretsRequest,
    ) -> Result<ListSecretsResponse> {
        let gate = self.access.registry_gate(ctx, &ctx.caller.account_id, region).await?;
        let permit = gate.permit_on::<secrets_manager::ListSecrets>("*", policy::Context::new())?;
        if !input.filters.is_empty() || input.sort_order == Some(SortOrderType::Desc) {
            return Err(invalid_parameter("Filters and SortOrder are not supported here."));
        }
        let list = format!("secrets {region}");
        let after = match &input.next_token {
            None => String::new(),
            Some(token) => self
                .access
                .open_page_token::<String>(&list, token)
                .map_err(|_| Error::aws(AwsCode::SecretInvalidNextToken, "The NextToken is not valid."))?,
        };
        let limit = usize::try_from(input.max_results.unwrap_or(PAGE)).unwrap_or_default();
        let read = |account_id| {
            let (region, prefix) = (region.clone(), String::new());
            ListSecrets(EventPage { account_id, region, prefix, after, limit: limit + 1 })
        };
        let mut found = permit.read(read).await?;
        let has_more = found.len() > limit;
        found.truncate(limit);
        let last = found.last().filter(|_| has_more).map(|secret| secret.name.clone());
        let next_token = last.map(|name| self.access.page_token(&list, name)).transpose()?;
        let mut secret_list = Vec::with_capacity(found.len());
        let at = ctx.at();
        let is_listed = |secret: &Secret| match secret.delete_at {
            None => true,
            Some(delete_at) => input.include_planned_deletion && delete_at > at,
        };
        for secret in found.into_iter().filter(is_listed) {
            let owner = secret.arn.clone();
            let tags = permit.read(|_| ListIamTags { owner }).await?;
            let arn = secret.arn.clone();
            let values = permit.read(|_| ListSecretValues { arn }).await?;
            secret_list.push(SecretListEntry {
                arn: Some(secret.arn),
                name: Some(secret.name),
                description: secret.description,
                last_changed_date: Some(seconds(secret.changed_at)),
                created_date: Some(seconds(secret.created_at)),
                deleted_date: secret.delete_at.map(seconds),
                tags: shown_tags(tags),
                secret_versions_to_stages: stages(&values),
                ..SecretListEntry::default()
            });
        }
        Ok(ListSecretsResponse { secret_list, next_token })
    }
}
