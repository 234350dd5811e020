//! Organizations: the one organisation of the deployment, whose accounts its management account makes and closes.

mod account;
mod create_account;
mod operate;
mod tag;
mod tree;

use aws::ids::AccountId;
use meta::{FindMemberAccount, ListAccountTags, MemberAccount};

use crate::Registry;
use crate::authz::Gate;
use crate::context::Ctx;
use crate::error::{AwsCode, Code, Error, Result};
use crate::op::Op;
use crate::organization;
use crate::store::StoreResultExt as _;

pub use operate::NewAccount;

fn account_not_found() -> Error {
    Error::aws(AwsCode::AccountNotFound, "You specified an account that doesn't exist.")
}

/// The address of an account's root. The first account and those that are not made through the API were given none: a
/// name under .invalid is nobody's (RFC 2606), and the digits make it this account's alone.
fn email_of(email: Option<String>, account_id: &AccountId) -> String {
    email.unwrap_or_else(|| format!("root+{account_id}@wharf.invalid"))
}

impl Registry {
    /// The management account: the one that the deployment began with.
    pub async fn management_account(&self) -> Result<AccountId> {
        if let Some(known) = self.management.get() {
            return Ok(known.clone());
        }
        let found = organization::management_account(&self.meta).await?;
        let found = found.ok_or_else(|| {
            Error::new(
                Code::Unavailable,
                "This deployment has no account yet, so no management account either.",
            )
        })?;
        Ok(self.management.get_or_init(|| found).clone())
    }

    fn member_arn(&self, management: &AccountId, account: &str) -> String {
        format!("arn:aws:organizations::{management}:account/{}/{account}", self.organization.id)
    }

    fn root_arn(&self, management: &AccountId) -> String {
        format!(
            "arn:aws:organizations::{management}:root/{}/{}",
            self.organization.id, self.organization.root_id
        )
    }

    /// Brings an operation to the gate that only the management account may do.
    pub(crate) async fn manages(
        &self,
        ctx: &Ctx,
        op: Op,
        resource: &str,
        keys: iam::Context,
    ) -> Result<Gate> {
        let gate = self.account_gate(ctx).await?;
        gate.allow_on(op, resource, keys)?;
        if ctx.caller.account_id != self.management_account().await? {
            return Err(Error::new(
                Code::AccessDenied,
                "You don't have permissions to access this resource.",
            ));
        }
        Ok(gate)
    }

    /// `manages` for one account, which must be in the organisation. Its ARN names the management account whoever asks.
    async fn manages_member(
        &self,
        ctx: &Ctx,
        op: Op,
        account_id: &str,
        mut keys: iam::Context,
    ) -> Result<MemberAccount> {
        let management = self.management_account().await?;
        let arn = match op {
            // An action of AWS Account Management, which has ARNs of its own (Service Authorization Reference).
            Op::PutAccountName => {
                format!("arn:aws:account::{management}:account/{}/{account_id}", self.organization.id)
            }
            _ => self.member_arn(&management, account_id),
        };
        let found =
            if ctx.caller.account_id == management { self.member_of(account_id).await? } else { None };
        if let Some(member) = &found {
            let list = ListAccountTags { account_id: member.account_id.clone() };
            let tags = self.meta.read(list).await.or_store_error()?;
            keys.set_tags("aws:ResourceTag/", crate::authz::pairs(&tags));
        }
        self.manages(ctx, op, &arn, keys).await?;
        found.ok_or_else(account_not_found)
    }

    /// An account of the organisation. Only its management account sees it, so that no condition of others can ask for
    /// its tags.
    async fn member_of(&self, account_id: &str) -> Result<Option<MemberAccount>> {
        let Ok(account_id) = account_id.parse() else { return Ok(None) };
        let found = self.meta.read(FindMemberAccount { account_id }).await.or_store_error()?;
        Ok(found.filter(|account| account.in_organization))
    }
}
