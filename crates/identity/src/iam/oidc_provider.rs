//! OpenID Connect providers: AssumeRoleWithWebIdentity accepts their tokens.

use access::authz::{Found, add_resource_tags};
use access::context::Ctx;
use access::error::{AwsCode, Error, Result};
use access::op::{Effect, iam};
use access::permit::{Grant, OnAccount, OnResource, Opens, Permit, PermittedKey, ResourceKey};
use access::quota::Quotas;
use access::store::{
    ChangeOidcAudience, ChangeOidcAudienceRefusal, CreateOidcProvider, CreateOidcProviderRefusal,
    DeleteOidcProvider, ListOidcProviders, OidcProvider, OpError, RefusedExt as _, UpdateOidcProvider,
    store_error,
};
use aws::iam::{
    AddClientIDToOpenIDConnectProviderRequest, CreateOpenIDConnectProviderRequest,
    CreateOpenIDConnectProviderResponse, DeleteOpenIDConnectProviderRequest, GetOpenIDConnectProviderRequest,
    GetOpenIDConnectProviderResponse, ListOpenIDConnectProviderTagsRequest,
    ListOpenIDConnectProvidersRequest, ListOpenIDConnectProvidersResponse, ListTagsResponse,
    OpenIDConnectProviderListEntry, RemoveClientIDFromOpenIDConnectProviderRequest,
    TagOpenIDConnectProviderRequest, UntagOpenIDConnectProviderRequest,
    UpdateOpenIDConnectProviderThumbprintRequest, WharfPutOpenIDConnectProviderKeysRequest,
};
use aws::service::Service;

use super::tag::{remove_tags, set_tags, tag_keys};
use super::{Permitted, iam_tags, request_tags, shown_tags, stored_tags, time};
use crate::Identity;

fn not_found(arn: &str) -> Error {
    Error::aws(AwsCode::NoSuchEntity, format!("OpenIDConnect Provider not found for arn {arn}"))
}

/// The issuer without its scheme, as in the ARN and the condition keys. A slash at its end is part of it, because
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

async fn change<E>(
    permit: &Permit<E>,
    arn: &str,
    update: impl FnOnce(ResourceKey) -> UpdateOidcProvider<PermittedKey>,
) -> Result<()>
where
    E: Grant<On = OnResource> + Opens<UpdateOidcProvider<PermittedKey>>,
{
    permit.write(update).await.or_refused(|_| not_found(arn))
}

async fn change_audience<E>(
    permit: &Permit<E>,
    (arn, client_id): (String, String),
    accepted: bool,
    quotas: &Quotas,
) -> Result<()>
where
    E: Grant<On = OnResource> + Opens<ChangeOidcAudience<PermittedKey>>,
{
    let quota = quotas.client_ids_per_open_id_connect_provider;
    let limit = quota.most();
    let change = |key: ResourceKey| ChangeOidcAudience { arn: key.arn, client_id, accepted, limit };
    permit.write(change).await.or_refused(|refusal| match refusal {
        ChangeOidcAudienceRefusal::Gone => not_found(&arn),
        ChangeOidcAudienceRefusal::Limit => quota.exceeded(),
    })
}

impl Identity {
    /// Decides on an operation on a provider, and then returns an error if it does not exist.
    async fn provider_for<E: Effect<On = OnAccount>>(
        &self,
        ctx: &Ctx,
        arn: &str,
        keys: policy::Context,
    ) -> Result<Permitted<E, OidcProvider>> {
        let found = self.known_provider::<E>(ctx, arn, keys).await?;
        let on = found.on.ok_or_else(|| not_found(arn))?;
        Ok(Permitted { permit: found.permit, on, tags: found.tags })
    }

    async fn known_provider<E: Effect<On = OnAccount>>(
        &self,
        ctx: &Ctx,
        arn: &str,
        mut keys: policy::Context,
    ) -> Result<Permitted<E, Option<OidcProvider>>> {
        let gate = self.access.account_gate(ctx).await?;
        let on = gate.find_provider(arn).await?;
        let mut tags = Vec::new();
        if on.is_some() {
            tags = iam_tags(&gate, arn).await?;
            add_resource_tags(&mut keys, Service::Iam, &tags);
        }
        let permit = gate.permit_arn::<E, _>(on.as_ref(), arn, keys)?;
        Ok(Permitted { permit, on: on.map(Found::into_row), tags })
    }

