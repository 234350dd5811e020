//! Features that users do not have here, such as SSH keys. Their lists are empty if the caller is
//! allowed and the user exists.

use access::context::Ctx;
use access::error::Result;
use access::op::{Effect, iam};
use access::permit::OnAccount;
use access::store::EntityKind;

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
    /// The caller must be allowed, and the user in the request must exist.
    async fn nothing_of_user<E: Effect<On = OnAccount>>(
        &self,
        ctx: &Ctx,
        name: Option<String>,
    ) -> Result<()> {
        let gate = self.access.account_gate(ctx).await?;
        if let Whom::User(name) = whom::<E>(&gate, name)? {
            entity_at::<E>(&gate, (EntityKind::User, &name), policy::Context::new()).await?;
        }
        Ok(())
    }
}
