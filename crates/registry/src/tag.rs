//! The tag list of the data plane, in lexical order.

use access::op::ecr;
use meta::ListTags;
use meta::Target;

use crate::Registry;
use access::context::{Ctx, RepositoryRef};
use access::error::Result;
use access::store::StoreResultExt as _;

/// Most names in one answer; a client that asks for more gets this many and a link.
pub const MAX_PAGE: usize = 1_000;

/// One page of names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePage {
    /// The names, in byte order.
    pub names: Vec<String>,
    /// Whether more follow.
    pub more: bool,
}

impl NamePage {
    /// Keeps `limit` names of a list that was read with one more than that.
    pub(crate) fn cut(mut names: Vec<String>, limit: usize) -> Self {
        let more = names.len() > limit;
        names.truncate(limit);
        Self { names, more }
    }
}

/// The number of names to read for a page of `n`: at most [`MAX_PAGE`].
/// A name to begin after. No name holds a NUL, which PostgreSQL's text cannot hold either: the part before it sorts
/// alike.
pub(crate) fn after(last: Option<&str>) -> Option<String> {
    last.map(|last| last.split('\0').next().unwrap_or_default().to_owned())
}

pub(crate) fn page_size(n: Option<usize>) -> usize {
    n.unwrap_or(MAX_PAGE).min(MAX_PAGE)
}

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
        let list = ListTags { repository: permit.repository(), after: after(last), limit: limit + 1 };
        let tags = self.access.meta.read(list).await.or_store_error()?;
        Ok(NamePage::cut(tags.iter().map(ToString::to_string).collect(), limit))
    }
}
