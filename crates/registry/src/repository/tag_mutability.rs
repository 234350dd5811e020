//! Whether the tags of a repository can be moved.

use access::error::Result;
use access::op::ecr;
use access::permit::Permit;
use access::store::{Mutability, PutImageTagMutability, RefusedExt as _, RepositoryRow};

/// Changes the setting, with the filters of tags to which it does not apply.
pub(crate) async fn put(
    permit: &Permit<ecr::PutImageTagMutability>,
    mutability: Mutability,
    filters: Vec<String>,
) -> Result<RepositoryRow> {
    let at = permit.decided_at();
    let put = permit.write(|repository| PutImageTagMutability { repository, mutability, filters, at });
    put.await.or_refused(|_gone| permit.repository_not_found())
}
