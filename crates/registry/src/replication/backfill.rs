//! Backfills: the images that were in a registry before its replication was configured (ECR User Guide, "Replication
//! backfill"). The reconciler reads them in slices, and then replicates them. Both go on where they were after a restart.

use std::time::Duration;

use access::Access;
use access::authz::Permit;
use access::context::{Ctx, micros};
use access::error::{Code, Error, Result};
use access::op::{Effect, ecr};
use access::permit::OnRegistry;
use access::store::{
    BackfillItem, BackfillItemStatus, BackfillStatus, EndBackfillItems, FindReplicationBackfill,
    FindReplicationDestination, ListBackfillItems, ListOpenBackfills, ListReplicationBackfills, Micros,
    PrepareBackfill, RefusedExt as _, ReplicationBackfillRow, ReplicationKey, RepositoryKey,
    StartReplicationBackfill, StartReplicationBackfillRefusal as StartRefusal, StopReplicationBackfill,
    StopReplicationBackfillRefusal as StopRefusal, StoreResultExt as _, TrimReplicationBackfills,
};
use aws::ecr::ReplicationDestination;
use futures::{StreamExt as _, stream};
use jiff::Timestamp;

use super::backfill_place::Page;
use super::image::{Replica, failure_code};
use super::retry::is_transient;
use super::{Authority, ITEMS_AT_ONCE, Route};
use crate::Registry;
use crate::reconcile::Pass;

/// How long a backfill that has ended is kept (ECR API Reference, ListReplicationBackfills).
const KEPT: Duration = Duration::from_hours(90 * 24);
/// Backfills in one pass, and what is done for each: transactions that read images, and images that are replicated.
const BACKFILLS: usize = 100;
const SLICES: usize = 20;
const SLICE: usize = 500;
const ITEMS: usize = 200;
const TRIMMED: usize = 1_000;

pub(crate) async fn start(
    access: &Access,
    ctx: &Ctx,
    permit: &Permit<ecr::StartReplicationBackfill>,
    destination: &ReplicationDestination,
) -> Result<ReplicationBackfillRow> {
    let not_configured = || {
        let rule = "the destination must be in the replication configuration of the registry";
        Error::invalid_parameter("destination", rule)
    };
    let registry = permit.registry().ok_or_else(not_configured)?.key;
    let quota = access.quotas().replication_backfills_in_progress_per_registry;
    let start = StartReplicationBackfill {
        id: uuid::Uuid::new_v4().to_string(),
        registry,
        account_id: destination.registry_id.parse().map_err(|_| not_configured())?,
        region: destination.region.parse().map_err(|_| not_configured())?,
        limit: quota.limit(),
        at: ctx.at(),
    };
    permit.write(|_| start).await.or_refused(|refusal| match refusal {
        StartRefusal::NotConfigured => not_configured(),
        StartRefusal::Limit => quota.exceeded(),
        StartRefusal::InProgress => {
            let message = format!(
                "A replication backfill is already in progress for the destination Region '{}' of the registry with id '{}'",
                destination.region,
                permit.account()
            );
            Error::new(Code::ReplicationBackfillInProgress, message)
        }
    })
}

fn not_found<E: Effect<On = OnRegistry>>(permit: &Permit<E>, id: &str) -> Error {
    let message = format!(
        "The replication backfill with id '{id}' does not exist in the registry with id '{}'",
        permit.account()
    );
    Error::new(Code::ReplicationBackfillNotFound, message)
}

pub(crate) async fn stop(
    ctx: &Ctx,
    permit: &Permit<ecr::StopReplicationBackfill>,
    id: String,
) -> Result<ReplicationBackfillRow> {
    let registry = permit.registry().ok_or_else(|| not_found(permit, &id))?.key;
    let stop = StopReplicationBackfill { registry, id: id.clone(), at: ctx.at() };
    permit.write(|_| stop).await.or_refused(|refusal| match refusal {
        StopRefusal::NotFound => not_found(permit, &id),
        StopRefusal::Status(status) => {
            let message = format!(
                "The replication backfill with id '{id}' cannot be stopped, because its status is {}",
                status.as_str()
            );
            Error::new(Code::ReplicationBackfillInvalidStatus, message)
        }
    })
}

pub(crate) async fn list(
    permit: &Permit<ecr::ListReplicationBackfills>,
    before: Option<(Micros, String)>,
    limit: usize,
) -> Result<Vec<ReplicationBackfillRow>> {
    let Some(registry) = permit.registry() else { return Ok(Vec::new()) };
    permit.read(|_| ListReplicationBackfills { registry: registry.key, before, limit }).await
}

pub(crate) async fn find(
    permit: &Permit<ecr::DescribeReplicationBackfillResults>,
    id: String,
) -> Result<ReplicationBackfillRow> {
    let registry = permit.registry().ok_or_else(|| not_found(permit, &id))?.key;
    let found = permit.read(|_| FindReplicationBackfill { registry, id: id.clone() }).await?;
    found.ok_or_else(|| not_found(permit, &id))
}

/// The results of a backfill that has ended: those that failed, those that did not, or all.
pub(crate) async fn results(
    permit: &Permit<ecr::DescribeReplicationBackfillResults>,
    backfill: &ReplicationBackfillRow,
    failed: Option<bool>,
    (after, limit): (i64, usize),
) -> Result<Vec<BackfillItem>> {
    if !backfill.status.is_terminal() {
        return Ok(Vec::new());
    }
    let status =
        failed.map(|failed| if failed { BackfillItemStatus::Failed } else { BackfillItemStatus::Complete });
    permit.read(|_| ListBackfillItems { id: backfill.id.clone(), status, after, limit }).await
}

