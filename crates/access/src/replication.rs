//! The identity of replication: a session of the service-linked role of the account that is replicated. The role's policy
//! allows it to replicate; a registry of another account must allow that account in its registry policy (ECR User Guide,
//! "Cross-account replication policy requirements").

use std::sync::Arc;

use aws::ids::{AccountId, Region};
use jiff::Timestamp;
use meta::{ListReplicationLags, RegistryKey, ReplicationLag};
use policy::service_role::ServiceRole;

use crate::Access;
use crate::context::Ctx;
use crate::effects::authority;
use crate::error::Result;
use crate::permit::Permit;
use crate::service_linked_role;
use crate::service_role::work_for_registry;

/// The service that replicates.
pub const SERVICE: &str = "replication.ecr.amazonaws.com";
const SESSION_NAME: &str = "ecr-replication";
/// Counts are exact up to this number.
pub const MOST_COUNTED: i64 = 10_000;
/// The maximum number of destinations that are shown.
const DESTINATIONS: usize = 10_000;

/// Reads how far the destinations of a registry, or all of them, are behind.
pub fn lags_of(registry: Option<RegistryKey>) -> ListReplicationLags {
    ListReplicationLags { registry, most: MOST_COUNTED, limit: DESTINATIONS }
}

impl Access {
    /// The context in which images of a registry are replicated to a Region. None: the account has no role for it any more.
    pub async fn replication_ctx(
        &self,
        (account_id, region): (&AccountId, &Region),
        to: &Region,
        request_id: Arc<str>,
        now: Timestamp,
    ) -> Result<Option<Ctx>> {
        let Some(known) = ServiceRole::find(SERVICE) else { return Ok(None) };
        let permit = Permit::for_service(authority::ReplicateImages, self);
        let role_arn = service_linked_role::arn(account_id, &known);
        let (by, registry) = ((SERVICE, SESSION_NAME), (account_id, region));
        let ctx = work_for_registry(&permit, &role_arn, by, registry, (request_id, now)).await?;
        Ok(ctx.map(|ctx| Ctx { user_agent: Some(SERVICE.into()), ..ctx.signed_for(to.clone()) }))
    }

    /// How far the destinations of all registries are behind.
    pub async fn replication_lags(&self) -> Result<Vec<ReplicationLag>> {
        let permit = Permit::for_service(authority::DescribeReplication, self);
        permit.read(|()| lags_of(None)).await
    }
}
