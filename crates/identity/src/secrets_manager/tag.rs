//! Tags of secrets.

use access::context::Ctx;
use access::error::Result;
use access::op::secrets_manager;
use access::permit::ResourceKey;
use access::quota;
use access::store::{PutIamTags, PutIamTagsRefusal, RefusedExt as _, RemoveIamTags, StoreResultExt as _};
use aws::ids::Region;
use aws::secrets_manager::{TagResourceRequest, UntagResourceRequest};

use super::{check_tags, no_secret, request_tags};
use crate::Identity;

impl Identity {
    /// Sets tags of a secret.
    pub async fn tag_secret(&self, ctx: &Ctx, region: &Region, input: TagResourceRequest) -> Result<()> {
        let (tags, keys) = request_tags(input.tags);
        let of = (region, input.secret_id.as_str());
        let (permit, _) = self.permitted_live_secret::<secrets_manager::TagResource>(ctx, of, keys).await?;
        check_tags(&tags)?;
        let limit = quota::TAGS_PER_SECRET.limit();
        let put = |key: ResourceKey| PutIamTags { owner: key.id, tags, limit };
        permit.write(put).await.or_refused(|refusal| match refusal {
            PutIamTagsRefusal::TooMany => quota::TAGS_PER_SECRET.exceeded(),
            PutIamTagsRefusal::Gone => no_secret(),
        })
    }

    /// Removes tags of a secret.
    pub async fn untag_secret(&self, ctx: &Ctx, region: &Region, input: UntagResourceRequest) -> Result<()> {
        let keys = policy::Context::new().with_set("aws:TagKeys", input.tag_keys.iter().map(String::as_str));
        let of = (region, input.secret_id.as_str());
        let (permit, _) = self.permitted_live_secret::<secrets_manager::UntagResource>(ctx, of, keys).await?;
        let remove = |key: ResourceKey| RemoveIamTags { owner: key.id, keys: input.tag_keys };
        permit.write(remove).await.or_store_error()
    }
}
