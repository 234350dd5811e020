//! Organizations: the one organisation of the deployment, whose accounts its management account makes and closes.

mod account;
mod create_account;
mod key;
mod operate;
mod reconciler;
mod tag;
mod tree;

use access::op::OrganizationsOp;
use aws::ids::AccountId;
use meta::{FindMemberAccount, ListAccountTags, MemberAccount};

use crate::Identity;
use access::context::Ctx;
use access::error::{AwsCode, Error, Result};
use access::op::Op;
use access::store::StoreResultExt as _;

pub use operate::NewAccount;

fn account_not_found() -> Error {
    Error::aws(AwsCode::AccountNotFound, "You specified an account that doesn't exist.")
}

/// The address of an account's root. The first account and those that are not made through the API were given none: a
/// name under .invalid is nobody's (RFC 2606), and the digits make it this account's alone.
fn email_of(email: Option<String>, account_id: &AccountId) -> String {
    email.unwrap_or_else(|| format!("root+{account_id}@wharf.invalid"))
}

impl Identity {
    fn member_arn(&self, management: &AccountId, account: &str) -> String {
        format!("arn:aws:organizations::{management}:account/{}/{account}", self.access.organization.id)
    }

    fn root_arn(&self, management: &AccountId) -> String {
        format!(
            "arn:aws:organizations::{management}:root/{}/{}",
            self.access.organization.id, self.access.organization.root_id
        )
    }

    /// `manages` for one account, which must be in the organisation. Its ARN names the management account whoever asks.
    async fn manages_member(
        &self,
        ctx: &Ctx,
        op: Op,
        account_id: &str,
        mut keys: policy::Context,
    ) -> Result<MemberAccount> {
        let management = self.access.management_account().await?;
        let arn = match op {
            // An action of AWS Account Management, which has ARNs of its own (Service Authorization Reference).
            Op::Organizations(OrganizationsOp::WharfRenameAccount) => {
                format!("arn:aws:account::{management}:account/{}/{account_id}", self.access.organization.id)
            }
            _ => self.member_arn(&management, account_id),
        };
        let found =
            if ctx.caller.account_id == management { self.member_of(account_id).await? } else { None };
        if let Some(member) = &found {
            let list = ListAccountTags { account_id: member.account_id.clone() };
            let tags = self.access.meta.read(list).await.or_store_error()?;
            keys.set_tags("aws:ResourceTag/", access::authz::pairs(&tags));
        }
        self.access.manages(ctx, op, &arn, keys).await?;
        found.ok_or_else(account_not_found)
    }

    /// An account of the organisation. Only its management account sees it, so that no condition of others can ask for
    /// its tags.
    async fn member_of(&self, account_id: &str) -> Result<Option<MemberAccount>> {
        let Ok(account_id) = account_id.parse() else { return Ok(None) };
        let found = self.access.meta.read(FindMemberAccount { account_id }).await.or_store_error()?;
        Ok(found.filter(|account| account.in_organization))
    }
}
