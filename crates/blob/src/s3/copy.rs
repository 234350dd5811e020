//! Copies objects inside the bucket. The server copies up to 5 GiB by itself; larger objects pass through this node.

use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use object_store::multipart::{MultipartStore as _, PartId};
use object_store::path::Path;
use object_store::{MultipartId, ObjectStoreExt as _, PutPayload};
use oci::digest::{Algorithm, Digest};

use super::{S3Store, error};
use crate::content::{ContentStream, OpenError};
use crate::key::ObjectKey;

/// The largest object that S3 copies in one request.
const COPIED_BY_SERVER: u64 = 5 * 1024 * 1024 * 1024;

impl S3Store {
    pub(crate) async fn copy(
        &self,
        from: &ObjectKey,
        to: &ObjectKey,
        algorithm: Algorithm,
        size: u64,
    ) -> Result<Digest, OpenError> {
        self.check_place(to).map_err(OpenError::Io)?;
        self.copy_bytes(from, &self.keys.object(to), size).await?;
        self.rehash(to, algorithm, size).await
    }

    /// Copies the first `size` bytes of an object to another key.
    pub(super) async fn copy_bytes(&self, from: &ObjectKey, to: &Path, size: u64) -> Result<(), OpenError> {
        let len = self.len(from).await.map_err(OpenError::Io)?.ok_or(OpenError::Missing)?;
        if len < size {
            return Err(OpenError::Truncated { wanted: size, len });
        }
        if len == size && size <= COPIED_BY_SERVER {
            return self.client.copy(&self.keys.object(from), to).await.map_err(error::open);
        }
        let stream = self.open(from, 0, size).await?.into_stream();
        let id = self.client.create_multipart(to).await.map_err(error::open)?;
        let copied = self.send_copy(stream, to, &id, size).await;
        if copied.is_err() {
            // The error of the copy is more useful than one of this.
            let _ = self.client.abort_multipart(to, &id).await;
        }
        copied
    }

    async fn send_copy(
        &self,
        mut stream: ContentStream,
        to: &Path,
        id: &MultipartId,
        size: u64,
    ) -> Result<(), OpenError> {
        let part_bytes = self.part_bytes_of(size);
        let _held = self.hold(2 * part_bytes).await.map_err(OpenError::Io)?;
        let part_bytes = usize::try_from(part_bytes).unwrap_or(usize::MAX);
        let (mut parts, mut buffer) = (Vec::<PartId>::new(), BytesMut::new());
        while let Some(chunk) = stream.next().await {
            buffer.extend_from_slice(&chunk.map_err(OpenError::Io)?);
            while buffer.len() > part_bytes {
                let part = buffer.split_to(part_bytes).freeze();
                parts.push(self.send(to, id, parts.len(), part).await?);
            }
        }
        parts.push(self.send(to, id, parts.len(), buffer.freeze()).await?);
        self.client.complete_multipart(to, id, parts).await.map(drop).map_err(error::open)
    }

    async fn send(
        &self,
        to: &Path,
        id: &MultipartId,
        index: usize,
        part: Bytes,
    ) -> Result<PartId, OpenError> {
        self.client.put_part(to, id, index, PutPayload::from(part)).await.map_err(error::open)
    }
}
