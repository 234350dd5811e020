//! Listing the repositories of one registry.

use access::context::Ctx;
use access::error::Result;
use access::op::ecr;
use access::permit::Permit;
use access::store::{DescribeRepositories, RepositoryRow};
use aws::ids::{AccountId, Region};

use crate::Registry;
use crate::page::{NamePage, after, page_size};

/// At most `limit` repositories after a name, and whether more follow.
pub(crate) async fn page(
    permit: &Permit<ecr::ListRepositories>,
    after: Option<String>,
    limit: usize,
) -> Result<(Vec<RepositoryRow>, bool)> {
    let Some(registry) = permit.registry() else { return Ok((Vec::new(), false)) };
    let list = |_account| DescribeRepositories { registry: registry.key, after, limit: limit + 1 };
    let mut rows = permit.read(list).await?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    Ok((rows, more))
}

impl Registry {
    /// Repository names after `last`, at most `n`: the catalog of the data plane.
    pub async fn catalog(
        &self,
        ctx: &Ctx,
        account: &AccountId,
        region: &Region,
        n: Option<usize>,
        last: Option<&str>,
    ) -> Result<NamePage> {
        let permit = self.access.registry_gate(ctx, account, region).await?.permit()?;
        let (rows, more) = page(&permit, after(last), page_size(n)).await?;
        Ok(NamePage { names: rows.into_iter().map(|row| row.name).collect(), more })
    }
}
