//! Pull-through cache rules: what is checked when they are written (ECR User Guide, "Creating a pull through cache rule in
//! Amazon ECR").

use access::Access;
use access::context::Ctx;
use access::error::{Code, Error, Result};
use access::op::ecr;
use access::permit::Permit;
use access::store::{
    CreatePullThroughCacheRule, CreatePullThroughCacheRuleRefusal as Refusal, DeletePullThroughCacheRule,
    GetPullThroughCacheRule, ListPullThroughCacheRules, PullThroughCacheRule, PullThroughCacheRuleRow, ROOT,
    RefusedExt as _, RegistryKey, StoreResultExt as _, UpdatePullThroughCacheRule,
};
use access::upstream_secret::UpstreamSecret;
use aws::ecr::UpstreamRegistry;
use aws::ids::{AccountId, Region};
use upstream::Endpoint;

use super::own_registry;
use crate::pull_through::rules_of;

/// A rule of a request.
pub(crate) struct NewRule {
    pub(crate) prefix: String,
    pub(crate) upstream_url: String,
    pub(crate) upstream_registry: Option<UpstreamRegistry>,
    pub(crate) upstream_prefix: Option<String>,
    pub(crate) credential_arn: Option<String>,
    pub(crate) custom_role_arn: Option<String>,
    /// Whether the role exists in the account of the registry.
    pub(crate) is_role_here: bool,
}

/// Creates a rule.
pub(crate) async fn create(
    access: &Access,
    ctx: &Ctx,
    (permit, region): (&Permit<ecr::CreatePullThroughCacheRule>, &Region),
    new: NewRule,
) -> Result<PullThroughCacheRuleRow> {
    let registry = (permit.account(), region);
    let (rule, endpoint) = checked(access, registry, new)?;
    let has_role = rule.custom_role_arn.is_some();
    check_secret((access, ctx), registry, (&endpoint, has_role), rule.credential_arn.as_deref()).await?;
    let registry = own_registry(access, ctx, permit).await?;
    let prefix = rule.prefix.clone();
    let limit = access.quotas().pull_through_cache_rules_per_registry.limit();
    let create = CreatePullThroughCacheRule { registry, rule, limit, at: ctx.at() };
    permit.write(|_| create).await.or_refused(|refusal| match refusal {
        Refusal::Exists => {
            let message = format!(
                "The pull through cache rule with ECR repository prefix '{prefix}' already exists in the registry with id '{}'",
                permit.account()
            );
            Error::new(Code::PullThroughCacheRuleAlreadyExists, message)
        }
        Refusal::Limit => access.quotas().pull_through_cache_rules_per_registry.exceeded(),
    })
}

/// The rule as it is stored.
fn checked(
    access: &Access,
    registry: (&AccountId, &Region),
    new: NewRule,
) -> Result<(PullThroughCacheRule, Endpoint)> {
    let settings = &access.settings.pull_through_cache;
    let endpoint = Endpoint::parse(&new.upstream_url, &rules_of(settings))
        .map_err(|error| Error::invalid_parameter("upstreamRegistryUrl", &error.to_string()))?;
    if !settings.allows(endpoint.host(), endpoint.port()) {
        let message = format!(
            "The specified upstream registry isn't supported: the operator of this deployment does not allow {endpoint}."
        );
        return Err(Error::new(Code::UnsupportedUpstreamRegistry, message));
    }
    let is_ecr = settings.ecr_place(endpoint.host(), endpoint.port()).is_some();
    let kind = kind_of(&endpoint, new.upstream_registry)?.or(is_ecr.then_some(UpstreamRegistry::Ecr));
    if new.prefix == ROOT && new.upstream_prefix.as_deref().is_some_and(|prefix| prefix != ROOT) {
        let why = "It can be set only if the ECR repository prefix is not ROOT";
        return Err(Error::invalid_parameter("upstreamRepositoryPrefix", why));
    }
    let role = new.custom_role_arn.as_ref().map(|_| Role { is_here: new.is_role_here });
    check_role(access, registry, &endpoint, (role, new.credential_arn.is_some()))?;
    if new.credential_arn.is_none() && kind.is_some_and(needs_credentials) {
        return Err(Error::new(Code::UnsupportedUpstreamRegistry, NEEDS_CREDENTIALS));
    }
    let rule = PullThroughCacheRule {
        prefix: new.prefix,
        upstream_url: endpoint.to_string(),
        upstream_registry: kind.map(|kind| kind.as_str().to_owned()),
        upstream_prefix: new.upstream_prefix.unwrap_or_else(|| ROOT.to_owned()),
        credential_arn: new.credential_arn,
        custom_role_arn: new.custom_role_arn,
    };
    Ok((rule, endpoint))
}

