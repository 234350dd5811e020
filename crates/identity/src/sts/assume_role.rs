//! AssumeRole. The trust policy and the caller's own policies decide together (IAM User Guide, "Policy evaluation
//! logic"). The denial is the same for a role that does not exist and for one that does not trust the caller.

use access::authz::{Gate, add_resource_tags};
use access::context::{Caller, CallerKind, Ctx, Session, WebIdentity};
use access::entity::{self, trust_policy};
use access::error::{AwsCode, Code, Error, Result};
use access::op::{Effect, sts};
use access::permit::{OnAccount, Opens, Permit, Reads};
use access::store::{
    Account, Entity, FindAccount, FindEntity, FindManagedPolicy, RecordRoleUse, StoreResultExt as _,
};
use aws::ids::AccountId;
use aws::service::Service;
use aws::sts::{AssumeRoleRequest, AssumeRoleResponse, AssumedRoleUser, Credentials};
use jiff::{SignedDuration, Timestamp};

use super::session_parameters::SessionParameters;
use super::session_policy::{asked_policies, packed_size};
use super::session_tags::SessionTags;
use crate::Identity;
use crate::iam::iam_tags;

/// The default duration of a session in seconds.
const DEFAULT_SECONDS: i64 = 3_600;
/// The maximum duration of a session that a role's session requests.
const CHAINED_SECONDS: i64 = 3_600;

/// A permitted session of a role.
pub(super) struct Granted {
    pub(super) role: Entity,
    pub(super) session_name: String,
    pub(super) asked: SessionParameters,
    pub(super) transitive: Vec<String>,
    pub(super) source_identity: Option<String>,
    pub(super) web_identity: Option<WebIdentity>,
    /// Whether the request had the code of an MFA device.
    pub(super) mfa: bool,
    pub(super) chained: bool,
}

/// The session that was opened.
pub(super) struct Opened {
    pub(super) credentials: Credentials,
    pub(super) user: AssumedRoleUser,
    pub(super) packed_policy_size: Option<u32>,
}

/// Whether an ARN has the form of a role's ARN.
pub(super) fn is_of_role(arn: &str) -> bool {
    let rest = arn.strip_prefix("arn:aws:iam::").and_then(|rest| rest.split_once(":role/"));
    rest.is_some_and(|(account, path_and_name)| {
        account.parse::<AccountId>().is_ok() && !path_and_name.is_empty() && !path_and_name.ends_with('/')
    })
}

/// AWS's text. It is the same for a missing role and for one that the caller may not assume.
fn denied<E: Effect>(caller: &Caller, role_arn: &str) -> Error {
    let (arn, action) = (&caller.arn, E::OP.action());
    let message = format!("User: {arn} is not authorized to perform: {action} on resource: {role_arn}");
    Error::new(Code::AccessDenied, message)
}

/// The role with exactly this ARN, with its account. A closed account has no roles.
pub(crate) async fn role_of_arn<R>(store: &R, role_arn: &str) -> Result<Option<(Entity, Account)>>
where
    R: Reads<FindEntity> + Reads<FindAccount>,
{
    let found = entity::role_of_arn(store, role_arn).await?;
    let Some(role) = found else { return Ok(None) };
    let account = store.look_up(FindAccount { account_id: role.account_id.clone() }).await?;
    Ok(account.filter(|account| account.status == "ACTIVE").map(|account| (role, account)))
}

/// Decides on one permission to assume a role, by its trust policy and the caller's own policies.
fn trusted<E: Effect<On = OnAccount>>(
    gate: &Gate,
    (role, role_arn): (&Entity, &str),
    trust: &policy::Policy,
    keys: &policy::Context,
) -> Result<Permit<E>> {
    let permit = gate.trusted::<E>((role_arn, &role.account_id), trust, keys.clone());
    permit.ok_or_else(|| denied::<E>(gate.caller(), role_arn))
}

impl Identity {
    /// Opens a session of a role for a caller that the role trusts.
    pub async fn assume_role(&self, ctx: &Ctx, input: AssumeRoleRequest) -> Result<AssumeRoleResponse> {
        let gate = self.access.account_gate(ctx).await?;
        let caller = gate.caller();
        if !is_of_role(&input.role_arn) {
            return Err(Error::aws(AwsCode::ValidationError, format!("{} is invalid", input.role_arn)));
        }
        match caller.kind {
            CallerKind::Root => {
                return Err(Error::new(Code::AccessDenied, "Roles may not be assumed by root accounts."));
            }
            CallerKind::Federated { .. } | CallerKind::Anonymous => {
                return Err(denied::<sts::AssumeRole>(caller, &input.role_arn));
            }
            CallerKind::User { .. } | CallerKind::Role { .. } => {}
        }
        let code = (input.serial_number.as_ref(), input.token_code.as_ref());
        let mfa = self.check_mfa(ctx, caller, code).await?;
        let asked = SessionParameters::from(&input);
        // This comes before the role is read: an error in the request must not show whether the role exists.
        let tags = SessionTags::joined(caller, &asked.tags, &input.transitive_tag_keys)?;
        let source_identity = source_identity(caller, &input)?;
        let role = role_of_arn(&gate, &input.role_arn).await?;
        let (role, account) = role.ok_or_else(|| denied::<sts::AssumeRole>(caller, &input.role_arn))?;
        let about = (&role, &account);
        let permit =
            self.decide_trust(&gate, about, (&input, mfa), &tags, source_identity.as_deref()).await?;
        let granted = Granted {
            role,
            session_name: input.role_session_name,
            asked: SessionParameters { tags: tags.all, ..asked },
            transitive: tags.transitive,
            source_identity: source_identity.clone(),
            web_identity: None,
            mfa,
            chained: matches!(caller.kind, CallerKind::Role { .. }),
        };
        let region = self.access.settings.default_region.as_str();
        let opened = self.open_session(&permit, granted, ctx.now, region).await?;
        Ok(AssumeRoleResponse {
            credentials: opened.credentials,
            assumed_role_user: opened.user,
            packed_policy_size: opened.packed_policy_size,
            source_identity,
            session_token_utilization: None,
            session_token_size: None,
        })
    }

