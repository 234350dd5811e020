//! Features that users do not have here: passwords, SSH keys. Their lists are empty if the caller is
//! allowed and the user exists.

use access::context::Ctx;
use access::error::{AwsCode, Error, Result};
use access::op::{Effect, iam};
use access::permit::OnAccount;
use access::store::EntityKind;
use aws::iam::{DeleteLoginProfileRequest, GetLoginProfileRequest, GetLoginProfileResponse};

use super::entity::entity_at;
use super::user::{Whom, whom};
use crate::Identity;

macro_rules! nothing_of_users {
    ($($(#[$doc:meta])* $method:ident $op:ident $request:ident $response:ident;)*) => {
        impl Identity {$(
            $(#[$doc])*
            pub async fn $method(&self, ctx: &Ctx, input: aws::iam::$request) -> Result<aws::iam::$response> {
                self.nothing_of_user::<iam::$op>(ctx, input.user_name).await?;
                Ok(aws::iam::$response::default())
            }
        )*}
    };
}

nothing_of_users! {
    list_ssh_public_keys ListSSHPublicKeys ListSSHPublicKeysRequest ListSSHPublicKeysResponse;
    /// Credentials of single services.
    list_service_specific_credentials ListServiceSpecificCredentials
        ListServiceSpecificCredentialsRequest ListServiceSpecificCredentialsResponse;
    /// X.509 certificates.
    list_signing_certificates ListSigningCertificates
        ListSigningCertificatesRequest ListSigningCertificatesResponse;
}

impl Identity {
    /// The name of the user in the request, or of the root that sent it. The caller must be allowed, and the user must
    /// exist.
    async fn nothing_of_user<E: Effect<On = OnAccount>>(
        &self,
        ctx: &Ctx,
        name: Option<String>,
    ) -> Result<String> {
        let gate = self.access.account_gate(ctx).await?;
        match whom::<E>(&gate, name)? {
            Whom::User(name) => {
                let named = (EntityKind::User, name.as_str());
                Ok(entity_at::<E>(&gate, named, policy::Context::new()).await?.on.name)
            }
            Whom::Root(_) => Ok("root".to_owned()),
        }
    }

    /// No user has a password here.
    pub async fn get_login_profile(
        &self,
        ctx: &Ctx,
        input: GetLoginProfileRequest,
    ) -> Result<GetLoginProfileResponse> {
        Err(self.no_login_profile::<iam::GetLoginProfile>(ctx, input.user_name).await?)
    }

    /// No user has a password here.
    pub async fn delete_login_profile(&self, ctx: &Ctx, input: DeleteLoginProfileRequest) -> Result<()> {
        Err(self.no_login_profile::<iam::DeleteLoginProfile>(ctx, input.user_name).await?)
    }

    /// The error about a user's password, once the caller is allowed and the user exists.
    async fn no_login_profile<E: Effect<On = OnAccount>>(
        &self,
        ctx: &Ctx,
        name: Option<String>,
    ) -> Result<Error> {
        let name = self.nothing_of_user::<E>(ctx, name).await?;
        let message = format!("Login Profile for User {name} cannot be found.");
        Ok(Error::aws(AwsCode::NoSuchEntity, message))
    }
}
