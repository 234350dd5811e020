//! The end of a session: bytes that match a digest become a blob of the repository.

use access::permit::OnRepository;
use fault::Fault;
use meta::{CompleteUpload, CompleteUploadRefusal};
use oci::digest::Digest;

use super::{OwnedUpload, gone_repository, object_key, superseded, upload_not_found};
use crate::Registry;
use crate::blob_error::open_error;
use access::error::{Code, Error, Result};
use access::op::Effect;
use access::store::RefusedExt as _;

impl Registry {
    /// Verifies the bytes against the digests (one must match) and ends the session with a linked blob.
    pub(crate) async fn complete<E: Effect<On = OnRepository>>(
        &self,
        upload: &OwnedUpload<E>,
        digests: &[Digest],
    ) -> Result<Digest> {
        let ctx = &upload.asked.ctx;
        let repository = upload.permit.repository();
        let Some(digest) = self.matching_digest(upload, digests).await? else {
            // The bytes can become nothing else: the session ends here, and its file goes.
            self.discard(repository, &upload.row.id, ctx.at()).await?;
            return Err(Error::new(
                Code::InvalidLayer,
                "None of the provided layer digests match the calculated layer digest",
            ));
        };
        fault::hit(Fault::BeforeCompleteUpload);
        let complete = CompleteUpload {
            repository,
            id: upload.row.id.clone(),
            expected_version: upload.row.version,
            digest,
            size: upload.row.offset,
            object_id: self.access.ids.next(ctx.now),
            at: ctx.at(),
            op: ctx.operation_id.clone(),
        };
        let completed = self.access.meta.write(complete).await.or_refused(|refusal| match refusal {
            CompleteUploadRefusal::NotFound => upload_not_found(&upload.permit, &upload.row.id),
            CompleteUploadRefusal::Stale { offset } => superseded(offset),
            CompleteUploadRefusal::RepositoryGone => gone_repository(&upload.permit),
        })?;
        fault::hit(Fault::AfterCompleteUpload);
        Ok(completed.blob.digest)
    }

    async fn matching_digest<E: Effect<On = OnRepository>>(
        &self,
        upload: &OwnedUpload<E>,
        digests: &[Digest],
    ) -> Result<Option<Digest>> {
        let (row, stage) = (&upload.row, self.stage(upload)?);
        let key = object_key(row)?;
        self.blobs.finish(&key, &stage).await.map_err(open_error)?;
        let mut computed = vec![stage.digest()];
        for digest in digests {
            if !computed.iter().any(|known| known.algorithm() == digest.algorithm()) {
                // Named with another algorithm only now: the bytes have to be read again, however many digests
                // of it a request lists, only once.
                let again = self.blobs.rehash(&key, digest.algorithm(), row.offset).await;
                computed.push(again.map_err(open_error)?);
            }
            if computed.contains(digest) {
                return Ok(Some(*digest));
            }
        }
        Ok(None)
    }
}
