//! OpenID Connect providers: whose tokens AssumeRoleWithWebIdentity accepts.

use access::op::IamOp;
use aws::iam::{
    AddClientIDToOpenIDConnectProviderRequest, CreateOpenIDConnectProviderRequest,
    DeleteOpenIDConnectProviderRequest, GetOpenIDConnectProviderRequest,
    ListOpenIDConnectProviderTagsRequest, ListOpenIDConnectProvidersRequest, OpenIdConnectProvider,
    ProviderArn, RemoveClientIDFromOpenIDConnectProviderRequest, TagOpenIDConnectProviderRequest,
    UntagOpenIDConnectProviderRequest, UpdateOpenIDConnectProviderThumbprintRequest,
    WharfPutOpenIDConnectProviderKeysRequest,
};
use aws::query::{List, One, Page};
use aws::service::Service;
use meta::{
    ChangeOidcAudience, ChangeOidcAudienceRefusal, CreateOidcProvider, CreateOidcProviderRefusal,
    DeleteOidcProvider, FindOidcProvider, ListOidcProviders, OidcProvider, OpError, UpdateOidcProvider,
};

use super::tag::tag_keys;
use super::{quota, quota_exceeded, request_tags, time};
use crate::Identity;
use access::authz::add_resource_tags;
use access::context::Ctx;
use access::error::{AwsCode, Code, Error, Result};
use access::op::Op;
use access::store::{RefusedExt as _, StoreResultExt as _, store_error};

/// Audiences of one provider (IAM quotas).
const CLIENT_IDS: usize = 100;

fn not_found(arn: &str) -> Error {
    Error::aws(AwsCode::NoSuchEntity, format!("OpenIDConnect Provider not found for arn {arn}"))
}

/// The issuer without its scheme: what the ARN and the condition keys hold. A slash at its end belongs to it, as
/// Auth0's issuers have one: the ARN of `https://t.auth0.com/` ends in `t.auth0.com/`, and its keys are
/// `t.auth0.com/:aud`.
fn host_and_path(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("https://")?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~/:%".contains(c);
    (!rest.is_empty() && rest.chars().all(is_plain) && !rest.starts_with(['/', ':'])).then_some(rest)
}

fn is_own_provider(ctx: &Ctx, arn: &str) -> bool {
    arn.starts_with(&format!("arn:aws:iam::{}:oidc-provider/", ctx.caller.account_id))
}

pub(crate) fn texts(json: &str) -> Vec<String> {
    serde_json::from_str(json).unwrap_or_default()
}

fn json(texts: &[String]) -> Result<String> {
    serde_json::to_string(texts).map_err(Error::internal)
}

impl Identity {
    /// Brings an operation on a provider to the gate, and then says whether it is there.
    async fn provider_for(
        &self,
        ctx: &Ctx,
        op: Op,
        arn: &str,
        mut keys: policy::Context,
    ) -> Result<OidcProvider> {
        let gate = self.access.account_gate(ctx).await?;
        let found = if is_own_provider(ctx, arn) {
            self.access.meta.read(FindOidcProvider { arn: arn.to_owned() }).await.or_store_error()?
        } else {
            None
        };
        if found.is_some() {
            add_resource_tags(&mut keys, Service::Iam, &self.iam_tags(arn).await?);
        }
        gate.allow_on(op, arn, keys)?;
        found.ok_or_else(|| not_found(arn))
    }

