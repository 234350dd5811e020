//! Versions of managed policies: at most five, of which the default one decides.

use access::op::IamOp;
use aws::iam::{
    CreatePolicyVersionRequest, DeletePolicyVersionRequest, GetPolicyVersionRequest,
    ListPolicyVersionsRequest, PolicyVersion, SetDefaultPolicyVersionRequest,
};
use aws::query::{One, Page};
use meta::{
    CreateManagedPolicyVersion, DeleteManagedPolicyVersion, ListManagedPolicyVersions, PolicyVersionRefusal,
    SetDefaultManagedPolicyVersion,
};
use policy::managed::Managed;

use super::managed_policy::{Found, check_policy, not_found};
use super::{quota, time};
use crate::Identity;
use access::context::Ctx;
use access::error::{AwsCode, Error, Result};
use access::op::Op;
use access::store::{StoreResultExt as _, store_error};

pub(super) fn shown(version: meta::PolicyVersion, with_document: bool) -> PolicyVersion {
    PolicyVersion {
        document: with_document.then_some(version.document),
        version_id: format!("v{}", version.version),
        is_default: version.is_default,
        created_at: time(version.created_at),
    }
}

/// The one version of a policy of AWS's.
pub(super) fn version_of_aws(policy: &Managed) -> PolicyVersion {
    PolicyVersion {
        document: Some(policy.document.to_owned()),
        version_id: policy.version_id.to_owned(),
        is_default: true,
        created_at: policy.updated_at.parse().unwrap_or(jiff::Timestamp::UNIX_EPOCH),
    }
}

fn number(version_id: &str) -> i64 {
    version_id.strip_prefix('v').and_then(|digits| digits.parse().ok()).unwrap_or_default()
}

fn refused(error: meta::OpError<PolicyVersionRefusal>, arn: &str, version_id: &str) -> Error {
    match error {
        meta::OpError::Store(error) => store_error(error),
        meta::OpError::Refused(PolicyVersionRefusal::PolicyGone) => not_found(arn),
        meta::OpError::Refused(PolicyVersionRefusal::VersionGone) => no_version(arn, version_id),
        meta::OpError::Refused(PolicyVersionRefusal::Limit) => {
            let message = "A managed policy can have up to 5 versions. Before you create a new version, you must \
                           delete an existing version.";
            Error::aws(AwsCode::IamLimitExceeded, message)
        }
        meta::OpError::Refused(PolicyVersionRefusal::IsDefault) => {
            Error::aws(AwsCode::DeleteConflict, "Cannot delete the default version of a policy.")
        }
    }
}

fn no_version(arn: &str, version_id: &str) -> Error {
    let message = format!("Policy {arn} version {version_id} does not exist or is not attachable.");
    Error::aws(AwsCode::NoSuchEntity, message)
}

impl Identity {
    /// Adds a version to a managed policy; as the default it decides from the next request on.
    pub async fn create_policy_version(
        &self,
        ctx: &Ctx,
        input: CreatePolicyVersionRequest,
    ) -> Result<One<PolicyVersion>> {
        let arn = input.policy_arn;
        self.own_policy_for(ctx, Op::Iam(IamOp::CreatePolicyVersion), &arn, policy::Context::new()).await?;
        check_policy(&input.policy_document)?;
        let create = CreateManagedPolicyVersion {
            arn: arn.clone(),
            document: input.policy_document,
            set_as_default: input.set_as_default,
            limit: quota::VERSIONS_PER_POLICY,
            at: ctx.at(),
        };
        let made = self.access.meta.write(create).await.map_err(|error| refused(error, &arn, ""))?;
        Ok(One("PolicyVersion", shown(made, false)))
    }

    async fn versions(&self, found: &Found) -> Result<Vec<PolicyVersion>> {
        match found {
            Found::Own(policy) => {
                let list = ListManagedPolicyVersions { arn: policy.arn.clone() };
                let versions = self.access.meta.read(list).await.or_store_error()?;
                Ok(versions.into_iter().map(|version| shown(version, true)).collect())
            }
            Found::OfAws(policy) => Ok(vec![version_of_aws(policy)]),
        }
    }

    /// Shows a version with its document.
    pub async fn get_policy_version(
        &self,
        ctx: &Ctx,
        input: GetPolicyVersionRequest,
    ) -> Result<One<PolicyVersion>> {
        let found = self
            .policy_for(ctx, Op::Iam(IamOp::GetPolicyVersion), &input.policy_arn, policy::Context::new())
            .await?;
        let mut versions = self.versions(&found).await?.into_iter();
        let version = versions.find(|version| version.version_id == input.version_id);
        Ok(One("PolicyVersion", version.ok_or_else(|| no_version(&input.policy_arn, &input.version_id))?))
    }

    /// Lists the versions of a managed policy, newest first.
    pub async fn list_policy_versions(
        &self,
        ctx: &Ctx,
        input: ListPolicyVersionsRequest,
    ) -> Result<Page<PolicyVersion>> {
        let found = self
            .policy_for(ctx, Op::Iam(IamOp::ListPolicyVersions), &input.policy_arn, policy::Context::new())
            .await?;
        let arn = input.policy_arn;
        let page = self.page_of(format!("versions of {arn}"), input.marker.as_deref(), input.max_items)?;
        let mut versions = self.versions(&found).await?;
        let before = number(&page.after);
        versions.retain(|version| page.after.is_empty() || number(&version.version_id) < before);
        let marker = self.cut(&page, &mut versions, |version| version.version_id.clone())?;
        let items = versions.into_iter().map(|version| PolicyVersion { document: None, ..version }).collect();
        Ok(Page { name: "Versions", items, marker })
    }

    /// Deletes a version that is not the default.
    pub async fn delete_policy_version(&self, ctx: &Ctx, input: DeletePolicyVersionRequest) -> Result<()> {
        let (arn, version_id) = (input.policy_arn, input.version_id);
        self.own_policy_for(ctx, Op::Iam(IamOp::DeletePolicyVersion), &arn, policy::Context::new()).await?;
        let delete = DeleteManagedPolicyVersion { arn: arn.clone(), version: number(&version_id) };
        self.access.meta.write(delete).await.map_err(|error| refused(error, &arn, &version_id))
    }

    /// Makes a version the default, for everybody whom the policy concerns, from the next request on.
    pub async fn set_default_policy_version(
        &self,
        ctx: &Ctx,
        input: SetDefaultPolicyVersionRequest,
    ) -> Result<()> {
        let (arn, version_id) = (input.policy_arn, input.version_id);
        self.own_policy_for(ctx, Op::Iam(IamOp::SetDefaultPolicyVersion), &arn, policy::Context::new())
            .await?;
        let set =
            SetDefaultManagedPolicyVersion { arn: arn.clone(), version: number(&version_id), at: ctx.at() };
        self.access.meta.write(set).await.map_err(|error| refused(error, &arn, &version_id))
    }
}
