//! Attachments of managed policies. Users, groups and roles have the same operations.

use access::context::Ctx;
use access::error::{AwsCode, Code, Error, Result};
use access::op::iam;
use access::permit::{Grant, OnResource, Opens, Permit, PermittedKey, ResourceKey};
use access::quota::Quota;
use access::store::{
    AttachPolicy, AttachPolicyRefusal, DetachManagedPolicy, Entity, EntityKind, ListAttachedPolicies,
    RefusedExt as _,
};
use aws::arn::Arn;
use aws::iam::{AttachedPolicy, ListAttachedPoliciesResponse};
use aws::ids::AccountId;

use super::entity::boundary_gone;
use super::no_such_entity;
use crate::Identity;

pub(super) fn policy_not_found(arn: &str) -> Error {
    Error::aws(AwsCode::NoSuchEntity, format!("Policy {arn} does not exist or is not attachable."))
}

/// Whether an ARN names a customer managed policy of the account.
pub(super) fn is_of_account(arn: &str, account: &AccountId) -> bool {
    arn.strip_prefix(&format!("arn:aws:iam::{account}:policy/")).is_some_and(|rest| !rest.is_empty())
}

/// Refuses a text that is not the ARN of a policy, with IAM's message.
pub(super) fn check_policy_arn(arn: &str) -> Result<()> {
    let is_of_policy = arn.parse::<Arn>().is_ok_and(|parsed| {
        let name = parsed.resource.strip_prefix("policy/");
        parsed.service == "iam" && name.is_some_and(|name| !name.is_empty() && !name.ends_with('/'))
    });
    if is_of_policy {
        return Ok(());
    }
    Err(Error::aws(AwsCode::InvalidInput, format!("ARN {arn} is not valid.")))
}

/// Whether a policy can be attached in an account: one of AWS's, or one of the account's own. The attachment itself
/// checks whether the account's own policy exists.
fn check_attachable(account: &AccountId, arn: &str) -> Result<()> {
    check_policy_arn(arn)?;
    match policy::managed::find_policy(arn) {
        Some(policy) if policy.path.starts_with("/aws-service-role/") => {
            let message = format!("Cannot attach a Service Role Policy to a Customer Role. ({arn})");
            Err(Error::aws(AwsCode::PolicyNotAttachable, message))
        }
        Some(_) => Ok(()),
        None if is_of_account(arn, account) => Ok(()),
        None => Err(policy_not_found(arn)),
    }
}

/// `check_attachable` for a permissions boundary, whose error has another message.
pub(super) fn check_boundary(account: &AccountId, arn: &str) -> Result<()> {
    check_attachable(account, arn).map_err(|error| match error.code {
        Code::Aws(AwsCode::NoSuchEntity) => boundary_gone(arn),
        _ => error,
    })
}

/// A managed policy where it is attached.
pub(super) fn attached_policy(arn: String) -> AttachedPolicy {
    let name = arn.rsplit('/').next().unwrap_or_default();
    AttachedPolicy { policy_name: name.to_owned(), policy_arn: arn }
}

async fn attach<E>(
    permit: &Permit<E>,
    quota: Quota,
    (kind, entity): (EntityKind, Entity),
    arn: String,
) -> Result<()>
where
    E: Grant<On = OnResource> + Opens<AttachPolicy<PermittedKey>>,
{
    check_attachable(permit.account(), &arn)?;
    let attach = |key: ResourceKey| AttachPolicy { owner: key.id, arn: arn.clone(), limit: quota.limit() };
    permit.write(attach).await.or_refused(|refusal| match refusal {
        AttachPolicyRefusal::PrincipalGone => no_such_entity(kind, &entity.name),
        AttachPolicyRefusal::PolicyGone => policy_not_found(&arn),
        AttachPolicyRefusal::Limit => {
            let name = match kind {
                EntityKind::User => "PoliciesPerUser",
                EntityKind::Group => "PoliciesPerGroup",
                EntityKind::Role => "PoliciesPerRole",
            };
            quota.named(name).exceeded()
        }
    })
}

