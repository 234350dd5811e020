//! TagResources and UntagResources: the permission, and the tags of IAM's resources by their ARNs.

use std::collections::BTreeMap;

use access::authz::{Found, Gate, HasArn, of_request_tags};
use access::context::Ctx;
use access::error::{AwsCode, Error, Result};
use access::op::{IamOp, Op, tagging};
use access::store::{EntityKind, TaggedKind};
use aws::arn::Arn;
use aws::iam::{
    Tag, TagInstanceProfileRequest, TagOpenIDConnectProviderRequest, TagPolicyRequest, TagRoleRequest,
    TagUserRequest, UntagInstanceProfileRequest, UntagOpenIDConnectProviderRequest, UntagPolicyRequest,
    UntagRoleRequest, UntagUserRequest,
};
use futures::future::BoxFuture;

use super::{invalid, named_by};
use crate::Identity;

/// What changes in the tags of resources.
#[derive(Clone, Debug)]
pub enum TagChange {
    /// Tags that are set.
    Set(BTreeMap<String, String>),
    /// Keys that are removed.
    Remove(Vec<String>),
}

/// Decides on the ARN of the request if it is not that of the resource with this name: there is no such resource.
fn same_arn<T: HasArn>(gate: &Gate, op: IamOp, arn: &str, found: Option<&Found<T>>) -> Result<()> {
    if found.is_some_and(|found| found.arn(&gate.caller().account_id) == arn) {
        return Ok(());
    }
    gate.allow_on(Op::Iam(op), arn, policy::Context::new())?;
    Err(Error::aws(AwsCode::NoSuchEntity, format!("The resource {arn} cannot be found.")))
}

impl Identity {
    /// Whether the caller may use TagResources or UntagResources at all. Each resource is decided on too.
    pub fn may_change_tags<'a>(&'a self, ctx: &'a Ctx, change: &'a TagChange) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            match change {
                TagChange::Set(tags) => {
                    let pairs = tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
                    let keys = of_request_tags(pairs);
                    self.may_tag::<tagging::TagResources>(ctx, keys).await.map(|_| ())
                }
                TagChange::Remove(keys) => {
                    let keys =
                        policy::Context::new().with_set("aws:TagKeys", keys.iter().map(String::as_str));
                    self.may_tag::<tagging::UntagResources>(ctx, keys).await.map(|_| ())
                }
            }
        })
    }

    /// Changes the tags of a resource of IAM, with its own permission.
    pub fn change_tags<'a>(
        &'a self,
        ctx: &'a Ctx,
        arn: &'a Arn,
        change: TagChange,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.change_tags_of(ctx, arn, change))
    }

    async fn change_tags_of(&self, ctx: &Ctx, arn: &Arn, change: TagChange) -> Result<()> {
        let text = arn.to_string();
        let Some((kind, name)) = named_by(arn) else {
            return Err(invalid(format!("{text} names no resource that can have tags.")));
        };
        self.check_name(ctx, kind, name, (&text, &change)).await?;
        let name = name.to_owned();
        match change {
            TagChange::Set(tags) => {
                let tags = tags.into_iter().map(|(key, value)| Tag { key, value }).collect();
                self.set_tags_of(ctx, kind, (name, text), tags).await
            }
            TagChange::Remove(tag_keys) => self.remove_tags_of(ctx, kind, (name, text), tag_keys).await,
        }
    }

    /// An ARN has a path, which the operations of IAM do not take.
    async fn check_name(
        &self,
        ctx: &Ctx,
        kind: TaggedKind,
        name: &str,
        (arn, change): (&str, &TagChange),
    ) -> Result<()> {
        let gate = self.access.account_gate(ctx).await?;
        let op = |set, remove| if matches!(change, TagChange::Set(_)) { set } else { remove };
        match kind {
            TaggedKind::User => {
                let found = gate.find_entity(EntityKind::User, name).await?;
                same_arn(&gate, op(IamOp::TagUser, IamOp::UntagUser), arn, found.as_ref())
            }
            TaggedKind::Role => {
                let found = gate.find_entity(EntityKind::Role, name).await?;
                same_arn(&gate, op(IamOp::TagRole, IamOp::UntagRole), arn, found.as_ref())
            }
            TaggedKind::InstanceProfile => {
                let found = gate.find_instance_profile(name).await?;
                let op = op(IamOp::TagInstanceProfile, IamOp::UntagInstanceProfile);
                same_arn(&gate, op, arn, found.as_ref())
            }
            TaggedKind::Repository | TaggedKind::Policy | TaggedKind::OidcProvider => Ok(()),
        }
    }

    async fn set_tags_of(
        &self,
        ctx: &Ctx,
        kind: TaggedKind,
        (name, arn): (String, String),
        tags: Vec<Tag>,
    ) -> Result<()> {
        match kind {
            TaggedKind::User => self.tag_user(ctx, TagUserRequest { user_name: name, tags }).await,
            TaggedKind::Role => self.tag_role(ctx, TagRoleRequest { role_name: name, tags }).await,
            TaggedKind::Policy => self.tag_policy(ctx, TagPolicyRequest { policy_arn: arn, tags }).await,
            TaggedKind::InstanceProfile => {
                let input = TagInstanceProfileRequest { instance_profile_name: name, tags };
                self.tag_instance_profile(ctx, input).await
            }
            TaggedKind::OidcProvider => {
                let input = TagOpenIDConnectProviderRequest { open_id_connect_provider_arn: arn, tags };
                self.tag_open_id_connect_provider(ctx, input).await
            }
            TaggedKind::Repository => Err(invalid("A repository is not a resource of IAM.")),
        }
    }

    async fn remove_tags_of(
        &self,
        ctx: &Ctx,
        kind: TaggedKind,
        (name, arn): (String, String),
        tag_keys: Vec<String>,
    ) -> Result<()> {
        match kind {
            TaggedKind::User => self.untag_user(ctx, UntagUserRequest { user_name: name, tag_keys }).await,
            TaggedKind::Role => self.untag_role(ctx, UntagRoleRequest { role_name: name, tag_keys }).await,
            TaggedKind::Policy => {
                self.untag_policy(ctx, UntagPolicyRequest { policy_arn: arn, tag_keys }).await
            }
            TaggedKind::InstanceProfile => {
                let input = UntagInstanceProfileRequest { instance_profile_name: name, tag_keys };
                self.untag_instance_profile(ctx, input).await
            }
            TaggedKind::OidcProvider => {
                let input = UntagOpenIDConnectProviderRequest { open_id_connect_provider_arn: arn, tag_keys };
                self.untag_open_id_connect_provider(ctx, input).await
            }
            TaggedKind::Repository => Err(invalid("A repository is not a resource of IAM.")),
        }
    }
}
