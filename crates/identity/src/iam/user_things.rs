//! Features that users do not have here: passwords, MFA devices, SSH keys. Their lists are empty if the caller is
//! allowed and the user exists.

use access::context::Ctx;
use access::error::{AwsCode, Error, Result};
use access::op::{Effect, iam};
use access::permit::OnAccount;
use access::store::EntityKind;
use aws::iam::{GetUserRequest, ListUserThingsRequest};
use aws::query::Page;

use super::entity::entity_at;
use super::user::{Whom, whom};
use crate::Identity;

macro_rules! nothing_of_users {
    ($($(#[$doc:meta])* $method:ident $op:ident $list:literal;)*) => {
        impl Identity {$(
            $(#[$doc])*
            pub async fn $method(&self, ctx: &Ctx, input: ListUserThingsRequest) -> Result<Page<String>> {
                self.nothing_of_user::<iam::$op>(ctx, input.user_name).await?;
                Ok(Page::whole($list, Vec::new()))
            }
        )*}
    };
}

nothing_of_users! {
    list_mfa_devices ListMFADevices "MFADevices";
    list_ssh_public_keys ListSSHPublicKeys "SSHPublicKeys";
    /// Credentials of single services.
    list_service_specific_credentials ListServiceSpecificCredentials "ServiceSpecificCredentials";
    /// X.509 certificates.
    list_signing_certificates ListSigningCertificates "Certificates";
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

    /// MFA devices of the account. AWS's denials show this resource, which contains no user.
    pub async fn list_virtual_mfa_devices(
        &self,
        ctx: &Ctx,
        _input: ListUserThingsRequest,
    ) -> Result<Page<String>> {
        let gate = self.access.account_gate(ctx).await?;
        let arn = format!("arn:aws:iam::{}:mfa/", ctx.caller.account_id);
        gate.permit_on::<iam::ListVirtualMFADevices>(&arn, policy::Context::new())?;
        Ok(Page::whole("VirtualMFADevices", Vec::new()))
    }

    /// No user has a password here.
    pub async fn get_login_profile(&self, ctx: &Ctx, input: GetUserRequest) -> Result<()> {
        self.no_login_profile::<iam::GetLoginProfile>(ctx, input).await
    }

    /// No user has a password here.
    pub async fn delete_login_profile(&self, ctx: &Ctx, input: GetUserRequest) -> Result<()> {
        self.no_login_profile::<iam::DeleteLoginProfile>(ctx, input).await
    }

    async fn no_login_profile<E: Effect<On = OnAccount>>(
        &self,
        ctx: &Ctx,
        input: GetUserRequest,
    ) -> Result<()> {
        let name = self.nothing_of_user::<E>(ctx, input.user_name).await?;
        let message = format!("Login Profile for User {name} cannot be found.");
        Err(Error::aws(AwsCode::NoSuchEntity, message))
    }
}
