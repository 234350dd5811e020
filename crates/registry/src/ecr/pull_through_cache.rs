//! CreatePullThroughCacheRule, DescribePullThroughCacheRules, UpdatePullThroughCacheRule, DeletePullThroughCacheRule,
//! ValidatePullThroughCacheRule, and WharfRefreshUpstreamTags of Wharf's own.

use access::authz::Gate;
use access::context::Ctx;
use access::error::{Error, Result};
use access::op::{ecr, secrets_manager};
use access::permit::Permit;
use access::store::{ExpireUpstreamTags, PullThroughCacheRuleRow, StoreResultExt as _, Target};
use access::upstream_secret::{SERVICE, not_found};
use aws::ecr::{
    CreatePullThroughCacheRuleRequest, CreatePullThroughCacheRuleResponse, DeletePullThroughCacheRuleRequest,
    DeletePullThroughCacheRuleResponse, DescribePullThroughCacheRulesRequest,
    DescribePullThroughCacheRulesResponse, PullThroughCacheRule, UpdatePullThroughCacheRuleRequest,
    UpdatePullThroughCacheRuleResponse, UpstreamRegistry, ValidatePullThroughCacheRuleRequest,
    ValidatePullThroughCacheRuleResponse, WharfRefreshUpstreamTagsRequest, WharfRefreshUpstreamTagsResponse,
};
use aws::ids::{AccountId, Region};

use super::creation_template::may_pass_role;
use super::{account_of, epoch_seconds, page_limit, repository_of};
use crate::Registry;
use crate::registry_settings::pull_through_cache::{self, NewCredentials, NewRule};

impl Registry {
    /// Creates a rule.
    pub async fn create_pull_through_cache_rule(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: CreatePullThroughCacheRuleRequest,
    ) -> Result<CreatePullThroughCacheRuleResponse> {
        let account = account_of(ctx, input.registry_id.as_deref())?;
        let gate = self.access.registry_gate(ctx, &account, region).await?;
        let permit = gate.permit()?;
        let custom_role_arn = input.custom_role_arn.filter(|arn| !arn.is_empty());
        let arns = (input.credential_arn.as_deref(), custom_role_arn.as_deref());
        let (credential_arn, is_role_here) = self.prepare(ctx, (&gate, &account), arns).await?;
        let new = NewRule {
            prefix: input.ecr_repository_prefix,
            upstream_url: input.upstream_registry_url,
            upstream_registry: input.upstream_registry,
            upstream_prefix: input.upstream_repository_prefix,
            credential_arn,
            custom_role_arn,
            is_role_here,
        };
        let row = pull_through_cache::create(&self.access, ctx, (&permit, region), new).await?;
        let rule = shape(account.as_str(), row);
        Ok(CreatePullThroughCacheRuleResponse {
            ecr_repository_prefix: rule.ecr_repository_prefix,
            upstream_registry_url: rule.upstream_registry_url,
            created_at: rule.created_at,
            registry_id: rule.registry_id,
            upstream_registry: rule.upstream_registry,
            credential_arn: rule.credential_arn,
            custom_role_arn: rule.custom_role_arn,
            upstream_repository_prefix: rule.upstream_repository_prefix,
        })
    }

    /// The rules with the given prefixes, or a page of all.
    pub async fn describe_pull_through_cache_rules(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: DescribePullThroughCacheRulesRequest,
    ) -> Result<DescribePullThroughCacheRulesResponse> {
        let account = account_of(ctx, input.registry_id.as_deref())?;
        let permit = self.access.registry_gate(ctx, &account, region).await?.permit()?;
        let list = format!("pull through cache rules {account} {region}");
        let mut next_token = None;
        let rows = if input.ecr_repository_prefixes.is_empty() {
            let after =
                input.next_token.map(|token| self.access.open_page_token(&list, &token)).transpose()?;
            let limit = page_limit(input.max_results, 100);
            let mut rows = pull_through_cache::page(&permit, after, limit).await?;
            let has_more = rows.len() > limit;
            rows.truncate(limit);
            let last = rows.last().filter(|_| has_more).map(|row| &row.rule.prefix);
            next_token = last.map(|last| self.access.page_token(&list, last)).transpose()?;
            rows
        } else {
            pull_through_cache::named(&permit, input.ecr_repository_prefixes).await?
        };
        let shape = |row| shape(account.as_str(), row);
        Ok(DescribePullThroughCacheRulesResponse {
            pull_through_cache_rules: rows.into_iter().map(shape).collect(),
            next_token,
        })
    }

    /// A secret that a request names must exist, and the caller must be allowed to read it; the role that reads it is
    /// created. The caller must be allowed to pass a custom role, wherever it is. Returns the ARN of the secret, and whether
    /// the account has the custom role.
    async fn prepare(
        &self,
        ctx: &Ctx,
        (gate, account): (&Gate, &AccountId),
        (secret_arn, role_arn): (Option<&str>, Option<&str>),
    ) -> Result<(Option<String>, bool)> {
        let is_role_here = match role_arn {
            Some(role_arn) => may_pass_role(gate, account, (role_arn, SERVICE)).await?,
            None => false,
        };
        let Some(arn) = secret_arn else { return Ok((None, is_role_here)) };
        let secret = gate.find_secret(arn, ctx.at()).await?;
        // The caller chooses the host that gets the credentials, so it must be one that may read them.
        let keys = policy::Context::new();
        let permit =
            gate.permit_secret::<secrets_manager::GetSecretValue>(secret.as_ref(), arn, keys).await?;
        permit.ok_or_else(not_found)?;
        self.access.ensure_service_role(ctx, gate, SERVICE).await?;
        // With its random characters: another secret of this name, which the caller may not read, is not meant.
        Ok((secret.map(|secret| secret.into_row().arn), is_role_here))
    }

