//! StartReplicationBackfill, StopReplicationBackfill, ListReplicationBackfills and DescribeReplicationBackfillResults.

use access::context::Ctx;
use access::error::Result;
use access::op::ecr;
use access::permit::{Grant, OnRegistry, Opens, Permit};
use access::store::{BackfillItem, BackfillStatus, ListBackfillFailures, Micros, ReplicationBackfillRow};
use aws::ecr::{
    DescribeReplicationBackfillResultsRequest, DescribeReplicationBackfillResultsResponse, ImageIdentifier,
    ListReplicationBackfillsRequest, ListReplicationBackfillsResponse, ReplicationBackfillProgress,
    ReplicationBackfillResult, ReplicationBackfillResultStatus as ResultStatus,
    ReplicationBackfillStatus as Status, ReplicationBackfillSummary, ReplicationDestination,
    StartReplicationBackfillRequest, StartReplicationBackfillResponse, StopReplicationBackfillRequest,
    StopReplicationBackfillResponse,
};
use aws::ids::Region;

use super::{account_of, epoch_seconds, page_limit};
use crate::Registry;
use crate::replication::backfill;

impl Registry {
    /// Starts to replicate what was in the registry before.
    pub async fn start_replication_backfill(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: StartReplicationBackfillRequest,
    ) -> Result<StartReplicationBackfillResponse> {
        let account = account_of(ctx, input.registry_id.as_deref())?;
        let gate = self.access.registry_gate(ctx, &account, region).await?;
        let permit = gate.permit::<ecr::StartReplicationBackfill>()?;
        let row = backfill::start(&self.access, ctx, &permit, &input.destination).await?;
        Ok(StartReplicationBackfillResponse {
            registry_id: Some(account.to_string()),
            destination: Some(input.destination),
            status: Some(status(row.status)),
            started_at: Some(epoch_seconds(row.started_at)),
            replication_backfill_id: Some(row.id),
        })
    }

    /// Stops a backfill. What was replicated stays.
    pub async fn stop_replication_backfill(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: StopReplicationBackfillRequest,
    ) -> Result<StopReplicationBackfillResponse> {
        let account = account_of(ctx, input.registry_id.as_deref())?;
        let gate = self.access.registry_gate(ctx, &account, region).await?;
        let permit = gate.permit::<ecr::StopReplicationBackfill>()?;
        let row = backfill::stop(ctx, &permit, input.replication_backfill_id).await?;
        Ok(StopReplicationBackfillResponse {
            registry_id: Some(account.to_string()),
            destination: Some(destination(&row)),
            status: Some(status(row.status)),
            started_at: Some(epoch_seconds(row.started_at)),
            replication_backfill_id: Some(row.id),
        })
    }

    /// Lists the backfills of a registry, the newest first.
    pub async fn list_replication_backfills(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: ListReplicationBackfillsRequest,
    ) -> Result<ListReplicationBackfillsResponse> {
        let account = account_of(ctx, input.registry_id.as_deref())?;
        let gate = self.access.registry_gate(ctx, &account, region).await?;
        let permit = gate.permit::<ecr::ListReplicationBackfills>()?;
        let list = format!("replication backfills {account} {region}");
        let before: Option<(i64, String)> =
            input.next_token.map(|token| self.access.open_page_token(&list, &token)).transpose()?;
        let limit = page_limit(input.max_results, 25);
        let before = before.map(|(at, id)| (Micros(at), id));
        let mut rows = backfill::list(&permit, before, limit.saturating_add(1)).await?;
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let last = rows.last().filter(|_| has_more).map(|row| (row.started_at.0, row.id.clone()));
        let mut backfills = Vec::with_capacity(rows.len());
        for row in rows {
            backfills.push(summary(&permit, row).await?);
        }
        Ok(ListReplicationBackfillsResponse {
            registry_id: Some(account.to_string()),
            backfills,
            next_token: last.map(|last| self.access.page_token(&list, last)).transpose()?,
        })
    }

