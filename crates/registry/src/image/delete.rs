//! Deletes images and tags, for both APIs.

use access::context::{Ctx, RepositoryRef};
use access::error::{Code, Error, Result};
use access::op::ecr;
use access::permit::Permit;
use access::store::{
    BatchDeleteImage, DeleteItem, DeleteOutcome, DeleteTag, DeleteTagRefusal, RefusedExt as _, Target,
};
use fault::Fault;
use oci::digest::Digest;
use oci::name::Tag;

use super::protection::protected;
use super::{join, manifest_unknown};
use crate::Registry;

/// The only way to delete images of a repository: by digest, or by tag. An image is deleted with its last tag. An image
/// in an index cannot be deleted.
pub(crate) async fn delete_images(
    ctx: &Ctx,
    permit: &Permit<ecr::BatchDeleteImage>,
    items: Vec<DeleteItem>,
) -> Result<Vec<DeleteOutcome>> {
    fault::hit(Fault::BeforeDeleteImage);
    let deleted = permit.write(|repository| BatchDeleteImage {
        repository,
        items,
        at: ctx.at(),
        tag_delete_removes_untagged_image: true,
        refuse_if_referenced: true,
    });
    let deleted = deleted.await.or_refused(|_gone| permit.repository_not_found());
    fault::hit(Fault::AfterDeleteImage);
    deleted
}

impl Registry {
    /// Deletes a manifest and its tags.
    pub async fn delete_manifest(
        &self,
        ctx: &Ctx,
        repository: &RepositoryRef,
        digest: &Digest,
    ) -> Result<()> {
        let permit = self.access.gate(ctx, repository, Target::None).await?.permit()?;
        let outcomes = delete_images(ctx, &permit, vec![DeleteItem::ByDigest(*digest)]).await?;
        match outcomes.into_iter().next() {
            Some(DeleteOutcome::Removed(_)) => Ok(()),
            Some(DeleteOutcome::ReferencedByList(lists)) => Err(Error::new(
                Code::ManifestReferenced,
                format!("Requested image referenced by manifest list: [{}]", join(&lists)),
            )),
            Some(DeleteOutcome::Protected(by)) => Err(protected(&by)),
            Some(DeleteOutcome::NotFound | DeleteOutcome::TagDigestMismatch) | None => {
                Err(manifest_unknown())
            }
        }
    }

    /// Removes a tag. The manifest stays (distribution specification, "Deleting tags").
    pub async fn delete_tag(&self, ctx: &Ctx, repository: &RepositoryRef, tag: &Tag) -> Result<()> {
        let gate = self.access.gate(ctx, repository, Target::None).await?;
        let permit = gate.permit::<ecr::BatchDeleteImage>()?;
        let delete = permit.write(|repository| DeleteTag { repository, tag: tag.clone(), at: ctx.at() });
        let deleted = delete.await.or_refused(|refusal| match refusal {
            DeleteTagRefusal::NotFound => manifest_unknown(),
            DeleteTagRefusal::Protected(by) => protected(&by),
        });
        deleted.map(|_digest| ())
    }
}
