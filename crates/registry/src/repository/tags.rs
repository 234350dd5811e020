//! The resource tags of a repository.

use access::error::{Code, Error, Result};
use access::op::ecr;
use access::permit::Permit;
use access::quota;
use access::store::{ListTagsForResource, RefusedExt as _, TagResource, TagResourceRefusal, UntagResource};

/// Adds tags.
pub(crate) async fn add(permit: &Permit<ecr::TagResource>, tags: Vec<(String, String)>) -> Result<()> {
    let (limit, at) = (quota::TAGS_PER_REPOSITORY.most(), permit.decided_at());
    let write = permit.write(|repository| TagResource { repository, tags, limit, at });
    write.await.or_refused(|refusal| match refusal {
        TagResourceRefusal::NotFound => permit.repository_not_found(),
        TagResourceRefusal::TooMany => quota::TAGS_PER_REPOSITORY.exceeded(),
        TagResourceRefusal::SameButForCase => Error::new(
            Code::InvalidTagParameter,
            "Two tags of a repository cannot have keys that differ only in case.",
        ),
    })?;
    Ok(())
}

/// Removes tags.
pub(crate) async fn remove(permit: &Permit<ecr::UntagResource>, keys: Vec<String>) -> Result<()> {
    let at = permit.decided_at();
    let write = permit.write(|repository| UntagResource { repository, keys, at });
    write.await.or_refused(|_gone| permit.repository_not_found())?;
    Ok(())
}

/// The tags.
pub(crate) async fn list(permit: &Permit<ecr::ListTagsForResource>) -> Result<Vec<(String, String)>> {
    permit.read(|repository| ListTagsForResource { repository }).await
}
