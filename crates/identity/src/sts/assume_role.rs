//! AssumeRole. Trust policy and the caller's own policies decide together (IAM User Guide, "Policy evaluation logic");
//! a role that is not there answers as one that does not trust the caller.

use access::op::StsOp;
use aws::service::Service;
use std::sync::Arc;

use aws::ids::AccountId;
use aws::sts::{AssumeRoleRequest, AssumedRole, SessionParameters};
use jiff::{SignedDuration, Timestamp};
use meta::{Account, Entity, FindAccount, RecordRoleUse};

use super::session_policy::packed_size;
use super::session_tags::SessionTags;
use crate::Identity;
use access::authz::{Gate, add_resource_tags};
use access::context::{Caller, CallerKind, Ctx, Session, WebIdentity};
use access::error::{AwsCode, Code, Error, Result};
use access::op::Op;
use access::store::StoreResultExt as _;

/// Seconds of a session that asks for none.
const DEFAULT_SECONDS: i64 = 3_600;
/// The longest session that a role's session may ask for.
const CHAINED_SECONDS: i64 = 3_600;

/// A session of a role that was permitted.
pub(super) struct Granted {
    pub(super) role: Entity,
    pub(super) session_name: String,
    pub(super) asked: SessionParameters,
    pub(super) transitive: Vec<String>,
    pub(super) source_identity: Option<String>,
    pub(super) web_identity: Option<WebIdentity>,
    pub(super) chained: bool,
}

/// Whether an ARN has the form of a role's.
pub(super) fn is_of_role(arn: &str) -> bool {
    let rest = arn.strip_prefix("arn:aws:iam::").and_then(|rest| rest.split_once(":role/"));
    rest.is_some_and(|(account, path_and_name)| {
        account.parse::<AccountId>().is_ok() && !path_and_name.is_empty() && !path_and_name.ends_with('/')
    })
}

/// AWS's sentence; it does not tell a missing role from one that may not be assumed.
fn denied(caller: &Caller, op: Op, role_arn: &str) -> Error {
    let message =
        format!("User: {} is not authorized to perform: {} on resource: {role_arn}", caller.arn, op.action());
    Error::new(Code::AccessDenied, message)
}

impl Identity {
    /// The role that an ARN names by its exact path and name, with its account. A closed account has none.
    pub(crate) async fn role_of_arn(&self, role_arn: &str) -> Result<Option<(Entity, Account)>> {
        let found = self.entity_of_arn(role_arn).await?.filter(|entity| entity.kind == "role");
        let Some(role) = found else { return Ok(None) };
        let account = FindAccount { account_id: role.account_id.clone() };
        let account = self.access.meta.read(account).await.or_store_error()?;
        Ok(account.filter(|account| account.status == "ACTIVE").map(|account| (role, account)))
    }

    /// A session of a role, for a caller whom the role trusts.
    pub async fn assume_role(&self, ctx: &Ctx, input: AssumeRoleRequest) -> Result<AssumedRole> {
        let gate = self.access.account_gate(ctx).await?;
        let caller = gate.caller();
        if !is_of_role(&input.role_arn) {
            return Err(Error::aws(AwsCode::ValidationError, format!("{} is invalid", input.role_arn)));
        }
        match caller.kind {
            CallerKind::Root => {
                return Err(Error::new(Code::AccessDenied, "Roles may not be assumed by root accounts."));
            }
            CallerKind::Federated { .. } => {
                return Err(denied(caller, Op::Sts(StsOp::AssumeRole), &input.role_arn));
            }
            CallerKind::User { .. } | CallerKind::Role { .. } => {}
        }
        if input.serial_number.is_some() || input.token_code.is_some() {
            let message = "MultiFactorAuthentication failed: there are no MFA devices here.";
            return Err(Error::new(Code::AccessDenied, message));
        }
        // Before the role is looked for: what is wrong with the request must not tell whether there is one.
        let tags = SessionTags::joined(caller, &input.session.tags, &input.transitive_tag_keys)?;
        let source_identity = source_identity(caller, &input)?;
        let role = self.role_of_arn(&input.role_arn).await?;
        let (role, account) =
            role.ok_or_else(|| denied(caller, Op::Sts(StsOp::AssumeRole), &input.role_arn))?;
        self.decide_trust(&gate, (&role, &account), &input, &tags, source_identity.as_deref()).await?;
        let granted = Granted {
            role,
            session_name: input.role_session_name,
            asked: SessionParameters { tags: tags.all, ..input.session },
            transitive: tags.transitive,
            source_identity,
            web_identity: None,
            chained: matches!(caller.kind, CallerKind::Role { .. }),
        };
        self.open_session(granted, ctx.now, self.access.settings.default_region.as_str()).await
    }

