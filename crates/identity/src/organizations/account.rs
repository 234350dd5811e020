//! Accounts of the organization: shown, listed, renamed, moved, closed, removed.

use access::context::Ctx;
use access::error::{AwsCode, Error, Field, Result};
use access::op::organizations;
use access::permit::Opens;
use access::store::{
    ChangeMemberAccount, ListMemberAccounts, MemberAccount, MemberChange, MoveMemberAccount,
    MoveMemberAccountRefusal, RefusedExt as _, StoreResultExt as _,
};
use aws::ids::AccountId;
use aws::json::epoch_seconds;
use aws::organizations::{
    Account, AccountJoinedMethod, AccountState, AccountStatus, CloseAccountRequest, DescribeAccountRequest,
    DescribeAccountResponse, ListAccountsForParentRequest, ListAccountsRequest, ListAccountsResponse,
    MoveAccountRequest, RemoveAccountFromOrganizationRequest, WharfRenameAccountRequest,
};

use super::place::not_found;
use super::{Member, account_not_found, email_of};
use crate::Identity;
use crate::iam::time;

/// Accounts on a page (Organizations API, `MaxResults`).
const PAGE: usize = 20;

async fn change_member<E: Opens<ChangeMemberAccount>>(
    ctx: &Ctx,
    member: Member<E>,
    change: MemberChange,
) -> Result<MemberAccount> {
    let change = ChangeMemberAccount { account_id: member.account.account_id, change, at: ctx.at() };
    member.permit.write(|_| change).await.or_store_error()?.ok_or_else(account_not_found)
}

impl Identity {
    fn shown_account(&self, management: &AccountId, account: MemberAccount) -> Account {
        let paths =
            vec![format!("{}{}/", self.access.organization.path(&account.unit_path), account.account_id)];
        let is_active = account.status == AccountStatus::Active.as_str();
        Account {
            arn: self.member_arn(management, account.account_id.as_str()),
            email: email_of(account.email, &account.account_id),
            id: account.account_id.to_string(),
            name: account.name,
            status: AccountStatus::parse(&account.status),
            state: Some(if is_active { AccountState::Active } else { AccountState::Closed }),
            paths,
            joined_method: AccountJoinedMethod::parse(&account.joined_method),
            joined_timestamp: epoch_seconds(time(account.joined_at)),
        }
    }

    /// The start of a page, and its maximum length.
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

    /// Removes the one item that was read in addition, and returns the token of the next page.
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

    /// Lists the accounts of the organization.
    pub async fn list_accounts(&self, ctx: &Ctx, input: ListAccountsRequest) -> Result<ListAccountsResponse> {
        let permit = self.manages::<organizations::ListAccounts>(ctx, "*").await?;
        let (after, limit) =
            self.organization_page("accounts", input.next_token.as_deref(), input.max_results)?;
        let mut found = permit.read(|_| ListMemberAccounts { after, limit: limit + 1 }).await?;
        let next_token =
            self.organization_token("accounts", limit, &mut found, |account| account.account_id.to_string())?;
        let management = permit.account();
        let accounts = found.into_iter().map(|account| self.shown_account(management, account)).collect();
        Ok(ListAccountsResponse { accounts, next_token })
    }

    /// Lists the accounts right under the root or a unit.
    pub async fn list_accounts_for_parent(
        &self,
        ctx: &Ctx,
        input: ListAccountsForParentRequest,
    ) -> Result<ListAccountsResponse> {
        let (keys, missing) = (policy::Context::new(), AwsCode::ParentNotFound);
        let parent = self
            .manages_place::<organizations::ListAccountsForParent>(ctx, &input.parent_id, keys, missing)
            .await?;
        let (found, next_token) =
            self.accounts_in(&parent, input.next_token.as_deref(), input.max_results).await?;
        let management = parent.permit.account();
        let accounts = found.into_iter().map(|account| self.shown_account(management, account)).collect();
        Ok(ListAccountsResponse { accounts, next_token })
    }

