//! The credential report of an account: what each user has to sign in and to sign requests with, as CSV. A report is
//! generated at most once in four hours (IAM User Guide, "Generate credential reports for your AWS account").

use access::context::{Ctx, micros};
use access::error::{AwsCode, Error, Result};
use access::op::iam;
use access::permit::Permit;
use access::store::{
    AccessKeyInfo, CountAccount, EntityKind, FindCredentialReport, GetAccountCreation, GetPasswordPolicy,
    ListAccessKeys, ListUserCredentials, LoadCredentialReport, Micros, ReportStart, ReportedKey,
    StartCredentialReport, StoreCredentialReport, StoreResultExt as _, UserCredentials,
};
use aws::iam::{
    GenerateCredentialReportRequest, GenerateCredentialReportResponse, GetCredentialReportRequest,
    GetCredentialReportResponse, ReportFormatType, ReportStateType,
};
use aws::ids::AccountId;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};

use super::{entity_arn, time};
use crate::Identity;

/// How long a report is current.
const FRESH: SignedDuration = SignedDuration::from_hours(4);
/// How long a request may generate a report before another one begins again.
const STALLED: SignedDuration = SignedDuration::from_mins(2);
/// Users that are read at once.
const PAGE: usize = 500;
/// Bytes of a page of users: paths have at most 512.
const PAGE_BYTES: u64 = 500 * 2_048;
/// A report in memory: as it grows, and while it is stored.
const REPORT_TIMES: u64 = 3;
/// A report in an answer: its text, in base 64, and in XML.
const ANSWER_TIMES: u64 = 5;
/// AWS's columns.
const COLUMNS: &str = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,\
    password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,\
    access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,\
    access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,\
    cert_1_last_rotated,cert_2_active,cert_2_last_rotated";
const NOTHING: &str = "N/A";

/// A name or a path can contain commas and quotation marks (RFC 4180).
fn quoted(value: &str) -> String {
    if value.contains([',', '"']) { format!("\"{}\"", value.replace('"', "\"\"")) } else { value.to_owned() }
}

