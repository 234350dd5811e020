//! Reports of digests that are in use outside the registry, for example in clusters. An extension of Wharf.

use std::time::Duration;

use access::Access;
use access::context::{Ctx, micros};
use access::effects::authority;
use access::error::{Error, Result};
use access::op::ecr;
use access::permit::Permit;
use access::store::{
    DeleteInUseReport, ForgetInUseReports, InUseReport, LIFECYCLE_EXTENSIONS, ListInUseReports, NoReport,
    PutInUseReport, RefusedExt as _, StoreResultExt as _, TooManyReports,
};
use jiff::Timestamp;
use oci::digest::Digest;

use super::account_setting::{is_enabled, of_registry};
use super::own_registry;
use crate::Registry;
use crate::image::protection::extension_refused;

/// Rows of expired reports that are removed at once.
const SLICE: usize = 1_000;

/// Stores the report of a source, which replaces its last one.
pub(crate) async fn put(
    access: &Access,
    ctx: &Ctx,
    permit: &Permit<ecr::WharfPutInUseReport>,
    (source, digests, lifetime): (String, Vec<Digest>, Duration),
) -> Result<InUseReport> {
    let registry = own_registry(access, ctx, permit).await?;
    let setting = permit.read(|_| of_registry(registry, LIFECYCLE_EXTENSIONS)).await?;
    if !is_enabled(setting.as_deref()) {
        return Err(extension_refused());
    }
    let quota = access.quotas().in_use_reports_per_registry;
    let (at, expires_at) = (ctx.at(), ctx.at().plus(lifetime));
    let put =
        PutInUseReport { registry, source: source.clone(), digests, expires_at, at, limit: quota.limit() };
    let stored = permit.write(|_| put).await;
    let digest_count = stored.or_refused(|TooManyReports| quota.exceeded())?;
    Ok(InUseReport { source, reported_at: at, expires_at, digest_count })
}

/// Removes the report of a source.
pub(crate) async fn delete(permit: &Permit<ecr::WharfDeleteInUseReport>, source: &str) -> Result<()> {
    let none = || Error::invalid_parameter("source", "the registry has no report of this source");
    let registry = permit.registry().ok_or_else(none)?.key;
    let delete = DeleteInUseReport { registry, source: source.to_owned() };
    permit.write(|_| delete).await.or_refused(|NoReport| none())
}

/// Lists the reports by source: one more than `limit` if there is more.
pub(crate) async fn list(
    permit: &Permit<ecr::WharfListInUseReports>,
    after: Option<String>,
    limit: usize,
) -> Result<Vec<InUseReport>> {
    let Some(registry) = permit.registry() else { return Ok(Vec::new()) };
    permit.read(|_| ListInUseReports { registry: registry.key, after, limit: limit + 1 }).await
}

impl Registry {
    /// Removes expired reports; returns how many rows.
    pub async fn forget_in_use_reports(&self, now: Timestamp) -> Result<usize> {
        let permit = Permit::for_service(authority::ForgetReports, &self.access);
        let forget = ForgetInUseReports { limit: SLICE, at: micros(now) };
        let count = permit.write(|()| forget).await.or_store_error()?;
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }
}