    /// Shows an account.
    pub async fn describe_account(
        &self,
        ctx: &Ctx,
        input: DescribeAccountRequest,
    ) -> Result<DescribeAccountResponse> {
        let keys = policy::Context::new();
        let member =
            self.manages_member::<organizations::DescribeAccount>(ctx, &input.account_id, keys).await?;
        Ok(DescribeAccountResponse { account: self.shown_account(&ctx.caller.account_id, member.account) })
    }

    /// Closes an account: requests of its principals are refused. Its repositories and images are kept.
    pub async fn close_account(&self, ctx: &Ctx, input: CloseAccountRequest) -> Result<()> {
        let keys = policy::Context::new();
        let member = self.manages_member::<organizations::CloseAccount>(ctx, &input.account_id, keys).await?;
        if member.account.account_id == ctx.caller.account_id {
            let message = "You cannot close the management account of an organization.";
            return Err(Error::aws(AwsCode::ConstraintViolation, message)
                .with(Field::Text("Reason", "CANNOT_CLOSE_MANAGEMENT_ACCOUNT".to_owned())));
        }
        let before = change_member(ctx, member, MemberChange::Close).await?;
        if before.status != "ACTIVE" {
            let message = "You attempted to close an account that is already closed.";
            return Err(Error::aws(AwsCode::AccountAlreadyClosed, message));
        }
        Ok(())
    }

    /// Removes an account from the organization. The account continues to exist.
    pub async fn remove_account_from_organization(
        &self,
        ctx: &Ctx,
        input: RemoveAccountFromOrganizationRequest,
    ) -> Result<()> {
        let (account_id, keys) = (&input.account_id, policy::Context::new());
        let member = self
            .manages_member::<organizations::RemoveAccountFromOrganization>(ctx, account_id, keys)
            .await?;
        if member.account.account_id == ctx.caller.account_id {
            let message = "You can't remove a management account from an organization.";
            return Err(Error::aws(AwsCode::MasterCannotLeave, message));
        }
        change_member(ctx, member, MemberChange::Leave).await.map(|_| ())
    }

    pub async fn wharf_rename_account(&self, ctx: &Ctx, input: WharfRenameAccountRequest) -> Result<()> {
        let keys = policy::Context::new();
        let member =
            self.manages_member::<organizations::WharfRenameAccount>(ctx, &input.account_id, keys).await?;
        change_member(ctx, member, MemberChange::Rename(input.account_name)).await.map(|_| ())
    }

    /// Moves an account. The decision is on the account, on its parent and on the new one.
    pub async fn move_account(&self, ctx: &Ctx, input: MoveAccountRequest) -> Result<()> {
        let keys = policy::Context::new;
        let member =
            self.manages_member::<organizations::MoveAccount>(ctx, &input.account_id, keys()).await?;
        let source = self.manages_place::<organizations::MoveAccount>(
            ctx,
            &input.source_parent_id,
            keys(),
            AwsCode::SourceParentNotFound,
        );
        let from = source.await?.place.path;
        let destination = self.manages_place::<organizations::MoveAccount>(
            ctx,
            &input.destination_parent_id,
            keys(),
            AwsCode::DestinationParentNotFound,
        );
        let to = destination.await?.place.path;
        if member.account.unit_path == to {
            let message = "That account is already present in the specified destination.";
            return Err(Error::aws(AwsCode::DuplicateAccount, message));
        }
        let change = MoveMemberAccount { account_id: member.account.account_id, from, to };
        member.permit.write(|_| change).await.or_refused(|refusal| match refusal {
            MoveMemberAccountRefusal::NoDestination => not_found(AwsCode::DestinationParentNotFound),
            MoveMemberAccountRefusal::NotThere => not_found(AwsCode::SourceParentNotFound),
        })
    }
}
