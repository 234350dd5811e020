//! Managed policies: an account's own, and those of AWS, which are the same in each account.

use access::op::IamOp;
use aws::iam::{
    CreatePolicyRequest, DeletePolicyRequest, GetPolicyRequest, ListPoliciesRequest, ListPolicyTagsRequest,
    Policy, PolicyVersion, TagPolicyRequest, UntagPolicyRequest,
};
use aws::query::{One, Page};
use aws::service::Service;
use meta::{
    CountPolicyUses, CreateManagedPolicy, CreateManagedPolicyRefusal, DeleteManagedPolicy,
    DeleteManagedPolicyRefusal, FindManagedPolicy, ListManagedPolicies, ManagedPolicy,
};
use policy::managed::Managed;

use super::attachment::{check_policy_arn, is_of_account};
use super::inline_policy::check_document;
use super::policy_version::version_of_aws;
use super::tag::tag_keys;
use super::{quota, quota_exceeded, request_tags, time};
use crate::Identity;
use access::authz::add_resource_tags;
use access::context::Ctx;
use access::error::{AwsCode, Error, Result};
use access::ids::unique_id;
use access::op::Op;
use access::store::{RefusedExt as _, StoreResultExt as _};

pub(super) fn not_found(arn: &str) -> Error {
    Error::aws(AwsCode::NoSuchEntity, format!("Policy {arn} was not found."))
}

pub(super) fn shown(policy: ManagedPolicy, tags: Option<Vec<(String, String)>>) -> Policy {
    Policy {
        name: policy.name,
        id: policy.policy_id,
        arn: policy.arn,
        path: policy.path,
        default_version: format!("v{}", policy.default_version),
        attachment_count: policy.attachment_count,
        boundary_count: policy.boundary_count,
        description: policy.description,
        created_at: time(policy.created_at),
        updated_at: time(policy.updated_at),
        tags,
    }
}

/// What the description of a policy of AWS's says whose document is not AWS's whole one.
const SHORTENED: &str = "Shortened by Wharf: statements on services that do not exist here are left out.";

/// A policy of AWS's. Its id is made of its name, as AWS's own are fixed.
fn shown_of_aws(policy: &Managed, (attachment_count, boundary_count): (i64, i64)) -> Policy {
    let at = |text: &str| text.parse().unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let digest = oci::digest::Digest::of(oci::digest::Algorithm::Sha256, policy.name.as_bytes()).to_string();
    let letters = digest.bytes().skip(7).take(17).map(|byte| char::from(byte).to_ascii_uppercase());
    Policy {
        name: policy.name.to_owned(),
        id: "ANPA".chars().chain(letters).collect(),
        arn: policy.arn(),
        path: policy.path.to_owned(),
        default_version: policy.version_id.to_owned(),
        attachment_count,
        boundary_count,
        description: policy.is_shortened.then(|| SHORTENED.to_owned()),
        created_at: at(policy.created_at),
        updated_at: at(policy.updated_at),
        tags: Some(Vec::new()),
    }
}

/// A managed policy as a request finds it.
pub(super) enum Found {
    Own(ManagedPolicy),
    OfAws(&'static Managed),
}

impl Identity {
    /// Brings an operation on a managed policy to the gate, and then says whether it is there.
    pub(super) async fn policy_for(
        &self,
        ctx: &Ctx,
        op: Op,
        arn: &str,
        mut keys: policy::Context,
    ) -> Result<Found> {
        let gate = self.access.account_gate(ctx).await?;
        let own = if is_of_account(arn, &ctx.caller.account_id) {
            self.access.meta.read(FindManagedPolicy { arn: arn.to_owned() }).await.or_store_error()?
        } else {
            None
        };
        if let Some(own) = &own {
            add_resource_tags(&mut keys, Service::Iam, &self.iam_tags(&own.policy_id).await?);
        }
        gate.allow_on(op, arn, keys)?;
        check_policy_arn(arn)?;
        match (own, policy::managed::find_policy(arn)) {
            (Some(own), _) => Ok(Found::Own(own)),
            (None, Some(managed)) => Ok(Found::OfAws(managed)),
            (None, None) => Err(not_found(arn)),
        }
    }

    /// `policy_for` of an operation that changes it: AWS's own cannot be changed.
    pub(super) async fn own_policy_for(
        &self,
        ctx: &Ctx,
        op: Op,
        arn: &str,
        keys: policy::Context,
    ) -> Result<ManagedPolicy> {
        match self.policy_for(ctx, op, arn, keys).await? {
            Found::Own(policy) => Ok(policy),
            Found::OfAws(_) => {
                let message = format!("Policy {arn} is managed by AWS and cannot be changed.");
                Err(Error::aws(AwsCode::InvalidInput, message))
            }
        }
    }

