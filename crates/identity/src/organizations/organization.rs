//! The organization itself. A deployment has exactly one, from its first start on.

use access::context::Ctx;
use access::error::{AwsCode, Error, Result};
use access::op::organizations;
use access::permit::{Opens, Permit};
use access::store::{FindMemberAccount, ListMemberAccounts, ListOrganizationalUnits, MemberAccount};
use aws::organizations::{
    CreateOrganizationRequest, DeleteOrganizationRequest, DescribeOrganizationRequest,
    DescribeOrganizationResponse, Organization, OrganizationFeatureSet,
};

use super::email_of;
use crate::Identity;

async fn own_account<E>(permit: &Permit<E>) -> Result<Option<MemberAccount>>
where
    E: access::op::Effect<On = access::permit::OnAccount> + Opens<FindMemberAccount>,
{
    let own = permit.read(|account_id| FindMemberAccount { account_id }).await?;
    Ok(own.filter(|own| own.in_organization))
}

impl Identity {
    /// Shows the organization to every member.
    pub async fn describe_organization(
        &self,
        ctx: &Ctx,
        _input: DescribeOrganizationRequest,
    ) -> Result<DescribeOrganizationResponse> {
        let gate = self.access.account_gate(ctx).await?;
        let permit = gate.permit_on::<organizations::DescribeOrganization>("*", policy::Context::new())?;
        let Some(own) = own_account(&permit).await? else {
            let message = "Your account is not a member of an organization.";
            return Err(Error::aws(AwsCode::OrganizationsNotInUse, message));
        };
        let management = self.access.management_account().await?;
        let master = if own.account_id == management {
            Some(own)
        } else {
            permit.read(|_| FindMemberAccount { account_id: management.clone() }).await?
        };
        let id = self.access.organization.id.to_string();
        Ok(DescribeOrganizationResponse {
            organization: Organization {
                arn: format!("arn:aws:organizations::{management}:organization/{id}"),
                id,
                feature_set: OrganizationFeatureSet::All,
                master_account_arn: self.member_arn(&management, management.as_str()),
                master_account_id: management.to_string(),
                master_account_email: email_of(master.and_then(|master| master.email), &management),
                available_policy_types: Vec::new(),
            },
        })
    }

    /// Never creates one: the caller's account is in the deployment's organization, or it left it.
    pub async fn create_organization(
        &self,
        ctx: &Ctx,
        _input: CreateOrganizationRequest,
    ) -> Result<DescribeOrganizationResponse> {
        let gate = self.access.account_gate(ctx).await?;
        let permit = gate.permit_on::<organizations::CreateOrganization>("*", policy::Context::new())?;
        if own_account(&permit).await?.is_some() {
            let message = "The AWS account is already a member of an organization.";
            return Err(Error::aws(AwsCode::AlreadyInOrganization, message));
        }
        let message = "A deployment of Wharf has one organization, which its first account created.";
        Err(Error::aws(AwsCode::ConstraintViolation, message))
    }

    /// Never deletes it.
    pub async fn delete_organization(&self, ctx: &Ctx, _input: DeleteOrganizationRequest) -> Result<()> {
        let permit = self.manages::<organizations::DeleteOrganization>(ctx, "*").await?;
        let accounts = permit.read(|_| ListMemberAccounts { after: String::new(), limit: 2 }).await?;
        let (parent_path, after) = (String::new(), String::new());
        let units = permit.read(|_| ListOrganizationalUnits { parent_path, after, limit: 1 }).await?;
        if accounts.len() > 1 || !units.is_empty() {
            let message = "To delete an organization you must first remove all member accounts (except the \
                           management account) and all OUs.";
            return Err(Error::aws(AwsCode::OrganizationNotEmpty, message));
        }
        let message = "A deployment of Wharf always has its organization.";
        Err(Error::aws(AwsCode::ConstraintViolation, message))
    }
}