fn date(at: Micros) -> String {
    time(at).strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

fn keys(keys: &[ReportedKey]) -> Vec<String> {
    let mut fields = Vec::new();
    for number in 0..2 {
        let Some(key) = keys.get(number) else {
            fields.push("false".to_owned());
            fields.extend([NOTHING; 4].map(str::to_owned));
            continue;
        };
        fields.extend([key.active.to_string(), date(key.created_at)]);
        match &key.last_used {
            Some((at, region, service)) => fields.extend([date(*at), quoted(region), quoted(service)]),
            None => fields.extend([NOTHING; 3].map(str::to_owned)),
        }
    }
    fields
}

/// What a row says about passwords: whether there is one, its last use, its last change and its next rotation.
fn password(user: &UserCredentials, max_age_days: Option<u32>) -> [String; 4] {
    let Some(changed_at) = user.password_changed_at else {
        return ["false", NOTHING, NOTHING, NOTHING].map(str::to_owned);
    };
    let next = max_age_days
        .and_then(|days| time(changed_at).checked_add(SignedDuration::from_hours(24 * i64::from(days))).ok());
    let next = next.map_or_else(|| NOTHING.to_owned(), |next| date(micros(next)));
    // There is no console, so a password is never used.
    ["true".to_owned(), "no_information".to_owned(), date(changed_at), next]
}

fn row(named: [String; 2], password: [String; 4], user: &UserCredentials) -> String {
    let mut fields = Vec::from(named);
    fields.push(date(user.created_at));
    fields.extend(password);
    fields.push(user.has_mfa.to_string());
    fields.extend(keys(&user.keys));
    fields.extend(["false", NOTHING, "false", NOTHING].map(str::to_owned));
    fields.join(",")
}

fn reported(key: AccessKeyInfo) -> ReportedKey {
    ReportedKey { active: key.active, created_at: key.created_at, last_used: key.last_used }
}

fn ago(now: Timestamp, age: SignedDuration) -> Micros {
    micros(now.saturating_sub(age).unwrap_or(Timestamp::MIN))
}

/// The row of the root.
async fn root(permit: &Permit<iam::GenerateCredentialReport>, account: &AccountId) -> Result<String> {
    let created_at = permit.read(|account_id| GetAccountCreation { account_id }).await?;
    let counts = permit.read(|account_id| CountAccount { account_id }).await?;
    let keys = permit.read(|account_id| ListAccessKeys { owner: account_id.to_string() }).await?;
    let user = UserCredentials {
        name: String::new(),
        path: String::new(),
        created_at: created_at.unwrap_or(Micros(0)),
        password_changed_at: None,
        has_mfa: counts.root_mfa_devices > 0,
        keys: keys.into_iter().map(reported).collect(),
    };
    let named = ["<root_account>".to_owned(), format!("arn:aws:iam::{account}:root")];
    let password = ["not_supported", "no_information", "not_supported", "not_supported"].map(str::to_owned);
    Ok(row(named, password, &user))
}

/// The whole report.
async fn generated(ctx: &Ctx, permit: &Permit<iam::GenerateCredentialReport>) -> Result<String> {
    let account = &ctx.caller.account_id;
    ctx.hold(PAGE_BYTES).await?;
    let rules = permit.read(|account_id| GetPasswordPolicy { account_id }).await?;
    let max_age_days = rules.and_then(|rules| rules.max_age_days);
    let mut report = format!("{COLUMNS}\n{}", root(permit, account).await?);
    let mut after = String::new();
    loop {
        let after_this = after.clone();
        let page = |account_id| ListUserCredentials { account_id, after: after_this, limit: PAGE };
        let users = permit.read(page).await?;
        let mut rows = String::new();
        for user in &users {
            let arn = entity_arn(account, EntityKind::User, &user.path, &user.name);
            let named = [quoted(&user.name), quoted(&arn)];
            rows.push('\n');
            rows += &row(named, password(user, max_age_days), user);
        }
        ctx.hold(rows.len() as u64 * REPORT_TIMES).await?;
        report += &rows;
        match users.last() {
            Some(last) if users.len() == PAGE => after.clone_from(&last.name),
            _ => return Ok(report),
        }
    }
}

impl Identity {
    /// Generates the report, unless there is a current one. The report exists when the answer arrives.
    pub async fn generate_credential_report(
        &self,
        ctx: &Ctx,
        _input: GenerateCredentialReportRequest,
    ) -> Result<GenerateCredentialReportResponse> {
        let gate = self.access.account_gate(ctx).await?;
        let permit = gate.permit_on::<iam::GenerateCredentialReport>("*", policy::Context::new())?;
        let start = StartCredentialReport {
            account: permit.account_key().await?,
            fresh_after: ago(ctx.now, FRESH),
            begun_after: ago(ctx.now, STALLED),
            at: ctx.at(),
        };
        let state = match permit.write(|_| start).await.or_store_error()? {
            ReportStart::Complete => ReportStateType::Complete,
            ReportStart::InProgress => ReportStateType::Inprogress,
            ReportStart::Started => ReportStateType::Started,
        };
        if state != ReportStateType::Started {
            return Ok(GenerateCredentialReportResponse { state, description: None });
        }
        let content = generated(ctx, &permit).await?;
        let account = permit.account_key().await?;
        let (started_at, at) = (ctx.at(), ctx.at());
        permit
            .write(|_| StoreCredentialReport { account, started_at, content, at })
            .await
            .or_store_error()?;
        let description = Some("No report exists. Starting a new report generation task".to_owned());
        Ok(GenerateCredentialReportResponse { state, description })
    }

    /// The current report.
    pub async fn get_credential_report(
        &self,
        ctx: &Ctx,
        _input: GetCredentialReportRequest,
    ) -> Result<GetCredentialReportResponse> {
        let gate = self.access.account_gate(ctx).await?;
        let permit = gate.permit_on::<iam::GetCredentialReport>("*", policy::Context::new())?;
        let found = permit.read(|account_id| FindCredentialReport { account_id }).await?;
        let missing = || Error::aws(AwsCode::ReportNotPresent, "No report exists. Generate one first.");
        let report = found.ok_or_else(missing)?;
        let Some(generated_at) = report.generated_at else {
            return Err(if report.started_at > ago(ctx.now, STALLED) {
                Error::aws(AwsCode::ReportInProgress, "The report is being generated.")
            } else {
                missing()
            });
        };
        if generated_at <= ago(ctx.now, FRESH) {
            let message = "The report is older than four hours. Generate a new one.";
            return Err(Error::aws(AwsCode::ReportExpired, message));
        }
        ctx.hold(report.bytes * ANSWER_TIMES).await?;
        let content = permit.read(|account_id| LoadCredentialReport { account_id, generated_at }).await?;
        Ok(GetCredentialReportResponse {
            content: STANDARD.encode(content.ok_or_else(missing)?),
            report_format: ReportFormatType::TextCsv,
            generated_time: time(generated_at).into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_every_column() {
        let last_used = Some((Micros(3_000_000), "eu-west-1".to_owned(), "ecr".to_owned()));
        let user = UserCredentials {
            name: "a,b".to_owned(),
            path: "/".to_owned(),
            created_at: Micros(0),
            password_changed_at: Some(Micros(1_000_000)),
            has_mfa: true,
            keys: vec![ReportedKey { active: true, created_at: Micros(2_000_000), last_used }],
        };
        let row = row([quoted(&user.name), quoted("a\"b")], password(&user, Some(1)), &user);
        assert_eq!(
            row,
            "\"a,b\",\"a\"\"b\",1970-01-01T00:00:00+00:00,true,no_information,1970-01-01T00:00:01+00:00,\
             1970-01-02T00:00:01+00:00,true,true,1970-01-01T00:00:02+00:00,1970-01-01T00:00:03+00:00,eu-west-1,ecr,\
             false,N/A,N/A,N/A,N/A,false,N/A,false,N/A"
        );
        // The name contains a comma.
        assert_eq!(row.split(',').count(), COLUMNS.split(',').count() + 1);
    }
}