    /// Makes a managed policy.
    pub async fn create_policy(&self, ctx: &Ctx, input: CreatePolicyRequest) -> Result<One<Policy>> {
        let gate = self.access.account_gate(ctx).await?;
        let path = input.path.unwrap_or_else(|| "/".to_owned());
        let account_id = ctx.caller.account_id.clone();
        let arn = format!("arn:aws:iam::{account_id}:policy{path}{}", input.policy_name);
        let tags = request_tags(&input.tags)?;
        gate.allow_on(Op::Iam(IamOp::CreatePolicy), &arn, tags.clone())?;
        if !input.tags.is_empty() {
            gate.allow_on(Op::Iam(IamOp::TagPolicy), &arn, tags)?;
        }
        check_policy(&input.policy_document)?;
        let create = CreateManagedPolicy {
            account: self.access.account_key(&account_id).await?,
            arn,
            policy_id: unique_id("ANPA").map_err(Error::internal)?,
            path,
            name: input.policy_name.clone(),
            description: input.description,
            document: input.policy_document,
            tags: input.tags.clone(),
            limit: quota::POLICIES,
            at: ctx.at(),
        };
        let made = self.access.meta.write(create).await.or_refused(|refusal| match refusal {
            CreateManagedPolicyRefusal::Limit => quota_exceeded("PoliciesPerAccount", quota::POLICIES),
            CreateManagedPolicyRefusal::Exists => {
                let name = input.policy_name;
                let message =
                    format!("A policy called {name} already exists. Duplicate names are not allowed.");
                Error::aws(AwsCode::EntityAlreadyExists, message)
            }
        })?;
        // AWS leaves the description out here, and shows it from GetPolicy on.
        let made = ManagedPolicy { description: None, ..made };
        Ok(One(
            "Policy",
            Policy { tags: Some(input.tags).filter(|tags| !tags.is_empty()), ..shown(made, None) },
        ))
    }

    /// Shows a managed policy.
    pub async fn get_policy(&self, ctx: &Ctx, input: GetPolicyRequest) -> Result<One<Policy>> {
        let policy = match self
            .policy_for(ctx, Op::Iam(IamOp::GetPolicy), &input.policy_arn, policy::Context::new())
            .await?
        {
            Found::Own(policy) => {
                let tags = self.iam_tags(&policy.policy_id).await?;
                shown(policy, Some(tags))
            }
            Found::OfAws(policy) => {
                let uses = self.uses_of_aws(ctx).await?;
                shown_of_aws(policy, count(&uses, &policy.arn()))
            }
        };
        Ok(One("Policy", policy))
    }

    async fn uses_of_aws(&self, ctx: &Ctx) -> Result<Vec<(String, i64, i64)>> {
        let count = CountPolicyUses { account_id: ctx.caller.account_id.clone() };
        self.access.meta.read(count).await.or_store_error()
    }

    /// Those of AWS's policies that something in the account uses.
    pub(super) async fn used_policies_of_aws(&self, ctx: &Ctx) -> Result<Vec<(Policy, Vec<PolicyVersion>)>> {
        let uses = self.uses_of_aws(ctx).await?;
        let used = uses.iter().filter_map(|(arn, attached, bounds)| {
            let policy = policy::managed::find_policy(arn).filter(|_| attached + bounds > 0)?;
            Some((shown_of_aws(policy, (*attached, *bounds)), vec![version_of_aws(policy)]))
        });
        Ok(used.collect())
    }

