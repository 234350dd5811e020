//! The operations of the ECR API: one method for each, with the API's name in snake case. Requests are decoded and
//! checked against their shape already. Each method gets a permit from the gate, calls the rule that the permit opens,
//! and builds the response from the result.

mod account_setting;
mod creation_template;
mod image;
mod image_delete;
mod image_list;
mod image_scan;
mod in_use;
mod layer;
mod layer_upload;
mod lifecycle_policy;
mod lifecycle_preview;
mod protection;
mod pull_through_cache;
mod pull_time_exclusion;
mod registry;
mod registry_policy;
mod registry_scanning;
mod replication;
mod replication_backfill;
mod repository;
mod repository_move;
mod repository_policy;
mod repository_setting;
mod repository_tags;
mod storage_class;
mod tag_history;

pub(crate) use repository_tags::request_tag_keys;

use access::answers;
use access::context::{Ctx, RepositoryRef};
use access::error::{Error, Result};
use aws::ids::{AccountId, Region};
use oci::name::RepositoryName;

use crate::Registry;

aws::ecr_operations! { answers Registry ecr }

/// The account of a request: the one that it names, or the caller's own.
fn account_of(ctx: &Ctx, registry_id: Option<&str>) -> Result<AccountId> {
    match registry_id {
        None => Ok(ctx.caller.account_id.clone()),
        Some(id) => id
            .parse()
            .map_err(|_| Error::invalid_parameter("registryId", "must satisfy regular expression [0-9]{12}")),
    }
}

/// The repository of a request.
pub(crate) fn repository_of(
    ctx: &Ctx,
    region: &Region,
    registry_id: Option<&str>,
    name: &str,
) -> Result<RepositoryRef> {
    let name: RepositoryName =
        name.parse().map_err(|_| Error::invalid_parameter("repositoryName", "Invalid name"))?;
    Ok(RepositoryRef { account_id: account_of(ctx, registry_id)?, region: region.clone(), name })
}

/// The store's microseconds in the time format of ECR's JSON.
pub(crate) fn epoch_seconds(at: access::store::Micros) -> f64 {
    let at = jiff::Timestamp::from_microsecond(at.0).unwrap_or_default();
    aws::json::epoch_seconds(at)
}

/// The number of items for a page of `maxResults`, which its shape has limited.
pub(crate) fn page_limit(max_results: Option<u32>, default: u32) -> usize {
    usize::try_from(max_results.unwrap_or(default)).unwrap_or(usize::MAX)
}