    /// Changes the credentials of a rule.
    pub async fn update_pull_through_cache_rule(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: UpdatePullThroughCacheRuleRequest,
    ) -> Result<UpdatePullThroughCacheRuleResponse> {
        let account = account_of(ctx, input.registry_id.as_deref())?;
        let gate = self.access.registry_gate(ctx, &account, region).await?;
        let permit = gate.permit()?;
        let custom_role_arn = input.custom_role_arn.filter(|arn| !arn.is_empty());
        let arns = (input.credential_arn.as_deref(), custom_role_arn.as_deref());
        let (credential_arn, is_role_here) = self.prepare(ctx, (&gate, &account), arns).await?;
        let prefix = input.ecr_repository_prefix;
        let new = NewCredentials { credential_arn, custom_role_arn, is_role_here };
        let row = pull_through_cache::update((&self.access, ctx), (&permit, region), prefix, new).await?;
        let rule = shape(account.as_str(), row);
        Ok(UpdatePullThroughCacheRuleResponse {
            ecr_repository_prefix: rule.ecr_repository_prefix,
            registry_id: rule.registry_id,
            updated_at: rule.updated_at,
            credential_arn: rule.credential_arn,
            custom_role_arn: rule.custom_role_arn,
            upstream_repository_prefix: rule.upstream_repository_prefix,
        })
    }

    /// Deletes a rule. Repositories and images stay.
    pub async fn delete_pull_through_cache_rule(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: DeletePullThroughCacheRuleRequest,
    ) -> Result<DeletePullThroughCacheRuleResponse> {
        let account = account_of(ctx, input.registry_id.as_deref())?;
        let permit = self.access.registry_gate(ctx, &account, region).await?.permit()?;
        let row = pull_through_cache::delete(&permit, input.ecr_repository_prefix).await?;
        let rule = shape(account.as_str(), row);
        Ok(DeletePullThroughCacheRuleResponse {
            ecr_repository_prefix: rule.ecr_repository_prefix,
            upstream_registry_url: rule.upstream_registry_url,
            created_at: rule.created_at,
            registry_id: rule.registry_id,
            credential_arn: rule.credential_arn,
            custom_role_arn: rule.custom_role_arn,
            upstream_repository_prefix: rule.upstream_repository_prefix,
        })
    }

    /// Whether the upstream registry of a rule answers and accepts its credentials.
    pub async fn validate_pull_through_cache_rule(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: ValidatePullThroughCacheRuleRequest,
    ) -> Result<ValidatePullThroughCacheRuleResponse> {
        let account = account_of(ctx, input.registry_id.as_deref())?;
        let permit = self.access.registry_gate(ctx, &account, region).await?.permit()?;
        let (registry, row) = pull_through_cache::get(&permit, &input.ecr_repository_prefix).await?;
        let failure = self.pull_through.failure_of(&self.access, (registry, (&account, region)), &row).await;
        let rule = shape(account.as_str(), row);
        Ok(ValidatePullThroughCacheRuleResponse {
            ecr_repository_prefix: rule.ecr_repository_prefix,
            registry_id: rule.registry_id,
            upstream_registry_url: rule.upstream_registry_url,
            credential_arn: rule.credential_arn,
            custom_role_arn: rule.custom_role_arn,
            upstream_repository_prefix: rule.upstream_repository_prefix,
            is_valid: Some(failure.is_none()),
            failure,
        })
    }
}

impl Registry {
    /// Has the tags of a repository, or one of them, validated at their next pull.
    pub async fn wharf_refresh_upstream_tags(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: WharfRefreshUpstreamTagsRequest,
    ) -> Result<WharfRefreshUpstreamTagsResponse> {
        let repository = repository_of(ctx, region, input.registry_id.as_deref(), &input.repository_name)?;
        let permit: Permit<ecr::WharfRefreshUpstreamTags> =
            self.access.gate(ctx, &repository, Target::None).await?.permit()?;
        let invalid =
            |_| Error::invalid_parameter("imageTag", "must satisfy regular expression '[a-zA-Z0-9-_.]+'");
        let tag = input.image_tag.map(|tag| tag.parse()).transpose().map_err(invalid)?;
        let expire = permit.write(|repository| ExpireUpstreamTags { repository, tag });
        let refreshed = expire.await.or_store_error()?;
        Ok(WharfRefreshUpstreamTagsResponse {
            registry_id: repository.account_id.to_string(),
            repository_name: repository.name.to_string(),
            refreshed_tags: refreshed.try_into().unwrap_or_default(),
        })
    }
}

fn shape(account: &str, row: PullThroughCacheRuleRow) -> PullThroughCacheRule {
    let PullThroughCacheRuleRow { rule, created_at, updated_at, .. } = row;
    PullThroughCacheRule {
        ecr_repository_prefix: Some(rule.prefix),
        upstream_registry_url: Some(rule.upstream_url),
        created_at: Some(epoch_seconds(created_at)),
        registry_id: Some(account.to_owned()),
        credential_arn: rule.credential_arn,
        custom_role_arn: rule.custom_role_arn,
        upstream_repository_prefix: Some(rule.upstream_prefix),
        upstream_registry: rule.upstream_registry.as_deref().and_then(UpstreamRegistry::parse),
        updated_at: Some(epoch_seconds(updated_at)),
    }
}
