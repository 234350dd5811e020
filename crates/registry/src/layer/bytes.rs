//! The bytes of layers, behind permits: `access::effects` says which permit opens which use of them. No other file of this
//! crate names the blob store.

use ::blob::{AppendError, ObjectKey, OpenError, Store};
pub use ::blob::{Appended, Content, ContentStream};
use access::effects::OpensBytes;
use access::effects::bytes::{Append, Create, Delete, Hash, Read};
use access::error::{Code, Error, Result};
use access::permit::Permit;
use access::store::{BlobRow, UploadRow};
use bytes::Bytes;
use futures::Stream;
use oci::digest::{Algorithm, Digest, Hasher};

use super::upload::BodyError;

/// The bytes of all layers. Cheap to clone.
#[derive(Clone)]
pub struct LayerBytes(Store);

impl From<Store> for LayerBytes {
    fn from(store: Store) -> Self {
        Self(store)
    }
}

impl LayerBytes {
    /// A key for an object that is to be written.
    pub(crate) fn new_key() -> String {
        ObjectKey::random().to_string()
    }

    /// Appends to an upload where its row says that it ends. A body that ends early gives what was written until then,
    /// and why.
    pub(crate) async fn append<G, S>(
        &self,
        _permit: &Permit<G>,
        row: &UploadRow,
        body: &mut S,
        limit: u64,
    ) -> Result<(Appended, Option<BodyError>)>
    where
        G: OpensBytes<Append>,
        S: Stream<Item = std::result::Result<Bytes, BodyError>> + Unpin + Send,
    {
        let hasher = match &row.hash_state {
            Some(state) => Hasher::restore(state).ok_or_else(|| Error::internal(BadHashState))?,
            None => Hasher::new(row.algorithm),
        };
        match self.0.append(&key(&row.object_key)?, row.offset, hasher, body, Some(limit)).await {
            Ok(appended) => Ok((appended, None)),
            Err(AppendError::Body { appended, source }) => Ok((*appended, Some(source))),
            Err(AppendError::TooLarge { limit }) => {
                Err(Error::new(Code::SizeInvalid, format!("A layer may hold at most {limit} bytes.")))
            }
            Err(AppendError::DiskFull(error) | AppendError::Io(error)) => Err(failed(error)),
            Err(error @ AppendError::Missing { .. }) => Err(Error::internal(error)),
        }
    }

    /// Creates the empty object of an upload without bytes.
    pub(crate) async fn create_empty<G: OpensBytes<Create>>(
        &self,
        _permit: &Permit<G>,
        row: &UploadRow,
    ) -> Result<()> {
        let mut nothing = futures::stream::empty::<std::result::Result<Bytes, BodyError>>();
        let (key, hasher) = (key(&row.object_key)?, Hasher::new(row.algorithm));
        self.0.append(&key, 0, hasher, &mut nothing, None).await.map(|_| ()).map_err(Error::internal)
    }

    /// Reads the bytes of an upload again, for a digest whose algorithm was named only at the end.
    pub(crate) async fn hash<G: OpensBytes<Hash>>(
        &self,
        _permit: &Permit<G>,
        row: &UploadRow,
        algorithm: Algorithm,
    ) -> Result<Digest> {
        self.0.rehash(&key(&row.object_key)?, algorithm, row.offset).await.map_err(unreadable)
    }

    /// The bytes `[start, start + len)` of a blob.
    pub(crate) async fn open<G: OpensBytes<Read>>(
        &self,
        _permit: &Permit<G>,
        row: &BlobRow,
        start: u64,
        len: u64,
    ) -> Result<Content> {
        self.0.open(&key(&row.object_key)?, start, len).await.map_err(unreadable)
    }

    /// Deletes an object whose row is gone.
    pub(crate) async fn delete<G: OpensBytes<Delete>>(
        &self,
        _permit: &Permit<G>,
        object: &str,
    ) -> Result<()> {
        self.0.delete(&key(object)?).await.map(|_| ()).map_err(failed)
    }
}

fn key(text: &str) -> Result<ObjectKey> {
    text.parse().map_err(Error::internal)
}

/// The error for a blob whose row is there and whose bytes cannot be read.
fn unreadable(error: OpenError) -> Error {
    Error::internal(error)
}

/// The error for a failure of the blob store.
fn failed(error: std::io::Error) -> Error {
    use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    if matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge) {
        tracing::error!(%error, "the blob store has no space left");
        return Error::new(Code::OutOfSpace, "The registry has no space left. Tell its operator.");
    }
    Error::internal(error)
}

#[derive(Debug, thiserror::Error)]
#[error("the stored hash state of an upload does not open")]
struct BadHashState;
