//! CreateAccount and its status. The account exists when the response is sent: nothing runs in the background.

use access::context::Ctx;
use access::error::{AwsCode, Error, Result};
use access::op::organizations;
use access::store::{AccountCreation, ListAccountCreations};
use aws::ecr::epoch_seconds;
use aws::ids::AccountId;
use aws::organizations::{
    CreateAccountRequest, CreateAccountStatus, CreateAccountStatusResponse,
    DescribeCreateAccountStatusRequest, ListCreateAccountStatusRequest, ListCreateAccountStatusResponse,
};

use super::operate::NewAccount;
use super::tag::request_tags;
use crate::Identity;
use crate::iam::time;

fn shown(creation: AccountCreation) -> CreateAccountStatus {
    let at = epoch_seconds(time(creation.requested_at));
    CreateAccountStatus {
        id: creation.id,
        account_name: creation.name,
        state: creation.state,
        requested_timestamp: at,
        completed_timestamp: Some(at),
        account_id: creation.account_id,
        failure_reason: creation.failure_reason,
    }
}

impl Identity {
    /// Creates an account with a role that the management account can assume.
    pub async fn create_account(
        &self,
        ctx: &Ctx,
        input: CreateAccountRequest,
    ) -> Result<CreateAccountStatusResponse> {
        let tags = request_tags(&input.tags)?;
        let gate = self.access.account_gate(ctx).await?;
        let permit = self.access.manages::<organizations::CreateAccount>(&gate, "*", tags.clone()).await?;
        if !input.tags.is_empty() {
            self.access.manages::<organizations::TagResource>(&gate, "*", tags).await?;
        }
        let wished: Option<AccountId> = match &input.wharf_account_id {
            Some(id) => Some(id.parse().map_err(Error::internal)?),
            None => None,
        };
        let asked = NewAccount {
            name: input.account_name,
            email: Some(input.email),
            id: wished,
            role_name: input.role_name,
            tags: input.tags.into_iter().map(|tag| (tag.key, tag.value)).collect(),
        };
        let creation = self.create_member(&permit, &ctx.caller.account_id, asked, ctx.now).await?;
        Ok(CreateAccountStatusResponse { create_account_status: shown(creation) })
    }

    /// Shows the result of an account creation.
    pub async fn describe_create_account_status(
        &self,
        ctx: &Ctx,
        input: DescribeCreateAccountStatusRequest,
    ) -> Result<CreateAccountStatusResponse> {
        let permit = self.manages::<organizations::DescribeCreateAccountStatus>(ctx, "*").await?;
        let id = Some(input.create_account_request_id);
        let list = ListAccountCreations { id, after: String::new(), limit: 1 };
        let found = permit.read(|_| list).await?.pop();
        let creation = found.ok_or_else(|| {
            let message =
                "We can't find a create account request with the CreateAccountRequestId that you specified.";
            Error::aws(AwsCode::CreateAccountStatusNotFound, message)
        })?;
        Ok(CreateAccountStatusResponse { create_account_status: shown(creation) })
    }

    /// Lists the requested account creations.
    pub async fn list_create_account_status(
        &self,
        ctx: &Ctx,
        input: ListCreateAccountStatusRequest,
    ) -> Result<ListCreateAccountStatusResponse> {
        let permit = self.manages::<organizations::ListCreateAccountStatus>(ctx, "*").await?;
        let (after, limit) =
            self.organization_page("creations", input.next_token.as_deref(), input.max_results)?;
        let list = ListAccountCreations { id: None, after, limit: limit + 1 };
        let mut found = permit.read(|_| list).await?;
        let next_token =
            self.organization_token("creations", limit, &mut found, |creation| creation.id.clone())?;
        let mut statuses: Vec<_> = found.into_iter().map(shown).collect();
        statuses.retain(|status| input.states.is_empty() || input.states.contains(&status.state));
        Ok(ListCreateAccountStatusResponse { create_account_statuses: statuses, next_token })
    }
}