    /// Lists managed policies: the account's own by name, then AWS's.
    pub async fn list_policies(&self, ctx: &Ctx, input: ListPoliciesRequest) -> Result<Page<Policy>> {
        let gate = self.access.account_gate(ctx).await?;
        let account_id = ctx.caller.account_id.clone();
        gate.allow_on(Op::Iam(IamOp::ListPolicies), "*", policy::Context::new())?;
        let prefix = input.path_prefix.unwrap_or_else(|| "/".to_owned());
        let scope = input.scope.unwrap_or_else(|| "All".to_owned());
        let usage = input.policy_usage_filter.unwrap_or_default();
        let list = format!("policies {account_id} {prefix} {scope} {usage} {}", input.only_attached);
        let page = self.page_of(list, input.marker.as_deref(), input.max_items)?;
        // Every policy can be a permissions policy, attached or not; `OnlyAttached` is the filter that looks at that.
        let is_wanted = |policy: &Policy| {
            let is_of_use = usage != "PermissionsBoundary" || policy.boundary_count > 0;
            is_of_use && (!input.only_attached || policy.attachment_count > 0)
        };
        let mut found: Vec<(String, Policy)> = Vec::new();
        let after_own = page.after.strip_prefix("1 ");
        if scope != "AWS" && (page.after.is_empty() || after_own.is_some()) {
            let mut after = after_own.unwrap_or_default().to_owned();
            let mut is_last = false;
            // The filters may leave out all of what one read brings.
            while !is_last && found.len() <= page.limit {
                let (path_prefix, limit) = (prefix.clone(), page.limit + 1);
                let list = ListManagedPolicies { account_id: account_id.clone(), path_prefix, after, limit };
                let own = self.access.meta.read(list).await.or_store_error()?;
                is_last = own.len() < limit;
                after = own.last().map(|policy| policy.name.to_ascii_lowercase()).unwrap_or_default();
                let own = own.into_iter().map(|policy| {
                    let key = format!("1 {}", policy.name.to_ascii_lowercase());
                    (key, shown(ManagedPolicy { description: None, ..policy }, None))
                });
                found.extend(own.filter(|(_, policy)| is_wanted(policy)));
            }
        }
        if scope != "Local" {
            let uses = self.uses_of_aws(ctx).await?;
            let of_aws = policy::managed::all().iter().filter(|policy| policy.path.starts_with(&prefix));
            let of_aws = of_aws
                .map(|policy| (format!("2 {}", policy.name), policy))
                .filter(|(key, _)| *key > page.after)
                .map(|(key, policy)| {
                    let shown = shown_of_aws(policy, count(&uses, &policy.arn()));
                    (key, Policy { description: None, tags: None, ..shown })
                })
                .filter(|(_, policy)| is_wanted(policy))
                .take((page.limit + 1).saturating_sub(found.len()));
            found.extend(of_aws);
        }
        let marker = self.cut(&page, &mut found, |(key, _)| key.clone())?;
        Ok(Page { name: "Policies", items: found.into_iter().map(|(_, policy)| policy).collect(), marker })
    }

    /// Deletes a managed policy that nothing uses.
    pub async fn delete_policy(&self, ctx: &Ctx, input: DeletePolicyRequest) -> Result<()> {
        let arn = input.policy_arn;
        self.own_policy_for(ctx, Op::Iam(IamOp::DeletePolicy), &arn, policy::Context::new()).await?;
        self.access.meta.write(DeleteManagedPolicy { arn: arn.clone() }).await.or_refused(|refusal| match refusal {
            DeleteManagedPolicyRefusal::Gone => not_found(&arn),
            DeleteManagedPolicyRefusal::InUse => {
                Error::aws(AwsCode::DeleteConflict, "Cannot delete a policy attached to entities.")
            }
            DeleteManagedPolicyRefusal::HasVersions => {
                let message = "This policy has more than one version. Before you delete a policy, you must delete \
                               the policy's versions. The default version is deleted with the policy.";
                Error::aws(AwsCode::DeleteConflict, message)
            }
        })
    }

    /// Sets tags of a managed policy.
    pub async fn tag_policy(&self, ctx: &Ctx, input: TagPolicyRequest) -> Result<()> {
        let keys = request_tags(&input.tags)?;
        let policy = self.own_policy_for(ctx, Op::Iam(IamOp::TagPolicy), &input.policy_arn, keys).await?;
        self.set_tags(policy.policy_id, input.tags).await
    }

    /// Removes tags of a managed policy.
    pub async fn untag_policy(&self, ctx: &Ctx, input: UntagPolicyRequest) -> Result<()> {
        let keys = tag_keys(&input.tag_keys);
        let policy = self.own_policy_for(ctx, Op::Iam(IamOp::UntagPolicy), &input.policy_arn, keys).await?;
        self.remove_tags(policy.policy_id, input.tag_keys).await
    }

    /// Lists tags of a managed policy.
    pub async fn list_policy_tags(
        &self,
        ctx: &Ctx,
        input: ListPolicyTagsRequest,
    ) -> Result<Page<(String, String)>> {
        match self
            .policy_for(ctx, Op::Iam(IamOp::ListPolicyTags), &input.policy_arn, policy::Context::new())
            .await?
        {
            Found::Own(policy) => {
                self.page_of_tags(&policy.policy_id, input.marker.as_deref(), input.max_items).await
            }
            Found::OfAws(_) => Ok(Page::whole("Tags", Vec::new())),
        }
    }
}

fn count(uses: &[(String, i64, i64)], arn: &str) -> (i64, i64) {
    uses.iter().find(|(known, ..)| known == arn).map_or((0, 0), |(_, attached, bounds)| (*attached, *bounds))
}

/// Holds the document of a managed policy against grammar and size. It cannot be of the language's first version, which
/// inline policies may have.
pub(super) fn check_policy(document: &str) -> Result<()> {
    if policy::Policy::parse(document).is_ok_and(|policy| policy.version() == policy::Version::V2008) {
        let message = "Policy document must be version 2012-10-17 or greater.";
        return Err(Error::aws(AwsCode::MalformedPolicyDocument, message));
    }
    check_document(document)?;
    if meta::policy_size(document) > quota::MANAGED_POLICY {
        return Err(quota_exceeded("PolicySize", quota::MANAGED_POLICY));
    }
    Ok(())
}
