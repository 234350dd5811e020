//! The tag list of the data plane, in lexical order.

use access::context::{Ctx, RepositoryRef};
use access::error::Result;
use access::op::ecr;
use access::store::{ListTags, Target};

use crate::Registry;
use crate::page::{NamePage, after, page_size};

impl Registry {
    /// Tags after `last`, at most `n` (distribution specification, "Listing tags").
    pub async fn list_tags(
        &self,
        ctx: &Ctx,
        repository: &RepositoryRef,
        n: Option<usize>,
        last: Option<&str>,
    ) -> Result<NamePage> {
        let gate = self.access.gate(ctx, repository, Target::None).await?;
        let permit = gate.permit::<ecr::ListImages>()?;
        let limit = page_size(n);
        let list = |repository| ListTags { repository, after: after(last), limit: limit + 1 };
        let tags = permit.read(list).await?;
        Ok(NamePage::cut(tags.iter().map(ToString::to_string).collect(), limit))
    }
}
