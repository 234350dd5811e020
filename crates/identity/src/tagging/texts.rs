//! GetTagKeys and GetTagValues.

use access::context::Ctx;
use access::error::Result;
use access::op::tagging;
use access::permit::{Opens, Permit};
use access::store::ListTagTexts;
use aws::ids::Region;
use aws::tagging::{GetTagKeysInput, GetTagKeysOutput, GetTagValuesInput, GetTagValuesOutput};

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
        let permit = self.may_tag::<tagging::GetTagKeys>(ctx, policy::Context::new()).await?;
        let (tag_keys, pagination_token) = self.texts(&permit, region, None, input.pagination_token).await?;
        Ok(GetTagKeysOutput { pagination_token, tag_keys })
    }

    /// Lists the values of a key.
    pub async fn get_tag_values(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: GetTagValuesInput,
    ) -> Result<GetTagValuesOutput> {
        let permit = self.may_tag::<tagging::GetTagValues>(ctx, policy::Context::new()).await?;
        let (key, token) = (Some(input.key), input.pagination_token);
        let (tag_values, pagination_token) = self.texts(&permit, region, key, token).await?;
        Ok(GetTagValuesOutput { pagination_token, tag_values })
    }

    async fn texts<E>(
        &self,
        permit: &Permit<E>,
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
        let region = region.clone();
        let read = |account_id| ListTagTexts { account_id, region, key, with_iam, after, limit: PAGE + 1 };
        let mut found = permit.read(read).await?;
        let has_more = found.len() > PAGE;
        found.truncate(PAGE);
        let last = found.last().filter(|_| has_more);
        let next = last.map(|last| self.access.page_token(&list, last)).transpose()?;
        Ok((found, next.unwrap_or_default()))
    }
}
