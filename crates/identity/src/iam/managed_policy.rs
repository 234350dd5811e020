//! Managed policies: an account's own, and AWS's, which are the same in each account.

use access::authz::add_resource_tags;
use access::context::Ctx;
use access::error::{AwsCode, Error, Result};
use access::ids::unique_id;
use access::op::{Effect, iam};
use access::permit::{Asked, Grant, Of, OnAccount, Opens, Permit};
use access::quota;
use access::store::{
    CountPolicyUses, CreateManagedPolicy, CreateManagedPolicyRefusal, DeleteManagedPolicy,
    DeleteManagedPolicyRefusal, ManagedPolicy, RefusedExt as _, policy_size,
};
use aws::iam::{
    CreatePolicyRequest, CreatePolicyResponse, DeletePolicyRequest, GetPolicyRequest, GetPolicyResponse,
    ListPolicyTagsRequest, ListTagsResponse, Policy, PolicyVersion, TagPolicyRequest, UntagPolicyRequest,
};
use aws::service::Service;
use policy::managed::Managed;

use super::attachment::check_policy_arn;
use super::inline_policy::check_document;
use super::policy_version::version_of_aws;
use super::tag::{remove_tags, set_tags, tag_keys};
use super::{Permitted, iam_tags, request_tags, shown_tags, stored_tags, time};
use crate::Identity;

pub(super) fn not_found(arn: &str) -> Error {
    Error::aws(AwsCode::NoSuchEntity, format!("Policy {arn} was not found."))
}

pub(super) fn shown(policy: ManagedPolicy, tags: Option<Vec<(String, String)>>) -> Policy {
    Policy {
        policy_name: policy.name,
        policy_id: policy.policy_id,
        arn: policy.arn,
        path: policy.path,
        default_version_id: format!("v{}", policy.default_version),
        attachment_count: policy.attachment_count,
        permissions_boundary_usage_count: policy.boundary_count,
        is_attachable: true,
        description: policy.description,
        create_date: time(policy.created_at).into(),
        update_date: time(policy.updated_at).into(),
        tags: tags.map(shown_tags),
    }
}

/// The description of an AWS policy whose document here is not complete.
const SHORTENED: &str = "Shortened by Wharf: statements about services that Wharf does not have are omitted.";

/// An AWS policy. Its ID is derived from its name: AWS's IDs do not change either.
pub(super) fn shown_of_aws(policy: &Managed, (attachment_count, boundary_count): (i64, i64)) -> Policy {
    let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap_or_default();
    let digest = oci::digest::Digest::of(oci::digest::Algorithm::Sha256, policy.name.as_bytes()).to_string();
    let letters = digest.bytes().skip(7).take(17).map(|byte| char::from(byte).to_ascii_uppercase());
    Policy {
        policy_name: policy.name.to_owned(),
        policy_id: "ANPA".chars().chain(letters).collect(),
        arn: policy.arn(),
        path: policy.path.to_owned(),
        default_version_id: policy.version_id.to_owned(),
        attachment_count,
        permissions_boundary_usage_count: boundary_count,
        is_attachable: true,
        description: policy.is_shortened.then(|| SHORTENED.to_owned()),
        create_date: at(policy.created_at).into(),
        update_date: at(policy.updated_at).into(),
        tags: Some(Vec::new()),
    }
}

/// A managed policy in the store or of AWS.
pub(super) enum Found {
    Own(ManagedPolicy),
    OfAws(&'static Managed),
}

pub(super) async fn uses_of_aws<E>(permit: &Permit<E>) -> Result<Vec<(String, i64, i64)>>
where
    E: Grant<On: Asked> + Opens<CountPolicyUses>,
{
    permit.read(|_| CountPolicyUses { account_id: permit.account().clone() }).await
}

/// AWS's policies that are used in the account.
pub(super) async fn used_policies_of_aws<E>(permit: &Permit<E>) -> Result<Vec<(Policy, Vec<PolicyVersion>)>>
where
    E: Grant<On: Asked> + Opens<CountPolicyUses>,
{
    let uses = uses_of_aws(permit).await?;
    let used = uses.iter().filter_map(|(arn, attached, bounds)| {
        let policy = policy::managed::find_policy(arn).filter(|_| attached + bounds > 0)?;
        Some((shown_of_aws(policy, (*attached, *bounds)), vec![version_of_aws(policy)]))
    });
    Ok(used.collect())
}

impl Identity {
    /// Decides on an operation on a managed policy, and then returns an error if it does not exist.
    pub(super) async fn policy_for<E: Effect<On = OnAccount>>(
        &self,
        ctx: &Ctx,
        arn: &str,
        mut keys: policy::Context,
    ) -> Result<Permitted<E, Found>> {
        let gate = self.access.account_gate(ctx).await?;
        let own = gate.find_policy(arn).await?;
        let mut tags = Vec::new();
        if let Some(own) = &own {
            tags = iam_tags(&gate, &own.policy_id).await?;
            add_resource_tags(&mut keys, Service::Iam, &tags);
        }
        let permit = gate.permit_arn::<E, _>(own.as_ref(), arn, keys)?;
        check_policy_arn(arn)?;
        let on = match (own, policy::managed::find_policy(arn)) {
            (Some(own), _) => Found::Own(own.into_row()),
            (None, Some(managed)) => Found::OfAws(managed),
            (None, None) => return Err(not_found(arn)),
        };
        Ok(Permitted { permit, on, tags })
    }

