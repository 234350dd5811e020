//! The tree of the organization: one root that holds every account. There are no organizational units.

use access::context::Ctx;
use access::error::{AwsCode, Code, Error, Result};
use access::op::organizations;
use access::store::{FindMemberAccount, MemberAccount};
use aws::organizations::{
    Child, ChildType, DescribeOrganizationRequest, DescribeOrganizationResponse,
    ListAWSServiceAccessForOrganizationRequest, ListAWSServiceAccessForOrganizationResponse,
    ListChildrenRequest, ListChildrenResponse, ListDelegatedAdministratorsRequest,
    ListDelegatedAdministratorsResponse, ListOrganizationalUnitsForParentRequest,
    ListOrganizationalUnitsForParentResponse, ListParentsRequest, ListParentsResponse, ListRootsRequest,
    ListRootsResponse, Organization, OrganizationFeatureSet, Parent, ParentType, Root,
};

use super::email_of;
use crate::Identity;

impl Identity {
    /// Whether an ID is the root's.
    pub(super) fn is_root(&self, id: &str, otherwise: AwsCode) -> Result<()> {
        if id == self.access.organization.root_id {
            return Ok(());
        }
        Err(Error::aws(otherwise, "We can't find a root or OU with the ParentId that you specified."))
    }

    /// Shows the organization to every member.
    pub async fn describe_organization(
        &self,
        ctx: &Ctx,
        _input: DescribeOrganizationRequest,
    ) -> Result<DescribeOrganizationResponse> {
        let gate = self.access.account_gate(ctx).await?;
        let permit = gate.permit_on::<organizations::DescribeOrganization>("*", policy::Context::new())?;
        let own = permit.read(|account_id| FindMemberAccount { account_id }).await?;
        let Some(own) = own.filter(|own| own.in_organization) else {
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

    /// Lists the root.
    pub async fn list_roots(&self, ctx: &Ctx, _input: ListRootsRequest) -> Result<ListRootsResponse> {
        self.manages::<organizations::ListRoots>(ctx, "*").await?;
        let root = Root {
            id: self.access.organization.root_id.clone(),
            arn: self.root_arn(&ctx.caller.account_id),
            name: "Root".to_owned(),
            policy_types: Vec::new(),
        };
        Ok(ListRootsResponse { roots: vec![root], next_token: None })
    }

    /// Lists the parents of an account: the root.
    pub async fn list_parents(&self, ctx: &Ctx, input: ListParentsRequest) -> Result<ListParentsResponse> {
        let keys = policy::Context::new();
        let found = self.manages_member::<organizations::ListParents>(ctx, &input.child_id, keys).await;
        found.map_err(|error| match error.code {
            Code::Aws(AwsCode::AccountNotFound) => {
                let message = "We can't find an OU or account with the ChildId that you specified.";
                Error::aws(AwsCode::ChildNotFound, message)
            }
            _ => error,
        })?;
        let root = Parent { id: self.access.organization.root_id.clone(), r#type: ParentType::Root };
        Ok(ListParentsResponse { parents: vec![root], next_token: None })
    }

    /// Lists the children of the root.
    pub async fn list_children(&self, ctx: &Ctx, input: ListChildrenRequest) -> Result<ListChildrenResponse> {
        let arn = self.root_arn(&self.access.management_account().await?);
        let permit = self.manages::<organizations::ListChildren>(ctx, &arn).await?;
        self.is_root(&input.parent_id, AwsCode::ParentNotFound)?;
        if input.child_type != ChildType::Account {
            return Ok(ListChildrenResponse::default());
        }
        let (found, next_token) =
            self.member_page(&permit, input.next_token.as_deref(), input.max_results).await?;
        let child =
            |account: MemberAccount| Child { id: account.account_id.to_string(), r#type: ChildType::Account };
        Ok(ListChildrenResponse { children: found.into_iter().map(child).collect(), next_token })
    }

    /// Lists organizational units: there are none.
    pub async fn list_organizational_units_for_parent(
        &self,
        ctx: &Ctx,
        input: ListOrganizationalUnitsForParentRequest,
    ) -> Result<ListOrganizationalUnitsForParentResponse> {
        let arn = self.root_arn(&self.access.management_account().await?);
        self.manages::<organizations::ListOrganizationalUnitsForParent>(ctx, &arn).await?;
        self.is_root(&input.parent_id, AwsCode::ParentNotFound)?;
        Ok(ListOrganizationalUnitsForParentResponse::default())
    }

    /// Lists services that may act in the organization: there are none.
    pub async fn list_aws_service_access_for_organization(
        &self,
        ctx: &Ctx,
        _input: ListAWSServiceAccessForOrganizationRequest,
    ) -> Result<ListAWSServiceAccessForOrganizationResponse> {
        self.manages::<organizations::ListAWSServiceAccessForOrganization>(ctx, "*").await?;
        Ok(ListAWSServiceAccessForOrganizationResponse::default())
    }

    /// Lists delegated administrators: there are none.
    pub async fn list_delegated_administrators(
        &self,
        ctx: &Ctx,
        _input: ListDelegatedAdministratorsRequest,
    ) -> Result<ListDelegatedAdministratorsResponse> {
        self.manages::<organizations::ListDelegatedAdministrators>(ctx, "*").await?;
        Ok(ListDelegatedAdministratorsResponse::default())
    }
}
