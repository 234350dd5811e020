//! Inline policies: the same operations for users, groups and roles.

use access::op::IamOp;
use aws::iam::InlineDocument;
use aws::query::Page;
use meta::{
    DeleteInlinePolicy, Entity, EntityKind, ListInlinePolicies, PutInlinePolicy, PutInlinePolicyRefusal,
    PutInlinePolicyWithin,
};

use crate::Identity;
use access::context::Ctx;
use access::error::{AwsCode, Error, Result};
use access::op::Op;
use access::store::{RefusedExt as _, StoreResultExt as _};

/// How many characters all inline policies of an entity may have together, white space not counted.
fn size_limit(kind: EntityKind) -> usize {
    match kind {
        EntityKind::User => 2_048,
        EntityKind::Group => 5_120,
        EntityKind::Role => 10_240,
    }
}

/// Holds a document against the grammar of identity policies.
pub(super) fn check_document(document: &str) -> Result<()> {
    let checked = policy::Policy::parse(document).and_then(|policy| policy.check(policy::Use::Identity));
    checked.map_err(|error| {
        let message = match &error {
            policy::PolicyError::ProhibitedElement("Principal" | "NotPrincipal") => {
                "Policy document should not specify a principal.".to_owned()
            }
            _ => error.iam_message(),
        };
        Error::aws(AwsCode::MalformedPolicyDocument, message)
    })
}

fn not_found(kind: EntityKind, name: &str) -> Error {
    let message = format!("The {} policy with name {name} cannot be found.", kind.as_str());
    Error::aws(AwsCode::NoSuchEntity, message)
}

impl Identity {
    async fn put_inline(
        &self,
        kind: EntityKind,
        entity: Entity,
        name: String,
        document: String,
    ) -> Result<()> {
        check_document(&document)?;
        let limit = size_limit(kind);
        let put = PutInlinePolicy { owner: entity.unique_id, name, document };
        self.access.meta.write(PutInlinePolicyWithin { put, limit }).await.or_refused(|refusal| match refusal
        {
            PutInlinePolicyRefusal::PrincipalGone => super::no_such_entity(kind, &entity.name),
            PutInlinePolicyRefusal::Limit => {
                let (kind, name) = (kind.as_str(), &entity.name);
                let message = format!("Maximum policy size of {limit} bytes exceeded for {kind} {name}");
                Error::aws(AwsCode::IamLimitExceeded, message)
            }
        })
    }

    async fn get_inline(
        &self,
        (kind, owner_element): (EntityKind, &'static str),
        entity: Entity,
        name: &str,
    ) -> Result<InlineDocument> {
        let list = ListInlinePolicies { owner: entity.unique_id };
        let there = self.access.meta.read(list).await.or_store_error()?;
        let found = there.into_iter().find(|(known, _)| known == name);
        let (name, document) = found.ok_or_else(|| not_found(kind, name))?;
        Ok(InlineDocument { owner_element, owner: entity.name, name, document })
    }

    async fn delete_inline(&self, kind: EntityKind, entity: Entity, name: String) -> Result<()> {
        let delete = DeleteInlinePolicy { owner: entity.unique_id, name: name.clone() };
        let was_there =
            self.access.meta.write(delete).await.or_refused(|_| super::no_such_entity(kind, &entity.name))?;
        if was_there { Ok(()) } else { Err(not_found(kind, &name)) }
    }

    async fn list_inline(
        &self,
        entity: Entity,
        marker: Option<&str>,
        max: Option<i64>,
    ) -> Result<Page<String>> {
        let page = self.page_of(format!("inline policies of {}", entity.unique_id), marker, max)?;
        let there =
            self.access.meta.read(ListInlinePolicies { owner: entity.unique_id }).await.or_store_error()?;
        let mut names: Vec<String> =
            there.into_iter().map(|(name, _)| name).filter(|name| *name > page.after).collect();
        let marker = self.cut(&page, &mut names, String::clone)?;
        Ok(Page { name: "PolicyNames", items: names, marker })
    }
}

macro_rules! inline_policies {
    ($($kind:ident $element:literal $name:ident:
        $put:ident $put_op:ident $put_request:ident, $get:ident $get_op:ident $get_request:ident,
        $delete:ident $delete_op:ident $delete_request:ident, $list:ident $list_op:ident $list_request:ident;)*) => {
        impl Identity {$(
            /// Writes an inline policy, over the one of the same name.
            pub async fn $put(&self, ctx: &Ctx, input: aws::iam::$put_request) -> Result<()> {
                let named = (EntityKind::$kind, input.$name.as_str());
                let entity = self.own_entity_for(ctx, Op::Iam(IamOp::$put_op), named, policy::Context::new()).await?;
                self.put_inline(EntityKind::$kind, entity, input.policy_name, input.policy_document).await
            }

            /// Shows an inline policy.
            pub async fn $get(&self, ctx: &Ctx, input: aws::iam::$get_request) -> Result<InlineDocument> {
                let named = (EntityKind::$kind, input.$name.as_str());
                let entity = self.entity_for(ctx, Op::Iam(IamOp::$get_op), named, policy::Context::new()).await?;
                self.get_inline((EntityKind::$kind, $element), entity, &input.policy_name).await
            }

            /// Deletes an inline policy.
            pub async fn $delete(&self, ctx: &Ctx, input: aws::iam::$delete_request) -> Result<()> {
                let named = (EntityKind::$kind, input.$name.as_str());
                let entity = self.own_entity_for(ctx, Op::Iam(IamOp::$delete_op), named, policy::Context::new()).await?;
                self.delete_inline(EntityKind::$kind, entity, input.policy_name).await
            }

            /// Lists inline policies by name.
            pub async fn $list(&self, ctx: &Ctx, input: aws::iam::$list_request) -> Result<Page<String>> {
                let named = (EntityKind::$kind, input.$name.as_str());
                let entity = self.entity_for(ctx, Op::Iam(IamOp::$list_op), named, policy::Context::new()).await?;
                self.list_inline(entity, input.marker.as_deref(), input.max_items).await
            }
        )*}
    };
}

inline_policies! {
    User "UserName" user_name:
        put_user_policy PutUserPolicy PutUserPolicyRequest, get_user_policy GetUserPolicy GetUserPolicyRequest,
        delete_user_policy DeleteUserPolicy DeleteUserPolicyRequest,
        list_user_policies ListUserPolicies ListUserPoliciesRequest;
    Group "GroupName" group_name:
        put_group_policy PutGroupPolicy PutGroupPolicyRequest, get_group_policy GetGroupPolicy GetGroupPolicyRequest,
        delete_group_policy DeleteGroupPolicy DeleteGroupPolicyRequest,
        list_group_policies ListGroupPolicies ListGroupPoliciesRequest;
    Role "RoleName" role_name:
        put_role_policy PutRolePolicy PutRolePolicyRequest, get_role_policy GetRolePolicy GetRolePolicyRequest,
        delete_role_policy DeleteRolePolicy DeleteRolePolicyRequest,
        list_role_policies ListRolePolicies ListRolePoliciesRequest;
}