    /// The progress of a backfill, and its results when it has ended.
    pub async fn describe_replication_backfill_results(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: DescribeReplicationBackfillResultsRequest,
    ) -> Result<DescribeReplicationBackfillResultsResponse> {
        let account = account_of(ctx, input.registry_id.as_deref())?;
        let gate = self.access.registry_gate(ctx, &account, region).await?;
        let permit = gate.permit::<ecr::DescribeReplicationBackfillResults>()?;
        let row = backfill::find(&permit, input.replication_backfill_id).await?;
        let list = format!("replication backfill {} {:?}", row.id, input.result_status_filter);
        let after: Option<i64> =
            input.next_token.map(|token| self.access.open_page_token(&list, &token)).transpose()?;
        let limit = page_limit(input.max_results, 100);
        let failed = input.result_status_filter.map(|filter| filter == ResultStatus::Failed);
        let page = (after.unwrap_or(-1), limit.saturating_add(1));
        let mut items = backfill::results(&permit, &row, failed, page).await?;
        let has_more = items.len() > limit;
        items.truncate(limit);
        let last = items.last().filter(|_| has_more).map(|item| item.position);
        let next_token = last.map(|last| self.access.page_token(&list, last)).transpose()?;
        let shown = summary(&permit, row).await?;
        Ok(DescribeReplicationBackfillResultsResponse {
            registry_id: Some(account.to_string()),
            replication_backfill_id: Some(shown.replication_backfill_id),
            destination: Some(shown.destination),
            status: Some(shown.status),
            failure_code: shown.failure_code,
            progress: shown.progress,
            results: items.into_iter().map(result).collect(),
            started_at: Some(shown.started_at),
            ended_at: shown.ended_at,
            next_token,
        })
    }
}

fn status(status: BackfillStatus) -> Status {
    match status {
        BackfillStatus::Preparing => Status::Preparing,
        BackfillStatus::InProgress => Status::InProgress,
        BackfillStatus::Complete => Status::Complete,
        BackfillStatus::Failed => Status::Failed,
        BackfillStatus::Stopping => Status::Stopping,
        BackfillStatus::Stopped => Status::Stopped,
    }
}

fn destination(row: &ReplicationBackfillRow) -> ReplicationDestination {
    ReplicationDestination { region: row.region.to_string(), registry_id: row.account_id.to_string() }
}

/// A backfill in lists. Its progress is known when all its images are.
async fn summary<G>(permit: &Permit<G>, row: ReplicationBackfillRow) -> Result<ReplicationBackfillSummary>
where
    G: Grant<On = OnRegistry> + Opens<ListBackfillFailures>,
{
    let progress = match row.total {
        None => None,
        Some(total) => Some(ReplicationBackfillProgress {
            total_replication_count: count(total),
            completed_replication_count: count(row.completed),
            failed_replication_count: count(row.failed),
            failure_codes: match row.failed {
                0 => Vec::new(),
                _ => permit.read(|_| ListBackfillFailures { id: row.id.clone() }).await?,
            },
        }),
    };
    Ok(ReplicationBackfillSummary {
        destination: destination(&row),
        status: status(row.status),
        failure_code: row.failure_code,
        progress,
        started_at: epoch_seconds(row.started_at),
        ended_at: row.ended_at.map(epoch_seconds),
        replication_backfill_id: row.id,
    })
}

fn count(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn result(item: BackfillItem) -> ReplicationBackfillResult {
    ReplicationBackfillResult {
        repository_name: item.repository_name,
        image_id: ImageIdentifier {
            image_digest: Some(item.digest.to_string()),
            image_tag: item.tag.map(|tag| tag.to_string()),
        },
        status: if item.has_failed { ResultStatus::Failed } else { ResultStatus::Complete },
        failure_code: item.failure_code,
        sub_image_failure_codes: Vec::new(),
    }
}