    /// Evaluates the trust policy together with the caller's own policies, for each action of the request. Tags and a
    /// source identity that are inherited in a role chain need the same permission as new ones (IAM User Guide, "Pass
    /// session tags in AWS STS" and "Monitor and control actions taken with assumed roles").
    async fn decide_trust(
        &self,
        gate: &Gate,
        (role, account): (&Entity, &Account),
        (input, mfa): (&AssumeRoleRequest, bool),
        tags: &SessionTags,
        source_identity: Option<&str>,
    ) -> Result<Permit<sts::AssumeRole>> {
        let mut keys = self
            .access
            .keys_of_account(account)
            .and(tags.keys())
            .with("sts:RoleSessionName", input.role_session_name.as_str());
        if mfa {
            keys.set("aws:MultiFactorAuthPresent", true);
            keys.set("aws:MultiFactorAuthAge", 0_i64);
        }
        if let Some(external_id) = &input.external_id {
            keys.set("sts:ExternalId", external_id.as_str());
        }
        if let Some(identity) = source_identity {
            keys.set("sts:SourceIdentity", identity);
        }
        add_resource_tags(&mut keys, Service::Iam, &iam_tags(gate, &role.unique_id).await?);
        let trust = trust_policy(role)?;
        let about = (role, input.role_arn.as_str());
        let permit = trusted::<sts::AssumeRole>(gate, about, &trust, &keys)?;
        if !tags.all.is_empty() {
            trusted::<sts::TagSession>(gate, about, &trust, &keys)?;
        }
        if source_identity.is_some() {
            trusted::<sts::SetSourceIdentity>(gate, about, &trust, &keys)?;
        }
        Ok(permit)
    }

    /// Opens the permitted session.
    pub(super) async fn open_session<E>(
        &self,
        permit: &Permit<E>,
        granted: Granted,
        now: Timestamp,
        region: &str,
    ) -> Result<Opened>
    where
        E: Opens<FindManagedPolicy> + Opens<RecordRoleUse>,
    {
        let Granted { role, session_name, asked, transitive, source_identity, web_identity, mfa, chained } =
            granted;
        let longest = role.role.as_ref().map_or(DEFAULT_SECONDS, |fields| fields.max_session_seconds);
        let seconds = duration(asked.seconds, longest, chained)?;
        let policies = asked_policies(permit, &role.account_id, &asked).await?;
        let packed_policy_size = packed_size(policies.as_deref(), &asked.tags)?;
        let expires_at = now.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX);
        let session = Session {
            issued_at: now.as_second(),
            expires_at: expires_at.as_second(),
            policies,
            tags: asked.tags,
            transitive,
            source_identity,
            mfa,
            web_identity,
            chained,
        };
        let role_id = role.unique_id.clone();
        let caller = Caller::of_role(role, session_name, session).map_err(Error::internal)?;
        let user = AssumedRoleUser { assumed_role_id: caller.user_id(), arn: caller.arn.clone() };
        let credentials = self.access.issue_credentials(caller, expires_at)?;
        record_role_use(permit, &role_id, region, now).await;
        Ok(Opened { credentials, user, packed_policy_size })
    }
}

/// Records that a role was used. A failure is only logged.
async fn record_role_use<E>(permit: &Permit<E>, unique_id: &str, region: &str, now: Timestamp)
where
    E: Opens<RecordRoleUse>,
{
    let record = RecordRoleUse {
        unique_id: unique_id.to_owned(),
        region: region.to_owned(),
        at: access::context::micros(now),
    };
    if let Err(error) = permit.write(|_| record).await.or_store_error() {
        tracing::warn!(%error, "the use of a role could not be recorded");
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

/// The source identity of a session. Once set, it is inherited in the role chain and cannot be changed.
fn source_identity(caller: &Caller, input: &AssumeRoleRequest) -> Result<Option<String>> {
    let known = caller.session.as_ref().and_then(|session| session.source_identity.as_ref());
    match (known, &input.source_identity) {
        (Some(known), Some(asked)) if known != asked => {
            Err(denied::<sts::SetSourceIdentity>(caller, &input.role_arn))
        }
        (known, asked) => Ok(known.or(asked.as_ref()).cloned()),
    }
}