    /// Accepts the tokens of an issuer from now on.
    pub async fn create_open_id_connect_provider(
        &self,
        ctx: &Ctx,
        input: CreateOpenIDConnectProviderRequest,
    ) -> Result<One<String>> {
        let gate = self.access.account_gate(ctx).await?;
        let account_id = &ctx.caller.account_id;
        let rest = host_and_path(&input.url);
        let arn = format!("arn:aws:iam::{account_id}:oidc-provider/{}", rest.unwrap_or("*"));
        let tags = request_tags(&input.tags)?;
        gate.allow_on(Op::Iam(IamOp::CreateOpenIDConnectProvider), &arn, tags.clone())?;
        if !input.tags.is_empty() {
            gate.allow_on(Op::Iam(IamOp::TagOpenIDConnectProvider), &arn, tags)?;
        }
        if rest.is_none() {
            return Err(Error::aws(AwsCode::ValidationError, "Invalid Open ID Connect Provider URL"));
        }
        let provider = OidcProvider {
            arn: arn.clone(),
            url: input.url.clone(),
            client_ids: json(&input.client_ids)?,
            thumbprints: json(&input.thumbprints)?,
            certificate_authority: None,
            key_set: None,
            created_at: ctx.at(),
        };
        let create = CreateOidcProvider {
            account: self.access.account_key(account_id).await?,
            provider,
            tags: input.tags,
            limit: quota::OIDC_PROVIDERS,
        };
        self.access.meta.write(create).await.or_refused(|refusal| match refusal {
            CreateOidcProviderRefusal::Limit => {
                quota_exceeded("OpenIdConnectProvidersPerAccount", quota::OIDC_PROVIDERS)
            }
            CreateOidcProviderRefusal::Exists => {
                let message = format!("Provider with url {} already exists.", input.url);
                Error::aws(AwsCode::EntityAlreadyExists, message)
            }
        })?;
        Ok(One("OpenIDConnectProviderArn", arn))
    }

    /// Shows a provider.
    pub async fn get_open_id_connect_provider(
        &self,
        ctx: &Ctx,
        input: GetOpenIDConnectProviderRequest,
    ) -> Result<OpenIdConnectProvider> {
        let op = Op::Iam(IamOp::GetOpenIDConnectProvider);
        let provider = self.provider_for(ctx, op, &input.arn, policy::Context::new()).await?;
        Ok(OpenIdConnectProvider {
            url: provider.url.trim_start_matches("https://").to_owned(),
            client_ids: texts(&provider.client_ids),
            thumbprints: texts(&provider.thumbprints),
            created_at: time(provider.created_at),
            tags: self.iam_tags(&input.arn).await?,
        })
    }

    /// Lists the providers of the account.
    pub async fn list_open_id_connect_providers(
        &self,
        ctx: &Ctx,
        _input: ListOpenIDConnectProvidersRequest,
    ) -> Result<List<ProviderArn>> {
        let gate = self.access.account_gate(ctx).await?;
        let account_id = ctx.caller.account_id.clone();
        let arn = format!("arn:aws:iam::{account_id}:oidc-provider/*");
        gate.allow_on(Op::Iam(IamOp::ListOpenIDConnectProviders), &arn, policy::Context::new())?;
        let providers = self.access.meta.read(ListOidcProviders { account_id }).await.or_store_error()?;
        let items = providers.into_iter().map(|provider| ProviderArn(provider.arn)).collect();
        Ok(List("OpenIDConnectProviderList", items))
    }

    /// Accepts the tokens of an issuer no more. One that is gone already is success, as on AWS: "This operation is
    /// idempotent" (IAM API reference, "DeleteOpenIDConnectProvider").
    pub async fn delete_open_id_connect_provider(
        &self,
        ctx: &Ctx,
        input: DeleteOpenIDConnectProviderRequest,
    ) -> Result<()> {
        let arn = input.arn;
        let is_own = is_own_provider(ctx, &arn);
        match self
            .provider_for(ctx, Op::Iam(IamOp::DeleteOpenIDConnectProvider), &arn, policy::Context::new())
            .await
        {
            Ok(_) => {}
            Err(error) if is_own && error.code == Code::Aws(AwsCode::NoSuchEntity) => return Ok(()),
            Err(error) => return Err(error),
        }
        match self.access.meta.write(DeleteOidcProvider { arn }).await {
            Ok(()) | Err(OpError::Refused(_)) => Ok(()),
            Err(OpError::Store(error)) => Err(store_error(error)),
        }
    }

    async fn change(&self, update: UpdateOidcProvider) -> Result<()> {
        let arn = update.arn.clone();
        self.access.meta.write(update).await.or_refused(|_| not_found(&arn))
    }

    async fn change_audience(&self, arn: String, client_id: String, accepted: bool) -> Result<()> {
        let change = ChangeOidcAudience { arn: arn.clone(), client_id, accepted, limit: CLIENT_IDS };
        self.access.meta.write(change).await.or_refused(|refusal| match refusal {
            ChangeOidcAudienceRefusal::Gone => not_found(&arn),
            ChangeOidcAudienceRefusal::Limit => {
                quota_exceeded("ClientIdsPerOpenIdConnectProvider", CLIENT_IDS)
            }
        })
    }

