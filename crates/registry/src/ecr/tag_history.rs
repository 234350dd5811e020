//! WharfListTagHistory, an operation of Wharf's own.

use access::context::Ctx;
use access::error::{Error, Result};
use access::store::Target;
use aws::ecr::{WharfListTagHistoryRequest, WharfListTagHistoryResponse, WharfTagMove};
use aws::ids::Region;

use super::{epoch_seconds, page_limit, repository_of};
use crate::Registry;
use crate::image::tag_history;

impl Registry {
    /// What the tags of a repository named before, the newest move first.
    pub async fn wharf_list_tag_history(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: WharfListTagHistoryRequest,
    ) -> Result<WharfListTagHistoryResponse> {
        let repository = repository_of(ctx, region, input.registry_id.as_deref(), &input.repository_name)?;
        let permit = self.access.gate(ctx, &repository, Target::None).await?.permit()?;
        let invalid =
            |_| Error::invalid_parameter("imageTag", "must satisfy regular expression '[a-zA-Z0-9-_.]+'");
        let tag = input.image_tag.map(|tag| tag.parse()).transpose().map_err(invalid)?;
        let key = permit.repository();
        let list = format!("tag history {} {} {tag:?}", key.registry.0, key.id);
        let before =
            input.next_token.map(|token| self.access.open_page_token::<i64>(&list, &token)).transpose()?;
        let limit = page_limit(input.max_results, 100);
        let mut moves = tag_history::moves(&permit, tag, before, limit).await?;
        let has_more = moves.len() > limit;
        moves.truncate(limit);
        let last = moves.last().filter(|_| has_more).map(|last| last.id);
        let next_token = last.map(|last| self.access.page_token(&list, last)).transpose()?;
        let moves = moves.into_iter().map(|moved| WharfTagMove {
            image_tag: moved.tag.to_string(),
            image_digest: moved.digest.to_string(),
            previous_image_digest: moved.previous.map(|digest| digest.to_string()),
            moved_by: moved.moved_by,
            moved_at: epoch_seconds(moved.moved_at),
        });
        Ok(WharfListTagHistoryResponse {
            registry_id: repository.account_id.to_string(),
            repository_name: repository.name.to_string(),
            tag_moves: moves.collect(),
            next_token,
        })
    }
}
