//! Wharf's own WharfPutInUseReport, WharfListInUseReports and WharfDeleteInUseReport.

use std::time::Duration;

use access::context::Ctx;
use access::error::{Error, Result};
use access::op::ecr;
use access::store::InUseReport;
use aws::ecr::{
    WharfDeleteInUseReportRequest, WharfDeleteInUseReportResponse, WharfInUseReport,
    WharfListInUseReportsRequest, WharfListInUseReportsResponse, WharfPutInUseReportRequest,
    WharfPutInUseReportResponse,
};
use aws::ids::Region;
use oci::digest::Digest;

use super::{epoch_seconds, page_limit};
use crate::Registry;
use crate::registry_settings::in_use;

/// How long a report protects, in seconds, if the request does not say.
const LIFETIME: u32 = 24 * 60 * 60;

impl Registry {
    /// Stores which digests a source uses: none of them is deleted or archived until the report expires.
    pub async fn wharf_put_in_use_report(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: WharfPutInUseReportRequest,
    ) -> Result<WharfPutInUseReportResponse> {
        let account = &ctx.caller.account_id;
        let gate = self.access.registry_gate(ctx, account, region).await?;
        let permit = gate.permit::<ecr::WharfPutInUseReport>()?;
        let digests: std::result::Result<Vec<Digest>, _> =
            input.image_digests.iter().map(|digest| digest.parse()).collect();
        let digests =
            digests.map_err(|_| Error::invalid_parameter("imageDigests", "each must be a digest"))?;
        let lifetime = Duration::from_secs(input.expires_in_seconds.unwrap_or(LIFETIME).into());
        let stored = in_use::put(&self.access, ctx, &permit, (input.source, digests, lifetime)).await?;
        Ok(WharfPutInUseReportResponse { registry_id: account.to_string(), report: shown(stored) })
    }

    /// Lists the reports of the registry by source.
    pub async fn wharf_list_in_use_reports(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: WharfListInUseReportsRequest,
    ) -> Result<WharfListInUseReportsResponse> {
        let account = &ctx.caller.account_id;
        let gate = self.access.registry_gate(ctx, account, region).await?;
        let permit = gate.permit::<ecr::WharfListInUseReports>()?;
        let list = format!("in use reports {account} {region}");
        let after = input.next_token.map(|token| self.access.open_page_token(&list, &token)).transpose()?;
        let limit = page_limit(input.max_results, 100);
        let mut reports = in_use::list(&permit, after, limit).await?;
        let more = reports.len() > limit;
        reports.truncate(limit);
        let last = reports.last().filter(|_| more);
        let next_token = last.map(|last| self.access.page_token(&list, &last.source)).transpose()?;
        Ok(WharfListInUseReportsResponse {
            registry_id: account.to_string(),
            reports: reports.into_iter().map(shown).collect(),
            next_token,
        })
    }

    /// Removes the report of a source: what only it used is protected no more.
    pub async fn wharf_delete_in_use_report(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: WharfDeleteInUseReportRequest,
    ) -> Result<WharfDeleteInUseReportResponse> {
        let account = &ctx.caller.account_id;
        let gate = self.access.registry_gate(ctx, account, region).await?;
        let permit = gate.permit::<ecr::WharfDeleteInUseReport>()?;
        in_use::delete(&permit, &input.source).await?;
        Ok(WharfDeleteInUseReportResponse { registry_id: account.to_string(), source: input.source })
    }
}

fn shown(report: InUseReport) -> WharfInUseReport {
    WharfInUseReport {
        source: report.source,
        digest_count: u32::try_from(report.digest_count).unwrap_or(u32::MAX),
        reported_at: epoch_seconds(report.reported_at),
        expires_at: epoch_seconds(report.expires_at),
    }
}
