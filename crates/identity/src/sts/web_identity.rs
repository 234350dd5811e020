//! AssumeRoleWithWebIdentity: a session of a role for the subject of an identity provider's token. The request is not signed:
//! the token is the proof.

use access::authz::add_resource_tags;
use access::context::{Unsigned, WebIdentity};
use access::effects::authority::VerifyWebIdentity;
use access::entity::trust_policy;
use access::error::{AwsCode, Code, Error, Result};
use access::permit::Permit;
use access::store::{FindOidcProvider, OidcProvider};
use aws::arn::Arn;
use aws::ids::AccountId;
use aws::service::Service;
use aws::sts::{AssumeRoleWithWebIdentityRequest, AssumeRoleWithWebIdentityResponse};
use oidc::{Claims, OidcError, Provider, issuer_of};

use super::assume_role::{Granted, is_of_role, role_of_arn};
use super::session_parameters::SessionParameters;
use crate::Identity;
use crate::iam::iam_tags;
use crate::iam::oidc_provider::texts;

/// AWS's text for every reason in the role: it does not exist, or it does not trust the provider or this token.
fn denied() -> Error {
    Error::new(Code::AccessDenied, "Not authorized to perform sts:AssumeRoleWithWebIdentity")
}

fn refused(error: &OidcError) -> Error {
    let code = match error {
        OidcError::InvalidToken(_) | OidcError::Trust(_) => AwsCode::InvalidIdentityToken,
        OidcError::Expired { .. } => AwsCode::ExpiredIdentityToken,
        OidcError::RejectedClaim(_) => AwsCode::IdpRejectedClaim,
        OidcError::NoKeys => AwsCode::IdpCommunicationError,
    };
    Error::aws(code, error.to_string())
}

/// The part after `https://`: IAM names a provider by it in ARNs and condition keys.
fn bare(issuer: &str) -> &str {
    issuer.strip_prefix("https://").unwrap_or(issuer)
}

/// The issuer as its token names it, and the same with a slash added at its end or removed.
fn spellings(issuer: &str) -> [String; 2] {
    let issuer = bare(issuer);
    let other = issuer.strip_suffix('/').map_or_else(|| format!("{issuer}/"), str::to_owned);
    [issuer.to_owned(), other]
}

async fn provider_of(
    service: &Permit<VerifyWebIdentity>,
    account: &AccountId,
    issuer: &str,
) -> Result<OidcProvider> {
    for name in spellings(issuer) {
        let arn = format!("arn:aws:iam::{account}:oidc-provider/{name}");
        if let Some(found) = service.read(|()| FindOidcProvider { arn }).await? {
            return Ok(found);
        }
    }
    let shown: String = issuer.chars().take(255).collect();
    let message = format!("No OpenIDConnect provider found in your account for {shown}");
    Err(Error::aws(AwsCode::InvalidIdentityToken, message))
}

impl Identity {
    /// Opens a session of a role for the bearer of a token. The role's account must have the token's issuer as a
    /// provider, and the role must trust it.
    pub async fn assume_role_with_web_identity(
        &self,
        request: &Unsigned,
        input: AssumeRoleWithWebIdentityRequest,
    ) -> Result<AssumeRoleWithWebIdentityResponse> {
        if !is_of_role(&input.role_arn) {
            return Err(Error::aws(AwsCode::ValidationError, "Request ARN is invalid"));
        }
        // There is no caller before the token is verified, so a response must show nothing about the account.
        let account =
            input.role_arn.parse::<Arn>().ok().and_then(|arn| arn.account_id()).ok_or_else(denied)?;
        let issuer = issuer_of(&input.web_identity_token).map_err(|error| refused(&error))?;
        let service = Permit::for_service(VerifyWebIdentity, &self.access);
        let provider = provider_of(&service, &account, &issuer).await?;
        let claims = self.verified((&account, &provider), &input.web_identity_token, request).await?;
        let (role, of_role) = role_of_arn(&service, &input.role_arn).await?.ok_or_else(denied)?;
        let web_identity = WebIdentity {
            issuer: bare(&provider.url).to_owned(),
            provider_arn: provider.arn,
            subject: claims.subject.clone(),
            audience: claims.audience.clone(),
        };
        let mut keys = self.access.keys_of_account(&of_role).and(claimed(&web_identity, &claims));
        keys.set("sts:RoleSessionName", input.role_session_name.as_str());
        add_resource_tags(&mut keys, Service::Iam, &iam_tags(&service, &role.unique_id).await?);
        let asked = (input.role_arn.as_str(), &account);
        let trust = trust_policy(&role)?;
        let permit = self.access.trusted_web_identity(request, asked, (&trust, &web_identity), keys);
        let permit = permit.ok_or_else(denied)?;
        let granted = Granted {
            role,
            asked: SessionParameters::from(&input),
            session_name: input.role_session_name,
            transitive: Vec::new(),
            source_identity: None,
            web_identity: Some(web_identity.clone()),
            mfa: false,
            chained: false,
        };
        let region = self.access.settings.default_region.as_str();
        let opened = self.open_session(&permit, granted, request.now, region).await?;
        Ok(AssumeRoleWithWebIdentityResponse {
            credentials: opened.credentials,
            subject_from_web_identity_token: Some(web_identity.subject),
            assumed_role_user: opened.user,
            packed_policy_size: opened.packed_policy_size,
            provider: Some(web_identity.provider_arn),
            audience: Some(web_identity.audience),
            source_identity: None,
            session_token_utilization: None,
            session_token_size: None,
            trusted_identity_propagation_context: None,
        })
    }

    async fn verified(
        &self,
        (account, provider): (&AccountId, &OidcProvider),
        token: &str,
        request: &Unsigned,
    ) -> Result<Claims> {
        let client_ids = texts(&provider.client_ids);
        let known = Provider {
            account: account.as_str(),
            issuer_url: &provider.url,
            client_ids: &client_ids,
            certificate_authority: provider.certificate_authority.as_deref(),
            key_set: provider.key_set.as_deref(),
        };
        let verified = self.token_verifier.verify(&known, token, request.now).await;
        verified.map_err(|error| {
            tracing::info!(provider = provider.arn, %error, "a web identity token was refused");
            refused(&error)
        })
    }
}

/// The claims of the token as condition keys: `ISSUER:sub`, `ISSUER:aud` and others. `aud` is the audience for which
/// the provider is registered, even if the token has several.
fn claimed(web: &WebIdentity, claims: &Claims) -> policy::Context {
    let mut keys = policy::Context::new().with("aws:FederatedProvider", web.provider_arn.as_str());
    for (name, values) in &claims.values {
        let key = format!("{}:{name}", web.issuer);
        match values.as_slice() {
            [one] => keys.set(key, one.as_str()),
            several => keys.set_all(key, several.iter().map(String::as_str)),
        }
    }
    keys.set(format!("{}:sub", web.issuer), web.subject.as_str());
    keys.set(format!("{}:aud", web.issuer), web.audience.as_str());
    keys
}
