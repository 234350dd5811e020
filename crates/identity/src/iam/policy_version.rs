//! Versions of managed policies: at most five. The default version is enforced.

use access::context::Ctx;
use access::error::{AwsCode, Error, Result};
use access::op::iam;
use access::permit::{Opens, Permit, ResourceKey};
use access::store::{
    CreateManagedPolicyVersion, DeleteManagedPolicyVersion, ListManagedPolicyVersions, OpError,
    PolicyVersion as StoredVersion, PolicyVersionRefusal, SetDefaultManagedPolicyVersion, store_error,
};
use aws::iam::{
    CreatePolicyVersionRequest, CreatePolicyVersionResponse, DeletePolicyVersionRequest,
    GetPolicyVersionRequest, GetPolicyVersionResponse, ListPolicyVersionsRequest, ListPolicyVersionsResponse,
    PolicyVersion, SetDefaultPolicyVersionRequest,
};
use policy::managed::Managed;

use super::managed_policy::{Found, check_policy, not_found};
use super::time;
use crate::Identity;

pub(super) fn shown(version: StoredVersion, with_document: bool) -> PolicyVersion {
    PolicyVersion {
        document: with_document.then_some(version.document),
        version_id: format!("v{}", version.version),
        is_default_version: version.is_default,
        create_date: time(version.created_at).into(),
    }
}

/// The only version of an AWS policy.
pub(super) fn version_of_aws(policy: &Managed) -> PolicyVersion {
    PolicyVersion {
        document: Some(policy.document.to_owned()),
        version_id: policy.version_id.to_owned(),
        is_default_version: true,
        create_date: policy.updated_at.parse().unwrap_or(jiff::Timestamp::UNIX_EPOCH).into(),
    }
}

fn number(version_id: &str) -> i64 {
    version_id.strip_prefix('v').and_then(|digits| digits.parse().ok()).unwrap_or_default()
}

fn refused(error: OpError<PolicyVersionRefusal>, arn: &str, version_id: &str) -> Error {
    match error {
        OpError::Store(error) => store_error(error),
        OpError::Refused(PolicyVersionRefusal::PolicyGone) => not_found(arn),
        OpError::Refused(PolicyVersionRefusal::VersionGone) => no_version(arn, version_id),
        OpError::Refused(PolicyVersionRefusal::Limit) => {
            let message = "A managed policy can have up to 5 versions. Before you create a new version, you must \
                           delete an existing version.";
            Error::aws(AwsCode::IamLimitExceeded, message)
        }
        OpError::Refused(PolicyVersionRefusal::IsDefault) => {
            Error::aws(AwsCode::DeleteConflict, "Cannot delete the default version of a policy.")
        }
    }
}

fn no_version(arn: &str, version_id: &str) -> Error {
    let message = format!("Policy {arn} version {version_id} does not exist or is not attachable.");
    Error::aws(AwsCode::NoSuchEntity, message)
}

async fn versions<E: Opens<ListManagedPolicyVersions>>(
    permit: &Permit<E>,
    found: &Found,
) -> Result<Vec<PolicyVersion>> {
    match found {
        Found::Own(policy) => {
            let versions = permit.read(|_| ListManagedPolicyVersions { arn: policy.arn.clone() }).await?;
            Ok(versions.into_iter().map(|version| shown(version, true)).collect())
        }
        Found::OfAws(policy) => Ok(vec![version_of_aws(policy)]),
    }
}

impl Identity {
    /// Adds a version to a managed policy. As the default version it applies from the next request on.
    pub async fn create_policy_version(
        &self,
        ctx: &Ctx,
        input: CreatePolicyVersionRequest,
    ) -> Result<CreatePolicyVersionResponse> {
        let arn = input.policy_arn;
        let keys = policy::Context::new();
        let permit = self.own_policy_for::<iam::CreatePolicyVersion>(ctx, &arn, keys).await?;
        check_policy(&input.policy_document)?;
        let create = |key: ResourceKey| CreateManagedPolicyVersion {
            arn: key.arn,
            document: input.policy_document,
            set_as_default: input.set_as_default,
            limit: self.access.quotas().versions_per_policy.limit(),
            at: ctx.at(),
        };
        let made = permit.write(create).await.map_err(|error| refused(error, &arn, ""))?;
        Ok(CreatePolicyVersionResponse { policy_version: shown(made, false) })
    }

    /// Shows a version with its document.
    pub async fn get_policy_version(
        &self,
        ctx: &Ctx,
        input: GetPolicyVersionRequest,
    ) -> Result<GetPolicyVersionResponse> {
        let keys = policy::Context::new();
        let found = self.policy_for::<iam::GetPolicyVersion>(ctx, &input.policy_arn, keys).await?;
        let mut versions = versions(&found.permit, &found.on).await?.into_iter();
        let version = versions.find(|version| version.version_id == input.version_id);
        let policy_version = version.ok_or_else(|| no_version(&input.policy_arn, &input.version_id))?;
        Ok(GetPolicyVersionResponse { policy_version })
    }

    /// Lists the versions of a managed policy, newest first.
    pub async fn list_policy_versions(
        &self,
        ctx: &Ctx,
        input: ListPolicyVersionsRequest,
    ) -> Result<ListPolicyVersionsResponse> {
        let keys = policy::Context::new();
        let found = self.policy_for::<iam::ListPolicyVersions>(ctx, &input.policy_arn, keys).await?;
        let arn = input.policy_arn;
        let page = self.page_of(format!("versions of {arn}"), input.marker.as_deref(), input.max_items)?;
        let mut versions = versions(&found.permit, &found.on).await?;
        let before = number(&page.after);
        versions.retain(|version| page.after.is_empty() || number(&version.version_id) < before);
        let marker = self.cut(&page, &mut versions, |version| version.version_id.clone())?;
        let versions = versions.into_iter().map(|version| PolicyVersion { document: None, ..version });
        let versions = versions.collect();
        Ok(ListPolicyVersionsResponse { versions, is_truncated: marker.is_some(), marker })
    }

    /// Deletes a version that is not the default.
    pub async fn delete_policy_version(&self, ctx: &Ctx, input: DeletePolicyVersionRequest) -> Result<()> {
        let (arn, version_id) = (input.policy_arn, input.version_id);
        let keys = policy::Context::new();
        let permit = self.own_policy_for::<iam::DeletePolicyVersion>(ctx, &arn, keys).await?;
        let version = number(&version_id);
        let delete = |key: ResourceKey| DeleteManagedPolicyVersion { arn: key.arn, version };
        permit.write(delete).await.map_err(|error| refused(error, &arn, &version_id))
    }

    /// Sets the default version. It applies to all users of the policy from the next request on.
    pub async fn set_default_policy_version(
        &self,
        ctx: &Ctx,
        input: SetDefaultPolicyVersionRequest,
    ) -> Result<()> {
        let (arn, version_id) = (input.policy_arn, input.version_id);
        let keys = policy::Context::new();
        let permit = self.own_policy_for::<iam::SetDefaultPolicyVersion>(ctx, &arn, keys).await?;
        let (version, at) = (number(&version_id), ctx.at());
        let set = |key: ResourceKey| SetDefaultManagedPolicyVersion { arn: key.arn, version, at };
        permit.write(set).await.map_err(|error| refused(error, &arn, &version_id))
    }
}