/// ECR's name for an upstream registry. A request can name the kind of a registry that ECR does not know; it cannot
/// contradict the host of one that it knows.
fn kind_of(endpoint: &Endpoint, given: Option<UpstreamRegistry>) -> Result<Option<UpstreamRegistry>> {
    let known = match endpoint.host() {
        "public.ecr.aws" => Some(UpstreamRegistry::EcrPublic),
        "registry.k8s.io" => Some(UpstreamRegistry::K8s),
        "quay.io" => Some(UpstreamRegistry::Quay),
        "registry-1.docker.io" => Some(UpstreamRegistry::DockerHub),
        "ghcr.io" => Some(UpstreamRegistry::GithubContainerRegistry),
        "registry.gitlab.com" => Some(UpstreamRegistry::GitlabContainerRegistry),
        "cgr.dev" => Some(UpstreamRegistry::Chainguard),
        host if host.ends_with(".azurecr.io") => Some(UpstreamRegistry::AzureContainerRegistry),
        host if host.contains(".dkr.ecr.") => Some(UpstreamRegistry::Ecr),
        _ => None,
    };
    match (known, given) {
        (Some(known), Some(given)) if known != given => {
            let message = format!(
                "The specified upstream registry isn't supported: {endpoint} is not a registry of {}.",
                given.as_str()
            );
            Err(Error::new(Code::UnsupportedUpstreamRegistry, message))
        }
        (known, given) => Ok(known.or(given)),
    }
}

/// The registries for which ECR requires a secret.
fn needs_credentials(kind: UpstreamRegistry) -> bool {
    matches!(
        kind,
        UpstreamRegistry::DockerHub
            | UpstreamRegistry::GithubContainerRegistry
            | UpstreamRegistry::GitlabContainerRegistry
            | UpstreamRegistry::AzureContainerRegistry
            | UpstreamRegistry::Chainguard
    )
}

/// ECR's text ("UnsupportedUpstreamRegistryException").
const NEEDS_CREDENTIALS: &str =
    "The specified upstream registry requires authentication. Specify a valid Secrets Manager ARN.";

/// The custom role of a rule.
struct Role {
    /// Whether it exists in the account of the registry.
    is_here: bool,
}

/// A custom role pulls from another registry of this deployment, or is a role of another deployment for which the settings
/// have an access key. Elsewhere nobody knows the role.
fn check_role(
    access: &Access,
    (account, region): (&AccountId, &Region),
    endpoint: &Endpoint,
    (role, has_secret): (Option<Role>, bool),
) -> Result<()> {
    let Some(role) = role else { return Ok(()) };
    let (host, port) = (endpoint.host(), endpoint.port());
    let settings = &access.settings;
    let is_own = settings.address.own_region(host, port, region).is_some();
    let has_key = settings.pull_through_cache.ecr_key(host, port, account).is_some();
    let why = match (is_own, role.is_here) {
        (true, _) if has_secret => TOGETHER,
        (true, true) => return Ok(()),
        (true, false) => "The role must exist in the account of the registry",
        // A secret can have the access key that assumes the role.
        (false, _) if has_secret || has_key => return Ok(()),
        (false, _) => {
            "It can be set only if the upstream registry is a registry of this deployment, or one for which the operator has an access key"
        }
    };
    Err(Error::invalid_parameter("customRoleArn", why))
}

const TOGETHER: &str = "It cannot be set together with credentialArn, unless the secret has an access key for a registry elsewhere";

/// The secret of a rule must exist and have credentials that its upstream registry takes. A role is assumed with an access
/// key, not with a password.
async fn check_secret(
    (access, ctx): (&Access, &Ctx),
    registry: (&AccountId, &Region),
    (endpoint, has_role): (&Endpoint, bool),
    credential_arn: Option<&str>,
) -> Result<()> {
    let Some(arn) = credential_arn else { return Ok(()) };
    let place = access.settings.pull_through_cache.ecr_place(endpoint.host(), endpoint.port());
    match access.upstream_secret(registry, arn, ctx.now).await? {
        UpstreamSecret::Password(_) if has_role => Err(Error::invalid_parameter("customRoleArn", TOGETHER)),
        UpstreamSecret::AccessKey(..) if place.is_none() => {
            let why = "The secret has an access key, but the upstream registry is not a registry of ECR";
            Err(Error::invalid_parameter("credentialArn", why))
        }
        UpstreamSecret::Password(_) | UpstreamSecret::AccessKey(..) => Ok(()),
    }
}

