//! GetTagKeys and GetTagValues.

use access::context::Ctx;
use access::error::Result;
use access::op::tagging;
use access::permit::Opens;
use access::store::ListTagTexts;
use aws::ids::Region;
use aws::tagging::{GetTagKeysInput, GetTagKeysOutput, GetTagValuesInput, GetTagValuesOutput};

use super::Permits;
use crate::Identity;

const PAGE: usize = 500;

impl Identity {
    /// Lists the keys of all tags of the account in a Region.
    pub async fn get_tag_keys(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: GetTagKeysInput,
    ) -> Result<GetTagKeysOutput> {
        let permits = self.may_list::<tagging::GetTagKeys>(ctx, region).await?;
        let (tag_keys, pagination_token) = self.texts(&permits, region, None, input.pagination_token).await?;
        Ok(GetTagKeysOutput { pagination_token, tag_keys })
    }

    /// Lists the values of a key.
    pub async fn get_tag_values(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: GetTagValuesInput,
    ) -> Result<GetTagValuesOutput> {
        let permits = self.may_list::<tagging::GetTagValues>(ctx, region).await?;
        let (key, token) = (Some(input.key), input.pagination_token);
        let (tag_values, pagination_token) = self.texts(&permits, region, key, token).await?;
        Ok(GetTagValuesOutput { pagination_token, tag_values })
    }

    async fn texts<E>(
        &self,
        permits: &Permits<E>,
        region: &Region,
        key: Option<String>,
        token: Option<String>,
    ) -> Result<(Vec<String>, String)>
    where
        E: access::op::Effect<On = access::permit::OnAccount> + Opens<ListTagTexts>,
    {
        let list = format!("tag texts of {region} {key:?}");
        let token = token.filter(|token| !token.is_empty());
        let after = token.map(|token| self.access.open_page_token(&list, &token)).transpose()?;
        let with_iam = self.has_iam(region);
        let read = |account_id, with_iam| ListTagTexts {
            account_id,
            region: region.clone(),
            key: key.clone(),
            with_iam,
            after: after.clone(),
            limit: PAGE + 1,
        };
        let mut found = permits.of_iam.read(|account| read(account, with_iam)).await?;
        if let Some(permit) = &permits.of_repositories {
            found.extend(permit.read(|account| read(account, false)).await?);
            found.sort_unstable();
            found.dedup();
        }
        let has_more = found.len() > PAGE;
        found.truncate(PAGE);
        let last = found.last().filter(|_| has_more);
        let next = last.map(|last| self.access.page_token(&list, last)).transpose()?;
        Ok((found, next.unwrap_or_default()))
    }
}
