//! The new place of a repository: another name, or another account. Whoever brings it there must be allowed to set there
//! what it brings. Otherwise a policy that was written for one name would allow its author something at another, such as a
//! name below the prefix of a pull-through cache rule.

use access::Access;
use access::context::{Ctx, RepositoryRef};
use access::error::{Code, Error, Result};
use access::op::{Effect as _, ecr};
use access::permit::Permit;
use access::store::{DecidedVersions, GetLifecyclePolicy, ListTagsForResource, LoadRepositoryPolicy, Target};

use crate::ecr::request_tag_keys;

/// Decides at the new place as if the caller created the repository there, with its tags and policies. In another account it
/// also replicates the images there.
pub(crate) async fn decide(
    access: &Access,
    ctx: &Ctx,
    permit: &Permit<ecr::WharfMoveRepository>,
    new: &RepositoryRef,
) -> Result<(Permit<ecr::CreateRepository>, DecidedVersions)> {
    let tags = permit.read(|repository| ListTagsForResource { repository }).await?;
    let policy = permit.read(|repository| LoadRepositoryPolicy { repository }).await?;
    let lifecycle_policy = permit.read(|repository| GetLifecyclePolicy { repository }).await?;
    let keys = request_tag_keys(&tags);
    let gate = access.gate(ctx, new, Target::None).await?;
    let created = gate.permit_with::<ecr::CreateRepository>(keys.clone())?;
    if !tags.is_empty() {
        gate.also_allow(ecr::TagResource::OP, keys)?;
    }
    if policy.document.is_some() {
        gate.allow(ecr::SetRepositoryPolicy::OP)?;
    }
    if lifecycle_policy.is_some() {
        gate.allow(ecr::PutLifecyclePolicy::OP)?;
    }
    if new.account_id != *permit.account() {
        gate.allow(ecr::ReplicateImage::OP)?;
    }
    let decided = DecidedVersions {
        tags: permit.row().tags_version,
        policy: policy.version,
        lifecycle_policy: lifecycle_policy.map(|policy| policy.version),
    };
    Ok((created, decided))
}

/// What was decided on is there no more.
pub(crate) fn settings_changed() -> Error {
    let message = "the tags or policies of the repository were changed at the same time; try again";
    Error::new(Code::Unavailable, message)
}