/// All backfills that have not ended, the oldest first. A quota limits how many a registry can have.
pub(super) async fn open_backfills(permit: &Permit<Authority>) -> Result<Vec<ReplicationBackfillRow>> {
    let mut open: Vec<ReplicationBackfillRow> = Vec::new();
    loop {
        let after = open.last().map(|last| (last.started_at, last.id.clone()));
        let page = permit.read(|()| ListOpenBackfills { after, limit: BACKFILLS }).await?;
        if page.is_empty() {
            return Ok(open);
        }
        open.extend(page);
    }
}

impl Registry {
    /// One pass over the backfills that have not ended.
    pub(super) async fn work_on_backfills(&self, permit: &Permit<Authority>, now: Timestamp) -> Result<Pass> {
        let mut pass = Pass { done: 0, has_more: false };
        for backfill in open_backfills(permit).await? {
            let Pass { done, has_more } = match backfill.status {
                BackfillStatus::Preparing => prepare(permit, &backfill, now).await?,
                _ => self.backfill(permit, backfill, now).await?,
            };
            pass.done += done;
            pass.has_more |= has_more;
        }
        let trim = TrimReplicationBackfills { before: micros(now).minus(KEPT), limit: TRIMMED };
        pass.has_more |= permit.write(|()| trim).await.or_store_error()? > 0;
        Ok(pass)
    }

    /// Replicates the next images of a backfill.
    async fn backfill(
        &self,
        permit: &Permit<Authority>,
        backfill: ReplicationBackfillRow,
        now: Timestamp,
    ) -> Result<Pass> {
        let find = FindReplicationDestination { id: backfill.destination };
        let destination = permit.read(|()| find).await?;
        let is_stopping = backfill.status == BackfillStatus::Stopping;
        let (mut ended, mut failure, mut goes_on) = (Vec::new(), None, false);
        match destination {
            None => failure = Some("DestinationNotFound".to_owned()),
            Some(_) if is_stopping => {}
            // Another reconciler sends them.
            Some(destination) if self.peer_of(&destination).is_some() => {
                return Ok(Pass { done: 0, has_more: false });
            }
            Some(destination) => {
                let route = self.route(destination, now).await?;
                let status = Some(BackfillItemStatus::Waiting);
                let after = self.backfill_places.after(&backfill.id);
                let list = ListBackfillItems { id: backfill.id.clone(), status, after, limit: ITEMS };
                let items = permit.read(|()| list).await?;
                let last = items.last().map(|item| item.position);
                let page = Page { last, paused: None, is_full: items.len() == ITEMS };
                let work =
                    items.into_iter().map(|item| self.backfill_item(permit, (&backfill, &route), item));
                let mut work = stream::iter(work).buffer_unordered(ITEMS_AT_ONCE);
                while let Some(of_item) = work.next().await {
                    ended.extend(of_item?);
                }
                goes_on = self.backfill_places.go_on(&backfill.id, &page);
            }
        }
        let (done, id) = (ended.len(), backfill.id.clone());
        let end = EndBackfillItems { id, ended, failure, is_at_peer: false, at: micros(now) };
        let status = permit.write(|()| end).await.or_store_error()?;
        if status.is_terminal() {
            self.backfill_places.forget(&backfill.id);
        }
        // Without progress, the next pass over all that wait has to wait for its time.
        Ok(Pass { done, has_more: (done > 0 || goes_on) && !status.is_terminal() })
    }

    /// Replicates an image. None: this server could not, and tries again.
    async fn backfill_item(
        &self,
        permit: &Permit<Authority>,
        (backfill, route): (&ReplicationBackfillRow, &Route),
        item: BackfillItem,
    ) -> Result<Option<(i64, Option<String>)>> {
        let source = RepositoryKey { registry: backfill.registry, id: item.repository };
        let destination = backfill.destination;
        let key = ReplicationKey { source, digest: item.digest, tag: item.tag, destination };
        let replicated = async {
            let (ctx, to) = (route.request()?, route.repository(&item.repository_name)?);
            let replica = Replica { route, ctx: &ctx, to: &to, source };
            self.replicate(permit, &replica, (&key, None)).await
        };
        match replicated.await {
            Ok(Some(())) => Ok(Some((item.position, None))),
            Ok(None) => Ok(Some((item.position, Some("ImageNotFound".to_owned())))),
            Err(error) if is_transient(&error) => {
                tracing::warn!(backfill = backfill.id, digest = %item.digest, %error, "an image is tried again");
                Ok(None)
            }
            Err(error) => Ok(Some((item.position, Some(failure_code(&error))))),
        }
    }
}

/// Reads the next images of a backfill.
async fn prepare(
    permit: &Permit<Authority>,
    backfill: &ReplicationBackfillRow,
    now: Timestamp,
) -> Result<Pass> {
    for done in 0..SLICES {
        let prepare = PrepareBackfill { id: backfill.id.clone(), limit: SLICE, at: micros(now) };
        if permit.write(|()| prepare).await.or_store_error()? {
            return Ok(Pass { done, has_more: true });
        }
    }
    Ok(Pass { done: SLICES, has_more: true })
}
