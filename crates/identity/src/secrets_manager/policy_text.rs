//! Resource policies of secrets. They are stored with the unique IDs of principals.

use access::context::Ctx;
use access::error::{AwsCode, Error, Result};
use access::op::secrets_manager;
use access::permit::ResourceKey;
use access::principal_names::{Known, render_principals};
use access::store::{ChangeSecret, NoSecret, RefusedExt as _, SecretChange};
use aws::ids::Region;
use aws::secrets_manager::{
    DeleteResourcePolicyRequest, DeleteResourcePolicyResponse, GetResourcePolicyRequest,
    GetResourcePolicyResponse, PutResourcePolicyRequest, PutResourcePolicyResponse,
};
use policy::{Document, Use};

use super::no_secret;
use crate::Identity;

fn malformed(reason: &str) -> Error {
    let message = format!("This resource policy contains a syntax error: {reason}.");
    Error::aws(AwsCode::SecretMalformedPolicy, message)
}

impl Identity {
    /// Writes the policy of a secret. Every principal that it names must exist.
    pub async fn put_secret_policy(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: PutResourcePolicyRequest,
    ) -> Result<PutResourcePolicyResponse> {
        let of = (region, input.secret_id.as_str());
        let keys = policy::Context::new();
        let (permit, secret) =
            self.permitted_live_secret::<secrets_manager::PutResourcePolicy>(ctx, of, keys).await?;
        let invalid = |error: policy::PolicyError| malformed(&error.to_string());
        let mut document = Document::parse(&input.resource_policy).map_err(invalid)?;
        document.policy().and_then(|policy| policy.check(Use::Secret)).map_err(invalid)?;
        if let Err(unknown) = Known::of(&permit, &document).await?.resolve(&mut document) {
            return Err(malformed(&format!("there is no principal {}", unknown.0)));
        }
        let (change, at) = (SecretChange::Policy(Some(document.to_json())), ctx.at());
        let change = |key: ResourceKey| ChangeSecret { arn: key.arn, change, at };
        permit.write(change).await.or_refused(|NoSecret| no_secret())?;
        let secret = secret.into_row();
        Ok(PutResourcePolicyResponse { arn: Some(secret.arn), name: Some(secret.name), policy_name: None })
    }

    /// Shows the policy of a secret.
    pub async fn get_secret_policy(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: GetResourcePolicyRequest,
    ) -> Result<GetResourcePolicyResponse> {
        let of = (region, input.secret_id.as_str());
        let keys = policy::Context::new();
        let (permit, secret) =
            self.permitted_live_secret::<secrets_manager::GetResourcePolicy>(ctx, of, keys).await?;
        let secret = secret.into_row();
        let mut resource_policy = None;
        if let Some(text) = &secret.policy {
            let mut document = Document::parse(text).map_err(Error::internal)?;
            render_principals(&permit, &mut document).await?;
            resource_policy = Some(document.to_json());
        }
        let (arn, name) = (Some(secret.arn), Some(secret.name));
        Ok(GetResourcePolicyResponse { arn, name, resource_policy, policy_name: None })
    }

    /// Removes the policy of a secret.
    pub async fn delete_secret_policy(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: DeleteResourcePolicyRequest,
    ) -> Result<DeleteResourcePolicyResponse> {
        let of = (region, input.secret_id.as_str());
        let keys = policy::Context::new();
        let (permit, secret) =
            self.permitted_live_secret::<secrets_manager::DeleteResourcePolicy>(ctx, of, keys).await?;
        let (change, at) = (SecretChange::Policy(None), ctx.at());
        let change = |key: ResourceKey| ChangeSecret { arn: key.arn, change, at };
        permit.write(change).await.or_refused(|NoSecret| no_secret())?;
        let secret = secret.into_row();
        Ok(DeleteResourcePolicyResponse { arn: Some(secret.arn), name: Some(secret.name), policy_name: None })
    }
}
