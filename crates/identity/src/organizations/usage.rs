//! The operation of the management account that shows how many bytes are stored.

use access::collection::USAGE_PAGE;
use access::context::Ctx;
use access::databases::away;
use access::error::{AwsCode, Error, Result};
use access::op::organizations;
use access::store::{RegistryKey, RepositoryKey};
use aws::organizations::{
    RegistryUsage, RepositoryUsage, WharfDescribeUsageRequest, WharfDescribeUsageResponse,
};

use crate::Identity;

impl Identity {
    /// How many bytes are stored in all databases, for the metrics.
    pub async fn stored_bytes(&self) -> Result<i64> {
        self.access.stored_bytes().await
    }

    /// Shows usage, with a page of repositories.
    pub async fn wharf_describe_usage(
        &self,
        ctx: &Ctx,
        input: WharfDescribeUsageRequest,
    ) -> Result<WharfDescribeUsageResponse> {
        self.manages::<organizations::WharfDescribeUsage>(ctx, "*").await?;
        self.shown_usage(input.next_token.as_deref()).await
    }

    /// The same for an operator who can open the store.
    pub async fn shown_usage(&self, next_token: Option<&str>) -> Result<WharfDescribeUsageResponse> {
        let databases = self.access.all_databases()?;
        let (name, after) = next_token.map(read_token).transpose()?.unwrap_or_default();
        let at = databases.iter().position(|(known, _)| *known == name).ok_or_else(bad_token)?;
        // Registries are shown with the first page.
        let start = next_token.is_some().then_some(START);
        let (mut physical, mut pending, mut registries, mut repositories) = (0, 0, Vec::new(), Vec::new());
        for (index, (database, access)) in databases.iter().enumerate() {
            let (after, limit) = if index == at { (after.or(start), USAGE_PAGE) } else { (start, 0) };
            let usage = access.usage(after, limit).await.map_err(|error| away(database, error))?;
            physical += usage.physical_bytes;
            let state = access.collection_state().await.map_err(|error| away(database, error))?;
            pending += state.doomed.bytes;
            registries.extend(usage.registries.into_iter().map(of_registry));
            repositories.extend(usage.repositories);
        }
        let is_full = repositories.len() == USAGE_PAGE;
        let last = repositories.last().filter(|_| is_full).map(|repository| repository.key);
        let next = match (last, databases.get(at + 1)) {
            (Some(key), _) if name.is_empty() => Some(format!("{}:{}", key.registry.0, key.id)),
            (Some(key), _) => Some(format!("{name}/{}:{}", key.registry.0, key.id)),
            (None, Some((next, _))) => Some(format!("{next}/")),
            (None, None) => None,
        };
        Ok(WharfDescribeUsageResponse {
            physical_bytes: bytes(physical),
            pending_bytes: pending,
            registries,
            repositories: repositories.into_iter().map(of_repository).collect(),
            next_token: next,
        })
    }
}

/// Before every repository.
const START: RepositoryKey = RepositoryKey { registry: RegistryKey(i64::MIN), id: i64::MIN };

/// Until the first measurement after an upgrade, a counter can be below zero.
fn bytes(count: i64) -> u64 {
    u64::try_from(count).unwrap_or_default()
}

fn of_registry(usage: access::store::RegistryUsage) -> RegistryUsage {
    RegistryUsage {
        account_id: usage.account_id,
        region: usage.region,
        repositories: usage.repositories,
        images: usage.images,
        tags: usage.tags,
        logical_bytes: bytes(usage.logical_bytes),
        physical_bytes: bytes(usage.physical_bytes),
    }
}

fn of_repository(usage: access::store::RepositoryUsage) -> RepositoryUsage {
    RepositoryUsage {
        account_id: usage.account_id,
        region: usage.region,
        repository_name: usage.name,
        images: usage.images,
        tags: usage.tags,
        layer_bytes: bytes(usage.layer_bytes),
        manifest_bytes: bytes(usage.manifest_bytes),
    }
}

/// The database, and the repository after which the page begins; None: it begins with the first one.
fn read_token(token: &str) -> Result<(&str, Option<RepositoryKey>)> {
    let (name, place) = token.split_once('/').unwrap_or(("", token));
    if place.is_empty() && !name.is_empty() {
        return Ok((name, None));
    }
    let parts =
        place.split_once(':').and_then(|(registry, id)| Some((registry.parse().ok()?, id.parse().ok()?)));
    let (registry, id) = parts.ok_or_else(bad_token)?;
    Ok((name, Some(RepositoryKey { registry: RegistryKey(registry), id })))
}

fn bad_token() -> Error {
    Error::aws(AwsCode::OrganizationInvalidInput, "The token of the next page is not valid.")
}
