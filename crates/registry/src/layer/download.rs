//! Reads blobs. A blob is readable only through a repository that links it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use access::context::{Caller, Ctx, RepositoryRef};
use access::error::Result;
use access::op::ecr;
use access::permit::Permit;
use access::store::Target;
use bytes::Bytes;
use futures::Stream;
use oci::digest::Digest;

pub use super::availability::BlobStat;
use super::bytes::{ContentStream, LayerBytes};
pub use super::bytes::{UnreadPart, failed, unread_part};
use super::{blob_unknown, readable};
use crate::Registry;
use crate::bodies::{Bodies, SMALL_BLOB_BYTES};
use crate::pull_through::{Arrival, ArrivingStream};

/// The permission to read one blob's bytes.
pub struct BlobHandle {
    /// The blob's digest and size.
    pub stat: BlobStat,
    permit: Arc<Permit<ecr::GetDownloadUrlForLayer>>,
    bytes: LayerBytes,
    bodies: Bodies,
    /// The blob is still arriving from an upstream registry.
    arrival: Option<Arc<Arrival>>,
}

/// The bytes of a blob, or of a part of it, in chunks of a limited size.
pub enum BlobStream {
    /// Of a stored blob.
    Stored(ContentStream),
    /// Of a blob that is still arriving from an upstream registry.
    Arriving(Arriving),
}

/// Bytes of a blob that is still arriving.
pub struct Arriving(ArrivingStream);

impl BlobStream {
    /// Limits the size of chunks that are not being read yet.
    pub fn limit_chunk(&mut self, bytes: usize) {
        match self {
            Self::Stored(content) => content.limit_chunk(bytes),
            Self::Arriving(Arriving(content)) => content.limit_chunk(bytes),
        }
    }

    /// Leaves chunks of a local file unread: see [`unread_part`]. The stream must live until they are sent.
    pub fn allow_unread(&mut self) {
        if let Self::Stored(content) = self {
            content.allow_unread();
        }
    }

    /// The memory that the connection to a store holds in addition to the last chunk, unless the stream is narrow.
    pub fn ahead(&self) -> u64 {
        match self {
            Self::Stored(content) => content.ahead(),
            Self::Arriving(_) => 0,
        }
    }

    /// In a narrow stream of a store on another server each chunk is a request of its own, and nothing is read ahead.
    pub fn set_narrow(&mut self, narrow: bool) {
        if let Self::Stored(content) = self {
            content.set_narrow(narrow);
        }
    }

    /// The number of remaining bytes.
    pub fn remaining(&self) -> u64 {
        match self {
            Self::Stored(content) => content.remaining(),
            Self::Arriving(Arriving(content)) => content.remaining(),
        }
    }
}

impl Stream for BlobStream {
    type Item = io::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.get_mut() {
            Self::Stored(content) => Pin::new(content).poll_next(cx),
            Self::Arriving(Arriving(content)) => Pin::new(content).poll_next(cx),
        }
    }
}

impl BlobHandle {
    /// Who reads it.
    pub fn reader(&self) -> &Caller {
        self.permit.caller()
    }

    /// Whether the whole blob is read into memory and kept there.
    pub fn is_small(&self) -> bool {
        self.stat.size <= SMALL_BLOB_BYTES && self.arrival.is_none()
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
        // A blob that is still arriving has no row.
        let Some(row) = self.permit.blob().filter(|_| self.arrival.is_none() && !self.is_small()) else {
            return Ok(None);
        };
        self.bytes.signed_url(&self.permit, row).await
    }

    /// The bytes `[start, start + len)`. The caller has checked them against the size.
    pub async fn open(&self, start: u64, len: u64) -> Result<BlobStream> {
        if let Some(arrival) = &self.arrival {
            let (permit, arrival) = (Arc::clone(&self.permit), Arc::clone(arrival));
            let stream = ArrivingStream::new(permit, self.bytes.clone(), arrival, (start, len));
            return Ok(BlobStream::Arriving(Arriving(stream)));
        }
        let row = self.permit.blob().ok_or_else(blob_unknown)?;
        Ok(BlobStream::Stored(self.bytes.open(&self.permit, row, start, len).await?.into_stream()))
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
        let permit = gate.permit()?;
        if permit.blob().is_some() {
            return self.blob_handle(permit);
        }
        if gate.registry_with_cache().is_none() {
            return Err(blob_unknown());
        }
        let Some(arrival) = self.arriving(ctx, (repository, &gate), &permit, digest).await? else {
            let gate = self.access.gate(&ctx.later(), repository, Target::Blob(*digest)).await?;
            return self.blob_handle(gate.permit()?);
        };
        Ok(BlobHandle {
            stat: BlobStat { digest: *digest, size: arrival.size },
            permit: Arc::new(permit),
            bytes: self.bytes.clone(),
            bodies: self.bodies.clone(),
            arrival: Some(arrival),
        })
    }

    /// The blob of the permit's request.
    pub(super) fn blob_handle(&self, permit: Permit<ecr::GetDownloadUrlForLayer>) -> Result<BlobHandle> {
        let stat = readable(permit.blob())?.into();
        let permit = Arc::new(permit);
        Ok(BlobHandle { stat, permit, bytes: self.bytes.clone(), bodies: self.bodies.clone(), arrival: None })
    }
}
