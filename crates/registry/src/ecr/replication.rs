//! PutReplicationConfiguration, DescribeImageReplicationStatus, and Wharf's own WharfDescribeReplication.

use access::context::Ctx;
use access::error::Result;
use access::op::ecr;
use access::replication::{SERVICE, lags_of};
use access::store::{ImageReplication, ListImageReplications, ReplicationLag, Target};
use aws::ecr::{
    DescribeImageReplicationStatusRequest, DescribeImageReplicationStatusResponse, ImageReplicationStatus,
    PutReplicationConfigurationRequest, PutReplicationConfigurationResponse, ReplicationStatus,
    WharfDescribeReplicationRequest, WharfDescribeReplicationResponse, WharfReplicationLag,
};
use aws::ids::Region;

use super::image_scan::{image_id, named};
use super::{epoch_seconds, repository_of};
use crate::Registry;
use crate::registry_settings::replication;
use crate::replication::lag_seconds;

impl Registry {
    /// Replaces the replication configuration. The first one creates the service-linked role that replicates.
    pub async fn put_replication_configuration(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: PutReplicationConfigurationRequest,
    ) -> Result<PutReplicationConfigurationResponse> {
        let gate = self.access.registry_gate(ctx, &ctx.caller.account_id, region).await?;
        let permit = gate.permit::<ecr::PutReplicationConfiguration>()?;
        let checked = replication::check(&self.access, ctx, &permit, input.replication_configuration)?;
        replication::check_databases(&self.access, &checked).await?;
        if checked.has_rules() {
            self.access.ensure_service_role(ctx, &gate, SERVICE).await?;
        }
        let configuration = replication::put(&self.access, ctx, &permit, checked).await?;
        Ok(PutReplicationConfigurationResponse { replication_configuration: Some(configuration) })
    }

    /// How far the destinations of the caller's registry are behind.
    pub async fn wharf_describe_replication(
        &self,
        ctx: &Ctx,
        region: &Region,
        _input: WharfDescribeReplicationRequest,
    ) -> Result<WharfDescribeReplicationResponse> {
        let gate = self.access.registry_gate(ctx, &ctx.caller.account_id, region).await?;
        let permit = gate.permit::<ecr::WharfDescribeReplication>()?;
        let lags = match permit.registry() {
            Some(registry) => permit.read(|_| lags_of(Some(registry.key))).await?,
            None => Vec::new(),
        };
        let shown = |lag: ReplicationLag| WharfReplicationLag {
            region: lag.destination.region.to_string(),
            registry_id: lag.destination.account_id.to_string(),
            waiting_count: count(lag.waiting),
            failed_count: count(lag.failed),
            lag_seconds: count(lag_seconds(&lag, ctx.now)),
            oldest_queued_at: lag.oldest.map(epoch_seconds),
        };
        Ok(WharfDescribeReplicationResponse {
            registry_id: ctx.caller.account_id.to_string(),
            destinations: lags.into_iter().map(shown).collect(),
        })
    }

    /// How far an image is replicated. An image that no rule replicates has no status.
    pub async fn describe_image_replication_status(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: DescribeImageReplicationStatusRequest,
    ) -> Result<DescribeImageReplicationStatusResponse> {
        let repository = repository_of(ctx, region, input.registry_id.as_deref(), &input.repository_name)?;
        let gate = self.access.gate(ctx, &repository, Target::None).await?;
        let permit = gate.permit::<ecr::DescribeImageReplicationStatus>()?;
        let image = named(&permit, &repository, &input.image_id).await?;
        let list = |repository| ListImageReplications { repository, digest: image.digest };
        let replications = permit.read(list).await?;
        Ok(DescribeImageReplicationStatusResponse {
            repository_name: Some(repository.name.to_string()),
            image_id: Some(image_id(&image, input.image_id)),
            replication_statuses: replications.into_iter().map(status).collect(),
        })
    }
}

fn status(replication: ImageReplication) -> ImageReplicationStatus {
    let status = match replication {
        ImageReplication { waiting: 1.., .. } => ReplicationStatus::InProgress,
        ImageReplication { has_failed: true, .. } => ReplicationStatus::Failed,
        ImageReplication { .. } => ReplicationStatus::Complete,
    };
    ImageReplicationStatus {
        region: Some(replication.region.to_string()),
        registry_id: Some(replication.account_id.to_string()),
        status: Some(status),
        failure_code: replication.failure_code.filter(|_| status == ReplicationStatus::Failed),
    }
}

fn count(number: i64) -> u32 {
    u32::try_from(number.max(0)).unwrap_or(u32::MAX)
}