    /// Creates a provider: tokens of its issuer are accepted.
    pub async fn create_open_id_connect_provider(
        &self,
        ctx: &Ctx,
        input: CreateOpenIDConnectProviderRequest,
    ) -> Result<CreateOpenIDConnectProviderResponse> {
        let gate = self.access.account_gate(ctx).await?;
        let account_id = &ctx.caller.account_id;
        let rest = host_and_path(&input.url);
        let arn = format!("arn:aws:iam::{account_id}:oidc-provider/{}", rest.unwrap_or("*"));
        let stored = stored_tags(input.tags);
        let tags = request_tags(&stored)?;
        let permit = gate.permit_on::<iam::CreateOpenIDConnectProvider>(&arn, tags.clone())?;
        if !stored.is_empty() {
            gate.permit_on::<iam::TagOpenIDConnectProvider>(&arn, tags)?;
        }
        if rest.is_none() {
            return Err(Error::aws(AwsCode::ValidationError, "Invalid Open ID Connect Provider URL"));
        }
        let provider = OidcProvider {
            arn: arn.clone(),
            url: input.url.clone(),
            client_ids: json(&input.client_id_list)?,
            thumbprints: json(&input.thumbprint_list)?,
            certificate_authority: None,
            key_set: None,
            created_at: ctx.at(),
        };
        let create = CreateOidcProvider {
            account: permit.account_key().await?,
            provider,
            tags: stored,
            limit: self.access.quotas().open_id_connect_providers_per_account.limit(),
        };
        permit.write(|_| create).await.or_refused(|refusal| match refusal {
            CreateOidcProviderRefusal::Limit => {
                self.access.quotas().open_id_connect_providers_per_account.exceeded()
            }
            CreateOidcProviderRefusal::Exists => {
                let message = format!("Provider with url {} already exists.", input.url);
                Error::aws(AwsCode::EntityAlreadyExists, message)
            }
        })?;
        Ok(CreateOpenIDConnectProviderResponse { open_id_connect_provider_arn: arn, tags: Vec::new() })
    }

    pub async fn get_open_id_connect_provider(
        &self,
        ctx: &Ctx,
        input: GetOpenIDConnectProviderRequest,
    ) -> Result<GetOpenIDConnectProviderResponse> {
        let keys = policy::Context::new();
        let found = self
            .provider_for::<iam::GetOpenIDConnectProvider>(ctx, &input.open_id_connect_provider_arn, keys)
            .await?;
        let provider = found.on;
        Ok(GetOpenIDConnectProviderResponse {
            url: provider.url.trim_start_matches("https://").to_owned(),
            client_id_list: texts(&provider.client_ids),
            thumbprint_list: texts(&provider.thumbprints),
            create_date: time(provider.created_at).into(),
            tags: shown_tags(found.tags),
            ..GetOpenIDConnectProviderResponse::default()
        })
    }

    /// Lists the providers of the account.
    pub async fn list_open_id_connect_providers(
        &self,
        ctx: &Ctx,
        _input: ListOpenIDConnectProvidersRequest,
    ) -> Result<ListOpenIDConnectProvidersResponse> {
        let gate = self.access.account_gate(ctx).await?;
        let arn = format!("arn:aws:iam::{}:oidc-provider/*", ctx.caller.account_id);
        let permit = gate.permit_on::<iam::ListOpenIDConnectProviders>(&arn, policy::Context::new())?;
        let providers = permit.read(|account_id| ListOidcProviders { account_id }).await?;
        let entry = |provider: OidcProvider| OpenIDConnectProviderListEntry {
            arn: provider.arn,
            ..OpenIDConnectProviderListEntry::default()
        };
        let open_id_connect_provider_list = providers.into_iter().map(entry).collect();
        Ok(ListOpenIDConnectProvidersResponse { open_id_connect_provider_list })
    }

    /// Deletes a provider: tokens of its issuer are no longer accepted. Deleting one that does not exist succeeds, as
    /// on AWS: "This operation is idempotent" (IAM API reference, "DeleteOpenIDConnectProvider").
    pub async fn delete_open_id_connect_provider(
        &self,
        ctx: &Ctx,
        input: DeleteOpenIDConnectProviderRequest,
    ) -> Result<()> {
        let arn = input.open_id_connect_provider_arn;
        let keys = policy::Context::new();
        let found = self.known_provider::<iam::DeleteOpenIDConnectProvider>(ctx, &arn, keys).await?;
        if !is_own_provider(ctx, &arn) {
            return Err(not_found(&arn));
        }
        if found.on.is_none() {
            return Ok(());
        }
        match found.permit.write(|key| DeleteOidcProvider { arn: key.arn }).await {
            Ok(()) | Err(OpError::Refused(_)) => Ok(()),
            Err(OpError::Store(error)) => Err(store_error(error)),
        }
    }

