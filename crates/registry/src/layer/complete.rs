//! The end of an upload session: bytes that match a digest become a blob of the repository.

use access::error::{Code, Error, Result};
use access::op::ecr::CompleteLayerUpload;
use access::storage_quota::More;
use access::store::{CompleteUpload, CompleteUploadRefusal, RefusedExt as _, UploadRow};
use fault::Fault;
use oci::digest::Digest;

use super::permits::{Complete, Has, upload_not_found};
use super::upload::{OwnedUpload, discard, superseded};
use crate::Registry;

impl Registry {
    /// Verifies the bytes against the digests (one must match) and ends the session with a linked blob.
    pub(crate) async fn complete<P: Has<CompleteLayerUpload>>(
        &self,
        upload: &OwnedUpload<P>,
        digests: &[Digest],
    ) -> Result<Digest> {
        let (ctx, row, permit) = (&upload.asked.ctx, &upload.row, upload.permits.permit());
        let Some(digest) = self.matching_digest(permit, row, digests).await? else {
            // The bytes cannot be used for anything else: the session ends here, and its file is removed.
            discard(permit, &row.id, ctx.at()).await?;
            return Err(Error::new(
                Code::InvalidLayer,
                "None of the provided layer digests match the calculated layer digest",
            ));
        };
        // The length of a part may not have been declared.
        let more = More::Uploaded { recorded: row.offset, added: 0 };
        if let Err(error) = self.access.hold_storage(&upload.asked.repository, more).await {
            discard(permit, &row.id, ctx.at()).await?;
            return Err(error);
        }
        fault::hit(Fault::BeforeCompleteUpload);
        let complete = |repository| CompleteUpload {
            repository,
            id: row.id.clone(),
            expected_version: row.version,
            digest,
            size: row.offset,
            peer: ctx.of_peer.as_deref().map(str::to_owned),
            object_id: self.access.ids.next(ctx.now),
            at: ctx.at(),
            op: ctx.operation_id.clone(),
        };
        let completed = permit.write(complete).await.or_refused(|refusal| match refusal {
            CompleteUploadRefusal::NotFound => upload_not_found(permit, &row.id),
            CompleteUploadRefusal::Stale { offset } => superseded(offset),
            CompleteUploadRefusal::RepositoryGone => permit.repository_not_found(),
        })?;
        fault::hit(Fault::AfterCompleteUpload);
        Ok(completed.blob.digest)
    }

    async fn matching_digest(
        &self,
        permit: &Complete,
        row: &UploadRow,
        digests: &[Digest],
    ) -> Result<Option<Digest>> {
        let mut computed = vec![self.bytes.finish(permit, row).await?];
        for digest in digests {
            if !computed.iter().any(|known| known.algorithm() == digest.algorithm()) {
                // The algorithm was given only now, so the bytes must be read again; only once, however many digests
                // with it the request lists.
                computed.push(self.bytes.hash(permit, row, digest.algorithm()).await?);
            }
            if computed.contains(digest) {
                return Ok(Some(*digest));
            }
        }
        Ok(None)
    }
}
