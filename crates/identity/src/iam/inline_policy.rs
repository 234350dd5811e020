//! Inline policies. Users, groups and roles have the same operations.

use access::context::Ctx;
use access::error::{AwsCode, Error, Result};
use access::op::iam;
use access::permit::{Grant, OnResource, Opens, Permit, PermittedKey, ResourceKey};
use access::store::{
    DeleteInlinePolicy, Entity, EntityKind, ListInlinePolicies, PutInlinePolicy, PutInlinePolicyRefusal,
    PutInlinePolicyWithin, RefusedExt as _,
};
use aws::iam::ListInlinePoliciesResponse;

use super::no_such_entity;
use crate::Identity;

/// The quota of characters for all inline policies of an entity together, without white space.
fn size_limit(kind: EntityKind) -> usize {
    match kind {
        EntityKind::User => 2_048,
        EntityKind::Group => 5_120,
        EntityKind::Role => 10_240,
    }
}

/// Checks a document against the grammar of identity policies.
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

async fn put_inline<E>(
    permit: &Permit<E>,
    kind: EntityKind,
    entity: Entity,
    (name, document): (String, String),
) -> Result<()>
where
    E: Grant<On = OnResource> + Opens<PutInlinePolicyWithin<PermittedKey>>,
{
    check_document(&document)?;
    let limit = size_limit(kind);
    let put = |key: ResourceKey| {
        let put = PutInlinePolicy { owner: key.id, name, document };
        PutInlinePolicyWithin { put, limit }
    };
    permit.write(put).await.or_refused(|refusal| match refusal {
        PutInlinePolicyRefusal::PrincipalGone => no_such_entity(kind, &entity.name),
        PutInlinePolicyRefusal::Limit => {
            let (kind, name) = (kind.as_str(), &entity.name);
            let message = format!("Maximum policy size of {limit} bytes exceeded for {kind} {name}");
            Error::aws(AwsCode::IamLimitExceeded, message)
        }
    })
}

/// The document of an inline policy.
async fn get_inline<E: Opens<ListInlinePolicies>>(
    permit: &Permit<E>,
    kind: EntityKind,
    entity: &Entity,
    name: &str,
) -> Result<String> {
    let policies = permit.read(|_| ListInlinePolicies { owner: entity.unique_id.clone() }).await?;
    let found = policies.into_iter().find(|(known, _)| known == name);
    found.map(|(_, document)| document).ok_or_else(|| not_found(kind, name))
}

async fn delete_inline<E>(permit: &Permit<E>, kind: EntityKind, entity: Entity, name: String) -> Result<()>
where
    E: Grant<On = OnResource> + Opens<DeleteInlinePolicy<PermittedKey>>,
{
    let delete = |key: ResourceKey| DeleteInlinePolicy { owner: key.id, name: name.clone() };
    let existed = permit.write(delete).await.or_refused(|_| no_such_entity(kind, &entity.name))?;
    if existed { Ok(()) } else { Err(not_found(kind, &name)) }
}

impl Identity {
    async fn list_inline<E: Opens<ListInlinePolicies>>(
        &self,
        permit: &Permit<E>,
        entity: Entity,
        (marker, max): (Option<&str>, Option<u32>),
    ) -> Result<ListInlinePoliciesResponse> {
        let page = self.page_of(format!("inline policies of {}", entity.unique_id), marker, max)?;
        let policies = permit.read(|_| ListInlinePolicies { owner: entity.unique_id }).await?;
        let mut names: Vec<String> =
            policies.into_iter().map(|(name, _)| name).filter(|name| *name > page.after).collect();
        let marker = self.cut(&page, &mut names, String::clone)?;
        Ok(ListInlinePoliciesResponse { policy_names: names, is_truncated: marker.is_some(), marker })
    }
}

macro_rules! inline_policies {
    ($($kind:ident $name:ident:
        $put:ident $put_op:ident $put_request:ident, $get:ident $get_op:ident $get_request:ident $get_response:ident,
        $delete:ident $delete_op:ident $delete_request:ident, $list:ident $list_op:ident $list_request:ident;)*) => {
        impl Identity {$(
            /// Writes an inline policy, and replaces one with the same name.
            pub async fn $put(&self, ctx: &Ctx, input: aws::iam::$put_request) -> Result<()> {
                let named = (EntityKind::$kind, input.$name.as_str());
                let entity = self.own_entity_for::<iam::$put_op>(ctx, named, policy::Context::new()).await?;
                let policy = (input.policy_name, input.policy_document);
                put_inline(&entity.permit, EntityKind::$kind, entity.on, policy).await
            }

            /// Shows an inline policy.
            pub async fn $get(&self, ctx: &Ctx, input: aws::iam::$get_request) -> Result<aws::iam::$get_response> {
                let named = (EntityKind::$kind, input.$name.as_str());
                let entity = self.entity_for::<iam::$get_op>(ctx, named, policy::Context::new()).await?;
                let policy_name = input.policy_name;
                let policy_document = get_inline(&entity.permit, EntityKind::$kind, &entity.on, &policy_name).await?;
                Ok(aws::iam::$get_response { $name: entity.on.name, policy_name, policy_document })
            }

            /// Deletes an inline policy.
            pub async fn $delete(&self, ctx: &Ctx, input: aws::iam::$delete_request) -> Result<()> {
                let named = (EntityKind::$kind, input.$name.as_str());
                let entity = self.own_entity_for::<iam::$delete_op>(ctx, named, policy::Context::new()).await?;
                delete_inline(&entity.permit, EntityKind::$kind, entity.on, input.policy_name).await
            }

            /// Lists inline policies by name.
            pub async fn $list(&self, ctx: &Ctx, input: aws::iam::$list_request) -> Result<ListInlinePoliciesResponse> {
                let named = (EntityKind::$kind, input.$name.as_str());
                let entity = self.entity_for::<iam::$list_op>(ctx, named, policy::Context::new()).await?;
                let page = (input.marker.as_deref(), input.max_items);
                self.list_inline(&entity.permit, entity.on, page).await
            }
        )*}
    };
}

inline_policies! {
    User user_name:
        put_user_policy PutUserPolicy PutUserPolicyRequest, get_user_policy GetUserPolicy GetUserPolicyRequest GetUserPolicyResponse,
        delete_user_policy DeleteUserPolicy DeleteUserPolicyRequest,
        list_user_policies ListUserPolicies ListUserPoliciesRequest;
    Group group_name:
        put_group_policy PutGroupPolicy PutGroupPolicyRequest, get_group_policy GetGroupPolicy GetGroupPolicyRequest GetGroupPolicyResponse,
        delete_group_policy DeleteGroupPolicy DeleteGroupPolicyRequest,
        list_group_policies ListGroupPolicies ListGroupPoliciesRequest;
    Role role_name:
        put_role_policy PutRolePolicy PutRolePolicyRequest, get_role_policy GetRolePolicy GetRolePolicyRequest GetRolePolicyResponse,
        delete_role_policy DeleteRolePolicy DeleteRolePolicyRequest,
        list_role_policies ListRolePolicies ListRolePoliciesRequest;
}
