//! CreateAccount and its status. The account is there when the answer is: nothing goes on in the background.

use aws::ecr::epoch_seconds;
use aws::ids::AccountId;
use aws::organizations::{
    CreateAccountRequest, CreateAccountStatus, CreateAccountStatusResponse,
    DescribeCreateAccountStatusRequest, ListCreateAccountStatusRequest, ListCreateAccountStatusResponse,
};
use meta::{
    AccountCreation, AccountKey, CreateAccount, CreateEntity, CreateMemberAccount, EntityKind,
    ListAccountCreations, OpError, RoleFields,
};

use super::tag::request_tags;
use crate::Registry;
use crate::bootstrap::random_account_id;
use crate::context::Ctx;
use crate::error::{AwsCode, Error, Result};
use crate::iam::{quota, time};
use crate::ids::unique_id;
use crate::op::Op;
use crate::store::{StoreResultExt as _, store_error};

const ROLE_NAME: &str = "OrganizationAccountAccessRole";
const ADMINISTRATOR: &str = "arn:aws:iam::aws:policy/AdministratorAccess";
/// Nine in ten of all ids would have to be taken for so many tries to fail.
const TRIES: usize = 50;

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

impl Registry {
    /// Makes an account with a role that the management account can take on.
    pub async fn create_account(
        &self,
        ctx: &Ctx,
        input: CreateAccountRequest,
    ) -> Result<CreateAccountStatusResponse> {
        let tags = request_tags(&input.tags)?;
        self.manages(ctx, Op::CreateAccount, "*", tags.clone()).await?;
        if !input.tags.is_empty() {
            self.manages(ctx, Op::TagAccount, "*", tags).await?;
        }
        let wished: Option<AccountId> = match &input.wharf_account_id {
            Some(id) => Some(id.parse().map_err(Error::internal)?),
            None => None,
        };
        let management = ctx.caller.account_id.clone();
        let trust = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{management}"}},"Action":"sts:AssumeRole"}}]}}"#
        );
        for _ in 0..TRIES {
            let account_id = match &wished {
                Some(id) => AccountId::clone(id),
                None => random_account_id()?,
            };
            let key = AccountKey(self.ids.next(ctx.now));
            let create = CreateMemberAccount {
                id: format!("car-{}", unique_id("").map_err(Error::internal)?.to_ascii_lowercase()),
                account: CreateAccount { key, account_id, name: input.account_name.clone(), at: ctx.at() },
                email: input.email.clone(),
                role: CreateEntity {
                    account: key,
                    kind: EntityKind::Role,
                    unique_id: unique_id("AROA").map_err(Error::internal)?,
                    path: "/".to_owned(),
                    name: input.role_name.clone().unwrap_or_else(|| ROLE_NAME.to_owned()),
                    boundary: None,
                    role: Some(RoleFields {
                        trust_policy: trust.clone(),
                        description: None,
                        max_session_seconds: 3_600,
                        service_name: None,
                    }),
                    tags: Vec::new(),
                    limit: quota::ROLES,
                    at: ctx.at(),
                },
                policy_arn: ADMINISTRATOR.to_owned(),
                tags: input.tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect(),
            };
            match self.meta.write(create).await {
                Ok(creation) => {
                    return Ok(CreateAccountStatusResponse { create_account_status: shown(creation) });
                }
                Err(OpError::Store(error)) => return Err(store_error(error)),
                Err(OpError::Refused(_)) if wished.is_some() => break,
                Err(OpError::Refused(_)) => {}
            }
        }
        Err(Error::aws(AwsCode::DuplicateAccount, "Another account has this account id already."))
    }

    /// How the making of an account went.
    pub async fn describe_create_account_status(
        &self,
        ctx: &Ctx,
        input: DescribeCreateAccountStatusRequest,
    ) -> Result<CreateAccountStatusResponse> {
        self.manages(ctx, Op::DescribeCreateAccountStatus, "*", iam::Context::new()).await?;
        let id = Some(input.create_account_request_id);
        let list = ListAccountCreations { id, after: String::new(), limit: 1 };
        let found = self.meta.read(list).await.or_store_error()?.pop();
        let creation = found.ok_or_else(|| {
            let message =
                "We can't find a create account request with the CreateAccountRequestId that you specified.";
            Error::aws(AwsCode::CreateAccountStatusNotFound, message)
        })?;
        Ok(CreateAccountStatusResponse { create_account_status: shown(creation) })
    }

    /// Lists what was asked to be made.
    pub async fn list_create_account_status(
        &self,
        ctx: &Ctx,
        input: ListCreateAccountStatusRequest,
    ) -> Result<ListCreateAccountStatusResponse> {
        self.manages(ctx, Op::ListCreateAccountStatus, "*", iam::Context::new()).await?;
        let (after, limit) =
            self.organization_page("creations", input.next_token.as_deref(), input.max_results)?;
        let list = ListAccountCreations { id: None, after, limit: limit + 1 };
        let mut found = self.meta.read(list).await.or_store_error()?;
        let next_token =
            self.organization_token("creations", limit, &mut found, |creation| creation.id.clone())?;
        let mut statuses: Vec<_> = found.into_iter().map(shown).collect();
        statuses.retain(|status| input.states.is_empty() || input.states.contains(&status.state));
        Ok(ListCreateAccountStatusResponse { create_account_statuses: statuses, next_token })
    }
}
