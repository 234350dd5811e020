//! The catalog of the data plane: the repositories of one registry.

use access::op::ecr;
use aws::ids::{AccountId, Region};
use meta::DescribeRepositories;

use crate::Registry;
use crate::tag::{NamePage, after, page_size};
use access::context::Ctx;
use access::error::Result;
use access::op::Effect;
use access::store::StoreResultExt as _;

impl Registry {
    /// Repository names after `last`, at most `n`.
    pub async fn catalog(
        &self,
        ctx: &Ctx,
        account: &AccountId,
        region: &Region,
        n: Option<usize>,
        last: Option<&str>,
    ) -> Result<NamePage> {
        let gate = self.access.registry_gate(ctx, account, region).await?;
        gate.allow(ecr::ListRepositories::OP)?;
        let Some(registry) = &gate.resolved().registry else {
            return Ok(NamePage { names: Vec::new(), more: false });
        };
        let limit = page_size(n);
        let list = DescribeRepositories { registry: registry.key, after: after(last), limit: limit + 1 };
        let rows = self.access.meta.read(list).await.or_store_error()?;
        Ok(NamePage::cut(rows.into_iter().map(|row| row.name).collect(), limit))
    }
}