    /// Asks the trust policy together with the caller's own policies, for each action that the request is. Tags and a
    /// source identity that come along a chain need the same leave as those that are set (IAM User Guide, "Pass session
    /// tags in AWS STS" and "Monitor and control actions taken with assumed roles").
    async fn decide_trust(
        &self,
        gate: &Gate,
        (role, account): (&Entity, &Account),
        input: &AssumeRoleRequest,
        tags: &SessionTags,
        source_identity: Option<&str>,
    ) -> Result<()> {
        let mut keys = self
            .access
            .keys_of_account(account)
            .and(tags.keys())
            .with("sts:RoleSessionName", input.role_session_name.as_str());
        if let Some(external_id) = &input.external_id {
            keys.set("sts:ExternalId", external_id.as_str());
        }
        if let Some(identity) = source_identity {
            keys.set("sts:SourceIdentity", identity);
        }
        add_resource_tags(&mut keys, Service::Iam, &self.iam_tags(&role.unique_id).await?);
        let stored = role.role.as_ref().map(|fields| fields.trust_policy.as_str()).unwrap_or_default();
        let trust = policy::Policy::parse(stored).map_err(Error::internal)?;
        let mut wanted = vec![Op::Sts(StsOp::AssumeRole)];
        if !tags.all.is_empty() {
            wanted.push(Op::Sts(StsOp::TagSession));
        }
        if source_identity.is_some() {
            wanted.push(Op::Sts(StsOp::SetSourceIdentity));
        }
        for op in wanted {
            if !gate.is_trusted(op, &input.role_arn, &role.account_id, &trust, keys.clone()) {
                return Err(denied(gate.caller(), op, &input.role_arn));
            }
        }
        Ok(())
    }

    /// Opens the session that was permitted.
    pub(super) async fn open_session(
        &self,
        granted: Granted,
        now: Timestamp,
        region: &str,
    ) -> Result<AssumedRole> {
        let Granted { role, session_name, asked, transitive, source_identity, web_identity, chained } =
            granted;
        let longest = role.role.as_ref().map_or(DEFAULT_SECONDS, |fields| fields.max_session_seconds);
        let seconds = duration(asked.duration_seconds, longest, chained)?;
        let policies = self.asked_policies(&role.account_id, &asked).await?;
        let packed_policy_size = packed_size(policies.as_deref(), &asked.tags)?;
        let expires_at = now.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX);
        let assumed_by = web_identity.as_ref().map(|web| aws::sts::AssumedBy {
            subject: web.subject.clone(),
            audience: web.audience.clone(),
            provider: web.provider_arn.clone(),
        });
        let session = Session {
            issued_at: now.as_second(),
            expires_at: expires_at.as_second(),
            policies,
            tags: asked.tags,
            transitive,
            source_identity: source_identity.clone(),
            mfa: false,
            web_identity,
            chained,
        };
        let kind = CallerKind::Role { path: role.path, name: role.name, session_name };
        let caller = Caller {
            arn: kind.arn(&role.account_id),
            account_id: role.account_id,
            unique_id: role.unique_id.clone(),
            kind,
            // Replaced by the new key's id.
            access_key_id: "ASIA000000000000".parse().map_err(Error::internal)?,
            long_term_key: None,
            session: Some(Arc::new(session)),
            token_region: None,
            ends_at: None,
        };
        let (arn, assumed_role_id) = (caller.arn.clone(), caller.user_id());
        let credentials = self.access.issue_credentials(caller, expires_at)?;
        self.record_role_use(&role.unique_id, region, now).await;
        let web_identity = assumed_by;
        Ok(AssumedRole {
            credentials,
            assumed_role_id,
            arn,
            packed_policy_size,
            source_identity,
            web_identity,
        })
    }

    /// Notes that a role was used; what fails is only logged.
    async fn record_role_use(&self, unique_id: &str, region: &str, now: Timestamp) {
        let record = RecordRoleUse {
            unique_id: unique_id.to_owned(),
            region: region.to_owned(),
            at: access::context::micros(now),
        };
        if let Err(error) = self.access.meta.write(record).await.or_store_error() {
            tracing::warn!(%error, "the use of a role could not be noted");
        }
    }
}

fn duration(asked: Option<i64>, longest: i64, chained: bool) -> Result<i64> {
    let seconds = asked.unwrap_or(DEFAULT_SECONDS);
    if chained && seconds > CHAINED_SECONDS {
        let message = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining";
        return Err(Error::aws(AwsCode::ValidationError, message));
    }
    if seconds > longest {
        let message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
        return Err(Error::aws(AwsCode::ValidationError, message));
    }
    Ok(seconds)
}

/// The source identity of a session: once it is set, it stays along the chain and cannot be changed.
fn source_identity(caller: &Caller, input: &AssumeRoleRequest) -> Result<Option<String>> {
    let known = caller.session.as_ref().and_then(|session| session.source_identity.as_ref());
    match (known, &input.source_identity) {
        (Some(known), Some(asked)) if known != asked => {
            Err(denied(caller, Op::Sts(StsOp::SetSourceIdentity), &input.role_arn))
        }
        (known, asked) => Ok(known.or(asked.as_ref()).cloned()),
    }
}
