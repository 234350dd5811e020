//! AssumeRole. Trust policy and the caller's own policies decide together (IAM User Guide, "Policy evaluation logic");
//! a role that is not there answers as one that does not trust the caller.

use std::sync::Arc;

use aws::sts::{AssumeRoleRequest, AssumedRole, SessionParameters};
use jiff::{SignedDuration, Timestamp};
use meta::{Account, Entity, FindAccount, RecordRoleUse};

use super::session_policy::packed_size;
use crate::Registry;
use crate::authz::{Gate, add_resource_tags};
use crate::context::{Caller, CallerKind, Ctx, Session, WebIdentity};
use crate::error::{AwsCode, Code, Error, Result};
use crate::op::Op;
use crate::store::StoreResultExt as _;

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

/// AWS's sentence; it does not tell a missing role from one that may not be assumed.
fn denied(caller: &Caller, op: Op, role_arn: &str) -> Error {
    let message =
        format!("User: {} is not authorized to perform: {} on resource: {role_arn}", caller.arn, op.action());
    Error::new(Code::AccessDenied, message)
}

impl Registry {
    /// The role that an ARN names by its exact path and name, with its account. A closed account has none.
    pub(crate) async fn role_of_arn(&self, role_arn: &str) -> Result<Option<(Entity, Account)>> {
        let found = self.entity_of_arn(role_arn).await?.filter(|entity| entity.kind == "role");
        let Some(role) = found else { return Ok(None) };
        let account = FindAccount { account_id: role.account_id.clone() };
        let account = self.meta.read(account).await.or_store_error()?;
        Ok(account.filter(|account| account.status == "ACTIVE").map(|account| (role, account)))
    }

    /// A session of a role, for a caller whom the role trusts.
    pub async fn assume_role(&self, ctx: &Ctx, input: AssumeRoleRequest) -> Result<AssumedRole> {
        let gate = self.account_gate(ctx).await?;
        let caller = gate.caller();
        match caller.kind {
            CallerKind::Root => {
                return Err(Error::new(Code::AccessDenied, "Roles may not be assumed by root accounts."));
            }
            CallerKind::Federated { .. } => return Err(denied(caller, Op::AssumeRole, &input.role_arn)),
            CallerKind::User { .. } | CallerKind::Role { .. } => {}
        }
        if input.serial_number.is_some() || input.token_code.is_some() {
            let message = "MultiFactorAuthentication failed: there are no MFA devices here.";
            return Err(Error::new(Code::AccessDenied, message));
        }
        let role = self.role_of_arn(&input.role_arn).await?;
        let (role, account) = role.ok_or_else(|| denied(caller, Op::AssumeRole, &input.role_arn))?;
        let inherited = inherited_tags(caller);
        let tags = joined_tags(&inherited, &input.session.tags)?;
        self.decide_trust(&gate, (&role, &account), &input).await?;
        let mut transitive: Vec<String> = inherited.into_iter().map(|(key, _)| key).collect();
        transitive.extend(input.transitive_tag_keys);
        let inherited_identity = caller.session.as_ref().and_then(|session| session.source_identity.clone());
        let granted = Granted {
            role,
            session_name: input.role_session_name,
            asked: SessionParameters { tags, ..input.session },
            transitive,
            source_identity: inherited_identity.or(input.source_identity),
            web_identity: None,
            chained: matches!(caller.kind, CallerKind::Role { .. }),
        };
        self.open_session(granted, ctx.now, self.settings.default_region.as_str()).await
    }

    /// Asks the trust policy together with the caller's own policies, for each action that the request is.
    async fn decide_trust(
        &self,
        gate: &Gate,
        (role, account): (&Entity, &Account),
        input: &AssumeRoleRequest,
    ) -> Result<()> {
        let mut keys =
            self.keys_of_account(account).with("sts:RoleSessionName", input.role_session_name.as_str());
        if let Some(external_id) = &input.external_id {
            keys.set("sts:ExternalId", external_id.as_str());
        }
        if let Some(identity) = &input.source_identity {
            keys.set("sts:SourceIdentity", identity.as_str());
        }
        for (key, value) in &input.session.tags {
            keys.set(format!("aws:RequestTag/{key}"), value.as_str());
        }
        if !input.session.tags.is_empty() {
            keys.set_all("aws:TagKeys", input.session.tags.iter().map(|(key, _)| key.as_str()));
        }
        if !input.transitive_tag_keys.is_empty() {
            keys.set_all("sts:TransitiveTagKeys", input.transitive_tag_keys.iter().map(String::as_str));
        }
        add_resource_tags(&mut keys, "iam", &self.iam_tags(&role.unique_id).await?);
        let stored = role.role.as_ref().map(|fields| fields.trust_policy.as_str()).unwrap_or_default();
        let trust = iam::Policy::parse(stored).map_err(Error::internal)?;
        let mut wanted = vec![Op::AssumeRole];
        if !input.session.tags.is_empty() {
            wanted.push(Op::TagSession);
        }
        if input.source_identity.is_some() {
            wanted.push(Op::SetSourceIdentity);
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
        };
        let (arn, assumed_role_id) = (caller.arn.clone(), caller.user_id());
        let credentials = self.issue_credentials(caller, expires_at)?;
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
            at: crate::context::micros(now),
        };
        if let Err(error) = self.meta.write(record).await.or_store_error() {
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

/// The tags that the caller's session hands on.
fn inherited_tags(caller: &Caller) -> Vec<(String, String)> {
    let Some(session) = &caller.session else { return Vec::new() };
    let is_transitive = |key: &str| session.transitive.iter().any(|known| known.eq_ignore_ascii_case(key));
    session.tags.iter().filter(|(key, _)| is_transitive(key)).cloned().collect()
}

/// Inherited tags with those that are asked for, which may neither repeat nor replace one.
pub(super) fn joined_tags(
    inherited: &[(String, String)],
    asked: &[(String, String)],
) -> Result<Vec<(String, String)>> {
    let mut tags = inherited.to_vec();
    for (key, value) in asked {
        if tags.iter().any(|(known, _)| known.to_lowercase() == key.to_lowercase()) {
            let message = "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
            return Err(Error::aws(AwsCode::ValidationError, message));
        }
        tags.push((key.clone(), value.clone()));
    }
    Ok(tags)
}
