//! The ID of the store: a small object beside the others; see `disk::store_id`.

use std::io;
use std::sync::atomic::Ordering;

use object_store::ObjectStoreExt as _;

use super::{S3Store, error};
use crate::content::OpenError;
use crate::key::ObjectKey;
use crate::unavailable::unavailable;

impl S3Store {
    /// The ID of the store in this bucket, if there is one.
    pub async fn store_id(&self) -> io::Result<Option<String>> {
        let Some(text) = self.read_record(&self.keys.store_id()).await? else { return Ok(None) };
        let text = String::from_utf8(text.to_vec()).unwrap_or_default();
        let id: Result<ObjectKey, _> = text.trim().parse();
        let id = id.map_err(|_| io::Error::other("the object store-id has no valid ID"))?;
        self.has_id.store(true, Ordering::Relaxed);
        Ok(Some(id.to_string()))
    }

    /// Gives the store in this bucket another ID.
    pub async fn write_store_id(&self, id: &ObjectKey) -> io::Result<()> {
        let text = format!("{id}\n");
        self.client.put(&self.keys.store_id(), text.into()).await.map(drop).map_err(error::io)
    }

    /// The ID of the store in this bucket. It is created, if there is none.
    pub async fn ensure_store_id(&self) -> io::Result<String> {
        if let Some(id) = self.store_id().await? {
            return Ok(id);
        }
        // If another node has created it at the same time, this returns the ID of that node.
        self.create_record(&self.keys.store_id(), format!("{}\n", ObjectKey::random())).await?;
        self.store_id().await?.ok_or_else(|| io::Error::other("the object store-id cannot be read again"))
    }

    /// The error of an object that the server does not have. A server that has lost the bucket, or another one that answers
    /// in its place, does not have the ID of the store either: then nothing is taken for lost.
    pub(super) async fn missing(&self) -> OpenError {
        if !self.has_id.load(Ordering::Relaxed) {
            return OpenError::Missing;
        }
        match self.version(&self.keys.store_id()).await {
            Ok(Some(_)) => OpenError::Missing,
            Ok(None) => OpenError::Io(unavailable("the bucket does not have the object store-id any more")),
            Err(error) => OpenError::Io(error),
        }
    }
}
