//! Tags of rules.

use access::authz::{EventKind, Gate};
use access::context::Ctx;
use access::error::Result;
use access::op::{Effect, event_bridge};
use access::permit::{Of, OnAccount, Permit, ResourceKey};
use access::quota;
use access::store::{
    ListIamTags, PutIamTags, PutIamTagsRefusal, RefusedExt as _, RemoveIamTags, StoreResultExt as _,
};
use aws::event_bridge::{
    ListTagsForResourceRequest, ListTagsForResourceResponse, Tag, TagResourceRequest, TagResourceResponse,
    UntagResourceRequest, UntagResourceResponse,
};
use aws::ids::Region;

use super::rule::existing;
use super::{no_rule, not_found, request_tags};
use crate::Events;

/// The permit for the rule with an ARN, and its name. Another ARN is decided on too, before it is not found.
async fn tagged<E: Effect<On = OnAccount>>(
    gate: &Gate,
    arn: &str,
    keys: policy::Context,
) -> Result<(Permit<Of<E>>, String)> {
    if let Some(name) = arn.strip_prefix(&gate.event_arn(EventKind::Rule, "")) {
        let permit = gate.permit_event((EventKind::Rule, name), keys).await?;
        return Ok((permit, name.to_owned()));
    }
    gate.allow_on(E::OP, arn, keys)?;
    Err(not_found(format!("{arn} is not a rule of this account and Region.")))
}

impl Events {
    /// Sets tags of a rule.
    pub async fn tag_rule(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: TagResourceRequest,
    ) -> Result<TagResourceResponse> {
        let gate = self.gate(ctx, region).await?;
        let (tags, keys) = request_tags(input.tags)?;
        let (permit, name) = tagged::<event_bridge::TagResource>(&gate, &input.resource_arn, keys).await?;
        let put = |key: ResourceKey| PutIamTags { owner: key.id, tags, limit: quota::TAGS_PER_RULE.limit() };
        permit.write(put).await.or_refused(|refusal| match refusal {
            PutIamTagsRefusal::TooMany => quota::TAGS_PER_RULE.exceeded(),
            PutIamTagsRefusal::Gone => no_rule(&name),
        })?;
        Ok(TagResourceResponse {})
    }

    /// Removes tags of a rule.
    pub async fn untag_rule(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: UntagResourceRequest,
    ) -> Result<UntagResourceResponse> {
        let gate = self.gate(ctx, region).await?;
        let keys = policy::Context::new().with_set("aws:TagKeys", input.tag_keys.iter().map(String::as_str));
        let (permit, name) = tagged::<event_bridge::UntagResource>(&gate, &input.resource_arn, keys).await?;
        existing(&permit, &name).await?;
        let remove = |key: ResourceKey| RemoveIamTags { owner: key.id, keys: input.tag_keys };
        permit.write(remove).await.or_store_error()?;
        Ok(UntagResourceResponse {})
    }

    /// Lists the tags of a rule by key.
    pub async fn list_tags_for_rule(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: ListTagsForResourceRequest,
    ) -> Result<ListTagsForResourceResponse> {
        let gate = self.gate(ctx, region).await?;
        let keys = policy::Context::new();
        let (permit, name) =
            tagged::<event_bridge::ListTagsForResource>(&gate, &input.resource_arn, keys).await?;
        existing(&permit, &name).await?;
        let tags = permit.read(|key| ListIamTags { owner: key.arn.as_ref().to_owned() }).await?;
        let tags = tags.into_iter().map(|(key, value)| Tag { key, value }).collect();
        Ok(ListTagsForResourceResponse { tags })
    }
}
