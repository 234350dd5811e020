//! The ID of the store: a small object beside the others; see `disk::store_id`.

use std::io;

use object_store::ObjectStoreExt as _;

use super::{S3Store, error};
use crate::key::ObjectKey;

impl S3Store {
    /// The ID of the store in this bucket, if there is one.
    pub async fn store_id(&self) -> io::Result<Option<String>> {
        let Some(text) = self.read_record(&self.keys.store_id()).await? else { return Ok(None) };
        let text = String::from_utf8(text.to_vec()).unwrap_or_default();
        let id: Result<ObjectKey, _> = text.trim().parse();
        id.map(|id| Some(id.to_string())).map_err(|_| io::Error::other("the object store-id has no valid ID"))
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
}