/// The credentials that a rule gets.
pub(crate) struct NewCredentials {
    pub(crate) credential_arn: Option<String>,
    pub(crate) custom_role_arn: Option<String>,
    /// Whether the role exists in the account of the registry.
    pub(crate) is_role_here: bool,
}

/// Changes the credentials of a rule.
pub(crate) async fn update(
    (access, ctx): (&Access, &Ctx),
    (permit, region): (&Permit<ecr::UpdatePullThroughCacheRule>, &Region),
    prefix: String,
    new: NewCredentials,
) -> Result<PullThroughCacheRuleRow> {
    let not_found = || not_found(permit.account(), &prefix);
    let registry = permit.registry().ok_or_else(not_found)?.key;
    let find = GetPullThroughCacheRule { registry, prefix: prefix.clone() };
    let old = permit.read(|_| find).await?.ok_or_else(not_found)?;
    let rules = rules_of(&access.settings.pull_through_cache);
    let endpoint = Endpoint::parse(&old.rule.upstream_url, &rules).map_err(Error::internal)?;
    let NewCredentials { credential_arn, custom_role_arn, is_role_here } = new;
    let (of, has_role) = ((permit.account(), region), custom_role_arn.is_some());
    let role = has_role.then_some(Role { is_here: is_role_here });
    check_role(access, of, &endpoint, (role, credential_arn.is_some()))?;
    check_secret((access, ctx), of, (&endpoint, has_role), credential_arn.as_deref()).await?;
    let at = ctx.at();
    let update =
        UpdatePullThroughCacheRule { registry, prefix: prefix.clone(), credential_arn, custom_role_arn, at };
    permit.write(|_| update).await.or_store_error()?.ok_or_else(not_found)
}

/// Deletes a rule; gives what it was. Repositories and images stay.
pub(crate) async fn delete(
    permit: &Permit<ecr::DeletePullThroughCacheRule>,
    prefix: String,
) -> Result<PullThroughCacheRuleRow> {
    let not_found = || not_found(permit.account(), &prefix);
    let registry = permit.registry().ok_or_else(not_found)?.key;
    let delete = DeletePullThroughCacheRule { registry, prefix: prefix.clone() };
    permit.write(|_| delete).await.or_store_error()?.ok_or_else(not_found)
}

/// The rules with these prefixes; each must exist.
pub(crate) async fn named(
    permit: &Permit<ecr::DescribePullThroughCacheRules>,
    prefixes: Vec<String>,
) -> Result<Vec<PullThroughCacheRuleRow>> {
    let mut rows = Vec::with_capacity(prefixes.len());
    for prefix in prefixes {
        let not_found = || not_found(permit.account(), &prefix);
        let registry = permit.registry().ok_or_else(not_found)?.key;
        let get = GetPullThroughCacheRule { registry, prefix: prefix.clone() };
        rows.push(permit.read(|_| get).await?.ok_or_else(not_found)?);
    }
    Ok(rows)
}

/// A page of all rules: one more than `limit` if there are more.
pub(crate) async fn page(
    permit: &Permit<ecr::DescribePullThroughCacheRules>,
    after: Option<String>,
    limit: usize,
) -> Result<Vec<PullThroughCacheRuleRow>> {
    let Some(registry) = permit.registry() else { return Ok(Vec::new()) };
    permit.read(|_| ListPullThroughCacheRules { registry: registry.key, after, limit: limit + 1 }).await
}

/// One rule, to be validated.
pub(crate) async fn get(
    permit: &Permit<ecr::ValidatePullThroughCacheRule>,
    prefix: &str,
) -> Result<(RegistryKey, PullThroughCacheRuleRow)> {
    let not_found = || not_found(permit.account(), prefix);
    let registry = permit.registry().ok_or_else(not_found)?.key;
    let get = GetPullThroughCacheRule { registry, prefix: prefix.to_owned() };
    let row = permit.read(|_| get).await?.ok_or_else(not_found)?;
    Ok((registry, row))
}

fn not_found(account: &AccountId, prefix: &str) -> Error {
    let message = format!(
        "The pull through cache rule with ECR repository prefix '{prefix}' does not exist in the registry with id '{account}'"
    );
    Error::new(Code::PullThroughCacheRuleNotFound, message)
}
