//! The catalog of the data plane: the repositories of one registry.

use aws::ids::{AccountId, Region};
use meta::DescribeRepositories;

use crate::Registry;
use crate::context::Ctx;
use crate::error::Result;
use crate::op::effect::{self, Effect};
use crate::store::StoreResultExt as _;
use crate::tag::{NamePage, after, page_size};

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
        let gate = self.registry_gate(ctx, account, region).await?;
        gate.allow(effect::ListRepositories::OP)?;
        let Some(registry) = &gate.resolved().registry else {
            return Ok(NamePage { names: Vec::new(), more: false });
        };
        let limit = page_size(n);
        let list = DescribeRepositories { registry: registry.key, after: after(last), limit: limit + 1 };
        let rows = self.meta.read(list).await.or_store_error()?;
        Ok(NamePage::cut(rows.into_iter().map(|row| row.name).collect(), limit))
    }
}
