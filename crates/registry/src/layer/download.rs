//! Reads blobs. A blob is readable only through a repository that links it.

use access::context::{Ctx, RepositoryRef};
use access::error::Result;
use access::op::ecr;
use access::permit::Permit;
use access::store::Target;
use aws::ids::AccountId;
use oci::digest::Digest;

pub use super::availability::BlobStat;
use super::blob_unknown;
pub use super::bytes::ContentStream;
use super::bytes::{Content, LayerBytes};
use crate::Registry;

/// The permission to read one blob's bytes.
pub struct BlobHandle {
    /// The blob's digest and size.
    pub stat: BlobStat,
    /// The unique ID of the principal that reads it.
    pub reader: String,
    /// The account of that principal.
    pub account_id: AccountId,
    permit: Permit<ecr::GetDownloadUrlForLayer>,
    bytes: LayerBytes,
}

impl BlobHandle {
    /// The bytes `[start, start + len)`. The caller has checked them against the size.
    pub async fn open(&self, start: u64, len: u64) -> Result<Content> {
        let row = self.permit.blob().ok_or_else(blob_unknown)?;
        self.bytes.open(&self.permit, row, start, len).await
    }
}

impl Registry {
    /// The permission to read a blob.
    pub async fn get_blob(
        &self,
        ctx: &Ctx,
        repository: &RepositoryRef,
        digest: &Digest,
    ) -> Result<BlobHandle> {
        let gate = self.access.gate(ctx, repository, Target::Blob(*digest)).await?;
        self.blob_handle(gate.permit()?)
    }

    /// The blob of the permit's request.
    pub(super) fn blob_handle(&self, permit: Permit<ecr::GetDownloadUrlForLayer>) -> Result<BlobHandle> {
        let stat = permit.blob().ok_or_else(blob_unknown)?.into();
        let reader = permit.caller();
        Ok(BlobHandle {
            stat,
            reader: reader.unique_id.clone(),
            account_id: reader.account_id.clone(),
            permit,
            bytes: self.bytes.clone(),
        })
    }
}