    /// Adds an audience.
    pub async fn add_client_id_to_open_id_connect_provider(
        &self,
        ctx: &Ctx,
        input: AddClientIDToOpenIDConnectProviderRequest,
    ) -> Result<()> {
        let keys = policy::Context::new();
        let found = self
            .provider_for::<iam::AddClientIDToOpenIDConnectProvider>(
                ctx,
                &input.open_id_connect_provider_arn,
                keys,
            )
            .await?;
        change_audience(
            &found.permit,
            (input.open_id_connect_provider_arn, input.client_id),
            true,
            self.access.quotas(),
        )
        .await
    }

    /// Removes an audience.
    pub async fn remove_client_id_from_open_id_connect_provider(
        &self,
        ctx: &Ctx,
        input: RemoveClientIDFromOpenIDConnectProviderRequest,
    ) -> Result<()> {
        let keys = policy::Context::new();
        let found = self
            .provider_for::<iam::RemoveClientIDFromOpenIDConnectProvider>(
                ctx,
                &input.open_id_connect_provider_arn,
                keys,
            )
            .await?;
        change_audience(
            &found.permit,
            (input.open_id_connect_provider_arn, input.client_id),
            false,
            self.access.quotas(),
        )
        .await
    }

    /// Replaces the thumbprints. They are only stored and shown: here certificates decide about trust.
    pub async fn update_open_id_connect_provider_thumbprint(
        &self,
        ctx: &Ctx,
        input: UpdateOpenIDConnectProviderThumbprintRequest,
    ) -> Result<()> {
        let keys = policy::Context::new();
        let found = self
            .provider_for::<iam::UpdateOpenIDConnectProviderThumbprint>(
                ctx,
                &input.open_id_connect_provider_arn,
                keys,
            )
            .await?;
        let thumbprints = Some(json(&input.thumbprint_list)?);
        let update = |key: ResourceKey| UpdateOidcProvider {
            arn: key.arn,
            thumbprints,
            certificate_authority: None,
            key_set: None,
        };
        change(&found.permit, &input.open_id_connect_provider_arn, update).await
    }

    /// Sets the certificate authority of an issuer on a private network, or its key set, which is then not fetched. AWS
    /// has no such operation. The permission to create such a provider is required.
    pub async fn wharf_put_open_id_connect_provider_keys(
        &self,
        ctx: &Ctx,
        input: WharfPutOpenIDConnectProviderKeysRequest,
    ) -> Result<()> {
        let keys = policy::Context::new();
        let found = self
            .provider_for::<iam::WharfPutOpenIDConnectProviderKeys>(
                ctx,
                &input.open_id_connect_provider_arn,
                keys,
            )
            .await?;
        let checked = oidc::check_trust(input.certificate_authority.as_deref(), input.key_set.as_deref());
        checked.map_err(|error| Error::aws(AwsCode::InvalidInput, error.to_string()))?;
        // What the request does not contain is removed, so the request describes the whole setting.
        let certificate_authority = Some(input.certificate_authority.unwrap_or_default());
        let key_set = Some(input.key_set.unwrap_or_default());
        let update = |key: ResourceKey| UpdateOidcProvider {
            arn: key.arn,
            thumbprints: None,
            certificate_authority,
            key_set,
        };
        change(&found.permit, &input.open_id_connect_provider_arn, update).await
    }

    pub async fn tag_open_id_connect_provider(
        &self,
        ctx: &Ctx,
        input: TagOpenIDConnectProviderRequest,
    ) -> Result<()> {
        let tags = stored_tags(input.tags);
        let keys = request_tags(&tags)?;
        let found = self
            .provider_for::<iam::TagOpenIDConnectProvider>(ctx, &input.open_id_connect_provider_arn, keys)
            .await?;
        set_tags(&found.permit, tags).await
    }

    /// Removes tags of a provider.
    pub async fn untag_open_id_connect_provider(
        &self,
        ctx: &Ctx,
        input: UntagOpenIDConnectProviderRequest,
    ) -> Result<()> {
        let keys = tag_keys(&input.tag_keys);
        let found = self
            .provider_for::<iam::UntagOpenIDConnectProvider>(ctx, &input.open_id_connect_provider_arn, keys)
            .await?;
        remove_tags(&found.permit, input.tag_keys).await
    }

    pub async fn list_open_id_connect_provider_tags(
        &self,
        ctx: &Ctx,
        input: ListOpenIDConnectProviderTagsRequest,
    ) -> Result<ListTagsResponse> {
        let keys = policy::Context::new();
        let found = self
            .provider_for::<iam::ListOpenIDConnectProviderTags>(
                ctx,
                &input.open_id_connect_provider_arn,
                keys,
            )
            .await?;
        self.page_of_tags(
            &input.open_id_connect_provider_arn,
            found.tags,
            (input.marker.as_deref(), input.max_items),
        )
    }
}