    /// `policy_for` of an operation that changes the policy. AWS's policies cannot be changed.
    pub(super) async fn own_policy_for<E: Effect<On = OnAccount>>(
        &self,
        ctx: &Ctx,
        arn: &str,
        keys: policy::Context,
    ) -> Result<Permit<Of<E>>> {
        let found = self.policy_for::<E>(ctx, arn, keys).await?;
        match found.on {
            Found::Own(_) => Ok(found.permit),
            Found::OfAws(_) => {
                let message = format!("Policy {arn} is managed by AWS and cannot be changed.");
                Err(Error::aws(AwsCode::InvalidInput, message))
            }
        }
    }

    /// Creates a managed policy.
    pub async fn create_policy(&self, ctx: &Ctx, input: CreatePolicyRequest) -> Result<CreatePolicyResponse> {
        let gate = self.access.account_gate(ctx).await?;
        let path = input.path.unwrap_or_else(|| "/".to_owned());
        let account_id = &ctx.caller.account_id;
        let arn = format!("arn:aws:iam::{account_id}:policy{path}{}", input.policy_name);
        let stored = stored_tags(input.tags);
        let tags = request_tags(&stored)?;
        let permit = gate.permit_on::<iam::CreatePolicy>(&arn, tags.clone())?;
        if !stored.is_empty() {
            gate.permit_on::<iam::TagPolicy>(&arn, tags)?;
        }
        check_policy(&input.policy_document)?;
        let create = CreateManagedPolicy {
            account: permit.account_key().await?,
            arn,
            policy_id: unique_id("ANPA").map_err(Error::internal)?,
            path,
            name: input.policy_name.clone(),
            description: input.description,
            document: input.policy_document,
            tags: stored.clone(),
            limit: self.access.quotas().policies_per_account.limit(),
            at: ctx.at(),
        };
        let made = permit.write(|_| create).await.or_refused(|refusal| match refusal {
            CreateManagedPolicyRefusal::Limit => self.access.quotas().policies_per_account.exceeded(),
            CreateManagedPolicyRefusal::Exists => {
                let name = input.policy_name;
                let message =
                    format!("A policy called {name} already exists. Duplicate names are not allowed.");
                Error::aws(AwsCode::EntityAlreadyExists, message)
            }
        })?;
        // AWS omits the description here, and shows it in GetPolicy.
        let made = ManagedPolicy { description: None, ..made };
        let tags = Some(stored).filter(|tags| !tags.is_empty());
        Ok(CreatePolicyResponse { policy: shown(made, tags) })
    }

    /// Shows a managed policy.
    pub async fn get_policy(&self, ctx: &Ctx, input: GetPolicyRequest) -> Result<GetPolicyResponse> {
        let keys = policy::Context::new();
        let found = self.policy_for::<iam::GetPolicy>(ctx, &input.policy_arn, keys).await?;
        let policy = match found.on {
            Found::Own(policy) => shown(policy, Some(found.tags)),
            Found::OfAws(policy) => {
                let uses = uses_of_aws(&found.permit).await?;
                shown_of_aws(policy, count(&uses, &policy.arn()))
            }
        };
        Ok(GetPolicyResponse { policy })
    }

    /// Deletes a managed policy that is not in use.
    pub async fn delete_policy(&self, ctx: &Ctx, input: DeletePolicyRequest) -> Result<()> {
        let arn = input.policy_arn;
        let keys = policy::Context::new();
        let permit = self.own_policy_for::<iam::DeletePolicy>(ctx, &arn, keys).await?;
        permit.write(|key| DeleteManagedPolicy { arn: key.arn }).await.or_refused(|refusal| match refusal {
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
        let tags = stored_tags(input.tags);
        let keys = request_tags(&tags)?;
        let permit = self.own_policy_for::<iam::TagPolicy>(ctx, &input.policy_arn, keys).await?;
        set_tags(&permit, tags).await
    }

    /// Removes tags of a managed policy.
    pub async fn untag_policy(&self, ctx: &Ctx, input: UntagPolicyRequest) -> Result<()> {
        let keys = tag_keys(&input.tag_keys);
        let permit = self.own_policy_for::<iam::UntagPolicy>(ctx, &input.policy_arn, keys).await?;
        remove_tags(&permit, input.tag_keys).await
    }

    /// Lists tags of a managed policy.
    pub async fn list_policy_tags(
        &self,
        ctx: &Ctx,
        input: ListPolicyTagsRequest,
    ) -> Result<ListTagsResponse> {
        let keys = policy::Context::new();
        let found = self.policy_for::<iam::ListPolicyTags>(ctx, &input.policy_arn, keys).await?;
        match found.on {
            Found::Own(policy) => {
                let page = (input.marker.as_deref(), input.max_items);
                self.page_of_tags(&policy.policy_id, found.tags, page)
            }
            Found::OfAws(_) => Ok(ListTagsResponse::default()),
        }
    }
}

pub(super) fn count(uses: &[(String, i64, i64)], arn: &str) -> (i64, i64) {
    uses.iter().find(|(known, ..)| known == arn).map_or((0, 0), |(_, attached, bounds)| (*attached, *bounds))
}

/// Checks the document of a managed policy: its grammar and its size. It cannot have the first version of the policy
/// language; inline policies can.
pub(super) fn check_policy(document: &str) -> Result<()> {
    if policy::Policy::parse(document).is_ok_and(|policy| policy.version() == policy::Version::V2008) {
        let message = "Policy document must be version 2012-10-17 or greater.";
        return Err(Error::aws(AwsCode::MalformedPolicyDocument, message));
    }
    check_document(document)?;
    if policy_size(document) > quota::MANAGED_POLICY.most() {
        return Err(quota::MANAGED_POLICY.exceeded());
    }
    Ok(())
}
