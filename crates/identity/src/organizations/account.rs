//! Accounts of the organisation: shown, listed, renamed, moved, closed, taken out.

use access::op::OrganizationsOp;
use aws::ecr::epoch_seconds;
use aws::ids::AccountId;
use aws::organizations::{
    Account, CloseAccountRequest, DescribeAccountRequest, DescribeAccountResponse, Empty,
    ListAccountsForParentRequest, ListAccountsRequest, ListAccountsResponse, MoveAccountRequest,
    RemoveAccountFromOrganizationRequest, WharfRenameAccountRequest,
};
use meta::{ChangeMemberAccount, ListMemberAccounts, MemberAccount, MemberChange};

use super::{account_not_found, email_of};
use crate::Identity;
use crate::iam::time;
use access::context::Ctx;
use access::error::{AwsCode, Error, Field, Result};
use access::op::Op;
use access::store::StoreResultExt as _;

/// Accounts on a page (Organizations API, `MaxResults`).
const PAGE: usize = 20;

impl Identity {
    fn shown_account(&self, management: &AccountId, account: MemberAccount) -> Account {
        let state = if account.status == "ACTIVE" { "ACTIVE" } else { "CLOSED" };
        Account {
            arn: self.member_arn(management, account.account_id.as_str()),
            email: email_of(account.email, &account.account_id),
            id: account.account_id.to_string(),
            name: account.name,
            status: account.status,
            state: state.to_owned(),
            joined_method: account.joined_method,
            joined_timestamp: epoch_seconds(time(account.joined_at)),
        }
    }

    /// Where a page begins, and how long it is.
    pub(super) fn organization_page(
        &self,
        list: &str,
        token: Option<&str>,
        max: Option<u32>,
    ) -> Result<(String, usize)> {
        let after = match token {
            None => String::new(),
            Some(token) => self.access.open_page_token(list, token).map_err(|_| {
                Error::aws(AwsCode::OrganizationInvalidInput, "You specified an invalid value for NextToken.")
                    .with(Field::Text("Reason", "INVALID_NEXT_TOKEN".to_owned()))
            })?,
        };
        Ok((after, max.and_then(|max| usize::try_from(max).ok()).unwrap_or(PAGE)))
    }

    /// Cuts the one item too many, and gives the token of the page that follows.
    pub(super) fn organization_token<T>(
        &self,
        list: &str,
        limit: usize,
        items: &mut Vec<T>,
        key: impl Fn(&T) -> String,
    ) -> Result<Option<String>> {
        if items.len() <= limit {
            return Ok(None);
        }
        items.truncate(limit);
        items.last().map(|last| self.access.page_token(list, key(last))).transpose()
    }

    pub(super) async fn member_page(
        &self,
        token: Option<&str>,
        max: Option<u32>,
    ) -> Result<(Vec<MemberAccount>, Option<String>)> {
        let (after, limit) = self.organization_page("accounts", token, max)?;
        let mut found =
            self.access.meta.read(ListMemberAccounts { after, limit: limit + 1 }).await.or_store_error()?;
        let next =
            self.organization_token("accounts", limit, &mut found, |account| account.account_id.to_string())?;
        Ok((found, next))
    }

    /// Lists the accounts of the organisation.
    pub async fn list_accounts(&self, ctx: &Ctx, input: ListAccountsRequest) -> Result<ListAccountsResponse> {
        self.access
            .manages(ctx, Op::Organizations(OrganizationsOp::ListAccounts), "*", policy::Context::new())
            .await?;
        let (found, next_token) = self.member_page(input.next_token.as_deref(), input.max_results).await?;
        let management = &ctx.caller.account_id;
        let accounts = found.into_iter().map(|account| self.shown_account(management, account)).collect();
        Ok(ListAccountsResponse { accounts, next_token })
    }

