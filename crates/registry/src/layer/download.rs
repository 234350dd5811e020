//! Reads blobs. A blob is readable only through a repository that links it.

use access::context::{Caller, Ctx, RepositoryRef};
use access::error::Result;
use access::op::ecr;
use access::permit::Permit;
use access::store::Target;
use bytes::Bytes;
use oci::digest::Digest;

pub use super::availability::BlobStat;
pub use super::bytes::ContentStream;
use super::bytes::{Content, LayerBytes};
use super::{blob_unknown, readable};
use crate::Registry;
use crate::bodies::{Bodies, SMALL_BLOB_BYTES};

/// The permission to read one blob's bytes.
pub struct BlobHandle {
    /// The blob's digest and size.
    pub stat: BlobStat,
    permit: Permit<ecr::GetDownloadUrlForLayer>,
    bytes: LayerBytes,
    bodies: Bodies,
}

impl BlobHandle {
    /// Who reads it.
    pub fn reader(&self) -> &Caller {
        self.permit.caller()
    }

    /// Whether the whole blob is read into memory and kept there.
    pub fn is_small(&self) -> bool {
        self.stat.size <= SMALL_BLOB_BYTES
    }

    /// All bytes of a small blob that was read recently.
    pub fn kept(&self) -> Option<Bytes> {
        let row = self.permit.blob().filter(|_| self.is_small())?;
        self.bodies.blob(&self.stat.digest, &row.object_key)
    }

    /// Reads all bytes of a small blob, and keeps them.
    pub async fn read(&self) -> Result<Bytes> {
        let row = self.permit.blob().ok_or_else(blob_unknown)?;
        let bytes = self.bytes.read(&self.permit, row).await?;
        self.bodies.keep_blob(self.stat.digest, &row.object_key, bytes.clone());
        Ok(bytes)
    }

    /// A URL of the blob store with which anybody can read the whole blob for a while. None if the node must send it.
    pub async fn signed_url(&self) -> Result<Option<String>> {
        let row = self.permit.blob().ok_or_else(blob_unknown)?;
        if self.is_small() { Ok(None) } else { self.bytes.signed_url(&self.permit, row).await }
    }

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
        let stat = readable(permit.blob())?.into();
        Ok(BlobHandle { stat, permit, bytes: self.bytes.clone(), bodies: self.bodies.clone() })
    }
}
