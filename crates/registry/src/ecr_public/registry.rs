//! DescribeRegistries, GetRegistryCatalogData, PutRegistryCatalogData and GetAuthorizationToken.

use access::Access;
use access::context::Ctx;
use access::error::{Code, Error, Result};
use access::op::{Effect, ecr_public};
use access::permit::{OnRegistry, Opens, Permit};
use access::store::{
    EnsurePublicRegistry, FindAccount, FindPublicRegistry, OpError, PublicRegistry, PutRegistryDisplayName,
    RegistryAliasTaken, RegistryKey, StoreResultExt as _, store_error,
};
use access::token::USER;
use aws::ecr_public::{
    AuthorizationData, DescribeRegistriesRequest, DescribeRegistriesResponse, GetAuthorizationTokenRequest,
    GetAuthorizationTokenResponse, GetRegistryCatalogDataRequest, GetRegistryCatalogDataResponse,
    PutRegistryCatalogDataRequest, PutRegistryCatalogDataResponse, Registry as RegistryShape, RegistryAlias,
    RegistryAliasStatus, RegistryCatalogData,
};
use aws::ids::Region;
use aws::json::epoch_seconds;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::Registry;

/// An alias is taken once in about a trillion.
const TRIES: usize = 5;

/// The public registry of the permit's account. The first request that needs it creates it, with an alias.
pub(super) async fn ensure<E>(access: &Access, ctx: &Ctx, permit: &Permit<E>) -> Result<PublicRegistry>
where
    E: Effect<On = OnRegistry> + Opens<FindAccount> + Opens<EnsurePublicRegistry>,
{
    let account = permit.read(|account_id| FindAccount { account_id }).await?;
    let account = account.ok_or_else(|| super::no_registry(permit.account().as_str()))?;
    for _ in 0..TRIES {
        let alias_if_new = access.new_alias()?;
        let ensure = permit.write(|_account| EnsurePublicRegistry {
            key_if_new: RegistryKey(access.ids.next(ctx.now)),
            alias_if_new,
            account: account.key,
            at: ctx.at(),
        });
        match ensure.await {
            Ok(registry) => return Ok(registry),
            Err(OpError::Refused(RegistryAliasTaken)) => {}
            Err(OpError::Store(error)) => return Err(store_error(error)),
        }
    }
    Err(Error::new(Code::Unavailable, "No free alias was found. Try again."))
}

impl Registry {
    /// The caller's public registry. Every account has one, with its default alias.
    pub async fn describe_public_registries(
        &self,
        ctx: &Ctx,
        public: &Region,
        input: DescribeRegistriesRequest,
    ) -> Result<DescribeRegistriesResponse> {
        let account = &ctx.caller.account_id;
        let gate = self.access.registry_gate(ctx, account, public).await?;
        let permit = gate.permit::<ecr_public::DescribeRegistries>()?;
        if let Some(token) = input.next_token {
            // There is only one page, so no answer has a token.
            self.access.open_page_token::<()>("public registries", &token)?;
        }
        let registry = ensure(&self.access, ctx, &permit).await?;
        let shape = RegistryShape {
            registry_id: account.to_string(),
            registry_arn: format!("arn:aws:ecr-public::{account}:registry/{account}"),
            registry_uri: self.access.settings.address.public_registry(&registry.alias),
            verified: false,
            aliases: vec![RegistryAlias {
                name: registry.alias,
                status: RegistryAliasStatus::Active,
                primary_registry_alias: true,
                default_registry_alias: true,
            }],
        };
        Ok(DescribeRegistriesResponse { registries: vec![shape], next_token: None })
    }

    /// The name that the gallery shows for the caller's registry.
    pub async fn get_registry_catalog_data(
        &self,
        ctx: &Ctx,
        public: &Region,
        _input: GetRegistryCatalogDataRequest,
    ) -> Result<GetRegistryCatalogDataResponse> {
        let gate = self.access.registry_gate(ctx, &ctx.caller.account_id, public).await?;
        let permit = gate.permit::<ecr_public::GetRegistryCatalogData>()?;
        let registry = permit.read(|account_id| FindPublicRegistry { account_id }).await?;
        let display_name = registry.and_then(|registry| registry.display_name);
        Ok(GetRegistryCatalogDataResponse { registry_catalog_data: RegistryCatalogData { display_name } })
    }

    /// Sets the name. AWS accepts it only from verified accounts; here every account is accepted.
    pub async fn put_registry_catalog_data(
        &self,
        ctx: &Ctx,
        public: &Region,
        input: PutRegistryCatalogDataRequest,
    ) -> Result<PutRegistryCatalogDataResponse> {
        let gate = self.access.registry_gate(ctx, &ctx.caller.account_id, public).await?;
        let permit = gate.permit::<ecr_public::PutRegistryCatalogData>()?;
        let registry = ensure(&self.access, ctx, &permit).await?.key;
        let display_name = input.display_name;
        let stored = display_name.clone();
        permit
            .write(|_account| PutRegistryDisplayName { registry, display_name: stored })
            .await
            .or_store_error()?;
        Ok(PutRegistryCatalogDataResponse { registry_catalog_data: RegistryCatalogData { display_name } })
    }

    /// The password for `docker login` to public registries.
    pub async fn get_public_authorization_token(
        &self,
        ctx: &Ctx,
        _public: &Region,
        _input: GetAuthorizationTokenRequest,
    ) -> Result<GetAuthorizationTokenResponse> {
        let token = self.access.issue_public_token(ctx).await?;
        Ok(GetAuthorizationTokenResponse {
            authorization_data: Some(AuthorizationData {
                authorization_token: Some(STANDARD.encode(format!("{USER}:{}", token.password))),
                expires_at: Some(epoch_seconds(token.expires_at)),
            }),
        })
    }
}
