//! The operations of the management account on the check of the store.

use access::check::{Check, FINDINGS_PAGE, Finding, Kind, Options};
use access::context::Ctx;
use access::error::{AwsCode, Error, Result};
use access::op::organizations;
use aws::organizations::{
    CheckFinding, CheckFindingKind, CheckState, WharfDescribeCheckRequest, WharfDescribeCheckResponse,
    WharfStartCheckRequest,
};

use super::reconciler::seconds;
use crate::Identity;

impl Identity {
    /// Starts a check, which background work carries out.
    pub async fn wharf_start_check(&self, ctx: &Ctx, input: WharfStartCheckRequest) -> Result<()> {
        self.manages::<organizations::WharfStartCheck>(ctx, "*").await?;
        let options = Options { repair: input.repair, quick: input.quick };
        self.access.start_check(options, ctx.now).await
    }

    /// Shows how far the last check has come, with a page of what it found.
    pub async fn wharf_describe_check(
        &self,
        ctx: &Ctx,
        input: WharfDescribeCheckRequest,
    ) -> Result<WharfDescribeCheckResponse> {
        self.manages::<organizations::WharfDescribeCheck>(ctx, "*").await?;
        let from = input.next_token.as_deref().map(read_token).transpose()?.unwrap_or_default();
        let Some(check) = self.access.last_check().await? else { return Ok(none()) };
        let findings = self.access.check_findings(from).await?;
        let is_full = findings.len() == FINDINGS_PAGE;
        Ok(WharfDescribeCheckResponse {
            findings: findings.into_iter().map(shown).collect(),
            next_token: is_full.then(|| (from + FINDINGS_PAGE as u64).to_string()),
            ..of_check(&check)
        })
    }
}

fn none() -> WharfDescribeCheckResponse {
    WharfDescribeCheckResponse {
        state: CheckState::None,
        repair: false,
        quick: false,
        started_at: None,
        ended_at: None,
        objects: 0,
        bytes: 0,
        manifests: 0,
        files: 0,
        finding_count: 0,
        findings: Vec::new(),
        next_token: None,
    }
}

fn of_check(Check { row, progress }: &Check) -> WharfDescribeCheckResponse {
    WharfDescribeCheckResponse {
        state: if row.ended_at.is_some() { CheckState::Complete } else { CheckState::InProgress },
        repair: row.repair,
        quick: row.quick,
        started_at: seconds(row.started_at),
        ended_at: row.ended_at.and_then(seconds),
        objects: progress.objects,
        bytes: progress.bytes,
        manifests: progress.manifests,
        files: progress.files,
        finding_count: row.findings,
        ..none()
    }
}

fn shown(finding: Finding) -> CheckFinding {
    CheckFinding {
        kind: match finding.kind {
            Kind::LostObject => CheckFindingKind::LostObject,
            Kind::LostManifest => CheckFindingKind::LostManifest,
            Kind::UnknownFile => CheckFindingKind::UnknownFile,
            Kind::WrongUsage => CheckFindingKind::WrongUsage,
        },
        subject: finding.subject,
        problem: finding.problem,
        repair: finding.repair,
    }
}

fn read_token(token: &str) -> Result<u64> {
    token.parse().map_err(|_| {
        Error::aws(AwsCode::OrganizationInvalidInput, "The token of the next page is not valid.")
    })
}
