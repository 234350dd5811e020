//! The alias of an account.

use access::context::Ctx;
use access::error::{AwsCode, Error, Result};
use access::op::iam;
use access::store::{
    AliasTaken, DeleteAccountAlias, GetAccountAlias, NoSuchAlias, RefusedExt as _, SetAccountAlias,
};
use aws::iam::{
    CreateAccountAliasRequest, DeleteAccountAliasRequest, ListAccountAliasesRequest,
    ListAccountAliasesResponse,
};

use crate::Identity;

impl Identity {
    /// Gives the account an alias, instead of the one that it had.
    pub async fn create_account_alias(&self, ctx: &Ctx, input: CreateAccountAliasRequest) -> Result<()> {
        let gate = self.access.account_gate(ctx).await?;
        let permit = gate.permit_on::<iam::CreateAccountAlias>("*", policy::Context::new())?;
        let set =
            SetAccountAlias { account: permit.account_key().await?, alias: input.account_alias.clone() };
        permit.write(|_| set).await.or_refused(|AliasTaken| {
            let message = format!("The account alias {} already exists.", input.account_alias);
            Error::aws(AwsCode::EntityAlreadyExists, message)
        })
    }

    /// Takes the alias from the account.
    pub async fn delete_account_alias(&self, ctx: &Ctx, input: DeleteAccountAliasRequest) -> Result<()> {
        let gate = self.access.account_gate(ctx).await?;
        let permit = gate.permit_on::<iam::DeleteAccountAlias>("*", policy::Context::new())?;
        let delete =
            DeleteAccountAlias { account: permit.account_key().await?, alias: input.account_alias.clone() };
        permit.write(|_| delete).await.or_refused(|NoSuchAlias| {
            let message = format!("The Account Alias with name {} cannot be found.", input.account_alias);
            Error::aws(AwsCode::NoSuchEntity, message)
        })
    }

    /// Lists the account's aliases: at most one.
    pub async fn list_account_aliases(
        &self,
        ctx: &Ctx,
        _input: ListAccountAliasesRequest,
    ) -> Result<ListAccountAliasesResponse> {
        let gate = self.access.account_gate(ctx).await?;
        let permit = gate.permit_on::<iam::ListAccountAliases>("*", policy::Context::new())?;
        let alias = permit.read(|account_id| GetAccountAlias { account_id }).await?;
        Ok(ListAccountAliasesResponse { account_aliases: alias.into_iter().collect(), ..Default::default() })
    }
}
