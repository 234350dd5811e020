//! Attachments of managed policies: the same operations for users, groups and roles.

use access::op::IamOp;
use aws::arn::Arn;
use aws::iam::AttachedPolicy;
use aws::query::Page;
use meta::{
    AttachPolicy, AttachPolicyRefusal, DetachManagedPolicy, Entity, EntityKind, FindManagedPolicy,
    ListAttachedPolicies,
};

use super::user::boundary_gone;
use super::{quota, quota_exceeded};
use crate::Identity;
use access::context::Ctx;
use access::error::{AwsCode, Code, Error, Result};
use access::op::Op;
use access::store::{RefusedExt as _, StoreResultExt as _};

pub(super) fn policy_not_found(arn: &str) -> Error {
    Error::aws(AwsCode::NoSuchEntity, format!("Policy {arn} does not exist or is not attachable."))
}

/// Whether an ARN names a customer managed policy of the account.
pub(super) fn is_of_account(arn: &str, account: &aws::ids::AccountId) -> bool {
    arn.strip_prefix(&format!("arn:aws:iam::{account}:policy/")).is_some_and(|rest| !rest.is_empty())
}

/// Refuses what is no policy's ARN at all, in IAM's words.
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

impl Identity {
    /// Whether a policy can be attached in the caller's account: one of AWS's, or one of its own.
    pub(super) async fn attachable(&self, ctx: &Ctx, arn: &str) -> Result<()> {
        check_policy_arn(arn)?;
        if let Some(policy) = policy::managed::find_policy(arn) {
            if policy.path.starts_with("/aws-service-role/") {
                let message = format!("Cannot attach a Service Role Policy to a Customer Role. ({arn})");
                return Err(Error::aws(AwsCode::PolicyNotAttachable, message));
            }
            return Ok(());
        }
        if is_of_account(arn, &ctx.caller.account_id) {
            let find = FindManagedPolicy { arn: arn.to_owned() };
            if self.access.meta.read(find).await.or_store_error()?.is_some() {
                return Ok(());
            }
        }
        Err(policy_not_found(arn))
    }

    /// `attachable` for a permissions boundary, whose refusal has another sentence.
    pub(super) async fn can_bound(&self, ctx: &Ctx, arn: &str) -> Result<()> {
        self.attachable(ctx, arn).await.map_err(|error| match error.code {
            Code::Aws(AwsCode::NoSuchEntity) => boundary_gone(arn),
            _ => error,
        })
    }

    async fn attach(&self, ctx: &Ctx, kind: EntityKind, entity: Entity, arn: String) -> Result<()> {
        self.attachable(ctx, &arn).await?;
        let limit = quota::POLICIES_PER_ENTITY;
        let attach = AttachPolicy { owner: entity.unique_id, arn: arn.clone(), limit };
        self.access.meta.write(attach).await.or_refused(|refusal| match refusal {
            AttachPolicyRefusal::PrincipalGone => super::no_such_entity(kind, &entity.name),
            AttachPolicyRefusal::PolicyGone => policy_not_found(&arn),
            AttachPolicyRefusal::Limit => {
                let quota = match kind {
                    EntityKind::User => "PoliciesPerUser",
                    EntityKind::Group => "PoliciesPerGroup",
                    EntityKind::Role => "PoliciesPerRole",
                };
                quota_exceeded(quota, limit)
            }
        })
    }

    async fn detach(&self, kind: EntityKind, entity: Entity, arn: String) -> Result<()> {
        check_policy_arn(&arn)?;
        let detach = DetachManagedPolicy { owner: entity.unique_id, arn: arn.clone() };
        let was_there =
            self.access.meta.write(detach).await.or_refused(|_| super::no_such_entity(kind, &entity.name))?;
        if was_there {
            Ok(())
        } else {
            Err(Error::aws(AwsCode::NoSuchEntity, format!("Policy {arn} was not found.")))
        }
    }

    async fn list_attached(
        &self,
        entity: Entity,
        prefix: Option<String>,
        marker: Option<&str>,
        max: Option<i64>,
    ) -> Result<Page<AttachedPolicy>> {
        let prefix = prefix.unwrap_or_else(|| "/".to_owned());
        let page = self.page_of(format!("policies of {} {prefix}", entity.unique_id), marker, max)?;
        let there =
            self.access.meta.read(ListAttachedPolicies { owner: entity.unique_id }).await.or_store_error()?;
        let has_prefix = |arn: &String| {
            arn.split_once(":policy").is_some_and(|(_, path_and_name)| path_and_name.starts_with(&prefix))
        };
        let mut arns: Vec<String> =
            there.into_iter().filter(has_prefix).filter(|arn| *arn > page.after).collect();
        let marker = self.cut(&page, &mut arns, String::clone)?;
        let items = arns.into_iter().map(|arn| AttachedPolicy { arn }).collect();
        Ok(Page { name: "AttachedPolicies", items, marker })
    }
}

macro_rules! attachments {
    ($($kind:ident $name:ident: $attach:ident $attach_op:ident $attach_request:ident,
        $detach:ident $detach_op:ident $detach_request:ident, $list:ident $list_op:ident $list_request:ident;)*) => {
        impl Identity {$(
            /// Attaches a managed policy; twice is success.
            pub async fn $attach(&self, ctx: &Ctx, input: aws::iam::$attach_request) -> Result<()> {
                let keys = policy::Context::new().with("iam:PolicyARN", input.policy_arn.as_str());
                let named = (EntityKind::$kind, input.$name.as_str());
                let entity = self.own_entity_for(ctx, Op::Iam(IamOp::$attach_op), named, keys).await?;
                self.attach(ctx, EntityKind::$kind, entity, input.policy_arn).await
            }

            /// Detaches a managed policy.
            pub async fn $detach(&self, ctx: &Ctx, input: aws::iam::$detach_request) -> Result<()> {
                let keys = policy::Context::new().with("iam:PolicyARN", input.policy_arn.as_str());
                let named = (EntityKind::$kind, input.$name.as_str());
                let entity = self.own_entity_for(ctx, Op::Iam(IamOp::$detach_op), named, keys).await?;
                self.detach(EntityKind::$kind, entity, input.policy_arn).await
            }

            /// Lists attached managed policies by ARN.
            pub async fn $list(&self, ctx: &Ctx, input: aws::iam::$list_request) -> Result<Page<AttachedPolicy>> {
                let named = (EntityKind::$kind, input.$name.as_str());
                let entity = self.entity_for(ctx, Op::Iam(IamOp::$list_op), named, policy::Context::new()).await?;
                self.list_attached(entity, input.path_prefix, input.marker.as_deref(), input.max_items).await
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
