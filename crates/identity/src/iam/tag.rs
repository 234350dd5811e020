//! Tags of users, roles, managed policies, instance profiles and identity providers.

use access::context::Ctx;
use access::error::{AwsCode, Error, Result};
use access::op::iam;
use access::permit::{Grant, OnResource, Opens, Permit, PermittedKey, ResourceKey};
use access::quota;
use access::store::{
    EntityKind, PutIamTags, PutIamTagsRefusal, RefusedExt as _, RemoveIamTags, StoreResultExt as _,
};
use aws::iam::ListTagsResponse;

use super::{request_tags, shown_tags, stored_tags};
use crate::Identity;

/// The condition key of the tags that a request removes.
pub(super) fn tag_keys(keys: &[String]) -> policy::Context {
    policy::Context::new().with_set("aws:TagKeys", keys.iter().map(String::as_str))
}

pub(super) async fn set_tags<E>(permit: &Permit<E>, tags: Vec<(String, String)>) -> Result<()>
where
    E: Grant<On = OnResource> + Opens<PutIamTags<PermittedKey>>,
{
    let put = |key: ResourceKey| PutIamTags { owner: key.id, tags, limit: quota::TAGS.limit() };
    permit.write(put).await.or_refused(|refusal| match refusal {
        PutIamTagsRefusal::TooMany => quota::TAGS.exceeded(),
        // It existed when the decision was made.
        PutIamTagsRefusal::Gone => {
            Error::aws(AwsCode::NoSuchEntity, "The resource was deleted while it was tagged.")
        }
    })
}

pub(super) async fn remove_tags<E>(permit: &Permit<E>, keys: Vec<String>) -> Result<()>
where
    E: Grant<On = OnResource> + Opens<RemoveIamTags<PermittedKey>>,
{
    permit.write(|key| RemoveIamTags { owner: key.id, keys }).await.or_store_error()
}

impl Identity {
    pub(super) fn page_of_tags(
        &self,
        owner: &str,
        mut tags: Vec<(String, String)>,
        (marker, max): (Option<&str>, Option<u32>),
    ) -> Result<ListTagsResponse> {
        let page = self.page_of(format!("tags of {owner}"), marker, max)?;
        tags.retain(|(key, _)| key.to_lowercase() > page.after);
        let marker = self.cut(&page, &mut tags, |(key, _)| key.to_lowercase())?;
        Ok(ListTagsResponse { tags: shown_tags(tags), is_truncated: marker.is_some(), marker })
    }
}

macro_rules! entity_tags {
    ($($kind:ident $name:ident: $tag:ident $tag_op:ident $tag_request:ident,
        $untag:ident $untag_op:ident $untag_request:ident, $list:ident $list_op:ident $list_request:ident;)*) => {
        impl Identity {$(
            /// Sets tags.
            pub async fn $tag(&self, ctx: &Ctx, input: aws::iam::$tag_request) -> Result<()> {
                let tags = stored_tags(input.tags);
                let keys = request_tags(&tags)?;
                let named = (EntityKind::$kind, input.$name.as_str());
                let entity = self.own_entity_for::<iam::$tag_op>(ctx, named, keys).await?;
                set_tags(&entity.permit, tags).await
            }

            /// Removes tags.
            pub async fn $untag(&self, ctx: &Ctx, input: aws::iam::$untag_request) -> Result<()> {
                let named = (EntityKind::$kind, input.$name.as_str());
                let keys = tag_keys(&input.tag_keys);
                let entity = self.own_entity_for::<iam::$untag_op>(ctx, named, keys).await?;
                remove_tags(&entity.permit, input.tag_keys).await
            }

            /// Lists tags by key.
            pub async fn $list(&self, ctx: &Ctx, input: aws::iam::$list_request) -> Result<ListTagsResponse> {
                let named = (EntityKind::$kind, input.$name.as_str());
                let entity = self.entity_for::<iam::$list_op>(ctx, named, policy::Context::new()).await?;
                let page = (input.marker.as_deref(), input.max_items);
                self.page_of_tags(&entity.on.unique_id, entity.tags, page)
            }
        )*}
    };
}

entity_tags! {
    User user_name: tag_user TagUser TagUserRequest, untag_user UntagUser UntagUserRequest,
        list_user_tags ListUserTags ListUserTagsRequest;
    Role role_name: tag_role TagRole TagRoleRequest, untag_role UntagRole UntagRoleRequest,
        list_role_tags ListRoleTags ListRoleTagsRequest;
}
