//! The tree of the organization: its root, and who is above and below whom.

use access::context::Ctx;
use access::error::{AwsCode, Code, Result};
use access::op::organizations;
use aws::organizations::{
    Child, ChildType, ListAWSServiceAccessForOrganizationRequest,
    ListAWSServiceAccessForOrganizationResponse, ListChildrenRequest, ListChildrenResponse,
    ListDelegatedAdministratorsRequest, ListDelegatedAdministratorsResponse, ListParentsRequest,
    ListParentsResponse, ListRootsRequest, ListRootsResponse, Root,
};

use super::place::{is_place, not_found};
use crate::Identity;

impl Identity {
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

    /// Shows the parent of an account or a unit. There is always one.
    pub async fn list_parents(&self, ctx: &Ctx, input: ListParentsRequest) -> Result<ListParentsResponse> {
        let (id, keys, missing) = (&input.child_id, policy::Context::new(), AwsCode::ChildNotFound);
        let path = if is_place(id) {
            let found = self.manages_place::<organizations::ListParents>(ctx, id, keys, missing).await?;
            found.place.unit.ok_or_else(|| not_found(missing))?.parent_path
        } else {
            let found = self.manages_member::<organizations::ListParents>(ctx, id, keys).await;
            let member = found.map_err(|error| match error.code {
                Code::Aws(AwsCode::AccountNotFound) => not_found(missing),
                _ => error,
            })?;
            member.account.unit_path
        };
        Ok(ListParentsResponse { parents: vec![self.parent_at(&path)], next_token: None })
    }

    /// Lists the accounts or the units right under the root or a unit.
    pub async fn list_children(&self, ctx: &Ctx, input: ListChildrenRequest) -> Result<ListChildrenResponse> {
        let (keys, missing) = (policy::Context::new(), AwsCode::ParentNotFound);
        let parent =
            self.manages_place::<organizations::ListChildren>(ctx, &input.parent_id, keys, missing).await?;
        let (token, max) = (input.next_token.as_deref(), input.max_results);
        let (ids, next_token): (Vec<String>, _) = match input.child_type {
            ChildType::Account => {
                let (found, next) = self.accounts_in(&parent, token, max).await?;
                (found.into_iter().map(|account| account.account_id.to_string()).collect(), next)
            }
            ChildType::OrganizationalUnit => {
                let (found, next) = self.units_in(&parent, token, max).await?;
                (found.into_iter().map(|unit| unit.id).collect(), next)
            }
        };
        let children = ids.into_iter().map(|id| Child { id, r#type: input.child_type }).collect();
        Ok(ListChildrenResponse { children, next_token })
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
