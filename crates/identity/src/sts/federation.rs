//! Sessions of users: GetSessionToken and GetFederationToken; and the STS operations about keys and messages.

use std::sync::Arc;

use access::context::{Caller, CallerKind, Ctx, Session};
use access::error::{AwsCode, Code, Error, Result};
use access::op::sts;
use access::store::FindAccessKey;
use aws::ids::AccessKeyId;
use aws::sts::{
    DecodeAuthorizationMessageRequest, DecodeAuthorizationMessageResponse, FederatedUser,
    GetAccessKeyInfoRequest, GetAccessKeyInfoResponse, GetFederationTokenRequest, GetFederationTokenResponse,
    GetSessionTokenRequest, GetSessionTokenResponse,
};
use jiff::{SignedDuration, Timestamp};

use super::session_parameters::SessionParameters;
use super::session_policy::{asked_policies, packed_size};
use super::session_tags::SessionTags;
use crate::Identity;

/// The default duration of a user's session in seconds.
const DEFAULT_SECONDS: i64 = 43_200;
/// The maximum duration of a root's session.
const ROOT_SECONDS: i64 = 3_600;

/// The duration of a session. A root's sessions are short regardless of the request.
fn expires_at(ctx: &Ctx, asked: Option<u32>) -> Timestamp {
    let seconds = asked.map_or(DEFAULT_SECONDS, i64::from);
    let seconds = if ctx.caller.kind == CallerKind::Root { seconds.min(ROOT_SECONDS) } else { seconds };
    ctx.now.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}

fn needs_long_term_key(caller: &Caller, operation: &str) -> Result<()> {
    match &caller.session {
        None => Ok(()),
        Some(_) => {
            Err(Error::new(Code::AccessDenied, format!("Cannot call {operation} with session credentials")))
        }
    }
}

impl Identity {
    /// A session with the caller's own permissions. It ends when the caller's access key is deleted or deactivated.
    pub async fn get_session_token(
        &self,
        ctx: &Ctx,
        input: GetSessionTokenRequest,
    ) -> Result<GetSessionTokenResponse> {
        let gate = self.access.account_gate(ctx).await?;
        let caller = gate.caller();
        needs_long_term_key(caller, "GetSessionToken")?;
        let code = (input.serial_number.as_ref(), input.token_code.as_ref());
        let mfa = self.check_mfa(ctx, caller, code).await?;
        let expires_at = expires_at(ctx, input.duration_seconds);
        let session = Session {
            issued_at: ctx.now.as_second(),
            expires_at: expires_at.as_second(),
            mfa,
            ..Session::default()
        };
        let caller = Caller { session: Some(Arc::new(session)), ..caller.clone() };
        let credentials = self.access.issue_credentials(caller, expires_at)?;
        Ok(GetSessionTokenResponse { credentials, session_token_utilization: None, session_token_size: None })
    }

    /// A session with a name that the caller chooses, limited by the policies of the request. Without any, it has only
    /// the permissions that resource-based policies grant it.
    pub async fn get_federation_token(
        &self,
        ctx: &Ctx,
        input: GetFederationTokenRequest,
    ) -> Result<GetFederationTokenResponse> {
        let gate = self.access.account_gate(ctx).await?;
        let caller = gate.caller();
        needs_long_term_key(caller, "GetFederationToken")?;
        let user = match &caller.kind {
            CallerKind::User { path, name } => Some((path.clone(), name.clone())),
            CallerKind::Root => None,
            CallerKind::Role { .. } | CallerKind::Federated { .. } | CallerKind::Anonymous => {
                let message = "Cannot call GetFederationToken with session credentials";
                return Err(Error::new(Code::AccessDenied, message));
            }
        };
        let asked = SessionParameters::from(&input);
        let kind = CallerKind::Federated { name: input.name, user };
        let arn = kind.arn(&caller.account_id);
        let tags = SessionTags::asked(&asked.tags)?;
        let keys = tags.keys();
        let tags = tags.all;
        let permit = gate.permit_on::<sts::GetFederationToken>(&arn, keys.clone())?;
        if !tags.is_empty() {
            gate.permit_on::<sts::TagSession>(&arn, keys)?;
        }
        let expires_at = expires_at(ctx, input.duration_seconds);
        let policies = asked_policies(&permit, &caller.account_id, &asked).await?;
        let packed_policy_size = packed_size(policies.as_deref(), &tags)?;
        let session = Session {
            issued_at: ctx.now.as_second(),
            expires_at: expires_at.as_second(),
            policies: Some(policies.unwrap_or_default()),
            tags,
            ..Session::default()
        };
        let caller = Caller { arn: arn.clone(), kind, session: Some(Arc::new(session)), ..caller.clone() };
        let federated_user = FederatedUser { federated_user_id: caller.user_id(), arn };
        let credentials = self.access.issue_credentials(caller, expires_at)?;
        Ok(GetFederationTokenResponse {
            credentials,
            federated_user,
            packed_policy_size,
            session_token_utilization: None,
            session_token_size: None,
        })
    }

    /// The account of an access key of this deployment. Temporary keys are not stored, so they are unknown.
    pub async fn get_access_key_info(
        &self,
        ctx: &Ctx,
        input: GetAccessKeyInfoRequest,
    ) -> Result<GetAccessKeyInfoResponse> {
        let gate = self.access.account_gate(ctx).await?;
        let permit = gate.permit_on::<sts::GetAccessKeyInfo>("*", policy::Context::new())?;
        let id: Option<AccessKeyId> = input.access_key_id.parse().ok();
        let found = match id {
            Some(id) => permit.read(|_| FindAccessKey { id }).await?,
            None => None,
        };
        let key = found.ok_or_else(|| {
            let message = "The access key id is not one of this deployment's long-term keys.";
            Error::aws(AwsCode::ValidationError, message)
        })?;
        Ok(GetAccessKeyInfoResponse { account: Some(key.principal.account_id.to_string()) })
    }

    /// Decodes messages of denials. Wharf's denials are plain text, so no encoded message exists.
    pub async fn decode_authorization_message(
        &self,
        ctx: &Ctx,
        _input: DecodeAuthorizationMessageRequest,
    ) -> Result<DecodeAuthorizationMessageResponse> {
        let gate = self.access.account_gate(ctx).await?;
        gate.permit_on::<sts::DecodeAuthorizationMessage>("*", policy::Context::new())?;
        Err(Error::aws(AwsCode::InvalidAuthorizationMessage, "Message is not valid"))
    }
}