    /// Lists the accounts right under the root.
    pub async fn list_accounts_for_parent(
        &self,
        ctx: &Ctx,
        input: ListAccountsForParentRequest,
    ) -> Result<ListAccountsResponse> {
        let arn = self.root_arn(&self.access.management_account().await?);
        self.access
            .manages(
                ctx,
                Op::Organizations(OrganizationsOp::ListAccountsForParent),
                &arn,
                policy::Context::new(),
            )
            .await?;
        self.is_root(&input.parent_id, AwsCode::ParentNotFound)?;
        let (found, next_token) = self.member_page(input.next_token.as_deref(), input.max_results).await?;
        let management = &ctx.caller.account_id;
        let accounts = found.into_iter().map(|account| self.shown_account(management, account)).collect();
        Ok(ListAccountsResponse { accounts, next_token })
    }

    /// Shows an account.
    pub async fn describe_account(
        &self,
        ctx: &Ctx,
        input: DescribeAccountRequest,
    ) -> Result<DescribeAccountResponse> {
        let member = self
            .manages_member(
                ctx,
                Op::Organizations(OrganizationsOp::DescribeAccount),
                &input.account_id,
                policy::Context::new(),
            )
            .await?;
        Ok(DescribeAccountResponse { account: self.shown_account(&ctx.caller.account_id, member) })
    }

    async fn change_member(
        &self,
        ctx: &Ctx,
        member: MemberAccount,
        change: MemberChange,
    ) -> Result<MemberAccount> {
        let change = ChangeMemberAccount { account_id: member.account_id, change, at: ctx.at() };
        self.access.meta.write(change).await.or_store_error()?.ok_or_else(account_not_found)
    }

    /// Closes an account: from now on nobody of it is heard. What it holds stays.
    pub async fn close_account(&self, ctx: &Ctx, input: CloseAccountRequest) -> Result<Empty> {
        let member = self
            .manages_member(
                ctx,
                Op::Organizations(OrganizationsOp::CloseAccount),
                &input.account_id,
                policy::Context::new(),
            )
            .await?;
        if member.account_id == ctx.caller.account_id {
            let message = "You cannot close the management account of an organization.";
            return Err(Error::aws(AwsCode::ConstraintViolation, message)
                .with(Field::Text("Reason", "CANNOT_CLOSE_MANAGEMENT_ACCOUNT".to_owned())));
        }
        let before = self.change_member(ctx, member, MemberChange::Close).await?;
        if before.status != "ACTIVE" {
            let message = "You attempted to close an account that is already closed.";
            return Err(Error::aws(AwsCode::AccountAlreadyClosed, message));
        }
        Ok(Empty {})
    }

    /// Takes an account out of the organisation; it goes on by itself.
    pub async fn remove_account_from_organization(
        &self,
        ctx: &Ctx,
        input: RemoveAccountFromOrganizationRequest,
    ) -> Result<Empty> {
        let op = Op::Organizations(OrganizationsOp::RemoveAccountFromOrganization);
        let member = self.manages_member(ctx, op, &input.account_id, policy::Context::new()).await?;
        if member.account_id == ctx.caller.account_id {
            let message = "You can't remove a management account from an organization.";
            return Err(Error::aws(AwsCode::MasterCannotLeave, message));
        }
        self.change_member(ctx, member, MemberChange::Leave).await.map(|_| Empty {})
    }

    /// Gives an account another name.
    pub async fn wharf_rename_account(&self, ctx: &Ctx, input: WharfRenameAccountRequest) -> Result<Empty> {
        let member = self
            .manages_member(
                ctx,
                Op::Organizations(OrganizationsOp::WharfRenameAccount),
                &input.account_id,
                policy::Context::new(),
            )
            .await?;
        self.change_member(ctx, member, MemberChange::Rename(input.account_name)).await.map(|_| Empty {})
    }

    /// Moves an account. There is one place where it can be, and it is there.
    pub async fn move_account(&self, ctx: &Ctx, input: MoveAccountRequest) -> Result<Empty> {
        self.manages_member(
            ctx,
            Op::Organizations(OrganizationsOp::MoveAccount),
            &input.account_id,
            policy::Context::new(),
        )
        .await?;
        self.is_root(&input.source_parent_id, AwsCode::SourceParentNotFound)?;
        self.is_root(&input.destination_parent_id, AwsCode::DestinationParentNotFound)?;
        let message = "That account is already present in the specified destination.";
        Err(Error::aws(AwsCode::DuplicateAccount, message))
    }
}
