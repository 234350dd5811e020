//! Organizations: the one organization of the deployment. Its management account creates and closes accounts.

mod account;
mod backup;
mod check;
mod collection;
mod create_account;
mod event_target;
mod key;
mod operate;
mod organization;
mod place;
mod quota;
mod reconciler;
mod store_move;
mod tag;
mod tree;
mod unit;
mod usage;

use access::authz::Gate;
use access::context::Ctx;
use access::error::{AwsCode, Error, Result};
use access::op::{Effect, Op, OrganizationsOp};
use access::permit::{Grant, OnAccount, Permit};
use access::store::{FindMemberAccount, ListAccountTags, MemberAccount};
use aws::ids::AccountId;

use crate::Identity;

pub use collection::collection_of;
pub use operate::NewAccount;
pub use reconciler::reconcilers_of;

fn account_not_found() -> Error {
    Error::aws(AwsCode::AccountNotFound, "You specified an account that doesn't exist.")
}

/// The email address of an account's root. The first account, and accounts that were not created through the API, have
/// none. Their address is a name under .invalid, which no user has (RFC 2606), with the account ID to make it unique.
pub(crate) fn email_of(email: Option<String>, account_id: &AccountId) -> String {
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

    /// Decides on an operation that only the management account may call.
    async fn manages<E: Effect<On = OnAccount>>(&self, ctx: &Ctx, resource: &str) -> Result<Permit<E>> {
        let gate = self.access.account_gate(ctx).await?;
        self.access.manages(&gate, resource, policy::Context::new()).await
    }

    /// `manages` for one account, which must be in the organization. Its ARN always contains the management account.
    async fn manages_member<E: Effect<On = OnAccount>>(
        &self,
        ctx: &Ctx,
        account_id: &str,
        mut keys: policy::Context,
    ) -> Result<Member<E>> {
        let gate = self.access.account_gate(ctx).await?;
        let management = self.access.management_account().await?;
        let arn = match E::OP {
            // An action of AWS Account Management, which has ARNs of its own (Service Authorization Reference).
            Op::Organizations(OrganizationsOp::WharfRenameAccount) => {
                format!("arn:aws:account::{management}:account/{}/{account_id}", self.access.organization.id)
            }
            _ => self.member_arn(&management, account_id),
        };
        let mut found = None;
        // Only the management account reads it, so conditions of other accounts cannot test its tags.
        if ctx.caller.account_id == management {
            found = member_of(&gate, account_id).await?;
        }
        let mut tags = Vec::new();
        if let Some(account) = &found {
            tags = gate.read(ListAccountTags { account_id: account.account_id.clone() }).await?;
            keys.set_tags("aws:ResourceTag/", access::authz::pairs(&tags));
        }
        let permit = self.access.manages(&gate, &arn, keys).await?;
        Ok(Member { permit, account: found.ok_or_else(account_not_found)?, tags })
    }
}

/// An account of the organization as the resource of an operation, with the permit for the operation.
struct Member<E: Grant> {
    permit: Permit<E>,
    account: MemberAccount,
    tags: Vec<(String, String)>,
}

async fn member_of(gate: &Gate, account_id: &str) -> Result<Option<MemberAccount>> {
    let Ok(account_id) = account_id.parse() else { return Ok(None) };
    let found = gate.read(FindMemberAccount { account_id }).await?;
    Ok(found.filter(|account| account.in_organization))
}
