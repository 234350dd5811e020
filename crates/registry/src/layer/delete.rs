//! Deletes a blob from a repository.

use access::context::{Ctx, RepositoryRef};
use access::error::{Code, Error, Result};
use access::op::ecr;
use access::store::{RefusedExt as _, Target, UnlinkBlob, UnlinkBlobRefusal};
use oci::digest::Digest;

use super::blob_unknown;
use crate::Registry;

impl Registry {
    /// Deletes a blob from the repository. A blob that a manifest needs cannot be deleted.
    pub async fn delete_blob(&self, ctx: &Ctx, repository: &RepositoryRef, digest: &Digest) -> Result<()> {
        let gate = self.access.gate(ctx, repository, Target::None).await?;
        let permit = gate.permit::<ecr::BatchDeleteImage>()?;
        let unlink = permit.write(|repository| UnlinkBlob { repository, digest: *digest, at: ctx.at() });
        unlink.await.or_refused(|refusal| match refusal {
            UnlinkBlobRefusal::NotFound => blob_unknown(),
            UnlinkBlobRefusal::InUse => Error::new(
                Code::BlobInUse,
                "A manifest of this repository needs the blob. Delete the manifest first.",
            ),
        })
    }
}
