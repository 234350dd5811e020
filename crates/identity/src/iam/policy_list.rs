//! ListPolicies: the account's own policies by name, then AWS's. A key gives both one order: `1 name`, `2 name`.

use access::context::Ctx;
use access::error::Result;
use access::op::iam;
use access::permit::Permit;
use access::store::{ListManagedPolicies, ManagedPolicy};
use aws::iam::{ListPoliciesRequest, Policy};
use aws::query::Page;

use super::PageOf;
use super::managed_policy::{count, shown, shown_of_aws, uses_of_aws};
use crate::Identity;

/// The filters of a request.
struct Wanted {
    prefix: String,
    usage: String,
    only_attached: bool,
}

impl Wanted {
    /// Every policy can be used as a permissions policy, so this filter selects all; `OnlyAttached` selects the
    /// attached ones.
    fn has(&self, policy: &Policy) -> bool {
        let is_of_use = self.usage != "PermissionsBoundary" || policy.boundary_count > 0;
        is_of_use && (!self.only_attached || policy.attachment_count > 0)
    }
}

/// Policies of the account, each with its key.
async fn own_policies(
    permit: &Permit<iam::ListPolicies>,
    wanted: &Wanted,
    after: &str,
    page: &PageOf,
) -> Result<Vec<(String, Policy)>> {
    let (mut found, mut after) = (Vec::new(), after.to_owned());
    // The filters can exclude everything that one read returns.
    while found.len() <= page.limit {
        let (path_prefix, limit) = (wanted.prefix.clone(), page.limit + 1);
        let list = |account_id| ListManagedPolicies { account_id, path_prefix, after, limit };
        let own = permit.read(list).await?;
        let is_last = own.len() < limit;
        after = own.last().map(|policy| policy.name.to_ascii_lowercase()).unwrap_or_default();
        let own = own.into_iter().map(|policy| {
            let key = format!("1 {}", policy.name.to_ascii_lowercase());
            (key, shown(ManagedPolicy { description: None, ..policy }, None))
        });
        found.extend(own.filter(|(_, policy)| wanted.has(policy)));
        if is_last {
            break;
        }
    }
    Ok(found)
}

/// AWS's policies up to the room on the page, each with its key.
async fn policies_of_aws(
    permit: &Permit<iam::ListPolicies>,
    wanted: &Wanted,
    page: &PageOf,
    room: usize,
) -> Result<Vec<(String, Policy)>> {
    let uses = uses_of_aws(permit).await?;
    let of_aws = policy::managed::all().iter().filter(|policy| policy.path.starts_with(&wanted.prefix));
    let of_aws = of_aws
        .map(|policy| (format!("2 {}", policy.name), policy))
        .filter(|(key, _)| *key > page.after)
        .map(|(key, policy)| {
            let shown = shown_of_aws(policy, count(&uses, &policy.arn()));
            (key, Policy { description: None, tags: None, ..shown })
        })
        .filter(|(_, policy)| wanted.has(policy));
    Ok(of_aws.take(room).collect())
}

impl Identity {
    /// Lists managed policies.
    pub async fn list_policies(&self, ctx: &Ctx, input: ListPoliciesRequest) -> Result<Page<Policy>> {
        let gate = self.access.account_gate(ctx).await?;
        let permit = gate.permit_on::<iam::ListPolicies>("*", policy::Context::new())?;
        let wanted = Wanted {
            prefix: input.path_prefix.unwrap_or_else(|| "/".to_owned()),
            usage: input.policy_usage_filter.unwrap_or_default(),
            only_attached: input.only_attached,
        };
        let scope = input.scope.unwrap_or_else(|| "All".to_owned());
        let Wanted { prefix, usage, only_attached } = &wanted;
        let account_id = permit.account();
        let list = format!("policies {account_id} {prefix} {scope} {usage} {only_attached}");
        let page = self.page_of(list, input.marker.as_deref(), input.max_items)?;
        let mut found = Vec::new();
        let after_own = page.after.strip_prefix("1 ");
        if scope != "AWS" && (page.after.is_empty() || after_own.is_some()) {
            found = own_policies(&permit, &wanted, after_own.unwrap_or_default(), &page).await?;
        }
        if scope != "Local" {
            let room = (page.limit + 1).saturating_sub(found.len());
            found.extend(policies_of_aws(&permit, &wanted, &page, room).await?);
        }
        let marker = self.cut(&page, &mut found, |(key, _)| key.clone())?;
        Ok(Page { name: "Policies", items: found.into_iter().map(|(_, policy)| policy).collect(), marker })
    }
}