async fn detach<E>(permit: &Permit<E>, kind: EntityKind, entity: Entity, arn: String) -> Result<()>
where
    E: Grant<On = OnResource> + Opens<DetachManagedPolicy<PermittedKey>>,
{
    check_policy_arn(&arn)?;
    let detach = |key: ResourceKey| DetachManagedPolicy { owner: key.id, arn: arn.clone() };
    let was_attached = permit.write(detach).await.or_refused(|_| no_such_entity(kind, &entity.name))?;
    if was_attached {
        return Ok(());
    }
    Err(Error::aws(AwsCode::NoSuchEntity, format!("Policy {arn} was not found.")))
}

impl Identity {
    async fn list_attached<E: Opens<ListAttachedPolicies>>(
        &self,
        permit: &Permit<E>,
        entity: Entity,
        prefix: Option<String>,
        (marker, max): (Option<&str>, Option<u32>),
    ) -> Result<ListAttachedPoliciesResponse> {
        let prefix = prefix.unwrap_or_else(|| "/".to_owned());
        let page = self.page_of(format!("policies of {} {prefix}", entity.unique_id), marker, max)?;
        let attached = permit.read(|_| ListAttachedPolicies { owner: entity.unique_id }).await?;
        let has_prefix = |arn: &String| {
            arn.split_once(":policy").is_some_and(|(_, path_and_name)| path_and_name.starts_with(&prefix))
        };
        let mut arns: Vec<String> =
            attached.into_iter().filter(has_prefix).filter(|arn| *arn > page.after).collect();
        let marker = self.cut(&page, &mut arns, String::clone)?;
        let attached_policies = arns.into_iter().map(attached_policy).collect();
        Ok(ListAttachedPoliciesResponse { attached_policies, is_truncated: marker.is_some(), marker })
    }
}

macro_rules! attachments {
    ($($kind:ident $name:ident: $attach:ident $attach_op:ident $attach_request:ident,
        $detach:ident $detach_op:ident $detach_request:ident, $list:ident $list_op:ident $list_request:ident;)*) => {
        impl Identity {$(
            /// Attaches a managed policy. Attaching it again succeeds.
            pub async fn $attach(&self, ctx: &Ctx, input: aws::iam::$attach_request) -> Result<()> {
                let keys = policy::Context::new().with("iam:PolicyARN", input.policy_arn.as_str());
                let named = (EntityKind::$kind, input.$name.as_str());
                let entity = self.own_entity_for::<iam::$attach_op>(ctx, named, keys).await?;
                let quota = self.access.quotas().policies_per_user;
                attach(&entity.permit, quota, (EntityKind::$kind, entity.on), input.policy_arn).await
            }

            /// Detaches a managed policy.
            pub async fn $detach(&self, ctx: &Ctx, input: aws::iam::$detach_request) -> Result<()> {
                let keys = policy::Context::new().with("iam:PolicyARN", input.policy_arn.as_str());
                let named = (EntityKind::$kind, input.$name.as_str());
                let entity = self.own_entity_for::<iam::$detach_op>(ctx, named, keys).await?;
                detach(&entity.permit, EntityKind::$kind, entity.on, input.policy_arn).await
            }

            /// Lists attached managed policies by ARN.
            pub async fn $list(&self, ctx: &Ctx, input: aws::iam::$list_request) -> Result<ListAttachedPoliciesResponse> {
                let named = (EntityKind::$kind, input.$name.as_str());
                let entity = self.entity_for::<iam::$list_op>(ctx, named, policy::Context::new()).await?;
                let page = (input.marker.as_deref(), input.max_items);
                self.list_attached(&entity.permit, entity.on, input.path_prefix, page).await
            }
        )*}
    };
}

attachments! {
    User user_name: attach_user_policy AttachUserPolicy AttachUserPolicyRequest,
        detach_user_policy DetachUserPolicy DetachUserPolicyRequest,
        list_attached_user_policies ListAttachedUserPolicies ListAttachedUserPoliciesRequest;
    Group group_name: attach_group_policy AttachGroupPolicy AttachGroupPolicyRequest,
        detach_group_policy DetachGroupPolicy DetachGroupPolicyRequest,
        list_attached_group_policies ListAttachedGroupPolicies ListAttachedGroupPoliciesRequest;
    Role role_name: attach_role_policy AttachRolePolicy AttachRolePolicyRequest,
        detach_role_policy DetachRolePolicy DetachRolePolicyRequest,
        list_attached_role_policies ListAttachedRolePolicies ListAttachedRolePoliciesRequest;
}
