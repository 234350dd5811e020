//! The operation of the management account that shows how many bytes are stored.

use access::collection::USAGE_PAGE;
use access::context::Ctx;
use access::error::{AwsCode, Error, Result};
use access::op::organizations;
use access::store::{RegistryKey, RepositoryKey};
use aws::organizations::{
    RegistryUsage, RepositoryUsage, WharfDescribeCollectionResponse, WharfDescribeUsageRequest,
    WharfDescribeUsageResponse,
};

use jiff::Timestamp;

use crate::Identity;

impl Identity {
    /// How many bytes are stored, and the state of the collector, for the metrics.
    pub async fn storage(&self, now: Timestamp) -> Result<(i64, WharfDescribeCollectionResponse)> {
        Ok((self.access.stored_bytes().await?, self.shown_collection(now).await?))
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
        let after = next_token.map(read_token).transpose()?;
        let usage = self.access.usage(after).await?;
        let pending = self.access.collection_state().await?.doomed.bytes;
        let is_full = usage.repositories.len() == USAGE_PAGE;
        let last = usage.repositories.last().filter(|_| is_full).map(|repository| repository.key);
        Ok(WharfDescribeUsageResponse {
            physical_bytes: bytes(usage.physical_bytes),
            pending_bytes: pending,
            registries: usage.registries.into_iter().map(of_registry).collect(),
            repositories: usage.repositories.into_iter().map(of_repository).collect(),
            next_token: last.map(|key| format!("{}:{}", key.registry.0, key.id)),
        })
    }
}

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

fn read_token(token: &str) -> Result<RepositoryKey> {
    let parts =
        token.split_once(':').and_then(|(registry, id)| Some((registry.parse().ok()?, id.parse().ok()?)));
    let (registry, id) = parts.ok_or_else(|| {
        Error::aws(AwsCode::OrganizationInvalidInput, "The token of the next page is not valid.")
    })?;
    Ok(RepositoryKey { registry: RegistryKey(registry), id })
}