    /// Accepts one more audience.
    pub async fn add_client_id_to_open_id_connect_provider(
        &self,
        ctx: &Ctx,
        input: AddClientIDToOpenIDConnectProviderRequest,
    ) -> Result<()> {
        let op = Op::Iam(IamOp::AddClientIDToOpenIDConnectProvider);
        self.provider_for(ctx, op, &input.arn, policy::Context::new()).await?;
        self.change_audience(input.arn, input.client_id, true).await
    }

    /// Accepts an audience no more.
    pub async fn remove_client_id_from_open_id_connect_provider(
        &self,
        ctx: &Ctx,
        input: RemoveClientIDFromOpenIDConnectProviderRequest,
    ) -> Result<()> {
        let op = Op::Iam(IamOp::RemoveClientIDFromOpenIDConnectProvider);
        self.provider_for(ctx, op, &input.arn, policy::Context::new()).await?;
        self.change_audience(input.arn, input.client_id, false).await
    }

    /// Replaces the thumbprints, which are kept and shown: trust comes from certificates here.
    pub async fn update_open_id_connect_provider_thumbprint(
        &self,
        ctx: &Ctx,
        input: UpdateOpenIDConnectProviderThumbprintRequest,
    ) -> Result<()> {
        let op = Op::Iam(IamOp::UpdateOpenIDConnectProviderThumbprint);
        self.provider_for(ctx, op, &input.arn, policy::Context::new()).await?;
        let thumbprints = Some(json(&input.thumbprints)?);
        self.change(UpdateOidcProvider { arn: input.arn, thumbprints, ..UpdateOidcProvider::default() }).await
    }

    /// Sets the authority of an issuer on a private network, or its key set in place of fetching one. AWS has no such
    /// operation; who may make such a provider may do this.
    pub async fn wharf_put_open_id_connect_provider_keys(
        &self,
        ctx: &Ctx,
        input: WharfPutOpenIDConnectProviderKeysRequest,
    ) -> Result<()> {
        let op = Op::Iam(IamOp::WharfPutOpenIDConnectProviderKeys);
        self.provider_for(ctx, op, &input.arn, policy::Context::new()).await?;
        let checked = oidc::check_trust(input.certificate_authority.as_deref(), input.key_set.as_deref());
        checked.map_err(|error| Error::aws(AwsCode::InvalidInput, error.to_string()))?;
        // What is not given is taken away, so that the call says all there is.
        let certificate_authority = Some(input.certificate_authority.unwrap_or_default());
        let key_set = Some(input.key_set.unwrap_or_default());
        let arn = input.arn;
        self.change(UpdateOidcProvider {
            arn,
            certificate_authority,
            key_set,
            ..UpdateOidcProvider::default()
        })
        .await
    }

    /// Sets tags of a provider.
    pub async fn tag_open_id_connect_provider(
        &self,
        ctx: &Ctx,
        input: TagOpenIDConnectProviderRequest,
    ) -> Result<()> {
        let keys = request_tags(&input.tags)?;
        self.provider_for(ctx, Op::Iam(IamOp::TagOpenIDConnectProvider), &input.arn, keys).await?;
        self.set_tags(input.arn, input.tags).await
    }

    /// Removes tags of a provider.
    pub async fn untag_open_id_connect_provider(
        &self,
        ctx: &Ctx,
        input: UntagOpenIDConnectProviderRequest,
    ) -> Result<()> {
        let keys = tag_keys(&input.tag_keys);
        self.provider_for(ctx, Op::Iam(IamOp::UntagOpenIDConnectProvider), &input.arn, keys).await?;
        self.remove_tags(input.arn, input.tag_keys).await
    }

    /// Lists tags of a provider.
    pub async fn list_open_id_connect_provider_tags(
        &self,
        ctx: &Ctx,
        input: ListOpenIDConnectProviderTagsRequest,
    ) -> Result<Page<(String, String)>> {
        let op = Op::Iam(IamOp::ListOpenIDConnectProviderTags);
        self.provider_for(ctx, op, &input.arn, policy::Context::new()).await?;
        self.page_of_tags(&input.arn, input.marker.as_deref(), input.max_items).await
    }
}
